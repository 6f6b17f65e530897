"""What every engine answers: the narrow protocol between search and an index, and its plain data."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol, overload

import numpy as np
from numpy.typing import NDArray

from corpus.access import Scope


@dataclass(frozen=True, slots=True)
class Field:
    """A searchable field: its ``weight`` in the score and its BM25 length normalisation ``b`` (0 to 1).

    ``group`` is what a query term addresses: ``words`` (several fields share it), ``chars`` or ``code``.
    """

    name: str
    weight: float
    b: float = 0.5
    group: str = "words"


@dataclass(frozen=True, slots=True)
class Schema:
    """The shape of one kind of index document."""

    kind: str
    fields: tuple[Field, ...]
    facets: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Document:
    """A record as the index takes it: terms by field, one value (or none) by facet, and what access asks about.

    ``literal`` is every character of its text, parts set apart by a line feed; ``digest`` identifies the content;
    ``sorts`` are the values that lists can be ordered by; ``worth`` multiplies the whole score.
    """

    id: str
    terms: Mapping[str, Sequence[str]]
    facets: Mapping[str, str]
    restricted: bool
    owner: str
    literal: Sequence[str]
    digest: str
    sorts: Mapping[str, str] = field(default_factory=dict)
    worth: float = 1.0


class Term(NamedTuple):
    """An index term to look for in the fields of ``group``; ``reason`` is empty for the reader's own word.

    A synonym names in ``like`` the word that it stands for: a rare synonym of a common word is worth no more than it.
    """

    text: str
    weight: float = 1.0
    group: str = "words"
    reason: str = ""
    like: str = ""


class Unit(NamedTuple):
    """One part of a query: it is met by any of its ``terms``, or by all of its ``parts`` together.

    ``label`` is what the reader wrote; parts are the smaller words inside it (农村 and 公路 of 农村公路).
    """

    label: str
    terms: tuple[Term, ...]
    parts: tuple[Term, ...] = ()


@dataclass(frozen=True, slots=True)
class Words(Sequence[Unit]):
    """Units of one word each, that are made when they are looked at: most engines need but the words."""

    words: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.words)

    @overload
    def __getitem__(self, at: int) -> Unit: ...
    @overload
    def __getitem__(self, at: slice) -> Words: ...
    def __getitem__(self, at: int | slice) -> Unit | Words:
        if isinstance(at, slice):
            return Words(self.words[at])
        word = self.words[at]
        return Unit(word, (Term(word),))


@dataclass(frozen=True, slots=True)
class Plan:
    """A query ready to run: at least ``need`` of its units, and all of its ``literals`` (character sequences).

    ``near`` are ids with points for their likeness in meaning; ``widens`` lets them in without the units.
    """

    units: tuple[Unit, ...] | Words = ()
    literals: tuple[tuple[str, ...], ...] = ()
    need: int = 0
    near: tuple[tuple[str, float], ...] = ()
    widens: bool = False


NO_UNIT = -1


class Part(NamedTuple):
    """A share of a hit's score: which unit, by which term, in which field.

    Likeness in meaning is the share of no unit: :data:`NO_UNIT`, in the field ``meaning``.
    """

    unit: int
    term: Term
    field: str
    score: float


class Ranked(NamedTuple):
    """What a search found: ids best first with scores, the exact total, and exact counts by facet and value."""

    ids: tuple[str, ...]
    scores: tuple[float, ...]
    total: int
    facets: Mapping[str, Mapping[str, int]]


class Card(NamedTuple):
    """What an engine knows of a record beside its terms: its id, its values by facet, and what lists are ordered by."""

    id: str
    facets: Mapping[str, str]
    sorts: Mapping[str, str]


class Engine(Protocol):
    """An index of one kind, open for reading; how it is written is each engine's own.

    Implementations are safe to share between threads.
    """

    schema: Schema

    def search(
        self,
        plan: Plan,
        scope: Scope,
        filters: Mapping[str, Sequence[str]],
        *,
        offset: int = 0,
        limit: int = 20,
        sort: str = "score",
        counts: bool = True,
    ) -> Ranked:
        """Run a plan over the records of ``scope`` that have one of the values of each facet in ``filters``."""

    def leading(
        self, plan: Plan, scope: Scope, filters: Mapping[str, Sequence[str]], limit: int
    ) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """The best of a search by the numbers of records, with their scores: for who looks at many but shows few."""

    @property
    def places(self) -> int:
        """All numbers of records are below."""

    def numbers(self, ids: Iterable[str]) -> dict[str, int]:
        """The numbers of those of ``ids`` that are here."""

    def card(self, number: int) -> Card:
        """What is known of a record by its number."""

    def explain(self, plan: Plan, ids: Sequence[str], *, most: int = 0) -> list[list[Part]]:
        """The parts of each record's score, largest first.

        With ``most``, up to 16, only the largest of each of so many units, those of single characters left out.
        """

    def shares(self, plan: Plan, groups: Sequence[Sequence[int]]) -> tuple[float, ...]:
        """For each group of records, by their numbers, how much of what a plan says any of them holds, from 0 to 1.

        A unit says as much as its own word's weight times its inverse document frequency over the word fields.
        """

    def with_changes(self, changed: Sequence[Document], gone: Iterable[str]) -> Engine:
        """The same index with some records replaced and some gone; the original is not touched."""

    def frequency(self, term: str) -> int:
        """In how many public records a term of the word fields stands."""

    def digests(self) -> dict[str, str]:
        """The digest of every document that the durable index holds, by id."""

    def ids(self) -> Iterable[str]:
        """The id of every document, changes counted in."""

    def close(self) -> None:
        """Let go of files."""
