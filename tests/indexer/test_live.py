"""What was written is found by the next search, long before a build; and an answer sees one moment only."""

from __future__ import annotations

import gc
import shutil
import subprocess
import sys
import weakref
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from threading import Event, Thread
from typing import Any

import pytest

from corpus import experts, indicators, policies, words
from corpus.access import PUBLIC, Actor, visible
from corpus.errors import NotReady
from corpus.model import Expert, Status
from corpus.store import Store
from corpus.words import Synonym, SynonymType
from indexer import build, search
from indexer.live import Live
from indexer.search import Query
from indexer.suggest import Draft, suggest

PutRows = Callable[..., None]
Rows = dict[str, dict[str, str]]


def found(store: Store, live: Live, text: str, actor: Actor = PUBLIC) -> tuple[int, list[str]]:
    results = search.search_indicators(store, live, Query(text), actor)
    return results.total, [hit.record.code for hit in results.hits]


def test_a_change_written_by_another_process_is_found_by_the_next_search(store: Store, live: Live) -> None:
    assert found(store, live, "“隧道照明”") == (0, [])
    script = """
import sys
from pathlib import Path
from corpus import imports
from corpus.readers.tables import Row
from corpus.store import Store
store = Store.open(Path(sys.argv[1]))
cells = {"name": "隧道照明完好率", "level2": "质量", "operator": "≥", "unit": "%", "reference": "98",
         "owner": "州交通运输局", "visibility": "公开", "theme": "通用"}
plan = imports.plan(store, [Row("", 2, cells)], origin="别处")
imports.apply(store, plan, actor="别处", source="别处")
"""
    folder = build.current(store.folder)
    subprocess.run([sys.executable, "-W", "ignore", "-c", script, str(store.folder)], check=True)
    assert found(store, live, "“隧道照明”") == (1, ["2200006"])
    assert (build.current(store.folder), live.view().pending) == (folder, 1)


def test_a_change_written_by_another_thread_is_found(store: Store, live: Live, rows: Rows, put_rows: PutRows) -> None:
    live.view()
    with ThreadPoolExecutor(1) as pool:
        pool.submit(put_rows, store, {**rows["2100003"], "name": "涵洞座数", "definition": ""}).result()
    assert (found(store, live, "“涵洞座数”"), found(store, live, "“桥梁”")) == ((1, ["2100003"]), (0, []))


@pytest.mark.parametrize("status", [Status.RETIRED, Status.DRAFT])
def test_a_record_no_longer_active_vanishes_and_comes_back(store: Store, live: Live, status: Status) -> None:
    record = indicators.get(store, "2100003", PUBLIC)
    assert found(store, live, "“桥梁检测座数”") == (1, ["2100003"])
    indicators.put(store, [replace(record, status=status)], actor="管", action="retire", detail="")
    assert found(store, live, "“桥梁检测座数”") == (0, [])
    assert [c.text for c in live.view().completer.complete("桥梁检测座")] == []
    indicators.put(store, [record], actor="管", action="restore", detail="")
    assert found(store, live, "“桥梁检测座数”") == (1, ["2100003"])


def test_a_deleted_record_vanishes(store: Store, live: Live) -> None:
    record = indicators.get(store, "2100003", PUBLIC)
    assert found(store, live, "“桥梁检测座数”") == (1, ["2100003"])
    with store.writing() as db:
        db.conn.execute("delete from indicators where id = ?", [record.id])
        store.record("indicators", [(record.id, 2, {})], actor="管", action="delete", detail="")
    assert found(store, live, "“桥梁检测座数”") == (0, [])


def test_a_record_made_restricted_is_gone_for_the_public_at_once(
    store: Store, live: Live, rows: Rows, put_rows: PutRows, cast: Any
) -> None:
    record = indicators.get(store, "2100003", PUBLIC)
    before = live.view().completer.complete("桥梁检测座", 5)
    put_rows(store, {**rows["2100003"], "visibility": "不公开"})
    results = search.search_indicators(store, live, Query("桥梁"), PUBLIC)
    assert (results.total, results.hits) == (0, ())
    assert [c.id for c in before] == [record.id]
    assert live.view().completer.complete("桥梁检测座", 5) == []
    assert [found(store, live, "“桥梁检测座数”", a) for a in (cast.roads, cast.police, cast.reviewer)] == [
        (1, ["2100003"]), (0, []), (1, ["2100003"]),
    ]  # fmt: skip
    put_rows(store, rows["2100003"])
    assert found(store, live, "“桥梁检测座数”") == (1, ["2100003"])


def test_changed_policies_lose_their_old_passages(store: Store, live: Live, cast: Any) -> None:
    policy = policies.everything(store, PUBLIC)[0]

    def passages(actor: Actor, text: str) -> list[str]:
        results = search.search_policies(store, live, Query(text), actor)
        assert results.total == len(results.hits)
        return [policies.passage_id(h.record.policy.id, h.record.passage.ordinal) for h in results.hits]

    def change(*statements: str) -> None:
        with store.writing() as db:
            for statement in statements:
                db.conn.execute(statement)
            revision = store.head()  # any number that is new
            store.record("policies", [(policy.id, revision, {})], actor="管", action="import", detail="")

    whole = passages(PUBLIC, "")
    assert [p.removeprefix(policy.id) for p in whole] == ["-1", "-2", "-3", "-4"]
    assert passages(PUBLIC, "“沿线群众”") == whole[3:]
    change("delete from passages where ordinal = 4", "update passages set text = '第二条 隧道照明。' where ordinal = 3")
    assert (passages(PUBLIC, ""), passages(PUBLIC, "“沿线群众”")) == (whole[:3], [])
    assert (passages(PUBLIC, "“隧道照明”"), passages(PUBLIC, "“验收合格率”")) == ([whole[2]], [])
    change("update policies set visibility = 'restricted', owner = '州交通运输局'")
    expected = {"public": [], "roads": whole[:3], "police": [], "reviewer": whole[:3], "auditor": []}
    assert {name: passages(getattr(cast, name), "") for name in expected} == expected
    facets = search.search_policies(store, live, Query(), PUBLIC).facets
    assert facets == {"policy": {}, "year": {}, "issuer": {}}
    change("delete from policies")
    assert passages(cast.reviewer, "") == []


def test_experts_follow_too(store: Store, live: Live, cast: Any) -> None:
    def names(text: str) -> list[str]:
        return [h.record.name for h in search.search_experts(store, live, Query(text), cast.reviewer).hits]

    assert (names("桥梁检测"), names("赵六"), names("")) == (["张三（示例）"], [], ["张三（示例）", "李四（示例）"])
    new = Expert("e004", "赵六（示例）", "行业领域", "某院", "设计单位", "", ("隧道",), True, Status.ACTIVE, 0, "")
    gone = Expert("e001", "张三（示例）", "行业领域", "某院", "设计单位", "", (), True, Status.RETIRED, 0, "")
    experts.put(store, [new, gone], actor="管", detail="")
    assert (names("桥梁检测"), names("赵六"), names("")) == ([], ["赵六（示例）"], ["李四（示例）", "赵六（示例）"])


def test_words_change_with_the_next_build(store: Store, live: Live) -> None:
    assert found(store, live, "修路架桥") == (0, [])
    words.put(store, [Synonym("农村公路", "修路架桥", SynonymType.COLLOQUIAL)], ["管护机制"])
    assert found(store, live, "修路架桥") == (0, [])
    assert live.view().seq == store.head()
    build.build(store)
    total, codes = found(store, live, "修路架桥")
    assert (total, codes[:2]) == (9, ["2100002", "2100001"])
    assert live.view().words.analyzer.words("管护机制") == ["管护机制"]


def test_many_changes(store: Store, live: Live, rows: Rows, put_rows: PutRows) -> None:
    many = [{**rows["2100003"], "code": f"21{n:05d}", "name": f"第{n}号涵洞数量"} for n in range(500, 1100)]
    put_rows(store, *many)
    assert found(store, live, "涵洞")[0] == 600
    assert found(store, live, "第777号涵洞数量")[1][0] == "2100777"
    put_rows(store, *({**row, "name": row["name"].replace("涵洞", "泵站")} for row in many))
    pages = [
        hit.record.code
        for page in range(1, 8)
        for hit in search.search_indicators(store, live, Query("泵站", {}, page, 100), PUBLIC).hits
    ]
    assert (found(store, live, "涵洞")[0], sorted(pages)) == (0, [row["code"] for row in many])
    before = [
        search.search_indicators(store, live, Query("泵站", {}, 2, 50, s), PUBLIC).as_json() for s in search.SORTS
    ]
    codes = [[item["code"] for item in b["items"]] for b in before]  # type: ignore[index, union-attr]
    build.build(store)
    after = [search.search_indicators(store, live, Query("泵站", {}, 2, 50, s), PUBLIC).as_json() for s in search.SORTS]
    assert [[item["code"] for item in a["items"]] for a in after] == codes  # type: ignore[index, union-attr]


def test_a_view_is_one_moment(store: Store, live: Live, rows: Rows, put_rows: PutRows) -> None:
    view = live.view()
    plan, scope = search.read(view, "检测"), visible(PUBLIC)
    before = view.engine("indicators", scope).search(plan, scope, {})
    put_rows(store, {**rows["2100003"], "name": "无关"})
    build.build(store)
    build.build(store)
    build.build(store)
    assert not view.folder.exists()
    later = live.view()
    assert view.engine("indicators", scope).search(plan, scope, {}) == before
    literal = search.read(view, "“桥梁检测”")
    assert view.engine("indicators", scope).search(literal, scope, {}).total == 1
    assert later.engine("indicators", scope).search(literal, scope, {}).total == 0
    assert live.view() is later


def test_a_new_generation_is_picked_up_and_the_old_one_let_go(
    store: Store, live: Live, rows: Rows, put_rows: PutRows
) -> None:
    first = live.view()
    assert live.view() is first
    put_rows(store, {**rows["2100003"], "name": "涵洞检测座数"})
    assert (live.view().folder, live.view().pending) == (first.folder, 1)
    built = build.build(store)
    second = live.view()
    assert (second.manifest, second.pending, second.seq) == (built, 0, store.head())
    del first
    gc.collect()
    assert mapped(store.folder / "index") == {second.folder.name}
    live.close()
    del second
    gc.collect()
    assert mapped(store.folder / "index") == set()
    # Closed is not the end: who asks again opens again.
    assert found(store, live, "“涵洞检测”") == (1, ["2100003"])


def mapped(root: Path) -> set[str]:
    """The generations below ``root`` that this process has open or mapped."""
    maps = Path("/proc/self/maps")
    if not maps.exists():
        pytest.skip("tells mapped files by /proc, which this machine lacks")
    names = [line.split(maxsplit=5)[-1] for line in maps.read_text().splitlines()]
    names += [str(p.readlink()) for p in Path("/proc/self/fd").iterdir() if p.is_symlink()]
    return {Path(name).relative_to(root).parts[0] for name in names if name.startswith(f"{root}/")}


def test_the_name_of_a_view_follows_public_content_alone(
    store: Store, live: Live, rows: Rows, put_rows: PutRows
) -> None:
    names = [live.view().generation]
    put_rows(store, {**rows["2190001"], "name": "蓝盾改名"})
    names.append(live.view().generation)
    build.build(store)
    names.append(live.view().generation)
    put_rows(store, {**rows["2100003"], "name": "涵洞检测座数"})
    names.append(live.view().generation)
    put_rows(store, {**rows["2100003"], "name": "隧道检测座数"})
    names.append(live.view().generation)
    put_rows(store, {**rows["2100003"], "visibility": "不公开"})
    names.append(live.view().generation)
    assert [names.index(n) for n in names] == [0, 0, 0, 3, 4, 5]


def test_without_an_index_there_is_one_clear_error(tmp_path: Path) -> None:
    store = Store.create(tmp_path)
    with pytest.raises(NotReady, match="zhibiao index --full"):
        Live(store).view()
    build.build(store)
    live = Live(store)
    assert found(store, live, "") == (0, [])
    live.close()
    store.close()


def test_an_index_that_is_taken_away_is_missed_at_once(store: Store, live: Live) -> None:
    assert live.view() is live.view()
    shutil.rmtree(build.root(store.folder))
    with pytest.raises(NotReady, match="还没有建立索引"):
        live.view()


def test_eight_threads_search_while_another_writes_and_builds(
    store: Store, live: Live, rows: Rows, put_rows: PutRows
) -> None:
    """Every answer is that of a moment before or after a write, never of a half one."""
    stop = Event()
    names = [f"涵洞{n}检测座数" for n in range(6)]

    def write() -> None:
        try:
            for n, name in enumerate(names):
                put_rows(store, {**rows["2100003"], "name": name})
                if n % 2:
                    build.build(store)
        finally:
            stop.set()

    def ask(_: int) -> set[tuple[int, str]]:
        seen = set()
        while not stop.is_set():
            results = search.search_indicators(store, live, Query("“检测座数”"), PUBLIC)
            seen.add((results.total, results.hits[0].record.name))
        return seen

    writer = Thread(target=write)
    with ThreadPoolExecutor(8) as pool:
        answers = pool.map(ask, range(8))
        writer.start()
        seen = set().union(*answers)
    writer.join()
    assert seen - {(1, name) for name in names} <= {(1, "桥梁检测座数")}
    assert found(store, live, "“检测座数”") == (1, ["2100003"])


@pytest.mark.parametrize("terms", [[], ["弯沉检测"]])
def test_what_served_before_goes_with_the_last_who_uses_it(
    store: Store, live: Live, rows: Rows, put_rows: PutRows, terms: list[str]
) -> None:
    """A server looks for cycles too rarely to wait for that: every generation would be kept beside the next.

    What was made of the lexicon alone serves on until that changes.
    """

    def used() -> list[weakref.ref[Any]]:
        suggest(store, live, Draft("农村公路养护项目", "养护农村公路，社矫人员，公租房"), PUBLIC)
        for text in ("公路养护", "社矫", "“公路”", "gonglu", "公路养沪"):
            found(store, live, text)
        view = live.view()
        view.completer.complete("公路")
        parts = [view, view.words, view.words.thesaurus, view.words.analyzer, view.spelling, view.completer]
        parts += [*view.engines.values(), view.register(store, visible(PUBLIC))]
        return [weakref.ref(part) for part in parts]

    gc.collect()
    gc.disable()
    try:
        first = used()
        put_rows(store, {**rows["2100003"], "definition": "改过的定义"})
        second = used()
        words.put(store, [], terms)
        build.build(store)
        third = used()
        left = [sum(part() is not None for part in parts) for parts in (first, second, third)]
    finally:
        gc.enable()
    kept = 0 if terms else 2
    assert left == [kept, kept, len(third)]
    assert live.view().words.analyzer.words("做弯沉检测") == (["做", "弯沉检测"] if terms else ["做", "弯沉", "检测"])
