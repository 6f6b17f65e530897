"""Who sees what: the truth table, and the same rule as SQL and as a condition."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from corpus.access import (
    PUBLIC,
    RIGHT_NAMES,
    RIGHTS,
    ROLE_NAMES,
    TOKEN_RIGHTS,
    Actor,
    Clearance,
    Right,
    Role,
    Scope,
    explain,
    require,
    require_all,
    require_grant,
    sees_drafts,
    visible,
)
from corpus.errors import Forbidden, NotSignedIn
from corpus.model import Policy, Visibility

OURS, THEIRS = "州教育体育局", "州公安局"
OPEN, SHUT = Visibility.PUBLIC, Visibility.RESTRICTED
POLICY = Policy("p", "", "", "", None, "", "", "", "", OPEN, OURS, 1, "")


@pytest.mark.parametrize(
    ("visibility", "owner", "clearance", "allowed"),
    [
        (OPEN, OURS, Clearance.NONE, True), (OPEN, OURS, Clearance.OWN, True), (OPEN, OURS, Clearance.ALL, True),
        (OPEN, THEIRS, Clearance.NONE, True), (OPEN, THEIRS, Clearance.OWN, True), (OPEN, THEIRS, Clearance.ALL, True),
        (SHUT, OURS, Clearance.NONE, False), (SHUT, OURS, Clearance.OWN, True), (SHUT, OURS, Clearance.ALL, True),
        (SHUT, THEIRS, Clearance.NONE, False), (SHUT, THEIRS, Clearance.OWN, False),
        (SHUT, THEIRS, Clearance.ALL, True),
    ],
)  # fmt: skip
def test_truth_table(visibility: Visibility, owner: str, clearance: Clearance, allowed: bool) -> None:
    """Of all signed-in roles alike: what a person sees hangs on the clearance alone."""
    signed_in = [role for role in Role if role is not Role.PUBLIC]
    found = {visible(Actor("某人", role, OURS, clearance)).allows(visibility, owner) for role in signed_in}
    assert found == {allowed}


UNITS = st.sampled_from(["", OURS, THEIRS, "州教育体育", "' or 1 --", "%", "州公安局 "])
ACTORS = st.builds(Actor, st.text(max_size=3), st.sampled_from(Role), UNITS, st.sampled_from(Clearance))
RECORDS = st.lists(st.tuples(st.sampled_from(Visibility), UNITS), max_size=12)


@settings(deadline=None)
@given(ACTORS, RECORDS)
def test_sql_and_condition_agree(actor: Actor, records: list[tuple[Visibility, str]]) -> None:
    scope = visible(actor)
    with closing(sqlite3.connect(":memory:")) as db:
        db.execute("create table kept (visibility text, owner text)")
        db.executemany("insert into kept values (?, ?)", [(v.value, o) for v, o in records])
        condition, parameters = scope.sql("k")
        found = db.execute(f"select rowid - 1 from kept k where {condition} order by rowid", parameters).fetchall()
    assert [n for (n,) in found] == [n for n, (v, o) in enumerate(records) if scope.allows(v, o)]


@given(ACTORS, RECORDS)
def test_of_many_records_those_are_allowed_that_are_one_by_one(
    actor: Actor, records: list[tuple[Visibility, str]]
) -> None:
    scope = visible(actor)
    made = [replace(POLICY, id=str(n), visibility=v, owner=owner) for n, (v, owner) in enumerate(records)]
    assert scope.allowed(made) == [p for p in made if scope.allows(p.visibility, p.owner)]


@settings(deadline=None)
@given(ACTORS, RECORDS)
def test_equal_keys_see_equal_libraries_and_the_open_edition_is_public(
    actor: Actor, records: list[tuple[Visibility, str]]
) -> None:
    """What is cached for one must be right for the other; who opens the open edition misses nothing there."""
    scope = visible(actor)
    seen = [r for r in records if scope.allows(*r)]
    for unit in ("", OURS, THEIRS):
        for clearance in Clearance:
            other = visible(Actor("另一人", Role.REVIEWER, unit, clearance))
            if other.key == scope.key:
                assert [r for r in records if other.allows(*r)] == seen
    if scope.edition == "open":
        assert seen == [r for r in records if r[0] is OPEN]


def test_who_is_not_signed_in_or_has_no_unit_sees_public_records_only() -> None:
    nobody = Scope(Clearance.NONE, "")
    assert [
        visible(PUBLIC),
        visible(Actor("冒充", Role.PUBLIC, OURS, Clearance.ALL)),
        visible(Actor("冒充", Role.PUBLIC, OURS, Clearance.OWN)),
        visible(Actor("无单位", Role.DEPARTMENT, "", Clearance.OWN)),
    ] == [nobody] * 4
    assert nobody.allows(SHUT, "") is False


def test_edition_key_and_words() -> None:
    scopes = [visible(Actor("某人", Role.REVIEWER, OURS, clearance)) for clearance in Clearance]
    assert [(s.edition, s.key, s.words()) for s in scopes] == [
        ("open", "none:", "只可查看公开指标。"),
        ("full", f"own:{OURS}", f"可查看全部公开指标，以及“{OURS}”提供的不可公开指标。"),
        ("full", "all:", "可查看全部指标，包括不可公开的指标。"),
    ]


def test_who_may_do_what() -> None:
    everybody = "restricted experts choose account"
    assert {r.value: " ".join(right for right in Right if right in RIGHTS[r]) for r in Role} == {
        "public": "",
        "department": everybody,
        "reviewer": everybody,
        "admin": f"{everybody} curate people audit",
        "auditor": f"{everybody} audit",
    }
    assert set(TOKEN_RIGHTS) == set(Right) - {Right.ACCOUNT}


@pytest.mark.parametrize("right", Right)
def test_whoever_lacks_a_right_is_told_whom_to_ask(right: Right) -> None:
    with pytest.raises(NotSignedIn, match=f"^请先登录后再{RIGHT_NAMES[right]}。$"):
        require(PUBLIC, right)
    for role in Role:
        actor = Actor("某人", role, OURS, Clearance.ALL)
        if right in RIGHTS[role]:
            require(actor, right)
            for limits in (frozenset(Right) - {right}, frozenset[Right]()):
                with pytest.raises(Forbidden, match=f"^这个访问令牌不能用来{RIGHT_NAMES[right]}"):
                    require(replace(actor, limits=limits), right)
            require(replace(actor, limits=frozenset({right})), right)
        elif actor.signed_in:
            able = {Right.AUDIT: "财政管理员、审计员"}.get(right, "财政管理员")
            with pytest.raises(Forbidden, match=f"^只有{able}可以{RIGHT_NAMES[right]}，请联系本级财政部门。$"):
                require(actor, right)


def test_a_token_shows_no_restricted_record_unless_it_was_given_that() -> None:
    actor = Actor("某人", Role.REVIEWER, OURS, Clearance.ALL)
    limited = replace(actor, limits=frozenset({Right.EXPERTS}))
    assert visible(limited) == visible(PUBLIC)
    assert visible(replace(actor, limits=frozenset({Right.RESTRICTED}))) == visible(actor)
    require_all(actor, "导出完整版")
    with pytest.raises(Forbidden, match=r"^导出完整版需要可查看全部指标的账户，请换一个账户。$"):
        require_all(limited, "导出完整版")


def test_nobody_grants_more_than_he_has() -> None:
    allowed, refused = [], set()
    for own in Clearance:
        for handed in Clearance:
            for unit in (OURS, THEIRS):
                try:
                    require_grant(Actor("管理员", Role.ADMIN, OURS, own), handed, unit)
                    allowed.append((own.value, handed.value, unit == OURS))
                except Forbidden as error:
                    refused.add(error.message)
    assert refused == {"授权范围不能超过您自己的范围，请由可查看全部指标的财政管理员办理。"}
    assert allowed == [
        ("none", "none", True), ("none", "none", False),
        ("own", "none", True), ("own", "none", False), ("own", "own", True),
        ("all", "none", True), ("all", "none", False), ("all", "own", True), ("all", "own", False),
        ("all", "all", True), ("all", "all", False),
    ]  # fmt: skip


@settings(deadline=None)
@given(ACTORS, st.sampled_from([None, frozenset[Right](), frozenset({Right.RESTRICTED})]), st.sampled_from(Visibility))
def test_the_explanation_ends_in_what_is_true(
    actor: Actor, limits: frozenset[Right] | None, visibility: Visibility
) -> None:
    actor = replace(actor, limits=limits)
    for owner in (OURS, THEIRS):
        allowed = visible(actor).allows(visibility, owner)
        assert ("可以看到这条记录。" in explain(actor, visibility, owner)[-1]) is allowed
        drafted = allowed and sees_drafts(actor, owner)
        assert ("可以看到这条记录。" in explain(actor, visibility, owner, draft=True)[-1]) is drafted


def test_drafts_are_for_who_curates_and_for_their_unit() -> None:
    curators = frozenset({Right.CURATE})
    asked = [
        PUBLIC,
        Actor("甲", Role.DEPARTMENT, OURS, Clearance.NONE),
        Actor("甲", Role.DEPARTMENT, THEIRS, Clearance.ALL),
        Actor("甲", Role.ADMIN, "", Clearance.NONE),
        Actor("甲", Role.ADMIN, "", Clearance.NONE, curators),
        Actor("甲", Role.ADMIN, "", Clearance.NONE, frozenset()),
    ]
    assert [[sees_drafts(actor, owner) for owner in (OURS, "")] for actor in asked] == [
        [False, False], [True, False], [False, False], [True, True], [True, True], [False, False],
    ]  # fmt: skip


def test_explanations_in_words() -> None:
    limited = Actor("乙", Role.REVIEWER, OURS, Clearance.ALL, frozenset[Right]())
    shut = f"这条记录不可公开，由“{OURS}”提供：只有授权范围包含它的人能看到。"
    unseen = "看不到这条记录，也不会从检索、计数、联想、导出中得知它存在。"
    assert [
        explain(PUBLIC, OPEN, OURS),
        explain(PUBLIC, SHUT, OURS),
        explain(Actor("甲", Role.DEPARTMENT, OURS, Clearance.OWN), SHUT, OURS),
        explain(Actor("甲", Role.DEPARTMENT, THEIRS, Clearance.OWN), SHUT, OURS),
        explain(limited, SHUT, OURS),
    ] == [
        ["这条记录可以公开：任何人不登录也能看到。", "公众可以看到这条记录。"],
        [shut, "公众没有登录，不在任何授权范围内。", f"公众{unseen}"],
        [shut, f"“甲”的授权范围为“本单位”，单位为“{OURS}”，正是这条记录的提供单位。", "“甲”可以看到这条记录。"],
        [shut, f"“甲”的授权范围为“本单位”，单位为“{THEIRS}”，不是这条记录的提供单位。", f"“甲”{unseen}"],
        [shut, "所用的访问令牌不含“查看不可公开记录”，按公众对待。", f"“乙”{unseen}"],
    ]


def test_everything_has_a_name() -> None:
    assert [list(ROLE_NAMES), list(RIGHT_NAMES), list(RIGHTS)] == [list(Role), list(Right), list(Role)]
