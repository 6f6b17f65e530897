"""Accounts: who there is, who may sign in, and what ends when something about an account changes.

Rules follow OWASP ASVS 4 level 2. Whether the asker may manage accounts is checked by the callers, in words of
:mod:`corpus.access`; ``by`` is whose name the audit keeps, empty for the operator at the command line.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

from corpus import passwords, tokens
from corpus.access import CLEARANCE_NAMES, RIGHT_NAMES, RIGHTS, ROLE_NAMES, TOKEN_RIGHTS, Actor, Clearance, Right, Role
from corpus.errors import BadInput, Conflict, NotFound
from corpus.store import Store
from corpus.tokens import Kind, Ticket

ATTEMPTS = 10
LOCKED_FOR = timedelta(minutes=15)
# The longest and the usual life of a ticket, in days. A session lives for ``tokens.SESSION`` at most.
LONGEST_DAYS = {"api": 365, "link": 7}
API_DAYS = 90
LABEL_LENGTH, UNIT_LENGTH = 60, 100
_NAME = re.compile(r"[\w.\-一-鿿]{2,40}")
_FIELDS = (
    "name, role, unit, clearance, disabled, must_change, locked_until, last_sign_in, password <> '' as has_password"
)


@dataclass(frozen=True, slots=True)
class User:
    """An account as administrators see it.

    ``locked_until`` and ``last_sign_in`` are times in UTC, empty for none; the lock of the past is none. Without a
    password it can be entered by a one-time link, or through the trusted proxy, only.
    """

    name: str
    role: Role
    unit: str
    clearance: Clearance
    disabled: bool
    must_change: bool = False
    locked_until: str = ""
    last_sign_in: str = ""
    has_password: bool = True

    @property
    def actor(self) -> Actor:
        return Actor(name=self.name, role=self.role, unit=self.unit, clearance=self.clearance)

    @property
    def state(self) -> str:
        """How the account stands, in a word or two."""
        if self.disabled:
            return "停用"
        return "锁定" if self.locked_until else "须改密码" if self.must_change else "启用"

    def as_json(self) -> dict[str, object]:
        """As the command line prints it."""
        return {
            "name": self.name,
            "role": self.role.value,
            "unit": self.unit,
            "clearance": self.clearance.value,
            "disabled": self.disabled,
            "must_change": self.must_change,
            "locked_until": self.locked_until,
            "last_sign_in": self.last_sign_in,
            "has_password": self.has_password,
        }


@dataclass(frozen=True, slots=True)
class Holder:
    """Whose ticket it is."""

    user: User
    ticket: Ticket

    @property
    def actor(self) -> Actor:
        """Who acts: by an API token with no more than its scopes."""
        return replace(self.user.actor, limits=self.ticket.scopes if self.ticket.kind == "api" else None)


# Accounts


def add(store: Store, user: User, *, password: str | None, by: str, must_change: bool = True) -> None:
    """Make an account; a password that somebody else gave ``must_change`` at the first sign-in.

    Without a password it can be entered by a one-time link only. Raises BadInput for a bad name, unit or password,
    Conflict when the name is taken.
    """
    if not _NAME.fullmatch(user.name) or user.name != normal(user.name):
        raise BadInput("用户名须为 2 到 40 个汉字、字母、数字或 . _ -，请修改。", field="name")
    _check(user)
    if password is not None:
        passwords.check(password, about=(user.name, user.unit))
    hashed = passwords.hashed(password) if password is not None else ""
    with store.writing() as db:
        if store.value("select 1 from users where name = ?", [user.name]):
            raise Conflict(f"用户“{user.name}”已存在，请换一个用户名。", field="name")
        db.conn.execute(
            "insert into users (name, role, unit, clearance, password, created, must_change) "
            "values (?, ?, ?, ?, ?, ?, ?)",
            [user.name, user.role.value, user.unit, user.clearance.value, hashed, tokens.stamp(tokens.present()),
             bool(hashed) and must_change],
        )  # fmt: skip
        detail = f"{ROLE_NAMES[user.role]}，授权范围：{CLEARANCE_NAMES[user.clearance]}"
        store.audit(actor=by, action="user.add", target=user.name, detail=detail)


def users(store: Store) -> list[User]:
    """All accounts by name."""
    return [_user(row) for row in store.rows(f"select {_FIELDS} from users order by name")]


def get(store: Store, name: str) -> User:
    """The account of that name. Raises NotFound."""
    rows = store.rows(f"select {_FIELDS} from users where name = ?", [name])
    if not rows:
        raise NotFound(f"没有用户“{name[:40]}”，请用 zhibiao user list 查看。", field="name")
    return _user(rows[0])


def edit(
    store: Store,
    name: str,
    *,
    role: Role | None = None,
    unit: str | None = None,
    clearance: Clearance | None = None,
    by: str,
) -> User:
    """Change what somebody is and may see; what is None stays. The person has to sign in again.

    Raises NotFound, BadInput for a bad unit or role, Conflict when no administrator would be left.
    """
    with store.writing() as db:
        old = get(store, name)
        new = replace(
            old,
            role=old.role if role is None else role,
            unit=old.unit if unit is None else unit,
            clearance=old.clearance if clearance is None else clearance,
        )
        if new == old:
            return old
        _check(new)
        if new.role is not Role.ADMIN:
            _keep_an_administrator(store, old, "改为其他角色")
        db.conn.execute(
            "update users set role = ?, unit = ?, clearance = ? where name = ?",
            [new.role.value, new.unit, new.clearance.value, name],
        )
        tokens.drop_all(store, name, ("session",))
        changed = [
            f"{field}：{before or '空'} → {after or '空'}"
            for field, before, after in (
                ("角色", ROLE_NAMES[old.role], ROLE_NAMES[new.role]),
                ("单位", old.unit, new.unit),
                ("授权范围", CLEARANCE_NAMES[old.clearance], CLEARANCE_NAMES[new.clearance]),
            )
            if before != after
        ]
        store.audit(actor=by, action="user.edit", target=name, detail="；".join(changed))
    return new


def disable(store: Store, name: str, *, by: str) -> None:
    """Close an account and drop all its tickets. Raises NotFound, Conflict for the last administrator."""
    with store.writing() as db:
        _keep_an_administrator(store, get(store, name), "停用")
        db.conn.execute("update users set disabled = 1 where name = ?", [name])
        tokens.drop_all(store, name, ("session", "api", "link"))
        store.audit(actor=by, action="user.disable", target=name)


def enable(store: Store, name: str, *, by: str) -> None:
    """Open a closed account again, unlocked; its password is what it was. Raises NotFound."""
    _open(store, name, "disabled = 0, ", "user.enable", by)


def unlock(store: Store, name: str, *, by: str) -> None:
    """Forget the failed attempts. Raises NotFound."""
    _open(store, name, "", "user.unlock", by)


def _open(store: Store, name: str, change: str, action: str, by: str) -> None:
    with store.writing() as db:
        get(store, name)
        db.conn.execute(f"update users set {change}failures = 0, locked_until = '' where name = ?", [name])
        store.audit(actor=by, action=action, target=name)


def _check(user: User) -> None:
    if user.role is Role.PUBLIC:
        raise BadInput("公众不需要账户，请选择其他角色。", field="role")
    # A unit need not be known as an owner: units without indicators exist.
    if len(user.unit) > UNIT_LENGTH or not user.unit.isprintable() or user.unit != user.unit.strip():
        raise BadInput(f"单位名称最多 {UNIT_LENGTH} 个字，首尾不留空格，不含换行，请修改。", field="unit")
    if user.clearance is Clearance.OWN and not user.unit:
        raise BadInput("授权范围为“本单位”时须填写单位，请补充。", field="unit")


def _keep_an_administrator(store: Store, user: User, what: str) -> None:
    others = "select 1 from users where role = 'admin' and not disabled and name <> ?"
    if user.role is Role.ADMIN and not user.disabled and not store.value(others, [user.name]):
        raise Conflict(
            f"“{user.name}”是最后一个启用的财政管理员，不能{what}，请先启用或新建另一个管理员。", field="name"
        )


# Passwords


def sign_in(store: Store, name: str, password: str) -> User | None:
    """The account when the password is right and the account is open and not locked, else None.

    The answer never tells which it was, and takes as long. Ten failures in a row lock the name for 15 minutes; the
    audit keeps the name when there is such an account, and nothing else of what was typed.
    """
    name = normal(name)
    kept = store.value("select password from users where name = ?", [name]) or ""
    right = passwords.matches(kept, password)
    # A second hash only where it is due; outside the transaction, since it takes long.
    fresh = passwords.hashed(password) if right and passwords.outdated(kept) else kept
    with store.writing() as db:
        known = bool(store.value("select 1 from users where name = ?", [name]))
        if not known or not _let_in(store, name, right, kept, action="sign.failed"):
            if not known:
                store.audit(actor="", action="sign.failed", target="")
            return None
        db.conn.execute("update users set password = ? where name = ?", [fresh, name])
        return entered(store, name, "密码")


def entered(store: Store, name: str, way: str) -> User:
    """Note that somebody came in, by which ``way``. Raises NotFound."""
    with store.writing() as db:
        db.conn.execute("update users set last_sign_in = ? where name = ?", [tokens.stamp(tokens.present()), name])
        store.audit(actor=name, action="sign.in", target=name, detail=way)
        return get(store, name)


def _let_in(store: Store, name: str, right: bool, kept: str, *, action: str) -> bool:
    """Whether an attempt counts as good, inside ``writing``; counts it when not, and locks."""
    user, conn = get(store, name), store.db.conn
    # The password may have been changed while the hash was computed.
    right = right and store.value("select password from users where name = ?", [name]) == kept
    if right and not user.disabled and not user.locked_until:
        conn.execute("update users set failures = 0, locked_until = '' where name = ?", [name])
        return True
    why = "账户已停用" if user.disabled else "账户已锁定" if user.locked_until else "密码不对"
    store.audit(actor="", action=action, target=name, detail=why)
    if user.locked_until:
        return False
    conn.execute("update users set failures = failures + 1, locked_until = '' where name = ?", [name])
    if store.value("select failures from users where name = ?", [name]) >= ATTEMPTS:
        until = tokens.stamp(tokens.present() + LOCKED_FOR)
        conn.execute("update users set failures = 0, locked_until = ? where name = ?", [until, name])
        store.audit(actor="", action="user.lock", target=name, detail=f"连续 {ATTEMPTS} 次密码不对")
    return False


def change_password(store: Store, holder: Holder, *, old: str, new: str) -> User:
    """Somebody's own new password; all sessions and links of the account end, also the one that asks.

    The old one is asked for unless the session began by a link that was given for this. Raises BadInput naming
    ``old`` when that is wrong (which counts as a failed attempt), ``password`` when the new one is not taken.
    """
    name, unit = holder.user.name, holder.user.unit
    kept = store.value("select password from users where name = ?", [name]) or ""
    if not holder.ticket.must_change:
        if not kept:
            raise Conflict("本账户没有密码，请向管理员索取用来设置密码的一次性链接。", field="old")
        right = passwords.matches(kept, old)
        with store.writing():
            good = _let_in(store, name, right, kept, action="user.password.failed")
        if not good:
            raise BadInput("原密码不对，请重新输入；连续出错账户会暂时锁定。", field="old")
    passwords.check(new, about=(name, unit))
    _set_password(store, name, new, kept, must_change=False, action="user.password", by=name)
    return get(store, name)


def reset_password(store: Store, name: str, password: str, *, by: str, must_change: bool = True) -> None:
    """A password that an administrator gives; sessions and links end and the lock opens.

    Raises NotFound, and BadInput when the password is not taken.
    """
    user = get(store, name)
    passwords.check(password, about=(name, user.unit))
    kept = store.value("select password from users where name = ?", [name])
    _set_password(store, name, password, kept, must_change=must_change, action="user.reset", by=by)


def _set_password(store: Store, name: str, new: str, kept: str, *, must_change: bool, action: str, by: str) -> None:
    if passwords.matches(kept, new):
        raise BadInput("新密码不能与原密码相同，请换一个。", field="password")
    hashed = passwords.hashed(new)
    with store.writing() as db:
        db.conn.execute(
            "update users set password = ?, must_change = ?, failures = 0, locked_until = '' where name = ?",
            [hashed, must_change, name],
        )
        tokens.drop_all(store, name, ("session", "link"))
        store.audit(actor=by, action=action, target=name)


# Sessions, API tokens, one-time links


def issue(
    store: Store,
    name: str,
    kind: Kind,
    *,
    days: float,
    label: str = "",
    scopes: Collection[Right] = (),
    must_change: bool = False,
    by: str,
) -> str:
    """A new secret of ``kind``: ``session``, ``api`` (with ``scopes``), or ``link`` (used once).

    An API token without scopes reads what the public reads. Raises NotFound, and BadInput for a closed account, a
    time that is too long (a session is cut to 12 hours instead), or scopes that its holder's role does not have.
    """
    user = get(store, name)
    if user.disabled:
        raise BadInput(f"用户“{name}”已停用，不能签发令牌。", field="name")
    if kind != "session":
        shortest, longest = (1 if kind == "api" else 0), LONGEST_DAYS[kind]
        if not (shortest <= days <= longest and days > 0):
            least = "为 1 到" if kind == "api" else "大于 0 天、不超过"
            raise BadInput(f"有效期须{least} {longest} 天，请修改。", field="days")
    if len(label) > LABEL_LENGTH or not label.isprintable():
        raise BadInput(f"名称最多 {LABEL_LENGTH} 个字，不含换行，请修改。", field="label")
    if wrong := set(scopes) - (RIGHTS[user.role] & set(TOKEN_RIGHTS)):
        what = "、".join(RIGHT_NAMES[right] for right in sorted(wrong))
        raise BadInput(f"{ROLE_NAMES[user.role]}的令牌不能用来{what}，请去掉。", field="scopes")
    lifetime = timedelta(days=days)
    with store.writing():
        secret = tokens.make(
            store,
            name,
            kind,
            lifetime=min(lifetime, tokens.SESSION) if kind == "session" else lifetime,
            label=label,
            scopes=scopes,
            must_change=must_change,
        )
        if kind != "session":  # that somebody came in is audited already
            store.audit(actor=by, action=f"token.{kind}", target=name, detail=label)
    return secret


def holder(store: Store, secret: str, kind: Kind) -> Holder | None:
    """Whose good secret this is, or None."""
    ticket = tokens.find(store, secret, kind)
    user = get(store, ticket.user) if ticket else None
    return Holder(user, ticket) if user and ticket and not user.disabled else None


def redeem(store: Store, secret: str) -> Holder | None:
    """Who comes in by this one-time link, locked or not; the link is spent by asking."""
    with store.writing() as db:
        found = holder(store, secret, "link")
        if found is None:
            return None
        tokens.drop(store, found.ticket.id)
        if found.ticket.must_change:
            db.conn.execute("update users set must_change = 1 where name = ?", [found.user.name])
        return Holder(entered(store, found.user.name, "一次性链接"), found.ticket)


def sessions(store: Store, name: str) -> list[Ticket]:
    """Where somebody is signed in, the newest first."""
    return tokens.held(store, name, "session")


def api_tokens(store: Store, name: str) -> list[Ticket]:
    """Somebody's API tokens, the newest first."""
    return tokens.held(store, name, "api")


def sign_out(store: Store, secret: str) -> None:
    """End the session of this secret, if it is one."""
    with store.writing():
        found = tokens.find(store, secret, "session")
        if found:
            tokens.drop(store, found.id)
            store.audit(actor=found.user, action="sign.out", target=found.user)


def revoke(store: Store, id: str, *, by: str, of: str | None = None) -> Ticket:
    """End a session, or make a token or link worthless, by its id; ``of`` allows only those of that holder.

    Raises NotFound.
    """
    with store.writing():
        found = tokens.get(store, id)
        if of is not None and found.user != of:
            raise NotFound("没有这个编号的会话或令牌，可能已经结束或撤销，请刷新列表查看。", field="id")
        tokens.drop(store, id)
        action = "sign.end" if found.kind == "session" else "token.revoke"
        store.audit(actor=by, action=action, target=found.user, detail=f"{found.id} {found.label}".strip())
    return found


def end_sessions(store: Store, name: str, *, by: str, but: str = "") -> None:
    """End all sessions of somebody, except the one of id ``but``. Raises NotFound."""
    with store.writing():
        get(store, name)
        tokens.drop_all(store, name, ("session",), but=but)
        store.audit(actor=by, action="sign.end", target=name, detail="其他全部会话" if but else "全部会话")


def normal(name: str) -> str:
    """A name as it is kept, whatever width it was typed in."""
    return unicodedata.normalize("NFKC", name[:200])


def _user(row: dict[str, Any]) -> User:
    locked = row["locked_until"] if row["locked_until"] > tokens.stamp(tokens.present()) else ""
    return User(
        name=row["name"],
        role=Role(row["role"]),
        unit=row["unit"],
        clearance=Clearance(row["clearance"]),
        disabled=bool(row["disabled"]),
        must_change=bool(row["must_change"]),
        locked_until=locked,
        last_sign_in=row["last_sign_in"],
        has_password=bool(row["has_password"]),
    )
