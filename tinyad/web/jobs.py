"""What a process does for the page: check a text, draw it, write its page, plant a mistake, grade an answer."""

from __future__ import annotations

import ast
import json
from collections.abc import Callable, Mapping
from pathlib import Path, PurePosixPath
from typing import Any

from tinyad.code.checking import Options
from tinyad.code.files import Text
from tinyad.code.page import content as code_content
from tinyad.code.report import Report as CodeReport
from tinyad.code.sandbox import check_in_sandbox
from tinyad.derivation.exercise.answer import answer, answered
from tinyad.derivation.exercise.grade import AnswerKey
from tinyad.derivation.exercise.plant import KINDS, plant
from tinyad.derivation.judge.check import check_without_corrections
from tinyad.derivation.language.documents import opened_text
from tinyad.derivation.language.proposal import with_proposed
from tinyad.derivation.language.source import Source
from tinyad.derivation.repair.checked import check_all
from tinyad.derivation.show.page import content, pictures
from tinyad.derivation.show.report import Report
from tinyad.printing.text import visible
from tinyad.web.findings import findings, place_of_error, proposed
from tinyad.web.limits import CODE_SECONDS, TEXT_SECONDS

NOTEBOOK = "the page reads no notebooks; `tinyad check` reads them"

Job = Mapping[str, Any]
Answer = dict[str, Any]


def done(job: Job) -> Answer:
    """Return what became of a job: its `state` is "done", or says why not, with a `message` and a place."""
    try:
        return {"state": "done", **JOBS[job["job"]](job)}
    except ValueError as error:
        message = str(getattr(error, "message", error))
        return {"state": "unreadable", "message": visible(message), "at": place_of_error(job["name"], error)}
    except SyntaxError as error:
        line, column = error.lineno or 1, error.offset or 1
        at = {"file": "", "line": line, "column": column, "end_line": line, "end_column": column + 1}
        return {"state": "unreadable", "message": visible(f"this is not Python: {error.msg}"), "at": at}
    except MemoryError:
        return {"state": "stopped", "message": "this text takes more memory than a check may have"}
    except RecursionError:
        return {"state": "stopped", "message": "this text is nested too deeply"}
    except Exception as error:  # of one text: the process goes on with others
        return {"state": "stopped", "message": visible(f"a fault of tinyad itself, {type(error).__name__}: {error}")}


def is_code(name: str) -> bool:
    """Return whether a file of this name is read as a program."""
    return PurePosixPath(name).suffix.lower() == ".py"


def _source(job: Job) -> Source:
    """Return the text of a job; it includes files of its folder, if it is from one."""
    folder = job.get("folder")
    return opened_text(job["text"], job["name"], TEXT_SECONDS, Path(folder) if folder else None)


def _report(job: Job) -> Report | CodeReport:
    """Return the report on a text; code runs in a process of its own."""
    if PurePosixPath(job["name"]).suffix.lower() == ".ipynb":
        raise ValueError(NOTEBOOK)
    if is_code(job["name"]):
        ast.parse(job["text"])
        return check_in_sandbox(Text(job["name"], job["text"]), Options(seconds=CODE_SECONDS))
    source = with_proposed(_source(job))
    return Report(source, check_all(source) if job["suggest"] else check_without_corrections(source))


def _check(job: Job) -> Answer:
    """Return the findings about a text, and the part of the page that shows them."""
    report = _report(job)
    answer = {
        "kind": "code",
        "ok": report.ok,
        "suggested": job["suggest"] or report.ok,
        "summary": visible(report.summary().removeprefix(f"{job['name']}: ")),
        "findings": findings(report),
        "proposed": [],
        "declarations": "",
    }
    if isinstance(report, CodeReport):
        return {**answer, "page": visible(code_content(report))}
    more = {"kind": "text", "proposed": proposed(report), "declarations": report.source.proposed}
    return {**answer, **more, "page": visible(content(report, live=True))}


def _drawing(job: Job) -> Answer:
    report = _report({**job, "suggest": False})
    return {"page": visible(pictures(report)) if isinstance(report, Report) else ""}


def _page(job: Job) -> Answer:
    return {"page": _report({**job, "suggest": True}).html()}


def _plant(job: Job) -> Answer:
    """Return a copy of a right text with one mistake of any kind in it, and the answer."""
    report = None if is_code(job["name"]) else _report({**job, "suggest": False})
    if isinstance(report, Report) and report.source.is_document:
        raise ValueError("a mistake is planted in a derivation with its blocks, and this is a document")
    if report is None or not report.ok:
        raise ValueError("a mistake is planted in a derivation that is right, and here not every line holds")
    exercise = plant(job["text"], [*KINDS], 1, job["seed"], job["name"])
    return {"text": exercise.text, "answer": json.loads(answer(exercise))}


def _grade(job: Job) -> Answer:
    key = AnswerKey(answered(json.dumps(job["answer"])))
    result = key.grade(_source(job))
    return {"ok": result.ok, "message": result.message}


JOBS: dict[str, Callable[[Job], Answer]] = {
    "check": _check, "drawing": _drawing, "page": _page, "plant": _plant, "grade": _grade,
}  # fmt: skip
