"""Values as the cells of a table that others open with an office program."""

from __future__ import annotations

import re

# Full-width signs too: East Asian editions of office programs take them for the plain ones.
_SIGNS = tuple("=+-@\t\r\n＝＋－＠")


def cell(value: object) -> str:
    """A cell as text; one that a spreadsheet would take for a formula is set behind an apostrophe.

    A lone sign (the operator ``=``) and a plain number are no formula, and can be imported again as they are.
    """
    text = "、".join(map(str, value)) if isinstance(value, list) else "" if value is None else str(value)
    harmless = len(text) == 1 or re.fullmatch(r"-\d+(\.\d+)?", text, re.ASCII)
    return "'" + text if text.lstrip(" ").startswith(_SIGNS) and not harmless else text
