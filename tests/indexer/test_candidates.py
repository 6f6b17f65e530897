"""What speaks for a candidate counts in its score, and the set covers the categories without look-alikes."""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
from rapidfuzz import fuzz

from corpus import choices, indicators
from corpus.access import PUBLIC, Actor, Clearance, Role
from corpus.indicators import indicator_id
from corpus.model import CATEGORIES, Indicator, Kind, Operator, Status, Use, Visibility, category
from corpus.store import Store
from indexer import build, candidates, meaning, query
from indexer.candidates import (
    ALIKE,
    BALANCED,
    EVIDENCE,
    GENERAL_ROOM,
    NEAR,
    REQUIRED,
    SHAPE,
    SURE,
    THEME_ROOM,
    WIDELY,
    Candidates,
    Pool,
    infer,
    of_draft,
)  # fmt: skip
from indexer.live import Live, Moment, View
from indexer.register import Named
from indexer.suggest import Draft, suggest
from tests.indexer.subjects import Subjects

PutRows = Callable[..., None]
Rows = dict[str, dict[str, str]]
ROADS = Draft(
    "农村公路养护项目",
    "养护农村公路120公里，养护工程验收合格率达到95%，沿线群众满意度90%以上，按时完成养护任务",
    limit=60,
)
REPAIR = Draft("办公楼修缮工程", "修缮办公楼，工程验收合格", limit=60)
COURSE = Draft("干部培训项目", "培训200人", limit=60)
ADMIN = Actor("财政管理员", Role.ADMIN, "州财政局", Clearance.ALL)
PEOPLE = [Actor(f"第{n}位经办", Role.DEPARTMENT, "州交通运输局", Clearance.OWN) for n in range(9)]
# What any project may hold; the small library has none of it.
ANYWHERE = {
    "code": "4100010", "name": "受益群众满意度", "level2": "满意度", "operator": "≥", "reference": "90", "unit": "%",
    "visibility": "公开", "kind": "共性", "owner": "州财政局", "theme": "通用", "definition": "受访者的看法",
}  # fmt: skip


@pytest.fixture
def meant(store: Store) -> Iterator[Live]:
    """The index of the writable copy with vectors."""
    model = Subjects()
    meaning.fill(store, model)
    live = Live(store, model)
    yield live
    live.close()


def under(live: Live, **weights: float) -> Moment:
    """The present moment with some of the weights of suggestion changed."""
    view = live.view()
    return Moment(view.weighed(view.settings.changed({f"suggest.{name}": value for name, value in weights.items()})))


class Candidate(NamedTuple):
    """One of the candidates as a whole; they sort as the best first, equal ones by code."""

    minus: float
    code: str
    indicator: Indicator
    lexical: float
    core: bool = False
    why: tuple[str, ...] = ()
    value: str = ""

    @property
    def score(self) -> float:
        return -self.minus


def ranked(store: Store, view: View, draft: Draft, actor: Actor = PUBLIC) -> list[Candidate]:
    """All candidates of a draft, as a suggestion sees them before it picks."""
    project = query.matter(draft.project)
    plan = query.draft([*query.project_parts(draft.project), (draft.goal, 1.0)], view.words)
    pool = Pool(store, view, actor, plan, f"{project}：{draft.goal}")
    found = of_draft(pool, infer(pool), project, draft.goal)
    numbers = found.numbers.tolist()
    named = [found.named[n] for n in numbers]
    read = indicators.fetch(store, [one.id for one in named], actor)
    assert [(i.id, i.code, i.name) for i in read] == named
    columns = (column.tolist() for column in (found.minus, found.lexical, found.core))
    reasons = [why for _, _, why in found.at(range(len(numbers)))]
    return [
        Candidate(minus, i.code, i, lexical, core, why, found.values.get(n, ""))
        for n, i, why, minus, lexical, core in zip(numbers, read, reasons, *columns, strict=True)
    ]


def cover(cards: Sequence[Candidate], chosen: Sequence[Indicator], limit: int) -> list[Candidate]:
    """What is picked of cards, which are numbered backwards: no number is the place that it has."""
    numbers = [len(cards) - place for place in range(len(cards))]
    named = {n: Named(c.indicator.id, c.code, c.indicator.name) for n, c in zip(numbers, cards, strict=True)}
    found = Candidates(
        np.array(numbers, np.int64), np.array([c.minus for c in cards]), np.array([c.lexical for c in cards]),
        np.array([c.core for c in cards], np.bool_), np.zeros(len(cards), np.int32),
        np.array([CATEGORIES.index(c.indicator.category) for c in cards], np.int8),
        np.array([c.indicator.kind is Kind.COMMON for c in cards], np.bool_), named, ({}, {}), {},
    )  # fmt: skip
    return [cards[place] for place in candidates.cover(found, chosen, limit)]


def pool(store: Store, view: View, draft: Draft) -> Pool:
    plan = query.draft([*query.project_parts(draft.project), (draft.goal, 1.0)], view.words)
    return Pool(store, view, PUBLIC, plan, f"{draft.project}：{draft.goal}")


def scores(found: Sequence[Candidate]) -> dict[str, float]:
    return {c.indicator.code: c.score for c in found}


def reasons(found: Sequence[Candidate], start: str) -> set[str]:
    return {c.indicator.code for c in found if any(why.startswith(start) for why in c.why)}


def people_take(store: Store, code: str, count: int, use: str = "农村公路养护") -> None:
    for person in PEOPLE[:count]:
        choices.take(store, use, indicator_id(code), person, chosen=[])


# Reasons


@pytest.mark.parametrize(
    ("weight", "draft", "reason", "named"),
    [
        ("use", ROADS, "属于推断用途“农村公路养护”",
         {"2100001", "2100002", "2100003", "2200001", "2300001", "1100001", "3200001", "3400001", "4100001"}),
        ("theme", COURSE, "共性指标：“培训”说明这是培训类项目", {"2100007", "2200004", "4100003"}),
        ("theme", REPAIR, "共性指标：“修缮”说明这是工程建设类项目", {"2200005"}),
        ("general", ROADS, "共性指标：各类项目通用", {"4100010"}),
        ("quantity", ROADS, "目标中的“120公里”可作为指标值", {"2100001", "2100002"}),
        ("quantity", COURSE, "目标中的“200人”可作为指标值", {"2100007"}),
        ("taken", ROADS, "3人在同类项目中采用过", {"2100003"}),
    ],
)  # fmt: skip
def test_without_its_weight_what_a_reason_names_falls_and_nothing_else_does(
    store: Store, meant: Live, put_rows: PutRows, *, weight: str, draft: Draft, reason: str, named: set[str]
) -> None:
    put_rows(store, ANYWHERE)
    people_take(store, "2100003", 3)
    # Beside the words and the use only one part at a time.
    others = {name: 0.0 for name in ("use", "theme", "general", "quantity", "meaning", "taken") if name != weight}
    with_it = ranked(store, under(meant, **{**others, "use": 0.5}).view(), draft)
    without = ranked(store, under(meant, **{**others, "use": 0.5, weight: 0.0}).view(), draft)
    assert reasons(with_it, reason) == named
    before, after = scores(with_it), scores(without)
    assert [code for code in named if not after[code] < before[code]] == []
    assert {code for code in after if after[code] < before[code]} == named
    assert [code for code in after if after[code] > before[code]] == []
    places = [[c.indicator.code for c in found] for found in (with_it, without)]
    rest = [code for code in places[1] if code not in named]
    for code in named:
        passed = [{other for other in rest if places[n].index(other) < places[n].index(code)} for n in (0, 1)]
        assert passed[0] <= passed[1]


def likeness(store: Store, text: str) -> dict[str, float]:
    """By code: 1 for the nearest of the public records, 0 for the one in the middle."""
    records = list(indicators.active(store, "open"))
    model = Subjects()
    cosines = (model.passages([meaning.text_of(i) for i in records]) @ model.queries([text]).T)[:, 0]
    middle = float(np.median(cosines))
    return {i.code: float((c - middle) / (cosines.max() - middle)) for i, c in zip(records, cosines, strict=True)}


def test_what_is_near_in_meaning_counts_in_proportion_and_is_named_from_a_likeness_on(
    store: Store, meant: Live
) -> None:
    draft = Draft("隧道涵洞项目", "新修隧道涵洞", limit=60)
    near = likeness(store, "隧道涵洞项目：新修隧道涵洞")
    named = {code for code, share in near.items() if share >= NEAR}
    assert 3 < len(named) < 20
    found = {weight: ranked(store, under(meant, meaning=weight).view(), draft) for weight in (0.4, 0.8)}
    assert reasons(found[0.4], "与目标的意思相近") == reasons(found[0.8], "与目标的意思相近") == named
    off = ranked(store, under(meant, meaning=0).view(), draft)
    assert reasons(off, "与目标的意思相近") == set()
    lower, higher = scores(found[0.4]), scores(found[0.8])
    assert [code for code in named if not scores(off).get(code, 0.0) < lower[code] < higher[code]] == []
    # The use that meaning speaks for is another matter.
    specific = [c for c in found[0.8] if c.indicator.kind is Kind.COMMON]
    gained = {c.indicator.code: c.score - lower[c.indicator.code] for c in specific}
    assert gained == pytest.approx({code: 0.4 * near[code] for code in gained}, abs=1e-5)
    assert len(gained) >= 2


def test_a_goal_that_shares_no_word_with_the_library_gets_what_is_near(store: Store, meant: Live, live: Live) -> None:
    draft = Draft("隧道涵洞", "隧道涵洞", limit=5)
    assert [i.lexical for i in ranked(store, live.view(), draft) if i.lexical] == []
    found = suggest(store, meant, draft, PUBLIC)
    first = found.items[0]
    assert (first.indicator.use.domain if first.indicator.use else "") == "交通运输"
    assert first.why[-1] == "与目标的意思相近"
    assert [i.indicator.code for i in suggest(store, live, draft, PUBLIC).items if i.score] == []


@pytest.mark.parametrize("trouble", ["broken", "off", "no vectors"])
def test_without_meaning_everything_is_as_without_a_model(
    store: Store, live: Live, tmp_path: Path, trouble: str
) -> None:
    model = Subjects()
    if trouble != "no vectors":
        meaning.fill(store, model)
    model.broken = trouble == "broken"
    other = Live(store, model)
    view = other.view()
    held = Moment(view.weighed(view.settings.changed({"suggest.meaning": 0}))) if trouble == "off" else other
    for draft in (ROADS, COURSE, REPAIR, Draft("隧道涵洞", "隧道涵洞")):
        assert suggest(store, held, draft, PUBLIC) == suggest(store, live, draft, PUBLIC)
    other.close()


@pytest.mark.parametrize(
    ("draft", "word", "code"),
    [
        (COURSE, "培训", "2100007"),
        (Draft("办公楼修缮", "修缮办公楼，验收合格", limit=60), "修缮", "2200005"),
        (ROADS, "120公里", "2100001"),
        (ROADS, "120公里", "2100002"),
    ],
)
def test_without_the_word_or_the_figure_that_a_reason_names_it_falls(
    store: Store, live: Live, *, draft: Draft, word: str, code: str
) -> None:
    less = replace(draft, project=draft.project.replace(word, ""), goal=draft.goal.replace(word, ""))
    before, after = (ranked(store, live.view(), d) for d in (draft, less))
    (c,) = [c for c in before if c.indicator.code == code]
    assert len([why for why in c.why if f"“{word}”" in why]) == 1
    later = {c.indicator.code: c for c in after}.get(code)
    assert scores(after).get(code, 0.0) < c.score
    assert later is None or [why for why in later.why if f"“{word}”" in why] == []


def test_a_figure_belongs_to_the_two_nearest_of_its_unit(store: Store, live: Live, put_rows: PutRows) -> None:
    more = {"code": "2100011", "name": "公路里程", "level2": "数量", "operator": "≥", "reference": "9", "unit": "公里",
            "visibility": "公开", "kind": "共性", "owner": "州财政局", "theme": "通用", "definition": "农村公路养护"}  # fmt: skip
    put_rows(store, more)
    found = ranked(store, live.view(), ROADS)
    counted = {c.indicator.code: c for c in found if c.indicator.unit == "公里"}
    assert counted["2100011"].lexical > EVIDENCE
    assert {code: c.value for code, c in counted.items() if c.lexical >= EVIDENCE} == {
        "2100001": "120", "2100002": "120", "2100011": "",
    }  # fmt: skip
    assert reasons(found, "目标中的“120公里”") == {"2100001", "2100002"}


@pytest.mark.parametrize(
    "codes", [("4100012", "4100011", "4100010"), ("共性指标B", "共性指标", "4100010A", "共性指标A", "4100010")]
)
def test_equal_scores_come_by_code_also_where_codes_begin_alike(
    store: Store, live: Live, put_rows: PutRows, codes: tuple[str, ...]
) -> None:
    first, *rest = ({**ANYWHERE, "code": code, "name": f"{code}满意度"} for code in codes)
    put_rows(store, first)
    build.build(store)  # so that its number comes before those of the others
    put_rows(store, *rest)
    found = ranked(store, live.view(), Draft("干部培训项目", "培训200人"))
    assert found == sorted(found, key=lambda c: (c.minus, c.code))
    assert [c.code for c in found if c.code in codes] == sorted(codes)


def test_under_another_use_what_the_inferred_one_gave_is_gone(store: Store, live: Live) -> None:
    named = {item.indicator.code: item for item in suggest(store, live, ROADS, PUBLIC).items}
    other = {i.indicator.code: i for i in suggest(store, live, replace(ROADS, use="高标准农田建设"), PUBLIC).items}
    of_use = {code for code, item in named.items() if "属于推断用途“农村公路养护”" in item.why}
    assert len(of_use) >= 7
    assert [code for code in of_use & set(other) if not other[code].score < named[code].score] == []
    assert len(of_use & set(other)) >= 5
    assert {w for i in other.values() for w in i.why if w.startswith("属于")} == {"属于推断用途“高标准农田建设”"}


# Taken over


def test_what_people_took_over_rises_under_its_use_alone(store: Store, live: Live) -> None:
    plain = {draft: scores(ranked(store, live.view(), draft)) for draft in (ROADS, COURSE)}
    gained = []
    for count in (1, 2, WIDELY, 9):
        people_take(store, "2100003", count)
        found = ranked(store, live.view(), ROADS)
        assert [c.why[-1] for c in found if c.indicator.code == "2100003"] == [f"{count}人在同类项目中采用过"]
        different = {code: score - plain[ROADS][code] for code, score in scores(found).items()}
        assert [code for code, more in different.items() if more] == ["2100003"]
        gained.append(different["2100003"])
        assert scores(ranked(store, live.view(), COURSE)) == plain[COURSE]
    weight = live.view().settings.suggest.taken
    assert (gained == sorted(gained), gained[0] > 0, gained[2:]) == (True, True, pytest.approx([weight, weight]))
    off = ranked(store, under(live, taken=0).view(), ROADS)
    assert (scores(off), reasons(off, "9人")) == (plain[ROADS], set())
    assert choices.reset(store, ADMIN) == 9
    assert scores(ranked(store, live.view(), ROADS)) == plain[ROADS]


def test_what_was_taken_under_another_use_says_nothing(store: Store, live: Live) -> None:
    before = suggest(store, live, ROADS, PUBLIC)
    people_take(store, "2100003", 9, use="高标准农田建设")
    assert suggest(store, live, ROADS, PUBLIC) == before


def test_restricted_records_are_never_counted_as_taken(
    store: Store, live: Live, rows: Rows, put_rows: PutRows, cast: Any
) -> None:
    people_take(store, "2190001", 9)
    people_take(store, "2100003", 9)
    asked = Draft("战备公路", "开展蓝盾战备演练，农村公路养护", use="农村公路养护", limit=60)
    found = {c.indicator.code: c for c in suggest(store, live, asked, cast.reviewer).items}
    assert [w for w in found["2190001"].why if "采用" in w] == []
    assert "9人在同类项目中采用过" in found["2100003"].why
    # Taken while it was public.
    put_rows(store, {**rows["2100003"], "visibility": "不公开", "restricted_reason": "涉密"})
    after = {c.indicator.code: c for c in suggest(store, live, asked, cast.reviewer).items}
    assert [w for c in after.values() for w in c.why if "采用" in w] == []
    assert after["2100003"].score < found["2100003"].score


# The use


def test_confidences_are_shares_and_the_likeliest_comes_first(store: Store, meant: Live) -> None:
    for draft in (
        ROADS,
        COURSE,
        REPAIR,
        Draft("巡逻", "治安巡逻1000次"),
        Draft("高标准农田", "建成农田"),
        Draft("满意度"),
    ):
        found = infer(pool(store, meant.view(), draft))
        assert found == sorted(found, key=lambda u: -u.confidence)
        assert [u for u in found if not 0 <= u.confidence <= 1] == []
        assert len({u.use for u in found}) == len(found) <= 3


@pytest.mark.parametrize("draft", [Draft("没有的词", "无"), Draft("xyzzy"), Draft("卫星发射", "深海钻探3次")])
def test_no_use_without_evidence(store: Store, live: Live, draft: Draft) -> None:
    assert [u for u in infer(pool(store, live.view(), draft)) if u.confidence >= SURE] == []
    suggest(store, live, draft, PUBLIC)


def test_a_library_of_common_indicators_alone_knows_no_use(tmp_path: Path, put_rows: PutRows) -> None:
    store = Store.create(tmp_path / "data")
    put_rows(store, ANYWHERE)
    build.build(store)
    meaning.fill(store, Subjects())
    for live in (Live(store), Live(store, Subjects())):
        draft = Draft("公路", "受益群众满意度90%")
        assert infer(pool(store, live.view(), draft)) == []
        found = suggest(store, live, draft, PUBLIC)
        assert (found.uses, [i.indicator.code for i in found.items]) == ((), ["4100010"])
        live.close()
    store.close()


def test_a_library_without_records(tmp_path: Path) -> None:
    store = Store.create(tmp_path / "data")
    build.build(store)
    live = Live(store, Subjects())
    found = suggest(store, live, ROADS, PUBLIC)
    live.close()
    store.close()
    assert (found.uses, found.items) == ((), ())


def test_the_use_whose_records_are_nearest_in_meaning_rises(store: Store, meant: Live) -> None:
    """By its words the draft belongs to neither; what it is about decides."""
    draft = Draft("满意度", "群众满意度，田间耕种")

    def confidence(weight: float) -> dict[str, float]:
        return {u.use.use: u.confidence for u in infer(pool(store, under(meant, meaning=weight).view(), draft))}

    found = [confidence(weight) for weight in (0.0, 0.4, 5.0)]
    fields = [c["高标准农田建设"] for c in found]
    assert fields[0] < fields[1] < fields[2]
    assert [max(c, key=c.__getitem__) for c in found] == ["农村公路养护", "农村公路养护", "高标准农田建设"]
    assert [u for c in found for u in c.values() if not 0 <= u <= 1] == []


def test_the_more_of_the_draft_a_use_holds_the_surer_it_is(store: Store, live: Live) -> None:
    """The nearest of all may still be far: words that stand nowhere take from the confidence, not from the order."""
    texts = ["治安巡逻", "治安巡逻，卫星发射", "治安巡逻，卫星发射，深海钻探，古籍修复"]
    found = [infer(pool(store, live.view(), Draft("", text)))[0] for text in texts]
    assert {u.use.use for u in found} == {"治安防控"}
    assert found[0].confidence > found[1].confidence > found[2].confidence


def test_a_pool_says_how_much_of_a_draft_records_hold(store: Store, live: Live) -> None:
    held = pool(store, live.view(), Draft("", "治安巡逻"))
    patrol, other = (held.engine.numbers([id])[id] for id in map(indicator_id, ("2100006", "2100005")))
    assert held.engine.shares(held.plan, [[patrol], [], [other]]) == (pytest.approx(1.0), 0, 0)
    less = pool(store, live.view(), Draft("", "治安巡逻，卫星"))
    assert 0 < less.engine.shares(less.plan, [[patrol]])[0] < 1


# The set


def card(number: int, level2: str, name: str, score: float, **fields: Any) -> Candidate:
    """A candidate as ``of_draft`` makes them: specific, with words, unless said otherwise."""
    common = fields.pop("common", False)
    where = category(level2)
    code = f"{where.code}{number:05d}"
    indicator = Indicator(
        id=f"i{number:04d}", code=code, name=name, kind=Kind.COMMON if common else Kind.SPECIFIC, category=where,
        use=None if common else Use("2010101", "交通运输", "公路", "农村公路养护"), theme="通用" if common else "",
        definition="", formula="", operator=Operator.AT_LEAST, unit="", reference="", reference_kind="",
        reference_source="", scoring="", evidence="", keywords=(), owner="州交通运输局", visibility=Visibility.PUBLIC,
        restricted_reason="", status=Status.ACTIVE, origin="", replaced_by="", revision=1, updated="",
    )  # fmt: skip
    return Candidate(-score, code, indicator, fields.pop("lexical", score), **fields)


def unlike(number: int) -> str:
    """Names of which no two are alike."""
    return "".join(chr(0x4E00 + 7 * number + k) for k in range(6))


def rows_of(level2: str, limit: int) -> int:
    """How many rows of a set of ``limit`` are kept for a category."""
    return max(1, round(SHAPE[level2] * BALANCED * limit / 20)) if SHAPE[level2] else 0


@pytest.fixture(params=["mixed", "one category after the other"])
def many(request: pytest.FixtureRequest) -> list[Candidate]:
    """Thirty of each category, and as many common ones, some of which any project may hold; quantities the best."""
    steps = (0.001, 0.015) if request.param == "mixed" else (0.08, 0.001)
    made = []
    for place, c in enumerate(CATEGORIES):
        for n in range(60):
            number = 60 * place + n
            made.append(
                card(number, c.level2, unlike(number), round(1 - place * steps[0] - n * steps[1], 4), common=n % 2 == 1,
                     core=n % 10 == 5)
            )  # fmt: skip
    return sorted(made, key=lambda c: (-c.score, c.indicator.code))


def alike(found: Sequence[Candidate], chosen: Sequence[Indicator] = ()) -> list[tuple[str, str]]:
    names = [*(i.name for i in chosen), *(c.indicator.name for c in found)]
    return [
        (a, b)
        for n, a in enumerate(names)
        for b in names[max(n + 1, len(chosen)) :]
        if fuzz.ratio(a, b) >= ALIKE
    ]  # fmt: skip


@pytest.mark.parametrize("limit", range(1, 61))
def test_any_limit_is_kept_and_filled(many: list[Candidate], limit: int) -> None:
    found = cover(many, (), limit)
    assert len(found) == limit
    assert found == sorted(found, key=lambda c: (-c.score, c.indicator.code))
    assert len({c.indicator.id for c in found}) == limit
    assert alike(found) == []
    # Of what any project may hold no category has two, and their room is the most that they get.
    core = Counter(c.indicator.category.level2 for c in found if c.core)
    assert (sum(core.values()), set(core.values()) <= {1}) == (min(round(limit * GENERAL_ROOM), len(CATEGORIES)), True)


@pytest.mark.parametrize("limit", [20, 40, 60])
def test_a_set_with_room_covers_every_category_that_a_table_has(many: list[Candidate], limit: int) -> None:
    have = Counter(c.indicator.category.level2 for c in cover(many, (), limit) if not c.core)
    wanted = {name for name, rows in SHAPE.items() if rows}
    assert wanted - set(have) == set()
    assert set(REQUIRED) <= wanted
    # The best category takes no more than its share and three.
    assert [n for n, rows in have.items() if rows > rows_of(n, limit) + 3] == []


@pytest.mark.parametrize("limit", [20, 40, 60])
def test_common_ones_of_a_projects_type_leave_room_to_its_own(many: list[Candidate], limit: int) -> None:
    """All of them are better than the project's own, and yet they get their room alone, until the rest is filled."""
    best = [c._replace(minus=c.minus - 9) if c.indicator.kind is Kind.COMMON else c for c in many]
    best.sort(key=lambda c: (-c.score, c.indicator.code))
    few = [c for c in best if c.indicator.category.level2 in REQUIRED]
    found = cover(few, (), limit)
    own = [c for c in found if c.indicator.kind is Kind.SPECIFIC]
    assert len(own) >= sum(rows_of(n, limit) for n in REQUIRED) - round(limit * THEME_ROOM) > 0


def test_look_alikes_are_left_out_the_best_stays() -> None:
    names = ["农村公路养护里程", "农村公路养护总里程", "农村公路的养护里程", "桥梁检测座数", "桥梁定期检测座数"]
    found = cover([card(n, "数量指标", name, 1 - n / 10) for n, name in enumerate(names)], (), 10)
    assert [c.indicator.name for c in found] == ["农村公路养护里程", "桥梁检测座数"]


def test_the_chosen_and_what_is_like_them_are_left_out_and_counted() -> None:
    rows = [card(n, "数量指标", unlike(n), 1 - n / 100) for n in range(12)]
    like = card(50, "数量指标", rows[0].indicator.name + "数", 2.0)
    rest = [card(20 + n, "质量指标", unlike(20 + n), 0.1) for n in range(12)]
    cards = [like, *rows, *rest]
    chosen = [c.indicator for c in rows[:5]]
    found = cover(cards, chosen, 12)
    plain = cover([like, *rows[1:], *rest], (), 12)
    assert ({c.indicator.id for c in found} & {i.id for i in chosen}, alike(found, chosen)) == (set(), [])
    quantities = [sum(c.indicator.category.short == "数量" for c in set_) for set_ in (found, plain)]
    # What is kept for the category and three more: five of them are in the table already.
    most = rows_of("数量指标", 12) + 3
    assert quantities == [max(0, most - 5), most]
    assert cover(cards, [c.indicator for c in cards], 60) == []


@pytest.mark.parametrize(
    ("level2", "lexical", "offered"),
    [
        ("数量指标", 0.0, True),
        ("服务对象满意度指标", 0.0, True),
        ("生态效益指标", EVIDENCE, True),
        ("生态效益指标", EVIDENCE / 2, False),
        ("可持续影响指标", 0.0, False),
        ("社会成本指标", EVIDENCE, True),
        ("社会成本指标", 0.0, False),
    ],
)
def test_categories_that_a_table_may_do_without_need_evidence(level2: str, lexical: float, *, offered: bool) -> None:
    """Whatever speaks for it beside the words."""
    c = card(1, level2, "甲", 1.5, lexical=lexical)
    assert cover([c], (), 20) == ([c] if offered else [])


def test_without_the_covering_set_the_best_are_listed(store: Store, live: Live) -> None:
    held = under(live, cover=0)
    for limit in (1, 7, 60):
        found = [i.indicator.code for i in suggest(store, held, replace(ROADS, limit=limit), PUBLIC).items]
        assert found == [c.indicator.code for c in ranked(store, held.view(), ROADS)][:limit]


def test_nothing_from_nothing() -> None:
    assert [cover([], (), limit) for limit in (1, 60)] == [[], []]


# Secrecy


def test_what_the_public_gets_does_not_hang_on_restricted_records(store: Store, tmp_path: Path, cast: Any) -> None:
    """With meaning and with what people took over; 2190001 stands for what they never could."""
    shutil.copytree(store.folder, tmp_path / "bare")
    bare = Store.open(tmp_path / "bare")
    sealed = [i for i in indicators.active(store, "full") if i.visibility is Visibility.RESTRICTED]
    with bare.writing() as db:
        db.conn.execute("delete from indicators where visibility = 'restricted'")
        db.conn.execute("delete from uses where code not in (select use_code from indicators where use_code <> '')")
        bare.record("indicators", [(i.id, 9, {}) for i in sealed], actor="管", action="delete", detail="")
    libraries = [store, bare]
    lives = []
    for library in libraries:
        people_take(library, "2100003", 4)
        people_take(library, "2190001", 9)
        build.build(library)
        meaning.fill(library, Subjects())
        lives.append(Live(library, Subjects()))
    drafts = (
        ROADS, COURSE, Draft("蓝盾战备演练", "玄武警卫路线巡查9趟", limit=60), Draft("隧道涵洞", "", limit=60),
        Draft("要地警卫", "警卫警卫", limit=60), Draft("治安", "巡逻1000次", use="农村公路养护"),
    )  # fmt: skip
    for draft in drafts:
        for actor in (cast.public, cast.auditor):
            with_, without = (suggest(s, v, draft, actor).as_json() for s, v in zip(libraries, lives, strict=True))
            assert with_ == without
    seen = suggest(store, lives[0], drafts[2], cast.reviewer)
    assert "2190001" in {i.indicator.code for i in seen.items}
    for live in lives:
        live.close()
    bare.close()
