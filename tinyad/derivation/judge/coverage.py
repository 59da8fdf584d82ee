"""The lines of a set in order: which contributions they bring to every derivative, which twice, which not at all."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import combinations
from typing import NamedTuple

from tinyad.derivation.judge.contributions import (
    NO_KEYS,
    Case,
    ContributionKey,
    Keys,
    contributions_to,
    in_order,
    known_cases,
    paths_text,
    paths_told,
    total_of,
)
from tinyad.derivation.judge.targets import defines_notation, is_labelled_term, kept_sides, used_labels
from tinyad.derivation.judge.thresholds import PAIRS_CANCELLING, SUBSETS_OF
from tinyad.derivation.judge.unseen import is_small
from tinyad.derivation.judge.uses import Uses, circular
from tinyad.derivation.judge.verdicts import LineVerdict, Reading, Verdict
from tinyad.derivation.language.syntax_tree import Node
from tinyad.derivation.semantics.environment import Time, TimedName
from tinyad.derivation.semantics.forward import label
from tinyad.derivation.semantics.sample_point import SamplePoint
from tinyad.derivation.semantics.values import Scope

NO_SCOPE = Scope(None, {})


class Fault(NamedTuple):
    """The verdict on a line that is right on its own, and the contributions that it is about."""

    verdict: Verdict
    keys: Keys


class Coverage:
    """The lines of one set in order.  `verdicts`, `faults` and `notes` are the result; `uses` may be known before."""

    def __init__(
        self, points: Sequence[SamplePoint], verdicts: Sequence[LineVerdict], uses: Uses | None = None
    ) -> None:
        self.verdicts = list(verdicts)
        self.faults: list[str] = []
        self.notes: list[str] = []
        self._points, self._point = points, points[0]
        self._uses = uses or Uses(self._point)
        self._labels = used_labels(verdicts)
        self._unread = {key for v in verdicts if v.verdict is Verdict.UNREADABLE for key in self._names_left_of(v)}
        it = self._point.declarations
        self._data = it.constant | it.shares | it.row_shares  # no derivative of them is expected
        self._covered: dict[TimedName, Keys] = {}
        self._lines: dict[TimedName, list[int]] = {}  # which lines set a derivative
        self._first: dict[TimedName, int] = {}  # the first of them that brings a value
        self._added: dict[TimedName, int] = {}  # how many lines, from the last with = on, bring something
        self._complete: dict[TimedName, int] = {}  # the line after which nothing is missing
        self._full: dict[TimedName, Keys] = {}
        for place in self._point.seeds:
            given = frozenset(key for key in self.full(place) if key.equation is None)
            self._covered[place] = self.full(place) if self._is_given_in_full(place) else given
            if self._covered[place] == self.full(place):
                self._complete[place] = -1
        self._require_declarations()
        self._add_up()
        self._mark_repeated_terms()
        self._find_wrong_names()
        self._check_definitions()
        self._mark_missing()
        self._check_order()
        self._find_absent()

    # Contributions

    def full(self, place: TimedName) -> Keys:
        """Return all contributions to a derivative."""
        if place not in self._full:
            self._full[place] = frozenset(contributions_to(Case(self._point, NO_SCOPE, place)))
        return self._full[place]

    def missing(self) -> dict[TimedName, Keys]:
        """Return what no line brings, of all derivatives that are set, given, used or expected."""
        used = {place for v in self.verdicts for place in self._uses.of(v)}
        missing: dict[TimedName, Keys] = {}
        for place, value in self._point.values.items():
            needed = place in self._covered or place in self._lines or place in used
            needed = needed or not self._point.forward.is_computed(place)
            if needed and value.index < self._point.derivatives.length and place[0] not in self._data:
                keys = self._uncovered(place)
                if (
                    keys
                    and self._point.derivatives.reaches(value.index)
                    and place[0] != self._point.declarations.names.loss
                ):
                    missing[place] = keys
        return missing

    def _uncovered(self, place: TimedName) -> Keys:
        """Return the contributions to a derivative that no line has brought, but for those that cancel."""
        keys = _computed(self.full(place) - self._covered.get(place, NO_KEYS))
        return keys - self._cancelling(place, keys) if keys else keys

    def _cancelling(self, place: TimedName, keys: Keys) -> Keys:
        """Return those of some contributions that add nothing at any sample point: alone, in pairs, or all together.

        Nobody can say whether a line has them, and it is right with them and without.
        """
        known = [(p, contributions_to(Case(p, NO_SCOPE, place))) for p in self._points if place in p.values]
        groups = [frozenset(group) for group in ((k,) for k in keys)] + [frozenset(g) for g in combinations(keys, 2)]
        cancelling = NO_KEYS
        for group in (*groups[:PAIRS_CANCELLING], keys):
            if not group & cancelling and all(
                p.is_rounding(place, total_of((arrays[k] for k in group), p.values[place].shape[::-1]))
                for p, arrays in known
            ):
                cancelling |= group
        return cancelling

    def _as_distinct(self, place: TimedName, before: Keys, keys: Keys) -> Keys | None:
        """Return contributions, each once, that add up to two sets that overlap; None if there are none.

        Where contributions depend on each other, as a, a and -a, a line that brings one of them may have been read as
        all.  Every line so far brings at least one.
        """
        full = in_order(self.full(place))
        if len(full) > SUBSETS_OF:
            return None
        known = [(p, contributions_to(Case(p, NO_SCOPE, place))) for p in self._points if place in p.values]
        both = [total_of((arrays[k] for k in (*before, *keys)), p.values[place].shape[::-1]) for p, arrays in known]
        for bits in sorted(range(2 ** len(full)), key=int.bit_count):
            if bits.bit_count() < self._added[place]:
                continue
            chosen = frozenset(key for k, key in enumerate(full) if bits >> k & 1)
            sums = [total_of((arrays[k] for k in chosen), a.shape) for (_, arrays), a in zip(known, both, strict=True)]
            if all(p.near(place, a, b) for (p, _), a, b in zip(known, both, sums, strict=True)):
                return chosen
        return None

    def _hidden(self, place: TimedName) -> Keys:
        """Return contributions that no line has brought, and that are too small at every sample point to be seen."""
        keys = _computed(self.full(place) - self._covered.get(place, NO_KEYS))
        known = [Case(p, NO_SCOPE, place) for p in self._points if keys and place in p.values]
        return frozenset(
            k
            for k in keys
            if all(case.point.is_rounding(place, contributions_to(case)[k]) for case in known)
            and any(is_small(case, k) for case in known)
        )

    def _is_given_in_full(self, place: TimedName) -> bool:
        return any(total for _, total, _ in self._point.seeds.get(place, ()))

    def _mark(self, n: int, verdict: Verdict, message: str, at: Node | None = None) -> None:
        v = self.verdicts[n]
        place = (at.start, at.end) if at is not None else v.at
        self.verdicts[n] = v._replace(verdict=verdict, message=message, at=place)

    # Line by line

    def _require_declarations(self) -> None:
        """Mark lines `dz given` for what is not declared as given."""
        declared = {ref.key for ref, _, _ in self._point.declarations.given}
        for n, v in enumerate(self.verdicts):
            if v.verdict is Verdict.GIVEN:
                left = v.statement.left[0]
                if left.kind != "d" or left.value[0].key not in declared:
                    self._mark(n, Verdict.UNDEFINED, f"this was not declared: `given: {v.target}`", left)

    def _add_up(self) -> None:
        """Enter the lines one after the other, and mark those that overwrite, repeat or miss contributions."""
        for n in self._in_order_of_time():
            v = self.verdicts[n]
            if v.statement is None or not v.readings or is_labelled_term(v, self._labels):
                continue
            if defines_notation(v.statement):
                continue
            for reading, left in zip(v.readings, kept_sides(v.statement), strict=True):
                if reading.of is not None:
                    places = [case.place for case in known_cases(self._point, left)]
                    faults = [self._enter(n, place, reading) for place in places]
                    fault = next((fault for fault in faults if fault is not None), None)
                    if fault is not None and self.verdicts[n].ok:
                        self._mark(n, fault.verdict, self._message(fault))

    def _in_order_of_time(self) -> list[int]:
        """Return the lines in order, but dz_{t-1} = … before lines that add to dz_t: it is set a time step before."""
        signs: dict[str, set[str]] = {}
        for v in self.verdicts:
            for node in v.statement.left if v.statement is not None else ():
                if node.kind == "d" and node.value[0].time == ("t", 0):
                    signs.setdefault(node.value[0].key, set()).add(v.statement.sign)
        return sorted(range(len(self.verdicts)), key=lambda n: not self._sets_before(self.verdicts[n], signs))

    @staticmethod
    def _sets_before(v: LineVerdict, signs: Mapping[str, set[str]]) -> bool:
        """Return whether a line sets a derivative at t - 1 to which other lines only add at t."""
        left = v.statement.left if v.statement is not None and v.statement.sign == "=" else ()
        refs = [node.value[0] for node in left if node.kind == "d"]
        return any(ref.time == ("t", -1) and signs.get(ref.key) == {"+="} for ref in refs)

    def _mark_repeated_terms(self) -> None:
        """Mark labelled terms that hold what an earlier one holds."""
        held: dict[tuple[TimedName, ContributionKey], str] = {}
        for n, v in enumerate(self.verdicts):
            if not v.ok or not is_labelled_term(v, self._labels):
                continue
            for case in known_cases(self._point, v.statement.left[0]):
                keys = v.readings[0].contributions
                twice = frozenset(key for key in keys if held.get((case.place, key), v.number) != v.number)
                twice = twice - self._cancelling(case.place, twice) if twice else twice
                if twice and self.verdicts[n].ok:
                    first = held[case.place, in_order(twice)[0]]
                    message = self._told(twice, "is in", "are in") + f" the term {first} already"
                    self._mark(n, Verdict.COUNTED_TWICE, message)
                for key in keys:
                    held.setdefault((case.place, key), v.number)

    def _message(self, fault: Fault) -> str:
        if fault.verdict is Verdict.COUNTED_TWICE:
            return self._told(fault.keys, "is there already", "are there already")
        if fault.verdict is Verdict.OVERWRITES:
            return "= where += belongs: " + self._told(fault.keys, "is lost", "are lost")
        return self._told(fault.keys, "is missing", "are missing")

    def _told(self, keys: Keys, of_one: str, of_several: str) -> str:
        return paths_told(self._point, keys, of_one, of_several)

    def _enter(self, n: int, place: TimedName, reading: Reading) -> Fault | None:
        """Enter a line for one derivative; return what is wrong with it, seen with the lines before."""
        earlier = self._lines.setdefault(place, [])
        earlier.append(n)
        self._first.setdefault(place, n)
        if reading.verdict not in (Verdict.RIGHT, Verdict.OTHER_LAYOUT):
            return None
        before = self._covered.get(place, NO_KEYS)
        keys = _reassigned(reading, before) & self.full(place)
        adds = self.verdicts[n].statement.sign == "+="
        self._added[place] = (self._added.get(place, 0) if adds else 0) + bool(keys)
        if adds:
            twice = before & keys
            twice = twice - self._cancelling(place, twice) if twice else twice
            distinct = self._as_distinct(place, before, keys) if twice else None
            self._covered[place] = before | keys if distinct is None else distinct
            fault = Fault(Verdict.COUNTED_TWICE, twice) if twice and distinct is None else None
        else:
            fault = self._set(place, keys, earlier[:-1])
        if self._covered[place] == self.full(place):
            self._complete.setdefault(place, n)
        return fault

    def _set(self, place: TimedName, keys: Keys, earlier: Sequence[int]) -> Fault | None:
        """Enter a line that sets a derivative with =."""
        full, before = self.full(place), self._covered.get(place, NO_KEYS)
        if keys == full or before <= keys:
            if before < full and earlier and before:
                self._mark_replaced(earlier, full - before)
            self._covered[place] = keys
            return None
        if before == full and earlier:
            return Fault(Verdict.MISSING, full - keys)
        self._covered[place] = before | keys
        return Fault(Verdict.OVERWRITES, before - keys)

    def _mark_replaced(self, lines: Iterable[int], missing: Keys) -> None:
        """Mark lines with = that brought a part of a derivative, and are replaced by a later line."""
        missing = _computed(missing)
        for k in lines:
            v = self.verdicts[k]
            if missing and v.ok and v.statement.sign == "=" and any(r.contributions for r in v.readings):
                self._mark(k, Verdict.MISSING, self._told(missing, "is missing", "are missing"))

    def _find_wrong_names(self) -> None:
        """Mark right values under another name: equal to the derivative of what lines use, and none sets."""
        used = {place for v in self.verdicts for place in self._uses.of(v)}
        unset = [p for p in sorted(used, key=repr) if p not in self._lines and p not in self._covered]
        for place, lines in list(self._lines.items()) if self._point.last is None else ():
            twin = next((p for p in unset if self._is_equal(p, place)), None)
            others = [n for n in lines if twin is not None and twin not in self._uses.of(self.verdicts[n])]
            if twin is None or len(lines) < 2 or len(others) != 1:
                continue
            message = f"this is the derivative of {label(*twin)}, which is used and never set"
            self._mark(others[0], Verdict.WRONG, message)
            for k in lines:
                if k != others[0] and self.verdicts[k].verdict is Verdict.COUNTED_TWICE:
                    self._mark(k, Verdict.RIGHT, "")

    def _is_equal(self, a: TimedName, b: TimedName) -> bool:
        pairs = [(p.true_derivative(a), p.true_derivative(b)) for p in self._points if a in p.values and b in p.values]
        return all(x.shape == y.shape and p.near(a, x, y) for p, (x, y) in zip(self._points, pairs, strict=False))

    def _check_definitions(self) -> None:
        """Mark lines that define a notation for a derivative that no line sets: δy = ∂L/∂y."""
        for n, v in enumerate(self.verdicts):
            if v.verdict is not Verdict.RIGHT or v.statement is None or not defines_notation(v.statement):
                continue
            places = [case.place for case in known_cases(self._point, v.statement.left[0])]
            if not all(place in self._lines or place in self._covered for place in places):
                self._mark_early(n, v.statement.members[-1], "this line sets it")
                for place in places:
                    self._lines.setdefault(place, []).append(n)

    def _mark_missing(self) -> None:
        """Mark the last line for a derivative with contributions that no line brings."""
        for place, lines in self._lines.items():
            missing = self._uncovered(place)
            if missing and all(self.verdicts[n].ok for n in lines):
                if self._mark_too_few(lines, missing):
                    continue
                message = self._told(missing, "is missing", "are missing")
                self._mark(lines[-1], Verdict.MISSING, f"{message}, in this line or another")
            hidden = NO_KEYS if missing else self._hidden(place)
            if hidden and self.verdicts[lines[-1]].ok:
                message = self._told(hidden, "is below rounding", "are below rounding")
                self._mark(lines[-1], Verdict.NOT_JUDGED, f"{message} at every sample point")

    def _mark_too_few(self, lines: Sequence[int], missing: Keys) -> bool:
        """Mark a line that has some of the equal uses of a name in one equation, as of u in uᵀ u: it lacks a factor."""
        for n in lines:
            for reading in self.verdicts[n].readings:
                keys = reading.contributions
                groups = {_equal_uses(reading, key) for key in missing}
                if not all(group & keys for group in groups) or NO_KEYS.union(*groups) - keys != missing:
                    continue
                factors = {len(group) / len(group & keys) for group in groups}
                if len(factors) == 1:
                    where = "" if NO_KEYS.union(*groups) == reading.all_contributions else " in its term"
                    paths = self._told(missing, "counts", "count")
                    message = f"a factor {factors.pop():g} is missing{where}: {paths} more than once"
                    self._mark(n, Verdict.WRONG, message)
                    self.verdicts[n] = self.verdicts[n]._replace(lacks_factor=True)
                    return True
        return False

    # The order of the lines

    def _check_order(self) -> None:
        """Mark uses of what is set later, in one time step, or in a circle, in a sequence; tell what is never set."""
        never_set: dict[str, tuple[int, list[Time]]] = {}
        made_from: dict[TimedName, set[TimedName]] = {}
        for n, v in enumerate(self.verdicts):
            targets = self._uses.set_by(v)
            if not targets:
                continue
            if not is_labelled_term(v, self._labels) and v.ok:
                for place, needs in self._uses.by_target(v):
                    made_from.setdefault(place, set()).update(needs)
            for place, node in self._uses.of(v).items():
                where = self._too_early(n, place, targets) if v.ok and self._point.last is None else ""
                if where:
                    self._mark_early(n, node, where)
                elif self._is_never_set(place):
                    name = self._point.source.text[node.start : node.end]
                    never_set.setdefault(name, (v.line, []))[1].append(place[1])
        if self._point.last is not None:
            self._mark_circular(made_from)
        for name, (line, moments) in never_set.items():
            times = _times(moments)
            sometimes = times and len(times) < (self._point.last or 0) - 1
            self.faults.append(f"line {line} uses {name}, which no line sets{_at(times) if sometimes else ''}")

    def _too_early(self, n: int, place: TimedName, targets: set[TimedName]) -> str:
        """Say why a line uses a derivative too early; "" if it does not."""
        if place in targets and self.verdicts[n].statement.sign == "=":
            return "this line sets it"
        if place not in self._lines:
            return ""
        first = self._first.get(place, -1)
        if first > n and place not in self._point.seeds:
            in_order_of_use = self._point.source.is_document  # a mistake in the other line may have turned the order
            return "" if in_order_of_use and not self.verdicts[first].ok else "a later line sets it"
        if self._complete.get(place, -1) >= n:
            return f"it is not complete before line {self.verdicts[self._complete[place]].line}"
        return ""

    def _is_never_set(self, place: TimedName) -> bool:
        known = place in self._lines or place in self._covered
        return not known and place[0] not in (self._point.declarations.names.loss, *self._unread)

    def _mark_early(self, n: int, node: Node, where: str) -> None:
        name = self._point.source.text[node.start : node.end]
        self._mark(n, Verdict.USED_BEFORE_SET, f"{name}: {where}", node)

    def _mark_circular(self, made_from: dict[TimedName, set[TimedName]]) -> None:
        """Mark lines whose derivative is made from itself."""
        circle = circular(made_from)
        for n, v in enumerate(self.verdicts):
            nodes = [node for place, node in self._uses.of(v).items() if place in circle]
            if v.ok and nodes and self._uses.set_by(v) & circle:
                self._mark_early(n, nodes[0], "it is made from what this line sets")

    # Derivatives that no line sets

    def _find_absent(self) -> None:
        """Tell declared names whose derivatives no line sets, and given derivatives that lack a contribution."""
        judged = [v for v in self.verdicts if v.readings]
        if not any(r.of is not None for v in judged for r in v.readings):
            if all(left.kind == "name" for v in judged for left in v.statement.left):
                self.faults.append("no line sets a derivative")
            return
        absent: dict[str, list[Time]] = {}
        incomplete: dict[str, list[Time]] = {}
        length = self._point.derivatives.length
        for place, value in self._point.values.items():
            key, moment = place
            if place in self._lines or key in self._unread | self._data or value.index >= length:
                continue
            if place in self._covered:
                missing = self._uncovered(place)
                if missing and key != self._point.declarations.names.loss:
                    paths = paths_text(self._point, missing)
                    incomplete.setdefault(f"no line adds {paths} to the given derivative of {key}", []).append(moment)
            elif self._point.derivatives.reaches(value.index) and not self._point.forward.is_computed(place):
                if isinstance(moment, int) and moment < 1:
                    start = f"the derivative of {label(*place)}, the state that the sequence starts from"
                    self.notes.append(f"no line sets {start}")
                else:
                    absent.setdefault(key, []).append(moment)
        self._tell_absent(absent, incomplete)

    def _tell_absent(self, absent: dict[str, list[Time]], incomplete: dict[str, list[Time]]) -> None:
        never = [self._declared(key) for key, moments in absent.items() if not self._some_times(moments)]
        if never:
            names = ", ".join(never)
            it = self._point.declarations
            may_be = it.names.loss in self._point.forward.keys and not it.of_exercise
            declare = f" (`constant: {names}`, if none is asked for)" if may_be else ""
            self.faults.insert(0, f"no line sets the derivative of {names}{declare}")
        for key, moments in absent.items():
            if self._some_times(moments):
                self.faults.append(f"no line sets the derivative of {self._declared(key)}{self._some_times(moments)}")
        self.faults += [message + self._some_times(moments) for message, moments in incomplete.items()]

    def _some_times(self, moments: Sequence[Time]) -> str:
        """Say at which times; "" if it is at all of them."""
        times = _times(moments)
        return _at(times) if times and len(times) < (self._point.last or 0) else ""

    def _declared(self, key: str) -> str:
        """Return a name as it is declared."""
        it = self._point.declarations
        node = it.declared.get(key)
        plain = node is not None and not it.names.letters(node.value.key)
        return self._point.source.text[node.start : node.end] if node is not None and plain else key

    def _names_left_of(self, v: LineVerdict) -> list[str]:
        """Return the names whose derivatives an unreadable line may set: those before its first equals sign."""
        left = v.text.split("=")[0]
        return [
            key
            for key in (*self._point.declarations.shapes, *self._point.forward.keys)
            if key.replace("_", "") in left.replace("_", "").replace("{", "").replace("}", "")
        ]


def _computed(keys: Keys) -> Keys:
    """Return the contributions that equations make, without those that are given."""
    return frozenset(key for key in keys if key.equation is not None)


def _reassigned(reading: Reading, before: Keys) -> Keys:
    """Return what a line holds, with contributions that were there before exchanged for equal ones: z ∘ z has two."""
    keys = set(reading.contributions)
    for group in reading.equal_groups:
        for key in in_order(keys & group & before):
            free = in_order(group - before - keys)
            if free:
                keys = keys - {key} | {free[0]}
    return frozenset(keys)


def _equal_uses(reading: Reading, key: ContributionKey) -> Keys:
    """Return a contribution with those that are equal to it and come from the same equation at the same time."""
    groups = (group for group in reading.equal_groups if key in group)
    same = [other for group in groups for other in group if other[:2] == key[:2]]
    return frozenset(same)


def _times(moments: Iterable[Time]) -> list[int]:
    return sorted({m for m in moments if isinstance(m, int)})


def _at(times: Sequence[int]) -> str:
    return f" at t = {', '.join(map(str, times))}"
