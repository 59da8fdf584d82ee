"""The operations of compiled programs: a row says what one gives, how it is written, and what it means in a loop.

Texts are templates: {0}, {1} are the operands, {all} their list, {np} the module, {extra}, {shape}, {n}, {rows},
{columns} and {dtype} those of the result.  An operation without a text is written by statements of the writer.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from enum import StrEnum
from typing import Any, NamedTuple

import numpy as np

from tinyad.arrays.matrix import Shape
from tinyad.compiled.values import Value


class Kind(StrEnum):
    """What an operation does with entries."""

    GIVEN = "given from outside"
    WRITTEN = "written as a number, or made of one"
    COMPONENT = "each entry on its own"
    FUNCTION = "entries of a row, a column or a matrix together"
    PRODUCT = "a matrix product"
    JOINED = "operands put or added at rows of the result"
    VIEW = "no work: other entries, or the same ones in another order"
    LAID_OUT = "the same entries in other memory"
    CALLED = "a row of the table called as a function"


class InLoop(StrEnum):
    """What an operation means where time steps are the rounds of a loop."""

    EACH = "each round its own"
    READS = "the matrix of this round"
    CARRIES = "what the round before left"
    KEEPS = "read outside: the matrices of all rounds"
    LEAVES = "read outside: the matrix of the last round"
    ADDS = "read outside: the sum of all rounds"
    ONE = "each round its own; never T at once"
    OUTSIDE = "outside the loop"


READ_OUTSIDE = (InLoop.KEEPS, InLoop.LEAVES, InLoop.ADDS)
Rule = Callable[[Sequence[Value], Any], Shape]


def broadcast(operands: Sequence[Value], extra: Any) -> Shape:
    """Return N×M for N×M, or what repeats to it."""
    return np.broadcast_shapes(*(v.shape for v in operands))


def same(operands: Sequence[Value], extra: Any) -> Shape:
    """Return N×M for N×M."""
    return operands[0].shape


def product(operands: Sequence[Value], extra: Any) -> Shape:
    """Return N×M for N×K and K×M."""
    x, y = operands
    return (*_times(operands), x.shape[-2], y.shape[-1])


def turned(operands: Sequence[Value], extra: Any) -> Shape:
    """Return M×N for N×M."""
    shape = operands[0].shape
    return (*shape[:-2], shape[-1], shape[-2])


def one_entry(operands: Sequence[Value], extra: Any) -> Shape:
    """Return 1×1."""
    return (*operands[0].shape[:-2], 1, 1)


def one_number(operands: Sequence[Value], extra: Any) -> Shape:
    """Return 1×1 for N×M and N×M, or for T of them."""
    return 1, 1


def one_row(operands: Sequence[Value], extra: Any) -> Shape:
    """Return 1×M for N×M."""
    return (*operands[0].shape[:-2], 1, operands[0].shape[-1])


def one_column(operands: Sequence[Value], extra: Any) -> Shape:
    """Return N×1 for N×M."""
    return (*operands[0].shape[:-1], 1)


def some_rows(operands: Sequence[Value], extra: Any) -> Shape:
    """Return K×M for N×M."""
    shape = operands[0].shape
    return (*shape[:-2], extra[1] - extra[0], shape[-1])


def all_rows(operands: Sequence[Value], extra: Any) -> Shape:
    """Return (N+K)×M for N×M and K×M."""
    return (*_times(operands), sum(v.shape[-2] for v in operands), operands[0].shape[-1])


def all_columns(operands: Sequence[Value], extra: Any) -> Shape:
    """Return N×(K+M) for N×K and N×M."""
    return (*operands[0].shape[:-1], sum(v.shape[-1] for v in operands))


def as_told(operands: Sequence[Value], extra: Any) -> Shape:
    """Return K×M, for parts of it."""
    return (*_times(operands), *extra[0])


def every_round(operands: Sequence[Value], extra: Any) -> Shape:
    """Return T×N×M for N×M."""
    return (extra.n, *operands[0].shape)


def one_of_many(operands: Sequence[Value], extra: Any) -> Shape:
    """Return N×M for T×N×M."""
    return operands[0].shape[1:]


def some_of_many(operands: Sequence[Value], extra: Any) -> Shape:
    """Return K×N×M for T×N×M."""
    return (extra[1] - extra[0], *operands[0].shape[1:])


def as_many(operands: Sequence[Value], extra: Any) -> Shape:
    """Return T×N×M for T of N×M."""
    return (len(operands), *operands[0].shape)


def among_many(operands: Sequence[Value], extra: Any) -> Shape:
    """Return T×N×M for the matrices of some rounds."""
    return (extra[0], *operands[0].shape[-2:])


def side_by_side(operands: Sequence[Value], extra: Any) -> Shape:
    """Return N×TM for T×N×M."""
    n, rows, columns = operands[0].shape
    return rows, n * columns


def one_below_another(operands: Sequence[Value], extra: Any) -> Shape:
    """Return TN×M for T×N×M."""
    n, rows, columns = operands[0].shape
    return n * rows, columns


def one_behind_another(operands: Sequence[Value], extra: Any) -> Shape:
    """Return T×N×M for N×TM."""
    return tuple(extra)


def as_called(operands: Sequence[Value], extra: Any) -> Shape:
    """Return the size that the row gives."""
    return tuple(extra[-1])


def _times(operands: Sequence[Value]) -> Shape:
    """Return (T,), or () in a loop and for single matrices."""
    return max((v.shape for v in operands), key=len)[:-2]


class Operation(NamedTuple):
    """A row: an empty text of JAX or PyTorch is that of NumPy; `over_time` is that for T matrices, where it differs."""

    kind: Kind
    shape: Rule
    numpy: str = ""
    ufunc: str = ""  # of NumPy, which writes into a given place
    native: str = ""  # of one entry
    jax: str = ""
    torch: str = ""
    over_time: str = ""
    in_loop: InLoop = InLoop.EACH


class Column(StrEnum):
    """A column of the table that has texts."""

    NUMPY = "numpy"
    NATIVE = "native"
    JAX = "jax"
    TORCH = "torch"


C, F, P, J = Kind.COMPONENT, Kind.FUNCTION, Kind.PRODUCT, Kind.JOINED
OUTSIDE = InLoop.OUTSIDE
V, L, W, G = Kind.VIEW, Kind.LAID_OUT, Kind.WRITTEN, Kind.GIVEN
HIGHEST, LOWEST = "{0} if {0} > {1} or {0} != {0} else {1}", "{0} if {0} < {1} or {0} != {0} else {1}"
ON_STEPS, BEHIND = "{0}.swapaxes(0, 1).reshape{shape}", "{0}.reshape({rows}, {n}, {columns}).swapaxes(0, 1)"
# In JAX the time steps of an example lie side by side, so that columns can be shared among devices by example.
ON_EXAMPLES, APART = "{0}.transpose(1, 2, 0).reshape{shape}", "{0}.reshape({rows}, {columns}, {n}).transpose(2, 0, 1)"
ROWS_ON_EXAMPLES = "{0}.swapaxes(0, 1).reshape{shape}"
FIRST = "jax.nn.one_hot({0}.argmax(axis=-2), {rows}, dtype={np}.{dtype}, axis=-2)"
TORCH_INNER = "{0}.mul({1}).reshape(-1).sum(-1).reshape(1, 1)"
TORCH_FIRST = "torch.nn.functional.one_hot({0}.argmax(dim=-2), {rows}).mT.type_as({0})"

# fmt: off
OPERATIONS = {
    # from outside, and numbers
    "leaf":         Operation(G, same, in_loop=OUTSIDE),
    "seed":         Operation(G, same, in_loop=OUTSIDE),
    "constant":     Operation(G, same, in_loop=OUTSIDE),
    "given":        Operation(G, same, in_loop=OUTSIDE),
    "number":       Operation(W, same, in_loop=OUTSIDE),
    "ones":         Operation(W, same, in_loop=OUTSIDE),
    "zeros":        Operation(W, same, in_loop=OUTSIDE),

    # entry by entry                        NumPy                        ufunc            machine code
    "+":            Operation(C, broadcast, "{0} + {1}",                 "add",           "{0} + {1}"),
    "-":            Operation(C, broadcast, "{0} - {1}",                 "subtract",      "{0} - {1}"),
    "*":            Operation(C, broadcast, "{0} * {1}",                 "multiply",      "{0} * {1}"),
    "/":            Operation(C, broadcast, "{0} / {1}",                 "divide",        "{0} / {1}"),
    "**":           Operation(C, broadcast, "{0} ** {1}",                "power",         "{0} ** {1}"),
    "neg":          Operation(C, broadcast, "-{0}",                      "negative",      "-{0}"),
    ">":            Operation(C, broadcast, "{0} > {1}",                 "greater",       "one if {0} > {1} else zero"),
    "≥":            Operation(C, broadcast, "{0} >= {1}", "greater_equal", "one if {0} >= {1} else zero"),
    "maximum":      Operation(C, broadcast, "{np}.maximum({0}, {1})",    "maximum",       HIGHEST),
    "minimum":      Operation(C, broadcast, "{np}.minimum({0}, {1})",    "minimum",       LOWEST),
    "logaddexp":    Operation(C, broadcast, "{np}.logaddexp({0}, {1})",  "logaddexp",     "np.logaddexp({0}, {1})"),
    "abs":          Operation(C, broadcast, "{np}.abs({0})",             "absolute",      "abs({0})"),
    "exp":          Operation(C, broadcast, "{np}.exp({0})",             "exp",           "exp({0})"),
    "expm1":        Operation(C, broadcast, "{np}.expm1({0})",           "expm1",         "np.expm1({0})"),
    "log":          Operation(C, broadcast, "{np}.log({0})",             "log",           "np.log({0})"),
    "log1p":        Operation(C, broadcast, "{np}.log1p({0})",           "log1p",         "np.log1p({0})"),
    "sqrt":         Operation(C, broadcast, "{np}.sqrt({0})",            "sqrt",          "np.sqrt({0})"),
    "sign":         Operation(C, broadcast, "{np}.sign({0})",            "sign",          "np.sign({0})"),
    "sin":          Operation(C, broadcast, "{np}.sin({0})",             "sin",           "np.sin({0})"),
    "cos":          Operation(C, broadcast, "{np}.cos({0})",             "cos",           "np.cos({0})"),
    "sinh":         Operation(C, broadcast, "{np}.sinh({0})",            "sinh",          "np.sinh({0})"),
    "cosh":         Operation(C, broadcast, "{np}.cosh({0})",            "cosh",          "np.cosh({0})"),
    "tanh":         Operation(C, broadcast, "{np}.tanh({0})",            "tanh",          "tanh({0})"),
    "sigmoid":      Operation(C, broadcast, "sigmoid({0})", "", "sigmoid({0})",
                              "jax.nn.sigmoid({0})", "torch.sigmoid({0})"),

    # rows, columns and matrices
    "erf":          Operation(F, same,       "erf({0})", "", "math.erf({0})",
                              "jax.scipy.special.erf({0})", "torch.erf({0})"),
    "softmax":      Operation(F, same,       "softmax({0})",
                              jax="jax.nn.softmax({0}, axis=-2)", torch="torch.softmax({0}, dim=-2)"),
    "softmax_rows": Operation(F, same,       "softmax_rows({0})",
                              jax="jax.nn.softmax({0}, axis=-1)", torch="torch.softmax({0}, dim=-1)"),
    "log_softmax":  Operation(F, same,       "log_softmax({0})",
                              jax="jax.nn.log_softmax({0}, axis=-2)", torch="torch.log_softmax({0}, dim=-2)"),
    "first_max":    Operation(F, same,       "first_max({0})",    jax=FIRST, torch=TORCH_FIRST),
    "column_max":   Operation(F, one_row,    "{0}.max(axis=-2, keepdims=True)", torch="{0}.amax(dim=-2, keepdim=True)"),
    "row_max":      Operation(F, one_column, "{0}.max(axis=-1, keepdims=True)", torch="{0}.amax(dim=-1, keepdim=True)"),
    "entries":      Operation(F, one_entry,  "{0}.sum(axis=(-2, -1), keepdims=True)",
                              torch="{0}.sum(dim=(-2, -1), keepdim=True)"),
    "inner":        Operation(F, one_number, "{np}.vdot({0}, {1}).reshape(1, 1)", torch=TORCH_INNER),
    "inv":          Operation(F, turned,     "{np}.linalg.inv({0})"),
    "dot":          Operation(P, product,    "{0} @ {1}"),
    "call":         Operation(Kind.CALLED, as_called, in_loop=InLoop.ONE),
    "kernel":       Operation(Kind.CALLED, as_called, in_loop=InLoop.ONE),

    # blocks of rows
    "rows":         Operation(V, some_rows, "{0}[{extra[0]}:{extra[1]}]", over_time="{0}[:, {extra[0]}:{extra[1]}]"),
    "stack":        Operation(J, all_rows,  "{np}.concatenate(({all}), axis=-2)", torch="torch.cat(({all}), dim=-2)"),
    "sum":          Operation(J, as_told),
    "beside":       Operation(J, all_columns, "{np}.concatenate(({all}), axis=-1)"),
    "T":            Operation(V, turned,    "{0}.T", over_time="{0}.swapaxes(-2, -1)"),
    "copy":         Operation(L, same,      "{0}", "", "{0}"),

    # loops, and T matrices one behind the other
    "step":         Operation(V, one_of_many,        "{0}[t]", in_loop=InLoop.READS),
    "carry":        Operation(V, same,               in_loop=InLoop.CARRIES),
    "all":          Operation(V, every_round,        in_loop=InLoop.KEEPS),
    "last":         Operation(V, same,               in_loop=InLoop.LEAVES),
    "total":        Operation(J, same,               in_loop=InLoop.ADDS),
    "at":           Operation(V, one_of_many,        "{0}[{extra}]", in_loop=OUTSIDE),
    "span":         Operation(V, some_of_many,       "{0}[{extra[0]}:{extra[1]}]", in_loop=OUTSIDE),
    "over":         Operation(J, one_of_many,        "{0}.sum(axis=0)", torch="{0}.sum(dim=0)", in_loop=OUTSIDE),
    "gather":       Operation(L, as_many, "{np}.stack([{all}])", in_loop=OUTSIDE),
    "place":        Operation(L, among_many,         in_loop=OUTSIDE),
    "spread":       Operation(L, among_many,         in_loop=OUTSIDE),
    "cols":         Operation(L, side_by_side,       ON_STEPS, jax=ON_EXAMPLES, in_loop=OUTSIDE),
    "long":         Operation(V, one_below_another,  "{0}.reshape{shape}", jax=ROWS_ON_EXAMPLES, in_loop=OUTSIDE),
    "narrow":       Operation(V, one_behind_another, BEHIND, jax=APART, in_loop=OUTSIDE),
}
# fmt: on
DEFINITIONS = {  # of the functions that the NumPy texts call
    "sigmoid": "def sigmoid(x):\n    return 1 / (1 + np.exp(-x))",
    "softmax": """def softmax(x):
    e = np.exp(x - x.real.max(axis=-2, keepdims=True))
    return e / e.sum(axis=-2, keepdims=True)""",
    "softmax_rows": """def softmax_rows(x):
    e = np.exp(x - x.real.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)""",
    "log_softmax": """def log_softmax(x):
    below = x - x.real.max(axis=-2, keepdims=True)
    return below - np.log(np.exp(below).sum(axis=-2, keepdims=True))""",
    "first_max": """def first_max(x):
    mask = np.zeros_like(x)
    np.put_along_axis(mask, x.real.argmax(axis=-2, keepdims=True), 1, axis=-2)
    return mask""",
    "erf": """def erf(x):
    from math import erf
    return np.frompyfunc(erf, 1, 1)(x).astype(x.dtype)""",
}


def _of(*kinds: Kind) -> tuple[str, ...]:
    return tuple(name for name, row in OPERATIONS.items() if row.kind in kinds)


UFUNCS = {name: row.ufunc for name, row in OPERATIONS.items() if row.ufunc}
COMPARISONS = (">", "≥")  # whose results are booleans in NumPy, and numbers on a tape
COMPONENTS, VIEWS = _of(Kind.COMPONENT), _of(Kind.VIEW)
GIVEN = _of(Kind.GIVEN)  # "given" are T of the others
LEAVES = _of(Kind.GIVEN, Kind.WRITTEN)


def template(v: Value, column: Column) -> str:
    """Return the text of the row of an operation, for a matrix or for T of them; "" if it has none."""
    row = OPERATIONS[v.op]
    own = (row.over_time if len(v.shape) == 3 else "") or getattr(row, column) or row.numpy
    return str(own)


def filled(text: str, v: Value, operands: Sequence[str], module: str = "np") -> str:
    """Return a text of the table with the operands and sizes of a value."""
    sizes = {"shape": v.shape, "n": v.shape[0], "rows": v.shape[-2], "columns": v.shape[-1]}
    return text.format(*operands, all=", ".join(operands), np=module, extra=v.extra, dtype=v.dtype, **sizes)
