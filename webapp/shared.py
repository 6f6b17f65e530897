"""What this process and all that it forks later hold together: a lock, and a value."""

from __future__ import annotations

import fcntl
import os
import pickle
import tempfile
import threading
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from struct import Struct
from typing import Any, Generic, TypeVar

T = TypeVar("T")
_EXTENT = Struct("=QQ")


class Mutex:
    """A lock over the threads of all these processes; who dies lets go of it."""

    def __init__(self) -> None:
        self._threads = threading.Lock()
        # A record lock belongs to a process; one of flock() to the open file, which a fork shares.
        self._file = _nameless(self)

    def acquire(self, *, wait: bool = True) -> bool:
        """Take it; False when somebody has it and is not waited for. Another thread may release it."""
        if not self._threads.acquire(wait):
            return False
        try:
            fcntl.lockf(self._file, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        except BaseException as error:
            self._threads.release()
            if isinstance(error, BlockingIOError):
                return False
            raise
        return True

    def release(self) -> None:
        """Let go of it."""
        fcntl.lockf(self._file, fcntl.LOCK_UN)
        self._threads.release()

    def __enter__(self) -> None:
        self.acquire()

    def __exit__(self, *_: object) -> None:
        self.release()


class Shared(Generic[T]):
    """A value that can be pickled; whole, whenever somebody dies."""

    def __init__(self, value: T) -> None:
        self._mutex = Mutex()
        self._file = _nameless(self)
        os.pwrite(self._file, _EXTENT.pack(_EXTENT.size, 0), 0)
        self.write(value)

    def read(self) -> T:
        """A copy of the present value."""
        with self._mutex:
            return self._read()

    def write(self, value: T) -> None:
        """Put another in its place."""
        with self._mutex:
            self._write(value)

    @contextmanager
    def changing(self) -> Iterator[T]:
        """The value to be changed while nobody else reads it; as it was when the block raises."""
        with self._mutex:
            value = self._read()
            yield value
            self._write(value)

    def _read(self) -> T:
        start, size = self._extent()
        found: T = pickle.loads(os.pread(self._file, size, start))  # noqa: S301 - our own
        return found

    def _write(self, value: T) -> None:
        """Beside the old one, and only then named: so there is always a whole one."""
        start, size = self._extent()
        content = pickle.dumps(value)
        place = _EXTENT.size if _EXTENT.size + len(content) <= start else start + size
        os.pwrite(self._file, content, place)
        os.pwrite(self._file, _EXTENT.pack(place, len(content)), 0)

    def _extent(self) -> tuple[int, int]:
        start, size = _EXTENT.unpack(os.pread(self._file, _EXTENT.size, 0))
        return start, size


def _nameless(owner: Any) -> int:
    """The descriptor of a new file without a name, as long as its owner lives."""
    with tempfile.TemporaryFile(buffering=0) as file:
        found = os.dup(file.fileno())
    weakref.finalize(owner, os.close, found)
    return found
