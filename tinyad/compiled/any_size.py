"""Compile a model to one program for every number of time steps T, of columns B, or both.

The sources for several sizes are the same text but for numbers, and each of these is a formula in T and B
(`size_fitting`).  That is checked at a further size, and again wherever a size first comes: the model is recorded once
at that size, too, and where the tape has other steps, or other results, the size has a program of its own.
"""

from __future__ import annotations

import json
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Any, NamedTuple

import numpy as np

from tinyad.arrays.matrix import Array, Shape
from tinyad.compiled.model_examples import Recorded, drawn, recorded, steps
from tinyad.compiled.numpy_engine import Functions, NumpyEngine, Places, Source
from tinyad.compiled.open_sizes import ATTEMPTS, OpenSizes, parsed, parts
from tinyad.compiled.program import Engine, Program, unknown
from tinyad.compiled.size_fitting import NoFormulaError, Sizes, Template, check_words, fitted
from tinyad.compiled.sized_form import constants, described, general_source, has_steps_of, listed, with_remark
from tinyad.compiled.source_writer import Argument
from tinyad.compiled.values import Value
from tinyad.engine.tape import Tape

KEPT = 32  # programs for a size, and for the engines that have no other
TOLERANCE = {"f": 1e-4, "d": 1e-9, "F": 1e-4, "D": 1e-9}  # of results of a tape, relative to the largest

Labels = dict[str, Any]  # of what is asked for: the name on a tape, or for a list those of its matrices
Results = dict[str, Any]  # by name; of a list as a list


class AtSize(NamedTuple):
    """A program for one size, where its results are, and the names and sizes of its seeds."""

    program: Program
    results: tuple[Labels, Labels]
    seeds: Labels
    seed_shapes: Mapping[str, Shape]  # in row layout, of those that it reads


class General(NamedTuple):
    """A source for every size; its arguments and results, as a template; what `explain` says of it."""

    source: str
    form: Template
    functions: Functions
    constants: list[Array]
    explained: str


class AnySizeProgram:
    """A compiled model for every number of time steps, of columns, or both: `values, d = program(W=W, xs=xs)`.

    It is called as a `Program` is, with lists of T matrices for what was a list among the examples, in arguments, seeds
    and results.  What is not passed is as in the examples, if these are of the same T and B.  The first run of a size
    takes as long as a run on a tape, which it is compared with; memory is kept for the last size.  Where a size needs a
    program of its own, as in machine code and JAX all do, it is compiled when it first comes, and 32 are kept:
    `explain` says so.
    """

    def __init__(
        self,
        model: Tape | Callable[..., Any],
        compiled: Callable[..., Any],
        engine: str,
        shapes: str,
        examples: Mapping[str, Any],
        asked: tuple[Any, Any, Any],
    ) -> None:
        time, batch = parsed(shapes)
        if isinstance(model, Tape):
            raise TypeError(f"shapes={shapes!r} needs a model, a function: a tape is of one size")
        self._model, self._compile = model, compiled
        outputs, derivatives, self._seeds = asked
        self._asked = tuple((names,) if isinstance(names, str) else tuple(names) for names in (outputs, derivatives))
        self._open = OpenSizes(drawn(examples), time)
        if batch:
            self._open.find_columns(partial(recorded, model))
        self._own: dict[Sizes, str] = {}  # sizes that the general source is not for, and why
        self._agreed: set[Sizes] = set()
        self._sharing: Mapping[str, Any] | None = None
        first = self._recorded(self._open.recorded_at(0)[0])
        losses = [name for name in self._asked[0] if name not in first.lengths and first.tape[name].shape == (1, 1)]
        if self._seeds is None and len(losses) == 1:
            (self._seeds,) = losses
        self._bases = {name: base for name, base in first.bases.items() if name in examples}
        self._general: General | None = None
        self._why = "" if engine == "numpy" else f'engine="{engine}" compiles for one size'
        for attempt in range(ATTEMPTS) if engine == "numpy" else ():
            try:
                self._general = self._fitted(self._open.recorded_at(attempt))
                break
            except NoFormulaError as error:
                self._why = self._why or str(error)
        self._start()
        if self._general is None:  # what is wrong with the model, or with what is asked for, is said now
            self._at(self._open.sizes)
            return
        wrong = [sizes for sizes in self._open.smallest() if not self._is_for(self._general, sizes)]
        if wrong:
            remark = f"not with {'; '.join(map(str, wrong))}"
            self._general = self._general._replace(source=with_remark(self._general.source, remark))

    def _start(self) -> None:
        self._kept: OrderedDict[Sizes, AtSize] = OrderedDict()
        self._lock = threading.Lock()
        if self._general is not None:
            self._source = Source(self._general.source, self._general.functions)

    def __call__(
        self, arrays: Mapping[str, Any] | None = None, /, *, seeds: Mapping[str, Any] | None = None, **named: Any
    ) -> tuple[Results, Results]:
        if arrays is not None and not isinstance(arrays, Mapping):
            raise TypeError("a program takes arrays by name, program(W=...), or {name: array}")
        given = {**(arrays or {}), **named}
        for name in given:
            if name not in self._open.examples:
                raise KeyError(unknown(name, self._open.examples, "array"))
        sizes, values = self._open.read(given)
        at = self._at(sizes)
        out = at.program(self._flat(values), seeds=self._seeds_at(at, sizes, seeds or {}))
        outputs, derivatives = (_gathered(found, labels) for found, labels in zip(out, at.results, strict=True))
        return outputs, derivatives

    @property
    def source(self) -> str:
        """The text of the program; of one for each size, that for the last size."""
        return self._last().program.source if self._general is None else self._general.source

    def explain(self) -> str:
        """Return for which sizes the program is, and the table of what every pass left of it at one of them."""
        if self._general is None:
            last = self._last().program.explain()
            head = f"a program for each size, compiled when it first comes: {self._why}"
            return f"{head}\nat {next(reversed(self._kept))}:\n{last}"
        own = [f"{sizes} has a program of its own: {why}" for sizes, why in self._own.items()]
        return "\n".join([self._general.explained.partition("\n")[0], *own, self._general.explained.partition("\n")[2]])

    def sharded(self, devices: Any, *, columns: Iterable[str] = (), rows: Iterable[str] = ()) -> AnySizeProgram:
        """Return the program for several devices of JAX that share the examples; see `Program.sharded`."""
        named = {"columns": columns, "rows": rows}
        sharing = {axis: [self._bases.get(name, name) for name in names] for axis, names in named.items()}
        self._at(self._open.sizes).program.sharded(devices, **sharing)
        new = AnySizeProgram.__new__(AnySizeProgram)
        new.__setstate__(self.__getstate__() | {"_sharing": {"devices": devices, **sharing}})
        return new

    def __repr__(self) -> str:
        outputs, derivatives = self._asked
        return f"AnySizeProgram({', '.join([*outputs, *(f'∇{name}' for name in derivatives)])})"

    def __getstate__(self) -> dict[str, Any]:
        if self._general is not None and self._general.functions:
            rows = ", ".join(sorted({op.symbol for _, op in self._general.functions.values()}))
            raise TypeError(f"this program calls rows, {rows}, which cannot be pickled: compile it where it runs")
        return {name: value for name, value in self.__dict__.items() if name not in ("_kept", "_lock", "_source")}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._start()

    # What is passed

    def _flat(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """Return arguments under their names on a tape."""
        flat: dict[str, Any] = {}
        for name, value in values.items():
            if name in self._bases:
                flat |= zip(steps(self._bases[name], len(value)), value, strict=True)
            else:
                flat[name] = value
        return flat

    def _seeds_at(self, at: AtSize, sizes: Sizes, given: Mapping[str, Any]) -> dict[str, Any]:
        """Return seeds under their names on a tape, those of `compile` where none are passed."""
        own = self._seeds if isinstance(self._seeds, Mapping) else {}
        flat: dict[str, Any] = {}
        for name, seed in {**own, **given}.items():
            if name not in at.seeds:
                raise KeyError(unknown(name, at.seeds, "seed"))
            labels, arrays = parts(at.seeds[name]), parts(seed)
            if len(arrays) != len(labels):
                raise ValueError(f"the seed of {name} has {len(arrays)} matrices, expected {len(labels)}")
            for label, dz in zip(labels, arrays, strict=True):
                if name not in given and at.seed_shapes.get(label, np.shape(dz)) != np.shape(dz):
                    raise ValueError(f"the seed of {name} is not given, and its example is not for {sizes}: pass it")
                flat[label] = dz
        return flat

    # Programs

    def _last(self) -> AtSize:
        with self._lock:
            last = next(reversed(self._kept), self._open.sizes)
        return self._at(last)

    def _at(self, sizes: Sizes) -> AtSize:
        """Return the program for a size."""
        with self._lock:
            if sizes in self._kept:
                self._kept.move_to_end(sizes)
                return self._kept[sizes]
        made = self._made(sizes)
        with self._lock:
            self._kept[sizes] = made
            while len(self._kept) > KEPT:
                self._kept.popitem(last=False)
        return made

    def _made(self, sizes: Sizes) -> AtSize:
        if self._general is not None and self._is_for(self._general, sizes):
            return self._of_general(self._general, sizes)
        return self._fixed(self._recorded(sizes))

    def _is_for(self, general: General, sizes: Sizes) -> bool:
        """Return whether the program for every size is right at one of them."""
        if sizes not in self._agreed and sizes not in self._own:
            why = self._difference(general, sizes, self._recorded(sizes))
            if why is None:
                self._agreed.add(sizes)
            else:
                self._own[sizes] = why
        return sizes in self._agreed

    def _recorded(self, sizes: Sizes) -> Recorded:
        try:
            return recorded(self._model, self._open.resized(sizes))
        except ValueError as error:
            raise ValueError(f"with {sizes} the model does not run: {error}") from None

    def _seed_labels(self, labels: Callable[[str], Any]) -> Labels:
        names = self._seeds if isinstance(self._seeds, Mapping) else [self._seeds] if self._seeds else []
        return {name: labels(name) for name in names}

    def _start_of(self, tape: Recorded) -> Any:
        """Return what the backward pass over a tape starts from: the loss, or seeds of the sizes there."""
        if not isinstance(self._seeds, Mapping):
            return self._seeds
        values = {label: tape.tape[label].value for name in self._seeds for label in tape.labels(name)}
        rng = np.random.default_rng(0)
        return {label: rng.uniform(0.5, 1.5, a.shape[::-1]).astype(a.dtype) for label, a in values.items()}

    def _compiled(self, tape: Recorded) -> Program:
        """Return the program of a tape."""
        labels = [[label for name in names for label in tape.labels(name)] for names in self._asked]
        program: Program = self._compile(tape.tape, *labels, self._start_of(tape))
        return program

    def _fixed(self, tape: Recorded) -> AtSize:
        """Return a program for the size of a tape alone."""
        program = self._compiled(tape)
        if self._sharing is not None:
            program = program.sharded(**self._sharing)

        def on_tape(name: str) -> Any:
            found = [tape.tape.label(tape.tape[label].index) for label in tape.labels(name)]
            return found if name in tape.lengths else found[0]

        return self._at_size(program, on_tape)

    def _at_size(self, program: Program, labels: Callable[[str], Any]) -> AtSize:
        outputs, derivatives = ({name: labels(name) for name in names} for names in self._asked)
        arguments = (part for argument in program.form().arguments for part in parts(argument))
        shapes = {part.name: part.array.shape[::-1] for part in arguments if part.kind == "seed"}
        return AtSize(program, (outputs, derivatives), self._seed_labels(labels), shapes)

    # The program for every size

    def _fitted(self, at: list[Sizes]) -> General:
        """Return the program behind those of several sizes; NoFormulaError if they have none in common."""
        tapes: dict[Sizes, Recorded] = {}
        programs: dict[Sizes, Program] = {}
        for sizes in at:
            tapes[sizes] = self._recorded(sizes)
            programs[sizes] = self._compiled(tapes[sizes])
            sources = {known: program.source for known, program in programs.items()}
            check_words(sources)
        source = fitted(sources)
        try:
            form = fitted({sizes: described(program, tapes[sizes]) for sizes, program in programs.items()})
        except NoFormulaError:
            raise NoFormulaError("its arguments, results or steps are not in step with T and B") from None
        first, *others = programs.values()
        known = constants(first)
        if any(list(map(_bytes, constants(program))) != list(map(_bytes, known)) for program in others):
            raise NoFormulaError("constants of the model depend on the size")
        text = general_source(source, {sizes: json.loads(form.at(sizes)) for sizes in at})
        *grid, last = map(str, at)
        explained = f"one program for every size, found with {'; '.join(grid)}, and the same with {last}, where it has:"
        return General(text, form, first.form().functions, known, f"{explained}\n{programs[at[-1]].explain()}")

    def _of_general(self, general: General, sizes: Sizes) -> AtSize:
        """Return the program for a size as a run of the general source."""
        form = json.loads(general.form.at(sizes))

        def labels(name: str) -> Any:
            return steps(form["bases"][name], form["lengths"][name]) if name in form["lengths"] else name

        seed_labels = [label for found in self._seed_labels(labels).values() for label in parts(found)]
        seeds: dict[int, tuple[str, Array]] = {k: (label, np.ones((1, 1))) for k, label in enumerate(seed_labels)}
        given = list(self._flat(self._open.placeholders(sizes)).items())
        positions = {label: k for k, (label, _) in enumerate(given)}
        known = iter(general.constants)
        arguments = []
        for over_time, runs in form["arguments"]:
            values = []
            for (kind, base, shape, dtype), step in listed(runs):
                label = base if step is None else f"{base}[{step}]"
                extra: Any
                if kind == "constant":
                    extra = next(known).tobytes()
                elif kind == "seed":
                    extra = seed_labels.index(label)
                    seeds[extra] = label, np.broadcast_to(np.ones((), dtype), shape)
                else:
                    extra = positions[label]
                op = "leaf" if kind == "given" else kind
                values.append(Value(op, (), extra, tuple(shape), np.dtype(dtype), None))
            arguments.append(Argument("", tuple(values), over_time, values[0]))
        names = [[label for name in asked for label in parts(labels(name))] for asked in self._asked]
        engine = partial(_engine, self._source, tuple(n for n in sizes if n))
        program = Program(
            general.source,
            arguments,
            dict(enumerate(given)),
            seeds,
            general.functions,
            (names[0], names[1]),
            [(k, (*at, *(() if t is None else (t,)))) for (k, *at), t in listed(form["places"])],
            "",
            engine,
        )
        return self._at_size(program, labels)

    def _difference(self, general: General, sizes: Sizes, tape: Recorded) -> str | None:
        """Return how a run of the general source differs from the tape; None if it does not."""
        try:
            if not has_steps_of(json.loads(general.form.at(sizes)), tape):
                return "the model has other steps there"
            start = self._start_of(tape)
            arguments = {label: tape.tape[label].value for name in self._open.examples for label in tape.labels(name)}
            with np.errstate(all="ignore"):
                at = self._of_general(general, sizes)
                values, d = at.program(arguments, seeds=start if isinstance(start, Mapping) else None)
                eager: Any = tape.tape.backward(start) if d else {}
        except (ArithmeticError, LookupError, NameError, TypeError, ValueError) as error:
            return f"the program for every size does not run there, {type(error).__name__}: {error}"
        pairs = [(a, tape.tape[name].value) for name, a in values.items()] + [(a, eager[name]) for name, a in d.items()]
        scale = max((float(np.abs(b[np.isfinite(b)]).max(initial=0)) for _, b in pairs), default=0.0)
        return None if all(_is_close(a, b, scale) for a, b in pairs) else "the model has other results there"


def _engine(
    source: Source, opened: tuple[int, ...], text: str, functions: Functions, places: Places, outputs: int
) -> Engine:
    """Return a source that is there already as the engine of a program, at given sizes."""
    return NumpyEngine(source, places, outputs, opened)


def _is_close(a: Array, b: Array, scale: float) -> bool:
    if a.shape != b.shape or a.dtype != b.dtype:
        return False
    return bool(np.isclose(a, b, 0, TOLERANCE[b.dtype.char] * scale, equal_nan=True).all())


def _bytes(a: Array) -> tuple[Shape, str, bytes]:
    return a.shape, str(a.dtype), a.tobytes()


def _gathered(found: Mapping[str, Any], labels: Labels) -> Results:
    """Return results under the names that were asked for, each in an array of its own."""
    seen: set[str] = set()
    results: Results = {}
    for name, own in labels.items():
        arrays = [found[label] if label not in seen else found[label].copy() for label in parts(own)]
        seen.update(parts(own))
        results[name] = arrays if isinstance(own, list) else arrays[0]
    return results
