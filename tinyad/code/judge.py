"""Each statement of a backward pass on its own: what was found wrong is replaced by the truth before the next one."""

from __future__ import annotations

import ast
import copy
import re
import sys
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np

from tinyad.code import values
from tinyad.code.chains import Chain, chains, settled
from tinyad.code.find import targets
from tinyad.code.limits import EXPLANATIONS, NESTING, NOTHING, RUNS, RUNS_OF_ONE
from tinyad.code.matching import Candidate, Matched, Matching
from tinyad.code.names import NUMBERED, canonical, looks_like_derivative
from tinyad.code.pair import Pair
from tinyad.code.probes import GIVEN, Frame, Kind, Listener, Site, Statement, names_of, reads
from tinyad.code.recording import Event, Recorded, Target
from tinyad.code.results import Result, arguments_of, result_values, results_of
from tinyad.code.truth import Needed, Truth
from tinyad.code.values import Array

SETS = (Kind.ASSIGNED, Kind.ITEM, Kind.STORED)


class Task(NamedTuple):
    """What is judged at an event: the candidates, and which entries.

    end: nothing reads it after, so no factor stays.  copy: it is no derivative, and has to have this value of the
    forward pass.
    """

    event: Event
    name: str
    statement: Statement
    candidates: tuple[Candidate, ...]
    mask: Array | None
    end: bool = False
    copy: Array | None = None


class Verdict(NamedTuple):
    """The verdict on one value that the backward run set.

    right: None if it could not be judged, with the reason.  truth: what it should be.  factor: how many times the
    derivative it is, by the convention that the pair follows.
    """

    task: Task
    right: bool | None
    candidate: Candidate
    value: Array
    truth: Array | None = None
    factor: float = 1.0
    reason: str = ""


class Match(NamedTuple):
    """What a value is the derivative for, and how many times it; sure: the loss has no kink there."""

    candidate: Candidate
    factor: float
    sure: bool


class ResultVerdict(NamedTuple):
    """The verdict on a part of what the backward pass returned."""

    result: Result
    right: bool | None
    value: Any
    reason: str = ""


@dataclass
class Judged:
    """What a run under judgement found; seen: values at events that no task is about; failed: it did not end."""

    verdicts: list[Verdict] = field(default_factory=list)
    results: list[ResultVerdict] = field(default_factory=list)
    seen: dict[int, Any] = field(default_factory=dict)
    failed: bool = False
    raised: dict[tuple[int, int], str] = field(default_factory=dict)  # by line and column

    @property
    def wrong(self) -> list[Verdict]:
        """The verdicts on what is wrong."""
        return [verdict for verdict in self.verdicts if verdict.right is False]

    @property
    def statements(self) -> set[int]:
        """The numbers of the statements that are wrong, and of those that return something wrong."""
        own = {verdict.task.statement.number for verdict in self.wrong}
        return own | {result.result.statement.number for result in self.results if result.right is False}

    @property
    def count(self) -> int:
        """How many statements and results are wrong."""
        if self.failed:
            return sys.maxsize
        statements = {verdict.task.statement.number for verdict in self.wrong}
        return len(statements) + sum(result.right is False for result in self.results)


class Judge:
    """A pair under judgement: its forward run, its backward run as it stands, and the truth.

    declared: name of the backward → name of the forward, as the user says.
    """

    def __init__(self, pair: Pair, declared: Mapping[str, str] | None = None) -> None:
        self.pair = pair
        forwarded = pair.run_forward(Recorded())
        self.forward = forwarded.recorded
        size = pair.size_of_loss(forwarded.result)
        self.matching = Matching(self.forward, pair.loss_event(self.forward), dict(declared or {}))
        pair.program.probe.shape_of = self._shape_of
        self.truth = Truth(pair, self.forward, size, self.matching.masks)
        self.backward = Recorded(copies=True)
        seen, self.returned = pair.run_backward(self.backward)
        self.owner = seen.owner
        self.matched = Matched(self.matching, seen.recorded if pair.backward else self.forward, self.backward)
        self.factor: float | None = None
        self.end_factor: float | None = None
        self.forces = True  # what is wrong is replaced by the truth
        self.doubtful = False  # a value was given another meaning than the one that it is right for
        self.doubts = False  # no value is
        self.matches: dict[tuple[object, ...], Match | None] = {}
        self.unnamed: dict[int, list[Event]] = {}  # by site: what looks like a derivative, and has no meaning
        self.tasks: dict[int, Task] = {}
        self.passed_on: dict[int, bool] = {}  # by site
        self.misread: list[Task] = []
        self.chains = chains(self.backward.events)
        self.chosen: dict[int, Candidate] = {}  # by ordinal: of several, what makes right what reads the value
        self.results = results_of(pair, self.matching, self.matched, self.returned)
        self._find_tasks()
        self.judged = Judged()

    # What is judged

    def _find_tasks(self) -> None:
        for chain in self.chains:
            masks = settled(chain)
            if self._begins(chain) or self._is_overwritten(chain) or self._goes_on(chain):
                continue
            for event in chain.events:
                if event.ordinal in masks and self._judged(event):
                    self._add(event, chain, masks[event.ordinal])
        self._expect_arrays()
        for event in self.backward.events:
            if event.kind is Kind.ENTRY and event.call != self.matched.top and values.differentiable(event.value):
                statement = self.backward.calls[event.call].statement
                candidates = [c for c in self.matched.candidates(event, carried=False) if c.fits]
                if candidates and statement >= 0 and looks_like_derivative(event.name):
                    blamed = self.pair.program.probe.statements[statement]
                    self.tasks[event.ordinal] = Task(event, event.name, blamed, tuple(candidates), None)

    def _shape_of(self, name: str, place: int, count: int) -> tuple[int, ...] | None:
        """Return the shape that what a name stands for has to have, or what is returned at a place."""
        for meaning in self.matching.meanings.of(name) if name else ():
            for setting in self.matching.by_name.get(meaning.name, ()):
                return setting.shape
        arguments = [] if name else [a for a in arguments_of(self.pair, self.matching) if not a.path]
        return arguments[place].shape if count <= len(arguments) else None

    def _expect_arrays(self) -> None:
        """Add the tasks for names that are returned and hold no arrays of floats."""
        for result in self.results:
            own = [e for e in self.matched.of_call[self.matched.top] if e.name == result.text and e.kind in SETS]
            if own and own[-1].kind is Kind.ASSIGNED and not values.differentiable(own[-1].value):
                event = own[-1]
                self.tasks[event.ordinal] = Task(
                    event, event.name, event.site.statement, (self._expected(result),), None, True
                )

    def _expected(self, result: Result) -> Candidate:
        line = self._line(result.target)
        return Candidate(result.target, None, result.argument, line, fits=False, expected=True)

    def _is_overwritten(self, chain: Chain) -> bool:
        """Return whether nothing reads what a chain sets before its name is set again."""
        event = chain.last
        own = [e for e in self.matched.of_call[event.call] if e.name == event.name and e.ordinal > event.ordinal]
        following = next((e for e in own if e.kind in SETS), None)
        if following is None or following.kind is not Kind.ASSIGNED or following.site.again:
            return False
        if following.occasion != event.occasion:
            return False
        first, last = event.site.statement.number, following.site.statement.number
        statements = self.pair.program.probe.statements[first + 1 : last + 1]
        return not any(reads(statement.node, event.name) for statement in statements)

    def _goes_on(self, chain: Chain) -> bool:
        """Return whether a later call adds to what a chain adds to, an item or an array from outside of the call."""
        last = chain.last
        return (
            last.call != self.matched.top
            and self._begun_outside(chain)
            and any(
                later.ordinal > last.ordinal
                and later.call != last.call
                and later.site.number == last.site.number
                and later.key == last.key
                and (last.kind is Kind.ITEM or (last.place is not None and later.place == last.place))
                for later in self.backward.events
            )
        )

    @staticmethod
    def _begun_outside(chain: Chain) -> bool:
        """Return whether a chain adds to what its call has got, from its first event on."""
        return chain.events[0].site.again and chain.events[0].kind in (Kind.ITEM, Kind.ASSIGNED)

    def _begins(self, chain: Chain) -> bool:
        """Return whether a chain only gives a name zeros, where other statements set it too."""
        event = chain.last
        if np.any(values.array(event.value)) or not _sets_zeros(event.site.statement.node):
            return False
        own = [e for e in self.matched.of_call[event.call] if e.name == event.name and e.kind in SETS]
        return any(other.ordinal not in {e.ordinal for e in chain.events} for other in own)

    def _judged(self, event: Event) -> bool:
        """Return whether an event may belong to the backward pass: in a function of both passes by its name alone."""
        if self.pair.is_step(event.site.statement.node, event.name):
            return False
        capital = event.name.startswith("D_") and bool(self.matching.meanings.of(event.name))
        return self.pair.backward is not None or looks_like_derivative(event.name) or capital or event.kind is Kind.ITEM

    def _add(self, event: Event, chain: Chain, mask: Array) -> None:
        candidates = self.matched.candidates(event, self._carried(event))
        if event is chain.last and event.call != self.matched.top and self._begun_outside(chain):
            whole = [c for c in self.matched.candidates(event, False, self.matched.seen.first) if c.fits]
            candidates = list(dict.fromkeys([*whole, *candidates]))
        if values.shape(event.value) == values.shape(chain.last.value):
            candidates += self._as_result(chain.last)  # what an earlier store has set for good is returned too
        if event is chain.last:
            candidates = self._misshaped(event, candidates) or candidates
        end = self._is_end(event)
        if end and event is chain.last and "." in event.name and self._is_left(event):
            shape = values.shape(event.value)  # what updates a parameter in place has to have its shape
            same = any(c.part or c.index is not None or c.target.shape == shape for c in candidates)
            candidates = candidates if same else [c._replace(fits=False, expected=True) for c in candidates]
        if not any(candidate.fits or candidate.expected for candidate in candidates):
            if event.kind is Kind.ITEM:
                self._expect_item(event)
                return
            whole = [c._replace(expected=True) for c in candidates if not c.part and c.index is None]
            if whole and end and event is chain.last and self._is_left(event):
                self.tasks[event.ordinal] = Task(event, event.name, event.site.statement, (whole[0],), None, end)
                return
            if (candidates or looks_like_derivative(canonical(event.name))) and not self._is_as_before(event):
                self.unnamed.setdefault(event.site.number, []).append(event)
            return
        stays = end and self._is_left(event) and event.ordinal == self._last_set(event)
        complete = event.call == self.matched.top and ((end and event.site.again) or event.kind is Kind.STORED or stays)
        if complete:  # what nothing adds to any more is no part of itself
            candidates = [c for c in candidates if not c.part] or candidates
        starts_with_zeros = event is not chain.last and not np.any(values.array(event.value))
        blamed = chain.last if starts_with_zeros else event
        self.tasks[event.ordinal] = Task(
            event,
            shown_name(event),
            blamed.site.statement,
            tuple(candidates),
            None if np.all(mask) else mask,
            end,
        )

    def _expect_item(self, event: Event) -> None:
        """Add the task for an item of a returned list or dict that has not the shape of what it is returned for."""
        own = [e for e in self.matched.of_call[event.call] if e.kind is Kind.ITEM and e.name == event.name]
        if event.call != self.matched.top or any(e.ordinal > event.ordinal and e.key == event.key for e in own):
            return
        for result in self.results:
            if not result.path or result.target.shape == values.shape(event.value):
                continue
            try:
                container = values.at(self.returned, result.path[:-1])
                same = container[event.key] is container[result.path[-1]]
            except (IndexError, KeyError, TypeError):
                continue
            named = result.text in (f"{event.name}[{result.path[-1]!r}]", result.path[-1])
            if same and named and values.shape(container[event.key]) == values.shape(event.value):
                task = Task(event, shown_name(event), event.site.statement, (self._expected(result),), None, True)
                self.tasks[event.ordinal] = task
                return

    def _last_set(self, event: Event) -> int:
        """Return the ordinal of the last event of a call that sets the name of an event; -1 if none does."""
        own = (e.ordinal for e in self.matched.of_call[event.call] if e.name == event.name and e.kind in SETS)
        return max(own, default=-1)

    def _as_result(self, event: Event) -> list[Candidate]:
        """Return what a name is the derivative for because it is returned at the place of an argument."""
        last = self._last_set(event)
        if self._only_passed_on(event):
            return []
        return [
            Candidate(result.target, None, result.argument, self._line(result.target))
            for result in self.results
            if result.text == event.name
            and event.ordinal == last
            and event.call == self.matched.top
            and result.target.shape == values.shape(event.value)
        ]

    def _only_passed_on(self, event: Event) -> bool:
        """Return whether a name holds under the name of the forward pass what that has handed on, as from a cache."""
        if event.kind is not Kind.ASSIGNED or looks_like_derivative(event.name):
            return False
        alike = [e for e in self.matched.seen.events if canonical(e.name) == canonical(event.name)]
        return any(
            e.place == event.place if event.place else values.is_numeric(e.value) and e.value == event.value
            for e in alike
        )

    def _misshaped(self, event: Event, candidates: list[Candidate]) -> list[Candidate]:
        """Return what a name that is returned has to be, if nothing that it may be by its name has its shape."""
        shape = values.shape(event.value)
        own = [e for e in self.matched.of_call[event.call] if e.name == event.name and e.kind in SETS]
        if event.call != self.matched.top or own[-1] is not event or self._only_passed_on(event):
            return []
        if any(c.fits and (c.index is not None or c.target.shape == shape) for c in candidates):
            return []
        return [self._expected(result) for result in self.results if result.text == event.name]

    def _line(self, target: Target) -> int:
        return self.forward.events[target.ordinals[0]].site.line

    def _is_end(self, event: Event) -> bool:
        """Return whether no later statement computes with a derivative: at most it is returned as it is."""
        name = shown_name(event)
        return not self._is_passed_on(event.site) and not any(
            computes_with(statement.node, name) or (name != event.name and computes_with(statement.node, event.name))
            for statement in self.pair.program.probe.statements
            if statement.function == event.site.statement.function
            and not self._updates(statement.node, event)
            and (statement.line > event.site.statement.line or set(statement.loops) & set(event.site.loops))
        )

    def _is_passed_on(self, site: Site) -> bool:
        """Return whether a helper sets derivatives for what is computed, which its caller goes on with."""
        if site.number not in self.passed_on:
            own = [e for e in self.backward.events if e.site is site and e.call != self.matched.top]
            self.passed_on[site.number] = bool(own) and self._is_read_elsewhere(site)
            self.passed_on[site.number] |= any(
                candidates and not any(self._is_given(c.target) for c in candidates)
                for candidates in (self.matched.candidates(event, False) for event in own)
            )
        return self.passed_on[site.number]

    def _is_given(self, target: Target) -> bool:
        """Return whether a value of the forward pass is an argument of it, or a part of one."""
        ordinal, _ = self.matching.origins.get(target.ordinals[0], (target.ordinals[0], ()))
        event = self.forward.events[ordinal]
        return event.kind is Kind.ENTRY and (event.call == self.forward.first or self._is_held(event, target.path))

    def _is_held(self, entry: Event, path: values.Path) -> bool:
        """Return whether a part of an object is in an attribute that the forward pass leaves alone: a parameter."""
        if entry.name != "self" or not path or not isinstance(path[0], tuple):
            return False
        name = f"self.{path[0][1]}"
        return not any(event.name == name and event.kind in SETS for event in self.forward.events)

    def _is_read_elsewhere(self, site: Site) -> bool:
        """Return whether another function of the backward pass reads an attribute that one of it sets."""
        name = site.name.rpartition(".")[2]
        functions = {call.function for call in self.backward.calls.values()} - {site.statement.function}
        return any(
            isinstance(part, ast.Attribute) and part.attr == name and isinstance(part.ctx, ast.Load)
            for function in functions
            for part in ast.walk(self.pair.program.functions.get(function, ast.Pass()))
        )

    def _updates(self, node: ast.stmt, event: Event) -> bool:
        """Return whether a statement, or a loop, changes what a derivative is for, as `W -= rate * dW` does."""
        names = {canonical(names_of(target)) for target in targets(node)}
        if isinstance(node, ast.For):
            changed = {names_of(target) for one in node.body for target in targets(one)}
            own = {part.id for part in ast.walk(node.target) if isinstance(part, ast.Name)}
            read = [part for part in ast.walk(node.iter) if isinstance(part, ast.Name | ast.Attribute)]
            names = {canonical(names_of(part)) for part in read} if changed & own else set()
        return any(m.name in names for m in self.matching.meanings.of(event.name))

    def _carried(self, event: Event) -> bool:
        """Return whether a name carries a value from one pass of a loop to the next."""
        if not event.loops or event.kind is not Kind.ASSIGNED:
            return False
        loop = event.loops[-1].number
        return any(
            other.name == event.name
            and other.kind in (Kind.ASSIGNED, Kind.ENTRY)
            and loop not in [passed.number for passed in other.loops]
            for other in self.matched.of_call[event.call]
        )

    # Judging

    def judge(self) -> Judged:
        """Judge every statement and result, find the convention of the pair, and what unnamed values stand for."""
        begin = self._state()
        self._judge()
        if self.doubtful and self.judged.count:
            first = self._state()
            self._restore(begin)
            self.doubts = True
            self._judge()
            if self.judged.count >= first["judged"].count:
                self._restore(first)
        return self.judged

    def _state(self) -> dict[str, Any]:
        """Return what judging changes."""
        names = ("tasks", "unnamed", "chosen", "misread", "factor", "end_factor", "forces", "judged")
        return {name: copy.copy(getattr(self, name)) for name in names}

    def _restore(self, state: Mapping[str, Any]) -> None:
        for name, value in state.items():
            setattr(self, name, copy.copy(value))

    def _judge(self) -> None:
        self._explain_by_unnamed()
        self.judged = self.run()
        self._explain_by_intermediate()
        self._try_factor()
        self._try_end_factor()
        self._name_the_unnamed()
        self._blame_last_stores()
        self._choose_candidates()
        self._drop_misread()
        self._compare_shapes()
        self._compare_copies()

    def run(self, supposed: bool = False) -> Judged:
        """Run the backward pass, judge what it sets, and go on with the truth where it is wrong."""
        for task in self.tasks.values():
            if values.is_numeric(task.event.value):
                self.match(task, values.array(task.event.value))
        while True:
            listener = Judging(self)
            try:
                with self.truth.while_running():
                    _, returned = self.pair.run_backward(listener)
            except Needed as needed:
                needed.compute()
                continue
            except Exception:
                if supposed or not self.forces:
                    raise
                self.forces = False  # the code does not take what it should have computed: judge it as it stands
                continue
            listener.judged.raised = dict(self.pair.program.probe.raised)
            listener.judged.results = self.judge_results(returned)
            return listener.judged

    def alive(self, task: Task) -> tuple[Candidate, ...]:
        """Return the candidates of a task without parts of caches that nothing reads, if there are others."""
        found = []
        for candidate in task.candidates:
            mask = None
            if candidate.fits:
                _, mask = _placed(np.zeros(values.shape(task.event.value)), candidate, task.mask)
            origin = self.forward.events[candidate.target.ordinals[0]].kind
            kept = origin is Kind.ITEM or (candidate.target.path and origin not in (*GIVEN, Kind.EXPRESSION))
            if not candidate.fits or not kept or self.truth.depends(candidate.target, mask):
                found.append(candidate)
        return tuple(found) or task.candidates

    def judge_results(self, returned: Any) -> list[ResultVerdict]:
        """Return the verdicts on what a backward run returned."""
        found = []
        for result, value in result_values(self.results, returned):
            if value is None or not values.is_numeric(value):
                found.append(
                    ResultVerdict(result, False, value, "it is None" if value is None else "it is no array of floats")
                )
            elif values.shape(value) != result.target.shape:
                shapes = f"it has shape {values.shape(value)}, and {result.argument} has {result.target.shape}"
                found.append(ResultVerdict(result, False, value, shapes))
            else:
                entries = values.array(value)
                right = self.truth.agrees(result.target, entries, None)
                if right is False and self.end_factor is not None:
                    right = self.truth.agrees(result.target, entries / self.end_factor, None)
                found.append(ResultVerdict(result, right, value))
        return found

    def verdict(self, task: Task, value: Any) -> Verdict:
        """Return the verdict on a value."""
        entries = values.array(value) if values.is_numeric(value) else np.array(np.nan)
        if task.copy is not None:
            same = entries.shape == task.copy.shape and np.allclose(entries, task.copy, 1e-9, 1e-12, equal_nan=True)
            return Verdict(task, same, task.candidates[0], entries, None if same else task.copy)
        match = self.match(task, entries)
        if match is None:
            return self.wrong(task, entries)
        if match.sure:
            return Verdict(task, True, match.candidate, entries, factor=match.factor)
        noisy = match.candidate.target in self.truth.noisy
        reason = "the loss is too noisy at this point" if noisy else "the loss has a kink at this point"
        return Verdict(task, None, match.candidate, entries, reason=reason)

    def match(self, task: Task, entries: Array) -> Match | None:
        """Return the candidate that a value is the derivative for; not a sure one at a kink; None for a wrong value."""
        other = self.end_factor if task.end else self.factor
        key = (task.event.ordinal, task.candidates, other, entries.shape, entries.tobytes())
        if key not in self.matches:
            self.matches[key] = self._match(task, entries, other)
        return self.matches[key]

    def _match(self, task: Task, entries: Array, other: float | None) -> Match | None:
        factors = [1.0] if other is None else [1.0, other]
        unsure = None
        judged = entries if task.mask is None or task.mask.shape != entries.shape else entries[task.mask]
        nothing = task.event.kind is not Kind.ENTRY and not np.any(np.abs(judged) > NOTHING)
        for candidate in self.alive(task) if nothing else task.candidates:
            if candidate.fits and entries.shape == values.shape(task.event.value):
                whole, mask = _placed(entries, candidate, task.mask)
            elif not (candidate.fits and task.mask is not None) and entries.shape == candidate.target.shape:
                whole, mask = entries, None
            else:
                continue
            for factor in factors:
                right = self.truth.agrees(candidate.target, whole / factor, mask)
                if right:
                    return Match(candidate, factor, True)
                unsure = candidate if right is None else unsure
        return None if unsure is None else Match(unsure, 1.0, False)

    def is_right(self, task: Task, value: Any) -> bool:
        """Return whether a value is right."""
        if task.copy is not None:
            return self.verdict(task, value).right is True
        if not values.is_numeric(value):
            return False
        match = self.match(task, values.array(value))
        return match is not None and match.sure

    def is_wrong(self, task: Task, value: Any) -> bool:
        """Return whether a value is wrong; not at a kink, where nothing tells."""
        if task.copy is not None:
            return self.verdict(task, value).right is False
        if not values.is_numeric(value):
            return True
        return self.match(task, values.array(value)) is None

    def wrong(self, task: Task, value: Array) -> Verdict:
        """Return the verdict that a value is wrong, with what it should be."""
        alive = self.alive(task)
        candidate = self.chosen.get(task.event.ordinal) or next((c for c in alive if not c.part), alive[0])
        truth = self.truth.adjoint(candidate.target)
        expected = truth if candidate.index is None else truth[candidate.index]
        factor = self._factor_of(task, value, expected)
        expected = np.array(expected * factor)
        if candidate.fits:
            expected = expected.reshape(values.shape(task.event.value))
            if task.mask is not None and value.shape == expected.shape:
                expected = np.where(task.mask, expected, value)
        return Verdict(task, False, candidate, value, expected, factor)

    def _factor_of(self, task: Task, value: Array, truth: Array) -> float:
        """Return how many times the derivative a wrong value should be: as often as most of its entries are."""
        if task.end or self.factor is None:
            return 1.0
        if value.shape != truth.shape:
            return self.factor
        plain, scaled = (np.sum(np.isclose(value, truth * f, 1e-6, 0) & (truth != 0)) for f in (1.0, self.factor))
        return 1.0 if plain > scaled else self.factor

    def is_left(self, task: Task) -> bool:
        """Return whether a derivative is a result although it is not returned: left on self, or by a script."""
        names = {result.text for result in self.results}
        return task.end and task.name not in names and self._is_left(task.event)

    def _is_left(self, event: Event) -> bool:
        """Return whether a name stays after the backward pass: on an object, or in a script."""
        if event.call != self.matched.top:
            return self.holder(event) is not None
        return "." in event.name or not self.pair.forward or self.pair.keeps_names

    def holder(self, event: Event) -> values.Path | None:
        """Return the path from the object of the pair to the one that a call leaves a derivative on.

        None if that is no attribute of an object, or if the same object has several such calls.
        """
        if not event.name.startswith("self."):
            return None
        calls = self.backward.calls
        found = {
            entry.call: entry.value
            for entry in self.backward.events
            if entry.kind is Kind.ENTRY and entry.name == "self"
            if calls[entry.call].function == calls[event.call].function
        }
        own = found.get(event.call)
        alone = own is not None and sum(other is own for other in found.values()) == 1
        return self.objects.get(id(own)) if alone else None

    @cached_property
    def objects(self) -> dict[int, values.Path]:
        """The objects inside the one of the pair, and that itself, with the paths to them."""
        found: dict[int, values.Path] = {}
        todo: list[tuple[values.Path, Any]] = [((), self.owner)]
        for path, value in todo:
            if id(value) in found or len(path) > NESTING:
                continue
            found[id(value)] = path
            todo += [((*path, key), part) for key, part in values.parts(value) if not values.is_numeric(part)]
        return found

    # Conventions and unnamed values

    def supposed(self) -> Judged:
        """Judge under a supposition; where the code cannot go on with what it says, that counts as wrong."""
        try:
            return self.run(supposed=True)
        except Exception:
            return Judged(failed=True)

    def right_as_it_stands(self) -> bool:
        """Return whether all that the backward pass returns or leaves is right, without any truth put in."""
        ends = [task for task in self.tasks.values() if task.end]
        found: list[bool | None] = [not self.is_wrong(task, task.event.value) for task in ends]
        found += [verdict.right for verdict in self.judge_results(self.returned)]
        return bool(found) and all(found)

    def _blame_last_stores(self) -> None:
        """Judge all of an array by its last store, where this and what it stores into are wrong: its index may be."""
        wrong = {verdict.task.event.ordinal for verdict in self.judged.wrong}
        lasts, dropped = dict[int, Task](), set[int]()
        for chain in self.chains:
            own = [event.ordinal for event in chain.events if event.ordinal in self.tasks]
            if len(own) < 2 or not set(own) <= wrong or chain.events[0].kind is Kind.STORED:
                continue
            first, last = self.tasks[own[0]], self.tasks[own[-1]]
            if first.statement.number != last.statement.number and last.event.kind is Kind.STORED:
                lasts[own[-1]] = last._replace(mask=None)
                dropped.update(own[:-1])
        if lasts:
            before = self.tasks
            self.tasks = {k: task for k, task in before.items() if k not in dropped} | lasts
            found = self.supposed()
            if found.count < self.judged.count:
                self.judged = found
            else:
                self.tasks = before

    def _choose_candidates(self) -> None:
        """Choose what wrong values are the derivatives for, among several: that with which what reads them is right."""
        self._choose()
        if len(self.judged.statements) < 2:
            return
        before = self.tasks, self.chosen, self.judged
        self.tasks = dict(self.tasks)
        for verdict in self.judged.wrong:  # dx1 may be a part of the derivative of what the forward calls otherwise
            task = verdict.task
            if NUMBERED.search(task.name) and not task.end:
                others = self.matched.uses_of_all(task.event)
                self.tasks[task.event.ordinal] = task._replace(candidates=(*task.candidates, *others))
        self.judged = self.supposed()
        self._choose()
        if self.judged.count >= before[2].count:
            self.tasks, self.chosen, self.judged = before

    def _choose(self) -> None:
        for number in list(dict.fromkeys(verdict.task.statement.number for verdict in self.judged.wrong)):
            own = [v.task for v in self.judged.wrong if v.task.statement.number == number]
            if not own or len(self.judged.statements) < 2 or any(task.end for task in own):
                continue
            tried = set[bytes]()
            for place in range(1, max(len(task.candidates) for task in own)):
                chosen = {t.event.ordinal: t.candidates[place] for t in own if place < len(t.candidates)}
                adjoints = np.round(self.truth.adjoint(next(iter(chosen.values())).target), 7).tobytes()
                if adjoints in tried or len(tried) > RUNS_OF_ONE:
                    continue
                tried.add(adjoints)
                before = self.chosen
                self.chosen = {**before, **chosen}
                found = self.supposed()
                if found.count < self.judged.count:
                    self.judged = found
                    break
                self.chosen = before

    def _drop_misread(self) -> None:
        """Take back the judgement of names that mean something else: what they lead to is right without the truth."""
        while self.judged.count and self.right_as_it_stands():
            wrong = {v.task.event.ordinal for v in self.judged.wrong if not self._is_last_for_a_parameter(v)}
            if self.judged.wrong and not wrong:
                break
            wrong = {k for k in wrong if not self.tasks[k].end} or wrong
            self.misread += [task for k, task in self.tasks.items() if k in wrong and not task.end]
            self.tasks = {k: task for k, task in self.tasks.items() if k not in wrong}
            count, self.judged = self.judged.count, self.run()
            if not wrong and self.judged.count >= count:
                break
        for number in list(dict.fromkeys(verdict.task.statement.number for verdict in self.judged.wrong)):
            own = {k for k, task in self.tasks.items() if task.statement.number == number}
            if not own or any(self.tasks[k].end for k in own):
                continue
            if self._count_without(own) < self.judged.count:
                self.misread += [self.tasks[k] for k in own]
                self.tasks = {k: task for k, task in self.tasks.items() if k not in own}
                self.judged = self.run()

    def _is_last_for_a_parameter(self, verdict: Verdict) -> bool:
        """Return whether a value is named after a parameter, with its shape, and nothing that is left is for this."""
        target = verdict.candidate.target
        same = values.shape(verdict.value) == target.shape and self._is_parameter(target)
        ends = {c.target for task in self.tasks.values() if task.end for c in task.candidates}
        ends |= {result.target for result in self.results}
        return same and target not in ends and self.pair.backward is None

    def _count_without(self, own: set[int]) -> int:
        """Return how many statements and results are wrong if some values are not replaced by the truth.

        Where nothing that is judged depends on them, that tells nothing: as many as now.
        """
        truths = {v.task.event.ordinal: v.truth for v in self.judged.wrong if v.truth is not None}
        others = {k: truth for k, truth in truths.items() if k not in own}
        forced, all_forced = Forced(others, dict.fromkeys(others, -2)), Forced(truths, dict.fromkeys(truths, -2))
        try:
            _, returned = self.pair.run_backward(forced)
            _, all_right = self.pair.run_backward(all_forced)
        except Exception:
            return self.judged.count
        judged = [(forced.computed.get(k), all_forced.computed.get(k)) for k in self.tasks if k not in own]
        results = zip(result_values(self.results, returned), result_values(self.results, all_right), strict=True)
        judged += [(one, other) for (_, one), (_, other) in results]
        if all(_same(one, other) for one, other in judged):
            return self.judged.count
        wrong = {v.task.statement.number for v in self.judged.wrong if v.task.event.ordinal in others}
        for k, task in self.tasks.items():
            known = k in own or k in others or task.statement.number in wrong
            if not known and not self._right_in(forced, task):
                wrong.add(task.statement.number)
        return len(wrong) + sum(result.right is False for result in self.judge_results(returned))

    def _try_factor(self) -> None:
        """Find out whether the derivatives in between are all a number of times the true ones, with right ends."""
        strict, best = self.judged, None
        tried = set[float]()
        for verdict in strict.wrong:
            factor = _ratio(values.array(verdict.value), verdict.truth, verdict.task.mask)
            if factor is None or verdict.task.end or round(factor, 9) in tried or len(tried) > 4:
                continue
            tried.add(round(factor, 9))
            self.factor = factor
            scaled = self.supposed()
            names = {v.task.name for v in scaled.verdicts if v.factor != 1.0 and not v.task.end}
            size = abs(round(factor) - factor) < 1e-6 and round(factor) in self._sizes()
            explains = (len(names) > 1 or not scaled.count or size) and self._is_convention(scaled, factor)
            if explains and scaled.count < self.judged.count - (self.judged is not strict):
                self.judged = scaled
                best = factor
        self.factor = best

    def _is_convention(self, scaled: Judged, factor: float) -> bool:
        """Return whether derivatives may be a number of times the true ones by a convention.

        What has one entry is some number of times any other: the number has to be a size, or 2, or 1 over these.
        If most derivatives in between have it not, it is the same for all parameters.
        """
        own = [v for v in scaled.verdicts if v.right and v.factor != 1.0]
        usual = {float(n) * k for n in (1, *self._sizes()) for k in (0.5, 1, 2)}
        near = any(abs(abs(factor) / n - 1) < 1e-6 or abs(abs(factor) * n - 1) < 1e-6 for n in usual)
        between = [v.factor != 1.0 for v in scaled.verdicts if v.right and not self._is_parameter(v.candidate.target)]
        carried = 2 * sum(between) >= len(between) > 0
        parameters = {v.factor for v in scaled.verdicts if v.right and self._is_parameter(v.candidate.target)}
        return (near or any(np.size(v.value) > 1 for v in own)) and (carried or len(parameters) < 2)

    def _is_parameter(self, target: Target) -> bool:
        """Return whether a value is given, or set from nothing that the forward pass has a name for."""
        ordinal = target.ordinals[0]
        event = self.forward.events[self.matching.versions.get(ordinal, ordinal)]
        node = event.site.statement.node
        if event.kind in GIVEN or not isinstance(node, ast.Assign):
            return event.kind in GIVEN
        read = {names_of(part) for part in ast.walk(node.value) if isinstance(part, ast.Name | ast.Attribute)}
        return not any(canonical(name) in self.matching.by_name for name in read if name)

    def _compare_shapes(self) -> None:
        """Judge shapes, sizes 1 included, of what holds otherwise, if that is why something else is wrong."""
        own: dict[int, list[Task]] = {}
        for task in self.tasks.values():
            if not values.is_numeric(task.event.value):
                continue
            shape = values.shape(task.event.value)
            apart = [c for c in task.candidates if c.fits and c.index is None and c.target.shape != shape]
            if len(apart) == len(task.candidates):
                match = self.match(task, values.array(task.event.value))
                expected = (match.candidate if match else apart[0])._replace(fits=False, expected=True)
                changed = task._replace(candidates=(expected,), mask=None)
                own.setdefault(task.event.site.number, []).append(changed)
        for tasks in own.values():
            self._keep_if_better({task.event.ordinal: task for task in tasks})

    def _keep_if_better(self, tasks: dict[int, Task]) -> None:
        """Judge some tasks too, if that is why something else is wrong."""
        if not self.judged.count:
            return
        before = self.tasks
        self.tasks = before | tasks
        found = self.supposed()
        if found.count <= self.judged.count and self.judged.statements - found.statements:
            self.judged = found
        else:
            self.tasks = before

    def _compare_copies(self) -> None:
        """Judge what is computed again and differs from the forward pass, if that is why something else is wrong."""
        if not self.judged.count or self.pair.backward is None:
            return
        own: dict[int, list[Task]] = {}
        for event in self.backward.events:
            if (
                event.kind is Kind.ASSIGNED
                and event.ordinal not in self.tasks
                and event.site.number not in self.unnamed
            ):
                task = self._copy(event)
                if task is not None:
                    own.setdefault(event.site.number, []).append(task)
        for tasks in own.values():
            self._keep_if_better({task.event.ordinal: task for task in tasks})

    def _copy(self, event: Event) -> Task | None:
        """Return the task for a value that has a name of the forward pass, and no value that this had there."""
        call = self.matched.call(event.call)
        wanted = self.matched.allowed(event, call)
        mates = [e for e in self.matched.seen.events if e.call == call and e.name == event.name and e.kind in SETS]
        mates = [e for e in mates if values.is_numeric(e.value) and e.key is None]
        if not mates or not values.is_numeric(event.value):
            return None
        value = values.array(event.value)
        for mate in mates:
            kept = values.array(mate.value)
            if kept.shape == value.shape and np.allclose(kept, value, 1e-9, 1e-12, equal_nan=True):
                return None
        depths = [self.matched.depth(e, wanted) for e in mates]
        origin = mates[max(range(len(mates)), key=lambda k: (depths[k], k))]
        kept = values.array(origin.value)
        candidate = Candidate(Target((origin.ordinal,), (), kept.shape), None, event.name, origin.site.line)
        return Task(event, event.name, event.site.statement, (candidate,), None, copy=kept)

    def _sizes(self) -> set[int]:
        """Return the sizes of the arrays that the forward pass sets or takes, without 1."""
        return {size for settings in self.matching.by_name.values() for s in settings for size in s.shape} - {1}

    def _try_end_factor(self) -> None:
        """Find out whether all that is wrong is a mean over examples at the parameters, where the loss has none."""
        wrong = self.judged.wrong
        ratios = [_ratio(v.value, v.truth, v.task.mask) if v.task.end else None for v in wrong]
        first = ratios[0] if ratios else None
        if first is None or len({v.task.name for v in wrong}) < 2:
            return
        if abs(round(1 / first) - 1 / first) > 1e-6 or round(1 / first) not in self._sizes():
            return
        if all(ratio is not None and abs(ratio - first) < 1e-6 * abs(first) for ratio in ratios):
            self.end_factor = first
            found = self.run()
            if found.count:
                self.end_factor = None
            else:
                self.judged = found

    def _explain_by_unnamed(self) -> None:
        """Give a meaning to values without one that wrong statements read, where its truth makes these right."""
        wrong = [task for task in self.tasks.values() if not self.is_right(task, task.event.value)]
        if not wrong:
            return
        if not self._explain(wrong, self.unnamed):
            self._explain(wrong, self._carriers(wrong))

    def _explain_by_intermediate(self) -> None:
        """Give a meaning to what a name holds before it is changed, where its truth makes what is wrong right."""
        wrong, before = [verdict.task for verdict in self.judged.wrong], dict(self.tasks)
        changed = {event.ordinal for chain in self.chains for event in chain.events[:-1]}
        if changed and self._explain(wrong, self._carriers(wrong, changed)):
            found = self.supposed()
            if found.count <= self.judged.count:
                self.judged = found
            else:
                self.tasks = before

    def _explain(self, wrong: list[Task], sites: Mapping[int, list[Event]]) -> bool:
        """Give a meaning to the values of some sites, and return whether one was found."""
        explained = False
        for site, events in list(sites.items()):
            for event in events:
                name = shown_name(event)
                readers = [t for t in wrong if _same_pass(t.event, event) and computes_with(t.statement.node, name)]
                if readers:
                    candidate = self._explaining(event, events, readers)
                    if candidate is not None:
                        self._name(site, events, candidate, event)
                        self.unnamed.pop(site, None)
                        explained = True
                    break
        return explained

    def _carriers(self, wrong: Iterable[Task], changed: Collection[int] = ()) -> dict[int, list[Event]]:
        """Return the arrays that wrong statements read and that have no meaning and are new in the backward pass.

        changed: the events after which a name with a meaning is changed, if they count too.
        """
        names = {task.event.name for task in self.tasks.values()}
        found: dict[int, list[Event]] = {}
        nodes = {id(task.statement.node): task.statement.node for task in wrong}.values()
        for event in self.backward.events:
            judged = event.ordinal in self.tasks or event.site.number in self.unnamed
            if event.kind is not Kind.ASSIGNED or judged or not values.differentiable(event.value):
                continue
            new = event.place not in self.matched.seen.by_identity and values.shape(event.value)
            named = (event.name in names and event.ordinal not in changed) or not self._judged(event)
            named = named or _sets_zeros(event.site.statement.node)
            named = named or (event.name in self.matching.by_name and not looks_like_derivative(event.name))
            if new and not named and any(computes_with(node, event.name) for node in nodes):
                found.setdefault(event.site.number, []).append(event)
        return found

    def _is_as_before(self, event: Event) -> bool:
        """Return whether a value is what its name held in the forward pass, as dist is that may be computed again."""
        held = [e.value for e in self.matching.events if e.name == event.name and e.kind in SETS]
        return any(values.is_numeric(value) and _same(value, event.value) for value in held)

    def _is_right_elsewhere(self, adjoint: Array) -> bool:
        """Return whether a value that is right is this derivative: then no other one has to be."""
        own = [t for t in self.tasks.values() if values.shape(t.event.value) == adjoint.shape]
        own = [t for t in own if values.is_numeric(t.event.value) and self.is_right(t, t.event.value)]
        return any(np.allclose(values.array(t.event.value), adjoint, 1e-7, 1e-12) for t in own)

    def _has_right_reader(self, event: Event) -> bool:
        """Return whether what a statement of the same pass computes with a value is right."""
        name = shown_name(event)
        own = [t for t in self.tasks.values() if _same_pass(t.event, event) and computes_with(t.statement.node, name)]
        return any(self.is_right(task, task.event.value) for task in own)

    def _is_of_something(self, event: Event) -> bool:
        """Return whether a value is the derivative for an unnamed value of the forward pass, as it stands.

        One that is as another derivative was before it may be that only because a factor is missing.
        """
        value = values.array(event.value)
        kinds = (*GIVEN, Kind.ASSIGNED)
        before = (e for e in self.backward.events[: event.ordinal] if e.kind in kinds and e.name != event.name)
        before = (e for e in before if values.is_numeric(e.value) and values.shape(e.value) == value.shape)
        if any(np.allclose(values.array(e.value), value, 1e-9, 1e-12) for e in before):
            return False
        return any(self.truth.agrees(c.target, value, None) for c in self.matched.expressions(event)[:RUNS])

    def _explaining(self, event: Event, events: Sequence[Event], readers: list[Task]) -> Candidate | None:
        """Return what an unnamed value is the derivative for, if its truth makes more of its readers right.

        events: all that its site sets, in all passes of loops; the truth is put in the place of each.
        """
        best, kept, tried = 0, None, list[Array]()
        if (self.doubts or self._has_right_reader(event)) and self._is_of_something(event):
            return None
        expressions = self.matched.expressions(event)
        for candidate in expressions:
            if len(tried) == EXPLANATIONS:
                break
            if any(self.truth.agrees(candidate.target, adjoint, None) for adjoint in tried):
                continue
            tried.append(self.truth.adjoint(candidate.target))
            if not np.any(tried[-1]) or self._is_right_elsewhere(tried[-1]):
                continue
            truths = {event.ordinal: candidate, **self._alike(events, candidate)}
            forced = Forced({k: self.truth.adjoint(c.target) for k, c in truths.items()}, dict.fromkeys(truths, -2))
            try:
                self.pair.run_backward(forced)
            except Exception:
                continue
            right = sum(self._right_in(forced, task) for task in readers)
            if right > best:
                best, kept = right, candidate
            if right == len(readers):
                break
        if kept is None:
            return None
        self.doubtful = self.doubtful or self._is_of_something(event)
        adjoint = self.truth.adjoint(kept.target)
        alike = [c for c in expressions if c.line == kept.line and self.truth.agrees(c.target, adjoint, None)]
        return max(alike, key=lambda c: len(c.name), default=kept)  # the outermost of sums, as in a @ b + c

    def _alike(self, events: Sequence[Event], candidate: Candidate) -> dict[int, Candidate]:
        """Return what values of other passes are the derivatives for if one is for a candidate, by ordinal."""
        number = self.forward.events[candidate.target.ordinals[0]].site.number
        found = {}
        for event in events:
            alike = [*self.matched.expressions(event), *self.matched.candidates(event, self._carried(event))]
            own = [c for c in alike if self.forward.events[c.target.ordinals[0]].site.number == number]
            if own:
                found[event.ordinal] = own[0]
        return found

    def _right_in(self, forced: Forced, task: Task) -> bool:
        value = forced.seen.get(task.event.ordinal)
        return values.differentiable(value) and self.is_right(task, value)

    def _name_the_unnamed(self) -> None:
        """Judge what has no meaning by its name: as the derivative for an expression, if that is so or explains."""
        before = len(self.tasks)
        for site, events in list(self.unnamed.items()):
            first = self.judged.seen.get(events[0].ordinal)
            if first is None:
                continue
            shape = values.shape(events[0].value)
            named = [c for c in self.matched.candidates(events[0], self._carried(events[0])) if not c.part]
            named = [c for c in named if c.fits or _sum_or_transpose(shape, c.target.shape)]
            expressions = self.matched.expressions(events[0])[:RUNS]
            if not named:
                for candidate in expressions:
                    if self.truth.agrees(candidate.target, values.array(first), None):
                        self._name(site, events, candidate)
                        del self.unnamed[site]
                        break
            if site in self.unnamed and self.judged.count and named:
                self._try_names(site, events, named)
        if len(self.tasks) != before:
            self.judged = self.run()

    def _try_names(self, site: int, events: list[Event], candidates: list[Candidate]) -> None:
        """Give unnamed values the meaning under which fewer statements are wrong."""
        best, kept = self.judged, None
        seen = set[bytes]()
        for candidate in candidates:
            adjoint = np.round(self.truth.adjoint(candidate.target), 7).tobytes()
            if adjoint in seen:
                continue
            seen.add(adjoint)
            tasks = dict(self.tasks)
            self._name(site, events, candidate)
            found = self.supposed()
            explains = bool(best.statements - found.statements) and (not candidate.fits or self._reads_wrong(site))
            if found.count < best.count or (found.count == best.count and kept is None and explains):
                best, kept = found, candidate
            self.tasks = tasks
        if kept is not None:
            self._name(site, events, kept)
            self.judged = best
            del self.unnamed[site]

    def _reads_wrong(self, site: int) -> bool:
        """Return whether a statement that reads what a site sets is wrong."""
        name = self.pair.program.probe.sites[site].name
        return any(reads(verdict.task.statement.node, name) for verdict in self.judged.wrong)

    def _name(self, site: int, events: list[Event], candidate: Candidate, of: Event | None = None) -> None:
        """Add the tasks that unnamed values have under a meaning: the candidate is for one of them, others alike."""
        alike = self._alike(events, candidate)
        if of is not None:
            alike[of.ordinal] = candidate
        for event in events:
            own = alike.get(event.ordinal)
            if own is None and of is not None:
                continue
            if own is None and candidate.fits and values.shape(event.value) != values.shape(events[0].value):
                continue
            self.tasks[event.ordinal] = Task(event, shown_name(event), event.site.statement, (own or candidate,), None)


def _sets_zeros(node: ast.stmt) -> bool:
    """Return whether a statement sets a name to zeros as they are."""
    return "zeros" in ast.unparse(node) or re.search(r"= *\(?[-+]?0(?:\.0*)?\b", ast.unparse(node)) is not None


def computes_with(node: ast.stmt, name: str) -> bool:
    """Return whether a statement reads a name, and not only returns or keeps it as it is or sets a part of it."""
    if isinstance(node, ast.Return) and node.value is not None:
        return any(names_of(element) != name and reads(element, name) for element in _kept(node.value))
    if isinstance(node, (ast.Assign, ast.AugAssign, ast.AnnAssign)):
        targets = node.targets if isinstance(node, ast.Assign) else [node.target]
        read = [part.slice for target in targets for part in ast.walk(target) if isinstance(part, ast.Subscript)]
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Dict):
            return any(names_of(part) != name and reads(part, name) for part in [*read, *_kept(node.value)])
        return any(reads(part, name) for part in [*read, *([node.value] if node.value else [])])
    if isinstance(node, (ast.For, ast.While, ast.If)):  # the statements inside are on their own
        return reads(node.iter if isinstance(node, ast.For) else node.test, name)
    return not isinstance(node, (ast.With, ast.Try, ast.FunctionDef, ast.ClassDef)) and reads(node, name)


def _kept(node: ast.expr) -> Iterator[ast.expr]:
    """Yield what a tuple, a list or a dict is made of; anything else as it is."""
    if isinstance(node, (ast.Tuple, ast.List)):
        for element in node.elts:
            yield from _kept(element)
    elif isinstance(node, ast.Dict):
        for value in node.values:
            yield from _kept(value)
    else:
        yield node


def _same(one: Any, other: Any) -> bool:
    """Return whether two values of a run are equal, if they are numbers."""
    if not (values.is_numeric(one) and values.is_numeric(other)):
        return True
    return np.array_equal(values.array(one), values.array(other), equal_nan=True)


def shown_name(event: Event) -> str:
    """Return a name as the source has it, with the key of an item of a dict."""
    kept = event.kind is Kind.ITEM and (isinstance(event.key, str) or event.name.startswith("self."))
    return f"{event.name}[{event.key!r}]" if kept else event.name


def _ratio(value: Array, truth: Array | None, mask: Array | None) -> float | None:
    """Return the number of times that one array is another, None if there is none."""
    if truth is None or value.shape != truth.shape:
        return None
    if mask is not None:
        value, truth = value[mask], truth[mask]
    square = float(np.sum(truth**2))
    if not square or not np.all(np.isfinite(value)):
        return None
    ratio = float(np.sum(value * truth)) / square
    return ratio if ratio and np.allclose(value, ratio * truth, 1e-6, 1e-9 * abs(ratio) * square**0.5) else None


def _placed(entries: Array, candidate: Candidate, mask: Array | None) -> tuple[Array, Array | None]:
    """Return entries and mask in the shape of a candidate's target."""
    target = candidate.target
    if candidate.index is None:
        return entries.reshape(target.shape), None if mask is None else mask.reshape(target.shape)
    whole, placed = np.zeros(target.shape), np.zeros(target.shape, bool)
    whole[candidate.index] = entries
    placed[candidate.index] = True if mask is None else mask
    return whole, placed


class Judging(Listener):
    """A backward run that judges every task at its event, and puts the truth in the place of what is wrong."""

    def __init__(self, judge: Judge) -> None:
        self.judge = judge
        self.count = -1
        self.judged = Judged()

    def _heard(self, site: Site, value: Any) -> Any:
        self.count += 1
        task = self.judge.tasks.get(self.count)
        if task is None or task.event.site is not site or not (values.is_numeric(value) or task.candidates[0].expected):
            if site.kind in SETS:
                self.judged.seen[self.count] = value
            return value
        verdict = self.judge.verdict(task, value)
        self.judged.verdicts.append(verdict)
        return value if verdict.truth is None or not self.judge.forces else values.like(verdict.truth, value)

    def entry(self, frame: Frame, site: Site, value: Any) -> Any:
        return self._heard(site, value)

    assigned = returned = expression = entry

    def item(self, frame: Frame, site: Site, value: Any, key: Any) -> Any:
        return self._heard(site, value)

    def stored(self, frame: Frame, site: Site, base: Any, index: Any) -> None:
        new = self._heard(site, base)
        if new is not base:
            base[...] = new


def _sum_or_transpose(shape: tuple[int, ...], other: tuple[int, ...]) -> bool:
    """Return whether a sum that is missing or too much, or other axes first, leads from one shape to another."""
    if sorted(shape) == sorted(other):
        return True
    try:
        return np.broadcast_shapes(shape, other) in (shape, other)
    except ValueError:
        return False


def _same_pass(event: Event, other: Event) -> bool:
    """Return whether an event is of the same call and pass of a loop as another one before it."""
    passes = [(loop.number, loop.passes) for loop in event.loops]
    return (
        event.call == other.call
        and passes == [(o.number, o.passes) for o in other.loops]
        and event.ordinal > other.ordinal
    )


class Forced(Listener):
    """A backward run with known truths in the place of what it sets.

    skipped: a statement whose mistakes stay.  watch: hears each statement before it runs.
    """

    def __init__(
        self,
        truths: Mapping[int, Array],
        statements: Mapping[int, int],
        skipped: int = -1,
        watch: Callable[[Frame, Statement, dict[str, Any]], None] | None = None,
    ) -> None:
        self.truths, self.statements, self.skipped, self.watch = truths, statements, skipped, watch
        self.count = -1
        self.seen: dict[int, Any] = {}
        self.computed: dict[int, Any] = {}  # before a truth is put in its place

    def _forced(self, value: Any) -> Any:
        self.count += 1
        self.computed[self.count] = value
        truth = self.truths.get(self.count)
        if truth is not None and self.statements[self.count] != self.skipped:
            value = values.like(truth, value)
        self.seen[self.count] = value
        return value

    def before(self, frame: Frame, statement: Statement, names: dict[str, Any]) -> None:
        if self.watch is not None:
            self.watch(frame, statement, names)

    def entry(self, frame: Frame, site: Site, value: Any) -> Any:
        return self._forced(value)

    assigned = returned = expression = entry

    def item(self, frame: Frame, site: Site, value: Any, key: Any) -> Any:
        return self._forced(value)

    def stored(self, frame: Frame, site: Site, base: Any, index: Any) -> None:
        new = self._forced(base)
        if new is not base:
            base[...] = new
