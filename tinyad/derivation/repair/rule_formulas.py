"""Contributions and lines as the rules of the table give them, in the author's notation."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import combinations
from typing import Any

import numpy as np

from tinyad.arrays.matrix import Array
from tinyad.derivation.judge.contributions import (
    Case,
    ContributionKey,
    Keys,
    contributions_to,
    in_order,
    known_cases,
    total_of,
)
from tinyad.derivation.judge.equalities import scopes_of
from tinyad.derivation.judge.line_verdict import value_of
from tinyad.derivation.language.source import DerivationError, LimitError
from tinyad.derivation.language.syntax_tree import Node, Ref, Statement, Token, Vec, structure, vec_of, walk
from tinyad.derivation.repair import limits
from tinyad.derivation.repair.analogy import is_routine
from tinyad.derivation.repair.author_notation import (
    CLOSE,
    OPEN,
    AuthorNotation,
    Fragment,
    bracketed,
    fragment_of,
    joined,
    sign_token,
    tokenized,
)
from tinyad.derivation.repair.component_forms import has_indices
from tinyad.derivation.repair.formula import NoFormula
from tinyad.derivation.repair.required_contributions import RequiredContributions
from tinyad.derivation.repair.rule_components import component_terms
from tinyad.derivation.repair.rule_differentials import differentials
from tinyad.derivation.repair.rule_jacobians import RuleJacobian
from tinyad.derivation.repair.rule_walk import LEVELS, RuleWalk, Term, WrittenPart, scope_of
from tinyad.derivation.repair.wrong_line import WrongLine, derived_names
from tinyad.derivation.semantics.sample_point import SamplePoint
from tinyad.derivation.semantics.values import Trouble

NO_FORMULA = (NoFormula, Trouble, DerivationError, ArithmeticError, ValueError)
DERIVATIVES_WRITTEN = ("bracket", "+", "-", "∘", "*", "/", "neg", "name", "call")


def lines_by_rule(wrong: WrongLine, formulas: Sequence[Fragment]) -> Iterator[Fragment]:
    """Yield the line that the rules give; `formulas` are what they give for its left-hand side."""
    if is_routine(wrong.line.members[0]):
        names = derived_names(wrong.line)
        calls = (routine_call(wrong.point, wrong.notation, eq) for eq in wrong.equations if operands(eq) == names)
        formulas = [call for call in calls if call is not None][:1]
    yield from (wrong.with_formula(formula) for formula in formulas)


def formulas_by_rule(wrong: WrongLine, required: RequiredContributions) -> Iterator[Fragment]:
    """Yield what is required of the one derivative that a line sets, or the Jacobian, as the rules give it."""
    needs = required.of_sides[0]
    if len(wrong.line.left) == 1 and wrong.line.left[0].kind == "jacobian":
        yield from jacobians_by_rule(wrong)
        return
    if len(wrong.line.left) == 1 and wrong.line.left[0].kind == "differential":
        yield from differentials_by_rule(wrong)
        return
    if len(wrong.line.left) != 1 or wrong.line.left[0].kind != "d" or not needs:
        return
    left = wrong.line.left[0]
    case = _fullest_case(wrong.point, left)
    if case is None:
        return
    needs = _visible(wrong, left, needs)
    yield from terms_mended(wrong, case, needs)
    parts, named = written_parts(wrong, case), named_parts(wrong, case)
    for usable, some in ((wrong.is_set_before, parts), (wrong.is_set_before, []), (wrong.is_set, parts)):
        walk_ = RuleWalk(case, wrong.notation, usable, some, named if some else [])
        formula = by_rule(walk_, needs, left, wrong.line.sign, wrong.line.vec)
        if formula is not None:
            yield formula


def _visible(wrong: WrongLine, left: Node, needs: Keys) -> Keys:
    """Return the contributions that are not 0 everywhere, as that through the mean is to a variance; all if all are."""
    cases = [case for point in wrong.points for case in known_cases(point, left)]
    known = [(case, contributions_to(case)) for case in cases]
    zero = {
        key
        for key in needs
        if all(key not in arrays or case.point.is_rounding(case.place, arrays[key]) for case, arrays in known)
    }
    return needs - zero or needs


def terms_mended(wrong: WrongLine, case: Case, needs: Keys) -> Iterator[Fragment]:
    """Yield a sum with its right terms as they are, and with what the rules give in the place of the others."""
    left, terms = wrong.line.left[0], signed_terms(wrong.line.members[-1])
    known, keys = contributions_to(case), dict[int, ContributionKey]()
    for k, (sign, node) in enumerate(terms):
        value = _value(wrong, case, node)
        rest = [key for key in in_order(needs) if key not in keys.values() and key in known]
        right = (key for key in rest if value is not None and case.point.near(case.place, sign * value, known[key]))
        key = next(right, None)
        if key is not None:
            keys[k] = key
    lacking = needs - {*keys.values()}
    walk_ = RuleWalk(case, wrong.notation, wrong.is_set_before)
    mended = by_rule(walk_, lacking, left, wrong.line.sign, wrong.line.vec) if keys and lacking else None
    if mended is None:
        return
    at = next((k for k in range(len(terms)) if k not in keys), len(terms))
    parts = [(sign, wrong.fragment(wrong.line, node)) for k, (sign, node) in enumerate(terms) if k in keys]
    kept = sum(k in keys for k in range(at))
    yield total_of_terms([*parts[:kept], (1, mended), *parts[kept:]])


def signed_terms(node: Node) -> list[tuple[int, Node]]:
    """Return the terms of a sum, with their signs."""
    if node.kind in ("+", "-"):
        sign = 1 if node.kind == "+" else -1
        return [*signed_terms(node.parts[0]), (sign, node.parts[1])]
    return [(-1, node.parts[0])] if node.kind == "neg" else [(1, node)]


def total_of_terms(terms: Sequence[tuple[int, Fragment]]) -> Fragment:
    """Return a sum of terms with signs; a term may begin with a minus of its own."""
    total = Fragment((), "")
    for sign, term in terms:
        minus = term.text.startswith("-")
        inner = Fragment(term.tokens[1:], term.text[1:]) if minus else term
        text = "-" if (sign < 0) != minus else "+"
        head = Fragment((sign_token(text),), text)
        first = joined(head, inner) if text == "-" else inner
        total = joined(total, " ", head, " ", inner) if total.tokens else first
    return total


def _value(wrong: WrongLine, case: Case, node: Node) -> Array | None:
    """Return what a term of the line gives, in row layout; None if it has no value, or another size."""
    try:
        value = value_of(case, wrong.line, 0, node)
    except LimitError:
        raise
    except (Trouble, ArithmeticError, ValueError):
        return None
    return value if value.shape == case.shape else None


def jacobians_by_rule(wrong: WrongLine) -> Iterator[Fragment]:
    """Yield a Jacobian as the rules give it, in the forms in which people write it."""
    left = wrong.line.left[0]
    above, below = left.parts[0], left.value
    stacked = vec_of(below) if isinstance(below, Node) else None
    if above.kind == "call" and above.value.key == "number" and isinstance(below, Ref):
        yield from _gradient(wrong, above.parts[0], below)
    elif stacked is not None and stacked.kind == "name":
        yield from _stacked_jacobian(wrong, vec_of(above) or above, stacked.value, below.kind == "transpose")
    elif above.kind == "name" and isinstance(below, Ref):
        yield from _jacobian_of_names(wrong, above, below)


def _jacobian_of_names(wrong: WrongLine, above: Node, below: Ref) -> Iterator[Fragment]:
    """Yield the Jacobian of a computed name for another name."""
    point, scopes = wrong.point, scopes_of(wrong.point, wrong.line)
    for k, eq in enumerate(point.derivation.forward) if scopes else ():
        if eq.left[0].value.key != above.value.key:
            continue
        walk_ = RuleWalk(Case(point, scopes[0], (below.key, None)), wrong.notation, wrong.is_set_before)
        if above.value.indices:
            yield from _softmax_of_components(walk_, eq, above.value, below)
            continue
        try:
            text = _through_equations(walk_, above.value, below, k)
            if len(text) <= limits.RULE_CHARACTERS:
                yield Fragment(tokenized(text, "rule", point.source), text)
        except LimitError:
            raise
        except NO_FORMULA:
            pass
        try:
            texts = walk_.jacobians(above.value, below, k) or walk_.jacobians_by_chain(above.value, below, k)
            yield from [Fragment(tokenized(text, "rule", point.source), text) for text in texts]
        except LimitError:
            raise
        except NO_FORMULA:
            continue


def _softmax_of_components(walk_: RuleWalk, eq: Statement, above: Ref, below: Ref) -> Iterator[Fragment]:
    """Yield p_i (δ_ij - p_j), which holds if the equation is a softmax of a column."""
    notation = walk_.notation
    p, q = (notation.component("name", above._replace(indices=ref.indices)) for ref in (above, below))
    used = [n.value.key for member in eq.members for n in walk(member) if n.kind == "name"]
    if p is not None and q is not None and below.key in used and len(above.indices) == len(below.indices) == 1:
        delta = notation.with_indices(r"\delta" if notation.latex else "δ", (*above.indices, *below.indices))
        yield notation.plain(f"{p.text} ({delta} - {q.text})")


def differentials_by_rule(wrong: WrongLine) -> Iterator[Fragment]:
    """Yield a differential as the rules give it."""
    point, left = wrong.point, wrong.line.left[0]
    for scope in scopes_of(point, wrong.line)[:1]:
        walk_ = RuleWalk(Case(point, scope, (point.declarations.names.loss, None)), wrong.notation, wrong.is_set_before)
        try:
            yield from map(wrong.notation.plain, differentials(walk_, left, wrong.line.members))
        except LimitError:
            raise
        except NO_FORMULA:
            return


def _gradient(wrong: WrongLine, formula: Node, below: Ref) -> Iterator[Fragment]:
    """Yield ∇_w of a formula as the rules give it."""
    for scope in scopes_of(wrong.point, wrong.line)[:1]:
        walk_ = RuleWalk(Case(wrong.point, scope, (below.key, None)), wrong.notation, wrong.is_set_before)
        try:
            text = walk_.gradient(wrong.line, formula, below)
            yield Fragment(tokenized(text, "rule", wrong.point.source), text)
        except LimitError:
            raise
        except NO_FORMULA:
            return


def _stacked_jacobian(wrong: WrongLine, above: Node, below: Ref, by_rows: bool) -> Iterator[Fragment]:
    """Yield the Jacobian of a column or a vec for vec(X) as the rules give it; by_rows: for vec(X)ᵀ."""
    point = wrong.point
    for scope in scopes_of(point, wrong.line)[:1] if above.kind == "name" else ():
        for k, eq in enumerate(point.derivation.forward):
            if eq.left[0].value.key == above.value.key and not above.value.indices:
                walk_ = RuleWalk(Case(point, scope, (below.key, None)), wrong.notation, wrong.is_set_before)
                try:
                    text = _through_equations(walk_, above.value, below, k, by_rows)
                    yield Fragment(tokenized(text, "rule", point.source), text)
                except LimitError:
                    raise
                except NO_FORMULA:
                    continue


def _through_equations(walk_: RuleWalk, above: Ref, below: Ref, equation: int, by_rows: bool | None = None) -> str:
    """Return the Jacobian of the result of an equation, through as many equations as it takes.

    by_rows: None for a column, and else whether it has a row for each entry of the result whatever the layout.
    """
    point = walk_.point
    name = point.evaluator.timed_name(below, walk_.scope, point.derivation.forward[equation].left[0])
    rows, columns = point.values[name].shape if name in point.values else (0, 0)
    if columns != 1 and by_rows is None:
        raise NoFormula
    later = above.time[1] - below.time[1] if above.time and below.time and point.last is not None else None
    return RuleJacobian(walk_, below, rows * columns, later).text(equation, walk_.row or bool(by_rows))


def lacking_by_rule(wrong: WrongLine, lacking: Keys) -> Iterator[Fragment]:
    """Yield the contributions that a line lacks, as the rules give them."""
    left = wrong.line.left[0]
    for usable in (wrong.is_set_before, wrong.is_set):
        walk_ = rule_walk(wrong.point, wrong.notation, left, usable)
        formula = None if walk_ is None else by_rule(walk_, lacking, left, wrong.line.sign, wrong.line.vec)
        if formula is not None:
            yield formula


def by_rule(walk_: RuleWalk, keys: Keys, left: Node, sign: str, stacking: Vec | None = None) -> Fragment | None:
    """Return the sum of some contributions as the rules give them; None if they do not, or at too great a length."""
    of: Ref = left.value[0]
    try:
        terms = _chosen(walk_, of, _terms(walk_, of, keys), keys)
        text = walk_.sum_of(terms, of, sign, stacking)
        tokens = tokenized(text, "rule", walk_.point.source)
        walk_.point.declarations.parser().inside(tokens)
    except LimitError:
        raise
    except (NoFormula, Trouble, DerivationError, ArithmeticError, ValueError):
        return None
    return Fragment(tokens, text) if len(text) <= limits.RULE_CHARACTERS else None


def _terms(walk_: RuleWalk, of: Ref, keys: Keys) -> list[Term]:
    """Return what every use of a name in the equations of some contributions gives."""
    places = dict.fromkeys((key.equation, key.later) for key in in_order(keys))
    return [term for k, later in places if k is not None for term in _terms_of_equation(walk_, of, k, later)]


def _terms_of_equation(walk_: RuleWalk, of: Ref, equation: int, later: Any) -> list[Term]:
    """Return the same of one equation: by its matrices, or else by its components."""
    if of.indices or has_indices(walk_.forward[equation].members[0]):
        return component_terms(walk_, of, equation, later)
    try:
        return walk_.terms(of, equation, later)
    except NoFormula:
        return component_terms(walk_, of, equation, later)


def _chosen(walk_: RuleWalk, of: Ref, terms: list[Term], keys: Keys) -> list[Term]:
    """Return the terms that are those contributions: some where an equation uses a name more than once."""
    known = contributions_to(walk_.case)
    if keys >= {key for key in known if (key.equation, key.later) in {(t.equation, t.later) for t in terms}}:
        return terms
    total = total_of((a for key, a in known.items() if key in keys), walk_.case.shape)
    values = [walk_.value_of_text(walk_.text(term.formula), of) for term in terms[: limits.TERMS_CHOSEN]]
    for count in range(1, len(values) + 1):
        for some in combinations(range(len(values)), count):
            arrays = [a for k in some for a in [values[k]] if a is not None]
            if len(arrays) == count and np.allclose(total_of(arrays, total.shape), total, rtol=limits.SAME_VALUE):
                return [terms[k] for k in some]
    raise NoFormula


def _fullest_case(point: SamplePoint, left: Node) -> Case | None:
    """Return the time of a left-hand side at which the most contributions reach it; None if its name is unknown."""
    cases = known_cases(point, left)
    return max(cases, key=lambda case: len(contributions_to(case)), default=None)


def written_parts(wrong: WrongLine, case: Case) -> list[WrittenPart]:
    """Return what the author may have written out for a derivative: parts of the line, then brackets of right lines."""
    formulas = [structure(m) for v in wrong.verdicts if v.ok and v.statement is not None for m in v.statement.members]
    own = [
        (wrong.line, node)
        for member in wrong.line.members
        for node in walk(member)
        if node is not member or structure(member) not in formulas  # the formula of another line: it has a name
    ]
    others = [
        (v.statement, node)
        for v in wrong.verdicts
        if v.ok and v.statement is not None and v is not wrong.verdict
        for member in v.statement.members
        for node in walk(member)
        if node.kind == "bracket"
    ]
    parts: list[WrittenPart] = []
    for line, node in (*own, *others):
        if node.kind in DERIVATIVES_WRITTEN and len(parts) < limits.WRITTEN_PARTS:
            parts += _written(wrong, case, line, node)
    return parts


def named_parts(wrong: WrongLine, case: Case) -> list[WrittenPart]:
    """Return the derivatives of one time step that are set before the line, but for those that it sets."""
    if wrong.point.last is not None:
        return []
    own = derived_names(wrong.line)
    refs = [ref for kind, ref in wrong.notation.known if kind == "d" and not ref.indices and ref not in own]
    parts: list[WrittenPart] = []
    for ref in refs[: limits.WRITTEN_PARTS]:
        fragment, place = wrong.notation.derivative(ref), (ref.key, wrong.point.forward.step_time(ref.time, ref.key))
        if fragment is not None and place in wrong.point.values and wrong.is_set_before(ref):
            parts.append(WrittenPart(wrong.point.true_derivative(place), fragment, "d"))
    return parts


def _written(wrong: WrongLine, case: Case, line: Statement, node: Node) -> Iterator[WrittenPart]:
    """Yield a formula that has a value, as it stands and transposed."""
    point, mark = wrong.point, wrong.notation.transpose_mark
    try:
        value = point.evaluator(node, scope_of(case))
    except LimitError:
        raise
    except (Trouble, ArithmeticError, ValueError):
        return
    used = [part.value[0] for part in walk(node) if part.kind == "d"]
    if not isinstance(value, np.ndarray) or not np.any(value) or not all(map(wrong.is_set_before, used)):
        return
    row, fragment = point.declarations.layout == "row", fragment_of(point.source, line, node)
    yield WrittenPart(value if row else value.T, fragment, node.kind)
    if value.shape != (1, 1):
        inner = fragment if node.kind not in LEVELS else bracketed(fragment)
        yield WrittenPart(value.T if row else value, joined(inner, mark), "transpose")


def operands(eq: Statement) -> list[Ref]:
    """Return the operands of an equation that is one operation on names."""
    return [part.value for part in eq.members[0].parts if part.kind == "name"]


def names_used(eq: Statement) -> list[Ref]:
    """Return the names that an equation uses."""
    return list(dict.fromkeys(n.value for member in eq.members for n in walk(member) if n.kind == "name"))


def routine_call(point: SamplePoint, notation: AuthorNotation, eq: Statement) -> Fragment | None:
    """Return deriv() of an equation that is one operation on names, as on the slide "LSTM: derivative routine"."""
    node = eq.members[0]
    symbol = point.declarations.names.functions.get(node.value.key, "") if node.kind == "call" else node.kind
    names = [notation.derivative(eq.left[0].value), *map(notation.name, operands(eq))]
    arguments = [name for name in names if name is not None]
    if len(names) != len(node.parts) + 1 or len(names) == 1 or len(arguments) < len(names):
        return None
    inside = [token for argument in arguments for token in (*argument.tokens, sign_token(","))]
    tokens = Token("word", "deriv", 0, 0), OPEN, *inside, Token("string", symbol, 0, 0), CLOSE
    return Fragment(tokens, f"deriv({', '.join(argument.text for argument in arguments)}, '{symbol}')")


def contributions(walk_: RuleWalk | None, keys: Keys, left: Node, sign: str = "=") -> Fragment | None:
    """Return contributions to the derivative that a left-hand side is; None if the rules give none."""
    return None if walk_ is None or not keys else by_rule(walk_, keys, left, sign)


def rule_walk(
    point: SamplePoint, notation: AuthorNotation, left: Node, is_usable: Callable[[Ref], bool]
) -> RuleWalk | None:
    """Return the walk back to the derivative that a left-hand side is; None if its name is unknown."""
    case = _fullest_case(point, left)
    return None if case is None else RuleWalk(case, notation, is_usable)
