"""Edits of calls: axes, sums, functions, comparisons, elements of lists."""

from __future__ import annotations

import ast
import inspect
import itertools
import math
import re
from collections.abc import Iterator

import numpy as np

from tinyad.code import edit_ranks as ranks
from tinyad.code.edit_ranks import EditKind
from tinyad.code.index_edits import compared
from tinyad.code.splice import ATOM, UNARY, Piece, Spot, bracketed
from tinyad.code.surroundings import COUNTING, Edit, Surroundings, last_part, names_in, shape_of

REDUCTIONS = ("sum", "mean", "max", "min", "prod", "var", "std")
WITH_AXIS = (*REDUCTIONS, "concatenate", "stack", "repeat", "argmax", "argmin", "expand_dims", "flip", "cumsum", "amax")
FAMILIES = (
    ("sum", "mean", "max"),
    ("tanh", "exp", "log", "sqrt", "square", "cosh", "sinh", "abs", "sign"),
    ("sin", "cos"),
    ("maximum", "minimum"),
    ("dot", "outer", "multiply"),
    ("zeros_like", "ones_like"),
    ("argmax", "argmin"),
)
ELEMENTWISE = ("sin", "cos", "sinh", "cosh", "square", "sign", "abs", "log1p", "expm1", "arctan", "reciprocal", "tril")
COMMON_FUNCTIONS = ("exp", "sqrt", "tanh", "log")


def _axes_of(dimensions: int) -> list[str]:
    """Return the axes over which arrays of so many dimensions are usually summed."""
    found = ["0", "1", "-1"]
    if dimensions >= 3:
        found += ["2", "(0, 1)", "(0, 2)", "(1, 2)"]
    if dimensions >= 4:
        found += ["3", "(0, 2, 3)", "(0, 1, 2)", "(1, 2, 3)", "(2, 3)"]
    return found


def _dimensions(around: Surroundings, node: ast.AST) -> int:
    """Return the most dimensions of the arrays in an expression, or of the scope where it has none."""
    values = around.scope.values
    texts = {around.texts.get(name) for name in names_in(node)}
    shapes = [around.shapes[text] for text in texts if text] or [shape_of(value) for value in values.values()]
    return max((len(shape) for shape in shapes if shape is not None), default=2)


def _option(node: ast.Call, name: str) -> ast.keyword | None:
    return next((keyword for keyword in node.keywords if keyword.arg == name), None)


class _Reduction:
    """A call such as np.sum(x, axis=0) or x.sum(0): the array, the axis, whether dimensions are kept."""

    def __init__(self, around: Surroundings, node: ast.Call, function: ast.Attribute) -> None:
        self.name = function.attr
        self.is_method = around.is_method(function)
        self.function = function
        self.array = function.value if self.is_method else (node.args[0] if node.args else node)
        rest = node.args if self.is_method else node.args[1:]
        keyword = _option(node, "axis")
        self.axis = keyword.value if keyword else (rest[0] if rest else None)
        self.keep = _option(node, "keepdims")


def _reduction(around: Surroundings, node: ast.AST, names: tuple[str, ...] = WITH_AXIS) -> _Reduction | None:
    if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in names):
        return None
    return _Reduction(around, node, node.func) if node.args or around.is_method(node.func) else None


def _call(around: Surroundings, name: str, array: Piece, options: list[str], is_method: bool) -> Piece:
    if is_method:
        return Piece(f"{bracketed(array, ATOM)}.{name}({', '.join(options)})")
    return Piece(f"{around.numpy}.{name}({', '.join([array.text, *options])})")


def axes(around: Surroundings) -> Iterator[Edit]:
    """Propose another axis, none, and dimensions kept or not."""
    for spot in around.spots:
        found = _reduction(around, spot.node)
        if found is None or not isinstance(spot.node, ast.Call):
            continue
        own = around.source.code(found.axis) if found.axis is not None else ""
        source = around.source
        others = [axis for axis in _axes_of(_dimensions(around, found.array)) if axis != own]
        keep = [f"keepdims={source.code(found.keep.value)}"] if found.keep else []
        for axis in others:
            if found.axis is not None:
                yield Edit(source.replaced(found.axis, Piece(axis)), EditKind.AXIS, ranks.AXIS, 1)
        written = around.axis_options(own) if own else []
        if found.name in REDUCTIONS:
            array = source.piece(found.array)
            if not own:
                for axis in others:
                    piece = _call(around, found.name, array, [*around.axis_options(axis), *keep], found.is_method)
                    yield around.replace(spot, piece, EditKind.AXIS, ranks.AXIS)
            else:
                piece = _call(around, found.name, array, keep, found.is_method)
                yield around.replace(spot, piece, EditKind.AXIS, ranks.AXIS + 1)
            changed = [*written, *([] if keep else [around.keepdims_option])]
            piece = _call(around, found.name, array, changed, found.is_method)
            yield around.replace(spot, piece, EditKind.AXIS, ranks.KEEPDIMS)


def sums(around: Surroundings) -> Iterator[Edit]:
    """Propose a sum taken away, mean for sum, and a sum around the whole, a term or a name."""
    for spot in around.spots:
        found = _reduction(around, spot.node, REDUCTIONS)
        if found is None:
            continue
        yield around.replace(spot, around.source.piece(found.array), EditKind.SUM, ranks.SUM_LESS)
    for spot in around.spots:
        depth_first = spot in around.terms or (isinstance(spot.parent, ast.UnaryOp))
        named = around.text_of(spot.node)
        shape = around.shapes.get(named or "")
        is_no_array = isinstance(spot.node, ast.UnaryOp | ast.Constant | ast.List | ast.Tuple) or shape == ()
        if is_no_array or around.is_counted(spot):
            continue
        if (depth_first or (named and shape)) and _reduction(around, spot.node, REDUCTIONS) is None:
            yield from _summed(around, spot, later=0 if depth_first else ranks.SUM_INSIDE)


def _summed(around: Surroundings, spot: Spot, later: float) -> Iterator[Edit]:
    piece = around.source.piece(spot.node)
    dimensions = len(around.shapes.get(around.text_of(spot.node) or "") or ()) or _dimensions(around, spot.node)
    axes_tried = _axes_of(dimensions)
    if "axis=-1" not in around.written:
        axes_tried.remove("-1")
    usual = [axis for axis in axes_tried if re.search(rf"axis ?= ?{re.escape(axis)}\b", around.written)]
    for axis in ["", *axes_tried]:
        is_usual = axis in usual or (dimensions == 1 and not axis)
        rank = ranks.SUM_MISSING + later + (0 if is_usual else ranks.SUM_UNUSUAL)
        rank += ranks.SUM_OF_VECTOR if dimensions == 1 and axis else 0
        options = around.axis_options(axis) if axis else []
        plain_sum = _call(around, "sum", piece, options, around.sums_by_method)
        yield around.replace(spot, plain_sum, EditKind.SUM, rank)
        if axis:
            kept = _call(around, "sum", piece, [*options, around.keepdims_option], around.sums_by_method)
            rank += -ranks.SUM_KEEPDIMS if "keepdims" in around.written else ranks.SUM_KEEPDIMS
            yield around.replace(spot, kept, EditKind.SUM, rank)


def functions(around: Surroundings) -> Iterator[Edit]:
    """Propose another function, none, and one more."""
    for spot in around.spots:
        node = spot.node
        if isinstance(node, ast.Call):
            yield from _other_functions(around, node)
            arrays = [
                argument for argument in node.args if not isinstance(argument, ast.Starred | ast.List | ast.Tuple)
            ]
            if ast.unparse(node.func).endswith((*COUNTING, "copy")):  # without it a name would be another for an array
                continue
            if _reduction(around, node) is None and not around.is_method(node.func):
                for argument in arrays:
                    piece = around.source.piece(argument)
                    twice = last_part(piece.text) in around.values_of(last_part(around.source.code(node.func)))
                    rank = ranks.FUNCTION_TWICE if twice else ranks.FUNCTION_LESS
                    yield around.replace(spot, piece, EditKind.FUNCTION, rank)
            if isinstance(node.func, ast.Attribute) and around.is_method(node.func) and not node.args:
                piece = around.source.piece(node.func.value)
                yield around.replace(spot, piece, EditKind.FUNCTION, ranks.FUNCTION_LESS)
    yield from _one_more(around)


def _one_more(around: Surroundings) -> Iterator[Edit]:
    """Propose a function around a name, an expression that nothing knows, a sign with a name, or an operation."""
    used = dict.fromkeys(re.findall(rf"\b{around.numpy}\.({'|'.join(ELEMENTWISE)})\(", around.written))
    names = [f"{around.numpy}.{name}" for name in dict.fromkeys([*COMMON_FUNCTIONS, *used])]
    names += [name for name in around.functions if f"{name}(" in around.written and name not in names]
    named = {spot.node for spot, _ in around.name_spots}
    for spot in around.spots:
        node = spot.node
        inner = node.operand if isinstance(node, ast.UnaryOp) else node
        is_name = node in named or inner in named or isinstance(node, ast.Subscript)
        if not is_name and not isinstance(node, ast.BinOp):
            continue
        for name in names:
            later = 0 if f"{name}(" in around.written else ranks.FUNCTION_UNUSUAL
            later += 0 if is_name else ranks.FUNCTION_OF_OPERATION
            piece = Piece(f"{name}({around.source.code(node)})")
            yield around.replace(spot, piece, EditKind.FUNCTION, ranks.FUNCTION_MORE + later)


def calls(around: Surroundings) -> Iterator[Edit]:
    """Propose for the whole, and for names in it, the author's functions of several arguments that the scope has."""
    value = getattr(around.source.tree, "value", None)
    for name in around.functions:
        parameters = _parameters(around.scope.values[name])
        if not 2 <= len(parameters) <= 6 or not all(p in around.shapes for p in parameters):
            continue
        piece = Piece(f"{name}({', '.join(parameters)})")
        for spot in around.spots:
            if spot.node is value or around.text_of(spot.node) in parameters:
                yield around.replace(spot, piece, EditKind.FUNCTION, ranks.FUNCTION_MORE)


def _parameters(function: object) -> list[str]:
    """Return the names of the parameters without defaults of a function that is written in Python."""
    code = getattr(function, "__code__", None)
    if code is None or code.co_flags & (inspect.CO_VARARGS | inspect.CO_VARKEYWORDS):
        return []
    count = code.co_argcount - len(getattr(function, "__defaults__", None) or ())
    return list(code.co_varnames[:count])


def repeats(around: Surroundings) -> Iterator[Edit]:
    """Propose to repeat an array along another axis too."""
    for spot in around.spots:
        found = _reduction(around, spot.node, ("repeat",))
        if found is None or found.axis is None or not isinstance(spot.node, ast.Call):
            continue
        place = around.source.spots[found.axis]
        for axis in ("0", "1", "2", "3"):
            if axis != around.source.code(found.axis):
                again = around.source.text[spot.start : place.start] + axis + around.source.text[place.end : spot.end]
                text = around.source.replaced(found.array, Piece(again))
                yield Edit(text, EditKind.FUNCTION, ranks.REPEAT_MORE, 1)


def methods(around: Surroundings) -> Iterator[Edit]:
    """Propose a copy of what is assigned as it is, another shape with the same entries, and the trace of a matrix."""
    value = getattr(around.source.tree, "value", None)
    for spot in around.spots:
        shape = around.shapes.get(around.text_of(spot.node) or "")
        piece = around.source.piece(spot.node)
        if spot.node is value and shape and not isinstance(spot.parent, ast.Return):
            yield around.replace(spot, Piece(f"{bracketed(piece, ATOM)}.copy()"), EditKind.FUNCTION, ranks.COPY)
        if shape and len(shape) == 2 and shape[0] == shape[1]:
            text = f"{around.numpy}.trace({piece.text})"
            later = 0 if "trace(" in around.written else ranks.FUNCTION_UNUSUAL
            yield around.replace(spot, Piece(text), EditKind.FUNCTION, ranks.TRACE + later)
        if spot.node is value and shape is None and isinstance(spot.node, ast.Call | ast.BinOp):
            for name in (name for name in around.arrays if last_part(name) in around.primals):
                text = f"{bracketed(piece, ATOM)}.reshape({name}.shape)"
                yield around.replace(spot, Piece(text), EditKind.FUNCTION, ranks.RESHAPE)
        if shape and (spot.node is value or isinstance(spot.parent, ast.stmt | ast.Tuple | ast.BinOp)):
            yield from _reshaped(around, spot, shape)


def _reshaped(around: Surroundings, spot: Spot, shape: tuple[int, ...]) -> Iterator[Edit]:
    """Propose the shapes of the arrays in scope that have as many entries."""
    seen = {shape}
    for name in sorted(
        around.arrays, key=lambda name: (last_part(name) not in around.primals, not name.isidentifier())
    ):
        other = around.shapes[name] or ()
        if other not in seen and math.prod(other) == math.prod(shape):
            seen.add(other)
            later = 0 if last_part(name) in around.primals else ranks.NAME_UNRELATED
            text = f"{bracketed(around.source.piece(spot.node), ATOM)}.reshape({name}.shape)"
            yield around.replace(spot, Piece(text), EditKind.FUNCTION, ranks.RESHAPE + later)


def _other_functions(around: Surroundings, node: ast.Call) -> Iterator[Edit]:
    function = node.func
    if isinstance(function, ast.Attribute):
        for family in FAMILIES:
            if function.attr in family:
                for other in family:
                    if other != function.attr:
                        piece = Piece(around.source.code(function).removesuffix(function.attr) + other)
                        rank = ranks.SUM_OTHER if other in REDUCTIONS else ranks.FUNCTION_OTHER
                        kind = EditKind.SUM if other in REDUCTIONS else EditKind.FUNCTION
                        yield Edit(around.source.replaced(function, piece), kind, rank, 1)
    if len(node.args) == 1 and not around.is_method(function):
        for name in around.functions:
            if name != around.source.code(function):
                text = around.source.replaced(function, Piece(name))
                yield Edit(text, EditKind.FUNCTION, ranks.FUNCTION_OTHER, 1)


def comparisons(around: Surroundings) -> Iterator[Edit]:
    """Propose other comparisons, and masks turned."""
    for spot in around.spots:
        node = spot.node
        if isinstance(node, ast.Compare) and len(node.ops) == 1:
            yield from compared(around, spot, node)
            if isinstance(spot.parent, ast.stmt):  # a mask that becomes an array of numbers
                text = f"{bracketed(around.source.piece(node), ATOM)}.astype(float)"
                yield around.replace(spot, Piece(text), EditKind.FUNCTION, ranks.FUNCTION_MORE)
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Invert):
            yield around.replace(spot, around.source.piece(node.operand), EditKind.COMPARISON, ranks.MASK_TURNED)
        named = around.text_of(node)
        if named and getattr(around.scope.values[named], "dtype", None) == np.dtype(bool):
            piece = Piece(f"~{around.source.code(node)}", UNARY)
            yield around.replace(spot, piece, EditKind.COMPARISON, ranks.MASK_TURNED)


def elements(around: Surroundings) -> Iterator[Edit]:
    """Propose two elements of a list, or two arguments, for each other."""
    for node in around.source.spots:
        found: list[ast.expr] = []
        if isinstance(node, ast.List):
            found = node.elts
        elif isinstance(node, ast.Call):
            found = node.args
        for one, two in itertools.combinations(found[:8], 2):
            changes = [(one, around.source.piece(two)), (two, around.source.piece(one))]
            is_case = isinstance(node, ast.Call) and around.source.code(node.func).endswith(".where")
            rank = ranks.CASES_SWAPPED if is_case else ranks.ELEMENTS_SWAPPED
            yield Edit(around.source.replaced_all(changes), EditKind.ORDER, rank, 1)
