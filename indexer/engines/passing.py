"""What filters and clearance let pass of an index, as runs of documents, and what is counted of them; for numpy."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from operator import itemgetter
from typing import NamedTuple

import numpy as np

from indexer.engines.arrays import Array
from indexer.engines.ranking import Asked, Index

_count = itemgetter(1)


class Passing(NamedTuple):
    """Documents are numbered through all segments.

    ``gaps`` are the runs of documents that do not pass; ``hulls`` by segment its first that does, by its own number,
    and the one after the last. ``cells`` are the first documents of the cells that pass, and how many documents there
    are; ``places`` number these cells, value by value of facets, and ``bounds`` say where each value's begin;
    ``facets`` name those values.
    """

    gaps: Sequence[slice]
    hulls: Sequence[tuple[int, int]]
    cells: Array
    places: Array
    bounds: Array
    facets: dict[str, list[str]]

    def counted(self, found: Array) -> dict[str, dict[str, int]]:
        """The counts above 0 of documents that rise, by facet and value.

        The most frequent first, equal ones in the order of the values.
        """
        if not len(found) or not len(self.places):
            return {name: {} for name in self.facets}
        places = found.searchsorted(self.cells)
        counts = np.add.reduceat((places[1:] - places[:-1])[self.places], self.bounds).tolist()
        told, start = {}, 0
        for name, values in self.facets.items():
            end = start + len(values)
            own = [pair for pair in zip(values, counts[start:end], strict=True) if pair[1]]
            own.sort(key=_count, reverse=True)
            told[name], start = dict(own), end
        return told


def passing(index: Index, asked: Asked) -> Passing:
    """What the filters and owners of a question let pass."""
    table = np.concatenate([segment.values for segment in index.segments])
    ends = np.cumsum(np.concatenate([segment.sizes for segment in index.segments]))
    starts = np.append(0, ends)[:-1]
    passes = _passes(index, table, asked)
    edges = np.flatnonzero(np.diff(passes, prepend=False, append=False)).tolist()
    size = sum(segment.scores.size for segment in index.segments)
    runs = [(int(starts[first]), int(ends[last - 1])) for first, last in zip(edges[::2], edges[1::2], strict=True)]
    bounds = [0, *(bound for run in runs for bound in run), size]
    gaps = [slice(a, b) for a, b in zip(bounds[::2], bounds[1::2], strict=True) if a < b]
    return Passing(gaps, _hulls(index, runs), np.append(starts[passes], size), *_values(index, table[passes]))


def _passes(index: Index, table: Array, asked: Asked) -> Array:
    """Which cells do."""
    passes, at = np.ones(len(table), np.bool_), 0
    while at < len(asked.filters):
        facet, count = asked.filters[at], asked.filters[at + 1]
        passes &= np.isin(table[:, facet], asked.filters[at + 2 : at + 2 + count])
        at += 2 + count
    owners = [segment.scores.owners for segment in index.segments]
    seen = [(of == 0) | (of == owner) | (owner < 0) for of, owner in zip(owners, asked.owners, strict=True)]
    passes &= np.concatenate(seen)
    return passes


def _hulls(index: Index, runs: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """By segment, where the runs in it begin and end."""
    hulls, base = [], 0
    for segment in index.segments:
        size = segment.scores.size
        here = [(max(a - base, 0), min(b - base, size)) for a, b in runs if a < base + size and b > base]
        hulls.append((here[0][0], here[-1][1]) if here else (0, 0))
        base += size
    return hulls


def _values(index: Index, table: Array) -> tuple[Array, Array, dict[str, list[str]]]:
    """Places, bounds and facets of :class:`Passing`."""
    numbers, starts = table.ravel(), index.values.starts
    places = np.repeat(np.arange(len(table)), table.shape[1])
    named = ~np.isin(numbers, starts[:-1])
    numbers, places = numbers[named], places[named]
    order = np.argsort(numbers, kind="stable")
    present, bounds = np.unique(numbers[order], return_index=True)
    names = index.values.values
    facets = {
        name: [names[n] for n in present[(present >= start) & (present < end)].tolist()]
        for name, (start, end) in zip(index.values.facets, pairwise(starts.tolist()), strict=True)
    }
    return places[order], bounds, facets
