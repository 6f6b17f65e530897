"""Over HTTP: every endpoint, every persona, at rest and through changes."""

# ruff: noqa: S311 - seeds are no secrets

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import count
from pathlib import Path
from random import Random

import pytest
from flask import Response
from hypothesis import given, settings
from hypothesis import strategies as st

from corpus import indicators
from corpus.access import Clearance, visible
from corpus.model import Indicator, Kind, Status, Visibility
from corpus.store import Store
from indexer import documents, folding

from .library import BEASTS, LATE_USE, WORDS, made, record
from .model import Bigrams
from .personas import PERSONAS, Persona
from .questions import NOWHERE, QUESTIONS, Asker, each, question, some
from .world import Ask, Side, World, published, report, retired, sealed, shrunk, world

# So many answers are compared at least; more by the environment, for a long run.
LEAST = int(os.environ.get("ZHIBIAO_COMPARISONS", "2000"))
PUBLIC = PERSONAS[0]
NAMED = {persona.name: persona for persona in PERSONAS}


@pytest.fixture(scope="module")
def resting(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A library that nobody changes."""
    with world(tmp_path_factory.mktemp("resting"), made(Random(7), 40), [PUBLIC, NAMED["roads"]]) as found:
        yield found


def test_every_endpoint_is_asked(resting: World) -> None:
    rules = resting.whole.app.url_map.iter_rules()
    assert {(r.endpoint, m) for r in rules for m in (r.methods or set()) - {"HEAD", "OPTIONS"}} == set(QUESTIONS)


def test_the_planted_words_are_there_to_be_found(resting: World) -> None:
    """Else this module would prove nothing."""
    totals = {"public": 0, "roads": 0}
    for name in totals:
        for beast in BEASTS[:4]:
            asked = Ask("", "GET", "/api/v1/indicators", {"q": f"“{beast}”"})
            totals[name] += int(resting.whole.answer(NAMED[name], asked).body.startswith(b'{"total":0') is False)
    assert totals["public"] == 0
    assert totals["roads"] > 0


def test_random_libraries(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """0 differences over at least so many comparisons."""
    compared = 0
    for seed in count():
        # Every second library is searched by meaning too.
        model = Bigrams() if seed % 2 else None
        monkeypatch.setattr("indexer.semantic.embedder", lambda model=model: model)
        random = Random(seed)
        with world(tmp_path / str(seed), made(random, random.randint(30, 60)), model=model) as here:
            live(here, random)
            compared += here.compared
            assert here.differences == [], f"seed {seed}: {report(here.differences)}"
        if compared >= LEAST:
            break
    with capsys.disabled():
        print(f"\n{compared} comparisons over {seed + 1} libraries, 0 differences")


def live(here: World, random: Random) -> None:
    """The life of a library: questions at rest, then changes with questions between them."""
    asker = Asker(here.library, random)
    for persona in PERSONAS:
        for ask in [*each(asker), *some(asker, 8)]:
            here.compare(persona, ask)
    # Who is cleared for all reads every row of the audit; what others saw is no part of his own twin's.
    for persona in PERSONAS:
        if visible(persona.actor).clearance is not Clearance.ALL:
            for endpoint in ("api.list_audit", "audit.index", "audit.table"):
                for _ in range(3):
                    here.compare(persona, question(asker, endpoint, "GET"))
    for change in random.sample(CHANGES, len(CHANGES)):
        change(here, random)
        public, whole = (folding.beside(side.store) for side in (here.twin(PUBLIC), here.whole))
        assert (public.public, public.withdrawn) == (whole.public, whole.withdrawn)
        asker = Asker(here.library, random)
        if random.random() < 0.3:
            here.build()
        for persona in random.sample(PERSONAS, 4):
            for ask in some(asker, 6):
                here.compare(persona, ask)
    _only_restricted_are_built_in(here, random)


def _only_restricted_are_built_in(here: World, random: Random) -> None:
    """A build that only restricted changes gave reason for shows nowhere: not even in the generation."""
    here.build()
    for _ in range(3):
        here.change(replace(record(random, 500 + random.randrange(400), sealed=True), revision=1))
    here.build(whole_only=True)
    asker = Asker(here.library, random)
    for persona in PERSONAS:
        for ask in some(asker, 5):
            here.compare(persona, ask)


# What happens to a library


def _add_restricted(here: World, random: Random) -> None:
    here.change(record(random, 200 + random.randrange(100), here.library.records, sealed=True))


def _change_restricted(here: World, random: Random) -> None:
    i = random.choice(here.library.sealed)
    here.change(replace(i, name=random.choice(WORDS) + random.choice(BEASTS), revision=i.revision + 1))


def _retire_restricted(here: World, random: Random) -> None:
    here.change(retired(random.choice(here.library.sealed)))


def _publish(here: World, random: Random) -> None:
    here.change(published(random.choice(here.library.sealed)))


def _seal(here: World, random: Random) -> None:
    i = random.choice([i for i in _public(here) if i.status is Status.ACTIVE])
    here.change(sealed(i))


def _add_public(here: World, random: Random) -> None:
    here.change(record(random, 300 + random.randrange(100), sealed=False))


def _change_public(here: World, random: Random) -> None:
    i = random.choice(_public(here))
    here.change(replace(i, definition="、".join(random.choices(WORDS, k=6)), revision=i.revision + 1))


def _replace_public(here: World, random: Random) -> None:
    here.change(retired(random.choice(_public(here)), random.choice(here.library.sealed).id))


def _take_up_a_hidden_use(here: World, random: Random) -> None:
    here.change(
        replace(record(random, 400 + random.randrange(99), sealed=False), use=LATE_USE, kind=Kind.SPECIFIC, theme="")
    )


def _cleared_people_choose(here: World, random: Random) -> None:
    asker = Asker(here.library, random)
    for name in ("roads", "police", "reviewer-all", "admin-all"):
        for _ in range(3):
            here.compare(NAMED[name], replace(asker.choose(), endpoint="api.post_choice"))
            here.compare(NAMED[name], replace(asker.suggest(), endpoint="api.post_suggest"))


def _public(here: World) -> list[Indicator]:
    return [i for i in here.library.records if i.visibility is Visibility.PUBLIC]


CHANGES: tuple[Callable[[World, Random], None], ...] = (
    _add_restricted, _change_restricted, _retire_restricted, _publish, _seal, _add_public, _change_public,
    _replace_public, _take_up_a_hidden_use, _cleared_people_choose,
)  # fmt: skip


# Beside the generated ones

_TEXTS = st.text(st.sampled_from("".join((*BEASTS, *WORDS)) + 'landuxiwzhqe“”" 219%'), max_size=12)


@settings(max_examples=60, deadline=None, derandomize=True, database=None)
@given(text=_TEXTS, persona=st.sampled_from((PUBLIC, NAMED["roads"])))
def test_any_text(resting: World, text: str, persona: Persona) -> None:
    """Shrunk by Hypothesis to the shortest text that tells."""
    for path in ("/api/v1/indicators", "/api/v1/complete"):
        resting.compare(persona, Ask("api.text", "GET", path, {"q": text}))
    told, resting.differences[:] = list(resting.differences), []
    assert told == [], report(told)


@pytest.mark.parametrize("path", ["/api/v1/indicators/{}", "/indicators/{}", "/api/v1/policies/{}", "/policies/{}"])
def test_what_is_hidden_is_as_if_it_had_never_been(resting: World, path: str) -> None:
    """The id in the answer is masked; it is the reader's own."""
    hidden = [i.id for i in resting.library.sealed] if "policies" not in path else ["p0000000004"]
    answers = set()
    for id in (*hidden, NOWHERE):
        a = resting.whole.answer(PUBLIC, Ask("", "GET", path.format(id)))
        headers = tuple((k, v) for k, v in a.headers if k != "Content-Length")
        answers.add((a.status, headers, a.body.replace(id.encode(), b"ID")))
    assert len(answers) == 1


def test_the_relevance_desk_measures_the_public_library(tmp_path: Path) -> None:
    """Its runs are awaited: what they found is the same for an administrator whatever his clearance."""
    admins = [NAMED["admin-all"], NAMED["admin-none"]]
    with world(tmp_path, made(Random(3), 40), admins) as here:
        asker = Asker(here.library, Random(3))
        for n, endpoint in enumerate(("adopt", "measure", "attempt", "reset", "stop")):
            form = {"query.part": "0.3" if endpoint == "adopt" else "0.4", "kind": "policy"}
            path = "/relevance/" + {"attempt": "trial"}.get(endpoint, endpoint)
            here.compare(
                admins[n % 2], Ask("", "POST", path, form=form, headers={"X-CSRF-Token": "test-token"}, changes=True)
            )
            for side in here.sides:
                side.desk.wait()
            for admin in admins:
                for page in ("index", "questions", "question", "trial"):
                    here.compare(admin, QUESTIONS[f"relevance.{page}", "GET"][0](asker))
        assert all(side.desk.report() and side.desk.trial for side in here.sides)
        assert here.differences == [], report(here.differences)


# That the harness can fail


def _endpoints(here: World) -> set[str]:
    return {d.ask.endpoint for d in here.differences}


def _told(folder: Path) -> World:
    with world(folder, made(Random(4), 25), [PUBLIC]) as here:
        asker = Asker(here.library, Random(1))
        for ask in [*each(asker), *some(asker, 40)]:
            here.compare(PUBLIC, ask)
    return here


def test_a_store_that_forgets_who_asks_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("corpus.access.Scope.sql", lambda *_: ("1", []))
    with world(tmp_path, made(Random(4), 25), [PUBLIC]) as here:
        for i in here.library.sealed:
            here.compare(PUBLIC, Ask("api.get_indicator", "GET", f"/api/v1/indicators/{i.id}"))
    assert _endpoints(here) == {"api.get_indicator"}
    first = next(d for d in here.differences if d.whole.status == 200)
    (alone,) = shrunk(tmp_path, here.library, PUBLIC, first.ask)
    assert first.ask.path.rpartition("/")[2] in (alone.id, alone.code)


def test_an_index_that_counts_what_is_hidden_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    of = documents.of_indicator
    monkeypatch.setattr(documents, "of_indicator", lambda *given: replace(of(*given), restricted=False))
    assert {"api.list_indicators", "library.index"} <= _endpoints(_told(tmp_path))


def test_completions_of_restricted_records_are_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def names(store: Store) -> list[tuple[str, str, str | None]]:
        return [(i.id, i.name, i.use.code if i.use else None) for i in indicators.active(store, "full")]

    monkeypatch.setattr("corpus.indicators.names", names)
    with world(tmp_path, made(Random(4), 25), [PUBLIC]) as here:
        for i in here.library.sealed:
            here.compare(PUBLIC, Ask("api.complete", "GET", "/api/v1/complete", {"q": i.name}))
    assert _endpoints(here) == {"api.complete"}


def test_a_header_that_counts_changes_is_found(tmp_path: Path) -> None:
    def number(side: Side) -> Callable[[Response], Response]:
        def add(response: Response) -> Response:
            response.headers["X-Head"] = str(side.store.head())
            return response

        return add

    with world(tmp_path, made(Random(4), 20), [PUBLIC]) as here:
        for side in here.sides:
            side.app.after_request_funcs.setdefault(None, []).append(number(side))
        here.compare(PUBLIC, Ask("", "GET", "/api/v1/healthz"))
    assert len(here.differences) == 1
