"""How a function that holds a backward pass is laid out: its losses, its derivatives, and the steps of training."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple, TypeAlias

from tinyad.code.names import LABELS, LOSS, Meanings, canonical, looks_like_derivative, stripped
from tinyad.code.probes import flat, names_of

TRAINS = re.compile(
    r"(?:^|_)(?:train|fit|steps?|update|learn|optimi[sz]e|descent|sgd|gd|backprop\w*|back_?propagat\w+|grads?|gradients?"
    r"|backward|epoch|propagate)(?:_|$)",
    re.IGNORECASE,
)
Settings: TypeAlias = Sequence[tuple[str, ast.stmt]]
GRADIENT = re.compile(r"(?:grads?|gradients?|dgrads?|nabla)$")


class Layout(NamedTuple):
    """How a function of both passes is laid out.

    losses: names that may be its loss, those before the first derivative last.  derivatives: the names of derivatives,
    in order.  loop: the one of training, whose first pass is checked.  steps: what statements change by a derivative,
    derivative → name.  adds: they add the derivatives, so that these are those of minus the loss.
    """

    losses: tuple[str, ...]
    derivatives: tuple[str, ...]
    loop: ast.stmt | None
    steps: dict[str, str]
    adds: bool


def layout_of(node: ast.FunctionDef) -> Layout | None:
    """Return the layout of a function that holds both passes; None if it does not seem to."""
    settings = list(_settings(node.body))
    parameters = _parameters(node)
    meanings = _meanings(node, settings)
    derivatives = _derivatives(settings, meanings)
    if not derivatives:
        return None
    losses = [name for name, _ in settings if LOSS.match(canonical(name)) and name not in derivatives]
    sure = [name for name in losses if len(canonical(name)) > 1]
    labelled = any(LABELS.match(name) for name in parameters)
    if not sure and not (TRAINS.search(node.name) and (losses or labelled)):
        return None
    steps = {derivative: name for derivative, name, _ in _steps(settings, derivatives, meanings)}
    first = [name for name, _ in settings].index(derivatives[0])
    before = [name for name, _ in settings[:first] if name in (sure or losses)]
    ordered = [name for name in sure or losses if name not in before] + before
    loop = _loop(node, derivatives, meanings)
    return Layout(tuple(ordered), tuple(dict.fromkeys(derivatives)), loop, steps, adds_derivatives(node))


def adds_derivatives(node: ast.FunctionDef) -> bool:
    """Return whether the steps of training in a function add derivatives to what they are for."""
    settings = list(_settings(node.body))
    meanings = _meanings(node, settings)
    steps = _steps(settings, _derivatives(settings, meanings), meanings)
    signs = [adds for _, _, adds in steps if adds is not None]
    return bool(signs) and all(signs)


def is_step(node: ast.stmt, name: str) -> bool:
    """Return whether a statement sets what a parameter changes by, as `delta_w = -rate * grad_w` does."""
    last = canonical(name)
    if not last.startswith("delta") or not isinstance(node, ast.Assign):
        return False
    own = set(stripped(last))
    read = {canonical(names_of(part)) for part in ast.walk(node.value) if isinstance(part, (ast.Name, ast.Attribute))}
    return any(own & set(stripped(other)) for other in read - {last} if looks_like_derivative(other))


def _parameters(node: ast.FunctionDef) -> list[str]:
    return [a.arg for a in (*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs)]


def _meanings(node: ast.FunctionDef, settings: Settings) -> Meanings:
    """Return what names may mean where all that a function takes, sets and reads of an object is the forward pass."""
    names = [canonical(name) for name, _ in settings]
    own = [canonical(names_of(part)) for part in ast.walk(node) if isinstance(part, ast.Attribute)]
    return Meanings(dict.fromkeys([*_parameters(node), *names, *own]))


def _derivatives(settings: Settings, meanings: Meanings) -> list[str]:
    return [
        name
        for name, node in settings
        if (GRADIENT.match(canonical(name)) or _means(meanings, name)) and not is_step(node, name)
    ]


def _means(meanings: Meanings, name: str) -> bool:
    return (looks_like_derivative(name) or canonical(name).startswith("D_")) and bool(meanings.by_form(canonical(name)))


def _settings(body: Sequence[ast.stmt]) -> Iterator[tuple[str, ast.stmt]]:
    """Yield what the statements of a function set, with the statement."""
    for node in body:
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
            continue
        for target in _targets(node):
            base = target
            while isinstance(base, ast.Subscript) and not names_of(base):
                base = base.value
            if names_of(base):
                yield names_of(base), node
        for part in ("body", "orelse", "finalbody"):
            yield from _settings(getattr(node, part, []))


def _targets(node: ast.stmt) -> Iterator[ast.expr]:
    if isinstance(node, ast.Assign):
        for target in node.targets:
            yield from flat(target)
    elif isinstance(node, (ast.AugAssign, ast.AnnAssign, ast.For)):
        yield from flat(node.target)


def _steps(
    settings: Settings, derivatives: Sequence[str], meanings: Meanings
) -> Iterator[tuple[str, str, bool | None]]:
    """Yield the derivatives by which statements such as `W -= rate * dW` change a name, with it and whether they add.

    None: nothing tells whether they add.
    """
    for name, node in settings:
        if name in derivatives or not isinstance(node, (ast.Assign, ast.AugAssign)):
            continue
        read = {names_of(part) for part in ast.walk(node.value) if isinstance(part, (ast.Name, ast.Attribute))}
        called = isinstance(node.value, ast.Call) and name in read
        adds = _adds(node, name)
        for derivative in derivatives:
            of = {m.name for m in meanings.by_form(canonical(derivative))}
            own = GRADIENT.match(canonical(derivative)) or canonical(name) in of
            if derivative in read and own and (called or adds is not None):
                yield derivative, name, adds


def _adds(node: ast.Assign | ast.AugAssign, name: str) -> bool | None:
    """Return whether a statement adds something to a name; None if it neither adds nor takes away."""
    value = node.value
    if isinstance(node, ast.AugAssign):
        operation: ast.operator | None = node.op
        change = value
    else:
        own = isinstance(value, ast.BinOp) and names_of(value.left) == name
        operation, change = (value.op, value.right) if own else (None, value)  # type: ignore[attr-defined]
    if not isinstance(operation, (ast.Add, ast.Sub)):
        return None
    return isinstance(operation, ast.Add) != _is_negative(change)


def _is_negative(node: ast.expr) -> bool:
    """Return whether a product is written with a minus, as -rate * dW is."""
    match node:
        case ast.UnaryOp(ast.USub(), operand):
            return not _is_negative(operand)
        case ast.BinOp(left, ast.Mult() | ast.Div(), right):
            return _is_negative(left) != _is_negative(right)
    return False


def _loop(node: ast.FunctionDef, derivatives: Sequence[str], meanings: Meanings) -> ast.stmt | None:
    """Return the loop in which derivatives are computed and what is trained changes."""
    for part in node.body:
        if isinstance(part, (ast.For, ast.While)):
            inside = list(_settings(part.body))
            computed = any(name in derivatives for name, _ in inside)
            if computed and any(True for _ in _steps(inside, derivatives, meanings)):
                return part
    return None
