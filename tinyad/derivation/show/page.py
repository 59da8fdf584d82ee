"""A report as HTML: a page of its own, and a piece for notebooks.  Everything from the file is escaped."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, NamedTuple

from markupsafe import Markup

from tinyad.derivation.judge.contributions import Worst, cases
from tinyad.derivation.judge.verdicts import GOOD, Part, Verdict, counted
from tinyad.derivation.language.declarations import Declarations
from tinyad.derivation.language.names import Names
from tinyad.derivation.language.reader import Derivation, segments, tokens_of
from tinyad.derivation.language.source import Block, DerivationError, Source
from tinyad.derivation.language.syntax_tree import Node, Statement
from tinyad.derivation.semantics.sample_point import Point
from tinyad.derivation.semantics.values import Trouble
from tinyad.derivation.show.mathml import statement
from tinyad.drawing.graph import graph
from tinyad.html import page as pages
from tinyad.html.explore import canvas
from tinyad.html.value_details import ValueDetails
from tinyad.printing.text import apart, safe

if TYPE_CHECKING:
    from tinyad.derivation.show.report import Report

LARGEST_TAPE = 200  # steps that are drawn
UNSURE = ("unreadable", "not evaluable", "ambiguous")  # the line may be right
UNSEEN = "Not seen by this check"


class WrongSteps(NamedTuple):
    """Step → "own", for the colours of a picture."""

    wrong_steps: Mapping[int, str]


def page(report: Report) -> str:
    """One HTML file with all that the derivation file says and all that was found."""
    source = report.source
    first = re.match(r"\s*# +(\S.*)", source.text)
    title = first[1].strip() if first else source.name
    body = "\n".join([_head(report, title), *_body(report, first.end() if first else 0)])
    return pages.page(title, Markup(body))


def fragment(report: Report) -> str:
    """What was found, without the prose of the file: the first wrong line in full, the others folded."""
    said, folded = [f"<p><b>{safe(report.source.name)}</b>: {_counts(report)}</p>"], []
    for derivation, part in report.parts:
        it, title = derivation.declarations, part.title or "derivation"
        said += [f"<p><strong>{safe(part.first)}</strong></p>"] if part.first else []
        good, bad = ([v for v in part.verdicts if v.ok == ok] for ok in (True, False))
        said += [_lines(it, bad, title, first=report.first_wrong)] if bad else []
        said += [*_list("Left out", part.faults, " open"), *_list("Likely lines", part.proposed, " open")]
        folded += [_lines(it, good, title)] if good else []
        folded += [*_list("Notes", part.notes), *_list(UNSEEN, part.unseen)]
    if folded:
        said += ["<details><summary>Lines that hold, and notes</summary>", *folded, "</details>"]
    return pages.fragment(Markup("\n".join(said)))


# The parts of a page


def _head(report: Report, title: str) -> str:
    wrong = [f'<a href="#v{k}">{v.line}</a>' for k, v in enumerate(report.verdicts) if not v.ok]
    first = "".join(f"<p><strong>{safe(part.first)}</strong></p>" for _, part in report.parts if part.first)
    lines = f"<p>Lines that are not right: {', '.join(wrong)}</p>" if wrong else ""
    name = f"<code>{safe(report.source.name)}</code>"
    return f"<header>\n<h1>{_inline(title)}</h1>\n<p>{name}: {_counts(report)}</p>\n{first}{lines}</header>"


def _counts(report: Report) -> str:
    counts = [(counted(verdict, n), _class(verdict)) for verdict, n in report.counts.items()]
    faults = sum(len(part.faults) for _, part in report.parts)
    counts += [(counted("left out", faults), "bad")] if faults else []
    return " ".join(f'<span class="badge {kind}">{safe(words)}</span>' for words, kind in counts) or "no lines"


def _class(verdict: str) -> str:
    return "good" if verdict in GOOD else "unsure" if verdict in UNSURE else "bad"


def _body(report: Report, at: int) -> Iterator[str]:
    """Prose and blocks in the order of the file."""
    source, prose = report.source, Prose()
    forward = {eq.start: (eq, d.declarations.names) for d, _ in report.parts for eq in d.forward}
    verdicts = list(enumerate(report.verdicts))
    declared = {v.start: d.declarations for d, part in report.parts for v in part.verdicts}
    endings = _endings(report.parts)
    for block in source.blocks():
        yield prose.html(source.text[at : source.line_start(source.place(block.start - 1)[0])])
        at = block.end + len(source.line(source.place(block.end)[0]))
        if block.kind == "declare":
            text = f"<pre><code>{safe(source.text[block.start : block.end])}</code></pre>"
            yield f"<details><summary>Declarations</summary>{text}</details>"
        elif block.kind == "forward":
            yield _equations([forward[k] for k in sorted(forward) if block.start <= k < block.end], source)
        else:
            here = {k: v for k, v in verdicts if block.start <= v.start < block.end}
            if here:
                some = next(iter(here.values()))
                yield _lines(declared[some.start], list(here.values()), _title(block), list(here))
            for v in here.values():
                yield from endings.get(v.start, ())
    yield prose.html(source.text[at:])


def _title(block: Block) -> str:
    return f"Backward: {block.title}" if block.title else "Backward"


def _endings(parts: Sequence[tuple[Derivation, Part]]) -> dict[int, list[str]]:
    """Start of the last line of a part → what is said after it; after the last part of a derivation, the picture."""
    found: dict[int, list[str]] = {}
    for k, (derivation, part) in enumerate(parts):
        if part.verdicts:
            last = max(v.start for v in part.verdicts)
            found[last] = list(_said(part))
            if k + 1 == len(parts) or parts[k + 1][0] is not derivation:
                found[last] += _picture([p for d, p in parts if d is derivation])
    return found


def _equations(equations: Sequence[tuple[Statement, Names]], source: Source) -> str:
    shown = [(eq.number, Markup(_wide(statement(eq, source.text, names)))) for eq, names in equations]
    return pages.table((("No.", "n"), ("Equation", "f")), [(Markup(""), cells) for cells in shown], "Forward")


def _lines(
    it: Declarations, verdicts: Sequence[Verdict], title: str, marks: Sequence[int] = (), first: Verdict | None = None
) -> str:
    """Backward lines as a table; `marks` numbers the rows for links, all but the `first` wrong one are folded."""
    source, rows = it.source, []
    for k, v in enumerate(verdicts):
        mark = f' id="v{marks[k]}"' if marks else ""
        shown = statement(v.statement, source.text, it.names) if v.statement else f"<code>{safe(v.text)}</code>"
        said = _details(it, v)
        if first and v is not first:
            brief = v.message or v.looks_like or (_numbers(v.worst) if v.worst else "details")
            said = f"<details><summary>{safe(brief)}</summary>{said}</details>"
        badge = f'<span class="badge">{safe(v.verdict)}</span>'
        cells = str(v.line), v.number, Markup(_wide(shown) + said), Markup(badge)
        rows.append((Markup(f' class="{_class(v.verdict)}"{mark}'), cells))
    return pages.table((("Line", "n"), ("No.", "n"), ("Formula", "f"), ("Verdict", "v")), rows, title)


def _wide(formula: str) -> str:
    return f'<div class="scroll">{formula}</div>'


# What is said about a line


def _details(it: Declarations, v: Verdict) -> str:
    if v.ok:
        return f"<dl>{''.join(_term('note', note) for note in v.notes)}</dl>" if v.notes else ""
    message = f"<p>{safe(v.message)}</p>" if v.message else ""
    return f"{_quoted(it.source, v)}{message}<dl>{''.join(_terms(it, v))}</dl>"


def _terms(it: Declarations, v: Verdict) -> Iterator[str]:
    if v.rules:
        yield _term("from", "</dd><dd>".join(f"<code>{safe(rule)}</code>" for rule in v.rules), True)
    if v.worst:
        yield _term(v.worst.where, _numbers(v.worst))
    if v.looks_like:
        yield _term("looks like", v.looks_like)
    if v.suggestion:
        yield _term(v.grade or "suggestion", f"{_formula(it, v.suggestion)}<code>{safe(v.suggestion)}</code>", True)
    if v.spoils:
        yield _term("alone spoils", ", ".join(v.spoils))
    yield from (_term("note", note) for note in v.notes)


def _numbers(worst: Worst) -> str:
    expected, found = apart(worst.expected, worst.found)
    return f"expected {expected}, found {found}"


def _term(word: str, said: str, html: bool = False) -> str:
    return f"<dt>{safe(word)}</dt><dd>{said if html else safe(said)}</dd>"


def _formula(it: Declarations, text: str) -> str:
    """A suggested line as a formula, if it can be read as one."""
    try:
        source = Source(text)
        lines = segments(source, tokens_of(source, 0, len(source.text)))
        parser = it.parser()
        shown = [statement(parser.statement(line.tokens), source.text, it.names) for line in lines]
    except DerivationError:
        return ""
    return f'<div class="scroll">{"".join(shown)}</div>'


def _quoted(source: Source, v: Verdict) -> str:
    """The author's line with the part that is meant marked."""
    start = source.line_start(source.place(v.start)[0])
    number = source.place(max(v.start, v.end - 1))[0]
    end = source.line_start(number) + len(source.line(number))
    first = min(max(v.at[0], start), end)
    last = min(max(v.at[1], first), end)
    before, part, after = (safe(source.text[a:b]) for a, b in ((start, first), (first, last), (last, end)))
    return f"<pre><code>{before}<mark>{part}</mark>{after}</code></pre>"


def _said(part: Part) -> Iterator[str]:
    """What is to be said about all lines together."""
    yield from _list("Left out", part.faults, " open")
    yield from _list("Likely lines", part.proposed, " open")
    yield from _list("Notes", part.notes)
    yield from _list(UNSEEN, part.unseen)


def _list(title: str, texts: Sequence[str], opened: str = "") -> Iterator[str]:
    if texts:
        items = "".join(f"<li>{safe(text)}</li>" for text in texts)
        yield f'<details class="said"{opened}><summary>{title} ({len(texts)})</summary><ul>{items}</ul></details>'


# The picture


def _picture(parts: Sequence[Part]) -> Iterator[str]:
    """The forward tape, with the steps in colour that wrong lines derive."""
    point = parts[0].points[0]
    wrong = sorted({step for part in parts for v in part.verdicts if not v.ok for step in _steps(point, v)})
    if 1 < len(point.tape) <= LARGEST_TAPE:
        picture = graph(point.tape, derivatives=point.d, comparison=WrongSteps(dict.fromkeys(wrong, "own")))
        said = f"The forward in {len(point.tape)} steps" + "; red: what the wrong lines derive" * bool(wrong)
        listed = "\n".join(ValueDetails(point.d).everything())
        yield (
            f'<details class="explored"{" open" if wrong else ""}><summary>{said}</summary>\n'
            f"{canvas(picture, None)}\n"
            f"<details><summary>Every value at the first point</summary>\n{listed}\n</details></details>"
        )


def _steps(point: Point, v: Verdict) -> Iterator[int]:
    """The steps that a line derives: those that use the name whose derivative it sets."""
    if v.statement is None:
        return
    for left in v.statement.left:
        if left.kind == "d":
            with suppress(Trouble):
                yield from _uses(point, left)
        elif left.kind == "jacobian" and left.parts[0].kind == "name":
            equations = point.keys.get(left.parts[0].value.key, [])
            for k, _, first, last in point.ranges:
                yield from range(first, last + 1) if k in equations else ()


def _uses(point: Point, left: Node) -> Iterator[int]:
    for case in cases(point, left):
        variable = point.values[case.place]
        if variable.index < point.d.length:
            yield from (step for step, _, _ in point.d.contributions(variable) if step)


# Prose


class Prose:
    """A little Markdown: headings, paragraphs, lists, code.  Headings never skip a level, whatever the file does."""

    def __init__(self) -> None:
        self.level = 1

    def html(self, text: str) -> str:
        parts = re.split(r"^[ \t]*~~~[^\n]*\n(.*?)^[ \t]*~~~+[ \t]*$", text, flags=re.MULTILINE | re.DOTALL)
        return "\n".join(
            f"<pre><code>{safe(part)}</code></pre>" if k % 2 else "\n".join(self.chunks(part))
            for k, part in enumerate(parts)
        )

    def chunks(self, text: str) -> Iterator[str]:
        text = re.sub(r"^ {0,3}#{1,6} [^\n]*$", r"\n\n\g<0>\n\n", text, flags=re.MULTILINE)
        for chunk in re.split(r"\n[ \t]*\n", text):
            heading = re.match(r"\s*(#{1,6}) +(.*)", chunk)
            if heading:
                self.level = min(max(2, len(heading[1])), self.level + 1)
                yield f"<h{self.level}>{_inline(heading[2].rstrip(' #'))}</h{self.level}>"
            elif chunk.strip():
                yield from self.lists(chunk)

    def lists(self, chunk: str) -> Iterator[str]:
        """What stands before the first item is a paragraph; lines that begin with no sign continue an item."""
        before, *items = re.split(r"^[ \t]*(?:[-*+][ \t]+|(?=\d+[.)] ))", chunk, flags=re.MULTILINE)
        if before.strip():
            yield f"<p>{_inline(before)}</p>"
        if items:
            numbered = all(re.match(r"\d+[.)] ", item) for item in items)
            kind = "ol" if numbered else "ul"
            shown = [re.sub(r"^\d+[.)] +", "", item) if numbered else item for item in items]
            yield f"<{kind}>{''.join(f'<li>{_inline(item)}</li>' for item in shown)}</{kind}>"


def _inline(text: str) -> str:
    """Text with what stands in backticks as code."""
    parts = re.split(r"`([^`]+)`", " ".join(text.split()))
    return "".join(f"<code>{safe(part)}</code>" if k % 2 else safe(part) for k, part in enumerate(parts))
