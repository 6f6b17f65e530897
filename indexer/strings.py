"""Numbered strings that are found by how they begin, by what they hold and with an error, without going through all.

Beginnings, and where asked for all places inside, lie sorted; what matches is a range of them, found by bisection.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Mapping, Sequence
from itertools import chain, repeat
from typing import Self

import numpy as np

from indexer.engines.arrays import Array, encode

# Ends every string, and may stand in none.
_END = "\0"
# So many of the lowest numbers are looked out at first; each time they do not suffice, so many times more.
_FIRST, _MORE = 24, 16
_REMEMBERED = 1 << 14


def ascending(numbers: Array) -> Iterator[int]:
    """The numbers from the lowest on, some of them again and again; the first of many cost one pass over them."""
    size = _FIRST
    while size < len(numbers):
        lowest = numbers.copy()
        lowest.partition(size)
        yield from sorted(lowest[:size].tolist())
        size *= _MORE
    yield from sorted(numbers.tolist())


class _Places:
    """Places of a text in the order of what follows them, each with the number of its string."""

    def __init__(self, text: str, places: Array, numbers: Array) -> None:
        self.text, self.places, self.numbers = text, places, numbers
        self._places = places.data
        self._known: dict[str, tuple[int, int]] = {}

    def find(self, wanted: str) -> tuple[int, int]:
        """The same as :meth:`range` among all; where one and two characters lead is remembered."""
        if len(wanted) > 2:
            return self.range(wanted, *self.find(wanted[:2]))
        known = self._known.get(wanted)
        if known is None:
            known = self.range(wanted, *self.find(wanted[:1])) if len(wanted) > 1 else self.range(wanted)
            if len(self._known) >= _REMEMBERED:
                self._known.clear()
            self._known[wanted] = known
        return known

    def range(self, wanted: str, low: int = 0, high: int | None = None) -> tuple[int, int]:
        """First and last (exclusive) of the places from ``low`` to ``high`` that ``wanted`` follows."""
        text, places, length = self.text, self._places, len(wanted)

        def here(place: int) -> str:
            return text[place : place + length]

        low = bisect_left(places, wanted, low, high, key=here)
        if low == len(places) or not text.startswith(wanted, places[low]):
            return low, low
        return low, bisect_right(places, wanted, low, high, key=here)


class Column:
    """Strings by number, without NUL. :meth:`arrays` and :meth:`named` keep them."""

    def __init__(self, content: Array, starts: Array) -> None:
        """``content`` is UTF-8 of all strings, each with its end; a string starts at a character of it."""
        self._arrays = {"content": content, "starts": starts}
        self._text, self._starts = content.tobytes().decode("utf-8", "surrogatepass"), starts.data
        self.longest = int(np.diff(starts).max(initial=1)) - 1

    @classmethod
    def of(cls, strings: Sequence[str]) -> Self:
        """Number ``strings`` in their order."""
        content = "".join(chain.from_iterable(zip(strings, repeat(_END)))).encode("utf-8", "surrogatepass")
        starts = np.zeros(len(strings) + 1, np.int32)
        np.cumsum(np.fromiter(map(len, strings), np.int32, len(strings)) + 1, out=starts[1:])
        return cls(np.frombuffer(content, np.uint8), starts)

    def arrays(self, name: str) -> dict[str, Array]:
        """The arrays under names that begin with ``name``."""
        return {f"{name}.{key}": array for key, array in self._arrays.items()}

    @classmethod
    def named(cls, name: str, arrays: Mapping[str, Array]) -> Self:
        """What :meth:`arrays` gave, back."""
        head = f"{name}."
        return cls(**{key.removeprefix(head): array for key, array in arrays.items() if key.startswith(head)})

    def __len__(self) -> int:
        return len(self._starts) - 1

    def __getitem__(self, number: int) -> str:
        return self._text[self._starts[number] : self._starts[number + 1] - 1]

    def lengths(self, numbers: Array) -> Array:
        """How long the strings of those numbers are."""
        starts = self._arrays["starts"]
        found: Array = starts[numbers + 1] - starts[numbers] - 1
        return found


class Sorted(Column):
    """Strings that are found by how they begin."""

    def __init__(self, content: Array, starts: Array, order: Array | None = None) -> None:
        """``order`` are the numbers in the order of the strings."""
        super().__init__(content, starts)
        if order is None:
            order = np.array(sorted(range(len(self)), key=self._text.split(_END).__getitem__), np.int32)
        self._arrays["order"] = order
        self._beginnings = _Places(self._text, starts[order], order)

    def beginning(self, wanted: str) -> Array:
        """The numbers of the strings that begin with ``wanted``, each once, in no order that means anything."""
        return self._found(self._beginnings, wanted)

    def whole(self, wanted: str) -> Array:
        """The numbers of the strings that are ``wanted``."""
        return self._found(self._beginnings, wanted + _END)

    def _found(self, among: _Places, wanted: str) -> Array:
        # Longer than any string: each comparison would cost its whole length.
        if len(wanted) > self.longest + 1:
            return among.numbers[:0]
        low, high = among.find(wanted)
        return among.numbers[low:high]

    def near(self, wanted: str) -> Array:
        """The numbers of the strings at most one character more, less, other, or swapped with its neighbour away."""
        found: set[str] = set()
        low, high = 0, len(self)
        for k in range(len(wanted) + 1):
            low, high = self._beginnings.range(wanted[:k], low, high)
            if low == high:
                break
            head, tail = wanted[:k], wanted[k:]
            tried = [head + tail[1:], head + tail[1:2] + tail[:1] + tail[2:]]
            for other in self._following(k, low, high):
                tried += [head + other + tail, head + other + tail[1:]]
            found.update(t for t in tried if self._is(t, low, high))
        return np.concatenate([self.whole(t) for t in found]) if found else self._beginnings.numbers[:0]

    def _following(self, length: int, low: int, high: int) -> Iterator[str]:
        """The characters after that many in the strings of a range, all of which begin alike."""
        places, text = self._beginnings.places.data, self._text
        while low < high:
            following = text[places[low] + length]
            if following != _END:
                yield following
            low = bisect_right(places, following, low, high, key=lambda place: text[place + length])

    def _is(self, wanted: str, low: int, high: int) -> bool:
        first, last = self._beginnings.range(wanted + _END, low, high)
        return first < last


class Searched(Sorted):
    """Strings that are found by what they hold, too."""

    def __init__(
        self,
        content: Array,
        starts: Array,
        order: Array | None = None,
        places: Array | None = None,
        numbers: Array | None = None,
    ) -> None:
        """``places`` are those of all characters in the order of what follows.

        ``numbers`` are those of the strings that they are in, as :meth:`ranked` gives them.
        """
        super().__init__(content, starts, order)
        if places is None or numbers is None:
            places, numbers = _sorted_places(self._text, starts)
            numbers[places != starts[numbers]] += len(self)
        self._arrays |= {"places": places, "numbers": numbers}
        self._insides = _Places(self._text, places, numbers)

    def ranked(self, wanted: str) -> Array:
        """The numbers of the strings that hold ``wanted``, which is not empty; as often as they do, in no order.

        Where they do not begin with it, the count of all strings is added: what begins with it comes first.
        """
        return self._found(self._insides, wanted)

    def holding(self, wanted: str) -> Array:
        """The same numbers with nothing added."""
        found: Array = self.ranked(wanted) % len(self)
        return found


def _sorted_places(text: str, starts: Array) -> tuple[Array, Array]:
    """Every place of a character in the order of what follows it up to the end of its string, and its string's number.

    Doubles the characters compared in each round, beginning with as many as fit into one integer, and takes along only
    those whose order is open (Larsson and Sadakane, Faster suffix sorting, 1999).
    """
    codes = np.frombuffer(encode(text), np.uint32)
    lengths = np.diff(starts)
    left = np.repeat(starts[1:], lengths) - np.arange(1, len(codes) + 1, dtype=np.int32)
    places = np.flatnonzero(left).astype(np.int32)
    if not len(places):
        return places, places
    keys, depth = _packed(codes, left)
    keys = keys[places]
    ranks = np.zeros(len(codes), np.int32)
    del codes  # a large library's places fill memory as it is
    rest = np.arange(len(places), dtype=np.int32)
    while len(rest):
        order = np.argsort(keys)
        here, keys = places[rest][order], keys[order]
        places[rest] = here
        new = np.append(True, keys[1:] != keys[:-1])
        # The slot of the first that begins alike, from 1 on: at the ends 0 stays, before all.
        ranks[here] = 1 + rest[np.maximum.accumulate(np.where(new, np.arange(len(rest), dtype=np.int32), 0))]
        rest = rest[~(new & np.append(new[1:], True)) & (left[here] >= depth)]
        here = places[rest]
        keys = ranks[here].astype(np.int64) << 32 | ranks[here + depth]
        depth *= 2
    return places, np.repeat(np.arange(len(lengths), dtype=np.int32), lengths)[places]


def _packed(codes: Array, left: Array) -> tuple[Array, int]:
    """As many characters from every place on as fit into an integer, in their order; and how many these are."""
    known = np.zeros(int(codes.max()) + 1, bool)
    known[codes] = True
    dense = (np.cumsum(known) - 1).astype(np.int32)
    bits = max(1, int(dense[-1]).bit_length())
    depth = 63 // bits
    keys, numbers = np.zeros(len(codes), np.int64), dense[codes]
    for k in range(depth):
        keys <<= bits
        count = max(0, len(codes) - k)
        keys[:count] |= np.where(left[:count] > k, numbers[k:], 0)
    return keys, depth
