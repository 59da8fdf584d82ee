"""A GRU over time whose step adds to the gradients of all parameters, gate by gate."""

import numpy as np


def sig(a):
    return 1 / (1 + np.exp(-a))


def gru_step(x, h_prev, p):
    z = sig(p["Wz"] @ x + p["Uz"] @ h_prev + p["bz"])
    r = sig(p["Wr"] @ x + p["Ur"] @ h_prev + p["br"])
    h_hat = np.tanh(p["Wh"] @ x + p["Uh"] @ (r * h_prev) + p["bh"])
    h = (1 - z) * h_prev + z * h_hat
    return h, (x, h_prev, z, r, h_hat)


def gru_forward(xs, h0, p):
    caches, hs, h = [], [], h0
    for x in xs:
        h, c = gru_step(x, h, p)
        caches.append(c)
        hs.append(h)
    return np.stack(hs), caches


def gru_step_back(dh, cache, p, g):
    x, h_prev, z, r, h_hat = cache
    dz = dh * (h_hat - h_prev)
    dh_hat = dh * z
    dh_prev = dh * (1 - z)
    da_h = dh_hat * (1 - h_hat**2)
    g["Wh"] += np.outer(da_h, x)
    g["Uh"] += np.outer(da_h, r * h_prev)
    g["bh"] += da_h
    drh = p["Uh"].T @ da_h
    dr = drh * h_prev
    dh_prev += drh * r
    da_z = dz * z * (1 - z)
    da_r = dr * r * (1 - r)
    for gate, da in (("z", da_z), ("r", da_r)):
        g["W" + gate] += np.outer(da, x)
        g["U" + gate] += np.outer(da, h_prev)
        g["b" + gate] += da
        dh_prev += p["U" + gate].T @ da
    dx = p["Wh"].T @ da_h + p["Wz"].T @ da_z + p["Wr"].T @ da_r
    return dx, dh_prev


def gru_backward(dhs, caches, p):
    g = {k: np.zeros_like(v) for k, v in p.items()}
    dh = np.zeros_like(dhs[0])
    dxs = []
    for t in reversed(range(len(dhs))):
        dx, dh = gru_step_back(dhs[t] + dh, caches[t], p, g)
        dxs.insert(0, dx)
    return np.stack(dxs), dh, g


def example_gru():
    rng = np.random.default_rng(0)
    D, H, T = 3, 4, 5
    p = {}
    for k in "zrh":
        p["W" + k] = rng.normal(size=(H, D))
        p["U" + k] = rng.normal(size=(H, H))
        p["b" + k] = rng.normal(size=H)
    return rng.normal(size=(T, D)), rng.normal(size=H), p
