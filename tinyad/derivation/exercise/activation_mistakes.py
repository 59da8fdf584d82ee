"""Mistakes with the derivative of an activation: left out, another function's, or taken at the wrong point."""

from __future__ import annotations

from collections.abc import Iterator

from tinyad.derivation.exercise.line_parts import EditableLine, Operands, TextEdit, complement, core, identity_of
from tinyad.derivation.language.syntax_tree import Node


def activations(line: EditableLine) -> Iterator[TextEdit]:
    """Yield lines with the derivative of an activation left out, or wrong."""
    for operands in line.products():
        for k, (sign, factor) in enumerate(operands):
            if (complement(factor) or core(factor).kind == "prime") and (k or operands[1][0] != "/") and sign != "/":
                yield line.dropped(operands, k)
                yield from wrong_sigmoid_derivative(line, operands, k)
    for node in line.nodes():
        inner = complement(node)
        if node.kind == "-" and inner:
            yield from wrong_tanh_derivative(line, node, inner)
        elif node.kind == "prime":
            prime = line.between(node.start, node.parts[0].start, "'")
            yield from [TextEdit(prime.start, prime.end, "")] if prime else []
            yield from [at_itself(line, node, line.text[node.start : prime.start])] if prime else []
        elif node.kind == "call" and is_activation(line, node.value.key) and not exponent(line, node):
            argument = line.slice(node.parts[0])
            yield line.replaced(node, argument if identity_of(node.parts[0]) else f"({argument})")
    for node, token in line.strings():
        others = [name for name in ("tanh", "sigmoid") if name != token.text] if len(node.parts) == 2 else []
        yield from (TextEdit(token.start + 1, token.end - 1, other) for other in others)


def is_activation(line: EditableLine, key: str) -> bool:
    """Return whether a function is σ, tanh, or one that was declared."""
    return key in line.it.functions or line.it.names.functions.get(key) in ("sigmoid", "tanh")


def at_itself(line: EditableLine, node: Node, head: str) -> TextEdit:
    """Put f(f(x)) for f(x), f'(f(x)) for f'(x)."""
    return line.replaced(node.parts[0], f"{head}({line.slice(node.parts[0])})")


def wrong_sigmoid_derivative(line: EditableLine, operands: Operands, k: int) -> Iterator[TextEdit]:
    """Change x and 1 - x side by side: 1 - x² for both, both at the wrong point, or x left out."""
    inner = complement(operands[k][1])
    for n in (k - 1, k + 1):
        if inner is None or not 0 <= n < len(operands) or line.slice(core(operands[n][1])) != line.slice(core(inner)):
            continue
        first, last = sorted((n, k))
        start, end, x = line.span(operands[first][1])[0], line.span(operands[last][1])[1], line.slice(core(inner))
        (begin, stop), (at, to) = line.span(operands[k][1]), line.span(core(inner))
        yield line.dropped(operands, n)
        yield TextEdit(start, end, line.text[begin:at] + squared(line, x) + line.text[to:stop])
        head = function_of(line, core(inner))
        yield from [TextEdit(start, end, line.text[start:end].replace(x, f"{head}({x})"))] if head else []


def wrong_tanh_derivative(line: EditableLine, node: Node, inner: Node) -> Iterator[TextEdit]:
    """Put 1 - x for 1 - x², x(1 - x), 1 - tanh² at the wrong point; 1 - x² for 1 - x."""
    one = line.text[line.span(node)[0] : line.span(inner)[0]]
    if core(inner).kind != "square":
        yield line.replaced(inner, squared(line, line.slice(inner)))
        return
    base, power = core(inner).parts[0], exponent(line, core(inner))
    x = line.slice(base)
    if power:
        x = line.text[line.span(base)[0] : power.start] + line.text[power.end : line.span(base)[1]]
        yield power
    yield line.replaced(node, f"{x}{line.signs_of_author.sign(line.latex, '∘')}({one}{x})")
    if base.kind == "call":
        yield at_itself(line, base, function_of(line, base))
    elif function_of(line, base):
        yield line.replaced(inner, squared(line, f"{function_of(line, base)}({x})"))


def function_of(line: EditableLine, node: Node) -> str:
    """Return the function that a call has, or that has computed a name."""
    if node.kind == "call" and is_activation(line, node.value.key):
        return line.slice(next(t for t in line.tokens(node) if t.kind == "word"))
    return line.signs_of_author.functions.get((line.latex, node.value.key), "") if node.kind == "name" else ""


def squared(line: EditableLine, x: str) -> str:
    """Return the square of a formula."""
    two = "^2" if line.latex else "²"
    return x + two if "^" not in x or not line.latex else f"({x}){two}"


def exponent(line: EditableLine, node: Node) -> TextEdit | None:
    """Leave out the 2 of a square, behind it or behind the name of its function."""
    if node.parts[0].end < node.end and node.kind == "square":
        return TextEdit(line.span(node.parts[0])[1], node.end, "")
    tokens = line.tokens(node)
    for k, token in enumerate(tokens[:-3]):
        if token.text == "^" and tokens[k + 2].text == "2" and tokens[k + 3].kind == ")group" and k < 3:
            return TextEdit(token.start, tokens[k + 3].end, "")
    return None
