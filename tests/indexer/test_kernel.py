"""The compiled kernel finds exactly jieba's words; what it reads from disk is checked; nothing depends on it."""

from __future__ import annotations

import importlib.util
import json
import math
import os
import random
import subprocess
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import ModuleType

import jieba
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from corpus import reference
from corpus.text import fold
from indexer import analysis, kept, kernel
from indexer.analysis import Analyzer
from indexer.kernel import LIBRARY, Words

SAMPLES = os.environ.get("ZHIBIAO_SAMPLES")
needs_kernel = pytest.mark.skipif(kernel.load() is None, reason="the kernel was not compiled on this machine")
Pair = tuple[Analyzer, Analyzer]


def pair(terms: Sequence[str] = ()) -> Pair:
    """The same analysis by the kernel and by jieba."""
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("ZHIBIAO_KERNEL", raising=False)
        fast = Analyzer(terms)
        patch.setenv("ZHIBIAO_KERNEL", "off")
        return fast, Analyzer(terms)


def lexicon() -> list[str]:
    """As a build of the reference library makes it."""
    listed = [r["term"] for name in ("lexicon.tsv", "synonyms.tsv") for r in reference.table(reference.FOLDER / name)]
    return sorted(set(map(fold, listed)))


def both(analyzers: Pair, text: str) -> list[tuple[object, ...]]:
    """All that is known of a text, by either; the first differing character is easy to find in it."""
    return [(tuple(a.each([text])[0]), tuple(a.words(text)), a.known(fold(text))) for a in analyzers]


def differing(analyzers: Pair, texts: Sequence[str]) -> list[str]:
    return [text for text in dict.fromkeys(texts) if len(set(both(analyzers, text))) > 1]


@pytest.fixture(scope="module")
def analyzers() -> Pair:
    return pair(lexicon())


@pytest.fixture(scope="module")
def library() -> list[str]:
    """Every text of the reference library that is cut."""
    fields = ("name", "definition", "formula", "evidence", "keywords", "use", "industry", "domain")
    found = [row.cells.get(field) or "" for row in reference.rows() for field in fields]
    found += [p.text for parsed in reference.digests() for p in parsed.passages]
    return list(dict.fromkeys(found))


@needs_kernel
def test_the_two_are_what_they_are_taken_for(analyzers: Pair) -> None:
    assert [type(a._tokenizer).__name__ for a in analyzers] == ["_Kernel", "_Tokenizer"]


@needs_kernel
def test_the_lexicon_weighs_the_same(analyzers: Pair) -> None:
    fast, slow = (a._tokenizer for a in analyzers)
    slots = fast._dictionary._slots
    logarithms = sorted(math.log(f) for f in slow.FREQ.values() if f)
    assert fast._dictionary._table.total == slow.total
    assert sorted(x for x in slots["frequency"][slots["key"] > 0].tolist() if not math.isnan(x)) == logarithms
    assert len(slow.FREQ) == (slots["key"] > 0).sum()


@needs_kernel
def test_the_reference_library_is_cut_the_same(analyzers: Pair, library: list[str]) -> None:
    count = int(os.environ.get("ZHIBIAO_KERNEL_TEXTS", "3000"))
    assert len(library) > 20000
    assert differing(analyzers, random.Random(1).sample(library, min(count, len(library)))) == []  # noqa: S311


@needs_kernel
@pytest.mark.skipif(not SAMPLES, reason="ZHIBIAO_SAMPLES is not set: the sample goals are not on this machine")
def test_real_goals_are_cut_the_same(analyzers: Pair) -> None:
    lines = (Path(SAMPLES or "") / "goals" / "dev_goals.jsonl").read_text(encoding="utf-8").splitlines()
    goals = [json.loads(line) for line in lines]
    texts = [text for g in goals for text in (g["project"], g["goal"], *(r["name"] for r in g["indicators"]))]
    assert len(texts) > 300
    assert differing(analyzers, texts) == []


@needs_kernel
@pytest.mark.parametrize(
    "text",
    [
        "", " ", "。", "的", "了的", "\r\n", "PM2.5", "pm2.5浓度下降率≥5%", "5G基站", "5g", "100%", "100%达标", "+", "--", "C++",
        "a" * 50, "农村公路 养护\t工程\r\n验收", "㐀㐁𠀀𠀁农村𠀀公路", "农村公路😀养护👨‍👩‍👧", "ＡＢＣ１２３％", "高標準農田", "‰", "_",
        "\ud800农村\udfff", "\0农村\0公路", "一" * 300, "龥龦鿕鿖", "é农村ü", "한국어 農村", "0.5‰", "#1&2", "农-村-公-路",
    ],
)  # fmt: skip
def test_odd_texts_are_cut_the_same(analyzers: Pair, text: str) -> None:
    fast, slow = both(analyzers, text)
    assert fast == slow


@needs_kernel
def test_long_texts_are_cut_the_same(analyzers: Pair, library: list[str]) -> None:
    text = ("。".join(library) * 2)[:100_000]
    assert len(text) == 100_000
    for long in (text, text.replace("。", ""), text[:4001], text[:4000], "农村公路" * 25_000):
        fast, slow = both(analyzers, long)
        assert fast == slow


@needs_kernel
def test_unknown_words_are_recognised_the_same(analyzers: Pair, library: list[str]) -> None:
    """Characters as frequent as they are, in no order: nearly all that is seen is jieba's model of unknown words."""
    characters = [*fold("".join(library))]
    random.Random(2).shuffle(characters)  # noqa: S311
    texts = ["".join(characters[k : k + 30]) for k in range(0, 60_000, 30)]
    assert differing(analyzers, texts) == []


PIECES = st.one_of(
    st.sampled_from(lexicon()),
    st.sampled_from("农村公路养护工程验收合格率的了和与≥≤%％‰+-#&._ 。，、（）\t😀𠀀𪛖㐀０１ａＢéü한"),
    st.text(st.characters(min_codepoint=0x4E00, max_codepoint=0x9FFF), max_size=6),
    st.text("0123456789abcABC+-#&._% ", max_size=8),
    st.text(max_size=4),
)


@needs_kernel
@given(st.lists(PIECES, max_size=25).map("".join))
def test_any_text_is_cut_the_same(analyzers: Pair, text: str) -> None:
    fast, slow = both(analyzers, text)
    assert fast == slow


SMALL = st.text("甲乙丙ab1+。\r\n", min_size=1, max_size=5)


@needs_kernel
@settings(deadline=None)
@given(
    st.dictionaries(SMALL, st.integers(1, 10**6), min_size=1, max_size=12),
    st.lists(SMALL, max_size=8),
    st.lists(st.text("甲乙丙丁ab1+。 ", max_size=14), max_size=6),
)
def test_any_dictionary_cuts_the_same(listed: dict[str, int], terms: list[str], texts: list[str]) -> None:
    """Few characters, so that words overlap, begin with each other and come twice."""
    found: dict[str, int] = {}
    for word, frequency in listed.items():
        found |= {word: frequency} | {word[:k]: 0 for k in range(1, len(word)) if not found.get(word[:k])}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(analysis, "_words", [Words.of(list(listed), listed.values())])
        patch.setattr(analysis, "_frequencies", [(found, sum(listed.values()))])
        assert differing(pair(terms), [*texts, *listed, *terms, "".join(texts)]) == []


@needs_kernel
def test_more_known_words_than_expected() -> None:
    analyzers = pair(["乙" * n for n in range(2, 101)])
    fast, slow = both(analyzers, "乙" * 400)
    assert fast == slow
    assert len(fast[0]) > 30_000


@needs_kernel
def test_what_is_no_text_is_refused(analyzers: Pair) -> None:
    dictionary = analyzers[0]._tokenizer._dictionary
    module, handle, stop = dictionary._library.module, dictionary._handle, dictionary._stop
    for wrong in (
        lambda: dictionary.words(b"text"),
        lambda: dictionary.tokens(["text", None]),
        lambda: module.words(handle, [], "text"),
        lambda: module.words(0, stop, "text"),
        lambda: module.words(handle, stop),
        lambda: module.words("handle", stop, "text"),
        lambda: module.tokens(handle, stop, ["text"]),
        lambda: module.tokens(handle, stop, "text"),
    ):
        with pytest.raises(TypeError):
            wrong()


@needs_kernel
def test_threads_do_not_mix_their_texts(analyzers: Pair, library: list[str]) -> None:
    texts = [*library[:400], "。".join(library[:400]), "".join(library[400:900])]
    alone = [tuple(analyzers[0].each([text])[0]) for text in texts]
    with ThreadPoolExecutor(4) as pool:
        runs = list(pool.map(lambda _: [tuple(analyzers[0].each([text])[0]) for text in texts], range(4)))
    assert runs == [alone] * 4


# ---- the words on disk ----


@pytest.fixture
def saved(tmp_path: Path) -> tuple[Words, Path]:
    words = Words.of(["农村", "农村公路", "𠀀a"], [7, 3, 5])
    words.save(tmp_path / "cache" / "words.bin", "source 1")
    return words, tmp_path / "cache" / "words.bin"


def content(words: Words | None) -> list[list[int]] | None:
    return words and [words.text.tolist(), words.lengths.tolist(), words.frequencies.tolist()]


def test_saved_words_are_read_again(saved: tuple[Words, Path]) -> None:
    words, path = saved
    assert content(Words.load(path, "source 1")) == content(words)
    assert [p.name for p in path.parent.iterdir()] == ["words.bin"]


def test_words_of_another_source_are_not_read(saved: tuple[Words, Path], tmp_path: Path) -> None:
    _, path = saved
    kept.save(tmp_path / "other", "source 1", b"no words")
    found = [Words.load(path, "source 2"), Words.load(tmp_path / "none", "source 1")]
    assert [*found, Words.load(tmp_path / "other", "source 1")] == [None] * 3


# ---- without a compiler ----


@pytest.fixture(scope="module")
def hook() -> ModuleType:
    path = Path(__file__).parents[2] / "hatch_build.py"
    spec = importlib.util.spec_from_file_location("hatch_build", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def compiling(hook: ModuleType, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The hook, where it has a compiler."""
    monkeypatch.delenv("CC", raising=False)
    if hook.compiler() is None:
        pytest.skip("no C compiler on this machine")
    return hook


@pytest.fixture
def sources(tmp_path: Path) -> Iterator[Path]:
    """A copy of the kernel's sources with a library left over from before."""
    (tmp_path / "kernel.c").write_bytes(Path(kernel.__file__).with_name("kernel.c").read_bytes())
    (tmp_path / LIBRARY).write_bytes(b"old")
    yield tmp_path
    assert {p.name for p in tmp_path.iterdir()} <= {"kernel.c", LIBRARY}


def test_the_names_agree(hook: ModuleType) -> None:
    assert hook.LIBRARY == LIBRARY


@pytest.mark.parametrize("command", ["/nonexistent/cc", "false"])
def test_without_a_compiler_nothing_is_left(
    hook: ModuleType, sources: Path, monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    monkeypatch.setenv("CC", command)
    assert "C compiler" in hook.compile_kernel(sources)
    assert not (sources / LIBRARY).exists()
    assert kernel._open(sources / LIBRARY) is None


@needs_kernel
def test_the_hook_compiles_and_old_libraries_are_not_used(compiling: ModuleType, sources: Path) -> None:
    assert compiling.compile_kernel(sources) == ""
    current = kernel._open(sources / LIBRARY)
    assert current is not None
    assert current.short.zb_format() == kernel.FORMAT
    text = (sources / "kernel.c").read_text(encoding="utf-8")
    other = sources / "other"
    other.mkdir()
    (other / "kernel.c").write_text(text.replace(f"#define FORMAT {kernel.FORMAT}", "#define FORMAT 0"), "utf-8")
    assert compiling.compile_kernel(other) == ""
    assert kernel._open(other / LIBRARY) is None
    for path in other.iterdir():
        path.unlink()
    other.rmdir()


@needs_kernel
@pytest.mark.skipif(sys.platform != "linux", reason="how a library shows it is the system's own")
def test_the_library_is_hardened(compiling: ModuleType, sources: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Guarded stacks and tables that are read-only once it is loaded; a plain one shows what the difference is."""
    assert compiling.compile_kernel(sources) == ""
    made = (sources / LIBRARY).read_bytes()
    monkeypatch.setattr(compiling, "HARDENED", ("-fno-stack-protector",))
    assert compiling.compile_kernel(sources) == ""
    assert [b"__stack_chk_fail" in content for content in (made, (sources / LIBRARY).read_bytes())] == [True, False]


@needs_kernel
def test_without_pythons_headers_nothing_is_left(
    compiling: ModuleType, sources: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """None there, or none that the compiler can do with."""
    for found, said in ((None, "headers were not found"), ([f"-I{sources}", "-nostdinc"], "compiler failed")):
        monkeypatch.setattr(compiling, "headers", lambda found=found: found)
        assert said in compiling.compile_kernel(sources)
        assert not (sources / LIBRARY).exists()


@needs_kernel
def test_headers_are_looked_for_where_this_python_has_them(hook: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(hook.sysconfig, "get_path", lambda name: f"/nonexistent/{name}")
        assert hook.headers() is None
    folders = [Path(option[2:]) for option in hook.headers() or () if option.startswith("-I")]
    assert not folders or any((folder / "Python.h").is_file() for folder in folders)


def test_a_broken_library_is_not_used(tmp_path: Path) -> None:
    (tmp_path / LIBRARY).write_bytes(b"\x7fELF" + bytes(60))
    assert kernel._open(tmp_path / LIBRARY) is None


CHILD = """
import sys
from pathlib import Path
from indexer.analysis import Analyzer
print(*Analyzer(["弯沉值"], cache=Path(sys.argv[1])).tokens("农村公路弯沉值检测"))
"""


@needs_kernel
def test_words_that_cannot_be_kept_are_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "cache").write_text("a file where the folder should be")
    monkeypatch.delenv("ZHIBIAO_KERNEL", raising=False)
    monkeypatch.setattr(analysis, "_words", [])
    assert Analyzer(["弯沉值"], cache=tmp_path / "cache").words("路面弯沉值") == ["路面", "弯沉值"]


@needs_kernel
def test_two_processes_may_write_the_words_at_once(tmp_path: Path) -> None:
    command = [sys.executable, "-W", "ignore", "-c", CHILD, str(tmp_path)]
    environment = {**os.environ, "PYTHONUTF8": "1"}
    environment.pop("ZHIBIAO_KERNEL", None)
    started = [subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) for _ in range(3)]
    assert {child.communicate()[0].strip() for child in started} == {"农村 农村公路 公路 弯沉值 检测"}
    assert [p.name for p in tmp_path.iterdir()] == ["words.bin"]
    read = Words.load(tmp_path / "words.bin", f"jieba {jieba.__version__}")
    assert read is not None
    assert len(read.lengths) > 300_000
