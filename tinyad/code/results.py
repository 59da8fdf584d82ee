"""What a backward pass returns, and which argument of the forward pass each part is the derivative for."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from tinyad.code import values
from tinyad.code.matching import Matched, Matching
from tinyad.code.names import LABELS, Share, abbreviates, looks_like_derivative, stripped
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
    first = matching.forward.first
    names = pair.argument_names()
    events = [e for e in matching.forward.events if e.call == first and e.kind is Kind.ENTRY and e.name in names]
    return [argument for event in events for argument in _leaves_of(event, names.index(event.name))]


def arguments_outside(matching: Matching, first: int) -> list[Argument]:
    """Return the leaves of what the forward pass reads from outside, as further arguments from a place on."""
    events = [event for event in matching.forward.events if event.kind is Kind.OUTSIDE]
    return [argument for k, event in enumerate(events) for argument in _leaves_of(event, first + k)]


def _leaves_of(event: Event, place: int) -> Iterator[Argument]:
    for path, leaf in values.leaves(event.value):
        yield Argument(event.name, place, path, event, values.shape(leaf))


def _attributes_of(matching: Matching) -> list[list[Argument]]:
    """Return the leaves of each list, tuple or dict that the object whose method runs has as an attribute."""
    found: dict[str, list[Argument]] = {}
    for event in matching.forward.events:
        if event.call == matching.forward.first and event.kind is Kind.ENTRY and event.name == "self":
            for path, leaf in values.leaves(event.value):
                if len(path) == 2 and isinstance(path[0], tuple):
                    found.setdefault(path[0][1], []).append(Argument(path[0][1], -1, path, event, values.shape(leaf)))
    return list(found.values())


def _arrays_of(matching: Matching) -> list[Argument]:
    """Return the arrays and numbers that the object whose method runs has as attributes."""
    return [
        Argument(path[0][1], -1, path, event, values.shape(leaf))
        for event in matching.forward.events
        if event.call == matching.forward.first and event.kind is Kind.ENTRY and event.name == "self"
        for path, leaf in values.leaves(event.value)
        if len(path) == 1 and isinstance(path[0], tuple)
    ]


def _held(part: Any, text: str, attributes: list[list[Argument]], arrays: list[Argument]) -> list[Argument]:
    """Return what of an object has the keys and shapes of what is returned: one list or dict, or its own arrays.

    If none has the shapes, it is the one with these keys whose name a returned name cuts short: weights for nabla_w.
    """
    shapes = {path: values.shape(leaf) for path, leaf in values.leaves(part)}
    alike = [a for a in attributes if {argument.path[1:]: argument.shape for argument in a} == shapes]
    if len(alike) == 1:
        return alike[0]
    named = [a for a in attributes if {argument.path[1:] for argument in a} == set(shapes)]
    forms = stripped(text)
    named = [a for a in named if a[0].name[:1] in forms or any(abbreviates(form, a[0].name) for form in forms)]
    if len(named) == 1 and not alike:
        return named[0]
    own = [a for a in arrays if any(_alike(path, a) and shape == a.shape for path, shape in shapes.items())]
    return own if isinstance(part, dict) and len(own) == len(shapes) else []


def results_of(pair: Pair, matching: Matching, matched: Matched, returned: Any) -> list[Result]:
    """Return what is to be judged of a returned value."""
    statement, elements = _return_statement(matched)
    if statement is None:
        return []
    arguments, attributes = arguments_of(pair, matching), _attributes_of(matching)
    arrays = _arrays_of(matching)
    as_list = isinstance(returned, list) and len(returned) == len(elements)
    parts = list(returned) if isinstance(returned, tuple) or as_list else [returned]
    same = len(elements) == len(parts)
    texts = [ast.unparse(e) for e in elements] if same else [""] * len(parts)
    places = [k for k in range(len(parts)) if pair.backward is not None or (k,) not in pair.binding.outputs]
    places = [k for k in places if not same or pair.may_be_derivative(texts[k])]
    left_out = {k for k in places if same and isinstance(elements[k], ast.Constant) and parts[k] is None}
    single = [k for k in places if not isinstance(parts[k], (dict, list, tuple))]
    positional = _positions(len(places), arguments)
    if pair.backward is None and not _same_shapes(parts, positional):
        positional = {}
    positional = {places[k]: argument for k, argument in positional.items()}
    exchanged = _exchanged({k: parts[k] for k in places}, arguments) if pair.backward is not None else {}
    arguments += arguments_outside(matching, len(pair.argument_names()))
    named = _by_name({k: (texts[k], parts[k]) for k in single}, arguments, matching)
    own = {k: _named(texts[k], arrays, matching) for k in single if k not in named}
    named |= {k: argument for k, argument in own.items() if argument is not None}
    if pair.backward is not None and not positional and set(named) == set(places):
        positional = _first_arguments(named)
    named = _by_shape(_in_order(named, positional), {k: (texts[k], parts[k]) for k in single}, arguments)
    found: list[Result] = []
    for k in places:
        path: Path = (k,) if isinstance(returned, tuple) or as_list else ()
        argument = named.get(k) or positional.get(k)
        if any(not a.path or k in single for a in exchanged.get(k, ())):  # an array and a list or dict
            found += [_result_at((*path, *a.path), a, statement) for a in exchanged[k]]
            continue
        if k in single and argument is not None and k not in left_out:
            text = texts[k] if texts[k] and "*" not in texts[k][:1] else ""
            text = text or f"the derivative for {argument.name}"
            found.append(Result(path, text, argument.name, argument.target, statement))
        elif k not in single:
            inside = _of_literal(elements[k], parts[k], path, arguments, matching, statement) if same else []
            if inside:
                found += inside
                continue
            meant = {m.name for m in matching.meanings.of(texts[k])} if texts[k].isidentifier() else set()
            meaning = [argument for argument in arguments if argument.name in meant]
            held = exchanged.get(k) or meaning or _held(parts[k], texts[k], attributes, arrays)
            inside = list(_of_container(parts[k], path, texts[k], k, held or arguments, statement))
            inside += _missing_of(inside, path, held or arguments, statement)
            found += inside
            called = None if inside else _named(texts[k], arguments, matching)
            if called is not None and not called.path:
                found.append(Result(path, texts[k], called.name, called.target, statement))
    return found


def _missing_of(inside: list[Result], path: Path, arguments: list[Argument], statement: Statement) -> Iterator[Result]:
    """Yield what a dict of derivatives lacks: db2, where it has db1 and, for W1 and W2, dW1 and dW2."""
    by_letters: dict[str, dict[str, Argument]] = {}
    for argument in arguments:
        match = re.fullmatch(r"([A-Za-z_]+)(\d+)", _own_name(argument))
        if match:
            by_letters.setdefault(match[1], {})[match[2]] = argument
    returned = {result.argument: result for result in inside if isinstance(result.path[-1], str)}
    families = {
        letters: {number for number, argument in family.items() if _own_name(argument) in returned}
        for letters, family in by_letters.items()
    }
    complete = [
        set(by_letters[letters]) for letters, numbers in families.items() if numbers == set(by_letters[letters])
    ]
    for letters, numbers in families.items():
        family = by_letters[letters]
        if len(numbers) and len(family) > 1 and set(family) in complete:
            for number in sorted(set(family) - numbers):
                like = returned[letters + min(numbers)]
                key = str(like.path[-1])[: -len(min(numbers))] + number
                yield Result((*path, key), key, letters + number, family[number].target, statement)


def _result_at(path: Path, argument: Argument, statement: Statement) -> Result:
    """Return the result that should be at a path, where something else is."""
    name = _own_name(argument)
    return Result(path, f"the derivative for {name}", name, argument.target, statement)


def _first_arguments(named: Mapping[int, Argument]) -> dict[int, Argument]:
    """Return the arguments of what is returned in their order, if they are the first ones."""
    ordered = sorted(named.values(), key=lambda argument: argument.place)
    first = [argument.place for argument in ordered] == list(range(len(ordered)))
    return dict(zip(sorted(named), ordered, strict=True)) if first else {}


def _exchanged(parts: Mapping[int, Any], arguments: list[Argument]) -> dict[int, list[Argument]]:
    """Return what two containers should be the derivatives for that have each the shapes of the other's argument."""
    by_place: dict[int, list[Argument]] = {}
    for argument in arguments:
        by_place.setdefault(argument.place, []).append(argument)
    if len(by_place) != len(parts):
        return {}
    expected = dict(zip(parts, (by_place[place] for place in sorted(by_place)), strict=True))
    wanted = {k: {a.path: a.shape for a in own} for k, own in expected.items()}
    found = {k: {path: values.shape(leaf) for path, leaf in values.leaves(part)} for k, part in parts.items()}
    apart = [k for k in parts if found[k] != wanted[k]]
    if len(apart) != 2 or any(found[k] != wanted[o] for k, o in zip(apart, reversed(apart), strict=True)):
        return {}
    return {k: expected[k] for k in apart}


def unmatched(results: list[Result], returned: Any, outputs: Sequence[Path]) -> list[Path]:
    """Return the paths of what is returned and of no argument the derivative, as far as names and places tell."""
    known = {result.path for result in results}
    return [
        path
        for path, _ in values.leaves(returned)
        if path not in known and not any(path[: len(output)] == output for output in outputs)
    ]


def _same_shapes(parts: Sequence[Any], positional: Mapping[int, Argument]) -> bool:
    """Return whether all but the first parts have the shapes of the arguments at their places."""
    return all(k + 1 < len(parts) and values.shape(parts[k + 1]) == a.shape for k, a in positional.items())


def _by_name(
    parts: Mapping[int, tuple[str, Any]], arguments: list[Argument], matching: Matching
) -> dict[int, Argument]:
    """Return the argument that each returned part is the derivative for by its name, also if that is cut short."""
    named = {k: a for k, (text, _) in parts.items() if (a := _named(text, arguments, matching)) is not None}
    for k, (text, part) in parts.items():
        if k not in named and (argument := _inside(text, part, arguments, matching)) is not None:
            named[k] = argument
    for k, (text, _) in parts.items():
        free = [a for a in arguments if a not in named.values()]
        alike = [a for a in free if any(abbreviates(form, _own_name(a)) for form in stripped(text))]
        if k not in named and len(alike) == 1:
            named[k] = alike[0]
    return named


def _by_shape(
    named: dict[int, Argument], parts: Mapping[int, tuple[str, Any]], arguments: list[Argument]
) -> dict[int, Argument]:
    """Return the arguments by name, and those of other derivatives whose shapes, in their order, leave no choice."""
    taken = {(argument.place, argument.path) for argument in named.values()}
    free = [a for a in arguments if a.shape and (a.place, a.path) not in taken]
    open_places = [k for k, (text, _) in parts.items() if k not in named and looks_like_derivative(text)]
    shapes = [values.shape(parts[k][1]) for k in open_places]
    fitting = [a for a in free if a.shape in shapes]
    if [a.shape for a in fitting] == shapes:
        return named | dict(zip(open_places, fitting, strict=True))
    return named


def _return_statement(matched: Matched) -> tuple[Statement | None, Sequence[ast.expr]]:
    events = [e for e in matched.backward.events if e.call == matched.top and e.kind is Kind.RETURNED]
    if not events:
        return None, ()
    node = events[-1].site.node
    elements = node.elts if isinstance(node, (ast.Tuple, ast.List)) else [node]
    return events[-1].site.statement, elements  # type: ignore[return-value]


def _positions(count: int, arguments: list[Argument]) -> dict[int, Argument]:
    """Return the argument of each place, by the order alone."""
    single = [a for a in arguments if not a.path]
    arrays = [a for a in single if a.shape]
    inputs = [a for a in arrays if not LABELS.match(a.name)]
    for some in (single, arrays, inputs):
        if len(some) == count:
            return dict(enumerate(some))
    if arguments and count > max(a.place for a in arguments):
        return {a.place: a for a in single}
    ordered = inputs if count <= len(inputs) else arrays
    return dict(enumerate(ordered[:count])) if count <= len(arrays) else {}


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


def _inside(text: str, value: Any, arguments: list[Argument], matching: Matching) -> Argument | None:
    """Return the argument that the one derivative in a returned expression is for, if the shape of the result fits."""
    if not text or text.isidentifier() or not values.differentiable(value):
        return None
    names = {part.id for part in ast.walk(ast.parse(text, mode="eval")) if isinstance(part, ast.Name)}
    found = [argument for name in sorted(names) if (argument := _named(name, arguments, matching)) is not None]
    return found[0] if len(found) == 1 and found[0].shape == values.shape(value) else None


def _of_literal(  # noqa: PLR0913  what is written, what it holds, and what it may stand for
    node: ast.expr, part: Any, path: Path, arguments: list[Argument], matching: Matching, statement: Statement
) -> list[Result]:
    """Return the elements of a tuple or list that a return statement writes down, by their names."""
    if not isinstance(node, (ast.Tuple, ast.List)) or len(node.elts) != len(part):
        return []
    texts = [ast.unparse(element) for element in node.elts]
    named = [_named(text, arguments, matching) for text in texts]
    return [
        Result((*path, k), text, argument.name, argument.target, statement)
        for k, (text, argument) in enumerate(zip(texts, named, strict=True))
        if argument is not None and not isinstance(part[k], (dict, list, tuple))
    ]


def _own_name(argument: Argument) -> str:
    last = argument.path[-1] if argument.path else argument.name
    return f"{argument.name}[{last}]" if isinstance(last, int) else str(last[1] if isinstance(last, tuple) else last)


def _of_container(  # noqa: PLR0913  where a container is, and what it may stand for
    part: Any, path: Path, text: str, place: int, arguments: list[Argument], statement: Statement
) -> Iterator[Result]:
    """Yield the leaves of a list, tuple or dict of derivatives that has the keys or indices of arguments."""
    by_place = [a for a in arguments if a.place == place and a.path]
    others = [a for a in arguments if a not in by_place]
    for leaf_path, leaf in values.leaves(part):
        alike = [a for a in [*by_place, *others] if _alike(leaf_path, a)]
        same_shape = [a for a in alike if a.shape == values.shape(leaf)]
        for argument in (same_shape or alike)[:1]:
            last = leaf_path[-1]
            written = _text_at(text, leaf_path)
            name = last if isinstance(last, str) and not written.isidentifier() else written
            yield Result((*path, *leaf_path), name, _own_name(argument), argument.target, statement)


def _text_at(text: str, path: Path) -> str:
    """Return how a leaf of a returned expression is written: as the element where that is a tuple or list itself."""
    node = None if text.startswith("*") or not text else ast.parse(text, mode="eval").body
    keys = list(path)
    while keys and isinstance(node, (ast.Tuple, ast.List, ast.Dict)):
        inner = _element(node, keys[0])
        if inner is None:
            break
        node = inner
        keys.pop(0)
    return (text if node is None else ast.unparse(node)) + "".join(f"[{key!r}]" for key in keys)


def _element(node: ast.Tuple | ast.List | ast.Dict, key: Any) -> ast.expr | None:
    """Return an element of a tuple, list or dict that is written down, None where none has that key."""
    if isinstance(node, ast.Dict):
        found = [
            v for k, v in zip(node.keys, node.values, strict=True) if isinstance(k, ast.Constant) and k.value == key
        ]
        return found[-1] if found else None
    return node.elts[key] if isinstance(key, int) and key < len(node.elts) else None


def _alike(path: Path, argument: Argument) -> bool:
    """Return whether a path in what is returned leads to where an argument is: by the same keys, or d before them."""
    full = (argument.name, *argument.path)
    own = argument.path if len(path) == len(argument.path) else full[-len(path) :]
    if len(own) != len(path) or not path:
        return False
    return all(_alike_key(a, b[1] if isinstance(b, tuple) else b) for a, b in zip(path, own, strict=True))


def _alike_key(key: Any, other: Any) -> bool:
    if isinstance(key, tuple):
        key = key[1]
    return bool(key == other or (isinstance(key, str) and isinstance(other, str) and other in stripped(key)))


def result_values(results: list[Result], returned: Any) -> Iterator[tuple[Result, Any]]:
    """Yield what a run returned for each result; None where it returned nothing there."""
    for result in results:
        try:
            yield result, values.at(returned, result.path)
        except (IndexError, KeyError, TypeError):
            yield result, None
