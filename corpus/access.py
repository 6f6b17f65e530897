"""Who may do what and who sees what: the only place where these rules stand.

Pages, API, command line, index filters and exports all ask :func:`visible` and :func:`require`; none of them knows a
rule of its own.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeVar

from corpus.errors import Forbidden, NotSignedIn
from corpus.model import Indicator, Policy, Visibility

Record = TypeVar("Record", Indicator, Policy)


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


class Right(StrEnum):
    """What may be done beyond reading public records, drafting and having a table checked: anybody may do those."""

    RESTRICTED = "restricted"
    EXPERTS = "experts"
    CHOOSE = "choose"
    ACCOUNT = "account"
    CURATE = "curate"
    PEOPLE = "people"
    AUDIT = "audit"


ROLE_NAMES = {
    Role.PUBLIC: "公众",
    Role.DEPARTMENT: "预算单位",
    Role.REVIEWER: "审核人员",
    Role.ADMIN: "财政管理员",
    Role.AUDITOR: "审计员",
}
CLEARANCE_NAMES = {Clearance.NONE: "无", Clearance.OWN: "本单位", Clearance.ALL: "全部"}
# Each right as the verb phrase that sentences and pages use.
RIGHT_NAMES = {
    Right.RESTRICTED: "查看授权范围内的不可公开记录",
    Right.EXPERTS: "查看专家库",
    Right.CHOOSE: "采用指标",
    Right.ACCOUNT: "管理本人账户",
    Right.CURATE: "维护指标库和检索设置",
    Right.PEOPLE: "管理账户和授权",
    Right.AUDIT: "查看审计记录",
}
_EVERYBODY = frozenset({Right.RESTRICTED, Right.EXPERTS, Right.CHOOSE, Right.ACCOUNT})
RIGHTS = {
    Role.PUBLIC: frozenset[Right](),
    Role.DEPARTMENT: _EVERYBODY,
    Role.REVIEWER: _EVERYBODY,
    Role.ADMIN: frozenset(Right),
    Role.AUDITOR: _EVERYBODY | {Right.AUDIT},
}
# What an API token may be given. An account is its holder's own matter: no token manages one.
TOKEN_RIGHTS = tuple(right for right in Right if right is not Right.ACCOUNT)


@dataclass(frozen=True, slots=True)
class Actor:
    """Somebody who asks. ``unit`` is the budget unit, empty for the public.

    ``limits`` are the rights that an API token was given; None for a person, who has all those of the role.
    """

    name: str
    role: Role
    unit: str
    clearance: Clearance
    limits: frozenset[Right] | None = None

    @property
    def signed_in(self) -> bool:
        return self.role is not Role.PUBLIC

    @property
    def role_name(self) -> str:
        return ROLE_NAMES[self.role]

    def may(self, right: Right) -> bool:
        """Whether the role has this right, and the token too where there is one."""
        return right in RIGHTS[self.role] and (self.limits is None or right in self.limits)


PUBLIC = Actor(name="", role=Role.PUBLIC, unit="", clearance=Clearance.NONE)
# Who runs commands on accounts without naming one: the data folder is in his hands, and so is all that is in it.
OPERATOR = Actor(name="", role=Role.ADMIN, unit="", clearance=Clearance.ALL)


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

    def allowed(self, records: Iterable[Record]) -> list[Record]:
        """Those of many records, in order; whether one is public is asked here, as it is of nearly all."""
        public = Visibility.PUBLIC
        return [r for r in records if r.visibility is public or self.allows(r.visibility, r.owner)]

    def words(self) -> str:
        """The rule as a sentence for administrators."""
        if self.clearance is Clearance.ALL:
            return "可查看全部指标，包括不可公开的指标。"
        if self.clearance is Clearance.OWN:
            return f"可查看全部公开指标，以及“{self.unit}”提供的不可公开指标。"
        return "只可查看公开指标。"


def visible(actor: Actor) -> Scope:
    """The records that ``actor`` may see. A clearance for the own unit without a unit sees nothing more."""
    if not actor.may(Right.RESTRICTED) or (actor.clearance is Clearance.OWN and not actor.unit):
        return Scope(Clearance.NONE, "")
    return Scope(actor.clearance, actor.unit if actor.clearance is Clearance.OWN else "")


def sees_drafts(actor: Actor, owner: str) -> bool:
    """Whether records of ``owner`` that are not published yet are shown: to who curates, and to that unit itself."""
    return actor.may(Right.CURATE) or (actor.signed_in and actor.unit == owner != "")


def require(actor: Actor, right: Right) -> None:
    """Raises NotSignedIn when nobody is signed in, Forbidden when the role or the token lacks ``right``."""
    if actor.may(right):
        return
    what = RIGHT_NAMES[right]
    if not actor.signed_in:
        raise NotSignedIn(f"请先登录后再{what}。")
    if right in RIGHTS[actor.role]:
        raise Forbidden(f"这个访问令牌不能用来{what}，请换一个令牌，或登录后操作。")
    able = "、".join(ROLE_NAMES[role] for role in Role if right in RIGHTS[role])
    raise Forbidden(f"只有{able}可以{what}，请联系本级财政部门。")


def require_all(actor: Actor, what: str) -> None:
    """What touches every record, restricted ones too, needs a clearance for all. Raises Forbidden."""
    if visible(actor).clearance is not Clearance.ALL:
        raise Forbidden(f"{what}需要可查看全部指标的账户，请换一个账户。")


def require_grant(actor: Actor, clearance: Clearance, unit: str) -> None:
    """Nobody hands out, or enters by a link, a clearance beyond his own. Raises Forbidden."""
    own = visible(actor)
    same = clearance is own.clearance is Clearance.OWN and unit == own.unit
    if clearance is not Clearance.NONE and own.clearance is not Clearance.ALL and not same:
        raise Forbidden("授权范围不能超过您自己的范围，请由可查看全部指标的财政管理员办理。")


def explain(actor: Actor, visibility: Visibility, owner: str, *, draft: bool = False) -> list[str]:
    """Why ``actor`` may or may not see such a record: the rules that decide, in words, the verdict last."""
    who = f"“{actor.name}”" if actor.name else ROLE_NAMES[Role.PUBLIC]
    said = []
    if visibility is Visibility.PUBLIC:
        said.append("这条记录可以公开：任何人不登录也能看到。" if not draft else "这条记录可以公开，但尚未发布。")
    else:
        said += [f"这条记录不可公开，由“{owner}”提供：只有授权范围包含它的人能看到。", _clearance(actor, who, owner)]
    if draft:
        said.append(f"草稿只给{RIGHT_NAMES[Right.CURATE]}的人和提供单位“{owner}”的人看。")
    if visible(actor).allows(visibility, owner) and (not draft or sees_drafts(actor, owner)):
        return [*said, f"{who}可以看到这条记录。"]
    return [*said, f"{who}看不到这条记录，也不会从检索、计数、联想、导出中得知它存在。"]


def _clearance(actor: Actor, who: str, owner: str) -> str:
    """What an actor's clearance means for restricted records of ``owner``."""
    if not actor.signed_in:
        return "公众没有登录，不在任何授权范围内。"
    if not actor.may(Right.RESTRICTED):
        return "所用的访问令牌不含“查看不可公开记录”，按公众对待。"
    if actor.clearance is Clearance.ALL:
        return f"{who}是{actor.role_name}，授权范围为“全部”，包括各单位的不可公开记录。"
    if actor.clearance is Clearance.NONE:
        return f"{who}是{actor.role_name}，授权范围为“无”，只看公开记录。"
    if not actor.unit:
        return f"{who}的授权范围为“本单位”，但账户没有登记单位，因此只看公开记录。"
    same = "正是" if actor.unit == owner else "不是"
    return f"{who}的授权范围为“本单位”，单位为“{actor.unit}”，{same}这条记录的提供单位。"
