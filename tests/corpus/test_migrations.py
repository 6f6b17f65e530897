"""The schema is its steps: in order, once, and under the names that they shipped with."""

from __future__ import annotations

import sqlite3
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest
from sqlite_utils import Database

from corpus.migrations import steps
from corpus.model import CATEGORIES
from corpus.store import FILE_NAME, Store

NAMES = [
    "create_classification",
    "create_indicators",
    "create_policies",
    "create_experts",
    "create_words",
    "create_change_records",
    "create_people",
    "create_choices",
    "chain_audit",
    "harden_sign_in",
]


def schema(db: Database) -> list[tuple[str, str]]:
    return [(r[0], r[1]) for r in db.execute("select name, sql from sqlite_master where sql <> '' order by name")]


def history(db: Database) -> list[dict[str, object]]:
    return list(db.query("select * from _sqlite_migrations order by id"))


def test_the_names_are_frozen(store: Store) -> None:
    """A renamed step would be applied a second time to every library out there: add a step instead."""
    assert [r["name"] for r in history(store.db)] == NAMES


def test_a_fresh_store_is_the_steps_applied(store: Store) -> None:
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as connection:
        db = Database(connection)
        steps.apply(db)
        assert schema(store.db) == schema(db)


def test_a_second_open_applies_none(store: Store) -> None:
    before = history(store.db), schema(store.db)
    again = Store.open(store.folder)
    after = history(again.db), schema(again.db)
    again.close()
    assert after == before


@pytest.mark.parametrize("step", NAMES[1:])
def test_an_older_store_is_brought_up_to_date(store: Store, tmp_path: Path, step: str) -> None:
    folder = tmp_path / "old"
    folder.mkdir()
    with closing(sqlite3.connect(folder / FILE_NAME, isolation_level=None)) as connection:
        steps.apply(Database(connection), stop_before=step)
    old = Store.open(folder)
    found = schema(old.db), [r["name"] for r in history(old.db)]
    old.close()
    assert found == (schema(store.db), NAMES)


def test_a_step_that_fails_leaves_the_store_as_it_was(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / FILE_NAME, isolation_level=None)) as connection:
        db = Database(connection)
        steps.apply(db, stop_before="create_words")
        db.execute("create table lexicon (foreign_matter text)")
        before = schema(db), history(db)
        with pytest.raises(sqlite3.OperationalError, match=r"lexicon.* already exists"):
            steps.apply(db)
        assert (schema(db), history(db)) == before


def test_many_openers_of_an_old_store_wait_for_the_one_who_upgrades(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / FILE_NAME)) as connection:
        connection.execute("pragma journal_mode = wal")
        connection.execute("create table held (x)")
    start = threading.Barrier(6)

    def opened() -> list[object]:
        start.wait()
        store = Store.open(tmp_path)
        try:
            return [r["name"] for r in history(store.db)]
        finally:
            store.close()

    with ThreadPoolExecutor(6) as pool:
        assert [f.result() for f in [pool.submit(opened) for _ in range(6)]] == [NAMES] * 6


def test_the_store_knows_the_categories_of_the_model(store: Store) -> None:
    assert store.rows("select code, level1, level2, short from categories order by rowid") == [
        {"code": c.code, "level1": c.level1, "level2": c.level2, "short": c.short} for c in CATEGORIES
    ]
