"""Run a program's source as machine code, which is kept on disk: the next process with the same program loads it."""

from __future__ import annotations

import hashlib
import os
import sys
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType

from tinyad.compiled.numpy_engine import Functions, NumpyEngine, Places, Source

NEEDED = ("numba", "scipy")


def missing_packages() -> list[str]:
    """Return what machine code needs and is not installed."""
    return [name for name in NEEDED if find_spec(name) is None]


def native_engine(source: str, functions: Functions, places: Places, outputs: int) -> NumpyEngine:
    """Return a program's function, whose loops are machine code."""
    path = stored(source)
    module = ModuleType(path.stem)  # machine code from the disk looks for its module by name
    sys.modules[module.__name__] = module
    return NumpyEngine(Source(source, functions, str(path), module), places, outputs)


def cache_folder() -> Path:
    """Return the folder for machine code: TINYAD_CACHE, or tinyad/ in the user's folder for such files."""
    given = os.environ.get("TINYAD_CACHE")
    return Path(given or os.path.join(os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache"), "tinyad"))


def stored(source: str) -> Path:
    """Write the source to a file of its own, beside which its machine code is kept; return the path.

    Where nothing can be written, no file is there, and every process compiles anew.
    """
    functions = Path(__file__).with_name("native_functions.py").read_bytes()
    path = cache_folder() / f"program_{hashlib.sha256(functions + source.encode()).hexdigest()[:32]}.py"
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        if not path.exists():
            whole = path.with_suffix(f".{os.getpid()}")
            whole.write_text(source, encoding="utf-8")
            whole.replace(path)  # at once: another process may compile the same
    except OSError:
        pass
    return path
