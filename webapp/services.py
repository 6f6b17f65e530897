"""What a request works with: the store, the index as it serves, and who asks."""

from __future__ import annotations

from dataclasses import dataclass

from flask import current_app, g

from corpus.access import PUBLIC, Actor
from corpus.store import Store
from indexer.live import Live


@dataclass(frozen=True, slots=True)
class Services:
    """One per application."""

    store: Store
    live: Live


def services() -> Services:
    """The services of the running application."""
    found: Services = current_app.extensions["zhibiao"]
    return found


def actor() -> Actor:
    """Who asks; the public until somebody signs in."""
    found: Actor = g.get("actor", PUBLIC)
    return found
