"""Elasticsearch (or whatever speaks its REST API) at ``ES_URL``."""

from __future__ import annotations

import json
import os
import urllib.request
from collections.abc import Callable, Sequence
from typing import Any

from bench.relevance.library import FIELDS, NAME_WEIGHT, Document, shelf

BATCH = 1000


class Elastic:
    """``multi_match`` over all fields, any word; ``cut`` prepares text for ``analyzer`` on both sides."""

    def __init__(self, name: str, analyzer: str, cut: Callable[[str], str]) -> None:
        self.name = name
        self._analyzer, self._cut = analyzer, cut
        self._url = os.environ.get("ES_URL", "").rstrip("/")
        # Two runs may share a server.
        self._prefix = f"zhibiao-bench-{os.getpid()}-{analyzer}"

    def missing(self) -> str | None:
        return None if self._url else "ES_URL is not set"

    def build(self, documents: Sequence[Document]) -> None:
        for kind in sorted({d.kind for d in documents}):
            properties: dict[str, object] = {f: {"type": "text", "analyzer": self._analyzer} for f in FIELDS}
            shape = {
                "settings": {"number_of_shards": 1, "number_of_replicas": 0},
                "mappings": {"properties": {"key": {"type": "keyword"}, **properties}},
            }
            self._call("PUT", self._index(kind), json.dumps(shape))
            group = [d for d in documents if d.kind == kind]
            for start in range(0, len(group), BATCH):
                lines = []
                for d in group[start : start + BATCH]:
                    cut = {name: self._cut(d.texts[name]) for name in FIELDS}
                    lines += ['{"index": {}}', json.dumps({"key": d.key, **cut}, ensure_ascii=False)]
                answer = self._call(
                    "POST", f"{self._index(kind)}/_bulk", "\n".join([*lines, ""]), "application/x-ndjson"
                )
                assert not answer["errors"], answer
            self._call("POST", f"{self._index(kind)}/_refresh")

    def search(self, text: str, limit: int, kind: str) -> list[str]:
        asked = {
            "query": self._cut(text),
            "type": "most_fields",
            "fields": [f"{name}^{NAME_WEIGHT}" if name == "name" else name for name in FIELDS],
        }
        body = {"size": limit, "_source": ["key"], "query": {"multi_match": asked}}
        index = self._index(shelf(kind))
        answer = self._call("POST", f"{index}/_search?search_type=dfs_query_then_fetch", json.dumps(body))
        return [hit["_source"]["key"] for hit in answer["hits"]["hits"]]

    def close(self) -> None:
        self._call("DELETE", f"{self._prefix}-*")

    def _index(self, kind: str) -> str:
        return f"{self._prefix}-{kind}"

    def _call(self, method: str, path: str, body: str | None = None, kind: str = "application/json") -> Any:
        data = None if body is None else body.encode()
        request = urllib.request.Request(  # noqa: S310 - the address is the operator's own
            f"{self._url}/{path}", data, {"Content-Type": kind}, method=method
        )
        with urllib.request.urlopen(request, timeout=120) as answer:  # noqa: S310
            return json.load(answer)
