"""The durable index: Whoosh schema, postings and positions. The only importer of whoosh."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterable, Sequence
from functools import lru_cache
from io import BytesIO
from itertools import accumulate, chain, pairwise
from mmap import ACCESS_READ, mmap
from pathlib import Path
from pickle import dumps, loads
from struct import Struct
from typing import Any, NamedTuple

import numpy as np
from whoosh import fields, index, query
from whoosh.codec.whoosh3 import LENGTHS_COLUMN, WHOOSH3_HEADER_MAGIC, W3TermInfo, _lenfield
from whoosh.filedb.filestore import FileStorage
from whoosh.filedb.filetables import OrderedHashWriter
from whoosh.filedb.structfile import StructFile
from whoosh.util.numeric import length_to_byte

from indexer.engine import Document, Schema
from indexer.engines.arrays import Array, encode

LITERAL = "literal"
# Whoosh's own default: so many postings stand in one block.
BLOCK = 128
# Whoosh reads any protocol and writes 2, which spells bytes out as a call of a codec: this is the first that does not.
PICKLE = 3


class WhooshIndex:
    """Whoosh indexes of one segment each, one after the other: document numbers are the order of writing.

    Several, so that one can be written while the documents of the next are still being cut.
    Threads may share it. Whoosh's readers share one place in their file, so one thread reads at a time.
    """

    def __init__(self, folder: Path) -> None:
        self._lock = threading.Lock()
        self._indexes = [_Mapped(str(part)).open_index() for part in sorted(folder.iterdir())]
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
        # Readers would copy their share of one compound file into memory.
        with index.create_in(str(folder), shape).writer(compound=False) as writer:
            _write(writer, schema, list(documents))

    def literal(self, characters: Sequence[str]) -> np.ndarray:
        """The numbers of the documents that hold these characters in this order, side by side."""
        with self._lock:
            parts = zip(self._starts, self._searchers, strict=True)
            found = [start + _side_by_side(searcher.reader(), characters) for start, searcher in parts]
        return np.concatenate([np.zeros(0, np.int64), *found])

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


def _side_by_side(reader: Any, characters: Sequence[str]) -> Array:
    """The documents of a part that hold these characters in this order, side by side.

    Whole blocks are read at once: Whoosh's own phrases go from posting to posting, in ten times the time.
    """
    frequencies = {c: reader.doc_frequency(LITERAL, c) for c in characters}
    documents: Array | None = None
    held: dict[str, tuple[Array, list[bytes]]] = {}
    for character in sorted(frequencies, key=frequencies.__getitem__):
        if not frequencies[character] or (documents is not None and not len(documents)):
            return np.zeros(0, np.int64)
        here = held[character] = _blocks(reader.postings(LITERAL, character))
        documents = here[0] if documents is None else np.intersect1d(documents, here[0], assume_unique=True)
    assert documents is not None  # noqa: S101 - there is a character
    if len(characters) == 1:
        return documents
    columns = []
    for character in characters:
        numbers, values = held[character]
        columns.append([values[n] for n in np.searchsorted(numbers, documents).tolist()])
    return documents[[_in_a_row(values) for values in zip(*columns, strict=True)]]


def _blocks(matcher: Any) -> tuple[Array, list[bytes]]:
    """The documents of a term, and what is kept of each."""
    steps: list[int] = []
    bounds, values = [0], list[bytes]()
    while matcher.is_active():
        matcher._read_data()
        some, _, more = matcher._data
        steps += some
        values += more
        bounds.append(len(steps))
        matcher._next_block()
    documents = np.array(steps, np.int64)
    # The first of each block counts from nothing.
    firsts = np.array(bounds[:-1])
    documents[firsts[1:]] -= np.add.reduceat(documents, firsts)[:-1]
    return np.cumsum(documents), values


def _in_a_row(values: Sequence[bytes]) -> bool:
    """Whether in a document the first character stands at a place that each other one follows; see :func:`_place`."""
    starts: set[int] = set()
    for offset, value in enumerate(values):
        here = {place - offset for place in _places(value)}
        starts = starts & here if offset else here
        if not starts:
            return False
    return True


@lru_cache(maxsize=1 << 16)
def _places(value: bytes) -> tuple[int, ...]:
    """What :func:`_place` wrote; most characters stand once in a document, at one of few places."""
    return tuple(accumulate(loads(value[_UINT.size :])))  # noqa: S301 - our own


class _Mapped(FileStorage):  # type: ignore[misc]
    """A folder whose files are mapped, not read; they are let go of with their last reader."""

    def open_file(self, name: str, **options: Any) -> StructFile:
        with Path(self._fpath(name)).open("rb") as file:
            size = os.fstat(file.fileno()).st_size
            content = mmap(file.fileno(), 0, access=ACCESS_READ) if size else BytesIO()
        return StructFile(content, name=name, **options)


class _Postings(NamedTuple):
    """The postings of a field by term and document; those of term t begin at ``starts[t]``.

    ``values`` is what Whoosh keeps of each posting: bytes of a fixed size end to end, each one's bytes, or nothing.
    """

    terms: Sequence[bytes]
    starts: Array
    documents: Array
    times: Array
    values: bytes | list[bytes] | None


def _write(writer: Any, schema: Schema, documents: Sequence[Document]) -> None:
    """Write ``documents`` as the one segment of ``writer``, term by term.

    ``add_document`` makes objects of every posting three times over and sorts them all; tests hold that what is read
    back is the same.
    """
    per_document = writer.perdocwriter
    for number, document in enumerate(documents):
        per_document.start_doc(number)
        for name, value in (("document_id", document.id), ("document_digest", document.digest)):
            per_document.add_field(name, writer.schema[name], value, 0)
        per_document.finish_doc()
    writer.docnum = len(documents)
    writer._added = True
    table = _Table(writer.fieldwriter)
    for name in sorted({"document_id", LITERAL, *(f.name for f in schema.fields)}):
        sizes = None
        if name == "document_id":
            postings = _identities(documents)
        elif name == LITERAL:
            postings = _positions(documents)
        else:
            words = [document.terms.get(name, ()) for document in documents]
            lengths = np.array([*map(len, words)], np.int64)
            sizes = _write_lengths(per_document, name, lengths)
            postings = _frequencies(words, lengths)
        if postings.terms:
            _write_field(writer, table, name, postings, sizes)


def _write_lengths(per_document: Any, name: str, lengths: Array) -> Array:
    """Write how long a field is in each document, in Whoosh's single bytes; give these back.

    Whoosh would write one at a time.
    """
    sizes = np.array([*map(length_to_byte, range(int(lengths.max(initial=0)) + 1))], np.uint8)[lengths]
    count = int(np.flatnonzero(lengths).max(initial=-1)) + 1
    if count:
        per_document._create_column(_lenfield(name), LENGTHS_COLUMN)
        column = per_document._get_column(_lenfield(name))
        column._dbfile.write(sizes[:count].tobytes())
        column._count = count
        per_document._fieldlengths[name] += int(lengths.sum())
    return sizes


def _identities(documents: Sequence[Document]) -> _Postings:
    """Every document by its id."""
    ids = [document.id.encode() for document in documents]
    order = sorted(range(len(ids)), key=ids.__getitem__)
    ones = np.ones(len(ids), np.int64)
    return _Postings([ids[n] for n in order], np.arange(len(ids) + 1), np.array(order, np.int64), ones, None)


def _frequencies(texts: Sequence[Sequence[str]], lengths: Array) -> _Postings:
    """How often every term stands in every document."""
    words = [*chain.from_iterable(texts)]
    terms = sorted(set(words))  # by code point, and so by the bytes of UTF-8
    numbers = dict(zip(terms, range(len(terms)), strict=True))
    stream = np.fromiter(map(numbers.__getitem__, words), np.int64, len(words))
    keys, times = np.unique(stream << 32 | np.repeat(np.arange(len(texts)), lengths), return_counts=True)
    starts = np.searchsorted(keys >> 32, np.arange(len(terms) + 1))
    return _Postings([t.encode() for t in terms], starts, keys & _LOW, times, times.astype(">u4").tobytes())


def _positions(documents: Sequence[Document]) -> _Postings:
    """Where every character stands in every document."""
    texts = ["".join(document.literal) for document in documents]
    lengths = np.array([*map(len, texts)], np.int64)
    characters = np.frombuffer(encode("".join(texts)), np.uint32).astype(np.int64)
    document = np.repeat(np.arange(len(texts)), lengths)
    places = np.arange(len(characters)) - np.repeat(np.cumsum(lengths) - lengths, lengths)
    keys = characters << 32 | document
    order = np.argsort(keys, kind="stable")
    keys, places = keys[order], places[order]
    firsts = np.flatnonzero(np.append(True, keys[1:] != keys[:-1])) if len(keys) else keys
    bounds, listed = [*firsts.tolist(), len(keys)], _steps(places, firsts).tolist()
    once = [_place([place]) for place in range(int(lengths.max(initial=0)))]
    values = [once[listed[start]] if end - start == 1 else _place(listed[start:end]) for start, end in pairwise(bounds)]
    keys = keys[firsts]
    codes, starts = np.unique(keys >> 32, return_index=True)
    terms = [chr(code).encode() for code in codes.tolist()]
    return _Postings(terms, np.append(starts, len(keys)), keys & _LOW, np.diff(np.array(bounds)), values)


def _steps(numbers: Array, firsts: Array) -> Array:
    """From each number to the next one; ``firsts`` of rows stay as they are."""
    steps = np.diff(numbers, prepend=0)
    steps[firsts] = numbers[firsts]
    return steps


def _place(steps: list[int]) -> bytes:
    """The first position and the steps to the next ones, as Whoosh's format of positions has them."""
    return _UINT.pack(len(steps)) + dumps(steps, PICKLE)


class _Table:
    """The table of a segment's terms, to which whole fields are added: see Whoosh's hash files."""

    def __init__(self, field_writer: Any) -> None:
        hashes: OrderedHashWriter = field_writer._tindex
        self._hashes, self._at = hashes, hashes.tell()
        # Whoosh would write one slot at a time.
        hashes._write_hashes = self._write_hashes

    def add(self, terms: Iterable[tuple[bytes, bytes]]) -> None:
        """Add keys, rising, with their values."""
        buckets, positions, hash_of = self._hashes.buckets, self._hashes.index.append, self._hashes.hashfn
        content: list[bytes] = []
        at = self._at
        for key, value in terms:
            hash = hash_of(key)
            buckets[hash & 255].append((hash, at))
            positions(at)
            content += (_LENGTHS.pack(len(key), len(value)), key, value)
            at += _LENGTHS.size + len(key) + len(value)
        self._hashes.dbfile.write(b"".join(content))
        self._at = at

    def _write_hashes(self) -> None:
        file = self._hashes.dbfile
        at = file.tell()
        for entries in self._hashes.buckets:
            size = 2 * len(entries)
            slots = [(0, 0)] * size
            for entry in entries:
                slot = (entry[0] >> 8) % size
                while slots[slot] != (0, 0):
                    slot = (slot + 1) % size
                slots[slot] = entry
            file.write(np.array(slots, _POINTER).tobytes())
            self._hashes.directory.append((at, size))
            at += size * _POINTER.itemsize


_LOW = (1 << 32) - 1
_UINT, _INT, _EXTENT, _LENGTHS = Struct("!I"), Struct("!i"), Struct("!qi"), Struct("!ii")
_POINTER = np.dtype([("hash", ">u4"), ("position", ">i8")])


def _write_field(writer: Any, table: _Table, name: str, postings: _Postings, by_document: Array | None) -> None:
    """The postings of a field in Whoosh's blocks; ``by_document`` are its lengths, if it is scored by them."""
    field_writer = writer.fieldwriter
    field_writer.start_field(name, writer.schema[name])
    prefix = Struct("!H").pack(field_writer._fieldid)
    file = field_writer._postfile
    starts = postings.starts.tolist()
    firsts = postings.starts[:-1]
    numbers, deltas = postings.documents.tolist(), _steps(postings.documents, firsts).tolist()
    times = postings.times.astype(np.float32).tolist()
    reductions = (np.add, np.minimum, np.maximum)
    sums, least, most = (reduced.reduceat(postings.times, firsts).tolist() for reduced in reductions)
    if by_document is None:
        sizes, shortest, longest = None, [0] * len(firsts), [0] * len(firsts)
    else:
        sizes = by_document[postings.documents]
        shortest, longest = (reduced.reduceat(sizes, firsts).tolist() for reduced in (np.minimum, np.maximum))
    values = postings.values

    def block(start: int, end: int, about: tuple[float, float, int, int], last: bool) -> bytes:
        """Postings from ``start`` to ``end``; ``about`` is their least and greatest weight and length."""
        low, high, short, long = about
        weights = (None if low == 1 else float(low)) if low == high else tuple(times[start:end])
        held = values[4 * start : 4 * end] if isinstance(values, bytes) else values and tuple(values[start:end])
        data = dumps(((numbers[start], *deltas[start + 1 : end]), weights, held), PICKLE)
        info = dumps((end - start, numbers[end - 1], float(high), 0, short, long), PICKLE)
        size = len(info) + len(data)
        return _INT.pack(-size if last else size) + info + data

    def blocks(start: int, end: int) -> Iterable[bytes]:
        """A long list of postings in several."""
        for first in range(start, end, BLOCK):
            here = slice(first, min(first + BLOCK, end))
            some = postings.times[here]
            short, long = (0, 0) if sizes is None else (int(sizes[here].min()), int(sizes[here].max()))
            yield block(here.start, here.stop, (some.min(), some.max(), short, long), here.stop == end)

    at = file.tell()
    content: list[bytes] = []
    found: list[tuple[bytes, bytes]] = []
    # Many terms stand in one document alone, and as often as many others there.
    single: dict[tuple[int, int], bytes] = {}
    for t, term in enumerate(postings.terms):
        start, end, short, long = starts[t], starts[t + 1], shortest[t], longest[t]
        here = single.get((numbers[start], most[t])) if end - start == 1 else None
        if here is None:
            about = (least[t], most[t], short, long)
            some = blocks(start, end) if end - start > BLOCK else [block(start, end, about, True)]
            here = WHOOSH3_HEADER_MAGIC + b"".join(some)
            if end - start == 1 and sizes is not None:
                single[numbers[start], most[t]] = here
        head = W3TermInfo._struct.pack(0, sums[t], end - start, short, long, most[t], numbers[start], numbers[end - 1])
        found.append((prefix + term, head + _EXTENT.pack(at, len(here))))
        content.append(here)
        at += len(here)
    file.write(b"".join(content))
    table.add(found)
    field_writer.finish_field()
