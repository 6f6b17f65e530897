"""A folder of the open edition: what it takes in later, and what of a library goes into it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from corpus import editions, imports, indicators, maintenance, open_folder, policies, words
from corpus.access import PUBLIC
from corpus.errors import BadInput, Conflict, NotReady
from corpus.model import Indicator, Passage, Policy, Use, Visibility
from corpus.policies import Parsed
from corpus.readers.tables import Row
from corpus.store import Store
from corpus.words import Synonym, SynonymType
from webapp import cli

Make = Callable[..., Indicator]
REFUSED = "公开版数据目录不能存放不可公开的记录，请去掉这些记录，或导入完整版的数据目录。"
# What stays behind, column by column; tables that are not named here and not in open_folder.TABLES go along whole.
LEFT = {
    "indicators": {"restricted_reason"},
    "policies": {"sha256"},
    "passages": set[str](),
    "citations": set[str](),
}
MADE_ANEW = {
    "_sqlite_migrations", "audit", "categories", "choices", "experts", "feed", "lexicon", "owners", "revisions",
    "settings", "synonyms", "tokens", "uses", "users",
}  # fmt: skip


def document(id: str, visibility: Visibility, text: str = "正文。") -> Parsed:
    policy = Policy(id, f"{id}的标题", "", "", None, "", "", "", "", visibility, "", 0, "")
    return Parsed(policy, "", (Passage(1, ("一、总则",), "一", None, "text", text),), ())


def nothing(store: Store, made: Store) -> None:
    """No index for these."""


def export(store: Store, folder: Path) -> Store:
    open_folder.export(store, folder, actor="", derive=nothing)
    return Store.open(folder)


@pytest.fixture
def outward(library: Store, tmp_path: Path) -> Any:
    made = export(library, tmp_path / "open")
    yield made
    made.close()


def test_the_open_edition_takes_nothing_restricted(library: Store, outward: Store, make: Make) -> None:
    hidden = make("2190009", "玄武数量", visibility=Visibility.RESTRICTED)
    for store in (library, outward):
        assert editions.is_open(store) == (store is outward)
    with pytest.raises(Conflict) as refused:
        indicators.put(outward, [make("2100008", "新的数量"), hidden], actor="", action="import", detail="")
    assert (refused.value.message, refused.value.field) == (REFUSED, "visibility")
    with pytest.raises(Conflict) as refused:
        policies.put(outward, [document("p1", Visibility.PUBLIC), document("p2", Visibility.RESTRICTED)], actor="")
    assert refused.value.message == REFUSED
    assert [i.code for i in indicators.everything(outward)] == ["2100001", "2100002"]
    assert policies.everything(outward, PUBLIC) == []
    indicators.put(outward, [make("2100008", "新的数量")], actor="", action="import", detail="")
    policies.put(outward, [document("p1", Visibility.PUBLIC)], actor="")
    indicators.put(library, [hidden], actor="", action="import", detail="")


def test_an_import_says_why_it_is_refused(outward: Store, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    header = "指标名称,二级指标,领域,行业,用途,计算符号,计量单位,指标值,来源部门,是否公开\n"
    path = tmp_path / "表.csv"
    path.write_text(
        header + "玄武数量,数量指标,教育,普通教育,学前教育保障,≥,所,5,州教育体育局,不公开\n", encoding="utf-8"
    )
    assert cli.main(["--data", str(outward.folder), "import", str(path)]) == 1
    assert REFUSED in capsys.readouterr().err
    assert len(list(indicators.everything(outward))) == 2


def test_doctor_names_the_edition(library: Store, outward: Store) -> None:
    found = [(c.name, c.ok, c.message) for c in maintenance.check(outward)]
    assert found[0] == ("edition", True, "公开版，只含可公开的记录")
    assert [ok for _, ok, _ in found] == [True] * len(found)
    assert "edition" not in {c.name for c in maintenance.check(library)}
    with outward.writing() as db:  # past every rule of ours
        db.conn.execute("update indicators set visibility = 'restricted' where code = '2100001'")
    (first, *_) = maintenance.check(outward)
    assert (first.ok, first.message) == (False, "公开版里有 1 条不可公开的记录，请停止服务，从完整版重新导出")


def test_a_record_begins_anew(library: Store, make: Make, tmp_path: Path) -> None:
    """Its present state is its first revision, without names, files and reasons; its times stay."""
    old = indicators.get(library, "2100001", PUBLIC)
    written = replace(old, name="幼儿园数量", restricted_reason="曾涉密", origin="导入：内部.xlsx", replaced_by="x")
    (kept,) = indicators.put(library, [written], actor="某人", action="edit", detail="")
    made = export(library, tmp_path / "open")
    expected = replace(kept, revision=1, restricted_reason="", origin="", replaced_by="")
    assert indicators.get(made, "2100001", PUBLIC) == expected
    revisions = made.rows("select revision, at, actor, action, record from revisions where record_id = ?", [old.id])
    assert [(r["revision"], r["at"], r["actor"], r["action"]) for r in revisions] == [(1, kept.updated, "", "export")]
    assert "某人" not in revisions[0]["record"]
    assert made.rows("select actor, action, target, detail from audit") == [
        {"actor": "", "action": "export", "target": "open", "detail": ""}
    ]
    made.close()
    assert library.rows("select actor, action, target, detail from audit order by id desc limit 1") == [
        {"actor": "", "action": "export", "target": "open",
         "detail": f"指标 2 条，政策文件 0 份，写入 {tmp_path / 'open'}"}
    ]  # fmt: skip


def test_replaced_by_is_told_only_of_what_goes_along(library: Store, make: Make, tmp_path: Path) -> None:
    other = indicators.get(library, "2100002", PUBLIC).id
    first, hidden = indicators.get(library, "2100001", PUBLIC), make("2190001", "").id
    found = []
    for n, target in enumerate((other, hidden, make("2200001", "").id)):
        indicators.put(library, [replace(first, replaced_by=target)], actor="", action="edit", detail="")
        made = export(library, tmp_path / str(n))
        found.append(indicators.get(made, "2100001", PUBLIC).replaced_by)
        made.close()
    assert found == [other, "", ""]


def test_words_go_along_when_an_exported_text_has_them(library: Store, tmp_path: Path) -> None:
    """However they are written; whether a restricted text has them decides nothing."""
    policies.put(
        library,
        [document("p1", Visibility.PUBLIC, "推进ＰＭ2.5监测。"), document("p2", Visibility.RESTRICTED, "玄武演练。")],
        actor="",
    )
    synonyms = [
        Synonym("幼儿园", "托儿所", SynonymType.SAME),
        Synonym("幼兒園", "幼稚园", SynonymType.COLLOQUIAL),
        Synonym("麒麟", "瑞兽", SynonymType.SAME),
        Synonym("从未出现", "没有", SynonymType.SAME),
    ]
    words.put(
        library,
        synonyms,
        ["幼儿园", "pm2.5", "監測", "总则", "麒麟", "玄武", "从未出现", "园数量\n预", "建幼儿园数", ""],
    )
    made = export(library, tmp_path / "open")
    assert words.synonyms(made) == sorted(synonyms[:2], key=lambda s: (s.term, s.variant))
    assert words.lexicon(made) == ["pm2.5", "幼儿园", "建幼儿园数", "总则", "監測"]
    made.close()


def test_imported_uses_and_units_stand_as_if_no_restricted_record_had_come_before(store: Store, tmp_path: Path) -> None:
    indicators.add_taxonomy(store, [Use("2050201", "教育", "普通教育", "学前教育保障")], [], declared=True)
    cells = {"level2": "数量", "operator": "≥", "reference": "1", "unit": "所", "visibility": "公开"}
    came = [("国防", "演练", "警卫", "不公开", "甲"), ("教育", "机要", "手语", "不公开", "乙"),
            ("农林水", "水利", "灌区", "公开", "乙"), ("教育", "特教", "盲文", "公开", "甲")]  # fmt: skip
    rows = [
        {
            **cells,
            "name": f"{use}数",
            "domain": domain,
            "industry": industry,
            "use": use,
            "visibility": seen,
            "owner": owner,
        }
        for domain, industry, use, seen, owner in came
    ]
    found = []
    for name, given in (("whole", rows), ("never", rows[2:])):
        source = Store.create(tmp_path / name)
        indicators.add_taxonomy(source, indicators.uses(store), [], declared=True)
        plan = imports.plan(source, [Row("", n, r) for n, r in enumerate(given, 2)], origin="")
        imports.apply(source, plan, actor="", source="")
        made = export(source, tmp_path / f"{name} open")
        found.append((indicators.uses(made), indicators.owners(made), made.rows("select * from uses")))
        made.close()
        source.close()
    assert found[0] == found[1]
    assert [(u.code, u.use) for u in found[0][0]] == [
        ("2050201", "学前教育保障"), ("9010101", "灌区"), ("2050101", "盲文"),
    ]  # fmt: skip
    assert [(o.name, o.domain) for o in found[0][1]] == [("乙", "农林水"), ("甲", "教育")]


def test_of_every_column_it_is_decided_whether_it_goes_along(store: Store) -> None:
    """A column or a table that is new stays behind until somebody says here that it does not."""
    tables = {r["name"] for r in store.rows("select name from sqlite_master where type = 'table'")}
    assert tables - {"sqlite_sequence"} == MADE_ANEW | set(open_folder.TABLES)
    found = {table: {c["name"] for c in store.rows(f"pragma table_info({table})")} for table in LEFT}
    assert found == {table: LEFT[table] | set(columns) for table, (_, columns) in open_folder.TABLES.items()}


# The folder


def test_a_folder_that_holds_something_is_left_alone(library: Store, tmp_path: Path) -> None:
    taken, file, empty = tmp_path / "taken", tmp_path / "file", tmp_path / "empty"
    taken.mkdir()
    (taken / "a").write_text("a")
    file.write_text("b")
    empty.mkdir()
    for folder in (taken, file):
        with pytest.raises(BadInput) as refused:
            export(library, folder)
        assert refused.value.message == f"{folder} 已存在且不是空目录，请换一个目录。"
    with pytest.raises(BadInput) as refused:
        export(library, file / "in a file")
    assert refused.value.message == f"目录 {file / 'in a file'} 写不进去，请检查上级目录能否写入、空间是否足够。"
    strange = tmp_path / "new.part"
    strange.mkdir()
    (strange / "mine").write_text("c")
    with pytest.raises(BadInput) as refused:
        export(library, tmp_path / "new")
    assert refused.value.message == f"目录 {strange} 里有其他内容，请移走后再导出。"
    assert [(taken / "a").read_text(), file.read_text(), (strange / "mine").read_text()] == ["a", "b", "c"]
    export(library, empty).close()
    assert {p.name for p in tmp_path.iterdir()} == {"data", "taken", "file", "empty", "new.part"}
    assert [p.name for p in empty.iterdir()] == ["zhibiao.db"]


def test_what_fails_on_the_way_leaves_nothing(library: Store, tmp_path: Path) -> None:
    """Nor does a second export come in between."""
    folder = tmp_path / "open"

    def fail(store: Store, made: Store) -> None:
        assert made.folder == tmp_path / "open.part"
        with pytest.raises(Conflict) as refused:
            export(library, folder)
        assert refused.value.message == f"另一个进程正在导出到 {folder}，请稍后再试。"
        raise NotReady("没有建成")

    with pytest.raises(NotReady):
        open_folder.export(library, folder, actor="", derive=fail)
    assert {p.name for p in tmp_path.iterdir()} == {"data"}
    assert library.value("select count(*) from audit where action = 'export'") == 0
    export(library, folder).close()


# The command


def test_who_may_export_it_and_how_it_is_asked_for(library: Store, tmp_path: Path, capsys: Any) -> None:
    def run(*words: object) -> tuple[int, str]:
        capsys.readouterr()
        code = cli.main(["--data", str(library.folder), *map(str, words)])
        return code, capsys.readouterr().err.strip()

    with library.writing() as db:
        for name, role in (("审核一", "reviewer"), ("管理一", "admin")):
            db.conn.execute(
                "insert into users (name, role, clearance, created) values (?, ?, 'all', '2026-01-01T00:00:00Z')",
                [name, role],
            )
    out = tmp_path / "out"
    assert run("export", "--edition", "full", out) == (
        2,
        "完整版的数据目录请用 zhibiao backup 备份，用 zhibiao restore 恢复。",
    )
    usage = "请写明导出什么和写到哪里：export indicators|experts|policies 文件，或 export --edition open 目录。"
    assert run("export", out) == (2, usage)
    assert run("export", "--edition", "open", "indicators") == (2, usage)
    assert run("export", "--edition", "open", "--format", "csv", out) == (
        2, "导出公开版数据目录时不能指定 --format，请去掉。",
    )  # fmt: skip
    assert run("--as", "审核一", "export", "--edition", "open", out) == (
        1, "只有财政管理员可以维护指标库和检索设置，请联系本级财政部门。",
    )  # fmt: skip
    assert not out.exists()
    assert run("--as", "管理一", "export", "--edition", "open", out) == (0, "")
    assert run("export", tmp_path / "again", "--edition", "open") == (0, "")
    names = [r["actor"] for r in library.rows("select actor from audit where action = 'export' order by id")]
    assert names == ["管理一", ""]
    assert run("export", "indicators", "--edition", "open", "--format", "csv", tmp_path / "a.txt") == (0, "")
