"""How good search and suggestion are, on judged questions: for the desk, for trials of other weights, for tests.

Questions and judgements are plain files beside the shipped library (``corpus/reference/relevance``). A document is
judged 0 (not what was asked) to 3 (exactly that); what nobody judged counts as 0. Answers are those of the public.

``python -m indexer.relevance`` prints the figures of the shipped library; ``--write`` keeps them as ``figures.json``,
which the tests hold the next change to: run it after the questions, the judgements or the library changed.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import cache
from hashlib import blake2b
from pathlib import Path
from statistics import fmean
from typing import Any

from corpus import indicators, policies, reference
from corpus.access import PUBLIC, visible
from corpus.errors import BadInput
from corpus.model import Indicator, Policy
from corpus.store import Store, now
from indexer import build, settings
from indexer.live import Live, Moment, View
from indexer.search import Query, search_indicators, search_policies
from indexer.settings import Settings
from indexer.suggest import Draft, suggest

FOLDER = reference.FOLDER / "relevance"
FILES = ("queries.tsv", "goals.jsonl", "judgements.tsv")
FIGURES = "figures.json"
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


@cache
def digest(folder: Path = FOLDER) -> str:
    """Names the questions and judgements: figures of others cannot be compared."""
    texts = [(folder / name).read_bytes() if (folder / name).exists() else b"" for name in FILES]
    return blake2b(b"\0".join(texts), digest_size=8).hexdigest()


@cache
def _titles(folder: Path) -> Mapping[str, str]:
    """What the judged indicators are called, by code, as they lie beside the questions."""
    files = (folder.parent / "indicators").rglob("*.tsv")
    return {row["code"]: row["name"] for path in files for row in reference.table(path)}


@dataclass(frozen=True, slots=True)
class Document:
    """A document as the public sees it; ``key`` is what judgements call it, ``why`` says what it was found by."""

    key: str
    id: str
    name: str
    category: str
    place: str
    why: str = ""

    @classmethod
    def of(cls, i: Indicator, folder: Path, why: str = "") -> Document:
        """An indicator. Judged was a title: where the code stands for another one, it is another document."""
        key = i.code if _titles(folder).get(i.code, i.name) == i.name else f"local:{i.code}"
        return cls(key, i.id, i.name, i.category.level2, i.use.use if i.use else i.theme, why)

    @classmethod
    def of_policy(cls, policy: Policy, why: str = "") -> Document:
        return cls(f"policy:{policy.id}", policy.id, policy.title, "政策", policy.number or policy.issuer, why)


def found(store: Store, view: View, question: Question, folder: Path = FOLDER) -> list[Document]:
    """What the public is shown first for a question, at most thirty documents, each with the reason."""
    at = Moment(view)
    if question.kind == GOALS:
        items = suggest(store, at, Draft(question.text, question.goal, limit=DEPTH), PUBLIC).items
        return [Document.of(item.indicator, folder, "；".join(item.why)) for item in items]
    asked = Query(question.text, size=DEPTH)
    if question.kind == "policy":
        passages = search_policies(store, at, asked, PUBLIC).hits
        first = {hit.record.policy.id: hit for hit in reversed(passages)}
        order = dict.fromkeys(hit.record.policy.id for hit in passages)
        return [Document.of_policy(first[id].record.policy, first[id].why) for id in order]
    return [Document.of(hit.record, folder, hit.why) for hit in search_indicators(store, at, asked, PUBLIC).hits]


def documents(store: Store, keys: Iterable[str], folder: Path = FOLDER) -> dict[str, Document]:
    """Those of the documents of these keys that the public library holds, by key."""
    wanted = set(keys)
    ids = sorted(indicators.indicator_id(key.removeprefix("local:")) for key in wanted if not key.startswith("policy:"))
    known = [Document.of(i, folder) for i in indicators.fetch(store, ids, PUBLIC)]
    if any(key.startswith("policy:") for key in wanted):
        known += map(Document.of_policy, policies.everything(store, PUBLIC))
    return {d.key: d for d in known if d.key in wanted}


def present(store: Store, folder: Path = FOLDER) -> float:
    """The share of the documents judged the very thing for some question that the public library holds, 0 to 1."""
    keys = {key for grades in judgements(folder).values() for key, g in grades.items() if g == VERY}
    return len(documents(store, keys, folder)) / len(keys) if keys else 0.0


def answer(store: Store, view: View, question: Question, folder: Path = FOLDER) -> tuple[str, ...]:
    """What the public is shown first for a question: keys of at most thirty documents."""
    return tuple(document.key for document in found(store, view, question, folder))


def measure(store: Store, view: View, asked: Iterable[Question], folder: Path = FOLDER) -> list[Outcome]:
    """Ask every question under the weights of ``view`` and grade the answers."""
    grades = judgements(folder)
    return [grade(question, answer(store, view, question, folder), grades[question.id]) for question in asked]


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


def by_group(outcomes: Sequence[Outcome]) -> dict[str, Figures]:
    """Figures of the queries and of the goals."""
    goals = [o.question.kind == GOALS for o in outcomes]
    return {
        "queries": Figures.of([o for o, goal in zip(outcomes, goals, strict=True) if not goal]),
        "goals": Figures.of([o for o, goal in zip(outcomes, goals, strict=True) if goal]),
    }


# A measurement that is kept


@dataclass(frozen=True, slots=True)
class Report:
    """All questions measured at one moment, and what it holds for.

    ``meaning`` is how many public records had a meaning vector, ``judged`` the digest of the questions, ``present`` the
    share of the very documents that the library held.
    """

    at: str
    generation: str
    meaning: int
    judged: str
    present: float
    weights: Settings
    outcomes: tuple[Outcome, ...]

    @classmethod
    def of(cls, store: Store, view: View, outcomes: Sequence[Outcome], folder: Path = FOLDER) -> Report:
        """What was measured on ``view``."""
        held = present(store, folder)
        return cls(now(), view.generation, _ready(view), digest(folder), held, view.settings, tuple(outcomes))

    @classmethod
    def read(cls, path: Path, folder: Path = FOLDER) -> Report | None:
        """The report of a file; None where there is none or it cannot be read any more."""
        asked = {q.id: q for q in questions(folder)}
        try:
            kept = json.loads(path.read_text(encoding="utf-8"))
            weights = settings.shipped().changed(kept.pop("weights"))
            outcomes = [
                Outcome(asked[row["question"]], tuple(row["found"]), row["ndcg"], row["reciprocal"], row["recall"])
                for row in kept.pop("outcomes")
                if row["question"] in asked
            ]
            return cls(**kept, weights=weights, outcomes=tuple(outcomes))
        except (OSError, ValueError, TypeError, LookupError, AttributeError, BadInput):
            return None

    def write(self, path: Path) -> None:
        """Keep it: written aside and renamed."""
        kept = {name: getattr(self, name) for name in ("at", "generation", "meaning", "judged", "present")}
        rows = [asdict(o) | {"question": o.question.id} for o in self.outcomes]
        text = json.dumps({**kept, "weights": dict(self.weights), "outcomes": rows}, ensure_ascii=False)
        _replace(path, text)

    def outdated(self, view: View, folder: Path = FOLDER) -> list[str]:
        """What has changed since, in words; nothing while the figures hold."""
        reasons = {
            "指标库或词表": self.generation != view.generation,
            "权重": self.weights != view.settings,
            "语义向量": self.meaning != _ready(view),
            "题目或判定": self.judged != digest(folder),
        }
        return [reason for reason, changed in reasons.items() if changed]


def _ready(view: View) -> int:
    return view.meaning.ready(visible(PUBLIC)) if view.meaning else 0


def _replace(path: Path, text: str) -> None:
    aside = path.with_suffix(".new")
    aside.write_text(text, encoding="utf-8")
    aside.replace(path)


# The figures that the tests hold a change to


def shipped(store: Store, live: Live) -> dict[str, Any]:
    """The figures of the shipped weights by words alone, as ``figures.json`` keeps them."""
    view = replace(live.view().weighed(settings.shipped()), meaning=None)
    outcomes = measure(store, view, questions())
    parts = {"groups": by_group(outcomes), "kinds": by_kind(outcomes)}
    return {"judged": digest()} | {name: {k: asdict(f) for k, f in part.items()} for name, part in parts.items()}


def main() -> int:
    """Print the figures of the shipped library, or of a data folder that holds it; keep them when asked."""
    parser = argparse.ArgumentParser(prog="python -m indexer.relevance", description=main.__doc__)
    parser.add_argument("--data", type=Path, help="data folder with a built index (default: build the shipped library)")
    parser.add_argument("--write", action="store_true", help=f"keep the figures in {FOLDER / FIGURES}")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        store = Store.open(arguments.data) if arguments.data else Store.create(Path(folder))
        if not arguments.data:
            reference.load(store)
            build.build(store)
        live = Live(store)
        if (share := present(store)) < 1:
            print(f"This library holds {share:.1%} of the documents judged 3: load the shipped one.", file=sys.stderr)
        figures = shipped(store, live)
        live.close()
        store.close()
    for part in ("groups", "kinds"):
        for name, values in figures[part].items():
            print(f"{name:14}" + "".join(f"{key} {value:<10}" for key, value in values.items()))
    if arguments.write:
        _replace(FOLDER / FIGURES, json.dumps(figures, indent=1) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
