"""The questions, what was judged of them, and the goals: plain TSV beside the shipped library.

A file that is not there means no questions, or no judgements, of that sort.
"""

from __future__ import annotations

import json
import os
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from bench.relevance.library import GOALS, INDICATORS, POLICIES
from corpus import reference

FOLDER = reference.FOLDER / "relevance"
_SAMPLES = Path(__file__).parents[3] / "shared"
# Kinds of query that ask for one thing: only the very thing will do.
KNOWN_ITEM = frozenset({"exact", "middle", "pinyin", "initials", "typo", "traditional", "policy"})
# A goal table's plain 成本指标 is met by any of the three that the library tells apart.
COSTS = frozenset({"经济成本指标", "社会成本指标", "生态环境成本指标"})
JUDGED = ("question", "document", "first", "second", "third", "grade")


@dataclass(frozen=True, slots=True)
class Question:
    """A query as typed, or a goal. ``kind`` is the query's kind, or ``goals``; ``levels`` are of the goal's rows."""

    id: str
    kind: str
    text: str
    intent: str = ""
    part: str = "tune"
    levels: tuple[str, ...] = ()

    @property
    def asked_of(self) -> str:
        """What the contenders are asked for."""
        return {"policy": POLICIES, "goals": GOALS}.get(self.kind, INDICATORS)

    @property
    def enough(self) -> int:
        """The grade that a first hit needs."""
        return 3 if self.kind in KNOWN_ITEM else 2


@dataclass(frozen=True)
class Set:
    """Everything that is asked and known. ``notes`` say in words what is not there."""

    questions: tuple[Question, ...]
    grades: Mapping[str, Mapping[str, int]]
    equivalents: Mapping[tuple[str, int], frozenset[str]]
    uses: Mapping[str, frozenset[str]]
    notes: list[str] = field(default_factory=list)

    def of(self, *, goals: bool) -> list[Question]:
        """The goals, or the queries."""
        return [q for q in self.questions if (q.kind == GOALS) == goals]


def read(folder: Path = FOLDER, *, part: str | None = None) -> Set:
    """Read the questions of ``folder`` and the sample goals; ``part`` (tune or check) keeps those alone.

    The real sample goals are known to whoever tunes, so they belong to ``tune``; the made-up ones to ``check``.
    """
    notes = [f"{name} is not there: none of its sort." for name in _FILES if not (folder / name).exists()]
    queries = [Question(r["id"], r["kind"], r["query"], r["intent"], r["part"]) for r in table(folder / "queries.tsv")]
    goals = _goals(folder, notes)
    questions = tuple(q for q in (*queries, *goals) if part in (None, q.part))
    assert len({q.id for q in questions}) == len(questions), "two questions have the same id"
    grades: dict[str, dict[str, int]] = defaultdict(dict)
    for r in table(folder / "judgements.tsv"):
        grades[r["question"]][r["document"]] = int(r["grade"])
    equivalents: dict[tuple[str, int], set[str]] = defaultdict(set)
    for r in table(folder / "equivalents.tsv"):
        equivalents[r["goal"], int(r["row"])].add(r["document"])
    uses: dict[str, set[str]] = defaultdict(set)
    for r in table(folder / "uses.tsv"):
        uses[r["goal"]].add(r["use"])
    return Set(
        questions,
        grades,
        {key: frozenset(found) for key, found in equivalents.items()},
        {goal: frozenset(found) for goal, found in uses.items()},
        notes,
    )


_FILES = ("queries.tsv", "judgements.tsv", "equivalents.tsv", "uses.tsv")


def _goals(folder: Path, notes: list[str]) -> list[Question]:
    """The real sample goals, which whoever tunes knows, and the made-up ones beside the questions."""
    samples = Path(os.environ.get("ZHIBIAO_SAMPLES") or _SAMPLES) / "goals" / "dev_goals.jsonl"
    if not samples.exists():
        notes.append("the sample goals (goals/dev_goals.jsonl under ZHIBIAO_SAMPLES) are not there: none of them.")
    goals = []
    for path, part in ((samples, "tune"), (folder / "goals.jsonl", "check")):
        for line in path.read_text(encoding="utf-8").splitlines() if path.exists() else ():
            record = json.loads(line)
            # The project is the first line, see contenders.
            text = " ".join(record["project"].split()) + "\n" + record["goal"]
            levels = tuple(row["level2"] for row in record["indicators"])
            goals.append(Question(record["id"], GOALS, text, part=part, levels=levels))
    return goals


def table(path: Path) -> list[dict[str, str]]:
    """The rows of a TSV file by header; a missing file has none."""
    return reference.table(path)


def write(path: Path, header: Sequence[str], rows: Iterable[Mapping[str, object]]) -> None:
    """Write rows as TSV; line breaks and tabs inside a cell become blanks."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8", newline="") as file:
        file.write("\t".join(header) + "\n")
        for row in rows:
            file.write("\t".join(" ".join(str(row.get(name, "")).split()) for name in header) + "\n")
