"""A report on code as HTML: a page of its own, and a fragment for notebooks.

HTML is Markup: a plain string, such as all that comes from the file, is escaped when it is put into it.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, NamedTuple

from markupsafe import Markup

from tinyad.code.files import Text, replace_statement
from tinyad.code.verdicts import Grade, PairVerdict, StatementVerdict, Verdict
from tinyad.code.wording import entry, holding_of, numbers, returned_wrong
from tinyad.html import page as pages
from tinyad.html.page import NOTHING

if TYPE_CHECKING:
    from tinyad.code.report import Report

NOT_SEEN = "Not seen by this check"
BADGE = Markup('<span class="badge {}">{}</span>')
CODE = Markup("<code>{}</code>")
LINE = Markup('<code class="line">{}</code>')
HEADS = (("Line", "n"), ("Statement", "f"), ("Verdict", "v"))
BLANK_LINES = 2  # that are shown one below the other: the source of a function stands at its lines, with nothing above


def page(report: Report) -> str:
    """Return one HTML file with the source and all findings."""
    title = pages.file_name(report.source.name) or "Code"
    return pages.page(title, pages.lines([_head(report, title), *_pairs(report), _source(report)]))


def fragment(report: Report) -> str:
    """Return the findings without the source: the first wrong statement in full, the others folded."""
    source, name = report.source, pages.file_name(report.source.name)
    shown, folded = [Markup("<p><b>{}</b>: {}</p>").format(name, _counts(report))], list[Markup]()
    for pair in report.pairs:
        title = pair.backward or name
        shown += [_error(title, pair, source)] if pair.error else []
        if pair.wrong:
            rows = [_statement(source, Shown(v, folded=v is not report.first_wrong)) for v in pair.wrong]
            shown.append(pages.table(HEADS, rows, f"{title}: {holding_of(pair)}"))
        shown += _returned(source, pair)
        right = [_statement(source, Shown(v)) for v in pair.statements if v.ok]
        folded += [pages.table(HEADS, right, title)] if right else []
        folded += _notes(source, pair)
    if folded:
        shown += [Markup("<details><summary>Statements that hold, and notes</summary>"), *folded, Markup("</details>")]
    return pages.fragment(pages.lines(shown))


def content(report: Report) -> Markup:
    """Return the findings as a part of a page that shows the source itself; a row has the number of its verdict."""
    source, number = report.source, 0
    shown = [Markup("<p>{}</p>").format(_counts(report)), *_pairs(report)]
    for pair in report.pairs:
        rows = []
        for v in pair.statements:
            attributes, cells = _statement(source, Shown(v, folded=v is not report.first_wrong))
            rows.append((attributes + Markup(' id="v{}"').format(number), cells))
            number += 1
        shown += [pages.table(HEADS, rows, pair.backward or source.name)] if rows else []
    return pages.lines(shown)


# The parts of a page


def _head(report: Report, title: str) -> Markup:
    link = Markup('<a href="#v{}">{}</a>')
    wrong = Markup(", ").join(link.format(k, _line(report.source, v.line)) for k, v in enumerate(report.wrong))
    return Markup("<header>\n<h1>{}</h1>\n<p>{}: {}</p>\n{}</header>").format(
        title,
        CODE.format(pages.file_name(report.source.name)),
        _counts(report),
        Markup("<p>Statements that do not hold: {}</p>").format(wrong) if wrong else NOTHING,
    )


def _counts(report: Report) -> Markup:
    badges = [BADGE.format(_class(Verdict(verdict)), f"{n} {verdict}") for verdict, n in report.counts.items()]
    pairs = len(report.errors)
    badges += [BADGE.format("bad", f"{pairs} pair{'s' * (pairs > 1)} not judged")] if pairs else []
    return Markup(" ").join(badges) or Markup("no statements")


def _class(verdict: Verdict) -> str:
    return "good" if verdict.holds else "unsure" if verdict is Verdict.NOT_JUDGED else "bad"


def _pairs(report: Report) -> Iterator[Markup]:
    """Yield what is said about each pair as a whole."""
    for pair in report.pairs:
        title = pair.backward or pages.file_name(report.source.name)
        if pair.error:
            yield _error(title, pair, report.source)
            continue
        yield Markup("<h2>{}</h2>\n<p>{}</p>").format(CODE.format(title), holding_of(pair))
        yield from _returned(report.source, pair)
        yield from _notes(report.source, pair)


def _error(title: str, pair: PairVerdict, source: Text) -> Markup:
    message = pair.error.replace(source.name, pages.file_name(source.name)) if source.name else pair.error
    return Markup("<h2>{}</h2>\n<p>{}</p><pre><code>{}</code></pre>").format(
        CODE.format(title), BADGE.format("bad", str(Verdict.NOT_JUDGED)), message
    )


def _returned(source: Text, pair: PairVerdict) -> list[Markup]:
    return _list("Returned as it stands", [source.told(row) for row in returned_wrong(pair)], opened=True)


def _notes(source: Text, pair: PairVerdict) -> Iterator[Markup]:
    unjudged = [f"{name} (line {line}): {reason}" for name, line, reason in pair.unjudged]
    unjudged += [f"{v.name} (line {v.line}): {v.message}" for v in pair.statements if v.verdict is Verdict.NOT_JUDGED]
    convention = [f"convention: {pair.convention}"] if pair.convention else []
    for title, texts in (("Notes", [*convention, *pair.notes]), ("Not judged", unjudged), (NOT_SEEN, pair.not_seen)):
        yield from _list(title, [source.told(text) for text in texts])


def _list(title: str, texts: Sequence[str], opened: bool = False) -> list[Markup]:
    if not texts:
        return []
    items = NOTHING.join(Markup("<li>{}</li>").format(text) for text in texts)
    folded = Markup('<details class="said"{}><summary>{} ({})</summary><ul>{}</ul></details>')
    return [folded.format(Markup(" open") if opened else NOTHING, title, len(texts), items)]


def _source(report: Report) -> Markup:
    """Return the source as a table, with the findings below the statements that they are about."""
    source = report.source
    first = report.first_wrong
    numbers_of = {id(v): k for k, v in enumerate(report.wrong)}
    ends: dict[int, list[Shown]] = {}
    for v in report.verdicts:
        ends.setdefault(v.end_line, []).append(Shown(v, numbers_of.get(id(v)), v is not first))
    rows, blank = [], 0
    for number, text in enumerate(source.lines, 1):
        blank = blank + 1 if not text.strip() else 0
        if blank <= BLANK_LINES:
            rows.append(_row(source, number, text, ends.get(number, ())))
    return pages.table(HEADS, rows, "Source")


class Shown(NamedTuple):
    """A verdict in a table: its number on the page for links, None without; whether its findings are folded."""

    verdict: StatementVerdict
    link: int | None = None
    folded: bool = False


def _row(source: Text, number: int, text: str, ended: Iterable[Shown]) -> tuple[Markup, Sequence[str]]:
    """Return a line of the source, with all that is said about the statements that end in it."""
    ended = sorted(ended, key=lambda shown: shown.verdict.ok)
    details = NOTHING.join(_details(source, shown) for shown in ended)
    badges = NOTHING.join(BADGE.format(_class(v), str(v)) for v in dict.fromkeys(s.verdict.verdict for s in ended))
    kind = _class(ended[0].verdict.verdict) if ended else "plain"
    return Markup(' class="code {}"').format(kind), (_line(source, number), LINE.format(text) + details, badges)


def _statement(source: Text, shown: Shown) -> tuple[Markup, Sequence[str]]:
    """Return a statement in a table without the source."""
    v = shown.verdict
    cells = (_line(source, v.line), LINE.format(textwrap.dedent(v.text)) + _details(source, shown))
    return Markup(' class="code {}"').format(_class(v.verdict)), (
        *cells,
        BADGE.format(_class(v.verdict), str(v.verdict)),
    )


def _line(source: Text, line: int) -> str:
    """Return the number of a line where it stands, in a notebook with that of its cell."""
    if source.cells:
        return ":".join(map(str, source.cells[line - 1]))
    return str(source.origins[line - 1][1] if source.origins else line)


# The findings about a statement


def _details(source: Text, shown: Shown) -> Markup:
    v = shown.verdict
    if v.ok or v.verdict is Verdict.NOT_JUDGED:
        return NOTHING
    said = source.told(v.message)
    message = Markup("<p>{}</p>").format(said) if said else NOTHING
    found = Markup("<dl>{}</dl>").format(NOTHING.join(_terms(source, v)))
    brief = said or source.told(v.looks_like) or (numbers(v.worst) if v.worst else "details")
    link = Markup(' id="v{}"').format(shown.link) if shown.link is not None else NOTHING
    opened = NOTHING if shown.folded else Markup(" open")
    folded = Markup("<details{}{}><summary>{}</summary>{}{}</details>")
    return folded.format(link, opened, brief, message if message and brief != said else NOTHING, found)


def _terms(source: Text, v: StatementVerdict) -> Iterator[Markup]:
    if v.of:
        argument = v.of_text.startswith("an argument")
        rule = Markup(", {}").format(v.of_text if argument else CODE.format(v.of_text)) if v.of_text else NOTHING
        where = Markup("{} of {}{}").format(CODE.format(v.of), source.line(v.of_line), rule)
        yield _term(Markup("{} is the derivative for").format(CODE.format(v.name)), where)
    if v.passes > 1:
        yield _term("wrong in", f"{v.wrong_passes} of {v.passes} passes")
    if v.worst:
        yield _term(CODE.format(entry(v.name, v.worst)), numbers(v.worst))
    if v.looks_like:
        yield _term("looks like", source.told(v.looks_like))
    if v.suggestion:
        yield _term(v.grade or "suggestion", _diff(source, v))
        if v.grade != Grade.CERTAIN:
            yield from (_term("or", CODE.format(other)) for other in v.others)
    elif v.tried:
        yield _term("tried", f"none of {v.tried:,} changed statements is right")
    if v.spoils:
        yield _term("returned wrong because of it", ", ".join(v.spoils))


def _term(word: str, text: str) -> Markup:
    return Markup("<dt>{}</dt><dd>{}</dd>").format(word, text)


def _diff(source: Text, v: StatementVerdict) -> Markup:
    """Return the lines of a statement as they stand, and with the suggestion."""
    lines = source.lines
    start, behind = v.suggestion_line - 1, len(lines) - v.suggestion_end
    old = lines[start : v.suggestion_end]
    replace_statement(lines, v)
    new = lines[start : len(lines) - behind]
    margin = min(len(line) - len(line.lstrip()) for line in (*old, *new) if line.strip())
    taken, put = _marked(*("\n".join(line[margin:] for line in part) for part in (old, new)))
    where = f"{source.line(v.suggestion_line)}\n" if v.suggestion_line != v.line else ""
    return Markup('<pre class="diff"><code>{}<del>{}</del><ins>{}</ins></code></pre>').format(where, taken, put)


def _marked(old: str, new: str) -> list[Markup]:
    """Return two texts, each with the part marked that the other one does not have."""
    first = _common(old, new)
    last = _common(old[first:][::-1], new[first:][::-1])
    ends = ((text, len(text) - last) for text in (old, new))
    return [Markup("{}<mark>{}</mark>{}").format(text[:first], text[first:end], text[end:]) for text, end in ends]


def _common(old: str, new: str) -> int:
    """Return with how many characters both texts begin."""
    return next((k for k, (a, b) in enumerate(zip(old, new, strict=False)) if a != b), min(len(old), len(new)))
