"""The printer of formulas: an operation and its printed operands become one text, with brackets where they are needed.

A Notation says how each sign looks, its Grammar where brackets stand.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from enum import IntEnum
from types import MappingProxyType
from typing import NamedTuple

POWER = re.compile(r"(-?[\d.]+)e([-+]?\d+)")  # 1e-05


class Precedence(IntEnum):
    """How tightly a formula holds together."""

    COMPARISON = 0
    SUM = 1
    PRODUCT = 2
    SIGN = 3
    POSTFIX = 4
    ATOM = 5


class Grammar(NamedTuple):
    """Where brackets stand.

    `unary` has for a prefix or postfix sign what its operand needs and what the result has; `binary` has what each
    operand needs, and what the result has, for a sign whose equals do not group from the left.  In an associative
    grammar a ∘ (b ∘ c) needs no brackets and (a ∘ b) * c has them, as people write; otherwise equal signs group from
    the left, as in Python.
    """

    infix: Mapping[str, Precedence]
    unary: Mapping[str, tuple[Precedence, Precedence]]
    negative: Precedence  # of a number with a sign
    associative: bool
    binary: Mapping[str, tuple[Precedence, Precedence, Precedence]] = MappingProxyType({})


class Notation(NamedTuple):
    """`signs`: symbol of an operation → template; `functions`: symbol → its name, if that is not the symbol itself.

    Templates and texts are str, or Markup where the notation is one of HTML.
    """

    signs: Mapping[str, str]
    functions: Mapping[str, str]
    name: Callable[[str], str]  # of a Variable
    number: Callable[[str], str]
    word: Callable[[str], str]  # what is no name
    grammar: Grammar
    comma: str = ", "


class Printed(NamedTuple):
    """A formula as printed, how tightly it holds together, and the symbol it was made with."""

    text: str
    precedence: Precedence = Precedence.ATOM
    symbol: str = ""
    call: tuple[str, str] | None = None  # a function and its arguments


def bracketed(operand: Printed, needs: Precedence, notation: Notation) -> str:
    """Return the text of an operand, in brackets if it holds together less than is needed."""
    return operand.text if operand.precedence >= needs else notation.signs["()"] % operand.text


def applied(symbol: str, operands: Sequence[Printed], notation: Notation) -> Printed:
    """Return an operation of the notation on its operands; a symbol without a sign of its own is a function."""
    grammar, signs = notation.grammar, notation.signs
    if symbol in grammar.infix:
        return _infix(symbol, operands[0], operands[1], notation)
    if symbol in grammar.unary:
        needs, result = grammar.unary[symbol]
        return Printed(signs[symbol] % bracketed(operands[0], needs, notation), result, symbol)
    if symbol in grammar.binary:
        *needed, result = grammar.binary[symbol]
        both = (bracketed(operand, needs, notation) for operand, needs in zip(operands, needed, strict=True))
        return Printed(signs[symbol] % tuple(both), result, symbol)
    texts = [operand.text for operand in operands]
    if symbol in signs:
        return Printed(signs[symbol] % tuple(texts))
    return called(notation.functions.get(symbol) or notation.word(symbol), texts, notation)


def called(function: str, arguments: Sequence[str], notation: Notation) -> Printed:
    """Return a call of a function."""
    call = function, notation.comma.join(arguments)
    return Printed(notation.signs["call"] % call, call=call)


def squared(operand: Printed, notation: Notation) -> Printed:
    """Return tanh²(C) for tanh(C), as on the slides, and A² for another A."""
    if operand.call:
        function, arguments = operand.call
        return Printed(notation.signs["call"] % (notation.signs["power"] % function, arguments))
    return Printed(notation.signs["square"] % bracketed(operand, Precedence.ATOM, notation), Precedence.POSTFIX)


def raised(base: Printed, exponent: Printed, notation: Notation) -> Printed:
    """Return a power of components: A² where it is the second, and A^(-1) so that it is not taken for an inverse."""
    if exponent == number("2", notation):
        return squared(base, notation)
    if exponent == number("-1", notation):
        text = notation.signs["reciprocal"] % bracketed(base, Precedence.ATOM, notation)
        return Printed(text, Precedence.POSTFIX, "**")
    return applied("**", [base, exponent], notation)


def number(text: str, notation: Notation) -> Printed:
    """Return a number; 1e-05 becomes a product in a notation with powers."""
    shown = notation.number(text)
    if POWER.fullmatch(text) and shown != text:
        return Printed(shown, Precedence.SUM, "number")
    return Printed(shown, notation.grammar.negative if text.startswith("-") else Precedence.ATOM, "number")


def _infix(symbol: str, left: Printed, right: Printed, notation: Notation) -> Printed:
    grammar = notation.grammar
    own = grammar.infix[symbol]
    needs_left, needs_right = own, Precedence(own + 1)
    if grammar.associative:
        if own == Precedence.PRODUCT and left.symbol != symbol:
            needs_left = needs_right
        if right.symbol == symbol and symbol not in "-/":
            needs_right = own
    texts = bracketed(left, needs_left, notation), bracketed(right, needs_right, notation)
    return Printed(notation.signs[symbol] % texts, own, symbol)
