"""Secrets that let somebody in instead of a password: sessions, API tokens, one-time links.

A secret is 32 random bytes and kept as SHA-256 alone; people name it by an id that opens nothing.
"""

from __future__ import annotations

import os
import secrets
import sqlite3
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any, Literal

from corpus.access import Right
from corpus.errors import BadInput, NotFound
from corpus.store import PATIENCE, Store

Kind = Literal["session", "api", "link"]
SESSION = timedelta(hours=12)
# Environment variable: after so many minutes without a request a session ends.
IDLE_VARIABLE = "ZHIBIAO_IDLE_MINUTES"
IDLE_MINUTES = 30
# "Last used" is written at most this often: it is for people, and reading must not cost a write each time.
COARSE = timedelta(minutes=1)
_COLUMNS = "id, user, kind, label, scopes, created, expires, last_seen, must_change"


@dataclass(frozen=True, slots=True)
class Ticket:
    """A secret as it is listed. Times in UTC as the store writes them; ``last_seen`` to the minute, empty for never.

    ``scopes`` are the rights of an API token. ``must_change``: a link that makes its holder set a new password, or
    the session begun by it, which may do that without the old one.
    """

    id: str
    user: str
    kind: Kind
    label: str
    scopes: frozenset[Right]
    created: str
    expires: str
    last_seen: str
    must_change: bool

    def as_json(self) -> dict[str, object]:
        """As the command line prints it."""
        return {
            "id": self.id,
            "user": self.user,
            "label": self.label,
            "scopes": sorted(self.scopes),
            "created": self.created,
            "expires": self.expires,
            "last_seen": self.last_seen,
        }


def present() -> datetime:
    """The clock that all times of sign-in are read from."""
    return datetime.now(UTC)


def stamp(at: datetime) -> str:
    """A time as it is stored."""
    return at.strftime("%Y-%m-%dT%H:%M:%SZ")


def idle() -> timedelta:
    """How long a session lives without a request. Raises BadInput when the environment says what is no such time."""
    text = os.environ.get(IDLE_VARIABLE, "").strip() or str(IDLE_MINUTES)
    if not (text.isascii() and text.isdecimal() and len(text) <= 4 and 5 <= int(text) <= 720):
        raise BadInput(
            f"环境变量 {IDLE_VARIABLE} 须为 5 到 720 的整数（分钟），请修改后重启服务。", field=IDLE_VARIABLE
        )
    return timedelta(minutes=int(text))


def make(
    store: Store,
    user: str,
    kind: Kind,
    *,
    lifetime: timedelta,
    label: str = "",
    scopes: Iterable[Right] = (),
    must_change: bool = False,
) -> str:
    """A new secret; what has expired is swept away with it."""
    secret, at = secrets.token_urlsafe(32), present()
    seen = stamp(at) if kind == "session" else ""
    with store.writing() as db:
        db.conn.execute("delete from tokens where not " + _alive("expires >= ?"), _now(at))
        db.conn.execute(
            f"insert into tokens (hash, {_COLUMNS}) values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            [_hash(secret), secrets.token_hex(5), user, kind, label, " ".join(sorted(scopes)), stamp(at),
             stamp(at + lifetime), seen, must_change],
        )  # fmt: skip
    return secret


def find(store: Store, secret: str, kind: Kind) -> Ticket | None:
    """The ticket that a secret stands for while it is good; notes that it was used."""
    hashed, at = _hash(secret), present()
    rows = store.rows(
        f"select {_COLUMNS} from tokens where hash = ? and kind = ? and {_alive('expires >= ?')}",
        [hashed, kind, *_now(at)],
    )
    if not rows:
        return None
    if kind != "link" and rows[0]["last_seen"] < stamp(at - COARSE):
        _touch(store, hashed, stamp(at))
    return _ticket(rows[0])


def held(store: Store, user: str, kind: Kind) -> list[Ticket]:
    """Somebody's good tickets, the newest first."""
    rows = store.rows(
        f"select {_COLUMNS} from tokens where user = ? and kind = ? and {_alive('expires >= ?')} "
        "order by created desc, id",
        [user, kind, *_now(present())],
    )
    return [_ticket(row) for row in rows]


def get(store: Store, id: str) -> Ticket:
    """The ticket of that id. Raises NotFound."""
    rows = store.rows(f"select {_COLUMNS} from tokens where id = ?", [id])
    if not rows:
        raise NotFound("没有这个编号的会话或令牌，可能已经结束或撤销，请刷新列表查看。", field="id")
    return _ticket(rows[0])


def drop(store: Store, id: str) -> None:
    """Make one ticket worthless."""
    with store.writing() as db:
        db.conn.execute("delete from tokens where id = ?", [id])


def drop_all(store: Store, user: str, kinds: Sequence[Kind], *, but: str = "") -> None:
    """Make somebody's tickets of these kinds worthless, except the one of id ``but``."""
    with store.writing() as db:
        for kind in kinds:
            db.conn.execute("delete from tokens where user = ? and kind = ? and id <> ?", [user, kind, but])


def _alive(unexpired: str) -> str:
    return f"({unexpired} and (kind <> 'session' or last_seen >= ?))"


def _now(at: datetime) -> list[str]:
    """The parameters of :func:`_alive`."""
    return [stamp(at), stamp(at - idle())]


def _touch(store: Store, hashed: str, at: str) -> None:
    """Note the use, unless somebody writes just now: a reader never waits for an import to end."""
    connection = store.db.conn
    connection.execute("pragma busy_timeout = 0")
    try:
        with store.writing():
            connection.execute("update tokens set last_seen = ? where hash = ?", [at, hashed])
    except sqlite3.OperationalError as error:
        if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY:
            raise
    finally:
        connection.execute(f"pragma busy_timeout = {PATIENCE * 1000}")


def _hash(secret: str) -> str:
    return sha256(secret.encode("utf-8", "replace")).hexdigest()


def _ticket(row: dict[str, Any]) -> Ticket:
    scopes = frozenset(Right(name) for name in row["scopes"].split())
    return Ticket(**{**row, "scopes": scopes, "must_change": bool(row["must_change"])})
