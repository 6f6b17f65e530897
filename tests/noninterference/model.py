"""A model of meaning that anybody can follow: texts that share pairs of characters are alike."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import blake2b
from itertools import pairwise

import numpy as np

from indexer.semantic import Vectors


class Bigrams:
    label = "bigrams"
    name = "bigrams 64"
    dimension = 64

    def queries(self, texts: Sequence[str]) -> Vectors:
        found = np.full((len(texts), self.dimension), 1e-3, dtype=np.float32)
        for row, text in zip(found, texts, strict=True):
            for pair in pairwise(text):
                row[blake2b("".join(pair).encode(), digest_size=1).digest()[0] % self.dimension] += 1
        return np.asarray(found / np.linalg.norm(found, axis=1, keepdims=True), dtype=np.float32)

    passages = queries
