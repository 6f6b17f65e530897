"""The pool: kept whole, shown to signed-in people only."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from corpus import experts
from corpus.errors import NotSignedIn
from corpus.model import Expert, Status
from corpus.readers.tables import Row
from corpus.store import Store


def expert(id: str, **changes: Any) -> Expert:
    plain = Expert(
        id=id, name=f"示例专家{id}", kind="行业领域", organisation="某大学", organisation_kind="高校", title="教授",
        fields=("教育", "卫生健康"), sample=True, status=Status.ACTIVE, revision=0, updated="",
    )  # fmt: skip
    return replace(plain, **changes)


@pytest.fixture
def pool(store: Store) -> Store:
    experts.put(
        store,
        [expert("e1"), expert("e2", fields=(), sample=False), expert("e3", status=Status.RETIRED), expert("e4")],
        actor="甲",
        detail="名单",
    )
    return store


def test_what_was_put_is_what_comes_back(pool: Store) -> None:
    at = pool.value("select updated from experts limit 1")
    assert list(experts.active(pool)) == [
        expert("e1", revision=1, updated=at),
        expert("e2", fields=(), sample=False, revision=1, updated=at),
        expert("e4", revision=1, updated=at),
    ]
    assert [(c.kind, c.record_id) for c in pool.changes_since(0)] == [("experts", f"e{n}") for n in (1, 2, 3, 4)]


def test_fetch_keeps_the_order_for_everybody_signed_in_and_refuses_the_public(pool: Store, cast: Any) -> None:
    asked = ["e4", "e3", "e9", "e1"]
    assert [[e.id for e in experts.fetch(pool, asked, actor)] for actor in cast[1:]] == [["e4", "e1"]] * 4
    for ids in (asked, []):
        with pytest.raises(NotSignedIn, match=r"^请先登录后再查看专家库。$"):
            experts.fetch(pool, ids, cast.public)
    assert experts.fetch(pool, [], cast.admin) == []


def test_a_change_is_a_revision(pool: Store, cast: Any) -> None:
    experts.put(pool, [expert("e1", title="研究员"), expert("e5")], actor="乙", detail="更正")
    assert [(e.id, e.title, e.revision) for e in experts.fetch(pool, ["e1", "e5"], cast.admin)] == [
        ("e1", "研究员", 2),
        ("e5", "教授", 1),
    ]
    assert pool.rows("select revision, actor from revisions where record_id = 'e1' order by revision") == [
        {"revision": 1, "actor": "甲"},
        {"revision": 2, "actor": "乙"},
    ]


def test_a_table_of_experts_is_read_and_every_bad_row_named() -> None:
    rows = [
        Row(
            "名单",
            2,
            {"姓名": "示例人甲", "类别": "行业领域", "工作单位": "某局", "职称": "高工", "领域": "公路、水利"},
        ),
        Row("名单", 3, {"姓名": "", "类别": "其他", "工作单位": "某局"}),
        Row("名单", 4, {"姓名": "示例人甲", "类别": "绩效领域", "工作单位": "某局"}),
        Row("名单", 5, {"name": "示例人乙", "kind": "绩效领域", "organisation": "某所", "fields": ""}),
    ]
    found, problems = experts.read(rows)
    assert found == [
        Expert(
            id=experts.expert_id("示例人甲", "某局"), name="示例人甲", kind="行业领域", organisation="某局",
            organisation_kind="", title="高工", fields=("公路", "水利"), sample=False, status=Status.ACTIVE,
            revision=0, updated="",
        ),
        Expert(
            id=experts.expert_id("示例人乙", "某所"), name="示例人乙", kind="绩效领域", organisation="某所",
            organisation_kind="", title="", fields=(), sample=False, status=Status.ACTIVE, revision=0, updated="",
        ),
    ]  # fmt: skip
    assert [str(p) for p in problems] == [
        "工作表“名单”第 3 行，姓名：没有填写，请补充。",
        "工作表“名单”第 3 行，类别：请填写“绩效领域”或“行业领域”。",
        "工作表“名单”第 4 行，姓名：同一单位的同名专家已在前面出现，请只保留一行。",
    ]
