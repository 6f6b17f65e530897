"""When changes beside the generation that serves are built into a new one.

A build shows: scores move to new statistics. So only what the public may see decides when there is one, as long as
there is anything for the public to see in it.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from corpus import indicators, policies
from corpus.model import Status, Visibility
from corpus.store import Store
from indexer import build
from indexer.beside import beside as another_process
from indexer.documents import SCHEMAS
from indexer.engines.scores import Scores

# How far a build stands back behind answers: see nice(2).
BEHIND = 10
# So many changed records are folded into a new generation instead of being kept beside the old one.
FOLD_AT = 500


@dataclass(frozen=True, slots=True)
class Beside:
    """How many records changed since the generation was built.

    ``public`` are those that the public saw or sees, ``sealed`` the others. ``withdrawn`` says that one of them is
    public no more: its words are still in completions, corrections and statistics.
    """

    public: int
    sealed: int
    withdrawn: bool

    @property
    def due(self) -> bool:
        """Whether to build: at once to withdraw, else when there are many.

        Many restricted changes wait while there are public ones: built in with them, they would tell by it.
        """
        return self.withdrawn or (self.public or self.sealed) >= FOLD_AT


def beside(store: Store) -> Beside:
    """What lies beside the generation that serves. Raises NotReady when there is none."""
    folder = build.current(store.folder)
    with store.reading():
        changes = store.changes_since(build.manifest(folder).seq)
        changed: dict[str, set[str]] = {}
        for change in changes:
            changed.setdefault(change.kind, set()).add(change.record_id)
        public, sealed, withdrawn = 0, 0, False
        for kind, ids in changed.items():
            served = _served(folder, kind, ids)
            seen = _public(store, kind, ids)
            public += len(served | seen)
            sealed += len(ids - served - seen)
            withdrawn = withdrawn or bool(served - seen)
    return Beside(public, sealed, withdrawn)


def _served(folder: Path, kind: str, ids: set[str]) -> set[str]:
    """Those of the changed records whose documents are in the open edition."""
    if kind not in SCHEMAS:
        return set()
    scores = Scores.load(folder / "open" / kind / "scores")
    return {id.rpartition("-")[0] for id in scores.ids} & ids if kind == "policies" else set(scores.numbers(ids))


def _public(store: Store, kind: str, ids: set[str]) -> set[str]:
    """Those of the changed records that the public sees now; words and experts belong to everybody."""
    if kind == "indicators":
        held = indicators.current(store, ids)
        return {i.id for i in held if i.visibility is Visibility.PUBLIC and i.status is Status.ACTIVE}
    if kind == "policies":
        return {f.policy.id for f in policies.current(store, ids) if f.policy.visibility is Visibility.PUBLIC}
    return ids


def fold(folder: Path) -> None:
    """Build a generation of what the store of a data folder holds now, in a process of its own.

    In the server's own, answers would wait for it three times as long, and its memory would stay the server's. Raises
    what :func:`indexer.build.build` does, and ChildProcessError when the process was ended before its work.
    """
    with another_process(wanted=True) as (there, _):
        there(_build, folder)


def _build(folder: Path) -> None:
    os.nice(BEHIND)
    store = Store.open(folder)
    try:
        build.build(store)
    finally:
        store.close()
