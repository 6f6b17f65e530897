"""Documents of several segments are ordered by code and id, whoever merged them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from indexer.engine import Document, Schema
from indexer.engines import numbering
from indexer.engines.embedded import Embedded
from indexer.engines.numbering import Numbering

Make = Callable[..., list[Document]]


@pytest.mark.parametrize("ready", [0, 1000])
def test_one_order_through_segments(
    tmp_path: Path, schema: Schema, make: Make, monkeypatch: pytest.MonkeyPatch, ready: int
) -> None:
    monkeypatch.setattr(numbering, "_READY", ready)
    public, sealed = make(1, 70), make(2, 30, first=70, restricted=True)
    # Codes that are said twice, in one segment and in two.
    same = {"code": public[3].sorts["code"]}
    public[9], sealed[4] = (replace(d, sorts={**d.sorts, **same}) for d in (public[9], sealed[4]))
    scores = Embedded.build(tmp_path / "open", schema, public)
    held = [scores, Embedded.build(tmp_path / "none", schema, [], scores)]
    held.append(Embedded.build(tmp_path / "full", schema, sealed, scores))
    found = Numbering(held)
    codes = {d.id: d.sorts["code"] for d in (*public, *sealed)}
    ids = [id for one in held for id in one.ids]
    numbers = range(len(ids))
    assert found.bases == [0, 70, 70, 100]
    assert found.ids(numbers) == ids
    assert [found.name(n) for n in numbers] == [(codes[id], id) for id in ids]
    assert found.segments([0, 69, 70, 99]) == [0, 0, 2, 2]
    assert found.merged == bool(ready)
    parts = [numbers] if ready else [range(70), range(70, 100)]
    for part in parts:
        assert sorted(part, key=found.order.__getitem__) == sorted(part, key=lambda n: (codes[ids[n]], ids[n]))


def test_one_segment_is_in_order(tmp_path: Path, schema: Schema, make: Make) -> None:
    scores = Embedded.build(tmp_path / "open", schema, make(1, 20))
    found = Numbering([scores])
    assert found.merged
    assert found.order.tolist() == scores.order.tolist()
