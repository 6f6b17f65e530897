"""What a search gives, why, and in which order."""

from __future__ import annotations

import re
import shutil
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from corpus import indicators
from corpus.access import PUBLIC, Actor, visible
from corpus.errors import BadInput, NotSignedIn
from corpus.model import Visibility
from corpus.store import Store
from indexer import build, meaning, search
from indexer.live import Live, Moment, Views
from indexer.search import Query, Results
from tests.indexer.subjects import Subjects

Library = tuple[Store, Views]


def ask(library: Library, text: str = "", actor: Actor = PUBLIC, **asked: Any) -> Results[Any]:
    return search.search_indicators(*library, Query(text, **asked), actor)


def codes(results: Results[Any]) -> list[str]:
    return [hit.record.code for hit in results.hits]


# The records whose use is 农村公路养护.
UPKEEP = {"2100001", "2100002", "2100003", "2200001", "2300001", "1100001", "3200001", "3400001", "4100001"}
PASS_RATES = ["2200005", "2200003", "2200001"]


@pytest.mark.parametrize(
    ("text", "first", "total"),
    [
        ("农村公路", ["2100001", "2100002", "3400001"], 9),
        ("路", ["2100001", "2100002", "2200002", "3400001"], 4),
        ("养护", ["1100001", "2100001", "2200001", "2300001", "4100001"], 9),
        ("滿意度", ["4100003", "4100002", "4100001"], 3),
        ("“验收合格率”", PASS_RATES, 3),
        ("验收达标率", ["2200005", "2200001", "2200003"], 3),
        ("农路 里程", ["2100001", "2100002"], 2),
        ("轮训", ["2100007", "2200004", "4100003"], 3),
        ("2100003", ["2100003"], 1),
        ("２１００００３", ["2100003"], 1),
        # The middle of a name, across the borders of its words; of a definition; of data sources.
        ("弯沉值合格", ["2200002"], 1),
        ("管护机制健全", ["3400001"], 1),
        ("“达到县城”", [], 0),
        ("“县城的平均”", ["3200001"], 1),
        ("“养护台账”", ["2100001"], 1),
        # Signs, stop words, nothing that stands anywhere.
        ("“的比例”", ["2200004", "3300001", "2200001"], 3),
        ("😀", [], 0),
        ("？", [], 0),
        ("xyzzy", [], 0),
    ],
)
def test_what_is_found_first(library: Library, text: str, first: list[str], total: int) -> None:
    results = ask(library, text)
    assert (codes(results)[: len(first)], results.total) == (first, total)
    assert (results.did_you_mean, results.used, results.relaxed) == (None, None, False)


@pytest.mark.parametrize("typed", ["gonglu", "GONG LU", "ｇｏｎｇｌｕ"])
def test_pinyin(library: Library, typed: str) -> None:
    assert set(codes(ask(library, typed))) == UPKEEP | {"2100004", "2200002", "3300001"}


@pytest.mark.parametrize("typed", ["ncgl", "nclg", "nongcungonglu", "nongcungonglv"])
def test_initials_and_their_mistypings(library: Library, typed: str) -> None:
    found = codes(ask(library, typed))
    assert (set(found[:3]), set(found)) == ({"2100001", "2100002", "3400001"}, UPKEEP)


def test_pinyin_never_finds_other_characters_of_that_sound(library: Library) -> None:
    """度 and 渡 sound alike, but who types Han means that character."""
    assert ask(library, "“满意渡”").total == 0


def test_a_mistyped_word_is_answered_as_meant_and_says_so(library: Library) -> None:
    results, meant = ask(library, "公璐"), ask(library, "公路")
    assert (results.did_you_mean, results.used, results.relaxed) == ("公路", "公路", False)
    assert (results.hits, results.facets) == (meant.hits, meant.facets)


def test_words_that_never_meet_are_answered_with_fewer_and_says_so(library: Library) -> None:
    results = ask(library, "桥梁 治安巡逻")
    assert (results.relaxed, results.used) == (True, None)
    assert {"2100003", "2100006"} <= set(codes(results))


def test_hits_say_why_and_mark_the_words(library: Library) -> None:
    hits = {hit.record.code: hit for hit in ask(library, "农路 里程").hits}
    reason = "名称含“农村公路”（“农路”的全称或简称）、“里程”。"
    assert {code: (hit.why, hit.highlight) for code, hit in hits.items()} == {
        "2100001": (reason, {"name": [(0, 4), (6, 8)], "definition": [(9, 15)], "keywords": [(0, 2)]}),
        "2100002": (reason, {"name": [(0, 4), (6, 8)], "definition": [(5, 11)]}),
    }


@pytest.mark.parametrize(
    ("text", "code", "why", "highlight"),
    [
        ("路", "2200002", "名称含“路”。", {"name": [(0, 1)]}),
        ("达标", "2200001", "关键词含“达标”。", {"keywords": [(0, 2)]}),
        ("2100003", "2100003", "代码含“2100003”。", {}),
        ("弯沉值合格", "2200002", "名称含“弯沉值”、“合格”。", {"name": [(2, 7)], "definition": [(4, 6)]}),
        ("“验收合格率”", "2200005", "名称含“验收合格率”；原文含“验收合格率”。",
         {"name": [(2, 7)], "definition": [(2, 4), (6, 8)]}),
        ("滿意度", "4100003", "名称含“满意度”。", {"name": [(2, 5)], "definition": [(6, 8)]}),
        ("gonglu", "3400001", "名称含“公路”（拼音“gonglu”）。", {"name": [(2, 4)]}),
        ("轮训", "2100007", "名称含“培训”（“轮训”的上位词）。", {"name": [(0, 2)], "definition": [(2, 4)]}),
        ("修修补补", "2300001", "名称含“养护”（“修修补补”的规范说法）。", {"name": [(0, 2)]}),
        ("报告", "2100003", "解释或数据来源含“报告”。", {}),
        ("", "1100001", "按代码顺序列出。", {}),
        ("的", "4100003", "原文含“的”。", {"definition": [(5, 6)]}),
        ("“的比例”", "3300001", "解释或数据来源含“比例”；原文含“的比例”。", {"definition": [(9, 12)]}),
    ],
)  # fmt: skip
def test_why(library: Library, text: str, code: str, why: str, highlight: object) -> None:
    (hit,) = [hit for hit in ask(library, text, size=100).hits if hit.record.code == code]
    assert (hit.why, hit.highlight) == (why, highlight)


def test_an_answer_in_full(library: Library) -> None:
    store, live = library
    record = indicators.get(store, "2200002", PUBLIC)
    assert ask(library, "弯沉值合格").as_json() == {
        "total": 1,
        "page": 1,
        "size": 20,
        "generation": live.view().generation,
        "items": [
            record.as_json()
            | {
                "score": ask(library, "弯沉值合格").hits[0].score,
                "highlight": {"name": [[2, 7]], "definition": [[4, 6]]},
                "why": "名称含“弯沉值”、“合格”。",
            }
        ],
        "facets": {
            name: [{"value": value, "count": 1}] if value else []
            for name, value in (
                ("domain", "交通运输"), ("industry", "公路水路运输"), ("use", "国省干线建设"), ("kind", "specific"),
                ("level1", "产出指标"), ("level2", "质量指标"), ("unit", "%"), ("owner", "州交通运输局"), ("theme", ""),
            )
        },
        "did_you_mean": None,
        "used": None,
        "relaxed": False,
    }  # fmt: skip


FILTERS: list[dict[str, list[str]]] = [
    {},
    {"use": ["农村公路养护"]},
    {"use": ["农村公路养护", "国省干线建设"]},
    {"use": ["农村公路养护"], "level2": ["质量指标", "数量指标"]},
    {"kind": ["common"], "unit": ["%"]},
    {"owner": ["州公安局"]},
    {"owner": ["没有这个单位"]},
    {"use": []},
]


@pytest.mark.parametrize("filters", FILTERS)
@pytest.mark.parametrize("text", ["", "合格率", "里程"])
@pytest.mark.parametrize("person", ["public", "roads", "reviewer"])
def test_facets_are_counted_after_all_filters(
    library: Library, cast: Any, person: str, text: str, filters: dict[str, list[str]]
) -> None:
    results = ask(library, text, getattr(cast, person), filters=filters, size=100)
    records = [hit.record.as_json() for hit in results.hits]
    counts = {name: Counter(r[name] for r in records if r[name]) for name in results.facets}
    expected = {n: dict(sorted(c.items(), key=lambda item: (-item[1], item[0]))) for n, c in counts.items()}
    assert (results.total, results.facets) == (len(records), expected)
    assert [list(found) for found in results.facets.values()] == [list(found) for found in expected.values()]
    assert [r for r in records if any(r[n] not in values for n, values in filters.items() if values)] == []


@pytest.mark.parametrize("sort", search.SORTS)
@pytest.mark.parametrize("text", ["", "里程 满意度 合格率", "公路"])
def test_pages_are_complete_and_stable(library: Library, cast: Any, text: str, sort: str) -> None:
    whole = ask(library, text, cast.reviewer, size=100, sort=sort)
    pages = [ask(library, text, cast.reviewer, size=3, page=n, sort=sort) for n in range(1, whole.total // 3 + 2)]
    assert [code for page in pages for code in codes(page)] == codes(whole)
    assert (len(set(codes(whole))), {page.total for page in pages}) == (whole.total, {whole.total})
    assert [page.facets for page in pages] == [whole.facets] * len(pages)
    far = ask(library, text, cast.reviewer, page=10**9, sort=sort)
    assert (far.hits, far.total, far.page, far.facets) == ((), whole.total, 10**9, whole.facets)


def test_sorts(library: Library) -> None:
    store, _ = library
    every = sorted(indicators.active(store, "open"), key=lambda i: i.code)
    assert codes(ask(library, size=100, sort="code")) == [i.code for i in every]
    assert codes(ask(library, size=100)) == [i.code for i in every]
    by_name = sorted(every, key=lambda i: i.name)
    assert codes(ask(library, size=100, sort="name")) == [i.code for i in by_name]
    scores = [hit.score for hit in ask(library, "农村公路 里程", size=100).hits]
    assert (scores, len(set(scores)) > 1) == (sorted(scores, reverse=True), True)


def test_the_newest_first_and_equal_ones_by_code(store: Store, live: Live) -> None:
    dates = {"2100003": "2026-12-02T00:00:00Z", "4100001": "2026-12-01T00:00:00Z", "1100001": "2026-12-02T00:00:00Z"}
    with store.writing() as db:
        for code, at in dates.items():
            db.conn.execute("update indicators set updated = ? where code = ?", [at, code])
    build.build(store)
    found = search.search_indicators(store, live, Query("", {}, 1, 100, "-updated"), PUBLIC)
    rest = sorted(i.code for i in indicators.active(store, "open") if i.code not in dates)
    assert codes(found) == ["1100001", "2100003", "4100001", *rest]


@pytest.mark.parametrize(
    ("asked", "field"),
    [
        (Query("路" * 501), "q"),
        (Query("路" * 100_000), "q"),
        (Query("x" * 501), "q"),
        (Query(page=0), "page"),
        (Query(page=-1), "page"),
        (Query(size=0), "size"),
        (Query(size=101), "size"),
        (Query(sort="price"), "sort"),
        (Query(filters={"colour": ["red"]}), "colour"),
    ],
)
def test_bad_input_names_its_field(library: Library, asked: Query, field: str) -> None:
    with pytest.raises(BadInput) as caught:
        search.search_indicators(*library, asked, PUBLIC)
    assert (caught.value.field, caught.value.status) == (field, 400)


@pytest.mark.parametrize(
    "text",
    ["路" * 500, "a" * 500, '"' * 500, "*" * 500, "\x00\x01", "\ud800", "' or 1=1 --", "(" * 250 + ")" * 250, "🛣️"],
)
def test_odd_texts_are_answered(library: Library, text: str) -> None:
    results = ask(library, text)
    assert results.total >= len(results.hits)


def test_policies_by_passage(library: Library) -> None:
    results = search.search_policies(*library, Query("“验收合格率”"), PUBLIC)
    assert [(h.record.citation, h.why, h.highlight) for h in results.hits] == [
        ("《某州农村公路养护管理办法》（某交规〔2023〕7号）第二条", "正文含“验收合格率”；原文含“验收合格率”。",
         {"text": [(8, 13)]}),
    ]  # fmt: skip
    assert [h.why for h in search.search_policies(*library, Query("沿"), PUBLIC).hits] == ["原文含“沿”。"]
    with pytest.raises(BadInput) as caught:
        search.search_policies(*library, Query(sort="name"), PUBLIC)
    assert caught.value.field == "sort"


def test_experts_for_signed_in_people(library: Library, cast: Any) -> None:
    for person in (cast.roads, cast.reviewer, cast.auditor):
        results = search.search_experts(*library, Query("桥梁检测"), person)
        assert [(h.record.id, h.why) for h in results.hits] == [("e001", "专业领域含“桥梁”、“检测”。")]
        assert [h.why for h in search.search_experts(*library, Query("张三"), person).hits] == ["姓名含“张三”。"]
    with pytest.raises(NotSignedIn):
        search.search_experts(*library, Query("桥梁检测"), cast.public)


def test_who_sees_what(library: Library, cast: Any) -> None:
    found = {
        name: [c for c in codes(ask(library, "", getattr(cast, name), size=100)) if c[2] == "9"]
        for name in ("public", "auditor", "roads", "police", "reviewer")
    }
    assert found == {
        "public": [], "auditor": [], "roads": ["2190001", "2190002"], "police": ["2190003", "4190001"],
        "reviewer": ["2190001", "2190002", "2190003", "4190001"],
    }  # fmt: skip


@pytest.fixture
def questions(cast: Any) -> list[Callable[[Library], Any]]:
    texts = ("农村公路", "“验收合格率”", "“农村公路”", "gonglu", "公璐", "“满意度” 养护", "玄武", "“蓝盾”")
    return [
        lambda library, text=text, actor=actor: ask(library, text, actor)
        for text in texts
        for actor in (cast.public, cast.roads, cast.reviewer)
    ]


def test_eight_threads_get_the_answers_that_one_gets(
    library: Library, questions: list[Callable[[Library], Any]]
) -> None:
    alone = [question(library) for question in questions]
    with ThreadPoolExecutor(8) as pool:
        together = list(pool.map(lambda question: question(library), questions * 5))
    assert together == alone * 5


@pytest.mark.parametrize(
    "text",
    ["农村公路 里程", "养护 验收合格率", "农路 里程", "轮训 满意度", "修修补补 成本", "弯沉值合格", "受访群众 公路 满意",
     "验收达标率 养护", "滿意度 农户", "可持续 公路", "桥梁 检测报告", "“农村公路” 里程"],
)  # fmt: skip
def test_without_the_word_that_a_reason_names_a_hit_falls(library: Library, text: str) -> None:
    """The word itself, or the reader's own that led to it; the others keep their order among themselves."""
    before = ask(library, text, size=100)
    units = search.read(library[1].view(), text).units
    checked = 0
    for hit in before.hits:
        for word in re.findall("含((?:“[^”]+”(?:（[^）]*）)?、?)+)", hit.why):
            for term in re.findall("“([^”]+)”(?:（|、|$)", word):
                typed = [u.label for u in units if term in {t.text for t in (*u.terms, *u.parts)}]
                less = text.replace("滿", "满")
                for label in {*typed, term}:
                    less = less.replace(label, " ")
                assert less != text
                after = {h.record.code: h.score for h in ask(library, less, size=100).hits} if less.strip("“” ") else {}
                assert after.get(hit.record.code, 0.0) < hit.score
                checked += 1
    assert checked >= len(before.hits) > 0


# Meaning


@pytest.fixture
def meant(store: Store, monkeypatch: pytest.MonkeyPatch) -> Iterator[Library]:
    """The writable copy with vectors; in so small a library only the six nearest are near."""
    monkeypatch.setattr(search, "MEANT", 6)
    model = Subjects()
    meaning.fill(store, model)
    live = Live(store, model)
    yield store, live
    live.close()


@pytest.fixture
def plain(store: Store, live: Live) -> Library:
    """The same without a model."""
    return store, live


def nearest(store: Store, text: str, count: int = 6) -> list[tuple[str, float]]:
    """Codes of the public records nearest to a text with their likeness, reckoned one by one."""
    records = list(indicators.active(store, "open"))
    model = Subjects()
    cosines = (model.passages([meaning.text_of(i) for i in records]) @ model.queries([text]).T)[:, 0].round(6)
    middle, most = float(np.median(cosines)), float(cosines.max())
    order = sorted(range(len(records)), key=lambda n: (-cosines[n], records[n].id))[:count]
    return [(records[n].code, (float(cosines[n]) - middle) / (most - middle)) for n in order]


def test_a_query_that_shares_no_word_finds_what_is_near_and_says_so(meant: Library, plain: Library) -> None:
    assert ask(plain, "隧道涵洞").total == 0
    found, near = ask(meant, "隧道涵洞"), nearest(meant[0], "隧道涵洞")
    assert (found.total, found.used, found.relaxed) == (6, None, False)
    share = meant[1].view().settings.query.meaning
    expected = {code: share * likeness for code, likeness in near}
    assert {hit.record.code: hit.score for hit in found.hits} == pytest.approx(expected, abs=1e-3)
    assert {(hit.why, str(hit.highlight)) for hit in found.hits} == {("与所写的意思相近。", "{}")}
    assert {hit.record.use.domain for hit in found.hits if hit.record.use} == {"交通运输"}


@pytest.mark.parametrize("filters", [{}, {"level2": ["质量指标"]}, {"use": ["农村公路养护"]}, {"owner": ["州公安局"]}])
@pytest.mark.parametrize("text", ["路面", "桥梁", "治安巡逻", "农户 粮食"])
def test_the_near_ones_come_after_the_words_and_all_are_counted(
    meant: Library, plain: Library, text: str, filters: dict[str, list[str]]
) -> None:
    words, found = (ask(library, text, filters=filters, size=100) for library in (plain, meant))
    records = {hit.record.code: hit.record.as_json() for hit in ask(plain, size=100).hits}
    near = {c for c, _ in nearest(meant[0], text) if all(records[c][n] in v for n, v in filters.items())}
    assert set(codes(found)) == set(codes(words)) | near
    counts = {n: Counter(str(records[c][n]) for c in codes(found) if records[c][n]) for n in found.facets}
    assert (found.total, found.facets) == (
        len(set(codes(words)) | near),
        {n: dict(sorted(c.items(), key=lambda item: (-item[1], item[0]))) for n, c in counts.items()},
    )
    pages = [ask(meant, text, filters=filters, size=3, page=n) for n in range(1, found.total // 3 + 2)]
    assert [hit for page in pages for hit in page.hits] == list(found.hits)
    have = set(codes(words))
    assert [h.why for h in found.hits if h.record.code in have and "含“" not in h.why] == []
    assert [h.why for h in found.hits if h.record.code not in have and "含“" not in h.why and "相近" not in h.why] == []


@pytest.mark.parametrize("text", ["路面", "桥梁", "治安巡逻", "农村公路", "培训"])
def test_points_for_meaning_are_a_share_of_the_best_and_come_on_top(meant: Library, text: str) -> None:
    store, live = meant
    view = live.view()
    plan, engine = search.read(view, text), view.engine("indicators", visible(PUBLIC))
    found = ask(meant, text, size=100)
    words = [sum(p.score for p in parts) for parts in engine.explain(plan, [h.record.id for h in found.hits])]
    best = engine.search(plan, visible(PUBLIC), {}).scores[0]
    near = {code: view.settings.query.meaning * best * share for code, share in nearest(store, text)}
    expected = [points + near.get(h.record.code, 0.0) for h, points in zip(found.hits, words, strict=True)]
    assert [h.score for h in found.hits] == pytest.approx(expected, abs=1e-2)
    assert near.keys() <= set(codes(found))


def test_without_its_weight_who_is_said_to_be_near_falls(meant: Library) -> None:
    store, live = meant
    view = live.view()
    off = store, Moment(view.weighed(view.settings.changed({"query.meaning": 0})))
    checked = 0
    for text in ("隧道涵洞", "路面", "治安巡逻", "农户 粮食", "桥梁 检测", "培训"):
        after = {h.record.code: h.score for h in ask(off, text, size=100).hits}
        for hit in ask(meant, text, size=100).hits:
            if "意思相近" in hit.why:
                assert after.get(hit.record.code, 0.0) < hit.score
                checked += 1
    assert checked > 20


def test_near_ones_are_let_in_only_when_words_found_little(
    meant: Library, plain: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    by_words = ask(plain, "培训", size=100)
    for few, wide in ((by_words.total, False), (by_words.total + 1, True)):
        monkeypatch.setattr(search, "FEW", few)
        found = ask(meant, "培训", size=100)
        near = {code for code, _ in nearest(meant[0], "培训")}
        assert len(near - set(codes(by_words))) == 3
        assert set(codes(found)) == set(codes(by_words)) | (near if wide else set())
        assert (found.total, found.facets == by_words.facets) == (by_words.total + 3 * wide, not wide)


@pytest.mark.parametrize("text", ["满意度 农户", "可持续 公路", "桥梁 数量", "质量 治安巡逻", "时效指标 路面"])
def test_a_named_category_is_never_widened(meant: Library, plain: Library, text: str) -> None:
    found, words = ask(meant, text, size=100), ask(plain, text, size=100)
    assert (sorted(codes(found)), found.total, found.facets) == (sorted(codes(words)), words.total, words.facets)


AS_WITHOUT: list[dict[str, Any]] = [
    {"text": "路面", "sort": "code"},
    {"text": "路面", "sort": "name"},
    {"text": "路面", "sort": "-updated"},
    {"text": "隧道涵洞", "sort": "code"},
    {"text": "“路面”"},
    {"text": "“里程” 路"},
    {"text": "的"},
    {"text": "gonglu"},
    {"text": "ncgl"},
    {"text": ""},
    {"text": "？"},
    {"text": "", "filters": {"level2": ["质量指标"]}},
]


@pytest.mark.parametrize("asked", AS_WITHOUT)
def test_what_meaning_has_no_part_in_is_as_without(meant: Library, plain: Library, asked: dict[str, Any]) -> None:
    assert ask(meant, **asked, size=100) == ask(plain, **asked, size=100)


def test_a_mistyped_word_is_answered_with_the_meaning_of_the_right_one(meant: Library) -> None:
    results, right = ask(meant, "公璐"), ask(meant, "公路")
    assert (results.did_you_mean, results.used, results.hits) == ("公路", "公路", right.hits)


@pytest.mark.parametrize("trouble", ["broken", "off", "no vectors"])
def test_without_weight_vectors_or_a_model_that_works_all_is_as_without(plain: Library, trouble: str) -> None:
    store, _ = plain
    model = Subjects()
    if trouble != "no vectors":
        meaning.fill(store, model)
    model.broken = trouble == "broken"
    live = Live(store, model)
    view = live.view()
    views = Moment(view.weighed(view.settings.changed({"query.meaning": 0}))) if trouble == "off" else live
    for text in ("隧道涵洞", "路面", "农村公路 里程", "满意度 农户", "桥梁 治安巡逻", "公璐"):
        assert ask((store, views), text) == ask(plain, text)
    live.close()


def test_policies_and_experts_know_no_meaning(meant: Library, plain: Library, cast: Any) -> None:
    for find in (search.search_policies, search.search_experts):
        for text in ("路面", "公路 桥梁", "隧道涵洞"):
            assert find(*meant, Query(text), cast.reviewer) == find(*plain, Query(text), cast.reviewer)


def test_near_restricted_ones_for_those_who_may_see_them(meant: Library, cast: Any) -> None:
    found = {
        name: sorted(c for c in codes(ask(meant, "治安刑警巡警", getattr(cast, name), size=100)) if c[2] == "9")
        for name in ("public", "auditor", "roads", "police", "reviewer")
    }
    assert found == {
        "public": [], "auditor": [], "roads": [], "police": ["2190003", "4190001"],
        "reviewer": ["2190003", "4190001"],
    }  # fmt: skip


def test_with_meaning_nobody_learns_of_what_he_may_not_see(
    store: Store, tmp_path: Path, cast: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Answers are those of a library that never had it: totals, scores, counts, whoever is near."""
    lives = []
    for number in (0, 1):
        shutil.copytree(store.folder, tmp_path / str(number))
        library = Store.open(tmp_path / str(number))
        if number:
            sealed = [i for i in indicators.active(library, "full") if i.visibility is Visibility.RESTRICTED]
            with library.writing() as db:
                db.conn.execute("delete from indicators where visibility = 'restricted'")
                library.record("indicators", [(i.id, 9, {}) for i in sealed], actor="管", action="delete", detail="")
        build.build(library)
        meaning.fill(library, Subjects())
        lives.append(Live(library, Subjects()))
    texts = (
        "玄武",
        "蓝盾",
        "警卫 路线",
        "隧道涵洞",
        "治安刑警巡警",
        "农村公路养护里程",
        "满意度 沿线",
        "学课",
        "2190001",
    )
    for few in (search.MEANT, 3):
        monkeypatch.setattr(search, "MEANT", few)
        for text in texts:
            for actor in (cast.public, cast.auditor):
                for filters in ({}, {"unit": ["趟"]}, {"level2": ["数量指标"]}):
                    whole, bare = (ask((v.store, v), text, actor, filters=filters, size=100).as_json() for v in lives)
                    assert whole == bare
    assert "4190001" in codes(ask((lives[0].store, lives[0]), "治安刑警巡警", cast.police, size=100))
    for live in lives:
        live.close()
        live.store.close()
