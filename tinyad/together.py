"""What the wrong derivatives of a comparison have in common: a factor, one wrong line that was not given, a layout."""

from __future__ import annotations

from collections import Counter
from itertools import chain

import numpy as np

from tinyad.diagnosis import Diagnosis, hypotheses
from tinyad.judge import Finding, Judge
from tinyad.listing import derived, first_nonfinite
from tinyad.text import one_line

LAYOUTS = ("row", "same")
SEARCH = 100_000  # mistakes in lines that were not given, tried at most, times the steps of the tape


def everywhere(judge: Judge, findings: list[Finding]) -> tuple[list[Finding], str]:
    """One positive factor between all that was given and the tape is a scale: said once, and blamed on no line."""
    telling = [i for i in judge.names if np.any(judge.true(i))]
    if len(telling) < 2 or any(i not in judge.fits for i in telling) or all(map(judge.right, telling)):
        return findings, ""
    true, hand = judge.true(telling[0]), judge.fits[telling[0]]
    at = np.unravel_index(int(np.argmax(np.abs(true))), true.shape)
    factor = float((hand[at] / true[at]).real)
    if not np.isfinite(factor) or factor <= 0:
        return findings, ""
    if not all(judge.close(i, judge.fits[i], factor * judge.true(i), judge.coarsest) for i in telling):
        return findings, ""
    return _scaled(judge, findings, [f for f in findings if f.verdict != "right"], factor)


def in_one_line(judge: Judge, findings: list[Finding]) -> tuple[list[Finding], Finding | None]:
    """The one mistake in a line that was not given which explains every wrong derivative there is, if there is one."""
    wrong = {f.name: f for f in findings if f.verdict != "right"}
    alone = len(wrong) == 1 and any(f.looks_like for f in wrong.values())
    if not wrong or alone or any(_blames_itself(judge, f) for f in wrong.values()):
        return findings, None
    tape, tries = judge.tape, max(SEARCH // len(judge.tape.steps), 20)
    factors = {f.factor for f in wrong.values() if f.factor not in (None, -1.0)}
    explained = []
    for z in _suspects(judge, set(wrong)):
        scaled = [(k * judge.true(z), Diagnosis(f"a factor: {k:.6g} times what it should be")) for k in factors if k]
        for made, found in chain(scaled, hypotheses(judge.d, tape.at(z), judge.layout)):
            if (tries := tries - 1) < 0:
                break
            if judge.explains(z, made):
                explained.append((z, found))
                break
    if not explained:
        return findings, None
    (z, found), *others = explained
    parts, name = judge.d.contributions(tape.at(z)), tape.label(z)
    step = found.step or parts[-1].step
    text, grade = found.text, found.grade
    if others:
        names = " or ".join(f"∇{one_line(tape.label(other))}" for other, _ in others[:3])
        text, grade = f"{text}; a mistake at {names} would explain it too", "possible"
    located = Finding(name, "wrong", step, "own", text, grade, judge.line(name, parts, step))
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
    return _scaled(judge, findings, shared, float(common))


def _scaled(judge: Judge, findings: list[Finding], shared: list[Finding], factor: float) -> tuple[list[Finding], str]:
    examples = {judge.tape.values[step[1]].shape[1] for step in judge.tape.steps}
    guess = "".join(f" (a mean over {b} columns?)" for b in sorted(examples) if abs(factor * b - 1) < 1e-8)
    text = f"{len(shared)} of them are {factor:.9g} times the tape's{guess}: a scale, no wrong line"
    results = {step[1] for step in judge.tape.steps}
    names = {judge.names[i] for i in judge.names if i not in results and np.any(judge.true(i))}
    without = [f.name for f in findings if f.verdict == "right" and f.name in names]
    if 0 < len(without) < len(shared):
        text += f"; right without it: {', '.join(map(one_line, without))}"
    return [f._replace(cause="scale", looks_like="the common factor") if f in shared else f for f in findings], text


def hint(judge: Judge, findings: list[Finding]) -> str:
    """What else to say about all of them."""
    wrong = [f for f in findings if f.verdict != "right"]
    if any(f.cause == "not finite" for f in wrong):
        return first_nonfinite(judge.tape) or "the seeds are not finite"
    if judge.turned:
        other = LAYOUTS[1 - LAYOUTS.index(judge.layout)]
        return f"all of them are right in the other layout: compare(..., layout={other!r})"
    suspects = _suspects(judge, {f.name for f in wrong}) if any(f.cause == "open" for f in wrong) else []
    if not suspects:
        return ""
    some = suspects if len(suspects) <= 4 else [suspects[k * (len(suspects) - 1) // 3] for k in range(4)]
    names = ", ".join(f"∇{one_line(judge.tape.label(i))}" for i in some) + ", …" * (len(suspects) > 4)
    return f"if it is one mistake: all that is wrong comes from {names}, and nothing right does; give these to find it"


def _suspects(judge: Judge, wrong: set[str]) -> list[int]:
    """Derivatives that were not given, from which all wrong ones come and no right one: in walking order."""
    tape, telling = judge.tape, [i for i in judge.names if judge.d.reaches(i)]
    bit = {i: 1 << k for k, i in enumerate(telling)}
    behind = [bit.get(i, 0) for i in range(judge.d.length)]
    for n, (_, z, _, _) in enumerate(tape.steps, 1):
        for i in derived(tape, n).values() if z < judge.d.length else ():
            behind[z] |= behind[i]
    target = sum(bit[i] for i in telling if judge.names[i] in wrong)
    return [i for i in range(judge.d.length - 1, -1, -1) if behind[i] == target and i not in judge.names]
