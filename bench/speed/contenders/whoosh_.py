"""Whoosh as it comes: BM25F over the fields, filter and groups by its own means in one pass."""

from __future__ import annotations

import json
from pathlib import Path

from bench.speed.contenders.contender import Contender, answer
from bench.speed.growth import Grown
from bench.speed.library import FACETS, SCHEMA, WORDS
from bench.speed.questions import LIMIT, Answer, Question


class Whoosh(Contender):
    """Its own writer, matchers and collectors; facets are columns, filters are remembered by its searcher."""

    name = "plain Whoosh"
    module = "whoosh"
    most = 84_550

    def build(self, library: Grown, folder: Path) -> None:
        from whoosh import fields, index  # noqa: PLC0415 - beside the other engines

        shape = fields.Schema(
            **{f: fields.TEXT(phrase=False) for f in WORDS}, **{f: fields.ID(sortable=True) for f in FACETS}
        )
        columns = [library.facet(f) for f in FACETS]
        facets = zip(*(column.tolist() for column, _ in columns), strict=True)
        with index.create_in(str(folder), shape).writer(limitmb=1024) as writer:
            for (_, _, terms), numbers in zip(library.rows(), facets, strict=True):
                values = {f: str(n) for f, n in zip(FACETS, numbers, strict=True)}
                writer.add_document(**{f: words for f, words in terms.items() if words}, **values)
            writer.optimize = True
        values = {f: v for f, (_, v) in zip(FACETS, columns, strict=True)}
        (folder / "facets.json").write_text(json.dumps(values, ensure_ascii=False), encoding="utf-8")

    def open(self, folder: Path) -> None:
        from whoosh import index  # noqa: PLC0415

        self._values: dict[str, list[str]] = json.loads((folder / "facets.json").read_text(encoding="utf-8"))
        self._index = index.open_dir(str(folder))
        self._searcher = self._index.searcher()

    def ask(self, question: Question) -> Answer:
        from whoosh import query, sorting  # noqa: PLC0415

        words = query.Or(
            [
                query.Term(f.name, word, boost=f.weight)
                for word in question.words
                for f in SCHEMA.fields
                if f.name in WORDS
            ]
        )
        wanted = query.Term(question.facet, str(self._values[question.facet].index(question.value)))
        found = self._searcher.search(words, limit=LIMIT, filter=wanted, groupedby=list(FACETS), maptype=sorting.Count)
        counts = {}
        for facet in FACETS:
            values = self._values[facet]
            counts[facet] = {values[int(v)]: n for v, n in found.groups(facet).items() if values[int(v)]}
        return answer(counts, [hit.docnum for hit in found])

    def close(self) -> None:
        self._searcher.close()
        self._index.close()
