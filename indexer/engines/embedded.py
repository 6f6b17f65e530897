"""The default engine: the durable Whoosh index and the arrays derived from it, and a segment of fresh changes."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import chain, pairwise
from pathlib import Path
from typing import NamedTuple

import numpy as np

from corpus.access import Clearance, Scope
from indexer import kernel
from indexer.engine import NO_UNIT, Document, Part, Plan, Ranked, Schema, Term, Unit
from indexer.engines import ranking
from indexer.engines.arrays import Array
from indexer.engines.derive import Collector, derive
from indexer.engines.ranking import Asked, Terms, Values
from indexer.engines.scores import Scores, idf
from indexer.engines.whoosh_index import WhooshIndex


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


class _Found(NamedTuple):
    """A match: the value that a list is ordered by, and what decides between equals."""

    segment: Segment
    number: int
    key: str
    code: str
    id: str


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
    def _values(self) -> Values:
        """The facets' values through all segments."""
        found = {}
        for name in self.schema.facets:
            first, *others = (segment.scores.facets[name] for segment in self._segments)
            more = set(chain.from_iterable(others)).difference(first)
            found[name] = sorted({*first, *more}) if more else first
        return Values(found)

    @cached_property
    def _running(self) -> list[ranking.Segment]:
        """The segments as plans are run over them."""
        found = []
        for segment in self._segments:
            table = np.empty_like(segment.scores.values)
            for f, name in enumerate(self.schema.facets):
                numbers = self._values.numbers[name]
                places = np.array([numbers[value] for value in segment.scores.facets[name]], np.int32)
                table[:, f] = places[segment.scores.values[:, f]]
            found.append(ranking.Segment(segment.scores, table, segment.alive))
        return found

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
        tally = self._values.counts() if counts else None
        terms = self._terms(plan)
        wanted, filtered = self._wanted(filters)
        total = 0
        found: list[tuple[Segment, list[tuple[float, int, int]]]] = []
        for segment, whole in zip(self._segments, self._running, strict=True):
            if not segment.scores.size:
                continue
            running = whole
            if plan.literals:
                left = np.logical_and.reduce([segment.literal(literal) for literal in plan.literals])
                left = left if segment.alive is None else left & segment.alive
                running = whole.left(left)
            asked = Asked(
                need=plan.need,
                near=_near(segment, plan),
                widens=plan.widens,
                wanted=wanted,
                filtered=filtered,
                owner=_owner(segment.scores, scope),
                ranks=None if sort == "score" else segment.scores.sorts[sort.removeprefix("-")][0],
                falling=sort.startswith("-"),
            )
            here, best = ranking.search(self._run(running, terms), asked, offset + limit, tally)
            total += here
            if best:
                found.append((segment, best))
        page = _page(found, sort, offset, limit)
        return Ranked(
            ids=_ids(page),
            scores=tuple([round(key, 4) if sort == "score" else 0.0 for _, key, _ in page]),
            total=total,
            facets={name: {} for name in self.schema.facets} if tally is None else tally.listed(self._kernel),
        )

    def _run(self, segment: ranking.Segment, terms: Terms) -> ranking.Run:
        return ranking.Run(segment, self._running[0], terms, self._kernel)

    def _terms(self, plan: Plan) -> Terms:
        """The terms of a plan; one draft is asked of the same index several times in a row."""
        last: Terms | None = getattr(self._thread, "terms", None)
        if last is None or last.units is not plan.units:
            last = self._thread.terms = Terms(plan.units, self._places)
        return last

    def _wanted(self, filters: Mapping[str, Sequence[str]]) -> tuple[bytes, tuple[int, ...]]:
        """Which values filters let pass, and the facets that they are of."""
        if not filters:
            return b"", ()
        wanted = bytearray(len(self._values.values))
        for name, values in filters.items():
            for value in values:
                number = self._values.numbers[name].get(value)
                if number is not None:
                    wanted[number] = 1
        return bytes(wanted), tuple(self.schema.facets.index(name) for name in filters)

    def explain(self, plan: Plan, ids: Sequence[str]) -> list[list[Part]]:
        """See :class:`indexer.engine.Engine`."""
        explained: dict[str, list[Part]] = {id: [] for id in ids}
        terms = self._terms(plan)
        for segment, running in zip(self._segments, self._running, strict=True):
            numbers = segment.scores.numbers(explained)
            alive = segment.alive
            here = sorted((n, id) for id, n in numbers.items() if alive is None or alive[n])
            if not here:
                continue
            owners, addressed = terms.owners, terms.addressed
            for document, number, field, score in ranking.explain(self._run(running, terms), [n for n, _ in here]):
                part = Part(owners[number], terms.terms[number], self._fields[addressed[number] >> 4][field], score)
                explained[here[document][1]].append(part)
        for id, near in plan.near:
            if id in explained:
                explained[id].append(Part(NO_UNIT, Term(""), "meaning", near))
        return [sorted(explained[id], key=lambda part: -part.score) for id in ids]

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

    def close(self) -> None:
        """See :class:`indexer.engine.Engine`."""
        for segment in self._segments:
            if segment.durable is not None:
                segment.durable.close()


def _ids(page: Sequence[tuple[Segment, float, int]]) -> tuple[str, ...]:
    numbers: dict[int, list[int]] = {}
    of = {id(segment): segment for segment, _, _ in page}
    for segment, _, number in page:
        numbers.setdefault(id(segment), []).append(number)
    strings = {key: iter(of[key].scores.ids.several(held)) for key, held in numbers.items()}
    return tuple([next(strings[id(segment)]) for segment, _, _ in page])


def _near(segment: Segment, plan: Plan) -> tuple[tuple[int, float], ...]:
    """The points for likeness in meaning by document, rising."""
    if not plan.near:
        return ()
    numbers = segment.scores.numbers(id for id, _ in plan.near)
    return tuple(sorted((numbers[id], points) for id, points in plan.near if id in numbers))


def _owner(scores: Scores, scope: Scope) -> int:
    """Whose sealed records are seen: see :class:`indexer.engines.ranking.Asked`."""
    if scope.clearance is Clearance.ALL:
        return -1
    own = scope.clearance is Clearance.OWN and scope.unit in scores.owner_names
    return scores.owner_names.index(scope.unit) + 1 if own else 0


_Hits = Sequence[tuple[Segment, list[tuple[float, int, int]]]]


def _page(found: _Hits, sort: str, offset: int, limit: int) -> list[tuple[Segment, float, int]]:
    """The hits of a page as (segment, score, document), best first; those of every segment are in order already."""
    if len(found) == 1:
        [(only, best)] = found
        return [(only, key, number) for key, _, number in best[offset : offset + limit]]
    if sort != "score":
        listed = [_named(segment, number, sort.removeprefix("-")) for segment, best in found for _, _, number in best]
        listed.sort(key=lambda hit: (hit.code, hit.id))
        listed.sort(key=lambda hit: hit.key, reverse=sort.startswith("-"))
        return [(hit.segment, 0.0, hit.number) for hit in listed[offset : offset + limit]]
    hits = sorted([(-key, n, order, number) for n, (_, best) in enumerate(found) for key, order, number in best])
    hits = hits[: _whole(hits, offset + limit)]
    if any(one[0] == other[0] and one[1] != other[1] for one, other in pairwise(hits)):
        # Orders are each segment's own; what they come from is read only where it must decide.
        named: dict[tuple[int, int], tuple[str, str]] = {}
        for n, (segment, _) in enumerate(found):
            numbers = [number for _, m, _, number in hits if m == n]
            ranks, codes = segment.scores.sorts["code"]
            pairs = zip(codes.several(ranks[numbers].tolist()), segment.scores.ids.several(numbers), strict=True)
            named |= zip([(n, number) for number in numbers], pairs, strict=True)
        hits.sort(key=lambda hit: (hit[0], named[hit[1], hit[3]]))
    return [(found[n][0], -key, number) for key, n, _, number in hits[offset : offset + limit]]


def _whole(hits: Sequence[tuple[float, int, int, int]], limit: int) -> int:
    """How many hits the first ``limit`` are with all those that equal the last of them."""
    while 0 < limit < len(hits) and hits[limit][0] == hits[limit - 1][0]:
        limit += 1
    return limit


def _named(segment: Segment, number: int, sort: str) -> _Found:
    key, code = (
        values[int(ranks[number])] for ranks, values in (segment.scores.sorts[name] for name in (sort, "code"))
    )
    return _Found(segment, number, key, code, segment.scores.ids[number])
