"""Classes and functions that train, whose derivatives are local names: with a loss, with labels alone, in loops."""

import numpy as np


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


def logistic_loops(X, y, w, b):
    m, n = X.shape
    cost = 0.0
    dj_dw = np.zeros(n)
    dj_db = 0.0
    for i in range(m):
        f = sigmoid(np.dot(X[i], w) + b)
        cost += -y[i] * np.log(f) - (1 - y[i]) * np.log(1 - f)
        err = f - y[i]
        for j in range(n):
            dj_dw[j] += err * X[i, j]
        dj_db += err
    cost = cost / m
    dj_dw /= m
    dj_db /= m
    return dj_dw, dj_db


def compute_cost(X, y, w, b):
    m = len(y)
    total = 0.0
    for i in range(m):
        total += (np.dot(X[i], w) + b - y[i]) ** 2
    return total / (2 * m)


def compute_gradient(X, y, w, b):
    m, n = X.shape
    dj_dw = np.zeros((n,))
    dj_db = 0.0
    for i in range(m):
        err = (np.dot(X[i], w) + b) - y[i]
        for j in range(n):
            dj_dw[j] = dj_dw[j] + err * X[i, j]
        dj_db = dj_db + err
    dj_dw = dj_dw / m
    dj_db = dj_db / m
    return dj_db, dj_dw


class LogisticRegression:
    def __init__(self, learning_rate=0.1, n_iters=3):
        self.lr = learning_rate
        self.n_iters = n_iters
        self.weights = None
        self.bias = None

    def fit(self, X, y):
        n_samples, n_features = X.shape
        self.weights = np.zeros(n_features)
        self.bias = 0.0
        for _ in range(self.n_iters):
            linear_model = np.dot(X, self.weights) + self.bias
            y_predicted = sigmoid(linear_model)
            dw = (1 / n_samples) * np.dot(X.T, (y_predicted - y))
            db = (1 / n_samples) * np.sum(y_predicted - y)
            self.weights -= self.lr * dw
            self.bias -= self.lr * db


def gradient_descent(X, y, theta, alpha, iterations):
    m = len(y)
    history = []
    for i in range(iterations):
        h = X @ theta
        error = h - y
        cost = (1 / (2 * m)) * np.sum(error**2)
        gradient = (1 / m) * X.T @ error
        theta = theta - alpha * gradient
        history.append(cost)
    return theta, history


def momentum_step(W, v, x, y, lr, mu):
    out = x @ W
    loss = np.sum((out - y) ** 2)
    dout = 2 * (out - y)
    dW = x.T @ dout
    v = mu * v - lr * dW
    W += v
    return W, v, loss


def adam_step(W, m, v, x, y, t, lr):
    out = np.tanh(x @ W)
    loss = np.mean((out - y) ** 2)
    dout = 2 * (out - y) / out.size
    dz = dout * (1 - out**2)
    dW = x.T @ dz
    m = 0.9 * m + 0.1 * dW
    v = 0.999 * v + 0.001 * dW**2
    m_hat = m / (1 - 0.9**t)
    v_hat = v / (1 - 0.999**t)
    W = W - lr * m_hat / (np.sqrt(v_hat) + 1e-8)
    return W, m, v, loss


def delta_step(w, x, y, lr):
    out = x @ w
    loss = 0.5 * np.sum((out - y) ** 2)
    grad_w = x.T @ (out - y)
    delta_w = -lr * grad_w
    w += delta_w
    return loss


def sgd(data, w, b, epochs, lr):
    xs, ys = data
    for epoch in range(epochs):
        dw, db = 0.0, 0.0
        loss = 0.0
        for x, y in zip(xs, ys):
            pred = w * x + b
            loss += (pred - y) ** 2
            dw += 2 * (pred - y) * x
            db += 2 * (pred - y)
        w -= lr * dw / len(xs)
        b -= lr * db / len(xs)
    return w, b


class MLP:
    def __init__(self, n_in, n_hidden, n_out, lr=0.1):
        r = np.random.default_rng(0)
        self.W1 = r.standard_normal((n_in, n_hidden))
        self.b1 = np.zeros((1, n_hidden))
        self.W2 = r.standard_normal((n_hidden, n_out))
        self.b2 = np.zeros((1, n_out))
        self.lr = lr

    def forward(self, X):
        self.z1 = X @ self.W1 + self.b1
        self.a1 = np.tanh(self.z1)
        self.z2 = self.a1 @ self.W2 + self.b2
        self.a2 = sigmoid(self.z2)
        return self.a2

    def backward(self, X, y, output):
        m = X.shape[0]
        dz2 = output - y
        dW2 = self.a1.T @ dz2 / m
        db2 = np.sum(dz2, axis=0, keepdims=True) / m
        da1 = dz2 @ self.W2.T
        dz1 = da1 * (1 - self.a1**2)
        dW1 = X.T @ dz1 / m
        db1 = np.sum(dz1, axis=0, keepdims=True) / m
        self.W2 -= self.lr * dW2
        self.b2 -= self.lr * db2
        self.W1 -= self.lr * dW1
        self.b1 -= self.lr * db1

    def train(self, X, y, epochs):
        for epoch in range(epochs):
            output = self.forward(X)
            self.backward(X, y, output)


class NeuralNetwork:
    def __init__(self, x, y):
        r = np.random.default_rng(0)
        self.input = x
        self.weights1 = r.random((self.input.shape[1], 4))
        self.weights2 = r.random((4, 1))
        self.y = y
        self.output = np.zeros(self.y.shape)

    def feedforward(self):
        self.layer1 = sigmoid(np.dot(self.input, self.weights1))
        self.output = sigmoid(np.dot(self.layer1, self.weights2))

    def backprop(self):
        d_output = 2 * (self.y - self.output) * self.output * (1 - self.output)
        d_weights2 = np.dot(self.layer1.T, d_output)
        d_weights1 = np.dot(self.input.T, np.dot(d_output, self.weights2.T) * self.layer1 * (1 - self.layer1))
        self.weights1 += d_weights1
        self.weights2 += d_weights2


def numbers(*shapes):
    r = np.random.default_rng(0)
    return tuple(r.standard_normal(shape) for shape in shapes)


Y = np.array([0.0, 1, 1, 0, 1, 1])


def example_logistic_loops():
    X, w = numbers((6, 3), 3)
    return X, Y, w, 0.3


def example_compute():
    X, y, w = numbers((6, 3), 6, 3)
    return X, y, w, 0.3


def example_LogisticRegression():
    return LogisticRegression(), numbers((6, 3))[0], Y


def example_gradient_descent():
    return (*numbers((6, 3), 6, 3), 0.1, 4)


def example_momentum_step():
    return (*numbers((4, 3), (4, 3), (6, 4), (6, 3)), 0.1, 0.9)


def example_adam_step():
    W, m, v, x, y = numbers((4, 3), (4, 3), (4, 3), (6, 4), (6, 3))
    return W, m, v**2, x, y, 2, 0.1


def example_delta_step():
    return (*numbers(3, (6, 3), 6), 0.1)


def example_sgd():
    return (numbers(6, 6), 0.4, -0.2, 3, 0.1)


def example_MLP():
    return MLP(3, 4, 2), numbers((6, 3))[0]


def example_NeuralNetwork():
    return NeuralNetwork(numbers((6, 3))[0], Y.reshape(6, 1)), ()
