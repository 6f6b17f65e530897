"""文号 and titles: exact on real shapes, harmless on hostile ones."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from corpus.numbers import Mention, find_numbers, find_titles, own_number
from corpus.readers import Block


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("（普财绩〔2022〕11 号）", ["普财绩〔2022〕11号"]),
        ("普财绩 [2022] 11号", ["普财绩〔2022〕11号"]),
        ("普财绩［２０２２］１１号", ["普财绩〔2022〕11号"]),
        ("普财绩【2022】11号", ["普财绩〔2022〕11号"]),
        ("普财绩（2022）11号", ["普财绩〔2022〕11号"]),
        ("普财绩(2022)第11号", ["普财绩〔2022〕11号"]),
        ("发文(普财绩〔2023〕6、10号)进行通报", ["普财绩〔2023〕6号", "普财绩〔2023〕10号"]),
        ("普财绩〔2022〕11号、12号和13号", ["普财绩〔2022〕11号", "普财绩〔2022〕12号", "普财绩〔2022〕13号"]),
        ("普财绩〔2022〕11号、〔2023〕9号", ["普财绩〔2022〕11号", "普财绩〔2023〕9号"]),
        ("根据财预〔2020〕10号", ["财预〔2020〕10号"]),
        ("我们按照国发〔2014〕45号以及中发〔2018〕34号", ["国发〔2014〕45号", "中发〔2018〕34号"]),
        ("财政部财预〔2020〕10号文件和云财绩〔2020〕11号", ["财预〔2020〕10号", "云财绩〔2020〕11号"]),
        ("关于印发办法的通知财办预〔2021〕5号", ["财办预〔2021〕5号"]),
        ("《甲办法》和云发〔2019〕11号", ["云发〔2019〕11号"]),
        ("按照昆经开财〔2020〕53号执行", ["昆经开财〔2020〕53号"]),
        ("（昆自贸党笺〔2021〕8号）", ["昆自贸党笺〔2021〕8号"]),
        ("（和政办发〔2020〕1号）", ["和政办发〔2020〕1号"]),
        ("根据和政发〔2020〕1号", ["和政发〔2020〕1号"]),
        ("2020年财预〔2020〕10号", ["财预〔2020〕10号"]),
        ("我们在工作中认真学习领会财预〔2020〕10号", ["财预〔2020〕10号"]),
        ("〔2020〕10号", []),
        ("见〔2020〕10号", []),
        ("衡财绩〔2023〕340个", []),
        ("衡财绩〔1823〕340号", []),
        ("截至2023年（2022）年报", []),
    ],
)
def test_numbers_are_canonical_and_swallow_no_running_words(text: str, expected: list[str]) -> None:
    assert [mention.number for mention in find_numbers(text)] == expected


def test_a_mention_carries_its_title_and_place() -> None:
    text = "根据《甲〈乙办法〉的通知》（云财办〔2022〕14号 ）、《丙》 财预〔2020〕10号，另见财预〔2021〕2、3号。"
    first, second, third = (text.index(word) for word in ("云财办", "财预〔2020", "财预〔2021"))
    assert find_numbers(text) == [
        Mention("云财办〔2022〕14号", "甲〈乙办法〉的通知", first, first + 12),
        Mention("财预〔2020〕10号", "丙", second, second + 11),
        Mention("财预〔2021〕2号", "", third, third + 12),
        Mention("财预〔2021〕3号", "", third, third + 12),
    ]
    assert [text[m.start : m.end] for m in find_numbers(text)][-1] == "财预〔2021〕2、3号"


def test_a_title_whose_opening_mark_was_forgotten_is_still_found() -> None:
    text = "《甲》（昆财〔2021〕40号）、昆明市关于印发体系的通知》（昆财〔2021〕41号）、《乙"
    assert [(m.number, m.title) for m in find_numbers(text)] == [
        ("昆财〔2021〕40号", "甲"),
        ("昆财〔2021〕41号", "昆明市关于印发体系的通知"),
    ]
    assert find_titles(text) == ["甲"]


def test_titles_are_whole_and_those_inside_follow_them() -> None:
    text = (
        "《关于印发<甲办法（试行）>的通知》《关于〈乙  细则〉的意见》《转发《丙方案》的函》，《甲办法（试行）》。《未完"
    )
    assert find_titles(text) == [
        "关于印发<甲办法（试行）>的通知",
        "甲办法（试行）",
        "关于〈乙 细则〉的意见",
        "乙 细则",
        "转发《丙方案》的函",
        "丙方案",
    ]


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        (["青禾市财政局文件", "青财绩〔2024〕3号", "关于印发办法的通知"], "青财绩〔2024〕3号"),
        (["青财绩〔2024〕3号　　签发人：张三"], "青财绩〔2024〕3号"),
        (["发文字号：青财绩[2024]3 号"], "青财绩〔2024〕3号"),
        (["（青财绩〔2024〕3号）"], "青财绩〔2024〕3号"),
        (["根据财预〔2020〕10号"], ""),
        (["题目", "依据《办法》（财预〔2020〕10号）"], ""),
        (["题目"] * 12 + ["青财绩〔2024〕3号"], ""),
        ([], ""),
    ],
)
def test_own_number_stands_alone_near_the_top(lines: list[str], expected: str) -> None:
    assert own_number([Block(line) for line in lines]) == expected


PIECES = st.sampled_from(
    [*"〔〕[]（）()《》<>〈〉 \u3000\n。、，和号年财预云发根据2020１11", "〔2020〕", "财预〔2020〕10号"]
)


@given(st.one_of(st.text(), st.lists(PIECES, max_size=60).map("".join)))
def test_whatever_the_text_mentions_lie_within_it(text: str) -> None:
    for mention in find_numbers(text):
        assert 0 <= mention.start < mention.end <= len(text)
        assert text[mention.end - 1] == "号"
        assert [m.number for m in find_numbers(mention.number)] == [mention.number]
    for title in find_titles(text):
        assert title.strip() == title != ""


@pytest.mark.parametrize(
    "unit",
    [
        "《",
        "》",
        "〔2020〕",
        "财",
        "普财绩〔2020〕",
        " ",
        "《" + "<" * 140 + "》",
        "1、",
        "〔2020〕1" + "    、1" * 20,
        "根据",
        "和",
    ],
)
def test_hostile_text_takes_linear_time(unit: str) -> None:
    text = "财预〔2020〕" + unit * (100_000 // len(unit))
    began = time.perf_counter()
    find_numbers(text)
    find_titles(text)
    assert time.perf_counter() - began < 3
