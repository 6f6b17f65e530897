"""On the command line: every command and export, as every persona."""

# ruff: noqa: S311 - seeds are no secrets

from __future__ import annotations

import io
import json
import sqlite3
from argparse import ArgumentParser, _SubParsersAction
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from random import Random
from typing import NamedTuple

import pytest
from openpyxl import load_workbook

from corpus.access import Clearance
from webapp import cli

from .library import BEASTS, made
from .personas import PERSONAS, Persona
from .world import Side, World, world

# People alone: a token is no name. Personas that see the same are asked once.
PEOPLE = [
    p for p in PERSONAS if not p.token and p.name in ("public", "roads", "reviewer-all", "admin-none", "auditor-none")
]
EXPORT = [[kind, f"out.{form}", "--edition", edition] for kind in ("indicators", "policies", "experts")
          for form, edition in (("jsonl", "full"), ("csv", "open"), ("xlsx", "open"))]  # fmt: skip

# By command: the arguments that are compared. A new command needs a line.
# The audit comes first: what others do afterwards in this library they do not do in another one's twin.
COMPARED: dict[str, list[list[str]]] = {
    "audit search": [["--json"], ["--text", "QUERY"]],
    "audit export": [["out.csv"], ["out.jsonl"]],
    "search": [
        ["QUERY", "--json"],
        ["QUERY"],
        ["QUERY", "--kind", "policies"],
        ["QUERY", "--kind", "experts", "--json"],
    ],
    "suggest": [["DRAFTS", "--json"], ["DRAFTS"]],
    "review": [["TABLE", "--json"], ["TABLE"]],
    "export": EXPORT,
    "choices list": [[]],
    "choices reset": [["--use", "要地警卫"], []],
    "audit head": [[]],
    "audit verify": [[]],
    # What touches every record is for those who see every record: the others are all refused alike.
    "import": [["TABLE_FILE"], ["TABLE_FILE", "--dry-run"]],
    "backup": [["out.db"]],
    "index": [["--verify"], ["--full"]],
    "doctor": [["--json"], []],
    "user why": [["-", "CODE"], ["auditor-none", "CODE"]],
    "user add": [["newcomer", "--role", "reviewer", "--unit", "UNIT"]],
}
# Without --as these are the operator's, who holds the files themselves and can read them with any other program.
OPERATORS = {"import", "backup", "index", "doctor", "user why", "user add"}
# These tell of no record, or make or replace the whole library.
ASIDE = {
    "init": "makes a library", "restore": "puts a whole library in place of another; the operator's",
    "serve": "is what test_http asks", "user list": "accounts", "user show": "accounts",
    "user edit": "accounts", "user disable": "accounts", "user enable": "accounts", "user unlock": "accounts",
    "user password": "accounts", "user link": "accounts", "user token": "accounts", "user tokens": "accounts",
    "user revoke": "accounts",
}  # fmt: skip


def _commands(parser: ArgumentParser, path: str = "") -> Iterator[str]:
    groups = [a for a in parser._actions if isinstance(a, _SubParsersAction)]
    if not groups:
        yield path
    for group in groups:
        for name, command in group.choices.items():
            yield from _commands(command, f"{path} {name}".strip())


def test_every_command_has_a_line() -> None:
    assert set(_commands(cli.parser())) == COMPARED.keys() | ASIDE.keys()
    assert not COMPARED.keys() & ASIDE.keys()


class Said(NamedTuple):
    """Everything that a call leaves behind."""

    code: int
    out: str
    err: str
    file: object


Run = Callable[[Side, Persona, list[str]], Said]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Call the command line in a folder of its own, so that paths in messages are the same."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.stdin", io.StringIO(""))

    def call(side: Side, persona: Persona, arguments: list[str]) -> Said:
        acting = ["--as", persona.name] if persona.user else []
        try:
            code = cli.main(["--data", str(side.folder), *acting, *arguments])
        except SystemExit as end:
            code = int(str(end.code))
        said = capsys.readouterr()
        return Said(code, said.out, said.err, _written(tmp_path))

    return call


def _written(folder: Path) -> object:
    """What a call wrote, and away with it: files by bytes, workbooks by their cells, a copy of the store by its being."""
    found = {}
    for path in sorted(folder.glob("out.*")):
        if path.suffix == ".xlsx":
            sheet = load_workbook(path).worksheets[0]
            found[path.name] = [[cell.value for cell in row] for row in sheet.iter_rows()]
        else:
            found[path.name] = path.suffix == ".db" or path.read_bytes()
        path.unlink()
    return found


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with world(tmp_path_factory.mktemp("commands"), made(Random(11), 40), PEOPLE) as found:
        yield found


@pytest.fixture
def files(here: World, tmp_path: Path) -> dict[str, list[str]]:
    """What stands for the words in capitals."""
    hidden = here.library.sealed
    drafts = [{"project": i.name, "goal": f"{i.name}{i.reference}{i.unit}，{BEASTS[0]}"} for i in hidden[:4]]
    (tmp_path / "drafts.jsonl").write_text("\n".join(json.dumps(d, ensure_ascii=False) for d in drafts), "utf-8")
    rows = [{"level1": i.category.level1, "level2": i.category.level2, "name": i.name, "operator": i.operator.value,
             "value": i.reference, "unit": i.unit} for i in here.library.records[:12]]  # fmt: skip
    (tmp_path / "table.json").write_text(
        json.dumps({"project": "公路", "goal": "巡查", "rows": rows}, ensure_ascii=False), "utf-8"
    )
    i = hidden[0]
    line = [i.code, i.name, i.category.level2, "定性", i.owner, "不公开", i.theme]
    (tmp_path / "rows.csv").write_text(
        "代码,名称,二级指标,计算符号,来源部门,是否公开,共性类别\n" + ",".join(line) + "\n", "utf-8-sig"
    )
    texts = [hidden[0].name, hidden[1].code, f"“{BEASTS[1]}”", BEASTS[5], "暗号甲", "农村公路", ""]
    return {"QUERY": texts, "DRAFTS": ["drafts.jsonl"], "TABLE": ["table.json"], "TABLE_FILE": ["rows.csv"],
            "CODE": [*(i.code for i in hidden[:5]), "2190099", here.library.records[0].id],
            "UNIT": sorted({i.owner for i in hidden})}  # fmt: skip


def test_every_command_as_everybody(
    here: World, run: Run, files: dict[str, list[str]], capsys: pytest.CaptureFixture[str]
) -> None:
    different, compared = [], 0
    for command, calls in COMPARED.items():
        for persona in PEOPLE:
            cleared = persona.user is not None and persona.user.clearance is Clearance.ALL
            # Who is cleared for all misses nothing, and reads in the audit what others did in this library alone.
            # An export of the audit is told in the next one: one person exports.
            if command == "audit export" and persona.name != "auditor-none":
                continue
            if (cleared and command.startswith("audit")) or (persona.user is None and command in OPERATORS):
                continue
            for n, call in enumerate(calls):
                word = next((w for w in call if w in files), "")
                for value in (files[word][n % 3 :: 3] or files[word]) if word else [""]:
                    arguments = [*command.split(), *(value if w == word else w for w in call)]
                    whole, twin = (run(side, persona, arguments) for side in (here.whole, here.twin(persona)))
                    compared += 1
                    if whole != twin:
                        different.append((persona.name, arguments, whole, twin))
    with capsys.disabled():
        print(f"\n{compared} comparisons of commands, {len(different)} differences")
    assert different == [], _apart(different[0])


def _apart(difference: tuple[str, list[str], Said, Said]) -> str:
    """The first place where two answers part."""
    name, arguments, whole, twin = difference
    one, other = repr(whole), repr(twin)
    at = next((n for n, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other)))
    return f"{name} {arguments}\n{one[max(0, at - 200) : at + 200]}\n{other[max(0, at - 200) : at + 200]}"


def test_who_is_not_cleared_for_all_is_refused_what_tells_of_all(
    here: World, run: Run, files: dict[str, list[str]]
) -> None:
    for command in sorted(OPERATORS - {"user why", "user add"}):  # accounts ask for another right
        arguments = [files.get(w, [w])[0] for w in COMPARED[command][0]]
        for persona in PEOPLE:
            if persona.user and persona.user.clearance is not Clearance.ALL:
                said = run(here.whole, persona, [command, *arguments])
                assert (said.code, said.out, said.file) == (1, "", {}), (persona.name, command)
                assert "需要可查看全部指标的账户" in said.err


def test_a_folder_of_the_open_edition(here: World, run: Run, tmp_path: Path) -> None:
    """Every table of it, but its secrets and the times at which it was made."""
    public = PEOPLE[0]
    dumps = []
    for side in (here.whole, here.twin(public)):
        folder = tmp_path / f"open-{len(dumps)}"
        said = run(side, public, ["export", "--edition", "open", str(folder)])
        assert said.code == 0, said.err
        dumps.append((said.out.replace(folder.name, "FOLDER"), _dump(folder)))
    assert dumps[0] == dumps[1]


# Each folder's keys, the chain that is made with one of them, and the times at which its tables were made.
_OWN = ("settings", "audit", "_sqlite_migrations")


def _dump(folder: Path) -> dict[str, list[tuple[object, ...]]]:
    with closing(sqlite3.connect(folder / "zhibiao.db")) as db:
        tables = [name for (name,) in db.execute("select name from sqlite_master where type = 'table' order by name")]
        return {name: db.execute(f"select * from {name}").fetchall() for name in tables if name not in _OWN}
