"""The statement that was meant: edits of a wrong one, or of one that it is made from, that are right at every point."""

from __future__ import annotations

import ast
import heapq
import math
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from functools import cached_property
from itertools import takewhile
from types import ModuleType
from typing import Any, NamedTuple

import numpy as np

from tinyad.code import values
from tinyad.code.edit_ranks import EditKind
from tinyad.code.edits import Edit, Scope, edits
from tinyad.code.elementwise import usual_forms, wrong_derivatives
from tinyad.code.judge import Judge, computes_with
from tinyad.code.limits import (
    AUXILIARY_TRIALS,
    CAUSE_MARGIN,
    CAUSE_SECONDS,
    DISTANCE,
    PAIRS,
    POINTS,
    RERUNS,
    RULE_SECONDS,
    SEARCH_SECONDS,
    TRIALS,
)
from tinyad.code.names import canonical, looks_like_derivative
from tinyad.code.probes import Statement, names_of
from tinyad.code.rerun import Rerun, suspects
from tinyad.code.rule_statements import by_the_rules
from tinyad.code.same_formula import same_formula
from tinyad.code.search import SearchResult, first_of, search
from tinyad.code.splice import Source
from tinyad.code.surroundings import Surroundings
from tinyad.code.trial import Trial
from tinyad.code.verdicts import Grade

COMPOUND = (ast.For, ast.While, ast.If, ast.With, ast.FunctionDef)


class OutOfTime(BaseException):
    """The end of a search that takes too long."""


class Suggestion(NamedTuple):
    """The statement that changes, its new text and how sure that is; no statement if nothing was found."""

    statement: Statement | None
    text: str
    grade: str
    others: tuple[str, ...]
    tried: int
    rank: float = math.inf


PASSING_ON = (EditKind.NAME, EditKind.INDEX, EditKind.ORDER)  # mistakes where nothing is computed

NONE = Suggestion(None, "", "", (), 0)


class Repair:
    """Finds what was meant for wrong statements; judges: of the same pair at several sample points."""

    def __init__(
        self,
        judge: Judge,
        other_points: Callable[[bool], Sequence[Judge]],
        other_sizes: Callable[[], Judge | None],
    ) -> None:
        self.judge = judge
        self.program = judge.pair.program
        self.other_points = other_points
        self.other_sizes = other_sizes
        self.others: dict[bool, Sequence[Judge]] = {}
        self.alone = False  # one statement is wrong: with the right one in its place, all that is returned is right
        self.known: dict[int, Suggestion] = {}
        self.texts: dict[int, str] = {}
        self.cause: Suggestion | None = None
        self.by_itself = False  # an edit of the one wrong statement makes all right too
        self.until = math.inf

    def explain(self, wrong: Sequence[Statement]) -> None:
        """Find what was meant for all wrong statements: what one of them should be, or one that they depend on."""
        self.until = time.process_time() + SEARCH_SECONDS
        try:
            self._explain(wrong)
        except OutOfTime:
            for statement in wrong:
                self.known.setdefault(statement.number, NONE)
            self.cause = self.cause or self._own_cause(wrong)
            if self.cause is not None:
                self.known = dict.fromkeys(self.known, self.cause)
            else:
                self._write_out(wrong)
        self._grade()

    def _write_out(self, wrong: Sequence[Statement]) -> None:
        """Find what the rules give for what is not explained, after the search was too long."""
        self.until = time.process_time() + RULE_SECONDS
        with suppress(OutOfTime):
            self._fill([s for s in wrong if not self.known[s.number].text], self._by_the_rules)

    def _explain(self, wrong: Sequence[Statement]) -> None:
        self.alone = len(wrong) == 1
        self.cause = self._wrong_helper() if wrong and self.shows else None
        if self.cause is None and len(wrong) > 1:
            own = [{s.number: s for s in [statement, *suspects(self.judge, [statement])]} for statement in wrong]
            shared = [s for number, s in own[0].items() if all(number in other for other in own)]
            self.cause = self._common_cause(shared, math.inf, min(self.until, time.process_time() + CAUSE_SECONDS))
        for statement in wrong if self.cause is None else ():
            self.known[statement.number] = self._searched(statement, None, TRIALS, changes=1)
        unexplained = [s for s in wrong if self.cause is None and self.known[s.number].grade in ("", Grade.POSSIBLE)]
        self.by_itself = self.alone and self.cause is None and not unexplained
        if self.cause is None and wrong:
            limit = self.known[wrong[0].number].rank - CAUSE_MARGIN if self.by_itself else math.inf
            found = [*unexplained, *suspects(self.judge, wrong)]
            self.cause = self._own_cause(wrong) or self._common_cause(found, limit, self.until)
        if self.cause is not None:
            self.known.update({statement.number: self.cause for statement in wrong})
            return
        self._fill(unexplained, self._made_from_another)
        open_ones = [statement for statement in wrong if not self.known[statement.number].text]
        if len(open_ones) == 1 and self.shows:
            self._fill(open_ones, self._with_the_others)
        for find in (self._by_the_rules, self._with_two_changes):
            self._fill([s for s in unexplained if self.known[s.number].grade in ("", Grade.POSSIBLE)], find)

    def _fill(self, statements: Iterable[Statement], find: Callable[[Statement], Suggestion]) -> None:
        """Keep what is found for some statements."""
        for statement in statements:
            other = find(statement)
            if other.text:
                self.known[statement.number] = other

    def _wrong_helper(self) -> Suggestion | None:
        """Return what a statement should be of a function such as sigmoid_prime, if that is not the derivative."""
        wrong = wrong_derivatives(self.judge)
        inside = [s for s in self.program.probe.statements if s.function in wrong]
        found = self._common_cause(inside, math.inf, self.until) if inside else None
        for statement in inside if found is None else ():
            rerun = Rerun([self.judge, *self.points(judged=False)], statement)
            for tried, text in enumerate(usual_forms(self.text(statement), wrong[statement.function])):
                if rerun.fits(text):
                    return Suggestion(statement, text, Grade.LIKELY, (), tried)
        return found

    def _with_the_others(self, statement: Statement) -> Suggestion:
        """Return what the one statement should be that is not explained, with what was found for the others."""
        found = {s.statement.number: s for s in self.known.values() if s.text and s.statement is not None}
        others = [s.statement for s in found.values() if s.statement is not None]
        texts = [s.text for s in found.values()]
        text = self.text(statement)
        if not others or not text or statement.number in found:
            return NONE
        here = Rerun([self.judge], statement, *others)
        for tried, edit in enumerate(edits(text, self.scope(Trial(self.judge, statement), statement))):
            if tried >= RERUNS or time.process_time() > self.until:
                break
            if here.fits(edit.text, *texts):
                everywhere = Rerun([self.judge, *self.points(judged=False)], statement, *others)
                if everywhere.fits(edit.text, *texts):
                    return Suggestion(statement, edit.text, Grade.LIKELY, (), tried, edit.rank)
        return NONE

    def _grade(self) -> None:
        """Call what was found certain if with all of it the program is right, at all points and with other sizes."""
        found = {s.statement.number: s for s in self.known.values() if s.statement is not None}
        statements = [s.statement for s in found.values() if s.statement is not None]
        if not found or any(not s.text for s in self.known.values()):
            holds = False
        else:
            judges = [self.judge, *self.points(judged=False), *self.sizes]
            enough = len(judges) - len(self.sizes) >= POINTS
            holds = enough and Rerun(judges, *statements).fits(*(s.text for s in found.values()))
        if holds and not self.sizes:
            holds = not any(self._changes_a_size(s, found[s.number].text) for s in statements)
        holds = holds and not any(self._rests_on_zeros(s, found[s.number].text) for s in statements)
        for number, one in self.known.items():
            if one.text and one.grade != Grade.POSSIBLE:
                self.known[number] = one._replace(grade=Grade.CERTAIN if holds else Grade.LIKELY)
        if self.cause is not None and self.known:
            self.cause = next(iter(self.known.values()))

    def _changes_a_size(self, statement: Statement, text: str) -> bool:
        """Return whether an edit has another factor, and that may stand for a size that happens to be this number."""
        sizes = {size for event in self.judge.forward.events for size in values.shape(event.value)} - {1}
        changed = factors_in(self.text(statement)) ^ factors_in(text)
        if not changed.isdisjoint({size**power for size in sizes for power in (1, -1)}):
            return True
        known = self.scope(Trial(self.judge, statement), statement).sizes
        others = {part for part in _parts(text) ^ _parts(self.text(statement)) if part in known}
        return any(known[one] in sizes for one in others)

    def _rests_on_zeros(self, statement: Statement, text: str) -> bool:
        """Return whether an edited statement computes with a name that holds zeros alone, wherever it was tried."""
        judges = [self.judge, *self.points(judged=False)]
        seen = [snapshot.names for judge in judges for snapshot in Trial(judge, statement).snapshots]
        for name in _parts(text):
            held = [values.array(names[name]) for names in seen if values.is_numeric(names.get(name))]
            if held and not any(map(np.any, held)):
                return True
        return False

    @property
    def is_elsewhere(self) -> bool:
        """Whether what is wrong is not the statement whose value is wrong, but another one, for certain."""
        return self.cause is not None and self.cause.grade == Grade.CERTAIN and not self.by_itself

    def suggestion(self, statement: Statement) -> Suggestion:
        """Return what a wrong statement should be; else what one that it is made from should be."""
        return self.known[statement.number]

    def _own_cause(self, wrong: Sequence[Statement]) -> Suggestion | None:
        """Return what was found for one of several wrong statements, if it makes all right."""
        for statement in wrong if len(wrong) > 1 else ():
            found = self.known[statement.number]
            if found.text and Rerun([self.judge, *self.points(judged=False)], statement).fits(found.text):
                return found
        return None

    def _common_cause(self, found: Sequence[Statement], limit: float, until: float) -> Suggestion | None:
        """Return the edit of one of some statements that makes all right that is returned, the likeliest first."""
        merged: list[Iterator[tuple[float, int, Edit]]] = []
        for number, statement in enumerate(found if self.shows else ()):
            text = self.text(statement)
            scope = self.scope(Trial(self.judge, statement), statement) if text else None
            if scope is not None:
                singles = takewhile(lambda edit: edit.rank < limit, _likely(edits(text, scope), statement))
                merged.append(_numbered(singles, number))
        reruns: dict[int, Rerun] = {}
        unsure: Suggestion | None = None
        for tried, (_, number, edit) in enumerate(heapq.merge(*merged)):
            if tried >= RERUNS or time.process_time() > until:
                break
            if number not in reruns:
                reruns[number] = Rerun([self.judge], found[number])
                if reruns[number].fits(self.text(found[number])):
                    return None
            if not reruns[number].fits(edit.text):
                continue
            if Rerun([self.judge, *self.points(judged=False)], found[number]).fits(edit.text):
                suggestion = Suggestion(found[number], edit.text, Grade.LIKELY, (), tried, edit.rank)
                if not self.sizes or Rerun(self.sizes, found[number]).fits(edit.text):
                    return suggestion
                unsure = unsure or suggestion
        return unsure

    def _made_from_another(self, statement: Statement) -> Suggestion:
        """Return what one should be that a wrong statement is made from."""
        for earlier in self._made_from(statement):
            other = self._searched(earlier, statement, AUXILIARY_TRIALS, changes=1)
            if other.text:
                return other
        return NONE

    def _by_the_rules(self, statement: Statement) -> Suggestion:
        """Return the statement as the rules of differentiation give it, in names that it can use."""
        scope = self.scope(Trial(self.judge, statement), statement)
        try:
            around = Surroundings(Source(self.text(statement)), scope)
        except SyntaxError:
            return NONE
        candidates = by_the_rules(self.judge, statement, around, self.of_the_forward)
        return self._searched(statement, None, TRIALS, changes=1, candidates=candidates)

    def _with_two_changes(self, statement: Statement) -> Suggestion:
        """Return a wrong statement with two changes."""
        return self._searched(statement, None, PAIRS, changes=2)

    def _searched(
        self,
        statement: Statement,
        until: Statement | None,
        limit: int,
        changes: int,
        candidates: Iterable[Edit] | None = None,
    ) -> Suggestion:
        text = self.text(statement)
        if not text or isinstance(statement.node, COMPOUND):
            return NONE
        trials = [Trial(self.judge, statement, until)]
        if not any(snapshot.tasks for snapshot in trials[0].snapshots) and not trials[0].returns:
            return NONE
        if trials[0].fits(text):
            return NONE  # nothing tells that it is wrong
        whole = self.alone and self.shows and until is None and self._is_changed_later(statement)
        unsure: dict[Grade, str] = {}  # what is right in some respects, the first of each

        def fits(edited: str) -> bool:
            if time.process_time() > self.until:
                raise OutOfTime
            if not (whole or trials[0].fits(edited)):
                return False
            if self.alone and self.shows:
                return self._makes_all_right(statement, edited, unsure)
            if len(trials) == 1:
                trials.extend(Trial(judge, statement, until) for judge in self.points(judged=True))
            return all(trial.fits(edited) for trial in trials[1:])

        if candidates is None:
            found = search(text, self.scope(trials[0], statement), fits, limit, changes)
        else:
            found = first_of(candidates, text, fits, limit)
        return _suggested(statement, found, unsure)

    def _is_changed_later(self, statement: Statement) -> bool:
        """Return whether others change what a statement sets: then it need not be what it leads to."""
        numbers = [[event.site.statement.number for event in chain.events] for chain in self.judge.chains]
        return any(statement.number in own and own[-1] != statement.number for own in numbers)

    def _makes_all_right(self, statement: Statement, edited: str, unsure: dict[Grade, str]) -> bool:
        """Return whether the program with an edited statement is right, with other values and other sizes.

        unsure: gets an edit that is not, but makes right what the statement sets here.
        """
        if not Rerun([self.judge, *self.points(judged=False)], statement).fits(edited):
            unsure.setdefault(Grade.POSSIBLE, edited)
            return False
        if self.sizes and not Rerun(self.sizes, statement).fits(edited):
            unsure.setdefault(Grade.LIKELY, edited)
            return False
        return True

    @cached_property
    def shows(self) -> bool:
        """Whether derivatives are returned or left, so that a run shows whether all is right."""
        return bool(self.judge.results) or any(map(self.judge.is_left, self.judge.tasks.values()))

    @cached_property
    def sizes(self) -> Sequence[Judge]:
        """The judge of the pair with other sizes, if there is one."""
        found = None if self.judge.end_factor is not None else self.other_sizes()
        return [] if found is None else [found]

    def points(self, judged: bool) -> Sequence[Judge]:
        """Return judges of the pair at other points; those that have judged know what every value should be."""
        if judged not in self.others:
            self.others[judged] = self.other_points(judged)
        return self.others[judged]

    def text(self, statement: Statement) -> str:
        """Return a statement as its author wrote it, without what stands around it."""
        if statement.number not in self.texts:
            self.texts[statement.number] = ast.get_source_segment(self.program.source, statement.node) or ""
        return self.texts[statement.number]

    @cached_property
    def of_the_forward(self) -> set[int]:
        """The numbers of the statements of the forward pass; where one function has both, of those before the loss."""
        loss = self.judge.pair.loss_event(self.judge.forward)
        if loss is not None:
            events = self.judge.forward.events[: loss + 1]
            return {e.site.statement.number for e in events if not looks_like_derivative(canonical(e.name))}
        called = {call.function for call in self.judge.forward.calls.values()}
        return {s.number for s in self.program.probe.statements if s.function in called}

    def _made_from(self, statement: Statement) -> Iterator[Statement]:
        """Yield the statements before a wrong one that it reads and that no verdict is about, the nearest first."""
        judged = {task.statement.number for task in self.judge.tasks.values()}
        own = [
            other
            for other in self.program.probe.statements
            if other.function == statement.function and other.line < statement.line
            if other.number not in judged and other.number not in self.of_the_forward
        ]
        readers: list[ast.stmt] = [statement.node]
        for other in reversed(own):
            names = [_set_name(target) for target in _targets(other.node)]
            if any(name and _uses(reader, name) for name in names for reader in readers):
                readers.append(other.node)
                yield other

    def scope(self, trial: Trial, statement: Statement) -> Scope:
        """Return what a statement can use."""
        names = trial.snapshots[0].names if trial.snapshots else {}
        found = dict(_reachable(names))
        for name in self.program.functions:
            if "." not in name and not name.startswith("example"):
                found.setdefault(name, self.program.namespace.get(name))
        for node in ast.walk(self.program.tree):  # and those that are imported and called
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and "__" not in node.func.id:
                function = self.program.namespace.get(node.func.id)
                if callable(function) and not isinstance(function, type):
                    found.setdefault(node.func.id, function)
        sizes = {
            text: int(value)
            for text, value in found.items()
            if isinstance(value, (int, np.integer)) and not isinstance(value, bool)
        }
        for text, value in list(found.items()):
            for axis, size in enumerate(values.shape(value)[:4]):
                sizes.setdefault(f"{text}.shape[{axis}]", size)
        loops = [
            loop.variable
            for event in trial.judge.backward.events
            if event.site.statement.number == statement.number
            for loop in event.loops
        ]
        sizes = {text: size for text, size in sizes.items() if text not in loops}
        statements = [s for s in self.program.probe.statements if not isinstance(s.node, COMPOUND)]
        statements = [s for s in statements if s.number != statement.number]
        first = self.of_the_forward
        backward = [self.text(s) for s in statements if s.function == statement.function and s.number not in first]
        forward = [self.text(s) for s in statements if s.number in first]
        return Scope(found, sizes, backward, forward, list(dict.fromkeys(filter(None, loops))))


def _suggested(statement: Statement, found: SearchResult, unsure: Mapping[Grade, str]) -> Suggestion:
    """Return the first of what a search found; else what was right in some respects."""
    if found.found:
        best = found.found[0]
        others = [edit.text for edit in found.found[1:] if not same_formula(edit.text, best.text)]
        return Suggestion(statement, best.text, Grade.LIKELY, tuple(others[:2]), found.tried, best.rank)
    kept = next((grade for grade in (Grade.LIKELY, Grade.POSSIBLE) if grade in unsure), None)
    if kept is None:
        return NONE._replace(tried=found.tried)
    return Suggestion(statement, unsure[kept], kept, (), found.tried)


def _parts(text: str) -> set[str]:
    """Return the names and items that a statement computes with, as text."""
    value = getattr(ast.parse(text).body[0], "value", None)
    nodes = ast.walk(value) if isinstance(value, ast.expr) else ()
    return {ast.unparse(node) for node in nodes if isinstance(node, ast.Name | ast.Subscript)}


def factors_in(text: str) -> set[float]:
    """Return the numbers that a statement multiplies or divides by."""
    products = (n for n in ast.walk(ast.parse(text)) if isinstance(n, ast.BinOp))
    operands = [part for n in products if isinstance(n.op, (ast.Mult, ast.Div)) for part in (n.left, n.right)]
    return {float(p.value) for p in operands if isinstance(p, ast.Constant) and isinstance(p.value, (int, float))}


def _likely(found: Iterable[Edit], statement: Statement) -> Iterator[Edit]:
    """Yield the edits that may be meant; of a statement that only gives names, as x, w = cache, those of names."""
    value = statement.node.value if isinstance(statement.node, ast.Assign) else None
    passes_on = isinstance(value, ast.Name) and not looks_like_derivative(value.id)
    return (edit for edit in found if edit.kind in PASSING_ON or not passes_on)


def _uses(node: ast.stmt, name: str) -> bool:
    """Return whether a statement computes with a name, or changes what it holds."""
    changes = isinstance(node, ast.AugAssign) and names_of(node.target) == name
    return changes or computes_with(node, name)


def _numbered(singles: Iterable[Edit], number: int) -> Iterator[tuple[float, int, Edit]]:
    """Yield the edits of the statement that is the next but so many, by rank and distance."""
    return ((edit.rank + DISTANCE * number, number, edit) for edit in singles)


def _set_name(target: ast.expr) -> str:
    """Return the name that an assignment sets, all of it or a part."""
    name = names_of(target)
    return _set_name(target.value) if not name and isinstance(target, ast.Subscript) else name


def _targets(node: ast.stmt) -> list[ast.expr]:
    if isinstance(node, ast.Assign):
        return [t for target in node.targets for t in (target.elts if isinstance(target, ast.Tuple) else [target])]
    return [node.target] if isinstance(node, (ast.AugAssign, ast.AnnAssign)) else []


def _reachable(names: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    """Yield what can be written in a statement: names, attributes of objects, items of dicts."""
    for name, value in names.items():
        if name.startswith("__") or callable(value) or isinstance(value, ModuleType):
            continue
        yield name, value
        if isinstance(value, dict):
            yield from ((f'{name}["{key}"]', part) for key, part in value.items() if isinstance(key, str))
        elif hasattr(value, "__dict__") and not isinstance(value, np.ndarray):
            yield from ((f"{name}.{key}", part) for key, part in vars(value).items())
