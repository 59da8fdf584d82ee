"""What a backward pass returns, and which argument of the forward pass each part is the derivative for."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from tinyad.code import values
from tinyad.code.matching import Matched, Matching
from tinyad.code.names import CONTAINERS, Share
from tinyad.code.pair import Pair
from tinyad.code.probes import Kind, Statement
from tinyad.code.recording import Event, Target
from tinyad.code.values import Path


class Result(NamedTuple):
    """A part of what the backward pass returns: where it is, how it is written, the argument and what is displaced."""

    path: Path
    text: str
    argument: str
    target: Target
    statement: Statement


class Argument(NamedTuple):
    """A leaf of an argument of the forward pass; place: of the argument among all."""

    name: str
    place: int
    path: Path
    event: Event
    shape: tuple[int, ...]

    @property
    def target(self) -> Target:
        """What is displaced."""
        return Target((self.event.ordinal,), self.path, self.shape)


def arguments_of(pair: Pair, matching: Matching) -> list[Argument]:
    """Return the leaves of the arguments of the forward pass, in order, without `self`."""
    first = min(matching.forward.calls, default=1)
    names = pair.argument_names()
    entries = [e for e in matching.forward.events if e.call == first and e.kind is Kind.ENTRY and e.name in names]
    return [
        Argument(event.name, names.index(event.name), path, event, values.shape(leaf))
        for event in entries
        for path, leaf in values.leaves(event.value)
    ]


def results_of(pair: Pair, matching: Matching, matched: Matched, returned: Any) -> list[Result]:
    """Return what is to be judged of a returned value."""
    statement, elements = _return_statement(matched)
    if statement is None:
        return []
    arguments = arguments_of(pair, matching)
    parts = list(returned) if isinstance(returned, tuple) else [returned]
    texts = [ast.unparse(e) for e in elements] if len(elements) == len(parts) else [""] * len(parts)
    places = range(len(parts))
    if pair.backward is None:
        places = [k for k in places if (k,) not in pair.binding.outputs]  # type: ignore[assignment]
    found: list[Result] = []
    positional = _positions(len(places), arguments) if pair.backward is not None else {}
    if pair.backward is None:
        arrays = [argument for argument in arguments if argument.shape and not argument.path]
        positional = dict(zip(places, arrays, strict=True)) if len(arrays) == len(places) else {}
    named = {k: a for k in places if (a := _named(texts[k], arguments, matching)) is not None}
    named = _in_order(named, positional)
    for k in places:
        path: Path = (k,) if isinstance(returned, tuple) else ()
        if isinstance(parts[k], dict):
            found += _of_dict(parts[k], path, arguments, matching, statement)
            continue
        argument = named.get(k) or positional.get(k)
        if argument is not None:
            found.append(Result(path, texts[k] or f"value {k + 1}", argument.name, argument.target, statement))
        elif isinstance(parts[k], (list, tuple)):
            found += _of_container(parts[k], path, texts[k], k, arguments, statement)
    return found


def _return_statement(matched: Matched) -> tuple[Statement | None, Sequence[ast.expr]]:
    events = [e for e in matched.backward.events if e.call == matched.top and e.kind is Kind.RETURNED]
    if not events:
        return None, ()
    node = events[-1].site.node
    elements = node.elts if isinstance(node, ast.Tuple) else [node]
    return events[-1].site.statement, elements  # type: ignore[return-value]


def _positions(count: int, arguments: list[Argument]) -> dict[int, Argument]:
    """Return the argument of each place, by the order alone."""
    single = [a for a in arguments if not a.path]
    arrays = [a for a in single if a.shape]
    for some in (single, arrays):
        if len(some) == count:
            return dict(enumerate(some))
    if arguments and count > max(a.place for a in arguments):
        return {a.place: a for a in single}
    return dict(enumerate(arrays[:count])) if count <= len(arrays) else {}


def _in_order(named: dict[int, Argument], positional: dict[int, Argument]) -> dict[int, Argument]:
    """Return the arguments by name; by place where two are exchanged or one is returned twice: that is a mistake."""
    places = {k: (argument.place, argument.path) for k, argument in named.items()}
    expected = {k: (argument.place, argument.path) for k, argument in positional.items()}
    apart = [k for k in places if k in expected and places[k] != expected[k]]
    exchanged = len(apart) == 2 and {places[k] for k in apart} == {expected[k] for k in apart}
    twice = len(set(places.values())) < len(places) and len(apart) == 1
    return named | {k: positional[k] for k in apart} if exchanged or twice else named


def _named(text: str, arguments: list[Argument], matching: Matching) -> Argument | None:
    """Return the argument that a returned name is the derivative for."""
    for meaning in matching.meanings.of(text) if text.replace(".", "").isidentifier() else ():
        for argument in arguments:
            if meaning.share is Share.ALL and _own_name(argument) == meaning.name:
                return argument
    return None


def _own_name(argument: Argument) -> str:
    last = argument.path[-1] if argument.path else argument.name
    return str(last[1] if isinstance(last, tuple) else last)


def _of_dict(
    part: dict[Any, Any], path: Path, arguments: list[Argument], matching: Matching, statement: Statement
) -> Iterator[Result]:
    for key in part:
        if not isinstance(key, str):
            continue
        argument = _named(key, arguments, matching)
        if argument is None and CONTAINERS.match("grads"):
            argument = next((a for a in arguments if _own_name(a) == key), None)
        if argument is not None and values.differentiable(part[key]):
            yield Result((*path, key), key, _own_name(argument), argument.target, statement)


def _of_container(  # noqa: PLR0913  where a list is, and what it may stand for
    part: Any, path: Path, text: str, place: int, arguments: list[Argument], statement: Statement
) -> Iterator[Result]:
    """Yield the leaves of a list that stands for an argument that is a list."""
    leaves = [argument for argument in arguments if argument.path and len(argument.path) == 1]
    inside = [(p, leaf) for p, leaf in values.leaves(part) if len(p) == 1]
    by_place = [argument for argument in leaves if argument.place == place]
    for argument, (leaf_path, _) in zip(by_place or leaves, inside, strict=False):
        if len(inside) == len(by_place or leaves):
            yield Result((*path, *leaf_path), text, argument.name, argument.target, statement)


def result_values(results: list[Result], returned: Any) -> Iterator[tuple[Result, Any]]:
    """Yield what a run returned for each result; None where it returned nothing there."""
    for result in results:
        try:
            yield result, values.at(returned, result.path)
        except (IndexError, KeyError, TypeError):
            yield result, None
