"""Typing errors inside a query: 消访车购置 for 消防车购置. Words come from the public lexicon alone, whoever asks."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import cached_property

from corpus.text import fold
from indexer.analysis import Analyzer
from indexer.pinyin import Pinyin

# The lengths of words that are corrected, and how many errors a query may have.
SHORTEST, LONGEST, ERRORS = 2, 6, 3
_HAN = re.compile(r"[一-鿿]+")
_GAP = "\0"


class Spelling:
    """Finds the lexicon's word where one character of it was mistaken. Threads share it."""

    def __init__(self, lexicon: Sequence[str], analyzer: Analyzer, pinyin: Pinyin) -> None:
        self._lexicon, self._analyzer, self._pinyin = frozenset(lexicon), analyzer, pinyin

    @cached_property
    def _patterns(self) -> dict[str, list[str]]:
        """Words by what is left of them without one character."""
        found: dict[str, list[str]] = {}
        for word in sorted(self._lexicon):
            if SHORTEST <= len(word) <= LONGEST and _HAN.fullmatch(word):
                for k in range(len(word)):
                    found.setdefault(f"{word[:k]}{_GAP}{word[k + 1 :]}", []).append(word)
        return found

    def corrections(self, text: str) -> list[tuple[str, str]]:
        """(typed, meant) pieces of a text, in the order of finding; pieces of words that are known stay as they are."""
        found: list[tuple[str, str]] = []
        rest = fold(text)
        while len(found) < ERRORS and (pair := self._first(rest)):
            found.append(pair)
            rest = rest.replace(pair[0], " ", 1)
        return found

    def _first(self, text: str) -> tuple[str, str] | None:
        strange = self._strange(text)
        if sum(strange) < SHORTEST:
            return None
        for length in range(min(LONGEST, len(text)), SHORTEST - 1, -1):
            for start in range(len(text) - length + 1):
                typed = text[start : start + length]
                if sum(strange[start : start + length]) < SHORTEST or typed in self._lexicon:
                    continue
                meant = [m for k, m in self._meant(typed) if strange[start + k]]
                if not meant:
                    continue
                # Of two characters one is little to go by: it must at least sound the same.
                sound = self._pinyin(typed)[0]
                meant = [m for m in meant if length > SHORTEST or self._pinyin(m)[0] == sound]
                if meant:
                    return typed, min(meant, key=lambda m: (self._pinyin(m)[0] != sound, m))
        return None

    def _meant(self, typed: str) -> Iterator[tuple[int, str]]:
        for k in range(len(typed)):
            for word in self._patterns.get(f"{typed[:k]}{_GAP}{typed[k + 1 :]}", ()):
                yield k, word

    def _strange(self, text: str) -> list[bool]:
        """Which characters belong to no known word of two and more."""
        strange = ["一" <= c <= "鿿" for c in text]
        at = 0
        for word in self._analyzer.words(text):
            start = text.find(word, at)
            at = start + len(word)
            if len(word) > 1 and self._analyzer.known(word):
                strange[start:at] = [False] * len(word)
        return strange
