"""Several processes that serve one address: Python's lock holds one process to one core.

The first process makes everything ready and forks: what is loaded by then is held once by all. It then only watches
over the others, with no thread beside it: a fork copies the locks that other threads hold, and nobody to release them.
"""

from __future__ import annotations

import ctypes
import gc
import os
import signal
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import partial
from mmap import mmap
from typing import TYPE_CHECKING, NoReturn

from corpus.errors import BadInput, NotReady
from indexer.beside import end_with

if TYPE_CHECKING:
    from waitress.server import BaseWSGIServer, MultiSocketServer

VARIABLE = "ZHIBIAO_PROCESSES"
# So many at most unless the option or the environment says otherwise, and never more than that.
USUAL, MOST = 2, 64
# So many processes that end in a row within so many seconds of their beginning end it all.
HASTY, MOMENT = 5, 1.0
# So many seconds a connection is left to those who hold fewer; they may be busy, and then somebody else takes it.
LEAVE = 0.005
# mallopt(3): how many heaps there may be.
_M_ARENA_MAX = -8
# What the first process waits for; the alarm is its own, to try once more what failed.
_SIGNALS = {signal.SIGTERM, signal.SIGINT, signal.SIGCHLD, signal.SIGALRM}


def wanted(text: str) -> int:
    """The number of processes that the option or the environment asks for; :func:`usual` when it is empty.

    Raises BadInput for what is no such number, and for more than one where a process cannot be forked.
    """
    text = text.strip() or str(usual())
    if not (text.isascii() and text.isdecimal() and len(text) <= 4 and 1 <= int(text) <= MOST):
        raise BadInput(
            f"服务进程数（--processes 或环境变量 {VARIABLE}）须为 1 到 {MOST} 的整数，请修改后再启动。",
            field="processes",
        )
    if int(text) > 1 and not hasattr(os, "fork"):
        raise BadInput(
            f"本系统不支持多个服务进程，请把服务进程数（--processes 或环境变量 {VARIABLE}）设为 1。", field="processes"
        )
    return int(text)


def usual() -> int:
    """One for each processor up to :data:`USUAL`: every further one takes some 100 MB at eight thousand records."""
    return min(USUAL, len(os.sched_getaffinity(0))) if hasattr(os, "fork") else 1


def one_heap() -> None:
    """Have all threads take memory from one heap where the C library gives each its own, and none gives any back.

    Python's lock lets one of them ask at a time anyway. Without it a server grows with every build that it serves.
    """
    with suppress(OSError, AttributeError):  # another C library
        ctypes.CDLL(None).mallopt(_M_ARENA_MAX, 1)


class Level:
    """Has processes that take connections from the same sockets hold about as many each.

    All of them hear of a new one. Whoever is quickest would take nearly all of a handful of browsers, which keep their
    connections, and one core would serve them.
    """

    def __init__(self, count: int) -> None:
        """Made before the fork: ``count`` processes tell each other here how many they hold."""
        self._held = memoryview(mmap(-1, 8 * count)).cast("q")

    def apply(self, server: BaseWSGIServer | MultiSocketServer, number: int) -> None:
        """Have the server of the process ``number`` leave connections to those who hold fewer."""
        # Loaded by who serves.
        from waitress.server import BaseWSGIServer, MultiSocketServer  # noqa: PLC0415

        channels = server.map if isinstance(server, MultiSocketServer) else server._map
        for listener in [channel for channel in channels.values() if isinstance(channel, BaseWSGIServer)]:
            listener.readable = partial(self._readable, listener.readable, channels, number)
            listener.handle_accept = partial(self._accept, listener.handle_accept, number)

    def _readable(self, usual: Callable[[], bool], channels: Mapping[int, object], number: int) -> bool:
        """Asked before each wait for something to happen."""
        self._held[number] = len(channels)
        return usual()

    def _accept(self, usual: Callable[[], None], number: int) -> None:
        if self._held[number] > min(self._held):
            time.sleep(LEAVE)
        usual()  # there is none any more when somebody else has taken it


def fork(count: int, release: Callable[[], None]) -> int:
    """Go on as ``count`` processes: returns in each of them, with its number from 0.

    In the process that called it, it does not return: that one calls ``release`` to let go of what only the others
    need, replaces whoever dies by another of the same number, and on SIGTERM or SIGINT ends them all and leaves with 0.
    When it is killed they end at once. There must be no other thread, and no connection to SQLite. Raises NotReady when
    processes die as soon as they begin.
    """
    signal.pthread_sigmask(signal.SIG_BLOCK, _SIGNALS)
    signal.signal(signal.SIGCHLD, lambda *_: None)  # by default it would not even be noted
    reader, writer = os.pipe()
    running: dict[int, tuple[int, float]] = {}
    lacking, hasty = [*range(count)], 0
    gc.collect()
    gc.freeze()  # a child's collector would else write to every object, and so copy it
    while True:
        while lacking:
            for stream in (sys.stdout, sys.stderr):
                stream.flush()  # else a child would write it again
            try:
                pid = os.fork()
            except OSError as error:  # no memory left, or no number: for now
                print(f"服务进程暂时启动不了（{error.strerror}），一秒后重试。", file=sys.stderr)
                signal.alarm(1)
                break
            if not pid:
                _begin(reader, writer)
                return lacking[0]
            running[pid] = lacking.pop(0), time.monotonic()
        release()
        if signal.sigwait(_SIGNALS) in (signal.SIGTERM, signal.SIGINT):
            _end(running)
        for pid, status in _dead():
            number, since = running.pop(pid, (None, 0.0))
            if number is None:
                continue
            lacking.append(number)
            hasty = hasty + 1 if time.monotonic() - since < MOMENT else 0
            code = os.waitstatus_to_exitcode(status)
            print(f"一个服务进程意外结束（{f'信号 {-code}' if code < 0 else f'代码 {code}'}）。", file=sys.stderr)
        if hasty >= HASTY:
            _end(running, NotReady("服务进程一启动就结束，已停止服务，请查看上面的错误信息，排除后再启动。"))


def _begin(reader: int, writer: int) -> None:
    """Be a process that serves: it ends when told to, and with the one that watches."""
    os.close(writer)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # typed, it goes to all: the first one passes it on
    signal.signal(signal.SIGTERM, _finish)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, _SIGNALS)
    end_with(reader)


def _finish(*_: object) -> NoReturn:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)  # told twice, it must not break off its finishing
    sys.exit(0)


def _dead() -> list[tuple[int, int]]:
    """Who has ended since, with its status."""
    found = []
    with suppress(ChildProcessError):
        while (ended := os.waitpid(-1, os.WNOHANG))[0]:
            found.append(ended)
    return found


def _end(running: dict[int, object], error: Exception | None = None) -> NoReturn:
    """Have all finish, wait for them, and leave."""
    for pid in running:
        os.kill(pid, signal.SIGTERM)
    for pid in running:
        os.waitpid(pid, 0)
    raise error or SystemExit(0)
