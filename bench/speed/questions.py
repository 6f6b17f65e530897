"""What is asked: short queries, long drafts and prefixes, cut once; every contender gets the same words."""

from __future__ import annotations

import random
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from bench.speed.library import Base, Shelf

SEED = 20261122
LIMIT = 20
KINDS = ("short", "long")
_HAN = re.compile(r"[一-鿿]+")


@dataclass(frozen=True)
class Question:
    """Records that hold any of ``words`` and have ``value`` in ``facet``: the best 20, and counts of all by facet."""

    words: tuple[str, ...]
    facet: str
    value: str


@dataclass(frozen=True)
class Answer:
    """How many records, how many of each facet's values (none of none), and the numbers of the best."""

    total: int
    counts: Mapping[str, Mapping[str, int]]
    best: Sequence[int]

    def same(self, other: Answer) -> bool:
        """Whether both found as many, in all and by facet; order is each engine's own."""
        return self.total == other.total and self.counts == other.counts


def made(shelf: Shelf, count: int) -> dict[str, list[Question]]:
    """``count`` questions of each kind, always the same ones."""
    chance = random.Random(SEED)  # noqa: S311 - not a secret
    records = range(len(shelf.documents))
    asked: dict[str, list[Question]] = {kind: [] for kind in KINDS}
    while len(asked["short"]) < count:
        n = chance.choice(records)
        words = _words(shelf, shelf.documents[n].sorts["name"] + shelf.documents[n].facets["use"])
        if len(words) > 1:
            words = chance.sample(words, min(len(words), chance.randint(2, 4)))
            asked["short"].append(_question(shelf.base, words, chance, len(asked["short"])))
    for k in range(count):
        asked["long"].append(_question(shelf.base, _words(shelf, draft(shelf, chance)), chance, k))
    return asked


def draft(shelf: Shelf, chance: random.Random, length: int | None = None) -> str:
    """A draft of ``length`` characters, by default 150 to 500: definitions of one domain strung together."""
    length = length or chance.randint(150, 500)
    domain = chance.choice(shelf.documents).facets["domain"]
    same = [n for n, d in enumerate(shelf.documents) if d.facets["domain"] == domain]
    text = ""
    while len(text) < length:
        text += shelf.definitions[chance.choice(same)].rstrip("。") + "。"
    return text[:length]


def prefixes(shelf: Shelf, count: int) -> list[str]:
    """What somebody has typed of a name or a use: one to four characters."""
    chance = random.Random(SEED + 1)  # noqa: S311 - not a secret
    texts = [c.text for c in shelf.completions if _HAN.fullmatch(c.text) and len(c.text) > 4]
    return [chance.choice(texts)[: chance.randint(1, 4)] for _ in range(count)]


def _words(shelf: Shelf, text: str) -> list[str]:
    return list(dict.fromkeys(w for w in shelf.analyzer.words(text) if len(w) > 1 and not w[0].isdigit()))


def _question(base: Base, words: Sequence[str], chance: random.Random, number: int) -> Question:
    """With the kind and the domain of a record as filters in turn, so as often as the library has them."""
    column, values = base.facets[facet := ("kind", "domain")[number % 2]]
    return Question(tuple(words), facet, values[int(column[chance.randrange(len(column))])])
