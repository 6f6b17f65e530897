"""The arrays say the same as the durable index, and come back from disk as they went."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from indexer.engine import Document, Schema
from indexer.engines.scores import K1, Scores, Statistics
from indexer.engines.whoosh_index import WhooshIndex

Make = Callable[..., list[Document]]


def test_the_arrays_hold_the_postings_of_the_durable_index(tmp_path: Path, schema: Schema, make: Make) -> None:
    """Documents and term frequencies, the latter read back out of the impacts."""
    documents = make(2, 120)
    statistics = Statistics.of(documents)
    scores = Scores.derive(schema, documents, statistics)
    WhooshIndex.build(tmp_path / "whoosh", schema, documents)
    index = WhooshIndex(tmp_path / "whoosh")
    fields = {f.name: f for f in schema.fields}
    found: dict[tuple[str, str], list[tuple[int, int]]] = {}
    for field, term in scores.rows:
        row = scores.row(field, term)
        assert row is not None
        found[field, term] = []
        for number, impact in zip(row[0].tolist(), row[1].tolist(), strict=True):
            f, length = fields[field], len(documents[number].terms[field])
            norm = K1 * (1 - f.b + f.b * length / statistics.lengths[field])
            share = impact / (statistics.idf(field, term) * (K1 + 1))
            times = share * norm / (1 - share)
            assert times == pytest.approx(round(times), abs=1e-3)
            found[field, term].append((number, round(times)))
    expected = {key: index.postings(*key) for key in found}
    index.close()
    assert found == expected
    terms = {(field, term) for d in documents for field, words in d.terms.items() for term in words}
    assert set(found) == terms


def test_statistics_are_counted_from_the_documents(make: Make) -> None:
    documents = make(3, 40)
    statistics = Statistics.of(documents)
    holding = Counter((field, term) for d in documents for field, words in d.terms.items() for term in set(words))
    lengths = {f: sum(len(d.terms[f]) for d in documents) / 40 for f in documents[0].terms}
    assert statistics == Statistics(40, lengths, holding)
    n = holding["name", "公路"]
    assert 0 < n < 40
    assert statistics.idf("name", "公路") == pytest.approx(math.log(1 + (40 - n + 0.5) / (n + 0.5)))
    assert statistics.idf("name", "无") == pytest.approx(math.log(1 + 40.5 / 0.5))


def test_a_restricted_record_is_refused_as_statistics(make: Make) -> None:
    with pytest.raises(AssertionError):
        Statistics.of(make(3, 2, restricted=True))


def test_statistics_come_back_out_of_the_public_arrays(schema: Schema, make: Make) -> None:
    documents = make(4, 60)
    assert Scores.derive(schema, documents, Statistics.of(documents)).statistics() == Statistics.of(documents)


@pytest.mark.parametrize("count", [0, 1, 50])
def test_saved_and_loaded(tmp_path: Path, schema: Schema, make: Make, count: int) -> None:
    scores = Scores.derive(schema, make(5, count), Statistics.of(make(6, 30)))
    scores.save(tmp_path / "scores")
    assert _plain(Scores.load(tmp_path / "scores")) == _plain(scores)


def test_documents_without_any_term(tmp_path: Path, schema: Schema) -> None:
    bare = Document("x", {"name": []}, {}, restricted=False, owner="", literal=[], digest="d")
    scores = Scores.derive(schema, [bare], Statistics.of([bare]))
    scores.save(tmp_path / "scores")
    loaded = Scores.load(tmp_path / "scores")
    assert _plain(loaded) == _plain(scores)
    assert (loaded.row("name", "公路"), loaded.ids, loaded.statistics()) == (None, ("x",), Statistics.of([bare]))


def test_a_term_is_one_of_its_own_field(schema: Schema, make: Make) -> None:
    documents = make(7, 30)
    scores = Scores.derive(schema, documents, Statistics.of(documents))
    assert scores.row("class", "公路") is not None
    assert scores.row("class", "pm2.5") is None
    row = scores.row("name", "公路")
    assert row is not None
    assert row[0].tolist() == [n for n, d in enumerate(documents) if "公路" in d.terms["name"]]


def test_the_arrays_cannot_be_written_to(tmp_path: Path, schema: Schema, make: Make) -> None:
    Scores.derive(schema, make(8, 5), Statistics.of(make(8, 5))).save(tmp_path / "scores")
    with pytest.raises(ValueError, match="read-only"):
        Scores.load(tmp_path / "scores").impacts[0] = 0


def _plain(scores: Scores) -> dict[str, object]:
    """Everything in it, as values that can be compared and with the arrays' types."""

    def array(a: np.ndarray) -> tuple[str, list[object]]:
        return str(a.dtype), a.tolist()

    return {
        "ids": scores.ids,
        "numbers": dict(scores.numbers),
        "rows": dict(scores.rows),
        "postings": (array(scores.starts), array(scores.documents), array(scores.impacts)),
        "facets": {name: (array(column), values) for name, (column, values) in scores.facets.items()},
        "restricted": array(scores.restricted),
        "owners": (array(scores.owners[0]), scores.owners[1]),
        "sorts": dict(scores.sorts),
        "order": array(scores.order),
        "lengths": dict(scores.lengths),
    }
