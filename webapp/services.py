"""What a request works with: the store, the index as it serves, and who asks."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from weakref import ref

from flask import current_app, g

from corpus.access import PUBLIC, Actor
from corpus.store import Store
from indexer.live import Live, View

# So many answers have their tags remembered.
TAGS = 4096


class Tags:
    """The tags of answers by what was asked, as long as the index stays as it is. Threads share it.

    Who already holds an answer is told so without its being made again; ``shown`` are the restricted records in it, for
    the audit. A tag stays a digest of the answer: the key,
    which moves with every change, restricted ones too, is never shown.
    """

    def __init__(self) -> None:
        # By a view that others hold: an idle process would keep what served before for the tags of its answers.
        self._held: tuple[Callable[[], View | None], dict[bytes, str]] = (lambda: None, {})
        self._shown: dict[str, frozenset[str]] = {}

    def of(self, view: View, asked: bytes) -> str | None:
        """The tag of the answer that was given on this very view."""
        held, tags = self._held
        return tags.get(asked) if held() is view and not _troubled(view) else None

    def shown(self, tag: str) -> frozenset[str]:
        """The restricted records in the answer of that tag."""
        return self._shown.get(tag, frozenset())

    def note(self, view: View, asked: bytes, tag: str, shown: frozenset[str] = frozenset()) -> None:
        """Remember the tag of an answer; ``view`` was taken before it was made."""
        held, tags = self._held
        if held() is not view or len(tags) >= TAGS:
            tags = {}
            self._held, self._shown = (ref(view), tags), {}
        if not _troubled(view):
            if shown:  # before the tag: who finds that finds these
                self._shown[tag] = shown
            tags[asked] = tag


def _troubled(view: View) -> bool:
    """Whether meaning fails at present: what is answered without it must not outlast the trouble."""
    return view.meaning is not None and bool(view.meaning.queries.trouble)


@dataclass(frozen=True, slots=True)
class Services:
    """One per application."""

    store: Store
    live: Live
    tags: Tags = field(default_factory=Tags)


def services() -> Services:
    """The services of the running application."""
    found: Services = current_app.extensions["zhibiao"]
    return found


def actor() -> Actor:
    """Who asks; the public until somebody signs in."""
    found: Actor = g.get("actor", PUBLIC)
    return found
