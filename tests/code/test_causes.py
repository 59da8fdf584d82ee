"""Of several statements that are wrong because of one, the one is named; certain is only what makes all right."""

import pytest

from tests.support.sampling import sampled
from tinyad.code.checking import Options, check_text
from tinyad.code.files import Text

PRELUDE = "import numpy as np\n"

TWO_LAYERS = """
def net_forward(x, W1, W2):
    h = np.tanh(x @ W1)
    y = h @ W2
    return y, (x, W1, W2, h)

def net_backward(dy, cache):
    x, W1, W2, h = cache
    dW2 = h.T @ dy
    dh = dy @ W2.T
    dz = dh * (1 - h ** 2)
    dW1 = x.T @ dz
    dx = dz @ W1.T
    return dx, dW1, dW2

def example_net():
    r = np.random.default_rng(0)
    return r.normal(size=(5, 3)), r.normal(size=(3, 3)), r.normal(size=(3, 3))
"""

LSTM = """
def sigmoid(z):
    return 1 / (1 + np.exp(-z))

def lstm_forward(x, h0, c0, W, U, b):
    h, c, H = h0, c0, len(h0)
    cache, hs = [], []
    for t in range(len(x)):
        z = x[t] @ W + h @ U + b
        i, f, o = sigmoid(z[:H]), sigmoid(z[H:2 * H]), sigmoid(z[2 * H:3 * H])
        g = np.tanh(z[3 * H:])
        c_prev, h_prev = c, h
        c = f * c_prev + i * g
        h = o * np.tanh(c)
        cache.append((x[t], h_prev, c_prev, i, f, o, g, c))
        hs.append(h)
    return np.array(hs), (cache, W, U)

def lstm_backward(dhs, saved):
    cache, W, U = saved
    T, H = dhs.shape
    dW, dU, db = np.zeros_like(W), np.zeros_like(U), np.zeros(4 * H)
    dx = np.zeros((T, W.shape[0]))
    dh_next, dc_next = np.zeros(H), np.zeros(H)
    for t in reversed(range(T)):
        xt, h_prev, c_prev, i, f, o, g, c = cache[t]
        dh = dhs[t] + dh_next
        do = dh * np.tanh(c)
        dc = dh * o * (1 - np.tanh(c) ** 2) + dc_next
        di = dc * g
        df = dc * c_prev
        dg = dc * i
        dc_next = dc * f
        dz = np.concatenate([di * i * (1 - i), df * f * (1 - f), do * o * (1 - o), dg * (1 - g ** 2)])
        dW += np.outer(xt, dz)
        dU += np.outer(h_prev, dz)
        db += dz
        dx[t] = W @ dz
        dh_next = U @ dz
    return dx, dh_next, dc_next, dW, dU, db

def example_lstm():
    r = np.random.default_rng(0)
    x, h0, c0 = r.normal(size=(4, 3)), r.normal(size=2), r.normal(size=2)
    return x, h0, c0, r.normal(size=(3, 8)), r.normal(size=(2, 8)), r.normal(size=8)
"""

MEAN_OF_ALL = """
def mse(P, Y):
    loss = ((P - Y) ** 2).mean()
    dP = 2 * (P - Y) / (len(P) * P.shape[1])
    return loss, dP

def example_mse():
    r = np.random.default_rng(1)
    return r.normal(size=(7, 2)), r.normal(size=(7, 2))
"""

SCRIPT = """
r = np.random.default_rng(1)
X, Y = r.normal(size=(7, 3)), r.normal(size=(7, 2))
W, b = r.normal(size=(3, 2)), r.normal(size=2)
P = X @ W + b
loss = ((P - Y) ** 2).mean()
dP = 2 * (P - Y) / P.size
dW = X.T @ dP
db = dP.sum(axis=0)
"""

WINDOWS = """
def conv1d_forward(x, w):
    N, K = x.shape[1], len(w)
    y = np.zeros((len(x), N - K + 1))
    for i in range(N - K + 1):
        y[:, i] = x[:, i:i + K] @ w
    return y, (x, w)

def conv1d_backward(dy, cache):
    x, w = cache
    K = len(w)
    dx = np.zeros_like(x)
    dw = np.zeros_like(w)
    for i in range(dy.shape[1]):
        dx[:, i:i + K] += np.outer(dy[:, i], w)
        dw += x[:, i:i + K].T @ dy[:, i]
    return dx, dw

def example_conv1d():
    r = np.random.default_rng(3)
    return r.normal(size=(3, 8)), r.normal(size=3)
"""

NUMBERED = """
def standardize_forward(x):
    N = len(x)
    mu = x.sum(axis=0) / N
    xmu = x - mu
    sq = xmu ** 2
    var = sq.sum(axis=0) / N
    ivar = 1 / np.sqrt(var + 1e-5)
    y = xmu * ivar
    return y, (xmu, ivar)

def standardize_backward(dout, cache):
    xmu, ivar = cache
    N = len(xmu)
    divar = (dout * xmu).sum(axis=0)
    dx1 = dout * ivar
    dvar = -0.5 * ivar ** 3 * divar
    dx2 = 2 * xmu * dvar / N
    dx = dx1 + dx2
    dmu = -dx.sum(axis=0)
    dx = dx + dmu / N
    return dx

def example_standardize():
    r = np.random.default_rng(4)
    return (r.normal(size=(6, 3)),)
"""

LEFT_ON_SELF = """
class Rnn:
    def __init__(self, U, b):
        self.U, self.b = U, b

    def forward(self, xs):
        self.hs, h = [], np.zeros(len(self.b))
        for x in xs:
            h = np.tanh(x + self.U @ h + self.b)
            self.hs.append(h)
        return np.array(self.hs)

    def backward(self, dhs):
        self.dU, self.db = np.zeros_like(self.U), np.zeros_like(self.b)
        carry = np.zeros_like(self.b)
        for t in reversed(range(len(dhs))):
            da = (dhs[t] + carry) * (1 - self.hs[t] ** 2)
            self.db += da
            if t > 0:
                self.dU += np.outer(da, self.hs[t - 1])
            carry = self.U.T @ da

def example_Rnn():
    r = np.random.default_rng(5)
    return Rnn(r.normal(size=(3, 3)), r.normal(size=3)), (r.normal(size=(4, 3)),)
"""

GATHERED = """
def step_forward(x, h, W, b):
    a = x @ W + b
    y = np.tanh(a) + h
    return y, (x, W, y - h)

def step_backward(dy, cache):
    x, W, t = cache
    da = dy * (1 - t ** 2)
    dW = x.T @ da
    db = da.sum(axis=0)
    return da @ W.T, dy, dW, db

def run_forward(xs, h, W, b):
    caches = []
    for x in xs:
        h, cache = step_forward(x, h, W, b)
        caches.append(cache)
    return h, caches

def run_backward(dh, caches):
    grads, dxs = None, []
    for cache in caches[::-1]:
        dx, dh, *g = step_backward(dh, cache)
        dxs.insert(0, dx)
        grads = g if grads is None else [one + other for one, other in zip(grads, g)]
    dW, db = grads
    return np.array(dxs), dh, dW, db

def example_run():
    r = np.random.default_rng(6)
    return r.normal(size=(3, 2, 4)), r.normal(size=(2, 5)), r.normal(size=(4, 5)), r.normal(size=5)
"""

STORED = """
def depthwise_forward(x, w):
    y = np.zeros_like(x)
    for i in range(len(w)):
        y[i] = x[i] * w[i]
    return y, (x, w)

def depthwise_backward(dy, cache):
    x, w = cache
    dx, dw = np.zeros_like(x), np.zeros_like(w)
    for i in range(len(w)):
        dx[i] = dy[i] * w[i]
        dw[i] = dy[i] @ x[i]
    return dx, dw

def example_depthwise():
    r = np.random.default_rng(7)
    return r.normal(size=(3, 4)), r.normal(size=3)
"""

IN_LISTS = """
def sigmoid(z):
    return 1 / (1 + np.exp(-z))

def cells_forward(xs, c0, Wf, Wg):
    cs, fs, gs = [c0], [], []
    for t in range(len(xs)):
        f = sigmoid(xs[t] @ Wf)
        g = np.tanh(xs[t] @ Wg)
        c = f * cs[t] + (1 - f) * np.tanh(g + cs[t])
        fs.append(f)
        gs.append(g)
        cs.append(c)
    return np.array(cs[1:]), (xs, cs, fs, gs)

def cells_backward(dcs, cache):
    xs, cs, fs, gs = cache
    dWf, dWg = np.zeros((xs.shape[1], len(cs[0]))), np.zeros((xs.shape[1], len(cs[0])))
    dc_next = np.zeros_like(cs[0])
    for t in reversed(range(len(xs))):
        f, g = fs[t], gs[t]
        n = np.tanh(g + cs[t])
        dc = dcs[t] + dc_next
        df = dc * (cs[t] - n)
        dn = dc * (1 - f)
        da = dn * (1 - n ** 2)
        dzf = df * f * (1 - f)
        dWf += np.outer(xs[t], dzf)
        dWg += np.outer(xs[t], da * (1 - g ** 2))
        dc_next = dc * f + da
    return dc_next, dWf, dWg

def example_cells():
    r = np.random.default_rng(8)
    return r.normal(size=(4, 3)), r.normal(size=2), r.normal(size=(3, 2)), r.normal(size=(3, 2))
"""

IN_PAIRS = """
r = np.random.default_rng(9)
X, Y = r.normal(size=(5, 3)), r.normal(size=(5, 2))
Wx, Wh, bh, Wy = (r.normal(size=shape) for shape in ((3, 4), (4, 4), 4, (4, 2)))
for epoch in range(3):
    S = np.zeros((6, 4))
    for t in range(5):
        S[t] = np.tanh(X[t] @ Wx + S[t - 1] @ Wh + bh)
    O = S[:5] @ Wy
    loss = np.mean((O - Y) ** 2)
    dO = 2 * (O - Y) / O.size
    dWy = S[:5].T @ dO
    dWx, dWh, dbh = np.zeros_like(Wx), np.zeros_like(Wh), np.zeros_like(bh)
    carry = np.zeros(4)
    for t in range(5)[::-1]:
        delta = (dO[t] @ Wy.T + carry) * (1 - S[t] ** 2)
        dWx += np.outer(X[t], delta)
        dWh += np.outer(S[t - 1], delta)
        dbh += delta
        carry = delta @ Wh.T
    for P, dP in ((Wx, dWx), (Wh, dWh), (bh, dbh), (Wy, dWy)):
        P -= 0.1 * dP
"""

RIGHT = {
    "in pairs": IN_PAIRS,
    "in lists": IN_LISTS,
    "left on self": LEFT_ON_SELF,
    "gathered": GATHERED,
    "stored": STORED,
    "two layers": TWO_LAYERS,
    "lstm": LSTM,
    "mean of all": MEAN_OF_ALL,
    "script": SCRIPT,
    "windows": WINDOWS,
    "numbered": NUMBERED,
}

# The source, what stands there, and what is planted; the suggestion is what stood there, and certain.
ONE_CAUSE = [
    ("two layers", "return dx, dW1, dW2", "return dx, dW2, dW1"),
    ("lstm", "dc_next = dc * f", "dc_next = dc * i"),
    ("mean of all", "dP = 2 * (P - Y) / (len(P) * P.shape[1])", "dP = 2 * (P - Y) / len(P)"),
    ("windows", "dx[:, i:i + K] += np.outer(dy[:, i], w)", "dx[:, i:i + K] = np.outer(dy[:, i], w)"),
    ("numbered", "dx1 = dout * ivar", "dx1 = dout * xmu"),
    ("numbered", "dx2 = 2 * xmu * dvar / N", "dx2 = 2 * xmu * dvar"),
    ("numbered", "dx = dx1 + dx2", "dx = dx1 - dx2"),
    ("in pairs", "carry = delta @ Wh.T", "carry = delta @ Wh"),
    ("in pairs", "dWh += np.outer(S[t - 1], delta)", "dWh += np.outer(S[t], delta)"),
    ("in lists", "dc_next = dc * f + da", "dc_next = dc * f + dzf"),
    ("in lists", "dc_next = dc * f + da", "dc_next = dc * f"),
    ("left on self", "self.db += da", "self.db = da"),
    ("gathered", "db = da.sum(axis=0)", "db = da.sum(axis=1)"),
    ("stored", "return dx, dw", "return dx, w"),
]


def report(source):
    return check_text(Text("source.py", PRELUDE + source), Options())


@pytest.mark.parametrize("case", RIGHT)
def test_right_code_holds(case):
    found = report(RIGHT[case])
    assert found.ok, found.text()


@pytest.mark.parametrize(("case", "was", "now"), sampled(ONE_CAUSE))
def test_the_one_cause_is_named_with_what_was_meant(case, was, now):
    source = RIGHT[case].replace(was, now)
    assert source != RIGHT[case]
    found = report(source)
    lines = (PRELUDE + source).splitlines()
    assert [lines[v.line - 1].strip() for v in found.wrong] == [now], found.text()
    assert [(v.suggestion, v.grade) for v in found.wrong] == [(was, "certain")], found.text()


def test_results_that_are_exchanged_are_told_in_one_verdict():
    found = report(TWO_LAYERS.replace("return dx, dW1, dW2", "return dx, dW2, dW1"))
    assert [v.message for v in found.wrong] == ["dW2 and dW1 are exchanged"]
    other = report(TWO_LAYERS.replace("return dx, dW1, dW2", "return dx, dW2, dW2"))
    assert [v.message for v in other.wrong] == [""]


def test_a_number_that_is_a_size_by_chance_is_not_certain():
    found = report(SCRIPT.replace("/ P.size", "/ len(X)"))
    assert [v.name for v in found.wrong] == ["dP"]
    assert found.wrong[0].grade == "likely"
    assert "dP = 2 * (P - Y) / (len(X) * Y.shape[1])" in found.wrong[0].others


def test_two_independent_mistakes_are_both_named_and_certain_together():
    source = TWO_LAYERS.replace("dW2 = h.T @ dy", "dW2 = -h.T @ dy").replace("dW1 = x.T @ dz", "dW1 = -x.T @ dz")
    found = report(source)
    assert [(v.name, v.suggestion, v.grade) for v in found.wrong] == [
        ("dW2", "dW2 = h.T @ dy", "certain"),
        ("dW1", "dW1 = x.T @ dz", "certain"),
    ]


def test_a_derivative_of_a_wrong_shape_that_a_script_leaves_does_not_fit():
    found = report(SCRIPT.replace("dP.sum(axis=0)", "dP.sum(axis=1)"))
    assert [(v.name, str(v.verdict)) for v in found.wrong] == [("db", "does not fit")]
    assert found.wrong[0].suggestion == "db = dP.sum(axis=0)"


LISTS_OF_DERIVATIVES = """
import numpy as np

def net_forward(x, weights, biases):
    hs = [x]
    for w, b in zip(weights, biases):
        hs.append(np.tanh(hs[-1] @ w + b))
    return hs[-1], (hs, weights)

def net_backward(dout, cache):
    hs, weights = cache
    nabla_w, nabla_b = [], []
    for k in reversed(range(len(weights))):
        dz = dout * (1 - hs[k + 1] ** 2)
        nabla_w.insert(0, hs[k].T @ dz)
        nabla_b.insert(0, dz.sum(axis=0))
        dout = dz @ weights[k].T
    return dout, nabla_w, nabla_b

def example_net():
    r = np.random.default_rng(0)
    return r.normal(size=(3, 4)), [r.normal(size=(4, 5)), r.normal(size=(5, 2))], [r.normal(size=5), r.normal(size=2)]
"""


def test_lists_of_derivatives_that_are_exchanged_do_not_fit():
    assert check_text(Text("net.py", LISTS_OF_DERIVATIVES), Options()).ok
    turned = LISTS_OF_DERIVATIVES.replace("dout, nabla_w, nabla_b", "dout, nabla_b, nabla_w")
    report = check_text(Text("net.py", turned), Options())
    assert [v.name for v in report.wrong] == ["nabla_b[0]", "nabla_w[0]"]
    assert {v.suggestion for v in report.wrong} == {"return dout, nabla_w, nabla_b"}


TWO_MISTAKES = """
def loss(W1, b1, W2, X, y, reg):
    N = len(X)
    h = np.maximum(0, X.dot(W1) + b1)
    scores = h.dot(W2)
    p = np.exp(scores - scores.max(axis=1, keepdims=True))
    p /= p.sum(axis=1, keepdims=True)
    loss = -np.log(p[np.arange(N), y]).sum() / N + reg * (np.sum(W1 * W1) + np.sum(W2 * W2))
    dscores = p.copy()
    dscores[np.arange(N), y] -= 1
    dscores /= N
    dW2 = h.T.dot(dscores) + 2 * reg * W2
    dh = dscores.dot(W2.T)
    dh[h < 0] = 0
    dW1 = X.T.dot(dh) + reg * W1
    db1 = dh.sum(axis=0)
    return loss, dW1, db1, dW2

def example_loss():
    r = np.random.default_rng(0)
    W1, b1, W2 = r.normal(size=(4, 5)), r.normal(size=5), r.normal(size=(5, 3))
    return W1, b1, W2, r.normal(size=(6, 4)), np.array([0, 1, 2, 2, 1, 0]), 0.3
"""


def test_a_mistake_is_mended_together_with_one_elsewhere_that_spoils_the_same():
    wrong = check_text(Text("net.py", PRELUDE + TWO_MISTAKES), Options()).pairs[0].wrong
    assert {(s.suggestion_line, s.suggestion, s.grade) for s in wrong} == {
        (15, "dh[h <= 0] = 0", "certain"),
        (16, "dW1 = X.T.dot(dh) + 2 * reg * W1", "certain"),
    }


COINCIDENCES = """
def mse(p, y):
    n = p.size
    loss = np.sum((p - y) ** 2) / n
    return loss, (p, y, n)

def mse_backward(cache):
    p, y, n = cache
    dp = 2 * (p - y) / n
    return dp

def example_mse():
    return np.random.default_rng(0).normal(size=(2, 3)), {labels}
"""


@pytest.mark.parametrize(
    ("labels", "wrong", "grade"),
    [
        ("np.array([[0.3, 0.0, -1.0], [2.0, 0.0, 0.0]])", "dp = 2 * (y - p) / n", "certain"),
        ("np.zeros((2, 3), int)", "dp = 2 * (y - p) / n", "likely"),
    ],
)
def test_what_is_tried_with_zeros_alone_is_not_certain(labels, wrong, grade):
    """2 * (y + p) / n would be right as well where y is 0 throughout."""
    source = COINCIDENCES.replace("{labels}", labels).replace("dp = 2 * (p - y) / n", wrong)
    (found,) = report(source).wrong
    assert found.suggestion
    assert found.grade == grade


EPOCHS = """
r = np.random.default_rng(0)
X, y = r.normal(size=(5, 3)), r.normal(size=(5, 2))
W = r.normal(size=(3, 2))
for epoch in range(3):
    P = X @ W
    loss = np.sum((P - y) ** 2)
    dP = 2 * (P - y)
    dW = X.T @ dP
    W = W - 0.1 * dW
"""


def test_a_loop_variable_is_no_factor():
    (found,) = report(EPOCHS.replace("dP = 2 * (P - y)", "dP = 3 * (P - y)")).wrong
    assert found.suggestion == "dP = 2 * (P - y)"
    assert not any("epoch" in other for other in found.others)


MASKED = """
def masked_forward(pred, target, mask):
    diff = pred - target
    diff[~mask] = 0
    loss = 0.5 * np.sum(diff ** 2) / mask.sum()
    return loss, (diff, mask)

def masked_backward(cache):
    diff, mask = cache
    dpred = diff / mask.sum()
    return dpred

def example_masked():
    r = np.random.default_rng(2)
    return r.normal(size=(4, 3)), r.normal(size=(4, 3)), r.normal(size=(4, 3)) > -0.5
"""


def test_a_part_that_the_forward_pass_sets_by_a_mask_stops_no_check():
    (found,) = report(MASKED.replace("dpred = diff / mask.sum()", "dpred = diff / mask.mean()")).wrong
    assert found.suggestion == "dpred = diff / mask.sum()"
