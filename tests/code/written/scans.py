"""Linear recurrences and their adjoints: linear attention, state space models, gated scans, an ODE solver."""

import numpy as np


def linear_attention_forward(q, k, v):
    """q, k: (B, T, D), v: (B, T, M). The state S = sum of k v^T runs over time."""
    B, T, D = q.shape
    M = v.shape[-1]
    S = np.zeros((B, D, M))
    Ss = []
    y = np.zeros((B, T, M))
    for t in range(T):
        S = S + k[:, t, :, None] * v[:, t, None, :]
        Ss.append(S)
        y[:, t] = np.einsum("bd,bdm->bm", q[:, t], S)
    return y, (q, k, v, Ss)


def linear_attention_backward(dy, cache):
    q, k, v, Ss = cache
    dq, dk, dv = np.zeros_like(q), np.zeros_like(k), np.zeros_like(v)
    dS = np.zeros_like(Ss[0])
    for t in reversed(range(q.shape[1])):
        dq[:, t] = np.einsum("bm,bdm->bd", dy[:, t], Ss[t])
        dS = dS + q[:, t, :, None] * dy[:, t, None, :]
        dk[:, t] = np.einsum("bdm,bm->bd", dS, v[:, t])
        dv[:, t] = np.einsum("bdm,bd->bm", dS, k[:, t])
    return dq, dk, dv


def retention_forward(q, k, v, gamma):
    """Decay and a normaliser."""
    T, D = q.shape
    S = np.zeros((D, v.shape[1]))
    n = np.ones(D)
    states, norms = [(S, n)], []
    out = []
    for t in range(T):
        S = gamma * S + np.outer(k[t], v[t])
        n = gamma * n + k[t]
        den = q[t] @ n
        out.append(q[t] @ S / den)
        states.append((S, n))
        norms.append(den)
    return np.stack(out), (q, k, v, gamma, states, norms)


def retention_backward(dout, cache):
    q, k, v, gamma, states, norms = cache
    T = len(q)
    dq, dk, dv = np.zeros_like(q), np.zeros_like(k), np.zeros_like(v)
    dgamma = 0.0
    dS, dn = np.zeros_like(states[0][0]), np.zeros_like(states[0][1])
    for t in range(T - 1, -1, -1):
        S, n = states[t + 1]
        S_prev, n_prev = states[t]
        den = norms[t]
        num = q[t] @ S
        dnum = dout[t] / den
        dden = -(dout[t] @ num) / den**2
        dq[t] = S @ dnum + dden * n
        dS += np.outer(q[t], dnum)
        dn += dden * q[t]
        dk[t] = dS @ v[t] + dn
        dv[t] = k[t] @ dS
        dgamma += np.sum(dS * S_prev) + dn @ n_prev
        dS *= gamma
        dn *= gamma
    return dq, dk, dv, dgamma


def ssm_forward(u, log_a, b, c, d, h0):
    """Diagonal state space model. u: (L,), all other vectors (N,), d a number"""
    L, N = len(u), len(b)
    a = np.exp(-np.exp(log_a))
    h = np.zeros((L + 1, N))
    h[0] = h0
    y = np.zeros(L)
    for t in range(L):
        h[t + 1] = a * h[t] + b * u[t]
        y[t] = np.dot(c, h[t + 1]) + d * u[t]
    return y, (u, log_a, a, b, c, d, h)


def ssm_backward(dy, cache):
    u, log_a, a, b, c, d, h = cache
    L = len(u)
    dh = np.zeros_like(h)
    du = np.zeros_like(u)
    da, db, dc, dd = np.zeros_like(a), np.zeros_like(b), np.zeros_like(c), 0.0
    for t in reversed(range(L)):
        dh[t + 1] += c * dy[t]
        dc += h[t + 1] * dy[t]
        dd += dy[t] * u[t]
        du[t] = d * dy[t] + np.dot(b, dh[t + 1])
        db += dh[t + 1] * u[t]
        da += dh[t + 1] * h[t]
        dh[t] += a * dh[t + 1]
    dlog_a = -da * a * np.exp(log_a)
    dh0 = dh[0]
    return du, dlog_a, db, dc, dd, dh0


def gated_scan_forward(x, a):
    """h_t = a_t h_{t-1} + (1 - a_t) x_t along axis 0, h_0 = x_0"""
    h = np.empty_like(x)
    h[0] = x[0]
    for t in range(1, x.shape[0]):
        h[t] = a[t] * h[t - 1] + (1 - a[t]) * x[t]
    return h, (x, a, h)


def gated_scan_backward(gh, cache):
    x, a, h = cache
    gx = np.zeros_like(x)
    ga = np.zeros_like(a)
    acc = np.zeros_like(gh[0])
    for t in range(x.shape[0] - 1, 0, -1):
        acc = acc + gh[t]
        ga[t] = acc * (h[t - 1] - x[t])
        gx[t] = acc * (1 - a[t])
        acc = acc * a[t]
    gx[0] = acc + gh[0]
    return gx, ga


def selective_scan_forward(x, dt, A, B, C):
    """x, dt: (T, D), A: (D, N), B, C: (T, N)"""
    T, D = x.shape
    N = A.shape[1]
    hs = np.zeros((T + 1, D, N))
    y = np.zeros((T, D))
    for t in range(T):
        Abar = np.exp(dt[t][:, None] * A)
        hs[t + 1] = Abar * hs[t] + (dt[t] * x[t])[:, None] * B[t]
        y[t] = hs[t + 1] @ C[t]
    return y, (x, dt, A, B, C, hs)


def selective_scan_backward(dy, cache):
    x, dt, A, B, C, hs = cache
    T, D = x.shape
    dx, ddt, dA, dB, dC = (np.zeros_like(v) for v in (x, dt, A, B, C))
    dh = np.zeros_like(hs[0])
    for t in range(T - 1, -1, -1):
        dC[t] = hs[t + 1].T @ dy[t]
        dh = dh + np.outer(dy[t], C[t])
        Abar = np.exp(dt[t][:, None] * A)
        dAbar = dh * hs[t]
        dB[t] = (dt[t] * x[t]) @ dh
        ddx = dh @ B[t]
        dx[t] = ddx * dt[t]
        ddt[t] = ddx * x[t] + np.sum(dAbar * Abar * A, axis=1)
        dA += dAbar * Abar * dt[t][:, None]
        dh = dh * Abar
    return dx, ddt, dA, dB, dC


def rk4_forward(y0, W, h, n_steps):
    """Runge-Kutta for y' = tanh(W y)"""
    f = lambda y: np.tanh(W @ y)
    y = y0
    trace = []
    for _ in range(n_steps):
        k1 = f(y)
        k2 = f(y + h / 2 * k1)
        k3 = f(y + h / 2 * k2)
        k4 = f(y + h * k3)
        trace.append((y, k1, k2, k3, k4))
        y = y + h / 6 * (k1 + 2 * k2 + 2 * k3 + k4)
    return y, (W, h, trace)


def rk4_backward(dy, cache):
    W, h, trace = cache
    dW = np.zeros_like(W)
    for y, k1, k2, k3, k4 in reversed(trace):
        dk1, dk2, dk3, dk4 = h / 6 * dy, h / 3 * dy, h / 3 * dy, h / 6 * dy

        v4 = dk4 * (1 - k4**2)
        dW += np.outer(v4, y + h * k3)
        p4 = W.T @ v4
        dk3 = dk3 + h * p4

        v3 = dk3 * (1 - k3**2)
        dW += np.outer(v3, y + h / 2 * k2)
        p3 = W.T @ v3
        dk2 = dk2 + h / 2 * p3

        v2 = dk2 * (1 - k2**2)
        dW += np.outer(v2, y + h / 2 * k1)
        p2 = W.T @ v2
        dk1 = dk1 + h / 2 * p2

        v1 = dk1 * (1 - k1**2)
        dW += np.outer(v1, y)
        p1 = W.T @ v1

        dy = dy + p1 + p2 + p3 + p4
    return dy, dW


def example_linear_attention():
    rng = np.random.default_rng(0)
    return rng.normal(size=(2, 4, 3)), rng.normal(size=(2, 4, 3)), rng.normal(size=(2, 4, 5))


def example_retention():
    rng = np.random.default_rng(1)
    return rng.uniform(0.2, 1.5, size=(4, 3)), rng.uniform(0.1, 1, size=(4, 3)), rng.normal(size=(4, 2)), 0.8


def example_ssm():
    rng = np.random.default_rng(2)
    return rng.normal(size=5), rng.normal(size=3), rng.normal(size=3), rng.normal(size=3), 0.7, rng.normal(size=3)


def example_gated_scan():
    rng = np.random.default_rng(3)
    return rng.normal(size=(5, 2, 3)), rng.uniform(0.1, 0.9, size=(5, 2, 3))


def example_selective_scan():
    rng = np.random.default_rng(4)
    return (rng.normal(size=(4, 3)), rng.uniform(0.2, 0.9, size=(4, 3)), -rng.uniform(0.3, 1.5, size=(3, 2)),
            rng.normal(size=(4, 2)), rng.normal(size=(4, 2)))


def example_rk4():
    rng = np.random.default_rng(5)
    return rng.normal(size=3), rng.normal(size=(3, 3)), 0.3, 3
