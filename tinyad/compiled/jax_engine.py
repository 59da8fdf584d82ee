"""Run a program's source in JAX, as one function that XLA compiles."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import nullcontext
from importlib import import_module
from typing import Any

import numpy as np

from tinyad.compiled.numpy_engine import Functions, Places


def jax() -> Any:
    """Return the module; ImportError that says how to install it."""
    try:
        return import_module("jax")
    except ImportError:
        raise ImportError('engine="jax" needs JAX: pip install jax') from None


class JaxEngine:
    """A function of a program's arguments: it returns `outputs` outputs, then derivatives in row layout.

    `double` says whether there is any float64, which JAX computes in only where it is told to: it is here, and nowhere
    else.  Products are computed in full precision on every device.
    """

    def __init__(self, source: str, functions: Functions, places: Places, outputs: int, double: bool) -> None:
        self._jax = jax()
        self._double = double
        names: dict[str, Any] = {}
        exec(compile(source, "<program of tinyad>", "exec"), names)

        self._places = [((k, j >= outputs), t) for j, (k, t) in enumerate(places)]
        self._results = list(dict.fromkeys(result for result, _ in self._places))

        def run(*arguments: Any) -> list[Any]:
            with self._jax.default_matmul_precision("highest"):
                results = names["program"](*arguments)
            return [results[k].swapaxes(-2, -1) if turned else results[k] for k, turned in self._results]

        self._run = self._jax.jit(run)
        self._at = self._jax.jit(lambda over_time, t: over_time[t])  # in `run` each t is one more kernel to compile

    def takes(self, value: Any) -> bool:
        return type(value) is np.ndarray or isinstance(value, self._jax.Array)

    def __call__(self, arguments: Sequence[Any]) -> list[Any]:
        alone = self._double and not self._jax.config.jax_enable_x64
        with self._jax.enable_x64(True) if alone else nullcontext():
            found = dict(zip(self._results, self._run(*map(_over_time, arguments)), strict=True))
            return [found[result] if t is None else self._at(found[result], t) for result, t in self._places]


def _over_time(argument: Any) -> Any:
    """Return arrays of NumPy over time as one, which is faster to hand over."""
    if isinstance(argument, list) and all(type(part) is np.ndarray for part in argument):
        return np.array(argument)
    return argument
