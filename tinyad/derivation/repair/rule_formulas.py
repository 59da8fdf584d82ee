"""Contributions and lines as the rules of the table give them, in the author's notation."""

from __future__ import annotations

from typing import Any

from tinyad.derivation.judge.contributions import ContributionKey, in_order
from tinyad.derivation.language.source import DerivationError
from tinyad.derivation.language.syntax_tree import Ref, Statement, Token
from tinyad.derivation.repair.analogy import is_routine
from tinyad.derivation.repair.author_notation import (
    CLOSE,
    OPEN,
    AuthorNotation,
    Fragment,
    fragment_of,
    joined,
    sign_token,
    tokenized,
)
from tinyad.derivation.repair.required_contributions import RequiredContributions
from tinyad.derivation.repair.wrong_line import WrongLine, derived_names
from tinyad.derivation.semantics.sample_point import SamplePoint
from tinyad.derivation.semantics.values import Scope, Trouble
from tinyad.engine.op import Op
from tinyad.engine.table import TABLE
from tinyad.engine.vjp import in_same_layout
from tinyad.expressions.symbol import Symbol
from tinyad.printing.formula import Notation, Printed, applied, number
from tinyad.printing.notation import MATHEMATICS

PLUS = Fragment((sign_token("+"),), " + ")
# Operations that equations and rules are made of; how ∘ and transpose look is the author's.
SIGNS = {"+": "%s + %s", "-": "%s - %s", "∘": "", "*": "%s %s", "/": "%s / %s", "neg": "-%s", "transpose": ""}


def line_by_rule(wrong: WrongLine, required: RequiredContributions) -> Fragment | None:
    """Return the line that the rules give for what is required of it; None if there is none."""
    if is_routine(wrong.line.members[0]):
        names = derived_names(wrong.line)
        calls = (routine_call(wrong.point, wrong.notation, eq) for eq in wrong.equations if operands(eq) == names)
        call = next((call for call in calls if call is not None), None)
    else:
        call = formula_by_rule(wrong, required) if len(wrong.line.members) == 1 else None
    return None if call is None else wrong.with_formula(call)


def formula_by_rule(wrong: WrongLine, required: RequiredContributions) -> Fragment | None:
    """Return what is required of the one derivative that a line sets, as the rules give it; None if they do not."""
    needs = required.of_sides[0]
    if len(wrong.line.left) != 1 or wrong.line.left[0].kind != "d" or not needs:
        return None
    total: Fragment | None = None
    for key in in_order(needs):
        part = contribution(wrong.point, wrong.notation, key, wrong.line.left[0].value[0])
        if part is None:
            return None
        total = part if total is None else joined(total, PLUS, part)
    return total


def operands(eq: Statement) -> list[Ref]:
    """Return the operands of an equation that is one operation on names."""
    return [part.value for part in eq.members[0].parts if part.kind == "name"]


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


def contribution(point: SamplePoint, notation: AuthorNotation, key: ContributionKey, of: Ref) -> Fragment | None:
    """Return a contribution to the derivative of a name; None if its equation is more than one operation."""
    equation, _, use = key
    if equation is None:
        return None
    eq = point.derivation.forward[equation]
    op = _operation(point, eq)
    uses = [k for k, name in enumerate(operands(eq)) if name == of]
    if op is None or op.formulas is None or use >= len(uses) or not _is_fitting(point, op, operands(eq)):
        return None
    rule = op.formulas[uses[use]]
    if point.declarations.layout == "same":
        rule = in_same_layout(rule)
    printed = _printed(rule, _names(notation, eq, op), _printer(notation))
    try:
        return None if printed is None else Fragment(tokenized(printed.text, "rule"), printed.text)
    except DerivationError:
        return None


def _operation(point: SamplePoint, eq: Statement) -> Op | None:
    """Return the row of the table that an equation is; None if it is more than one operation on names."""
    node = eq.members[0]
    if len(operands(eq)) != len(node.parts):
        return None
    if node.kind in SIGNS:
        return TABLE[node.kind]
    try:
        return point.forward.functions.row(node.value, Scope(None, {}), node) if node.kind == "call" else None
    except Trouble:
        return None


def _is_fitting(point: SamplePoint, op: Op, names: list[Ref]) -> bool:
    """Return whether no operand is repeated to fit the other."""
    shapes = {v.shape for (key, _), v in point.values.items() if key in {name.key for name in names}}
    return len(shapes) == 1 or not op.elementwise


def _names(notation: AuthorNotation, eq: Statement, op: Op) -> dict[str, Printed]:
    """Return how dz, z, x and y of a rule look, as far as the author has a notation for them."""
    result, names = eq.left[0].value, zip("xy", map(notation.name, operands(eq)), strict=False)
    # As on the slides the result of a function stands as σ(z).
    z = fragment_of(notation.source, eq, eq.members[0]) if op.arity == 1 else notation.name(result)
    fragments = {"dz": notation.derivative(result), "z": z, **dict(names)}
    return {name: Printed(fragment.text) for name, fragment in fragments.items() if fragment is not None}


def _printer(notation: AuthorNotation) -> Notation:
    """Return the author's notation for the printer of formulas."""
    circle, mark = (fragment.text.replace("%", "%%") for fragment in (notation.circle, notation.transpose_mark))
    signs = {"∘": f"%s{circle}%s", "transpose": f"%s{mark}", "()": "(%s)"}
    return Notation(SIGNS | signs, {}, str, str, str, MATHEMATICS)


def _printed(rule: Any, names: dict[str, Printed], notation: Notation) -> Printed | None:
    """Return a rule as printed; None if it holds what the author has no notation for."""
    if not isinstance(rule, Symbol):
        return number(f"{rule:g}", notation) if isinstance(rule, int | float) and rule >= 0 else None
    if not rule.operands:
        return names.get(rule.head)
    printed = [_printed(part, names, notation) for part in rule.operands]
    known = [part for part in printed if part is not None]
    unknown = len(known) < len(printed) or rule.head not in notation.signs
    return None if unknown else applied(rule.head, known, notation)
