"""Two statements as formulas: what is the same, and what only looks it."""

import pytest

from tinyad.code.same_formula import same_formula

SAME = [
    ("dv = ds / (2 * s)", "dv = ds / s / 2"),
    ("dv = ds / (2 * s)", "dv = 0.5 * ds / s"),
    ("dv = ds / (2 * s)", "dv = 1 / 2 / s * ds"),
    ("x = a * b * c", "x = c * (b * a)"),
    ("x = a + b - c", "x = -c + (b + a)"),
    ("x = -(a - b)", "x = b - a"),
    ("x = c * -(a - b)", "x = c * (b - a)"),
    ("x = 2 * (a + b)", "x = (a + b) * 2"),
    ("dW = np.dot(X.T, dZ)", "dW = X.T.dot(dZ)"),
    ("dW = np.dot(X.T, dZ)", "dW = X.T @ dZ"),
    ("dW = np.matmul(X.T, dZ) / N", "dW = X.T @ (dZ / N)"),
    ("dW = 1 / m * np.dot(dZ, A.T)", "dW = np.dot(dZ, A.T) / m"),
    ("dW = (a @ b) @ c", "dW = a @ (b @ c)"),
    ("dW = (a @ b).T", "dW = b.T @ a.T"),
    ("dW = a.T.T", "dW = a"),
    ("dW = np.transpose(a)", "dW = a.T"),
    ("dZ = np.multiply(dA, A > 0)", "dZ = (A > 0) * dA"),
    ("dZ = dA * (0 < A)", "dZ = dA * (A > 0)"),
    ("db = np.sum(dZ, axis=0)", "db = dZ.sum(axis=0)"),
    ("db = np.sum(dZ, axis=0)", "db = dZ.sum(0)"),
    ("db = np.sum(dZ, 0)", "db = dZ.sum(0)"),
    ("db = np.sum(dZ, axis=1, keepdims=1)", "db = dZ.sum(1, keepdims=True)"),
    ("db = np.sum(dZ)", "db = dZ.sum(axis=None, keepdims=False)"),
    ("db = -np.sum(2 * x, axis=0)", "db = -2 * x.sum(axis=0)"),
    ("db = (x / N).sum(axis=0)", "db = x.sum(axis=0) / N"),
    ("v = (xc ** 2).mean(axis=0)", "v = np.mean(xc * xc, axis=0)"),
    ("v = np.square(xc)", "v = xc ** 2"),
    ("v = a * (v + eps) ** -0.5", "v = a / np.sqrt(eps + v)"),
    ("v = a / s ** 2", "v = a / s / s"),
    ("g['W'] = a", 'g["W"] = a'),
    ("x[:H] = a", "x[0:H] = a"),
    ("x = a[2 * H :]", "x = a[H * 2:]"),
    ("dW += a", "dW = dW + a"),
    ("dW -= a / 2", "dW += -0.5 * a"),
    ("return dX, dW", "return (dX, dW)"),
    ("np.add.at(dC, ix, d)", "numpy.add.at(dC, ix, d)"),
    ("np.subtract.at(dC, ix, d)", "np.add.at(dC, ix, -d)"),
    ("dW = np.outer(2 * a, b)", "dW = 2 * np.outer(a, b)"),
    ("dx = (dy *\n      s)", "dx = dy * s"),
]
DIFFERENT = [
    ("dv = ds / (2 * s)", "dv = ds / s"),
    ("dv = ds / 2 * s", "dv = ds / (2 * s)"),
    ("dv = a - b", "dv = b - a"),
    ("dv = a + b", "dv = a - b"),
    ("dW = X.T @ dZ", "dW = dZ @ X.T"),
    ("dW = X.T @ dZ", "dW = X @ dZ"),
    ("dW = X.T @ dZ", "dW = X.T * dZ"),
    ("dW = (a * b) @ c", "dW = a * (b @ c)"),
    ("db = dZ.sum(axis=0)", "db = dZ.sum(axis=1)"),
    ("db = dZ.sum(axis=0)", "db = dZ.sum()"),
    ("db = dZ.sum(axis=0)", "db = dZ.mean(axis=0)"),
    ("db = dZ.sum(axis=0)", "db = dZ.sum(axis=0, keepdims=True)"),
    ("dZ = dA * (A > 0)", "dZ = dA * (A >= 0)"),
    ("dZ = dA * (A > 0)", "dZ = dA * (A < 0)"),
    ("dZ = dA * (A > 0)", "dZ = dA * (Z > 0)"),
    ("dh = d * (1 - h ** 2)", "dh = d * (1 - h)"),
    ("dh = d * s ** -0.5", "dh = d * s ** -1.5"),
    ("x = a[t]", "x = a[t - 1]"),
    ("x = a[:H]", "x = a[H:]"),
    ("dW = a", "dW += a"),
    ("dW = a", "dV = a"),
    ("return dX, dW", "return dW, dX"),
    ("dC[ix] += d", "np.add.at(dC, ix, d)"),
    ("dW = np.outer(a, b)", "dW = np.outer(b, a)"),
    ("x = a", "x = )"),
    ("x = (a", "x = (a"),
    ("x = f(a, b)", "x = f(b, a)"),
    ("x = a ** b", "x = b ** a"),
    ("x = -a ** 0.5", "x = (-a) ** 0.5"),
]


@pytest.mark.parametrize(("one", "two"), SAME)
def test_the_same_formula(one, two):
    assert same_formula(one, two)
    assert same_formula(two, one)


@pytest.mark.parametrize(("one", "two"), DIFFERENT)
def test_another_formula(one, two):
    assert not same_formula(one, two)
    assert not same_formula(two, one)
