"""The slides' picture with stacked matrices: the picture without them has the same numbers; mistakes in every gate."""

import numpy as np
import pytest

from lstm_models import picture_by_hand, sequence
from lstm_models.picture import PICTURE as STACKED
from lstm_models.slides import PICTURE as APART
from tests.support.modelpoints import ModelPoint
from tests.support.planted import assert_blamed, planted
from tests.support.points import close
from tests.support.sampling import sampled
from tinyad import compare

GATES = "fiCo"
COLUMNS = {"f": "Chx", "i": "Chx", "C": "hx", "o": "Chx"}
NAMES = {"z_f": "z6", "z_i": "z12", "z_C": "z16", "z_o": "z24", "fC": "z17", "iC": "z18", "tanh_C": "z25"}
NAMES |= {name: name for name in ("f", "i", "C_tilde", "o", "C", "h", "x")}


class Both:
    """The same numbers in both cells: W_f = [W_fC W_fh W_fx] and so on, W_C = [W_Ch W_Cx]."""

    def __init__(self):
        self.stacked = point = ModelPoint(STACKED)
        H = len(point.start["h"])
        self.parameters = {f"b_{g}": point.parameters[f"b_{g}"] for g in GATES}
        for g, columns in COLUMNS.items():
            parts = np.split(point.parameters[f"W_{g}"], [H, 2 * H][: len(columns) - 1], axis=1)
            self.parameters |= {f"W_{g}{column}": part for column, part in zip(columns, parts, strict=True)}
        self.tape, _ = sequence.record(APART, point.start, point.xs, self.parameters)
        self.d = self.tape.backward(point.seeds)
        self.hand = APART.by_hand(point.start, point.xs, self.parameters, point.dhs, point.last)
        self.steps = range(1, len(point.xs) + 1)


def test_the_values_are_those_of_the_picture_without_stacks():
    both = Both()
    for t in both.steps:
        for name, apart in NAMES.items():
            assert close(both.stacked.tape[f"{name}[{t}]"].value, both.tape[f"{apart}[{t}]"].value, 1e-14), (name, t)


@pytest.mark.parametrize("way", ["tape", "hand"])
def test_the_derivatives_are_those_of_the_picture_without_stacks(way):
    both = Both()
    point = both.stacked
    if way == "tape":
        apart, stacked = ({name: d[name].T for name in d.tape.names.values()} for d in (both.d, point.d))
    else:
        apart, stacked = both.hand, point.hand()
    for g, columns in COLUMNS.items():
        assert close(stacked[f"W_{g}"], np.hstack([apart[f"W_{g}{column}"] for column in columns])), g
        assert close(stacked[f"b_{g}"], apart[f"b_{g}"]), g
    for name in ("C[0]", "h[0]"):
        assert close(stacked[name], apart[name]), name
    for t in both.steps:
        for name, other in NAMES.items():
            assert close(stacked[f"{name}[{t}]"], apart[f"{other}[{t}]"]), (name, t)


# fmt: off
MISTAKES = {  # what is changed: the line, with the mistake, where it is found
    "another variable, f": ("df, dC_prev = dC * C_prev",  "df, dC_prev = dC * C",           "f[4]"),
    "another variable, i": ("di, dC_tilde = dC * C_tilde", "di, dC_tilde = dC * C_prev",    "i[4]"),
    "another variable, C": ("di, dC_tilde = dC * C_tilde, dC * i", "di, dC_tilde = dC * C_tilde, dC * f", "C_tilde[4]"),
    "no tanh, o":          ("do = dh * tanh_C",           "do = dh * C",                    "o[4]"),
    "no activation, f":    ("dz_f = df * f * (1 - f)",    "dz_f = df",                      "z_f[4]"),
    "half of it, i":       ("dz_i = di * i * (1 - i)",    "dz_i = di * i",                  "z_i[4]"),
    "the σ of the steps":  ("(1 - C_tilde**2)",           "C_tilde * (1 - C_tilde)",        "z_C[4]"),
    "sign, o":             ("dz_o = do * o * (1 - o)",    "dz_o = do * o * (o - 1)",        "z_o[4]"),
    "o looks at C_prev":   ("Chx_o = np.vstack([C, hx])", "Chx_o = np.vstack([C_prev, hx])", "W_o"),
    "no path from o to C": ("+ dChx_o[:H]",               "",                               "C[4]"),
    "no path from o to hx": ("+ dChx_o[H:]",              "",                               "hx[4]"),
    "no path from f and i": ("dC_prev = dC_prev + dChx[:H]", "pass",                        "C[3]"),
    "no path from t = 3":  ("dC, dhs[t - 1] + dh",        "dC * (t != 2), dhs[t - 1] + dh", "C[2]"),
    "= for += over t":     ("total[name] = total.get(name, 0) + value",
                            'total[name] = (0 if name == "W_i" else total.get(name, 0)) + value', "W_i"),
    "h and x swapped":     ('"x": dhx[H:]',               '"x": dhx[: len(dhx) - H]',       "x[4]"),
}
# fmt: on


@pytest.mark.parametrize("mistake", sampled(MISTAKES))
def test_a_mistake_is_found_where_it_was_made(mistake):
    old, new, name = MISTAKES[mistake]
    point = ModelPoint(STACKED)
    point.model = STACKED._replace(by_hand=planted(picture_by_hand, old, new).derivatives)
    assert_blamed(compare(point.d, point.hand(), layout="same"), name)
