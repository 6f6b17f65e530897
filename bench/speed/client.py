"""A load of so many clients on one port, in a process of its own: ``python -m bench.speed.client`` reads a JSON load.

A load is ``{port, requests, clients, seconds}``, each request a whole HTTP/1.1 message in text. Every client asks one
after the other on a connection that it keeps. Prints what came back as JSON; answers other than 200 count as errors.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from typing import Any

# The share of the time at the beginning that does not count.
WARM = 0.15


async def _client(port: int, requests: list[bytes], offset: int, begun: float, end: float) -> tuple[list[float], int]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    times: list[float] = []
    errors = 0
    number = offset
    while (now := time.perf_counter()) < end:
        writer.write(requests[number % len(requests)])
        number += 1
        head = await reader.readuntil(b"\r\n\r\n")
        length = int(head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0] or 0)
        await reader.readexactly(length)
        after = time.perf_counter()
        if after >= begun:
            times.append(after - now)
            errors += not head.startswith(b"HTTP/1.1 200")
    writer.close()
    return times, errors


async def _load(load: dict[str, Any]) -> dict[str, Any]:
    requests = [r.encode() for r in load["requests"]]
    now = time.perf_counter()
    begun, end = now + WARM * load["seconds"], now + load["seconds"]
    step = max(1, len(requests) // load["clients"])
    asked = (_client(load["port"], requests, k * step, begun, end) for k in range(load["clients"]))
    found = await asyncio.gather(*asked)
    times = [t for one, _ in found for t in one]
    taken = time.perf_counter() - begun
    return {
        "times": [round(t, 6) for t in times],
        "errors": sum(e for _, e in found),
        "per_second": round(len(times) / taken, 1),
    }


if __name__ == "__main__":
    print(json.dumps(asyncio.run(_load(json.load(sys.stdin)))))
