"""People: signing in and out, one-time links, the expert pool, and the help page."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from corpus import people
from corpus.access import Right, require, visible
from corpus.model import Expert
from indexer.search import Query, Results, search_experts
from webapp import auth
from webapp.services import actor, services
from webapp.views import shared

bp = Blueprint("account", __name__)
bp.add_app_template_global(actor, "who")

EXPERT_FACETS = {"kind": "类别", "organisation_kind": "单位性质"}


def local(target: str) -> str:
    """``target`` when it is an address of this service, else the start page."""
    plain = target.startswith("/") and not target.startswith(("//", "/\\"))
    return target if plain and target.isprintable() else "/"


@bp.get("/sign-in")
def sign_in() -> str:
    """The sign-in form."""
    return render_template("sign_in.html", next=local(request.args.get("next", "/")), name="", failed=False)


@bp.post("/sign-in")
def signed_in() -> Response | tuple[str, int]:
    """Check name and password; the answer does not tell which of the two was wrong."""
    name, target = request.form.get("name", "").strip(), local(request.form.get("next", "/"))
    user = people.sign_in(services().store, name, request.form.get("password", ""))
    if user is None:
        return render_template("sign_in.html", next=target, name=name[:40], failed=True), 401
    auth.sign_in(user)
    return redirect(target, 303)


@bp.post("/sign-out")
def sign_out() -> Response:
    """Leave; back to what everybody sees."""
    auth.sign_out()
    return redirect(url_for("library.index"), 303)


@bp.get("/enter/<secret>")
def enter(secret: str) -> str:
    """A one-time link: ask first, so that a link preview does not spend it."""
    return render_template("enter.html", secret=secret, failed=False)


@bp.post("/enter/<secret>")
def entered(secret: str) -> Response | tuple[str, int]:
    """Spend a one-time link."""
    user = people.redeem(services().store, secret)
    if user is None:
        return render_template("enter.html", secret="", failed=True), 410
    auth.sign_in(user)
    return redirect(url_for("library.index"), 303)


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
