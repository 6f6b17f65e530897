"""Headers on every answer, cookies, CSRF, hosts, sizes, and the rate of sign-in attempts."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from corpus.errors import NotReady
from tests.webapp.conftest import PASSWORD, Clock, as_user
from webapp import create_app, security
from webapp.security import HEADERS, Attempts

SAMPLES = {
    "id": "p0000000001",
    "secret": "x" * 43,
    "filename": "app.css",
    "name": "x",
    "code": "2100001",
    "ordinal": "1",
}
EXPECTED = {
    "Content-Security-Policy": (
        "default-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'self'; object-src 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
    "Cross-Origin-Opener-Policy": "same-origin",
}


def guarded(response: TestResponse) -> bool:
    return {name: response.headers.get(name) for name in HEADERS} == EXPECTED and "Cache-Control" in response.headers


# Headers


def test_every_answer_is_guarded(app: Flask) -> None:
    client = as_user(app, "admin")
    adapter = app.url_map.bind("localhost")
    tried = []
    for rule in app.url_map.iter_rules():
        path = adapter.build(rule.endpoint, {name: SAMPLES[name] for name in rule.arguments}, method="GET") if (
            "GET" in (rule.methods or ())) else rule.rule.replace("<secret>", "x")  # fmt: skip
        for method in sorted({"GET", "POST", "DELETE", "OPTIONS"}):
            response = as_user(app, None).open(path, method=method, buffered=True)
            assert guarded(response), (method, path)
            assert response.status_code < 500, (method, path, response.text)
        assert guarded(client.get(path, buffered=True)), path
        tried.append(path)
    assert len(tried) > 15


def test_errors_are_guarded_too(public: FlaskClient, app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    too_large = b" " * (2 * 1024 * 1024 + 1)
    for response, status in (
        (public.get("/nothing"), 404),
        (public.get("/api/v1/nothing"), 404),
        (public.get("/", headers={"Host": "evil.example"}), 400),
        (public.get("/api/v1/policies", headers={"Authorization": "Bearer x"}), 401),
        (public.post("/sign-in", data=b"a=" + too_large, content_type="application/x-www-form-urlencoded"), 413),
        (public.post("/sign-in"), 403),
    ):
        assert (response.status_code, guarded(response)) == (status, True)
    monkeypatch.setattr(app.extensions["zhibiao"].live, "view", lambda: 1 / 0)
    for path in ("/", "/api/v1/indicators"):
        response = public.get(path)
        assert (response.status_code, guarded(response)) == (500, True)
        assert "division" not in response.text


def test_pages_say_that_the_content_is_too_large_in_chinese(public: FlaskClient) -> None:
    body = b"a=" + b"x" * (2 * 1024 * 1024)
    response = public.post("/sign-in", data=body, content_type="application/x-www-form-urlencoded")
    assert response.status_code == 413
    assert "提交的内容超过 2 MB，请删减后重试。" in response.text


# The key


def test_the_key_is_made_once_and_for_its_owner_alone(tmp_path: Path) -> None:
    first = security.secret_key(tmp_path)
    assert len(first) == 32
    assert security.secret_key(tmp_path) == first
    assert [p.name for p in tmp_path.iterdir()] == ["secret.key"]
    assert (tmp_path / "secret.key").stat().st_mode & 0o777 == 0o600
    assert security.secret_key(tmp_path / "..") != first
    (tmp_path / ".." / "secret.key").unlink()


def test_a_key_that_others_can_read_is_closed_again(tmp_path: Path) -> None:
    key = security.secret_key(tmp_path)
    (tmp_path / "secret.key").chmod(0o644)
    assert security.secret_key(tmp_path) == key
    assert (tmp_path / "secret.key").stat().st_mode & 0o777 == 0o600


def test_a_damaged_key_is_not_used(tmp_path: Path) -> None:
    (tmp_path / "secret.key").write_bytes(b"short")
    with pytest.raises(NotReady, match="已损坏"):
        security.secret_key(tmp_path)


# What the browser keeps


def test_signing_out_clears_what_the_browser_keeps(app: Flask) -> None:
    client = as_user(app, "dept")
    answer = client.post("/sign-out", data={"csrf_token": "test-token"})
    assert (answer.status_code, answer.location, answer.headers["Clear-Site-Data"]) == (303, "/signed-out", '"storage"')
    pages = [client.get("/signed-out").text for _ in range(2)]
    assert ["data-forget" in page for page in pages] == [True, False]
    assert "data-forget" not in as_user(app, "admin").get("/signed-out").text


def test_pages_made_for_somebody_are_not_kept_on_the_disk(app: Flask) -> None:
    kept = {
        (name, path): as_user(app, name).get(path).headers["Cache-Control"]
        for name in (None, "dept")
        for path in ("/", "/experts", "/account", "/api/v1/indicators")
    }
    assert kept == {
        (None, "/"): "private, no-cache", (None, "/experts"): "no-store", (None, "/account"): "no-store",
        (None, "/api/v1/indicators"): "private, no-cache", ("dept", "/"): "no-store", ("dept", "/experts"): "no-store",
        ("dept", "/account"): "no-store", ("dept", "/api/v1/indicators"): "private, no-cache",
    }  # fmt: skip


def test_a_page_names_its_reader_so_that_drafts_of_others_are_dropped(app: Flask) -> None:
    assert [re.search(r"<body data-who=\"(.*?)\">", as_user(app, n).get("/").text)[1] for n in (None, "dept")] == [
        "", "dept",
    ]  # fmt: skip


# Cookies


@pytest.mark.parametrize(("scheme", "secure"), [("http", False), ("https", True)])
def test_cookie_flags(public: FlaskClient, scheme: str, secure: bool) -> None:
    cookie = public.get("/sign-in", base_url=f"{scheme}://localhost").headers["Set-Cookie"]
    flags = {part.strip() for part in cookie.split(";")[1:]}
    assert flags == {"HttpOnly", "Path=/", "SameSite=Lax"} | ({"Secure"} if secure else set())


def test_behind_a_proxy_that_ends_tls_cookies_are_secure(library: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ZHIBIAO_HTTPS", "1")
    app = create_app(library)
    answer = app.test_client().get("/sign-in", base_url="http://localhost")
    app.extensions["zhibiao"].live.close()
    app.extensions["zhibiao"].store.close()
    assert "Secure" in answer.headers["Set-Cookie"]


def test_the_api_sets_no_cookie(public: FlaskClient) -> None:
    assert "Set-Cookie" not in public.get("/api/v1/indicators").headers


def test_a_forged_cookie_is_nobody(public: FlaskClient) -> None:
    public.set_cookie("zhibiao", "eyJzZXNzaW9uIjoiYWRtaW4ifQ.aaaaaa.bbbbbbbbbbbbbbbbbbbbbbbbbbb")
    assert public.get("/api/v1/experts").status_code == 401


# CSRF


def token_of(client: FlaskClient) -> str:
    client.get("/sign-in")
    with client.session_transaction() as session:
        return str(session["csrf"])


@pytest.mark.parametrize("given", [None, "", "wrong", "ｗｒｏｎｇ", "test-token "])
def test_a_post_without_the_token_does_nothing(app: Flask, given: str | None) -> None:
    client = as_user(app, "reviewer")
    response = client.post("/sign-out", data={} if given is None else {"csrf_token": given})
    assert response.status_code == 403
    assert "页面已过期，请刷新页面后重新提交。" in response.text
    assert client.get("/api/v1/experts").status_code == 200


def test_a_post_without_a_session_does_nothing(public: FlaskClient) -> None:
    assert public.post("/sign-out", data={"csrf_token": ""}).status_code == 403
    assert public.post("/sign-out", headers={"X-CSRF-Token": ""}).status_code == 403


def test_the_token_may_come_by_form_or_by_header(app: Flask) -> None:
    for sent in ({"data": {"csrf_token": "test-token"}}, {"headers": {"X-CSRF-Token": "test-token"}}):
        client = as_user(app, "reviewer")
        assert client.post("/sign-out", **sent).status_code == 303
        assert client.get("/api/v1/experts").status_code == 401


def test_the_token_of_another_browser_is_none(app: Flask, public: FlaskClient) -> None:
    other = token_of(as_user(app, None))
    assert other != token_of(public)
    assert public.post("/sign-out", data={"csrf_token": other}).status_code == 403


def test_what_changes_nothing_needs_no_token(app: Flask, public: FlaskClient, token: str) -> None:
    assert public.post("/api/v1/suggest", json={}).status_code == 200
    assert public.post("/api/v1/review", json={"rows": []}).status_code == 200
    assert as_user(app, None).post("/sign-out", headers={"Authorization": f"Bearer {token}"}).status_code == 303


def test_every_other_view_that_takes_a_post_is_guarded(app: Flask) -> None:
    exempt = {e for e, view in app.view_functions.items() if getattr(view, "csrf_exempt", False)}
    assert exempt == {"api.post_suggest", "api.post_review"}
    for rule in app.url_map.iter_rules():
        if "POST" in (rule.methods or ()) and rule.endpoint not in exempt:
            path = rule.rule.replace("<secret>", "x").replace("<id>", "x")
            assert as_user(app, "admin").post(path).status_code == 403, path


# Hosts


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "127.0.0.1:8000", "localhost", "LOCALHOST:1", "localhost.", "[::1]:8000"]
)
def test_hosts_of_this_machine(public: FlaskClient, host: str) -> None:
    assert public.get("/api/v1/healthz", headers={"Host": host}).status_code == 200


@pytest.mark.parametrize(
    "host", ["evil.example", "localhost.evil.example", "127.0.0.1.nip.io", "", "*", "[::2]", "a b", "localhost@e"]
)
def test_other_hosts(public: FlaskClient, host: str) -> None:
    response = public.get("/api/v1/healthz", headers={"Host": host})
    assert (response.status_code, response.json["error"]["code"]) == (400, "bad_input")
    assert public.get("/", headers={"Host": host}).status_code == 400


@pytest.fixture
def configured(library: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Flask]:
    monkeypatch.setenv("ZHIBIAO_HOSTS", "Zhibiao.example.cn, 10.0.0.5")
    monkeypatch.setenv("HOST", "fd00::5")
    app = create_app(library)
    yield app
    app.extensions["zhibiao"].live.close()
    app.extensions["zhibiao"].store.close()


def test_configured_hosts(configured: Flask) -> None:
    client = configured.test_client()

    def status(host: str) -> int:
        return client.get("/api/v1/healthz", headers={"Host": host}).status_code

    assert [status(h) for h in ("zhibiao.example.cn", "10.0.0.5:8000", "[fd00::5]:80", "localhost")] == [200] * 4
    assert status("evil.example") == 400
    security.trust(configured, "*")
    assert status("evil.example") == 200


# Attempts


def test_attempts_in_a_sliding_window() -> None:
    now = [0.0]
    attempts = Attempts(limit=2, window=10, keys=2, clock=lambda: now[0])
    assert [attempts.count("a") for _ in range(4)] == [0, 0, 10, 10]
    now[0] = 9.5
    assert attempts.count("a") == 1
    now[0] = 10.0
    assert attempts.count("a") == 0
    assert [attempts.count("a") for _ in range(2)] == [0, 10]
    assert [attempts.count(key) for key in "bc"] == [0, 0]
    assert attempts.count("a") == 0  # forgotten for the two after it


def test_who_is_refused_again_and_again_is_not_forgotten() -> None:
    attempts = Attempts(limit=1, window=10, keys=2, clock=lambda: 5.0)
    assert [attempts.count(key) for key in "abacada"] == [0, 0, 10, 0, 10, 0, 10]
    assert [attempts.count(key) for key in ("b", "", "")] == [0, 0, 10]


def attempt(client: FlaskClient, name: str, password: str, address: str = "127.0.0.1") -> TestResponse:
    data = {"name": name, "password": password, "csrf_token": token_of(client)}
    return client.post("/sign-in", data=data, environ_base={"REMOTE_ADDR": address})


def test_a_name_is_not_tried_for_ever(app: Flask, clock: Clock) -> None:
    """Ten failures lock it, from whatever address; the answer stays the same, and a restart forgets nothing."""

    def page(name: str, password: str, address: str) -> tuple[int, str]:
        answer = attempt(as_user(app, None), name, password, address)
        return answer.status_code, re.sub(r'(csrf[-_]token" (?:value|content)=)"[^"]+"', r"\1", answer.text)

    first = page("dept", "wrong", "10.0.0.1")
    assert [page("dept", "wrong", f"10.0.0.{n}") for n in range(2, 11)] == [first] * 9
    assert page("dept", PASSWORD, "10.0.1.1") == first
    assert page("none", PASSWORD, "10.0.1.1") == (401, first[1].replace('value="dept"', 'value="none"'))
    assert attempt(as_user(app, None), "admin", PASSWORD, "10.0.1.1").status_code == 303
    clock.move(minutes=16)
    assert attempt(as_user(app, None), "dept", PASSWORD, "10.0.1.1").status_code == 303


def test_an_address_does_not_try_for_ever(app: Flask) -> None:
    client = as_user(app, None)
    # What another site makes a browser send does not count.
    assert {client.post("/sign-in", data={"name": "admin"}).status_code for _ in range(50)} == {403}
    limit = security.ADDRESS_LIMIT
    assert {attempt(client, f"name{n}", "wrong").status_code for n in range(limit)} == {401}
    assert attempt(client, "admin", PASSWORD).status_code == 429
    assert attempt(client, "admin", PASSWORD, "10.0.0.9").status_code == 303


def test_signing_in_forgives_mistakes(app: Flask) -> None:
    client = as_user(app, None)
    for _ in range(2):
        assert [attempt(client, "dept", "wrong").status_code for _ in range(9)] == [401] * 9
        assert attempt(client, "dept", PASSWORD).status_code == 303
