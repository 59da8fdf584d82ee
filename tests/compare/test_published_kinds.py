"""The kinds of mistakes that were published are named, from the derivatives of the parameters alone too.

All are made at every time step of an LSTM: one mistake in the code of a loop is one finding.
"""

import pytest

from tests.support.lstm_with_mistakes import KINDS, LSTM
from tests.support.sampling import sampled
from tinyad import compare

SOME = ("= for +=", "brackets", "saved in place", "sign")


@pytest.fixture(scope="module")
def lstm():
    return LSTM(T=3)


def at_three(said):
    """What is said of four time steps, of three."""
    return said.replace("[3]", "[2]").replace("[4]", "[3]")


def test_a_right_derivation_is_right(lstm):
    hand = lstm.hand()
    assert compare(lstm.d, hand, layout="same").ok
    assert compare(lstm.d, lstm.finals(hand), layout="same").ok


@pytest.mark.parametrize("kind", [k if k in SOME else pytest.param(k, marks=pytest.mark.slow) for k in KINDS])
def test_the_kind_is_named_from_final_gradients_alone(lstm, kind):
    found = compare(lstm.d, lstm.finals(lstm.hand(kind)), layout="same")
    assert at_three(KINDS[kind]) in found.first_wrong.looks_like
    blamed = [f for f in found.wrong if f.cause != "inherited"]
    assert len(blamed) == (found.located is None)


@pytest.mark.parametrize("kind", sampled(KINDS))
def test_the_kind_is_named_with_intermediates_and_said_once(lstm, kind):
    found = compare(lstm.d, lstm.hand(kind), layout="same")
    assert at_three(KINDS[kind]) in found.first_wrong.looks_like
    assert found.first_wrong.cause == "own"
    assert "also wrong" not in str(found)


def test_a_mistake_at_one_time_step_is_that_of_one_line(lstm):
    found = compare(lstm.d, lstm.hand("sign", at=2), layout="same")
    assert [f.name for f in found.wrong if f.cause == "own"] == ["a_g[2]"]
    assert found.first_wrong.looks_like == "the sign"


def test_two_mistakes_are_both_found_from_final_gradients(lstm):
    hand = lstm.hand("sign")
    found = compare(lstm.d, lstm.finals(hand | {"W_o": -hand["W_o"]}), layout="same")
    assert found.first_wrong.name == "g[3]"
    assert found.first_wrong.looks_like.startswith("the sign; a mistake at ∇a_g[3] would explain it too")
    assert [(f.name, f.looks_like) for f in found.wrong if f.cause != "inherited"] == [("W_o", "the sign")]
    assert "explains all that is inherited from it" in str(found)


def test_a_mistake_at_one_time_step_is_found_from_final_gradients_too(lstm):
    found = compare(lstm.d, lstm.finals(lstm.hand("sign", at=2)), layout="same")
    assert found.first_wrong.name == "g[2]"
    assert found.first_wrong.looks_like == "the sign; a mistake at ∇a_g[2] would explain it too"
