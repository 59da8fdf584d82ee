"""The declarations that a text lacks, proposed in the form in which the text can hold them."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

from tinyad.derivation.language.completion import complete
from tinyad.derivation.language.declarations import Declarations, declare
from tinyad.derivation.language.document import Document, finish_leniently
from tinyad.derivation.language.equations import Equation, Sorting, names_in
from tinyad.derivation.language.marks import exponents_in
from tinyad.derivation.language.prose_sizes import stated_sizes
from tinyad.derivation.language.reader import multiplies_as_numpy
from tinyad.derivation.language.segments import segments
from tinyad.derivation.language.sequences import examples_of_products, is_shifted, layers_above
from tinyad.derivation.language.size_inference import ONE, SizeInference
from tinyad.derivation.language.sizes import Side, size_text
from tinyad.derivation.language.source import BLOCKS, Block, DerivationError, LimitError, Source
from tinyad.derivation.language.syntax_tree import Node, Ref, Statement, walk
from tinyad.derivation.language.tokenizer import tokens_of

SOFTMAX_OVER_ROWS = re.compile(
    r"softmax[^.]{0,80}?\b(?:row-?wise|(?:each|every|(?:over|along) the)\s+rows?)\b|\brow-?wise\s+\S{0,3}softmax",
    re.IGNORECASE,
)
COLUMN, ASSUMED = "   # assumed to be a column", "   # assumed"
SIGNS = {
    "*": "matrix product   # or component-wise", "·": "matrix product   # or component-wise",
    "⊗": "outer product   # or Kronecker product",
}  # fmt: skip
POSITIVE_IN = ("log", "sqrt")
PRODUCTS = ("*", "∘", "·")
# How a kind of text holds declarations: what begins them, what each line begins with, what ends them.
FORMS = {
    "latex": ("% tinyad: declare", "%   ", ""),
    "markdown": ("<!-- tinyad: declare", "", "-->"),
    "restructured text": (".. tinyad: declare", "   ", ""),
    "": ("```declare", "", "```"),
}


def proposed_declarations(source: Source, *, taken: bool = False) -> str:
    """Return the declarations that a text lacks, to be pasted into it; "" if it lacks none.

    Those that are `taken` without being asked for do not say what a sign means.
    """
    declarations, found = _read(source)
    sorting = Sorting(declarations, found)
    apart = taken and "*" not in declarations.says and _has_two_products(sorting, source)
    if apart:
        declarations, found = _read(source, "∘")
        sorting = Sorting(declarations, found)
    computing = [*sorting.parts.statements, *sorting.parts.rules]
    if not computing:
        message = (
            "no equations from which declarations could follow: a forward equation is `name = formula`, "
            "and a line of the derivation sets a derivative of a name in one"
        )
        if isinstance(source, Document) and sorting.parts.not_read:
            message = source.nothing_read("forward" if sorting.parts.backward else "backward", sorting.parts)
        raise DerivationError(message, source)
    rows = [*_letters(declarations, found, source), *(() if taken else _signs(declarations, found))]
    rows += ["*: component-wise   # beside products without a sign"] if apart else []
    needed = SizeInference(declarations, computing)
    leaves = {key: needed.uses[key] for key in needed.undeclared}
    rows += _stated(declarations, computing, source)
    rows += _sizes(declarations, computing, source, _lines(sorting))
    rows += _given(declarations, sorting, source)
    rows += _constant(declarations, sorting, source, leaves)
    begin, before, end = _form(source)
    text = "\n".join([begin, *(before + row for row in rows), *([end] if end else [])])
    return text if rows else ""


def with_proposed(source: Source) -> Source:
    """Return a text with the declarations that it lacks: one that declares nothing, or a document without sizes."""
    declared = _declared(source)
    if declared and not (isinstance(source, Document) and not declare(source, declared).shapes):
        return source
    proposed = proposed_declarations(source, taken=True)
    return source.with_declarations(proposed) if proposed else source


def with_parts_of(other: Source, source: Source) -> Source:
    """Return a text with what it lacks of another: the declarations with the layout, and the one forward block."""
    parts = [] if _declared(source) else [_declarations_of(other, source)]
    if not (isinstance(source, Document) or isinstance(other, Document)):
        mine, forward = ([it.text[b.start : b.end] for b in _of_kind(it, "forward")] for it in (source, other))
        parts += [f"```forward\n{text}```" for text in forward if len(forward) == 1 and not "".join(mine).strip()]
    return source.with_declarations("\n".join(parts)) if parts else source


def _declarations_of(other: Source, source: Source) -> str:
    """Return the declarations of a text, and its layout, as another text can hold them."""
    begin, before, end = _form(source)
    declarations = declare(other, _declared(other))
    rows = [] if "layout" in declarations.says or isinstance(other, Document) else [f"layout: {declarations.layout}"]
    rows += [row for block in _declared(other) for row in other.text[block.start : block.end].strip("\n").split("\n")]
    return "\n".join([begin, *(before + row for row in rows), *([end] if end else [])])


def _of_kind(source: Source, kind: str) -> list[Block]:
    return [block for block in source.blocks() if block.kind == kind]


def _declared(source: Source) -> list[Block]:
    """Return the declarations of a text."""
    if isinstance(source, Document):
        return source.declared()
    return _of_kind(source, "declare")


def _form(source: Source) -> tuple[str, str, str]:
    return FORMS[source.kind if isinstance(source, Document) else ""]


def _has_two_products(sorting: Sorting, source: Source) -> bool:
    """Return whether products of matrices are written without a sign, and others with *, as W x and f * c."""
    statements = [*sorting.parts.statements, *_lines(sorting)]
    products = [n for s in statements for member in s.members for n in walk(member) if n.kind == "*"]
    signs = [source.text[n.value[0] : n.value[1]] if n.value else "" for n in products]
    bare = any(
        not sign and all(part.kind != "number" for part in n.parts) for sign, n in zip(signs, products, strict=True)
    )
    return bare and "*" in signs


def _read(source: Source, star: str = "") -> tuple[Declarations, list[Equation]]:
    """Return the declarations that there are, and the equations of all blocks or displays; `star`: what * means."""
    if isinstance(source, Document):
        found = source.equations()
        declared = source.declared()
    else:
        blocks = source.blocks()
        declared = [block for block in blocks if block.kind == "declare"]
        found = [e for block in blocks if block.kind in BLOCKS[1:] for e in _of_block(source, block)]
    declarations = declare(source, declared)
    if multiplies_as_numpy(source, [t for equation in found for t in equation.tokens]):
        declarations.meaning.setdefault("*", "∘")
        declarations.says.add("*")
    if star:
        declarations.meaning["*"] = star
    declarations.meaning.setdefault("⊗", "*")
    examples = examples_of_products([t for equation in found for t in equation.tokens])
    if examples and examples[0] != "t" and not {"time", "indices"} & declarations.says:
        declarations.names.time, declarations.names.last = examples
    of_tokens = [equation.tokens for equation in found]
    layers = layers_above(of_tokens, exponents_in(of_tokens))
    if layers and not declarations.names.last and not {"time", "indices"} & declarations.says:
        declarations.names.time, declarations.names.last = layers
    for equation in found:
        for token in equation.tokens:
            if (
                token.text == declarations.names.time
                and "time" not in declarations.says
                and is_shifted(equation.tokens)
            ):
                declarations.names.last = "T"
    complete(declarations, of_tokens)
    finish_leniently(declarations)
    return declarations, found


def _of_block(source: Source, block: Block) -> Iterator[Equation]:
    for segment in segments(tokens_of(source, block.start, block.end)):
        start, end = segment.tokens[0].start, segment.tokens[-1].end
        yield Equation(start, end, segment.number, tuple(segment.tokens), None, False, block.kind)


def _letters(declarations: Declarations, found: Sequence[Equation], source: Source) -> Iterator[str]:
    """Yield the layout, the loss, the times and the indices, as far as they are not declared."""
    names, says = declarations.names, declarations.says
    if "layout" not in says:
        yield "layout: same   # or row"
    if "loss" not in says and names.loss != "L":
        yield f"loss: {names.loss}"
    if "d" not in says and names.differentials:
        yield "d: differential"
    if "bars" not in says and names.bars:
        yield r"bars: adjoints   # \bar b is the derivative of the loss for b; or names"
    if SOFTMAX_OVER_ROWS.search(source.text) and any(t.text == "softmax" for e in found for t in e.tokens):
        yield "function softmax: softmax_rows   # stated in the text"
    if "time" not in says and names.last:
        yield f"time: {names.time} = 1..{names.last}"
    if "indices" not in says and names.indices:
        yield f"indices: {', '.join(sorted(names.indices))}"
    for name, function in declarations.said_functions.items():
        yield f"function {name}: {function}"


def _signs(declarations: Declarations, found: Sequence[Equation]) -> Iterator[str]:
    """Yield the meaning of product signs that is not declared."""
    for sign, meanings in SIGNS.items():
        if sign not in declarations.says and any(t[:2] == ("op", sign) for e in found for t in e.tokens):
            yield f"{sign}: {meanings}"


def _stated(declarations: Declarations, forward: Sequence[Statement], source: Source) -> Iterator[str]:
    """Yield the sizes that the prose of a document states for names that the equations need, and learn them."""
    if not isinstance(source, Document):
        return
    needed = SizeInference(declarations, forward)
    stated: dict[str, tuple[Node, tuple[Side, Side] | None]] = {}
    kinds: dict[str, list[str]] = {}
    for it in stated_sizes(source):
        node = _name_at(declarations, it.start, it.end)
        if node is None or node.value.key not in needed.undeclared:
            continue
        names = kinds.setdefault(it.kind, [])
        names += [node.value.key] if it.kind and node.value.key not in names else []
        if it.sides and stated.setdefault(node.value.key, (node, it.sides))[1] != it.sides:
            stated[node.value.key] = node, None  # stated twice, with different sizes
    known = {key: sides for key, (_, sides) in stated.items() if sides}
    before = dict(declarations.shapes)
    declarations.shapes |= {instance: known[key] for key in known for instance in declarations.names.instances_of(key)}
    if SizeInference(declarations, forward).clashes > needed.clashes:  # such as rows x in x W, stated as ℝ^D
        declarations.shapes = before
        known = {}
    for key, sides in known.items():
        yield f"{_text(source, needed.uses[key])}: {'×'.join(map(size_text, sides))}   # stated in the text"
    for kind, names in kinds.items():
        fitting = [key for key in names if _may_be(kind, known.get(key))]
        if kind and fitting:
            yield f"{kind}: {', '.join(_text(source, needed.uses[key]) for key in fitting)}   # stated in the text"


def _may_be(kind: str, sides: tuple[Side, Side] | None) -> bool:
    """Return whether a name of a size can be declared as summing to 1, a column, or else as a kind of square matrix."""
    return sides is None or (sides[1] == ONE if kind == "sums to 1" else sides[0] == sides[1])


def _name_at(declarations: Declarations, start: int, end: int) -> Node | None:
    """Return the name that stands in a part of the text; None if there is something else."""
    try:
        tokens = [t for t in tokens_of(declarations.source, start, end, latex=True) if t.kind not in ("end", "quad")]
        return declarations.parser().declared_name(tokens) if tokens else None
    except LimitError:
        raise
    except DerivationError:
        return None


def _lines(sorting: Sorting) -> list[Statement]:
    """Return the lines to check that can be read."""
    backward = {equation.start for equation in sorting.parts.backward}
    return [c.statement for c in sorting.candidates if c.statement and c.equation.start in backward]


def _sizes(
    declarations: Declarations, forward: Sequence[Statement], source: Source, lines: Sequence[Statement]
) -> Iterator[str]:
    """Yield names with the sizes that follow for them, or that they are likely to have."""
    numbers = _divisors(forward)
    proposals = [
        it for it in SizeInference(declarations, forward, numbers, guess=True, lines=lines).proposals()
        if it.key not in declarations.functions
    ]  # fmt: skip
    for it in proposals:
        yield f"{_text(source, it.node)}: {it.rows}×{it.columns}{'' if it.follows else COLUMN}"
    lacking = {it.key: it.node for it in proposals}
    counts = [key for key in numbers if key in lacking]
    if counts:
        yield f"constant: {', '.join(_text(source, lacking[key]) for key in counts)}"
    between = [key for key in _between_0_and_1(forward) if key in lacking and key not in declarations.ranges]
    for key in between:
        yield f"range {_text(source, lacking[key])}: (0, 1)"
    positive = [
        key
        for key in _arguments(forward, counts)
        if key not in between and key in lacking and key not in declarations.positive
    ]
    if positive:
        yield f"positive: {', '.join(_text(source, lacking[key]) for key in positive)}"
    for kind, keys in _labels(declarations, forward, source).items():
        labels = [key for key in keys if key in lacking and key not in {*declarations.shares, *declarations.row_shares}]
        if labels:
            yield f"{kind}: {', '.join(_text(source, lacking[key]) for key in labels)}   # labels of a softmax"


def _constant(
    declarations: Declarations, sorting: Sorting, source: Source, leaves: Mapping[str, Node]
) -> Iterator[str]:
    """Yield the names that nothing computes and whose derivatives no line sets, as data and labels are."""
    backward = {equation.start for equation in sorting.parts.backward}
    lines = [c.statement for c in sorting.candidates if c.equation.start in backward]
    if not all(lines) or {"constant"} & declarations.says:
        return
    set_here = {n.value[0].key for line in lines if line for left in line.left for n in walk(left) if n.kind == "d"}
    unset = [key for key in leaves if key not in set_here and key not in _divisors(sorting.parts.statements)]
    if set_here & leaves.keys() and unset:
        yield f"constant: {', '.join(_text(source, leaves[key]) for key in unset)}   # no line sets their derivatives"


def _labels(declarations: Declarations, forward: Sequence[Statement], source: Source) -> dict[str, list[str]]:
    """Return the names that are multiplied with the logarithm of a softmax, by what sums to 1 in them."""
    functions = declarations.names.functions
    softmax = {
        s.left[0].value.key: n.value.key for s in forward for n in walk(s.members[0])
        if n.kind == "call" and functions.get(n.value.key) in ("softmax", "softmax_rows", "log_softmax")
    }  # fmt: skip
    found: dict[str, list[str]] = {}
    for n in (n for s in forward for n in walk(s.members[0]) if n.kind in PRODUCTS):
        names = [*dict.fromkeys(names_in(n.parts[0]))]
        calls = [m.value.key for m in walk(n.parts[1]) if m.kind == "call"]
        calls += [softmax[key] for key in names_in(n.parts[1]) if key in softmax]
        called = {functions.get(key, key) for key in calls} & {"log", "log_softmax", "softmax", "softmax_rows"}
        if len(names) == 1 and ("log_softmax" in called or ("log" in called and len(called) > 1)):
            rows = "softmax_rows" in called or SOFTMAX_OVER_ROWS.search(source.text)
            found.setdefault("rows sum to 1" if rows else "sums to 1", []).extend(names)
    return {kind: [*dict.fromkeys(names)] for kind, names in found.items()}


def _divisors(forward: Sequence[Statement]) -> list[str]:
    """Return the names that only divide numbers, as n in 1/n: they count something."""
    members = [member for s in forward for member in s.members]
    divided = [n for member in members for n in walk(member) if n.kind == "/" and not list(names_in(n.parts[0]))]
    below = Counter(key for n in divided for key in names_in(n.parts[1]))
    everywhere = Counter(key for member in members for key in names_in(member))
    return [key for key, count in below.items() if everywhere[key] == count and key.isalpha()]


def _arguments(forward: Sequence[Statement], counts: Sequence[str]) -> list[str]:
    """Return the names in the arguments of logarithms and roots; of those in squares only what counts something."""
    calls = [
        n for s in forward for formula in (*s.members, *s.left) for n in walk(formula)
        if (n.kind == "call" and n.value.key in (*POSITIVE_IN, "**")) or (n.kind == "power" and n.value != int(n.value))
    ]  # fmt: skip
    terms = [term for n in calls for part in n.parts for term in _terms(part)]
    return list(dict.fromkeys(key for term in terms for key in names_in(term) if key in counts or not _is_square(term)))


def _between_0_and_1(forward: Sequence[Statement]) -> list[str]:
    """Return the names x of log(1 - x), as in a binary cross-entropy."""
    logarithms = [
        n.parts[0] for s in forward for member in s.members for n in walk(member)
        if n.kind == "call" and n.value.key == "log"
    ]  # fmt: skip
    inside = [n.parts[0] if n.kind == "bracket" else n for n in logarithms]
    return list(
        dict.fromkeys(
            n.parts[1].value.key
            for n in inside
            if n.kind == "-" and (n.parts[0].kind, n.parts[0].value) == ("number", 1.0) and n.parts[1].kind == "name"
        )
    )


def _terms(node: Node) -> list[Node]:
    """Return the terms of a sum."""
    return [*_terms(node.parts[0]), node.parts[1]] if node.kind in ("+", "-") else [node]


def _is_square(node: Node) -> bool:
    """Return whether a formula is one like xᵀ x or a sum of squares, as of a norm: positive whatever x is."""
    return any(part.kind in ("transpose", "square", "∘") for part in walk(node))


def _given(declarations: Declarations, sorting: Sorting, source: Source) -> Iterator[str]:
    """Yield the derivatives that the derivation starts from."""
    computed = {n.value.key for s in sorting.parts.statements for n in s.left if n.kind == "name"}
    if declarations.names.loss in computed or {"given", "given total"} & declarations.says:
        return
    found = sorting.parts.given or sorting.added_to_given() or sorting.set_before()
    last = sorting.assigned_before if not sorting.parts.given else set[str]()
    texts = dict.fromkeys(
        _at_the_end(declarations, source, n) if n.value[0].key in last else _text(source, n) for n in found
    )
    if texts:
        yield f"given: {', '.join(texts)}{'' if sorting.parts.given else ASSUMED}"


def _at_the_end(declarations: Declarations, source: Source, node: Node) -> str:
    """Return a derivative at the time t, as it is written at the last time."""
    names, text = declarations.names, source.text[node.start : node.end]
    for token in reversed(tokens_of(source, node.start, node.end, latex=True)):
        if token.text == names.time and token.kind == "word":
            text = text[: token.start - node.start] + names.last + text[token.end - node.start :]
    return " ".join(text.split())


def _text(source: Source, node: Node) -> str:
    """Return a name as its author wrote it, without indices of components; by its key where a macro holds more."""
    text = " ".join(source.text[node.start : node.end].split()).strip("& ")
    ref: Ref = node.value if node.kind == "name" else node.value[0]
    if node.kind == "name" and "\\" in text and _name_at(Declarations(source), node.start, node.end) is None:
        base, _, above = ref.key.partition("^")
        base, _, below = base.partition("_")
        return base + f"_{{{below}}}" * bool(below) + f"^{{{above}}}" * bool(above)
    of_layer = ref.key.endswith("_" + "".join(ref.indices))
    if ref.indices and node.kind == "name" and not of_layer:
        if ref.key.lower() == text[:1] != ref.key:  # A = (a_{ij})
            return ref.key
        text = re.sub(r"(?:_(?:\{[^{}]*\}|\w)|\[[^\[\]]*\])$", "", text) or ref.key
    return text
