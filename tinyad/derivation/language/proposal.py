"""The declarations that a text lacks, proposed in the form in which the text can hold them."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence

from tinyad.derivation.language.declarations import Declarations, declare
from tinyad.derivation.language.document import Document, complete, finish_leniently
from tinyad.derivation.language.equations import Equation, Sorting, equations, names_in
from tinyad.derivation.language.prose_sizes import stated_sizes
from tinyad.derivation.language.reader import multiplies_as_numpy
from tinyad.derivation.language.segments import segments
from tinyad.derivation.language.sequences import examples_of_products
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
    if not sorting.parts.statements:
        raise DerivationError(
            "no equations from which declarations could follow: a forward equation is `name = formula`, "
            "and a line of the derivation sets a derivative of a name in one", source,
        )  # fmt: skip
    rows = [*_letters(declarations, found, source), *(() if taken else _signs(declarations, found))]
    rows += _stated(declarations, sorting.parts.statements, source)
    rows += _sizes(declarations, sorting.parts.statements, source)
    rows += _given(declarations, sorting, source)
    rows += _constant(declarations, sorting, source)
    begin, before, end = _form(source)
    text = "\n".join([begin, *(before + row for row in rows), *([end] if end else [])])
    return text if rows else ""


def with_proposed(source: Source) -> Source:
    """Return a text that declares nothing with the declarations that are proposed; all else as it is."""
    if _declared(source):
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


def _read(source: Source) -> tuple[Declarations, list[Equation]]:
    """Return the declarations that there are, and the equations of all blocks or displays."""
    if isinstance(source, Document):
        found = equations(source, source.found.displays, source.found.instructions)
        declared = source.declared()
    else:
        blocks = source.blocks()
        declared = [block for block in blocks if block.kind == "declare"]
        found = [e for block in blocks if block.kind in BLOCKS[1:] for e in _of_block(source, block)]
    declarations = declare(source, declared)
    if multiplies_as_numpy(source, [t for equation in found for t in equation.tokens]):
        declarations.meaning.setdefault("*", "∘")
        declarations.says.add("*")
    declarations.meaning.setdefault("⊗", "*")
    examples = examples_of_products([t for equation in found for t in equation.tokens])
    if examples and examples[0] != "t" and not {"time", "indices"} & declarations.says:
        declarations.names.time, declarations.names.last = examples
    for equation in found:
        for token in equation.tokens:
            if token.text == declarations.names.time and "time" not in declarations.says and _is_shifted(equation):
                declarations.names.last = "T"
    complete(declarations, found)
    finish_leniently(declarations)
    return declarations, found


def _of_block(source: Source, block: Block) -> Iterator[Equation]:
    for segment in segments(tokens_of(source, block.start, block.end)):
        start, end = segment.tokens[0].start, segment.tokens[-1].end
        yield Equation(start, end, segment.number, tuple(segment.tokens), None, False, block.kind)


def _is_shifted(equation: Equation) -> bool:
    """Return whether a name at t - 1 or t + 1 stands in an equation."""
    texts = [token.text for token in equation.tokens if token.kind not in ("group(", ")group")]
    return any(
        texts[k : k + 2] in (["t", "-"], ["t", "+"]) and texts[k - 1] in ("_", "(", "<", "⟨")
        for k in range(1, len(texts))
    )


def _letters(declarations: Declarations, found: Sequence[Equation], source: Source) -> Iterator[str]:
    """Yield the layout, the loss, the times and the indices, as far as they are not declared."""
    names, says = declarations.names, declarations.says
    if "layout" not in says:
        yield "layout: same   # or row"
    if "loss" not in says and names.loss != "L":
        yield f"loss: {names.loss}"
    if "bars" not in says and names.bars:
        yield r"bars: adjoints   # \bar b is the derivative of the loss for b; or names"
    if SOFTMAX_OVER_ROWS.search(source.text) and any(t.text == "softmax" for e in found for t in e.tokens):
        yield "function softmax: softmax_rows   # stated in the text"
    if "time" not in says and names.last:
        yield f"time: {names.time} = 1..{names.last}"
    if "indices" not in says and names.indices:
        yield f"indices: {', '.join(sorted(names.indices))}"


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


def _sizes(declarations: Declarations, forward: Sequence[Statement], source: Source) -> Iterator[str]:
    """Yield names with the sizes that follow for them, or that they are likely to have."""
    numbers = _divisors(forward)
    proposals = [
        it for it in SizeInference(declarations, forward, numbers, guess=True).proposals()
        if it.key not in declarations.functions
    ]  # fmt: skip
    for it in proposals:
        yield f"{_text(source, it.node)}: {it.rows}×{it.columns}{'' if it.follows else COLUMN}"
    lacking = {it.key: it.node for it in proposals}
    counts = [key for key in numbers if key in lacking]
    if counts:
        yield f"constant: {', '.join(_text(source, lacking[key]) for key in counts)}"
    positive = [key for key in _arguments(forward) if key in lacking and key not in declarations.positive]
    if positive:
        yield f"positive: {', '.join(_text(source, lacking[key]) for key in positive)}"


def _constant(declarations: Declarations, sorting: Sorting, source: Source) -> Iterator[str]:
    """Yield the names that nothing computes and whose derivatives no line sets, as data and labels are."""
    backward = {equation.start for equation in sorting.parts.backward}
    lines = [c.statement for c in sorting.candidates if c.equation.start in backward]
    if not all(lines) or {"constant"} & declarations.says:
        return
    set_here = {n.value[0].key for line in lines if line for left in line.left for n in walk(left) if n.kind == "d"}
    forward = sorting.parts.statements
    leaves = {
        it.key: it.node for it in SizeInference(declarations, forward, _divisors(forward), guess=True).proposals()
    }
    unset = [key for key in leaves if key not in set_here and key not in _divisors(forward)]
    if set_here & leaves.keys() and unset:
        yield f"constant: {', '.join(_text(source, leaves[key]) for key in unset)}   # no line sets their derivatives"


def _divisors(forward: Sequence[Statement]) -> list[str]:
    """Return the names that only divide numbers, as n in 1/n: they count something."""
    members = [member for s in forward for member in s.members]
    divided = [n for member in members for n in walk(member) if n.kind == "/" and not list(names_in(n.parts[0]))]
    below = Counter(key for n in divided for key in names_in(n.parts[1]))
    everywhere = Counter(key for member in members for key in names_in(member))
    return [key for key, count in below.items() if everywhere[key] == count and key.isalpha()]


def _arguments(forward: Sequence[Statement]) -> list[str]:
    """Return the names in the arguments of logarithms and roots."""
    calls = [
        n for s in forward for member in s.members for n in walk(member)
        if (n.kind == "call" and n.value.key in POSITIVE_IN) or (n.kind == "power" and n.value != int(n.value))
    ]  # fmt: skip
    return list(dict.fromkeys(key for n in calls for part in n.parts if not _is_square(part) for key in names_in(part)))


def _is_square(node: Node) -> bool:
    """Return whether a formula is one like xᵀ x or a sum of squares, as of a norm: positive whatever x is."""
    return any(part.kind in ("transpose", "square", "∘") for part in walk(node))


def _given(declarations: Declarations, sorting: Sorting, source: Source) -> Iterator[str]:
    """Yield the derivatives that the derivation starts from."""
    computed = {n.value.key for s in sorting.parts.statements for n in s.left if n.kind == "name"}
    if declarations.names.loss in computed or {"given", "given total"} & declarations.says:
        return
    found = sorting.parts.given or sorting.added_to_given()
    if found:
        texts = dict.fromkeys(_text(source, node) for node in found)
        yield f"given: {', '.join(texts)}{'' if sorting.parts.given else ASSUMED}"


def _text(source: Source, node: Node) -> str:
    """Return a name as its author wrote it, without indices of components; by its key where a macro holds more."""
    text = " ".join(source.text[node.start : node.end].split()).strip("& ")
    ref: Ref = node.value if node.kind == "name" else node.value[0]
    if node.kind == "name" and "\\" in text and _name_at(Declarations(source), node.start, node.end) is None:
        base, _, above = ref.key.partition("^")
        base, _, below = base.partition("_")
        return base + f"_{{{below}}}" * bool(below) + f"^{{{above}}}" * bool(above)
    if ref.indices and node.kind == "name":
        text = re.sub(r"_(?:\{[^{}]*\}|\w)$", "", text) or ref.key
    return text
