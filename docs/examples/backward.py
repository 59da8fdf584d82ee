import numpy as np


def forward(x, gamma, beta):
    xc = x - x.mean(axis=0)
    s = np.sqrt((xc**2).mean(axis=0) + 1e-5)
    xhat = xc / s
    return gamma * xhat + beta, (xc, s, xhat, gamma)


def backward(dout, cache):
    xc, s, xhat, gamma = cache
    dgamma = (dout * xhat).sum(axis=0)
    dbeta = dout.sum(axis=0)
    dxhat = dout * gamma
    ds = -(dxhat * xc).sum(axis=0) / s
    dxc = dxhat / s + ds * xc / (len(xc) * s)
    dx = dxc - dxc.mean(axis=0)
    return dx, dgamma, dbeta
