"""Who may ask for which address: one line for each method of each route, and what follows for each person.

A new route needs a line in LINES. ``python -m tests.webapp.route_rules`` writes the table for people to read.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from corpus.access import PUBLIC, TOKEN_RIGHTS, Actor, Clearance, Right, Role, visible
from corpus.model import Visibility

DOCUMENT = Path(__file__).parents[2] / "docs" / "security" / "routes.md"
OURS, THEIRS = "州教育体育局", "州公安局"
PASSWORD = "correct horse battery"  # noqa: S105
EVERYBODY = None


@dataclass(frozen=True, slots=True)
class Line:
    """A method of a route: the right that it needs, a valid request, and the status of its good answer.

    ``owner`` is given when the record asked for is restricted and belongs to that unit.
    """

    method: str
    rule: str
    right: Right | None
    ok: int = 200
    at: Mapping[str, str] = field(default_factory=dict)
    form: Mapping[str, str] = field(default_factory=dict)
    json: Mapping[str, object] | None = None
    owner: str = ""

    @property
    def path(self) -> str:
        found = self.rule.replace("<path:", "<")
        for name, value in self.at.items():
            found = found.replace(f"<{name}>", value)
        return found


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody who asks. ``way`` is how: nothing, session, token, closed (account), late (token), given (password)."""

    title: str
    way: str
    actor: Actor

    @property
    def account(self) -> str:
        return self.actor.name


def _actor(name: str, role: Role, unit: str, clearance: Clearance, limits: frozenset[Right] | None = None) -> Actor:
    return Actor(name, role, unit, clearance, limits)


PERSONS = (
    Person("public", "nothing", PUBLIC),
    Person("department, own unit", "session", _actor("dept", Role.DEPARTMENT, OURS, Clearance.OWN)),
    Person("department, no clearance", "session", _actor("plain", Role.DEPARTMENT, OURS, Clearance.NONE)),
    Person("reviewer", "session", _actor("reviewer", Role.REVIEWER, "州财政局", Clearance.NONE)),
    Person("administrator", "session", _actor("admin", Role.ADMIN, "州财政局", Clearance.ALL)),
    Person("auditor", "session", _actor("auditor", Role.AUDITOR, "州审计局", Clearance.NONE)),
    Person("session of a closed account", "closed", _actor("closed", Role.ADMIN, "州财政局", Clearance.ALL)),
    Person("given password", "given", _actor("given", Role.ADMIN, "州财政局", Clearance.ALL)),
    Person("late token", "late", _actor("admin", Role.ADMIN, "州财政局", Clearance.ALL, frozenset(TOKEN_RIGHTS))),
    Person("token without scopes", "token", _actor("admin", Role.ADMIN, "州财政局", Clearance.ALL, frozenset())),
    Person(
        "token for restricted alone",
        "token",
        _actor("admin", Role.ADMIN, "州财政局", Clearance.ALL, frozenset({Right.RESTRICTED})),
    ),
    Person("token for all", "token", _actor("admin", Role.ADMIN, "州财政局", Clearance.ALL, frozenset(TOKEN_RIGHTS))),
)

V1 = "/api/v1"
DRAFT = {"project": "幼儿园建设", "goal": "新建幼儿园5所"}
CHOICE = {"use": "学前教育保障", "id": "2100001", "chosen": ["2100001"]}
MEMBER = {"role": "reviewer", "unit": "州财政局", "clearance": "none"}
WEIGHTS = {"kind": "exact", "fields.name": "0.55"}
NEW_PASSWORD = {"old": PASSWORD, "password": "another long horse 71", "again": "another long horse 71"}
LINES = (
    Line("GET", "/static/<path:filename>", EVERYBODY, at={"filename": "app.css"}),
    # The JSON API
    Line("GET", f"{V1}/indicators", EVERYBODY),
    Line("GET", f"{V1}/indicators/<id>", EVERYBODY, at={"id": "2100001"}),
    Line("GET", f"{V1}/indicators/<id>", EVERYBODY, at={"id": "2190001"}, owner=OURS),
    Line("GET", f"{V1}/complete", EVERYBODY),
    Line("POST", f"{V1}/suggest", EVERYBODY, json=DRAFT),
    Line("POST", f"{V1}/review", EVERYBODY, json={**DRAFT, "rows": []}),
    Line("POST", f"{V1}/choices", Right.CHOOSE, 204, json=CHOICE),
    Line("DELETE", f"{V1}/choices", Right.CURATE, 204),
    Line("GET", f"{V1}/policies", EVERYBODY),
    Line("GET", f"{V1}/policies/<id>", EVERYBODY, at={"id": "p0000000001"}),
    Line("GET", f"{V1}/policies/<id>", EVERYBODY, at={"id": "p0000000009"}, owner=THEIRS),
    Line("GET", f"{V1}/experts", Right.EXPERTS),
    Line("GET", f"{V1}/audit", Right.AUDIT),
    Line("GET", f"{V1}/taxonomy", EVERYBODY),
    Line("GET", f"{V1}/openapi.json", EVERYBODY),
    Line("GET", f"{V1}/healthz", EVERYBODY),
    Line("GET", "/api/docs", EVERYBODY),
    # Pages that everybody may read
    Line("GET", "/", EVERYBODY),
    Line("GET", "/indicators/<id>", EVERYBODY, at={"id": "2100001"}),
    Line("GET", "/indicators/<id>", EVERYBODY, at={"id": "2190001"}, owner=OURS),
    Line("GET", "/draft", EVERYBODY),
    Line("POST", "/draft/suggestions", EVERYBODY, form=DRAFT),
    Line("POST", "/draft/table.csv", EVERYBODY, form=dict.fromkeys(
        ("level1", "level2", "name", "operator", "value", "unit"), "甲")),
    Line("GET", "/policies", EVERYBODY),
    Line("GET", "/policies/<id>", EVERYBODY, at={"id": "p0000000001"}),
    Line("GET", "/policies/<id>", EVERYBODY, at={"id": "p0000000009"}, owner=THEIRS),
    Line("GET", "/help", EVERYBODY),
    # Coming and going
    Line("GET", "/sign-in", EVERYBODY),
    Line("POST", "/sign-in", EVERYBODY, 303, form={"name": "visitor", "password": PASSWORD}),
    Line("POST", "/sign-out", EVERYBODY, 303),
    Line("GET", "/signed-out", EVERYBODY),
    Line("GET", "/enter/<secret>", EVERYBODY, at={"secret": "x" * 43}),
    Line("POST", "/enter/<secret>", EVERYBODY, 410, at={"secret": "x" * 43}),
    # The own account
    Line("GET", "/account", Right.ACCOUNT),
    Line("POST", "/account/sessions/<id>/end", Right.ACCOUNT, 303, at={"id": "0" * 12}),
    Line("POST", "/account/sessions/end", Right.ACCOUNT, 303),
    Line("POST", "/account/tokens", Right.ACCOUNT, form={"label": "测试", "days": "1"}),
    Line("POST", "/account/tokens/<id>/revoke", Right.ACCOUNT, 303, at={"id": "0" * 12}),
    Line("GET", "/account/password", Right.ACCOUNT),
    Line("POST", "/account/password", Right.ACCOUNT, 303, form=NEW_PASSWORD),
    Line("GET", "/experts", Right.EXPERTS),
    # Accounts of others
    Line("GET", "/people", Right.PEOPLE),
    Line("POST", "/people", Right.PEOPLE, form=MEMBER | {"name": "new{n}"}),
    Line("GET", "/people/account/<name>", Right.PEOPLE, at={"name": "target"}),
    Line("POST", "/people/account/<name>", Right.PEOPLE, 303, at={"name": "target"}, form=MEMBER),
    Line("POST", "/people/account/<name>/link", Right.PEOPLE, at={"name": "target"}),
    Line("POST", "/people/account/<name>/disable", Right.PEOPLE, 303, at={"name": "target"}),
    Line("POST", "/people/account/<name>/enable", Right.PEOPLE, 303, at={"name": "target"}),
    Line("POST", "/people/account/<name>/unlock", Right.PEOPLE, 303, at={"name": "target"}),
    Line("POST", "/people/account/<name>/sessions/end", Right.PEOPLE, 303, at={"name": "target"}),
    Line("POST", "/people/account/<name>/tokens/<id>/revoke", Right.PEOPLE, 404, at={"name": "target", "id": "0" * 12}),
    Line("GET", "/people/why", Right.PEOPLE),
    # The audit
    Line("GET", "/audit", Right.AUDIT),
    Line("GET", "/audit/audit.csv", Right.AUDIT),
    # The relevance desk
    Line("GET", "/relevance", Right.CURATE),
    Line("GET", "/relevance/questions", Right.CURATE),
    Line("GET", "/relevance/questions/<id>", Right.CURATE, at={"id": "Q001"}),
    Line("GET", "/relevance/trial", Right.CURATE),
    Line("POST", "/relevance/trial", Right.CURATE, 303, form=WEIGHTS),
    Line("POST", "/relevance/measure", Right.CURATE, 303),
    Line("POST", "/relevance/stop", Right.CURATE, 303),
    Line("POST", "/relevance/adopt", Right.CURATE, 303),
    Line("POST", "/relevance/reset", Right.CURATE, 303),
)  # fmt: skip
# Where a session that ran out is no obstacle, and where one goes to set a password that is due.
DOORS = {"/sign-in", "/sign-out", "/signed-out", "/enter/<secret>"}
CHANGING = {"/account/password", "/sign-out", "/signed-out"}


def barred(rule: str, person: Person) -> int:
    """The status that somebody gets whatever is asked of ``rule``; 0 when the request itself decides."""
    api = rule.startswith("/api/")
    if rule.startswith("/static/"):
        return 0
    if person.way == "late":
        return 401
    if person.way == "closed" and not api and rule not in DOORS:
        return 303
    if person.way == "given" and rule not in CHANGING:
        return 403 if rule.startswith("/api/") else 303
    return 0


def expected(line: Line, person: Person) -> int:
    """The status that this person gets for the request of ``line``."""
    if always := barred(line.rule, person):
        return always
    actor = PUBLIC if person.way == "closed" else person.actor
    if line.right is not None and not actor.may(line.right):
        return 403 if actor.signed_in else 401
    if line.owner and not visible(actor).allows(Visibility.RESTRICTED, line.owner):
        return 404
    return line.ok


def needs(line: Line) -> str:
    """The rule of a line in words."""
    if line.owner:
        return f"everybody; the record is restricted, of {line.owner}"
    return f"`{line.right.value}`" if line.right else "everybody"


def document() -> str:
    """The table as Markdown."""
    head = ["route", "method", "right", *(person.title for person in PERSONS)]
    rows = [[f"`{x.rule}`", x.method, needs(x), *(str(expected(x, p)) for p in PERSONS)] for x in LINES]
    return "\n".join([
        "# Roles and routes",
        "",
        "Each cell is the status that this person gets for a valid request; `tests/webapp/test_routes.py` asks for every one",
        "of them, and fails when a route has no line. Written by `python -m tests.webapp.route_rules`, not by hand.",
        "",
        "- 200, 204, 303 (after a change), 410 (a spent link): it was done. 401: sign in first. 403: not allowed, or a given",
        "  password has to be changed first. 404: there is no such record, or none that this person may know of.",
        "- A session that ended leads from pages to sign-in, a password that is due to its form: 303.",
        "- Methods that are not in the table: 405. `HEAD` is as `GET`; `OPTIONS` has no body. No token manages its holder's account.",
        "- Whoever comes with a cookie needs the CSRF token as well (`tests/webapp/test_security.py`).",
        "",
        f"| {' | '.join(head)} |",
        f"|{' --- |' * len(head)}",
        *(f"| {' | '.join(row)} |" for row in rows),
        "",
    ])  # fmt: skip


if __name__ == "__main__":
    DOCUMENT.write_text(document(), encoding="utf-8")
