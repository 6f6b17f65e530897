"""Documents of a person's computer (txt, markdown, html, docx, text pdf) as titled, ordered blocks of text."""

from __future__ import annotations

import hashlib
import re
import zipfile
from collections.abc import Callable, Iterator
from html.parser import HTMLParser
from io import BytesIO
from pathlib import Path
from typing import Any

from corpus.errors import TooLarge, Unreadable, ZhibiaoError
from corpus.readers import Block, RawDocument, apart, clean, joined

__all__ = ["Block", "RawDocument", "read_document"]

MAX_BYTES = 50 * 2**20
MAX_UNPACKED, MAX_RATIO, MAX_ENTRIES = 200 * 2**20, 200, 5000
_W = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
_FALLBACK = "{http://schemas.openxmlformats.org/markup-compatibility/2006}Fallback"
_PICTURES = (".svg", ".png", ".jpg", ".jpeg", ".gif", ".bmp", ".emf", ".wmf", ".tif", ".tiff")
_Read = tuple[str, list[Block]]


def read_document(path: Path) -> RawDocument:
    """Read a file by its suffix.

    Raises TooLarge over 50 MB (or when a docx unpacks to too much), and Unreadable for any other file that
    cannot be read as what its suffix claims; the message names the file and says what to do.
    """
    name, suffix = path.name[-80:], path.suffix.lower()
    if suffix in (".doc", ".wps"):
        raise Unreadable(f"“{name}”是旧版文档格式，请用 Word 或 WPS 另存为 docx 后再导入。")
    reader = _READERS.get(suffix)
    if reader is None:
        raise Unreadable(f"“{name}”的格式不在可读之列，请改用 {'、'.join(s[1:] for s in _READERS)} 文件。")
    try:
        if path.stat().st_size > MAX_BYTES:
            raise TooLarge(f"“{name}”超过 {MAX_BYTES >> 20} MB，请拆分或压缩图片后再导入。")
        data = path.read_bytes()
    except OSError as error:
        raise Unreadable(f"“{name}”打不开，请确认文件存在且有权读取。") from error
    if not data.strip():
        raise Unreadable(f"“{name}”是空文件，请检查后重新导入。")
    try:
        hint, blocks = reader(data, name, path)
    except ZhibiaoError:
        raise
    except Exception as error:  # parsers fail in many ways on hostile input; a person sees one
        raise Unreadable(f"“{name}”已损坏，或不是真正的 {suffix[1:]} 文件，请重新导出后再导入。") from error
    cleaned = (Block(clean(b.text), b.page, b.kind, b.level) for b in blocks)
    whole = joined(b for b in cleaned if b.text)
    if not whole:
        raise Unreadable(f"“{name}”里没有文字，请检查后重新导入。")
    return RawDocument(clean(hint), tuple(whole), path.name, hashlib.sha256(data).hexdigest())


def _decoded(data: bytes, name: str) -> str:
    """Text in any encoding that Chinese Windows writes; raises Unreadable for bytes that are no text."""
    encodings = ["utf-16"] if data[:2] in (b"\xff\xfe", b"\xfe\xff") else ["utf-8-sig", "gb18030"]
    for encoding in encodings:
        try:
            text = data.decode(encoding)
        except UnicodeDecodeError:
            continue
        control = sum(1 for c in text if c < " " and c not in "\t\n\r\f\v\x1a")
        if "\0" not in text and control * 200 <= len(text):
            return text
    raise Unreadable(f"“{name}”不是文本文件，或编码无法识别，请另存为 UTF-8 编码后再导入。")


def _read_text(data: bytes, name: str, _: Path) -> _Read:
    """Every line is a block; ``# `` opens a heading; form feeds count pages; ``|`` rows make a table."""
    pages = _decoded(data, name).split("\f")
    blocks: list[Block] = []
    rows: list[str] = []
    for number, page in enumerate(pages, 1):
        for line in [*page.splitlines(), ""]:
            text = line.strip()
            if len(text) > 2 and text[0] == text[-1] == "|":
                cells = [cell.strip() for cell in text[1:-1].split("|")]
                if not all(re.fullmatch(r":?-+:?", cell) for cell in cells):
                    rows.append("\t".join(cells))
                continue
            if rows:
                blocks.append(Block("\n".join(rows), number if len(pages) > 1 else None, "table"))
                rows = []
            heading = re.match(r"(#{1,6})\s+(?=\S)", text)
            kind, level = ("heading" if heading else "para"), (len(heading[1]) if heading else 0)
            text = text[heading.end() :] if heading else text
            blocks.append(Block(text, number if len(pages) > 1 else None, kind, level))  # type: ignore[arg-type]
    return "", blocks


class _Page(HTMLParser):
    """Collects the blocks of a page; layout tables dissolve into their paragraphs, data tables stay whole."""

    _INLINE = frozenset(
        (
            "a",
            "abbr",
            "b",
            "big",
            "em",
            "font",
            "i",
            "img",
            "mark",
            "o:p",
            "s",
            "small",
            "span",
            "strong",
            "sub",
            "sup",
            "u",
        )
    )
    _DROPPED = frozenset(("nav", "noscript", "template", "select", "button"))
    _DEPTH = 20

    def __init__(self) -> None:
        super().__init__()
        self.title = ""
        self.blocks: list[Block] = []
        self._words: list[str] = []
        self._level = 0
        self._quiet = ""  # the tag whose text is not the page's: title, script or style
        self._tables: list[list[list[list[Block]]]] = []  # open tables: rows, cells, blocks
        self._dropped: list[tuple[list[Block], int]] = []  # where an open <nav> began; cut off when it closes

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._quiet = tag if tag in ("title", "script", "style") else ""
        if tag not in self._INLINE and not (tag == "br" and self._level):
            self._flush()
        if re.fullmatch("h[1-6]", tag):
            self._level = int(tag[1])
        elif tag == "table" and len(self._tables) < self._DEPTH:
            self._tables.append([])
        elif tag == "tr" and self._tables:
            self._tables[-1].append([])
        elif tag in ("td", "th") and self._tables:
            self._tables[-1] = self._tables[-1] or [[]]
            self._tables[-1][-1].append([])
        elif tag in self._DROPPED:
            self._dropped.append((self._sink(), len(self._sink())))

    def handle_endtag(self, tag: str) -> None:
        self._quiet = ""
        if tag not in self._INLINE:
            self._flush()
        if tag == "table" and self._tables:
            self._close_table()
        elif tag in self._DROPPED and self._dropped:
            sink, start = self._dropped.pop()
            del sink[start:]

    def handle_data(self, data: str) -> None:
        if not self._quiet:
            self._words.append(data)
        elif self._quiet == "title" and not self.title:
            self.title = data

    def finish(self) -> None:
        self.close()
        self._flush()
        while self._tables:
            self._close_table()

    def _sink(self) -> list[Block]:
        """Where text goes now: the innermost open cell, or the page."""
        return next((rows[-1][-1] for rows in reversed(self._tables) if rows and rows[-1]), self.blocks)

    def _flush(self) -> None:
        text = _one_line("".join(self._words))
        self._words = []
        if text:
            self._sink().append(Block(text, None, "heading" if self._level else "para", self._level))
            self._level = 0  # whatever comes next, an unclosed heading ends here

    def _close_table(self) -> None:
        rows = [row for row in self._tables.pop() if any(row)]
        narrow = all(sum(map(bool, row)) == 1 for row in rows)
        if narrow or any(len(c) > 3 or any(b.kind != "para" for b in c) for row in rows for c in row):
            self._sink().extend(block for row in rows for cell in row for block in cell)
        else:
            lines = ("\t".join(" ".join(b.text for b in cell) for cell in row) for row in rows)
            self._sink().append(Block("\n".join(lines), None, "table"))


def _read_html(data: bytes, name: str, _: Path) -> _Read:
    """Headings, paragraphs and tables of a page, without scripts, styles and navigation."""
    page = _Page()
    page.feed(_plain_tags(_decoded(data, name)))
    page.finish()
    return page.title, page.blocks


def _one_line(text: str) -> str:
    """The words of a text in one line; where it was broken between two Han characters, without a blank."""
    lines = [" ".join(line.split()) for line in text.split("\n")]
    last = ""
    parts: list[str] = []
    for line in filter(None, lines):
        joint = "" if not last or (last > "\xff" and line[0] > "\xff") else " "
        parts += (joint, line)
        last = line[-1]
    return "".join(parts)


def _plain_tags(text: str) -> str:
    """The markup without comments and declarations, every ``<`` that opens no whole tag made text.

    html.parser takes time by the square of such marks, and stops with an AssertionError on some that Word writes.
    """
    first, *rest = text.split("<!--")
    parts = (part.partition("-->") for part in rest)
    shown = first + "".join(after if closed else words for words, closed, after in parts)
    return re.sub(r"<(?!/?[A-Za-z][^<>]{0,20000}>)", "&lt;", re.sub(r"<[!?][^<>]{0,20000}>", "", shown))


def _read_docx(data: bytes, name: str, _: Path) -> _Read:
    """Paragraphs and tables in document order; soft line breaks end a block; tracked deletions are left out."""
    import docx  # noqa: PLC0415 - it takes a moment to load, and most calls of the command line read no document

    _check_zip(data, name)
    document = docx.Document(BytesIO(data))
    levels = {style.style_id: _style_level(style) for style in document.styles}
    return document.core_properties.title or "", list(_docx_blocks(document.element.body, levels))


def _check_zip(data: bytes, name: str) -> None:
    """Refuse archives that unpack to too much, and XML that declares entities."""
    with zipfile.ZipFile(BytesIO(data)) as archive:
        entries = archive.infolist()
        total = sum(entry.file_size for entry in entries)
        if len(entries) > MAX_ENTRIES or total > MAX_UNPACKED or total > MAX_RATIO * len(data):
            raise TooLarge(f"“{name}”解压后过大，不予读取，请删去图片等附带内容后另存为 docx 再导入。")
        for entry in entries:
            if not entry.filename.lower().endswith(_PICTURES):  # a part may be read by any name
                xml = archive.read(entry).replace(b"\0", b"")  # UTF-16 hides nothing either
                if b"<!DOCTYPE" in xml or b"<!ENTITY" in xml:
                    raise Unreadable(f"“{name}”含有不安全的 XML 声明，不予读取，请另存为 docx 再导入。")


def _style_level(style: Any) -> int:
    """The heading level that a style gives, through the styles it is based on; 0 for body text."""
    for _ in range(10):
        found = re.fullmatch(r"(?:heading|标题)\s*([1-6])", (style.name or "").lower())
        if found or (style.name or "").lower() in ("title", "标题"):
            return int(found[1]) if found else 1
        style = getattr(style, "base_style", None)
        if style is None:
            break
    return 0


def _docx_blocks(parent: Any, levels: dict[str, int]) -> Iterator[Block]:
    for element in parent:
        if element.tag == f"{_W}p":
            style = element.find(f"{_W}pPr/{_W}pStyle")
            level = levels.get(style.get(f"{_W}val"), 0) if style is not None else 0
            text = "".join(_docx_words(element))
            for line in [" ".join(text.split())] if level else text.split("\n"):
                yield Block(line, None, "heading" if level else "para", level)
        elif element.tag == f"{_W}tbl":
            cells = "./w:tc | ./w:sdt/w:sdtContent/w:tc"
            rows = (row.xpath(cells) for row in element.xpath("./w:tr | ./w:sdt/w:sdtContent/w:tr"))
            lines = ("\t".join(" ".join("".join(_docx_words(c)).split()) for c in row) for row in rows)
            yield Block("\n".join(line for line in lines if line.strip()), None, "table")
        elif element.tag in (f"{_W}sdt", f"{_W}sdtContent", f"{_W}customXml", f"{_W}ins", f"{_W}moveTo"):
            yield from _docx_blocks(element, levels)


def _docx_words(element: Any) -> Iterator[str]:
    """The words below an element, with those in content controls, smart tags and text boxes."""
    for child in element:
        if child.tag == f"{_W}t":
            yield child.text or ""
        elif child.tag == f"{_W}tab":
            yield " "
        elif child.tag == f"{_W}noBreakHyphen":
            yield "-"
        elif child.tag in (f"{_W}br", f"{_W}cr"):
            yield "\n"
        elif child.tag not in (_FALLBACK, f"{_W}pPr", f"{_W}del", f"{_W}moveFrom"):
            yield from _docx_words(child)
            if child.tag == f"{_W}p":
                yield "\n"


def _read_pdf(_: bytes, name: str, path: Path) -> _Read:
    """The text layer, page by page; see :mod:`corpus.readers.pdf`."""
    hint, blocks = apart.read("pdf", path)
    return hint, [Block(text, page) for text, page in blocks]


_READERS: dict[str, Callable[[bytes, str, Path], _Read]] = {
    ".txt": _read_text,
    ".md": _read_text,
    ".html": _read_html,
    ".htm": _read_html,
    ".docx": _read_docx,
    ".pdf": _read_pdf,
}
