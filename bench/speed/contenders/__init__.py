"""Who is in the race: whatever a search service could be built on, and the product."""

from __future__ import annotations

from bench.speed.contenders.arrays import Bm25s, Bm25sNumba, Impacts
from bench.speed.contenders.contender import Contender
from bench.speed.contenders.fts5 import Fts5
from bench.speed.contenders.ours import Ours, OursWithoutKernel
from bench.speed.contenders.tantivy_ import Tantivy, TantivyFields
from bench.speed.contenders.whoosh_ import Whoosh
from bench.speed.contenders.xapian_ import Xapian

OURS = Ours.name


def everybody() -> list[Contender]:
    """In the order in which they are asked."""
    return [
        Ours(),
        Tantivy(),
        Impacts(),
        Bm25s(),
        Bm25sNumba(),
        OursWithoutKernel(),
        TantivyFields(),
        Xapian(),
        Fts5(),
        Whoosh(),
    ]


def named(name: str) -> Contender:
    """The contender of that name."""
    return next(c for c in everybody() if c.name == name)
