"""What a run reports, as a list of events; and the same run again with one value displaced."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np

from tinyad.code import values
from tinyad.code.limits import STEP
from tinyad.code.probes import Frame, Kind, Listener, Loop, Site, Statement
from tinyad.code.values import Array, Path


class Call(NamedTuple):
    """A call of a function of the program.

    parent, statement, loops: the call that made it (0: none), the statement (-1: none) and the passes of loops there.
    """

    number: int
    function: str
    parent: int
    statement: int
    loops: tuple[Loop, ...]


class Leaf(NamedTuple):
    """What has a derivative in a value: the path to it, its shape, and where it lies in memory."""

    path: Path
    shape: tuple[int, ...]
    place: Path | None


@dataclass(slots=True)
class Event:
    """A value that a site reported.

    key: of the item of a list or dict, or the index of the part of an array that was stored.  touched: the entries of
    an array that a store has written.  leaves: what has a derivative in the value.
    place: where an array lay in memory.
    """

    ordinal: int
    site: Site
    call: int
    loops: tuple[Loop, ...]
    value: Any
    key: Any = None
    touched: Any = None
    kind: Kind = Kind.ASSIGNED
    leaves: tuple[Leaf, ...] = ()
    place: Path | None = None

    @property
    def name(self) -> str:
        """The name that was set or read."""
        return self.site.name

    @property
    def occasion(self) -> tuple[int, ...]:
        """The call and the passes of loops in which it was reported."""
        return (self.call, *(loop.number for loop in self.loops), *(loop[1] for loop in self.loops))


class Recorded(Listener):
    """The events of a run, and its calls.

    copies: keep values as they were, although the program changes them later.  by_identity: events whose value lay at
    one place in memory.  stamps: for comparisons, whether each came out true and false.
    """

    def __init__(self, copies: bool = False) -> None:
        self.copies = copies
        self.function = ""  # that was run
        self.events: list[Event] = []
        self.calls: dict[int, Call] = {}
        self.by_identity: dict[Path, list[Event]] = {}
        self.comparisons: dict[int, set[bool]] = {}
        self.ran: set[int] = set()

    @property
    def first(self) -> int:
        """The first call of the function that was run: a decorator's may come before it."""
        own = [call.number for call in self.calls.values() if call.function == self.function]
        return min(own or self.calls, default=1)

    def _report(  # noqa: PLR0913  what an event holds
        self, frame: Frame, site: Site, value: Any, kind: Kind | None = None, key: Any = None, touched: Any = None
    ) -> None:
        if frame.call not in self.calls:
            self.calls[frame.call] = _call(frame)
        kept = _kept(value) if self.copies else value
        event = Event(len(self.events), site, frame.call, frame.loops, kept, key, touched, kind or site.kind)
        if event.kind is not Kind.EXPRESSION:
            event.leaves = tuple(Leaf(p, values.shape(leaf), values.identity(leaf)) for p, leaf in values.leaves(value))
        self.events.append(event)
        event.place = values.identity(value)
        if event.place is not None:
            self.by_identity.setdefault(event.place, []).append(event)

    def entry(self, frame: Frame, site: Site, value: Any) -> Any:
        self._report(frame, site, value)
        return value

    assigned = returned = expression = entry

    def item(self, frame: Frame, site: Site, value: Any, key: Any) -> Any:
        self._report(frame, site, value, Kind.ITEM, key)
        return value

    def stored(self, frame: Frame, site: Site, base: Any, index: Any) -> None:
        self._report(frame, site, base, Kind.STORED, index, touched(base, index))
        part = _part(base, index)
        place = values.identity(part)
        if place is not None and part is not base:
            self.by_identity.setdefault(place, []).append(self.events[-1])

    def comparison(self, frame: Frame, site: Site, value: Any) -> Any:
        seen = self.comparisons.setdefault(site.number, set())
        if len(seen) < 2:
            seen.update((bool(np.any(value)), bool(np.all(value))))
        return value

    def before(self, frame: Frame, statement: Statement, names: dict[str, Any]) -> None:
        self.ran.add(statement.number)


def _call(frame: Frame) -> Call:
    parent = frame.parent
    if parent is None:
        return Call(frame.call, frame.function, 0, -1, ())
    return Call(frame.call, frame.function, parent.call, parent.statement, parent.loops)


def _kept(value: Any) -> Any:
    return value.copy() if isinstance(value, np.ndarray) else value.clone() if values.is_tensor(value) else value


def _part(base: Any, index: Any) -> Any:
    try:
        return base[index]
    except (IndexError, TypeError, KeyError, ValueError):
        return None


def touched(base: Any, index: Any) -> Any:
    """Return which entries of an array a store with an index writes, as an array of truth values."""
    written = np.zeros(values.shape(base), bool)
    try:
        written[index] = True
    except (IndexError, TypeError, ValueError):
        written[...] = True
    return written


class Target(NamedTuple):
    """A value of a forward run that is displaced: events, or all of several uses, and the leaf of a container.

    assembled: the array is stored part by part, and each part is displaced right after its last store.
    """

    ordinals: tuple[int, ...]
    path: Path
    shape: tuple[int, ...]
    assembled: bool = False


@dataclass
class Displaced(Listener):
    """A run in which one target is displaced by size times a direction, in units of the value's scale.

    masks: of an array that is assembled, which entries each of its events sets for good, by ordinal.
    """

    target: Target
    direction: Array
    size: float
    masks: Mapping[int, Array]
    count: int = -1
    lean: bool = False
    scale: Array | None = None
    wanted: frozenset[int] = field(init=False)

    def __post_init__(self) -> None:
        self.wanted = frozenset(self.target.ordinals)

    def value(self, value: Any) -> Any:
        """Hear what was set in a lean run."""
        return self._moved(value)

    def store(self, base: Any) -> None:
        """Hear a store in a lean run."""
        self._displace(base)

    def _moved(self, value: Any) -> Any:
        self.count += 1
        if self.count not in self.wanted:
            return value
        leaf = values.at(value, self.target.path)
        return values.with_leaf(value, self.target.path, values.like(values.array(leaf) + self._step(leaf), leaf))

    def _step(self, leaf: Any) -> Array:
        if self.scale is None:
            self.scale = np.ones(self.target.shape) if self.target.assembled else values.scale(leaf)
        step: Array = self.size * STEP * self.scale * self.direction
        return step * self.masks[self.count] if self.target.assembled else step

    def entry(self, frame: Frame, site: Site, value: Any) -> Any:
        return self._moved(value)

    assigned = returned = entry

    def expression(self, frame: Frame, site: Site, value: Any) -> Any:
        return value if self.lean else self._moved(value)

    def item(self, frame: Frame, site: Site, value: Any, key: Any) -> Any:
        return self._moved(value)

    def stored(self, frame: Frame, site: Site, base: Any, index: Any) -> None:
        self._displace(base)

    def _displace(self, base: Any) -> None:
        self.count += 1
        if self.count in self.wanted:
            base += values.like(self._step(base), base)


def functions_called(calls: Mapping[int, Call], call: int) -> Sequence[int]:
    """Return a call and all calls that it made, directly or not."""
    found = {call}
    for number in sorted(calls):
        if calls[number].parent in found:
            found.add(number)
    return sorted(found)
