"""The commands as they are typed: what they print, where, with which exit code, and what they leave behind."""

from __future__ import annotations

import csv
import io
import json
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from python_calamine import CalamineWorkbook

from corpus import choices, experts, imports, indicators, maintenance, people, policies
from corpus.access import PUBLIC, Clearance, Role
from corpus.indicators import indicator_id
from corpus.model import Expert, Status
from corpus.people import User
from corpus.readers.tables import Row
from corpus.store import Store
from webapp import cli

FIXTURES = Path(__file__).parent / "fixtures"
HEADER = "指标代码,指标名称,二级指标,领域,行业,用途,计算符号,计量单位,指标值,指标解释,来源部门,是否公开"
GOOD = ",新建幼儿园数量,数量指标,教育,普通教育,学前教育保障,≥,所,5,当年建成,州教育体育局,公开"
EQUAL = ",验收合格率,质量指标,教育,普通教育,学前教育保障,=,%,100,,州教育体育局,公开"
RESTRICTED = ",麒麟考点安保人数,数量指标,教育,普通教育,学前教育保障,≥,麒麟人次,40,麒麟暗语,州公安局,不公开"
FORMULA = ',"=cmd|\'/c calc\'!A1",社会效益,,,,定性,,,"+1+1，\n@SUM(A1)",-州财政局,公开'
SECRETS = ("麒麟", "凤凰", "州公安局", "2190001")


class Said(NamedTuple):
    code: int
    out: str
    err: str


Run = Callable[..., Said]


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty library with its index, made once."""
    folder = tmp_path_factory.mktemp("template") / "data"
    assert cli.main(["--data", str(folder), "init", "--empty"]) == 0
    return folder


@pytest.fixture
def data(template: Path, tmp_path: Path) -> Path:
    folder = tmp_path / "data"
    shutil.copytree(template, folder, symlinks=True)
    return folder


@pytest.fixture
def run(data: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Run:
    """Types one command line; ``stdin`` is what is piped into it."""

    def call(*words: object, stdin: str = "") -> Said:
        monkeypatch.setattr("sys.stdin", io.StringIO(stdin))
        capsys.readouterr()
        try:
            code = cli.main(["--data", str(data), *map(str, words)])
        except SystemExit as stop:
            code = int(str(stop.code))
        return Said(code, *capsys.readouterr())

    return call


@pytest.fixture
def store(data: Path) -> Any:
    opened = Store.open(data)
    yield opened
    opened.close()


@pytest.fixture
def filled(store: Store, tmp_path: Path) -> Store:
    """Public and restricted indicators, one of them a formula; policies and an expert; three users."""
    read = csv.DictReader(io.StringIO("\n".join([HEADER, GOOD, EQUAL, RESTRICTED, FORMULA])))
    plan = imports.plan(store, [Row("", n, dict(cells)) for n, cells in enumerate(read, 2)], origin="测试")
    assert imports.apply(store, plan, actor="", source="测试") == 4
    secret = tmp_path / "密.txt"
    secret.write_text("凤凰行动方案\n凤凰暗语。\n", encoding="utf-8")
    open_, shut = policies.parse(FIXTURES / "report.txt"), policies.parse(secret)
    policies.put(store, [open_], actor="")
    policies.put(store, [shut], actor="")
    store.db.execute("update policies set visibility = 'restricted', owner = '州公安局' where id = ?", [shut.policy.id])
    secret.unlink()
    pool = [
        Expert("e1", "示例专家一", "行业领域", "@某大学", "高校", "教授", ("教育", "农业"), True, Status.ACTIVE, 0, "")
    ]
    experts.put(store, pool, actor="", detail="")
    for name, role, unit, clearance in (
        ("管理员", Role.ADMIN, "州财政局", Clearance.ALL),
        ("公安经办", Role.DEPARTMENT, "州公安局", Clearance.OWN),
        ("离职人员", Role.ADMIN, "州财政局", Clearance.ALL),
    ):
        people.add(store, User(name, role, unit, clearance, disabled=False), password=None, by="")
    people.disable(store, "离职人员", by="")
    return store


def write(folder: Path, name: str, *lines: str) -> Path:
    path = folder / name
    path.write_text("\n".join([HEADER, *lines]), encoding="utf-8")
    return path


def dump(store: Store) -> list[str]:
    return list(store.db.conn.iterdump())


def leftovers(folder: Path) -> list[str]:
    return [p.name for p in folder.rglob("*.part*")]


# init


def test_init_leaves_a_library_that_is_there_alone(filled: Store, run: Run) -> None:
    before = dump(filled)
    assert [run("init", "--empty"), run("init")] == [Said(0, "", "")] * 2
    assert dump(filled) == before


@pytest.mark.parametrize("command", [["export", "indicators", "a.csv"], ["user", "list"], ["backup", "b.db"]])
def test_without_a_library_every_command_says_what_to_do(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], command: list[str]
) -> None:
    code = cli.main(["--data", str(tmp_path / "无"), *command])
    message = f"数据目录 {tmp_path / '无'} 里还没有指标库，请先运行 zhibiao init。\n"
    assert Said(code, *capsys.readouterr()) == Said(1, "", message)
    assert not (tmp_path / "无").exists()


@pytest.mark.parametrize("words", [[], ["none"], ["export", "users", "x.csv"], ["user", "add", "a"], ["import"]])
def test_wrong_usage_is_two_and_in_chinese(run: Run, words: list[str]) -> None:
    said = run(*words)
    assert (said.code, said.out, said.err.count("\n")) == (2, "", 1)
    assert said.err.startswith("用法有误（")
    assert said.err.endswith("--help 查看用法。\n")


# import


def test_import_writes_and_says_so(run: Run, store: Store, tmp_path: Path) -> None:
    path = write(tmp_path, "表.csv", GOOD, RESTRICTED)
    first, again = run("import", path), run("import", path, FIXTURES / "report.txt")
    assert first == Said(
        0,
        "表.csv：新增 2 条，修改 0 条，无变化 0 条，有问题 0 处，新增用途 1 个，新增预算单位 2 个\n已写入指标 2 条\n",
        "",
    )
    assert again == Said(
        0,
        "表.csv：新增 0 条，修改 0 条，无变化 2 条，有问题 0 处\n"
        "report.txt：《青禾市财政局2024年度预算绩效管理工作开展情况》，6 段，引用文号 4 个\n"
        "已写入政策文件 1 份\n",
        "",
    )
    assert run("import", FIXTURES / "report.txt").out.endswith("没有新的内容；1 份已在库中\n")
    assert [i.origin for i in indicators.everything(store)] == ["导入：表.csv"] * 2


def test_several_files_are_imported_one_after_the_other(run: Run, store: Store, tmp_path: Path) -> None:
    """Each file is checked against the library with those before it: no code and no use is given twice."""
    other = GOOD.replace("新建幼儿园数量", "改建幼儿园数量").replace("学前教育保障", "特殊教育保障")
    third = GOOD.replace("当年建成", "改过的解释")
    files = [write(tmp_path, f"{n}.csv", line) for n, line in enumerate((GOOD, other, third), 1)]
    said = run("import", *files)
    assert (said.code, said.out.splitlines()[1:]) == (0, [
        "2.csv：新增 1 条，修改 0 条，无变化 0 条，有问题 0 处，新增用途 1 个",
        "3.csv：新增 0 条，修改 1 条，无变化 0 条，有问题 0 处",
        "已写入指标 3 条",
    ])  # fmt: skip
    assert [(i.code, i.name, i.use and i.use.code, i.definition, i.revision) for i in indicators.everything(store)] == [
        ("2100001", "新建幼儿园数量", "9010101", "改过的解释", 2),
        ("2100002", "改建幼儿园数量", "9010102", "当年建成", 1),
    ]


def test_a_bad_row_in_one_file_keeps_all_files_out(run: Run, store: Store, tmp_path: Path) -> None:
    bad = write(tmp_path, "坏.csv", EQUAL.replace("100", "百分百"), GOOD.replace("≥,所", "≥,"), RESTRICTED)
    torn = tmp_path / "损.xlsx"
    torn.write_bytes(b"PK\x03\x04")
    before = dump(store)
    said = run("import", write(tmp_path, "好.csv", GOOD), bad, torn, FIXTURES / "report.txt")
    assert said == Said(
        1,
        "好.csv：新增 1 条，修改 0 条，无变化 0 条，有问题 0 处，新增用途 1 个，新增预算单位 1 个\n"
        "坏.csv：新增 1 条，修改 0 条，无变化 0 条，有问题 2 处，新增预算单位 1 个\n"
        "report.txt：《青禾市财政局2024年度预算绩效管理工作开展情况》，6 段，引用文号 4 个\n",
        "坏.csv 第 2 行，指标值：“百分百”不是数字，请只填数字，符号和单位填在各自的列里。\n"
        "坏.csv 第 3 行，计量单位：定量指标必须有计量单位，请填写；如无法量化，请把计算符号改为“定性”。\n"
        "文件“损.xlsx”打不开或已损坏，请用表格软件重新保存为 xlsx。\n"
        "有问题未解决，没有写入任何内容；请修改后重新导入。\n",
    )
    assert dump(store) == before


def test_a_dry_run_says_the_same_and_writes_nothing(run: Run, store: Store, tmp_path: Path) -> None:
    good, bad = write(tmp_path, "好.csv", GOOD), write(tmp_path, "坏.csv", GOOD.replace("公开", ""))
    before = dump(store)
    dry = run("import", "--dry-run", good, FIXTURES / "report.txt")
    assert run("import", "--dry-run", bad).code == 1
    assert dump(store) == before
    real = run("import", good, FIXTURES / "report.txt")
    assert (dry.code, dry.out + "已写入指标 1 条、政策文件 1 份\n", dry.err) == real


def test_import_of_what_cannot_be_imported(run: Run, store: Store, tmp_path: Path) -> None:
    path, missing = write(tmp_path, "表.csv", GOOD), tmp_path / "没有.csv"
    before = dump(store)
    assert [
        run("import", path, missing),
        run("import", tmp_path),
        run("import", "--kind", "experts", path),
        run("import", "--kind", "indicators", FIXTURES / "report.txt"),
    ] == [
        Said(2, "", f"没有文件 {missing}，请检查路径。\n"),
        Said(2, "", f"没有文件 {tmp_path}，请检查路径。\n"),
        Said(1, "表.csv：专家 0 名，有问题 3 处\n", "表.csv 第 2 行，姓名：没有填写，请补充。\n"
             "表.csv 第 2 行，单位：没有填写，请补充。\n表.csv 第 2 行，类别：请填写“绩效领域”或“行业领域”。\n"
             "有问题未解决，没有写入任何内容；请修改后重新导入。\n"),
        Said(1, "", "文件“report.txt”不是表格，请使用 .csv、.tsv、.xlsx、.xls、.ods 格式。\n"
             "有问题未解决，没有写入任何内容；请修改后重新导入。\n"),
    ]  # fmt: skip
    assert dump(store) == before


def test_experts_are_imported_and_the_flags_may_stand_behind_the_command(
    filled: Store, run: Run, tmp_path: Path
) -> None:
    path = tmp_path / "名单.csv"
    path.write_text("姓名,类别,单位\n示例人甲,行业领域,某局\n", encoding="utf-8")
    assert run("import", path, "--kind", "experts", "--as", "管理员") == Said(
        0, "名单.csv：专家 1 名，有问题 0 处\n已写入专家 1 名\n", ""
    )
    assert run("export", "experts", tmp_path / "出.jsonl", "--as", "管理员").code == 0
    lines = (tmp_path / "出.jsonl").read_text(encoding="utf-8").splitlines()
    assert [e["name"] for e in map(json.loads, lines) if not e["sample"]] == ["示例人甲"]


# export


@pytest.mark.parametrize("format", ["jsonl", "csv", "xlsx"])
@pytest.mark.parametrize("kind", ["indicators", "policies"])
def test_an_open_export_holds_no_byte_of_what_is_restricted(
    filled: Store, run: Run, tmp_path: Path, format: str, kind: str
) -> None:
    """Whoever asks: the open edition is what anybody may pass on."""
    out = tmp_path / f"出.{format}"
    for who in ([], ["--as", "公安经办"], ["--as", "管理员"]):
        assert run(*who, "export", kind, out).code == 0
        kept = out.read_bytes()
        if format == "xlsx":  # every part of it, the properties too
            with zipfile.ZipFile(out) as archive:
                kept = b"".join(archive.read(name) for name in archive.namelist())
        assert [w.encode() in kept for w in ("新建幼儿园数量", "预算绩效管理")] == [
            kind == "indicators",
            kind == "policies",
        ]
        assert [word for word in SECRETS if word.encode() in kept] == []
    assert leftovers(tmp_path) == []


def test_jsonl_is_the_contract_record_by_record(filled: Store, run: Run, tmp_path: Path) -> None:
    out = tmp_path / "出.jsonl"
    assert run("export", "indicators", out) == Said(0, f"已导出 3 条到 {out}\n", "")
    lines = out.read_text(encoding="utf-8").splitlines()
    assert [json.loads(line) for line in lines] == [
        i.as_json() for i in indicators.export(filled, PUBLIC, edition="open")
    ]


def test_who_may_export_the_full_edition(filled: Store, run: Run, tmp_path: Path) -> None:
    out = tmp_path / "全.jsonl"
    refused = "导出完整版需要可查看全部指标的账户，请换一个账户。"
    assert [run(*who, "export", "indicators", "--edition", "full", out) for who in ([], ["--as", "公安经办"])] == [
        Said(1, "", f"{refused}（命令行用 --as 指明账户。）\n"), Said(1, "", f"{refused}\n"),
    ]  # fmt: skip
    assert not out.exists()
    assert run("--as", "管理员", "export", "indicators", "--edition", "full", out).code == 0
    assert [json.loads(line)["code"] for line in out.read_text(encoding="utf-8").splitlines()] == [
        "2100001", "2190001", "2200001", "3200001",
    ]  # fmt: skip
    assert run("--as", "管理员", "export", "policies", "--edition", "full", tmp_path / "策.csv").out.startswith(
        "已导出 2"
    )


def test_acting_as_nobody_or_as_somebody_disabled_is_refused(filled: Store, run: Run, tmp_path: Path) -> None:
    out = tmp_path / "全.jsonl"
    assert [run("--as", name, "export", "indicators", "--edition", "full", out) for name in ("赵六", "离职人员")] == [
        Said(1, "", "没有用户“赵六”，请用 zhibiao user list 查看。\n"),
        Said(1, "", "用户“离职人员”已停用，请换一个账户。\n"),
    ]
    assert not out.exists()


def test_experts_are_exported_for_signed_in_people_only(filled: Store, run: Run, tmp_path: Path) -> None:
    out = tmp_path / "专家.csv"
    assert run("export", "experts", out) == Said(1, "", "请先登录后再查看专家库。（命令行用 --as 指明账户。）\n")
    assert not out.exists()
    assert run("--as", "公安经办", "export", "experts", out).code == 0
    with out.open(encoding="utf-8-sig", newline="") as file:
        (line,) = csv.DictReader(file)
    assert (line["name"], line["fields"], line["organisation"]) == ("示例专家一", "教育、农业", "'@某大学")


@pytest.mark.parametrize("format", ["csv", "xlsx"])
def test_formulas_are_neutralised(filled: Store, run: Run, tmp_path: Path, format: str) -> None:
    out = tmp_path / f"出.{format}"
    assert run("export", "indicators", out).code == 0
    if format == "csv":
        with out.open(encoding="utf-8-sig", newline="") as file:
            lines: list[list[Any]] = list(csv.reader(file))
    else:
        lines = CalamineWorkbook.from_path(out).get_sheet_by_index(0).to_python()
    (found,) = (dict(zip(lines[0], line, strict=True)) for line in lines[1:] if line[1] == "3200001")
    assert (found["name"], found["definition"], found["owner"], found["operator"]) == (
        "'=cmd|'/c calc'!A1", "'+1+1， @SUM(A1)", "'-州财政局", "定性",
    )  # fmt: skip
    dangerous = [c for line in lines for c in line if len(str(c)) > 1 and str(c)[0] in "=+-@\t\r"]
    assert dangerous == []


@pytest.mark.parametrize("format", ["csv", "xlsx"])
def test_an_export_can_be_imported_again_as_it_is(filled: Store, run: Run, tmp_path: Path, format: str) -> None:
    """The operator ``=`` and a negative target are no formulas."""
    filled.db.execute("delete from indicators where code = '3200001'")
    filled.db.execute("update indicators set reference = '-5' where code = '2100001'")
    out = tmp_path / f"出.{format}"
    run("--as", "管理员", "export", "indicators", "--edition", "full", out)
    before = dump(filled)
    assert run("import", out) == Said(
        0,
        f"出.{format}：新增 0 条，修改 0 条，无变化 3 条，有问题 0 处\n没有新的内容\n",
        "",
    )
    assert dump(filled) == before


def test_an_export_that_fails_leaves_nothing(filled: Store, run: Run, tmp_path: Path) -> None:
    nowhere = [tmp_path / "没有" / f"出.{f}" for f in ("jsonl", "csv", "xlsx")]
    assert [run("export", "indicators", out) for out in nowhere] == [
        Said(2, "", f"文件 {out} 写不进去，请检查目录是否存在、能否写入。\n") for out in nowhere
    ]
    taken = tmp_path / "目录.csv"
    taken.mkdir()
    assert run("export", "indicators", taken).code == 2
    assert run("export", "indicators", tmp_path / "出.doc") == Said(2, "", "请用 --format 指明 jsonl、csv 或 xlsx。\n")
    assert (leftovers(tmp_path), sorted(p.name for p in tmp_path.iterdir())) == ([], ["data", "目录.csv"])


def test_an_export_replaces_the_one_before(filled: Store, run: Run, tmp_path: Path) -> None:
    out = tmp_path / "出"
    out.write_text("旧" * 100_000)
    assert run("export", "indicators", "--format", "jsonl", out).code == 0
    assert len(out.read_text(encoding="utf-8").splitlines()) == 3


# choices


def test_what_was_taken_over_is_listed_and_cleared_by_an_administrator(filled: Store, run: Run) -> None:
    person = people.get(filled, "公安经办").actor
    use = "学前教育保障"
    for code in ("2100001", "2200001", "2190001"):
        choices.take(filled, use, indicator_id(code), person, chosen=[])
    listed = f"{use}\t2100001\t新建幼儿园数量\t1\n{use}\t2200001\t验收合格率\t1\n"
    refused = [run(*who, "choices", "reset") for who in ((), ("--as", "公安经办"))]
    refused += [run("choices", "list", *who) for who in ((), ("--as", "公安经办"))]
    messages = [
        "请先登录后再维护指标库和检索设置。（命令行用 --as 指明账户。）\n",
        "只有财政管理员可以维护指标库和检索设置，请联系本级财政部门。\n",
    ]
    assert refused == [Said(1, "", message) for message in messages * 2]
    assert run("choices", "list", "--as", "管理员") == Said(0, listed, "")
    assert run("choices", "reset", "--use", "没有的用途", "--as", "管理员") == Said(0, "已清除 0 条采用记录\n", "")
    assert run("--as", "管理员", "choices", "reset", "--use", use) == Said(0, "已清除 2 条采用记录\n", "")
    choices.take(filled, use, indicator_id("2100001"), person, chosen=[])
    assert run("--as", "管理员", "choices", "reset") == Said(0, "已清除 1 条采用记录\n", "")
    assert run("--as", "管理员", "choices", "list") == Said(0, "", "")


# backup and restore


def test_backup_and_restore(filled: Store, run: Run, tmp_path: Path) -> None:
    out = tmp_path / "备份.db"
    assert run("backup", out) == Said(0, f"已备份到 {out}\n", "")
    assert run("backup", out) == Said(2, "", f"文件 {out} 已存在，请换一个文件名。\n")
    filled.db.execute("delete from users")
    filled.close()
    assert run("restore", out) == Said(0, "已恢复，正在重建索引\n", "")
    assert (len(people.users(filled)), maintenance.counts(filled)["indicators"]) == (3, 4)
    out.write_bytes(b"x" * 5000)
    assert run("restore", out) == Said(1, "", f"文件 {out} 不是完好的备份，请换一个备份文件。\n")
    assert leftovers(tmp_path) == []
