"""Train any model on any task, chunk by chunk, so that a run can stop at any time and go on as if it had not."""

from __future__ import annotations

import math
import os
import sys
import time
from array import array
from collections.abc import Iterable, Iterator, Mapping, Sequence
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple, NoReturn

import numpy as np

from lstm_models import checkpoint, losses, sequence, text
from lstm_models.model import Matrix, Model, parameters, random
from lstm_models.models import MODELS
from lstm_models.optimizers import DECAYS, OPTIMIZERS, norm
from lstm_models.sequence import Values, after, on_tape, readout, unrolled, zeros
from lstm_models.tasks import Adding, Chunk, Sine, Task, Text
from tinyad import Derivatives, Program, Tape, Variable, first_nonfinite
from tinyad import compile as compiled

STEPS = {"text": 50, "sine-one": 10, "sine-many": 10, "adding": 50}
DTYPES = ("float32", "float64")
ENGINES = ("auto", "numpy", "native", "jax")
FOR_MACHINE_CODE = ("numba", "scipy")  # what tinyad needs to make it
KNOWN: Mapping[str, Iterable[str]] = {
    "model": MODELS, "task": STEPS, "optimizer": OPTIMIZERS, "dtype": DTYPES, "engine": ENGINES,
}  # fmt: skip
LARGEST = 1_000_000  # of a size; beyond it is a slip, or a file that somebody has made up
BACKED_UP = 60.0  # seconds


def fastest_engine() -> str:
    """Return "native" where machine code can be made, else "numpy"."""
    return "numpy" if _missing_for_machine_code() else "native"


def _missing_for_machine_code() -> str:
    return " ".join(name for name in FOR_MACHINE_CODE if find_spec(name) is None)


class Options(NamedTuple):
    """The options of a run.  `text` is a file, or None for the English text that comes with Python; `steps` and `back`
    are the
    k1 and k2 of the truncated backward pass; `clip` is the largest norm of all derivatives together.  `eager` records
    every chunk on a tape; without it programs are compiled for an `engine`, but for examples of different lengths:
    "auto" is machine code where numba is installed, else NumPy.  In JAX several `devices` can share the examples."""

    model: str = "sancho-stacked"
    task: str = "text"
    text: str | None = None
    hidden: int = 128
    batch: int = 32
    steps: int | None = None
    back: int | None = None
    optimizer: str = "adam"
    rate: float | None = None
    clip: float = 1.0
    chunks: int = 2000
    every: int = 100
    seed: int = 0
    dtype: str = "float32"
    eager: bool = False
    engine: str = "auto"
    devices: int = 1
    beta1: float | None = None
    beta2: float | None = None
    eps: float | None = None
    weight_decay: float = 0.0

    def checked(self) -> Options:
        """Return the options with the usual steps, back, rate and decays where none are given; ValueError for what is
        impossible.
        """
        for field, known in KNOWN.items():
            if getattr(self, field) not in list(known):
                raise ValueError(f"{field} {getattr(self, field)!r}: there are {', '.join(known)}")
        steps = STEPS[self.task] if self.steps is None else self.steps
        back = steps if self.back is None else self.back
        full = self._replace(
            steps=steps,
            back=back,
            rate=OPTIMIZERS[self.optimizer].rate if self.rate is None else self.rate,
            text=None if self.text is None else os.path.abspath(self.text),
            engine=fastest_engine() if self.engine == "auto" else self.engine,
            **_decays(self),
        )
        _check_numbers(full)
        _check_weight_decay(full.weight_decay, full.rate or 0.0)
        if back < steps:
            raise ValueError(f"back = {back}: the backward pass goes over the {steps} steps of a chunk, or more")
        if self.task != "text" and (self.text is not None or back != steps):
            field = "back" if self.text is None else "text"
            raise ValueError(f"{field} = {getattr(self, field)!r}: only the task text has one, not {self.task}")
        return full


def _decays(o: Options) -> dict[str, Any]:
    """Return the decays of the optimizer, those that are given or its usual ones."""
    usual = OPTIMIZERS[o.optimizer].decays
    for field in DECAYS:
        value = getattr(o, field)
        if value is not None and field not in usual:
            raise ValueError(f"{field} = {value!r}: {o.optimizer} has {' and '.join(usual)}")
        least = sys.float_info.min if field == "eps" else 0
        if value is not None and not (isinstance(value, int | float) and least <= value < 1):
            raise ValueError(f"{field} = {value!r}: expected a number {'above' if least else 'from'} 0 and below 1")
    return {field: usual[field] if getattr(o, field) is None else getattr(o, field) for field in usual}


def _check_weight_decay(decay: float, rate: float) -> None:
    if not isinstance(decay, int | float) or not 0 <= decay * rate < 1:
        raise ValueError(f"weight_decay = {decay!r}: expected 0 or more, and below 1 when multiplied by the rate")


def _check_numbers(o: Options) -> None:
    for field in ("hidden", "batch", "steps", "back", "chunks", "every", "seed", "devices"):
        value, least = getattr(o, field), int(field != "seed")
        if type(value) is not int or value < least:
            raise ValueError(f"{field} = {value!r}: expected a whole number of {least} or more")
        if field in ("hidden", "batch", "steps", "back") and value > LARGEST:
            raise ValueError(f"{field} = {value}: the largest possible is {LARGEST:,}")
    for field in ("rate", "clip"):
        value = getattr(o, field)
        if not isinstance(value, int | float) or not 0 < value <= sys.float_info.max:
            raise ValueError(f"{field} = {value!r}: expected a finite number above 0")
    if type(o.eager) is not bool:
        raise ValueError(f"eager = {o.eager!r}: expected True or False")
    if o.engine == "jax" and (o.eager or o.task == "adding"):
        what = "eager" if o.eager else "the task adding, whose examples are of different lengths,"
        raise ValueError(f"engine = 'jax': {what} records a tape for every chunk, in NumPy")
    if o.devices > 1 and o.engine != "jax":
        raise ValueError(f"devices = {o.devices}: several devices need the engine jax, not {o.engine}")
    if o.batch % o.devices:
        raise ValueError(
            f"devices = {o.devices}: they cannot share {o.batch} examples equally; the batch is to be a multiple"
        )


class Run:
    """A model, its task, and all that the next update needs: parameters, optimizer, states, and how far it has come."""

    def __init__(self, options: Options) -> None:
        self.options = o = options.checked()
        if o.engine == "jax":
            _check_devices(o.devices)
        elif o.engine == "native" and (missing := _missing_for_machine_code()):
            raise ValueError(f"engine = 'native': {missing} not installed: pip install {missing}")
        self.model: Model = MODELS[o.model]
        self.alphabet, self.fingerprint = "", ""
        self.task: Task
        steps, back, dtype = o.steps or 0, o.back or 0, np.dtype(o.dtype)
        if o.task == "text":
            string = text.text() if o.text is None else text.read(Path(o.text))
            self.alphabet, self.fingerprint = text.alphabet(string), text.fingerprint(string)
            self.task = Text(string, self.alphabet, o.batch, steps, back, o.seed, dtype)
        elif o.task == "adding":
            self.task = Adding(steps, o.batch, o.seed, dtype)
        else:
            self.task = Sine(o.task.removeprefix("sine-"), steps, o.batch, o.seed, dtype)
        X, Y = self.task.X, self.task.Y
        self.arrays = {name: np.zeros((), layout) for name, layout in layouts(o, X, Y).items()}
        self.parameters, self.start = _fields(self.arrays["parameters"]), _fields(self.arrays["start"])
        rng = np.random.default_rng(o.seed)
        drawn = parameters(self.model, o.hidden, X, rng, dtype)
        for name, p in (drawn | random(self.model.output_shapes(o.hidden, Y), o.hidden, rng, dtype)).items():
            self.parameters[name][...] = p
        self.next = self.task.chunk(0)
        self.programs: dict[Any, tuple[Program, list[str]]] = {}  # and the names of the loss and the states
        self.losses = array("d")  # of every update; written to the file after each of them, faster than a list
        self.held_out: list[tuple[int, float]] = []  # (updates, loss)

    @property
    def done(self) -> int:
        """Return the number of updates so far."""
        return len(self.losses)

    def update(self) -> float:
        """Learn from one chunk: the loss, its derivatives, clipped, move the parameters; return the loss before."""
        with np.errstate(all="ignore"):  # what is not finite is found below, with its step
            following = self.task.chunk(self.done + 1)
            recorded = self.options.eager or self.next.lengths is not None
            loss, carried, ds = (self._walked if recorded else self._computed)(following.carried)
            total = norm(ds)
            if not math.isfinite(loss) or not math.isfinite(total):
                self._find_nonfinite()
            with checkpoint.undisturbed():
                self._move(ds, min(1.0, self.options.clip / total) if total else 1.0)
                self.losses.append(loss)
                self.next = following
                for name, state in self.start.items():  # in place: a resumed run computes with the same arrays
                    state[...] = 0 if following.fresh else carried[name]
        return loss

    def _walked(self, at: int) -> tuple[float, Values, Matrix]:
        """Return the loss of the next chunk, its states after time step `at`, and the derivatives, on a tape."""
        tape, steps, _, L = self._recorded(self.next, self.start)
        d = tape.backward(L)
        states = {name: state.value for name, state in after(self.model, steps[at - 1]).items()}
        return float(L.value.item()), states, np.concatenate([d[name].T.ravel() for name in self.parameters])

    def _computed(self, at: int) -> tuple[float, Values, Matrix]:
        """Return the same by a compiled program."""
        chunk = self.next
        targets = {f"target[{t}]": target for t, target in enumerate(chunk.targets, 1) if target is not None}
        key = len(chunk.xs), tuple(targets), chunk.counted, at
        if key not in self.programs:
            tape, steps, _, L = self._recorded(chunk, self.start, named=True)
            asked = [L, *after(self.model, steps[at - 1]).values()]
            program = self._shared(compiled(tape, asked, list(self.parameters), L, engine=self.options.engine))
            self.programs[key] = program, [tape.label(v.index) for v in asked]
        program, (loss, *states) = self.programs[key]
        arrays = self.parameters | {f"{name}[0]": state for name, state in self.start.items()} | targets
        values, d = program(arrays | {f"x[{t}]": x for t, x in enumerate(self._inputs(chunk), 1)})
        carried = {name: np.asarray(values[label]) for name, label in zip(self.model.states, states, strict=True)}
        ds = [np.asarray(d[name]).T.ravel() for name in self.parameters]
        return float(np.asarray(values[loss]).item()), carried, np.concatenate(ds)

    def _shared(self, program: Program) -> Program:
        """Return the program for all devices; what a chunk starts from is shared, what it ends with whole on each."""
        if self.options.devices == 1:
            return program
        examples = ["x", *(f"{name}[0]" for name in self.model.states)]
        columns, rows = ([], examples) if self.model.rows else (examples, [])
        return program.sharded(self.options.devices, columns=["target", *columns], rows=rows)

    def _find_nonfinite(self) -> NoReturn:
        """Raise a FloatingPointError that says which step of the next chunk made the first NaN or infinity."""
        tape, steps, read, L = self._recorded(self.next, self.start)
        d = tape.backward(L)
        _named(tape, steps, read)
        if not math.isfinite(L.value.item()):
            raise self._broken("the loss", first_nonfinite(tape))
        raise self._broken("a derivative", first_nonfinite_derivative(d))

    def loss_held_out(self) -> float:
        """Return the mean loss on the data held out, without a tape."""
        total, counted = 0.0, 0
        cell, output = _parts(self.options, self.task.Y, self.parameters)
        steps: list[Values] = []
        with np.errstate(all="ignore"):
            for chunk in self.task.held_out():
                start = self._zeros(chunk) if chunk.fresh else after(self.model, steps[chunk.carried - 1])
                steps = unrolled(self.model, start, self._inputs(chunk), cell, chunk.lengths)
                loss = float(self._loss(chunk, steps, output)[0].item())
                if not math.isfinite(loss):
                    tape, recorded, read, _ = self._recorded(chunk, start)
                    why = first_nonfinite(_named(tape, recorded, read))
                    raise self._broken("the loss on what is held out, before it,", why)
                total += loss * chunk.counted
                counted += chunk.counted
        return total / counted

    def sample(self, length: int, prompt: str = "", temperature: float = 1.0, seed: int = 0) -> str:
        """Return what the model writes as it is now: `prompt` and `length` characters more."""
        return sample(self.options, self.alphabet, self.parameters, length, prompt, temperature, seed)

    def save(self, path: Path) -> None:
        """Write all that `resumed` needs into one file."""
        header = {"options": self.options._asdict(), "alphabet": self.alphabet, "text": self.fingerprint}
        history = {"losses": np.array(self.losses), "held out": np.array(self.held_out).reshape(-1, 2)}
        checkpoint.save(path, header, self.arrays | history)

    def _recorded(
        self, chunk: Chunk, start: Mapping[str, Matrix], named: bool = False
    ) -> tuple[Tape, list[Values], dict[int, Values], Variable]:
        """Record a chunk; `named` targets are Variables, which a program takes as arguments, else constants."""
        tape = Tape()
        if named:
            targets = [a if a is None else tape.variable(a, f"target[{t}]") for t, a in enumerate(chunk.targets, 1)]
            chunk = chunk._replace(targets=targets)
        cell, output = _parts(self.options, self.task.Y, tape.variables(**self.parameters))
        steps = on_tape(tape, self.model, start, self._inputs(chunk), cell, chunk.lengths)
        L, read = self._loss(chunk, steps, output)
        return tape, steps, read, L

    def _inputs(self, chunk: Chunk) -> list[Matrix]:
        return [x.T for x in chunk.xs] if self.model.rows else chunk.xs

    def _zeros(self, chunk: Chunk) -> dict[str, Matrix]:
        return zeros(self.model, self.options.hidden, chunk.xs[0].shape[1], self.options.dtype)

    def _loss(self, chunk: Chunk, steps: Sequence[Values], output: Mapping[str, Any]) -> tuple[Any, dict[int, Values]]:
        """Return the mean loss, and the values of output layer and loss by time step."""
        read, state = {}, self.model.read
        for t, (eqs, target) in enumerate(zip(steps, chunk.targets, strict=True), 1):
            if target is not None:
                output_values, a_y = readout(self.model, after(self.model, eqs)[state], output)
                read[t] = output_values | self.task.loss(a_y, target)
        return losses.over_time([values["e"] for values in read.values()], chunk.counted)[-1], read

    def _move(self, ds: Matrix, factor: float) -> None:
        o = self.options
        optimizer = OPTIMIZERS[o.optimizer]
        p, *kept = (_vector(self.arrays[name]) for name in ("parameters", *optimizer.keeps))
        if o.weight_decay:
            p *= 1 - (o.rate or 0.0) * o.weight_decay
        decays = {field: getattr(o, field) for field in optimizer.decays}
        optimizer.update(p, ds * factor, o.rate, self.done + 1, *kept, **decays)
        for name in ("parameters", *optimizer.keeps):
            if not np.isfinite(_vector(self.arrays[name])).all():
                bad = next(part for part, a in _fields(self.arrays[name]).items() if not np.isfinite(a).all())
                raise self._broken("a parameter", f"{bad}, moved by {o.optimizer}")

    def _broken(self, what: str, first: str | None) -> FloatingPointError:
        return FloatingPointError(f"update {self.done + 1}: {what} is not finite. First: {first}")


def _check_devices(count: int) -> None:
    """Raise ValueError if JAX is not installed, or has fewer devices."""
    try:
        jax = import_module("jax")
    except ImportError:
        raise ValueError("engine = 'jax': JAX is not installed: pip install jax") from None
    there, processes = jax.device_count(), jax.process_count()
    if processes > 1 and count != there:
        raise ValueError(f"devices = {count}: {processes} processes need all the {there} devices that they have")
    if count > there:
        many = "XLA_FLAGS=--xla_force_host_platform_device_count=N makes N of one CPU"
        raise ValueError(f"devices = {count}: JAX has {there}; {many}")


def train(run: Run, path: Path) -> Iterator[float]:
    """Do the updates that are left, one at a time, and yield each loss; after each the run is in the file `path`.

    Raises FloatingPointError at the first loss, derivative or parameter that is not finite; the file then holds the run
    before.  After Ctrl-C it can be called again, with the run or with `resumed(path)`.
    """
    with checkpoint.alone(path.parent):
        try:
            backed_up = time.monotonic()
            while run.done < run.options.chunks:
                loss = run.update()
                if run.done % run.options.every == 0 or run.done == run.options.chunks:
                    run.held_out.append((run.done, run.loss_held_out()))
                run.save(path)
                if time.monotonic() > backed_up + BACKED_UP:
                    checkpoint.back_up(path)
                    backed_up = time.monotonic()
                yield loss
        finally:
            checkpoint.tidy(path)


def resumed(path: Path, chunks: int | None = None) -> Run:
    """Return the run of a checkpoint, to go on with, to `chunks` updates in all; ValueError if that is impossible."""
    o, _, fingerprint, arrays = opened(path)
    done = len(arrays["losses"])
    if chunks is not None:
        o = o._replace(chunks=chunks)
    if o.chunks < done:
        raise ValueError(f"{path} has {done} updates already, chunks = {o.chunks}: give more, or none")
    run = Run(o)
    if fingerprint != run.fingerprint:
        which = o.text or "the text that comes with this Python"
        raise ValueError(
            f"{which} is not the text that {path} learned from: its fingerprint is {run.fingerprint}, not "
            f"{fingerprint}; bring that text back, or start again in another folder"
        )
    for name, block in run.arrays.items():
        block[...] = arrays[name]
    run.losses = array("d", arrays["losses"])
    run.held_out = [(int(n), loss) for n, loss in arrays["held out"].tolist()]
    run.next = run.task.chunk(run.done)
    return run


def opened(path: Path) -> tuple[Options, str, str, dict[str, Matrix]]:
    """Return options, alphabet, fingerprint of the text and arrays of a checkpoint, all of which fit together."""
    header, arrays = checkpoint.load(path)
    try:
        o = Options(**header["options"]).checked()
        alphabet, fingerprint = header["alphabet"], header["text"]
        for given in (alphabet, fingerprint):
            if not isinstance(given, str) or bool(given) != (o.task == "text"):
                raise ValueError(f"the task {o.task} with the text {given!r}")
        task = Adding if o.task == "adding" else Sine
        X, Y = (len(alphabet), len(alphabet)) if alphabet else (task.X, task.Y)
        needed: dict[str, Any] = {name: ((), layout) for name, layout in layouts(o, X, Y).items()}
        needed["losses"] = (arrays["losses"].size,), np.float64
        needed["held out"] = (arrays["held out"].size // 2, 2), np.float64
        for name, (shape, dtype) in needed.items():
            a = arrays[name]
            if a.shape != shape or a.dtype != dtype:
                raise ValueError(f"{name!r} is not of the sizes that follow from the options")
            if not np.isfinite(_vector(a) if a.dtype.names else a).all():
                raise ValueError(f"{name!r} is not finite")
    except (KeyError, TypeError, ValueError) as error:
        why = f"{error} is missing" if isinstance(error, KeyError) else error
        raise ValueError(f"{path} does not hold together: {why}; start again in another folder") from None
    return o, alphabet, fingerprint, arrays


def layouts(o: Options, X: int, Y: int) -> dict[str, np.dtype[Any]]:
    """Return the layout of what a run keeps between updates: blocks of matrices, each with its name, one after the
    other.
    """
    model = MODELS[o.model]
    weights = model.shapes(o.hidden, X) | model.output_shapes(o.hidden, Y)
    states = dict.fromkeys(model.states, (o.batch, o.hidden) if model.rows else (o.hidden, o.batch))
    blocks = {"parameters": weights, **dict.fromkeys(OPTIMIZERS[o.optimizer].keeps, weights), "start": states}
    try:
        return {block: np.dtype([(n, o.dtype, size) for n, size in sizes.items()]) for block, sizes in blocks.items()}
    except ValueError:
        raise ValueError(f"hidden = {o.hidden}, batch = {o.batch}: more than the 2 GB that a run can keep") from None


def sample(
    o: Options,
    alphabet: str,
    parameters: Mapping[str, Matrix],
    length: int,
    prompt: str = "",
    temperature: float = 1.0,
    seed: int = 0,
) -> str:
    """Return `prompt`, by default a random character, and `length` more, each drawn from softmax(a_y / temperature)."""
    if not alphabet:
        raise ValueError(f"the task {o.task} has no text to sample")
    for name, given, least in (("length", length, 0), ("seed", seed, 0)):
        if given < least:
            raise ValueError(f"{name} = {given}: expected {least} or more")
    if not temperature > 0:
        raise ValueError(f"temperature = {temperature}: expected a number above 0")
    model = MODELS[o.model]
    cell, output = _parts(o, len(alphabet), parameters)
    rng = np.random.default_rng(seed)
    characters = list(text.codes(prompt or str(rng.choice(list(alphabet))), alphabet))
    states: Values = zeros(model, o.hidden, 1, o.dtype)
    read = 0
    with np.errstate(over="ignore"):  # of a temperature near 0
        for _ in range(length):
            for at in characters[read:]:
                x = losses.one_hot([at], len(alphabet), 1, o.dtype)
                (eqs,) = unrolled(model, states, [x.T if model.rows else x], cell)
                states = after(model, eqs)
            read = len(characters)
            a_y = readout(model, states[model.read], output)[1]
            weights = np.exp((a_y - a_y.max()).ravel().astype(np.float64) / temperature)
            characters.append(int(rng.choice(len(weights), p=weights / weights.sum())))
    return "".join(alphabet[at] for at in characters)


def first_nonfinite_derivative(d: Derivatives) -> str:
    """Return which derivative the backward pass made NaN or infinite first, and by which step."""
    tape, made = d.tape, {}
    for n in range(len(tape.steps), 0, -1):
        op, z, *operands = tape.steps[n - 1]
        for i in operands:
            if i is not None and not np.isfinite(d.column(i)).all():
                if i not in made:
                    made[i] = _made(d, i)
                if made[i] == n:
                    return f"the derivative of {tape.label(i)}, by step {n}, {tape.label(z)} ({op.symbol})"
    return "the norm of the derivatives, which overflows"


def _made(d: Derivatives, i: int) -> int:
    total: Any = 0.0
    for contribution in d.contributions(d.tape.at(i)):
        total = total + contribution.array
        if not np.isfinite(total).all():
            return contribution.step
    return 0


def _named(tape: Tape, steps: Sequence[Values], read: Mapping[int, Values]) -> Tape:
    sequence.name(tape, steps)
    for t, values in read.items():
        tape.name(values, step=t)
    return tape


def _parts(o: Options, Y: int, weights: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the parameters of the cell, and those of the output layer."""
    output = MODELS[o.model].output_shapes(o.hidden, Y)
    return {name: w for name, w in weights.items() if name not in output}, {name: weights[name] for name in output}


def _fields(block: Matrix) -> dict[str, Matrix]:
    return {name: block[name] for name in block.dtype.names or ()}


def _vector(block: Matrix) -> Matrix:
    """Return all numbers of a block in a row, in the same memory."""
    return block.reshape(1).view(block.dtype[0].base)
