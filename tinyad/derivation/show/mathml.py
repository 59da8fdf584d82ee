"""Formulas as presentation MathML, from the tree, with the signs and the scripts that their author chose."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence

from markupsafe import Markup

from tinyad.derivation.language.abbreviations import abbreviated
from tinyad.derivation.language.names import Names
from tinyad.derivation.language.syntax_tree import Node, Ref, Statement
from tinyad.derivation.show.limits import BROKEN_FROM

ACCENTS = dict(zip("\u0300\u0301\u0302\u0303\u0304\u0306\u0307\u0308\u030c", "`´^~¯˘˙¨ˇ", strict=True))
ACCENT_BAR = "\u0304"
CLOSING = {"(": ")", "[": "]", "{": "}", "<": "⟩"}
SIGNS = {r"\circ": "∘", r"\odot": "⊙", r"\cdot": "·", r"\ast": "∗", r"\times": "×", "*": "∗"}
SUM_SIGNS = {"+": "+", "-": "−"}
POWERS = {"transpose": "⊤", "square": "2", "inverse": "−1"}
CLOSED = ("name", "number", "ones", "eye", "call", "prime", "bracket", "matrix", "stack", "deriv", "dots")
NOTHING = Markup("")
SIZED = Markup('<munder class="sized">{}<mtext>{}</mtext></munder>')
Sized = Sequence[tuple[int, int, str]]
SPACE = Markup('<mspace width="0.17em"/>')
APPLY = Markup("<mo>&#8289;</mo>")  # what a screen reader says between f and (x)
BOLD = Markup('<mn style="font-weight:bold">1</mn>')
TIME_ABOVE = re.compile(r"\^[\s{]*(?:\\left\s*)?([(<\[⟨]|\\langle)|([⁽])")


def mathml(node: Node, text: str, names: Names | None = None) -> Markup:
    """Return a formula; its places point into `text`, and `names` has the letters of the loss and of the time."""
    return _math(_Writer(text, names or Names()).formula(node))


def statement(line: Statement, text: str, names: Names | None = None, sizes: Sized = ()) -> Markup:
    """Return a whole line; the members of a chain, and the terms of a long one, stand below one another.

    sizes: what stands below an operand, as (start, end, size).
    """
    write = _Writer(text, names or Names(), sizes)
    left = [write.formula(node) for node in line.left]
    listed = "[" in text[line.start : line.left[0].start]
    first = _fence("[", _between(left, ","), "]") if listed else left[0]
    if line.sign == "given":
        return _math(_row(first, SPACE, _element("mtext", "given")))
    signs = [line.sign] + ["="] * (len(line.members) - 1)
    sides = [row for sign, member in zip(signs, line.members, strict=True) for row in write.rows(sign, member)]
    if len(sides) == 1:
        return _math(_row(first, sides[0]))
    rows = zip([first, *[_element("mrow")] * (len(sides) - 1)], sides, strict=True)
    lines = [_element("mtr", _cell(a, "right"), _cell(b, "left")) for a, b in rows]
    return _math(Markup('<mtable displaystyle="true">{}</mtable>').format(NOTHING.join(lines)))


class _Writer:
    """The element of a node: one method for each kind of node."""

    def __init__(self, text: str, names: Names, sizes: Sized = ()) -> None:
        self.text, self.names = text, names
        # The size of a formula says nothing where those of its operands stand; Xᵀ begins where X does, and has another.
        self.sizes = {
            (a, b): size for a, b, size in sizes if not any(a < start and end <= b for start, end, _ in sizes)
        }

    def formula(self, node: Node) -> Markup:
        shown, size = self.unsized(node), self.sizes.get((node.start, node.end))
        return SIZED.format(shown, size) if size else shown

    def unsized(self, node: Node) -> Markup:
        if node.kind in POWERS or node.kind == "power":
            return self.power(node)
        if node.kind in ("+", "-", "*", "∘", "/"):
            return self.binary(node)
        element: Markup = getattr(self, node.kind)(node)
        return element

    def rows(self, sign: str, node: Node) -> list[Markup]:
        """Return a member of a chain with the sign before it, a row for each of its terms if it is long."""
        rows, long = list[Markup](), node.end - node.start > BROKEN_FROM
        while long and node.kind in "+-":
            between = Markup('<mo form="infix">{}</mo>').format(SUM_SIGNS[node.kind])
            rows.append(_row(between, self.formula(node.parts[1])))
            node = node.parts[0]
        return [_row(_mo(sign), self.formula(node)), *reversed(rows)]

    def span(self, node: Node) -> str:
        """Return the node as it stands in the file."""
        return self.text[node.start : node.end]

    # Names

    def ref(self, ref: Ref, span: str, power: Markup = NOTHING) -> Markup:
        """Return a name with its scripts and a power; the time stands above where the author has it there."""
        base, below, above = _parts(ref.key)
        under = [_script(below)] if below else []
        under += [_row(*map(_mi, ref.indices))] if ref.indices else []
        over = [_script(above)] if above else []
        if ref.time is not None:
            high = TIME_ABOVE.search(span)
            time = self.time(*ref.time)
            if high is None:
                under.append(time)
            else:
                opening = {"(": "(", "[": "[", "⁽": "("}.get(high[1] or high[2], "<")
                over.append(_fence(opening, time, CLOSING[opening]))
        over += [power] if power else []
        return _scripts(_base(base), _between(under, ",") if under else NOTHING, _row(*over) if over else NOTHING)

    def time(self, letter: str, k: int) -> Markup:
        """Return t − 1, T or a number."""
        if letter == "=":
            return _mn(str(k))
        shown = _mi(self.names.last or "T" if letter == "T" else self.names.time)
        return _row(shown, _mo("−" if k < 0 else "+"), _mn(str(abs(k)))) if k else shown

    def name(self, node: Node) -> Markup:
        return self.ref(node.value, self.span(node))

    # Derivatives

    def d(self, node: Node) -> Markup:
        """Return ∇_z L, ∂L/∂z, dz or δz, as the author has it."""
        ref, label = node.value
        span = unicodedata.normalize("NFKC", self.span(node)).lstrip("{ ")
        name = self.ref(ref, span)
        if self.names.bars and span.startswith((r"\bar", r"\overline", ref.key[0])):
            letter = _parts(ref.key)[0]
            found = self.ref(ref._replace(key=letter + ACCENT_BAR + ref.key[len(letter) :]), span)
        elif self.short(node):
            found = _row(_mi("δ" if span.startswith(("δ", r"\delta")) else "d"), name)
        elif span.startswith(("∇", r"\nabla")):
            loss = _base(self.names.loss) if self.with_loss(node) else NOTHING
            found = _row(_element("msub", _mo("∇"), name), loss)
        else:
            found = _quotient(_letter(span), _base(self.names.loss), name)
        return found if label is None else _element("msub", _row(found, _mo("|")), _element("mtext", label))

    def short(self, node: Node) -> bool:
        """Return whether a derivative stands as dz or δz."""
        span = self.span(node).lstrip("{ ")
        return span.startswith(("δ", r"\delta")) or (span.startswith("d") and "/" not in span)

    def with_loss(self, node: Node) -> bool:
        """Return whether the loss stands after ∇z."""
        loss = self.names.loss
        return self.span(node).rstrip("} ").endswith(loss) and not node.value[0].key.endswith(loss)

    def jacobian(self, node: Node) -> Markup:
        span, above = self.span(node), node.parts[0]
        below = self.ref(node.value, span) if isinstance(node.value, Ref) else self.formula(node.value)
        if above.end == node.end:  # ∂/∂x (...)
            return _row(_quotient(_letter(span), NOTHING, below), self.formula(above))
        return _quotient(_letter(span), self.closed(above), below)

    def differential(self, node: Node) -> Markup:
        return _row(_mi("d"), self.closed(node.parts[0]))

    # Operations

    def closed(self, node: Node) -> Markup:
        """Return a formula as the base of a power: in brackets where it would fall apart."""
        closed = node.kind in CLOSED or (node.kind == "d" and self.short(node)) or _on_function(node)
        return self.formula(node) if closed else _fence("(", self.formula(node), ")")

    def power(self, node: Node) -> Markup:
        part, sign = node.parts[0], POWERS.get(node.kind) or f"{node.value:g}".replace("-", "−")
        shown = _mo(sign) if sign == "⊤" else _script(sign)
        if part.kind == "name":
            return self.ref(part.value, self.span(part), shown)
        if _on_function(node):
            return self.applied(self.ref(part.value, "", shown), part)
        return _scripts(self.closed(part), NOTHING, shown)

    def binary(self, node: Node) -> Markup:
        left, right = (self.formula(part) for part in node.parts)
        if node.kind == "/" and node.value is None:
            return _element("mfrac", left, right)
        return _row(left, self.sign(node), right)

    def sign(self, node: Node) -> Markup:
        if node.kind in SUM_SIGNS:
            return _mo(SUM_SIGNS[node.kind])
        if node.value is None:
            return SPACE
        written = unicodedata.normalize("NFKC", self.text[slice(*node.value)])
        return _mo(SIGNS.get(written, written if len(written) == 1 else node.kind))

    def neg(self, node: Node) -> Markup:
        return _row(_mo("−"), self.formula(node.parts[0]))

    def sum(self, node: Node) -> Markup:
        kind, *limits = node.value
        over = NOTHING
        if kind == "time":
            first, last = limits
            under = _row(_mi(self.names.time), _mo("="), self.time(*first)) if first else _mi(self.names.time)
            over = self.time(*last) if last else NOTHING
        else:
            under = _mi(limits[0])
            over = _mi(limits[1]) if kind == "index" and limits[1:] else NOTHING
        large = _mo("∏" if node.kind == "product" else "∑")
        parts = [large, under, over] if over else [large, under]
        sign = _element("munderover" if over else "munder", *parts)
        return _row(sign, self.formula(node.parts[0]))

    def product(self, node: Node) -> Markup:
        return self.sum(node)

    def hessian(self, node: Node) -> Markup:
        first, second = (self.ref(ref, "") for ref in node.value)
        two = _element("msup", _mi("∂"), _mn("2"))
        return _element("mfrac", _row(two, _base(self.names.loss)), _row(_mi("∂"), first, _mi("∂"), second))

    def delta(self, node: Node) -> Markup:
        return _element("msub", _mi("δ"), _row(*map(_mi, node.value[:2])))

    def component(self, node: Node) -> Markup:
        return _element("msub", self.formula(node.parts[0]), _row(*map(_mi, node.value)))

    def comparison(self, node: Node) -> Markup:
        left, right = (self.formula(part) for part in node.parts)
        compared = _row(left, _mo(node.value), right)
        return _row(BOLD, _fence("[", compared, "]")) if node.start < node.parts[0].start else compared

    def cases(self, node: Node) -> Markup:
        pairs = [node.parts[k : k + 2] for k in range(0, len(node.parts), 2)]
        rows = [[self.formula(part) for part in pair] for pair in pairs]
        rows = [row if len(row) > 1 else [*row, _element("mtext", "otherwise")] for row in rows]
        cells = [_element("mtr", *(_cell(element, "left") for element in row)) for row in rows]
        return _fence("{", _element("mtable", *cells), "")

    def call(self, node: Node) -> Markup:
        key, span = node.value.key, self.span(node)
        if key == "bars" or (key == "abs" and not span.startswith("abs")):
            return _fence("|", self.formula(node.parts[0]), "|")
        if key == "inner" and not span.startswith("inner"):
            return _fence("<", _between([self.formula(part) for part in node.parts], ","), "⟩")
        if key in ("outer", "kron") and not span.startswith(key):
            return _row(self.closed(node.parts[0]), _mo("⊗"), self.closed(node.parts[1]))
        if key == "**":
            return _scripts(self.closed(node.parts[0]), NOTHING, self.formula(node.parts[1]))
        return self.applied(self.ref(node.value, ""), node)

    def prime(self, node: Node) -> Markup:
        return self.applied(self.ref(node.value, "", _mo("′")), node)

    def applied(self, function: Markup, node: Node) -> Markup:
        arguments = _between([self.formula(part) for part in node.parts], ",")
        bare = node.kind == "call" and node.parts[-1].end == node.end  # tanh c
        return _row(function, APPLY, SPACE + arguments if bare else _fence("(", arguments, ")"))

    def deriv(self, node: Node) -> Markup:
        arguments = [self.formula(part) for part in node.parts] + [_element("mtext", f"‘{node.value}’")]
        return _row(_mi("deriv"), APPLY, _fence("(", _between(arguments, ","), ")"))

    # Numbers, brackets, matrices

    def number(self, node: Node) -> Markup:
        return _mn(f"{node.value:.12g}")

    def ones(self, node: Node) -> Markup:
        return _scripts(BOLD, _script(node.value) if node.value else NOTHING, NOTHING)

    def eye(self, node: Node) -> Markup:
        return _scripts(_mi("I"), _script(node.value) if node.value else NOTHING, NOTHING)

    def bracket(self, node: Node) -> Markup:
        short = abbreviated(node)
        if short is not None:
            return self.ref(short, self.span(node))
        return _fence(node.value, self.formula(node.parts[0]), CLOSING[node.value])

    def dots(self, node: Node) -> Markup:
        return _mo("…")

    def stack(self, node: Node) -> Markup:
        return self.table(node, len(node.parts))

    def matrix(self, node: Node) -> Markup:
        return self.table(node, node.value)

    def table(self, node: Node, rows: int) -> Markup:
        opening = "(" if "pmatrix" in self.span(node)[:24] else "["
        width = len(node.parts) // rows
        cells = [_cell(self.formula(part), "center") for part in node.parts]
        lines = [_element("mtr", *cells[k : k + width]) for k in range(0, len(cells), width)]
        return _fence(opening, _element("mtable", *lines), CLOSING[opening])


def _on_function(node: Node) -> bool:
    """Return whether a power ends where its call does: tanh²(x)."""
    return node.kind in POWERS and node.parts[0].kind == "call" and node.end == node.parts[0].end


def _parts(key: str) -> tuple[str, str, str]:
    """Split a name into its base and its scripts: W_fC^y → W, fC, y."""
    match = re.fullmatch(r"([^_^]+)(?:_([^^]*))?(?:\^(.*))?", key, re.DOTALL)
    return (match[1], match[2] or "", match[3] or "") if match else (key, "", "")


def _letter(span: str) -> str:
    return "∂" if "∂" in unicodedata.normalize("NFKC", span) or r"\partial" in span else "d"


def _quotient(letter: str, above: Markup, below: Markup) -> Markup:
    return _element("mfrac", _row(_mi(letter), above), _row(_mi(letter), below))


def _base(word: str) -> Markup:
    """Return a letter or a word, with what stands over it."""
    bare = word.rstrip("".join(ACCENTS))
    shown = _mi(bare)
    for mark in word[len(bare) :]:
        shown = Markup('<mover accent="true">{}{}</mover>').format(shown, _mo(ACCENTS[mark]))
    return shown


def _script(text: str) -> Markup:
    """Return a script: names, numbers and signs; n_a in it is a name with a script of its own."""
    found = list[Markup]()
    for name, below, other in re.findall(r"([^\W\d_]+)_([^\W_]+)|(\d+|[^\W\d_]+|\S)", text):
        shown = _word(other or name)
        found.append(_element("msub", shown, _word(below)) if below else shown)
    return _row(*found)


def _word(text: str) -> Markup:
    return _mn(text) if text.isdigit() else _base(text) if text[0].isalpha() else _mo(text)


def _scripts(base: Markup, under: Markup, over: Markup) -> Markup:
    if under and over:
        return _element("msubsup", base, under, over)
    return _element("msub", base, under) if under else _element("msup", base, over) if over else base


def _between(elements: Sequence[Markup], sign: str) -> Markup:
    return _row(*[part for element in elements for part in (_mo(sign), element)][1:])


def _fence(opening: str, inside: Markup, closing: str) -> Markup:
    return _row(_mo("⟨" if opening == "<" else opening), inside, _mo(closing))


def _row(*elements: Markup) -> Markup:
    """Return one element of several."""
    some = [element for element in elements if element]
    return some[0] if len(some) == 1 else _element("mrow", *some)


def _element(tag: str, *inside: str) -> Markup:
    return Markup("<{0}>{1}</{0}>").format(tag, NOTHING.join(inside))


def _cell(element: Markup, align: str) -> Markup:
    return Markup('<mtd style="text-align:{}">{}</mtd>').format(align, element)


def _mi(text: str) -> Markup:
    return _element("mi", text)


def _mn(text: str) -> Markup:
    return _element("mn", text)


def _mo(text: str) -> Markup:
    return _element("mo", text)


def _math(element: Markup) -> Markup:
    return Markup('<math displaystyle="true">{}</math>').format(element)
