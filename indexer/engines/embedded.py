"""The default engine: the durable Whoosh index and the arrays derived from it, and a segment of fresh changes."""

from __future__ import annotations

import threading
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, partial
from itertools import accumulate, chain
from operator import attrgetter
from pathlib import Path
from typing import Any

import numpy as np

from corpus.access import Clearance, Scope
from indexer import kernel
from indexer.engine import NO_UNIT, Card, Document, Part, Plan, Ranked, Schema, Term
from indexer.engines import ranking
from indexer.engines.arrays import Array
from indexer.engines.compiled import MOST_UNITS, Compiled
from indexer.engines.derive import Collector, derive
from indexer.engines.plain import Plain
from indexer.engines.ranking import Asked, Index, Runner, Terms, Values
from indexer.engines.scores import Scores
from indexer.engines.whoosh_index import WhooshIndex

# Without a call of Python.
_asked: Callable[[Iterable[Any]], Asked] = partial(tuple.__new__, Asked)


@dataclass(frozen=True)
class Segment:
    """Arrays, where literals are looked up (Whoosh, or the documents themselves for fresh ones), and who is left."""

    scores: Scores
    durable: WhooshIndex | None
    fresh: tuple[Document, ...]
    alive: Array | None = None

    def literal(self, characters: tuple[str, ...]) -> Array:
        """Which documents hold these characters side by side."""
        mask = np.zeros(self.scores.size, dtype=np.bool_)
        if self.durable is not None:
            mask[self.scores.places[self.durable.literal(characters)]] = True
        else:
            wanted = "".join(characters)
            mask[self.scores.places[[n for n, d in enumerate(self.fresh) if wanted in "".join(d.literal)]]] = True
        return mask

    def without(self, ids: Iterable[str]) -> Segment:
        """The same without the records of those ids."""
        gone = list(self.scores.numbers(ids).values())
        if not gone:
            return self
        alive = np.ones(self.scores.size, np.bool_) if self.alive is None else self.alive.copy()
        alive[gone] = False
        return replace(self, alive=alive)

    def weighed(self, weights: Mapping[str, float]) -> Segment:
        """The same under other weights of fields."""
        groups = self.scores.groups
        other = {name: group.weighed([weights[f] for f in group.fields]) for name, group in groups.items()}
        same = all(other[name] is group for name, group in groups.items())
        return self if same else replace(self, scores=replace(self.scores, groups=other))


class Embedded:
    """An index of one kind over one or more segments; segments are ordered and never change.

    The first holds public records alone, all of those that the index was built of: theirs are the statistics.
    """

    def __init__(self, schema: Schema, segments: Sequence[Segment], weights: Mapping[str, float]) -> None:
        self.schema = schema
        self._weights = {f.name: f.weight for f in schema.fields} | dict(weights)
        self._segments = tuple(segment.weighed(self._weights) for segment in segments)
        self._kernel = kernel.load()
        public = self._segments[0].scores
        # A term addresses a group of fields, or one field by its name.
        groups = list(enumerate(public.groups.items()))
        self._places = {f: 16 * n + 1 + at for n, (_, group) in groups for at, f in enumerate(group.fields)}
        self._places |= {name: 16 * n for n, (name, _) in groups}
        self._bases = [*accumulate([segment.scores.size for segment in self._segments], initial=0)]
        self._thread = threading.local()
        self._everybodys, self._nobodys = (-1,) * len(self._segments), (0,) * len(self._segments)
        self._facets = {name: n for n, name in enumerate(schema.facets)}
        self._sorts = {name: n for n, name in enumerate(sorted({name for s in segments for name in s.scores.sorts}))}

    @staticmethod
    def build(folder: Path, schema: Schema, documents: Sequence[Document], public: Scores | None = None) -> Scores:
        """Write the durable index and the arrays of ``documents``: see :meth:`derive`."""
        Embedded.write(folder, schema, documents)
        collector = Collector(schema)
        collector.add(documents)
        return Embedded.derive(folder, collector, public=public)

    @staticmethod
    def write(folder: Path, schema: Schema, documents: Sequence[Document], part: int = 0) -> None:
        """Write the durable half, or a part of it: the slow one, which needs no statistics."""
        WhooshIndex.build(folder / "whoosh", schema, documents, part)

    @staticmethod
    def derive(
        folder: Path, collected: Collector, weights: Mapping[str, float] | None = None, public: Scores | None = None
    ) -> Scores:
        """Write the arrays of all documents of the durable half, collected in the same order; give them back.

        ``weights`` are those that the index will serve with. Without ``public``, the arrays of the public records,
        these are they.
        """
        scores = collected.scores(weights, public)
        scores.save(folder / "scores")
        return scores

    @classmethod
    def open(cls, schema: Schema, folders: Sequence[Path]) -> Embedded:
        """Open what :meth:`build` wrote, public records first; with the weights that it was built with."""
        segments = [Segment(Scores.load(f / "scores"), WhooshIndex(f / "whoosh"), ()) for f in folders]
        groups = segments[0].scores.groups.values()
        return cls(schema, segments, {f: w for g in groups for f, w in zip(g.fields, g.weights, strict=True)})

    def with_changes(self, changed: Sequence[Document], gone: Iterable[str]) -> Embedded:
        """The same index with ``changed`` in place of the records of those ids and without those ``gone``."""
        dead = {d.id for d in changed} | set(gone)
        segments = [segment.without(dead) for segment in self._segments]
        if changed:
            scores = derive(self.schema, changed, self._weights, self._segments[0].scores)
            segments.append(Segment(scores, None, tuple(changed)))
        return Embedded(self.schema, segments, self._weights)

    def weighed(self, weights: Mapping[str, float]) -> Embedded:
        """The same index with other weights of its fields; fields not named keep theirs."""
        known = {name: weight for name, weight in weights.items() if name in self._weights}
        return Embedded(self.schema, self._segments, self._weights | known)

    @cached_property
    def _index(self) -> Index:
        """The segments as plans are run over them, with the facets' values through all of them."""
        facets = {}
        for name in self.schema.facets:
            first, *others = (segment.scores.facets[name] for segment in self._segments)
            more = set(chain.from_iterable(others)).difference(first)
            facets[name] = sorted({*first, *more}) if more else first
        values = Values(facets)
        segments = [
            ranking.Segment(s.scores, values.of(s.scores.facets, s.scores.values), s.alive) for s in self._segments
        ]
        return Index(segments, values, [*self._sorts])

    @cached_property
    def _compiled(self) -> Runner:
        return Compiled(self._index, self._kernel) if self._kernel else self._plain

    @cached_property
    def _plain(self) -> Runner:
        return Plain(self._index)

    def search(
        self,
        plan: Plan,
        scope: Scope,
        filters: Mapping[str, Sequence[str]],
        *,
        offset: int = 0,
        limit: int = 20,
        sort: str = "score",
        counts: bool = True,
    ) -> Ranked:
        """See :class:`indexer.engine.Engine`. Equal scores are ordered by code, which no other record changes."""
        by = -1 if sort == "score" else self._sorts.get(sort.removeprefix("-"), -1)
        asked = self._question(plan, scope, filters, by, sort[:1] == "-", offset, limit, counts)
        return self._runner(plan).search(self._terms(plan), asked)

    def leading(
        self, plan: Plan, scope: Scope, filters: Mapping[str, Sequence[str]], limit: int
    ) -> tuple[Array, Array]:
        """See :class:`indexer.engine.Engine`."""
        asked = self._question(plan, scope, filters, -1, False, 0, limit, False)
        return self._runner(plan).leading(self._terms(plan), asked)

    def _question(self, plan: Plan, scope: Scope, filters: Mapping[str, Sequence[str]], *page: int) -> Asked:
        """``page`` are the last fields of :class:`indexer.engines.ranking.Asked`."""
        return _asked(
            (
                plan.need,
                plan.near,
                plan.widens,
                self._filters(filters) if filters else (),
                self._everybodys if scope.clearance is Clearance.ALL else self._owners(scope),
                self._left(plan.literals) if plan.literals else None,
                *page,
            )
        )

    def _runner(self, plan: Plan) -> Runner:
        return self._compiled if len(plan.units) <= MOST_UNITS else self._plain

    def _terms(self, plan: Plan) -> Terms:
        """The terms of a plan; one draft is asked of the same index several times in a row."""
        last: Terms | None = getattr(self._thread, "terms", None)
        if last is None or last.units is not plan.units:
            last = self._thread.terms = Terms(plan.units, self._places)
        return last

    def _filters(self, filters: Mapping[str, Sequence[str]]) -> tuple[int, ...]:
        """The facets under a filter, with the values that pass: see :class:`indexer.engines.ranking.Asked`."""
        found: list[int] = []
        for name, values in filters.items():
            known = self._index.values.numbers[name]
            numbers = [known[value] for value in values if value in known]
            found += (self._facets[name], len(numbers), *numbers)
        return tuple(found)

    def _owners(self, scope: Scope) -> tuple[int, ...]:
        """By segment, whose sealed records are seen: see :class:`indexer.engines.ranking.Asked`."""
        if scope.clearance is Clearance.NONE:
            return self._nobodys
        names = [segment.scores.owner_names for segment in self._segments]
        return tuple([listed.index(scope.unit) + 1 if scope.unit in listed else 0 for listed in names])

    def _left(self, literals: Sequence[tuple[str, ...]]) -> tuple[Array, ...]:
        """By segment, which documents hold all literals."""
        found = []
        for segment in self._segments:
            left = np.logical_and.reduce([segment.literal(literal) for literal in literals])
            found.append(left if segment.alive is None else left & segment.alive)
        return tuple(found)

    def explain(self, plan: Plan, ids: Sequence[str], *, most: int = 0) -> list[list[Part]]:
        """See :class:`indexer.engine.Engine`."""
        explained = self._runner(plan).explain(self._terms(plan), ids, most)
        if plan.near:
            points = dict(plan.near)
            for id, parts in zip(ids, explained, strict=True):
                if id in points:
                    parts.append(Part(NO_UNIT, Term(""), "meaning", points[id]))
                    parts.sort(key=attrgetter("score"), reverse=True)
        return explained

    def shares(self, plan: Plan, groups: Sequence[Sequence[int]]) -> tuple[float, ...]:
        """See :class:`indexer.engine.Engine`."""
        return self._runner(plan).shares(self._terms(plan), groups)

    def frequency(self, term: str) -> int:
        """See :class:`indexer.engine.Engine`."""
        return max(self._public.groups["words"].frequency(term))

    @property
    def _public(self) -> Scores:
        return self._segments[0].scores

    @property
    def size(self) -> int:
        """How many public records the statistics were taken from."""
        return self._public.size

    def digests(self) -> dict[str, str]:
        """See :class:`indexer.engine.Engine`."""
        return {id: digest for s in self._segments if s.durable for id, digest in s.durable.stored()}

    def ids(self) -> Iterator[str]:
        """See :class:`indexer.engine.Engine`."""
        return chain.from_iterable(
            s.scores.ids if s.alive is None else (s.scores.ids[n] for n in np.flatnonzero(s.alive).tolist())
            for s in self._segments
        )

    def held(self, ids: Iterable[str]) -> set[str]:
        """Those of ``ids`` that are here."""
        return set(self.numbers(ids))

    @property
    def places(self) -> int:
        """See :class:`indexer.engine.Engine`."""
        return self._bases[-1]

    def numbers(self, ids: Iterable[str]) -> dict[str, int]:
        """See :class:`indexer.engine.Engine`."""
        wanted = set(ids)
        return {
            id: base + number
            for base, s in zip(self._bases, self._segments, strict=False)
            for id, number in s.scores.numbers(wanted).items()
            if s.alive is None or s.alive[number]
        }

    def card(self, number: int) -> Card:
        """See :class:`indexer.engine.Engine`."""
        segment = bisect_right(self._bases, number) - 1
        index, scores, own = self._index, self._segments[segment].scores, number - self._bases[segment]
        table = index.segments[segment]
        values = [index.values.values[value] for value in table.values[table.cell[own]].tolist()]
        sorts = {name: texts[int(ranks[own])] for name, (ranks, texts) in scores.sorts.items()}
        return Card(scores.ids[own], dict(zip(index.values.facets, values, strict=True)), sorts)

    def close(self) -> None:
        """See :class:`indexer.engine.Engine`."""
        for segment in self._segments:
            if segment.durable is not None:
                segment.durable.close()
