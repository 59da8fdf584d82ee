"""Something besides arrays that a row of the table can be applied to: operators, and NumPy's own functions."""

from __future__ import annotations

from functools import partialmethod
from typing import Any

import numpy as np

from tinyad.expressions import messages

SYMBOLS: dict[Any, str] = {  # NumPy's functions that are rows of the table
    np.positive: "none", np.multiply: "∘", np.matmul: "*", np.dot: "*", np.add: "+", np.subtract: "-",
    np.divide: "/", np.power: "**", np.negative: "neg", np.transpose: "transpose", np.linalg.inv: "inv", np.sum: "sum",
    np.absolute: "abs", np.fabs: "abs", np.greater: ">", np.greater_equal: "≥",
} | {getattr(np, name): name for name in
     "tanh exp log sqrt maximum minimum sign sin cos sinh cosh log1p expm1".split()}  # fmt: skip


class Operand:
    """The base of Variable, which records what it is applied to, and of Symbol, which shows it."""

    __slots__ = ()

    def apply(self, op: Any, x: Any, y: Any = None) -> Any:
        """Return op(x) or x op y, of which this is an operand; `op` is a row or the symbol of one."""
        raise NotImplementedError

    def __array_ufunc__(self, ufunc: Any, method: str, *operands: Any, **options: Any) -> Any:
        name = ufunc.__name__ if method == "__call__" else f"{ufunc.__name__}.{method}"
        return self._numpy(ufunc if method == "__call__" else None, name, operands, options)

    def __array_function__(self, function: Any, types: Any, operands: Any, options: Any) -> Any:
        name = "linalg." * function.__module__.endswith("linalg") + function.__name__
        return self._numpy(function, name, operands, options)

    def _numpy(self, function: Any, name: str, operands: Any, options: Any) -> Any:
        """Return what a function of NumPy gives for operands like this one; TypeError if it is no row of the table."""
        if function not in SYMBOLS:
            raise TypeError(messages.instead(name))
        arity = getattr(function, "nin", 2 if function is np.dot else 1)
        if options or len(operands) != arity:
            raise TypeError(f"np.{name} takes {messages.OPERANDS[arity]} here, and no options")
        return self.apply(SYMBOLS[function], *operands)

    def __getattr__(self, name: str) -> Any:
        raise AttributeError(messages.no_attribute(type(self).__name__, name, getattr(np, name, None) in SYMBOLS))

    def __eq__(self, other: object) -> Any:
        if isinstance(other, int | float | complex | list | tuple | np.ndarray | np.generic):
            raise TypeError(f"{self!r} is compared with numbers by v.value == ...; == asks for the same Variable")
        return NotImplemented  # another Variable is not this one

    def dot(self, y: Any) -> Any:
        """Return the matrix product, as `self @ y`; NumPy spells it either way."""
        return self @ y

    def item(self) -> Any:
        """Return the number in a 1×1 value, as an array does; ValueError for another size."""
        if self.value.size != 1:
            raise ValueError(f"{self!r} is no single number: v.value is the array, v[i:i+1, j:j+1].item() one entry")
        return self.value.item()

    # fmt: off
    def __format__(self, form: str) -> str: return format(self.item(), form) if form else str(self)
    def __hash__(self) -> int:             return id(self) >> 4  # a key is the handle
    def __len__(self) -> int:              return int(self.shape[0])
    def __pos__(self) -> Any:              return self.apply("none", self)
    def __add__(self, y: Any) -> Any:      return self.apply("+", self, y)
    def __radd__(self, x: Any) -> Any:     return self.apply("+", x, self)
    def __sub__(self, y: Any) -> Any:      return self.apply("-", self, y)
    def __rsub__(self, x: Any) -> Any:     return self.apply("-", x, self)
    def __mul__(self, y: Any) -> Any:      return self.apply("∘", self, y)
    def __rmul__(self, x: Any) -> Any:     return self.apply("∘", x, self)
    def __matmul__(self, y: Any) -> Any:   return self.apply("*", self, y)
    def __rmatmul__(self, x: Any) -> Any:  return self.apply("*", x, self)
    def __truediv__(self, y: Any) -> Any:  return self.apply("/", self, y)
    def __rtruediv__(self, x: Any) -> Any: return self.apply("/", x, self)
    def __pow__(self, y: Any) -> Any:      return self * self if _is_two(y) else self.apply("**", self, y)
    def __rpow__(self, x: Any) -> Any:     return self.apply("**", x, self)
    def __gt__(self, y: Any) -> Any:       return self.apply(">", self, y)
    def __lt__(self, y: Any) -> Any:       return self.apply(">", y, self)
    def __ge__(self, y: Any) -> Any:       return self.apply("≥", self, y)
    def __le__(self, y: Any) -> Any:       return self.apply("≥", y, self)
    def __neg__(self) -> Any:              return self.apply("neg", self)
    def __abs__(self) -> Any:              return self.apply("abs", self)
    # fmt: on

    @property
    def T(self) -> Any:
        """The transpose, N×M for an M×N matrix: a step like any other."""
        return self.apply("transpose", self)


def _refuse(operand: Operand, text: str, *given: Any, **options: Any) -> Any:
    raise TypeError(f"{operand!r} {text}")


for method, text in messages.TEXTS["refused"].items():
    setattr(Operand, method, partialmethod(_refuse, text))


def _is_two(y: Any) -> bool:
    return isinstance(y, int | float) and y == 2
