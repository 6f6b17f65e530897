"""The expert pool in the store. Only signed-in people see it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from corpus.access import Actor, require_signed_in
from corpus.model import Expert, Status
from corpus.store import Store, now

_COLUMNS = (
    "id", "name", "kind", "organisation", "organisation_kind", "title", "fields", "sample", "status", "revision",
    "updated",
)  # fmt: skip


def put(store: Store, experts: Sequence[Expert], *, actor: str, detail: str) -> None:
    """Write experts, new ones and changed ones alike, in one transaction."""
    at = now()
    with store.writing() as db:
        current = {row["id"]: row["revision"] for row in store.rows("select id, revision from experts")}
        written = [replace(e, revision=current.get(e.id, 0) + 1, updated=at) for e in experts]
        db.conn.executemany(
            f"insert or replace into experts ({', '.join(_COLUMNS)}) values ({', '.join('?' * len(_COLUMNS))})",
            [
                (e.id, e.name, e.kind, e.organisation, e.organisation_kind, e.title, "、".join(e.fields),
                 int(e.sample), e.status.value, e.revision, e.updated)
                for e in written
            ],
        )  # fmt: skip
        store.record(
            "experts", [(e.id, e.revision, e.as_json()) for e in written], actor=actor, action="import", detail=detail
        )


def active(store: Store) -> Iterator[Expert]:
    """Every active expert, for the index; never show these without :func:`fetch`'s check."""
    return _select(store, "status = 'active'", [])


def fetch(store: Store, ids: Sequence[str], actor: Actor) -> list[Expert]:
    """The experts of those ids in the order given. Raises NotSignedIn for the public."""
    require_signed_in(actor)
    if not ids:
        return []
    found = {e.id: e for e in _select(store, f"status = 'active' and id in ({', '.join('?' * len(ids))})", ids)}
    return [found[i] for i in ids if i in found]


def _select(store: Store, where: str, parameters: Sequence[str]) -> Iterator[Expert]:
    for row in store.rows(f"select {', '.join(_COLUMNS)} from experts where {where} order by id", parameters):
        yield Expert(
            **{
                **row,
                "fields": tuple(row["fields"].split("、")) if row["fields"] else (),
                "sample": bool(row["sample"]),
                "status": Status(row["status"]),
            }
        )
