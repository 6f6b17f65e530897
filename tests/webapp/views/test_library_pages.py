"""The search page and the page of one indicator."""

from __future__ import annotations

import re
from html import unescape

import pytest
from flask import Flask
from flask.testing import FlaskClient

from corpus import people


def names(page: str) -> list[str]:
    """The names in a result list, in order, without marks."""
    return [unescape(re.sub(r"<[^>]+>", "", a)) for a in re.findall(r'class="hit"[^>]*>(.*?)</a>', page)]


def id_of(client: FlaskClient, name: str) -> str:
    items = client.get("/api/v1/indicators", query_string={"q": name}).json["items"]
    return next(item["id"] for item in items if item["name"] == name)


def plain(client: FlaskClient, path: str) -> str:
    """A page without what differs from one browser to the next."""
    return re.sub(r'(csrf[-_]token" (?:content|value)=")[^"]*', r"\1", client.get(path).text)


def test_start_page_shows_the_library_and_says_that_it_is_reference_data(public: FlaskClient) -> None:
    page = public.get("/").text
    assert len(names(page)) == 7
    assert "示例参考数据" in page
    assert '<html lang="zh-CN">' in page


def test_results_show_target_category_use_and_marks(public: FlaskClient) -> None:
    page = public.get("/", query_string={"q": "农村公路"}).text
    assert sorted(names(page)) == ["农村公路按期完工率", "农村公路新建里程"]
    assert "<mark>农村公路</mark>新建里程" in page
    assert "≥30公里" in page
    assert '<span class="chip">数量指标</span>' in page
    assert "交通运输<i>›</i>公路水路运输<i>›</i>农村公路建设" in page
    assert "名称含“农村公路”" in page


def test_facet_links_add_and_remove_a_filter(public: FlaskClient) -> None:
    page = public.get("/", query_string={"domain": "教育"}).text
    assert len(names(page)) == 3
    links = dict(re.findall(r'<a id="f-level2-([^"]+)" href="([^"]+)"', page))
    narrowed = public.get(unescape(next(iter(links.values())))).text
    assert len(names(narrowed)) == 1
    assert narrowed.count('<p class="chips">') == 1
    off = re.search(r'<a id="f-domain-[^"]+" href="([^"]+)" class="on"', page)
    assert off is not None
    assert len(names(public.get(unescape(off[1])).text)) == 7


def test_a_facet_that_is_on_still_offers_its_other_values(public: FlaskClient) -> None:
    page = public.get("/", query_string={"domain": "教育"}).text
    assert page.count('id="f-domain-') == 3
    both = public.get("/", query_string={"domain": ["教育", "交通运输"]}).text
    assert len(names(both)) == 5


def test_nothing_found_says_what_to_try(public: FlaskClient) -> None:
    page = public.get("/", query_string={"q": "量子纠缠", "domain": "教育"}).text
    assert "没有找到与“量子纠缠”相符的指标" in page
    assert "去掉全部筛选再找" in page


def test_a_page_beyond_the_last_leads_back(public: FlaskClient) -> None:
    page = public.get("/", query_string={"page": "1000000000"}).text
    assert "没有第 1000000000 页" in page


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ({"page": "0"}, "页码"),
        ({"page": "x"}, "页码"),
        ({"page": "9" * 5000}, "页码"),
        ({"sort": "evil"}, "排序方式"),
        ({"q": "长" * 501}, ""),
    ],
)
def test_bad_input_is_told_in_chinese(public: FlaskClient, query: dict[str, str], words: str) -> None:
    answer = public.get("/", query_string=query)
    assert answer.status_code == 400
    assert words in answer.text
    assert 'id="error-message"' in answer.text


def test_hostile_text_is_shown_as_text(public: FlaskClient) -> None:
    page = public.get("/", query_string={"q": '"><script>alert(1)</script>', "unit": "<b>"}).text
    assert "<script>alert" not in page
    assert "<b>（" not in page
    assert "&lt;script&gt;" in page


def test_no_inline_script_or_style_anywhere(admin: FlaskClient) -> None:
    record = id_of(admin, "麒麟考点安保人数")
    paths = ["/", "/?q=公路", f"/indicators/{record}", "/policies", "/policies?q=公路", "/policies/p0000000001",
             "/draft", "/experts", "/help", "/sign-in", "/enter/x", "/nowhere"]  # fmt: skip
    for path in paths:
        page = admin.get(path).text
        assert not re.search(r"<script(?![^>]*\bsrc=)|<style|\sstyle=|\son\w+=|javascript:", page), path
        assert not re.search(r"""(?:src|href|action)=["'](?:https?:)?//""", page), path


def test_record_shows_its_fields_and_its_neighbours(public: FlaskClient) -> None:
    page = public.get(f"/indicators/{id_of(public, '新建幼儿园数量')}").text
    for words in ("当年新建并投入使用的幼儿园数量。", "≥5所", "州教育体育局", "产出指标", "第 1 版"):
        assert words in page
    assert "幼儿园验收合格率" in page
    assert "/draft?chosen=" in page
    assert "产出指标\t数量指标\t新建幼儿园数量\t≥\t5\t所" in page


def test_restricted_record_is_marked_for_those_who_may_see_it(department: FlaskClient, public: FlaskClient) -> None:
    record = id_of(department, "麒麟考点安保人数")
    page = department.get(f"/indicators/{record}").text
    assert '<span class="secret"' in page
    assert "不公开指标" in page
    hidden, missing = public.get(f"/indicators/{record}"), public.get("/indicators/nothing")
    assert hidden.status_code == missing.status_code == 404


PATHS = ["/", "/?q=公路", "/?q=麒麟", "/?q=凤凰", "/?q=麒林", "/?unit=麒麟人次", "/?unit=凤凰次&domain=教育",
         "/?owner=州公安局", "/?q=幼儿园&sort=name", "/policies", "/policies?q=幼儿园", "/policies?q=凤凰",
         "/policies/p0000000001", "/policies/p0000000009", "/help"]  # fmt: skip


@pytest.mark.parametrize("path", PATHS)
def test_the_public_sees_what_a_library_without_secrets_shows(app: Flask, public_twin: Flask, path: str) -> None:
    assert plain(app.test_client(), path) == plain(public_twin.test_client(), path)


@pytest.mark.parametrize("path", PATHS)
def test_nor_does_a_department_learn_of_the_secrets_of_others(
    department: FlaskClient, department_twin: Flask, path: str
) -> None:
    twin = department_twin.test_client()
    secret = people.issue(department_twin.extensions["zhibiao"].store, "dept", "session", days=1, by="test")
    with twin.session_transaction() as session:
        session["session"] = secret
    assert plain(department, path) == plain(twin, path)


def test_records_pages_and_drafts_do_not_tell_either(app: Flask, public_twin: Flask) -> None:
    client, twin = app.test_client(), public_twin.test_client()
    found = app.test_client().get("/api/v1/indicators", query_string={"size": 100}).json["items"]
    assert len(found) == 7
    for item in found:
        path = f"/indicators/{item['id']}"
        assert plain(client, path) == plain(twin, path)
    goal = {"project": "凤凰行动幼儿园", "goal": "麒麟考点安保，新建幼儿园5所，农村公路30公里。"}
    answers = []
    for asking in (client, twin):
        token = re.search(r'name="csrf-token" content="([^"]+)"', asking.get("/draft").text)
        assert token is not None
        answers.append(asking.post("/draft/suggestions", data=goal, headers={"X-CSRF-Token": token[1]}).text)
    assert answers[0] == answers[1]
