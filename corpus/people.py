"""Users and their tokens. Passwords are kept as Argon2 hashes, tokens as SHA-256 of a random secret."""

from __future__ import annotations

import re
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256

from argon2 import PasswordHasher
from argon2.exceptions import VerificationError

from corpus.access import Actor, Clearance, Role
from corpus.errors import BadInput, Conflict, NotFound
from corpus.store import Store, now

_hasher = PasswordHasher()
# Verified against when there is no such user, so that both answers take as long.
_DUMMY = _hasher.hash(secrets.token_urlsafe(16))
_NAME = re.compile(r"[\w.\-一-鿿]{2,40}")
MIN_PASSWORD = 10


@dataclass(frozen=True, slots=True)
class User:
    """An account as administrators see it."""

    name: str
    role: Role
    unit: str
    clearance: Clearance
    disabled: bool

    @property
    def actor(self) -> Actor:
        return Actor(name=self.name, role=self.role, unit=self.unit, clearance=self.clearance)


def add(store: Store, user: User, *, password: str | None, by: str) -> None:
    """Make an account; without a password it can be entered by a one-time link only.

    Raises BadInput for a bad name or a short password, Conflict when the name is taken.
    """
    if not _NAME.fullmatch(user.name):
        raise BadInput("用户名须为 2 到 40 个汉字、字母、数字或 . _ -，请修改。", field="name")
    if user.role is Role.PUBLIC:
        raise BadInput("公众不需要账户，请选择其他角色。", field="role")
    if password is not None and len(password) < MIN_PASSWORD:
        raise BadInput(f"密码至少 {MIN_PASSWORD} 个字符，请重新设置。", field="password")
    hashed = _hasher.hash(password) if password else ""
    with store.writing() as db:
        if store.value("select 1 from users where name = ?", [user.name]):
            raise Conflict(f"用户“{user.name}”已存在，请换一个用户名。", field="name")
        db.conn.execute(
            "insert into users values (?, ?, ?, ?, ?, 0, ?)",
            [user.name, user.role.value, user.unit, user.clearance.value, hashed, now()],
        )
        store.audit(actor=by, action="user.add", target=user.name, detail=f"{user.role.value} {user.clearance.value}")


def users(store: Store) -> list[User]:
    """All accounts by name."""
    rows = store.rows("select name, role, unit, clearance, disabled from users order by name")
    return [_user(row) for row in rows]


def get(store: Store, name: str) -> User:
    """The account of that name. Raises NotFound."""
    rows = store.rows("select name, role, unit, clearance, disabled from users where name = ?", [name])
    if not rows:
        raise NotFound(f"没有用户“{name[:40]}”，请用 zhibiao user list 查看。", field="name")
    return _user(rows[0])


def disable(store: Store, name: str, *, by: str) -> None:
    """Close an account and drop all its tokens. Raises NotFound."""
    get(store, name)
    with store.writing() as db:
        db.conn.execute("update users set disabled = 1 where name = ?", [name])
        db.conn.execute("delete from tokens where user = ?", [name])
        store.audit(actor=by, action="user.disable", target=name)


def sign_in(store: Store, name: str, password: str) -> User | None:
    """The account when the password is right and the account is open, else None."""
    rows = store.rows("select name, role, unit, clearance, disabled, password from users where name = ?", [name])
    hashed = rows[0]["password"] if rows else ""
    try:
        _hasher.verify(hashed or _DUMMY, password)
    except VerificationError:
        return None
    return None if not hashed or rows[0]["disabled"] else _user(rows[0])


def issue(store: Store, name: str, kind: str, *, days: float, label: str = "", by: str) -> str:
    """A new secret of kind ``api``, ``session`` or ``link`` (used once); only its hash is kept. Raises NotFound."""
    if get(store, name).disabled:
        raise BadInput(f"用户“{name}”已停用，不能签发令牌。", field="name")
    secret = secrets.token_urlsafe(32)
    expires = (datetime.now(UTC) + timedelta(days=days)).strftime("%Y-%m-%dT%H:%M:%SZ")
    with store.writing() as db:
        db.conn.execute("delete from tokens where expires < ?", [now()])
        db.conn.execute(
            "insert into tokens values (?, ?, ?, ?, ?, ?)", [_hash(secret), name, kind, label, now(), expires]
        )
        store.audit(actor=by, action=f"token.{kind}", target=name, detail=label)
    return secret


def holder(store: Store, secret: str, kind: str) -> User | None:
    """Whose valid secret this is, or None."""
    rows = store.rows(
        "select u.name, u.role, u.unit, u.clearance, u.disabled from tokens t join users u on u.name = t.user "
        "where t.hash = ? and t.kind = ? and t.expires >= ? and u.disabled = 0",
        [_hash(secret), kind, now()],
    )
    return _user(rows[0]) if rows else None


def redeem(store: Store, secret: str) -> User | None:
    """Whose one-time link this is; the link is spent by asking."""
    with store.writing():
        found = holder(store, secret, "link")
        revoke(store, secret)
    return found


def revoke(store: Store, secret: str) -> None:
    """Make a secret worthless."""
    with store.writing() as db:
        db.conn.execute("delete from tokens where hash = ?", [_hash(secret)])


def _hash(secret: str) -> str:
    return sha256(secret.encode()).hexdigest()


def _user(row: dict[str, object]) -> User:
    return User(
        name=str(row["name"]),
        role=Role(str(row["role"])),
        unit=str(row["unit"]),
        clearance=Clearance(str(row["clearance"])),
        disabled=bool(row["disabled"]),
    )
