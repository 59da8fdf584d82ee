"""How NumPy, JAX and PyTorch write what is no row of the table: new arrays, copies, dtypes, numbers as operands."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np

from tinyad.compiled.operations import DEFINITIONS, Column

NOTHING: Mapping[str, str] = MappingProxyType({})


class Dialect(NamedTuple):
    """What a readable source is made of in a library, beside the texts of a column of the table.

    `dtype` and `array` return the text of a dtype and of a new array, zeros((4, 3)), given the name of an argument of
    that dtype, "" if there is none.
    """

    library: str
    module: str
    imports: str
    column: Column
    taken: tuple[str, ...]  # names that the text uses itself
    dtype: Callable[[Any, str], str]
    array: Callable[[str, Any, Any, str], str]
    definitions: Mapping[str, str] = NOTHING  # functions that the text defines where it calls them
    numbers: Mapping[str, str] = NOTHING  # operation → its text on an array and a number, where that is no array
    decorator: str = ""
    copied: str = "{0}.copy()"
    cast: str = "{0}.astype({1})"
    sums: tuple[str, str] = "{0}.sum(axis=-1, keepdims=True)", "{0}.sum(axis=-2, keepdims=True)"  # a @ ones, ones @ a
    mixes: bool = True  # matrices of two dtypes in a product


def _numpy_array(module: str) -> Callable[[str, Any, Any, str], str]:
    def array(how: str, what: Any, dtype: Any, like: str) -> str:
        return f"{module}.{how}({what}{'' if dtype in (None, np.float64) else f', {module}.{dtype}'})"

    return array


def _torch_array(how: str, what: Any, dtype: Any, like: str) -> str:
    """Return the text of a new tensor, with the dtype of an argument and on its device."""
    how = "tensor" if how == "array" else how
    return f"{like}.new_{how}({what})" if like else f"torch.{how}({what}, dtype=torch.{dtype})"


NUMPY = Dialect(
    "NumPy",
    "np",
    "import numpy as np",
    Column.NUMPY,
    ("t",),
    lambda dtype, like: f"np.{dtype}",
    _numpy_array("np"),
    DEFINITIONS,
)
JAX = Dialect(
    "JAX",
    "jnp",
    "import jax\nimport jax.numpy as jnp",
    Column.JAX,
    ("jax", "jnp", "carried", "given"),
    lambda dtype, like: f"jnp.{dtype}",
    _numpy_array("jnp"),
)
TORCH = Dialect(
    "PyTorch",
    "torch",
    "import torch",
    Column.TORCH,
    ("t", "torch"),
    lambda dtype, like: f"{like}.dtype" if like else f"torch.{dtype}",
    _torch_array,
    numbers={
        "maximum": "{0}.clamp(min={1})",
        "minimum": "{0}.clamp(max={1})",
        "logaddexp": "torch.nn.functional.softplus({0}, threshold=40)",  # of 0 and x: from 40 on x, to rounding
    },
    decorator="@torch.no_grad()\n",
    copied="{0}.clone()",
    cast="{0}.to({1})",
    sums=("{0}.sum(dim=-1, keepdim=True)", "{0}.sum(dim=-2, keepdim=True)"),
    mixes=False,
)
