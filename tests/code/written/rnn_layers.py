# Assignment 3: recurrent layers on minibatches, (N, T, D) arrays
import numpy as np


def sigmoid(x):
    # no overflow on either side
    e = np.exp(-np.abs(x))
    return np.where(x >= 0, 1, e) / (1 + e)


def rnn_step_forward(x, prev_h, Wx, Wh, b):
    next_h = np.tanh(x.dot(Wx) + prev_h.dot(Wh) + b)
    cache = (x, prev_h, Wx, Wh, next_h)
    return next_h, cache


def rnn_step_backward(dnext_h, cache):
    x, prev_h, Wx, Wh, next_h = cache
    dtanh = dnext_h * (1 - next_h ** 2)
    dx = dtanh.dot(Wx.T)
    dprev_h = dtanh.dot(Wh.T)
    dWx = x.T.dot(dtanh)
    dWh = prev_h.T.dot(dtanh)
    db = dtanh.sum(axis=0)
    return dx, dprev_h, dWx, dWh, db


def rnn_forward(x, h0, Wx, Wh, b):
    N, T, D = x.shape
    H = h0.shape[1]
    h = np.zeros((N, T, H))
    cache = []
    prev_h = h0
    for t in range(T):
        prev_h, step_cache = rnn_step_forward(x[:, t, :], prev_h, Wx, Wh, b)
        h[:, t, :] = prev_h
        cache.append(step_cache)
    return h, cache


def rnn_backward(dh, cache):
    N, T, H = dh.shape
    D = cache[0][0].shape[1]
    dx = np.zeros((N, T, D))
    dWx = np.zeros((D, H))
    dWh = np.zeros((H, H))
    db = np.zeros(H)
    dprev_h = np.zeros((N, H))
    for t in reversed(range(T)):
        dcurrent = dh[:, t, :] + dprev_h
        dx_t, dprev_h, dWx_t, dWh_t, db_t = rnn_step_backward(dcurrent, cache[t])
        dx[:, t, :] = dx_t
        dWx += dWx_t
        dWh += dWh_t
        db += db_t
    dh0 = dprev_h
    return dx, dh0, dWx, dWh, db


def word_embedding_forward(x, W):
    out = W[x]
    return out, (x, W.shape)


def word_embedding_backward(dout, cache):
    x, shape = cache
    dW = np.zeros(shape)
    np.add.at(dW, x, dout)
    return dW


def lstm_step_forward(x, prev_h, prev_c, Wx, Wh, b):
    H = prev_h.shape[1]
    a = x.dot(Wx) + prev_h.dot(Wh) + b
    i = sigmoid(a[:, :H])
    f = sigmoid(a[:, H:2 * H])
    o = sigmoid(a[:, 2 * H:3 * H])
    g = np.tanh(a[:, 3 * H:])
    next_c = f * prev_c + i * g
    tanh_c = np.tanh(next_c)
    next_h = o * tanh_c
    cache = (x, prev_h, prev_c, Wx, Wh, i, f, o, g, tanh_c)
    return next_h, next_c, cache


def lstm_step_backward(dnext_h, dnext_c, cache):
    x, prev_h, prev_c, Wx, Wh, i, f, o, g, tanh_c = cache
    do = dnext_h * tanh_c
    dtanh_c = dnext_h * o
    dnext_c = dnext_c + dtanh_c * (1 - tanh_c ** 2)
    df = dnext_c * prev_c
    dprev_c = dnext_c * f
    di = dnext_c * g
    dg = dnext_c * i
    da = np.hstack((di * i * (1 - i), df * f * (1 - f), do * o * (1 - o), dg * (1 - g ** 2)))
    dx = da.dot(Wx.T)
    dprev_h = da.dot(Wh.T)
    dWx = x.T.dot(da)
    dWh = prev_h.T.dot(da)
    db = da.sum(axis=0)
    return dx, dprev_h, dprev_c, dWx, dWh, db


def lstm_forward(x, h0, Wx, Wh, b):
    N, T, D = x.shape
    H = h0.shape[1]
    h = np.zeros((N, T, H))
    cache = {}
    ht = h0
    ct = np.zeros((N, H))
    for t in range(T):
        ht, ct, cache[t] = lstm_step_forward(x[:, t, :], ht, ct, Wx, Wh, b)
        h[:, t, :] = ht
    return h, cache


def lstm_backward(dh, cache):
    N, T, H = dh.shape
    D = cache[0][0].shape[1]
    dx = np.zeros((N, T, D))
    dWx = np.zeros((D, 4 * H))
    dWh = np.zeros((H, 4 * H))
    db = np.zeros((4 * H,))
    dprev_h = np.zeros((N, H))
    dprev_c = np.zeros((N, H))
    for t in range(T - 1, -1, -1):
        dht = dh[:, t, :] + dprev_h
        dx[:, t, :], dprev_h, dprev_c, dWx_t, dWh_t, db_t = lstm_step_backward(dht, dprev_c, cache[t])
        dWx += dWx_t
        dWh += dWh_t
        db += db_t
    dh0 = dprev_h
    return dx, dh0, dWx, dWh, db


def temporal_affine_forward(x, w, b):
    """The same affine map at each time step. x: (N, T, D), w: (D, M), b: (M,)"""
    N, T, D = x.shape
    rows = x.reshape(-1, D)
    out = (rows.dot(w) + b).reshape(N, T, -1)
    return out, (x, rows, w)


def temporal_affine_backward(dout, cache):
    x, rows, w = cache
    drows_out = dout.reshape(len(rows), -1)
    dw = rows.T.dot(drows_out)
    db = dout.sum(axis=(0, 1))
    drows = drows_out.dot(w.T)
    dx = drows.reshape(x.shape)
    return dx, dw, db


def temporal_softmax_loss(x, y, mask):
    """Cross-entropy over the vocabulary, summed over time where mask is True, averaged over the minibatch."""
    N, T, V = x.shape
    scores = x.reshape(-1, V)
    where = np.arange(N * T)
    p = np.exp(scores - scores.max(axis=1)[:, None])
    p /= p.sum(axis=1)[:, None]
    loss = -(mask.ravel() * np.log(p[where, y.ravel()])).sum() / N

    dscores = p.copy()
    dscores[where, y.ravel()] -= 1
    dscores[~mask.ravel()] = 0
    dscores /= N
    dx = dscores.reshape(N, T, V)
    return loss, dx


def example_rnn_step():
    np.random.seed(1)
    return (np.random.randn(4, 3), np.random.randn(4, 5), np.random.randn(3, 5),
            np.random.randn(5, 5), np.random.randn(5))


def example_rnn():
    np.random.seed(2)
    return (np.random.randn(2, 4, 3), np.random.randn(2, 5), 0.7 * np.random.randn(3, 5),
            0.7 * np.random.randn(5, 5), np.random.randn(5))


def example_word_embedding():
    np.random.seed(3)
    return np.array([[0, 4, 4], [2, 0, 3]]), np.random.randn(6, 5)


def example_lstm_step():
    np.random.seed(4)
    return (np.random.randn(2, 3), np.random.randn(2, 4), np.random.randn(2, 4),
            np.random.randn(3, 16), np.random.randn(4, 16), np.random.randn(16))


def example_lstm():
    np.random.seed(5)
    return (np.random.randn(3, 4, 5), np.random.randn(3, 2), np.random.randn(5, 8),
            np.random.randn(2, 8), np.random.randn(8))


def example_temporal_affine():
    np.random.seed(6)
    return np.random.randn(2, 3, 4), np.random.randn(4, 5), np.random.randn(5)


def example_temporal_softmax_loss():
    np.random.seed(7)
    return (np.random.randn(3, 4, 5), np.random.randint(5, size=(3, 4)),
            np.array([[True, True, False, False], [True, True, True, False], [True, False, True, True]]))
