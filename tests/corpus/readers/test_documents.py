"""Files as people have them, and files as attackers make them."""

from __future__ import annotations

import hashlib
import io
import zipfile
from pathlib import Path

import docx
import pytest

from corpus.errors import TooLarge, Unreadable, ZhibiaoError
from corpus.readers import Block, joined
from corpus.readers import documents as room
from corpus.readers.documents import read_document

FIXTURES = Path(__file__).parents[1] / "fixtures"


def write(folder: Path, name: str, content: str | bytes) -> Path:
    path = folder / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def texts(path: Path) -> list[str]:
    return [block.text for block in read_document(path).blocks]


def make_pdf(pages: list[list[tuple[int, int, str]]]) -> bytes:
    """A PDF of lines (x, y, text); Han characters go by a predefined CMap, without an embedded font."""
    objects = [
        "<< /Type /Catalog /Pages 2 0 R >>",
        f"<< /Type /Pages /Count {len(pages)} /Kids [{' '.join(f'{6 + 2 * i} 0 R' for i in range(len(pages)))}] >>",
        "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
        "<< /Type /Font /Subtype /Type0 /BaseFont /STSong-Light /Encoding /UniGB-UCS2-H /DescendantFonts [5 0 R] >>",
        "<< /Type /Font /Subtype /CIDFontType0 /BaseFont /STSong-Light /DW 1000 "
        "/CIDSystemInfo << /Registry (Adobe) /Ordering (GB1) /Supplement 4 >> >>",
    ]
    for i, lines in enumerate(pages):
        drawn = "".join(
            f"BT /{'F1' if text.isascii() else 'F2'} 12 Tf {x} {y} Td "
            + (f"({text})" if text.isascii() else f"<{text.encode('utf-16-be').hex()}>")
            + " Tj ET\n"
            for x, y, text in lines
        )
        objects.append(
            "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] "
            f"/Resources << /Font << /F1 3 0 R /F2 4 0 R >> >> /Contents {7 + 2 * i} 0 R >>"
        )
        objects.append(f"<< /Length {len(drawn)} >>\nstream\n{drawn}endstream")
    out, places = "%PDF-1.4\n", []
    for number, body in enumerate(objects, 1):
        places.append(len(out))
        out += f"{number} 0 obj\n{body}\nendobj\n"
    table = "".join(f"{place:010} 00000 n \n" for place in places)
    size = len(objects) + 1
    out += f"xref\n0 {size}\n0000000000 65535 f \n{table}trailer\n<< /Size {size} /Root 1 0 R >>\n"
    return f"{out}startxref\n{out.index('xref')}\n%%EOF\n".encode("ascii")


def test_text_report_has_one_block_a_line_and_mends_the_page_break() -> None:
    path = FIXTURES / "report.txt"
    raw = read_document(path)
    assert (raw.title_hint, raw.source_name) == ("", "report.txt")
    assert raw.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    assert [(b.text[:14], b.kind, b.level, b.page) for b in raw.blocks] == [
        ("青禾市财政局2024年度预算", "para", 0, None),
        ("工作开展情况", "para", 0, None),
        ("2024年，青禾市财政局按照", "para", 0, None),
        ("1、 基础工作", "para", 0, None),
        ("（一）制度建设", "para", 0, None),
        ("印发《青禾市财政局关于印发<", "para", 0, None),
        ("（2） 业务培训", "para", 0, None),
        ("全年培训3次。", "para", 0, None),
        ("2、 评估管理", "para", 0, None),
        ("（1）组织开展事前评估。共评", "para", 0, None),
        ("（2）强化结果应用。评估结论", "para", 0, None),
        ("三、下一步打算", "para", 0, None),
        ("一是完善制度。二是抓好落实。", "para", 0, None),
    ]
    assert raw.blocks[5].text.endswith("审核环节，设置“一票否决”机制，涉及资金1,234.56万元。")


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030", "utf-16"])
def test_every_encoding_of_chinese_windows_is_read(tmp_path: Path, encoding: str) -> None:
    path = write(tmp_path, "a.txt", "第一段，绩效。\r\n\r\n第二段。\r\n".encode(encoding))
    assert texts(path) == ["第一段，绩效。", "第二段。"]


def test_markdown_headings_tables_and_form_feeds(tmp_path: Path) -> None:
    path = write(tmp_path, "a.txt", "# 题目\n\n## 一、情况\n正文。\n| 甲 | 乙 |\n|---|:-:|\n| 1 | 2 |\n\f末页。")
    assert read_document(path).blocks == (
        Block("题目", 1, "heading", 1),
        Block("一、情况", 1, "heading", 2),
        Block("正文。", 1),
        Block("甲\t乙\n1\t2", 1, "table"),
        Block("末页。", 2),
    )


def test_html_page_keeps_headings_and_data_tables_and_drops_the_rest() -> None:
    raw = read_document(FIXTURES / "notice.html")
    assert raw.title_hint == "关于印发办法的通知 - 青禾市人民政府"
    assert raw.blocks == (
        Block("青禾市预算绩效管理办法", None, "heading", 1),
        Block("青财绩〔2024〕3号"),
        Block("第一章 总则", None, "heading", 2),
        Block("第一条 为规范预算绩效管理，制定本办法。"),
        Block("第二条 本办法所称指标分为："),
        Block("（一）产出指标；"),
        Block("（二）效益指标。"),
        Block("第二章 管理", None, "heading", 2),
        Block("第三条 等级见下表。"),
        Block("等级\t得分\n优\t90分 以上\n良\t80分以上", None, "table"),
        Block("附则", None, "heading", 2),
        Block("本办法自2024年5月1日起施行。"),
    )


def test_html_layout_table_dissolves_and_gbk_is_read(tmp_path: Path) -> None:
    page = "<table><tr><td><h1>题目</h1><p>第一段。<table><tr><td>甲<td>乙<tr><td>1<td>2</table><p>第二段。</table>"
    assert read_document(write(tmp_path, "a.htm", page.encode("gb18030"))).blocks == (
        Block("题目", None, "heading", 1),
        Block("第一段。"),
        Block("甲\t乙\n1\t2", None, "table"),
        Block("第二段。"),
    )


def test_html_unclosed_everything_loses_no_words(tmp_path: Path) -> None:
    page = "<nav>栏目<h2>标题<p>甲 < 乙<![if !mso]>丙<!-- 未完<table><tr><td>一<td>二<b"
    assert texts(write(tmp_path, "a.html", page)) == ["栏目", "标题", "甲 < 乙丙 未完", "一\t二<b"]


@pytest.mark.parametrize("mark", ["<a", "<!--", "<![", "</", "<?", "<p x='", "<td>", "<table>", "<nav>"])
def test_hostile_html_takes_linear_time(tmp_path: Path, mark: str) -> None:
    assert texts(write(tmp_path, "a.html", "<p>正文。</p>" + mark * 20_000))[0] == "正文。"


def test_docx_in_document_order_with_headings_tables_and_odd_runs(tmp_path: Path) -> None:
    document = docx.Document()
    document.core_properties.title = "元数据题目"
    document.add_paragraph("青禾市工作报告", style="Title")
    document.add_heading("一、概况", level=1)
    document.add_paragraph("[bookmark: _GoBack]2024年，审核环节，")
    document.add_paragraph("设置机制。")
    table = document.add_table(rows=2, cols=2)
    for cell, text in zip([*table.rows[0].cells, *table.rows[1].cells], ["指标", "值", "数量", "≥5个"], strict=True):
        cell.text = text
    document.add_heading("（一）细则", level=2)
    tail = document.add_paragraph("软回车前。\n软回车后，")
    namespace = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
    odd = (
        f'<w:p xmlns:w="{namespace}"><w:smartTag><w:r><w:t>智能标记</w:t></w:r></w:smartTag>'
        "<w:ins><w:r><w:t>插入</w:t></w:r></w:ins><w:del><w:r><w:delText>删去</w:delText></w:r></w:del>"
        "<w:sdt><w:sdtContent><w:r><w:t>控件。</w:t></w:r></w:sdtContent></w:sdt></w:p>"
    )
    tail._p.addnext(docx.oxml.parse_xml(odd))
    path = tmp_path / "报告.docx"
    document.save(str(path))
    raw = read_document(path)
    assert raw.title_hint == "元数据题目"
    assert raw.blocks == (
        Block("青禾市工作报告", None, "heading", 1),
        Block("一、概况", None, "heading", 1),
        Block("2024年，审核环节，设置机制。"),
        Block("指标\t值\n数量\t≥5个", None, "table"),
        Block("（一）细则", None, "heading", 2),
        Block("软回车前。"),
        Block("软回车后，智能标记插入控件。"),
    )


def repacked(path: Path, **changes: bytes) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(path) as old, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as new:
        for name in old.namelist():
            if name != "word/document.xml":
                new.writestr(name, old.read(name))
        for name, data in changes.items():
            new.writestr(name.replace("__", "/").replace("_xml", ".xml"), data)
    return out.getvalue()


@pytest.fixture
def plain_docx(tmp_path: Path) -> Path:
    document = docx.Document()
    document.add_paragraph("正文。")
    document.save(str(tmp_path / "plain.docx"))
    return tmp_path / "plain.docx"


def test_docx_bombs_and_entities_are_refused(tmp_path: Path, plain_docx: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    xml = plain_docx.read_bytes()
    with zipfile.ZipFile(io.BytesIO(xml)) as archive:
        body = archive.read("word/document.xml")
    for encoding in ("utf-8", "utf-16"):
        hostile = f'<!DOCTYPE a [<!ENTITY x "y">]>{body.decode()}'.encode(encoding)
        with pytest.raises(Unreadable, match=r"“b\.docx”含有不安全的 XML 声明"):
            read_document(write(tmp_path, "b.docx", repacked(plain_docx, word__document_xml=hostile)))
    bomb = repacked(plain_docx, word__document_xml=body, word__media_xml=b" " * 60_000_000)
    with pytest.raises(TooLarge, match=r"“b\.docx”解压后过大"):
        read_document(write(tmp_path, "b.docx", bomb))
    for limit in ("MAX_ENTRIES", "MAX_UNPACKED"):
        with monkeypatch.context() as patch:
            patch.setattr(room, limit, 5)
            with pytest.raises(TooLarge, match="解压后过大"):
                read_document(plain_docx)
    assert texts(plain_docx) == ["正文。"]


def test_pdf_lines_become_paragraphs_with_their_pages(tmp_path: Path) -> None:
    first = [
        (200, 780, "Annual report"),
        (84, 740, "The city finance office reviewed all of the projects in the year, and"),
        (60, 720, "it reduced the budget of 14 projects by 1,234.56 in total. The review"),
        (60, 700, "went well."),
        (84, 680, "A second paragraph runs on over the end of the page and it is here,"),
        (290, 30, "- 1 -"),
    ]
    second = [(60, 780, "continued to its end."), (290, 30, "- 2 -")]
    assert read_document(write(tmp_path, "a.pdf", make_pdf([first, second]))).blocks == (
        Block("Annual report", 1),
        Block(
            "The city finance office reviewed all of the projects in the year, and it reduced the budget of 14 "
            "projects by 1,234.56 in total. The review went well.",
            1,
        ),
        Block(
            "A second paragraph runs on over the end of the page and it is here, continued to its end.",
            1,
        ),
    )


def test_chinese_pdf(tmp_path: Path) -> None:
    lines = [
        (180, 780, "青禾市预算绩效管理办法"),
        (84, 740, "第一条为规范预算绩效管理，根据财预〔二〕号文件"),
        (60, 720, "的规定，结合本市工作的实际情况，制定本办法，现予以"),
        (60, 700, "公布。"),
        (84, 680, "第二条本办法自公布之日起施行。"),
    ]
    assert read_document(write(tmp_path, "a.pdf", make_pdf([lines]))).blocks == (
        Block("青禾市预算绩效管理办法", 1),
        Block(
            "第一条为规范预算绩效管理，根据财预〔二〕号文件的规定，结合本市工作的实际情况，制定本办法，现予以公布。", 1
        ),
        Block("第二条本办法自公布之日起施行。", 1),
    )


BAD = {
    "empty.txt": (b"", "“empty.txt”是空文件，请检查后重新导入。"),
    "blank.md": (b" \n\t\n", "“blank.md”是空文件，请检查后重新导入。"),
    "junk.txt": (b"[bookmark: _GoBack]\n", "“junk.txt”里没有文字，请检查后重新导入。"),
    "binary.txt": (
        b"PK\x03\x04" + bytes(range(256)) * 4,
        "“binary.txt”不是文本文件，或编码无法识别，请另存为 UTF-8 编码后再导入。",
    ),
    "tags.html": (b"<html><script>1</script>", "“tags.html”里没有文字，请检查后重新导入。"),
    "not.docx": (b"hello", "“not.docx”已损坏，或不是真正的 docx 文件，请重新导出后再导入。"),
    "not.pdf": (b"hello", "“not.pdf”已损坏，或不是真正的 pdf 文件，请重新导出后再导入。"),
    "scan.pdf": (make_pdf([[]]), "“scan.pdf”是扫描件或图片，没有可读的文字，需先做文字识别（OCR）再导入。"),
    "old.doc": (b"\xd0\xcf\x11\xe0", "“old.doc”是旧版文档格式，请用 Word 或 WPS 另存为 docx 后再导入。"),
    "OLD.WPS": (b"\xd0\xcf\x11\xe0", "“OLD.WPS”是旧版文档格式，请用 Word 或 WPS 另存为 docx 后再导入。"),
    "a.exe": (b"MZ", "“a.exe”的格式不在可读之列，请改用 txt、md、html、htm、docx、pdf 文件。"),
}


@pytest.mark.parametrize("name", BAD)
def test_an_unreadable_file_is_one_sentence_that_names_it(tmp_path: Path, name: str) -> None:
    content, message = BAD[name]
    with pytest.raises(Unreadable) as caught:
        read_document(write(tmp_path, name, content))
    assert caught.value.message == message


def test_missing_file_and_folder_are_unreadable(tmp_path: Path) -> None:
    (tmp_path / "b.txt").mkdir()
    for name in ("a.txt", "b.txt"):
        with pytest.raises(Unreadable, match=f"“{name}”打不开"):
            read_document(tmp_path / name)


def test_a_file_over_the_limit_is_too_large(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room, "MAX_BYTES", 2**20)
    with pytest.raises(TooLarge, match=r"“a\.txt”超过 1 MB"):
        read_document(write(tmp_path, "a.txt", b"a" * (2**20 + 1)))


def test_truncated_files_raise_nothing_but_our_errors(tmp_path: Path, plain_docx: Path) -> None:
    for suffix, whole in ((".docx", plain_docx.read_bytes()), (".pdf", make_pdf([[(60, 700, "Some words.")]]))):
        for length in range(1, len(whole), max(1, len(whole) // 25)):
            path = write(tmp_path, f"cut{suffix}", whole[:length])
            try:
                assert read_document(path).blocks
            except ZhibiaoError as error:
                assert "“cut" in error.message  # noqa: PT017


def test_joined_mends_only_broken_paragraphs() -> None:
    long = "这一段在页末断开，没有写完"
    kept = [
        Block("青禾市财政局"),
        Block("2024年1月1日"),
        Block("一、情况，说明"),
        Block("正文。"),
        Block(long),
        Block("（二）下一节"),
        Block(long),
        Block("表", None, "table"),
        Block("结束，“引文”"),
        Block("下一段。"),
    ]
    assert joined(kept) == kept
    assert joined([Block(long, 1), Block("的一句", 2), Block("话。", 3), Block("下段。", 3)]) == [
        Block(f"{long}的一句话。", 1),
        Block("下段。", 3),
    ]
