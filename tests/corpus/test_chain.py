"""The audit is a chain: whoever changes, removes, adds or moves a row breaks it, and what cannot show is said."""

from __future__ import annotations

import hashlib
import json
import signal
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest
from sqlite_utils import Database

from corpus import chain
from corpus.chain import Head, Verdict
from corpus.migrations import steps
from corpus.store import FILE_NAME, Store

COUNT = 6


@pytest.fixture
def filled(store: Store) -> Store:
    for n in range(1, COUNT + 1):
        store.audit(actor=f"甲{n}", action="user.add", target=f"乙{n}", detail="部门", records=[f"indicators:{n}"])
    return store


def verify(store: Store, noted: str = "") -> Verdict:
    with store.reading() as db:
        return chain.verify(db.conn, noted)


def unguard(store: Store) -> sqlite3.Connection:
    """What somebody with the file can do."""
    for trigger in ("audit_update", "audit_delete", "audit_insert"):
        store.db.execute(f"drop trigger {trigger}")
    return store.db.conn


def test_an_empty_audit_is_whole(store: Store) -> None:
    assert verify(store) == Verdict(Head(0, ""), None, noted=False)


def test_the_hash_is_that_of_the_documented_form(filled: Store) -> None:
    """Anybody can check an export: SHA-256 over the compact JSON of the columns and the hash before."""
    before = ""
    for row in filled.rows("select * from audit order by id"):
        *columns, found = row.values()
        text = json.dumps([*columns, before], ensure_ascii=False, separators=(",", ":"))
        before = hashlib.sha256(text.encode()).hexdigest()
        assert found == before
    assert verify(filled) == Verdict(Head(COUNT, before), None, noted=False)
    assert [row["at"][-5] for row in filled.rows("select at from audit")] == ["."] * COUNT  # milliseconds


@pytest.mark.parametrize("column", ["at", "actor", "action", "kind", "target", "records", "detail", "chain"])
@pytest.mark.parametrize("serial", [1, 4, COUNT])
@pytest.mark.parametrize("value", ["''", "'别的'", "x'00ff'", "7"])
def test_a_changed_column_is_found(filled: Store, column: str, serial: int, value: str) -> None:
    unguard(filled).execute(f"update audit set {column} = {value} where id = ?", [serial])
    assert verify(filled).broken == serial


def test_a_row_taken_out_is_found(filled: Store) -> None:
    unguard(filled).execute("delete from audit where id = 3")
    assert verify(filled).broken == 3


def test_a_row_taken_out_and_the_others_moved_up_is_found(filled: Store) -> None:
    db = unguard(filled)
    db.execute("delete from audit where id = 3")
    db.execute("update audit set id = id - 1 where id > 3")
    assert verify(filled).broken == 3


def test_rows_in_another_order_are_found(filled: Store) -> None:
    db = unguard(filled)
    for old, new in ((2, 100), (3, 2), (100, 3)):
        db.execute("update audit set id = ? where id = ?", [new, old])
    assert verify(filled).broken == 2


def test_a_row_put_in_is_found(filled: Store) -> None:
    db = unguard(filled)
    db.execute("update audit set id = id + 10 where id > 3")
    db.execute("update audit set id = id - 9 where id > 10")
    db.execute(
        "insert into audit select 4, at, actor, action, kind, target, records, detail, chain from audit where id = 3"
    )
    assert verify(filled).broken == 4


def test_a_row_added_behind_is_found(filled: Store) -> None:
    """Well chained, but not by the product: the mark of the head is another one."""
    db = unguard(filled)
    row = (COUNT + 1, "2026-11-21T00:00:00.000Z", "甲", "see", "records", "", "", "")
    link = chain.link(row, chain.head(db).hash)
    db.execute("insert into audit values (?, ?, ?, ?, ?, ?, ?, ?, ?)", [*row, link])
    assert verify(filled).broken == COUNT + 2


def test_a_tail_that_was_cut_is_found_by_the_mark(filled: Store) -> None:
    unguard(filled).execute("delete from audit where id > 4")
    assert verify(filled).broken == 5


@pytest.mark.parametrize("keep", [0, 4])
def test_a_tail_cut_with_its_mark_is_found_by_a_noted_head(filled: Store, keep: int) -> None:
    """Who has the file has the key of the mark: only what was noted elsewhere tells."""
    early, late = filled.value("select chain from audit where id = 2"), chain.head(filled.db.conn).hash
    assert [verify(filled, head).noted for head in (early, late, "0" * 64, "")] == [True, True, False, False]
    db = unguard(filled)
    db.execute("delete from audit where id > ?", [keep])
    last = chain.head(db)
    db.execute("update settings set value = ? where name = 'audit.head'", [chain._mark(db, last)])
    assert verify(filled, late) == Verdict(last, None, noted=False)
    assert verify(filled, early).noted == (keep > 2)


def test_a_chain_written_anew_is_found_by_a_noted_head_alone(filled: Store) -> None:
    noted = chain.head(filled.db.conn).hash
    db = unguard(filled)
    db.execute("update audit set actor = '别人' where id = 2")
    before = ""
    for *row, _ in db.execute("select * from audit order by id").fetchall():
        before = chain.link(row, before)
        db.execute("update audit set chain = ? where id = ?", [before, row[0]])
    db.execute("update settings set value = ? where name = 'audit.head'", [chain._mark(db, chain.head(db))])
    assert verify(filled, noted) == Verdict(Head(COUNT, before), None, noted=False)


@pytest.mark.parametrize(
    "statement",
    [
        "update audit set actor = '别人' where id = 2",
        "update audit set id = 99 where id = 6",
        "delete from audit where id = 6",
        "delete from audit",
        "insert into audit values (3, '', '', '', '', '', '', '', '')",
        "insert or replace into audit values (6, '', '', '', '', '', '', '', '')",
        "replace into audit values (1, '', '', '', '', '', '', '', '')",
        "insert into audit values (8, '', '', '', '', '', '', '', '')",
        "insert into audit select id + 100, at, actor, action, kind, target, records, detail, chain from audit",
        "insert into audit values (6, '', '', '', '', '', '', '', '') on conflict (id) do update set actor = ''",
    ],
)
def test_triggers_refuse(filled: Store, statement: str) -> None:
    before = filled.rows("select * from audit")
    with pytest.raises(sqlite3.IntegrityError, match="审计记录只能追加"):
        filled.db.conn.execute(statement)
    assert filled.rows("select * from audit") == before


def test_a_write_that_is_undone_leaves_no_gap(filled: Store) -> None:
    def fail() -> None:
        with filled.writing():
            filled.audit(actor="甲", action="x", target="y")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    filled.audit(actor="乙", action="x", target="y")
    assert verify(filled).broken is None
    assert filled.rows("select id, actor from audit order by id desc limit 1") == [{"id": COUNT + 1, "actor": "乙"}]


OLD_ROWS = [
    (1, "2026-01-01T00:00:00Z", "建库", "import", "indicators", "样表.csv：新增 2 条"),
    (2, "2026-01-02T00:00:00Z", "甲", "edit", "i1", "改名"),
    (5, "2026-01-03T00:00:00Z", "", "user.add", "乙", "auditor none"),
]


def test_rows_from_before_the_chain_are_chained(tmp_path: Path) -> None:
    """Serials without gaps, the columns as they were, and the record where it was a single one."""
    with closing(sqlite3.connect(tmp_path / FILE_NAME, isolation_level=None)) as connection:
        steps.apply(Database(connection), stop_before="chain_audit")
        connection.executemany("insert into audit values (?, ?, ?, ?, ?, ?)", OLD_ROWS)
        connection.executemany(
            "insert into revisions values (?, ?, ?, '', '', '', '{}')", [("policies", "p1", 1), ("indicators", "i1", 1)]
        )
    store = Store.open(tmp_path)
    try:
        assert store.rows("select id, at, actor, action, kind, target, records, detail from audit order by id") == [
            {"id": 1, "at": "2026-01-01T00:00:00Z", "actor": "建库", "action": "import", "kind": "",
             "target": "indicators", "records": "", "detail": "样表.csv：新增 2 条"},
            {"id": 2, "at": "2026-01-02T00:00:00Z", "actor": "甲", "action": "edit", "kind": "indicators",
             "target": "i1", "records": "indicators:i1", "detail": "改名"},
            {"id": 3, "at": "2026-01-03T00:00:00Z", "actor": "", "action": "user.add", "kind": "", "target": "乙",
             "records": "", "detail": "auditor none"},
        ]  # fmt: skip
        assert verify(store).broken is None
        store.audit(actor="丙", action="user.add", target="丁")
        assert (verify(store).head.serial, verify(store).broken) == (4, None)
    finally:
        store.close()


def test_threads_write_one_chain(filled: Store) -> None:
    start = threading.Barrier(4)

    def write(name: str) -> None:
        start.wait()
        for n in range(25):
            filled.audit(actor=name, action="x", target=str(n))

    with ThreadPoolExecutor(4) as pool:
        for done in [pool.submit(write, name) for name in "甲乙丙丁"]:
            done.result()
    assert (verify(filled).head.serial, verify(filled).broken) == (COUNT + 100, None)


WRITER = """
import sys
from pathlib import Path
from corpus.store import Store
store = Store.open(Path(sys.argv[1]))
n = 0
while n < int(sys.argv[3]):
    n += 1
    with store.writing():
        store.audit(actor=sys.argv[2], action="x", target=str(n))
        store.audit(actor=sys.argv[2], action="y", target=str(n))
    print(n, flush=True)
"""


def writer(store: Store, name: str, most: int) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", WRITER, str(store.folder), name, str(most)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[2])


def test_two_processes_write_one_chain(filled: Store) -> None:
    both = [writer(filled, name, 60) for name in ("一", "二")]
    assert [process.communicate()[0].split()[-1] for process in both] == ["60", "60"]
    assert (verify(filled).head.serial, verify(filled).broken) == (COUNT + 240, None)


@pytest.mark.parametrize("after", [1, 7, 23])
def test_a_killed_process_leaves_the_chain_whole(filled: Store, after: int) -> None:
    """What it said was written is there; a transaction that it did not end is not, in no part."""
    process, other = writer(filled, "被杀", 100_000), writer(filled, "旁人", 30)
    assert process.stdout is not None
    said = 0
    while said < after:
        said = int(process.stdout.readline())
    process.send_signal(signal.SIGKILL)
    rest = process.stdout.read().split()
    process.wait()
    process.stdout.close()
    other.communicate()
    assert verify(filled).broken is None
    counted = {row["action"]: row["n"] for row in filled.rows(
        "select action, count(*) as n from audit where actor = '被杀' group by action"
    )}  # fmt: skip
    assert counted["x"] == counted["y"] >= int(rest[-1] if rest and rest[-1].isdigit() else said)


def test_a_long_chain_is_verified_in_a_stream(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[int] = []
    link: Callable[..., str] = chain.link

    def counted(row: list[object], before: str) -> str:
        seen.append(1)
        return link(row, before)

    with store.writing():
        for n in range(2000):
            store.audit(actor="甲", action="x", target=str(n))
    unguard(store).execute("update audit set target = '' where id = 500")
    monkeypatch.setattr(chain, "link", counted)
    assert (verify(store).broken, len(seen)) == (500, 500)
