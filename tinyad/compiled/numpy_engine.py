"""Run a program's source in NumPy: every thread has a workspace of its own."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from types import ModuleType
from typing import Any

import numpy as np

from tinyad.arrays.matrix import Array
from tinyad.engine.op import Op

Places = Sequence[tuple[int, int | None]]  # of each output and derivative: which result of the source, which time step
Functions = Mapping[str, tuple[str, Op]]  # name in the source → ("forward" or "back", a user's row)


class NumpyEngine:
    """A function of a program's arguments: it returns `outputs` outputs, then derivatives in row layout."""

    def __init__(
        self,
        source: str,
        functions: Functions,
        places: Places,
        outputs: int,
        file: str = "<program of tinyad>",
        module: ModuleType | None = None,
    ) -> None:
        names = {} if module is None else module.__dict__
        names |= {name: _called(kind, op) for name, (kind, op) in functions.items()}
        exec(compile(source, file, "exec"), names)
        self._prepared: Callable[[], Callable[..., Any]] = names.get("prepared", lambda: None)
        self._program: Callable[..., Any] | None = names.get("program")
        self._own = threading.local()
        self._places, self._outputs = places, outputs
        self._again = [k for k, place in enumerate(places) if place in places[:k]]  # two names of one result

    def takes(self, value: Any, dtype: Any) -> bool:
        return type(value) is np.ndarray and value.dtype == dtype

    def __call__(self, arguments: Sequence[Any]) -> list[Array]:
        with np.errstate(over="ignore"):  # of e^-x in a sigmoid that is 0 to rounding
            if self._program is not None:
                results = self._program(*map(np.asarray, arguments))
            else:
                if not hasattr(self._own, "program"):
                    self._own.program = self._prepared()
                results = self._own.program(*arguments)
        out = [results[k] if t is None else results[k][t] for k, t in self._places]
        for k in self._again:
            out[k] = out[k].copy()
        return out[: self._outputs] + [dv.T for dv in out[self._outputs :]]


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
