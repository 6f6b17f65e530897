"""Put every question to every contender, one after the other, and time both building and answering."""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

from bench.relevance.contenders import OURS, Contender
from bench.relevance.library import Library
from bench.relevance.questions import Question

LIMIT = 30
WARM_UP = 5


@dataclass(frozen=True)
class Lane:
    """What a contender answered: keys best first and milliseconds by question id; seconds that building took."""

    contender: Contender
    built: float | None
    answers: dict[str, list[str]] = field(default_factory=dict)
    times: dict[str, float] = field(default_factory=dict)


def ready(contenders: Sequence[Contender], library: Library) -> tuple[list[Lane], dict[str, str]]:
    """Build all that can run here; the others by name with the reason why not."""
    lanes, skipped = [], {}
    for contender in contenders:
        why = contender.missing()
        if why:
            skipped[contender.name] = why
            continue
        _say(f"building {contender.name}")
        begun = time.perf_counter()
        contender.build(library.documents)
        took = time.perf_counter() - begun
        lanes.append(Lane(contender, library.built if contender.name == OURS else took))
    return lanes, skipped


def run(lanes: Sequence[Lane], questions: Sequence[Question], limit: int = LIMIT) -> None:
    """Every question to contender A, B, C, then the next question, so that a busy machine slows all alike."""
    for number, question in enumerate([*questions[:WARM_UP], *questions], 1 - WARM_UP):
        for lane in lanes:
            begun = time.perf_counter()
            found = lane.contender.search(question.text, limit, question.asked_of)
            lane.times[question.id] = (time.perf_counter() - begun) * 1000
            lane.answers[question.id] = found
        if number > 0 and number % 20 == 0:
            _say(f"{number} of {len(questions)} questions")


def _say(what: str) -> None:
    print(what, file=sys.stderr, flush=True)
