"""The compiled half of segmentation: a flat dictionary, and what kernel.c does with it.

Built with the package where there is a C compiler (hatch_build.py). Whoever uses it must be able to do without.
"""

from __future__ import annotations

import ctypes
import os
import sys
import sysconfig
from collections.abc import Iterable, Sequence, Set
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from importlib.machinery import ExtensionFileLoader, ModuleSpec
from importlib.util import module_from_spec
from mmap import MAP_ANONYMOUS, MAP_PRIVATE, mmap
from pathlib import Path
from typing import Any, ClassVar, NamedTuple

import numpy as np
from numpy.typing import NDArray

from indexer import kept

LIBRARY = f"_kernel{sysconfig.get_config_var('SHLIB_SUFFIX') or '.so'}"
# As kernel.c says it of itself: a library left over from other sources is not used.
FORMAT = 10

_SOURCE = f"words 1 {sys.byteorder} "
_ENCODING = "utf-32-le" if sys.byteorder == "little" else "utf-32-be"
_SLOT = np.dtype([("key", np.uint64), ("frequency", np.float64)])


class _Table(ctypes.Structure):
    _fields_ = (
        ("slots", ctypes.c_void_p),
        ("capacity", ctypes.c_uint64),
        ("total", ctypes.c_int64),
        ("finished", ctypes.c_int32),
        ("starts", ctypes.c_double * 4),
        ("moves", ctypes.c_double * 16),
        ("emissions", ctypes.c_void_p),
    )


@dataclass(frozen=True, slots=True)
class Words:
    """Words in the order of being added: characters end to end (uint32), lengths (uint32), frequencies (int64)."""

    text: NDArray[np.uint32]
    lengths: NDArray[np.uint32]
    frequencies: NDArray[np.int64]

    @classmethod
    def of(cls, words: Sequence[str], frequencies: Iterable[int] = ()) -> Words:
        """The words, none empty, with their frequencies, if any."""
        return cls(
            np.frombuffer(_characters("".join(words)), np.uint32),
            np.fromiter(map(len, words), np.uint32, len(words)),
            np.fromiter(frequencies, np.int64),
        )

    def save(self, path: Path, source: str) -> None:
        """Write to a file: see :func:`indexer.kept.save`."""
        sizes = np.array([len(self.lengths), len(self.text)], np.int64)
        parts = (sizes, self.frequencies, self.lengths, self.text)
        kept.save(path, _SOURCE + source, b"".join([part.tobytes() for part in parts]))

    @classmethod
    def load(cls, path: Path, source: str) -> Words | None:
        """What save wrote; None when there is no such file, or not a whole one of that source."""
        content = kept.load(path, _SOURCE + source)
        if content is None:
            return None
        count, characters = (int(n) for n in np.frombuffer(content, np.int64, 2))
        return cls(
            np.frombuffer(content, np.uint32, characters, 16 + 12 * count),
            np.frombuffer(content, np.uint32, count, 16 + 8 * count),
            np.frombuffer(content, np.int64, count, 16),
        )


@dataclass(frozen=True, slots=True)
class Unknown:
    """jieba's model of unknown words: logarithms of probabilities, for the states B, E, M and S in this order.

    ``starts`` has 4 for a first character, ``moves`` 4 x 4 from state to state, and ``emissions`` 4 for every Han
    character from ``FIRST`` to ``LAST``.
    """

    starts: NDArray[np.float64]
    moves: NDArray[np.float64]
    emissions: NDArray[np.float64]

    FIRST: ClassVar[int] = 0x4E00
    LAST: ClassVar[int] = 0x9FD5


class Dictionary:
    """Words that are looked up and cut by. Not to be changed once it is made; threads may share it."""

    def __init__(
        self, library: Library, words: Words, unknown: Unknown, terms: Sequence[str] = (), stop: Set[str] = frozenset()
    ) -> None:
        """``terms`` are added to ``words`` one by one as jieba's add_word does it, none of them empty.

        ``unknown`` sees other words; those of ``stop`` are left out of what is cut.
        """
        self._library, self._unknown, self._stop = library, unknown, frozenset(stop)
        parts = [words, Words.of(terms)]
        pointers = [(p.text.ctypes.data, p.lengths.ctypes.data) for p in parts]
        counts = [len(p.lengths) for p in parts]
        slow = library.long
        nodes = sum(slow.zb_nodes(*pointer, count) for pointer, count in zip(pointers, counts, strict=True))
        # One slot must stay free, and a crowded table is slow.
        slots = nodes * 7 // 4 + 64
        # Given back to the system as a whole: malloc would keep the places of those that are let go of.
        self._slots = np.frombuffer(mmap(-1, slots * _SLOT.itemsize, MAP_PRIVATE | MAP_ANONYMOUS), _SLOT)
        model = (tuple(unknown.starts), tuple(unknown.moves.ravel()), unknown.emissions.ctypes.data)
        self._table = _Table(self._slots.ctypes.data, len(self._slots), 0, 0, *model)
        self._handle = ctypes.addressof(self._table)
        given = (words.frequencies.ctypes.data, None)
        for pointer, count, frequencies in zip(pointers, counts, given, strict=True):
            if slow.zb_add(self._handle, *pointer, frequencies, count):
                raise MemoryError
        slow.zb_finish(self._handle)

    def known(self, word: str) -> bool:
        """Whether it holds ``word``."""
        return bool(self._library.short.zb_known(self._handle, _characters(word), len(word)))

    def words(self, text: str) -> list[str]:
        """The words of ``text`` in order, without signs."""
        found: list[str] = self._library.module.words(self._handle, self._stop, text)
        return found

    def tokens(self, texts: Iterable[str]) -> list[list[str]]:
        """Of each text all known words of two characters or more, wherever they stand, and every other of its words.

        Equal words are one object.
        """
        found: list[list[str]] = self._library.module.tokens(self._handle, self._stop, tuple(texts))
        return found


class Library(NamedTuple):
    """The compiled functions, twice: ``short`` ones keep Python's lock, ``long`` ones let other threads run.

    ``module`` holds those that read and make Python's own objects: see :mod:`indexer.engines.compiled`.
    """

    short: Any
    long: Any
    module: Any


def load() -> Library | None:
    """The library; None where none was built for these sources, or ZHIBIAO_KERNEL=off is set."""
    if os.environ.get("ZHIBIAO_KERNEL") == "off":
        return None
    return _open(Path(__file__).with_name(LIBRARY))


@cache
def _open(path: Path) -> Library | None:
    with suppress(OSError, AttributeError, ImportError):
        short, long = ctypes.PyDLL(str(path)), ctypes.CDLL(str(path))
        if short.zb_format() == FORMAT:
            for functions in (short, long):
                pointer, number = ctypes.c_void_p, ctypes.c_int64
                functions.zb_known.argtypes = [pointer, ctypes.c_char_p, number]
                functions.zb_nodes.argtypes = [pointer, pointer, number]
                functions.zb_nodes.restype = number
                functions.zb_add.argtypes = [pointer, pointer, pointer, pointer, number]
                functions.zb_finish.argtypes = [pointer]
                functions.zb_finish.restype = None
                functions.zb_find.argtypes = [pointer, pointer, pointer, number, pointer]
                functions.zb_find.restype = None
            module = ModuleSpec("_kernel", ExtensionFileLoader("_kernel", str(path)), origin=str(path))
            return Library(short, long, module_from_spec(module))
    return None


def _characters(text: str) -> bytes:
    return text.encode(_ENCODING, "surrogatepass")
