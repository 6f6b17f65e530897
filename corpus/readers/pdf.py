"""The text layer of a PDF as paragraphs with their pages; runs in :mod:`corpus.readers.apart`."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from statistics import median
from typing import Any

import pypdfium2 as pdfium

from corpus.errors import TooLarge, Unreadable
from corpus.readers import clean, glue, mark_of

MAX_PAGES = 3000
MAX_CHARACTERS = 5_000_000


def read(path: Path) -> tuple[str, list[tuple[str, int]]]:
    """The title that the file claims, and its paragraphs, each with its page.

    Raises Unreadable for a scan and for a file locked by a password, TooLarge for more pages or words than a document
    has.
    """
    name = path.name[-80:]
    blocks: list[tuple[str, int]] = []
    try:
        document = pdfium.PdfDocument(path)
    except pdfium.PdfiumError as error:
        if "password" in str(error).lower():
            raise Unreadable(f"“{name}”有打开密码，请去除密码后再导入。") from error
        raise
    if len(document) > MAX_PAGES:
        raise TooLarge(f"“{name}”超过 {MAX_PAGES} 页，请拆分后再导入。")
    hint = document.get_metadata_dict().get("Title", "")
    room = MAX_CHARACTERS
    for number in range(len(document)):
        lines, count = _pdf_lines(document[number], room)
        room -= count
        if room < 0:
            raise TooLarge(f"“{name}”超过 {MAX_CHARACTERS} 字，请拆分后再导入。")
        blocks += ((text, number + 1) for text in _paragraphs(lines))
    document.close()
    if not any(clean(text) for text, _ in blocks):
        raise Unreadable(f"“{name}”是扫描件或图片，没有可读的文字，需先做文字识别（OCR）再导入。")
    return hint, blocks


_Line = tuple[str, float, float, float]  # text, left edge, right edge, type size


def _pdf_lines(page: Any, room: int) -> tuple[list[_Line], int]:
    """The lines of a page with their place, without the page number at its head or foot; how many characters it has.

    Above ``room`` characters no lines are read.
    """
    textpage = page.get_textpage()
    lines: list[_Line] = []
    text, first, last = "", -1, -1
    count = textpage.count_chars()
    if count > room:
        return [], count
    for index in range(count + 1):
        code = pdfium.raw.FPDFText_GetUnicode(textpage, index) if index < count else 10
        if code in (10, 13):
            if text.strip():
                left, bottom, _, top = textpage.get_charbox(first, loose=True)
                lines.append((clean(text), left, textpage.get_charbox(last, loose=True)[2], top - bottom))
            text, first = "", -1
        elif 0xD800 <= code < 0xE000 or code == 0:
            continue
        else:
            text += chr(code)
            if not chr(code).isspace():
                first, last = (index if first < 0 else first), index
    textpage.close()
    page.close()
    number = re.compile(r"[-—–·\s]*\d{1,4}[-—–·\s]*|第\s*\d+\s*页.{0,12}")
    for place in (-1, 0):
        if lines and number.fullmatch(lines[place][0]):
            del lines[place]
    return [line for line in lines if line[0]], count


def _paragraphs(lines: list[_Line]) -> Iterator[str]:
    """Lines as paragraphs: a new one begins after a short line, at an indent, or where the type size changes."""
    if not lines:
        return
    margin, edge = min(line[1] for line in lines), max(line[2] for line in lines)
    size = median(line[3] for line in lines) or 1.0
    current, (_, _, right, height) = lines[0][0], lines[0]
    for text, left, next_right, next_height in lines[1:]:
        short = right < edge - 2.5 * size or left > margin + 1.5 * size
        if short or abs(next_height - height) > 0.2 * size or (mark_of(text) and current[-1] in "。；："):
            yield current
            current = text
        else:
            current = glue(current, text)
        right, height = next_right, next_height
    yield current
