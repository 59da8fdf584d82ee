"""Parameters as other programs keep them: the arrays of torch.nn.LSTM, GRU and RNN and of the ONNX operators.

All on plain arrays.  The models and their gates, in the order in which the others stack them::

    sancho      torch i f g o   ONNX i o f g        gru         torch r z n   ONNX z r n, linear_before_reset = 1
    peephole                    ONNX i o f g        gru-before                ONNX z r n, linear_before_reset = 0
    rnn         one block

torch: weight_ih_l0 (gates·H × X), weight_hh_l0 (gates·H × H), bias_ih_l0 and bias_hh_l0 (gates·H), which are added;
one layer, one direction.  ONNX: W (1 × gates·H × X), R (1 × gates·H × H), B (1 × 2·gates·H, those of W, then those of
R), P (1 × 3·H: peepholes i, o, f).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from lstm_models.model import Matrix
from lstm_models.models import MODELS
from lstm_models.sequence import check_parameters

Arrays = dict[str, Matrix]

TORCH = {"sancho": "ifgo", "gru": "rzn", "rnn": " "}
ONNX = {"sancho": "iofg", "peephole": "iofg", "gru": "zrn", "gru-before": "zrn", "rnn": " "}
PEEPHOLES = "iof"
WEIGHTS = ("weight_ih_l0", "weight_hh_l0", "bias_ih_l0", "bias_hh_l0")


def from_torch(model: str, arrays: Mapping[str, Matrix], derivatives: bool = False) -> Arrays:
    """Return the parameters of a model from the arrays of a torch state dict.

    With `derivatives` the arrays are the .grad of these: that of b is that of either bias, and not their sum.
    """
    order = stacked_gates(TORCH, model, "torch")
    n = len(order)
    given = _given(model, arrays, WEIGHTS, lambda H, X: [(n * H, X), (n * H, H), (n * H,), (n * H,)])
    return _split(model, order, derivatives, *given)


def to_torch(model: str, parameters: Mapping[str, Matrix], derivatives: bool = False) -> Arrays:
    """Return the arrays of a torch state dict, for `torch.from_numpy`; b goes into bias_ih_l0, bias_hh_l0 is 0 but for
    c_n.

    With `derivatives` the matrices are derivatives in the layout of the parameters: both biases have that of their sum.
    """
    arrays = _joined(model, stacked_gates(TORCH, model, "torch"), parameters, derivatives)
    return dict(zip(WEIGHTS, arrays, strict=True))


def from_onnx(model: str, arrays: Mapping[str, Matrix], derivatives: bool = False) -> Arrays:
    """Return the parameters of a model from the inputs W, R, B and, for the peephole model, P of an ONNX operator.

    B and P are 0 if they are not given, as there.  `derivatives` as in `from_torch`.
    """
    order = stacked_gates(ONNX, model, "ONNX")
    arrays = _with_zeros(model, len(order), arrays)
    n, names = len(order), ("W", "R", "B", "P") if model == "peephole" else ("W", "R", "B")
    given = _given(model, arrays, names, lambda H, X: [(1, n * H, X), (1, n * H, H), (1, 2 * n * H), (1, 3 * H)])
    W, R, B, *P = (a[0] for a in given)
    parameters = _split(model, order, derivatives, W, R, *np.split(B, 2))
    for a in P:
        parameters |= {f"p_{g}": p.reshape(-1, 1).copy() for g, p in zip(PEEPHOLES, np.split(a, 3), strict=True)}
    return parameters


def _with_zeros(model: str, n: int, arrays: Mapping[str, Matrix]) -> Mapping[str, Matrix]:
    """Return the inputs of an ONNX operator with zeros for the optional ones that are not given."""
    R = np.asarray(arrays.get("R", 0.0))
    blocks = {"B": 2 * n, **({"P": 3} if model == "peephole" else {})}
    return {**{name: np.zeros((1, k * (0, *R.shape)[-1]), R.dtype) for name, k in blocks.items()}, **arrays}


def to_onnx(model: str, parameters: Mapping[str, Matrix], derivatives: bool = False) -> Arrays:
    """Return the inputs W, R, B and, for the peephole model, P of an ONNX operator.  `derivatives` as in `to_torch`."""
    W, R, b, c = _joined(model, stacked_gates(ONNX, model, "ONNX"), parameters, derivatives)
    arrays = {"W": W[np.newaxis], "R": R[np.newaxis], "B": np.concatenate((b, c))[np.newaxis]}
    if model == "peephole":
        arrays["P"] = np.concatenate([parameters[f"p_{g}"].ravel() for g in PEEPHOLES])[np.newaxis]
    return arrays


def stacked_gates(known: Mapping[str, str], model: str, where: str) -> str:
    """Return the gates of a model in the order in which another program stacks them; ValueError if it has none."""
    if model not in known:
        raise ValueError(f"{model!r} has no layout in {where}; {', '.join(known)} have")
    return known[model]


def _given(
    model: str,
    arrays: Mapping[str, Matrix],
    names: Sequence[str],
    shapes: Callable[[int, int], list[tuple[int, ...]]],
) -> list[Matrix]:
    """Return these arrays, if no others are given and their shapes are `shapes(H, X)`."""
    missing = next((name for name in names if name not in arrays), None)
    if missing:
        raise ValueError(f"{missing} is missing; got {', '.join(arrays) or 'no arrays'}")
    other = next((name for name in arrays if name not in names), None)
    if other:
        raise ValueError(f"{other} has no place: {model} in one layer and one direction has {', '.join(names)}")
    given = [np.asarray(arrays[name]) for name in names]
    X, H = ((0, *a.shape)[-1] for a in given[:2])
    for name, a, shape in zip(names, given, shapes(H, X), strict=False):
        if a.shape != shape:
            raise ValueError(f"{name} is {a.shape}, expected {shape}: {model}, one direction, H = {H}, X = {X}")
    return given


def _names(kind: str, gate: str) -> str:
    return f"{kind}_{gate}".removesuffix("_ ")


def _split(model: str, order: str, derivatives: bool, W: Matrix, R: Matrix, b: Matrix, c: Matrix) -> Arrays:
    parameters: Arrays = {}
    blocks = zip(order, *(np.split(a, len(order)) for a in (W, R, b, c)), strict=True)
    for gate, w, r, bias, recurrent in blocks:
        apart = model == "gru" and gate == "n"  # its recurrent bias stands inside the reset
        total = bias if apart or derivatives else bias + recurrent
        parameters |= {_names("W", gate): w.copy(), _names("R", gate): r.copy()}
        parameters[_names("b", gate)] = total.reshape(-1, 1).copy()
        if apart:
            parameters["c_n"] = recurrent.reshape(-1, 1).copy()
    return parameters


def _joined(model: str, order: str, P: Mapping[str, Matrix], derivatives: bool) -> tuple[Matrix, ...]:
    H, X = (*np.shape(P.get(_names("W", order[0]), ())), 0, 0)[:2]
    check_parameters(MODELS[model], P, H, X)
    W, R, b = (np.concatenate([P[_names(kind, gate)] for gate in order]) for kind in "WRb")
    second = {g: P[_names("b", g)] if derivatives else np.zeros_like(P[_names("b", g)]) for g in order}
    if model == "gru":
        second["n"] = P["c_n"]
    return W, R, b.ravel(), np.concatenate([second[g] for g in order]).ravel()
