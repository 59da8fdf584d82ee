"""Small layers in the typed style of a modern code base."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


class DenseCache(NamedTuple):
    inputs: Array
    weight: Array
    pre_activation: Array


def dense_silu_forward(inputs: Array, weight: Array, bias: Array) -> tuple[Array, DenseCache]:
    pre_activation = inputs @ weight + bias
    output = pre_activation / (1.0 + np.exp(-pre_activation))
    return output, DenseCache(inputs, weight, pre_activation)


def dense_silu_backward(grad_output: Array, cache: DenseCache) -> tuple[Array, Array, Array]:
    gate = 1.0 / (1.0 + np.exp(-cache.pre_activation))
    grad_pre_activation = grad_output * gate * (1.0 + cache.pre_activation * (1.0 - gate))
    grad_inputs = grad_pre_activation @ cache.weight.T
    grad_weight = cache.inputs.T @ grad_pre_activation
    grad_bias = grad_pre_activation.sum(axis=0)
    return grad_inputs, grad_weight, grad_bias


@dataclass
class SwigluCache:
    x: Array
    up: Array
    gate: Array
    sig: Array
    hidden: Array


def swiglu_forward(x: Array, w_up: Array, w_gate: Array, w_down: Array) -> tuple[Array, SwigluCache]:
    up = x @ w_up
    gate = x @ w_gate
    sig = 1.0 / (1.0 + np.exp(-gate))
    hidden = up * (gate * sig)
    return hidden @ w_down, SwigluCache(x=x, up=up, gate=gate, sig=sig, hidden=hidden)


def swiglu_backward(
    d_out: Array,
    cache: SwigluCache,
    w_up: Array,
    w_gate: Array,
    w_down: Array,
) -> dict[str, Array]:
    d_hidden = d_out @ w_down.T
    d_up = d_hidden * cache.gate * cache.sig
    d_gate = d_hidden * cache.up * cache.sig * (1.0 + cache.gate * (1.0 - cache.sig))
    return {
        "x": d_up @ w_up.T + d_gate @ w_gate.T,
        "w_up": cache.x.T @ d_up,
        "w_gate": cache.x.T @ d_gate,
        "w_down": cache.hidden.T @ d_out,
    }


def rope_forward(x: Array, *, base: float = 100.0) -> tuple[Array, tuple[Array, Array]]:
    """Rotary embedding of (time, width), pairs are halves."""
    time, width = x.shape
    half = width // 2
    angle = np.arange(time)[:, None] * base ** (-np.arange(half) / half)
    cos, sin = np.cos(angle), np.sin(angle)
    a, b = x[:, :half], x[:, half:]
    rotated = np.concatenate([a * cos - b * sin, a * sin + b * cos], axis=1)
    return rotated, (cos, sin)


def rope_backward(grad: Array, cache: tuple[Array, Array]) -> Array:
    cos, sin = cache
    first, second = np.split(grad, 2, axis=1)
    grad_a = first * cos + second * sin
    grad_b = second * cos - first * sin
    return np.hstack([grad_a, grad_b])


def example_dense_silu() -> tuple[Array, Array, Array]:
    rng = np.random.default_rng(31)
    return rng.standard_normal((5, 4)), rng.standard_normal((4, 3)), rng.standard_normal(3)


def example_swiglu() -> dict[str, Array]:
    rng = np.random.default_rng(32)
    return {
        "x": rng.standard_normal((5, 3)),
        "w_up": rng.standard_normal((3, 4)),
        "w_gate": rng.standard_normal((3, 4)),
        "w_down": rng.standard_normal((4, 2)),
    }


def example_rope() -> tuple[Array]:
    return (np.random.default_rng(33).standard_normal((4, 6)),)
