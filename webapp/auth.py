"""Who asks: a session kept in the store and named by the browser's cookie, or a bearer token."""

from __future__ import annotations

from flask import Flask, g, request, session

from corpus import people
from corpus.access import PUBLIC
from corpus.errors import NotSignedIn
from corpus.people import User
from webapp.security import bearer, forget_attempts
from webapp.services import services

SESSION_DAYS = 0.5
_KEY = "session"


def init(app: Flask) -> None:
    """Know the actor before every request."""
    app.before_request(_identify)


def sign_in(user: User) -> None:
    """Begin a session for ``user``; whatever this browser held before is worthless from now on."""
    _drop()
    session[_KEY] = people.issue(services().store, user.name, "session", days=SESSION_DAYS, by=user.name)
    forget_attempts(user.name)
    g.actor = user.actor


def sign_out() -> None:
    """End the session here and in the store."""
    _drop()
    g.actor = PUBLIC


def _drop() -> None:
    """Forget all that the cookie holds, the CSRF token too, and revoke the session that it named."""
    secret = session.get(_KEY)
    session.clear()
    if isinstance(secret, str):
        people.revoke(services().store, secret)


def _identify() -> None:
    """Fill ``g.actor``. A session that ran out makes its holder the public; a bad token is an error."""
    g.actor = PUBLIC
    if request.endpoint == "static":
        return
    token = bearer()
    if token is not None:
        user = people.holder(services().store, token, "api")
        if user is None:
            raise NotSignedIn("访问令牌无效、已过期或已停用，请用 zhibiao user token 重新签发。")
        g.actor = user.actor
        return
    secret = session.get(_KEY)
    if isinstance(secret, str):
        user = people.holder(services().store, secret, "session")
        if user is None:
            session.pop(_KEY)
        else:
            g.actor = user.actor
