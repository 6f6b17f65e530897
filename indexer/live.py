"""The index as it serves: the current generation, with every change since folded in before the next answer."""

from __future__ import annotations

import json
import threading
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from corpus.access import Scope
from corpus.store import Store
from corpus.words import Synonym, SynonymType
from indexer import build
from indexer.analysis import Analyzer
from indexer.build import Manifest
from indexer.complete import Completer
from indexer.documents import SCHEMAS
from indexer.engines.embedded import Embedded
from indexer.query import Thesaurus

# So many changed records are folded into a new generation instead of being kept beside the old one.
FOLD_AT = 500


@dataclass(frozen=True)
class View:
    """One moment of the index; an answer is computed on one view from beginning to end."""

    folder: Path
    manifest: Manifest
    seq: int
    pending: int
    analyzer: Analyzer
    thesaurus: Thesaurus
    completer: Completer
    engines: dict[tuple[str, str], Embedded]

    def engine(self, kind: str, scope: Scope) -> Embedded:
        """The index of a kind in the edition that this reader may open."""
        return self.engines[kind, scope.edition]

    @cached_property
    def generation(self) -> str:
        """Names the content of this view; equal names answer alike. Says nothing of restricted records."""
        return f"{self.manifest.built}"


class Live:
    """Follows the store and the builds of other processes; threads share it."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self._lock = threading.Lock()
        self._view: View | None = None
        self._base: View | None = None

    def view(self) -> View:
        """The present moment: everything written before this call is in it.

        Raises NotReady when there is no generation to serve.
        """
        seen = self._view
        if seen is not None and self.store.head() == seen.seq and build.current(self.store.folder) == seen.folder:
            return seen
        with self._lock:
            return self._refresh()

    def close(self) -> None:
        """Let go of the files of the current generation."""
        if self._view is not None:
            for engine in self._view.engines.values():
                engine.close()
            self._view = None

    def _refresh(self) -> View:
        folder = build.current(self.store.folder)
        base = self._base
        if base is None or base.folder != folder:
            base = self._open(folder)
        changes = self.store.changes_since(base.manifest.seq)
        head = changes[-1].seq if changes else base.manifest.seq
        engines = dict(base.engines)
        pending = 0
        for kind in SCHEMAS:
            ids = list(dict.fromkeys(change.record_id for change in changes if change.kind == kind))
            if not ids:
                continue
            pending += len(ids)
            documents = build.of_kind(self.store, kind, ids, base.analyzer)
            gone = ids if kind != "policies" else []
            public = [d for d in documents if not d.restricted]
            engines[kind, "open"] = base.engines[kind, "open"].with_changes(public, gone)
            engines[kind, "full"] = base.engines[kind, "full"].with_changes(documents, gone)
        self._base = base
        self._view = View(folder, base.manifest, head, pending, base.analyzer, base.thesaurus, base.completer, engines)
        return self._view

    def _open(self, folder: Path) -> View:
        manifest = build.manifest(folder)
        words = json.loads((folder / "words.json").read_text(encoding="utf-8"))
        synonyms = [Synonym(s["term"], s["variant"], SynonymType(s["type"])) for s in words["synonyms"]]
        engines = {}
        for kind, schema in SCHEMAS.items():
            engines[kind, "open"] = Embedded.open(schema, [folder / "open" / kind])
            engines[kind, "full"] = Embedded.open(schema, [folder / "open" / kind, folder / "full" / kind])
        return View(
            folder=folder,
            manifest=manifest,
            seq=manifest.seq,
            pending=0,
            analyzer=Analyzer(words["lexicon"], cache=self.store.folder / "cache"),
            thesaurus=Thesaurus.of(synonyms),
            completer=Completer.load(folder / "open" / "complete.json"),
            engines=engines,
        )
