"""Every derivative at every moment: which contributions the lines bring to it, which twice, which not at all."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tinyad.derivation.judge.contributions import Case, Reading, Way, in_order, unequal, way_text, ways_of
from tinyad.derivation.judge.verdicts import Verdict, is_part, known_cases, labels_of
from tinyad.derivation.language.syntax_tree import Node, Statement
from tinyad.derivation.semantics.forward import Place, label
from tinyad.derivation.semantics.sample_point import Point
from tinyad.derivation.semantics.values import Scope, Trouble

Ways = frozenset[Way]
SCOPE = Scope(None, {})


class Accounts:
    """The lines of one set in order.  `verdicts` and `faults` are what comes out."""

    def __init__(self, points: Sequence[Point], verdicts: Sequence[Verdict]) -> None:
        self.points, self.point = points, points[0]
        self.verdicts = list(verdicts)
        self.faults: list[str] = []
        self.notes: list[str] = []
        self.labels = labels_of(self.verdicts)
        self.unread = {key for v in self.verdicts if v.verdict == "unreadable" for key in self._named(v)}
        self.data = self.point.it.constant | self.point.it.shares  # no derivative is asked for
        self.have: dict[Place, Ways] = {}
        self.lines: dict[Place, list[int]] = {}  # which lines are about a derivative
        self.complete: dict[Place, int] = {}  # the line after which nothing lacks
        self.begun: dict[Place, int] = {}
        self._full: dict[Place, Ways] = {}
        self._seen: dict[int, list[tuple[Place, dict[Place, Node]]]] = {}
        for place in self.point.seeds:
            handed = frozenset(w for w in self.full(place) if w[0] is None)
            self.have[place] = self.full(place) if self.is_total(place) else handed
        self._allowed()
        self._add_up()
        self._wrong_places()
        self._definitions()
        self._lacking()
        self._uses()
        self._absent()

    # What there is

    def full(self, place: Place) -> Ways:
        """All contributions to a derivative."""
        if place not in self._full:
            known = self.point.values[place].index < self.point.d.length
            self._full[place] = frozenset(ways_of(Case(self.point, SCOPE, place))) if known else frozenset()
        return self._full[place]

    def nothing(self, place: Place) -> Ways:
        """Contributions that are 0 at this point: nobody can say whether they are there."""
        found = ways_of(Case(self.point, SCOPE, place))
        return frozenset(w for w, a in found.items() if self.point.near(place, a, np.zeros_like(a)))

    def lacking(self) -> dict[Place, Ways]:
        """What no line brings, of all derivatives that are set, handed in, used or asked for."""
        used = {place for v in self.verdicts for place in self._used(v)}
        found: dict[Place, Ways] = {}
        for place, value in self.point.values.items():
            needed = place in self.have or place in self.lines or place in used or not self.point.is_computed(place)
            if needed and value.index < self.point.d.length and place[0] not in self.data:
                ways = frozenset(w for w in self.full(place) - self.have.get(place, frozenset()) if w[0] is not None)
                if ways and self.point.d.reaches(value.index) and place[0] != self.point.it.names.loss:
                    found[place] = ways
        return found

    def is_total(self, place: Place) -> bool:
        return any(total for _, total, _ in self.point.seeds.get(place, ()))

    def is_part(self, v: Verdict) -> bool:
        return is_part(v, self.labels)

    def said(self, ways: Ways) -> str:
        return " and ".join(dict.fromkeys(way_text(self.point, w) for w in in_order(ways)))

    def fault(self, n: int, verdict: str, message: str, at: Node | None = None) -> None:
        v = self.verdicts[n]
        place = (at.start, at.end) if at is not None else v.at
        self.verdicts[n] = v._replace(verdict=verdict, message=message, at=place)

    # Line by line

    def _allowed(self) -> None:
        """A line `dz given` has to be declared."""
        declared = {ref.key for ref, _, _ in self.point.it.given}
        for n, v in enumerate(self.verdicts):
            if v.verdict == "given":
                left = v.statement.left[0]
                if left.kind != "d" or left.value[0].key not in declared:
                    self.fault(n, "undefined", f"this was not declared: `given: {v.target}`", left)

    def _add_up(self) -> None:
        for n, v in enumerate(self.verdicts):
            if v.statement is None or not v.readings or self.is_part(v) or _defines(v.statement):
                continue
            for reading, left in zip(v.readings, _kept(v.statement), strict=True):
                if reading.of is None:
                    continue
                found = "", frozenset[Way]()
                for case in known_cases(self.point, left):
                    found = max(found, self._at(n, case.place, reading, v.statement.sign), key=lambda f: bool(f[0]))
                self._say(n, *found)

    def _definitions(self) -> None:
        """δy = ∂L/∂y says how it is written, and sets nothing: then another line has to."""
        for n, v in enumerate(self.verdicts):
            if v.ok and v.statement is not None and v.verdict != "given" and _defines(v.statement):
                places = _places(self.point, v.statement.left[0])
                if not all(place in self.lines or place in self.have for place in places):
                    self._early(n, v.statement.members[-1], "this line sets it")
                    for place in places:
                        self.lines.setdefault(place, []).append(n)

    def _at(self, n: int, place: Place, reading: Reading, sign: str) -> tuple[str, Ways]:
        """Enter a line for one place: what is wrong with it, and which contributions that is about."""
        earlier = self.lines.setdefault(place, [])
        earlier.append(n)
        self.begun.setdefault(place, n)
        if reading.verdict not in ("right", "other layout"):
            return "", frozenset()
        full, before = self.full(place), self.have.get(place, frozenset())
        ways = unequal(reading, before) & full
        wrong, about = "", frozenset[Way]()
        if sign == "+=":
            twice = before & ways - self.nothing(place)
            wrong, about = ("counted twice", twice) if twice else ("", twice)
            self.have[place] = before | ways
        elif ways == full or before <= ways:
            if before < full and len(earlier) > 1 and before:
                self._partial(earlier[:-1], full - before)
            self.have[place] = ways
        elif before == full and len(earlier) > 1:
            wrong, about = "missing", full - ways
        else:
            wrong, about = "overwrites", before - ways
            self.have[place] = before | ways
        if self.have[place] == full:
            self.complete.setdefault(place, n)
        return wrong, about

    def _partial(self, lines: Sequence[int], lacking: Ways) -> None:
        """Lines with = that brought a part, and are replaced by a later line."""
        lacking = frozenset(w for w in lacking if w[0] is not None)
        for k in lines:
            v = self.verdicts[k]
            if lacking and v.ok and v.statement.sign == "=" and any(r.ways for r in v.readings):
                self.fault(k, "missing", f"{self.said(lacking)} is missing")

    def _say(self, n: int, wrong: str, about: Ways) -> None:
        if not wrong or not self.verdicts[n].ok:
            return
        said = self.said(about)
        messages = {
            "counted twice": f"{said} is there already",
            "missing": f"{said} is missing",
            "overwrites": f"= where += belongs: {said} is lost",
        }
        self.fault(n, wrong, messages[wrong])

    def _wrong_places(self) -> None:
        """A right value under another name: the derivative of what lines use, and none sets, is equal to this one."""
        used = {place for v in self.verdicts for place in self._used(v)}
        unset = [p for p in sorted(used, key=repr) if p not in self.lines and p not in self.have]
        if self.point.last is not None or not unset:
            return
        for place, lines in list(self.lines.items()):
            twin = next((p for p in unset if self._alike(p, place)), None)
            right = [n for n in lines if twin is not None and twin not in self._used(self.verdicts[n])]
            if twin is None or len(lines) < 2 or len(right) != 1:
                continue
            n = right[0]
            self.fault(n, "wrong", f"this is the derivative of {label(*twin)}, which is used and never set")
            for k in lines:
                if k != n and self.verdicts[k].verdict == "counted twice":
                    self.fault(k, "right", "")

    def _alike(self, a: Place, b: Place) -> bool:
        pairs = [(p.true(a), p.true(b)) for p in self.points if a in p.values and b in p.values]
        return all(x.shape == y.shape and p.near(a, x, y) for p, (x, y) in zip(self.points, pairs, strict=False))

    def _lacking(self) -> None:
        """Contributions that no line brings."""
        for place, lines in self.lines.items():
            full = self.full(place)
            lacking = frozenset(w for w in full - self.have.get(place, frozenset()) if w[0] is not None)
            if lacking and all(self.verdicts[n].ok for n in lines):
                self.fault(lines[-1], "missing", f"{self.said(lacking)} is missing, in this line or another")

    # The order

    def _used(self, v: Verdict) -> dict[Place, Node]:
        """The derivatives that a line uses, at all moments."""
        return {place: node for _, used in self._used_for(v) for place, node in used.items()}

    def _used_for(self, v: Verdict) -> list[tuple[Place, dict[Place, Node]]]:
        """(what a line sets, what it uses for that).  One member of a chain may be what the chain is about."""
        line = v.statement
        if line is None or not v.readings:
            return []
        if line.start not in self._seen:
            found = self._seen[line.start] = []
            for left in line.left:
                for case in known_cases(self.point, left) if left.kind == "d" else ():
                    members = [self._members(member, case) for member in line.members]
                    others = [m for m in members if case.place not in m] if len(members) > 1 else members
                    found.append((case.place, {p: node for m in others or members for p, node in m.items()}))
        return self._seen[line.start]

    def _members(self, member: Node, case: Case) -> dict[Place, Node]:
        """Place → where it is used, of the derivatives in a formula."""
        found: dict[Place, Node] = {}
        point, used = self.point, {}
        outer = point.arrays.d

        def d(key: str, moment: object, name: str | None, node: Node) -> object:
            if name is None and (key, moment) in point.values:
                used[key, moment] = node
            return outer(key, moment, name, node)

        point.arrays.d = d
        try:
            point.arrays(member, case.scope)
        except (Trouble, ArithmeticError, RecursionError):
            found = {}
        finally:
            point.arrays.d = outer
        return used or found

    def _own(self, v: Verdict) -> set[Place]:
        """What a line sets; nothing if it is a definition."""
        line = v.statement
        if line is None or _defines(line):
            return set()
        return {p for left in line.left if left.kind == "d" for p in _places(self.point, left)}

    def _uses(self) -> None:
        """What is used has to be set: earlier, in one time step; without going round in a circle, in a sequence."""
        loss = self.point.it.names.loss
        unset: dict[str, tuple[int, list[object]]] = {}
        uses: dict[Place, set[Place]] = {}
        for n, v in enumerate(self.verdicts):
            used = self._used(v)
            own = self._own(v)
            if not own:
                continue
            if not self.is_part(v) and v.ok:
                for place, needs in self._used_for(v):
                    uses.setdefault(place, set()).update(needs)
            for place, node in used.items():
                if place in own and v.statement.sign == "=" and v.ok and self.point.last is None:
                    self._early(n, node, "this line sets it")
                elif place in self.lines and self.point.last is None and v.ok and place not in self.point.seeds:
                    if (first := self.begun.get(place, -1)) > n or (first == n and place not in own):
                        self._early(n, node, "a later line sets it")
                    elif self.complete.get(place, -1) > n:
                        line = self.verdicts[self.complete[place]].line
                        self._early(n, node, f"it is not complete before line {line}")
                elif place not in self.lines and place not in self.have and place[0] not in (loss, *self.unread):
                    name = self.point.source.text[node.start : node.end]
                    unset.setdefault(name, (v.line, []))[1].append(place[1])
        if self.point.last is not None:
            self._circles(uses)
        for name, (line, moments) in unset.items():
            times = sorted({m for m in moments if isinstance(m, int)})
            when = f" at t = {', '.join(map(str, times))}" if times and self._sometimes(moments, times) else ""
            self.faults.append(f"line {line} uses {name}, which no line sets{when}")

    def _sometimes(self, moments: Sequence[object], times: Sequence[int]) -> bool:
        return len(times) < (self.point.last or 0) - 1

    def _early(self, n: int, node: Node, where: str) -> None:
        name = self.point.source.text[node.start : node.end]
        self.fault(n, "used before it is set", f"{name}: {where}", node)

    def _circles(self, uses: dict[Place, set[Place]]) -> None:
        """Mark lines whose derivative is made from itself."""
        ready: set[Place] = set()
        open_ = dict(uses)
        while True:
            done = [p for p, needs in open_.items() if all(q in ready or q not in open_ for q in needs)]
            if not done:
                break
            ready.update(done)
            for p in done:
                del open_[p]
        inside = {p for p, needs in open_.items() if _reaches(open_, p)}
        for n, v in enumerate(self.verdicts):
            own = self._own(v)
            used = self._used(v)
            round_ = [used[p] for p in used if p in inside]
            if v.ok and own & inside and round_:
                self._early(n, round_[0], "it is made from what this line sets")

    # What no line is about

    def _absent(self) -> None:
        set_ = set(self.lines)
        judged = [v for v in self.verdicts if v.readings]
        if not any(r.of is not None for v in judged for r in v.readings):
            if all(left.kind == "name" for v in judged for left in v.statement.left):
                self.faults.append("no line sets a derivative")
            return
        absent: dict[str, list[object]] = {}
        for place, value in self.point.values.items():
            key, moment = place
            if place in set_ or key in self.unread or value.index >= self.point.d.length or key in self.data:
                continue
            if place in self.have:
                lacking = frozenset(w for w in self.full(place) - self.have[place] if w[0] is not None)
                if lacking and key != self.point.it.names.loss:
                    absent.setdefault(f"no line adds {self.said(lacking)} to the given derivative of {key}", []).append(
                        moment
                    )
            elif self.point.d.reaches(value.index) and not self.point.is_computed(place):
                if isinstance(moment, int) and moment < 1:
                    self.notes.append(
                        f"no line sets the derivative of {label(*place)}, the state that the sequence starts from"
                    )
                else:
                    absent.setdefault(key, []).append(moment)
        self._say_absent(absent)

    def _say_absent(self, absent: dict[str, list[object]]) -> None:
        whole = []
        for key, moments in absent.items():
            times = [m for m in moments if isinstance(m, int)]
            some = f" at t = {', '.join(map(str, times))}" if times and len(times) < (self.point.last or 0) else ""
            if key.startswith("no line"):
                self.faults.append(key + some)
            elif some:
                self.faults.append(f"no line sets the derivative of {self._spelled(key)}{some}")
            else:
                whole.append(self._spelled(key))
        if whole:
            names = ", ".join(whole)
            asked = self.point.it.names.loss not in self.point.keys
            data = "" if asked else f" (`constant: {names}`, if none is asked for)"
            self.faults.insert(0, f"no line sets the derivative of {names}{data}")

    def _spelled(self, key: str) -> str:
        it = self.point.it
        node = it.declared.get(key)
        plain = node is not None and not it.names.letters(node.value.key)
        return self.point.source.text[node.start : node.end] if node is not None and plain else key

    def _named(self, v: Verdict) -> list[str]:
        """The names whose derivatives an unreadable line may set: those before its first equals sign."""
        left = v.text.split("=")[0]
        return [
            key
            for key in (*self.point.it.shapes, *self.point.keys)
            if key.replace("_", "") in left.replace("_", "").replace("{", "").replace("}", "")
        ]


def _kept(line: Statement) -> list[Node]:
    """The left-hand sides that are judged; _ in [_, dz] is not."""
    return [left for left in line.left if not (left.kind == "name" and left.value.key == "_")]


def _defines(line: Statement) -> bool:
    """Whether a line only says that a derivative is itself, in another notation."""
    left = line.left[0]
    same = (m.kind == "d" and m.value == left.value for m in line.members)
    return len(line.left) == 1 and left.kind == "d" and line.sign == "=" and bool(line.members) and all(same)


def _places(point: Point, left: Node) -> list[Place]:
    return [case.place for case in known_cases(point, left)]


def _reaches(uses: dict[Place, set[Place]], start: Place) -> bool:
    """Whether a place is used for itself, by any way round."""
    seen: set[Place] = set()
    open_ = list(uses[start])
    while open_:
        place = open_.pop()
        if place == start:
            return True
        if place not in seen:
            seen.add(place)
            open_ += uses.get(place, ())
    return False
