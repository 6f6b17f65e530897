"""Arrays derived from the token stream when an index is built: what makes search fast.

A term's row holds document numbers and impacts, an impact being the term's share of a document's score but for the
weight of the field: idf x saturated and length-normalised term frequency (Okapi BM25; Robertson and Zaragoza 2009,
section 3.4). Document frequencies and average lengths come from public records alone, so that no score tells
anything of a restricted one.
"""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from indexer.engine import Document, Schema

K1 = 1.2
Ints = npt.NDArray[np.int32]
Floats = npt.NDArray[np.float32]
Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Statistics:
    """Public records alone: how many, how long each field is on average, in how many a field's term stands."""

    count: int
    lengths: Mapping[str, float]
    frequencies: Mapping[tuple[str, str], int]

    @classmethod
    def of(cls, documents: Iterable[Document]) -> Statistics:
        """Counted from public documents; a restricted one among them is a mistake of the caller's."""
        count = 0
        lengths: Counter[str] = Counter()
        frequencies: Counter[tuple[str, str]] = Counter()
        for document in documents:
            assert not document.restricted  # noqa: S101 - would leak into every score
            count += 1
            for field, words in document.terms.items():
                lengths[field] += len(words)
                frequencies.update((field, word) for word in set(words))
        return cls(count, {f: n / count for f, n in lengths.items()}, frequencies)

    def idf(self, field: str, term: str) -> float:
        """Lucene's form of the inverse document frequency, never negative."""
        frequency = self.frequencies.get((field, term), 0)
        return math.log(1 + (self.count - frequency + 0.5) / (frequency + 0.5))


@dataclass(frozen=True, slots=True)
class Scores:
    """The arrays of one segment. Row r of the postings is ``documents[starts[r]:starts[r + 1]]``."""

    ids: tuple[str, ...]
    numbers: Mapping[str, int]
    rows: Mapping[tuple[str, str], int]
    starts: npt.NDArray[np.int64]
    documents: Ints
    impacts: Floats
    facets: Mapping[str, tuple[Ints, tuple[str, ...]]]
    restricted: Mask
    owners: tuple[Ints, tuple[str, ...]]
    sorts: Mapping[str, tuple[str, ...]]
    order: Ints
    lengths: Mapping[str, float]

    @classmethod
    def derive(cls, schema: Schema, documents: Sequence[Document], statistics: Statistics) -> Scores:
        """The arrays of ``documents``, numbered in their order."""
        postings: dict[tuple[str, str], list[tuple[int, float]]] = {}
        for field in schema.fields:
            average = statistics.lengths.get(field.name, 0.0) or 1.0
            for number, document in enumerate(documents):
                words = document.terms.get(field.name, ())
                norm = K1 * (1 - field.b + field.b * len(words) / average)
                for term, times in Counter(words).items():
                    impact = document.worth * times * (K1 + 1) / (times + norm)
                    postings.setdefault((field.name, term), []).append((number, impact))
        rows = {key: row for row, key in enumerate(postings)}
        starts = np.zeros(len(rows) + 1, dtype=np.int64)
        np.cumsum([len(p) for p in postings.values()], out=starts[1:])
        numbers = np.fromiter((n for p in postings.values() for n, _ in p), dtype=np.int32, count=int(starts[-1]))
        impacts = np.fromiter(
            (impact * idf for key, p in postings.items() for idf in [statistics.idf(*key)] for _, impact in p),
            dtype=np.float32,
            count=int(starts[-1]),
        )
        ids = tuple(d.id for d in documents)
        names = sorted({name for d in documents for name in d.sorts})
        return cls(
            ids=ids,
            numbers={id: n for n, id in enumerate(ids)},
            rows=rows,
            starts=starts,
            documents=numbers,
            impacts=impacts,
            facets={f: _column([d.facets.get(f, "") for d in documents]) for f in schema.facets},
            restricted=np.fromiter((d.restricted for d in documents), dtype=np.bool_, count=len(ids)),
            owners=_column([d.owner for d in documents]),
            sorts={name: tuple(d.sorts.get(name, "") for d in documents) for name in names},
            order=_ranks([d.sorts.get("code", d.id) for d in documents]),
            lengths=statistics.lengths,
        )

    def statistics(self) -> Statistics:
        """The statistics that these arrays were derived with; only for a segment of all public records."""
        sizes = np.diff(self.starts).tolist()
        return Statistics(len(self.ids), self.lengths, dict(zip(self.rows, sizes, strict=True)))

    def row(self, field: str, term: str) -> tuple[Ints, Floats] | None:
        """The document numbers and impacts of a field's term."""
        row = self.rows.get((field, term))
        if row is None:
            return None
        start, end = self.starts[row], self.starts[row + 1]
        return self.documents[start:end], self.impacts[start:end]

    def save(self, folder: Path) -> None:
        """Write the arrays so that :meth:`load` can map them."""
        folder.mkdir(parents=True)
        arrays: dict[str, npt.NDArray[Any]] = {
            "starts": self.starts,
            "documents": self.documents,
            "impacts": self.impacts,
            "restricted": self.restricted,
            "owner": self.owners[0],
            "order": self.order,
        }
        arrays |= {f"facet-{name}": column for name, (column, _) in self.facets.items()}
        for name, array in arrays.items():
            np.save(folder / f"{name}.npy", array, allow_pickle=False)
        names = {
            "ids": self.ids,
            "rows": [list(key) for key in self.rows],
            "owners": self.owners[1],
            "facets": {name: values for name, (_, values) in self.facets.items()},
            "sorts": self.sorts,
            "lengths": self.lengths,
        }
        (folder / "names.json").write_text(json.dumps(names, ensure_ascii=False), encoding="utf-8")

    @classmethod
    def load(cls, folder: Path) -> Scores:
        """Map what :meth:`save` wrote; nothing is read before it is asked for."""
        names = json.loads((folder / "names.json").read_text(encoding="utf-8"))

        def array(name: str) -> npt.NDArray[np.generic]:
            # A plain view of the mapping: slicing numpy's own memmap type costs ten times as much.
            mapped: npt.NDArray[np.generic] = np.load(folder / f"{name}.npy", mmap_mode="r", allow_pickle=False)
            return mapped.view(np.ndarray)

        ids = tuple(names["ids"])
        return cls(
            ids=ids,
            numbers={id: n for n, id in enumerate(ids)},
            rows={(field, term): row for row, (field, term) in enumerate(names["rows"])},
            starts=array("starts"),  # type: ignore[arg-type]
            documents=array("documents"),  # type: ignore[arg-type]
            impacts=array("impacts"),  # type: ignore[arg-type]
            facets={name: (array(f"facet-{name}"), tuple(values)) for name, values in names["facets"].items()},  # type: ignore[misc]
            restricted=array("restricted"),  # type: ignore[arg-type]
            owners=(array("owner"), tuple(names["owners"])),  # type: ignore[arg-type]
            sorts={name: tuple(values) for name, values in names["sorts"].items()},
            order=array("order"),  # type: ignore[arg-type]
            lengths=names["lengths"],
        )


def _column(values: Sequence[str]) -> tuple[Ints, tuple[str, ...]]:
    """Values as small integers into the sorted list of different ones."""
    distinct = tuple(sorted(set(values)))
    number = {value: n for n, value in enumerate(distinct)}
    return np.fromiter((number[v] for v in values), dtype=np.int32, count=len(values)), distinct


def _ranks(values: Sequence[str]) -> Ints:
    """Each value's place in sorted order: what breaks ties between equal scores."""
    ranks = np.empty(len(values), dtype=np.int32)
    ranks[sorted(range(len(values)), key=values.__getitem__)] = np.arange(len(values), dtype=np.int32)
    return ranks
