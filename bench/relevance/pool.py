"""What people have to read: the pool of answers not judged yet, and the joining of blind readings."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from statistics import median

from bench.relevance.library import Document
from bench.relevance.questions import JUDGED, Set, table, write
from bench.relevance.race import Lane

COLUMNS = ("question", "document", "name", "level2", "class", "definition")
SEED = 20261121
LEVELS = 4
Pair = tuple[str, str]


def pooled(
    known: Set, lanes: Sequence[Lane], depth: int, documents: Mapping[str, Document]
) -> Iterator[dict[str, str]]:
    """The union of the first ``depth`` of all contenders, question by question; nothing tells who found what."""
    for question in known.questions:
        found = {key for lane in lanes for key in lane.answers[question.id][:depth]}
        fresh = sorted(found - set(known.grades.get(question.id, ())))
        random.Random(f"{SEED} {question.id}").shuffle(fresh)  # noqa: S311 - not a secret
        for key in fresh:
            d = documents[key]
            yield {
                "question": question.id,
                "document": key,
                "name": d.texts["name"],
                "level2": d.level2,
                "class": d.place,
                "definition": d.definition,
            }


def merge(readings: Sequence[Path], into: Path, differ: Path) -> None:
    """Join two or three blind readings into the judgements ``into``; print how far the first two agree.

    Pairs that lie two grades apart or on both sides of grade 2 go to ``differ`` for a third reading, without their
    grades. With a third reading the grade is the middle one of the three, without it the lower of the two.
    """
    first, second, *rest = [_read(path) for path in readings]
    third = rest[0] if rest else {}
    both = [pair for pair in first if pair in second]
    alone = len(first.keys() ^ second.keys())
    if alone:
        print(f"left out: {alone} pairs that only one of the two readings holds")
    pairs = [(first[p], second[p]) for p in both]
    print(f"{len(both)} pairs read twice, {sum(a == b for a, b in pairs)} of them alike")
    plain, quadratic = kappa(pairs, lambda a, b: a != b), kappa(pairs, lambda a, b: (a - b) ** 2)
    print(f"kappa {plain:.3f}, quadratic {quadratic:.3f}")
    rows: dict[Pair, dict[str, object]] = {(r["question"], r["document"]): dict(r) for r in table(into)}
    before = len(rows)
    for pair in both:
        a, b = first[pair], second[pair]
        c = third.get(pair) if a != b else None
        grade = min(a, b) if c is None else int(median((a, b, c)))
        shown = "" if c is None else c
        rows[pair] = dict(zip(JUDGED, (*pair, a, b, shown, grade), strict=True))
    write(into, JUDGED, [row for _, row in sorted(rows.items())])
    print(f"{into}: {len(rows)} judgements, {len(rows) - before} of them new")
    open_ = [p for p in both if p not in third and _apart(first[p], second[p])]
    known = {(r["question"], r["document"]): r for r in table(readings[0])}
    write(differ, COLUMNS, [known[p] for p in open_])
    print(f"{differ}: {len(open_)} pairs for a third reading")


def kappa(pairs: Sequence[tuple[int, int]], weight: Callable[[int, int], float]) -> float:
    """Cohen's kappa: 1 is perfect agreement, 0 what chance would give; ``weight`` says how far two grades lie apart."""
    levels = range(LEVELS)
    left = [sum(a == n for a, _ in pairs) for n in levels]
    right = [sum(b == n for _, b in pairs) for n in levels]
    seen = sum(weight(a, b) for a, b in pairs)
    chance = sum(weight(a, b) * left[a] * right[b] for a in levels for b in levels) / (len(pairs) or 1)
    return 1 - seen / chance if chance else 1.0


def _apart(a: int, b: int) -> bool:
    return abs(a - b) >= 2 or (a >= 2) != (b >= 2)


def _read(path: Path) -> dict[Pair, int]:
    if not path.exists():
        raise SystemExit(f"{path} is not there")
    found = {}
    for line, r in enumerate(table(path), 2):
        grade = (r.get("grade") or "").strip()
        if grade not in {"0", "1", "2", "3"}:
            raise SystemExit(f"{path}, line {line}: the grade must be 0, 1, 2 or 3, not “{grade}”")
        found[r["question"], r["document"]] = int(grade)
    return found
