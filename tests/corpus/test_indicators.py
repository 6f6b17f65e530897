"""Records in and out: each person gets the library as if what he may not see were not in it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from corpus import indicators
from corpus.access import Actor
from corpus.errors import Conflict, NotFound
from corpus.indicators import Codes, Revision, indicator_id
from corpus.model import Indicator, Owner, Status, Use, Visibility, category
from corpus.store import Store

Make = Callable[..., Indicator]
OPEN, SHUT = Visibility.PUBLIC, Visibility.RESTRICTED
KINDERGARTEN, BUDGET, KIRIN, PHOENIX, RETIRED, DRAFT = (
    indicator_id(code) for code in ("2100001", "2100002", "2190001", "2190002", "2200001", "2200002")
)


def test_what_was_put_is_what_comes_back(store: Store, make: Make) -> None:
    indicators.add_taxonomy(store, [USE := Use("2050201", "教育", "普通教育", "学前教育保障")], [
        Owner("州教育体育局", "州级", "教育")
    ])  # fmt: skip
    given = [
        make("2100001", "甲", use=USE, keywords=(), definition="含“引号”、\n换行和😀", replaced_by="x"),
        make("2190001", "乙", use=USE, visibility=SHUT, restricted_reason="涉密", keywords=("一", "二 三")),
    ]
    written = indicators.put(store, given, actor="甲", action="import", detail="测试")
    at = written[0].updated
    assert written == [replace(i, revision=1, updated=at) for i in given]
    assert list(indicators.everything(store)) == written
    assert [c.record_id for c in store.changes_since(0)] == [i.id for i in given]


def test_get_by_id_and_by_code(library: Store, cast: Any) -> None:
    by_id = indicators.get(library, KINDERGARTEN, cast.public)
    assert (by_id.name, indicators.get(library, "2100001", cast.public)) == ("新建幼儿园数量", by_id)


def test_who_gets_which_record(library: Store, cast: Any) -> None:
    def names(actor: Actor) -> list[str]:
        found = []
        for id in (KINDERGARTEN, KIRIN, PHOENIX):
            try:
                found.append(indicators.get(library, id, actor).name[:2])
            except NotFound:
                found.append("")
        return found

    assert [names(actor) for actor in cast] == [
        ["新建", "", ""],
        ["新建", "麒麟", ""],
        ["新建", "", ""],
        ["新建", "", ""],
        ["新建", "麒麟", "凤凰"],
    ]


def test_a_record_one_may_not_see_is_not_told_from_one_that_is_not_there(library: Store, cast: Any) -> None:
    def failure(call: Callable[[Store, str, Actor], object], key: str, actor: Actor) -> object:
        with pytest.raises(NotFound) as caught:
            call(library, key, actor)
        return caught.value.status, caught.value.as_json()

    for actor in cast[:4]:
        for call in (indicators.get, indicators.history):
            unknown = failure(call, "0000000000", actor)
            assert [failure(call, key, actor) for key in (PHOENIX, "2190002", "2199999", "")] == [unknown] * 4


def test_fetch_keeps_the_order_and_leaves_out_what_may_not_be_seen(library: Store, cast: Any) -> None:
    asked = [PHOENIX, BUDGET, "0000000000", RETIRED, DRAFT, KIRIN, KINDERGARTEN]
    assert [[i.id for i in indicators.fetch(library, asked, actor)] for actor in cast] == [
        [BUDGET, KINDERGARTEN],
        [BUDGET, KIRIN, KINDERGARTEN],
        [BUDGET, KINDERGARTEN],
        [BUDGET, KINDERGARTEN],
        [PHOENIX, BUDGET, KIRIN, KINDERGARTEN],
    ]
    assert indicators.fetch(library, [], cast.admin) == []


def test_export_holds_what_the_person_may_see_and_the_open_edition_public_records(library: Store, cast: Any) -> None:
    def codes(actor: Actor, edition: str) -> list[str]:
        return [i.code for i in indicators.export(library, actor, edition=edition)]

    public = ["2100001", "2100002"]
    assert [codes(actor, "open") for actor in cast] == [public] * 5
    assert [codes(actor, "full") for actor in cast] == [
        public, [*public, "2190001"], public, public, [*public, "2190001", "2190002"],
    ]  # fmt: skip


def test_index_editions_and_current(library: Store) -> None:
    def ids(found: object) -> list[str]:
        return [i.id for i in found]  # type: ignore[attr-defined]

    assert ids(indicators.active(library, "open")) == [BUDGET, KINDERGARTEN]
    assert ids(indicators.active(library, "full")) == [BUDGET, KINDERGARTEN, KIRIN, PHOENIX]
    assert ids(indicators.current(library, [RETIRED, KIRIN, "0000000000"])) == [KIRIN, RETIRED]
    assert ids(indicators.current(library, [])) == []


def test_history_newest_first_and_only_for_who_may_see_the_record(library: Store, cast: Any) -> None:
    department = cast.department
    kirin = indicators.get(library, KIRIN, department)
    indicators.put(library, [replace(kirin, name="麒麟改名")], actor="教体局经办", action="edit", detail="改名")
    changed = indicators.get(library, KIRIN, department)
    assert (changed.name, changed.revision) == ("麒麟改名", 2)
    assert indicators.history(library, "2190001", department) == [
        Revision(2, changed.updated, "教体局经办", "edit"),
        Revision(1, kirin.updated, "建库", "import"),
    ]
    with pytest.raises(NotFound):
        indicators.history(library, KIRIN, cast.public)


def test_a_code_of_another_record_is_a_conflict_and_nothing_is_written(library: Store, make: Make) -> None:
    before = list(library.db.conn.iterdump())
    records = [make("2100009", "好的一条"), replace(make("2100001", "抢占代码"), id="ffffffffff")]
    with pytest.raises(Conflict) as caught:
        indicators.put(library, records, actor="甲", action="import", detail="")
    assert caught.value.as_json() == {
        "error": {
            "code": "conflict",
            "message": "指标代码 2100001 已被其他指标使用，请换一个代码或留空由系统编号。",
            "field": "code",
        }
    }
    assert list(library.db.conn.iterdump()) == before


def test_two_new_records_of_one_code_are_a_conflict(library: Store, make: Make) -> None:
    records = [make("2100009", "甲"), replace(make("2100009", "乙"), id="ffffffffff")]
    with pytest.raises(Conflict):
        indicators.put(library, records, actor="甲", action="import", detail="")


def test_public_codes_are_the_same_with_and_without_restricted_records(store: Store, make: Make) -> None:
    """A gap in the public series would tell that something stands there."""
    indicators.add_taxonomy(store, [make("2100001", "").use], [Owner("州教育体育局", "州级", "")])  # type: ignore[list-item]
    codes = Codes(store)
    order = [OPEN, SHUT, OPEN, SHUT, SHUT, OPEN]
    taken = [codes.take(category("数量"), v) for v in order]
    assert taken == ["2100001", "2190001", "2100002", "2190002", "2190003", "2100003"]
    records = [make(c, f"指标{c}", visibility=v) for c, v in zip(taken, order, strict=True)]
    indicators.put(store, records, actor="", action="import", detail="")
    codes = Codes(store)
    assert [codes.take(category(k), v) for k in ("数量", "质量") for v in (OPEN, SHUT)] == [
        "2100004", "2190004", "2200001", "2290001",
    ]  # fmt: skip


def test_a_code_stays_taken_when_its_record_changes_visibility(library: Store, cast: Any) -> None:
    """The next code must never be one in use: the import would overwrite that record."""
    for code, visibility in (("2100002", SHUT), ("2190002", OPEN)):
        record = indicators.get(library, code, cast.admin)
        indicators.put(library, [replace(record, visibility=visibility)], actor="", action="edit", detail="")
    codes = Codes(library)
    assert [codes.take(category("数量"), v) for v in (OPEN, SHUT)] == ["2100003", "2190003"]


def test_codes_of_departments_and_reserved_ones_are_left_alone(library: Store, make: Make) -> None:
    own = [make("21-甲-1", "自编一"), make("2100abc", "自编二"), make("210000999", "自编三")]
    indicators.put(library, own, actor="", action="import", detail="")
    codes = Codes(library, reserved=["2100003", "2100005"])
    assert [codes.take(category("数量"), OPEN) for _ in range(3)] == ["2100004", "2100006", "2100007"]


def test_taxonomy_and_owners_are_added_and_brought_up_to_date(library: Store) -> None:
    indicators.add_taxonomy(
        library,
        [Use("2050201", "教育", "普通教育", "学前教育"), Use("9010101", "新领域", "新行业", "新用途")],
        [Owner("州公安局", "省级直管", "公共安全"), Owner("州新局", "州级", "新领域")],
    )
    assert indicators.uses(library) == [
        Use("2050201", "教育", "普通教育", "学前教育"),
        Use("2140101", "交通运输", "公路建设", "农村公路建设"),
        Use("9010101", "新领域", "新行业", "新用途"),
    ]
    assert indicators.owners(library) == [
        Owner("州教育体育局", "州级", "教育"),
        Owner("州公安局", "省级直管", "公共安全"),
        Owner("州新局", "州级", "新领域"),
    ]
    assert indicators.use(library, "9010101") == Use("9010101", "新领域", "新行业", "新用途")
    assert indicators.use(library, "0000000") is None


def test_ids_last_and_do_not_count(library: Store) -> None:
    """An id is made from the code alone; neighbours in the series have nothing in common."""
    assert [indicator_id(c) for c in ("2100001", "2190001")] == [KINDERGARTEN, KIRIN]
    assert {len(i.id) for i in indicators.everything(library)} == {10}
    assert indicator_id("2100001") == "a69a634c81"


def test_a_retired_record_is_still_found_by_its_address(library: Store, cast: Any) -> None:
    found = indicators.get(library, RETIRED, cast.public)
    assert (found.status, found.replaced_by) == (Status.RETIRED, KINDERGARTEN)


# Records in memory


def reads(store: Store) -> list[str]:
    """The statements that read whole records from now on."""
    seen: list[str] = []
    store.db.conn.set_trace_callback(lambda sql: seen.append(sql) if "restricted_reason" in sql else None)
    return seen


def test_records_are_read_once_and_asked_for_by_everybody_each_time(library: Store, cast: Any) -> None:
    ids = [KIRIN, PHOENIX, BUDGET, RETIRED, DRAFT, KINDERGARTEN, "0000000000"]
    first = [indicators.fetch(library, ids, actor) for actor in cast]
    seen = reads(library)
    whole = [KIRIN, PHOENIX, BUDGET, KINDERGARTEN]
    assert [i.id for i in indicators.fetch(library, whole, cast.admin)] == whole
    assert indicators.fetch(library, [BUDGET], cast.public) == [first[0][0]]
    assert seen == []
    assert [indicators.fetch(library, ids, actor) for actor in cast] == first
    assert [[i.id for i in indicators.fetch(library, whole, actor)] for actor in cast] == [
        [i.id for i in found] for found in first
    ]
    assert [i.id for i in first[0]] == [BUDGET, KINDERGARTEN]


@pytest.mark.parametrize("other_process", [False, True])
def test_a_change_is_seen_by_the_next_reader(library: Store, cast: Any, other_process: bool) -> None:
    writer = Store.open(library.folder) if other_process else library
    record, other = indicators.fetch(library, [KINDERGARTEN, BUDGET], cast.public)
    changes: list[dict[str, Any]] = [
        {"scoring": "另一种评分"}, {"visibility": SHUT}, {"visibility": OPEN}, {"status": Status.RETIRED},
        {"status": Status.ACTIVE},
    ]  # fmt: skip
    now = record
    for change in changes:
        now = replace(now, **change)
        (written,) = indicators.put(writer, [now], actor="", action="edit", detail="")
        there = now.status is Status.ACTIVE
        assert indicators.fetch(library, [KINDERGARTEN, BUDGET], cast.admin) == [written, other][not there :]
        assert indicators.fetch(library, [KINDERGARTEN], cast.public) == [written][: there and now.visibility is OPEN]
    if other_process:
        writer.close()


def test_what_is_undone_was_never_seen_by_others(library: Store, cast: Any) -> None:
    (record,) = indicators.fetch(library, [KINDERGARTEN], cast.public)

    def write_and_fail(name: str) -> None:
        with library.writing():
            indicators.put(library, [replace(record, name=name)], actor="", action="edit", detail="")
            assert indicators.fetch(library, [KINDERGARTEN], cast.public)[0].name == name
            raise ZeroDivisionError

    for name in ("撤回的", "另一个"):
        with pytest.raises(ZeroDivisionError):
            write_and_fail(name)
        assert indicators.fetch(library, [KINDERGARTEN], cast.public) == [record]
    # The number in the feed that was taken back is given to another change.
    (written,) = indicators.put(library, [replace(record, name="新的")], actor="", action="edit", detail="")
    assert indicators.fetch(library, [KINDERGARTEN], cast.public) == [written]


def test_one_view_stays_one_view(library: Store, cast: Any) -> None:
    other = Store.open(library.folder)
    (record,) = indicators.fetch(library, [KINDERGARTEN], cast.public)
    with library.reading():
        assert library.head() == 6
        (written,) = indicators.put(other, [replace(record, name="新的")], actor="", action="edit", detail="")
        assert indicators.fetch(library, [KINDERGARTEN], cast.public) == [record]
    assert indicators.fetch(library, [KINDERGARTEN], cast.public) == [written]
    other.close()


def test_a_renamed_use_is_read_anew_and_followed(library: Store, cast: Any) -> None:
    indicators.fetch(library, [KINDERGARTEN, PHOENIX], cast.admin)
    head, renamed = library.head(), Use("2050201", "教育", "普通教育", "学前教育")
    indicators.add_taxonomy(library, [renamed, Use("2140101", "交通运输", "公路建设", "农村公路建设")], [])
    assert sorted(c.record_id for c in library.changes_since(head)) == sorted(
        indicator_id(c) for c in ("2100001", "2190001", "2200001", "2200002")
    )
    assert [i.use for i in indicators.fetch(library, [KINDERGARTEN], cast.public)] == [renamed]
    head = library.head()
    indicators.add_taxonomy(library, [renamed], [])
    assert library.head() == head


def test_records_read_ahead_are_asked_for_by_everybody_and_follow_the_feed(library: Store, cast: Any) -> None:
    ids = [KIRIN, PHOENIX, BUDGET, RETIRED, DRAFT, KINDERGARTEN]
    first = [indicators.fetch(library, ids, actor) for actor in cast]
    again = Store.open(library.folder)
    indicators.remember(again)
    seen = reads(again)
    assert [i.id for i in indicators.fetch(again, [KIRIN, PHOENIX, BUDGET, KINDERGARTEN], cast.admin)] == [
        KIRIN, PHOENIX, BUDGET, KINDERGARTEN,
    ]  # fmt: skip
    assert seen == []
    assert [indicators.fetch(again, ids, actor) for actor in cast] == first
    (record,) = indicators.fetch(again, [KINDERGARTEN], cast.public)
    (written,) = indicators.put(library, [replace(record, name="新的")], actor="", action="edit", detail="")
    assert indicators.fetch(again, [KINDERGARTEN], cast.public) == [written]
    again.close()


def test_records_are_found_by_id_and_not_among_all_that_may_be_seen(library: Store, cast: Any) -> None:
    """SQLite would take the index of visibility for more than a few ids: all public records, each time."""
    ids = [KIRIN, PHOENIX, BUDGET, RETIRED, DRAFT, KINDERGARTEN]
    plans = set()
    for actor in cast:
        again = Store.open(library.folder)
        seen = reads(again)
        indicators.fetch(again, ids, actor)
        (sql,) = seen
        plans.add(again.rows(f"explain query plan {sql}")[0]["detail"])
        again.close()
    assert plans == {"SEARCH i USING INDEX sqlite_autoindex_indicators_1 (id=?)"}


def test_names_are_those_of_the_active_public_records(library: Store) -> None:
    expected = [(i.id, i.name, i.use.code if i.use else None) for i in indicators.active(library, "open")]
    assert list(indicators.names(library)) == expected
    assert indicators.count(library) == len(list(indicators.everything(library)))


def test_memory_is_bounded(library: Store, make: Make, cast: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(indicators._memory, "kept", 3)
    written = indicators.put(
        library, [make(f"23{n:05d}", f"第{n}项") for n in range(9)], actor="", action="import", detail=""
    )
    ids = [i.id for i in written]
    assert indicators.fetch(library, ids, cast.public) == written
    seen = reads(library)
    assert indicators.fetch(library, ids[-3:], cast.public) == written[-3:]
    assert seen == []
    assert indicators.fetch(library, ids, cast.public) == written
    assert len(seen) == 1
