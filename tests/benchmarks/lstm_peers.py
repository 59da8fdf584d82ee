"""The slides' LSTM and the standard one in other libraries; None where a library is not installed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from lstm_models import layouts
from tests.benchmarks.peers import torch as torch_eager
from tests.benchmarks.peers import unrolled
from tests.benchmarks.unrolled_lstm import Run

Make = Callable[[Any], Run | None]


def torch(p: Any) -> Run | None:
    try:
        return torch_eager(p)
    except ImportError:
        return None


def torch_lstm(onednn: bool) -> Make:
    def make(p: Any) -> Run | None:
        """Its weights are tensors already, and its inputs one: T×B×X."""
        try:
            import torch
        except ImportError:
            return None
        torch.set_num_threads(1)
        (H, _), X = p.C.shape, p.xs[0].shape[0]
        lstm = torch.nn.LSTM(X, H, dtype=torch.from_numpy(p.C).dtype)
        for name, a in layouts.to_torch("sancho", p.parameters).items():
            getattr(lstm, name).data[...] = torch.from_numpy(a)
        xs = torch.tensor(np.array([x.T for x in p.xs]), requires_grad=True)
        h, C = (torch.tensor(a.T[None].copy(), requires_grad=True) for a in (p.h, p.C))
        weights = [getattr(lstm, name) for name in layouts.WEIGHTS]
        seeds = [torch.tensor(a[None].copy()) for a in (p.dh, p.dC)]

        def run() -> dict[str, Any]:
            with torch.backends.mkldnn.flags(enabled=onednn):
                _, last = lstm(xs, (h, C))
                *dW, dx, dh, dC = torch.autograd.grad(last, [*weights, xs, h, C], seeds)
            arrays = dict(zip(layouts.WEIGHTS, (a.numpy() for a in dW), strict=True))
            found = {n: a.T for n, a in layouts.from_torch("sancho", arrays, derivatives=True).items()}
            found |= {f"x[{t}]": a for t, a in enumerate(dx.numpy(), 1)}
            return found | {"C[0]": dC.numpy()[0], "h[0]": dh.numpy()[0]}

        return run

    return make


def jax(standard: bool) -> Make:
    def make(p: Any) -> Run | None:
        """A scan over the time steps, compiled; the arrays are the library's already."""
        try:
            import jax
        except ImportError:
            return None
        jax.config.update("jax_enable_x64", True)
        weights = {name: jax.numpy.array(a) for name, a in p.parameters.items()}
        C, h, xs, dC, dh = (jax.numpy.array(a) for a in (p.C, p.h, np.array(p.xs), p.dC.T, p.dh.T))
        sigmoid, tanh = jax.nn.sigmoid, jax.numpy.tanh

        def cell(W: Any, states: Any, x: Any) -> Any:
            if not standard:
                return unrolled([*(W[name] for name in p.parameters), *states, x], sigmoid, tanh), None
            C, h = states
            f, i, o, g = (W[f"W_{k}"] @ x + W[f"R_{k}"] @ h + W[f"b_{k}"] for k in "fiog")
            C = tanh(g) * sigmoid(i) + C * sigmoid(f)
            return (C, sigmoid(o) * tanh(C)), None

        def last(W: Any, C: Any, h: Any, xs: Any) -> Any:
            return jax.lax.scan(lambda states, x: cell(W, states, x), (C, h), xs)[0]

        back = jax.jit(lambda *leaves: jax.vjp(last, *leaves)[1]((dC, dh)))

        def run() -> dict[str, Any]:
            dW, dC0, dh0, dxs = back(weights, C, h, xs)
            found = {name: np.asarray(a).T for name, a in (dW | {"C[0]": dC0, "h[0]": dh0}).items()}
            return found | {f"x[{t}]": dx.T for t, dx in enumerate(np.asarray(dxs), 1)}

        return run

    return make


PEERS: dict[str, dict[str, Make]] = {
    "slides": {"torch, 31 operations": torch, "jax.jit of a scan": jax(False)},
    "standard": {
        "torch.nn.LSTM": torch_lstm(True),
        "torch.nn.LSTM, no oneDNN": torch_lstm(False),
        "jax.jit of a scan": jax(True),
    },
}
