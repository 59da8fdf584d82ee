"""Compute derivatives from function values alone: by the complex step and by central differences.

Source: W. Squire and G. Trapp, "Using complex variables to estimate derivatives of real functions", SIAM Review 40
(1998): f(x + ih) = f(x) + ih f'(x) + O(h²), so the imaginary part over h is f'(x), with nothing subtracted.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np

from tinyad.arrays.matrix import Array, as_matrix, kind, size
from tinyad.engine.derivatives import Derivatives
from tinyad.engine.op import Op, entering, summed
from tinyad.engine.tape import Variable
from tinyad.printing.listing import walk_back
from tinyad.printing.text import apart

H = 1e-30  # the complex step: nothing cancels, so it may be as small as it likes
METHODS = ("complex", "central")
ADVICE = "use central differences instead"
Function = Callable[[Array], Any]


def complex_step(f: Function, x: Any, direction: Any = None) -> Any:
    """Return the derivative of the scalar function f at the matrix x, in row layout and to rounding, in float64.

    With a `direction` of x's size: the derivative along it, one number for one call of f.  Raises ValueError if f
    is not analytic at x (abs, max, real, conj, a comparison), which one direction by central differences shows.
    """
    x = _real(_for(f, x), "x")
    probe = _direction(x) if direction is None else _real(direction, "the direction", x)
    along = _complex_along(f, x, probe)
    estimate, error = central_difference(f, x, probe)
    if not abs(along - estimate) <= 10 * error + 1e-6 * (abs(along) + abs(estimate)):
        raise ValueError(
            f"not analytic here: the complex step gives {along:.6g}, central differences {estimate:.6g} ± {error:.1g}; "
            f"something in f is abs, max, real, conj or a comparison: {ADVICE}"
        )
    return along if direction is not None else _entry_by_entry(lambda unit: _complex_along(f, x, unit), x)


def central_difference(f: Function, x: Any, direction: Any = None) -> tuple[Any, Any]:
    """Return (derivative, estimate of its error) of the scalar function f at the matrix x, in row layout, in float64.

    With a `direction` of x's size: two numbers.  Differences at steps h, h/2 and h/4, extrapolated twice; the error
    is what the last extrapolation changed, and rounding.
    """
    x = _real(_for(f, x), "x")
    if direction is not None:
        return _difference_along(f, x, _real(direction, "the direction", x))
    value = _entry_by_entry(lambda unit: _difference_along(f, x, unit)[0], x)
    return value, _entry_by_entry(lambda unit: _difference_along(f, x, unit)[1], x)


def numeric_derivative(d: Derivatives, key: Variable | str, direction: Any = None, method: str = "complex") -> Any:
    """Return the derivative of what the backward pass `d` starts from by `key`, from replaying the steps after it.

    It checks every rule on the way.  `method` is "complex" or "central"; the result is that of `complex_step` or
    `central_difference`, in float64 whatever the tape is in.
    """
    _check_method(method)
    f, x = _as_function(walk_back(d, "numeric_derivative"), key)
    if method == "central":
        return central_difference(f, x, direction)
    try:
        return complex_step(f, x, direction)
    except ValueError as error:
        raise ValueError(f"{_not_analytic(d)}{error}") from None


def _as_function(d: Derivatives, key: Variable | str) -> tuple[Function, Array]:
    """Return (f, x): the L that d's seeds make, as a function of one value of the tape, and that value, in float64."""
    tape, position = d.tape, d.at(key).index
    values = [value if np.iscomplexobj(value) else value.astype(np.float64) for value in tape.values[: d.length]]
    steps = [step for step in tape.steps if step[1] < d.length]
    if any(value.dtype == np.float32 for value in tape.values):  # results that were rounded to float32 are made again
        for op, z, x, y in steps:
            values[z] = _result(op, values, x, y)
    changed, after = {position}, []
    for step in steps:
        if step[1] > position and not changed.isdisjoint(step[2:]):
            changed.add(step[1])
            after.append(step)
    seeds = {i: seed for i, seed in d.seeds.items() if i in changed}

    def f(value: Array) -> Any:
        if not seeds:  # L does not depend on it
            return value.dtype.type(0)
        now = values.copy()
        now[position] = value
        for op, z, x, y in after:
            now[z] = _result(op, now, x, y)
        return value.dtype.type(0) + sum((seed * now[i]).sum() for i, seed in seeds.items())

    return f, values[position]


def _result(op: Op, values: list[Array], x: int, y: int | None) -> Array:
    result: Array = op.run(values[x]) if y is None else op.run(values[x], values[y])
    return result


def _not_analytic(d: Derivatives) -> str:
    """Return the first step that refuses a complex step, as the beginning of a message."""
    values = d.tape.values
    for n, (op, z, *operands) in enumerate(d.tape.steps, 1):
        for i in operands:
            if i is not None:
                probe = [values[k] for k in operands if k is not None]
                where = [k for k in operands if k is not None].index(i)

                def f(a: Array, op: Op = op, probe: list[Array] = probe, where: int = where) -> Any:
                    out = op.run(*probe[:where], a, *probe[where + 1 :])
                    return a.dtype.type(0) + (_direction(out) * out).sum()

                try:
                    complex_step(f, values[i], _direction(values[i]))
                except ValueError:
                    return f"step {n}, {d.tape.label(z)} by {op.symbol}: "
    return ""


def _check_method(method: str) -> None:
    if method not in METHODS:
        raise ValueError(f"method={method!r}: there are {' and '.join(map(repr, METHODS))}")


def check_op(op: Op, x: Any = None, y: Any = None, method: str = "complex") -> float:
    """Compare the rule of a row with its forward, at a random point or at yours; return the largest relative error.

    Raises ValueError that names the operand and the entry if the rule is wrong.  A component-wise row is checked
    with every allowed repeat of an operand.
    """
    _check_method(method)
    if not isinstance(op, Op):
        raise TypeError(f"check_op takes a row of the table, or your own, Op(symbol, forward, rule), not {kind(op)}")
    worst = 0.0
    for operands in [_matrices(op, x, y)] if x is not None else _points(op):
        label = f"{op.symbol}, operands {' and '.join(size(a.shape) for a in operands)}"
        z = op.forward(*operands)
        weights = _direction(z)
        how = entering(op, [a.shape for a in operands]) if op.arity == 2 else ("",)
        out = op.deriv(weights.T, z, *operands)
        for k, rule in enumerate(out if op.arity == 2 else (out,)):
            rule = summed(rule, weights.T, how[k])

            def f(a: Array, k: int = k, operands: list[Array] = operands, weights: Array = weights) -> Any:
                return a.dtype.type(0) + (weights * op.forward(*operands[:k], a, *operands[k + 1 :])).sum()

            if method == "central":
                true, error = central_difference(f, operands[k])
            else:
                true, error = complex_step(f, operands[k]), 0.0
            rule = np.zeros_like(true) if rule is None else np.asarray(rule)
            worst = max(worst, _relative_error(label, "xy"[k], rule, true, error))
    return worst


def _relative_error(label: str, operand: str, rule: Array, true: Array, error: Any) -> float:
    """Return the largest error of a rule's derivative; ValueError if it is more than rounding."""
    if rule.shape != true.shape:
        raise ValueError(
            f"{label}: the derivative for {operand} is {size(rule.shape)}, row layout needs {size(true.shape)}"
        )
    scale = max(float(np.abs(true).max(initial=0)), 1e-300)
    off = np.maximum(np.abs(rule - true) - 10 * error, 0)  # what the error of the differences does not explain
    if not np.all(off <= 1e-11 * scale):
        at = np.unravel_index(int(np.nanargmax(np.where(np.isnan(off), np.inf, off))), off.shape)
        by_rule, by_values = apart(rule[at].item(), true[at].item())
        raise ValueError(
            f"{label}: the rule's derivative for {operand} at row {at[0] + 1}, column {at[1] + 1} is {by_rule}; "
            f"from the function values it is {by_values}"
        )
    return float(off.max(initial=0)) / scale


def _points(op: Op) -> list[list[Array]]:
    """Return operands that the forward accepts: of many sizes, of both signs where it takes them, also large ones."""
    rng = np.random.default_rng(0)
    if op.arity == 1:
        shapes = [[(4, 3)], [(3, 3)], [(4, 1)], [(1, 3)], [(1, 1)]]
    elif op.elementwise:
        pairs = ((4, 3), (4, 3)), ((4, 1), (4, 3)), ((1, 3), (4, 3)), ((1, 1), (4, 3)), ((1, 1), (1, 1))
        shapes = [list(pair) for a, b in pairs for pair in ((a, b), (b, a))]
    else:
        shapes = [[(4, 3), (4, 3)], [(4, 3), (3, 2)], [(3, 3), (3, 3)], [(4, 3), (3, 1)], [(1, 3), (3, 1)]]
        shapes += [[(4, 3), (2, 3)], [(2, 3), (4, 3)]]
    points = []
    for sizes in shapes:
        near = [rng.standard_normal(shape) + np.eye(*shape) for shape in sizes]
        positive = [np.abs(a) + 0.5 for a in near]
        for choice in (near, [5 * a for a in near], positive, [5 * a for a in positive]):
            with np.errstate(all="ignore"):
                try:
                    z = np.asarray(op.forward(*choice))
                except ValueError:
                    continue
            if z.dtype.kind not in "biufc":
                raise TypeError(f"the forward of {op.symbol} gives {kind(z.item() if z.ndim == 0 else z)}, not numbers")
            if np.all(np.isfinite(z)):
                points.append(choice)
    if not points:
        raise ValueError(f"{op.symbol} gives no finite value at a random point: call check_op(op, x) with one of yours")
    return points


def _matrices(op: Op, x: Any, y: Any) -> list[Array]:
    if (y is None) != (op.arity == 1):
        raise TypeError(f"{op.symbol} takes {'one operand' if op.arity == 1 else 'two operands'}")
    operands = [_real(a, name) for a, name in ((x, "x"), (y, "y"))[: op.arity]]
    for a, name in zip(operands, "xy", strict=False):
        if not np.all(np.isfinite(a)):
            raise ValueError(f"{name} has entries that are not finite; a rule is checked at finite ones")
    try:
        op.forward(*operands)
    except ValueError as reason:
        sizes = " and ".join(size(a.shape) for a in operands)
        raise ValueError(f"{op.symbol} cannot take operands of {sizes}: {reason}") from None
    return operands


def _for(f: Any, x: Any) -> Any:
    """Return x; TypeError where f is no function."""
    if not callable(f):
        raise TypeError(f"a derivative is that of a function f at x: f(x) first, not {kind(f)}")
    return x


def _real(value: Any, name: str, like: Array | None = None) -> Array:
    a = as_matrix(value, name)
    if np.iscomplexobj(a):
        raise TypeError(f"{name} is complex: derivatives here are those of real numbers")
    if like is not None and a.shape != like.shape:
        raise ValueError(f"{name} is {size(a.shape)}, and x is {size(like.shape)}: it needs x's size")
    return a.astype(np.float64)


def _direction(x: Array) -> Array:
    return np.random.default_rng(x.size).standard_normal(x.shape)


def _complex_along(f: Function, x: Array, direction: Array) -> float:
    try:
        out = np.asarray(f(x + 1j * H * direction))
    except TypeError as error:
        raise ValueError(f"f does not take complex values ({error}): {ADVICE}") from error
    if out.dtype.kind not in "biufc":
        raise TypeError(f"f gives {kind(out.item() if out.ndim == 0 else out)}, not a number")
    if not np.iscomplexobj(out):
        raise ValueError(f"f gives a real number for complex values (abs, real, a comparison?): {ADVICE}")
    return float(_scalar(out).imag / H)


def _difference_along(f: Function, x: Array, direction: Array) -> tuple[float, float]:
    best = np.nan, np.inf
    for first in (4e-3, 4e-5, 4e-7, 4e-9):  # smaller where one as large leaves the domain of f, or reaches a kink
        h = first / max(float(np.abs(direction).max(initial=0)), 1e-300)
        largest, quotients = 0.0, []
        with np.errstate(all="ignore"):
            for step in (h, h / 2, h / 4):
                above, below = (float(_scalar(np.asarray(f(x + s * direction))).real) for s in (step, -step))
                largest = max(largest, abs(above), abs(below))
                quotients.append((above - below) / (2 * step))
            early, late = ((4 * fine - coarse) / 3 for coarse, fine in pairwise(quotients))
            error = abs(late - early) + 8 * np.finfo(np.float64).eps * largest / h
        if error < best[1]:
            best = late + (late - early) / 15, error
        if error < 1e-6 * max(abs(late), largest):
            break
    return best


def _scalar(out: Array) -> Any:
    if out.size != 1:
        raise ValueError(f"f gives a matrix of {size(out.shape)}; a derivative here is that of one number")
    return out.item()


def _entry_by_entry(along: Callable[[Array], float], x: Array) -> Array:
    row = np.empty(x.shape[::-1])
    for at in np.ndindex(x.shape):
        unit = np.zeros(x.shape)
        unit[at] = 1
        row[at[::-1]] = along(unit)
    return row
