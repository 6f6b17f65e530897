"""Which passwords are taken, and what is kept of them."""

from __future__ import annotations

import unicodedata

import pytest
from argon2 import PasswordHasher
from hypothesis import given
from hypothesis import strategies as st

from corpus import passwords
from corpus.errors import BadInput

LENGTH = "密码须为 12 到 128 个字符，请重新设置；可以用几个不相干的词连成一句。"
COMMON = "这个密码太常见，容易被猜中，请换一个。"
ABOUT = "密码不能主要由用户名或单位名称组成，请换一个。"
REPEATED = "密码不能由同样的内容重复而成，请换一个。"
SEQUENCE = "密码不能由连续的数字、字母或键盘上相邻的键组成，请换一个。"
CONTROL = "密码不能含有控制字符，请重新设置。"


@pytest.fixture(autouse=True)
def _cheap(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("corpus.passwords.hasher", PasswordHasher(time_cost=1, memory_cost=64, parallelism=1))


def said(password: str, *about: str) -> str:
    """What is said against it, empty when it is taken."""
    try:
        passwords.check(password, about=about)
    except BadInput as error:
        return error.message if error.field == "password" else f"names {error.field}"
    return ""


@pytest.mark.parametrize(
    ("password", "message"),
    [
        ("", LENGTH),
        ("k7 mv qz tw9", ""),
        ("k7 mv qz tw", LENGTH),
        ("春天里的小马过河去", LENGTH),
        ("春天里的小马过河去吃青草", ""),
        ("春" + "天里小马过河" * 21 + "去", ""),
        ("春" + "天里小马过河" * 21 + "去了", LENGTH),
        ("①②③④⑤⑥⑦⑧⑨⑩⑪", SEQUENCE),  # 1234567891011
        ("ﬁve ﬂat ﬁsh", ""),  # eleven as typed, fourteen after NFKC
        ("\ufdfa" * 100, LENGTH),  # 1,800 after NFKC
        ("correct horse battery", ""),
        ("    a lamp of 3 whales    ", ""),
        ("🐎🔋📎🌊🍵🎋🧭🪁🥁🧊🪵🛶", ""),
        ("horse\0battery lamp", CONTROL),
        ("horse\tbattery lamp", CONTROL),
        ("horse\ud800battery lamp", CONTROL),
        ("password1234", COMMON),
        ("Ｐａｓｓｗｏｒｄ１２３４", COMMON),
        ("PASSWORD!!!!!!", COMMON),
        ("2026Zhibiao!!", COMMON),
        ("管理员1234567890", COMMON),
        ("1qaz2wsx3edc", COMMON),
        ("1Q2W3E4R5T6Y", COMMON),
        ("aaaaaaaaaaaa", REPEATED),
        ("abcabcabcabc", REPEATED),
        ("kv7!kv7!kv7!k", REPEATED),
        ("mw3xzq7tmw3xzq7t", REPEATED),
        ("k7mvqztw9-k7mvqztw9-", REPEATED),
        ("mw3xzq7tk5vdmw3xzq7tk5vd", ""),  # twelve characters of its own
        ("123456789012", SEQUENCE),
        ("987654321098", SEQUENCE),
        ("abcdefghijkl", SEQUENCE),
        ("qwertyuiop12", COMMON),
        ("asdfghjkl123", COMMON),
        ("rewqfdsavcxz", SEQUENCE),
        ("lkjhgfdsa000", SEQUENCE),
        ("1234qwerasdf", SEQUENCE),
        ("一二三四五六七八九十123", SEQUENCE),
        ("wangjingban1", ABOUT),
        ("WangJingBan-2026", ABOUT),
        ("州教育体育局wangjingban12", ABOUT),
        ("王经办 eats seven plums", ""),
    ],
)
def test_what_is_taken(password: str, message: str) -> None:
    assert said(password, "wangjingban", "州教育体育局") == message


def test_the_own_name_and_unit_count_for_their_holder_alone() -> None:
    assert [said("州教育体育局的电脑密码9", *about) for about in ((), ("", ""), ("li", "州教育体育局"))] == [
        "",
        "",
        ABOUT,
    ]


@given(st.text(max_size=300), st.text(max_size=40), st.text(max_size=100))
def test_whatever_is_typed_is_taken_or_refused_in_words(password: str, name: str, unit: str) -> None:
    message = said(password, name, unit)
    assert message in ("", LENGTH, COMMON, ABOUT, REPEATED, SEQUENCE, CONTROL)
    if not message:
        assert 12 <= len(unicodedata.normalize("NFKC", password)) <= 128


@given(st.text(max_size=60), st.text(max_size=60))
def test_a_hash_matches_its_password_alone(password: str, other: str) -> None:
    """As typed in any width; and what nobody can have as a password matches nothing."""
    try:
        password.encode()
    except UnicodeEncodeError:
        return
    kept = passwords.hashed(password)
    equal = passwords.normal(password) == passwords.normal(other)
    assert passwords.matches(kept, password) is bool(password)
    assert passwords.matches(kept, other) is (equal and bool(password))
    assert passwords.matches(kept, passwords.normal(password)) is bool(password)
    assert passwords.matches("", password) is False


@pytest.mark.parametrize("typed", ["", "\ud800", "x" * 1_000_000, "\0"])
def test_typed_by_whoever_knocks(typed: str) -> None:
    kept = passwords.hashed("correct horse battery")
    assert [passwords.matches(hash, typed) for hash in (kept, "", "no hash")] == [False, False, False]


def test_no_hash_costs_as_much_as_a_wrong_password(monkeypatch: pytest.MonkeyPatch) -> None:
    """Counted, not timed: each answer verifies one hash of the same parameters."""
    asked = []

    class Counting(PasswordHasher):
        def verify(self, hash: str | bytes, password: str | bytes) -> bool:  # type: ignore[override]
            asked.append(str(hash).split("$")[3])
            return bool(super().verify(hash, password))

    monkeypatch.setattr("corpus.passwords.hasher", Counting(time_cost=1, memory_cost=64, parallelism=1))
    kept = passwords.hashed("correct horse battery")
    assert [passwords.matches(h, t) for h in (kept, "") for t in ("wrong", "x" * 10_000)] == [False] * 4
    assert asked == ["m=64,t=1,p=1"] * 4


def test_a_hash_of_other_parameters_is_outdated() -> None:
    kept = passwords.hashed("correct horse battery")
    stronger = PasswordHasher(time_cost=2, memory_cost=64, parallelism=1).hash("correct horse battery")
    assert (passwords.outdated(kept), passwords.outdated(stronger)) == (False, True)
