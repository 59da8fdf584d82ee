"""A mistake in a pass is found by the tests of equality: every pass gets one, and the eager tape says no."""

import pytest

from lstm_models.models import MODELS
from tests.support.compiled_difference import differs
from tests.support.gated_losses import gated
from tests.support.modelpoints import ModelPoint
from tests.support.points import draw
from tests.support.sampling import sampled
from tests.support.works_of_other_kinds import classifier, oscillator
from tinyad import Tape, tanh
from tinyad.compiled import PASSES, factors, fast_calls, recurrent_factors, scalars, time_sums
from tinyad.compiled import batched_products as wide
from tinyad.compiled import buffers as places
from tinyad.compiled import deferred_products as defer
from tinyad.compiled import flat_sums as sums
from tinyad.compiled import hoisting as hoist
from tinyad.compiled import loop_detection as repeats
from tinyad.compiled import stacking as stack
from tinyad.compiled.flat_sums import Term


def signs_are_lost(real):
    return lambda term, is_own: [Term(p.value, 1, p.at) for p in real(term, is_own)]


def blocks_are_swapped(real):
    def blocks(self, whole, group):
        real(self, whole, group)
        if len(group) > 1 and group[0].shape == group[1].shape:
            self.new[group[0]], self.new[group[1]] = self.new[group[1]], self.new[group[0]]

    return blocks


def one_round_too_many(real):
    return lambda self, begin, period, times: times


def a_sign_too_many(real):
    def over_time(v, loop, make, moving, new):
        whole = real(v, loop, make, moving, new)
        return make("neg", whole) if v.op in ("step", "T", "*") else whole

    return over_time


def never_read_again(real):
    return lambda self, buffers, *known: buffers.pop()[2] if buffers else None


def a_sign_in_what_is_changed(real):
    def rebuilt(roots, make, change):
        return real(roots, make, lambda *known: (made := change(*known)) and make("neg", made))

    return rebuilt


def a_number_is_lost(real):
    return lambda make, v, number, divisor: real(make, v, 1.0, divisor)


# the pass, where, the function, the mistake
PLANTED = [
    ("sums", sums, "_inside", signs_are_lost),
    ("stack", stack._Packing, "_blocks", blocks_are_swapped),
    ("loops", repeats.Steps, "_holds", one_round_too_many),
    ("defer", defer, "over_time", a_sign_too_many),
    ("hoist", hoist, "over_time", a_sign_too_many),
    ("wide", wide, "rebuilt", a_sign_in_what_is_changed),
    ("hoist", factors, "rebuilt", a_sign_in_what_is_changed),
    ("hoist", recurrent_factors, "rebuilt", a_sign_in_what_is_changed),
    ("sums", scalars, "_times", a_number_is_lost),
    ("sums", time_sums, "rebuilt", a_sign_in_what_is_changed),
    ("calls", fast_calls, "rebuilt", a_sign_in_what_is_changed),
    ("buffers", places.Places, "_read_before", never_read_again),
]


def irregular():
    """Six steps that look alike; the fourth one reads another state."""
    tape = Tape()
    states = [tape.variable(draw((2, 2)), "h[0]")]
    for t in range(1, 7):
        states.append(tanh(states[0 if t == 4 else -1]))
        tape.name({"h": states[-1]}, step=t)
    return tape, {"h[6]": draw((2, 2), 1)}, ["h[0]", "h[2]"]


def found():
    points = [ModelPoint(MODELS[name]) for name in ("slides", "gru", "gru-before")]
    losses = gated(4, "from 0"), "L", ["L", "W", "R", "b"]  # added up over time
    others = [(tape, "L", [*tape.names.values()]) for tape in (classifier(), oscillator())]
    for tape, seeds, names in [
        irregular(),
        losses,
        *others,
        *((p.tape, p.seeds, [*p.leaves, *p.seeds]) for p in points),
    ]:
        try:
            if differs(tape, seeds, PASSES, names) is not None:
                return True
        except (AssertionError, IndexError, KeyError, ValueError):  # what it leads to may not even run
            return True
    return False


@pytest.mark.parametrize(
    ("name", "where", "function", "mistake"), sampled(PLANTED, 2), ids=[f"{p[0]}-{p[2]}" for p in PLANTED]
)
def test_a_mistake_in_a_pass_is_found(monkeypatch, name, where, function, mistake):
    assert not found()
    monkeypatch.setattr(where, function, mistake(getattr(where, function)))
    assert found()


def test_every_pass_has_one():
    assert {name for name, *_ in PLANTED} == set(PASSES) - {"dead"}
