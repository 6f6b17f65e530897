"""A generation is checked before it serves, and damage is told from health."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from corpus.access import PUBLIC
from corpus.errors import Conflict, NotReady
from corpus.store import Store
from indexer import build, complete, search
from indexer.build import Manifest
from indexer.engines import arrays
from indexer.live import Live
from indexer.search import Query

PutRows = Callable[..., None]


def generations(store: Store) -> list[str]:
    return sorted(p.name for p in build.root(store.folder).glob("gen-*"))


def test_the_manifest_says_what_is_in_it(store: Store) -> None:
    found = build.verify(store)
    assert build.current(store.folder).name == found.name
    assert (found.format, found.seq, found.counts) == (
        build.FORMAT, store.head(), {"indicators": 28, "policies": 4, "experts": 2},
    )  # fmt: skip
    assert json.loads((build.current(store.folder) / "manifest.json").read_text(encoding="utf-8")) == asdict(found)


def test_the_same_content_has_the_same_name_but_for_the_number(store: Store, rows: Any, put_rows: PutRows) -> None:
    first = build.manifest(build.current(store.folder))
    second = build.build(store)
    assert (first.name.rsplit("-", 1)[0], second.digests, second.public) == (
        second.name.rsplit("-", 1)[0], first.digests, first.public,
    )  # fmt: skip
    assert [m.name.rsplit("-", 1)[1] for m in (first, second)] == ["1", "2"]
    put_rows(store, {**rows["2100003"], "name": "涵洞检测座数"})
    third = build.build(store)
    assert third.name.rsplit("-", 1)[0] != first.name.rsplit("-", 1)[0]
    assert {k: third.digests[k] == first.digests[k] for k in first.digests} == {
        "indicators": False, "policies": True, "experts": True,
    }  # fmt: skip


def test_two_generations_are_kept(store: Store) -> None:
    names = [build.build(store).name for _ in range(3)]
    assert (generations(store), build.current(store.folder).name) == (sorted(names[1:]), names[2])


def test_the_serving_generation_is_kept_however_old(store: Store) -> None:
    first = build.current(store.folder).name
    for n in (7, 8, 9):
        (build.root(store.folder) / f"gen-abc-{n}").mkdir()
    build.prune(store.folder)
    assert generations(store) == sorted(["gen-abc-8", "gen-abc-9", first])


def test_what_a_dead_builder_left_is_removed(store: Store) -> None:
    left = build.root(store.folder) / "building-1"
    (left / "open").mkdir(parents=True)
    (build.root(store.folder) / "CURRENT.new").write_text("half", encoding="utf-8")
    name = build.build(store).name
    assert sorted(p.name for p in build.root(store.folder).iterdir() if not p.name.startswith("gen-")) == [
        "CURRENT", "LOCK",
    ]  # fmt: skip
    assert build.current(store.folder).name == name


def test_one_builder_at_a_time(store: Store) -> None:
    before = generations(store)
    with build.lock(store.folder), pytest.raises(Conflict, match="另一个进程正在建立索引"):
        build.build(store)
    assert generations(store) == before
    build.build(store)


def damage_terms(folder: Path) -> None:
    file = folder / "open" / "indicators" / "scores" / "scores.bin"
    one, other = ("养护".encode(arrays.ENCODING), "护养".encode(arrays.ENCODING))
    assert one in file.read_bytes()
    file.write_bytes(file.read_bytes().replace(one, other))


def damage_numbers(folder: Path) -> None:
    file = folder / "full" / "indicators" / "scores" / "scores.bin"
    content = bytearray(file.read_bytes())
    content[-1] ^= 1
    file.write_bytes(content)


def damage_whoosh(folder: Path) -> None:
    file = next((folder / "open" / "indicators" / "whoosh").rglob("*.pst"))
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 255
    file.write_bytes(content)


def swap_editions(folder: Path) -> None:
    """What would show restricted records to the public."""
    (folder / "open").rename(folder / "other")
    (folder / "full").rename(folder / "open")
    (folder / "other").rename(folder / "full")


def remove_part(folder: Path) -> None:
    shutil.rmtree(folder / "full" / "policies")


def add_completion(folder: Path) -> None:
    rows = [("公路", "word", "", "gonglu", "gl"), ("蓝盾", "word", "", "landun", "ld")]
    arrays.save(folder / "open" / "complete.bin", complete.listed(rows), None)


def cut_manifest(folder: Path) -> None:
    (folder / "manifest.json").write_text('{"format": 2', encoding="utf-8")


def empty_manifest(folder: Path) -> None:
    (folder / "manifest.json").write_text('{"format": 2}', encoding="utf-8")


def odd_manifest(folder: Path) -> None:
    (folder / "manifest.json").write_text("[1]", encoding="utf-8")


def remove_manifest(folder: Path) -> None:
    (folder / "manifest.json").unlink()


def forge_digest(folder: Path) -> None:
    file = folder / "manifest.json"
    found = json.loads(file.read_text(encoding="utf-8"))
    found["digests"]["experts"] = "0" * 32
    file.write_text(json.dumps(found), encoding="utf-8")


@pytest.mark.parametrize(
    "damage",
    [damage_terms, damage_numbers, damage_whoosh, swap_editions, remove_part, add_completion, cut_manifest,
     empty_manifest, odd_manifest, remove_manifest, forge_digest],
)  # fmt: skip
def test_verify_catches_a_tampered_index(store: Store, damage: Callable[[Path], None]) -> None:
    build.verify(store)
    damage(build.current(store.folder))
    with pytest.raises(NotReady, match="zhibiao index --full"):
        build.verify(store)
    build.build(store)
    build.verify(store)


def test_verify_compares_with_the_store(store: Store) -> None:
    """A write that bypassed the feed."""
    with store.writing() as db:
        db.conn.execute("update indicators set name = '改' where code = '2100003'")
    with pytest.raises(NotReady, match="不一致"):
        build.verify(store)


def test_verify_takes_an_index_that_is_behind(store: Store, rows: Any, put_rows: PutRows) -> None:
    put_rows(store, {**rows["2100003"], "name": "涵洞检测座数"})
    assert build.verify(store).seq == store.head() - 1


def test_a_build_that_fails_its_check_leaves_the_old_one_serving(store: Store) -> None:
    """Somebody touches the files between writing and checking."""
    before = (build.current(store.folder), generations(store))

    def meddle(message: str) -> None:
        if message == "核对":
            aside = next(build.root(store.folder).glob("building-*"))
            for file in (aside / "open" / "experts").rglob("*"):
                if file.is_file():
                    file.unlink()
            build.Embedded.build(aside / "other", build.SCHEMAS["experts"], [])
            shutil.rmtree(aside / "open" / "experts")
            (aside / "other").rename(aside / "open" / "experts")

    with pytest.raises(NotReady, match="核对未通过（experts）"):
        build.build(store, meddle)
    assert (build.current(store.folder), generations(store)) == before
    build.verify(store)


def test_another_format_is_rebuilt_and_not_guessed_at(store: Store, live: Live, cast: Any) -> None:
    file = build.current(store.folder) / "manifest.json"
    found = json.loads(file.read_text(encoding="utf-8"))
    file.write_text(json.dumps({**found, "format": build.FORMAT - 1}), encoding="utf-8")
    for ask in (lambda: build.verify(store), live.view):
        with pytest.raises(NotReady, match="其他版本"):
            ask()
    build.build(store)
    assert search.search_indicators(store, live, Query(""), cast.public).total == 24


def test_progress_is_told(store: Store) -> None:
    messages: list[str] = []
    build.build(store, messages.append)
    assert messages == [
        "分词",
        "计算 indicators 28 条",
        "计算 policies 4 条",
        "计算 experts 2 条",
        "写入索引",
        "核对",
    ]


def test_parts_and_a_second_process_make_the_same_index(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    def asked() -> dict[str, object]:
        live = Live(store)
        found = search.search_indicators(store, live, Query("“路面”"), PUBLIC).as_json()
        live.close()
        return found

    whole, before = build.build(store), asked()
    monkeypatch.setattr(build, "PART", 5)
    parts = build.build(store)
    assert (parts.counts, parts.digests, parts.public) == (whole.counts, whole.digests, whole.public)
    folder = build.current(store.folder) / "open" / "indicators" / "whoosh"
    assert sorted(p.name for p in folder.iterdir()) == ["0000", "0001", "0002", "0003", "0004"]
    assert build.verify(store) == parts
    assert asked() == before
    assert before["total"] != 0


def test_the_open_edition_holds_no_word_of_the_restricted(store: Store) -> None:
    """Read as bytes, whatever the file; Whoosh keeps terms as UTF-8."""
    folder = build.current(store.folder)
    forbidden = [w.encode() for w in ("蓝盾", "玄武", "架次", "要地警卫", "2190001")]
    forbidden += [json.dumps(w.decode())[1:-1].encode() for w in forbidden]

    def leaking(part: Path) -> list[str]:
        files = [p for p in part.rglob("*") if p.is_file()]
        return [p.name for p in files for w in forbidden if w in p.read_bytes()]

    assert leaking(folder / "open") == []
    assert leaking(folder / "full") != []


def test_an_empty_library_is_built(tmp_path: Path) -> None:
    store = Store.create(tmp_path)
    built = build.build(store)
    assert (built.counts, build.verify(store)) == ({"indicators": 0, "policies": 0, "experts": 0}, built)
    assert isinstance(built, Manifest)
    store.close()
