"""A clock that stands still, ids of tickets in the order in which they are made, and cheap password hashes."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import count
from types import SimpleNamespace

import pytest
from argon2 import PasswordHasher

NOW = "2026-11-21T08:00:00Z"
_CLOCKS = ("corpus.indicators", "corpus.policies", "corpus.experts", "indexer.build",
           "indexer.relevance", "webapp.desk")  # fmt: skip


@pytest.fixture(scope="module", autouse=True)
def _still() -> Iterator[None]:
    numbers = count()
    with pytest.MonkeyPatch.context() as patch:
        for module in _CLOCKS:
            patch.setattr(f"{module}.now", lambda: NOW)
        patch.setattr("corpus.chain.moment", lambda: NOW.replace("Z", ".000Z"))
        patch.setattr("corpus.tokens.present", lambda: datetime(2026, 11, 21, 8, tzinfo=UTC))
        # Lists of equal times are ordered by the id: at random two libraries would differ in it.
        ids = SimpleNamespace(
            token_urlsafe=secrets.token_urlsafe, token_hex=lambda size: f"{next(numbers):0{2 * size}x}"
        )
        patch.setattr("corpus.tokens.secrets", ids)
        patch.setattr("corpus.passwords.hasher", PasswordHasher(time_cost=1, memory_cost=64, parallelism=1))
        for name in ("ZHIBIAO_HOSTS", "HOST"):
            patch.delenv(name, raising=False)
        yield
