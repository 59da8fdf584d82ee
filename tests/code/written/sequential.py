"""A small deep-learning library: layers with forward and backward."""

import numpy as np


class Layer:
    def forward(self, x):
        raise NotImplementedError

    def backward(self, grad):
        raise NotImplementedError


class Linear(Layer):
    def __init__(self, n_in, n_out, rng):
        self.W = rng.standard_normal((n_in, n_out)) / np.sqrt(n_in)
        self.b = 0.1 * rng.standard_normal(n_out)

    def forward(self, x):
        self.x = x
        return x @ self.W + self.b

    def backward(self, grad):
        self.dW = self.x.T @ grad
        self.db = grad.sum(axis=0)
        return grad @ self.W.T


class ReLU(Layer):
    def forward(self, x):
        self.mask = x > 0
        return x * self.mask

    def backward(self, grad):
        return grad * self.mask


class Tanh(Layer):
    def forward(self, x):
        self.y = np.tanh(x)
        return self.y

    def backward(self, grad):
        return grad * (1 - self.y**2)


class Dropout(Layer):
    def __init__(self, keep, seed):
        self.keep = keep
        self.seed = seed

    def forward(self, x):
        np.random.seed(self.seed)
        self.mask = np.random.binomial(1, self.keep, size=x.shape) / self.keep
        return x * self.mask

    def backward(self, grad):
        return grad * self.mask


class BatchNorm(Layer):
    def __init__(self, n, rng):
        self.gamma = 1 + 0.2 * rng.standard_normal(n)
        self.beta = 0.2 * rng.standard_normal(n)
        self.running_mean = np.zeros(n)
        self.momentum = 0.9

    def forward(self, x):
        mu = x.mean(axis=0)
        self.running_mean = self.momentum * self.running_mean + (1 - self.momentum) * mu
        self.xc = x - mu
        self.std = np.sqrt(np.mean(self.xc**2, axis=0) + 1e-7)
        self.xn = self.xc / self.std
        return self.gamma * self.xn + self.beta

    def backward(self, grad):
        n = len(grad)
        self.dbeta = grad.sum(axis=0)
        self.dgamma = np.sum(self.xn * grad, axis=0)
        dxn = self.gamma * grad
        dxc = dxn / self.std
        dstd = -np.sum(dxn * self.xc / self.std**2, axis=0)
        dvar = 0.5 * dstd / self.std
        dxc += 2.0 / n * self.xc * dvar
        dmu = -dxc.sum(axis=0)
        dx = dxc + dmu / n
        return dx


class Sequential(Layer):
    def __init__(self, *layers):
        self.layers = list(layers)

    def forward(self, x):
        for layer in self.layers:
            x = layer.forward(x)
        return x

    def backward(self, grad):
        for layer in reversed(self.layers):
            grad = layer.backward(grad)
        return grad


class Residual(Layer):
    def __init__(self, inner):
        self.inner = inner

    def forward(self, x):
        return x + self.inner.forward(x)

    def backward(self, grad):
        return grad + self.inner.backward(grad)


class Embedding(Layer):
    def __init__(self, n, d, rng):
        self.weight = rng.standard_normal((n, d))

    def forward(self, idx):
        self.idx = idx
        return self.weight[idx]

    def backward(self, grad):
        self.weight_grad = np.zeros_like(self.weight)
        np.add.at(self.weight_grad, self.idx, grad)


class SoftmaxCrossEntropy:
    def forward(self, scores, target):
        e = np.exp(scores - scores.max(axis=1, keepdims=True))
        self.prob = e / e.sum(axis=1, keepdims=True)
        self.target = target
        picked = self.prob[np.arange(len(target)), target]
        return -np.log(picked).mean()

    def backward(self):
        grad_scores = self.prob.copy()
        grad_scores[np.arange(len(self.target)), self.target] -= 1
        grad_scores /= len(self.target)
        return grad_scores


class TwoLayerNet:
    """Parameters in a dict, gradients in a dict of the same keys."""

    def __init__(self, sizes, rng):
        D, H, C = sizes
        self.params = {
            "W1": 0.8 * rng.standard_normal((D, H)),
            "b1": 0.1 * rng.standard_normal(H),
            "W2": 0.8 * rng.standard_normal((H, C)),
            "b2": 0.1 * rng.standard_normal(C),
        }
        self.grads = {}
        self.reg = 0.3

    def forward(self, X, y):
        p = self.params
        self.X, self.y = X, y
        self.Z1 = X @ p["W1"] + p["b1"]
        self.A1 = np.maximum(self.Z1, 0)
        self.S = self.A1 @ p["W2"] + p["b2"]
        shifted = self.S - self.S.max(axis=1, keepdims=True)
        logp = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
        self.P = np.exp(logp)
        data_loss = -logp[np.arange(len(y)), y].mean()
        reg_loss = 0.5 * self.reg * (np.sum(p["W1"] ** 2) + np.sum(p["W2"] ** 2))
        return data_loss + reg_loss

    def backward(self):
        p, N = self.params, len(self.y)
        dS = self.P.copy()
        dS[np.arange(N), self.y] -= 1
        dS /= N
        self.grads["W2"] = self.A1.T @ dS + self.reg * p["W2"]
        self.grads["b2"] = dS.sum(0)
        dA1 = dS @ p["W2"].T
        dZ1 = dA1
        dZ1[self.Z1 <= 0] = 0
        self.grads["W1"] = self.X.T @ dZ1 + self.reg * p["W1"]
        self.grads["b1"] = dZ1.sum(0)
        return self.grads


class LSTMCell:
    def __init__(self, D, H, rng):
        self.Wx = rng.standard_normal((D, 4 * H))
        self.Wh = rng.standard_normal((H, 4 * H))
        self.b = rng.standard_normal(4 * H)

    def forward(self, x, h_prev, c_prev):
        A = x @ self.Wx + h_prev @ self.Wh + self.b
        f, g, i, o = np.split(A, 4, axis=1)
        f = 1 / (1 + np.exp(-f))
        g = np.tanh(g)
        i = 1 / (1 + np.exp(-i))
        o = 1 / (1 + np.exp(-o))
        c_next = f * c_prev + g * i
        h_next = o * np.tanh(c_next)
        self.cache = (x, h_prev, c_prev, i, f, g, o, c_next)
        return h_next, c_next

    def backward(self, dh_next, dc_next):
        x, h_prev, c_prev, i, f, g, o, c_next = self.cache
        tanh_c_next = np.tanh(c_next)
        ds = dc_next + (dh_next * o) * (1 - tanh_c_next**2)
        dc_prev = ds * f
        di = ds * g
        df = ds * c_prev
        do = dh_next * tanh_c_next
        dg = ds * i
        di *= i * (1 - i)
        df *= f * (1 - f)
        do *= o * (1 - o)
        dg *= 1 - g**2
        dA = np.hstack((df, dg, di, do))
        self.dWh = h_prev.T @ dA
        self.dWx = x.T @ dA
        self.db = dA.sum(axis=0)
        dx = dA @ self.Wx.T
        dh_prev = dA @ self.Wh.T
        return dx, dh_prev, dc_prev


def example_Linear():
    rng = np.random.default_rng(1)
    return Linear(4, 3, rng), (rng.standard_normal((5, 4)),)


def example_ReLU():
    return ReLU(), (np.random.default_rng(2).standard_normal((3, 4)),)


def example_Dropout():
    return Dropout(0.6, 11), (np.random.default_rng(3).standard_normal((4, 5)),)


def example_BatchNorm():
    rng = np.random.default_rng(4)
    return BatchNorm(3, rng), (rng.normal(2, 3, size=(6, 3)),)


def example_Sequential():
    rng = np.random.default_rng(15)
    net = Sequential(Linear(4, 6, rng), BatchNorm(6, rng), ReLU(), Linear(6, 5, rng), Tanh(), Linear(5, 2, rng))
    return net, (rng.standard_normal((7, 4)),)


def example_Residual():
    rng = np.random.default_rng(6)
    return Residual(Sequential(Linear(3, 5, rng), Tanh(), Linear(5, 3, rng))), (rng.standard_normal((4, 3)),)


def example_Embedding():
    rng = np.random.default_rng(7)
    return Embedding(6, 3, rng), (np.array([[1, 4], [4, 0], [1, 1], [2, 5]]),)


def example_SoftmaxCrossEntropy():
    return SoftmaxCrossEntropy(), (np.random.default_rng(8).standard_normal((5, 4)), np.array([3, 1, 1, 0, 2]))


def example_TwoLayerNet():
    rng = np.random.default_rng(9)
    return TwoLayerNet((4, 5, 3), rng), (rng.standard_normal((6, 4)), np.array([2, 0, 1, 1, 0, 2]))


def example_LSTMCell():
    rng = np.random.default_rng(10)
    return LSTMCell(2, 3, rng), tuple(rng.standard_normal(s) for s in [(4, 2), (4, 3), (4, 3)])
