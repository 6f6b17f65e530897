"""Meaning vectors of the indicators: kept beside the generations, brought up to date apart from them, asked by views.

On disk, below ``index/meaning-<model>/``: ``open/vectors.npy`` holds public records alone, ``full/vectors.npy`` the
restricted ones. Each is one file, written aside and renamed: rows of (id, digest of the text, vector), ordered by id.
A public record's row depends on its own text alone, and ``open`` is not touched when restricted records change.
``state.json`` says up to which change of the store the rows were looked through.
"""

from __future__ import annotations

import fcntl
import json
import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import numpy.typing as npt

from corpus import indicators
from corpus.access import PUBLIC, Scope, visible
from corpus.errors import Conflict
from corpus.model import Indicator, Status, Visibility
from corpus.store import Store
from indexer import semantic, stamps
from indexer.engine import Engine, Plan
from indexer.semantic import Embedder, Queries, Vectors

if TYPE_CHECKING:
    from indexer.live import View

PASSAGE = 150  # characters of a record that are embedded
QUERY = 300  # characters of an asked text: 2 ms each on one core
TEXTS = 16
# Vectors between two writes, and between two looks at the store.
PART, CHUNK = 128, 4
EDITIONS = ("open", "full")


def text_of(i: Indicator) -> str:
    """What of a record is embedded."""
    return f"{i.use.use if i.use else i.theme} {i.name}：{i.definition}"[:PASSAGE]


def _digest(text: str) -> str:
    return blake2b(text.encode(), digest_size=8).hexdigest()


# The files


def _shape(dimension: int) -> np.dtype[np.void]:
    return np.dtype([("id", "S16"), ("text", "S16"), ("vector", "<f4", (dimension,))])


@dataclass(frozen=True, slots=True)
class Table:
    """The rows of an edition: ids, digests of their texts, and float32 [n, dimension], mapped from the file."""

    ids: tuple[str, ...]
    digests: tuple[str, ...]
    vectors: Vectors

    @classmethod
    def load(cls, path: Path) -> Table:
        """Map a file; a missing or damaged one has no rows."""
        try:
            rows = np.load(path, mmap_mode="r", allow_pickle=False).view(np.ndarray)
            if rows.dtype != _shape(rows.dtype["vector"].shape[0]):
                raise ValueError
        except (OSError, ValueError, LookupError, EOFError):
            rows = np.empty(0, _shape(0))
        return cls(
            tuple(id.decode() for id in rows["id"].tolist()),
            tuple(digest.decode() for digest in rows["text"].tolist()),
            rows["vector"],
        )


def _save(path: Path, rows: Sequence[tuple[str, str, Vectors]]) -> None:
    table = np.array(rows, _shape(len(rows[0][2]) if rows else 0))
    path.parent.mkdir(parents=True, exist_ok=True)
    aside = path.with_suffix(".new")
    with aside.open("wb") as file:
        np.save(file, table, allow_pickle=False)
        file.flush()
        os.fsync(file.fileno())
    aside.replace(path)


def _path(folder: Path, edition: str) -> Path:
    return folder / edition / "vectors.npy"


class State(NamedTuple):
    """Up to which change the rows were looked through, and how many records still lack one."""

    seq: int
    missing: int


def _state(folder: Path, head: int) -> State:
    """A state from beyond the store's head is of another store: it says nothing."""
    try:
        found = State(**json.loads((folder / "state.json").read_text(encoding="utf-8")))
        return found if found.seq <= head else State(0, 1)
    except (OSError, ValueError, TypeError):
        return State(0, 1)


@contextmanager
def _lock(folder: Path) -> Iterator[None]:
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "LOCK").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Conflict("另一个进程正在生成语义向量，请稍后再试。") from None
        yield


# Keeping them up to date


class _Lacking(NamedTuple):
    """The texts without a vector by digest and edition, after a look at the store at ``seq``; ``total`` of all."""

    seq: int
    total: int
    missing: int
    texts: dict[str, dict[str, str]]


def _write(store: Store, folder: Path, fresh: Mapping[str, Mapping[str, Vectors]], dimension: int = 0) -> _Lacking:
    """Have the files hold the records of this moment that there is a vector for, and no others.

    Each edition knows its own vectors alone: what stands in ``open`` never came by way of a restricted record.
    A ``dimension`` other than that of the rows makes them worthless.
    """
    texts: dict[str, dict[str, str]] = {edition: {} for edition in EDITIONS}
    with store.reading():
        seq = store.head()
        for i in indicators.active(store, "full"):
            texts["open" if i.visibility is Visibility.PUBLIC else "full"][i.id] = text_of(i)
    lacking: dict[str, dict[str, str]] = {}
    for edition, wanted in texts.items():
        path = _path(folder, edition)
        path.with_suffix(".new").unlink(missing_ok=True)
        table = Table.load(path)
        usable = not table.ids or dimension in (0, table.vectors.shape[1])
        known = dict(zip(table.digests, table.vectors, strict=True)) if usable else {}
        known |= fresh.get(edition, {})
        digests = {id: _digest(text) for id, text in sorted(wanted.items())}
        ready = [(id, digest) for id, digest in digests.items() if digest in known]
        if ready != list(zip(table.ids, table.digests, strict=True)) or not usable:
            _save(path, [(id, digest, known[digest]) for id, digest in ready])
        lacking[edition] = {digest: wanted[id] for id, digest in digests.items() if digest not in known}
    found = _Lacking(seq, sum(map(len, texts.values())), sum(map(len, lacking.values())), lacking)
    aside = folder / "state.new"
    aside.write_text(json.dumps(State(seq, found.missing)._asdict()), encoding="utf-8")
    aside.replace(folder / "state.json")
    return found


def fill(
    store: Store,
    model: Embedder,
    progress: Callable[[str], None] = lambda _: None,
    *,
    most: int | None = None,
    workers: int = 1,
    rest: float = 0.0,
) -> None:
    """Give every active indicator its vector; only texts not embedded before are.

    With ``most``, leave an edition alone that lacks more, and a model that has none at all. ``rest`` is how long to
    leave the processor to others after each few texts, as a share of the time that they took. Killed at any moment,
    what was written is whole and is gone on from. Raises Conflict when another process does it, Unavailable when the
    model fails.
    """
    folder = store.folder / "index" / semantic.folder_name(model)
    head = store.head()
    if _state(folder, head) == State(head, 0):
        return
    if most is not None and not folder.exists():
        return
    with _lock(folder), ThreadPoolExecutor(workers) as pool:
        fresh: dict[str, dict[str, Vectors]] = {}
        while True:
            lacking = _write(store, folder, fresh, model.dimension)
            # Public ones first and apart, so that restricted ones decide nothing about them.
            todo = [e for e in EDITIONS if 0 < len(lacking.texts[e]) <= (lacking.total if most is None else most)]
            if not todo:
                return
            progress(f"语义向量 {lacking.total - lacking.missing}/{lacking.total}")
            edition = todo[0]
            texts = list(lacking.texts[edition].items())[:PART]
            fresh = {edition: {}}
            for n in range(0, len(texts), CHUNK * workers):
                started = time.monotonic()
                batch = texts[n : n + CHUNK * workers]
                chunks = [batch[k : k + CHUNK] for k in range(0, len(batch), CHUNK)]
                vectors = pool.map(lambda chunk: model.passages([text for _, text in chunk]), chunks)
                for chunk, found in zip(chunks, vectors, strict=True):
                    fresh[edition] |= {digest: row for (digest, _), row in zip(chunk, found, strict=True)}
                if store.head() != lacking.seq:
                    break
                time.sleep(rest * (time.monotonic() - started))


def tidy(store: Store) -> None:
    """Take out of every model's files what is no longer active or, in ``open``, no longer public; embeds nothing."""
    for folder in _folders(store):
        try:
            with _lock(folder):
                _write(store, folder, {})
        except Conflict:
            continue  # who fills looks at the store again before each write


def keep(store: Store, model: Embedder | None, *, most: int | None = None, rest: float = 0.0) -> None:
    """Follow the store after it changed: :func:`tidy`, and :func:`fill` when there is a model. Raises as that does."""
    head = store.head()
    if any(_state(folder, head).seq != head for folder in _folders(store)):
        tidy(store)
    if model is not None:
        fill(store, model, most=most, rest=rest)


def _folders(store: Store) -> Iterator[Path]:
    return (store.folder / "index").glob("meaning-*")


# Asking them


class _Part(NamedTuple):
    ids: tuple[str, ...]
    vectors: Vectors


class Meaning:
    """The vectors of one moment of the index, and what they say of a text. Threads share it."""

    def __init__(
        self,
        queries: Queries,
        table: Callable[[str], Table],
        engines: Mapping[tuple[str, str], Engine],
        changed: Mapping[str, str],
    ) -> None:
        self.queries = queries
        self._table = table
        self._engines = engines
        self._changed = changed
        self._parts: dict[str, _Part] = {}

    def scores(self, texts: str | Sequence[str], scope: Scope) -> tuple[tuple[str, ...], npt.NDArray[np.float32]]:
        """The ids of ``scope`` that have a vector, and the largest cosine of each with one of ``texts``.

        A text is cut at 300 characters; of more than 16 texts the first are taken. Nothing when the model fails.
        """
        asked = [t.strip()[:QUERY] for t in ([texts] if isinstance(texts, str) else texts)]
        vectors = self.queries.vectors([t for t in asked if t][:TEXTS])
        parts = [part for part in self._of(scope) if vectors and part.vectors.shape[1] == len(vectors[0])]
        if not vectors or not parts:
            return (), np.empty(0, dtype=np.float32)
        # Not BLAS: it rounds a row by what stands beside it, and its threads wait for each other on a busy machine.
        found = [np.max([np.einsum("ij,j->i", p.vectors, v) for v in vectors], axis=0).round(6) for p in parts]
        return tuple(id for part in parts for id in part.ids), np.concatenate(found)

    def nearest(self, texts: str | Sequence[str], scope: Scope, limit: int) -> list[tuple[str, float]]:
        """The ``limit`` records of ``scope`` nearest to one of ``texts``, best first, equal ones by id."""
        ids, scores = self.scores(texts, scope)
        if not ids or limit < 1:
            return []
        least = np.partition(scores, -min(limit, len(ids)))[-min(limit, len(ids))]
        found = [(ids[n], round(float(scores[n]), 6)) for n in np.flatnonzero(scores >= least).tolist()]
        return sorted(found, key=lambda pair: (-pair[1], pair[0]))[:limit]

    def ready(self, scope: Scope) -> int:
        """How many records of ``scope`` have a vector."""
        return sum(len(part.ids) for part in self._of(scope))

    def _of(self, scope: Scope) -> list[_Part]:
        parts = [self._part("", "open", lambda: set(self._engines["indicators", "open"].ids()))]
        if scope.edition != "open":
            engine = self._engines["indicators", "full"]
            parts.append(
                self._part(
                    scope.key, "full", lambda: set(engine.search(Plan(), scope, {}, limit=10**9, counts=False).ids)
                )
            )
        return parts

    def _part(self, key: str, edition: str, allowed: Callable[[], set[str]]) -> _Part:
        """The rows of an edition that may be used: of records that are there and allowed, and of their present text."""
        if (found := self._parts.get(key)) is None:
            table, ids = self._table(edition), allowed()
            keep = [
                n
                for n, (id, digest) in enumerate(zip(table.ids, table.digests, strict=True))
                if id in ids and self._changed.get(id, digest) == digest
            ]
            whole = len(keep) == len(table.ids)
            found = _Part(
                table.ids if whole else tuple(table.ids[n] for n in keep),
                table.vectors if whole else table.vectors[keep],
            )
            self._parts[key] = found
        return found


class Follower:
    """Gives views their :class:`Meaning`, with the files as they are now."""

    def __init__(self, store: Store, model: Embedder) -> None:
        self._store = store
        self._folder = store.folder / "index" / semantic.folder_name(model)
        self._paths = {edition: str(_path(self._folder, edition)) for edition in EDITIONS}
        self._queries = Queries(model)
        self._tables: dict[str, tuple[object, Table]] = {}

    def stamp(self) -> tuple[object, ...]:
        """Differs when a file was replaced."""
        return tuple([stamps.stamp(self._paths[edition]) for edition in EDITIONS])

    def meaning(self, engines: Mapping[tuple[str, str], Engine]) -> Meaning:
        """The meaning of a view with these engines. The restricted file is opened when somebody cleared asks."""
        changed: dict[str, str] = {}
        if any(self.stamp()):
            seq = _state(self._folder, self._store.head()).seq  # before the files: they may only be newer
            changed = {c.record_id: "" for c in self._store.changes_since(seq) if c.kind == "indicators"}
        if changed:
            few = len(changed) <= 500
            records = indicators.current(self._store, changed) if few else indicators.active(self._store, "full")
            changed |= {i.id: _digest(text_of(i)) for i in records if i.id in changed and i.status is Status.ACTIVE}
        return Meaning(self._queries, self._opened, engines, changed)

    def _opened(self, edition: str) -> Table:
        stamp = stamps.stamp(self._paths[edition])
        known = self._tables.get(edition)
        if known is None or known[0] != stamp:
            known = self._tables[edition] = (stamp, Table.load(_path(self._folder, edition)))
        return known[1]


def status(view: View, scope: Scope | None = None) -> str:
    """Whether meaning search is on, for a page: counts are those of ``scope``, by default the public's."""
    scope = scope or visible(PUBLIC)
    if view.meaning is None:
        return f"语义检索未启用：{semantic.why_not()}"
    queries = view.meaning.queries
    if queries.trouble:
        return f"语义检索暂停：{queries.trouble}"
    ready = view.meaning.ready(scope)
    total = view.engine("indicators", scope).search(Plan(), scope, {}, limit=1, counts=False).total
    word = "已启用" if ready else "准备中"
    return f"语义检索：{word}（{queries.model.label}，{total:,} 条中 {ready:,} 条就绪）"
