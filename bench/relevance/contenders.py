"""The contenders: what a finance bureau could set up in a day, and the product.

Each has a ``name``, says with ``missing()`` why it cannot run here (None when it can), takes all documents with
``build``, and answers ``search(text, limit, kind)`` with document keys, best first. ``kind`` is ``indicators``,
``policies`` or ``goals``; a goal's text is its project on the first line and the goal below.
"""

from __future__ import annotations

import sqlite3
import tempfile
from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from types import MappingProxyType
from typing import Any, Protocol

from bench.relevance.elastic import Elastic
from bench.relevance.library import FIELDS, GOALS, INDICATORS, NAME_WEIGHT, POLICIES, Document, Library, Words, shelf
from bench.relevance.vectors import Vectors
from corpus.access import PUBLIC
from corpus.errors import ZhibiaoError
from indexer.live import Moment
from indexer.search import MAX_SIZE, Query, search_indicators, search_policies
from indexer.suggest import Draft, suggest

OURS = "ours"
WEIGHTS = tuple(NAME_WEIGHT if name == "name" else 1 for name in FIELDS)


class Contender(Protocol):
    """What the race needs of a contender."""

    name: str

    def missing(self) -> str | None: ...
    def build(self, documents: Sequence[Document]) -> None: ...
    def search(self, text: str, limit: int, kind: str) -> list[str]: ...
    def close(self) -> None: ...


def all_of(library: Library, words: Words, cache: Path) -> list[Contender]:
    """Every contender in the order of the table."""
    return [
        Trigrams(),
        Fts5(words),
        Tantivy(words),
        Bm25s(words),
        Elastic("Elasticsearch standard", "standard", lambda text: text),
        Elastic("Elasticsearch jieba", "whitespace", lambda text: " ".join(words(text))),
        Whoosh(words),
        Vectors(cache),
        Ours(library, f"{OURS}, words only", {"query.meaning": 0, "suggest.meaning": 0}),
        Ours(library),
    ]


# What the product does for its answers, one left out at a time.
ABLATIONS: dict[str, dict[str, float]] = {
    "all": {},
    "field weights": {f"fields.{f}": 1 for f in ("name", "keywords", "class", "category", "body", "chars")},
    "synonyms: same": {"synonyms.same": 0},
    "synonyms: abbreviation": {"synonyms.abbreviation": 0},
    "synonyms: colloquial": {"synonyms.colloquial": 0},
    "synonyms: narrower": {"synonyms.narrower": 0},
    "parts of words": {"query.part": 0},
    "common words weigh less": {"query.generic": 1},
    "guessed full forms": {"query.guess": 0},
    "categories in queries": {"query.aspect": 0},
    "corrected spelling": {"query.spelling": 0},
    "meaning": {"query.meaning": 0, "suggest.meaning": 0},
    "inferred use": {"suggest.use": 0},
    "doubt of other uses": {"suggest.other": 0},
    "type of project": {"suggest.theme": 0},
    "indicators of any project": {"suggest.general": 0},
    "figures of the goal": {"suggest.quantity": 0},
    "covering set": {"suggest.cover": 0},
}


def ablations(library: Library) -> list[Contender]:
    """The product without one of its means each, beside the whole."""
    return [Ours(library, name, weights) for name, weights in ABLATIONS.items()]


def by_kind(documents: Sequence[Document]) -> dict[str, list[Document]]:
    """Indicators and policies apart."""
    return {kind: [d for d in documents if d.kind == kind] for kind in (INDICATORS, POLICIES)}


def unique(words: Sequence[str]) -> list[str]:
    """Each word once: an OR asks no more of it when it is said twice."""
    return list(dict.fromkeys(words))


class Ours:
    """The product as the public meets it."""

    def __init__(self, library: Library, name: str = OURS, weights: Mapping[str, float] = MappingProxyType({})) -> None:
        """``weights`` are changed from those that serve."""
        self.name, self._library, self._weights = name, library, weights

    def missing(self) -> str | None:
        return None

    def build(self, documents: Sequence[Document]) -> None:
        """The library is built before; its own time is ``Library.built``."""
        view = self._library.live.view()
        self._at = Moment(view.weighed(view.settings.changed(self._weights)))

    def search(self, text: str, limit: int, kind: str) -> list[str]:
        store, live = self._library.store, self._at
        try:
            if kind == GOALS:
                return [s.indicator.code for s in self.suggestions(text, limit).items]
            if kind == POLICIES:
                passages = search_policies(store, live, Query(text, {}, size=MAX_SIZE), PUBLIC)
                return unique([f"policy:{hit.record.policy.id}" for hit in passages.hits])[:limit]
            return [h.record.code for h in search_indicators(store, live, Query(text, {}, size=limit), PUBLIC).hits]
        except ZhibiaoError:
            return []

    def suggestions(self, text: str, limit: int) -> Any:
        """The product's whole answer to a goal."""
        project, _, goal = text.partition("\n")
        return suggest(self._library.store, self._at, Draft(project, goal, limit=limit), PUBLIC)

    def uses(self, text: str) -> list[str]:
        """The uses that the product infers from a goal, likeliest first."""
        return [inferred.use.use for inferred in self.suggestions(text, 30).uses]

    def close(self) -> None:
        """The library is closed by whoever opened it."""


class _Sqlite:
    """FTS5, ranked by ``bm25()`` with the name's weight."""

    name: str
    tokenize: str

    def missing(self) -> str | None:
        return None

    def build(self, documents: Sequence[Document]) -> None:
        self._db = sqlite3.connect(":memory:")
        columns = ", ".join(f'"{f}"' for f in FIELDS)
        for kind, group in by_kind(documents).items():
            self._db.execute(
                f"create virtual table {kind} using fts5(key unindexed, {columns}, tokenize='{self.tokenize}')"
            )
            marks = ", ".join("?" * (len(FIELDS) + 1))
            rows = [(d.key, *(self.text(d.texts[f]) for f in FIELDS)) for d in group]
            self._db.executemany(f"insert into {kind} values ({marks})", rows)
            self._db.execute(f"insert into {kind} ({kind}) values ('optimize')")

    def text(self, text: str) -> str:
        """The text as the column takes it."""
        return text

    def match(self, words: Sequence[str], limit: int, kind: str) -> list[str]:
        """The best documents that hold any of ``words``."""
        if not words:
            return []
        kind = shelf(kind)
        asked = " OR ".join('"' + word.replace('"', '""') + '"' for word in words)
        order = f"bm25({kind}, 0, {', '.join(map(str, WEIGHTS))})"
        rows = self._db.execute(f"select key from {kind} where {kind} match ? order by {order} limit ?", [asked, limit])
        return [key for (key,) in rows]

    def close(self) -> None:
        self._db.close()


class Trigrams(_Sqlite):
    """FTS5's own way with Chinese; what is shorter than three characters it can only look for with LIKE."""

    name = "FTS5 trigram"
    tokenize = "trigram"

    def search(self, text: str, limit: int, kind: str) -> list[str]:
        pieces = text.split()
        trigrams = unique([piece[n : n + 3] for piece in pieces for n in range(len(piece) - 2)])
        return self.match(trigrams, limit, kind) if trigrams else self._like(unique(pieces), limit, kind)

    def _like(self, pieces: Sequence[str], limit: int, kind: str) -> list[str]:
        """Names first: LIKE knows no rank."""
        if not pieces:
            return []
        kind = shelf(kind)
        asked = [f"%{piece}%" for piece in pieces]
        held = {f: "(" + " or ".join([f'"{f}" like ?'] * len(asked)) + ")" for f in FIELDS}
        where, order = " or ".join(held.values()), f"{held['name']} desc, {held['keywords']} desc, rowid"
        rows = self._db.execute(
            f"select key from {kind} where {where} order by {order} limit ?", [*asked * (len(FIELDS) + 2), limit]
        )
        return [key for (key,) in rows]


class Fts5(_Sqlite):
    """FTS5 over text that jieba has cut."""

    name = "FTS5 jieba"
    tokenize = "unicode61 remove_diacritics 0"

    def __init__(self, words: Words) -> None:
        self._words = words

    def text(self, text: str) -> str:
        return " ".join(self._words(text))

    def search(self, text: str, limit: int, kind: str) -> list[str]:
        return self.match(unique(self._words(text)), limit, kind)


class Tantivy:
    """tantivy over text that jieba has cut."""

    name = "tantivy jieba"

    def __init__(self, words: Words) -> None:
        self._words = words
        self._indexes: dict[str, Any] = {}

    def missing(self) -> str | None:
        return None if find_spec("tantivy") else "tantivy is not installed"

    def build(self, documents: Sequence[Document]) -> None:
        import tantivy  # noqa: PLC0415 - optional

        builder = tantivy.SchemaBuilder()
        builder.add_text_field("key", stored=True, tokenizer_name="raw")
        for name in FIELDS:
            builder.add_text_field(name, tokenizer_name="whitespace")
        self._tantivy, self._schema = tantivy, builder.build()
        for kind, group in by_kind(documents).items():
            index = tantivy.Index(self._schema)
            writer = index.writer(heap_size=100_000_000, num_threads=1)
            for d in group:
                cut = {name: [" ".join(self._words(d.texts[name]))] for name in FIELDS}
                writer.add_document(tantivy.Document(key=[d.key], **cut))
            writer.commit()
            writer.wait_merging_threads()
            index.reload()
            self._indexes[kind] = index.searcher()

    def search(self, text: str, limit: int, kind: str) -> list[str]:
        asked, should = self._tantivy.Query, self._tantivy.Occur.Should
        terms = [
            (should, asked.boost_query(asked.term_query(self._schema, name, word, "freq"), float(weight)))
            for word in unique(self._words(text))
            for name, weight in zip(FIELDS, WEIGHTS, strict=True)
        ]
        if not terms:
            return []
        searcher = self._indexes[shelf(kind)]
        hits = searcher.search(asked.boolean_query(terms), limit).hits
        return [searcher.doc(address)["key"][0] for _, address in hits]

    def close(self) -> None:
        self._indexes.clear()


class Bm25s:
    """bm25s over jieba's words; it has no fields, so a name is said three times."""

    name = "bm25s jieba"

    def __init__(self, words: Words) -> None:
        self._words = words
        self._found: dict[str, tuple[list[str], Any]] = {}

    def missing(self) -> str | None:
        return None if find_spec("bm25s") else "bm25s is not installed"

    def build(self, documents: Sequence[Document]) -> None:
        import bm25s  # noqa: PLC0415 - optional

        for kind, group in by_kind(documents).items():
            index = bm25s.BM25()
            cut = [
                [w for name, weight in zip(FIELDS, WEIGHTS, strict=True) for w in self._words(d.texts[name]) * weight]
                for d in group
            ]
            index.index(cut, show_progress=False)
            self._found[kind] = [d.key for d in group], index

    def search(self, text: str, limit: int, kind: str) -> list[str]:
        keys, index = self._found[shelf(kind)]
        known = [word for word in unique(self._words(text)) if word in index.vocab_dict]
        if not known:
            return []
        found, scores = index.retrieve([known], k=min(limit, len(keys)), show_progress=False)
        return [keys[n] for n, score in zip(found[0], scores[0], strict=True) if score > 0]

    def close(self) -> None:
        self._found.clear()


class Whoosh:
    """Whoosh as it comes: BM25F over text that jieba has cut."""

    name = "Whoosh jieba"

    def __init__(self, words: Words) -> None:
        self._words = words
        self._folder = tempfile.TemporaryDirectory()
        self._searchers: dict[str, Any] = {}

    def missing(self) -> str | None:
        return None

    def build(self, documents: Sequence[Document]) -> None:
        from whoosh import fields, index  # noqa: PLC0415 - beside the other optional engines

        shape = {name: fields.TEXT(phrase=False) for name in FIELDS}
        for kind, group in by_kind(documents).items():
            folder = Path(self._folder.name) / kind
            folder.mkdir()
            made = index.create_in(str(folder), fields.Schema(key=fields.ID(stored=True), **shape))
            with made.writer(limitmb=512) as writer:
                for d in group:
                    cut = {name: self._words(d.texts[name]) for name in FIELDS}
                    writer.add_document(key=d.key, **{name: words for name, words in cut.items() if words})
            self._searchers[kind] = made.searcher()

    def search(self, text: str, limit: int, kind: str) -> list[str]:
        from whoosh import query  # noqa: PLC0415

        terms = [
            query.Term(name, word, boost=float(weight))
            for word in unique(self._words(text))
            for name, weight in zip(FIELDS, WEIGHTS, strict=True)
        ]
        searcher = self._searchers[shelf(kind)]
        return [hit["key"] for hit in searcher.search(query.Or(terms), limit=limit)] if terms else []

    def close(self) -> None:
        for searcher in self._searchers.values():
            searcher.close()
        self._folder.cleanup()
