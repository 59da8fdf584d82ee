"""Every model over time: examples of different lengths, names, chunks, a truncated backward pass, 5,000 time steps."""

import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy import ones

from lstm_models import losses
from lstm_models.model import parameters, random
from lstm_models.models import MODELS
from lstm_models.sequence import after, name, on_tape, readout, record, unrolled, windows, zeros
from tests.support.points import STEP, close
from tinyad import Tape

H, X, T = 3, 2, 5
LENGTHS = [2, 5, 1, 4]  # not in order, and one that goes on to the end
B = len(LENGTHS)
EACH = pytest.mark.parametrize("model", MODELS.values(), ids=MODELS)


class Point:
    """States, inputs, parameters and, of the states' size, dL/d(each state after each time step)."""

    def __init__(self, model, T=T, B=B, dtype=np.float64):
        rng = np.random.default_rng([T, B, *model.name.encode()])

        def normal(rows):
            return rng.standard_normal((B, rows) if model.rows else (rows, B)).astype(dtype)

        self.model, self.parameters = model, parameters(model, H, X, rng, dtype)
        self.start = {state: normal(H) for state in model.states}
        self.xs = [normal(X) for _ in range(T)]
        self.seeds = {state: [t * normal(H) for t in range(1, T + 1)] for state in model.states}

    def example(self, a, b):
        """Example b of a matrix, as a batch of one."""
        return a[b : b + 1] if self.model.rows else a[:, b : b + 1]

    def walked(self, tape, steps, first=1):
        """The backward pass from L = Σ_t seeds ∘ (the states after time step t), for the time steps from `first` on."""
        seeds = {}
        for t, eqs in enumerate(steps, first):
            for state, v in after(self.model, eqs).items():
                seeds[v] = self.seeds[state][t - 1].T
        return tape.backward(seeds)


def matrices(eqs):
    """The values of a time step without what else a cell takes, such as the form of the slides."""
    return {key: a for key, a in eqs.items() if hasattr(a, "shape")}


def same(d, other, names):
    for key in names:
        assert np.array_equal(d[key], other[key]), key


# Lengths


@EACH
def test_examples_of_different_lengths_are_each_alone(model):
    """One batch = every example alone at its own length; the seeds of the states that it keeps are for its last one."""
    point = Point(model)
    tape, steps = record(model, point.start, point.xs, point.parameters, LENGTHS)
    d = point.walked(tape, steps)
    plain = unrolled(model, point.start, point.xs, point.parameters, LENGTHS)  # the same on arrays
    total = dict.fromkeys(point.parameters, 0)
    for b, length in enumerate(LENGTHS):

        def mine(a, b=b):
            return point.example(a, b)

        start = {state: mine(a) for state, a in point.start.items()}
        alone, own = record(model, start, [mine(x) for x in point.xs[:length]], point.parameters)
        seeds = {}
        for state in model.states:
            for t, dh in enumerate(point.seeds[state], 1):
                key = f"{state}[{min(t, length)}]"
                seeds[key] = seeds.get(key, 0) + mine(dh).T
        d_alone = alone.backward(seeds)
        for t in range(1, T + 1):
            for state, held in after(model, steps[t - 1]).items():
                assert close(mine(held.value), own[min(t, length) - 1][state].value), (state, t)
                assert close(held.value, after(model, plain[t - 1])[state], 1e-15), (state, t)
            dx = mine(d[f"x[{t}]"].T)
            assert dx.any() == (t <= length)
            assert t > length or close(dx, d_alone[f"x[{t}]"].T), t
        for state in model.states:
            assert close(mine(d[f"{state}[0]"].T), d_alone[f"{state}[0]"].T), state
        total = {key: summed + d_alone[key] for key, summed in total.items()}
    for key, right in total.items():
        assert close(d[key], right), key


@EACH
def test_equal_lengths_are_no_lengths(model):
    point = Point(model)
    tape, steps = record(model, point.start, point.xs, point.parameters)
    other, others = record(model, point.start, point.xs, point.parameters, np.full(B, T))
    for eqs, again in zip(steps, others, strict=True):
        for state in model.states:
            assert np.array_equal(eqs[state].value, again[f"{state}_held"].value)
    same(point.walked(tape, steps), point.walked(other, others), tape.names.values())
    kept = [f"{state}_{kind}" for state in model.states for kind in ("new", "old", "held")]
    kept = [f"{key}[{t}]" for key in kept for t in range(1, T + 1)]
    assert set(other.names.values()) == {*tape.names.values(), *kept}


@EACH
def test_what_follows_the_end_counts_for_nothing(model):
    point, other = Point(model), Point(model)
    for x, t in zip(other.xs, range(1, T + 1), strict=True):
        for b, length in enumerate(LENGTHS):
            if t > length:
                other.example(x, b)[...] = 1e3
    assert (other.xs[2] == 1e3).any()
    (tape, steps), (again, others) = (record(model, p.start, p.xs, p.parameters, LENGTHS) for p in (point, other))
    for state, v in after(model, others[-1]).items():
        assert close(after(model, steps[-1])[state].value, v.value, 1e-15), state
    d, d_again = point.walked(tape, steps), point.walked(again, others)
    for key in [*point.parameters, *(f"{state}[0]" for state in model.states)]:
        assert close(d[key], d_again[key]), key


@EACH
def test_many_to_many_with_masks(model):
    """Cross-entropy at every time step an example has, as a mean over these: the same as from one example at a time."""
    point, Y = Point(model), 4
    rng = np.random.default_rng(0)
    out = random(model.output_shapes(H, Y), H, rng)
    labels, lengths = rng.integers(0, Y, (T, B)), np.array(LENGTHS)
    tape = Tape()
    weights, top = tape.variables(**point.parameters), tape.variables(**out)
    steps = on_tape(tape, model, point.start, point.xs, weights, lengths)
    name(tape, steps)
    errors = []
    for t, (eqs, y) in enumerate(zip(steps, labels, strict=True), 1):
        read, a_y = readout(model, after(model, eqs)[model.read], top)
        loss = losses.cross_entropy(a_y, y, lengths >= t)
        tape.name(read | loss, step=t)
        assert tape.label(a_y.index) in (f"a_y[{t}]", f"z_y[{t}]")
        errors.append(loss["e"])
    L = losses.over_time(errors, lengths)[-1]
    d = tape.backward(L)
    assert len([z for _, z, _, _ in tape.steps if z not in tape.names]) == T  # the running sums and the mean
    total, d_total = 0.0, dict.fromkeys([*weights, *top], 0)
    for b, length in enumerate(LENGTHS):
        alone = Tape()
        weights, top = alone.variables(**point.parameters), alone.variables(**out)
        start = {state: point.example(a, b) for state, a in point.start.items()}
        xs = [point.example(x, b) for x in point.xs[:length]]
        own = on_tape(alone, model, start, xs, weights)
        a_ys = [readout(model, eqs[model.read], top)[1] for eqs in own]
        each = [losses.cross_entropy(a_y, y)["e"] for a_y, y in zip(a_ys, labels[:length, b], strict=True)]
        summed = losses.over_time(each)[-1]
        total += summed.value.item() / lengths.sum()
        d_alone = alone.backward(summed)
        d_total = {key: sofar + d_alone[key] / lengths.sum() for key, sofar in d_total.items()}
    assert close(L.value, [[total]], 1e-14)
    for key, right in d_total.items():
        assert close(d[key], right), key


# Names


@EACH
@pytest.mark.parametrize("since", [0, 7])
def test_names_have_their_time_step(model, since):
    point = Point(model)
    tape, steps = record(model, point.start, point.xs, point.parameters, since=since)
    cell = matrices(unrolled(model, point.start, point.xs[:1], point.parameters)[0])
    made = set(cell) - set(point.parameters) - set(model.states.values())
    names = set(point.parameters) | {f"{state}[{since}]" for state in model.states}
    names |= {f"{key}[{t}]" for key in made for t in range(since + 1, since + T + 1)}
    assert set(tape.names.values()) == names
    for t, eqs in enumerate(steps, since + 1):
        for key in made:
            assert tape[f"{key}[{t}]"].index == eqs[key].index
        assert np.array_equal(tape[f"x[{t}]"].value, point.xs[t - since - 1])
    for state, a in point.start.items():
        assert np.array_equal(tape[f"{state}[{since}]"].value, a)


def test_a_tape_holds_one_sequence_from_a_time_step():
    point = Point(MODELS["rnn"])
    tape = Tape()
    weights = tape.variables(**point.parameters)
    on_tape(tape, point.model, point.start, point.xs, weights)
    with pytest.raises(ValueError, match=r"^the name 'h\[0\]' is taken"):
        on_tape(tape, point.model, point.start, point.xs, weights)
    with pytest.raises(ValueError, match=r"^the name 'x\[1\]' is taken"):
        record(point.model, point.start, point.xs, point.parameters | {"x[1]": point.parameters["W"]})


# Chunks


@EACH
@pytest.mark.parametrize("lengths", [None, LENGTHS])
def test_chunks_carry_the_states(model, lengths):
    """Chunks of 2 time steps: on tapes of their own the same values, on one tape the same derivatives and names too."""
    point = Point(model)
    whole, long = record(model, point.start, point.xs, point.parameters, lengths)
    d, one = point.walked(whole, long), Tape()
    weights = one.variables(**point.parameters)
    states, together, linked = point.start, [], point.start
    for since in range(0, T, 2):
        xs = point.xs[since : since + 2]
        left = None if lengths is None else np.clip(np.array(lengths) - since, 0, len(xs))
        tape, steps = record(model, states, xs, point.parameters, left, since)
        for t, eqs in enumerate(steps, since + 1):
            for key, v in matrices(eqs).items():
                assert np.array_equal(v.value, long[t - 1][key].value), (key, t)
        states = after(model, steps[-1])
        assert {v.tape for v in states.values()} == {tape}
        steps = on_tape(one, model, linked, xs, weights, left, since)
        name(one, steps, since)
        linked = after(model, steps[-1])
        together += steps
    assert set(one.names.values()) == set(whole.names.values())
    same(d, point.walked(one, together), whole.names.values())


# The truncated backward pass


def truncated(point, k1, k2):
    """The derivatives for the parameters, summed over the windows, as training does it."""
    model, states, total = point.model, [point.start], dict.fromkeys(point.parameters, 0)
    for window in windows(len(point.xs), k1, k2):
        tape = Tape()
        xs = point.xs[window.start : window.end]
        steps = on_tape(tape, model, states[window.start], xs, tape.variables(**point.parameters), since=window.start)
        states[window.start + 1 :] = [after(model, eqs) for eqs in steps]
        d = point.walked(tape, steps[window.first - window.start - 1 :], window.first)
        total = {key: summed + d[key].T for key, summed in total.items()}
    return total


def loss_with_constants(point, k1, k2, moved, at):
    """L on arrays, from the definition: the states k2 time steps before the end of each chunk stay what they are."""
    model, total = point.model, 0
    for chunk in range(0, len(point.xs), k1):
        end = min(chunk + k1, len(point.xs))
        cut = max(end - k2, 0)
        states = at[cut]
        for t in range(cut, end):
            eqs = model.cell(**{model.states[s]: a for s, a in states.items()}, x=point.xs[t], **moved)
            states = {s: eqs[s] for s in states}
            if t >= chunk:
                total += sum((point.seeds[s][t] * a).sum() for s, a in states.items())
    return total


@EACH
@pytest.mark.parametrize(("k1", "k2"), [(1, 1), (2, 3), (3, 4)])
def test_truncated_is_the_complex_step_with_constant_states(model, k1, k2):
    """Along a random direction of all parameters together, and along the diagonal of each."""
    point = Point(model, B=2)
    states = [point.start] + [after(model, eqs) for eqs in unrolled(model, point.start, point.xs, point.parameters)]
    found, P = truncated(point, k1, k2), point.parameters
    rng = np.random.default_rng(0)
    directions = [{key: rng.standard_normal(p.shape) for key, p in P.items()}]
    directions += [{key: np.eye(*p.shape) * (key == only) for key, p in P.items()} for only in P]
    for direction in directions:
        moved = {key: p + STEP * 1j * direction[key] for key, p in P.items()}
        right = loss_with_constants(point, k1, k2, moved, states).imag / STEP
        size = sum(np.abs(found[key]).max() * np.abs(direction[key]).sum() for key in P)
        assert abs(sum((found[key] * direction[key]).sum() for key in P) - right) < 1e-13 * size
    full = point.walked(*record(model, point.start, point.xs, P))
    assert all(not close(found[key], full[key].T, 1e-3) for key in P)


@EACH
def test_a_walk_over_everything_is_not_truncated(model):
    point = Point(model, B=2)
    full = point.walked(*record(model, point.start, point.xs, point.parameters))
    for k1, k2 in ((T, T), (2, T), (1, T + 3), (T + 1, 2 * T)):
        found = truncated(point, k1, k2)
        for key in point.parameters:
            right = full[key].T
            assert np.array_equal(found[key], right) if k1 >= T else close(found[key], right), (key, k1, k2)


@settings(deadline=None)
@given(T=st.integers(1, 60), k1=st.integers(1, 70), more=st.integers(0, 70))
def test_windows_walk_back_every_loss_once(T, k1, more):
    found = list(windows(T, k1, k1 + more))
    assert [t for w in found for t in range(w.first, w.end + 1)] == list(range(1, T + 1))
    assert all(w.end - w.first + 1 == k1 for w in found[:-1])
    assert all(w.end - w.start == min(w.end, k1 + more) for w in found)
    assert all(w.start < w.first <= w.end for w in found)
    before = [0, *(w.end for w in found)]
    assert all(w.start <= end for w, end in zip(found, before, strict=False))  # where the states are known


@pytest.mark.parametrize(("T", "k1", "k2"), [(5, 0, 3), (5, 3, 2), (5, -1, -1), (0, 1, 1)])
def test_windows_that_cannot_be(T, k1, k2):
    needed = f"k1 = {k1}, k2 = {k2}: expected 1 <= k1 <= k2, or losses would be part of no backward pass"
    with pytest.raises(ValueError, match=f"^{needed if T else 'T = 0, but a sequence has at least one time step'}$"):
        next(windows(T, k1, k2))


# Long


def test_5000_time_steps():
    """A turning state that hardly fades: dL/dx_1 and dL/dh_0 through 5,000 time steps, against the hand derivation."""
    model, T, rng = MODELS["rnn"], 5000, np.random.default_rng(0)
    turn = np.array([[np.cos(0.3), -np.sin(0.3)], [np.sin(0.3), np.cos(0.3)]])
    P = {"W": 3e-4 * rng.standard_normal((2, 3)), "R": turn, "b": np.zeros((2, 1))}
    start, xs = {"h": 1e-3 * rng.standard_normal((2, 2))}, [rng.standard_normal((3, 2)) for _ in range(T)]
    tape, steps = record(model, start, xs, P)
    assert len(tape) == 5 * len(steps) == 5 * T
    last = rng.standard_normal((2, 2))
    d = tape.backward({f"h[{T}]": last.T})
    right = model.by_hand(start, xs, P, [np.zeros((2, 2))] * (T - 1) + [last], {})
    assert np.abs(right["h[0]"]).min() > 1e-3  # or 0 would be as right
    for key in (*P, "h[0]", "x[1]", "x[2500]", "x[5000]", "s[4999]"):
        assert close(d[key].T, right[key], 1e-11), key


# What cannot be


def spoiled(point, x1=None, x2=None, **changes):
    """The arguments of `unrolled`, with changes to inputs, states and parameters, of which None takes away."""
    start = {k: a for k, a in (point.start | changes).items() if a is not None and k in point.start}
    P = {k: a for k, a in (point.parameters | changes).items() if a is not None and k not in point.start}
    xs = [old if new is None else new for old, new in zip(point.xs, (x1, x2), strict=False)]
    return point.model, start, xs + point.xs[2:], P


@pytest.mark.parametrize(
    ("model", "changes", "message"),
    [
        ("sancho", {"c": None}, "sancho starts from the states c, h, not h"),
        ("rnn", {"h": None}, "rnn starts from the states h, not from none"),
        ("sancho", {"c": ones((H, 1))}, "sancho: c at the start is 3×1, expected 3×4 for 4 examples"),
        ("sancho", {"h": ones((2, B))}, "sancho: h at the start is 2×4, expected 3×4 for 4 examples"),
        ("sancho", {"c": ones((2, B)), "h": ones((2, B))}, "sancho: W_f is 3×2, expected 2×2 for a state of 2"),
        ("sancho", {"c": ones((H,))}, "sancho: c at the start is 3 (1-D), expected a matrix"),
        ("rnn", {"h": 0.0}, "rnn: h at the start is no array, expected a matrix"),
        ("sancho", {"x1": ones((B,))}, "sancho: x of time step 1 is 4 (1-D), expected a matrix"),
        ("sancho", {"x2": ones((X, 3))}, "sancho: x of time step 2 is 2×3, expected 2×4 for 4 examples"),
        ("sancho", {"x2": ones((3, B))}, "sancho: x of time step 2 is 3×4, expected 2×4 for 4 examples"),
        ("sancho", {"x2": ones((X,))}, "sancho: x of time step 2 is 2 (1-D), expected 2×4 for 4 examples"),
        ("problem4-rows", {"x2": ones((X, B))}, "problem4-rows: x of time step 2 is 2×4, expected 4×2 for 4 examples"),
        ("problem4-rows", {"b": ones((12, 1))}, "problem4-rows: b is 12×1, expected 1×12 for a state of 3"),
        ("slides", {"W_fC": ones((H, X))}, "slides: W_fC is 3×2, expected 3×3 for a state of 3 and an x of 2"),
        ("slides", {"b_o": ones((H,))}, "slides: b_o is 3 (1-D), expected 3×1"),
        ("rnn", {"b": None}, "rnn: the parameter b is missing; there are W, R, b"),
        ("rnn", {"W_y": ones((1, H))}, "rnn: the parameter W_y is unknown; there are W, R, b"),
        ("gru-before", {"c_n": ones((H, 1))}, "gru-before: the parameter c_n is unknown; there are W_r, R_r"),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_named(model, changes, message):
    point = Point(MODELS[model])
    with pytest.raises(ValueError, match="^" + re.escape(message)):
        unrolled(*spoiled(point, **changes))


@EACH
def test_every_wrong_size_is_found(model):
    """One row more in any parameter or state, and no time step at all."""
    point = Point(model)
    for key, a in (point.parameters | point.start).items():
        with pytest.raises(ValueError, match=rf"^{model.name}: \S+ .*is .*expected "):
            unrolled(*spoiled(point, **{key: np.vstack([a, a[:1]])}))
    with pytest.raises(ValueError, match=f"^{model.name}: T = 0, but a sequence has at least one time step$"):
        record(model, point.start, [], point.parameters)


@pytest.mark.parametrize("lengths", [[1, 2, 3], [1, 2, 3, 6], [1, 2, 3, -1], [1.0, 2.0, 3.0, 4.0], 3, [[1, 2, 3, 4]]])
@pytest.mark.parametrize("model", ["rnn", "problem4-rows"])
def test_lengths_that_cannot_be(model, lengths):
    point = Point(MODELS[model])
    with pytest.raises(ValueError, match=r"^lengths are 4 whole numbers of 0 to T = 5, one for each example, not "):
        record(point.model, point.start, point.xs, point.parameters, lengths)


@EACH
def test_zeros_and_float32(model):
    point = Point(model, dtype=np.float32)
    start = zeros(model, H, B, np.float32)
    assert {key: a.shape for key, a in start.items()} == {key: a.shape for key, a in point.start.items()}
    assert not any(a.any() for a in start.values())
    tape, steps = record(model, start, point.xs, point.parameters, LENGTHS)
    assert {a.dtype for a in tape.values} == {np.dtype("f4")}
    d = point.walked(tape, steps)
    assert {d[key].dtype for key in tape.names.values()} == {np.dtype("f4")}
    assert {a.dtype for a in zeros(model, 1, 1).values()} == {np.dtype("f8")}
