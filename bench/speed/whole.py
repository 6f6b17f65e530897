"""A whole data folder of any size: filled, built, served and changed, each with what it costs.

Memory of a build is the most that its processes held together, looked at twice a second: proportional shares, so that
pages that several map count once.
"""

from __future__ import annotations

import http.client
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from resource import RUSAGE_CHILDREN, getrusage
from typing import Any
from urllib.parse import quote

from bench.speed import folder, meanwhile
from bench.speed.measures import MB, on_disk, percentiles, share, shared_out
from bench.speed.service import LENGTH, LEXICAL, PATIENCE, changes, get, post, serving
from corpus import indicators
from corpus.store import FILE_NAME, Store
from indexer import build

SEARCHES, DRAFTS, REPEATS = 200, 50, 3
SEED = 20261124
PAGES = {
    "home": "/",
    "search page": "/?q={}",
    "second page": "/?q={}&page=2",
    "sorted by name": "/?sort=name",
    "one facet": "/?level1={}",
    "policies": "/policies",
    "draft": "/draft",
    "taxonomy": "/api/v1/taxonomy",
    "all records": "/api/v1/indicators",
    "search": "/api/v1/indicators?q={}",
    "quoted": "/api/v1/indicators?q=%22{}%22",
    "complete": "/api/v1/complete?q={}",
    "complete pinyin": "/api/v1/complete?q=nongcun",
}
WORDS = {"one facet": "产出指标"}
WORD = "农村公路"


def run(data: Path | None, size: int) -> dict[str, Any]:
    """All figures. ``data`` is filled when there is nothing yet, built anew, and stays; without it all is temporary."""
    with tempfile.TemporaryDirectory(prefix="bench-whole-") as name:
        here = data or Path(name) / "data"
        figures: dict[str, Any] = {}
        if not (here / FILE_NAME).exists():
            begun = time.perf_counter()
            folder.fill(here, size)
            figures["fill_seconds"] = round(time.perf_counter() - begun, 1)
        figures["store_mb"] = round((here / FILE_NAME).stat().st_size / MB, 1)
        return figures | _built(here) | _served(here)


def _built(data: Path) -> dict[str, Any]:
    begun, worked, peak, by_process = time.perf_counter(), _worked(), 0, list[int]()
    command = [sys.executable, "-m", "webapp.cli", "--data", str(data), "index", "--full", "--no-meaning"]
    with tempfile.TemporaryFile() as log:
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=log, env=os.environ | LEXICAL)  # noqa: S603
        while process.poll() is None:
            held = shared_out(process.pid)
            if sum(held) > peak:
                peak, by_process = sum(held), held
            time.sleep(0.5)
        if process.returncode:
            log.seek(0)
            raise RuntimeError(f"the build failed: {log.read()[-500:].decode(errors='replace')}")
    counts = build.manifest(build.current(data)).counts
    return {
        "records": counts["indicators"],
        "build_seconds": round(time.perf_counter() - begun, 1),
        "build_processor_seconds": round(_worked() - worked, 1),
        "build_peak_mb": round(peak / MB, 1),
        "build_peak_by_process_mb": [round(held / MB, 1) for held in by_process],
        "index_mb": round(on_disk(build.current(data)) / MB, 1),
    }


def _worked() -> float:
    """Seconds that processors spent on processes of ours that have ended."""
    used = getrusage(RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _served(data: Path) -> dict[str, Any]:
    names, drafts = _asked(data)
    with serving(data) as first:
        with _asking(first.port) as ask:
            searches = [ask(f"/api/v1/indicators?q={quote(name)}") for name in names]
            suggestions = [ask("/api/v1/suggest", draft) for draft in drafts]
            pages = {
                name: round(min(ask(path.format(quote(WORDS.get(name, WORD)))) for _ in range(REPEATS)) * 1000, 1)
                for name, path in PAGES.items()
            }
        after = first.held(), share(first.pid)
        changed = changes(data, first.port)
        memory = {
            "after_start_mb": first.memory,
            "resident_mb": after[0],
            "share_mb": after[1],
            "peak_mb": first.held("VmHWM"),
        }
        messages = {
            "search": [get(f"/api/v1/indicators?q={quote(name)}") for name in names],
            "suggest": [post("/api/v1/suggest", draft) for draft in drafts],
        }
        built = meanwhile.run(data, first.port, first.pid, messages, builds=1)
    with serving(data) as again:
        starts = {"first_seconds": first.seconds, "second_seconds": again.seconds}
    return {
        "search_ms": percentiles(searches),
        "suggest_ms": percentiles(suggestions),
        "pages_ms": pages,
        "memory": memory,
        "changes": changed,
        "starts": starts,
        "builds": built,
    }


def _asked(data: Path) -> tuple[list[str], list[dict[str, Any]]]:
    """Names to search for, and drafts out of the definitions of public records, drawn from all of the library."""
    store = Store.open(data)
    chance = random.Random(SEED)  # noqa: S311 - not a secret
    ids = [id for id, _, _ in indicators.names(store)]
    drawn = indicators.current(store, chance.sample(ids, min(len(ids), SEARCHES + 4 * DRAFTS)))
    store.close()
    chance.shuffle(drawn)
    names, rest = [i.name for i in drawn[:SEARCHES]], drawn[SEARCHES:]
    drafts = []
    for n in range(0, len(rest), 4):
        goal = "；".join(i.definition for i in rest[n : n + 4])[:LENGTH]
        use = rest[n].use
        drafts.append({"project": f"{use.use if use else rest[n].theme}项目", "goal": goal, "limit": 20})
    return names, drafts


@contextmanager
def _asking(port: int) -> Iterator[Callable[..., float]]:
    """Asks on one connection that stays open, and gives the seconds."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)

    def ask(path: str, body: Mapping[str, object] | None = None) -> float:
        begun = time.perf_counter()
        if body is None:
            connection.request("GET", path)
        else:
            connection.request("POST", path, json.dumps(body), {"Content-Type": "application/json"})
        answer = connection.getresponse()
        answer.read()
        if answer.status != http.HTTPStatus.OK:
            raise RuntimeError(f"{path} gave {answer.status}")
        return time.perf_counter() - begun

    try:
        yield ask
    finally:
        connection.close()


def show(result: Mapping[str, Any]) -> None:
    """Print it all, a line for each figure."""
    for name, value in result.items():
        said = "  ".join(f"{key} {part}" for key, part in value.items()) if isinstance(value, Mapping) else value
        print(f"  {name}: {said}")
