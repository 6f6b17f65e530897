"""Administrators: accounts, one-time links, clearances, and why somebody sees a record."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from flask import Flask
from flask.testing import FlaskClient

from corpus import people
from corpus.access import Clearance, Role
from corpus.errors import NotFound
from corpus.people import User
from corpus.store import Store
from tests.webapp.conftest import OURS, PASSWORD, SECRETS, THEIRS, as_user

CSRF = {"csrf_token": "test-token"}
NEW = CSRF | {"name": "新人", "role": "department", "unit": OURS, "clearance": "own"}


@pytest.fixture
def store(app: Flask) -> Iterator[Store]:
    """The store of the application, without the accounts that a test made when it is over."""
    store: Store = app.extensions["zhibiao"].store
    yield store
    with store.writing() as db:
        db.conn.execute("delete from users where name not in ('dept', 'reviewer', 'admin')")
        db.conn.execute("delete from tokens")


@pytest.fixture
def plain(app: Flask, store: Store) -> FlaskClient:
    """An administrator who may see public records only."""
    people.add(store, User("plain", Role.ADMIN, "", Clearance.NONE, disabled=False), password=None, by="test")
    return as_user(app, "plain")


def link_in(page: str) -> str:
    found = re.search(r'<code id="link">http://localhost(/enter/[\w-]+)</code>', page)
    assert found is not None
    return found[1]


def reasons(page: str) -> list[str]:
    return re.findall(r"<li>(.*?)</li>", page.partition('<ol id="reasons">')[2].partition("</ol>")[0])


def test_a_new_person_enters_by_the_link_and_sets_a_password(app: Flask, admin: FlaskClient, store: Store) -> None:
    made = admin.post("/people", data=NEW)
    assert (made.status_code, people.get(store, "新人").has_password) == (200, False)
    link = link_in(made.text)
    newcomer = as_user(app, None)
    assert link_in(made.text) not in admin.get("/people/account/新人").text
    csrf = re.search(r'name="csrf_token" value="([^"]+)"', newcomer.get(link).text)
    assert csrf is not None
    assert newcomer.post(link, data={"csrf_token": csrf[1]}).status_code == 303
    assert newcomer.get("/").location == "/account/password"


@pytest.mark.parametrize(
    ("change", "status", "message"),
    [
        ({"name": "dept"}, 409, "用户“dept”已存在，请换一个用户名。"),
        ({"name": "<b>"}, 400, "用户名须为 2 到 40 个汉字、字母、数字或 . _ -，请修改。"),
        ({"role": "public"}, 400, "公众不需要账户，请选择其他角色。"),
        ({"role": "king"}, 400, "请选择角色。"),
        ({"clearance": ""}, 400, "请选择授权范围。"),
        ({"unit": " "}, 400, "授权范围为“本单位”时须填写单位，请补充。"),
    ],
)
def test_what_is_wrong_with_a_new_account_is_said_and_nothing_written(
    admin: FlaskClient, store: Store, change: dict[str, str], status: int, message: str
) -> None:
    before = people.users(store)
    answer = admin.post("/people", data=NEW | change)
    assert (answer.status_code, message in answer.text, people.users(store)) == (status, True, before)


def test_the_list_is_searched_by_name_and_unit(admin: FlaskClient, store: Store) -> None:
    def listed(text: str) -> list[str]:
        return re.findall(r'href="/people/account/([^"]+)"', admin.get("/people", query_string={"q": text}).text)

    assert [listed(text) for text in ("", "dep", OURS, "没有的人")] == [
        ["admin", "dept", "reviewer"], ["dept"], ["dept"], [],
    ]  # fmt: skip


def test_a_change_of_clearance_ends_the_sessions(app: Flask, admin: FlaskClient, store: Store) -> None:
    department = as_user(app, "dept")
    changed = CSRF | {"role": "department", "unit": OURS, "clearance": "none"}
    assert admin.post("/people/account/dept", data=changed).status_code == 303
    try:
        assert people.get(store, "dept").clearance is Clearance.NONE
        assert department.get("/api/v1/experts").status_code == 401
        assert "已保存。" in admin.get("/people/account/dept").text
    finally:
        people.edit(store, "dept", clearance=Clearance.OWN, by="test")


def test_accounts_are_closed_opened_unlocked_and_their_tickets_ended(
    app: Flask, admin: FlaskClient, store: Store
) -> None:
    people.add(store, User("某人", Role.REVIEWER, "", Clearance.NONE, disabled=False), password=PASSWORD + "!", by="")
    secret = people.issue(store, "某人", "api", days=1, label="对接", by="test")
    as_user(app, "某人")
    [token] = people.api_tokens(store, "某人")
    page = admin.get("/people/account/某人").text
    assert ("对接" in page, secret in page) == (True, False)
    base = "/people/account/某人"
    assert admin.post(f"{base}/tokens/{token.id}/revoke", data=CSRF).status_code == 303
    assert people.api_tokens(store, "某人") == []
    assert admin.post(f"{base}/sessions/end", data=CSRF).status_code == 303
    assert people.sessions(store, "某人") == []
    states = []
    for action in ("disable", "enable", "unlock"):
        assert admin.post(f"{base}/{action}", data=CSRF).status_code == 303
        states.append(people.get(store, "某人").disabled)
    assert states == [True, False, False]
    assert admin.post(f"{base}/tokens/nothing/revoke", data=CSRF).status_code == 404


def test_the_last_administrator_stays(admin: FlaskClient, store: Store) -> None:
    closed = admin.post("/people/account/admin/disable", data=CSRF)
    demoted = admin.post(
        "/people/account/admin", data=CSRF | {"role": "reviewer", "unit": "州财政局", "clearance": "all"}
    )
    assert [(a.status_code, "最后一个启用的财政管理员" in a.text) for a in (closed, demoted)] == [(409, True)] * 2
    assert people.get(store, "admin").role is Role.ADMIN


def test_nobody_hands_out_or_enters_what_he_may_not_see(plain: FlaskClient, store: Store) -> None:
    message = "授权范围不能超过您自己的范围"
    answers = [
        plain.post("/people", data=NEW),
        plain.post("/people/account/plain", data=CSRF | {"role": "admin", "unit": "", "clearance": "all"}),
        plain.post("/people/account/admin/link", data=CSRF),
        plain.post("/people/account/admin", data=CSRF | {"role": "admin", "unit": "州财政局", "clearance": "none"}),
    ]
    assert [(a.status_code, message in a.text) for a in answers] == [(403, True)] * 4
    assert [people.get(store, name).clearance for name in ("plain", "admin")] == [Clearance.NONE, Clearance.ALL]
    assert "<code" not in "".join(a.text for a in answers)
    with pytest.raises(NotFound):
        people.get(store, "新人")


def test_the_rules_that_decide_are_told_in_words(admin: FlaskClient, app: Flask) -> None:
    found = admin.get("/api/v1/indicators?q=麒麟").json["items"][0]  # type: ignore[index]

    def why(name: str, record: str) -> list[str]:
        return reasons(admin.get("/people/why", query_string={"name": name, "record": record}).text)

    shut = f"这条记录不可公开，由“{OURS}”提供：只有授权范围包含它的人能看到。"
    unseen = "看不到这条记录，也不会从检索、计数、联想、导出中得知它存在。"
    assert [why("", found["code"]), why("dept", found["id"]), why("reviewer", found["id"])] == [
        [shut, "公众没有登录，不在任何授权范围内。", f"公众{unseen}"],
        [shut, f"“dept”的授权范围为“本单位”，单位为“{OURS}”，正是这条记录的提供单位。", "“dept”可以看到这条记录。"],
        [shut, "“reviewer”是审核人员，授权范围为“无”，只看公开记录。", f"“reviewer”{unseen}"],
    ]
    assert why("dept", "p0000000009") == [
        f"这条记录不可公开，由“{THEIRS}”提供：只有授权范围包含它的人能看到。",
        f"“dept”的授权范围为“本单位”，单位为“{OURS}”，不是这条记录的提供单位。",
        f"“dept”{unseen}",
    ]
    assert admin.get("/people/why?name=nobody&record=2100001").status_code == 404


def test_who_asks_why_learns_of_no_record_that_he_may_not_see(admin: FlaskClient, plain: FlaskClient) -> None:
    found = admin.get("/api/v1/indicators?q=麒麟").json["items"][0]  # type: ignore[index]
    answers = [plain.get(f"/people/why?record={id}") for id in (found["id"], "0123456789", "p0000000009")]
    pages = {a.text.replace(id, "") for a, id in zip(answers, (found["id"], "0123456789", "p0000000009"), strict=True)}
    assert ([a.status_code for a in answers], len(pages)) == ([404] * 3, 1)
    everything = "".join(plain.get(path).text for path in ("/people", "/people/account/admin"))
    assert [word for word in (*SECRETS, THEIRS) if word in everything] == []


@pytest.mark.parametrize("name", [None, "dept", "reviewer"])
def test_others_are_turned_away(app: Flask, name: str | None) -> None:
    client = as_user(app, name)
    answers = [client.get(path) for path in ("/people", "/people/account/admin", "/people/why")]
    assert [a.status_code for a in answers] == [401 if name is None else 403] * 3
    assert "账户</a>" not in client.get("/").text
