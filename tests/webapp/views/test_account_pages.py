"""Signing in and out, one-time links, the expert pool, help."""

from __future__ import annotations

import re

import pytest
from flask import Flask
from flask.testing import FlaskClient

from corpus import people
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
    assert "<b>dept</b> 预算单位 · 州教育体育局" in page
    public.post("/sign-out", data={"csrf_token": token(public, "/")})
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
