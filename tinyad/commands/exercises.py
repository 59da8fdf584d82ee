"""`tinyad plant`, `tinyad class init` and `tinyad grade`: exercises with mistakes, for one reader or for a class."""

from __future__ import annotations

import argparse
import sys
from datetime import datetime
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING, Any

from tinyad.printing.output import write_text
from tinyad.printing.text import for_terminal, visible

if TYPE_CHECKING:
    from tinyad.derivation.exercise.grading import Row

SECONDS_SILENT = 1.0  # before a grading says how far it is


def add_commands(commands: Any) -> None:
    """Add the commands to those of the command line."""
    plant = commands.add_parser("plant", help="write a copy of a right derivation with one mistake in it")
    plant.add_argument("file", nargs="?", metavar="FILE")
    plant.add_argument("--kind", nargs="?", help="name, missing, sign, transpose, ...; without it all are listed")
    plant.add_argument("--seed", type=int, default=0, help="which of the mistakes of this kind (default: 0)")
    plant.add_argument("--out", type=Path, metavar="COPY", help="the copy; the answer is COPY.answer.json")
    plant.set_defaults(run=_plant, other_place="a copy with --out")

    group = commands.add_parser("class", help="make an exercise for a class").add_subparsers(
        dest="step", required=True, metavar="step"
    )
    init = group.add_parser("init", help="write a folder with the exercise, the answer, and what to do with them")
    init.add_argument("file", nargs="?", metavar="FILE", help="a derivation that is right")
    init.add_argument("--mistakes", type=int, default=1, metavar="N", help="how many are planted (default: 1)")
    init.add_argument(
        "--kinds", nargs="*", metavar="KIND", help="of which kinds (default: any); alone it lists them all"
    )
    init.add_argument("--difficulty", choices=("easy", "medium", "hard"), help="of how well a mistake is seen")
    init.add_argument("--seed", type=int, default=0, help="which of the mistakes (default: 0)")
    init.add_argument("--out", type=Path, metavar="FOLDER", help="where to write (default: NAME-class)")
    init.set_defaults(run=_init, other_place="a folder with --out")

    grade = commands.add_parser("grade", help="say who found the planted mistakes and mended them")
    grade.add_argument(
        "place", type=Path, metavar="FILE", help="a copy as it came back, or a folder or zip archive of them"
    )
    grade.add_argument("--answer", type=Path, required=True, help="the answer file that plant or class init wrote")
    grade.add_argument("--output", type=Path, metavar="TABLE", help="a table of a class: a file .csv, .json or .html")
    grade.add_argument("--due", type=_time, metavar="TIME", help="what is newer is late: 2026-11-29T18:00")
    grade.set_defaults(run=_grade, other_place="another file with --output")


def _time(text: str) -> datetime:
    try:
        time = datetime.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is no time such as 2026-11-29T18:00") from None
    return time.astimezone().replace(tzinfo=None) if time.tzinfo else time


def _kinds() -> int:
    """Print the kinds of mistakes."""
    from tinyad.derivation.exercise.plant import DIFFICULTIES, KINDS

    width = max(map(len, KINDS))
    of_kind = {kind: difficulty for difficulty, kinds in DIFFICULTIES.items() for kind in kinds}
    print(for_terminal("\n".join(f"{kind:{width}}  {of_kind[kind]:6}  {what}" for kind, what in KINDS.items())))
    return 0


def _given(options: argparse.Namespace) -> str:
    if options.file is None:
        raise ValueError("give the derivation, FILE, that the mistakes are planted in")
    return str(options.file)


def _plant(options: argparse.Namespace) -> int:
    from tinyad.derivation.exercise.answer import answer
    from tinyad.derivation.exercise.plant import plant
    from tinyad.derivation.language.source import read

    if not options.kind:
        return _kinds()
    if options.out is None:
        raise ValueError("give the copy that is written, --out COPY")
    source = read(Path(_given(options)))
    key = options.out.with_name(options.out.name + ".answer.json")
    if Path(options.file).resolve() in (options.out.resolve(), key.resolve()):
        raise ValueError(f"--out {options.out} would write over the derivation; give another file")
    exercise = plant(source.text, [options.kind], 1, options.seed, source.name)
    write_text(options.out, exercise.text)
    write_text(key, answer(exercise))
    print(f"{options.out} has one mistake of kind {options.kind}; the answer is in {key}")
    return 0


def _init(options: argparse.Namespace) -> int:
    from tinyad.derivation.exercise.folder import write_folder
    from tinyad.derivation.exercise.plant import DIFFICULTIES, KINDS, plant
    from tinyad.derivation.language.source import read

    if options.kinds == []:
        return _kinds()
    if options.kinds and options.difficulty:
        raise ValueError("--difficulty chooses the kinds: give it or --kinds, not both")
    source = read(Path(_given(options)))
    kinds = options.kinds or (DIFFICULTIES[options.difficulty] if options.difficulty else list(KINDS))
    folder = options.out or Path(f"{Path(options.file).stem}-class")
    if folder.exists():
        raise ValueError(f"{folder} is there already, and stays as it is; give another folder with --out")
    exercise = plant(source.text, kinds, options.mistakes, options.seed, source.name)
    write_folder(folder, exercise)
    print(for_terminal(f"{folder} has the exercise; {folder / 'README.md'} says what to do with it"))
    return 0


def _grade(options: argparse.Namespace) -> int:
    from tinyad.derivation.exercise.answer import answered
    from tinyad.derivation.exercise.grading import graded_class
    from tinyad.derivation.exercise.hand_ins import is_collection
    from tinyad.derivation.exercise.tables import FORMATS, as_text
    from tinyad.derivation.language.source import read

    if options.output and options.output.suffix.lower() not in FORMATS:
        raise ValueError(f"--output {options.output}: the ending says which table: {', '.join(FORMATS)}")
    answer_text = read(options.answer).text
    if not is_collection(options.place):
        if options.output or options.due:
            raise ValueError(f"--output and --due are for a folder or an archive, and {options.place} is one file")
        return _grade_one(options.place, answer_text)
    exercise = answered(answer_text)
    rows = graded_class(options.place, answer_text, options.due, _Progress())
    if options.output:
        write_text(options.output, FORMATS[options.output.suffix.lower()](exercise, rows))
        print(for_terminal(f"{options.output}   {_counts(rows)}"))
    else:
        print(for_terminal(visible(as_text(exercise, rows) + _counts(rows))))
    return max((("right", "wrong", "not graded").index(row.status) for row in rows), default=0)


def _counts(rows: list[Row]) -> str:
    counts = ((sum(row.status == status for row in rows), status) for status in ("right", "wrong", "not graded"))
    return f"{len(rows)} hand-ins" + "".join(f", {n} {status}" for n, status in counts if n)


def _grade_one(path: Path, answer_text: str) -> int:
    from tinyad.derivation.exercise.answer import answered
    from tinyad.derivation.exercise.grade import AnswerKey
    from tinyad.derivation.exercise.limits import GRADE_SECONDS
    from tinyad.derivation.language.documents import opened

    result = AnswerKey(answered(answer_text)).grade(opened(path, GRADE_SECONDS))
    print(for_terminal(visible(result.message)))
    return 0 if result.ok else 1


class _Progress:
    """Say on a terminal how many hand-ins are graded, once that takes long."""

    def __init__(self) -> None:
        self._start = monotonic()

    def __call__(self, count: int) -> None:
        if monotonic() - self._start > SECONDS_SILENT and sys.stderr.isatty():
            print(f"\r{count} graded", end="\r", file=sys.stderr, flush=True)
