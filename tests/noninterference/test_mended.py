"""What was found to tell, each by itself: so that it stays mended whatever the generated libraries hold."""

# ruff: noqa: S311 - seeds are no secrets

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from random import Random

import pytest

from corpus import imports, indicators
from corpus.access import PUBLIC
from corpus.model import Owner, Status
from corpus.readers.tables import Row
from corpus.store import Store
from indexer import folding
from indexer.folding import Beside

from .library import FINANCE, LATE_USE, Library, create, made, record, write
from .personas import PERSONAS
from .world import retired, sealed

CLEARED = next(p.actor for p in PERSONAS if p.name == "reviewer-all")


@pytest.fixture
def library() -> Library:
    """Public records alone, all in force."""
    return Library(tuple(record(Random(n), n, sealed=False) for n in range(6)), ())


def test_a_successor_out_of_sight_is_not_named(tmp_path: Path, library: Library) -> None:
    hidden = record(Random(9), 9, sealed=True)
    gone = retired(library.records[1], hidden.id)
    planned = replace(library.records[2], replaced_by=hidden.id)  # in force until then
    store = create(tmp_path, Library((library.records[0], gone, planned, hidden), ()))
    for actor, named in ((PUBLIC, ""), (CLEARED, hidden.id)):
        assert [indicators.get(store, i.id, actor).replaced_by for i in (gone, planned)] == [named] * 2
        assert [i.replaced_by for i in indicators.fetch(store, [planned.id], actor)] == [named]
        exported = indicators.export(store, actor, edition="full")
        assert {i.id: i.replaced_by for i in exported}[planned.id] == named
    store.close()


def test_uses_stand_in_an_order_that_no_hidden_record_made(tmp_path: Path, library: Library) -> None:
    late = replace(library.records[0], id="late", code="2199999", use=LATE_USE)
    first = Library((replace(record(Random(9), 9, sealed=True), use=LATE_USE), *library.records, late), ())
    orders = []
    for name, held in (("whole", first), ("twin", replace(first, records=first.records[1:]))):
        store = create(tmp_path / name, held)
        orders.append(indicators.visible_uses(store, PUBLIC))
        store.close()
    assert orders[0] == orders[1]
    assert LATE_USE in orders[0]


def test_codes_of_uses_show_no_gap_where_a_hidden_one_stands(tmp_path: Path) -> None:
    def rows(*uses: tuple[str, str, str], visibility: str = "公开") -> list[Row]:
        common = {"level2": "数量指标", "operator": "定性", "owner": FINANCE, "visibility": visibility}
        cells = ({"name": f"{use}{visibility}数量", "domain": d, "industry": n, "use": use} for d, n, use in uses)
        return [Row("", at, common | cell) for at, cell in enumerate(cells, 2)]

    def codes(name: str, *tables: list[Row]) -> list[str]:
        store = Store.create(tmp_path / name)
        indicators.add_taxonomy(store, [], [Owner(FINANCE, "州级", "")])
        for table in tables:
            plan = imports.plan(store, table, origin="测试")
            assert not plan.problems
            imports.apply(store, plan, actor="", source="")
        found = [use.code for use in indicators.visible_uses(store, PUBLIC)]
        store.close()
        return found

    before, after = rows(("水利", "灌溉", "渠道")), rows(("水利", "灌溉", "泵站"), ("文旅", "场馆", "展览"))
    hidden = rows(
        ("水利", "灌溉", "玄武渠"), ("水利", "玄武业", "玄武用"), ("玄武", "玄武", "玄武"), visibility="不公开"
    )
    assert codes("whole", before, hidden, after) == codes("twin", before, after)
    # In one table too, where a restricted row comes first.
    shared = rows(("文旅", "场馆", "展览"), visibility="不公开")
    assert codes("mixed", [*shared, *after]) == codes("alone", after)


@pytest.fixture
def store(tmp_path: Path, library: Library) -> Store:
    found = create(tmp_path, library)
    yield found
    found.close()


def test_restricted_changes_alone_are_built_in_and_beside_public_ones_they_wait(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(folding, "FOLD_AT", 3)
    write(store, [record(Random(n), n, sealed=True) for n in (10, 11)])
    assert (folding.beside(store), folding.beside(store).due) == (Beside(0, 2, False), False)
    write(store, [record(Random(12), 12, sealed=True)])
    assert (folding.beside(store), folding.beside(store).due) == (Beside(0, 3, False), True)
    write(store, [record(Random(20), 20, sealed=False)])
    assert (folding.beside(store), folding.beside(store).due) == (Beside(1, 3, False), False)
    write(store, [record(Random(n), n, sealed=False) for n in (21, 22)])
    assert (folding.beside(store), folding.beside(store).due) == (Beside(3, 3, False), True)


@pytest.mark.parametrize("change", [sealed, retired])
def test_what_is_withdrawn_is_built_out_at_once(store: Store, library: Library, change) -> None:  # type: ignore[no-untyped-def]
    write(store, [change(library.records[2])])
    assert (folding.beside(store), folding.beside(store).due) == (Beside(1, 0, True), True)
    folding_again = folding.build.build(store)
    assert folding_again.counts["indicators"] == len(library.records) - (change is retired)
    assert folding.beside(store) == Beside(0, 0, False)


def test_a_record_that_was_never_served_is_not_withdrawn(store: Store) -> None:
    i = record(Random(10), 10, sealed=False)
    write(store, [i])
    write(store, [replace(i, status=Status.RETIRED)])
    assert folding.beside(store) == Beside(0, 1, False)


def test_generated_libraries_hold_what_tempts() -> None:
    held = made(Random(0), 40)
    names = {i.name for i in held.records if i not in held.sealed}
    assert any(i.name in names for i in held.sealed)
    assert any(i.replaced_by in {s.id for s in held.sealed} for i in held.records if i not in held.sealed)
    assert {u.use.use for u in held.sealed if u.use} >= {LATE_USE.use, "饕餮专案", "要地警卫"}
