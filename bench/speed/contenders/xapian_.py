"""Xapian, where its Python package is: Debian's python3-xapian is found beside the system's own Python."""

from __future__ import annotations

import importlib
import json
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

from bench.speed.contenders.contender import Contender, answer
from bench.speed.growth import Grown
from bench.speed.library import FACETS, REPEATS, WORDS
from bench.speed.questions import LIMIT, Answer, Question

SYSTEM = "/usr/lib/python3/dist-packages"


def _xapian() -> Any:
    """The package; the system's folder is looked into for this import alone."""
    with suppress(ImportError):
        return importlib.import_module("xapian")
    sys.path.append(SYSTEM)
    try:
        return importlib.import_module("xapian")
    finally:
        sys.path.remove(SYSTEM)


class Xapian(Contender):
    """BM25 over one bag of words in which a name's words count three times; facets are values counted by spies."""

    name = "Xapian"

    def missing(self, size: int) -> str | None:
        try:
            _xapian()
        except ImportError as error:
            return f"python3-xapian cannot be imported: {error}"
        return super().missing(size)

    def build(self, library: Grown, folder: Path) -> None:
        xapian = _xapian()
        columns = [library.facet(f) for f in FACETS]
        facets = zip(*(column.tolist() for column, _ in columns), strict=True)
        db = xapian.WritableDatabase(str(folder / "growing"), xapian.DB_CREATE)
        for (_, _, terms), numbers in zip(library.rows(), facets, strict=True):
            document = xapian.Document()
            for field in WORDS:
                for word in terms[field]:
                    document.add_term(word, REPEATS[field])
            for slot, number in enumerate(numbers):
                document.add_boolean_term(f"X{slot}:{number}")
                document.add_value(slot, str(number))
            db.add_document(document)
        db.commit()
        db.compact(str(folder / "index"))
        db.close()
        for path in (folder / "growing").iterdir():
            path.unlink()
        values = {f: v for f, (_, v) in zip(FACETS, columns, strict=True)}
        (folder / "facets.json").write_text(json.dumps(values, ensure_ascii=False), encoding="utf-8")

    def open(self, folder: Path) -> None:
        self._xapian = _xapian()
        self._values: dict[str, list[str]] = json.loads((folder / "facets.json").read_text(encoding="utf-8"))
        self._db = self._xapian.Database(str(folder / "index"))

    def ask(self, question: Question) -> Answer:
        xapian = self._xapian
        words = xapian.Query(xapian.Query.OP_OR, question.words)
        slot, wanted = FACETS.index(question.facet), self._values[question.facet].index(question.value)
        enquire = xapian.Enquire(self._db)
        enquire.set_query(xapian.Query(xapian.Query.OP_FILTER, words, xapian.Query(f"X{slot}:{wanted}")))
        spies = {facet: xapian.ValueCountMatchSpy(slot) for slot, facet in enumerate(FACETS)}
        for spy in spies.values():
            enquire.add_matchspy(spy)
        best = [hit.docid - 1 for hit in enquire.get_mset(0, LIMIT, self._db.get_doccount())]
        counts = {}
        for facet, spy in spies.items():
            values = self._values[facet]
            found = {values[int(item.term)]: item.termfreq for item in spy.values()}
            counts[facet] = {value: n for value, n in found.items() if value}
        return answer(counts, best)

    def close(self) -> None:
        self._db.close()
