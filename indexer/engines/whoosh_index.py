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
    """Whoosh indexes of one segment each, one after the other: document numbers are the order of writing.

    Several, so that one can be written while the documents of the next are still being cut.
    Threads may share it. Whoosh's readers share one place in their file, so one thread reads at a time.
    """

    def __init__(self, folder: Path) -> None:
        self._lock = threading.Lock()
        self._indexes = [index.open_dir(str(part)) for part in sorted(folder.iterdir())]
        self._searchers = [i.searcher() for i in self._indexes]
        sizes = [s.doc_count_all() for s in self._searchers]
        self._starts = [sum(sizes[:n]) for n in range(len(sizes))]

    @staticmethod
    def build(folder: Path, schema: Schema, documents: Iterable[Document], part: int = 0) -> None:
        """Write ``documents`` in their order as one part; their terms are cut already, not by Whoosh."""
        folder = folder / f"{part:04d}"
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
            parts = zip(self._starts, self._searchers, strict=True)
            found = [start + number for start, searcher in parts for number in wanted.docs(searcher)]
        return np.array(found, dtype=np.int64)

    def postings(self, field: str, term: str) -> list[tuple[int, int]]:
        """(document number, times) of a term: what the derived arrays are checked against."""
        found = []
        with self._lock:
            for start, searcher in zip(self._starts, self._searchers, strict=True):
                reader = searcher.reader()
                if (field, term) in reader:
                    matcher = reader.postings(field, term)
                    while matcher.is_active():
                        found.append((start + matcher.id(), round(matcher.weight())))
                        matcher.next()
        return found

    def plain(self, names: Sequence[str], terms: Sequence[str], limit: int) -> tuple[list[int], list[int]]:
        """All matches, and the best ``limit``, by Whoosh's own BM25F: the peer that the arrays are measured against.

        Only for an index of one part: Whoosh counts its statistics part by part.
        """
        [searcher] = self._searchers
        wanted = query.Or([query.Term(name, term) for name in names for term in terms])
        found = list(wanted.docs(searcher))
        return found, [hit.docnum for hit in searcher.search(wanted, limit=limit)]

    def stored(self) -> list[tuple[str, str]]:
        """(id, digest) of every document, in order."""
        with self._lock:
            found = [document for searcher in self._searchers for document in searcher.documents()]
        return [(document["document_id"], document["document_digest"]) for document in found]

    def close(self) -> None:
        for searcher in self._searchers:
            searcher.close()
        for opened in self._indexes:
            opened.close()
