"""Forward passes that return their backward pass as a function."""

import numpy as np


def affine(x, W, b):
    out = x @ W + b

    def backward(dout):
        dx = dout @ W.T
        dW = x.T @ dout
        db = dout.sum(axis=0)
        return dx, dW, db

    return out, backward


def tanh(x):
    y = np.tanh(x)

    def back(dy):
        return dy * (1 - y**2)

    return y, back


def mlp(x, W1, W2):
    h, back1 = tanh(x @ W1)
    out = h @ W2

    def pullback(dout):
        dW2 = h.T @ dout
        da = back1(dout @ W2.T)
        return da @ W1.T, x.T @ da, dW2

    return out, pullback


def numbers(*shapes):
    r = np.random.default_rng(0)
    return tuple(r.standard_normal(shape) for shape in shapes)


def example_affine():
    return numbers((5, 4), (4, 3), 3)


def example_tanh():
    return numbers((5, 4))


def example_mlp():
    return numbers((5, 4), (4, 3), (3, 2))
