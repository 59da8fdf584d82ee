"""Recommender: R is about U V^T + biases on the known ratings."""
import numpy as np


# 1. loops over the known ratings
def mf_loss(U, V, bu, bi, ratings, mu, lam):
    loss = 0.0
    dU = np.zeros(U.shape)
    dV = np.zeros(V.shape)
    dbu = np.zeros(bu.shape)
    dbi = np.zeros(bi.shape)
    for u, i, r in ratings:
        u, i = int(u), int(i)
        err = r - (mu + bu[u] + bi[i] + np.dot(U[u], V[i]))
        loss += 0.5 * err ** 2
        dU[u] += -err * V[i]
        dV[i] += -err * U[u]
        dbu[u] -= err
        dbi[i] -= err
    loss += 0.5 * lam * (np.sum(U ** 2) + np.sum(V ** 2))
    dU += lam * U
    dV += lam * V
    return loss, (dU, dV, dbu, dbi)


# 2. the same, all ratings at once, with a mask
def mf_dense_forward(U, V, b, R, known, lam):
    P = U @ V.T + b
    E = np.where(known, P - R, 0.0)
    cost = 0.5 * np.sum(E**2) + 0.5 * lam * (np.sum(U**2) + np.sum(V**2))
    return cost, (U, V, E)


def mf_dense_backward(cache, lam):
    U, V, E = cache
    dE = E
    dP = dE
    dU = dP @ V + lam * U
    dV = dP.T @ U + lam * V
    db = dP.sum(axis=0)
    return dU, dV, db


# 3. weighted, with index arrays
def wmf_forward(U, V, rows, cols, vals, w):
    u = U[rows]
    v = V[cols]
    pred = np.sum(u * v, axis=1)
    e = pred - vals
    loss = np.sum(w * e * e) / len(rows)
    return loss


def wmf_backward(U, V, rows, cols, vals, w):
    u, v = U[rows], V[cols]
    e = np.sum(u * v, axis=1) - vals
    g = 2 * w * e / len(rows)
    du = g[:, None] * v
    dv = g[:, None] * u
    dU = np.zeros_like(U)
    dV = np.zeros_like(V)
    np.add.at(dU, rows, du)
    np.add.at(dV, cols, dv)
    return dU, dV


# 4. nonnegative factors through exp, KL divergence
def nmf_kl(A, B, X):
    W, H = np.exp(A), np.exp(B)
    Y = W.dot(H)
    loss = np.sum(X * np.log(X / Y) - X + Y)
    dY = 1 - X / Y
    dW = dY.dot(H.T)
    dH = W.T.dot(dY)
    dA = dW * W
    dB = dH * H
    return loss, dA, dB


# 5. factorization machine: second order by the (sum^2 - sum of squares) trick
def fm_forward(x, w0, w, V):
    s = x @ V
    s2 = (x**2) @ (V**2)
    y = w0 + x @ w + 0.5 * np.sum(s**2 - s2, axis=1)
    return y, (x, w, V, s)


def fm_backward(dy, cache):
    x, w, V, s = cache
    ds = dy[:, None] * s
    ds2 = -0.5 * np.repeat(dy[:, None], V.shape[1], axis=1)
    dw0 = dy.sum()
    dw = x.T @ dy
    dV = x.T @ ds + 2 * V * ((x**2).T @ ds2)
    dx = np.outer(dy, w) + ds @ V.T + 2 * x * (ds2 @ (V**2).T)
    return dx, dw0, dw, dV


def example_mf_loss():
    rng = np.random.default_rng(0)
    ratings = np.array([[0, 1, 4], [0, 3, 2], [1, 1, 5], [2, 0, 1], [2, 4, 3], [3, 3, 4], [3, 1, 2]])
    return (rng.standard_normal((4, 3)), rng.standard_normal((5, 3)), rng.standard_normal(4), rng.standard_normal(5),
            ratings, 3.2, 0.05)


def example_mf_dense():
    rng = np.random.default_rng(1)
    known = rng.random((4, 6)) < 0.6
    return (rng.standard_normal((4, 2)), rng.standard_normal((6, 2)), rng.standard_normal(6),
            rng.integers(1, 6, (4, 6)), known, 0.1)


def example_wmf():
    rng = np.random.default_rng(2)
    return (rng.standard_normal((4, 2)), rng.standard_normal((5, 2)), np.array([0, 1, 1, 3, 3, 3, 2]),
            np.array([2, 2, 0, 4, 1, 2, 2]), rng.standard_normal(7), rng.random(7) + 0.5)


def example_nmf_kl():
    rng = np.random.default_rng(3)
    return 0.4 * rng.standard_normal((4, 2)), 0.4 * rng.standard_normal((2, 5)), rng.random((4, 5)) + 0.5


def example_fm():
    rng = np.random.default_rng(4)
    return rng.standard_normal((5, 4)), 0.3, rng.standard_normal(4), rng.standard_normal((4, 3))
