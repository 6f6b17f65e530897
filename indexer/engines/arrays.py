"""What the arrays of an index are made of: numbered strings, and one file of arrays that is mapped, not read."""

from __future__ import annotations

import codecs
import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from itertools import accumulate, pairwise
from pathlib import Path
from typing import Any, Self

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]
ENCODING = "utf-32-le" if sys.byteorder == "little" else "utf-32-be"
# Straight from the registry: a string's own method looks them up each time.
_encode, _decode = codecs.getencoder(ENCODING), codecs.getdecoder(ENCODING)
_MASK = (1 << 64) - 1
_FIRST, _STEP, _LAST = 0xCBF29CE484222325, 0x9E3779B97F4A7C15, 0xD6E8FEB86659FD93
_ALIGNED = 64
# So many strings are remembered as such, and numbers of strings; both at most once more than that many.
_REMEMBERED = 1 << 16


def encode(text: str) -> bytes:
    """Characters as the arrays and the kernel hold them: four bytes each."""
    return _encode(text, "surrogatepass")[0]


def decode(content: bytes | memoryview) -> str:
    """What :func:`encode` made of it, back."""
    return _decode(content, "surrogatepass")[0]


class Texts:
    """Strings by number: ``text`` holds their characters end to end, ``ends`` where each begins and the last ends."""

    ARRAYS: tuple[str, ...] = ("text", "ends")

    def __init__(self, text: Array, ends: Array) -> None:
        self.text, self.ends = text, ends
        self._bytes, self._ends = text.view(np.uint8).data, ends.data
        self._strings: dict[int, str] = {}

    @classmethod
    def of(cls, strings: Sequence[str]) -> Self:
        """Number ``strings`` in their order."""
        ends = np.zeros(len(strings) + 1, np.int64)
        np.cumsum([*map(len, strings)], out=ends[1:])
        return cls(np.frombuffer(encode("".join(strings)), np.uint32), ends)

    def __len__(self) -> int:
        return len(self.ends) - 1

    def __getitem__(self, number: int) -> str:
        string = self._strings.get(number)
        if string is None:
            ends = self._ends
            string = str(self._bytes[4 * ends[number] : 4 * ends[number + 1]], ENCODING, "surrogatepass")
            if len(self._strings) >= _REMEMBERED:
                self._strings.clear()
            self._strings[number] = string
        return string

    def several(self, numbers: Sequence[int]) -> list[str]:
        """The strings of those numbers; decoding them at once takes a third of the time."""
        ends, content = self._ends, self._bytes
        text = decode(b"".join([content[4 * ends[n] : 4 * ends[n + 1]] for n in numbers]))
        bounds = accumulate([ends[n + 1] - ends[n] for n in numbers], initial=0)
        return [text[start:end] for start, end in pairwise(bounds)]

    def __iter__(self) -> Iterator[str]:
        text, ends = decode(self._bytes.tobytes()), self.ends.tolist()
        return (text[start:end] for start, end in pairwise(ends))

    def arrays(self, name: str) -> dict[str, Array]:
        """The arrays under names that begin with ``name``."""
        return {f"{name}.{key}": getattr(self, key) for key in self.ARRAYS}

    @classmethod
    def named(cls, name: str, arrays: Mapping[str, Array]) -> Self:
        """What :meth:`arrays` gave, back."""
        return cls(*(arrays[f"{name}.{key}"] for key in cls.ARRAYS))


class Names(Texts):
    """Different strings that are found by what they are, too.

    ``order`` lists their numbers by hash; ``buckets`` says where in it the hashes that begin with the same bits do.
    """

    ARRAYS = ("text", "ends", "order", "buckets")

    def __init__(self, text: Array, ends: Array, order: Array | None = None, buckets: Array | None = None) -> None:
        super().__init__(text, ends)
        if order is None or buckets is None:
            order, buckets = _hashed(text, ends)
        self.order, self.buckets = order, buckets
        self.bits = (len(buckets) - 1).bit_length() - 1
        self._order, self._buckets = order.data, buckets.data
        self._numbers: dict[str, int] = {}

    def find(self, string: str) -> int:
        """The number of a string; -1 when it is none of them."""
        known = self._numbers.get(string)
        if known is not None:
            return known
        found = self._find(string)
        if len(self._numbers) >= _REMEMBERED:
            self._numbers.clear()
        self._numbers[string] = found
        return found

    def numbers(self, strings: Sequence[str]) -> list[int]:
        """The same of several."""
        found = [*map(self._numbers.get, strings)]
        return [self.find(s) if n is None else n for s, n in zip(strings, found, strict=True)]

    def _find(self, string: str) -> int:
        hash = _FIRST
        for character in map(ord, string):
            hash = ((hash ^ character) * _STEP) & _MASK
        hash = ((hash ^ (hash >> 32)) * _LAST) & _MASK
        bucket = hash >> (64 - self.bits)
        for at in range(self._buckets[bucket], self._buckets[bucket + 1]):
            number: int = self._order[at]
            if self[number] == string:
                return number
        return -1


def _hashed(text: Array, ends: Array) -> tuple[Array, Array]:
    """Order and buckets of :class:`Names`."""
    hashes = _hashes(text, ends)
    order = np.argsort(hashes, kind="stable").astype(np.int32)
    bits = max(1, len(hashes).bit_length())
    firsts = np.arange(1 << bits, dtype=np.uint64) << np.uint64(64 - bits)
    return order, np.append(np.searchsorted(hashes[order], firsts), len(hashes)).astype(np.int32)


def _hashes(text: Array, ends: Array) -> Array:
    """The same that ``find`` works out, of all strings at once."""
    lengths = np.diff(ends)
    hashes = np.full(len(lengths), _FIRST, np.uint64)
    rest = np.flatnonzero(lengths)
    place = 0
    while len(rest):
        hashes[rest] = (hashes[rest] ^ text[ends[rest] + place]) * np.uint64(_STEP)
        place += 1
        rest = rest[lengths[rest] > place]
    return (hashes ^ (hashes >> np.uint64(32))) * np.uint64(_LAST)


def save(path: Path, arrays: Mapping[str, Array], about: object) -> None:
    """Write arrays and what is to be known ``about`` them (as JSON) to one file."""
    listed: list[tuple[str, str, list[int], int]] = []
    at = 0
    for name, array in arrays.items():
        listed.append((name, array.dtype.str, list(array.shape), at))
        at += -(-array.nbytes // _ALIGNED) * _ALIGNED
    head = json.dumps([listed, about], ensure_ascii=False).encode()
    head += b" " * (-(len(head) + 8) % _ALIGNED)
    with path.open("wb") as file:
        file.write(len(head).to_bytes(8, "little") + head)
        for array in arrays.values():
            file.write(np.ascontiguousarray(array).view(np.uint8).data if array.size else b"")
            file.write(bytes(-array.nbytes % _ALIGNED))


def load(path: Path) -> tuple[dict[str, Array], Any]:
    """What :func:`save` wrote; the arrays are read-only views of the file, of which nothing is read before its use."""
    # A plain view of the mapping: slicing numpy's own memmap type costs ten times as much.
    content = np.memmap(path, np.uint8, "r").view(np.ndarray)
    start = 8 + int.from_bytes(content[:8].tobytes(), "little")
    listed, about = json.loads(content[8:start].tobytes())
    arrays = {}
    for name, kind, shape, at in listed:
        dtype = np.dtype(kind)
        size = dtype.itemsize * int(np.prod(shape))
        arrays[name] = content[start + at : start + at + size].view(dtype).reshape(shape)
    return arrays, about
