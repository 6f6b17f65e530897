"""docs/security: every requirement has its line, every line a test that exists or a reason."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs" / "security"
STATES = {"holds", "n/a", "proxy", "not met"}
# How many requirements of levels 1 and 2 each section of ASVS 4.0.3 has, and the numbers that it leaves out.
SECTIONS = {
    "1.1": 7, "1.2": 4, "1.4": 5, "1.5": 4, "1.6": 4, "1.7": 2, "1.8": 2, "1.9": 2, "1.10": 1, "1.11": 2, "1.12": 2,
    "1.14": 6, "2.1": 12, "2.2": 3, "2.3": 3, "2.4": 5, "2.5": 7, "2.6": 3, "2.7": 6, "2.8": 7, "2.9": 3, "2.10": 4,
    "3.1": 1, "3.2": 4, "3.3": 4, "3.4": 5, "3.5": 3, "3.7": 1, "4.1": 5, "4.2": 2, "4.3": 3, "5.1": 5, "5.2": 8,
    "5.3": 10, "5.4": 3, "5.5": 4, "6.1": 3, "6.2": 6, "6.3": 2, "6.4": 2, "7.1": 4, "7.2": 2, "7.3": 4, "7.4": 3,
    "8.1": 4, "8.2": 3, "8.3": 8, "9.1": 3, "9.2": 4, "10.2": 2, "10.3": 3, "11.1": 8, "12.1": 3, "12.2": 1, "12.3": 6,
    "12.4": 2, "12.5": 2, "12.6": 1, "13.1": 5, "13.2": 6, "13.3": 2, "13.4": 2, "14.1": 4, "14.2": 6, "14.3": 3,
    "14.4": 7, "14.5": 4,
}  # fmt: skip
WITHDRAWN = {"1.4.2", "1.4.3", "1.12.1", "4.1.4", "7.3.2", "13.1.2", "13.2.4", "14.3.1"}
_NAMED = re.compile(r"`(tests/[\w/]+\.py)::(\w+)`")


@cache
def names_in(path: str) -> frozenset[str]:
    """The names of the test functions of a file."""
    tree = ast.parse((ROOT / path).read_text(encoding="utf-8"))
    return frozenset(node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef))


def lines() -> list[list[str]]:
    text = (DOCS / "asvs.md").read_text(encoding="utf-8")
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in text.splitlines() if line.startswith("|")]
    return [row for row in rows if row[0][:1].isdigit()]


def test_every_requirement_has_one_line() -> None:
    wanted = [f"{section}.{n}" for section, count in SECTIONS.items() for n in range(1, count + 1)]
    assert [row[0] for row in lines()] == [number for number in wanted if number not in WITHDRAWN]


def test_every_line_has_a_test_or_a_reason() -> None:
    for number, words, state, shown in lines():
        assert state in STATES, number
        assert words, number
        assert len(shown) >= 3, number
        if state != "holds":
            assert not _NAMED.search(shown), f"{number}: what does not hold has a reason"


def test_every_named_test_exists() -> None:
    for path in sorted(DOCS.glob("*.md")):
        for file, name in _NAMED.findall(path.read_text(encoding="utf-8")):
            assert (ROOT / file).is_file(), (path.name, file)
            assert name in names_in(file), (path.name, file, name)


def test_the_figures_at_the_head_are_those_of_the_lines() -> None:
    head = (DOCS / "asvs.md").read_text(encoding="utf-8").split("## V1 ")[0]
    said = {state: int(count) for state, count in re.findall(r"\*\*([a-z /]+)\*\* (\d+)", head)}
    states = [row[2] for row in lines()]
    assert said == {state: states.count(state) for state in STATES}
