"""What filters and clearance let pass of an index, and what is counted of that; for numpy."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from operator import itemgetter

import numpy as np

from indexer.engines.arrays import Array
from indexer.engines.ranking import Asked, Index

_count = itemgetter(1)
# More values than that are sorted by numpy.
_MANY = 128


class Cells:
    """The cells of all segments, one after the other; so are their documents numbered.

    ``table`` has by cell and facet the number of its value; ``bounds`` are the first documents of cells, and how many
    documents there are; ``of`` says in which cell each document is, and ``alive`` whether it is left.
    """

    def __init__(self, index: Index) -> None:
        self.index, segments = index, index.segments
        self.table = np.concatenate([segment.values for segment in segments])
        sizes = np.concatenate([segment.sizes for segment in segments])
        self.bounds = np.append(0, np.cumsum(sizes))
        self.of = np.repeat(np.arange(len(sizes), dtype=np.int32), sizes)
        alive = [np.ones(s.scores.size, np.bool_) if s.alive is None else s.alive for s in segments]
        self.alive = np.concatenate(alive)


class Passing:
    """What the filters and owners of a question let pass.

    ``mask`` says which documents pass and are left; ``hulls`` by segment the first that passes, by its own number,
    and the one after the last.
    """

    def __init__(self, cells: Cells, asked: Asked) -> None:
        self._cells, self._passes = cells, _passes(cells, asked)
        passing = np.repeat(self._passes, np.diff(cells.bounds))
        self.mask, self.hulls = passing & cells.alive, _hulls(cells.index, passing)
        self._count = int(np.count_nonzero(self._passes))
        self._facets: list[tuple[str, list[str], int, int]] = []
        """What is counted of each facet, and from where to where; nowhere if all that passes has the same value."""
        values, numbers, columns, end = cells.index.values, np.zeros(len(cells.index.values.values), np.int32), [], 1
        for n, (name, empty) in enumerate(zip(values.facets, values.starts.tolist(), strict=False)):
            present = np.unique(cells.table[self._passes, n])
            told, start = present[present != empty], end
            if len(told) != 1 or len(present) != 1:
                columns.append(n)
                end += len(told)
                numbers[told] = range(start, end)
            self._facets.append((name, [values.values[number] for number in told.tolist()], start, end))
        table = numbers.astype(np.min_scalar_type(end))[cells.table[:, columns]]
        self._table, self._width = np.ascontiguousarray(table), end

    def counted(self, found: Array) -> dict[str, dict[str, int]]:
        """The counts above 0 of documents that rise, by facet and value.

        The most frequent first, equal ones in the order of the values.
        """
        if not len(found):
            return {name: {} for name in self._cells.index.values.facets}
        if len(found) < 2 * self._count or self._width == 1:
            places = self._table.take(self._cells.of.take(found), 0).ravel()
            counts = np.bincount(places, minlength=self._width)
        else:
            starts, cells, bounds = self._places
            ends = found.searchsorted(starts)
            counts = np.append(0, np.add.reduceat((ends[1:] - ends[:-1])[cells], bounds))
        if self._width > _MANY:
            return self._told(counts, len(found))
        told, sizes = {}, counts.tolist()
        for name, values, start, end in self._facets:
            if start == end and values:
                told[name] = {values[0]: len(found)}
                continue
            pairs = filter(_count, zip(values, sizes[start:end]))  # noqa: B905 - as many, and it is sooner unasked
            told[name] = dict(sorted(pairs, key=_count, reverse=True))
        return told

    def _told(self, counts: Array, total: int) -> dict[str, dict[str, int]]:
        """What is counted, sooner if there are many values."""
        starts, facets, names = self._many
        here = counts[1:].nonzero()[0] + 1
        bounds = here.searchsorted(starts).tolist()
        here = here[(facets[here] * (total + 1) - counts[here]).argsort(kind="stable")]
        pairs = [*zip(map(names.__getitem__, here.tolist()), counts[here].tolist(), strict=True)]
        return {
            name: {values[0]: total} if begin == end and values else dict(pairs[start:stop])
            for (name, values, begin, end), start, stop in zip(self._facets, bounds, bounds[1:], strict=False)
        }

    @cached_property
    def _many(self) -> tuple[Array, Array, list[str]]:
        """Where each facet's values begin and the last one's end, and of each value its facet and name."""
        starts = np.array([start for _, _, start, _ in self._facets] + [self._width])
        facets = np.repeat(np.arange(len(starts)), np.diff(starts, prepend=0))
        names = [name for _, values, start, end in self._facets if start < end for name in values]
        return starts, facets, ["", *names]

    @cached_property
    def _places(self) -> tuple[Array, Array, Array]:
        """The first documents of the cells that pass, and how many there are.

        And the numbers of these cells, value by value as they are counted, and where those of each begin.
        """
        values = self._table[self._passes].ravel()
        order = values.argsort(kind="stable")
        bounds = values[order].searchsorted(np.arange(1, self._width + 1))
        starts = np.append(self._cells.bounds[:-1][self._passes], self._cells.bounds[-1])
        cells = (order // self._table.shape[1])[bounds[0] :]
        return starts, cells, bounds[:-1] - bounds[0]


def _passes(cells: Cells, asked: Asked) -> Array:
    """Which cells do."""
    passes, at = np.ones(len(cells.table), np.bool_), 0
    while at < len(asked.filters):
        facet, count = asked.filters[at], asked.filters[at + 1]
        passes &= np.isin(cells.table[:, facet], asked.filters[at + 2 : at + 2 + count])
        at += 2 + count
    owners = [segment.scores.owners for segment in cells.index.segments]
    seen = [(of == 0) | (of == owner) | (owner < 0) for of, owner in zip(owners, asked.owners, strict=True)]
    passes &= np.concatenate(seen)
    return passes


def _hulls(index: Index, passing: Array) -> Sequence[tuple[int, int]]:
    """By segment, from which to which document any pass."""
    hulls, base = [], 0
    for segment in index.segments:
        here = passing[base : base + segment.scores.size]
        hulls.append((int(here.argmax()), len(here) - int(here[::-1].argmax())) if here.any() else (0, 0))
        base += len(here)
    return hulls
