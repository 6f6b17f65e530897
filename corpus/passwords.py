"""Passwords: which ones are taken, and their Argon2 hashes. They are counted and hashed after NFKC.

Length matters, composition does not (OWASP ASVS 4, V2.1): what is refused is what a guesser tries first.
"""

from __future__ import annotations

import secrets
import string
import unicodedata
from collections.abc import Sequence
from functools import lru_cache
from itertools import pairwise
from pathlib import Path

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from corpus.errors import BadInput

SHORTEST, LONGEST = 12, 128
hasher = PasswordHasher()
# Typed text beyond this is nobody's password: it is not worth the work of normalising it.
_TYPED = 4 * LONGEST
# A password that is one of these, with digits and signs around it or without, is what a guesser tries first.
_COMMON = frozenset((Path(__file__).parent / "common_passwords.txt").read_text(encoding="utf-8").split())
_AROUND = string.digits + string.punctuation + " "
_ROWS = (
    "1234567890",
    "0123456789",
    "!@#$%^&*()_+",
    "qwertyuiop[]",
    "asdfghjkl;'",
    "zxcvbnm,./",
    "一二三四五六七八九十",
    "零一二三四五六七八九",
)
_STEPS = frozenset(pair for row in _ROWS for way in (row, row[::-1]) for pair in pairwise(way))


def normal(password: str) -> str:
    """The form that is counted and hashed."""
    return unicodedata.normalize("NFKC", password)


def check(password: str, *, about: Sequence[str] = ()) -> None:
    """Raises BadInput for what is too short, too long, or easily guessed; ``about`` are the person's name and unit."""
    text = normal(password) if len(password) <= _TYPED else password
    if not SHORTEST <= len(text) <= LONGEST:
        raise _refusal(f"密码须为 {SHORTEST} 到 {LONGEST} 个字符，请重新设置；可以用几个不相干的词连成一句。")
    if any(unicodedata.category(c) in ("Cc", "Cs") for c in text):
        raise _refusal("密码不能含有控制字符，请重新设置。")
    folded = text.casefold()
    if folded in _COMMON or folded.strip(_AROUND) in _COMMON:
        raise _refusal("这个密码太常见，容易被猜中，请换一个。")
    rest = folded
    for word in sorted((normal(w).casefold() for w in about if w), key=len, reverse=True):
        rest = rest.replace(word, "")
    if rest != folded and len(rest) < SHORTEST - 4:
        raise _refusal("密码不能主要由用户名或单位名称组成，请换一个。")
    if _period(folded) < SHORTEST and (_period(folded) <= len(folded) // 2 or len(set(folded)) < 5):
        raise _refusal("密码不能由同样的内容重复而成，请换一个。")
    if _runs(folded) <= 3:
        raise _refusal("密码不能由连续的数字、字母或键盘上相邻的键组成，请换一个。")


def _refusal(message: str) -> BadInput:
    return BadInput(message, field="password")


def _period(text: str) -> int:
    """After how many characters ``text`` repeats itself to its end; its length when it does not."""
    return next(n for n in range(1, len(text) + 1) if text[n:] == text[: len(text) - n])


def _runs(text: str) -> int:
    """In how many runs of equal, successive or neighbouring characters ``text`` falls apart."""
    return 1 + sum(not _steady(a, b) for a, b in pairwise(text))


def _steady(a: str, b: str) -> bool:
    return a == b or (a, b) in _STEPS or (abs(ord(a) - ord(b)) == 1 and a.isalnum() and b.isalnum())


def hashed(password: str) -> str:
    """The Argon2 hash to keep."""
    return hasher.hash(normal(password))


def matches(kept: str, password: str) -> bool:
    """Whether ``kept`` is the hash of ``password``; takes as long when there is no hash to compare with."""
    known = bool(kept)
    try:
        text = normal(password).encode() if len(password) <= _TYPED else b""
    except UnicodeEncodeError:
        text = b""
    try:
        return hasher.verify(kept or _nobody(hasher), text) and known and bool(text)
    except (VerificationError, InvalidHashError):
        return False


def outdated(kept: str) -> bool:
    """Whether the hash was made under other parameters than today's."""
    return hasher.check_needs_rehash(kept)


@lru_cache(maxsize=1)
def _nobody(of: PasswordHasher) -> str:
    """A hash of which nobody knows the password, as costly as the others."""
    return of.hash(secrets.token_urlsafe(16))
