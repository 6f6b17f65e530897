"""The record of truth under threads, failures and damage."""

from __future__ import annotations

import sqlite3
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from corpus.errors import NotReady
from corpus.store import FILE_NAME, Change, Store

Record = tuple[str, int, dict[str, object]]


def note(store: Store, *ids: str) -> None:
    records: list[Record] = [(i, 1, {"id": i}) for i in ids]
    with store.writing():
        store.record("indicators", records, actor="甲", action="import", detail="")


def test_every_connection_has_wal_and_foreign_keys(store: Store) -> None:
    def settings() -> tuple[object, object]:
        return store.value("pragma journal_mode"), store.value("pragma foreign_keys")

    with ThreadPoolExecutor(1) as pool:
        assert [settings(), pool.submit(settings).result()] == [("wal", 1)] * 2


def test_a_reference_to_nothing_is_refused(store: Store) -> None:
    with pytest.raises(sqlite3.IntegrityError, match="FOREIGN KEY"), store.writing() as db:
        db.execute("insert into tokens (hash, user, kind, created, expires) values ('h', '没有此人', 'api', '', '')")


def test_nested_writing_joins_the_outer_transaction(store: Store) -> None:
    """The inner block's end must not commit: what fails after it takes it along."""

    def fail_after_the_inner_block() -> None:
        with store.writing():
            note(store, "a")
            assert store.head() == 1
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail_after_the_inner_block()
    assert (store.head(), store.rows("select * from revisions"), store.rows("select * from audit")) == (0, [], [])


@pytest.mark.parametrize("failure", [ZeroDivisionError, KeyboardInterrupt])
def test_rollback_leaves_nothing(store: Store, failure: type[BaseException]) -> None:
    note(store, "a")
    before = list(store.db.conn.iterdump())

    def fail() -> None:
        with store.writing():
            store.audit(actor="甲", action="x", target="y")
            raise failure

    with pytest.raises(failure):
        fail()
    assert list(store.db.conn.iterdump()) == before
    note(store, "b")
    assert store.changes_since(0) == [Change(1, "indicators", "a"), Change(2, "indicators", "b")]


def test_reading_sees_one_moment_while_another_thread_writes(store: Store) -> None:
    note(store, "a")
    with ThreadPoolExecutor(1) as pool, store.reading():
        first = store.changes_since(0)
        pool.submit(note, store, "b").result()
        with store.reading():
            assert (store.head(), store.changes_since(0)) == (1, first)
    assert (store.head(), [c.record_id for c in store.changes_since(0)]) == (2, ["a", "b"])


def test_writing_inside_reading_is_refused_because_it_would_be_undone(store: Store) -> None:
    with store.reading(), pytest.raises(RuntimeError, match="inside"):
        note(store, "a")
    note(store, "b")
    assert [c.record_id for c in store.changes_since(0)] == ["b"]


def test_two_threads_writing_lose_nothing(store: Store) -> None:
    start = threading.Barrier(2)

    def write(name: str) -> None:
        start.wait()
        for n in range(40):
            with store.writing():  # reads, then writes: only a lock taken at once keeps the count right
                seen = store.head()
                note(store, f"{name}{n}")
                assert store.head() == seen + 1

    with ThreadPoolExecutor(2) as pool:
        for done in [pool.submit(write, "a"), pool.submit(write, "b")]:
            done.result()
    changes = store.changes_since(0)
    assert [c.seq for c in changes] == list(range(1, 81))
    assert [[c.record_id for c in changes if c.record_id[0] == x] for x in "ab"] == [
        [f"{x}{n}" for n in range(40)] for x in "ab"
    ]


def test_feed_grows_and_never_uses_a_number_again(store: Store) -> None:
    note(store, "a", "b")
    with store.writing() as db:
        db.execute("delete from feed")
    note(store, "c")
    assert (store.head(), store.changes_since(0), store.changes_since(3)) == (3, [Change(3, "indicators", "c")], [])


def test_record_keeps_revision_audit_and_feed(store: Store) -> None:
    with store.writing():
        store.record("experts", [("e1", 2, {"name": "示例"})], actor="甲", action="import", detail="名单")
        store.record("policies", [("p1", 1, {}), ("p2", 1, {})], actor="乙", action="import", detail="两份")
    assert store.rows("select kind, record_id, revision, actor, action, record from revisions order by record_id") == [
        {"kind": "experts", "record_id": "e1", "revision": 2, "actor": "甲", "action": "import",
         "record": '{"name": "示例"}'},
        {"kind": "policies", "record_id": "p1", "revision": 1, "actor": "乙", "action": "import", "record": "{}"},
        {"kind": "policies", "record_id": "p2", "revision": 1, "actor": "乙", "action": "import", "record": "{}"},
    ]  # fmt: skip
    assert store.rows("select actor, action, target, detail from audit order by id") == [
        {"actor": "甲", "action": "import", "target": "e1", "detail": "名单"},
        {"actor": "乙", "action": "import", "target": "policies", "detail": "两份"},
    ]
    assert [c.kind for c in store.changes_since(0)] == ["experts", "policies", "policies"]


def test_rows_and_value(store: Store) -> None:
    assert store.rows("select 1 as a, '二' as b where ?", [1]) == [{"a": 1, "b": "二"}]
    assert (store.rows("select 1 as a where 0"), store.value("select 1 where 0")) == ([], None)


def test_a_folder_without_a_store_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(NotReady) as caught:
        Store.open(tmp_path)
    assert caught.value.message == f"数据目录 {tmp_path} 里还没有指标库，请先运行 zhibiao init。"
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("content", ["这不是数据库" * 1000, "SQLite format 3\0" + "x" * 4096])
def test_a_file_that_is_no_database_is_not_ready(tmp_path: Path, content: str) -> None:
    path = tmp_path / FILE_NAME
    path.write_text(content, encoding="utf-8")
    with pytest.raises(NotReady) as caught:
        Store.open(tmp_path)
    assert caught.value.message == f"数据库 {path} 打不开（file is not a database），请用 zhibiao restore 从备份恢复。"
    assert path.read_text(encoding="utf-8") == content


def test_a_store_held_by_another_program_is_not_called_damaged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever is told to restore a backup because another program was busy loses what came after the backup."""
    monkeypatch.setattr("corpus.store.PATIENCE", 0.01)
    holder = sqlite3.connect(tmp_path / FILE_NAME, isolation_level=None)
    holder.execute("create table held (x)")
    holder.execute("begin exclusive")
    try:
        with pytest.raises(NotReady) as caught:
            Store.open(tmp_path)
    finally:
        holder.close()
    assert caught.value.message == f"数据库 {tmp_path / FILE_NAME} 正被另一个程序占用，请稍后再试。"


def test_a_sound_store_has_no_problems(library: Store) -> None:
    assert library.problems() == []


def test_a_reference_broken_behind_our_back_is_named(library: Store) -> None:
    library.db.execute("pragma foreign_keys = off")
    library.db.execute("delete from owners where name = '州公安局'")
    rows = [r["rowid"] for r in library.rows("select rowid from indicators where owner = '州公安局' order by rowid")]
    assert library.problems() == [f"表 indicators 第 {n} 行引用了 owners 中不存在的记录" for n in rows]


@pytest.mark.parametrize("filler", [b"\0", b"\xff"])
def test_a_damaged_page_is_a_problem_and_no_crash(library: Store, filler: bytes) -> None:
    page = int(library.value("select rootpage from sqlite_master where name = 'indicators'"))
    library.db.execute("pragma wal_checkpoint(truncate)")
    library.close()
    with library.path.open("r+b") as file:
        file.seek((page - 1) * 4096)
        file.write(filler * 4096)
    damaged = Store.open(library.folder)
    try:
        assert len(damaged.problems()) > 0
    finally:
        damaged.close()
