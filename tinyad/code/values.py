"""Values of a user's program: what has a derivative, and the leaves of containers."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from types import ModuleType
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from tinyad.code.limits import LEAVES, NESTING

Array: TypeAlias = NDArray[np.float64]
Path: TypeAlias = tuple[Any, ...]  # how a leaf is reached from its container: keys, indices, ("attribute", name)


def is_tensor(value: object) -> bool:
    """Return whether a value is a tensor of torch, without importing torch."""
    torch = sys.modules.get("torch")
    return torch is not None and isinstance(value, torch.Tensor)


def differentiable(value: object) -> bool:
    """Return whether a value has a derivative: a floating-point array, tensor or number."""
    if isinstance(value, np.ndarray):
        return value.dtype.kind == "f" and value.size > 0
    if is_tensor(value):
        return bool(value.is_floating_point()) and value.numel() > 0  # type: ignore[attr-defined]
    return isinstance(value, (float, np.floating))


def is_numeric(value: object) -> bool:
    """Return whether a value is a number, or an array of numbers or truth values, that has entries."""
    if isinstance(value, np.ndarray):
        return value.dtype.kind in "fiub" and value.size > 0
    return differentiable(value) or (isinstance(value, (int, np.integer)) and not isinstance(value, bool))


def array(value: object) -> Array:
    """Return the entries of a value that has a derivative, as a new float64 array of its shape."""
    if is_tensor(value):
        value = value.detach().cpu().numpy()  # type: ignore[attr-defined]
    return np.array(value, np.float64)


def shape(value: object) -> tuple[int, ...]:
    """Return the shape of an array or tensor; a number has shape ()."""
    return tuple(value.shape) if isinstance(value, (np.ndarray, np.generic)) or is_tensor(value) else ()  # type: ignore[attr-defined]


def like(entries: Array, value: object) -> Any:
    """Return entries as the kind of value that `value` is: array, tensor, Python float or NumPy number."""
    if is_tensor(value):
        return sys.modules["torch"].from_numpy(np.array(entries)).to(value.dtype)  # type: ignore[attr-defined]
    if isinstance(value, np.ndarray) and (
        value.dtype.kind == "f" or np.array_equal(entries, entries.astype(value.dtype))
    ):
        return np.array(entries, value.dtype)
    if np.ndim(entries) or isinstance(value, np.ndarray) or not is_numeric(value):
        return np.array(entries)
    return float(entries) if type(value) is float else type(value)(entries)  # type: ignore[call-arg]


def scale(value: object) -> Array:
    """Return by how much each entry may be displaced, relative to 1.

    Entries of an array that is positive throughout (probabilities, variances) are displaced in proportion to
    themselves, so that none becomes negative; all others in proportion to the size of a typical entry.
    """
    entries = array(value)
    finite = entries[np.isfinite(entries)]
    if finite.size and np.all(finite > 0):
        return np.where(np.isfinite(entries), entries, 1.0)
    sizes = np.sort(np.abs(finite[finite != 0]))
    if not sizes.size:
        return np.ones(entries.shape)
    # The lower quartile, ten times as fast as by np.quantile; not the mean: a mask may have put -1e9 into some.
    return np.full(entries.shape, np.interp((sizes.size - 1) / 4, np.arange(sizes.size), sizes))


def identity(value: object) -> Path | None:
    """Return what tells one array in memory from all others: where it lies, its shape and strides; None for numbers."""
    if isinstance(value, np.ndarray) and value.size:
        return (value.__array_interface__["data"][0], value.shape, value.strides)
    if is_tensor(value):
        return (value.data_ptr(), tuple(value.shape), tuple(value.stride()))  # type: ignore[attr-defined]
    return None


def leaves(value: object, depth: int = NESTING) -> Iterator[tuple[Path, Any]]:
    """Yield every value that has a derivative in a container or object, with the path to it; () for itself."""
    for count, found in enumerate(_leaves(value, depth, set())):
        if count >= LEAVES:
            return
        yield found


def _leaves(value: object, depth: int, seen: set[int]) -> Iterator[tuple[Path, Any]]:
    if differentiable(value):
        yield (), value
        return
    if depth == 0 or id(value) in seen:
        return
    seen.add(id(value))
    for key, part in parts(value):
        for path, leaf in _leaves(part, depth - 1, seen):
            yield (key, *path), leaf


def parts(value: object) -> Iterator[tuple[Any, Any]]:
    """Yield the items of a list, tuple or dict, or the attributes of an object, with their keys."""
    if isinstance(value, dict):
        yield from value.items()
    elif isinstance(value, (list, tuple)):
        yield from enumerate(value)
    elif hasattr(value, "__dict__") and not isinstance(value, (type, ModuleType)):
        if type(value).__module__.split(".")[0] in ("builtins", "numpy", "torch"):
            return
        yield from ((("attribute", name), part) for name, part in list(vars(value).items()))


def with_leaf(value: Any, path: Path, leaf: Any) -> Any:
    """Return a container with one leaf replaced; lists, tuples and dicts are copied, objects are changed in place."""
    if not path:
        return leaf
    key, *rest = path
    if isinstance(key, tuple) and key[0] == "attribute":
        setattr(value, key[1], with_leaf(getattr(value, key[1]), tuple(rest), leaf))
        return value
    if isinstance(value, tuple):
        items = list(value)
        items[key] = with_leaf(items[key], tuple(rest), leaf)
        return type(value)(*items) if hasattr(value, "_fields") else tuple(items)
    copied = value.copy()
    copied[key] = with_leaf(value[key], tuple(rest), leaf)
    return copied


def at(value: Any, path: Path) -> Any:
    """Return the leaf at a path."""
    for key in path:
        value = getattr(value, key[1]) if isinstance(key, tuple) and key[0] == "attribute" else value[key]
    return value


def is_single(value: object) -> bool:
    """Return whether a value is of floating point and has less than double precision."""
    return isinstance(value, (np.ndarray, np.floating)) and value.dtype.kind == "f" and value.dtype.itemsize < 8


def as_float64(value: Any, depth: int = NESTING) -> Any:
    """Return a value with every floating-point array in it as float64; objects are changed in place."""
    if isinstance(value, np.ndarray):
        return value.astype(np.float64) if value.dtype.kind == "f" and value.dtype != np.float64 else value
    if is_tensor(value):
        return value.detach().double() if value.is_floating_point() else value.detach()
    if isinstance(value, np.floating):
        return np.float64(value)
    if depth == 0 or isinstance(value, (str, bytes, int, float)):
        return value
    for key, part in list(parts(value)):
        new = as_float64(part, depth - 1)
        if new is not part:
            value = with_leaf(value, (key,), new)
    return value
