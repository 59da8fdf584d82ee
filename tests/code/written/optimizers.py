"""Backpropagation through training: unrolled SGD with momentum, RMSprop, Adam, and learned weights of examples."""
import numpy as np


def sgd_unrolled_forward(w0, X, y, lr, momentum, n_steps):
    # ridge-free least squares; returns the last w
    w, v = w0, np.zeros_like(w0)
    ws, vs = [], []
    for _ in range(n_steps):
        ws.append(w)
        g = X.T @ (X @ w - y) / len(y)
        v = momentum * v + g
        vs.append(v)
        w = w - lr * v
    return w, (ws, vs, X, y, lr, momentum)


def sgd_unrolled_backward(dw, cache):
    ws, vs, X, y, lr, momentum = cache
    n = len(y)
    H = X.T @ X / n
    dv = np.zeros_like(dw)
    dlr, dmomentum = 0.0, 0.0
    dX = np.zeros_like(X)
    dy = np.zeros_like(y)
    for t in reversed(range(len(ws))):
        dlr -= dw @ vs[t]
        dv = dv - lr * dw
        v_prev = vs[t - 1] if t > 0 else np.zeros_like(dw)
        dmomentum += dv @ v_prev
        dg = dv
        res = X @ ws[t] - y
        dres = X @ dg / n
        dX += np.outer(res, dg) / n + np.outer(dres, ws[t])
        dy -= dres
        dw = dw + H @ dg
        dv = momentum * dv
    return dw, dX, dy, dlr, dmomentum


def adam_forward(theta0, grads, lr, beta1, beta2, eps):
    """grads: (steps, n), given; returns the parameters after the last step"""
    theta = theta0.copy()
    m = np.zeros_like(theta)
    v = np.zeros_like(theta)
    cache = []
    for t, g in enumerate(grads, start=1):
        m = beta1 * m + (1 - beta1) * g
        v = beta2 * v + (1 - beta2) * g**2
        m_hat = m / (1 - beta1**t)
        v_hat = v / (1 - beta2**t)
        root = np.sqrt(v_hat)
        step = m_hat / (root + eps)
        theta = theta - lr * step
        cache.append((t, g, m_hat, root, step))
    return theta, cache


def adam_backward(dtheta, cache, lr, beta1, beta2, eps):
    dm = np.zeros_like(dtheta)
    dv = np.zeros_like(dtheta)
    dgrads = []
    dlr = 0.0
    for t, g, m_hat, root, step in reversed(cache):
        dlr += -np.sum(dtheta * step)
        dstep = -lr * dtheta
        dm_hat = dstep / (root + eps)
        droot = -dstep * m_hat / (root + eps) ** 2
        dv_hat = droot / (2 * root)
        dm += dm_hat / (1 - beta1**t)
        dv += dv_hat / (1 - beta2**t)
        dg = (1 - beta1) * dm + 2 * (1 - beta2) * g * dv
        dgrads.append(dg)
        dm = beta1 * dm
        dv = beta2 * dv
    dtheta0 = dtheta
    return dtheta0, np.array(dgrads[::-1]), dlr


def rmsprop_fprop(p, g1, g2, g3, lr, rho):
    s1 = (1 - rho) * g1 * g1
    p1 = p - lr * g1 / np.sqrt(s1 + 1e-3)
    s2 = rho * s1 + (1 - rho) * g2 * g2
    p2 = p1 - lr * g2 / np.sqrt(s2 + 1e-3)
    s3 = rho * s2 + (1 - rho) * g3 * g3
    p3 = p2 - lr * g3 / np.sqrt(s3 + 1e-3)
    return p3, (g1, g2, g3, s1, s2, s3, lr, rho)


def rmsprop_bprop(dp3, cache):
    g1, g2, g3, s1, s2, s3, lr, rho = cache
    dp2 = dp3
    dp1 = dp2
    dp = dp1
    r1, r2, r3 = np.sqrt(s1 + 1e-3), np.sqrt(s2 + 1e-3), np.sqrt(s3 + 1e-3)
    ds3 = dp3 * lr * g3 * 0.5 / r3**3
    dg3 = -lr * dp3 / r3 + 2 * (1 - rho) * g3 * ds3
    ds2 = dp2 * lr * g2 * 0.5 / r2**3 + rho * ds3
    dg2 = -lr * dp2 / r2 + 2 * (1 - rho) * g2 * ds2
    ds1 = dp1 * lr * g1 * 0.5 / r1**3 + rho * ds2
    dg1 = -lr * dp1 / r1 + 2 * (1 - rho) * g1 * ds1
    dlr = -np.sum(dp1 * g1 / r1) - np.sum(dp2 * g2 / r2) - np.sum(dp3 * g3 / r3)
    return dp, dg1, dg2, dg3, dlr


def reweight_forward(eps, w, Xtr, ytr, Xva, yva, lr):
    """One step on the weighted training loss, then the validation loss; eps: a logit for each training example."""
    s = np.exp(eps - eps.max())
    a = s / s.sum()
    r = Xtr @ w - ytr
    g = Xtr.T @ (a * r)
    w1 = w - lr * g
    rv = Xva @ w1 - yva
    val_loss = 0.5 * np.mean(rv**2)
    return val_loss, (a, r, rv, Xtr, Xva)


def reweight_backward(cache, lr):
    a, r, rv, Xtr, Xva = cache
    drv = rv / len(rv)
    dw1 = Xva.T @ drv
    dg = -lr * dw1
    u = Xtr @ dg
    da = r * u
    deps = a * (da - a @ da)
    dr = a * u
    dw = dw1 + Xtr.T @ dr
    return deps, dw


def example_sgd_unrolled():
    rng = np.random.default_rng(0)
    return rng.standard_normal(3), rng.standard_normal((5, 3)), rng.standard_normal(5), 0.1, 0.8, 4


def example_adam():
    rng = np.random.default_rng(1)
    return rng.standard_normal(4), rng.standard_normal((3, 4)), 0.1, 0.9, 0.95, 1e-3


def example_rmsprop():
    rng = np.random.default_rng(2)
    return (*rng.standard_normal((4, 5)), 0.05, 0.9)


def example_reweight():
    rng = np.random.default_rng(3)
    return (rng.standard_normal(5), rng.standard_normal(3), rng.standard_normal((5, 3)), rng.standard_normal(5),
            rng.standard_normal((4, 3)), rng.standard_normal(4), 0.3)
