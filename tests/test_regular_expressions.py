"""No regular expression of the product can blow up on what people send: found in the source, judged by their shape."""

from __future__ import annotations

import ast
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from pathlib import Path

import pytest
from pypinyin.constants import RE_HANS

from tests.regex_shape import blowups

ROOT = Path(__file__).parents[1]
STOREYS = ("corpus", "indexer", "webapp")
CALLS = {"compile", "match", "search", "fullmatch", "sub", "subn", "split", "findall", "finditer"}
SEARCHES = CALLS - {"compile", "match", "fullmatch"}


@dataclass(frozen=True)
class Expression:
    """One regular expression of the source, and how it is used."""

    place: str
    pattern: str
    flags: int
    searched: bool
    whole: bool


@cache
def expressions() -> tuple[Expression, ...]:
    """Every expression of the three storeys."""
    return tuple(_expressions())


def _expressions() -> Iterator[Expression]:
    files = sorted(path for storey in STOREYS for path in (ROOT / storey).rglob("*.py"))
    trees = {path: ast.parse(path.read_text(encoding="utf-8")) for path in files}
    uses: dict[str, set[str]] = {}
    for tree in trees.values():
        for node in ast.walk(tree):
            if isinstance(node, ast.Attribute) and node.attr in CALLS - {"compile"}:
                name = node.value.id if isinstance(node.value, ast.Name) else getattr(node.value, "attr", "")
                uses.setdefault(name, set()).add(node.attr)
    for path, tree in trees.items():
        names = {id(node.value): target.id for node in ast.walk(tree) if isinstance(node, ast.Assign)
                 for target in node.targets if isinstance(target, ast.Name)}  # fmt: skip
        for node in ast.walk(tree):
            if not (
                isinstance(node, ast.Call)
                and isinstance(node.func, ast.Attribute)
                and isinstance(node.func.value, ast.Name)
                and node.func.value.id == "re"
                and node.func.attr in CALLS
            ):
                continue
            module = import_module(".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"))
            used = uses.get(names.get(id(node), ""), SEARCHES) if node.func.attr == "compile" else {node.func.attr}
            at = 1 if node.func.attr == "compile" else {"sub": 4, "subn": 4, "split": 3}.get(node.func.attr, 2)
            given = [k.value for k in node.keywords if k.arg == "flags"] or node.args[at : at + 1]
            place = f"{path.relative_to(ROOT)}:{node.lineno}"
            yield Expression(
                place,
                _value(node.args[0], vars(module), place),
                int(_value(given[0], vars(module), place)) if given else 0,
                searched=bool(used & SEARCHES),
                whole=used == {"fullmatch"},
            )


def _value(node: ast.expr, names: dict[str, object], place: str) -> str:
    """What stands there, worked out with the names of the module: an expression of ours, not of a request."""
    try:
        return eval(compile(ast.Expression(node), place, "eval"), dict(names))  # type: ignore[no-any-return]  # noqa: S307
    except NameError:
        return LOCAL[place.split(":", maxsplit=1)[0], ast.unparse(node)]


# Patterns made from local names: what they look like at most.
LOCAL: dict[tuple[str, str], str] = {
    ("corpus/structure.py", "finer[0]"): r"(?<=[。！？])(?![”’）」])|(?<=[。！？][”’）」])|(?<=[；，、])",
    ("indexer/pinyin.py", "f'({self.hans})'"): f"({RE_HANS.pattern[1:-1]})",
    ("indexer/project_types.py", "'|'.join(words.split())"): "补助|补贴|运行|维护",
    ("indexer/review_tables.py", "f'(?<![0-9]){month}月'"): r"(?<![0-9])(?:1[0-2]|[1-9])月",
    ("webapp/auth.py", "sign"): r"Edg[e/]|OPR/|Firefox/|iPhone|iPad|Mac OS",
    ("corpus/structure.py", "re.escape(place[1]) + '财政(?:分局|局|厅)'"): "云南省财政(?:分局|局|厅)",
}
# Expressions whose shape is ambiguous and that hold all the same: by file and beginning, the reason and the worst text
# of the longest length that reaches them.
ARGUED = {
    ("corpus/quantity.py", r"\s?((?:(?:平方公里"): (
        "人/次 is a unit and 人 with 次 after a slash is one too; a unit that ends before a slash is always taken, so that "
        "nothing is tried a second time",
        "人/次" + "/人/次" * 3000 + "性",
    ),
    ("corpus/readers/documents.py", "<(?!/?[A-Za-z]"): (
        "what the assertion runs over holds no < and so is never run over from a second place",
        "<a" * 1_000_000,
    ),
    ("indexer/query.py", "(?:(?:19|20)"): (
        "the square of a run of blanks; what stands in the brackets of a project's name of at most 200 characters",
        "局" + " " * 200 + "x",
    ),
    ("indexer/review_rules.py", "每|按[年季月周日学半]|逐"): (
        "the square of a run of numerals; at most 10,000 characters in a cell, 5,000 in a goal",
        "一" * 10_000,
    ),
    ("indexer/review_tables.py", "[0-9一二三四五六七八九十两半]+个?"): (
        "the square of a run of numerals; at most 10,000 characters in a cell, 5,000 in a goal",
        "一" * 10_000,
    ),
}


def argued(e: Expression) -> tuple[str, str] | None:
    """The key of the reason why an ambiguous expression holds."""
    file = e.place.rpartition(":")[0]
    return next((key for key in ARGUED if key[0] == file and e.pattern.startswith(key[1])), None)


def test_every_expression_is_of_a_harmless_shape_or_argued() -> None:
    all_ = expressions()
    assert len(all_) > 100
    kinds = {e: blowups(e.pattern, e.flags, searched=e.searched, whole=e.whole) for e in all_}
    ambiguous = [e for e in all_ if kinds[e]]
    assert [(e.place, e.pattern, kinds[e]) for e in ambiguous if argued(e) is None] == []
    assert {argued(e) for e in ambiguous} == set(ARGUED)


@pytest.mark.parametrize("key", ARGUED, ids=lambda key: key[0])
def test_what_is_argued_holds(key: tuple[str, str]) -> None:
    (found,) = [e for e in expressions() if argued(e) == key]
    compiled = re.compile(found.pattern, found.flags)
    begun = time.process_time()
    (compiled.search if found.searched else compiled.match)(ARGUED[key][1])
    assert time.process_time() - begun < 5


@pytest.mark.parametrize(
    ("pattern", "searched", "whole", "kinds"),
    [
        (r"(a+)+b", False, False, {"exponential"}),
        (r"(?:ab?|b)*c", False, False, {"exponential"}),
        (r"(?:a|ab|b)*c", False, False, {"exponential"}),
        (r"(?:a*)*b", False, False, {"exponential"}),
        (r"\s*\n\s*x", False, False, {"polynomial"}),
        (r"a*a*b", False, False, {"polynomial"}),
        (r"\d+x", True, False, {"polynomial"}),
        (r"\d+x", False, False, set()),
        (r"\d+", True, False, set()),
        (r"\d+$", True, False, {"polynomial"}),
        (r"\(.*?\)", True, False, {"polynomial"}),
        (r"\([^()]*\)", True, False, set()),
        (r"[a-z]+\d+", False, True, set()),
        (r"\w+\d+", False, True, {"polynomial"}),
        (r"(?:[a-z]+;)*", False, True, set()),
        (r"a{0,50}b", True, False, set()),
        (r"a{0,5000}b", True, False, {"polynomial"}),
    ],
)
def test_the_judge_knows_the_shapes(pattern: str, searched: bool, whole: bool, kinds: set[str]) -> None:
    assert blowups(pattern, 0, searched=searched, whole=whole) == kinds
