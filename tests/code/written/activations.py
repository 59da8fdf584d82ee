"""Activations. Every pair: NAME(x, ...) -> out and NAME_grad(gout, the same arguments) -> gradients."""
import numpy as np
from math import pi


def gelu_tanh(x):
    c = np.sqrt(2 / pi)
    u = c * (x + 0.044715 * x ** 3)
    t = np.tanh(u)
    return 0.5 * x * (1 + t)


def gelu_tanh_grad(gout, x):
    c = np.sqrt(2 / pi)
    t = np.tanh(c * (x + 0.044715 * x ** 3))
    gt = gout * 0.5 * x
    gu = gt * (1 - t ** 2)
    gx = 0.5 * gout * (1 + t) + gu * c * (1 + 3 * 0.044715 * x ** 2)
    return gx


def quick_gelu(x):
    s = 1 / (1 + np.exp(-1.702 * x))
    return x * s


def quick_gelu_grad(gout, x):
    s = 1 / (1 + np.exp(-1.702 * x))
    gs = gout * x
    gx = gout * s + 1.702 * gs * s * (1 - s)
    return gx


def silu(x):
    sig = 1.0 / (1.0 + np.exp(-x))
    return x * sig


def silu_grad(gout, x):
    sig = 1.0 / (1.0 + np.exp(-x))
    return gout * sig * (1 + x * (1 - sig))


def swish(x, beta):
    s = 1 / (1 + np.exp(-beta * x))
    return x * s


def swish_grad(gout, x, beta):
    s = 1 / (1 + np.exp(-beta * x))
    y = x * s
    gx = gout * (s + beta * y * (1 - s))
    gbeta = np.sum(gout * x * y * (1 - s))
    return gx, gbeta


def leaky_relu(x, alpha=0.01):
    return np.where(x > 0, x, alpha * x)


def leaky_relu_grad(gout, x, alpha=0.01):
    gx = gout.copy()
    gx[x <= 0] *= alpha
    return gx


def prelu(x, a):
    # a: one slope per channel
    pos = np.maximum(x, 0)
    neg = np.minimum(x, 0)
    return pos + a * neg


def prelu_grad(gout, x, a):
    neg = np.minimum(x, 0)
    gneg = gout * a
    gx = gout * (x > 0) + gneg * (x < 0)
    ga = (gout * neg).sum(axis=0)
    return gx, ga


def elu(x, alpha):
    out = x.copy()
    out[x < 0] = alpha * (np.exp(x[x < 0]) - 1)
    return out


def elu_grad(gout, x, alpha):
    gx = np.ones_like(x)
    gx[x < 0] = alpha * np.exp(x[x < 0])
    gx *= gout
    galpha = np.sum(gout[x < 0] * (np.exp(x[x < 0]) - 1))
    return gx, galpha


def softplus(x):
    return np.log(1 + np.exp(x))


def softplus_grad(gout, x):
    return gout / (1 + np.exp(-x))


def glu(x, W, V, b, c):
    a = x @ W + b
    g = x @ V + c
    s = 1 / (1 + np.exp(-g))
    return a * s


def glu_grad(gout, x, W, V, b, c):
    a = x @ W + b
    s = 1 / (1 + np.exp(-(x @ V + c)))
    ga = gout * s
    gs = gout * a
    gg = gs * s * (1 - s)
    gW = x.T @ ga
    gV = x.T @ gg
    gb = ga.sum(0)
    gc = gg.sum(0)
    gx = ga @ W.T + gg @ V.T
    return gx, gW, gV, gb, gc


def log_softmax(x):
    m = x.max(axis=-1, keepdims=True)
    return x - m - np.log(np.sum(np.exp(x - m), axis=-1, keepdims=True))


def log_softmax_grad(gout, x):
    p = np.exp(log_softmax(x))
    gx = gout - p * np.sum(gout, axis=-1, keepdims=True)
    return gx


def softmax(x):
    e = np.exp(x - np.max(x, axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


def softmax_grad(gout, x):
    # one Jacobian for each row
    gx = np.empty_like(x)
    for n in range(x.shape[0]):
        s = softmax(x[n])
        J = np.diag(s) - np.outer(s, s)
        gx[n] = J @ gout[n]
    return gx


def sparse_softmax(x, tau):
    z = x / tau
    e = np.exp(z - z.max(axis=0))
    return e / e.sum(axis=0)


def sparse_softmax_grad(gout, x, tau):
    y = sparse_softmax(x, tau)
    gz = y * (gout - (gout * y).sum(axis=0))
    gx = gz / tau
    gtau = -np.sum(gz * x) / tau ** 2
    return gx, gtau


def example_gelu_tanh():
    return (np.random.default_rng(1).normal(size=(3, 4)),)


def example_quick_gelu():
    return (np.random.default_rng(2).normal(size=(4, 3)),)


def example_silu():
    return (np.random.default_rng(3).normal(size=(2, 5)),)


def example_swish():
    return np.random.default_rng(4).normal(size=(3, 5)), 1.3


def example_leaky_relu():
    return (np.random.default_rng(5).normal(size=(4, 5)),)


def example_prelu():
    g = np.random.default_rng(6)
    return g.normal(size=(5, 3)), g.uniform(0.1, 0.4, size=3)


def example_elu():
    return np.random.default_rng(17).normal(size=(4, 3)), 0.8


def example_softplus():
    return [np.random.default_rng(8).normal(size=(3, 2))]


def example_glu():
    g = np.random.default_rng(9)
    return {"x": g.normal(size=(5, 4)), "W": g.normal(size=(4, 3)), "V": g.normal(size=(4, 3)),
            "b": g.normal(size=3), "c": g.normal(size=3)}


def example_log_softmax():
    return (np.random.default_rng(10).normal(size=(2, 3, 4)),)


def example_softmax():
    return (np.random.default_rng(11).normal(size=(3, 5)),)


def example_sparse_softmax():
    return np.random.default_rng(12).normal(size=(4, 3)), 0.7
