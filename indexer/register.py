"""What drafts ask of the records of an index, column by column, under the numbers that the engine knows them by."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from corpus import indicators
from corpus.model import CATEGORIES, Kind, Use
from corpus.store import Store
from indexer import project_types
from indexer.engine import Engine

# So many records are named, 300 bytes each, before another register is begun.
MOST = 50_000
# Of each category its place.
PLACES = {category.level2: n for n, category in enumerate(CATEGORIES)}


class Family(NamedTuple):
    """What, beside its words, a record is to a draft: one of a use; or of none, then with a theme.

    ``themed`` says whether any project of that theme holds it, ``general`` whether any project at all does.
    """

    use: Use | None
    theme: str = ""
    themed: bool = False
    general: bool = False


class Named(NamedTuple):
    """How a record is called."""

    id: str
    code: str
    name: str


class Register:
    """Columns by number, filled in for the records that were met. Threads share it.

    It knows what some reader may see: whoever shows a record reads it from the store, in the name of who asks.
    """

    def __init__(self, engine: Engine, store: Store) -> None:
        self._engine, self._store, self._lock = engine, store, threading.Lock()
        self._uses: dict[tuple[str, str, str], Use] = {}
        self._numbers: dict[Family, int] = {}
        self.families: list[Family] = []
        self._domains: dict[str, int] = {}
        self.family = np.full(engine.places, -1, np.int32)
        """By record the number of its family; below 0 where it was not met."""
        self.domain = np.full(engine.places, -1, np.int32)
        """The number of its use's domain; below 0 where it has no use."""
        self.category = np.zeros(engine.places, np.int8)
        """Its place in :data:`corpus.model.CATEGORIES`."""
        self.common = np.zeros(engine.places, np.bool_)
        self.counts = np.full(engine.places, -1, np.int32)
        """The number of the unit that it counts in; below 0 where it is no quantity."""
        self.rank = np.zeros(engine.places, np.uint64)
        """The first eight bytes of its code as a number: codes are in its order, where they differ in these."""
        self.units: dict[str, int] = {}
        self.named: dict[int, Named] = {}

    @property
    def full(self) -> bool:
        """Whether another should be begun."""
        return len(self.named) >= MOST

    def read(self, numbers: NDArray[np.int64]) -> None:
        """Fill in the columns of these records."""
        unmet = numbers[self.family[numbers] < 0].tolist()
        if unmet:
            with self._lock:
                for number in unmet:
                    self._add(number)

    def numbers_of(self, uses: Iterable[Use]) -> set[int]:
        """The numbers of those families whose records are of these uses."""
        return {self._numbers[family] for use in uses if (family := Family(use)) in self._numbers}

    def _add(self, number: int) -> None:
        card = self._engine.card(number)
        facets, name = card.facets, card.sorts["name"]
        if facets["use"]:
            family = Family(self._use((facets["domain"], facets["industry"], facets["use"])))
            self.domain[number] = self._domains.setdefault(facets["domain"], len(self._domains))
        else:
            theme = facets["theme"]
            general = project_types.core(name, project_types.GENERAL)
            family = Family(None, theme, project_types.core(name, theme), general)
        self.category[number] = PLACES[facets["level2"]]
        self.common[number] = facets["kind"] == Kind.COMMON.value
        if CATEGORIES[self.category[number]].short == "数量":
            self.counts[number] = self.units.setdefault(facets["unit"], len(self.units))
        code = card.sorts["code"]
        self.rank[number] = int.from_bytes(code.encode()[:8].ljust(8, b"\0"))
        self.named[number] = Named(card.id, code, name)
        place = self._numbers.setdefault(family, len(self.families))
        if place == len(self.families):
            self.families.append(family)
        self.family[number] = place  # last: who finds it finds the others

    def _use(self, path: tuple[str, str, str]) -> Use:
        if path not in self._uses:
            self._uses = {(u.domain, u.industry, u.use): u for u in indicators.uses(self._store)}
        return self._uses[path]
