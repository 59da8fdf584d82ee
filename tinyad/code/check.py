"""Check a pair: judge its statements, find what spoils what, the statements that were meant, and what was not seen."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

import numpy as np

from tinyad.code import values
from tinyad.code.find import targets
from tinyad.code.judge import Forced, Judge, ResultVerdict, Task, computes_with
from tinyad.code.judge import Verdict as ValueVerdict
from tinyad.code.limits import POINTS, RESIZED_SECONDS
from tinyad.code.names import looks_like_derivative, stripped
from tinyad.code.pair import Pair, returned_names
from tinyad.code.points import another, moved, resized
from tinyad.code.probes import FLOAT32, Kind, Statement, names_of
from tinyad.code.program import QUIET, CodeError
from tinyad.code.recording import Target
from tinyad.code.repair import Repair
from tinyad.code.rerun import set_names
from tinyad.code.results import Result, result_values, unmatched
from tinyad.code.time_limit import TimedOut, limited
from tinyad.code.unseen import unseen
from tinyad.code.values import Array
from tinyad.code.verdicts import PairVerdict, StatementVerdict, Verdict, WorstEntry
from tinyad.code.wording import listed


def check_pair(pair: Pair, declared: Mapping[str, str] | None = None) -> PairVerdict:
    """Return the verdicts on a pair."""
    _refuse_chance(pair)
    declared = {**pair.declared(), **(declared or {})}
    judge = Judge(pair, declared)
    judge.judge()
    for other in pair.others(_derivatives(judge)) if judge.judged.count else ():
        another_judge = Judge(other, declared)
        if another_judge.judge().count < judge.judged.count:
            pair, judge = other, another_judge
    return _Findings(
        judge, lambda judged: _other_points(pair, declared, judged), lambda: _other_sizes(pair, declared)
    ).pair_verdict()


def _derivatives(judge: Judge) -> list[Array]:
    """Return the values that the backward pass sets as it stands."""
    events = judge.backward.events
    return [values.array(e.value) for e in events if e.kind is Kind.ASSIGNED and values.differentiable(e.value)]


def _refuse_chance(pair: Pair) -> None:
    """Raise CodeError if the forward pass gives another loss when it runs again."""
    first, second = pair.loss(QUIET), pair.loss(QUIET)
    if not np.isfinite(first):
        raise CodeError(
            f"{pair.forward or 'the loss'} gives {first} for the example: choose arguments of moderate size"
        )
    if first != second:
        raise CodeError(
            f"{pair.forward or 'the script'} gives another result when it runs again, {first:.6g} and {second:.6g}: it "
            f"draws numbers without a seed. Draw the noise or the mask in the example and pass it as an argument, or "
            f"give the generator a seed, as in np.random.default_rng(0)"
        )


def _other_points(pair: Pair, declared: Mapping[str, str] | None, judged: bool) -> list[Judge]:
    """Return judges of a pair at other sample points, as many as there can be."""
    found: list[Judge] = []
    pair.state.restore()
    given = {name: pair.program.namespace[name] for name in pair.outside}
    for seed in range(1, 2 * POINTS):
        if len(found) == POINTS - 1:
            break
        try:
            outside = moved(given, np.random.default_rng([pair.seed + seed, 6]))
            other = pair.at(another(pair.example, pair.seed + seed), pair.seed + seed, outside)
            if other is None:
                break
            judge = Judge(other, declared)
            if judged:
                judge.judge()
        except Exception:
            continue  # the user's code does not take these values: an index out of bounds, no convergence
        found.append(judge)
    return found


def _other_sizes(pair: Pair, declared: Mapping[str, str] | None) -> Judge | None:
    """Return a judge of a pair at a sample point of other sizes, None where there is none."""
    for example in resized(pair.example, pair.seed) if pair.forward else ():
        try:
            with np.errstate(all="ignore"), limited(RESIZED_SECONDS):
                other = pair.at(example, pair.seed, {})
                judge = None if other is None else Judge(other, declared)
            if judge is not None and np.isfinite(judge.truth.base):
                return judge
        except (Exception, TimedOut):
            continue  # the user's code does not take these sizes: one has to be a number of times another
    return None


class _Findings:
    """What a judge found, statement by statement."""

    def __init__(
        self,
        judge: Judge,
        other_points: Callable[[bool], list[Judge]],
        other_sizes: Callable[[], Judge | None],
    ) -> None:
        self.judge, self.pair = judge, judge.pair
        self.repair = Repair(judge, other_points, other_sizes)
        self.statements: dict[int, Statement] = {}
        self.values: dict[int, list[ValueVerdict]] = {}
        self.unsure: list[StatementVerdict] = []  # that may be wrong, or of another loss
        for verdict in judge.judged.verdicts:
            self.statements[verdict.task.statement.number] = verdict.task.statement
            self.values.setdefault(verdict.task.statement.number, []).append(verdict)

    def pair_verdict(self) -> PairVerdict:
        found = [self.statement_verdict(number) for number in self.values]
        found += self.result_verdicts({s.line for s in found if not s.ok})
        found += self.right_return({s.line for s in found})
        if not any(s.verdict is not Verdict.NOT_JUDGED for s in found) and not self.judge.judged.raised:
            raise CodeError(self.nothing())
        found = self.explained(found)
        found += self.raising({s.at for s in found})
        if self.unsure and not any(not s.ok and s.verdict is not Verdict.NOT_JUDGED for s in found):
            raise CodeError("; ".join(f"{s.name} (line {s.line}): {s.message}" for s in self.unsure))
        return PairVerdict(
            self.pair.name,
            self.pair.forward,
            self.pair.backward or self.pair.forward,
            self.pair.program.path,
            tuple(sorted(found, key=lambda s: (s.at, s.name))),
            tuple(self.wrong_as_it_stands()),
            tuple(entry for entry in self.unjudged() if entry[1] not in {s.line for s in found if not s.ok}),
            self.convention(),
            tuple(self.notes()),
            tuple(unseen(self.judge)),
            open=tuple(self.open()),
        )

    def nothing(self) -> str:
        """Say why nothing of a pair could be judged."""
        whole = [
            name
            for name, value in self.pair.arguments().items()
            if isinstance(value, np.ndarray) and value.dtype.kind in "iu"
        ]
        called = self.pair.backward or self.pair.forward or "the script"
        judged = self.judge.judged
        if self.judge.truth.noisy:
            return (
                f"rounding hides the derivatives at the example of {called}, where a function saturates or nearly "
                f"equal numbers are subtracted: choose other values"
            )
        if any(v.right is None for v in judged.verdicts) or any(r.right is None for r in judged.results):
            return (
                f"the example of {called} is at a kink of the loss, such as a relu at 0 or a tie: choose other values"
            )
        if self.judge.returned is None and self.pair.backward:
            return f"{called} returns nothing, and leaves nothing whose name tells what it is the derivative for"
        if type(self.judge.returned).__name__ == "generator":
            return f"{called} is a generator: return the derivatives instead"
        advice = f" ({listed(whole)}: whole numbers, give floats)" if whole else ""
        return (
            f"nothing of {called} can be judged: no name in it, and nothing that it returns, is the derivative for a "
            f"value of floats of the forward pass{advice}; --name dz=z says what a name is the derivative for"
        )

    def open(self) -> list[str]:
        """Return the derivatives that are returned and of no argument that is known, as the source writes them."""
        outputs = [] if self.pair.backward else self.pair.binding.outputs
        function = self.pair.backward or self.pair.forward
        texts = returned_names(self.pair.node(function)) if function else []
        judged = {task.name for task in self.judge.tasks.values()}
        found: dict[str, None] = {}
        for path in unmatched(self.judge.results, self.judge.returned, outputs) if function else ():
            place = path[0] if isinstance(self.judge.returned, tuple) and path else 0
            text = texts[place] if isinstance(place, int) and place < len(texts) else ""
            inside = path[1:] if isinstance(self.judge.returned, tuple) else path
            keys = [key for key in inside if isinstance(key, str)]
            derivative = looks_like_derivative(text) or any(map(looks_like_derivative, keys)) or inside
            name = text + "".join(f"[{key!r}]" for key in inside)
            if derivative and not {text, name} & judged:
                found[name] = None
        return list(found)

    # Statements

    def statement_verdict(self, number: int) -> StatementVerdict:
        statement, own = self.statements[number], self.values[number]
        wrong = [verdict for verdict in own if verdict.right is False]
        shown = wrong[0] if wrong else own[0]
        candidate = shown.candidate
        text = self.source(statement)
        found = StatementVerdict(
            statement.line,
            statement.end_line,
            statement.function,
            text,
            shown.task.name,
            Verdict.RIGHT,
            of=candidate.name,
            of_line=candidate.line,
            of_text=self.rule(candidate.target.ordinals[0]),
            passes=len({v.task.event.occasion for v in own}),
            wrong_passes=len({v.task.event.occasion for v in wrong}),
            column=statement.column,
            end_column=statement.end_column,
        )
        if not wrong:
            unsure = [verdict for verdict in own if verdict.right is None]
            if len(unsure) == len(own):
                return found._replace(verdict=Verdict.NOT_JUDGED, message=unsure[0].reason)
            return found
        worst = max(wrong, key=lambda v: _distance(v))
        value, truth = values.array(worst.value), worst.truth
        if statement.at in self.judge.judged.raised:
            message = f"it raises {self.judge.judged.raised[statement.at]}"
            return found._replace(verdict=Verdict.WRONG, message=message, spoils=self.spoiled(number))
        if shown.task.copy is not None:
            message = f"{shown.task.name} is not what line {candidate.line} of the forward pass computed"
            entry = _worst(value, shown.task.copy) if value.shape == shown.task.copy.shape else None
            return found._replace(verdict=Verdict.WRONG, message=message, worst=entry, spoils=self.spoiled(number))
        if truth is None or value.shape != truth.shape:
            shapes = f"{shown.task.name} has shape {value.shape}, and {candidate.name} has {candidate.target.shape}"
            return found._replace(
                verdict=Verdict.DOES_NOT_FIT, message=shapes, spoils=self.spoiled(number), looks_like=""
            )
        missing = self.missing(shown)
        return found._replace(
            verdict=Verdict.MISSING if missing else Verdict.WRONG,
            worst=_worst(value, truth),
            looks_like=missing or looks_like(value, truth, worst.task.mask),
            spoils=self.spoiled(number),
        )

    def explained(self, found: list[StatementVerdict]) -> list[StatementVerdict]:
        """Return the verdicts with what was meant; of several wrong statements with one cause, the cause alone."""
        wrong = {s: self.statement_of(s) for s in found if not s.ok and s.verdict is not Verdict.NOT_JUDGED}
        self.repair.explain(list({statement.number: statement for statement in wrong.values()}.values()))
        cause = self.repair.cause
        if cause is None or cause.statement is None or (len(wrong) == 1 and not self.repair.is_elsewhere):
            explained = [self.with_suggestion(s, wrong[s]) if s in wrong else s for s in found]
            return [self.if_sure(s, wrong[old]) if old in wrong else s for old, s in zip(found, explained, strict=True)]
        own = [s for s, statement in wrong.items() if statement.number == cause.statement.number]
        if own:
            return [self.with_suggestion(s, wrong[s]) if s in wrong else s for s in found if s not in wrong or s in own]
        first, statement = next(iter(wrong)), cause.statement
        names = listed(list(dict.fromkeys(s.name for s in wrong)))
        names += f" of line {first.line}" if len(wrong) == 1 else ""
        verdict = first._replace(
            line=statement.line,
            end_line=statement.end_line,
            function=statement.function,
            text=self.source(statement),
            name=", ".join(sorted(set_names(statement))),
            verdict=Verdict.WRONG,
            message=f"{names} {'are' if len(wrong) > 1 else 'is'} wrong because of it",
            of="",
            of_line=0,
            of_text="",
            worst=None,
            looks_like="",
            spoils=tuple(dict.fromkeys(name for s in wrong for name in s.spoils)),
            column=statement.column,
            end_column=statement.end_column,
        )
        others = [s for s in found if s not in wrong and s.at != statement.at]
        return [*others, self.with_suggestion(verdict, self.statement_of(first))]

    def statement_of(self, found: StatementVerdict) -> Statement:
        """Return the statement that a verdict is about."""
        return next(
            s
            for s in self.pair.program.probe.statements
            if (s.at, s.function, s.end_line) == (found.at, found.function, found.end_line)
        )

    def raising(self, named: set[tuple[int, int]]) -> list[StatementVerdict]:
        """Return the verdicts on statements that raise, and that nothing tells the meaning of."""
        return [
            StatementVerdict(
                s.line,
                s.end_line,
                s.function,
                self.source(s),
                ", ".join(filter(None, map(names_of, targets(s.node)))) or "the result",
                Verdict.WRONG,
                f"it raises {message}",
                column=s.column,
                end_column=s.end_column,
            )
            for at, message in self.judge.judged.raised.items()
            for s in self.pair.program.probe.statements
            if s.at == at and at not in named
        ]

    def with_suggestion(self, found: StatementVerdict, statement: Statement) -> StatementVerdict:
        """Return a verdict with the statement that was meant."""
        meant = self.repair.suggestion(statement)
        return found._replace(
            suggestion=meant.text,
            suggestion_line=meant.statement.line if meant.statement else 0,
            suggestion_end=meant.statement.end_line if meant.statement else 0,
            suggestion_column=meant.statement.column if meant.statement else 0,
            suggestion_end_column=meant.statement.end_column if meant.statement else 0,
            grade=meant.grade,
            others=meant.others,
            tried=meant.tried,
        )

    def if_sure(self, found: StatementVerdict, statement: Statement) -> StatementVerdict:
        """Return a verdict: not judged, if no edit helps and what the statement reads is not a derivative of the loss.

        The loss that a training loop prints is not always the one whose derivatives it works out.
        """
        if self.pair.backward is not None or found.suggestion:
            return found
        read = [task for task in self.judge.misread if computes_with(statement.node, task.event.name)]
        if not read:
            return found
        task = read[0]
        unsure = found._replace(
            verdict=Verdict.NOT_JUDGED,
            message=f"it reads {task.name} of line {task.statement.line}, which is not the derivative for "
            f"{task.candidates[0].name}: is the loss another one?",
            worst=None,
            looks_like="",
        )
        self.unsure.append(unsure)
        return unsure

    def rule(self, ordinal: int) -> str:
        """Return the statement of the forward pass that sets a value, or say whose argument it is."""
        site = self.judge.forward.events[ordinal].site
        if site.kind is Kind.ENTRY:
            return f"an argument of {site.statement.function}"
        if site.kind is Kind.OUTSIDE and isinstance(site.statement.node, ast.FunctionDef):
            return f"{site.name}, set outside of {site.statement.node.name}"
        return ast.unparse(site.statement.node).splitlines()[0]

    def source(self, statement: Statement) -> str:
        """Return a statement as it stands, without others on its lines; of a loop or condition, its first line."""
        node, end = statement.node, statement.end_line
        if isinstance(node, (ast.For, ast.While, ast.If, ast.With)):
            end = node.body[0].lineno - 1
        text = self.pair.program.text(statement.line, max(end, statement.line))
        rows = [row.encode() for row in text.split("\n")]
        before, behind = rows[0][: statement.column], rows[-1][statement.end_column :]
        if before.rstrip().endswith(b";") or behind.lstrip().startswith(b";"):
            rows[-1] = rows[-1][: statement.end_column]
            rows[0] = rows[0][statement.column :]
        return b"\n".join(rows).decode()

    def missing(self, verdict: ValueVerdict) -> str:
        """Say which uses of a value a derivative leaves out, if it is the sum over the others."""
        target, value = verdict.candidate.target, values.array(verdict.value) / verdict.factor
        if verdict.candidate.part or verdict.candidate.index is not None or verdict.task.mask is not None:
            return ""
        uses = [
            event
            for events in self.judge.matching.uses.values()
            for event in events
            if self.judge.matching.versions.get(event.ordinal) == target.ordinals[0]
            and values.shape(event.value) == target.shape
        ]
        if not 2 <= len(uses) <= 6 or value.shape != target.shape:
            return ""
        for left_out in range(len(uses)):
            others = tuple(event.ordinal for k, event in enumerate(uses) if k != left_out)
            part = type(target)(others, (), target.shape)
            if self.judge.truth.agrees(part, value, None):
                line = uses[left_out].site.line
                return f"the part through line {line} is missing: {self.pair.program.text(line, line).strip()}"
        return ""

    # Returned values

    def result_verdicts(self, wrong_lines: set[int]) -> list[StatementVerdict]:
        found: list[StatementVerdict] = []
        misfits = {v.task.event.name for v in self.judge.judged.wrong if _is_misfit(v)}
        for verdict in _first_misfits(self.judge.judged.results):
            result = verdict.result
            if verdict.right is not False or result.statement.line in wrong_lines:
                continue
            if verdict.reason and any(name in misfits for name in (result.text, result.argument)):
                continue
            worst = looks = None
            raised = self.judge.judged.raised.get(result.statement.at, "")
            if (
                not raised
                and values.differentiable(verdict.value)
                and values.shape(verdict.value) == result.target.shape
            ):
                value, truth = values.array(verdict.value), self.judge.truth.adjoint(result.target)
                worst, looks = _worst(value, truth), looks_like(value, truth, None)
            found.append(
                StatementVerdict(
                    result.statement.line,
                    result.statement.end_line,
                    result.statement.function,
                    self.source(result.statement),
                    result.text,
                    Verdict.DOES_NOT_FIT if verdict.reason else Verdict.WRONG,
                    f"it raises {raised}" if raised else f"{result.text}: {verdict.reason}" if verdict.reason else "",
                    result.argument,
                    self.line_of(result.target),
                    passes=1,
                    wrong_passes=1,
                    worst=worst,
                    looks_like=looks or "",
                    spoils=(result.text,),
                    column=result.statement.column,
                    end_column=result.statement.end_column,
                )
            )
        return self.exchanged(found)

    def exchanged(self, found: list[StatementVerdict]) -> list[StatementVerdict]:
        """Return the verdicts on what is returned; where the same statement only exchanges it, in one."""
        wrong = [v for v in self.judge.judged.results if v.right is False and not v.reason]
        for number in dict.fromkeys(v.result.statement.number for v in wrong):
            own = [v for v in wrong if v.result.statement.number == number]
            if len(own) < 2 or not all(any(self.agrees(o.result.target, v.value) for o in own) for v in own):
                continue
            statement = own[0].result.statement
            same = [s for s in found if (s.at, s.function) == (statement.at, statement.function)]
            texts = [v.result.text for v in own]
            if len(same) == len(own):
                one = same[0]._replace(
                    name=", ".join(texts),
                    message=f"{listed(texts)} are exchanged",
                    of="",
                    of_line=0,
                    worst=None,
                    looks_like="",
                    spoils=tuple(texts),
                )
                found = [s for s in found if s not in same] + [one]
        return found

    def line_of(self, target: Target) -> int:
        """Return the line of the forward pass that sets a target."""
        return self.judge.forward.events[target.ordinals[0]].site.line

    def right_return(self, lines: set[int]) -> list[StatementVerdict]:
        """Return the verdict on a return statement that computes what it returns, if that is right."""
        results = [verdict for verdict in self.judge.judged.results if verdict.right]
        computed = [r for r in results if _is_computed(r.result) and r.result.statement.line not in lines]
        if not computed:
            return []
        result = computed[0].result
        found = StatementVerdict(
            result.statement.line,
            result.statement.end_line,
            result.statement.function,
            self.source(result.statement),
            result.text,
            Verdict.RIGHT,
            of=result.argument,
            column=result.statement.column,
            end_column=result.statement.end_column,
        )
        return [found]

    def wrong_as_it_stands(self) -> list[str]:
        """Return the names of what is returned wrong, as the code stands."""
        found = []
        for result, value in result_values(self.judge.results, self.judge.returned):
            if not self.agrees(result.target, value):
                found.append(result.text)
        if not isinstance(self.judge.returned, tuple) or self.pair.backward is None:
            left = [task for task in self.judge.tasks.values() if self.judge.is_left(task)]
            found += [task.name for task in left if self.judge.is_wrong(task, task.event.value)]
        return list(dict.fromkeys(found))

    def agrees(self, target: Any, value: Any) -> bool:
        """Return whether a value is the derivative for a target, with its shape."""
        if not values.is_numeric(value) or values.shape(value) != target.shape:
            return False
        factors = [1.0] if self.judge.end_factor is None else [1.0, self.judge.end_factor]
        return any(self.judge.truth.agrees(target, values.array(value) / f, None) is not False for f in factors)

    def spoiled(self, number: int) -> tuple[str, ...]:
        """Return the names of what is returned wrong because of a statement alone."""
        truths: dict[int, Array] = {}
        statements: dict[int, int] = {}
        for verdict in self.judge.judged.wrong:
            if verdict.truth is not None:
                truths[verdict.task.event.ordinal] = verdict.truth
                statements[verdict.task.event.ordinal] = verdict.task.statement.number
        listener = Forced(truths, statements, number)
        _, returned = self.pair.run_backward(listener)
        left = [task for task in self.judge.tasks.values() if self.judge.is_left(task)]
        spoiled = [
            result.text
            for result, value in result_values(self.judge.results, returned)
            if not self.agrees(result.target, value)
        ]
        spoiled += [t.name for t in left if not self.right_value(t, listener.seen.get(t.event.ordinal))]
        return tuple(dict.fromkeys(spoiled))

    def right_value(self, task: Task, value: Any) -> bool:
        """Return whether a value that is left is right."""
        return values.differentiable(value) and self.judge.is_right(task, value)

    # Around them

    def notes(self) -> list[str]:
        """Say what the backward pass changes in place of what the forward pass made."""
        found: dict[str, None] = dict.fromkeys(self.kinds_of_numbers())
        if not self.judge.forces:
            found[
                "with the truth in the place of what is wrong the code raises: one mistake may mark several statements"
            ] = None
        named = {verdict.task.statement.line for verdict in self.judge.judged.verdicts}
        for line, _ in self.judge.judged.raised:
            if line not in named and self.judge.returned is None:
                found[f"what comes after line {line} is not judged: --name says what its result is for"] = None
        cost = self.pair.binding.cost
        if cost is not None and cost.function:
            found[f"the loss is {cost.function}, and {cost.parameter} is drawn"] = None
        if self.pair.loss_in_words:
            drawn = f", and {cost.parameter} is drawn" if cost is not None and cost.parameter else ""
            words = self.pair.loss_in_words
            found[f"the loss is taken to be {words}, since none is computed here{drawn}"] = None
        if self.pair.backward is None:
            return [*found, *self.order()]
        for event in self.judge.backward.events:
            adds = event.kind is Kind.ASSIGNED and isinstance(event.site.statement.node, ast.AugAssign)
            in_place = event.kind is Kind.STORED or adds
            origins = self.judge.matched.seen.by_identity.get(event.place, ()) if event.place and in_place else ()
            names = dict.fromkeys((o.name, o.site.line) for o in origins if o.name and o.kind is not Kind.EXPRESSION)
            for name, line in names:
                found[f"line {event.site.line} changes {name} of line {line}, of the forward pass, in place"] = None
                break
        return list(found)

    def order(self) -> Iterator[str]:
        """Say that a function of both passes returns derivatives in another order than it takes what they are for."""
        names = self.pair.argument_names()
        own = [r for r in self.judge.results if len(r.path) == 1 and r.argument in names]
        taken = sorted(own, key=lambda r: names.index(r.argument))
        if taken != own:
            texts, arguments = listed([r.text for r in own]), listed([r.argument for r in taken])
            yield f"{texts} are returned in another order than {arguments} are taken"

    def kinds_of_numbers(self) -> Iterator[str]:
        """Say which arguments have no derivative although one is returned, and which precision was replaced."""
        for name, value in self.pair.arguments().items():
            if isinstance(value, np.ndarray) and value.dtype.kind in "iu":
                if self.returned_for(name):
                    yield f"{name} holds whole numbers, and has no derivative: give it as floats to have its own judged"
            elif any(values.is_single(leaf) for _, leaf in values.leaves(value)):
                yield f"{name} is computed in float64 here, not in its own precision"
        for node in ast.walk(self.pair.program.tree):
            word = node.attr if isinstance(node, ast.Attribute) else getattr(node, "value", None)
            if isinstance(word, str) and word in FLOAT32:
                yield f"{word} is computed in float64 here"
                break

    def returned_for(self, name: str) -> list[str]:
        """Return the names in the backward pass that would be the derivative for an argument."""
        names = {event.name for event in self.judge.backward.events if event.kind is Kind.ASSIGNED}
        return [other for other in names if name in stripped(other)]

    def convention(self) -> str:
        """Say which factor the derivatives in between carry."""
        if self.judge.end_factor is not None:
            verdicts = self.judge.judged.verdicts
            ends = listed(list(dict.fromkeys(v.task.name for v in verdicts if v.factor != 1.0 and v.right)))
            share = times(self.judge.end_factor).removeprefix("it is ")
            return f"{ends} are {share}, as if the loss were a mean over {round(1 / self.judge.end_factor)} examples"
        if self.judge.factor is None:
            return ""
        names = list(dict.fromkeys(v.task.name for v in self.judge.judged.verdicts if v.factor != 1.0 and v.right))
        factor = self.judge.factor
        return f"{listed(names)} {'is' if len(names) == 1 else 'are'} {factor:.6g} times the derivative, by convention"

    def unjudged(self) -> list[tuple[str, int, str]]:
        """Return what was not judged: names that look like derivatives first, then those that mean something else."""
        found: dict[tuple[str, int], str] = {}
        forward = set(self.judge.matching.by_name)
        for events in self.judge.unnamed.values():
            event = events[0]
            if event.name in forward:
                continue
            candidates = self.judge.matched.candidates(event, False)
            reason = "no name of the forward pass fits"
            if candidates:
                other = candidates[0]
                reason = f"its shape is {values.shape(event.value)}, and {other.name} has {other.target.shape}"
            found[event.name, event.site.line] = reason
        right = bool(self.judge.misread) and self.judge.right_as_it_stands()
        for task in self.judge.misread:
            name = task.candidates[0].name
            reason = f"it is not the derivative for {name}"
            found[task.name, task.statement.line] = reason + (", and what it leads to is right" if right else "")
        for event in self.judge.backward.events:
            name = event.name
            judged = any(task.event.site is event.site for task in self.judge.tasks.values())
            if (
                event.kind in (Kind.ASSIGNED, Kind.ITEM)
                and not judged
                and looks_like_derivative(name)
                and values.differentiable(event.value)
                and (name, event.site.line) not in found
                and not any(k[0] == name for k in found)
                and name not in {t.name for t in self.judge.tasks.values()}
                and name not in forward
            ):
                found[name, event.site.line] = "no name of the forward pass fits"
        return [(name, line, reason) for (name, line), reason in found.items()]


def _is_computed(result: Result) -> bool:
    """Return whether a return statement computes a part of what it returns, and does not only name it."""
    node: ast.AST | None = result.statement.node.value if isinstance(result.statement.node, ast.Return) else None
    for key in result.path:
        if isinstance(node, ast.Tuple | ast.List) and isinstance(key, int) and key < len(node.elts):
            node = node.elts[key]
        elif isinstance(node, ast.Dict):
            named = zip(node.keys, node.values, strict=True)
            node = next((value for k, value in named if isinstance(k, ast.Constant) and k.value == key), None)
        else:
            return not result.text.isidentifier()
    return not isinstance(node, ast.Name)


def _first_misfits(results: Iterable[ResultVerdict]) -> Iterator[ResultVerdict]:
    """Yield verdicts on what is returned; of one list or dict the first part alone that does not fit."""
    seen = set[tuple[int, values.Path]]()
    for verdict in results:
        element = verdict.result.statement.number, verdict.result.path[:1]
        if not (verdict.reason and element in seen):
            yield verdict
        if verdict.reason:
            seen.add(element)


def _is_misfit(verdict: ValueVerdict) -> bool:
    """Return whether a value has not the shape that it should have."""
    return verdict.truth is not None and verdict.value.shape != verdict.truth.shape


def _distance(verdict: ValueVerdict) -> float:
    value = values.array(verdict.value)
    if verdict.truth is None or value.shape != verdict.truth.shape:
        return float("inf")
    return float(np.max(np.abs(np.nan_to_num(value - verdict.truth, nan=np.inf)), initial=0.0))


def _worst(value: Array, truth: Array) -> WorstEntry:
    apart = np.abs(np.nan_to_num(value - truth, nan=np.inf))
    index = tuple(int(k) for k in np.unravel_index(int(np.argmax(apart)), apart.shape))
    return WorstEntry(index, float(truth[index]), float(value[index]))


def looks_like(value: Array, truth: Array, mask: Array | None) -> str:
    """Say what a wrong value is in terms of the right one: a number of times it, transposed, zero."""
    if mask is not None:
        value, truth = value[mask], truth[mask]
    size = float(np.sum(truth**2))
    if not np.all(np.isfinite(value)):
        return "it is not finite"
    if not np.any(value) or not size:
        return "the derivative is zero" if np.any(value) else "it is zero"
    ratio = float(np.sum(value * truth)) / size
    if ratio and np.allclose(value, ratio * truth, 1e-5, 1e-8 * abs(ratio) * size**0.5):
        return times(ratio)
    square = value.ndim == 2 and value.shape[0] == value.shape[1]
    return "it is transposed" if square and np.allclose(value, truth.T, 1e-5) else ""


def times(ratio: float) -> str:
    """Say that a value is a number of times the derivative."""
    if abs(ratio - 1) < 1e-5:
        return ""
    if abs(ratio + 1) < 1e-6:
        return "it has the opposite sign"
    below = round(1 / ratio)
    if abs(ratio) < 1 and abs(below - 1 / ratio) < 1e-5:
        return f"it is {'-' if below < 0 else ''}1/{abs(below)} of the derivative"
    return f"it is {ratio:.6g} times the derivative"
