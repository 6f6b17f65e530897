"""Files that were made to harm: none ends the process, none takes long, none reads another file."""

from __future__ import annotations

import time
import zipfile
import zlib
from pathlib import Path

import docx
import pytest
import xlsxwriter

from corpus.errors import TooLarge, Unreadable, ZhibiaoError
from corpus.readers import apart, pdf
from corpus.readers.documents import read_document
from corpus.readers.tables import MAX_AREA, MAX_CELL, MAX_ENTRIES, Row, read_table
from corpus.rows import Problem, read_row

LAUGHS = "<!DOCTYPE l [<!ENTITY a 'ha'>" + "".join(
    f"<!ENTITY {b} '{f'&{a};' * 10}'>" for a, b in zip("abcdefgh", "bcdefghi", strict=True)
) + "]>"  # fmt: skip
ODS = "application/vnd.oasis.opendocument.spreadsheet"
OFFICE = (
    '<office:document-content xmlns:office="urn:oasis:names:tc:opendocument:xmlns:office:1.0" '
    'xmlns:table="urn:oasis:names:tc:opendocument:xmlns:table:1.0" xmlns:text="urn:oasis:names:tc:opendocument:xmlns:'
    'text:1.0"><office:body><office:spreadsheet><table:table table:name="一">{}</table:table></office:spreadsheet>'
    "</office:body></office:document-content>"
)


def workbook(path: Path, cells: dict[tuple[int, int], object]) -> Path:
    with xlsxwriter.Workbook(path) as book:
        sheet = book.add_worksheet("表一")
        for (line, column), value in cells.items():
            sheet.write(line, column, value)
    return path


def archive(path: Path, members: dict[str, str | bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as made:
        for name, data in members.items():
            made.writestr(name, data)
    return path


def repacked(old: Path, new: Path, changes: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(old) as source:
        return archive(new, {name: source.read(name) for name in source.namelist()} | changes)


def refusal(path: Path) -> tuple[type[ZhibiaoError], str]:
    with pytest.raises(ZhibiaoError) as caught:
        (read_document if path.suffix in (".docx", ".pdf", ".html", ".txt") else read_table)(path)
    return type(caught.value), caught.value.message


# Workbooks


@pytest.mark.parametrize(
    ("corner", "kind", "words"),
    [
        ((99_999, 99), TooLarge, "“表一”范围过大，请删去数据以外的空行空列再导入。"),  # ten million cells
        ((1_048_575, 16_383), Unreadable, "打不开或已损坏，请用表格软件重新保存为 xlsx。"),  # 17 billion
    ],
)
def test_two_cells_far_apart_are_no_billions(
    tmp_path: Path, corner: tuple[int, int], kind: type[ZhibiaoError], words: str
) -> None:
    path = workbook(tmp_path / "角.xlsx", {(0, 0): "甲", (0, 1): "乙", corner: "丙"})
    assert path.stat().st_size < 10_000
    found, message = refusal(path)
    assert (found, message.endswith(words)) == (kind, True)


def test_repeated_cells_of_an_ods_are_no_billions(tmp_path: Path) -> None:
    cell = '<table:table-cell office:value-type="string" table:number-columns-repeated="{}"><text:p>甲</text:p></table:table-cell>'
    row = '<table:table-row table:number-rows-repeated="{}">{}</table:table-row>'

    def ods(name: str, rows: int, columns: int) -> Path:
        content = OFFICE.format(row.format(1, cell.format(2)) + row.format(rows, cell.format(columns)))
        manifest = (
            '<manifest:manifest xmlns:manifest="urn:oasis:names:tc:opendocument:xmlns:manifest:1.0">'
            f'<manifest:file-entry manifest:full-path="/" manifest:media-type="{ODS}"/></manifest:manifest>'
        )
        return archive(tmp_path / name, {"mimetype": ODS, "content.xml": content, "META-INF/manifest.xml": manifest})

    assert read_table(ods("好.ods", 2, 2)) == [Row("一", 2, {"甲": "甲"}), Row("一", 3, {"甲": "甲"})]
    assert refusal(ods("大.ods", 1_048_576, 16_384))[0] in (Unreadable, TooLarge)


def test_a_workbook_that_unpacks_to_much_more_is_refused(tmp_path: Path) -> None:
    good = workbook(tmp_path / "好.xlsx", {(0, 0): "甲", (0, 1): "乙", (1, 0): 1})
    bomb = repacked(good, tmp_path / "弹.xlsx", {"xl/media/a.bin": b" " * 60_000_000})
    many = repacked(good, tmp_path / "多.xlsx", {f"x/{n}": b"" for n in range(MAX_ENTRIES)})
    assert [refusal(bomb), refusal(many)] == [
        (TooLarge, "文件“弹.xlsx”解压后过大，请拆分后再导入。"),
        (TooLarge, "文件“多.xlsx”解压后过大，请拆分后再导入。"),
    ]


def test_members_named_to_climb_out_are_not_written_anywhere(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    good = workbook(tmp_path / "in" / "好.xlsx", {(0, 0): "甲", (0, 1): "乙", (1, 0): 1})
    evil = repacked(good, tmp_path / "in" / "爬.xlsx", {"../../climbed.txt": b"x", "/tmp/climbed-zhibiao": b"x"})  # noqa: S108
    assert read_table(evil) == [Row("表一", 2, {"甲": "1", "乙": ""})]
    assert sorted(p.name for p in tmp_path.rglob("*")) == ["in", "好.xlsx", "爬.xlsx"]
    assert not Path("/tmp/climbed-zhibiao").exists()  # noqa: S108


@pytest.mark.parametrize("head", [LAUGHS, "<!DOCTYPE l [<!ENTITY i SYSTEM 'file:///etc/hostname'>]>"])
def test_entities_of_a_workbook_are_not_expanded(tmp_path: Path, head: str) -> None:
    good = workbook(tmp_path / "好.xlsx", {(0, 0): "甲", (0, 1): "乙", (1, 0): "丙"})
    with zipfile.ZipFile(good) as source:
        strings = source.read("xl/sharedStrings.xml").decode()
    hostile = strings.replace("<sst", f"{head}<sst", 1).replace("丙", "丙&i;")
    path = repacked(good, tmp_path / "实.xlsx", {"xl/sharedStrings.xml": hostile.encode()})
    try:
        cells = [row.cells["甲"] for row in read_table(path)]
    except Unreadable:
        return
    assert cells in (["丙"], ["丙&i;"])


def test_cells_above_the_limit_are_named_in_the_header_too(tmp_path: Path) -> None:
    path = workbook(tmp_path / "长.xlsx", {(0, 0): "甲", (0, 1): "(" * 32_767, (1, 0): 1})
    assert refusal(path) == (
        TooLarge, f"“长.xlsx”工作表“表一”第 1 行有超过 {MAX_CELL} 字的单元格，请删减。"
    )  # fmt: skip


def test_a_csv_of_nothing_but_commas_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "逗.csv"
    path.write_bytes(b"a,b\n" + b"," * (MAX_AREA + 1))
    assert refusal(path) == (TooLarge, f"文件“逗.csv”超过 {MAX_AREA} 个单元格，请拆分后再导入。")


@pytest.mark.parametrize("encoding", ["utf-16", "utf-32", "utf-16-le", "utf-7", "shift_jis", "cp037"])
def test_a_csv_in_an_odd_encoding_is_refused_or_read_as_text(tmp_path: Path, encoding: str) -> None:
    path = tmp_path / "码.csv"
    path.write_bytes("a,b\n1,2\n".encode(encoding))
    try:
        found = read_table(path)
    except (Unreadable, TooLarge):
        return
    assert found == [Row("", 2, {"a": "1", "b": "2"})]


def test_marks_that_turn_or_hide_text_are_taken_out_of_rows() -> None:
    cells = {
        "name": "\u202e新建\u2066幼\u200b儿园\x00数\x1b量\u200f\ufeff", "level2": "数量指标", "domain": "教育", "industry": "普通",
        "use": "学前", "operator": "≥", "unit": "\u202d所", "reference": "5", "owner": "州教育体育局", "visibility": "公开",
        "definition": "甲\ud800乙\x85丙",
    }  # fmt: skip
    found, problems = read_row(cells, "第 2 行")
    assert (problems, found is not None) == ([], True)
    assert found is not None
    assert (found.name, found.unit, found.definition) == ("新建幼儿园数量", "所", "甲乙 丙")
    assert read_row({**cells, "name": "\u202e\u200b"}, "第 2 行")[1][0] == Problem(
        "第 2 行", "name", "没有填写，请填写指标名称。"
    )


# Documents


@pytest.fixture
def plain(tmp_path: Path) -> Path:
    document = docx.Document()
    document.add_paragraph("正文。")
    document.save(str(tmp_path / "plain.docx"))
    return tmp_path / "plain.docx"


def body(path: Path) -> str:
    with zipfile.ZipFile(path) as source:
        return source.read("word/document.xml").decode()


@pytest.mark.parametrize("entity", ["SYSTEM 'file:///etc/hostname'", "SYSTEM 'http://127.0.0.1:9/x'", "'ha'"])
def test_a_main_part_by_another_name_brings_no_entity(tmp_path: Path, plain: Path, entity: str) -> None:
    """The part that is read need not end in .xml: what it declares is not expanded either."""
    hostile = f"<!DOCTYPE w [<!ENTITY i {entity}>]>" + body(plain).split("?>", 1)[1].replace("正文。", "正文&i;。")
    with zipfile.ZipFile(plain) as source:
        types = source.read("[Content_Types].xml").decode().replace("/word/document.xml", "/word/document.bin")
        links = source.read("_rels/.rels").decode().replace("word/document.xml", "word/document.bin")
    changes = {"word/document.bin": hostile, "[Content_Types].xml": types, "_rels/.rels": links}
    path = repacked(plain, tmp_path / "另.docx", {name: text.encode() for name, text in changes.items()})
    assert refusal(path) == (Unreadable, "“另.docx”含有不安全的 XML 声明，不予读取，请另存为 docx 再导入。")


def test_a_docx_nested_without_end_is_refused(tmp_path: Path, plain: Path) -> None:
    deep = "<w:smartTag>" * 20_000 + "</w:smartTag>" * 20_000
    hostile = body(plain).replace("<w:p>", f"<w:p>{deep}", 1)
    path = repacked(plain, tmp_path / "深.docx", {"word/document.xml": hostile.encode()})
    assert refusal(path) == (Unreadable, "“深.docx”已损坏，或不是真正的 docx 文件，请重新导出后再导入。")


def test_a_size_that_a_docx_lies_about_is_not_unpacked(tmp_path: Path, plain: Path) -> None:
    path = repacked(plain, tmp_path / "谎.docx", {"word/media/a.xml": b" " * 60_000_000})
    data = bytearray(path.read_bytes())
    size = (60_000_000).to_bytes(4, "little")
    for _ in range(data.count(size)):
        at = data.index(size)
        data[at : at + 4] = (10).to_bytes(4, "little")
    path.write_bytes(bytes(data))
    assert refusal(path) == (Unreadable, "“谎.docx”已损坏，或不是真正的 docx 文件，请重新导出后再导入。")


SCRIPTS = """<h1 onclick="alert(1)">标题<script>alert(2)</script></h1><p>甲<img src=x onerror=alert(3)>乙</p>
<svg onload=alert(4)><text>图中字</text><script>alert(5)</script></svg><style>*{background:url(x)}</style>
<iframe src="javascript:alert(6)"></iframe><p>&lt;script&gt;留作文字&lt;/script&gt;</p>"""


def test_html_gives_its_words_and_nothing_that_runs(tmp_path: Path) -> None:
    path = tmp_path / "页.html"
    path.write_text(SCRIPTS, encoding="utf-8")
    assert [block.text for block in read_document(path).blocks] == [
        "标题", "甲乙", "图中字", "<script>留作文字</script>"
    ]  # fmt: skip


def test_html_nested_without_end_is_read(tmp_path: Path) -> None:
    path = tmp_path / "深.html"
    path.write_text("<table><tr><td>" * 30_000 + "字", encoding="utf-8")
    assert [block.text for block in read_document(path).blocks] == ["字"]


# PDFs


def make_pdf(stream: bytes, extra: bytes = b"", trailer: bytes = b"") -> bytes:
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Count 1 /Kids [4 0 R] >>",
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Resources << /Font << /F1 3 0 R >> >> "
        b"/Contents 5 0 R >>",
        b"<< /Length %d %s >>\nstream\n" % (len(stream), extra) + stream + b"\nendstream",
    ]
    out, places = b"%PDF-1.4\n", []
    for number, text in enumerate(objects, 1):
        places.append(len(out))
        out += b"%d 0 obj\n%s\nendobj\n" % (number, text)
    table = b"".join(b"%010d 00000 n \n" % place for place in places)
    start = len(out)
    return out + b"xref\n0 6\n0000000000 65535 f \n%strailer\n<< /Size 6 /Root 1 0 R %s >>\nstartxref\n%d\n%%%%EOF\n" % (
        table, trailer, start
    )  # fmt: skip


def test_a_pdf_of_very_many_characters_is_refused(tmp_path: Path) -> None:
    line = b"(" + b"A" * 1000 + b") Tj "
    packed = zlib.compress(b"BT /F1 12 Tf 60 700 Td " + line * (pdf.MAX_CHARACTERS // 1000 * 4) + b"ET\n", 9)
    path = tmp_path / "弹.pdf"
    path.write_bytes(make_pdf(packed, b"/Filter /FlateDecode"))
    assert path.stat().st_size < 100_000
    begun = time.monotonic()
    assert refusal(path)[0] in (TooLarge, Unreadable)
    assert time.monotonic() - begun < apart.SECONDS


def test_a_locked_pdf_says_so(tmp_path: Path) -> None:
    lock = b"/Encrypt << /Filter /Standard /V 1 /R 2 /P -4 /O <%s> /U <%s> >> /ID [<00> <00>]" % (
        b"41" * 32,
        b"42" * 32,
    )
    path = tmp_path / "锁.pdf"
    path.write_bytes(make_pdf(b"BT /F1 12 Tf 60 700 Td (Words) Tj ET", trailer=lock))
    assert refusal(path) == (Unreadable, "“锁.pdf”有打开密码，请去除密码后再导入。")


def test_a_pdf_whose_pages_go_in_a_circle_is_refused_or_empty(tmp_path: Path) -> None:
    path = tmp_path / "环.pdf"
    path.write_bytes(make_pdf(b"", b"").replace(b"/Kids [4 0 R]", b"/Kids [2 0 R]"))
    assert refusal(path)[0] is Unreadable


# The process apart


def test_limits_hold_in_the_process_apart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = workbook(tmp_path / "好.xlsx", {(0, 0): "甲", (0, 1): "乙", (1, 0): 1})
    assert apart.read("workbook", path, 100) == [["表一", [["甲", "乙"], ["1", ""]]]]
    with pytest.raises(TooLarge):
        apart.read("workbook", path, 3)
    with pytest.raises(apart.Broken, match="exit 1"):
        apart.read("no_such_room", path)
    monkeypatch.setattr(apart, "SECONDS", 0)
    with pytest.raises(apart.Broken, match="time"):
        apart.read("workbook", path, 100)


def test_a_name_that_looks_like_an_option_is_a_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    workbook(tmp_path / "-c.xlsx", {(0, 0): "甲", (0, 1): "乙", (1, 0): 1})
    assert read_table(Path("-c.xlsx")) == [Row("表一", 2, {"甲": "1", "乙": ""})]
