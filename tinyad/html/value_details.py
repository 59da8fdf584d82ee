"""All that is to be said about each value of a tape, as HTML: its rule, its numbers, its derivative, its parts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from tinyad.compare.findings import badge, what
from tinyad.compare.judge import Finding
from tinyad.engine.derivatives import Contribution, Derivatives
from tinyad.engine.matrix import Array, as_matrix, size
from tinyad.printing.listing import contribution_text, derived, forward_text, walked
from tinyad.printing.notation import MATHML
from tinyad.printing.text import one_line, safe

SHOWN = 8  # rows, and columns, of a matrix
MOST = 2000  # steps: beyond, a browser takes its time


class About:
    """Derivatives and formulas stand in `layout`.

    `comparison` is what was found about derivatives by hand, and `hand` are these.  With `marks` the parts can be
    linked to, as a page needs and a notebook cannot have.
    """

    def __init__(
        self,
        d: Derivatives,
        layout: str = "row",
        comparison: Any = None,
        hand: Mapping[Any, Any] | None = None,
        marks: bool = False,
    ) -> None:
        if not isinstance(d, Derivatives):
            raise TypeError(f"needed is what tape.backward(...) returned, not a {type(d).__name__}")
        self.d = d = d.as_walked()
        self.tape = tape = d.tape
        if len(tape) > MOST:
            raise ValueError(
                f"{len(tape):,} steps are too many to look at: there is a place for {MOST:,}; record fewer"
            )
        self.layout, self.marks = layout, marks
        self.hand = {d.at(key).index: as_matrix(value, "") for key, value in (hand or {}).items()}
        findings: list[Finding] = [*getattr(comparison, "findings", ())]  # only a Comparison has them
        self.findings = {tape[finding.name].index: finding for finding in findings}
        self.blamed: dict[int, list[int]] = {}  # step → what has a wrong line there
        for i, finding in self.findings.items():
            if finding.cause in ("own", "open", "shape"):
                for n in finding.steps or (finding.step,):
                    self.blamed.setdefault(n, []).append(i)
        self.made = {z: n for n, (_, z, _, _) in enumerate(tape.steps, 1)}
        self.uses: dict[int, dict[int, None]] = {}
        for n, (_, _, x, y) in enumerate(tape.steps, 1):
            for i in (x,) if y is None else (x, y):
                self.uses.setdefault(i, {})[n] = None
        self.walk = list(walked(d))
        self.rules: dict[int, list[tuple[str, int]]] = {}
        for n, operand, i, _ in self.walk:
            self.rules.setdefault(n, []).append((operand, i))

    def everything(self) -> Iterator[str]:
        """A part for every value that is no constant: what was given, then the steps."""
        values = [i for i in range(self.d.length) if i not in self.tape.constants]
        for i in sorted(values, key=lambda i: (i in self.made, i)):
            yield self.value(i)

    def key(self, i: int) -> str:
        """What the box of a value is called in a drawing."""
        return f"step_{self.made[i]}" if i in self.made else f"leaf_{i + 1}"

    def value(self, i: int) -> str:
        """The equation as a heading, and below it everything else."""
        n, shape = self.made.get(i), self.tape.values[i].shape
        mark = f' id="{self.key(i)}"' if self.marks else ""
        summary = (
            f'<summary><span class="n">{n or ""}</span> {formula(self.equation(i))} '
            f'<span class="size">{size(shape)}</span>{badge(self.findings[i]) if i in self.findings else ""}</summary>'
        )
        terms = "".join(f"<dt>{word}</dt><dd>{said}</dd>" for word, said in self.terms(i) if said)
        matrices = "".join(self.matrices(i))
        return (
            f'<details class="value" data-about="{self.key(i)}"{mark}>{summary}'
            f'<div><dl>{terms}</dl><div class="matrices">{matrices}</div></div></details>'
        )

    def equation(self, i: int) -> str:
        name = MATHML.name(self.tape.label(i))
        n = self.made.get(i)
        return f"{name}<mo>=</mo>{forward_text(self.tape, n, MATHML)}" if n else name

    def terms(self, i: int) -> Iterator[tuple[str, str]]:
        n = self.made.get(i)
        operands = self.tape.steps[n - 1][2:] if n else ()
        yield "from", ", ".join(self.link(j) for j in dict.fromkeys(operands) if j is not None)
        yield "goes into", ", ".join(self.link(self.tape.steps[k - 1][1]) for k in self.uses.get(i, {}))
        if n:
            rule = [self.line(n, operand, j, "+=") for operand, j in self.rules.get(n, derived(self.tape, n).items())]
            yield "its rule", "<br>".join(rule)
            yield "by hand", "<br>".join(f"∇{self.link(j)}: {self.found(j)}" for j in self.blamed.get(n, ()) if j != i)
        if i in self.findings and self.findings[i].verdict != "right":
            at = self.findings[i].step
            yield "by hand", f"{self.found(i)}{f' {self.step(at)}' if at and at != n else ''}"

    def found(self, i: int) -> str:
        return f"{badge(self.findings[i])} {safe(what(self.findings[i]))}"

    def link(self, i: int) -> str:
        name = safe(one_line(self.tape.label(i)))
        if i in self.tape.constants:
            return name
        return self.anchor(i, name)

    def anchor(self, i: int, said: str) -> str:
        key = self.key(i)
        if self.marks:
            return f'<a href="#{key}" data-go="{key}">{said}</a>'
        return f'<button type="button" class="link" data-go="{key}">{said}</button>'

    def line(self, n: int, operand: str, i: int, sign: str) -> str:
        """One contribution, as a formula."""
        right = contribution_text(self.tape, n, operand, self.layout, notation=MATHML)
        return formula(f"{self.gradient(i)}<mo>{sign}</mo>{right}")

    def gradient(self, i: int) -> str:
        return MATHML.signs["∇"] % MATHML.name(self.tape.label(i))

    def matrices(self, i: int) -> Iterator[str]:
        name = MATHML.name(self.tape.label(i))
        yield figure(formula(name), self.tape.values[i])
        if not self.d.reaches(i):
            yield f"<figure><figcaption>{formula(self.gradient(i))}</figcaption>0: L does not depend on it</figure>"
            yield self.theirs(i)
            return
        column = self.d.column(i)
        yield figure(formula(self.gradient(i)), column.T if self.layout == "row" else column)
        yield self.theirs(i)
        contributions = self.d.contributions(self.tape.at(i))
        for k, contribution in enumerate(contributions):
            yield self.contribution(i, contribution, "+=" if k else "=", len(contributions) > 1)

    def theirs(self, i: int) -> str:
        """What was given by hand, if it is not right."""
        finding = self.findings.get(i)
        if finding is None or finding.verdict == "right" or i not in self.hand:
            return ""
        return figure(f"{formula(self.gradient(i))} by hand", self.hand[i], finding.worst and finding.worst[:2])

    def contribution(self, i: int, found: Contribution, sign: str, several: bool) -> str:
        """Where it comes from, and, if it is not the whole derivative, its matrix."""
        if found.step:
            where = f"{self.line(found.step, found.operand, i, sign)} {self.step(found.step)}"
        else:
            where = f"{formula(self.gradient(i) + '<mo>=</mo>')} given"
        array = found.array if self.layout == "row" else found.array.T
        return figure(where, array) if several else f"<figure><figcaption>{where}</figcaption></figure>"

    def step(self, n: int) -> str:
        return self.anchor(self.tape.steps[n - 1][1], f"step {n}")


def formula(inside: str) -> str:
    return f"<math><mrow>{inside}</mrow></math>"


def figure(caption: str, array: Array, marked: tuple[int, int] | None = None) -> str:
    """A matrix under its caption; the entry in row and column `marked`, counted from 1, stands out."""
    at = (marked[0] - 1, marked[1] - 1) if marked else (-1, -1)
    rows, columns = (_shown(length, k) for length, k in zip(array.shape, at, strict=True))
    entries = {(r, c): f"{array[r, c].item():.4g}" for r in rows for c in columns}
    width = max(map(len, entries.values()), default=0)
    lines = ["…"] * (rows.start > 0)
    for r in rows:
        line = [f"{entries[r, c]:>{width}}" for c in columns]
        if r == at[0]:
            line[at[1] - columns.start] = f"<mark>{line[at[1] - columns.start]}</mark>"
        lines.append("  ".join(["…"] * (columns.start > 0) + line + ["…"] * (columns.stop < array.shape[1])))
    lines += ["…"] * (rows.stop < array.shape[0])
    caption = f'<figcaption>{caption} <span class="size">{size(array.shape)}</span></figcaption>'
    return f"<figure>{caption}<pre>{chr(10).join(lines)}</pre></figure>"


def _shown(length: int, at: int) -> range:
    """At most SHOWN rows or columns: the first ones, or those about `at`."""
    start = 0 if at < SHOWN else min(at - SHOWN // 2, length - SHOWN)
    return range(start, min(start + SHOWN, length))
