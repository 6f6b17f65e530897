"""What the API answers, whole; to every bad input one error shape; and to nobody anything of what they may not see."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from urllib.parse import quote

import pytest
from flask import Flask
from flask.testing import FlaskClient
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from werkzeug.test import TestResponse

from corpus import indicators
from corpus.access import Actor, Clearance, Role
from corpus.indicators import indicator_id
from corpus.model import Goal, GoalRow, Status
from indexer import settings as settings_of
from tests.webapp.conftest import NOW, OUR_ROWS, PUBLIC_ROWS, SECRETS, as_user
from webapp import api, create_app, services

V1 = "/api/v1"
GOAL = {"project": "", "goal": "", "rows": []}
ROW = {"level1": "产出指标", "level2": "数量指标", "name": "新建幼儿园", "operator": "≥", "value": "5", "unit": "所"}
KINDERGARTEN = {
    "id": "a69a634c81", "code": "2100001", "name": "新建幼儿园数量", "kind": "specific", "level1": "产出指标",
    "level2": "数量指标", "domain": "教育", "industry": "普通教育", "use": "学前教育保障", "theme": "",
    "definition": "当年新建并投入使用的幼儿园数量。", "formula": "", "operator": "≥", "unit": "所", "reference": "5",
    "reference_kind": "", "reference_source": "", "scoring": "", "evidence": "", "keywords": ["幼儿园", "学位"],
    "owner": "州教育体育局", "visibility": "public", "restricted_reason": "", "status": "active", "origin": "测试",
    "replaced_by": "", "revision": 1, "updated": NOW,
}  # fmt: skip
PLAN = {
    "id": "p0000000001", "title": "学前教育发展行动计划", "number": "楚政发〔2024〕1号", "issuer": "楚雄州",
    "year": 2024, "theme": "教育", "status": "有效性未核", "basis": "原文导入", "source": "p0000000001.docx",
    "visibility": "public", "owner": "", "revision": 1, "updated": NOW,
}  # fmt: skip
RULES = PLAN | {
    "id": "p0000000002",
    "title": "幼儿园管理办法",
    "number": "楚教发〔2024〕2号",
    "source": "p0000000002.docx",
}
PROFESSOR = {
    "id": "e1", "name": "张示例", "kind": "绩效领域", "organisation": "示例大学", "organisation_kind": "高校",
    "title": "教授", "fields": ["教育绩效", "财政"], "sample": True, "status": "active", "revision": 1, "updated": NOW,
}  # fmt: skip


def get(client: FlaskClient, path: str, **parameters: object) -> Any:
    """The JSON of an answer that must be good."""
    response = client.get(V1 + path, query_string=parameters)
    assert response.status_code == 200, response.text
    return response.json


def unscored(found: dict[str, Any]) -> dict[str, Any]:
    """An answer without its scores, which tuning may change; they have to be there, and best first."""
    scores = [item.pop("score") for item in found["items"]]
    assert all(isinstance(score, float) for score in scores)
    assert scores == sorted(scores, reverse=True)
    return found


def names(client: FlaskClient, **parameters: object) -> list[str]:
    return [item["name"] for item in get(client, "/indicators", **parameters)["items"]]


def problem(response: TestResponse) -> tuple[int, str, str | None]:
    """The error of an answer, which must have the one shape and a Chinese message."""
    assert response.mimetype == "application/json", response.text
    assert set(response.json) == {"error"}
    error = response.json["error"]
    assert set(error) - {"field"} == {"code", "message"}
    assert re.search("[一-鿿]", error["message"])
    assert error.get("field") != ""
    assert response.headers["Cache-Control"] == "no-store"
    return response.status_code, error["code"], error.get("field")


# Good answers, whole


@pytest.fixture
def generation(app: Flask) -> str:
    return str(app.extensions["zhibiao"].live.view().generation)


def test_indicators(public: FlaskClient, generation: str) -> None:
    assert unscored(get(public, "/indicators", q="幼儿园", unit="所", size=1)) == {
        "total": 1, "page": 1, "size": 1, "generation": generation,
        "items": [KINDERGARTEN | {
            "highlight": {"name": [[2, 5]], "definition": [[10, 13]], "keywords": [[0, 3]]},
            "why": "名称含“幼儿园”。",
        }],
        "facets": {
            "domain": [{"value": "教育", "count": 1}], "industry": [{"value": "普通教育", "count": 1}],
            "use": [{"value": "学前教育保障", "count": 1}], "kind": [{"value": "specific", "count": 1}],
            "level1": [{"value": "产出指标", "count": 1}], "level2": [{"value": "数量指标", "count": 1}],
            "unit": [{"value": "所", "count": 1}], "owner": [{"value": "州教育体育局", "count": 1}], "theme": [],
        },
        "did_you_mean": None,
        "used": None,
        "relaxed": False,
    }  # fmt: skip


def test_indicators_filters_pages_and_order(public: FlaskClient) -> None:
    everything = sorted(row[0] for row in PUBLIC_ROWS)
    assert sorted(names(public)) == everything
    assert names(public, sort="name") == everything
    assert names(public, unit=["所", "座"]) == ["新建幼儿园数量", "水库除险加固数量"]
    assert names(public, unit="", sort="name") == everything
    assert names(public, kind="common") == ["预算执行率"]
    assert names(public, domain="没有这个领域") == []
    assert [names(public, sort="name", size=3, page=n) for n in (1, 2, 3, 4)] == [
        everything[:3], everything[3:6], everything[6:], [],
    ]  # fmt: skip


def test_page_far_beyond_the_end_is_empty(public: FlaskClient, reviewer: FlaskClient) -> None:
    for path, total, client in (
        ("/indicators", len(PUBLIC_ROWS), public), ("/policies", 2, public), ("/experts", 2, reviewer),
    ):  # fmt: skip
        found = get(client, path, page=10**9)
        assert (found["total"], found["page"], found["items"]) == (total, 10**9, [])


def test_misspelt_word_gets_a_suggestion(public: FlaskClient) -> None:
    found = get(public, "/indicators", q="预算执行绿")
    assert (found["did_you_mean"], [i["name"] for i in found["items"]]) == ("预算执行率", ["预算执行率"])


def test_one_indicator_by_id_and_by_code(public: FlaskClient) -> None:
    assert get(public, "/indicators/a69a634c81") == KINDERGARTEN
    assert get(public, "/indicators/2100001") == KINDERGARTEN


def test_complete(public: FlaskClient) -> None:
    assert get(public, "/complete", q="yuansuan") == {"items": []}
    assert get(public, "/complete", q="yszx", limit=2) == {
        "items": [{"text": "预算执行率", "kind": "indicator", "id": indicator_id("2300002")}]
    }
    assert get(public, "/complete", q="学前") == {
        "items": [{"text": "学前教育保障", "kind": "use"}, {"text": "学前", "kind": "word"},
                  {"text": "学前教育", "kind": "word"}]
    }  # fmt: skip
    assert get(public, "/complete") == {"items": []}


def test_policies_shelf_and_search(public: FlaskClient, generation: str) -> None:
    assert get(public, "/policies", size=1, page=2) == {
        "total": 2, "page": 2, "size": 1, "generation": generation, "items": [RULES], "facets": {},
        "did_you_mean": None,
        "used": None,
        "relaxed": False,
    }  # fmt: skip
    assert unscored(get(public, "/policies", q="质量")) == {
        "total": 1, "page": 1, "size": 20, "generation": generation,
        "items": [{
            "policy": "p0000000001", "title": "学前教育发展行动计划", "ordinal": 2, "path": ["一、总体要求"],
            "section": "一", "page": None, "text": "农村公路建设要保证质量。",
            "citation": "《学前教育发展行动计划》（楚政发〔2024〕1号）第一部分",
            "highlight": {"text": [[9, 11]]}, "why": "正文含“质量”。",
        }],
        "facets": {"policy": [{"value": "p0000000001", "count": 1}], "year": [{"value": "2024", "count": 1}],
                   "issuer": [{"value": "楚雄州", "count": 1}]},
        "did_you_mean": None,
        "used": None,
        "relaxed": False,
    }  # fmt: skip


def test_one_policy_with_its_links(public: FlaskClient) -> None:
    assert get(public, "/policies/p0000000002") == RULES | {
        "passages": [{
            "ordinal": 1, "path": ["一、总体要求"], "section": "一", "page": None, "kind": "text",
            "text": "依据《学前教育发展行动计划》（楚政发〔2024〕1号）制定本办法。",
            "citation": "《幼儿园管理办法》（楚教发〔2024〕2号）第一部分",
        }],
        "citations": [{"ordinal": 1, "number": "楚政发〔2024〕1号", "title": "学前教育发展行动计划",
                       "cited_id": "p0000000001", "cited_title": "学前教育发展行动计划"}],
        "cited_by": [],
    }  # fmt: skip
    assert get(public, "/policies/p0000000001")["cited_by"] == [
        {"policy_id": "p0000000002", "policy_title": "幼儿园管理办法", "ordinal": 1, "section": "一"}
    ]


def test_experts_are_for_people_who_signed_in(public: FlaskClient, reviewer: FlaskClient, generation: str) -> None:
    assert problem(public.get(f"{V1}/experts?q=教育")) == (401, "not_signed_in", None)
    assert problem(public.get(f"{V1}/experts?page=0")) == (401, "not_signed_in", None)
    assert unscored(get(reviewer, "/experts", q="财政")) == {
        "total": 1, "page": 1, "size": 20, "generation": generation,
        "items": [PROFESSOR | {"highlight": {}, "why": "专业领域含“财政”。"}],
        "facets": {"kind": [{"value": "绩效领域", "count": 1}], "organisation_kind": [{"value": "高校", "count": 1}]},
        "did_you_mean": None,
        "used": None,
        "relaxed": False,
    }  # fmt: skip


def test_taxonomy(public: FlaskClient) -> None:
    assert get(public, "/taxonomy") == {"domains": [
        {"name": "教育", "industries": [
            {"name": "普通教育", "uses": [{"code": "2050201", "name": "学前教育保障"}]}]},
        {"name": "农林水", "industries": [{"name": "水利", "uses": [{"code": "2130301", "name": "水利工程建设"}]}]},
        {"name": "交通运输", "industries": [
            {"name": "公路水路运输", "uses": [{"code": "2140101", "name": "农村公路建设"}]}]},
    ]}  # fmt: skip


def test_healthz(public: FlaskClient, app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    assert get(public, "/healthz") == {"ok": True}
    monkeypatch.setattr(app.extensions["zhibiao"].live, "view", lambda: 1 / 0)
    response = public.get(f"{V1}/healthz")
    assert (response.status_code, response.json) == (503, {"ok": False})


def test_suggest(public: FlaskClient, generation: str) -> None:
    empty = public.post(f"{V1}/suggest", json={}).json
    assert (empty["uses"], empty["items"], empty["policies"], empty["generation"]) == ([], [], [], generation)
    found = public.post(f"{V1}/suggest", json={"project": "幼儿园建设", "goal": "新建幼儿园 5 所", "limit": 3}).json
    assert set(found) == {"uses", "items", "coverage", "missing", "policies", "generation"}
    assert found["uses"][0]["use"] == "学前教育保障"
    assert {i["name"] for i in found["items"]} >= {"新建幼儿园数量"}
    assert len(found["items"]) <= 3
    assert found["coverage"]["数量指标"]["required"] is True


def test_suggest_takes_every_field(public: FlaskClient) -> None:
    body = {"project": "幼儿园", "goal": "", "budget": 120, "use": None, "chosen": ["a69a634c81", "没有"], "limit": 60}
    found = public.post(f"{V1}/suggest", json=body)
    assert found.status_code == 200
    assert "a69a634c81" not in [i["id"] for i in found.json["items"]]


def test_review_hands_over_the_table(department: FlaskClient, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[Goal, Actor]] = []

    class Answer:
        def as_json(self) -> dict[str, object]:
            return {"score": 100, "grade": "优"}

    def review(goal: Goal, store: object, live: object, actor: Actor) -> Answer:
        asked.append((goal, actor))
        return Answer()

    monkeypatch.setattr("webapp.api.review", review)
    body = {"project": "甲", "goal": "乙", "budget": 1.5, "rows": [ROW | {"value": 5, "weight": 12.5}]}
    assert department.post(f"{V1}/review", json=body).json == {"score": 100, "grade": "优"}
    goal = Goal("甲", "乙", 1.5, (GoalRow("产出指标", "数量指标", "新建幼儿园", "≥", "5", "所", "12.5", ""),))
    assert [(g, a.name) for g, a in asked] == [(goal, "dept")]


def test_review_for_real(public: FlaskClient) -> None:
    body = {"project": "幼儿园建设", "goal": "新建幼儿园 5 所", "rows": [ROW | {"name": "新建幼儿园数量"}]}
    found = public.post(f"{V1}/review", json=body)
    assert found.status_code == 200
    assert set(found.json) == {"score", "grade", "dimensions", "findings", "matches"}
    assert found.json["matches"] == [
        {"row": found.json["matches"][0]["row"], "id": "a69a634c81", "name": "新建幼儿园数量", "similarity": 1.0}
    ]


# Caching


def test_answers_are_tagged_and_not_sent_twice(public: FlaskClient, admin: FlaskClient) -> None:
    for path in (
        "/indicators?q=幼儿园",
        "/indicators/a69a634c81",
        "/complete?q=学",
        "/policies",
        "/taxonomy",
        "/healthz",
    ):
        first = public.get(V1 + path)
        assert first.headers["Cache-Control"] == "private, no-cache"
        assert {"Authorization", "Cookie"} <= {h.strip() for h in first.headers["Vary"].split(",")}
        again = public.get(V1 + path, headers={"If-None-Match": first.headers["ETag"]})
        assert (again.status_code, again.data) == (304, b"")
        # The same tag from a reader with another scope is not theirs.
        other = admin.get(V1 + path, headers={"If-None-Match": first.headers["ETag"]})
        assert other.status_code == 200
        assert other.headers["ETag"] != first.headers["ETag"]


SEARCHES = ("/indicators?q=幼儿园", "/indicators?size=3&sort=name", "/complete?q=幼儿")


def tag(client: FlaskClient, path: str) -> str:
    return client.get(V1 + path).headers["ETag"]


def test_what_a_reader_holds_is_not_made_again(
    public: FlaskClient, department: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    held = {path: (tag(public, path), tag(department, path)) for path in SEARCHES}
    made: list[object] = []
    for name in ("search_indicators", "jsonify"):
        plain = getattr(api, name)
        monkeypatch.setattr(api, name, lambda *a, plain=plain: made.append(a) or plain(*a))
    for path, tags in held.items():
        for client, other, own in ((public, department, tags[0]), (department, public, tags[1])):
            again = client.get(V1 + path, headers={"If-None-Match": f'"0", W/{own}'})
            assert (again.status_code, again.data, made) == (304, b"", [])
            assert (again.headers["ETag"], again.headers["Cache-Control"]) == (own, "private, no-cache")
            assert {"Authorization", "Cookie"} <= {h.strip() for h in again.headers["Vary"].split(",")}
            assert "Content-Type" not in again.headers
            assert other.get(V1 + path, headers={"If-None-Match": own}).status_code == 200
            made.clear()
    # Another question, or none that was asked before, is answered.
    for path in ("/indicators?q=幼儿园&page=2", "/complete?q=幼儿&limit=1"):
        assert public.get(V1 + path, headers={"If-None-Match": held[SEARCHES[0]][0]}).status_code == 200
    assert made


def test_mistakes_are_told_to_those_who_hold_something_too(public: FlaskClient) -> None:
    own = tag(public, SEARCHES[0])
    assert public.get(f"{V1}/indicators?q=幼儿园&page=0", headers={"If-None-Match": own}).status_code == 400
    assert public.get(f"{V1}/indicators?q=幼儿园&page=0", headers={"If-None-Match": "*"}).status_code == 400


@pytest.fixture
def changing(library: Path, tmp_path: Path) -> Iterator[Flask]:
    """An application over a library of its own."""
    shutil.copytree(library, tmp_path / "data")
    app = create_app(tmp_path / "data")
    app.testing = True
    yield app
    app.extensions["zhibiao"].live.close()
    app.extensions["zhibiao"].store.close()


ALL, OWN = Actor("", Role.ADMIN, "", Clearance.ALL), ("dept", "admin", None, "reviewer")


def test_tags_change_with_what_a_reader_may_see_and_with_nothing_else(changing: Flask) -> None:
    """Of restricted changes the public, and another unit, must learn nothing: not even that there was one."""
    at = changing.extensions["zhibiao"]
    readers = {name: as_user(changing, name) for name in OWN}
    path = "/indicators?size=100"

    def told(code: str, **change: object) -> list[str | None]:
        before = {name: tag(client, path) for name, client in readers.items()}
        record = indicators.get(at.store, code, ALL)
        indicators.put(at.store, [replace(record, **change)], actor="", action="edit", detail="")
        after = {
            name: client.get(V1 + path, headers={"If-None-Match": before[name]}) for name, client in readers.items()
        }
        assert [after[n].status_code for n in OWN] == [
            200 if after[n].headers["ETag"] != before[n] else 304 for n in OWN
        ]
        return [name for name in OWN if after[name].status_code == 200]

    codes = {i.name[:2]: i.code for i in indicators.active(at.store, "full")}
    assert told(codes["新建"], scoring="另一种评分") == list(OWN)
    assert told(codes["玄武"], scoring="另一种评分") == ["admin"]
    assert told(codes["麒麟"], scoring="另一种评分") == ["dept", "admin"]
    assert told(codes["麒麟"], status=Status.DRAFT) == ["dept", "admin"]
    assert told(codes["麒麟"], name="麒麟改名") == []


def test_tags_change_with_the_weights(changing: Flask) -> None:
    at, client = changing.extensions["zhibiao"], as_user(changing, None)
    before = tag(client, SEARCHES[0])
    weights = at.live.view().settings
    settings_of.save(at.store.folder, weights.changed({"fields.name": 2 * weights.fields.name}))
    again = client.get(V1 + SEARCHES[0], headers={"If-None-Match": before})
    assert (again.status_code, again.headers["ETag"] != before) == (200, True)


def test_of_tags_only_so_many_are_remembered(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(services, "TAGS", 2)
    view, tags = app.extensions["zhibiao"].live.view(), services.Tags()
    for asked in (b"1", b"2", b"3"):
        tags.note(view, asked, asked.decode())
    other = replace(view)
    assert [tags.of(v, asked) for v in (view, other) for asked in (b"1", b"3")] == [None, "3", None, None]
    tags.note(other, b"4", "4")
    assert [tags.of(view, b"3"), tags.of(other, b"4")] == [None, "4"]


def test_what_was_answered_while_meaning_failed_is_made_again(app: Flask) -> None:
    view = app.extensions["zhibiao"].live.view()
    queries = SimpleNamespace(trouble="")
    meant = replace(view, meaning=SimpleNamespace(queries=queries))  # type: ignore[arg-type]
    tags = services.Tags()
    queries.trouble = "坏了"
    tags.note(meant, b"1", "without")
    queries.trouble = ""
    assert tags.of(meant, b"1") is None
    tags.note(meant, b"1", "with")
    assert tags.of(meant, b"1") == "with"
    queries.trouble = "坏了"
    assert tags.of(meant, b"1") is None


NUMBERS = st.integers() | st.sampled_from([2**63, 2**64, -(2**63) - 1, 10**30])
VALUES = st.recursive(
    st.none()
    | st.booleans()
    | NUMBERS
    | st.text()
    | st.sampled_from(["<b>&'\"/\\", "\x7f\x00\x1f\u2028", "不可公开 𠀀"]),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@given(VALUES)
def test_answers_are_written_as_python_writes_them(app: Flask, value: object) -> None:
    with app.app_context():
        text = app.json.response(value).get_data(as_text=True)
    assert text == json.dumps(value, ensure_ascii=False, separators=(",", ":")) + "\n"


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_no_digit_is_lost(app: Flask, value: float) -> None:
    with app.app_context():
        assert app.json.response([value]).get_json() == [value]


def test_other_things_are_written_by_flask(app: Flask) -> None:
    day = datetime(2026, 1, 31, tzinfo=UTC)
    with app.app_context():
        assert app.json.response({"at": day, "n": {1: 10**20}}).get_json() == {
            "at": "Sat, 31 Jan 2026 00:00:00 GMT", "n": {"1": 10**20},
        }  # fmt: skip


def test_posts_and_errors_are_not_stored(public: FlaskClient) -> None:
    for response in (public.post(f"{V1}/suggest", json={}), public.get(f"{V1}/indicators/0")):
        assert response.headers["Cache-Control"] == "no-store"
        assert "ETag" not in response.headers


# Bad input

TEXTS = ["", " ", "😀😀", "nongcunl", "'", '"', '"幼儿园', "“幼儿园", "*", "?*", "幼*园", "\x01\x1b", "\ufffe",
         "' or 1=1 --", "<script>", "%", "AND OR NOT", "((((", "\u202e幼儿园", "a" * 500, "的", "\\",
         "1/0"]  # fmt: skip


@pytest.mark.parametrize("text", TEXTS)
@pytest.mark.parametrize("path", ["/indicators", "/complete", "/policies", "/experts"])
def test_odd_texts_are_answered(reviewer: FlaskClient, path: str, text: str) -> None:
    assert isinstance(get(reviewer, path, q=text)["items"], list)


@pytest.mark.parametrize("path", ["/indicators", "/complete", "/policies", "/experts"])
@pytest.mark.parametrize("text", ["a" * 501, "幼" * 100_000, "a\0b"])
def test_texts_that_are_no_query(reviewer: FlaskClient, path: str, text: str) -> None:
    assert problem(reviewer.get(V1 + path, query_string={"q": text})) == (400, "bad_input", "q")


@pytest.mark.parametrize(
    ("path", "field"),
    [
        ("/indicators?nope=1", "nope"),
        ("/indicators?visibility=restricted", "visibility"),
        ("/indicators?page=0", "page"),
        ("/indicators?page=-1", "page"),
        ("/indicators?page=1.0", "page"),
        ("/indicators?page=x", "page"),
        ("/indicators?page=", "page"),
        ("/indicators?page=１", "page"),
        ("/indicators?page=1_0", "page"),
        ("/indicators?page=1000000001", "page"),
        ("/indicators?page=" + "9" * 5000, "page"),
        ("/indicators?size=0", "size"),
        ("/indicators?size=101", "size"),
        ("/indicators?size=十", "size"),
        ("/indicators?sort=owner", "sort"),
        ("/indicators?sort=", "sort"),
        ("/indicators?q=a&q=b", "q"),
        ("/indicators?page=1&page=2", "page"),
        ("/indicators?domain=%00", "domain.0"),
        ("/indicators?" + "unit=a&" * 101, "unit"),
        ("/indicators/a69a634c81?x=1", "x"),
        ("/complete?limit=0", "limit"),
        ("/complete?limit=51", "limit"),
        ("/complete?limit=many", "limit"),
        ("/complete?page=1", "page"),
        ("/policies?sort=code", "sort"),
        ("/policies?page=0", "page"),
        ("/policies?size=1000", "size"),
        ("/policies/p0000000001?x=1", "x"),
        ("/experts?kind=a", "kind"),
        ("/taxonomy?q=a", "q"),
        ("/openapi.json?a=1", "a"),
    ],
)
def test_bad_parameters_are_named(reviewer: FlaskClient, path: str, field: str) -> None:
    assert problem(reviewer.get(V1 + path)) == (400, "bad_input", field)


def test_messages_say_what_to_do(public: FlaskClient) -> None:
    def said(path: str) -> str:
        return str(public.get(V1 + path).json["error"]["message"])

    assert said("/indicators?nope=1") == "没有“nope”这一项，请去掉或检查拼写。"
    assert said("/indicators?page=x") == "“page”须为整数，请修改。"
    assert said("/indicators?page=0") == "“page”不能小于 1，请修改。"
    assert said("/indicators?size=101") == "“size”不能大于 100，请修改。"
    assert said("/indicators?sort=x") == "“sort”须为 score、code、name、-updated 之一，请修改。"
    assert said("/indicators?q=a&q=b") == "参数“q”只能出现一次，请只保留一个。"
    assert said(f"/indicators?q={'a' * 501}") == "“q”超过 500 字，请删减。"


@pytest.mark.parametrize("path", ["/suggest", "/review"])
@pytest.mark.parametrize(
    "body",
    ["", "{", "{}x", '{"project": ""} {}', "[]", "null", "1", '"a"', "NaN", '{"budget": NaN}', '{"budget": Infinity}',
     '{"budget": -Infinity}', '{"goal": "\\ud800"}', '{"goal": "a\\u0000"}', '{"\\ud800": 1}', '{"a\\u0000": 1}',
     '{"goal": "a", "goal": "b"}', "[" * 100_000, '{"goal":' * 100_000, '{"a":' * 500 + "1" + "}" * 500,
     '{"budget": ' + "9" * 5000 + "}", "\ufeff{}", "{'goal': 1}", '{"goal": "\x01"}', '{"unknown": 1}'],
)  # fmt: skip
def test_bodies_that_are_no_request(public: FlaskClient, path: str, body: str) -> None:
    response = public.post(V1 + path, data=body.encode(), content_type="application/json")
    assert problem(response)[:2] == (400, "bad_input")


def test_bytes_that_are_no_text(public: FlaskClient) -> None:
    for body in (b"\xff\xfe", '{"goal": "幼儿园"}'.encode("gbk"), b'{"goal": "\xed\xa0\x80"}'):
        response = public.post(f"{V1}/suggest", data=body, content_type="application/json")
        assert problem(response) == (400, "bad_input", None)


@pytest.mark.parametrize("kind", [None, "text/plain", "application/x-www-form-urlencoded", "application/xml"])
def test_other_content_types(public: FlaskClient, kind: str | None) -> None:
    for path in ("/suggest", "/review"):
        assert problem(public.post(V1 + path, data=b"{}", content_type=kind)) == (415, "unsupported_media_type", None)


def test_body_too_large(public: FlaskClient) -> None:
    for path in ("/suggest", "/review"):
        response = public.post(V1 + path, data=b" " * (2 * 1024 * 1024 + 1), content_type="application/json")
        assert problem(response) == (413, "too_large", None)


@pytest.mark.parametrize(
    ("path", "body", "field"),
    [
        ("/suggest", {"project": 1}, "project"),
        ("/suggest", {"project": None}, "project"),
        ("/suggest", {"project": "a" * 201}, "project"),
        ("/suggest", {"goal": "a" * 5001}, "goal"),
        ("/suggest", {"goal": ["a"]}, "goal"),
        ("/suggest", {"goal": "a\0"}, "goal"),
        ("/suggest", {"budget": "1"}, "budget"),
        ("/suggest", {"budget": -1}, "budget"),
        ("/suggest", {"budget": True}, "budget"),
        ("/suggest", {"budget": 10**400}, "budget"),
        ("/suggest", {"use": 1}, "use"),
        ("/suggest", {"use": "a" * 101}, "use"),
        ("/suggest", {"chosen": "a"}, "chosen"),
        ("/suggest", {"chosen": [1]}, "chosen.0"),
        ("/suggest", {"chosen": ["a", "b\0"]}, "chosen.1"),
        ("/suggest", {"chosen": ["a"] * 201}, "chosen"),
        ("/suggest", {"chosen": {}}, "chosen"),
        ("/suggest", {"limit": 0}, "limit"),
        ("/suggest", {"limit": 61}, "limit"),
        ("/suggest", {"limit": 1.0}, "limit"),
        ("/suggest", {"limit": "1"}, "limit"),
        ("/suggest", {"limit": True}, "limit"),
        ("/suggest", {"limit": None}, "limit"),
        ("/suggest", {"limit": 10**30}, "limit"),
        ("/suggest", {"rows": []}, "rows"),
        ("/suggest", {"x" * 300: 1}, "x" * 40),
        ("/review", {}, "rows"),
        ("/review", GOAL | {"rows": {}}, "rows"),
        ("/review", GOAL | {"rows": [ROW] * 201}, "rows"),
        ("/review", GOAL | {"rows": ["a"]}, "rows.0"),
        ("/review", GOAL | {"rows": [ROW, ROW, ROW, ROW | {"unit": 3}]}, "rows.3.unit"),
        ("/review", GOAL | {"rows": [ROW, ROW | {"unit": "a" * 51}]}, "rows.1.unit"),
        ("/review", GOAL | {"rows": [{k: v for k, v in ROW.items() if k != "name"}]}, "rows.0.name"),
        ("/review", GOAL | {"rows": [ROW | {"more": ""}]}, "rows.0.more"),
        ("/review", GOAL | {"rows": [ROW | {"value": True}]}, "rows.0.value"),
        ("/review", GOAL | {"rows": [ROW | {"weight": []}]}, "rows.0.weight"),
        ("/review", GOAL | {"rows": [ROW | {"weight": "a" * 21}]}, "rows.0.weight"),
        ("/review", GOAL | {"rows": [ROW | {"name": "a\0"}]}, "rows.0.name"),
        ("/review", GOAL | {"limit": 3}, "limit"),
    ],
)
def test_bad_fields_are_named(public: FlaskClient, path: str, body: dict[str, object], field: str) -> None:
    assert problem(public.post(V1 + path, json=body)) == (400, "bad_input", field)


def test_bad_fields_say_what_to_do(public: FlaskClient) -> None:
    def said(body: object) -> str:
        return str(public.post(f"{V1}/review", json=body).json["error"]["message"])

    assert said({}) == "缺少“rows”，请补充。"
    assert said(GOAL | {"rows": [ROW | {"unit": 3}]}) == "“rows.0.unit”须为文字，请修改。"
    assert said(GOAL | {"budget": 1e10}) == "“budget”不能大于 1000000000，请修改。"
    assert said(GOAL | {"rows": [ROW] * 201}) == "“rows”超过 200 项，请删减。"
    assert said([]) == "请求正文须为一个 JSON 对象，请检查。"


@pytest.mark.parametrize("path", ["/suggest?x=1", "/review?x=1"])
def test_parameters_beside_a_body(public: FlaskClient, path: str) -> None:
    assert problem(public.post(V1 + path, json={})) == (400, "bad_input", "x")


@pytest.mark.parametrize("id", ["0", "zzz", "%00", "%ED%A0%80", "a" * 5000, "😀", "' or 1=1", "-1", "%F0%28"])
def test_unknown_ids(public: FlaskClient, id: str) -> None:
    for path in ("/indicators/", "/policies/"):
        assert problem(public.get(V1 + path + id)) == (404, "not_found", None)


def test_addresses_and_methods_that_are_not_there(public: FlaskClient) -> None:
    assert problem(public.get(f"{V1}/nothing")) == (404, "not_found", None)
    assert problem(public.post(f"{V1}/nothing")) == (404, "not_found", None)
    assert problem(public.get("/api/v2/indicators")) == (404, "not_found", None)
    for method, path, allowed in (
        ("POST", "/indicators", "GET"),
        ("DELETE", "/policies", "GET"),
        ("GET", "/suggest", "POST"),
    ):
        response = public.open(V1 + path, method=method)
        assert problem(response) == (405, "method_not_allowed", None)
        assert allowed in response.headers["Allow"]


STRANGE = settings(max_examples=150, deadline=None, database=None, suppress_health_check=list(HealthCheck))
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(
        st.sampled_from(["project", "goal", "budget", "use", "chosen", "limit", "rows", *ROW]) | st.text(max_size=5),
        inner, max_size=5),
    max_leaves=20,
)  # fmt: skip


@STRANGE
@given(st.text(max_size=60))
def test_no_text_breaks_a_search(app: Flask, text: str) -> None:
    client = as_user(app, None)
    for path in ("/indicators", "/complete", "/policies"):
        status = client.get(f"{V1}{path}?q={quote(text.encode('utf-8', 'surrogatepass'))}").status_code
        assert status in (200, 400)


@STRANGE
@given(st.dictionaries(st.sampled_from(["project", "goal", "budget", "use", "chosen", "limit"]), JSON) | JSON)
def test_no_body_breaks_a_suggestion(app: Flask, body: object) -> None:
    response = as_user(app, None).post(f"{V1}/suggest", data=json.dumps(body), content_type="application/json")
    assert response.status_code in (200, 400)
    if response.status_code == 400:
        problem(response)


# Secrecy: what an actor gets is byte for byte what the library without the rest gives

OUR_CODES = ["2190001"]
THEIR_CODES = ["3290001", "3490001", "2290001"]
HIDDEN = [
    *SECRETS,
    *SECRETS.values(),
    *[s[:4] for s in SECRETS.values()],
    "凤凰行动出警次数",
    "凤凰行动出警册数",
    "凤",
    "暗语",
]
WORDS = [*HIDDEN, "幼儿园", "农村公路", "覆盖率", "数量", "安保", "you", "学前教育"]
PATHS = [
    *[f"{V1}/{kind}?q={quote(word)}" for kind in ("indicators", "complete", "policies") for word in WORDS],
    *[f"{V1}/indicators/{id}" for code in (*OUR_CODES, *THEIR_CODES) for id in (code, indicator_id(code))],
    *[f"{V1}/policies/{id}" for id in ("p0000000001", "p0000000002", "p0000000009")],
    *[f"{V1}/indicators?{name}={quote(value)}" for name, value in [
        ("owner", "州公安局"), ("owner", "州教育体育局"), ("unit", "凤凰次"), ("unit", "麒麟人次"), ("use", "朱雀专项"),
        ("level2", "可持续影响指标"), ("level1", "效益指标"), ("domain", "教育"), ("sort", "-updated"), ("size", "3"),
    ]],
    f"{V1}/indicators", f"{V1}/policies", f"{V1}/taxonomy", f"{V1}/healthz", f"{V1}/openapi.json", "/api/docs",
    "/", "/policies", "/draft", "/help", "/experts", "/sign-in", "/policies/p0000000001", "/policies/p0000000009",
    *[f"/?q={quote(word)}" for word in WORDS],
    *[f"/policies?q={quote(word)}" for word in WORDS],
    *[f"/indicators/{id}" for code in ("2100001", *OUR_CODES, *THEIR_CODES) for id in (code, indicator_id(code))],
]  # fmt: skip
DRAFTS = [
    {"project": "幼儿园建设", "goal": "新建幼儿园 5 所，配套农村公路", "limit": 60},
    {"project": "凤凰行动", "goal": "凤凰行动出警次数、玄武装备覆盖、麒麟考点安保", "limit": 60},
    {"goal": "朱雀任务"},
    {"goal": "公路", "chosen": [indicator_id(code) for code in (*OUR_CODES, *THEIR_CODES)]},
]
TABLES = [
    {"project": draft.get("project", ""), "goal": draft["goal"], "rows": [
        ROW | {"name": name}
        for name in ("新建幼儿园数量", "凤凰行动出警次数", "玄武装备幼儿园覆盖率", "麒麟考点安保人数", "安保人数")
    ]} for draft in DRAFTS
]  # fmt: skip
_TOKEN = re.compile(rb'(csrf[-_]token" (?:content|value)=")[^"]*')


def _seen(client: FlaskClient) -> dict[str, tuple[int, bytes, str | None]]:
    """Everything that one person gets."""
    answers = {path: client.get(path) for path in PATHS}
    answers |= {f"suggest {n}": client.post(f"{V1}/suggest", json=draft) for n, draft in enumerate(DRAFTS)}
    answers |= {f"review {n}": client.post(f"{V1}/review", json=filled) for n, filled in enumerate(TABLES)}
    # The CSRF token is random, and with it the tag of the pages that carry one.
    return {
        path: (r.status_code, _TOKEN.sub(rb"\1", r.data), r.headers.get("ETag") if path.startswith(V1) else None)
        for path, r in answers.items()
    }


@pytest.mark.parametrize(
    ("person", "twin"), [(None, "public_twin"), ("reviewer", "public_twin"), ("dept", "department_twin")]
)
def test_the_rest_of_the_library_leaves_no_trace(
    app: Flask, person: str | None, twin: str, request: pytest.FixtureRequest
) -> None:
    got = _seen(as_user(app, person))
    expected = _seen(as_user(request.getfixturevalue(twin), person))
    assert {path: v for path, v in got.items() if v != expected[path]} == {}
    assert not [path for path, (status, _, _) in got.items() if status >= 500]


@pytest.mark.parametrize("person", [None, "reviewer", "dept"])
def test_a_picked_use_that_only_hidden_records_have_is_not_known(app: Flask, person: str | None) -> None:
    answers = []
    for use in ("朱雀专项", "没有的用途"):
        answer = as_user(app, person).post(f"{V1}/suggest", json={"use": use})
        answers.append((answer.status_code, answer.get_data(as_text=True).replace(use, "")))
    assert answers[0] == answers[1]


def test_there_is_something_that_could_leak(admin: FlaskClient, department: FlaskClient) -> None:
    assert names(admin, q="凤凰") == ["凤凰行动出警次数"]
    assert names(admin, q="玄武") == ["玄武装备幼儿园覆盖率"]
    assert names(admin, q="麒麟") == names(department, q="麒麟") == [OUR_ROWS[0][0]]
    assert get(admin, "/policies", q="凤凰")["total"] == 1
    assert get(admin, "/indicators")["total"] == len(PUBLIC_ROWS) + 4
    assert get(department, "/indicators")["total"] == len(PUBLIC_ROWS) + 1
    assert "朱雀专项" in admin.get(f"{V1}/taxonomy").text
    for code in (*OUR_CODES, *THEIR_CODES):
        assert get(admin, f"/indicators/{code}")["visibility"] == "restricted"


def test_hidden_and_unknown_are_not_told_apart(
    public: FlaskClient, reviewer: FlaskClient, department: FlaskClient
) -> None:
    for client, codes in ((public, OUR_CODES + THEIR_CODES), (reviewer, THEIR_CODES), (department, THEIR_CODES)):
        unknown = client.get(f"{V1}/indicators/0000000000")
        assert problem(unknown) == (404, "not_found", None)
        for id in (*codes, *map(indicator_id, codes)):
            hidden = client.get(f"{V1}/indicators/{id}")
            assert (hidden.status_code, hidden.data, list(hidden.headers)) == (404, unknown.data, list(unknown.headers))


@pytest.mark.parametrize("person", [None, "reviewer"])
def test_no_secret_word_anywhere(app: Flask, person: str | None) -> None:
    client = as_user(app, person)
    for path in (f"{V1}/indicators?size=100", f"{V1}/policies", f"{V1}/policies?q=幼儿园",
                 f"{V1}/complete?q=f&limit=50", f"{V1}/indicators?q=幼儿园", f"{V1}/indicators?q=公路",
                 f"{V1}/policies/p0000000001", f"{V1}/taxonomy"):  # fmt: skip
        assert not [word for word in (*SECRETS, "州公安局") if word in client.get(path).text]
