"""The documents that every contender is given, and the store that the product answers from."""

from __future__ import annotations

import re
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

import jieba

from corpus import indicators, policies, reference
from corpus.store import Store
from indexer import build
from indexer.live import Live

INDICATORS, POLICIES, GOALS = "indicators", "policies", "goals"
FIELDS = ("name", "keywords", "class", "body", "code")
# What every peer that has fields is told of them; the rest count once.
NAME_WEIGHT = 3
CACHE = Path.home() / ".cache" / "zhibiao-bench"
_WORD = re.compile(r"\w")


@dataclass(frozen=True, slots=True)
class Document:
    """One document. ``key`` is an indicator's code or ``policy:<id>``; ``texts`` is by field of ``FIELDS``.

    ``sentence`` is the text that meaning vectors are made of; ``level2``, ``place`` and ``definition`` are for readers.
    """

    key: str
    kind: str
    texts: dict[str, str]
    sentence: str
    level2: str
    place: str
    definition: str


@dataclass(frozen=True)
class Library:
    """The product's store and index, and the public documents in it. ``built`` is in seconds, None if found built."""

    store: Store
    live: Live
    documents: tuple[Document, ...]
    built: float | None


class Words:
    """jieba's search mode with its own dictionary, as anybody would call it; lower case, marks dropped."""

    def __init__(self, cache: Path) -> None:
        jieba.setLogLevel(60)
        cache.mkdir(parents=True, exist_ok=True)
        self._tokenizer = jieba.Tokenizer()
        self._tokenizer.tmp_dir = str(cache)

    def __call__(self, text: str) -> list[str]:
        cut = (word.strip().lower() for word in self._tokenizer.cut_for_search(text))
        return [word for word in cut if _WORD.search(word)]


def shelf(kind: str) -> str:
    """Which documents answer a kind of question: goals are asked of the indicators."""
    return INDICATORS if kind == GOALS else kind


@contextmanager
def opened(data: Path | None) -> Iterator[Library]:
    """The library of the data folder ``data``, or the shipped one, loaded and indexed in a temporary folder."""
    if data is not None:
        yield from _open(Store.open(data), None)
        return
    with tempfile.TemporaryDirectory() as folder:
        store = Store.create(Path(folder))
        reference.load(store)
        begun = time.perf_counter()
        build.build(store)
        yield from _open(store, time.perf_counter() - begun)


def _open(store: Store, built: float | None) -> Iterator[Library]:
    live = Live(store)
    try:
        yield Library(store, live, (*_indicators(store), *_policies(store)), built)
    finally:
        live.close()
        store.close()


def _indicators(store: Store) -> Iterator[Document]:
    for i in indicators.active(store, "open"):
        place = (i.use.domain, i.use.industry, i.use.use) if i.use else (i.theme,)
        yield Document(
            key=i.code,
            kind=INDICATORS,
            texts={
                "name": i.name,
                "keywords": " ".join(i.keywords),
                "class": " ".join((*place, i.theme if i.use else "", i.category.level2, i.category.level1)),
                "body": "\n".join((i.definition, i.formula, i.evidence)),
                "code": i.code,
            },
            sentence=f"{place[-1]} {i.name}：{i.definition}"[:150],
            level2=i.category.level2,
            place=">".join(place),
            definition=i.definition,
        )


def _policies(store: Store) -> Iterator[Document]:
    """Policies whole, one document each."""
    for _, group in groupby(policies.active(store, "open"), lambda found: found.policy.id):
        passages = list(group)
        policy = passages[0].policy
        text = "\n".join(" ".join((*found.passage.path, found.passage.text)) for found in passages)
        yield Document(
            key=f"policy:{policy.id}",
            kind=POLICIES,
            texts={
                "name": policy.title,
                "keywords": policy.number,
                "class": " ".join((policy.issuer, policy.theme)),
                "body": text,
                "code": policy.number,
            },
            sentence=f"{policy.title}：{text}"[:150],
            level2="",
            place=policy.number,
            definition=text[:80],
        )
