"""Cells that no office program takes for a formula."""

from __future__ import annotations

import pytest

from corpus.cells import cell


@pytest.mark.parametrize(
    ("value", "safe"),
    [
        ("@x", "'@x"), ("+1", "'+1"), ("\tx", "'\tx"), ("\rx", "'\rx"), ("=1+1", "'=1+1"), ("-1+1", "'-1+1"),
        ("-５", "'-５"), ("=", "="), ("-5", "-5"), ("-0.5", "-0.5"), ("", ""), ("≥", "≥"), (None, ""), (3, "3"),
        (["甲", "=乙"], "甲、=乙"), (["=甲"], "'=甲"),
    ],
)  # fmt: skip
def test_cell(value: object, safe: str) -> None:
    assert cell(value) == safe
