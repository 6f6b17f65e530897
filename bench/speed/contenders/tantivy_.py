"""tantivy with the best chance that its Python package gives it.

Words are one field without positions, merged into one segment; facets are columns (fast fields) counted by its own
terms aggregation, which does without scores; the filter is a term of the same query, without a score.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from bench.speed.contenders.contender import Contender, answer
from bench.speed.growth import Grown
from bench.speed.library import FACETS, REPEATS, SCHEMA, WORDS
from bench.speed.questions import LIMIT, Answer, Question

AGGREGATION = {f: {"terms": {"field": f, "size": 1000}} for f in FACETS}


class Tantivy(Contender):
    """One field for all words; a name's words are said three times."""

    name = "tantivy"
    module = "tantivy"
    fields: tuple[str, ...] = ("words",)

    def build(self, library: Grown, folder: Path) -> None:
        import tantivy  # noqa: PLC0415 - optional

        builder = tantivy.SchemaBuilder()
        for name in self.fields:
            builder.add_text_field(name, tokenizer_name="whitespace", index_option="freq")
        for facet in FACETS:
            builder.add_unsigned_field(facet, indexed=True, fast=True)
        builder.add_unsigned_field("number", fast=True)
        index = tantivy.Index(builder.build(), path=str(folder))
        columns = [library.facet(f) for f in FACETS]
        # One thread writes one segment as long as its memory suffices.
        writer = index.writer(heap_size=1_500_000_000, num_threads=1)
        facets = zip(*(column.tolist() for column, _ in columns), strict=True)
        for (n, _, terms), numbers in zip(library.rows(), facets, strict=True):
            document = tantivy.Document()
            for name, number in zip((*FACETS, "number"), (*numbers, n), strict=True):
                document.add_unsigned(name, number)
            for name, text in self.texts(terms).items():
                document.add_text(name, text)
            writer.add_document(document)
        writer.commit()
        writer.wait_merging_threads()
        values = {f: v for f, (_, v) in zip(FACETS, columns, strict=True)}
        (folder / "facets.json").write_text(json.dumps(values, ensure_ascii=False), encoding="utf-8")

    def texts(self, terms: dict[str, list[str]]) -> dict[str, str]:
        """What stands in each of its fields."""
        return {"words": " ".join(word for f in WORDS for word in terms[f] * REPEATS[f])}

    def open(self, folder: Path) -> None:
        import tantivy  # noqa: PLC0415

        self._values: dict[str, list[str]] = json.loads((folder / "facets.json").read_text(encoding="utf-8"))
        self._index = tantivy.Index.open(str(folder))
        self._schema = self._index.schema
        self._searcher = self._index.searcher()
        self._query, self._occur = tantivy.Query, tantivy.Occur

    def terms(self, words: tuple[str, ...]) -> list[Any]:
        """A query for each word."""
        return [self._query.term_query(self._schema, "words", word, "freq") for word in words]

    def ask(self, question: Question) -> Answer:
        should, must = self._occur.Should, self._occur.Must
        any_of = self._query.boolean_query([(should, term) for term in self.terms(question.words)])
        wanted = self._values[question.facet].index(question.value)
        only = self._query.term_query(self._schema, question.facet, wanted)
        query = self._query.boolean_query([(must, any_of), (must, self._query.const_score_query(only, 0.0))])
        hits = self._searcher.search(query, LIMIT, count=False).hits
        best = self._searcher.fast_field_values("number", [address for _, address in hits])
        counts = {}
        for facet, found in self._searcher.aggregate(query, AGGREGATION).items():
            values = self._values[facet]
            counts[facet] = {values[int(b["key"])]: b["doc_count"] for b in found["buckets"] if values[int(b["key"])]}
        return answer(counts, best)


class TantivyFields(Tantivy):
    """The product's five fields with their weights, as its ranking is described in words."""

    name = "tantivy-fields"
    fields = WORDS

    def texts(self, terms: dict[str, list[str]]) -> dict[str, str]:
        return {f: " ".join(terms[f]) for f in WORDS}

    def terms(self, words: tuple[str, ...]) -> list[Any]:
        term, boost = self._query.term_query, self._query.boost_query
        return [
            boost(term(self._schema, f.name, word, "freq"), f.weight)
            for word in words
            for f in SCHEMA.fields
            if f.name in WORDS
        ]
