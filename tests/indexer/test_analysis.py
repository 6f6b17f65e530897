"""Terms: parts are found, the lexicon's words stay whole, Latin input is compared as one spelling."""

from __future__ import annotations

import marshal
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from indexer import kernel
from indexer.analysis import STOP_WORDS, Analyzer, characters


@pytest.fixture(scope="module", params=["on", "off"], autouse=True)
def switched(request: pytest.FixtureRequest) -> Iterator[str]:
    """Every test runs with the compiled kernel and with jieba alone."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ZHIBIAO_KERNEL", request.param)
        if request.param == "on" and kernel.load() is None:
            pytest.skip("the kernel was not compiled on this machine")
        yield request.param


@pytest.fixture(scope="module")
def analyzer(tmp_path_factory: pytest.TempPathFactory, switched: str) -> Analyzer:
    return Analyzer(["弯沉值", "农村公路", "高標準農田", "灌溉保證率"], cache=tmp_path_factory.mktemp("cache"))


def test_search_mode_gives_the_parts_and_the_whole(analyzer: Analyzer) -> None:
    assert sorted(set(analyzer.tokens("中国农业发展银行"))) == ["中国", "农业", "农业发展银行", "发展", "银行"]
    assert sorted(set(analyzer.tokens("农村公路养护"))) == ["公路", "养护", "农村", "农村公路"]


def test_words_are_uncut_and_in_order(analyzer: Analyzer) -> None:
    assert analyzer.words("农村公路的养护，以及弯沉值！") == ["农村公路", "养护", "弯沉值"]


def test_the_lexicon_keeps_its_terms_whole_in_any_spelling(analyzer: Analyzer, tmp_path: Path) -> None:
    plain = Analyzer(cache=tmp_path / "cache")
    for written, term in (("弯沉值", "弯沉值"), ("灌溉保证率", "灌溉保证率"), ("高標准农田", "高标准农田")):
        assert analyzer.words(f"路面{written}检测") == ["路面", term, "检测"]
        assert term not in plain.words(f"路面{written}检测")
    assert (analyzer.known("弯沉值"), plain.known("弯沉值")) == (True, False)


def test_one_lexicon_does_not_change_another(tmp_path: Path) -> None:
    first = Analyzer(["弯沉值"], cache=tmp_path / "cache")
    second = Analyzer(["沉值合"], cache=tmp_path / "cache")
    assert (first.words("弯沉值"), second.known("弯沉值")) == (["弯沉值"], False)


def test_stop_words_and_signs_are_no_terms(analyzer: Analyzer) -> None:
    assert analyzer.tokens("的、进行；！？😀…") == ()
    assert [w for w in STOP_WORDS if analyzer.tokens(w)] == []


@given(st.text(max_size=60))
def test_every_term_stands_in_the_folded_text(analyzer: Analyzer, text: str) -> None:
    folded = "".join(characters(text))
    assert [t for t in analyzer.tokens(text) if "".join(characters(t)) not in folded] == []
    assert [w for w in analyzer.words(text) if w not in analyzer.tokens(text)] == []


PIECES = ["农村公路", "弯沉值检测", "的", "C++", "合格率≥95%", "--", "\n", " ", "。", "芈月霏", "😀"]


@given(st.lists(st.lists(st.sampled_from(PIECES)).map("".join) | st.text(max_size=8)))
def test_texts_cut_together_give_what_each_gives_alone(analyzer: Analyzer, texts: list[str]) -> None:
    assert analyzer.each(texts) == [list(analyzer.tokens(text)) for text in texts]


def test_long_texts_cut_together_give_what_each_gives_alone(analyzer: Analyzer) -> None:
    texts = ["农村公路养护" * 900, "", "弯沉值", "高标准农田。" * 900]
    assert analyzer.each(texts) == [list(analyzer.tokens(text)) for text in texts]


def test_equal_words_are_one_object(analyzer: Analyzer) -> None:
    found = [word for text in ("农村公路、芈月霏", "农村公路养护、芈月霏、路") for word in analyzer.each([text])[0]]
    assert len({*map(id, found)}) == len(set(found)) < len(found)


def test_characters_leave_out_blanks_only() -> None:
    assert characters(" 农村\t公 路%A ") == ["农", "村", "公", "路", "%", "a"]


CHILD = """
import sys
from pathlib import Path
from indexer.analysis import Analyzer
for folder in sys.argv[1:]:
    print(*Analyzer(cache=Path(folder) if folder else None).words("农村公路养护"))
"""


def child(shared: Path, *folders: str) -> list[str]:
    """What a new process cuts, whose temporary folder is ``shared``: a process reads the dictionary once."""
    environment = {**os.environ, "TMPDIR": str(shared), "PYTHONUTF8": "1"}
    command = [sys.executable, "-W", "ignore", "-c", CHILD, *folders]
    return subprocess.run(command, env=environment, check=True, capture_output=True, text=True).stdout.splitlines()


@pytest.mark.parametrize("found", [None, b"damaged"])
def test_the_dictionary_cache_lies_in_the_given_folder_alone(
    tmp_path: Path, found: bytes | None, switched: str
) -> None:
    """And what somebody put into the machine's temporary folder is not read."""
    name = "words.bin" if switched == "on" else "jieba.cache"
    shared, given = tmp_path / "shared", tmp_path / "given"
    for folder in (shared, given):
        folder.mkdir()
    (shared / "jieba.cache").write_bytes(marshal.dumps(({"农村公路养护": 10**6}, 10**6)))
    if found:
        (given / name).write_bytes(found)
    assert child(shared, str(given)) == ["农村公路 养护"]
    assert [p.name for p in given.iterdir()] == [name]
    assert (given / name).stat().st_size > 10**6
    assert [p.name for p in shared.iterdir()] == ["jieba.cache"]
    if found:
        return
    # The second process reads the cache that the first one wrote.
    written = (given / name).stat().st_mtime_ns
    assert child(shared, str(given), "") == ["农村公路 养护"] * 2
    assert (given / name).stat().st_mtime_ns == written


def test_no_cache_is_kept_where_none_was_asked_for(tmp_path: Path) -> None:
    assert (child(tmp_path, ""), list(tmp_path.iterdir())) == (["农村公路 养护"], [])
