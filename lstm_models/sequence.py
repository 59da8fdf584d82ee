"""A model over time: one code path for all of them, on arrays or on a tape, for examples of equal or other lengths."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from lstm_models.model import Matrix, Model
from tinyad import Tape

Values = dict[str, Any]


def unrolled(
    model: Model, start: Mapping[str, Any], xs: Sequence[Any], parameters: Mapping[str, Any], lengths: Any = None
) -> list[Values]:
    """The values of the cell at t = 1 to T, from the states `start` = {"C": C_0, "h": h_0}, for arrays or Variables.

    `lengths` has the number of time steps of each example.  After its last one an example keeps its states: a state h
    is followed by h_new (the new one where the example goes on, else 0), h_old (the old one where it does not) and
    their sum, h_held.
    """
    if set(start) != set(model.states):
        raise ValueError(f"{model.name} starts from the states {', '.join(model.states)}, not {', '.join(start)}")
    if not len(xs):
        raise ValueError(f"{model.name}: T = 0, but a sequence has at least one time step")
    goes_on = _goes_on(model, lengths, xs)
    states, steps = dict(start), []
    for t, x in enumerate(xs):
        before = {model.states[name]: state for name, state in states.items()}
        eqs = model.cell(**before, x=x, **parameters)
        if goes_on is not None:
            for name, state in states.items():
                new, old = eqs[name] * goes_on[t], state * (1 - goes_on[t])
                eqs |= {f"{name}_new": new, f"{name}_old": old, f"{name}_held": new + old}
        states = after(model, eqs)
        steps.append(eqs)
    return steps


def after(model: Model, eqs: Mapping[str, Any]) -> Values:
    """The states after a time step with the values `eqs`, to start the next one from."""
    return {name: eqs.get(f"{name}_held", eqs[name]) for name in model.states}


def record(
    model: Model, start: Mapping[str, Any], xs: Sequence[Any], parameters: Mapping[str, Any], lengths: Any = None
) -> tuple[Tape, list[Values]]:
    """A tape of T time steps with the names C[0], h[0], x[1], z1[1], ..., h[T], and the values of each time step."""
    tape = Tape()
    steps = on_tape(tape, model, start, xs, tape.variables(**parameters), lengths)
    name(tape, steps)
    return tape, steps


def on_tape(
    tape: Tape,
    model: Model,
    start: Mapping[str, Any],
    xs: Sequence[Any],
    weights: Mapping[str, Any],
    lengths: Any = None,
) -> list[Values]:
    """`unrolled` for arrays that become Variables C[0], h[0], x[1], ..., x[T]; the results have no names yet."""
    states = {name: tape.variable(value, f"{name}[0]") for name, value in start.items()}
    inputs = [tape.variable(x, f"x[{t}]") for t, x in enumerate(xs, 1)]
    return unrolled(model, states, inputs, weights, lengths)


def name(tape: Tape, steps: Sequence[Values]) -> None:
    """Name the values of time step t after the cell: z1[t]."""
    for t, eqs in enumerate(steps, 1):
        tape.name(eqs, step=t)


def readout(model: Model, state: Any, parameters: Mapping[str, Any]) -> tuple[Values, Any]:
    """The values of the output layer of a state, and the last of them, Y×B: an example is a column for every model."""
    eqs = model.output(state.T if model.rows else state, **parameters)
    return eqs, list(eqs.values())[-1]


def zeros(model: Model, H: int, B: int, dtype: Any = np.float64) -> dict[str, Matrix]:
    """States of zeros for B examples."""
    return {name: np.zeros((B, H) if model.rows else (H, B), dtype) for name in model.states}


class Window(NamedTuple):
    """Part of a sequence: recorded are the time steps start + 1 to end, walked back are the losses of first to end."""

    start: int
    first: int
    end: int


def windows(T: int, k1: int, k2: int) -> Iterator[Window]:
    """The truncated walk back: after every k1 time steps their losses are walked back over the last k2 steps.

    R. Williams, J. Peng, "An efficient gradient-based algorithm for on-line training of recurrent network
    trajectories" (1990): BPTT(k2; k1).  k1 = k2 = T walks back over everything.
    """
    if not 1 <= k1 <= k2:
        raise ValueError(f"k1 = {k1}, k2 = {k2}: needed is 1 <= k1 <= k2, or losses would be walked back nowhere")
    for first in range(1, T + 1, k1):
        end = min(first + k1 - 1, T)
        yield Window(max(0, end - k2), first, end)


def _goes_on(model: Model, lengths: Any, xs: Sequence[Any]) -> list[Matrix] | None:
    """For each time step 1 for the examples that have it, else 0; None if all have all."""
    if lengths is None:
        return None
    B = xs[0].shape[0 if model.rows else 1]
    lengths = np.asarray(lengths)
    if lengths.shape != (B,) or lengths.dtype.kind not in "iu" or lengths.min() < 1 or lengths.max() > len(xs):
        raise ValueError(f"lengths are {B} whole numbers of 1 to T = {len(xs)}, one for each example, not {lengths}")
    size = (B, 1) if model.rows else (1, B)
    return [(lengths >= t).astype(xs[0].dtype).reshape(size) for t in range(1, len(xs) + 1)]
