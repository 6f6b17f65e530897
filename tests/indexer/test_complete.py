"""As-you-type offers, over public texts alone."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rapidfuzz import process
from rapidfuzz.distance import OSA

from corpus import indicators, words
from corpus.access import PUBLIC
from corpus.store import Store
from corpus.text import fold, is_latin
from indexer import complete
from indexer.complete import MAX_PINYIN, Completer, Completion, listed
from indexer.engines import arrays
from indexer.live import Live
from indexer.pinyin import Pinyin, fold_latin

Library = tuple[Store, Live]
pinyin = Pinyin()


@pytest.fixture
def completer(library: Library) -> Completer:
    return library[1].view().completer


def texts(completer: Completer, typed: str, limit: int = 10) -> list[str]:
    return [c.text for c in completer.complete(typed, limit)]


ROADS = ["农村公路养护", "农村公路", "农村公路养护里程", "农村公路新建里程", "农村公路管护机制健全性"]


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        ("农村公", ROADS),
        ("農村公", ROADS),
        (" 农村公路养护里 ", ["农村公路养护里程"]),
        ("村公路新", ["农村公路新建里程"]),
        ("弯沉", ["弯沉", "弯沉值", "路面弯沉值合格率"]),
        ("nongcungongl", ROADS),
        ("Nong cun gong lu xin", ["农村公路新建里程"]),
        ("ncgl", ROADS),
        ("ncglyhlc", ["农村公路养护里程"]),
        ("lvhua", ["绿化", "绿化率", "边坡绿化率"]),
        ("lühualü", ["绿化率", "边坡绿化率"]),
        ("luhualu", ["绿化率", "边坡绿化率"]),
        ("", []),
        ("   ", []),
        ("zzzz", []),
        ("😀", []),
    ],
)
def test_what_is_offered(completer: Completer, typed: str, expected: list[str]) -> None:
    assert texts(completer, typed) == expected


@pytest.mark.parametrize(
    ("typed", "expected"),
    [("nclg", "农村公路"), ("nongcungonglv", "农村公路"), ("nongcungognlu", "农村公路"), ("农村公璐", "农村公路"),
     ("浓村公路", "农村公路"), ("高标准农天建设", "高标准农田建设")],
)  # fmt: skip
def test_typing_errors_by_sound_and_by_key(completer: Completer, typed: str, expected: str) -> None:
    assert expected in texts(completer, typed)


@pytest.mark.parametrize(
    ("typed", "expected"),
    [("公璐", "公路"), ("农村公璐养护里程", "农村公路养护里程"), ("弯沉指", "弯沉值"), ("公路", None), ("路", None),
     ("gonglu", None), ("完全无关的字", None), ("", None)],
)  # fmt: skip
def test_what_was_probably_meant(completer: Completer, typed: str, expected: str | None) -> None:
    assert completer.correct(typed) == expected


@pytest.mark.parametrize("limit", [0, 1, 3])
def test_the_limit_cuts_the_same_list(completer: Completer, limit: int) -> None:
    assert texts(completer, "农", limit) == texts(completer, "农", 100)[:limit]
    assert len(texts(completer, "农", 100)) > 3


def test_an_offer_says_what_it_is(library: Library, completer: Completer) -> None:
    record = indicators.get(library[0], "2100001", PUBLIC)
    assert [c.as_json() for c in completer.complete("农村公路养护")] == [
        {"text": "农村公路养护", "kind": "use"},
        {"text": "农村公路养护里程", "kind": "indicator", "id": record.id},
    ]
    assert [c.kind for c in completer.complete("交通运输")] == ["domain"]


def test_sounds_best_first(completer: Completer) -> None:
    assert completer.sounds("ncgl")[0] == "农村公路"
    assert completer.sounds("nongcungongluyanghu")[0] == "农村公路养护"
    assert (completer.sounds("n"), completer.sounds("")) == ([], [])


@pytest.mark.parametrize(
    "typed", ["蓝盾", "landun", "玄武", "xw", "xuanwu", "要地", "yaodi", "反恐", "警卫", "战备", "架次", "国防", "趟"]
)
def test_nothing_of_restricted_records_is_offered(library: Library, completer: Completer, typed: str) -> None:
    """Neither their names and words, nor the use and industry that only they have."""
    store, _ = library
    hidden = [i for i in indicators.active(store, "full") if i.visibility.value == "restricted"]
    assert "要地警卫" in [i.use.use for i in hidden if i.use]
    assert [
        t for t in texts(completer, typed, 100) if any(w in t for w in ("蓝", "玄武", "警卫", "战备", "国防"))
    ] == []


def test_texts_are_those_of_public_records_and_the_lexicon(library: Library) -> None:
    store, _ = library
    public = list(indicators.active(store, "open"))
    expected = {i.name for i in public} | set(words.lexicon(store))
    expected |= {t for i in public if i.use for t in (i.use.domain, i.use.industry, i.use.use)}
    found = complete.texts(store)
    assert ({c.text for c in found}, len(found)) == (expected, len(expected))


def test_what_is_kept_is_saved_as_it_was_and_removed(library: Library, tmp_path: Path) -> None:
    offered, present = complete.texts(library[0]), {"边坡", "弯沉"}
    complete.keep(tmp_path / "texts", offered)
    complete.save_kept(tmp_path / "kept.bin", tmp_path / "texts", present, pinyin)
    complete.save(tmp_path / "whole.bin", offered, present, pinyin)
    assert (tmp_path / "kept.bin").read_bytes() == (tmp_path / "whole.bin").read_bytes()
    assert sorted(p.name for p in tmp_path.iterdir()) == ["kept.bin", "whole.bin"]


def test_words_of_the_lexicon_that_no_public_record_holds_are_left_out(store: Store, live: Live) -> None:
    from indexer import build

    words.put(store, [], ["玄武", "边坡", "从未出现"])
    build.build(store)
    completer = live.view().completer
    assert {w: texts(completer, w) for w in ("玄武", "从未出现", "边坡")} == {
        "玄武": [], "从未出现": [], "边坡": ["边坡", "边坡绿化率"],
    }  # fmt: skip


def test_without_drops_the_names_of_those_ids(library: Library, completer: Completer) -> None:
    record = indicators.get(library[0], "2100001", PUBLIC)
    less = completer.without({record.id})
    assert texts(less, "农村公路") == [t for t in texts(completer, "农村公路") if t != record.name]
    assert completer.without(set()) is completer
    assert texts(completer, record.name) == [record.name]


def test_order_is_from_general_to_special() -> None:
    kinds = ("indicator", "word", "use", "industry", "domain")
    rows = [(f"公路{n}", kind, "", f"gonglu{n}", f"gl{n}") for n, kind in enumerate(kinds)]
    completer = Completer(listed(rows), pinyin)
    expected = [Completion(f"公路{n}", kinds[n]) for n in (4, 3, 2, 1, 0)]
    assert (completer.complete("公路"), completer.complete("gl")) == (expected, expected)
    assert replace(expected[0], id="x").as_json() == {"text": "公路4", "kind": "domain", "id": "x"}


Row = tuple[str, str, str, str, str]
ORDER = ("domain", "industry", "use", "word", "indicator")


class Plain:
    """What a completer has to answer, in the plainest way: every text is looked at."""

    def __init__(self, rows: list[Row]) -> None:
        self.rows = [(fold(text), *row) for text, *row in rows]
        self.found = [Completion(*row[:3]) for row in rows]

    def complete(self, typed: str, limit: int) -> list[Completion]:
        typed = fold(typed)
        if not typed:
            return []
        latin = is_latin(typed)
        hits = self.latin(fold_latin(typed)) if latin else self.han(typed)
        if not hits and latin:
            hits = [(0, n) for n, row in enumerate(self.rows) if row[0] in self.sounds(typed)]
        elif not hits:
            corrected = self.correct(typed)
            hits = self.han(fold(corrected)) if corrected else []
        hits.sort(key=lambda hit: (hit[0], ORDER.index(self.rows[hit[1]][1]), len(self.found[hit[1]].text), hit[1]))
        return [self.found[n] for _, n in hits[:limit]]

    def han(self, typed: str) -> list[tuple[int, int]]:
        return [(not row[0].startswith(typed), n) for n, row in enumerate(self.rows) if typed in row[0]]

    def latin(self, typed: str) -> list[tuple[int, int]]:
        found = []
        for n, (text, _, _, spelt, initials) in enumerate(self.rows):
            if typed in text:
                found.append((0, n))
            elif initials.startswith(typed) or spelt.startswith(typed):
                found.append((1, n))
            elif len(typed) > 3 and typed in spelt:
                found.append((2, n))
        return found

    def sounds(self, typed: str) -> list[str]:
        spelt = fold_latin(typed)
        if not 2 <= len(spelt) <= MAX_PINYIN:
            return []
        long = len(spelt) > 3
        tries = [
            [row for row in self.rows if row[3] == spelt],
            [row for row in self.rows if row[4] == spelt],
            [row for row in self.rows if long and row[3].startswith(spelt)],
            [row for row in self.rows if row[4].startswith(spelt)],
            [row for row in self.rows if long and OSA.distance(row[4], spelt) <= 1],
            [row for row in self.rows if long and OSA.distance(row[3], spelt) <= 1],
        ]
        found = next((rows for rows in tries if rows), [])
        found.sort(key=lambda row: (ORDER.index(row[1]), len(row[0])))
        return list(dict.fromkeys(row[0] for row in found))[:8]

    def correct(self, typed: str) -> str | None:
        typed = fold(typed)
        if len(typed) < 2 or is_latin(typed):
            return None
        same = [n for n, row in enumerate(self.rows) if row[3] == pinyin(typed)[0] and row[0] != typed]
        if same:
            return self.found[min(same, key=lambda n: (-len(set(typed) & set(self.rows[n][0])), n))].text
        if len(typed) < 3:
            return None
        near = process.extractOne(
            typed,
            [row[0] for row in self.rows],
            scorer=OSA.normalized_similarity,
            score_cutoff=0.66 if len(typed) < 5 else 0.75,
        )
        return self.found[near[2]].text if near and near[0] != typed else None


# Few characters, so that much is alike: same sounds, a traditional one, several widths, what folds to two, and none.
PIECES = (
    "农村",
    "公路",
    "公鹿",
    "功",
    "路",
    "養",
    "养",
    "护",
    "率",
    "绿",
    "5G",
    "５ｇ",
    "g",
    "PM2.5",
    "㎡",
    "-",
    " ",
    "😀",
    "一",
    "\u200b",
)
NAMES = st.lists(st.sampled_from(PIECES), max_size=7).map("".join).filter(fold)
EDITS = st.tuples(st.integers(0, 9), st.sampled_from(("", "路", "g", "u", "，")), st.integers(0, 2))
LIST = st.lists(st.tuples(NAMES, st.sampled_from(ORDER)), max_size=40)


@st.composite
def asked(draw: st.DrawFn, rows: list[Row]) -> str:
    """A part of a text, of its pinyin or of its initials, perhaps with an error; or anything."""
    if not rows or draw(st.integers(0, 9)) == 0:
        return draw(st.one_of(NAMES, st.text(max_size=4)))
    row = draw(st.sampled_from(rows))
    text = row[draw(st.sampled_from((0, 3, 4)))]
    start = draw(st.integers(0, 2))
    text = text[start : start + draw(st.integers(1, 30))]
    if draw(st.booleans()):
        at, other, dropped = draw(EDITS)
        text = text[:at] + other + text[at + dropped :]
    return text


@settings(max_examples=100, deadline=None)
@given(st.data())
def test_the_same_as_looking_at_every_text(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    texts = data.draw(LIST)
    rows = [
        (text, kind, f"i{n % 7}" if kind == "indicator" else "", *pinyin(text)) for n, (text, kind) in enumerate(texts)
    ]
    gone = {f"i{n}" for n in data.draw(st.sets(st.integers(0, 8), max_size=4))}
    path = tmp_path_factory.getbasetemp() / "listed.bin"
    arrays.save(path, listed(rows), None)
    completer = Completer.load(path, pinyin)
    pairs = [
        (completer, Plain(rows)),
        (completer.without(gone), Plain([row for row in rows if row[2] not in gone])),
        (completer, Plain(rows)),
    ]
    for typed in data.draw(st.lists(asked(rows), min_size=1, max_size=8)):
        limit = data.draw(st.sampled_from((10, 1, 2, 50)))
        for one, plain in pairs:
            assert one.complete(typed, limit) == plain.complete(typed, limit), typed
            assert one.sounds(typed) == plain.sounds(typed), typed
            assert one.correct(typed) == plain.correct(typed), typed


@pytest.mark.parametrize("typed", ["公" * 100_000, "gonglu" * 20_000, "公路养护" * 25_000])
def test_what_is_longer_than_every_text_is_found_nowhere(completer: Completer, typed: str) -> None:
    assert (completer.complete(typed), completer.sounds(typed), completer.correct(typed)) == ([], [], None)
