"""Count what becomes of random comparisons: are right ones left alone, and is the line of one mistake the one blamed?

    python -m tests.benchmarks.compared [--count N] [--from K] [--seed S] [--misses]

A random program is derived by hand, right and with one mistake in one contribution; a random subset of the derivatives
is given.  `alarm`: a right one is called wrong.  Of those with a mistake that changes what was given, `missed`: it is
called right; `named`: an explanation in the line of the mistake is said; `other line`: explanations are said, and none
of them in that line; `false own`: a line without a mistake is called wrong itself; `silent`: no explanation.

Each explanation of a kind that can be read from its text is then applied on its own: the right backward pass with that
one mistake in it.  `applied`: so many; `false`: what it gives is not what was given by hand; it has to be 0.
"""

from __future__ import annotations

import argparse
import re
from collections import Counter
from collections.abc import Callable, Mapping
from fractions import Fraction
from typing import Any

import numpy as np

from tinyad import Tape, compare, exp, sigmoid, softmax, tanh
from tinyad.compare.comparison import Comparison
from tinyad.compare.verdicts import BLAMED
from tinyad.engine.derivatives import Derivatives

UNARY = (tanh, sigmoid, lambda x: exp(0.3 * tanh(x)), softmax)
COLUMNS = ("right", "alarm", "planted", "missed", "named", "other line", "false own", "silent", "applied", "false")
# What is said of one contribution, with its step, and of a whole derivative: what each makes of the array.
NUMBER = r"(-?[\d./e+-]+)"
OF_A_STEP = {
    r"^the contribution of step (\d+), .*, is missing$": lambda k: lambda c: 0 * c,
    r"^a contribution counted twice: step (\d+), ": lambda k: lambda c: 2 * c,
    r"^the sign of one contribution: step (\d+), ": lambda k: lambda c: -c,
    r"^one contribution transposed: step (\d+), ": lambda k: lambda c: c.T,
    rf"^a factor on one contribution: {NUMBER} times what it should be: step (\d+), ": lambda k: lambda c: k * c,
}
OF_A_SUM = {
    r"^the sign$": lambda k: lambda c: -c,
    r"^transposed$": lambda k: lambda c: c.T,
    r"^it is 0: every contribution is missing$": lambda k: lambda c: 0 * c,
    rf"^a factor: {NUMBER} times what it should be": lambda k: lambda c: k * c,
}
Lie = Callable[[np.ndarray], np.ndarray]


def program(rng: np.random.Generator) -> Derivatives:
    """Return the backward pass of a random program; a fourth of its values have no name."""
    tape = Tape()
    shapes = {"A": (3, 3), "B": (3, 3), "x": (3, 2), "y": (3, 2), "b": (3, 1)}
    values = list(tape.variables(**{name: rng.uniform(-1.5, 1.5, shape) for name, shape in shapes.items()}).values())
    for k in range(int(rng.integers(5, 11))):
        i, j = rng.integers(0, len(values), 2)
        x, y = values[max(i, j - 2)], values[j]
        kind = int(rng.integers(0, 4))
        if kind == 0 or x.shape[1] != 2:
            x = x if x.shape[1] == 2 else values[2]
            z = UNARY[int(rng.integers(0, len(UNARY)))](x)
        elif kind == 1:
            z = values[int(rng.integers(0, 2))] @ x
        elif y.shape == x.shape or y.shape == (3, 1):
            z = x * y if kind == 2 else x + y
        else:
            z = tanh(x)
        if rng.random() < 0.75 or k > 3:
            tape.name({f"v{k}": z})
        values.append(z)
    return tape.backward({values[-1]: rng.uniform(0.5, 1.5, (2, 3)), values[-2]: rng.uniform(0.5, 1.5, (2, 3))})


def by_hand(d: Derivatives, lies: Mapping[tuple[int, str], Lie], sums: Mapping[int, Lie] | None = None) -> list[Any]:
    """Return the derivatives, in row layout, of a backward pass with lies in some contributions, and in `sums`."""
    tape, columns, sums = d.tape, [None] * d.length, sums or {}
    made = {z for _, z, *_ in tape.steps}
    for i, seed in d.seeds.items():
        columns[i] = seed
    for n in range(len(tape.steps), 0, -1):
        _, z, *operands = tape.steps[n - 1]
        if columns[z] is None:
            continue
        columns[z] = sums[z](columns[z]) if z in sums else columns[z]
        for operand, i, c in zip("xy", operands, tape.contributions(n, columns[z]), strict=False):
            if i is not None and c is not None:
                c = lies[n, operand](c) if (n, operand) in lies else c
                columns[i] = c if columns[i] is None else columns[i] + c
    columns = [sums[i](c) if i in sums and i not in made and c is not None else c for i, c in enumerate(columns)]
    return [None if c is None else c.T for c in columns]


def mistake(rng: np.random.Generator, d: Derivatives) -> tuple[int, str, int, str, Lie]:
    """Return (step, operand, the value whose line it is, kind, the lie)."""
    tape = d.tape
    places = [
        (n, operand, i)
        for n, (_, z, *operands) in enumerate(tape.steps, 1)
        for operand, i in zip("xy", operands, strict=True)
        if i is not None and i not in tape.constants and d.reaches(z)
    ]
    n, operand, i = places[int(rng.integers(0, len(places)))]
    square = tape.values[i].shape == (3, 3)
    noise = rng.uniform(0.5, 1, tape.values[i].shape)
    kinds: dict[str, Lie] = {
        "missing": lambda c: 0 * c,
        "sign": lambda c: -c,
        "twice": lambda c: 2 * c,
        "half": lambda c: c / 2,
        "noise": lambda c: c + noise,
    }
    if square:
        kinds["transposed"] = lambda c: c.T
    op, z, x, y = tape.steps[n - 1]
    right = y if operand == "x" else x
    if op.symbol == "∘" and right is not None and {tape.values[k].shape for k in (i, right)} == {tape.values[z].shape}:
        others = [u for u in tape.names if u not in (i, right) and tape.values[u].shape == tape.values[z].shape]
        u = others[int(rng.integers(0, len(others)))]
        kinds["operand"] = lambda c: c / tape.values[right] * tape.values[u]
    kind = list(kinds)[int(rng.integers(0, len(kinds)))]
    return n, operand, i, kind, kinds[kind]


def said(found: Comparison) -> str:
    """Return all explanations of what is wrong itself, with the names that they are about."""
    told = [*found.wrong, *([found.located] if found.located else [])]
    return "; ".join(f"∇{f.name}: {f.line}: {f.looks_like}" for f in told if f.looks_like and f.cause in BLAMED)


def explanations(d: Derivatives, found: Comparison) -> list[list[tuple[dict[tuple[int, str], Lie], dict[int, Lie]]]]:
    """Return what explanations say, as lies in contributions and in sums; each with the operands that it may mean."""
    read = []
    for f in [*found.wrong, *([found.located] if found.located else [])]:
        for pattern, lie in OF_A_STEP.items():
            if m := re.search(pattern, f.looks_like):
                *number, step = m.groups()
                made = lie(float(Fraction(number[0])) if number else 0.0)
                read.append([({(int(step), operand): made}, {}) for operand in "xy"])
        for pattern, lie in OF_A_SUM.items():
            if (m := re.search(pattern, f.looks_like)) and f.cause == "own":
                made = lie(float(Fraction(m[1])) if m.groups() else 0.0)
                operands = (
                    d.tape.steps[f.step - 1][2:] if f.step else ()
                )  # of what has no name the step's own line tells
                places = {d.tape[f.name].index, *(i for i in operands if i is not None)}
                read.append([({}, {i: made}) for i in places])
    return read


def gives(d: Derivatives, hand: Mapping[str, np.ndarray], lies: Mapping[Any, Lie], sums: Mapping[int, Lie]) -> bool:
    """Return whether the right backward pass with some lies in it gives what was given by hand."""
    try:
        made = by_hand(d, lies, sums)
    except ValueError:  # a transpose where it does not fit
        return False
    return all(
        made[i].shape == a.shape and np.allclose(made[i], a, 1e-6, 1e-9)
        for i, a in ((d.tape[name].index, a) for name, a in hand.items())
    )


def line_of(d: Derivatives, i: int) -> set[str]:
    """Return the names under which a mistake in the derivative at i may be said: its own, or what it is a part of."""
    tape, names, todo = d.tape, set[str](), [i]
    while todo:
        j = todo.pop()
        names.add(tape.label(j))
        if j not in tape.names:
            todo += [k for _, z, *operands in tape.steps if z == j for k in operands if k is not None]
    return names


def one(rng: np.random.Generator, misses: bool) -> Counter[str]:
    """Return what becomes of one random program: of its right derivation, and of one with a mistake."""
    d, counts = program(rng), Counter[str]()
    named = [i for i in d.tape.names if d.reaches(i)]
    given = [i for i in named if rng.random() < 0.6] or named
    true = {d.tape.label(i): d[d.tape.at(i)] for i in given}
    rounded = {name: a * (1 + 1e-16 * rng.integers(-3, 3, a.shape)) for name, a in true.items()}
    counts["right"] += 1
    if not compare(d, rounded).ok:
        counts["alarm"] += 1
    n, operand, i, kind, lie = mistake(rng, d)
    wrong = by_hand(d, {(n, operand): lie})
    hand = {d.tape.label(j): wrong[j] for j in given}
    if all(np.allclose(hand[d.tape.label(j)], d[d.tape.at(j)], 1e-6, 1e-9) for j in given):
        return counts
    found = compare(d, hand)
    counts["planted"] += 1
    counts[f"of {kind}"] += 1
    read = explanations(d, found)
    counts["applied"] += len(read)
    false = [which for which in read if not any(gives(d, hand, lies, sums) for lies, sums in which)]
    counts["false"] += len(false)
    names, text = line_of(d, i), said(found)
    if found.ok:
        counts["missed"] += 1
        outcome = "missed"
    elif not text:
        outcome = "silent"
    else:
        outcome = "named" if any(re.search(rf"∇{re.escape(name)}(?!\w)", text) for name in names) else "other line"
    counts[outcome] += outcome != "missed"
    counts[f"{outcome} of {kind}"] += 1
    own = {f.name for f in found.wrong if f.cause == "own"} - names
    if own:
        counts["false own"] += 1
    if misses and (outcome in ("missed", "other line") or own or false):
        print(f"--- {outcome}: {kind} in step {n}, to ∇{d.tape.label(i)}; false own: {own}\n{d.tape}\n{found}")
    return counts


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--count", type=int, default=200)
    parser.add_argument("--from", type=int, default=0, dest="first", help="the first of them, for a run in parts")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--misses", action="store_true", help="print those that were missed or said of another line")
    options = parser.parse_args()
    counts = Counter[str]()
    for k in range(options.first, options.first + options.count):
        counts += one(np.random.default_rng([options.seed, k]), options.misses)
    print("".join(f"{name:>12}" for name in COLUMNS))
    print("".join(f"{counts[name]:12}" for name in COLUMNS))
    for kind in sorted(name.removeprefix("of ") for name in counts if name.startswith("of ")):
        outcomes = ("named", "other line", "silent", "missed")
        of_kind = (f"{counts[f'{outcome} of {kind}']} {outcome}" for outcome in outcomes)
        print(f"{kind:12} {counts[f'of {kind}']:4}: {', '.join(of_kind)}")


if __name__ == "__main__":
    main()
