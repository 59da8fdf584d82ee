"""Examples for a forward pass that has none: shapes found by running it, and random values.

Every size of every argument begins as a number of its own.  What NumPy says about two sizes that have to be equal,
about axes that are missing and about indices that are no whole numbers leads to the next try, until the forward pass
runs.  Sizes that nothing makes equal stay different, as at a generic sample point.
"""

from __future__ import annotations

import ast
import heapq
import itertools
import math
import random
import re
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from tinyad.code import guesses, values
from tinyad.code.find import Found, parameter_names
from tinyad.code.guesses import CONSTRUCTED, ONE, Dim, Guess, Kind, Name, State
from tinyad.code.limits import DRAWN_ENTRIES, DRAWN_EXAMPLES, DRAWN_RUNS, DRAWN_SECONDS, TRIAL_SECONDS
from tinyad.code.names import LABELS
from tinyad.code.pair import Example, is_static
from tinyad.code.probes import names_of
from tinyad.code.program import QUIET, Program
from tinyad.code.time_limit import TimedOut, limited

# fmt: off
PYTHON_3 = {"xrange": "range", "raw_input": "input", "unicode": "str", "basestring": "str", "long": "int",
            "reduce": "functools.reduce", "izip": "zip"}  # what names of Python 2 are called
SIZES = (5, 3, 7, 4, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47, 53, 59, 61, 67, 71, 73, 79, 83, 89, 97)
SMALL = (4, 3, 5, 6, 7, 2, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21)  # that sizes get in the end
SELDOM         = 0.4  # what an example has of its own, and no parameter
UNLIKELY       = 2.0  # more than a change of shapes that one statement speaks for
VECTORS        = 0.5  # all arrays with small letters have one axis, beside matrices with capitals
DOUBT          = 0.95  # up to this no other shapes are as likely
PROGRESS       = 0.4  # for each statement that ran: what comes further is tried further
LARGEST_FACTOR = 6    # of one size in another: stacked gates
LARGER         = 6    # by which images are made larger than filters
TELLING        = 3    # statements that are right with other shapes leave no doubt about these
HIGHEST_RANK   = 5
LATER_RUNS     = 100  # of the forward pass, once it runs with some shapes
# fmt: on


class Drawn(NamedTuple):
    """An example that was drawn, its shapes in words, and whether no other shapes are as likely."""

    example: Example
    shapes: str
    sure: bool


class Misfits(NamedTuple):
    """How many statements of a backward pass are wrong with an example, and the shapes of wrong derivatives.

    shapes: by the name of the argument.
    """

    wrong: int
    shapes: Mapping[str, tuple[int, ...]] = {}


class NotDrawnError(Exception):
    """A forward pass runs with no arguments that were drawn: why it does not with those with which it came furthest.

    may_run: whether it may with other ones.
    """

    def __init__(self, failure: _Failure | None) -> None:
        super().__init__(failure.in_words if failure is not None else "")
        self.may_run = failure is None or failure.is_of_arguments


def drawn_example(program: Program, found: Found, misfits: Callable[[Example], Misfits]) -> Drawn | None:
    """Return an example that a forward pass runs with, None if it cannot be drawn.

    Several shapes may do, as b of N or of 1×N.  The likeliest one is taken, but for one with which all statements are
    right, or that makes more of them right than it is unlikely.  misfits: returns what is wrong with an example.
    """
    if any(guesses.LISTS.match(name) for name in parameter_names(program, found.forward)):
        return None
    search = _Search(program, found)
    begin = search.begin()
    runs = search.likeliest(begin)
    vectors = [] if runs else search.vectors(begin)
    runs = runs or vectors
    if not runs:
        raise NotDrawnError(search.furthest)
    search.until = max(search.until, time.process_time() + DRAWN_SECONDS / 2)
    doubt, state = runs[0][0], search.small(runs[0][1])
    known = misfits(search.example(state))
    others = [(cost - runs[0][0], search.small(other)) for cost, other in runs[1:DRAWN_EXAMPLES]]
    if known.wrong and not vectors:
        vectors = [(cost, search.small(other)) for cost, other in search.vectors(begin)]
    while known.wrong and search.has_time():
        derived = itertools.chain(_as_derived(state, known.shapes), _all_as_derived(state, known.shapes))
        sliced = search.multiples(state, tuple(state)) if search.slices else ()
        for cost, other in itertools.chain(
            vectors, derived, others if known.wrong > 1 else (), sliced, _variants(state, known.shapes)
        ):
            if cost < known.wrong and search.has_time() and search.failure(other) is None:
                new = misfits(search.example(other))
                if new.wrong == 0 or new.wrong + cost < known.wrong:
                    told = bool(known.shapes) and known.wrong - new.wrong >= TELLING
                    doubt = cost if (cost, other) in vectors else doubt + cost * (not told)
                    state, known = other, new
                    break
        else:
            break
        others = vectors = []
    return Drawn(search.example(state), guesses.in_words(state), doubt <= DOUBT)


def drawn_note(found: Found, shapes: str) -> str:
    """Return what a report says about an example that was drawn."""
    called = f"example_{found.owner or found.name}" if found.owner or found.name else "example"
    return f"{found.forward} has no example; random arguments that fit: {shapes}. {called}() gives others"


class _Failure(NamedTuple):
    """Why a forward pass did not run: the exception, and the arguments that the failing statements may read.

    statements: that ran when it failed, the innermost first.  reached: how many of the pass came before.
    """

    error: BaseException
    guilty: tuple[Name, ...]
    statements: tuple[ast.stmt, ...] = ()
    reached: int = 0

    @property
    def in_words(self) -> str:
        """What was raised, and where; "" if it was no exception of the user's code."""
        if not self.statements:
            return ""
        name = self.error.name if type(self.error) is NameError else ""
        advice = f"; in Python 3 it is {PYTHON_3[name]}" if name in PYTHON_3 else ""
        return f"line {self.statements[0].lineno} raised {type(self.error).__name__}: {self.error}{advice}"

    @property
    def is_of_arguments(self) -> bool:
        """Whether other arguments may help: not where a name, or what a module should have, is missing."""
        missing = isinstance(self.error, AttributeError) and str(self.error).startswith("module")
        return not (missing or type(self.error) is NameError or isinstance(self.error, ImportError))


class _Search:
    """The search for arguments that a forward pass runs with: the cheapest change of what was tried comes first."""

    def __init__(self, program: Program, found: Found) -> None:
        self.program, self.found = program, found
        self.function = program.functions[found.forward]
        self.owner = "" if is_static(program, found.forward) or not program.is_method(found.forward) else found.owner
        inits = [f"{name}.{CONSTRUCTED}" for name in program.bases(self.owner)]
        self.constructor = next((name for name in inits if name in program.functions), "")
        functions = [self.function, *([program.functions[self.constructor]] if self.constructor else [])]
        self.sources = {node.name: guesses.sources(node) for node in functions}
        self.lines = {n.name: [s.lineno for s in ast.walk(n) if isinstance(s, ast.stmt)] for n in functions}
        called = [self.function, *_called(program, self.function)]
        self.factors = _factors(called)
        self.slices = any(map(_slices, called))
        self.factored = {name for node in called for name in _factored(node)}
        self.sizes = itertools.chain(SIZES, itertools.count(101, 2))
        self.furthest: _Failure | None = None
        self.until = time.process_time() + DRAWN_SECONDS

    def likeliest(self, begin: State) -> list[tuple[float, State]]:
        """Return what the forward pass runs with and is likely, with its cost, the likeliest first."""
        found: list[tuple[float, State]] = []
        for cost, state in self.running(begin):
            found.append((cost, state))
            if sum(cost < UNLIKELY for cost, _ in found) >= DRAWN_EXAMPLES:
                break
        return sorted(found, key=lambda pair: (pair[0], -len(guesses.bases(pair[1]))))  # different sizes show more

    def vectors(self, begin: State) -> list[tuple[float, State]]:
        """Return what the forward pass runs with if all arrays with small letters have one axis."""
        columns = guesses.as_vectors(begin, self.unsaid)
        if columns == begin:
            return []
        self.until = max(self.until, time.process_time() + DRAWN_SECONDS / 2)
        return [(cost + VECTORS, state) for cost, state in self.likeliest(columns)[:2]]

    def has_time(self) -> bool:
        """Return whether the search may go on."""
        return time.process_time() < self.until

    def keys(self, name: Name) -> Iterator[str]:
        """Yield the keys by which the backward pass reads items of an argument that is a dict."""
        if self.found.backward is not None and self.found.backward in self.program.functions:
            for part in ast.walk(self.program.functions[self.found.backward]):
                match part:
                    case ast.Subscript(ast.Name(held), ast.Constant(str(key))) if held == name[-1]:
                        yield key

    def new(self) -> Dim:
        """Return a size that no argument has yet."""
        return (next(self.sizes),)

    # Running

    def begin(self) -> State:
        """Return what the arguments are by their names."""
        state: dict[Name, Guess] = {}
        if self.constructor:
            node, names = self.program.functions[self.constructor], parameter_names(self.program, self.constructor)
            kept = guesses.kept_ranks(node, self.function, self.factored)
            for name in names:
                dims = tuple(self.new() for _ in range(kept.get(name, 0))) or None
                state[CONSTRUCTED, name] = guesses.first_guess(node, name, self.sizes, dims)
        text = self.program.text(self.function.lineno, self.function.end_lineno or self.function.lineno)
        said = guesses.said_of_shapes(self.function, text, self.sizes)
        names = parameter_names(self.program, self.found.forward)
        if "b" in names and not any(map(guesses.WEIGHTS.match, names)):
            said.setdefault("b", (self.new(), self.new()))  # data beside `a`, and no bias
        for name in names:
            state[name,] = guesses.first_guess(self.function, name, self.sizes, said.get(name))
        off: list[Name] = [(name,) for name in guesses.switched_off(self.function)]
        if self.constructor:
            off += [(CONSTRUCTED, name) for name in guesses.switched_off(self.program.functions[self.constructor])]
        state |= dict.fromkeys(off, Guess(Kind.NUMBER, positive=True))
        if self.found.backward is None:
            for name in guesses.needed_labels(self.function):
                state[name,] = guesses.first_guess(self.function, name, self.sizes, said.get(name))
        self.unsaid = [name for name in names if name not in said]
        return _with_small_sizes(state) if _entries(state) > DRAWN_ENTRIES else state

    def running(self, begin: State) -> Iterator[tuple[float, State]]:
        """Yield what the forward pass runs with, with its cost, from a first guess on."""
        order, seen = itertools.count(1), {tuple(begin.items())}
        todo: list[tuple[float, int, float, State]] = [(0.0, 0, 0.0, begin)]
        left = DRAWN_RUNS
        while left and todo and self.has_time():
            left -= 1
            _, _, cost, state = heapq.heappop(todo)
            failure = self.failure(state)
            if failure is None:
                yield cost + self.unlikely(state), state
                left = min(left, LATER_RUNS)
                continue
            if self.furthest is None or failure.reached > self.furthest.reached:
                self.furthest = failure
            if failure.statements and not failure.is_of_arguments:
                self.furthest = failure
                return
            for more, new in self.moves(state, failure):
                if tuple(new.items()) not in seen:
                    seen.add(tuple(new.items()))
                    heapq.heappush(todo, (cost + more - PROGRESS * failure.reached, next(order), cost + more, new))

    def failure(self, state: State) -> _Failure | None:
        """Return why the forward pass does not run, None if it does and gives finite numbers."""
        if _entries(state) > DRAWN_ENTRIES:
            return _Failure(MemoryError(), ())
        try:
            with np.errstate(all="ignore"), limited(TRIAL_SECONDS):
                example = self.example(state)
                result = self.called(example)
                if result is None and example.owner is not None:  # it leaves its output on the object
                    result = vars(example.owner)
        except (Exception, TimedOut) as error:
            return self.failed(error)
        leaves = [values.array(leaf) for _, leaf in values.leaves(result)]
        if not leaves:
            return _Failure(ValueError("negative dimensions"), tuple(state))
        if all(np.all(np.isfinite(leaf)) for leaf in leaves if leaf.dtype.kind in "fc"):
            return None
        return _Failure(FloatingPointError(), tuple(state))

    def called(self, example: Example) -> Any:
        self.program.probe.listen(QUIET)
        last = self.found.forward.rpartition(".")[2]
        if example.owner is not None:
            return getattr(example.owner, last)(*example.arguments, **example.keywords)
        function = self.program.namespace[self.found.forward.split(".")[0]]
        function = getattr(function, last) if "." in self.found.forward else function
        return function(*example.arguments, **example.keywords)

    def failed(self, error: BaseException) -> _Failure:
        """Return where an exception was raised, and which arguments are read there."""
        guilty, statements, reached = dict[Name, None](), list[ast.stmt](), 0
        trace = error.__traceback__
        while trace is not None:
            code = trace.tb_frame.f_code
            node = _statement_at(self.program.tree, trace.tb_lineno)
            if code.co_filename == self.program.path and node is not None:
                statements.insert(0, node)
                guilty = {**dict.fromkeys(self.read(node, code.co_name)), **guilty}
                own = self.lines.get(code.co_name, [])
                reached = max(reached, sum(line < node.lineno for line in own))
            trace = trace.tb_next
        return _Failure(error, tuple(guilty), tuple(statements), reached)

    def read(self, node: ast.stmt, function: str) -> Iterator[Name]:
        """Yield the names that a statement reads, and those that they were made from."""
        sources = self.sources.get(function, {})
        prefix: Name = (CONSTRUCTED,) if function == CONSTRUCTED else ()
        todo, seen = [*guesses.loaded(node)], set[Name]()
        while todo:
            name = todo.pop(0)
            if name not in seen:
                seen.add(name)
                yield (*prefix, *name)
                if not prefix:  # what the constructor made it from
                    yield from ((CONSTRUCTED, *part) for part in self.sources.get(CONSTRUCTED, {}).get(name[0], ()))
                todo += sources.get(name[0], ())

    def example(self, state: State) -> Example:
        """Return arguments of the sizes and kinds of a state, with the same values each time."""
        rng = np.random.default_rng(0)
        arguments: dict[str, Any] = {}
        for name, guess in state.items():
            inside = arguments
            for part in name[:-1]:
                inside = inside.setdefault(part, {})
            inside[name[-1]] = guesses.value_of(guess, rng)
        owner = None
        if self.owner:
            np.random.seed(0)
            random.seed(0)
            owner = self.program.namespace[self.owner](**arguments.pop(CONSTRUCTED, {}))
        return Example((), arguments, owner)

    def small(self, state: State) -> State:
        """Return the state with small sizes, if it runs with them too."""
        new = _with_small_sizes(state)
        return new if self.failure(new) is None else state

    def unlikely(self, state: State) -> float:
        """Return the cost of parameters with an entry for each example, where weights share a size with the data."""
        given = [(n, g) for n, g in state.items() if n[0] != CONSTRUCTED and g.dims]
        data = next((pair for pair in given if not guesses.WEIGHTS.match(pair[0][-1])), None)
        first, rest = data[1] if data else None, [pair for pair in given if pair is not data]
        factors = [(name, guess) for name, guess in rest if name[-1] in self.factored]
        weights = [(name, guess) for name, guess in factors if guesses.WEIGHTS.match(name[-1])] or factors
        shared = {dim for _, guess in weights for dim in guess.dims}
        if first is None or not shared & set(first.dims):
            return 0.0
        added = {n: g for n, g in rest if n[-1] not in self.factored and g.is_array and not LABELS.match(n[-1])}
        examples = set(first.dims) - shared
        own = [name for name, guess in added.items() if set(_axes(guess)) & examples]
        return sum(UNLIKELY if guesses.BIASES.match(name[-1]) else SELDOM for name in own)

    # What to try next

    def moves(self, state: State, failure: _Failure) -> Iterator[tuple[float, State]]:
        """Yield other states in which what failed may run, with what each costs."""
        text = str(failure.error)
        guilty = [name for name in failure.guilty if name in state]
        if isinstance(failure.error, FloatingPointError):
            yield from _positive(state)
            return
        if isinstance(failure.error, MemoryError):
            yield 0.0, _with_small_sizes(state)
            return
        if isinstance(failure.error, KeyError):
            yield from self.with_item(state, failure.error.args[0], failure.statements)
        yield from self.equal(state, text, guilty)
        yield from self.other_kinds(state, text, guilty, failure.statements)
        yield from self.other_ranks(state, text, guilty, failure.statements)
        held = guesses.bases(state)
        for one, other in (pair for found in _mismatches(text) for pair in (found, found[::-1]) if self.slices):
            for k, times in enumerate(self.factors) if one in held and other in held else ():
                yield 0.5 + 0.1 * k, guesses.resized(state, one, (other,) * times)
        refused = isinstance(failure.error, AssertionError) or isinstance(
            next(iter(failure.statements), None), ast.Raise
        )
        if refused or re.search("reshape|equal division|multiple", text):
            yield from self.multiples(state, guilty)
        elif "broadcast" in text and {n for p in _mismatches(text) for n in p} - set(guesses.bases(state)):
            yield from self.multiples(state, guilty)  # of slices
        if "negative dimensions" in text:
            yield from _larger(state, guilty)
        if "positive definite" in text or "square" in text:
            yield from _square(state, guilty)

    def equal(self, state: State, text: str, guilty: Sequence[Name]) -> Iterator[tuple[float, State]]:
        """Yield states in which two sizes that a message names are equal, or one of them is 1."""
        held = guesses.bases(state)
        for k, pair in enumerate(_mismatches(text)):
            for one, other in (pair, pair[::-1]) if 0 not in pair else ():
                new = guesses.with_size(state, one)
                if other in held and other not in new:
                    shared = all(_uses(state, base) > 1 for base in (*new, other))  # two sizes that differ so far
                    yield 0.5 * k + SELDOM * shared, guesses.resized(state, other, new)
                    break
            yield from _equal_sums(state, *pair)
            yield from _equal_products(state, *pair)
            for name in guilty:
                guess = state[name]
                if guess.is_array and set(guess.shape) & set(pair):
                    yield from _with_ones(state, name, pair)
        limit = re.search(r"index \d+ is out of bounds for axis \d+ with size (\d+)", text)
        if limit is not None and int(limit[1]) in held:  # a loop runs over another size
            others = [base for name in guilty for dim in state[name].dims for base in dim]
            for k, base in enumerate(dict.fromkeys(others)):
                if base > int(limit[1]) or k == 0:
                    yield 0.4 + 0.1 * k, guesses.resized(state, int(limit[1]), (base,))

    def multiples(self, state: State, guilty: Sequence[Name]) -> Iterator[tuple[float, State]]:
        """Yield states in which one size is a number of times another, as that of stacked gates is."""
        counts = [guess.dims[0] for guess in state.values() if guess.kind is Kind.COUNT and guess.shape[0] > 1]
        data = next((set(bases) for n, g in state.items() if (bases := guesses.bases({n: g})) and g.is_array), set())
        weights = {base for n, g in list(state.items())[1:] for base in guesses.bases({n: g})}
        own = guesses.bases({name: state[name] for name in guilty})
        for one in sorted(own, key=data.__contains__):  # the sizes of weights alone come first
            for other in sorted(guesses.bases(state), key=lambda base: (base not in weights, base not in own)):
                for k, times in enumerate(self.factors):
                    if one != other:
                        cost = (0.3 if other in own else 0.5) + 0.1 * k + SELDOM * (one in data)
                        yield cost, guesses.resized(state, one, (other,) * times)
                        yield cost, self.parts(state, one, other, times)
            for count in counts:
                for k, times in enumerate((3, 2, 4)):
                    if one not in count and one % sum(count):
                        yield 0.5 + 0.1 * k, guesses.resized(state, one, count * times)

    def parts(self, state: State, one: int, other: int, times: int) -> State:
        """Return a state in which stacked weights are a number of times as large as what they make parts of."""
        stacked = guesses.resized(state, one, (other,) * times)
        single = guesses.resized(state, one, (other,))
        return {
            n: single[n] if len(g.dims) > 1 and n[-1] not in self.factored else stacked[n] for n, g in state.items()
        }

    def other_kinds(
        self, state: State, text: str, guilty: Sequence[Name], statements: Sequence[ast.stmt]
    ) -> Iterator[tuple[float, State]]:
        """Yield states in which an argument is of another kind."""
        keyed = {name for node in statements[:1] for name in _keyed(node)}
        inside = {name for node in statements[:1] for name in _in_brackets(node)}
        limit = re.search(r"axis \d+ with size (\d+)", text)
        for place, name in enumerate(guilty):
            guess, late = state[name], 0.1 * place
            if name[-1] in keyed and guess.kind is not Kind.DICT:
                items = {(*name, key): guesses.first_guess(self.function, key, self.sizes) for key in self.keys(name)}
                yield late, {**state, name: Guess(Kind.DICT)} | items
            if guess.is_array and re.search("indices|as an index|scalar index|integer", text):
                cost = late if name[-1] in inside or LABELS.match(name[-1]) else 1.0 + late
                yield cost, {**state, name: Guess(Kind.INDICES, guess.dims[:1] or (self.new(),))}
            if guess.kind is Kind.INDICES and limit is not None:
                yield late, {**state, name: guess._replace(limit=guesses.with_size(state, int(limit[1])))}
            if re.search(r"integer|scalars?\b|length-1|size 1|truth value", text):
                if guess.kind is not Kind.COUNT:
                    yield 0.4 + late, {**state, name: guesses.counted(name[-1], self.sizes)}
                if guess.kind is not Kind.NUMBER:
                    yield 0.6 + late, {**state, name: Guess(Kind.NUMBER, positive=True)}
            if guess.kind in (Kind.NUMBER, Kind.COUNT) and re.search(r"(?:float|int)'? object|0-dim|iterable", text):
                yield 0.3 + late, {**state, name: Guess(Kind.ARRAY, (self.new(), self.new()))}

    def other_ranks(
        self, state: State, text: str, guilty: Sequence[Name], statements: Sequence[ast.stmt]
    ) -> Iterator[tuple[float, State]]:
        """Yield states in which an array has more or fewer axes."""
        said = re.search(r"unpack \(expected (\d+)|but (\d+) were indexed", text)
        wanted = int(said[1] or said[2]) if said is not None else None
        if "axes don't match" in text:
            wanted = next((len(axes) for node in statements[:1] for axes in _orders(node)), None)
        if not re.search(
            "dimension|axis|axes|unpack|indexed|subscript|sequence|aligned|broadcast|has no len|invalid index", text
        ):
            return
        for place, name in enumerate(guilty):
            guess, late = state[name], 0.1 * place
            if guess.kind not in (Kind.ARRAY, Kind.INDICES):
                continue
            rank = len(guess.dims)
            sure = rank + 1 if re.search("has no len|invalid index", text) else wanted
            ranks = [sure] if sure is not None and sure != rank else [rank + 1, rank - 1]
            for k, new in enumerate(ranks):
                if 1 <= new <= HIGHEST_RANK:
                    more = tuple(self.new() for _ in range(new - rank))
                    cost = 0.2 if sure is not None else 1.0 + 0.3 * k
                    yield cost + late, {**state, name: guess._replace(dims=(more + guess.dims)[-new:])}

    def with_item(self, state: State, key: object, statements: Sequence[ast.stmt]) -> Iterator[tuple[float, State]]:
        """Yield states in which a dict has an item more, which a function reads."""
        functions = self.program.functions.values()
        around = [node for node in functions if statements and statements[0] in ast.walk(node)]
        for name, guess in state.items():
            if guess.kind is Kind.DICT and isinstance(key, str):
                yield (
                    0.0,
                    {**state, (*name, key): guesses.first_guess((around or [self.function])[-1], key, self.sizes)},
                )


def _entries(state: State) -> int:
    """Return how many entries the arrays of a state have."""
    return sum(math.prod(guess.shape) for guess in state.values())


def _with_small_sizes(state: State) -> State:
    """Return the state with small sizes, if there are enough of them."""
    held = guesses.bases(state)
    if len(held) > len(SMALL):
        return state
    new = state
    for base in held:
        new = guesses.resized(new, base, (-base,))
    for base, size in zip(held, SMALL, strict=False):
        new = guesses.resized(new, -base, (size,))
    return new


def _equal_sums(state: State, one: int, other: int) -> Iterator[tuple[float, State]]:
    """Yield states in which two sizes are equal that are both sums: of the parts of joined arrays."""
    parts, expected = guesses.with_size(state, other), guesses.with_size(state, one)
    if len(parts) != 2 or len(expected) != 2 or set(parts) == set(expected):
        return
    for k, order in enumerate((expected, expected[::-1])):
        new = state
        for own, wanted in zip(parts, order, strict=True):
            new = guesses.resized(new, own, (wanted,))
        yield 0.1 * k, new


def _equal_products(state: State, one: int, other: int) -> Iterator[tuple[float, State]]:
    """Yield states in which two sizes are equal, by which two products differ: of the axes that a reshape joins."""
    held = guesses.bases(state)
    if one not in held and other not in held:
        for first, second in itertools.permutations(held, 2):
            if one * second == other * first:
                yield 0.2, guesses.resized(state, first, (second,))


def _with_ones(state: State, name: Name, sizes: Sequence[int]) -> Iterator[tuple[float, State]]:
    """Yield states in which an array has size 1 along an axis, or an axis of size 1 more."""
    guess = state[name]
    if len(guess.dims) == 1:
        yield 0.5, _vectors(state, name, lambda dim: (dim, ONE))
        return
    for axis, size in enumerate(guess.shape):
        if size in sizes:
            yield 1.5, {**state, name: guess._replace(dims=(*guess.dims[:axis], ONE, *guess.dims[axis + 1 :]))}


def _vectors(state: State, name: Name, dims: Callable[[Dim], tuple[Dim, ...]]) -> State:
    """Return a state in which a vector has other axes; all biases are alike."""
    alike = guesses.BIASES.match(name[-1])
    own = [
        n
        for n, g in state.items()
        if n == name or (alike and g.is_array and len(g.dims) == 1 and guesses.BIASES.match(n[-1]))
    ]
    return {**state, **{n: state[n]._replace(dims=dims(state[n].dims[0])) for n in own}}


def _positive(state: State) -> Iterator[tuple[float, State]]:
    """Yield states in which an argument, or each of them, lies between 0 and 1."""
    arrays = {name: guess for name, guess in state.items() if guess.is_array and not guess.positive}
    for name, guess in arrays.items():
        yield 0.5, {**state, name: guess._replace(positive=True)}
    if len(arrays) > 1:
        yield 0.9, {**state, **{name: guess._replace(positive=True) for name, guess in arrays.items()}}


def _larger(state: State, guilty: Sequence[Name]) -> Iterator[tuple[float, State]]:
    """Yield states in which an image is larger."""
    for name in guilty:
        guess = state[name]
        if guess.is_array and len(guess.dims) > 2:
            more = tuple((sum(dim) + LARGER,) for dim in guess.dims[-2:])
            yield 0.5, {**state, name: guess._replace(dims=guess.dims[:-2] + more)}


def _square(state: State, guilty: Sequence[Name]) -> Iterator[tuple[float, State]]:
    """Yield states in which a matrix is square, or positive definite."""
    for name in guilty:
        guess = state[name]
        if guess.is_array and len(guess.dims) > 1:
            if guess.dims[-1] != guess.dims[-2]:
                yield 0.3, guesses.resized(state, guess.dims[-1][0], guess.dims[-2])
            elif not guess.definite:
                yield 0.3, {**state, name: guess._replace(definite=True)}


def _as_derived(state: State, shapes: Mapping[str, tuple[int, ...]]) -> Iterator[tuple[float, State]]:
    """Yield states in which arguments have the shapes of their derivatives, where these only have fewer entries."""
    for name, guess in state.items():
        shape = shapes.get(name[-1]) if guess.is_array else None
        if shape == () and not guesses.BIASES.match(name[-1]):
            yield 0.6, {**state, name: Guess(Kind.NUMBER, positive=True)}
        elif shape and len(shape) == len(guess.dims):
            dims = tuple(ONE if size == 1 else dim for dim, size in zip(guess.dims, shape, strict=True))
            if tuple(map(sum, dims)) == shape and dims != guess.dims:
                yield 0.0, {**state, name: guess._replace(dims=dims)}
        elif shape:
            for dims in itertools.combinations(guess.dims, len(shape)):
                if tuple(map(sum, dims)) == shape:
                    yield 0.6, {**state, name: guess._replace(dims=dims)}


def _all_as_derived(state: State, shapes: Mapping[str, tuple[int, ...]]) -> Iterator[tuple[float, State]]:
    """Yield states in which vectors are columns or rows as their derivatives are, and sizes are equal as in these."""
    own = {sum(dim): dim for guess in state.values() for dim in guess.dims}
    wrong = {n: shapes[n[-1]] for n, g in state.items() if g.is_array and shapes.get(n[-1], g.shape) != g.shape}
    new, pairs = dict(state), dict[int, Dim]()
    for name, shape in wrong.items():
        dims = state[name].dims
        known = [ONE if size == 1 else own.get(size) for size in shape]
        if len(shape) > len(dims) and ONE in known:
            new[name] = state[name]._replace(dims=tuple(dim for dim in known if dim is not None))
        elif len(shape) == len(dims):
            pairs |= {dim[0]: other for dim, other in zip(dims, known, strict=True) if other and other != dim != ONE}
    yield 0.3, new
    for base, other in pairs.items():
        yield 0.4, guesses.resized(new, base, other)


def _doubled(state: State) -> State:
    """Return a state with even sizes, which code may need that takes arrays apart into halves."""
    new = state
    for base in guesses.bases(state):
        new = guesses.resized(new, base, (-base, -base))
    for base in guesses.bases(state):
        new = guesses.resized(new, -base, (base,))
    return new


def _variants(state: State, wrong: Collection[str]) -> Iterator[tuple[float, State]]:
    """Yield what a state that runs may be instead, with how unlikely it is.

    wrong: arguments whose derivatives are wrong, which may have fewer axes.
    """
    yield 0.6, _doubled(state)
    for name, guess in state.items():
        if guess.kind is Kind.INDICES:
            yield from _other_labels(state, name)
        if not guess.is_array:
            continue
        rank = len(guess.dims)
        if guesses.MASKS.match(name[-1]) and guess.marks is None:
            yield 0.0, {**state, name: guess._replace(marks=-1)}
        if LABELS.match(name[-1]) and guess.marks is None:
            for axis in [*(k for k in reversed(range(rank)) if guess.shape[k] > 1), -1]:
                yield 0.3, {**state, name: guess._replace(marks=axis)}
        if rank == 1:
            yield 0.4, _vectors(state, name, lambda dim: (ONE, dim))
            yield 0.4, _vectors(state, name, lambda dim: (dim, ONE))
            if not guesses.BIASES.match(name[-1]):
                yield 0.5, {**state, name: Guess(Kind.NUMBER, positive=True)}
        else:
            cost = 0.5 if name[-1] in wrong else 1.5
            yield cost, {**state, name: guess._replace(dims=guess.dims[1:])}
            yield cost + 0.1, {**state, name: guess._replace(dims=guess.dims[:-1])}
        if not guess.positive:
            yield 1.5, {**state, name: guess._replace(positive=True)}


def _other_labels(state: State, name: Name) -> Iterator[tuple[float, State]]:
    """Yield states in which whole numbers are one, or labels as many as other whole numbers."""
    guess = state[name]
    if len(guess.dims) == 1:
        yield 0.4, {**state, name: guess._replace(dims=())}
    for other in state.values() if LABELS.match(name[-1]) else ():
        if other.kind is Kind.INDICES and other.dims != guess.dims:
            yield 0.3, {**state, name: guess._replace(dims=other.dims)}


def _uses(state: State, base: int) -> int:
    """Return how many arguments have a size."""
    return sum(any(base in dim for dim in guess.dims) for guess in state.values())


def _axes(guess: Guess) -> list[Dim]:
    """Return the sizes of an array that are not 1."""
    return [dim for dim in guess.dims if dim != ONE]


def _mismatches(text: str) -> list[tuple[int, int]]:
    """Return the sizes that a message of NumPy names as different, the last axis first."""
    for pattern in (
        r"size (\d+) is different from (\d+)",
        r"(\d+) \(dim \d+\) != (\d+) \(dim",
        r"has size (\d+) and .* has size (\d+)",
        r"dimension is (\d+) but corresponding boolean dimension is (\d+)",
    ):
        said = re.search(pattern, text)
        if said is not None:
            return [(int(said[1]), int(said[2]))]
    if "broadcast" not in text:
        return []
    parts = re.findall(r"->\(([\w, ]*)\)", text) or re.findall(r"\(([\d, ]*)\)", text)  # einsum: as it aligns them
    shapes = [[int(n) for n in re.findall(r"\d+", part.replace("newaxis", "1"))] for part in parts]
    found = [
        (one, other)
        for first, second in itertools.combinations(shapes, 2)
        for one, other in zip(first[::-1], second[::-1], strict=False)
        if one != other and 1 not in (one, other)
    ]
    return list(dict.fromkeys(found))


def _statement_at(tree: ast.Module, line: int) -> ast.stmt | None:
    """Return the innermost statement at a line."""
    around = [n for n in ast.walk(tree) if isinstance(n, ast.stmt) and n.lineno <= line <= (n.end_lineno or n.lineno)]
    return max(around, key=lambda node: node.lineno, default=None)


def _called(program: Program, function: ast.FunctionDef) -> Iterator[ast.FunctionDef]:
    """Yield the methods that a function calls of the objects that it makes."""
    names = {names_of(part.func) for part in ast.walk(function) if isinstance(part, ast.Call)}
    for name, node in program.functions.items():
        owner, _, last = name.rpartition(".")
        if owner in names and any(called.endswith(f".{last}") for called in names):
            yield node


def _slices(function: ast.FunctionDef) -> bool:
    """Return whether a function takes slices up to a number of times a size, and may run with fewer entries."""
    ends = [part.upper for part in ast.walk(function) if isinstance(part, ast.Slice)]
    return any(isinstance(end, ast.BinOp) and isinstance(end.op, ast.Mult) for end in ends)


def _factors(functions: Sequence[ast.FunctionDef]) -> list[int]:
    """Return what one size may be another one times: whole numbers of functions, and one more, as of a last slice."""
    numbers = [part.value for node in functions for part in ast.walk(node) if isinstance(part, ast.Constant)]
    own = {number for number in numbers if type(number) is int and 2 <= number <= LARGEST_FACTOR}
    return sorted(own | {max(own) + 1} if own else {2, 3, 4}, reverse=True)


def _factored(function: ast.FunctionDef) -> set[str]:
    """Return the names, and the last parts of others, that are factors of matrix products, or may be."""
    found = set[str]()
    for node in ast.walk(function):
        match node:
            case ast.BinOp(left, ast.MatMult(), right):
                factors = [left, right]
            case ast.Call(ast.Attribute(value, "dot" | "matmul" | "einsum" | "tensordot" | "outer"), args):
                factors = [value, *args]
            case _:
                continue
        found |= {name[-1] for factor in factors for name in guesses.loaded(factor)}
    given = guesses.aliases(function)
    return found | {given[name] for name in found & given.keys()}


def _orders(node: ast.AST) -> Iterator[list[ast.expr]]:
    """Yield the axes that a statement transposes arrays by, where it names them one by one."""
    for part in ast.walk(node):
        if isinstance(part, ast.Call) and ast.unparse(part.func).endswith("transpose") and len(part.args) > 1:
            last = part.args[-1]
            yield last.elts if isinstance(last, (ast.Tuple, ast.List)) else part.args


def _keyed(node: ast.AST) -> set[str]:
    """Return the names that a statement takes items from with a text as key."""
    found = set[str]()
    for part in ast.walk(node):
        match part:
            case ast.Subscript(ast.Name(name), key) | ast.Call(ast.Attribute(ast.Name(name), "get"), [key, *_]):
                texts = [one for one in ast.walk(key) if isinstance(one, ast.Constant) and isinstance(one.value, str)]
                found |= {name} if texts else set()
    return found


def _in_brackets(node: ast.AST) -> set[str]:
    """Return the names in the brackets of a statement's items."""
    found = [part.slice for part in ast.walk(node) if isinstance(part, ast.Subscript)]
    return {part.id for inside in found for part in ast.walk(inside) if isinstance(part, ast.Name)}
