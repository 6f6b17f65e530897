"""Records that were read before, held as they stood at a moment of the store's feed.

Who may see them is for the caller to ask, each time.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import islice
from typing import Generic, TypeVar
from weakref import WeakKeyDictionary

from corpus.store import Store

T = TypeVar("T")


class Memory(Generic[T]):
    """Up to ``kept`` things of one kind for each store, the oldest forgotten first. Threads share it.

    ``source`` tells from a thing's id which record of the feed it comes from, where that is not the record itself.
    """

    def __init__(self, kept: int, source: Callable[[str], str] | None = None) -> None:
        self.kept, self._source = kept, source
        self._shelves: WeakKeyDictionary[Store, _Shelf[T]] = WeakKeyDictionary()
        self._lock = threading.Lock()

    def recall(self, store: Store, ids: Sequence[str], read: Callable[[list[str]], Mapping[str, T]]) -> dict[str, T]:
        """Those of ``ids`` that there are; ``read`` is asked for what is not held, or changed since."""
        if store.db.conn.in_transaction:  # what an open transaction sees is nobody else's
            return dict(read(list(ids)))
        head = store.head()
        with self._lock:
            shelf = self._shelves.setdefault(store, _Shelf())
        with shelf.lock:
            if shelf.head < head:
                if shelf.things:
                    self._forget(shelf, {change.record_id for change in store.changes_since(shelf.head)})
                shelf.head = head
            things = shelf.things if shelf.head == head else {}
            held = zip(ids, map(things.get, ids), strict=True)
            found = {id: thing for id, thing in held if thing is not None}
        missing = [id for id in ids if id not in found] if len(found) < len(ids) else []
        if missing:
            fresh = read(missing)
            found |= fresh
            with shelf.lock:
                if shelf.head == head:  # else the memory has gone on since
                    shelf.things |= {id: fresh[id] for id in missing if id in fresh}  # in the order they were asked for
                    for id in list(islice(shelf.things, max(0, len(shelf.things) - self.kept))):
                        del shelf.things[id]
        return found

    def fill(self, store: Store, things: Iterable[tuple[str, T]]) -> None:
        """Hold what is to be asked for; ``things`` are read while nobody writes, up to what there is room for."""
        with store.reading():
            head, found = store.head(), dict(islice(things, self.kept))
        with self._lock:
            shelf = self._shelves.setdefault(store, _Shelf())
        with shelf.lock:
            if shelf.head <= head:
                shelf.head, shelf.things = head, found

    def _forget(self, shelf: _Shelf[T], changed: set[str]) -> None:
        source = self._source
        for id in [id for id in shelf.things if source(id) in changed] if source else changed:
            shelf.things.pop(id, None)


class _Shelf(Generic[T]):
    """What is held of one store, as it stood at ``head``."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.head = 0
        self.things: dict[str, T] = {}
