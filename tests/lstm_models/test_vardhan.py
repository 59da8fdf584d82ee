"""Vardhan's LSTM: his components one by one, his output layer and loss, and a mistake in every part of it."""

import numpy as np
import pytest

from lstm_models import sequence, vardhan_by_hand
from lstm_models.losses import over_time
from lstm_models.model import random
from lstm_models.vardhan import VARDHAN, cross_entropy, output, output_shapes
from tests.support.modelpoints import ModelPoint
from tests.support.planted import assert_blamed, planted
from tests.support.points import close, complex_step
from tests.support.sampling import sampled
from tinyad import compare

GATES = "ocuf"  # Comp-1 to Comp-4 of section 2.1.10


class System:
    """Equations 1 to 12 and J = -Σ_t Σ y ∘ log ŷ, on a tape and by hand."""

    def __init__(self, labels):
        self.point = point = ModelPoint(VARDHAN)
        rng = np.random.default_rng(7)
        T, (H, B), Y = len(point.xs), point.start["a"].shape, 6
        self.out = random(output_shapes(H, Y), H, rng)
        draw = rng.uniform if labels == "sum to 1" else rng.normal
        self.ys = [draw(0.2, 1, (Y, B)) for _ in range(T)]
        if labels == "sum to 1":
            self.ys = [y / y.sum(axis=0) for y in self.ys]
        self.leaves = point.leaves | self.out | {f"y[{t}]": y for t, y in enumerate(self.ys, 1)}

        self.tape, steps = sequence.record(VARDHAN, point.start, point.xs, point.parameters)
        weights, errors = self.tape.variables(**self.out), []
        for t, (eqs, y) in enumerate(zip(steps, self.ys, strict=True), 1):
            read = output(eqs["a"], **weights)
            loss = cross_entropy(read["z_y"], self.tape.variable(y, f"y[{t}]"))
            self.tape.name(read | loss, step=t)
            errors.append(loss["e"])
        self.d = self.tape.backward(over_time(errors)[-1])

    def loss(self, leaves):
        """J on plain arrays."""
        start = {name: leaves[f"{name}[0]"] for name in self.point.start}
        xs = [leaves[f"x[{t}]"] for t in range(1, len(self.ys) + 1)]
        steps = sequence.unrolled(VARDHAN, start, xs, {name: leaves[name] for name in self.point.parameters})
        read = [output(eqs["a"], **{name: leaves[name] for name in self.out})["z_y"] for eqs in steps]
        return sum(cross_entropy(z_y, leaves[f"y[{t}]"])["e"] for t, z_y in enumerate(read, 1))

    def hand(self, module=vardhan_by_hand):
        point = self.point
        return module.with_output(point.start, point.xs, point.parameters | self.out, self.ys)


LABELS = pytest.mark.parametrize("labels", ["sum to 1", "any"])


def contributions(d, name):
    """{the result of the step, or "seed": what it adds}."""
    steps = d.tape.steps
    found = d.contributions(name)
    named = {d.tape.label(steps[c.step - 1][1]) if c.step else "seed": c.array for c in found}
    assert len(named) == len(found)
    return named


def equal(found, expected):
    assert set(found) == set(expected)
    for name, a in expected.items():
        assert close(a, found[name]), name
        assert np.abs(a).min() > 0, name  # or swapping two of them might not show


def test_every_component_is_a_contribution_of_the_tape():
    point = ModelPoint(VARDHAN)
    d, dhs, T = point.d, [dh.T for dh in point.dhs], len(point.xs)
    flows = vardhan_by_hand.flows(point.start, point.xs, point.parameters, dhs, {"c": point.last["c"].T})
    assert len(flows) == T
    for t, flow in enumerate(flows, 1):
        before = {"seed": flows[t - 2].a[1]} if t > 1 else {}  # Comp-2 of ∂J/∂a^(t-1)
        equal(contributions(d, f"x[{t}]"), {f"m_{g}x[{t}]": part for g, part in zip(GATES, flow.x, strict=True)})
        into_a = {f"m_{g}a[{t}]": part for g, part in zip(GATES, flow.a_prev, strict=True)}
        equal(contributions(d, f"a[{t - 1}]"), into_a | before)
        comp_1, comp_2 = flow.c
        equal(contributions(d, f"c[{t}]"), {f"fc[{t + 1}]" if t < T else "seed": comp_1, f"tanh_c[{t}]": comp_2})


def test_the_components_add_up():
    system = System("any")
    point = system.point
    steps = vardhan_by_hand.forward(point.start, point.xs, point.parameters)
    read = [vardhan_by_hand.output(v.a, y, system.out) for v, y in zip(steps, system.ys, strict=True)]
    none = np.zeros_like(read[-1]["a"])
    flows = vardhan_by_hand.flows(point.start, point.xs, point.parameters, [d["a"] for d in read], {"c": none})
    for t, flow in enumerate(flows, 1):
        for name, parts in ((f"a[{t}]", flow.a), (f"c[{t}]", flow.c), (f"x[{t}]", flow.x)):
            assert close(sum(parts), system.d[name]), name
        assert close(flow.a[1], contributions(system.d, f"a[{t}]")[f"m_ya[{t}]"])  # Comp-2 is from the output layer
        later = flows[t].a_prev if t < len(flows) else (none,)
        assert close(flow.a[0], sum(later))  # Comp-1 is 2.1.10 one step later, and 0 at T
    assert not flows[-1].a[0].any()
    assert not flows[-1].c[0].any()


@LABELS
def test_the_whole_system_is_the_tape(labels):
    system = System(labels)
    found = compare(system.d, system.hand())
    assert found.ok, found
    assert found.not_compared == len(system.ys) - 1  # the sum over t
    assert found.not_exercised == []


@LABELS
def test_the_whole_system_is_the_complex_step(labels):
    system = System(labels)
    hand = system.hand()
    for name, a in system.leaves.items():
        by_step = complex_step(lambda moved, name=name: system.loss({**system.leaves, name: moved}), a)
        assert close(system.d[name], by_step), name
        assert close(hand[name], by_step), name


@LABELS
def test_the_short_form_needs_labels_that_sum_to_1(labels):
    system = System(labels)
    for t, y in enumerate(system.ys, 1):
        y_hat, dz_y = system.tape[f"y_hat[{t}]"].value, system.d[f"z_y[{t}]"]
        assert close(dz_y, (y_hat * y.sum(axis=0) - y).T)
        assert close(dz_y, (y_hat - y).T) == (labels == "sum to 1")


# fmt: off
MISTAKES = {  # what is changed: the line, with the mistake, where it is found
    "another variable":   ("dGamma_f = dc * c_prev.T",           "dGamma_f = dc * c.T",               "Gamma_f[4]"),
    "no activation, f":   ("dz_f = dGamma_f * (Gamma_f * (1 - Gamma_f)).T", "dz_f = dGamma_f",        "z_f[4]"),
    "activation twice":   ("dz_u = dGamma_u *",                  "dz_u = dGamma_u * Gamma_u.T *",     "z_u[4]"),
    "another gate":       ('dz_u @ P["W_ux"].T',                 'dz_f @ P["W_ux"].T',                "x[4]"),
    "a missing component": ('= (dz_o @ P["W_oa"].T',             '= (0 * dz_o @ P["W_oa"].T',         "a[3]"),
    "a missing transpose": ('= (dz_o @ P["W_oa"].T',             '= (dz_o @ P["W_oa"]',               "a[3]"),
    "sigmoid for tanh":   ("dc_tilde * (1 - c_tilde**2).T",      "dc_tilde * (c_tilde * (1 - c_tilde)).T", "z_c[4]"),
    "sign":               ("dc_tilde = dc * Gamma_u.T",          "dc_tilde = -dc * Gamma_u.T",        "c_tilde[4]"),
    "no Comp-1 of c":     ("dc = dc_1 + dc_2",                   "dc = dc_2",                         "c[3]"),
    "no Comp-1 at t = 2": ("da_2[t - 1], dc_1, steps",           "da_2[t - 1], dc_1 * (t != 2), steps", "c[2]"),
    "no Comp-1 of a":     ("da = da_1 + da_2",                   "da = da_2",                         "a[3]"),
    "no sum over t":      ("total[name] = total.get(name, 0) + value",
                           'total[name] = (0 if name == "W_cx" else total.get(name, 0)) + value',     "W_cx"),
    "a bias without sum": ('f"b_{g}": dz.sum(axis=0, keepdims=True)',
                           'f"b_{g}": dz[:1] if g == "c" else dz.sum(axis=0, keepdims=True)',         "b_c"),
    "the printed 2.1.1":  ("dy_hat = -(y / y_hat).T",            "dy_hat = (y / y_hat).T",            "y_hat[4]"),
    "the short form":     ("dz_y = dy_hat * y_hat.T -",          "dz_y = (y_hat - y).T + 0 *",        "z_y[4]"),
    "Comp-2 of a":        ('da = dz_y @ P["W_ya"].T',            'da = dy_hat @ P["W_ya"].T',         "a[4]"),
}
# fmt: on


@pytest.mark.parametrize("mistake", sampled(MISTAKES, 5))
def test_a_mistake_is_found_where_it_was_made(mistake):
    old, new, name = MISTAKES[mistake]
    system = System("any")
    assert_blamed(compare(system.d, system.hand(planted(vardhan_by_hand, old, new))), name)
