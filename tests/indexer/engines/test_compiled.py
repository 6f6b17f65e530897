"""The kernel refuses what does not agree, makes room where there is too little, and threads do not meet in it."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from random import Random

import numpy as np
import pytest

from corpus.access import Clearance, Scope
from indexer import kernel
from indexer.engine import Document, Part, Plan, Term, Unit, Words
from indexer.engines import compiled
from indexer.engines.arrays import encode
from indexer.engines.compiled import Compiled
from indexer.engines.embedded import Embedded
from indexer.engines.ranking import Asked, Index, Terms

Make = Callable[..., list[Document]]
Opened = Callable[..., Embedded]
ALL = Scope(Clearance.ALL, "")
pytestmark = pytest.mark.skipif(kernel.load() is None, reason="the kernel was not compiled on this machine")
UNITS = (
    Unit("公路", (Term("公路"), Term("农村公路", like="公路")), (Term("养"), Term("护"))),
    Unit("里程", (Term("里程"),)),
)
ASKED = Asked(1, (("d00000", 1.0),), False, (0, 1, 2), (-1, -1), None, -1, False, 0, 20, True)


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory, make: Make, opened: Opened) -> Iterator[Embedded]:
    found = opened(tmp_path_factory.mktemp("compiled"), make(1, 200), make(2, 50, first=200, restricted=True))
    yield found
    found.close()


@pytest.mark.parametrize("value", [-1, 1, 1 << 20, 1 << 40, -(1 << 62), (1 << 62) + 1])
@pytest.mark.parametrize("place", range(5))
def test_terms_that_do_not_agree_are_refused(engine: Embedded, place: int, value: int) -> None:
    terms = Terms(UNITS, engine._places)
    block = walked(terms)
    head = array("q", block[:40])
    head[place] = value
    terms.block = head.tobytes() + block[40:]
    runner = engine._compiled
    for ask in (
        lambda: runner.search(terms, ASKED),
        lambda: runner.explain(terms, ["d00000"]),
        lambda: runner.shares(terms, [[0]]),
    ):
        with pytest.raises((ValueError, TypeError)):
            ask()


@pytest.mark.parametrize(
    "other",
    [
        {"filters": (2, 1, 2)},
        {"filters": (-1, 1, 2)},
        {"filters": (0, 1, 1 << 20)},
        {"filters": (0, 1, -1)},
        {"filters": (0,)},
        {"filters": (0, 2, 2)},
        {"filters": (0, 1 << 70, 2)},
        {"sort": 99},
        {"limit": -1},
        {"offset": -1},
        {"offset": -(1 << 70)},
    ],
)
def test_questions_that_do_not_agree_are_refused(engine: Embedded, other: dict[str, int]) -> None:
    terms = Terms(UNITS, engine._places)
    assert engine._compiled.search(terms, ASKED).total > 0
    with pytest.raises(ValueError, match="does not understand"):
        engine._compiled.search(terms, ASKED._replace(**other))


@pytest.mark.parametrize(
    "other",
    [
        {"need": None}, {"widens": "1"}, {"sort": 1.0}, {"limit": b"1"}, {"counts": None},
        {"filters": [0, 1, 2]}, {"filters": (0, 1, None)}, {"owners": (-1,)}, {"owners": [-1, -1]}, {"owners": (None, 0)},
        {"alive": ()}, {"near": (("d00000",),)}, {"near": (("d00000", 1),)}, {"near": ((b"d", 1.0),)}, {"near": (1,)},
        {"near": [("d00000", 1.0)]},
    ],
)  # fmt: skip
def test_what_is_no_question_is_refused(engine: Embedded, other: dict[str, object]) -> None:
    with pytest.raises(TypeError):
        engine._compiled.search(Terms(UNITS, engine._places), ASKED._replace(**other))


def test_calls_that_do_not_agree_are_refused(engine: Embedded) -> None:
    """Too little or something else handed over is an error of Python's, nothing worse."""
    library, runner = kernel.load(), engine._compiled
    assert library is not None
    assert isinstance(runner, Compiled)
    block, room = walked(Terms(UNITS, engine._places)), compiled._Room()
    asked = (runner._address, block, ASKED, room.address, False)
    whole = (*asked, runner._names, runner._values, 1e4)
    assert library.module.ask(*whole) == tuple(engine._compiled.search(Terms(UNITS, engine._places), ASKED))
    for at, other in (
        (1, None),
        (1, b""),
        (1, block + b"0"),
        (1, block[:-1]),
        (2, None),
        (2, ASKED[:-1]),
        (5, ()),
        (6, ("a",)),
        (7, 1),
    ):
        with pytest.raises((TypeError, ValueError)):
            library.module.ask(*whole[:at], other, *whole[at + 1 :])
        if at < len(asked):
            with pytest.raises((TypeError, ValueError)):
                library.module.lead(*asked[:at], other, *asked[at + 1 :], 1e4)
    for call, given in ((library.module.ask, whole[:-1]), (library.module.lead, asked), (library.module.lead, whole)):
        with pytest.raises(TypeError):
            call(*given)
    with pytest.raises(TypeError):
        library.module.lead(*asked, 1)


def test_terms_of_fields_that_there_are_not_are_refused(engine: Embedded) -> None:
    for address in (15, 3 * 16, 240):
        with pytest.raises(ValueError, match="does not understand"):
            engine._compiled.search(Terms(UNITS, {"words": address}), ASKED)


def test_room_is_made_where_there_is_too_little(engine: Embedded, make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    """For many terms, long pages and long ids, by a thread that has just begun."""
    long = [replace(d, id=d.id * 300) for d in make(3, 5, first=300)]
    changed = engine.with_changes(long, [])
    plan = Plan((*UNITS, *(Unit(str(n), (Term(str(n)),)) for n in range(3000))), need=1)
    leading = changed.leading(plan, ALL, {}, 1000)
    few = changed.search(plan, ALL, {}, limit=3)
    many = changed.search(plan, ALL, {}, limit=1000)
    assert [changed.card(n).id for n in leading[0].tolist()] == list(many.ids)
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
    units = terms.units
    block: bytes = library.module.terms(units.words if isinstance(units, Words) else units, terms.places)
    return block


def laid_out(terms: Terms) -> bytes:
    """What the kernel is to make of terms: a head of counts, then columns."""
    texts, weights, _, likes = terms.columns
    text, like = "".join(texts), "".join(likes)
    ints = (map(len, texts), map(len, likes), *terms.sizes)
    columns = (array("d", weights), *(array("i", n) for n in ints), encode(text), encode(like), terms.addressed)
    body = b"".join(map(bytes, columns))
    return array("q", (40 + len(body), len(terms.units), len(texts), len(text), len(like))).tobytes() + body


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
        assert walked(terms) == laid_out(terms)
    for words in ((), ("公路",), ("", "路", "a\ud800\U0010ffff", *map(str, range(5000)))):
        bare = Terms(Words(words), engine._places)
        assert walked(bare) == laid_out(bare) == laid_out(Terms(tuple(bare.units), engine._places))


@pytest.mark.parametrize(
    "units",
    [
        None, [], "公路", 7, (None,), (b"a",), ((),), (("公路", ()),), (("公路", (), (), ()),), (("公路", None, ()),),
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


@pytest.mark.parametrize("places", [None, [], {"words": None}, {"words": "1"}, {"words": 256}, {"words": -1}])
def test_places_that_are_none_are_refused(places: dict[str, int]) -> None:
    with pytest.raises(TypeError):
        walked(Terms(UNITS, places))


def test_numbers_of_places_that_are_too_large_are_refused() -> None:
    with pytest.raises(OverflowError):
        walked(Terms(UNITS, {"words": 1 << 80}))


def test_equal_shares_stand_in_the_order_of_terms(engine: Embedded) -> None:
    """Also zeros of either sign and shares below 0, of records of both segments in any order, twice, and of none."""
    words = ["公路", "里程", "公路", "养"]
    weights = (1.0, 0.0, -0.0, -1.0, 0.5)
    units = tuple(Unit(str(n), (Term(words[n % 4], weights[n % 5]),)) for n in range(400))
    ids = [*engine.ids()][249:0:-3]
    ids += [ids[7], "nobody", "路" * 100]
    runners = (engine._compiled, engine._plain)
    one, other = (runner.explain(Terms(units, engine._places), ids) for runner in runners)
    assert one == other
    assert sum(map(len, one)) > 2048
    assert {type(part) for parts in one for part in parts} == {Part}
    assert (one[-3], one[-2:]) == (one[7], [[], []])
    for parts in one:
        assert parts == sorted(parts, key=lambda part: (-part.score, part.unit))
    for most in (1, 3, 16):
        few = [strongest(parts, most) for parts in one]
        assert [runner.explain(Terms(units, engine._places), ids, most) for runner in runners] == [few, few]


def strongest(parts: list[Part], most: int) -> list[Part]:
    largest: dict[int, Part] = {}
    for part in parts:
        largest.setdefault(part.unit, part)
    return [*largest.values()][:most]


def test_the_strongest_are_told_without_single_characters(engine: Embedded) -> None:
    plan = Plan((*UNITS, Unit("路", (Term("路", group="chars", weight=9.0), Term("公路")))))
    ids = [*engine.ids()]
    every, few = engine.explain(plan, ids), engine.explain(plan, ids, most=2)
    assert any(part.field == "chars" for parts in every for part in parts)
    assert few == [strongest([part for part in parts if part.field != "chars"], 2) for parts in every]


@pytest.mark.parametrize("ids", [None, "d00000", ["d00000"], (b"d00000",), (1.0,), ("d00000", None)])
def test_what_are_no_ids_is_refused(engine: Embedded, ids: object) -> None:
    library, runner, terms = kernel.load(), engine._compiled, Terms(UNITS, engine._places)
    assert library is not None
    assert isinstance(runner, Compiled)
    module, whole = library.module, (runner._address, walked(terms))
    with pytest.raises(TypeError):
        module.shares(*whole, ids, (1,), 0)
    with pytest.raises(TypeError):
        module.explain(*whole, ids, terms.terms, runner._fields, Part, 0)


def test_parts_that_cannot_be_made_are_refused(engine: Embedded) -> None:
    library, runner, terms = kernel.load(), engine._compiled, Terms(UNITS, engine._places)
    assert library is not None
    assert isinstance(runner, Compiled)
    ids = tuple(engine.ids())[:9]
    whole = (runner._address, walked(terms), ids)
    good = (terms.terms, runner._fields, Part, 0)
    assert library.module.explain(*whole, *good) == runner.explain(terms, ids)
    assert any(runner.explain(terms, ids))
    for at, other in (
        (0, terms.terms[1:]),
        (0, None),
        (1, ()),
        (1, ((), (), ())),
        (1, None),
        (2, dict),
        (2, None),
        (2, 7),
    ):
        with pytest.raises((TypeError, IndexError)):
            library.module.explain(*whole, *good[:at], other, *good[at + 1 :])


@pytest.mark.parametrize(
    ("sizes", "group"),
    [((2,), 0), ((4,), 0), ((1, 1), 0), ((4, -1), 0), ((-1, 4), 0), ((1 << 80,), 0), ((), 0), ([3], 0), (("3",), 0),
     ((3,), -1), ((3,), 99), ((3,), 1 << 80), ((3,), None)],
)  # fmt: skip
def test_groups_that_are_none_are_refused(engine: Embedded, sizes: object, group: object) -> None:
    library, runner, terms = kernel.load(), engine._compiled, Terms(UNITS, engine._places)
    assert library is not None
    assert isinstance(runner, Compiled)
    whole = (runner._address, walked(terms), (0, 1, 2))
    assert library.module.shares(*whole, (3, 0), 0) == runner.shares(terms, [[0, 1, 2], []])
    with pytest.raises(TypeError):
        library.module.shares(*whole, sizes, group)


def test_records_that_there_are_not_hold_nothing(engine: Embedded) -> None:
    terms, last = Terms(UNITS, engine._places), engine.places
    for runner in (engine._compiled, engine._plain):
        assert runner.shares(terms, [[last, last + 9, 1 << 40, -1], []]) == (0.0, 0.0)
        assert runner.shares(Terms((), {}), [[0], []]) == (0.0, 0.0)
        assert runner.shares(terms, []) == ()


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
    terms, ids = Terms(UNITS, engine._places), [*engine.ids()][:200:9]
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
        with suppress(TypeError):  # a field that there is not
            runner.explain(terms, ids)
