"""xlsx, xls and ods workbooks as lists of texts; runs in :mod:`corpus.readers.apart`."""

from __future__ import annotations

from pathlib import Path

from python_calamine import CalamineError, CalamineWorkbook

from corpus.errors import TooLarge, Unreadable


def read(path: Path, area: int) -> list[tuple[str, list[list[str]]]]:
    """Every sheet by name, as its lines of cells. Raises Unreadable, and TooLarge above ``area`` cells in all."""
    found: list[tuple[str, list[list[str]]]] = []
    try:
        workbook = CalamineWorkbook.from_path(path)
        for name in workbook.sheet_names:
            sheet = workbook.get_sheet_by_name(name)
            # Two cells at opposite corners make a sheet of billions, as the formats count.
            area -= (sheet.total_height + 1) * (sheet.total_width + 1)
            if area < 0:
                message = f"文件“{path.name}”的工作表“{name}”范围过大，请删去数据以外的空行空列再导入。"
                raise TooLarge(message, field="file")
            found.append((name, [[_cell(value) for value in line] for line in sheet.to_python(skip_empty_area=False)]))
    except (CalamineError, NotImplementedError, ValueError) as error:
        message = f"文件“{path.name}”打不开或已损坏，请用表格软件重新保存为 xlsx。"
        raise Unreadable(message, field="file") from error
    return found


def _cell(value: object) -> str:
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value).strip()
