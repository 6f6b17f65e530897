"""A plan run over the arrays of one segment: by the kernel where it was compiled, else by numpy, with equal results.

Both sum a document's score in the order of the plan's terms, in double precision from factors in single precision, so
that the products are exact and the sums the same to the last bit.
"""

from __future__ import annotations

import ctypes
import threading
from array import array
from collections.abc import Mapping, Sequence
from functools import cached_property
from itertools import accumulate, chain, islice
from struct import iter_unpack
from typing import Any, NamedTuple

import numpy as np

from indexer.engine import Term, Unit
from indexer.engines.arrays import Array, Names, encode
from indexer.engines.scores import Group, Scores, idf
from indexer.kernel import Library

# Segments of more documents are searched without keeping Python's lock: shorter searches take less time than getting
# it back may take where other threads are busy.
_LARGE = 100_000
_ROOM = 4096
NOWHERE = 255
# The kernel counts units in 16 bits.
MOST_UNITS = 60_000
_SHARE = np.dtype([("document", np.int32), ("term", np.int32), ("field", np.int32), ("score", np.float32)])


class Share(NamedTuple):
    """What the term of that number in a plan gives to a document by the field of that place in its group."""

    document: int
    term: int
    field: int
    score: float


class Asked(NamedTuple):
    """What is asked of a segment beside the terms.

    ``wanted`` says by number of counts what a filter lets pass, ``filtered`` which facets are under one; ``owner`` is
    whose sealed records are seen: -1 for all, 0 for nobody's. Of ``near``, documents rise. ``ranks`` are what to list
    by instead of the score, ``falling`` from the highest.
    """

    need: int
    near: tuple[tuple[int, float], ...] = ()
    widens: bool = False
    wanted: bytes = b""
    filtered: tuple[int, ...] = ()
    owner: int = -1
    ranks: Array | None = None
    falling: bool = False


class Segment:
    """The arrays of one segment as they are run over.

    ``values`` numbers each cell's facet values through all facets and segments; ``alive`` says which documents are
    left, if not all.
    """

    def __init__(self, scores: Scores, values: Array, alive: Array | None) -> None:
        self.scores, self.values, self.alive = scores, np.ascontiguousarray(values, np.int32), alive

    def left(self, alive: Array) -> Segment:
        """The same with other documents left."""
        other = Segment(self.scores, self.values, alive)
        other.runs, other.cell = self.runs, self.cell
        return other

    @cached_property
    def handle(self) -> _Segment:
        """For the kernel."""
        return _Segment(self)

    @cached_property
    def runs(self) -> tuple[Array, Array]:
        """Documents one after the other with the same value of a facet: the first, the one after the last, the value.

        Those of all facets follow each other; and where each facet's begin and the last one's end.
        """
        cells, values = self.scores.cells, self.values
        found = [np.zeros((0, 3), np.int32)]
        for facet in range(values.shape[1] if len(values) else 0):
            starts = np.flatnonzero(np.append(True, values[1:, facet] != values[:-1, facet]))
            ends = np.append(starts[1:], len(values))
            found.append(np.stack([cells[starts], cells[ends], values[starts, facet]], axis=1))
        found += found[:1] * (1 + values.shape[1] - len(found))
        return np.ascontiguousarray(np.concatenate(found), np.int32), np.cumsum([*map(len, found)])

    @cached_property
    def cell(self) -> Array:
        """The cell of each document."""
        return np.repeat(np.arange(len(self.sizes), dtype=np.int32), self.sizes)

    @cached_property
    def sizes(self) -> Array:
        """How many documents each cell has."""
        return np.diff(self.scores.cells)


class Terms:
    """The terms of a plan's units under a schema, laid out for both ways of running them."""

    def __init__(self, units: Sequence[Unit], places: Mapping[str, int]) -> None:
        """``places``: what a term addresses -> 16 x the number of the group, and 1 + that of the field if it is one."""
        self.units = units
        self.terms: list[Term] = []
        self.lengths: list[int] = []
        """How many terms, and how many parts, of each unit."""
        for unit in units:
            self.terms += unit.terms
            self.terms += unit.parts
            self.lengths += (len(unit.terms), len(unit.parts))
        self.addressed = bytes([places.get(t.group, NOWHERE) for t in self.terms])

    @cached_property
    def owners(self) -> list[int]:
        """The unit of each term."""
        return [n for n, unit in enumerate(self.units) for _ in range(len(unit.terms) + len(unit.parts))]

    @cached_property
    def handle(self) -> _Plan:
        """For the kernel."""
        return _Plan(self)

    def rows(self, scores: Scores, public: Scores, *, fine: bool = False) -> list[_Row]:
        """The rows of the terms that stand in a segment, in their order."""
        groups, stated = tuple(scores.groups.values()), tuple(public.groups.values())
        found = []
        n = 0
        for number, unit in enumerate(self.units):
            for k, term in enumerate((*unit.terms, *unit.parts)):
                group, field = self.addressed[n] >> 4, (self.addressed[n] & 15) - 1
                n += 1
                if group < len(groups) and (at := groups[group].names.find(term.text)) >= 0:
                    weights, exact = _worth(groups[group], at, stated[group], public.size, term)
                    part = max(0, k - len(unit.terms) + 1)
                    whole = exact and field < 0 and not fine
                    found.append(_Row(groups[group], at, n - 1, number, part, field, weights, whole, term.weight))
        return found


def _worth(group: Group, number: int, public: Group, count: int, term: Term) -> tuple[list[float], bool]:
    """By field what a term's impacts are multiplied by, and whether that is what whole rows are made with.

    A synonym gets no more rarity than the word that it stands for has.
    """
    if not term.like:
        return [term.weight * w for w in group.weights], True
    found = zip(public.frequency(term.like), public.frequency(term.text), strict=True)
    caps = [min(1.0, idf(count, one) / idf(count, other)) for one, other in found]
    exact = all(cap == 1.0 for cap, held in zip(caps, group.frequencies[number].tolist(), strict=True) if held)
    return [term.weight * w * cap for w, cap in zip(group.weights, caps, strict=True)], exact


class _Row(NamedTuple):
    group: Group
    number: int
    term: int
    unit: int
    part: int
    """From 1; 0 for a term."""
    field: int
    weights: list[float]
    whole: bool
    weight: float

    def postings(self) -> tuple[Array, Array]:
        """Documents, and what is added to their scores."""
        group, number = self.group, self.number
        if self.whole:
            here = slice(*group.starts[number : number + 2].tolist())
            return group.documents[here], np.float64(np.float32(self.weight)) * group.impacts[here]
        documents, fields, impacts = self.fine()
        return documents, np.array(self.weights, np.float32).astype(np.float64)[fields] * impacts

    def fine(self) -> tuple[Array, Array, Array]:
        """Documents, fields and impacts."""
        group = self.group
        here = slice(*group.fine_starts[self.number : self.number + 2].tolist())
        found = group.fine_documents[here], group.fine_fields[here], group.fine_impacts[here]
        if self.field >= 0:
            only = found[1] == self.field
            return found[0][only], found[1][only], found[2][only]
        return found


class Run(NamedTuple):
    """Terms to be looked for in a segment; ``public`` is the one whose statistics hold."""

    segment: Segment
    public: Segment
    terms: Terms
    kernel: Library | None

    @property
    def handles(self) -> tuple[int, int, int]:
        """For the kernel."""
        return self.segment.handle.address, self.public.handle.address, self.terms.handle.address

    def rows(self, *, fine: bool = False) -> list[_Row]:
        """For numpy."""
        return self.terms.rows(self.segment.scores, self.public.scores, fine=fine)


def search(run: Run, asked: Asked, limit: int, counts: Counts | None) -> tuple[int, list[tuple[float, int, int]]]:
    """How many documents match, and the best ``limit`` of them as (key, order, document), best first.

    ``counts`` grow by the facet values of all matches.
    """
    kernel, size = run.kernel, run.segment.scores.size
    if kernel is None or len(run.terms.units) > MOST_UNITS:
        return _search(run, asked, limit, counts.found if counts else None)
    library = kernel.long if size > _LARGE else kernel.short
    limit = min(limit, size)
    room, handle, address = _room(limit), _Asked(asked), counts.address if counts else None
    total = library.zb_search(*run.handles, ctypes.addressof(handle), address, room.address, limit, room.kept_address)
    if total < 0:
        raise MemoryError
    return total, list(iter_unpack("dii", room.hits[: 16 * room.kept.value]))


class Values:
    """The values of facets through all segments of an index, numbered.

    They lie end to end, each facet's empty one, which is not counted, first: ``starts`` says where.
    """

    def __init__(self, facets: Mapping[str, Sequence[str]]) -> None:
        self.facets = tuple(facets)
        self.values = tuple(chain.from_iterable(facets.values()))
        ends = list(accumulate(map(len, facets.values()), initial=0))
        self.starts = np.array(ends, np.int64)
        self.numbers = {
            name: {value: start + n for n, value in enumerate(values)}
            for (name, values), start in zip(facets.items(), ends, strict=False)
        }
        self._thread = threading.local()

    def counts(self) -> Counts:
        """Counts that are all 0; a thread has but one such set at a time."""
        counts: Counts | None = getattr(self._thread, "counts", None)
        if counts is None:
            counts = self._thread.counts = Counts(self)
        counts.found.fill(0)
        return counts


class Counts:
    """How often each value of the facets was found."""

    def __init__(self, values: Values) -> None:
        self._of = values
        self.found = np.zeros(len(values.values), np.int64)
        self._numbers, self._sizes = np.empty(len(self.found), np.int32), np.empty(len(self.found), np.int64)
        self._lengths = np.empty(len(values.facets), np.int64)
        self.address = _pointer(self.found)
        self._arguments = (self.address, _pointer(values.starts), len(values.facets), _pointer(self._numbers),
                           _pointer(self._sizes), _pointer(self._lengths))  # fmt: skip

    def listed(self, kernel: Library | None) -> dict[str, dict[str, int]]:
        """Those above 0 by facet and value, the most frequent first, equal ones in the order of the values."""
        of = self._of
        if kernel is None:
            return {name: self._plain(n) for n, name in enumerate(of.facets)}
        kernel.short.zb_tally(*self._arguments)
        lengths = self._lengths.tolist()
        total = sum(lengths)
        names = map(of.values.__getitem__, self._numbers[:total].tolist())
        pairs = zip(names, self._sizes[:total].tolist(), strict=True)
        return {name: dict(islice(pairs, length)) for name, length in zip(of.facets, lengths, strict=True)}

    def _plain(self, facet: int) -> dict[str, int]:
        first, last = self._of.starts[facet : facet + 2].tolist()
        here = self.found[first + 1 : last]
        order = np.argsort(-here, kind="stable")[: np.count_nonzero(here)]
        names = map(self._of.values.__getitem__, (order + first + 1).tolist())
        return dict(zip(names, here[order].tolist(), strict=True))


def explain(run: Run, documents: Sequence[int]) -> list[Share]:
    """What each term gives to each of ``documents``, which rise: by the order of terms, documents, fields.

    ``document`` is the place in ``documents``.
    """
    if run.kernel is None:
        return _explain(run, np.array(documents, np.int32))
    wanted = array("i", documents).tobytes()
    room = 2048
    while True:
        shares = np.empty(room, _SHARE)
        count = run.kernel.short.zb_explain(*run.handles, wanted, len(documents), shares.ctypes.data, room)
        if count < 0:
            raise MemoryError
        if count <= room:
            return shares[:count].tolist()  # type: ignore[no-any-return]
        room = count


# ---- numpy ----


def _explain(run: Run, wanted: Array) -> list[Share]:
    found = []
    for row in run.rows(fine=True):
        held, fields, impacts = row.fine()
        places = np.searchsorted(wanted, held)
        here = np.flatnonzero(wanted[np.minimum(places, len(wanted) - 1)] == held)
        weights = np.array(row.weights, np.float32).astype(np.float64)
        shares = (weights[fields[here]] * impacts[here]).astype(np.float32)
        of = (places[here].tolist(), fields[here].tolist(), shares.tolist())
        found += [Share(document, row.term, field, share) for document, field, share in zip(*of, strict=True)]
    return found


def _search(run: Run, asked: Asked, limit: int, counts: Array | None) -> tuple[int, list[tuple[float, int, int]]]:
    segment, scores = run.segment, run.segment.scores
    points, met = _met(run.rows(), run.terms.units, asked.need, scores.size)
    match = met >= asked.need
    for document, near in asked.near:
        points[document] += near
        match[document] |= asked.widens
    if segment.alive is not None:
        match &= segment.alive
    passes = np.ones(len(scores.owners), np.bool_)
    if asked.owner >= 0:
        passes &= (scores.owners == 0) | (scores.owners == asked.owner)
    wanted = np.frombuffer(asked.wanted, np.bool_)
    for facet in asked.filtered:
        passes &= wanted[segment.values[:, facet]]
    if not passes.all():
        match &= np.repeat(passes, segment.sizes)
    found = np.flatnonzero(match)
    if counts is not None and len(found):
        here = np.add.reduceat(match, scores.cells[:-1], dtype=np.int64)
        weights = np.repeat(here, segment.values.shape[1])
        counts += np.bincount(segment.values.ravel(), weights, len(counts)).astype(np.int64)
    keys = points.astype(np.float32)[found] if asked.ranks is None else asked.ranks[found].astype(np.float64)
    if asked.ranks is not None and not asked.falling:
        keys = -keys
    best = found
    if 0 < limit < len(found):
        # What has no points is left out first: many equal values are slow to partition.
        least = 0.0 if asked.ranks is None and np.count_nonzero(keys > 0) < limit else None
        above = keys if asked.ranks is not None or least is not None else keys[keys > 0]
        least = np.partition(above, len(above) - limit)[len(above) - limit] if least is None else least
        best, keys = found[keys >= least], keys[keys >= least]
    order = np.lexsort((scores.order[best], -keys))[:limit]
    chosen = best[order]
    columns = keys[order].tolist(), scores.order[chosen].tolist(), chosen.tolist()
    return len(found), list(zip(*columns, strict=True))


def _met(rows: Sequence[_Row], units: Sequence[Unit], need: int, size: int) -> tuple[Array, Array]:
    """By document the score, and how many units it meets; no more than whether it meets any when one is needed."""
    postings = [row.postings() for row in rows]
    none = np.zeros(0, np.int32)
    documents = np.concatenate([none, *(d for d, _ in postings)])
    # Of no postings numpy makes whole numbers.
    points = np.bincount(documents, np.concatenate([none, *(p for _, p in postings)]), size).astype(np.float64)
    if not need:
        return points, np.zeros(size, np.int32)
    met = []
    for row, (held, _) in zip(rows, postings, strict=True):
        if not row.part:
            met.append(held + np.int64(row.unit) * size)
    # Every part of a unit must stand here at all; then a document needs one of each.
    parts: dict[int, dict[int, list[Array]]] = {}
    for row, (held, _) in zip(rows, postings, strict=True):
        if row.part:
            parts.setdefault(row.unit, {}).setdefault(row.part, []).append(held)
    for unit, held_by in parts.items():
        if len(held_by) == len(units[unit].parts):
            both = [np.unique(np.concatenate(held)) for held in held_by.values()]
            common = both[0]
            for other in both[1:]:
                common = np.intersect1d(common, other, assume_unique=True)
            met.append(common + np.int64(unit) * size)
    keys = np.concatenate([np.zeros(0, np.int64), *met])
    if need > 1:
        return points, np.bincount(np.unique(keys) % size, minlength=size) if size else np.zeros(0, np.int32)
    any_ = np.zeros(size, np.int32)
    any_[keys % max(1, size)] = 1
    return points, any_


# ---- the kernel's own shapes ----


def _pointer(held: Array) -> int:
    return int(held.ctypes.data)


class _Structure(ctypes.Structure):
    """Keeps alive what it points to."""

    @cached_property
    def address(self) -> int:
        return ctypes.addressof(self)


class _Names(_Structure):
    _fields_ = (*((n, ctypes.c_void_p) for n in ("text", "ends", "order", "buckets")),
                *((n, ctypes.c_int64) for n in ("count", "bits")))  # fmt: skip


def names_handle(names: Names) -> _Names:
    """For the kernel; does not keep ``names`` alive."""
    pointers = [_pointer(held) for held in (names.text, names.ends, names.order, names.buckets)]
    return _Names(*pointers, len(names), names.bits)


_ARRAYS = (
    "starts",
    "documents",
    "impacts",
    "fine_starts",
    "fine_documents",
    "fine_fields",
    "fine_impacts",
    "frequencies",
)


class _Group(ctypes.Structure):
    _fields_ = (("names", _Names), *((n, ctypes.c_void_p) for n in (*_ARRAYS, "weights")), ("width", ctypes.c_int64))


class _Segment(_Structure):
    _fields_ = (*((n, ctypes.c_void_p) for n in ("groups", "cells", "values", "owners")),
                *((n, ctypes.c_void_p) for n in ("runs", "firsts", "cell", "alive", "order")),
                *((n, ctypes.c_int64) for n in ("size", "count", "facets", "sealed")))  # fmt: skip

    def __init__(self, segment: Segment) -> None:
        scores = segment.scores
        groups = (_Group * len(scores.groups))()
        self.kept: list[Any] = [segment.scores, segment.values, segment.runs, segment.cell, segment.alive, groups]
        for made, group in zip(groups, scores.groups.values(), strict=True):
            weights = np.array(group.weights)
            self.kept.append(weights)
            made.names = names_handle(group.names)
            for part in _ARRAYS:
                setattr(made, part, _pointer(getattr(group, part)))
            made.weights, made.width = _pointer(weights), len(group.fields)
        alive = None if segment.alive is None else _pointer(segment.alive)
        runs, firsts = segment.runs
        pointers = (_pointer(a) for a in (scores.cells, segment.values, scores.owners, runs, firsts, segment.cell))
        super().__init__(
            ctypes.addressof(groups),
            *pointers,
            alive,
            _pointer(scores.order),
            scores.size,
            len(scores.owners),
            segment.values.shape[1],
            bool(scores.owners.any()),
        )


class _Plan(_Structure):
    _fields_ = (*((n, ctypes.c_char_p) for n in ("text", "like", "lengths", "likes")),
                *((n, ctypes.c_char_p) for n in ("addressed", "weights", "sizes")),
                *((n, ctypes.c_int64) for n in ("units", "count")))  # fmt: skip

    def __init__(self, terms: Terms) -> None:
        texts, likes = [t.text for t in terms.terms], [t.like for t in terms.terms]
        super().__init__(
            encode("".join(texts)),
            encode("".join(likes)) if any(likes) else b"",
            array("i", [*map(len, texts)]).tobytes(),
            array("i", [*map(len, likes)]).tobytes(),
            terms.addressed,
            array("d", [t.weight for t in terms.terms]).tobytes(),
            array("i", terms.lengths).tobytes(),
            len(terms.units),
            len(terms.terms),
        )


class _Asked(ctypes.Structure):
    _fields_ = (*((n, ctypes.c_char_p) for n in ("documents", "points", "wanted", "filtered")),
                ("ranks", ctypes.c_void_p),
                *((n, ctypes.c_int64) for n in ("nears", "filters", "need", "widens", "owner", "falling")))  # fmt: skip

    def __init__(self, asked: Asked) -> None:
        super().__init__(
            array("i", [n for n, _ in asked.near]).tobytes() if asked.near else b"",
            array("d", [points for _, points in asked.near]).tobytes() if asked.near else b"",
            asked.wanted,
            array("i", asked.filtered).tobytes() if asked.filtered else b"",
            None if asked.ranks is None else _pointer(asked.ranks),
            len(asked.near),
            len(asked.filtered),
            asked.need,
            asked.widens,
            asked.owner,
            asked.falling,
        )


class _Room:
    """Where the kernel writes hits."""

    def __init__(self, limit: int) -> None:
        hits = np.empty(16 * limit, np.uint8)
        self.hits = hits.data
        self.kept = ctypes.c_int64()
        self.address, self.kept_address = _pointer(hits), ctypes.addressof(self.kept)


_thread = threading.local()


def _room(limit: int) -> _Room:
    """A thread keeps the room for usual pages."""
    if limit > _ROOM:
        return _Room(limit)
    room: _Room | None = getattr(_thread, "room", None)
    if room is None:
        room = _thread.room = _Room(_ROOM)
    return room
