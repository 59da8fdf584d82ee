"""What to say, and what to write instead, where something else was meant; one line on each operation."""

from __future__ import annotations

from collections.abc import ItemsView, Iterable, Mapping
from typing import Any

STACK = "stack(x, y) is x on top of y, stack(x.T, y.T).T side by side"
RELU = 'relu = Op("relu", lambda x: np.maximum(x, 0), lambda dz, z, x: dz * (x > 0).T)'
INSTEAD = {
    "mean": "np.sum(a) / n is the mean of n entries, ones(a).T @ a / n that of n rows",
    "maximum": f"for max(0, v) add {RELU}",
    "clip": f"for max(0, v) add {RELU}",
    "concatenate": STACK,
    "vstack": STACK,
    "hstack": STACK,
    "linalg.norm": "np.sqrt(np.sum(v * v)) is the norm",
    "square": "v * v is the square",
    "power": "v * v is the square, np.sqrt(v) the root, np.exp(p * np.log(v)) any power",
    "absolute": "np.sqrt(v * v) is |v|",
    "outer": "v @ w.T is the outer product of two columns",
    "var": "write the mean as np.sum(a) / n, and squares as a * a",
    "std": "write the mean as np.sum(a) / n, and squares as a * a",
}
SUMS = "ones(a).T @ a sums the rows of a, a @ ones(a.T) its columns"
ABOUT = {
    "none": "none(x): x itself, N×M.",
    "∘": "schur(x, y) = x * y: the product of components, of equal sizes or with a column, a row or a number repeated.",
    "*": "matmul(x, y) = x @ y: the matrix product, N×K and K×M to N×M.",
    "+": "add(x, y) = x + y: of equal sizes, or with a column, a row or a number repeated.",
    "-": "sub(x, y) = x - y: of equal sizes, or with a column, a row or a number repeated.",
    "/": "div(x, y) = x / y: by component, of equal sizes, or with a column, a row or a number repeated.",
    "tanh": "tanh(x): of every component, N×M to N×M.",
    "sigmoid": "sigmoid(x) = 1 / (1 + exp(-x)): of every component, N×M to N×M; it does not overflow.",
    "softmax": "softmax(x): each column of the N×M matrix sums to 1; for rows there is softmax_rows.",
    "softmax_rows": "softmax_rows(x): each row of the N×M matrix sums to 1; for columns there is softmax.",
    "log_softmax": "log_softmax(x) = log(softmax(x)): of each column, N×M to N×M; finite where softmax is 0.",
    "inv": "inv(x): the inverse of an N×N matrix.",
    "neg": "neg(x) = -x, N×M to N×M.",
    "transpose": "transpose(x) = x.T, N×M to M×N.",
    "exp": "exp(x): of every component, N×M to N×M.",
    "log": "log(x): the natural logarithm of every component, N×M to N×M.",
    "sqrt": "sqrt(x): the root of every component, N×M to N×M.",
    "sum": "sum(x): of all entries, N×M to 1×1; `ones(x).T @ x` sums the rows, `x @ ones(x.T)` the columns.",
    "stack": "stack(x, y): x on top of y, N×M and K×M to (N+K)×M.",
    "upper": "upper(x, y): the first rows of x, as many as y has; y gives only its size.",
    "under": "under(x, y): the rows of x below the first ones, which are as many as y has; y gives only its size.",
}


def instead(name: str, symbols: Iterable[str]) -> str:
    """What to write for a function of NumPy that is no operation of the table."""
    phrase = f"; {INSTEAD[name]}" if name in INSTEAD else ""
    word = name.rpartition(".")[2]
    return (
        f"np.{name} is no operation of the table ({' '.join(symbols)}){phrase}: write it with these, "
        f"or add an operation, {word} = Op({word!r}, np.{name}, rule), and call {word}(...)"
    )


def method(name: str) -> str:
    """What to write for a method of an array, as a clause; "" for others."""
    return f"; {SUMS}" if name == "sum" else f"; {INSTEAD[name]}" if name in INSTEAD else ""


def power(p: Any) -> str:
    """What to write for v ** p."""
    if p == 0.5:
        how = "np.sqrt(v)"
    elif p in (-1, -2, -0.5):
        how = {-1: "1 / v", -2: "1 / (v * v)", -0.5: "1 / np.sqrt(v)"}[p]
    else:
        whole = isinstance(p, int) and p > 2
        how = f"v ** {p} in products" if whole else f"np.exp({p} * np.log(v))" if isinstance(p, float) else "products"
    return f"there is no operation for **, but v ** 2 is v * v: write {how}"


def taken(name: str) -> str:
    """What to say of a name that another value has."""
    return f"the name {name!r} is taken; tape.name(..., step=t) makes it {name}[t], or begin a new Tape()"


def value_first(value: Any, name: Any, operand: bool) -> None:
    """TypeError for what cannot be the value of a Variable, or for its name and value in the wrong order."""
    if operand:
        raise TypeError(f"{name or 'variable'}: a {type(value).__name__} already; tape.name gives it a name")
    if hasattr(name, "shape") or (isinstance(value, str) and not isinstance(name, str | None)):
        raise TypeError("variable(value, name): the value comes first, the name, a string, second")


def keywords(given: tuple[Any, ...], values: dict[str, Any]) -> ItemsView[str, Any]:
    """The keywords of `variables`; TypeError if there is anything else."""
    if given:
        raise TypeError("variables takes keywords: variables(W=W, ...), or variables(**...) for a mapping")
    return values.items()


def named(variables: Any) -> ItemsView[str, Any]:
    """The items of a mapping; TypeError for what is none."""
    if not isinstance(variables, Mapping):
        what = f"a mapping of names to Variables is needed, not a {type(variables).__name__}"
        raise TypeError(f"tape.name(locals()) or tape.name({{'z': z}}): {what}")
    return variables.items()
