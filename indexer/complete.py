"""As-you-type: prefixes, parts, pinyin, initials and typing errors over the public vocabulary.

Texts come from public records alone, whoever asks.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from rapidfuzz import process
from rapidfuzz.distance import OSA

from corpus import indicators, words
from corpus.access import PUBLIC
from corpus.store import Store
from corpus.text import fold, is_latin
from indexer.analysis import Analyzer, fold_latin, pinyin
from indexer.engine import Document

KINDS = {"use": "用途", "industry": "行业", "domain": "领域", "indicator": "指标", "word": "词语"}
# Between equally good matches, the more general text comes first: choosing it leaves more to choose from.
_ORDER = {"domain": 0, "industry": 1, "use": 2, "word": 3, "indicator": 4}
# The shortest texts of the vocabulary that may be corrected to, and the shortest input that is.
_MIN_TYPO = 2
# The longest Latin input that is read as pinyin; ten characters are sixty letters at most.
MAX_PINYIN = 60


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
    found: dict[str, Completion] = {}
    public = list(indicators.active(store, "open"))
    held = {i.use for i in public}
    for use in indicators.visible_uses(store, PUBLIC):
        if use not in held:
            continue
        for kind, text in (("domain", use.domain), ("industry", use.industry), ("use", use.use)):
            found.setdefault(text, Completion(text, kind))
    for term in words.lexicon(store):
        found.setdefault(term, Completion(term, "word"))
    for i in public:
        found.setdefault(i.name, Completion(i.name, "indicator", i.id))
    return list(found.values())


def save(path: Path, texts: Sequence[Completion], analyzer: Analyzer, docs: Iterable[Document]) -> None:
    """Write the completion list; words of the lexicon that no public record holds are left out."""
    present = {term for d in docs if not d.restricted for field in d.terms.values() for term in field}
    kept = [c for c in texts if c.kind != "word" or fold(c.text) in present]
    known = {c.text for c in kept}
    # Words of the records themselves: what a pinyin or a misspelt word may stand for.
    kept += [Completion(t, "word") for t in sorted(present - known) if len(t) > 1 and not t.isascii()]
    rows = [[c.text, c.kind, c.id, *pinyin(c.text)] for c in kept]
    path.write_text(json.dumps(rows, ensure_ascii=False), encoding="utf-8")


class Completer:
    """The completion list of a generation, in memory."""

    def __init__(self, rows: Sequence[Sequence[str]]) -> None:
        self._rows = rows
        self._texts = [Completion(text, kind, id) for text, kind, id, _, _ in rows]
        self._folded = [fold(c.text) for c in self._texts]
        self._pinyin = [row[3] for row in rows]
        self._initials = [row[4] for row in rows]
        self._by_pinyin: dict[str, list[int]] = {}
        for n, spelt in enumerate(self._pinyin):
            self._by_pinyin.setdefault(spelt, []).append(n)

    @classmethod
    def load(cls, path: Path) -> Completer:
        return cls(json.loads(path.read_text(encoding="utf-8")))

    def without(self, ids: Collection[str]) -> Completer:
        """The same list without the names of those indicators."""
        return Completer([row for row in self._rows if row[2] not in ids]) if ids else self

    def complete(self, typed: str, limit: int = 10) -> list[Completion]:
        """The best texts for what was typed so far: those that begin with it, hold it, sound like it, or nearly do."""
        typed = fold(typed)
        if not typed:
            return []
        found = self._latin(fold_latin(typed)) if is_latin(typed) else self._han(typed)
        if not found:
            found = self._nearly(typed)
        found.sort(key=lambda hit: (hit[0], _ORDER[self._texts[hit[1]].kind], len(self._texts[hit[1]].text), hit[1]))
        return [self._texts[n] for _, n in found[:limit]]

    def sounds(self, typed: str) -> list[str]:
        """The texts that a Latin input spells by full pinyin or by initials, best first; whole ones before beginnings.

        ``nclg`` for ``ncgl``, two letters the wrong way round, is understood too.
        """
        spelt = fold_latin(typed)
        if not 2 <= len(spelt) <= MAX_PINYIN:
            return []
        whole = [n for n, p in enumerate(self._pinyin) if p == spelt]
        whole = whole or [n for n, i in enumerate(self._initials) if i == spelt]
        begins = [n for n, p in enumerate(self._pinyin) if p.startswith(spelt)] if len(spelt) > 3 else []
        begins = begins or [n for n, i in enumerate(self._initials) if i.startswith(spelt)]
        found = whole or begins
        if not found and len(spelt) > 3:
            found = [n for n, i in enumerate(self._initials) if OSA.distance(i, spelt, score_cutoff=1) <= 1]
            found = found or [n for n, p in enumerate(self._pinyin) if OSA.distance(p, spelt, score_cutoff=1) <= 1]
        found.sort(key=lambda n: (_ORDER[self._texts[n].kind], len(self._folded[n])))
        return list(dict.fromkeys(self._folded[n] for n in found))[:8]

    def correct(self, typed: str) -> str | None:
        """The text most likely meant: one that sounds the same, else one a character or two away."""
        typed = fold(typed)
        if len(typed) < _MIN_TYPO or is_latin(typed):
            return None
        same = [n for n in self._by_pinyin.get(pinyin(typed)[0], ()) if self._folded[n] != typed]
        if same:
            return self._texts[min(same, key=lambda n: (-len(set(typed) & set(self._folded[n])), n))].text
        if len(typed) < 3:
            return None
        near = process.extractOne(
            typed, self._folded, scorer=OSA.normalized_similarity, score_cutoff=0.66 if len(typed) < 5 else 0.75
        )
        return self._texts[near[2]].text if near and near[0] != typed else None

    def _han(self, typed: str) -> list[tuple[int, int]]:
        return [(0 if text.startswith(typed) else 1, n) for n, text in enumerate(self._folded) if typed in text]

    def _latin(self, typed: str) -> list[tuple[int, int]]:
        found = []
        for n, (text, spelt, initials) in enumerate(zip(self._folded, self._pinyin, self._initials, strict=True)):
            if typed in text:
                found.append((0, n))
            elif initials.startswith(typed) or spelt.startswith(typed):
                found.append((1, n))
            elif len(typed) > 3 and typed in spelt:
                found.append((2, n))
        return found

    def _nearly(self, typed: str) -> list[tuple[int, int]]:
        if is_latin(typed):
            meant = set(self.sounds(typed))
            return [(3, n) for n, text in enumerate(self._folded) if text in meant]
        corrected = self.correct(typed)
        return self._han(fold(corrected)) if corrected else []
