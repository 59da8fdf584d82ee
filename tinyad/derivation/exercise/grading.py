"""A class graded: one row for each hand-in, whatever it holds."""

from __future__ import annotations

import codecs
import os
from collections.abc import Callable, Iterator
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import NamedTuple

from tinyad.derivation.exercise.answer import answered
from tinyad.derivation.exercise.grade import AnswerKey, Grade
from tinyad.derivation.exercise.hand_ins import HandIn, hand_ins
from tinyad.derivation.exercise.limits import GRADE_SECONDS, GRADERS, HAND_IN_BYTES, HAND_IN_SECONDS
from tinyad.derivation.exercise.workers import Limits, in_workers
from tinyad.derivation.language.documents import opened
from tinyad.derivation.language.source import DerivationError
from tinyad.printing.text import one_line

MARKS = (codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE, codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)  # of what is no UTF-8


class Graded(NamedTuple):
    """What came of one file: a grade, or why there is none; what was noticed about it; the seconds it took."""

    grade: Grade | None
    message: str
    remarks: tuple[str, ...] = ()
    seconds: float = 0.0


class Row(NamedTuple):
    """A hand-in in the table of a class."""

    who: str
    file: str
    written: datetime | None
    graded: Graded

    @property
    def status(self) -> str:
        """Return "right", "wrong" or "not graded"."""
        return "not graded" if self.graded.grade is None else "right" if self.graded.grade.ok else "wrong"


def graded_class(
    place: Path, answer_text: str, due: datetime | None = None, progress: Callable[[int], None] = lambda count: None
) -> list[Row]:
    """Return a row for every hand-in of a folder or an archive, in the order of their names.

    Each is graded in one of several processes, in bounded time and memory; `progress` is told how many are done.
    Raises ValueError if the folder, the archive or the answer cannot be read.
    """
    answered(answer_text)  # what is wrong with it is said before any process is started
    rows: dict[int, Row] = {}
    found: list[HandIn] = []
    remarks: list[tuple[str, ...]] = []

    def jobs() -> Iterator[HandIn]:
        first: dict[bytes, str] = {}
        seen: set[str] = set()
        for hand_in in hand_ins(place):
            remarks.append(tuple(_remarks(hand_in, first, seen, due)))
            found.append(hand_in._replace(content=b""))
            yield hand_in

    limits = Limits(max(1, min(GRADERS, os.cpu_count() or 1)), HAND_IN_SECONDS, HAND_IN_BYTES)
    for done in in_workers(grader, answer_text, jobs(), limits):
        hand_in, result = found[done.number], done.result or Graded(None, done.lost)
        result = result._replace(remarks=remarks[done.number] + result.remarks)
        rows[done.number] = Row(one_line(hand_in.who), one_line(hand_in.name), hand_in.written, result)
        progress(len(rows))
    return [rows[number] for number in sorted(rows)]


def _remarks(hand_in: HandIn, first: dict[bytes, str], seen: set[str], due: datetime | None) -> Iterator[str]:
    """Yield what there is to notice about a file beside others."""
    if due is not None and hand_in.written is not None and hand_in.written > due:
        yield "late"
    if hand_in.owner in seen:
        yield f"{one_line(hand_in.who)} handed in more than once"
    seen.add(hand_in.owner)
    if hand_in.content:
        earlier = first.setdefault(sha256(hand_in.content).digest(), hand_in.name)
        if earlier != hand_in.name:
            yield f"the same file as {one_line(earlier)}"


def grader(answer_text: str) -> Callable[[HandIn], Graded]:
    """Return the function that grades the hand-ins of an exercise, one by one."""
    key = AnswerKey(answered(answer_text))

    def grade(hand_in: HandIn) -> Graded:
        start = perf_counter()
        graded = _graded(key, hand_in)
        return graded._replace(seconds=perf_counter() - start)

    return grade


def _graded(key: AnswerKey, hand_in: HandIn) -> Graded:
    """Return what comes of one file: a grade, or a message; no exception."""
    if hand_in.refused:
        return Graded(None, hand_in.refused)
    text, remark = text_of(hand_in.content)
    remarks = (remark,) if remark else ()
    path = Path(f"hand-in{hand_in.suffix}")
    try:
        with TemporaryDirectory(prefix="tinyad-") as folder:  # so that nothing beside it can be included
            path = Path(folder, path)
            path.write_text(text, encoding="utf-8", errors="replace", newline="")
            source = opened(path, GRADE_SECONDS)
        source.name = hand_in.name
        grade = key.grade(source)
    except DerivationError as error:
        return Graded(None, f"line {error.line}: {error.message.removeprefix(f'{path}: ')}", remarks)
    except ValueError as error:
        return Graded(None, str(error), remarks)
    except (MemoryError, RecursionError) as error:
        return Graded(None, f"it takes too much memory, or is nested too deeply: {type(error).__name__}", remarks)
    except Exception as error:  # of one file: the others are graded all the same
        return Graded(None, f"a fault of tinyad itself, {type(error).__name__}: {error}", remarks)
    return Graded(grade, grade.message, remarks)


def text_of(content: bytes) -> tuple[str, str]:
    """Return the text in a file, and a remark if it is not in UTF-8."""
    if content.startswith(MARKS):
        encoding = "utf-32" if content.startswith(MARKS[:2]) else "utf-16"
        return content.decode(encoding, "replace"), encoding.upper()
    if b"\0" in content[:1000]:
        encoding = "utf-16-be" if content[:1] == b"\0" else "utf-16-le"
        return content.decode(encoding, "replace"), "UTF-16 without a mark"
    try:
        return content.decode("utf-8-sig"), ""
    except UnicodeDecodeError:
        return content.decode("latin-1"), "not in UTF-8: read as Latin-1; signs such as ∇ need UTF-8"
