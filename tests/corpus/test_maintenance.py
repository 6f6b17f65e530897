"""Counting, checking, and the way out and back in."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from corpus import chain, indicators, maintenance
from corpus.errors import BadInput, NotReady, Unreadable, ZhibiaoError
from corpus.indicators import indicator_id
from corpus.maintenance import Check
from corpus.model import Status
from corpus.store import FILE_NAME, Store

SOUND = [
    Check("schema", True, "数据库结构为最新"),
    Check("integrity", True, "数据完整"),
    Check("revisions", True, "修订记录完整"),
    Check("audit", True, "审计记录完整"),
]
# What every write of the audit changes, besides adding its row.
MARK = "'audit.head'"


def dump(path: Path) -> list[str]:
    with closing(sqlite3.connect(path)) as db:
        return list(db.iterdump())


def newest(store: Store) -> dict[str, Any]:
    return store.rows("select actor, action, target, detail from audit order by id desc limit 1")[0]


def without_restore(path: Path) -> list[str]:
    """What a backup holds, and the store that it became but for the one row that says so."""
    return [line for line in dump(path) if MARK not in line and "'restore'" not in line]


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_counts_leave_out_retired_and_drafts(library: Store) -> None:
    assert maintenance.counts(library) == {
        "indicators": 4, "common": 1, "specific": 3, "specific_public": 1, "specific_restricted": 2, "domains": 2,
        "industries": 2, "uses": 2, "owners": 2, "experts": 0, "policies": 0, "passages": 0, "synonyms": 0,
        "lexicon": 0,
    }  # fmt: skip


def test_a_sound_store_passes_every_check(library: Store) -> None:
    assert maintenance.check(library) == SOUND


@pytest.mark.parametrize("record", ["newest", "oldest", "every"])
def test_a_revision_chain_with_a_gap_is_found(library: Store, cast: Any, record: str) -> None:
    kirin = indicators.get(library, "2190001", cast.admin)
    for name in ("麒麟二", "麒麟三"):
        indicators.put(library, [replace(kirin, name=name)], actor="", action="edit", detail="")
    which = {"newest": "revision = 3", "oldest": "revision = 1", "every": "1"}[record]
    library.db.execute(f"delete from revisions where record_id = ? and {which}", [kirin.id])
    assert maintenance.check(library) == [
        *SOUND[:2], Check("revisions", False, "1 条指标缺少修订记录，请从备份恢复"), SOUND[3],
    ]  # fmt: skip


def test_a_damaged_file_is_reported_in_words(library: Store) -> None:
    page = int(library.value("select rootpage from sqlite_master where name = 'indicators'"))
    library.db.execute("pragma wal_checkpoint(truncate)")
    library.close()
    with library.path.open("r+b") as file:
        file.seek((page - 1) * 4096)
        file.write(b"\xff" * 4096)
    damaged = Store.open(library.folder)
    try:
        schema, integrity, revisions, audited = maintenance.check(damaged)
        with pytest.raises(NotReady) as caught:
            maintenance.counts(damaged)
    finally:
        damaged.close()
    assert (schema, integrity.ok, revisions, audited) == (
        SOUND[0], False, Check("revisions", False, "数据不完整，未能核对修订记录"),
        Check("audit", False, "数据不完整或结构较旧，未能核对审计记录"),
    )  # fmt: skip
    assert integrity.message.endswith("，请用 zhibiao restore 从备份恢复")
    assert caught.value.message == (
        f"数据库 {library.path} 已损坏（database disk image is malformed），请用 zhibiao restore 从备份恢复。"
    )


def test_a_backup_of_an_open_store_holds_what_was_committed(
    library: Store, make: Callable[..., Any], tmp_path: Path
) -> None:
    """The newest records stand in the write-ahead log alone; an unfinished write is another thread's business."""
    indicators.put(library, [make("2100008", "刚刚写入")], actor="", action="import", detail="")
    before = dump(library.path)
    with closing(sqlite3.connect(library.path, isolation_level=None)) as other:
        other.execute("begin immediate")
        other.execute("delete from indicators")
        # The copy waits for nobody; the row about it waits until the other has ended.
        library.db.conn.set_trace_callback(lambda sql: sql == "begin immediate" and other.execute("rollback"))
        maintenance.backup(library, tmp_path / "备份.db", actor="管理员")
        library.db.conn.set_trace_callback(None)
    assert dump(tmp_path / "备份.db") == before
    assert newest(library) == {"actor": "管理员", "action": "backup", "target": "备份.db", "detail": ""}
    assert "刚刚写入" in "".join(before)
    assert names(tmp_path) == ["data", "备份.db"]


def test_a_backup_overwrites_nothing_and_needs_a_folder(library: Store, tmp_path: Path) -> None:
    taken, nowhere = tmp_path / "旧.db", tmp_path / "没有" / "新.db"
    taken.write_text("重要")
    messages = []
    for target in (taken, nowhere):
        with pytest.raises(BadInput) as caught:
            maintenance.backup(library, target)
        messages.append(caught.value.message)
    assert messages == [
        f"文件 {taken} 已存在，请换一个文件名。",
        f"备份文件 {nowhere} 写不进去，请检查目录是否存在、能否写入。",
    ]
    assert (taken.read_text(), names(tmp_path)) == ("重要", ["data", "旧.db"])


def test_a_backup_comes_back_whole_and_what_was_there_is_kept(
    library: Store, make: Callable[..., Any], tmp_path: Path
) -> None:
    maintenance.backup(library, tmp_path / "备份.db")
    indicators.put(library, [make("2100008", "备份以后")], actor="", action="import", detail="")
    later = dump(library.path)
    end = chain.head(library.db.conn)
    library.close()
    maintenance.restore(library.folder, tmp_path / "备份.db", actor="管理员")
    assert without_restore(library.folder / FILE_NAME) == without_restore(tmp_path / "备份.db")
    assert dump(library.folder / (FILE_NAME + ".before-restore")) == later
    restored = Store.open(library.folder)
    assert maintenance.check(restored) == SOUND
    # The backup was made before its own row and the import's: the chain goes on where it ended then.
    assert (end.serial, chain.head(restored.db.conn).serial, newest(restored)) == (3, 2, {
        "actor": "管理员", "action": "restore", "target": "备份.db",
        "detail": f"此前的审计记录止于第 {end.serial} 条 {end.hash}",
    })  # fmt: skip
    restored.close()


def test_restoring_over_what_cannot_be_read_says_so(library: Store, tmp_path: Path) -> None:
    maintenance.backup(library, tmp_path / "备份.db")
    library.close()
    library.path.write_bytes(b"x" * 9000)
    maintenance.restore(library.folder, tmp_path / "备份.db")
    maintenance.restore(tmp_path / "新目录", tmp_path / "备份.db")
    said = []
    for folder in (library.folder, tmp_path / "新目录"):
        with closing(Store.open(folder)) as restored:
            said.append(newest(restored)["detail"])
    assert said == ["此前的审计记录已无法读出", "此前没有指标库"]


@pytest.mark.parametrize("trigger", ["audit_update", "audit_delete", "audit_insert"])
def test_a_missing_trigger_is_found(library: Store, trigger: str) -> None:
    library.db.execute(f"drop trigger {trigger}")
    assert maintenance.check(library) == [
        *SOUND[:3], Check("audit", False, "审计记录缺少防改写的触发器，请查明是谁去掉的，再从备份恢复"),
    ]  # fmt: skip


def test_the_first_broken_row_of_the_audit_is_named(library: Store) -> None:
    for n in range(5):
        library.audit(actor=f"甲{n}", action="user.add", target="乙")
    library.db.execute("drop trigger audit_update")
    library.db.execute("update audit set actor = '丙' where id in (3, 5)")
    assert maintenance.check(library)[3] == Check(
        "audit", False, "审计记录从第 3 条起与写入时不符，请封存数据目录，与备份和另存的链头核对"
    )


def test_what_was_only_in_the_log_is_kept_too(library: Store, make: Callable[..., Any], tmp_path: Path) -> None:
    """After a crash the newest records stand in the log; the kept file must find it under its new name."""
    maintenance.backup(library, tmp_path / "备份.db")
    library.db.execute("pragma wal_checkpoint(truncate)")
    indicators.put(library, [make("2100008", "只在日志里")], actor="", action="import", detail="")
    crashed = tmp_path / "crashed"
    shutil.copytree(library.folder, crashed)
    assert (crashed / (FILE_NAME + "-wal")).stat().st_size > 0
    maintenance.restore(crashed, tmp_path / "备份.db")
    assert "只在日志里" in "".join(dump(crashed / (FILE_NAME + ".before-restore")))
    assert "只在日志里" not in "".join(dump(crashed / FILE_NAME))
    for leftover in ("-wal", "-shm"):  # a second restore must not pair an old log with a newer file
        (crashed / (FILE_NAME + ".before-restore" + leftover)).write_bytes(b"stale")
    newer = dump(crashed / FILE_NAME)
    maintenance.restore(crashed, tmp_path / "备份.db")
    assert dump(crashed / (FILE_NAME + ".before-restore")) == newer
    assert names(crashed) == [FILE_NAME, FILE_NAME + ".before-restore"]


def _foreign_database(path: Path) -> None:
    with closing(sqlite3.connect(path)) as db:
        db.execute("create table other (x)")


def _torn_backup(path: Path) -> None:
    store = Store.create(path.parent / "torn")
    store.db.execute("pragma wal_checkpoint(truncate)")
    data = store.path.read_bytes()
    store.close()
    path.write_bytes(data[: len(data) // 2])


@pytest.mark.parametrize(
    "spoil",
    [lambda p: p.write_bytes(b""), lambda p: p.write_bytes(b"x" * 9000), _foreign_database, _torn_backup],
    ids=["empty", "no database", "another database", "torn"],
)
def test_restoring_a_damaged_file_touches_nothing(
    library: Store, tmp_path: Path, spoil: Callable[[Path], object]
) -> None:
    source = tmp_path / "坏.db"
    spoil(source)
    before = {p.name: p.read_bytes() for p in library.folder.iterdir() if not p.name.endswith("-shm")}
    with pytest.raises(Unreadable) as caught:
        maintenance.restore(library.folder, source)
    assert caught.value.message == f"文件 {source} 不是完好的备份，请换一个备份文件。"
    assert {p.name: p.read_bytes() for p in library.folder.iterdir() if not p.name.endswith("-shm")} == before


def test_restoring_what_is_not_there_makes_no_folder(tmp_path: Path) -> None:
    failures: list[ZhibiaoError] = []
    for source in (tmp_path / "没有.db", tmp_path):
        with pytest.raises(BadInput) as caught:
            maintenance.restore(tmp_path / "新目录", source)
        failures.append(caught.value)
    assert [f.message for f in failures] == [
        f"没有文件 {tmp_path / '没有.db'}，请检查路径。",
        f"没有文件 {tmp_path}，请检查路径。",
    ]
    assert names(tmp_path) == []


def test_a_backup_opens_in_a_fresh_folder(library: Store, tmp_path: Path, cast: Any) -> None:
    maintenance.backup(library, tmp_path / "备份.db")
    maintenance.restore(tmp_path / "新目录", tmp_path / "备份.db")
    moved = Store.open(tmp_path / "新目录")
    try:
        assert indicators.get(moved, indicator_id("2200001"), cast.public).status is Status.RETIRED
        assert moved.head() == library.head()
    finally:
        moved.close()
