"""The page to write in, as the server sends it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from importlib.resources import files
from typing import Any

from markupsafe import Markup

from tinyad.derivation.exercise.plant import KINDS
from tinyad.printing.markup import filled, joined
from tinyad.web.signs import completions, palette

SIGN = '<button type="button" data-sign="%s" title="%s" aria-label="%s">%s</button>'


def policy(nonce: str) -> str:
    """Return what a browser lets the page do: its own scripts and styles, its own server, and nothing else."""
    return (
        "default-src 'none'; script-src 'self'; connect-src 'self'; img-src 'self'; base-uri 'none'; "
        f"form-action 'none'; style-src 'self' 'nonce-{nonce}'; style-src-attr 'unsafe-inline'; frame-ancestors 'none'"
    )


def shown(state: Mapping[str, Any]) -> str:
    """Return the page; its script finds the state in it."""
    template = files("tinyad.web").joinpath("static", "page.html").read_text(encoding="utf-8")
    signs = joined(
        filled(SIGN, one["sign"], one["typed"], f"{one['sign']}, {one['typed']}", one["sign"]) for one in palette()
    )
    data = json.dumps({**state, "completions": completions()})
    kinds = joined(filled("<li>%s</li>", what) for what in KINDS.values())
    return str(filled(template, signs, kinds, Markup(data.replace("<", "\\u003c"))))
