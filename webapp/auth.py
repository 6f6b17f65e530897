"""Who asks: a bearer token, a session kept in the store and named by the browser's cookie, or a trusted proxy's word.

In this order: a token beats the cookie, and a session that was begun here beats what the proxy says, so that the
local administrator can sign in behind it too. No secret is ever taken from an address but a one-time link's.
"""

from __future__ import annotations

import os
import re

from flask import Flask, Response, current_app, g, redirect, request, session, url_for
from werkzeug.wrappers import Response as BaseResponse

from corpus import people, tokens
from corpus.access import PUBLIC
from corpus.errors import Forbidden, NotFound, NotSignedIn
from corpus.people import Holder, User
from webapp import proxy, security
from webapp.errors import MustChange, is_api
from webapp.proxy import Proxy
from webapp.security import bearer
from webapp.services import services

SESSION_DAYS = 0.5
EXPIRED = "登录已过期，请重新登录。"
_KEY = "session"
_PROXIED = "proxied"
# Where one comes to sign in or out: a session that ran out is no obstacle there, nor is a name that nobody has.
_DOORS = {f"account.{name}" for name in ("sign_in", "signed_in", "enter", "entered", "sign_out", "left")}
# What a person who must set a new password may still do.
_CHANGING = {"static", "account.password", "account.change_password", "account.sign_out", "account.left"}
_BROWSERS = ((r"Edg[e/]", "Edge"), (r"OPR/", "Opera"), (r"Firefox/", "Firefox"), (r"Chrome/", "Chrome"),
             (r"Safari/", "Safari"))  # fmt: skip
_SYSTEMS = ((r"Windows", "Windows"), (r"Android", "Android"), (r"iPhone|iPad", "iOS"), (r"Mac OS", "macOS"),
            (r"Linux", "Linux"))  # fmt: skip


def init(app: Flask) -> None:
    """Know the actor before every request, and then check what hangs on it.

    Raises BadInput when the environment names a proxy in part, or an idle time that is none.
    """
    tokens.idle()
    app.extensions["zhibiao_proxy"] = proxy.configured(os.environ)
    for step in (_identify, security.check_csrf, security.check_rate, _must_change):
        app.before_request(step)
    app.after_request(_keep_from_disk)


def sign_in(user: User, *, way: str, may_set_password: bool = False) -> None:
    """Begin a session for ``user``; whatever this browser held before is worthless from now on."""
    proxied = session.get(_PROXIED)
    _drop()
    if proxied is not None:
        session[_PROXIED] = proxied
    label = f"{way} · {_browser()} · {request.remote_addr}"[: people.LABEL_LENGTH]
    session[_KEY] = people.issue(
        services().store, user.name, "session", days=SESSION_DAYS, label=label, must_change=may_set_password,
        by=user.name,
    )  # fmt: skip
    g.actor = user.actor


def sign_out() -> None:
    """End the session here and in the store; the page that follows clears what the browser keeps."""
    _drop()
    session["left"] = True
    g.actor = PUBLIC


def holder() -> Holder | None:
    """The account and the ticket that let this request in; None for the public and for a proxy's word."""
    found: Holder | None = g.get("holder")
    return found


def local(target: str) -> str:
    """``target`` when it is an address of this service, else the start page."""
    plain = target.startswith("/") and not target.startswith(("//", "/\\"))
    return target if plain and target.isprintable() else "/"


def _drop() -> None:
    """Forget all that the cookie holds, the CSRF token too, and end the session that it named."""
    secret = session.get(_KEY)
    session.clear()
    if isinstance(secret, str):
        people.sign_out(services().store, secret)


def _browser() -> str:
    """The browser in a word or two, so that people know their sessions again; never what it says of itself."""
    agent = request.user_agent.string[:500]
    named = [next((name for sign, name in table if re.search(sign, agent)), "") for table in (_BROWSERS, _SYSTEMS)]
    return " ".join(filter(None, named)) or "其他程序"


def _identify() -> BaseResponse | None:
    """Fill ``g.actor`` and ``g.holder``. A bad token is an error, a session that ran out leads to sign-in."""
    g.actor, g.holder = PUBLIC, None
    if request.endpoint == "static":
        return None
    token = bearer()
    if token is not None:
        _enter(people.holder(services().store, token, "api"))
        if g.holder is None:
            raise NotSignedIn("访问令牌无效、已过期或已停用，请在“本人账户”页或用 zhibiao user token 重新签发。")
        return None
    named = _proxied()
    secret = session.get(_KEY)
    if isinstance(secret, str):
        _enter(people.holder(services().store, secret, "session"))
        if g.holder is None:
            return _ran_out()
    elif named is not None:
        _believe(named)
    return None


def _enter(found: Holder | None) -> None:
    if found is not None:
        g.actor, g.holder = found.actor, found


def _ran_out() -> BaseResponse | None:
    """Tell it once, on a page. Programs and scripts are told in their own way, and leave the telling to the page."""
    if is_api():
        return None
    if request.endpoint in _DOORS:
        del session[_KEY]
        session["expired"] = request.endpoint == "account.sign_in"
        return None
    reading = request.method in ("GET", "HEAD")
    if not reading and "X-CSRF-Token" in request.headers:
        raise NotSignedIn(EXPIRED)
    here = request.full_path.rstrip("?") if reading else "/"
    _drop()
    session["expired"] = True
    return _lead(url_for("account.sign_in", next=local(here)))


def _lead(to: str) -> BaseResponse:
    """Go elsewhere with the whole page, also when a script asked for a part of it."""
    if "HX-Request" in request.headers:
        return Response(status=204, headers={"HX-Redirect": to})
    return redirect(to, 303)


# The trusted proxy


def _proxied() -> str | None:
    """The name that the proxy gives; a browser that comes under another name than before begins anew."""
    at: Proxy | None = current_app.extensions["zhibiao_proxy"]
    name = at.name(request) if at else None
    if name is not None and session.get(_PROXIED) != name:
        if session:
            _drop()
        if not is_api():  # a program that keeps no cookie would arrive with every request
            session[_PROXIED] = name
            g.arrived = True
    return name


def _believe(name: str) -> None:
    """Act as the existing account of that name. Raises Forbidden when there is none, except at the doors."""
    store = services().store
    try:
        user = people.get(store, people.normal(name))
    except NotFound:
        user = None
    if user is None or user.disabled:
        if request.endpoint in _DOORS:
            return
        raise Forbidden("统一身份认证给出的用户在本系统没有启用的账户，请联系本级财政部门开通。")
    if g.get("arrived"):
        people.entered(store, user.name, "统一身份认证")
    g.actor = user.actor


# What hangs on it


def _must_change() -> BaseResponse | None:
    """Who has a password that somebody else gave does nothing but change it.

    The proxy's people need none, and an API token came by no password.
    """
    at = holder()
    if at is None or at.ticket.kind == "api" or not at.user.must_change or request.endpoint in _CHANGING:
        return None
    if is_api():
        raise MustChange("请先登录网页设置新密码，再使用接口。")
    return _lead(url_for("account.password"))


def _keep_from_disk(response: Response) -> Response:
    """Pages made for somebody are not kept by the browser: the next person at it cannot leaf back to them."""
    if g.get("actor", PUBLIC).signed_in and response.mimetype == "text/html" and not is_api():
        response.headers["Cache-Control"] = "no-store"
    return response
