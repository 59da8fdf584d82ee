"""Parameters as other programs keep them: the arrays of torch.nn.LSTM, GRU and RNN and of the ONNX operators.

All on plain arrays.  The models and their gates, in the order in which the others stack them:

    sancho      torch i f g o   ONNX i o f g        gru         torch r z n   ONNX z r n, linear_before_reset = 1
    peephole                    ONNX i o f g        gru-before                ONNX z r n, linear_before_reset = 0
    rnn         one block

torch: weight_ih_l0 (gates·H × X), weight_hh_l0 (gates·H × H), bias_ih_l0 and bias_hh_l0 (gates·H), which are added;
one layer, one direction.  ONNX: W (1 × gates·H × X), R (1 × gates·H × H), B (1 × 2·gates·H, those of W, then those of
R), P (1 × 3·H: peepholes i, o, f).
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from lstm_models.model import Matrix

Arrays = dict[str, Matrix]

TORCH = {"sancho": "ifgo", "gru": "rzn", "rnn": " "}
ONNX = {"sancho": "iofg", "peephole": "iofg", "gru": "zrn", "gru-before": "zrn", "rnn": " "}
PEEPHOLES = "iof"
WEIGHTS = ("weight_ih_l0", "weight_hh_l0", "bias_ih_l0", "bias_hh_l0")


def from_torch(model: str, arrays: Mapping[str, Matrix]) -> Arrays:
    """The parameters of a model from the arrays of a torch state dict, taken as NumPy arrays."""
    order = _order(TORCH, model, "torch")
    others = sorted(set(arrays) - set(WEIGHTS))
    if others:
        raise ValueError(f"{others[0]}: only one layer and one direction, {', '.join(WEIGHTS)}, can be converted")
    given = [_given(arrays, name, ndim) for name, ndim in zip(WEIGHTS, (2, 2, 1, 1), strict=True)]
    return _split(model, order, *given)


def to_torch(model: str, parameters: Mapping[str, Matrix], derivatives: bool = False) -> Arrays:
    """The arrays of a torch state dict; b goes into bias_ih_l0, bias_hh_l0 is 0 but for c_n.

    With `derivatives` the matrices are derivatives in the layout of the parameters: both biases have that of their sum.
    """
    arrays = _joined(model, _order(TORCH, model, "torch"), parameters, derivatives)
    return dict(zip(WEIGHTS, arrays, strict=True))


def from_onnx(model: str, arrays: Mapping[str, Matrix]) -> Arrays:
    """The parameters of a model from the inputs W, R, B and, for the peephole model, P of an ONNX operator."""
    order = _order(ONNX, model, "ONNX")
    W, R, B = (_given(arrays, name, ndim) for name, ndim in (("W", 3), ("R", 3), ("B", 2)))
    if len(W) != 1:
        raise ValueError(f"W is {W.shape}: one direction can be converted, not {len(W)}")
    parameters = _split(model, order, W[0], R[0], *np.split(B[0], 2))
    if model == "peephole":
        P = _given(arrays, "P", 2)
        parameters |= {f"p_{g}": p.reshape(-1, 1) for g, p in zip(PEEPHOLES, np.split(P[0], 3), strict=True)}
    return parameters


def to_onnx(model: str, parameters: Mapping[str, Matrix], derivatives: bool = False) -> Arrays:
    """The inputs W, R, B and, for the peephole model, P of an ONNX operator.  `derivatives` as in `to_torch`."""
    W, R, b, c = _joined(model, _order(ONNX, model, "ONNX"), parameters, derivatives)
    arrays = {"W": W[np.newaxis], "R": R[np.newaxis], "B": np.concatenate((b, c))[np.newaxis]}
    if model == "peephole":
        arrays["P"] = np.concatenate([parameters[f"p_{g}"].ravel() for g in PEEPHOLES])[np.newaxis]
    return arrays


def _order(known: Mapping[str, str], model: str, where: str) -> str:
    if model not in known:
        raise ValueError(f"{where} has no {model!r}; it has {', '.join(known)}")
    return known[model]


def _given(arrays: Mapping[str, Matrix], name: str, ndim: int) -> Matrix:
    if name not in arrays:
        raise ValueError(f"{name} is missing; given are {', '.join(arrays) or 'no arrays'}")
    a = np.asarray(arrays[name])
    if a.ndim != ndim:
        raise ValueError(f"{name} is {ndim}-D, not {a.ndim}-D of shape {a.shape}")
    return a


def _names(kind: str, gate: str) -> str:
    return f"{kind}_{gate}".removesuffix("_ ")


def _split(model: str, order: str, W: Matrix, R: Matrix, b: Matrix, c: Matrix) -> Arrays:
    n, H = len(order), R.shape[1]
    if not (len(W) == len(R) == len(b) == len(c) == n * H):
        sizes = f"{W.shape}, {R.shape}, {b.shape} and {c.shape}"
        raise ValueError(f"{model} has {n} gates of {H} rows: needed are {n * H} in every array, given are {sizes}")
    parameters: Arrays = {}
    blocks = zip(order, *(np.split(a, n) for a in (W, R, b, c)), strict=True)
    for gate, w, r, bias, recurrent in blocks:
        parameters |= {_names("W", gate): w.copy(), _names("R", gate): r.copy()}
        apart = model == "gru" and gate == "n"  # its recurrent bias stands inside the reset
        parameters[_names("b", gate)] = (bias if apart else bias + recurrent).reshape(-1, 1)
        if apart:
            parameters["c_n"] = recurrent.reshape(-1, 1).copy()
    return parameters


def _joined(model: str, order: str, P: Mapping[str, Matrix], derivatives: bool) -> tuple[Matrix, ...]:
    W, R, b = (np.concatenate([P[_names(kind, gate)] for gate in order]) for kind in "WRb")
    second = {g: P[_names("b", g)] if derivatives else np.zeros_like(P[_names("b", g)]) for g in order}
    if model == "gru":
        second["n"] = P["c_n"]
    return W, R, b.ravel(), np.concatenate([second[g] for g in order]).ravel()
