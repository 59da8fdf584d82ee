"""Code whose structure hides what a name is the derivative for: containers, helpers, decorators, loops."""

import re

import pytest

from tinyad.code.checking import Options, check_text
from tinyad.code.files import Text
from tinyad.code.program import CodeError

PRELUDE = "import functools\nimport numpy as np\n"

LIST_OF_PAIRS = """
def forward(x, layers):
    inputs = []
    for W, b in layers:
        inputs.append(x)
        x = np.tanh(x @ W + b)
    return x, (inputs, x, layers)

def backward(dy, cache):
    inputs, out, layers = cache
    gradients = []
    outputs = inputs[1:] + [out]
    for k in reversed(range(len(layers))):
        W, b = layers[k]
        da = dy * (1 - outputs[k] ** 2)
        gradients.insert(0, (inputs[k].T @ da, da.sum(axis=0)))
        dy = da @ W.T
    return dy, gradients

def example():
    r = np.random.default_rng(0)
    return r.normal(size=(5, 3)), [(r.normal(size=(3, 4)), r.normal(size=4)), (r.normal(size=(4, 2)), r.normal(size=2))]
"""

DECORATED = """
def logged(function):
    @functools.wraps(function)
    def inner(*arguments):
        return function(*arguments)
    return inner

@logged
def layer_forward(x, w):
    y = np.tanh(x @ w)
    return y, (x, w, y)

@logged
def layer_backward(dy, cache):
    x, w, y = cache
    dz = dy * (1 - y * y)
    return dz @ w.T, x.T @ dz

def example_layer():
    r = np.random.default_rng(0)
    return r.normal(size=(4, 3)), r.normal(size=(3, 2))
"""

LOSS_APART = """
def forward(X, W, b):
    Z = W @ X + b
    A = 1 / (1 + np.exp(-Z))
    return A, (X, W)

def compute_cost(A, Y):
    m = Y.shape[1]
    return -(Y * np.log(A) + (1 - Y) * np.log(1 - A)).sum() / m

def backward(A, Y, cache):
    X, W = cache
    m = X.shape[1]
    dZ = (A - Y) / m
    dW = dZ @ X.T
    db = dZ.sum(axis=1, keepdims=True)
    return W.T @ dZ, dW, db

def example():
    r = np.random.default_rng(5)
    return r.normal(size=(3, 6)), r.normal(size=(2, 3)), r.normal(size=(2, 1))
"""

TRAINING_LOOP = """
r = np.random.default_rng(1)
X, Y = r.normal(size=(7, 3)), r.normal(size=(7, 2))
W, b = r.normal(size=(3, 2)), np.zeros(2)
for step in range(1000):
    P = X @ W + b
    loss = ((P - Y) ** 2).sum() / len(X)
    dP = 2 * (P - Y) / len(X)
    dW = X.T @ dP
    db = dP.sum(axis=0)
    W -= 0.1 * dW
    b -= 0.1 * db
"""

CARRIED = """
def forward(xs, h, W, U):
    hs = [h]
    for t in range(len(xs)):
        hs.append(np.tanh(W @ xs[t] + U @ hs[t]))
    return np.array(hs[1:]), (xs, hs, W, U)

def backward(dhs, cache):
    xs, hs, W, U = cache
    dW, dU, dxs = np.zeros_like(W), np.zeros_like(U), np.zeros_like(xs)
    carry = np.zeros_like(hs[0])
    for t in reversed(range(len(xs))):
        raw = (dhs[t] + carry) * (1 - hs[t + 1] ** 2)
        dW += np.outer(raw, xs[t])
        dU += np.outer(raw, hs[t])
        dxs[t] = W.T @ raw
        carry = U.T @ raw
    return dxs, carry, dW, dU

def example():
    r = np.random.default_rng(2)
    return r.normal(size=(4, 3)), r.normal(size=5), r.normal(size=(5, 3)), r.normal(size=(5, 5)) / 2
"""

HELPER = """
def norm(x, g):
    r = 1 / np.sqrt((x ** 2).mean(axis=-1, keepdims=True))
    return g * x * r, (x, g, r)

def norm_grad(dy, saved):
    x, g, r = saved
    dn = dy * g
    dx = r * dn - x * r ** 3 * (dn * x).mean(axis=-1, keepdims=True)
    return dx, (dy * x * r).sum(axis=0)

def block_forward(x, g, W):
    n, saved = norm(x, g)
    y = x + n @ W
    return y, (n, saved, W)

def block_backward(dy, cache):
    n, saved, W = cache
    dW = n.T @ dy
    dx, dg = norm_grad(dy @ W.T, saved)
    dx = dx + dy
    return dx, dg, dW

def example_block():
    r = np.random.default_rng(3)
    return r.normal(size=(5, 4)), r.normal(size=4), r.normal(size=(4, 4))
"""

BOTH_IN_ONE_LOOP = """
def machine_loss(W, b, X, y, reg):
    dW, db = np.zeros_like(W), np.zeros_like(b)
    loss = 0.0
    for i in range(len(X)):
        scores = X[i] @ W + b
        for j in range(W.shape[1]):
            if j == y[i]:
                continue
            margin = scores[j] - scores[y[i]] + 1
            if margin > 0:
                loss += margin
                dW[:, j] += X[i]
                db[j] += 1
                dW[:, y[i]] -= X[i]
                db[y[i]] -= 1
    loss /= len(X)
    dW /= len(X)
    db /= len(X)
    loss += reg * np.sum(W * W)
    dW += 2 * reg * W
    return loss, dW, db

def example():
    r = np.random.default_rng(0)
    return r.normal(size=(4, 3)), r.normal(size=3), r.normal(size=(6, 4)), np.array([0, 1, 2, 1, 0, 2]), 0.1
"""

RIGHT = {
    "list of pairs": LIST_OF_PAIRS,
    "decorated": DECORATED,
    "loss apart": LOSS_APART,
    "training loop": TRAINING_LOOP,
    "carried": CARRIED,
    "helper": HELPER,
    "both in one loop": BOTH_IN_ONE_LOOP,
}
WRONG = {
    "list of pairs": ("da.sum(axis=0))", "da.mean(axis=0))", "gradients.insert"),
    "decorated": ("(1 - y * y)", "(1 + y * y)", "dz = "),
    "loss apart": ("(A - Y) / m", "(A + Y) / m", "dZ = "),
    "training loop": ("2 * (P - Y)", "(P - Y)", "dP = "),
    "carried": ("carry = U.T @ raw", "carry = U @ raw", "carry = U"),
    "helper": ("dx = dx + dy", "dx = dx - dy", "dx = dx"),
    "both in one loop": ("dW[:, y[i]] -=", "dW[:, y[i]] +=", "dW[:, y[i]]"),
}


def report(source, **options):
    return check_text(Text("source.py", PRELUDE + source), Options(**options))


@pytest.mark.parametrize("case", RIGHT)
def test_right_code_holds(case):
    found = report(RIGHT[case])
    assert found.ok, found.text()
    assert len(found.verdicts) >= 2


@pytest.mark.parametrize("case", WRONG)
def test_the_wrong_statement_is_named_and_no_other(case):
    right, wrong, beginning = WRONG[case]
    source = RIGHT[case].replace(right, wrong)
    assert source != RIGHT[case]
    found = report(source)
    assert not found.ok
    lines = (PRELUDE + source).splitlines()
    named = {v.suggestion_line or v.line for v in found.wrong}
    assert {lines[line - 1].strip()[: len(beginning)] for line in named} == {beginning}, found.text()


def test_nothing_judged_is_no_success():
    plain = DECORATED.replace("@logged\n", "")
    generator = report(plain.replace("return dz @ w.T, x.T @ dz", "yield dz"))
    assert not generator.ok
    assert "is a generator" in generator.errors[0]
    nothing = report(plain.replace("return dz @ w.T, x.T @ dz", "q = dz @ w.T").replace("dz", "zz"))
    assert not nothing.ok
    assert "returns nothing" in nothing.errors[0]


def test_a_kink_at_the_point_is_not_judged():
    source = """
def forward(x):
    return np.maximum(x, 0), x

def backward(dy, x):
    dx = dy * (x > 0)
    return dx

def example():
    return np.array([[1.0, 0.0], [-2.0, 3.0]])
"""
    found = report(source)
    assert not found.wrong
    assert "kink" in found.text()
    assert report(source.replace("[1.0, 0.0]", "[1.0, 0.5]")).ok
    assert report(source.replace("[1.0, 0.0]", "[1.0, 0.5]").replace("x > 0", "x < 0")).wrong


@pytest.mark.parametrize(
    ("source", "said"),
    [
        (CARRIED.replace("hs = [h]", "hs = [h]\n    while True: pass"), "endless loop"),
        (DECORATED.replace("np.tanh(x @ w)", "np.tanh(x @ w) + np.random.default_rng().normal()"), "without a seed"),
        (DECORATED.replace("x, w, y = cache", "x, w = cache"), "too many values to unpack"),
        (DECORATED.replace("example_layer", "other"), "Paste this"),
        (DECORATED.replace("r.normal(size=(4, 3)), r", "r.normal(size=(4, 3)), 1, r"), "3 arguments"),
    ],
)
def test_what_cannot_be_run_is_told(source, said):
    found = report(source, seconds=1.0)
    assert not found.ok
    assert said in found.errors[0]


@pytest.mark.parametrize(
    ("source", "said"),
    [
        (DECORATED + "\nreturn 1\n", "source.py:{last}: this is not Python: 'return' outside function"),
        (DECORATED.replace("np.tanh(x @ w)", "+".join(["x"] * 600)), "source.py: nested too deeply"),
    ],
)
def test_what_is_no_program_is_told(source, said):
    last = (PRELUDE + source).rstrip().count("\n") + 1
    with pytest.raises(CodeError, match=f"^{re.escape(said.format(last=last))}$"):
        report(source)


RANDOM = """
import random

def forward(x, w):
    mask = (np.random.rand(*x.shape) < 0.5) / 0.5
    noise = np.random.randn(*x.shape[1:]) + random.random()
    return x * mask * noise * w, (x, mask, noise, w)

def backward(dy, cache):
    x, mask, noise, w = cache
    dx = dy * mask * noise * w
    dw = (dy * x * mask * noise).sum(axis=0)
    return dx, dw

def example():
    np.random.seed(0)
    random.seed(0)
    return np.random.randn(4, 3), np.random.randn(3)
"""


def test_every_run_draws_the_same_random_numbers():
    found = report(RANDOM)
    assert found.ok, found.text()
    assert [v.name for v in report(RANDOM.replace("x * mask * noise).", "x * mask).")).wrong] == ["dw"]


def test_a_name_that_the_forward_pass_does_not_have_is_told():
    assert "nothing in the forward pass is called nope" in report(DECORATED, names={"dz": "nope"}).errors[0]
    with pytest.raises(CodeError, match="no function nope"):
        report(DECORATED, pairs=("nope",))


MEAN = """
def forward(x, W, b):
    return x @ W + b, (x, W)

def backward(dy, cache):
    x, W = cache
    dW = x.T @ dy / len(x)
    db = dy.sum(axis=0) / len(x)
    dx = dy @ W.T
    return dx, dW, db

def example():
    r = np.random.default_rng(4)
    return r.normal(size=(6, 3)), r.normal(size=(3, 2)), r.normal(size=2)
"""


def test_a_mean_at_all_parameters_is_a_convention_and_at_one_a_mistake():
    found = report(MEAN)
    assert found.ok
    assert "dW and db are 1/6 of the derivative" in found.text()
    one = report(MEAN.replace("dy.sum(axis=0) / len(x)", "dy.sum(axis=0)"))
    assert [v.suggestion for v in one.wrong] == ["dW = x.T @ dy"]
    other = report(MEAN.replace("/ len(x)", "/ 7"))
    assert len(other.wrong) == 2


PART_BY_PART = """
def forward(x):
    return np.tanh(x), x

def backward(dy, x):
    dx = np.full(x.shape, MEMORY)
    for k in range(2):
        dx[k::2] = dy[k::2] * (1 - np.tanh(x[k::2]) ** 2)
    return dx

def example():
    return np.array([0.3, -0.2, 0.7, 1.1, -0.5])
"""


@pytest.mark.parametrize("memory", ["0.0", "-3.0", "1e300", "np.inf", "np.nan"])
def test_what_an_array_holds_before_it_is_filled_is_no_mistake(memory):
    source = PART_BY_PART.replace("MEMORY", memory)
    assert report(source).ok
    (wrong,) = report(source.replace("1 - np.tanh", "1 + np.tanh")).wrong
    assert "dx[k::2] = " in wrong.text


ONE_EXAMPLE = """
class Scale:
    def __init__(self, w):
        self.w = w

    def forward(self, x):
        self.x = x
        return x * self.w

    def backward(self, dy):
        self.dw = (dy * self.x).sum(axis=0)
        return dy * self.w

class Square:
    def forward(self, x):
        self.x = x
        return x * x

    def backward(self, dy):
        return 2 * dy * self.x

def example():
    r = np.random.default_rng(0)
    return Scale(r.normal(size=3)), (r.normal(size=(4, 3)),)
"""


def test_the_one_example_of_a_file_is_for_its_class_alone():
    report = check_text(Text("layers.py", PRELUDE + ONE_EXAMPLE), Options())
    assert [pair.name for pair in report.pairs] == ["Scale"]
    assert report.ok
    other = check_text(Text("layers.py", PRELUDE + ONE_EXAMPLE), Options(pairs=("Square",)))
    assert "example returns Scale first" in other.pairs[0].error


CACHE_AND_LABELS = """
def forward(X, W, b):
    A = 1 / (1 + np.exp(-(X @ W + b)))
    return A, (X, A)

def backward(cache, y):
    X, A = cache
    dZ = (A - y) / len(X)
    dW = X.T @ dZ
    db = dZ.sum(0)
    return {"W": dW, "b": db}

def example():
    r = np.random.default_rng(0)
    return r.normal(size=(6, 3)), r.normal(size=(3, 2)), r.normal(size=2)
"""


def test_a_cache_before_labels_is_no_adjoint():
    report = check_text(Text("net.py", PRELUDE + CACHE_AND_LABELS), Options())
    assert [pair.error for pair in report.pairs] == [""]
    assert report.ok
    wrong = CACHE_AND_LABELS.replace("dZ.sum(0)", "dZ.mean(0)")
    assert not check_text(Text("net.py", PRELUDE + wrong), Options()).ok


@pytest.mark.parametrize(
    ("statements", "line"),
    [
        ("    d = dy * (1 -\nh ** 2)\n    dw = (x.T @\nd)", 12),
        ("    d = dy * (1 - h ** 2); dw = (x.T @\n  d)", 10),
    ],
)
def test_a_statement_goes_on_anywhere_in_the_next_line(statements, line):
    source = f"""
def forward(x, w):
    h = np.tanh(x @ w)
    return h, (x, w, h)

def backward(dy, cache):
    x, w, h = cache
{statements}
    dx = d @ w.T
    return dx, dw

def example():
    r = np.random.default_rng(0)
    return r.normal(size=(4, 3)), r.normal(size=(3, 2))
"""
    assert report(source).ok
    assert [v.line for v in report(source.replace("x.T @", "2 * x.T @")).wrong] == [line]
