"""The `declare` block: names and sizes, what is given, the layout, and the meaning of signs and letters."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from enum import StrEnum
from typing import NamedTuple

from tinyad.derivation.language.limits import (
    ALL_NAMES,
    DECLARED_NAMES,
    LARGEST_RANGE,
    SIZE_CHARACTERS,
)
from tinyad.derivation.language.names import FUNCTIONS, Names, bound
from tinyad.derivation.language.parser import Parser
from tinyad.derivation.language.sequences import examples_of_declared
from tinyad.derivation.language.sizes import Side, SizeError, members, side_of, sides_of_size
from tinyad.derivation.language.source import Block, Source, likeliest
from tinyad.derivation.language.syntax_tree import Node, Ref, Token
from tinyad.derivation.language.tokenizer import tokens_of, tokens_without_ends

MEANINGS = {"matrix product": "*", "component-wise": "∘", "outer product": "outer", "Kronecker product": "kron"}
LAYOUTS = ("row", "same")
SIDE = r"[-\w+*·(){}$]{1,40}"
SIZE = rf"{SIDE}\s*(?:×|\\times|x)\s*{SIDE}"
SIZE_BEFORE_COMMA = re.compile(  # a value behind which a comma begins another declaration
    rf":\s*(?:{SIZE}|matrix product|component-wise|column of ones|row|same|differential|\w\s*=\s*1\s*\.\.\s*\w)"
    r"\s*(?P<comma>[,;])(?=[^:]{0,400}:)"
)
AFTER_FORWARD = (
    "given", "given total", "at", "constant", "positive", "sums to 1", "columns sum to 1", "rows sum to 1", "range",
    "symmetric", "orthogonal", "positive definite",
)  # fmt: skip
ANY_SEPARATOR = re.compile(rf"{SIZE_BEFORE_COMMA.pattern}|(?P<semicolon>;)")


LAYER = re.compile(r"\^\s*\{?\s*[\[(]\s*\d+\s*[\])]")  # of W^{[1]} and W^(1)
MEMBER_SIGN = re.compile(r":|∈|\\in\b|\.shape\s*=")
SHAPE = re.compile(r"\.shape\s*=\s*")


class MatrixKind(StrEnum):
    """The kinds of square matrices that can be declared."""

    SYMMETRIC = "symmetric"
    ORTHOGONAL = "orthogonal"
    POSITIVE_DEFINITE = "positive definite"


class Declarations:
    """The content of a `declare` block."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self.names = Names()
        self.layout = "row"
        self.meaning: dict[str, str] = {}
        self.ones = False
        self.shapes: dict[str, tuple[Side, Side]] = {}
        self.declared: dict[str, Node] = {}  # key → the name as it was declared
        self.given: list[tuple[Ref, str | None, bool]] = []  # name, label, whether it is the total derivative
        self.given_at: dict[str, Node] = {}  # key → where it is given
        self.constant: set[str] = set()
        self.positive: set[str] = set()
        self.shares: set[str] = set()  # positive, and every column sums to 1
        self.row_shares: set[str] = set()  # positive, and every row sums to 1
        self.ranges: dict[str, tuple[float, float]] = {}  # where the entries of a name are
        self.matrix_kinds: dict[str, MatrixKind] = {}
        self.said_functions: dict[str, str] = {}  # letters of functions that equations say what they are
        self.functions: dict[str, dict[str, str]] = {}  # f_θ → {member or "": function}
        self.arguments: dict[tuple[str, str], Node] = {}  # (name, function) → what the name means there
        self.pending: list[Entry] = []  # declarations with names that the forward equations compute
        self.says: set[str] = set()  # the kinds of declarations that there are
        self.index_ends: dict[str, str] = {}  # index → the letter of its last value, where a sum has one
        self.read_products: set[str] = set()  # what * is by the sizes in the forward equations, "*" or "∘"
        self.set_at_last: set[str] = set()  # names for whose derivative at the time T there is a line of its own
        self.inferred: dict[str, str] = {}  # key → the size that follows for it
        self.of_exercise = False  # whether an exercise says what is constant

    def value(self, entry: Entry) -> str:
        """Return the text of a declaration after its colon."""
        return self.source.text[entry.start : entry.end]

    def parser(self) -> Parser:
        """Return a parser that knows these declarations."""
        return Parser(self.source, self.names, self.meaning)


class Entry(NamedTuple):
    """A line of a declare block: its kind, where it begins, and where its value begins and ends."""

    kind: str
    begun: int
    start: int
    end: int


def declare(source: Source, blocks: Sequence[Block], examples: Sequence[Token] = ()) -> Declarations:
    """Return what declare blocks say, except what needs the names of the forward equations (see `finish`).

    Names such as x_i are a sequence where one of the tokens `examples` is a sum over i.
    """
    declarations = Declarations(source)
    declarations.names.layered = source.layered_names()
    entries = [entry for block in blocks for entry in _entries(source, block)]
    declarations.says = {entry.kind for entry in entries}
    for entry in entries:  # letters first: names are read with them
        if _is_handled(source, entry):
            HANDLERS[entry.kind](declarations, entry)
    sizes = [it for it in entries if not _is_handled(source, it) and it.kind not in AFTER_FORWARD]
    if not {"time", "indices"} & declarations.says:
        named = ", ".join(source.text[entry.begun : entry.start].strip(" :") for entry in sizes)
        letter, last = examples_of_declared(named, examples) or ("t", "")
        declarations.names.time, declarations.names.last = (letter, last) if letter != "t" else ("t", "")
    layers = any(LAYER.search(source.text[entry.begun : entry.start]) for entry in sizes)
    declarations.names.has_layers = layers and not declarations.names.last
    for entry in sizes:
        _sizes(declarations, entry)
    declarations.pending = [entry for entry in entries if entry.kind in AFTER_FORWARD]
    return declarations


def _is_handled(source: Source, entry: Entry) -> bool:
    """Return whether a declaration is no size; d: N×1 is one, and d: differential is none."""
    sized = entry.kind in ("d", "loss") and sides_of_size(source.text[entry.start : entry.end]) is not None
    return entry.kind in HANDLERS and not sized


def _entries(source: Source, block: Block) -> Iterator[Entry]:
    """Yield the declarations of a block: one in every line, in a document also more after sizes, behind commas."""
    at = block.start
    for line in source.text[block.start : block.end].split("\n"):
        text = line.split("#")[0].rstrip()
        for first, last in _declarations_in(text) if source.is_document else ((0, len(text)),):
            part = text[first:last].rstrip()
            begun = at + first + len(part) - len(part.lstrip())
            if not part.strip():
                continue
            what, colon, value = part.strip().partition(":")
            listed = [] if colon else list(members(part))
            if not colon and (shape := SHAPE.search(part)):
                listed = [((len(part) - len(part.lstrip()), shape.start()), (shape.end(), len(part)))]
            if listed:
                yield from (Entry("", at + first + a, at + first + b, at + first + c) for (a, _), (b, c) in listed)
                continue
            if not colon:
                raise source.error("a declaration is `what: value`, as in `x_t: N×1`", begun, begun + len(part.strip()))
            start = begun + len(what) + 1 + len(value) - len(value.lstrip())
            yield Entry(_kind(what.strip()), begun, start, start + len(value.strip()))
        at += len(line) + 1


def _declarations_in(text: str) -> Iterator[tuple[int, int]]:
    """Yield where the declarations of a line stand: W: N×M, x: M×1 are two."""
    start = 0
    separator = SIZE_BEFORE_COMMA if "function" in text else ANY_SEPARATOR  # `function f: σ for i; tanh for g` is one
    for match in separator.finditer(text):
        yield start, match.end() - 1
        start = match.end()
    yield start, len(text)


def _kind(what: str) -> str:
    """Return the kind of the declaration that begins with these words; of a size, the names."""
    first = what.split()[0] if what.split() else ""
    if first in ("family", "function", "at", "range") and " " in what:
        return first
    return {"\\cdot": "·", "⋅": "·", "\\otimes": "⊗", "constants": "constant", "columns sum to 1": "sums to 1"}.get(
        what, what
    )


def _loss(declarations: Declarations, entry: Entry) -> None:
    tokens = tokens_without_ends(declarations.source, entry.start, entry.end)
    if not tokens or tokens[0].kind != "word" or any(t.kind == "word" and t.spaced for t in tokens[1:]):
        raise declarations.source.error("expected one name", entry.start)
    declarations.names.loss = declarations.parser().declared_name(tokens).value.key


def _layout(declarations: Declarations, entry: Entry) -> None:
    value = declarations.value(entry)
    if value not in LAYOUTS:
        known = "row (∇x of an N×1 is 1×N) or same (∇x has the size of x)"
        raise declarations.source.error(f"layout: {value!r} is not known; write {known}", entry.start, entry.end)
    declarations.layout = value


def _time(declarations: Declarations, entry: Entry) -> None:
    match = re.fullmatch(r"(\w)(?:\s*=\s*1\s*(?:\.\.|…|,\s*\.\.\.\s*,|\\ldots)\s*(\w))?", declarations.value(entry))
    if not match or (not match[2] and match[1].isupper()):
        raise declarations.source.error("time: write `time: t = 1..T` for a sequence", entry.start, entry.end)
    declarations.names.time, declarations.names.last = match[1], match[2] or ""


def _indices(declarations: Declarations, entry: Entry) -> None:
    tokens = tokens_of(declarations.source, entry.start, entry.end)
    declarations.names.indices |= {token.text for token in tokens if token.kind == "word"}


def _family(declarations: Declarations, entry: Entry) -> None:
    source = declarations.source
    colon = source.text.index(":", entry.begun)
    letter = _word(source, entry.begun + len("family"), colon, entry.begun)
    tokens = tokens_of(source, entry.start, entry.end)
    members = tuple(token.text for token in tokens if token.kind in ("word", "number"))
    declarations.names.families[letter] = members
    if not members or len(members) > DECLARED_NAMES:
        message = f"family {letter}: write its members, `family {letter}: f, i, o`"
        raise source.error(message, entry.start, entry.end)


def _meaning(declarations: Declarations, entry: Entry) -> None:
    sign, value = entry.kind, declarations.value(entry)
    if value not in MEANINGS or (sign != "⊗" and MEANINGS[value] not in "*∘"):
        message = f"{sign}: write `{sign}: matrix product` or `{sign}: component-wise`"
        if sign == "⊗":
            message = f"{sign}: write `{sign}: outer product` or `{sign}: Kronecker product`"
        raise declarations.source.error(message, entry.start, entry.end)
    declarations.meaning[sign] = MEANINGS[value]


def _bars(declarations: Declarations, entry: Entry) -> None:
    value = declarations.value(entry)
    if value not in ("adjoints", "names"):
        message = r"bars: write `bars: adjoints`, for \bar b as the derivative of the loss for b, or `bars: names`"
        raise declarations.source.error(message, entry.start, entry.end)
    declarations.names.bars = value == "adjoints"


def _ones(declarations: Declarations, _: Entry) -> None:
    declarations.ones = True


def _differential(declarations: Declarations, entry: Entry) -> None:
    declarations.names.differentials = declarations.value(entry) == "differential"


def _word(source: Source, start: int, end: int, at: int) -> str:
    """Return the single word in a part of the source, or fail at `at`."""
    words = [t for t in tokens_of(source, start, end) if t.kind not in ("end", "group(", ")group")]
    if len(words) != 1 or words[0].kind != "word":
        raise source.error("expected one name", at)
    return words[0].text


def _function(declarations: Declarations, entry: Entry) -> None:
    """Read `function F: component-wise` or `function f_θ: σ for f, i, o; tanh for g`."""
    source, names = declarations.source, declarations.names
    _, begun, start, end = entry
    colon = source.text.index(":", begun)
    tokens = tokens_without_ends(source, begun + len("function"), colon)
    ref = declarations.parser().function_name(tokens)
    if ref is None:
        raise source.error("function: expected a name", begun)
    branches: dict[str, str] = {}
    for part in source.text[start:end].split(";"):
        head, _, members = part.partition(" for ")
        head = head.strip()
        words = [
            t.text
            for t in tokens_of(source, source.text.index(head, start), source.text.index(head, start) + len(head))
            if t.kind == "word"
        ]
        name = head if head in names.functions else words[0] if words else ""
        if head != "component-wise" and name not in names.functions:
            near = likeliest(head, [*names.functions, "component-wise"])
            raise source.error(
                f"function: {head!r} is not known" + (f"; did you mean {near}?" if near else ""), start, end
            )
        function = ref.key if head == "component-wise" else names.functions[name]
        for member in [m.strip() for m in members.split(",")] if members else [""]:
            branches[member] = function
    if ref.key in FUNCTIONS and branches.get("") in FUNCTIONS.values():  # a known function, in another meaning
        names.functions[ref.key] = branches[""]
        return
    declarations.functions[ref.key] = branches
    names.functions[ref.key] = ref.key
    for letter in names.letters(ref.key):  # f_g is f_θ for θ = g
        for member in names.families[letter]:
            names.functions[bound(ref.key, letter, member)] = ref.key
            names.instances[bound(ref.key, letter, member)] = letter, member


def _sizes(declarations: Declarations, entry: Entry) -> None:
    """Read names and their size."""
    source = declarations.source
    _, begun, start, end = entry
    sign = MEMBER_SIGN.search(source.text, begun, start)
    assert sign
    colon = sign.start()
    shape = _shape(source, start, end)
    for node in _names(declarations, begun, colon):
        ref = node.value
        for key in declarations.names.instances_of(ref.key):
            if key in declarations.shapes and declarations.shapes[key] != shape:
                raise source.error(f"{key} is declared twice, with different sizes", node.start, node.end)
            declarations.shapes[key] = shape
            declarations.declared[key] = node
            declarations.names.add(Ref(key, ref.time))
            if len(declarations.shapes) > ALL_NAMES:
                raise source.error(f"more than {ALL_NAMES} names", node.start, node.end)


def _shape(source: Source, start: int, end: int) -> tuple[Side, Side]:
    """Return the rows and columns that a size gives, or fail with what to write."""
    value = source.text[start:end]
    if len(value) > SIZE_CHARACTERS:
        raise source.error(f"a size of {len(value)} characters; at most {SIZE_CHARACTERS} are read", start, end)
    sides = sides_of_size(value)
    if sides is None:
        words = ", ".join((*HANDLERS, *AFTER_FORWARD))
        column = f"{value.strip()}×1 for a column, 1×1 for a number" if value.strip().isalnum() else "N×1, N×M"
        raise source.error(f"'{value}' is not a size: write {column}; other declarations are {words}", start, end)
    try:
        rows, columns = map(side_of, sides)
    except SizeError as reason:
        raise source.error(str(reason), start, end) from None
    return rows, columns


def _names(declarations: Declarations, start: int, end: int) -> list[Node]:
    """Return the names, or derivatives, listed with commas between them."""
    tokens = tokens_without_ends(declarations.source, start, end)
    parts: list[list[Token]] = [[]]
    depth = 0
    for token in tokens:
        depth += {"open": 1, "group(": 1, "close": -1, ")group": -1}.get(token.kind, 0)
        if depth == 0 and token.kind == "op" and token.text == ",":
            parts.append([])
        else:
            parts[-1].append(token)
    nodes = []
    for part in parts:
        parser = declarations.parser()
        if not part:
            raise declarations.source.error("expected a name", start, end)
        node = parser.declared_name(part)
        nodes.append(node)
    if len(nodes) > DECLARED_NAMES:
        message = f"{len(nodes)} names in one declaration; at most {DECLARED_NAMES} are allowed"
        raise declarations.source.error(message, start, end)
    return nodes


def finish(declarations: Declarations) -> None:
    """Read the declarations with names that the forward equations compute, once these are known."""
    names = declarations.names
    named = {
        "constant": declarations.constant, "positive": declarations.positive, "sums to 1": declarations.shares,
        "rows sum to 1": declarations.row_shares,
    }  # fmt: skip
    handlers = {"at": _argument, "range": _range} | {str(kind): _matrix_kind for kind in MatrixKind}
    for entry in declarations.pending:
        kind, _, start, end = entry
        if kind in handlers:
            handlers[kind](declarations, entry)
            continue
        if kind in named:
            for node in _names(declarations, start, end):
                named[kind].update(names.instances_of(node.value.key))
            continue
        parser = declarations.parser()
        tokens = tokens_without_ends(declarations.source, start, end)
        for node in parser.derivatives(tokens):
            ref, label = node.value
            total = kind == "given total"
            keys = names.instances_of(ref.key)
            declarations.given_at |= dict.fromkeys(keys, node)
            declarations.given += [(ref._replace(key=key, indices=()), label, total) for key in keys]


def _argument(declarations: Declarations, entry: Entry) -> None:
    """Read `at x^{(t)} in f_θ: formula`."""
    source = declarations.source
    _, begun, start, end = entry
    colon = source.text.index(":", begun)
    first, between, _ = source.text[begun:colon].removeprefix("at").partition(" in ")
    if not between:
        raise source.error("write `at x in f: formula`", begun, colon)
    after_name = begun + len("at") + len(first)
    name = _names(declarations, begun + len("at"), after_name)[0]
    tokens = tokens_without_ends(source, after_name + len(between), colon)
    function = declarations.parser().function_name(tokens)
    if function is None:
        raise source.error("expected a function after `in`", begun, colon)
    parser = declarations.parser()
    key = declarations.names.functions.get(function.key, function.key)
    declarations.arguments[name.value.key, key] = parser.inside(tokens_without_ends(source, start, end))


def _range(declarations: Declarations, entry: Entry) -> None:
    """Read `range c, d: (-1, 1)`."""
    source = declarations.source
    _, begun, start, end = entry
    colon = source.text.index(":", begun)
    limits = [_number(text) for text in source.text[start:end].strip("()[] ").split(",")]
    low, high = limits if len(limits) == 2 else (None, None)
    if low is None or high is None or not low < high:
        message = f"range: write two numbers, as in `range c: (-1, 1)`, from -{LARGEST_RANGE:g} to {LARGEST_RANGE:g}"
        raise source.error(message, start, end)
    for node in _names(declarations, begun + len("range"), colon):
        declarations.ranges |= dict.fromkeys(declarations.names.instances_of(node.value.key), (low, high))


def _number(text: str) -> float | None:
    """Return a number that a range may end at; None for anything else."""
    try:
        number = float(text.replace("−", "-").replace("∞", "inf"))
    except ValueError:
        return None
    return number if abs(number) <= LARGEST_RANGE else None


def _matrix_kind(declarations: Declarations, entry: Entry) -> None:
    """Read `symmetric: P, R`."""
    kind = MatrixKind(entry.kind)
    for node in _names(declarations, entry.start, entry.end):
        for key in declarations.names.instances_of(node.value.key):
            rows, columns = declarations.shapes.get(key, ((), ()))
            if rows != columns:
                message = f"{kind}: {key} is not square; write one letter for both of its sides, as in N×N"
                raise declarations.source.error(message, node.start, node.end)
            declarations.matrix_kinds[key] = kind


HANDLERS: dict[str, Callable[[Declarations, Entry], None]] = {
    "loss": _loss, "layout": _layout, "time": _time, "indices": _indices, "family": _family, "*": _meaning,
    "·": _meaning, "⊗": _meaning, "1": _ones, "d": _differential, "function": _function,
    "bars": _bars,
}  # fmt: skip
