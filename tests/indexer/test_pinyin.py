"""Texts are spelt as pypinyin spells them, from a file in a fraction of its memory."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pypinyin
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pypinyin.constants import PHRASES_DICT, PINYIN_DICT

from corpus.text import fold
from indexer import kept
from indexer.pinyin import Pinyin, Readings, fold_latin

pinyin = Pinyin()


def by_pypinyin(text: str) -> list[str]:
    """The syllables of a folded text."""
    return [fold_latin(syllable) for syllable in pypinyin.lazy_pinyin(text, errors=list)]


@pytest.mark.parametrize(
    ("text", "full", "initials"),
    [
        ("农村公路", "nongcungonglu", "ncgl"),
        ("合格率", "hegelu", "hgl"),
        ("绿化率", "luhualu", "lhl"),
        ("银行", "yinhang", "yh"),
        ("PM2.5浓度", "pm2.5nongdu", "pm2.5nd"),
        ("", "", ""),
    ],
)
def test_pinyin(text: str, full: str, initials: str) -> None:
    assert pinyin(text) == (full, initials)


@settings(deadline=None)
@given(st.text(alphabet="农村公路银行长乐重庆一行率绿化ü A1.、%", max_size=12))
def test_pinyin_word_by_word_is_that_of_the_whole(text: str) -> None:
    whole = by_pypinyin(fold(text))
    assert pinyin(text) == ("".join(whole), "".join(s[0] for s in whole if s))


@pytest.mark.parametrize("typed", ["lühualü", "lvhualv", "luhualu", "LV HUA LV", "lu'hua-lu", "Ｌｖｈｕａｌｖ"])
def test_the_spellings_of_ue_are_one(typed: str) -> None:
    assert fold_latin(typed) == pinyin("绿化率")[0]


@pytest.fixture(scope="module")
def readings() -> Readings:
    return Readings.derived()


def test_every_phrase_and_character_is_read_as_pypinyin_reads_it(readings: Readings) -> None:
    texts = [*map(chr, PINYIN_DICT), *PHRASES_DICT, "〇", "\U0003ffff", "𠀀", "a", "é", " "]
    assert [[*readings.syllables(text)] for text in texts] == [*map(by_pypinyin, texts)]


@settings(max_examples=500, deadline=None)
@given(st.lists(st.sampled_from(sorted(PHRASES_DICT)), min_size=1, max_size=4), st.data())
def test_phrases_across_each_other(readings: Readings, phrases: list[str], data: st.DataObject) -> None:
    """Cut off anywhere, so that one begins where another ends, or breaks off."""
    text = "".join(phrase[: data.draw(st.integers(1, len(phrase)))] for phrase in phrases)
    assert [*readings.syllables(text)] == by_pypinyin(text)


CHILD = """
import sys
from pathlib import Path
from threading import Thread
from indexer import pinyin
folder, held, heard = Path(sys.argv[1]), sys.argv[2] == "held", []
spell = pinyin.Pinyin(folder)
if held:
    pinyin._loading.acquire()
threads = [Thread(target=lambda: heard.append(spell("重庆市银行"))) for _ in range(4)]
for thread in threads:
    thread.start()
if held:
    threads[0].join(0.5)
    print([thread.is_alive() for thread in threads], heard, "pypinyin" in sys.modules)
    pinyin._loading.release()
for thread in threads:
    thread.join()
print(heard, "pypinyin" in sys.modules)
"""
HEARD = str([("chongqingshiyinhang", "cqsyh")] * 4)


def child(folder: Path, held: str = "") -> list[str]:
    """What four threads of a new process hear, and whether it loaded pypinyin."""
    command = [sys.executable, "-c", CHILD, str(folder), held]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()


def test_one_thread_loads_and_others_wait(tmp_path: Path) -> None:
    """pypinyin's modules import each other: threads that meet within them fail."""
    assert child(tmp_path, "held") == [f"{[True] * 4} [] False", f"{HEARD} True"]


def test_what_was_derived_is_kept_and_read_without_pypinyin(tmp_path: Path, readings: Readings) -> None:
    cache = tmp_path / "cache"
    assert child(cache) == [f"{HEARD} True"]
    assert [path.name for path in cache.iterdir()] == ["pinyin.bin"]
    assert child(cache) == [f"{HEARD} False"]
    assert Readings.kept(cache) == readings


def test_a_damaged_or_foreign_file_is_made_again(tmp_path: Path) -> None:
    path = tmp_path / "pinyin.bin"
    Readings.kept(tmp_path)
    whole = path.read_bytes()
    path.write_bytes(whole[:-1])
    assert child(tmp_path) == [f"{HEARD} True"]
    assert path.read_bytes() == whole
    kept.save(path, "pypinyin 0", b"[]")
    assert child(tmp_path) == [f"{HEARD} True"]
    assert path.read_bytes() == whole


def test_nothing_is_kept_where_it_cannot_be(tmp_path: Path, readings: Readings) -> None:
    (tmp_path / "file").touch()
    assert Readings.kept(tmp_path / "file") == readings
