"""A model over time: one code path for all of them, on arrays or on a tape, for examples of equal or other lengths."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from lstm_models.model import Matrix, Model
from tinyad import Tape, Variable

Values = dict[str, Any]


def unrolled(
    model: Model,
    start: Mapping[str, Any],
    xs: Sequence[Any],
    parameters: Mapping[str, Any],
    lengths: Any = None,
    backwards: bool = False,
) -> list[Values]:
    """Return the values of the cell at t = 1 to T, from the states `start` = {"C": C_0, "h": h_0}, for arrays or
    Variables.

    `backwards` goes from t = T to 1, from states that stand behind the last time step; each example begins at its own.
    `lengths` has the number of time steps of each example, 0 if it ended in an earlier chunk; its x goes on with any
    finite numbers.  After its last time step an example keeps its states: a state h is followed by h_new (the new one
    where the example goes on, else 0), h_old (the old one where it does not) and their sum, h_held, which `after`
    gives.  `lengths >= t` is the mask for a loss of time step t.  ValueError names what is missing, unknown or of
    another size than the rest.
    """
    _check(model, start, xs, parameters)
    goes_on = _goes_on(model, lengths, xs)
    states, steps = dict(start), []
    for t in range(len(xs))[:: -1 if backwards else 1]:
        before = {model.states[name]: state for name, state in states.items()}
        eqs = model.cell(**before, x=xs[t], **parameters)
        if goes_on is not None:
            for name, state in states.items():
                new, old = eqs[name] * goes_on[t], state * ~goes_on[t]
                eqs |= {f"{name}_new": new, f"{name}_old": old, f"{name}_held": new + old}
        states = after(model, eqs)
        steps.append(eqs)
    return steps[::-1] if backwards else steps


def after(model: Model, eqs: Mapping[str, Any]) -> Values:
    """Return the states after a time step with the values `eqs`, to start the next one from."""
    return {name: eqs.get(f"{name}_held", eqs[name]) for name in model.states}


def record(
    model: Model,
    start: Mapping[str, Any],
    xs: Sequence[Any],
    parameters: Mapping[str, Any],
    lengths: Any = None,
    since: int = 0,
    backwards: bool = False,
) -> tuple[Tape, list[Values]]:
    """Return a tape of T time steps with the names C[0], h[0], x[1], z1[1], ..., h[T], and the values of each time
    step.

    With `since` the time steps are counted on from there: C[since], ..., x[since + 1].  `backwards`, the states at the
    start are C[T + 1] and h[T + 1].
    """
    tape = Tape()
    steps = on_tape(tape, model, start, xs, tape.variables(**parameters), lengths, since, backwards)
    name(tape, steps, since)
    return tape, steps


def on_tape(
    tape: Tape,
    model: Model,
    start: Mapping[str, Any],
    xs: Sequence[Any],
    weights: Mapping[str, Any],
    lengths: Any = None,
    since: int = 0,
    backwards: bool = False,
) -> list[Values]:
    """Do as `unrolled` for arrays that become Variables C[0], h[0], x[1], ..., x[T]; the results have no names yet.

    The states that another chunk ended with may be Variables: on this tape the backward pass goes on through them, of
    another tape only their values are taken.
    """
    states, first = {}, since + len(xs) + 1 if backwards else since
    for name, state in start.items():
        if isinstance(state, Variable) and state.tape is not tape:
            state = state.value
        states[name] = state if isinstance(state, Variable) else tape.variable(state, f"{name}[{first}]")
    inputs = [tape.variable(x, f"x[{t}]") for t, x in enumerate(xs, since + 1)]
    return unrolled(model, states, inputs, weights, lengths, backwards)


def name(tape: Tape, steps: Sequence[Values], since: int = 0) -> None:
    """Name the values of time step t after the cell: z1[t]."""
    for t, eqs in enumerate(steps, since + 1):
        tape.name(eqs, step=t)


def readout(model: Model, state: Any, parameters: Mapping[str, Any]) -> tuple[Values, Any]:
    """Return the values of the output layer of a state, and the last of them, Y×B: an example is a column for every
    model.
    """
    read = state.T if model.rows else state
    eqs = model.output(read, **parameters)
    if read is state:  # it has a name of its own, which need not be the one it has in there
        eqs = {name: value for name, value in eqs.items() if value is not state}
    return eqs, list(eqs.values())[-1]


def zeros(model: Model, H: int, B: int, dtype: Any = np.float64) -> dict[str, Matrix]:
    """Return states of zeros for B examples."""
    return {name: np.zeros((B, H) if model.rows else (H, B), dtype) for name in model.states}


class Window(NamedTuple):
    """Part of a sequence: recorded are the time steps start + 1 to end, the backward pass starts from the losses of
    first to end.
    """

    start: int
    first: int
    end: int


def windows(T: int, k1: int, k2: int) -> Iterator[Window]:
    """Yield the windows of the truncated backward pass: after every k1 time steps their losses go back over the last k2
    steps.

    R. Williams, J. Peng, "An efficient gradient-based algorithm for on-line training of recurrent network
    trajectories" (1990): BPTT(k2; k1).  k1 = k2 = T goes back over everything.
    """
    if T < 1:
        raise ValueError(f"T = {T}, but a sequence has at least one time step")
    if not 1 <= k1 <= k2:
        raise ValueError(f"k1 = {k1}, k2 = {k2}: expected 1 <= k1 <= k2, or losses would be part of no backward pass")
    for first in range(1, T + 1, k1):
        end = min(first + k1 - 1, T)
        yield Window(max(0, end - k2), first, end)


def check_parameters(model: Model, parameters: Mapping[str, Any], H: int, X: int) -> None:
    """Raise ValueError if they are not those of the cell for state size H and input size X."""
    needed = model.shapes(H, X)
    missing = next((name for name in needed if name not in parameters), None)
    unknown = next((name for name in parameters if name not in needed), None)
    if missing or unknown:
        what = f"{missing} is missing" if missing else f"{unknown} is unknown"
        raise ValueError(f"{model.name}: the parameter {what}; there are {', '.join(needed)}")
    for name, shape in needed.items():
        given = _shape(parameters[name])
        if given != shape:
            why = f"for a state of {H} and an x of {X} components"
            raise ValueError(f"{model.name}: {name} is {_size(given)}, expected {_size(shape)} {why}")


def _check(model: Model, start: Mapping[str, Any], xs: Sequence[Any], parameters: Mapping[str, Any]) -> None:
    if set(start) != set(model.states):
        given = ", ".join(start) or "from none"
        raise ValueError(f"{model.name} starts from the states {', '.join(model.states)}, not {given}")
    if not len(xs):
        raise ValueError(f"{model.name}: T = 0, but a sequence has at least one time step")
    states = [(f"{name} at the start", _shape(start[name])) for name in model.states]
    inputs = [(f"x of time step {t}", _shape(x)) for t, x in enumerate(xs, 1)]
    for name, shape in (states[0], inputs[0]):
        if len(shape) != 2:
            raise ValueError(f"{model.name}: {name} is {_size(shape)}, expected a matrix")
    turn = -1 if model.rows else 1
    (H, _), (X, B) = states[0][1][::turn], inputs[0][1][::turn]
    for components, sizes in ((H, states), (X, inputs)):
        needed = (components, B)[::turn]
        for name, shape in sizes:
            if shape != needed:
                raise ValueError(f"{model.name}: {name} is {_size(shape)}, expected {_size(needed)} for {B} examples")
    check_parameters(model, parameters, H, X)


def _shape(a: Any) -> tuple[int, ...]:
    return getattr(a, "shape", ())


def _size(shape: tuple[int, ...]) -> str:
    return "×".join(map(str, shape)) + " (1-D)" * (len(shape) == 1) or "no array"


def _goes_on(model: Model, lengths: Any, xs: Sequence[Any]) -> list[Matrix] | None:
    """Return for each time step whether the examples have it; None if all have all."""
    if lengths is None:
        return None
    B = xs[0].shape[0 if model.rows else 1]
    lengths = np.asarray(lengths)
    if lengths.shape != (B,) or lengths.dtype.kind not in "iu" or ((lengths < 0) | (lengths > len(xs))).any():
        raise ValueError(f"lengths are {B} whole numbers of 0 to T = {len(xs)}, one for each example, not {lengths}")
    size = (B, 1) if model.rows else (1, B)
    return [(lengths >= t).reshape(size) for t in range(1, len(xs) + 1)]
