"""Who sees what: the only place where these rules stand.

Pages, API, command line, index filters and exports all ask :func:`visible`; none of them knows a rule of its own.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from corpus.errors import Forbidden, NotSignedIn
from corpus.model import Visibility


class Role(StrEnum):
    """What a person does here."""

    PUBLIC = "public"
    DEPARTMENT = "department"
    REVIEWER = "reviewer"
    ADMIN = "admin"
    AUDITOR = "auditor"


class Clearance(StrEnum):
    """Which restricted records a person may see."""

    NONE = "none"
    OWN = "own"
    ALL = "all"


ROLE_NAMES = {
    Role.PUBLIC: "公众",
    Role.DEPARTMENT: "预算单位",
    Role.REVIEWER: "审核人员",
    Role.ADMIN: "财政管理员",
    Role.AUDITOR: "审计员",
}


@dataclass(frozen=True, slots=True)
class Actor:
    """Somebody who asks. ``unit`` is the budget unit, empty for the public."""

    name: str
    role: Role
    unit: str
    clearance: Clearance

    @property
    def signed_in(self) -> bool:
        return self.role is not Role.PUBLIC

    @property
    def role_name(self) -> str:
        return ROLE_NAMES[self.role]


PUBLIC = Actor(name="", role=Role.PUBLIC, unit="", clearance=Clearance.NONE)


@dataclass(frozen=True, slots=True)
class Scope:
    """The records an actor may see, in the forms that the readers of it need."""

    clearance: Clearance
    unit: str

    @property
    def edition(self) -> str:
        """The index edition this actor may open: ``open`` holds public records alone."""
        return "open" if self.clearance is Clearance.NONE else "full"

    @property
    def key(self) -> str:
        """What answers may be cached under: equal keys see equal libraries."""
        return f"{self.clearance}:{self.unit if self.clearance is Clearance.OWN else ''}"

    def sql(self, table: str) -> tuple[str, list[str]]:
        """A WHERE condition over ``table``'s ``visibility`` and ``owner`` columns, and its parameters."""
        if self.clearance is Clearance.ALL:
            return "1", []
        if self.clearance is Clearance.OWN:
            return f"({table}.visibility = 'public' or {table}.owner = ?)", [self.unit]
        return f"{table}.visibility = 'public'", []

    def allows(self, visibility: Visibility, owner: str) -> bool:
        """The same condition for one record."""
        if visibility is Visibility.PUBLIC or self.clearance is Clearance.ALL:
            return True
        return self.clearance is Clearance.OWN and owner == self.unit

    def words(self) -> str:
        """The rule as a sentence for administrators."""
        if self.clearance is Clearance.ALL:
            return "可查看全部指标，包括不可公开的指标。"
        if self.clearance is Clearance.OWN:
            return f"可查看全部公开指标，以及“{self.unit}”提供的不可公开指标。"
        return "只可查看公开指标。"


def visible(actor: Actor) -> Scope:
    """The records that ``actor`` may see. A clearance for the own unit without a unit sees nothing more."""
    if not actor.signed_in or (actor.clearance is Clearance.OWN and not actor.unit):
        return Scope(Clearance.NONE, "")
    return Scope(actor.clearance, actor.unit)


def require_signed_in(actor: Actor, what: str = "查看专家库") -> None:
    """Experts are shown to signed-in people only, and only what they take over from suggestions counts."""
    if not actor.signed_in:
        raise NotSignedIn(f"请先登录后再{what}。")


def require_admin(actor: Actor, what: str) -> None:
    """Curating, user administration and what is learned from choices are the finance administrator's."""
    if actor.role is not Role.ADMIN:
        raise Forbidden(f"只有财政管理员可以{what}，请联系本级财政部门。")
