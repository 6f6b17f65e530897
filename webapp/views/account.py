"""People: signing in and out, one-time links, the own account, the expert pool, and the help page."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from flask import Blueprint, flash, get_flashed_messages, redirect, render_template, request, session, url_for
from werkzeug.wrappers import Response

from corpus import passwords, people
from corpus.access import CLEARANCE_NAMES, RIGHT_NAMES, RIGHTS, TOKEN_RIGHTS, Right, require, visible
from corpus.errors import BadInput, Conflict, NotFound
from corpus.model import Expert
from indexer.search import Query, Results, search_experts
from webapp import auth
from webapp.auth import local
from webapp.services import actor, services
from webapp.views import shared

bp = Blueprint("account", __name__)
bp.add_app_template_global(actor, "who")

EXPERT_FACETS = {"kind": "类别", "organisation_kind": "单位性质"}


@bp.app_template_filter("moment")
def moment(stamp: str) -> str:
    """A stored time on the calendar of this machine, to the minute."""
    if not stamp:
        return "—"
    return f"{datetime.fromisoformat(stamp).astimezone():%Y-%m-%d %H:%M}"


# Signing in and out


@bp.get("/sign-in")
def sign_in() -> str:
    """The sign-in form."""
    target, expired = local(request.args.get("next", "/")), bool(session.pop("expired", False))
    return render_template("sign_in.html", next=target, name="", failed=False, expired=expired)


@bp.post("/sign-in")
def signed_in() -> Response | tuple[str, int]:
    """Check name and password; the answer does not tell what was wrong."""
    name, target = request.form.get("name", "").strip(), local(request.form.get("next", "/"))
    user = people.sign_in(services().store, name, request.form.get("password", ""))
    if user is None:
        return render_template("sign_in.html", next=target, name=name[:40], failed=True), 401
    auth.sign_in(user, way="密码")
    return redirect(target, 303)


@bp.post("/sign-out")
def sign_out() -> Response:
    """Leave; what the browser keeps of the person goes too."""
    auth.sign_out()
    answer = redirect(url_for("account.left"), 303)
    answer.headers["Clear-Site-Data"] = '"storage"'  # heard over https and on this machine; the page does the rest
    return answer


@bp.get("/signed-out")
def left() -> str:
    """Goodbye. Only after signing out does it clear drafts: no link from elsewhere can."""
    return render_template("signed_out.html", left=bool(session.pop("left", False)))


@bp.get("/enter/<secret>")
def enter(secret: str) -> str:
    """A one-time link: ask first, so that a link preview does not spend it."""
    return render_template("enter.html", secret=secret, failed=False)


@bp.post("/enter/<secret>")
def entered(secret: str) -> Response | tuple[str, int]:
    """Spend a one-time link."""
    found = people.redeem(services().store, secret)
    if found is None:
        return render_template("enter.html", secret="", failed=True), 410
    auth.sign_in(found.user, way="一次性链接", may_set_password=found.ticket.must_change)
    return redirect(url_for("library.index"), 303)


# The own account


@bp.get("/account")
def account() -> str:
    """Who one is, what one may see, where one is signed in, and one's API tokens."""
    require(actor(), Right.ACCOUNT)
    return _account()


def _account(**made: Any) -> str:
    store, who, at = services().store, actor(), auth.holder()
    return render_template(
        "account.html",
        user=people.get(store, who.name),
        clearance=CLEARANCE_NAMES[who.clearance],
        rule=visible(who).words(),
        rights=[RIGHT_NAMES[right] for right in Right if who.may(right)],
        sessions=people.sessions(store, who.name),
        here=at.ticket.id if at else "",
        tokens=people.api_tokens(store, who.name),
        scopes=[right for right in TOKEN_RIGHTS if right in RIGHTS[who.role]],
        names=RIGHT_NAMES,
        days=people.API_DAYS,
        longest=people.LONGEST_DAYS["api"],
        said=get_flashed_messages(),
        **made,
    )


@bp.post("/account/sessions/<id>/end")
def end_session(id: str) -> Response:
    """End one of one's own sessions."""
    require(actor(), Right.ACCOUNT)
    _revoke(id, "已结束该会话。")
    return redirect(url_for("account.account"), 303)


@bp.post("/account/sessions/end")
def end_sessions() -> Response:
    """End all sessions but this one."""
    require(actor(), Right.ACCOUNT)
    at = auth.holder()
    people.end_sessions(services().store, actor().name, by=actor().name, but=at.ticket.id if at else "")
    flash("已结束其他全部会话。")
    return redirect(url_for("account.account"), 303)


@bp.post("/account/tokens")
def make_token() -> str | tuple[str, int]:
    """A new API token, shown on this answer and never again."""
    require(actor(), Right.ACCOUNT)
    label, days = request.form.get("label", "").strip(), request.form.get("days", "").strip()
    chosen = request.form.getlist("scope")
    asked = {"label": label[: people.LABEL_LENGTH], "days": days[:4], "scope": chosen}
    try:
        if not label:
            raise BadInput("请填写令牌名称，便于日后辨认。", field="label")
        if not (days.isascii() and days.isdecimal() and len(days) <= 4):
            raise BadInput(f"有效天数须为 1 到 {people.LONGEST_DAYS['api']} 的整数，请修改。", field="days")
        if any(name not in TOKEN_RIGHTS for name in chosen):
            raise BadInput("没有这个用途，请重新勾选。", field="scopes")
        scopes = [Right(name) for name in chosen]
        secret = people.issue(
            services().store, actor().name, "api", days=int(days), label=label, scopes=scopes, by=actor().name
        )
    except BadInput as error:
        return _account(problem=error, asked=asked), 400
    return _account(secret=secret, label=label)


@bp.post("/account/tokens/<id>/revoke")
def revoke_token(id: str) -> Response:
    """Make one of one's own tokens worthless."""
    require(actor(), Right.ACCOUNT)
    _revoke(id, "已撤销该令牌。")
    return redirect(url_for("account.account"), 303)


def _revoke(id: str, said: str) -> None:
    """What is gone already is told too: the list that was shown may be old."""
    try:
        people.revoke(services().store, id, by=actor().name, of=actor().name)
        flash(said)
    except NotFound as error:
        flash(error.message)


@bp.get("/account/password")
def password() -> str:
    """The form for a new password."""
    require(actor(), Right.ACCOUNT)
    return _password(None)


def _password(problem: BadInput | Conflict | None) -> str:
    at = auth.holder()
    return render_template(
        "password.html",
        forced=at is not None and at.user.must_change,
        free=at is not None and at.ticket.must_change,
        shortest=passwords.SHORTEST,
        longest=passwords.LONGEST,
        problem=problem,
    )


@bp.post("/account/password")
def change_password() -> Response | tuple[str, int]:
    """Set the own password; everything else that was signed in has to sign in again, here a new session begins."""
    require(actor(), Right.ACCOUNT)
    at, new = auth.holder(), request.form.get("password", "")
    try:
        if at is None:
            raise Conflict("您由统一身份认证登录，密码请在那里修改。")
        if new != request.form.get("again", ""):
            raise BadInput("两次输入的新密码不一致，请重新输入。", field="again")
        user = people.change_password(services().store, at, old=request.form.get("old", ""), new=new)
    except (BadInput, Conflict) as error:
        return _password(error), error.status
    auth.sign_in(user, way="密码")
    flash("密码已修改；本账户的其他会话和一次性链接已失效。")
    return redirect(url_for("account.account"), 303)


# The expert pool and help


@bp.get("/experts")
def experts() -> str:
    """The expert pool, for signed-in people."""
    require(actor(), Right.EXPERTS)
    text = request.args.get("q", "").strip()
    filters = shared.chosen(list(EXPERT_FACETS))

    def run(query: Query) -> Results[Expert]:
        return search_experts(services().store, services().live, query, actor())

    asked = Query(text=text, filters=filters, page=shared.page_number(), size=50)
    results = run(asked)
    current: dict[str, Any] = {"q": text, **filters}
    return render_template(
        "experts.html",
        q=text,
        results=results,
        facets=shared.facets(run, asked, results, EXPERT_FACETS, current, path="/experts"),
        filters=filters,
        pager=shared.pager(results, current, path="/experts"),
        unfiltered=shared.address("/experts", {"q": text}),
    )


@bp.get("/help")
def help() -> str:
    """Keys, what the marks mean, and what the shipped library is."""
    return render_template("help.html", rule=visible(actor()).words())
