"""How NumPy, JAX and PyTorch write arrays: the texts that a readable source is made of."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np

from tinyad.compiled.values import COMPARISONS, UFUNCS
from tinyad.printing.formula import Grammar, Notation, Precedence

ATOM, PRODUCT = Precedence.ATOM, Precedence.PRODUCT
COMPARED = Precedence.SUM, Precedence.SUM, Precedence.COMPARISON
HELPERS = {
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
CALLS = {
    "entries": "%s.sum(axis=(-2, -1), keepdims=True)",
    "@ ones": "%s.sum(axis=-1, keepdims=True)",
    "ones @": "%s.sum(axis=-2, keepdims=True)",
    "column_max": "%s.max(axis=-2, keepdims=True)",
    "row_max": "%s.max(axis=-1, keepdims=True)",
    "inv": "np.linalg.inv(%s)",
    "over": "%s.sum(axis=0)",
    "cols": "%s.transpose(1, 0, 2).reshape({0}, {1})",
    "long": "%s.reshape({0}, {1})",
    "narrow": "%s.reshape({1}, {0}, {2}).transpose(1, 0, 2)",
    "each T": "%s.transpose(0, 2, 1)",
    "copied": "%s.copy()",
    "cast": "%s.astype({dtype})",
    "zeros of": "np.zeros_like(%s)",
    "joined": "np.concatenate((%s), axis=-2)",
    "repeated": "np.broadcast_to(%s, {shape})",
    "gathered": "np.array([%s])",
}
JAX_CALLS = CALLS | {
    "sigmoid": "jax.nn.sigmoid(%s)",
    "softmax": "jax.nn.softmax(%s, axis=-2)",
    "softmax_rows": "jax.nn.softmax(%s, axis=-1)",
    "log_softmax": "jax.nn.log_softmax(%s, axis=-2)",
    "first_max": "jax.nn.one_hot(%s.argmax(axis=-2), {rows}, dtype={dtype}, axis=-2)",
    "erf": "jax.scipy.special.erf(%s)",
    "inv": "jnp.linalg.inv(%s)",
    "cols": "%s.transpose(1, 2, 0).reshape({0}, {1})",  # the time steps of an example side by side
    "long": "%s.transpose(1, 0, 2).reshape({0}, {1})",
    "narrow": "%s.reshape({1}, {2}, {0}).transpose(2, 0, 1)",
    "zeros of": "jnp.zeros_like(%s)",
    "joined": "jnp.concatenate((%s), axis=-2)",
    "repeated": "jnp.broadcast_to(%s, {shape})",
    "gathered": "jnp.stack((%s))",
}
TORCH_CALLS = {
    "sigmoid": "torch.sigmoid(%s)",
    "softmax": "torch.softmax(%s, dim=-2)",
    "softmax_rows": "torch.softmax(%s, dim=-1)",
    "log_softmax": "torch.log_softmax(%s, dim=-2)",
    "first_max": "torch.nn.functional.one_hot(%s.argmax(dim=-2), {rows}).mT.to({dtype})",
    "erf": "torch.erf(%s)",
    "entries": "%s.sum(dim=(-2, -1), keepdim=True)",
    "@ ones": "%s.sum(dim=-1, keepdim=True)",
    "ones @": "%s.sum(dim=-2, keepdim=True)",
    "column_max": "%s.amax(dim=-2, keepdim=True)",
    "row_max": "%s.amax(dim=-1, keepdim=True)",
    "inv": "torch.linalg.inv(%s)",
    "over": "%s.sum(dim=0)",
    "cols": "%s.transpose(0, 1).reshape({0}, {1})",
    "long": "%s.reshape({0}, {1})",
    "narrow": "%s.reshape({1}, {0}, {2}).transpose(0, 1)",
    "each T": "%s.mT",
    "copied": "%s.clone()",
    "cast": "%s.to({dtype})",
    "zeros of": "torch.zeros_like(%s)",
    "joined": "torch.cat((%s), dim=-2)",
    "repeated": "%s.expand({shape})",
    "gathered": "torch.stack((%s))",
}


def python(module: str) -> Notation:
    """Return the notation of Python, with the functions of a module that has NumPy's names."""
    return Notation(
        {"+": "%s + %s", "-": "%s - %s", "*": "%s * %s", "/": "%s / %s", "dot": "%s @ %s", "neg": "-%s", "()": "(%s)",
         "**": "%s ** %s", ">": "%s > %s", "≥": "%s >= %s", "call": "%s(%s)"},
        {symbol: f"{module}.{function}" for symbol, function in UFUNCS.items()},
        str, str, str,
        Grammar(
            {"+": Precedence.SUM, "-": Precedence.SUM, "*": PRODUCT, "/": PRODUCT, "dot": PRODUCT},
            {"neg": (Precedence.SIGN, Precedence.SIGN)},
            Precedence.SIGN,
            associative=False,
            binary={"**": (ATOM, Precedence.SIGN, Precedence.POSTFIX), **dict.fromkeys(COMPARISONS, COMPARED)},
        ),
    )  # fmt: skip


class Dialect(NamedTuple):
    """What a library's texts are: `calls` has for an operation its text, with the operand for %s and the size for {0},
    {1}, ...; `numbers` the texts for a number as an operand, {number}, where that is no array to the library.

    `dtype` and `array` return the text of a dtype and of a new array, zeros((4, 3)), given the name of an argument of
    that dtype, "" if there is none.
    """

    library: str
    imports: str
    notation: Notation
    calls: Mapping[str, str]
    dtype: Callable[[Any, str], str]
    array: Callable[[str, Any, Any, str], str]
    helpers: Mapping[str, str] = MappingProxyType({})  # functions that the text defines
    numbers: Mapping[str, str] = MappingProxyType({})
    taken: tuple[str, ...] = ()  # names that the text uses itself
    decorator: str = ""
    mixes: bool = True  # matrices of two dtypes in a product

    @property
    def is_numpy(self) -> bool:
        return self.library == "NumPy"


def like_numpy(module: str) -> dict[str, Any]:
    """Return the texts of a library whose names are NumPy's."""

    def array(how: str, what: Any, dtype: Any, like: str) -> str:
        return f"{module}.{how}({what}{'' if dtype in (None, np.float64) else f', {module}.{dtype}'})"

    return {"notation": python(module), "dtype": lambda dtype, like: f"{module}.{dtype}", "array": array}


def _torch_array(how: str, what: Any, dtype: Any, like: str) -> str:
    """Return the text of a new tensor, of the dtype of an argument and on its device."""
    how = "tensor" if how == "array" else how
    return f"{like}.new_{how}({what})" if like else f"torch.{how}({what}, dtype=torch.{dtype})"


NUMPY = Dialect("NumPy", "import numpy as np", calls=CALLS, helpers=HELPERS, taken=("t",), **like_numpy("np"))
JAX = Dialect(
    "JAX",
    "import jax\nimport jax.numpy as jnp",
    calls=JAX_CALLS,
    taken=("jax", "jnp", "carried", "given"),
    **like_numpy("jnp"),
)
TORCH = Dialect(
    "PyTorch",
    "import torch",
    python("torch"),
    TORCH_CALLS,
    lambda dtype, like: f"{like}.dtype" if like else f"torch.{dtype}",
    _torch_array,
    numbers={
        "maximum": "%s.clamp(min={number})",
        "minimum": "%s.clamp(max={number})",
        "logaddexp": "torch.nn.functional.softplus(%s, threshold=40)",  # of 0 and x: from 40 on x, to rounding
    },
    taken=("t", "torch"),
    decorator="@torch.no_grad()\n",
    mixes=False,
)
