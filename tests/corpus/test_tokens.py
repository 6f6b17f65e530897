"""Tickets in time: what ends when, and how often use is noted."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from corpus import people, tokens
from corpus.access import Clearance, Role
from corpus.errors import BadInput
from corpus.people import User
from corpus.store import Store

START = datetime(2026, 11, 21, 8, 0, tzinfo=UTC)


@pytest.fixture
def move(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Moves the clock on, which stands still else."""
    at = [START]
    monkeypatch.setattr("corpus.tokens.present", lambda: at[0])

    def move(**by: float) -> None:
        at[0] += timedelta(**by)

    return move


@pytest.fixture
def office(store: Store, move: Any) -> Store:
    people.add(store, User("王经办", Role.DEPARTMENT, "", Clearance.NONE, disabled=False), password=None, by="")
    return store


def make(store: Store, kind: tokens.Kind, **lifetime: float) -> str:
    return tokens.make(store, "王经办", kind, lifetime=timedelta(**lifetime or {"hours": 12}))


def seen(store: Store) -> list[str]:
    return [row["last_seen"] for row in store.rows("select last_seen from tokens order by created")]


def test_a_session_ends_after_half_an_hour_without_use(office: Store, move: Any) -> None:
    secret = make(office, "session")
    for _ in range(5):
        move(minutes=30)
        assert tokens.find(office, secret, "session") is not None
    move(minutes=30, seconds=1)
    assert (tokens.find(office, secret, "session"), tokens.held(office, "王经办", "session")) == (None, [])


def test_a_session_ends_after_twelve_hours_of_use(office: Store, move: Any) -> None:
    secret = people.issue(office, "王经办", "session", days=365, by="")
    for _ in range(36):
        move(minutes=20)
        assert tokens.find(office, secret, "session") is not None
    move(seconds=1)
    assert tokens.find(office, secret, "session") is None


def test_tokens_and_links_do_not_end_by_rest(office: Store, move: Any) -> None:
    kinds: list[tokens.Kind] = ["api", "link"]
    secrets = [(kind, make(office, kind, days=7)) for kind in kinds]
    move(days=7)
    assert [tokens.find(office, secret, kind) is not None for kind, secret in secrets] == [True, True]
    move(seconds=1)
    assert [tokens.find(office, secret, kind) for kind, secret in secrets] == [None, None]


def test_the_time_of_rest_is_set_by_the_environment(office: Store, move: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ZHIBIAO_IDLE_MINUTES", " 5 ")
    secret = make(office, "session")
    move(minutes=5, seconds=1)
    assert tokens.find(office, secret, "session") is None
    for text in ("4", "721", "x", "1.5", "-5", "５", "99999"):
        monkeypatch.setenv("ZHIBIAO_IDLE_MINUTES", text)
        with pytest.raises(
            BadInput, match=r"^环境变量 ZHIBIAO_IDLE_MINUTES 须为 5 到 720 的整数（分钟），请修改后重启服务。$"
        ):
            tokens.idle()
    monkeypatch.setenv("ZHIBIAO_IDLE_MINUTES", "")
    assert tokens.idle() == timedelta(minutes=30)


def test_use_is_noted_once_a_minute(office: Store, move: Any) -> None:
    secret = make(office, "session")
    move(seconds=60)
    tokens.find(office, secret, "session")
    assert seen(office) == ["2026-11-21T08:00:00Z"]
    move(seconds=1)
    before = office.value("pragma data_version"), office.db.conn.total_changes
    tokens.find(office, secret, "session")
    assert (seen(office), office.db.conn.total_changes) == (["2026-11-21T08:01:01Z"], before[1] + 1)
    move(seconds=59)
    assert tokens.find(office, secret, "session") is not None
    assert office.db.conn.total_changes == before[1] + 1


def test_a_token_shows_when_it_was_last_used(office: Store, move: Any) -> None:
    secret = make(office, "api", days=1)
    assert [t.last_seen for t in tokens.held(office, "王经办", "api")] == [""]
    tokens.find(office, secret, "api")
    assert [t.last_seen for t in tokens.held(office, "王经办", "api")] == ["2026-11-21T08:00:00Z"]


def test_a_reader_does_not_wait_for_a_writer(office: Store, move: Any) -> None:
    """An import may hold the write lock for long; who is signed in reads on, and is noted the next time."""
    secret = make(office, "session")
    move(minutes=2)
    importing = Store.open(office.folder)
    with importing.writing():
        assert tokens.find(office, secret, "session") is not None
    assert seen(office) == ["2026-11-21T08:00:00Z"]
    assert tokens.find(office, secret, "session") is not None
    assert seen(office) == ["2026-11-21T08:02:00Z"]
    assert office.value("pragma busy_timeout") == 30_000
    importing.close()


def test_what_has_ended_is_swept_away(office: Store, move: Any) -> None:
    make(office, "session")
    make(office, "api", days=1)
    make(office, "link", hours=1)
    move(minutes=31)
    kept = make(office, "session")
    assert [row["kind"] for row in office.rows("select kind from tokens order by kind")] == ["api", "link", "session"]
    move(days=1)
    make(office, "api", days=1)
    assert ([r["kind"] for r in office.rows("select kind from tokens")], tokens.find(office, kept, "session")) == (
        ["api"], None,
    )  # fmt: skip


def test_secrets_and_ids_have_nothing_in_common(office: Store) -> None:
    secrets = [make(office, "api", days=1) for _ in range(50)]
    ids = [t.id for t in tokens.held(office, "王经办", "api")]
    assert len({*secrets, *ids}) == 100
    assert {len(secret) for secret in secrets} == {43}
    assert not [1 for secret in secrets for id in ids if id in secret]
