"""The details of each value of a tape as HTML: its rule, its numbers, its derivative, every contribution."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from markupsafe import Markup

from tinyad.arrays.matrix import Array, as_sized, kind, size
from tinyad.compare.report_text import description
from tinyad.compare.verdicts import BLAMED, Finding
from tinyad.engine.derivatives import Contribution, Derivatives
from tinyad.html.comparison import badge
from tinyad.html.page import NOTHING
from tinyad.printing.listing import contribution_text, derived, forward_text, operand_name, walked
from tinyad.printing.markup import filled, joined
from tinyad.printing.notation import MATHML
from tinyad.printing.text import one_line

SHOWN = 8  # rows, and columns, of a matrix
LARGEST_TAPE = 2000  # steps: beyond, a browser takes its time


class ValueDetails:
    """Derivatives and formulas stand in `layout`.

    `comparison` is what `compare` returned about derivatives by hand, and `hand` are these.  With `marks` the sections
    can be linked to, as a page needs and a notebook cannot have.
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
            raise TypeError(f"a page shows a backward pass, d = tape.backward(...), not {kind(d)}")
        self.d = d = d.as_walked()
        self.tape = tape = d.tape
        if len(tape) > LARGEST_TAPE:
            raise ValueError(f"{len(tape):,} steps are too many to look at: a page shows {LARGEST_TAPE:,} at most")
        self.layout, self.marks = layout, marks
        self.hand = {d.at(key).index: value for key, value in (hand or {}).items()}
        findings: list[Finding] = [*getattr(comparison, "findings", ())]  # only a Comparison has them
        self.findings = {tape[finding.name].index: finding for finding in findings}
        self.blamed: dict[int, list[int]] = {}  # step → the values whose derivatives have a wrong line there
        for i, finding in self.findings.items():
            if finding.cause in BLAMED:
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

    def everything(self) -> Iterator[Markup]:
        """Yield a section for every value that is no constant: the inputs, then the steps."""
        values = [i for i in range(self.d.length) if i not in self.tape.constants]
        for i in sorted(values, key=lambda i: (i in self.made, i)):
            yield self.section(i)

    def key(self, i: int) -> str:
        """Return the key of the box of a value in a drawing."""
        return f"step_{self.made[i]}" if i in self.made else f"leaf_{i + 1}"

    def section(self, i: int) -> Markup:
        """Return the equation as a heading, and below it everything else."""
        key = self.key(i)
        summary = filled(
            '<summary><span class="n">%s</span> %s <span class="size">%s</span>%s</summary>',
            self.made.get(i, ""),
            formula(self.equation(i)),
            size(self.tape.values[i].shape),
            self.verdicts(i),
        )
        return filled(
            '<details class="value" data-about="%s"%s>%s<div><dl>%s</dl><div class="matrices">%s</div></div></details>',
            key,
            filled(' id="%s"', key) if self.marks else NOTHING,
            summary,
            joined(filled("<dt>%s</dt><dd>%s</dd>", word, text) for word, text in self.terms(i) if text),
            joined(self.matrices(i)),
        )

    def verdicts(self, i: int) -> Markup:
        """Return the verdict on the derivative, with its name where the step has also made another one wrong."""
        own = badge(self.findings[i]) if i in self.findings else NOTHING
        others = [j for j in self.blamed.get(self.made.get(i, 0), ()) if j != i]
        named = [*([i] if own else []), *others] if others else []
        shown = [filled("∇%s %s", one_line(self.tape.label(j)), badge(self.findings[j])) for j in named]
        return joined(shown, " ") if others else own

    def equation(self, i: int) -> str:
        name = MATHML.name(self.tape.label(i))
        n = self.made.get(i)
        return filled("%s<mo>=</mo>%s", name, forward_text(self.tape, n, MATHML)) if n else name

    def terms(self, i: int) -> Iterator[tuple[str, Markup]]:
        n = self.made.get(i)
        if n:
            op, _, *operands = self.tape.steps[n - 1]
            names = {j: operand_name(self.tape, op, j) for j in operands if j is not None}
            yield "from", joined((self.link(j, name) for j, name in names.items()), ", ")
        users = [self.tape.steps[k - 1][1] for k in self.uses.get(i, {})]
        yield "goes into", joined(map(self.link, users), ", ")
        if n:
            rule = [self.line(n, operand, j, "+=") for operand, j in self.rules.get(n, derived(self.tape, n).items())]
            yield "its rule", joined(rule, "<br>")
            blamed = [filled("∇%s: %s", self.link(j), self.verdict(j)) for j in self.blamed.get(n, ()) if j != i]
            yield "by hand", joined(blamed, "<br>")
        if i in self.findings and not self.findings[i].right:
            at = self.findings[i].step
            where = filled(" %s", self.step(at)) if at and at != n else NOTHING
            yield "by hand", self.verdict(i) + where

    def verdict(self, i: int) -> Markup:
        return filled("%s %s", badge(self.findings[i]), description(self.findings[i]))

    def link(self, i: int, name: str = "") -> Markup:
        name = name or one_line(self.tape.label(i))
        return filled("%s", name) if i in self.tape.constants else self.anchor(i, name)

    def anchor(self, i: int, text: str) -> Markup:
        if self.marks:
            return filled('<a href="#%s" data-go="%s">%s</a>', self.key(i), self.key(i), text)
        return filled('<button type="button" class="link" data-go="%s">%s</button>', self.key(i), text)

    def line(self, n: int, operand: str, i: int, sign: str) -> Markup:
        """Return one contribution as a formula."""
        right = contribution_text(self.tape, n, operand, self.layout, MATHML)
        return formula(filled("%s<mo>%s</mo>%s", self.gradient(i), sign, right))

    def gradient(self, i: int) -> str:
        return MATHML.signs["∇"] % MATHML.name(self.tape.label(i))

    def matrices(self, i: int) -> Iterator[Markup]:
        yield figure(formula(MATHML.name(self.tape.label(i))), self.tape.values[i])
        if not self.d.reaches(i):
            caption = "<figure><figcaption>%s</figcaption>0: L does not depend on it</figure>"
            yield filled(caption, formula(self.gradient(i)))
            yield self.by_hand(i)
            return
        column = self.d.column(i)
        yield figure(formula(self.gradient(i)), column.T if self.layout == "row" else column)
        yield self.by_hand(i)
        contributions = self.d.contributions(self.tape.at(i))
        for k, contribution in enumerate(contributions):
            yield self.contribution(i, contribution, "+=" if k else "=", len(contributions) > 1)

    def by_hand(self, i: int) -> Markup:
        """Return the array by hand if it is not right."""
        finding = self.findings.get(i)
        if finding is None or finding.right or i not in self.hand:
            return NOTHING
        caption = filled("%s by hand", formula(self.gradient(i)))
        shape = self.tape.values[i].shape
        a = as_sized(self.hand[i], "", shape[::-1] if self.layout == "row" else shape)
        return figure(caption, a, finding.worst and finding.worst[:2])

    def contribution(self, i: int, contribution: Contribution, sign: str, several: bool) -> Markup:
        """Return where it comes from and, if it is not the entire derivative, its matrix."""
        if contribution.step:
            line = self.line(contribution.step, contribution.operand, i, sign)
            where = filled("%s %s", line, self.step(contribution.step))
        else:
            where = filled("%s given", formula(filled("%s<mo>=</mo>", self.gradient(i))))
        array = contribution.array if self.layout == "row" else contribution.array.T
        return figure(where, array) if several else filled("<figure><figcaption>%s</figcaption></figure>", where)

    def step(self, n: int) -> Markup:
        return self.anchor(self.tape.steps[n - 1][1], f"step {n}")


def formula(inside: str) -> Markup:
    return filled("<math><mrow>%s</mrow></math>", inside)


def figure(caption: str, array: Array, marked: tuple[int, int] | None = None) -> Markup:
    """Return a matrix under its caption; the entry in row and column `marked`, counted from 1, stands out."""
    at = (marked[0] - 1, marked[1] - 1) if marked else (-1, -1)
    rows, columns = (_shown(length, k) for length, k in zip(array.shape, at, strict=True))
    entries = {(r, c): f"{array[r, c].item():.4g}" for r in rows for c in columns}
    width = max(map(len, entries.values()), default=0)
    text = ["…"] * (rows.start > 0)
    for r in rows:
        line = [f"{entries[r, c]:>{width}}" for c in columns]
        cut = ["…"] * (columns.start > 0), ["…"] * (columns.stop < array.shape[1])
        if r == at[0]:
            k = at[1] - columns.start
            line[k] = filled("<mark>%s</mark>", line[k])
            text.append(joined([*cut[0], *line, *cut[1]], "  "))
        else:
            text.append("  ".join([*cut[0], *line, *cut[1]]))
    text += ["…"] * (rows.stop < array.shape[0])
    page = '<figure><figcaption>%s <span class="size">%s</span></figcaption><pre>%s</pre></figure>'
    return filled(page, caption, size(array.shape), joined(text, "\n"))


def _shown(length: int, at: int) -> range:
    """Return at most SHOWN rows or columns: the first ones, or those about `at`."""
    start = 0 if at < SHOWN else min(at - SHOWN // 2, length - SHOWN)
    return range(start, min(start + SHOWN, length))
