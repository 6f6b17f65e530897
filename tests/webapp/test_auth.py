"""Who asks: sessions that rotate and end, and bearer tokens that are right or an error."""

from __future__ import annotations

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from corpus import people
from corpus.access import Clearance, Right, Role
from corpus.people import User
from corpus.store import Store
from tests.webapp.conftest import PASSWORD, Clock, as_user
from webapp.services import actor

EXPERTS = "/api/v1/experts"


@pytest.fixture
def store(app: Flask) -> Store:
    return app.extensions["zhibiao"].store  # type: ignore[no-any-return]


def held(client: FlaskClient) -> dict[str, str]:
    with client.session_transaction() as session:
        return dict(session)


def sign_in(client: FlaskClient, name: str, password: str = PASSWORD) -> int:
    client.get("/sign-in")
    data = {"name": name, "password": password, "csrf_token": held(client)["csrf"]}
    return client.post("/sign-in", data=data).status_code


def as_part(client: FlaskClient, path: str) -> TestResponse:
    """The page as a script asks for a part of it."""
    return client.get(path, headers={"HX-Request": "true"})


def sign_out(client: FlaskClient, page: str = "/") -> int:
    client.get(page)
    return client.post("/sign-out", data={"csrf_token": held(client)["csrf"]}).status_code


def bearer(client: FlaskClient, value: str, path: str = EXPERTS) -> int:
    return client.get(path, headers={"Authorization": value}).status_code


# Sessions


def test_signing_in_and_out(public: FlaskClient) -> None:
    assert public.get(EXPERTS).status_code == 401
    assert sign_in(public, "dept") == 303
    assert public.get(EXPERTS).status_code == 200
    assert sign_out(public) == 303
    assert public.get(EXPERTS).status_code == 401


@pytest.mark.parametrize(
    ("name", "password"),
    [
        ("dept", "wrong"),
        ("nobody", PASSWORD),
        ("", ""),
        ("dept", ""),
        ("a" * 5000, "b" * 100_000),
        ("\0", "\0"),
        ("' or 1=1 --", "x"),
    ],
)
def test_who_is_not_let_in(public: FlaskClient, name: str, password: str) -> None:
    assert sign_in(public, name, password) == 401
    assert "session" not in held(public)
    assert public.get(EXPERTS).status_code == 401


def test_signing_in_rotates_everything(app: Flask, public: FlaskClient) -> None:
    public.get("/sign-in")
    before = held(public)["csrf"]
    sign_in(public, "dept")
    first = held(public)["session"]
    public.get("/")
    assert held(public)["csrf"] != before
    sign_in(public, "admin")
    assert held(public)["session"] != first
    stolen = app.test_client()
    with stolen.session_transaction() as session:
        session["session"] = first
    assert stolen.get(EXPERTS).status_code == 401


def test_a_session_that_was_left_cannot_be_used_again(app: Flask, public: FlaskClient) -> None:
    sign_in(public, "dept")
    kept = held(public)
    sign_out(public)
    again = app.test_client()
    with again.session_transaction() as session:
        session.update(kept)
    assert again.get(EXPERTS).status_code == 401
    assert again.get("/").location == "/sign-in?next=/"
    assert "session" not in held(again)


def test_the_cookie_does_not_say_who_it_is(public: FlaskClient) -> None:
    sign_in(public, "dept")
    public.get("/")
    assert set(held(public)) == {"session", "csrf"}
    assert "dept" not in held(public)["session"]


def test_a_session_runs_out_and_says_so_once(department: FlaskClient, clock: Clock) -> None:
    assert department.get(EXPERTS).status_code == 200
    clock.move(minutes=31)
    # Programs and scripts are told in their way, and a page may still tell it.
    assert department.get(EXPERTS).status_code == 401
    assert department.get("/api/v1/indicators").status_code == 200
    scripted = department.post("/draft/suggestions", headers={"X-CSRF-Token": "test-token"})
    assert (scripted.status_code, "登录已过期，请重新登录。" in scripted.text) == (401, True)
    part = as_part(department, "/?q=公路")
    assert (part.status_code, part.headers["HX-Redirect"]) == (204, "/sign-in?next=/?q%3D%E5%85%AC%E8%B7%AF")
    assert department.get("/experts").status_code == 401
    pages = [department.get("/sign-in?next=/experts").text for _ in range(2)]
    assert ["登录已过期，请重新登录。" in page for page in pages] == [True, False]
    assert department.get("/").status_code == 200


@pytest.mark.parametrize(
    ("path", "target"),
    [("/experts?q=公路", "/experts?q%3D%E5%85%AC%E8%B7%AF"), ("/nothing", "/nothing")],
)
def test_after_the_end_of_a_session_one_comes_back_to_the_page(
    department: FlaskClient, clock: Clock, path: str, target: str
) -> None:
    clock.move(hours=1)
    answer = department.get(path)
    assert (answer.status_code, answer.location) == (303, f"/sign-in?next={target}")
    page = department.get(answer.location).text
    assert "登录已过期，请重新登录。" in page
    assert set(held(department)) == {"csrf"}


def test_a_form_that_comes_too_late_leads_to_sign_in(department: FlaskClient, clock: Clock) -> None:
    clock.move(hours=1)
    answer = department.post("/account/tokens", data={"csrf_token": "test-token", "label": "x", "days": "1"})
    assert (answer.status_code, answer.location) == (303, "/sign-in?next=/")
    clock.move(hours=-1)
    assert department.post("/sign-out", data={"csrf_token": "test-token"}).status_code == 403


def test_signing_in_and_out_work_with_a_session_that_ran_out(app: Flask, clock: Clock) -> None:
    clients = [as_user(app, "dept") for _ in range(2)]
    clock.move(hours=1)
    data = {"name": "dept", "password": PASSWORD, "csrf_token": "test-token"}
    assert clients[0].post("/sign-in", data=data).status_code == 303
    assert clients[1].post("/sign-out", data=data).status_code == 303


def test_a_session_is_never_taken_from_the_address(app: Flask, store: Store) -> None:
    secret = people.issue(store, "admin", "session", days=1, by="test")
    token = people.issue(store, "admin", "api", days=1, scopes=[Right.EXPERTS], by="test")
    client = app.test_client()
    for name in ("session", "token", "access_token", "zhibiao", "Authorization"):
        for value in (secret, token):
            assert client.get(EXPERTS, query_string={name: value}).status_code == 401
            assert client.post("/api/v1/choices", data={name: value}).status_code == 401
    assert client.get(f"/enter/{secret}").status_code == 200
    assert client.post(f"/enter/{secret}", data={"csrf_token": held(client)["csrf"]}).status_code == 410


def test_a_session_knows_how_and_where_it_began(app: Flask, store: Store) -> None:
    client = app.test_client()
    client.get("/sign-in")
    data = {"name": "dept", "password": PASSWORD, "csrf_token": held(client)["csrf"]}
    agents = {
        "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 Chrome/120 Safari/537.36 Edg/120": "Edge Windows",
        "Mozilla/5.0 (X11; Linux x86_64; rv:120.0) Gecko/20100101 Firefox/120.0": "Firefox Linux",
        "<script>alert(1)</script>": "其他程序",
        "": "其他程序",
    }
    for agent, said in agents.items():
        people.end_sessions(store, "dept", by="test")
        client.get("/sign-in")
        data["csrf_token"] = held(client)["csrf"]
        client.post("/sign-in", data=data, headers={"User-Agent": agent})
        assert [t.label for t in people.sessions(store, "dept")] == [f"密码 · {said} · 127.0.0.1"]


# A password that somebody else gave


def test_who_must_change_the_password_does_nothing_else(app: Flask, store: Store) -> None:
    user = User("newcomer", Role.REVIEWER, "", Clearance.ALL, disabled=False)
    people.add(store, user, password="a first lamp of whales", by="test")
    token = people.issue(store, "newcomer", "api", days=1, scopes=[Right.EXPERTS], by="test")
    client = app.test_client()
    assert sign_in(client, "newcomer", "a first lamp of whales") == 303
    for path in ("/", "/experts", "/draft", "/account", "/help", "/nothing", "/api/docs"):
        answer = client.get(path)
        if path.startswith("/api/"):
            assert answer.status_code == 403
        else:
            assert (answer.status_code, answer.location) == (303, "/account/password"), path
    assert as_part(client, "/?q=x").headers["HX-Redirect"] == "/account/password"
    said = {"error": {"code": "must_change_password", "message": "请先登录网页设置新密码，再使用接口。"}}
    for response in (
        client.get("/api/v1/indicators"),
        client.get(EXPERTS),
        client.post("/api/v1/suggest", json={}),
    ):
        assert (response.status_code, response.json) == (403, said)
    assert bearer(app.test_client(), f"Bearer {token}") == 200
    assert client.get("/static/app.css", buffered=True).status_code == 200
    page = client.get("/account/password")
    assert (page.status_code, "请先设置只有自己知道的密码" in page.text) == (200, True)
    data = {"csrf_token": held(client)["csrf"], "old": "a first lamp of whales"}
    data |= {"password": "my own lamp of whales", "again": "my own lamp of whales"}
    assert client.post("/account/password", data=data).location == "/account"
    assert [client.get(path).status_code for path in ("/account", "/", EXPERTS)] == [200] * 3
    assert bearer(app.test_client(), f"Bearer {token}") == 200
    again = app.test_client()
    people.reset_password(store, "newcomer", "a second lamp of whales", by="test")
    assert client.get("/").location == "/sign-in?next=/"
    assert sign_in(again, "newcomer", "a second lamp of whales") == 303
    assert sign_out(again, "/account/password") == 303
    people.disable(store, "newcomer", by="test")


def test_a_link_may_ask_for_a_new_password(app: Flask, store: Store) -> None:
    user = User("forgetful", Role.REVIEWER, "", Clearance.NONE, disabled=False)
    people.add(store, user, password="a forgotten lamp of whales", by="test", must_change=False)
    link = people.issue(store, "forgetful", "link", days=1, must_change=True, by="test")
    client = app.test_client()
    client.get(f"/enter/{link}")
    client.post(f"/enter/{link}", data={"csrf_token": held(client)["csrf"]})
    assert client.get("/").location == "/account/password"
    assert "原密码" not in client.get("/account/password").text
    data = {"csrf_token": held(client)["csrf"], "password": "a new lamp of whales", "again": "a new lamp of whales"}
    assert client.post("/account/password", data=data).status_code == 303
    assert sign_in(app.test_client(), "forgetful", "a new lamp of whales") == 303
    # The session that goes on is an ordinary one.
    assert "原密码" in client.get("/account/password").text


def test_an_account_that_was_closed_is_out_at_once(app: Flask, store: Store) -> None:
    user = User("leaver", Role.REVIEWER, "", Clearance.ALL, disabled=False)
    people.add(store, user, password=PASSWORD, by="test", must_change=False)
    client = as_user(app, "leaver")
    token = people.issue(store, "leaver", "api", days=1, scopes=[Right.EXPERTS], by="test")
    assert (client.get(EXPERTS).status_code, bearer(app.test_client(), f"Bearer {token}")) == (200, 200)
    people.disable(store, "leaver", by="test")
    assert (client.get(EXPERTS).status_code, bearer(app.test_client(), f"Bearer {token}")) == (401, 401)
    assert sign_in(app.test_client(), "leaver") == 401


def test_a_link_lets_in_once_and_only_when_confirmed(app: Flask, store: Store) -> None:
    link = people.issue(store, "admin", "link", days=1, by="test")
    client = app.test_client()
    for _ in range(2):
        assert client.get(f"/enter/{link}").status_code == 200
        assert client.get(EXPERTS).status_code == 401
    assert client.post(f"/enter/{link}", data={"csrf_token": held(client)["csrf"]}).status_code == 303
    assert client.get(EXPERTS).status_code == 200
    other = app.test_client()
    other.get(f"/enter/{link}")
    assert other.post(f"/enter/{link}", data={"csrf_token": held(other)["csrf"]}).status_code == 410
    assert other.get(EXPERTS).status_code == 401


def test_the_actor_is_the_person(app: Flask, token: str) -> None:
    with app.test_request_context("/api/v1/experts", headers={"Authorization": f"Bearer {token}"}):
        app.preprocess_request()
        assert (actor().name, actor().role, actor().clearance) == ("dept", Role.DEPARTMENT, Clearance.OWN)


# Bearer tokens


def test_a_token_is_worth_what_its_holder_is(app: Flask, token: str, department: FlaskClient) -> None:
    path = "/api/v1/indicators?q=麒麟"
    mine = app.test_client().get(path, headers={"Authorization": f"Bearer {token}"})
    assert mine.json["total"] == 1
    assert mine.data == department.get(path).data
    assert bearer(app.test_client(), f"bearer {token}") == 200


@pytest.mark.parametrize(
    "value",
    ["Bearer x", "Bearer", "Bearer ", "bearer \xff", "Token {}", "Digest {}", "Bearer {} x", "Bearer {}x", "{}"],
)
def test_a_bad_token_is_never_the_public(app: Flask, token: str, value: str) -> None:
    client = app.test_client()
    for rule in app.url_map.iter_rules():
        if rule.rule.startswith("/api/v1"):
            method = "POST" if "POST" in (rule.methods or ()) else "GET"
            sent = {"Authorization": value.format(token)}
            response = client.open(rule.rule.replace("<id>", "a69a634c81"), method=method, headers=sent)
            assert response.status_code == 401, rule.rule
            assert response.json == {"error": {
                "code": "not_signed_in", "message": "访问令牌无效、已过期或已停用，请在“本人账户”页或用 zhibiao user token 重新签发。",
            }}  # fmt: skip
            assert response.headers["WWW-Authenticate"] == "Bearer"
    # Nor does a session beside it help.
    assert bearer(as_user(app, "admin"), value.format(token)) == 401


def test_secrets_of_another_kind_are_no_tokens(app: Flask, store: Store, clock: Clock) -> None:
    client = app.test_client()
    for kind in ("session", "link"):
        assert bearer(client, f"Bearer {people.issue(store, 'admin', kind, days=1, by='test')}") == 401
    expired = people.issue(store, "admin", "api", days=1, scopes=[Right.EXPERTS], by="test")
    assert bearer(client, f"Bearer {expired}") == 200
    clock.move(days=1, seconds=1)
    assert bearer(client, f"Bearer {expired}") == 401
    with client.session_transaction() as session:
        session["session"] = people.issue(store, "admin", "api", days=1, by="test")
    assert client.get(EXPERTS).status_code == 401


def test_a_proxy_may_ask_for_a_password_of_its_own(app: Flask, public: FlaskClient) -> None:
    basic = {"Authorization": "Basic dXNlcjpwYXNz"}
    assert public.get("/api/v1/indicators", headers=basic).status_code == 200
    assert public.get(EXPERTS, headers=basic).status_code == 401
    assert as_user(app, "reviewer").get(EXPERTS, headers=basic).status_code == 200


def test_a_token_without_scopes_reads_what_the_public_reads(app: Flask, store: Store, public: FlaskClient) -> None:
    sent = {"Authorization": f"Bearer {people.issue(store, 'admin', 'api', days=1, by='test')}"}
    client = app.test_client()
    for path in ("/api/v1/indicators?q=麒麟", "/api/v1/indicators", "/api/v1/taxonomy", "/api/v1/policies"):
        assert client.get(path, headers=sent).data == public.get(path).data
    refused = client.get(EXPERTS, headers=sent)
    assert refused.status_code == 403
    assert refused.json["error"]["message"] == "这个访问令牌不能用来查看专家库，请换一个令牌，或登录后操作。"


def test_a_token_beats_the_cookie(app: Flask, store: Store) -> None:
    weak = people.issue(store, "dept", "api", days=1, by="test")
    client = as_user(app, "admin")
    assert bearer(client, f"Bearer {weak}") == 403
    assert client.get("/account", headers={"Authorization": f"Bearer {weak}"}).status_code == 403
    assert client.get("/account").status_code == 200


def test_a_program_that_says_nothing_of_itself_is_asked_to(app: Flask, public: FlaskClient) -> None:
    said = {"error": {"code": "not_signed_in", "message": "请先登录，或在 Authorization 请求头里带上访问令牌。"}}
    for method in ("POST", "DELETE"):
        answer = public.open("/api/v1/choices", method=method, json={})
        assert (answer.status_code, answer.json, answer.headers["WWW-Authenticate"]) == (401, said, "Bearer")
        answer = as_user(app, "dept").open("/api/v1/choices", method=method, json={})
        assert (answer.status_code, answer.json["error"]["field"]) == (403, "csrf_token")
