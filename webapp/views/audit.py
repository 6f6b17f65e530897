"""The audit for those who may read it: filters, a page of rows, and the same as a file."""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from urllib.parse import quote

from flask import Blueprint, Response, render_template, request

from corpus import audit, cli_audit, seen
from corpus.access import Clearance, Right, require, visible
from corpus.audit import Asked, Entry
from corpus.audit_words import ACTIONS
from corpus.errors import BadInput
from webapp.services import actor, services
from webapp.views import shared

bp = Blueprint("audit", __name__, url_prefix="/audit")

SIZE = 50
# Records of a row that the page names; more rows than this are for the command line.
NAMED, MOST = 5, 50_000


@bp.before_request
def _guard() -> None:
    require(actor(), Right.AUDIT)


@bp.app_template_filter("clock")
def clock(at: str) -> str:
    """A stored time on the clock of this machine, to the second."""
    return cli_audit.local(at)


@bp.get("")
def index() -> str | tuple[str, int]:
    """A page of rows, newest first; wrong dates are said beside their field."""
    asked, number, problem = _asked(), shared.page_number(), None
    try:
        found = audit.search(services().store, actor(), asked, number, SIZE)
    except BadInput as error:
        problem, found = error, audit.Page(0, number, SIZE, ())
    current = asdict(asked)
    page = render_template(
        "audit.html",
        asked=asked,
        found=found,
        problem=problem,
        actions=ACTIONS,
        named=NAMED,
        whole=visible(actor()).clearance is Clearance.ALL,
        pager=shared.turned(found.page, -(-found.total // SIZE), current, path="/audit"),
        file=shared.address("/audit/audit.csv", current),
    )
    return (page, problem.status) if problem else page


@bp.get("/audit.csv")
def table() -> Response:
    """What the filters leave as a file that office programs open as it is; that it was taken is a row of its own."""
    store = services().store
    out = io.StringIO(newline="")
    with seen.gathering(actor()) as gathered:
        count = cli_audit.write_csv(out, _bounded(audit.entries(store, actor(), _asked())))
        cli_audit.exported(store, actor(), gathered, count)
    return Response(
        "\ufeff" + out.getvalue(),
        mimetype="text/csv",
        headers={"Content-Disposition": f"attachment; filename=audit.csv; filename*=UTF-8''{quote('审计记录.csv')}"},
    )


def _bounded(entries: Iterable[Entry]) -> Iterator[Entry]:
    """The same rows. Raises BadInput when there are too many for one answer."""
    for number, entry in enumerate(entries):
        if number == MOST:
            raise BadInput(
                f"要导出的记录超过 {MOST} 条，请缩小日期范围，或用 zhibiao audit export 导出。", field="since"
            )
        yield entry


def _asked() -> Asked:
    given = {name: request.args.get(name, "").strip()[:200] for name in ("text", "who", "action", "since", "until")}
    return Asked(**given)
