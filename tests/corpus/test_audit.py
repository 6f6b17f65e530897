"""Reading the audit: each person gets what a library would give that never held what is hidden from them."""

from __future__ import annotations

import csv
import io
import json
from argparse import ArgumentParser
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from corpus import audit, chain, choices, cli_audit, cli_export, experts, imports, indicators, maintenance, people, seen
from corpus.access import PUBLIC, TOKEN_RIGHTS, Actor, Clearance, Right, Role
from corpus.audit import Asked, Entry, Named, Page
from corpus.errors import BadInput, Forbidden, NotSignedIn
from corpus.indicators import indicator_id
from corpus.model import Expert, Owner, Status, Visibility
from corpus.people import User
from corpus.readers.tables import Row
from corpus.store import Store

OURS, THEIRS = "州教育体育局", "州公安局"
ADMIN = Actor("管理员", Role.ADMIN, "州财政局", Clearance.ALL)
READERS = {
    "none": Actor("审计员", Role.AUDITOR, "州审计局", Clearance.NONE),
    "own": Actor("审计员", Role.AUDITOR, OURS, Clearance.OWN),
    "no unit": Actor("审计员", Role.AUDITOR, "", Clearance.OWN),
    "admin without clearance": Actor("管理员", Role.ADMIN, "州财政局", Clearance.NONE),
    "token without restricted": replace(ADMIN, limits=frozenset({Right.AUDIT, Right.EXPERTS})),
}
NAMES = {"2100001": "新建幼儿园数量", "2100002": "幼儿园验收数量", "2190001": "麒麟考点安保人数",
         "2190002": "凤凰行动出警次数", "2190003": "玄武装备覆盖率"}  # fmt: skip
OWN = {"2190001"}
SECRET = {"2190001", "2190002", "2190003"}
SECRETS = ("麒麟", "凤凰", "玄武", "219000", *(indicator_id(code) for code in SECRET))


@pytest.fixture(autouse=True)
def _clock(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chain, "moment", lambda: "2026-11-21T08:00:00.000Z")


def _row(n: int, code: str, reference: str) -> Row:
    shut = code in SECRET
    return Row("", n, {
        "code": code, "name": NAMES[code], "level2": "数量指标", "domain": "教育", "industry": "普通教育",
        "use": "学前教育保障", "operator": "≥", "unit": "个", "reference": reference,
        "owner": OURS if code in OWN or not shut else THEIRS, "visibility": "不公开" if shut else "公开",
    })  # fmt: skip


def live(folder: Path, held: set[str]) -> Store:
    """A library that lived through one and the same history, as far as the records of ``held`` have a part in it."""
    store = Store.create(folder)
    indicators.add_taxonomy(store, [], [Owner(OURS, "州级", "教育"), Owner(THEIRS, "州级", "公共安全")])
    codes = [code for code in NAMES if code in held]
    for reference in ("5", "6"):  # once new, once changed
        plan = imports.plan(store, [_row(n, c, reference) for n, c in enumerate(codes, 2)], origin="麒麟表.csv")
        assert not plan.problems
        imports.apply(store, plan, actor="管理员", source="凤凰表.csv")
    single = imports.plan(store, [_row(2, c, "7") for c in ("2190002",) if c in held], origin="玄武表.csv")
    imports.apply(store, single, actor="管理员", source="玄武表.csv")
    people.add(
        store, User("wang", Role.REVIEWER, "州财政局", Clearance.ALL, disabled=False), password=None, by="管理员"
    )
    expert = Expert("e1", "张示例", "绩效领域", "示例大学", "高校", "教授", ("财政",), True, Status.ACTIVE, 0, "")
    experts.put(store, [expert], actor="管理员", detail="名单.csv")
    for names in (["2190001", "2190002"], ["2190001"], ["2190003"], []):
        keys = {f"indicators:{indicator_id(c)}" for c in names if c in held}
        seen.write(store, Actor("王审核", Role.REVIEWER, "", Clearance.ALL), keys, memory=None)
    for edition in ("open", "full"):
        export(store, edition, folder / f"{edition}.jsonl")
    choices.reset(store, ADMIN, "朱雀专项" if held & SECRET else None)
    maintenance.backup(store, folder / "备份.db", actor="管理员")
    store.audit(actor="管理员", action="settings.adopt", target="settings.toml", detail="词的位置·名称 1→2")
    if held & SECRET:  # what this room does not know, and speaks of what is hidden
        store.audit(actor="管理员", action="purge", target="玄武", detail="玄武")
    return store


def export(store: Store, edition: str, out: Path) -> None:
    parser = ArgumentParser()
    cli_export.register(parser.add_subparsers())
    args = parser.parse_args(["export", "indicators", "--edition", edition, str(out)])
    args.data, args.acting = store.folder, "出口"
    if not store.value("select 1 from users where name = '出口'"):
        people.add(store, User("出口", Role.ADMIN, "", Clearance.ALL, disabled=False), password=None, by="")
    args.run(args)


@pytest.fixture(scope="module")
def make(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], Store]]:
    made: dict[str, Store] = {}

    def store(which: str) -> Store:
        held = {"whole": set(NAMES), "none": set(NAMES) - SECRET, "own": set(NAMES) - SECRET | OWN}[which]
        if which not in made:
            made[which] = live(tmp_path_factory.mktemp(which), held)
        return made[which]

    yield store
    for one in made.values():
        one.close()


Make = Callable[[str], Store]
ASKED = [
    Asked(), Asked(text="麒麟"), Asked(text="凤凰"), Asked(text="表"), Asked(text=indicator_id("2190001")),
    Asked(text=indicator_id("2190002")), Asked(text="朱雀"), Asked(text="条"), Asked(text="新建 管理员"),
    Asked(text="玄武"), Asked(text="查看不可公开"), Asked(who="王审核"), Asked(action="see"), Asked(action="import"),
    Asked(action="export"), Asked(action="purge"), Asked(since="2026-11-01", until="2026-11-30"), Asked(text="indicators"),
    Asked(text="1"),
]  # fmt: skip


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize("asked", ASKED, ids=lambda asked: repr(asked)[6:50])
def test_who_may_not_see_a_record_gets_the_audit_of_a_library_without_it(make: Make, reader: str, asked: Asked) -> None:
    actor = READERS[reader]
    twin = make("own" if reader == "own" else "none")
    for page, size in ((1, 50), (1, 2), (2, 2), (3, 2)):
        found = audit.search(make("whole"), actor, asked, page, size)
        assert found == audit.search(twin, actor, asked, page, size)
    told = json.dumps([e.as_json() for e in audit.entries(make("whole"), actor, asked)], ensure_ascii=False)
    assert [e.as_json() for e in audit.entries(twin, actor, asked)] == json.loads(told)
    hidden = [s for s in SECRETS if s in told]
    assert hidden == ([s for s in ("麒麟", indicator_id("2190001")) if s in told] if reader == "own" else [])


def test_what_is_told_without_clearance(make: Make) -> None:
    """Enough to be of use: who did what, to which public records; no serial, no hash, no count over all."""
    found = audit.search(make("whole"), READERS["none"])
    kindergartens = tuple(Named("indicators", indicator_id(c), NAMES[c]) for c in ("2100001", "2100002"))
    assert [(e.actor, e.action, e.target, e.records, e.detail) for e in found.entries] == [
        ("管理员", "settings.adopt", "settings.toml", (), "词的位置·名称 1→2"),
        ("管理员", "backup", "", (), ""),
        ("管理员", "choices.reset", "", (), ""),
        ("出口", "export.full", "indicators", (), ""),
        ("出口", "export.open", "indicators", (), ""),
        ("", "user.add", "出口", (), "财政管理员，授权范围：全部"),
        ("管理员", "import", "e1", (Named("experts", "e1", "张示例"),), "名单.csv"),
        ("管理员", "user.add", "wang", (), "审核人员，授权范围：全部"),
        ("管理员", "import", "indicators", kindergartens, ""),
        ("管理员", "import", "indicators", kindergartens, ""),
    ]
    assert {(e.serial, e.chain) for e in found.entries} == {(None, None)}


def test_who_sees_all_gets_every_row_as_written(make: Make) -> None:
    store = make("whole")
    found = audit.search(store, ADMIN)
    assert [(e.serial, e.target, e.detail, e.chain) for e in found.entries] == [
        tuple(row.values()) for row in store.rows("select id, target, detail, chain from audit order by id desc")
    ]
    assert found.total == len(found.entries) == chain.head(store.db.conn).serial
    both = tuple(
        Named("indicators", i, n) for i, n in sorted((indicator_id(c), NAMES[c]) for c in ("2190001", "2190002"))
    )
    assert [e.records for e in audit.search(store, ADMIN, Asked(action="see", text="麒麟 凤凰")).entries] == [
        tuple(sorted((Named("indicators", indicator_id(c), NAMES[c]) for c in SECRET), key=lambda n: n.id)), both
    ]  # fmt: skip
    assert audit.search(store, ADMIN, Asked(text=indicator_id("2190003"), who="王审核")).total == 1
    exported = [e for e in found.entries if e.action.startswith("export") or e.actor == "出口"]
    assert [(e.action, e.target, e.detail, len(e.records)) for e in exported] == [
        ("see", "", "", 3), ("export.full", "indicators", "5 条", 0), ("export.open", "indicators", "2 条", 0),
    ]  # fmt: skip


def test_a_record_is_judged_as_it_stands_now(tmp_path: Path) -> None:
    store = live(tmp_path, set(NAMES))
    none = READERS["none"]

    def shown() -> list[tuple[str, ...]]:
        return [tuple(r.name for r in e.records) for e in audit.search(store, none, Asked(action="see")).entries]

    assert shown() == []
    kirin = indicators.get(store, "2190001", ADMIN)
    opened = replace(kirin, visibility=Visibility.PUBLIC, restricted_reason="", status=Status.RETIRED)
    indicators.put(store, [opened], actor="管理员", action="edit", detail="玄武改公开")
    assert shown() == [("麒麟考点安保人数",)] * 3
    kept = audit.search(store, none, Asked(action="edit")).entries
    assert [(e.target, e.detail) for e in kept] == [(kirin.id, "")]
    indicators.put(
        store, [replace(kirin, status=Status.DRAFT, visibility=Visibility.PUBLIC)], actor="", action="edit", detail=""
    )
    assert shown() == []
    store.db.execute("delete from indicators where id = ?", [kirin.id])  # the revisions know it as public
    assert shown() == [("麒麟考点安保人数",)] * 3
    store.db.execute("delete from revisions where record_id = ?", [kirin.id])
    assert shown() == []
    assert indicator_id("2190001") in json.dumps(audit.search(store, ADMIN, Asked(action="see")).as_json())
    store.close()


@pytest.mark.parametrize(
    ("actor", "error"),
    [
        (PUBLIC, NotSignedIn),
        (Actor("部门", Role.DEPARTMENT, OURS, Clearance.ALL), Forbidden),
        (Actor("审核", Role.REVIEWER, OURS, Clearance.ALL), Forbidden),
        (replace(ADMIN, limits=frozenset(TOKEN_RIGHTS) - {Right.AUDIT}), Forbidden),
    ],
)
def test_who_may_not_read_it(make: Make, actor: Actor, error: type[Exception]) -> None:
    for ask in (audit.search, audit.entries):
        with pytest.raises(error):
            ask(make("whole"), actor)


def test_experts_are_named_to_who_may_see_the_pool(make: Make) -> None:
    blind = replace(ADMIN, limits=frozenset({Right.AUDIT, Right.RESTRICTED}))
    for actor, name in ((ADMIN, "张示例"), (blind, "")):
        entry = next(e for e in audit.search(make("whole"), actor).entries if e.kind == "experts")
        assert entry.records == (Named("experts", "e1", name),)


@pytest.mark.parametrize(
    ("asked", "page", "size", "field"),
    [
        (Asked(since="昨天"), 1, 50, "since"), (Asked(until="2026-02-30"), 1, 50, "until"),
        (Asked(since="20260101"), 1, 50, "since"), (Asked(since="0001-01-01"), 1, 50, "since"),
        (Asked(until="9999-12-31"), 1, 50, "until"), (Asked(), 0, 50, "page"), (Asked(), 1, 0, "size"),
        (Asked(), 1, 201, "size"),
    ],
)  # fmt: skip
def test_bad_input_names_its_field(make: Make, asked: Asked, page: int, size: int, field: str) -> None:
    with pytest.raises(BadInput) as caught:
        audit.search(make("whole"), ADMIN, asked, page, size)
    assert caught.value.field == field


def test_days_are_those_of_the_calendar_here(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    midnight = audit._utc(audit._day("2026-03-02", "since"))
    for at in (f"{midnight}.000Z", f"{midnight}.001Z", f"{midnight}Z", "2026-03-01T00:00:00.000Z"):
        monkeypatch.setattr(chain, "moment", lambda at=at: at)
        store.audit(actor="甲", action="user.add", target=at)
    day = audit.search(store, ADMIN, Asked(since="2026-03-02", until="2026-03-02"))
    before = audit.search(store, ADMIN, Asked(until="2026-03-01"))
    assert ([e.serial for e in day.entries], [e.serial for e in before.entries]) == ([3, 2, 1], [4])


def test_an_empty_audit_and_a_page_that_is_not_there(store: Store) -> None:
    assert audit.search(store, ADMIN) == Page(0, 1, 50, ())
    store.audit(actor="甲", action="user.add", target="乙")
    assert audit.search(store, ADMIN, page=10**9, size=200) == Page(1, 10**9, 200, ())


def test_reading_titles_of_restricted_records_is_seeing_them(make: Make) -> None:
    for actor, keys in ((ADMIN, SECRET), (READERS["own"], OWN), (READERS["none"], set())):
        with seen.gathering(actor) as gathered:
            audit.search(make("whole"), actor)
        assert gathered.all() == {f"indicators:{indicator_id(code)}" for code in keys}


# Commands


@pytest.fixture
def run(make: Make, capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str]]:
    store = make("whole")
    for name, role, clearance in (("计", Role.AUDITOR, Clearance.NONE), ("管", Role.ADMIN, Clearance.ALL)):
        if not store.value("select 1 from users where name = ?", [name + "员"]):
            user = User(name + "员", role, "州审计局", clearance, disabled=False)
            people.add(store, user, password=None, by="")

    def call(who: str, *words: object) -> tuple[int, str]:
        parser = ArgumentParser()
        cli_audit.register(parser.add_subparsers())
        args = parser.parse_args(["audit", *map(str, words)])
        args.data, args.acting = store.folder, who
        capsys.readouterr()
        return args.run(args), capsys.readouterr().out

    return call


def test_the_command_line_searches(run: Any, make: Make) -> None:
    code, out = run("计员", "search", "--text", "幼儿园验收", "--json")
    assert (code, json.loads(out)) == (
        0,
        audit.search(make("whole"), READERS["none"], Asked(text="幼儿园验收")).as_json(),
    )
    code, out = run("管员", "search", "--what", "see", "--who", "王审核", "--size", "1")
    assert (code, out.splitlines()[0]) == (0, "共 3 条")
    assert "玄武装备覆盖率（" + indicator_id("2190003") in out
    last = make("whole").rows("select actor, action, records from audit order by id desc limit 1")
    assert last == [{"actor": "管员", "action": "see", "records": f"indicators:{indicator_id('2190003')}"}]
    run("计员", "search")
    assert make("whole").value("select count(*) from audit where actor = '计员'") == 0


def test_the_head_and_the_whole_are_for_who_sees_all(run: Any, make: Make) -> None:
    for words in (["head"], ["verify"]):
        for who in ("计员", ""):
            with pytest.raises((Forbidden, NotSignedIn)):
                run(who, *words)
    head = chain.head(make("whole").db.conn)
    assert run("管员", "head") == (0, f"{head.serial} {head.hash}\n")
    sound = f"审计记录完整，共 {head.serial} 条，链头 {head.hash}\n"
    assert run("管员", "verify") == (0, sound)
    for noted in (head.hash, f"{head.serial} {head.hash}", head.hash.upper()):
        assert run("管员", "verify", "--head", noted) == (0, sound)
    code, out = run("管员", "verify", "--head", "0" * 64)
    assert (code, out) == (1, sound + "另存的链头不在链中：此后有记录被改写或截去，或数据是从更早的备份恢复的\n")


@pytest.mark.parametrize("who", ["计员", "管员"])
def test_an_export_is_what_the_reader_may_know_and_is_itself_audited(
    run: Any, make: Make, tmp_path: Path, who: str
) -> None:
    store = make("whole")
    actor = people.get(store, who).actor
    expected = list(audit.entries(store, actor))
    code, _ = run(who, "export", tmp_path / "审计.jsonl")
    lines = [json.loads(line) for line in (tmp_path / "审计.jsonl").read_text("utf-8").splitlines()]
    assert (code, [line["count"] for line in lines]) == (0, [len(e.records) for e in expected])
    assert [Entry(**{k: v for k, v in line.items() if k != "count"} | {
        "records": tuple(Named(**r) for r in line["records"])}) for line in lines] == expected  # fmt: skip
    newest = [e for e in audit.entries(store, ADMIN) if e.actor == who][:2]
    told = [(e.action, e.detail) for e in newest]
    assert told == [("see", ""), ("audit.export", f"{len(expected)} 条")] if who == "管员" else told[:1] == [
        ("audit.export", f"{len(expected)} 条")
    ]  # fmt: skip
    with pytest.raises(BadInput, match="后缀"):
        run(who, "export", tmp_path / "审计.txt")
    with pytest.raises(BadInput, match="写不进去"):
        run(who, "export", tmp_path / "没有" / "审计.csv")
    assert [p.name for p in tmp_path.iterdir()] == ["审计.jsonl"]


def test_no_cell_of_an_export_is_a_formula(store: Store) -> None:
    for text in ("=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "=", '第一行\n第二行,"引号"'):
        store.audit(actor=text, action="user.add", target=text, detail=text)
    out = io.StringIO(newline="")
    assert cli_audit.write_csv(out, audit.entries(store, ADMIN)) == 7
    rows = list(csv.DictReader(io.StringIO(out.getvalue(), newline="")))
    assert [row["说明"] for row in reversed(rows)] == [
        "'=1+1", "'+1", "-1", "'@SUM(A1)", "'\t=1", "=", "第一行\n第二行,\"引号\"",
    ]  # fmt: skip
    assert [row["人员"] for row in rows] == [row["说明"] for row in rows] == [row["对象"] for row in rows]
    assert tuple(rows[0]) == cli_audit.HEADER


def test_restoring_says_where_the_chain_ended_to_who_sees_all(tmp_path: Path) -> None:
    store = live(tmp_path / "data", set(NAMES))
    maintenance.backup(store, tmp_path / "备份.db")
    head = chain.head(store.db.conn)
    store.close()
    maintenance.restore(tmp_path / "data", tmp_path / "备份.db", actor="管理员")
    with closing(Store.open(tmp_path / "data")) as restored:
        told = [audit.search(restored, actor).entries[0] for actor in (ADMIN, READERS["none"])]
    assert [(e.action, e.actor, e.detail) for e in told] == [
        ("restore", "管理员", f"此前的审计记录止于第 {head.serial} 条 {head.hash}"), ("restore", "管理员", ""),
    ]  # fmt: skip
