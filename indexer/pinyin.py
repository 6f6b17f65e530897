"""How Chinese texts are spelt in pinyin. pypinyin is imported here and nowhere else.

Its dictionaries take a third of a second and fifty megabytes. What is asked of them here takes a tenth of either and is
kept in a file.
"""

from __future__ import annotations

import re
import threading
from array import array
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import cache, cached_property, lru_cache
from importlib.metadata import version
from pathlib import Path
from typing import Self

import orjson

from corpus.text import fold
from indexer import kept

# So many texts' spellings are remembered.
HEARD = 1 << 15

# What is read once in a process, by one thread while others wait: pypinyin's modules import each other in circles, and
# two threads that meet on the way fail.
_loading = threading.Lock()
_read: list[Readings] = []


class Pinyin:
    """Spells texts as pypinyin does. Threads share it; it reads when it is first asked."""

    def __init__(self, folder: Path | None = None) -> None:
        """``folder`` is where what is derived from pypinyin's dictionaries is kept, if anywhere."""
        self._folder = folder

    def __call__(self, text: str) -> tuple[str, str]:
        """Full pinyin without tones or blanks, and initials: ``农村公路`` -> ``nongcungonglu``, ``ncgl``.

        ü is written u on both sides, so that lü, lv and lu all find 率.
        """
        if not _read:
            with _loading:
                if not _read:
                    _read.append(Readings.kept(self._folder))
        return _spelt(text)


@lru_cache(maxsize=HEARD)
def _spelt(text: str) -> tuple[str, str]:
    syllables = [*_read[0].syllables(fold(text))]
    return "".join(syllables), "".join([syllable[0] for syllable in syllables if syllable])


@dataclass(frozen=True)
class Readings:
    """Of pypinyin's dictionaries what tells spellings without tones.

    ``hans`` is a regular expression of Han characters, ``characters`` are those of each syllable. ``phrases`` are the
    words that readings are told apart by, with their syllables, or without where they are those of its characters; and
    with None what words only begin with.
    """

    hans: str
    characters: dict[str, str]
    phrases: dict[str, str | None]

    @classmethod
    def kept(cls, folder: Path | None) -> Self:
        """From the file in a folder; where there is none, from pypinyin, and written there."""
        source = f"pypinyin {version('pypinyin')}"
        path = folder / "pinyin.bin" if folder else None
        content = kept.load(path, source) if path else None
        if content is not None:
            return cls(*orjson.loads(content))
        found = cls.derived()
        if path:
            with suppress(OSError):  # a full disk makes the next start slower, no more
                kept.save(path, source, orjson.dumps([found.hans, found.characters, found.phrases]))
        return found

    @classmethod
    def derived(cls) -> Self:
        """From pypinyin."""
        from pypinyin import Style  # noqa: PLC0415
        from pypinyin.constants import PHRASES_DICT, PINYIN_DICT, RE_HANS  # noqa: PLC0415
        from pypinyin.style import convert  # noqa: PLC0415

        @cache
        def toneless(reading: str) -> str:
            return fold_latin(convert(reading, Style.NORMAL, strict=True))

        alone = {chr(code): toneless(readings.split(",")[0]) for code, readings in PINYIN_DICT.items()}
        characters: dict[str, list[str]] = {}
        for character, syllable in alone.items():
            characters.setdefault(syllable, []).append(character)
        phrases: dict[str, str | None] = {}
        for word, readings in PHRASES_DICT.items():
            for end in range(2, len(word)):
                phrases.setdefault(word[:end])
            spelt = [toneless(reading[0]) for reading in readings]
            phrases[word] = "" if spelt == [*map(alone.get, word)] else " ".join(spelt)
        return cls(RE_HANS.pattern[1:-1], {syllable: "".join(found) for syllable, found in characters.items()}, phrases)

    def syllables(self, text: str) -> Iterator[str]:
        """Of each character in turn, of a word as it is read there; what is not Han as it is, without blanks."""
        for word in self._words(text):
            spelt = self.phrases.get(word)
            yield from spelt.split(" ") if spelt else map(self._syllable, word)

    def _syllable(self, character: str) -> str:
        numbers, code = self._numbers, ord(character)
        number = numbers[code] if code < len(numbers) else 0
        return self._listed[number] if number else fold_latin(character)

    def _words(self, text: str) -> Iterator[str]:
        """The words that readings are told apart by, and what stands between Han characters."""
        phrases = self.phrases
        for n, run in enumerate(self._split.split(text)):
            if not n % 2:
                yield run
                continue
            start, end = 0, len(run)
            while start < end:
                known, beyond = start + 1, start + 2
                # The longest phrase, as long as there is one that begins so.
                while beyond <= end and (word := run[start:beyond]) in phrases:
                    if phrases[word] is not None:
                        known = beyond
                    beyond += 1
                if beyond > end and known == start + 1:
                    yield from run[start:]  # pypinyin looks no further where a phrase may have been broken off
                    break
                yield run[start:known]
                start = known

    @cached_property
    def _split(self) -> re.Pattern[str]:
        return re.compile(f"({self.hans})")

    @cached_property
    def _listed(self) -> tuple[str, ...]:
        return "", *self.characters

    @cached_property
    def _numbers(self) -> array[int]:
        """By code point which of the syllables it has."""
        numbers = array("H", bytes(2 * (1 + max(map(ord, "".join(self.characters.values()))))))
        for number, characters in enumerate(self.characters.values(), 1):
            for character in characters:
                numbers[ord(character)] = number
        return numbers


def fold_latin(text: str) -> str:
    """Latin input as pinyin is compared: folded, blanks and tone apostrophes dropped, ü and v as u."""
    return re.sub(r"[\s'’·-]+", "", fold(text)).replace("ü", "u").replace("v", "u")
