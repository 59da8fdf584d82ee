"""What the arguments of a forward pass may be: arrays of some shapes, numbers, whole numbers, labels, texts, dicts."""

from __future__ import annotations

import ast
import re
from collections.abc import Collection, Iterator, Mapping
from enum import StrEnum
from typing import Any, NamedTuple

import numpy as np

from tinyad.code import shape_hints
from tinyad.code.names import canonical
from tinyad.code.probes import flat, names_of

# fmt: off
NUMBERS = re.compile(r"(?:lr|eps|epsilon|reg|lam|lambda_?|lambd|alpha|gamma0|decay|momentum|keep_?prob|p_?drop(?:out)?"
                     r"|drop(?:out)?(?:_?(?:p|prob|rate|ratio))?|temp|temperature|tau|ell|length_?scale|bandwidth|margin"
                     r"|scale|learning_rate|rate|dt|step_size|beta[12]|l2|weight_decay)$")
PENALTIES = re.compile(r"(?:\w*reg(?:ulari[sz](?:er|ation)\w*)?|lam|lambd|\w*lambda_?|alpha|\w*decay|l[12]\w*)$")
COUNTS  = re.compile(r"(?:n|num)_\w+$|\w+_(?:size|dims?|units|len|length|features|channels|heads|layers|height|width)$"
                     r"|(?:pool|kernel|filter|window)_[hw]$|(?:stride|pad|padding|heads|timesteps)$", re.IGNORECASE)
LAYERS  = re.compile(r"[a-zA-Z]$|\w*(?:in|out|inputs?|outputs?|hidden|size|dim|nodes|units|neurons|classes|channels)$"
                     r"|(?:n|d|dim|in|out)_\w+$", re.IGNORECASE)  # of a constructor
BIASES  = re.compile(r"(?:bias|biases)\d*$|b[a-zA-Z]{0,2}\d*$|b_\w+$|\w+_?(?:bias|b)$")
VECTORS = re.compile(BIASES.pattern + r"|(?:beta|gamma)\d*$")
WEIGHTS = re.compile(r"(?:W|w|U|V|theta|Theta|weights?|kernel|filters?)[a-z0-9_]*$")
MASKS   = re.compile(r"(?:R|same|similar|valid|observed|\w*mask\w*|indicator)$")  # of 0 and 1
LISTS   = re.compile(r"(?:weights|biases|Ws|bs|thetas|layers|sizes|layer_\w+s)$")  # one for each layer
# fmt: on
GENERATORS = re.compile(r"(?:rng|random_state|generator)$")
OF_RANDOM_STATE = {"randn", "rand", "randint"}  # that a generator of default_rng does not have
USUAL_COUNTS = {"stride": 1, "pad": 1, "padding": 1}  # others are 2 where they divide something, as heads do
HEADS = re.compile(r"\w*heads?$|(?:pool|filter|window)_\w+$|\w*kernel\w*$", re.IGNORECASE)
CONSTRUCTED = "__init__"  # what the arguments of a constructor stand under

Name = tuple[str, ...]  # of an argument, or of an item of one that is a dict
Dim = tuple[int, ...]  # a size, as the sum of sizes that may change: (5, 5, 5) for three times 5
ONE: Dim = (1,)


class Kind(StrEnum):
    """What an argument is."""

    ARRAY = "array"
    NUMBER = "number"
    COUNT = "whole number"
    INDICES = "array of whole numbers"
    GENERATOR = "generator of random numbers"
    DICT = "dict"
    TEXT = "text"


class Guess(NamedTuple):
    """What an argument, or an item of a dict, may be.

    dims: of an array, or the one size that a whole number is.  limit: above indices.  positive: between 0 and 1.
    definite: a positive definite matrix.  marks: one 1 along this axis, as labels have; -1 for an array of 0 and 1.
    """

    kind: Kind
    dims: tuple[Dim, ...] = ()
    limit: Dim = (2,)
    positive: bool = False
    definite: bool = False
    marks: int | None = None
    text: str = ""

    @property
    def shape(self) -> tuple[int, ...]:
        """The sizes as numbers."""
        return tuple(map(sum, self.dims))

    @property
    def is_array(self) -> bool:
        """Whether it is an array of floats."""
        return self.kind is Kind.ARRAY


State = Mapping[Name, Guess]


def number_of(size: Dim) -> Guess:
    """Return the guess of a whole number."""
    return Guess(Kind.COUNT, (size,))


def first_guess(function: ast.FunctionDef, name: str, new: Iterator[int], dims: tuple[Dim, ...] | None = None) -> Guess:
    """Return what an argument is by its name, its annotation, and the texts that it is compared with.

    new: sizes that no argument has yet.  dims: what the function says about its shape.
    """
    annotation = next((a.annotation for a in function.args.args if a.arg == name), None)
    kind = ast.unparse(annotation) if annotation is not None else ""
    texts = _compared_with(function, name)
    if GENERATORS.match(name):
        used = {part.attr for part in ast.walk(function) if isinstance(part, ast.Attribute)}
        return Guess(Kind.GENERATOR, text="RandomState" if used & OF_RANDOM_STATE else "default_rng")
    if texts:
        return Guess(Kind.TEXT, text=texts[0])
    whole = kind == "int" or shape_hints.is_whole(ast.get_docstring(function) or "", name)
    is_index = whole and name in _indices(function)
    if dims is not None or is_index:
        return Guess(Kind.INDICES) if is_index or dims is None else Guess(Kind.ARRAY, dims)
    if kind == "int" or COUNTS.match(name) or (function.name == CONSTRUCTED and LAYERS.match(name)):
        return counted(name, new)
    if kind == "float" or NUMBERS.match(name):
        return Guess(Kind.NUMBER, positive=True)
    return Guess(Kind.ARRAY, ((next(new),),) if VECTORS.match(name) else ((next(new),), (next(new),)))


def kept_ranks(constructor: ast.FunctionDef, function: ast.FunctionDef, factored: Collection[str]) -> dict[str, int]:
    """Return how many axes the arguments of a constructor have that a method takes for arrays.

    It reads them as self.W, or under the same names from a list.  factored: the factors of its matrix products.
    """
    names = {argument.arg for argument in constructor.args.args}
    held = {names_of(t): names_of(v) for node in ast.walk(constructor) for t, v in _assigned(node)}
    own = {names_of(t) for node in ast.walk(function) for target, _ in _assigned(node) for t in flat(target)}
    held = {name: of for name, of in held.items() if of in names} | {name: name for name in names & own}
    axes = dict.fromkeys(factored, 2) | dict(shape_hints.ranks(function))
    found = {held[name]: count for name, count in axes.items() if name in held}
    weights = [name for name in held.values() if WEIGHTS.match(name) and not LAYERS.match(name)]
    return dict.fromkeys(filter(VECTORS.match, held.values()), 1) | found if found or weights else {}


def as_vectors(state: State, names: Collection[str]) -> dict[Name, Guess]:
    """Return the state with one axis of those of the names that begin with small letters."""
    single = {n: g for n, g in state.items() if n[0] in names and n[0][:1].islower()}
    return {**state, **{n: g._replace(dims=g.dims[:1]) for n, g in single.items() if g.is_array and len(g.dims) > 1}}


def switched_off(function: ast.FunctionDef) -> list[str]:
    """Return the numbers, such as one of regularization, whose default of zero leaves out what they are factors of."""
    arguments = function.args
    optional = zip(arguments.args[len(arguments.args) - len(arguments.defaults) :], arguments.defaults, strict=True)
    zero = [a.arg for a, default in optional if isinstance(default, ast.Constant) and default.value == 0]
    return [name for name in zero if PENALTIES.match(name)]


def needed_labels(function: ast.FunctionDef) -> list[str]:
    """Return the labels without which a function ends early: it asks whether they are None, the default."""
    arguments = function.args
    optional = [a.arg for a in arguments.args[len(arguments.args) - len(arguments.defaults) :]]
    asked = [
        node.test.left.id
        for node in ast.walk(function)
        if isinstance(node, ast.If) and any(isinstance(part, ast.Return) for part in node.body)
        if isinstance(node.test, ast.Compare) and isinstance(node.test.left, ast.Name)
        if isinstance(node.test.ops[0], ast.Is) and ast.unparse(node.test.comparators[0]) == "None"
    ]
    return [name for name in optional if name in asked]


def counted(name: str, new: Iterator[int]) -> Guess:
    """Return the guess of a whole number, which some names tell."""
    if name in USUAL_COUNTS:
        return number_of((USUAL_COUNTS[name],))
    return number_of((2,) if HEADS.match(name) else (next(new),))


def _indices(function: ast.FunctionDef) -> set[str]:
    """Return the names that stand alone, or beside others, in the brackets of items."""
    inside = [part.slice for part in ast.walk(function) if isinstance(part, ast.Subscript)]
    parts = [part for node in inside for part in (node.elts if isinstance(node, ast.Tuple) else [node])]
    return {part.id for part in parts if isinstance(part, ast.Name)}


def _compared_with(function: ast.FunctionDef, name: str) -> list[str]:
    """Return the texts that a function compares an argument with."""
    return [
        part.value
        for node in ast.walk(function)
        if isinstance(node, ast.Compare) and canonical(names_of(node.left)) == name
        for part in node.comparators
        if isinstance(part, ast.Constant) and isinstance(part.value, str)
    ]


def said_of_shapes(function: ast.FunctionDef, text: str, new: Iterator[int]) -> dict[str, tuple[Dim, ...]]:
    """Return the sizes of arguments that a function, or its text, tells; the same words are the same size."""
    found: dict[str, tuple[Dim, ...]] = {}
    sizes: dict[str, Dim] = {}
    ranks = shape_hints.ranks(function)
    for argument in function.args.args:
        words = shape_hints.documented(text, argument.arg)
        if words is not None:
            found[argument.arg] = tuple(_size_of(word, sizes, new) for word in words)
        elif argument.arg in ranks:
            found[argument.arg] = tuple((next(new),) for _ in range(ranks[argument.arg]))
    return found


def _size_of(word: str, sizes: dict[str, Dim], new: Iterator[int]) -> Dim:
    """Return a size in the words of a text: D, 4*H, 4H, H + D, 1."""
    terms: list[Dim] = []
    for term in word.split("+"):
        times = re.fullmatch(r"(\d+)\s*\*?\s*([A-Za-z]\w*)", term.strip())
        key = times[2] if times else term.strip()
        if key.isdigit():
            terms.append((int(key),))
            continue
        if key not in sizes:
            sizes[key] = (next(new),)
        terms.append(sizes[key] * (int(times[1]) if times else 1))
    return tuple(base for term in terms for base in term)


def bases(state: State) -> list[int]:
    """Return the sizes that may change, in the order in which they occur."""
    found = dict[int, None]()
    for guess in state.values():
        fixed = guess.kind is Kind.COUNT and guess.shape[0] <= 2
        found |= dict.fromkeys(base for dim in guess.dims for base in dim if base > 1 and not fixed)
    return list(found)


def resized(state: State, base: int, other: Dim) -> dict[Name, Guess]:
    """Return a state with another size in the place of one, wherever it occurs."""

    def new(dim: Dim) -> Dim:
        return tuple(part for own in dim for part in (other if own == base else (own,)))

    return {n: g._replace(dims=tuple(map(new, g.dims)), limit=new(g.limit)) for n, g in state.items()}


def with_size(state: State, size: int) -> Dim:
    """Return a size as one of a state, or as the sum of two of them; alone where it is neither."""
    held = [dim for guess in state.values() for dim in guess.dims]
    for dim in held:
        if sum(dim) == size:
            return dim
    own = bases(state)
    return next(((one, other) for one in own for other in own if one + other == size), (size,))


def value_of(guess: Guess, rng: np.random.Generator) -> Any:
    """Return a value of a kind."""
    match guess.kind:
        case Kind.DICT:
            return {}
        case Kind.NUMBER:
            return float(rng.uniform(0.3, 0.8))
        case Kind.INDICES:
            return rng.integers(0, sum(guess.limit), guess.shape)
        case Kind.ARRAY:
            return _array(guess, rng)
        case Kind.GENERATOR:
            return getattr(np.random, guess.text)(0)
    return guess.text if guess.kind is Kind.TEXT else guess.shape[0]


def _array(guess: Guess, rng: np.random.Generator) -> Any:
    """Return an array; labels have entries 0 and 1."""
    shape, axis = guess.shape, guess.marks
    if guess.definite:
        root = rng.standard_normal(shape)
        return root @ np.swapaxes(root, -1, -2) / shape[-1] + 0.5 * np.eye(shape[-1])
    if axis is None:
        return rng.uniform(0.15, 0.85, shape) if guess.positive else rng.standard_normal(shape)
    if axis == -1:
        return rng.integers(0, 2, shape).astype(float)
    places = rng.permutation(np.resize(np.arange(shape[axis]), shape[:axis] + shape[axis + 1 :]))
    return np.moveaxis(np.eye(shape[axis])[places], -1, axis)


def in_words(state: State) -> str:
    """Return the shapes of a state in words, and what else its values are."""
    return ", ".join(_in_words(name, guess) for name, guess in state.items() if guess.kind is not Kind.DICT)


def _in_words(name: Name, guess: Guess) -> str:
    plain = name[1:] if name[0] == CONSTRUCTED else name
    label = plain[0] + "".join(f"[{part!r}]" for part in plain[1:])
    shape = "×".join(map(str, guess.shape)) if guess.shape else "a number"
    match guess.kind:
        case Kind.NUMBER:
            return f"{label} a number"
        case Kind.TEXT:
            return f"{label} {guess.text!r}"
        case Kind.GENERATOR:
            return f"{label} np.random.{guess.text}(0)"
        case Kind.INDICES:
            return f"{label} {shape} (whole numbers below {sum(guess.limit)})"
    extra = " (positive definite)" if guess.definite else " (0 and 1)" if guess.marks is not None else ""
    return f"{label} {shape}{extra or ' (between 0 and 1)' * guess.positive}"


def sources(function: ast.FunctionDef) -> dict[str, list[Name]]:
    """Return what each name of a function is made from."""
    found: dict[str, list[Name]] = {}
    for node in ast.walk(function):
        for target, value in _assigned(node):
            for part in ast.walk(target):
                name = names_of(part) if isinstance(part, (ast.Name, ast.Attribute)) else ""
                if name:
                    found.setdefault(name, []).extend(loaded(value))
    return found


def aliases(function: ast.FunctionDef) -> dict[str, str]:
    """Return the names of a function that are other names for an argument or an item, with the last part of these."""
    pairs = [pair for node in ast.walk(function) for pair in _assigned(node)]
    plain = [(names_of(target), names_of(value)) for target, value in pairs]
    return {name: re.findall(r"\w+", other)[-1] for name, other in plain if name and other}


def _assigned(node: ast.AST) -> Iterator[tuple[ast.expr, ast.expr]]:
    """Yield what a statement assigns to, and what it assigns; of two tuples, one element after the other."""
    match node:
        case ast.Assign([ast.Tuple(targets)], ast.Tuple(parts)) if len(targets) == len(parts):
            yield from zip(targets, parts, strict=True)
        case ast.Assign(targets, value):
            yield from ((target, value) for target in targets)
        case ast.AugAssign(target, _, value) | ast.AnnAssign(target, _, ast.expr() as value) | ast.For(target, value):
            yield target, value


def loaded(node: ast.AST) -> Iterator[Name]:
    """Yield the names that a statement reads, with constant keys."""
    for part in ast.walk(node):
        if (
            isinstance(part, ast.Subscript)
            and isinstance(part.value, ast.Name)
            and isinstance(part.slice, ast.Constant)
        ):
            yield part.value.id, str(part.slice.value)
        if isinstance(part, (ast.Name, ast.Attribute)) and isinstance(part.ctx, ast.Load) and (name := names_of(part)):
            yield (name,)
