"""The arrays say the same as the durable index, and come back from disk as they went."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import fields as fields_of
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from indexer.engine import Document, Schema
from indexer.engines import derive as deriving
from indexer.engines.arrays import Texts
from indexer.engines.derive import K1, Collector, derive
from indexer.engines.scores import Group, Scores
from indexer.engines.whoosh_index import WhooshIndex

Make = Callable[..., list[Document]]


def keys(scores: Scores) -> list[tuple[str, str]]:
    """Every field and term that it holds."""
    found = []
    for group in scores.groups.values():
        for term in group.names:
            held = zip(group.fields, group.frequency(term), strict=True)
            found += [(field, term) for field, frequency in held if frequency]
    return found


def collected(schema: Schema, documents: Sequence[Document], size: int) -> Collector:
    """Documents taken in part by part."""
    collector = Collector(schema)
    for start in range(0, len(documents), size):
        collector.add(documents[start : start + size])
    return collector


def test_the_arrays_hold_the_postings_of_the_durable_index(tmp_path: Path, schema: Schema, make: Make) -> None:
    """Documents and term frequencies, the latter read back out of the impacts."""
    documents = make(2, 120)
    scores = derive(schema, documents)
    WhooshIndex.build(tmp_path / "whoosh", schema, documents)
    index = WhooshIndex(tmp_path / "whoosh")
    fields = {f.name: f for f in schema.fields}
    written = {number: n for n, number in enumerate(scores.places.tolist())}
    found: dict[tuple[str, str], list[tuple[int, int]]] = {}
    for field, term in keys(scores):
        row = scores.row(field, term)
        assert row is not None
        postings = []
        for number, impact in zip(row[0].tolist(), row[1].tolist(), strict=True):
            f, length = fields[field], len(documents[written[number]].terms[field])
            norm = K1 * (1 - f.b + f.b * length / scores.lengths[field])
            share = impact / (scores.idf(field, term) * (K1 + 1))
            times = share * norm / (1 - share)
            assert times == pytest.approx(round(times), abs=1e-3)
            postings.append((written[number], round(times)))
        found[field, term] = sorted(postings)
    expected = {key: index.postings(*key) for key in found}
    index.close()
    assert found == expected
    assert set(found) == {(field, term) for d in documents for field, words in d.terms.items() for term in words}


def test_whole_rows_are_fine_rows_by_their_weights(schema: Schema, make: Make) -> None:
    weights = {"name": 2.0, "body": 0.25, "class": 7.0}
    scores = derive(schema, make(2, 120), weights)
    group = scores.groups["words"]
    assert group.weights == (2.0, 0.25, 7.0)
    for number, term in enumerate(group.names):
        sums: dict[int, float] = {}
        for field, weight in weights.items():
            documents, impacts = scores.row(field, term) or (np.zeros(0), np.zeros(0))
            for document, impact in zip(documents.tolist(), impacts.tolist(), strict=True):
                sums[document] = sums.get(document, 0.0) + weight * impact
        start, end = group.starts[number : number + 2]
        assert group.documents[start:end].tolist() == sorted(sums)
        assert group.impacts[start:end].tolist() == pytest.approx([sums[d] for d in sorted(sums)], rel=1e-6)


def test_other_weights_are_those_that_it_could_have_been_derived_with(schema: Schema, make: Make) -> None:
    documents, weights = make(2, 60), {"name": 2.0, "body": 0.0, "class": 7.0}
    group = derive(schema, documents).groups["words"]
    other = derive(schema, documents, weights).groups["words"]
    assert _plain(group.weighed((2.0, 0.0, 7.0))) == _plain(other)
    assert group.weighed(group.weights) is group


def test_statistics_are_counted_from_the_public_documents(schema: Schema, make: Make) -> None:
    public, sealed = make(3, 40), make(4, 30, first=40, restricted=True)
    scores = derive(schema, public)
    assert scores.lengths == {f: sum(len(d.terms[f]) for d in public) / 40 for f in public[0].terms}
    n = sum("公路" in d.terms["name"] for d in public)
    assert 0 < n < 40
    assert (scores.size, scores.frequency("name", "公路"), scores.frequency("name", "无")) == (40, n, 0)
    assert scores.idf("name", "公路") == pytest.approx(math.log(1 + (40 - n + 0.5) / (n + 0.5)))
    assert scores.idf("name", "无") == pytest.approx(math.log(1 + 40.5 / 0.5))
    # Alone they would have other statistics; beside the public ones each gets what it would get as one of these.
    other = derive(schema, sealed, public=scores)
    assert other.lengths == scores.lengths
    [one] = (d for d in (*sealed, *public) if d.id == sealed[0].id)
    row, alone = other.row("name", one.terms["name"][0]), derive(schema, [one], public=scores)
    again = alone.row("name", one.terms["name"][0])
    assert row is not None
    assert again is not None
    assert row[1][row[0].tolist().index(other.numbers([one.id])[one.id])] == again[1][0]


def test_a_restricted_record_is_refused_as_statistics(schema: Schema, make: Make) -> None:
    with pytest.raises(AssertionError):
        derive(schema, make(3, 2, restricted=True))


@pytest.mark.parametrize("size", [1, 7, 59, 60])
def test_parts_make_the_same_as_the_whole(
    schema: Schema, make: Make, monkeypatch: pytest.MonkeyPatch, size: int
) -> None:
    """But for the numbers of terms, which are those of their first coming."""
    documents = make(4, 60)
    whole = derive(schema, documents)
    monkeypatch.setattr(deriving, "CHUNK", size)
    parts = collected(schema, documents, size).scores()
    assert {key: _plain(parts.row(*key)) for key in keys(parts)} == {
        key: _plain(whole.row(*key)) for key in keys(whole)
    }
    for one, other in zip(whole.groups.values(), parts.groups.values(), strict=True):
        for number, term in enumerate(one.names):
            of, at = slice(*one.starts[number : number + 2]), other.names.find(term)
            to = slice(*other.starts[at : at + 2])
            assert _plain((one.documents[of], one.impacts[of])) == _plain((other.documents[to], other.impacts[to]))
    assert _plain(replace(parts, groups={})) == _plain(replace(whole, groups={}))


@pytest.mark.parametrize("size", [1, 2])
def test_what_stands_often_is_counted_in_full(schema: Schema, size: int) -> None:
    documents = [
        Document(id, {"name": ["公路"] * times}, {}, restricted=False, owner="", literal=[], digest=id)
        for id, times in (("a", 1), ("b", 70_000), ("c", 255), ("d", 256))
    ]
    scores = collected(schema, documents, size).scores()
    row = scores.row("name", "公路")
    assert row is not None
    b = next(f.b for f in schema.fields if f.name == "name")
    mean = (1 + 70_000 + 255 + 256) / 4
    shares = {id: impact / scores.idf("name", "公路") / (K1 + 1) for id, impact in zip(scores.ids, row[1], strict=True)}
    assert shares == pytest.approx({
        d.id: (times := len(d.terms["name"])) / (times + K1 * (1 - b + b * times / mean)) for d in documents
    })  # fmt: skip


def test_documents_that_share_every_facet_lie_together(schema: Schema, make: Make) -> None:
    public = derive(schema, make(6, 10))
    documents = [*make(4, 60), *make(5, 30, first=60, restricted=True)]
    scores = derive(schema, documents, public=public)
    by_id = {d.id: d for d in documents}
    bounds = scores.cells.tolist()
    found = []
    for cell, (start, end) in enumerate(pairwise(bounds)):
        facets = [scores.facets[name][n] for name, n in zip(schema.facets, scores.values[cell].tolist(), strict=True)]
        owner = scores.owners[cell]
        key = (*facets, scores.owner_names[owner - 1] if owner else "")
        held = [by_id[scores.ids[n]] for n in range(start, end)]
        assert {(d.facets["unit"], d.facets["owner"], d.owner if d.restricted else "") for d in held} == {key}
        found.append(key)
    assert len(set(found)) == len(found)
    assert (bounds[0], bounds[-1], [d.id for d in documents]) == (0, 90, [scores.ids[n] for n in scores.places])


@pytest.mark.parametrize("count", [0, 1, 50])
def test_saved_and_loaded(tmp_path: Path, schema: Schema, make: Make, count: int) -> None:
    scores = derive(schema, make(5, count), public=derive(schema, make(6, 30)))
    scores.save(tmp_path / "scores")
    assert _plain(Scores.load(tmp_path / "scores")) == _plain(scores)


def test_documents_without_any_term(tmp_path: Path, schema: Schema) -> None:
    bare = Document("x", {"name": []}, {}, restricted=False, owner="", literal=[], digest="d")
    scores = derive(schema, [bare])
    scores.save(tmp_path / "scores")
    loaded = Scores.load(tmp_path / "scores")
    assert _plain(loaded) == _plain(scores)
    assert (loaded.row("name", "公路"), list(loaded.ids), loaded.frequency("name", "公路")) == (None, ["x"], 0)


def test_a_term_is_one_of_its_own_field(schema: Schema, make: Make) -> None:
    documents = make(7, 30)
    scores = derive(schema, documents)
    assert scores.row("class", "公路") is not None
    assert scores.row("class", "pm2.5") is None
    row = scores.row("name", "公路")
    assert row is not None
    assert {scores.ids[n] for n in row[0].tolist()} == {d.id for d in documents if "公路" in d.terms["name"]}


def test_the_arrays_cannot_be_written_to(tmp_path: Path, schema: Schema, make: Make) -> None:
    derive(schema, make(8, 5)).save(tmp_path / "scores")
    with pytest.raises(ValueError, match="read-only"):
        Scores.load(tmp_path / "scores").groups["words"].impacts[0] = 0


def _plain(held: object) -> object:
    """Everything in it, as values that can be compared and with the arrays' types."""
    if isinstance(held, np.ndarray):
        return str(held.dtype), held.tolist()
    if isinstance(held, Texts):
        return list(held), {name: _plain(array) for name, array in held.arrays("").items()}
    if isinstance(held, Scores | Group):
        return {f.name: _plain(getattr(held, f.name)) for f in fields_of(held)}
    if isinstance(held, dict):
        return {name: _plain(value) for name, value in held.items()}
    return tuple(map(_plain, held)) if isinstance(held, tuple) else held


def test_nothing_is_left_out_of_the_comparison(schema: Schema, make: Make) -> None:
    scores = derive(schema, make(8, 5))
    assert _plain(replace(scores, order=scores.order[::-1])) != _plain(scores)
