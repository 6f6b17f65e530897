"""Reports as passages: on our own fixtures, and exactly on the four real ones where they are at hand."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from corpus.model import Citation, Passage
from corpus.numbers import own_number
from corpus.readers import Block, RawDocument
from corpus.readers.documents import read_document
from corpus.structure import PASSAGE_LENGTH, citations, issuer_of, passages, title_of, year_of

FIXTURES = Path(__file__).parent / "fixtures"


def raw(*blocks: Block | str, hint: str = "", name: str = "文件.txt") -> RawDocument:
    return RawDocument(hint, tuple(b if isinstance(b, Block) else Block(b) for b in blocks), name, "")


def outline(document: RawDocument) -> list[tuple[str, tuple[str, ...], str]]:
    return [(p.section, p.path, p.text) for p in passages(document)]


def squeezed(text: str) -> str:
    return "".join(text.split())


def lost(document: RawDocument) -> list[str]:
    """The blocks that stand neither in the passages' text, nor in a path, nor in the title."""
    found = passages(document)
    body = squeezed("".join(p.text for p in found))
    headings = {heading for p in found for heading in p.path}
    title = squeezed(title_of(document))
    return [
        b.text
        for b in document.blocks
        if squeezed(b.text) not in body and b.text not in headings and squeezed(b.text) not in title
    ]


def test_mixed_heading_styles_make_one_outline() -> None:
    document = read_document(FIXTURES / "report.txt")
    base, policy = "1、 基础工作", "2、 评估管理"
    assert title_of(document) == "青禾市财政局2024年度预算绩效管理工作开展情况"
    assert [(p.ordinal, p.section, p.path, p.text[:10]) for p in passages(document)] == [
        (1, "", (), "2024年，青禾市财"),
        (2, "1（一）", (base, "（一）制度建设"), "印发《青禾市财政局关"),
        (3, "1（2）", (base, "（2） 业务培训"), "全年培训3次。"),
        (4, "2（1）", (policy, "（1）组织开展事前评估"), "（1）组织开展事前评"),
        (5, "2（2）", (policy, "（2）强化结果应用"), "（2）强化结果应用。"),
        (6, "三", ("三、下一步打算",), "一是完善制度。二是抓"),
    ]
    assert citations(passages(document)) == [
        Citation(1, "中发〔2018〕34号", "中共中央 国务院关于全面实施预算绩效管理的意见"),
        Citation(2, "青财绩〔2023〕7号", "青禾市财政局关于印发<青禾市预算绩效管理办法>的通知"),
        Citation(2, "青财绩〔2024〕6号", ""),
        Citation(2, "青财绩〔2024〕10号", ""),
        Citation(2, "", "青禾市预算绩效管理办法"),
        Citation(2, "", "青禾市绩效目标管理规程"),
    ]


def test_articles_are_cited_by_their_own_number() -> None:
    document = read_document(FIXTURES / "notice.html")
    first, second = "第一章 总则", "第二章 管理"
    assert title_of(document) == "青禾市预算绩效管理办法"
    assert own_number(document.blocks) == "青财绩〔2024〕3号"
    assert outline(document) == [
        ("", (), "青财绩〔2024〕3号"),
        ("第一条", (first, "第一条"), "第一条 为规范预算绩效管理，制定本办法。"),
        ("第二条", (first, "第二条"), "第二条 本办法所称指标分为："),
        ("第二条（一）", (first, "第二条", "（一）产出指标"), "（一）产出指标；"),
        ("第二条（二）", (first, "第二条", "（二）效益指标"), "（二）效益指标。"),
        ("第三条", (second, "第三条"), "第三条 等级见下表。"),
        ("第三条", (second, "第三条"), "等级\t得分\n优\t90分 以上\n良\t80分以上"),
        ("", ("附则",), "本办法自2024年5月1日起施行。"),
    ]


def test_the_classic_four_levels_nest_and_return() -> None:
    document = raw(
        "题目报告",
        "一、甲",
        "（一）乙",
        "1.丙",
        "（1）丁。文。",
        "（2）戊。文。",
        "2.己",
        "（二）庚",
        "文。",
        "二、辛",
        "文。",
    )
    assert outline(document) == [
        ("一（一）1（1）", ("一、甲", "（一）乙", "1.丙", "（1）丁"), "（1）丁。文。"),
        ("一（一）1（2）", ("一、甲", "（一）乙", "1.丙", "（2）戊"), "（2）戊。文。"),
        ("一（一）2", ("一、甲", "（一）乙", "2.己"), "2.己"),  # a heading that leads nothing is kept as a passage
        ("一（二）", ("一、甲", "（二）庚"), "文。"),
        ("二", ("二、辛",), "文。"),
    ]


def test_a_list_before_the_first_heading_does_not_swallow_it() -> None:
    document = raw("题目报告", "主要有以下几项：", "1.甲；", "2.乙。", "一、丙", "文。", "1.丁。", "二、戊", "文。")
    assert [section for section, _, _ in outline(document)] == ["", "1", "2", "一", "一.1", "二"]


def test_headings_of_the_file_without_numbers_keep_their_levels() -> None:
    document = raw(
        Block("题目报告", None, "heading", 1),
        Block("背景", None, "heading", 2),
        "一、甲。文。",
        Block("缘由", None, "heading", 3),
        "文。",
        Block("做法", None, "heading", 2),
        "文。",
    )
    assert outline(document) == [
        ("一", ("背景", "一、甲"), "一、甲。文。"),
        ("", ("背景", "缘由"), "文。"),
        ("", ("做法",), "文。"),
    ]


@pytest.mark.parametrize(
    "text", ["1.56亿元，比上年增长。", "二、三产业协同，发展较快。", "2023年，情况良好。", "一是完善制度。"]
)
def test_figures_and_running_words_are_no_headings(text: str) -> None:
    expected = "二" if text.startswith("二") else ""
    assert outline(raw("题目报告", "说明如下。", text))[1][0] == expected


def test_a_long_lead_in_is_headed_by_its_first_clause() -> None:
    text = "（一）严格目标审核：" + "各部门按照要求申报目标，" * 8 + "不予安排。再审核。"
    assert outline(raw("题目报告", text)) == [("（一）", ("（一）严格目标审核",), text)]


def test_long_paragraphs_are_cut_before_their_items() -> None:
    items = [f"{n}是做好工作。" + "各部门认真落实。" * 30 for n in "一二三四"]
    lead = "（一）总述。"
    document = raw("题目报告", "一、甲", lead + "".join(items))
    path = ("一、甲", "（一）总述")
    assert passages(document) == [
        Passage(1, path, "一（一）", None, "para", lead + items[0] + items[1]),
        Passage(2, path, "一（一）", None, "para", items[2] + items[3]),
    ]


@given(st.text(alphabet="甲，。；”是一二 ", min_size=601, max_size=3000))
def test_pieces_are_short_and_lose_nothing(text: str) -> None:
    pieces = [p.text for p in passages(raw("题目报告。", text.strip() or "甲"))][1:]
    assert all(len(piece) <= PASSAGE_LENGTH for piece in pieces)
    assert re.sub(r"\s", "", "".join(pieces)) == (re.sub(r"\s", "", text) or "甲")


LINES = st.sampled_from(
    [
        "一、甲",
        "二、乙",
        "（一）丙",
        "（2）丁。文。",
        "1.戊",
        "2、己；",
        "第一章 总则",
        "第三条 文。",
        "文，文。",
        "短句",
        "（二）庚",
    ]
)


@given(st.lists(LINES, min_size=1, max_size=25))
def test_no_word_of_any_outline_is_lost(lines: list[str]) -> None:
    document = raw("题目报告", "开头。", *lines)
    found = passages(document)
    assert [p.ordinal for p in found] == list(range(1, len(found) + 1))
    assert lost(document) == []
    assert [p.text for p in found if p.text in ("文，文。", "短句")] == [x for x in lines if x in ("文，文。", "短句")]


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        (["红河州2022年绩效管理工作情况说明", "为贯彻落实，开展工作。"], "红河州2022年绩效管理工作情况说明"),
        (
            ["青禾市财政局文件", "青财绩〔2024〕3号", "青禾市财政局", "关于印发办法的通知", "各单位："],
            "青禾市财政局关于印发办法的通知",
        ),
        (["预算绩效管理办法", "（征求意见稿）", "第一条 文。"], "预算绩效管理办法（征求意见稿）"),
        (["为贯彻落实，开展工作。", "短句"], "元数据"),
    ],
)
def test_title_is_the_first_real_title_line(lines: list[str], expected: str) -> None:
    assert title_of(raw(*lines, hint="元数据")) == expected


def test_title_falls_back_to_the_file_name() -> None:
    assert title_of(raw("正文，没有题目。", name="2024 总结.docx")) == "2024 总结"


@pytest.mark.parametrize(
    ("title", "text", "expected"),
    [
        ("衡阳市财政局2023年度预算绩效管理工作开展情况", "", "衡阳市财政局"),
        ("中共中央 国务院关于全面实施预算绩效管理的意见", "", "中共中央 国务院"),
        ("云南省财政厅关于印发办法的通知", "", "云南省财政厅"),
        ("红河州2022年绩效管理工作情况说明", "委托红河州财政局办理", "红河州财政局"),
        ("红河州2022年绩效管理工作情况说明", "", "红河州"),
        ("2023年度工作开展情况", "今年普洱市财政局印发，请普洱市财政局执行", "普洱市财政局"),
        ("工作开展情况", "", ""),
    ],
)
def test_issuer(title: str, text: str, expected: str) -> None:
    assert issuer_of(title, text) == expected


@pytest.mark.parametrize(
    ("title", "text", "expected"),
    [
        ("红河州2022年绩效管理", "", 2022),
        ("管理办法", "青财绩〔2024〕3号\n第一条 2019年起。", 2024),
        ("管理办法", "正文。\n2021年5月1日", 2021),
        ("管理办法", "", None),
    ],
)
def test_year(title: str, text: str, expected: int | None) -> None:
    assert year_of(title, text) == expected


SAMPLES = os.environ.get("ZHIBIAO_SAMPLES")
needs_samples = pytest.mark.skipif(not SAMPLES, reason="ZHIBIAO_SAMPLES does not name the folder with documents/*.txt")

# Read by eye from the reports.
REPORTS = {
    "000": {
        "title": "2023 年度预算绩效管理工作开展情况",
        "issuer": "普洱市财政局",
        "year": 2023,
        "level1": ["一、2023 年度工作开展情况", "二、取得成效及经验启示"],
        "numbers": {
            "普财绩〔2022〕11号",
            "普财评审〔2019〕45号",
            "普财绩〔2023〕9号",
            "普财绩〔2020〕37号",
            "普财绩〔2023〕6号",
            "普财绩〔2023〕10号",
            "云财绩〔2020〕11号",
        },
        "figures": ["1,569,778万元", "1,862,925.60万元", "10,448 万元", "3,525,382.94万元"],
        "mended": [
            "项目库管理审核环节，设置评估审核",
            "市茶咖中心备案。)",
            "督促部门认真组织开展",
            "发现问题、提出下一步",
        ],
    },
    "001": {
        "title": "衡阳市财政局2023年度预算绩效管理工作开展情况",
        "issuer": "衡阳市财政局",
        "year": 2023,
        "level1": ["一、主要工作成效及做法", "二、绩效管理工作存在的困难和问题", "三、下阶段工作计划"],
        "numbers": {"衡政发〔2021〕13号", "衡财绩〔2023〕340号", "财预〔2020〕10号"},
        "figures": ["绩效目标2317条", "优良率达87 %"],
        "mended": ["全国通用的共性指标体系"],
    },
    "002": {
        "title": "红河州2022年绩效管理工作情况说明",
        "issuer": "红河州财政局",
        "year": 2022,
        "level1": [
            "一.预算编制阶段",
            "二.预算执行阶段",
            "三.预算决算阶段",
            "四.预算监督阶段",
            "五.预决算公开阶段",
            "六.问题整改情况跟踪监督检查",
            "七、抓智库建设，为预算绩效管理提供智力保障",
            "八、建立质量控制机制，加强对第三方机构的质量管理",
            "九、2022年度预算绩效管理考评情况",
        ],
        "numbers": {"中发〔2018〕34号", "云发〔2019〕11号", "云财办〔2022〕14号"},
        "figures": ["1,126,357.29万元", "8455条指标", "710,185.52万元"],
        "mended": ["在预决算公开环节，按照“谁使用、谁公开”"],
    },
    "003": {
        "title": "2023年昆明经济技术开发区预算绩效管理工作开展情况的说明",
        "issuer": "昆明经济技术开发区财政分局",
        "year": 2023,
        "level1": ["1、 基础工作", "2、 绩效评估管理", "三、绩效目标及运行监控管理", "四、绩效评价管理"],
        "numbers": {
            "昆自贸党笺〔2021〕8号",
            "昆经开办〔2016〕47号",
            "昆经开财〔2018〕86号",
            "昆经开财〔2019〕51号",
            "昆经开财〔2020〕53号",
            "昆经开财〔2021〕40号",
            "昆经开财〔2021〕41号",
            "昆经开财〔2022〕40号",
            "昆经开财〔2019〕86号",
        },
        "figures": ["574,100.87万元", "139,141万元"],
        "mended": ["重点绩效评价结束后，我局及时"],
    },
}


def sample(number: str) -> RawDocument:
    return read_document(next(Path(SAMPLES or "", "documents").glob(f"{number}_*.txt")))


@needs_samples
@pytest.mark.parametrize("number", REPORTS)
def test_real_report(number: str) -> None:
    document, expected = sample(number), REPORTS[number]
    found = passages(document)
    text = "\n".join(p.text for p in found)
    assert {
        "title": title_of(document),
        "issuer": issuer_of(title_of(document), text),
        "year": year_of(title_of(document), text),
        "level1": list(dict.fromkeys(p.path[0] for p in found if p.path)),
        "numbers": {c.number for c in citations(found) if c.number},
        "figures": [figure for figure in expected["figures"] if figure in text],
        "mended": [words for words in expected["mended"] if words in text],
    } == expected
    assert max(len(p.text) for p in found) <= PASSAGE_LENGTH
    assert lost(document) == []


@needs_samples
@pytest.mark.parametrize("number", REPORTS)
def test_no_character_of_a_real_report_is_lost_in_reading(number: str) -> None:
    path = next(Path(SAMPLES or "", "documents").glob(f"{number}_*.txt"))
    printed = re.sub(r"\[bookmark: _GoBack\]|^#+ ", "", path.read_text("utf-8"), flags=re.MULTILINE)
    assert squeezed("".join(b.text for b in read_document(path).blocks)) == squeezed(printed)


@needs_samples
def test_the_expert_pool_stands_in_section_seven() -> None:
    found = [p for p in passages(sample("002")) if "179名分行业、分领域人才" in p.text]
    assert [(p.section, p.path) for p in found] == [("七", ("七、抓智库建设，为预算绩效管理提供智力保障",))]


@needs_samples
def test_the_outline_of_the_report_that_mixes_styles() -> None:
    sections = list(dict.fromkeys(p.section for p in passages(sample("003"))))
    expected = [
        "",
        "1（一）",
        "1（2）",
        "1（3）",
        "2（一）",
        "2（二）",
        "三（一）",
        "三（二）",
        "三（三）",
        "四（一）",
        "四（二）",
        "四（三）",
    ]
    assert sections == expected
