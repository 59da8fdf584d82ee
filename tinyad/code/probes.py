"""A user's source rewritten so that it reports what it computes: every assignment, argument, result and expression.

The code itself runs, and nothing is emulated.  `x = f(y)` becomes `x = f(y); x = __frame__.assigned(3, x)`: a
listener gets the site 3, the value, the call and its loops, and hands back the value with which the code goes on.
"""

from __future__ import annotations

import ast
import copy
import pickle
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from types import CodeType
from typing import Any, NamedTuple

import numpy as np

FRAME, PROBE = "__frame__", "__probe__"
FLOAT32 = {"float32", "float16", "single", "half"}
ITEM_METHODS = {"append": -1, "insert": 0}
PLACE = ("lineno", "col_offset", "end_lineno", "end_col_offset")
STORING_CALLS = {"at", "copyto", "put", "place", "putmask", "fill_diagonal", "put_along_axis"}


class Kind(StrEnum):
    """What a site does."""

    ENTRY = "argument"
    OUTSIDE = "outside"  # read in a function, and set outside of all
    ASSIGNED = "assigned"
    STORED = "stored"  # into a part of an array
    ITEM = "item"  # of a list or dict
    RETURNED = "returned"
    EXPRESSION = "expression"


GIVEN = (Kind.ENTRY, Kind.OUTSIDE)  # what a pass does not compute


class Statement(NamedTuple):
    """A statement of the source: the function that it stands in, its node, its lines and the loops around it."""

    number: int
    function: str
    node: ast.stmt
    line: int
    end_line: int
    loops: tuple[int, ...]

    @property
    def column(self) -> int:
        """The column that it begins in, in bytes."""
        return self.node.col_offset

    @property
    def end_column(self) -> int:
        """The column behind it."""
        return self.node.end_col_offset or 0

    @property
    def at(self) -> tuple[int, int]:
        """The line and the column that it begins in."""
        return self.line, self.column


class Site(NamedTuple):
    """A place in the source that reports: name is what it sets or reads, as text; "" for another expression.

    again: the statement reads what it sets, as in `x += 1` and `x = x * 2`.  loops: the loops around it, outermost
    first.
    """

    number: int
    kind: Kind
    name: str
    node: ast.AST
    statement: Statement
    again: bool
    loops: tuple[int, ...]

    @property
    def line(self) -> int:
        """The line of the file."""
        return getattr(self.node, "lineno", self.statement.line)


class Loop(NamedTuple):
    """A pass of a loop: which loop, how many passes were before, the loop variable's name and value."""

    number: int
    passes: int
    variable: str
    value: Any


class Stopped(BaseException):
    """The end of the first pass of a loop that holds both passes: training goes on, and the check does not."""


class Unfinished(BaseException):
    """The end of a run at a statement that raises, where nothing can stand in for what it should set."""


@dataclass(slots=True)
class Frame:
    """A call of a function that runs: its listener's ear for what happens in it."""

    probe: Probe
    call: int
    function: str
    parent: Frame | None
    loops: tuple[Loop, ...] = ()
    statement: int = -1  # that runs

    def entry(self, site: int, value: Any) -> Any:
        return self.probe.listener.entry(self, self.probe.sites[site], value)

    def assigned(self, site: int, value: Any) -> Any:
        return self.probe.listener.assigned(self, self.probe.sites[site], value)

    def stored(self, site: int, base: Any, index: Any) -> None:
        if isinstance(base, (dict, list)):
            if isinstance(base, list) and isinstance(index, int) and index < 0:
                index += len(base)
            base[index] = self.probe.listener.item(self, self.probe.sites[site], base[index], index)
        else:
            self.probe.listener.stored(self, self.probe.sites[site], base, index)

    def appended(self, site: int, base: Any, index: int) -> None:
        if isinstance(base, list) and base:
            place = index % len(base)
            base[place] = self.probe.listener.item(self, self.probe.sites[site], base[place], place)

    def items(self, site: int, base: Any) -> None:
        for key in list(base) if isinstance(base, dict) else range(len(base)):
            base[key] = self.probe.listener.item(self, self.probe.sites[site], base[key], key)

    def returned(self, site: int, value: Any) -> Any:
        return self.probe.listener.returned(self, self.probe.sites[site], value)

    def expression(self, site: int, value: Any) -> Any:
        return self.probe.listener.expression(self, self.probe.sites[site], value)

    def before(self, statement: int, names: dict[str, Any]) -> None:
        self.statement = statement
        self.probe.listener.before(self, self.probe.statements[statement], names)

    def comparison(self, site: int, value: Any) -> Any:
        return self.probe.listener.comparison(self, self.probe.sites[site], value)

    def iteration(self, loop: int, depth: int, line: int, variable: str, value: Any) -> None:
        before = self.loops[depth] if len(self.loops) > depth and self.loops[depth].number == loop else None
        passes = before.passes + 1 if before else 0
        if passes and line == self.probe.stop_line and self.function == self.probe.stop_function:
            raise Stopped
        self.loops = (*self.loops[:depth], Loop(loop, passes, variable, value))

    def loop_end(self, depth: int) -> None:
        self.loops = self.loops[:depth]

    def __enter__(self) -> Frame:
        self.probe.stack.append(self)
        return self

    def __exit__(self, *_: object) -> None:
        self.probe.stack.pop()


class Listener:
    """What a running program reports to; this one hears nothing and changes nothing.

    lean: it needs values alone, `value` and `store`, not who reports them.
    """

    lean = False

    def value(self, value: Any) -> Any:
        return value

    def store(self, base: Any) -> None:
        return None

    def entry(self, frame: Frame, site: Site, value: Any) -> Any:
        return value

    def assigned(self, frame: Frame, site: Site, value: Any) -> Any:
        return value

    def stored(self, frame: Frame, site: Site, base: Any, index: Any) -> None:
        return None

    def item(self, frame: Frame, site: Site, value: Any, key: Any) -> Any:
        return value

    def returned(self, frame: Frame, site: Site, value: Any) -> Any:
        return value

    def expression(self, frame: Frame, site: Site, value: Any) -> Any:
        return value

    def comparison(self, frame: Frame, site: Site, value: Any) -> Any:
        return value

    def before(self, frame: Frame, statement: Statement, names: dict[str, Any]) -> None:
        return None


class Unheard(Listener):
    """A run that nobody listens to, and that is lean."""

    lean = True


@dataclass
class Probe:
    """What rewritten code reports to: the table of its sites, the calls that run, and who listens."""

    sites: list[Site] = field(default_factory=list)
    statements: list[Statement] = field(default_factory=list)
    listener: Listener = field(default_factory=Listener)
    stack: list[Frame] = field(default_factory=list)
    calls: int = 0
    stop_line: int = 0  # of a loop that makes one pass only
    stop_function: str = ""  # around it
    edited: Sequence[CodeType] = ()  # statements that run in the place of others, outside functions
    lean: bool = False  # a run that reports what is set, without sites, and no expressions
    passes: int = 0
    attempted: frozenset[int] = frozenset()  # lines of statements that raise
    kept: dict[str, Any] = field(default_factory=dict)  # what a function that trains held at the end of the run at hand
    raised: dict[tuple[int, int], str] = field(default_factory=dict)  # by line and column, in the run at hand
    shape_of: Callable[[str, int, int], tuple[int, ...] | None] = lambda name, place, count: None

    def keep(self, names: dict[str, Any], ends: bool) -> None:
        """Keep the names of a function; ends: what follows is more of the same."""
        self.kept = names
        if ends:
            raise Stopped

    def attempt(  # noqa: PLR0913  where the value belongs
        self,
        at: tuple[int, int],
        name: str,
        place: int,
        count: int,
        compute: Callable[[], Any],
        held: Callable[[], Any] | None,
    ) -> Any:
        """Return what an expression of a statement that raises gives, or an array of NaN of the shape that it has.

        name: what it is for; or place and count: of what a return statement gives back.  held: what is added to, or
        replaced in part.
        """
        try:
            return compute()
        except Exception as error:
            message = " ".join(str(error).split())
            self.raised.setdefault(at, f"{type(error).__name__}: {message}" if message else type(error).__name__)
            shape = np.shape(held()) if held is not None else self.shape_of(name, place, count)
            if shape is None:
                raise Unfinished from None
            return np.full(shape, np.nan) if shape else float("nan")

    def entry(self, _: int, value: Any) -> Any:
        return self.listener.value(value)

    assigned = returned = entry

    def stored(self, _: int, base: Any, index: Any) -> None:
        if isinstance(base, (dict, list)):
            base[index] = self.listener.value(base[index])
        else:
            self.listener.store(base)

    def appended(self, _: int, base: Any, index: int) -> None:
        if isinstance(base, list) and base:
            base[index % len(base)] = self.listener.value(base[index % len(base)])

    def items(self, _: int, base: Any) -> None:
        for key in list(base) if isinstance(base, dict) else range(len(base)):
            base[key] = self.listener.value(base[key])

    def begin_pass(self, line: int) -> None:
        """Stop a loop that makes one pass only."""
        self.passes += line == self.stop_line
        if self.passes > 1:
            raise Stopped

    def listen(self, listener: Listener) -> None:
        """Begin a run that reports to a listener."""
        self.listener = listener
        self.lean = listener.lean
        self.passes = 0
        self.raised = {}
        self.kept = {}
        self.stack.clear()
        self.calls = 0

    def frame(self, function: str) -> Frame:
        """Return the frame of a call that begins."""
        self.calls += 1
        return Frame(self, self.calls, function, self.stack[-1] if self.stack else None)


def rewritten(tree: ast.Module, probe: Probe, original: ast.Module) -> ast.Module:
    """Return a module's tree with probes; the tree itself is changed, and sites keep nodes of the original one."""
    _Rewriter(probe, tree, original).module(tree)
    return tree


def names_of(target: ast.expr) -> str:
    """Return the text of a name, an attribute or an item with a constant key; "" for anything else."""
    if isinstance(target, ast.Name):
        return target.id
    if isinstance(target, ast.Attribute):
        base = names_of(target.value)
        return f"{base}.{target.attr}" if base else ""
    if isinstance(target, ast.Subscript) and isinstance(target.slice, ast.Constant):
        base = names_of(target.value)
        return f"{base}[{target.slice.value!r}]" if base else ""
    return ""


def flat(target: ast.expr) -> Iterator[ast.expr]:
    """Yield the single targets of an assignment."""
    if isinstance(target, (ast.Tuple, ast.List)):
        for element in target.elts:
            yield from flat(element)
    else:
        yield target.value if isinstance(target, ast.Starred) else target


def root(name: str) -> str:
    """Return the variable that a name begins with: grads of grads['dW1'], self of self.W."""
    return name.split(".")[0].split("[")[0]


def reads(node: ast.AST, name: str) -> bool:
    """Return whether an expression reads a name, given as text."""
    return any(
        isinstance(part, (ast.Name, ast.Attribute, ast.Subscript))
        and isinstance(part.ctx, ast.Load)
        and names_of(part) == name
        for part in ast.walk(node)
    )


def _text(value: str) -> ast.expr:
    return ast.parse(value, mode="eval").body


class _Rewriter:
    """Puts probes into the statements of a module, function by function."""

    def __init__(self, probe: Probe, tree: ast.Module, original: ast.Module) -> None:
        self.probe = probe
        self.nodes = list(ast.walk(tree))  # kept, so that no new node has the id of one of them
        self.originals = dict(zip(map(id, self.nodes), ast.walk(original), strict=True))
        self.kinds = set(map(type, self.nodes))
        self.function = ""
        self.loops: tuple[int, ...] = ()
        self.loop_count = 0
        self.data: set[str] = set()  # names that hold data in the function at hand
        self.globals: set[str] = set()
        self.lean = False
        self.statement = Statement(-1, "", ast.Pass(), 0, 0, ())

    def module(self, tree: ast.Module) -> None:
        self.globals = self.data = _stored(tree.body)
        first = 0
        while first < len(tree.body) and _stays_first(tree.body[first]):
            first += 1
        top, rest = tree.body[:first], tree.body[first:]
        if not rest:
            return
        quick = self.quick([], _copied(rest), rest[0])
        choice = _at(_parse(f"if {PROBE}.lean: pass\nelse: {FRAME} = {PROBE}.frame('')"), rest[0])
        choice[0].body = quick  # type: ignore[attr-defined]
        choice[0].orelse += self.body(rest)  # type: ignore[attr-defined]
        tree.body = [*top, *choice]

    def original(self, node: ast.AST) -> Any:
        """Return a node as it is without probes."""
        return self.originals.get(id(node), node)

    def has(self, node: ast.AST, *kinds: type[ast.AST]) -> bool:
        """Return whether a node of one of these kinds is in another; few sources have any."""
        return not self.kinds.isdisjoint(kinds) and any(isinstance(part, kinds) for part in ast.walk(node))

    def site(self, kind: Kind, name: str, node: ast.AST, again: bool = False) -> int:
        if self.lean:
            return 0
        number = len(self.probe.sites)
        self.probe.sites.append(Site(number, kind, name, self.original(node), self.statement, again, self.loops))
        return number

    def new_statement(self, node: ast.stmt, end_line: int) -> int:
        if self.lean:
            return 0
        number = len(self.probe.statements)
        self.statement = Statement(number, self.function, self.original(node), node.lineno, end_line, self.loops)
        self.probe.statements.append(self.statement)
        return number

    def body(self, statements: Sequence[ast.stmt]) -> list[ast.stmt]:
        return [new for statement in statements for new in self.one(statement)]

    def one(self, node: ast.stmt) -> list[ast.stmt]:
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            return [self.define(node)]
        if isinstance(node, ast.ClassDef):
            outer = self.function
            self.function = f"{outer}.{node.name}" if outer else node.name
            node.body = [self.define(n) if isinstance(n, ast.FunctionDef) else n for n in node.body]
            self.function = outer
            return [node]
        if isinstance(node, (ast.Import, ast.ImportFrom, ast.Global, ast.Nonlocal, ast.Pass)):
            return [node]
        number = self.new_statement(node, node.end_lineno or node.lineno)
        if self.lean:
            return self.rewritten(node)
        return [*_at(_parse(f"{FRAME}.before({number}, locals())"), node), *self.rewritten(node)]

    def rewritten(self, node: ast.stmt) -> list[ast.stmt]:
        match node:
            case ast.For() | ast.AsyncFor() | ast.While():
                found = self.loop(node)
            case ast.If() | ast.With() | ast.Try():
                found = [self.with_blocks(node)]
            case ast.Assign():
                found = self.assignment(node)
            case ast.AnnAssign(value=ast.expr()) | ast.AugAssign():
                node.value = self.expression(node.value)  # type: ignore[arg-type]
                node.value = self.attempted(node, node.value, [node.target])
                found = [node, *self.after(node.target, node, isinstance(node, ast.AugAssign))]
            case ast.Return(value=ast.expr() as value):
                site = self.site(Kind.RETURNED, "", value)
                value = self.attempted(node, self.expression(value), [])
                node.value = self.reported("returned", site, value, node)
                found = [node]
            case ast.Expr(value=ast.Call() as call):
                changed = self.changed(node, call)
                node.value = self.attempted(node, node.value, [ast.Name("", ast.Store())])
                found = [node, *changed]
            case _:
                found = [node]
        return found

    def with_blocks(self, node: ast.If | ast.With | ast.Try) -> ast.stmt:
        for part in ("body", "orelse", "finalbody"):
            if getattr(node, part, None):
                setattr(node, part, self.body(getattr(node, part)))
        for handler in getattr(node, "handlers", []):
            handler.body = self.body(handler.body)
        if isinstance(node, ast.If):
            node.test = self.expression(node.test)
        return node

    def assignment(self, node: ast.Assign) -> list[ast.stmt]:
        targets = [single for target in node.targets for single in flat(target)]
        again = [not self.lean and _holds(node.value, target) for target in targets]
        literal = isinstance(node.value, (ast.List, ast.Dict))
        node.value = self.attempted(node, self.expression(node.value), targets if len(node.targets) == 1 else [])
        reports = [new for t, a in zip(targets, again, strict=True) for new in self.after(t, node, a)]
        kept = [names_of(t) for t in targets if isinstance(t, ast.Attribute)] if literal else []
        for name in filter(None, kept):  # what a local name holds is returned or put somewhere, and heard there
            site = self.site(Kind.ITEM, name, self.original(node.value))
            reports += _at(_parse(f"{self.call('items', site)}, {name})"), node)
        return [node, *reports]

    def attempted(self, node: ast.stmt, value: ast.expr, targets: Sequence[ast.expr]) -> ast.expr:
        """Return the value of a statement; of one that raises, an attempt at each of its elements."""
        if node.lineno not in self.probe.attempted:
            return value
        elements = value.elts if isinstance(value, ast.Tuple) else [value]
        if targets and len(targets) != len(elements):
            return value
        count = len(elements)
        found = [self.attempt(node, e, targets[k] if targets else None, k, count) for k, e in enumerate(elements)]
        return ast.copy_location(ast.Tuple(found, ast.Load()), value) if isinstance(value, ast.Tuple) else found[0]

    def attempt(self, node: ast.stmt, value: ast.expr, target: ast.expr | None, place: int, count: int) -> ast.expr:
        """Return a call that attempts to compute a value."""
        name, held = names_of(target) if target is not None else "", "None"
        part = isinstance(target, ast.Subscript) and not name
        if target is not None and (part or isinstance(node, (ast.AugAssign, ast.Expr))):
            held = f"lambda: {0 if isinstance(node, ast.Expr) else ast.unparse(target)}"
        at = node.lineno, node.col_offset
        found = _at(_parse(f"{PROBE}.attempt({at}, {name!r}, {place}, {count}, lambda: 0, {held})"), node)
        call = found[0].value  # type: ignore[attr-defined]
        call.args[4].body = value
        return call  # type: ignore[no-any-return]

    def after(self, target: ast.expr, node: ast.stmt, again: bool) -> list[ast.stmt]:
        """Return what reports a target after its statement."""
        if isinstance(target, ast.Subscript):
            base = ast.unparse(target.value)
            site = self.site(Kind.STORED, names_of(target.value) or base, target, again)
            return _at(self.stored(site, base, target.slice), node)
        name = names_of(target)
        if not name:
            return []
        site = self.site(Kind.ASSIGNED, name, target, again)
        return _at(_parse(f"{name} = {self.call('assigned', site)}, {name})"), node)

    def call(self, method: str, site: int) -> str:
        """Return the beginning of a call that reports: up to the site, or in a lean run to whom alone."""
        return f"{PROBE}.{method}(0" if self.lean else f"{FRAME}.{method}({site}"

    def reported(self, method: str, site: int, value: ast.expr, node: ast.stmt | ast.expr) -> ast.expr:
        """Return a call that reports the value of an expression and gives it back, at the place of a node."""
        to, number = (PROBE, 0) if self.lean else (FRAME, site)
        at = {name: getattr(node, name) for name in PLACE}
        function = ast.Attribute(ast.Name(to, ast.Load(), **at), method, ast.Load(), **at)
        return ast.Call(function, [ast.Constant(number, **at), value], [], **at)

    def stored(self, site: int, base: str, index: ast.expr) -> list[ast.stmt]:
        """Return the report of a store: its index is evaluated again."""
        call = _text(f"{self.call('stored', site)}, {base}, 0)")
        call.args[2] = _index(index)  # type: ignore[attr-defined]
        return [ast.Expr(call)]

    def changed(self, node: ast.Expr, call: ast.Call) -> list[ast.stmt]:
        """Return what reports a call that changes its argument or the list that it is a method of."""
        method = call.func.attr if isinstance(call.func, ast.Attribute) else ""
        owner = names_of(call.func.value) if isinstance(call.func, ast.Attribute) else ""
        first = names_of(call.args[0]) if call.args else ""
        out = next((names_of(keyword.value) for keyword in call.keywords if keyword.arg == "out"), "")
        changed = out or (first if method in STORING_CALLS else owner if method == "fill" else "")
        original = self.original(call)
        self.arguments(call, skip_first=method in STORING_CALLS)
        if method in ITEM_METHODS and owner:
            site = self.site(Kind.ITEM, owner, original)
            return _at(_parse(f"{self.call('appended', site)}, {owner}, {ITEM_METHODS[method]})"), node)
        if not changed:
            return []
        site = self.site(Kind.STORED, changed, original, True)
        return _at(_parse(f"{self.call('stored', site)}, {changed}, ...)"), node)

    def arguments(self, call: ast.Call, skip_first: bool = False) -> None:
        call.args = [a if skip_first and k == 0 else self.expression(a) for k, a in enumerate(call.args)]
        for keyword in call.keywords:
            if keyword.arg != "out":
                keyword.value = self.expression(keyword.value)

    def loop(self, node: ast.For | ast.AsyncFor | ast.While) -> list[ast.stmt]:
        self.loop_count += 1
        number, depth = self.loop_count, len(self.loops)
        variable, reports = "", list[ast.stmt]()
        if isinstance(node, ast.While):
            node.test = self.expression(node.test)
        else:
            node.iter = self.expression(node.iter)
        self.loops = (*self.loops, number)
        if not isinstance(node, ast.While):
            names = [t for t in flat(node.target) if isinstance(t, ast.Name)]
            variable = names[0].id if names else ""
            reports = [new for target in names for new in self.after(target, node, False)]
        begin = _parse(f"{FRAME}.iteration({number}, {depth}, {node.lineno}, {variable!r}, {variable or None})")
        if self.lean:
            begin = _parse(f"{PROBE}.begin_pass({node.lineno})")
        node.body = [*_at([*begin, *reports], node), *self.body(node.body)]
        self.loops = self.loops[:-1]
        node.orelse = self.body(node.orelse)
        return [node] if self.lean else [node, *_at(_parse(f"{FRAME}.loop_end({depth})"), node)]

    def define(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> ast.stmt:
        if isinstance(node, ast.AsyncFunctionDef) or self.has(node, ast.Yield, ast.YieldFrom):
            return node
        outer = self.function, self.loops, self.data
        self.function = f"{outer[0]}.{node.name}" if outer[0] else node.name
        self.loops = ()
        self.new_statement(node, node.lineno)
        arguments = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]
        self.data = self.globals | outer[2] | {a.arg for a in arguments} | _stored(node.body)
        has_doc = ast.get_docstring(node, clean=False) is not None
        doc, body = node.body[:has_doc], node.body[has_doc:]
        twice = not self.lean and not self.has(node, ast.Global, ast.Nonlocal)  # which may stand once only
        quick = self.quick(arguments, _copied(body), node) if twice else []
        inside = [*self.entries(arguments, node), *self.body(body), *_at(_parse("pass"), node)]
        if not self.lean:
            shell = _at(_parse(f"with {PROBE}.frame({self.function!r}) as {FRAME}: pass"), node)
            shell[0].body = inside  # type: ignore[attr-defined]
            inside = shell
        if quick:
            choice = _at(_parse(f"if {PROBE}.lean: pass\nelse: pass"), node)
            choice[0].body, choice[0].orelse = quick, inside  # type: ignore[attr-defined]
            inside = choice
        node.body = [*doc, *inside]
        node.decorator_list = [d for d in node.decorator_list if "jit" not in ast.unparse(d)]
        self.function, self.loops, self.data = outer
        return node

    def entries(self, arguments: list[ast.arg], node: ast.stmt) -> list[ast.stmt]:
        """Return what reports the arguments of a function."""
        found = list[ast.stmt]()
        for argument in arguments:
            site = self.site(Kind.ENTRY, argument.arg, argument)
            found += _parse(f"{argument.arg} = {self.call('entry', site)}, {argument.arg})")
        return _at(found, node)

    def quick(self, arguments: list[ast.arg], body: list[ast.stmt], node: ast.stmt) -> list[ast.stmt]:
        """Return the body of a function for lean runs: it reports what is set, and no expression."""
        before = self.loop_count, self.loops, self.statement
        self.lean = True
        found = [*self.entries(arguments, node), *self.body(body), *_at(_parse("pass"), node)]
        self.lean = False
        self.loop_count, self.loops, self.statement = before
        return found

    def expression(self, node: ast.expr) -> ast.expr:
        return _Expressions(self).visit(node)  # type: ignore[no-any-return]


class _Expressions(ast.NodeTransformer):
    """Puts probes around the names, items and results in an expression that may hold data."""

    def __init__(self, rewriter: _Rewriter) -> None:
        self.rewriter = rewriter
        self.bound: set[str] = set()

    def wrapped(self, node: ast.expr, original: ast.AST, name: str = "") -> ast.expr:
        if self.rewriter.lean or root(name) in self.bound:
            return node
        site = self.rewriter.site(Kind.EXPRESSION, name, original)
        return self.rewriter.reported("expression", site, node, node)

    def visit_Name(self, node: ast.Name) -> ast.expr:
        if isinstance(node.ctx, ast.Load) and node.id in self.rewriter.data and node.id not in self.bound:
            return self.wrapped(node, self.rewriter.original(node), node.id)
        return node

    def visit_Attribute(self, node: ast.Attribute) -> ast.expr:
        if node.attr in FLOAT32:
            return ast.copy_location(ast.Attribute(node.value, "float64", node.ctx), node)
        original, name = self.rewriter.original(node), names_of(node)
        if name and root(name) in self.rewriter.data and node.attr not in ("shape", "T", "size"):
            return self.wrapped(node, original, name)
        node.value = self.visit(node.value)
        return node

    def visit_Constant(self, node: ast.Constant) -> ast.expr:
        return ast.copy_location(ast.Constant("float64"), node) if node.value in FLOAT32 else node

    def visit_Subscript(self, node: ast.Subscript) -> ast.expr:
        original, name = self.rewriter.original(node), names_of(node)
        if not name or not isinstance(node.slice, ast.Constant) or not isinstance(node.slice.value, str):
            node.value = self.visit(node.value)
            node.slice = self.visit(node.slice)
        return self.wrapped(node, original, name)

    def visit_Slice(self, node: ast.Slice) -> ast.expr:
        return node

    def visit_BinOp(self, node: ast.BinOp) -> ast.expr:
        original = self.rewriter.original(node)
        self.generic_visit(node)
        return self.wrapped(node, original)

    def visit_UnaryOp(self, node: ast.UnaryOp) -> ast.expr:
        original = self.rewriter.original(node)
        self.generic_visit(node)
        return node if isinstance(node.operand, ast.Constant) else self.wrapped(node, original)

    def visit_Compare(self, node: ast.Compare) -> ast.expr:
        original = self.rewriter.original(node)
        self.generic_visit(node)
        if self.rewriter.lean:
            return node
        site = self.rewriter.site(Kind.EXPRESSION, "", original)
        return self.rewriter.reported("comparison", site, node, node)

    def visit_Call(self, node: ast.Call) -> ast.expr:
        original = self.rewriter.original(node)
        if isinstance(node.func, ast.Attribute):
            node.func.value = (
                self.visit(node.func.value) if not _is_module(node.func.value, self.rewriter) else node.func.value
            )
        elif not isinstance(node.func, ast.Name):
            node.func = self.visit(node.func)
        if isinstance(node.func, ast.Name) and node.func.id in ("locals", "globals", "super", "vars", "exec", "eval"):
            return node
        self.rewriter.arguments(node) if not self.bound else self._inner(node)
        return self.wrapped(node, original)

    def _inner(self, node: ast.Call) -> None:
        node.args = [self.visit(argument) for argument in node.args]
        for keyword in node.keywords:
            keyword.value = self.visit(keyword.value)

    def visit_Lambda(self, node: ast.Lambda) -> ast.expr:
        return self.scoped(node, {a.arg for a in node.args.args})

    def visit_ListComp(self, node: ast.ListComp) -> ast.expr:
        return self.scoped(node, _stored_in(node))

    def visit_SetComp(self, node: ast.SetComp) -> ast.expr:
        return self.scoped(node, _stored_in(node))

    def visit_DictComp(self, node: ast.DictComp) -> ast.expr:
        return self.scoped(node, _stored_in(node))

    def visit_GeneratorExp(self, node: ast.GeneratorExp) -> ast.expr:
        return self.scoped(node, _stored_in(node))

    def scoped(self, node: ast.expr, names: set[str]) -> ast.expr:
        before, self.bound = self.bound, self.bound | names
        self.generic_visit(node)
        self.bound = before
        return node

    def visit_NamedExpr(self, node: ast.NamedExpr) -> ast.expr:
        node.value = self.visit(node.value)
        site = self.rewriter.site(Kind.ASSIGNED, node.target.id, node.target)
        node.value = self.rewriter.reported("assigned", site, node.value, node)
        return node

    def visit_JoinedStr(self, node: ast.JoinedStr) -> ast.expr:
        return node


def _stays_first(node: ast.stmt) -> bool:
    """Return whether a statement is a docstring or an import from `__future__`, before which nothing may stand."""
    if isinstance(node, ast.ImportFrom):
        return node.module == "__future__"
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)


def _is_module(node: ast.expr, rewriter: _Rewriter) -> bool:
    """Return whether the base of a method is a module such as np or np.linalg, as far as the names tell."""
    name = names_of(node)
    return bool(name) and root(name) not in rewriter.data


def _stored(body: Sequence[ast.stmt]) -> set[str]:
    """Return the names that statements assign, without those inside functions and classes."""
    names = set[str]()
    todo: list[ast.AST] = list(body)
    while todo:
        node = todo.pop()
        if isinstance(
            node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Lambda, ast.Import, ast.ImportFrom)
        ):
            continue
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            names.add(node.id)
        todo.extend(ast.iter_child_nodes(node))
    return names


def _stored_in(node: ast.AST) -> set[str]:
    return {part.id for part in ast.walk(node) if isinstance(part, ast.Name) and isinstance(part.ctx, ast.Store)}


def _holds(node: ast.expr, target: ast.expr) -> bool:
    """Return whether an expression reads what a target sets."""
    if isinstance(target, ast.Name):
        return any(isinstance(part, ast.Name) and part.id == target.id for part in ast.walk(node))
    text = ast.unparse(target)
    return any(isinstance(part, type(target)) and ast.unparse(part) == text for part in ast.walk(node))


def _index(index: ast.expr) -> ast.expr:
    """Return an expression for an index, with slices as calls of slice()."""
    if isinstance(index, ast.Slice):
        bounds = [part or ast.Constant(None) for part in (index.lower, index.upper, index.step)]
        return ast.Call(_text("slice"), [copy.deepcopy(bound) for bound in bounds], [])
    if isinstance(index, ast.Tuple):
        return ast.Tuple([_index(part) for part in index.elts], ast.Load())
    return copy.deepcopy(index)


def _copied(statements: list[ast.stmt]) -> list[ast.stmt]:
    """Return a copy of statements; pickle makes it several times as fast as copy.deepcopy."""
    copied: list[ast.stmt] = pickle.loads(pickle.dumps(statements, pickle.HIGHEST_PROTOCOL))
    return copied


def _parse(source: str) -> list[ast.stmt]:
    return ast.parse(source).body


def _at(statements: list[ast.stmt], node: ast.stmt) -> list[ast.stmt]:
    """Give new statements the place of a statement of the source, so that the lines of tracebacks hold."""
    line, column = node.lineno, node.col_offset
    for statement in statements:
        for part in ast.walk(statement):
            if isinstance(part, (ast.stmt, ast.expr, ast.keyword)):
                part.lineno = part.end_lineno = line
                part.col_offset = part.end_col_offset = column
    return statements
