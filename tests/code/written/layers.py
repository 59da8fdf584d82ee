# Homework 2: the layers of a fully-connected net. Rows are examples.
import numpy as np


def affine_forward(x, w, b):
    """x: (N, d_1, ..., d_k), w: (D, M), b: (M,)"""
    out = x.reshape(x.shape[0], -1).dot(w) + b
    cache = (x, w, b)
    return out, cache


def affine_backward(dout, cache):
    x, w, b = cache
    dx = dout.dot(w.T).reshape(x.shape)
    dw = x.reshape(x.shape[0], -1).T.dot(dout)
    db = np.sum(dout, axis=0)
    return dx, dw, db


def relu_forward(x):
    out = np.maximum(0, x)
    cache = x
    return out, cache


def relu_backward(dout, cache):
    x = cache
    dx = dout * (x > 0)
    return dx


def affine_relu_forward(x, w, b):
    a, fc_cache = affine_forward(x, w, b)
    out, relu_cache = relu_forward(a)
    cache = (fc_cache, relu_cache)
    return out, cache


def affine_relu_backward(dout, cache):
    fc_cache, relu_cache = cache
    da = relu_backward(dout, relu_cache)
    dx, dw, db = affine_backward(da, fc_cache)
    return dx, dw, db


def batchnorm_forward(x, gamma, beta, bn_param):
    eps = bn_param.get('eps', 1e-5)
    N, D = x.shape

    # one node of the graph in each line
    mu = x.sum(axis=0) / N
    xmu = x - mu
    xmu2 = xmu ** 2
    v = xmu2.sum(axis=0) / N
    sd = np.sqrt(v + eps)
    isd = 1. / sd
    xhat = xmu * isd
    scaled = gamma * xhat
    out = scaled + beta

    cache = (xhat, gamma, xmu, isd, sd)
    return out, cache


def batchnorm_backward(dout, cache):
    xhat, gamma, xmu, isd, sd = cache
    N, D = dout.shape

    # the sum: beta and the scaled values
    dbeta = dout.sum(axis=0)
    dscaled = dout

    # the product with gamma
    dgamma = (dscaled * xhat).sum(axis=0)
    dxhat = dscaled * gamma

    # xhat is a product of two, both depend on xmu; first branch
    disd = (dxhat * xmu).sum(axis=0)
    dxmu1 = dxhat * isd

    # second branch: inverse, root, mean, square
    dsd = -disd / sd ** 2
    dv = dsd / (2 * sd)
    dxmu2 = np.ones((N, D)) * dv / N
    dxmu = dxmu1 + 2 * xmu * dxmu2

    # centering, again two branches
    dmu = -dxmu.sum(axis=0)
    dx1 = dxmu
    dx2 = np.ones((N, D)) * dmu / N

    dx = dx1 + dx2
    return dx, dgamma, dbeta


def batchnorm_alt_forward(x, gamma, beta, eps=1e-5):
    mean = x.mean(axis=0)
    std = np.sqrt(x.var(axis=0) + eps)
    x_norm = (x - mean) / std
    out = gamma * x_norm + beta
    return out, (x_norm, std, gamma)


def batchnorm_alt_backward(dout, cache):
    x_norm, std, gamma = cache
    m = dout.shape[0]
    dgamma = (dout * x_norm).sum(axis=0)
    dbeta = dout.sum(axis=0)
    dx_norm = dout * gamma
    dx = (m * dx_norm - dx_norm.sum(axis=0) - x_norm * (dx_norm * x_norm).sum(axis=0)) / (m * std)
    return dx, dgamma, dbeta


def affine_bn_relu_forward(x, w, b, gamma, beta, bn_param):
    a, fc_cache = affine_forward(x, w, b)
    an, bn_cache = batchnorm_forward(a, gamma, beta, bn_param)
    out, relu_cache = relu_forward(an)
    return out, (fc_cache, bn_cache, relu_cache)


def affine_bn_relu_backward(dout, cache):
    fc_cache, bn_cache, relu_cache = cache
    dan = relu_backward(dout, relu_cache)
    da, dgamma, dbeta = batchnorm_backward(dan, bn_cache)
    dx, dw, db = affine_backward(da, fc_cache)
    return dx, dw, db, dgamma, dbeta


def dropout_forward(x, dropout_param):
    p, mode = dropout_param['p'], dropout_param['mode']
    if 'seed' in dropout_param:
        np.random.seed(dropout_param['seed'])

    mask = None
    out = None
    if mode == 'train':
        mask = (np.random.rand(*x.shape) < p) / p
        out = x * mask
    elif mode == 'test':
        out = x

    cache = (dropout_param, mask)
    return out, cache


def dropout_backward(dout, cache):
    dropout_param, mask = cache
    mode = dropout_param['mode']

    dx = None
    if mode == 'train':
        dx = dout * mask
    elif mode == 'test':
        dx = dout
    return dx


def svm_loss(x, y):
    """Multiclass hinge; x: (N, C) scores, y: (N,) labels"""
    N = len(y)
    rows = np.arange(N)
    gaps = x - x[rows, y].reshape(-1, 1) + 1
    gaps[rows, y] = 0
    hot = gaps > 0
    loss = gaps[hot].sum() / N
    dx = np.zeros_like(x)
    dx[hot] = 1
    dx[rows, y] -= hot.sum(axis=1)
    dx /= N
    return loss, dx


def softmax_loss(x, y):
    N = len(y)
    rows = np.arange(N)
    e = np.exp(x - x.max(axis=1, keepdims=True))
    probs = e / e.sum(axis=1, keepdims=True)
    loss = -np.log(probs[rows, y]).sum() / N
    dx = probs.copy()
    dx[rows, y] -= 1
    dx /= N
    return loss, dx


# ---------------------------------------------------------------- points to check at

def example_affine():
    rng = np.random.RandomState(231)
    return rng.randn(5, 2, 3), rng.randn(6, 4), rng.randn(4)


def example_relu():
    rng = np.random.RandomState(232)
    return (rng.randn(4, 5),)


def example_affine_relu():
    rng = np.random.RandomState(233)
    return rng.randn(5, 3, 2), rng.randn(6, 4), rng.randn(4)


def example_batchnorm():
    rng = np.random.RandomState(234)
    return 3 * rng.randn(6, 4) + 2, rng.randn(4), rng.randn(4), {'eps': 1e-4}


def example_batchnorm_alt():
    rng = np.random.RandomState(235)
    return 2 * rng.randn(7, 3) - 1, rng.randn(3), rng.randn(3), 1e-5


def example_affine_bn_relu():
    rng = np.random.RandomState(236)
    return rng.randn(6, 5), rng.randn(5, 4), rng.randn(4), rng.randn(4), rng.randn(4), {}


def example_dropout():
    rng = np.random.RandomState(237)
    return rng.randn(5, 6), {'p': 0.6, 'mode': 'train', 'seed': 123}


def example_svm_loss():
    rng = np.random.RandomState(238)
    return rng.randn(6, 4), np.array([0, 3, 1, 1, 2, 0])


def example_softmax_loss():
    rng = np.random.RandomState(239)
    return rng.randn(5, 4), np.array([3, 0, 1, 1, 2])
