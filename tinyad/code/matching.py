"""Which values of the forward run a value of the backward run may be the derivative for: calls, loops, names."""

from __future__ import annotations

import ast
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property
from itertools import combinations
from typing import Any, NamedTuple

import numpy as np

from tinyad.code import values
from tinyad.code.chains import chains, settled
from tinyad.code.names import (
    CONTAINERS,
    LATER,
    PARAMETERS,
    UPSTREAM,
    Meaning,
    Meanings,
    Share,
    canonical,
    last_part,
    looks_like_derivative,
    stem,
    stripped,
)
from tinyad.code.probes import GIVEN, Kind, names_of
from tinyad.code.program import CodeError
from tinyad.code.recording import Call, Event, Recorded, Target, functions_called
from tinyad.code.values import Array, Path

SET = (*GIVEN, Kind.ASSIGNED, Kind.ITEM, Kind.STORED)


class Setting(NamedTuple):
    """A value of the forward run that was set: the event that set it, and where in its container it is."""

    event: Event
    path: Path
    shape: tuple[int, ...]
    stores: tuple[int, ...] = ()  # of an array that is assembled

    @property
    def target(self) -> Target:
        """What is displaced."""
        return Target(self.stores or (self.event.ordinal,), self.path, self.shape, bool(self.stores))


class Candidate(NamedTuple):
    """What a value may be the derivative for.

    index: the value is that for these entries of the target only.  name: of the forward, or the formula of an
    expression.  part: some uses of a value only.  fits: the shapes agree.  expected: they have to.
    """

    target: Target
    index: Any
    name: str
    line: int
    part: bool = False
    fits: bool = True
    expected: bool = False


class Matching:
    """The values of a forward run, by name, and how they are used.

    loss: the event that sets the loss, where one function has both passes, and None elsewhere.  masks: which entries
    each store into an array sets for good, by ordinal.  versions: by the ordinal of a use, the event that set what it
    reads.
    """

    def __init__(self, forward: Recorded, loss: int | None, declared: Mapping[str, str]) -> None:
        self.forward = forward
        self.same_run = loss is not None
        self.events = forward.events if loss is None else forward.events[: loss + 1]
        self.by_name: dict[str, list[Setting]] = {}
        self.uses: dict[str, list[Event]] = {}
        self.versions: dict[int, int] = {}
        self.origins: dict[int, tuple[int, Path]] = {}
        self.masks: dict[int, Array] = {}
        self.held: dict[Path, tuple[int, Path]] = {}  # where arrays lie in memory → the event that set them first
        self._read_events()
        self._read_items()
        self._assemble()
        unknown = [of for of in declared.values() if of not in self.by_name]
        if unknown:
            raise CodeError(f"nothing in the forward pass is called {unknown[0]}, which a name is said to be for")
        self.meanings = Meanings(self.names(), declared, self._argument())

    def _read_events(self) -> None:
        latest: dict[tuple[int, str], int] = {}
        outside: dict[str, int] = {}
        for event in self.events:
            place = values.identity(event.value)
            if event.kind in SET:
                self._add(event)
                latest[event.call, event.name] = event.ordinal
                if event.kind is Kind.OUTSIDE:
                    outside[event.name] = event.ordinal
                if place in self.held and event.kind is not Kind.STORED:
                    self.origins[event.ordinal] = self.held[place]
            elif event.kind is Kind.EXPRESSION and event.name and values.differentiable(event.value):
                self._add_use(event, latest.get((event.call, event.name), outside.get(event.name)))
            if event.kind in (*GIVEN, Kind.ASSIGNED):
                for leaf in event.leaves:
                    if leaf.place is not None:
                        self.held.setdefault(leaf.place, (event.ordinal, leaf.path))

    def _add_use(self, event: Event, version: int | None) -> None:
        """Add a use of a name; version: the event that set it, where its name tells."""
        self.uses.setdefault(canonical(event.name), []).append(event)
        place = values.identity(event.value)
        if version is None and place in self.held and not self.held[place][1]:
            version = self.held[place][0]
        if version is not None:
            self.versions[event.ordinal] = version

    def _read_items(self) -> None:
        """Add what a site reads from a list as uses of the names that the items have: hs[t] of h, and of h0 before."""
        items: dict[int, list[Event]] = {}  # by site
        for event in self.events:
            if event.kind is Kind.EXPRESSION and isinstance(event.site.node, ast.Subscript):
                setting, path = self.held.get(values.identity(event.value) or (), (event.ordinal, ()))
                if setting < event.ordinal and not path and self.events[setting].kind in (Kind.ENTRY, Kind.ASSIGNED):
                    items.setdefault(event.site.number, []).append(event)
                    self.versions[event.ordinal] = setting
        for read in items.values():
            for name in {canonical(self.events[self.versions[event.ordinal]].name) for event in read}:
                self.uses[name] = sorted([*self.uses.get(name, ()), *read], key=lambda event: event.ordinal)

    def _assemble(self) -> None:
        """Add the arrays that are stored part by part, as one leaf each."""
        stored = [e for e in self.events if e.kind in (Kind.ASSIGNED, Kind.STORED)]
        for chain in chains(stored):
            if not isinstance(chain.last.value, np.ndarray) or chain.last.kind is not Kind.STORED:
                continue
            masks = settled(chain)
            if len(masks) > 1:
                self.masks |= masks
                self.by_name[canonical(chain.last.name)].append(
                    Setting(chain.last, (), chain.last.value.shape, tuple(sorted(masks)))
                )

    def _add(self, event: Event) -> None:
        name = event.key if event.kind is Kind.ITEM and isinstance(event.key, str) else canonical(event.name)
        if self.same_run and event.kind is Kind.ITEM and CONTAINERS.match(event.name):
            return
        for path, shape, place in event.leaves:
            if path and event.kind not in GIVEN and place in self.held:
                continue  # a cache that only holds what was set before
            keys = [last[1] if isinstance(last, tuple) else last for last in path]
            called = next((key for key in reversed(keys) if isinstance(key, str)), name)
            self.by_name.setdefault(called, []).append(Setting(event, path, shape))

    def names(self) -> list[str]:
        """Return the names of the forward run that may have derivatives: none that is kept for a derivative itself."""
        known = Meanings(self.by_name)
        kept = [name for name in self.by_name if looks_like_derivative(name) and known.by_form(name)]
        if not self.same_run:
            kept = [name for name in kept if name not in self.uses and all(map(_is_attribute, self.by_name[name]))]
        return [name for name in self.by_name if name not in kept]

    def _argument(self) -> str:
        """Return the name of the first argument that has a derivative and is no object."""
        entries = [e for e in self.events if e.call == self.forward.first and e.kind is Kind.ENTRY]
        return next((e.name for e in entries if values.differentiable(e.value)), "")


def _is_attribute(setting: Setting) -> bool:
    """Return whether a value is one that an object has before the forward pass."""
    return setting.event.kind is Kind.ENTRY and any(isinstance(key, tuple) for key in setting.path)


class Matched:
    """A backward run matched with the forward run before it.

    seen: the forward run, whose arrays the backward pass got.
    """

    def __init__(self, matching: Matching, seen: Recorded, backward: Recorded) -> None:
        self.matching, self.seen, self.backward = matching, seen, backward
        self.calls: dict[int, int] = {}
        self.votes: dict[tuple[int, tuple[tuple[int, int], ...]], tuple[int, int] | None] = {}
        self.of_call: dict[int, list[Event]] = {}
        for event in backward.events:
            self.of_call.setdefault(event.call, []).append(event)

    @cached_property
    def top(self) -> int:
        """The outermost call of the backward run."""
        return self.backward.first

    def origins(self, event: Event) -> Iterator[Event]:
        """Yield the events of the forward run whose arrays an event of the backward run holds."""
        for place in dict.fromkeys([event.place, *(leaf.place for leaf in event.leaves)]):
            if place is not None:
                yield from self.seen.by_identity.get(place, ())

    def call(self, number: int) -> int:
        """Return the forward call that a backward call belongs to."""
        if number not in self.calls:
            self.calls[number] = self._call(number)
        return self.calls[number]

    def _call(self, number: int) -> int:
        calls = self.seen.calls
        if number == self.top or not calls:
            return self.seen.first
        function = self.backward.calls[number].function
        mates = [c for c in calls.values() if stem(c.function) == stem(function) and c.function != function]
        mates = mates or [c for c in calls.values() if c.function == function.rpartition(".")[0]]
        if self.matching.same_run and not mates:
            return number
        allowed = {c.number for c in mates} or set(calls)
        votes = Counter[int]()
        for event in self.of_call.get(number, ()):
            votes.update({origin.call for origin in self.origins(event) if origin.call in allowed})
            if event.kind is Kind.ENTRY and event.name == "self":
                same = [e.call for e in self.seen.events if e.name == "self" and e.value is event.value]
                votes.update(c for c in same if c in allowed)
        same_function = [c for c in self.backward.calls.values() if c.function == function]
        later = len(same_function) - [c.number for c in same_function].index(number) - 1
        by_order = sorted(allowed)[later] if mates and len(mates) == len(same_function) else None
        if votes:
            best = max(votes.values())
            top = [c for c, n in votes.items() if n == best]
            return by_order if by_order in top else max(top)
        if by_order is not None:
            return by_order
        return max(allowed) if mates else self.call(self.backward.calls[number].parent or self.top)

    # Loops

    def allowed(self, event: Event, call: int) -> dict[str, Any]:
        """Return the loop variables of a forward call, with the values that they have to have for a backward event."""
        variables: dict[str, set[Any]] = {}
        for leaf in self._loops_of(call):
            for loop in leaf.loops:
                if isinstance(loop.value, (int, np.integer)):
                    variables.setdefault(loop.variable, set()).add(int(loop.value))
        found: dict[str, Any] = {}
        for loop in event.loops:
            if isinstance(loop.value, (int, np.integer)) and int(loop.value) in variables.get(loop.variable, ()):
                found[loop.variable] = int(loop.value)
        if event.loops and not found:
            vote = self.vote(event, call)
            if vote is not None:
                found[""] = vote
        return found

    def _loops_of(self, call: int) -> list[Event]:
        if call not in self._loop_events:
            self._loop_events[call] = [e for e in self.seen.events if e.call == call and e.loops]
        return self._loop_events[call]

    @cached_property
    def _loop_events(self) -> dict[int, list[Event]]:
        return {}

    def vote(self, event: Event, call: int) -> tuple[int, int] | None:
        """Return the pass of a forward loop whose arrays a pass of a backward loop reads: the loop and its count."""
        key = (event.call, tuple((loop.number, loop.passes) for loop in event.loops))
        if key not in self.votes:
            votes = Counter[tuple[int, int]]()
            read = dict[Path, None]()  # where the arrays lie, each once, however often it is used
            for other in self.of_call[event.call]:
                if tuple((loop.number, loop.passes) for loop in other.loops) == key[1]:
                    places = [other.place, *(leaf.place for leaf in other.leaves)]
                    read |= {place: None for place in places if place is not None}
            for place in read:
                origins = [e for e in self.seen.by_identity.get(place, ()) if e.call == call and e.loops]
                origins = [origin for origin in origins if origin.kind in SET]
                kept = [o for o in origins if o.kind is Kind.ITEM]  # what a pass kept, another may have set before
                votes.update({(origin.loops[0].number, origin.loops[0].passes) for origin in kept or origins})
            most = max(votes.values(), default=0)
            best = sorted(passed for passed, count in votes.items() if count == most)
            one_loop = len({number for number, _ in best}) == 1
            self.votes[key] = best[-1] if one_loop else None  # of several the last: a pass keeps what was before it
        return self.votes[key]

    @staticmethod
    def depth(leaf: Event | Call, wanted: dict[str, Any]) -> int:
        """Return how many loops of a forward event are in the pass that is wanted; -1 if one is in another pass."""
        found = 0
        for loop in leaf.loops:
            if loop.variable in wanted:
                if int(loop.value) != wanted[loop.variable]:
                    return -1
                found += 1
            if "" in wanted and loop.number == wanted[""][0]:
                if loop.passes != wanted[""][1]:
                    return -1
                found += 1
        return found

    # Candidates

    def candidates(self, event: Event, carried: bool, call: int | None = None) -> list[Candidate]:
        """Return what a value of the backward run may be the derivative for, by its name, call and loops.

        call: of the forward run, if not the one that belongs to that of the event.
        If no shape agrees, those of other shapes are returned, which do not fit.
        """
        name, key = _container(event)
        meanings = self.matching.meanings.of(name, key)
        call = self.call(event.call) if call is None else call
        wanted = self.allowed(event, call)
        shape = values.shape(event.value)
        found: list[Candidate] = []
        for meaning in meanings:
            leaves = self._leaves(meaning.name, call, wanted, key)
            if meaning.share is not Share.PART:
                shown = f"{meaning.name}[{key}]" if PARAMETERS.match(meaning.name) and key is not None else meaning.name
                found += [c for leaf in leaves for c in self._fitting(leaf, shape, shown, wanted, key)]
                found += self._origins(leaves, shape, meaning.name)
            if event.kind is Kind.ENTRY:
                found += self._returned(call, shape, meaning.name)
            if carried:
                found += self._read_versions(meaning.name, call, wanted, shape)
            outside = bool(wanted) and all(self.depth(leaf.event, wanted) == 0 for leaf in leaves)
            if meaning.share is not Share.ALL or carried or outside:
                together = meaning.share is not Share.LOCAL and (
                    carried or outside or bool(LATER.search(last_part(event.name)))
                )
                found += self._parts(meaning.name, call, wanted, shape, together)
        nested = event.kind is Kind.ENTRY and call != self.seen.first
        if nested and UPSTREAM.match(event.name) and not self._has_own(meanings, call):
            found = self._returned(call, shape, "")  # a helper's adjoint is that of its own result
        fitting = [candidate for candidate in dict.fromkeys(found) if candidate.fits]
        return fitting or list(dict.fromkeys(found))

    def _fitting(
        self, leaf: Setting, shape: tuple[int, ...], name: str, wanted: dict[str, Any], key: Any
    ) -> list[Candidate]:
        """Return a leaf as candidates for a value of a shape: all of it, or the row of a pass of a loop."""
        target, line = leaf.target, leaf.event.site.line
        if target.shape == shape or _squeezed(target.shape) == _squeezed(shape):
            return [Candidate(target, None, name, line)]
        if target.shape[1:] == shape:
            rows = [row for row in self._rows(wanted, key) if 0 <= row < target.shape[0]]
            return [Candidate(target, row, name, line) for row in dict.fromkeys(rows)]
        return [Candidate(target, None, name, line, fits=False)]

    def _rows(self, wanted: dict[str, Any], key: Any) -> Iterator[int]:
        """Yield the rows that a pass of a loop may be about: by its variable, by its count, by the key of an item."""
        for variable, value in wanted.items():
            if not variable:
                yield value[1]
                continue
            yield value
            for event in self.seen.events:
                loop = next((loop for loop in event.loops if loop.variable == variable and loop.value == value), None)
                if loop is not None:
                    yield loop.passes
                    break
        if isinstance(key, int):
            yield key

    def _origins(self, leaves: list[Setting], shape: tuple[int, ...], name: str) -> list[Candidate]:
        """Return the names under which arrays were set that were put into a list or passed on later."""
        found = []
        for leaf in leaves:
            origin = self.matching.origins.get(leaf.event.ordinal)
            if origin is not None and leaf.shape == shape and not leaf.path:
                line = self.seen.events[origin[0]].site.line
                found.append(Candidate(Target((origin[0],), origin[1], shape), None, name, line))
        return found

    def _read_versions(self, name: str, call: int, wanted: dict[str, Any], shape: tuple[int, ...]) -> list[Candidate]:
        """Return what a name held when a pass of a loop read it: that of the pass before."""
        versions = {
            self.matching.versions[e.ordinal]
            for e in self.matching.uses.get(name, ())
            if e.call == call and self.depth(e, wanted) > 0 and e.ordinal in self.matching.versions
        }
        return [
            Candidate(Target((v,), (), shape), None, name, self.seen.events[v].site.line)
            for v in sorted(versions)
            if values.shape(self.seen.events[v].value) == shape
        ]

    def _has_own(self, meanings: Iterable[Meaning], call: int) -> bool:
        """Return whether a call sets something that a name means."""
        return any(setting.event.call == call for m in meanings for setting in self.matching.by_name.get(m.name, ()))

    def expressions(self, event: Event) -> list[Candidate]:
        """Return the unnamed values of the forward call that a value of the backward run may be the derivative for."""
        call = self.call(event.call)
        wanted = self.allowed(event, call)
        shape = values.shape(event.value)
        own = [
            e
            for e in self.seen.events[: len(self.matching.events)]  # where one run has both passes, of the forward
            if e.call == call
            and (e.kind is Kind.ASSIGNED or (e.kind in (Kind.EXPRESSION, Kind.RETURNED) and not e.name))
            and values.differentiable(e.value)
            and values.shape(e.value) == shape
        ]
        words = {word for form in stripped(last_part(event.name)) for word in form.split("_")}
        own.sort(key=lambda e: (e.kind is not Kind.ASSIGNED, not words & set(e.name.split("_"))))
        depths = [self.depth(e, wanted) for e in own]
        best = max(depths, default=-1)
        return [
            Candidate(Target((e.ordinal,), (), shape), None, e.name or ast.unparse(e.site.node), e.site.line)
            for e, depth in zip(own, depths, strict=True)
            if depth == best >= 0
        ]

    def _returned(self, call: int, shape: tuple[int, ...], name: str) -> list[Candidate]:
        """Return the parts of a call's result that are called by a name, or the first one for no name."""
        found = []
        for event in self.seen.events:
            if event.call != call or event.kind is not Kind.RETURNED:
                continue
            node = event.site.node
            elements = node.elts if isinstance(node, ast.Tuple) else [node]
            for path, own, _ in event.leaves:
                place = path[0] if path else 0
                called = elements[place] if isinstance(place, int) and place < len(elements) and len(path) < 2 else None
                text = names_of(called) if isinstance(called, ast.expr) else ""
                if len(path) < 2 and own == shape and (not name or text == name):
                    shown = name or "the result"
                    found.append(Candidate(Target((event.ordinal,), path, shape), None, shown, event.site.line))
        return found if name else found[:1]

    def _leaves(self, name: str, call: int, wanted: dict[str, Any], key: Any) -> list[Setting]:
        everywhere = self.matching.by_name.get(name, [])
        own = [leaf for leaf in everywhere if leaf.event.call == call]
        if not own:
            first = self.seen.first
            own = [leaf for leaf in everywhere if leaf.event.call == first] or everywhere
        items = [
            leaf
            for leaf in own
            if (leaf.event.kind is Kind.ITEM and leaf.event.key == key) or leaf.path[-2:] == (("attribute", name), key)
        ]
        if key is not None and items:
            return items
        depths = [self.depth(leaf.event, wanted) for leaf in own]
        best = max(depths, default=-1)
        found = [
            leaf
            for leaf, depth in zip(own, depths, strict=True)
            if (depth == best and depth >= 0) or (leaf.stores and depth != 0)
        ]
        if found and all(leaf.path for leaf in found):  # a cache of each pass holds parameters too
            outside = [leaf for leaf, depth in zip(own, depths, strict=True) if depth == 0 < best]
            found = outside + found
        return found

    def _parts(
        self, name: str, call: int, wanted: dict[str, Any], shape: tuple[int, ...], together: bool
    ) -> list[Candidate]:
        uses = [e for e in self.matching.uses.get(name, ()) if values.shape(e.value) == shape]
        inside = set(functions_called(self.seen.calls, call))
        own = [e for e in uses if e.call == call] or [e for e in uses if e.call in inside]
        depths = [self.depth(e, wanted) for e in own]
        best = max(depths, default=-1)
        own = [e for e, depth in zip(own, depths, strict=True) if depth == best >= 0]
        entries = [
            Candidate(Target((leaf.event.ordinal,), leaf.path, shape), None, name, leaf.event.site.line, True)
            for leaf in self.matching.by_name.get(name, ())
            if leaf.event.kind is Kind.ENTRY and leaf.shape == shape and self._called_in(leaf.event.call, call, wanted)
        ]
        groups: Iterable[tuple[Event, ...]]
        if together:
            versions: dict[Any, list[Event]] = {}
            for use in own:
                versions.setdefault(values.identity(use.value) or id(use.value), []).append(use)
            groups = [tuple(group) for group in versions.values()]
        else:
            groups = [group for n in (1, 2, 3) for group in combinations(own[:6], n)]
        return entries + [
            Candidate(Target(tuple(e.ordinal for e in group), (), shape), None, name, group[0].site.line, True)
            for group in groups
        ]

    def uses_of_all(self, event: Event) -> list[Candidate]:
        """Return the uses of all values of the forward call that have the shape of a value of the backward run."""
        call, shape = self.call(event.call), values.shape(event.value)
        wanted = self.allowed(event, call)
        own = [e for uses in self.matching.uses.values() for e in uses if e.call == call]
        own = [e for e in own if values.shape(e.value) == shape and self.depth(e, wanted) >= 0]
        return [Candidate(Target((e.ordinal,), (), shape), None, canonical(e.name), e.site.line, True) for e in own]

    def _called_in(self, inner: int, call: int, wanted: dict[str, Any]) -> bool:
        """Return whether a call was made by another one in the pass of a loop that is wanted."""
        made = self.seen.calls[inner]
        return made.parent == call and self.depth(made, wanted) > 0


def _container(event: Event) -> tuple[str, Any]:
    """Return the name of the list or dict that an event sets an item of, and its key; None for the key of no item."""
    if event.kind is Kind.ITEM:  # what is appended has another place in the end
        lasting = isinstance(event.key, str) or not isinstance(event.site.node, ast.Call)
        return event.name, event.key if lasting else None
    item = re.fullmatch(r"(.+)\[(\d+)\]", event.name)
    return (item[1], int(item[2])) if item else (event.name, None)


def _squeezed(shape: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(n for n in shape if n != 1)
