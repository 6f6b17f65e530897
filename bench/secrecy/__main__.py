"""How well the time of an answer tells a restricted match from none: ``python -m bench.secrecy``.

The public asks, over HTTP in this process, in random order, for words that (a) nothing holds and (b) restricted records
alone hold, in a library with them and in its twin without. A distinguisher that knows all times but the class picks
the threshold that tells the classes best; its advantage is |true positive rate - false positive rate|. The same over
shuffled classes says what chance gives: the band is its 95th percentile.
"""

from __future__ import annotations

import argparse
import gc
import json
import os
import tempfile
import time
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
from flask.testing import FlaskClient

from corpus import indicators, reference
from corpus import words as lexicon
from corpus.access import PUBLIC
from corpus.model import Visibility
from corpus.store import Store
from indexer import build
from webapp import create_app

SHUFFLES = 1000
PATHS = {"search": "/api/v1/indicators", "complete": "/api/v1/complete"}
# A pool of rare characters: words of two of them stand in no library.
RARE = "龘靐齉爩鱻麤灪籱虋黸鸜鹂鑫焱垚犇骉淼森磊"
Times = npt.NDArray[np.float64]


def advantage(first: Times, second: Times) -> float:
    """The best threshold's |TPR - FPR|: the largest distance between the two distribution functions."""
    values = np.concatenate([first, second])
    order = np.argsort(values, kind="stable")
    steps = np.concatenate([np.full(first.size, 1 / first.size), np.full(second.size, -1 / second.size)])[order]
    # Equal times are told apart by no threshold.
    last = np.append(np.diff(values[order]) > 0, True)
    return float(np.abs(np.cumsum(steps)[last]).max())


def band(first: Times, second: Times, random: np.random.Generator) -> float:
    """The advantage that chance gives in 95 of 100 cases."""
    values = np.concatenate([first, second])
    found = []
    for _ in range(SHUFFLES):
        random.shuffle(values)
        found.append(advantage(values[: first.size], values[first.size :]))
    return float(np.quantile(found, 0.95))


def planted(folder: Path, number: int) -> tuple[list[str], list[str]]:
    """Make restricted records that hold words of their own; gives those words and as many that nothing holds."""
    random = np.random.default_rng(5)
    pairs = [a + b for a in RARE for b in RARE if a != b]
    random.shuffle(pairs)
    held, absent = pairs[:number], pairs[number : 2 * number]
    with closing(Store.open(folder)) as store:
        sealed = [i for i in indicators.everything(store) if i.visibility is Visibility.RESTRICTED][:number]
        assert len(sealed) == number, "the library has too few restricted records"
        written = [
            replace(i, name=f"{i.name[:20]}{word}", definition=f"{word}{i.definition}")
            for i, word in zip(sealed, held, strict=True)
        ]
        indicators.put(store, written, actor="", action="import", detail="")
        build.build(store)
    return held, absent


def without(source: Path, target: Path) -> None:
    """The same library without its restricted records."""
    with closing(Store.open(source)) as store, closing(Store.create(target)) as made:
        public = list(indicators.export(store, PUBLIC, edition="open"))
        indicators.add_taxonomy(made, indicators.visible_uses(store, PUBLIC), indicators.owners(store), declared=True)
        indicators.put(made, public, actor="", action="import", detail="")
        lexicon.put(made, lexicon.synonyms(store), lexicon.lexicon(store))
        build.build(made)


def measured(clients: dict[str, FlaskClient], words: dict[str, list[str]], count: int, path: str) -> dict[str, Times]:
    """Milliseconds of ``count`` answers by library and class, asked in random order."""
    random = np.random.default_rng(11)
    plan = [(library, kind) for library in clients for kind in words for _ in range(count // 2)]
    random.shuffle(plan)
    times: dict[str, list[float]] = {f"{library}, {kind}": [] for library in clients for kind in words}
    for library, kind in plan:
        text = words[kind][int(random.integers(len(words[kind])))]
        started = time.perf_counter_ns()
        response = clients[library].get(path, query_string={"q": text}, buffered=True)
        times[f"{library}, {kind}"].append((time.perf_counter_ns() - started) / 1e6)
        assert response.status_code == 200
    return {name: np.array(found) for name, found in times.items()}


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.secrecy", description=__doc__)
    parser.add_argument(
        "--count", type=int, default=2000, help="questions of each library and endpoint, half of each class"
    )
    parser.add_argument("--words", type=int, default=100, help="words of each class")
    parser.add_argument("--json", type=Path, help="write the figures there")
    arguments = parser.parse_args()
    os.environ["ZHIBIAO_MEANING"] = "off"
    with tempfile.TemporaryDirectory() as folder:
        whole, twin = Path(folder) / "whole", Path(folder) / "twin"
        with closing(Store.create(whole)) as store:
            reference.load(store)
        held, absent = planted(whole, arguments.words)
        without(whole, twin)
        apps = {"whole": create_app(whole), "twin": create_app(twin)}
        clients = {name: app.test_client() for name, app in apps.items()}
        words = {"nothing": absent, "restricted only": held}
        found = {}
        for name, path in PATHS.items():
            measured(clients, words, 200, path)  # everything is warm
            gc.collect()
            gc.disable()
            times = measured(clients, words, arguments.count, path)
            gc.enable()
            found[name] = told(times)
            print(f"\n{name}: {arguments.count} questions of each library")
            for line, values in found[name].items():
                print(f"  {line:44}" + "  ".join(f"{k} {v:.4f}" for k, v in values.items()))
        for app in apps.values():
            at = app.extensions["zhibiao"]
            at.live.close()
            at.store.close()
    if arguments.json:
        arguments.json.write_text(json.dumps(found, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def told(times: dict[str, Times]) -> dict[str, dict[str, float]]:
    """Medians, and what a distinguisher gets of each pair that must look the same."""
    random = np.random.default_rng(17)
    found = {name: {"median_ms": float(np.median(values))} for name, values in times.items()}
    none, only = "nothing", "restricted only"
    for title, first, second in (
        ("restricted match or none, whole", f"whole, {none}", f"whole, {only}"),
        ("the same where none is there, twin", f"twin, {none}", f"twin, {only}"),
        ("whole or twin, by the words of restricted", f"whole, {only}", f"twin, {only}"),
        ("whole or twin, by words that nothing holds", f"whole, {none}", f"twin, {none}"),
    ):
        a, b = times[first], times[second]
        found[title] = {"advantage": advantage(a, b), "chance_95": band(a, b, random)}
    return found


if __name__ == "__main__":
    main()
