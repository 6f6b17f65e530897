"""One spelling for the same words: width, radicals, traditional characters, blanks, case.

The original is always kept for display; what is made here is for indexing and comparing. Conversion goes
character by character (a table taken from OpenCC once), so the folded text can always be led back to the original.
"""

from __future__ import annotations

import re
import threading
import unicodedata
from collections.abc import Callable, Iterable, Sequence
from functools import cache, lru_cache
from itertools import chain
from typing import TypeVar

import opencc

T = TypeVar("T")

# CJK Radicals Supplement without the two that NFKC folds; what PDF text layers put in place of the ideograph.
_RADICALS = dict(
    zip(
        "⺁⺂⺃⺄⺅⺆⺇⺈⺉⺊⺋⺌⺍⺎⺏⺐⺑⺒⺓⺔⺕⺖⺗⺘⺙⺛⺜⺝⺞⺠⺡⺢⺣⺤⺥⺦⺧⺨⺩⺪⺫⺬⺭⺮⺯⺰⺱⺲⺳⺴⺵⺶⺷⺸⺹⺺⺻⺼⺽⺾⺿⻀"
        "⻁⻂⻃⻄⻅⻆⻇⻈⻉⻊⻋⻌⻍⻎⻏⻐⻑⻒⻓⻔⻕⻖⻗⻘⻙⻚⻛⻜⻝⻞⻟⻠⻡⻢⻣⻤⻥⻦⻧⻨⻩⻪⻫⻬⻭⻮⻯⻰⻱⻲",
        "厂乛乚乙亻冂几刀刂卜㔾小小兀尣尢尣巳幺彑彐忄㣺扌攵旡日月歺民氵氺灬爫爫丬牛犭王疋目示礻竹糹纟罓罒㓁冇网羊羊羋耂肀聿肉臼艹艹艹"
        "虎衤覀西见角角讠贝足车辶辶辶阝钅長镸长门阜阝雨青韦页风飞食食飠饣首马骨鬼鱼鸟卤麦黄黾斉齐歯齿竜龙龜亀",
        strict=True,
    )
)
# Removed: control characters, zero-width and direction marks, variation selectors, lone surrogates.
_INVISIBLE = frozenset(
    chain(
        range(0x00, 0x20), range(0x7F, 0xA0), (0xAD, 0x34F, 0x61C), range(0x180B, 0x1810), range(0x200B, 0x2010),
        range(0x202A, 0x202F), range(0x2060, 0x2070), range(0xD800, 0xE000), range(0xFE00, 0xFE10), (0xFEFF,),
        range(0xFFF9, 0xFFFC), range(0xE0000, 0xE1000),
    )
) - frozenset(map(ord, "\t\n\v\f\r\x85"))  # fmt: skip
_BLANK = frozenset(map(ord, "\t\n\v\f\r\x85\u1680\u2028\u2029"))
_HAN_RANGES = ((0x3400, 0x4DC0), (0x4E00, 0xA000), (0x20000, 0x323B0))
_HAN = re.compile("[\u2e80-\u2fd5\u3007\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufad9\U00020000-\U000323af]")
_LATIN = re.compile(r"[A-Za-zÀ-ÖØ-öø-ɏ0-9 '’·\-]+")
_LATIN_LETTER = re.compile("[A-Za-zÀ-ÖØ-öø-ɏ]")
_BLANKS = re.compile(" {2,}")


class _Table(dict[int, str | int]):
    """The table for str.translate behind every function here; a character gets its entry when it is first met."""

    def __missing__(self, code: int) -> str | int:
        character = chr(code)
        made = character
        # Some take two steps: a radical of a traditional character, and 薴 over 苧 to 苎.
        while (simpler := _RADICALS.get(made) or _simplified(made)) != made:
            made = simpler
        self[code] = entry = code if made == character else made
        return entry


_lock = threading.Lock()
_table = _Table(dict.fromkeys(_INVISIBLE, "") | dict.fromkeys(_BLANK, " "))
_pieces: dict[str, str] = {}


@cache
def _converter() -> opencc.OpenCC:
    return opencc.OpenCC("t2s")


def _simplified(character: str) -> str:
    """What OpenCC (t2s) makes of a Han character that stands alone, if that is one character, too."""
    if not any(start <= ord(character) < end for start, end in _HAN_RANGES):
        return character
    with _lock:
        found = str(_converter().convert(character))
    return found if len(found) == 1 else character


def _plain(text: str) -> str:
    """NFKC and the table, until nothing changes. Blanks stay as many as they were.

    It ends: after the first round only a removed mark lets NFKC join two characters, and that shortens the text.
    """
    done = unicodedata.normalize("NFKC", text).translate(_table)
    while not unicodedata.is_normalized("NFKC", done):
        done = unicodedata.normalize("NFKC", done).translate(_table)
    return done


# The full-width marks of ordinary text, as NFKC folds them.
_MARKS = str.maketrans("，；：（）！？％", ",;:()!?%")
_MOST = 10_000
_same: set[str] = set()
_other: set[str] = set()


def _settled(text: str) -> bool:
    """Whether every character is a Han or ASCII one that folding leaves alone: nearly all of a library's text.

    Such characters do not join. One set grows no larger than these alphabets, the other is bounded.
    """
    fresh = set(text) - _same
    if not fresh:
        return True
    if fresh & _other:
        return False
    for character in fresh:
        plain = " " <= character <= "~" or "\u4e00" <= character <= "\u9fff" or character in "。、“”《》—〔〕"
        if plain and _refolded(character) == character:
            _same.add(character)
        elif len(_other) < _MOST:
            _other.add(character)
    return fresh <= _same


def _folded(text: str) -> str:
    """``_plain`` and casefold, until nothing changes."""
    quick = text.translate(_MARKS)
    return quick if _settled(quick) else _refolded(text)


def _refolded(text: str) -> str:
    while True:
        done = _plain(_plain(text).casefold())
        if done == text:
            return done
        text = done


def normalise(text: str) -> str:
    """The text in one width, simplified, without invisible characters, blanks single and none at the ends.

    Quotes, dashes and brackets change only as NFKC changes them. Idempotent.
    """
    return _BLANKS.sub(" ", _plain(text)).strip(" ")


def fold(text: str) -> str:
    """``normalise`` without regard to case: what is indexed and compared. Idempotent."""
    return _BLANKS.sub(" ", _folded(text)).strip(" ")


def _joins(character: str) -> bool:
    """Whether a character may merge with the one before it (a combining mark, a Korean vowel), or vanishes."""
    if ord(character) in _INVISIBLE:
        return True
    first = unicodedata.normalize("NFKD", character)[0]
    return unicodedata.category(first)[0] == "M" or "\u1160" <= first <= "\u11ff" or ord(first) in _INVISIBLE


def remembered(work: Callable[[str], T], *, longest: int = 64, kept: int = 16_384) -> Callable[[str], T]:
    """``work``, remembering what it made of so many texts of up to so many characters.

    What people write comes again with every further word: most clauses of a draft were there a moment before.
    """
    held = lru_cache(maxsize=kept)(work)
    return lambda text: held(text) if len(text) <= longest else work(text)


@lru_cache(maxsize=1 << 15)
def _level(text: str) -> str | None:
    """The folded text, where each of its characters stands in the place of its source: nearly all of a library's."""
    quick = text.translate(_MARKS)
    return quick if _settled(quick) and quick == _BLANKS.sub(" ", quick).strip(" ") else None


def _traced(text: str) -> tuple[str, Sequence[int], Sequence[int]]:
    """The folded text, and for each of its characters where in ``text`` its source starts and ends."""
    level = _level(text)
    if level is not None:
        return level, range(len(level)), range(1, len(level) + 1)
    folded: list[str] = []
    starts: list[int] = []
    ends: list[int] = []
    at, size = 0, len(text)
    while at < size:
        end = at + 1
        while end < size and not " " <= text[end] <= "~" and _joins(text[end]):
            end += 1
        piece = text[at:end]
        made = _pieces.get(piece)
        if made is None:
            made = _folded(piece)
            if end - at == 1:  # single characters only: the memory stays bounded by the alphabet
                _pieces[piece] = made
        for character in made:
            if character == " " and (not folded or folded[-1] == " "):
                if folded:
                    ends[-1] = end
                continue
            folded.append(character)
            starts.append(at)
            ends.append(end)
        at = end
    if folded and folded[-1] == " ":
        del folded[-1], starts[-1], ends[-1]
    return "".join(folded), starts, ends


def fold_with_map(text: str) -> tuple[str, list[int]]:
    """``fold(text)``, and for each of its characters the index in ``text`` that it came from (never decreasing)."""
    folded, starts, _ = _traced(text)
    return folded, [*starts]


def spans(original: str, needles: Iterable[str]) -> list[tuple[int, int]]:
    """Where any of the folded ``needles`` stands in ``original``: (start, end), sorted, touching ones joined."""
    folded, starts, ends = _traced(original)
    hits: list[tuple[int, int]] = []
    for needle in [needle for needle in needles if needle and needle in folded]:
        at = folded.find(needle)
        while at >= 0:
            hits.append((starts[at], ends[at + len(needle) - 1]))
            at = folded.find(needle, at + 1)
    merged: list[tuple[int, int]] = []
    for start, end in sorted(hits):
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((start, end))
    return merged


def is_latin(text: str) -> bool:
    """Whether the text is pinyin or English: Latin letters, digits, blanks, ' · -, and at least one letter."""
    plain = normalise(text)
    return _LATIN.fullmatch(plain) is not None and _LATIN_LETTER.search(plain) is not None


def han(text: str) -> bool:
    """Whether the text has at least one Han character (radicals and 〇 count)."""
    return _HAN.search(text) is not None
