"""Functions of numbers and their derivatives, as sigmoid and sigmoid_prime: is the second that of the first?"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from tinyad.code import values
from tinyad.code.judge import Judge
from tinyad.code.probes import Listener
from tinyad.code.values import Array

WORDS = {"prime", "derivative", "deriv", "der", "gradient", "grad", "d", "diff", "backward"}
POINTS = 40
STEP = 1e-6
TOLERANCE = 1e-6


# The derivatives of the usual functions f of numbers: E stands for the argument or for what f returned.
FORMS = (
    "1 - E ** 2",
    "E * (1 - E)",
    "1 - f(E) ** 2",
    "f(E) * (1 - f(E))",
    "np.where(E > 0, 1.0, 0.0)",
    "1 / (1 + np.exp(-E))",
    "1 / np.cosh(E) ** 2",
    "np.exp(E)",
    "2 * E",
    "np.cos(E)",
    "-np.sin(E)",
)


def wrong_derivatives(judge: Judge) -> dict[str, str]:
    """Return the functions that the backward pass calls and that are not the derivative of what their names say.

    The values are the functions whose derivatives they should be.

    A derivative may be in terms of the argument, as 1 - tanh(x)², or of what the function returned, as 1 - y².
    """
    program = judge.pair.program
    called = dict.fromkeys(call.function for call in judge.backward.calls.values())
    found = {}
    program.probe.listen(Listener())
    for name in called:
        function = _differentiated(name, set(program.functions))
        if function and not _is_derivative(judge, function, name):
            found[name] = function
    return found


def usual_forms(statement: str, function: str) -> Iterator[str]:
    """Yield a return statement with a usual derivative of a function in the place of what it returns."""
    tree = ast.parse(statement.strip()).body[0]
    if not isinstance(tree, ast.Return) or tree.value is None:
        return
    called = {part.func for part in ast.walk(tree) if isinstance(part, ast.Call)}
    parts = [part for part in ast.walk(tree.value) if isinstance(part, ast.expr) and part not in called]
    texts = dict.fromkeys(ast.unparse(part) for part in parts if isinstance(part, ast.Call | ast.Name))
    for form in FORMS:
        yield from ("return " + form.replace("E", text).replace("f(", f"{function}(") for text in texts)


def _differentiated(name: str, functions: set[str]) -> str:
    """Return the function whose derivative another one is by its name; "" if there is none."""
    owner, _, last = name.rpartition(".")
    for function in sorted(functions, key=len, reverse=True):
        other, _, plain = function.rpartition(".")
        if other == owner and function != name and plain.lower() in last.lower():
            rest = last.lower().replace(plain.lower(), "", 1).strip("_")
            if rest in WORDS:
                return function
    return ""


def _is_derivative(judge: Judge, function: str, derivative: str) -> bool:
    """Return whether one function of numbers is the derivative of another one; True where that cannot be told."""
    of, own = (judge.pair.callable(name, judge.owner if "." in name else None) for name in (function, derivative))
    points = np.random.default_rng(0).standard_normal(POINTS) * 2
    apart = points.copy()
    apart[0] += 1
    result, moved, above, below = (_entries(of, x) for x in (points, apart, points + STEP, points - STEP))
    if result is None or moved is None or above is None or below is None or np.any((moved != result)[1:]):
        return True
    given = [value for value in (_entries(own, points), _entries(own, result)) if value is not None]
    truth = (above - below) / (2 * STEP)
    return not given or any(np.allclose(value, truth, TOLERANCE, TOLERANCE) for value in given)


def _entries(function: Callable[[Any], Any], points: Array) -> Array | None:
    """Return the values of a function of numbers; None if it is none, or not finite."""
    try:
        with np.errstate(all="ignore"):
            value = function(points.copy())
    except Exception:
        return None
    if values.shape(value) != points.shape or not values.is_numeric(value):
        return None
    entries = values.array(value)
    return entries if np.all(np.isfinite(entries)) else None
