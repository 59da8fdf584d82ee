"""Check a source: find its pairs, run each with its example, and collect the verdicts."""

from __future__ import annotations

import ast
import traceback
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from tinyad.code.check import check_pair
from tinyad.code.files import Text
from tinyad.code.find import Found, OtherExampleError, example_of, example_of_shapes, found_in, functions_called_by
from tinyad.code.first_calls import FirstCalls, run_main
from tinyad.code.layout import layout_of
from tinyad.code.limits import FILE_SECONDS, FRAMES_SHOWN, MAIN_SECONDS, SECONDS
from tinyad.code.names import looks_like_derivative
from tinyad.code.neighbours import importable
from tinyad.code.pair import Example, Pair
from tinyad.code.probes import Stopped
from tinyad.code.program import CodeError, Program, undisturbed
from tinyad.code.report import Report
from tinyad.code.rerun import set_names
from tinyad.code.script import Script
from tinyad.code.time_limit import OutOfTime, TimedOut, limited
from tinyad.code.training import Training
from tinyad.code.verdicts import PairVerdict
from tinyad.code.without_example import verdict_without_example


class Options(NamedTuple):
    """How a source is checked.

    example: the name of a function that returns the arguments.  shapes: their shapes instead, as "X=6x5 b=4".  pairs:
    FORWARD or FORWARD:BACKWARD, if not all.  names: what names of the backward pass are the derivatives for.  seconds:
    how long the check of one pair may take.
    """

    example: str | None = None
    shapes: str | None = None
    pairs: tuple[str, ...] = ()
    names: Mapping[str, str] = {}
    seconds: float = SECONDS
    seed: int = 0


def check_text(text: Text, options: Options, namespace: Mapping[str, Any] | None = None) -> Report:
    """Return the report on a source."""
    program = Program(text.text, text.name, namespace)
    found = found_in(program, options.example, options.pairs)
    if not found:
        raise CodeError(_nothing_found(program))
    declared = {**declarations(text.text), **options.names}
    verdicts: list[PairVerdict] = []
    others: list[PairVerdict] = []
    with undisturbed(), importable(text.name) as imported:
        program, calls, ended = _executed(program, text, found, options)
        run_main(program, calls)
        for one in found:
            try:
                verdicts.append(_verdict(program, text, one, options, declared, calls))
            except OtherExampleError as error:  # the one example of the file is for another class
                others.append(_failed(program, one, error))
    if ended is not None:
        if ended.raises and all(verdict.error for verdict in verdicts):
            raise ended
        verdicts = [one._replace(notes=(*one.notes, ended.note)) for one in verdicts]
    return Report(text, tuple(verdicts or others), imported)


def _failed(program: Program, found: Found, error: CodeError) -> PairVerdict:
    backward = found.backward or found.forward
    return PairVerdict(found.name, found.forward, backward, program.path, (), error=str(error))


def _executed(
    program: Program, text: Text, found: Sequence[Found], options: Options
) -> tuple[Program, FirstCalls, EndedError | None]:
    """Run a source, and return its program, in which something stands in for what raises in a backward pass.

    Returned too: what it called the forward passes with that have no example, and what ended the run before the end of
    the file, if the functions to check are defined all the same.
    """
    while True:
        wanted = [one.forward for one in found if one.example is None and options.shapes is None]
        calls = FirstCalls(wanted)
        drawn = len(wanted) == len(found)
        seconds = min(options.seconds, FILE_SECONDS) if drawn else options.seconds
        try:
            _run(program, text, seconds, partial(program.execute, calls), "the file")
        except EndedError as ended:
            lines = {line for one in found for line in raising_lines(program, one, ended.frames) if ended.raises}
            if lines - program.probe.attempted:
                program = program.again(program.probe.attempted | lines)
                continue
            goes_on = ended.raises or ended.trains or (ended.lasts and drawn)
            if not goes_on or not ended.frames or not all(one.forward for one in found):
                raise
            try:
                with limited(MAIN_SECONDS):
                    program.execute_below(ended.frames[0][1])
            except (TimedOut, OutOfTime):
                raise ended from None
            return program, calls, ended
        else:
            return program, calls, None


def _verdict(  # noqa: PLR0913  what a check takes
    program: Program,
    text: Text,
    found: Found,
    options: Options,
    declared: Mapping[str, str],
    calls: FirstCalls,
) -> PairVerdict:
    def check() -> PairVerdict:
        if found.example is not None or options.shapes is not None or not found.forward:
            return check_pair(_pair(program, found, options), declared)
        return verdict_without_example(
            program, found, calls, lambda example: pair_of(program, found, example, options.seed), declared
        )

    try:
        functions = " and ".join(filter(None, (found.forward, found.backward))) or "the script"
        verdict: PairVerdict = _run(program, text, options.seconds, check, functions)
    except EndedError as raised:
        lines = raising_lines(program, found, raised.frames) if raised.raises else set()
        if lines - program.probe.attempted:
            again, calls, _ = _executed(program.again(program.probe.attempted | lines), text, [found], options)
            run_main(again, calls)
            other = _verdict(again, text, found, options, declared, calls)
            if not other.error:
                return other
        return _failed(program, found, raised)
    except CodeError as error:
        if isinstance(error, OtherExampleError) and found.example == "example" and not options.example:
            raise
        return _failed(program, found, CodeError(text.told(str(error))))
    return verdict


def _pair(program: Program, found: Found, options: Options) -> Pair:
    if not found.forward:
        return Script(program.again(), options.seed)
    if options.shapes is not None:
        example = example_of_shapes(program, found, options.shapes)
    else:
        example = example_of(program, found)
    return pair_of(program, found, example, options.seed)


def pair_of(program: Program, found: Found, example: Example, seed: int = 0) -> Pair:
    """Return what was found as a pair with an example."""
    both = found.backward is None and layout_of(program.functions[found.forward]) is not None
    if not found.returns_loss or (both and program.probe.attempted):  # which may not come to its end
        return Training(program, found.name, found.forward, example, seed)
    return Pair(program, found.name, found.forward, found.backward, example, seed)


def _run(program: Program, text: Text, seconds: float, job: Callable[[], Any], what: str) -> Any:
    """Run a part of a check; CodeError for what the user's code raises, with its own lines, and for endless loops."""
    try:
        with limited(seconds):
            return job()
    except (CodeError, KeyboardInterrupt):
        raise
    except BaseException as error:
        frames = frames_of(text.name, error)
        raise EndedError(program.path, *_ended(text, error, what, seconds), frames, error) from None


def _ended(text: Text, error: BaseException, what: str, seconds: float) -> tuple[str, str]:
    """Return what ended a run, and what else there is to say about it."""
    match error:
        case TimedOut() | OutOfTime():
            advice = "Give a smaller example, or more time with --timeout"
            return (
                f"{what} did not end in {seconds:g} seconds",
                f": there is an endless loop, or much to compute. {advice}",
            )
        case Stopped():
            return f"{what} was stopped after {MAIN_SECONDS:g} seconds, when it had called what is checked,", ""
        case MemoryError():
            return f"{what} takes more memory than there is", ": give a smaller example"
        case SystemExit():
            return f"{what} ended the program with status {error.code}", ""
    return _raised(text, error, what)


class EndedError(CodeError):
    """What ended a run of a user's code before its end.

    frames: the functions of the source that were running, outermost first, with their lines.  raises: whether it was an
    exception of the code.  lasts: whether it was the limit of its time.  trains: whether it goes on when all
    was called.
    """

    def __init__(self, path: str, said: str, more: str, frames: list[tuple[str, int]], error: BaseException) -> None:
        super().__init__(f"{path}: {said}{more}")
        self.frames = frames
        self.lasts, self.trains = isinstance(error, (TimedOut, OutOfTime)), isinstance(error, Stopped)
        self.raises = not self.lasts and not isinstance(error, (Stopped, MemoryError, SystemExit))
        line = frames[0][1] if frames else 0
        self.note = f"{said} at line {line}; what stands below it outside functions ran without it"


def frames_of(path: str, error: BaseException) -> list[tuple[str, int]]:
    """Return the functions of a source that ran when an exception was raised, outermost first, with their lines."""
    found = traceback.extract_tb(error.__traceback__)
    return [(frame.name, frame.lineno or 1) for frame in found if frame.filename == path]


def raising_lines(program: Program, found: Found, frames: Sequence[tuple[str, int]]) -> set[int]:
    """Return the line of the statement of a backward pass that raised; none if it was not that."""
    if found.backward is not None:
        own = [k for k, (name, _) in enumerate(frames) if name == found.backward.rpartition(".")[2]]
        frames = frames[own[0] :] if own else []
    called = functions_called_by(program, found.forward) if found.forward and found.backward else set()
    for k, (name, line) in reversed(list(enumerate(frames))):
        if k and name in called:
            continue  # what the forward pass calls too has been given something wrong
        for statement in program.probe.statements:
            returns = isinstance(statement.node, ast.Return)
            simple = returns or isinstance(statement.node, (ast.Assign, ast.AugAssign, ast.AnnAssign, ast.Expr))
            if simple and statement.line <= line <= statement.end_line and not (k and returns):
                derivatives = returns or any(map(looks_like_derivative, set_names(statement)))
                return {statement.line} if derivatives or found.forward else set()
    return set()


def _raised(text: Text, error: BaseException, what: str) -> tuple[str, str]:
    """Return what the user's code raised, and the frames of the user's file; or that it was tinyad."""
    all_frames = traceback.extract_tb(error.__traceback__)
    frames = [f for f in all_frames if f.filename == text.name]
    lines = text.lines
    rows = [
        f"    {text.place(frame.lineno or 1)}, in {frame.name}: {lines[(frame.lineno or 1) - 1].strip()}"
        for frame in frames[-FRAMES_SHOWN:]
    ]
    shown = str(error) or "no message"
    inside = bool(all_frames) and Path(all_frames[-1].filename).is_relative_to(Path(__file__).parent)
    if not frames and inside and not isinstance(error, TypeError):  # a TypeError may be of the call
        return f"the check of {what} ended by a fault of tinyad itself, {type(error).__name__}: {shown}", ""
    where = frames[-1].name if frames and not frames[-1].name.startswith("<") else what
    rows += [f"    {note}" for note in getattr(error, "__notes__", ())]
    advice = "; install it beside tinyad, or run python -m tinyad where it is" if _is_missing(error) else ""
    return f"{where} raised {type(error).__name__}: {shown}", "\n".join([advice, *rows])


def _is_missing(error: BaseException) -> bool:
    """Return whether an exception says that a module is missing that comes from elsewhere."""
    return isinstance(error, ModuleNotFoundError) and "." not in (error.name or ".")


def _nothing_found(program: Program) -> str:
    functions = ", ".join(name for name in program.functions if "." not in name) or "none"
    return (
        f"{program.path} has no pair to check. Its functions: {functions}. A pair is NAME_forward and NAME_backward, "
        f"forward and backward, a class with methods forward and backward, a function that returns a loss and "
        f"gradients, or statements with a loss and then d… names; --pair FORWARD:BACKWARD names any other"
    )


def declarations(source: str) -> dict[str, str]:
    """Return what comments such as `# d: delta3 -> Z3` say that names are the derivatives for."""
    found: dict[str, str] = {}
    for line in source.splitlines():
        _, sign, text = line.partition("# d:")
        if sign:
            for part in text.split(","):
                name, arrow, of = part.replace("→", "->").partition("->")
                if arrow and name.strip() and of.split():
                    found[name.strip()] = of.split()[0]
    return found


def names_from(texts: Sequence[str]) -> dict[str, str]:
    """Return the names that options such as delta3=Z3 declare."""
    found = {}
    for text in texts:
        name, sign, of = text.partition("=")
        if not sign or not name or not of:
            raise CodeError(f"--name {text}: write NAME=NAME, such as delta3=Z3")
        found[name] = of
    return found
