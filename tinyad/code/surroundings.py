"""What stands around a statement: names and their shapes, what the forward did with them, how the author writes."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property, lru_cache
from typing import NamedTuple

import numpy as np

from tinyad.code import edit_ranks as ranks
from tinyad.code.edit_ranks import EditKind
from tinyad.code.splice import ATOM, PRODUCT, Piece, Source, SpacedOperators, Spot, bracketed, joined, level

LOAD = ast.Load()
NO_VALUES = ast.Slice | ast.Lambda | ast.JoinedStr | ast.Yield | ast.YieldFrom | ast.Await
COUNTING = ("len", "range", "zeros_like", "ones_like", "zeros", "ones", "full", "empty", "eye", "arange")
ADJOINT_NAMES = [
    re.compile(pattern)
    for pattern in (
        r"^d(?:L|J|E|C|loss|cost)_?d_?(\w+)$",
        r"^(?:grad|delta)_?([A-Za-z0-9]\w*)$",
        r"^d_?([A-Za-z]\w*)$",
        r"^[gD]_?([A-Z]\w*)$",
        r"^g_?([a-z]\w{0,2})$",
        r"^(\w+?)_?(?:grad|bar)$",
    )
]


class Scope(NamedTuple):
    """What a statement of the backward pass can use.

    values: what each expression holds: locals and what they lead to, as "xc", "self.W", 'parameters["W2"]'
    sizes: whole numbers by the text that gives them, as "N", "x.shape[0]"
    statements: the other statements of the backward pass, in order
    forward: the statements of the forward pass
    """

    values: Mapping[str, object]
    sizes: Mapping[str, int]
    statements: Sequence[str]
    forward: Sequence[str]
    loop_variables: Sequence[str]


class Edit(NamedTuple):
    """A statement as it would stand.

    rank: how late it is tried and shown
    changes: how many changes it makes, 1 or 2
    """

    text: str
    kind: EditKind
    rank: float
    changes: int


@lru_cache(maxsize=4096)
def plain(text: str) -> str:
    """Return a text as Python itself would write it, so that two spellings of a name are one."""
    try:
        return ast.unparse(ast.parse(text, mode="eval"))
    except SyntaxError:
        return text


@lru_cache(maxsize=1024)
def parsed(statement: str) -> ast.stmt | None:
    """Return the tree of a statement; None where it cannot be read on its own."""
    try:
        body = ast.parse(statement.strip()).body
    except SyntaxError:
        return None
    return body[0] if len(body) == 1 else None


@lru_cache(maxsize=16384)
def last_part(name: str) -> str:
    """Return what tells a name from its neighbours: W of self.W, W1 of parameters['W1'], dx of dx[:, t]."""
    keys = re.findall(r"\[['\"](\w+)['\"]\]", name)
    return keys[-1] if keys else re.sub(r"\[.*", "", name).split(".")[-1]


@lru_cache(maxsize=16384)
def primal(name: str) -> str | None:
    """Return the variable whose derivative a name holds, by the name alone; None for a name of no derivative."""
    part = last_part(name)
    if re.match(r".*\[['\"]\w+['\"]\]$", name) and re.match(r"^(d|g)?_?grad", name):
        part = part if part.startswith("d") else f"d{part}"
    for pattern in ADJOINT_NAMES:
        match = pattern.match(part)
        if match:
            return match.group(1)
    return None


@lru_cache(maxsize=16384)
def unlikeness(first: str, second: str) -> float:
    """Return which part of the letters of two names differs, from 0 to 1."""
    shorter = min(len(first), len(second))
    before = 0
    while before < shorter and first[before] == second[before]:
        before += 1
    after = 0
    while after < shorter - before and first[-1 - after] == second[-1 - after]:
        after += 1
    return 1 - (before + after) / max(len(first), len(second), 1)


def differing_letters(first: str, second: str) -> tuple[str, str] | None:
    """Return the parts in which two names differ: 2 and 1 of dW2 and dW1."""
    before = 0
    while before < min(len(first), len(second)) and first[before] == second[before]:
        before += 1
    after = 0
    while after < min(len(first), len(second)) - before and first[-1 - after] == second[-1 - after]:
        after += 1
    one, two = first[before : len(first) - after], second[before : len(second) - after]
    return (one, two) if one and two and before + after else None


def exchanged(text: str, mapping: dict[str, str]) -> str:
    """Return an expression with names exchanged, all at once."""
    names = sorted(mapping, key=len, reverse=True)
    pattern = "|".join(rf"(?<![\w.]){re.escape(name)}(?!\w)" for name in names)
    return re.sub(pattern, lambda match: mapping[match.group(0)], text)


class Pair(NamedTuple):
    """A target of an assignment, the expression that it holds, and the names in that."""

    target: str
    value: ast.expr
    names: frozenset[str]
    parts: frozenset[str]


@lru_cache(maxsize=1024)
def pairs_of(statement: str) -> tuple[Pair, ...]:
    """Return the targets of a statement with their values."""
    found = []
    for target, value in target_values(parsed(statement)):
        names = frozenset(names_in(value))
        found.append(Pair(target, value, names, frozenset(last_part(name) for name in names)))
    return tuple(found)


def target_values(statement: ast.stmt | None) -> Iterator[tuple[str, ast.expr]]:
    """Return the targets of an assignment with their values; a tuple of values is taken apart."""
    if isinstance(statement, ast.AugAssign | ast.AnnAssign) and statement.value is not None:
        yield ast.unparse(statement.target), statement.value
    if isinstance(statement, ast.Return) and statement.value is not None:
        yield "", statement.value
    if not isinstance(statement, ast.Assign):
        return
    for target in statement.targets:
        if isinstance(target, ast.Tuple) and isinstance(statement.value, ast.Tuple):
            for one, value in zip(target.elts, statement.value.elts, strict=False):
                yield ast.unparse(one), value
        else:
            for one in target.elts if isinstance(target, ast.Tuple) else [target]:
                yield ast.unparse(one), statement.value


def names_in(node: ast.AST) -> set[str]:
    """Return the names, attributes and subscripts of an expression as texts."""
    return {ast.unparse(n) for n in ast.walk(node) if isinstance(n, ast.Name | ast.Attribute | ast.Subscript)}


def shape_of(value: object) -> tuple[int, ...] | None:
    """Return the shape of an array or of a number; None for all else."""
    if isinstance(value, bool | str):
        return None
    if isinstance(value, int | float | complex | np.number):
        return ()
    shape = getattr(value, "shape", None)
    return tuple(int(size) for size in shape) if shape is not None else None


def repeats(shape: tuple[int, ...], other: tuple[int, ...]) -> bool:
    """Say whether two shapes fit by NumPy's rule of repeating."""
    return all(a == b or 1 in (a, b) for a, b in zip(reversed(shape), reversed(other), strict=False))


class Surroundings:
    """A statement and its scope, and what edits ask about them."""

    def __init__(self, source: Source, scope: Scope) -> None:
        self.source = source
        self.scope = scope
        self.spaced = SpacedOperators(source.text, scope.statements)
        self.texts = {plain(text): text for text in scope.values}
        self.shapes = {text: shape_of(value) for text, value in scope.values.items()}
        self.arrays = [t for t, shape in self.shapes.items() if shape is not None]
        self.functions = [t for t, value in scope.values.items() if callable(value)]
        found = re.search(r"\b(np|numpy|jnp|torch)\.", "\n".join([source.text, *scope.statements, *scope.forward]))
        self.numpy = found.group(1) if found else "np"
        self.targets = [target for target, _ in target_values(source.tree)]

    def text_of(self, node: ast.expr) -> str | None:
        """Return the text under which the scope knows an expression."""
        if isinstance(node, ast.Name):
            return node.id if node.id in self.shapes else None
        if isinstance(node, ast.Attribute | ast.Subscript):
            return self.texts.get(ast.unparse(node))
        return None

    def in_own_quotes(self, text: str) -> str:
        """Return a text of the scope with the quotes of the statement."""
        if '"' in text and "'" in self.source.text and '"' not in self.source.text:
            return text.replace('"', "'")
        if "'" in text and '"' in self.source.text and "'" not in self.source.text:
            return text.replace("'", '"')
        return text

    @cached_property
    def forward_pairs(self) -> list[Pair]:
        """The targets of the forward pass with their values."""
        return [pair for statement in self.scope.forward for pair in pairs_of(statement)]

    @cached_property
    def other_pairs(self) -> list[Pair]:
        """The targets of the other statements of the backward pass with their values."""
        return [pair for statement in self.scope.statements for pair in pairs_of(statement)]

    @cached_property
    def written(self) -> str:
        """All statements, this one first."""
        return "\n".join([self.source.text, *self.scope.statements, *self.scope.forward])

    @cached_property
    def adjoints(self) -> set[str]:
        """The arrays that are derivatives, by name."""
        return {text for text in self.arrays if primal(text)}

    @cached_property
    def primals(self) -> set[str]:
        """The variables whose derivatives the statement sets, by name."""
        found = {primal(target) for target in self.targets if target}
        return {name for name in found if name}

    def uses(self, name: str) -> list[Pair]:
        """Return where the forward pass uses a variable."""
        return [p for p in self.forward_pairs if name in p.parts]

    @cached_property
    def related(self) -> set[str]:
        """The names of the forward statements that use the variables, and the adjoints of what these set."""
        found: set[str] = set()
        for name in self.primals:
            found.add(name)
            for pair in self.uses(name):
                found |= pair.parts | {last_part(pair.target)}
        for pair in self.other_pairs:  # what the forward has no name for, as da where it has h = f(x @ W)
            inner = primal(pair.target)
            if inner and inner not in self.forward_names and any(primal(part) in found for part in pair.parts):
                found.add(last_part(pair.target))
        return found

    @cached_property
    def forward_names(self) -> set[str]:
        """All names of the forward pass."""
        return {last_part(pair.target) for pair in self.forward_pairs}.union(*(p.parts for p in self.forward_pairs))

    @cached_property
    def _activations(self) -> dict[str, set[str]]:
        """For each name the names that differ from it by a function of one argument."""
        found: dict[str, set[str]] = {}
        for target, value, _, _ in self.forward_pairs:
            if isinstance(value, ast.Call):
                for argument in value.args:
                    if isinstance(argument, ast.Name | ast.Attribute | ast.Subscript):
                        one, two = last_part(target), last_part(ast.unparse(argument))
                        found.setdefault(one, set()).add(two)
                        found.setdefault(two, set()).add(one)
        return found

    def is_related(self, text: str) -> bool:
        """Say whether a name, or the variable whose derivative it holds, is in a forward statement of the target."""
        part = last_part(text)
        return part in self.related or primal(text) in self.related

    def _are_activations(self, one: str, two: str) -> bool:
        first, second = primal(one), primal(two)
        if (first is None) != (second is None):
            return False
        one, two = first or last_part(one), second or last_part(two)
        return two in self._activations.get(one, ())

    @cached_property
    def unused(self) -> set[str]:
        """The adjoints that no statement uses."""
        used = {n for pair in self.other_pairs if pair.target for n in pair.names}
        used |= names_in(self.source.tree)
        return {text for text in self.adjoints if plain(text) not in used}

    def name_rank(self, old: str, new: str) -> float:
        """Return how late a name is tried in place of another."""
        rank = ranks.NAME + ranks.NAME_UNLIKE * unlikeness(last_part(old), last_part(new))
        if self._are_activations(old, new):
            rank += ranks.PREACTIVATION
        if not self.is_related(new):
            rank += ranks.NAME_UNRELATED
        if (primal(old) is None) != (primal(new) is None):
            rank += ranks.NAME_OTHER_SORT
        return rank + self.misfit(self.shapes.get(old), self.shapes.get(new))

    @staticmethod
    def misfit(old: tuple[int, ...] | None, new: tuple[int, ...] | None) -> float:
        """Return how much later a shape comes in place of another."""
        if old is None or new is None or old == new:
            return 0
        if old == new[::-1]:
            return ranks.NAME_TRANSPOSED
        return ranks.NAME_REPEATS if repeats(old, new) else ranks.NAME_MISFIT

    @cached_property
    def ranked_sizes(self) -> list[tuple[str, float]]:
        """The sizes with how late each is tried; of several texts for one number, names of the author first."""
        found, held = [], set()
        text = "\n".join([self.source.text, *self.scope.statements])
        for size in sorted(self.scope.sizes, key=lambda s: (not s.isidentifier(), s not in text, len(s))):
            number = self.scope.sizes[size]
            if number == 1 or (number in held and not size.isidentifier()):
                continue
            rank = 0 if size.isidentifier() else ranks.SIZE_AS_TEXT
            found.append((size, rank + (0 if number not in held else ranks.SIZE_AS_TEXT)))
            held.add(number)
        return found

    def piece_of(self, text: str) -> Piece:
        """Return a text of the scope as a piece."""
        text = self.in_own_quotes(text)
        return Piece(text, ATOM if re.fullmatch(r"[\w.\[\]'\"]+", text) else level(ast.parse(text, mode="eval").body))

    @cached_property
    def spots(self) -> list[Spot]:
        """The expressions whose values matter: no targets, no functions that are called, no indices, no options."""
        left_out: set[ast.AST] = set()
        found = []
        for node, spot in self.source.spots.items():
            inside = isinstance(spot.parent, ast.expr | ast.keyword) and spot.parent in left_out
            option = isinstance(spot.parent, ast.keyword)
            name_of_function = spot.field == "func" and self._names_a_function(node)
            index = isinstance(spot.parent, ast.Subscript) and spot.field == "slice"
            target = spot.field in ("target", "targets") or not isinstance(getattr(node, "ctx", LOAD), ast.Load)
            if inside or option or name_of_function or index or target or isinstance(node, NO_VALUES):
                left_out.add(node)
            elif not isinstance(node, ast.GeneratorExp | ast.Starred):
                found.append(spot)
        return found

    def _names_a_function(self, node: ast.expr) -> bool:
        """Say whether what is called is a function of a module or of the author, not a method of an array."""
        return isinstance(node, ast.Name) or not self.is_method(node)

    def is_method(self, function: ast.expr) -> bool:
        """Say whether what is called is a method of an array, as x.T.dot is."""
        if not isinstance(function, ast.Attribute):
            return False
        inner = function.value
        while isinstance(inner, ast.Attribute):
            inner = inner.value
        return not (isinstance(inner, ast.Name) and inner.id in (self.numpy, "np", "numpy", "scipy", "math", "torch"))

    @cached_property
    def name_spots(self) -> list[tuple[Spot, str]]:
        """The places of names that hold arrays or numbers, each with its text in the scope."""
        found = []
        for spot in self.spots:
            text = self.text_of(spot.node)
            if text is not None and self.shapes[text] is not None:
                found.append((spot, text))
            elif text is None and isinstance(spot.node, ast.Name) and spot.node.id != self.numpy:
                found.append((spot, spot.node.id))
        return found

    @cached_property
    def terms(self) -> list[Spot]:
        """The expressions that stand between + and -, are an argument, an element or in brackets, or are the whole."""
        return [spot for spot in self.spots if self._is_term(spot)]

    @staticmethod
    def is_counted(spot: Spot) -> bool:
        """Say whether an expression matters only by its size: x of len(x)."""
        return isinstance(spot.parent, ast.Call) and ast.unparse(spot.parent.func).endswith(COUNTING)

    def _is_term(self, spot: Spot) -> bool:
        parent = spot.parent
        if isinstance(spot.node, ast.Tuple | ast.List | ast.Starred | ast.Slice) or self.is_counted(spot):
            return False
        if isinstance(parent, ast.BinOp):
            return isinstance(parent.op, ast.Add | ast.Sub)
        if isinstance(parent, ast.Attribute):
            return isinstance(spot.node, ast.BinOp)
        return isinstance(parent, ast.stmt | ast.Tuple | ast.List | ast.Call) and spot.field != "func"

    @cached_property
    def summed(self) -> list[Spot]:
        """The arrays of which a sum, a mean or a largest entry is taken as a method: x of x.sum()."""
        methods = ("sum", "mean", "max")
        return [s for s in self.spots if isinstance(s.parent, ast.Attribute) and s.parent.attr in methods]

    def replace(self, spot: Spot, piece: Piece, kind: EditKind, rank: float) -> Edit:
        """Return the edit that puts a piece in a place; of equal ones the outer comes first."""
        return Edit(self.source.replaced(spot.node, piece), kind, rank + ranks.PER_LEVEL * spot.depth, 1)

    def join(self, left: Piece, operator: str, right: Piece) -> Piece:
        """Return two pieces joined by an operator, spaced as the author does."""
        return joined(left, operator, right, self.spaced)

    def multiplied(self, factor: str, node: ast.expr) -> Piece:
        """Return factor * expression; a minus stays in front."""
        piece = self.source.piece(node)
        text = bracketed(piece, PRODUCT)
        sign = "-" if text.startswith("-") else ""
        return Piece(f"{sign}{factor}{self.spaced.around('*')}{text[len(sign) :]}", PRODUCT)

    def divided(self, node: ast.expr, divisor: Piece) -> Piece:
        """Return expression / divisor; a divisor that is there takes up the new one: a / (2 * s)."""
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Div):
            old = self.source.piece(node.right)
            first = divisor if divisor.text[:1].isdigit() else old
            second = old if first is divisor else divisor
            product = bracketed(first, PRODUCT) + self.spaced.around("*") + bracketed(second, PRODUCT)
            left = self.source.text[self.source.spots[node].start : self.source.spots[node.left].outer_end]
            return Piece(f"{left}{self.spaced.around('/')}({product})", PRODUCT)
        return self.join(self.source.piece(node), "/", divisor)

    @cached_property
    def sums_by_method(self) -> bool:
        """Say whether the author writes x.sum(), not np.sum(x)."""
        by_function = len(re.findall(rf"\b{self.numpy}\.sum\(", self.written))
        return len(re.findall(r"\.sum\(", self.written)) > 2 * by_function

    @cached_property
    def keepdims_option(self) -> str:
        """The author's keepdims=True."""
        found = re.search(r"keepdims ?= ?(True|1)", self.written)
        return found.group(0) if found else "keepdims=True"

    def axis_options(self, axis: str) -> list[str]:
        """Return an axis as the author gives it to a sum: axis=0, or 0."""
        by_place = re.search(r"\.(?:sum|mean|max)\((?:\w+, ?)?-?\d", self.written)
        return [axis] if by_place and "axis" not in self.written else [f"axis={axis}"]

    @cached_property
    def scales(self) -> list[Piece]:
        """What other statements work out of numbers and sizes alone, as np.sqrt(d)."""
        found: dict[str, Piece] = {}
        for pair in (*self.forward_pairs, *self.other_pairs):
            for node in ast.walk(pair.value):
                if isinstance(node, ast.Call | ast.BinOp) and self._is_scale(node):
                    text = ast.unparse(node)
                    found[text] = Piece(text, level(node))
        return list(found.values())[:8]

    def _is_scale(self, node: ast.AST) -> bool:
        names = [inner for inner in ast.walk(node) if isinstance(inner, ast.Name) and inner.id != self.numpy]
        return bool(names) and all(self.shapes.get(name.id) == () for name in names)

    def values_of(self, function: str) -> set[str]:
        """Return the names to which the forward pass assigns values of a function."""
        calls = [(pair.target, pair.value.func) for pair in self.forward_pairs if isinstance(pair.value, ast.Call)]
        return {last_part(target) for target, called in calls if last_part(ast.unparse(called)) == function}

    def made_of(self, part: str) -> list[Piece]:
        """Return the sums and calls of other statements, and products of the forward pass, in which a name stands.

        All of them are of names in scope.
        """
        found: dict[str, Piece] = {}
        forward = [(pair, (ast.Add, ast.Sub, ast.Mult)) for pair in self.forward_pairs]
        for pair, operators in (*forward, *((pair, (ast.Add, ast.Sub)) for pair in self.other_pairs)):
            if part in pair.parts:
                for node in ast.walk(pair.value):
                    if self._is_made_of(node, part, operators) and isinstance(node, ast.expr):
                        text = ast.unparse(node)
                        found[text] = Piece(text, level(node))
        return list(found.values())[:12]

    def _is_made_of(self, node: ast.AST, part: str, operators: tuple[type[ast.operator], ...]) -> bool:
        if isinstance(node, ast.BinOp) and isinstance(node.op, operators):
            operands = [node.left, node.right]
        elif isinstance(node, ast.Call) and len(node.args) == 1 and not node.keywords:
            operands = node.args
        else:
            return False
        names = [n for n in operands if isinstance(n, ast.Name | ast.Attribute | ast.Subscript)]
        all_known = all(isinstance(n, ast.Constant) or self.text_of(n) is not None for n in operands)
        return all_known and part in {last_part(ast.unparse(name)) for name in names}

    def matrix_product(self, left: Piece, right: Piece) -> Piece:
        """Return a matrix product as the author writes it."""
        calls = len(re.findall(rf"\b{self.numpy}\.dot\(", self.written))
        methods = self.written.count(".dot(") - calls
        if " @ " in self.written or not (calls or methods):
            return self.join(left, "@", right)
        if methods > calls:
            return Piece(f"{bracketed(left, ATOM)}.dot({right.text})")
        return Piece(f"{self.numpy}.dot({left.text}, {right.text})")
