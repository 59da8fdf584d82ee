"""Each statement of a backward pass on its own: what was found wrong is replaced by the truth before the next one."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np

from tinyad.code import values
from tinyad.code.matching import Candidate, Matched, Matching
from tinyad.code.names import canonical, looks_like_derivative
from tinyad.code.pair import Pair
from tinyad.code.probes import Frame, Kind, Listener, Site, Statement
from tinyad.code.recording import Event, Recorded, Target
from tinyad.code.truth import Truth
from tinyad.code.values import Array

SETS = (Kind.ASSIGNED, Kind.ITEM, Kind.STORED)


class Verdict(NamedTuple):
    """The verdict on one value that the backward run set.

    right: None if it could not be judged, with the reason.  candidate: what it is the derivative for; truth: what it
    should be.  blamed: the statement.
    """

    event: Event
    statement: Statement
    right: bool | None
    candidate: Candidate
    value: Any
    truth: Array | None
    reason: str = ""


@dataclass
class Chain:
    """The events that set one name, from an assignment to the last change of what was assigned."""

    events: list[Event] = field(default_factory=list)

    @property
    def last(self) -> Event:
        """The event after which the value is complete."""
        return self.events[-1]


def chains(recorded: Recorded) -> list[Chain]:
    """Return the chains of a run: `dW = 0`, then `dW += …` in each pass of a loop, are one."""
    open_chains: dict[tuple[int, str, Any], Chain] = {}
    found: list[Chain] = []
    for event in recorded.events:
        kind = event.kind
        if kind not in SETS or not values.differentiable(event.value):
            continue
        key = event.key if kind is Kind.ITEM and isinstance(event.key, (str, int)) else None
        place = (event.call, event.name, key)
        goes_on = kind is Kind.STORED or event.site.again
        inserted = kind is Kind.ITEM and event.site.name and not event.site.again
        if place in open_chains and goes_on and not inserted:
            open_chains[place].events.append(event)
        else:
            open_chains[place] = Chain([event])
            found.append(open_chains[place])
    return found


def settled(chain: Chain) -> dict[int, Array]:
    """Return, by ordinal, which entries of a chain's value an event sets for good."""
    later = np.zeros(values.shape(chain.last.value), bool)
    found: dict[int, Array] = {}
    for event in reversed(chain.events):
        if values.shape(event.value) != later.shape:
            break
        writes = event.touched if event.touched is not None else np.ones(later.shape, bool)
        mine = writes & ~later
        later |= writes
        if np.any(mine):
            found[event.ordinal] = mine
    return found


class Needed(BaseException):
    """A derivative that is wrong, so that the backward pass has to wait until it is computed entry by entry."""

    def __init__(self, target: Target) -> None:
        super().__init__(target)
        self.target = target


class Task(NamedTuple):
    """What is judged at an event: the candidates, and which entries."""

    event: Event
    statement: Statement
    candidates: list[Candidate]
    mask: Array | None


class Judge:
    """A pair under judgement: its forward run, its backward run as it stands, and the truth.

    declared: name of the backward → name of the forward, as the user says.
    """

    def __init__(self, pair: Pair, declared: Mapping[str, str] | None = None) -> None:
        self.pair = pair
        forwarded = pair.run_forward(Recorded())
        self.forward = forwarded.recorded
        size = sum(
            float(np.sum(np.abs(u * values.array(v))))
            for u, v in zip(pair.upstream, pair.output_leaves(forwarded.result), strict=True)
        )
        self.truth = Truth(pair, size)
        self.matching = Matching(self.forward, pair.backward is None, dict(declared or {}))
        self.backward = Recorded(copies=True)
        seen, self.returned = pair.run_backward(self.backward)
        self.matched = Matched(self.matching, seen.recorded if pair.backward else self.forward, self.backward)
        self.unnamed: list[Event] = []
        self.tasks = self._tasks()
        self.verdicts: list[Verdict] = []

    def _tasks(self) -> dict[int, Task]:
        found: dict[int, Task] = {}
        events = self.backward.events
        for chain in chains(self.backward):
            masks = settled(chain)
            if self._begins(chain):
                continue
            for event in chain.events:
                if event.ordinal in masks and self._judged(event):
                    self._add(found, event, chain, masks[event.ordinal])
        for event in events:
            if event.kind is Kind.ENTRY and event.call != self.matched.top and values.differentiable(event.value):
                statement = self.backward.calls[event.call].statement
                candidates = self.matched.candidates(event, carried=False)
                if candidates and statement >= 0 and looks_like_derivative(event.name):
                    blamed = self.pair.program.probe.statements[statement]
                    found[event.ordinal] = Task(event, blamed, candidates, None)
        return found

    def _begins(self, chain: Chain) -> bool:
        """Return whether a chain only gives a name zeros to begin with, which a loop then sets anew."""
        if np.any(values.array(chain.last.value)):
            return False
        return any(
            event.name == chain.last.name and event.ordinal > chain.last.ordinal and event.kind in SETS
            for event in self.matched.of_call[chain.last.call]
        )

    def _judged(self, event: Event) -> bool:
        """Return whether an event may belong to the backward pass: in a function of both passes by its name alone."""
        return self.pair.backward is not None or looks_like_derivative(event.name) or event.kind is Kind.ITEM

    def _add(self, found: dict[int, Task], event: Event, chain: Chain, mask: Array) -> None:
        candidates = self.matched.candidates(event, self._carried(event))
        if not candidates:
            if looks_like_derivative(canonical(event.name)):
                self.unnamed.append(event)
            return
        whole = bool(np.all(mask))
        starts_with_zeros = event is not chain.last and not np.any(values.array(event.value))
        blamed = chain.last if starts_with_zeros else event
        found[event.ordinal] = Task(event, blamed.site.statement, candidates, None if whole else mask)

    def _carried(self, event: Event) -> bool:
        """Return whether a name carries a value from one pass of a loop to the next."""
        if not event.loops or event.kind is not Kind.ASSIGNED:
            return False
        loop = event.loops[-1]
        before = [
            other
            for other in self.matched.of_call[event.call]
            if other.name == event.name
            and other.kind is Kind.ASSIGNED
            and loop.number not in [passed.number for passed in other.loops]
        ]
        return bool(before)

    def judge(self) -> list[Verdict]:
        """Run the backward pass, judge what it sets, and go on with the truth where it is wrong."""
        for task in self.tasks.values():
            for candidate in task.candidates:
                whole, mask = _placed(np.zeros(values.shape(task.event.value)), candidate, task.mask)
                self.truth.prepare(candidate.target, mask)
        while True:
            listener = Judging(self)
            try:
                self.pair.run_backward(listener)
            except Needed as needed:
                self.truth.adjoint(needed.target)
            else:
                self.verdicts = listener.verdicts
                return self.verdicts

    def verdict(self, task: Task, value: Any) -> Verdict:
        """Return the verdict on a value."""
        entries = values.array(value)
        unsure = None
        for candidate in task.candidates:
            target = candidate.target
            whole, mask = _placed(entries, candidate, task.mask)
            right = self.truth.agrees(target, whole, mask)
            if right:
                return Verdict(task.event, task.statement, True, candidate, value, None)
            if right is None:
                unsure = candidate
        if unsure is not None:
            reason = "the loss has a kink at this point"
            return Verdict(task.event, task.statement, None, unsure, value, None, reason)
        candidate = next((c for c in task.candidates if not c.part), task.candidates[0])
        truth = self.truth.adjoints.get(candidate.target)
        if truth is None:
            raise Needed(candidate.target)
        expected = truth if candidate.index is None else truth[candidate.index]
        expected = expected.reshape(entries.shape)
        if task.mask is not None:
            expected = np.where(task.mask, expected, entries)
        return Verdict(task.event, task.statement, False, candidate, value, expected)


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
    """A backward run that judges every task at its event; skipped: statements whose mistakes stay."""

    def __init__(self, judge: Judge, skipped: Iterable[int] = (), known: Mapping[int, Array] | None = None) -> None:
        self.judge = judge
        self.skipped = set(skipped)
        self.known = known
        self.count = -1
        self.verdicts: list[Verdict] = []

    def _heard(self, site: Site, value: Any) -> Any:
        self.count += 1
        task = self.judge.tasks.get(self.count)
        if task is None or task.event.site is not site:
            return value
        if not values.differentiable(value) or values.shape(value) != values.shape(task.event.value):
            return value
        if self.known is not None:
            forced = self.known.get(self.count)
            return value if forced is None or task.statement.number in self.skipped else values.like(forced, value)
        verdict = self.judge.verdict(task, value)
        self.verdicts.append(verdict)
        return value if verdict.truth is None else values.like(verdict.truth, value)

    def entry(self, frame: Frame, site: Site, value: Any) -> Any:
        return self._heard(site, value)

    assigned = returned = expression = entry

    def item(self, frame: Frame, site: Site, value: Any, key: Any) -> Any:
        return self._heard(site, value)

    def stored(self, frame: Frame, site: Site, base: Any, index: Any) -> None:
        new = self._heard(site, base)
        if new is not base:
            base[...] = new


