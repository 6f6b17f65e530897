"""The durable index: Whoosh schema, postings and positions. The only importer of whoosh."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
from whoosh import fields, index, query

from indexer.engine import Document, Schema

LITERAL = "literal"


class WhooshIndex:
    """One Whoosh index of one segment, whose document numbers are the order in which documents were written.

    Threads may share it. Whoosh's readers share one place in their file, so one thread reads at a time.
    """

    def __init__(self, folder: Path) -> None:
        self._lock = threading.Lock()
        self._index = index.open_dir(str(folder))
        self._searcher = self._index.searcher()

    @staticmethod
    def build(folder: Path, schema: Schema, documents: Iterable[Document]) -> None:
        """Write ``documents`` in their order. Their terms are already cut: Whoosh's own analysis is not used."""
        folder.mkdir(parents=True)
        text = {f.name: fields.TEXT(phrase=False) for f in schema.fields}
        # Nothing is ranked by it, so its lengths, half of the time of writing it, are left out.
        literal_field = fields.TEXT(phrase=True)
        literal_field.scorable = False
        shape = fields.Schema(
            document_id=fields.ID(unique=True, stored=True),
            document_digest=fields.STORED,
            **{LITERAL: literal_field},
            **text,
        )
        with index.create_in(str(folder), shape).writer(limitmb=512) as writer:
            for document in documents:
                terms = {name: list(words) for name, words in document.terms.items() if words}
                literal = {LITERAL: list(document.literal)} if document.literal else {}
                writer.add_document(document_id=document.id, document_digest=document.digest, **literal, **terms)

    def literal(self, characters: Sequence[str]) -> np.ndarray:
        """The numbers of the documents that hold these characters in this order, side by side."""
        wanted = query.Phrase(LITERAL, list(characters)) if len(characters) > 1 else query.Term(LITERAL, characters[0])
        with self._lock:
            return np.fromiter(wanted.docs(self._searcher), dtype=np.int64)

    def postings(self, field: str, term: str) -> list[tuple[int, int]]:
        """(document number, times) of a term: what the derived arrays are checked against."""
        reader = self._searcher.reader()
        found = []
        with self._lock:
            if (field, term) in reader:
                matcher = reader.postings(field, term)
                while matcher.is_active():
                    found.append((matcher.id(), round(matcher.weight())))
                    matcher.next()
        return found

    def plain(self, names: Sequence[str], terms: Sequence[str], limit: int) -> tuple[list[int], list[int]]:
        """All matches, and the best ``limit``, by Whoosh's own BM25F: the peer that the arrays are measured against."""
        wanted = query.Or([query.Term(name, term) for name in names for term in terms])
        found = list(wanted.docs(self._searcher))
        return found, [hit.docnum for hit in self._searcher.search(wanted, limit=limit)]

    def stored(self) -> list[tuple[str, str]]:
        """(id, digest) of every document, in order."""
        with self._lock:
            return [(document["document_id"], document["document_digest"]) for document in self._searcher.documents()]

    def close(self) -> None:
        self._searcher.close()
        self._index.close()
