"""Files without an example function: the arguments of their own first call, or random ones that fit.

Each source is right as it stands; with one change it is wrong in the changed statement.
"""

import json

import pytest

from tests.support.sampling import sampled
from tinyad.code import shape_hints
from tinyad.code.checking import Options, check_text
from tinyad.code.files import Text, read
from tinyad.code.program import CodeError

DENSE = """
import numpy as np

def dense_forward(X, W, b):
    Z = X @ W + b
    A = np.maximum(0, Z)
    return A, (X, W, Z)

def dense_backward(dA, cache):
    X, W, Z = cache
    dZ = dA * (Z > 0)
    dW = X.T @ dZ
    db = dZ.sum(axis=0)
    dX = dZ @ W.T
    return dX, dW, db
"""

COLUMNS = """
import numpy as np

def hidden_forward(X, params):
    W, b, V, c = params["W"], params["b"], params["V"], params["c"]
    H = np.tanh(np.dot(W, X) + b)
    return np.dot(V, H) + c, (X, H, V)

def hidden_backward(dout, cache):
    X, H, V = cache
    m = X.shape[1]
    dV = np.dot(dout, H.T)
    dc = np.sum(dout, axis=1, keepdims=True)
    dZ = np.dot(V.T, dout) * (1 - H ** 2)
    dW = np.dot(dZ, X.T)
    db = np.sum(dZ, axis=1, keepdims=True)
    return {"W": dW, "b": db, "V": dV, "c": dc}
"""

GATES = """
import numpy as np

def sigmoid(z):
    return 1 / (1 + np.exp(-z))

def cell_forward(x, h, c, Wx, Wh, b):
    H = h.shape[1]
    a = x @ Wx + h @ Wh + b
    f, i, o = sigmoid(a[:, :H]), sigmoid(a[:, H : 2 * H]), sigmoid(a[:, 2 * H : 3 * H])
    g = np.tanh(a[:, 3 * H :])
    c_new = f * c + i * g
    h_new = o * np.tanh(c_new)
    return h_new, c_new, (x, h, c, Wx, Wh, f, i, o, g, c_new)

def cell_backward(dh_new, dc_new, cache):
    x, h, c, Wx, Wh, f, i, o, g, c_new = cache
    dtotal = dc_new + dh_new * o * (1 - np.tanh(c_new) ** 2)
    df = dtotal * c * f * (1 - f)
    di = dtotal * g * i * (1 - i)
    do = dh_new * np.tanh(c_new) * o * (1 - o)
    dg = dtotal * i * (1 - g ** 2)
    da = np.hstack([df, di, do, dg])
    return da @ Wx.T, da @ Wh.T, dtotal * f, x.T @ da, h.T @ da, da.sum(axis=0)
"""

HEADS = """
import numpy as np

def heads_forward(x, W, W_out, n_head):
    B, T, C = x.shape
    q, k, v = np.split(x @ W, 3, axis=-1)
    q, k, v = (z.reshape(B, T, n_head, C // n_head).transpose(0, 2, 1, 3) for z in (q, k, v))
    s = q @ k.transpose(0, 1, 3, 2)
    e = np.exp(s - s.max(axis=-1, keepdims=True))
    p = e / e.sum(axis=-1, keepdims=True)
    y = (p @ v).transpose(0, 2, 1, 3).reshape(B, T, C)
    return y @ W_out, (x, W, W_out, n_head, q, k, v, p, y)

def heads_backward(dout, cache):
    x, W, W_out, n_head, q, k, v, p, y = cache
    B, T, C = x.shape
    dW_out = np.einsum("btc,btd->cd", y, dout)
    dy = dout @ W_out.T
    dz = dy.reshape(B, T, n_head, C // n_head).transpose(0, 2, 1, 3)
    dp = dz @ v.transpose(0, 1, 3, 2)
    dv = p.transpose(0, 1, 3, 2) @ dz
    ds = p * (dp - (dp * p).sum(axis=-1, keepdims=True))
    dq = ds @ k
    dk = ds.transpose(0, 1, 3, 2) @ q
    dqkv = np.concatenate([z.transpose(0, 2, 1, 3).reshape(B, T, C) for z in (dq, dk, dv)], axis=-1)
    dW = np.einsum("btc,btd->cd", x, dqkv)
    dx = dqkv @ W.T
    return dx, dW, dW_out
"""

DOCUMENTED = '''
import numpy as np

def norm_forward(x, gain, shift, p):
    """Layer norm.

    x: array of shape (N, D).  gain: (D,) and shift: (D,).
    p: dict with eps.
    """
    mu = x.mean(axis=1, keepdims=True)
    s = np.sqrt(x.var(axis=1, keepdims=True) + p["eps"])
    y = (x - mu) / s
    return gain * y + shift, (y, s, gain)

def norm_backward(dout, cache):
    y, s, gain = cache
    dgain = (dout * y).sum(axis=0)
    dshift = dout.sum(axis=0)
    dy = dout * gain
    dx = (dy - dy.mean(axis=1, keepdims=True) - y * (dy * y).mean(axis=1, keepdims=True)) / s
    return dx, dgain, dshift
'''

LAYER = """
import numpy as np

class Dense:
    def __init__(self, n_in, n_out, rng):
        self.W = rng.normal(0, 0.5, (n_in, n_out))
        self.b = rng.normal(0, 0.5, n_out)

    def forward(self, x):
        self.x = x
        return x @ self.W + self.b

    def backward(self, dout):
        self.dW = self.x.T @ dout
        self.db = dout.sum(axis=0)
        return dout @ self.W.T
"""

LABELLED = """
import numpy as np

def softmax_loss(x, y):
    N = x.shape[0]
    p = np.exp(x - x.max(axis=1, keepdims=True))
    p /= p.sum(axis=1, keepdims=True)
    loss = -np.log(p[np.arange(N), y]).mean()
    dx = p.copy()
    dx[np.arange(N), y] -= 1
    dx /= N
    return loss, dx
"""

CONV = '''
import numpy as np

def conv_forward(x, w, b, conv_param):
    """x: (N, C, H, W), w: (F, C, HH, WW), b: (F,)"""
    stride, pad = conv_param["stride"], conv_param["pad"]
    N, C, H, W = x.shape
    F, _, HH, WW = w.shape
    xp = np.pad(x, ((0, 0), (0, 0), (pad, pad), (pad, pad)))
    out = np.zeros((N, F, 1 + (H + 2 * pad - HH) // stride, 1 + (W + 2 * pad - WW) // stride))
    for i in range(out.shape[2]):
        for j in range(out.shape[3]):
            window = xp[:, :, i * stride : i * stride + HH, j * stride : j * stride + WW]
            out[:, :, i, j] = np.einsum("nchw,fchw->nf", window, w) + b
    return out, (x, w, xp, stride, pad)

def conv_backward(dout, cache):
    x, w, xp, stride, pad = cache
    HH, WW = w.shape[2:]
    dw, dxp = np.zeros_like(w), np.zeros_like(xp)
    db = dout.sum(axis=(0, 2, 3))
    for i in range(dout.shape[2]):
        for j in range(dout.shape[3]):
            window = xp[:, :, i * stride : i * stride + HH, j * stride : j * stride + WW]
            dw += np.einsum("nf,nchw->fchw", dout[:, :, i, j], window)
            dxp[:, :, i * stride : i * stride + HH, j * stride : j * stride + WW] += np.einsum(
                "nf,fchw->nchw", dout[:, :, i, j], w
            )
    dx = dxp[:, :, pad : pad + x.shape[2], pad : pad + x.shape[3]]
    return dx, dw, db
'''

PRELU = """
import numpy as np

def prelu_forward(x, a):
    return np.where(x > 0, x, a * x), (x, a)

def prelu_backward(dout, cache):
    x, a = cache
    dx = dout * np.where(x > 0, 1, a)
    da = (dout * np.where(x > 0, 0, x)).sum(axis=0)
    return dx, da
"""

SOURCES = {
    "a bias of one axis": (DENSE, "dW = X.T @ dZ", "dW = X.T @ dA"),
    "a dict, and biases that are columns": (COLUMNS, "(1 - H ** 2)", "(1 - H)"),
    "gates in one matrix": (GATES, "dg = dtotal * i * (1 - g ** 2)", "dg = dtotal * f * (1 - g ** 2)"),
    "heads that divide a size": (HEADS, "dq = ds @ k", "dq = dp @ k"),
    "shapes in a docstring": (DOCUMENTED, "dy = dout * gain", "dy = dout * y"),
    "a class": (LAYER, "self.dW = self.x.T @ dout", "self.dW = -self.x.T @ dout"),
    "labels as whole numbers": (LABELLED, "dx /= N", "dx *= N"),
    "images and a dict of numbers": (CONV, "fchw->nchw", "fchw->nchw"),
}


def checked(source, name="layer.py"):
    return check_text(Text(name, source), Options())


@pytest.mark.parametrize("name", SOURCES)
def test_right_code_holds_with_arguments_that_were_drawn(name):
    report = checked(SOURCES[name][0])
    assert report.ok, report
    assert report.verdicts
    assert any("no example; random arguments that fit" in note for pair in report.pairs for note in pair.notes)


@pytest.mark.parametrize("name", sampled([name for name, (_, was, now) in SOURCES.items() if was != now]))
def test_the_changed_statement_is_found_with_arguments_that_were_drawn(name):
    source, was, now = SOURCES[name]
    assert source.count(was) == 1
    (found,) = checked(source.replace(was, now)).wrong
    assert found.line == line_of(source, was)
    assert found.suggestion


def line_of(source, text):
    return source[: source.index(text)].count("\n") + 1


def test_sizes_that_nothing_makes_equal_are_different():
    (pair,) = checked(GATES).pairs
    assert "x 4×3, h 4×5, c 4×5, Wx 3×20, Wh 5×20, b 20" in pair.notes[0]


def test_a_parameter_of_any_shape_is_never_called_wrong():
    """The slope may be one for each entry, each feature or each example: the backward pass tells."""
    report = checked(PRELU)
    assert not report.wrong, report


def test_what_cannot_be_drawn_is_asked_for():
    source = (
        "def odd_forward(x, table):\n    return x * table.lookup(3), x\n\ndef odd_backward(dy, x):\n    return dy\n"
    )
    (pair,) = checked(source).pairs
    assert "has no example to run it with" in pair.error


MAIN = (
    DENSE
    + """
if __name__ == "__main__":
    data = np.arange(12.0).reshape(4, 3) / 10
    weights = np.array([[1.0, -2], [3, 0.5], [-1, 2]])
    for _ in range(10**9):
        dense_forward(data, weights, np.array([0.1, -0.2]))
    open("nowhere/at/all")
"""
)


def test_the_arguments_of_the_first_call_under_main_are_taken():
    (pair,) = checked(MAIN).pairs
    assert pair.ok
    assert "the arguments of its first call in the file" in pair.notes[0]
    (wrong,) = checked(MAIN.replace("dW = X.T @ dZ", "dW = 2 * X.T @ dZ")).wrong
    assert wrong.worst.found == pytest.approx(2 * wrong.worst.expected)
    assert wrong.suggestion == "dW = X.T @ dZ"


def test_the_arguments_of_a_call_of_the_file_itself_are_copies():
    source = (
        DENSE + "\nx = np.ones((4, 3))\nx[0] = 2\ndense_forward(x, np.eye(3)[:, :2] + 0.5, np.ones(2))\nx[:] = np.nan\n"
    )
    (pair,) = checked(source).pairs
    assert pair.ok, pair


def test_data_is_not_taken_as_an_example():
    source = DENSE + "\ndense_forward(np.ones((4000, 3)), np.ones((3, 2)), np.ones(2))\n"
    (pair,) = checked(source).pairs
    assert "random arguments that fit" in pair.notes[0]


def test_a_file_that_needs_data_for_its_main_is_checked_all_the_same():
    source = DENSE + '\nif __name__ == "__main__":\n    data = np.load("missing.npy")\n    dense_forward(data, 1, 2)\n'
    (pair,) = checked(source).pairs
    assert pair.ok


def test_the_factor_of_a_returned_dict_is_no_convention():
    """A derivative that only a returned dict reads is an end, so that its missing mean is its own mistake."""
    source = COLUMNS.replace("dV = np.dot(dout, H.T)", "dV = np.dot(dout, H.T) / m")
    (found,) = checked(source).wrong
    assert found.line == line_of(source, "dV = np.dot(dout, H.T) / m")


def test_two_functions_without_a_pair_have_no_example():
    with pytest.raises(CodeError):
        checked("def f(x):\n    return x\n")


STORED = """
import numpy as np

class Dense:
    def __init__(self, n_in, n_out):
        self.weights = np.random.randn(n_in, n_out)
        self.biases = np.zeros((1, n_out))

    def forward(self, inputs):
        self.inputs = inputs
        self.output = inputs @ self.weights + self.biases

    def backward(self, dvalues):
        self.dweights = self.inputs.T @ dvalues
        self.dbiases = dvalues.sum(axis=0, keepdims=True)
        self.dinputs = dvalues @ self.weights.T
"""

OPTIONAL = """
import numpy as np

class Net:
    def __init__(self, n_in, n_out):
        self.params = {"W": np.random.randn(n_in, n_out)}

    def loss(self, X, y=None, reg=0.0):
        W = self.params["W"]
        scores = X.dot(W)
        if y is None:
            return scores
        p = np.exp(scores - scores.max(axis=1, keepdims=True))
        p /= p.sum(axis=1, keepdims=True)
        loss = -np.log(p[np.arange(len(X)), y]).mean() + reg * (W * W).sum()
        dscores = p.copy()
        dscores[np.arange(len(X)), y] -= 1
        dscores /= len(X)
        dW = X.T.dot(dscores) + 2 * reg * W
        return loss, {"W": dW}
"""

JOINED = """
import numpy as np

class Cell:
    def __init__(self, n_in, n_hidden):
        self.W = np.random.randn(n_hidden, n_in + n_hidden)
        self.n_hidden = n_hidden

    def forward(self, x, h):
        self.xh = np.concatenate([h, x])
        self.out = np.tanh(self.W @ self.xh)
        return self.out

    def backward(self, dout):
        da = dout * (1 - self.out ** 2)
        self.dW = np.outer(da, self.xh)
        dxh = self.W.T @ da
        return dxh[self.n_hidden :], dxh[: self.n_hidden]
"""

RECURSION = """
import numpy as np

def rollout_forward(x0, U, A, B):
    xs = [x0]
    J = 0.0
    for u in U:
        J = J + 0.5 * u @ u
        xs.append(A @ xs[-1] + B @ u)
    J = J + 0.5 * xs[-1] @ xs[-1]
    return J, (xs, U, A, B)

def rollout_backward(dJ, cache):
    xs, U, A, B = cache
    dU = np.zeros_like(U)
    lam = dJ * xs[-1]
    for t in reversed(range(len(U))):
        dU[t] = dJ * U[t] + B.T @ lam
        lam = A.T @ lam
    return {"x0": lam, "U": dU}
"""

COLUMN_GATES = """
import numpy as np

def sigmoid(z):
    return 1 / (1 + np.exp(-z))

def cell_forward(xt, h_prev, c_prev, parameters):
    Wi, bi, Wc, bc = parameters["Wi"], parameters["bi"], parameters["Wc"], parameters["bc"]
    joined = np.concatenate((h_prev, xt), axis=0)
    it = sigmoid(np.dot(Wi, joined) + bi)
    g = np.tanh(np.dot(Wc, joined) + bc)
    c_next = (1 - it) * c_prev + it * g
    return c_next, (xt, h_prev, c_prev, it, g, parameters)

def cell_backward(dc_next, cache):
    xt, h_prev, c_prev, it, g, parameters = cache
    n = h_prev.shape[0]
    joined = np.concatenate((h_prev, xt), axis=0)
    ai = dc_next * (g - c_prev) * it * (1 - it)
    ag = dc_next * it * (1 - g ** 2)
    dWi = np.dot(ai, joined.T)
    dWc = np.dot(ag, joined.T)
    dbi = np.sum(ai, axis=1, keepdims=True)
    dbc = np.sum(ag, axis=1, keepdims=True)
    djoined = np.dot(parameters["Wi"].T, ai) + np.dot(parameters["Wc"].T, ag)
    dc_prev = dc_next * (1 - it)
    return {"dxt": djoined[n:], "dh_prev": djoined[:n], "dc_prev": dc_prev, "dWi": dWi, "dbi": dbi,
            "dWc": dWc, "dbc": dbc}
"""

ROW_INDEX = '''
import numpy as np

def pair_loss(v, k, rows):
    """v: (D,), k: int, the row that is right; rows: (V, D)"""
    s = 1 / (1 + np.exp(-rows[k] @ v))
    loss = -np.log(s)
    dv = (s - 1) * rows[k]
    drows = np.zeros_like(rows)
    drows[k] += (s - 1) * v
    return loss, dv, drows
'''

UPDATES = """
import numpy as np

class Dense:
    def __init__(self, n_in, n_out):
        self.weights = np.random.randn(n_out, n_in)

    def forward(self, input):
        self.input = input
        return np.dot(self.weights, input)

    def backward(self, output_gradient, learning_rate):
        weights_gradient = np.dot(output_gradient, self.input.T)
        input_gradient = np.dot(self.weights.T, output_gradient)
        self.weights -= learning_rate * weights_gradient
        return input_gradient
"""

OWN_ARRAYS = """
import numpy as np

class Coder:
    def __init__(self, n_in, n_code):
        self.W = np.random.randn(n_in, n_code)
        self.V = np.random.randn(n_code, n_in)

    def loss_and_grads(self, x):
        h = np.tanh(x @ self.W)
        error = h @ self.V - x
        loss = 0.5 * np.sum(error ** 2) / len(x)
        dV = h.T @ error / len(x)
        dh = error @ self.V.T / len(x)
        dW = x.T @ (dh * (1 - h ** 2))
        return loss, {"W": dW, "V": dV}
"""

BATCHES = """
import numpy as np

class Scores:
    def __init__(self, d_model, d_k):
        self.Wq = np.random.randn(d_model, d_k)
        self.Wk = np.random.randn(d_model, d_k)
        self.d_k = d_k

    def forward(self, X):
        self.X, self.Q, self.K = X, X @ self.Wq, X @ self.Wk
        return self.Q @ self.K.transpose(0, 2, 1) / np.sqrt(self.d_k)

    def backward(self, dout):
        ds = dout / np.sqrt(self.d_k)
        dQ = ds @ self.K
        dK = ds.transpose(0, 2, 1) @ self.Q
        self.dWq = np.sum(self.X.transpose(0, 2, 1) @ dQ, axis=0)
        self.dWk = np.sum(self.X.transpose(0, 2, 1) @ dK, axis=0)
        return dQ @ self.Wq.T + dK @ self.Wk.T
"""

KERNEL = """
import numpy as np

def kernel(X, Y, ell):
    d2 = ((X[:, None] - Y[None]) ** 2).sum(axis=-1)
    K = np.exp(-0.5 * d2 / ell ** 2)
    return K, d2

def kernel_backward(dK, X, Y, ell):
    K, d2 = kernel(X, Y, ell)
    dd2 = -0.5 * dK * K / ell ** 2
    dell = np.sum(dK * K * d2) / ell ** 3
    dX = 2 * np.sum(dd2[:, :, None] * (X[:, None] - Y[None]), axis=1)
    dY = -2 * np.sum(dd2[:, :, None] * (X[:, None] - Y[None]), axis=0)
    return dX, dY, dell
"""

KINDS = {
    "a matrix with a new axis": (KERNEL, "dY = -2", "dY = 2"),
    "a layer that leaves its output on itself": (STORED, "dvalues @ self.weights.T", "-dvalues @ self.weights.T"),
    "labels and a penalty that are left out": (OPTIONAL, "+ 2 * reg * W", "+ reg * W"),
    "joined vectors": (JOINED, "(1 - self.out ** 2)", "(1 - self.out)"),
    "vectors beside matrices": (RECURSION, "+ B.T @ lam", "- B.T @ lam"),
    "columns of equal sizes that only the backward pass shows": (COLUMN_GATES, "dc_next * (1 - it)", "dc_next * it"),
    "a number as an index": (ROW_INDEX, "dv = (s - 1) * rows[k]", "dv = s * rows[k]"),
    "a rate in the backward pass": (
        UPDATES,
        "input_gradient = np.dot(self.weights.T, output_gradient)",
        "input_gradient = -np.dot(self.weights.T, output_gradient)",
    ),
    "a dict for the arrays of the object": (OWN_ARRAYS, "dV = h.T @ error / len(x)", "dV = h.T @ error"),
    "batches of matrices": (BATCHES, "ds = dout / np.sqrt(self.d_k)", "ds = dout / self.d_k"),
}


def test_what_is_no_array_in_a_docstring_has_no_shape_of_what_follows():
    assert shape_hints.documented("k: int; rows: (V, D)", "k") is None
    assert shape_hints.is_whole("v: (D,), k: int, a row", "k")
    assert not shape_hints.is_whole("k: internal state", "k")


def test_an_index_that_may_be_a_number_is_tried_as_one():
    assert checked(ROW_INDEX.replace("k: int, the row that is right; ", "")).ok


@pytest.mark.parametrize("name", KINDS)
def test_right_code_of_a_kind_holds(name):
    report = checked(KINDS[name][0])
    assert report.ok, report
    assert report.verdicts


@pytest.mark.parametrize("name", sampled(KINDS))
def test_the_changed_statement_of_a_kind_is_found(name):
    source, was, now = KINDS[name]
    assert source.count(was) == 1
    (found,) = checked(source.replace(was, now)).wrong
    assert found.line == line_of(source, was)
    assert found.suggestion


NETWORK = """
import numpy as np

class Network:
    def __init__(self, sizes):
        self.biases = [np.random.randn(y, 1) for y in sizes[1:]]
        self.weights = [np.random.randn(y, x) for x, y in zip(sizes[:-1], sizes[1:])]

    def backprop(self, x, y):
        nabla_b = [np.zeros(b.shape) for b in self.biases]
        nabla_w = [np.zeros(w.shape) for w in self.weights]
        activation, activations, zs = x, [x], []
        for b, w in zip(self.biases, self.weights):
            z = np.dot(w, activation) + b
            zs.append(z)
            activation = sigmoid(z)
            activations.append(activation)
        delta = (activations[-1] - y) * sigmoid_prime(zs[-1])
        nabla_b[-1] = delta
        nabla_w[-1] = np.dot(delta, activations[-2].T)
        for k in range(2, len(self.weights) + 1):
            delta = np.dot(self.weights[-k + 1].T, delta) * sigmoid_prime(zs[-k])
            nabla_b[-k] = delta
            nabla_w[-k] = np.dot(delta, activations[-k - 1].T)
        return nabla_b, nabla_w

def sigmoid(z):
    return 1 / (1 + np.exp(-z))

def sigmoid_prime(z):
    return sigmoid(z) * (1 - sigmoid(z))

if __name__ == "__main__":
    np.random.seed(0)
    Network([4, 5, 3]).backprop(np.random.randn(4, 1), np.array([[0.0], [1.0], [0.0]]))
"""


def test_a_function_of_numbers_that_backpropagation_calls_is_not_all_that_is_checked():
    report = checked(NETWORK)
    assert report.ok, report
    assert [pair.name for pair in report.pairs] == ["Network.backprop"]
    assert checked(NETWORK.replace("* sigmoid_prime(zs[-k])", "* sigmoid(zs[-k])")).wrong


MONITORED = """
import numpy as np

np.random.seed(0)
X, y = np.random.randn(10, 3), np.random.rand(10, 1)
W1, W2 = np.random.randn(3, 4), np.random.randn(4, 1)

def sig(x):
    return 1 / (1 + np.exp(-x))

for epoch in range(20):
    h = sig(X @ W1)
    out = sig(h @ W2)
    error = y - out
    loss = np.mean(np.abs(error))
    print(loss)
    out_delta = error * out * (1 - out)
    h_delta = out_delta.dot(W2.T) * h * (1 - h)
    W2 += 0.5 * h.T.dot(out_delta)
    W1 += 0.5 * X.T.dot(h_delta)
"""


def test_where_a_loop_prints_another_loss_than_it_differentiates_nothing_is_called_wrong():
    """The deltas are those of the squared error, and the mean of the absolute error is printed."""
    report = checked(MONITORED)
    assert not report.wrong
    assert not report.ok
    assert "is the loss another one?" in str(report)


SCALARS = """
import numpy as np

rng = np.random.default_rng(0)
x, y = rng.normal(size=8), rng.normal(size=8)
w, b = 0.7, 0.2
err = w * x + b - y
loss = (err ** 2).mean()
dw = 2 * (err * x).mean()
db = 2 * err.mean()
print("gradients", dw, db)
"""
MOMENTUM = """
import numpy as np

rng = np.random.default_rng(0)
X, Y = rng.normal(size=(6, 3)), rng.normal(size=(6, 2))
W, b = rng.normal(size=(3, 2)), rng.normal(size=2)
vW, vb = np.zeros_like(W), np.zeros_like(b)
for epoch in range(3):
    P = X @ W + b
    loss = ((P - Y) ** 2).sum()
    dP = 2 * (P - Y)
    dW = X.T @ dP
    db = dP.sum(axis=0)
    vW = 0.9 * vW + dW
    vb = 0.9 * vb + db
    W = W - 0.1 * vW
    b = b - 0.1 * vb
"""
READ_AFTERWARDS = [
    (SCALARS, "2 * (err * x).mean()", "2 * (err * y).mean()"),
    (SCALARS, "2 * (err * x).mean()", "-2 * (err * x).mean()"),
    (MOMENTUM, "X.T @ dP", "2 * X.T @ dP"),
    (MOMENTUM, "X.T @ dP", "-X.T @ dP"),
    (MOMENTUM, "dP.sum(axis=0)", "dP.mean(axis=0)"),
]


@pytest.mark.parametrize("source", [SCALARS, MOMENTUM])
def test_derivatives_that_are_printed_or_averaged_over_time_hold(source):
    report = checked(source)
    assert report.ok, report


@pytest.mark.parametrize(("source", "right", "wrong"), READ_AFTERWARDS)
def test_a_wrong_derivative_of_a_parameter_is_no_convention(source, right, wrong):
    """What reads it afterwards makes up for no factor, and a single number is a number of times any other one."""
    report = checked(source.replace(right, wrong))
    assert [(v.text.strip(), v.suggestion.partition("= ")[2]) for v in report.wrong] == [
        (f"{'db' if 'axis' in right else 'dW' if source is MOMENTUM else 'dw'} = {wrong}", right)
    ]


RESIDUAL = """
import numpy as np

np.random.seed(1)
X, y = np.random.randn(4, 3), np.random.rand(4, 1)
W = np.random.randn(3, 1)
out = np.tanh(X @ W)
error = y - out
d_out = error * (1 - out ** 2)
W += X.T @ d_out
"""


def test_a_residual_is_no_loss_and_the_message_says_what_to_compute():
    (error,) = [pair.error for pair in checked(RESIDUAL).pairs]
    assert "error is taken for the loss, and has shape (4, 1)" in error
    assert "loss = np.sum(error ** 2) / 2" in error


TIED = """
import numpy as np

class Tied:
    def __init__(self, n, k):
        self.W = np.random.randn(k, n)

    def cost_and_grad(self, data):
        a = np.tanh(self.W @ data)
        r = self.W.T @ a - data
        J = 0.5 * np.sum(r ** 2)
        d2 = (self.W @ r) * (1 - a ** 2)
        W_grad = d2 @ data.T + a @ r.T
        return J, W_grad

if __name__ == "__main__":
    np.random.seed(0)
    model = Tied(4, 3)
    data = np.random.randn(4, 5)
    for it in range(3):
        J, gW = model.cost_and_grad(data)
        model.W -= 0.1 * gW
"""


def test_a_method_that_returns_the_cost_and_its_gradient_is_checked_at_its_own_call():
    report = checked(TIED)
    assert report.ok, report
    assert [pair.forward for pair in report.pairs] == ["Tied.cost_and_grad"]
    (found,) = checked(TIED.replace("d2 @ data.T + a @ r.T", "d2 @ data.T")).wrong
    assert found.suggestion == "W_grad = d2 @ data.T + a @ r.T"


CONSTRUCTED = """
import numpy as np

class Affine:
    def __init__(self, W, b):
        self.params = [W, b]
        self.grads = [np.zeros_like(W), np.zeros_like(b)]

    def forward(self, x):
        W, b = self.params
        self.x = x
        return np.dot(x, W) + b

    def backward(self, dout):
        W, b = self.params
        dx = np.dot(dout, W.T)
        self.grads[0][...] = np.dot(self.x.T, dout)
        self.grads[1][...] = np.sum(dout, axis=0)
        return dx
"""
FILTERS = """
import numpy as np

def patches(x, h, w):
    N, C, H, W = x.shape
    rows, columns = H - h + 1, W - w + 1
    found = [x[:, :, i : i + h, j : j + w].reshape(N, -1) for i in range(rows) for j in range(columns)]
    return np.stack(found, axis=1), rows, columns

class Filters:
    def __init__(self, W, b):
        self.W, self.b = W, b

    def forward(self, x):
        F, C, h, w = self.W.shape
        self.x = x
        self.p, rows, columns = patches(x, h, w)
        out = self.p @ self.W.reshape(F, -1).T + self.b
        return out.reshape(len(x), rows, columns, F)

    def backward(self, dout):
        F, C, h, w = self.W.shape
        flat = dout.reshape(len(dout), -1, F)
        self.dW = np.einsum("npf,npk->fk", flat, self.p).reshape(self.W.shape)
        self.db = flat.sum(axis=(0, 1))
        dp = flat @ self.W.reshape(F, -1)
        dx = np.zeros_like(self.x)
        k = 0
        for i in range(dout.shape[1]):
            for j in range(dout.shape[2]):
                dx[:, :, i : i + h, j : j + w] += dp[:, k].reshape(len(dx), C, h, w)
                k += 1
        return dx
"""
POOL = """
import numpy as np

class Pool:
    def __init__(self, pool_h, pool_w):
        self.pool_h, self.pool_w = pool_h, pool_w

    def forward(self, x):
        N, C, H, W = x.shape
        self.shape = x.shape
        out = np.zeros((N, C, H // self.pool_h, W // self.pool_w))
        for i in range(out.shape[2]):
            for j in range(out.shape[3]):
                rows = slice(i * self.pool_h, (i + 1) * self.pool_h)
                out[:, :, i, j] = x[:, :, rows, j * self.pool_w : (j + 1) * self.pool_w].mean(axis=(2, 3))
        return out

    def backward(self, dout):
        dx = np.zeros(self.shape)
        for i in range(dout.shape[2]):
            for j in range(dout.shape[3]):
                rows = slice(i * self.pool_h, (i + 1) * self.pool_h)
                share = dout[:, :, i, j, None, None] / (self.pool_h * self.pool_w)
                dx[:, :, rows, j * self.pool_w : (j + 1) * self.pool_w] += share
        return dx
"""
MODES = """
import numpy as np

def scale_forward(x, s, param):
    if param["mode"] == "train":
        y = x * s
    else:
        raise ValueError(param["mode"])
    return y, (x, s)

def scale_backward(dy, cache):
    x, s = cache
    return dy * s, (dy * x).sum(axis=0)

def image_forward(x, s, param):
    N, C, H, W = x.shape
    step = param.get("stride", 1)
    y, cache = scale_forward(x[:, :, ::step].transpose(0, 2, 3, 1).reshape(-1, C), s, param)
    return y.reshape(N, -1, W, C).transpose(0, 3, 1, 2), (cache, x.shape, param)

def image_backward(dy, cache):
    cache, shape, param = cache
    N, C, H, W = shape
    dflat, ds = scale_backward(dy.transpose(0, 2, 3, 1).reshape(-1, C), cache)
    dx = np.zeros(shape)
    dx[:, :, :: param["stride"]] = dflat.reshape(N, -1, W, C).transpose(0, 3, 1, 2)
    return dx, ds
"""
TWO_GATES = """
import numpy as np

def gated_forward(x, h, Wx, Wh, V):
    H = h.shape[1]
    a = 1 / (1 + np.exp(-(x @ Wx + h @ Wh)))
    r, z = a[:, :H], a[:, H : 2 * H]
    c = np.tanh((r * h) @ V)
    return (1 - z) * h + z * c, (x, h, Wx, Wh, V, a, r, z, c)

def gated_backward(dout, cache):
    x, h, Wx, Wh, V, a, r, z, c = cache
    H = h.shape[1]
    dc = dout * z * (1 - c ** 2)
    dV = (r * h).T @ dc
    drh = dc @ V.T
    da = np.zeros_like(a)
    da[:, :H] = drh * h
    da[:, H : 2 * H] = dout * (c - h)
    ds = da * a * (1 - a)
    dh = dout * (1 - z) + drh * r + ds @ Wh.T
    return ds @ Wx.T, dh, x.T @ ds, h.T @ ds, dV
"""
CHARACTERS = """
import numpy as np

class Characters:
    def __init__(self, vocab_size, hidden_size):
        self.E = np.random.randn(vocab_size, hidden_size)
        self.V = np.random.randn(hidden_size, vocab_size)

    def forward(self, inputs, targets):
        hs, ps, loss = {}, {}, 0.0
        for t in range(len(inputs[0])):
            hs[t] = np.tanh(self.E[[row[t] for row in inputs]])
            e = np.exp(hs[t] @ self.V)
            ps[t] = e / e.sum(axis=1, keepdims=True)
            wanted = np.array([row[t] for row in targets])
            loss += -np.log(ps[t][np.arange(len(inputs)), wanted]).sum()
        return hs, ps, loss

    def backward(self, inputs, hs, ps, targets):
        dE, dV = np.zeros_like(self.E), np.zeros_like(self.V)
        for t in reversed(range(len(hs))):
            dy = ps[t].copy()
            for k in range(len(targets)):
                dy[k][targets[k][t]] -= 1
            dV += hs[t].T @ dy
            da = dy @ self.V.T * (1 - hs[t] ** 2)
            np.add.at(dE, [row[t] for row in inputs], da)
        return dE, dV
"""
MORE = {
    "arrays of a constructor, in a list": (CONSTRUCTED, "np.dot(self.x.T, dout)", "np.dot(self.x.T, dout) / 2"),
    "filters": (FILTERS, "flat.sum(axis=(0, 1))", "flat.mean(axis=(0, 1))"),
    "sizes of a pool": (POOL, "/ (self.pool_h * self.pool_w)", "/ self.pool_h"),
    "modes and strides": (MODES, "return dx, ds", "return dx, ds"),
    "two gates in one array": (TWO_GATES, "dout * (c - h)", "dout * (c + h)"),
    "whole numbers by example and time": (CHARACTERS, "(1 - hs[t] ** 2)", "(1 - hs[t])"),
}


@pytest.mark.parametrize("name", MORE)
def test_more_arguments_that_are_drawn(name):
    report = checked(MORE[name][0])
    assert report.ok, report
    assert not report.errors


@pytest.mark.parametrize("name", sampled([name for name, (_, was, now) in MORE.items() if was != now]))
def test_the_changed_statement_is_found_with_more_arguments_that_are_drawn(name):
    source, was, now = MORE[name]
    assert source.count(was) == 1
    line = source[: source.index(was)].count("\n") + 1
    report = checked(source.replace(was, now))
    assert {v.suggestion_line or v.line for v in report.wrong} == {line}, report


def test_a_name_of_python_2_is_what_the_message_is_about():
    source = DENSE.replace("    Z = X @ W + b", "    for k in xrange(2):\n        Z = X @ W + b")
    (error,) = checked(source).errors
    assert error.endswith(
        "dense_forward does not run: line 5 raised NameError: name 'xrange' is not defined; in Python 3 it is range"
    )


def test_the_message_counts_the_lines_of_a_cell(tmp_path):
    source = DENSE.strip().replace("    Z = X @ W + b", "    Z = X @ W + bias")
    cells = [{"cell_type": "code", "source": text} for text in source.split("\n\n", 1)]
    path = tmp_path / "dense.ipynb"
    path.write_text(json.dumps({"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}), encoding="utf-8")
    (error,) = check_text(read(path), Options()).errors
    assert "dense_forward does not run: line 2 of cell 2 raised NameError: name 'bias' is not defined" in error


def test_the_message_says_where_random_arguments_led_to_an_exception():
    (error,) = checked(DENSE.replace("np.maximum(0, Z)", "np.maximum(0, open(Z).read())")).errors
    assert "dense_forward has no example to run it with, and with random arguments line 6 raised TypeError" in error
    assert "def example_dense():" in error


@pytest.mark.parametrize(
    "names",
    [("forward_prop", "back_prop"), ("forward_propagation", "back_propagation"), ("feedforward", "backpropagation")],
)
def test_more_names_of_passes(names):
    source = DENSE.replace("dense_forward", names[0]).replace("dense_backward", names[1])
    report = checked(source)
    assert report.ok, report
    assert [(pair.forward, pair.backward) for pair in report.pairs] == [names]


CROSS_ENTROPY = """
import numpy as np

class CrossEntropy:
    def forward(self, x, y):
        probs = np.exp(x - np.max(x, axis=1, keepdims=True))
        probs /= np.sum(probs, axis=1, keepdims=True)
        loss = -np.sum(np.log(probs[np.arange(len(x)), y])) / len(x)
        self.cache = probs, y
        return probs, loss

    def backward(self):
        probs, y = self.cache
        dx = probs.copy()
        dx[np.arange(len(y)), y] -= 1
        dx /= len(y)
        self.dx = dx
"""


def test_a_loss_that_is_returned_beside_the_output_is_the_loss():
    report = checked(CROSS_ENTROPY)
    assert report.ok, report
    assert "taken" not in str(report)
    for right, wrong in (("        dx /= len(y)\n", ""), ("-= 1", "-= 2"), ("probs.copy()", "probs * 2")):
        assert checked(CROSS_ENTROPY.replace(right, wrong)).wrong


def test_a_wrong_activation_is_named_without_a_suggestion():
    """Its shapes cannot be the reason."""
    source = "import numpy as np\n\ndef act(z):\n    return np.tanh(z ** 3 + np.sin(z) / (2 + z ** 4))\n\n"
    (found,) = checked(source + "def act_prime(z):\n    return np.arctan(z) ** 5\n").wrong
    assert found.line == 7


STEPS = """
import numpy as np

class Layer:
    def __init__(self, n, k):
        self.W = np.random.randn(n, k)
        self.b = np.random.randn(k)

    def step(self, x, y, rate):
        h = np.tanh(x @ self.W + self.b)
        loss = ((h - y) ** 2).sum()
        dh = 2 * (h - y)
        da = dh * (1 - h ** 2)
        dW = x.T @ da
        db = da.sum(axis=0)
        for param, grad in zip([self.W, self.b], [dW, db]):
            {change}
        return loss
"""


@pytest.mark.parametrize("change", ["param += -rate * grad", "param += -1 * rate * grad", "param -= rate * grad"])
def test_what_adds_minus_a_derivative_descends(change):
    source = STEPS.format(change=change)
    report = checked(source)
    assert report.ok, report
    assert "convention" not in str(report)
    (found,) = checked(source.replace("(1 - h ** 2)", "(1 - h)")).wrong
    assert found.suggestion == "da = dh * (1 - h ** 2)"
