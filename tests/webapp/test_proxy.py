"""Sign-in by a trusted proxy's header: who is believed, who is ignored, and what refuses to start."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest
from flask import Flask, Request
from flask.testing import FlaskClient
from hypothesis import given
from hypothesis import strategies as st
from werkzeug.test import EnvironBuilder, TestResponse

from corpus import people
from corpus.access import Clearance, Role
from corpus.errors import BadInput
from corpus.people import User
from corpus.store import Store
from tests.webapp.conftest import PASSWORD
from webapp import create_app
from webapp.proxy import Proxy, configured

SECRET = "a secret between us two"  # noqa: S105
WHOLE = {
    "ZHIBIAO_PROXY_HEADER": "X-Remote-User",
    "ZHIBIAO_PROXY_ADDRESSES": "10.0.0.5, 10.1.0.0/28, fd00::/120",
    "ZHIBIAO_PROXY_SECRET": SECRET,
}
EXPERTS = "/api/v1/experts"


@pytest.fixture(scope="module")
def proxied(library: Path) -> Iterator[Flask]:
    with pytest.MonkeyPatch.context() as patch:
        for name, value in WHOLE.items():
            patch.setenv(name, value)
        app = create_app(library)
    app.testing = True
    yield app
    app.extensions["zhibiao"].live.close()
    app.extensions["zhibiao"].store.close()


@pytest.fixture
def store(proxied: Flask) -> Store:
    found: Store = proxied.extensions["zhibiao"].store
    return found


def ask(
    client: FlaskClient,
    path: str,
    name: str | None = None,
    *,
    address: str = "10.0.0.5",
    secret: str | None = SECRET,
    more: dict[str, str] | None = None,
    data: dict[str, str] | None = None,
) -> TestResponse:
    headers = dict(more or {})
    if name is not None:
        headers["X-Remote-User"] = name
    if secret is not None:
        headers["X-Proxy-Secret"] = secret
    method = "GET" if data is None else "POST"
    return client.open(path, method=method, headers=headers, data=data, environ_base={"REMOTE_ADDR": address})


def reader(page: TestResponse) -> str:
    return page.text.split('data-who="')[1].split('"')[0]


def csrf(client: FlaskClient) -> str:
    with client.session_transaction() as session:
        return str(session["csrf"])


# Whom the proxy names


@pytest.mark.parametrize("address", ["10.0.0.5", "10.1.0.15", "::ffff:10.0.0.5", "fd00::ff"])
def test_the_proxy_is_believed(proxied: Flask, address: str) -> None:
    client = proxied.test_client()
    assert reader(ask(client, "/", "dept", address=address)) == "dept"
    assert ask(proxied.test_client(), EXPERTS, "dept", address=address).status_code == 200


@pytest.mark.parametrize(
    ("address", "secret"),
    [
        ("10.0.0.6", SECRET), ("10.1.0.16", SECRET), ("127.0.0.1", SECRET), ("fd00::100", SECRET), ("", SECRET),
        ("unix:", SECRET), ("10.0.0.5", None), ("10.0.0.5", ""), ("10.0.0.5", SECRET + "x"), ("10.0.0.5", "\xe4"),
    ],
)  # fmt: skip
def test_others_are_not(proxied: Flask, address: str, secret: str | None) -> None:
    client = proxied.test_client()
    assert reader(ask(client, "/", "admin", address=address, secret=secret)) == ""
    forwarded = {"X-Forwarded-For": "10.0.0.5", "X-Real-IP": "10.0.0.5", "Forwarded": "for=10.0.0.5"}
    assert ask(client, EXPERTS, "admin", address=address, secret=secret, more=forwarded).status_code == 401


def test_what_is_ignored_is_logged_once_a_minute(caplog: pytest.LogCaptureFixture) -> None:
    now = [0.0]
    proxy = configured(WHOLE)
    assert proxy is not None
    proxy.clock = lambda: now[0]

    def named(address: str) -> str | None:
        headers = {"X-Remote-User": "admin", "X-Proxy-Secret": SECRET}
        builder = EnvironBuilder(headers=headers, environ_base={"REMOTE_ADDR": address})
        return proxy.name(Request(builder.get_environ()))

    with caplog.at_level(logging.WARNING, logger="webapp.proxy"):
        for second in (0, 1, 59.9, 60, 119):
            now[0] = second
            assert named("192.0.2.1") is None
        assert named("10.0.0.5") == "admin"
    said = "忽略了来自 '192.0.2.1' 的 X-Remote-User 请求头：地址或 X-Proxy-Secret 不符。"
    assert [record.getMessage() for record in caplog.records] == [said] * 2


def test_names_may_be_percent_encoded(proxied: Flask, store: Store) -> None:
    people.add(store, User("钱会计", Role.REVIEWER, "", Clearance.NONE, disabled=False), password=None, by="test")
    assert reader(ask(proxied.test_client(), "/", quote("钱会计"))) == "钱会计"
    assert reader(ask(proxied.test_client(), "/", "钱会计".encode().decode("latin-1"))) == "钱会计"


@pytest.mark.parametrize("name", ["nobody", "%FF", "admin,dept", "admin%00", "%61dmin%0a", "ADMIN", "' or 1=1 --"])
def test_who_has_no_account_is_told_so(proxied: Flask, name: str) -> None:
    client = proxied.test_client()
    page = ask(client, "/", name)
    assert page.status_code == 403
    assert "统一身份认证给出的用户在本系统没有启用的账户，请联系本级财政部门开通。" in page.text
    assert ask(client, EXPERTS, name).json["error"]["code"] == "forbidden"
    with ask(client, "/static/app.css", name) as sheet:
        assert sheet.status_code == 200


@given(st.binary(min_size=1, max_size=40))
def test_whatever_stands_in_the_header_is_a_name_or_nobody(raw: bytes) -> None:
    proxy = configured(WHOLE)
    assert proxy is not None
    environ = EnvironBuilder(headers={"X-Proxy-Secret": SECRET}).get_environ()
    environ |= {"REMOTE_ADDR": "10.0.0.5", "HTTP_X_REMOTE_USER": raw.decode("latin-1")}
    assert isinstance(proxy.name(Request(environ)), str | None)


def test_a_disabled_account_is_out(proxied: Flask, store: Store) -> None:
    people.add(store, User("gone", Role.REVIEWER, "", Clearance.NONE, disabled=False), password=None, by="test")
    client = proxied.test_client()
    assert ask(client, "/", "gone").status_code == 200
    people.disable(store, "gone", by="test")
    assert ask(client, "/", "gone").status_code == 403


def test_coming_in_is_audited_once_for_a_browser(proxied: Flask, store: Store) -> None:
    def entries() -> int:
        return int(store.value("select count(*) from audit where action = 'sign.in' and detail = '统一身份认证'"))

    before, client = entries(), proxied.test_client()
    for path in ("/", "/experts", EXPERTS, "/"):
        assert ask(client, path, "dept").status_code == 200
    assert entries() == before + 1
    ask(proxied.test_client(), EXPERTS, "dept")
    assert entries() == before + 1


# Beside sessions


def test_csrf_applies_to_the_proxys_people(proxied: Flask) -> None:
    client = proxied.test_client()
    ask(client, "/account", "dept")
    form = {"label": "脚本", "days": "1"}
    assert ask(client, "/account/tokens", "dept", data=form).status_code == 403
    assert ask(client, "/account/tokens", "dept", data=form | {"csrf_token": csrf(client)}).status_code == 200
    assert ask(client, "/api/v1/choices", "dept", data={}).json["error"]["field"] == "csrf_token"


def test_the_proxys_people_have_no_password_here(proxied: Flask) -> None:
    client = proxied.test_client()
    ask(client, "/account/password", "dept")
    data = {"csrf_token": csrf(client), "old": PASSWORD, "password": "a lamp of whales", "again": "a lamp of whales"}
    page = ask(client, "/account/password", "dept", data=data)
    assert (page.status_code, "您由统一身份认证登录，密码请在那里修改。" in page.text) == (409, True)


def test_the_local_administrator_signs_in_by_password(proxied: Flask) -> None:
    """Directly, and behind the proxy under a name that has no account; after signing out the proxy's word counts."""
    for name in (None, "nobody", "dept"):
        client = proxied.test_client()
        assert ask(client, "/sign-in", name).status_code == 200
        data = {"csrf_token": csrf(client), "name": "admin", "password": PASSWORD}
        assert ask(client, "/sign-in", name, data=data).status_code == 303
        assert reader(ask(client, "/", name)) == "admin"
        assert ask(client, "/sign-out", name, data={"csrf_token": csrf(client)}).status_code == 303
        after = ask(client, "/signed-out", name)
        assert (after.status_code, reader(after)) == (200, name if name == "dept" else "")


@pytest.mark.parametrize("first", ["/", EXPERTS])
def test_another_person_at_the_browser_does_not_find_the_session(proxied: Flask, first: str) -> None:
    client = proxied.test_client()
    ask(client, "/sign-in", "dept")
    ask(client, "/sign-in", "dept", data={"csrf_token": csrf(client), "name": "admin", "password": PASSWORD})
    assert reader(ask(client, "/", "dept")) == "admin"
    before = csrf(client)
    ask(client, first, "reviewer")
    assert reader(ask(client, "/", "reviewer")) == "reviewer"
    assert csrf(client) != before
    assert reader(ask(client, "/", "dept")) == "dept"


def test_a_token_beats_the_proxy(proxied: Flask, store: Store) -> None:
    weak = people.issue(store, "admin", "api", days=1, by="test")
    assert ask(proxied.test_client(), EXPERTS, "admin", more={"Authorization": f"Bearer {weak}"}).status_code == 403


def test_without_the_environment_no_header_counts(app: Flask) -> None:
    assert app.extensions["zhibiao_proxy"] is None
    assert reader(ask(app.test_client(), "/", "admin")) == ""


# What refuses to start


def test_it_is_off_unless_all_three_are_set(library: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert configured({}) is None
    assert configured(dict.fromkeys(WHOLE, " ")) is None
    assert isinstance(configured(WHOLE), Proxy)
    for missing in WHOLE:
        part = {name: value for name, value in WHOLE.items() if name != missing}
        with pytest.raises(BadInput) as caught:
            configured(part)
        names = "ZHIBIAO_PROXY_HEADER、ZHIBIAO_PROXY_ADDRESSES 和 ZHIBIAO_PROXY_SECRET"
        assert (caught.value.message, caught.value.field) == (
            f"代理登录须同时设置 {names}，请补上 {missing} 后再启动。",
            missing,
        )
    monkeypatch.setenv("ZHIBIAO_PROXY_HEADER", "X-Remote-User")
    with pytest.raises(BadInput, match=r"^代理登录须同时设置"):
        create_app(library)


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        *(
            ("ZHIBIAO_PROXY_HEADER", v, "须为专用的请求头名称")
            for v in ("Cookie", "x-proxy-secret", "X_User", "X User", "Host")
        ),
        *(
            ("ZHIBIAO_PROXY_ADDRESSES", v, "不是 IP 地址或网段")
            for v in ("proxy.example", "0.0.0.0/0", "::/0", "10.0.0.5/24", "10.0.0.5,", ",", "10.0.0.999")
        ),
        ("ZHIBIAO_PROXY_SECRET", "short", "须为至少 16 个"),
        ("ZHIBIAO_PROXY_SECRET", "密" * 20, "须为至少 16 个"),
    ],
)
def test_wrong_settings_refuse_to_start(name: str, value: str, said: str) -> None:
    with pytest.raises(BadInput, match=said) as caught:
        configured(WHOLE | {name: value})
    assert caught.value.field == name
