"""A derivation held against the model of another, the exercise: the same names, sizes, values and derivatives.

The names that the exercise declares get the values and sizes that they have there; all else, such as names of
intermediate values, follows from the equations of the derivation itself.  Where these compute something else than the
exercise, the lines are judged with what the exercise has in their place, as far as that has the names of the lines.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence, Set
from copy import copy
from itertools import islice, permutations
from math import prod
from typing import Any

import numpy as np

from tinyad.arrays.matrix import Array, size
from tinyad.derivation.judge.check import check_at, seeds_of
from tinyad.derivation.judge.contributions import known_cases
from tinyad.derivation.judge.targets import defines_notation
from tinyad.derivation.judge.thresholds import SAME_SUM, STATES_TRIED
from tinyad.derivation.judge.verdicts import CheckedLines, LineVerdict, ModelChange, Verdict
from tinyad.derivation.language.declarations import Declarations
from tinyad.derivation.language.equations import names_in
from tinyad.derivation.language.reader import Derivation, Unreadable, derivations
from tinyad.derivation.language.sizes import Side, size_text
from tinyad.derivation.language.source import DerivationError, LimitError, Source
from tinyad.derivation.language.syntax_tree import Node, Ref, Statement, moved_to, structure, walk
from tinyad.derivation.semantics.environment import Time, TimedName
from tinyad.derivation.semantics.forward import Forward, close, label, last_time, length_of
from tinyad.derivation.semantics.limits import SIZES
from tinyad.derivation.semantics.sample_point import SamplePoint
from tinyad.derivation.semantics.sampling import sample_points

NOT_JUDGED = "the model is not that of the exercise"
KINDS = {  # of declarations that say what the values of a name are like → the attribute that holds their names
    "constant": "constant", "positive": "positive", "sums to 1": "shares", "rows sum to 1": "row_shares",
    "range": "ranges", "symmetric": "matrix_kinds", "orthogonal": "matrix_kinds", "positive definite": "matrix_kinds",
}  # fmt: skip


class Model:
    """The declarations and the forward equations of a derivation, at its sample points."""

    def __init__(self, derivation: Derivation, seed: int = 0) -> None:
        self.derivation, self.declarations = derivation, derivation.declarations
        self.points = sample_points(derivation, seeds_of(seed))
        self.forward = self.points[0].forward

    def equation(self, place: TimedName) -> str:
        """Return the equation that computes a value, as it stands in the exercise."""
        recorded = self.forward.recorded(place)
        return self._text(recorded.equation) if recorded is not None else label(*place)

    def equation_of_name(self, key: str) -> str:
        """Return the first equation that computes a name."""
        return self._text(self.forward.keys[key][0])

    def uses(self, key: str) -> list[str]:
        """Return the equations that use a name."""
        names = self.declarations.names
        used = [
            k
            for k, eq in enumerate(self.derivation.forward)
            if any(n.kind == "name" and key in names.instances_of(n.value.key) for m in eq.members for n in walk(m))
        ]
        return [self._text(k) for k in used]

    def declared(self, key: str) -> str:
        """Say which size a name has: in letters, or in numbers at the first sample point."""
        if key in self.declarations.shapes:
            rows, columns = map(size_text, self.declarations.shapes[key])
            node = self.declarations.declared[key]
            return f"{self.derivation.source.text[node.start : node.end]} is {rows}×{columns}"
        sizes = next(size(v.shape) for (other, _), v in self.forward.values.items() if other == key)
        return f"{key} comes out as {sizes} with {', '.join(f'{s} = {n}' for s, n in self.forward.sizes.items())}"

    def _text(self, k: int) -> str:
        eq = self.derivation.forward[k]
        source = self.derivation.source
        return source.numbered(" ".join(source.text[eq.start : eq.end].split()), "")


def models_of(source: Source, seed: int = 0) -> list[Model]:
    """Return the models of the derivations of a file."""
    with np.errstate(all="ignore"):
        return [Model(derivation, seed) for derivation in derivations(source)]


def check_against(
    models: Sequence[Model], source: Source, layout: str | None = None
) -> list[tuple[Derivation, CheckedLines]]:
    """Judge every set of backward lines of a file by the models of an exercise, in another layout if one is given.

    Raises DerivationError for what cannot be read, and where the file has not as many derivations as the exercise.
    """
    found = derivations(source)
    if len(found) != len(models):
        have, has = _counted(len(models)), _counted(len(found))
        raise DerivationError(
            f"the exercise has {have}, each with declarations of its own; this file has {has}", source
        )
    for derivation in found:
        derivation.declarations.layout = layout or derivation.declarations.layout
    with np.errstate(all="ignore"):
        judged = zip(models, found, strict=True)
        return [(derivation, lines) for model, derivation in judged for lines in _Against(model, derivation).checked()]


def _counted(n: int) -> str:
    return f"{n} derivation{'s' * (n != 1)}"


class _Against:
    """One derivation beside the model of the exercise."""

    def __init__(self, model: Model, derivation: Derivation) -> None:
        self.model, self.source = model, derivation.source
        self.declarations = _declared_as_in(model.declarations, derivation.declarations)
        self.names = self.declarations.names
        self.derivation = derivation._replace(declarations=self.declarations)
        self.declared_here = derivation.declarations
        self.computed: dict[str, list[int]] = {}  # name → the equations that compute it
        for k, equation in enumerate(derivation.forward):
            for key in self.names.instances_of(equation.left[0].value.key):
                self.computed.setdefault(key, []).append(k)
        self.points = list[SamplePoint]()
        self.aliases = dict[str, str]()  # a name here → the name in the exercise that it stands for
        loss = model.declarations.names.loss
        if self.names.loss != loss not in self.computed:
            self.aliases[self.names.loss] = loss

    def checked(self) -> list[CheckedLines]:
        """Return the verdicts; where the model is another one what was changed, and the verdicts by the exercise."""
        changes = sorted({*self._changes()})
        if not changes:
            return self._judged()
        for derivation in self._as_in_exercise(changes):
            other = _Against(self.model, derivation)
            if not other._changes():
                return [_judged_by_exercise(lines, changes) for lines in other._judged()]
        return [self._unjudged(title, lines, changes) for title, lines in self.derivation.backward.items()]

    def _changes(self) -> list[ModelChange]:
        """Return what makes the model another one; if nothing does, there are sample points to judge lines at."""
        changes = [*self._changed_declarations()]
        if bool(self.names.last) == bool(self.model.declarations.names.last):
            changes += self._changed_names()
        try:
            changes = changes or [*self._changed_sizes()] or [*self._renamed_states()]
            if not changes:
                forwards = [self._forward(point) for point in self.model.points]
                changes = [*self._changed_values(forwards)]
            if not changes:
                self.points = [SamplePoint(forward) for forward in forwards]
                changes = [*self._changed_derivatives(self.points)]
        except LimitError:
            raise
        except DerivationError as error:  # the equations have no values
            changes = [self._change((error.at, error.to), error.message)]
        return changes

    def _judged(self) -> list[CheckedLines]:
        """Return the verdicts at the sample points."""
        sets = [self._with_missing(k, lines) for k, lines in enumerate(check_at(self.points, self.derivation))]
        left_out = [title for title in self.model.derivation.backward if title not in self.derivation.backward]
        if len(self.model.derivation.backward) > len(sets):
            faults = [f"no lines of {title}" for title in left_out]
            sets[-1] = sets[-1]._replace(faults=[*sets[-1].faults, *faults])
        return sets

    def _as_in_exercise(self, changes: Sequence[ModelChange]) -> Iterator[Derivation]:
        """Yield the derivation with what the exercise has: in the place of what was changed, then of all equations."""
        there, mine = self.model.derivation.forward, self.derivation.forward
        twins = {equation.left[0].value: equation for equation in there}
        changed = [eq for eq in mine if any(eq.start <= change.start < eq.end for change in changes)]
        if all(eq.left[0].value in twins for eq in changed):
            forward = [moved_to(twins[eq.left[0].value], eq.start, eq.end) if eq in changed else eq for eq in mine]
            yield self.derivation._replace(forward=forward, declarations=self._declarations(self.declarations.shapes))
        place = {eq.left[0].value: (eq.start, eq.end) for eq in mine}
        first = mine[0].start, mine[0].end
        forward = [moved_to(eq, *place.get(eq.left[0].value, first)) for eq in there]
        yield self.derivation._replace(forward=forward, declarations=self._declarations({}))

    def _declarations(self, shapes: Mapping[str, tuple[Side, Side]]) -> Declarations:
        """Return the declarations with those of the exercise for its names, and these sizes for others."""
        there, it = self.model.declarations, copy(self.declarations)
        it.shapes = {**shapes, **there.shapes}
        it.declared = {ref.key: node for node, ref in self._names_used() if node.kind == "name"} | it.declared
        it.names, it.pending = copy(it.names), []
        it.names.known = there.names.known | it.names.known
        return it

    def _with_missing(self, k: int, lines: CheckedLines) -> CheckedLines:
        """Return a set of lines, with what the exercise sets and no line here does, as far as no fault says it."""
        there = self.model.derivation.backward
        asked = there.get(lines.title) or [*there.values()][min(k, len(there) - 1)]
        statements = [line for line in asked if isinstance(line, Statement)]
        mine = [v.statement for v in lines.verdicts if v.statement is not None]
        places = places_set(self.model.points[0], statements)
        known = {self._twin(place) for place in places_set(lines.points[0], mine)}
        derives = any(r.of is not None for v in lines.verdicts for r in v.readings)
        absent = list[str]()
        for place in places:
            told = derives and not (isinstance(place[1], int) and place[1] < 1)
            if place not in known and not (told or self.model.forward.is_computed(place)):
                absent.append(label(*place))
        faults = [f"no line sets the derivative of {', '.join(dict.fromkeys(absent))}"] if absent else []
        if not places:  # then the exercise asks for Jacobians
            names = names_by_value(self.model, lines.points)
            set_here = {_renamed(structure(left), names) for line in mine for left in line.left}
            inputs_and_results = {*self.model.declarations.shapes, *self._results()}
            for left in (left for line in statements for left in line.left):
                if _renamed(structure(left), {}) not in set_here and {*names_in(left)} <= inputs_and_results:
                    text = self.model.derivation.source.text[left.start : left.end]
                    faults.append(f"no line sets {' '.join(text.split())}")
        return lines._replace(faults=[*lines.faults, *faults])

    def _results(self) -> set[str]:
        """Return the names that the exercise computes, and no equation of it uses."""
        used = {key for eq in self.model.derivation.forward for member in eq.members for key in names_in(member)}
        return {*self.model.forward.keys} - used

    def _unjudged(
        self, title: str, lines: Sequence[Statement | Unreadable], changes: Sequence[ModelChange]
    ) -> CheckedLines:
        verdicts = [
            LineVerdict(
                self.source.author_place(line.start)[0], line.number, self.source.text[line.start : line.end],
                Verdict.NOT_JUDGED, NOT_JUDGED, line.start, line.end, (line.start, line.end),
                ", ".join(self.source.text[left.start : left.end] for left in getattr(line, "left", ())),
            )
            for line in lines
        ]  # fmt: skip
        return CheckedLines(title, verdicts, [], [], [], (), {}, changes=changes)

    # What the declarations say

    def _changed_declarations(self) -> Iterator[ModelChange]:
        """Yield declarations that say something else about a name of the exercise than the exercise does."""
        there, here = self.model.declarations, self.declared_here
        if bool(there.names.last) != bool(here.names.last):
            has = "a sequence, `time: t = 1..T`" if there.names.last else "one time step, and no sequence"
            yield self._change(self._entry("time"), f"the exercise is {has}")
        for kind, attribute in KINDS.items():
            mine = getattr(here, attribute)
            for key in mine:
                other = there.matrix_kinds.get(key) == here.matrix_kinds.get(key)
                same = other if attribute == "matrix_kinds" else key in getattr(there, attribute)
                if not same and self._is_input(key) and self._says(kind):
                    yield self._change(self._entry(kind), f"in the exercise {key} is not declared `{kind}`")
                    break
        given = {ref.key for ref, _, _ in there.given}
        for ref, _, _ in here.given:
            node = here.given_at[ref.key]
            said = any(e.kind.startswith("given") and e.start <= node.start < e.end for e in here.pending)
            if said and ref.key not in given:
                named = " ".join(self.source.text[node.start : node.end].split())
                yield self._change((node.start, node.end), f"in the exercise {named} is not given")

    def _says(self, kind: str) -> bool:
        return any(entry.kind == kind for entry in self.declared_here.pending)

    def _entry(self, kind: str) -> tuple[int, int]:
        """Return where something is declared; else where the derivation begins."""
        found = (e for e in self.declared_here.pending if e.kind == kind)
        entry = next(found, None)
        if entry is not None:
            return entry.begun, entry.end
        first = self.derivation.forward[0]
        return first.start, first.end

    def _change(self, at: tuple[int, int], message: str) -> ModelChange:
        return ModelChange(*at, self.source.line_name(at[0]), message)

    def _states(self) -> set[str]:
        """Return the names of a sequence that the exercise has not, and whose values at the time 0 are used."""
        earlier = (ref for _, ref in self._names_used() if ref.time and (ref.time == ("=", 0) or ref.time[1] < 0))
        keys = {key for ref in earlier for key in self.names.instances_of(ref.key) if self.names.last}
        return {key for key in keys if key in self.computed and not self._in_exercise(key)}

    def _is_input(self, key: str) -> bool:
        """Return whether the exercise declares a name, and computes none of its values."""
        return key in self.model.declarations.shapes and key not in self.model.forward.keys

    def _in_exercise(self, key: str) -> bool:
        return key in self.model.declarations.shapes or key in self.model.forward.keys

    # Which names are declared, and which computed

    def _changed_names(self) -> Iterator[ModelChange]:
        """Yield names that are declared here and computed in the exercise, or the other way round, or in one only."""
        forward, there = self.derivation.forward, self.model.forward
        own, states = set[str](), self._states()
        for equation in forward:
            left = equation.left[0]
            for key in self.names.instances_of(left.value.key):
                time = self._step_time(left.value, key)
                if key in own or key in self.aliases:
                    continue
                if key in self.model.declarations.shapes and not _is_computed(there, (key, time)):
                    own.add(key)
                    yield self._change(
                        (left.start, left.end), f"in the exercise {label(key, time)} is declared and not computed"
                    )
        for node, ref in self._names_used():
            for key in self.names.instances_of(ref.key):
                place = key, self._step_time(ref, key)
                if key in own or self._is_computed_here(place):
                    continue
                if _is_computed(there, place):
                    own.add(key)
                    message = (
                        f"{label(*place)} is not computed here; the exercise has {self.model.equation_of_name(key)}"
                    )
                    yield self._change((node.start, node.end), message)
                elif key in self.declarations.shapes and not (self._in_exercise(key) or key in states):
                    own.add(key)
                    near = close(key, [k for k in self.model.declarations.shapes if k not in self.declarations.shapes])
                    meant = f"; is {near} meant?" if near else ""
                    yield self._change((node.start, node.end), f"the exercise has no {key}{meant}")
        yield from self._missing_results()

    def _missing_results(self) -> Iterator[ModelChange]:
        """Yield the loss and the names with given derivatives that the exercise computes, and no equation here."""
        first = self.derivation.forward[0]
        start = first.start, first.end
        loss, here = self.model.declarations.names.loss, self.names.loss
        if loss in self.model.forward.keys and here not in self.computed:
            message = f"the loss is not computed here; the exercise has {self.model.equation_of_name(loss)}"
            yield self._change(start, message)
        if loss not in self.model.forward.keys and here in self.computed:
            equation = self.derivation.forward[self.computed[here][0]]
            yield self._change(
                (equation.start, equation.end), f"the exercise has no loss {here}: derivatives are given there"
            )
        for ref, _, _ in self.model.declarations.given:
            if ref.key in self.model.forward.keys and ref.key not in self.computed:
                message = f"{ref.key} is not computed here; the exercise has {self.model.equation_of_name(ref.key)}"
                yield self._change(start, message)
            elif ref.key not in self.model.forward.keys and ref.key not in self.declarations.shapes:
                yield self._change(
                    start, f"{ref.key} is not declared here; in the exercise {self.model.declared(ref.key)}"
                )

    def _names_used(self) -> Iterator[tuple[Node, Ref]]:
        """Yield the names in all equations and lines, and where they stand."""
        lines = [line for lines in self.derivation.backward.values() for line in lines if isinstance(line, Statement)]
        parts = [member for equation in self.derivation.forward for member in equation.members]
        parts += [part for line in lines for part in (*line.left, *line.members)]
        for node in (node for part in parts for node in walk(part)):
            values = node.value if isinstance(node.value, tuple) and not isinstance(node.value, Ref) else (node.value,)
            yield from ((node, value) for value in values if isinstance(value, Ref))

    def _step_time(self, ref: Ref, key: str) -> Time:
        """Return the time of a name in one time step; in a sequence only whether it is the first one, 0."""
        if self.names.last:
            return 0 if ref.time == ("=", 0) else None
        return ref.time or (("t", 0) if self.names.timed(key) else None)

    def _is_computed_here(self, place: TimedName) -> bool:
        key, time = place
        equations = (self.derivation.forward[k] for k in self.computed.get(key, ()))
        if self.names.last:
            return key in self.computed and time != 0
        return time in {self._step_time(eq.left[0].value, key) for eq in equations}

    # Sizes

    def _sizes(self, point: SamplePoint) -> dict[str, int]:
        """Return the numbers of the symbols of sizes here, by the sizes that the names have in the exercise."""
        lengths = list(self._lengths(point.forward))
        known = {self.names.last: last_time(point.drawing)} if self.names.last else {}
        votes: dict[str, Counter[int]] = {}
        for _, side, length in lengths:
            if len(side) == 1 and side[0][1] == 1 and side[0][0] and "*" not in side[0][0]:
                votes.setdefault(side[0][0], Counter())[length] += 1
        known = {symbol: found.most_common(1)[0][0] for symbol, found in votes.items()} | known
        while (solved := next(_solved(lengths, known), None)) is not None:
            known[solved[0]] = solved[1]
        sides = [side for shape in self.declarations.shapes.values() for side in shape]
        parts = dict.fromkeys(part for side in sides for symbol, _ in side if symbol for part in symbol.split("*"))
        free = iter(n for n in (*SIZES, *range(20, 20 + len(parts))) if n not in known.values())
        known |= {part: next(free) for part in parts if part not in known}
        products = {symbol for side in sides for symbol, _ in side if "*" in symbol}
        return known | {symbol: prod(known[part] for part in symbol.split("*")) for symbol in products}

    def _lengths(self, forward: Forward) -> Iterator[tuple[str, Side, int]]:
        """Yield (name, a side as it is declared here, its length in the exercise)."""
        shapes: dict[str, tuple[int, ...]] = {key: forward.shape(key) for key in self.model.declarations.shapes}
        shapes |= {key: v.shape for (key, _), v in forward.values.items()}
        for key, sides in self.declarations.shapes.items():
            if key in shapes:
                yield from ((key, side, length) for side, length in zip(sides, shapes[key], strict=True))

    def _changed_sizes(self) -> Iterator[ModelChange]:
        """Yield names with another size than in the exercise."""
        for point in self.model.points:
            numbers = self._sizes(point)
            for key, side, length in self._lengths(point.forward):
                if length_of(side, numbers) != length:
                    node = self.declarations.declared.get(key, self.derivation.forward[0].left[0])
                    yield self._change((node.start, node.end), f"in the exercise {self.model.declared(key)}")
                    return

    def _forward(self, point: SamplePoint) -> Forward:
        """Return the values of all names here, where those that the exercise declares are as they are there."""
        return Forward(self.derivation, point.drawing._replace(sizes=self._sizes(point), names=self.aliases))

    # Values and derivatives

    def _renamed_states(self) -> Iterator[ModelChange]:
        """Find which states of a sequence have another name here, by their values; yield those that are none there.

        Their values at the time 0 are what the exercise declares for the state.
        """
        point, here = self.model.points[0], sorted(self._states())
        there = [key for key, time in point.values if time == 0 and key in point.forward.keys]
        free = [key for key in there if key not in self.computed]
        for chosen in islice(permutations(free, len(here)), STATES_TRIED) if here else ():
            self.aliases |= dict(zip(here, chosen, strict=True))
            try:
                forward = self._forward(point)
            except LimitError:
                raise
            except DerivationError:  # no finite numbers
                continue
            if not any(self._is_other(place, point, forward) for place in forward.values if place[0] in here):
                return
        for key in here:
            self.aliases.pop(key, None)
            left = self.derivation.forward[self.computed[key][0]].left[0]
            yield self._change(
                (left.start, left.end), f"the exercise has no {key} at the time 0, only {', '.join(there)}"
            )

    def _changed_values(self, forwards: Sequence[Forward]) -> Iterator[ModelChange]:
        """Yield equations that compute something else than in the exercise, though all that they use is the same."""
        changed: dict[int, TimedName] = {}  # equation → what it computes
        for point, forward in zip(self.model.points, forwards, strict=True):
            other = {place for place in forward.values if self._is_other(place, point, forward)}
            for place in other:
                recorded = forward.recorded(place)
                if recorded is not None and not _reaches(forward, place, other):
                    changed.setdefault(recorded.equation, place)
        for k, place in changed.items():
            equation = self.derivation.forward[k]
            message = f"the exercise has {self.model.equation(self._twin(place))}"
            yield self._change((equation.start, equation.end), message)
        for key in sorted({*self.model.forward.functions.free} - {*forwards[0].functions.free}):
            first = self.derivation.forward[0]
            yield self._change(
                (first.start, first.end), f"in the exercise {key} is any function, component by component"
            )

    def _is_other(self, place: TimedName, point: SamplePoint, forward: Forward) -> bool:
        """Return whether an equation here computes another value than the exercise has."""
        twin = self._twin(place)
        if twin not in point.values or not forward.is_computed(place):
            return False
        return not _equal(forward.values[place].value, point.values[twin].value)

    def _twin(self, place: TimedName) -> TimedName:
        """Return the name in the exercise that a name here stands for."""
        return self.aliases.get(place[0], place[0]), place[1]

    def _changed_derivatives(self, points: Sequence[SamplePoint]) -> Iterator[ModelChange]:
        """Yield names whose derivatives are other ones than in the exercise, although all values are the same."""
        derived = {
            key for node, ref in self._names_used() if node.kind == "d" for key in self.names.instances_of(ref.key)
        }
        told = set[str]()
        for there, here in zip(self.model.points, points, strict=True):
            for place in here.values:
                key, twin = place[0], self._twin(place)
                if twin not in there.values or key in told or (key not in derived and here.forward.is_computed(place)):
                    continue
                if here.near(place, here.true_derivative(place), there.true_derivative(twin)):
                    continue
                told.add(key)
                at = self.derivation.forward[self.computed.get(key, [0])[0]]
                uses = " and ".join(self.model.uses(key)) or "no equation"
                message = f"the derivative of {key} is another one here; in the exercise {uses} uses it"
                yield self._change((at.start, at.end), message)
        reached = {self._twin(place)[0] for point in points for place in point.values}
        for key in self.model.declarations.shapes:
            places = [p for p in self.model.forward.values if p[0] == key and not self.model.forward.is_computed(p)]
            needed = any(np.any(self.model.points[0].true_derivative(p)) for p in places)
            if needed and key not in reached and key not in self.model.declarations.constant:
                first = self.derivation.forward[0]
                uses = " and ".join(self.model.uses(key))
                yield self._change((first.start, first.end), f"no equation here uses {key}; the exercise has {uses}")


def _judged_by_exercise(lines: CheckedLines, changes: Sequence[ModelChange]) -> CheckedLines:
    """Return a set of lines with what was changed; the equations here are not those that the lines were judged by."""
    return lines._replace(changes=changes, verdicts=[v._replace(rules=()) for v in lines.verdicts])


def _declared_as_in(there: Declarations, here: Declarations) -> Declarations:
    """Return declarations with what the exercise says of the values of its names, and what it gives."""
    it = copy(here)
    for attribute in dict.fromkeys(KINDS.values()):
        setattr(it, attribute, getattr(there, attribute))
    it.given, it.of_exercise = there.given, True
    it.given_at = {**there.given_at, **here.given_at}
    return it


def _solved(lengths: Sequence[tuple[str, Side, int]], known: Mapping[str, int]) -> Iterator[tuple[str, int]]:
    """Yield (symbol, its number) where it is the only one in a side that is not known."""
    for _, side, length in lengths:
        parts = {part for symbol, _ in side if symbol for part in symbol.split("*")}
        unknown = parts - {*known}
        if len(unknown) != 1:
            continue
        (part,) = unknown

        def at(number: int, side: Side = side, part: str = part) -> int:
            numbers = {**known, part: number}
            return sum(f * (prod(numbers[p] for p in symbol.split("*")) if symbol else 1) for symbol, f in side)

        step = at(1) - at(0)
        if step and (length - at(0)) % step == 0 and (length - at(0)) // step > 0:
            yield part, (length - at(0)) // step


def _renamed(value: Any, names: Mapping[str, str]) -> Any:
    """Return the structure of a formula with other names for some."""
    if isinstance(value, Ref):
        return value._replace(key=names.get(value.key, value.key))
    return tuple(_renamed(part, names) for part in value) if isinstance(value, tuple) else value


def names_by_value(model: Model, points: Sequence[SamplePoint]) -> dict[str, str]:
    """Return the names of a derivation at these points that the exercise has not → the names there with the values."""
    if not points:
        return {}
    here, names = points[0].forward.keys, dict[str, str]()
    for own in (own for own in here if own not in model.forward.keys):
        for key in (key for key in model.forward.keys if key not in here):
            pairs = [
                (mine.values[own, time].value, theirs.values[key, time].value)
                for mine, theirs in zip(points, model.points, strict=False)
                for name, time in theirs.values
                if name == key and (own, time) in mine.values
            ]
            if pairs and all(_equal(a, b) for a, b in pairs):
                names[own] = key
    return names


def places_set(point: SamplePoint, lines: Sequence[Statement]) -> dict[TimedName, None]:
    """Return the names whose derivatives some lines set, in order."""
    lefts = (left for line in lines if line.sign != "given" and not defines_notation(line) for left in line.left)
    return dict.fromkeys(case.place for left in lefts if left.kind == "d" for case in known_cases(point, left))


def _is_computed(forward: Forward, place: TimedName) -> bool:
    """Return whether the exercise computes a value; in a sequence at every time but 0."""
    key, time = place
    if forward.last is not None:
        return key in forward.keys and time != 0
    return forward.will_be(place)


def _equal(a: Array, b: Array) -> bool:
    """Return whether two values are the same, to rounding."""
    if a.shape != b.shape:
        return False
    return bool(
        np.all(np.abs(a - b) <= SAME_SUM * max(float(np.abs(a).max(initial=0)), float(np.abs(b).max(initial=0))))
    )


def _reaches(forward: Forward, place: TimedName, others: Set[TimedName]) -> bool:
    """Return whether a value is computed from one of the others, by any way."""
    seen, ahead = {place}, [place]
    while ahead:
        for used in forward.uses(ahead.pop()):
            if used in others and used != place:
                return True
            if used not in seen:
                seen.add(used)
                ahead.append(used)
    return False
