"""Plans run by numpy alone, over all segments at once: the documents of each are numbered after those before it.

numpy's calls cost more than what they do with few documents, so there are few calls; and fresh memory costs more than
what is done with many, so what is as long as the index is kept by each thread.
"""

from __future__ import annotations

import threading
from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from itertools import chain, pairwise
from typing import Any, NamedTuple

import numpy as np

from indexer.engine import Part, Ranked
from indexer.engines import ranking
from indexer.engines.arrays import Array
from indexer.engines.numbering import Numbering
from indexer.engines.passing import Cells, Passing
from indexer.engines.ranking import Asked, Index, Terms
from indexer.engines.rows import Room, Rows
from indexer.engines.scores import idf

# Of more documents than that, the best are looked for among those that are no worse than the best of about so many.
_SAMPLE = 4096
# So many documents are sorted sooner than the best of them are looked for.
_FEW = 128
# So many ways to filter are remembered, and so many bytes of them: one by document, and some four by cell and facet.
_REMEMBERED, _BYTES = 128, 1 << 26
# Without a call of Python for each.
_part: Callable[[Iterable[Any]], Part] = partial(tuple.__new__, Part)


class Shares(NamedTuple):
    """What terms give to documents: by number in the plan, by the field's place in its group, and how much.

    ``ends`` says where those of each document end; the greatest of each is first, equal ones by terms and fields.
    """

    ends: list[int]
    terms: list[int]
    fields: list[int]
    scores: list[float]


class Plain:
    """The runner of an index (see :class:`indexer.engines.ranking.Runner`)."""

    def __init__(self, index: Index) -> None:
        self._index, self._values = index, index.values
        self._scores = [segment.scores for segment in index.segments]
        self._numbering = Numbering(self._scores)
        self._bases = self._numbering.bases
        self._rows = Rows(self._scores)
        self._cells = Cells(index)
        self._passing: dict[tuple[object, ...], Passing] = {}
        self._most = min(_REMEMBERED, _BYTES // (1 + self._bases[-1] + 4 * self._cells.table.size))
        self._thread = threading.local()

    def search(self, terms: Terms, asked: Asked) -> Ranked:
        """See the protocol."""
        passing = self._passing.get((asked.filters, asked.owners)) or self._passes(asked)
        found, page, points = self._run(terms, asked, passing)
        facets = passing.counted(found) if asked.counts else {name: {} for name in self._values.facets}
        return Ranked(tuple(self._numbering.ids(page)), points, len(found), facets)

    def leading(self, terms: Terms, asked: Asked) -> tuple[Array, Array]:
        """See the protocol."""
        _, page, points = self._run(terms, asked, self._passes(asked))
        return np.array(page, np.int64), np.array(points)

    def _run(self, terms: Terms, asked: Asked, passing: Passing) -> tuple[Array, Sequence[int], tuple[float, ...]]:
        """What matches, and the page of it with scores."""
        room: Room = getattr(self._thread, "room", None) or self._room()
        self._rows.run(terms, asked.need, passing.hulls, room)
        sums, match = room.sums, room.match
        for id, near in asked.near:
            room.touched = slice(None)
            for base, held in zip(self._bases, self._scores, strict=False):
                if (number := held.ids.find(id)) >= 0:
                    sums[base + number] += near
                    match[base + number] |= asked.widens
        match &= passing.mask
        if asked.alive is not None:
            match &= np.concatenate(asked.alive)
        found = match.nonzero()[0]
        top = min(asked.offset + asked.limit, len(found)) if asked.limit else 0
        if asked.sort >= 0:
            page, keys = self._listed(found, asked, top)
        else:
            page, keys = self._best(found, room, top)
        # Of single precision the product is exact, so this is the same as rounding to four digits, sooner.
        parts = ranking.PARTS
        points = tuple([round(key * parts) / parts for key in keys[asked.offset :]])
        return found, page[asked.offset :], points

    def explain(self, terms: Terms, ids: Sequence[str], most: int = 0) -> list[list[Part]]:
        """See the protocol."""
        explained: dict[str, list[Part]] = {id: [] for id in ids}
        fields, own, owners, addressed = self._index.fields, terms.terms, terms.owners, terms.addressed
        places = {
            base + n: id
            for base, held in zip(self._bases, self._scores, strict=False)
            for id, n in held.numbers(explained).items()
        }
        for here, found in self._given(terms, places):
            rows = [
                (owners[number], own[number], fields[addressed[number] >> 4][field], score)
                for number, field, score in zip(found.terms, found.fields, found.scores, strict=True)
            ]
            before = 0
            for place, end in zip(here, found.ends, strict=True):
                explained[places[place]] = [*map(_part, rows[before:end])]
                before = end
        return [ranking.strongest(explained[id], most) if most else explained[id] for id in ids]

    def shares(self, terms: Terms, groups: Sequence[Sequence[int]]) -> tuple[float, ...]:
        """See the protocol."""
        held: dict[int, set[int]] = {}
        for here, found in self._given(terms, set(chain.from_iterable(groups))):
            before = 0
            for place, end in zip(here, found.ends, strict=True):
                held[place] = {terms.owners[number] for number in found.terms[before:end]}
                before = end
        public = self._scores[0]
        group = [*public.groups.values()][self._index.words]
        own = [term for _, (term, *_), _ in terms.units]
        said = [term.weight * idf(public.size, max(group.frequency(term.text))) for term in own]
        whole = sum(said)
        units = [set[int]().union(*(held.get(place, ()) for place in places)) for places in groups]
        return tuple([sum([said[unit] for unit in sorted(of)]) / whole if whole else 0.0 for of in units])

    def _given(self, terms: Terms, places: Iterable[int]) -> Iterator[tuple[list[int], Shares]]:
        """By segment those of the documents, numbered through all, that are alive, and what the terms give to them."""
        rising = sorted(places)
        for number, segment in enumerate(self._index.segments):
            base, alive = self._bases[number], segment.alive
            own = rising[bisect_left(rising, base) : bisect_left(rising, self._bases[number + 1])]
            here = [place for place in own if alive is None or alive[place - base]]
            if here:
                yield here, self._sorted(terms, number, np.array(here, np.int32) - np.int32(base))

    def _sorted(self, terms: Terms, segment: int, documents: Array) -> Shares:
        """What the terms give to documents of a segment, which rise."""
        of, numbers, fields, scores = self._rows.shares(terms, segment, documents)
        order = np.lexsort((-scores, of))
        ends = np.cumsum(np.bincount(of, minlength=len(documents)))
        return Shares(ends.tolist(), numbers[order].tolist(), fields[order].tolist(), scores[order].tolist())

    def _room(self) -> Room:
        """A thread keeps its own."""
        room = self._thread.room = Room(self._bases[-1])
        return room

    def _passes(self, asked: Asked) -> Passing:
        """What filters and clearance let pass, from now on remembered."""
        if len(self._passing) >= self._most:
            self._passing.clear()
        found = self._passing[asked.filters, asked.owners] = Passing(self._cells, asked)
        return found

    # ---- the best of what matches ----

    def _best(self, found: Array, room: Room, top: int) -> tuple[Sequence[int], Sequence[float]]:
        """The first ``top`` documents by falling score, equal ones by code and id; and their scores."""
        if not top:
            return [], []
        if len(found) > _SAMPLE:
            found = _leading(found, room, top)
        keys = room.sums.take(found).astype(np.float32)
        if max(top, _FEW) < len(found):
            best = (keys >= _least(keys, top)).nonzero()[0]
            found, keys = found.take(best), keys.take(best)
        numbering = self._numbering
        order = np.lexsort((numbering.order.take(found), -keys))
        if numbering.merged:
            order = order[:top]
        elif len(order) > top:
            of = np.searchsorted(self._bases[1:], found[order], "right")
            order = order[np.sort(np.concatenate([(of == n).nonzero()[0][:top] for n in range(len(self._scores))]))]
        numbers, values = found.take(order).tolist(), keys.take(order).tolist()
        if not numbering.merged and len(set(values)) < len(values):
            self._settle(numbers, values)
        return numbers[:top], values[:top]

    def _settle(self, numbers: list[int], keys: list[float]) -> None:
        """Orders are each segment's own; where equals are of two, what they come from decides."""
        start = 0
        for end in range(1, len(keys) + 1):
            if end < len(keys) and keys[end] == keys[start]:
                continue
            if end - start > 1:
                tied = numbers[start:end]
                if len(set(self._numbering.segments(tied))) > 1:
                    numbers[start:end] = sorted(tied, key=self._numbering.name)
            start = end

    def _listed(self, found: Array, asked: Asked, top: int) -> tuple[Sequence[int], Sequence[float]]:
        """The first ``top`` documents by what lists are ordered by."""
        name, bounds = self._index.sorts[asked.sort], found.searchsorted(self._bases).tolist()
        hits: list[int] = []
        for scores, base, (start, end) in zip(self._scores, self._bases, pairwise(bounds), strict=False):
            if start < end:
                here = found[start:end] - base
                ranks = scores.sorts[name][0][here]
                order = np.lexsort((scores.order[here], -ranks if asked.falling else ranks))[:top]
                hits += (here[order] + base).tolist()
        if len(set(self._numbering.segments(hits))) > 1:
            hits.sort(key=self._numbering.name)
            hits.sort(key=lambda number: self._numbering.value(number, name), reverse=asked.falling)
        return hits[:top], [0.0] * len(hits[:top])


def _leading(found: Array, room: Room, top: int) -> Array:
    """Those of the documents ``found`` that may be among the ``top`` best.

    The ``top``-th best of some of them is no better than that of all. One step of single precision below it, none is
    lost that rounding makes equal.
    """
    some = room.sums[found[:: 1 + len(found) // _SAMPLE]]
    if len(some) <= top:
        return found
    least = np.nextafter(np.float32(_least(some, top)), np.float32(-np.inf))
    if 4 * len(found) < len(room.sums):
        few: Array = found[room.sums[found] >= least]
        return few
    np.greater_equal(room.sums, least, out=room.mark)
    room.mark &= room.match
    return room.mark.nonzero()[0]


def _least(keys: Array, top: int) -> float:
    """The ``top``-th highest key, or one below it."""
    if len(keys) > _SAMPLE and keys.min() <= 0:
        # Many equal values are slow to partition: what has no points is left out first.
        above = keys[keys > 0]
        if len(above) < top:
            return float(keys.min())
        keys = above
    keys = keys.copy()
    keys.partition(len(keys) - top)
    return float(keys[len(keys) - top])
