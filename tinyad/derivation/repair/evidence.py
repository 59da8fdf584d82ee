"""Evidence: the names, factors and terms of a derivation that may belong into a wrong line of it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cached_property
from itertools import chain

from tinyad.derivation.judge.contributions import in_order
from tinyad.derivation.judge.targets import derivatives_in, target_of
from tinyad.derivation.judge.verdicts import Verdict
from tinyad.derivation.language.source import DerivationError, LimitError
from tinyad.derivation.language.syntax_tree import Node, Ref, Statement, walk
from tinyad.derivation.repair import limits
from tinyad.derivation.repair.analogy import Analogies, exchange_names
from tinyad.derivation.repair.author_notation import (
    Fragment,
    bracketed,
    has_superscript,
    joined,
    names_in,
    number_token,
    ref_of,
    tokenized,
)
from tinyad.derivation.repair.edit import Context
from tinyad.derivation.repair.required_contributions import RequiredContributions
from tinyad.derivation.repair.rule_formulas import contributions, rule_walk
from tinyad.derivation.repair.wrong_line import WrongLine, derived_names
from tinyad.derivation.semantics.sample_point import SamplePoint


class Evidence:
    """Where the edits of a wrong line take their names, factors and terms from."""

    def __init__(self, wrong: WrongLine, analogies: Analogies, required: RequiredContributions) -> None:
        self._wrong, self._analogies, self._required = wrong, analogies, required
        self._forward = wrong.point.derivation.forward

    def context(self, index: int) -> Context:
        """Return the evidence for a member of the line."""
        wrong, own = self._wrong, derived_names(self._wrong.line)
        set_keys = {r.of.key for v in wrong.verdicts for r in v.readings if r.of is not None}
        others = (v for v in wrong.verdicts if v.ok and v is not wrong.verdict)
        return Context(
            notation=wrong.notation,
            rule_names=self._rule_names(),
            functions=wrong.functions,
            equations=[[self._as_here(ref) for ref in _names_of(eq)] for eq in wrong.equations],
            forward=[_names_of(eq) for eq in self._forward],
            operand_calls=self._operand_calls(),
            inverses=self._inverses(index),
            numbers=self._numbers(),
            sizes=self._sizes(),
            indexed=self._is_indexed,
            of_numbers=all(self._is_number(ref_of(node)) for node in names_in(wrong.line.members[index])),
            near_operands=self._near_operands(index),
            factors=self._factors(index),
            terms_of_same=self._terms_of_same(),
            signed_terms=self._signed_terms(index),
            labels=frozenset(v.number for v in wrong.verdicts if v.number and not v.number.isdigit()),
            unset=frozenset(key for key, _ in wrong.point.values) - set_keys,
            set_elsewhere=any(
                r.of in own for v in others for r in v.readings if r.contributions == r.all_contributions
            ),
            ones=self._ones() if self._may_lack_ones() else (),
            ones_first=wrong.point.declarations.layout == "same",
        )

    def rule_names_of(self, ref: Ref) -> list[Ref]:
        """Return the names of the equations that use a name."""
        refs: list[Ref] = []
        for eq in self._forward:
            result, *operands = _names_of(eq)
            refs += [result, *operands] if ref in operands else []
        return list(dict.fromkeys(refs))

    def _rule_names(self) -> list[Ref]:
        """Return the names of the line's forward equations: the result first, then the operands."""
        verdict, refs = self._wrong.verdict, list[Ref]()
        if all(reading.of is None for reading in verdict.readings):
            refs += [ref for k in self._analogies.equations_of(verdict) for ref in _names_of(self._forward[k])]
        for reading in verdict.readings:
            for equation, later, _ in in_order(reading.all_contributions):
                if equation is not None:
                    shift = later if isinstance(later, int) and self._wrong.point.last is not None else 0
                    names = _names_of(self._forward[equation])
                    refs += [self._as_here(_shifted(ref, shift, reading.of)) for ref in names]
        return list(dict.fromkeys(refs))

    def _near_operands(self, index: int) -> list[Ref]:
        """Return the operands of the equations whose results a member uses."""
        used = {d.value[0] for d in derivatives_in(self._wrong.line.members[index])}
        return [ref for eq in self._forward if eq.left[0].value in used for ref in _names_of(eq)[1:]]

    def _operand_calls(self) -> list[tuple[Node, Fragment]]:
        """Return the function calls in the equations that use what the line sets."""
        wrong = self._wrong
        nodes = ((eq, node) for eq in wrong.equations for member in eq.members for node in walk(member))
        calls = [(node, wrong.fragment(eq, node)) for eq, node in nodes if node.kind == "call"]
        return calls[: limits.OPERAND_CALLS]

    def _inverses(self, index: int) -> list[tuple[Node, Fragment]]:
        """Return the inverses in the line, in its equations and in right lines, as they stand and transposed."""
        wrong, found = self._wrong, dict[str, tuple[Node, Fragment]]()
        if wrong.notation.program or not wrong.notation.has_inverses:
            return []
        equations = ((eq, node) for eq in wrong.equations for member in eq.members for node in walk(member))
        own = ((wrong.line, node) for node in walk(wrong.line.members[index]))
        for line, node in chain(own, equations, self._elsewhere(index)):
            if node.kind == "inverse" and node.parts[0].kind in ("name", "bracket"):
                base = wrong.fragment(line, node.parts[0])
                turned = Node("transpose", (node,), None, node.start, node.end)
                marks = {wrong.notation.inverse_text: node, wrong.notation.transposed_inverse_text: turned}
                for mark, made in marks.items():
                    fragment = joined(bracketed(base) if has_superscript(base) else base, wrong.notation.mark(mark))
                    found.setdefault(fragment.text, (made, fragment))
        return list(found.values())[: limits.RULE_NAMES]

    def _numbers(self) -> list[tuple[Node, Fragment]]:
        """Return the names that are one number, those of the rule first."""
        wrong, found = self._wrong, list[tuple[Node, Fragment]]()
        known = [ref for kind, ref in wrong.notation.known if kind == "name"]
        for ref in dict.fromkeys((*self._rule_names(), *known)):
            name = wrong.notation.name(ref)
            if name is not None and ref.key != wrong.notation.names.loss and self._is_number(ref):
                found.append((Node("name", (), ref, 0, 0), name))
        return found[: limits.NUMBERS]

    def _is_number(self, ref: Ref) -> bool:
        values = self._wrong.point.values
        shape = next((v.shape for (key, _), v in values.items() if key == ref.key), None)
        return shape == (1, 1) and not ref.indices

    def _sizes(self) -> list[tuple[Node, Fragment]]:
        """Return the letters of sizes."""
        letters = [x for x in self._wrong.point.forward.sizes if not self._wrong.notation.names.is_known(x)]
        return [(Node("name", (), Ref(x), 0, 0), self._wrong.notation.plain(x)) for x in letters[: limits.NUMBERS]]

    def _may_lack_ones(self) -> bool:
        """Return whether the sizes of matrices do not fit."""
        left = self._wrong.line.left
        matrices = all(side.kind == "d" and not side.value[0].indices for side in left)
        return self._wrong.verdict.verdict == Verdict.DOES_NOT_FIT and matrices

    def _ones(self) -> list[tuple[Node, Fragment]]:
        """Return 1 as it was declared, or else of every length that has a letter."""
        if self._wrong.point.declarations.ones:
            return [(Node("number", (), 1.0, 0, 0), Fragment((number_token("1"),), "1"))]
        ones = self._wrong.notation.ones_text
        if ones:
            return [(Node("ones", (), None, 0, 0), self._wrong.notation.plain(ones))]
        sizes = [f"{letter},1" for letter in list(self._wrong.point.forward.sizes)[: limits.ONES_SIZES]]
        texts = {size: f"1_{{({size})}}" for size in sizes}
        source = self._wrong.point.source
        return [
            (Node("ones", (), s, 0, 0), Fragment(tokenized(text, "ones", source), text)) for s, text in texts.items()
        ]

    def _elsewhere(self, index: int) -> Iterator[tuple[Statement, Node]]:
        """Yield all parts of the other members of the line, and of right lines, the nearest first."""
        line = self._wrong.line
        own = [(line, member) for k, member in enumerate(line.members) if k != index]
        others = [(v.statement, member) for v in self._analogies.right_lines() for member in v.statement.members]
        yield from ((where, node) for where, member in (*own, *others) for node in walk(member))

    def _factors(self, index: int) -> list[tuple[Node, Fragment]]:
        """Return brackets and calls of other lines, transposed or not, each once."""
        factors: dict[str, tuple[Node, Fragment]] = {}
        for line, node in self._elsewhere(index):
            inner = node.parts[0] if node.kind == "transpose" else node
            if inner.kind in ("bracket", "call", "prime") and node.end - node.start < limits.FRAGMENT_LENGTH:
                fragment = self._wrong.fragment(line, node)
                factors.setdefault(fragment.text, (node, fragment))
                if len(factors) == limits.FACTORS:
                    break
        return list(factors.values())

    def _terms_of_same(self) -> list[tuple[Node, Fragment]]:
        """Return the terms of other lines for the derivative that this one sets, and of the rules."""
        wrong = self._wrong
        targets = [target_of(wrong.point, ref) for ref in derived_names(wrong.line)]
        labelled = [
            (Node("d", (), value, 0, 0), fragment)
            for value, fragment in wrong.notation.labelled.items()
            if target_of(wrong.point, value[0]) in targets
        ]
        others = [
            (term, wrong.fragment(v.statement, term))
            for v in wrong.verdicts
            if v is not wrong.verdict
            and any(r.of is not None and target_of(wrong.point, r.of) in targets for r in v.readings)
            for member in v.statement.members
            for term in terms(member)
        ]
        return (labelled + others + self._terms_by_rule())[: limits.FACTORS]

    def _terms_by_rule(self) -> list[tuple[Node, Fragment]]:
        """Return the contributions that are required, as the rules of the table give them."""
        wrong, parts = self._wrong, []
        for left, needs in zip(wrong.line.left, self._required.of_sides, strict=True):
            walk_ = rule_walk(wrong.point, wrong.notation, left, wrong.is_set_before) if needs else None
            for key in in_order(needs or ()):
                part = contributions(walk_, frozenset({key}), left, wrong.line.sign)
                node = None if part is None else self._read(part)
                if part is not None and node is not None:
                    parts.append((node, part))
        return parts

    def _signed_terms(self, index: int) -> list[tuple[str, Node, Fragment]]:
        """Return what stands behind + and - in other lines and in the forward equations of this one, each once."""
        signed: dict[str, tuple[str, Node, Fragment]] = {}
        equations = [self._forward[k] for k in self._analogies.equations_of(self._wrong.verdict)]
        forward = ((eq, node) for eq in equations for member in eq.members for node in walk(member))
        for line, node in chain(forward, self._elsewhere(index)):
            if node.kind in ("+", "-") and node.parts[1].end - node.parts[1].start < limits.FRAGMENT_LENGTH:
                fragment = self._wrong.fragment(line, node.parts[1])
                signed.setdefault(node.kind + fragment.text, (node.kind, node.parts[1], fragment))
                if len(signed) == limits.SIGNED_TERMS:
                    break
        return [*self._own_terms(index), *signed.values()]

    def _own_terms(self, index: int) -> list[tuple[str, Node, Fragment]]:
        """Return the terms of the line itself in the names of another equation that uses what it sets."""
        wrong, renamed, results = self._wrong, [], self._results()
        for term in terms(wrong.line.members[index]):
            for old in results:
                for new in results:
                    made = exchange_names(wrong.notation, wrong.line, term, {old: new}) if old != new else None
                    node = None if made is None else self._read(made)
                    if made is not None and node is not None:
                        renamed.append(("+", node, made))
        return renamed[: limits.SIGNED_TERMS]

    def _read(self, formula: Fragment) -> Node | None:
        """Return a formula as it is read; None if it cannot stand alone, as a δ_ij whose letters others tell."""
        try:
            return self._wrong.point.declarations.parser().inside(formula.tokens)
        except LimitError:
            raise
        except DerivationError:
            return None

    def _results(self) -> list[Ref]:
        """Return what is computed from what the line sets, at its times."""
        readings = self._wrong.verdict.readings
        keys = [(key, r.of) for r in readings for key in in_order(r.all_contributions)]
        refs = [
            self._as_here(_shifted(self._forward[equation].left[0].value, later or 0, of))
            for (equation, later, _), of in keys
            if equation is not None
        ]
        indices = next((ref.indices for ref in derived_names(self._wrong.line)), ())
        refs = [ref._replace(indices=indices) if len(ref.indices) == len(indices) else ref for ref in refs]
        return list(dict.fromkeys(refs))

    def _as_here(self, ref: Ref) -> Ref:
        """Return a name of a forward equation of components as it stands in a line without them."""
        return ref if self._is_indexed else ref._replace(indices=())

    @cached_property
    def _is_indexed(self) -> bool:
        """Return whether the line is one of components."""
        formulas = (*self._wrong.line.left, *self._wrong.line.members)
        return any(ref_of(node).indices for formula in formulas for node in names_in(formula))


def functions_of(point: SamplePoint, lines: Sequence[Statement]) -> list[Fragment]:
    """Return the names of the functions of a derivation, as they are written."""
    known: dict[str, Fragment] = {}
    functions = point.declarations.names.functions
    for line in [*lines, *point.derivation.forward]:
        for k, token in enumerate(line.tokens[:-1]):
            if token.kind == "word" and token.text in functions and line.tokens[k + 1].kind == "open":
                text = point.source.text[token.start : token.end]
                known.setdefault(functions[token.text], Fragment((token,), text))
    return list(known.values())


def terms(node: Node) -> list[Node]:
    """Return the terms of a sum."""
    if node.kind == "+":
        return [*terms(node.parts[0]), *terms(node.parts[1])]
    return [node]


def _names_of(eq: Statement) -> list[Ref]:
    """Return the names of an equation: the result first, then the operands."""
    return [eq.left[0].value, *(node.value for member in eq.members for node in names_in(member))]


def _shifted(ref: Ref, later: int, of: Ref | None) -> Ref:
    """Return a name of an equation at t, seen from the line: `later` steps after the line's own time."""
    if of is None or of.time is None or ref.time is None or ref.time[0] != "t" or of.time[0] != "t":
        return ref
    return ref._replace(time=("t", ref.time[1] + later + of.time[1]))
