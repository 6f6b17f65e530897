"""Indicators in the store: read them as an actor may, write them with revision, audit and feed."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from hashlib import blake2s
from sys import intern
from typing import Any

from corpus import editions, seen
from corpus.access import PUBLIC, Actor, Clearance, Scope, sees_drafts, visible
from corpus.errors import Conflict, NotFound
from corpus.memory import Memory
from corpus.model import Category, Indicator, Kind, Operator, Owner, Status, Use, Visibility, category
from corpus.store import Store, now

KEYWORD_MARK = "、"
# Restricted records count from here, so that the public codes show no gap where they stand.
RESTRICTED_SERIAL = 90_000
# A record takes some 1,200 bytes: 24 MB of a library of any size. What is not held is read by its id.
_memory = Memory[Indicator](kept=20_000)

_COLUMNS = (
    "id, code, name, kind, category, use_code, theme, definition, formula, operator, unit, reference, reference_kind, "
    "reference_source, scoring, evidence, keywords, owner, visibility, restricted_reason, status, origin, "
    "replaced_by, revision, updated"
)
_MARKS = ", ".join("?" * len(_COLUMNS.split(",")))


def indicator_id(code: str) -> str:
    """The lasting id of the indicator first filed under ``code``; says nothing of how many others there are."""
    return blake2s(code.encode(), digest_size=5).hexdigest()


def use(store: Store, code: str) -> Use | None:
    """The use of that code."""
    rows = store.rows("select code, domain, industry, use from uses where code = ?", [code])
    return Use(**rows[0]) if rows else None


def uses(store: Store) -> list[Use]:
    """The whole taxonomy, in its own order."""
    return [Use(**row) for row in store.rows("select code, domain, industry, use from uses order by ordinal")]


def visible_uses(store: Store, actor: Actor) -> list[Use]:
    """The taxonomy as ``actor`` may know it: a use that only records hidden from them brought along is not in it."""
    condition, parameters = visible(actor).sql("i")
    rows = store.rows(
        "select code, domain, industry, use from uses u where declared or exists (select 1 from indicators i "
        f"where i.use_code = u.code and i.status = 'active' and {condition}) "
        # Those that records brought along came in whatever order: a hidden record may have been the first.
        "order by declared desc, case when declared then ordinal end, code",
        parameters,
    )
    return [Use(**row) for row in rows]


def visible_owners(store: Store, actor: Actor) -> list[str]:
    """The budget units as ``actor`` may know them, by name: those whose active records he sees; all, who sees all."""
    scope = visible(actor)
    condition, parameters = scope.sql("i")
    held = f"exists (select 1 from indicators i where i.owner = o.name and i.status = 'active' and {condition})"
    everybody = scope.clearance is Clearance.ALL
    rows = store.rows(
        f"select o.name from owners o where {'1' if everybody else held} order by o.name",
        [] if everybody else parameters,
    )
    return [row["name"] for row in rows]


def owners(store: Store) -> list[Owner]:
    """The budget units that supply indicators."""
    return [Owner(**row) for row in store.rows("select name, kind, domain from owners order by rowid")]


def add_taxonomy(store: Store, uses: Sequence[Use], owners: Sequence[Owner], *, declared: bool = False) -> None:
    """Add uses and budget units after those that are there; known ones are brought up to date.

    ``declared`` uses are those of the published taxonomy, which anybody may know.
    """
    with store.writing() as db:
        # Records say the names of their use: whoever follows the feed must read them again.
        db.conn.executemany(
            "insert into feed (kind, record_id) select 'indicators', i.id from indicators i join uses u "
            "on u.code = i.use_code where u.code = ? and (u.domain, u.industry, u.use) <> (?, ?, ?)",
            [(u.code, u.domain, u.industry, u.use) for u in uses],
        )
        db.conn.executemany(
            "insert into uses values (?, ?, ?, ?, (select count(*) from uses), ?) on conflict (code) do update "
            "set domain = excluded.domain, industry = excluded.industry, use = excluded.use",
            [(u.code, u.domain, u.industry, u.use, int(declared)) for u in uses],
        )
        db.conn.executemany(
            "insert into owners values (?, ?, ?) on conflict (name) do update "
            "set kind = excluded.kind, domain = excluded.domain",
            [(o.name, o.kind, o.domain) for o in owners],
        )


class Codes:
    """Hands out indicator codes: the level-2 code and a serial, continuing after the highest in use.

    ``reserved`` are codes that others ask for by name; they are left to them.
    """

    def __init__(self, store: Store, reserved: Iterable[str] = ()) -> None:
        self._reserved = frozenset(reserved)
        # By the series that a code stands in: a record keeps its code when its visibility changes.
        self._last = {
            (row["prefix"], row["series"]): row["last"]
            for row in store.rows(
                "select substr(code, 1, 2) as prefix, cast(substr(code, 3) as integer) > ? as series, "
                "max(cast(substr(code, 3) as integer)) as last from indicators "
                "where length(code) = 7 and code not glob '*[^0-9]*' group by prefix, series",
                [RESTRICTED_SERIAL],
            )
        }

    def take(self, category: Category, visibility: Visibility) -> str:
        """The next free code for a record of that category."""
        key = category.code, int(visibility is Visibility.RESTRICTED)
        serial = self._last.get(key, RESTRICTED_SERIAL if key[1] else 0) + 1
        while (code := f"{category.code}{serial:05d}") in self._reserved:
            serial += 1
        self._last[key] = serial
        return code


def put(store: Store, indicators: Sequence[Indicator], *, actor: str, action: str, detail: str) -> list[Indicator]:
    """Write records, new ones and changed ones alike, in one transaction; returns them with their new revision.

    Raises Conflict when a code belongs to another record already, or a restricted one does not belong in this edition.
    """
    at = now()
    with store.writing() as db:
        editions.admit(store, indicators)
        current = _among(store, "id", "revision", [i.id for i in indicators])
        written = [replace(i, revision=current.get(i.id, 0) + 1, updated=at) for i in indicators]
        taken = _among(store, "code", "id", [i.code for i in indicators])
        for i in written:
            if taken.setdefault(i.code, i.id) != i.id:
                raise Conflict(f"指标代码 {i.code} 已被其他指标使用，请换一个代码或留空由系统编号。", field="code")
        columns = [c.strip() for c in _COLUMNS.split(",")]
        updates = ", ".join(f"{c} = excluded.{c}" for c in columns[1:])
        db.conn.executemany(
            f"insert into indicators ({_COLUMNS}) values ({_MARKS}) on conflict (id) do update set {updates}",
            [tuple(_row(i)[c] for c in columns) for i in written],
        )
        store.record(
            "indicators", [(i.id, i.revision, i.as_json()) for i in written], actor=actor, action=action, detail=detail
        )
    return written


def _among(store: Store, key: str, value: str, wanted: Sequence[str]) -> dict[str, Any]:
    """One column by another, of the records whose ``key`` is among ``wanted``."""
    sql = f"select {key}, {value} from indicators where {key} in (select value from json_each(?))"
    return dict(store.db.conn.execute(sql, [json.dumps(wanted)]))


def get(store: Store, id_or_code: str, actor: Actor) -> Indicator:
    """One indicator by id or code, also a retired one; a draft only for administrators and its own unit.

    Raises NotFound when there is none that ``actor`` may see.
    """
    condition, parameters = _checked(visible(actor))
    found = list(_select(store, f"(i.id = ? or i.code = ?) and {condition}", [id_or_code, id_or_code, *parameters]))
    if not found or (found[0].status is Status.DRAFT and not sees_drafts(actor, found[0].owner)):
        raise NotFound("没有找到这条指标，请检查编号或返回搜索。")
    seen.report("indicators", found[:1], sure=True)
    return _successors(store, found[:1], actor)[0]


def _checked(scope: Scope) -> tuple[str, list[str]]:
    """The condition of a scope, for records that others find: by it SQLite would look through all public ones."""
    condition, parameters = scope.sql("i")
    return f"({condition}) is true", parameters


def _successors(store: Store, records: Sequence[Indicator], actor: Actor) -> list[Indicator]:
    """The same records; one that was replaced by what ``actor`` may not see does not name it."""
    wanted = sorted({i.replaced_by for i in records if i.replaced_by})
    if not wanted:
        return list(records)
    condition, parameters = _checked(visible(actor))
    found = _select(store, f"i.id in ({', '.join('?' * len(wanted))}) and {condition}", [*wanted, *parameters])
    known = {"", *(i.id for i in found if i.status is not Status.DRAFT or sees_drafts(actor, i.owner))}
    return [i if i.replaced_by in known else replace(i, replaced_by="") for i in records]


def fetch(store: Store, ids: Sequence[str], actor: Actor) -> list[Indicator]:
    """The active ones among ``ids`` that ``actor`` may see, in the order given; at most one statement reads them.

    Records read before are taken from memory unless the feed says that they changed since.
    """
    if not ids:
        return []
    scope = visible(actor)
    condition, parameters = _checked(scope)

    def read(missing: list[str]) -> dict[str, Indicator]:
        where = f"i.id in ({', '.join('?' * len(missing))}) and i.status = 'active' and {condition}"
        return {i.id: i for i in _select(store, where, [*missing, *parameters], order="")}

    found = _memory.recall(store, ids, read)
    allowed = scope.allowed([i for i in map(found.get, ids) if i is not None])
    seen.report("indicators", allowed)
    return _successors(store, allowed, actor)


def remember(store: Store) -> None:
    """Read the active records ahead, as far as there is room in memory: the first answers need not wait for them."""
    # In no order: that of :func:`active` would have all of a large library sorted for the first of it.
    _memory.fill(store, ((i.id, i) for i in _select(store, "i.status = 'active'", [], order="")))


def active(store: Store, edition: str) -> Iterator[Indicator]:
    """Every active record of an index edition (``open`` or ``full``), ordered by visibility, use and code."""
    where = "i.status = 'active'" + (" and i.visibility = 'public'" if edition == "open" else "")
    return _select(store, where, [], order="i.visibility, i.use_code, i.code")


def names(store: Store) -> Iterator[tuple[str, str, str | None]]:
    """Id, name and code of the use of every active public record, in the order of :func:`active`."""
    where = "status = 'active' and visibility = 'public'"
    return store.db.conn.execute(f"select id, name, use_code from indicators where {where} order by use_code, code")


def count(store: Store) -> int:
    """How many records there are, whatever their status."""
    return int(store.value("select count(*) from indicators"))


def current(store: Store, ids: Iterable[str]) -> list[Indicator]:
    """Records by id for the index, whatever their visibility and status. Never show these to a person."""
    wanted = list(ids)
    return list(_select(store, f"i.id in ({', '.join('?' * len(wanted))})", wanted))


def everything(store: Store) -> Iterator[Indicator]:
    """Every record of every status, for those who check an import against the library."""
    return _select(store, "1", [])


def export(store: Store, actor: Actor, *, edition: str) -> Iterator[Indicator]:
    """Active records for an export: the open edition, or all that ``actor`` may see."""
    reader = PUBLIC if edition == "open" else actor
    condition, parameters = visible(reader).sql("i")
    records = _select(store, f"i.status = 'active' and {condition}", parameters, order="i.code")
    return iter(_successors(store, list(records), reader))


@dataclass(frozen=True, slots=True)
class Revision:
    """What a record was at one revision, who wrote it and why."""

    revision: int
    at: str
    actor: str
    action: str


def history(store: Store, id: str, actor: Actor) -> list[Revision]:
    """The revisions of an indicator, newest first. Raises NotFound as :func:`get` does."""
    found = get(store, id, actor)
    rows = store.rows(
        "select revision, at, actor, action from revisions where kind = 'indicators' and record_id = ? "
        "order by revision desc",
        [found.id],
    )
    return [Revision(**row) for row in rows]


def _select(store: Store, where: str, parameters: Sequence[Any], *, order: str = "i.code") -> Iterator[Indicator]:
    columns = ", ".join(f"i.{c.strip()}" for c in _COLUMNS.split(","))
    cursor = store.db.conn.execute(
        f"select {columns}, u.domain, u.industry, u.use from indicators i left join uses u on u.code = i.use_code "
        f"where {where}{f' order by {order}' if order else ''}",
        parameters,
    )
    for row in cursor:
        (id, code, name, kind, category_code, use_code, theme, definition, formula, operator, unit, reference,
         reference_kind, reference_source, scoring, evidence, keywords, owner, visibility, restricted_reason, status,
         origin, replaced_by, revision, updated, domain, industry, use_name) = row  # fmt: skip
        yield Indicator(
            id=id,
            code=code,
            name=name,
            kind=Kind(kind),
            category=category(category_code),
            use=_use_of(use_code, domain, industry, use_name) if use_code else None,
            theme=intern(theme),
            definition=definition,
            formula=formula,
            operator=Operator(operator),
            unit=intern(unit),
            reference=intern(reference),
            reference_kind=intern(reference_kind),
            reference_source=intern(reference_source),
            scoring=intern(scoring),
            evidence=evidence,
            keywords=tuple(keywords.split(KEYWORD_MARK)) if keywords else (),
            owner=intern(owner),
            visibility=Visibility(visibility),
            restricted_reason=restricted_reason,
            status=Status(status),
            origin=intern(origin),
            replaced_by=replaced_by,
            revision=revision,
            updated=intern(updated),
        )


# Of many records in memory few differ in their use: these are one object, as are the words that many hold.
_use_of = lru_cache(maxsize=1024)(Use)


def _row(i: Indicator) -> dict[str, Any]:
    return {
        "id": i.id,
        "code": i.code,
        "name": i.name,
        "kind": i.kind.value,
        "category": i.category.code,
        "use_code": i.use.code if i.use else None,
        "theme": i.theme,
        "definition": i.definition,
        "formula": i.formula,
        "operator": i.operator.value,
        "unit": i.unit,
        "reference": i.reference,
        "reference_kind": i.reference_kind,
        "reference_source": i.reference_source,
        "scoring": i.scoring,
        "evidence": i.evidence,
        "keywords": KEYWORD_MARK.join(i.keywords),
        "owner": i.owner,
        "visibility": i.visibility.value,
        "restricted_reason": i.restricted_reason,
        "status": i.status.value,
        "origin": i.origin,
        "replaced_by": i.replaced_by,
        "revision": i.revision,
        "updated": i.updated,
    }
