"""The figures as one structure, and the structure as tables."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from bench.relevance import measures
from bench.relevance.contenders import Ours
from bench.relevance.library import Document, Library
from bench.relevance.questions import Question, Set
from bench.relevance.race import Lane

QUERY_COLUMNS = ("nDCG@10", "P@10", "RR", "R@10", "R@30", "judged")
GOAL_COLUMNS = ("nDCG@10", "P@10", "RR", "R@30", "judged")
TIMES = ("p50", "p95")


def collect(known: Set, lanes: Sequence[Lane], library: Library, skipped: Mapping[str, str]) -> dict[str, Any]:
    """Everything that was measured, fit for JSON."""
    documents = {d.key: d for d in library.documents}
    queries, goals = known.of(goals=False), known.of(goals=True)
    kinds = list(dict.fromkeys(q.kind for q in queries))
    result: dict[str, Any] = {
        "documents": len(documents),
        "questions": {"queries": len(queries), "goals": len(goals)},
        "judged": sum(bool(known.grades.get(q.id)) for q in known.questions),
        "kinds": {kind: sum(q.kind == kind for q in queries) for kind in kinds},
        "notes": list(known.notes),
        "skipped": dict(skipped),
        "contenders": {},
    }
    for lane in lanes:
        rows = measures.graded(known, lane)
        of_queries = _of(rows, queries)
        row: dict[str, Any] = {
            "build_seconds": lane.built,
            "queries": {name: measures.mean(of_queries, name) for name in QUERY_COLUMNS}
            | measures.latency(lane, queries),
            "kinds": {
                kind: {
                    name: measures.mean(_of(rows, [q for q in queries if q.kind == kind]), name)
                    for name in ("RR", "nDCG@10")
                }
                for kind in kinds
            },
            "goals": _goals(known, lane, goals, rows, documents),
            "questions": {
                id: found | {"ms": lane.times[id], "found": lane.answers[id][:10]} for id, found in rows.items()
            },
        }
        result["contenders"][lane.contender.name] = row
    return result


def _of(rows: Mapping[str, Mapping[str, float]], questions: Sequence[Question]) -> list[Mapping[str, float]]:
    return [rows[q.id] for q in questions if q.id in rows]


def _goals(
    known: Set,
    lane: Lane,
    goals: Sequence[Question],
    rows: Mapping[str, Mapping[str, float]],
    documents: Mapping[str, Document],
) -> dict[str, float | None]:
    found = {name: measures.mean(_of(rows, goals), name) for name in GOAL_COLUMNS}
    found["categories"] = measures.covered(lane, goals, documents)
    found["real"], found["real possible"] = measures.reached(known, lane, goals)
    found["use@1"] = found["use@3"] = None
    if isinstance(lane.contender, Ours):
        found["use@1"], found["use@3"] = measures.uses_right(known, goals, lane.contender.uses)
    return found | measures.latency(lane, goals)


def show(result: Mapping[str, Any]) -> None:
    """Print the tables."""
    asked, contenders = result["questions"], result["contenders"]
    print(f"{result['documents']} public documents; {asked['queries']} queries, {asked['goals']} goals, "
          f"{result['judged']} questions judged")  # fmt: skip
    for note in result["notes"]:
        print(f"note: {note}")
    for name, why in result["skipped"].items():
        print(f"skipped: {name}, {why}")
    if asked["queries"]:
        _block("Queries", contenders, "queries", (*QUERY_COLUMNS, *TIMES), build=True)
        for name in ("RR", "nDCG@10"):
            kinds = result["kinds"]
            print(f"\n{name} by kind of query (number of queries below)")
            _line("", kinds, kinds)
            _line("", kinds, [str(number) for number in kinds.values()])
            for contender, row in contenders.items():
                _line(contender, kinds, [_number(row["kinds"][kind][name], "") for kind in kinds])
    if asked["goals"]:
        columns = (*GOAL_COLUMNS, "categories", "real", "real possible", "use@1", "use@3", *TIMES)
        _block("Goals", contenders, "goals", columns, build=not asked["queries"])


def _block(title: str, contenders: Mapping[str, Any], part: str, columns: Sequence[str], *, build: bool) -> None:
    print(f"\n{title} (p50, p95 in ms" + (", build in s)" if build else ")"))
    columns = [*columns, "build"] if build else columns
    _line("", columns, columns)
    for name, row in contenders.items():
        values = row[part] | {"build": row["build_seconds"]}
        _line(name, columns, [_number(values[column], column) for column in columns])


def _number(value: float | None, column: str) -> str:
    if value is None:
        return "-"
    return f"{value:.1f}" if column in (*TIMES, "build") else f"{value:.3f}"


def _line(name: str, heads: Iterable[str], cells: Iterable[str]) -> None:
    """A row whose columns are as wide as their heads need."""
    row = "".join(f"{cell:>{max(7, len(head)) + 2}}" for head, cell in zip(heads, cells, strict=True))
    print(f"{name:23}{row}")


def worst(known: Set, lane: Lane, documents: Mapping[str, Document], count: int) -> None:
    """Print the questions that were answered worst, what stood in the first ten, and what should have."""
    rows = measures.graded(known, lane)
    by_id = {q.id: q for q in known.questions}
    bad = sorted((row.get("nDCG@10", 1.0), row.get("RR", 1.0), id) for id, row in rows.items())[:count]
    for ndcg, rr, id in bad:
        question, grades, top = by_id[id], known.grades[id], lane.answers[id][:10]
        print(f"\n{id} [{question.kind}] {' | '.join(question.text.split(chr(10)))[:120]}")
        print(f"  nDCG@10 {ndcg:.3f}  RR {rr:.3f}" + (f"  {question.intent}" if question.intent else ""))
        for rank, key in enumerate(top, 1):
            print(f"  {rank:3} {_described(key, grades, documents)}")
        missed = sorted((-grade, key) for key, grade in grades.items() if grade >= 2 and key not in top)
        for _, key in missed[:3]:
            print(f"    - {_described(key, grades, documents)}")


def _described(key: str, grades: Mapping[str, int], documents: Mapping[str, Document]) -> str:
    d = documents.get(key)
    name = d.texts["name"] if d else "(no public document)"
    # Han characters fill two columns.
    wide = sum(unicodedata.east_asian_width(c) in "WF" for c in name)
    return f"[{grades.get(key, '?')}] {key:20} {name}{' ' * max(1, 44 - len(name) - wide)}{d.place if d else ''}"
