"""Batch normalization of images, N×C×H×W, step by step; one statement is wrong."""

import numpy as np

AXES = (0, 2, 3)


def batchnorm_forward(x, gamma, beta, eps=1e-5):
    mu = x.mean(axis=AXES, keepdims=True)
    xmu = x - mu
    var = np.mean(xmu**2, axis=AXES, keepdims=True)
    ivar = 1 / np.sqrt(var + eps)
    xhat = xmu * ivar
    out = gamma[None, :, None, None] * xhat + beta[None, :, None, None]
    return out, (xmu, ivar, xhat, gamma)


def batchnorm_backward(dout, cache):
    xmu, ivar, xhat, gamma = cache
    n = dout.size / dout.shape[1]
    dbeta = dout.sum(axis=AXES)
    dgamma = np.sum(dout * xhat, axis=AXES)
    dxhat = dout * gamma[None, :, None, None]
    divar = np.sum(dxhat * xmu, axis=AXES, keepdims=True)
    dvar = -0.5 * ivar**2 * divar
    dxmu = dxhat * ivar + 2 / n * xmu * dvar
    dmu = -np.sum(dxmu, axis=AXES, keepdims=True)
    dx = dxmu + dmu / n
    return dx, dgamma, dbeta


def example():
    rng = np.random.default_rng(0)
    return rng.normal(size=(3, 4, 2, 5)), rng.normal(size=4), rng.normal(size=4)
