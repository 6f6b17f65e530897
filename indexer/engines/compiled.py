"""Plans run by the kernel: one call for all segments, from blocks of numbers to a block that is the answer.

kernel.c says how its structures and blocks are laid out, and checks them.
"""

from __future__ import annotations

import ctypes
import threading
from array import array
from collections.abc import Sequence
from itertools import islice
from struct import Struct
from typing import Any

import numpy as np

from indexer.engines.arrays import Array, Names, Texts, decode, encode
from indexer.engines.ranking import Asked, Found, Index, Segment, Shares, Terms
from indexer.kernel import Library

# Indexes of more documents are searched without keeping Python's lock: shorter searches take less time than getting
# it back may take where other threads are busy.
_LARGE = 100_000
# The kernel counts units in 16 bits.
MOST_UNITS = 60_000
_WIDTH = 15
_SHARE = np.dtype([("document", np.int32), ("term", np.int32), ("field", np.int32), ("score", np.float32)])
_TERMS = Struct("5q")


class Compiled:
    """The runner of an index (see :class:`indexer.engines.ranking.Runner`)."""

    def __init__(self, index: Index, library: Library) -> None:
        self._handle = _Index(index)
        self._address = ctypes.addressof(self._handle)
        self._size = sum(segment.scores.size for segment in index.segments)
        self._search = (library.long if self._size > _LARGE else library.short).zb_search
        self._explain, self._walk = library.short.zb_explain, library.terms
        self._names, self._values = index.values.facets, index.values.values
        self._head, self._none = Struct(f"{12 + 2 * len(index.segments)}q"), (0,) * len(index.segments)
        self._thread = threading.local()

    def search(self, terms: Terms, asked: Asked) -> Found:
        """See the protocol."""
        room: _Room = getattr(self._thread, "room", None) or self._room()
        plan, block = terms.block or self._laid_out(terms), self._asked(asked)
        while failed := self._search(self._address, plan, block, room.address):
            if failed < 0:
                raise ValueError("the kernel does not understand a plan")
            room.grow(failed)
        count = len(self._names)
        total, kept, characters, *lengths = room.numbers[: 3 + count].tolist()
        start = 3 + count
        middle = start + 2 * kept
        listed = sum(lengths)
        end = middle + 2 * listed
        text = decode(room.bytes[8 * end : 8 * end + 4 * characters])
        ids, before = [], 0
        for after in room.numbers[start + kept : middle].tolist():
            ids.append(text[before:after])
            before = after
        facets: dict[str, dict[str, int]] = {name: {} for name in self._names}
        if listed:
            values = map(self._values.__getitem__, room.numbers[middle : middle + listed].tolist())
            pairs = zip(values, room.numbers[middle + listed : end].tolist(), strict=True)
            for counts, length in zip(facets.values(), lengths, strict=True):
                counts.update(islice(pairs, length))
        return Found(total, ids, room.doubles[start : start + kept].tolist(), facets)

    def explain(self, terms: Terms, segment: int, documents: Sequence[int]) -> Shares:
        """See the protocol."""
        wanted, ends, room = array("i", documents).tobytes(), np.empty(len(documents), np.int64), 2048
        block, bounds = terms.block or self._laid_out(terms), _pointer(ends)
        while True:
            shares = np.empty(room, _SHARE)
            place = _pointer(shares)
            count = self._explain(self._address, segment, block, wanted, len(documents), place, bounds, room)
            if count < 0:
                raise MemoryError
            if count <= room:
                numbers, fields, scores = [shares[name][:count].tolist() for name in ("term", "field", "score")]
                return Shares(ends.tolist(), numbers, fields, scores)
            room = count

    def _laid_out(self, terms: Terms) -> bytes:
        """The block of terms, which they keep: one draft is asked of an index several times in a row."""
        terms.block = self._walk(terms.units, terms.places) if self._walk else lay_out(terms)
        return terms.block

    def _asked(self, asked: Asked) -> bytes:
        """A block for the kernel."""
        alive = self._none if asked.alive is None else map(_pointer, asked.alive)
        filters, size = asked.filters, self._head.size
        count = at = characters = 0
        more = b""
        if filters:
            more = array("q", filters).tobytes()
            while at < len(filters):
                at += 2 + filters[at + 1]
                count += 1
        if asked.near:
            ids = [id for id, _ in asked.near]
            text = encode("".join(ids))
            characters = len(text) // 4
            points = array("d", [points for _, points in asked.near])
            more = b"".join((more, points, array("i", [*map(len, ids)]), text))
        offset, limit = min(asked.offset, self._size), min(asked.limit, self._size)
        head = (size + len(more), offset, limit, asked.need, asked.widens, asked.sort, asked.falling, asked.counts)
        return self._head.pack(*head, count, at, len(asked.near), characters, *asked.owners, *alive) + more

    def _room(self) -> _Room:
        """A thread keeps its own."""
        room = self._thread.room = _Room()
        return room


def lay_out(terms: Terms) -> bytes:
    """A block of terms for the kernel: what it lays out itself, some times sooner, where it can read them."""
    texts, weights, _, likes = terms.columns
    text, like = "".join(texts), "".join(likes)
    ints = (map(len, texts), map(len, likes), *terms.sizes)
    # Of a list an array is made several times sooner than of an iterator.
    parts: list[Any] = [
        array("d", weights),
        *[array("i", [*n]) for n in ints],
        encode(text),
        encode(like),
        terms.addressed,
    ]
    body = b"".join(parts)
    return _TERMS.pack(_TERMS.size + len(body), len(terms.units), len(texts), len(text), len(like)) + body


class _Room:
    """A thread's memory: see kernel.c."""

    def __init__(self) -> None:
        self._work, self._answer = np.empty(1 << 14, np.int64), np.empty(1 << 10, np.int64)
        self._fit()

    def grow(self, which: int) -> None:
        """More of what was short."""
        wanted = int(self.handle.wanted)
        if which == 1:
            self._work = np.empty(wanted // 8 + wanted // 32, np.int64)
        else:
            self._answer = np.empty(2 * wanted, np.int64)
        self._fit()

    def _fit(self) -> None:
        self.handle = _Memory(_pointer(self._work), _pointer(self._answer), self._work.nbytes, len(self._answer), 0)
        self.address = ctypes.addressof(self.handle)
        self.bytes = self._answer.data.cast("B")
        self.numbers, self.doubles = self.bytes.cast("q"), self.bytes.cast("d")


def _pointer(held: Array) -> int:
    return int(held.ctypes.data)


def _fields(pointers: Sequence[str], numbers: Sequence[str]) -> list[tuple[str, Any]]:
    return [*((name, ctypes.c_void_p) for name in pointers), *((name, ctypes.c_int64) for name in numbers)]


class _Memory(ctypes.Structure):
    _fields_ = _fields(("work", "answer"), ("work_bytes", "answer_words", "wanted"))


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
