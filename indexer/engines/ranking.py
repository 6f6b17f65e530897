"""What both ways of running a plan share: segments side by side, terms as they are addressed, what else is asked.

:mod:`indexer.engines.compiled` runs them by the kernel where it was compiled, else :mod:`indexer.engines.plain` by
numpy, with equal results. Both sum a document's score in the order of the plan's terms, in double precision from
factors in single precision, so that the products are exact and the sums the same to the last bit.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from itertools import accumulate, chain, repeat
from operator import itemgetter
from typing import Any, NamedTuple, Protocol

import numpy as np

from indexer.engine import Part, Ranked, Term, Unit, Words
from indexer.engines.arrays import Array
from indexer.engines.scores import Scores

NOWHERE = 255
# The terms and the parts of a unit.
_of_unit = itemgetter(1, 2)
# Scores are told in so many parts of one.
PARTS = 1e4


class Asked(NamedTuple):
    """What is asked of an index beside the terms.

    ``filters`` name a facet's number and then how many values pass and their numbers of counts, one filter after the
    other; ``owners`` are by segment whose sealed records are seen: -1 for all, 0 for nobody's. ``alive`` are by
    segment the documents that are left, where these are not its own. ``sort`` is the number of what is listed by
    instead of the score, ``falling`` from the highest.
    """

    need: int
    near: tuple[tuple[str, float], ...]
    widens: bool
    filters: tuple[int, ...]
    owners: tuple[int, ...]
    alive: tuple[Any, ...] | None
    sort: int
    falling: bool
    offset: int
    limit: int
    counts: bool


class Runner(Protocol):
    """Runs plans over an index. Threads may share it."""

    def search(self, terms: Terms, asked: Asked) -> Ranked:
        """A page of those that match, best first, equal ones by code and then id; scores in :data:`PARTS`."""

    def leading(self, terms: Terms, asked: Asked) -> tuple[Array, Array]:
        """The same page, by numbers through all segments (int64) with scores (float64)."""

    def explain(self, terms: Terms, ids: Sequence[str], most: int = 0) -> list[list[Part]]:
        """What each term gives to each of the records of ``ids``, the greatest first; equal ones by terms and fields.

        A record that is not here has none. For ``most`` see :meth:`indexer.engine.Engine.explain`.
        """

    def shares(self, terms: Terms, groups: Sequence[Sequence[int]]) -> tuple[float, ...]:
        """By group of records how much of what the units say it holds: see :meth:`indexer.engine.Engine.shares`."""


def strongest(parts: Iterable[Part], most: int) -> list[Part]:
    """Of a record's parts, the largest first, that of each of so many units; those of single characters left out."""
    found: dict[int, Part] = {}
    for part in parts:
        if part.field != "chars":
            found.setdefault(part.unit, part)
    return [*found.values()][:most]


class Segment:
    """The arrays of one segment as they are run over.

    ``values`` numbers each cell's facet values through all facets and segments; ``alive`` says which documents are
    left, if not all.
    """

    def __init__(self, scores: Scores, values: Array, alive: Array | None) -> None:
        self.scores, self.values, self.alive = scores, np.ascontiguousarray(values, np.int32), alive

    @cached_property
    def runs(self) -> tuple[Array, Array]:
        """Documents one after the other with the same value of a facet: the first, the one after the last, the value.

        Those of all facets follow each other; and where each facet's begin and the last one's end.
        """
        cells, values = self.scores.cells, self.values
        found = [np.zeros((0, 3), np.int32)]
        for facet in range(values.shape[1] if len(values) else 0):
            starts = np.flatnonzero(np.append(True, values[1:, facet] != values[:-1, facet]))
            ends = np.append(starts[1:], len(values))
            found.append(np.stack([cells[starts], cells[ends], values[starts, facet]], axis=1))
        found += found[:1] * (1 + values.shape[1] - len(found))
        return np.ascontiguousarray(np.concatenate(found), np.int32), np.cumsum([*map(len, found)])

    @cached_property
    def cell(self) -> Array:
        """The cell of each document."""
        return np.repeat(np.arange(len(self.sizes), dtype=np.int32), self.sizes)

    @cached_property
    def sizes(self) -> Array:
        """How many documents each cell has."""
        return np.diff(self.scores.cells)


class Values:
    """The values of facets through all segments of an index, numbered.

    They lie end to end, each facet's empty one, which is not counted, first: ``starts`` says where.
    """

    def __init__(self, facets: Mapping[str, Sequence[str]]) -> None:
        self.facets = tuple(facets)
        self.values = tuple(chain.from_iterable(facets.values()))
        ends = list(accumulate(map(len, facets.values()), initial=0))
        self.starts = np.array(ends, np.int64)
        self.numbers = {
            name: {value: start + n for n, value in enumerate(values)}
            for (name, values), start in zip(facets.items(), ends, strict=False)
        }

    def of(self, facets: Mapping[str, Sequence[str]], table: Array) -> Array:
        """A segment's table of values, numbered through all segments; ``facets`` are its own values."""
        found = np.empty_like(table)
        for f, name in enumerate(self.facets):
            numbers = self.numbers[name]
            places = np.array([numbers[value] for value in facets[name]], np.int32)
            found[:, f] = places[table[:, f]]
        return found


class Index(NamedTuple):
    """Segments of one schema side by side; the first holds public records, whose statistics hold."""

    segments: Sequence[Segment]
    values: Values
    sorts: Sequence[str]

    @property
    def words(self) -> int:
        """The number of the group of fields that tell how rare a word is."""
        return [*self.segments[0].scores.groups].index("words")

    @property
    def fields(self) -> tuple[tuple[str, ...], ...]:
        """The names of the fields of each group."""
        return tuple(tuple(group.fields) for group in self.segments[0].scores.groups.values())


class Terms:
    """The terms of a plan's units under a schema, those of a unit followed by its parts."""

    def __init__(self, units: tuple[Unit, ...] | Words, places: dict[str, int]) -> None:
        """``places``: what a term addresses -> 16 x the number of the group, and 1 + that of the field if it is one."""
        self.units, self.places = units, places
        self.block = b""
        """As the kernel takes them, once they were laid out for it."""

    @cached_property
    def has_parts(self) -> bool:
        """Whether any unit has parts."""
        return any(parts for _, _, parts in self.units)

    @cached_property
    def terms(self) -> tuple[Term, ...]:
        """All of them."""
        return tuple(chain.from_iterable(chain.from_iterable(map(_of_unit, self.units))))

    @cached_property
    def columns(self) -> tuple[tuple[str, ...], tuple[float, ...], tuple[str, ...], tuple[str, ...]]:
        """Their texts, weights and groups, and what they stand for."""
        texts, weights, groups, _, likes = zip(*self.terms, strict=True) if self.terms else ((), (), (), (), ())
        return texts, weights, groups, likes

    @cached_property
    def sizes(self) -> tuple[list[int], list[int]]:
        """How many terms, and how many parts, of each unit."""
        return [len(terms) for _, terms, _ in self.units], [len(parts) for _, _, parts in self.units]

    @cached_property
    def addressed(self) -> bytes:
        """What each term addresses."""
        return bytes([*map(self.places.get, self.columns[2], repeat(NOWHERE))])

    @cached_property
    def owners(self) -> list[int]:
        """The unit of each term."""
        return [n for n, sizes in enumerate(zip(*self.sizes, strict=True)) for _ in range(sum(sizes))]

    @cached_property
    def parts(self) -> list[int]:
        """Which part of its unit each term is, from 1; 0 for those that are none."""
        return [max(0, k - terms + 1) for terms, parts in zip(*self.sizes, strict=True) for k in range(terms + parts)]
