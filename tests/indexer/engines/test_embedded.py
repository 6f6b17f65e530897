"""The engine against an oracle: plain Python over the documents, one at a time, by the formula as it is published."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from random import Random

import pytest

from corpus.access import Clearance, Scope
from indexer.engine import NO_UNIT, Document, Plan, Ranked, Schema, Term, Unit
from indexer.engines.embedded import Embedded

Make = Callable[..., list[Document]]
Opened = Callable[..., Embedded]
Filters = Mapping[str, Sequence[str]]
PUBLIC, OWN, ALL = Scope(Clearance.NONE, ""), Scope(Clearance.OWN, "路"), Scope(Clearance.ALL, "")
K1 = 1.2


@dataclass
class Oracle:
    """The documents as they stand, and those public ones that the statistics were taken from."""

    schema: Schema
    counted: list[Document]
    documents: list[Document]

    def __post_init__(self) -> None:
        # Both are asked for thousands of times.
        self.idf = cache(self._idf)
        self.average = cache(self._average)

    def _idf(self, field: str, term: str) -> float:
        holding = sum(term in d.terms.get(field, ()) for d in self.counted)
        return math.log(1 + (len(self.counted) - holding + 0.5) / (holding + 0.5))

    def _average(self, field: str) -> float:
        return sum(len(d.terms.get(field, ())) for d in self.counted) / len(self.counted)

    def points(self, document: Document, term: Term) -> tuple[float, bool]:
        """A term's share of a document's score, and whether it stands there at all."""
        whole, hit = 0.0, False
        for field in self.schema.fields:
            words = document.terms.get(field.name, ())
            if field.group != term.group or term.text not in words:
                continue
            times = words.count(term.text)
            norm = K1 * (1 - field.b + field.b * len(words) / self.average(field.name))
            rarity = self.idf(field.name, term.text)
            if term.like:
                rarity = min(rarity, self.idf(field.name, term.like))
            whole += term.weight * field.weight * rarity * times * (K1 + 1) / (times + norm)
            hit = True
        return whole, hit

    def search(self, plan: Plan, scope: Scope, filters: Filters) -> dict[str, float]:
        """The score of every document found."""
        found = {}
        for document in self.documents:
            score, met = 0.0, 0
            for unit in plan.units:
                terms = [self.points(document, term) for term in unit.terms]
                parts = [self.points(document, term) for term in unit.parts]
                score += sum(points for points, _ in (*terms, *parts))
                met += any(hit for _, hit in terms) or (bool(parts) and all(hit for _, hit in parts))
            text = "".join(document.literal)
            own = scope.clearance is Clearance.OWN and document.owner == scope.unit
            near = dict(plan.near)
            score += near.get(document.id, 0.0)
            if (
                (met >= plan.need or (plan.widens and document.id in near))
                and all("".join(literal) in text for literal in plan.literals)
                and all(document.facets.get(name, "") in values for name, values in filters.items())
                and (not document.restricted or scope.clearance is Clearance.ALL or own)
            ):
                found[document.id] = score
        return found

    def facets(self, ids: Sequence[str]) -> dict[str, dict[str, int]]:
        """How often each value stands in the documents found: the most frequent first, equal ones by name."""
        counts: dict[str, Counter[str]] = {name: Counter() for name in self.schema.facets}
        for document in self.documents:
            if document.id in ids:
                for name, count in counts.items():
                    if document.facets.get(name):
                        count[document.facets[name]] += 1
        return {n: dict(sorted(c.items(), key=lambda item: (-item[1], item[0]))) for n, c in counts.items()}


@dataclass
class Case:
    """An engine of one edition with its oracle, before and after changes."""

    engine: Embedded
    oracle: Oracle


@pytest.fixture(scope="module")
def cases(tmp_path_factory: pytest.TempPathFactory, schema: Schema, make: Make) -> Iterator[dict[str, Case]]:
    folder = tmp_path_factory.mktemp("engine")
    public = make(11, 140)
    sealed = make(12, 40, first=140, restricted=True)
    scores = Embedded.build(folder / "open", schema, public)
    Embedded.build(folder / "full", schema, sealed, scores)
    opened = Embedded.open(schema, [folder / "open"])
    full = Embedded.open(schema, [folder / "open", folder / "full"])
    # Changed, new and deleted records, public and restricted; one leaves the public, one joins it.
    changed = [
        *make(13, 20),
        *make(14, 15, first=200),
        *make(15, 10, first=140, restricted=True),
        *make(16, 5, first=230, restricted=True),
        *make(17, 4, first=60, restricted=True),
        *make(18, 4, first=160),
    ]
    gone = [d.id for d in public[100:110]] + [d.id for d in sealed[30:34]] + ["no such"]
    dead = {d.id for d in changed} | set(gone)
    public_changes = [d for d in changed if not d.restricted]
    left = [d for d in (*public, *sealed) if d.id not in dead]
    yield {
        "open": Case(opened, Oracle(schema, public, public)),
        "full": Case(full, Oracle(schema, public, [*public, *sealed])),
        "open, changed": Case(
            opened.with_changes(public_changes, dead),
            Oracle(schema, public, [*(d for d in left if not d.restricted), *public_changes]),
        ),
        "full, changed": Case(full.with_changes(changed, gone), Oracle(schema, public, [*left, *changed])),
    }
    opened.close()
    full.close()


def plans(vocabulary: Sequence[str], count: int) -> Iterator[tuple[Plan, Filters]]:
    """Random plans: synonyms, parts, codes, single characters, literals, unknown words, every ``need``; and filters."""
    random = Random(20261121)  # noqa: S311
    words = (*vocabulary, "没有的词")
    for _ in range(count):
        units = []
        for _ in range(random.choice((0, 1, 1, 2, 3, 5))):
            word = random.choice(words)
            terms = [Term(word, random.choice((1.0, 0.5)))]
            if random.random() < 0.3:
                like = random.choice(("", word))
                terms.append(Term(random.choice(words), 0.8, reason="同义词", like=like))
            if random.random() < 0.2:
                terms.append(Term(random.choice("农路率%"), group="chars"))
            if random.random() < 0.1:
                terms.append(Term(f"{random.randrange(10, 40)}{random.randrange(200):05d}", group="code"))
            parts = [Term(p, 0.45) for p in random.sample(words, random.choice((0, 0, 2)))]
            units.append(Unit(word, tuple(terms), tuple(parts)))
        literals = tuple(
            tuple(random.choice(("公路", "路养护", "满意", "2.5", "路"))) for _ in range(random.choice((0, 0, 0, 1, 2)))
        )
        filters: dict[str, list[str]] = {}
        if random.random() < 0.4:
            filters["unit"] = random.sample(("公里", "%", "人", "", "无"), random.choice((1, 2)))
        if random.random() < 0.2:
            filters["owner"] = [random.choice("路警农")]
        yield Plan(tuple(units), literals, random.randint(0, len(units))), filters


@pytest.mark.parametrize("edition", ["open", "full", "open, changed", "full, changed"])
def test_scores_order_totals_and_counts_are_those_of_the_oracle(
    cases: dict[str, Case], vocabulary: tuple[str, ...], edition: str
) -> None:
    case = cases[edition]
    scopes = [PUBLIC] if edition.startswith("open") else [PUBLIC, OWN, ALL]
    sizes = []
    for number, (plan, filters) in enumerate(plans(vocabulary, 300)):
        scope = scopes[number % len(scopes)]
        expected = case.oracle.search(plan, scope, filters)
        ranked = case.engine.search(plan, scope, filters)
        codes = {d.id: d.sorts["code"] for d in case.oracle.documents}
        best = sorted(expected, key=lambda id: (-round(expected[id], 5), codes[id]))[:20]
        assert (ranked.total, ranked.facets) == (len(expected), case.oracle.facets(list(expected)))
        assert ranked.scores == pytest.approx([expected[id] for id in best], abs=1e-4)
        assert ranked.scores == pytest.approx([expected[id] for id in ranked.ids], abs=1e-4)
        assert ranked.ids == tuple(best)
        explained = case.engine.explain(plan, ranked.ids)
        assert [sum(part.score for part in parts) for parts in explained] == pytest.approx(ranked.scores, abs=1e-3)
        sizes.append(ranked.total)
    # The queries are neither all empty nor all alike.
    assert len(set(sizes)) > 40
    assert sum(1 for n in sizes if n == 0) < 150


@pytest.mark.parametrize("edition", ["open", "full", "open, changed", "full, changed"])
def test_the_best_by_number_are_the_best_by_id(
    cases: dict[str, Case], vocabulary: tuple[str, ...], edition: str
) -> None:
    """And a number leads to what is known of its record, an id to the number of the one that is left."""
    engine, oracle = cases[edition].engine, cases[edition].oracle
    known = {d.id: (d.id, dict(d.facets), dict(d.sorts)) for d in oracle.documents}
    for number, (plan, filters) in enumerate(plans(vocabulary, 60)):
        scope = (PUBLIC, OWN, ALL)[number % 3]
        ranked = engine.search(plan, scope, filters, limit=30)
        numbers, scores = engine.leading(plan, scope, filters, 30)
        assert [tuple(engine.card(n)) for n in numbers.tolist()] == [known[id] for id in ranked.ids]
        assert scores.tolist() == list(ranked.scores)
        assert engine.numbers(ranked.ids) == dict(zip(ranked.ids, numbers.tolist(), strict=True))
    numbers_of = engine.numbers([*known, "no such"])
    assert set(numbers_of) == set(known)
    assert len({*numbers_of.values()}) == len(known) <= engine.places
    assert max(numbers_of.values()) < engine.places


@pytest.mark.parametrize("sort", ["score", "code", "name", "-updated"])
@pytest.mark.parametrize("edition", ["full", "full, changed"])
def test_pages_are_the_list_cut_in_pieces(cases: dict[str, Case], edition: str, sort: str) -> None:
    case = cases[edition]
    plan = Plan((Unit("公路", (Term("公路"),)), Unit("养护", (Term("养护"),))), (), 1)
    whole = case.engine.search(plan, ALL, {}, limit=1000, sort=sort)
    pages = [case.engine.search(plan, ALL, {}, offset=at, limit=7, sort=sort) for at in range(0, whole.total, 7)]
    by_id = {d.id: d.sorts for d in case.oracle.documents}
    expected = sorted(case.oracle.search(plan, ALL, {}), key=lambda id: by_id[id]["code"])
    if sort == "score":
        scores = dict(zip(whole.ids, whole.scores, strict=True))
        expected.sort(key=lambda id: -scores[id])
    elif sort != "code":
        expected.sort(key=lambda id: by_id[id][sort.removeprefix("-")], reverse=sort.startswith("-"))
    assert [id for page in pages for id in page.ids] == list(whole.ids) == expected
    assert {(page.total, len(page.facets)) for page in pages} == {(whole.total, 2)}
    assert case.engine.search(plan, ALL, {}, offset=10**6, sort=sort) == whole._replace(ids=(), scores=())


def test_names_that_begin_alike_are_listed_alike_in_and_across_segments(
    tmp_path: Path, schema: Schema, make: Make
) -> None:
    """One name is the beginning of the other, and the ids would decide otherwise if they ran on behind the names."""
    one, two = (replace(d, id=id, sorts={"code": id, "name": name, "updated": ""})
                for d, id, name in zip(make(30, 2), ("zz", "aa"), ("里程", "里程1"), strict=True))  # fmt: skip
    Embedded.build(tmp_path / "both", schema, [one, two])
    both = Embedded.open(schema, [tmp_path / "both"])
    apart = both.with_changes([two], [])
    found = [e.search(Plan(), PUBLIC, {}, sort=s).ids for e in (both, apart) for s in ("name", "-name")]
    both.close()
    assert found == [("zz", "aa"), ("aa", "zz")] * 2


def test_equal_scores_are_ordered_by_code_wherever_they_come_from(tmp_path: Path, make: Make, opened: Opened) -> None:
    like = make(31, 1)[0]
    alike = [
        replace(
            like, id=f"{n * 37 % 100:02d}", terms={**like.terms, "code": [f"c{n:02d}"]}, sorts={"code": f"c{n:02d}"}
        )
        for n in range(40)
    ]
    mixed = alike.copy()
    Random(3).shuffle(mixed)  # noqa: S311
    sealed = [replace(d, restricted=True) for d in mixed[20:30]]
    base = opened(tmp_path, mixed[:20], sealed)
    engine = base.with_changes(mixed[30:], [])
    word = like.terms["name"][0]
    ranked = engine.search(Plan((Unit(word, (Term(word),)),), (), 1), ALL, {}, limit=40)
    base.close()
    assert (ranked.ids, len(set(ranked.scores))) == (tuple(d.id for d in alike), 1)


def test_literals_do_not_reach_over_the_border_of_a_part(tmp_path: Path, schema: Schema, make: Make) -> None:
    document = replace(make(32, 1)[0], id="x", literal=[*"农村公路", "\n", *"养护里程", "\n"])
    Embedded.build(tmp_path / "one", schema, [document])
    base = Embedded.open(schema, [tmp_path / "one"])
    fresh = base.with_changes([document], [])
    found = {
        wanted: [e.search(Plan((), (tuple(wanted),), 0), PUBLIC, {}).ids for e in (base, fresh)]
        for wanted in ("村公路", "路养", "公路养护", "养护里程", "程")
    }
    base.close()
    hit, miss = [("x",)] * 2, [()] * 2
    assert found == {"村公路": hit, "路养": miss, "公路养护": miss, "养护里程": hit, "程": hit}


def test_changes_leave_the_original_as_it_was(cases: dict[str, Case]) -> None:
    """Both were made in one fixture, the changed one last; and the counts differ."""
    before, after = cases["full"], cases["full, changed"]
    assert sorted(before.engine.ids()) == sorted(d.id for d in before.oracle.documents)
    assert sorted(after.engine.ids()) == sorted(d.id for d in after.oracle.documents)
    assert sorted(before.engine.ids()) != sorted(after.engine.ids())
    assert before.engine.digests() == {d.id: d.digest for d in before.oracle.documents}


def test_frequencies_are_of_public_records_alone(cases: dict[str, Case], vocabulary: tuple[str, ...]) -> None:
    counted = cases["open"].oracle.counted
    expected = {
        word: max(sum(word in d.terms[f] for d in counted) for f in ("name", "body", "class")) for word in vocabulary
    }
    assert {len(counted)} == {case.engine.size for case in cases.values()}
    assert [{w: c.engine.frequency(w) for w in vocabulary} for c in cases.values()] == [expected] * 4


def test_empty_segments_answer(tmp_path: Path, schema: Schema, make: Make) -> None:
    for name in ("open", "full"):
        Embedded.build(tmp_path / name, schema, [])
    empty = Embedded.open(schema, [tmp_path / "open", tmp_path / "full"])
    word = Plan((Unit("公路", (Term("公路"),), (Term("公"), Term("路"))),), (tuple("公路"),), 1)
    nothing = Ranked((), (), 0, {"unit": {}, "owner": {}})
    answers = [
        empty.search(plan, scope, filters, sort=sort)
        for plan in (Plan(), word)
        for scope in (PUBLIC, OWN, ALL)
        for filters in ({}, {"unit": ["公里"]})
        for sort in ("score", "name", "-updated")
    ]
    filled = empty.with_changes(make(33, 3), ["no such"])
    listed = filled.search(Plan(), PUBLIC, {})
    digests = empty.digests()
    empty.close()
    assert answers == [nothing] * 36
    assert (sorted(listed.ids), digests) == (sorted(d.id for d in make(33, 3)), {})


def test_threads_share_an_engine(cases: dict[str, Case], vocabulary: tuple[str, ...]) -> None:
    engine = cases["full, changed"].engine
    asked = [p for p in plans(vocabulary, 300) if p[0].literals]
    assert len(asked) > 60
    alone = [engine.search(plan, ALL, filters) for plan, filters in asked]
    with ThreadPoolExecutor(8) as pool:
        together = list(pool.map(lambda p: engine.search(p[0], ALL, p[1]), asked * 2))
    assert together == alone * 2


# Other weights

OTHER = {"name": 1.0, "body": 2.5, "class": 0.0, "chars": 4.0}


def weighted(schema: Schema, weights: Mapping[str, float]) -> Schema:
    return replace(schema, fields=tuple(replace(f, weight=weights.get(f.name, f.weight)) for f in schema.fields))


@pytest.mark.parametrize("edition", ["open", "full", "open, changed", "full, changed"])
def test_under_other_weights_scores_are_those_of_the_oracle(
    cases: dict[str, Case], vocabulary: tuple[str, ...], edition: str
) -> None:
    case = cases[edition]
    asked = list(plans(vocabulary, 60))
    scope = PUBLIC if edition.startswith("open") else ALL
    before = [case.engine.search(plan, scope, filters) for plan, filters in asked]
    other = case.engine.weighed({**OTHER, "no such": 9.0})
    oracle = replace(case.oracle, schema=weighted(case.oracle.schema, OTHER))
    different = 0
    for (plan, filters), first in zip(asked, before, strict=True):
        expected = oracle.search(plan, scope, filters)
        ranked = other.search(plan, scope, filters, limit=1000)
        assert dict(zip(ranked.ids, ranked.scores, strict=True)) == pytest.approx(expected, abs=1e-3)
        # Who is found does not hang on weights, not even on none.
        assert (ranked.total, ranked.facets) == (first.total, first.facets)
        explained = other.explain(plan, ranked.ids)
        assert [sum(part.score for part in parts) for parts in explained] == pytest.approx(ranked.scores, abs=1e-3)
        different += ranked.scores[:20] != first.scores
    assert different > 20
    assert [case.engine.search(plan, scope, filters) for plan, filters in asked] == before
    back = other.weighed({f.name: f.weight for f in case.oracle.schema.fields})
    assert [back.search(plan, scope, filters) for plan, filters in asked] == before


def test_a_field_counts_in_proportion_to_its_weight(cases: dict[str, Case], vocabulary: tuple[str, ...]) -> None:
    engine = cases["full, changed"].engine
    for plan, filters in plans(vocabulary, 60):
        ids = engine.search(plan, ALL, filters).ids
        plain, double = engine.explain(plan, ids), engine.weighed({"body": 1.2}).explain(plan, ids)
        for few, many in zip(plain, double, strict=True):
            expected = {(p.unit, p.term, p.field): p.score * (2 if p.field == "body" else 1) for p in few}
            assert {(p.unit, p.term, p.field): p.score for p in many} == pytest.approx(expected, rel=1e-5)


def test_weights_stay_when_records_change(cases: dict[str, Case], vocabulary: tuple[str, ...], make: Make) -> None:
    """Also when they change again, and the other way round."""
    case = cases["full"]
    changed, more = make(41, 12), make(42, 6, first=300)
    one = case.engine.weighed(OTHER).with_changes(changed, []).with_changes(more, [changed[0].id])
    two = case.engine.with_changes(changed, []).with_changes(more, [changed[0].id]).weighed(OTHER)
    gone = {d.id for d in changed}
    left = [*(d for d in case.oracle.documents if d.id not in gone), *changed[1:], *more]
    oracle = Oracle(weighted(case.oracle.schema, OTHER), case.oracle.counted, left)
    for plan, filters in plans(vocabulary, 40):
        found = one.search(plan, ALL, filters, limit=1000)
        assert two.search(plan, ALL, filters, limit=1000) == found
        expected = oracle.search(plan, ALL, filters)
        assert dict(zip(found.ids, found.scores, strict=True)) == pytest.approx(expected, abs=1e-3)


# What is near in meaning


@pytest.mark.parametrize("edition", ["open", "full", "open, changed", "full, changed"])
def test_what_is_near_gets_points_and_comes_in_when_the_plan_is_wide(
    cases: dict[str, Case], vocabulary: tuple[str, ...], edition: str
) -> None:
    """Near are records of every kind: met and not, dead, restricted, another unit's, filtered, of no library."""
    case = cases[edition]
    random = Random(5)  # noqa: S311
    every = sorted({d.id for c in cases.values() for d in c.oracle.documents} | {"no such", ""})
    scopes = [PUBLIC] if edition.startswith("open") else [PUBLIC, OWN, ALL]
    wider = more = 0
    for number, (plan, filters) in enumerate(plans(vocabulary, 150)):
        scope = scopes[number % len(scopes)]
        near = tuple((id, random.choice((0.25, 1.0, 7.5))) for id in random.sample(every, 40))
        plain = case.engine.search(plan, scope, filters, limit=1000)
        for widens in (False, True):
            asked = replace(plan, near=near, widens=widens)
            expected = case.oracle.search(asked, scope, filters)
            ranked = case.engine.search(asked, scope, filters, limit=1000)
            assert (ranked.total, ranked.facets) == (len(expected), case.oracle.facets(list(expected)))
            assert dict(zip(ranked.ids, ranked.scores, strict=True)) == pytest.approx(expected, abs=1e-3)
            assert ranked.scores == tuple(sorted(ranked.scores, reverse=True))
            explained = case.engine.explain(asked, ranked.ids)
            assert [sum(p.score for p in parts) for parts in explained] == pytest.approx(ranked.scores, abs=1e-3)
            said = {id: p.score for id, ps in zip(ranked.ids, explained, strict=True) for p in ps if p.unit == NO_UNIT}
            assert said == {id: points for id, points in near if id in ranked.ids}
            if widens:
                wider += set(ranked.ids) > set(plain.ids)
            else:
                assert set(ranked.ids) == set(plain.ids)
                more += ranked.scores != plain.scores
    assert (wider > 30, more > 30) == (True, True)


@pytest.mark.parametrize("sort", ["score", "code", "-updated"])
def test_pages_of_a_wide_plan_are_the_list_cut_in_pieces(cases: dict[str, Case], sort: str) -> None:
    engine = cases["full, changed"].engine
    ids = sorted(engine.ids())[::3]
    near = tuple((id, n / 10) for n, id in enumerate(ids))
    plan = Plan((Unit("桥梁", (Term("桥梁"),)),), (), 1, near, widens=True)
    whole = engine.search(plan, ALL, {}, limit=1000, sort=sort)
    pages = [engine.search(plan, ALL, {}, offset=at, limit=7, sort=sort) for at in range(0, whole.total, 7)]
    assert [id for page in pages for id in page.ids] == list(whole.ids)
    assert {page.total for page in pages} == {len(whole.ids)}
    assert set(ids) < set(whole.ids)
