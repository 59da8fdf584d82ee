"""The grades of a class as a table: for a spreadsheet, for programs, and as a page."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from markupsafe import Markup

from tinyad.derivation.exercise.answer import Exercise
from tinyad.derivation.exercise.grade import Grade
from tinyad.derivation.exercise.grading import Row
from tinyad.html import page as pages

VERSION = 1  # of the table as JSON
FORMULA = ("=", "+", "-", "@", "\t", "\r")  # what a spreadsheet takes for the begin of a formula
BADGE = Markup('<span class="badge {}">{}</span>')
CLASSES = {"right": "good", "wrong": "bad", "not graded": "unsure"}


def as_csv(exercise: Exercise, rows: Sequence[Row]) -> str:
    """Return the table for a spreadsheet: a row for each hand-in, with a mark of its encoding at the beginning."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    planted = [f"line {mistake.line}, {mistake.kind}" for mistake in exercise.mistakes]
    writer.writerow([
        "who", "file", "result", *planted, "found", "mended", "new mistakes", "missing", "changes of the model",
        "remarks", "message", "written", "seconds",
    ])  # fmt: skip
    for row in rows:
        grade = row.graded.grade
        cells = [
            row.who, row.file, row.status, *_states(exercise, grade), *_counts(grade), "; ".join(row.graded.remarks),
            row.graded.message, _written(row), f"{row.graded.seconds:.2f}",
        ]  # fmt: skip
        writer.writerow([_plain(cell) for cell in cells])
    return "\ufeff" + out.getvalue()


def _plain(cell: object) -> str:
    """Return a cell that no spreadsheet takes for a formula."""
    text = str(cell)
    return f"'{text}" if text.startswith(FORMULA) else text


def _states(exercise: Exercise, grade: Grade | None) -> list[str]:
    """Say of each planted mistake whether it was mended, only found, or neither."""
    if grade is None:
        return [""] * len(exercise.mistakes)
    return ["mended" if m.mended else "found" if m.found else "not found" for m in grade.mistakes]


def _counts(grade: Grade | None) -> list[object]:
    if grade is None:
        return [""] * 5
    found, mended = (sum(getattr(m, what) for m in grade.mistakes) for what in ("found", "mended"))
    return [found, mended, len(grade.made), len(grade.missing), len(grade.changes)]


def _written(row: Row) -> str:
    return row.written.isoformat(" ", "seconds") if row.written is not None else ""


def as_json(exercise: Exercise, rows: Sequence[Row]) -> str:
    """Return the table for programs, with all findings."""
    planted = [{"line": mistake.line, "kind": mistake.kind} for mistake in exercise.mistakes]
    found = {"version": VERSION, "exercise": exercise.source, "mistakes": planted}
    return json.dumps(found | {"hand_ins": [_to_dict(row) for row in rows]}, ensure_ascii=False, indent=2) + "\n"


def _to_dict(row: Row) -> dict[str, Any]:
    graded = row.graded
    found: dict[str, Any] = {"who": row.who, "file": row.file, "result": row.status, "message": graded.message}
    found |= {"remarks": list(graded.remarks), "written": _written(row), "seconds": round(graded.seconds, 3)}
    if graded.grade is not None:
        grade = graded.grade
        found["mistakes"] = [
            {"line": m.line, "kind": m.kind, "found": m.found, "mended": m.mended} for m in grade.mistakes
        ]
        found |= {"made": list(grade.made), "missing": list(grade.missing), "changes": list(grade.changes)}
        found["findings"] = [finding.to_dict() for finding in grade.findings]
    return found


def as_html(exercise: Exercise, rows: Sequence[Row]) -> str:
    """Return the table as a page, with what is wrong in every hand-in."""
    counts = [(status, sum(row.status == status for row in rows)) for status in CLASSES]
    badges = Markup(" ").join(BADGE.format(CLASSES[status], f"{n} {status}") for status, n in counts if n)
    planted = Markup("").join(
        Markup("<li>line {}, {}: <code>{}</code> instead of <code>{}</code></li>").format(
            m.line, m.kind, m.now or "nothing", m.was
        )
        for m in exercise.mistakes
    )
    title = f"Grades: {exercise.source}"
    head = Markup("<header><h1>{}</h1><p>{} hand-ins: {}</p></header>").format(title, len(rows), badges)
    about = Markup('<details class="notes"><summary>Planted ({})</summary><ul>{}</ul></details>').format(
        len(exercise.mistakes), planted
    )
    heads = [("Who", "")] + [(f"Line {m.line}", "v") for m in exercise.mistakes]
    heads += [("What else, by the lines of the hand-in", "w"), ("Result", "v")]
    body = [(Markup(' class="{}"').format(CLASSES[row.status]), _cells(exercise, row)) for row in rows]
    table = Markup('<section class="grades">\n{}\n</section>').format(pages.table(heads, body, "Hand-ins"))
    return pages.page(title, pages.lines([head, about, table]))


def _cells(exercise: Exercise, row: Row) -> list[str]:
    who = Markup('{}<br><span class="size">{}</span>').format(row.who, row.file)
    items = Markup("").join(Markup("<p>{}</p>").format(text) for text in _said(row))
    states = [
        Markup('<span class="narrow">Line {}: </span>{}').format(mistake.line, state) if state else ""
        for mistake, state in zip(exercise.mistakes, _states(exercise, row.graded.grade), strict=True)
    ]
    return [who, *states, items, BADGE.format(CLASSES[row.status], row.status)]


def _said(row: Row) -> Iterator[str]:
    """Yield what is wrong besides the planted mistakes, and what was noticed."""
    grade = row.graded.grade
    if grade is None or grade.unchanged:
        yield row.graded.message
    if grade is not None:
        yield from grade.others
    yield from row.graded.remarks


def as_text(_: Exercise, rows: Sequence[Row]) -> str:
    """Return one line for each hand-in."""
    width = max((len(row.who) for row in rows), default=0)
    lines = [
        f"{row.who:{width}}  {row.status:10}  {'; '.join([row.graded.message, *row.graded.remarks])}" for row in rows
    ]
    return "".join(f"{line}\n" for line in lines)


FORMATS: dict[str, Callable[[Exercise, Sequence[Row]], str]] = {".csv": as_csv, ".json": as_json, ".html": as_html}
