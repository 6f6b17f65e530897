"""Signing in and out, one-time links, the own account, the expert pool, help."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from flask import Flask
from flask.testing import FlaskClient

from corpus import people
from corpus.access import Clearance, Right, Role
from corpus.people import User
from corpus.store import Store
from tests.webapp.conftest import as_user
from webapp.views.account import local
from webapp.views.shared import excerpt

PASSWORD = "correct horse battery"  # noqa: S105 - of a made-up person


def token(client: FlaskClient, path: str) -> str:
    found = re.search(r'name="csrf_token" value="([^"]+)"', client.get(path).text)
    assert found is not None
    return found[1]


def test_signing_in_leads_to_the_page_asked_for_and_out_again(public: FlaskClient) -> None:
    form = {"csrf_token": token(public, "/sign-in"), "name": "dept", "password": PASSWORD, "next": "/experts"}
    answer = public.post("/sign-in", data=form)
    assert (answer.status_code, answer.location) == (303, "/experts")
    page = public.get("/").text
    assert '<a href="/account" title="本人账户"><b>dept</b> 预算单位 · 州教育体育局</a>' in page
    left = public.post("/sign-out", data={"csrf_token": token(public, "/")})
    assert "本浏览器里保存的起草内容已清除。" in public.get(left.location).text
    assert "公众访问" in public.get("/").text


def test_wrong_password_and_unknown_name_get_the_same_answer(public: FlaskClient) -> None:
    pages = []
    for name in ("dept", "nobody"):
        form = {"csrf_token": token(public, "/sign-in"), "name": name, "password": "wrong password"}
        answer = public.post("/sign-in", data=form)
        assert answer.status_code == 401
        pages.append(answer.text.replace(name, ""))
    assert pages[0] == pages[1]
    assert "用户名或密码不对" in pages[0]


@pytest.mark.parametrize("target", ["//evil.example", "/\\evil.example", "https://evil.example", "evil", "/\nx", ""])
def test_no_way_out_of_the_service_after_signing_in(target: str) -> None:
    assert local(target) == "/"


def test_one_time_link_is_spent_by_the_button_alone(app: Flask, public: FlaskClient) -> None:
    secret = people.issue(app.extensions["zhibiao"].store, "dept", "link", days=1, by="test")
    path = f"/enter/{secret}"
    assert "确认登录" in public.get(path).text
    form = {"csrf_token": token(public, path)}
    assert public.post(path, data=form).status_code == 303
    assert "<b>dept</b>" in public.get("/").text
    form = {"csrf_token": token(public, "/")}
    again = public.post(path, data=form)
    assert again.status_code == 410
    assert "已经用过" in again.text


# The own account


@pytest.fixture
def store(app: Flask) -> Iterator[Store]:
    """The store; sessions and tokens of the test end with it."""
    found: Store = app.extensions["zhibiao"].store
    people.end_sessions(found, "dept", by="test")
    yield found
    for ticket in people.api_tokens(found, "dept"):
        people.revoke(found, ticket.id, by="test")


def test_the_account_is_its_holders_alone(app: Flask, public: FlaskClient) -> None:
    for method, path in (
        ("GET", "/account"), ("GET", "/account/password"), ("POST", "/account/tokens"), ("POST", "/account/password"),
        ("POST", "/account/sessions/end"), ("POST", "/account/sessions/x/end"), ("POST", "/account/tokens/x/revoke"),
    ):  # fmt: skip
        form = {"csrf_token": token(public, "/sign-in")} if method == "POST" else {}
        answer = public.open(path, method=method, data=form)
        assert (answer.status_code, "请先登录后再管理本人账户。" in answer.text) == (401, True), path


def test_the_account_says_in_words_what_one_may_see(store: Store, app: Flask) -> None:
    page = as_user(app, "dept").get("/account").text
    for said in ("<td>dept</td>", "<td>预算单位</td>", "<td>州教育体育局</td>", "<td>本单位</td>",
                 "可查看全部公开指标，以及“州教育体育局”提供的不可公开指标。",
                 "查看授权范围内的不可公开记录；查看专家库；采用指标；管理本人账户。"):  # fmt: skip
        assert said in page
    assert "可查看全部指标，包括不可公开的指标。" in as_user(app, "admin").get("/account").text


def test_sessions_are_ended_by_their_holder(store: Store, app: Flask, admin: FlaskClient) -> None:
    here, there, third = (as_user(app, "dept") for _ in range(3))
    page = here.get("/account").text
    assert (page.count("本次"), page.count(">结束</button>"), "结束其他全部会话" in page) == (1, 2, True)
    ids = {t.id for t in people.sessions(store, "dept")}
    ends = re.findall(r'action="(/account/sessions/(\w+)/end)"', page)
    assert {id for _, id in ends} < ids
    form = {"csrf_token": "test-token"}
    # Another person's administrator rights do not reach here: this page is about the own account.
    assert admin.post(ends[0][0], data=form).status_code == 303
    assert "没有这个编号的会话或令牌" in admin.get("/account").text
    assert len(people.sessions(store, "dept")) == 3
    assert here.post(ends[0][0], data=form).location == "/account"
    assert "已结束该会话。" in here.get("/account").text
    assert sorted(client.get("/experts").status_code for client in (there, third)) == [200, 303]
    assert here.post("/account/sessions/end", data=form).location == "/account"
    assert here.get("/account").status_code == 200
    assert len(people.sessions(store, "dept")) == 1


def test_a_token_is_shown_once_and_can_be_taken_back(store: Store, app: Flask) -> None:
    client = as_user(app, "dept")
    form = {"csrf_token": "test-token", "label": "绩效<系统>", "days": "30", "scope": ["experts"]}
    made = client.post("/account/tokens", data=form)
    found = re.search(r'<code id="secret">([\w-]{43})</code>', made.text)
    assert found is not None
    assert (made.status_code, made.headers["Cache-Control"]) == (200, "no-store")
    (ticket,) = people.api_tokens(store, "dept")
    assert (ticket.label, ticket.scopes) == ("绩效<系统>", {Right.EXPERTS})
    page = client.get("/account").text
    assert (found[1] in page, ticket.id in page, "绩效&lt;系统&gt;" in page, "<td>查看专家库</td>" in page) == (
        False, True, True, True,
    )  # fmt: skip
    sent = {"Authorization": f"Bearer {found[1]}"}
    assert app.test_client().get("/api/v1/experts", headers=sent).status_code == 200
    assert client.post(f"/account/tokens/{ticket.id}/revoke", data={"csrf_token": "test-token"}).status_code == 303
    assert "已撤销该令牌。" in client.get("/account").text
    assert app.test_client().get("/api/v1/experts", headers=sent).status_code == 401


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"label": " "}, "请填写令牌名称，便于日后辨认。"),
        ({"label": "长" * 61}, "名称最多 60 个字，不含换行，请修改。"),
        ({"days": "0"}, "有效期须为 1 到 365 天，请修改。"),
        ({"days": "366"}, "有效期须为 1 到 365 天，请修改。"),
        ({"days": "1e2"}, "有效天数须为 1 到 365 的整数，请修改。"),
        ({"days": "٣"}, "有效天数须为 1 到 365 的整数，请修改。"),
        ({"scope": ["account"]}, "没有这个用途，请重新勾选。"),
        ({"scope": ["experts", "nope"]}, "没有这个用途，请重新勾选。"),
        ({"scope": ["people"]}, "预算单位的令牌不能用来管理账户和授权，请去掉。"),
    ],
)
def test_a_wrong_token_form_makes_none(store: Store, app: Flask, change: dict[str, object], said: str) -> None:
    form = {"csrf_token": "test-token", "label": "脚本", "days": "30"} | change
    page = as_user(app, "dept").post("/account/tokens", data=form)
    assert (page.status_code, said in page.text, people.api_tokens(store, "dept")) == (400, True, [])


def test_the_own_password(store: Store, app: Flask) -> None:
    user = User("changer", Role.REVIEWER, "", Clearance.NONE, disabled=False)
    people.add(store, user, password="an old lamp of whales", by="test", must_change=False)
    client, other = as_user(app, "changer"), as_user(app, "changer")
    plain = {"csrf_token": "test-token", "old": "an old lamp of whales", "password": "a new lamp of whales",
             "again": "a new lamp of whales"}  # fmt: skip
    for change, said in (
        ({"again": "a new lamp"}, "两次输入的新密码不一致，请重新输入。"),
        ({"old": "wrong"}, "原密码不对，请重新输入；连续出错账户会暂时锁定。"),
        ({"password": "short", "again": "short"}, "密码须为 12 到 128 个字符"),
        ({"password": "password1234", "again": "password1234"}, "这个密码太常见"),
        ({"password": plain["old"], "again": plain["old"]}, "新密码不能与原密码相同，请换一个。"),
    ):
        page = client.post("/account/password", data=plain | change)
        assert (page.status_code, said in page.text, "lamp" in page.text) == (400, True, False)
    answer = client.post("/account/password", data=plain)
    assert (answer.status_code, answer.location) == (303, "/account")
    assert "密码已修改；本账户的其他会话和一次性链接已失效。" in client.get("/account").text
    assert other.get("/").location == "/sign-in?next=/"


def test_the_pages_hold_no_script_and_no_style(app: Flask) -> None:
    client = as_user(app, "dept")
    for path in ("/account", "/account/password", "/signed-out", "/sign-in"):
        page = client.get(path).text
        assert not re.findall(r"<style| style=|<script(?![^>]*\ssrc=)| on\w+=", page)


# Experts and help


def test_experts_are_for_signed_in_people_and_samples_are_marked(public: FlaskClient, reviewer: FlaskClient) -> None:
    assert public.get("/experts").status_code == 401
    assert "/sign-in?next=/experts" in public.get("/experts").text
    page = reviewer.get("/experts").text
    assert "张示例" in page
    assert page.count('<span class="sample">示例</span>') == 3
    found = reviewer.get("/experts", query_string={"q": "公路工程"}).text
    assert "李" in found
    assert "张示例" not in found


def test_experts_are_in_the_menu_of_signed_in_people_only(public: FlaskClient, reviewer: FlaskClient) -> None:
    assert 'href="/experts"' not in public.get("/help").text
    assert 'href="/experts"' in reviewer.get("/help").text


def test_help_says_what_the_data_is_and_who_sees_what(public: FlaskClient, admin: FlaskClient) -> None:
    assert "示例参考数据" in public.get("/help").text
    assert "只可查看公开指标。" in public.get("/help").text
    assert "可查看全部指标" in admin.get("/help").text


def test_excerpt_keeps_marks_at_their_words() -> None:
    text = "前" * 300 + "公路" + "后" * 300
    cut, marks = excerpt(text, [(300, 302)], 100)
    assert [cut[a:b] for a, b in marks] == ["公路"]
    assert cut.startswith("…")
    assert cut.endswith("…")
    assert len(cut) == 102
    assert excerpt("短", [(0, 1)]) == ("短", [(0, 1)])
