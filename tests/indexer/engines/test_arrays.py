"""Numbered strings are found by what they are, by the kernel as by plain Python; files of arrays come back."""

from __future__ import annotations

import ctypes
from array import array
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from indexer import kernel
from indexer.engines import arrays
from indexer.engines.arrays import Names, Texts, encode
from indexer.engines.compiled import names_handle

STRINGS = st.lists(st.text(max_size=12), max_size=60)


@given(STRINGS, STRINGS)
def test_names_are_found_and_others_are_not(held: list[str], others: list[str]) -> None:
    held = list(dict.fromkeys(held))
    names = Names.of(held)
    asked = [*held, *others, "", "\0"]
    expected = [held.index(text) if text in held else -1 for text in asked]
    assert names.numbers(asked) == expected
    assert [names.find(text) for text in asked] == expected
    assert ([names[n] for n in range(len(held))], list(names), len(names)) == (held, held, len(held))
    library = kernel.load()
    if library:
        found = np.empty(len(asked), np.int32)
        lengths = array("i", map(len, asked)).tobytes()
        handle = names_handle(names)
        library.short.zb_find(ctypes.addressof(handle), encode("".join(asked)), lengths, len(asked), found.ctypes.data)
        assert found.tolist() == expected


def test_texts_may_be_equal_and_odd() -> None:
    odd = ["", "甲", "", "\ufeff甲", "\ud800", "𠀀", "甲"]
    assert list(Texts.of(odd)) == [Texts.of(odd)[n] for n in range(7)] == odd
    assert Names.of(odd[2:]).find("\ud800") == 2


def test_what_is_remembered_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(arrays, "_REMEMBERED", 3)
    held = [str(n) for n in range(20)]
    names = Names.of(held)
    assert [names.find(text) for text in held * 2] == [*range(20)] * 2
    assert max(len(names._strings), len(names._numbers)) <= 3


def test_saved_arrays_are_loaded(tmp_path: Path) -> None:
    kept = {
        "甲": np.arange(7, dtype=np.int32),
        "none": np.zeros(0, np.float64),
        "table": np.arange(6.0).reshape(2, 3).T,
        "flat": np.zeros((0, 3), np.int32),
        "flags": np.array([True, False]),
    }
    arrays.save(tmp_path / "file", kept, {"about": ["农村"]})
    found, about = arrays.load(tmp_path / "file")
    assert about == {"about": ["农村"]}
    assert {n: (a.dtype, a.tolist(), a.shape) for n, a in found.items()} == {
        n: (a.dtype, a.tolist(), a.shape) for n, a in kept.items()
    }
    assert all(a.ctypes.data % 8 == 0 for a in found.values() if a.size)
