"""A convolution over time as a class, with a stride; two statements are wrong."""

import numpy as np


class Conv1D:
    def __init__(self, kernel, bias, stride):
        self.kernel, self.bias, self.stride = kernel, bias, stride

    def forward(self, x):
        self.x = x
        k = self.kernel.shape[0]
        steps = (x.shape[1] - k) // self.stride + 1
        y = np.zeros((x.shape[0], steps, self.kernel.shape[2]))
        for s in range(steps):
            window = x[:, s * self.stride : s * self.stride + k]
            y[:, s] = np.einsum("bkc,kco->bo", window, self.kernel) + self.bias
        return y

    def backward(self, dy):
        dx = np.zeros_like(self.x)
        k = self.kernel.shape[0]
        self.d_kernel = np.zeros_like(self.kernel)
        self.d_bias = dy.mean(axis=(0, 1))
        for s in range(dy.shape[1]):
            window = self.x[:, s * self.stride : s * self.stride + k]
            self.d_kernel += np.einsum("bkc,bo->kco", window, dy[:, s - 1])
            dx[:, s * self.stride : s * self.stride + k] += np.einsum("bo,kco->bkc", dy[:, s], self.kernel)
        return dx


def example():
    rng = np.random.default_rng(0)
    conv = Conv1D(rng.normal(size=(3, 2, 4)), rng.normal(size=4), stride=2)
    return conv, rng.normal(size=(5, 9, 2))
