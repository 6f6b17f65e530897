"""文号: the numbers and the 《titles》 by which documents cite each other.

Every scan is linear in the text: hostile input costs time in proportion to its length.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from corpus.readers import Block


@dataclass(frozen=True, slots=True)
class Mention:
    """A document number in a text.

    ``number`` is canonical (``普财绩〔2022〕11号``); ``title`` is the 《…》 right before it, without the outer marks,
    or ''; ``text[start:end]`` is the number as printed (``普财绩〔2023〕6、10号`` gives two mentions of one place).
    """

    number: str
    title: str
    start: int
    end: int


MAX_TITLE = 150
_PREFIX = 10
_DIGITS = str.maketrans("０１２３４５６７８９", "0123456789")
_BODY = re.compile(
    r"\s{0,4}[〔\[［【（(]\s{0,4}(?P<year>(?:19|20)[0-9]{2})\s{0,4}[〕\]］】）)]\s{0,4}(?:第\s{0,4})?"
    r"(?P<serials>[0-9]{1,5}+(?:(?:\s{0,4}号)?\s{0,4}[、,，和及]\s{0,4}[0-9]{1,5}+){0,20})\s{0,4}号"
)
_ASKED = re.compile(
    r"(?P<order>[一-鿿]{2,12}令)\s?第?\s?(?P<act>[0-9]{1,4})\s?号?"
    r"|(?P<prefix>[一-鿿]{2,8})?\s?(?:[〔\[［【（(]\s?)?(?P<year>(?:19|20)[0-9]{2})(?:\s?[〕\]］】）)]\s?|年|\s|-)第?\s?"
    r"(?P<serial>[0-9]{1,4})\s?号?"
)
_SERIAL = re.compile(r"[0-9]{1,5}")
_RUN = re.compile(r"[一-鿿㐀-䶿〇]{1,30}\Z")
_OPENING = "（(〔[［【"
# Words that lead to a number but never stand inside an issuing code. A place name may follow a verb (根据和政发),
# but after a noun, or where a run of Han begins, 和 is "and".
_LEAD_IN = re.compile(
    "(?P<verb>根据|按照|依据|依照|遵照|参照|对照|比照|印发|下发|制发|转发|发布|公布|出台|制定|执行|落实|贯彻|结合|符合|包括|参考|"
    "参见|详见|下达|收到|上报|报送|修订|废止|修改|属于|适用|关于|有关|以及|同时|分别|原为|替代)|"
    "通知|意见|办法|方案|细则|规程|文件|文号|发文|规定|要求|精神|财政部|财政厅|财政局|人民政府|国务院|办公厅|办公室|委员会|"
    "[见与及按的或是即如以由对在为把向因号了被等据和依从将并]"
)
_PLACES = "和依从将并"  # 和政, 依兰, 从江, 将乐, 并 (Taiyuan) begin codes of their own
# Beginnings that are trusted when the words before a number run on without a known lead-in.
_HEADS = re.compile("国|中[发办]|财|[京津沪渝冀豫云辽黑湘皖鲁新苏浙赣鄂桂甘晋蒙陕吉闽贵粤青藏川宁琼][财政办发府]")
_TOKEN = re.compile("[《》。]")
_INNER = re.compile(r"〈([^〈〉]{2,150})〉|<([^<>]{2,150})>|＜([^＜＞]{2,150})＞")
_HAN = re.compile(r"[一-鿿]")
_LABEL = re.compile(r"(?:发文字号|文件编号|文件号|文号)[:：]?|签发人[:：]?[一-鿿\s、]{0,12}")


def find_numbers(text: str) -> list[Mention]:
    """All document numbers of a text in their order; never raises."""
    plain = text.translate(_DIGITS)
    titles = {end: title for _, end, title in _spans(text)}
    mentions: list[Mention] = []
    for body in _BODY.finditer(plain):
        start = body.start()
        prefix = _prefix(plain, start)
        if prefix:
            first = start - len(prefix)
            title = _title_before(text, first, titles)
        else:
            prefix, title, first = _inherited(plain, mentions, start), "", body.start("year") - 1
            if not prefix:
                continue
        for serial in _SERIAL.findall(body["serials"]):
            number = f"{prefix}〔{body['year']}〕{int(serial)}号"
            mentions.append(Mention(number, title, first, body.end()))
    return mentions


def keys(number: str) -> list[str]:
    """What a canonical number is found by: itself and its part without the issuing code, ``〔2021〕101号``."""
    return asked(number) if _ASKED.fullmatch(number) else []


def asked(text: str) -> list[str]:
    """The keys, the fullest first, of the first number in what a reader typed, however it is written; or nothing.

    ``财预2021 101``, ``财预[2021]101号`` and ``2021年第101号`` are read; a year and a figure without any sign between
    them that they are a number (号, a bracket, a blank, an issuing code before them) are not.
    """
    found = _ASKED.search(text.translate(_DIGITS))
    if not found:
        return []
    if found["order"]:
        return [f"{found['order']}第{int(found['act'])}号", f"令第{int(found['act'])}号"]
    short = f"〔{found['year']}〕{int(found['serial'])}号"
    return [found["prefix"] + short, short] if found["prefix"] else [short]


def without(text: str) -> str:
    """``text`` without the number that :func:`asked` reads in it."""
    return _ASKED.sub(" ", text.translate(_DIGITS), count=1)


def find_titles(text: str) -> list[str]:
    """The distinct 《…》 titles of a text in their order, an outer one before those inside it."""
    found: dict[str, None] = {}
    reach = -1
    for start, end, title in sorted(_spans(text), key=lambda span: (span[0], -span[1])):
        found[title] = None
        if start >= reach:  # an outermost title: look once for those quoted inside it by other marks
            reach = end
            for inner in _INNER.finditer(title):
                words = next(filter(None, inner.groups()))
                if _HAN.search(words):
                    found[_tidy(words)] = None
    return list(found)


def number_alone(text: str) -> str:
    """The number that a line consists of (a label or brackets aside), or ''."""
    if len(text) > 80:
        return ""
    mentions = find_numbers(text)
    if len(mentions) != 1:
        return ""
    rest = text[: mentions[0].start] + text[mentions[0].end :]
    rest = _LABEL.sub("", rest).strip(" \t\u3000（）()〔〕[]【】:：★*")
    return "" if rest else mentions[0].number


def own_number(blocks: Sequence[Block]) -> str:
    """The document's own number, when it stands alone on a line among the first twelve blocks; else ''."""
    return next(filter(None, (number_alone(b.text) for b in blocks[:12] if b.kind != "table")), "")


def _prefix(text: str, end: int) -> str:
    """The issuing code that ends at ``end``: the Han characters there, less the running words before it."""
    run = _RUN.search(text[max(0, end - 30) : end])
    if run is None:
        return ""
    words = run[0]
    before = text[end - len(words) - 1] if end > len(words) else "\n"
    if before.isdecimal():
        words = words.lstrip("年月日号")
    free = before in _OPENING or before == "\n"  # nothing stands before the next word that 和 could join it to
    cut = 0
    for lead in _LEAD_IN.finditer(words):
        if not (free and lead.start() == cut and lead[0] in _PLACES):
            cut, free = lead.end(), bool(lead["verb"])
    words = words[cut:]
    if len(words) > _PREFIX:
        head = _HEADS.search(words[-6:])
        words = words[-6:][head.start() :] if head else ""
    return words if len(words) >= 2 else ""


def _inherited(text: str, mentions: list[Mention], start: int) -> str:
    """The code of the number just before, as in 普财绩〔2022〕11号、〔2023〕9号; or ''."""
    if not mentions or text[mentions[-1].end : start].strip() not in ("、", "，", "和", "及"):
        return ""
    return mentions[-1].number.partition("〔")[0]


def _title_before(text: str, start: int, titles: dict[int, str]) -> str:
    """The title that ends right before ``start``, an opening bracket and blanks aside."""
    before = text[max(0, start - 8) : start].rstrip()
    if before[-1:] and before[-1] in _OPENING:
        before = before[:-1].rstrip()
    if not before.endswith("》"):
        return ""
    end = max(0, start - 8) + len(before)
    if end in titles:
        return titles[end]
    # The opening mark is missing in print: the title is what stands there since the last stop.
    words = re.split("[、，。；：《》\n]", text[max(0, end - 1 - MAX_TITLE) : end - 1])[-1]
    return _tidy(words) if len(words) >= 4 else ""


def _spans(text: str) -> Iterator[tuple[int, int, str]]:
    """(start, end, title) of every closed 《…》 in order of its end; a full stop closes none."""
    opened: list[int] = []
    for token in _TOKEN.finditer(text):
        if token[0] == "《":
            opened.append(token.start())
        elif token[0] == "。":
            opened.clear()
        elif opened:
            start = opened.pop()
            words = text[start + 1 : token.start()] if token.start() - start <= MAX_TITLE else ""
            if words.strip():
                yield start, token.end(), _tidy(words)


def _tidy(words: str) -> str:
    return " ".join(words.split())
