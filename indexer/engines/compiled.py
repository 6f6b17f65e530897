"""Plans run by the kernel: one call for all segments, that reads and makes Python's objects itself.

kernel.c says how its structures are laid out, and checks them.
"""

from __future__ import annotations

import ctypes
import threading
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from itertools import chain
from typing import Any

import numpy as np

from indexer.engine import Part, Ranked, Words
from indexer.engines import ranking
from indexer.engines.arrays import Array, Names, Texts
from indexer.engines.ranking import Asked, Index, Segment, Terms
from indexer.kernel import Library

# Indexes of more documents are searched without keeping Python's lock: shorter searches take less time than getting
# it back may take where other threads are busy.
_LARGE = 100_000
# The kernel counts units in 16 bits.
MOST_UNITS = 60_000
_WIDTH = 15
# Without a call of Python.
_ranked: Callable[[Iterable[Any]], Ranked] = partial(tuple.__new__, Ranked)


class Compiled:
    """The runner of an index (see :class:`indexer.engines.ranking.Runner`)."""

    def __init__(self, index: Index, library: Library) -> None:
        self._handle = _Index(index)
        self._address = ctypes.addressof(self._handle)
        self._large = sum(segment.scores.size for segment in index.segments) > _LARGE
        module = library.module
        self._walk, self._ask, self._lead = module.terms, module.ask, module.lead
        self._parts, self._shares = module.explain, module.shares
        self._group = index.words
        self._fields = index.fields
        self._words = tuple(None if fields == ("chars",) else fields for fields in index.fields)
        self._names, self._values = index.values.facets, index.values.values
        self._thread = threading.local()

    def search(self, terms: Terms, asked: Asked) -> Ranked:
        """See the protocol."""
        return _ranked(self._answer(self._ask, terms, asked, self._names, self._values, ranking.PARTS))

    def leading(self, terms: Terms, asked: Asked) -> tuple[Array, Array]:
        """See the protocol."""
        numbers, scores = self._answer(self._lead, terms, asked, ranking.PARTS)
        return np.frombuffer(numbers, np.int64), np.frombuffer(scores)

    def _answer(self, ask: Callable[..., Any], terms: Terms, asked: Asked, *shape: Any) -> Any:
        block = terms.block or self._laid_out(terms)
        if asked.alive is not None:
            asked = asked._replace(alive=tuple(map(_pointer, asked.alive)))
        try:
            room: _Room = self._thread.room
        except AttributeError:
            room = self._thread.room = _Room()
        while (found := ask(self._address, block, asked, room.address, self._large, *shape)) is None:
            room.grow()
        return found

    def explain(self, terms: Terms, ids: Sequence[str], most: int = 0) -> list[list[Part]]:
        """See the protocol."""
        block, fields = terms.block or self._laid_out(terms), self._words if most else self._fields
        found: list[list[Part]] = self._parts(self._address, block, tuple(ids), terms.terms, fields, Part, most)
        return found

    def shares(self, terms: Terms, groups: Sequence[Sequence[int]]) -> tuple[float, ...]:
        """See the protocol."""
        records, sizes = tuple(chain.from_iterable(groups)), tuple(map(len, groups))
        block = terms.block or self._laid_out(terms)
        found: tuple[float, ...] = self._shares(self._address, block, records, sizes, self._group)
        return found

    def _laid_out(self, terms: Terms) -> bytes:
        """The block of terms, which they keep: one draft is asked of an index several times in a row."""
        units = terms.units
        block: bytes = self._walk(units.words if isinstance(units, Words) else units, terms.places)
        terms.block = block
        return block


class _Room:
    """A thread's memory: see kernel.c."""

    def __init__(self) -> None:
        self._fit(1 << 14)

    def grow(self) -> None:
        """More where it was short."""
        self._fit(self.handle.wanted // 8 + self.handle.wanted // 32)

    def _fit(self, words: int) -> None:
        self._work = np.empty(words, np.int64)
        self.handle = _Memory(_pointer(self._work), self._work.nbytes, 0)
        self.address = ctypes.addressof(self.handle)


def _pointer(held: Array) -> int:
    return int(held.ctypes.data)


def _fields(pointers: Sequence[str], numbers: Sequence[str]) -> list[tuple[str, Any]]:
    return [*((name, ctypes.c_void_p) for name in pointers), *((name, ctypes.c_int64) for name in numbers)]


class _Memory(ctypes.Structure):
    _fields_ = _fields(("work",), ("bytes", "wanted"))


class _Texts(ctypes.Structure):
    _fields_ = _fields(("text", "ends"), ("count", "length"))


class _Names(ctypes.Structure):
    _fields_ = (("texts", _Texts), *_fields(("order", "buckets"), ("bits",)))


class _Sort(ctypes.Structure):
    _fields_ = (("ranks", ctypes.c_void_p), ("values", _Texts))


_ROWS = ("starts", "documents", "impacts", "fine_starts", "fine_documents", "fine_fields", "fine_impacts",
         "frequencies")  # fmt: skip


class _Group(ctypes.Structure):
    _fields_ = (("names", _Names), *_fields((*_ROWS, "weights"), ("width", "length", "fine_length")))


class _Segment(ctypes.Structure):
    _fields_ = (*_fields(("groups", "sorts", "cells", "values", "owners", "runs", "firsts", "cell", "alive", "order"),
                         ()), ("ids", _Names), *_fields((), ("size", "count", "sealed")))  # fmt: skip


class _Index(ctypes.Structure):
    """Keeps alive what it points to."""

    _fields_ = _fields(("segments", "starts"), ("count", "groups", "facets", "sorts", "code", "size", "cells"))

    def __init__(self, index: Index) -> None:
        self.kept: list[Any] = [index]
        segments = (_Segment * len(index.segments))(*(self._segment(s, index.sorts) for s in index.segments))
        first = index.segments[0].scores
        super().__init__(
            ctypes.addressof(segments),
            _pointer(index.values.starts),
            len(segments),
            len(first.groups),
            len(index.values.facets),
            len(index.sorts),
            index.sorts.index("code") if "code" in index.sorts else -1,
            max(segment.scores.size for segment in index.segments),
            max(len(segment.scores.owners) for segment in index.segments),
        )
        self.kept.append(segments)

    def _segment(self, segment: Segment, listed: Sequence[str]) -> _Segment:
        scores = segment.scores
        cells, size = scores.cells, scores.size
        if cells[0] != 0 or cells[-1] != size or (segment.sizes < 0).any() or len(scores.ids) != size:
            raise ValueError("the arrays of the index do not agree")
        groups = (_Group * len(scores.groups))(*map(self._group, scores.groups.values()))
        sorts = (_Sort * len(listed))()
        for made, name in zip(sorts, listed, strict=True):
            if name in scores.sorts:
                ranks, values = scores.sorts[name]
                made.ranks, made.values = _pointer(ranks), _texts(values)
        runs, firsts = segment.runs
        self.kept += (groups, sorts, runs, firsts, segment.cell)
        held = (cells, segment.values, scores.owners, runs, firsts, segment.cell)
        alive = None if segment.alive is None else _pointer(segment.alive)
        return _Segment(ctypes.addressof(groups), ctypes.addressof(sorts), *map(_pointer, held), alive,
                        _pointer(scores.order), names_handle(scores.ids), size, len(scores.owners),
                        bool(scores.owners.any()))  # fmt: skip

    def _group(self, group: Any) -> _Group:
        weights = np.array(group.weights)
        if len(weights) > _WIDTH:
            raise ValueError(f"a group of fields has more than {_WIDTH}")
        self.kept.append(weights)
        rows = [_pointer(getattr(group, part)) for part in _ROWS]
        sizes = (len(weights), len(group.documents), len(group.fine_documents))
        return _Group(names_handle(group.names), *rows, _pointer(weights), *sizes)


def _texts(texts: Texts) -> _Texts:
    return _Texts(_pointer(texts.text), _pointer(texts.ends), len(texts), len(texts.text))


def names_handle(names: Names) -> _Names:
    """For the kernel; does not keep ``names`` alive."""
    return _Names(_texts(names), _pointer(names.order), _pointer(names.buckets), names.bits)
