"""Tables as departments send them, and as they arrive when something went wrong on the way."""

from __future__ import annotations

import random
from datetime import date
from pathlib import Path

import pytest
import xlsxwriter

from corpus.errors import TooLarge, Unreadable, ZhibiaoError
from corpus.readers import tables as room
from corpus.readers.tables import Row, read_table

HEADER = ["指标名称", "计量单位", "指标值"]


def write(folder: Path, name: str, content: str | bytes) -> Path:
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def workbook(path: Path, sheets: dict[str, dict[int, list[object]]]) -> Path:
    """A workbook: by sheet, the cells of each line (counted from 1)."""
    with xlsxwriter.Workbook(path, {"default_date_format": "yyyy-mm-dd"}) as book:
        for name, lines in sheets.items():
            sheet = book.add_worksheet(name)
            for line, cells in lines.items():
                sheet.write_row(line - 1, 0, cells)
    return path


def refusal(path: Path) -> tuple[type[ZhibiaoError], str]:
    with pytest.raises(ZhibiaoError) as caught:
        read_table(path)
    assert caught.value.field == "file"
    return type(caught.value), caught.value.message


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030"])
@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_csv_in_every_encoding_of_chinese_windows(tmp_path: Path, encoding: str, newline: str) -> None:
    text = newline.join(["指标名称,计量单位,指标值", ' 新建"园"所数 ,所,"1,200"', "", '"两行\n名称",个,007', ""])
    assert read_table(write(tmp_path, "表.csv", text.encode(encoding))) == [
        Row("", 2, {"指标名称": '新建"园"所数', "计量单位": "所", "指标值": "1,200"}),
        Row("", 4, {"指标名称": "两行\n名称", "计量单位": "个", "指标值": "007"}),
    ]


def test_tsv_takes_quotes_as_they_are(tmp_path: Path) -> None:
    path = write(tmp_path, "表.TSV", '指标名称\t计量单位\n"一\t个\n二"二\t项\n')
    assert read_table(path) == [
        Row("", 2, {"指标名称": '"一', "计量单位": "个"}),
        Row("", 3, {"指标名称": '二"二', "计量单位": "项"}),
    ]


def test_xlsx_sheets_titles_gaps_and_numbers_as_text(tmp_path: Path) -> None:
    path = workbook(
        tmp_path / "表.xlsx",
        {
            "产出": {
                2: ["2026年度绩效指标表"],
                4: HEADER,
                5: ["甲", "所", 12],
                6: [" 乙 ", "%", 99.5],
                8: ["丙", "元", "012"],
                9: ["丁", "个", -3.0],
            },
            "空表": {},
            "说明": {1: ["只有一句话"]},
            "时效": {1: HEADER, 2: ["戊", "", date(2026, 12, 31)]},
        },
    )
    assert read_table(path) == [
        Row("产出", 5, {"指标名称": "甲", "计量单位": "所", "指标值": "12"}),
        Row("产出", 6, {"指标名称": "乙", "计量单位": "%", "指标值": "99.5"}),
        Row("产出", 8, {"指标名称": "丙", "计量单位": "元", "指标值": "012"}),
        Row("产出", 9, {"指标名称": "丁", "计量单位": "个", "指标值": "-3"}),
        Row("时效", 2, {"指标名称": "戊", "计量单位": "", "指标值": "2026-12-31"}),
    ]


def test_places_in_words() -> None:
    assert [Row("", 7, {}).place, Row("表一", 7, {}).place] == ["第 7 行", "工作表“表一”第 7 行"]


def test_columns_without_a_header_and_short_lines(tmp_path: Path) -> None:
    path = write(tmp_path, "表.csv", "指标名称,,指标值\n甲,无名,5,多余\n乙\n")
    assert read_table(path) == [Row("", 2, {"指标名称": "甲", "指标值": "5"}), Row("", 3, {"指标名称": "乙"})]


@pytest.mark.parametrize(
    ("name", "content"),
    [("空.csv", b""), ("空.csv", b"\xef\xbb\xbf"), ("空.tsv", b"\n\n"), ("头.csv", "指标名称,指标值\n,\n".encode())],
)
def test_a_table_without_rows_is_refused(tmp_path: Path, name: str, content: bytes) -> None:
    path = write(tmp_path, name, content)
    assert refusal(path) == (Unreadable, f"文件“{name}”里没有数据行，请检查表头下面是否有内容。")


def test_a_workbook_without_rows_is_refused(tmp_path: Path) -> None:
    path = workbook(tmp_path / "空.xlsx", {"一": {}, "二": {1: HEADER}})
    assert refusal(path) == (Unreadable, "文件“空.xlsx”里没有数据行，请检查表头下面是否有内容。")


def test_a_binary_csv_is_refused(tmp_path: Path) -> None:
    zeros = write(tmp_path, "零.csv", b"a,b\n\0\0,1\n")
    noise = write(tmp_path, "乱.csv", b"a,b\n\xff\xff\xff\x80\n")
    assert [refusal(zeros), refusal(noise)] == [
        (Unreadable, "文件“零.csv”不是文本表格，请另存为 CSV 或 xlsx。"),
        (Unreadable, "文件“乱.csv”的编码无法识别，请另存为 UTF-8 编码的 CSV。"),
    ]


def test_a_csv_that_never_closes_its_quote_is_refused(tmp_path: Path) -> None:
    path = write(tmp_path, "引.csv", 'a,b\n"' + "x" * 140_000)
    assert refusal(path) == (
        Unreadable,
        "文件“引.csv”不是有效的 CSV（field larger than field limit (131072)），请另存为 xlsx 再试。",
    )


@pytest.mark.parametrize("name", ["表.docx", "表", "表.xlsx.exe"])
def test_what_is_no_table_is_refused(tmp_path: Path, name: str) -> None:
    message = f"文件“{name}”不是表格，请使用 .csv、.tsv、.xlsx、.xls、.ods 格式。"
    assert refusal(write(tmp_path, name, "a,b\n1,2\n")) == (Unreadable, message)


@pytest.mark.parametrize("name", ["坏.xlsx", "坏.xls", "坏.ods"])
@pytest.mark.parametrize(
    "content", [b"", b"not a workbook", b"PK\x03\x04 torn", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1 torn"]
)
def test_a_workbook_that_is_none_is_refused(tmp_path: Path, name: str, content: bytes) -> None:
    message = f"文件“{name}”打不开或已损坏，请用表格软件重新保存为 xlsx。"
    assert refusal(write(tmp_path, name, content)) == (Unreadable, message)


def test_a_damaged_workbook_is_read_or_refused_and_nothing_else(tmp_path: Path) -> None:
    """A directory of the archive that is torn makes zipfile raise three kinds of errors of its own."""
    sound = workbook(tmp_path / "好.xlsx", {"一": {1: HEADER, 2: ["甲", "所", 1]}}).read_bytes()
    chance = random.Random(7)  # noqa: S311
    torn = []
    for n in range(60):
        data = bytearray(sound)
        if n % 3 == 0:
            del data[chance.randrange(len(data)) :]
        for _ in range(n % 3 * 5):
            data[chance.randrange(len(data) // 2 * (n % 2), len(data))] = chance.randrange(256)
        path = write(tmp_path, "坏.xlsx", bytes(data))
        try:
            read_table(path)
        except (Unreadable, TooLarge) as error:
            torn.append(error.message)
    assert len(torn) > 30
    assert set(torn) <= {
        "文件“坏.xlsx”打不开或已损坏，请用表格软件重新保存为 xlsx。",
        "文件“坏.xlsx”解压后过大，请拆分后再导入。",
        "文件“坏.xlsx”里没有数据行，请检查表头下面是否有内容。",
    }


def test_a_cell_that_is_too_long_is_named(tmp_path: Path) -> None:
    text = write(tmp_path, "长.csv", f"指标名称,指标值\n甲,1\n{'长' * 10_001},2\n")
    book = workbook(tmp_path / "长.xlsx", {"表一": {1: HEADER, 3: ["长" * 10_001, "所", 1]}})
    assert [refusal(text), refusal(book)] == [
        (TooLarge, "“长.csv”文件第 3 行有超过 10000 字的单元格，请删减。"),
        (TooLarge, "“长.xlsx”工作表“表一”第 3 行有超过 10000 字的单元格，请删减。"),
    ]
    assert len(read_table(write(tmp_path, "好.csv", f"指标名称,指标值\n{'长' * 10_000},2\n"))) == 1


def test_too_many_rows_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room, "MAX_ROWS", 100)
    just = write(tmp_path, "够.csv", "a,b\n" + "1,2\n" * 100)
    more = write(tmp_path, "多.csv", "a,b\n" + "1,2\n" * 101)
    assert len(read_table(just)) == 100
    assert refusal(more) == (TooLarge, "文件“多.csv”超过 100 行，请拆分后再导入。")


def test_a_file_or_an_unpacked_file_above_the_limit_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = workbook(tmp_path / "大.xlsx", {"一": {1: HEADER, 2: ["甲", "所", 1]}})
    monkeypatch.setattr(room, "MAX_UNPACKED", path.stat().st_size)
    unpacked = refusal(path)
    monkeypatch.setattr(room, "MAX_BYTES", path.stat().st_size - 1)
    assert [unpacked, refusal(path)] == [
        (TooLarge, "文件“大.xlsx”解压后过大，请拆分后再导入。"),
        (TooLarge, "文件“大.xlsx”超过 50 MB，请拆分后再导入。"),
    ]
