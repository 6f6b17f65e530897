"""Plans run by numpy alone, over all segments at once: the documents of each are numbered after those before it.

numpy's calls cost more than what they do with few documents, so there are few calls.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from itertools import pairwise
from operator import itemgetter
from typing import NamedTuple

import numpy as np

from indexer.engine import Term
from indexer.engines.arrays import Array
from indexer.engines.ranking import NOWHERE, Asked, Found, Index, Shares, Terms
from indexer.engines.scores import Group, idf


class Plain:
    """The runner of an index (see :class:`indexer.engines.ranking.Runner`)."""

    def __init__(self, index: Index) -> None:
        self._index, self._values = index, index.values
        self._scores = [segment.scores for segment in index.segments]
        sizes = [scores.size for scores in self._scores]
        self._starts = np.append(0, np.cumsum(sizes)).astype(np.int64)
        self._bases = self._starts.tolist()
        self._size = self._bases[-1]
        self._cells = np.concatenate([segment.sizes for segment in index.segments])
        """How many documents each cell has."""
        self._cell = np.repeat(np.arange(len(self._cells)), self._cells)
        """Of each document."""
        self._table = np.concatenate([segment.values for segment in index.segments])
        self._order = np.concatenate([scores.order for scores in self._scores])
        self._alive = _alive([segment.alive for segment in index.segments], sizes)
        self._groups = [tuple(scores.groups.values()) for scores in self._scores]

    def search(self, terms: Terms, asked: Asked) -> Found:
        """See the protocol."""
        points, match = self._matches(terms, asked.need)
        for id, near in asked.near:
            for base, scores in zip(self._bases, self._scores, strict=False):
                if (number := scores.ids.find(id)) >= 0:
                    points[base + number] += near
                    match[base + number] |= asked.widens
        alive = self._alive if asked.alive is None else _alive(asked.alive, [s.size for s in self._scores])
        if alive is not None:
            match &= alive
        passes = self._passes(asked)
        if passes is not None:
            match &= np.repeat(passes, self._cells)
        found = match.nonzero()[0]
        facets = self._counted(found) if asked.counts else {name: {} for name in self._values.facets}
        top = min(asked.offset + asked.limit, len(found)) if asked.limit else 0
        if asked.sort >= 0:
            page, keys = self._listed(found, asked, top)
        else:
            page, keys = self._best(found, points[found].astype(np.float32), top)
        hits = page[asked.offset :]
        return Found(len(found), self._ids(hits), keys[asked.offset :], facets)

    def explain(self, terms: Terms, segment: int, documents: Sequence[int]) -> Shares:
        """See the protocol."""
        wanted = np.array(documents, np.int32)
        columns = [(np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros(0, np.float32))]
        for row in self._rows(terms, segment, fine=True):
            held, fields, impacts = row.fine()
            places = np.searchsorted(wanted, held)
            here = np.flatnonzero(wanted[np.minimum(places, len(wanted) - 1)] == held)
            weights = np.array(row.weights, np.float32).astype(np.float64)
            shares = (weights[fields[here]] * impacts[here]).astype(np.float32)
            columns.append((places[here], np.full(len(here), row.term), fields[here].astype(np.int64), shares))
        of, numbers, fields, scores = map(np.concatenate, zip(*columns, strict=True))
        order = np.lexsort((-scores, of))
        ends = np.cumsum(np.bincount(of, minlength=len(documents)))
        return Shares(ends.tolist(), numbers[order].tolist(), fields[order].tolist(), scores[order].tolist())

    # ---- what matches ----

    def _matches(self, terms: Terms, need: int) -> tuple[Array, Array]:
        """By document its score, and whether it meets as many units as are needed."""
        found = None if terms.has_parts or need > 1 else self._words(terms)
        if found is None:
            return self._units(terms, need)
        documents, points, positive = found
        sums = np.bincount(documents, points, self._size) if len(documents) else np.zeros(self._size)
        if not need:
            return sums, np.ones(self._size, np.bool_)
        if positive:
            return sums, sums > 0
        match = np.zeros(self._size, np.bool_)
        match[documents] = True
        return sums, match

    def _words(self, terms: Terms) -> tuple[Array, Array, bool] | None:
        """Documents, what is added to their scores, and whether all of that is above 0; of terms without rarer words.

        None for terms that do not all address the same group, or stand for others.
        """
        address = terms.addressed[0] if terms.addressed else NOWHERE
        if terms.addressed.count(address) < len(terms.addressed) or address & 15 or any(terms.columns[3]):
            return None
        weights = np.array(terms.columns[1], np.float32)
        same = len(weights) > 0 and bool((weights == 1).all())
        held, impacts, factors, positive = [], [], [], same or bool((weights > 0).all())
        for base, groups in zip(self._bases, self._groups, strict=False):
            group = groups[address >> 4]
            numbers = np.array(group.names.numbers(terms.columns[0]))
            here = (numbers >= 0).nonzero()[0]
            if not len(here):
                continue
            numbers = numbers[here]
            starts, ends = group.starts[numbers], group.starts[numbers + 1]
            slices = [*map(slice, starts.tolist(), ends.tolist())]
            documents = np.concatenate([group.documents[s] for s in slices], dtype=np.int64)
            if base:
                documents += base
            held.append(documents)
            impacts += [group.impacts[s] for s in slices]
            positive = positive and group.positive
            if not same:
                factors.append(np.repeat(weights[here].astype(np.float64), ends - starts))
        if not held:
            return np.zeros(0, np.int64), np.zeros(0), False
        points = np.concatenate(impacts, dtype=np.float64)
        if not same:
            points *= np.concatenate(factors)
        return held[0] if len(held) == 1 else np.concatenate(held), points, positive

    def _units(self, terms: Terms, need: int) -> tuple[Array, Array]:
        """The same for terms of any kind."""
        size, none = self._size, np.zeros(0, np.int64)
        held, points, met = [none], [np.zeros(0)], [none]
        parts: dict[int, dict[int, list[Array]]] = {}
        for segment, base in enumerate(self._bases[:-1]):
            for row in self._rows(terms, segment):
                documents, added = row.postings()
                documents = documents + np.int64(base)
                held.append(documents)
                points.append(added)
                if row.part:
                    parts.setdefault(row.unit, {}).setdefault(row.part, []).append(documents)
                else:
                    met.append(documents + row.unit * size)
        sums = np.bincount(np.concatenate(held), np.concatenate(points), size).astype(np.float64)
        if not need:
            return sums, np.ones(size, np.bool_)
        # Every part of a unit must stand here at all; then a document needs one of each.
        for unit, held_by in parts.items():
            if len(held_by) == terms.sizes[1][unit]:
                common, *others = (np.unique(np.concatenate(one)) for one in held_by.values())
                for other in others:
                    common = np.intersect1d(common, other, assume_unique=True)
                met.append(common + unit * size)
        keys = np.concatenate(met)
        if need > 1:
            return sums, np.bincount(np.unique(keys) % max(1, size), minlength=size)[:size] >= need
        match = np.zeros(size, np.bool_)
        match[keys % max(1, size)] = True
        return sums, match

    def _rows(self, terms: Terms, segment: int, *, fine: bool = False) -> list[_Row]:
        """The rows of the terms that stand in a segment, in their order."""
        groups, stated = self._groups[segment], self._groups[0]
        found, count = [], self._scores[0].size
        of = zip(terms.terms, terms.addressed, terms.owners, terms.parts, strict=True)
        for n, (term, address, unit, part) in enumerate(of):
            if address != NOWHERE and (at := (group := groups[address >> 4]).names.find(term.text)) >= 0:
                weights, exact = _worth(group, at, stated[address >> 4], count, term)
                field = (address & 15) - 1
                whole = exact and field < 0 and not fine
                found.append(_Row(group, at, n, unit, part, field, weights, whole, term.weight))
        return found

    def _passes(self, asked: Asked) -> Array | None:
        """Which cells filters and clearance let pass; none where all."""
        passes = None
        at = 0
        while at < len(asked.filters):
            facet, count = asked.filters[at], asked.filters[at + 1]
            wanted = asked.filters[at + 2 : at + 2 + count]
            column = self._table[:, facet]
            here = column == wanted[0] if count == 1 else np.isin(column, wanted)
            passes = here if passes is None else passes & here
            at += 2 + count
        if all(owner < 0 for owner in asked.owners):
            return passes
        seen = []
        for owner, scores in zip(asked.owners, self._scores, strict=True):
            open_ = np.ones(len(scores.owners), np.bool_)
            seen.append(open_ if owner < 0 else (scores.owners == 0) | (scores.owners == owner))
        return np.concatenate(seen) if passes is None else passes & np.concatenate(seen)

    # ---- what is told of it ----

    def _counted(self, found: Array) -> dict[str, dict[str, int]]:
        """The counts above 0 by facet and value, the most frequent first, equal ones in the order of the values."""
        here = np.bincount(self._cell[found], minlength=len(self._cells))
        cells = here.nonzero()[0]
        values = self._table[cells]
        weights = np.repeat(here[cells], values.shape[1])
        counts = np.bincount(values.ravel(), weights, len(self._values.values))
        counts[self._values.starts[:-1]] = 0
        listed = counts.nonzero()[0]
        bounds = listed.searchsorted(self._values.starts).tolist()
        names = self._values.values
        pairs = [(names[n], int(size)) for n, size in zip(listed.tolist(), counts[listed].tolist(), strict=True)]
        return {
            name: dict(sorted(pairs[start:end], key=itemgetter(1), reverse=True))
            for name, (start, end) in zip(self._values.facets, pairwise(bounds), strict=True)
        }

    def _best(self, found: Array, keys: Array, top: int) -> tuple[Sequence[int], Sequence[float]]:
        """The first ``top`` documents by falling key, equal ones by code and id; and their keys."""
        if not top:
            return [], []
        if top < len(found):
            # What has no points is left out first: many equal values are slow to partition.
            above = keys if keys.min() > 0 else keys[keys > 0]
            least = np.partition(above, len(above) - top)[len(above) - top] if len(above) >= top else keys.min()
            best = (keys >= least).nonzero()[0]
            found, keys = found[best], keys[best]
        order = np.lexsort((self._order[found], -keys))
        if len(order) > top and len(self._bases) > 2:
            of = self._starts[1:].searchsorted(found[order], "right")
            order = order[np.sort(np.concatenate([(of == n).nonzero()[0][:top] for n in range(len(self._scores))]))]
        found, keys = found[order], keys[order]
        numbers, values = found.tolist(), keys.tolist()
        if len(self._bases) > 2:
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
                if len(set(self._segments(tied))) > 1:
                    numbers[start:end] = sorted(tied, key=self._name)
            start = end

    def _segments(self, numbers: Sequence[int]) -> list[int]:
        """The segments that documents are of."""
        return [bisect_right(self._bases, number) - 1 for number in numbers]

    def _name(self, number: int) -> tuple[str, str]:
        """The code and id of a document."""
        [segment] = self._segments([number])
        scores, own = self._scores[segment], number - self._bases[segment]
        ranks, codes = scores.sorts["code"]
        return codes[int(ranks[own])], scores.ids[own]

    def _listed(self, found: Array, asked: Asked, top: int) -> tuple[Sequence[int], Sequence[float]]:
        """The first ``top`` documents by what lists are ordered by."""
        name, bounds = self._index.sorts[asked.sort], found.searchsorted(self._starts).tolist()
        hits: list[int] = []
        for scores, base, (start, end) in zip(self._scores, self._bases, pairwise(bounds), strict=False):
            if start < end:
                here = found[start:end] - base
                ranks = scores.sorts[name][0][here]
                order = np.lexsort((scores.order[here], -ranks if asked.falling else ranks))[:top]
                hits += (here[order] + base).tolist()
        if len(set(self._segments(hits))) > 1:
            values = {}
            for number, segment in zip(hits, self._segments(hits), strict=True):
                ranks, texts = self._scores[segment].sorts[name]
                values[number] = texts[int(ranks[number - self._bases[segment]])]
            hits.sort(key=self._name)
            hits.sort(key=values.__getitem__, reverse=asked.falling)
        return hits[:top], [0.0] * len(hits[:top])

    def _ids(self, numbers: Sequence[int]) -> list[str]:
        held: dict[int, list[int]] = {}
        segments = self._segments(numbers)
        for number, segment in zip(numbers, segments, strict=True):
            held.setdefault(segment, []).append(number - self._bases[segment])
        strings = {segment: iter(self._scores[segment].ids.several(own)) for segment, own in held.items()}
        return [next(strings[segment]) for segment in segments]


def _alive(masks: Sequence[Array | None], sizes: Sequence[int]) -> Array | None:
    if all(mask is None for mask in masks):
        return None
    found = zip(masks, sizes, strict=True)
    return np.concatenate([np.ones(size, np.bool_) if mask is None else mask for mask, size in found])


def _worth(group: Group, number: int, public: Group, count: int, term: Term) -> tuple[list[float], bool]:
    """By field what a term's impacts are multiplied by, and whether that is what whole rows are made with.

    A synonym gets no more rarity than the word that it stands for has.
    """
    if not term.like:
        return [term.weight * w for w in group.weights], True
    found = zip(public.frequency(term.like), public.frequency(term.text), strict=True)
    caps = [min(1.0, idf(count, one) / idf(count, other)) for one, other in found]
    exact = all(cap == 1.0 for cap, held in zip(caps, group.frequencies[number].tolist(), strict=True) if held)
    return [term.weight * w * cap for w, cap in zip(group.weights, caps, strict=True)], exact


class _Row(NamedTuple):
    group: Group
    number: int
    term: int
    unit: int
    part: int
    """From 1; 0 for a term."""
    field: int
    weights: list[float]
    whole: bool
    weight: float

    def postings(self) -> tuple[Array, Array]:
        """Documents, and what is added to their scores."""
        group, number = self.group, self.number
        if self.whole:
            here = slice(*group.starts[number : number + 2].tolist())
            return group.documents[here], np.float64(np.float32(self.weight)) * group.impacts[here]
        documents, fields, impacts = self.fine()
        return documents, np.array(self.weights, np.float32).astype(np.float64)[fields] * impacts

    def fine(self) -> tuple[Array, Array, Array]:
        """Documents, fields and impacts."""
        group = self.group
        here = slice(*group.fine_starts[self.number : self.number + 2].tolist())
        found = group.fine_documents[here], group.fine_fields[here], group.fine_impacts[here]
        if self.field >= 0:
            only = found[1] == self.field
            return found[0][only], found[1][only], found[2][only]
        return found
