"""What a wrong derivative looks like: hypotheses about the contributions that should have made it, tried in order."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import chain
from typing import NamedTuple

import numpy as np

from tinyad.listing import contribution_text
from tinyad.matrix import Array
from tinyad.row import Op
from tinyad.tape import Contribution, Derivatives, Variable
from tinyad.text import one_line

Close = Callable[[Array, Array], bool]
SEARCH = 20_000  # other variables tried in the place of an operand, at most


class Diagnosis(NamedTuple):
    """What the difference looks like, the step it points to (None: no one step), and how much that says.

    own: nothing upstream could look like this, so the line itself is wrong.
    """

    text: str
    step: int | None = None
    grade: str = "likely"
    factor: float | None = None
    own: bool = False


def diagnose(used: Derivatives, v: Variable, hand: Array, close: Close) -> Diagnosis | None:
    """The first hypothesis that turns the contributions to v into `hand` (row layout), given the derivatives `used`."""
    parts = used.contributions(v)
    if not np.all(np.isfinite(hand)):
        return Diagnosis("it has entries that are not finite", None, "certain")
    for made, found in chain(hypotheses(used, v), _others(used, v, parts)):
        if made.shape == hand.shape and close(made, hand):
            return found
    return _factor(used, parts, hand, close)


Hypotheses = Iterator[tuple[Array, Diagnosis]]


def hypotheses(used: Derivatives, v: Variable) -> Hypotheses:
    """(what the derivative of v would be, the mistake that makes it so) for the mistakes people make in one line."""
    parts = used.contributions(v)
    for group in (_sums, _single, _whole, _operands):
        yield from group(used, v, parts)


def _total(parts: list[Contribution], like: Array | None = None) -> Array:
    return np.sum([part.array for part in parts], axis=0)  # type: ignore[no-any-return]


def _said(used: Derivatives, part: Contribution) -> str:
    if part.step == 0:
        return "the given one"
    return f"step {part.step}, {contribution_text(used.tape, part.step, part.operand)}"


def _sums(used: Derivatives, v: Variable, parts: list[Contribution]) -> Hypotheses:
    """Contributions that are missing, and later ones that overwrote earlier ones."""
    if not parts:
        return
    yield np.zeros(parts[0].array.shape), Diagnosis("it is 0: every contribution is missing", parts[-1].step)
    for k in range(1, len(parts)):
        lost = "; ".join(_said(used, part) for part in parts[: min(k, 3)]) + ("; …" if k > 3 else "")
        text = f"= where += belongs, at step {parts[k].step}: missing is {lost}"
        yield _total(parts[k:]), Diagnosis(text, parts[k].step, own=True)
    for part in parts if len(parts) > 1 else ():
        rest = [other for other in parts if other is not part]
        yield (
            _total(rest),
            Diagnosis(f"a missing contribution: {_said(used, part)}", part.step or parts[-1].step, own=True),
        )
    for k in range(1, len(parts) - 1):
        text = f"it stops early: the contributions from {_said(used, parts[k])} on are missing"
        yield _total(parts[:k]), Diagnosis(text, parts[k].step, own=True)


def _single(used: Derivatives, v: Variable, parts: list[Contribution]) -> Hypotheses:
    """One contribution that is counted twice, has the wrong sign, or is transposed."""
    total = _total(parts) if parts else None
    for part in parts if total is not None and len(parts) > 1 else ():
        c, step = part.array, part.step or parts[-1].step
        yield total + c, Diagnosis(f"a contribution counted twice: {_said(used, part)}", step, own=True)
        yield total - 2 * c, Diagnosis(f"the sign of one contribution: {_said(used, part)}", step, own=True)
        if c.shape[0] == c.shape[1] > 1:
            yield total - c + c.T, Diagnosis(f"one contribution transposed: {_said(used, part)}", step, own=True)


def _whole(used: Derivatives, v: Variable, parts: list[Contribution]) -> Hypotheses:
    if parts:
        total, step = _total(parts), parts[-1].step if len(parts) == 1 else None
        yield -total, Diagnosis("the sign", step, factor=-1.0)
        if total.shape[0] == total.shape[1] > 1:
            yield total.T, Diagnosis("transposed", step)


def _operands(used: Derivatives, v: Variable, parts: list[Contribution]) -> Hypotheses:
    """One contribution whose line has another variable, or another derivative, in the place of the right one."""
    tape, budget, own = used.tape, SEARCH, _made_from(used, v)
    for part in parts:
        if part.step == 0:
            continue
        rest = _total(parts) - part.array
        op, z, *operands = tape.steps[part.step - 1]
        positions = [i for i in operands if i is not None]
        value = [tape.values[i] for i in (z, *positions)]
        dz = used.column(z)
        line = f"the line of step {part.step}, {contribution_text(tape, part.step, part.operand)}"
        k = "xy".index(part.operand)

        def made(D: Array, values: list[Array], op: Op = op, k: int = k, rest: Array = rest) -> Array:
            out = op.kernel(D, *values)
            return rest + (out[k] if op.arity == 2 else out).T  # type: ignore[no-any-return]

        if op.arity == 1:
            if dz.shape == value[1].shape:
                yield rest + dz.T, Diagnosis(f"the derivative of {op.symbol} is missing in {line}", part.step)
            if value[0].shape == value[1].shape:
                again = [op.run(value[0]), value[0]]
                text = (
                    f"the derivative of {op.symbol} is taken at {_name(used, z)} instead of {_name(used, positions[0])}"
                )
                yield made(dz, again), Diagnosis(f"{text} in {line}", part.step)
        for u in _nearest(used, part.step):
            if (budget := budget - 1) < 0:
                return
            if u != z and u not in own and tape.values[u].shape == dz.shape and used.reaches(u):
                text = f"∇{_name(used, u)} where ∇{_name(used, z)} belongs in {line}"
                yield made(used.column(u), value), Diagnosis(text, part.step)
            other = 1 - k
            if op.arity == 2 and u != positions[other] and tape.values[u].shape == value[1 + other].shape:
                swapped = [*value]
                swapped[1 + other] = tape.values[u]
                text = f"{_name(used, u)} where {_name(used, positions[other])} belongs in {line}"
                if op.symbol in "∘*":
                    yield made(dz, swapped), Diagnosis(text, part.step)


def _made_from(used: Derivatives, v: Variable) -> set[int]:
    """v and what it is computed from: their derivatives in `used` follow from v's and cannot explain it."""
    found = {v.index}
    for _, z, x, y in reversed(used.tape.steps):
        if z in found:
            found |= {x, x if y is None else y}
    return found


def _nearest(used: Derivatives, step: int) -> Iterator[int]:
    """Positions of the tape, those around a step first."""
    middle = used.tape.steps[step - 1][1]
    return iter(sorted(range(used.length), key=lambda u: abs(u - middle)))


def _others(used: Derivatives, v: Variable, parts: list[Contribution]) -> Hypotheses:
    own = _made_from(used, v)
    for u in _nearest(used, parts[-1].step or 1) if parts else ():
        if u not in own and used.reaches(u) and used.tape.values[u].shape == v.shape:
            yield used.column(u).T, Diagnosis(f"it is the derivative of {_name(used, u)}")


def _factor(used: Derivatives, parts: list[Contribution], hand: Array, close: Close) -> Diagnosis | None:
    """A factor on the whole, or on one contribution."""
    from fractions import Fraction  # 2 ms that an import of tinyad need not take

    for part in [None, *parts] if len(parts) > 1 else [None] if parts else []:
        total = _total(parts)
        scaled = total if part is None else part.array
        rest = total - scaled
        square = float(np.vdot(scaled, scaled).real)
        factor = float(np.vdot(scaled, hand - rest).real / square) if square else 0.0
        simple = Fraction(factor).limit_denominator(1000)
        exact = bool(simple) and abs(factor - simple) < 1e-9 * abs(factor)
        if not factor or not close(rest + factor * scaled, hand) or (hand.size == 1 and not exact):
            continue
        said = f"{simple if exact else f'{factor:.6g}'} times what it should be"
        grade = "likely" if hand.size > 1 else "possible"
        if part is None:
            return Diagnosis(f"a factor: {said}", parts[-1].step if len(parts) == 1 else None, grade, factor)
        return Diagnosis(f"a factor on one contribution: {said}: {_said(used, part)}", part.step, grade, own=True)
    return None


def _name(used: Derivatives, position: int) -> str:
    return one_line(used.tape.label(position))
