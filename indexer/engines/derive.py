"""From the token stream to arrays: documents are taken in part by part, and nothing but numbers is kept of them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from itertools import chain
from typing import NamedTuple

import numpy as np

from indexer.engine import Document, Schema
from indexer.engines.arrays import Array, Names, Texts
from indexer.engines.scores import Group, Scores, firsts, whole

K1 = 1.2
# So many postings are sorted at a time.
CHUNK = 1 << 20


class Numbers(defaultdict[str, int]):
    """Strings, each with the number of those before it."""

    def __init__(self) -> None:
        super().__init__(self.__len__)

    def of(self, strings: Sequence[str] | chain[str], count: int) -> Array:
        """The numbers of ``count`` strings."""
        return np.fromiter(map(self.__getitem__, strings), np.int32, count)


class _Postings(NamedTuple):
    """What one part of the documents, from number ``base`` on, holds: the rows of its terms end to end.

    The row of ``terms[n]`` is ``places[starts[n]:starts[n + 1]]``, each a document of the part and, in the lowest eight
    bits, a field; and the same of ``times``.
    """

    base: int
    terms: Array
    starts: Array
    places: Array
    times: Array

    @classmethod
    def of(cls, base: int, keys: Array) -> _Postings:
        """Of terms, in the upper 32 bits of the keys, and places, as often and in whatever order they come."""
        keys, times = np.unique(keys, return_counts=True)
        terms = keys >> 32
        firsts = np.flatnonzero(np.diff(terms, prepend=-1))
        return cls(
            base,
            terms[firsts].astype(np.int32),
            np.append(firsts, len(keys)).astype(np.int32),
            keys.astype(np.uint32),
            times.astype(np.min_scalar_type(times.max(initial=0))),
        )

    def row(self, first: int, last: int) -> tuple[Array, Array, Array]:
        """Term, place and times of the terms from ``first`` to below ``last``."""
        low, high = np.searchsorted(self.terms, (first, last))
        here = slice(self.starts[low], self.starts[high])
        terms = np.repeat(self.terms[low:high].astype(np.int64), np.diff(self.starts[low : high + 1]))
        return terms, self.places[here].astype(np.int64), self.times[here]


class Collector:
    """What documents, taken in one part after another, hold in numbers; at the end the arrays of all of them."""

    def __init__(self, schema: Schema) -> None:
        self.schema = schema
        names = dict.fromkeys(f.group for f in schema.fields)
        self._groups = {name: [f for f in schema.fields if f.group == name] for name in names}
        self._terms = {name: Numbers() for name in names}
        self._postings: dict[str, list[_Postings]] = {name: [] for name in names}
        self._lengths: dict[str, list[Array]] = {f.name: [] for f in schema.fields}
        self._columns = {name: (Numbers(), list[Array]()) for name in (*schema.facets, "")}
        self._sorts: dict[str, list[str]] = {}
        self._ids: list[str] = []
        self._restricted: list[bool] = []
        self._worths: list[float] = []

    def add(self, documents: Sequence[Document]) -> None:
        """Take in some more; there may be 2^24 at a time."""
        for name, fields in self._groups.items():
            numbers, keys = self._terms[name], []
            for place, field in enumerate(fields):
                words = [d.terms.get(field.name, ()) for d in documents]
                lengths = np.fromiter(map(len, words), np.int32, len(words))
                self._lengths[field.name].append(lengths)
                terms = numbers.of(chain.from_iterable(words), int(lengths.sum())).astype(np.int64)
                places = np.repeat(np.arange(len(words), dtype=np.int64) << 8 | place, lengths)
                keys.append(terms << 32 | places)
            self._postings[name].append(_Postings.of(len(self._ids), np.concatenate(keys)))
        for name, (numbers, column) in self._columns.items():
            values = [d.facets.get(name, "") for d in documents] if name else [d.owner for d in documents]
            column.append(numbers.of(values, len(values)))
        for sort in {name for d in documents for name in d.sorts} | set(self._sorts):
            column_before = self._sorts.setdefault(sort, [""] * len(self._ids))
            column_before += [d.sorts.get(sort, "") for d in documents]
        self._ids += [d.id for d in documents]
        self._restricted += [d.restricted for d in documents]
        self._worths += [d.worth for d in documents]

    def terms(self) -> set[str]:
        """Every term of every field."""
        return set(chain.from_iterable(self._terms.values()))

    def scores(self, weights: Mapping[str, float] | None = None, public: Scores | None = None) -> Scores:
        """The arrays under ``weights`` of fields, by default the schema's.

        ``public`` is the segment of all public records, whose statistics hold; by default these are they, and a
        restricted one among them is a mistake of the caller's. Can be called once.
        """
        weights = {f.name: f.weight for f in self.schema.fields} | dict(weights or {})
        count = len(self._ids)
        restricted = np.array(self._restricted, np.bool_)
        assert public is not None or not restricted.any()  # noqa: S101 - would leak into every score
        sorts = {name: _ranked(self._sorts[name]) for name in sorted(self._sorts)}
        codes = sorts["code"][0] if "code" in sorts else np.zeros(count, np.int32)
        rank = _ranks(np.lexsort((_ranked(self._ids)[0], codes)))
        columns = {name: _sorted(numbers, column) for name, (numbers, column) in self._columns.items()}
        owners, owner_names = columns.pop("")
        owners = np.where(restricted, owners + 1, 0).astype(np.int32)
        keys = [owners, *(column for column, _ in columns.values())]
        order = np.lexsort((rank, *reversed(keys)))
        places = _ranks(order)
        table = np.stack(keys, axis=1)[order]
        cells = np.flatnonzero(np.append(True, (table[1:] != table[:-1]).any(axis=1))) if count else order
        lengths = {name: np.concatenate([*parts, np.zeros(0, np.int32)]) for name, parts in self._lengths.items()}
        means = public.lengths if public else {f: float(x.sum()) / count for f, x in lengths.items() if count}
        total = public.size if public else count
        worths = np.array(self._worths)
        groups = {}
        for name, fields in self._groups.items():
            norms = [K1 * (1 - f.b + f.b * lengths[f.name] / (means.get(f.name, 0.0) or 1.0)) for f in fields]
            held = public.groups[name] if public else None
            of_documents = np.stack([*norms, worths], axis=1)[order]
            own = [weights[f.name] for f in fields]
            groups[name] = self._group(name, places, of_documents, total=total, public=held, weights=own)
        return Scores(
            ids=Names.of([self._ids[n] for n in order.tolist()]),
            groups=groups,
            places=places,
            cells=np.append(cells, count).astype(np.int32),
            values=table[cells, 1:].astype(np.int32),
            owners=table[cells, 0].astype(np.int32),
            owner_names=owner_names,
            facets={name: values for name, (_, values) in columns.items()},
            sorts={name: (ranks[order], values) for name, (ranks, values) in sorts.items()},
            order=rank[order],
            lengths=means,
        )

    def _group(
        self,
        name: str,
        places: Array,
        of_documents: Array,
        *,
        total: int,
        public: Group | None,
        weights: Sequence[float],
    ) -> Group:
        """``of_documents`` holds by document the length norm of each field and what its score is multiplied by."""
        terms = list(self._terms[name])
        width = len(self._groups[name])
        sizes = np.zeros((len(terms), width), np.int64)
        for part in self._postings[name]:
            held, at, _ = part.row(0, len(terms))
            sizes += np.bincount(held * width + (at & 0xFF), minlength=sizes.size).reshape(sizes.shape)
        frequencies: Array = sizes
        if public:
            numbers = np.array([*map(public.names.find, terms)], np.int64)
            frequencies = np.append(public.frequencies, np.zeros((1, width), np.int32), axis=0)[numbers]
        idfs = np.log(1 + (total - frequencies + 0.5) / (frequencies + 0.5))
        fine_starts = np.append(0, np.cumsum(sizes.sum(axis=1)))
        count = int(fine_starts[-1])
        documents, fields = np.empty(count, np.int32), np.empty(count, np.uint8)
        impacts = np.empty(count, np.float32)
        # Room for as many; what is not used is never taken from the system.
        whole_documents, whole_impacts = np.empty(count, np.int32), np.empty(count, np.float32)
        whole_sizes = np.zeros(len(terms), np.int64)
        first = wholes = 0
        while first < len(terms):
            last = max(first + 1, int(np.searchsorted(fine_starts, fine_starts[first] + CHUNK, "right")) - 1)
            here = slice(int(fine_starts[first]), int(fine_starts[last]))
            keys, times = self._chunk(name, places, first, last)
            term, document, field = keys >> 32, keys >> 4 & 0xFFFFFFF, keys & 0xF
            norms, worth = of_documents[document, field], of_documents[document, width]
            documents[here], fields[here] = document, field
            impacts[here] = worth * times * (K1 + 1) / (times + norms) * idfs[term, field]
            bounds = firsts(fine_starts[first : last + 1] - here.start, documents[here])
            done = slice(wholes, wholes + len(bounds))
            if width > 1:
                whole_sizes[first:last] = np.bincount(term[bounds] - first, minlength=last - first)
                whole_documents[done] = documents[here][bounds]
            whole_impacts[done] = whole(bounds, fields[here], impacts[here], weights)
            first, wholes = last, done.stop
        self._postings[name].clear()
        return Group(
            fields=tuple(f.name for f in self._groups[name]),
            weights=tuple(weights),
            names=Names.of(terms),
            starts=np.append(0, np.cumsum(whole_sizes)) if width > 1 else fine_starts,
            documents=whole_documents[:wholes] if width > 1 else documents,
            impacts=whole_impacts[:wholes],
            fine_starts=fine_starts,
            fine_documents=documents,
            fine_fields=fields,
            fine_impacts=impacts,
            frequencies=sizes.astype(np.int32),
        )

    def _chunk(self, name: str, places: Array, first: int, last: int) -> tuple[Array, Array]:
        """The postings of terms from ``first`` to below ``last``, in the order of rows, and their times."""
        found, counts = [], []
        for part in self._postings[name]:
            terms, held, times = part.row(first, last)
            document = places[part.base + (held >> 8)].astype(np.int64)
            found.append(terms << 32 | document << 4 | held & 0xF)
            counts.append(times)
        keys, times = np.concatenate(found), np.concatenate(counts)
        order = np.argsort(keys)
        return keys[order], times[order]


def derive(
    schema: Schema,
    documents: Sequence[Document],
    weights: Mapping[str, float] | None = None,
    public: Scores | None = None,
) -> Scores:
    """The arrays of ``documents``: see :meth:`Collector.scores`."""
    collector = Collector(schema)
    collector.add(documents)
    return collector.scores(weights, public)


def _ranked(values: Sequence[str]) -> tuple[Array, Texts]:
    """For each value its rank, equal ones the same; and the different values in order."""
    distinct = sorted(set(values))
    number = {value: n for n, value in enumerate(distinct)}
    return np.fromiter(map(number.__getitem__, values), np.int32, len(values)), Texts.of(distinct)


def _sorted(numbers: Numbers, parts: Sequence[Array]) -> tuple[Array, tuple[str, ...]]:
    """A column whose numbers are places in the sorted list of its values, of which the empty one is always one."""
    values = tuple(sorted({"", *numbers}))
    place = {value: n for n, value in enumerate(values)}
    places = np.array([place[value] for value in numbers], np.int32)
    return places[np.concatenate([*parts, np.zeros(0, np.int32)])], values


def _ranks(order: Array) -> Array:
    """Each one's place in an order."""
    ranks = np.empty(len(order), np.int32)
    ranks[order] = np.arange(len(order), dtype=np.int32)
    return ranks
