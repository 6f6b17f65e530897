"""What holds for every test: no meaning model unless a test asks for one, so that answers hang on words alone."""

from __future__ import annotations

import os

os.environ["ZHIBIAO_MEANING"] = "off"
