"""The operators LSTM, GRU and RNN of ONNX as a whole: over time, in each direction, in either layout, on arrays.

directions: "forward", "reverse", or "bidirectional", whose arrays have both, forward first.  layout 0: X is T×B×X,
Y is T×directions×B×H, the states directions×B×H; layout 1: X is B×T×X, Y is B×T×directions×H, the states
B×directions×H.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from lstm_models.layouts import ONNX, from_onnx, stacked_gates
from lstm_models.model import Matrix
from lstm_models.models import MODELS
from lstm_models.sequence import after, unrolled

DIRECTIONS = {"forward": (False,), "reverse": (True,), "bidirectional": (False, True)}


class Outputs(NamedTuple):
    """Y: h at every time step, 0 where an example has ended; Y_h: h at the end; Y_c: c at the end, None without one."""

    Y: Matrix
    Y_h: Matrix
    Y_c: Matrix | None


def onnx_operator(
    model: str,
    arrays: Mapping[str, Matrix],
    X: Matrix,
    direction: str = "forward",
    layout: int = 0,
    lengths: Any = None,
    initial_h: Matrix | None = None,
    initial_c: Matrix | None = None,
) -> Outputs:
    """Return the outputs of an operator with the inputs W, R, B and P in `arrays`; states at the start are 0 if not
    given, and `lengths` are its sequence_lens.
    """
    stacked_gates(ONNX, model, "ONNX")
    if direction not in DIRECTIONS:
        raise ValueError(f"direction {direction!r}: there are {', '.join(DIRECTIONS)}")
    if layout not in (0, 1):
        raise ValueError(f"layout {layout!r}: there are 0 and 1")
    X = np.asarray(X)
    if X.ndim != 3:
        raise ValueError(f"X has {X.ndim} axes, expected 3: {'B×T×X' if layout else 'T×B×X'}")
    X = X.swapaxes(0, 1) if layout else X
    ways = DIRECTIONS[direction]
    D, H, B = len(ways), int((0, *np.shape(arrays.get("R", ())))[-1]), X.shape[1]
    given = {"h": initial_h, "c": initial_c}
    start = {name: _states(name, given[name], (D, B, H), layout, X.dtype) for name in MODELS[model].states}
    results = [
        _one_way(model, _part(arrays, k, D), X, backwards, lengths, {name: s[k].T for name, s in start.items()})
        for k, backwards in enumerate(ways)
    ]
    Y = np.stack([Y for Y, _ in results], 1)
    ends = {name: np.stack([states[name].T for _, states in results]) for name in MODELS[model].states}
    if layout:
        Y, ends = Y.transpose(2, 0, 1, 3), {name: s.swapaxes(0, 1) for name, s in ends.items()}
    return Outputs(Y, ends["h"], ends.get("c"))


def _states(name: str, given: Matrix | None, shape: tuple[int, int, int], layout: int, dtype: Any) -> Matrix:
    if given is None:
        return np.zeros(shape, dtype)
    state = np.asarray(given)
    needed = (shape[1], shape[0], shape[2]) if layout else shape
    if state.shape != needed:
        raise ValueError(f"initial_{name} is {state.shape}, expected {needed}")
    return state.swapaxes(0, 1) if layout else state


def _part(arrays: Mapping[str, Matrix], k: int, D: int) -> dict[str, Matrix]:
    """Return the arrays of one of D directions."""
    for name, a in arrays.items():
        if np.shape(a)[:1] != (D,):
            raise ValueError(f"{name} is {np.shape(a)}, expected {D} on its first axis: one for each direction")
    return {name: np.asarray(a)[k : k + 1] for name, a in arrays.items()}


def _one_way(
    model: str, arrays: Mapping[str, Matrix], X: Matrix, backwards: bool, lengths: Any, start: Mapping[str, Matrix]
) -> tuple[Matrix, dict[str, Any]]:
    """Return h at every time step, T×B×H, and the states at the end."""
    cell = MODELS[model]
    steps = unrolled(cell, start, list(X.transpose(0, 2, 1)), from_onnx(model, arrays), lengths, backwards)
    hs = [eqs["h"] if lengths is None else eqs["h_new"] for eqs in steps]
    return np.stack([h.T for h in hs]), after(cell, steps[0 if backwards else -1])
