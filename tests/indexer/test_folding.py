"""Changes are built in by another process, which stands back, and whose errors are told here."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from corpus import indicators
from corpus.errors import Conflict, NotReady
from corpus.model import Status
from corpus.store import Store
from indexer import build, folding

PutRows = Callable[..., None]


def withdraw(store: Store) -> None:
    one = next(iter(indicators.active(store, "open")))
    indicators.put(store, [replace(one, status=Status.RETIRED)], actor="", action="retire", detail="")


def test_a_generation_is_built_by_another_process(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    def here(*_: object) -> None:
        raise AssertionError

    monkeypatch.setattr(build, "build", here)
    before = build.manifest(build.current(store.folder))
    withdraw(store)
    assert folding.beside(store).due
    folding.fold(store.folder)
    after = build.manifest(build.current(store.folder))
    assert (before.seq < after.seq, after.seq, folding.beside(store).due) == (True, store.head(), False)


def test_who_builds_already_is_not_disturbed(store: Store) -> None:
    before = build.current(store.folder)
    with build.lock(store.folder), pytest.raises(Conflict, match="另一个进程正在建立索引"):
        folding.fold(store.folder)
    assert build.current(store.folder) == before


def test_a_folder_without_a_store_is_told_of(tmp_path: Path) -> None:
    with pytest.raises(NotReady):
        folding.fold(tmp_path)


def test_it_stands_back_behind_answers(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    done: list[Any] = []
    monkeypatch.setattr(os, "nice", done.append)
    monkeypatch.setattr(build, "build", lambda store: done.append(store.folder))
    folding._build(store.folder)
    assert done == [folding.BEHIND, store.folder]
