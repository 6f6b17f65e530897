"""Builders are killed at random moments while searches go on: none fails, nothing is lost, the next build is clean."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from random import Random
from threading import Event, Thread

import pytest

from corpus.access import PUBLIC
from corpus.store import Store
from indexer import build, search
from indexer.live import Live
from indexer.search import Query

KILLS = int(os.environ.get("ZHIBIAO_KILLS", "8"))
# Python and the dictionary are loaded once; each line forks a child that builds. So the moments of death are spread
# over the build and not over Python's start.
NURSERY = """
import os, sys
from pathlib import Path
from corpus.store import Store
from indexer import build
from indexer.analysis import Analyzer
folder = Path(sys.argv[1])
Analyzer(cache=folder / "cache")
child = 0
for _ in iter(sys.stdin.readline, ""):
    if child:
        os.waitpid(child, 0)
    child = os.fork()
    if not child:
        build.build(Store.open(folder))
        os._exit(0)
    print(child, flush=True)
    ended = os.waitid(os.P_PID, child, os.WEXITED | os.WNOWAIT)
    print(ended.si_status if ended.si_code == os.CLD_EXITED else -ended.si_status, flush=True)
"""


@pytest.fixture
def nursery(store: Store) -> Iterator[subprocess.Popen[str]]:
    """A process that makes builders."""
    command = [sys.executable, "-W", "ignore", "-c", NURSERY, str(store.folder)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1) as process:
        yield process
        process.communicate()


def builder(nursery: subprocess.Popen[str], seconds: float | None) -> int:
    """Let a new process build, and kill it when it still does so after ``seconds``; what it ended with."""
    assert nursery.stdin is not None
    assert nursery.stdout is not None
    print(file=nursery.stdin, flush=True)
    child = int(nursery.stdout.readline())
    ended, _, _ = select.select([nursery.stdout], [], [], seconds)
    if not ended:
        os.kill(child, signal.SIGKILL)  # it is waited for with the next line only: till then the number is its own
    return int(nursery.stdout.readline())


def test_killed_builds_leave_no_trace(
    store: Store,
    live: Live,
    nursery: subprocess.Popen[str],
    rows: dict[str, dict[str, str]],
    put_rows: Callable[..., None],
) -> None:
    put_rows(store, *({**rows["2100003"], "code": f"21{n:05d}", "name": f"涵洞{n}号"} for n in range(1000, 1300)))
    whole = search.search_indicators(store, live, Query(), PUBLIC)
    assert whole.total == 324
    started = time.perf_counter()
    assert builder(nursery, None) == 0
    took = time.perf_counter() - started
    random = Random(8)  # noqa: S311
    stop, answers, failures = Event(), [0], list[BaseException]()

    def ask() -> None:
        expected = [hit.record.id for hit in whole.hits]
        try:
            while not stop.is_set():
                found = search.search_indicators(store, live, Query(), PUBLIC)
                quoted = search.search_indicators(store, live, Query("“桥梁检测座数”"), PUBLIC)
                assert (found.total, [h.record.id for h in found.hits]) == (324, expected)
                assert (quoted.total, quoted.hits[0].record.code) == (1, "2100003")
                answers[0] += 1
        except BaseException as error:  # handed to the test below
            failures.append(error)

    asking = Thread(target=ask)
    asking.start()
    ended = []
    try:
        for n in range(KILLS):
            before = answers[0]
            ended.append(builder(nursery, took * (n + random.random()) / KILLS))
            build.manifest(build.current(store.folder))
            while answers[0] <= before and not failures:
                asking.join(0.01)
    finally:
        stop.set()
        asking.join()
    assert failures == []
    assert -9 in ended
    assert set(ended) <= {-9, 0}
    built = build.build(store)
    assert build.verify(store) == built
    assert (built.counts["indicators"], built.seq) == (328, store.head())
    names = {p.name for p in build.root(store.folder).iterdir()}
    assert {n for n in names if not n.startswith("gen-")} == {"CURRENT", "LOCK"}
    assert (len([n for n in names if n.startswith("gen-")]), built.name in names) == (2, True)
    again = search.search_indicators(store, live, Query(), PUBLIC)
    assert (again.total, [h.record.id for h in again.hits]) == (324, [h.record.id for h in whole.hits])
