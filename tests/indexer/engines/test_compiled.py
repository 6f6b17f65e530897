"""The kernel refuses what does not agree, makes room where there is too little, and threads do not meet in it."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from random import Random

import numpy as np
import pytest

from corpus.access import Clearance, Scope
from indexer import kernel
from indexer.engine import Document, Plan, Schema, Term, Unit
from indexer.engines import compiled
from indexer.engines.compiled import Compiled, lay_out
from indexer.engines.embedded import Embedded
from indexer.engines.ranking import Asked, Index, Terms

Make = Callable[..., list[Document]]
ALL = Scope(Clearance.ALL, "")
pytestmark = pytest.mark.skipif(kernel.load() is None, reason="the kernel was not compiled on this machine")
needs_walker = pytest.mark.skipif(
    (kernel.load() or kernel.Library(None, None)).terms is None, reason="there were no headers of Python's"
)
UNITS = (
    Unit("公路", (Term("公路"), Term("农村公路", like="公路")), (Term("养"), Term("护"))),
    Unit("里程", (Term("里程"),)),
)
ASKED = Asked(1, (("d00000", 1.0),), False, (0, 1, 2), (-1, -1), None, -1, False, 0, 20, True)


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory, schema: Schema, make: Make) -> Iterator[Embedded]:
    folder = tmp_path_factory.mktemp("compiled")
    scores = Embedded.build(folder / "open", schema, make(1, 200))
    Embedded.build(folder / "full", schema, make(2, 50, first=200, restricted=True), scores)
    opened = Embedded.open(schema, [folder / "open", folder / "full"])
    yield opened
    opened.close()


@pytest.mark.parametrize("value", [-1, 1, 1 << 20, 1 << 40, -(1 << 62), (1 << 62) + 1])
@pytest.mark.parametrize("place", range(5))
def test_terms_that_do_not_agree_are_refused(engine: Embedded, place: int, value: int) -> None:
    terms = Terms(UNITS, engine._places)
    head = array("q", lay_out(terms)[:40])
    head[place] = value
    terms.block = head.tobytes() + terms.block[40:]
    for ask in (lambda: engine._compiled.search(terms, ASKED), lambda: engine._compiled.explain(terms, 0, [0])):
        with pytest.raises((ValueError, MemoryError)):
            ask()


@pytest.mark.parametrize(
    "other",
    [
        {"filters": (2, 1, 2)},
        {"filters": (-1, 1, 2)},
        {"filters": (0, 1, 1 << 20)},
        {"filters": (0, 1, -1)},
        {"sort": 99},
        {"limit": -1},
        {"offset": -1},
    ],
)
def test_questions_that_do_not_agree_are_refused(engine: Embedded, other: dict[str, int]) -> None:
    terms = Terms(UNITS, engine._places)
    assert engine._compiled.search(terms, ASKED).total > 0
    with pytest.raises(ValueError, match="does not understand"):
        engine._compiled.search(terms, ASKED._replace(**other))


def test_terms_of_fields_that_there_are_not_are_refused(engine: Embedded) -> None:
    for address in (15, 3 * 16, 240):
        with pytest.raises(ValueError, match="does not understand"):
            engine._compiled.search(Terms(UNITS, {"words": address}), ASKED)


def test_room_is_made_where_there_is_too_little(engine: Embedded, make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    """For many terms, long pages and long ids, by a thread that has just begun."""
    long = [replace(d, id=d.id * 300) for d in make(3, 5, first=300)]
    changed = engine.with_changes(long, [])
    plan = Plan((*UNITS, *(Unit(str(n), (Term(str(n)),)) for n in range(3000))), need=1)
    few = changed.search(plan, ALL, {}, limit=3)
    many = changed.search(plan, ALL, {}, limit=1000)
    monkeypatch.setattr(changed, "_kernel", None)
    monkeypatch.delitem(vars(changed), "_compiled")
    assert (few, many) == tuple(changed.search(plan, ALL, {}, limit=n) for n in (3, 1000))
    assert any(len(id) > 1000 for id in many.ids)


@pytest.mark.parametrize("large", [10, 100_000])
def test_threads_have_their_own_room(
    engine: Embedded, vocabulary: tuple[str, ...], monkeypatch: pytest.MonkeyPatch, large: int
) -> None:
    """Also where the kernel lets the others run."""
    monkeypatch.setattr(compiled, "_LARGE", large)
    engine = engine.weighed({"body": 0.7})
    random = Random(1)  # noqa: S311
    plans = [Plan(tuple(Unit(w, (Term(w),)) for w in random.sample(vocabulary, n % 5)), need=n % 2) for n in range(60)]
    alone = [engine.search(plan, ALL, {}, limit=n) for n, plan in enumerate(plans)]
    with ThreadPoolExecutor(8) as pool:
        runs = list(pool.map(lambda _: [engine.search(p, ALL, {}, limit=n) for n, p in enumerate(plans)], range(16)))
    assert runs == [alone] * 16


class Worded(str):
    """A string of a class of its own."""

    __slots__ = ()

    def __hash__(self) -> int:
        raise AssertionError("Python's own code runs inside the kernel")


def random_term(random: Random) -> Term:
    characters = "路a\x00é\ud800\udfff\U00020000\U0010ffff"
    text, like = ("".join(random.choices(characters, k=random.choice((0, 1, 2, 9)))) for _ in range(2))
    weight = random.choice((1.0, 1, True, 0.37, 0.0, -0.0, -1.0, -2, float("inf"), -float("inf"), 5e-324))
    return Term(text, weight, random.choice(("words", "chars", "name", "nowhere", "")), "", random.choice(("", like)))


def walked(terms: Terms) -> bytes:
    library = kernel.load()
    assert library is not None
    assert library.terms is not None
    return library.terms(terms.units, terms.places)


@needs_walker
def test_the_kernel_lays_out_terms_as_python_does(engine: Embedded) -> None:
    """Units without terms, strange characters and weights, and very many."""
    random = Random(7)  # noqa: S311
    plans: list[tuple[Unit, ...]] = [(), UNITS, (Unit("", ()),), (Unit("", (), (Term(""),)), Unit("无", ()))]
    plans.append((Unit("多", tuple(Term(f"词{n}", n / 7) for n in range(10_000)), (Term("部"),) * 300),))
    plans.append(tuple(Unit(str(n), (Term(Worded(n), float("nan"), like=Worded("路")),)) for n in range(10_000)))
    for _ in range(500):
        sizes = [(random.randrange(4), random.randrange(3)) for _ in range(random.randrange(6))]
        plans.append(tuple(Unit("u", *(tuple(random_term(random) for _ in range(n)) for n in pair)) for pair in sizes))
    for units in plans:
        terms = Terms(units, engine._places)
        assert walked(terms) == lay_out(terms)


@needs_walker
@pytest.mark.parametrize(
    "units",
    [
        None, [], "公路", 7, (None,), ((),), (("公路", ()),), (("公路", (), (), ()),), (("公路", None, ()),),
        (("公路", [], ()),), (("公路", (), "公路"),), (Unit("公路", ("公路",)),), (Unit("公路", (("公路",),)),),
        (Unit("公路", ((*Term("公路"), "")), ()),),
        *(
            (Unit("公路", (Term("公路"), Term("公路")._replace(**{name: value})), ()),)
            for name, values in {
                "text": (None, b"a", 1, ("a",)),
                "weight": (None, "1", b"1", 1j, 10**400, -(10**400), object()),
                "group": (None, 1, Worded("words"), ["words"]),
                "like": (None, b"", 0),
            }.items()
            for value in values
        ),
    ],
)  # fmt: skip
def test_what_is_no_plan_is_refused(engine: Embedded, units: tuple[Unit, ...]) -> None:
    with pytest.raises((TypeError, OverflowError)):
        walked(Terms(units, engine._places))


@needs_walker
@pytest.mark.parametrize("places", [None, [], {"words": None}, {"words": "1"}, {"words": 256}, {"words": -1}])
def test_places_that_are_none_are_refused(places: dict[str, int]) -> None:
    with pytest.raises(TypeError):
        walked(Terms(UNITS, places))


@needs_walker
def test_numbers_of_places_that_are_too_large_are_refused() -> None:
    with pytest.raises(OverflowError):
        walked(Terms(UNITS, {"words": 1 << 80}))


def test_without_the_walker_answers_are_the_same(engine: Embedded, monkeypatch: pytest.MonkeyPatch) -> None:
    """As where the kernel was compiled without Python's headers."""
    library = kernel.load()
    assert library is not None
    bare = Compiled(engine._index, library._replace(terms=None))
    found = engine._compiled.search(Terms(UNITS, engine._places), ASKED)
    assert found.total > 0
    assert bare.search(Terms(UNITS, engine._places), ASKED) == found
    shares = engine._compiled.explain(Terms(UNITS, engine._places), 0, [0, 1, 7, 199])
    assert bare.explain(Terms(UNITS, engine._places), 0, [0, 1, 7, 199]) == shares


def test_equal_shares_stand_in_the_order_of_terms(engine: Embedded) -> None:
    """Also zeros of either sign and shares below 0, with more of them than there is room for at first."""
    words = ["公路", "里程", "公路", "养"]
    weights = (1.0, 0.0, -0.0, -1.0, 0.5)
    units = tuple(Unit(str(n), (Term(words[n % 4], weights[n % 5]),)) for n in range(400))
    numbers = [*range(0, 200, 3)]
    runners = (engine._compiled, engine._plain)
    one, other = (runner.explain(Terms(units, engine._places), 0, numbers) for runner in runners)
    assert one == other
    assert one.ends[-1] == len(one.terms) > 2048
    for start, end in zip([0, *one.ends], one.ends, strict=False):
        shares = [*zip(one.scores[start:end], one.terms[start:end], one.fields[start:end], strict=True)]
        assert shares == sorted(shares, key=lambda share: (-share[0], share[1], share[2]))


def test_arrays_that_do_not_agree_are_refused(engine: Embedded) -> None:
    library, index = kernel.load(), engine._index
    assert library is not None
    scores = index.segments[0].scores
    for cells in (scores.cells[:-1], scores.cells[1:], scores.cells[::-1]):
        segment = type(index.segments[0])(replace(scores, cells=cells), index.segments[0].values, None)
        with pytest.raises(ValueError, match="do not agree"):
            Compiled(Index([segment], index.values, index.sorts), library)


def test_damaged_rows_are_read_to_their_damage(engine: Embedded) -> None:
    """Numbers of documents that there are not, and rows that end where there is nothing: no answer but no harm."""
    library, index = kernel.load(), engine._index
    assert library is not None
    segment = index.segments[0]
    group = segment.scores.groups["words"]
    random = np.random.default_rng(5)
    terms = Terms(UNITS, engine._places)
    for _ in range(100):
        damaged = {}
        for name in ("starts", "documents", "fine_starts", "fine_documents", "fine_fields"):
            held = getattr(group, name).copy()
            held[random.integers(0, len(held), 1 + len(held) // 8)] = random.integers(-9 * (held.itemsize > 1), 250)
            damaged[name] = held
        for name in ("order", "buckets", "ends"):
            held = getattr(group.names, name).copy()
            held[random.integers(0, len(held), 1 + len(held) // 8)] = random.integers(-9, 99999)
            damaged[name] = held
        names = type(group.names)(group.names.text, damaged.pop("ends"), damaged.pop("order"), damaged.pop("buckets"))
        groups = segment.scores.groups | {"words": replace(group, names=names, **damaged)}
        other = type(segment)(replace(segment.scores, groups=groups), segment.values, None)
        runner = Compiled(Index([other], index.values, index.sorts), library)
        found = runner.search(terms, ASKED._replace(owners=(-1,), near=()))
        assert 0 <= found.total <= segment.scores.size
        runner.explain(terms, 0, [0, 7, 8, 199])
