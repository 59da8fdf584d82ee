"""Right code with one statement of its backward pass changed, as people get it wrong, kind by kind."""

from __future__ import annotations

import ast
import random
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from tinyad.code import values
from tinyad.code.checking import pair_of
from tinyad.code.find import Found, example_of, found_in
from tinyad.code.names import CONTAINERS, looks_like_derivative
from tinyad.code.pair import Example, Pair
from tinyad.code.points import another
from tinyad.code.probes import Frame, Listener, Statement, names_of
from tinyad.code.program import QUIET, Program, undisturbed
from tinyad.code.recording import Recorded
from tinyad.code.script import Script
from tinyad.code.splice import Piece, Source, level
from tinyad.code.time_limit import limited

CHANGED = 1e-6  # of the largest entry: gradients that differ less are the same
SECONDS = 20.0  # for one run of a program with a mistake

# fmt: off
REDUCTIONS = {"sum", "mean", "max", "min", "prod", "cumsum"}
PRODUCTS = {"dot", "matmul", "outer", "inner"}
TURNS = {"transpose", "swapaxes"}
MAKERS = {"zeros", "zeros_like", "ones", "ones_like", "empty", "empty_like", "full", "full_like", "eye", "arange"}
JOINS = {"concatenate", "hstack", "vstack", "stack", "split", "append", "insert", "at", "len", "range", "einsum"}
KEPT = REDUCTIONS | PRODUCTS | TURNS | MAKERS | JOINS
OTHER_OPERATORS = {ast.Add: "-", ast.Sub: "+", ast.Mult: "/", ast.Div: "*", ast.MatMult: "*"}
SYMBOLS = {ast.Add: "+", ast.Sub: "-", ast.Mult: "*", ast.Div: "/", ast.MatMult: "@"}
OTHER_COMPARISONS = {">": "<", "<": ">", ">=": "<", "<=": ">", "==": "!=", "!=": "=="}
# fmt: on


class CodePlant(NamedTuple):
    """A program with a mistake: its kind, what stood there, what stands there now, and the whole source."""

    kind: str
    line: int
    end_line: int
    was: str
    now: str
    source: str


class Scene(NamedTuple):
    """A statement to change, and what is around it.

    shapes: of the arrays and numbers in scope before it runs.  sizes: whole numbers there.  others: the other
    statements of the pass.  activations: (value, what it is computed from) of the forward pass.
    """

    source: Source
    shapes: dict[str, tuple[int, ...]]
    sizes: list[str]
    others: list[str]
    activations: list[tuple[str, str]]

    def spots(self, *types: type[ast.AST]) -> Iterator[Any]:
        """Yield the expressions of some types that are read."""
        for node in self.source.spots:
            if isinstance(node, types) and not isinstance(getattr(node, "ctx", None), ast.Store):
                yield node

    def replaced(self, node: ast.expr, text: str) -> str:
        """Return the statement with an expression replaced by another text."""
        text = re.sub(r"\s*\n\s*", " ", text)
        return self.source.replaced(node, Piece(text, level(ast.parse(text, mode="eval").body)))

    def code(self, node: ast.expr) -> str:
        """Return an expression as it stands, in brackets where it is an operation."""
        text = self.source.code(node)
        return text if level(node) >= level(ast.Name("x")) else f"({text})"

    def parent(self, node: ast.expr) -> ast.AST:
        return self.source.spots[node].parent

    def names(self) -> Iterator[ast.expr]:
        """Yield the names, attributes and items that hold arrays or numbers, the longest of each only."""
        for node in self.spots(ast.Name, ast.Attribute, ast.Subscript):
            parent = self.parent(node)
            if isinstance(parent, ast.Call) and parent.func is node:
                continue
            if names_of(node) in self.shapes and names_of(parent) not in self.shapes:
                yield node

    def value(self) -> ast.expr | None:
        """Return the right-hand side."""
        return getattr(self.source.tree, "value", None)


def called(node: ast.AST) -> str:
    """Return the last name of the function that a call calls."""
    if not isinstance(node, ast.Call):
        return ""
    return node.func.attr if isinstance(node.func, ast.Attribute) else names_of(node.func)


def is_method(node: ast.Call) -> bool:
    """Return whether a call is one of a method of an array, and not of a module."""
    return isinstance(node.func, ast.Attribute) and names_of(node.func.value) not in (
        "np",
        "numpy",
        "math",
        "np.add",
        "torch",
    )


def operands(node: ast.expr) -> tuple[ast.expr, ast.expr] | None:
    """Return the two operands of a matrix product, however it is written."""
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.MatMult):
        return node.left, node.right
    if isinstance(node, ast.Call) and called(node) in PRODUCTS:
        if is_method(node) and len(node.args) == 1:
            return node.func.value, node.args[0]  # type: ignore[attr-defined]
        if len(node.args) == 2:
            return node.args[0], node.args[1]
    return None


# The kinds


def name(scene: Scene) -> Iterator[str]:
    """Another name of the same shape."""
    for node in scene.names():
        own = names_of(node)
        for other, shape in scene.shapes.items():
            if other != own and shape == scene.shapes[own] and (shape or "[" in other or "." in other or own.islower()):
                yield scene.replaced(node, other)


def transpose(scene: Scene) -> Iterator[str]:
    """A transposition dropped or added."""
    for node in scene.spots(ast.Attribute):
        if node.attr == "T":
            yield scene.replaced(node, scene.code(node.value))
    for node in scene.spots(ast.Call):
        if called(node) in TURNS:
            yield scene.replaced(node, scene.code(node.func.value if is_method(node) else node.args[0]))
        if called(node) == "einsum" and isinstance(node.args[0], ast.Constant) and "->" in str(node.args[0].value):
            before, after = node.args[0].value.split("->")
            if len(after) > 1:
                yield scene.replaced(node.args[0], repr(f"{before}->{after[:-2]}{after[-1]}{after[-2]}"))
    for node in scene.spots(ast.BinOp, ast.Call):
        for part in operands(node) or ():
            if not (isinstance(part, ast.Attribute) and part.attr == "T"):
                yield scene.replaced(part, scene.code(part) + ".T")


def order(scene: Scene) -> Iterator[str]:
    """The operands of a matrix product, a difference or a quotient exchanged."""
    for node in scene.spots(ast.BinOp, ast.Call):
        pair = operands(node)
        if pair is None and isinstance(node, ast.BinOp) and isinstance(node.op, (ast.Sub, ast.Div)):
            pair = node.left, node.right
        if pair is not None:
            first, second = (scene.code(part) for part in pair)
            if isinstance(node, ast.BinOp):
                yield scene.replaced(node, f"{second} {SYMBOLS[type(node.op)]} {first}")
            elif is_method(node):
                yield scene.replaced(node, f"{second}.{called(node)}({first})")
            else:
                yield scene.replaced(node, f"{scene.source.code(node.func)}({second}, {first})")


def operator(scene: Scene) -> Iterator[str]:
    """Another operator."""
    for node in scene.spots(ast.BinOp):
        if type(node.op) in OTHER_OPERATORS:
            new = OTHER_OPERATORS[type(node.op)]
            yield scene.replaced(node, f"{scene.code(node.left)} {new} {scene.code(node.right)}")
    for node in scene.spots(ast.Call):
        pair = operands(node)
        if pair and called(node) != "outer":
            yield scene.replaced(node, f"{scene.code(pair[0])} * {scene.code(pair[1])}")


def sign(scene: Scene) -> Iterator[str]:
    """A sign dropped or added."""
    for node in scene.spots(ast.UnaryOp):
        if isinstance(node.op, ast.USub):
            yield scene.replaced(node, scene.code(node.operand))
    tree, value = scene.source.tree, scene.value()
    if (
        isinstance(tree, (ast.Assign, ast.AugAssign))
        and value is not None
        and not isinstance(value, (ast.Tuple, ast.UnaryOp))
    ):
        yield scene.replaced(value, f"-{scene.code(value)}")
    if isinstance(tree, ast.AugAssign) and isinstance(tree.op, (ast.Add, ast.Sub)):
        old = "+=" if isinstance(tree.op, ast.Add) else "-="
        yield scene.source.text.replace(old, "-=" if old == "+=" else "+=", 1)
    for node in scene.spots(ast.BinOp):
        if isinstance(node.op, (ast.Add, ast.Sub)):
            new = "-" if isinstance(node.op, ast.Add) else "+"
            yield scene.replaced(node, f"{scene.source.code(node.left)} {new} {scene.code(node.right)}")


def factor(scene: Scene) -> Iterator[str]:
    """A factor 2, 1/2, N or 1/N dropped or added, or a power off by one."""
    for node in scene.spots(ast.BinOp):
        if isinstance(node.op, ast.Mult):
            for one, other in ((node.left, node.right), (node.right, node.left)):
                if isinstance(one, ast.Constant) or names_of(one) in scene.sizes:
                    yield scene.replaced(node, scene.code(other))
        if isinstance(node.op, ast.Div) and (
            isinstance(node.right, ast.Constant) or scene.source.code(node.right) in scene.sizes
        ):
            yield scene.replaced(node, scene.code(node.left))
        if isinstance(node.op, ast.Pow) and isinstance(node.right, ast.Constant):
            power = node.right.value
            for new in {power - 1, power + 1} - {0}:
                base = scene.code(node.left)
                yield scene.replaced(node, base if new == 1 else f"{base} ** {new}")
    value = scene.value()
    if (
        isinstance(scene.source.tree, (ast.Assign, ast.AugAssign))
        and value is not None
        and not isinstance(value, ast.Tuple)
    ):
        code = scene.code(value)
        yield scene.replaced(value, f"2 * {code}")
        yield scene.replaced(value, f"0.5 * {code}")
        yield from (scene.replaced(value, f"{code} / {size}") for size in scene.sizes[:3])


def axis(scene: Scene) -> Iterator[str]:
    """Another axis."""
    for call in scene.spots(ast.Call):
        given = [k.value for k in call.keywords if k.arg == "axis"]
        if not given and called(call) in REDUCTIONS and len(call.args) > (0 if is_method(call) else 1):
            given = call.args[-1:]
        for node in given:
            found = {"0": ["1", "-1"], "1": ["0", "2"], "-1": ["0", "1"], "(0, 1)": ["0", "1"], "2": ["1"]}
            for new in found.get(scene.source.code(node), []):
                yield scene.replaced(node, new)


def keepdims(scene: Scene) -> Iterator[str]:
    """The sizes of summed axes kept or dropped."""
    for call in scene.spots(ast.Call):
        if called(call) not in REDUCTIONS - {"cumsum"}:
            continue
        text = scene.source.code(call)
        if any(k.arg == "keepdims" for k in call.keywords):
            yield scene.replaced(call, re.sub(r",?\s*keepdims\s*=\s*(?:True|1)(?=\W*\)$)", "", text))
        elif text.endswith(")") and (call.args or call.keywords):
            yield scene.replaced(call, text[:-1] + ", keepdims=True)")


def sum_dropped(scene: Scene) -> Iterator[str]:
    """A sum or mean dropped, or one for the other."""
    for call in scene.spots(ast.Call):
        if called(call) in REDUCTIONS:
            yield scene.replaced(call, scene.code(call.func.value if is_method(call) else call.args[0]))
        if called(call) in ("sum", "mean") and isinstance(call.func, ast.Attribute):
            new = "mean" if called(call) == "sum" else "sum"
            yield scene.replaced(call.func, f"{scene.code(call.func.value)}.{new}")


def preactivation(scene: Scene) -> Iterator[str]:
    """The value for what it was computed from, or the other way round."""
    for node in scene.names():
        for one, other in scene.activations:
            for old, new in ((one, other), (other, one)):
                if names_of(node) == old and new in scene.shapes:
                    yield scene.replaced(node, new)


def activation(scene: Scene) -> Iterator[str]:
    """The derivative of an activation changed or left out."""
    for node in scene.spots(ast.BinOp):
        if isinstance(node.op, ast.Sub) and isinstance(node.left, ast.Constant) and node.left.value == 1:
            right = node.right
            squared = isinstance(right, ast.BinOp) and isinstance(right.op, (ast.Pow, ast.Mult))
            base = scene.code(right.left) if squared else scene.code(right)  # type: ignore[attr-defined]
            yield scene.replaced(node, f"1 - {base}" if squared else f"1 - {base} ** 2")
            yield scene.replaced(node, base)
            outer = scene.parent(node)
            if isinstance(outer, ast.BinOp) and isinstance(outer.op, ast.Mult):
                yield scene.replaced(outer, scene.code(outer.left if outer.right is node else outer.right))


def mask(scene: Scene) -> Iterator[str]:
    """A mask left out, turned round, or of another array."""
    for node in scene.spots(ast.Compare):
        first, second = scene.source.code(node.left), scene.source.code(node.comparators[0])
        symbol = {ast.Gt: ">", ast.Lt: "<", ast.GtE: ">=", ast.LtE: "<=", ast.Eq: "==", ast.NotEq: "!="}.get(
            type(node.ops[0])
        )
        if symbol is None:
            continue
        yield scene.replaced(node, f"{first} {OTHER_COMPARISONS[symbol]} {second}")
        outer: Any = scene.parent(node)
        if isinstance(outer, ast.BinOp) and isinstance(outer.op, ast.Mult):
            yield scene.replaced(outer, scene.code(outer.left if outer.right is node else outer.right))
        if isinstance(outer, ast.Subscript) and isinstance(outer.ctx, ast.Load):
            yield scene.replaced(outer, scene.source.code(outer.value))
        for other, shape in scene.shapes.items():
            if shape and shape == scene.shapes.get(first) and other != first:
                yield scene.replaced(node, f"{other} {symbol} {second}")
    for node in scene.spots(ast.Call):
        if called(node) == "where" and len(node.args) == 3:
            condition, yes, no = map(scene.source.code, node.args)
            yield scene.replaced(node, f"{scene.source.code(node.func)}({condition}, {no}, {yes})")
            yield scene.replaced(node, yes)


def index(scene: Scene) -> Iterator[str]:
    """An index off by one, or the bounds of another slice."""
    for node in list(scene.source.spots):
        if not isinstance(node, ast.Subscript):
            continue
        parts = node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice]
        for part in parts:
            text = scene.source.code(part) if part in scene.source.spots else ""
            if isinstance(part, ast.Slice) and text:
                yield from (scene.source.replaced(part, Piece(new)) for new in other_slices(part, text))
            elif isinstance(part, ast.Name) and len(part.id) <= 2 and part.id not in scene.shapes:
                yield from (scene.replaced(part, f"{text} {change} 1") for change in "+-")
            elif isinstance(part, ast.BinOp) and isinstance(part.op, (ast.Add, ast.Sub)):
                yield scene.replaced(part, scene.source.code(part.left))


def other_slices(node: ast.Slice, text: str) -> Iterator[str]:
    """Yield other slices that a slice may be mistaken for."""
    lower, upper = (ast.unparse(part) if part else "" for part in (node.lower, node.upper))
    if text == "::-1":
        yield ":"
    elif not node.step and (lower or upper):
        yield f"{upper}:{lower}"


def equals(scene: Scene) -> Iterator[str]:
    """`=` for `+=`."""
    tree = scene.source.tree
    if isinstance(tree, ast.AugAssign):
        old = {ast.Add: "+=", ast.Sub: "-=", ast.Mult: "*=", ast.Div: "/="}.get(type(tree.op), "")
        if old in scene.source.text:
            yield scene.source.text.replace(old, "=", 1)


def term_dropped(scene: Scene) -> Iterator[str]:
    """A term of a sum left out."""
    for node in scene.spots(ast.BinOp):
        if isinstance(node.op, (ast.Add, ast.Sub)):
            yield scene.replaced(node, scene.source.code(node.left))
            yield scene.replaced(node, ("-" if isinstance(node.op, ast.Sub) else "") + scene.code(node.right))


def term_added(scene: Scene) -> Iterator[str]:
    """A term twice, or one more term of the same shape."""
    for node in scene.spots(ast.BinOp):
        if isinstance(node.op, (ast.Add, ast.Sub)):
            yield scene.replaced(node, f"{scene.source.code(node)} + {scene.code(node.right)}")
    tree, value = scene.source.tree, scene.value()
    if isinstance(tree, ast.Assign) and value is not None:
        target = names_of(tree.targets[0])
        own = scene.shapes.get(target) or scene.shapes.get(target.lstrip("d_"))
        for other, shape in scene.shapes.items():
            if shape and shape == own and other != target and other[:1] == "d":
                yield scene.replaced(value, f"{scene.source.code(value)} + {other}")


def copied(scene: Scene) -> Iterator[str]:
    """The right-hand side of another statement of the same build."""
    value = scene.value()
    if isinstance(scene.source.tree, (ast.Assign, ast.AugAssign)) and value is not None:
        for other in scene.others:
            node = ast.parse(other).body[0]
            new = getattr(node, "value", None)
            if type(node) is type(scene.source.tree) and new is not None and build(new) == build(value):
                yield scene.replaced(value, ast.get_source_segment(other, new) or "")


def build(node: ast.AST) -> str:
    """Return an expression with its names and numbers left out."""
    return re.sub(r"\b(?!np\b|T\b|sum\b|dot\b|axis\b)[A-Za-z_]\w*|\b\d+", "x", ast.unparse(node))


def returned(scene: Scene) -> Iterator[str]:
    """Two of the returned values exchanged, or one of them left as another."""
    value = scene.value()
    if isinstance(scene.source.tree, ast.Return) and isinstance(value, ast.Tuple):
        for k in range(len(value.elts) - 1):
            one, other = value.elts[k : k + 2]
            texts = scene.source.code(one), scene.source.code(other)
            level_of = [Piece(text) for text in texts]
            yield scene.source.replaced_all([(one, level_of[1]), (other, level_of[0])])


def call_dropped(scene: Scene) -> Iterator[str]:
    """A function not applied."""
    for node in scene.spots(ast.Call):
        if called(node) not in KEPT and called(node) != "where":
            argument = node.func.value if is_method(node) else node.args[0] if node.args else None  # type: ignore[attr-defined]
            if argument is not None and not isinstance(argument, ast.Starred):
                yield scene.replaced(node, scene.source.code(argument))


KINDS: dict[str, Callable[[Scene], Iterator[str]]] = {
    kind.__name__: kind
    for kind in (
        name, transpose, order, operator, sign, factor, axis, keepdims, sum_dropped, preactivation, activation, mask,
        index, equals, term_dropped, term_added, copied, returned, call_dropped,
    )
}  # fmt: skip


# Programs


def founds(path: Path) -> list[Found]:
    """Return what a file has to check."""
    return found_in(Program(path.read_text(encoding="utf-8"), str(path)))


def paired(
    source: str, path: str, found: Found, seed: int = 0, moved: Callable[[Example], Example] = lambda example: example
) -> Pair:
    """Return a pair of a source; moved: changes its sample point."""
    program = Program(source, path)
    if not found.forward:
        return Script(program, seed)
    program.execute()
    return pair_of(program, found, moved(example_of(program, found)), seed)


class Subject:
    """A right program and one of its pairs, from which programs with mistakes are made."""

    def __init__(self, source: str, path: str, found: Found) -> None:
        self.source, self.path, self.found = source, path, found
        self.texts: dict[int, str] = {}
        self.pair = self.paired(source)
        self.results = self.run(self.pair)
        self.elsewhere = self.run_elsewhere(self.pair)
        forward, backward = Recorded(), Shapes()
        self.pair.run_forward(forward)
        self.pair.run_backward(backward)
        both = self.pair.backward is None
        self.statements = [
            statement
            for statement in self.pair.program.probe.statements
            if statement.number in backward.found and (both or statement.number not in forward.ran)
            if isinstance(statement.node, (ast.Assign, ast.AugAssign, ast.AnnAssign, ast.Return, ast.Expr))
        ]
        self.shapes, self.sizes = backward.found, backward.sizes
        ran = [s for s in self.pair.program.probe.statements if s.number in forward.ran]
        self.activations = [pair for s in ran for pair in activations_of(s.node)]

    def paired(self, source: str) -> Pair:
        """Return the pair of a source."""
        return paired(source, self.path, self.found)

    def run(self, pair: Pair) -> tuple[list[Any], list[Any]]:
        """Return the loss of a function of both passes, and the derivatives that are returned and left."""
        with limited(SECONDS):
            forwarded, result = pair.run_backward(QUIET)
        if isinstance(pair, Script):
            kept = {k: v for k, v in pair.program.namespace.items() if not k.startswith("_") and k[:1] in "dgG"}
            return [values.array(forwarded.result)], [np.squeeze(kept) for kept in numbers(kept)]
        if pair.backward is not None:
            return [], numbers((result, derivatives_left(forwarded.owner)))
        with limited(SECONDS):
            loss = pair.loss(QUIET)
        parts = list(enumerate(result)) if isinstance(result, tuple) else []
        rest = [part for k, part in parts if (k,) not in pair.binding.outputs]
        return [np.array(loss)], numbers(rest or result)

    def run_elsewhere(self, pair: Pair) -> tuple[list[Any], list[Any]] | None:
        """Return the same at another sample point, None where there is none."""
        other = pair.at(another(pair.example, 5), 5, {})
        return None if other is None else self.run(other)

    def scene(self, statement: Statement) -> Scene | None:
        """Return a statement with what is around it."""
        text = self.text(statement)
        if not text:
            return None
        others = [self.text(s) for s in self.statements if s.function == statement.function and s is not statement]
        return Scene(
            Source(text), self.shapes[statement.number], self.sizes[statement.number], others, self.activations
        )

    def text(self, statement: Statement) -> str:
        """Return a statement as it stands."""
        if statement.number not in self.texts:  # each time, the whole source is split into lines
            self.texts[statement.number] = ast.get_source_segment(self.source, statement.node) or ""
        return self.texts[statement.number]

    def replaced(self, line: int, was: str, now: str) -> str:
        """Return the source with a statement that begins in a line replaced."""
        lines = self.source.splitlines(keepends=True)
        before, rest = "".join(lines[: line - 1]), "".join(lines[line - 1 :])
        start = rest.index(was)
        return before + rest[:start] + now + rest[start + len(was) :]

    def candidates(self, kind: str) -> list[CodePlant]:
        """Return all programs with a mistake of a kind, whether it has an effect or not."""
        found = []
        for statement in self.statements:
            scene = self.scene(statement)
            for now in dict.fromkeys(KINDS[kind](scene)) if scene else ():
                was = self.text(statement)
                if now != was:
                    source = self.replaced(statement.line, was, now)
                    found.append(CodePlant(kind, statement.line, statement.end_line, was, now, source))
        return found

    def plants(self, kind: str, each: int, seed: int) -> Iterator[CodePlant]:
        """Yield some programs with a mistake of a kind that has an effect, of different statements first."""
        drawn = random.Random(f"{seed} {self.path.rsplit('/', 1)[-1]} {self.found.name} {kind}")
        candidates = self.candidates(kind)
        drawn.shuffle(candidates)
        count = 0
        for plant in candidates:
            if count == each:
                return
            if self.has_effect(plant.source):
                count += 1
                yield plant

    def has_effect(self, source: str) -> bool:
        """Return whether a program runs, and returns other gradients and the same outputs, at one of two points."""
        with undisturbed():
            try:
                pair = self.paired(source)
                found, elsewhere = self.run(pair), self.run_elsewhere(pair)
            except (Exception, TimeoutError):
                return False
        both = [(found, self.results), (elsewhere, self.elsewhere)]
        runs = [(new, old) for new, old in both if new is not None and old is not None]
        return all(same(n[0], o[0]) for n, o in runs) and not all(same(n[1], o[1]) for n, o in runs)

    def is_right(self, source: str) -> bool:
        """Return whether a program returns the right gradients at both points."""
        with undisturbed():
            try:
                pair = self.paired(source)
                found, elsewhere = self.run(pair), self.run_elsewhere(pair)
            except (Exception, TimeoutError):
                return False
        return same(found[1], self.results[1]) and (
            elsewhere is None or self.elsewhere is None or same(elsewhere[1], self.elsewhere[1])
        )


def subjects(path: Path, wanted: Callable[[Found], bool] = lambda _: True) -> Iterator[Subject]:
    """Yield the pairs of a file of right code that are wanted."""
    source = path.read_text(encoding="utf-8")
    for found in founds(path):
        if wanted(found):
            with undisturbed():
                subject = Subject(source, str(path), found)
            yield subject


class Shapes(Listener):
    """The shapes of what is in scope before each statement runs for the first time."""

    def __init__(self) -> None:
        self.found: dict[int, dict[str, tuple[int, ...]]] = {}
        self.sizes: dict[int, list[str]] = {}

    def before(self, frame: Frame, statement: Statement, names: dict[str, Any]) -> None:
        if statement.number not in self.found:
            reachable = dict(reached(names))
            self.found[statement.number] = {
                n: values.shape(v) for n, v in reachable.items() if values.differentiable(v)
            }
            self.sizes[statement.number] = [n for n, v in names.items() if type(v) is int and v > 1]


def reached(names: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    """Yield names with values, attributes of self and items of dicts."""
    for key, value in names.items():
        if key.startswith("__"):
            continue
        yield key, value
        if isinstance(value, dict):
            yield from ((f"{key}[{k!r}]", part) for k, part in value.items() if isinstance(k, str))
        elif key == "self":
            yield from ((f"self.{k}", part) for k, part in vars(value).items())


def activations_of(node: ast.stmt) -> Iterator[tuple[str, str]]:
    """Yield (value, argument) for a statement that applies a function to one name."""
    if isinstance(node, ast.Assign) and len(node.targets) == 1 and called(node.value) not in {"", *KEPT}:
        for argument in node.value.args:  # type: ignore[attr-defined]
            if names_of(argument):
                yield names_of(node.targets[0]), names_of(argument)


def derivatives_left(owner: Any) -> list[Any]:
    """Return the derivatives that an object holds, by their names."""
    return [
        leaf
        for path, leaf in values.leaves(owner)
        for names in [[key[1] if isinstance(key, tuple) else key for key in path]]
        if any(isinstance(n, str) and (looks_like_derivative(n) or CONTAINERS.match(n)) for n in names)
    ]


def numbers(value: Any) -> list[Any]:
    """Return the arrays and numbers in a value; a list of arrays of one shape as one array."""
    if isinstance(value, list) and value and {values.shape(part) for part in value} == {values.shape(value[0])}:
        return [np.array(value)] if all(map(values.differentiable, value)) else []
    if isinstance(value, (tuple, list, dict)):
        return [found for part in (value.values() if isinstance(value, dict) else value) for found in numbers(part)]
    return [values.array(leaf) for _, leaf in values.leaves(value)]


def same(one: list[Any], other: list[Any]) -> bool:
    """Return whether two lists of arrays are equal up to rounding."""
    if len(one) != len(other):
        return False
    for a, b in zip(one, other, strict=True):
        if a.shape != b.shape:
            return False
        size = np.max(np.abs(b), initial=0.0)
        if not np.array_equal(np.isfinite(a), np.isfinite(b)) or np.any(
            np.abs(a - b)[np.isfinite(a)] > CHANGED * size + 1e-12
        ):
            return False
    return True
