"""The `declare` block: names and sizes, what is given, the layout, and what signs and letters mean."""

from __future__ import annotations

import re
from collections.abc import Callable
from difflib import get_close_matches

from tinyad.derivation.language.limits import ALL_NAMES, DECLARED_NAMES, DECLARED_SIZE
from tinyad.derivation.language.names import Names, bound
from tinyad.derivation.language.parser import Parser
from tinyad.derivation.language.source import Block, Source
from tinyad.derivation.language.syntax_tree import Node, Ref, Token

Side = tuple[tuple[str, int], ...]  # a sum of multiples of symbols; a number is a multiple of ""
MEANINGS = {"matrix product": "*", "component-wise": "∘"}
LAYOUTS = ("row", "same")
# what people write for N×M: ℝ^{N×M}, (N, M), N*M, NxM
OTHER_SIZES = (
    r"(?:\\mathbb *\{? *R *\}?|\\?R|ℝ) *\^ *[{(]* *(?P<rows>\w+) *(?:×|\\times|(?P<x>x)|,|\*) *(?P<columns>\w+) *[})]*",
    r"[(\[] *(?P<rows>\w+) *,(?P<x>) *(?P<columns>\w*) *[)\]]",
    r"(?P<rows>[^\W_]+?)(?: *\* *|(?P<x>[xX]))(?P<columns>[^\W_]+)",
)


class Declarations:
    """What a `declare` block says."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self.names = Names()
        self.layout = "row"
        self.meaning: dict[str, str] = {}
        self.ones = False
        self.shapes: dict[str, tuple[Side, Side]] = {}
        self.declared: dict[str, Node] = {}  # key → the name as it was declared
        self.given: list[tuple[Ref, str | None, bool]] = []  # name, label, whether it is the whole derivative
        self.given_at: dict[str, Node] = {}  # key → where it is given
        self.constant: set[str] = set()
        self.positive: set[str] = set()
        self.shares: set[str] = set()  # positive, and every column sums to 1
        self.functions: dict[str, dict[str, str]] = {}  # f_θ → {member or "": function}
        self.arguments: dict[tuple[str, str], Node] = {}  # (name, function) → what the name means there
        self.pending: list[tuple[str, int, int, int]] = []  # declarations that name what the forward computes

    def parser(self) -> Parser:
        return Parser(self.source, self.names, self.meaning)


def declare(source: Source, block: Block, read: Callable[[Source, int, int], list[Token]]) -> Declarations:
    """Read a declare block.  `read` makes tokens of a piece of the source."""
    it = Declarations(source)
    later: list[tuple[str, int, int, int]] = []
    at = block.start
    for line in source.text[block.start : block.end].split("\n"):
        text = line.split("#")[0].rstrip()
        begun = at + len(text) - len(text.lstrip())
        at += len(line) + 1
        if not text.strip():
            continue
        what, colon, value = text.strip().partition(":")
        if not colon:
            raise source.error("a declaration is `what: value`, as in `x_t: N×1`", begun, begun + len(text.strip()))
        start = begun + len(what) + 1 + len(value) - len(value.lstrip())
        later.append((what.strip(), begun, start, start + len(value.strip())))
    # Letters first: names are read with them.
    for letters in (True, False):
        for entry in later:
            if (_kind(entry[0]) in _LETTERS) == letters and _kind(entry[0]) not in _LAST:
                _one(it, read, *entry)
    for entry in later:
        if _kind(entry[0]) in _LAST:
            it.pending.append((_kind(entry[0]), *entry[1:]))
    return it


_LETTERS = ("loss", "layout", "time", "indices", "family", "*", "·", "⊗", "1", "d", "function")
_LAST = ("given", "given total", "at", "constant", "positive", "sums to 1")


def _kind(what: str) -> str:
    first = what.split()[0] if what.split() else ""
    if first in ("family", "function", "at"):
        return first
    return {"\\cdot": "·", "⋅": "·", "\\otimes": "⊗", "constants": "constant"}.get(what, what)


def _one(it: Declarations, read: Callable[..., list[Token]], what: str, begun: int, start: int, end: int) -> None:
    source, names, kind = it.source, it.names, _kind(what)
    value = source.text[start:end]
    if kind == "loss":
        names.loss = _word(read(source, start, end), source, start)
    elif kind == "layout":
        if value not in LAYOUTS:
            raise source.error(
                f"layout: {value!r}; there are row (∇x of an N×1 is 1×N) and same (the variable's size)", start, end
            )
        it.layout = value
    elif kind == "time":
        match = re.fullmatch(r"(\w)(?:\s*=\s*1\s*(?:\.\.|…|,\s*\.\.\.\s*,|\\ldots)\s*(\w))?", value)
        if not match or (not match[2] and match[1].isupper()):
            raise source.error("time: write `time: t = 1..T` for a sequence", start, end)
        names.time, names.last = match[1], match[2] or ""
    elif kind == "indices":
        tokens = [t for t in read(source, start, end) if t.kind == "word"]
        names.indices |= {t.text for t in tokens}
    elif kind == "family":
        letter = _word(
            read(source, begun + len("family"), start - 1 - len(source.text[begun:start].rpartition(":")[2])),
            source,
            begun,
        )
        tokens = [t for t in read(source, start, end) if t.kind in ("word", "number")]
        names.families[letter] = tuple(t.text for t in tokens)
        if not tokens or len(tokens) > DECLARED_NAMES:
            raise source.error(f"family {letter}: write its members, `family {letter}: f, i, o`", start, end)
    elif kind in ("*", "·", "⊗"):
        if value not in MEANINGS:
            raise source.error(f"{kind}: write `{kind}: matrix product` or `{kind}: component-wise`", start, end)
        it.meaning[kind] = MEANINGS[value]
    elif kind == "1":
        it.ones = True
    elif kind == "d":
        names.differentials = value == "differential"
    elif kind == "function":
        _function(it, read, begun, start, end)
    else:
        _sizes(it, read, begun, start, end)


def _word(tokens: list[Token], source: Source, at: int) -> str:
    words = [t for t in tokens if t.kind not in ("end", "group(", ")group")]
    if len(words) != 1 or words[0].kind != "word":
        raise source.error("one name is awaited here", at)
    return words[0].text


def _function(it: Declarations, read: Callable[..., list[Token]], begun: int, start: int, end: int) -> None:
    """function F: component-wise;  function f_θ: σ for f, i, o; tanh for g"""
    source, names = it.source, it.names
    colon = source.text.index(":", begun)
    tokens = [t for t in read(source, begun + len("function"), colon) if t.kind != "end"]
    ref = it.parser().function_name(tokens)
    if ref is None:
        raise source.error("function: a name is awaited", begun)
    branches: dict[str, str] = {}
    for part in source.text[start:end].split(";"):
        head, _, members = part.partition(" for ")
        head = head.strip()
        words = [
            t.text
            for t in read(source, source.text.index(head, start), source.text.index(head, start) + len(head))
            if t.kind == "word"
        ]
        name = words[0] if words else ""
        if head != "component-wise" and name not in names.functions:
            near = get_close_matches(head, [*names.functions, "component-wise"], 1)
            raise source.error(
                f"function: {head!r} is not known" + (f"; did you mean {near[0]}?" if near else ""), start, end
            )
        function = ref.key if head == "component-wise" else names.functions[name]
        for member in [m.strip() for m in members.split(",")] if members else [""]:
            branches[member] = function
    it.functions[ref.key] = branches
    names.functions[ref.key] = ref.key
    for letter in names.letters(ref.key):  # f_g is f_θ for θ = g
        for member in names.families[letter]:
            names.functions[bound(ref.key, letter, member)] = ref.key
            names.instances[bound(ref.key, letter, member)] = letter, member


def _sizes(it: Declarations, read: Callable[..., list[Token]], begun: int, start: int, end: int) -> None:
    source = it.source
    colon = source.text.index(":", begun)
    value = source.text[start:end]
    sides = re.split(r"\s*(?:×|\\times|\bx\b)\s*", value)
    other = next((m for pattern in OTHER_SIZES if (m := re.fullmatch(pattern, value))), None)
    if other:
        letter = "; × is not the letter x" if other["x"] else ""
        said = f"'{value}' is no size: write {other['rows']}×{other['columns'] or 1}{letter}"
        raise source.error(said, start, end)
    if len(sides) != 2:
        words = ", ".join((*_LETTERS, *_LAST))
        raise source.error(f"'{value}' is no size: write N×1, N×M; other declarations are {words}", start, end)
    rows, columns = (_size(side, source, start, end) for side in sides)
    shape = rows, columns
    for node in _names(it, read, begun, colon):
        ref = node.value
        for key in it.names.instances_of(ref.key):
            if key in it.shapes and it.shapes[key] != shape:
                raise source.error(f"{key} is declared twice, with different sizes", node.start, node.end)
            it.shapes[key] = shape
            it.declared[key] = node
            it.names.add(Ref(key, ref.time))
            if len(it.shapes) > ALL_NAMES:
                raise source.error(f"more than {ALL_NAMES} names", node.start, node.end)


def _size(text: str, source: Source, start: int, end: int) -> Side:
    """N, 4N, N+M, 3 as ((symbol, factor), ...); a number has the symbol ""."""
    terms = []
    for term in text.strip("$ ").split("+"):
        match = re.fullmatch(r"\s*(\d*)\s*([^\W\d][\w{}]*)?\s*", term)
        if not match or not (match[1] or match[2]):
            raise source.error(f"'{text}' is no size: write N, 4N, N+M or a number", start, end)
        factor = int(match[1] or 1)
        if not 0 < factor <= DECLARED_SIZE:
            raise source.error(
                f"a size of {factor}: {DECLARED_SIZE} at the most, 1 at least; write a letter, and it is chosen",
                start,
                end,
            )
        terms.append((re.sub("[{}_]", "", match[2] or ""), factor))
    return tuple(sorted(terms))


def _names(it: Declarations, read: Callable[..., list[Token]], start: int, end: int) -> list[Node]:
    """Names, or derivatives, with commas between them."""
    tokens = [t for t in read(it.source, start, end) if t.kind != "end"]
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
        parser = it.parser()
        if not part:
            raise it.source.error("a name is awaited here", start, end)
        node = parser.declared_name(part)
        nodes.append(node)
    if len(nodes) > DECLARED_NAMES:
        raise it.source.error(f"{len(nodes)} names in one declaration; {DECLARED_NAMES} at the most", start, end)
    return nodes


def finish(it: Declarations, read: Callable[..., list[Token]]) -> None:
    """Read the declarations about derivatives and functions, after the forward has said which names there are."""
    for kind, begun, start, end in it.pending:
        if kind == "at":
            _argument(it, read, begun, start, end)
            continue
        if kind in ("constant", "positive", "sums to 1"):
            meant = {"constant": it.constant, "positive": it.positive, "sums to 1": it.shares}[kind]
            for node in _names(it, read, start, end):
                meant.update(it.names.instances_of(node.value.key))
            continue
        parser = it.parser()
        tokens = [t for t in read(it.source, start, end) if t.kind != "end"]
        for node in parser.derivatives(tokens):
            ref, label = node.value
            total = kind == "given total"
            it.given_at |= dict.fromkeys(it.names.instances_of(ref.key), node)
            it.given += [(ref._replace(key=k, indices=()), label, total) for k in it.names.instances_of(ref.key)]


def _argument(it: Declarations, read: Callable[..., list[Token]], begun: int, start: int, end: int) -> None:
    """at x^{(t)} in f_θ: formula"""
    source = it.source
    colon = source.text.index(":", begun)
    match = re.fullmatch(r"at\s+(.+?)\s+in\s+(.+?)\s*", source.text[begun:colon])
    if not match:
        raise source.error("write `at x in f: formula`", begun, colon)
    name = _names(it, read, begun + match.start(1), begun + match.end(1))[0]
    tokens = [t for t in read(source, begun + match.start(2), begun + match.end(2)) if t.kind != "end"]
    function = it.parser().function_name(tokens)
    if function is None:
        raise source.error("a function is awaited after `in`", begun, colon)
    parser = it.parser()
    key = it.names.functions.get(function.key, function.key)
    it.arguments[name.value.key, key] = parser.inside([t for t in read(source, start, end) if t.kind != "end"])
