"""A goal being drafted -> the uses it belongs to, a covering set of indicators with reasons, what is still missing."""

from __future__ import annotations

from dataclasses import dataclass

from corpus.access import Actor
from corpus.model import Category, Indicator, Use
from corpus.policies import Found
from corpus.store import Store
from indexer.live import Live


@dataclass(frozen=True, slots=True)
class Draft:
    """What a department has written so far. ``budget`` is in 万元; ``use`` is the name of a use when one was picked."""

    project: str = ""
    goal: str = ""
    budget: float | None = None
    use: str | None = None
    chosen: tuple[str, ...] = ()
    limit: int = 20


@dataclass(frozen=True, slots=True)
class InferredUse:
    """A use that the draft seems to belong to, with a confidence between 0 and 1."""

    use: Use
    confidence: float


@dataclass(frozen=True, slots=True)
class Suggested:
    """An indicator to take over, and true reasons for it."""

    indicator: Indicator
    score: float
    why: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Coverage:
    """How a category stands: rows chosen, suggestions at hand, and whether a complete table must have it."""

    category: Category
    chosen: int
    suggested: int
    required: bool


@dataclass(frozen=True, slots=True)
class Suggestions:
    """The answer to a draft. ``missing`` says in sentences what the table still lacks."""

    uses: tuple[InferredUse, ...]
    items: tuple[Suggested, ...]
    coverage: tuple[Coverage, ...]
    missing: tuple[str, ...]
    policies: tuple[Found, ...]
    generation: str


def suggest(store: Store, live: Live, draft: Draft, actor: Actor) -> Suggestions:
    """Suggestions for a draft; an empty draft gets an empty set. Raises BadInput, naming the field."""
    raise NotImplementedError
