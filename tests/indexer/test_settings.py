"""Weights are read, checked, kept and undone."""

from __future__ import annotations

from pathlib import Path

import pytest

from corpus.errors import BadInput
from corpus.words import SynonymType
from indexer import settings
from indexer.documents import INDICATORS


def test_every_weight_has_a_full_name() -> None:
    assert [name for name, _ in settings.shipped()] == [
        "fields.name", "fields.keywords", "fields.class", "fields.category", "fields.body", "fields.chars",
        "synonyms.same", "synonyms.abbreviation", "synonyms.colloquial", "synonyms.narrower",
        "query.part", "query.generic", "query.guess", "query.aspect", "query.spelling", "query.meaning",
        "suggest.use", "suggest.theme", "suggest.general", "suggest.other", "suggest.quantity", "suggest.meaning",
        "suggest.taken", "suggest.cover",
    ]  # fmt: skip


def test_field_weights_name_fields_of_the_index() -> None:
    known = {f.name for f in INDICATORS.fields}
    assert set(settings.shipped().fields.weights()) | {"code"} == known


def test_synonyms_by_type() -> None:
    found = settings.shipped().changed({"synonyms.narrower": 0.25})
    assert [found.synonyms.of(t) for t in SynonymType] == [0.9, 0.25, 0.8, 0.9]


def test_a_change_is_a_copy() -> None:
    usual = settings.shipped()
    changed = usual.changed({"suggest.use": 0, "fields.class": 2})
    assert dict(changed) == dict(usual) | {"suggest.use": 0.0, "fields.class": 2.0}
    assert usual == settings.shipped()


@pytest.mark.parametrize("value", [-0.1, 20.5, float("nan"), float("inf"), True, "1", None])
def test_what_is_no_weight_is_named(value: object) -> None:
    with pytest.raises(BadInput) as caught:
        settings.shipped().changed({"suggest.use": value})
    assert (caught.value.field, caught.value.message) == (
        "suggest.use", "设置“suggest.use”须为 0 到 20 之间的数，请修改。",
    )  # fmt: skip


def test_an_unknown_weight_is_named() -> None:
    with pytest.raises(BadInput) as caught:
        settings.shipped().changed({"suggest.luck": 1})
    assert caught.value.field == "suggest.luck"


def test_only_what_differs_is_kept_and_nothing_is_no_file(tmp_path: Path) -> None:
    changed = settings.shipped().changed({"suggest.use": 0.7, "fields.class": 2, "fields.name": 4})
    settings.save(tmp_path, changed)
    assert (tmp_path / "settings.toml").read_text(encoding="utf-8") == (
        "[fields]\nname = 4.0\nclass = 2.0\n[suggest]\nuse = 0.7\n"
    )
    assert settings.load(tmp_path) == changed
    settings.save(tmp_path, settings.shipped())
    assert (list(tmp_path.iterdir()), settings.load(tmp_path)) == ([], settings.shipped())


@pytest.mark.parametrize("text", ["[suggest", "[suggest]\nuse = 'x'", "use = 1", "[suggest]\nluck = 1", "suggest = 1"])
def test_a_damaged_file_is_refused_in_words(tmp_path: Path, text: str) -> None:
    (tmp_path / "settings.toml").write_text(text, encoding="utf-8")
    with pytest.raises(BadInput):
        settings.load(tmp_path)
