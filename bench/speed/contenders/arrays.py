"""Arrays of ready scores: bm25s, the same compiled by numba, and the plainest way with numpy.

None of them knows filters or facets: those are counted here, the same way for all, over facet columns of small
integers.
"""

from __future__ import annotations

import json
import logging
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench.speed.contenders.contender import Contender, answer
from bench.speed.growth import Grown
from bench.speed.library import FACETS, REPEATS, SCHEMA, WORDS, Ints
from bench.speed.questions import LIMIT, Answer, Question

K1 = 1.2


class Columns:
    """Facet columns, and what is done with a score for every document."""

    def __init__(self, folder: Path) -> None:
        self._columns = {f: np.load(folder / f"facet-{f}.npy") for f in FACETS}
        self._values: dict[str, list[str]] = json.loads((folder / "facets.json").read_text(encoding="utf-8"))

    @staticmethod
    def save(library: Grown, folder: Path) -> None:
        found = {f: library.facet(f) for f in FACETS}
        for facet, (column, _) in found.items():
            np.save(folder / f"facet-{facet}.npy", column)
        values = {facet: values for facet, (_, values) in found.items()}
        (folder / "facets.json").write_text(json.dumps(values, ensure_ascii=False), encoding="utf-8")

    def answer(self, scores: NDArray[np.float32], question: Question) -> Answer:
        """Filter, count, and take the best of the documents with a score."""
        wanted = self._values[question.facet].index(question.value)
        found = np.flatnonzero((scores > 0) & (self._columns[question.facet] == wanted))
        counts = {}
        for facet, column in self._columns.items():
            sizes = np.bincount(column[found]).tolist()
            counts[facet] = {v: n for v, n in zip(self._values[facet], sizes, strict=False) if n and v}
        points = scores[found]
        best = np.argpartition(points, -LIMIT)[-LIMIT:] if len(points) > LIMIT else np.arange(len(points))
        best = best[np.argsort(-points[best])]
        return answer(counts, found[best].tolist())


class Bm25s(Contender):
    """bm25s as it comes; it has no fields, so a name's words are said three times."""

    name = "bm25s"
    module = "bm25s"
    backend = "numpy"

    def build(self, library: Grown, folder: Path) -> None:
        import bm25s  # noqa: PLC0415 - optional

        logging.getLogger("bm25s").setLevel(logging.ERROR)
        vocabulary = library.vocabulary()
        # One object for each number, not one for each time that it is said.
        numbers = list(range(len(vocabulary)))
        said = []
        for chunk in library.chunks():
            streams = [(chunk.fields[f].starts.tolist(), chunk.fields[f].tokens.tolist(), REPEATS[f]) for f in WORDS]
            for k in range(len(chunk.sources)):
                said.append([numbers[t] for s, tokens, n in streams for t in tokens[s[k] : s[k + 1]] * n])
        index = bm25s.BM25(k1=K1, backend="numba" if find_spec("numba") else "numpy")
        index.index((said, {word: n for n, word in enumerate(vocabulary)}), show_progress=False)
        index.save(str(folder), show_progress=False)
        Columns.save(library, folder)

    def open(self, folder: Path) -> None:
        import bm25s  # noqa: PLC0415

        self._index: Any = bm25s.BM25.load(str(folder), mmap=True)
        self._index.backend = self.backend
        if self.backend == "numba":
            self._index.activate_numba_scorer()
        else:
            self._index._compute_relevance_from_scores = bm25s.BM25._compute_relevance_from_scores
        self._index.scores = {
            k: v.view(np.ndarray) if isinstance(v, np.ndarray) else v for k, v in self._index.scores.items()
        }
        self._columns = Columns(folder)

    def ask(self, question: Question) -> Answer:
        numbers = self._index.get_tokens_ids(question.words)
        return self._columns.answer(self._index.get_scores_from_ids(numbers), question)


class Bm25sNumba(Bm25s):
    """The same with its scores added up by compiled code."""

    name = "bm25s-numba"
    built_by = Bm25s.name
    backend = "numba"

    def missing(self, size: int) -> str | None:
        return super().missing(size) or (None if find_spec("numba") else "numba is not installed")


class Impacts(Contender):
    """Field-boosted BM25 impacts, one row per word, added up by numpy."""

    name = "numpy arrays"

    def build(self, library: Grown, folder: Path) -> None:
        size, words = library.size, len(library.vocabulary())
        frequencies = {f: np.zeros(words, np.int64) for f in WORDS}
        lengths = dict.fromkeys(WORDS, 0)
        for chunk in library.chunks():
            for f in WORDS:
                found, _ = _counted(chunk.fields[f].starts, chunk.fields[f].tokens, words)
                frequencies[f] += np.bincount(found % words, minlength=words)
                lengths[f] += len(chunk.fields[f].tokens)
        parts: list[tuple[Ints, Ints, NDArray[np.float32]]] = []
        for chunk in library.chunks():
            keys, points = [], []
            for field in (f for f in SCHEMA.fields if f.name in WORDS):
                stream = chunk.fields[field.name]
                found, times = _counted(stream.starts, stream.tokens, words)
                document, word = found // words, found % words
                share = np.diff(stream.starts)[document] / (lengths[field.name] / size)
                norm = K1 * (1 - field.b + field.b * share)
                frequency = frequencies[field.name][word]
                idf = np.log(1 + (size - frequency + 0.5) / (frequency + 0.5))
                keys.append(found)
                points.append(field.weight * idf * times * (K1 + 1) / (times + norm))
            key, at = np.unique(np.concatenate(keys), return_inverse=True)
            total = np.bincount(at, weights=np.concatenate(points)).astype(np.float32)
            parts.append(((key % words).astype(np.int32), (chunk.first + key // words).astype(np.int32), total))
        word, document, total = (np.concatenate(part) for part in zip(*parts, strict=True))
        parts.clear()
        order = np.argsort(word, kind="stable")
        starts = np.zeros(words + 1, np.int64)
        np.cumsum(np.bincount(word, minlength=words), out=starts[1:])
        np.save(folder / "starts.npy", starts)
        np.save(folder / "documents.npy", document[order])
        np.save(folder / "impacts.npy", total[order])
        (folder / "words.json").write_text(json.dumps(library.vocabulary(), ensure_ascii=False), encoding="utf-8")
        Columns.save(library, folder)

    def open(self, folder: Path) -> None:
        words = json.loads((folder / "words.json").read_text(encoding="utf-8"))
        self._rows = {word: n for n, word in enumerate(words)}
        self._starts = np.load(folder / "starts.npy").tolist()
        self._documents = np.load(folder / "documents.npy", mmap_mode="r").view(np.ndarray)
        self._impacts = np.load(folder / "impacts.npy", mmap_mode="r").view(np.ndarray)
        self._columns = Columns(folder)
        self._scores = np.zeros(len(self._columns._columns[FACETS[0]]), np.float32)

    def ask(self, question: Question) -> Answer:
        self._scores.fill(0)
        for word in question.words:
            row = self._rows.get(word)
            if row is not None:
                start, end = self._starts[row], self._starts[row + 1]
                self._scores[self._documents[start:end]] += self._impacts[start:end]
        return self._columns.answer(self._scores, question)

    def postings(self, question: Question) -> int:
        """How many postings the words of a question have."""
        rows = [self._rows[word] for word in question.words if word in self._rows]
        return sum(self._starts[row + 1] - self._starts[row] for row in rows)


def _counted(starts: NDArray[np.int64], tokens: Ints, words: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Every (document, word) once as document x words + word, and how often it stands there."""
    documents = np.repeat(np.arange(len(starts) - 1), np.diff(starts))
    found, times = np.unique(documents * words + tokens, return_counts=True)
    return found, times
