"""xlsx, xls, ods and csv/tsv tables as rows that remember where they stood."""

from __future__ import annotations

import csv
import io
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from corpus.errors import TooLarge, Unreadable
from corpus.readers import apart

SUFFIXES = (".csv", ".tsv", ".xlsx", ".xls", ".ods")
MAX_BYTES = 50 * 1024 * 1024
MAX_UNPACKED, MAX_RATIO, MAX_ENTRIES = 400 * 1024 * 1024, 200, 2000
MAX_ROWS = 200_000
# Cells of all sheets together, the empty ones within their bounds too.
MAX_AREA = 5_000_000
MAX_CELL = 10_000


@dataclass(frozen=True, slots=True)
class Row:
    """One data row: its cells by header, and where it stands (``line`` counts from 1, the header included)."""

    sheet: str
    line: int
    cells: dict[str, str]

    @property
    def place(self) -> str:
        """Where the row stands, in words."""
        return f"工作表“{self.sheet}”第 {self.line} 行" if self.sheet else f"第 {self.line} 行"


def read_table(path: Path) -> list[Row]:
    """Every non-empty row of every sheet below its header row.

    Raises Unreadable or TooLarge, naming the file.
    """
    if path.stat().st_size > MAX_BYTES:
        raise TooLarge(f"文件“{path.name}”超过 50 MB，请拆分后再导入。", field="file")
    suffix = path.suffix.lower()
    if suffix in (".csv", ".tsv"):
        sheets = iter([("", _delimited(path, "\t" if suffix == ".tsv" else ","))])
    elif suffix in SUFFIXES:
        sheets = iter(_workbook(path))
    else:
        raise Unreadable(f"文件“{path.name}”不是表格，请使用 {'、'.join(SUFFIXES)} 格式。", field="file")
    rows: list[Row] = []
    for sheet, lines in sheets:
        rows.extend(_rows(path, sheet, lines))
        if len(rows) > MAX_ROWS:
            raise TooLarge(f"文件“{path.name}”超过 {MAX_ROWS} 行，请拆分后再导入。", field="file")
    if not rows:
        raise Unreadable(f"文件“{path.name}”里没有数据行，请检查表头下面是否有内容。", field="file")
    return rows


def _rows(path: Path, sheet: str, lines: list[list[str]]) -> Iterator[Row]:
    numbered = [(n, line) for n, line in enumerate(lines, 1) if any(cell for cell in line)]
    if not numbered:
        return
    # Titles above the header are one merged cell; the header is the first line with several.
    start = next((k for k, (_, line) in enumerate(numbered) if sum(map(bool, line)) > 1), 0)
    header = numbered[start][1]
    for n, line in numbered[start:]:
        for cell in line:
            if len(cell) > MAX_CELL:
                place = f"工作表“{sheet}”" if sheet else "文件"
                raise TooLarge(f"“{path.name}”{place}第 {n} 行有超过 {MAX_CELL} 字的单元格，请删减。", field="file")
    for n, line in numbered[start + 1 :]:
        yield Row(sheet, n, {name: cell for name, cell in zip(header, line, strict=False) if name})


def _delimited(path: Path, delimiter: str) -> list[list[str]]:
    data = path.read_bytes()
    for encoding in ("utf-8-sig", "gb18030"):
        try:
            text = data.decode(encoding)
            break
        except UnicodeDecodeError:
            continue
    else:
        raise Unreadable(f"文件“{path.name}”的编码无法识别，请另存为 UTF-8 编码的 CSV。", field="file")
    if text.count(delimiter) + text.count("\n") > MAX_AREA:
        raise TooLarge(f"文件“{path.name}”超过 {MAX_AREA} 个单元格，请拆分后再导入。", field="file")
    if "\0" in text:
        raise Unreadable(f"文件“{path.name}”不是文本表格，请另存为 CSV 或 xlsx。", field="file")
    quoting = csv.QUOTE_NONE if delimiter == "\t" else csv.QUOTE_MINIMAL
    try:
        reader = csv.reader(io.StringIO(text), delimiter=delimiter, quoting=quoting)  # type: ignore[arg-type]
        return [[cell.strip() for cell in line] for line in reader]
    except csv.Error as error:
        raise Unreadable(f"文件“{path.name}”不是有效的 CSV（{error}），请另存为 xlsx 再试。", field="file") from error


def _workbook(path: Path) -> list[tuple[str, list[list[str]]]]:
    broken = f"文件“{path.name}”打不开或已损坏，请用表格软件重新保存为 xlsx。"
    try:
        if zipfile.is_zipfile(path):
            with zipfile.ZipFile(path) as archive:
                entries = archive.infolist()
                total = sum(entry.file_size for entry in entries)
                if len(entries) > MAX_ENTRIES or total > min(MAX_UNPACKED, MAX_RATIO * path.stat().st_size):
                    raise TooLarge(f"文件“{path.name}”解压后过大，请拆分后再导入。", field="file")
        found = apart.read("workbook", path, MAX_AREA)
    except (apart.Broken, zipfile.BadZipFile, NotImplementedError, ValueError) as error:
        raise Unreadable(broken, field="file") from error
    return [(name, lines) for name, lines in found]
