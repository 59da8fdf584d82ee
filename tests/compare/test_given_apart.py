"""Arrays that are wrong, and that the others were not made from: what else is wrong is named as it is without them."""

import numpy as np
import pytest

from tests.support.lstm_with_mistakes import LSTM, B, H
from tests.support.sampling import sampled
from tinyad import compare

MODEL = LSTM()
TIMES = range(1, MODEL.T + 1)


def with_stray(mistake, name="a_f", times=TIMES):
    """Return all derivatives of the hand, where one that was given is another than the rest was made from."""
    rng = np.random.default_rng(0)
    return MODEL.hand(mistake) | {f"{name}[{t}]": rng.standard_normal((H, B)) for t in times}


def said(comparison, name):
    return next(f.looks_like for f in comparison.findings if f.name == name)


@pytest.mark.parametrize("times", sampled([(TIMES,), ([3],)], 2))
@pytest.mark.parametrize(
    ("mistake", "name", "kind"),
    [
        ("time index", "U_f", "shifted by one time step in every contribution: h[4] where h[3] belongs"),
        ("= for +=", "h[3]", "as if = stood where += belongs"),
        ("transposition", "h[3]", "U_o * ∇a_o[4] where U_oᵀ * ∇a_o[4] belongs"),
    ],
)
def test_the_kind_is_named_beside_arrays_that_nothing_was_made_from(mistake, name, kind, times):
    comparison = compare(MODEL.d, with_stray(mistake, times=times), layout="same")
    assert kind in said(comparison, name)
    assert comparison.first_wrong.name == f"a_f[{max(times)}]" or kind in comparison.first_wrong.looks_like
    assert all(not f.right for f in comparison.findings if f.name in [f"a_f[{t}]" for t in times])


def test_arrays_alone_that_are_wrong_blame_no_other():
    comparison = compare(MODEL.d, with_stray(""), layout="same")
    assert [f.name for f in comparison.wrong] == [f"a_f[{t}]" for t in reversed(TIMES)]


def test_what_was_given_is_not_said_to_be_missing():
    """The mistake is in the line of a_f itself, whose arrays were given, and are others."""
    comparison = compare(MODEL.d, with_stray("copied line", name="a_i"), layout="same")
    assert comparison.located is None
    assert "not given" not in str(comparison)
