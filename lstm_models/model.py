"""The description of a model that sequences, losses and training use, and the output layer most of them share."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

Matrix = np.ndarray[tuple[int, ...], np.dtype[Any]]
Shapes = dict[str, tuple[int, int]]


def linear(h: Any, W_y: Any, b_y: Any) -> dict[str, Any]:
    """Compute a_y = W_y h + b_y (Sancho, eq. 7 before F): what softmax cross-entropy or a squared error takes."""
    Wh_y = W_y @ h
    a_y = Wh_y + b_y
    return locals()


def linear_shapes(H: int, Y: int) -> Shapes:
    """Return the sizes of W_y and b_y for a state of H and a result of Y components."""
    return {"W_y": (Y, H), "b_y": (Y, 1)}


class Model(NamedTuple):
    """A recurrent cell in unary and binary operations.

    `cell` takes the states before, x and the parameters by name, and returns every value under its name.  `states`
    maps the name of each new state to the name of the one before; the last one is what the output layer reads.
    `shapes(H, X)` are the sizes of the parameters.  `gates` are the frames of a drawing.  `output` takes the last
    state and its own parameters, of sizes `output_shapes(H, Y)`; the last value it returns is the Y×B result.
    `by_hand(start, xs, parameters, dhs, last)` are the derivatives of L = Σ dh_t ∘ h_t + dc_T ∘ c_T under the names of
    the tape: dhs = [dh_1, ..., dh_T] for the state h that is read out, last = {"c": dc_T} for the other state, {} where
    there is none; they and the derivatives stand in `layout`, "row" or "same".  With
    `rows` an example is a row of x and of the states, else a column.
    """

    name: str
    source: str
    cell: Callable[..., dict[str, Any]]
    states: Mapping[str, str]
    shapes: Callable[[int, int], Shapes]
    gates: Mapping[str, Sequence[str]]
    by_hand: Callable[..., dict[str, Matrix]]
    layout: str = "same"
    output: Callable[..., dict[str, Any]] = linear
    output_shapes: Callable[[int, int], Shapes] = linear_shapes
    rows: bool = False

    @property
    def read(self) -> str:
        """Return the state that the output layer reads."""
        return list(self.states)[-1]


def random(shapes: Shapes, H: int, rng: np.random.Generator, dtype: Any = np.float64) -> dict[str, Matrix]:
    """Draw normal random parameters of variance 1/H, none of them zero."""
    return {name: (rng.standard_normal(size) / np.sqrt(H)).astype(dtype) for name, size in shapes.items()}


def parameters(model: Model, H: int, X: int, rng: np.random.Generator, dtype: Any = np.float64) -> dict[str, Matrix]:
    """Draw random parameters of the cell for state size H and input size X; ValueError for a size below 1."""
    for name, size in (("H", H), ("X", X)):
        if size < 1:
            raise ValueError(f"{model.name}: {name} = {size}, but a size is at least 1")
    return random(model.shapes(H, X), H, rng, dtype)


def gated(gates: str, shapes: Callable[[str], Shapes]) -> Shapes:
    """Return the shapes of every gate, gate by gate."""
    return {name: size for gate in gates for name, size in shapes(gate).items()}
