"""What a person sees and what a program calls. Thin: no rule lives here."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from flask import Flask


def create_app(data: Path) -> Flask:
    """The application over the data folder ``data``.

    Raises NotReady when the folder holds no library or no index.
    """
    # Imported here, so that commands which serve nothing do without the web storey.
    from webapp import application  # noqa: PLC0415

    return application.create(data)
