"""What the race needs of a contender."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from types import MappingProxyType

from bench.speed.growth import Grown
from bench.speed.library import FACETS
from bench.speed.questions import Answer, Question


class Contender(ABC):
    """Builds an index in a folder, opens it, answers questions."""

    name: str
    module = ""
    """What must be importable."""
    most: int | None = None
    """The largest library it is asked about."""
    built_by = ""
    """The contender whose index it opens, when it has none of its own."""
    environment: Mapping[str, str] = MappingProxyType({})
    """What sets it apart from the one that built its index: it is opened under these variables."""

    def missing(self, size: int) -> str | None:
        """Why it cannot run here at that size; None when it can."""
        if self.module and not find_spec(self.module):
            return f"{self.module} is not installed"
        if self.most is not None and size > self.most:
            return f"too slow beyond {self.most:,} records"
        return None

    @property
    def index(self) -> str:
        """The name of the folder that its index is in."""
        return self.built_by or self.name

    @abstractmethod
    def build(self, library: Grown, folder: Path) -> None:
        """Write the index."""

    @abstractmethod
    def open(self, folder: Path) -> None:
        """Be ready to answer."""

    @abstractmethod
    def ask(self, question: Question) -> Answer:
        """The answer to a question."""

    def timed(self, question: Question) -> tuple[float, Answer]:
        """Seconds that the answer took, and the answer."""
        begun = time.perf_counter()
        answer = self.ask(question)
        return time.perf_counter() - begun, answer

    def close(self) -> None:  # noqa: B027 - most have nothing to close
        """Let go of the index."""


def answer(counts: Mapping[str, Mapping[str, int]], best: list[int]) -> Answer:
    """An answer whose total is that of a facet in which every record has a value."""
    return Answer(sum(counts[FACETS[0]].values()), counts, best)
