"""The durable index: Whoosh schema, postings and positions. The only importer of whoosh."""

from __future__ import annotations

import threading
from array import array
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from whoosh import fields, formats, index, query
from whoosh.codec.whoosh3 import W3PostingsWriter
from whoosh.system import pack_uint

from indexer.engine import Document, Schema

LITERAL = "literal"
# Whoosh's own default: so many postings stand in one block.
BLOCK = 128


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
        with index.create_in(str(folder), shape).writer() as writer:
            _write(writer, schema, list(documents))

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


class _Postings(W3PostingsWriter):  # type: ignore[misc]
    """Takes a term's postings at once; Whoosh's own way, one by one, is most of the time of writing an index."""

    def add_all(
        self, ids: Sequence[int], weights: Sequence[float], values: Sequence[bytes], lengths: Sequence[int]
    ) -> None:
        for start in range(0, len(ids), BLOCK):
            if len(self):
                self._write_block()
            block = slice(start, start + BLOCK)
            self._ids, self._weights = array("I", ids[block]), array("f", weights[block])
            self._values = list(values[block])
            self._maxweight = max(weights[block])
            if lengths:
                self._minlength, self._maxlength = min(lengths[block]), max(lengths[block])


def _write(writer: Any, schema: Schema, documents: Sequence[Document]) -> None:
    """Write ``documents`` as the one segment of ``writer``, term by term.

    ``add_document`` makes objects of every posting three times over and sorts them all; tests hold that what is read
    back is the same.
    """
    per_document = writer.perdocwriter
    for number, document in enumerate(documents):
        per_document.start_doc(number)
        for name, words in document.terms.items():
            per_document.add_field(name, writer.schema[name], None, len(words))
        for name, value in (("document_id", document.id), ("document_digest", document.digest)):
            per_document.add_field(name, writer.schema[name], value, 0)
        per_document.finish_doc()
    writer.docnum = len(documents)
    writer._added = True
    for name in sorted({"document_id", LITERAL, *(f.name for f in schema.fields)}):
        if name == "document_id":
            postings = {document.id: ([number], [1.0], [b""]) for number, document in enumerate(documents)}
            lengths: list[int] = []
        elif name == LITERAL:
            postings, lengths = _positions(documents, writer.schema[name].format), []
        else:
            postings = _frequencies([document.terms.get(name, ()) for document in documents])
            lengths = [len(document.terms.get(name, ())) for document in documents]
        if postings:
            _write_field(writer, name, postings, lengths)


_PostingLists = dict[str, tuple[list[int], list[float], list[bytes]]]


def _frequencies(texts: Sequence[Sequence[str]]) -> _PostingLists:
    """Term -> document numbers, how often it stands in each, and the same as Whoosh writes it."""
    found: _PostingLists = {}
    for number, words in enumerate(texts):
        for term, times in Counter(words).items():
            ids, weights, values = found.setdefault(term, ([], [], []))
            ids.append(number)
            weights.append(times)
            values.append(pack_uint(times))
    return found


def _positions(documents: Sequence[Document], format_: formats.Positions) -> _PostingLists:
    """Character -> document numbers, how often it stands in each, and where."""
    found: _PostingLists = {}
    for number, document in enumerate(documents):
        places: dict[str, list[int]] = {}
        for place, character in enumerate(document.literal):
            places.setdefault(character, []).append(place)
        for character, at in places.items():
            ids, weights, values = found.setdefault(character, ([], [], []))
            ids.append(number)
            weights.append(len(at))
            values.append(format_.encode(at))
    return found


def _write_field(writer: Any, name: str, postings: _PostingLists, lengths: Sequence[int]) -> None:
    field_writer = writer.fieldwriter
    field_writer.start_field(name, writer.schema[name])
    field_writer._postwriter = _Postings(field_writer._postfile, BLOCK, compression=0)
    for term, (ids, weights, values) in sorted((t.encode(), p) for t, p in postings.items()):
        field_writer.start_term(term)
        field_writer._postwriter.add_all(ids, weights, values, [lengths[n] for n in ids] if lengths else [])
        field_writer.finish_term()
    field_writer.finish_field()
