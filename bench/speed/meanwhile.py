"""What one person waits while the server has a new generation built, beside what the same person waits at rest."""

from __future__ import annotations

import http.client
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from bench.speed.measures import percentiles, share
from corpus import indicators
from corpus.model import Status
from corpus.store import Store
from indexer import build

# So many builds, one after the other: what the server holds must not grow with them.
BUILDS = 4
# So long is asked at rest, and a build waited for.
REST, PATIENCE = 6.0, 1200.0
# Seconds between two looks at memory, and until what a build leaves behind is gone.
LOOK, SETTLE = 1.0, 2.0
# Between two questions of one who reads and types.
PAUSE = 0.005


def run(
    data: Path, port: int, process: int, asked: Mapping[str, Sequence[str]], builds: int = BUILDS
) -> dict[str, Any]:
    """Milliseconds of each endpoint of ``asked`` at rest and while builds go on, and memory in MB.

    A public record is withdrawn each time, which is built in at once. ``share_mb`` is what ``process`` and those that
    it started hold at first and after each build; ``peak_mb`` the most while they build.
    """
    begun = time.perf_counter()
    rest = _asked(port, asked, lambda: time.perf_counter() - begun < REST)
    held, most = [share(process)], 0.0
    during: dict[str, list[float]] = {name: [] for name in asked}
    store = Store.open(data)
    for _ in range(builds):
        watch = _Watch(data, process)
        one = next(iter(indicators.active(store, "open")))
        indicators.put(store, [replace(one, status=Status.RETIRED)], actor="", action="retire", detail="")
        for name, times in _asked(port, asked, watch.goes_on).items():
            during[name] += times
        after = time.perf_counter()
        _asked(port, asked, lambda after=after: time.perf_counter() - after < SETTLE)
        held.append(share(process))
        most = max(most, watch.most)
    store.close()
    return {
        "rest": {name: percentiles(times) for name, times in rest.items()},
        "building": {name: percentiles(times) for name, times in during.items()},
        "share_mb": held,
        "peak_mb": most,
    }


class _Watch:
    """Whether the generation of a moment ago serves still; looks at memory now and then."""

    def __init__(self, data: Path, process: int) -> None:
        self._data, self._process, self._before = data, process, build.current(data)
        self._begun = self._looked = time.perf_counter()
        self.most = 0.0

    def goes_on(self) -> bool:
        now = time.perf_counter()
        if now - self._begun > PATIENCE:
            raise RuntimeError("what was withdrawn was not built in")
        if now - self._looked > LOOK:
            self._looked, self.most = now, max(self.most, share(self._process))
        return build.current(self._data) == self._before


def _asked(port: int, asked: Mapping[str, Sequence[str]], go_on: Callable[[], bool]) -> dict[str, list[float]]:
    """Seconds of the questions in turn, as long as is said."""
    times: dict[str, list[float]] = {name: [] for name in asked}
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
    connection.connect()
    number = 0
    while go_on():
        for name, messages in asked.items():
            begun = time.perf_counter()
            connection.sock.sendall(messages[number % len(messages)].encode())
            answer = http.client.HTTPResponse(connection.sock)
            answer.begin()
            answer.read()
            times[name].append(time.perf_counter() - begun)
        number += 1
        time.sleep(PAUSE)
    connection.close()
    return times
