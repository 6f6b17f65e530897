"""The arrays of one segment, derived from the token stream when an index is built: what makes search fast.

A term's row holds document numbers and impacts, an impact being the term's share of a document's score but for the
weight of the field: idf x saturated and length-normalised term frequency (Okapi BM25; Robertson and Zaragoza 2009,
section 3.4). Document frequencies and average lengths come from public records alone, so that no score tells
anything of a restricted one. How they are worked out says :mod:`indexer.engines.derive`.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np
import numpy.typing as npt

from indexer.engines import arrays
from indexer.engines.arrays import Array, Names, Texts

Ints = npt.NDArray[np.int32]
Floats = npt.NDArray[np.float32]
FILE = "scores.bin"
# So many documents of whole rows are worked out at a time.
_STEP = 1 << 20


@dataclass(frozen=True)
class Group:
    """The terms of fields that a query addresses together.

    A whole row holds a document once, its fields' impacts summed by their weights: row t is
    ``documents[starts[t]:starts[t + 1]]`` and the same of ``impacts``. A fine row holds it once for every field that
    the term stands in, in the order of documents and fields. ``frequencies`` says by term and field in how many
    documents of this segment it stands.
    """

    fields: tuple[str, ...]
    weights: tuple[float, ...]
    names: Names
    starts: npt.NDArray[np.int64]
    documents: Ints
    impacts: Floats
    fine_starts: npt.NDArray[np.int64]
    fine_documents: Ints
    fine_fields: npt.NDArray[np.uint8]
    fine_impacts: Floats
    frequencies: Ints

    def weighed(self, weights: Sequence[float]) -> Group:
        """The same with other weights of its fields."""
        if tuple(weights) == self.weights:
            return self
        impacts = whole(firsts(self.fine_starts, self.fine_documents), self.fine_fields, self.fine_impacts, weights)
        return replace(self, weights=tuple(weights), impacts=impacts)

    def frequency(self, term: str) -> list[int]:
        """By field, in how many documents of this segment a term stands."""
        number = self.names.find(term)
        return self.frequencies[number].tolist() if number >= 0 else [0] * len(self.fields)


def firsts(starts: Array, documents: Array) -> Array:
    """Where in fine rows a document is first met."""
    changes = np.ones(len(documents), np.bool_)
    changes[1:] = documents[1:] != documents[:-1]
    changes[starts[:-1]] = True
    return np.flatnonzero(changes)


def whole(first: Array, fields: Array, impacts: Array, weights: Sequence[float]) -> Floats:
    """The impacts of whole rows: those of fine rows summed by the weights of their fields."""
    sums = np.empty(len(first), np.float32)
    by_field = np.array(weights)
    for start in range(0, len(first), _STEP):
        bounds = first[start : start + _STEP]
        end = first[start + _STEP] if start + _STEP < len(first) else len(impacts)
        here = slice(int(bounds[0]), int(end))
        sums[start : start + _STEP] = np.add.reduceat(impacts[here] * by_field[fields[here]], bounds - bounds[0])
    return sums


@dataclass(frozen=True)
class Scores:
    """The arrays of one segment.

    Documents that share visibility, owner and every facet are numbered one after the other: cell c is the documents
    from ``cells[c]`` to ``cells[c + 1]``; ``values`` holds by cell and facet the place of the value in ``facets``,
    whose first is always the empty one, and ``owners`` by cell 0, or which of ``owner_names``, from 1, it is sealed
    for. ``places`` are document numbers in the order of writing. ``sorts`` are ranks, equal for equal values, and the
    values in their order; ``order`` is the rank by code and then id, which no two share.
    """

    ids: Names
    groups: Mapping[str, Group]
    places: Ints
    cells: Ints
    values: Ints
    owners: Ints
    owner_names: tuple[str, ...]
    facets: Mapping[str, tuple[str, ...]]
    sorts: Mapping[str, tuple[Ints, Texts]]
    order: Ints
    lengths: Mapping[str, float]

    @cached_property
    def size(self) -> int:
        """How many documents there are."""
        return len(self.order)

    @cached_property
    def fields(self) -> Mapping[str, tuple[str, int]]:
        """The group of a field and its place there."""
        return {f: (name, n) for name, group in self.groups.items() for n, f in enumerate(group.fields)}

    def frequency(self, field: str, term: str) -> int:
        """In how many documents a term stands in a field."""
        group, place = self.fields[field]
        return self.groups[group].frequency(term)[place]

    def idf(self, field: str, term: str) -> float:
        """The inverse document frequency here; that of the segment of all public records holds for every other."""
        return idf(self.size, self.frequency(field, term))

    def row(self, field: str, term: str) -> tuple[Ints, Floats] | None:
        """The document numbers and impacts of a field's term."""
        name, place = self.fields[field]
        group = self.groups[name]
        number = group.names.find(term)
        if number < 0 or not group.frequencies[number, place]:
            return None
        start, end = group.fine_starts[number], group.fine_starts[number + 1]
        here = np.flatnonzero(group.fine_fields[start:end] == place) + start
        return group.fine_documents[here], group.fine_impacts[here]

    def numbers(self, ids: Iterable[str]) -> dict[str, int]:
        """The document numbers of those ids that are here."""
        found = ((id, self.ids.find(id)) for id in ids)
        return {id: number for id, number in found if number >= 0}

    def save(self, folder: Path) -> None:
        """Write everything so that :meth:`load` can map it."""
        found = {name: getattr(self, name) for name in ("places", "cells", "values", "owners", "order")}
        found |= self.ids.arrays("ids")
        for name, (ranks, values) in self.sorts.items():
            found |= {f"sorts.{name}": ranks, **values.arrays(f"sorts.{name}")}
        for name, group in self.groups.items():
            found |= {f"{name}.{part}": getattr(group, part) for part in _parts(group.fields)}
            found |= group.names.arrays(name)
        about = {
            "groups": {name: [group.fields, group.weights] for name, group in self.groups.items()},
            "owners": self.owner_names,
            "facets": self.facets,
            "sorts": list(self.sorts),
            "lengths": self.lengths,
        }
        folder.mkdir(parents=True)
        arrays.save(folder / FILE, found, about)

    @classmethod
    def load(cls, folder: Path) -> Scores:
        """Map what :meth:`save` wrote; nothing is read before it is asked for."""
        found, about = arrays.load(folder / FILE)

        groups = {}
        for name, (fields, weights) in about["groups"].items():
            parts = {part: found[f"{name}.{part}"] for part in _parts(fields)}
            parts.setdefault("starts", parts["fine_starts"])
            parts.setdefault("documents", parts["fine_documents"])
            groups[name] = Group(fields=tuple(fields), weights=tuple(weights), names=Names.named(name, found), **parts)
        return cls(
            ids=Names.named("ids", found),
            groups=groups,
            places=found["places"],
            cells=found["cells"],
            values=found["values"],
            owners=found["owners"],
            owner_names=tuple(about["owners"]),
            facets={name: tuple(values) for name, values in about["facets"].items()},
            sorts={name: (found[f"sorts.{name}"], Texts.named(f"sorts.{name}", found)) for name in about["sorts"]},
            order=found["order"],
            lengths=about["lengths"],
        )


def idf(count: int, frequency: int) -> float:
    """Lucene's form of the inverse document frequency, never negative."""
    return math.log(1 + (count - frequency + 0.5) / (frequency + 0.5))


def _parts(fields: Sequence[str]) -> tuple[str, ...]:
    """The arrays of a group; one of a single field has no whole rows but its fine ones."""
    fine = ("fine_starts", "fine_documents", "fine_fields", "fine_impacts", "impacts", "frequencies")
    return fine if len(fields) == 1 else (*fine, "starts", "documents")
