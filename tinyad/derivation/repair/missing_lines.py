"""Lines for contributions that no line covers, as the author would write them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from tinyad.derivation.judge.contributions import NO_KEYS, Keys, in_order, known_cases
from tinyad.derivation.judge.line_verdict import read_line
from tinyad.derivation.judge.targets import target_of
from tinyad.derivation.judge.verdicts import LineVerdict, Verdict
from tinyad.derivation.language.source import DerivationError, LimitError
from tinyad.derivation.language.syntax_tree import Node, Ref, Statement
from tinyad.derivation.repair import limits
from tinyad.derivation.repair.analogy import chain_of, exchange_names, is_routine, matched
from tinyad.derivation.repair.author_notation import AuthorNotation, Fragment, tokenized
from tinyad.derivation.repair.rule_formulas import contributions, names_used, operands, routine_call, rule_walk
from tinyad.derivation.repair.wrong_line import given_targets, targets_of
from tinyad.derivation.semantics.environment import TimedName
from tinyad.derivation.semantics.sample_point import SamplePoint


def missing_lines(
    points: Sequence[SamplePoint],
    verdicts: Sequence[LineVerdict],
    lacking: Mapping[TimedName, Keys],
    notation: AuthorNotation,
) -> list[str]:
    """Propose lines for contributions that no line covers: `lacking`, by what they contribute to."""
    proposals = _Proposals(points, verdicts, lacking, notation)
    equations = {key.equation for keys in lacking.values() for key in keys if key.equation is not None}
    lines = [text for k in sorted(equations, reverse=True) for text in proposals.for_equation(k)]
    return lines[: limits.PROPOSED_LINES]


class _Proposals:
    """The lines that one set of lines lacks."""

    def __init__(
        self,
        points: Sequence[SamplePoint],
        verdicts: Sequence[LineVerdict],
        lacking: Mapping[TimedName, Keys],
        notation: AuthorNotation,
    ) -> None:
        self._points, self._point, self._lacking, self._notation = points, points[0], lacking, notation
        self._forward = self._point.derivation.forward
        lines = [v.statement for v in verdicts if v.statement is not None and v.statement.members]
        self._right = [v for v in verdicts if v.ok and v.statement in lines and v.readings]
        self._targets = targets_of(self._point, verdicts) | given_targets(self._point)
        self._proposed = set(self._targets)
        self._only_routines = all(is_routine(line.members[0]) for line in lines)

    def for_equation(self, equation: int) -> list[str]:
        """Return what has to be added for one equation: one line of the routine, or one for each derivative."""
        eq = self._forward[equation]
        if self._only_routines:
            return [text for text in self._routine(eq) if self._holds(text, equation)]
        lines = []
        for ref in dict.fromkeys(map(self._at_the_lines_time, names_used(eq))):
            texts = (*self._by_analogy(equation, ref), *self._by_rule(equation, ref))
            held = [text for text in texts if self._holds(text, equation)][:1]
            lines += held
            self._proposed |= {target_of(self._point, ref)} if held else set()
        return lines

    def _at_the_lines_time(self, ref: Ref) -> Ref:
        """Return a name of a sequence at t, where its derivative is set."""
        timed = self._point.last is not None and ref.time is not None and ref.time[0] == "t"
        return ref._replace(time=("t", 0)) if timed else ref

    def _routine(self, eq: Statement) -> Iterator[str]:
        """Yield deriv() of an equation, added to the derivatives of all its operands."""
        call = routine_call(self._point, self._notation, eq)
        sides = [self._notation.derivative(ref) for ref in operands(eq)]
        known = [side.text for side in sides if side is not None]
        if call is not None and len(known) == len(sides):
            yield f"[{', '.join(known)}] += {call.text}"

    def _by_analogy(self, equation: int, ref: Ref) -> Iterator[str]:
        """Yield right lines for equations of the same form, in the names of this one."""
        for v in self._right:
            if len(v.statement.left) != 1 or v.statement.left[0].kind != "d":
                continue
            equations = [key.equation for reading in v.readings for key in in_order(reading.contributions)]
            for other in dict.fromkeys(k for k in equations if k is not None and k != equation):
                exchange = matched(self._forward[other], self._forward[equation])
                if exchange is not None and exchange.get(v.statement.left[0].value[0]) == ref:
                    made = exchange_names(self._notation, v.statement, chain_of(v.statement), exchange)
                    yield from self._line_for(ref, made)

    def _by_rule(self, equation: int, ref: Ref) -> Iterator[str]:
        """Yield the contributions as the rules of the table give them: all of an equation, or one by one."""
        left = Node("d", (), (ref, None), 0, 0)
        places = [case.place for case in known_cases(self._point, left)]
        keys = NO_KEYS.union(*(self._lacking.get(place, ()) for place in places))
        keys = frozenset(key for key in keys if key.equation == equation)
        walk_ = rule_walk(self._point, self._notation, left, self._is_set)
        for some in (keys, *(frozenset({key}) for key in in_order(keys)[: limits.PROPOSED_LINES])):
            yield from self._line_for(ref, contributions(walk_, some, left))

    def _is_set(self, ref: Ref) -> bool:
        return target_of(self._point, ref) in self._proposed

    def _line_for(self, ref: Ref, formula: Fragment | None) -> Iterator[str]:
        """Yield the line that sets a derivative to a formula, or adds it where it is not the only one."""
        side = self._notation.derivative(ref)
        equations = {key.equation for (name, _), keys in self._lacking.items() if name == ref.key for key in keys}
        adds = len(equations) > 1 or target_of(self._point, ref) in self._targets
        if side is not None and formula is not None:
            yield f"{side.text} {'+=' if adds else '='} {formula.text}"

    def _holds(self, text: str, equation: int) -> bool:
        """Return whether a line brings what is lacking of an equation, and nothing else."""
        try:
            line = self._point.declarations.parser().statement(tokenized(text, "proposed", self._point.source))
        except LimitError:
            raise
        except DerivationError:
            return False
        return all(left.kind == "d" and self._brings(line, k, equation) for k, left in enumerate(line.left))

    def _brings(self, line: Statement, k: int, equation: int) -> bool:
        reading = read_line(self._points, line, k)
        places = [case.place for case in known_cases(self._point, line.left[k])]
        lacking = NO_KEYS.union(*(self._lacking.get(place, ()) for place in places))
        only = all(key.equation == equation for key in reading.contributions)
        return (
            reading.verdict == Verdict.RIGHT
            and bool(reading.contributions)
            and only
            and reading.contributions <= lacking
        )
