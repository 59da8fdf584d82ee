"""Problem 4: the functions of the course exercise, the document's orientation, and its formulas as printed."""

import re

import numpy as np
import pytest

from lstm_models import problem4_by_hand
from lstm_models.problem4 import PROBLEM4, ROWS
from lstm_models.problem4_by_hand import (
    backward,
    forward,
    lstm_backward,
    lstm_forward,
    lstm_step_backward,
    lstm_step_forward,
    step_backward,
    step_forward,
)
from lstm_models.sequence import record
from tests.support.modelpoints import ModelPoint
from tests.support.planted import AT, compare_by_hand, found_in_its_line
from tests.support.points import close, complex_step
from tests.support.sampling import sampled
from tinyad import compare

N, D, H, T = 3, 2, 5, 4
FLAT = pytest.mark.parametrize("flat", [True, False], ids=["b of 4H", "b of 1×4H"])
GATES = {"i": 0, "f": 1, "o": 2, "c": 3}  # the place of a gate in the exercise's arrays


class Exercise:
    """A generic point of the exercise: x is N×T×D, or with one time step N×D; b is 4H or 1×4H."""

    def __init__(self, flat=True):
        rng = np.random.default_rng(4)
        self.x, self.h0, self.c0 = (rng.standard_normal(size) for size in [(N, T, D), (N, H), (N, H)])
        self.Wx, self.Wh, self.b = (rng.standard_normal(size) / 2 for size in [(D, 4 * H), (H, 4 * H), (1, 4 * H)])
        self.dh = rng.standard_normal((N, T, H)) * np.arange(1, T + 1)[:, None]
        self.dc = rng.standard_normal((N, H))
        if flat:
            self.b = self.b[0]

    @property
    def arrays(self):
        return {"x": self.x, "h0": self.h0, "Wx": self.Wx, "Wh": self.Wh, "b": self.b}

    @property
    def step(self):
        first = {"x": self.x[:, 0], "prev_h": self.h0, "prev_c": self.c0}
        return first | {"Wx": self.Wx, "Wh": self.Wh, "b": self.b}

    @property
    def parameters(self):
        return {"Wx": self.Wx, "Wh": self.Wh, "b": self.b.reshape(1, 4 * H)}

    def columns(self):
        """(c_0, h_0, xs, parameters) of the document's orientation."""
        weights = {}
        for g, k in GATES.items():
            gate = slice(k * H, (k + 1) * H)
            weights |= {f"W_x{g}": self.Wx[:, gate].T, f"W_h{g}": self.Wh[:, gate].T}
            weights[f"b_{g}"] = self.b.reshape(1, 4 * H)[:, gate].T
        return self.c0.T, self.h0.T, [x.T for x in self.x.swapaxes(0, 1)], weights


def numeric(f, a):
    """df/da of a's shape, whatever its number of axes."""
    return complex_step(lambda moved: f(moved.reshape(a.shape)), a.reshape(-1, 1)).reshape(a.shape)


# The exercise: examples as rows


@FLAT
def test_the_sequence_is_the_complex_step_of_its_forward(flat):
    at = Exercise(flat)
    h, cache = lstm_forward(**at.arrays)
    assert h.shape == (N, T, H)
    for (name, a), found in zip(at.arrays.items(), lstm_backward(at.dh, cache), strict=True):
        right = numeric(lambda m, name=name: (at.dh * lstm_forward(**at.arrays | {name: m})[0]).sum(), a)
        assert close(found, right), name


@FLAT
def test_one_step_is_the_complex_step_of_its_forward(flat):
    at = Exercise(flat)
    dh, dc = at.dh[:, 0], at.dc

    def loss(name, moved):
        next_h, next_c, _ = lstm_step_forward(**at.step | {name: moved})
        return (dh * next_h + dc * next_c).sum()

    cache = lstm_step_forward(**at.step)[2]
    for (name, a), found in zip(at.step.items(), lstm_step_backward(dh, dc, cache), strict=True):
        assert close(found, numeric(lambda m, name=name: loss(name, m), a)), name


def test_the_sequence_is_the_tape():
    at = Exercise(flat=False)
    start = {"next_c": np.zeros((N, H)), "next_h": at.h0}
    tape, steps = record(ROWS, start, list(at.x.swapaxes(0, 1)), at.parameters)
    h, cache = lstm_forward(**at.arrays)
    for t, eqs in enumerate(steps):
        assert close(h[:, t], eqs["next_h"].value)
    d = tape.backward({f"next_h[{t + 1}]": at.dh[:, t].T for t in range(T)})
    dx, dh0, dWx, dWh, db = lstm_backward(at.dh, cache)
    hand = {"next_h[0]": dh0, "Wx": dWx, "Wh": dWh, "b": db} | {f"x[{t + 1}]": dx[:, t] for t in range(T)}
    assert compare(d, hand, layout="same").ok


def test_one_step_is_the_tape():
    at = Exercise(flat=False)
    tape, steps = record(ROWS, {"next_c": at.c0, "next_h": at.h0}, [at.x[:, 0]], at.parameters)
    next_h, next_c, cache = lstm_step_forward(**at.step)
    assert close(next_h, steps[0]["next_h"].value)
    assert close(next_c, steps[0]["next_c"].value)
    d = tape.backward({"next_h[1]": at.dh[:, 0].T, "next_c[1]": at.dc.T})
    names = ("x[1]", "next_h[0]", "next_c[0]", "Wx", "Wh", "b")
    hand = dict(zip(names, lstm_step_backward(at.dh[:, 0], at.dc, cache), strict=True))
    assert compare(d, hand, layout="same").ok


def test_the_bias_may_have_one_axis_or_two():
    flat, matrix = (Exercise(kind) for kind in (True, False))
    (h, cache), (other, others) = lstm_forward(**flat.arrays), lstm_forward(**matrix.arrays)
    assert np.array_equal(h, other)
    one, two = lstm_backward(flat.dh, cache), lstm_backward(flat.dh, others)
    assert (one[-1].shape, two[-1].shape) == ((4 * H,), (1, 4 * H))
    assert all(np.array_equal(a, b.reshape(a.shape)) for a, b in zip(one, two, strict=True))


def test_arguments_are_left_alone():
    at = Exercise()
    arrays = [*at.arrays.values(), at.dh]
    before = [a.copy() for a in arrays]
    lstm_backward(at.dh, lstm_forward(**at.arrays)[1])
    assert all(np.array_equal(a, b) for a, b in zip(before, arrays, strict=True))


def test_gates_that_are_quite_open_or_shut():
    at = Exercise()
    h, cache = lstm_forward(**at.arrays | {"b": 800 * np.sign(at.b)})  # a warning would be an error
    assert np.isfinite(h).all()
    assert all(np.isfinite(a).all() for a in lstm_backward(at.dh, cache))


@pytest.mark.parametrize(
    ("run", "said"),
    [
        (
            lambda at: lstm_forward(**at.arrays | {"Wx": at.Wx.T}),
            "Wx is 20×2, expected D×4H = 2×20 with x of 3×2, prev_h of 3×5 "
            "(examples are rows, the gates i, f, o, g stand side by side; transposed it fits)",
        ),
        (
            lambda at: lstm_forward(**at.arrays | {"b": at.b[:H]}),
            "b is (5,), expected 4H = (20,) with prev_h of 3×5 "
            "(examples are rows, the gates i, f, o, g stand side by side)",
        ),
        (
            lambda at: lstm_forward(**at.arrays | {"x": at.x[:, 0]}),
            "x is 3×2, expected N×T×D (examples are rows, the gates i, f, o, g stand side by side)",
        ),
        (
            lambda at: lstm_forward(**at.arrays | {"x": at.x[:, :0]}),
            "T = 0 in x of N×T×D: a sequence has at least one time step",
        ),
        (lambda at: lstm_forward(**at.arrays | {"h0": at.h0[:1]}), "h0 is 1×5, expected N×H = 3×5 with"),
        (lambda at: lstm_step_forward(**at.step | {"x": at.x}), "x is 3×4×2, expected N×D ("),
        (lambda at: lstm_step_forward(**at.step | {"prev_c": at.c0[:1]}), "prev_c is 1×5, expected N×H = 3×5 with"),
        (lambda at: lstm_step_forward(**at.step | {"Wh": at.Wh[:, :H]}), "Wh is 5×5, expected H×4H = 5×20 with"),
        (lambda at: lstm_step_forward(**at.step | {"b": at.b[:, None]}), "b is 20×1, expected 1×4H = 1×20 with"),
        (
            lambda at: lstm_step_backward(at.dh[:, 0], at.dc[0], lstm_step_forward(**at.step)[2]),
            "dnext_c is (5,), expected N×H = 3×5 with next_h of 3×5 (",
        ),
        (
            lambda at: lstm_backward(at.dh[:, :-1], lstm_forward(**at.arrays)[1]),
            "dh is 3×3×5, expected N×T×H = 3×4×5 with h of 3×4×5 (",
        ),
        (
            lambda at: step_forward(at.c0, at.h0.T, at.x[:, 0].T, at.columns()[3]),
            "c_prev is 3×5, expected H×N = 5×3 with h_prev of 5×3, x of 2×3 (examples are columns; transposed it fits)",
        ),
        (
            lambda at: step_forward(*at.columns()[:2], at.x[:, 0].T, at.columns()[3] | {"b_o": at.b[:H]}),
            "b_o is (5,), expected H×1 = 5×1 with h_prev of 5×3 (examples are columns)",
        ),
        (
            lambda at: backward([at.dh[:, 0].T] * T, forward(*at.columns()), at.columns()[3], at.dc),
            "dc is 3×5, expected H×N = 5×3 with h of 5×3 (examples are columns; transposed it fits)",
        ),
        (
            lambda at: backward([at.dh[:, 0].T, at.dh[:1, 0].T] * 2, forward(*at.columns()), at.columns()[3]),
            "dh_2 is 5×1, expected H×N = 5×3 with h of 5×3 (examples are columns)",
        ),
        (
            lambda at: backward([at.dh[:, 0].T], forward(*at.columns()), at.columns()[3]),
            "1 derivatives of h for T = 4: give one for each time step, at least one",
        ),
    ],
)
def test_sizes_that_do_not_fit(run, said):
    with pytest.raises(ValueError, match="^" + re.escape(said)):
        run(Exercise())


# The document's orientation


def test_one_step_in_columns():
    at = Exercise()
    c0, h0, (x, *_), weights = at.columns()
    leaves = {"c_prev": c0, "h_prev": h0, "x": x} | weights
    dh, dc = at.dh[:, 0].T, at.dc.T

    def loss(name, moved):
        now = leaves | {name: moved}
        v = step_forward(now["c_prev"], now["h_prev"], now["x"], now)
        return (dh * v["h"] + dc * v["c"]).sum()

    found = step_backward(dh, dc, step_forward(c0, h0, x, weights), weights)
    for name, a in leaves.items():
        assert close(found[name], numeric(lambda m, name=name: loss(name, m), a)), name


@pytest.mark.parametrize("seed_c", [True, False])
def test_the_sequence_in_columns_from_any_c_0(seed_c):
    at = Exercise()
    c0, h0, xs, weights = at.columns()
    tape, _ = record(PROBLEM4, {"c": c0, "h": h0}, xs, weights)
    d = tape.backward({f"h[{t + 1}]": at.dh[:, t] for t in range(T)} | ({f"c[{T}]": at.dc} if seed_c else {}))
    dhs = [at.dh[:, t].T for t in range(T)]
    hand = backward(dhs, forward(c0, h0, xs, weights), weights, *([at.dc.T] if seed_c else []))
    assert {"c[0]", "h[0]", *weights} <= set(hand)
    assert compare(d, hand, layout="same").ok


def test_rows_are_columns_with_their_arrays_rearranged():
    at = Exercise(flat=False)
    c0, h0, xs, weights = at.columns()
    dhs, last = [at.dh[:, t].T for t in range(T)], {"c": at.dc.T}
    tape, steps = record(PROBLEM4, {"c": c0, "h": h0}, xs, weights)
    rows, others = record(ROWS, {"next_c": c0.T, "next_h": h0.T}, [x.T for x in xs], at.parameters)
    d = tape.backward({f"h[{t}]": dh.T for t, dh in enumerate(dhs, 1)} | {f"c[{T}]": last["c"].T})
    other = rows.backward({f"next_h[{t}]": dh for t, dh in enumerate(dhs, 1)} | {f"next_c[{T}]": last["c"]})
    by_hand = problem4_by_hand.derivatives({"c": c0, "h": h0}, xs, weights, dhs, last)
    rows_by_hand = problem4_by_hand.rows_derivatives(
        {"next_c": c0.T, "next_h": h0.T}, [x.T for x in xs], at.parameters, [dh.T for dh in dhs], {"next_c": at.dc}
    )
    same = {"f": "f", "i": "i", "o": "o", "c_tilde": "g", "a_f": "a_f", "a_c": "a_g", "c": "next_c", "h": "next_h"}
    for ours, theirs in zip(steps, others, strict=True):
        for name, row in same.items():
            assert close(ours[name].value.T, theirs[row].value), name
    for t in range(T + 1):
        for name, row in {**same, "x": "x"}.items():
            if t or name in "ch":
                assert close(d[f"{name}[{t}]"].T, other[f"{row}[{t}]"]), name
                assert close(by_hand[f"{name}[{t}]"].T, rows_by_hand[f"{row}[{t}]"]), name
    for stacked, name in {"Wx": "W_x", "Wh": "W_h", "b": "b_"}.items():
        assert close(np.vstack([d[f"{name}{g}"].T for g in GATES]), other[stacked])
        assert close(np.hstack([by_hand[f"{name}{g}"].T for g in GATES]), rows_by_hand[stacked])


# The document's formulas as printed that do not hold.  A point of the columns, with all derivatives, and its values.


def printed(t):
    """(point, right derivatives, ∂L/∂h_t, all of ∂L/∂c_t, values at t, parameters) with the names of the document."""
    point = ModelPoint(PROBLEM4)
    right = point.hand()
    values = {name: v.value for name, v in point.steps[t - 1].items() if hasattr(v, "value")}
    return point, right, right[f"h[{t}]"], right[f"c[{t}]"], values, point.parameters


def test_part_1_has_dc_where_dh_belongs_in_the_o_terms_of_x_and_h():
    t = 3
    point, right, dh, dc, v, P = printed(t)
    f, i, o, c_tilde, c_prev = v["f"], v["i"], v["o"], v["c_tilde"], v["c_prev"]

    def finally_(W, dL):
        return (
            P[f"W_{W}f"].T @ (dc * c_prev * (f * (1 - f)))
            + P[f"W_{W}i"].T @ (dc * c_tilde * (i * (1 - i)))
            + P[f"W_{W}c"].T @ (dc * i * (1 - c_tilde**2))
            + P[f"W_{W}o"].T @ (dL * np.tanh(v["c"]) * (o * (1 - o)))
        )

    own_dh = point.dhs[t - 2]  # ∂L/∂h_{t-1} has this besides
    assert compare(point.d, right | {f"x[{t}]": finally_("x", dh)}, layout="same").ok
    assert compare(point.d, right | {f"h[{t - 1}]": finally_("h", dh) + own_dh}, layout="same").ok
    for name, wrong in {f"x[{t}]": finally_("x", dc), f"h[{t - 1}]": finally_("h", dc) + own_dh}.items():
        found = compare(point.d, right | {name: wrong}, layout="same")
        assert found.first_wrong.name == name
        assert [f.name for f in found.wrong] == [name]


def test_part_2_has_the_f_term_in_the_place_of_the_i_term_of_x():
    t = 2
    point, right, dh, dc, v, P = printed(t)
    f, i, o, c_tilde, c_prev = v["f"], v["i"], v["o"], v["c_tilde"], v["c_prev"]

    def dx(i_term):
        return (
            P["W_xf"].T @ (dc * c_prev * (f * (1 - f)))
            + P["W_xi"].T @ i_term
            + P["W_xc"].T @ (dc * i * (1 - c_tilde**2))
            + P["W_xo"].T @ (dh * np.tanh(v["c"]) * (o * (1 - o)))
        )

    assert compare(point.d, right | {f"x[{t}]": dx(dc * c_tilde * (i * (1 - i)))}, layout="same").ok
    found = compare(point.d, right | {f"x[{t}]": dx(dc * c_prev * (f * (1 - f)))}, layout="same")
    assert [f.name for f in found.wrong] == [f"x[{t}]"]
    assert found.first_wrong.name == f"x[{t}]"
    assert f"f[{t}] where ∇" in found.first_wrong.looks_like


def test_the_document_needs_all_of_dc(monkeypatch):
    """With a ∂L/∂c_t that lacks the path through h_t, its formulas are wrong, and the line of c_t is what is."""
    found_in_its_line(
        monkeypatch, PROBLEM4, problem4_by_hand._families, "dc = dc + dtanh_c * (1 - tanh_c**2)", "dc = dc", "c"
    )


# Planted mistakes

# fmt: off
PLANTED = [
    ("df * f * (1 - f)",              "df * (1 - f)",                   "a_f"),
    ("di * i * (1 - i)",              "di * f * (1 - f)",               "a_i"),
    ("do * o * (1 - o)",              "do",                             "a_o"),
    ("dc_tilde * (1 - c_tilde**2)",   "dc_tilde * (1 - c_tilde) ** 2",  "a_c"),
    ("dc = dc + dtanh_c *",           "dc = dtanh_c *",                 "c"),
    ("(1 - tanh_c**2)",               '(1 - v["c"] ** 2)',              "c"),
    ("dc_prev = dc * f",              "dc_prev = dc * i",               "c_prev"),
    ('dc * v["c_prev"]',              'dc * v["c"]',                    "f"),
    ("di = dc * c_tilde",             "di = dc * i",                    "i"),
    ("do = dh * tanh_c",              'do = dh * v["c"]',               "o"),
    ("dc_tilde = dc * i",             "dc_tilde = -dc * i",             "c_tilde"),
]
# fmt: on
ROWS_NAMES = {"c": "next_c", "c_prev": "next_c_prev", "c_tilde": "g", "a_c": "a_g"}


@AT
@pytest.mark.parametrize("model", [PROBLEM4, ROWS], ids=lambda model: model.name)
@pytest.mark.parametrize(("right", "wrong", "name"), sampled(PLANTED, 7))
def test_a_mistake_in_one_line_is_found(monkeypatch, model, right, wrong, name, at):
    name = ROWS_NAMES.get(name, name) if model is ROWS else name
    found_in_its_line(monkeypatch, model, problem4_by_hand._families, right, wrong, name, at)


@AT
@pytest.mark.parametrize(
    ("right", "wrong", "name"),
    [
        ('d["a_o"], d["a_c"]]', 'd["a_c"], d["a_o"]]', "aT"),  # the gates in another order
        ('v["h_prev"].T @ da', 'v["h"].T @ da', "Wh"),
        ('da @ v["Wh"].T', 'da @ v["Wh"].T + dh', "next_h_prev"),
    ],
)
def test_a_mistake_in_the_products_of_rows_is_found(monkeypatch, right, wrong, name, at):
    found_in_its_line(monkeypatch, ROWS, problem4_by_hand._rows_step, right, wrong, name, at)


@pytest.mark.parametrize("model", [PROBLEM4, ROWS], ids=lambda model: model.name)
def test_nothing_is_left_out(model):
    point = ModelPoint(model)
    found = compare_by_hand(point)
    assert found.ok
    assert found.not_compared == 0
