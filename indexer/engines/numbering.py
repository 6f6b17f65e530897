"""Documents of several segments under one number each: those of a segment come after those of the one before it."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from itertools import accumulate

import numpy as np

from indexer.engines.arrays import Array
from indexer.engines.scores import Scores

# Of no more documents ids are held ready, and the orders of the segments are made one: some 2 us and 60 bytes for each.
_READY = 1 << 17


class Numbering:
    """``bases`` are the first number of each segment and, last, how many documents there are.

    ``order`` ranks documents by code and then id; through all segments if ``merged``, else each segment by itself.
    """

    def __init__(self, scores: Sequence[Scores]) -> None:
        self._scores = scores
        self.bases = [*accumulate((one.size for one in scores), initial=0)]
        self.order = np.concatenate([one.order for one in scores])
        self._ids = [id for one in scores for id in one.ids] if self.bases[-1] <= _READY else []
        filled = [one for one in scores if one.size]
        self.merged = len(filled) < 2
        if self._ids and not self.merged and all("code" in one.sorts for one in filled):
            self.order, self.merged = self._merge(), True

    def segments(self, numbers: Sequence[int]) -> list[int]:
        """The segments that documents are of."""
        return [bisect_right(self.bases, number) - 1 for number in numbers]

    def ids(self, numbers: Sequence[int]) -> list[str]:
        """What documents are called."""
        return [*map(self._ids.__getitem__ if self._ids else self._id, numbers)]

    def _id(self, number: int) -> str:
        segment = bisect_right(self.bases, number) - 1
        return self._scores[segment].ids[number - self.bases[segment]]

    def name(self, number: int) -> tuple[str, str]:
        """The code and id of a document."""
        return self.value(number, "code"), self._id(number)

    def value(self, number: int, sort: str) -> str:
        """What a document has to be ordered by."""
        segment = bisect_right(self.bases, number) - 1
        ranks, values = self._scores[segment].sorts[sort]
        return values[int(ranks[number - self.bases[segment]])]

    def _merge(self) -> Array:
        """One order out of those of the segments."""
        codes: list[str] = []
        numbers: list[int] = []
        for base, one in zip(self.bases, self._scores, strict=False):
            if one.size:
                ranks, values = one.sorts["code"]
                codes += map([*values].__getitem__, ranks.tolist())
                numbers += (base + np.argsort(one.order)).tolist()
        # What is in order already is but merged.
        numbers.sort(key=[*zip(codes, self._ids, strict=True)].__getitem__)
        order = np.empty(len(numbers), np.int32)
        order[numbers] = np.arange(len(numbers))
        return order
