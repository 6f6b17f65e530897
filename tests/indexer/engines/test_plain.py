"""However few or many postings, terms and documents there are, numpy adds up the same."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from random import Random

import pytest

from corpus.access import Clearance, Scope
from indexer.engine import Document, Plan, Ranked, Term, Unit, Words
from indexer.engines import numbering, passing, plain, rows
from indexer.engines.embedded import Embedded

Make = Callable[..., list[Document]]
Opened = Callable[..., Embedded]
Asked = tuple[Plan, Scope, Mapping[str, list[str]], int]
SCOPES = (Scope(Clearance.NONE, ""), Scope(Clearance.OWN, "路"), Scope(Clearance.ALL, ""))


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory, make: Make, opened: Opened) -> Iterator[Embedded]:
    """Public, sealed and fresh records, some of which are gone."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ZHIBIAO_KERNEL", "off")
        base = opened(tmp_path_factory.mktemp("plain"), make(1, 900), make(2, 300, first=900, restricted=True))
        yield base.with_changes(make(3, 60, first=1170), [f"d{n * 7919 % 99991:05d}" for n in range(0, 1200, 9)])
    base.close()


@pytest.fixture(scope="module")
def asked(vocabulary: tuple[str, ...]) -> list[Asked]:
    random = Random(3)  # noqa: S311
    found = []
    for _ in range(150):
        words = random.choices((*vocabulary, "没有的词"), k=random.choice((0, 1, 2, 5, 30)))
        weights = random.choice(((1.0,), (1.0, 0.37), (0.5, 0.0, -1.0)))
        like = random.choice(("", "", "", "公路"))
        units = tuple(Unit(w, (Term(w, random.choice(weights), like=like),)) for w in words)
        if random.random() < 0.2:
            units += (
                Unit("农村公路", (Term("路", 0.8, "chars"), Term("养护", group="name")), (Term("农村"), Term("公路"))),
            )
        near = (("d00000", 0.5), ("d07919", 2.0)) if random.random() < 0.2 else ()
        need = random.choice((0, 1, 1, 2))
        plan = Plan(Words(tuple(words)) if random.random() < 0.3 else units, need=need, near=near, widens=need > 1)
        filters = random.choice(({}, {}, {"unit": ["公里"]}, {"unit": ["人", "%"], "owner": ["警"]}, {"owner": ["无"]}))
        found.append((plan, random.choice(SCOPES), filters, random.choice((3, 20, 2000))))
    return found


def answers(engine: Embedded, asked: list[Asked]) -> list[Ranked]:
    return [engine.search(plan, scope, filters, limit=limit) for plan, scope, filters, limit in asked]


def listed(found: Ranked) -> list[tuple[str, list[tuple[str, int]]]]:
    return [(name, [*counts.items()]) for name, counts in found.facets.items()]


@pytest.mark.parametrize(
    "limits",
    [
        {"BATCH": 64, "_SHORT": 16, "_LONG": 0},
        {"BATCH": 400, "_SHORT": 300},
        {"_SHORT": 0},
        {"_SPARSE": 1e-9},
        {"_SPARSE": 1e-9, "_SHORT": 0},
        {"_SPARSE": 1e9},
        {"_TERMS": 1},
        {"_POSTINGS": 0},
        {"_JOINED": 0},
        {"_SMALL": 0},
        {"_SMALL": 0, "_SPARSE": 1e-9},
        {"_SMALL": 0, "_SPARSE": 1e9},
        {"_REMEMBERED": 1},
        {"_BYTES": 0},
        {"_MANY": 0},
        {"_READY": 0},
        {"_FEW": 0},
        {"_FEW": 0, "_READY": 0},
        {"_SAMPLE": 1},
        {"_SAMPLE": 30},
    ],
)
def test_answers_are_the_same_by_any_way(
    engine: Embedded, asked: list[Asked], monkeypatch: pytest.MonkeyPatch, limits: Mapping[str, float]
) -> None:
    expected = answers(engine.weighed({}), asked)
    for name, value in limits.items():
        module = next(module for module in (rows, plain, passing, numbering) if hasattr(module, name))
        monkeypatch.setattr(module, name, value)
    found = answers(engine.weighed({}), asked)
    assert found == expected
    assert [listed(one) for one in found] == [listed(one) for one in expected]
    assert len({found.total for found in expected}) > 40
    assert any(any(score < 0 for score in found.scores) for found in expected)


def test_words_alone_are_a_plan_like_any_other(engine: Embedded, vocabulary: tuple[str, ...]) -> None:
    for need in (0, 1, 3):
        one, other = (
            engine.search(Plan(units, need=need), SCOPES[-1], {})
            for units in (Words(vocabulary), (*Words(vocabulary),))
        )
        assert one == other
        assert one.total > 100


def test_threads_have_their_own_room(engine: Embedded, asked: list[Asked]) -> None:
    alone = answers(engine, asked)
    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(lambda _: answers(engine, asked), range(8))) == [alone] * 8
