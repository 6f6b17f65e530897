"""Who asks: sessions that rotate and end, and bearer tokens that are right or an error."""

from __future__ import annotations

import pytest
from flask import Flask
from flask.testing import FlaskClient

from corpus import people
from corpus.access import Clearance, Role
from corpus.people import User
from corpus.store import Store
from tests.webapp.conftest import PASSWORD, as_user
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


def sign_out(client: FlaskClient) -> int:
    client.get("/")
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
    assert "session" not in held(again)


def test_the_cookie_does_not_say_who_it_is(public: FlaskClient) -> None:
    sign_in(public, "dept")
    public.get("/")
    assert set(held(public)) == {"session", "csrf"}
    assert "dept" not in held(public)["session"]


def test_a_session_runs_out(app: Flask, store: Store) -> None:
    client = app.test_client()
    with client.session_transaction() as session:
        session["session"] = people.issue(store, "dept", "session", days=-1, by="test")
    assert client.get(EXPERTS).status_code == 401
    assert client.get("/api/v1/indicators").status_code == 200


def test_an_account_that_was_closed_is_out_at_once(app: Flask, store: Store) -> None:
    people.add(store, User("leaver", Role.REVIEWER, "", Clearance.ALL, disabled=False), password=PASSWORD, by="test")
    client = as_user(app, "leaver")
    token = people.issue(store, "leaver", "api", days=1, by="test")
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
                "code": "not_signed_in", "message": "访问令牌无效、已过期或已停用，请用 zhibiao user token 重新签发。",
            }}  # fmt: skip
            assert response.headers["WWW-Authenticate"] == "Bearer"
    # Nor does a session beside it help.
    assert bearer(as_user(app, "admin"), value.format(token)) == 401


def test_secrets_of_another_kind_are_no_tokens(app: Flask, store: Store) -> None:
    client = app.test_client()
    for kind in ("session", "link"):
        assert bearer(client, f"Bearer {people.issue(store, 'admin', kind, days=1, by='test')}") == 401
    assert bearer(client, f"Bearer {people.issue(store, 'admin', 'api', days=-1, by='test')}") == 401
    with client.session_transaction() as session:
        session["session"] = people.issue(store, "admin", "api", days=1, by="test")
    assert client.get(EXPERTS).status_code == 401


def test_a_proxy_may_ask_for_a_password_of_its_own(app: Flask, public: FlaskClient) -> None:
    basic = {"Authorization": "Basic dXNlcjpwYXNz"}
    assert public.get("/api/v1/indicators", headers=basic).status_code == 200
    assert public.get(EXPERTS, headers=basic).status_code == 401
    assert as_user(app, "reviewer").get(EXPERTS, headers=basic).status_code == 200
