"""The demo: the slides' LSTM on English text, every derivative of the tape compared with two others."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple, TextIO, TypeVar

import numpy as np

from lstm_models import losses, slides, slides_by_hand
from lstm_models import text as english
from lstm_models.curve import curve
from lstm_models.model import Matrix, linear, linear_shapes, parameters, random
from lstm_models.sequence import record
from tinyad import (
    Comparison,
    Derivatives,
    Tape,
    check_derivation,
    compare,
    equations,
    gradients,
    graph,
    numeric_derivative,
    report,
    routine,
)
from tinyad import compile as compiled

H, T, B = 16, 24, 3
TRAINING, COLUMNS, RATE = 300, 32, 3.0
PLANTED = 9  # the time step in which the hand derivation is given a mistake
COMPLEX_STEP = 1e-13  # relative; a wrong rule is off by far more
DERIVATIONS = Path(__file__).parent / "derivations"
SOURCES = ("slides", "vardhan", "sancho", "problem4")
DOCUMENT = r"""\documentclass{article}
\usepackage{amsmath}
\allowdisplaybreaks
\begin{document}
%s
%s
\end{document}
"""
Item = TypeVar("Item")


class Problem(NamedTuple):
    """Text, start and parameters of one run."""

    alphabet: str
    xs: list[Matrix]
    ys: list[Matrix]
    C: Matrix
    h: Matrix
    weights: dict[str, Matrix]
    output: dict[str, Matrix]


def problem(string: str, rng: np.random.Generator, columns: int = B) -> Problem:
    """Draw `columns` excerpts of T + 1 characters, random non-zero states and parameters."""
    alphabet = english.alphabet(string)
    xs, ys = excerpts(string, alphabet, rng, columns)
    C, h = 0.5 * rng.standard_normal((2, H, columns))
    weights = parameters(slides.SLIDES, H, len(alphabet), rng)
    return Problem(alphabet, xs, ys, C, h, weights, random(linear_shapes(H, len(alphabet)), H, rng))


def excerpts(string: str, alphabet: str, rng: np.random.Generator, columns: int) -> tuple[list[Matrix], list[Matrix]]:
    """Draw the inputs and labels of `columns` excerpts, one-hot, for t = 1 to T."""
    starts = [int(s) for s in rng.integers(0, len(string) - T, columns)]
    return english.windows(string, starts, T, alphabet)


def recorded(p: Problem, T: int = T) -> tuple[Tape, Derivatives]:
    """Return the tape of T time steps with output layer and loss L, and the derivatives of L."""
    tape, steps = record(slides.SLIDES, {"C": p.C, "h": p.h}, p.xs[:T], p.weights)
    output = tape.variables(**p.output)
    errors = []
    for t, (eqs, y) in enumerate(zip(steps, p.ys[:T], strict=True), 1):
        read = linear(eqs["h"], **output)
        loss = losses.cross_entropy(read["a_y"], tape.variable(y, f"y[{t}]"))
        tape.name(read | loss, step=t)
        errors.append(loss["e"])
    *partial, L = losses.over_time(errors)
    for t, sum_to_t in enumerate(partial[1:], 2):
        tape.name({"L": sum_to_t}, step=t)
    tape.name({"L": L})
    return tape, tape.backward(L)


def by_hand(p: Problem, mistake: int | None = None) -> dict[str, Matrix]:
    """Return the same derivatives from the derivation by hand, in the layout of the variables.

    With a `mistake` the line of eq. 20 of that time step reads `dC_prev = ...` where it should read `+=`, so that
    what eq. 23 had put there, W_oCᵀ dz19, is lost; everything before that time step follows from the wrong value.
    """
    steps = slides_by_hand.forward(p.C, p.h, p.xs, p.weights, "steps")
    dhs, dW, db = slides_by_hand.output_backward([v["h"] for v in steps], p.ys, p.output["W_y"], p.output["b_y"])
    dC = np.zeros_like(p.C)
    if mistake is None:
        d = slides_by_hand.backward(dC, dhs, steps, p.weights, "steps")
    else:
        later = slides_by_hand.backward(dC, dhs, steps, p.weights, "steps", first=mistake)
        dC, dh = later.pop(f"C[{mistake - 1}]"), later.pop(f"h[{mistake - 1}]")
        dC = dC - p.weights["W_oC"].T @ later[f"z24[{mistake}]"]
        dhs[mistake - 2] = dhs[mistake - 2] + dh
        d = slides_by_hand.backward(dC, dhs[: mistake - 1], steps[: mistake - 1], p.weights, "steps")
        d = later | d | {name: later[name] + d[name] for name in p.weights}
    return d | {"W_y": dW, "b_y": db}


def along(d: Derivatives, name: str, rng: np.random.Generator) -> float:
    """Return how far tape and complex step are apart along a random direction, relative to the terms."""
    direction = rng.standard_normal(d.tape[name].shape)
    terms = d[name].T * direction
    return float(abs(terms.sum() - numeric_derivative(d, name, direction)) / np.abs(terms).sum())


def train(string: str, rng: np.random.Generator, iterations: int = TRAINING) -> Iterator[float]:
    """Yield the loss per character, in nats, of gradient descent, W = W - η ∇Wᵀ, on new excerpts in every iteration.

    The first excerpts are recorded; the tape, compiled, then runs on all of them.
    """
    zero = np.zeros((H, COLUMNS))
    p = problem(string, rng, COLUMNS)._replace(C=zero, h=zero)
    parameters = p.weights | p.output
    program = compiled(recorded(p)[0], ["L"], list(parameters), "L")
    xs, ys = p.xs, p.ys
    for _ in range(iterations):
        steps = {f"x[{t}]": x for t, x in enumerate(xs, 1)} | {f"y[{t}]": y for t, y in enumerate(ys, 1)}
        values, d = program(parameters | steps)
        for name, W in parameters.items():
            W -= RATE * d[name].T / (T * COLUMNS)
        yield float(values["L"].item()) / (T * COLUMNS)
        xs, ys = excerpts(string, p.alphabet, rng, COLUMNS)


def run(folder: Path, out: TextIO = sys.stdout) -> bool:
    """Do the whole job, write into `folder`, print to `out`, and return whether all was right."""
    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(20)
    string = english.text()
    p = problem(string, rng)
    tape, d = recorded(p)

    def say(line: str = "") -> None:
        print(line, file=out, flush=True)

    say("The slides' LSTM reads English text. This demo computes its derivatives and compares them with others.")
    say()
    say("1. Every derivative of the tape, compared with a derivation by hand and with the complex step")
    say()
    print_facts(say, string, p, tape)
    hand = by_hand(p)
    comparison = compare(d, hand, layout="same")
    off = {name: along(d, name, rng) for name in counted("complex step", hand, len(hand))}
    say(table(d, comparison, off))
    say("(by hand: the largest difference, in units of rounding; complex step: along a random direction)")
    right = comparison.ok and max(off.values()) < COMPLEX_STEP
    say()
    say("2. The same derivation by hand with a mistake that is planted here on purpose, to see that it is found")
    say()
    say(
        f"In time step {PLANTED} the line of eq. 20 now says ∇C_prev = where it needs +=. This report has to say wrong:"
    )
    say()
    planted = compare(d, by_hand(p, PLANTED), layout="same")
    say("\n".join(f"  | {line}".rstrip() for line in str(planted).splitlines()))
    say()
    sources = checked(folder, say)
    say()
    say("4. The files of this demo")
    say()
    files = write(folder, p, planted, list(counted("training", train(string, rng), TRAINING)))
    files |= {f"{name}.html": f"{name}.md as printed, with what does not hold" for name in SOURCES}
    width = max(len(str(folder / name)) for name in files)
    for name, what in files.items():
        say(f"  {folder / name!s:{width}}  {what}")
    first = planted.first_wrong
    located = first is not None and first.name == f"C[{PLANTED - 1}]" and "= stood where += belongs" in first.looks_like
    say()
    if right and first and located and sources:
        agree = f"{len(hand)} derivatives, tape = hand = complex step"
        say(f"verdict: right. {agree}; the planted mistake is found at step {first.step}")
    else:
        say("verdict: WRONG, see above")
    return right and located and sources


def checked(folder: Path, say: Any) -> bool:
    """Return whether the derivations of the sources hold as corrected, and not as printed."""
    say("3. Four derivations from slides, articles and an exercise: as printed, with mistakes of their own, and mended")
    say()
    files = [DERIVATIONS / f"{name}{which}.md" for name in SOURCES for which in ("", "-corrected")]
    reports = list(counted("derivation", map(check_derivation, files), len(files)))
    for line_by_line in reports:
        say("  " + line_by_line.summary().removeprefix(f"{DERIVATIONS}{os.sep}"))
    for name, printed in zip(SOURCES, reports[::2], strict=True):
        (folder / f"{name}.html").write_text(printed.html(), encoding="utf-8")
    return not any(printed.ok for printed in reports[::2]) and all(corrected.ok for corrected in reports[1::2])


def print_facts(say: Any, string: str, p: Problem, tape: Tape) -> None:
    passage = "".join(p.alphabet[int(x[:, 0].argmax())] for x in p.xs)
    say(f"text    {len(string):,} characters of Python's help topics, sha256 {english.fingerprint(string)}")
    say(f"        {len(p.alphabet)} different ones; {B} excerpts of {T}, the first is {passage!r}")
    say(f"model   state {H}, input {len(p.alphabet)}, {T} time steps, softmax and cross-entropy at each")
    say(f"tape    {len(tape):,} steps, {sum(value.nbytes for value in tape.values) / 1e6:.1f} MB of values")
    say(f"loss    {float(tape['L'].value.item()) / (T * B):.4f} nats a character")
    say()


def table(d: Derivatives, comparison: Comparison, off: Mapping[str, float]) -> str:
    """Return a line for every parameter; the time steps of a state or an input share one."""
    findings = {finding.name: finding for finding in comparison.findings}
    groups: dict[str, list[str]] = {}
    for name in findings:
        groups.setdefault(name.split("[")[0] + "[t]" if "[" in name else name, []).append(name)
    order = [*slides.PARAMETERS, "W_y", "b_y", "x[t]", "h[t]", "C[t]"]
    rows = [("derivative of", "size", "by hand: units of rounding", "complex step: relative", "")]
    for group in [*order, *sorted(set(groups) - set(order))]:
        names = groups[group]
        size = "×".join(map(str, d.tape[names[0]].shape))
        right = all(findings[name].verdict == "right" for name in names) and max(off[n] for n in names) < COMPLEX_STEP
        units = max(findings[name].off for name in names)
        count = f"  ({len(names)} of them)" if len(names) > 1 else ""
        rows.append(
            (group + count, size, f"{units:.2f}", f"{max(off[n] for n in names):.1e}", "✓" if right else "✗ WRONG")
        )
    widths = [max(len(row[k]) for row in rows) for k in range(5)]
    return "\n".join(
        f"{a:<{widths[0]}}  {b:>{widths[1]}}  {c:>{widths[2]}}  {e:>{widths[3]}}  {f}".rstrip()
        for a, b, c, e, f in rows
    )


def counted(what: str, items: Iterable[Item], n: int) -> Iterator[Item]:
    """Yield the items, n in all, with a counter on a terminal's standard error."""

    def show(text: str) -> None:
        if sys.stderr and sys.stderr.isatty():
            print(f"\r{text:<40}\r{text}", end="", file=sys.stderr, flush=True)

    try:
        show(f"{what} 0/{n}")
        for k, item in enumerate(items, 1):
            show(f"{what} {k}/{n}")
            yield item
    finally:  # after Ctrl-C too
        show("")


def write(folder: Path, p: Problem, planted: Comparison, losses: Sequence[float]) -> dict[str, str]:
    """Write the pictures and the derivation; return {file name: what it is}."""
    tape, _ = recorded(p)
    groups = {**slides.GATES, "output layer": "Wh_y a_y l yl total e L".split()}
    folded: list[str | int] = ["output layer", *(t for t in range(1, T + 1) if t != PLANTED)]
    picture = graph(tape, groups=groups, fold=folded, comparison=planted)
    (folder / "graph.svg").write_text(picture.svg(), encoding="utf-8")
    one, d = recorded(p, 1)
    forward, backward = equations(one, shapes=True), gradients(d, shapes=True)
    (folder / "derivation.txt").write_text(f"{forward.text}\n\n{backward.text}\n\n{routine(d)}\n", encoding="utf-8")
    (folder / "derivation.tex").write_text(DOCUMENT % (forward.latex, backward.latex), encoding="utf-8")
    few = p._replace(xs=p.xs[:3], ys=p.ys[:3])
    _, d = recorded(few, 3)
    page = report(d, by_hand(few, 2), "same", groups=groups, title="The slides' LSTM, with a planted mistake")
    page.save(folder / "report.html")
    files = {
        "report.html": "three time steps as a page to look around in, with a mistake planted in the second",
        "graph.svg": f"the tape, the planted mistake in red (drawn by {picture.drawn_by})",
        "derivation.txt": "one time step as numbered equations, gradients and deriv() calls",
        "derivation.tex": "the same as LaTeX",
    }
    if curve(
        folder / "loss.svg", {"": list(enumerate(losses, 1))}, "nats per character", "The slides' LSTM learns English"
    ):
        files["loss.svg"] = (
            f"{len(losses)} iterations of training: {losses[0]:.2f} to {losses[-1]:.2f} nats a character"
        )
    else:
        files["loss.svg"] = "not drawn: pip install matplotlib"
    return files
