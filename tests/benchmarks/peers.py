"""The same 31 operations in other libraries; each is asked for only if it can be imported."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

Run = Callable[[], dict[str, Any]]


def unrolled(leaves: Iterable[Any], sigmoid: Any, tanh: Any) -> tuple[Any, Any]:
    """C_T and h_T; the intermediate values are left to the library to keep or drop."""
    W_fC, W_fh, W_fx, b_f, W_iC, W_ih, W_ix, b_i, W_Ch, W_Cx, b_C, W_oC, W_oh, W_ox, b_o, C, h, *xs = leaves
    for x in xs:
        f = sigmoid(W_fC @ C + W_fh @ h + W_fx @ x + b_f)
        i = sigmoid(W_iC @ C + W_ih @ h + W_ix @ x + b_i)
        C_tilde = sigmoid(W_Ch @ h + W_Cx @ x + b_C)
        o = sigmoid(W_oC @ C + W_oh @ h + W_ox @ x + b_o)
        C = f * C + i * C_tilde
        h = o * tanh(C)
    return C, h


def torch(p: Any) -> Run:
    """The leaves are tensors already, as a training loop's are."""
    import torch

    torch.set_num_threads(1)
    leaves = {name: torch.tensor(a, requires_grad=True) for name, a in p.leaves().items()}
    seeds = [torch.tensor(p.dC.T.copy()), torch.tensor(p.dh.T.copy())]
    tensors = list(leaves.values())

    def run() -> dict[str, Any]:
        d = torch.autograd.grad(unrolled(tensors, torch.sigmoid, torch.tanh), tensors, seeds)
        return {name: dv.numpy().T for name, dv in zip(leaves, d, strict=True)}

    return run


def mygrad(p: Any) -> Run:
    """The leaves are tensors already."""
    import mygrad
    from mygrad.nnet.activations import sigmoid

    leaves = {name: mygrad.tensor(a) for name, a in p.leaves().items()}
    dC, dh = p.dC.T.copy(), p.dh.T.copy()

    def run() -> dict[str, Any]:
        C, h = unrolled(leaves.values(), sigmoid, mygrad.tanh)
        ((C * dC).sum() + (h * dh).sum()).backward()
        return {name: v.grad.T for name, v in leaves.items()}

    return run


def mygrad_unguarded(p: Any) -> Run:
    """Without the guard that locks the arrays a graph has saved."""
    import mygrad as library

    run = mygrad(p)

    def unguarded() -> dict[str, Any]:
        with library.mem_guard_off:
            return run()

    return unguarded


def autograd(p: Any) -> Run:
    """The sigmoid is given to autograd as one operation: it has none of its own."""
    import autograd.numpy as anp
    from autograd import grad
    from autograd.extend import defvjp, primitive

    @primitive
    def sigmoid(x: Any) -> Any:
        return 1 / (1 + np.exp(-x))

    defvjp(sigmoid, lambda z, x: lambda dz: dz * z * (1 - z))
    values, dC, dh = p.leaves(), p.dC.T.copy(), p.dh.T.copy()

    def loss(*leaves: Any) -> Any:
        C, h = unrolled(leaves, sigmoid, anp.tanh)
        return anp.sum(C * dC) + anp.sum(h * dh)

    derivative = grad(loss, tuple(range(len(values))))

    def run() -> dict[str, Any]:
        return {name: dv.T for name, dv in zip(values, derivative(*values.values()), strict=True)}

    return run


PEERS = {"torch": torch, "mygrad": mygrad, "mygrad, no guard": mygrad_unguarded, "autograd": autograd}
