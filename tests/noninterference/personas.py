"""Who asks: every role with every clearance that it may have, by session and by token."""

from __future__ import annotations

from dataclasses import dataclass

from corpus import people
from corpus.access import PUBLIC, Actor, Clearance, Right, Role
from corpus.people import User
from corpus.store import Store

ROADS, POLICE, FARMS, FINANCE, AUDIT = "州交通运输局", "州公安局", "州农业农村局", "州财政局", "州审计局"


@dataclass(frozen=True, slots=True)
class Persona:
    """A person, or a program with a token of theirs; ``rights`` are those that the token is limited to."""

    name: str
    user: User | None
    token: bool = False
    rights: frozenset[Right] | None = None

    @property
    def actor(self) -> Actor:
        """As the product should take them."""
        if self.user is None:
            return PUBLIC
        u = self.user
        return Actor(u.name, u.role, u.unit, u.clearance, self.rights)


def _user(name: str, role: Role, unit: str, clearance: Clearance) -> User:
    return User(name, role, unit, clearance, disabled=False)


USERS = {
    user.name: user
    for user in (
        _user("roads", Role.DEPARTMENT, ROADS, Clearance.OWN),
        _user("police", Role.DEPARTMENT, POLICE, Clearance.OWN),
        _user("roads-none", Role.DEPARTMENT, ROADS, Clearance.NONE),
        _user("reviewer-all", Role.REVIEWER, FINANCE, Clearance.ALL),
        _user("reviewer-none", Role.REVIEWER, FINANCE, Clearance.NONE),
        _user("admin-all", Role.ADMIN, FINANCE, Clearance.ALL),
        _user("admin-none", Role.ADMIN, FINANCE, Clearance.NONE),
        _user("auditor-none", Role.AUDITOR, AUDIT, Clearance.NONE),
    )
}
# A token holds no more than its scopes; without Right.RESTRICTED its holder's clearance counts for nothing.
_SIGHTED = frozenset({Right.RESTRICTED, Right.EXPERTS, Right.CHOOSE})


def _token(of: str, rights: frozenset[Right]) -> Persona:
    return Persona(f"{'' if Right.RESTRICTED in rights else 'blind '}token of {of}", USERS[of], True, rights)


PERSONAS = (
    Persona("public", None),
    *(Persona(name, user) for name, user in USERS.items()),
    _token("roads", _SIGHTED),
    _token("reviewer-all", _SIGHTED),
    _token("roads", _SIGHTED - {Right.RESTRICTED}),
    _token("admin-all", frozenset({Right.CURATE, Right.AUDIT})),
)


def secret(store: Store, persona: Persona) -> str:
    """A session or a token of the persona."""
    assert persona.user is not None
    if persona.token:
        return people.issue(store, persona.user.name, "api", days=1, scopes=persona.rights or (), by="")
    return people.issue(store, persona.user.name, "session", days=1, by="")
