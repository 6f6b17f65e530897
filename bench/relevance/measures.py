"""From answers and grades to figures."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import ir_measures
import numpy as np
from ir_measures import RR, P, R, nDCG

from bench.relevance.library import Document
from bench.relevance.questions import COSTS, Question, Set
from bench.relevance.race import Lane

GOOD = 2
# By name: the measure, and the least grade that a question must have a document of to count for it.
MEASURES: dict[str, tuple[Any, int]] = {
    "nDCG@10": (nDCG @ 10, 1),
    "P@10": (P(rel=GOOD) @ 10, GOOD),
    "R@10": (R(rel=GOOD) @ 10, GOOD),
    "R@30": (R(rel=GOOD) @ 30, GOOD),
}
FIRST = {level: RR(rel=level) for level in (GOOD, 3)}


def graded(known: Set, lane: Lane) -> dict[str, dict[str, float]]:
    """By question id and name of measure; a question is left out where nothing in the library would satisfy."""
    judged = {q.id: q for q in known.questions if known.grades.get(q.id)}
    qrels = {id: dict(known.grades[id]) for id in judged}
    run = {id: {key: -float(rank) for rank, key in enumerate(lane.answers[id])} for id in judged}
    wanted = [*(measure for measure, _ in MEASURES.values()), *FIRST.values()]
    values = {(m.query_id, m.measure): m.value for m in ir_measures.iter_calc(wanted, qrels, run)} if judged else {}
    found: dict[str, dict[str, float]] = {}
    for id, question in judged.items():
        best = max(qrels[id].values())
        row = {n: values.get((id, m), 0.0) for n, (m, least) in MEASURES.items() if best >= least}
        if best >= question.enough:
            row["RR"] = values.get((id, FIRST[question.enough]), 0.0)
        top = lane.answers[id][:10]
        if top:
            row["judged"] = sum(key in qrels[id] for key in top) / len(top)
        found[id] = row
    return found


def mean(rows: Iterable[Mapping[str, float]], name: str) -> float | None:
    """The mean of a measure over the questions that count for it."""
    values = [row[name] for row in rows if name in row]
    return float(np.mean(values)) if values else None


def latency(lane: Lane, questions: Sequence[Question]) -> dict[str, float | None]:
    """Median and 95th percentile in milliseconds."""
    times = [lane.times[q.id] for q in questions]
    return {f"p{p}": float(np.percentile(times, p)) if times else None for p in (50, 95)}


def covered(lane: Lane, goals: Sequence[Question], documents: Mapping[str, Document]) -> float | None:
    """The share of the real table's level-2 categories that the documents offered hold, mean over the goals."""
    shares = []
    for goal in goals:
        offered = {documents[key].level2 for key in lane.answers[goal.id]}
        real = set(goal.levels)
        shares.append(np.mean([bool(offered & COSTS) if level == "成本指标" else level in offered for level in real]))
    return float(np.mean(shares)) if shares else None


def reached(known: Set, lane: Lane, goals: Sequence[Question]) -> tuple[float | None, float | None]:
    """The share of real indicators that have an equivalent among the documents offered.

    Of all of them, and of those that have any equivalent in the library.
    """
    rows = [(goal, row) for goal in goals for row in range(1, len(goal.levels) + 1)]
    possible = [(goal, row) for goal, row in rows if (goal.id, row) in known.equivalents]
    if not possible:
        return None, None
    hits = sum(bool(known.equivalents[goal.id, row].intersection(lane.answers[goal.id])) for goal, row in possible)
    return hits / len(rows), hits / len(possible)


def uses_right(
    known: Set, goals: Sequence[Question], uses: Callable[[str], list[str]]
) -> tuple[float | None, float | None]:
    """The share of goals whose first inferred use, or one of the first three, is an accepted one."""
    ranks = []
    for goal in goals:
        if goal.id in known.uses:
            inferred = [use in known.uses[goal.id] for use in uses(goal.text)[:3]]
            ranks.append(inferred.index(True) if True in inferred else 3)
    if not ranks:
        return None, None
    return float(np.mean([rank == 0 for rank in ranks])), float(np.mean([rank < 3 for rank in ranks]))
