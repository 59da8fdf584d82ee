"""An LSTM over a sequence, its gates in one matrix; two statements are wrong."""

import numpy as np


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


def lstm_forward(xs, h0, c0, Wx, Wh, b):
    h, c = h0, c0
    n = h0.shape[1]
    hs, cache = [], []
    for x in xs:
        h_prev, c_prev = h, c
        z = x @ Wx + h_prev @ Wh + b
        i = sigmoid(z[:, :n])
        f = sigmoid(z[:, n : 2 * n])
        o = sigmoid(z[:, 2 * n : 3 * n])
        g = np.tanh(z[:, 3 * n :])
        c = f * c_prev + i * g
        h = o * np.tanh(c)
        hs.append(h)
        cache.append((x, h_prev, c_prev, i, f, o, g, c))
    return np.array(hs), (cache, Wx, Wh)


def lstm_backward(dhs, caches):
    cache, Wx, Wh = caches
    n = Wh.shape[0]
    dWx, dWh, db = np.zeros_like(Wx), np.zeros_like(Wh), np.zeros(4 * n)
    dxs = [None] * len(cache)
    dh_next = np.zeros((dhs.shape[1], n))
    dc_next = np.zeros_like(dh_next)
    for t in range(len(cache) - 1, -1, -1):
        x, h_prev, c_prev, i, f, o, g, c = cache[t]
        dh = dhs[t]
        do = dh * np.tanh(c)
        dc = dc_next + dh * o * (1 - c**2)
        df = dc * c_prev
        di = dc * g
        dg = dc * i
        dz = np.hstack([di * i * (1 - i), df * f * (1 - f), do * o * (1 - o), dg * (1 - g**2)])
        dxs[t] = dz @ Wx.T
        dWx += x.T @ dz
        dWh += h_prev.T @ dz
        db += dz.sum(axis=0)
        dh_next = dz @ Wh.T
        dc_next = dc * f
    return np.array(dxs), dh_next, dc_next, dWx, dWh, db


def example():
    rng = np.random.default_rng(0)
    shapes = [(3, 2, 3), (2, 4), (2, 4), (3, 16), (4, 16), (16,)]
    return tuple(rng.normal(size=shape) for shape in shapes)
