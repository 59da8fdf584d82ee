"""Another model: the derivatives by hand are right for a forward pass that differs from the tape's in one place."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

from tinyad.compare.judge import Judge
from tinyad.compare.lines import Lines
from tinyad.compare.thresholds import FEWEST_MODELS, MODELS_TRIED
from tinyad.compare.verdicts import Cause, Finding, Grade, Verdict
from tinyad.engine.op import Op
from tinyad.engine.table import TABLE
from tinyad.engine.tape import Tape
from tinyad.printing.listing import forward_text
from tinyad.printing.text import one_line

Node = tuple[Op, int, int | None]  # an operation and its operands, by position; new ones stand behind those of the tape
ACTIVATIONS = ("tanh", "sigmoid", "relu", "none")


class Model(NamedTuple):
    """A forward pass that differs: the operations that are others or new, at which steps, and how, in words."""

    nodes: dict[int, Node]
    steps: tuple[int, ...]
    text: str


def other_model(judge: Judge, findings: list[Finding]) -> tuple[list[Finding], Finding] | None:
    """Return the findings, and the one on the forward pass, if all that was given is right for another one."""
    judged = (Cause.OWN, Cause.OPEN, Cause.INHERITED, Cause.NONE)
    if all(f.right for f in findings) or any(f.cause not in judged for f in findings):
        return None
    tries = max(MODELS_TRIED // max(1, len(judge.lines.made)), FEWEST_MODELS)
    for model in models(judge.lines):
        if (tries := tries - 1) < 0:
            return None
        if fits(judge, model):
            n = model.steps[0]
            z = judge.tape.steps[n - 1][1]
            where = f"step {n}, {one_line(judge.tape.label(z))} = {forward_text(judge.tape, n)}"
            many = f"; the same at {len(model.steps)} time steps" if len(model.steps) > 1 else ""
            text = f"right for another forward, with {model.text}: {where}{many}"
            name = judge.names.get(z, judge.tape.label(z))
            found = [f if f.right else f._replace(cause=Cause.INHERITED, looks_like="", line="") for f in findings]
            pattern = ("another forward", model.text)
            steps = model.steps if len(model.steps) > 1 else ()
            return found, Finding(
                name, Verdict.WRONG, n, Cause.OWN, text, Grade.LIKELY, steps=steps, pattern=pattern
            )  # fmt: skip
    return None


def fits(judge: Judge, model: Model) -> bool:
    """Return whether all that was given follows from a backward pass over another forward."""
    with np.errstate(all="ignore"):
        try:
            tape, position = rebuilt(judge.lines, model.nodes)
            d = tape.backward({tape.at(position[i]): seed.T for i, seed in judge.d.seeds.items()})
        except (ValueError, TypeError, IndexError, KeyError, np.linalg.LinAlgError):
            return False
        return all(judge.follows(i, d.column(position[i])) for i in judge.names)


def rebuilt(lines: Lines, changed: dict[int, Node]) -> tuple[Tape, dict[int, int]]:
    """Return a tape with some operations changed, and where the values of the old one are on it.

    ValueError if a value would be computed from itself.
    """
    old = lines.tape
    nodes: dict[int, Node] = {z: (old.steps[n - 1][0], *old.steps[n - 1][2:]) for z, n in lines.made.items()}
    nodes |= changed
    tape, made, todo = Tape(), dict[int, Any](), [(i, False) for i in range(lines.d.length - 1, -1, -1)]
    open_: set[int] = set()
    while todo:
        i, ready = todo.pop()
        if i in made:
            continue
        if i not in nodes:
            made[i] = tape.variable(old.values[i])
            continue
        op, x, y = nodes[i]
        if ready:
            made[i] = tape.record(op, made[x], None if y is None else made[y])
            open_.discard(i)
            continue
        if i in open_:
            raise ValueError("a value would be computed from itself")
        open_.add(i)
        todo += [(i, True), *((j, False) for j in (y, x) if j is not None)]
    return tape, {i: v.index for i, v in made.items()}


def models(lines: Lines) -> Iterator[Model]:
    """Yield forward passes that differ from that of the tape in one line of code."""
    groups: dict[Any, list[int]] = {}
    for n in lines.made.values():
        groups.setdefault(lines.step_role(n), []).append(n)
    for kind in (exchanged_gate, another_activation, another_time, moved_product):
        for steps in groups.values():
            yield from kind(lines, tuple(steps))


def another_activation(lines: Lines, steps: tuple[int, ...]) -> Iterator[Model]:
    """Another function in the place of one, or none."""
    op = lines.tape.steps[steps[0] - 1][0]
    for symbol in ACTIVATIONS if op is TABLE.get(op.symbol) and op.symbol in ACTIVATIONS else ():
        if symbol != op.symbol:
            nodes = {lines.tape.steps[n - 1][1]: (TABLE[symbol], *lines.tape.steps[n - 1][2:]) for n in steps}
            instead = f"{symbol} where the tape has {op.symbol}" if symbol != "none" else f"no {op.symbol}"
            yield Model(nodes, steps, instead)


def another_time(lines: Lines, steps: tuple[int, ...]) -> Iterator[Model]:
    """A value of another time step: c[t] in a gate where the tape has c[t-1]."""
    tape = lines.tape
    for k in (0, 1):
        of = [tape.steps[n - 1][2:][k] for n in steps]
        seen = [lines.timed.get(i) for i in of if i is not None]
        for by in (1, -1):
            places = [lines.at.get((at[0], at[1] + by)) for at in seen if at is not None]
            put = [u for u in places if u is not None]
            sizes = {tape.values[i].shape for i in (*put, *(i for i in of if i is not None))}
            if len(put) == len(steps) and len(sizes) == 1:
                nodes: dict[int, Node] = {}
                for n, u in zip(steps, put, strict=True):
                    op, z, x, y = tape.steps[n - 1]
                    nodes[z] = (op, u, y) if k == 0 else (op, x, u)
                names = [one_line(tape.label(i)) for i in (put[0], of[0] or 0)]
                yield Model(nodes, steps, " where the tape has ".join(names))


def exchanged_gate(lines: Lines, steps: tuple[int, ...]) -> Iterator[Model]:
    """z and 1 - z exchanged, wherever they are used: what a gate keeps and what it takes."""
    tape = lines.tape
    nodes: dict[int, Node] = {}
    for n in steps:
        op, inverse, one, gate = tape.steps[n - 1]
        if op is not TABLE["-"] or gate is None or one not in tape.constants or not np.all(tape.values[one] == 1):
            return
        swap = {gate: inverse, inverse: gate}
        for use in (*lines.uses.get(gate, ()), *lines.uses.get(inverse, ())):
            if use.step != n:
                other, z, x, y = tape.steps[use.step - 1]
                _, x, y = nodes.get(z, (other, x, y))
                nodes[z] = other, swap.get(x, x), None if y is None else swap.get(y, y)
    if nodes:
        gate_name = one_line(tape.label(tape.steps[steps[0] - 1][3] or 0))
        yield Model(nodes, steps, f"{gate_name} and 1 - {gate_name} exchanged")


def moved_product(lines: Lines, steps: tuple[int, ...]) -> Iterator[Model]:
    """M (r ∘ h) where the tape has r ∘ (M h), with or without something added, and the other way."""
    tape = lines.tape
    for inside in (0, 1):
        nodes: dict[int, Node] = {}
        new = lines.d.length
        for n in steps:
            made = _into_product(lines, n, new, inside) or _out_of_product(lines, n, new, inside)
            if not made:
                break
            nodes |= made
            new += len(made)
        else:
            M = "after" if tape.steps[steps[0] - 1][0] is TABLE["*"] else "before"
            yield Model(nodes, steps, f"the component-wise product {M} the matrix product")


def _out_of_product(lines: Lines, n: int, new: int, inside: int) -> dict[int, Node] | None:
    """Return r ∘ (M h) for M (r ∘ h), with either of the two for r."""
    op, z, M, y = lines.tape.steps[n - 1]
    if op is not TABLE["*"] or y not in lines.made:
        return None
    product, _, *factors = lines.tape.steps[lines.made[y] - 1]
    if product is not TABLE["∘"] or factors[1] is None:
        return None
    r, h = factors if inside == 0 else factors[::-1]
    assert h is not None
    assert r is not None
    return {new: (op, M, h), z: (product, r, new)}


def _into_product(lines: Lines, n: int, new: int, inside: int) -> dict[int, Node] | None:
    """Return M (r ∘ h) for r ∘ (M h), M (r ∘ h) + b for r ∘ (M h + b)."""
    op, z, *factors = lines.tape.steps[n - 1]
    if op is not TABLE["∘"] or factors[1] is None:
        return None
    r, of = factors if inside == 0 else factors[::-1]
    b = None
    inner = lines.tape.steps[lines.made[of] - 1] if of in lines.made else None
    if inner and inner[0] is TABLE["+"] and inner[2] in lines.made:
        b, inner = inner[3], lines.tape.steps[lines.made[inner[2]] - 1]
    if inner is None or inner[0] is not TABLE["*"] or inner[3] is None or r is None:
        return None
    M, h = inner[2], inner[3]
    if b is None:
        return {new: (op, r, h), z: (inner[0], M, new)}
    return {new: (op, r, h), new + 1: (inner[0], M, new), z: (TABLE["+"], new + 1, b)}
