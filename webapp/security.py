"""What guards every request: trusted hosts, CSRF, the rate of sign-in attempts, cookie flags and response headers.

How often one name is tried is counted in the store (:mod:`corpus.people`); here, how often one address tries.
"""

from __future__ import annotations

import hmac
import math
import os
import secrets
import time
from array import array
from collections.abc import Callable, Iterable
from functools import lru_cache
from mmap import mmap
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from flask import Flask, Request, Response, current_app, request, session
from flask.sessions import SecureCookieSession, SecureCookieSessionInterface, SessionMixin

from corpus.errors import BadInput, Forbidden, NotReady, NotSignedIn
from webapp.errors import TooMany, is_api
from webapp.services import actor
from webapp.shared import Mutex

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

KEY_FILE = "secret.key"
MAX_BYTES = 2 * 1024 * 1024
LOCAL_HOSTS = frozenset({"127.0.0.1", "localhost", "[::1]"})
# Environment variable with further names, by comma; one of them may be * where a proxy in front checks names.
HOSTS_VARIABLE = "ZHIBIAO_HOSTS"
# Set to 1 where everybody comes by https through a proxy that ends TLS: cookies are Secure, links say https.
HTTPS_VARIABLE = "ZHIBIAO_HTTPS"
SIGN_IN_PATH = "/sign-in"
HEADERS = {
    "Content-Security-Policy": (
        "default-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'self'; object-src 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
    "Cross-Origin-Opener-Policy": "same-origin",
}
_SAFE = frozenset({"GET", "HEAD", "OPTIONS", "TRACE"})
View = TypeVar("View", bound=Callable[..., object])


class _Sessions(SecureCookieSessionInterface):
    """Flask's signed cookie; Secure whenever the request came by https.

    Most requests bring no cookie and leave none: then nothing is made ready to sign with.
    """

    def open_session(self, app: Flask, request: Request) -> SecureCookieSession | None:
        if "HTTP_COOKIE" not in request.environ:
            return self.session_class()
        return super().open_session(app, request)

    def save_session(self, app: Flask, session: SessionMixin, response: Response) -> None:
        if session or session.modified:
            super().save_session(app, session, response)
        elif session.accessed and not any("Cookie" in varies for varies in response.headers.getlist("Vary")):
            response.headers.add("Vary", "Cookie")

    def get_cookie_secure(self, app: Flask) -> bool:
        return request.is_secure


def _by_https(wsgi: WSGIApplication) -> WSGIApplication:
    def answer(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        return wsgi({**environ, "wsgi.url_scheme": "https"}, start_response)

    return answer


def _guarded(wsgi: WSGIApplication) -> WSGIApplication:
    """The same answers with :data:`HEADERS`, and kept by nobody else's cache; here, so that none can leave without."""
    always = [*HEADERS.items()]
    usual = [*always, ("Cache-Control", "private, no-cache")]

    def answer(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        def start(status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Any:
            return start_response(status, headers + (always if "Cache-Control" in dict(headers) else usual), exc_info)

        return wsgi(environ, start)

    return answer


# Attempts to sign in within five minutes from one address (an office may share one).
ADDRESS_LIMIT = 40


class Attempts:
    """Counts attempts by key within a sliding window of seconds; the least recent keys are forgotten first.

    It lies in memory that all processes forked from this one share. ``clock`` is one for all of them, never below 0.
    """

    def __init__(
        self,
        limit: int = ADDRESS_LIMIT,
        window: float = 300,
        keys: int = 10_000,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._limit, self._window, self._clock = limit, window, clock
        self._mutex = Mutex()
        # By place: whose it is, which attempt of all was its last, and when each of its last ones ceases to count.
        self._keys, self._turns = (memoryview(mmap(-1, 8 * keys)).cast("q") for _ in range(2))
        self._ends = memoryview(mmap(-1, 8 * keys * limit)).cast("d")

    def count(self, key: str) -> int:
        """Note an attempt; 0 when it may go on, else the seconds to wait. A refused attempt does not count."""
        name = hash(key)  # its seed is secret, and the same in forked processes
        with self._mutex:
            now, names, turns = self._clock(), self._keys.tolist(), self._turns.tolist()
            place = names.index(name) if name in names else turns.index(min(turns))
            ends = self._ends[place * self._limit : (place + 1) * self._limit]
            if names[place] != name:
                ends[:] = array("d", bytes(ends.nbytes))
                self._keys[place] = name
            self._turns[place] = max(turns) + 1
            if ends[0] > now:
                return max(1, math.ceil(ends[0] - now))
            ends[:] = array("d", [*ends[1:], now + self._window])
            return 0


def init(app: Flask, data: Path) -> None:
    """Guard ``app``; the key that signs its cookies lies in the data folder."""
    app.config.update(
        SECRET_KEY=secret_key(data),
        MAX_CONTENT_LENGTH=MAX_BYTES,
        MAX_FORM_MEMORY_SIZE=MAX_BYTES,
        SESSION_COOKIE_NAME="zhibiao",
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
    )
    app.session_interface = _Sessions()
    app.wsgi_app = _guarded(app.wsgi_app)  # type: ignore[method-assign]
    if os.environ.get(HTTPS_VARIABLE) == "1":
        app.wsgi_app = _by_https(app.wsgi_app)  # type: ignore[assignment, method-assign]
    app.extensions["zhibiao_hosts"] = set(LOCAL_HOSTS)
    app.extensions["zhibiao_attempts"] = Attempts()
    # HOST is the address to serve on: whoever sets it means it to be used.
    trust(app, os.environ.get("HOST", ""), *os.environ.get(HOSTS_VARIABLE, "").split(","))
    app.jinja_env.globals["csrf_token"] = csrf_token
    app.before_request(_check_host)


def secret_key(data: Path) -> bytes:
    """The key of the data folder, made at the first call and readable by its owner alone.

    Raises NotReady when the file was damaged.
    """
    path = data / KEY_FILE
    if not path.exists():
        draft = data / f"{KEY_FILE}.{secrets.token_hex(8)}"
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(secrets.token_bytes(32))
        try:
            os.link(draft, path)  # whole or not at all, and never over the one of another process
        except FileExistsError:
            pass
        finally:
            draft.unlink()
    if path.stat().st_mode & 0o077:
        path.chmod(0o600)
    key = path.read_bytes()
    if len(key) < 32:
        raise NotReady(f"密钥文件 {path} 已损坏，请删除后重新启动；已登录的用户需要重新登录。")
    return key


# Hosts


def trust(app: Flask, *names: str) -> None:
    """Take requests for these host names too; ``*`` takes any."""
    app.extensions["zhibiao_hosts"] |= {_host(name.strip()) for name in names if name.strip()}


@lru_cache(maxsize=64)
def _host(name: str) -> str:
    """A Host header, or a configured name, without its port; an IPv6 address in its brackets."""
    name = name.lower()
    if name.startswith("["):
        return name.split("]")[0] + "]"
    if name.count(":") > 1:
        return f"[{name}]"
    return name.split(":")[0].removesuffix(".")


def _check_host() -> None:
    trusted = current_app.extensions["zhibiao_hosts"]
    if _host(request.host) not in trusted and "*" not in trusted:
        raise BadInput(f"访问所用的主机名未登记，请管理员把它加入环境变量 {HOSTS_VARIABLE} 后重启服务。", field="Host")


# CSRF


def csrf_token() -> str:
    """The token that forms carry; it lives as long as the browser's session and changes when someone signs in."""
    token = session.get("csrf")
    if not isinstance(token, str):
        token = session["csrf"] = secrets.token_urlsafe(24)
    return token


def csrf_exempt(view: View) -> View:
    """Mark a view that changes nothing, whatever is posted to it."""
    view.csrf_exempt = True  # type: ignore[attr-defined]
    return view


def check_csrf() -> None:
    """A request that may change something proves that it comes from one of our pages; auth asks, knowing the actor.

    One with a bearer token needs no proof: no other site can make a browser send that header, and auth turns bad
    tokens away. A program that forgot to say who it is hears that, rather than of a page that it never saw.
    """
    if request.method in _SAFE or request.endpoint is None or bearer() is not None:
        return
    if getattr(current_app.view_functions[request.endpoint], "csrf_exempt", False):
        return
    given = request.headers.get("X-CSRF-Token") or request.form.get("csrf_token", "")
    expected = session.get("csrf", "")
    if not expected or not hmac.compare_digest(given.encode(), expected.encode()):
        if is_api() and not actor().signed_in:
            raise NotSignedIn("请先登录，或在 Authorization 请求头里带上访问令牌。")
        raise Forbidden("页面已过期，请刷新页面后重新提交。", field="csrf_token")


def bearer() -> str | None:
    """The bearer token of the request, or None when it carries none; other schemes but Basic count as bad tokens.

    Basic belongs to a proxy in front of the service and is none of ours.
    """
    if "HTTP_AUTHORIZATION" not in request.environ:  # as of nearly all
        return None
    scheme, _, token = request.headers.get("Authorization", "").strip().partition(" ")
    if not scheme or scheme.lower() == "basic":
        return None
    return token.strip() if scheme.lower() == "bearer" else ""


# Rate of sign-in attempts


def check_rate() -> None:
    """Attempts that came by our own form count; auth asks after the check of that."""
    if request.method != "POST" or request.path != SIGN_IN_PATH:
        return
    attempts: Attempts = current_app.extensions["zhibiao_attempts"]
    wait = attempts.count(request.remote_addr or "")
    if wait:
        raise TooMany(f"登录尝试过于频繁，请 {wait} 秒后再试。", seconds=wait)
