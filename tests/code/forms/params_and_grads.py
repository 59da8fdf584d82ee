"""Layers whose parameters and gradients are lists, filled in place."""

import numpy as np


class MatMul:
    def __init__(self, W):
        self.params = [W]
        self.grads = [np.zeros_like(W)]
        self.x = None

    def forward(self, x):
        (W,) = self.params
        out = np.dot(x, W)
        self.x = x
        return out

    def backward(self, dout):
        (W,) = self.params
        dx = np.dot(dout, W.T)
        dW = np.dot(self.x.T, dout)
        self.grads[0][...] = dW
        return dx


class Affine:
    def __init__(self, W, b):
        self.params = [W, b]
        self.grads = [np.zeros_like(W), np.zeros_like(b)]
        self.x = None

    def forward(self, x):
        W, b = self.params
        out = np.dot(x, W) + b
        self.x = x
        return out

    def backward(self, dout):
        W, b = self.params
        dx = np.dot(dout, W.T)
        dW = np.dot(self.x.T, dout)
        db = np.sum(dout, axis=0)
        self.grads[0][...] = dW
        self.grads[1][...] = db
        return dx


class Direct:
    def __init__(self, W, b):
        self.params, self.grads = [W, b], []

    def forward(self, x):
        self.x = x
        return x @ self.params[0] + self.params[1]

    def backward(self, dout):
        self.grads = [self.x.T @ dout, dout.sum(axis=0)]
        return dout @ self.params[0].T


class SoftmaxWithLoss:
    def __init__(self):
        self.params, self.grads = [], []
        self.y = None
        self.t = None

    def forward(self, x, t):
        self.t = t
        self.y = np.exp(x - x.max(axis=1, keepdims=True))
        self.y /= self.y.sum(axis=1, keepdims=True)
        batch_size = len(x)
        loss = -np.sum(np.log(self.y[np.arange(batch_size), self.t])) / batch_size
        return loss

    def backward(self, dout=1):
        batch_size = self.t.shape[0]
        dx = self.y.copy()
        dx[np.arange(batch_size), self.t] -= 1
        dx *= dout
        dx = dx / batch_size
        return dx


class Embedding:
    def __init__(self, W):
        self.params = [W]
        self.grads = [np.zeros_like(W)]
        self.idx = None

    def forward(self, idx):
        (W,) = self.params
        self.idx = idx
        out = W[idx]
        return out

    def backward(self, dout):
        (dW,) = self.grads
        dW[...] = 0
        np.add.at(dW, self.idx, dout)


class Linear:
    def __init__(self, W, b):
        self.weight, self.bias = W, b
        self.weight_grad = np.zeros_like(W)
        self.bias_grad = np.zeros_like(b)

    def __call__(self, x):
        self.in_data = x
        return x @ self.weight + self.bias

    def backward(self, grad_output):
        self.weight_grad[:] = self.in_data.T @ grad_output
        self.bias_grad += grad_output.sum(axis=0)
        in_grad = grad_output @ self.weight.T
        return in_grad


def layer(cls):
    r = np.random.default_rng(0)
    return cls(r.standard_normal((4, 3)), r.standard_normal(3)), r.standard_normal((5, 4))


def example_MatMul():
    r = np.random.default_rng(0)
    return MatMul(r.standard_normal((4, 3))), r.standard_normal((5, 4))


def example_Affine():
    return layer(Affine)


def example_Direct():
    return layer(Direct)


def example_SoftmaxWithLoss():
    return SoftmaxWithLoss(), np.random.default_rng(0).standard_normal((5, 3)), np.array([0, 2, 1, 1, 0])


def example_Embedding():
    return Embedding(np.random.default_rng(0).standard_normal((6, 3))), np.array([1, 4, 1, 0])


def example_Linear():
    return layer(Linear)
