"""From text to index terms: jieba with the library's lexicon, single characters, and pinyin.

The same analysis serves both sides, index and query. jieba and pypinyin are imported here and nowhere else.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path

import jieba
import pypinyin

from corpus.text import fold

# Splits words off that carry no matter of their own; kept short on purpose: statistics weigh the rest down.
_STOP_CHARACTERS = "的了和与及或等对在为以将是由把被从到按向并其该本各中上下内外个"
_STOP_PHRASES = ("及其", "以及", "进行", "开展", "实施", "有关", "相关", "通过", "根据", "按照", "其中", "做好", "我们")
STOP_WORDS = frozenset((*_STOP_CHARACTERS, *_STOP_PHRASES))
_TERM = re.compile(r"[\w%‰]")


_lock = threading.Lock()
_loaded: list[tuple[dict[str, int], int]] = []


def _dictionary(cache: Path | None) -> tuple[dict[str, int], int]:
    """jieba's own words and their frequencies, read once in a process, and the sum of these.

    By default jieba would read and write its cache in the machine's shared temporary folder, where anybody
    could put one.
    """
    with _lock:
        if not _loaded:
            jieba.setLogLevel(60)
            tokenizer = jieba.Tokenizer()
            if cache is None:
                _loaded.append(tokenizer.gen_pfdict(tokenizer.get_dict_file()))
            else:
                cache.mkdir(parents=True, exist_ok=True)
                tokenizer.tmp_dir = str(cache)
                tokenizer.cache_file = "jieba.cache"
                tokenizer.initialize()
                _loaded.append((tokenizer.FREQ, tokenizer.total))
        return _loaded[0]


class _Tokenizer(jieba.Tokenizer):  # type: ignore[misc]
    """Remembers the word graphs that a cut is made of: they hold the words across its borders, too."""

    def __init__(self) -> None:
        super().__init__()
        self._thread = threading.local()

    def get_DAG(self, sentence: str) -> dict[int, list[int]]:
        graph: dict[int, list[int]] = super().get_DAG(sentence)
        graphs = getattr(self._thread, "graphs", None)
        if graphs is not None:
            graphs.append((sentence, graph))
        return graph

    def cut_with_graphs(self, text: str) -> tuple[list[str], list[tuple[str, dict[int, list[int]]]]]:
        """The words of ``text``, and each sentence with the ends of the known words that start at its characters."""
        graphs: list[tuple[str, dict[int, list[int]]]] = []
        self._thread.graphs = graphs
        try:
            return list(self.cut(text)), graphs
        finally:
            self._thread.graphs = None


class Analyzer:
    """Segmentation with one lexicon. Threads may share it."""

    def __init__(self, terms: Iterable[str] = (), *, cache: Path | None = None) -> None:
        """``terms`` are kept whole; ``cache`` is a folder for jieba's compiled dictionary (else none is kept)."""
        frequencies, total = _dictionary(cache)
        self._jieba = _Tokenizer()
        self._jieba.FREQ, self._jieba.total, self._jieba.initialized = frequencies.copy(), total, True
        for term in terms:
            self._jieba.add_word(fold(term))
        self.tokens = lru_cache(maxsize=4096)(self._tokens)

    def words(self, text: str) -> list[str]:
        """The words of ``text`` in order, uncut: what a person would call the parts of a query."""
        return [w for w in self._jieba.cut(fold(text)) if _TERM.search(w) and w not in STOP_WORDS]

    def parts(self, word: str) -> list[str]:
        """The smallest known words inside ``word``, none of which holds another; empty when there is but itself."""
        inside = [t for t in dict.fromkeys(self.tokens(word)) if t != word]
        return [t for t in inside if not any(other != t and other in t for other in inside)]

    def _tokens(self, text: str) -> tuple[str, ...]:
        """The words of ``text`` and every known word inside them or across their borders.

        公路 and 农村公路 stand in 农村公路养护, whichever way it is cut: jieba's search mode, and more, in one pass.
        """
        words, graphs = self._jieba.cut_with_graphs(fold(text))
        found = [s[k : end + 1] for s, graph in graphs for k, ends in graph.items() for end in ends if end > k]
        known = set(found)
        found += [w for w in words if w not in known]
        return tuple(w for w in found if w not in STOP_WORDS and _TERM.search(w))

    def known(self, word: str) -> bool:
        """Whether the dictionary or the lexicon holds ``word``."""
        return bool(self._jieba.FREQ.get(word))


def characters(text: str) -> list[str]:
    """Every character that is not blank: for one-character queries and for literal matches."""
    return [c for c in fold(text) if not c.isspace()]


@lru_cache(maxsize=65536)
def pinyin(text: str) -> tuple[str, str]:
    """Full pinyin without tones or blanks, and initials: ``农村公路`` -> ``nongcungonglu``, ``ncgl``.

    ü is written u on both sides, so that lü, lv and lu all find 率.
    """
    syllables = pypinyin.lazy_pinyin(fold(text), errors=lambda rest: list(rest))  # type: ignore[arg-type, return-value]  # noqa: PLW0108
    syllables = [fold_latin(s) for s in syllables]
    return "".join(syllables), "".join(s[0] for s in syllables if s)


def fold_latin(text: str) -> str:
    """Latin input as pinyin is compared: folded, blanks and tone apostrophes dropped, ü and v as u."""
    return re.sub(r"[\s'’·-]+", "", fold(text)).replace("ü", "u").replace("v", "u")
