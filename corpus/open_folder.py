"""The open edition as a data folder of its own, to be served where nothing restricted may ever lie.

Everything is inserted into a fresh store. Nothing is copied and then deleted: what was deleted stays in SQLite's free
pages and log. Each column that goes along is named below, and what nobody named stays behind: restricted, retired and
draft records, earlier revisions (they may hold what was restricted then), experts, accounts, audit, what people took
over, file names of imports.

The rows are a function of public records and of the words; so they are the same, but for time stamps, whether
restricted records were ever there. Three things need care for that:

* Imported uses and budget units stand in the order of the public records that name them first, not in that of their
  coming; and an imported unit's domain is that of its first public record.
* A word may be known only because of a restricted record. A lexicon word goes along when it stands in an exported text,
  a synonym when its term does. Restricted records are not asked: an answer that hangs on them would tell of them.
* A record says by which one it was replaced only where that one goes along.
"""

from __future__ import annotations

import fcntl
import json
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from typing import Any

from corpus import editions, imports, indicators, policies, reference, words
from corpus.access import PUBLIC, visible
from corpus.errors import BadInput, Conflict
from corpus.model import Owner, Use
from corpus.store import FILE_NAME, Store
from corpus.text import fold

ACTION = "export"
Derive = Callable[[Store, Store], object]

# Of each table its short name and the columns that go along; the rest keep their defaults.
TABLES = {
    "indicators": (
        "i",
        ("id", "code", "name", "kind", "category", "use_code", "theme", "definition", "formula", "operator", "unit",
         "reference", "reference_kind", "reference_source", "scoring", "evidence", "keywords", "owner", "visibility",
         "status", "origin", "replaced_by", "revision", "updated"),
    ),
    "policies": (
        "p",
        ("id", "title", "number", "issuer", "year", "theme", "status", "basis", "source", "visibility", "owner",
         "revision", "updated"),
    ),
    "passages": ("x", ("policy_id", "ordinal", "path", "section", "page", "kind", "text")),
    "citations": ("c", ("policy_id", "ordinal", "number", "title")),
}  # fmt: skip


def export(store: Store, folder: Path, *, actor: str, derive: Derive) -> tuple[int, int]:
    """Write the open edition of ``store`` as ``folder``, whole or not at all; returns how many indicators and policies.

    ``derive(store, made)`` adds what stands beside a store, such as its index, before the folder gets its name. The
    export is on record in ``store``. Raises BadInput when ``folder`` holds something or cannot be written, Conflict
    while another export writes it.
    """
    folder = folder.resolve()
    if folder.exists() and not (folder.is_dir() and not any(folder.iterdir())):
        raise BadInput(f"{folder} 已存在且不是空目录，请换一个目录。", field="out")
    try:
        with _aside(folder) as aside:
            made = Store.create(aside)
            try:
                with store.reading():
                    count = _fill(store, made)
                derive(store, made)
            finally:
                made.close()
            _settle(aside)
            detail = f"指标 {count[0]} 条，政策文件 {count[1]} 份，写入 {folder}"
            with store.writing():  # before the folder has its name: none is there without a line about it
                store.audit(actor=actor, action=ACTION, kind="edition", target="open", detail=detail)
            aside.rename(folder)
            _sync(folder.parent)
    except OSError as error:
        raise BadInput(f"目录 {folder} 写不进去，请检查上级目录能否写入、空间是否足够。", field="out") from error
    return count


@contextmanager
def _aside(folder: Path) -> Iterator[Path]:
    """A new folder beside ``folder``, for its owner alone; removed unless it was renamed.

    One that a killed export left is emptied; the system let go of its lock.
    """
    aside = folder.with_name(folder.name + ".part")
    aside.mkdir(mode=0o700, exist_ok=True)
    descriptor = os.open(aside, os.O_RDONLY)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Conflict(f"另一个进程正在导出到 {folder}，请稍后再试。") from None
        if any(aside.iterdir()) and not (aside / FILE_NAME).exists():
            raise BadInput(f"目录 {aside} 里有其他内容，请移走后再导出。", field="out")
        try:
            _empty(aside)
            aside.chmod(0o700)
            yield aside
        finally:
            if aside.exists():
                _empty(aside)
                aside.rmdir()
    finally:
        os.close(descriptor)


def _empty(folder: Path) -> None:
    """The store goes last: by it the folder is known as one that an export left."""
    for path in sorted(folder.iterdir(), key=lambda path: path.name == FILE_NAME):
        shutil.rmtree(path) if path.is_dir() else path.unlink()


def _settle(folder: Path) -> None:
    """Have everything on disk, readable for the owner alone, before it gets its name."""
    for path in [*folder.rglob("*"), folder]:
        path.chmod(0o700 if path.is_dir() else 0o600)
        _sync(path)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _fill(store: Store, made: Store) -> tuple[int, int]:
    """Insert what goes along, in one transaction of the new store."""
    active = "i.status = 'active' and " + visible(PUBLIC).sql("i")[0]
    shelf = visible(PUBLIC).sql("p")[0]
    with made.writing():
        editions.mark_open(made)
        _classification(store, made, active)
        records = _read(store, "indicators", f"where {active} order by i.code")
        going = {row["id"] for row in records}
        for row in records:
            row["origin"] = _origin(row["origin"])
            row["replaced_by"] = row["replaced_by"] if row["replaced_by"] in going else ""
            row["revision"] = 1
        _insert(made, "indicators", records)
        documents = _read(store, "policies", f"where {shelf} order by p.id")
        for row in documents:
            row["source"] = _origin(row["source"])
            row["revision"] = 1
        _insert(made, "policies", documents)
        of_them = f"join policies p on p.id = {{}}.policy_id where {shelf}"
        _insert(made, "passages", _read(store, "passages", f"{of_them.format('x')} order by 1, 2"))
        _insert(made, "citations", _read(store, "citations", f"{of_them.format('c')} order by 1, 2, 3, 4"))
        first = [("indicators", i.id, i.updated, i.as_json()) for i in indicators.everything(made)]
        first += [("policies", p.id, p.updated, p.as_json()) for p in policies.everything(made, PUBLIC)]
        made.db.conn.executemany(
            "insert into revisions (kind, record_id, revision, at, actor, action, record) "
            "values (?, ?, 1, ?, '', ?, ?)",
            [(kind, id, at, ACTION, json.dumps(record, ensure_ascii=False)) for kind, id, at, record in first],
        )
        _words(store, made)  # and with them the feed begins
        made.audit(actor="", action=ACTION, kind="edition", target="open")
    return len(records), len(documents)


def _read(store: Store, table: str, rest: str) -> list[dict[str, Any]]:
    """Rows of a table with the columns that go along."""
    alias, columns = TABLES[table]
    return store.rows(f"select {', '.join(f'{alias}.{c}' for c in columns)} from {table} {alias} {rest}")


def _insert(made: Store, table: str, rows: list[dict[str, Any]]) -> None:
    if rows:
        marks = ", ".join("?" * len(rows[0]))
        made.db.conn.executemany(
            f"insert into {table} ({', '.join(rows[0])}) values ({marks})", [tuple(row.values()) for row in rows]
        )


def _origin(text: str) -> str:
    """Where a record came from, unless that is the name of somebody's file."""
    return text if text == reference.ORIGIN else ""


def _classification(store: Store, made: Store, active: str) -> None:
    """Insert uses and budget units."""
    found = store.rows(
        "select u.code, u.domain, u.industry, u.use, u.declared, "
        f"(select min(i.rowid) from indicators i where i.use_code = u.code and {active}) as first from uses u "
        "where u.declared or first is not null "
        "order by u.declared desc, case when u.declared then u.ordinal else first end"
    )
    for row in found:
        use = Use(row["code"], row["domain"], row["industry"], row["use"])
        indicators.add_taxonomy(made, [use], [], declared=bool(row["declared"]))
    domains = {row["domain"] for row in found}
    units = store.rows(
        "select o.name, o.kind, o.domain, min(i.rowid) as first, "  # SQLite takes u.domain from that very row
        f"u.domain as brought from owners o join indicators i on i.owner = o.name and {active} "
        "left join uses u on u.code = i.use_code group by o.name "
        "order by o.kind = ?, case when o.kind = ? then first else o.rowid end",
        [imports.IMPORTED, imports.IMPORTED],
    )
    owners = []
    for row in units:
        domain = row["brought"] or "" if row["kind"] == imports.IMPORTED else row["domain"]
        owners.append(Owner(row["name"], row["kind"], domain if domain in domains else ""))
    indicators.add_taxonomy(made, [], owners)


def _words(store: Store, made: Store) -> None:
    """Insert the words that go along: see the top of this file."""
    held = _Held(made)
    words.put(
        made,
        [s for s in words.synonyms(store) if s.term in held],
        [term for term in words.lexicon(store) if term in held],
    )


class _Held:
    """Says whether a word stands in the texts of a store, however it is written."""

    def __init__(self, store: Store) -> None:
        texts: set[str] = set()
        for i in indicators.everything(store):
            texts |= {i.name, i.theme, i.definition, i.formula, i.unit, i.scoring, i.evidence, *i.keywords, i.owner}
            texts |= {i.reference, i.reference_source, *((i.use.domain, i.use.industry, i.use.use) if i.use else ())}
        for found in policies.active(store, "open"):
            texts |= {found.policy.title, found.policy.issuer, *found.passage.path, found.passage.text}
        self._text = "\n".join(map(fold, sorted(texts)))
        self._pairs = set(pairwise(self._text))  # rules most of the missing ones out at once

    def __contains__(self, word: str) -> bool:
        folded = fold(word)
        return bool(folded) and self._pairs.issuperset(pairwise(folded)) and folded in self._text
