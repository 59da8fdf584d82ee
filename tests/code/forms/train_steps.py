"""Functions that hold both passes, and what a step of training does with the derivatives."""

import numpy as np


def train_step(W, b, x, y, lr):
    y_hat = x @ W + b
    loss = np.mean((y_hat - y) ** 2)
    dy_hat = 2 * (y_hat - y) / y.size
    dW = x.T @ dy_hat
    db = dy_hat.sum(axis=0)
    W = W - lr * dW
    b = b - lr * db
    return W, b, loss


def fit_once(W, x, y, lr):
    p = 1 / (1 + np.exp(-(x @ W)))
    cost = -np.sum(y * np.log(p) + (1 - y) * np.log(1 - p))
    grad = x.T @ (p - y)
    W -= lr * grad
    return cost


def gradients(W1, W2, x, y):
    h = np.tanh(x @ W1)
    out = h @ W2
    loss = 0.5 * np.sum((out - y) ** 2)
    dout = out - y
    dW2 = h.T @ dout
    dh = dout @ W2.T
    dW1 = x.T @ (dh * (1 - h**2))
    return dW1, dW2


class Regression:
    def __init__(self, w, b, lr=0.1):
        self.w, self.b, self.lr = w, b, lr

    def step(self, X, y):
        y_pred = X @ self.w + self.b
        loss = np.mean((y_pred - y) ** 2)
        dw = 2 * X.T @ (y_pred - y) / len(y)
        db = 2 * np.mean(y_pred - y)
        self.w -= self.lr * dw
        self.b -= self.lr * db
        return loss


def numbers(*shapes):
    r = np.random.default_rng(0)
    return tuple(r.standard_normal(shape) for shape in shapes)


def example_train_step():
    return (*numbers((4, 3), 3, (6, 4), (6, 3)), 0.1)


def example_fit_once():
    W, x = numbers((4, 1), (6, 4))
    return W, x, np.array([[0.0], [1], [1], [0], [1], [0]]), 0.1


def example_gradients():
    return numbers((4, 3), (3, 2), (6, 4), (6, 2))


def example_Regression():
    w, b, X, y = numbers(3, (), (6, 3), 6)
    return Regression(w, float(b)), X, y
