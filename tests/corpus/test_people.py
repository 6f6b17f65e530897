"""Accounts: who gets in, who does not, what ends when something changes, and what a thief of the file would find."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from argon2 import PasswordHasher
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from corpus import passwords, people, tokens
from corpus.access import RIGHTS, TOKEN_RIGHTS, Actor, Clearance, Right, Role
from corpus.errors import BadInput, Conflict, NotFound
from corpus.people import Holder, User
from corpus.store import Store

PASSWORD = "正确的马电池订书钉和茶壶"  # noqa: S105 - of a made-up person
OTHER = "another lamp of whales"
WANG = User("王经办", Role.DEPARTMENT, "州教育体育局", Clearance.OWN, disabled=False)
LI = User("li.si-2", Role.AUDITOR, "", Clearance.NONE, disabled=False, has_password=False)
ZHAO = User("赵主任", Role.ADMIN, "州财政局", Clearance.ALL, disabled=False)
KINDS = ("api", "session", "link")
START = datetime(2026, 11, 21, 8, 0, tzinfo=UTC)
REAL = passwords.hasher
CHEAP = PasswordHasher(time_cost=1, memory_cost=64, parallelism=1)


class Clock:
    """Stands still until it is moved on."""

    def __init__(self) -> None:
        self.at = START

    def __call__(self) -> datetime:
        return self.at

    def move(self, **by: float) -> str:
        self.at += timedelta(**by)
        return tokens.stamp(self.at)


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr("corpus.tokens.present", made)
    monkeypatch.setattr("corpus.passwords.hasher", CHEAP)
    return made


@pytest.fixture
def office(store: Store) -> Store:
    people.add(store, WANG, password=PASSWORD, by="管理员", must_change=False)
    people.add(store, LI, password=None, by="管理员")
    people.add(store, ZHAO, password=OTHER, by="管理员", must_change=False)
    return store


def file_bytes(store: Store) -> bytes:
    """Everything that lies on the disk, the write-ahead log included."""
    return b"".join(path.read_bytes() for path in sorted(store.folder.iterdir()))


def audited(store: Store, after: int = 0) -> list[tuple[str, str, str, str]]:
    rows = store.rows("select actor, action, target, detail from audit order by id")
    return [tuple(row.values()) for row in rows][after:]  # type: ignore[misc]


def count(store: Store) -> int:
    return int(store.value("select count(*) from audit"))


def session(store: Store, name: str = "王经办", **more: Any) -> str:
    return people.issue(store, name, "session", days=1, by=name, **more)


def held(store: Store, secret: str, kind: Any = "session") -> Holder:
    found = people.holder(store, secret, kind)
    assert found is not None
    return found


def alive(store: Store, *secrets: tuple[Any, str]) -> list[bool]:
    return [people.holder(store, secret, kind) is not None for kind, secret in secrets]


# Accounts


def test_an_account_is_an_actor(office: Store) -> None:
    assert people.get(office, "王经办") == WANG
    assert WANG.actor == Actor("王经办", Role.DEPARTMENT, "州教育体育局", Clearance.OWN)
    assert people.users(office) == [LI, WANG, ZHAO]
    with pytest.raises(NotFound, match=r"^没有用户“赵六”，请用 zhibiao user list 查看。$"):
        people.get(office, "赵六")


@pytest.mark.parametrize(
    ("changes", "password", "field", "message"),
    [
        ({"name": "王"}, PASSWORD, "name", "用户名须为 2 到 40 个汉字、字母、数字或 . _ -，请修改。"),
        ({"name": "王" * 41}, PASSWORD, "name", "用户名须为 2 到 40 个汉字、字母、数字或 . _ -，请修改。"),
        ({"name": "a b"}, PASSWORD, "name", "用户名须为 2 到 40 个汉字、字母、数字或 . _ -，请修改。"),
        ({"name": "a\nb"}, PASSWORD, "name", "用户名须为 2 到 40 个汉字、字母、数字或 . _ -，请修改。"),
        ({"name": "ａｂ"}, PASSWORD, "name", "用户名须为 2 到 40 个汉字、字母、数字或 . _ -，请修改。"),
        ({"role": Role.PUBLIC}, PASSWORD, "role", "公众不需要账户，请选择其他角色。"),
        ({"unit": "州\n局"}, PASSWORD, "unit", "单位名称最多 100 个字，首尾不留空格，不含换行，请修改。"),
        ({"unit": "局" * 101}, PASSWORD, "unit", "单位名称最多 100 个字，首尾不留空格，不含换行，请修改。"),
        ({"clearance": Clearance.OWN}, PASSWORD, "unit", "授权范围为“本单位”时须填写单位，请补充。"),
        (
            {},
            "只有十一个字的密码不够",
            "password",
            "密码须为 12 到 128 个字符，请重新设置；可以用几个不相干的词连成一句。",
        ),
        ({}, "", "password", "密码须为 12 到 128 个字符，请重新设置；可以用几个不相干的词连成一句。"),
        (
            {"unit": "马龙彝族乡财政所"},
            "马龙彝族乡财政所2026年",
            "password",
            "密码不能主要由用户名或单位名称组成，请换一个。",
        ),
    ],
)
def test_a_bad_account_is_refused_and_leaves_nothing(
    store: Store, changes: dict[str, Any], password: str, field: str, message: str
) -> None:
    plain = {"name": "王经办", "role": Role.DEPARTMENT, "unit": "", "clearance": Clearance.NONE, "disabled": False}
    with pytest.raises(BadInput) as caught:
        people.add(store, User(**{**plain, **changes}), password=password, by="")
    assert caught.value.as_json() == {"error": {"code": "bad_input", "message": message, "field": field}}
    assert (people.users(store), audited(store)) == ([], [])


def test_a_name_is_given_once_even_after_it_was_disabled(office: Store) -> None:
    people.disable(office, "王经办", by="")
    with pytest.raises(Conflict, match=r"^用户“王经办”已存在，请换一个用户名。$"):
        people.add(office, WANG, password=OTHER, by="")
    assert people.sign_in(office, "王经办", OTHER) is None


def test_who_was_given_a_password_must_change_it(store: Store) -> None:
    people.add(store, WANG, password=PASSWORD, by="管理员")
    people.add(store, LI, password=None, by="管理员")
    assert [(u.name, u.must_change, u.state) for u in people.users(store)] == [
        ("li.si-2", False, "启用"),
        ("王经办", True, "须改密码"),
    ]


def test_editing_ends_the_sessions_and_says_what_changed(office: Store) -> None:
    theirs, mine = session(office), session(office, "赵主任")
    token = people.issue(office, "王经办", "api", days=1, by="")
    before = count(office)
    new = people.edit(office, "王经办", role=Role.REVIEWER, unit="县财政局", clearance=Clearance.NONE, by="赵主任")
    assert (
        new == people.get(office, "王经办") == User("王经办", Role.REVIEWER, "县财政局", Clearance.NONE, disabled=False)
    )
    assert alive(office, ("session", theirs), ("session", mine), ("api", token)) == [False, True, True]
    assert people.edit(office, "王经办", unit="县财政局", by="赵主任") == new
    assert audited(office, before) == [
        (
            "赵主任",
            "user.edit",
            "王经办",
            "角色：预算单位 → 审核人员；单位：州教育体育局 → 县财政局；授权范围：本单位 → 无",
        )
    ]
    wrong: list[dict[str, Any]] = [{"role": Role.PUBLIC}, {"unit": "", "clearance": Clearance.OWN}, {"unit": " 局"}]
    for change in wrong:
        with pytest.raises(BadInput):
            people.edit(office, "王经办", by="", **change)
    assert (people.get(office, "王经办"), count(office)) == (new, before + 1)


def test_an_administrator_always_remains(office: Store) -> None:
    before = people.users(office)
    for what, call in (
        ("停用", lambda: people.disable(office, "赵主任", by="赵主任")),
        ("改为其他角色", lambda: people.edit(office, "赵主任", role=Role.AUDITOR, by="赵主任")),
    ):
        said = rf"^“赵主任”是最后一个启用的财政管理员，不能{what}，请先启用或新建另一个管理员。$"
        with pytest.raises(Conflict, match=said):
            call()
    assert people.users(office) == before
    people.edit(office, "赵主任", unit="州财政局预算科", by="赵主任")
    people.edit(office, "王经办", role=Role.ADMIN, by="")
    people.disable(office, "赵主任", by="王经办")
    with pytest.raises(Conflict):
        people.disable(office, "王经办", by="")
    people.disable(office, "赵主任", by="")
    people.enable(office, "赵主任", by="")
    people.edit(office, "王经办", role=Role.DEPARTMENT, by="")


def test_two_administrators_who_disable_each_other_at_once_leave_one(office: Store) -> None:
    people.edit(office, "王经办", role=Role.ADMIN, by="")
    start = threading.Barrier(2)

    def disable(name: str) -> bool:
        start.wait()
        try:
            people.disable(office, name, by="")
        except Conflict:
            return False
        return True

    with ThreadPoolExecutor(2) as pool:
        assert sorted(pool.map(disable, ("王经办", "赵主任"))) == [False, True]


def test_unknown_people_get_nothing(store: Store) -> None:
    calls: list[Callable[[], object]] = [
        lambda: people.issue(store, "赵六", "api", days=1, by=""),
        lambda: people.disable(store, "赵六", by=""),
        lambda: people.enable(store, "赵六", by=""),
        lambda: people.unlock(store, "赵六", by=""),
        lambda: people.edit(store, "赵六", unit="x", by=""),
        lambda: people.reset_password(store, "赵六", PASSWORD, by=""),
        lambda: people.end_sessions(store, "赵六", by=""),
        lambda: people.revoke(store, "0000000000", by=""),
    ]
    for call in calls:
        with pytest.raises(NotFound):
            call()
    assert audited(store) == []


# Signing in


@pytest.mark.parametrize(
    ("name", "password", "who"),
    [
        ("王经办", PASSWORD, "王经办"),
        ("王经办", PASSWORD[:-1], None),
        ("王经办", "", None),
        ("王经办 ", PASSWORD, None),
        ("王经办", PASSWORD + " ", None),
        ("li.si-2", "", None),
        ("赵六", PASSWORD, None),
        ("", "", None),
        ("ｌｉ．ｓｉ-２", "", None),
        ("赵主任", "ａｎｏｔｈｅｒ　ｌａｍｐ　ｏｆ　ｗｈａｌｅｓ", "赵主任"),
    ],
)
def test_who_can_sign_in(office: Store, name: str, password: str, who: str | None) -> None:
    found = people.sign_in(office, name, password)
    assert found == (people.get(office, who) if who else None)
    assert getattr(found, "last_sign_in", None) == ("2026-11-21T08:00:00Z" if who else None)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.text(max_size=60) | st.sampled_from(["王经办", "li.si-2"]), st.text(max_size=60))
def test_nothing_typed_gets_in_or_is_kept(office: Store, name: str, password: str) -> None:
    people.unlock(office, "王经办", by="")
    people.unlock(office, "li.si-2", by="")
    assert people.sign_in(office, name, password) is None
    last = audited(office)[-1]
    known = {user.name for user in people.users(office)}
    assert last[:2] == ("", "sign.failed")
    assert last[2:] in {("", ""), *((name, "密码不对") for name in known)}


def test_what_people_type_into_the_wrong_field_is_not_kept(office: Store) -> None:
    assert people.sign_in(office, PASSWORD + "误", "王经办") is None
    assert people.sign_in(office, "王经办", "打错的秘密口令一二三") is None
    kept = file_bytes(office)
    assert [text for text in (PASSWORD, "误", "打错的秘密") if text.encode() in kept] == []
    assert audited(office)[-2:] == [("", "sign.failed", "", ""), ("", "sign.failed", "王经办", "密码不对")]


def test_ten_failures_lock_the_name_for_a_quarter_of_an_hour(office: Store, clock: Clock) -> None:
    for _ in range(9):
        assert people.sign_in(office, "王经办", "wrong") is None
    assert people.get(office, "王经办").locked_until == ""
    before = count(office)
    assert people.sign_in(office, "王经办", "wrong") is None
    until = "2026-11-21T08:15:00Z"
    assert (people.get(office, "王经办").locked_until, people.get(office, "王经办").state) == (until, "锁定")
    clock.move(minutes=14, seconds=59)
    again = Store.open(office.folder)  # a restart forgets nothing
    assert [people.sign_in(again, "王经办", p) for p in (PASSWORD, "wrong")] == [None, None]
    assert people.sign_in(again, "赵主任", OTHER) is not None
    again.close()
    clock.move(seconds=1)
    assert people.get(office, "王经办").state == "启用"
    assert people.sign_in(office, "王经办", PASSWORD) == people.get(office, "王经办")
    assert audited(office, before) == [
        ("", "sign.failed", "王经办", "密码不对"),
        ("", "user.lock", "王经办", "连续 10 次密码不对"),
        ("", "sign.failed", "王经办", "账户已锁定"),
        ("", "sign.failed", "王经办", "账户已锁定"),
        ("赵主任", "sign.in", "赵主任", "密码"),
        ("王经办", "sign.in", "王经办", "密码"),
    ]


def test_failures_in_a_row_count_and_others_do_not(office: Store, clock: Clock) -> None:
    for _ in range(3):
        assert [people.sign_in(office, "王经办", "wrong") for _ in range(9)] == [None] * 9
        assert people.sign_in(office, "王经办", PASSWORD) is not None
    for _ in range(10):
        people.sign_in(office, "王经办", "wrong")
    clock.move(minutes=15)
    # After the lock the count begins anew.
    assert [people.sign_in(office, "王经办", "wrong") for _ in range(9)] == [None] * 9
    assert people.sign_in(office, "王经办", PASSWORD) is not None


def test_many_guesses_at_once_are_all_counted(office: Store) -> None:
    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(lambda _: people.sign_in(office, "王经办", "wrong"), range(24))) == [None] * 24
    assert people.get(office, "王经办").state == "锁定"
    assert [row[1] for row in audited(office)].count("user.lock") == 1


def test_an_administrator_unlocks_and_a_link_needs_no_unlocking(office: Store) -> None:
    for _ in range(10):
        people.sign_in(office, "王经办", "wrong")
    link = people.issue(office, "王经办", "link", days=1, by="赵主任")
    assert people.sign_in(office, "王经办", PASSWORD) is None
    found = people.redeem(office, link)
    assert found is not None
    assert found.user.name == "王经办"
    people.unlock(office, "王经办", by="赵主任")
    assert people.sign_in(office, "王经办", PASSWORD) is not None
    assert ("赵主任", "user.unlock", "王经办", "") in audited(office)


def test_every_answer_verifies_one_hash_and_writes(office: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """Unknown, disabled, locked, without a password or wrong: the same None after the same work."""
    people.add(office, User("离职者", Role.REVIEWER, "", Clearance.NONE, disabled=False), password=OTHER, by="")
    people.disable(office, "离职者", by="")
    for _ in range(10):
        people.sign_in(office, "王经办", "wrong")
    verified = []

    class Counting(PasswordHasher):
        def verify(self, hash: str | bytes, password: str | bytes) -> bool:  # type: ignore[override]
            verified.append(str(hash).split("$")[3])
            return bool(super().verify(hash, password))

    monkeypatch.setattr("corpus.passwords.hasher", Counting(time_cost=1, memory_cost=64, parallelism=1))
    names = ["赵六", "离职者", "王经办", "li.si-2", "赵主任"]
    before = count(office)
    assert [people.sign_in(office, name, "wrong") for name in names] == [None] * 5
    assert verified == ["m=64,t=1,p=1"] * 5
    assert [row[2:] for row in audited(office, before)] == [
        ("", ""), ("离职者", "账户已停用"), ("王经办", "账户已锁定"), ("li.si-2", "密码不对"), ("赵主任", "密码不对"),
    ]  # fmt: skip


def test_a_hash_of_old_parameters_is_renewed_at_sign_in(office: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    def kept() -> str:
        return str(office.value("select password from users where name = '王经办'"))

    old = kept()
    people.sign_in(office, "王经办", PASSWORD)
    assert kept() == old
    monkeypatch.setattr("corpus.passwords.hasher", PasswordHasher(time_cost=2, memory_cost=64, parallelism=1))
    people.sign_in(office, "王经办", "wrong")
    assert kept() == old
    assert people.sign_in(office, "王经办", PASSWORD) is not None
    assert ("t=2" in kept(), passwords.outdated(kept())) == (True, False)
    assert people.sign_in(office, "王经办", PASSWORD) is not None


def test_the_hashes_are_what_is_recommended(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("corpus.passwords.hasher", REAL)
    people.add(store, WANG, password=PASSWORD, by="")
    assert str(store.value("select password from users")).startswith("$argon2id$v=19$m=65536,t=3,p=4$")


def test_equal_passwords_have_different_hashes(store: Store) -> None:
    for name in ("甲甲", "乙乙"):
        people.add(store, User(name, Role.REVIEWER, "", Clearance.NONE, disabled=False), password=PASSWORD, by="")
    assert store.value("select count(distinct password) from users") == 2


# Passwords


def test_a_new_password_ends_everything_that_was_signed_in(office: Store) -> None:
    here, elsewhere = session(office), session(office)
    link = people.issue(office, "王经办", "link", days=1, by="")
    token = people.issue(office, "王经办", "api", days=1, by="")
    other = session(office, "赵主任")
    before = count(office)
    user = people.change_password(office, held(office, here), old=PASSWORD, new=OTHER)
    assert user == people.get(office, "王经办") == WANG
    kinds = [("session", here), ("session", elsewhere), ("link", link), ("api", token), ("session", other)]
    assert alive(office, *kinds) == [False, False, False, True, True]
    assert audited(office, before) == [("王经办", "user.password", "王经办", "")]
    assert [people.sign_in(office, "王经办", p) is not None for p in (PASSWORD, OTHER)] == [False, True]


def test_the_old_password_is_asked_for_and_its_guesses_count(office: Store) -> None:
    at = held(office, session(office))
    wrong = r"^原密码不对，请重新输入；连续出错账户会暂时锁定。$"
    for _ in range(10):
        with pytest.raises(BadInput, match=wrong) as caught:
            people.change_password(office, at, old="wrong", new=OTHER)
        assert caught.value.field == "old"
    assert people.get(office, "王经办").state == "锁定"
    with pytest.raises(BadInput, match=wrong):
        people.change_password(office, at, old=PASSWORD, new=OTHER)
    people.unlock(office, "王经办", by="")
    for new, said in ((PASSWORD, "新密码不能与原密码相同，请换一个。"), ("短", "密码须为 12")):
        with pytest.raises(BadInput, match=f"^{said}") as caught:
            people.change_password(office, at, old=PASSWORD, new=new)
        assert caught.value.field == "password"
    assert people.sign_in(office, "王经办", PASSWORD) is not None


def test_a_link_for_a_new_password_asks_for_no_old_one(office: Store) -> None:
    link = people.issue(office, "王经办", "link", days=1, must_change=True, by="赵主任")
    found = people.redeem(office, link)
    assert found is not None
    assert (found.user.must_change, found.ticket.must_change) == (True, True)
    ordinary = held(office, session(office))
    with pytest.raises(BadInput, match=r"^原密码不对"):
        people.change_password(office, ordinary, old="", new=OTHER)
    reset = held(office, session(office, must_change=True))
    with pytest.raises(BadInput, match=r"^新密码不能与原密码相同"):
        people.change_password(office, reset, old="", new=PASSWORD)
    assert people.change_password(office, reset, old="", new=OTHER).must_change is False
    assert people.sign_in(office, "王经办", OTHER) is not None


def test_an_account_without_a_password_gets_one_by_such_a_link_alone(office: Store) -> None:
    plain, reset = session(office, "li.si-2"), session(office, "li.si-2", must_change=True)
    with pytest.raises(Conflict, match=r"^本账户没有密码，请向管理员索取用来设置密码的一次性链接。$"):
        people.change_password(office, held(office, plain), old="", new=OTHER)
    assert people.change_password(office, held(office, reset), old="", new=OTHER).has_password is True
    assert people.sign_in(office, "li.si-2", OTHER) is not None


def test_a_reset_opens_the_lock_and_must_be_changed(office: Store) -> None:
    for _ in range(10):
        people.sign_in(office, "王经办", "wrong")
    here, before = session(office), count(office)
    with pytest.raises(BadInput, match=r"^新密码不能与原密码相同"):
        people.reset_password(office, "王经办", PASSWORD, by="赵主任")
    with pytest.raises(BadInput, match=r"^密码须为 12"):
        people.reset_password(office, "王经办", "短", by="赵主任")
    people.reset_password(office, "王经办", OTHER, by="赵主任")
    assert alive(office, ("session", here)) == [False]
    found = people.sign_in(office, "王经办", OTHER)
    assert found is not None
    assert found.must_change is True
    assert audited(office, before) == [("赵主任", "user.reset", "王经办", ""), ("王经办", "sign.in", "王经办", "密码")]


# Sessions, API tokens, one-time links


def test_a_disabled_user_is_out_at_once_with_all_tickets(office: Store) -> None:
    secrets = [(kind, people.issue(office, "王经办", kind, days=1, by="")) for kind in KINDS]
    other = people.issue(office, "li.si-2", "api", days=1, by="")
    assert alive(office, *secrets) == [True] * 3
    people.disable(office, "王经办", by="管理员")
    assert people.sign_in(office, "王经办", PASSWORD) is None
    assert alive(office, *secrets, ("api", other)) == [False, False, False, True]
    assert people.redeem(office, secrets[2][1]) is None
    with pytest.raises(BadInput, match=r"^用户“王经办”已停用，不能签发令牌。$"):
        people.issue(office, "王经办", "api", days=1, by="")
    people.enable(office, "王经办", by="管理员")
    assert (alive(office, *secrets), people.sign_in(office, "王经办", PASSWORD) is not None) == ([False] * 3, True)


def test_a_ticket_is_good_for_its_kind_only(office: Store) -> None:
    found = {
        (issued, asked): people.holder(office, people.issue(office, "王经办", issued, days=1, by=""), asked)
        for issued in KINDS
        for asked in KINDS
    }
    assert {pair: at and at.user for pair, at in found.items()} == {
        (a, b): WANG if a == b else None for a in KINDS for b in KINDS
    }


def test_a_token_may_do_what_it_was_given_and_its_holder_may(office: Store) -> None:
    scopes = {Right.EXPERTS, Right.RESTRICTED}
    secrets = [people.issue(office, "王经办", "api", days=1, scopes=given, by="") for given in ((), scopes)]
    actors = [held(office, secret, "api").actor for secret in secrets]
    assert [actor.limits for actor in actors] == [frozenset(), frozenset(scopes)]
    assert [[right for right in Right if actor.may(right)] for actor in actors] == [
        [],
        [Right.RESTRICTED, Right.EXPERTS],
    ]
    assert held(office, session(office)).actor == WANG.actor
    people.edit(office, "王经办", clearance=Clearance.NONE, by="")
    assert held(office, secrets[1], "api").actor.clearance is Clearance.NONE


@pytest.mark.parametrize("right", list(Right))
@pytest.mark.parametrize("name", ["王经办", "li.si-2", "赵主任"])
def test_no_token_gets_more_than_its_holder_has(office: Store, name: str, right: Right) -> None:
    user = people.get(office, name)
    if right in RIGHTS[user.role] and right in TOKEN_RIGHTS:
        assert held(office, people.issue(office, name, "api", days=1, scopes=[right], by=""), "api").actor.may(right)
        return
    with pytest.raises(BadInput, match=rf"^{user.actor.role_name}的令牌不能用来.*，请去掉。$") as caught:
        people.issue(office, name, "api", days=1, scopes=[right], by="")
    assert caught.value.field == "scopes"


@pytest.mark.parametrize(
    ("kind", "days", "said"),
    [
        ("api", 0, "有效期须为 1 到 365 天，请修改。"),
        ("api", 366, "有效期须为 1 到 365 天，请修改。"),
        ("api", float("nan"), "有效期须为 1 到 365 天，请修改。"),
        ("api", float("inf"), "有效期须为 1 到 365 天，请修改。"),
        ("link", 0, "有效期须大于 0 天、不超过 7 天，请修改。"),
        ("link", 7.1, "有效期须大于 0 天、不超过 7 天，请修改。"),
    ],
)
def test_how_long_a_ticket_may_live(office: Store, kind: Any, days: float, said: str) -> None:
    with pytest.raises(BadInput) as caught:
        people.issue(office, "王经办", kind, days=days, by="")
    assert (caught.value.message, caught.value.field) == (said, "days")
    assert office.value("select count(*) from tokens") == 0


@pytest.mark.parametrize("label", ["x" * 61, "a\nb", "\0"])
def test_a_label_is_a_short_line(office: Store, label: str) -> None:
    with pytest.raises(BadInput, match=r"^名称最多 60 个字，不含换行，请修改。$"):
        people.issue(office, "王经办", "api", days=1, label=label, by="")


def test_a_link_is_spent_by_asking(office: Store, clock: Clock) -> None:
    link = people.issue(office, "王经办", "link", days=1, by="")
    before = count(office)
    found = [people.redeem(office, link), people.redeem(office, link)]
    assert [at and at.user.name for at in found] == ["王经办", None]
    assert audited(office, before) == [("王经办", "sign.in", "王经办", "一次性链接")]
    late = people.issue(office, "王经办", "link", days=1, by="")
    clock.move(days=1, seconds=1)
    assert people.redeem(office, late) is None


def test_a_link_lets_one_of_many_in(office: Store) -> None:
    link = people.issue(office, "王经办", "link", days=1, by="")
    start = threading.Barrier(6)

    def redeem(_: int) -> bool:
        start.wait()
        return people.redeem(office, link) is not None

    with ThreadPoolExecutor(6) as pool:
        assert sum(pool.map(redeem, range(6))) == 1


def test_sessions_and_tokens_are_listed_and_ended_by_their_holder(office: Store, clock: Clock) -> None:
    first = session(office, label="密码 · Edge")
    clock.move(minutes=1)
    session(office, label="密码 · Firefox")
    token = people.issue(office, "王经办", "api", days=90, label="脚本", scopes=[Right.EXPERTS], by="王经办")
    theirs = session(office, "赵主任")
    assert [t.label for t in people.sessions(office, "王经办")] == ["密码 · Firefox", "密码 · Edge"]
    (listed,) = people.api_tokens(office, "王经办")
    assert listed.as_json() == {
        "id": listed.id, "user": "王经办", "label": "脚本", "scopes": ["experts"], "created": "2026-11-21T08:01:00Z",
        "expires": "2027-02-19T08:01:00Z", "last_seen": "",
    }  # fmt: skip
    (other,) = people.sessions(office, "赵主任")
    before = count(office)
    for id in (other.id, "0000000000", "", first):
        with pytest.raises(NotFound, match=r"^没有这个编号的会话或令牌，可能已经结束或撤销，请刷新列表查看。$"):
            people.revoke(office, id, by="王经办", of="王经办")
    older = people.sessions(office, "王经办")[1]
    people.revoke(office, older.id, by="王经办", of="王经办")
    people.revoke(office, listed.id, by="赵主任")
    assert alive(office, ("session", first), ("api", token), ("session", theirs)) == [False, False, True]
    people.end_sessions(office, "王经办", by="赵主任")
    assert (people.sessions(office, "王经办"), people.api_tokens(office, "王经办")) == ([], [])
    assert audited(office, before) == [
        ("王经办", "sign.end", "王经办", f"{older.id} 密码 · Edge"),
        ("赵主任", "token.revoke", "王经办", f"{listed.id} 脚本"),
        ("赵主任", "sign.end", "王经办", "全部会话"),
    ]


def test_all_sessions_but_this_one(office: Store) -> None:
    here, there = session(office), session(office)
    people.end_sessions(office, "王经办", by="王经办", but=held(office, here).ticket.id)
    assert alive(office, ("session", here), ("session", there)) == [True, False]


def test_signing_out(office: Store) -> None:
    secret, token = session(office), people.issue(office, "王经办", "api", days=1, by="")
    before = count(office)
    for shown in (secret, secret, token, "", "x" * 100_000, "\ud800"):
        people.sign_out(office, shown)
    assert alive(office, ("session", secret), ("api", token)) == [False, True]
    assert audited(office, before) == [("王经办", "sign.out", "王经办", "")]


def test_secrets_never_touch_the_disk(office: Store) -> None:
    """What a thief of the data folder gets opens nothing."""
    secrets = [people.issue(office, "王经办", kind, days=1, label="标签", by="") for kind in KINDS]
    people.sign_in(office, "王经办", PASSWORD)
    kept = file_bytes(office)
    assert "标签".encode() in kept
    assert b"$argon2id$v=19$m=64" in kept
    assert [s for s in [*secrets, PASSWORD, OTHER] if s.encode() in kept] == []
    rows = office.rows("select hash, id from tokens")
    assert [people.holder(office, r[c], kind) for r in rows for c in ("hash", "id") for kind in KINDS] == [None] * 18


def test_who_did_what_is_written_without_secrets(office: Store) -> None:
    people.issue(office, "王经办", "api", days=1, label="脚本", by="管理员")
    people.issue(office, "王经办", "link", days=1, label="给本人", by="管理员")
    session(office)
    people.disable(office, "王经办", by="管理员")
    people.enable(office, "王经办", by="管理员")
    assert audited(office) == [
        ("管理员", "user.add", "王经办", "预算单位，授权范围：本单位"),
        ("管理员", "user.add", "li.si-2", "审计员，授权范围：无"),
        ("管理员", "user.add", "赵主任", "财政管理员，授权范围：全部"),
        ("管理员", "token.api", "王经办", "脚本"),
        ("管理员", "token.link", "王经办", "给本人"),
        ("管理员", "user.disable", "王经办", ""),
        ("管理员", "user.enable", "王经办", ""),
    ]
