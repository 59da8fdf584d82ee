# Numbers and loops: no vectorisation at all
import math
import numpy as np


def circuit_forward(x, y):
    # f = (x + sigmoid(y)) / (sigmoid(x) + (x + y)^2)
    sigy = 1.0 / (1 + math.exp(-y))
    num = x + sigy
    sigx = 1.0 / (1 + math.exp(-x))
    xpy = x + y
    xpysqr = xpy ** 2
    den = sigx + xpysqr
    invden = 1.0 / den
    f = num * invden
    return f, (sigy, num, sigx, xpy, den, invden)


def circuit_backward(df, cache):
    sigy, num, sigx, xpy, den, invden = cache
    dnum = invden * df
    dinvden = num * df
    dden = (-1.0 / (den ** 2)) * dinvden
    dsigx = dden
    dxpysqr = dden
    dxpy = (2 * xpy) * dxpysqr
    dx = dxpy
    dy = dxpy
    dx += ((1 - sigx) * sigx) * dsigx
    dx += dnum
    dsigy = dnum
    dy += ((1 - sigy) * sigy) * dsigy
    return dx, dy


def neuron(w, x):
    # 2-D neuron with a bias
    dot = w[0] * x[0] + w[1] * x[1] + w[2]
    f = 1.0 / (1 + math.exp(-dot))
    ddot = (1 - f) * f
    dx = [w[0] * ddot, w[1] * ddot]
    dw = [x[0] * ddot, x[1] * ddot, 1.0 * ddot]
    return f, dw, dx


def polynomial_forward(coef, x):
    """Horner, for each x; highest power first"""
    p = np.zeros(len(x))
    trace = []
    for c in coef:
        trace.append(p)
        p = p * x + c
    return p, (trace, x)


def polynomial_backward(dp, cache):
    trace, x = cache
    dcoef = np.zeros(len(trace))
    dx = np.zeros(len(x))
    for k in range(len(trace) - 1, -1, -1):
        dcoef[k] = np.sum(dp)
        dx += dp * trace[k]
        dp = dp * x
    return dcoef, dx


def dense_loops_forward(x, W, b):
    n, d = x.shape
    m = W.shape[1]
    y = np.zeros((n, m))
    for i in range(n):
        for j in range(m):
            s = b[j]
            for k in range(d):
                s += x[i, k] * W[k, j]
            y[i, j] = math.tanh(s)
    return y, (x, W, y)


def dense_loops_backward(dy, cache):
    x, W, y = cache
    n, d = x.shape
    m = W.shape[1]
    dx = np.zeros((n, d))
    dW = np.zeros((d, m))
    db = np.zeros(m)
    for i in range(n):
        for j in range(m):
            ds = dy[i, j] * (1 - y[i, j] ** 2)
            db[j] += ds
            for k in range(d):
                dW[k, j] += x[i, k] * ds
                dx[i, k] += W[k, j] * ds
    return dx, dW, db


def linear_regression(X, y, theta0, theta):
    """Gradient descent lecture: the cost (1 / 2m) sum of squares"""
    m = len(y)
    cost = 0.0
    dtheta0 = 0.0
    dtheta = np.zeros_like(theta)
    for i in range(m):
        h = theta0
        for j in range(len(theta)):
            h += theta[j] * X[i, j]
        cost += (h - y[i]) ** 2
        dtheta0 += h - y[i]
        for j in range(len(theta)):
            dtheta[j] += (h - y[i]) * X[i, j]
    cost /= 2 * m
    dtheta0 /= m
    dtheta /= m
    return cost, {"theta0": dtheta0, "theta": dtheta}


def pendulum_forward(q0, p0, length, dt, n):
    # symplectic Euler; a physicist's adjoint
    g = 9.81
    qs, ps = [q0], [p0]
    for t in range(n):
        p = ps[t] - dt * g / length * math.sin(qs[t])
        q = qs[t] + dt * p
        ps.append(p)
        qs.append(q)
    return qs[-1], ps[-1], (qs, ps, length, dt)


def pendulum_backward(dq, dp, cache):
    qs, ps, length, dt = cache
    g = 9.81
    dlength = 0.0
    ddt = 0.0
    for t in range(len(qs) - 2, -1, -1):
        p = ps[t + 1]
        dp = dp + dt * dq
        ddt += p * dq
        ddt -= g / length * math.sin(qs[t]) * dp
        dlength += dt * g / length ** 2 * math.sin(qs[t]) * dp
        dq = dq - dt * g / length * math.cos(qs[t]) * dp
    return dq, dp, dlength, ddt


def example_circuit():
    return 3.0, -4.0


def example_neuron():
    return [2.0, -3.0, -3.0], [-1.0, -2.0]


def example_polynomial():
    return np.array([0.5, -1.0, 2.0, 0.3]), np.array([0.7, -1.2, 1.5])


def example_dense_loops():
    rng = np.random.default_rng(0)
    return rng.standard_normal((4, 3)), rng.standard_normal((3, 2)), rng.standard_normal(2)


def example_linear_regression():
    rng = np.random.default_rng(1)
    return rng.standard_normal((6, 3)), rng.standard_normal(6), 0.4, rng.standard_normal(3)


def example_pendulum():
    return 0.9, -0.4, 1.7, 0.1, 4
