"""A second process that does part of a build.

It is started by itself and not through multiprocessing: that would load all that the command line loads once more.
"""

from __future__ import annotations

import gc
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from pickle import HIGHEST_PROTOCOL, dumps, loads
from threading import Thread
from traceback import format_exception

# So many calls may be left to the second process before the first does one itself: that one is never without work.
AHEAD = 2

Run = Callable[..., object]

_COMMAND = "import sys; sys.path[:] = {path!r}; from indexer.beside import serve; serve(*{descriptors!r})"


class Second:
    """Runs calls one after another in a process of its own; what they give is dropped."""

    def __init__(self) -> None:
        reads, self._calls = Pipe(duplex=False)
        self._done, writes = Pipe(duplex=False)
        alive, self._alive = Pipe(duplex=False)
        theirs = (reads, writes, alive)
        descriptors = [end.fileno() for end in theirs]
        self._process = subprocess.Popen(  # noqa: S603 - this very Python and this very module
            [sys.executable, "-c", _COMMAND.format(path=sys.path, descriptors=descriptors)],
            stdin=subprocess.DEVNULL,
            pass_fds=descriptors,
        )
        for end in theirs:
            end.close()
        # More than a pipe holds is taken when the call before is done.
        self._sending = ThreadPoolExecutor(1)
        self._open = 0

    @property
    def id(self) -> int:
        """The number of the process."""
        return self._process.pid

    def run(self, work: Run, *arguments: object) -> None:
        """Have ``work``, a function of a module, called after what it has to do before."""
        self._sending.submit(self._calls.send_bytes, dumps((work, arguments), HIGHEST_PROTOCOL))
        self._open += 1

    def left(self) -> int:
        """How many calls are still to be done. Raises what one of them raised."""
        while self._open and self._done.poll():
            self._collect()
        return self._open

    def wait(self) -> None:
        """Return when all calls are done. Raises what one of them raised."""
        while self._open:
            self._collect()

    def end(self) -> None:
        """End the process, whatever it does."""
        self._alive.close()
        self._process.wait()
        self._sending.shutdown()
        for end in (self._calls, self._done):
            end.close()

    def _collect(self) -> None:
        try:
            error = self._done.recv()
        except EOFError:
            raise ChildProcessError("the second process of a build ended before its work") from None
        self._open -= 1
        if error is not None:
            raise error


@contextmanager
def beside(wanted: bool) -> Iterator[tuple[Run, Run]]:
    """Two ways to run calls: in a second process, or by whichever of the two is sooner free; done at the exit.

    Where none is wanted, both run them here.
    """
    if not wanted:
        yield here, here
        return
    second = Second()

    def either(work: Run, *arguments: object) -> None:
        (second.run if second.left() < AHEAD else here)(work, *arguments)

    try:
        yield second.run, either
        second.wait()
    finally:
        second.end()


def here(work: Run, *arguments: object) -> None:
    """Run a call in this process."""
    work(*arguments)


def serve(reads: int, writes: int, alive: int) -> None:
    """Be the second process, until the first closes ``alive`` or dies.

    ``reads`` gives calls, ``writes`` takes what they raised.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the first one is told, too, and ends this one
    end_with(alive)
    given, answers = Connection(reads, writable=False), Connection(writes, readable=False)
    # Loaded while the first one reads the library.
    from indexer import analysis, complete  # noqa: F401, PLC0415
    from indexer.engines import embedded  # noqa: F401, PLC0415

    # What is loaded now stays: with every part that is handed over it would be looked through for garbage again.
    gc.freeze()
    with suppress(EOFError, BrokenPipeError):  # it is about to end
        while True:
            answers.send(_answer(given.recv_bytes()))


def _answer(call: bytes) -> BaseException | None:
    """Do a call; what it raised."""
    try:
        work, arguments = loads(call)  # noqa: S301 - our own
        del call  # parts of a large library fill memory as it is
        work(*arguments)
    except BaseException as error:
        error.add_note("".join(format_exception(error)))
        return error
    return None


def end_with(alive: int) -> None:
    """From now on end this process at once when nobody holds the other end of a pipe, to which nothing is written."""

    def wait() -> None:
        os.read(alive, 1)
        os._exit(1)

    Thread(target=wait, daemon=True).start()
