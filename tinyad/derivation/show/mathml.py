"""Formulas as presentation MathML, from the tree, with the signs and the scripts that their author chose."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence

from tinyad.derivation.language.names import Names
from tinyad.derivation.language.syntax_tree import Node, Ref, Statement
from tinyad.printing.text import safe

ACCENTS = dict(zip("\u0300\u0301\u0302\u0303\u0304\u0306\u0307\u0308\u030c", "`´^~¯˘˙¨ˇ", strict=True))
CLOSING = {"(": ")", "[": "]", "{": "}", "<": "⟩"}
SIGNS = {r"\circ": "∘", r"\odot": "⊙", r"\cdot": "·", r"\ast": "∗", r"\times": "×", "*": "∗"}
POWERS = {"transpose": "⊤", "square": "2", "inverse": "−1"}
CLOSED = ("name", "number", "ones", "eye", "call", "prime", "bracket", "matrix", "stack", "deriv", "dots")
LONG = 160  # characters of a member that is broken
SPACE = '<mspace width="0.17em"/>'
APPLY = "<mo>&#8289;</mo>"  # what a screen reader says between f and (x)
BOLD = '<mn style="font-weight:bold">1</mn>'
TIME_ABOVE = re.compile(r"\^[\s{]*(?:\\left\s*)?([(<\[⟨]|\\langle)|([⁽])")


def mathml(node: Node, text: str, names: Names | None = None) -> str:
    """A formula; its places point into `text`, and `names` has the letters of the loss and of the time."""
    return _math(_Writer(text, names or Names()).formula(node))


def statement(line: Statement, text: str, names: Names | None = None) -> str:
    """A whole line; the members of a chain, and the terms of a long one, stand below one another."""
    write = _Writer(text, names or Names())
    left = [write.formula(node) for node in line.left]
    listed = "[" in text[line.start : line.left[0].start]
    first = _fence("[", _between(left, ","), "]") if listed else left[0]
    if line.sign == "given":
        return _math(_row(first, SPACE, "<mtext>given</mtext>"))
    signs = [line.sign] + ["="] * (len(line.members) - 1)
    sides = [row for sign, member in zip(signs, line.members, strict=True) for row in write.rows(sign, member)]
    if len(sides) == 1:
        return _math(_row(first, sides[0]))
    rows = zip([first, *["<mrow></mrow>"] * (len(sides) - 1)], sides, strict=True)
    lines = "".join(f"<mtr>{_cell(a, 'right')}{_cell(b, 'left')}</mtr>" for a, b in rows)
    return _math(f'<mtable displaystyle="true">{lines}</mtable>')


class _Writer:
    """Each method makes one MathML element of one kind of node."""

    def __init__(self, text: str, names: Names) -> None:
        self.text, self.names = text, names

    def formula(self, node: Node) -> str:
        if node.kind in POWERS or node.kind == "power":
            return self.power(node)
        if node.kind in ("+", "-", "*", "∘", "/"):
            return self.binary(node)
        return str(getattr(self, node.kind)(node))

    def rows(self, sign: str, node: Node) -> list[str]:
        """A member of a chain with the sign before it, a row for each of its terms if it is long."""
        found, long = [], node.end - node.start > LONG
        while long and node.kind in "+-":
            sign_between = self.sign(node).replace("<mo>", '<mo form="infix">')
            found.append(_row(sign_between, self.formula(node.parts[1])))
            node = node.parts[0]
        return [_row(_mo(sign), self.formula(node)), *reversed(found)]

    def span(self, node: Node) -> str:
        """The node as it stands in the file."""
        return self.text[node.start : node.end]

    # Names

    def ref(self, ref: Ref, span: str, power: str = "") -> str:
        """A name with its scripts and a power; the time stands above where the author has it there."""
        base, below, above = _parts(ref.key)
        under = [_script(below)] if below else []
        under += [_row(*map(_mi, ref.indices))] if ref.indices else []
        over = [_script(above)] if above else []
        if ref.time is not None:
            high = TIME_ABOVE.search(span)
            time = self.moment(*ref.time)
            if high is None:
                under.append(time)
            else:
                opening = {"(": "(", "[": "[", "⁽": "("}.get(high[1] or high[2], "<")
                over.append(_fence(opening, time, CLOSING[opening]))
        over += [power] if power else []
        return _scripts(_base(base), _between(under, ",") if under else "", _row(*over) if over else "")

    def moment(self, letter: str, k: int) -> str:
        """t − 1, T or a number."""
        if letter == "=":
            return _mn(str(k))
        shown = _mi(self.names.last or "T" if letter == "T" else self.names.time)
        return _row(shown, _mo("−" if k < 0 else "+"), _mn(str(abs(k)))) if k else shown

    def name(self, node: Node) -> str:
        return self.ref(node.value, self.span(node))

    # Derivatives

    def d(self, node: Node) -> str:
        """∇_z L, ∂L/∂z, dz or δz, as it is written."""
        ref, label = node.value
        span = unicodedata.normalize("NFKC", self.span(node)).lstrip("{ ")
        name = self.ref(ref, span)
        if self.short(node):
            found = _row(_mi("δ" if span.startswith(("δ", r"\delta")) else "d"), name)
        elif span.startswith(("∇", r"\nabla")):
            loss = _base(self.names.loss) if self.with_loss(node) else ""
            found = _row(f"<msub><mo>∇</mo>{name}</msub>", loss)
        else:
            found = _quotient(_letter(span), _base(self.names.loss), name)
        return found if label is None else f"<msub>{_row(found, _mo('|'))}<mtext>{safe(label)}</mtext></msub>"

    def short(self, node: Node) -> bool:
        """Whether a derivative is written as dz or δz."""
        span = self.span(node).lstrip("{ ")
        return span.startswith(("δ", r"\delta")) or (span.startswith("d") and "/" not in span)

    def with_loss(self, node: Node) -> bool:
        """Whether the loss stands after ∇z."""
        loss = self.names.loss
        return self.span(node).rstrip("} ").endswith(loss) and not node.value[0].key.endswith(loss)

    def jacobian(self, node: Node) -> str:
        span, above = self.span(node), node.parts[0]
        below = self.ref(node.value, span) if isinstance(node.value, Ref) else self.formula(node.value)
        if above.end == node.end:  # ∂/∂x (...)
            return _row(_quotient(_letter(span), "", below), self.formula(above))
        return _quotient(_letter(span), self.closed(above), below)

    def differential(self, node: Node) -> str:
        return _row(_mi("d"), self.closed(node.parts[0]))

    # Operations

    def closed(self, node: Node) -> str:
        """A formula as the base of a power: in brackets where it would fall apart."""
        whole = node.kind in CLOSED or (node.kind == "d" and self.short(node)) or _on_function(node)
        return self.formula(node) if whole else _fence("(", self.formula(node), ")")

    def power(self, node: Node) -> str:
        part, sign = node.parts[0], POWERS.get(node.kind) or str(node.value)
        shown = _mo(sign) if sign == "⊤" else _script(sign)
        if part.kind == "name":
            return self.ref(part.value, self.span(part), shown)
        if _on_function(node):
            return self.applied(self.ref(part.value, "", shown), part)
        return _scripts(self.closed(part), "", shown)

    def binary(self, node: Node) -> str:
        left, right = (self.formula(part) for part in node.parts)
        if node.kind == "/" and node.value is None:
            return f"<mfrac>{left}{right}</mfrac>"
        return _row(left, self.sign(node), right)

    def sign(self, node: Node) -> str:
        if node.kind in "+-":
            return _mo("−" if node.kind == "-" else "+")
        if node.value is None:
            return SPACE
        written = unicodedata.normalize("NFKC", self.text[slice(*node.value)])
        return _mo(SIGNS.get(written, written if len(written) == 1 else node.kind))

    def neg(self, node: Node) -> str:
        return _row(_mo("−"), self.formula(node.parts[0]))

    def sum(self, node: Node) -> str:
        kind, *limits = node.value
        over = ""
        if kind == "time":
            first, last = limits
            under = _row(_mi(self.names.time), _mo("="), self.moment(*first)) if first else _mi(self.names.time)
            over = self.moment(*last) if last else ""
        else:
            under = _mi(limits[0])
        sign = f"<munderover>{_mo('∑')}{under}{over}</munderover>" if over else f"<munder>{_mo('∑')}{under}</munder>"
        return _row(sign, self.formula(node.parts[0]))

    def call(self, node: Node) -> str:
        return self.applied(self.ref(node.value, ""), node)

    def prime(self, node: Node) -> str:
        return self.applied(self.ref(node.value, "", _mo("′")), node)

    def applied(self, function: str, node: Node) -> str:
        arguments = _between([self.formula(part) for part in node.parts], ",")
        bare = node.kind == "call" and node.parts[-1].end == node.end  # tanh c
        return _row(function, APPLY, SPACE + arguments if bare else _fence("(", arguments, ")"))

    def deriv(self, node: Node) -> str:
        arguments = [self.formula(part) for part in node.parts] + [f"<mtext>‘{safe(node.value)}’</mtext>"]
        return _row(_mi("deriv"), APPLY, _fence("(", _between(arguments, ","), ")"))

    # Numbers, brackets, matrices

    def number(self, node: Node) -> str:
        return _mn(f"{node.value:.12g}")

    def ones(self, node: Node) -> str:
        return _scripts(BOLD, _script(node.value) if node.value else "", "")

    def eye(self, node: Node) -> str:
        return _scripts(_mi("I"), _script(node.value) if node.value else "", "")

    def bracket(self, node: Node) -> str:
        return _fence(node.value, self.formula(node.parts[0]), CLOSING[node.value])

    def dots(self, node: Node) -> str:
        return _mo("…")

    def stack(self, node: Node) -> str:
        return self.table(node, len(node.parts))

    def matrix(self, node: Node) -> str:
        return self.table(node, node.value)

    def table(self, node: Node, rows: int) -> str:
        opening = "(" if "pmatrix" in self.span(node)[:24] else "["
        width = len(node.parts) // rows
        cells = [_cell(self.formula(part), "center") for part in node.parts]
        lines = "".join(f"<mtr>{''.join(cells[k : k + width])}</mtr>" for k in range(0, len(cells), width))
        return _fence(opening, f"<mtable>{lines}</mtable>", CLOSING[opening])


def _on_function(node: Node) -> bool:
    """tanh²(x): the power ends where the call does."""
    return node.kind in POWERS and node.parts[0].kind == "call" and node.end == node.parts[0].end


def _parts(key: str) -> tuple[str, str, str]:
    """W_fC^y → W, fC, y"""
    match = re.fullmatch(r"([^_^]+)(?:_([^^]*))?(?:\^(.*))?", key, re.DOTALL)
    return (match[1], match[2] or "", match[3] or "") if match else (key, "", "")


def _letter(span: str) -> str:
    return "∂" if "∂" in unicodedata.normalize("NFKC", span) or r"\partial" in span else "d"


def _quotient(letter: str, above: str, below: str) -> str:
    return f"<mfrac>{_row(_mi(letter), above)}{_row(_mi(letter), below)}</mfrac>"


def _base(word: str) -> str:
    """A letter or a word, with what stands over it."""
    bare = word.rstrip("".join(ACCENTS))
    shown = _mi(bare)
    for mark in word[len(bare) :]:
        shown = f'<mover accent="true">{shown}{_mo(ACCENTS[mark])}</mover>'
    return shown


def _script(text: str) -> str:
    """A script: names, numbers and signs; n_a in it is a name with a script of its own."""
    found = []
    for name, below, other in re.findall(r"([^\W\d_]+)_([^\W_]+)|(\d+|[^\W\d_]+|\S)", text):
        shown = _word(other or name)
        found.append(f"<msub>{shown}{_word(below)}</msub>" if below else shown)
    return _row(*found)


def _word(text: str) -> str:
    return _mn(text) if text.isdigit() else _base(text) if text[0].isalpha() else _mo(text)


def _scripts(base: str, under: str, over: str) -> str:
    if under and over:
        return f"<msubsup>{base}{under}{over}</msubsup>"
    return f"<msub>{base}{under}</msub>" if under else f"<msup>{base}{over}</msup>" if over else base


def _between(elements: Sequence[str], sign: str) -> str:
    return _row(*[part for element in elements for part in (_mo(sign), element)][1:])


def _fence(opening: str, inside: str, closing: str) -> str:
    return _row(_mo("⟨" if opening == "<" else opening), inside, _mo(closing))


def _row(*elements: str) -> str:
    """One element of several."""
    some = [element for element in elements if element]
    return some[0] if len(some) == 1 else f"<mrow>{''.join(some)}</mrow>"


def _cell(element: str, align: str) -> str:
    return f'<mtd style="text-align:{align}">{element}</mtd>'


def _mi(text: str) -> str:
    return f"<mi>{safe(text)}</mi>"


def _mn(text: str) -> str:
    return f"<mn>{safe(text)}</mn>"


def _mo(text: str) -> str:
    return f"<mo>{safe(text)}</mo>"


def _math(element: str) -> str:
    return f'<math displaystyle="true">{element}</math>'
