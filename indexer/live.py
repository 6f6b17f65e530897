"""The index as it serves: the current generation, with every change since folded in before the next answer."""

from __future__ import annotations

import json
import threading
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Protocol

from corpus.access import Scope
from corpus.errors import BadInput
from corpus.store import Store
from corpus.words import Synonym, SynonymType
from indexer import build, semantic, settings
from indexer.analysis import Analyzer
from indexer.build import Manifest
from indexer.complete import Completer
from indexer.documents import SCHEMAS
from indexer.engines.embedded import Embedded
from indexer.meaning import Follower, Meaning
from indexer.pinyin import Pinyin
from indexer.query import Thesaurus, Vocabulary
from indexer.register import Register
from indexer.semantic import Embedder
from indexer.settings import Settings
from indexer.spelling import Spelling


@dataclass(frozen=True)
class View:
    """One moment of the index; an answer is computed on one view from beginning to end."""

    folder: Path
    manifest: Manifest
    seq: int
    pending: int
    words: Vocabulary
    spelling: Spelling
    completer: Completer
    engines: dict[tuple[str, str], Embedded]
    generation: str
    """Names the public content of this view: it changes with every public change, and with no other."""
    meaning: Meaning | None = None
    """What the records mean; None without a model."""

    @property
    def settings(self) -> Settings:
        """The weights that this view serves with."""
        return self.words.settings

    def weighed(self, weights: Settings) -> View:
        """The same moment under other weights."""
        engines = {
            (kind, edition): engine.weighed(weights.fields.weights()) if kind == "indicators" else engine
            for (kind, edition), engine in self.engines.items()
        }
        return replace(self, words=replace(self.words, settings=weights), engines=engines)

    def register(self, store: Store, scope: Scope) -> Register:
        """What drafts ask of the indicators of an edition; another is begun when one is full."""
        found = self._registers.get(scope.edition)
        if found is None or found.full:
            found = self._registers[scope.edition] = Register(self.engine("indicators", scope), store)
        return found

    @cached_property
    def _registers(self) -> dict[str, Register]:
        return {}

    def engine(self, kind: str, scope: Scope) -> Embedded:
        """The index of a kind in the edition that this reader may open."""
        return self.engines[kind, scope.edition]


class Views(Protocol):
    """Whatever tells the moment that an answer is computed on."""

    def view(self) -> View:
        """The moment to use."""


@dataclass(frozen=True, slots=True)
class Moment:
    """One view held fast: many answers on the same one, or under other weights."""

    held: View

    def view(self) -> View:
        """See :class:`Views`."""
        return self.held


class Live:
    """Follows the store and the builds of other processes; threads share it.

    ``model`` is what meaning is asked of, by default the one of the environment, if any.
    """

    def __init__(self, store: Store, model: Embedder | None = None) -> None:
        self.store = store
        model = model or semantic.embedder()
        self._follower = Follower(store, model) if model else None
        self._settings: Settings | None = None
        self._settings_stamp: object = None
        self._lock = threading.Lock()
        # A view and the stamps from before it was made go together: a reader must not take the one for the other's.
        self._seen: tuple[View, object] | None = None
        self._base: View | None = None

    def view(self) -> View:
        """The present moment: everything written before this call is in it, and the weights set before it hold.

        Raises NotReady when there is no generation to serve, BadInput when the first weights cannot be read.
        """
        view = self._unchanged()
        if view is not None:
            return view
        with self._lock:  # of those who wait here, the first does it for all
            return self._unchanged() or self._refresh()

    def close(self) -> None:
        """Let go of the files of the current generation."""
        with self._lock:
            if self._base is not None:
                for engine in self._base.engines.values():
                    engine.close()
            self._seen = self._base = None

    def _unchanged(self) -> View | None:
        """The view that serves, if it still holds."""
        seen = self._seen
        if seen is None:
            return None
        view, stamps = seen
        return view if self.store.head() == view.seq and self._stamps() == stamps else None

    def _stamps(self) -> object:
        """Differs when a file that a view is made of was replaced."""
        folder = self.store.folder
        return build.stamp(folder), settings.stamp(folder), self._follower.stamp() if self._follower else None

    def _refresh(self) -> View:
        stamps = self._stamps()
        base = self._newest()
        weights = self._weights()
        if base.settings != weights:
            base = base.weighed(weights)
        changes = self.store.changes_since(base.manifest.seq)
        head = changes[-1].seq if changes else base.manifest.seq
        engines = dict(base.engines)
        pending = 0
        public_changes: dict[str, str] = {}
        withdrawn: set[str] = set()
        for kind in SCHEMAS:
            ids = list(dict.fromkeys(change.record_id for change in changes if change.kind == kind))
            if not ids:
                continue
            pending += len(ids)
            documents = build.of_kind(self.store, kind, ids, base.words.analyzer)
            gone = build.held_of(kind, ids, base.engines[kind, "full"])
            public = [d for d in documents if not d.restricted]
            dropped = base.engines[kind, "open"].held(gone).difference(d.id for d in public)
            public_changes |= dict.fromkeys(dropped, "") | {d.id: d.digest for d in public}
            withdrawn |= dropped
            engines[kind, "open"] = base.engines[kind, "open"].with_changes(public, gone)
            engines[kind, "full"] = base.engines[kind, "full"].with_changes(documents, gone)
        self._base = base
        view = replace(
            base,
            seq=head,
            pending=pending,
            completer=base.completer.without(withdrawn),
            engines=engines,
            generation=build.digest([("", base.generation), *public_changes.items()])[:16]
            if public_changes
            else base.generation,
            meaning=self._follower.meaning(engines) if self._follower else None,
        )
        self._seen = view, stamps
        return view

    def _weights(self) -> Settings:
        """The weights of the data folder; a file damaged while we serve leaves those that serve."""
        stamp = settings.stamp(self.store.folder)
        if self._settings is None or stamp != self._settings_stamp:
            try:
                self._settings = settings.load(self.store.folder)
            except BadInput:
                if self._settings is None:
                    raise
            self._settings_stamp = stamp
        return self._settings

    def _newest(self) -> View:
        """The generation that serves; another is tried when builds overtook the opening of one and removed it."""
        while True:
            folder = build.current(self.store.folder)
            if self._base is not None and self._base.folder == folder:
                return self._base
            try:
                return self._open(folder)
            except FileNotFoundError:
                if folder.exists():
                    raise

    def _open(self, folder: Path) -> View:
        manifest = build.manifest(folder)
        words = json.loads((folder / "words.json").read_text(encoding="utf-8"))
        types = {t.value: t for t in SynonymType}
        synonyms = [Synonym(term, variant, types[kind]) for term, variant, kind in words["synonyms"]]
        weights = self._weights()
        engines = {}
        for kind, schema in SCHEMAS.items():
            for edition, folders in (("open", ["open"]), ("full", ["open", "full"])):
                engine = Embedded.open(schema, [folder / name / kind for name in folders])
                engines[kind, edition] = engine.weighed(weights.fields.weights()) if kind == "indicators" else engine
        base, cache = self._base, self.store.folder / "cache"
        pinyin = Pinyin(cache)
        if base and base.words.lexicon == words["lexicon"]:  # most builds leave it as it was
            analyzer, spelling = base.words.analyzer, base.spelling
        else:
            analyzer = Analyzer(words["lexicon"], cache=cache, folded=True)
            spelling = Spelling(words["lexicon"], analyzer, pinyin)
        return View(
            folder=folder,
            manifest=manifest,
            seq=manifest.seq,
            pending=0,
            spelling=spelling,
            words=Vocabulary(
                analyzer,
                Thesaurus.of(synonyms),
                weights,
                words["lexicon"],
                engines["indicators", "open"].frequency,
            ),
            completer=Completer.load(folder / "open" / "complete.bin", pinyin),
            engines=engines,
            generation=manifest.public,
        )
