"""The drafting page: the fragment of suggestions, the rows handed over, the CSV file."""

from __future__ import annotations

import csv
import io
import json
import re
from html import unescape

import pytest
from flask.testing import FlaskClient

from webapp.views.drafts import CELLS, budget

GOAL = {"project": "农村公路建设项目", "goal": "新建农村公路30公里，按期完工，群众满意。"}


@pytest.fixture
def token(public: FlaskClient) -> dict[str, str]:
    """The CSRF header of a page that the public opened."""
    found = re.search(r'name="csrf-token" content="([^"]+)"', public.get("/draft").text)
    assert found is not None
    return {"X-CSRF-Token": found[1]}


def rows(page: str) -> list[dict[str, object]]:
    return [json.loads(unescape(row)) for row in re.findall(r'data-row="([^"]+)"', page)]


def test_suggestions_follow_the_goal(public: FlaskClient, token: dict[str, str]) -> None:
    page = public.post("/draft/suggestions", data=GOAL, headers=token).text
    assert {"农村公路新建里程", "农村公路按期完工率"} <= {row["name"] for row in rows(page)}
    assert 'data-use="农村公路建设"' in page
    assert re.findall(r"<li class=\"\w+\" aria-label=\"(\w+)：", page) == [
        "数量",
        "质量",
        "时效",
        "成本",
        "效益",
        "满意度",
    ]


def test_what_was_chosen_is_not_suggested_again_and_counts_as_covered(
    public: FlaskClient, token: dict[str, str]
) -> None:
    first = rows(public.post("/draft/suggestions", data=GOAL, headers=token).text)
    taken = next(row for row in first if row["level2"] == "数量指标")
    page = public.post("/draft/suggestions", data={**GOAL, "chosen": taken["id"]}, headers=token).text
    assert taken["id"] not in {row["id"] for row in rows(page)}
    assert 'class="covered" aria-label="数量：已选 1' in page


def test_empty_draft_gets_a_hint(public: FlaskClient, token: dict[str, str]) -> None:
    page = public.post("/draft/suggestions", data={}, headers=token).text
    assert 'data-count="0"' in page
    assert "在左侧写下项目名称和绩效目标" in page


@pytest.mark.parametrize("text", ["一千", "-1", "nan", "inf", "1e99"])
def test_bad_budget_is_told_in_chinese(public: FlaskClient, token: dict[str, str], text: str) -> None:
    answer = public.post("/draft/suggestions", data={**GOAL, "budget": text}, headers=token)
    assert answer.status_code == 400
    assert "预算须为不小于 0 的数字" in answer.text


def test_budget_with_thousands_separators() -> None:
    assert budget(" 1,200.5 ") == 1200.5
    assert budget("") is None


def test_suggestions_need_the_token_of_a_page(public: FlaskClient) -> None:
    assert public.post("/draft/suggestions", data=GOAL).status_code == 403


def test_page_takes_over_the_indicators_named_in_its_address(public: FlaskClient, department: FlaskClient) -> None:
    items = department.get("/api/v1/indicators", query_string={"size": 100}).json["items"]
    ids = [item["id"] for item in items]
    assert "麒麟考点安保人数" in {
        row["name"] for row in rows(department.get("/draft", query_string={"chosen": ids}).text)
    }
    seen = rows(public.get("/draft", query_string={"chosen": ids}).text)
    assert len(seen) == len(ids) - 1
    assert not any(row["restricted"] for row in seen)


def test_table_as_csv_has_no_formulas(public: FlaskClient, token: dict[str, str]) -> None:
    cells = dict(zip(CELLS, ("产出指标", "数量指标", "=1+1", "=", "-5", "公里"), strict=True))
    answer = public.post("/draft/table.csv", data=cells, headers=token)
    assert answer.data.startswith(b"\xef\xbb\xbf")
    table = list(csv.reader(io.StringIO(answer.data.decode("utf-8-sig"))))
    assert table[0] == ["一级指标", "二级指标", "三级指标", "计算符号", "指标值", "计量单位"]
    assert table[1] == ["产出指标", "数量指标", "'=1+1", "=", "-5", "公里"]
    assert "attachment" in answer.headers["Content-Disposition"]


def test_uneven_table_is_refused(public: FlaskClient, token: dict[str, str]) -> None:
    assert public.post("/draft/table.csv", data={"name": "里程"}, headers=token).status_code == 400
