"""A user's program: its source, with probes, run in a namespace of its own; what it changes is put back."""

from __future__ import annotations

import ast
import contextlib
import copy
import io
import os
import random
import re
import sys
from collections.abc import Callable, Iterator, Mapping
from functools import cached_property
from pathlib import Path
from types import CodeType, ModuleType
from typing import Any

import numpy as np

from tinyad.code import values
from tinyad.code.limits import NESTING, STATEMENTS
from tinyad.code.probes import PROBE, Kind, Listener, Probe, Site, Stopped, Unfinished, names_of, rewritten

QUIET = Listener()
KEPT = {PROBE, "__builtins__"}  # names of a program that are not its own


class CodeError(ValueError):
    """What a user's program lacks to be checked, or does that stops its check."""


class Program:
    """A source file, a cell or some functions, with probes.

    path: for messages.  namespace: what the source finds besides what it defines.  attempted: lines of statements that
    raise, in whose place something stands in.
    """

    def __init__(
        self,
        source: str,
        path: str,
        namespace: Mapping[str, Any] | None = None,
        attempted: frozenset[int] = frozenset(),
    ) -> None:
        self.source, self.path, self.given = source, path, dict(namespace or {})
        self.lines = source.split("\n")  # a form feed ends no line of Python
        try:
            self.tree = ast.parse(source, path)
            compile(self.tree, path, "exec")  # a return outside a function, which the tree does not tell
        except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
            line = getattr(error, "lineno", None)
            where = f"{path}:{line}" if line else path
            raise CodeError(f"{where}: this is not Python: {getattr(error, 'msg', error)}") from None
        nodes = list(ast.walk(self.tree))
        count = sum(isinstance(node, ast.stmt) for node in nodes)
        if count > STATEMENTS:
            raise CodeError(f"{path} has {count:,} statements, and a file may have {STATEMENTS:,}")
        self.probe = Probe(attempted=attempted)
        self.module = ModuleType("checked_" + re.sub(r"\W", "_", Path(path).stem))
        self.namespace: dict[str, Any] = self.module.__dict__
        self.namespace.update({"__file__": path, **self.given, PROBE: self.probe})
        if any(isinstance(node, ast.ImportFrom) and node.level for node in nodes):
            self.namespace["__package__"] = package_of(path)[0]
        self.functions = dict(_functions(self.tree.body, ""))
        self.sites_outside: dict[str, Site] = {}
        self.classes = {node.name: node for node in self.tree.body if isinstance(node, ast.ClassDef)}

    @cached_property
    def rewritten(self) -> ast.Module:
        """The tree with probes: made when the source runs first, because nothing runs where passes are only found."""
        try:
            return rewritten(ast.parse(self.source, self.path), self.probe, self.tree)
        except RecursionError:
            raise CodeError(f"{self.path}: nested too deeply") from None

    @cached_property
    def code(self) -> CodeType:
        """The tree with probes, compiled."""
        return compile(self.rewritten, self.path, "exec")

    def execute(self, listener: Listener = QUIET) -> None:
        """Run the source from its top, as an import does."""
        self.probe.listen(listener)
        with self._imported(), contextlib.suppress(Unfinished):
            exec(self.code, self.namespace)

    def execute_below(self, line: int) -> None:
        """Run what stands below the statement of a line outside functions; each statement that fails is left out."""
        end = max(node.end_lineno or 0 for node in self.tree.body if node.lineno <= line)
        choice = self.rewritten.body[-1]
        with self._imported():
            for node in choice.orelse if isinstance(choice, ast.If) else ():
                if node.lineno > end:
                    with contextlib.suppress(Exception, SystemExit, Stopped, Unfinished):
                        exec(compile(ast.Module([node], []), self.path, "exec"), self.namespace)

    @contextlib.contextmanager
    def _imported(self) -> Iterator[None]:
        sys.modules[self.module.__name__] = self.module  # dataclasses look for it there
        try:
            yield
        finally:
            del sys.modules[self.module.__name__]

    def again(self, attempted: frozenset[int] | None = None) -> Program:
        """Return the same program, not run yet."""
        return Program(self.source, self.path, self.given, self.probe.attempted if attempted is None else attempted)

    def is_method(self, function: str) -> bool:
        """Return whether a function stands in a class, and not in a function or at the top."""
        return function.rpartition(".")[0] in self.classes

    def bases(self, name: str) -> list[str]:
        """Return a class of the source and the classes of the source that it inherits from, in the order of look-up."""
        found, todo = dict[str, None](), [name]
        while todo:
            one = todo.pop(0)
            if one in self.classes and one not in found:
                found[one] = None
                todo = [*map(names_of, self.classes[one].bases), *todo]
        return list(found)

    def text(self, line: int, end_line: int) -> str:
        """Return the lines of the source from one to another."""
        return "\n".join(self.lines[line - 1 : end_line])

    def outside(self) -> dict[str, Site]:
        """Return the names of arrays and numbers that functions read and do not set, with the sites that set them."""
        read = (name for node in self.functions.values() for name in _read_from_outside(node))
        for name in dict.fromkeys(read):
            held = next(values.leaves(self.namespace.get(name)), None) is not None
            if held and name not in self.sites_outside:
                self.sites_outside[name] = self._site_outside(name)
        return self.sites_outside

    def _site_outside(self, name: str) -> Site:
        """Return a new site for a name that is set outside functions, at the last statement that assigns it."""
        sites = self.probe.sites
        own = [s for s in sites if s.name == name and s.kind is Kind.ASSIGNED and not s.statement.function]
        reader = next(s for s in self.probe.statements if isinstance(s.node, ast.FunctionDef))
        node, statement = (own[-1].node, own[-1].statement) if own else (reader.node, reader)
        sites.append(Site(len(sites), Kind.OUTSIDE, name, node, statement, False, ()))
        return sites[-1]


def package_of(path: str) -> tuple[str, Path]:
    """Return the package that a file belongs to, which its relative imports begin from, and the folder around that."""
    folder = Path(path).absolute().parent
    names, outer = [folder.name], folder.parent
    while (outer / "__init__.py").is_file():
        names, outer = [outer.name, *names], outer.parent
    return ".".join(names), outer


def _functions(body: list[ast.stmt], prefix: str) -> Iterator[tuple[str, ast.FunctionDef]]:
    for node in body:
        if isinstance(node, ast.FunctionDef):
            yield prefix + node.name, node
            yield from _functions(node.body, f"{prefix}{node.name}.")
        elif isinstance(node, ast.ClassDef):
            yield from _functions(node.body, f"{prefix}{node.name}.")
        elif isinstance(node, (ast.If, ast.Try)):
            yield from _functions(node.body, prefix)


def _read_from_outside(node: ast.FunctionDef) -> set[str]:
    """Return the names that a function reads, and that are neither its arguments nor set in it."""
    names = [part for part in ast.walk(node) if isinstance(part, ast.Name)]
    changed = {name for part in ast.walk(node) if isinstance(part, ast.Global) for name in part.names}
    own = {part.arg for part in ast.walk(node) if isinstance(part, ast.arg)}
    own |= {name.id for name in names if isinstance(name.ctx, ast.Store)}
    return {name.id for name in names if isinstance(name.ctx, ast.Load)} - (own - changed)


@contextlib.contextmanager
def undisturbed() -> Iterator[None]:
    """Put back random states, folder and environment; what is printed goes nowhere, and what is read is empty."""
    states = np.random.get_state(), random.getstate()
    leave, owner = os._exit, os.getpid()

    def leaving(status: int) -> None:
        if os.getpid() != owner:  # of a process that the program has started
            leave(status)
        raise SystemExit(status)

    os._exit = leaving  # type: ignore[assignment]  # a program that ends at once has not been checked
    folder, environment, given = os.getcwd(), dict(os.environ), sys.stdin
    sys.stdin = io.StringIO()
    with (
        contextlib.redirect_stdout(io.StringIO()),
        contextlib.redirect_stderr(io.StringIO()),
        np.errstate(all="ignore"),
    ):
        try:
            yield
        finally:
            os._exit = leave
            np.random.set_state(states[0])
            random.setstate(states[1])
            sys.stdin = given
            if os.getcwd() != folder:
                os.chdir(folder)
            if dict(os.environ) != environment:
                os.environ.clear()
                os.environ.update(environment)


class State:
    """What a program's global names hold, and the random states, to be put back before each run."""

    def __init__(self, namespace: dict[str, Any]) -> None:
        self.namespace = namespace
        self.names = {name: value for name, value in namespace.items() if name not in KEPT}
        self.random = _numpy_state(), random.getstate()
        self.put_back = list(_restorers(self.names.values()))

    def restore(self) -> None:
        """Put everything back."""
        np.random.set_state(self.random[0])
        random.setstate(self.random[1])
        for name in self.namespace.keys() - self.names.keys() - KEPT:
            del self.namespace[name]
        self.namespace.update(self.names)
        for restore in self.put_back:
            restore()


def _numpy_state() -> dict[str, Any]:
    """Return the state of NumPy's random numbers with lists for arrays: put back a hundred times as fast."""
    state: dict[str, Any] = np.random.get_state(legacy=False)
    inner = {name: value.tolist() if isinstance(value, np.ndarray) else value for name, value in state["state"].items()}
    return state | {"state": inner}


def _restorers(held: Any) -> Iterator[Callable[[], None]]:
    seen = set[int]()
    todo = [(value, 0) for value in held]
    while todo:
        value, depth = todo.pop()
        if id(value) in seen or depth > NESTING:
            continue
        seen.add(id(value))
        if isinstance(value, np.ndarray) and value.dtype != object:
            yield _array_restorer(value)
        elif isinstance(value, np.random.Generator):
            yield _generator_restorer(value)
        elif isinstance(value, (list, dict)):
            yield _container_restorer(value)
            todo += [(part, depth + 1) for part in (value.values() if isinstance(value, dict) else value)]
        elif isinstance(value, tuple):
            todo += [(part, depth + 1) for part in value]
        elif hasattr(value, "__dict__") and not isinstance(value, (type, ModuleType)) and not callable(value):
            yield _container_restorer(vars(value))
            todo += [(part, depth + 1) for part in vars(value).values()]


def _array_restorer(array: Any) -> Callable[[], None]:
    saved = array.copy()

    def restore() -> None:
        if array.flags.writeable and not np.array_equal(array, saved):
            array[...] = saved

    return restore


def _generator_restorer(generator: np.random.Generator) -> Callable[[], None]:
    saved = copy.deepcopy(generator.bit_generator.state)

    def restore() -> None:
        generator.bit_generator.state = copy.deepcopy(saved)

    return restore


def _container_restorer(container: Any) -> Callable[[], None]:
    saved = container.copy()

    def restore() -> None:
        if isinstance(container, list):
            container[:] = saved
        else:
            container.clear()
            container.update(saved)

    return restore
