"""The expert pool in the store. Only signed-in people see it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from hashlib import blake2s

from corpus.access import Actor, Right, require
from corpus.model import Expert, Status
from corpus.readers.tables import Row
from corpus.rows import Problem
from corpus.store import Store, now

_COLUMNS = (
    "id", "name", "kind", "organisation", "organisation_kind", "title", "fields", "sample", "status", "revision",
    "updated",
)  # fmt: skip


HEADERS = {
    "name": ("姓名", "专家姓名"),
    "kind": ("类别", "专家类别"),
    "organisation": ("单位", "工作单位"),
    "organisation_kind": ("单位类型", "单位性质"),
    "title": ("职称", "职务职称"),
    "fields": ("专业领域", "领域", "熟悉领域"),
}
_FIELDS = {alias: name for name, aliases in HEADERS.items() for alias in (name, *aliases)}
KINDS = ("绩效领域", "行业领域")
_BREAK = re.compile(r"[、,，;；\s]+")


def expert_id(name: str, organisation: str) -> str:
    """The lasting id of a person of an organisation."""
    return "e" + blake2s(f"{name}\n{organisation}".encode(), digest_size=5).hexdigest()


def read(rows: Iterable[Row]) -> tuple[list[Expert], list[Problem]]:
    """The experts of a table, and every problem of its rows; a sound row is in the list though others are not."""
    found: dict[str, Expert] = {}
    problems: list[Problem] = []
    for row in rows:
        cells = {_FIELDS[header]: cell for header, cell in row.cells.items() if header in _FIELDS}
        wrong = [
            Problem(row.place, field, "没有填写，请补充。", HEADERS[field][0])
            for field in ("name", "organisation")
            if not cells.get(field)
        ]
        if cells.get("kind") not in KINDS:
            wrong.append(Problem(row.place, "kind", f"请填写“{KINDS[0]}”或“{KINDS[1]}”。", HEADERS["kind"][0]))
        id = expert_id(cells.get("name", ""), cells.get("organisation", ""))
        if id in found:
            wrong.append(
                Problem(row.place, "name", "同一单位的同名专家已在前面出现，请只保留一行。", HEADERS["name"][0])
            )
        if wrong:
            problems += wrong
            continue
        found[id] = Expert(
            id=id,
            name=cells["name"],
            kind=cells["kind"],
            organisation=cells["organisation"],
            organisation_kind=cells.get("organisation_kind", ""),
            title=cells.get("title", ""),
            fields=tuple(word for word in _BREAK.split(cells.get("fields", "")) if word),
            sample=False,
            status=Status.ACTIVE,
            revision=0,
            updated="",
        )
    return list(found.values()), problems


def put(store: Store, experts: Sequence[Expert], *, actor: str, detail: str) -> None:
    """Write experts, new ones and changed ones alike, in one transaction."""
    if not experts:
        return
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
    require(actor, Right.EXPERTS)
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
