"""The product's engine, as the whole library's reader meets it: the public part and the restricted one."""

from __future__ import annotations

import os
from itertools import islice
from pathlib import Path
from types import MappingProxyType

from bench.speed.contenders.contender import Contender
from bench.speed.growth import Documents, Grown
from bench.speed.library import SCHEMA
from bench.speed.questions import LIMIT, Answer, Question
from corpus.access import Clearance, Scope
from indexer.build import PART
from indexer.engine import Plan, Words
from indexer.engines.derive import Collector
from indexer.engines.embedded import Embedded

EDITIONS = {"open": False, "full": True}
# Whoever sees every record: so all contenders have the same records to go through.
SCOPE = Scope(Clearance.ALL, "")
# Set to anything, the durable half is not written, which takes most of the time and which no question here asks.
ARRAYS_ONLY = "BENCH_ARRAYS_ONLY"


class Ours(Contender):
    """The embedded engine with the product's fields and weights."""

    name = "ours"

    def build(self, library: Grown, folder: Path) -> None:
        editions = {e: Documents(library, restricted=restricted) for e, restricted in EDITIONS.items()}
        public = None
        for edition, documents in editions.items():
            (folder / edition / "whoosh").mkdir(parents=True)
            collected, rest, part = Collector(SCHEMA), iter(documents), 0
            while batch := list(islice(rest, PART)):
                if not os.environ.get(ARRAYS_ONLY):
                    Embedded.write(folder / edition, SCHEMA, batch, part)
                collected.add(batch)
                part += 1
            public = Embedded.derive(folder / edition, collected, public=public)

    def open(self, folder: Path) -> None:
        self._engine = Embedded.open(SCHEMA, [folder / edition for edition in EDITIONS])

    def ask(self, question: Question) -> Answer:
        plan = Plan(Words(question.words), need=1)
        found = self._engine.search(plan, SCOPE, {question.facet: [question.value]}, limit=LIMIT)
        return Answer(found.total, found.facets, [*map(int, found.ids)])

    def close(self) -> None:
        self._engine.close()


class OursWithoutKernel(Ours):
    """The same without anything compiled."""

    name = "ours-numpy"
    built_by = Ours.name
    environment = MappingProxyType({"ZHIBIAO_KERNEL": "off"})

    def open(self, folder: Path) -> None:
        # An engine looks for the kernel when it is opened.
        kept = dict(os.environ)
        os.environ.update(self.environment)
        try:
            super().open(folder)
        finally:
            os.environ.clear()
            os.environ.update(kept)
