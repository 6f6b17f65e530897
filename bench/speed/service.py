"""The whole service over HTTP on loopback, beside an empty Flask endpoint and a peer with the same task."""

from __future__ import annotations

import http.client
import json
import os
import random
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import quote

from bench.speed import library, meanwhile, questions
from bench.speed.measures import MB, percentiles, resident, share
from corpus import indicators
from corpus.store import Store

HEALTH = "/api/v1/healthz"
CLIENTS = (1, 8, 32)
ROUNDS = 2
LENGTH = 300
REQUESTS = 200
CHANGES = 10
SEED = 20261123
# So long a server may take to start, and a change to be found.
PATIENCE = 120.0
# Without meaning vectors, whatever model this machine has.
LEXICAL = {"ZHIBIAO_MEANING": "off"}
TARGETS = {
    "suggest": "product",
    "suggest, tantivy inside": "inside",
    "20 hits of tantivy": "peer",
    "search": "product",
    "complete": "product",
    "empty": "peer",
}


def run(data: Path | None, seconds: float, processes: int | None = None) -> dict[str, Any]:
    """All figures of the service with so many processes, or as many as usual; ``data`` is copied, not touched."""
    shelf = library.read()
    asked = _requests(shelf)
    with tempfile.TemporaryDirectory(prefix="bench-service-") as name:
        folder = Path(name) / "data"
        if data is None:
            _command(folder, "init")
        else:
            shutil.copytree(data, folder)
            # Built now if another version built it, not at the first start.
            _command(folder, "index")
        with (
            serving(folder, processes) as product,
            _server("bench.speed.inside", str(folder), path=HEALTH) as inside,
            _server("bench.speed.peer", str(folder), path="/empty") as peer,
        ):
            ports = {"product": product.port, "inside": inside.port, "peer": peer.port}
            loads = _loads(ports, asked, seconds)
            memory = {
                "after_start_mb": product.memory,
                "resident_mb": product.held(),
                "peak_mb": product.held("VmHWM"),
                "share_mb": share(product.pid),
                "peer_mb": round(resident(peer.pid) / MB, 1),
            }
            changed = changes(folder, product.port)
            built = meanwhile.run(folder, product.port, product.pid, {n: asked[n] for n in ("suggest", "search")})
        with serving(folder, processes) as again:
            starts = {"first_seconds": product.seconds, "second_seconds": again.seconds}
    found = {"loads": loads, "ratios": _ratios(loads), "memory": memory, "changes": changed, "starts": starts}
    return {**found, "builds": built}


def _command(data: Path, name: str) -> None:
    command = [sys.executable, "-m", "webapp.cli", "--data", str(data), name]
    subprocess.run(command, check=True, capture_output=True, env=os.environ | LEXICAL)  # noqa: S603 - ourselves


class Running:
    def __init__(self, process: subprocess.Popen[bytes], port: int, seconds: float) -> None:
        self.pid, self.port, self.seconds = process.pid, port, round(seconds, 2)
        self.memory = self.held()

    def held(self, key: str = "VmRSS") -> float:
        """What it and the processes that it started hold in MB, what they share once for each: see `resident`."""
        return round(sum(resident(pid, key) for pid in _family(self.pid)) / MB, 1)


def _family(process: int) -> list[int]:
    """A process and all that it started."""
    found = [process]
    for file in Path(f"/proc/{process}/task").glob("*/children"):
        with suppress(OSError):  # a thread that ended meanwhile
            found += [pid for started in file.read_text().split() for pid in _family(int(started))]
    return found


@contextmanager
def _server(module: str, *arguments: str, path: str) -> Iterator[Running]:
    """A server of ours in a process of its own, with its port put after its arguments; ended by its id."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    begun = time.perf_counter()
    command = [sys.executable, "-m", module, *arguments, str(port)]
    with tempfile.TemporaryFile() as log:
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=log, env=os.environ | LEXICAL)  # noqa: S603
        try:
            while not _answers(port, path):
                if process.poll() is not None or time.perf_counter() - begun > PATIENCE:
                    log.seek(0)
                    raise RuntimeError(f"{module} did not start: {log.read()[-500:].decode(errors='replace')}")
                time.sleep(0.02)
            yield Running(process, port, time.perf_counter() - begun)
        finally:
            process.terminate()
            process.wait(30)


def serving(data: Path, processes: int | None = None) -> AbstractContextManager[Running]:
    """The product, serving a data folder with so many processes, or as many as usual."""
    options = ("--data", str(data), "serve", "--processes", str(processes or ""), "--port")
    return _server("webapp.cli", *options, path=HEALTH)


def _answers(port: int, path: str) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", path)
        return connection.getresponse().status == 200
    except OSError:
        return False
    finally:
        connection.close()


def _requests(shelf: library.Shelf) -> dict[str, list[str]]:
    chance = random.Random(SEED)  # noqa: S311 - not a secret
    names = [d.sorts["name"] for d in shelf.documents if not d.restricted]
    uses = [d.facets["use"] or d.facets["theme"] for d in shelf.documents if not d.restricted]
    drafts = []
    for _ in range(REQUESTS):
        project = f"{chance.choice(uses)}项目"
        drafts.append({"project": project, "goal": questions.draft(shelf, chance, LENGTH), "limit": 20})
    typed = questions.prefixes(shelf, REQUESTS)
    return {
        "suggest": [post("/api/v1/suggest", draft) for draft in drafts],
        "suggest, tantivy inside": [post("/api/v1/suggest", draft) for draft in drafts],
        "20 hits of tantivy": [post("/suggest", draft) for draft in drafts],
        "search": [get(f"/api/v1/indicators?q={quote(chance.choice(names))}") for _ in range(REQUESTS)],
        "complete": [get(f"/api/v1/complete?q={quote(text)}") for text in typed],
        "empty": [get("/empty")],
    }


def get(path: str) -> str:
    """A whole request."""
    return f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"


def post(path: str, body: Mapping[str, object]) -> str:
    """A whole request with JSON."""
    text = json.dumps(body)
    head = f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nContent-Length: {len(text)}"
    return f"{head}\r\n\r\n{text}"


def _loads(ports: Mapping[str, int], asked: Mapping[str, list[str]], seconds: float) -> dict[str, Any]:
    """By endpoint and number of clients; endpoints take turns, and the whole is gone through several times."""
    found: dict[str, dict[int, list[dict[str, Any]]]] = {name: {} for name in TARGETS}
    for clients in CLIENTS:
        for _ in range(ROUNDS):
            for name, server in TARGETS.items():
                load = {
                    "port": ports[server],
                    "requests": asked[name],
                    "clients": clients,
                    "seconds": seconds / ROUNDS,
                }
                done = subprocess.run(
                    [sys.executable, "-m", "bench.speed.client"],
                    input=json.dumps(load),
                    capture_output=True,
                    text=True,
                    check=True,
                )
                found[name].setdefault(clients, []).append(json.loads(done.stdout))
    return {name: {str(clients): _joined(parts) for clients, parts in by.items()} for name, by in found.items()}


def _joined(parts: list[dict[str, Any]]) -> dict[str, Any]:
    times = [t for part in parts for t in part["times"]]
    return {
        **percentiles(times),
        "answers": len(times),
        "errors": sum(part["errors"] for part in parts),
        "per_second": round(sum(part["per_second"] for part in parts) / len(parts), 1),
    }


def _ratios(loads: Mapping[str, Any]) -> dict[str, Any]:
    """Of p95 and of throughput, by number of clients."""
    ratios: dict[str, Any] = {}
    for clients in map(str, CLIENTS):
        ours, inside, peer, empty = (
            loads[name][clients] for name in ("suggest", "suggest, tantivy inside", "20 hits of tantivy", "empty")
        )
        ratios[clients] = {
            **{f"{p}_by_tantivy_inside": round(ours[p] / inside[p], 3) for p in ("p50", "p95")},
            **{f"{p}_by_hits_alone": round(ours[p] / peer[p], 3) for p in ("p50", "p95")},
            "throughput_by_empty": round(ours["per_second"] / empty["per_second"], 3),
            "search_throughput_by_empty": round(loads["search"][clients]["per_second"] / empty["per_second"], 3),
            "p99_by_p50": round(ours["p99"] / ours["p50"], 2),
        }
    return ratios


def changes(data: Path, port: int) -> dict[str, Any]:
    """Seconds that writing a new record takes, and from then until a search over HTTP finds it."""
    store = Store.open(data)
    some = store.value("select id from indicators where status = 'active' and visibility = 'public'")
    (model,) = indicators.current(store, [some])
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
    written, found = [], []
    for number in range(CHANGES):
        code = indicators.Codes(store).take(model.category, model.visibility)
        name = f"测速新增指标{number:02d}号完成率"
        record = replace(model, id=indicators.indicator_id(code), code=code, name=name)
        begun = time.perf_counter()
        indicators.put(store, [record], actor="", action="import", detail="")
        after = time.perf_counter()
        while code not in _codes(connection, name):
            if time.perf_counter() - after > PATIENCE:
                raise RuntimeError("a change was not found")
        written.append(after - begun)
        found.append(time.perf_counter() - after)
    connection.close()
    store.close()
    return {
        "written_ms": percentiles(written),
        "found_ms": percentiles(found),
        "slowest_found_ms": round(max(found) * 1000, 1),
    }


def _codes(connection: http.client.HTTPConnection, name: str) -> list[str]:
    connection.request("GET", f"/api/v1/indicators?q={quote(name)}")
    return [item["code"] for item in json.load(connection.getresponse())["items"]]


def show(result: Mapping[str, Any]) -> None:
    """Print it all."""
    print(f"\nover HTTP, {LENGTH}-character drafts, ms")
    for name, by in result["loads"].items():
        for clients, row in by.items():
            cells = "".join(f"{p} {row[p]:9.2f}  " for p in ("p50", "p95", "p99"))
            print(f"  {name:26}{clients:>3} clients  {cells}{row['per_second']:9.1f}/s  {row['errors']} errors")
    for clients, row in result["ratios"].items():
        print(f"  {clients:>3} clients  " + "  ".join(f"{key} {value}" for key, value in row.items()))
    for part in ("changes", "starts", "memory", "builds"):
        print(f"  {part}: " + "  ".join(f"{key} {value}" for key, value in result[part].items()))
