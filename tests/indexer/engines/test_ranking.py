"""The kernel and numpy rank alike, to the last bit; and both as the postings of the durable index say."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from random import Random

import pytest

from corpus.access import Clearance, Scope
from indexer import kernel
from indexer.engine import NO_UNIT, Document, Plan, Schema, Term, Unit
from indexer.engines import ranking
from indexer.engines.compiled import MOST_UNITS
from indexer.engines.derive import K1
from indexer.engines.embedded import Embedded
from indexer.engines.scores import idf
from indexer.engines.whoosh_index import WhooshIndex

Make = Callable[..., list[Document]]
SCOPES = (Scope(Clearance.NONE, ""), Scope(Clearance.OWN, "路"), Scope(Clearance.OWN, "无"), Scope(Clearance.ALL, ""))
needs_kernel = pytest.mark.skipif(kernel.load() is None, reason="the kernel was not compiled on this machine")


def opened(schema: Schema, folder: Path, *, compiled: bool) -> Embedded:
    with pytest.MonkeyPatch.context() as patch:
        if not compiled:
            patch.setenv("ZHIBIAO_KERNEL", "off")
        return Embedded.open(schema, [folder / "open", folder / "full"])


def changed(engine: Embedded, documents: Sequence[Document], gone: Sequence[str], *, compiled: bool) -> Embedded:
    with pytest.MonkeyPatch.context() as patch:
        if not compiled:
            patch.setenv("ZHIBIAO_KERNEL", "off")
        return engine.with_changes(documents, gone)


def random_plan(random: Random, words: Sequence[str], ids: Sequence[str]) -> Plan:
    units = []
    for _ in range(random.choice((0, 1, 1, 2, 3, 5, 12))):
        word = random.choice(words)
        terms = [Term(word, random.choice((1.0, 0.37)), random.choice(("words", "words", "words", "class", "nowhere")))]
        for _ in range(random.choice((0, 0, 1, 2))):
            terms.append(Term(random.choice(words), 0.8, like=random.choice(("", word))))
        if random.random() < 0.2:
            terms.append(Term(random.choice("农路率%"), random.random(), "chars"))
        if random.random() < 0.1:
            terms.append(Term(f"{random.randrange(10, 40)}{random.randrange(300):05d}", group="code"))
        parts = [
            Term(part, 0.45, like=random.choice(("", "", word)), group=random.choice(("words", "words", "name")))
            for part in random.sample(words, random.choice((0, 0, 1, 2, 3)))
        ]
        units.append(Unit(word, tuple(terms), tuple(parts)))
    near = tuple((id, random.choice((0.25, 1 / 3, 7.5))) for id in random.sample(ids, random.choice((0, 0, 5))))
    literals = (tuple(random.choice(("公路", "路养护", "路"))),) if random.random() < 0.1 else ()
    return Plan(tuple(units), literals, random.randint(0, min(3, len(units))), near, random.random() < 0.5)


def random_filters(random: Random) -> dict[str, list[str]]:
    filters: dict[str, list[str]] = {}
    if random.random() < 0.4:
        filters["unit"] = random.sample(("公里", "%", "人", "", "无"), random.choice((1, 2)))
    if random.random() < 0.3:
        filters["owner"] = random.sample(("路", "警", "农", ""), random.choice((1, 2)))
    return filters


def share(engine: Embedded, plan: Plan, held: set[int]) -> float:
    """How much of a plan some of its units say."""
    own = [unit.terms[0] for unit in plan.units]
    said = [term.weight * idf(engine.size, engine.frequency(term.text)) for term in own]
    return sum(said[unit] for unit in sorted(held)) / sum(said) if said else 0.0


@needs_kernel
@pytest.mark.parametrize("size", [30, 150, 400, 3000])
def test_a_thousand_plans_are_answered_alike_with_and_without_the_kernel(
    tmp_path: Path, schema: Schema, make: Make, vocabulary: tuple[str, ...], size: int
) -> None:
    """Several segments, dead and fresh records, filters, clearances, pages, orders, points for meaning."""
    random = Random(size)  # noqa: S311
    public, sealed = make(size, size), make(50, size // 4, first=size, restricted=True)
    scores = Embedded.build(tmp_path / "open", schema, public)
    Embedded.build(tmp_path / "full", schema, sealed, scores)
    fresh = [*make(60, 15), *make(70, 9, first=2 * size, restricted=True)]
    gone = [d.id for d in random.sample(public + sealed, size // 5)]
    pair = [opened(schema, tmp_path, compiled=compiled) for compiled in (True, False)]
    assert [engine._kernel is None for engine in pair] == [False, True]
    later = [changed(e, fresh, gone, compiled=compiled) for e, compiled in zip(pair, (True, False), strict=True)]
    ids = ["no such", *sorted(d.id for d in (*public, *sealed, *fresh))]
    words = (*vocabulary, "没有的词")
    totals = set()
    for number in range(250):
        plan, filters, scope = random_plan(random, words, ids), random_filters(random), random.choice(SCOPES)
        page = {"offset": random.choice((0, 0, 3, 40)), "limit": random.choice((1, 20, 1000))}
        sort = random.choice(("score", "score", "score", "code", "name", "-updated"))
        one, other = (
            e.search(plan, scope, filters, sort=sort, counts=number % 5 > 0, **page) for e in (pair, later)[number % 2]
        )
        assert one == other, (plan, filters, scope, page, sort)
        best = [e.leading(plan, scope, filters, page["limit"]) for e in (pair, later)[number % 2]]
        assert [[column.tolist() for column in found] for found in best[:1]] == [
            [column.tolist() for column in found] for found in best[1:]
        ]
        assert [list(f.items()) for f in one.facets.values()] == [list(f.items()) for f in other.facets.values()]
        if number % 5 == 0:
            told = [e.explain(plan, one.ids) for e in (pair, later)[number % 2]]
            asked = (pair, later)[number % 2]
            places = [asked[0].numbers(one.ids)[id] for id in one.ids]
            met = [{part.unit for part in parts} - {NO_UNIT} for parts in told[0]]
            # Each of them, all together, one of them twice, and none.
            groups = [*([n] for n in places), places, [*places[:1], *places[:1]], []]
            held = [*met, set[int]().union(*met), met[0] if met else set[int](), set[int]()]
            assert [e.shares(plan, groups) for e in asked] == [tuple(share(asked[0], plan, of) for of in held)] * 2
            assert told[0] == told[1]
        totals.add(one.total)
    for engine in pair:
        engine.close()
    assert len(totals) > 10


@dataclass
class Truth:
    """What the postings of durable indexes say, one document at a time."""

    schema: Schema
    parts: Sequence[tuple[WhooshIndex, Sequence[Document]]]
    gone: set[str]
    """Ids whose records in all parts but the last, the fresh one, are no more."""

    def __post_init__(self) -> None:
        self.held = cache(self._held)

    def _held(self, part: int, field: str, term: str) -> Mapping[int, int]:
        return dict(self.parts[part][0].postings(field, term))

    def _idf(self, field: str, term: str) -> float:
        count, frequency = len(self.parts[0][1]), len(self.held(0, field, term))
        return math.log(1 + (count - frequency + 0.5) / (frequency + 0.5))

    def _points(self, part: int, number: int, term: Term) -> float | None:
        found = None
        for field in self.schema.fields:
            times = self.held(part, field.name, term.text).get(number)
            if times is None or term.group not in (field.group, field.name):
                continue
            public = self.parts[0][1]
            mean = sum(len(d.terms[field.name]) for d in public) / len(public)
            norm = K1 * (1 - field.b + field.b * len(self.parts[part][1][number].terms[field.name]) / mean)
            rarity = self._idf(field.name, term.text)
            rarity = min(rarity, self._idf(field.name, term.like)) if term.like else rarity
            found = (found or 0.0) + term.weight * field.weight * rarity * times * (K1 + 1) / (times + norm)
        return found

    def search(self, plan: Plan, scope: Scope, filters: Mapping[str, Sequence[str]]) -> dict[str, float]:
        """The score of every document found."""
        found = {}
        for part, (_, documents) in enumerate(self.parts):
            for number, d in enumerate(documents):
                own = scope.clearance is Clearance.OWN and d.owner == scope.unit
                seen = not d.restricted or own or scope.clearance is Clearance.ALL
                dead = d.id in self.gone and part < len(self.parts) - 1
                if dead or not seen or any(d.facets[f] not in values for f, values in filters.items()):
                    continue
                score, met = 0.0, 0
                for unit in plan.units:
                    terms = [self._points(part, number, term) for term in unit.terms]
                    parts = [self._points(part, number, term) for term in unit.parts]
                    score += sum(points for points in (*terms, *parts) if points is not None)
                    met += any(p is not None for p in terms) or (bool(parts) and all(p is not None for p in parts))
                if met >= plan.need:
                    found[d.id] = score
        return found


Answers = list[tuple[Plan, Mapping[str, Sequence[str]], Scope, dict[str, float]]]


@pytest.fixture(scope="module")
def truth(
    tmp_path_factory: pytest.TempPathFactory, schema: Schema, make: Make, vocabulary: tuple[str, ...]
) -> Iterator[tuple[Path, Truth, Answers]]:
    """A thousand random queries with the scores of all that they find."""
    folder = tmp_path_factory.mktemp("truth")
    public, sealed = make(91, 90), make(92, 30, first=90, restricted=True)
    # Some are new, some take the place of others. Served from memory, they are written here only to be read back.
    fresh = [*make(93, 12, first=85), *make(94, 12, first=115, restricted=True), *make(95, 5, first=130)]
    scores = Embedded.build(folder / "open", schema, public)
    Embedded.build(folder / "full", schema, sealed, scores)
    WhooshIndex.build(folder / "fresh" / "whoosh", schema, fresh)
    held = {"open": public, "full": sealed, "fresh": fresh}
    parts = [(WhooshIndex(folder / name / "whoosh"), documents) for name, documents in held.items()]
    gone = {d.id for d in (*public, *sealed) if int(d.id[1:]) % 7 == 0} | {d.id for d in fresh}
    assert len(gone) > 40
    found, random, answers = Truth(schema, parts, gone), Random(17), []  # noqa: S311
    for _ in range(1000):
        plan = replace(random_plan(random, (*vocabulary, "没有的词"), ["x"] * 9), near=(), literals=())
        filters, scope = random_filters(random), random.choice(SCOPES)
        answers.append((plan, filters, scope, found.search(plan, scope, filters)))
    yield folder, found, answers
    for index, _ in parts:
        index.close()


@pytest.mark.parametrize("compiled", [pytest.param(True, marks=needs_kernel), False])
def test_a_thousand_queries_are_answered_as_the_postings_say(
    truth: tuple[Path, Truth, Answers], schema: Schema, monkeypatch: pytest.MonkeyPatch, *, compiled: bool
) -> None:
    """The same best 20 with the same scores, totals and counts; with filters, deletions and three segments."""
    folder, slow, answers = truth
    base = opened(schema, folder, compiled=compiled)
    engine = changed(base, slow.parts[-1][1], sorted(slow.gone), compiled=compiled)
    assert len(engine._segments) == 3
    monkeypatch.setattr(ranking, "PARTS", 2.0**40)
    documents = {d.id: d for _, held in slow.parts for d in held}
    for plan, filters, scope, expected in answers:
        found, every = (engine.search(plan, scope, filters, limit=limit) for limit in (20, 1000))
        scores = dict(zip(every.ids, every.scores, strict=True))
        assert scores == pytest.approx(expected, rel=1e-6, abs=1e-6)
        # Sums that are equal but for rounding may differ in their last digit, so the order is that of the scores told.
        best = tuple(sorted(expected, key=lambda id: (-scores[id], documents[id].sorts["code"], id))[:20])
        assert (found.ids, found.scores) == (best, tuple(scores[id] for id in best))
        assert found.total == len(expected)
        for name in schema.facets:
            values = [documents[id].facets[name] for id in expected]
            assert found.facets[name] == {v: values.count(v) for v in set(values) if v}
    base.close()
    assert len({len(expected) for *_, expected in answers}) > 40


def test_more_units_than_the_kernel_counts_are_answered_all_the_same(
    truth: tuple[Path, Truth, Answers], schema: Schema, vocabulary: tuple[str, ...]
) -> None:
    engine = Embedded.open(schema, [truth[0] / "open", truth[0] / "full"])
    units = tuple(Unit(w, (Term(w, 0.001),)) for w in (*vocabulary, *["没有"] * MOST_UNITS))
    many, few = (engine.search(Plan(u, need=2), SCOPES[3], {}) for u in (units, units[: len(vocabulary)]))
    engine.close()
    assert many == few
