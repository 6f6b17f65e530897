"""What was taken over: a person counts once, nobody is named, and nothing is learned from what is restricted."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from corpus import choices, indicators
from corpus.access import PUBLIC, Actor, Clearance, Role
from corpus.choices import Taken
from corpus.errors import Forbidden, NotSignedIn, ZhibiaoError
from corpus.indicators import indicator_id
from corpus.model import Indicator, Owner, Status, Use, Visibility
from corpus.store import Store

NURSERY, ROADS = (
    Use("2050201", "教育", "普通教育", "学前教育保障"),
    Use("2140101", "交通运输", "公路建设", "农村公路建设"),
)
HIDDEN_USE = Use("2990101", "麒麟领域", "麒麟行业", "麒麟专项")
OURS, THEIRS = "州教育体育局", "州公安局"
A, B, SECRET, THEIR_SECRET, RETIRED, DRAFT = map(
    indicator_id, ("2100001", "2100002", "2190001", "2190002", "2200001", "2200002")
)
UNKNOWN = "0000000000"
EVERYBODY = [Actor(name, Role.DEPARTMENT, OURS, Clearance.OWN) for name in ("甲经办", "乙经办", "丙经办")]
ADMIN = Actor("财政管理员", Role.ADMIN, "州财政局", Clearance.ALL)
Make = Callable[..., Indicator]


@pytest.fixture
def library(library: Store, make: Make) -> Store:
    """Each use has a public record of its own that no test touches."""
    more = [make("2300008", "开园及时率"), make("2300009", "公路完工及时率", use=ROADS)]
    indicators.put(library, more, actor="建库", action="import", detail="测试库")
    return library


def kept(store: Store) -> list[tuple[object, ...]]:
    return store.db.conn.execute(
        "select use_code, indicator_id, count(*) from choices group by use_code, indicator_id order by 1, 2"
    ).fetchall()


def test_a_person_counts_once_per_use_and_indicator(library: Store) -> None:
    first, second, third = EVERYBODY
    for _ in range(3):
        choices.take(library, NURSERY.use, A, first, chosen=[A])
    choices.take(library, NURSERY.use, A, second, chosen=[A, B, A])
    choices.take(library, ROADS.use, A, first, chosen=[])
    choices.take(library, ROADS.use, B, replace(first, role=Role.REVIEWER), chosen=[])
    choices.take(library, ROADS.use, B, third, chosen=[])
    assert kept(library) == [(NURSERY.code, A, 2), (ROADS.code, A, 1), (ROADS.code, B, 2)]
    assert choices.counts(library, [NURSERY.use]) == {A: 2}
    assert choices.counts(library, [ROADS.use]) == {A: 1, B: 2}
    # Two persons, one of them under both uses.
    assert choices.counts(library, [NURSERY.use, ROADS.use]) == {A: 2, B: 2}
    assert [choices.counts(library, uses) for uses in ([], ["没有的用途"], ["%"])] == [{}] * 3


def test_what_was_taken_as_administrators_see_it(library: Store) -> None:
    for person in EVERYBODY:
        choices.take(library, NURSERY.use, B, person, chosen=[])
    choices.take(library, NURSERY.use, A, EVERYBODY[0], chosen=[])
    choices.take(library, ROADS.use, A, EVERYBODY[0], chosen=[])
    assert choices.taken(library, ADMIN) == [
        Taken(NURSERY.use, "2100002", "预算执行率", 3),
        Taken(NURSERY.use, "2100001", "新建幼儿园数量", 1),
        Taken(ROADS.use, "2100001", "新建幼儿园数量", 1),
    ]


@pytest.mark.parametrize("id", [SECRET, THEIR_SECRET, RETIRED, DRAFT, UNKNOWN, "", "' or 1 --", "2100001"])
def test_what_is_not_public_is_not_counted_and_spoils_the_whole_draft(library: Store, id: str) -> None:
    """Also for who may see it; and an unknown id does no less, or trying ids would tell which of them are restricted."""
    before = "\n".join(library.db.conn.iterdump())
    for person in (*EVERYBODY, ADMIN):
        choices.take(library, NURSERY.use, id, person, chosen=[])
        choices.take(library, NURSERY.use, A, person, chosen=[A, B, id])
        choices.take(library, NURSERY.use, A, person, chosen=[id] * 200)
    assert "\n".join(library.db.conn.iterdump()) == before


def test_a_use_that_only_restricted_records_have_is_not_counted(library: Store, make: Make) -> None:
    hidden = make("2190003", "麒麟任务数", use=HIDDEN_USE, visibility=Visibility.RESTRICTED, restricted_reason="涉密")
    indicators.add_taxonomy(library, [HIDDEN_USE], [])
    indicators.put(library, [hidden], actor="", action="import", detail="")
    for use in (HIDDEN_USE.use, HIDDEN_USE.code, "没有的用途", ""):
        choices.take(library, use, A, ADMIN, chosen=[])
    assert kept(library) == []


def test_counts_of_a_record_that_is_no_longer_public_vanish(library: Store) -> None:
    for id in (A, B):
        choices.take(library, NURSERY.use, id, EVERYBODY[0], chosen=[])
    record = indicators.get(library, A, PUBLIC)
    seen = []
    for changed in (
        replace(record, visibility=Visibility.RESTRICTED, restricted_reason="涉密"),
        replace(record, status=Status.RETIRED),
        record,
    ):
        indicators.put(library, [changed], actor="", action="edit", detail="")
        seen.append((choices.counts(library, [NURSERY.use]), [t.code for t in choices.taken(library, ADMIN)]))
    assert seen == [({B: 1}, ["2100002"])] * 2 + [({A: 1, B: 1}, ["2100001", "2100002"])]


def test_a_use_that_is_no_longer_public_is_not_listed(library: Store, make: Make) -> None:
    public = make("2100009", "孔雀保护数量", use=HIDDEN_USE)
    indicators.add_taxonomy(library, [HIDDEN_USE], [])
    indicators.put(library, [public], actor="", action="import", detail="")
    choices.take(library, HIDDEN_USE.use, A, ADMIN, chosen=[])
    assert choices.taken(library, ADMIN) == [Taken(HIDDEN_USE.use, "2100001", "新建幼儿园数量", 1)]
    shut = replace(public, visibility=Visibility.RESTRICTED, restricted_reason="涉密")
    indicators.put(library, [shut], actor="", action="edit", detail="")
    assert choices.taken(library, ADMIN) == []


def test_the_public_takes_nothing(library: Store) -> None:
    for actor in (PUBLIC, Actor("冒充", Role.PUBLIC, OURS, Clearance.ALL)):
        for id in (A, SECRET):
            with pytest.raises(NotSignedIn, match=r"^请先登录后再采用指标。$"):
                choices.take(library, NURSERY.use, id, actor, chosen=[])
    assert kept(library) == []


def test_no_row_says_who_or_leads_to_another_row(library: Store, make: Make, tmp_path: Path) -> None:
    first, second, _ = EVERYBODY
    for id in (A, B):
        choices.take(library, NURSERY.use, id, first, chosen=[])
    choices.take(library, NURSERY.use, A, second, chosen=[])
    other = Store.create(tmp_path / "other")
    indicators.add_taxonomy(other, [NURSERY], [Owner(OURS, "州级", "教育")])
    indicators.put(other, [make("2100001", "新建幼儿园数量")], actor="", action="import", detail="")
    choices.take(other, NURSERY.use, A, first, chosen=[])
    rows = [(r["person"], r["taken_at"]) for s in (library, other) for r in s.rows("select * from choices")]
    other.close()
    assert len({person for person, _ in rows}) == 4
    assert {len(person) for person, _ in rows} == {32}
    assert {len(day) for _, day in rows} == {len("2026-11-21")}
    dump = "\n".join(line for line in library.db.conn.iterdump() if "choices" in line)
    assert [p.name for p in EVERYBODY if p.name in dump] == []
    assert library.value("select count(*) from audit where actor in (?, ?)", [first.name, second.name]) == 0


def test_an_administrator_resets_one_use_or_all(library: Store) -> None:
    for use in (NURSERY.use, ROADS.use):
        for id in (A, B):
            choices.take(library, use, id, EVERYBODY[0], chosen=[])
    head = library.head()
    gone = [choices.reset(library, ADMIN, use) for use in ("没有的用途", "", NURSERY.use)]
    assert (gone, kept(library)) == ([0, 0, 2], [(ROADS.code, A, 1), (ROADS.code, B, 1)])
    assert (choices.reset(library, ADMIN), kept(library)) == (2, [])
    assert library.head() == head
    assert library.rows("select actor, target, detail from audit where action = 'choices.reset' order by id") == [
        {"actor": "财政管理员", "target": "没有的用途", "detail": "0 条"},
        {"actor": "财政管理员", "target": "choices", "detail": "0 条"},
        {"actor": "财政管理员", "target": NURSERY.use, "detail": "2 条"},
        {"actor": "财政管理员", "target": "choices", "detail": "2 条"},
    ]
    choices.take(library, NURSERY.use, A, EVERYBODY[0], chosen=[])
    assert choices.counts(library, [NURSERY.use]) == {A: 1}


@pytest.mark.parametrize("role", [role for role in Role if role is not Role.ADMIN])
def test_nobody_else_resets_or_reads(library: Store, role: Role) -> None:
    choices.take(library, NURSERY.use, A, EVERYBODY[0], chosen=[])
    actor = Actor("某人", role, OURS, Clearance.ALL)
    refused: tuple[type[ZhibiaoError], str] = (
        (Forbidden, r"^只有财政管理员可以维护指标库和检索设置，请联系本级财政部门。$")
        if actor.signed_in
        else (NotSignedIn, r"^请先登录后再维护指标库和检索设置。$")
    )
    for attempt in (choices.reset, choices.taken):
        with pytest.raises(refused[0], match=refused[1]):
            attempt(library, actor)
    assert (kept(library), library.value("select count(*) from audit where action = 'choices.reset'")) == (
        [(NURSERY.code, A, 1)], 0,
    )  # fmt: skip


def test_a_record_that_is_deleted_takes_its_choices_along(library: Store) -> None:
    choices.take(library, NURSERY.use, A, EVERYBODY[0], chosen=[])
    library.db.execute("delete from indicators where id = ?", [A])
    assert (kept(library), library.problems()) == ([], [])


@pytest.fixture
def twins(tmp_path: Path, make: Make) -> Iterator[tuple[Store, Store]]:
    """The same public library, once with restricted records among it."""
    restricted: dict[str, Any] = {"visibility": Visibility.RESTRICTED, "restricted_reason": "涉密"}
    public = [make("2100001", "新建幼儿园数量"), make("2100002", "幼儿园教师数量", use=ROADS)]
    planted = [
        make("2190001", "麒麟考点安保人数", **restricted),
        make("2190002", "凤凰行动出警次数", owner=THEIRS, **restricted),
        make("2190003", "麒麟任务数", use=HIDDEN_USE, **restricted),
    ]
    stores = []
    for name, records, uses in (("with", public + planted, [HIDDEN_USE]), ("without", public, [])):
        store = Store.create(tmp_path / name)
        indicators.add_taxonomy(
            store, [NURSERY, ROADS], [Owner(OURS, "州级", ""), Owner(THEIRS, "州级", "")], declared=True
        )
        indicators.add_taxonomy(store, uses, [])
        indicators.put(store, records, actor="", action="import", detail="")
        stores.append(store)
    yield stores[0], stores[1]
    for store in stores:
        store.close()


def test_restricted_records_leave_no_trace_in_what_is_counted(twins: tuple[Store, Store]) -> None:
    uses = [NURSERY.use, ROADS.use, HIDDEN_USE.use]
    ids = [A, B, SECRET, THEIR_SECRET, indicator_id("2190003"), UNKNOWN]
    got = []
    for store in twins:
        for person in (*EVERYBODY, ADMIN):
            for use in uses:
                for id in ids:
                    for beside in ids:
                        choices.take(store, use, id, person, chosen=[beside])
        listed = choices.taken(store, ADMIN)
        got.append(repr((kept(store), choices.counts(store, uses), listed, choices.reset(store, ADMIN))).encode())
    assert got[0] == got[1]
    assert b"2100001" in got[0]


def test_counting_reads_the_index(library: Store) -> None:
    said: list[str] = []
    library.db.conn.set_trace_callback(said.append)
    choices.counts(library, [NURSERY.use, ROADS.use])
    library.db.conn.set_trace_callback(None)
    assert len(said) == 1
    plan = [row[3] for row in library.db.conn.execute(f"explain query plan {said[0]}")]
    assert [step for step in plan if step.startswith("SEARCH choices USING PRIMARY KEY (use_code=?")], plan
    assert [step for step in plan if step.startswith(("SCAN choices", "SCAN i"))] == []


def test_the_key_is_each_installations_own(tmp_path: Path) -> None:
    keys = []
    for name in ("a", "b"):
        store = Store.create(tmp_path / name)
        keys.append(store.value("select value from settings where name = ?", [choices.KEY]))
        with pytest.raises(sqlite3.IntegrityError):
            store.db.execute("insert into settings values (?, ?)", [choices.KEY, b""])
        store.close()
    assert [len(key) for key in keys] == [32, 32]
    assert keys[0] != keys[1]
