"""The default engine: the durable Whoosh index and the arrays derived from it, and a segment of fresh changes."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, partial
from itertools import chain
from operator import attrgetter
from pathlib import Path
from typing import Any

import numpy as np

from corpus.access import Clearance, Scope
from indexer import kernel
from indexer.engine import NO_UNIT, Document, Part, Plan, Ranked, Schema, Term, Unit
from indexer.engines import ranking
from indexer.engines.arrays import Array
from indexer.engines.compiled import MOST_UNITS, Compiled
from indexer.engines.derive import Collector, derive
from indexer.engines.plain import Plain
from indexer.engines.ranking import Asked, Index, Runner, Shares, Terms, Values
from indexer.engines.scores import Scores, idf
from indexer.engines.whoosh_index import WhooshIndex

# Without a call of Python for each.
_part: Callable[[Iterable[Any]], Part] = partial(tuple.__new__, Part)


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
        self._fields = [group.fields for _, (_, group) in groups]
        self._thread = threading.local()
        self._everybodys = (-1,) * len(self._segments)

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
        return Index(segments, values, sorted({name for s in self._segments for name in s.scores.sorts}))

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
        terms, index = self._terms(plan), self._index
        asked = Asked(
            plan.need,
            plan.near,
            plan.widens,
            self._filters(filters) if filters else (),
            self._everybodys if scope.clearance is Clearance.ALL else self._owners(scope),
            self._left(plan.literals) if plan.literals else None,
            -1 if sort == "score" or not index.sorts else index.sorts.index(sort.removeprefix("-")),
            sort[:1] == "-",
            offset,
            limit,
            counts,
        )
        total, ids, keys, facets = self._runner(plan).search(terms, asked)
        return Ranked(tuple(ids), _rounded(keys) if sort == "score" else (0.0,) * len(keys), total, facets)

    def _runner(self, plan: Plan) -> Runner:
        return self._compiled if len(plan.units) <= MOST_UNITS else self._plain

    def _terms(self, plan: Plan) -> Terms:
        """The terms of a plan; one draft is asked of the same index several times in a row."""
        last: Terms | None = getattr(self._thread, "terms", None)
        if last is None or last.units is not plan.units:
            last = self._thread.terms = Terms(plan.units, self._places)
        return last

    def _filters(self, filters: Mapping[str, Sequence[str]]) -> list[int]:
        """The facets under a filter, with the values that pass: see :class:`indexer.engines.ranking.Asked`."""
        found: list[int] = []
        for name, values in filters.items():
            known = self._index.values.numbers[name]
            numbers = [known[value] for value in values if value in known]
            found += (self.schema.facets.index(name), len(numbers), *numbers)
        return found

    def _owners(self, scope: Scope) -> tuple[int, ...]:
        """By segment, whose sealed records are seen: see :class:`indexer.engines.ranking.Asked`."""
        own = scope.clearance is Clearance.OWN
        names = [segment.scores.owner_names if own else () for segment in self._segments]
        return tuple([listed.index(scope.unit) + 1 if scope.unit in listed else 0 for listed in names])

    def _left(self, literals: Sequence[tuple[str, ...]]) -> list[Array]:
        """By segment, which documents hold all literals."""
        found = []
        for segment in self._segments:
            left = np.logical_and.reduce([segment.literal(literal) for literal in literals])
            found.append(left if segment.alive is None else left & segment.alive)
        return found

    def explain(self, plan: Plan, ids: Sequence[str]) -> list[list[Part]]:
        """See :class:`indexer.engine.Engine`."""
        explained: dict[str, list[Part]] = {id: [] for id in ids}
        terms = self._terms(plan)
        for here, found in self._shares(plan, explained):
            owners, own, addressed = terms.owners, terms.terms, terms.addressed
            rows = [
                (owners[number], own[number], self._fields[addressed[number] >> 4][field], score)
                for number, field, score in zip(found.terms, found.fields, found.scores, strict=True)
            ]
            parts, before = [*map(_part, rows)], 0
            for (_, id), end in zip(here, found.ends, strict=True):
                explained[id] = parts[before:end]
                before = end
        for id, near in plan.near:
            if id in explained:
                explained[id].append(Part(NO_UNIT, Term(""), "meaning", near))
                explained[id].sort(key=attrgetter("score"), reverse=True)
        return [explained[id] for id in ids]

    def held_units(self, plan: Plan, ids: Iterable[str]) -> dict[str, set[int]]:
        """See :class:`indexer.engine.Engine`."""
        held: dict[str, set[int]] = {id: set() for id in ids}
        owners = self._terms(plan).owners
        for here, found in self._shares(plan, held):
            before = 0
            for (_, id), end in zip(here, found.ends, strict=True):
                held[id] = {owners[number] for number in found.terms[before:end]}
                before = end
        return held

    def _shares(self, plan: Plan, ids: Iterable[str]) -> Iterator[tuple[list[tuple[int, str]], Shares]]:
        """By segment, those of ``ids`` that are alive in it, by number, and what the terms give to them."""
        terms, runner = self._terms(plan), self._runner(plan)
        for place, segment in enumerate(self._segments):
            numbers, alive = segment.scores.numbers(ids), segment.alive
            here = sorted([(n, id) for id, n in numbers.items() if alive is None or alive[n]])
            if here:
                yield here, runner.explain(terms, place, [n for n, _ in here])

    def frequency(self, term: str) -> int:
        """See :class:`indexer.engine.Engine`."""
        return max(self._public.groups["words"].frequency(term))

    def rarity(self, unit: Unit) -> float:
        """How much a unit says: its own word's weight and inverse document frequency over the word fields."""
        term = unit.terms[0]
        return term.weight * idf(self.size, self.frequency(term.text))

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
        wanted = set(ids)
        return {
            id
            for s in self._segments
            for id, number in s.scores.numbers(wanted).items()
            if s.alive is None or s.alive[number]
        }

    def close(self) -> None:
        """See :class:`indexer.engine.Engine`."""
        for segment in self._segments:
            if segment.durable is not None:
                segment.durable.close()


def _rounded(keys: Sequence[float]) -> tuple[float, ...]:
    """To four digits: the same as round(key, 4), sooner, since of single precision the product is exact."""
    return tuple([round(key * 1e4) / 1e4 for key in keys])
