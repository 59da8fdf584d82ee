"""The causes that wrong derivatives of a comparison share: a factor, one wrong line that was not given, a layout."""

from __future__ import annotations

import numpy as np

from tinyad.compare.altered_rules import has_another_axis, over_other_axis
from tinyad.compare.judge import Judge
from tinyad.compare.thresholds import (
    CLEARLY_THIS,
    FACTORS_SHOWN,
    SAME_FACTOR,
    SOFTMAX_STEPS,
    SUSPECTS_SHOWN,
)
from tinyad.compare.verdicts import BLAMED, Cause, Finding, Grade, Verdict
from tinyad.compare.walk import Change, Walk
from tinyad.engine.derivatives import Derivatives
from tinyad.printing.listing import derived, first_nonfinite, forward_text
from tinyad.printing.text import one_line

LAYOUTS = ("row", "same")
FROM_OTHERS = (Cause.OPEN, Cause.INHERITED)  # it may be wrong for a reason upstream

Findings = list[Finding]


def shared_factor(judge: Judge, findings: Findings) -> tuple[Findings, str]:
    """Return the findings and a sentence if one positive factor is between all that was given and the tape.

    That is a scale: it is said once, and blamed on no line.
    """
    nonzero = [i for i in judge.names if np.any(judge.true(i))]
    if len(nonzero) < 2 or any(i not in judge.fitting for i in nonzero) or all(map(judge.right, nonzero)):
        return findings, ""
    if all(map(judge.right_to_the_coarsest, nonzero)):
        return findings, ""
    true, hand = judge.true(nonzero[0]), judge.fitting[nonzero[0]]
    at = np.unravel_index(int(np.argmax(np.abs(true))), true.shape)
    factor = float((hand[at] / true[at]).real)
    if not np.isfinite(factor) or factor <= 0:
        return findings, ""
    if not all(judge.close(i, judge.fitting[i], factor * judge.true(i), judge.coarsest) for i in nonzero):
        return findings, ""
    return _scaled(judge, findings, [f for f in findings if not f.right], factor)


def over_the_other_axis(judge: Judge, findings: Findings) -> tuple[Findings, Finding | None] | None:
    """Return what softmax by hand over rows instead of columns explains: these are the derivatives of that forward."""
    tape, d = judge.tape, judge.d
    steps = [n for n, step in enumerate(tape.steps, 1) if has_another_axis(step[0]) and step[1] < d.length]
    wrong = {f.name for f in findings if not f.right}
    judged = (Cause.OWN, *FROM_OTHERS, Cause.NONE)
    if not wrong or not steps or any(f.cause not in judged for f in findings):
        return None
    for some in [*([n] for n in steps[:SOFTMAX_STEPS] if len(steps) > 1), steps]:
        op, _, x, _ = tape.steps[some[-1] - 1]
        blames_a_right_one = x in judge.names and judge.names[x] not in wrong
        if blames_a_right_one or not _explained_by(judge, wrong, _turned(judge, set(some))):
            continue
        contributions, name = d.contributions(tape.at(x)), judge.names.get(x, tape.label(x))
        line, text = judge.line(name, contributions, some[-1]), over_other_axis(op)[1]
        cause = Finding(name, Verdict.WRONG, some[-1], Cause.OWN, text, Grade.LIKELY, line, steps=tuple(some))
        findings = [f._replace(cause=Cause.INHERITED) if f.name in wrong else f for f in findings]
        if x not in judge.names:
            return findings, cause
        mine = next(f for f in findings if f.name == name)
        cause = cause._replace(off=mine.off, worst=mine.worst)
        return [cause if f is mine else f for f in findings], None
    return None


def _explained_by(judge: Judge, wrong: set[str], walk: Derivatives) -> bool:
    """Return whether all that was given follows from a walk, and all that is wrong is so in it."""
    columns = {i: walk.column(i).T for i in judge.names}
    differs = all(
        judge.names[i] not in wrong or not judge.close(i, judge.true(i), a, judge.coarseness(i))
        for i, a in columns.items()
    )
    return differs and all(judge.agrees(i, a) for i, a in columns.items())


def _turned(judge: Judge, turned: set[int]) -> Derivatives:
    """Return the backward pass over the tape computed again with the rows at some steps over the other axis."""
    d = judge.d
    tape = d.tape.first(d.length).replay(rows={n: over_other_axis(d.tape.steps[n - 1][0])[0] for n in turned})
    return tape.backward({tape.at(i): seed.T for i, seed in d.seeds.items()})


def sign_from_the_first(judge: Judge, findings: Findings) -> Findings | None:
    """Return the findings if everything is -1 times the tape's, and all that is wrong comes from the first."""
    wrong = {f.name for f in findings if not f.right}
    if len(wrong) < 2:
        return None
    first = next(f for f in findings if f.name in wrong)
    above = (judge.tape.steps[use.step - 1][1] for use in judge.lines.uses.get(judge.tape[first.name].index, ()))
    if first.cause not in BLAMED or all(z in judge.names or z not in judge.lines.uses for z in above):
        return None  # it is in the line of the first
    upstream_of, target = _upstream_of(judge, wrong)
    if upstream_of[judge.tape[first.name].index] != target:
        return None
    if not all(
        i in judge.fitting and judge.close(i, judge.fitting[i], -judge.true(i), judge.coarsest) for i in judge.names
    ):
        return None
    text = f"the sign: everything from ∇{one_line(first.name)} on is -1 times the tape's"
    first = first._replace(cause=Cause.OPEN, looks_like=text, grade=Grade.LIKELY, pattern=("sign of everything",))
    return [first if f.name == first.name else f._replace(cause=Cause.INHERITED) for f in findings]


def _scaled(judge: Judge, findings: Findings, shared: Findings, factor: float) -> tuple[Findings, str]:
    examples = {judge.tape.values[step[1]].shape[1] for step in judge.tape.steps}
    means = [b for b in sorted(examples) if abs(factor * b - 1) < CLEARLY_THIS]
    guess = "".join(f" (a mean over {b} columns?)" for b in means)
    origin = _origin_of_factor(judge, {f.name for f in shared}, factor)
    text = f"{len(shared)} of them are {factor:.{SAME_FACTOR}g} times the tape's"
    text += f": {origin}" if origin else f"{guess}: a scale, or one factor upstream of all of them"
    common, pattern = "the common factor", (Cause.SCALE,)
    scaled = [f._replace(cause=Cause.SCALE, looks_like=common, pattern=pattern) if f in shared else f for f in findings]
    return scaled, text


def _origin_of_factor(judge: Judge, shared: set[str], factor: float) -> str:
    """Return the step with a number that explains a factor on all that comes from it, as a clause, or ""."""
    tape, clauses = judge.tape, []
    upstream_of, target = _upstream_of(judge, shared)
    for n, (op, z, x, y) in enumerate(tape.steps, 1):
        number = next((i for i in (y, x) if i in tape.constants and tape.values[i].size == 1), None)
        if z >= judge.d.length or number is None or op.symbol not in "∘/" or (op.symbol == "/" and number == x):
            continue
        c = tape.values[number].item()
        operand = x if number == y else y or 0
        if upstream_of[operand] == target and c not in (0, 1) and _all_through(judge, n, operand, factor):
            without = c if op.symbol == "/" else 1 / c
            for k, how in ((without, "were missing"), (1 / without, "stood there twice")):
                if abs(factor - k) < CLEARLY_THIS * abs(k):
                    line = f"{one_line(tape.label(z))} = {forward_text(tape, n)}"
                    clauses.append(f"as if the factor in step {n}, {line}, {how}")
    return " or ".join(clauses[:FACTORS_SHOWN])


def _all_through(judge: Judge, n: int, operand: int, factor: float) -> bool:
    """Return whether all that was given follows if the derivative of an operand, from step n alone, is scaled."""
    steps = [c.step for c in judge.d.contributions(judge.tape.at(operand))]
    scaled = Change({}, {operand: (lambda _, i, total: factor * total, ())})
    return steps == [n] and explains(judge, scaled)


def explains(judge: Judge, change: Change) -> bool:
    """Return whether every derivative by hand follows from a change of the backward pass, to the coarsest."""
    moved = Walk(judge.lines, {}).all_under(change, judge.fitting)
    return all(judge.close(i, a, moved[i].T, judge.coarsest) for i, a in judge.fitting.items())


def hint(judge: Judge, findings: Findings) -> str:
    """Return what else there is to say about all of them."""
    if any(f.cause == Cause.NOT_FINITE for f in findings):
        return first_nonfinite(judge.tape) or "the seeds are not finite"
    other = LAYOUTS[1 - LAYOUTS.index(judge.layout)]
    if judge.all_transposed:
        return f"all of them are right in the other layout: compare(..., layout={other!r})"
    if judge.in_other_layout:
        sizes = judge.fitting_transposed, judge.not_square
        which = "the sizes" if sizes[0] == sizes[1] else f"most sizes, {sizes[0]} of {sizes[1]},"
        whose = "the variables" if other == "same" else "row layout"
        return f"{which} are those of {whose}: compare(..., layout={other!r})"
    return _what_to_give_next(judge, findings)


def _what_to_give_next(judge: Judge, findings: Findings) -> str:
    first = next((f for f in findings if f.cause in BLAMED), None)
    explained = first is not None and first.grade in (Grade.CERTAIN, Grade.LIKELY)
    wrong = {f.name for f in findings if not f.right}
    if explained or not any(f.cause == Cause.OPEN for f in findings):
        return ""
    suspects = _suspects(judge, wrong)
    if not suspects:
        return ""
    some, last = suspects, SUSPECTS_SHOWN - 1
    if len(suspects) > SUSPECTS_SHOWN:
        some = [suspects[k * (len(suspects) - 1) // last] for k in range(SUSPECTS_SHOWN)]
    names = ", ".join(f"∇{one_line(judge.tape.label(i))}" for i in some) + ", …" * (len(suspects) > SUSPECTS_SHOWN)
    return f"if it is one mistake: all that is wrong comes from {names}, and nothing right does; give these to find it"


def _suspects(judge: Judge, wrong: set[str]) -> list[int]:
    """Return derivatives with names, not given, from which all wrong ones come and no right one: in walking order."""
    upstream_of, target = _upstream_of(judge, wrong)
    given = {i for i in judge.d.seeds if len(judge.d.contributions(judge.tape.at(i))) == 1} | set(judge.names)
    return [
        i
        for i in range(judge.d.length - 1, -1, -1)
        if upstream_of[i] == target and i not in given and i in judge.tape.names
    ]


def _upstream_of(judge: Judge, wrong: set[str]) -> tuple[list[int], int]:
    """Return for each derivative a bit for every one by hand that comes from it, itself too; and those of the wrong."""
    tape, reached = judge.tape, [i for i in judge.names if judge.d.reaches(i)]
    bit = {i: 1 << k for k, i in enumerate(reached)}
    bits = [bit.get(i, 0) for i in range(judge.d.length)]
    for n, (_, z, _, _) in enumerate(tape.steps, 1):
        for i in derived(tape, n).values() if z < judge.d.length else ():
            bits[z] |= bits[i]
    return bits, sum(bit[i] for i in reached if judge.names[i] in wrong)
