"""A net with two layers and a softmax, its parameters in a dict; two statements are wrong."""

import numpy as np


def forward(params, X, Y):
    Z1 = np.dot(params["W1"], X) + params["b1"]
    A1 = np.maximum(Z1, 0)
    Z2 = np.dot(params["W2"], A1) + params["b2"]
    E = np.exp(Z2 - Z2.max(axis=0))
    A2 = E / E.sum(axis=0)
    m = X.shape[1]
    cost = -np.sum(Y * np.log(A2)) / m
    return cost, (X, Y, Z1, A1, A2)


def backward(params, cache):
    X, Y, Z1, A1, A2 = cache
    m = X.shape[1]
    grads = {}
    dZ2 = A2 - Y
    grads["W2"] = np.dot(dZ2, A1.T) / m
    grads["b2"] = np.sum(dZ2, axis=1, keepdims=True) / m
    dA1 = np.dot(params["W2"].T, dZ2)
    dZ1 = dA1 * A1
    grads["W1"] = np.dot(dZ1, X.T) / m
    grads["b1"] = np.sum(dA1, axis=1, keepdims=True) / m
    return grads


def example():
    rng = np.random.default_rng(0)
    params = {
        "W1": rng.normal(size=(4, 3)),
        "b1": rng.normal(size=(4, 1)),
        "W2": rng.normal(size=(2, 4)),
        "b2": rng.normal(size=(2, 1)),
    }
    Y = np.eye(2)[:, rng.integers(0, 2, 7)]
    return params, rng.normal(size=(3, 7)), Y
