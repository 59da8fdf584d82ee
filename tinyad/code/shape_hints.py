"""What a function says about the shapes of its arguments: in docstring and comments, and by how it indexes them."""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping

from tinyad.code.probes import names_of

SHAPE = r"[^();\n]{0,80}?\(\s*(?P<shape>[\w.*+\- ]*(?:,[\w.*+\- ]*)*)\)"
SAID = r"(?:\s*\([^)\n]*\))?\s*(?::|--|-|=|,? of shape|has shape)"  # between a name and what it is


def documented(text: str, name: str) -> tuple[str, ...] | None:
    """Return the sizes that a text gives for a name, as in `x: array of shape (N, D)`; None if it gives none."""
    for found in re.finditer(rf"(?<![\w.]){re.escape(name)}{SAID}{SHAPE}", text):
        sizes = [" ".join(part.split()) for part in found["shape"].split(",")]
        sizes = sizes[:-1] if len(sizes) > 1 and not sizes[-1] else sizes
        if all(re.fullmatch(r"[\w*+\- ]+", size) for size in sizes):
            return tuple(re.sub(r"\b(?:the|of|number|size)\b ?", "", size).strip() or size for size in sizes)
    return None


def is_whole(text: str, name: str) -> bool:
    """Return whether a text says that a name is a whole number, as in `k: int`."""
    return re.search(rf"(?<![\w.]){re.escape(name)}\s*(?::|--|-|=)\s*\(?(?:int|integer)\b", text) is not None


def ranks(function: ast.FunctionDef) -> Mapping[str, int]:
    """Return how many axes arguments have, where a function unpacks their shapes, indexes or names all their axes."""
    found: dict[str, int] = {}
    for node in ast.walk(function):
        match node:
            case ast.Assign([ast.Tuple(names)], ast.Attribute(array, "shape")) if name := names_of(array):
                found[name] = len(names)
            case ast.Subscript(ast.Attribute(array, "shape"), ast.Constant(int(axis))) if axis > 1 and names_of(array):
                found[names_of(array)] = max(found.get(names_of(array), 1), axis + 1)
            case ast.Subscript(ast.Name(name), ast.Tuple(parts)) if not any(_leaves_open(name, part) for part in parts):
                found[name] = max(found.get(name, 1), sum(not _is_new_axis(part) for part in parts))
            case ast.Call(ast.Attribute(array, "transpose"), args) if len(args) > 1 and (name := names_of(array)):
                found[name] = len(args)
            case ast.Call(ast.Attribute(_, "einsum"), [ast.Constant(str(subscripts)), *operands]):
                inputs = subscripts.partition("->")[0].replace(" ", "").split(",")
                for operand, letters in zip(operands, inputs, strict=False):
                    if isinstance(operand, ast.Name) and "." not in letters:
                        found[operand.id] = len(letters)
    return found


def _leaves_open(name: str, part: ast.expr) -> bool:
    """Return whether axes may follow that an index does not name: after ..., and in X[:, None] of a matrix."""
    return (isinstance(part, ast.Constant) and part.value is ...) or (name[0].isupper() and _is_new_axis(part))


def _is_new_axis(node: ast.expr) -> bool:
    return ast.unparse(node) in ("None", "np.newaxis", "numpy.newaxis")
