"""Accounts, passwords and tokens: who gets in, who does not, and what a thief of the file would find."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from corpus import people
from corpus.access import Actor, Clearance, Role
from corpus.errors import BadInput, Conflict, NotFound
from corpus.people import User
from corpus.store import Store

PASSWORD = "正确的马电池订书钉"  # noqa: S105
WANG = User("王经办", Role.DEPARTMENT, "州教育体育局", Clearance.OWN, disabled=False)
KINDS = ("api", "session", "link")


@pytest.fixture
def office(store: Store) -> Store:
    people.add(store, WANG, password=PASSWORD + "x", by="管理员")
    people.add(store, User("li.si-2", Role.AUDITOR, "", Clearance.NONE, disabled=False), password=None, by="管理员")
    return store


def file_bytes(store: Store) -> bytes:
    """Everything that lies on the disk, the write-ahead log included."""
    return b"".join(path.read_bytes() for path in sorted(store.folder.iterdir()))


def test_an_account_is_an_actor(office: Store) -> None:
    assert people.get(office, "王经办") == WANG
    assert WANG.actor == Actor("王经办", Role.DEPARTMENT, "州教育体育局", Clearance.OWN)
    assert [u.name for u in people.users(office)] == ["li.si-2", "王经办"]
    with pytest.raises(NotFound, match=r"^没有用户“赵六”，请用 zhibiao user list 查看。$"):
        people.get(office, "赵六")


@pytest.mark.parametrize(
    ("name", "password", "who"),
    [
        ("王经办", PASSWORD + "x", WANG),
        ("王经办", PASSWORD, None),
        ("王经办", "", None),
        ("王经办 ", PASSWORD + "x", None),
        ("li.si-2", "", None),
        ("赵六", PASSWORD + "x", None),
        ("", "", None),
    ],
)
def test_who_can_sign_in(office: Store, name: str, password: str, who: User | None) -> None:
    assert people.sign_in(office, name, password) == who


def test_a_disabled_user_is_out_at_once_with_all_his_tokens(office: Store) -> None:
    secrets = {kind: people.issue(office, "王经办", kind, days=1, by="") for kind in KINDS}
    other = people.issue(office, "li.si-2", "api", days=1, by="")
    assert [people.holder(office, secrets[kind], kind) for kind in KINDS] == [WANG] * 3
    people.disable(office, "王经办", by="管理员")
    assert people.sign_in(office, "王经办", PASSWORD + "x") is None
    assert [people.holder(office, secrets[kind], kind) for kind in KINDS] == [None] * 3
    assert people.redeem(office, secrets["link"]) is None
    with pytest.raises(BadInput, match=r"^用户“王经办”已停用，不能签发令牌。$"):
        people.issue(office, "王经办", "api", days=1, by="")
    assert people.get(office, "王经办").disabled is True
    assert getattr(people.holder(office, other, "api"), "name", None) == "li.si-2"


def test_a_token_is_good_for_its_kind_only(office: Store) -> None:
    found = {
        (issued, asked): people.holder(office, people.issue(office, "王经办", issued, days=1, by=""), asked)
        for issued in KINDS
        for asked in KINDS
    }
    assert found == {(a, b): WANG if a == b else None for a in KINDS for b in KINDS}


def test_an_expired_token_is_worthless_and_is_swept_away(office: Store) -> None:
    expired = people.issue(office, "王经办", "api", days=-1, by="")
    assert people.holder(office, expired, "api") is None
    people.issue(office, "王经办", "api", days=1, by="")
    assert office.value("select count(*) from tokens") == 1


def test_a_link_is_spent_by_asking(office: Store) -> None:
    link = people.issue(office, "王经办", "link", days=1, by="")
    assert [people.redeem(office, link), people.redeem(office, link)] == [WANG, None]
    late = people.issue(office, "王经办", "link", days=-1, by="")
    assert people.redeem(office, late) is None


def test_a_revoked_token_and_an_invented_one_are_worthless(office: Store) -> None:
    secret = people.issue(office, "王经办", "session", days=1, by="")
    people.revoke(office, secret)
    found = [people.holder(office, s, "session") for s in (secret, "", "x" * 100_000, secret + " ")]
    assert found == [None] * 4


def test_secrets_never_touch_the_disk(office: Store) -> None:
    """What a thief of the data folder gets opens nothing."""
    secrets = [people.issue(office, "王经办", kind, days=1, label="标签", by="") for kind in KINDS]
    people.sign_in(office, "王经办", PASSWORD + "x")
    kept = file_bytes(office)
    assert "标签".encode() in kept
    assert b"$argon2id$v=19$m=65536" in kept
    assert [s for s in [*secrets, PASSWORD] if s.encode() in kept] == []
    hashes = [row["hash"] for row in office.rows("select hash from tokens")]
    assert [people.holder(office, h, kind) for h in hashes for kind in KINDS] == [None] * 9


def test_equal_passwords_have_different_hashes(store: Store) -> None:
    for name in ("甲甲", "乙乙"):
        people.add(store, User(name, Role.REVIEWER, "", Clearance.NONE, disabled=False), password=PASSWORD * 2, by="")
    assert store.value("select count(distinct password) from users") == 2


@pytest.mark.parametrize(
    ("changes", "password", "field", "message"),
    [
        ({"name": "王"}, PASSWORD * 2, "name", "用户名须为 2 到 40 个汉字、字母、数字或 . _ -，请修改。"),
        ({"name": "王" * 41}, PASSWORD * 2, "name", "用户名须为 2 到 40 个汉字、字母、数字或 . _ -，请修改。"),
        ({"name": "a b"}, PASSWORD * 2, "name", "用户名须为 2 到 40 个汉字、字母、数字或 . _ -，请修改。"),
        ({"name": "a\nb"}, PASSWORD * 2, "name", "用户名须为 2 到 40 个汉字、字母、数字或 . _ -，请修改。"),
        ({"role": Role.PUBLIC}, PASSWORD * 2, "role", "公众不需要账户，请选择其他角色。"),
        ({}, "九个字的密码不够长", "password", "密码至少 10 个字符，请重新设置。"),
        ({}, "", "password", "密码至少 10 个字符，请重新设置。"),
    ],
)
def test_a_bad_account_is_refused_and_leaves_nothing(
    store: Store, changes: dict[str, Any], password: str, field: str, message: str
) -> None:
    plain = {"name": "王经办", "role": Role.DEPARTMENT, "unit": "", "clearance": Clearance.NONE, "disabled": False}
    with pytest.raises(BadInput) as caught:
        people.add(store, User(**{**plain, **changes}), password=password, by="")
    assert caught.value.as_json() == {"error": {"code": "bad_input", "message": message, "field": field}}
    assert (people.users(store), store.rows("select * from audit")) == ([], [])


def test_a_name_is_given_once_even_after_it_was_disabled(office: Store) -> None:
    people.disable(office, "王经办", by="")
    with pytest.raises(Conflict, match=r"^用户“王经办”已存在，请换一个用户名。$"):
        people.add(office, WANG, password=PASSWORD * 2, by="")
    assert people.sign_in(office, "王经办", PASSWORD * 2) is None


def test_who_did_what_is_written_without_secrets(office: Store) -> None:
    people.issue(office, "王经办", "api", days=1, label="脚本", by="管理员")
    people.disable(office, "王经办", by="管理员")
    assert office.rows("select actor, action, target, detail from audit order by id") == [
        {"actor": "管理员", "action": "user.add", "target": "王经办", "detail": "department own"},
        {"actor": "管理员", "action": "user.add", "target": "li.si-2", "detail": "auditor none"},
        {"actor": "管理员", "action": "token.api", "target": "王经办", "detail": "脚本"},
        {"actor": "管理员", "action": "user.disable", "target": "王经办", "detail": ""},
    ]


def test_unknown_people_get_no_tokens(store: Store, tmp_path: Path) -> None:
    for call in (
        lambda: people.issue(store, "赵六", "api", days=1, by=""),
        lambda: people.disable(store, "赵六", by=""),
    ):
        with pytest.raises(NotFound):
            call()
    assert store.rows("select * from audit") == []
