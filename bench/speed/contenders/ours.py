"""The product's engine, as the whole library's reader meets it: the public part and the restricted one."""

from __future__ import annotations

import os
from collections.abc import Sequence
from functools import partial
from itertools import islice, repeat
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path
from types import MappingProxyType

from bench.speed.contenders.contender import Contender
from bench.speed.growth import Documents, Grown
from bench.speed.library import SCHEMA
from bench.speed.questions import LIMIT, Answer, Question
from corpus.access import Clearance, Scope
from indexer.build import PART
from indexer.engine import Plan, Term, Unit
from indexer.engines.derive import Collector
from indexer.engines.embedded import Embedded

EDITIONS = {"open": False, "full": True}
# Whoever sees every record: so all contenders have the same records to go through.
SCOPE = Scope(Clearance.ALL, "")
# Set to anything, the durable half is not written, which takes most of the time and which no question here asks.
ARRAYS_ONLY = "BENCH_ARRAYS_ONLY"


# Without a call of Python for each.
_term, _unit = partial(tuple.__new__, Term), partial(tuple.__new__, Unit)
_REST, _NONE = [*map(repeat, Term("")[1:])], repeat(())


def any_of(words: Sequence[str]) -> Plan:
    """A plan that any of the words meets: ``Unit(word, (Term(word),))`` for each."""
    terms = map(_term, zip(words, *_REST, strict=False))
    return Plan(tuple(map(_unit, zip(words, zip(terms, strict=True), _NONE, strict=False))), need=1)


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
        found = self._engine.search(any_of(question.words), SCOPE, {question.facet: [question.value]}, limit=LIMIT)
        return Answer(found.total, found.facets, [*map(int, found.ids)])

    def close(self) -> None:
        self._engine.close()


class OursWithoutKernel(Contender):
    """The same without anything compiled, in a process of its own, which measures the time itself."""

    name = "ours-numpy"
    built_by = Ours.name
    environment = MappingProxyType({"ZHIBIAO_KERNEL": "off"})

    def build(self, library: Grown, folder: Path) -> None:
        raise NotImplementedError

    def open(self, folder: Path) -> None:
        context = get_context("spawn")
        self._pipe, theirs = context.Pipe()
        self._process = context.Process(target=_serve, args=(theirs, folder), daemon=True)
        kept = dict(os.environ)
        os.environ.update(self.environment)
        try:
            self._process.start()
        finally:
            os.environ.clear()
            os.environ.update(kept)
        self._pipe.recv()

    def ask(self, question: Question) -> Answer:
        return self.timed(question)[1]

    def timed(self, question: Question) -> tuple[float, Answer]:
        self._pipe.send(question)
        found: tuple[float, Answer] = self._pipe.recv()
        return found

    def close(self) -> None:
        self._pipe.send(None)
        self._process.join()


def _serve(pipe: Connection, folder: Path) -> None:
    ours = Ours()
    ours.open(folder)
    pipe.send(True)
    while (question := pipe.recv()) is not None:
        pipe.send(ours.timed(question))
    ours.close()
