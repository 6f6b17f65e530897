"""A register says of records what the store says of them, whoever reads it and whatever was changed."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest

from corpus import indicators
from corpus.access import Clearance, visible
from corpus.model import CATEGORIES, Indicator, Kind
from corpus.store import Store
from indexer import project_types, register
from indexer.engine import Plan
from indexer.live import Live
from indexer.register import Family, Named, Register

PutRows = Callable[..., None]
COMMON = {
    "code": "2100012", "name": "培训人次", "level2": "数量", "operator": "≥", "reference": "9", "unit": "人次",
    "visibility": "公开", "kind": "共性", "owner": "州财政局", "theme": "培训", "definition": "参加培训的人次",
}  # fmt: skip


def family(i: Indicator) -> Family:
    """As a draft takes it."""
    if i.use:
        return Family(i.use)
    return Family(None, i.theme, project_types.core(i.name, i.theme), project_types.core(i.name, "通用"))


def row(held: Register, number: int) -> tuple[object, ...]:
    """What a register says of a number."""
    units = {n: unit for unit, n in held.units.items()}
    return (
        held.named[number], held.families[held.family[number]], CATEGORIES[held.category[number]],
        bool(held.common[number]), units.get(int(held.counts[number])),
    )  # fmt: skip


@pytest.mark.parametrize("name", ["public", "reviewer"])
def test_rows_are_what_the_store_says(store: Store, live: Live, put_rows: PutRows, cast: Any, *, name: str) -> None:
    put_rows(store, COMMON)
    view, scope = live.view(), visible(getattr(cast, name))
    held, engine = view.register(store, scope), view.engine("indicators", scope)
    numbers, _ = engine.leading(Plan(), scope, {}, 1000)
    assert (held.family[numbers] < 0).all()
    held.read(numbers)
    records = {i.id: i for i in indicators.active(store, scope.edition)}
    assert (scope.clearance is Clearance.NONE) == (scope.edition == "open")
    assert {held.named[n].id: row(held, n) for n in numbers.tolist()} == {
        i.id: (
            Named(i.id, i.code, i.name), family(i), i.category, i.kind is Kind.COMMON,
            i.unit if i.category.short == "数量" else None,
        )
        for i in records.values()
    }  # fmt: skip
    assert Family(None, "培训", True, False) in held.families
    by_rank = numbers[np.argsort(held.rank[numbers])].tolist()
    assert [held.named[n].code for n in by_rank] == sorted(i.code for i in records.values())


def test_editions_have_registers_of_their_own_and_changes_begin_others(
    store: Store, live: Live, put_rows: PutRows, cast: Any
) -> None:
    view = live.view()
    public, reviewer = (visible(actor) for actor in (cast.public, cast.reviewer))
    assert view.register(store, public) is view.register(store, public)
    assert view.register(store, public) is not view.register(store, reviewer)
    put_rows(store, COMMON)
    later = live.view()
    assert later is not view
    assert later.register(store, public) is not view.register(store, public)


def test_a_full_register_is_followed_by_another(
    store: Store, live: Live, cast: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    view, scope = live.view(), visible(cast.public)
    numbers, _ = view.engine("indicators", scope).leading(Plan(), scope, {}, 1000)
    first = view.register(store, scope)
    first.read(numbers[:3])
    assert view.register(store, scope) is first
    monkeypatch.setattr(register, "MOST", 3)
    second = view.register(store, scope)
    assert second is not first
    assert len(first.named) == 3
    second.read(numbers[:2])
    assert [row(second, n) for n in numbers[:2].tolist()] == [row(first, n) for n in numbers[:2].tolist()]


def test_threads_fill_in_the_same(store: Store, live: Live, cast: Any) -> None:
    view, scope = live.view(), visible(cast.reviewer)
    numbers, _ = view.engine("indicators", scope).leading(Plan(), scope, {}, 1000)
    alone = Register(view.engine("indicators", scope), store)
    alone.read(numbers)
    shared = Register(view.engine("indicators", scope), store)
    pieces = [np.roll(numbers, n)[:9] for n in range(len(numbers))] * 4
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(shared.read, pieces))
    assert [row(shared, n) for n in numbers.tolist()] == [row(alone, n) for n in numbers.tolist()]
