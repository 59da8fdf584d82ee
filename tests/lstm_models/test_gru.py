"""The four forms of the GRU and the plain RNN: torch, autograd, the identity between the updates, planted mistakes."""

import autograd
import autograd.numpy as anp
import numpy as np
import pytest

from lstm_models import gru_by_hand
from lstm_models.gru import FORMS, GRUS, RNN, cell
from lstm_models.sequence import record
from tests.support.modelpoints import H, ModelPoint, X
from tests.support.planted import AT, found_in_its_line
from tests.support.points import close
from tests.support.sampling import sampled

MODELS = {model.name: model for model in GRUS}


# The equations as the papers print them, written again for any numpy


def equations(np, h, x, p, reset, update):
    def sigmoid(a):
        return 1 / (1 + np.exp(-a))

    r = sigmoid(p["W_r"] @ x + p["R_r"] @ h + p["b_r"])
    z = sigmoid(p["W_z"] @ x + p["R_z"] @ h + p["b_z"])
    if reset == "before":
        candidate = np.tanh(p["W_n"] @ x + p["R_n"] @ (r * h) + p["b_n"])
    else:
        candidate = np.tanh(p["W_n"] @ x + p["b_n"] + r * (p["R_n"] @ h + p["c_n"]))
    return z * h + (1 - z) * candidate if update == "keeps" else (1 - z) * h + z * candidate


def rnn_equation(np, h, x, p):
    return np.tanh(p["W"] @ x + p["R"] @ h + p["b"])


def loss(step, point, leaves):
    h, total = leaves["h[0]"], 0
    for t, dh in enumerate(point.dhs, 1):
        h = step(anp, h, leaves[f"x[{t}]"], leaves)
        total = total + (dh * h).sum()
    return total


STEPS = {name: lambda np, h, x, p, form=form: equations(np, h, x, p, *form) for name, form in FORMS.items()}


@pytest.mark.parametrize("model", [*GRUS, RNN], ids=lambda model: model.name)
def test_tape_and_hand_are_autograd(model):
    point, step = ModelPoint(model), STEPS.get(model.name, rnn_equation)
    h, hand = point.start["h"], point.hand()
    for x, eqs in zip(point.xs, point.steps, strict=True):
        h = step(np, h, x, point.parameters)
        assert close(eqs["h"].value, h)
    gradient = autograd.grad(lambda leaves: loss(step, point, leaves))(point.leaves)
    for name in point.leaves:
        assert close(point.d[name].T, gradient[name]), name
        assert close(hand[name], gradient[name]), name


def test_the_forms_differ():
    """At the same parameters, states and seeds: no two have the same h, nor the same derivative of anything."""
    points = [same_point(name) for name in FORMS]
    for k, (d, steps) in enumerate(points):
        for other, others in points[:k]:
            for ours, theirs in zip(steps, others, strict=True):
                assert not close(ours["h"].value, theirs["h"].value, 1e-3)
            for name in ("W_r", "R_z", "b_n", "R_n", "h[0]", "x[1]", "a_r[2]"):
                assert not close(d[name], other[name], 1e-3), name


def same_point(name, sign=1):
    """The backward pass of a form at the point of "gru", with the sign of the update gate's argument to choose."""
    point, model = ModelPoint(MODELS["gru"]), MODELS[name]
    weights = {key: point.parameters[key] for key in model.shapes(H, X)}
    weights |= {key: sign * weights[key] for key in ("W_z", "R_z", "b_z")}
    tape, steps = record(model, point.start, point.xs, weights)
    return tape.backward(point.seeds), steps


@pytest.mark.parametrize(("keeps", "takes"), [("gru", "gru-takes"), ("gru-before", "gru-before-takes")])
def test_a_gate_that_takes_is_one_that_keeps_of_the_opposite_argument(keeps, takes):
    """1 - σ(a) = σ(-a): z and 1 - z change places."""
    (d, steps), (other, others) = same_point(keeps), same_point(takes, sign=-1)
    for ours, theirs in zip(steps, others, strict=True):
        for name in ("r", "n", "h", "kept", "taken"):
            assert close(ours[name].value, theirs[name].value), name
        assert close(ours["z"].value, theirs["rest"].value)
        assert close(ours["rest"].value, theirs["z"].value)
    for name in other.tape.names.values():
        stem = name.partition("[")[0]
        if stem != "rest":
            sign = -1 if stem == "z" or stem.endswith("_z") else 1
            assert close(d[name], sign * other[name], 1e-12), name
    assert not close(d["W_z"], other["W_z"], 1e-3)


def rows(point, *names):
    return np.vstack([point.parameters[name] for name in names])


def run_in_torch(layer, point, weights):
    """(h_1 to h_T, the derivatives of weights, xs and h_0), all with examples as columns."""
    torch = pytest.importorskip("torch")
    with torch.no_grad():
        for name, value in weights.items():
            getattr(layer, name).copy_(torch.tensor(value))
    xs = torch.tensor(np.stack([x.T for x in point.xs]), requires_grad=True)
    start = torch.tensor(point.start["h"].T[None], requires_grad=True)
    hs, _ = layer(xs, start)
    (hs * torch.tensor(np.stack([dh.T for dh in point.dhs]))).sum().backward()
    gradient = {name: getattr(layer, name).grad.numpy() for name in weights}
    gradient |= {f"x[{t}]": dx.T for t, dx in enumerate(xs.grad.numpy(), 1)}
    return [h.T for h in hs.detach().numpy()], gradient | {"h[0]": start.grad.numpy()[0].T}


def assert_torch(point, hs, gradient, stacked):
    """`stacked`: what torch calls the rows of which parameters."""
    for eqs, h in zip(point.steps, hs, strict=True):
        assert close(eqs["h"].value, h, 1e-12)
    for name, names in stacked.items():
        gradient |= dict(zip(names, np.split(gradient.pop(name), len(names)), strict=True))
    hand = point.hand()
    for name in point.leaves:
        right = gradient[name].reshape(point.leaves[name].shape)
        assert close(point.d[name].T, right, 1e-12), name
        assert close(hand[name], right, 1e-12), name


def test_gru_is_torch():
    torch = pytest.importorskip("torch")
    point = ModelPoint(MODELS["gru"])
    second = np.random.default_rng(7).standard_normal((3 * H, 1))  # torch has two biases for r and z, we their sum
    second[2 * H :] = point.parameters["c_n"]
    first = rows(point, "b_r", "b_z", "b_n")
    first[: 2 * H] -= second[: 2 * H]
    weights = {
        "weight_ih_l0": rows(point, "W_r", "W_z", "W_n"),
        "weight_hh_l0": rows(point, "R_r", "R_z", "R_n"),
        "bias_ih_l0": first[:, 0],
        "bias_hh_l0": second[:, 0],
    }
    hs, gradient = run_in_torch(torch.nn.GRU(X, H, dtype=torch.float64), point, weights)
    stacked = {
        "weight_ih_l0": ("W_r", "W_z", "W_n"),
        "weight_hh_l0": ("R_r", "R_z", "R_n"),
        "bias_ih_l0": ("b_r", "b_z", "b_n"),
        "bias_hh_l0": ("b_r", "b_z", "c_n"),
    }
    assert_torch(point, hs, gradient, stacked)


def test_rnn_is_torch():
    torch = pytest.importorskip("torch")
    point = ModelPoint(RNN)
    half = 0.25 * point.parameters["b"][:, 0]
    weights = {
        "weight_ih_l0": point.parameters["W"],
        "weight_hh_l0": point.parameters["R"],
        "bias_ih_l0": half,
        "bias_hh_l0": 3 * half,
    }
    hs, gradient = run_in_torch(torch.nn.RNN(X, H, dtype=torch.float64), point, weights)
    stacked = {"weight_ih_l0": ("W",), "weight_hh_l0": ("R",), "bias_ih_l0": ("b",), "bias_hh_l0": ("b",)}
    assert_torch(point, hs, gradient, stacked)


@pytest.mark.parametrize(("reset", "update"), [("behind", "keeps"), ("after", "take"), ("keeps", "after")])
def test_unknown_forms_are_refused(reset, update):
    point = ModelPoint(MODELS["gru"])
    said = f"^reset='{reset}', update='{update}': reset is 'after' or 'before' the product, update 'keeps' or 'takes'$"
    with pytest.raises(ValueError, match=said):
        cell(point.start["h"], point.xs[0], **point.parameters, reset=reset, update=update)
    with pytest.raises(ValueError, match=said):
        gru_by_hand.derivatives(point.start, point.xs, point.parameters, point.dhs, {}, reset, update)


# Planted mistakes: the line, what is written instead, and the derivative that line is for

# fmt: off
EVERYWHERE = [
    ("dr * r * (1 - r)",                 "dr * (1 - r)",                 "a_r"),     # half of σ'
    ("dr * r * (1 - r)",                 "dr * z * (1 - z)",             "a_r"),     # another gate's σ'
    ("dz * z * (1 - z)",                 "dz * r * (1 - r)",             "a_z"),
    ("dn * (1 - n**2)",                  "dn * n * (1 - n)",             "a_n"),     # σ' for tanh'
    ("dn * (1 - n**2)",                  "dn * (1 - np.tanh(n) ** 2)",   "a_n"),     # tanh' of tanh
    ("a_r @ h_prev.T",                   "a_r @ n.T",                    "R_r"),
    ('+ P["R_r"].T @ a_r',               '+ P["R_r"].T @ a_z',           "h_prev"),
    ('dh_prev + P["R_r"].T',             'P["R_r"].T',                   "h_prev"),  # = for +=
    ('P["W_z"].T @ a_z',                 'P["W_z"].T @ a_n',             "x"),
]
BY_FORM = {
    "keeps": [
        ('dz = dh * h_prev - d["rest"]', "dz = dh * h_prev",             "z"),       # without the path by 1 - z
        ('dz = dh * h_prev - d["rest"]', 'dz = dh * h_prev + d["rest"]', "z"),
        ("dn = dh * (1 - z)",            "dn = dh * z",                  "n"),       # the other update
        ("dh_prev = dh * z",             "dh_prev = dh * (1 - z)",       "h_prev"),
    ],
    "takes": [
        ('dz = dh * n - d["rest"]',      "dz = dh * n",                  "z"),
        ('dz = dh * n - d["rest"]',      'dz = d["rest"] - dh * n',      "z"),
        ("dn = dh * z",                  "dn = dh * (1 - z)",            "n"),
        ("dh_prev = dh * (1 - z)",       "dh_prev = dh * z",             "h_prev"),
    ],
    "after": [
        ("dr = a_n * q",                 "dr = a_n * h_prev",            "r"),
        ("dr = a_n * q",                 'dr = a_n * (q - P["c_n"])',    "r"),       # r ∘ (R_n h_prev), without c_n
        ("dq = a_n * r",                 "dq = a_n",                     "q_n"),     # r forgotten
        ("dq @ h_prev.T",                "a_n @ h_prev.T",               "R_n"),
        ('+ P["R_n"].T @ dq',            '+ P["R_n"].T @ a_n',           "h_prev"),
        ('dh_prev + P["R_n"].T @ dq',    'P["R_n"].T @ dq',              "h_prev"),
    ],
    "before": [
        ("dr = dq * h_prev",             "dr = dq * q",                  "r"),
        ('dq = P["R_n"].T @ a_n',        'dq = P["R_n"] @ a_n',          "rh_n"),    # no shape shows it
        ("a_n @ q.T",                    "a_n @ h_prev.T",               "R_n"),     # that of the other reset
        ("dh_prev + dq * r",             "dh_prev + dq",                 "h_prev"),
        ("dh_prev + dq * r",             "dq * r",                       "h_prev"),
    ],
}
# fmt: on
PLANTED = [
    (name, *mistake)
    for name, (reset, update) in FORMS.items()
    for mistake in EVERYWHERE + BY_FORM[update] + BY_FORM[reset]
]


@AT
@pytest.mark.parametrize(("form", "right", "wrong", "name"), sampled(PLANTED, 9))
def test_a_mistake_in_one_line_is_found(monkeypatch, form, right, wrong, name, at):
    found_in_its_line(monkeypatch, MODELS[form], gru_by_hand.cell_backward, right, wrong, name, at)


@AT
@pytest.mark.parametrize(
    ("right", "wrong", "name"),
    [
        ('dh * (1 - v["h"] ** 2)', 'dh * (1 - v["h_prev"] ** 2)', "a"),
        ('"R": a @ v["h_prev"].T', '"R": a @ v["h"].T', "R"),
        ('"h_prev": P["R"].T @ a', '"h_prev": P["R"] @ a', "h_prev"),
    ],
)
def test_a_mistake_in_one_line_of_the_rnn_is_found(monkeypatch, right, wrong, name, at):
    found_in_its_line(monkeypatch, RNN, gru_by_hand.rnn_backward, right, wrong, name, at)
