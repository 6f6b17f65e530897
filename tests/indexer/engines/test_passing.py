"""What passes and how often its values are there, beside what one document after the other says."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random

import numpy as np
import pytest

from indexer.engine import Document, Schema
from indexer.engines import passing
from indexer.engines.embedded import Embedded
from indexer.engines.passing import Cells, Passing
from indexer.engines.ranking import Asked

Make = Callable[..., list[Document]]
Opened = Callable[..., Embedded]
FILTERS: tuple[dict[str, list[str]], ...] = (
    {},
    {"unit": ["公里"]},
    {"unit": [""]},
    {"unit": ["人", ""]},
    {"unit": ["%", "人"], "owner": ["路", "警"]},
    {"unit": ["公里"], "owner": ["警"]},
    {"owner": ["无"]},
)


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory, make: Make, opened: Opened) -> Iterator[Embedded]:
    """Public, sealed and fresh records, some of which are gone."""
    base = opened(tmp_path_factory.mktemp("passing"), make(4, 400), make(5, 120, first=400, restricted=True))
    yield base.with_changes(make(6, 30, first=500), [f"d{n * 7919 % 99991:05d}" for n in range(0, 520, 11)])
    base.close()


def documents(engine: Embedded) -> list[tuple[dict[str, str], int, int, bool]]:
    """Of each document its values, for whom it is sealed, its segment, and whether it is left."""
    told = []
    for number, segment in enumerate(engine._segments):
        scores = segment.scores
        for n in range(scores.size):
            cell = int(np.searchsorted(scores.cells, n, "right")) - 1
            values = {name: scores.facets[name][scores.values[cell, f]] for f, name in enumerate(engine.schema.facets)}
            alive = segment.alive is None or bool(segment.alive[n])
            told.append((values, int(scores.owners[cell]), number, alive))
    return told


@pytest.mark.parametrize("many", [0, 1 << 20])
@pytest.mark.parametrize("owners", [(-1, -1, -1), (0, 0, 0), (0, 1, 1), (0, 2, 0)])
@pytest.mark.parametrize("filters", FILTERS)
def test_passes_and_counts_as_one_after_the_other(
    engine: Embedded, filters: dict[str, list[str]], owners: tuple[int, ...], many: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(passing, "_MANY", many)
    asked = Asked(0, (), False, engine._filters(filters), owners, None, -1, False, 0, 20, True)
    found = Passing(Cells(engine._index), asked)
    every = documents(engine)
    seen = [
        all(values[name] in wanted for name, wanted in filters.items()) and (not of or owners[at] in {-1, of})
        for values, of, at, _ in every
    ]
    assert found.mask.tolist() == [here and alive for here, (_, _, _, alive) in zip(seen, every, strict=True)]
    base = 0
    for segment, hull in zip(engine._segments, found.hulls, strict=True):
        here = [n for n in range(segment.scores.size) if seen[base + n]]
        assert hull == ((here[0], here[-1] + 1) if here else (0, 0))
        base += segment.scores.size
    left = found.mask.nonzero()[0].tolist()
    random = Random(7)  # noqa: S311
    for size in sorted({min(size, len(left)) for size in (0, 1, 2, 5, 20, 60, 150, 1000)}):
        some = sorted(random.sample(left, size))
        told = found.counted(np.array(some, np.int64))
        expected = {}
        for name in engine.schema.facets:
            counts = Counter(value for n in some if (value := every[n][0][name]))
            expected[name] = sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))
        assert [(name, [*counts.items()]) for name, counts in told.items()] == [*expected.items()]


def test_nothing_is_counted_without_facets(tmp_path: Path, make: Make, schema: Schema) -> None:
    bare = Schema(schema.kind, schema.fields, ())
    plain = [Document(d.id, d.terms, {}, False, "", d.literal, d.digest, d.sorts) for d in make(8, 40)]
    Embedded.build(tmp_path / "open", bare, plain)
    engine = Embedded.open(bare, [tmp_path / "open"])
    asked = Asked(0, (), False, (), (0,), None, -1, False, 0, 20, True)
    assert Passing(Cells(engine._index), asked).counted(np.arange(40)) == {}
    engine.close()
