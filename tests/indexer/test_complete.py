"""As-you-type offers, over public texts alone."""

from __future__ import annotations

from dataclasses import replace

import pytest

from corpus import indicators, words
from corpus.access import PUBLIC
from corpus.store import Store
from indexer import complete
from indexer.complete import Completer, Completion
from indexer.live import Live

Library = tuple[Store, Live]


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
    completer = Completer([[f"公路{n}", kind, "", f"gonglu{n}", f"gl{n}"] for n, kind in enumerate(kinds)])
    expected = [Completion(f"公路{n}", kinds[n]) for n in (4, 3, 2, 1, 0)]
    assert (completer.complete("公路"), completer.complete("gl")) == (expected, expected)
    assert replace(expected[0], id="x").as_json() == {"text": "公路4", "kind": "domain", "id": "x"}
