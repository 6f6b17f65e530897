"""How good search and suggestion are, on judged questions: for the desk, for trials of other weights, for tests.

Questions and judgements are plain files beside the shipped library (``corpus/reference/relevance``). A document is
judged 0 (not what was asked) to 3 (exactly that); what nobody judged counts as 0. Answers are those of the public.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from statistics import fmean

from corpus import reference
from corpus.access import PUBLIC
from corpus.store import Store
from indexer.live import Moment, View
from indexer.search import Query, search_indicators, search_policies
from indexer.suggest import Draft, suggest

FOLDER = reference.FOLDER / "relevance"
GOALS = "goal"
KINDS = {
    "exact": "指标全名", "middle": "名称中段", "short": "一两个字", "colloquial": "口语说法", "abbreviation": "简称",
    "pinyin": "拼音", "initials": "首字母", "mixed": "中英数混合", "typo": "错别字", "traditional": "繁体",
    "category": "类别加对象", "policy": "文号", "long": "长句描述", GOALS: "绩效目标",
}  # fmt: skip
# From this grade on a document helps; of these kinds only the very thing asked for does.
GOOD, VERY = 2, 3
KNOWN_ITEM = frozenset(("exact", "middle", "pinyin", "initials", "typo", "traditional", "policy"))
TOP, DEPTH = 10, 30


@dataclass(frozen=True, slots=True)
class Question:
    """A query as typed, or a goal being drafted (``text`` is then the project). ``intent`` says what is wanted."""

    id: str
    kind: str
    text: str
    goal: str = ""
    intent: str = ""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a question was answered with (keys, best first), and how good that is: each figure is 0 to 1."""

    question: Question
    found: tuple[str, ...]
    ndcg: float
    reciprocal: float
    recall: float


@dataclass(frozen=True, slots=True)
class Figures:
    """Means over some questions; ``ndcg`` is over the first ten, ``recall`` over the first thirty."""

    count: int
    ndcg: float
    reciprocal: float
    recall: float

    @classmethod
    def of(cls, outcomes: Sequence[Outcome]) -> Figures:
        if not outcomes:
            return cls(0, 0.0, 0.0, 0.0)
        means = (fmean(getattr(o, name) for o in outcomes) for name in ("ndcg", "reciprocal", "recall"))
        return cls(len(outcomes), *(round(mean, 4) for mean in means))


@dataclass(frozen=True, slots=True)
class Change:
    """What other weights do to one question: documents that come into its first ten, and that leave them."""

    before: Outcome
    after: Outcome

    @property
    def gained(self) -> tuple[str, ...]:
        return tuple(key for key in self.after.found[:TOP] if key not in self.before.found[:TOP])

    @property
    def lost(self) -> tuple[str, ...]:
        return tuple(key for key in self.before.found[:TOP] if key not in self.after.found[:TOP])


@cache
def questions(folder: Path = FOLDER) -> tuple[Question, ...]:
    """Every judged question: queries, then goals."""
    judged = judgements(folder)
    asked = reference.table(folder / "queries.tsv")
    queries = [Question(r["id"], r["kind"], r["query"], "", r["intent"]) for r in asked]
    path = folder / "goals.jsonl"
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    goals = [Question(g["id"], GOALS, g["project"], g["goal"]) for g in map(json.loads, lines)]
    return tuple(q for q in (*queries, *goals) if q.id in judged)


@cache
def judgements(folder: Path = FOLDER) -> Mapping[str, Mapping[str, int]]:
    """Grade by question and document: a code, or ``policy:`` and an id."""
    found: dict[str, dict[str, int]] = {}
    for row in reference.table(folder / "judgements.tsv"):
        found.setdefault(row["question"], {})[row["document"]] = int(row["grade"])
    return found


def answer(store: Store, view: View, question: Question) -> tuple[str, ...]:
    """What the public is shown first for a question: keys of at most thirty documents."""
    at = Moment(view)
    if question.kind == GOALS:
        found = suggest(store, at, Draft(question.text, question.goal, limit=DEPTH), PUBLIC)
        return tuple(item.indicator.code for item in found.items)
    asked = Query(question.text, size=DEPTH)
    if question.kind == "policy":
        passages = search_policies(store, at, asked, PUBLIC).hits
        return tuple(dict.fromkeys(f"policy:{hit.record.policy.id}" for hit in passages))
    return tuple(hit.record.code for hit in search_indicators(store, at, asked, PUBLIC).hits)


def measure(store: Store, view: View, asked: Iterable[Question], folder: Path = FOLDER) -> list[Outcome]:
    """Ask every question under the weights of ``view`` and grade the answers."""
    grades = judgements(folder)
    return [grade(question, answer(store, view, question), grades[question.id]) for question in asked]


def grade(question: Question, found: Sequence[str], grades: Mapping[str, int]) -> Outcome:
    """nDCG@10 with the grade as gain (Järvelin and Kekäläinen 2002), the rank of the first that will do, Recall@30."""
    least = VERY if question.kind in KNOWN_ITEM and VERY in grades.values() else GOOD
    first = next((rank for rank, key in enumerate(found, 1) if grades.get(key, 0) >= least), 0)
    good = {key for key, g in grades.items() if g >= GOOD}
    best = _gain(sorted(grades.values(), reverse=True)[:TOP])
    return Outcome(
        question,
        tuple(found),
        _gain([grades.get(key, 0) for key in found[:TOP]]) / (best or 1.0),
        1 / first if first else 0.0,
        len(good.intersection(found[:DEPTH])) / len(good) if good else 1.0,
    )


def _gain(grades: Sequence[int]) -> float:
    return sum(g / math.log2(rank + 1) for rank, g in enumerate(grades, 1))


def by_kind(outcomes: Sequence[Outcome]) -> dict[str, Figures]:
    """Figures of every kind of question that was asked, in the order of :data:`KINDS`."""
    found = {kind: Figures.of([o for o in outcomes if o.question.kind == kind]) for kind in KINDS}
    return {kind: figures for kind, figures in found.items() if figures.count}


def compare(before: Sequence[Outcome], after: Sequence[Outcome]) -> list[Change]:
    """The questions whose first ten differ, the greatest change of nDCG first."""
    changes = [Change(b, a) for b, a in zip(before, after, strict=True) if b.found[:TOP] != a.found[:TOP]]
    return sorted(changes, key=lambda c: (-abs(c.after.ndcg - c.before.ndcg), c.before.question.id))
