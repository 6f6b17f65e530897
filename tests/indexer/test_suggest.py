"""A draft gets a set that covers the categories, each entry with reasons that are true."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import pytest

from corpus import indicators
from corpus.access import PUBLIC, Actor, visible
from corpus.errors import BadInput
from corpus.model import CATEGORIES, Kind
from corpus.store import Store
from indexer import query
from indexer.candidates import ALIKE, REQUIRED
from indexer.live import Live, Moment
from indexer.suggest import Coverage, Draft, Suggestions, suggest

Library = tuple[Store, Live]
ROADS = Draft(
    "农村公路养护项目", "养护农村公路120公里，养护工程验收合格率达到95%，沿线群众满意度90%以上，按时完成养护任务"
)


def ask(library: Library, draft: Draft, actor: Actor = PUBLIC) -> Suggestions:
    return suggest(*library, draft, actor)


def codes(found: Suggestions) -> list[str]:
    return [item.indicator.code for item in found.items]


def test_the_use_is_inferred_and_the_nearest_come_first(library: Library) -> None:
    found = ask(library, ROADS)
    assert (found.uses[0].use.use, codes(found)[0]) == ("农村公路养护", "2100001")
    assert [u.confidence for u in found.uses] == sorted((u.confidence for u in found.uses), reverse=True)
    assert [u for u in found.uses if not 0 <= u.confidence <= 1] == []
    assert found.uses[0].confidence > 0.5


def test_every_required_category_is_covered(library: Library) -> None:
    """The library has a fitting record in each of them."""
    found = ask(library, ROADS)
    have = Counter(item.indicator.category.level2 for item in found.items)
    assert set(REQUIRED) - set(have) == set()
    assert found.coverage == tuple(Coverage(c, 0, have[c.level2], c.level2 in REQUIRED) for c in CATEGORIES)
    assert len(found.missing) == len(REQUIRED)


@pytest.mark.parametrize("limit", [1, 2, 5, 10, 60])
def test_the_limit_is_kept_and_no_entry_comes_twice(library: Library, limit: int) -> None:
    found = ask(library, Draft(ROADS.project, ROADS.goal, limit=limit))
    assert len(found.items) <= limit
    assert len(set(codes(found))) == len(found.items)
    scores = [item.score for item in found.items]
    assert scores == sorted(scores, reverse=True)
    if limit <= 5:
        assert len(found.items) == limit


def test_what_was_chosen_is_not_offered_again_and_counts(library: Library) -> None:
    store, _ = library
    chosen = [indicators.get(store, code, PUBLIC) for code in ("2100001", "4100001")]
    before = ask(library, ROADS)
    after = ask(library, Draft(ROADS.project, ROADS.goal, chosen=tuple(i.id for i in chosen)))
    assert ({"2100001", "4100001"} <= set(codes(before)), {"2100001", "4100001"} & set(codes(after))) == (True, set())
    assert {c.category.short: c.chosen for c in after.coverage if c.chosen} == {"数量": 1, "满意度": 1}
    assert sorted(set(before.missing) - set(after.missing)) == ["还没有数量指标。", "还没有服务对象满意度指标。"]
    # Neither are those that say nearly the same.
    from rapidfuzz import fuzz

    alike = [i.indicator.name for i in after.items for c in chosen if fuzz.ratio(i.indicator.name, c.name) >= ALIKE]
    assert alike == []


def test_chosen_ones_that_the_actor_may_not_see_count_as_none(library: Library, cast: Any) -> None:
    hidden = indicators.get(library[0], "2190001", cast.reviewer)
    draft = Draft(ROADS.project, ROADS.goal, chosen=(hidden.id, "no such"))
    assert ask(library, draft) == ask(library, ROADS)
    assert {c.category.short: c.chosen for c in ask(library, draft, cast.roads).coverage if c.chosen} == {"数量": 1}


@pytest.mark.parametrize(
    ("draft", "common"),
    [
        (Draft("干部培训项目", "培训200人"), {"2100007", "2200004", "4100003"}),
        (Draft("办公楼修缮工程", "修缮办公楼，工程验收合格"), {"2200005"}),
    ],
)
def test_common_indicators_follow_the_kind_of_project(library: Library, draft: Draft, common: set[str]) -> None:
    found = {item.indicator.code: item for item in ask(library, draft).items}
    assert common - set(found) == set()
    assert [c for c in common if not any(w.startswith("共性指标：“") for w in found[c].why)] == []
    assert common & set(codes(ask(library, Draft("治安防控", "巡逻1000次")))) == set()


def test_figures_of_the_goal_are_offered_as_values(library: Library) -> None:
    found = {item.indicator.code: item for item in ask(library, ROADS).items}
    assert "目标中的“120公里”可作为指标值" in found["2100001"].why
    without = {i.indicator.code: i for i in ask(library, Draft(ROADS.project, ROADS.goal.replace("120公里", ""))).items}
    assert [w for w in without["2100001"].why if "可作为指标值" in w] == []
    assert without["2100001"].score < found["2100001"].score


@pytest.mark.parametrize("code", ["2100001", "2200001", "4100001", "2300001"])
def test_the_words_named_are_why_it_is_there(
    store: Store, live: Live, rows: dict[str, dict[str, str]], put_rows: Callable[..., None], code: str
) -> None:
    """Take the words that the reason names out of the record, and its score and rank fall."""
    before = suggest(store, live, ROADS, PUBLIC)
    item = before.items[codes(before).index(code)]
    words = [w for clause in item.why if "含“" in clause for w in re.findall("“(.+?)”", clause)]
    assert words != []
    cells = dict(rows[code])
    for field in ("name", "definition", "keywords", "evidence", "formula"):
        for word in words:
            cells[field] = cells.get(field, "").replace(word, "某某")
    assert cells != rows[code]
    put_rows(store, cells)
    after = suggest(store, live, ROADS, PUBLIC)
    later = {i.indicator.code: i.score for i in after.items}
    assert later.get(code, 0.0) < item.score
    ranks = [codes(found).index(code) if code in codes(found) else 99 for found in (before, after)]
    assert ranks[1] > ranks[0]


def test_every_reason_names_words_that_stand_in_the_record(library: Library) -> None:
    fields = {"名称": "name", "关键词": "keywords", "指标类别": "level2"}
    checked = 0
    for item in ask(library, ROADS).items:
        record = item.indicator.as_json()
        for clause in "；".join(item.why).split("；"):
            named = re.match("(名称|关键词|指标类别|分类|解释或数据来源)含(.+)", clause)
            if not named or "（" in clause:
                continue
            if named[1] == "分类":
                text = f"{record['use']}{record['industry']}{record['domain']}{record['theme']}"
            elif named[1] == "解释或数据来源":
                text = f"{record['definition']}{record['formula']}{record['evidence']}"
            else:
                text = str(record[fields[named[1]]])
            assert [w for w in re.findall("“(.+?)”", named[2]) if w not in text] == []
            checked += 1
    assert checked >= 6


NAMED = re.compile("“([^”]+)”(?:（“([^”]+)”的[^）]*）)?")


@pytest.mark.parametrize(
    "draft",
    [
        ROADS,
        Draft("干部培训项目", "培训200人，考试通过率95%"),
        Draft("办公楼修缮工程", "修缮办公楼，工程验收合格"),
        Draft("农路修修补补", "开展轮训，验收达标率95%，农路120公里"),
        Draft("高标准农田建设项目（某县农业农村局2024年）", "建成高标准农田2万亩，受益农户满意，粮食增产"),
        Draft("治安防控", "街面巡逻1000次，刑事案件下降5%"),
    ],
    ids=lambda draft: draft.project,
)
def test_without_the_word_that_a_reason_names_the_words_say_less_for_it(library: Library, draft: Draft) -> None:
    """Taken out of the draft: the word itself or, where a synonym is named, what was written for it.

    Scores are shares of the best record's points, so points are compared; and no record that does not name the word
    is passed by one that does.
    """

    def points(asked: Draft, ids: Sequence[str]) -> dict[str, float]:
        view = library[1].view()
        plan = query.draft([*query.project_parts(asked.project), (asked.goal, 1.0)], view.words)
        explained = view.engine("indicators", visible(PUBLIC)).explain(plan, ids)
        return {id: sum(part.score for part in parts) for id, parts in zip(ids, explained, strict=True)}

    items = ask(library, replace(draft, limit=60)).items
    ids = [item.indicator.id for item in items]
    words = {
        item.indicator.id: {own: typed or own for clause in item.why if "含“" in clause
                            for own, typed in NAMED.findall(clause)}
        for item in items
    }  # fmt: skip
    before = points(draft, ids)
    assert sum(map(len, words.values())) >= 6
    for typed in sorted({typed for named in words.values() for typed in named.values()}):
        less = replace(draft, project=draft.project.replace(typed, "，"), goal=draft.goal.replace(typed, "，"))
        assert less != draft
        after = points(less, ids)
        holding = {id for id in ids if typed in words[id].values()}
        assert [id for id in holding if not after[id] < before[id]] == []
        untouched = [id for id in ids if after[id] >= before[id]]
        assert [
            (id, other)
            for id in holding
            for other in untouched
            if before[id] <= before[other] and after[id] > after[other]
        ] == []


@pytest.mark.parametrize("draft", [Draft(), Draft("", " \n"), Draft("！！", "的")])
def test_an_empty_draft_gets_an_empty_set(library: Library, draft: Draft) -> None:
    found = ask(library, draft)
    assert (found.uses, found.items, found.policies, len(found.missing)) == ((), (), (), len(REQUIRED))
    assert found.coverage == tuple(Coverage(c, 0, 0, c.level2 in REQUIRED) for c in CATEGORIES)


def test_a_picked_use_is_sure(library: Library) -> None:
    found = ask(library, Draft("", "", use="高标准农田建设"))
    assert [(u.use.use, u.confidence) for u in found.uses] == [("高标准农田建设", 1.0)]
    specific = [i.indicator for i in found.items if i.indicator.kind is Kind.SPECIFIC]
    assert {i.use.use for i in specific if i.use} == {"高标准农田建设"}
    assert {"2100005", "2200003", "4100002"} <= {i.code for i in specific}


@pytest.mark.parametrize(
    ("draft", "field"),
    [
        (Draft(project="路" * 201), "project"),
        (Draft(goal="路" * 5001), "goal"),
        (Draft(goal="路" * 100_000), "goal"),
        (Draft(chosen=("x",) * 201), "chosen"),
        (Draft(limit=0), "limit"),
        (Draft(limit=61), "limit"),
        (Draft("公路", use="没有这个用途"), "use"),
    ],
)
def test_bad_input_names_its_field(library: Library, draft: Draft, field: str) -> None:
    with pytest.raises(BadInput) as caught:
        ask(library, draft)
    assert (caught.value.field, caught.value.status) == (field, 400)


def test_the_longest_draft_is_answered(library: Library) -> None:
    goal = ("养护农村公路120公里，" * 500)[:5000]
    assert "2100001" in codes(ask(library, Draft("路" * 200, goal, chosen=("x",) * 200, limit=60)))


def test_restricted_ones_for_those_who_may_see_them(library: Library, cast: Any) -> None:
    draft = Draft("战备公路", "开展蓝盾战备演练4架次")
    found = {name: "2190001" in codes(ask(library, draft, getattr(cast, name)))
             for name in ("public", "auditor", "police", "roads", "reviewer")}  # fmt: skip
    assert found == {"public": False, "auditor": False, "police": False, "roads": True, "reviewer": True}


def test_an_answer_as_json(library: Library) -> None:
    found = ask(library, ROADS)
    made: Any = found.as_json()
    assert set(made) == {"uses", "items", "coverage", "missing", "policies", "generation"}
    assert (list(made["coverage"]), made["generation"]) == (
        [c.level2 for c in CATEGORIES], library[1].view().generation,
    )  # fmt: skip
    for item, suggested in zip(made["items"], found.items, strict=True):
        record = suggested.indicator.as_json()
        said = {"score": suggested.score, "why": list(suggested.why), "value": suggested.value}
        assert item == {k: record[k] for k in item if k in record} | said
        assert {"id", "code", "name", "use", "operator", "unit", "reference", "visibility"} <= set(item)
    assert [p["citation"] for p in made["policies"]] == [f.citation for f in found.policies]
    assert len(found.policies) > 0


def test_what_became_restricted_since_a_view_was_taken_is_not_shown_on_it(
    store: Store, live: Live, rows: dict[str, dict[str, str]], put_rows: Any, cast: Any
) -> None:
    """The index of a moment proposes; the store has the last word on who sees it."""
    held = Moment(live.view())
    before = {i.indicator.code for i in suggest(store, held, ROADS, cast.public).items}
    assert "2100003" in before
    put_rows(store, {**rows["2100003"], "visibility": "不公开", "restricted_reason": "涉密"})
    assert {i.indicator.code for i in suggest(store, held, ROADS, cast.public).items} == before - {"2100003"}
