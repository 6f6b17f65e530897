"""What several pages need: reading the query string, turning pages, facet lists, and cutting long texts."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import urlencode

from flask import request

from corpus.errors import BadInput
from indexer.search import Query, Results

FOLD_AFTER = 8


@dataclass(frozen=True, slots=True)
class Choice:
    """One value of a facet: how many records it would leave, whether it is on, and where a click leads."""

    value: str
    label: str
    count: int
    on: bool
    url: str


@dataclass(frozen=True, slots=True)
class Facet:
    """A facet with its values: those ``shown`` at once and those ``folded`` under 更多."""

    name: str
    label: str
    shown: tuple[Choice, ...]
    folded: tuple[Choice, ...]

    @property
    def chosen(self) -> list[Choice]:
        return [c for c in (*self.shown, *self.folded) if c.on]


@dataclass(frozen=True, slots=True)
class Pager:
    """The pages of a result list; a missing neighbour has an empty address."""

    page: int
    pages: int
    previous: str
    next: str
    first: str


def page_number() -> int:
    """The page asked for. Raises BadInput when it is not a number from 1 on."""
    text = request.args.get("page", "1").strip() or "1"
    if not (text.isascii() and text.isdecimal() and len(text) <= 12) or int(text) < 1:
        raise BadInput("页码须为从 1 开始的整数，请修改。", field="page")
    return int(text)


def chosen(names: Sequence[str]) -> dict[str, list[str]]:
    """The facet values in the query string, each once."""
    found = {name: list(dict.fromkeys(v for v in request.args.getlist(name) if v)) for name in names}
    return {name: values for name, values in found.items() if values}


def address(path: str, parameters: Mapping[str, Any]) -> str:
    """``path`` with those parameters that say something."""
    said = [(k, v) for k, vs in parameters.items() for v in (vs if isinstance(vs, list) else [vs]) if v]
    return f"{path}?{urlencode(said)}" if said else path


def facets(
    run: Callable[[Query], Results[Any]],
    asked: Query,
    results: Results[Any],
    names: Mapping[str, str],
    current: Mapping[str, Any],
    *,
    path: str,
    labels: Mapping[str, Mapping[str, str]] | None = None,
) -> list[Facet]:
    """The facets that have values; ``current`` is the query string of the page shown, ``labels`` renames values.

    A facet that is on still offers its other values: what there would be without this one filter.
    """
    found = []
    for name, label in names.items():
        counts = results.facets[name]
        if name in asked.filters:
            others = {k: v for k, v in asked.filters.items() if k != name}
            counts = run(replace(asked, filters=others, page=1, size=1, sort="score")).facets[name]
        if counts or name in asked.filters:
            found.append(_facet(name, label, counts, current, path=path, labels=(labels or {}).get(name, {})))
    return found


def _facet(
    name: str,
    label: str,
    counts: Mapping[str, int],
    current: Mapping[str, Any],
    *,
    path: str,
    labels: Mapping[str, str],
) -> Facet:
    on: list[str] = current.get(name) or []
    choices = []
    for value in [*counts, *(v for v in on if v not in counts)]:
        wanted = [v for v in on if v != value] if value in on else [*on, value]
        url = address(path, {**current, name: wanted})
        choices.append(Choice(value, labels.get(value, value), counts.get(value, 0), value in on, url))
    # A list that is only a little too long is not worth a fold; what is on is never folded away.
    cut = FOLD_AFTER if len(choices) > FOLD_AFTER + 2 else len(choices)
    shown = choices[:cut] + [c for c in choices[cut:] if c.on]
    return Facet(name, label, tuple(shown), tuple(c for c in choices[cut:] if not c.on))


def pager(results: Results[Any], current: Mapping[str, Any], *, path: str) -> Pager:
    """Where the neighbouring pages are."""
    return turned(results.page, -(-results.total // results.size), current, path=path)


def turned(page: int, pages: int, current: Mapping[str, Any], *, path: str) -> Pager:
    """The same for any list of so many pages."""

    def to(page: int) -> str:
        return address(path, {**current, "page": page if page > 1 else ""})

    return Pager(page, pages, to(page - 1) if 1 < page <= pages else "", to(page + 1) if page < pages else "", to(1))


def excerpt(text: str, spans: Sequence[tuple[int, int]] | None, width: int = 150) -> tuple[str, list[tuple[int, int]]]:
    """A window of a long text around its first mark, and the marks inside it."""
    marks = list(spans or ())
    if len(text) <= width:
        return text, marks
    start = max(0, min(marks[0][0] - width // 4, len(text) - width)) if marks else 0
    end = start + width
    head, tail = "…" if start else "", "…" if end < len(text) else ""
    inside = [(max(a, start), min(b, end)) for a, b in marks if b > start and a < end]
    shift = len(head) - start
    return head + text[start:end] + tail, [(a + shift, b + shift) for a, b in inside]
