"""Index documents made up at random from a small vocabulary, so that terms meet in every combination."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from random import Random

import pytest

from indexer.engine import Document, Field, Schema
from indexer.engines.embedded import Embedded

Make = Callable[..., list[Document]]
Opened = Callable[[Path, Sequence[Document], Sequence[Document]], Embedded]
WORDS = ("农村", "公路", "农村公路", "养护", "验收", "合格率", "满意度", "里程", "培训", "pm2.5", "95%", "桥梁", "检测")
UNITS = ("公里", "%", "人", "")
OWNERS = ("路", "警", "农")


@pytest.fixture(scope="session")
def vocabulary() -> tuple[str, ...]:
    return WORDS


@pytest.fixture(scope="session")
def schema() -> Schema:
    return Schema(
        kind="things",
        fields=(
            Field("name", 3.0, b=0.4),
            Field("body", 0.6, b=0.6),
            Field("class", 1.2, b=0.0),
            Field("chars", 1.0, b=0.5, group="chars"),
            Field("code", 10.0, b=0.0, group="code"),
        ),
        facets=("unit", "owner"),
    )


@pytest.fixture(scope="session")
def make() -> Make:
    """``count`` documents numbered from ``first``; the same ``seed`` gives the same ones."""

    def made(seed: int, count: int, *, first: int = 0, restricted: bool = False) -> list[Document]:
        random = Random(seed)  # noqa: S311
        return [_document(random, number, restricted) for number in range(first, first + count)]

    return made


@pytest.fixture(scope="session")
def opened(schema: Schema) -> Opened:
    """An index of public and restricted documents in a folder."""

    def made(folder: Path, public: Sequence[Document], sealed: Sequence[Document]) -> Embedded:
        scores = Embedded.build(folder / "open", schema, public)
        Embedded.build(folder / "full", schema, sealed, scores)
        return Embedded.open(schema, [folder / "open", folder / "full"])

    return made


def _document(random: Random, number: int, restricted: bool) -> Document:
    name = random.choices(WORDS, k=random.randint(1, 4))
    body = random.choices(WORDS, k=random.randint(0, 12))
    place = random.choices(WORDS[:4], k=random.randint(0, 2))
    owner = random.choice(OWNERS)
    code = f"{random.randrange(10, 40)}{number:05d}"
    literal: list[str] = []
    for part in (name, body):
        if part:
            literal += [*"".join(part), "\n"]
    return Document(
        id=f"d{number * 7919 % 99991:05d}",
        terms={"name": name, "body": body, "class": place, "chars": [*"".join(name)], "code": [code]},
        facets={"unit": random.choice(UNITS), "owner": owner},
        restricted=restricted,
        owner=owner,
        literal=literal,
        digest="|".join(" ".join(part) for part in (name, body, place)),
        sorts={"code": code, "name": "".join(name), "updated": f"2026-0{random.randint(1, 3)}"},
    )
