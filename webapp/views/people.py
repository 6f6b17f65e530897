"""Administrators: accounts, what each may see, and why somebody sees a record or does not."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flask import Blueprint, flash, get_flashed_messages, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from corpus import indicators, people
from corpus import why as sight
from corpus.access import (
    CLEARANCE_NAMES,
    RIGHT_NAMES,
    RIGHTS,
    ROLE_NAMES,
    Clearance,
    Right,
    Role,
    require,
    require_grant,
    visible,
)
from corpus.errors import BadInput, Conflict, Forbidden, NotFound
from corpus.people import User
from webapp.services import actor, services

bp = Blueprint("people", __name__, url_prefix="/people")

LINK_DAYS = 1
_ROLES = [role for role in Role if role is not Role.PUBLIC]


@bp.before_request
def _guard() -> None:
    require(actor(), Right.PEOPLE)


@bp.get("")
def index() -> str:
    """Everybody who has an account, and the form for one more."""
    return _index()


def _index(**more: Any) -> str:
    text = request.args.get("q", "").strip()[:40]
    everybody = people.users(services().store)
    listed = [u for u in everybody if not text or text in u.name or text in u.unit]
    return render_template(
        "people.html",
        people=listed,
        everybody=len(everybody),
        q=text,
        roles=_ROLES,
        role_names=ROLE_NAMES,
        clearances=CLEARANCE_NAMES,
        units=_units(everybody),
        said=get_flashed_messages(),
        **more,
    )


def _units(everybody: list[User]) -> list[str]:
    """Units to choose from: those of accounts, and of the records that whoever asks may see."""
    held = {u.unit for u in everybody if u.unit}
    return sorted(held.union(indicators.visible_owners(services().store, actor())))


@bp.post("")
def add() -> str | Response | tuple[str, int]:
    """A new account, entered first by a one-time link that is shown on the next page alone."""
    store = services().store
    try:
        role, unit, clearance = _asked()
        name = people.normal(request.form.get("name", ""))
        require_grant(actor(), clearance, unit)
        people.add(store, User(name, role, unit, clearance, disabled=False), password=None, by=actor().name)
    except (BadInput, Conflict, Forbidden) as error:
        return _index(problem=error, asked=request.form), error.status
    return _person(name, link=_link(name))


def _asked() -> tuple[Role, str, Clearance]:
    """Role, unit and clearance of the form."""
    role, clearance = request.form.get("role", ""), request.form.get("clearance", "")
    if role not in list(Role):
        raise BadInput("请选择角色。", field="role")
    if clearance not in list(Clearance):
        raise BadInput("请选择授权范围。", field="clearance")
    return Role(role), request.form.get("unit", "").strip(), Clearance(clearance)


def _link(name: str) -> str:
    """A one-time link that ends in the person's own password."""
    secret = people.issue(
        services().store, name, "link", days=LINK_DAYS, label="管理员签发", must_change=True, by=actor().name
    )
    return url_for("account.enter", secret=secret, _external=True)


@bp.get("/account/<name>")
def person(name: str) -> str:
    """One account: what it may do and see, its sessions and tokens."""
    return _person(name)


def _person(name: str, **more: Any) -> str:
    store = services().store
    user = people.get(store, name)
    return render_template(
        "person.html",
        user=user,
        rule=visible(user.actor).words(),
        rights=[RIGHT_NAMES[right] for right in Right if user.actor.may(right)],
        sessions=people.sessions(store, name),
        tokens=people.api_tokens(store, name),
        scopes=[right for right in Right if right in RIGHTS[user.role]],
        names=RIGHT_NAMES,
        roles=_ROLES,
        role_names=ROLE_NAMES,
        clearances=CLEARANCE_NAMES,
        units=_units(people.users(store)),
        said=get_flashed_messages(),
        **more,
    )


@bp.post("/account/<name>")
def edit(name: str) -> Response | tuple[str, int]:
    """Another role, unit or clearance; the person has to sign in again."""
    store = services().store
    user = people.get(store, name)
    try:
        role, unit, clearance = _asked()
        require_grant(actor(), user.clearance, user.unit)
        require_grant(actor(), clearance, unit)
        people.edit(store, name, role=role, unit=unit, clearance=clearance, by=actor().name)
    except (BadInput, Conflict, Forbidden) as error:
        return _person(name, problem=error, asked=request.form), error.status
    flash("已保存。角色、单位或授权范围有变动的，本人须重新登录。")
    return _back(name)


@bp.post("/account/<name>/link")
def link(name: str) -> str | tuple[str, int]:
    """A one-time link for somebody who is locked out; shown on this answer alone."""
    user = people.get(services().store, name)
    try:
        require_grant(actor(), user.clearance, user.unit)
        return _person(name, link=_link(name))
    except (BadInput, Forbidden) as error:
        return _person(name, problem=error), error.status


@bp.post("/account/<name>/disable")
def disable(name: str) -> Response | tuple[str, int]:
    """Close the account; all its sessions, links and tokens end."""
    return _done(name, people.disable, "已停用，其会话、链接和令牌都已失效。")


@bp.post("/account/<name>/enable")
def enable(name: str) -> Response | tuple[str, int]:
    """Open the account again."""
    return _done(name, people.enable, "已启用。")


@bp.post("/account/<name>/unlock")
def unlock(name: str) -> Response | tuple[str, int]:
    """Forget the wrong passwords."""
    return _done(name, people.unlock, "已解除锁定。")


@bp.post("/account/<name>/sessions/end")
def end_sessions(name: str) -> Response | tuple[str, int]:
    """End all sessions of somebody."""
    return _done(name, people.end_sessions, "已结束全部会话。")


@bp.post("/account/<name>/tokens/<id>/revoke")
def revoke(name: str, id: str) -> Response | tuple[str, int]:
    """Make a token worthless, or end a session."""
    return _done(name, lambda store, of, *, by: people.revoke(store, id, of=of, by=by), "已撤销。")


def _done(name: str, change: Callable[..., object], said: str) -> Response | tuple[str, int]:
    try:
        change(services().store, name, by=actor().name)
    except (BadInput, Conflict) as error:
        return _person(name, problem=error), error.status
    flash(said)
    return _back(name)


def _back(name: str) -> Response:
    return redirect(url_for("people.person", name=name), 303)


@bp.get("/why")
def why() -> str | tuple[str, int]:
    """Why somebody, or the public, sees a record or does not; only of records that whoever asks sees himself."""
    name, record = request.args.get("name", "").strip(), request.args.get("record", "").strip()[:40]
    store, found, problem, reasons = services().store, None, None, list[str]()
    if record:
        try:
            found, reasons = sight.why(store, actor(), name, record)
        except NotFound as error:
            problem = error
    page = render_template(
        "why.html",
        name=name[:40],
        record=record,
        found=found,
        reasons=reasons,
        problem=problem,
        people=people.users(store),
    )
    return (page, problem.status) if problem else page
