"""LSTM variants used in the experiments: peepholes, and coupled input/forget gates (CIFG)."""

import numpy as np


def sigma(v):
    return 1 / (1 + np.exp(-v))


def peephole_lstm_forward(x, h_prev, c_prev, W, b, p_i, p_f, p_o):
    H = c_prev.shape[1]
    xh = np.concatenate([x, h_prev], axis=1)
    pre = xh @ W + b
    i_hat, f_hat, g_hat, o_hat = pre[:, :H], pre[:, H : 2 * H], pre[:, 2 * H : 3 * H], pre[:, 3 * H :]
    i = sigma(i_hat + p_i * c_prev)
    f = sigma(f_hat + p_f * c_prev)
    g = np.tanh(g_hat)
    c = f * c_prev + i * g
    o = sigma(o_hat + p_o * c)
    tc = np.tanh(c)
    h = o * tc
    return h, c, (xh, c_prev, W, p_i, p_f, p_o, i, f, g, c, o, tc)


def peephole_lstm_backward(dh, dc, cache):
    xh, c_prev, W, p_i, p_f, p_o, i, f, g, c, o, tc = cache
    H = c.shape[1]
    D = xh.shape[1] - H

    do = dh * tc
    do_hat = do * o * (1 - o)
    dc = dc + dh * o * (1 - tc**2) + do_hat * p_o

    di = dc * g
    df = dc * c_prev
    dg = dc * i
    di_hat = di * i * (1 - i)
    df_hat = df * f * (1 - f)
    dg_hat = dg * (1 - g**2)

    dc_prev = dc * f + di_hat * p_i + df_hat * p_f
    dp_i = np.sum(di_hat * c_prev, axis=0)
    dp_f = np.sum(df_hat * c_prev, axis=0)
    dp_o = np.sum(do_hat * c, axis=0)

    dpre = np.zeros((xh.shape[0], 4 * H))
    dpre[:, :H] = di_hat
    dpre[:, H : 2 * H] = df_hat
    dpre[:, 2 * H : 3 * H] = dg_hat
    dpre[:, 3 * H :] = do_hat

    dW = xh.T @ dpre
    db = np.sum(dpre, axis=0)
    dxh = dpre @ W.T
    dx, dh_prev = dxh[:, :D], dxh[:, D:]
    return dx, dh_prev, dc_prev, dW, db, dp_i, dp_f, dp_o


def cifg_forward(X, h0, c0, Wf, Wo, Wg, bf, bo, bg):
    """X: (T, N, D); returns the last h. Gates read [h, x]."""
    hs, cs, fs, os, gs, vs = [h0], [c0], [], [], [], []
    for t in range(len(X)):
        v = np.hstack([hs[t], X[t]])
        f = sigma(v @ Wf + bf)
        o = sigma(v @ Wo + bo)
        g = np.tanh(v @ Wg + bg)
        c = f * cs[t] + (1 - f) * g
        h = o * np.tanh(c)
        vs.append(v)
        fs.append(f)
        os.append(o)
        gs.append(g)
        cs.append(c)
        hs.append(h)
    return hs[-1], (X, hs, cs, fs, os, gs, vs, Wf, Wo, Wg)


def cifg_backward(dh_last, cache):
    X, hs, cs, fs, os, gs, vs, Wf, Wo, Wg = cache
    H = hs[0].shape[1]
    dX = np.zeros_like(X)
    dWf, dWo, dWg = np.zeros_like(Wf), np.zeros_like(Wo), np.zeros_like(Wg)
    dbf, dbo, dbg = np.zeros(H), np.zeros(H), np.zeros(H)
    dh = dh_last
    dc_next = np.zeros_like(dh)
    for t in reversed(range(len(X))):
        f, o, g, v = fs[t], os[t], gs[t], vs[t]
        tanh_c = np.tanh(cs[t + 1])
        do = dh * tanh_c
        dc = dc_next + dh * o * (1 - tanh_c**2)
        df = dc * (cs[t] - g)
        dg = dc * (1 - f)
        dzf = df * f * (1 - f)
        dzo = do * o * (1 - o)
        dzg = dg * (1 - g**2)
        dWf += v.T @ dzf
        dWo += v.T @ dzo
        dWg += v.T @ dzg
        dbf += dzf.sum(axis=0)
        dbo += dzo.sum(axis=0)
        dbg += dzg.sum(axis=0)
        dv = dzf @ Wf.T + dzo @ Wo.T + dzg @ Wg.T
        dh = dv[:, :H]
        dX[t] = dv[:, H:]
        dc_next = dc * f
    dh0, dc0 = dh, dc_next
    return dX, dh0, dc0, dWf, dWo, dWg, dbf, dbo, dbg


def example_peephole_lstm():
    rng = np.random.default_rng(21)
    N, D, H = 4, 2, 3
    return (
        rng.normal(size=(N, D)), rng.normal(size=(N, H)), rng.normal(size=(N, H)),
        rng.normal(size=(D + H, 4 * H)), rng.normal(size=4 * H),
        rng.normal(size=H), rng.normal(size=H), rng.normal(size=H),
    )  # fmt: skip


def example_cifg():
    rng = np.random.default_rng(22)
    T, N, D, H = 4, 2, 5, 3
    return (
        rng.normal(size=(T, N, D)), rng.normal(size=(N, H)), rng.normal(size=(N, H)),
        *(rng.normal(size=(H + D, H)) for _ in range(3)), *(rng.normal(size=H) for _ in range(3)),
    )  # fmt: skip
