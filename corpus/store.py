"""The SQLite file that is the record of truth: open, read, write, and the change feed that the index follows."""

from __future__ import annotations

import json
import sqlite3
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

from sqlite_utils import Database

from corpus import chain
from corpus.errors import NotReady
from corpus.migrations import steps

FILE_NAME = "zhibiao.db"
PATIENCE = 30  # seconds that a writer waits for the one before it


class Change(NamedTuple):
    """One entry of the feed: a record of ``kind`` was written, and must be read again."""

    seq: int
    kind: str
    record_id: str


def now() -> str:
    """The present in UTC, to the second, as it is stored."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


class Store:
    """The open data folder. Threads may share it: each gets a connection of its own.

    There is one writer at a time (``writing`` takes SQLite's write lock at once); readers are never blocked (WAL).
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.path = folder / FILE_NAME
        self._local = threading.local()
        self._connections: list[sqlite3.Connection] = []
        self._lock = threading.Lock()

    @classmethod
    def open(cls, folder: Path) -> Store:
        """Open an existing store and bring its schema up to date.

        Raises NotReady when there is none, the file is not a store, or another program holds it.
        """
        store = cls(folder)
        if not store.path.exists():
            raise NotReady(f"数据目录 {folder} 里还没有指标库，请先运行 zhibiao init。")
        store._migrate()
        return store

    @classmethod
    def create(cls, folder: Path) -> Store:
        """Open the store of ``folder``, making it when there is none."""
        folder.mkdir(parents=True, exist_ok=True)
        store = cls(folder)
        store._migrate()
        return store

    def _migrate(self) -> None:
        try:
            if steps.pending(self.db):
                with self.writing() as db:  # a second opener waits here, and then finds nothing pending
                    steps.apply(db)
        except sqlite3.DatabaseError as error:
            if error.sqlite_errorcode & 0xFF == sqlite3.SQLITE_BUSY:
                raise NotReady(f"数据库 {self.path} 正被另一个程序占用，请稍后再试。") from error
            raise NotReady(f"数据库 {self.path} 打不开（{error}），请用 zhibiao restore 从备份恢复。") from error

    @property
    def db(self) -> Database:
        """This thread's connection."""
        db: Database | None = getattr(self._local, "db", None)
        if db is None:
            connection = sqlite3.connect(self.path, timeout=PATIENCE, isolation_level=None, check_same_thread=False)
            try:
                connection.execute("pragma journal_mode = wal")
                connection.execute("pragma synchronous = normal")
                connection.execute("pragma foreign_keys = on")
            except sqlite3.DatabaseError:
                connection.close()
                raise
            db = Database(connection)
            self._local.db = db
            with self._lock:
                self._connections.append(connection)
        return db

    def close(self) -> None:
        """Close every thread's connection; call it once, when no thread works any more."""
        with self._lock:
            for connection in self._connections:
                connection.close()
            self._connections.clear()
        self._local = threading.local()

    @contextmanager
    def writing(self) -> Iterator[Database]:
        """One transaction: all of it is written, or nothing. Nested use joins the outer transaction.

        Inside ``reading`` it is a mistake: the end of the view would undo what is written.
        """
        db = self.db
        if getattr(self._local, "view", False):
            raise RuntimeError("Store.writing() inside Store.reading()")
        if db.conn.in_transaction:
            yield db
            return
        db.conn.execute("begin immediate")
        try:
            yield db
        except BaseException:
            db.conn.execute("rollback")
            raise
        db.conn.execute("commit")

    @contextmanager
    def reading(self) -> Iterator[Database]:
        """One consistent view over several reads."""
        db = self.db
        if db.conn.in_transaction:
            yield db
            return
        db.conn.execute("begin")
        self._local.view = True
        try:
            yield db
        finally:
            self._local.view = False
            db.conn.execute("rollback")

    def rows(self, sql: str, parameters: Sequence[Any] = ()) -> list[dict[str, Any]]:
        """The result of a query as dictionaries."""
        cursor = self.db.conn.execute(sql, parameters)
        names = [column[0] for column in cursor.description]
        return [dict(zip(names, row, strict=True)) for row in cursor]

    def value(self, sql: str, parameters: Sequence[Any] = ()) -> Any:
        """The first column of the first row, or None."""
        row = self.db.conn.execute(sql, parameters).fetchone()
        return None if row is None else row[0]

    # The change feed

    def head(self) -> int:
        """The sequence number of the newest change."""
        return int(self.value("select coalesce(max(seq), 0) from feed"))

    def changes_since(self, seq: int) -> list[Change]:
        """What was written after ``seq``, oldest first."""
        rows = self.db.conn.execute("select seq, kind, record_id from feed where seq > ? order by seq", [seq])
        return [Change(*row) for row in rows]

    def record(
        self, kind: str, records: Sequence[tuple[str, int, dict[str, Any]]], *, actor: str, action: str, detail: str
    ) -> None:
        """Keep revisions (id, revision, record), one audit line and the feed for a write, inside ``writing``."""
        at = now()
        connection = self.db.conn
        connection.executemany(
            "insert into revisions values (?, ?, ?, ?, ?, ?, ?)",
            [(kind, i, n, at, actor, action, json.dumps(r, ensure_ascii=False)) for i, n, r in records],
        )
        connection.executemany("insert into feed (kind, record_id) values (?, ?)", [(kind, i) for i, _, _ in records])
        target = records[0][0] if len(records) == 1 else kind
        named = [f"{kind}:{i}" for i, _, _ in records]
        self.audit(actor=actor, action=action, target=target, detail=detail, kind=kind, records=named)

    def audit(
        self, *, actor: str, action: str, target: str, detail: str = "", kind: str = "", records: Sequence[str] = ()
    ) -> None:
        """Write who did what as the next row of the chain, in the open transaction or in one of its own.

        ``kind`` is what sort of thing ``target`` is, by default the family of the action; ``records`` are all records
        that the row is about, each as ``kind:id``: who reads the row sees it by the ones that they may see.
        """
        kind = kind or action.partition(".")[0]
        with self.writing() as db:
            chain.append(
                db.conn, actor=actor, action=action, kind=kind, target=target, records=" ".join(records), detail=detail
            )

    def problems(self) -> list[str]:
        """SQLite's own integrity and foreign key checks; empty when all is well."""
        try:
            found = [row[0] for row in self.db.conn.execute("pragma integrity_check") if row[0] != "ok"]
            broken = self.db.conn.execute("pragma foreign_key_check").fetchall()
        except sqlite3.DatabaseError as error:
            return [f"数据库文件已损坏（{error}）"]
        return found + [f"表 {row[0]} 第 {row[1]} 行引用了 {row[2]} 中不存在的记录" for row in broken]
