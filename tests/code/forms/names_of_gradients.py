"""The many names that people give to derivatives."""

import numpy as np


def model_forward(x, W, m, b):
    z = x @ W
    s = z * m
    a = np.tanh(s + b)
    return a, (x, W, m, a, z)


def model_backward(delta, cache):
    x, W, m, a, z = cache
    D_s = delta * (1 - a**2)
    D_b = D_s.sum(axis=0)
    D_m = (D_s * z).sum(axis=0)
    D_z = D_s * m
    W_grad = x.T @ D_z
    grad_x = D_z @ W.T
    return grad_x, W_grad, D_m, D_b


def loss_forward(W, b, X, y):
    y_hat = X @ W + b
    mse = np.mean((y_hat - y) ** 2)
    return mse, (X, y, y_hat)


def loss_backward(cache):
    X, y, y_hat = cache
    dmse_dy_hat = 2 * (y_hat - y) / y.size
    dmse_dW = X.T @ dmse_dy_hat
    dmse_db = dmse_dy_hat.sum(axis=0)
    return dmse_dW, dmse_db


def slope_intercept(m, b, x, y):
    y_pred = m * x + b
    mse = np.mean((y - y_pred) ** 2)
    D_m = (-2 / len(x)) * np.sum(x * (y - y_pred))
    D_b = (-2 / len(x)) * np.sum(y - y_pred)
    return mse, D_m, D_b


def nabla_forward(w, c, x):
    h = x @ w
    f = np.sin(h) * c
    return f, (w, c, x, h)


def nabla_backward(dLdf, cache):
    w, c, x, h = cache
    dJdh = dLdf * c * np.cos(h)
    nabla_c = np.sum(dLdf * np.sin(h), axis=0)
    nabla_w = x.T @ dJdh
    gx = dJdh @ w.T
    return nabla_w, nabla_c, gx


def mlp_forward(X, layers):
    A, cache = X, []
    for layer in layers:
        Z = A @ layer["W"] + layer["b"]
        cache.append((A, Z))
        A = np.tanh(Z)
    return A, cache


def mlp_backward(dA, cache, layers):
    grads = []
    for layer, (A_prev, Z) in zip(reversed(layers), reversed(cache)):
        dZ = dA * (1 - np.tanh(Z) ** 2)
        grads.insert(0, {"W": A_prev.T @ dZ, "b": dZ.sum(axis=0)})
        dA = dZ @ layer["W"].T
    return dA, grads


def numbers(*shapes):
    r = np.random.default_rng(0)
    return tuple(r.standard_normal(shape) for shape in shapes)


def example_model():
    return numbers((5, 4), (4, 3), 3, 3)


def example_loss():
    return numbers((4, 3), 3, (5, 4), (5, 3))


def example_slope_intercept():
    x, y = numbers(6, 6)
    return 0.7, -0.3, x, y


def example_nabla():
    return numbers((4, 3), 3, (5, 4))


def example_mlp():
    X, W1, b1, W2, b2 = numbers((5, 4), (4, 3), 3, (3, 2), 2)
    return X, [{"W": W1, "b": b1}, {"W": W2, "b": b2}]


def loss_and_grads(X, y, W, b):
    """The derivatives are worked out where they are returned, by the names of the parameters."""
    scores = X @ W + b
    p = np.exp(scores - scores.max(axis=1, keepdims=True))
    p /= p.sum(axis=1, keepdims=True)
    n = len(X)
    loss = -np.log(p[np.arange(n), y]).mean()
    d = p.copy()
    d[np.arange(n), y] -= 1
    return loss, {"W": X.T @ d / n, "b": d.sum(axis=0) / n}


def example_loss_and_grads():
    r = np.random.default_rng(8)
    return r.normal(size=(6, 4)), np.array([0, 1, 2, 2, 1, 0]), r.normal(size=(4, 3)), r.normal(size=3)
