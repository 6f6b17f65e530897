"""SQLite's FTS5: a column for each field, ranked by bm25() with their weights; filter and counts in the same SQL."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path

from bench.speed.contenders.contender import Contender, answer
from bench.speed.growth import Grown
from bench.speed.library import FACETS, SCHEMA, WORDS
from bench.speed.questions import LIMIT, Answer, Question

WEIGHTS = ", ".join(str(f.weight) for f in SCHEMA.fields if f.name in WORDS)
# The matches are gone through once; best and counts are taken from what that gave.
ASK = (
    "with hits as materialized (select words.rowid as id, bm25(words, {weights}) as score, {facets} "
    "from words join meta on meta.id = words.rowid where words match ? and meta.{facet} = ?) "
    "select 'best', id from (select id from hits order by score limit {limit})"
    + "".join(f" union all select '{f}', {f} || ' ' || count(*) from hits group by {f}" for f in FACETS)
)


class Fts5(Contender):
    """Without stored text, merged into one, its pages in memory."""

    name = "SQLite FTS5"

    def build(self, library: Grown, folder: Path) -> None:
        marks = {c for word in library.base.vocabulary for c in word if not c.isalnum()}
        db = sqlite3.connect(folder / "index.db", isolation_level=None)
        db.execute("pragma journal_mode = off")
        db.execute("pragma synchronous = off")
        db.execute(
            f"create virtual table words using fts5({', '.join(map(_column, WORDS))}, content='', "
            f"tokenize=\"unicode61 remove_diacritics 0 tokenchars '{''.join(sorted(marks))}'\")"
        )
        db.execute(f"create table meta (id integer primary key, {', '.join(FACETS)})")
        columns = [library.facet(f) for f in FACETS]
        db.execute("begin")
        db.executemany(
            f"insert into words (rowid, {', '.join(map(_column, WORDS))}) values ({', '.join('?' * (1 + len(WORDS)))})",
            ((n, *(" ".join(terms[f]) for f in WORDS)) for n, _, terms in library.rows()),
        )
        rows = zip(range(library.size), *(column.tolist() for column, _ in columns), strict=True)
        db.executemany(f"insert into meta values ({', '.join('?' * (1 + len(FACETS)))})", rows)
        db.execute("insert into words (words) values ('optimize')")
        db.execute("commit")
        db.close()
        values = {f: v for f, (_, v) in zip(FACETS, columns, strict=True)}
        (folder / "facets.json").write_text(json.dumps(values, ensure_ascii=False), encoding="utf-8")

    def open(self, folder: Path) -> None:
        self._values: dict[str, list[str]] = json.loads((folder / "facets.json").read_text(encoding="utf-8"))
        self._db = sqlite3.connect(folder / "index.db")
        self._db.execute("pragma mmap_size = 8000000000")
        self._db.execute("pragma temp_store = memory")

    def ask(self, question: Question) -> Answer:
        facets = ", ".join(f"meta.{f} as {f}" for f in FACETS)
        sql = ASK.format(weights=WEIGHTS, facets=facets, facet=question.facet, limit=LIMIT)
        wanted = " OR ".join('"' + word.replace('"', '""') + '"' for word in question.words)
        best: list[int] = []
        counts: dict[str, dict[str, int]] = {f: {} for f in FACETS}
        for what, found in self._db.execute(sql, [wanted, self._values[question.facet].index(question.value)]):
            if what == "best":
                best.append(found)
            else:
                value, count = map(int, found.split())
                if name := self._values[what][value]:
                    counts[what][name] = count
        return answer(counts, best)

    def close(self) -> None:
        self._db.close()


def _column(name: str) -> str:
    return f'"{name}"'
