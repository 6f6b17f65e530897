"""What every document reader hands over, and how a line of a Chinese document is told to be a heading."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Literal


@dataclass(frozen=True, slots=True)
class Block:
    """One paragraph, heading or table of a file, in its order.

    ``page`` counts from 1, None where the file has no pages; ``level`` is 1-6 for a heading that the file itself
    marks as one, else 0; a table's rows are joined by ``\\n`` and its cells by ``\\t``.
    """

    text: str
    page: int | None = None
    kind: Literal["heading", "para", "table"] = "para"
    level: int = 0


@dataclass(frozen=True, slots=True)
class RawDocument:
    """A file as read: ``title_hint`` is the title that its metadata claims, or ''; ``sha256`` is of the bytes."""

    title_hint: str
    blocks: tuple[Block, ...]
    source_name: str
    sha256: str


@dataclass(frozen=True, slots=True)
class Mark:
    """The number that a heading begins with.

    ``style`` is one of 编 章 节 条 一 （一） 1 （1）; ``label`` is it as cited (``第三条``, ``七``, ``（二）``);
    ``end`` is where the words after it begin.
    """

    style: str
    number: int
    label: str
    end: int


HEADING_LENGTH = 60
_HAN = "一二三四五六七八九十百零〇"
_MARK = re.compile(
    rf"第\s?(?P<part>[{_HAN}千\d]{{1,6}})\s?(?P<unit>[编章节条])(?!规定|[第款之至和的、，])\s*"
    rf"|(?P<han>[{_HAN}]{{1,4}})[、.．](?![{_HAN}]{{1,3}}、)\s*"
    rf"|[（(]\s?(?P<paren>[{_HAN}]{{1,4}}|\d{{1,2}})\s?[）)]\s*"
    r"|(?P<digit>\d{1,2})[、.．](?!\d)\s*"
)
_STOPS = "。！？!?"
_ENDS = frozenset(_STOPS + "；;：:….”’」』")
_PUNCTUATION = re.compile(r"[，。！？；：,;!?:]")
# Direction marks too: they can make a text look like another one.
_JUNK = re.compile(
    r"\[bookmark:[^\]\n]{0,80}\]"
    r"|[\x00-\x08\x0e-\x1f\x7f-\x84\x86-\x9f\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u2069\ud800-\udfff\ufeff\ufffc\ufffe]"
)


def clean(text: str) -> str:
    """The text without conversion junk (``[bookmark: _GoBack]``, invisible marks) and outer blanks."""
    return _JUNK.sub("", text).strip()


def mark_of(text: str) -> Mark | None:
    """The heading number at the beginning of ``text``, or None."""
    found = _MARK.match(text)
    if found is None:
        return None
    part, unit, han, paren, digit = found.group("part", "unit", "han", "paren", "digit")
    number = _integer(part or han or paren or digit)
    if unit:
        return Mark(unit, number, f"第{part}{unit}", found.end())
    if paren:
        return Mark("（1）" if paren.isdecimal() else "（一）", number, f"（{paren}）", found.end())
    return Mark("一", number, han, found.end()) if han else Mark("1", number, digit, found.end())


def is_heading_line(text: str) -> bool:
    """Whether a numbered line is a heading by itself: short, without a sentence's or a list item's end."""
    return (
        len(text) <= HEADING_LENGTH
        and not any(stop in text for stop in _STOPS)
        and text[-1:] not in "；;：:，,、"
        and mark_of(text) is not None
    )


def glue(first: str, second: str) -> str:
    """Two halves of a broken line as one: a blank stands between Latin words only."""
    a, b = first[-1:], second[:1]
    latin = a.isascii() and b.isascii() and (a.isalpha() or b.isalpha())
    return f"{first} {second}" if latin else first + second


def joined(blocks: Iterable[Block]) -> list[Block]:
    """The blocks with every paragraph that a page break cut in two made whole again, under its first page."""
    whole: list[Block] = []
    parts: list[str] = []  # of the last block, so that a thousand short lines cost no more than one long one
    for block in blocks:
        if block.kind == "para" and _is_open(whole, parts) and mark_of(block.text) is None:
            last = parts[-1]
            parts.append(glue(last, block.text)[len(last) :])
            continue
        _close(whole, parts)
        whole.append(block)
        parts = [block.text]
    _close(whole, parts)
    return whole


def _is_open(whole: list[Block], parts: list[str]) -> bool:
    """Whether the last block is a paragraph whose sentence goes on; a bare short line is a title or a signature."""
    if not whole or whole[-1].kind != "para":
        return False
    first = parts[0]
    if len(parts) == 1 and (is_heading_line(first) or (len(first) <= 40 and not _PUNCTUATION.search(first))):
        return False
    last = parts[-1]
    return last[-1] not in _ENDS and last.rstrip("）)》】〕")[-1:] not in _ENDS


def _close(whole: list[Block], parts: list[str]) -> None:
    if len(parts) > 1:
        whole[-1] = replace(whole[-1], text="".join(parts))


def _integer(numeral: str) -> int:
    """The value of a numeral below ten thousand, Chinese (十二, 一百零三, 二〇) or decimal."""
    if numeral.isdecimal():
        return int(numeral)
    total = digit = 0
    for character in numeral:
        if character in "十百千":
            total += (digit or 1) * {"十": 10, "百": 100, "千": 1000}[character]
            digit = 0
        elif character.isdecimal():
            digit = digit * 10 + int(character)
        else:
            digit = digit * 10 + "〇一二三四五六七八九".find("〇" if character == "零" else character)
    return total + digit
