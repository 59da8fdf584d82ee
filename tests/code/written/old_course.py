"""Machine learning course, exercises 4 and 5: everything is written with deltas, as in the lecture notes."""
import numpy as np


def sigmoid(z):
    return 1.0 / (1.0 + np.exp(-z))


def sigmoidGradient(z):
    g = sigmoid(z)
    return g * (1 - g)


def nnCostFunction(nn_params, input_layer_size, hidden_layer_size, num_labels, X, y, lambda_):
    # unroll
    Theta1 = nn_params[:hidden_layer_size * (input_layer_size + 1)].reshape(hidden_layer_size, input_layer_size + 1)
    Theta2 = nn_params[hidden_layer_size * (input_layer_size + 1):].reshape(num_labels, hidden_layer_size + 1)
    m = X.shape[0]
    Y = np.eye(num_labels)[y]

    a1 = np.hstack([np.ones((m, 1)), X])
    z2 = a1 @ Theta1.T
    a2 = np.hstack([np.ones((m, 1)), sigmoid(z2)])
    z3 = a2 @ Theta2.T
    a3 = sigmoid(z3)

    J = np.sum(-Y * np.log(a3) - (1 - Y) * np.log(1 - a3)) / m
    J += lambda_ / (2 * m) * (np.sum(Theta1[:, 1:] ** 2) + np.sum(Theta2[:, 1:] ** 2))

    # deltas are of the sum over the examples, 1 / m comes at the end
    delta3 = a3 - Y
    delta2 = (delta3 @ Theta2)[:, 1:] * sigmoidGradient(z2)
    Theta1_grad = delta2.T @ a1 / m
    Theta2_grad = delta3.T @ a2 / m
    Theta1_grad[:, 1:] += lambda_ / m * Theta1[:, 1:]
    Theta2_grad[:, 1:] += lambda_ / m * Theta2[:, 1:]

    grad = np.concatenate([Theta1_grad.ravel(), Theta2_grad.ravel()])
    return J, grad


def quadratic_net_forward(x, w1, b1, w2, b2, w3, b3, t):
    # Nielsen's notation: sums over layers, one cost 1/2 |a - t|^2 for each column
    z1 = w1 @ x + b1
    a1 = sigmoid(z1)
    z2 = w2 @ a1 + b2
    a2 = sigmoid(z2)
    z3 = w3 @ a2 + b3
    a3 = sigmoid(z3)
    C = 0.5 * np.sum((a3 - t) ** 2)
    return C, (x, z1, a1, z2, a2, z3, a3, w2, w3, t)


def quadratic_net_backward(cache):
    x, z1, a1, z2, a2, z3, a3, w2, w3, t = cache
    delta_z3 = (a3 - t) * sigmoidGradient(z3)
    delta_z2 = (w3.T @ delta_z3) * sigmoidGradient(z2)
    delta_z1 = (w2.T @ delta_z2) * sigmoidGradient(z1)
    nabla = {
        "w1": delta_z1 @ x.T, "b1": delta_z1.sum(axis=1, keepdims=True),
        "w2": delta_z2 @ a1.T, "b2": delta_z2.sum(axis=1, keepdims=True),
        "w3": delta_z3 @ a2.T, "b3": delta_z3.sum(axis=1, keepdims=True),
    }
    return nabla


def cofiCostFunc(X, Theta, Y, R, lambda_):
    # collaborative filtering: Y is movies x users, R says what was rated
    E = (X @ Theta.T - Y) * R
    J = 0.5 * np.sum(E ** 2) + lambda_ / 2 * np.sum(Theta ** 2) + lambda_ / 2 * np.sum(X ** 2)
    X_grad = E @ Theta + lambda_ * X
    Theta_grad = E.T @ X + lambda_ * Theta
    return J, X_grad, Theta_grad


def softmax_regression(theta, data, labels, decay):
    """UFLDL: columns are examples, theta is classes x features"""
    numCases = data.shape[1]
    groundTruth = np.zeros((theta.shape[0], numCases))
    groundTruth[labels, np.arange(numCases)] = 1
    M = theta @ data
    M = M - M.max(axis=0)
    p = np.exp(M) / np.exp(M).sum(axis=0)
    cost = -1 / numCases * np.sum(groundTruth * np.log(p)) + decay / 2 * np.sum(theta ** 2)
    theta_grad = -1 / numCases * (groundTruth - p) @ data.T + decay * theta
    return cost, theta_grad


def sparse_autoencoder(W1, W2, b1, b2, data, decay, rho, beta):
    m = data.shape[1]
    z2 = W1 @ data + b1[:, None]
    a2 = sigmoid(z2)
    z3 = W2 @ a2 + b2[:, None]
    a3 = sigmoid(z3)
    rho_hat = a2.mean(axis=1)
    kl = np.sum(rho * np.log(rho / rho_hat) + (1 - rho) * np.log((1 - rho) / (1 - rho_hat)))
    cost = 0.5 / m * np.sum((a3 - data) ** 2) + decay / 2 * (np.sum(W1 ** 2) + np.sum(W2 ** 2)) + beta * kl

    sparsity_delta = -rho / rho_hat + (1 - rho) / (1 - rho_hat)
    delta3 = (a3 - data) * a3 * (1 - a3)
    delta2 = (W2.T @ delta3 + beta * sparsity_delta[:, None]) * a2 * (1 - a2)
    W1grad = delta2 @ data.T / m + decay * W1
    W2grad = delta3 @ a2.T / m + decay * W2
    b1grad = delta2.sum(axis=1) / m
    b2grad = delta3.sum(axis=1) / m
    return cost, W1grad, W2grad, b1grad, b2grad


def example_nnCostFunction():
    np.random.seed(0)
    return np.random.randn(5 * 4 + 3 * 6), 3, 5, 3, np.random.randn(7, 3), np.array([0, 2, 1, 1, 0, 2, 2]), 0.8


def example_quadratic_net():
    np.random.seed(1)
    return (np.random.randn(3, 6), np.random.randn(4, 3), np.random.randn(4, 1), np.random.randn(5, 4),
            np.random.randn(5, 1), np.random.randn(2, 5), np.random.randn(2, 1), np.random.rand(2, 6))


def example_cofiCostFunc():
    np.random.seed(2)
    return np.random.randn(5, 3), np.random.randn(4, 3), np.random.randint(1, 6, (5, 4)), np.random.rand(5, 4) > 0.4, 1.5


def example_softmax_regression():
    np.random.seed(3)
    return np.random.randn(4, 3), np.random.randn(3, 6), np.array([0, 3, 1, 1, 2, 0]), 0.1


def example_sparse_autoencoder():
    np.random.seed(4)
    return (np.random.randn(3, 5), np.random.randn(5, 3), np.random.randn(3), np.random.randn(5), np.random.rand(5, 6),
            0.01, 0.2, 0.5)
