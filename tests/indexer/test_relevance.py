"""Figures against hand-computed values, questions and reports, other weights, and the gate of the shipped library."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from corpus import indicators, policies, reference
from corpus.access import PUBLIC
from corpus.model import Visibility
from corpus.store import Store
from indexer import build, relevance, search, settings
from indexer.live import Live
from indexer.relevance import Change, Document, Figures, Outcome, Question, Report
from indexer.search import Query

# How far the shipped figures may fall before somebody has to look at it.
SLACK = 0.01
SHORT, EXACT = Question("Q1", "short", "公路"), Question("Q2", "exact", "公路")
GOAL = Question("G1", relevance.GOALS, "农村公路养护", "养护农村公路120公里，群众满意。")
# Weights under which what a record says counts for more than its name.
OTHER = {"fields.name": 0.0, "fields.chars": 0.0, "fields.body": 20.0}
BODY = settings.shipped().changed(OTHER)
QUERIES = "id\tkind\tquery\tintent\tpart\n"
JUDGED = "question\tdocument\tfirst\tsecond\tthird\tgrade\n"


def outcome(question: Question, *found: str, ndcg: float = 0.0) -> Outcome:
    return Outcome(question, found, ndcg, 0.0, 0.0)


@pytest.fixture
def tiny(tmp_path: Path) -> Path:
    """Questions about the small library; one thing judged is restricted, one is not there, one question unjudged."""
    folder = tmp_path / "questions" / "relevance"
    folder.mkdir(parents=True)
    rows = (
        "Q1\tshort\t农村公路\t农村公路\ttune\n",
        "Q2\texact\t桥梁检测座数\t就是它\ttune\n",
        "Q3\texact\t没人判\t\ttune\n",
    )
    (folder / "queries.tsv").write_text(QUERIES + "".join(rows), encoding="utf-8")
    goal = {"id": "G1", "project": GOAL.text, "goal": GOAL.goal}
    (folder / "goals.jsonl").write_text(json.dumps(goal, ensure_ascii=False) + "\n", encoding="utf-8")
    grades = {
        "Q1": {"2100001": 3, "2100002": 3, "2190001": 3, "2109999": 2},
        "Q2": {"2100003": 3},
        "G1": {"2100001": 3, "4100001": 2, "3400001": 1},
    }
    lines = [f"{q}\t{d}\t{g}\t{g}\t\t{g}\n" for q, found in grades.items() for d, g in found.items()]
    (folder / "judgements.tsv").write_text(JUDGED + "".join(lines), encoding="utf-8")
    return folder


# Figures


def test_figures_of_an_answer_by_hand() -> None:
    grades = {"a": 3, "b": 2, "c": 1, "d": 0}
    # gained 2/log2(3) + 3/log2(4), best 3 + 2/log2(3) + 1/log2(4)
    ndcg = pytest.approx((1.2618595 + 1.5) / (3 + 1.2618595 + 0.5))
    assert relevance.grade(SHORT, ["x", "b", "a"], grades) == Outcome(SHORT, ("x", "b", "a"), ndcg, 1 / 2, 1.0)
    assert relevance.grade(EXACT, ["x", "b", "a"], grades) == Outcome(EXACT, ("x", "b", "a"), ndcg, 1 / 3, 1.0)
    assert relevance.grade(SHORT, ["d", "a"], grades) == Outcome(
        SHORT, ("d", "a"), pytest.approx(3 / 1.5849625 / 4.7618595), 1 / 2, 0.5
    )
    assert relevance.grade(SHORT, [], grades) == Outcome(SHORT, (), 0.0, 0.0, 0.0)


def test_depths() -> None:
    found = [*(f"x{n}" for n in range(10)), "a", *(f"y{n}" for n in range(19)), "b"]
    assert relevance.grade(SHORT, found, {"a": 3, "b": 3}) == Outcome(SHORT, tuple(found), 0.0, 1 / 11, 0.5)


def test_where_nothing_is_the_very_thing_a_good_one_will_do() -> None:
    assert relevance.grade(EXACT, ["x", "b"], {"b": 2}).reciprocal == 1 / 2
    assert relevance.grade(SHORT, ["x"], {"x": 0}) == Outcome(SHORT, ("x",), 0.0, 0.0, 1.0)


@pytest.mark.parametrize("grades", [{"a": 3, "b": 2, "c": 1}, {"a": 1, "x": 0, "b": 3, "z": 2}, {"q": 2, "r": 2}])
def test_figures_are_those_of_another_implementation(grades: Mapping[str, int]) -> None:
    ir_measures = pytest.importorskip("ir_measures")
    found = ["x", "b", "q", "a", *(f"n{n}" for n in range(20)), "c", "r"]
    wanted = [ir_measures.nDCG @ 10, ir_measures.RR(rel=2), ir_measures.R(rel=2) @ 30]
    run = {"Q1": {key: -float(rank) for rank, key in enumerate(found)}}
    values = ir_measures.calc_aggregate(wanted, {"Q1": dict(grades)}, run)
    ours = relevance.grade(SHORT, found, grades)
    assert [ours.ndcg, ours.reciprocal, ours.recall] == pytest.approx([values[m] for m in wanted])


def test_means() -> None:
    outcomes = [
        Outcome(SHORT, (), 0.5, 1.0, 0.25),
        Outcome(EXACT, (), 1.0, 0.5, 0.75),
        Outcome(GOAL, (), 0.0, 0.0, 0.0),
    ]
    short, exact, goal = Figures(1, 0.5, 1.0, 0.25), Figures(1, 1.0, 0.5, 0.75), Figures(1, 0.0, 0.0, 0.0)
    assert list(relevance.by_kind(outcomes).items()) == [("exact", exact), ("short", short), ("goal", goal)]
    assert relevance.by_group(outcomes) == {"queries": Figures(2, 0.75, 0.75, 0.5), "goals": goal}
    assert Figures.of([]) == Figures(0, 0.0, 0.0, 0.0)


def test_compare_puts_the_greatest_change_first_and_leaves_out_what_lies_deeper() -> None:
    top = [f"d{n}" for n in range(10)]
    pairs = [
        (outcome(SHORT, "a", "b", ndcg=0.5), outcome(SHORT, "b", "c", ndcg=0.6)),
        (outcome(EXACT, "a", ndcg=0.9), outcome(EXACT, ndcg=0.1)),
        (outcome(GOAL, *top, "x"), outcome(GOAL, *top, "y")),
    ]
    found = relevance.compare([b for b, _ in pairs], [a for _, a in pairs])
    assert found == [Change(*pairs[1]), Change(*pairs[0])]
    assert [(c.gained, c.lost) for c in found] == [((), ("a",)), (("c",), ("a",))]


# Questions and answers


def test_questions_are_those_that_somebody_judged(tiny: Path) -> None:
    assert relevance.questions(tiny) == (
        Question("Q1", "short", "农村公路", "", "农村公路"),
        Question("Q2", "exact", "桥梁检测座数", "", "就是它"),
        GOAL,
    )


def test_shipped_questions_are_sound() -> None:
    asked = relevance.questions()
    assert len({q.id for q in asked}) == len(asked) > 300
    assert {q.kind for q in asked} == set(relevance.KINDS)
    grades = {g for found in relevance.judgements().values() for g in found.values()}
    assert grades <= {0, 1, 2, 3}


def test_answers_are_those_of_the_public(library: tuple[Store, Live], tiny: Path) -> None:
    store, live = library
    first, second, goal = (relevance.found(store, live.view(), q, tiny) for q in relevance.questions(tiny))
    keys = {d.key for d in first}
    assert {"2100001", "2100002"} <= keys
    restricted = {i.code for i in indicators.active(store, "full") if i.visibility is Visibility.RESTRICTED}
    assert len(restricted) == 4
    assert restricted.isdisjoint(keys | {d.key for d in goal})
    record = indicators.get(store, "2100003", PUBLIC)
    assert replace(second[0], why="") == Document("2100003", record.id, "桥梁检测座数", "数量指标", "农村公路养护")
    assert second[0].why


def test_documents_that_the_public_may_see(library: tuple[Store, Live], tiny: Path) -> None:
    store, _ = library
    asked = ["2100003", "2190001", "2109999", "policy:none"]
    assert list(relevance.documents(store, asked, tiny)) == ["2100003"]
    shelf = relevance.documents(store, [f"policy:{p.id}" for p in policies.everything(store, PUBLIC)], tiny)
    assert [(d.name, d.category) for d in shelf.values()] == [("某州农村公路养护管理办法", "政策")]
    # Judged 3 are four documents, of which one is restricted.
    assert relevance.present(store, tiny) == 3 / 4


def test_a_code_that_stands_for_something_else_was_not_judged(library: tuple[Store, Live], tiny: Path) -> None:
    """The judged library called 2100003 otherwise."""
    store, live = library
    (tiny.parent / "indicators").mkdir()
    (tiny.parent / "indicators" / "x.tsv").write_text("code\tname\n2100003\t别的座数\n", encoding="utf-8")
    question = relevance.questions(tiny)[1]
    found = relevance.answer(store, live.view(), question, tiny)
    assert found[0] == "local:2100003"
    assert relevance.measure(store, live.view(), [question], tiny)[0].ndcg == 0.0
    assert relevance.documents(store, ["2100003", "local:2100003"], tiny)["local:2100003"].name == "桥梁检测座数"
    assert relevance.present(store, tiny) == 2 / 4


def test_weights_change_what_is_measured(library: tuple[Store, Live], tiny: Path) -> None:
    store, live = library
    view, asked = live.view(), relevance.questions(tiny)
    before = relevance.measure(store, view, asked, tiny)
    assert relevance.compare(before, relevance.measure(store, view, asked, tiny)) == []
    changes = relevance.compare(before, relevance.measure(store, view.weighed(BODY), asked, tiny))
    assert {c.before.question.id for c in changes} == {"Q1", "G1"}


# Reports


def test_a_report_is_kept_and_says_what_it_holds_for(library: tuple[Store, Live], tiny: Path, tmp_path: Path) -> None:
    store, live = library
    view = live.view()
    report = Report.of(store, view, relevance.measure(store, view, relevance.questions(tiny), tiny), tiny)
    path = tmp_path / "relevance.json"
    report.write(path)
    assert Report.read(path, tiny) == report
    assert [p.name for p in tmp_path.glob("relevance*")] == ["relevance.json"]
    assert report.outdated(view, tiny) == []
    other = replace(view.weighed(view.settings.changed({"fields.name": 9})), generation="x")
    assert report.outdated(other, tiny) == ["指标库或词表", "权重"]
    assert report.outdated(view) == ["题目或判定"]
    assert "蓝盾" not in path.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", '{"weights": {"fields.luck": 1}}', '{"weights": {}, "outcomes": [1]}']
)
def test_a_report_that_cannot_be_read_is_none(tiny: Path, tmp_path: Path, text: str) -> None:
    (tmp_path / "relevance.json").write_text(text, encoding="utf-8")
    assert Report.read(tmp_path / "relevance.json", tiny) is None
    assert Report.read(tmp_path / "missing.json", tiny) is None


# Weights that serve


def codes(store: Store, live: Live, text: str) -> list[str]:
    return [hit.record.code for hit in search.search_indicators(store, live, Query(text), PUBLIC).hits]


def test_weights_saved_by_another_process_serve_with_the_next_answer(store: Store, live: Live) -> None:
    assert codes(store, live, "群众") == ["4100001", "3200001"]
    script = (
        "import json, sys; from pathlib import Path; from indexer import settings; "
        "settings.save(Path(sys.argv[1]), settings.shipped().changed(json.loads(sys.argv[2])))"
    )
    subprocess.run([sys.executable, "-W", "ignore", "-c", script, str(store.folder), json.dumps(OTHER)], check=True)
    assert live.view().settings == BODY
    assert live.view() is live.view()
    assert codes(store, live, "群众") == ["3200001", "4100001"]
    settings.save(store.folder, settings.shipped())
    assert codes(store, live, "群众") == ["4100001", "3200001"]


def test_weights_hold_for_changed_records_and_for_new_generations(
    store: Store, live: Live, rows: dict[str, dict[str, str]], put_rows: Callable[..., None]
) -> None:
    live.view()
    settings.save(store.folder, settings.shipped().changed({"query.part": 0}))
    put_rows(store, {**rows["2100003"], "name": "涵洞座数"})
    assert (live.view().settings.query.part, live.view().pending) == (0.0, 1)
    build.build(store)
    assert (live.view().settings.query.part, live.view().pending) == (0.0, 0)


def test_a_file_damaged_while_we_serve_leaves_the_weights_that_serve(store: Store, live: Live) -> None:
    settings.save(store.folder, settings.shipped().changed({"query.part": 0}))
    live.view()
    (store.folder / "settings.toml").write_text("[query\n", encoding="utf-8")
    assert live.view().settings.query.part == 0.0
    (store.folder / "settings.toml").unlink()
    assert live.view().settings == settings.shipped()


# The gate


@pytest.fixture(scope="module")
def shipped(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Any]]:
    """The figures of the whole shipped library under the shipped weights."""
    store = Store.create(tmp_path_factory.mktemp("shipped"))
    reference.load(store)
    build.build(store)
    live = Live(store)
    yield relevance.shipped(store, live) | {"present": relevance.present(store)}
    live.close()
    store.close()


def test_search_and_suggestion_are_as_good_as_they_were(shipped: dict[str, Any]) -> None:
    """After a change that is meant to be, or of the questions: ``python -m indexer.relevance --write``."""
    kept = json.loads((relevance.FOLDER / relevance.FIGURES).read_text(encoding="utf-8"))
    assert kept["judged"] == shipped["judged"], "other questions or judgements: python -m indexer.relevance --write"
    fell = [
        f"{kind} {was['ndcg']:.4f} -> {shipped['kinds'][kind]['ndcg']:.4f}"
        for kind, was in kept["kinds"].items()
        if shipped["kinds"][kind]["ndcg"] < was["ndcg"] - SLACK
    ]
    print("kinds that fell:", *(fell or ["none"]), sep="\n  ")
    worse = {
        group: (was["ndcg"], shipped["groups"][group]["ndcg"])
        for group, was in kept["groups"].items()
        if shipped["groups"][group]["ndcg"] < was["ndcg"] - SLACK
    }
    assert (worse, fell if worse else []) == ({}, [])


def test_everything_judged_the_very_thing_is_in_the_shipped_library(shipped: dict[str, Any]) -> None:
    assert shipped["present"] == 1.0
