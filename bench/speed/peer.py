"""What the service is measured against: an empty answer, and suggestions from tantivy over jieba's words.

``python -m bench.speed.peer DATA PORT`` serves both on loopback with as many threads as the product has.
"""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path
from typing import Any

import jieba
import tantivy
import waitress
from flask import Flask, Response, jsonify, request

from corpus import indicators, policies
from corpus.store import Store
from indexer.suggest import Suggested
from webapp.cli import THREADS

NAME_WEIGHT = 3.0


class Shelf:
    """One kind of record in tantivy: a name, a text, the facet ``level2``, and the JSON of the answer stored."""

    def __init__(self, folder: Path, records: list[tuple[str, str, str, dict[str, object]]]) -> None:
        builder = tantivy.SchemaBuilder()
        for name in ("name", "body"):
            builder.add_text_field(name, tokenizer_name="whitespace", index_option="freq")
        builder.add_text_field("level2", tokenizer_name="raw", index_option="basic", fast=True)
        builder.add_text_field("answer", stored=True, tokenizer_name="raw", index_option="basic")
        self._schema = builder.build()
        folder.mkdir()
        index = tantivy.Index(self._schema, path=str(folder))
        writer = index.writer(num_threads=1)
        for name, body, level2, answer in records:
            document = tantivy.Document()
            document.add_text("name", " ".join(cut(name)))
            document.add_text("body", " ".join(cut(body)))
            document.add_text("level2", level2)
            document.add_text("answer", json.dumps(answer, ensure_ascii=False))
            writer.add_document(document)
        writer.commit()
        writer.wait_merging_threads()
        index.reload()
        self._searcher = index.searcher()

    def search(self, words: list[str], limit: int, *, counts: bool) -> tuple[list[dict[str, object]], dict[str, int]]:
        """The best answers, and how many match in each category."""
        make, should = tantivy.Query, tantivy.Occur.Should
        terms = []
        for word in words:
            name = make.term_query(self._schema, "name", word, "freq")
            terms.append((should, make.boost_query(name, NAME_WEIGHT)))
            terms.append((should, make.term_query(self._schema, "body", word, "freq")))
        query = make.boolean_query(terms)
        hits = self._searcher.search(query, limit, count=False).hits
        found = [json.loads(self._searcher.doc(address)["answer"][0]) for _, address in hits]
        if not counts:
            return found, {}
        groups: Any = self._searcher.aggregate(query, {"level2": {"terms": {"field": "level2", "size": 50}}})
        return found, {b["key"]: b["doc_count"] for b in groups["level2"]["buckets"]}


def cut(text: str) -> list[str]:
    """jieba's search mode, each word as often as it stands, marks dropped."""
    return [word for word in jieba.cut_for_search(text.lower()) if word.isalnum()]


def create(data: Path, folder: Path) -> Flask:
    """The application over the public records of a data folder."""
    store = Store.open(data)
    records, passages = [], []
    for i in indicators.active(store, "open"):
        place = (i.use.use, i.use.industry, i.use.domain) if i.use else (i.theme,)
        body = " ".join((*i.keywords, *place, i.category.short, i.definition, i.formula, i.evidence))
        answer = Suggested(i, 0.0, ()).as_json()
        records.append((i.name, body, i.category.level2, answer))
    for found in policies.active(store, "open"):
        passages.append((found.policy.title, found.passage.text, "", found.as_json()))
    store.close()
    shelves = {"items": Shelf(folder / "items", records), "policies": Shelf(folder / "policies", passages)}
    app = Flask(__name__)
    app.json.ensure_ascii = False  # type: ignore[attr-defined]

    @app.get("/empty")
    def empty() -> Response:
        return jsonify({})

    @app.post("/suggest")
    def suggest() -> Response:
        asked = request.get_json()
        words = list(dict.fromkeys(word for word in cut(f"{asked['project']} {asked['goal']}") if len(word) > 1))
        items, counts = shelves["items"].search(words, int(asked.get("limit", 20)), counts=True)
        passages, _ = shelves["policies"].search(words, 3, counts=False)
        return jsonify({"items": items, "coverage": counts, "policies": passages})

    return app


def main() -> None:
    """Serve until stopped."""
    jieba.setLogLevel(60)
    with tempfile.TemporaryDirectory() as folder:
        jieba.dt.tmp_dir = folder
        app = create(Path(sys.argv[1]), Path(folder))
        waitress.serve(app, host="127.0.0.1", port=int(sys.argv[2]), threads=THREADS, ident=None)


if __name__ == "__main__":
    main()
