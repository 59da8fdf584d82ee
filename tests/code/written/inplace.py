"""Code that writes into its arrays: masks, fancy indices, slices, += and out=."""
import numpy as np


def maxout_forward(x, W, b):
    # W: (K, D, M)
    z = np.zeros((W.shape[0], x.shape[0], W.shape[2]))
    for k in range(W.shape[0]):
        z[k] = x.dot(W[k])
        z[k] += b[k]
    which = z.argmax(axis=0)
    out = z.max(axis=0)
    return out, (x, W, which)


def maxout_backward(dout, cache):
    x, W, which = cache
    dx = np.zeros_like(x)
    dW = np.zeros_like(W)
    db = np.zeros((W.shape[0], W.shape[2]))
    for k in range(W.shape[0]):
        dzk = dout.copy()
        dzk[which != k] = 0
        dW[k] = x.T.dot(dzk)
        db[k] = dzk.sum(axis=0)
        dx += dzk.dot(W[k].T)
    return dx, dW, db


def hard_tanh_forward(x):
    y = x.copy()
    y[x > 1] = 1
    y[x < -1] = -1
    return y, x


def hard_tanh_backward(dy, cache):
    x = cache
    dx = dy.copy()
    dx[np.abs(x) > 1] = 0
    return dx


def classifier_loss(X, W1, b1, W2, b2, y):
    N = X.shape[0]
    hidden = X.dot(W1) + b1
    np.maximum(hidden, 0, out=hidden)
    scores = hidden.dot(W2) + b2
    scores -= scores.max(axis=1, keepdims=True)
    np.exp(scores, scores)
    scores /= scores.sum(axis=1, keepdims=True)
    loss = -np.log(scores[np.arange(N), y]).sum() / N

    grads = {}
    dscores = scores
    dscores[np.arange(N), y] -= 1
    dscores /= N
    grads['W2'] = hidden.T.dot(dscores)
    grads['b2'] = dscores.sum(axis=0)
    dhidden = dscores.dot(W2.T)
    dhidden[hidden <= 0] = 0
    grads['W1'] = X.T.dot(dhidden)
    grads['b1'] = dhidden.sum(axis=0)
    grads['X'] = dhidden.dot(W1.T)
    return loss, grads


def topk_pool_forward(x, k):
    # mean of the k largest in each row
    idx = np.argsort(x, axis=1)[:, -k:]
    top = np.take_along_axis(x, idx, axis=1)
    return top.mean(axis=1), (x.shape, idx, k)


def topk_pool_backward(dout, cache):
    shape, idx, k = cache
    dtop = np.repeat(dout[:, None], k, axis=1) / k
    dx = np.zeros(shape)
    np.put_along_axis(dx, idx, dtop, axis=1)
    return dx


def segment_sum_forward(values, segments, n):
    out = np.zeros((n, values.shape[1]))
    np.add.at(out, segments, values)
    counts = np.bincount(segments, minlength=n)
    out[counts > 0] /= counts[counts > 0, None]
    return out, (segments, counts)


def segment_sum_backward(dout, cache):
    segments, counts = cache
    dvalues = dout[segments]
    dvalues /= counts[segments][:, None]
    return dvalues


def cumulative_forward(x, w):
    c = x * w
    for t in range(1, len(c)):
        c[t] += 0.5 * c[t - 1]
    return c, (x, w)


def cumulative_backward(dc, cache):
    x, w = cache
    dc = dc.copy()
    for t in range(len(dc) - 1, 0, -1):
        dc[t - 1] += 0.5 * dc[t]
    dx = dc * w
    dw = (dc * x).sum(axis=0)
    return dx, dw


def pixel_shuffle_forward(x, r):
    # columns to blocks, and a border of zeros
    N, H, W, C = x.shape
    y = np.zeros((N, H * r + 2, W * r + 2, C // (r * r)))
    for i in range(r):
        for j in range(r):
            part = x[..., (i * r + j)::r * r]
            y[:, 1 + i:-1:r, 1 + j:-1:r] = part
    return y, (x.shape, r)


def pixel_shuffle_backward(dy, cache):
    shape, r = cache
    dx = np.empty(shape)
    for i in range(r):
        for j in range(r):
            dx[..., (i * r + j)::r * r] = dy[:, 1 + i:-1:r, 1 + j:-1:r]
    return dx


def masked_loss_forward(pred, target, mask):
    diff = pred - target
    diff[~mask] = 0
    loss = 0.5 * np.sum(diff * diff) / mask.sum()
    return loss, (diff, mask)


def masked_loss_backward(cache):
    diff, mask = cache
    dpred = diff / mask.sum()
    dpred[~mask] = 0
    dtarget = -dpred
    return dpred, dtarget


def example_maxout():
    np.random.seed(0)
    return np.random.randn(5, 3), np.random.randn(2, 3, 4), np.random.randn(2, 4)


def example_hard_tanh():
    np.random.seed(1)
    return (np.random.randn(4, 5) * 1.4,)


def example_classifier_loss():
    np.random.seed(2)
    return (np.random.randn(6, 4), np.random.randn(4, 5), np.random.randn(5), np.random.randn(5, 3), np.random.randn(3),
            np.array([0, 2, 1, 1, 0, 2]))


def example_topk_pool():
    np.random.seed(3)
    return np.random.randn(3, 5), 2


def example_segment_sum():
    np.random.seed(4)
    return np.random.randn(6, 3), np.array([0, 2, 2, 4, 0, 2]), 5


def example_cumulative():
    np.random.seed(5)
    return np.random.randn(5, 3), np.random.randn(3)


def example_pixel_shuffle():
    np.random.seed(6)
    return np.random.randn(2, 3, 4, 8), 2


def example_masked_loss():
    np.random.seed(7)
    return np.random.randn(4, 3), np.random.randn(4, 3), np.random.rand(4, 3) < 0.6
