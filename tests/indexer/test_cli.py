"""The commands of this storey, called as the shell calls them."""

from __future__ import annotations

import io
import json
import shutil
from argparse import ArgumentParser
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

from corpus import people
from corpus.access import Clearance, Role
from corpus.errors import BadInput, NotReady
from corpus.people import User
from corpus.store import Store
from indexer import build, cli, search, suggest
from indexer.folding import FOLD_AT
from indexer.live import Live
from indexer.search import Query
from indexer.suggest import Draft

PutRows = Callable[..., None]


@dataclass
class Ended:
    code: int
    out: str
    err: str

    @property
    def documents(self) -> list[Any]:
        return [json.loads(line) for line in self.out.splitlines()]


Run = Callable[..., Ended]


@pytest.fixture
def run(store: Store, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run a command on the writable copy, as a user if one is named."""

    def run(*arguments: str, acting: str | None = None, stdin: str = "") -> Ended:
        parser = ArgumentParser()
        cli.register(parser.add_subparsers(required=True))
        args = parser.parse_args(arguments)
        args.data, args.acting = str(store.folder), acting
        monkeypatch.setattr("sys.stdin", io.StringIO(stdin))
        code = args.run(args)
        captured = capsys.readouterr()
        return Ended(code, captured.out, captured.err)

    return run


def test_index_builds_when_behind_or_told_to(store: Store, run: Run, rows: Any, put_rows: PutRows) -> None:
    first = build.current(store.folder).name
    assert run("index") == Ended(0, f"索引 {first}：indicators 28，policies 4，experts 2\n", "")
    put_rows(store, {**rows["2100003"], "code": "2100099", "name": "涵洞检测座数"})
    ended = run("index")
    second = build.current(store.folder).name
    assert (ended, second == first) == (Ended(0, f"索引 {second}：indicators 29，policies 4，experts 2\n", ""), False)
    run("index", "--full")
    assert build.current(store.folder).name not in (first, second)


def test_index_verify_only_looks(store: Store, run: Run) -> None:
    name = build.current(store.folder).name
    assert run("index", "--verify").out.startswith(f"索引 {name}：")
    shutil.rmtree(build.current(store.folder) / "full")
    with pytest.raises(NotReady):
        run("index", "--verify")
    assert build.current(store.folder).name == name


def test_index_makes_the_first_one(store: Store, run: Run) -> None:
    shutil.rmtree(build.root(store.folder))
    with pytest.raises(NotReady, match="zhibiao index --full"):
        run("search", "路")
    assert run("index").code == 0
    assert build.verify(store).counts["indicators"] == 28


def test_search_prints_one_document_of_the_api(store: Store, live: Live, cast: Any, run: Run) -> None:
    for kind, function in (("indicators", search.search_indicators), ("policies", search.search_policies)):
        ended = run("search", "养护", "--kind", kind, "--json", "--size", "3", "--page", "2")
        expected = function(store, live, Query("养护", {}, 2, 3), cast.public).as_json()
        assert (ended.code, ended.documents, ended.err) == (0, [json.loads(json.dumps(expected))], "")


def test_search_for_people(run: Run) -> None:
    assert run("search", "弯沉值合格").out == (
        "共 1 条\n  1. 路面弯沉值合格率  ≥97%  [质量指标]  国省干线建设  2200002\n     名称含“弯沉值”、“合格”。\n"
    )
    assert run("search", "公璐", "--size", "1", "--page", "2").out.splitlines()[:2] == [
        "没有找到“公璐”，已显示“公路”的结果。", "共 12 条",
    ]  # fmt: skip
    assert run("search", "“第三条”", "--kind", "policies").out.splitlines()[1] == (
        "  1. 《某州农村公路养护管理办法》（某交规〔2023〕7号）第三条：第三条 沿线群众满意度列入年度考核。"
    )


def test_search_as_somebody(store: Store, run: Run) -> None:
    people.add(store, User("路政", Role.DEPARTMENT, "州交通运输局", Clearance.OWN, False), password=None, by="")
    totals = [run("search", "“蓝盾”", "--json", acting=a).documents[0]["total"] for a in (None, "路政")]
    assert totals == [0, 1]
    assert run("search", "桥梁检测", "--kind", "experts", acting="路政").out.splitlines()[1] == (
        "  1. 张三（示例）  行业领域  某公路设计院  公路工程、桥梁检测"
    )


def test_bad_arguments_name_their_field(run: Run) -> None:
    for arguments, field in ((("路" * 501,), "q"), (("路", "--page", "0"), "page"), (("路", "--size", "101"), "size")):
        with pytest.raises(BadInput) as caught:
            run("search", *arguments)
        assert caught.value.field == field
    with pytest.raises(BadInput) as caught:
        run("suggest", "/no/such/file")
    assert caught.value.field == "file"


def test_suggest_for_a_text(store: Store, live: Live, cast: Any, run: Run, tmp_path: Any) -> None:
    goal = "养护农村公路120公里"
    expected = suggest.suggest(store, live, Draft("公路养护", goal, limit=3), cast.public).as_json()
    (tmp_path / "goal.txt").write_text(f"{goal}\n", encoding="utf-8-sig")
    options = ("--project", "公路养护", "--limit", "3", "--json")
    for ended in (run("suggest", *options, stdin=goal), run("suggest", str(tmp_path / "goal.txt"), *options)):
        assert (ended.code, ended.documents, ended.err) == (0, [json.loads(json.dumps(expected))], "")
    said = run("suggest", "--project", "公路养护", "--limit", "3", stdin=goal).out.splitlines()
    assert (said[0], said[1][:9], len(said)) == ("# 公路养护", "用途：农村公路养护", 5)
    assert said[2].startswith("  [数量] 农村公路养护里程 ≥120公里 —— ")


@pytest.mark.parametrize(
    "bad", ["oops", "{oops", '["a"]', '{"goal": 5}', '{"project": null}', '{"goal": "%s"}' % ("路" * 5001)]
)
@pytest.mark.parametrize("place", [0, 1, 2])
def test_suggest_for_json_lines_names_bad_lines_and_goes_on(
    store: Store, live: Live, cast: Any, run: Run, *, bad: str, place: int
) -> None:
    # A line separator inside a text is no end of a line.
    good = [{"project": "公路养护", "goal": "养护农村公路\u2028120公里"}, {"goal": "培训200人"}]
    lines = [json.dumps(d, ensure_ascii=False) for d in good]
    lines.insert(place, bad)
    ended = run("suggest", "--json", stdin="\n".join(lines) + "\n\n")
    expected = [suggest.suggest(store, live, Draft(**d), cast.public).as_json() for d in good]
    assert (ended.code, ended.documents) == (1, json.loads(json.dumps(expected)))
    assert (ended.err.count("\n"), ended.err.startswith(f"第 {place + 1} 行：")) == (1, True)


def test_suggest_for_good_json_lines(run: Run) -> None:
    ended = run("suggest", "--json", stdin='{"project": "培训"}\n{"goal": ""}')
    assert (ended.code, len(ended.documents), ended.documents[1]["items"], ended.err) == (0, 2, [], "")


COUNTS = {
    "indicators": 28, "common": 6, "specific": 22, "specific_public": 18, "specific_restricted": 4, "domains": 3,
    "industries": 4, "uses": 5, "owners": 4, "experts": 2, "policies": 1, "passages": 4, "synonyms": 4, "lexicon": 5,
}  # fmt: skip


def test_doctor_has_the_shape_of_the_contract(store: Store, run: Run) -> None:
    ended = run("doctor", "--json")
    (found,) = ended.documents
    assert (ended.code, ended.err, list(found), found["ok"], found["counts"]) == (
        0, "", ["ok", "counts", "checks"], True, COUNTS,
    )  # fmt: skip
    assert list(found["counts"]) == list(COUNTS)
    assert [(c["name"], c["ok"], sorted(c)) for c in found["checks"]] == [
        (name, True, ["message", "name", "ok"])
        for name in ("schema", "integrity", "revisions", "audit", "index", "lexicon")
    ]
    said = run("doctor").out.splitlines()
    assert (said[0], said[-1][:4]) == ("指标 28 条：共性 6 条，个性 22 条（可公开 18 条，不可公开 4 条）", "[正常]")


def test_doctor_says_what_is_wrong(store: Store, run: Run) -> None:
    file = build.current(store.folder) / "open" / "indicators" / "scores" / "scores.bin"
    file.write_bytes(file.read_bytes()[:-8] + b"\1" * 8)
    ended = run("doctor", "--json")
    (found,) = ended.documents
    wrong = {c["name"]: c["message"] for c in found["checks"] if not c["ok"]}
    assert (ended.code, found["ok"], wrong) == (1, False, {"index": "索引已损坏，请运行 zhibiao index --full 重建。"})
    shutil.rmtree(build.root(store.folder))
    (found,) = run("doctor", "--json").documents
    assert [c["name"] for c in found["checks"] if not c["ok"]] == ["index", "lexicon"]


def test_settle_builds_what_is_large_and_leaves_what_is_small(store: Store, rows: Any, put_rows: PutRows) -> None:
    first = build.current(store.folder)
    put_rows(store, {**rows["2100003"], "name": "涵洞检测座数"})
    cli.settle(store)
    assert build.current(store.folder) == first
    many = [{**rows["2100003"], "code": f"21{n:05d}", "name": f"涵洞{n}"} for n in range(1000, 1000 + FOLD_AT)]
    put_rows(store, *many)
    cli.settle(store)
    assert build.manifest(build.current(store.folder)).seq == store.head()
    shutil.rmtree(build.root(store.folder))
    cli.settle(store)
    assert build.verify(store).seq == store.head()
