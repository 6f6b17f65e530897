"""The shipped library as token streams, cut once by the product's analyzer; what every contender is built from."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from corpus import indicators, reference, words
from corpus.store import Store
from corpus.text import fold
from indexer import complete, documents
from indexer.analysis import Analyzer
from indexer.complete import Completion
from indexer.engine import Document

FACETS = ("kind", "domain", "level2")
# The product's own fields; of the facets those that every contender counts.
SCHEMA = replace(documents.INDICATORS, facets=FACETS)
WORDS = tuple(f.name for f in SCHEMA.fields if f.group == "words")
# What peers without weights for fields are given: a word of the field so many times.
REPEATS = {f.name: max(1, round(f.weight)) for f in SCHEMA.fields if f.group == "words"}
# Given to each document by its number, not drawn from the library.
CODE = "code"
Ints = NDArray[np.int32]


@dataclass(frozen=True)
class Stream:
    """Tokens end to end; those of document n are ``tokens[starts[n]:starts[n + 1]]``."""

    starts: NDArray[np.int64]
    tokens: Ints

    @classmethod
    def of(cls, lists: Sequence[Sequence[int]]) -> Stream:
        starts = np.zeros(len(lists) + 1, np.int64)
        np.cumsum([len(one) for one in lists], out=starts[1:])
        return cls(starts, np.fromiter((t for one in lists for t in one), np.int32, int(starts[-1])))

    def of_documents(self, numbers: NDArray[np.int64]) -> Stream:
        """The streams of those documents in that order."""
        lengths = np.diff(self.starts)[numbers]
        starts = np.zeros(len(numbers) + 1, np.int64)
        np.cumsum(lengths, out=starts[1:])
        places = np.repeat(self.starts[numbers] - starts[:-1], lengths) + np.arange(starts[-1])
        return Stream(starts, self.tokens[places])


@dataclass(frozen=True)
class Base:
    """The library: token streams by field, facet columns, what is restricted, and the characters of every record."""

    vocabulary: tuple[str, ...]
    fields: dict[str, Stream]
    facets: dict[str, tuple[Ints, tuple[str, ...]]]
    restricted: NDArray[np.bool_]
    names: tuple[str, ...]
    owners: tuple[str, ...]
    literals: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.names)

    @classmethod
    def of(cls, found: Sequence[Document]) -> Base:
        """The library of index documents."""
        known: dict[str, int] = {}
        fields = {
            f.name: Stream.of([[known.setdefault(t, len(known)) for t in d.terms[f.name]] for d in found])
            for f in SCHEMA.fields
            if f.name != CODE
        }
        facets = {}
        for facet in FACETS:
            values = tuple(sorted({d.facets[facet] for d in found}))
            facets[facet] = np.array([values.index(d.facets[facet]) for d in found], np.int32), values
        return cls(
            vocabulary=tuple(known),
            fields=fields,
            facets=facets,
            restricted=np.array([d.restricted for d in found]),
            names=tuple(d.sorts["name"] for d in found),
            owners=tuple(d.owner for d in found),
            literals=tuple("".join(d.literal) for d in found),
        )

    def save(self, folder: Path) -> None:
        """Write it for other processes."""
        arrays = {f"{part}-{f}": getattr(s, part) for f, s in self.fields.items() for part in ("starts", "tokens")}
        arrays |= {f"facet-{name}": column for name, (column, _) in self.facets.items()}
        np.savez(folder / "base.npz", restricted=self.restricted, **arrays)
        texts = {
            "vocabulary": self.vocabulary,
            "facets": {name: values for name, (_, values) in self.facets.items()},
            "names": self.names,
            "owners": self.owners,
            "literals": self.literals,
        }
        (folder / "base.json").write_text(json.dumps(texts, ensure_ascii=False), encoding="utf-8")

    @classmethod
    def load(cls, folder: Path) -> Base:
        """What :meth:`save` wrote."""
        arrays = np.load(folder / "base.npz")
        texts = json.loads((folder / "base.json").read_text(encoding="utf-8"))
        names = [f.name for f in SCHEMA.fields if f.name != CODE]
        return cls(
            vocabulary=tuple(texts["vocabulary"]),
            fields={name: Stream(arrays[f"starts-{name}"], arrays[f"tokens-{name}"]) for name in names},
            facets={name: (arrays[f"facet-{name}"], tuple(values)) for name, values in texts["facets"].items()},
            restricted=arrays["restricted"],
            names=tuple(texts["names"]),
            owners=tuple(texts["owners"]),
            literals=tuple(texts["literals"]),
        )


@dataclass(frozen=True)
class Shelf:
    """The library as it was read: for the questions and the completion list."""

    base: Base
    documents: tuple[Document, ...]
    definitions: tuple[str, ...]
    completions: tuple[Completion, ...]
    analyzer: Analyzer


def read() -> Shelf:
    """Load the shipped library and cut it."""
    with _store() as store:
        synonyms = words.synonyms(store)
        lexicon = sorted({fold(t) for t in words.lexicon(store)} | {fold(s.term) for s in synonyms})
        analyzer = Analyzer(lexicon, cache=store.folder / "cache")
        records = list(indicators.active(store, "full"))
        found = tuple(documents.of_indicator(i, analyzer) for i in records)
        return Shelf(
            Base.of(found), found, tuple(i.definition for i in records), tuple(complete.texts(store)), analyzer
        )


@contextmanager
def _store() -> Iterator[Store]:
    with tempfile.TemporaryDirectory() as folder:
        store = Store.create(Path(folder))
        try:
            reference.load(store)
            yield store
        finally:
            store.close()
