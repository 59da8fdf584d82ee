"""Derivations as NumPy code: which statement of a hand-written backward pass is wrong, and what it should have been."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tinyad.code.report import Report

__all__ = ["check_code"]


def check_code(
    forward: Callable[..., Any],
    backward: Callable[..., Any] | None = None,
    *arguments: Any,
    upstream: Any = None,
    names: Mapping[str, str] | None = None,
    seed: int = 0,
    **keywords: Any,
) -> Report:
    """Check a hand-written backward pass, statement by statement; return a `Report`.

    forward, backward: functions, or the methods of one object; backward is None if forward returns a loss and its
    gradients.  arguments, keywords: those of the forward pass; arrays of any shapes, numbers, lists, dicts, objects.
    upstream: the adjoint of the output, or a tuple of them; drawn if not given.  names: what names of the backward pass
    are the derivatives for, where that does not follow from them.  The functions run on copies, and nothing of theirs
    is changed.  Raises CodeError (a ValueError) for what cannot be run or has no source.
    """
    from tinyad.code.functions import check_functions

    return check_functions(forward, backward, arguments, keywords, upstream, names or {}, seed)
