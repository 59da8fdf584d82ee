"""Gated recurrent units, in both variants.
   v1: the reset gate multiplies the state before the matrix (the paper)
   v3: the reset gate multiplies after the matrix, and there are two biases (cuDNN)"""
import numpy as np


def sigm(a):
    return 0.5 * (1 + np.tanh(0.5 * a))


def gru_v1_forward(x, h_prev, Wz, Uz, bz, Wr, Ur, br, Wh, Uh, bh):
    az = x @ Wz + h_prev @ Uz + bz
    ar = x @ Wr + h_prev @ Ur + br
    z = sigm(az)
    r = sigm(ar)
    rh = r * h_prev
    ah = x @ Wh + rh @ Uh + bh
    hbar = np.tanh(ah)
    h = (1 - z) * h_prev + z * hbar
    return h, (x, h_prev, z, r, rh, hbar, Wz, Uz, Wr, Ur, Wh, Uh)


def gru_v1_backward(dh, cache):
    x, h_prev, z, r, rh, hbar, Wz, Uz, Wr, Ur, Wh, Uh = cache
    dhbar = dh * z
    dz = dh * (hbar - h_prev)
    dah = dhbar * (1 - hbar ** 2)
    drh = dah @ Uh.T
    dr = drh * h_prev
    dar = dr * r * (1 - r)
    daz = dz * z * (1 - z)
    dh_prev = dh * (1 - z) + drh * r + daz @ Uz.T + dar @ Ur.T
    dx = daz @ Wz.T + dar @ Wr.T + dah @ Wh.T
    dWz, dUz, dbz = x.T @ daz, h_prev.T @ daz, daz.sum(0)
    dWr, dUr, dbr = x.T @ dar, h_prev.T @ dar, dar.sum(0)
    dWh, dUh, dbh = x.T @ dah, rh.T @ dah, dah.sum(0)
    return dx, dh_prev, dWz, dUz, dbz, dWr, dUr, dbr, dWh, dUh, dbh


def gru_cell_v3_forward(x, h, W_ih, W_hh, b_ih, b_hh):
    # W_ih: (3H, D), rows in the order reset, update, new
    gi = x.dot(W_ih.T) + b_ih
    gh = h.dot(W_hh.T) + b_hh
    i_r, i_z, i_n = np.split(gi, 3, axis=1)
    h_r, h_z, h_n = np.split(gh, 3, axis=1)
    resetgate = sigm(i_r + h_r)
    updategate = sigm(i_z + h_z)
    newgate = np.tanh(i_n + resetgate * h_n)
    hy = newgate + updategate * (h - newgate)
    return hy, (x, h, W_ih, W_hh, resetgate, updategate, newgate, h_n)


def gru_cell_v3_backward(dhy, cache):
    x, h, W_ih, W_hh, resetgate, updategate, newgate, h_n = cache
    dnewgate = dhy * (1 - updategate)
    dupdategate = dhy * (h - newgate)
    di_n = dnewgate * (1 - newgate * newgate)
    dh_n = di_n * resetgate
    dresetgate = di_n * h_n
    di_r = dresetgate * resetgate * (1 - resetgate)
    dh_r = di_r
    di_z = dupdategate * updategate * (1 - updategate)
    dh_z = di_z
    dgi = np.concatenate([di_r, di_z, di_n], axis=1)
    dgh = np.concatenate([dh_r, dh_z, dh_n], axis=1)
    dx = dgi.dot(W_ih)
    dh = dhy * updategate + dgh.dot(W_hh)
    dW_ih = dgi.T.dot(x)
    dW_hh = dgh.T.dot(h)
    db_ih = dgi.sum(axis=0)
    db_hh = dgh.sum(axis=0)
    return dx, dh, dW_ih, dW_hh, db_ih, db_hh


def gru_v3_forward(xs, h0, W_ih, W_hh, b_ih, b_hh):
    """xs: (T, N, D) -> hs: (T, N, H)"""
    caches, hs = [], []
    h = h0
    for x in xs:
        h, c = gru_cell_v3_forward(x, h, W_ih, W_hh, b_ih, b_hh)
        hs.append(h)
        caches.append(c)
    return np.stack(hs), caches


def gru_v3_backward(dhs, caches):
    grads = None
    dxs = []
    dh_next = np.zeros_like(dhs[0])
    for dh_t, c in zip(dhs[::-1], caches[::-1]):
        dx, dh_next, *g = gru_cell_v3_backward(dh_t + dh_next, c)
        dxs.insert(0, dx)
        grads = g if grads is None else [a + b for a, b in zip(grads, g)]
    dW_ih, dW_hh, db_ih, db_hh = grads
    return np.array(dxs), dh_next, dW_ih, dW_hh, db_ih, db_hh


def gru_scan_forward(X, h0, Wx, Wh, Uh, b):
    """The paper's GRU over a whole sequence in one function. X: (N, T, D), Wx: (D, 3H), Wh: (H, 2H), Uh: (H, H)"""
    N, T, D = X.shape
    H = h0.shape[1]
    Z = np.zeros((N, T, H)); R = np.zeros((N, T, H)); C = np.zeros((N, T, H))
    h = np.zeros((N, T + 1, H))
    h[:, 0] = h0
    for t in range(T):
        ax = X[:, t] @ Wx + b
        ah = h[:, t] @ Wh
        Z[:, t] = sigm(ax[:, :H] + ah[:, :H])
        R[:, t] = sigm(ax[:, H:2*H] + ah[:, H:])
        C[:, t] = np.tanh(ax[:, 2*H:] + (R[:, t] * h[:, t]) @ Uh)
        h[:, t+1] = Z[:, t] * h[:, t] + (1 - Z[:, t]) * C[:, t]
    return h[:, 1:], (X, h, Z, R, C, Wx, Wh, Uh)


def gru_scan_backward(dout, cache):
    X, h, Z, R, C, Wx, Wh, Uh = cache
    N, T, D = X.shape
    H = Uh.shape[0]
    dX = np.zeros_like(X)
    dWx = np.zeros_like(Wx)
    dWh = np.zeros_like(Wh)
    dUh = np.zeros_like(Uh)
    db = np.zeros(3 * H)
    carry = np.zeros((N, H))
    for t in reversed(range(T)):
        z, r, c, hp = Z[:, t], R[:, t], C[:, t], h[:, t]
        total = dout[:, t] + carry
        pre_c = total * (1 - z) * (1 - c**2)
        pre_z = total * (hp - c) * z * (1 - z)
        back = pre_c @ Uh.T
        pre_r = back * hp * r * (1 - r)
        dax = np.concatenate([pre_z, pre_r, pre_c], axis=1)
        dah = dax[:, :2*H]
        dX[:, t] = dax @ Wx.T
        dWx += X[:, t].T @ dax
        db += dax.sum(axis=0)
        dWh += hp.T @ dah
        dUh += (r * hp).T @ pre_c
        carry = total * z + back * r + dah @ Wh.T
    dh0 = carry
    return dX, dh0, dWx, dWh, dUh, db


def example_gru_v1():
    rng = np.random.RandomState(1)
    D, H = 3, 4
    gate = lambda: [rng.randn(D, H), rng.randn(H, H), rng.randn(H)]
    return (rng.randn(5, D), rng.randn(5, H), *gate(), *gate(), *gate())


def example_gru_cell_v3():
    rng = np.random.RandomState(2)
    return rng.randn(5, 2), rng.randn(5, 3), rng.randn(9, 2), rng.randn(9, 3), rng.randn(9), rng.randn(9)


def example_gru_v3():
    rng = np.random.RandomState(3)
    return rng.randn(4, 2, 5), rng.randn(2, 3), rng.randn(9, 5), rng.randn(9, 3), rng.randn(9), rng.randn(9)


def example_gru_scan():
    rng = np.random.RandomState(4)
    return rng.randn(2, 4, 5), rng.randn(2, 3), rng.randn(5, 9), rng.randn(3, 6), rng.randn(3, 3), rng.randn(9)
