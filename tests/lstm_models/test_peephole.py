"""The LSTM with diagonal peepholes: a special case of the slides' picture, Sancho's LSTM without them, mistakes."""

import numpy as np
import pytest

from lstm_models import peephole_by_hand
from lstm_models.peephole import PEEPHOLE
from lstm_models.sancho import SANCHO
from lstm_models.sequence import record
from lstm_models.slides import PICTURE
from tests.support.modelpoints import ModelPoint
from tests.support.planted import AT, found_in_its_line
from tests.support.points import close
from tests.support.sampling import sampled

# Our names: those of the slides
WEIGHTS = {"W_g": "W_Cx", "R_g": "W_Ch", "b_g": "b_C"}
for g in "fio":
    WEIGHTS |= {f"W_{g}": f"W_{g}x", f"R_{g}": f"W_{g}h", f"b_{g}": f"b_{g}"}
VALUES = {"a_f": "z6", "f": "f", "a_i": "z12", "i": "i", "a_g": "z16", "g": "C_tilde", "cf": "z17", "gi": "z18"}
VALUES |= {"c": "C", "pc_o": "z19", "a_o": "z24", "o": "o", "tanh_c": "z25", "h": "h", "pc_f": "z1", "pc_i": "z7"}


def test_it_is_the_picture_of_the_slides_with_diagonal_matrices():
    point, hand = ModelPoint(PEEPHOLE), ModelPoint(PEEPHOLE).hand()
    p = point.parameters
    weights = {theirs: p[ours] for ours, theirs in WEIGHTS.items()}
    weights |= {f"W_{gate}C": np.diag(p[f"p_{gate}"][:, 0]) for gate in "fio"}
    start = {"C": point.start["c"], "h": point.start["h"]}
    tape, steps = record(PICTURE, start, point.xs, weights)
    d = tape.backward({name.replace("c[", "C["): dz for name, dz in point.seeds.items()})
    for t, (ours, theirs) in enumerate(zip(point.steps, steps, strict=True), 1):
        for name, slides_name in VALUES.items():
            assert close(ours[name].value, theirs[slides_name].value), name
            assert close(point.d[f"{name}[{t}]"], d[f"{slides_name}[{t}]"], 1e-12), name
    for name, slides_name in (WEIGHTS | {"c[0]": "C[0]", "h[0]": "h[0]", "x[1]": "x[1]"}).items():
        assert close(point.d[name], d[slides_name], 1e-12), name
    for gate in "fio":
        diagonal = np.diag(d[f"W_{gate}C"])
        assert close(point.d[f"p_{gate}"], diagonal[None], 1e-12)
        assert close(hand[f"p_{gate}"], diagonal[:, None], 1e-12)
        assert np.abs(d[f"W_{gate}C"] - np.diag(diagonal)).max() > 0.01  # what a diagonal peephole does not have


def test_without_peepholes_it_is_sanchos():
    point = ModelPoint(PEEPHOLE)
    weights = {name: 0 * a if name[0] == "p" else a for name, a in point.parameters.items()}
    tape, steps = record(PEEPHOLE, point.start, point.xs, weights)
    d = tape.backward(point.seeds)
    dc = {name: a.T for name, a in point.last.items()}
    hand = peephole_by_hand.derivatives(point.start, point.xs, weights, point.dhs, point.last)
    other, others = record(SANCHO, point.start, point.xs, {name: weights[name] for name in SANCHO.shapes(1, 1)})
    right = other.backward({f"h[{t}]": dh.T for t, dh in enumerate(point.dhs, 1)} | {f"c[{len(steps)}]": dc["c"]})
    for ours, theirs in zip(steps, others, strict=True):
        for name in theirs:
            assert close(ours[name].value, theirs[name].value), name
    for name in other.names.values():
        assert close(d[name], right[name]), name
        assert close(hand[name].T, right[name]), name
    assert min(np.abs(d[f"p_{gate}"]).min() for gate in "fio") > 0  # a peephole of zero is still learnt
    assert not close(point.d["W_f"], right["W_f"], 1e-3)


# Planted mistakes: the line, what is written instead, and the derivative that line is for
# fmt: off
PLANTED = [
    ("df * f * (1 - f)",            "df * i * (1 - i)",          "a_f"),
    ("di * i * (1 - i)",            "di * (1 - i)",              "a_i"),
    ("do * o * (1 - o)",            "do * o",                    "a_o"),
    ("dg * (1 - g**2)",             "dg * g * (1 - g)",          "a_g"),
    ("do, dtanh_c = dh * tanh_c,",  "do, dtanh_c = dh * c,",     "o"),
    ("= dc * c_prev, dc * g,",      "= dc * c, dc * g,",         "f"),
    ("= dc * c_prev, dc * g,",      "= dc * c_prev, dc * i,",    "i"),
    ("dc * g, dc * i",              "dc * g, -dc * i",           "g"),
    ("dc = dc + dtanh_c",           "dc = dtanh_c",              "c"),       # = for +=
    ('**2) + P["p_o"] * a_o',       "**2)",                      "c"),       # without the peephole of o
    ('P["p_o"] * a_o',              'P["p_o"] * do',             "c"),       # σ' forgotten
    ('P["p_o"] * a_o',              'P["p_i"] * a_o',            "c"),
    ("a_o * c)",                    "a_o * c_prev)",             "p_o"),     # o that looks at c_prev
    ("(a_f * c_prev)",              "(a_f * c)",                 "p_f"),
    ("(a_i * c_prev)",              "(a_f * c_prev)",            "p_i"),
    ('+ P["p_i"] * a_i',            "",                          "c_prev"),
    ('+ P["p_i"] * a_i',            '- P["p_i"] * a_i',          "c_prev"),
    ('dc * f + P["p_f"]',           'P["p_f"]',                  "c_prev"),  # = for +=
    ('P["p_f"] * a_f',              'P["p_f"] * a_i',            "c_prev"),
    ('P["W_g"].T @ a_g',            'P["W_g"].T @ a_o',          "x"),
    ('P["R_g"].T @ a_g',            'P["R_g"] @ a_g',            "h_prev"),  # no shape shows it
]
# fmt: on


@AT
@pytest.mark.parametrize(("right", "wrong", "name"), sampled(PLANTED, 8))
def test_a_mistake_in_one_line_is_found(monkeypatch, right, wrong, name, at):
    found_in_its_line(monkeypatch, PEEPHOLE, peephole_by_hand.cell_backward, right, wrong, name, at)
