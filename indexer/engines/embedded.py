"""The default engine: the durable Whoosh index and the arrays derived from it, and a segment of fresh changes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

import numpy as np

from corpus.access import Clearance, Scope
from indexer.engine import NO_UNIT, Document, Part, Plan, Ranked, Schema, Term, Unit
from indexer.engines.scores import Floats, Mask, Scores, Statistics
from indexer.engines.whoosh_index import WhooshIndex


@dataclass(frozen=True, slots=True)
class Segment:
    """Arrays, where literals are looked up (Whoosh, or the documents themselves for fresh ones), and who is left."""

    scores: Scores
    durable: WhooshIndex | None
    fresh: tuple[Document, ...]
    alive: Mask

    def literal(self, characters: tuple[str, ...]) -> Mask:
        """Which documents hold these characters side by side."""
        mask = np.zeros(len(self.scores.ids), dtype=np.bool_)
        if self.durable is not None:
            mask[self.durable.literal(characters)] = True
        else:
            wanted = "".join(characters)
            mask[[n for n, d in enumerate(self.fresh) if wanted in "".join(d.literal)]] = True
        return mask


class _Found(NamedTuple):
    """A match of a segment: its score, or the value that the list is ordered by; and what decides between equals."""

    score: float
    key: str
    code: str
    id: str


class Embedded:
    """An index of one kind over one or more segments; segments are ordered and never change."""

    def __init__(self, schema: Schema, segments: Sequence[Segment], statistics: Statistics) -> None:
        self.schema = schema
        self._segments = tuple(segments)
        self._statistics = statistics
        self._weights = {f.name: f.weight for f in schema.fields}
        # A term addresses a group of fields, or one field by its name.
        self._groups = {f.name: (f.name,) for f in schema.fields} | {
            group: tuple(f.name for f in schema.fields if f.group == group) for group in ("words", "chars", "code")
        }

    @staticmethod
    def build(folder: Path, schema: Schema, documents: Sequence[Document], statistics: Statistics) -> None:
        """Write the durable index and the arrays of ``documents``; ``statistics`` are those of the public records."""
        Embedded.write(folder, schema, documents)
        Embedded.derive(folder, schema, documents, statistics)

    @staticmethod
    def write(folder: Path, schema: Schema, documents: Sequence[Document], part: int = 0) -> None:
        """Write the durable half, or a part of it: the slow one, which needs no statistics."""
        WhooshIndex.build(folder / "whoosh", schema, documents, part)

    @staticmethod
    def derive(folder: Path, schema: Schema, documents: Sequence[Document], statistics: Statistics) -> None:
        """Write the arrays of all ``documents`` of the durable half."""
        Scores.derive(schema, documents, statistics).save(folder / "scores")

    @classmethod
    def open(cls, schema: Schema, folders: Sequence[Path]) -> Embedded:
        """Open what :meth:`build` wrote, public records first: theirs are the statistics."""
        segments = []
        for folder in folders:
            scores = Scores.load(folder / "scores")
            durable = WhooshIndex(folder / "whoosh")
            segments.append(Segment(scores, durable, (), np.ones(len(scores.ids), dtype=np.bool_)))
        return cls(schema, segments, segments[0].scores.statistics())

    def with_changes(self, changed: Sequence[Document], gone: Iterable[str]) -> Embedded:
        """The same index with ``changed`` in place of the records of those ids and without those ``gone``."""
        dead = {d.id for d in changed} | set(gone)
        segments = []
        for segment in self._segments:
            numbers = [segment.scores.numbers[id] for id in dead if id in segment.scores.numbers]
            alive = segment.alive.copy()
            alive[numbers] = False
            segments.append(replace(segment, alive=alive))
        if changed:
            scores = Scores.derive(self.schema, changed, self._statistics)
            segments.append(Segment(scores, None, tuple(changed), np.ones(len(changed), dtype=np.bool_)))
        return Embedded(self.schema, segments, self._statistics).weighed(self._weights)

    def weighed(self, weights: Mapping[str, float]) -> Embedded:
        """The same index with other weights of its fields; fields not named keep theirs."""
        other = Embedded(self.schema, self._segments, self._statistics)
        other._weights |= {name: weight for name, weight in weights.items() if name in other._weights}
        return other

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
        total = 0
        facets: dict[str, Counter[str]] = {name: Counter() for name in self.schema.facets}
        best: list[_Found] = []
        for segment in self._segments:
            points, match = self._match(segment, plan, scope, filters)
            found = np.flatnonzero(match)
            total += len(found)
            if not len(found):
                continue
            if counts:
                for name, (column, values) in segment.scores.facets.items():
                    sizes = np.bincount(column[found], minlength=len(values))
                    for value in np.flatnonzero(sizes):
                        if values[value]:
                            facets[name][values[value]] += int(sizes[value])
            best.extend(self._best(segment, found, points, sort, offset + limit))
        page = _ordered(best, sort)[offset : offset + limit]
        return Ranked(
            ids=tuple(hit.id for hit in page),
            scores=tuple(round(hit.score, 4) if sort == "score" else 0.0 for hit in page),
            total=total,
            facets={
                name: dict(sorted(found.items(), key=lambda item: (-item[1], item[0])))
                for name, found in facets.items()
            },
        )

    def _match(
        self, segment: Segment, plan: Plan, scope: Scope, filters: Mapping[str, Sequence[str]]
    ) -> tuple[Floats, Mask]:
        scores = segment.scores
        points = np.zeros(len(scores.ids), dtype=np.float32)
        met = np.zeros(len(scores.ids), dtype=np.int16)
        for unit in plan.units:
            hit = np.zeros(len(scores.ids), dtype=np.bool_)
            for term in unit.terms:
                self._add(scores, term, points, hit)
            if unit.parts:
                every = np.ones(len(scores.ids), dtype=np.bool_)
                for term in unit.parts:
                    one = np.zeros(len(scores.ids), dtype=np.bool_)
                    self._add(scores, term, points, one)
                    every &= one
                hit |= every
            met += hit
        match = met >= plan.need
        for id, near in plan.near:
            number = scores.numbers.get(id)
            if number is not None:
                points[number] += np.float32(near)
                match[number] |= plan.widens
        match &= segment.alive
        for literal in plan.literals:
            match &= segment.literal(literal)
        for name, wanted in filters.items():
            column, values = scores.facets[name]
            match &= np.isin(column, [n for n, value in enumerate(values) if value in wanted])
        if scope.clearance is Clearance.OWN:
            column, values = scores.owners
            own = [n for n, value in enumerate(values) if value == scope.unit]
            match &= ~scores.restricted | np.isin(column, own)
        elif scope.clearance is Clearance.NONE:
            match &= ~scores.restricted
        return points, match

    def _add(self, scores: Scores, term: Term, points: Floats, hit: Mask) -> None:
        """Add a term's impacts to ``points`` and mark its documents in ``hit``."""
        for field in self._groups.get(term.group, ()):
            row = scores.row(field, term.text)
            if row is not None:
                points[row[0]] += np.float32(self._worth(field, term)) * row[1]
                hit[row[0]] = True

    def _worth(self, field: str, term: Term) -> float:
        """What a term's impacts are multiplied by: its weight and the field's.

        A synonym gets no more rarity than the word that it stands for has.
        """
        weight = term.weight * self._weights[field]
        if not term.like:
            return weight
        return weight * min(1.0, self._statistics.idf(field, term.like) / self._statistics.idf(field, term.text))

    @staticmethod
    def _best(segment: Segment, found: np.ndarray, points: Floats, sort: str, limit: int) -> list[_Found]:
        """The first ``limit`` matches of a segment, best first."""
        scores = segment.scores
        codes = scores.sorts.get("code", scores.ids)
        if sort == "score":
            order = np.lexsort((scores.order[found], -points[found]))[:limit]
            return [_Found(float(points[n]), "", codes[n], scores.ids[n]) for n in found[order].tolist()]
        keys = scores.sorts[sort.removeprefix("-")]
        listed = [_Found(0.0, keys[n], codes[n], scores.ids[n]) for n in found.tolist()]
        return _ordered(listed, sort)[:limit]

    def explain(self, plan: Plan, ids: Sequence[str]) -> list[list[Part]]:
        """See :class:`indexer.engine.Engine`."""
        explained: dict[str, list[Part]] = {id: [] for id in ids}
        for segment in self._segments:
            numbers = segment.scores.numbers
            here = [id for id in explained if id in numbers and segment.alive[numbers[id]]]
            wanted = np.array([numbers[id] for id in here], dtype=np.int32)
            for n, unit in enumerate(plan.units) if here else ():
                for term in (*unit.terms, *unit.parts):
                    for field in self._groups.get(term.group, ()):
                        row = segment.scores.row(field, term.text)
                        if row is None:
                            continue
                        at = np.minimum(np.searchsorted(row[0], wanted), len(row[0]) - 1)
                        worth = np.float32(self._worth(field, term))
                        for k in np.flatnonzero(row[0][at] == wanted).tolist():
                            explained[here[k]].append(Part(n, term, field, float(worth * row[1][at[k]])))
        for id, near in plan.near:
            if id in explained:
                explained[id].append(Part(NO_UNIT, Term(""), "meaning", near))
        return [sorted(explained[id], key=lambda part: -part.score) for id in ids]

    def frequency(self, term: str) -> int:
        """See :class:`indexer.engine.Engine`."""
        return max((self._statistics.frequencies.get((f, term), 0) for f in self._groups["words"]), default=0)

    def rarity(self, unit: Unit) -> float:
        """How much a unit says: its own word's weight and inverse document frequency over the word fields."""
        term = unit.terms[0]
        return term.weight * min(self._statistics.idf(field, term.text) for field in self._groups["words"])

    @property
    def size(self) -> int:
        """How many public records the statistics were taken from."""
        return self._statistics.count

    def digests(self) -> dict[str, str]:
        """See :class:`indexer.engine.Engine`."""
        return {id: digest for s in self._segments if s.durable for id, digest in s.durable.stored()}

    def ids(self) -> Iterator[str]:
        """See :class:`indexer.engine.Engine`."""
        return (s.scores.ids[n] for s in self._segments for n in np.flatnonzero(s.alive).tolist())

    def close(self) -> None:
        """See :class:`indexer.engine.Engine`."""
        for segment in self._segments:
            if segment.durable is not None:
                segment.durable.close()


def _ordered(hits: list[_Found], sort: str) -> list[_Found]:
    """Hits in the order of ``sort`` (``-`` turns it round), equal ones by code: the same in and across segments."""
    hits = sorted(hits, key=lambda hit: (-hit.score, hit.code, hit.id))
    if sort == "score":
        return hits
    return sorted(hits, key=lambda hit: hit.key, reverse=sort.startswith("-"))
