"""What a person receives is what a library would give that never held what he may not see: equal to the last digit."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from random import Random
from typing import Any

import pytest

from corpus import policies
from corpus.access import Actor, Clearance
from corpus.errors import BadInput
from corpus.model import Visibility
from corpus.store import Store
from indexer import build, search
from indexer.live import Live
from indexer.search import Query
from indexer.suggest import Draft, suggest

PutRows = Callable[..., None]
OURS, THEIRS = "州交通运输局", "州公安局"
# Words of restricted records alone: 蓝盾 in our department's own, 玄武 and 朱雀 in another's; in Latin letters,
# misspelt, by sound, quoted, inside a name; codes; and words that public and restricted records share.
QUESTIONS = (
    "", "蓝盾", "玄武", "朱雀", "landun", "xuanwu", "xw", "ldyl", "篮盾", "玄舞", "宣武", "“玄武”", "\"蓝盾战备\"",
    "要地警卫", "yaodijingwei", "2190001", "2190003", "9000001", "农村公路", "农村公路养护里程", "nclg", "ncgl", "公璐",
    "养护合格率", "路", "沿线群众满意度", "农路 里程", "培训 玄武", "蓝盾 公路", "的", "趟", "架次", "警卫路线巡查",
    "巡查次数", "满意度 里程 合格率 玄武",
)  # fmt: skip
FILTERS: tuple[dict[str, list[str]], ...] = (
    {}, {"unit": ["架次"]}, {"unit": ["趟", "公里"]}, {"owner": [THEIRS]}, {"use": ["要地警卫"]},
    {"domain": ["公共安全"]}, {"level2": ["数量指标"], "kind": ["specific"]},
)  # fmt: skip
DRAFTS = (
    Draft("农村公路养护项目", "养护农村公路120公里，验收合格率95%以上，沿线群众满意度90%", limit=20),
    Draft("蓝盾战备演练", "开展玄武警卫路线巡查9趟，蓝盾演练4架次", limit=60),
    Draft("警卫培训", "培训200人，朱雀行动", limit=5),
    Draft("要地警卫", "", limit=20),
    Draft("", "", use="农村公路养护", limit=20),
    Draft("公路", "", use="要地警卫"),
    Draft("公路", "", use="没有这个用途"),
)


def answers(store: Store, actor: Actor) -> Iterator[tuple[str, Any]]:
    """Everything that a person can get out of this storey, each with what he asked for."""
    live = Live(store)
    view = live.view()
    for text in QUESTIONS:
        yield f"read {text}", search.read(view, text)
        yield f"complete {text}", [c.as_json() for c in view.completer.complete(text, 50)]
        yield f"correct {text}", view.completer.correct(text)
        for n, filters in enumerate(FILTERS if text in ("", "农村公路", "玄武", "沿线群众满意度") else FILTERS[:1]):
            for sort in search.SORTS if n == 0 else ("score",):
                for page in (1, 2):
                    asked = Query(text, filters, page, 7, sort)
                    found = search.search_indicators(store, live, asked, actor).as_json()
                    yield f"search {text} {filters} {sort} {page}", found
        yield f"policies {text}", search.search_policies(store, live, Query(text), actor).as_json()
        if actor.signed_in:
            yield f"experts {text}", search.search_experts(store, live, Query(text), actor).as_json()
    for draft in DRAFTS:
        try:
            yield f"suggest {draft}", suggest(store, live, draft, actor).as_json()
        except BadInput as error:
            yield f"suggest {draft}", error.as_json()
    live.close()


def remove_hidden(store: Store, actor: Actor) -> None:
    """Take out of the store itself what ``actor`` may not see, and whatever only that needed."""
    own = actor.unit if actor.clearance is Clearance.OWN else ""
    with store.writing() as db:
        for table in ("indicators", "policies"):
            db.conn.execute(f"delete from {table} where visibility = 'restricted' and owner <> ?", [own])
        db.conn.execute("delete from uses where code not in (select use_code from indicators where use_code <> '')")
        db.conn.execute("delete from owners where name not in (select owner from indicators)")


def put_policy(store: Store, folder: Path) -> None:
    """A restricted policy of the other department, about the same matters and with words of its own."""
    path = folder / "预案.html"
    path.write_text(
        "<h1>玄武警卫工作预案</h1><p>第一条 农村公路养护保障玄武路线。</p><p>第二条 朱雀要地满意度测评。</p>",
        encoding="utf-8",
    )
    found = policies.parse(path)
    sealed = replace(found.policy, visibility=Visibility.RESTRICTED, owner=THEIRS)
    policies.put(store, [replace(found, policy=sealed)], actor="测试")


@dataclass(frozen=True)
class Twins:
    """A library, and by person the one from which what he may not see was removed."""

    whole: Store
    without: dict[str, Store]


def twins(source: Path, target: Path, actors: dict[str, Actor]) -> Twins:
    without = {}
    for name, actor in actors.items():
        shutil.copytree(source, target / name)
        without[name] = Store.open(target / name)
        remove_hidden(without[name], actor)
        build.build(without[name])
    shutil.copytree(source, target / "whole")
    whole = Store.open(target / "whole")
    build.build(whole)
    return Twins(whole, without)


def compare(found: Twins, actors: dict[str, Actor]) -> None:
    for name, actor in actors.items():
        expected = dict(answers(found.without[name], actor))
        received = dict(answers(found.whole, actor))
        different = [key for key in expected if received[key] != expected[key]]
        assert different == [], (name, different[0], received[different[0]], expected[different[0]])
        assert received == expected
    for store in (found.whole, *found.without.values()):
        store.close()


@pytest.fixture
def actors(cast: Any) -> dict[str, Actor]:
    return {"public": cast.public, "roads": cast.roads, "auditor": cast.auditor}


def test_the_planted_words_are_there_to_be_found(library: tuple[Store, Live], cast: Any) -> None:
    """Else this module would prove nothing."""
    store, live = library
    totals = {
        word: [
            search.search_indicators(store, live, Query(f"“{word}”"), actor).total
            for actor in (cast.public, cast.roads, cast.police, cast.reviewer)
        ]
        for word in ("蓝盾", "玄武", "农村公路养护里程", "沿线群众满意度")
    }
    assert totals == {
        "蓝盾": [0, 1, 0, 1],
        "玄武": [0, 0, 2, 2],
        "农村公路养护里程": [1, 2, 1, 2],
        "沿线群众满意度": [1, 1, 2, 2],
    }


def test_the_library(folder: Path, tmp_path: Path, actors: dict[str, Actor]) -> None:
    shutil.copytree(folder, tmp_path / "source")
    store = Store.open(tmp_path / "source")
    put_policy(store, tmp_path)
    store.close()
    compare(twins(tmp_path / "source", tmp_path, actors), actors)


@pytest.mark.parametrize("seed", range(3))
def test_libraries_made_up_at_random(tmp_path: Path, put_rows: PutRows, actors: dict[str, Actor], seed: int) -> None:
    """The first half of the records is in the index, the second is a change beside it."""
    random = Random(seed)  # noqa: S311
    del actors["auditor"]  # sees what the public sees, and the fixed library has asked for him
    made = random_rows(random, 60)
    source = Store.create(tmp_path / "source")
    put_rows(source, *made[:40])
    source.close()
    found = twins(tmp_path / "source", tmp_path, actors)
    put_rows(found.whole, *made[40:])
    put_policy(found.whole, tmp_path)
    for name, store in found.without.items():
        actor = actors[name]
        put_rows(store, *(r for r in made[40:] if r["visibility"] == "公开" or r["owner"] == actor.unit))
    for store in (found.whole, *found.without.values()):
        with store.writing() as db:  # the libraries are to be equal to the second
            db.conn.execute("update indicators set updated = '2026-11-21T08:00:00Z' where revision = 1")
    compare(found, actors)


def random_rows(random: Random, count: int) -> list[dict[str, str]]:
    """Public and restricted records of two departments; they share words, names, units and uses, but not all."""
    words = ["农村公路", "养护", "里程", "合格率", "满意度", "桥梁", "巡查", "次数", "沿线群众", "培训"]
    uses = [("交通运输", "公路", "农村公路养护"), ("交通运输", "公路", "桥梁改造"), ("公共安全", "公安", "治安防控")]
    levels = {"数量": "21", "质量": "22", "社会效益": "32", "满意度": "41"}
    made: list[dict[str, str]] = []  # the first is public and of the use that a draft picks
    names: set[tuple[str, ...]] = set()
    while len(made) < count:
        hidden = bool(made) and random.random() < 0.45
        owner = random.choice((OURS, THEIRS))
        secret = random.choice(("玄武", "朱雀") if owner == THEIRS else ("蓝盾",)) if hidden else ""
        name = "".join(random.sample(words, random.randint(2, 3))) + random.choice(("", secret))
        level2 = random.choice(list(levels))
        domain, industry, use = random.choice(uses) if made else uses[0]
        if hidden and random.random() < 0.3:
            domain, industry, use = ("公共安全", "反恐", "要地警卫")
        meaning = (name, level2, use, str(hidden))
        if meaning in names:
            continue
        names.add(meaning)
        made.append(
            {
                "code": f"{levels[level2]}{(90000 if hidden else 0) + len(made):05d}",
                "name": name,
                "level2": level2,
                "operator": "≥",
                "reference": str(random.randint(1, 100)),
                "unit": random.choice(("趟", "架次")) if hidden else random.choice(("公里", "%", "次")),
                "definition": "、".join(random.choices([*words, secret], k=6)),
                "keywords": random.choice((secret, *words)),
                "domain": domain,
                "industry": industry,
                "use": use,
                "owner": owner,
                "visibility": "不公开" if hidden else "公开",
            }
        )
    return made
