"""What kind of project a draft is about, and the word that says so."""

from __future__ import annotations

import pytest

from corpus import reference
from indexer import project_types
from indexer.project_types import themes


@pytest.mark.parametrize(
    ("project", "goal", "expected"),
    [
        ("", "", {}),
        ("无关", "无关", {}),
        ("干部培训", "", {"培训": (1.0, "培训")}),
        ("", "举办培训班", {"培训": (0.5, "培训")}),
        ("干部轮训", "开展培训", {"培训": (1.0, "轮训")}),
        ("农村公路养护", "购置设备", {"运行维护": (1.0, "养护"), "货物采购": (0.5, "购置")}),
        ("办公楼修缮", "", {"工程建设": (1.0, "修缮")}),
        ("智慧机房运维", "", {"信息系统": (1.0, "智慧"), "运行维护": (1.0, "运维")}),
        ("困难学生资助", "", {"补助补贴": (1.0, "资助")}),
    ],
)
def test_themes(project: str, goal: str, expected: dict[str, tuple[float, str]]) -> None:
    assert themes(project, goal) == expected


def test_every_word_says_its_own_theme() -> None:
    words = {word: theme for theme, listed in project_types._WORDS.items() for word in listed.split()}
    assert [w for w, theme in words.items() if theme not in themes(w, "") or theme not in themes("", w)] == []
    assert len(words) > 80


def test_the_themes_are_those_of_the_shipped_common_indicators() -> None:
    """A theme that no common indicator has would say nothing to anybody."""
    shipped = {row["theme"] for row in reference.table(reference.FOLDER / "indicators" / "common.tsv")}
    assert set(project_types._WORDS) - shipped == set()
    assert project_types.GENERAL in shipped


def test_every_core_indicator_is_shipped_under_its_theme() -> None:
    """One that is not there would never be suggested; those of any project stand under any theme that often holds them."""
    shipped = {(row["name"], row["theme"]) for row in reference.table(reference.FOLDER / "indicators" / "common.tsv")}
    core = [(name, theme) for theme, names in project_types.CORE.items() for name in names.split()]
    missing = [
        (name, theme)
        for name, theme in core
        if not any((name, t) in shipped for t in (project_types.OFTEN if theme == project_types.GENERAL else (theme,)))
    ]
    assert missing == []
    assert (len(core), len(core) > 60) == (len(set(core)), True)


def test_what_nearly_every_table_of_a_type_holds() -> None:
    for theme, names in project_types.CORE.items():
        assert [name for name in names.split() if not project_types.core(name, theme)] == []
    assert project_types.core("培训人次", "培训")
    others = [
        ("培训人次", "会议"),
        ("培训人次", project_types.GENERAL),
        ("人次", "培训"),
        ("", "培训"),
        ("培训人次", ""),
    ]
    assert [pair for pair in others if project_types.core(*pair)] == []
    assert set(project_types.CORE) == {project_types.GENERAL, *project_types._WORDS}
