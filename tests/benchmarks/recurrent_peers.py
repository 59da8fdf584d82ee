"""The works in other libraries, forward and back; a peer is None where its library is missing or has no such layer."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from lstm_models import layouts
from tests.benchmarks.unrolled_lstm import Array, Problem, Run

Cell = Callable[[Mapping[str, Any], Sequence[Any], Any, Any, Any], tuple[Any, ...]]


def slides(W: Mapping[str, Any], states: Sequence[Any], x: Any, sigmoid: Any, tanh: Any) -> tuple[Any, ...]:
    C, h = states
    f, i, o = (sigmoid(W[f"W_{g}C"] @ C + W[f"W_{g}h"] @ h + W[f"W_{g}x"] @ x + W[f"b_{g}"]) for g in "fio")
    C = f * C + i * sigmoid(W["W_Ch"] @ h + W["W_Cx"] @ x + W["b_C"])
    return C, o * tanh(C)


def standard(W: Mapping[str, Any], states: Sequence[Any], x: Any, sigmoid: Any, tanh: Any) -> tuple[Any, ...]:
    C, h = states
    f, i, o, g = (W[f"W_{g}"] @ x + W[f"R_{g}"] @ h + W[f"b_{g}"] for g in "fiog")
    C = tanh(g) * sigmoid(i) + C * sigmoid(f)
    return C, sigmoid(o) * tanh(C)


def gru(W: Mapping[str, Any], states: Sequence[Any], x: Any, sigmoid: Any, tanh: Any) -> tuple[Any, ...]:
    (h,) = states
    r, z = (sigmoid(W[f"W_{g}"] @ x + W[f"R_{g}"] @ h + W[f"b_{g}"]) for g in "rz")
    n = tanh(W["W_n"] @ x + r * (W["R_n"] @ h + W["c_n"]) + W["b_n"])
    return (z * h + (1 - z) * n,)


CELLS: dict[str, Cell] = {"slides": slides, "standard": standard, "gru": gru}
LAYERS = {"standard": ("LSTM", "sancho"), "gru": ("GRU", "gru")}


class Given:
    """What a peer computes: a cell over the time steps of a problem.

    It starts back from the seeds of its last states or, with `targets`, from the squared errors of all time steps.
    `lengths` has the time steps of each example, where they differ.
    """

    def __init__(self, cell: str, p: Problem, lengths: Array | None, targets: Array | None, threads: int) -> None:
        self.cell, self.p, self.lengths, self.targets, self.threads = cell, p, lengths, targets, threads
        T, dtype = len(p.xs), p.h.dtype
        self.masks = None if lengths is None else (lengths > np.arange(T)[:, None]).astype(dtype)[:, None]
        self.seeds = [seed.T.copy() for seed in (p.dC, p.dh) if seed is not None]


def torch_cells(compiled: bool) -> Callable[[Given], Run | None]:
    def make(given: Given) -> Run | None:
        """The leaves are tensors already, as a training loop's are; `compiled` is each time step's forward and back."""
        try:
            import torch
        except ImportError:
            return None
        torch.set_num_threads(given.threads)
        cell, p = CELLS[given.cell], given.p
        leaves = {name: torch.tensor(a, requires_grad=True) for name, a in p.leaves().items()}
        W, start = {n: leaves[n] for n in p.parameters}, [leaves[n] for n in p.states()]
        xs = [leaves[n] for n in p.inputs()]
        masks, targets = (None if a is None else torch.tensor(a) for a in (given.masks, given.targets))
        seeds, tensors = [torch.tensor(seed) for seed in given.seeds], list(leaves.values())

        def step(W: Any, states: Any, x: Any, mask: Any) -> Any:
            new = cell(W, states, x, torch.sigmoid, torch.tanh)
            return new if mask is None else tuple(a * mask + b * (1 - mask) for a, b in zip(new, states, strict=True))

        torch.compiler.reset()  # what is compiled for another size would count to its limit
        one_step = torch.compile(step, dynamic=False) if compiled else step

        def run() -> dict[str, Any]:
            states, L, found = start, 0, {}
            for t, x in enumerate(xs):
                states = one_step(W, states, x, None if masks is None else masks[t])
                if targets is not None:
                    squares = (states[-1] - targets[t]) ** 2
                    L = L + (squares if masks is None else squares * masks[t]).sum()
            if targets is None:
                d = torch.autograd.grad(states, tensors, seeds)
            else:
                d, found["L"] = torch.autograd.grad(L, tensors), L.detach().numpy().reshape(1, 1)
            return found | {name: dv.numpy().T for name, dv in zip(leaves, d, strict=True)}

        return run

    return make


def torch_layer(onednn: bool) -> Callable[[Given], Run | None]:
    def make(given: Given) -> Run | None:
        """Its weights are tensors already, and its inputs one, T×B×X; sequences of other lengths are packed."""
        if given.cell not in LAYERS:
            return None
        try:
            import torch
            from torch.nn.utils import rnn
        except ImportError:
            return None
        torch.set_num_threads(given.threads)
        layer, model = LAYERS[given.cell]
        p, (H, _), X = given.p, given.p.h.shape, given.p.xs[0].shape[0]
        module = getattr(torch.nn, layer)(X, H, dtype=torch.from_numpy(p.h).dtype)
        for name, a in layouts.to_torch(model, p.parameters).items():
            getattr(module, name).data[...] = torch.from_numpy(a)
        xs = torch.tensor(np.array([x.T for x in p.xs]), requires_grad=True)
        names = sorted(p.states(), reverse=True)  # h, C
        states = [torch.tensor(p.states()[n].T[None].copy(), requires_grad=True) for n in names]
        weights = [getattr(module, name) for name in layouts.WEIGHTS]
        seeds = [torch.tensor(a[None].copy()) for a in (p.dh, p.dC) if a is not None]
        lengths = None if given.lengths is None else torch.from_numpy(given.lengths)
        turned = None if given.targets is None else torch.tensor(given.targets.transpose(0, 2, 1).copy())
        masks = None if given.masks is None else torch.tensor(given.masks.transpose(0, 2, 1).copy())

        def run() -> dict[str, Any]:
            found = {}
            with torch.backends.mkldnn.flags(enabled=onednn):
                sequence = xs if lengths is None else rnn.pack_padded_sequence(xs, lengths, enforce_sorted=False)
                every, last = module(sequence, tuple(states) if len(states) > 1 else states[0])
                leaves = [*weights, xs, *states]
                if turned is None:
                    d = torch.autograd.grad(last, leaves, seeds)
                else:
                    if lengths is not None:
                        every, _ = rnn.pad_packed_sequence(every, total_length=len(xs))
                    squares = (every - turned) ** 2
                    L = (squares if masks is None else squares * masks).sum()
                    d, found["L"] = torch.autograd.grad(L, leaves), L.detach().numpy().reshape(1, 1)
            dW, (dx, *d_states) = d[:4], d[4:]
            arrays = dict(zip(layouts.WEIGHTS, (a.numpy() for a in dW), strict=True))
            found |= {n: a.T for n, a in layouts.from_torch(model, arrays, derivatives=True).items()}
            found |= {f"x[{t}]": a for t, a in enumerate(dx.numpy(), 1)}
            return found | {name: a.numpy()[0] for name, a in zip(names, d_states, strict=True)}

        return run

    return make


def jax_scan(given: Given) -> Run | None:
    """A scan over the time steps, compiled; the arrays are the library's already."""
    try:
        import jax
    except ImportError:
        return None
    jax.config.update("jax_enable_x64", True)
    cell, p, array = CELLS[given.cell], given.p, jax.numpy.array
    W = {name: array(a) for name, a in p.parameters.items()}
    start, xs = tuple(array(a) for a in p.states().values()), array(np.array(p.xs))
    masks, targets = (None if a is None else array(a) for a in (given.masks, given.targets))
    seeds = tuple(array(seed) for seed in given.seeds)

    def step(W: Any, states: Any, read: Any) -> Any:
        x, mask, target = read
        new = cell(W, states, x, jax.nn.sigmoid, jax.numpy.tanh)
        if mask is not None:
            new = tuple(a * mask + b * (1 - mask) for a, b in zip(new, states, strict=True))
        if target is None:
            return new, None
        squares = (new[-1] - target) ** 2
        return new, (squares if mask is None else squares * mask).sum()

    def last(W: Any, start: Any, xs: Any) -> Any:
        states, losses = jax.lax.scan(lambda states, read: step(W, states, read), start, (xs, masks, targets))
        return states if losses is None else losses.sum()

    def both(W: Any, start: Any, xs: Any) -> Any:
        value, back = jax.vjp(last, W, start, xs)
        return value, back(seeds if targets is None else jax.numpy.ones_like(value))

    program = jax.jit(both)

    def run() -> dict[str, Any]:
        L, (dW, d_states, dxs) = program(W, start, xs)
        d = dW | dict(zip(p.states(), d_states, strict=True))
        found = {name: np.asarray(a).T for name, a in d.items()}
        if targets is not None:
            found["L"] = np.asarray(L).reshape(1, 1)
        return found | {f"x[{t}]": dx.T for t, dx in enumerate(np.asarray(dxs), 1)}

    return run


PEERS: dict[str, Callable[[Given], Run | None]] = {
    "torch": torch_cells(False),
    "torch.compile of a step": torch_cells(True),
    "torch.nn": torch_layer(True),
    "torch.nn, no oneDNN": torch_layer(False),
    "jax.jit of a scan": jax_scan,
}
