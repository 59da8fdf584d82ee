"""Check functions that exist already: their source is found again, with that of the helpers that they call."""

from __future__ import annotations

import ast
import copy
import inspect
import linecache
import os
import textwrap
from collections.abc import Callable, Mapping
from functools import partial
from types import FunctionType
from typing import Any

from tinyad.code.check import check_pair
from tinyad.code.checking import frames_of, raising_lines
from tinyad.code.files import Text, without_magic
from tinyad.code.find import Found
from tinyad.code.names import stem
from tinyad.code.pair import Example, Pair
from tinyad.code.program import CodeError, Program, undisturbed
from tinyad.code.report import Report


def check_functions(  # noqa: PLR0913  what check_code takes
    forward: Callable[..., Any],
    backward: Callable[..., Any] | None,
    arguments: tuple[Any, ...],
    keywords: Mapping[str, Any],
    upstream: Any,
    names: Mapping[str, str],
    seed: int,
) -> Report:
    """Return the report on a forward and a backward function, or the methods of an object."""
    if isinstance(forward, partial):  # its arguments are the first ones of the example
        arguments, keywords, forward = (*forward.args, *arguments), {**forward.keywords, **keywords}, forward.func
    if isinstance(backward, partial):
        backward = _unbound(backward, forward)
    owner = getattr(forward, "__self__", None)
    wanted = [type(owner)] if owner is not None else [forward, *([backward] if backward else [])]
    text, namespace = _source(wanted)
    name, other = _name(forward, owner), _name(backward, owner) if backward else None
    program = Program(text.text, text.name, namespace)
    with undisturbed():
        while True:
            program.execute()
            if owner is not None:
                owner = copy.copy(owner)
                owner.__class__ = program.namespace[type(owner).__name__]
            example = Example(arguments, dict(keywords), owner)
            try:
                pair = Pair(program, stem(name) or name, name, other, example, seed, upstream)
                return Report(text, (check_pair(pair, names),))
            except Exception as error:
                lines = raising_lines(program, Found(name, name, other, None), frames_of(text.name, error))
                if other is None or not lines - program.probe.attempted:
                    raise
                program = program.again(program.probe.attempted | lines)


def _unbound(backward: partial[Any], forward: Callable[..., Any]) -> Callable[..., Any]:
    """Return the function of a partial one, if that fixes arguments of the forward pass, which it gets anyway."""
    known = inspect.signature(forward).parameters
    other = [name for name in backward.keywords if name not in known]
    if backward.args or other:
        raise CodeError(
            f"{_called(backward)} is a functools.partial with {other[0] if other else 'arguments without names'}: "
            f"give the function itself; what the forward pass takes too, it gets by its name"
        )
    return backward.func


def _called(function: partial[Any]) -> str:
    return str(getattr(function.func, "__name__", "the backward pass"))


def _name(function: Callable[..., Any], owner: Any) -> str:
    return f"{type(owner).__name__}.{function.__name__}" if owner is not None else function.__name__


def _source(wanted: list[Any]) -> tuple[Text, dict[str, Any]]:
    """Return the source of functions and of the helpers that they call, at their own lines, and what else they see.

    The lines of a second file or cell stand below those of the first.
    """
    files: dict[str, list[str]] = {}
    namespace: dict[str, Any] = {}
    todo, seen = list(reversed(wanted)), set[str]()
    while todo:
        item = inspect.unwrap(todo.pop())
        name = getattr(item, "__name__", repr(item))
        if name in seen:
            continue
        seen.add(name)
        own, first = _lines(item, name)
        visible = _visible(item)
        lines = files.setdefault(_file(item, own, first, visible), [])
        lines += [""] * (first + len(own) - 1 - len(lines))
        lines[first - 1 : first - 1 + len(own)] = own
        namespace = {**visible, **namespace}
        tree = ast.parse("\n".join(own))
        called = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
        for other in sorted(called):
            helper = visible.get(other)
            module = getattr(helper, "__module__", None)
            if (inspect.isfunction(helper) or inspect.isclass(helper)) and module == getattr(item, "__module__", ""):
                todo.append(helper)
    origins = [(file, number) for file, lines in files.items() for number in range(1, len(lines) + 1)]
    text = "\n".join(line for lines in files.values() for line in lines) + "\n"
    return Text(next(iter(files)), text, origins=tuple(origins) if len(files) > 1 else ()), namespace


def _lines(item: Any, name: str) -> tuple[list[str], int]:
    if isinstance(item, str):
        raise CodeError(f"{item!r} is no function: a file is checked by `tinyad check FILE.py`")
    if name == "<lambda>":
        raise CodeError("a lambda has no statements to judge: write it as a function with def")
    try:
        found, first = inspect.getsourcelines(item) if not inspect.isclass(item) else _lines_of_class(item)
    except (OSError, TypeError):
        raise CodeError(
            f"the source of {name} is not to be found: it has to be written in Python, in a file or a cell"
        ) from None
    own = textwrap.dedent("".join(found)).splitlines()
    return [without_magic(line) for line in own], max(first, 1)


def _lines_of_class(item: type) -> tuple[list[str], int]:
    """Return the source of a class, found by a method: the class itself names its module alone, and no cell."""
    for method in filter(inspect.isfunction, map(inspect.unwrap, filter(inspect.isfunction, vars(item).values()))):
        lines = linecache.getlines(method.__code__.co_filename)
        for node in ast.walk(ast.parse("".join(map(_without_magic, lines)))):
            if isinstance(node, ast.ClassDef) and node.name == item.__name__:
                first = min([node.lineno, *(decorator.lineno for decorator in node.decorator_list)])
                if first < method.__code__.co_firstlineno <= (node.end_lineno or 0):
                    return lines[first - 1 : node.end_lineno], first
    return inspect.getsourcelines(item)


def _without_magic(line: str) -> str:
    return without_magic(line.rstrip("\n")) + "\n"


def _method(item: type) -> FunctionType | None:
    return next((part for part in vars(item).values() if inspect.isfunction(part)), None)


def _file(item: Any, own: list[str], first: int, visible: Mapping[str, Any]) -> str:
    """Return the file of a function or class; of a cell its number, if the notebook remembers it."""
    function = _method(item) if inspect.isclass(item) else item
    path = function.__code__.co_filename if function is not None else inspect.getsourcefile(item) or ""
    if os.path.exists(path):
        return path
    history = visible.get("In")
    for number, cell in reversed(list(enumerate(history if isinstance(history, list) else []))):
        lines = [without_magic(line) for line in str(cell).splitlines()]
        if lines[first - 1 : first - 1 + len(own)] == own:
            return f"In[{number}]"
    return "cell"


def _visible(item: Any) -> dict[str, Any]:
    """Return what a function or class sees: the names of its module, and those of the function around it."""
    function = _method(item) if inspect.isclass(item) else item
    if function is None:
        return {}
    names = {k: v for k, v in function.__globals__.items() if k != "__name__"}
    cells = zip(function.__code__.co_freevars, function.__closure__ or (), strict=True)
    for name, cell in cells:
        try:
            names[name] = cell.cell_contents
        except ValueError:
            continue
    return names
