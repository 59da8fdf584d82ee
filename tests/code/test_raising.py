"""A statement of a backward pass that raises is wrong, and the others are judged as if it were right."""

import numpy as np
import pytest

import tinyad
from tests.support.sampling import sampled
from tinyad.code.checking import Options, check_text
from tinyad.code.files import Text
from tinyad.code.verdicts import Verdict

LAYER = """import numpy as np

def layer_forward(X, W, b):
    Z = X @ W + b
    A = np.maximum(0, Z)
    return A, (X, W, Z)

def layer_backward(dA, cache):
    X, W, Z = cache
    dZ = dA * (Z > 0)
    dW = X.T @ dZ
    db = dZ.sum(axis=0)
    dX = dZ @ W.T
    return dX, dW, db

def example():
    r = np.random.default_rng(0)
    return r.normal(size=(6, 5)), r.normal(size=(5, 4)), r.normal(size=4)
"""

NETWORK = """import numpy as np

class Net:
    def __init__(self, W, V):
        self.W, self.V = W, V

    def forward(self, x):
        self.x = x
        self.h = np.tanh(x @ self.W)
        return self.h @ self.V

    def backward(self, dout):
        self.dV = self.h.T @ dout
        dh = dout @ self.V.T
        dz = dh * (1 - self.h**2)
        self.dW = self.x.T @ dz
        return dz @ self.W.T

def example():
    r = np.random.default_rng(0)
    return Net(r.normal(size=(4, 3)), r.normal(size=(3, 2))), r.normal(size=(5, 4))
"""

RECURRENT = """import numpy as np

def rnn_forward(x, Wx, Wh):
    h = np.zeros((x.shape[1], Wh.shape[0]))
    hs = []
    for t in range(len(x)):
        h = np.tanh(x[t] @ Wx + h @ Wh)
        hs.append(h)
    return np.array(hs), (x, Wx, Wh, hs)

def rnn_backward(dhs, cache):
    x, Wx, Wh, hs = cache
    dWx, dWh, dx = np.zeros_like(Wx), np.zeros_like(Wh), np.zeros_like(x)
    dh_next = np.zeros_like(hs[0])
    for t in reversed(range(len(x))):
        dh = dhs[t] + dh_next
        da = dh * (1 - hs[t] ** 2)
        dx[t] = da @ Wx.T
        dWx += x[t].T @ da
        if t > 0:
            dWh += hs[t - 1].T @ da
        dh_next = da @ Wh.T
    return dx, dWx, dWh

def example():
    r = np.random.default_rng(0)
    return r.normal(size=(3, 2, 4)), r.normal(size=(4, 5)), r.normal(size=(5, 5))
"""

STEP = """import numpy as np

def step(W, x, y, rate):
    p = x @ W
    loss = np.mean((p - y) ** 2)
    dp = 2 * (p - y) / p.size
    dW = x.T @ dp
    W -= rate * dW
    return loss

def example():
    r = np.random.default_rng(0)
    return r.normal(size=(4, 3)), r.normal(size=(6, 4)), r.normal(size=(6, 3)), 0.1
"""

SCRIPT = """import numpy as np

rng = np.random.default_rng(0)
X, Y = rng.normal(size=(6, 3)), rng.normal(size=(6, 2))
W1, W2 = rng.normal(size=(3, 4)), rng.normal(size=(4, 2))
H = np.tanh(X @ W1)
P = H @ W2
loss = ((P - Y) ** 2).sum()
dP = 2 * (P - Y)
dW2 = H.T @ dP
dH = dP @ W2.T
dA = dH * (1 - H**2)
dW1 = X.T @ dA
"""

HELPER = LAYER.replace("    dX = dZ @ W.T\n", "    dX = product(dZ, W.T)\n").replace(
    "def layer_backward", "def product(dy, w):\n    return dy @ w\n\ndef layer_backward"
)

MISTAKES = {
    "matmul": (LAYER, "dW = X.T @ dZ", "dW = dZ @ X"),
    "sum": (LAYER, "db = dZ.sum(axis=0)", "db = dZ.sum(axis=2)"),
    "attribute": (NETWORK, "dh = dout @ self.V.T", "dh = dout @ self.V"),
    "returned": (NETWORK, "return dz @ self.W.T", "return dz @ self.W"),
    "loop": (RECURRENT, "dWx += x[t].T @ da", "dWx += x[t] @ da"),
    "stored": (RECURRENT, "dx[t] = da @ Wx.T", "dx[t] = da @ Wx"),
    "step": (STEP, "dW = x.T @ dp", "dW = x @ dp"),
    "script": (SCRIPT, "dW2 = H.T @ dP", "dW2 = H @ dP"),
}


def checked(source):
    """The report on a source."""
    return check_text(Text("layer.py", source), Options())


@pytest.mark.parametrize("name", sampled(MISTAKES, one_in=2))
def test_the_statement_that_raises_is_wrong_and_what_was_meant_is_found(name):
    source, right, wrong = MISTAKES[name]
    assert source.count(right) == 1
    report = checked(source.replace(right, wrong))
    (found,) = report.wrong
    assert found.text.strip() == wrong
    assert found.verdict is Verdict.WRONG
    assert found.message.startswith("it raises ")
    assert found.suggestion == right
    assert not report.errors


@pytest.mark.parametrize("name", sampled(MISTAKES, one_in=2))
def test_right_code_has_no_statement_that_raises(name):
    assert checked(MISTAKES[name][0]).ok


def test_the_exception_stands_in_one_line_of_the_report():
    report = str(checked(LAYER.replace("dZ.sum(axis=0)", "dZ.sum(axis=2)")))
    assert "layer.py:12  wrong: it raises AxisError: axis 2 is out of bounds for array of dimension 2\n" in report


def test_a_statement_that_raises_because_of_one_before_it_is_not_called_wrong():
    source = LAYER.replace("dZ = dA * (Z > 0)", "dZ = (dA * (Z > 0)).T")
    (found,) = checked(source).wrong
    assert found.line == 10


def test_two_statements_that_raise_are_both_wrong():
    source = LAYER.replace("dW = X.T @ dZ", "dW = dZ @ X").replace("dX = dZ @ W.T", "dX = dZ @ W")
    assert [(v.line, v.suggestion) for v in checked(source).wrong] == [(11, "dW = X.T @ dZ"), (13, "dX = dZ @ W.T")]


def test_what_nothing_tells_the_meaning_of_ends_the_judgement():
    source = LAYER.replace("    dX = dZ @ W.T\n", "    q = W @ dZ\n    dX = q.T\n")
    report = checked(source)
    (found,) = report.wrong
    assert (found.line, found.suggestion) == (13, "")
    assert report.pairs[0].notes == ("what comes after line 13 is not judged: --name says what its result is for",)
    assert [v.line for v in report.verdicts if v.ok] == [10, 11, 12]


def test_a_helper_of_the_forward_pass_that_raises_leaves_the_pair_unjudged_where_the_forward_raises():
    report = checked(LAYER.replace("Z = X @ W + b", "Z = W @ X + b"))
    assert "layer_forward raised ValueError" in report.errors[0]


def test_what_a_helper_returns_is_wrong_in_the_statement_that_calls_it():
    (found,) = checked(HELPER.replace("product(dZ, W.T)", "product(dZ, W)")).wrong
    assert found.text.strip() == "dX = product(dZ, W)"


def scale_forward(x, w):
    return x * w, (x, w)


def scale_backward(dy, cache):
    x, w = cache
    dx = dy @ w.T
    dw = (dy * x).sum(axis=0)
    return dx, dw


@pytest.mark.slow
def test_a_function_that_exists_may_raise_too():
    rng = np.random.default_rng(0)
    report = tinyad.check_code(scale_forward, scale_backward, rng.normal(size=(5, 3)), rng.normal(size=4)[:3] + 2)
    (found,) = report.wrong
    assert found.text.strip() == "dx = dy @ w.T"
