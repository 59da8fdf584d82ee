"""Week 3 assignment: a planar classifier with one hidden layer.
Examples are columns. The 1/m sits in the gradients of the parameters, dZ2 and dZ1 are without it."""
import numpy as np

def sigmoid(z):
    s = 1 / (1 + np.exp(-z))
    return s

def forward(X, Y, parameters):
    W1 = parameters["W1"]
    b1 = parameters["b1"]
    W2 = parameters["W2"]
    b2 = parameters["b2"]
    m = Y.shape[1]

    Z1 = np.dot(W1, X) + b1
    A1 = np.tanh(Z1)
    Z2 = np.dot(W2, A1) + b2
    A2 = sigmoid(Z2)

    logprobs = np.multiply(np.log(A2), Y) + np.multiply(np.log(1 - A2), 1 - Y)
    cost = -np.sum(logprobs) / m

    cache = {"Z1": Z1, "A1": A1, "Z2": Z2, "A2": A2}
    return cost, cache

def backward(X, Y, parameters, cache):
    m = X.shape[1]

    W1 = parameters["W1"]
    W2 = parameters["W2"]
    A1 = cache["A1"]
    A2 = cache["A2"]

    dZ2 = A2 - Y
    dW2 = (1 / m) * np.dot(dZ2, A1.T)
    db2 = (1 / m) * np.sum(dZ2, axis=1, keepdims=True)
    dZ1 = np.dot(W2.T, dZ2) * (1 - np.power(A1, 2))
    dW1 = (1 / m) * np.dot(dZ1, X.T)
    db1 = (1 / m) * np.sum(dZ1, axis=1, keepdims=True)

    grads = {"dW1": dW1,
             "db1": db1,
             "dW2": dW2,
             "db2": db2}
    return grads

def example():
    np.random.seed(2)
    parameters = {"W1": np.random.randn(4, 3) * 0.8,
                  "b1": np.random.randn(4, 1) * 0.3,
                  "W2": np.random.randn(2, 4) * 0.9,
                  "b2": np.random.randn(2, 1) * 0.2}
    X = np.random.randn(3, 7)
    Y = np.array([[0., 1., 1., 0., 1., 0., 0.],
                  [1., 1., 0., 0., 1., 0., 1.]])
    return X, Y, parameters


# ---- the same with L2 regularisation -----------------------------------------------------------

def compute_cost_with_regularization_forward(W1, b1, W2, b2, X, Y, lambd):
    m = X.shape[1]
    Z1 = W1 @ X + b1
    A1 = np.maximum(0, Z1)
    Z2 = W2 @ A1 + b2
    A2 = sigmoid(Z2)
    cross_entropy_cost = -(np.sum(Y * np.log(A2)) + np.sum((1 - Y) * np.log(1 - A2))) / m
    L2_regularization_cost = lambd / (2 * m) * (np.sum(np.square(W1)) + np.sum(np.square(W2)))
    cost = cross_entropy_cost + L2_regularization_cost
    return cost, (Z1, A1, W1, Z2, A2, W2)

def compute_cost_with_regularization_backward(X, Y, cache, lambd):
    m = X.shape[1]
    (Z1, A1, W1, Z2, A2, W2) = cache

    dZ2 = 1. / m * (A2 - Y)
    dW2 = np.dot(dZ2, A1.T) + lambd / m * W2
    db2 = np.sum(dZ2, axis=1, keepdims=True)

    dA1 = np.dot(W2.T, dZ2)
    dZ1 = np.multiply(dA1, np.int64(A1 > 0))
    dW1 = np.dot(dZ1, X.T) + lambd / m * W1
    db1 = np.sum(dZ1, axis=1, keepdims=True)

    return dW1, db1, dW2, db2

def example_compute_cost_with_regularization():
    r = np.random.RandomState(8)
    W1, b1 = r.randn(5, 3), r.randn(5, 1)
    W2, b2 = r.randn(2, 5), r.randn(2, 1)
    X = r.randn(3, 6)
    Y = (r.rand(2, 6) > 0.5).astype(float)
    return W1, b1, W2, b2, X, Y, 0.7


# ---- the same with inverted dropout, the mask is given -----------------------------------------

def dropout_net_forward(X, W1, b1, W2, b2, D1, keep_prob):
    Z1 = np.dot(W1, X) + b1
    A1 = np.maximum(0, Z1)
    A1 = A1 * D1                # shut some neurons down
    A1 = A1 / keep_prob         # scale the others
    Z2 = np.dot(W2, A1) + b2
    A2 = sigmoid(Z2)
    return A2, (X, Z1, A1, W1, b1, Z2, A2, W2, b2)

def dropout_net_backward(dA2, cache, D1, keep_prob):
    (X, Z1, A1, W1, b1, Z2, A2, W2, b2) = cache
    dZ2 = dA2 * A2 * (1 - A2)
    dW2 = np.dot(dZ2, A1.T)
    db2 = np.sum(dZ2, axis=1, keepdims=True)
    dA1 = np.dot(W2.T, dZ2)
    dA1 = dA1 / keep_prob
    dA1 = dA1 * D1
    dZ1 = np.multiply(dA1, np.int64(Z1 > 0))
    dX = np.dot(W1.T, dZ1)
    dW1 = np.dot(dZ1, X.T)
    db1 = np.sum(dZ1, axis=1, keepdims=True)
    return dX, dW1, db1, dW2, db2

def example_dropout_net():
    r = np.random.RandomState(13)
    D1 = r.rand(5, 7) < 0.7
    return r.randn(3, 7), r.randn(5, 3), r.randn(5, 1), r.randn(2, 5), r.randn(2, 1), D1, 0.7
