"""One spelling: what normalise, fold and spans promise, on examples and on arbitrary text."""

from __future__ import annotations

import threading
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from corpus import text
from corpus.text import fold, fold_with_map, han, is_latin, normalise, spans

ANY = st.text(max_size=80)
# Characters that make trouble for each other: marks, fillers, radicals, jamo, wide and traditional forms.
HARD = st.text(
    alphabet="aeE İß\u0345\u0301\u0323\u200b\ufeff\x00\x1f\n\t\u3000가각ｶﾞ⻓⺠⼈龜臺薴後㎡½①ﬁ\U000e0100", max_size=12
)


@pytest.mark.parametrize(
    ("given_text", "expected"),
    [
        ("", ""),
        ("新建高标准农田", "新建高标准农田"),
        ("ＧＤＰ　增长　９５％", "GDP 增长 95%"),
        ("績效目標、臺灣、十二畝", "绩效目标、台湾、十二亩"),
        ("⻓江⻋辆⼈民⺠⻅⻚", "长江车辆人民民见页"),
        ("⻑城", "长城"),
        ("薴", "苎"),
        ("a\u200bb\ufeff\x00c\u00ad", "abc"),
        (" 一\t二\r\n\n 三 ", "一 二 三"),
        ("“引号”—破折号〔2022〕【项】", "“引号”—破折号〔2022〕【项】"),
        ("（一）", "(一)"),
        ("e\u200b\u0301", "é"),
        ("\ud800坏", "坏"),
    ],
)
def test_normalise(given_text: str, expected: str) -> None:
    assert normalise(given_text) == expected


def test_fold_takes_no_notice_of_case() -> None:
    assert fold("ＧＤＰ Straße İ") == "gdp strasse i̇"


@given(ANY | HARD)
def test_normalise_and_fold_are_idempotent(original: str) -> None:
    plain, folded = normalise(original), fold(original)
    assert (normalise(plain), fold(folded), fold(plain)) == (plain, folded, folded)


def test_every_single_character_that_may_change_is_stable() -> None:
    blocks = (
        (0, 0x3400),
        (0xA000, 0xAC00),
        (0xD700, 0x10000),
        (0x10000, 0x12000),
        (0x1D000, 0x1F300),
        (0x2F800, 0x2FA20),
    )
    codes = (
        {code for block in blocks for code in range(*block)}
        | set(range(0x3400, 0xA000))
        | {ord(c) for c in text._RADICALS}
    )
    unstable = [
        code
        for code in codes
        if (f := fold(chr(code))) != fold(f) or normalise(n := normalise(chr(code))) != n or fold(n) != f
    ]
    assert unstable == []


@given(ANY | HARD | st.text(alphabet="农村公路，。、；：（）“”《》— aZ09%~績é㎡⻓", max_size=12))
def test_the_short_way_gives_what_the_long_one_gives(original: str) -> None:
    """Twice: the second time every character has been seen."""
    expected = text._BLANKS.sub(" ", text._refolded(original)).strip(" ")
    assert [fold(original), fold(original)] == [expected, expected]
    if text._settled(original):
        assert text._refolded(original) == original


@pytest.mark.parametrize(
    ("sample", "settled"),
    [
        ("", True),
        ("农村公路养护合格率95%、满意度“高”。《办法》—", True),
        ("公路，养护", False),
        ("a b ~", True),
        ("农村 GDP", False),
        ("績效", False),
        ("（一）", False),
        ("农\u200b村", False),
        ("农\u3000村", False),
        ("農", False),
        ("é", False),
        ("㐀", False),
        ("農村" * 3 + "公路", False),
    ],
)
def test_what_folding_leaves_alone(monkeypatch: pytest.MonkeyPatch, sample: str, *, settled: bool) -> None:
    monkeypatch.setattr(text, "_same", set())
    monkeypatch.setattr(text, "_other", set())
    assert [text._settled(sample), text._settled(sample)] == [settled, settled]
    assert text._same.isdisjoint(text._other)
    # A text of both kinds is not settled, whichever came first.
    assert text._settled("公路" + sample) is settled
    assert text._settled(sample + "养护") is settled


def test_what_is_remembered_is_no_larger_than_the_alphabets() -> None:
    """Whatever was written: characters outside of them are judged once and never again for the better."""
    for code in (*range(0x20, 0x3000), *range(0xAC00, 0xAC80), *range(0x1F600, 0x1F650)):
        text._settled(chr(code))
    allowed = set(map(chr, (*range(0x20, 0x7F), *range(0x4E00, 0xA000)))) | set("。、“”《》—〔〕")
    assert text._same - allowed == set()
    assert [c for c in text._same if text._refolded(c) != c] == []


@given(ANY | HARD)
def test_map_leads_every_folded_character_back(original: str) -> None:
    folded, origin = fold_with_map(original)
    assert folded == fold(original)
    assert len(origin) == len(folded)
    assert all(0 <= a <= b < len(original) for a, b in pairwise([*origin, *origin[-1:]]))


def test_map_points_at_the_original() -> None:
    assert fold_with_map("  ㎡ ＡＢ\u200b 績e\u0301") == ("m2 ab 绩é", [2, 2, 3, 4, 5, 7, 8, 9])


@pytest.mark.parametrize(
    ("original", "needles", "marked"),
    [
        ("新建高標準農田", ["高标准"], ["高標準"]),
        ("农田ＧＤＰ农田", ["农田", "gdp"], ["农田ＧＤＰ农田"]),
        ("农田、农田水利", ["农田", "田水"], ["农田", "农田水"]),
        ("面积12㎡整", ["2"], ["2㎡"]),
        ("a \u200b b", ["a b"], ["a \u200b b"]),
        ("abc", ["", "x"], []),
        ("", ["a"], []),
    ],
)
def test_spans(original: str, needles: list[str], marked: list[str]) -> None:
    assert [original[start:end] for start, end in spans(original, needles)] == marked


@given(ANY, st.lists(st.text(max_size=3).map(fold), max_size=4))
def test_spans_are_sorted_apart_and_hold_a_needle(original: str, needles: list[str]) -> None:
    found = spans(original, needles)
    assert all(a[1] < b[0] for a, b in pairwise(found))
    assert all(0 <= start < end <= len(original) for start, end in found)
    assert bool(found) == any(needle and needle in fold(original) for needle in needles)


@pytest.mark.parametrize(
    ("query", "latin"),
    [
        ("jixiao", True),
        ("nǚ'er lü4 ·", True),
        ("ＪＸ mb", True),
        ("x-ray", True),
        ("95", False),
        ("", False),
        ("jx 绩效", False),
        ("привет", False),
        ("a%", False),
    ],
)
def test_is_latin(query: str, latin: bool) -> None:
    assert is_latin(query) is latin


@pytest.mark.parametrize(
    ("sample", "expected"), [("a绩", True), ("〇", True), ("⻓", True), ("𠮷", True), ("a1，", False), ("カ", False)]
)
def test_han(sample: str, expected: bool) -> None:
    assert han(sample) is expected


def test_radical_table_is_whole_and_leaves_no_radical() -> None:
    left = [chr(code) for code in range(0x2E80, 0x2FE0) if normalise(chr(code)) == chr(code)]
    assert left == ["⺀", "\u2e9a", *map(chr, range(0x2EF4, 0x2F00)), *map(chr, range(0x2FD6, 0x2FE0))]


def test_threads_that_meet_a_character_first_read_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(text, "_table", text._Table())
    ready = threading.Barrier(8)
    results: list[str] = []

    def read() -> None:
        ready.wait()
        results.append(normalise("績效臺灣薴"))

    threads = [threading.Thread(target=read) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == ["绩效台湾苎"] * 8
