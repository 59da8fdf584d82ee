"""The verdict on a pair that has no example function: at the file's own call, or at arguments that were drawn."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from tinyad.code import values
from tinyad.code.check import check_pair
from tinyad.code.drawn import Misfits, NotDrawnError, drawn_example, drawn_note
from tinyad.code.find import Found, no_example
from tinyad.code.first_calls import FirstCalls, example_of_call
from tinyad.code.judge import Judge
from tinyad.code.limits import DRAWN_CHECK_SECONDS, JUDGED_SECONDS
from tinyad.code.pair import Example, Pair
from tinyad.code.program import CodeError, Program
from tinyad.code.time_limit import TimedOut, limited
from tinyad.code.verdicts import PairVerdict, Verdict

RAISES = 5  # wrong statements that a backward pass which raises counts for, where another example may do


def verdict_without_example(
    program: Program,
    found: Found,
    calls: FirstCalls,
    pair_at: Callable[[Example], Pair],
    declared: Mapping[str, str],
) -> PairVerdict:
    """Return the verdict on a pair without an example; CodeError if none that is sure can be given."""
    names = calls.found.get(found.forward)
    called = example_of_call(program, found, names) if names is not None else None
    if called is not None:
        verdict = check_pair(pair_at(called), declared)
        if len(verdict.wrong) > 1 and all(s.verdict is Verdict.DOES_NOT_FIT for s in verdict.statements):
            raise CodeError(
                f"no derivative of {found.backward or found.forward} has a shape that fits: does it take what "
                f"{found.forward} returns, or what several calls did? example_{found.name}() gives "
                "arguments of your choice"
            )
        note = f"{found.forward} has no example function: the check took the arguments of its first call in the file"
        return verdict._replace(notes=(note, *verdict.notes))
    try:
        with limited(DRAWN_CHECK_SECONDS):
            drawn = _with_drawn(program, found, pair_at, declared)
    except CodeError:
        raise
    except RaisesError as error:
        raise error.raised from None
    except NotDrawnError as error:
        if not error.may_run:
            raise CodeError(f"{program.path}: {found.forward} does not run: {error}") from None
        raise CodeError(no_example(program, found, str(error))) from None
    except (Exception, TimedOut):
        drawn = None
    if drawn is None:
        raise CodeError(no_example(program, found))
    return drawn


class RaisesError(Exception):
    """What a pair raises with arguments that were drawn, whatever their shapes."""

    def __init__(self, raised: Exception, note: str) -> None:
        super().__init__()
        self.raised = raised
        raised.add_note(note)


def _with_drawn(
    program: Program, found: Found, pair_at: Callable[[Example], Pair], declared: Mapping[str, str]
) -> PairVerdict | None:
    """Return the verdict at arguments that were drawn; None where another shape of them may be the reason for it."""

    def misfits(example: Example) -> Misfits:
        try:
            with limited(JUDGED_SECONDS):
                judged = Judge(pair_at(example), declared).judge()
        except (Exception, TimedOut):
            return Misfits(RAISES)
        values_for = [(one.result.argument, one.value) for one in judged.results if one.right is False]
        values_for += [(one.candidate.name, one.value) for one in judged.wrong]
        shapes = {re.findall(r"\w+", name)[-1]: values.shape(value) for name, value in values_for}
        return Misfits(len(judged.statements) or int(judged.count > 0), shapes)

    drawn = drawn_example(program, found, misfits)
    if drawn is None:
        return None
    try:
        pair = pair_at(drawn.example)
        verdict = check_pair(pair, declared)
    except CodeError:
        raise
    except Exception as error:
        raise RaisesError(error, drawn_note(found, drawn.shapes)) from None
    sure = drawn.sure and all(statement.suggestion for statement in verdict.wrong)
    holding = sum(statement.ok for statement in verdict.statements)
    sure = sure and len(verdict.wrong) <= max(holding, 1)  # where most is wrong, the shapes may be
    if verdict.open or not (verdict.ok or sure or pair.by_entry):
        return None
    return verdict._replace(notes=(drawn_note(found, drawn.shapes), *verdict.notes))
