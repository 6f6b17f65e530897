"""The race at one size: everybody built, opened, and asked in turn, each time in another order."""

from __future__ import annotations

import gc
import random
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from bench.speed import builds
from bench.speed.contenders.arrays import Impacts
from bench.speed.contenders.contender import Contender
from bench.speed.questions import KINDS, Answer, Question

SEED = 20261125
# Asked before any time is taken.
WARM = 5
# Every question is asked so often, and its best time counts: what a busy machine adds now and then is no engine's.
PASSES = 3
# A contender that has taken so many seconds for one kind of question is not asked any more of them.
PATIENCE = 60.0


@dataclass
class Lane:
    """A contender and what was measured of it; ``seconds`` by kind of question, ``agrees`` of how many answers."""

    contender: Contender
    figures: dict[str, float] = field(default_factory=dict)
    seconds: dict[str, list[float]] = field(default_factory=lambda: {kind: [] for kind in KINDS})
    agrees: int = 0
    skipped: str = ""


def run(
    everybody: Sequence[Contender], base: Path, size: int, folder: Path, asked: dict[str, list[Question]]
) -> list[Lane]:
    """Everybody's lane; one that cannot run has a reason instead of times."""
    lanes = [Lane(contender) for contender in everybody]
    for lane in lanes:
        name = lane.contender.name
        lane.skipped = lane.contender.missing(size) or ""
        home = folder / _plain(lane.contender.index)
        if not lane.skipped and lane.contender.built_by and not home.exists():
            lane.skipped = f"needs the index of {lane.contender.built_by}"
        if lane.skipped:
            continue
        begun = time.perf_counter()
        try:
            lane.figures = builds.run(base, name, size, home, [*asked["short"][:10], *asked["long"][:3]])
            lane.contender.open(home)
        except (RuntimeError, MemoryError) as error:
            lane.skipped = str(error)
        _say(f"{size:>9,}  {name}: {lane.skipped or f'built and opened in {time.perf_counter() - begun:.1f} s'}")
    running = [lane for lane in lanes if not lane.skipped]
    gc.collect()
    gc.freeze()
    try:
        for kind in KINDS:
            _say(f"{size:>9,}  {len(asked[kind])} {kind} questions")
            _ask(running, kind, asked[kind])
    finally:
        gc.unfreeze()
        for lane in running:
            lane.contender.close()
    return lanes


def _ask(lanes: Sequence[Lane], kind: str, questions: Sequence[Question]) -> None:
    patience, chance = dict.fromkeys(range(len(lanes)), PATIENCE), random.Random(SEED)  # noqa: S311 - not a secret

    def ask(at: int, question: Question) -> tuple[float, Answer] | None:
        if patience[at] < 0:
            return None
        seconds, answer = lanes[at].contender.timed(question)
        patience[at] -= seconds
        return seconds, answer

    for question in questions[:WARM]:
        for at in range(len(lanes)):
            ask(at, question)
    for number in range(PASSES):
        for n, question in enumerate(questions):
            answers: dict[int, Answer] = {}
            # Who comes after one that reads much finds the caches empty, so nobody always does.
            for at in chance.sample(range(len(lanes)), len(lanes)):
                taken = ask(at, question)
                if taken is None:
                    continue
                seconds, answers[at] = taken
                times = lanes[at].seconds[kind]
                if number:
                    times[n] = min(times[n], seconds)
                else:
                    times.append(seconds)
            if not number and answers:
                expected = answers[min(answers)]
                for at, answer in answers.items():
                    lanes[at].agrees += answer.same(expected)


def floor(lanes: Sequence[Lane], asked: dict[str, list[Question]], bandwidth: float) -> dict[str, list[float]]:
    """Seconds to read the postings of each question once, 4 bytes of document and 4 of score; empty when unknown."""
    arrays = next((x.contender for x in lanes if isinstance(x.contender, Impacts) and not x.skipped), None)
    if arrays is None:
        return {}
    return {kind: [8 * arrays.postings(q) / bandwidth for q in asked[kind]] for kind in KINDS}


def _plain(name: str) -> str:
    return "".join(c if c.isalnum() else "-" for c in name)


def _say(text: str) -> None:
    if sys.stderr.isatty():
        print(text, file=sys.stderr, flush=True)
