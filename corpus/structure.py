"""A document as numbered passages under their headings, and what it says of itself: title, issuer, year, citations."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import PurePath

from corpus.model import Citation, Passage
from corpus.numbers import find_numbers, find_titles, number_alone
from corpus.readers import HEADING_LENGTH, Block, Mark, RawDocument, is_heading_line, mark_of

PASSAGE_LENGTH = 600
_RANK = {"编": 0, "章": 1, "节": 2, "条": 3, "一": 4, "（一）": 5, "1": 6, "（1）": 7}
# One hand writes 1、 where another writes 一、: real reports go from 2、 on to 三、.
_TWIN = {"一": "1", "1": "一", "（一）": "（1）", "（1）": "（一）"}


@dataclass(frozen=True, slots=True)
class _Head:
    """An open heading; ``mark`` is None for a heading of the file that has no number."""

    text: str
    mark: Mark | None
    block: Block


class _Outline:
    """The headings that are open while a document is read from top to bottom, and the passages so far."""

    def __init__(self) -> None:
        self.passages: list[Passage] = []
        self._heads: list[_Head] = []
        self._idle: _Head | None = None  # a whole-line heading that has nothing below it yet

    def open(self, head: _Head, *, whole_line: bool) -> None:
        depth = self._depth(head)
        if depth < len(self._heads):
            self.settle()
        del self._heads[depth:]
        self._heads.append(head)
        self._idle = head if whole_line else None

    def add(self, block: Block) -> None:
        """Append a paragraph or table under the headings that are open."""
        self._idle = None
        path = tuple(head.text for head in self._heads)
        section = _section([head.mark for head in self._heads if head.mark])
        kind = "table" if block.kind == "table" else "para"
        for text in [block.text] if kind == "table" else _pieces(block.text):
            self.passages.append(Passage(len(self.passages) + 1, path, section, block.page, kind, text))

    def settle(self) -> None:
        """Keep a heading that turned out to lead nothing as a passage of its own, so that no word is lost."""
        if self._idle:
            self.add(self._idle.block)

    def _depth(self, head: _Head) -> int:
        """How many of the open headings stay above ``head``."""
        heads, mark, level = self._heads, head.mark, head.block.level
        if mark is None:
            return max((i + 1 for i, h in enumerate(heads) if 0 < h.block.level < level), default=0)
        depth = len(heads)
        if level:
            depth = next((i for i, h in enumerate(heads) if not h.mark and h.block.level >= level), depth)
        marks = [h.mark for h in heads[:depth]]
        for i in reversed(range(depth)):
            if (above := marks[i]) and above.style == mark.style:
                return i
        for i in reversed(range(depth)):
            above = marks[i]
            if above and above.style == _TWIN.get(mark.style) and above.number + 1 == mark.number:
                return i
        while depth and (above := marks[depth - 1]) and _RANK[above.style] > _RANK[mark.style]:
            if above.style == "1" and mark.style == "（一）" and not any(m and m.style == "一" for m in marks):
                break  # here 1、 is the first level
            depth -= 1
        return depth


def passages(raw: RawDocument) -> list[Passage]:
    """The document's paragraphs and tables in order, each under its headings.

    The lead-in sentence of a numbered paragraph is its heading (a 第三条 is headed by its number alone) and stays
    in its text. The title's own lines are no passage; every other word is in a passage or in a path.
    """
    outline = _Outline()
    start, stop = _title_span(raw)
    for block in (*raw.blocks[:start], *raw.blocks[stop:]):
        mark = mark_of(block.text) if block.kind != "table" else None
        marked = block.kind == "heading" and len(block.text) <= HEADING_LENGTH and "。" not in block.text
        if marked or (mark and is_heading_line(block.text)):
            outline.open(_Head(block.text, mark, block), whole_line=True)
            continue
        if mark:
            outline.open(_Head(_lead_in(block.text, mark), mark, block), whole_line=False)
        outline.add(block)
    outline.settle()
    return outline.passages


def citations(found: Iterable[Passage]) -> list[Citation]:
    """The documents that the passages name, once per passage: first those with a number, then bare titles."""
    result: dict[Citation, None] = {}
    for passage in found:
        mentions = find_numbers(passage.text)
        numbered = {mention.title for mention in mentions}
        result.update((Citation(passage.ordinal, m.number, m.title), None) for m in mentions)
        titles = (title for title in find_titles(passage.text) if title not in numbered)
        result.update((Citation(passage.ordinal, "", title), None) for title in titles)
    return list(result)


def _section(marks: list[Mark]) -> str:
    """The chain of numbers; articles (条) count through a whole document, so nothing above them is cited."""
    article = next((i for i, mark in enumerate(marks) if mark.style == "条"), 0)
    chain = ""
    for mark in marks[article:]:
        bare = mark.style in ("一", "1")
        chain += f".{mark.label}" if bare and chain and chain[-1] not in "）编章节条" else mark.label
    return chain


def _lead_in(text: str, mark: Mark) -> str:
    """The heading that a numbered paragraph begins with: its first sentence, or its first clause when that is long."""
    if mark.style == "条":
        return mark.label
    sentence = re.split("[。！？\n]", text, maxsplit=1)[0].rstrip("；;：:，, ")
    if len(sentence) <= HEADING_LENGTH:
        return sentence
    clause = re.split("[：；，]", sentence[mark.end :], maxsplit=1)[0]
    return sentence[: mark.end] + clause if len(clause) <= HEADING_LENGTH else f"{sentence[:HEADING_LENGTH]}…"


def _pieces(text: str) -> list[str]:
    """A long paragraph in pieces of about 600 characters at most, cut before 一是/二是 where it can be."""
    if len(text) <= PASSAGE_LENGTH:
        return [text]
    items = re.split(r"(?<=[。；！？])(?=(?:[一二三四五六七八九]|十[一二三四五六七八九]?)是)", text)
    finer = (r"(?<=[。！？])(?![”’）」])|(?<=[。！？][”’）」])", r"(?<=[；，、])")
    return [piece.strip() for piece in _packed(items, finer) if piece.strip()]


def _packed(items: list[str], finer: tuple[str, ...]) -> Iterator[str]:
    """Neighbouring items together up to the limit; an item above the limit is first cut by the finer patterns."""
    packed = ""
    for item in items:
        if packed and len(packed) + len(item) > PASSAGE_LENGTH:
            yield packed
            packed = ""
        if len(item) <= PASSAGE_LENGTH:
            packed += item
        elif finer:
            *done, packed = _packed(re.split(finer[0], item), finer[1:])
            yield from done
        else:
            yield from (item[i : i + PASSAGE_LENGTH] for i in range(0, len(item), PASSAGE_LENGTH))
    if packed:
        yield packed


_COMPLETE = re.compile(
    "(?:通知|意见|办法|说明|情况|报告|方案|细则|规定|函|批复|决定|公告|通告|通报|总结|规程|指引|规范|条例|要点|计划|机制|制度|标准)"
    "(?:[（(][^（）()]{1,12}[）)])?$"
)
_NO_TITLE = re.compile(
    r"文件$|^附(?:件|表)|^签发人|^(?:特急|加急|机密|秘密|绝密)|[：:，,；;]$|[。！？]|^[\d〇一-龥]{4}年.{1,6}日$"
)


def title_of(raw: RawDocument) -> str:
    """The title as printed, its lines joined; else what the file's metadata says, else the file's name."""
    start, stop = _title_span(raw)
    printed = "".join(block.text for block in raw.blocks[start:stop])
    return " ".join(printed.split()) or raw.title_hint or PurePath(raw.source_name).stem


def _title_span(raw: RawDocument) -> tuple[int, int]:
    """Where the title's lines stand among the blocks; (0, 0) when there is none."""
    blocks = raw.blocks
    tops = [i for i, b in enumerate(blocks[:60]) if b.kind == "heading" and b.level == 1 and not mark_of(b.text)]
    start = tops[0] if len(tops) == 1 else _title_start(blocks)
    if start is None:
        return 0, 0
    first, stop = blocks[start], start + 1
    for block in blocks[start + 1 : start + 3]:
        alike = (block.kind, block.level) == (first.kind, first.level) and _may_be_title(block.text)
        bracketed = re.fullmatch(r"[（(][^（）()]{1,20}[）)]", block.text) and not mark_of(block.text)
        if not bracketed and (not alike or _COMPLETE.search(blocks[stop - 1].text)):
            break
        stop += 1
    return start, stop


def _title_start(blocks: tuple[Block, ...]) -> int | None:
    for index, block in enumerate(blocks[:12]):
        if mark_of(block.text) or len(block.text) > HEADING_LENGTH or block.text.endswith("。"):
            return None
        if block.kind != "table" and _may_be_title(block.text) and len(block.text) >= 4:
            return index
    return None


def _may_be_title(text: str) -> bool:
    usable = len(text) <= HEADING_LENGTH and not mark_of(text) and not _NO_TITLE.search(text)
    return usable and not number_alone(text) and re.search("[一-龥]", text) is not None


_BODIES = "财政部|国务院|人民政府|办公厅|办公室|委员会|党委|中央|[厅局]|中心|学院|大学|医院"
_BEFORE_ABOUT = re.compile(rf"([一-龥\s、]{{2,60}}(?:{_BODIES}|省委|市委|州委|县委|区委|部|院|会|处))关于")
_NAMED_FIRST = re.compile(rf"((?:[一-龥]{{0,20}}?)(?:{_BODIES}))(?!长|级|机关)")
_PLACE = re.compile(r"(?:(?:19|20)\d\d\s?年度?)?([一-龥]{2,12}?(?:开发区|新区|自治[州县区]|[省市州县区盟旗]))")
_FINANCE = re.compile(r"(?=([省市州县区盟旗]财政(?:分局|局|厅)))")


def issuer_of(title: str, text: str = "") -> str:
    """Who issued the document: named by its title, else the finance office that its text names most often, else ''."""
    words = title.strip()
    for pattern in (_BEFORE_ABOUT, _NAMED_FIRST):
        if found := pattern.match(words):
            return " ".join(found[1].split())
    if place := _PLACE.match(words):
        office = re.search(re.escape(place[1]) + "财政(?:分局|局|厅)", text)
        return office[0] if office else place[1]
    offices: Counter[str] = Counter()
    for found in _FINANCE.finditer(text):
        run = re.search(r"[一-龥]{2,6}\Z", text[max(0, found.start() - 6) : found.start()])
        for length in range(2, len(run[0]) + 1 if run else 0):
            offices[f"{run[0][-length:] if run else ''}{found[1]}"] += 1
    # Words before a name vary, the name does not: the longest of the most frequent endings is the name.
    return max(offices, key=lambda o: (offices[o], len(o) if offices[o] > 1 else -len(o)), default="")


def year_of(title: str, text: str = "") -> int | None:
    """The year in the title, else that of the document's own number, else of the date it closes with; or None."""
    own = next(filter(None, map(number_alone, text[:600].splitlines())), "")
    dates = re.findall(r"(20\d\d|19\d\d)\s?年\s?\d{1,2}\s?月\s?\d{1,2}\s?日", text[-400:])
    years = re.findall(r"(?<!\d)(20\d\d|19\d\d)(?!\d)", title) or re.findall(r"〔(\d{4})〕", own) or dates[-1:]
    return int(years[0]) if years else None
