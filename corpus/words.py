"""The words of the library: synonyms by type, and the lexicon that segmentation keeps whole."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from corpus.store import Store


class SynonymType(StrEnum):
    """How a variant relates to the term of art."""

    SAME = "same"
    NARROWER = "narrower"
    COLLOQUIAL = "colloquial"
    ABBREVIATION = "abbreviation"


@dataclass(frozen=True, slots=True)
class Synonym:
    """People write ``variant`` where the library says ``term``."""

    term: str
    variant: str
    type: SynonymType


def synonyms(store: Store) -> list[Synonym]:
    """All of them, by term and variant."""
    rows = store.rows("select term, variant, type from synonyms order by term, variant")
    return [Synonym(row["term"], row["variant"], SynonymType(row["type"])) for row in rows]


def lexicon(store: Store) -> list[str]:
    """The terms, sorted."""
    return [row["term"] for row in store.rows("select term from lexicon order by term")]


def put(store: Store, synonyms: Iterable[Synonym], terms: Iterable[str]) -> None:
    """Add synonyms and lexicon terms; known ones are brought up to date."""
    with store.writing() as db:
        db.conn.executemany(
            "insert into synonyms values (?, ?, ?) on conflict (term, variant) do update set type = excluded.type",
            [(s.term, s.variant, s.type.value) for s in synonyms],
        )
        db.conn.executemany("insert or ignore into lexicon values (?)", [(t,) for t in terms])
        db.conn.execute("insert into feed (kind, record_id) values ('words', '')")
