"""The slides' LSTM: tape, LSTM_derivative, complex step, autograd and torch, name by name."""

import ast
import inspect

import autograd
import autograd.numpy as anp
import numpy as np
import pytest

from lstm_models import slides, slides_by_hand
from lstm_models.model import parameters
from lstm_models.slides import LSTM_derivative, cell, unrolled_derivative
from tests.support.planted import AT, found_in_its_line
from tests.support.points import LSTMPoint, close, complex_step, replayed
from tests.support.sampling import sampled

FORM = pytest.mark.parametrize("form", slides.FORMS)
# H, X, B, T: the generic point, a batch of 3, the scalar LSTM with and without a batch
SIZES = pytest.mark.parametrize("sizes", [(4, 5, 2, 3), (2, 4, 3, 5), (1, 1, 1, 3), (1, 2, 3, 4)], ids=str)


# The forward system, written again from the slide "LSTM", equations 1 to 6, for any numpy


def six_equations(np, sigmoid, C, h, x, p, form):
    f = sigmoid(p["W_fC"] @ C + p["W_fh"] @ h + p["W_fx"] @ x + p["b_f"])
    i = sigmoid(p["W_iC"] @ C + p["W_ih"] @ h + p["W_ix"] @ x + p["b_i"])
    candidate = (sigmoid if form == "steps" else np.tanh)(p["W_Ch"] @ h + p["W_Cx"] @ x + p["b_C"])
    C_new = f * C + i * candidate
    o = sigmoid(p["W_oC"] @ (C if form == "steps" else C_new) + p["W_oh"] @ h + p["W_ox"] @ x + p["b_o"])
    return C_new, o * np.tanh(C_new)


def loss_of_six_equations(np, sigmoid, point, leaves):
    C, h, total = leaves["C[0]"], leaves["h[0]"], 0
    for x, dh in zip(point.xs, point.dhs, strict=True):
        C, h = six_equations(np, sigmoid, C, h, leaves[x], leaves, point.form)
        total = total + (dh.T * h).sum()
    return total + (point.dC.T * C).sum()


def logistic(x):
    return 1 / (1 + anp.exp(-x))


# Tests


@FORM
@SIZES
def test_forward(form, sizes):
    point = LSTMPoint(form, sizes)
    C, h = point.leaves["C[0]"], point.leaves["h[0]"]
    for t, step in enumerate(point.run(point.leaves), 1):
        C, h = six_equations(np, logistic, C, h, point.leaves[f"x[{t}]"], point.parameters, form)
        assert close(step["C"], C, 1e-14)
        assert close(step["h"], h, 1e-14)
        for name in ("C", "h", "z1", "f", "z25"):
            assert np.array_equal(step[name], point.tape[f"{name}[{t}]"].value), name


@FORM
@SIZES
@pytest.mark.parametrize("seed_C", [True, False])
def test_tape_is_the_complex_step_of_the_model(form, sizes, seed_C):
    point = LSTMPoint(form, sizes, seed_C=seed_C)
    for name, a in point.leaves.items():
        assert close(point.d[name], complex_step(lambda m, n=name: point.loss({**point.leaves, n: m}), a)), name


@pytest.mark.parametrize("form", sampled(slides.FORMS, 2))
def test_every_value_is_the_complex_step_of_the_replayed_tape(form):
    point = LSTMPoint(form)
    seeds = {point.tape[name].index: dz for name, dz in point.seeds.items()}
    assert len(point.tape.names) == 15 + 2 + 3 + 3 * 31
    for position, name in point.tape.names.items():
        assert close(point.d[name], replayed(point.tape, seeds, position), 1e-13), name


def as_the_slides(point):
    values = [{k: v.value for k, v in step.items() if hasattr(v, "value")} for step in point.steps]
    return unrolled_derivative(point.dC, point.dhs, values, point.form)


@FORM
@SIZES
def test_tape_is_the_slides_routine(form, sizes):
    point = LSTMPoint(form, sizes)
    by_hand = as_the_slides(point)
    assert set(by_hand) == set(point.tape.names.values())
    for name, derivative in by_hand.items():
        assert close(derivative, point.d[name], 1e-13), name


def test_one_step_of_the_slides_routine():
    point = LSTMPoint(sizes=(4, 5, 2, 1))
    values = point.run(point.leaves)[0]
    d = LSTM_derivative(point.dC, point.dhs[0], values)
    assert set(d) == set(values) - {"form"}
    for name in (*point.parameters, "x", "C_prev", "h_prev"):
        key = {"x": "x[1]", "C_prev": "C[0]", "h_prev": "h[0]"}.get(name, name)
        assert close(d[name], point.d[key]), name


def test_the_slides_routine_leaves_its_arguments_alone():
    point = LSTMPoint()
    values = point.run(point.leaves)[0]
    arrays = [point.dC, point.dhs[0], *(v for v in values.values() if not isinstance(v, str))]
    before = [a.copy() for a in arrays]
    LSTM_derivative(point.dC, point.dhs[0], values)
    assert all(np.array_equal(a, b) for a, b in zip(before, arrays, strict=True))


@FORM
@SIZES
def test_tape_is_autograd(form, sizes):
    point = LSTMPoint(form, sizes)
    gradient = autograd.grad(lambda leaves: loss_of_six_equations(anp, logistic, point, leaves))(point.leaves)
    for name in point.leaves:
        assert close(point.d[name].T, gradient[name]), name


@FORM
def test_tape_is_torch(form):
    torch = pytest.importorskip("torch")
    point = LSTMPoint(form)
    leaves = {name: torch.tensor(a, requires_grad=True) for name, a in point.leaves.items()}
    point.dhs = [torch.tensor(dh) for dh in point.dhs]
    point.dC = torch.tensor(point.dC)
    loss_of_six_equations(torch, torch.sigmoid, point, leaves).backward()
    for name, leaf in leaves.items():
        assert close(point.d[name].T, leaf.grad.numpy()), name


@FORM
def test_float32(form):
    point, right = LSTMPoint(form, dtype=np.float32), LSTMPoint(form)
    assert all(v.dtype == np.float32 for v in point.tape.values)
    point64 = LSTMPoint(form)
    point64.leaves = {name: a.astype(np.float64) for name, a in point.leaves.items()}
    point64.dhs, point64.dC = [dh.astype(np.float64) for dh in point.dhs], point.dC.astype(np.float64)
    gradient = autograd.grad(lambda leaves: loss_of_six_equations(anp, logistic, point64, leaves))(point64.leaves)
    by_hand = as_the_slides(point)
    for name in point.leaves:
        assert point.d[name].dtype == by_hand[name].dtype == np.float32
        for found in (point.d, by_hand):
            assert close(found[name].T, gradient[name], 50 * np.finfo(np.float32).eps), name
        assert close(point.d[name], right.d[name], 1e-4)


def test_the_forms_differ():
    steps, picture = LSTMPoint("steps"), LSTMPoint("picture")
    for name in ("W_oC", "W_Cx", "C[0]"):
        assert not close(steps.d[name], picture.d[name], 1e-3)


@pytest.mark.parametrize("t", [1, 2, 3])
def test_contributions_come_in_the_order_of_the_slides(t):
    """C_prev of a cell: equations 23, 20, 8, 1; before them, as C of the cell before, nothing."""
    point = LSTMPoint()
    later = 31 * (t - 1)
    found = point.d.contributions(f"C[{t - 1}]")
    expected = [(later + 23, "y"), (later + 20, "y"), (later + 8, "y"), (later + 1, "y")]
    expected += [(later - 1, "x")] * (t > 1)  # equation 30 of the cell before, z25 = tanh(C)
    assert [(c.step, c.operand) for c in found] == expected
    inside = point.d.contributions(f"x[{t}]")
    assert [c.step - later for c in inside] == [26, 16, 11, 4]
    h = [c.step - later for c in point.d.contributions(f"h[{t - 1}]") if c.step]
    assert h == [24, 15, 9, 2]


def test_the_picture_looks_at_the_new_state():
    point = LSTMPoint("picture")
    found = [(c.step, c.operand) for c in point.d.contributions("C[3]")]
    assert found == [(0, "seed"), (62 + 30, "x"), (62 + 23, "y")]


def test_every_contribution_counts_at_this_point():
    """A path that is 0 here would not be tested."""
    for form in slides.FORMS:
        point = LSTMPoint(form)
        for name in point.tape.names.values():
            for c in point.d.contributions(name):
                assert np.abs(c.array).min() > 0, (name, c.step)


def test_the_routine_has_31_calls_in_the_reverse_order_of_the_cell():
    tree = ast.parse(inspect.getsource(LSTM_derivative))
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call) and ast.unparse(node.func) == "derivative"]
    point = LSTMPoint(sizes=(4, 5, 2, 1))
    steps = list(reversed(point.tape.steps))
    assert len(calls) == len(steps) == 31
    for call, (op, z, x, y) in zip(sorted(calls, key=lambda c: c.lineno), steps, strict=True):
        said = [ast.literal_eval(a) if isinstance(a, ast.Constant) else ast.unparse(a.body) for a in call.args]
        names = {"C[0]": "C_prev", "h[0]": "h_prev"}
        labels = [
            names.get(point.tape.label(i), point.tape.label(i).removesuffix("[1]")) for i in (z, x, y) if i is not None
        ]
        assert [s.strip("'") for s in said] == [labels[0], op.symbol, *labels[1:]]


def test_parameters():
    p = parameters(slides.SLIDES, 4, 5, np.random.default_rng(0))
    assert tuple(p) == slides.PARAMETERS
    assert {name: a.shape for name, a in p.items() if name[0] == "b"} == dict.fromkeys(
        ("b_f", "b_i", "b_C", "b_o"), (4, 1)
    )
    assert {p[n].shape for n in p if n.endswith("x")} == {(4, 5)}
    assert {p[n].shape for n in p if n[0] == "W" and not n.endswith("x")} == {(4, 4)}
    assert all(np.abs(a).min() > 0 for a in p.values())
    assert {a.dtype for a in parameters(slides.SLIDES, 4, 5, np.random.default_rng(0), np.float32).values()} == {
        np.dtype("f4")
    }


def test_an_unknown_form_is_refused():
    point = LSTMPoint()
    said = "form='peephole': there are 'steps' and 'picture'"
    with pytest.raises(ValueError, match=said):
        cell(*[None] * 18, form="peephole")
    with pytest.raises(ValueError, match=said):
        LSTM_derivative(point.dC, point.dhs[0], {}, "peephole")


@AT
@pytest.mark.parametrize(
    ("form", "right", "wrong", "name"),
    sampled(
        [
            ("both", "z6 = df * f * (1 - f)", "z6 = df * f * (1 - df)", "z6"),
            ("both", "z12 = di * i * (1 - i)", "z12 = di * i", "z12"),
            ("both", "dC * C_prev, dC * C_tilde, dC * i", "dC * C_prev, dC * i, dC * i", "i"),
            ("both", "dC * C_prev, dC * C_tilde, dC * i", "dC * C, dC * C_tilde, dC * i", "f"),
            ("both", "z24 = do * o * (1 - o)", "z24 = -do * o * (1 - o)", "z24"),
            ("both", "do = dh * tanh_C", "do = dh * C", "o"),
            ("steps", "C_tilde * (1 - C_tilde))", "(1 - C_tilde**2))", "z16"),
            ("picture", "((1 - C_tilde**2) if", "((1 - C_tilde) if", "z16"),
            ("steps", '(0 if picture else P["W_oC"].T @ z24)', "0", "C_prev"),
            ("picture", '(P["W_oC"].T @ z24 if picture else 0)', "0", "C"),
            ("both", '+ P["W_Ch"].T @ z16 + P["W_oh"]', '+ P["W_Ch"] @ z16 + P["W_oh"]', "h_prev"),
            ("both", '+ P["W_Cx"].T @ z16 + P["W_ox"]', '+ P["W_ox"]', "x"),
            ("both", "(1 - tanh_C**2)", "(1 - tanh_C)**2", "C"),
        ],
        4,
    ),
)
def test_a_planted_mistake_is_found_in_its_line(monkeypatch, form, right, wrong, name, at):
    for one in slides.FORMS if form == "both" else [form]:
        with monkeypatch.context() as patch:
            found_in_its_line(patch, slides.MODEL[one], slides_by_hand.cell_backward, right, wrong, name, at)
