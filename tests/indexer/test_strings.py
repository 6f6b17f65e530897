"""Strings found without going through all, against going through all."""

from __future__ import annotations

from itertools import islice

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rapidfuzz.distance import OSA

from indexer.strings import Column, Searched, Sorted, ascending

# Strings made of the same few pieces are alike for long stretches; a large alphabet packs fewer characters at once.
WIDE = "".join(map(chr, range(0x4E00, 0x4E00 + 3000)))
PIECES = st.sampled_from(("农", "村公", "公路养护", "里", "a", "bc", "😀", "\ud800", "一二三四五"))
STRINGS = st.lists(st.lists(PIECES, max_size=9).map("".join), max_size=30)


@settings(max_examples=100, deadline=None)
@given(STRINGS, st.lists(PIECES, min_size=1, max_size=4).map("".join), st.booleans())
def test_the_same_as_looking_at_every_string(strings: list[str], other: str, wide: bool) -> None:
    strings = [*strings, WIDE] if wide else strings
    made = Searched.of(strings)
    kept = Searched.named("kept", made.arrays("kept") | {"keptlike.text": np.empty(0)})
    for found in (made, kept):
        assert [found[n] for n in range(len(found))] == strings
        for wanted in {other, *strings[:5], *(s[1:6] for s in strings[:5])} - {""}:
            hold = [n for n, s in enumerate(strings) if wanted in s]
            begin = [n for n, s in enumerate(strings) if s.startswith(wanted)]
            assert sorted(found.beginning(wanted)) == begin
            assert sorted(found.whole(wanted)) == [n for n, s in enumerate(strings) if s == wanted]
            assert sorted(set(found.holding(wanted).tolist())) == hold
            assert list(dict.fromkeys(n % len(strings) for n in ascending(found.ranked(wanted)))) == [
                *begin, *(n for n in hold if n not in begin),
            ]  # fmt: skip
            if len(wanted) < 60:
                assert sorted(found.near(wanted)) == [n for n, s in enumerate(strings) if OSA.distance(s, wanted) < 2]


def test_no_strings_and_empty_strings() -> None:
    for strings in ([], [""], ["", ""]):
        found = Searched.of(strings)
        assert ([*found.beginning("a")], [*found.holding("a")], [*found.near("ab")]) == ([], [], [])
        assert sorted(found.whole("")) == [*range(len(strings))]
        assert found.longest == 0


def test_lengths_and_kept_columns() -> None:
    strings = ["", "农村公路", "5g", "农"]
    for kind in (Column, Sorted, Searched):
        found = kind.named("x", kind.of(strings).arrays("x"))
        assert found.lengths(np.array([3, 1, 0])).tolist() == [1, 4, 0]
        assert [found[n] for n in range(4)] == strings


@pytest.mark.parametrize("count", [0, 1, 24, 25, 400, 50_000])
def test_ascending_gives_all_and_the_lowest_first(count: int) -> None:
    numbers = np.random.default_rng(count).permutation(count).astype(np.int32) // 2
    before = numbers.copy()
    assert list(dict.fromkeys(ascending(numbers))) == sorted(set(numbers.tolist()))
    assert list(islice(ascending(numbers), 20)) == sorted(numbers.tolist())[:20]
    assert numbers.tolist() == before.tolist()
