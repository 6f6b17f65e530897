"""As you type: the product's completion list against an index of SQLite, asked in turn."""

from __future__ import annotations

import math
import sqlite3
import time
from collections.abc import Sequence
from pathlib import Path

from bench.speed.growth import names
from bench.speed.library import Shelf
from bench.speed.measures import MB, percentiles, ratio
from bench.speed.race import PASSES
from indexer import complete
from indexer.complete import Completer, Completion
from indexer.pinyin import Pinyin

LIMIT = 10
_ORDER = {"domain": 0, "industry": 1, "use": 2, "word": 3, "indicator": 4}


def run(shelf: Shelf, size: int, folder: Path, prefixes: Sequence[str]) -> dict[str, object]:
    """Times of both over a list that holds the names of a library of that size."""
    texts = {c.text: c for c in shelf.completions}
    for number, name in enumerate(names(shelf.base, size)):
        texts.setdefault(name, Completion(name, "indicator", str(number)))
    begun = time.perf_counter()
    present = {term for d in shelf.documents if not d.restricted for terms in d.terms.values() for term in terms}
    complete.save(folder / "complete.bin", list(texts.values()), present, Pinyin())
    built = time.perf_counter() - begun
    begun = time.perf_counter()
    ours = Completer.load(folder / "complete.bin", Pinyin())
    opened = time.perf_counter() - begun
    peer = _Index(folder / "names.db", list(texts.values()))
    asked = (*prefixes[:5], *prefixes)
    times = {name: [math.inf] * len(asked) for name in ("ours", "SQLite index")}
    for _ in range(PASSES):
        for number, prefix in enumerate(asked):
            for name, ask in (("ours", ours.complete), ("SQLite index", peer.complete)):
                begun = time.perf_counter()
                ask(prefix, LIMIT)
                times[name][number] = min(times[name][number], time.perf_counter() - begun)
    peer.close()
    return {
        "texts": len(texts),
        "build_seconds": round(built, 2),
        "open_seconds": round(opened, 3),
        "disk_mb": round((folder / "complete.bin").stat().st_size / MB, 1),
        "times": {name: percentiles(found[5:]) for name, found in times.items()},
        "ratio": ratio(times["ours"][5:], times["SQLite index"][5:]),
    }


class _Index:
    """A table in the order of an index that holds all that is asked for; a prefix is a range of it."""

    def __init__(self, path: Path, texts: Sequence[Completion]) -> None:
        self._db = sqlite3.connect(path)
        self._db.execute("create table names (text text, rank integer, length integer, kind text, id text)")
        rows = [(c.text, _ORDER[c.kind], len(c.text), c.kind, c.id) for c in texts]
        self._db.executemany("insert into names values (?, ?, ?, ?, ?)", rows)
        self._db.execute("create index by_text on names (text, rank, length, kind, id)")
        self._db.commit()
        self._db.execute("pragma mmap_size = 8000000000")

    def complete(self, typed: str, limit: int) -> list[tuple[str, str, str]]:
        """The most general and shortest texts that begin with what was typed."""
        return self._db.execute(
            "select text, kind, id from names where text >= ? and text < ? order by rank, length limit ?",
            [typed, typed + "\U0010ffff", limit],
        ).fetchall()

    def close(self) -> None:
        self._db.close()
