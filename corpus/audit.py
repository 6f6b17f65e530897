"""Reading the audit: search it, name its records, and leave out what the reader may not know.

A reader with a clearance for all gets every row as it was written, with serial, hash and exact totals. For any other
the rule is that of the whole product: they get what a library would give them that never held the records hidden from
them. So, row by row:

* A row about records (a write, an import, 'see') is shown with the records that they may see, counted anew; when none
  is left, the row does not exist for them. Its detail (file names, counts, titles, reasons) speaks of all records
  together and is left out, that of experts alone excepted, of whom none is restricted.
* Exports, backups, restores, cleared choices: that they happened and by whom. Their detail and target hold counts,
  hashes or names of uses, and are left out, but for the kind of what was exported.
* Accounts, tokens, settings, expert draws speak of no records and are shown whole.
* Rows of any other action, which this room does not know, are left out.
* Text is looked for only in what is shown, totals count only what is shown, serials and hashes are not shown.
* A record that was retired or made restricted meanwhile is judged as it stands now; a deleted one as it last stood in
  the revisions; one that nothing is known of is hidden. A draft is seen where its page would be. Rows from before the
  chain name a record where it was a single one; of several they name none and are shown to a clearance for all alone.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

from corpus import seen
from corpus.access import Actor, Clearance, Right, require, sees_drafts, visible
from corpus.audit_words import said
from corpus.errors import BadInput
from corpus.model import Status, Visibility
from corpus.store import Store
from corpus.text import fold

Row = tuple[Any, ...]  # the columns of the table, in their order
MAX_SIZE = 200
# So many records of a row are named; the count tells of the others.
LISTED = 50
# Families of actions that speak of no records, and those of which only the fact is told.
_WHOLE = ("user", "account", "token", "sign", "password", "session", "settings", "experts", "draw")
_BARE = ("export", "backup", "restore", "choices", "audit")


@dataclass(frozen=True, slots=True)
class Named:
    """A record of a row; ``name`` is empty where nothing is known of it any more."""

    kind: str
    id: str
    name: str


@dataclass(frozen=True, slots=True)
class Entry:
    """A row as its reader may know it. ``serial`` and ``chain`` are None without a clearance for all.

    ``at`` is UTC; ``words`` is the action in Chinese; ``records`` are those that the reader may see.
    """

    serial: int | None
    at: str
    actor: str
    action: str
    words: str
    kind: str
    target: str
    records: tuple[Named, ...]
    detail: str
    chain: str | None

    def as_json(self) -> dict[str, object]:
        """The row for programs; of its records at most LISTED are named, ``count`` counts them all."""
        return {
            "serial": self.serial,
            "at": self.at,
            "actor": self.actor,
            "action": self.action,
            "words": self.words,
            "kind": self.kind,
            "target": self.target,
            "records": [{"kind": r.kind, "id": r.id, "name": r.name} for r in self.records[:LISTED]],
            "count": len(self.records),
            "detail": self.detail,
            "chain": self.chain,
        }


@dataclass(frozen=True, slots=True)
class Page:
    """A page of entries, newest first, and how many there are in all for this reader."""

    total: int
    page: int
    size: int
    entries: tuple[Entry, ...]

    def as_json(self) -> dict[str, object]:
        return {
            "total": self.total,
            "page": self.page,
            "size": self.size,
            "items": [entry.as_json() for entry in self.entries],
        }


@dataclass(frozen=True, slots=True)
class Asked:
    """What to look for: words that all stand in a row, who, which action (or its family: ``user`` for ``user.add``),
    and from which day to which, both included, on the calendar of this machine (``2026-01-31``)."""

    text: str = ""
    who: str = ""
    action: str = ""
    since: str = ""
    until: str = ""


def search(store: Store, actor: Actor, asked: Asked = Asked(), page: int = 1, size: int = 50) -> Page:
    """A page of the audit. Raises NotSignedIn, Forbidden, or BadInput naming the field."""
    if page < 1:
        raise BadInput("页码从 1 开始，请修改。", field="page")
    if not 1 <= size <= MAX_SIZE:
        raise BadInput(f"每页条数须在 1 到 {MAX_SIZE} 之间，请修改。", field="size")
    require(actor, Right.AUDIT)
    where, parameters = _condition(asked)
    first = (page - 1) * size
    with store.reading():
        reader = _Reader(store, actor)
        if reader.all and not asked.text.strip():
            total = int(store.value(f"select count(*) from audit where {where}", parameters))
            rows = _rows(store, where, parameters, f"limit {size} offset {min(first, 1 << 60)}")
            found = [reader.entry(*shown) for row in rows if (shown := reader.shown(row))]
        else:
            total, found = 0, []
            for shown in _shown(store, reader, asked):
                if first <= total < first + size:
                    found.append(reader.entry(*shown))
                total += 1
        reader.report(found)
    return Page(total, page, size, tuple(found))


def entries(store: Store, actor: Actor, asked: Asked = Asked()) -> Iterator[Entry]:
    """The same without pages, newest first, for an export. Raises as :func:`search` does, at once."""
    require(actor, Right.AUDIT)
    _condition(asked)
    reader = _Reader(store, actor)

    def told() -> Iterator[Entry]:
        for shown in _shown(store, reader, asked):
            entry = reader.entry(*shown)
            reader.report([entry], len(entry.records))
            yield entry

    return told()


def _shown(store: Store, reader: _Reader, asked: Asked) -> Iterator[tuple[Row, list[str]]]:
    """The rows that there are for this reader and that hold all the words, with the records that they may see."""
    where, parameters = _condition(asked)
    words = fold(asked.text).split()
    for row in _rows(store, where, parameters):
        shown = reader.shown(row)
        if shown is not None and all(reader.holds(word, *shown) for word in words):
            yield shown


def _rows(store: Store, where: str, parameters: list[str], tail: str = "") -> Iterator[Row]:
    columns = "id, at, actor, action, kind, target, records, detail, chain"
    return iter(store.db.conn.execute(f"select {columns} from audit where {where} order by id desc {tail}", parameters))


def _condition(asked: Asked) -> tuple[str, list[str]]:
    conditions, parameters = ["1"], []
    if asked.who:
        conditions.append("actor = ?")
        parameters.append(asked.who)
    if asked.action:
        conditions.append("(action = ? or substr(action, 1, length(?) + 1) = ? || '.')")
        parameters += [asked.action] * 3
    if asked.since:
        conditions.append("at >= ?")
        parameters.append(_utc(_day(asked.since, "since")))
    if asked.until:
        conditions.append("at < ?")
        parameters.append(_utc(_day(asked.until, "until") + timedelta(days=1)))
    return " and ".join(conditions), parameters


def _day(text: str, field: str) -> date:
    try:
        if not re.fullmatch(r"\d{4}-\d\d-\d\d", text, re.ASCII) or not 1970 <= int(text[:4]) < 9999:
            raise ValueError
        return date.fromisoformat(text)
    except ValueError:
        raise BadInput("日期须写成 2026-01-31 的形式，请修改。", field=field) from None


def _utc(day: date) -> str:
    """The beginning of a local day as stored times begin."""
    return datetime(day.year, day.month, day.day).astimezone().astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S")


class _Reader:
    """What one reader may know of records, and of rows."""

    def __init__(self, store: Store, actor: Actor) -> None:
        self._store = store
        self._actor = actor
        self._scope = visible(actor)
        self.all = self._scope.clearance is Clearance.ALL
        self._known: dict[str, str | None] = {}
        self._restricted: set[str] = set()
        self._texts: dict[str, str] = {}
        self._names()

    def _names(self) -> None:
        """Every record that there is: its name, or None when it is hidden from this reader."""
        for kind, sql in (
            ("indicators", "select id, name, visibility, owner, status from indicators"),
            ("policies", "select id, title, visibility, owner, '' from policies"),
        ):
            for id, name, visibility, owner, status in self._store.db.conn.execute(sql):
                drafted = status == Status.DRAFT.value and not sees_drafts(self._actor, owner)
                allowed = self._scope.allows(Visibility(visibility), owner) and (self.all or not drafted)
                self._known[f"{kind}:{id}"] = name if allowed else None
                if visibility == Visibility.RESTRICTED.value:
                    self._restricted.add(f"{kind}:{id}")
        pool = self._actor.may(Right.EXPERTS)
        for row in self._store.rows("select id, name from experts"):
            self._known[f"experts:{row['id']}"] = row["name"] if pool else ""

    def _name(self, key: str) -> str | None:
        if key not in self._known:
            self._known[key] = self._gone(key)
        return self._known[key]

    def _gone(self, key: str) -> str | None:
        """A record that is no more, as it last stood; nothing is known of others, which hides them."""
        kind, _, id = key.partition(":")
        last = self._store.value(
            "select record from revisions where kind = ? and record_id = ? order by revision desc limit 1", [kind, id]
        )
        record = json.loads(last) if last else {}
        open_ = kind in ("experts", "words")
        visibility = Visibility.PUBLIC if open_ else Visibility(record.get("visibility", "restricted"))
        if visibility is Visibility.RESTRICTED:
            self._restricted.add(key)
        allowed = self.all or ((open_ or record) and self._scope.allows(visibility, str(record.get("owner", ""))))
        return str(record.get("name", record.get("title", ""))) if allowed else None

    def report(self, entries: list[Entry], most: int = LISTED) -> None:
        """The reader is shown the titles of these entries: of restricted records too."""
        keys = {f"{r.kind}:{r.id}" for entry in entries for r in entry.records[:most]}
        seen.add(keys & self._restricted)

    def shown(self, row: Row) -> tuple[Row, list[str]] | None:
        """A row as this reader may know it with the records that they may see, or None: there is none for them."""
        _, at, actor, action, kind, target, records, detail, _ = row
        keys = records.split(" ") if records else []
        if self.all:
            return row, keys
        family = action.partition(".")[0]
        if keys:
            keys = [key for key in keys if self._name(key) is not None]
            if not keys:
                return None
            if target:
                target = keys[0].partition(":")[2] if len(keys) == 1 else kind
            detail = detail if kind == "experts" else ""
        elif family in _BARE:
            target, detail = (target if family == "export" else ""), ""
        elif family not in _WHOLE:
            return None
        return (None, at, actor, action, kind, target, "", detail, None), keys

    def holds(self, word: str, row: Row, keys: list[str]) -> bool:
        """Whether a folded word stands in what is shown of a row."""
        _, _, actor, action, _, target, _, detail, _ = row
        if word in self._folded(f"{actor}\n{action}\n{said(action)}") or any(word in self._of(key) for key in keys):
            return True
        return word in fold(f"{target}\n{detail}")

    def _of(self, key: str) -> str:
        """What a record is looked for by: id and name, folded."""
        if key not in self._texts:
            self._texts[key] = fold(f"{key.partition(':')[2]}\n{self._name(key) or ''}")
        return self._texts[key]

    def _folded(self, text: str) -> str:
        """Who did what is said over and over."""
        if text not in self._texts:
            self._texts[text] = fold(text)
        return self._texts[text]

    def entry(self, row: Row, keys: list[str]) -> Entry:
        """What :meth:`shown` gave, with the names of the records."""
        serial, at, actor, action, kind, target, _, detail, chain = row
        named = []
        for key in keys:
            sort, _, id = key.partition(":")
            named.append(Named(sort, id, self._name(key) or ""))
        return Entry(serial, at, actor, action, said(action), kind, target, tuple(named), detail, chain)
