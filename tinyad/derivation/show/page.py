"""A report as HTML: a page of its own, and a fragment for notebooks.

HTML is Markup: a plain string, such as all that comes from the file, is escaped when it is put into it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, NamedTuple

from markupsafe import Markup

from tinyad.derivation.judge.contributions import cases
from tinyad.derivation.judge.verdicts import POSSIBLY_RIGHT, CheckedLines, LineVerdict, Verdict, WorstEntry
from tinyad.derivation.language.declarations import Declarations
from tinyad.derivation.language.document import Document
from tinyad.derivation.language.names import Names
from tinyad.derivation.language.reader import Derivation
from tinyad.derivation.language.segments import segments
from tinyad.derivation.language.source import Block, DerivationError, Source
from tinyad.derivation.language.syntax_tree import Node, Statement
from tinyad.derivation.language.tokenizer import tokens_of
from tinyad.derivation.semantics.sample_point import SamplePoint
from tinyad.derivation.semantics.values import Trouble
from tinyad.derivation.show.assumed import assumed
from tinyad.derivation.show.limits import DRAWN_STEPS
from tinyad.derivation.show.mathml import statement
from tinyad.derivation.show.prose import Prose, inline
from tinyad.drawing.graph import graph
from tinyad.html import page as pages
from tinyad.html.explore import canvas
from tinyad.html.page import NOTHING
from tinyad.html.value_details import ValueDetails
from tinyad.printing.text import apart

if TYPE_CHECKING:
    from tinyad.derivation.show.report import Report

NOT_EXERCISED = "Not seen by this check"
HEADLINE = Markup("<p><strong>{}</strong></p>")
BADGE = Markup('<span class="badge {}">{}</span>')
CODE = Markup("<code>{}</code>")
WIDE = Markup('<div class="scroll">{}</div>')


class WrongSteps(NamedTuple):
    """Step → "own", for the colours of a picture."""

    wrong_steps: Mapping[int, str]


def page(report: Report) -> str:
    """Return one HTML file with all that the derivation file says and all findings."""
    return pages.page(_title_and_end(report.source)[0], content(report))


def content(report: Report, live: bool = False) -> Markup:
    """Return the same as a part of a page: of a live one with all sizes, and without drawings, which are `pictures`."""
    source = report.source
    title, end = _title_and_end(source)
    body = _document(report, source, live) if isinstance(source, Document) else _body(report, end, live)
    return pages.lines([_head(report, title), *body])


def _title_and_end(source: Source) -> tuple[str, int]:
    """Return the title of a source, and where it ends in a derivation file."""
    name = pages.file_name(source.name)
    if isinstance(source, Document):
        headings = source.found.headings
        return (source.heading(headings[0][0] + 1) if headings else name), 0
    first = re.match(r"\s*# +(\S.*)", source.text)
    return (first[1].strip(), first.end()) if first else (name, 0)


def fragment(report: Report) -> str:
    """Return the findings without the prose of the file: the first wrong line in full, the others folded."""
    shown, folded = (
        [Markup("<p><b>{}</b>: {}</p>").format(pages.file_name(report.source.name), _counts(report))],
        list[Markup](),
    )
    for derivation, checked in report.parts:
        it, title = derivation.declarations, checked.title or "derivation"
        shown += [HEADLINE.format(text) for text in checked.headlines]
        good, bad = ([v for v in checked.verdicts if v.ok == ok] for ok in (True, False))
        rows = [Row(v, folded=v is not report.first_wrong, sized=True) for v in bad]
        shown += [_lines(it, rows, title)] if rows else []
        shown += _list("Left out", checked.faults, opened=True)
        shown += _list("Likely lines", checked.proposed, opened=True)
        folded += [_lines(it, map(Row, good), title)] if good else []
        folded += [*_list("Notes", checked.notes), *_list(NOT_EXERCISED, checked.not_exercised)]
    if folded:
        shown += [Markup("<details><summary>Lines that hold, and notes</summary>"), *folded, Markup("</details>")]
    return pages.fragment(pages.lines(shown))


# The parts of a page


def _head(report: Report, title: str) -> Markup:
    link = Markup('<a href="#v{}">{}</a>')
    wrong = Markup(", ").join(link.format(k, v.line) for k, v in enumerate(report.verdicts) if not v.ok)
    first = NOTHING.join(HEADLINE.format(text) for _, checked in report.parts for text in checked.headlines)
    return Markup("<header>\n<h1>{}</h1>\n<p>{}: {}</p>\n{}{}</header>").format(
        inline(title),
        CODE.format(pages.file_name(report.source.name)),
        _counts(report),
        first,
        Markup("<p>Lines that do not hold: {}</p>").format(wrong) if wrong else NOTHING,
    )


def _counts(report: Report) -> Markup:
    badges = [BADGE.format(_class(verdict), verdict.counted(n)) for verdict, n in report.verdict_counts.items()]
    badges += [BADGE.format("bad", f"{report.left_out} left out")] if report.left_out else []
    return Markup(" ").join(badges) or Markup("no lines")


def _class(verdict: Verdict) -> str:
    return "good" if verdict.holds else "unsure" if verdict in POSSIBLY_RIGHT else "bad"


def _body(report: Report, at: int, live: bool) -> Iterator[Markup]:
    """Yield prose and blocks in the order of the file."""
    source, prose = report.source, Prose()
    forward = {eq.start: (eq, d.declarations.names) for d, _ in report.parts for eq in d.forward}
    verdicts = list(enumerate(report.verdicts))
    declared = {v.start: d.declarations for d, checked in report.parts for v in checked.verdicts}
    endings = _endings(report.parts, live)
    for block in source.blocks():
        yield prose.html(source.text[at : source.line_start(source.place(block.start - 1)[0])])
        at = block.end + len(source.line(source.place(block.end)[0]))
        if block.kind == "declare":
            declarations = Markup("<details><summary>Declarations</summary><pre>{}</pre></details>")
            yield declarations.format(CODE.format(source.text[block.start : block.end]))
        elif block.kind == "forward":
            yield _equations([forward[k] for k in sorted(forward) if block.start <= k < block.end], source)
        else:
            rows = [Row(v, k, sized=live or not v.ok) for k, v in verdicts if block.start <= v.start < block.end]
            if rows:
                yield _lines(declared[rows[0].verdict.start], rows, _title(block))
            for row in rows:
                yield from endings.get(row.verdict.start, ())
    yield prose.html(source.text[at:])


def _document(report: Report, source: Document, live: bool) -> Iterator[Markup]:
    """Yield the derivations of a document without its prose, and what was not read of it."""
    heading = Markup("<h2>{}</h2>")
    numbers = {v.start: k for k, v in enumerate(report.verdicts)}
    endings = _endings(report.parts, live)
    for derivation, checked in report.parts:
        names = derivation.declarations.names
        yield heading.format("Forward")
        yield _equations([(eq, names) for eq in derivation.forward], source)
        yield heading.format(f"Backward: {checked.title}" if checked.title else "Backward")
        in_order = sorted(checked.verdicts, key=lambda v: v.start)
        rows = [Row(v, numbers[v.start], sized=live or not v.ok) for v in in_order]
        if rows:
            yield _lines(derivation.declarations, rows, "Backward")
        for row in rows:
            yield from endings.get(row.verdict.start, ())
        yield from _list("Not declared", assumed(derivation, checked), opened=True)
    yield Markup("<p>{}</p>").format(source.reading())
    yield from _list("Not read", [f"{source.line_name(it.start)}: {it.why}" for it in source.left])


def _title(block: Block) -> str:
    return f"Backward: {block.title}" if block.title else "Backward"


def _endings(parts: Sequence[tuple[Derivation, CheckedLines]], live: bool) -> dict[int, list[Markup]]:
    """Return start of the last line of a set → its findings; after the last set of a derivation, the picture."""
    endings: dict[int, list[Markup]] = {}
    for k, (derivation, checked) in enumerate(parts):
        if checked.verdicts:
            last = max(v.start for v in checked.verdicts)
            endings[last] = list(_findings(checked))
            if not live and (k + 1 == len(parts) or parts[k + 1][0] is not derivation):
                endings[last] += _picture([p for d, p in parts if d is derivation])
    return endings


def pictures(report: Report) -> Markup:
    """Return the forward of every derivation as a drawing."""
    derivations = list({id(d): d for d, _ in report.parts}.values())
    return pages.lines(it for one in derivations for it in _picture([p for d, p in report.parts if d is one]))


def _equations(equations: Sequence[tuple[Statement, Names]], source: Source) -> Markup:
    rows = [(eq.number, WIDE.format(statement(eq, source.text, names))) for eq, names in equations]
    return pages.table((("No.", "n"), ("Equation", "f")), [(NOTHING, cells) for cells in rows], "Forward")


class Row(NamedTuple):
    """A line in a table: its number on the page for links, None without; are findings folded, operands with sizes?"""

    verdict: LineVerdict
    link: int | None = None
    folded: bool = False
    sized: bool = False


def _lines(it: Declarations, rows: Iterable[Row], title: str) -> Markup:
    """Return backward lines as a table."""
    heads = (("Line", "n"), ("No.", "n"), ("Formula", "f"), ("Verdict", "v"))
    return pages.table(heads, [_row(it, row) for row in rows], title)


def _row(it: Declarations, row: Row) -> tuple[Markup, Sequence[str]]:
    """Return the attributes and the cells of a line."""
    v = row.verdict
    sizes = v.shapes if row.sized else ()
    formula = statement(v.statement, it.source.text, it.names, sizes) if v.statement else CODE.format(v.text)
    details = _details(it, v)
    if row.folded:
        brief = v.message or v.looks_like or (_numbers(v.worst) if v.worst else "details")
        details = Markup("<details><summary>{}</summary>{}</details>").format(brief, details)
    link = Markup(' id="v{}"').format(row.link) if row.link is not None else NOTHING
    attributes = Markup(' class="{}"{}').format(_class(v.verdict), link)
    badge = Markup('<span class="badge">{}</span>').format(v.verdict)
    line = it.source.line_name(v.start).removeprefix("line ")
    return attributes, (line, v.number, WIDE.format(formula) + details, badge)


# The findings about a line


def _details(it: Declarations, v: LineVerdict) -> Markup:
    if v.ok and not v.notes:
        return NOTHING
    terms = [_term("note", note) for note in v.notes] if v.ok else _terms(it, v)
    found = Markup("<dl>{}</dl>").format(NOTHING.join(terms))
    message = Markup("<p>{}</p>").format(v.message) if v.message else NOTHING
    return found if v.ok else _quoted(it.source, v) + message + found


def _terms(it: Declarations, v: LineVerdict) -> Iterator[Markup]:
    if v.rules:
        yield _term("from", Markup("</dd><dd>").join(CODE.format(rule) for rule in v.rules))
    if v.worst:
        yield _term(v.worst.where, _numbers(v.worst))
    if v.looks_like:
        yield _term("looks like", v.looks_like)
    if v.suggestion:
        suggestion = Markup('<div class="suggestion">{}{}</div>')
        yield _term(v.grade or "suggestion", suggestion.format(_formula(it, v.suggestion), CODE.format(v.suggestion)))
    if v.spoils:
        yield _term("wrong because of it", ", ".join(v.spoils))
    yield from (_term("note", note) for note in v.notes)


def _numbers(worst: WorstEntry) -> str:
    expected, found = apart(worst.expected, worst.found)
    return f"expected {expected}, found {found}"


def _term(word: str, text: str) -> Markup:
    return Markup("<dt>{}</dt><dd>{}</dd>").format(word, text)


def _formula(it: Declarations, text: str) -> Markup:
    """Return a suggested line as a formula, if it can be read as one."""
    try:
        source = Source(text)
        source.macros = it.source.macros
        lines = segments(tokens_of(source, 0, len(source.text), latex=it.source.is_document))
        parser = it.parser()
        shown = [statement(parser.statement(line.tokens), source.text, it.names) for line in lines]
    except DerivationError:
        return NOTHING
    return WIDE.format(NOTHING.join(shown))


def _quoted(source: Source, v: LineVerdict) -> Markup:
    """Return the author's line with the parts marked that the verdict is about."""
    start = source.line_start(source.place(v.start)[0])
    number = source.place(max(v.start, v.end - 1))[0]
    end = source.line_start(number) + len(source.line(number))
    shown, done = Markup(), start
    for at in sorted((v.at, *v.also)):
        first = min(max(at[0], done), end)
        last = min(max(at[1], first), end)
        shown += Markup("{}<mark>{}</mark>").format(source.text[done:first], source.text[first:last])
        done = last
    return Markup("<pre><code>{}{}</code></pre>").format(shown, source.text[done:end])


def _findings(checked: CheckedLines) -> Iterator[Markup]:
    yield from _list("Left out", checked.faults, opened=True)
    yield from _list("Likely lines", checked.proposed, opened=True)
    yield from _list("Notes", checked.notes)
    yield from _list(NOT_EXERCISED, checked.not_exercised)


def _list(title: str, texts: Sequence[str], opened: bool = False) -> list[Markup]:
    if not texts:
        return []
    items = NOTHING.join(Markup("<li>{}</li>").format(text) for text in texts)
    folded = Markup('<details class="notes"{}><summary>{} ({})</summary><ul>{}</ul></details>')
    return [folded.format(Markup(" open") if opened else NOTHING, title, len(texts), items)]


# The picture


def _picture(sets: Sequence[CheckedLines]) -> Iterator[Markup]:
    """Yield the forward tape, with the steps in colour that wrong lines derive."""
    if not sets[0].points:
        return
    point = sets[0].points[0]
    wrong = sorted({step for checked in sets for v in checked.verdicts if not v.ok for step in _steps(point, v)})
    if 1 < len(point.forward.tape) <= DRAWN_STEPS:
        picture = graph(
            point.forward.tape, derivatives=point.derivatives, comparison=WrongSteps(dict.fromkeys(wrong, "own"))
        )
        title = f"The forward in {len(point.forward.tape)} steps" + "; red: what the wrong lines derive" * bool(wrong)
        yield Markup(
            '<details class="explored"{}><summary>{}</summary>\n{}\n'
            "<details><summary>Every value at the first point</summary>\n{}\n</details></details>"
        ).format(
            Markup(" open") if wrong else NOTHING,
            title,
            canvas(picture, None),
            pages.lines(ValueDetails(point.derivatives).everything()),
        )


def _steps(point: SamplePoint, v: LineVerdict) -> Iterator[int]:
    """Yield the steps that a line derives: those that use the name whose derivative it sets."""
    if v.statement is None:
        return
    for left in v.statement.left:
        if left.kind == "d":
            with suppress(Trouble):
                yield from _steps_using(point, left)
        elif left.kind == "jacobian" and left.parts[0].kind == "name":
            equations = point.forward.keys.get(left.parts[0].value.key, [])
            for k, _, first, last in point.forward.ranges:
                yield from range(first, last + 1) if k in equations else ()


def _steps_using(point: SamplePoint, left: Node) -> Iterator[int]:
    for case in cases(point, left):
        variable = point.values[case.place]
        if variable.index < point.derivatives.length:
            yield from (step for step, _, _ in point.derivatives.contributions(variable) if step)
