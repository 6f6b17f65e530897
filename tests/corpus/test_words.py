"""Synonyms and lexicon: added once, brought up to date, followed by the index."""

from __future__ import annotations

import pytest

from corpus import words
from corpus.store import Change, Store
from corpus.words import Synonym, SynonymType


def test_words_come_back_sorted_and_known_ones_are_brought_up_to_date(store: Store) -> None:
    first = [Synonym("培训", "办班", SynonymType.SAME), Synonym("公路", "马路", SynonymType.COLLOQUIAL)]
    words.put(store, first, ["零差率", "CT机"])
    words.put(store, [Synonym("培训", "办班", SynonymType.COLLOQUIAL)], ["CT机", "一村一幼"])
    assert words.synonyms(store) == [
        Synonym("公路", "马路", SynonymType.COLLOQUIAL),
        Synonym("培训", "办班", SynonymType.COLLOQUIAL),
    ]
    assert words.lexicon(store) == ["CT机", "一村一幼", "零差率"]
    assert store.changes_since(0) == [Change(1, "words", ""), Change(2, "words", "")]


def test_a_term_may_have_many_variants_and_a_variant_many_terms(store: Store) -> None:
    every = [Synonym(t, v, kind) for t in ("甲", "乙") for v, kind in zip("丙丁戊己", SynonymType, strict=True)]
    words.put(store, every, [])
    assert words.synonyms(store) == sorted(every, key=lambda s: (s.term, s.variant))


def test_a_type_that_is_none_is_refused_and_nothing_is_written(store: Store) -> None:
    with pytest.raises(AttributeError):
        words.put(store, [Synonym("甲", "乙", SynonymType.SAME), Synonym("甲", "丙", "alike")], ["丁"])  # type: ignore[arg-type]
    assert (words.synonyms(store), words.lexicon(store), store.head()) == ([], [], 0)
