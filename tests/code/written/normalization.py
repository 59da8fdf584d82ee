"""Normalization layers: layer norm (two ways), RMS norm, group norm, spatial batch norm."""

import numpy as np

EPS = 1e-5


def layernorm_forward(x, w, b):
    # x: (B, T, C)
    B, T, C = x.shape
    mean = x.sum(-1, keepdims=True) / C
    xshift = x - mean
    var = (xshift**2).sum(-1, keepdims=True) / C
    rstd = (var + EPS) ** -0.5
    norm = xshift * rstd
    out = norm * w + b
    cache = (x, w, mean, rstd)
    return out, cache


def layernorm_backward(dout, cache):
    x, w, mean, rstd = cache
    # recompute norm, to save memory
    norm = (x - mean) * rstd
    db = dout.sum((0, 1))
    dw = (dout * norm).sum((0, 1))
    dnorm = dout * w
    dx = dnorm - dnorm.mean(-1, keepdims=True) - norm * (dnorm * norm).mean(-1, keepdims=True)
    dx *= rstd
    return dx, dw, db


def ln_forward(x, gamma, beta, ln_param):
    # batch norm of the transpose
    eps = ln_param.get("eps", 1e-5)
    x = x.T
    mu = x.mean(axis=0)
    var = x.var(axis=0)
    std = np.sqrt(var + eps)
    z = (x - mu) / std
    z = z.T
    out = gamma * z + beta
    cache = {"z": z, "gamma": gamma, "std": std}
    return out, cache


def ln_backward(dout, cache):
    z, gamma, std = cache["z"], cache["gamma"], cache["std"]
    dbeta = dout.sum(axis=0)
    dgamma = np.sum(dout * z, axis=0)
    dz = dout * gamma
    D = z.shape[1]
    dx = (1 / D) / std[:, None] * (
        D * dz - np.sum(dz, axis=1)[:, None] - z * np.sum(dz * z, axis=1)[:, None]
    )
    return dx, dgamma, dbeta


def rmsnorm_forward(x, g, eps=1e-6):
    ms = np.mean(x * x, axis=-1, keepdims=True)
    r = 1.0 / np.sqrt(ms + eps)
    y = x * r * g
    return y, (x, r, g)


def rmsnorm_backward(grad_y, cache):
    x, r, g = cache
    n = x.shape[-1]
    grad_g = np.sum(grad_y * x * r, axis=tuple(range(x.ndim - 1)))
    grad_r = np.sum(grad_y * x * g, axis=-1, keepdims=True)
    grad_ms = -0.5 * r**3 * grad_r
    grad_x = grad_y * r * g + 2.0 * x / n * grad_ms
    return grad_x, grad_g


def spatial_groupnorm_forward(x, gamma, beta, G, gn_param):
    """x: (N, C, H, W); gamma, beta: (1, C, 1, 1); G groups of channels"""
    eps = gn_param.get("eps", 1e-5)
    N, C, H, W = x.shape
    size = (N * G, C // G * H * W)
    xg = x.reshape(size)
    mean = np.mean(xg, axis=1, keepdims=True)
    xc = xg - mean
    var = np.mean(xc ** 2, axis=1, keepdims=True)
    std = np.sqrt(var + eps)
    xn = xc / std
    x_hat = xn.reshape(N, C, H, W)
    out = gamma * x_hat + beta
    cache = (G, gamma, xc, std, xn, x_hat)
    return out, cache


def spatial_groupnorm_backward(dout, cache):
    G, gamma, xc, std, xn, x_hat = cache
    N, C, H, W = dout.shape
    M = xn.shape[1]
    dbeta = np.sum(dout, axis=(0, 2, 3), keepdims=True)
    dgamma = np.sum(dout * x_hat, axis=(0, 2, 3), keepdims=True)
    dx_hat = dout * gamma
    dxn = dx_hat.reshape(xn.shape)
    dstd = np.sum(-dxn * xc / std ** 2, axis=1, keepdims=True)
    dvar = dstd / (2 * std)
    dxc = dxn / std + 2.0 / M * xc * dvar
    dmean = -np.sum(dxc, axis=1, keepdims=True)
    dxg = dxc + dmean / M
    dx = dxg.reshape(N, C, H, W)
    return dx, dgamma, dbeta


def batchnorm2d_forward(x, gamma, beta):
    mu = x.mean(axis=(0, 2, 3), keepdims=True)
    var = x.var(axis=(0, 2, 3), keepdims=True)
    inv_std = 1.0 / np.sqrt(var + EPS)
    x_hat = (x - mu) * inv_std
    out = gamma.reshape(1, -1, 1, 1) * x_hat + beta.reshape(1, -1, 1, 1)
    return out, (x, mu, var, inv_std, x_hat, gamma)


def batchnorm2d_backward(dout, cache):
    x, mu, var, inv_std, x_hat, gamma = cache
    axes = (0, 2, 3)
    M = x.shape[0] * x.shape[2] * x.shape[3]
    dgamma = (dout * x_hat).sum(axis=axes)
    dbeta = dout.sum(axis=axes)
    dx_hat = dout * gamma[None, :, None, None]
    # the three of the paper; x - mu has mean zero, so mu reaches var by no path
    dvar = (dx_hat * (x - mu)).sum(axis=axes, keepdims=True) * -0.5 * (var + EPS) ** -1.5
    dmu = (dx_hat * -inv_std).sum(axis=axes, keepdims=True)
    dx = dx_hat * inv_std + dvar * 2 * (x - mu) / M + dmu / M
    return dx, dgamma, dbeta


def example_layernorm():
    rng = np.random.default_rng(0)
    return rng.normal(1.0, 2.0, (2, 3, 5)), rng.normal(size=5), rng.normal(size=5)


def example_ln():
    rng = np.random.default_rng(1)
    return rng.normal(size=(4, 6)), rng.normal(size=6), rng.normal(size=6), {"eps": 1e-4}


def example_rmsnorm():
    rng = np.random.default_rng(2)
    return rng.normal(size=(3, 4, 5)), rng.normal(size=5), 1e-4


def example_spatial_groupnorm():
    rng = np.random.default_rng(3)
    return rng.normal(0.5, 2, (2, 6, 3, 4)), rng.normal(size=(1, 6, 1, 1)), rng.normal(size=(1, 6, 1, 1)), 2, {}


def example_batchnorm2d():
    rng = np.random.default_rng(4)
    return rng.normal(size=(3, 2, 4, 5)), rng.normal(size=2), rng.normal(size=2)
