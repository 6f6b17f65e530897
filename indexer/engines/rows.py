"""The rows of a plan's terms in all segments, added up by numpy in the order of the terms."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import accumulate
from typing import Any, NamedTuple

import numpy as np

from indexer.engine import Term, Words
from indexer.engines.arrays import Array
from indexer.engines.ranking import NOWHERE, Terms
from indexer.engines.scores import Group, Scores, idf

# So many postings are added up at once, in memory that the processor's caches hold.
BATCH = 1 << 15
# Rows of no more postings are copied to be added up sooner, 12 bytes for each posting.
_SHORT = 1 << 12
# Of such rows so many bytes of documents are added up at once.
_JOINED = 1 << 20
# The rows of so many terms, or of so many postings, are remembered: 16 MB and 25 MB at the most.
_TERMS, _POSTINGS = 1 << 14, 1 << 21
# Of longer rows those postings alone are read that may pass, where fewer than half of the documents do.
_LONG = 256
# Of no more documents the sums are fresh memory: it is sooner there than kept memory is cleared.
_SMALL = 1 << 17
# Of fewer postings than a document in so many has, each is looked up instead of every document.
_SPARSE = 8
_WORDS = Term("").group
# numpy is sooner with these than with what they are made of.
_NUMBER, _POINT, _ZERO = np.dtype(np.int32), np.dtype(np.float64), np.zeros(())


class Row(NamedTuple):
    """The postings of a term.

    ``numbers`` are its documents, numbered through all segments, and ``points`` their impacts, if it is ``short``: as
    bytes, which join in a third of the time that arrays take. ``segments`` are the documents, by each segment's own
    numbers, and impacts.
    """

    short: bool
    positive: bool
    numbers: bytes
    points: bytes
    segments: Sequence[tuple[Array, Array]]


class Room:
    """A thread's memory: 10 bytes by document, and 16 by posting of a batch.

    ``sums`` are scores by document and ``match`` says which documents match; ``mark`` is for anything.
    """

    def __init__(self, size: int) -> None:
        self._sums = np.zeros(size)
        self.sums: Array = self._sums
        self.match, self.mark = np.zeros(size, np.bool_), np.zeros(size, np.bool_)
        self.touched: Any = slice(None)
        """All other documents have no score and do not match, if the sums are not fresh memory."""
        self.documents, self.points = np.empty(BATCH, np.int64), np.empty(BATCH)

    def clear(self) -> None:
        """Nothing has a score or matches."""
        self.sums = self._sums
        self.sums[self.touched], self.match[self.touched] = 0, False


class Rows:
    """The rows of all segments' terms. Documents are numbered through all segments."""

    def __init__(self, scores: Sequence[Scores]) -> None:
        self._sizes = [one.size for one in scores]
        self._bases = [*accumulate(self._sizes, initial=0)][:-1]
        self._groups = [tuple(one.groups.values()) for one in scores]
        self._known: list[dict[str, Row]] = [{} for _ in self._groups[0]]
        self._postings = 0
        self._none = self._row([(np.zeros(0, np.int32), np.zeros(0, np.float32))] * len(scores))

    def run(self, terms: Terms, need: int, hulls: Sequence[tuple[int, int]], room: Room) -> None:
        """Leave in ``room`` by document its score, and whether it meets as many units as are needed.

        ``hulls`` say by segment from which to which document is asked for; others may have any score.
        """
        rows, weights = self._of(terms)
        short, positive, numbers, points, segments = zip(*rows, strict=True) if rows else ((),) * 5
        few = None
        if all(short) and sum(map(len, numbers)) <= _JOINED:
            few = self._join(numbers, points, weights, room)
        else:
            self._add(segments, weights, hulls, room)
        room.touched = slice(None)
        if not need:
            room.match.fill(True)
        elif need > 1 or not (isinstance(terms.units, Words) or not terms.has_parts):
            self._meet(terms, rows, need, room)
        elif few is not None:
            room.match[few], room.touched = True, few
        elif all(positive) and (not weights or _single(min(weights)) > 0):
            np.greater(room.sums, _ZERO, room.match)
        else:
            self._meet(terms, rows, need, room)

    # ---- which rows ----

    def _of(self, terms: Terms) -> tuple[list[Row], Sequence[float]]:
        """The row of each term and what its impacts are multiplied by; no weights where these are all 1."""
        if isinstance(terms.units, Words):
            number, texts = terms.places[_WORDS] >> 4, terms.units.words
            known = self._known[number]
            return [known.get(text) or self._whole(number, text) for text in texts], ()
        addressed, (texts, weights, _, likes) = terms.addressed, terms.columns
        first = addressed[0] if addressed else NOWHERE
        if first != NOWHERE and not first & 15 and addressed.count(first) == len(addressed) and not any(likes):
            known = self._known[first >> 4]
            return [known.get(text) or self._whole(first >> 4, text) for text in texts], _some(weights)
        found = [self._any(term, address) for term, address in zip(terms.terms, addressed, strict=True)]
        return [row for row, _ in found], _some([weight for _, weight in found])

    def _whole(self, number: int, text: str) -> Row:
        """The whole rows of a term of a group."""
        known = self._known[number]
        row = known.get(text)
        if row is None:
            if len(known) >= _TERMS or self._postings > _POSTINGS:
                for one in self._known:
                    one.clear()
                self._postings = 0
            row = known[text] = self._row([_whole(groups[number], text) for groups in self._groups])
            self._postings += len(row.numbers) // _NUMBER.itemsize
        return row

    def _any(self, term: Term, address: int) -> tuple[Row, float]:
        """The row of any term, and what its impacts are multiplied by."""
        if address == NOWHERE:
            return self._none, 1.0
        number, field = address >> 4, (address & 15) - 1
        if field < 0 and not term.like:
            return self._whole(number, term.text), term.weight
        found = []
        for groups in self._groups:
            weights, exact = self._worth(groups[number], number, term)
            if exact and field < 0:
                documents, impacts = _whole(groups[number], term.text)
                found.append((documents, _single(term.weight) * impacts))
            else:
                documents, fields, impacts = _fine(groups[number], term.text, field)
                found.append((documents, _single(weights)[fields] * impacts))
        return self._row(found), 1.0

    def _row(self, found: Sequence[tuple[Array, Array]]) -> Row:
        """The row of each segment's documents and impacts."""
        positive = all(bool((impacts > 0).all()) for _, impacts in found)
        if sum(len(documents) for documents, _ in found) > _SHORT:
            return Row(False, positive, b"", b"", found)
        numbers = [(of + base).astype(_NUMBER) for (of, _), base in zip(found, self._bases, strict=True)]
        points = [impacts.astype(_POINT) for _, impacts in found]
        return Row(True, positive, np.concatenate(numbers).tobytes(), np.concatenate(points).tobytes(), found)

    def _worth(self, group: Group, number: int, term: Term) -> tuple[list[float], bool]:
        """By field what a term's impacts are multiplied by, and whether that is what whole rows are made with.

        A synonym gets no more rarity than the word that it stands for has.
        """
        if not term.like:
            return [term.weight * w for w in group.weights], True
        public, count = self._groups[0][number], self._sizes[0]
        found = zip(public.frequency(term.like), public.frequency(term.text), strict=True)
        caps = [min(1.0, idf(count, one) / idf(count, other)) for one, other in found]
        exact = all(cap == 1.0 for cap, held in zip(caps, group.frequency(term.text), strict=True) if held)
        return [term.weight * w * cap for w, cap in zip(group.weights, caps, strict=True)], exact

    # ---- what they add up to ----

    def _join(
        self, numbers: Sequence[bytes], points: Sequence[bytes], weights: Sequence[float], room: Room
    ) -> Array | None:
        """Add up short rows; the documents of their postings if these are few, some of them several times."""
        held, added = np.frombuffer(b"".join(numbers), _NUMBER), np.frombuffer(b"".join(points), _POINT)
        if weights:
            added = added * np.repeat(_single(weights), [len(one) // _POINT.itemsize for one in points])
        if len(held) and len(room.match) <= _SMALL:
            room.sums = np.bincount(held, added, len(room.match))
            return None
        room.clear()
        held = held.astype(np.int64)
        np.add.at(room.sums, held, added)
        return held if len(held) * _SPARSE <= len(room.match) else None

    def _add(
        self,
        rows: Sequence[Sequence[tuple[Array, Array]]],
        weights: Sequence[float],
        hulls: Sequence[tuple[int, int]],
        room: Room,
    ) -> None:
        """Add up rows of any length."""
        room.clear()
        worths = weights or (1.0,) * len(rows)
        for n, held in enumerate(zip(*rows, strict=True)):
            for documents, impacts, factors, lengths in _batches(held, worths, hulls[n], self._sizes[n]):
                here = slice(sum(lengths))
                np.concatenate(documents, out=room.documents[here])
                np.concatenate(impacts, out=room.points[here])
                if weights:
                    room.points[here] *= np.repeat(_single(factors), lengths)
                np.add.at(room.sums[self._bases[n] :], room.documents[here], room.points[here])

    def _meet(self, terms: Terms, rows: list[Row], need: int, room: Room) -> None:
        """Which documents meet as many units: one with any of its terms, or with all of its parts."""
        room.mark.fill(False)
        sizes = [*zip(*terms.sizes, strict=True)]
        for n, (base, size) in enumerate(zip(self._bases, self._sizes, strict=True)):
            mark, counts, at = room.mark[base : base + size], np.zeros(size, np.int32), 0
            for own, parts in sizes:
                held = [row.segments[n][0] for row in rows[at : at + own]]
                if parts:
                    held.append(_common([row.segments[n][0] for row in rows[at + own : at + own + parts]], mark))
                at += own + parts
                _count(held, counts, mark)
            np.greater_equal(counts, need, out=room.match[base : base + size])

    # ---- what each gives to some documents ----

    def shares(self, terms: Terms, segment: int, wanted: Array) -> tuple[Array, Array, Array, Array]:
        """Of each posting of ``wanted`` documents, which rise: the place of its document there, term, field, score."""
        columns = [(np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros(0, np.float32))]
        for n, (term, address) in enumerate(zip(terms.terms, terms.addressed, strict=True)):
            if address == NOWHERE:
                continue
            group = self._groups[segment][address >> 4]
            held, fields, impacts = _fine(group, term.text, (address & 15) - 1)
            places = np.searchsorted(wanted, held)
            here = np.flatnonzero(wanted[np.minimum(places, len(wanted) - 1)] == held)
            if len(here):
                weights = _single(self._worth(group, address >> 4, term)[0])
                scores = (weights[fields[here]] * impacts[here]).astype(np.float32)
                columns.append((places[here], np.full(len(here), n), fields[here].astype(np.int64), scores))
        of, numbers, fields, scores = map(np.concatenate, zip(*columns, strict=True))
        return of, numbers, fields, scores


def _some(weights: Sequence[float]) -> Sequence[float]:
    """No weights where these are all 1."""
    return () if weights.count(1.0) == len(weights) else weights


def _single(weights: Any) -> Array:
    """Rounded to single precision, so that products with impacts are exact in double."""
    return np.array(weights, np.float32).astype(np.float64)


def _whole(group: Group, text: str) -> tuple[Array, Array]:
    """A term's documents and impacts in a segment."""
    number = group.names.find(text)
    start, end = (int(group.starts[number]), int(group.starts[number + 1])) if number >= 0 else (0, 0)
    return group.documents[start:end], group.impacts[start:end]


def _fine(group: Group, text: str, field: int) -> tuple[Array, Array, Array]:
    """A term's documents, fields and impacts in a segment; of one field if it is one."""
    number = group.names.find(text)
    here = slice(int(group.fine_starts[number]), int(group.fine_starts[number + 1])) if number >= 0 else slice(0)
    documents, fields, impacts = group.fine_documents[here], group.fine_fields[here], group.fine_impacts[here]
    if field < 0:
        return documents, fields, impacts
    only = fields == field
    return documents[only], fields[only], impacts[only]


def _batches(
    rows: Sequence[tuple[Array, Array]], weights: Sequence[float], hull: tuple[int, int], size: int
) -> Iterator[tuple[list[Array], list[Array], list[float], list[int]]]:
    """A segment's rows in their order, in pieces: of each its documents, impacts, weight and length; by batch."""
    bounds, narrow = np.array(hull, np.int32), 2 * (hull[1] - hull[0]) < size
    held: list[Array] = []
    added: list[Array] = []
    worths: list[float] = []
    sizes: list[int] = []
    room = BATCH
    for (documents, impacts), weight in zip(rows, weights, strict=True):
        own, points = documents, impacts
        if narrow and len(own) > _LONG:
            start, end = own.searchsorted(bounds).tolist()
            own, points = own[start:end], points[start:end]
        while len(own) > room:
            yield [*held, own[:room]], [*added, points[:room]], [*worths, weight], [*sizes, room]
            own, points = own[room:], points[room:]
            held, added, worths, sizes, room = [], [], [], [], BATCH
        held.append(own)
        added.append(points)
        worths.append(weight)
        sizes.append(len(own))
        room -= len(own)
    yield held, added, worths, sizes


def _common(parts: Sequence[Array], mark: Array) -> Array:
    """The documents that all of them hold; ``mark`` is all False, before and after."""
    found, *others = parts
    for other in others:
        mark[other] = True
        found = found[mark[found]]
        mark[other] = False
    return found


def _count(held: Sequence[Array], counts: Array, mark: Array) -> None:
    """Count each document once that any of them hold; ``mark`` is all False, before and after."""
    if len(held) == 1:
        counts[held[0]] += 1
        return
    for documents in held:
        fresh = documents[~mark[documents]]
        counts[fresh] += 1
        mark[fresh] = True
    for documents in held:
        mark[documents] = False
