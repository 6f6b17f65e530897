"""Reads a file in a process of its own, with limits on memory and time, so that no file can end the service.

The libraries that unpack workbooks and PDFs are compiled code: a file of five kilobytes can make them ask for hundreds
of gigabytes, and what the system then ends is the process that asked.
"""

from __future__ import annotations

import json
import subprocess
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

from corpus.errors import TooLarge, Unreadable, ZhibiaoError

MEMORY = 2 * 2**30
SECONDS = 120
_ERRORS = {kind.__name__: kind for kind in (TooLarge, Unreadable)}


class Broken(Exception):
    """The reader ended without an answer: the file is damaged, or asked for more than the limits."""


def read(room: str, path: Path, *limits: int) -> Any:
    """What ``corpus.readers.<room>.read(path, *limits)`` gives, which JSON must be able to carry.

    Raises what it raises when that is Unreadable or TooLarge, and Broken for any other end.
    """
    asked = [sys.executable, "-I", "-m", __name__, room, str(path.absolute()), *map(str, limits)]
    try:
        done = subprocess.run(  # noqa: S603 - our own interpreter and module; the path is one argument
            asked, stdin=subprocess.DEVNULL, capture_output=True, timeout=2 * SECONDS, check=False
        )
    except subprocess.TimeoutExpired as error:
        raise Broken("time") from error
    if done.returncode != 0:
        raise Broken(f"exit {done.returncode}")
    answer = json.loads(done.stdout)
    if "error" in answer:
        raise _ERRORS[answer["error"]](answer["message"], field=answer["field"])
    return answer["found"]


def _main(room: str, path: str, *limits: str) -> None:
    import resource  # noqa: PLC0415 - of this process alone

    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_CPU, (SECONDS, SECONDS))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    try:
        answer = {"found": import_module(f"corpus.readers.{room}").read(Path(path), *map(int, limits))}
    except ZhibiaoError as error:
        answer = {"error": type(error).__name__, "message": error.message, "field": error.field}
    sys.stdout.buffer.write(json.dumps(answer).encode())


if __name__ == "__main__":
    _main(*sys.argv[1:])
