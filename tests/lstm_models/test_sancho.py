"""Sancho's LSTM: his output layer for several F, the stacked matrices, and a mistake in every part of both cells."""

import numpy as np
import pytest

from lstm_models import sancho_by_hand, sequence
from lstm_models.losses import over_time
from lstm_models.model import linear_shapes, random
from lstm_models.sancho import SANCHO, STACKED, prediction
from tests.support.modelpoints import ModelPoint
from tests.support.planted import assert_blamed, planted
from tests.support.points import close, complex_step
from tests.support.sampling import sampled
from tinyad import compare, log, none, sigmoid, softmax, tanh

GATES = "fiog"
DERIVATIVE = {  # of F, as a function of its argument
    tanh: lambda a: 1 / np.cosh(a) ** 2,
    sigmoid: lambda a: np.exp(-a) / (1 + np.exp(-a)) ** 2,
    none: np.ones_like,
}
LOSSES = {  # G(y), and dG/dy in the layout of y; w is as large as y
    "squares": (lambda y, w: np.sum(w * y * y), lambda y, w: 2 * w * y),
    "cross-entropy": (lambda y, w: -np.sum(w * log(y)), lambda y, w: -w / y),
}
MODELS = pytest.mark.parametrize("model", [SANCHO, STACKED], ids=lambda model: model.name)
CASES = [(F, "squares") for F in (*DERIVATIVE, softmax)] + [(softmax, "cross-entropy"), (sigmoid, "cross-entropy")]


class System:
    """Equations (1) to (7) and L = Σ_t G(y^(t)), on a tape and by hand."""

    def __init__(self, model=SANCHO, F=tanh, loss="squares"):
        self.point, self.F, (self.G, self.dG) = ModelPoint(model), F, LOSSES[loss]
        point, rng, Y = self.point, np.random.default_rng(7), 6
        H, B = point.start["h"].shape
        self.out = random(linear_shapes(H, Y), H, rng)
        self.ws = [rng.standard_normal((Y, B)) for _ in point.xs]

        self.tape, steps = sequence.record(model, point.start, point.xs, point.parameters)
        weights, errors = self.tape.variables(**self.out), []
        for t, (eqs, w) in enumerate(zip(steps, self.ws, strict=True), 1):
            read = prediction(eqs["h"], **weights, F=F)
            self.tape.name(read, step=t)
            errors.append(self.G(read["y"], w))
        self.d = self.tape.backward(over_time(errors)[-1])

    def loss(self, leaves):
        """L on plain arrays."""
        start = {name: leaves[f"{name}[0]"] for name in self.point.start}
        xs = [leaves[f"x[{t}]"] for t in range(1, len(self.ws) + 1)]
        weights = {name: leaves[name] for name in self.point.parameters}
        steps = sequence.unrolled(self.point.model, start, xs, weights)
        ys = [prediction(eqs["h"], leaves["W_y"], leaves["b_y"], self.F)["y"] for eqs in steps]
        return sum(self.G(y, w) for y, w in zip(ys, self.ws, strict=True))

    def hand(self, module=sancho_by_hand, dF=None):
        """The derivatives by hand; dF in the place of the derivative of F."""
        point, P = self.point, self.point.parameters | self.out
        stacked = point.model is STACKED
        forward = module.stacked_forward if stacked else module.forward
        hs = [v.h for v in forward(point.start, point.xs, P)]
        ys = [self.F(P["W_y"] @ h + P["b_y"]) for h in hs]
        dys = [self.dG(y, w) for y, w in zip(ys, self.ws, strict=True)]
        dF = dF or DERIVATIVE.get(self.F)
        first_terms, d = module.output(hs, dys, P, dF) if dF else module.softmax_output(hs, dys, P)
        cell = module.stacked_derivatives if stacked else module.derivatives
        return d | cell(point.start, point.xs, P, first_terms, {"c": np.zeros_like(point.start["c"])})


@MODELS
@pytest.mark.parametrize(("F", "loss"), CASES, ids=lambda case: getattr(case, "symbol", case))
def test_the_whole_system_is_the_tape(model, F, loss):
    system = System(model, F, loss)
    found = compare(system.d, system.hand(), layout="same")
    assert found.ok, found
    assert found.not_exercised == []
    compared = {finding.name for finding in found.findings}
    left = [name for name in system.tape.names.values() if name not in compared]
    assert left == []  # what has no name is of G and of the sum over t


@pytest.mark.parametrize(("F", "loss"), CASES, ids=lambda case: getattr(case, "symbol", case))
def test_the_output_layer_is_the_complex_step(F, loss):
    system = System(SANCHO, F, loss)
    hand, leaves = system.hand(), system.point.leaves | system.out
    for name in ("W_y", "b_y", "R_g", "b_f", "x[2]", "c[0]"):
        by_step = complex_step(lambda moved, name=name: system.loss({**leaves, name: moved}), leaves[name])
        assert close(hand[name].T, by_step), name
        assert close(system.d[name], by_step), name


def test_a_softmax_is_not_component_by_component():
    """(12) to (14), (21) and (22) as printed are wrong for it."""
    system = System(SANCHO, softmax, "cross-entropy")

    def diagonal(a):
        return softmax(a) * (1 - softmax(a))

    found = compare(system.d, system.hand(dF=diagonal), layout="same")
    assert found.first_wrong.name == "a_y[4]"
    assert found.first_wrong.cause == "own"


def test_derivatives_of_f_and_the_softmax_are_of_their_arguments():
    """At a_y and not at y or h, where (14) has one x^(t) for all of them."""
    system = System(SANCHO, tanh)
    found = compare(system.d, system.hand(dF=lambda a: DERIVATIVE[tanh](np.tanh(a))), layout="same")
    assert found.first_wrong.name == "a_y[4]"


class Both:
    """The same numbers in both cells: V_θ = [R_θ W_θ]."""

    def __init__(self):
        self.apart = point = ModelPoint(SANCHO)
        P = point.parameters
        self.parameters = {f"V_{q}": np.hstack([P[f"R_{q}"], P[f"W_{q}"]]) for q in GATES}
        self.parameters |= {f"b_{q}": P[f"b_{q}"] for q in GATES}
        self.tape, _ = sequence.record(STACKED, point.start, point.xs, self.parameters)
        self.d = self.tape.backward(point.seeds)
        self.hand = STACKED.by_hand(point.start, point.xs, self.parameters, point.dhs, point.last)


def test_the_stacked_cell_has_the_same_values():
    both = Both()
    names = set(both.tape.names.values()) & set(both.apart.tape.names.values())
    assert {name.split("[")[0] for name in names} == set("c h x f i o g gi cf tanh_c".split()) | {
        f"{part}_{q}" for part in "ab" for q in GATES
    }
    for name in names:
        assert close(both.tape[name].value, both.apart.tape[name].value, 1e-14), name
        assert close(both.d[name], both.apart.d[name]), name


@pytest.mark.parametrize("way", ["tape", "hand"])
def test_the_stacked_cell_has_the_same_derivatives_one_beside_the_other(way):
    both = Both()
    point = both.apart
    if way == "tape":
        apart, stacked = ({name: d[name].T for name in d.tape.names.values()} for d in (point.d, both.d))
    else:
        apart, stacked = point.hand(), both.hand
    for q in GATES:
        assert close(stacked[f"V_{q}"], np.hstack([apart[f"R_{q}"], apart[f"W_{q}"]])), q
    for t in range(1, len(point.xs) + 1):
        own = point.dhs[t - 2] if t > 1 else 0  # of h^(t-1), from its own loss and not from hx
        assert close(stacked[f"hx[{t}]"], np.vstack([apart[f"h[{t - 1}]"] - own, apart[f"x[{t}]"]])), t


# fmt: off
MISTAKES = {  # what is changed, in both cells: the line, with the mistake, where it is found
    "another variable, f": ("df = dc * v.c_prev",              "df = dc * v.c",                        "f[4]"),
    "another variable, i": ("di = dc * g",                     "di = dc * i",                          "i[4]"),
    "another variable, g": ("dg = dc * i",                     "dg = dc * f",                          "g[4]"),
    "no tanh, o":          ("do = dh * np.tanh(v.c)",          "do = dh * v.c",                        "o[4]"),
    "no activation, f":    ('df * _dsigmoid(v.a["f"])',        "df",                                   "a_f[4]"),
    "at its value, i":     ('di * _dsigmoid(v.a["i"])',        "di * _dsigmoid(i)",                    "a_i[4]"),
    "tanh for sigmoid, o": ('do * _dsigmoid(v.a["o"])',        'do * _dtanh(v.a["o"])',                "a_o[4]"),
    "sign, g":             ('dg * _dtanh(v.a["g"])',           '-dg * _dtanh(v.a["g"])',               "a_g[4]"),
    "one path of c":       ("_dtanh(v.c) + c_later",           "_dtanh(v.c)",                          "c[3]"),
    "first term of (14)":  ("W_y\"].T @ da_y",                 "W_y\"].T @ dy",                        "h[4]"),
    "no sum over t":       ("total[name] = total.get(name, 0) + value",
                            'total[name] = (0 if name == "b_o" else total.get(name, 0)) + value',      "b_o"),
    "no activation, y":    ('d["b_y"] = da_y.sum',             'd["b_y"] = dy.sum',                    "b_y"),
    "softmax is symmetric": ("(y * dy).sum(axis=0)",           "dy.sum(axis=0)",                       "a_y[4]"),
}
APART = {
    "a gate is missing":   ('P[f"R_{q}"].T @ da[q] for q in GATES', 'P[f"R_{q}"].T @ da[q] for q in "fig"', "h[3]"),
    "a missing transpose": ('P[f"R_{q}"].T @ da[q] for',       'P[f"R_{q}"] @ da[q] for',              "h[3]"),
    "no path from t = 3":  ("dhs[t - 1] + h_later, c_later, v)  # (14)",
                            "dhs[t - 1] + h_later * (t != 2), c_later, v)",                            "h[2]"),
    "x of one gate":       ('P[f"W_{q}"].T @ da[q] for q in GATES', 'P[f"W_{q}"].T @ da["f"] for q in GATES', "x[4]"),
    "h for h_prev":        ("da[q] @ v.h_prev.T  # (24)",      'da[q] @ (v.h if q == "g" else v.h_prev).T', "R_g"),
    "f for i":             ("da[q] @ v.x.T  # (23)",           'da["f" if q == "i" else q] @ v.x.T',   "W_i"),
}
TOGETHER = {
    "a gate is missing":   ('P[f"V_{q}"].T @ da[q] for q in GATES', 'P[f"V_{q}"].T @ da[q] for q in "fig"', "hx[4]"),
    "h for h_prev":        ("np.vstack([v.h_prev, v.x]).T",
                            'np.vstack([v.h if q == "g" else v.h_prev, v.x]).T',                       "V_g"),
    "the wrong rows":      ("h_later, dx = dhx[:H]",           "h_later, dx = dhx[-H:]",               "h[3]"),
    "x is first":          ("dhx[:H], dhx[H:]",                "dhx[:H], dhx[: len(v.x)]",             "x[4]"),
    "one weight for all":  ('P[f"V_{q}"].T @ da[q] for',       'P["V_o"].T @ da[q] for',               "hx[4]"),
}
# fmt: on
PLANTED = [(SANCHO, *mistake) for mistake in (MISTAKES | APART).items()]
PLANTED += [(STACKED, *mistake) for mistake in MISTAKES.items()]
PLANTED += [(STACKED, *mistake) for mistake in TOGETHER.items()]


@pytest.mark.parametrize(
    ("model", "what", "mistake"), sampled(PLANTED, 6), ids=lambda p: p if isinstance(p, str) else ""
)
def test_a_mistake_is_found_where_it_was_made(model, what, mistake):
    old, new, name = mistake
    system = System(model, softmax if "softmax" in what else tanh)
    assert_blamed(compare(system.d, system.hand(planted(sancho_by_hand, old, new)), layout="same"), name)
