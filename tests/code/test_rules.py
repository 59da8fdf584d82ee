"""Derivatives by the rules: each is what a complex step says, is written in names in scope, or is not written."""

import re
from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest

from tests.support.sampling import sampled
from tinyad.code.checking import Options, check_text
from tinyad.code.files import Text
from tinyad.code.rules import Computed, Rules, Step
from tinyad.code.splice import Source
from tinyad.code.surroundings import Scope, Surroundings, pairs_of

RNG = np.random.default_rng(5)
ARRAYS: dict[str, Any] = {
    "x": RNG.uniform(0.2, 0.9, (4, 3)),
    "u": RNG.uniform(1.2, 1.9, (4, 3)),
    "b": RNG.uniform(0.2, 0.9, 3),
    "column": RNG.uniform(0.2, 0.9, (4, 1)),
    "W": RNG.standard_normal((3, 2)),
    "v": RNG.standard_normal(3),
    "S": np.eye(3) + 0.1 * RNG.standard_normal((3, 3)),
    "H": RNG.standard_normal((2, 5, 3)),
    "K": RNG.standard_normal((2, 3, 5)),
    "s": 0.7,
}
STEPS = {
    **{f"np.{name}": f"y = np.{name}(x)" for name in "exp log log1p expm1 log2 log10 sqrt square tanh sin cos".split()},
    **{f"np.{name}": f"y = np.{name}(x)" for name in "tan arctan sinh cosh negative reciprocal".split()},
    "sigmoid": "y = sigmoid(x)",
    "softplus": "y = softplus(x)",
    "operators": "y = x * u + x / u - u / x",
    "minus": "y = -(x - u)",
    "powers": "y = x ** 2 + x ** 0.5 + x ** -1 + x ** 3",
    "power of names": "y = u ** x",
    "larger": "y = np.maximum(x, b)",
    "smaller": "y = np.minimum(x, 0.5)",
    "choice": "y = np.where(u > 1.5, x, x * u)",
    "bias": "y = x * b + b",
    "column": "y = x * column - column",
    "scalar": "y = s * x + s ** 2",
    "functions of operators": "y = np.add(np.multiply(x, u), np.subtract(x, np.divide(u, b)))",
    "product": "y = x @ W",
    "dot": "y = np.dot(x, W)",
    "method": "y = x.dot(W).sum(axis=0)",
    "transposed": "y = W.T @ x.T",
    "vector": "y = x @ v",
    "row": "y = v @ W",
    "inner": "y = np.dot(v, b)",
    "many": "y = H @ W",
    "stacked": "y = H @ K",
    "sum": "y = np.sum(x * u)",
    "columns": "y = np.sum(x * u, axis=0)",
    "rows": "y = np.sum(x * u, axis=1)",
    "rows kept": "y = x / np.sum(x, axis=1, keepdims=True)",
    "mean": "y = (x * u).mean()",
    "mean of rows": "y = np.mean(x * u, axis=-1)",
    "reshaped": "y = (x * u).reshape(12)",
    "inverse": "y = np.linalg.inv(S)",
    "huber": "a = np.abs(x - u)\nsmall = a < 0.8\ny = np.where(small, 0.5 * a ** 2, s * a)",
    "log of a determinant": "y = np.linalg.slogdet(S)[1]",
    "variance": "y = np.var(x, axis=0)",
    "variance of rows": "y = np.var(x * u, axis=1, keepdims=True)",
    "variance of all": "y = np.var(x)",
    "mean over axes": "y = H * np.mean(H, axis=(0, 2), keepdims=True)",
    "sum over axes": "y = np.sum(H * H, axis=(0, 2))",
    "variance over axes": "y = np.var(H, axis=(0, 1), keepdims=True)",
    "norm": "y = np.linalg.norm(x)",
    "norm of rows": "y = np.linalg.norm(x, axis=1)",
    "norm kept": "y = x / np.linalg.norm(x, axis=1, keepdims=True)",
    "softmax": "y = softmax(x)",
    "softmax of columns": "y = softmax(x.T)",
    "log softmax": "y = log_softmax(x * u)",
    "softmax written out": "e = np.exp(x)\ny = e / e.sum(axis=1, keepdims=True)",
    "softmax in one": "y = np.exp(x) / np.exp(x).sum(axis=0)",
    "outer": "y = np.outer(v, b)",
    "einsum": "y = np.einsum('bti,io->bto', H, W)",
    "einsum of two": "y = np.einsum('bti,biu->btu', H, K)",
    "swapped axes": "y = H.swapaxes(0, 1)",
    "turned axes": "y = np.transpose(H, (1, 2, 0)) @ W.T",
    "turned": "y = np.transpose(x)",
    "clipped": "y = np.clip(x, 0.4, 0.8)",
    "a new axis": "y = x[:, None] * u[None, :]",
    "flat": "y = x.ravel()",
    "running sum": "y = np.cumsum(v * b)",
    "trace": "y = np.trace(S * S)",
    "steps": "a = x @ W\nh = np.tanh(a)\ny = h * a",
    "deeper": "m = np.mean(x, axis=0)\nc = x - m\nq = np.mean(c ** 2, axis=0)\ny = c / np.sqrt(q + 0.1)",
}
VARIABLES = [(name, part) for name, text in STEPS.items() for part in ARRAYS if re.search(rf"\b{part}\b", text)]


def sigmoid(x):
    """The function whose rule is known by its name."""
    return 1 / (1 + np.exp(-x))


def softplus(x):
    """The same."""
    return np.log(1 + np.exp(x))


def softmax(x):
    """The same, of rows."""
    e = np.exp(x)
    return e / e.sum(axis=-1, keepdims=True)


def log_softmax(x):
    """Its logarithm."""
    return np.log(softmax(x))


def norm(x, axis=None, keepdims=False):
    """The norm, for complex entries too."""
    return np.sqrt(np.sum(x**2, axis=axis, keepdims=keepdims))


def size(x):
    """The absolute value, by the real part."""
    return np.where(np.real(x) < 0, -x, x)


def variance(x, axis=None, keepdims=False):
    """The mean of the squares of what differs from the mean."""
    return np.mean((x - np.mean(x, axis=axis, keepdims=True)) ** 2, axis=axis, keepdims=keepdims)


def slogdet(x):
    """The sign of a determinant, and its logarithm."""
    return 1.0, np.log(np.linalg.det(x))


def clip(x, low, high):
    """The nearest number between two, by the real part."""
    return np.where(np.real(x) < low, low, np.where(np.real(x) > high, high, x))


def run(text: str, given: Mapping[str, Any]) -> dict[str, Any]:
    """Return the values after some statements."""
    held = {"np": np, "sigmoid": sigmoid, "softplus": softplus, "softmax": softmax, "log_softmax": log_softmax, **given}
    exec(text, held)
    return held


def maximum(one: Any, other: Any) -> Any:
    """The larger in its real part."""
    return np.where(np.real(one) > np.real(other), one, other)


def minimum(one: Any, other: Any) -> Any:
    """The smaller in its real part."""
    return np.where(np.real(one) < np.real(other), one, other)


OF_COMPLEX_NUMBERS = {
    "maximum": maximum,
    "minimum": minimum,
    "norm": norm,
    "clip": clip,
    "abs": size,
    "slogdet": slogdet,
    "var": variance,
}


def by_complex_step(text: str, name: str, dy: Any) -> Any:
    """Return the derivative of sum(dy * y) for a variable."""
    for function in ("np.maximum", "np.minimum", "np.linalg.norm", "np.clip", "np.abs", "np.linalg.slogdet", "np.var"):
        text = text.replace(function, function.rpartition(".")[2])
    value = np.array(ARRAYS[name], complex)
    found = np.zeros(value.shape)
    for index in np.ndindex(value.shape):
        moved = value.copy()
        moved[index] += 1e-30j
        held = run(text, {**ARRAYS, name: moved, **OF_COMPLEX_NUMBERS})
        found[index] = np.sum(dy * held["y"]).imag / 1e-30
    return found


def rules_of(text: str, known: Mapping[str, Any], upstream: Any, loss: str = "") -> Rules:
    """Return the rules for the statement `dx = 0` after a forward pass; known: what it can use."""
    pairs = [pair for line in [*text.splitlines(), "return y"] for pair in pairs_of(line)]
    steps = [Step(pair.target, pair.value, {}) for pair in pairs]
    around = Surroundings(Source("dx = 0"), Scope(known, {"N": 4}, [], text.splitlines(), []))
    return Rules(around, Computed(steps, run(text, ARRAYS), [] if upstream is None else [upstream], loss), {})


@pytest.mark.parametrize(("name", "variable"), VARIABLES)
def test_the_terms_are_the_derivative(name, variable):
    """A wrong template, shape or sum over repeated axes changes a number."""
    text = STEPS[name]
    held = run(text, ARRAYS)
    dy = np.random.default_rng(1).standard_normal(np.shape(held["y"]))
    known = {k: v for k, v in held.items() if isinstance(v, (float, np.ndarray))} | {"dy": dy}
    found = next(rules_of(text, known, dy).derivative(variable))
    assert found.complete
    total = sum(eval(term, {**held, "dy": dy, "N": 4}) for term in found.terms)
    np.testing.assert_allclose(total, by_complex_step(text, variable, dy), rtol=1e-10, atol=1e-12)
    assert np.shape(total) == np.shape(ARRAYS[variable])


def test_an_adjoint_that_has_a_name_is_used():
    """Further down the path the name stands for all that is above it."""
    text = STEPS["steps"]
    held = run(text, ARRAYS)
    dy, da = np.ones((4, 2)), np.full((4, 2), 0.3)
    known = {**ARRAYS, "dy": dy, "da": da}
    assert next(rules_of(text, known, dy).derivative("x")).terms == ["da @ W.T"]
    assert "h" in held


def test_the_adjoint_of_a_loss_is_one():
    """The statement that sets the loss has no adjoint in the backward pass."""
    found = next(rules_of("y = np.sum(x ** 2)", ARRAYS, None, "y").derivative("x"))
    assert found.terms == ["2 * x"]


@pytest.mark.parametrize("text", ["y = np.sort(x)", "y = np.linalg.eigvalsh(x.T @ x)", "y = x[::2]"])
def test_what_has_no_rule_is_not_written(text):
    """Nothing is made up for an operation that no rule is known of."""
    dy = np.ones(np.shape(run(text, ARRAYS)["y"]))
    assert list(rules_of(text, {**ARRAYS, "dy": dy}, dy).derivative("x")) == []


def test_what_is_not_in_scope_is_not_written():
    """A value that the statement cannot reach, and that nothing in scope makes up, ends the path."""
    dy = np.ones((4, 3))
    assert list(rules_of("y = x * u", {"x": ARRAYS["x"], "dy": dy}, dy).derivative("x")) == []
    assert next(rules_of("y = x * u", {"u": ARRAYS["u"], "dy": dy}, dy).derivative("x")).terms == ["dy * u"]


SILU = """
def sigmoid(x):
    return 1.0 / (1.0 + np.exp(-x))

def silu(x):
    sig = sigmoid(x)
    out = x * sig
    return out, (x, sig)

def silu_backward(gout, cache):
    x, sig = cache
    return gout * sig

def example_silu():
    return np.random.default_rng(0).standard_normal((4, 3)),
"""
RNN = """
def rnn(x, W, U):
    h, hs = np.zeros(3), []
    for t in range(len(x)):
        a = x[t] @ W + h @ U
        h = np.tanh(a)
        hs.append(h)
    return np.array(hs), (x, hs, W, U)

def rnn_backward(dhs, cache):
    x, hs, W, U = cache
    dx, dW, dU, carry = np.zeros_like(x), np.zeros_like(W), np.zeros_like(U), np.zeros(3)
    for t in reversed(range(len(x))):
        dh = dhs[t] + carry
        da = dh * (1 - hs[t] ** 2)
        dx[t] = da @ W.T
        dW += np.outer(x[t], da)
        if t:
            dU += np.outer(hs[t - 1], da)
        carry = da @ U.T
    return dx, dW, dU

def example_rnn():
    r = np.random.default_rng(0)
    return r.standard_normal((4, 2)), r.standard_normal((2, 3)), r.standard_normal((3, 3))
"""
GATES = """
def gates(x, h, Wz, Uz, Wr, Ur):
    az = x @ Wz + h @ Uz
    ar = x @ Wr + h @ Ur
    y = np.tanh(az) * ar
    return y, (x, h, az, ar)

def gates_backward(dy, cache):
    x, h, az, ar = cache
    daz = dy * ar * (1 - np.tanh(az) ** 2)
    dar = dy * np.tanh(az)
    dWz, dUz = x.T @ daz, h.T @ daz
    dWr, dUr = x.T @ dar, h.T @ dar
    return dWz, dUz, dWr, dUr

def example_gates():
    r = np.random.default_rng(0)
    return [r.standard_normal(shape) for shape in ((5, 3), (5, 4), (3, 2), (4, 2), (3, 2), (4, 2))]
"""
CHAR_RNN = """
def step(inputs, targets, hprev, Wxh, Whh, Why):
    xs, hs, ps = {}, {-1: hprev}, {}
    loss = 0
    for t in range(len(inputs)):
        xs[t] = np.zeros((6, 1))
        xs[t][inputs[t]] = 1
        hs[t] = np.tanh(Wxh @ xs[t] + Whh @ hs[t - 1])
        e = np.exp(Why @ hs[t])
        ps[t] = e / e.sum()
        loss -= np.log(ps[t][targets[t], 0])
    dWxh, dWhh, dWhy = np.zeros_like(Wxh), np.zeros_like(Whh), np.zeros_like(Why)
    dhnext = np.zeros_like(hprev)
    for t in reversed(range(len(inputs))):
        dy = ps[t].copy()
        dy[targets[t]] -= 1
        dWhy += dy @ hs[t].T
        dh = Why.T @ dy + dhnext
        draw = dh * (1 - hs[t] ** 2)
        dWxh += draw @ xs[t].T
        dWhh += draw @ hs[t - 1].T
        dhnext = Whh.T @ draw
    return loss, dWxh, dWhh, dWhy

def example_step():
    r = np.random.default_rng(0)
    weights = [r.standard_normal(shape) for shape in ((4, 1), (4, 6), (4, 4), (6, 4))]
    return [0, 4, 4, 2], [4, 4, 2, 1], *weights
"""
ELU = """
def elu(x, alpha):
    y = np.where(x > 0, x, alpha * (np.exp(x) - 1))
    return y

def elu_backward(gy, x, alpha):
    gx = np.where(x > 0, gy, gy * alpha * np.exp(x))
    galpha = np.sum(np.where(x > 0, 0, gy) * (np.exp(x) - 1))
    return gx, galpha

def example_elu():
    return np.random.default_rng(0).standard_normal((4, 3)), 0.7
"""
RIDGE = """
def ridge(W1, W2, X, y, decay):
    m = len(X)
    h = np.tanh(X @ W1)
    p = h @ W2
    cost = 0.5 / m * np.sum((p - y) ** 2) + decay / 2 * (np.sum(W1 ** 2) + np.sum(W2 ** 2))
    dp = p - y
    dh = dp @ W2.T
    W2grad = h.T @ dp / m + decay * W2
    W1grad = X.T @ (dh * (1 - h ** 2)) / m + decay * W1
    return cost, W1grad, W2grad

def example_ridge():
    r = np.random.default_rng(0)
    return [r.standard_normal(shape) for shape in ((3, 4), (4, 2), (7, 3), (7, 2))] + [0.3]
"""
PROGRAMS = [
    (RIDGE, "h.T @ dp / m + decay * W2", "decay * W2", "W2grad = decay * W2 + h.T @ (dp / m)"),
    (SILU, "return gout * sig", "return gout * sig", "return gout * sig + gout * x * sig * (1 - sig)"),
    (SILU, "return gout * sig", "return gout", "return gout * x * sig * (1 - sig) + gout * sig"),
    (RNN, "da = dh * (1 - hs[t] ** 2)", "da = dh", "da = dh * (1 - hs[t] ** 2)"),
    (RNN, "dW += np.outer(x[t], da)", "dW += W", "dW += np.outer(x[t], da)"),
    (RNN, "dh = dhs[t] + carry", "dh = carry", "dh = carry + dhs[t]"),
    (GATES, "x.T @ daz, h.T @ daz", "x.T @ dar, x.T @ dar", "dWz, dUz = x.T @ daz, h.T @ daz"),
    (GATES, "dy * ar * (1 - np.tanh(az) ** 2)", "dy", "daz = dy * ar * (1 - np.tanh(az) ** 2)"),
    (CHAR_RNN, "draw = dh * (1 - hs[t] ** 2)", "draw = dh", "draw = dh * (1 - hs[t] ** 2)"),
    (
        ELU,
        "np.where(x > 0, 0, gy) * (np.exp(x) - 1))",
        "x)",
        "galpha = np.sum(np.where(x > 0, 0, gy) * (np.exp(x) - 1))",
    ),
]


@pytest.mark.parametrize(("program", "right", "wrong", "meant"), sampled(PROGRAMS, 2))
def test_what_the_rules_give_is_the_correction_where_no_small_change_is(program, right, wrong, meant):
    """The statement is left with too little to change: the derivative is written from the forward pass."""
    source = "import numpy as np\n" + program.replace(right, wrong)
    report = check_text(Text("layer.py", source, "layer.py"), Options())
    assert [statement.suggestion for statement in report.wrong] == [meant]
