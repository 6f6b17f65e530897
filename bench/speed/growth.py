"""The library grown to any size, always the same: its documents drawn again with other words in them.

A grown document takes length, facets, visibility, owner and class from one of the library, and keeps most of its
words. Some are replaced by a word of the same field, as often as that field says it (so that Zipf's law stays as the
library has it), some by a word that the library does not know. How many of these there are follows Heaps' law with the
exponent that the library itself shows; an older one is likelier than a newer one. Nothing is kept: a chunk is made
again from its number whenever it is asked for.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import TypeVar, overload

import numpy as np
from numpy.typing import NDArray

from bench.speed.library import CODE, FACETS, SCHEMA, WORDS, Base, Ints, Stream
from indexer.engine import Document

SEED = 20261121
# The share of a field's words that is replaced; class and category belong to the facets, which are kept.
REPLACED = {"name": 0.3, "keywords": 0.3, "body": 0.35, "chars": 0.2}
# The fields that bring new words, and the least share of their replaced words that the library does not know.
OPEN, UNKNOWN = ("name", "keywords", "body"), 0.08
# An unknown word's rank is a uniform number to this power: its frequency falls with rank to the -(1 - 1/4).
SKEW = 4
# Unknown words are two characters of a block that the library does not use.
_FIRST, _BLOCK = 0x3400, 6500
Item = TypeVar("Item")


@dataclass(frozen=True)
class Chunk:
    """Some documents in a row: the number of the first, the library's document behind each, streams by field."""

    first: int
    sources: NDArray[np.int64]
    fields: dict[str, Stream]


@dataclass
class Grown:
    """The library at ``size`` documents. ``spent`` is the seconds that went into making documents."""

    base: Base
    size: int
    spent: float = field(default=0.0, init=False)

    def __post_init__(self) -> None:
        self._exponent = _heaps(self.base)

    def chunks(self) -> Iterator[Chunk]:
        """Every document, a library's worth at a time."""
        return self.timed(self._chunk(first) for first in range(0, self.size, len(self.base)))

    def vocabulary(self) -> list[str]:
        """Every word by its number."""
        unknown = self._unknown(-(-self.size // len(self.base)))
        return [*self.base.vocabulary, *map(unknown_word, range(unknown))]

    def rows(self) -> Iterator[tuple[int, int, dict[str, list[str]]]]:
        """Number, document of the library behind it, and words by field of every document."""
        return self.timed(self._rows(WORDS))

    def facet(self, name: str) -> tuple[Ints, tuple[str, ...]]:
        """A facet's value for every document, as a number into its values."""
        column, values = self.base.facets[name]
        return column[self.sources()], values

    def sources(self) -> NDArray[np.int64]:
        """The document of the library behind every document."""
        return np.concatenate([self._sources(first) for first in range(0, self.size, len(self.base))])

    def _rows(self, names: Sequence[str]) -> Iterator[tuple[int, int, dict[str, list[str]]]]:
        word = self.vocabulary().__getitem__
        for first in range(0, self.size, len(self.base)):
            chunk = self._chunk(first)
            streams = [(n, chunk.fields[n].starts.tolist(), chunk.fields[n].tokens.tolist()) for n in names]
            for k, source in enumerate(chunk.sources.tolist()):
                yield chunk.first + k, source, {n: [*map(word, t[s[k] : s[k + 1]])] for n, s, t in streams}

    def _sources(self, first: int) -> NDArray[np.int64]:
        count = min(len(self.base), self.size - first)
        if not first:
            return np.arange(count)
        return np.random.default_rng([SEED, first, 0]).integers(0, len(self.base), count)

    def _chunk(self, first: int) -> Chunk:
        sources = self._sources(first)
        streams = {name: stream.of_documents(sources) for name, stream in self.base.fields.items()}
        if first:
            before, after = (self._unknown(first // len(self.base) + k) for k in (0, 1))
            new = len(self.base.vocabulary) + np.arange(before, after)
            for n, (name, share) in enumerate(REPLACED.items()):
                chance = np.random.default_rng([SEED, first, 1 + n])
                tokens = streams[name].tokens
                places = np.flatnonzero(chance.random(len(tokens)) < share)
                tokens[places] = chance.choice(self.base.fields[name].tokens, len(places))
                if name in OPEN:
                    fresh = new[OPEN.index(name) :: len(OPEN)]
                    unknown = chance.permutation(places)[: max(len(fresh), round(UNKNOWN * len(places)))]
                    older = (max(before, 1) * chance.random(len(unknown)) ** SKEW).astype(np.int64)
                    tokens[unknown] = len(self.base.vocabulary) + older
                    tokens[unknown[: len(fresh)]] = fresh[: len(unknown)]
        return Chunk(first, sources, streams)

    def _unknown(self, chunks: int) -> int:
        """How many words the first ``chunks`` library's worths hold that the library does not."""
        return round(len(self.base.vocabulary) * (math.pow(max(chunks, 1), self._exponent) - 1))

    def timed(self, found: Iterator[Item]) -> Iterator[Item]:
        """The same, counting the time that making it takes."""
        while True:
            begun = time.perf_counter()
            try:
                item = next(found)
            except StopIteration:
                return
            finally:
                self.spent += time.perf_counter() - begun
            yield item


def unknown_word(number: int) -> str:
    """A word that the library does not know."""
    return chr(_FIRST + number // _BLOCK) + chr(_FIRST + number % _BLOCK)


def _heaps(base: Base) -> float:
    """The exponent of Heaps' law: how the vocabulary of half of the library, drawn blindly, grows to the whole."""
    half = np.random.default_rng(SEED).permutation(len(base))[: len(base) // 2]
    counts = []
    for streams in ([s.of_documents(half) for s in map(base.fields.get, OPEN) if s], map(base.fields.get, OPEN)):
        tokens = np.concatenate([s.tokens for s in streams if s])
        counts.append((len(tokens), len(np.unique(tokens))))
    (fewer, some), (more, all_) = counts
    return math.log(all_ / some) / math.log(more / fewer)


class Documents(Sequence[Document]):
    """The product's own documents of one edition, made again at every pass and never kept."""

    def __init__(self, grown: Grown, *, restricted: bool) -> None:
        self._grown = grown
        self._restricted = restricted
        self._count = int(np.count_nonzero(grown.base.restricted[grown.sources()] == restricted))

    def __len__(self) -> int:
        return self._count

    def __iter__(self) -> Iterator[Document]:
        return self._grown.timed(self._all())

    @overload
    def __getitem__(self, at: int) -> Document: ...
    @overload
    def __getitem__(self, at: slice) -> Sequence[Document]: ...
    def __getitem__(self, at: int | slice) -> Document | Sequence[Document]:
        raise TypeError("read from beginning to end only")

    def _all(self) -> Iterator[Document]:
        base = self._grown.base
        facets = [
            dict(zip(FACETS, values, strict=True))
            for values in zip(*([v[n] for n in c.tolist()] for c, v in map(base.facets.get, FACETS)), strict=True)  # type: ignore[misc]
        ]
        names = [f.name for f in SCHEMA.fields if f.name != CODE]
        for number, source, terms in self._grown._rows(names):
            if base.restricted[source] != self._restricted:
                continue
            code = f"{number:07d}"
            yield Document(
                id=code,
                terms={**terms, CODE: [code]},
                facets=facets[source],
                restricted=self._restricted,
                owner=base.owners[source],
                literal=base.literals[source],
                digest=code,
                sorts={"code": code, "name": base.names[source], "updated": ""},
            )


def names(base: Base, size: int) -> Iterator[str]:
    """The names of a library of that size: those of the library, then the same with other words in them."""
    yield from base.names
    stream = base.fields["name"]
    pool = [w for w in (base.vocabulary[t] for t in np.unique(stream.tokens).tolist()) if len(w) > 1]
    for first in range(len(base), size, len(base)):
        chance = np.random.default_rng([SEED, first, 9])
        count = min(len(base), size - first)
        sources = chance.integers(0, len(base), count).tolist()
        for source, word, side in zip(
            sources, chance.integers(0, len(pool), count).tolist(), chance.random(count), strict=True
        ):
            name = base.names[source]
            middle = len(name) // 2
            yield pool[word] + name[middle:] if side < 0.5 else name[:middle] + pool[word] + name[middle:]
