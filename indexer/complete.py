"""As-you-type: prefixes, parts, pinyin, initials and typing errors over the public vocabulary.

Texts come from public records alone, whoever asks.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence, Set
from copy import copy
from dataclasses import dataclass
from math import ceil
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from rapidfuzz import process
from rapidfuzz.distance import OSA

from corpus.access import PUBLIC
from corpus.text import fold, han, is_latin, remembered
from indexer.engines import arrays
from indexer.engines.arrays import Array
from indexer.pinyin import Pinyin, fold_latin
from indexer.strings import Column, Searched, Sorted, ascending

if TYPE_CHECKING:
    from corpus.store import Store

KINDS = {"use": "用途", "industry": "行业", "domain": "领域", "indicator": "指标", "word": "词语"}
# Between equally good matches, the more general text comes first: choosing it leaves more to choose from.
_KINDS = ("domain", "industry", "use", "word", "indicator")
# The shortest texts of the vocabulary that may be corrected to, and the shortest input that is.
_MIN_TYPO = 2
# The longest Latin input that is read as pinyin; ten characters are sixty letters at most.
MAX_PINYIN = 60
# How alike a text must be to be taken for a misspelt one, of fewer than five characters and of more.
_ALIKE_SHORT, _ALIKE = 0.66, 0.75
_ROUNDING = 1e-3
# So many texts are given for what a Latin input sounds like.
_SOUNDS = 8
# Of more places than that, the beginnings are looked through first, which may do.
_MANY = 2000
# So many completions are kept once they were made.
_REMEMBERED = 1 << 14
# Short beginnings are folded once: everybody types the same ones.
_beginning = remembered(fold, longest=4, kept=1 << 12)


@dataclass(frozen=True, slots=True)
class Completion:
    """A text to offer; ``id`` names the indicator when it is one."""

    text: str
    kind: str
    id: str = ""

    def as_json(self) -> dict[str, str]:
        found = {"text": self.text, "kind": self.kind}
        return found | {"id": self.id} if self.id else found


def texts(store: Store) -> list[Completion]:
    """Every text that may be offered, each once: the taxonomy of public records, their names, the lexicon."""
    # The second process of a build does without the store.
    from corpus import indicators, words  # noqa: PLC0415

    found: dict[str, Completion] = {}
    names: dict[str, str] = {}
    held = set()
    for id, name, use_code in indicators.names(store):
        names.setdefault(name, id)
        held.add(use_code)
    for use in indicators.visible_uses(store, PUBLIC):
        if use.code not in held:
            continue
        for kind, text in (("domain", use.domain), ("industry", use.industry), ("use", use.use)):
            found.setdefault(text, Completion(text, kind))
    for term in words.lexicon(store):
        found.setdefault(term, Completion(term, "word"))
    for name, id in names.items():
        found.setdefault(name, Completion(name, "indicator", id))
    return list(found.values())


def hear(texts: Iterable[Completion], pinyin: Pinyin) -> None:
    """Work out how texts are spelt, of which some are remembered, for a :func:`save` in the same process."""
    for completion in texts:
        pinyin(completion.text)


def keep(path: Path, texts: Iterable[Completion]) -> None:
    """Write texts down for :func:`save_kept`, so that nobody need hold them meanwhile."""
    path.write_text(json.dumps([(c.text, c.kind, c.id) for c in texts], ensure_ascii=False), encoding="utf-8")


def save_kept(path: Path, kept: Path, present: Set[str], pinyin: Pinyin) -> None:
    """The same as :func:`save`, of the texts in the file ``kept``, which is removed."""
    texts = [Completion(*row) for row in json.loads(kept.read_text(encoding="utf-8"))]
    kept.unlink()
    save(path, texts, present, pinyin)


def save(path: Path, texts: Sequence[Completion], present: Set[str], pinyin: Pinyin) -> None:
    """Write the completion list; ``present`` are the terms of public records, words in none of them are left out."""
    offered = [(c, fold(c.text)) for c in texts]
    offered = [(c, text) for c, text in offered if c.kind != "word" or text in present]
    known = {c.text for c, _ in offered}
    # Words of the records themselves, folded as terms are: what a pinyin or a misspelt word may stand for.
    words = [t for t in sorted(present - known) if len(t) > 1 and not t.isascii()]
    offered += [(Completion(word, "word"), word) for word in words]
    rows = [(c.text, c.kind, c.id, *pinyin(c.text)) for c, _ in offered]
    arrays.save(path, listed(rows, [text for _, text in offered]), None)


def listed(rows: Sequence[tuple[str, str, str, str, str]], folded: Sequence[str] = ()) -> dict[str, Array]:
    """The arrays of a list of (text, kind, id, pinyin, initials); ``folded`` are its texts so, where they are known.

    Texts are numbered by their rank among equally good matches: kind, length, and the order they came in.
    """
    folded = folded or [fold(row[0]) for row in rows]
    kinds = np.array([_KINDS.index(row[1]) for row in rows], np.uint8)
    lengths, folded_lengths = (np.array([*map(len, texts)], np.int32) for texts in ([row[0] for row in rows], folded))
    by_length = np.lexsort((lengths, kinds)).astype(np.int32)
    order = by_length.tolist()
    heard = np.lexsort((by_length, folded_lengths[by_length], kinds[by_length])).astype(np.int32)
    return {
        **Column.of([rows[n][0] for n in order]).arrays("texts"),
        **Searched.of([folded[n] for n in order]).arrays("folded"),
        **Sorted.of([rows[n][2] for n in order]).arrays("ids"),
        **Searched.of([rows[n][3] for n in order]).arrays("pinyin"),
        **Sorted.of([rows[n][4] for n in order]).arrays("initials"),
        "kinds": kinds[by_length],
        "order": by_length,
        "heard": np.argsort(heard).astype(np.int32),
        "by_heard": heard,
    }


class Completer:
    """The completion list of a generation: mapped arrays, of which an answer reads little. Threads share it."""

    def __init__(self, arrays: Mapping[str, Array], pinyin: Pinyin) -> None:
        """``arrays`` are those that :func:`listed` makes."""
        self._arrays, self._heard = arrays, pinyin
        self._gone: frozenset[int] = frozenset()
        self._texts = Column.named("texts", arrays)
        self._folded, self._pinyin = (Searched.named(name, arrays) for name in ("folded", "pinyin"))
        self._ids, self._initials = (Sorted.named(name, arrays) for name in ("ids", "initials"))
        self._kinds = arrays["kinds"].data
        self._made: dict[int, Completion] = {}

    @classmethod
    def load(cls, path: Path, pinyin: Pinyin) -> Completer:
        return cls(arrays.load(path)[0], pinyin)

    def without(self, ids: Collection[str]) -> Completer:
        """The same list without the names of those indicators."""
        if not ids:
            return self
        less = copy(self)
        less._gone = self._gone.union(*(self._ids.whole(id).tolist() for id in ids))
        return less

    def complete(self, typed: str, limit: int = 10) -> list[Completion]:
        """The best texts for what was typed so far: those that begin with it, hold it, sound like it, or nearly do."""
        typed = _beginning(typed)
        if not typed:
            return []
        latin = not han(typed) and is_latin(typed)
        found = self._first(limit, self._latin(fold_latin(typed)) if latin else self._han(typed))
        if not found:
            found = self._first(limit, self._sounding(typed) if latin else self._meant(typed))
        return [self._made.get(n) or self._make(n) for n in found]

    def sounds(self, typed: str) -> list[str]:
        """The texts that a Latin input spells by full pinyin or by initials, best first; whole ones before beginnings.

        ``nclg`` for ``ncgl``, two letters the wrong way round, is understood too.
        """
        spelt = fold_latin(typed)
        if not 2 <= len(spelt) <= MAX_PINYIN:
            return []
        tries = [self._pinyin.whole, self._initials.whole, self._initials.beginning]
        if len(spelt) > 3:
            tries[2:] = [self._pinyin.beginning, self._initials.beginning, self._initials.near, self._pinyin.near]
        found: dict[str, None] = {}
        for ask in tries:
            numbers = self._offered(ask(spelt))
            for heard in ascending(self._arrays["heard"][numbers]):
                found[self._folded[self._arrays["by_heard"][heard]]] = None
                if len(found) == _SOUNDS:
                    break
            if found:
                break
        return [*found]

    def correct(self, typed: str) -> str | None:
        """The text most likely meant: one that sounds the same, else one a character or two away."""
        typed = fold(typed)
        if len(typed) < _MIN_TYPO or is_latin(typed):
            return None
        order = self._arrays["order"]
        # Every character that pinyin does not drop gives a letter at least.
        if len(fold_latin(typed)) <= self._pinyin.longest:
            same = self._offered(self._pinyin.whole(self._heard(typed)[0])).tolist()
            same = [n for n in same if self._folded[n] != typed]
            if same:
                return self._texts[min(same, key=lambda n: (-len(set(typed) & set(self._folded[n])), order[n]))]
        # Nothing is nearer than the very text.
        if len(typed) < 3 or len(self._offered(self._folded.whole(typed))):
            return None
        alike = _ALIKE_SHORT if len(typed) < 5 else _ALIKE
        numbers = self._offered(self._alike(typed, alike))
        numbers = numbers[np.argsort(order[numbers])].tolist()
        near = process.extractOne(
            typed, [self._folded[n] for n in numbers], scorer=OSA.normalized_similarity, score_cutoff=alike
        )
        return self._texts[numbers[near[2]]] if near and near[0] != typed else None

    def _make(self, number: int) -> Completion:
        made = Completion(self._texts[number], _KINDS[self._kinds[number]], self._ids[number])
        if len(self._made) >= _REMEMBERED:
            self._made.clear()
        self._made[number] = made
        return made

    def _first(self, limit: int, groups: Iterator[Array]) -> list[int]:
        """The first ``limit`` of those that are offered, the lowest of each group in turn."""
        found: dict[int, None] = {}
        gone, count = self._gone, len(self._kinds)
        for numbers in groups:
            for ranked in ascending(numbers):
                if len(found) >= limit:
                    return [*found]
                number = ranked if ranked < count else ranked - count
                if number not in gone:
                    found[number] = None
        return [*found]

    def _offered(self, numbers: Array) -> Array:
        return numbers[~np.isin(numbers, [*self._gone])] if self._gone else numbers

    def _han(self, typed: str) -> Iterator[Array]:
        ranked = self._folded.ranked(typed)
        if len(ranked) > _MANY:
            yield self._folded.beginning(typed)
        yield ranked

    def _latin(self, typed: str) -> Iterator[Array]:
        yield self._folded.holding(typed)
        yield np.append(self._initials.beginning(typed), self._pinyin.beginning(typed))
        if len(typed) > 3:
            yield self._pinyin.holding(typed)

    def _sounding(self, typed: str) -> Iterator[Array]:
        meant = [self._folded.whole(text) for text in self.sounds(typed)]
        return iter([np.concatenate(meant)]) if meant else iter(())

    def _meant(self, typed: str) -> Iterator[Array]:
        corrected = self.correct(typed)
        return self._han(fold(corrected)) if corrected else iter(())

    def _alike(self, typed: str, alike: float) -> Array:
        """The texts that may be as like as that: no other is, some are not.

        Alike texts share as many characters as the longer one has times ``alike``. So they hold one at least of any
        characters of the typed that are one more than may be missing, the rarest leaving the fewest texts, and of all
        its different ones no more are missing either.
        """
        share = ceil(alike * len(typed) - _ROUNDING)
        if share > self._folded.longest:
            return self._arrays["order"][:0]
        missing = len(typed) - share
        holding = {character: self._folded.holding(character) for character in set(typed)}
        rarest = sorted(typed, key=lambda character: len(holding[character]))[: missing + 1]
        numbers = np.unique(np.concatenate([holding[character] for character in set(rarest)]))
        lengths = self._folded.lengths(numbers)
        numbers = numbers[(lengths >= share) & (lengths * alike <= len(typed) + _ROUNDING)]
        held = np.zeros(len(numbers), np.int32)
        for having in holding.values():
            has = np.zeros(len(self._kinds), bool)
            has[having] = True
            held += has[numbers]
        return numbers[held >= len(holding) - missing]
