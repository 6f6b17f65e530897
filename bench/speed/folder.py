"""A data folder of any size, always the same: the library's records again with other words, put into a store.

A grown record keeps the class, use, owner and visibility of one of the library. Half of its name is another word, its
definition begins with a clause of another's, and some definitions end with a word that the library does not know; of
these there are as many as :mod:`bench.speed.growth` says, and older ones are likelier.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from bench.speed.growth import SEED, SKEW, unknown_word
from corpus import indicators, reference
from corpus.model import Indicator
from corpus.store import Store

# How many words the library does not know come with its first doubling, and by which power of its size they grow.
UNKNOWN, EXPONENT = 6000, 0.6
# The share of definitions that end with such a word.
SHARE = 0.5


def fill(folder: Path, size: int) -> int:
    """Make a data folder of ``size`` indicators, not indexed, and all else that ships; gives how many there are."""
    store = Store.create(folder)
    reference.load(store)
    base = list(indicators.active(store, "full"))
    # One transaction each: a log that is never read back into the file would grow to its size.
    for grown in chunks(base, size):
        indicators.put(store, grown, actor="", action="import", detail="bench")
    count = int(store.value("select count(*) from indicators where status = 'active'"))
    store.close()
    return count


def chunks(base: Sequence[Indicator], size: int) -> Iterator[list[Indicator]]:
    """The records beyond those of the library, a library's worth at a time."""
    words = sorted({word for i in base for word in i.keywords if 2 <= len(word) <= 6})
    for first in range(len(base), size, len(base)):
        chance = np.random.default_rng([SEED, first, 11])
        count = min(len(base), size - first)
        sources, others = chance.integers(0, len(base), (2, count)).tolist()
        drawn, sides = chance.integers(0, len(words), count).tolist(), (chance.random(count) < 0.5).tolist()
        known = round(UNKNOWN * (first / len(base)) ** EXPONENT)
        unknown = (known * chance.random(count) ** SKEW).astype(int).tolist()
        ends = (chance.random(count) < SHARE).tolist()
        made = []
        for k in range(count):
            source, word = base[sources[k]], words[drawn[k]]
            middle = len(source.name) // 2
            code = f"{source.category.code}{first + k:07d}"
            clause = base[others[k]].definition.partition("，")[0]
            end = unknown_word(unknown[k]) if ends[k] else ""
            made.append(
                replace(
                    source,
                    id=indicators.indicator_id(code),
                    code=code,
                    name=word + source.name[middle:] if sides[k] else source.name[:middle] + word,
                    definition=f"{clause}，{source.definition}{end}",
                )
            )
        yield made
