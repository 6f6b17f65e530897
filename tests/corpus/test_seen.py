"""What is handed to somebody is gathered; what an answer shows of it is written, once an hour."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytest

from corpus import indicators, policies, seen
from corpus.access import Actor, Clearance
from corpus.errors import NotReady
from corpus.indicators import indicator_id
from corpus.model import Citation, Passage, Policy, Visibility
from corpus.policies import Parsed
from corpus.seen import AGAIN, Memory
from corpus.store import Store

KIRIN, PHOENIX, SCHOOL = (indicator_id(code) for code in ("2190001", "2190002", "2100001"))


@pytest.fixture
def shelf(library: Store) -> Store:
    def parsed(id: str, title: str, visibility: Visibility, owner: str, cites: str) -> Parsed:
        policy = Policy(id, title, "", "州", 2024, "", "", "", "", visibility, owner, 0, "")
        return Parsed(policy, id, (Passage(1, (), "", None, "text", title),), (Citation(1, "", cites),))

    policies.put(library, [
        parsed("p1", "公开办法", Visibility.PUBLIC, "", "凤凰方案"),
        parsed("p2", "凤凰方案", Visibility.RESTRICTED, "州公安局", "公开办法"),
    ], actor="")  # fmt: skip
    return library


def gathered(actor: Actor, ask: Any) -> tuple[set[str], set[str]]:
    with seen.gathering(actor) as found:
        ask()
    return found.sure, found.likely


def test_every_reader_reports_what_is_restricted_and_nothing_else(shelf: Store, cast: Any) -> None:
    admin, phoenix, kirin = cast.admin, f"indicators:{PHOENIX}", f"indicators:{KIRIN}"
    asked = {
        "get": lambda: indicators.get(shelf, "2190001", admin),
        "get public": lambda: indicators.get(shelf, "2100001", admin),
        "fetch": lambda: indicators.fetch(shelf, [KIRIN, SCHOOL, PHOENIX], admin),
        "from memory": lambda: indicators.fetch(shelf, [KIRIN, SCHOOL], admin),
        "policy": lambda: policies.get(shelf, "p2", admin),
        "shelf": lambda: policies.everything(shelf, admin),
        "passages": lambda: policies.fetch(shelf, ["p1-1", "p2-1"], admin),
        "citations": lambda: policies.citations(shelf, "p1", admin),
        "cited by": lambda: policies.cited_by(shelf, "p1", admin),
    }
    assert {name: gathered(admin, ask) for name, ask in asked.items()} == {
        "get": ({kirin}, set()), "get public": (set(), set()), "fetch": (set(), {kirin, phoenix}),
        "from memory": (set(), {kirin}), "policy": ({"policies:p2"}, set()), "shelf": (set(), {"policies:p2"}),
        "passages": (set(), {"policies:p2"}), "citations": (set(), {"policies:p2"}),
        "cited by": (set(), {"policies:p2"}),
    }  # fmt: skip


def test_each_person_is_reported_what_they_may_see(shelf: Store, cast: Any) -> None:
    def fetch(actor: Actor) -> set[str]:
        return gathered(actor, lambda: indicators.fetch(shelf, [KIRIN, SCHOOL, PHOENIX], actor))[1]

    assert {name: fetch(actor) for name, actor in cast._asdict().items()} == {
        "public": set(), "department": {f"indicators:{KIRIN}"}, "stranger": set(), "reviewer": set(),
        "admin": {f"indicators:{KIRIN}", f"indicators:{PHOENIX}"},
    }  # fmt: skip


def test_nothing_is_gathered_outside_of_an_answer_or_for_another_thread(shelf: Store, cast: Any) -> None:
    indicators.get(shelf, "2190001", cast.admin)
    assert (seen.begin(cast.public), seen.begin(cast.reviewer)) == (None, None)
    with ThreadPoolExecutor(1) as pool, seen.gathering(cast.admin) as found:
        pool.submit(indicators.get, shelf, "2190001", cast.admin).result()
    assert not found
    indicators.get(shelf, "2190001", cast.admin)
    assert not found


def test_an_answer_shows_what_it_names() -> None:
    found = seen.Gathered()
    found.sure, found.likely = {"policies:p1"}, {"indicators:aa", "indicators:bb"}
    assert found.named_in('{"id": "bb"}') == {"policies:p1", "indicators:bb"}
    assert (found.all(), bool(found), bool(seen.Gathered())) == (found.sure | found.likely, True, False)


def rows(store: Store) -> list[tuple[str, ...]]:
    found = store.rows("select actor, action, target, records, detail from audit where actor <> '建库' order by id")
    return [tuple(row.values()) for row in found]


def test_the_same_within_the_hour_is_not_written_again(store: Store) -> None:
    now = [0.0]
    memory = Memory(clock=lambda: now[0])
    one, two = (Actor(name, "reviewer", "", Clearance.ALL) for name in ("甲乙", "丙丁"))  # type: ignore[arg-type]
    for at, actor, keys in (
        (0, one, {"indicators:b", "indicators:a"}), (10, one, {"indicators:a", "policies:p"}), (11, one, {"policies:p"}),
        (12, two, {"indicators:a"}), (AGAIN - 1, one, {"indicators:a"}), (AGAIN, one, {"indicators:a", "policies:p"}),
        (AGAIN, one, set()),
    ):  # fmt: skip
        now[0] = at
        seen.write(store, actor, keys, memory=memory)
    assert rows(store) == [
        ("甲乙", "see", "", "indicators:a indicators:b", ""), ("甲乙", "see", "", "policies:p", ""),
        ("丙丁", "see", "", "indicators:a", ""), ("甲乙", "see", "", "indicators:a", ""),
    ]  # fmt: skip


def test_the_memory_is_bounded_and_forgets_the_oldest() -> None:
    memory = Memory(most=3, clock=lambda: 0.0)
    for n in range(5):
        memory.note("folder", "甲", [f"indicators:{n}"])
    assert memory.fresh("folder", "甲", [f"indicators:{n}" for n in range(5)]) == ["indicators:0", "indicators:1"]
    assert memory.fresh("another", "甲", ["indicators:4"]) == ["indicators:4"]


@pytest.fixture
def refusing(library: Store) -> Iterator[Store]:
    """A store whose audit takes no row, as on a full disk."""
    library.db.execute("create trigger full before insert on audit begin select raise(abort, 'full'); end")
    yield library
    library.db.execute("drop trigger full")


def test_what_cannot_be_written_is_an_error_and_not_remembered(refusing: Store, cast: Any) -> None:
    memory = Memory()
    with pytest.raises(NotReady) as caught:
        seen.write(refusing, cast.admin, {f"indicators:{KIRIN}"}, memory=memory)
    assert (caught.value.status, caught.value.message) == (503, seen.REFUSED)
    assert isinstance(caught.value.__cause__, sqlite3.IntegrityError)
    assert memory.fresh(str(refusing.folder), cast.admin.name, [f"indicators:{KIRIN}"]) == [f"indicators:{KIRIN}"]
    seen.write(refusing, cast.admin, set(), memory=memory)


def test_threads_share_a_memory(store: Store, cast: Any) -> None:
    memory, start = Memory(), threading.Barrier(4)

    def write(n: int) -> None:
        start.wait()
        for key in range(20):
            seen.write(store, replace(cast.admin, name=f"甲{n}"), {f"indicators:{key}"}, memory=memory)

    with ThreadPoolExecutor(4) as pool:
        for done in [pool.submit(write, n) for n in (0, 0, 1, 1)]:
            done.result()
    kept = {(row[0], row[3]) for row in rows(store)}
    assert kept == {(f"甲{n}", f"indicators:{key}") for n in (0, 1) for key in range(20)}
