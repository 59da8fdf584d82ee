"""The structure of tinyad: its packages in order, and which module imports which."""

from __future__ import annotations

import ast
from functools import cache

from tests.support.paths import ROOT

# A package imports only packages of the rows above its own, and its own modules.
PACKAGES = [
    ["arrays"],
    ["expressions"],
    ["engine"],
    ["printing"],
    ["gradcheck"],
    ["compare", "drawing", "compiled"],
    ["html"],
    ["derivation.language"],
    ["derivation.semantics"],
    ["derivation.judge"],
    ["derivation.repair"],
    ["derivation.exercise"],
    ["derivation.show"],
    ["derivation"],
    ["code"],
    ["commands", "web"],
    [""],  # the public names and the command line
]
RANK = {package: rank for rank, row in enumerate(PACKAGES) for package in row}
BLOCKS = (ast.stmt, ast.excepthandler, ast.match_case)  # no import is in an expression
NOT_STARRED = {"compile", "sum"}  # public, but `from tinyad import *` would hide Python's own


def read(path):
    return path.read_text(encoding="utf-8")


def sources():
    """{module: source} of tinyad: engine.tape, derivation.language.reader, cli, ...; a package by its name."""
    found = {}
    for path in sorted((ROOT / "tinyad").rglob("*.py")):
        parts = path.relative_to(ROOT / "tinyad").with_suffix("").parts
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = read(path)
    return found


@cache
def parsed(source):
    return ast.parse(source)


@cache
def imports(source):
    """(module, name or None) of every import but those for type checkers; `from a.b import c` is ("a.b", "c")."""
    found, ahead = [], [parsed(source)]
    while ahead:
        node = ahead.pop()
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            ahead += node.orelse
            continue
        if isinstance(node, ast.Import):
            found += [(alias.name, None) for alias in node.names]
        if isinstance(node, ast.ImportFrom):
            assert not node.level, f"relative import of {node.module}"
            found += [(node.module or "", alias.name) for alias in node.names]
        ahead += (part for part in ast.iter_child_nodes(node) if isinstance(part, BLOCKS))
    return found


def imported(source, modules):
    """The modules of tinyad that a source imports; "" is tinyad itself."""
    names = set()
    for module, name in imports(source):
        if module == "tinyad" or module.startswith("tinyad."):
            inner = module.removeprefix("tinyad").removeprefix(".")
            deeper = f"{inner}.{name}".removeprefix(".")
            names.add(deeper if deeper in modules else inner)
    return names


def package(module, modules):
    """The package of a module; a package with modules of its own is its own."""
    if module in RANK and any(other.startswith(f"{module}.") for other in modules):
        return module
    return module.rpartition(".")[0]


def rank(module, modules):
    return RANK[package(module, modules)]
