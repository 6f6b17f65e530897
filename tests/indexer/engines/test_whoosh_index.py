"""The durable index holds exactly what it was given."""

from __future__ import annotations

import gc
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from indexer.engine import Document, Schema
from indexer.engines.whoosh_index import WhooshIndex

Make = Callable[..., list[Document]]


@pytest.fixture(scope="module")
def documents(make: Make) -> list[Document]:
    return make(1, 150)


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory, schema: Schema, documents: list[Document]) -> Iterator[WhooshIndex]:
    folder = tmp_path_factory.mktemp("index") / "whoosh"
    WhooshIndex.build(folder, schema, documents)
    index = WhooshIndex(folder)
    yield index
    index.close()


def test_every_posting_and_no_other(index: WhooshIndex, schema: Schema, documents: list[Document]) -> None:
    expected: dict[tuple[str, str], list[tuple[int, int]]] = {}
    for number, document in enumerate(documents):
        for field, terms in document.terms.items():
            for term, times in Counter(terms).items():
                expected.setdefault((field, term), []).append((number, times))
    assert {key: index.postings(*key) for key in expected} == expected
    absent = [(f.name, term) for f in schema.fields for _, term in expected if (f.name, term) not in expected]
    assert len(absent) > 100
    assert [key for key in absent if index.postings(*key)] == []


def test_ids_and_digests_in_the_order_of_writing(index: WhooshIndex, documents: list[Document]) -> None:
    assert index.stored() == [(d.id, d.digest) for d in documents]


@pytest.mark.parametrize(
    "wanted", ["路", "公路", "村公路养", "合格率满意", "2.5", "95%桥", "没有", "无", "公路公路公路公路公路"]
)
def test_a_literal_is_found_where_its_characters_stand_side_by_side(
    index: WhooshIndex, documents: list[Document], wanted: str
) -> None:
    expected = [n for n, d in enumerate(documents) if wanted in "".join(d.literal)]
    assert sorted(index.literal(tuple(wanted)).tolist()) == expected


def test_literals_of_these_documents_are_found_at_all(index: WhooshIndex) -> None:
    assert [len(index.literal(tuple(w))) > 0 for w in ("路", "公路", "村公路养", "2.5")] == [True] * 4


def test_a_literal_does_not_reach_over_the_border_of_a_part(
    tmp_path: Path, schema: Schema, documents: list[Document]
) -> None:
    document = replace(documents[0], literal=[*"农村公路", "\n", *"养护里程", "\n"])
    WhooshIndex.build(tmp_path / "whoosh", schema, [document])
    index = WhooshIndex(tmp_path / "whoosh")
    found = {wanted: index.literal(tuple(wanted)).tolist() for wanted in ("公路", "公路养护", "路养", "养护里程")}
    index.close()
    assert found == {"公路": [0], "公路养护": [], "路养": [], "养护里程": [0]}


def test_documents_without_terms_or_text(tmp_path: Path, schema: Schema) -> None:
    bare = Document("x", {"name": [], "body": ()}, {}, restricted=False, owner="", literal=[], digest="d")
    WhooshIndex.build(tmp_path / "whoosh", schema, [bare, replace(bare, id="y")])
    index = WhooshIndex(tmp_path / "whoosh")
    answers = (index.stored(), index.literal(("路",)).tolist(), index.literal(("公", "路")).tolist())
    index.close()
    assert answers == ([("x", "d"), ("y", "d")], [], [])


def test_an_empty_index(tmp_path: Path, schema: Schema) -> None:
    WhooshIndex.build(tmp_path / "whoosh", schema, [])
    index = WhooshIndex(tmp_path / "whoosh")
    answers = (index.stored(), index.literal(("路",)).tolist(), index.literal(("公", "路")).tolist(),
               index.postings("name", "公路"))  # fmt: skip
    index.close()
    assert answers == ([], [], [], [])


def test_threads_share_one_searcher(index: WhooshIndex, documents: list[Document]) -> None:
    wanted = ["公路", "路养护", "合格率", "村", "满意度里程", "检测桥", "农村公路农村"] * 60
    expected = {w: [n for n, d in enumerate(documents) if w in "".join(d.literal)] for w in wanted}
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda w: (w, sorted(index.literal(tuple(w)).tolist())), wanted))
    assert [(w, numbers) for w, numbers in found if numbers != expected[w]] == []


def test_no_file_is_left_open(tmp_path: Path, schema: Schema, documents: list[Document]) -> None:
    WhooshIndex.build(tmp_path / "whoosh", schema, documents)
    index = WhooshIndex(tmp_path / "whoosh")
    index.literal(("公", "路"))
    assert _open_files(tmp_path) != []
    index.close()
    del index
    gc.collect()
    assert _open_files(tmp_path) == []


def _open_files(folder: Path) -> list[str]:
    """Only below one folder: indexes that other tests opened close when the collector comes by."""
    descriptors = Path("/proc/self/fd")
    if not descriptors.exists():
        pytest.skip("tells open files by /proc, which this machine lacks")
    return sorted(
        str(p.readlink()) for p in descriptors.iterdir() if p.is_symlink() and p.readlink().is_relative_to(folder)
    )
