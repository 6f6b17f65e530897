"""The weights of search and suggestion: shipped in ``settings.toml``, changed for one library in its data folder."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

from corpus.errors import BadInput
from corpus.words import SynonymType
from indexer import stamps

MOST = 20.0
NAME = "settings.toml"


@dataclass(frozen=True, slots=True)
class Fields:
    """What a word is worth by the field of an indicator that it stands in."""

    name: float
    keywords: float
    class_: float
    category: float
    body: float
    chars: float

    def weights(self) -> dict[str, float]:
        """By the name of the index field; codes keep their own."""
        return {f.name.rstrip("_"): getattr(self, f.name) for f in fields(self)}


@dataclass(frozen=True, slots=True)
class Synonyms:
    """What a synonym is worth beside the reader's own word, by its type."""

    same: float
    abbreviation: float
    colloquial: float
    narrower: float

    def of(self, type: SynonymType) -> float:
        return float(getattr(self, type.name.lower()))


@dataclass(frozen=True, slots=True)
class Query:
    """Weights of the parts of a query: see ``settings.toml``."""

    part: float
    generic: float
    guess: float
    aspect: float
    spelling: float
    meaning: float


@dataclass(frozen=True, slots=True)
class Suggest:
    """Shares of a suggestion's score beside the lexical one, whose best is 1."""

    use: float
    theme: float
    general: float
    other: float
    quantity: float
    meaning: float
    taken: float
    cover: float


@dataclass(frozen=True, slots=True)
class Settings:
    """All weights. Immutable: a trial is a changed copy."""

    fields: Fields
    synonyms: Synonyms
    query: Query
    suggest: Suggest

    def __iter__(self) -> Iterator[tuple[str, float]]:
        """Every weight under its full name, ``suggest.use``, in the order of the file."""
        for section in fields(self):
            group = getattr(self, section.name)
            for one in fields(group):
                yield f"{section.name}.{one.name.rstrip('_')}", getattr(group, one.name)

    def changed(self, weights: Mapping[str, object]) -> Settings:
        """A copy with some weights changed, by full name. Raises BadInput, naming the weight."""
        known = dict(self)
        found = self
        for name, value in weights.items():
            if name not in known:
                raise BadInput(f"设置里没有“{name[:40]}”这一项，请去掉。", field=name[:40])
            if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= MOST:
                raise BadInput(f"设置“{name}”须为 0 到 {MOST:g} 之间的数，请修改。", field=name)
            section, key = name.split(".")
            group = getattr(found, section)
            key = next(f.name for f in fields(group) if f.name.rstrip("_") == key)
            found = replace(found, **{section: replace(group, **{key: float(value)})})
        return found


def shipped() -> Settings:
    """The weights that come with the product."""
    text = (Path(__file__).parent / NAME).read_text(encoding="utf-8")
    found: dict[str, Any] = tomllib.loads(text)
    return Settings(
        Fields(**{"class_" if k == "class" else k: v for k, v in found["fields"].items()}),
        Synonyms(**found["synonyms"]),
        Query(**found["query"]),
        Suggest(**found["suggest"]),
    )


def load(data: Path) -> Settings:
    """The weights that serve in a data folder: the shipped ones with its own on top. Raises BadInput."""
    try:
        text = (data / NAME).read_text(encoding="utf-8")
    except FileNotFoundError:
        return shipped()
    try:
        sections = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise BadInput(f"设置文件 {NAME} 读不懂：{error}。请改正或删除它。") from None
    flat = {
        f"{section}.{name}": value
        for section, group in sections.items()
        for name, value in (group.items() if isinstance(group, dict) else [("", group)])
    }
    return shipped().changed(flat)


def stamp(data: Path) -> object:
    """Differs when the weights of a data folder were replaced; None without any of its own."""
    return stamps.stamp(f"{data}/{NAME}")


def save(data: Path, settings: Settings) -> None:
    """Keep what differs from the shipped weights; nothing of it, and the file goes."""
    usual = dict(shipped())
    lines: list[str] = []
    section = ""
    for name, value in settings:
        if value == usual[name]:
            continue
        group, key = name.split(".")
        if group != section:
            lines.append(f"[{group}]")
            section = group
        lines.append(f"{key} = {value!r}")
    path = data / NAME
    if not lines:
        path.unlink(missing_ok=True)
        return
    aside = path.with_suffix(".new")
    aside.write_text("\n".join(lines) + "\n", encoding="utf-8")
    aside.replace(path)
