"""The derivative for a variable of the forward pass by the rules of differentiation, written with names in scope."""

from __future__ import annotations

import ast
import copy
import math
import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import lru_cache, partial
from types import CodeType, SimpleNamespace
from typing import Any, NamedTuple

import numpy as np

from tinyad.code import values
from tinyad.code.limits import RULE_DEPTH, RULE_LETTERS
from tinyad.code.splice import Piece
from tinyad.code.surroundings import Scope, Surroundings, last_part, names_in, plain, primal, shape_of
from tinyad.code.values import Array

# What is multiplied with the adjoint G of y = f(x): X stands for x, Y for y.
OF_FUNCTIONS = {
    "exp": "G * Y",
    "log": "G / X",
    "log1p": "G / (1 + X)",
    "expm1": "G * (Y + 1)",
    "log2": "G / (X * np.log(2))",
    "log10": "G / (X * np.log(10))",
    "sqrt": "G / (2 * Y)",
    "square": "2 * G * X",
    "tanh": "G * (1 - Y ** 2)",
    "sigmoid": "G * Y * (1 - Y)",
    "expit": "G * Y * (1 - Y)",
    "logistic": "G * Y * (1 - Y)",
    "relu": "G * (X > 0)",
    "softplus": "G / (1 + np.exp(-X))",
    "sin": "G * np.cos(X)",
    "cos": "-G * np.sin(X)",
    "tan": "G * (1 + Y ** 2)",
    "arctan": "G / (1 + X ** 2)",
    "sinh": "G * np.cosh(X)",
    "cosh": "G * np.sinh(X)",
    "abs": "G * np.sign(X)",
    "absolute": "G * np.sign(X)",
    "fabs": "G * np.sign(X)",
    "negative": "-G",
    "reciprocal": "-G * Y ** 2",
}
# The same for both operands A and B of y = a op b.
OF_OPERATIONS: dict[str, tuple[str, str]] = {
    "+": ("G", "G"),
    "-": ("G", "-G"),
    "*": ("G * B", "G * A"),
    "/": ("G / B", "-G * A / B ** 2"),
    "maximum": ("G * (A > B)", "G * (B > A)"),
    "minimum": ("G * (A < B)", "G * (B < A)"),
    "power": ("G * B * A ** (B - 1)", "G * Y * np.log(A)"),
}
OPERATORS: dict[type[ast.operator], str] = {
    ast.Add: "+",
    ast.Sub: "-",
    ast.Mult: "*",
    ast.Div: "/",
    ast.Pow: "power",
    ast.MatMult: "@",
}
BY_NAME = {"add": "+", "subtract": "-", "multiply": "*", "divide": "/", "true_divide": "/"}
PRODUCTS = ("dot", "matmul")
# The same for A, B and C of y = f(a, b, c), where G has all entries of y; AXIS is the one along which y sums to 1.
OF_WHOLE_ARRAYS: dict[str, tuple[str, ...]] = {
    "softmax": ("Y * (G - np.sum(G * Y, axis=AXIS, keepdims=True))",),
    "log_softmax": ("G - np.exp(Y) * np.sum(G, axis=AXIS, keepdims=True)",),
    "outer": ("G @ B", "G.T @ A"),
    "transpose": ("G.T",),
    "swapaxes": ("G.swapaxes(B, C)",),
    "clip": ("G * ((A > B) & (A < C))",),
    "reshape": ("G.reshape(A.shape)",),
    "ravel": ("G.reshape(A.shape)",),
    "flatten": ("G.reshape(A.shape)",),
    "squeeze": ("G.reshape(A.shape)",),
    "expand_dims": ("G.reshape(A.shape)",),
    "cumsum": ("np.cumsum(G[::-1], axis=0)[::-1]",),
    "trace": ("G * np.eye(len(A))",),
    "inv": ("",),  # written with the author's product
}
SUMS = ("sum", "mean")
LARGEST = ("max", "min", "amax", "amin")  # taken away before exp, where they change nothing
CONSTANT = ("sign", "argmax", "argmin", "argsort", "floor", "ceil", "round", "len", "zeros_like", "ones_like", "isnan")
UNCHANGED = ("copy", "array", "asarray", "astype", "ascontiguousarray", "stack")
PURE = {
    *OF_FUNCTIONS,
    *BY_NAME,
    *PRODUCTS,
    *SUMS,
    *LARGEST,
    *UNCHANGED,
    *OF_WHOLE_ARRAYS,
    *"maximum minimum power where norm logsumexp var einsum arange len float diag det slogdet zeros_like".split(),
}


class ByTheRules(NamedTuple):
    """The terms of a derivative; complete: of every path through which the variable acts."""

    terms: list[str]
    complete: bool


class Step(NamedTuple):
    """A target and a value of a statement of the forward pass; values: of its expressions, as it ran last."""

    target: str
    value: ast.expr
    values: Mapping[str, Any]


class Computed(NamedTuple):
    """What a function of the forward pass computed.

    steps: its statements; "" is the target of what is returned
    held: its values by name, and what its code can call
    upstream: the adjoints of what it returns, where they are known
    loss: the name that is differentiated; "" if it is not one of these
    """

    steps: Sequence[Step]
    held: Mapping[str, Any]
    upstream: Sequence[Array]
    loss: str


class Adjoint(NamedTuple):
    """An adjoint on its way down an expression, and its shape, which may be smaller where it repeats."""

    node: ast.expr
    shape: tuple[int, ...]


class NotWrittenError(Exception):
    """No rule is known, or a name is not in scope."""


@lru_cache(maxsize=512)
def _template(text: str) -> ast.expr:
    return ast.parse(text, mode="eval").body


@lru_cache(maxsize=4096)
def _code(text: str) -> CodeType:
    return compile(text, "<expression>", "eval")


class _Filled(ast.NodeTransformer):
    """Puts expressions in the places of the letters of a template."""

    def __init__(self, parts: Mapping[str, ast.expr]) -> None:
        self.parts = parts

    def visit_Name(self, node: ast.Name) -> ast.expr:
        return self.parts.get(node.id, node)

    def visit_BinOp(self, node: ast.BinOp) -> ast.expr:
        node.left, node.right = self.visit(node.left), self.visit(node.right)
        return _simplified(node)


class Rules:
    """Writes derivatives: with what the forward pass computed, and what the statement that is to hold them can use.

    adjoints: the names that hold the derivative for a variable, where they are known to, by its name
    convention: how many times the derivative they hold, if that is not once
    """

    def __init__(
        self,
        around: Surroundings,
        computed: Computed,
        adjoints: Mapping[str, Collection[str]],
        convention: float | None = None,
    ) -> None:
        self.around, self.computed, self.adjoints, self.convention = around, computed, adjoints, convention
        self.held = _with_objects({**_of_objects(around.scope.values), **computed.held})
        self.choice = 0  # of several texts for one adjoint
        self.above: list[str] = []  # the variables on the way to what has an adjoint
        self.read: Mapping[str, Any] = {}  # what the expressions of the step at hand were
        self.written: dict[tuple[int, str], ast.expr | None] = {}
        self.values: dict[tuple[int, str], Any] = {}
        self.by_value: dict[tuple[tuple[int, ...], bytes], list[str]] = {}
        for text, value in {**around.scope.values, **dict(_items(around.scope))}.items():
            if values.is_numeric(value):
                self.by_value.setdefault(_key(value), []).append(around.in_own_quotes(text))
        returned = [step for step in computed.steps if not step.target][-1:]
        parts = [Step("", part, step.values) for step in returned for part in _elements(step.value)]
        given = zip(parts, computed.upstream, strict=False)
        self.outputs = {
            ast.unparse(part.value): ["1"] if values.shape(u) == () and u == 1 else self.by_value.get(_key(u), [])
            for part, u in given
        }
        own = [p for p in parts if ast.unparse(p.value) in self.outputs and not isinstance(p.value, ast.Name)]
        self.steps = [step for step in computed.steps if step.target] + own
        self.complete = True

    def derivative(self, name: str, choices: int = 3) -> Iterator[ByTheRules]:
        """Yield what the derivative for a variable is, with one adjoint of each result after the other.

        name: as the forward pass has it: a name, an attribute, an item, or another expression that it computes.
        """
        node = _template(name)
        name = last_part(name) if isinstance(node, ast.Name | ast.Attribute | ast.Subscript) else ast.unparse(node)
        found: list[list[str]] = []
        for self.choice in range(choices):
            self.complete, self.above = True, [name]
            terms = [ast.unparse(self._fitted(term, name)) for term in self._terms(name)]
            if terms and terms not in found and sum(map(len, terms)) < RULE_LETTERS:
                found.append(terms)
                yield ByTheRules(terms, self.complete)

    # Down the forward pass

    def _terms(self, name: str) -> list[Adjoint]:
        found = []
        for step in self.steps:
            if _contains(step.value, name) and last_part(step.target) != name:
                with self._reading(step):
                    try:
                        value = self._value(step.value)
                        if values.differentiable(value) or not values.is_numeric(value):  # no mask, no number of things
                            found += self._down(step.value, self._adjoint_of(step), name)
                    except (NotWrittenError, ValueError):  # the latter where shapes do not fit
                        self.complete = False
        return found

    @contextmanager
    def _reading(self, step: Step) -> Iterator[None]:
        """Let expressions have the values that they had in a step, for a while."""
        before, self.read = self.read, step.values
        try:
            yield
        finally:
            self.read = before

    def _adjoint_of(self, step: Step) -> Adjoint:
        """Return the adjoint of what a step sets: a name in scope, or made of others."""
        shape = shape_of(self._value(step.value)) or ()
        part = last_part(step.target) if step.target else ""
        if shape == () and self.computed.loss == (step.target or ast.unparse(step.value)):
            return Adjoint(ast.Constant(1), ())
        own = {t for t in self.around.arrays if t in self.adjoints.get(part, ())}
        known = sorted(own) + sorted((t for t in self.around.adjoints - own if part and primal(t) == part), key=len)
        known += self.outputs.get(step.target or ast.unparse(step.value), [])
        known = [t for t in known if self.around.shapes.get(plain(t), shape) == shape]
        if known:
            adjoint = Adjoint(_template(known[min(self.choice, len(known) - 1)]), shape)
            if self.convention is None:
                return adjoint
            return self._filled("G / N", shape, G=adjoint.node, N=self._size(round(self.convention)))
        if not part or len(self.above) == RULE_DEPTH or part in self.above:  # of itself: of the next time step
            raise NotWrittenError
        self.above.append(part)
        terms = self._terms(part)
        self.above.pop()
        if not terms:
            raise NotWrittenError
        total = terms[0]
        for term in terms[1:]:
            total = self._filled("A + B", np.broadcast_shapes(total.shape, term.shape), A=total.node, B=term.node)
        return total

    def _index(self, name: str) -> str:
        """Return the index at which all items of a variable are set, or used where none is set; "" for a whole one."""
        targets = [_template(step.target) for step in self.steps if step.target]
        found = _indices(targets, name) or _indices((n for step in self.steps for n in ast.walk(step.value)), name)
        index = found.pop() if len(found) == 1 else ""
        return index if isinstance(self.held.get(index), int) else ""

    def _down(self, node: ast.expr, adjoint: Adjoint, name: str) -> list[Adjoint]:
        """Return what reaches a variable through an expression with an adjoint, a term for each of its places."""
        index = self._index(name)
        if last_part(ast.unparse(node)) == name and _is_variable(node, index):
            return [adjoint]
        if (
            index in self.around.scope.loop_variables
            and _is_variable(node, "")
            and last_part(ast.unparse(node)) == name
        ):
            return [self._filled(f"G[{index}]", adjoint.shape[1:], G=adjoint.node)]  # all items, of which it is one
        if not name.isidentifier() and ast.unparse(node) == name:
            return [adjoint]
        if not _contains(node, name):
            return []
        found = []
        for operand, below in self._below(node, adjoint, name):
            found += self._down(operand, below, name)
        return found

    def _below(self, node: ast.expr, adjoint: Adjoint, name: str) -> Iterator[tuple[ast.expr, Adjoint]]:
        """Yield the operands of an operation that contain a variable, with their adjoints."""
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
            yield node.operand, self._filled("-G", adjoint.shape, G=adjoint.node)
        elif isinstance(node, ast.BinOp) and type(node.op) in OPERATORS:
            yield from self._of_operation(node, OPERATORS[type(node.op)], node.left, node.right, adjoint, name)
        elif isinstance(node, ast.Attribute) and node.attr == "T":
            yield node.value, self._filled("G.T", adjoint.shape[::-1], G=adjoint.node)
        elif isinstance(node, ast.Call):
            yield from self._of_call(node, adjoint, name)
        elif isinstance(node, ast.Subscript) and _only_adds_axes(node):
            like = self._written(node.value)
            below = self._reduced(self._whole(adjoint, node), self._shape(node))
            yield node.value, self._filled("G.reshape(A.shape)", self._shape(node.value), G=below.node, A=like)
        elif isinstance(node, ast.Subscript) and ast.unparse(node.value).partition("(")[0].endswith("slogdet"):
            yield from self._of_log_determinant(node, adjoint)
        elif not isinstance(node, ast.Compare):  # what a comparison is has the derivative 0
            raise NotWrittenError

    def _of_log_determinant(self, node: ast.Subscript, adjoint: Adjoint) -> Iterator[tuple[ast.expr, Adjoint]]:
        call = node.value
        if isinstance(call, ast.Call) and ast.unparse(node.slice) == "1":
            inverse = ast.Call(_template(f"{self.around.numpy}.linalg.inv"), call.args, [])
            shape = self._shape(call.args[0])
            yield call.args[0], self._filled("G * A.T", shape, G=adjoint.node, A=self._written(inverse))

    def _of_call(self, node: ast.Call, adjoint: Adjoint, name: str) -> Iterator[tuple[ast.expr, Adjoint]]:
        function, arguments = last_part(ast.unparse(node.func)), list(node.args)
        if isinstance(node.func, ast.Attribute) and self.around.is_method(node.func):
            arguments = [node.func.value, *arguments]
        kind = BY_NAME.get(function, "@" if function in PRODUCTS else function)
        if kind in ("@", *OF_OPERATIONS) and len(arguments) == 2:
            yield from self._of_operation(node, kind, arguments[0], arguments[1], adjoint, name)
        elif function in OF_FUNCTIONS and len(arguments) == 1:
            below = self._filled(
                OF_FUNCTIONS[function],
                adjoint.shape,
                G=adjoint.node,
                X=lambda: self._written(arguments[0]),
                Y=lambda: self._written(node),
            )
            shape = np.broadcast_shapes(adjoint.shape, self._shape(arguments[0]))
            yield arguments[0], Adjoint(below.node, shape)
        elif function in UNCHANGED and arguments and not node.keywords:
            yield arguments[0], adjoint
        elif arguments and function in (*SUMS, "norm", "logsumexp", "var"):
            yield arguments[0], self._of_reduction(node, function, arguments, adjoint)
        elif function == "where" and len(arguments) == 3:
            yield from self._of_choice(node, arguments, adjoint)
        elif function == "einsum":
            yield from self._of_einsum(arguments, self._whole(adjoint, node), name)
        elif arguments and function in OF_WHOLE_ARRAYS:
            yield from self._of_whole_array(node, function, arguments, self._whole(adjoint, node), name)
        elif function not in (*LARGEST, *CONSTANT):
            raise NotWrittenError

    def _of_whole_array(
        self, node: ast.expr, function: str, arguments: list[ast.expr], adjoint: Adjoint, name: str
    ) -> Iterator[tuple[ast.expr, Adjoint]]:
        templates = OF_WHOLE_ARRAYS[function]
        if function == "transpose" and len(arguments) > 1:
            order = [self._value(part) for part in arguments[1:]]
            axes = order[0] if len(order) == 1 else order
            templates = (f"np.transpose(G, {tuple(int(axis) for axis in np.argsort(axes))})",)
        elif function == "inv":
            templates = (f"-{self._product(self._product('Y.T', 'G'), 'Y.T')}",)
        axis = None
        if "AXIS" in templates[0]:
            sums_to_one = np.exp(self._value(node)) if function == "log_softmax" else self._value(node)
            axes = [k for k in range(np.ndim(sums_to_one)) if np.allclose(np.sum(sums_to_one, k), 1)]
            axis = next(iter(axes), None)
            if axis is None:
                raise NotWrittenError
        for operand, template in zip(arguments, templates, strict=False):
            if _contains(operand, name):
                letters = {letter: partial(self._written, part) for letter, part in zip("ABC", arguments, strict=False)}
                letters["Y"] = partial(self._written, node)
                text = template.replace("AXIS", str(axis))
                yield operand, self._filled(text, self._shape(operand), G=adjoint.node, **letters)

    def _of_einsum(self, arguments: list[ast.expr], adjoint: Adjoint, name: str) -> Iterator[tuple[ast.expr, Adjoint]]:
        letters = self._value(arguments[0]).replace(" ", "")
        if "->" not in letters or "." in letters:
            raise NotWrittenError
        parts, result = letters.split("->")[0].split(","), letters.split("->")[1]
        for place, (own, operand) in enumerate(zip(parts, arguments[1:], strict=True)):
            if not _contains(operand, name):
                continue
            others = [k for k in range(len(parts)) if k != place]
            if not set(own) <= set(result).union(*(parts[k] for k in others)) or len(set(own)) < len(own):
                raise NotWrittenError
            subscripts = f"{','.join([result, *(parts[k] for k in others)])}->{own}"
            operands = {f"A{k}": partial(self._written, arguments[k + 1]) for k in others}
            template = f"np.einsum({subscripts!r}, {', '.join(['G', *operands])})"
            yield operand, self._filled(template, self._shape(operand), G=adjoint.node, **operands)

    def _of_choice(self, node: ast.Call, parts: list[ast.expr], adjoint: Adjoint) -> Iterator[tuple[ast.expr, Adjoint]]:
        shape = self._shape(node)
        for place, template in ((1, "np.where(A, G, 0)"), (2, "np.where(A, 0, G)")):
            below = self._filled(template, shape, A=lambda: self._written(parts[0]), G=adjoint.node)
            yield parts[place], self._reduced(below, self._shape(parts[place]))

    def _of_operation(  # noqa: PLR0913  an operation, its operands, its adjoint, the variable
        self, node: ast.expr, kind: str, left: ast.expr, right: ast.expr, adjoint: Adjoint, name: str
    ) -> Iterator[tuple[ast.expr, Adjoint]]:
        logits = _logits(left, right) if kind == "/" else None
        if logits is not None:
            yield from self._of_whole_array(node, "softmax", [logits], self._whole(adjoint, node), name)
            return
        sides = (left, right)
        for place, operand in enumerate(sides):
            if not _contains(operand, name):
                continue
            if kind == "@":
                yield operand, self._of_product(left, right, place, self._whole(adjoint, node))
                continue
            template = OF_OPERATIONS[kind][place]
            if kind == "power" and isinstance(right, ast.Constant):
                template = _of_power(right.value)
            factors = [self._shape(side) for side, letter in zip(sides, "AB", strict=True) if letter in template]
            below = self._filled(
                template,
                np.broadcast_shapes(adjoint.shape, *factors),
                G=adjoint.node,
                A=lambda: self._written(left),
                B=lambda: self._written(right),
                Y=lambda: self._written(node),
            )
            own = self._shape(operand)
            if own != self._shape(node):
                below = self._whole(below, node)
            yield operand, self._reduced(below, own)

    def _of_product(self, left: ast.expr, right: ast.expr, place: int, adjoint: Adjoint) -> Adjoint:
        one, two = self._shape(left), self._shape(right)
        own = (one, two)[place]
        dimensions = (len(one), len(two))
        if dimensions in ((1, 1), (0, 1), (1, 0), (0, 0)):
            template = ("G * B", "G * A")[place]
        elif dimensions == (2, 1):
            template = (f"{self.around.numpy}.outer(G, B)", self._product("A.T", "G"))[place]
        elif dimensions == (1, 2):
            template = (self._product("B", "G"), f"{self.around.numpy}.outer(A, G)")[place]
        elif dimensions == (2, 2) or (len(two) == 2 and not place):
            template = (self._product("G", "B.T"), self._product("A.T", "G"))[place]
        elif len(two) == 2:
            flat = self._product("A.reshape(-1, A.shape[-1]).T", "G.reshape(-1, G.shape[-1])")
            template = flat
        elif len(one) == len(two):
            template = ("G @ B.swapaxes(-1, -2)", "A.swapaxes(-1, -2) @ G")[place]
        else:
            raise NotWrittenError
        return self._filled(
            template, own, G=adjoint.node, A=lambda: self._written(left), B=lambda: self._written(right)
        )

    def _of_reduction(self, node: ast.Call, function: str, arguments: list[ast.expr], adjoint: Adjoint) -> Adjoint:
        inner = self._shape(arguments[0])
        axis = self._axis(node, arguments, 2 if function == "norm" else 1)
        whole, operand = partial(self._written, node), partial(self._written, arguments[0])
        if function == "norm":
            below = self._filled("G / Y", self._shape(node), G=adjoint.node, Y=whole)
            return self._filled("G * X", inner, G=self._spread(below, node, inner, axis).node, X=operand)
        below = self._spread(adjoint, node, inner, axis)
        if function == "logsumexp":
            result = self._spread(Adjoint(whole(), self._shape(node)), node, inner, axis)
            return self._filled("G * np.exp(X - Y)", inner, G=below.node, X=operand, Y=result.node)
        if function == "mean":
            below = self._filled("G / N", below.shape, G=below.node, N=self._size(_count(inner, axis)))
        if function == "var":
            mean = ast.Call(_template(f"{self.around.numpy}.mean"), [arguments[0]], [*node.keywords])
            kept = [keyword for keyword in node.keywords if keyword.arg == "keepdims"]
            mean.keywords += [] if kept else [ast.keyword("keepdims", ast.Constant(True))]
            size = self._size(_count(inner, axis))
            return self._filled("G * 2 * (X - A) / N", inner, G=below.node, X=operand, A=self._written(mean), N=size)
        return below

    def _spread(
        self, adjoint: Adjoint, node: ast.expr, inner: tuple[int, ...], axis: int | tuple[int, ...] | None
    ) -> Adjoint:
        """Return the adjoint of a sum over an axis, or several, so that it repeats along them."""
        outer = self._shape(node)
        if axis is None or len(outer) == len(inner) or not adjoint.shape:
            return adjoint
        if isinstance(axis, tuple):
            shape = tuple(1 if k in [a % len(inner) for a in axis] else size for k, size in enumerate(inner))
            return self._filled(f"np.expand_dims(G, {axis})", shape, G=adjoint.node)
        if axis % len(inner) == 0:
            return adjoint
        place = axis % len(inner)
        template = f"np.expand_dims(G, {axis})" if len(inner) > 2 else "G[:, None]"
        return self._filled(template, (*outer[:place], 1, *outer[place:]), G=adjoint.node)

    def _axis(self, node: ast.Call, arguments: list[ast.expr], place: int) -> int | tuple[int, ...] | None:
        """Return the axis, or the axes, of a reduction; place: where it stands among the arguments, without keyword."""
        given = [*arguments[place : place + 1], *(keyword.value for keyword in node.keywords if keyword.arg == "axis")]
        value = self._value(given[0]) if given else None
        return value

    # Shapes

    def _whole(self, adjoint: Adjoint, node: ast.expr) -> Adjoint:
        """Return an adjoint with all entries of an expression, where it may repeat."""
        shape = self._shape(node)
        if adjoint.shape == shape:
            return adjoint
        return self._filled("G * np.ones_like(A)", shape, G=adjoint.node, A=self._written(node))

    def _reduced(self, adjoint: Adjoint, shape: tuple[int, ...]) -> Adjoint:
        """Return the sum over the axes along which an operand of a shape repeats."""
        more = len(adjoint.shape) - len(shape)
        result = adjoint
        if more > 0:
            axes = "" if not shape else "axis=0" if more == 1 else f"axis={tuple(range(more))}"
            result = self._summed(adjoint, axes, adjoint.shape[more:])
            if not shape:
                return Adjoint(result.node, ())
        for axis, (size, own) in enumerate(zip(result.shape, shape, strict=False)):
            if own == 1 and size != 1:
                kept = (*result.shape[:axis], 1, *result.shape[axis + 1 :])
                result = self._summed(result, f"axis={axis}, keepdims=True", kept)
        return result

    def _summed(self, adjoint: Adjoint, options: str, shape: tuple[int, ...]) -> Adjoint:
        method = self.around.sums_by_method
        template = f"G.sum({options})" if method else f"{self.around.numpy}.sum(G, {options})".replace(", )", ")")
        return self._filled(template, shape, G=adjoint.node)

    def _fitted(self, term: Adjoint, name: str) -> ast.expr:
        """Return a term with the shape of its variable."""
        shape = next((shape_of(v) for text, v in self.computed.held.items() if last_part(text) == name), None)
        text = next((t for t in self.around.arrays if last_part(t) == name), None)
        if shape is None or term.shape == shape or text is None or len(shape) < len(term.shape) or self._index(name):
            return term.node
        return self._filled("G * np.ones_like(A)", shape, G=term.node, A=_template(text)).node

    def _product(self, left: str, right: str) -> str:
        return self.around.matrix_product(Piece(left), Piece(right)).text

    def _size(self, count: int) -> ast.expr:
        for text, _ in self.around.ranked_sizes:
            if self.around.scope.sizes[text] == count:
                return _template(text)
        return ast.Constant(count)

    # What the forward pass computed

    def _shape(self, node: ast.expr) -> tuple[int, ...]:
        shape = shape_of(self._value(node))
        if shape is None:
            raise NotWrittenError
        return shape

    def _value(self, node: ast.expr) -> Any:
        """Return the value of an expression of the forward pass, if it calls nothing that may change anything."""
        text = ast.unparse(node)
        if text in self.read:
            return self.read[text]
        if (id(self.read), text) not in self.values:
            calls = [n.func for n in ast.walk(node) if isinstance(n, ast.Call)]
            if any(last_part(ast.unparse(function)) not in PURE for function in calls):
                raise NotWrittenError
            try:
                read = {name: value for name, value in self.read.items() if name.isidentifier()}
                self.values[id(self.read), text] = eval(_code(text), {**self.held, **read})
            except Exception as error:
                raise NotWrittenError from error
        return self.values[id(self.read), text]

    def _written(self, node: ast.expr) -> ast.expr:
        """Return an expression of the forward pass with names in scope: one that holds its value, or made of such."""
        text = ast.unparse(node)
        key = id(self.read), text
        if key not in self.written:
            self.written[key] = None  # until it is known: a name made of itself is not written
            self.written[key] = self._in_scope(node, text)
        found = self.written[key]
        if found is None:
            raise NotWrittenError
        return found

    def _in_scope(self, node: ast.expr, text: str) -> ast.expr | None:
        if isinstance(node, ast.Constant):
            return node
        if isinstance(node, ast.Name) and node.id == self.around.numpy:
            return node
        try:
            value = self._value(node)
        except NotWrittenError:
            value = None
        held = self.by_value.get(_key(value), []) if values.is_numeric(value) else []
        held = held if shape_of(value) != () else [t for t in held if plain(t) == text]
        if held:
            return _template(min(held, key=lambda t: (plain(t) != text, not t.isidentifier(), len(t))))
        if isinstance(node, ast.Name) and shape_of(value) == () and isinstance(value, int):
            return self._size(value)
        try:
            return self._rebuilt(node)
        except NotWrittenError:
            return None

    def _rebuilt(self, node: ast.expr) -> ast.expr:
        if isinstance(node, ast.Name):
            for step in self.computed.steps:
                if step.target == node.id:
                    with self._reading(step):
                        return self._written(step.value)
            raise NotWrittenError
        new = copy.copy(node)
        for field, child in ast.iter_fields(node):
            if field == "func" and not (isinstance(child, ast.Attribute) and self.around.is_method(child)):
                continue
            if isinstance(child, ast.expr):
                setattr(new, field, self._rebuilt(child) if field == "func" else self._written(child))
            elif isinstance(child, list) and all(isinstance(part, ast.expr) for part in child):
                setattr(new, field, [self._written(part) for part in child])
        return new

    def _filled(self, template: str, shape: tuple[int, ...], **parts: Any) -> Adjoint:
        """Return a template with expressions for its letters; a letter that it has not is not worked out."""
        tree = copy.deepcopy(_template(template.replace("np.", f"{self.around.numpy}.")))
        used = {n.id for n in ast.walk(tree) if isinstance(n, ast.Name)}
        given = {letter: part() if callable(part) else part for letter, part in parts.items() if letter in used}
        return Adjoint(_Filled(given).visit(tree), shape)


def _contains(node: ast.expr, variable: str) -> bool:
    """Return whether a variable is in an expression: a name, or another expression."""
    if variable.isidentifier():
        return any(last_part(text) == variable for text in names_in(node))
    return any(isinstance(part, ast.expr) and ast.unparse(part) == variable for part in ast.walk(node))


def _is_variable(node: ast.expr, index: str) -> bool:
    """Return whether an expression is a name, an attribute or what is under a key, whole; or its item at an index."""
    if isinstance(node, ast.Subscript):
        at_key = isinstance(node.slice, ast.Constant) and isinstance(node.slice.value, str)
        return at_key or ast.unparse(node.slice) == index
    return isinstance(node, ast.Name | ast.Attribute) and not index


def _indices(nodes: Iterable[ast.AST], name: str) -> set[str]:
    """Return the indices, other than keys, at which items of a variable stand."""
    items = (n for n in nodes if isinstance(n, ast.Subscript) and last_part(ast.unparse(n)) == name)
    return {ast.unparse(n.slice) for n in items if not _is_variable(n, "")}


def _logits(left: ast.expr, right: ast.expr) -> ast.expr | None:
    """Return x where a quotient is exp(x) over a sum of the same: a softmax that is written out."""
    if not (isinstance(left, ast.Call) and isinstance(right, ast.Call) and len(left.args) == 1):
        return None
    summed = right.func.value if isinstance(right.func, ast.Attribute) else None
    parts = [ast.unparse(part) for part in (summed, *right.args[:1]) if part is not None]
    is_one = last_part(ast.unparse(left.func)) == "exp" and last_part(ast.unparse(right.func)) == "sum"
    return left.args[0] if is_one and ast.unparse(left) in parts else None


def _only_adds_axes(node: ast.Subscript) -> bool:
    """Return whether an index leaves all entries, as in x[:, None]."""
    parts = _elements(node.slice)
    new = [
        part
        for part in parts
        if (isinstance(part, ast.Constant) and part.value is None) or ast.unparse(part) == "np.newaxis"
    ]
    whole = [part for part in parts if isinstance(part, ast.Slice) and ast.unparse(part) == ":"]
    return len(new) + len(whole) == len(parts)


def _count(shape: tuple[int, ...], axis: int | tuple[int, ...] | None) -> int:
    """Return how many entries of a shape are along some axes, or in all."""
    return math.prod(np.take(shape, axis).ravel().tolist()) if axis is not None else math.prod(shape)


def _elements(node: ast.expr) -> list[ast.expr]:
    return node.elts if isinstance(node, ast.Tuple) else [node]


def _of_power(exponent: Any) -> str:
    if exponent == 2:
        return "2 * G * A"
    if exponent == 0.5:
        return "G / (2 * Y)"
    if exponent == -1:
        return "-G * Y ** 2"
    return f"{exponent} * G * A ** {exponent - 1}"


def _simplified(node: ast.expr) -> ast.expr:
    """Return a product without a factor of 1."""
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mult):
        for one, other in ((node.left, node.right), (node.right, node.left)):
            if isinstance(one, ast.Constant) and one.value == 1:
                return other
    return node


def _of_objects(named: Mapping[str, Any]) -> dict[str, Any]:
    """Return the attributes among values by name."""
    return {text: value for text, value in named.items() if re.fullmatch(r"\w+\.\w+", text)}


def _with_objects(named: Mapping[str, Any]) -> dict[str, Any]:
    """Return values by name, attributes in objects."""
    found = {name: value for name, value in named.items() if name.isidentifier()}
    for text, value in _of_objects(named).items():
        owner, attribute = text.split(".")
        place = found.setdefault(owner, SimpleNamespace())
        if isinstance(place, SimpleNamespace):
            setattr(place, attribute, value)
    return found


def _items(scope: Scope) -> Iterator[tuple[str, Any]]:
    """Yield the items of lists, dicts and arrays at the passes of loops around a statement, and at those beside."""
    for variable in scope.loop_variables:
        place = scope.values.get(variable)
        if isinstance(place, int):
            for index, at in ((variable, place), (f"{variable} - 1", place - 1), (f"{variable} + 1", place + 1)):
                for text, value in scope.values.items():
                    item = _item(value, at)
                    if item is not None:
                        yield f"{text}[{index}]", item


def _item(value: Any, place: int) -> Any:
    """Return the item of a list, a dict or an array at a place; None if there is none."""
    if isinstance(value, dict):
        return value.get(place)
    if isinstance(value, list) or values.shape(value):
        return value[place] if 0 <= place < len(value) else None
    return None


def _key(value: Any) -> tuple[tuple[int, ...], bytes]:
    array = np.ascontiguousarray(values.array(value))
    return array.shape, array.tobytes()
