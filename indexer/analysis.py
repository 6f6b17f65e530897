"""From text to index terms: jieba with the library's lexicon, and single characters.

The same analysis serves both sides, index and query. jieba is imported here and nowhere else.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from functools import cache, lru_cache, partial
from pathlib import Path
from sys import intern

import jieba
import numpy as np
from jieba import finalseg

from corpus.text import fold
from indexer import kernel
from indexer.kernel import Dictionary, Library, Unknown, Words

# Splits words off that carry no matter of their own; kept short on purpose: statistics weigh the rest down.
_STOP_CHARACTERS = "的了和与及或等对在为以将是由把被从到按向并其该本各中上下内外个"
_STOP_PHRASES = ("及其", "以及", "进行", "开展", "实施", "有关", "相关", "通过", "根据", "按照", "其中", "做好", "我们")
STOP_WORDS = frozenset((*_STOP_CHARACTERS, *_STOP_PHRASES))
_TERM = re.compile(r"[\w%‰]")

# What is made once in a process: jieba's own words for the kernel, or for jieba itself.
_lock = threading.Lock()
_words: list[Words] = []
_frequencies: list[tuple[dict[str, int], int]] = []


def _kernel_words(cache: Path | None) -> Words:
    """jieba's own words for the kernel, of which a copy is kept in the given folder."""
    source = f"jieba {jieba.__version__}"
    path = cache / "words.bin" if cache else None
    kept = Words.load(path, source) if path else None
    if kept is not None:  # eight megabytes that nobody needs a second time
        return kept
    with _lock:
        if not _words:
            with jieba.Tokenizer().get_dict_file() as file:
                lines = [line.split(" ", 2) for line in file.read().decode("utf-8").strip().split("\n")]
            _words.append(Words.of([line[0] for line in lines], (int(line[1]) for line in lines)))
    if path:
        with suppress(OSError):  # a full disk makes the next start slower, no more
            _words[0].save(path, source)
    return _words[0]


def _jieba_words(cache: Path | None) -> tuple[dict[str, int], int]:
    """jieba's own words and their frequencies, and the sum of these.

    By default jieba would read and write its cache in the machine's shared temporary folder, where anybody
    could put one.
    """
    with _lock:
        if not _frequencies:
            jieba.setLogLevel(60)
            tokenizer = jieba.Tokenizer()
            if cache is None:
                _frequencies.append(tokenizer.gen_pfdict(tokenizer.get_dict_file()))
            else:
                cache.mkdir(parents=True, exist_ok=True)
                tokenizer.tmp_dir = str(cache)
                tokenizer.cache_file = "jieba.cache"
                tokenizer.initialize()
                _frequencies.append((tokenizer.FREQ, tokenizer.total))
        return _frequencies[0]


class _Tokenizer(jieba.Tokenizer):  # type: ignore[misc]
    """jieba, remembering the word graphs that a cut is made of: they hold the words across its borders, too."""

    def __init__(self, terms: Iterable[str], cache: Path | None) -> None:
        super().__init__()
        self._thread = threading.local()
        frequencies, total = _jieba_words(cache)
        self.FREQ, self.total, self.initialized = frequencies.copy(), total, True
        for term in terms:
            self.add_word(term)

    def get_DAG(self, sentence: str) -> dict[int, list[int]]:
        graph: dict[int, list[int]] = super().get_DAG(sentence)
        graphs = getattr(self._thread, "graphs", None)
        if graphs is not None:
            graphs.append((sentence, graph))
        return graph

    def known(self, word: str) -> bool:
        return bool(self.FREQ.get(word))

    def words(self, text: str) -> list[str]:
        return [w for w in self.cut(text) if _TERM.search(w) and w not in STOP_WORDS]

    def tokens(self, texts: Sequence[str]) -> list[list[str]]:
        return [*map(self._graph, texts)]

    def _graph(self, text: str) -> list[str]:
        graphs: list[tuple[str, dict[int, list[int]]]] = []
        self._thread.graphs = graphs
        try:
            words = list(self.cut(text))
        finally:
            self._thread.graphs = None
        found = [s[k : end + 1] for s, graph in graphs for k, ends in graph.items() for end in ends if end > k]
        known = set(found)
        found += [w for w in words if w not in known]
        return [intern(w) for w in found if w not in STOP_WORDS and _TERM.search(w)]


@cache
def _unknown() -> Unknown:
    """jieba's model of unknown words as the kernel takes it."""
    states = "BEMS"
    moves = [[finalseg.trans_P[one].get(other, finalseg.MIN_FLOAT) for other in states] for one in states]
    emissions = np.full((Unknown.LAST + 1 - Unknown.FIRST, len(states)), finalseg.MIN_FLOAT)
    for place, state in enumerate(states):
        listed = finalseg.emit_P[state]
        characters = np.fromiter(map(ord, listed), np.int64, len(listed)) - Unknown.FIRST
        here = (characters >= 0) & (characters < len(emissions))
        emissions[characters[here], place] = np.fromiter(listed.values(), np.float64, len(listed))[here]
    return Unknown(np.array([finalseg.start_P[state] for state in states]), np.array(moves), emissions)


class _Kernel:
    """The same words as jieba's, from the compiled kernel."""

    def __init__(self, library: Library, terms: Sequence[str], cache: Path | None) -> None:
        self._dictionary = Dictionary(library, _kernel_words(cache), _unknown(), terms, STOP_WORDS)
        self.known, self.words = self._dictionary.known, self._dictionary.words
        self.tokens = self._dictionary.tokens


# A record's texts are folded for its words and again for its characters.
_folded = lru_cache(maxsize=256)(fold)


class Analyzer:
    """Segmentation with one lexicon. Threads may share it."""

    def __init__(self, terms: Iterable[str] = (), *, cache: Path | None = None, folded: bool = False) -> None:
        """``terms`` are kept whole; ``cache`` is a folder for the compiled dictionary (else none is kept).

        ``folded`` ones are folded already.
        """
        kept = [term for term in (terms if folded else map(fold, terms)) if term]
        library = kernel.load()
        self._tokenizer = _Kernel(library, kept, cache) if library else _Tokenizer(kept, cache)
        self.cut = self._tokenizer.words
        """The same as :meth:`words`, of a folded text."""
        # Holds the tokenizer and not this: what is held by what it holds is not let go of with the last who uses it.
        self.tokens = lru_cache(maxsize=4096)(partial(_tokens, self._tokenizer.tokens))
        """The words of a text and every known word inside them or across their borders, remembered."""

    def words(self, text: str) -> list[str]:
        """The words of ``text`` in order, uncut: what a person would call the parts of a query."""
        return self.cut(fold(text))

    def parts(self, word: str) -> list[str]:
        """The smallest known words inside a folded one, none of which holds another; empty when there is but itself."""
        inside = [t for t in dict.fromkeys(self._tokenizer.tokens((word,))[0]) if t != word]
        return [t for t in inside if not any(other != t and other in t for other in inside)]

    def each(self, texts: Iterable[str]) -> list[list[str]]:
        """The words of each text and every known word inside them or across their borders; equal ones are one object.

        公路 and 农村公路 stand in 农村公路养护, whichever way it is cut: jieba's search mode, and more, in one pass.
        """
        return self._tokenizer.tokens([*map(_folded, texts)])

    def known(self, word: str) -> bool:
        """Whether the dictionary or the lexicon holds ``word``."""
        return self._tokenizer.known(word)


def _tokens(tokens: Callable[[Sequence[str]], list[list[str]]], text: str) -> tuple[str, ...]:
    return tuple(tokens([_folded(text)])[0])


def characters(text: str) -> list[str]:
    """Every character that is not blank: for one-character queries and for literal matches."""
    return [*map(intern, compact(text))]


def compact(text: str) -> str:
    """The folded text without blanks."""
    return _folded(text).replace(" ", "")
