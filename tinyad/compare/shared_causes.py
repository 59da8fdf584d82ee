"""What the wrong derivatives of a comparison have in common: a factor, one wrong line that was not given, a layout."""

from __future__ import annotations

from collections import Counter
from itertools import chain

import numpy as np

from tinyad.compare.altered_rules import has_another_axis, transposed_row, use_the_other_axis
from tinyad.compare.diagnosis import Diagnosis, hypotheses
from tinyad.compare.judge import Finding, Judge
from tinyad.engine.derivatives import Derivatives
from tinyad.printing.listing import derived, first_nonfinite, forward_text
from tinyad.printing.text import one_line

LAYOUTS = ("row", "same")
APART = 8  # steps of one function, tried one by one
SEARCH = 100_000  # mistakes in lines that were not given, tried at most, times the steps of the tape


def everywhere(judge: Judge, findings: list[Finding]) -> tuple[list[Finding], str]:
    """One positive factor between all that was given and the tape is a scale: said once, and blamed on no line."""
    telling = [i for i in judge.names if np.any(judge.true(i))]
    if len(telling) < 2 or any(i not in judge.fits for i in telling) or all(map(judge.right, telling)):
        return findings, ""
    if all(map(judge.to_the_coarsest, telling)):
        return findings, ""
    true, hand = judge.true(telling[0]), judge.fits[telling[0]]
    at = np.unravel_index(int(np.argmax(np.abs(true))), true.shape)
    factor = float((hand[at] / true[at]).real)
    if not np.isfinite(factor) or factor <= 0:
        return findings, ""
    if not all(judge.close(i, judge.fits[i], factor * judge.true(i), judge.coarsest) for i in telling):
        return findings, ""
    return _scaled(judge, findings, [f for f in findings if f.verdict != "right"], factor)


def over_the_other_axis(judge: Judge, findings: list[Finding]) -> tuple[list[Finding], Finding | None] | None:
    """What softmax by hand over rows instead of columns explains: another forward, whose derivatives these are."""
    tape, d = judge.tape, judge.d
    steps = [n for n, step in enumerate(tape.steps, 1) if has_another_axis(step[0]) and step[1] < d.length]
    wrong = {f.name for f in findings if f.verdict != "right"}
    if not wrong or not steps or any(f.cause not in ("own", "open", "inherited", "") for f in findings):
        return None
    for some in [steps, *([n] for n in steps[:APART] if len(steps) > 1)]:
        walk = _turned(judge, set(some))
        changed = {i: walk.column(i).T for i in judge.names}
        says = all(
            judge.names[i] not in wrong or not judge.close(i, judge.true(i), a, judge.grain(i))
            for i, a in changed.items()
        )
        if says and all(judge.close(i, judge.fits[i], a, judge.grain(i)) for i, a in changed.items()):
            op, _, x, _ = tape.steps[some[-1] - 1]
            if x in judge.names and judge.names[x] not in wrong:
                continue
            parts, name = d.contributions(tape.at(x)), judge.names.get(x, tape.label(x))
            line = judge.line(name, parts, some[-1])
            found = Finding(name, "wrong", some[-1], "own", use_the_other_axis(op), "likely", line, steps=tuple(some))
            findings = [f._replace(cause="inherited") if f.name in wrong else f for f in findings]
            if x not in judge.names:
                return findings, found
            mine = next(f for f in findings if f.name == name)
            found = found._replace(off=mine.off, worst=mine.worst)
            return [found if f is mine else f for f in findings], None
    return None


def _turned(judge: Judge, turned: set[int]) -> Derivatives:
    """The walk back over the tape computed again with the rows at some steps over the other axis."""
    d = judge.d
    rows = {n: transposed_row(d.tape.steps[n - 1][0]) for n in turned}
    tape = d.tape.first(d.length).replay(rows=rows)
    return tape.backward({tape.at(i): seed.T for i, seed in d.seeds.items()})


def in_one_line(judge: Judge, findings: list[Finding]) -> tuple[list[Finding], Finding | None]:
    """The one mistake in a line that was not given which explains every wrong derivative there is, if there is one."""
    wrong = {f.name: f for f in findings if f.verdict != "right"}
    alone = len(wrong) == 1 and any(f.looks_like for f in wrong.values())
    if not wrong or alone or any(_blames_itself(judge, f) for f in wrong.values()):
        return findings, None
    first = next(f for f in findings if f.name in wrong)
    behind, target = _behind(judge, set(wrong))
    of_all = behind[judge.tape[first.name].index] == target  # all that is wrong comes from the first
    if of_all and all(judge.close(i, judge.fits[i], -judge.true(i), judge.coarsest) for i in judge.names):
        said = f"the sign: everything from ∇{one_line(first.name)} on is -1 times the tape's"
        first = first._replace(cause="open", looks_like=said, grade="likely")
        return [first if f.name == first.name else f._replace(cause="inherited") for f in findings], None
    tape, tries = judge.tape, max(SEARCH // len(judge.tape.steps), 20)
    factors = {f.factor for f in wrong.values() if f.factor not in (None, -1.0)}
    explained = []
    for z in _suspects(judge, set(wrong)):
        scaled = [
            (k * judge.true(z), Diagnosis(f"a factor: {k:.6g} times what it should be", factor=k)) for k in factors if k
        ]
        for made, found in chain(scaled, hypotheses(judge.d, tape.at(z), judge.layout)):
            if (tries := tries - 1) < 0:
                break
            if judge.explains(z, made):
                explained.append((z, found))
                break
    if not explained:
        return findings, None
    if all(found.factor is not None for _, found in explained):  # wherever it is, the lines of the hand have names
        explained.sort(key=lambda made: made[0] not in tape.names)
    (z, found), *others = explained
    parts, name = judge.d.contributions(tape.at(z)), tape.label(z)
    step = found.step or parts[-1].step
    text, grade = found.text, found.grade
    if others:
        others = [other for other in others if other[0] in tape.names] or others
        names = " or ".join(f"∇{one_line(tape.label(other))}" for other, _ in others[:3])
        text, grade = f"{text}; a mistake at {names} would explain it too", "possible"
    located = Finding(name, "wrong", step, "own", text, grade, judge.line(name, parts, step), steps=found.steps)
    return [f._replace(cause="inherited") if f.name in wrong else f for f in findings], located


def _blames_itself(judge: Judge, finding: Finding) -> bool:
    """Whether a finding is wrong for a reason that nothing upstream could give."""
    if finding.cause == "own":
        parts = judge.d.contributions(finding.name)
        return all(part.step in judge.known for part in parts)
    return finding.cause not in ("open", "inherited")


def on_many_lines(judge: Judge, findings: list[Finding]) -> tuple[list[Finding], str]:
    """One positive factor on many lines, each right but for it, is a scale too."""
    broken = [f for f in findings if f.cause in ("own", "open", "shape")]
    factors = Counter(f"{f.factor:.9g}" for f in broken if f.factor is not None and f.factor > 0)
    if not factors:
        return findings, ""
    common, count = factors.most_common(1)[0]
    shared = [f for f in broken if f.factor is not None and f"{f.factor:.9g}" == common]
    one_cause = any(f.cause == "open" for f in shared) and _suspects(judge, {f.name for f in shared})
    if count < 3 or 2 * count < len(broken) or one_cause:
        return findings, ""
    rest = [judge.tape[f.name].index for f in findings if f.cause == "inherited"]
    if not all(judge.close(i, judge.fits[i], float(common) * judge.true(i), judge.grain(i)) for i in rest):
        return findings, ""  # these have inherited something else
    return _scaled(judge, findings, shared, float(common))


def _scaled(judge: Judge, findings: list[Finding], shared: list[Finding], factor: float) -> tuple[list[Finding], str]:
    examples = {judge.tape.values[step[1]].shape[1] for step in judge.tape.steps}
    guess = "".join(f" (a mean over {b} columns?)" for b in sorted(examples) if abs(factor * b - 1) < 1e-8)
    sits = _sits(judge, {f.name for f in shared}, factor)
    text = f"{len(shared)} of them are {factor:.9g} times the tape's"
    text += f": {sits}" if sits else f"{guess}: a scale, no wrong line"
    results = {step[1] for step in judge.tape.steps}
    names = {judge.names[i] for i in judge.names if i not in results and np.any(judge.true(i))}
    without = [f.name for f in findings if f.verdict == "right" and f.name in names]
    if 0 < len(without) < len(shared):
        text += f"; right without it: {', '.join(map(one_line, without))}"
    return [f._replace(cause="scale", looks_like="the common factor") if f in shared else f for f in findings], text


def _sits(judge: Judge, shared: set[str], factor: float) -> str:
    """The step with a number that explains a factor on all that comes from it, as a clause; "" if there is none."""
    tape, said = judge.tape, []
    behind, target = _behind(judge, shared)
    for n, (op, z, x, y) in enumerate(tape.steps, 1):
        number = next((i for i in (y, x) if i in tape.constants and tape.values[i].size == 1), None)
        if z >= judge.d.length or number is None or op.symbol not in "∘/" or (op.symbol == "/" and number == x):
            continue
        c = tape.values[number].item()
        operand = x if number == y else y or 0
        if behind[operand] == target and c not in (0, 1) and _all_through(judge, n, operand, factor):
            without = c if op.symbol == "/" else 1 / c
            for k, how in ((without, "were missing"), (1 / without, "stood there twice")):
                if abs(factor - k) < 1e-8 * abs(k):
                    line = f"{one_line(tape.label(z))} = {forward_text(tape, n)}"
                    said.append(f"as if the factor in step {n}, {line}, {how}")
    return " or ".join(said[:2])


def _all_through(judge: Judge, n: int, operand: int, factor: float) -> bool:
    """Whether all that was given follows if the derivative of an operand, which comes from step n alone, is scaled."""
    steps = [part.step for part in judge.d.contributions(judge.tape.at(operand))]
    scaled = factor * judge.true(operand)
    given = operand not in judge.fits or judge.close(operand, judge.fits[operand], scaled, judge.coarsest)
    return steps == [n] and given and judge.explains(operand, scaled)


def hint(judge: Judge, findings: list[Finding]) -> str:
    """What else to say about all of them."""
    wrong = [f for f in findings if f.verdict != "right"]
    if any(f.cause == "not finite" for f in wrong):
        return first_nonfinite(judge.tape) or "the seeds are not finite"
    if judge.turned:
        other = LAYOUTS[1 - LAYOUTS.index(judge.layout)]
        return f"all of them are right in the other layout: compare(..., layout={other!r})"
    if judge.in_the_other:
        other = LAYOUTS[1 - LAYOUTS.index(judge.layout)]
        which = "the sizes" if judge.sized == judge.uneven else f"most sizes, {judge.sized} of {judge.uneven},"
        whose = "the variables" if other == "same" else "row layout"
        return f"{which} are those of {whose}: compare(..., layout={other!r})"
    first = next((f for f in findings if f.cause in ("own", "open", "shape")), None)
    said = first is not None and first.grade in ("certain", "likely")
    suspects = _suspects(judge, {f.name for f in wrong}) if any(f.cause == "open" for f in wrong) and not said else []
    if not suspects:
        return ""
    some = suspects if len(suspects) <= 4 else [suspects[k * (len(suspects) - 1) // 3] for k in range(4)]
    names = ", ".join(f"∇{one_line(judge.tape.label(i))}" for i in some) + ", …" * (len(suspects) > 4)
    return f"if it is one mistake: all that is wrong comes from {names}, and nothing right does; give these to find it"


def _suspects(judge: Judge, wrong: set[str]) -> list[int]:
    """Derivatives that were not given, from which all wrong ones come and no right one: in walking order."""
    behind, target = _behind(judge, wrong)
    given = {i for i in judge.d.seeds if len(judge.d.contributions(judge.tape.at(i))) == 1} | set(judge.names)
    return [i for i in range(judge.d.length - 1, -1, -1) if behind[i] == target and i not in given]


def _behind(judge: Judge, wrong: set[str]) -> tuple[list[int], int]:
    """For each derivative a bit for every one by hand that comes from it, itself included; and those of the wrong."""
    tape, telling = judge.tape, [i for i in judge.names if judge.d.reaches(i)]
    bit = {i: 1 << k for k, i in enumerate(telling)}
    behind = [bit.get(i, 0) for i in range(judge.d.length)]
    for n, (_, z, _, _) in enumerate(tape.steps, 1):
        for i in derived(tape, n).values() if z < judge.d.length else ():
            behind[z] |= behind[i]
    return behind, sum(bit[i] for i in telling if judge.names[i] in wrong)
