"""HTML by a type: what is Markup goes in as it is, everything else is escaped."""

from __future__ import annotations

from collections.abc import Iterable

from markupsafe import Markup, escape

SAFE = frozenset((Markup, int, float))  # types


def filled(template: str, *values: object) -> Markup:
    """Return a template of HTML with values for its %s, and numbers for others such as %.1f."""
    return Markup(template % tuple(value if type(value) in SAFE else escape(value) for value in values))


def joined(parts: Iterable[str], between: str = "") -> Markup:
    """Return parts of HTML one after the other, with what stands between them, which is HTML."""
    return Markup(between.join(part if type(part) is Markup else escape(part) for part in parts))
