"""Compiles indexer/kernel.c with the package where there is a C compiler; without one jieba segments, more slowly."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface
from packaging.tags import sys_tags

HARDENED = ("-fstack-protector-strong", "-U_FORTIFY_SOURCE", "-D_FORTIFY_SOURCE=2")
LIBRARY = f"_kernel{sysconfig.get_config_var('SHLIB_SUFFIX') or '.so'}"


def compiler() -> list[str] | None:
    """$CC, else cc or gcc, as a command; None when there is none of them."""
    for command in [os.environ["CC"]] if os.environ.get("CC") else ["cc", "gcc"]:
        words = shlex.split(command)
        if words and shutil.which(words[0]):
            return words
    return None


def headers() -> list[str] | None:
    """What kernel.c is compiled with to read Python's objects; None where that cannot be."""
    folders = sorted({sysconfig.get_path(name) for name in ("include", "platinclude")})
    if sys.implementation.name != "cpython" or not any((Path(folder) / "Python.h").is_file() for folder in folders):
        return None
    # Python's own functions are found in whoever loads the library.
    loader = ["-undefined", "dynamic_lookup"] if sys.platform == "darwin" else []
    return [*(f"-I{folder}" for folder in folders), *loader]


def compile_kernel(folder: Path) -> str:
    """Compile kernel.c in ``folder`` beside itself; what went wrong, or nothing. A library left from before goes."""
    made, aside = folder / LIBRARY, folder / f"{LIBRARY}.{os.getpid()}"
    made.unlink(missing_ok=True)
    command, more = compiler(), headers()
    if command is None:
        return "no C compiler was found"
    if more is None:
        return "Python's headers were not found"
    try:
        linked = ["-Wl,-z,relro,-z,now"] if sys.platform == "linux" else []
        options = ["-O3", *HARDENED, *linked, "-shared", "-fPIC", "-o", str(aside), str(folder / "kernel.c"), "-lm"]
        subprocess.run([*command, *more, *options], check=True, capture_output=True, text=True)  # noqa: S603
        aside.replace(made)
    except (OSError, subprocess.CalledProcessError) as error:
        return f"the C compiler failed: {getattr(error, 'stderr', None) or error}"
    finally:
        aside.unlink(missing_ok=True)
    return ""


class Kernel(BuildHookInterface[Any]):
    """Runs before a wheel is put together, an editable one, too."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Compile; the wheel takes the library and says for which machines it is."""
        failure = compile_kernel(Path(self.root) / "indexer")
        if failure:
            self.app.display_warning(f"{failure}; text will be segmented by jieba itself, which is slower")
            return
        build_data["pure_python"] = False
        # As hatchling itself chooses: this machine's own platform, no promise about others.
        platforms = (t.platform for t in sys_tags() if "manylinux" not in t.platform and "musllinux" not in t.platform)
        build_data["tag"] = f"py3-none-{next(platforms)}"
        if version != "editable":
            build_data["artifacts"].append(f"indexer/{LIBRARY}")
