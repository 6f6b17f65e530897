"""The audit as a chain: each row carries the hash of itself and of the row before it.

What the chain proves: a row that was changed, taken out, put in or moved breaks it, and :func:`verify` names the first
serial that is not as it was written. What it does not prove: whoever has the database file, and knows this page, can
write the whole chain anew or cut its tail, and the keyed mark of the head falls with it, since its key lies in the same
file. Against that helps only a head that was noted elsewhere (``zhibiao audit head``): as long as it is found in the
chain (``zhibiao audit verify --head``), everything up to it is as it was. Triggers keep programs, not persons, from
changing rows.
"""

from __future__ import annotations

import hmac
import json
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from typing import NamedTuple

KEY, MARK = "audit.key", "audit.head"
COLUMNS = "id, at, actor, action, kind, target, records, detail"
GUARDS = 3  # triggers that keep rows from being changed, removed or put in between
# Once made, an encoder costs a quarter less per row than json.dumps.
_canonical = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), default=repr).encode
START = ""  # what stands before the first row


class Head(NamedTuple):
    """The newest row: its serial (0 where there is none) and its hash, 64 hexadecimal digits."""

    serial: int
    hash: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """What :func:`verify` found. ``broken`` is the first serial that is not as it was written, None when all are;
    ``noted`` says whether the head that was asked for is in the sound part."""

    head: Head
    broken: int | None
    noted: bool


def moment() -> str:
    """The present in UTC, to the millisecond."""
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def link(row: Sequence[object], before: str) -> str:
    """The hash of a row (the values of COLUMNS) behind the hash ``before``: SHA-256 over canonical JSON.

    Canonical: one array of the values and ``before``, no spaces, no escapes but those JSON asks for, in UTF-8.
    """
    return sha256(_canonical([*row, before]).encode("utf-8", "surrogatepass")).hexdigest()


def head(db: sqlite3.Connection) -> Head:
    """The newest row."""
    row = db.execute("select id, chain from audit order by id desc limit 1").fetchone()
    return Head(*row) if row else Head(0, START)


def append(
    db: sqlite3.Connection, *, actor: str, action: str, kind: str, target: str, records: str, detail: str
) -> None:
    """Write the next row and mark it as the head; only inside the write transaction, so that serials have no gap."""
    before = head(db)
    row = (before.serial + 1, moment(), actor, action, kind, target, records, detail)
    newest = Head(before.serial + 1, link(row, before.hash))
    db.execute(f"insert into audit ({COLUMNS}, chain) values (?, ?, ?, ?, ?, ?, ?, ?, ?)", [*row, newest.hash])
    db.execute("update settings set value = ? where name = ?", [_mark(db, newest), MARK])


def verify(db: sqlite3.Connection, noted: str = "") -> Verdict:
    """Walk the whole chain, row by row, inside one view of the store; ``noted`` is the hash of a head to look for.

    A tail that was cut leaves a whole chain: it shows by the mark of the head, and then the first serial that is
    missing is ``broken``.
    """
    serial, before, found = 0, START, False
    for *row, chain in db.execute(f"select {COLUMNS}, chain from audit order by id"):
        if row[0] != serial + 1 or chain != link(row, before):
            return Verdict(Head(serial, before), serial + 1, found)
        serial, before = serial + 1, chain
        found = found or chain == noted
    last = Head(serial, before)
    kept = db.execute("select value from settings where name = ?", [MARK]).fetchone()
    whole = kept is not None and hmac.compare_digest(str(kept[0]), _mark(db, last))
    return Verdict(last, None if whole else serial + 1, found)


def _mark(db: sqlite3.Connection, head: Head) -> str:
    """The head under this store's key; empty before the first row."""
    if not head.serial:
        return ""
    key = db.execute("select value from settings where name = ?", [KEY]).fetchone()
    return hmac.new(bytes(key[0]) if key else b"", f"{head.serial} {head.hash}".encode(), "sha256").hexdigest()


def rechain(db: sqlite3.Connection) -> None:
    """Chain the rows of ``audit_before``, the table as it was before there was a chain, for the migration."""
    serial, before = 0, START
    old = db.execute(
        "select a.at, a.actor, a.action, a.target, a.detail, coalesce((select r.kind from revisions r "
        "where r.record_id = a.target limit 1), '') as kind from audit_before a order by a.id"
    )
    for at, actor, action, target, detail, kind in old:
        serial += 1
        row = (serial, at, actor, action, kind, target, f"{kind}:{target}" if kind else "", detail)
        before = link(row, before)
        db.execute(f"insert into audit ({COLUMNS}, chain) values (?, ?, ?, ?, ?, ?, ?, ?, ?)", [*row, before])
    db.execute("update settings set value = ? where name = ?", [_mark(db, Head(serial, before)), MARK])
