"""Who saw which restricted record: what the readers hand out to somebody is gathered, and written before it leaves.

The readers of :mod:`corpus.indicators` and :mod:`corpus.policies` report every restricted record that they hand to an
actor; an answer takes up what was reported while it was made (:func:`gathering`), keeps what it really names
(:meth:`Gathered.named_in`) and writes that (:func:`write`). Nothing is reported of who sees public records alone: for
the public there is nothing to gather and nothing to write.
"""

from __future__ import annotations

import sqlite3
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from corpus.access import Actor, Clearance, visible
from corpus.errors import NotReady
from corpus.model import Indicator, Policy, Visibility
from corpus.store import Store

ACTION = "see"
# Seconds after which somebody's seeing the same record again is written again, and how many such are remembered.
AGAIN, REMEMBERED = 3600, 200_000
REFUSED = "审计记录写不进去，不可公开的内容暂时不能显示，请稍后重试；如反复出现，请联系管理员。"


class Gathered:
    """The restricted records handed out while an answer was made, as ``kind:id``.

    ``sure`` are those that were asked for by name, which the answer shows; of the others an answer names what it shows
    by id, candidates and such it does not.
    """

    def __init__(self) -> None:
        self.sure: set[str] = set()
        self.likely: set[str] = set()

    def __bool__(self) -> bool:
        return bool(self.sure or self.likely)

    def all(self) -> set[str]:
        """Every one, for answers whose text cannot be read."""
        return self.sure | self.likely

    def named_in(self, text: str) -> set[str]:
        """Those that an answer of this text shows."""
        return self.sure | {key for key in self.likely if key.partition(":")[2] in text}


_gathered: ContextVar[Gathered | None] = ContextVar("gathered", default=None)


def begin(actor: Actor) -> Gathered | None:
    """Gather for one answer to ``actor`` from now on, in this thread; None when they see public records alone."""
    gathered = None if visible(actor).clearance is Clearance.NONE else Gathered()
    _gathered.set(gathered)
    return gathered


def end() -> None:
    """Gather no more in this thread."""
    _gathered.set(None)


@contextmanager
def gathering(actor: Actor) -> Iterator[Gathered]:
    """The same for a block; what it gathers is left to the caller to write."""
    gathered = begin(actor)
    try:
        yield Gathered() if gathered is None else gathered
    finally:
        end()


def report(kind: str, records: Iterable[Indicator | Policy], *, sure: bool = False) -> None:
    """Somebody is handed these records; what is not restricted among them is passed over."""
    if _gathered.get() is not None:
        add((f"{kind}:{r.id}" for r in records if r.visibility is Visibility.RESTRICTED), sure=sure)


def add(keys: Iterable[str], *, sure: bool = False) -> None:
    """The same for restricted records known by ``kind:id``."""
    gathered = _gathered.get()
    if gathered is not None:
        (gathered.sure if sure else gathered.likely).update(keys)


class Memory:
    """Who saw what within the last hour, in this process; the least recent are forgotten first, and written again."""

    def __init__(self, most: int = REMEMBERED, clock: Callable[[], float] = time.monotonic) -> None:
        self._most = most
        self._clock = clock
        self._lock = threading.Lock()
        self._times: OrderedDict[tuple[str, str, str], float] = OrderedDict()

    def fresh(self, store: str, name: str, keys: Iterable[str]) -> list[str]:
        """Those of ``keys`` that are to be written, in order."""
        since = self._clock() - AGAIN
        with self._lock:
            return sorted(key for key in keys if self._times.get((store, name, key), since) <= since)

    def note(self, store: str, name: str, keys: Iterable[str]) -> None:
        """They were written."""
        now = self._clock()
        with self._lock:
            for key in keys:
                self._times[store, name, key] = now
                self._times.move_to_end((store, name, key))
            while len(self._times) > self._most:
                self._times.popitem(last=False)


memory = Memory()


def write(
    store: Store, actor: Actor, keys: Iterable[str], *, memory: Memory | None = memory, action: str = ACTION
) -> None:
    """Write that ``actor`` is shown these records, in one row for one answer; those of the last hour left out.

    Without a ``memory`` all are written. Raises NotReady when that cannot be written: then the answer must not leave.
    """
    folder = str(store.folder)
    fresh = memory.fresh(folder, actor.name, keys) if memory else sorted(keys)
    if not fresh:
        return
    try:
        store.audit(actor=actor.name, action=action, target="", kind="records", records=fresh)
    except sqlite3.Error as error:
        raise NotReady(REFUSED) from error
    if memory:
        memory.note(folder, actor.name, fresh)
