"""The product's own service with jieba and tantivy inside: the same answers' shape, another engine under it.

``python -m bench.speed.inside DATA PORT`` serves the public's pages and API on loopback. Words are cut by jieba itself
(``ZHIBIAO_KERNEL=off``), and every search of a draft or a query is asked of tantivy; what is inferred, covered and
explained from there on is the product's.
"""

from __future__ import annotations

import os
import sys
import tempfile
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import tantivy
import waitress
from numpy.typing import NDArray

from corpus.access import Scope
from indexer import build
from indexer.engine import Card, Document, Part, Plan, Ranked, Schema, Term
from indexer.engines.ranking import strongest
from indexer.engines.scores import idf
from indexer.live import Live, View
from webapp import create_app
from webapp.cli import THREADS
from webapp.services import Services

OCCUR = tantivy.Occur
QUERY = tantivy.Query


class Engine:
    """One kind of public records in tantivy, a field for each of the product's with its weight."""

    def __init__(self, schema: Schema, documents: Iterable[Document], folder: Path) -> None:
        self.schema = schema
        self._groups: dict[str, list[tuple[str, float]]] = {}
        for f in schema.fields:
            self._groups.setdefault(f.group, []).append((f.name, f.weight))
        builder = tantivy.SchemaBuilder()
        for f in schema.fields:
            builder.add_text_field(f.name, tokenizer_name="whitespace", index_option="freq")
        for facet in schema.facets:
            builder.add_text_field(facet, tokenizer_name="raw", index_option="basic", fast=True)
        builder.add_unsigned_field("ordinal", fast=True)
        self._schema = builder.build()
        folder.mkdir(parents=True)
        index = tantivy.Index(self._schema, path=str(folder))
        writer = index.writer(num_threads=1)
        # What explanations are read from: the fields of each record that hold a term.
        self._held: dict[str, dict[str, list[str]]] = {}
        self._cards: list[Card] = []
        self._numbers: dict[str, int] = {}
        self._frequency: Counter[str] = Counter()
        for d in documents:
            document = tantivy.Document()
            held: dict[str, list[str]] = {}
            for name, terms in d.terms.items():
                document.add_text(name, " ".join(terms))
                for term in set(terms):
                    held.setdefault(term, []).append(name)
            for facet in schema.facets:
                document.add_text(facet, d.facets[facet])
            document.add_unsigned("ordinal", len(self._held))
            writer.add_document(document)
            self._held[d.id] = held
            self._numbers[d.id] = len(self._cards)
            self._cards.append(Card(d.id, d.facets, d.sorts))
            self._frequency.update(held.keys())
        writer.commit()
        writer.wait_merging_threads()
        index.reload()
        self._searcher = index.searcher()

    def search(
        self, plan: Plan, scope: Scope, filters: Mapping[str, Sequence[str]], *, offset: int = 0, limit: int = 20,
        sort: str = "score", counts: bool = True,
    ) -> Ranked:  # fmt: skip
        """See :class:`indexer.engine.Engine`; more than one needed unit counts as one, and nothing is sorted."""
        query, numbers, scores, total = self._run(plan, filters, offset, limit, counts)
        facets: dict[str, dict[str, int]] = {name: {} for name in self.schema.facets}
        if counts:
            asked = {facet: {"terms": {"field": facet, "size": 1000}} for facet in self.schema.facets}
            for facet, counted in self._searcher.aggregate(query, asked).items():
                facets[facet] = {b["key"]: b["doc_count"] for b in counted["buckets"] if b["key"]}
        return Ranked(tuple(self._cards[n].id for n in numbers), tuple(scores), total, facets)

    def _run(
        self, plan: Plan, filters: Mapping[str, Sequence[str]], offset: int, limit: int, counts: bool
    ) -> tuple[Any, list[int], list[float], int]:
        words = [(OCCUR.Should, self._term(term)) for unit in plan.units for term in (*unit.terms, *unit.parts)]
        clauses = [(OCCUR.Must if plan.need else OCCUR.Should, QUERY.boolean_query(words))] if words else []
        for facet, values in filters.items():
            either = QUERY.boolean_query(
                [(OCCUR.Should, QUERY.term_query(self._schema, facet, value, "basic")) for value in values]
            )
            clauses.append((OCCUR.Must, QUERY.const_score_query(either, 0.0)))
        query = QUERY.boolean_query(clauses) if clauses else QUERY.all_query()
        found = self._searcher.search(query, limit, count=counts, offset=offset)
        numbers = self._searcher.fast_field_values("ordinal", [address for _, address in found.hits])
        return query, [*map(int, numbers)], [round(score, 4) for score, _ in found.hits], found.count or 0

    def leading(
        self, plan: Plan, scope: Scope, filters: Mapping[str, Sequence[str]], limit: int
    ) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """See :class:`indexer.engine.Engine`."""
        _, numbers, scores, _ = self._run(plan, filters, 0, limit, counts=False)
        return np.array(numbers, np.int64), np.array(scores)

    @property
    def places(self) -> int:
        """See :class:`indexer.engine.Engine`."""
        return len(self._cards)

    def numbers(self, ids: Iterable[str]) -> dict[str, int]:
        """See :class:`indexer.engine.Engine`."""
        return {id: self._numbers[id] for id in ids if id in self._numbers}

    def card(self, number: int) -> Card:
        """See :class:`indexer.engine.Engine`."""
        return self._cards[number]

    def _term(self, term: Term) -> Any:
        fields = [
            (OCCUR.Should, QUERY.boost_query(QUERY.term_query(self._schema, name, term.text, "freq"), weight))
            for name, weight in self._groups[term.group]
        ]
        whole = fields[0][1] if len(fields) == 1 else QUERY.boolean_query(fields)
        return whole if term.weight == 1.0 else QUERY.boost_query(whole, term.weight)

    def explain(self, plan: Plan, ids: Sequence[str], *, most: int = 0) -> list[list[Part]]:
        """See :class:`indexer.engine.Engine`: by weight and rarity, cheaper than tantivy's own explanations."""
        weights = {f.name: f.weight for f in self.schema.fields}
        terms = [
            (n, term, idf(self.size, self.frequency(term.text)) * term.weight)
            for n, unit in enumerate(plan.units)
            for term in unit.terms
        ]
        explained = []
        for id in ids:
            held = self._held[id]
            parts = [
                Part(n, term, name, points * weights[name])
                for n, term, points in terms
                for name in held.get(term.text, ())
            ]
            parts.sort(key=lambda part: -part.score)
            explained.append(strongest(parts, most) if most else parts)
        return explained

    def shares(self, plan: Plan, groups: Sequence[Sequence[int]]) -> tuple[float, ...]:
        """See :class:`indexer.engine.Engine`."""
        first = [unit.terms[0] for unit in plan.units]
        said = [term.weight * idf(self.size, self.frequency(term.text)) for term in first]
        whole = sum(said) or 1.0
        shares = []
        for group in groups:
            held = set[str]().union(*(self._held[self._cards[n].id] for n in group))
            units = zip(plan.units, said, strict=True)
            shares.append(sum(own for unit, own in units if any(term.text in held for term in unit.terms)) / whole)
        return tuple(shares)

    def frequency(self, term: str) -> int:
        """See :class:`indexer.engine.Engine`."""
        return self._frequency[term]

    @property
    def size(self) -> int:
        """How many records there are."""
        return len(self._held)


class Inside:
    """The product's live view with these engines in place of its own."""

    def __init__(self, live: Live, folder: Path) -> None:
        self._live = live
        base = live.view()
        self._engines: dict[tuple[str, str], Any] = {}
        for (kind, edition), engine in base.engines.items():
            if edition == "open" and kind != "experts":
                sources = list(dict.fromkeys(id.rsplit("-", 1)[0] for id in engine.ids()))
                documents = build.of_kind(live.store, kind, sources, base.words.analyzer)
                shown = [d for d in documents if not d.restricted]
                self._engines[kind, edition] = Engine(engine.schema, shown, folder / kind)
        self._last: tuple[View, View] | None = None

    def view(self) -> View:
        """The present moment."""
        base = self._live.view()
        if self._last is None or self._last[0] is not base:
            self._last = (base, replace(base, engines=base.engines | self._engines))
        return self._last[1]


def main() -> None:
    """Serve until stopped."""
    with tempfile.TemporaryDirectory() as folder:
        app = create_app(Path(sys.argv[1]))
        own: Services = app.extensions["zhibiao"]
        app.extensions["zhibiao"] = Services(own.store, Inside(own.live, Path(folder)))  # type: ignore[arg-type]
        waitress.serve(app, host="127.0.0.1", port=int(sys.argv[2]), threads=THREADS, ident=None)


if __name__ == "__main__":
    os.environ["ZHIBIAO_KERNEL"] = "off"
    main()
