"""Run a program's source in PyTorch, statement by statement, on the device of the tensors that it is given."""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module
from typing import Any

import numpy as np

from tinyad.compiled.numpy_engine import Functions, Places


def torch() -> Any:
    """Return the module; ImportError that says how to install it."""
    try:
        return import_module("torch")
    except ImportError:
        raise ImportError("this program runs in PyTorch, which is not installed: pip install torch") from None


class TorchEngine:
    """A function of a program's arguments: it returns `outputs` outputs, then derivatives in row layout, as tensors.

    Arrays of NumPy are copied to the device of the first tensor among the arguments, or to the CPU.
    """

    def __init__(self, source: str, functions: Functions, places: Places, outputs: int) -> None:
        self._torch = torch()
        self._places, self._outputs = places, outputs
        self._again = [k for k, place in enumerate(places) if place in places[:k]]  # two names of one result
        names: dict[str, Any] = {}
        exec(compile(source, "<program of tinyad>", "exec"), names)
        self._program = names["program"]

    def takes(self, value: Any, dtype: Any) -> bool:
        if isinstance(value, self._torch.Tensor):
            return str(value.dtype) == f"torch.{dtype}"
        return type(value) is np.ndarray and value.dtype == dtype

    def __call__(self, arguments: Sequence[Any]) -> list[Any]:
        parts = [part for a in arguments for part in (a if isinstance(a, list) else (a,))]
        device = next((part.device for part in parts if isinstance(part, self._torch.Tensor)), "cpu")
        results = self._program(*(self._tensor(a, device) for a in arguments))
        out = [results[k][t] if t else results[k] for k, t in self._places]
        for k in self._again:
            out[k] = out[k].clone()
        return out[: self._outputs] + [dv.T for dv in out[self._outputs :]]

    def _tensor(self, argument: Any, device: Any) -> Any:
        """Return an argument as a tensor; one over time, a list, as one tensor."""
        if isinstance(argument, list):
            return self._torch.stack([self._tensor(part, device) for part in argument])
        if isinstance(argument, self._torch.Tensor):
            return argument
        return self._torch.from_numpy(argument.copy()).to(device)
