"""Run a program's source in NumPy: every thread has a workspace of its own."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from types import ModuleType
from typing import Any

import numpy as np

from tinyad.arrays.matrix import Array
from tinyad.engine.op import Op

Index = tuple[int, ...]  # of a time step in a result over time, and of a round in it; () of all else
Places = Sequence[tuple[int, Index]]  # of each output and derivative: which result of the source, which matrix of it
Functions = Mapping[str, tuple[str, Op]]  # name in the source → ("forward" or "back", a user's row)


class Source:
    """The functions of a source; every thread has a workspace, which is made for the sizes of its last run."""

    def __init__(
        self,
        text: str,
        functions: Functions,
        file: str = "<program of tinyad>",
        module: ModuleType | None = None,
    ) -> None:
        names = {} if module is None else module.__dict__
        names |= {name: _called(kind, op) for name, (kind, op) in functions.items()}
        exec(compile(text, file, "exec"), names)
        self._prepared: Callable[..., Callable[..., Any]] = names.get("prepared", lambda: None)
        self._program: Callable[..., Any] | None = names.get("program")
        self._own = threading.local()
        self._has_sigmoids = any(word in text for word in ("reciprocal", "sigmoid"))

    def __call__(self, arguments: Sequence[Any], sizes: Sequence[int]) -> Sequence[Array]:
        if not self._has_sigmoids:
            return self._run(arguments, sizes)
        with np.errstate(over="ignore"):  # of e^-x in a sigmoid that is 0 to rounding
            return self._run(arguments, sizes)

    def _run(self, arguments: Sequence[Any], sizes: Sequence[int]) -> Sequence[Array]:
        results: Sequence[Array]
        if self._program is not None:
            results = self._program(*map(np.asarray, arguments))
        else:
            if getattr(self._own, "sizes", None) != sizes:
                self._own.program = self._own.sizes = None  # the old memory goes before the new one comes
                self._own.program, self._own.sizes = self._prepared(*sizes), sizes
            results = self._own.program(*arguments)
        return results


class NumpyEngine:
    """A function of a program's arguments: it returns `outputs` outputs, then derivatives in row layout."""

    def __init__(self, source: Source, places: Places, outputs: int, sizes: Sequence[int] = ()) -> None:
        self._source, self._sizes = source, sizes
        self._places, self._outputs = places, outputs
        first = {place: k for k, place in reversed(list(enumerate(places)))}
        self._again = [k for k, place in enumerate(places) if first[place] != k]  # two names of one result

    def takes(self, value: Any, dtype: Any) -> bool:
        return type(value) is np.ndarray and value.dtype == dtype

    def __call__(self, arguments: Sequence[Any]) -> list[Array]:
        results = self._source(arguments, self._sizes)
        out = [results[k][t] if t else results[k] for k, t in self._places]
        for k in self._again:
            out[k] = out[k].copy()
        return out[: self._outputs] + [dv.T for dv in out[self._outputs :]]


def numpy_engine(source: str, functions: Functions, places: Places, outputs: int) -> NumpyEngine:
    """Return a program's function."""
    return NumpyEngine(Source(source, functions), places, outputs)


def _called(kind: str, op: Op) -> Callable[..., Any]:
    """Return a user's row as a function that passes copies on: a row may lock or keep its arguments."""
    if kind == "forward":
        return lambda *operands: op.run(*map(np.array, operands))

    def back(*operands: Array) -> tuple[Array, ...]:
        out = op.vjp(*map(np.array, operands))
        columns = out if isinstance(out, tuple) else (out,)
        like = operands[:1] * op.arity if op.elementwise else operands[2:]  # the sum over what repeats is taken later
        return tuple(np.zeros_like(a) if c is None else c for c, a in zip(columns, like, strict=True))

    return back
