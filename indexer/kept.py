"""Files that are derived from something else and kept: read whole and of the same source, or not at all."""

from __future__ import annotations

import os
import tempfile
from hashlib import sha256
from pathlib import Path


def save(path: Path, source: str, content: bytes) -> None:
    """Write to a file in one step; ``source`` names what the content is from. Raises OSError, and leaves nothing."""
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor, aside = tempfile.mkstemp(dir=path.parent, prefix=f"{path.name}-")
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(_digest(source, content) + content)
        Path(aside).replace(path)
    except BaseException:
        Path(aside).unlink(missing_ok=True)
        raise


def load(path: Path, source: str) -> memoryview | None:
    """What :func:`save` wrote; None when there is no such file, or not a whole one of that source."""
    try:
        found = memoryview(path.read_bytes())
    except OSError:
        return None
    digest, content = found[:32], found[32:]
    return content if digest == _digest(source, content) else None


def _digest(source: str, content: bytes | memoryview) -> bytes:
    made = sha256(source.encode())
    made.update(content)
    return made.digest()
