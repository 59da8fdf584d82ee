"""Find what a file has to check: pairs of functions, classes, functions of both passes, a flat script; and examples."""

from __future__ import annotations

import ast
import inspect
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from tinyad.code.layout import layout_of
from tinyad.code.names import LABELS, LOSS, OUTPUT, canonical, looks_like_derivative, stem
from tinyad.code.pair import COST, Example, is_static, returned_names
from tinyad.code.probes import flat, names_of
from tinyad.code.program import CodeError, Program

BACKWARD = re.compile(
    r"(?:^|_)(?:backward|bwd|bprop|back_?prop(?:agat\w+)?|grads?|gradients?|vjp|deriv|derivatives?|prime)(?:_|$)|^d_(?=\w)"
    r"|(?<=[a-z])(?:Backward|Grad|Backprop)$"
)
JOINT = re.compile(r"(?:loss|cost|objective|value|error|nll)\w*_(?:and|with)_\w*grad|grad\w*_and_(?:loss|cost)")
LAMBDA = "<lambda>"
FORWARD = re.compile(r"(?:^|_)(?:feed_?forward|forward|fwd|fprop|call|__call__|loss|cost)(?:_|$)|(?<=[a-z])Forward$")


class OtherExampleError(CodeError):
    """The example of a file is of another class than the one that it was tried for."""


class Found(NamedTuple):
    """What can be checked: its name, the functions, and the one that gives an example; backward: None for both in one.

    heir: the class whose objects have the two methods, if it inherits one.  returns_loss: where one function has both
    passes.  A flat script has no functions.
    """

    name: str
    forward: str
    backward: str | None
    example: str | None
    heir: str = ""
    returns_loss: bool = True

    @property
    def owner(self) -> str:
        """The class of the object whose methods they are; "" for functions."""
        return self.heir or self.forward.rpartition(".")[0]


def found_in(program: Program, example: str | None = None, wanted: Iterable[str] = ()) -> list[Found]:
    """Return what a program has to check, in the order of the source.

    example: the name of the function that gives the arguments.  wanted: FORWARD or FORWARD:BACKWARD, as the user says.
    """
    candidates = [*_wanted(program, wanted)] if wanted else [*_pairs(program), *_of_both(program)]
    chosen = [_with_example(program, candidate, example) for candidate in candidates]
    if not wanted:
        training = [_with_example(program, one, example) for one in _training(program)]
        own = [found for found in training if found.example not in (None, "example")]
        shared = training if not any(found.example for found in chosen) else []
        helpers = [found for found in chosen if found.example is None and _is_elementwise(found)]
        added = own or [found for found in shared if found.example or chosen == helpers]
        called = {f.rpartition(".")[2] for found in added for f in functions_called_by(program, found.forward)}
        chosen = [f for f in chosen if f not in helpers or str(f.backward).rpartition(".")[2] not in called] + added
    given = [found for found in chosen if found.example is not None]
    if wanted or not given:
        if not given and not candidates and _is_script(program):
            return [Found("", "", None, None)]
        return given or chosen
    return _one_of_each_example(program, given)


def _wanted(program: Program, wanted: Iterable[str]) -> Iterator[Found]:
    pairs = {pair.forward: pair for pair in [*_training(program), *_of_both(program), *_pairs(program)]}
    for text in wanted:
        forward, _, backward = text.partition(":")
        for function in (forward, backward) if backward else (forward,):
            if function not in program.functions and function not in program.classes:
                known = ", ".join(program.functions) or "none"
                raise CodeError(f"{program.path} has no function {function}; it has {known}")
        if backward:
            yield Found(stem(forward) or forward, forward, backward, None)
        elif forward in program.classes:
            yield from (pair for pair in pairs.values() if pair.forward.startswith(forward + "."))
        else:
            yield pairs.get(forward) or Found(stem(forward) or forward, forward, None, None)


def _pairs(program: Program) -> Iterator[Found]:
    """Yield the forward and backward passes whose names belong together, in the order of the source."""
    found = [*_paired(program), *(pair for pair in _closures(program) if pair.backward)]
    yield from sorted(found, key=lambda pair: _line(program, pair))


def _line(program: Program, pair: Found) -> int:
    return program.functions[pair.backward if pair.backward in program.functions else pair.forward].lineno


def _paired(program: Program) -> Iterator[Found]:
    scopes = [("", {name: name for name in program.functions if "." not in name})]
    scopes += [(name, _methods(program, name)) for name in program.classes]
    for owner, functions in scopes:
        for last, name in functions.items():
            if not BACKWARD.search(last) or _is_property(program, name) or _is_abstract(program, name):
                continue
            if JOINT.search(last) or _returns_named_derivatives(program.functions[name]):
                continue
            if owner and last != "backward" and "backward" in functions:
                continue
            mates = [*_mates(program, functions, last), *([] if owner else _costs(program, functions, name))]
            if mates and not (owner and _stands_alone(program, mates[0], name)):
                own = all(function.rpartition(".")[0] == owner for function in (mates[0], name))
                yield Found(owner or stem(name) or "", mates[0], name, None, "" if own else owner)


def _closures(program: Program) -> Iterator[Found]:
    """Yield the functions that return their backward pass as a function."""
    for name, node in program.functions.items():
        last = _last_returned(node)
        inner = f"{name}.{names_of(last)}" if isinstance(last, ast.Name) else ""
        if inner in program.functions and name not in program.classes:
            yield Found(stem(name) or name, name, inner, None)
        elif isinstance(last, ast.Lambda) and f"example_{name}" in program.functions:
            yield Found(stem(name) or name, name, f"{name}.{LAMBDA}", None)


def _last_returned(node: ast.FunctionDef) -> ast.expr | None:
    """Return the last element of what a function returns together, or alone."""
    own = [part for part in node.body if isinstance(part, ast.Return)]
    value = own[-1].value if own else None
    return value.elts[-1] if isinstance(value, ast.Tuple) and len(value.elts) > 1 else None


def _methods(program: Program, owner: str) -> dict[str, str]:
    """Return the methods of a class, its own and those that it inherits, by name."""
    found: dict[str, str] = {}
    for base in program.bases(owner):
        for name in program.functions:
            above, _, last = name.rpartition(".")
            if above == base:
                found.setdefault(last, name)
    return found


def _mates(program: Program, functions: Mapping[str, str], last: str) -> list[str]:
    """Return the functions of a scope that may be the forward pass of a backward pass, by their names."""
    mates = [
        other
        for other in functions
        if other != last
        and not BACKWARD.search(other)
        and not other.startswith("example")
        and stem(other) == stem(last)
        and not _is_abstract(program, functions[other])
    ]
    mates.sort(key=lambda other: (FORWARD.search(other) is None, other == "__call__"))
    return [functions[other] for other in mates]


def _stands_alone(program: Program, forward: str, backward: str) -> bool:
    """Return whether a method with labels holds both passes, and needs nothing that another one keeps in the object."""
    node = program.functions[backward]
    if layout_of(node) is None or not any(LABELS.match(name) for name in parameter_names(program, backward)):
        return False
    kept = {names_of(t) for s in ast.walk(program.functions[forward]) if isinstance(s, ast.stmt) for t in targets(s)}
    read = {names_of(part) for part in ast.walk(node) if isinstance(part, ast.Attribute)}
    own = {names_of(t) for s in ast.walk(node) if isinstance(s, ast.stmt) for t in targets(s)}
    given = parameter_names(program, backward)
    output = any(OUTPUT.match(n) and not LABELS.match(n) for n in given)
    output = output or bool({*returned_names(program.functions[forward])} & {*given})
    return not output and not {name for name in kept & (read - own) if name.startswith("self.")}


def _costs(program: Program, functions: Mapping[str, str], name: str) -> list[str]:
    """Return the functions of a scope that compute a loss of the same arguments that a function takes."""
    own = parameter_names(program, name)
    return [
        other
        for other in functions
        if len(own) > 1 and other != name and COST.search(other) and set(parameter_names(program, other)) == set(own)
    ]


def _is_property(program: Program, name: str) -> bool:
    return any(ast.unparse(d) == "property" for d in program.functions[name].decorator_list)


def _is_abstract(program: Program, name: str) -> bool:
    """Return whether a function is there to be overridden only."""
    node = program.functions[name]
    body = [part for part in node.body if not (isinstance(part, ast.Expr) and isinstance(part.value, ast.Constant))]
    missing = [part for part in body if isinstance(part, ast.Raise) and "NotImplemented" in ast.unparse(part)]
    if any("abstract" in ast.unparse(d) for d in node.decorator_list):
        return True
    return (bool(missing) and len(missing) == len(body)) or all(isinstance(part, ast.Pass) for part in body)


def _of_both(program: Program) -> Iterator[Found]:
    """Yield the functions that return a loss and its derivatives."""
    paired = {part for pair in _pairs(program) for part in (pair.forward, pair.backward)}
    for name, node in program.functions.items():
        owner, _, last = name.rpartition(".")
        if name in paired or last.startswith("example") or _is_nested(program, owner):
            continue
        if _returns_named_derivatives(node):
            yield Found(name, name, None, None)
        if BACKWARD.search(last) and not JOINT.search(last):
            continue
        returned = returned_names(node, inside=True)
        layout = layout_of(node)
        known = layout.derivatives if layout is not None else ()
        derivatives = [
            part for part in returned if part in known or looks_like_derivative(part) or re.fullmatch(r"d?grads?", part)
        ]
        own = {names_of(t) for s in ast.walk(node) if isinstance(s, ast.Assign) for g in s.targets for t in flat(g)}
        if len(returned) > 1 and derivatives and returned[0] not in derivatives and set(derivatives) & own:
            yield Found(name, name, None, None)


def _returns_named_derivatives(node: ast.FunctionDef) -> bool:
    """Return whether a function returns a loss and a dict, written there, by the names of its parameters."""
    own = [part.value for part in node.body if isinstance(part, ast.Return)]
    parts = own[-1].elts if own and isinstance(own[-1], ast.Tuple) else []
    if len(parts) != 2 or not isinstance(parts[1], ast.Dict) or not LOSS.match(canonical(names_of(parts[0]))):
        return False
    keys = {key.value for key in parts[1].keys if isinstance(key, ast.Constant)}
    return len(keys) == len(parts[1].keys) > 0 and keys <= {argument.arg for argument in node.args.args}


def _training(program: Program) -> Iterator[Found]:
    """Yield the functions and methods that hold both passes and do not return the loss."""
    known = {part for pair in [*_pairs(program), *_of_both(program)] for part in (pair.forward, pair.backward)}
    for name, node in program.functions.items():
        owner, _, last = name.rpartition(".")
        if name in known or last.startswith(("example", "__")) or _is_nested(program, owner):
            continue
        if layout_of(node) is not None:
            yield Found(name, name, None, None, returns_loss=False)


def _is_nested(program: Program, owner: str) -> bool:
    """Return whether what stands in a function or class stands in a function."""
    return bool(owner) and owner not in program.classes


def _with_example(program: Program, found: Found, example: str | None) -> Found:
    if example is not None:
        if example not in program.functions:
            raise CodeError(f"{program.path} has no function {example}; --example takes the name of one")
        return found._replace(example=example)
    owner, last = found.owner, found.forward.rpartition(".")[2]
    names = [found.name, owner, last, found.forward.replace(".", "_"), stem(found.forward)]
    for name in dict.fromkeys(names):
        if name and f"example_{name}" in program.functions:
            return found._replace(example=f"example_{name}")
    with_shared = "example" in program.functions and not _is_elementwise(found)
    return found._replace(example="example") if with_shared else found


def _is_elementwise(found: Found) -> bool:
    """Return whether the name of a backward pass says that it is the derivative of a function of numbers."""
    return found.backward is not None and re.search(r"prime|deriv", found.backward) is not None


def _one_of_each_example(program: Program, given: list[Found]) -> list[Found]:
    """Keep the pairs that an example fits; where several share one, those that no other calls."""
    kept: list[Found] = []
    called = {f for pair in given for f in functions_called_by(program, pair.forward)}
    for pair in given:
        sharing = [other for other in given if other.example == pair.example]
        if len(sharing) == 1 or pair.forward not in called:
            kept.append(pair)
    return kept or given


def functions_called_by(program: Program, name: str) -> set[str]:
    """Return the names that a function of a program calls, as they stand there."""
    node = program.functions[name]
    return {names_of(part.func) for part in ast.walk(node) if isinstance(part, ast.Call)}


def _is_script(program: Program) -> bool:
    """Return whether the statements of a source, outside functions, compute a loss and derivatives."""
    names = [names_of(t) for s in script_statements(program.tree.body) for t in targets(s)]
    return any(looks_like_derivative(name) for name in names if name)


def script_statements(body: list[ast.stmt]) -> Iterator[ast.stmt]:
    """Yield the statements outside functions and classes, also those in loops and conditions."""
    for node in body:
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
            continue
        yield node
        for part in ("body", "orelse"):
            yield from script_statements(getattr(node, part, []))


def targets(node: ast.stmt) -> list[ast.expr]:
    """Return the targets of an assignment; none for other statements."""
    if isinstance(node, ast.Assign):
        return [single for target in node.targets for single in flat(target)]
    return [node.target] if isinstance(node, (ast.AugAssign, ast.AnnAssign)) else []


def example_of(program: Program, found: Found) -> Example:
    """Return the arguments that the example function of a pair gives."""
    if found.backward is not None and found.backward.endswith(LAMBDA):
        raise CodeError(
            f"{program.path}: {found.forward} returns its backward pass as a lambda, which has no statements to judge: "
            f"write it as a function with def"
        )
    if found.example is None:
        raise CodeError(no_example(program, found))
    given = program.namespace[found.example]()
    if "." in found.forward and not is_static(program, found.forward):
        return _of_class(program, found, given)
    if isinstance(given, Mapping):
        arguments, keywords = (), dict(given)
    else:
        arguments, keywords = tuple(given) if isinstance(given, (tuple, list)) else (given,), {}
    return _bound(program, found, Example(arguments, keywords))


def _of_class(program: Program, found: Found, given: Any) -> Example:
    owner = found.owner
    if not isinstance(given, (tuple, list)):
        given = (given, ())
    if not given or owner not in [base.__name__ for base in type(given[0]).__mro__]:
        raise OtherExampleError(
            f"{found.example} returns {type(given[0]).__name__ if given else 'nothing'} first: for the class {owner} "
            f"it returns an object of it and the arguments of forward, as in `return {owner}(…), (x,)`"
        )
    rest = given[1] if len(given) == 2 and isinstance(given[1], (tuple, list, Mapping)) else tuple(given[1:])
    if isinstance(rest, Mapping):
        return _bound(program, found, Example((), dict(rest), given[0]))
    return _bound(program, found, Example(tuple(rest), {}, given[0]))


def _bound(program: Program, found: Found, example: Example) -> Example:
    """Return an example whose arguments fit the forward pass; an error names its parameters if they do not."""
    if example.owner is None and "." in found.forward:
        return example  # of a torch Function: it takes ctx too
    function = program.namespace.get(found.forward)
    if example.owner is not None:
        function = getattr(example.owner, found.forward.rsplit(".", 1)[-1])
    try:
        inspect.signature(function).bind(*example.arguments, **example.keywords)  # type: ignore[arg-type]
    except TypeError as error:
        parameters = ", ".join(parameter_names(program, found.forward))
        raise CodeError(
            f"{found.example} gives {len(example.arguments) + len(example.keywords)} arguments, "
            f"and {found.forward} takes {parameters}: {error}"
        ) from None
    return example


def parameter_names(program: Program, function: str) -> list[str]:
    """Return the names of a function's parameters without self and those with defaults."""
    arguments = program.functions[function].args
    names = [argument.arg for argument in [*arguments.posonlyargs, *arguments.args]]
    names = names[: len(names) - len(arguments.defaults)]
    return names[1:] if names and names[0] in ("self", "cls", "ctx") and "." in function else names


def no_example(program: Program, found: Found, tried: str = "") -> str:
    """Return the message that says what to paste so that a pair has an example.

    tried: what happened with random arguments.
    """
    owner = found.owner
    names = parameter_names(program, found.forward)
    values = ", ".join("r.standard_normal((4, 3))" for _ in names)
    comma = "," if len(names) == 1 else ""
    first = f"{owner}(…), ({values}{comma})" if owner else f"{values}{comma}"
    called = f"example_{owner or found.name}" if owner or found.name else "example"
    led = f", and with random arguments {tried}" if tried else ""
    return (
        f"{program.path}: {found.forward} has no example to run it with{led}. Paste this, with the shapes of yours "
        f"for {', '.join(names) or 'no arguments'}:\n\n"
        f"    def {called}():\n        r = np.random.default_rng(0)\n        return {first}\n\n"
        f'or give the shapes: --shapes "{" ".join(f"{name}=4x3" for name in names)}"'
    )


def example_of_shapes(program: Program, found: Found, text: str) -> Example:
    """Return random arguments of the shapes in a text such as `X=6x5 W1=5x4 b1=4 lr=`."""
    shapes: dict[str, tuple[int, ...]] = {}
    for part in text.replace(",", " ").split():
        match = re.fullmatch(r"(\w+)=((?:\d+(?:[x×]\d+)*)?)", part)
        if match is None:
            raise CodeError(f"--shapes: {part} is no shape; write X=6x5, b=4, or x= for a number")
        shapes[match[1]] = tuple(int(n) for n in re.split("[x×]", match[2]) if n)
    names = parameter_names(program, found.forward)
    missing = [name for name in names if name not in shapes]
    unknown = [name for name in shapes if name not in [a.arg for a in program.functions[found.forward].args.args]]
    if missing or unknown:
        raise CodeError(
            f"--shapes: {found.forward} takes {', '.join(names)}"
            + (f"; no shape for {', '.join(missing)}" if missing else "")
            + (f"; it does not take {', '.join(unknown)}" if unknown else "")
        )
    import numpy as np

    rng = np.random.default_rng(0)
    keywords = {
        name: rng.standard_normal(shape) if shape else float(rng.standard_normal()) for name, shape in shapes.items()
    }
    return Example((), keywords)
