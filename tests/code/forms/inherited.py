"""Passes that a class inherits, and abstract ones."""

from abc import ABC, abstractmethod

import numpy as np


class Layer(ABC):
    @abstractmethod
    def forward(self, x): ...

    @abstractmethod
    def backward(self, dout): ...

    def __call__(self, x):
        return self.forward(x)


class Activation(Layer):
    def forward(self, x):
        self.x = x
        return self.f(x)

    def backward(self, dout):
        return dout * self.df(self.x)


class Tanh(Activation):
    def f(self, x):
        return np.tanh(x)

    def df(self, x):
        return 1 - np.tanh(x) ** 2


class Base:
    def forward(self, x):
        self.x = x
        return x @ self.W

    def backward(self, dout):
        self.dW = self.x.T @ dout
        return dout @ self.W.T


class Projection(Base):
    def __init__(self, W):
        self.W = W


class Biased(Base):
    def __init__(self, W, b):
        self.W, self.b = W, b

    def forward(self, x):
        return super().forward(x) + self.b

    def backward(self, dout):
        self.db = dout.sum(axis=0)
        return super().backward(dout)


class Called:
    def __init__(self, W):
        self.W = W

    def __call__(self, x):
        self.x = x
        return x @ self.W

    def backward(self, dout):
        self.dW = self.x.T @ dout
        return dout @ self.W.T


def numbers(*shapes):
    r = np.random.default_rng(0)
    return tuple(r.standard_normal(shape) for shape in shapes)


def example_Tanh():
    return Tanh(), *numbers((5, 4))


def example_Projection():
    W, x = numbers((4, 3), (5, 4))
    return Projection(W), x


def example_Biased():
    W, b, x = numbers((4, 3), 3, (5, 4))
    return Biased(W, b), x


def example_Called():
    W, x = numbers((4, 3), (5, 4))
    return Called(W), x
