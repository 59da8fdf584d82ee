"""Training any model on any task, chunk by chunk, so that a run can stop at any moment and go on as if it had not."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from lstm_models import checkpoint, losses, sequence, text
from lstm_models.model import Matrix, Model, parameters, random
from lstm_models.models import MODELS
from lstm_models.optimizers import OPTIMIZERS, norm
from lstm_models.sequence import Values, after, on_tape, readout, unrolled, zeros
from lstm_models.tasks import Adding, Chunk, Sine, Task, Text
from tinyad import Derivatives, Tape, Variable, first_nonfinite

TASKS = ("text", "sine-one", "sine-many", "adding")
DTYPES = ("float32", "float64")


class Options(NamedTuple):
    """What a run is.  `text` is a file, or None for the English text that comes with Python; `steps` and `back` are the
    k1 and k2 of the truncated walk back; `clip` is the largest norm of all derivatives together.
    """

    model: str = "sancho-stacked"
    task: str = "text"
    text: str | None = None
    hidden: int = 128
    batch: int = 32
    steps: int = 50
    back: int | None = None
    optimizer: str = "adam"
    rate: float | None = None
    clip: float = 1.0
    chunks: int = 2000
    every: int = 100
    seed: int = 0
    dtype: str = "float32"

    def checked(self) -> Options:
        """With the usual rate and back = steps where none is given; ValueError for what cannot be."""
        for field, known in (("model", MODELS), ("task", TASKS), ("optimizer", OPTIMIZERS), ("dtype", DTYPES)):
            if getattr(self, field) not in known:
                raise ValueError(f"{field} {getattr(self, field)!r}: there are {', '.join(known)}")
        for field in ("hidden", "batch", "steps", "chunks", "every"):
            if getattr(self, field) < 1:
                raise ValueError(f"{field} = {getattr(self, field)}: needed is 1 or more")
        if self.seed < 0:
            raise ValueError(f"seed = {self.seed}: needed is 0 or more")
        full = self._replace(
            rate=OPTIMIZERS[self.optimizer].rate if self.rate is None else self.rate,
            back=self.steps if self.back is None else self.back,
        )
        for field in ("rate", "clip"):
            if not 0 < getattr(full, field) < math.inf:
                raise ValueError(f"{field} = {getattr(full, field)}: needed is a number above 0")
        return full


class Run:
    """A model, its task, and all that the next update needs: parameters, optimizer, states, and how far it has come."""

    def __init__(self, options: Options) -> None:
        self.options = o = options.checked()
        self.model: Model = MODELS[o.model]
        dtype = np.dtype(o.dtype)
        self.alphabet, self.fingerprint = "", ""
        self.task: Task
        if o.task == "text":
            string = text.text() if o.text is None else text.read(Path(o.text))
            if not string:
                raise ValueError(f"{o.text} is empty")
            self.alphabet, self.fingerprint = text.alphabet(string), text.fingerprint(string)
            self.characters = len(string)
            self.task = Text(string, self.alphabet, o.batch, o.steps, o.back or o.steps, o.seed, dtype)
        elif o.task == "adding":
            self.task = Adding(o.steps, o.batch, o.seed, dtype)
        else:
            self.task = Sine(o.task.removeprefix("sine-"), o.batch, o.seed, dtype)
        rng = np.random.default_rng(o.seed)
        X, Y = self.task.X, self.task.Y
        self.output = tuple(self.model.output_shapes(o.hidden, Y))
        self.parameters = parameters(self.model, o.hidden, X, rng, dtype)
        self.parameters |= random(self.model.output_shapes(o.hidden, Y), o.hidden, rng, dtype)
        self.kept = {
            f"{which} {name}": np.zeros_like(p)
            for name, p in self.parameters.items()
            for which in OPTIMIZERS[o.optimizer].keeps
        }
        self.after: list[dict[str, Matrix]] = []  # the states after each time step of the last chunk
        self.losses: list[float] = []
        self.held_out: list[tuple[int, float]] = []  # (updates, loss)

    @property
    def done(self) -> int:
        return len(self.losses)

    def update(self) -> float:
        """One chunk: record, walk back, clip, and move the parameters; returns the loss before."""
        chunk = self.task.chunk(self.done)
        start = self._start(chunk)
        with np.errstate(all="ignore"):  # what is not finite is found below, with its step
            tape = Tape()
            weights = tape.variables(**self.parameters)
            steps = on_tape(tape, self.model, start, self._inputs(chunk), self._of_cell(weights), chunk.lengths)
            L, read = self._loss(chunk, steps, weights)
            loss = float(L.value.item())
            if not math.isfinite(loss):
                self._give_up(tape, steps, read, None)
            d = tape.backward(L)
            ds = {name: d[name].T for name in self.parameters}
            total = norm(ds)
        if not math.isfinite(total):
            self._give_up(tape, steps, read, d)
        self._move(ds, min(1.0, self.options.clip / total) if total else 1.0)
        self.after = [{n: _array(v) for n, v in after(self.model, eqs).items()} for eqs in steps]
        self.losses.append(loss)
        return loss

    def loss_held_out(self) -> float:
        """The mean loss on what is never learned from, without a tape."""
        total, counted = 0.0, 0
        states: list[dict[str, Matrix]] = []
        with np.errstate(all="ignore"):
            for chunk in self.task.held_out():
                start = self._zeros(chunk) if chunk.fresh else states[chunk.carried - 1]
                P = self.parameters
                steps = unrolled(self.model, start, self._inputs(chunk), self._of_cell(P), chunk.lengths)
                total += float(self._loss(chunk, steps, P)[0].item()) * chunk.counted
                counted += chunk.counted
                states = [after(self.model, eqs) for eqs in steps]
        return total / counted

    def sample(self, length: int, prompt: str = "", temperature: float = 1.0, seed: int = 0) -> str:
        """`prompt` and `length` more characters, each drawn from softmax(a_y / temperature)."""
        if not self.alphabet:
            raise ValueError(f"the task {self.options.task} has no text to sample")
        if not temperature > 0:
            raise ValueError(f"temperature = {temperature}: needed is a number above 0")
        rng = np.random.default_rng(seed)
        said = list(text.codes(prompt or rng.choice(list(self.alphabet)), self.alphabet))
        states = zeros(self.model, self.options.hidden, 1, self.options.dtype)
        taken = 0
        for _ in range(length):
            for at in said[taken:]:
                x = losses.one_hot([at], self.task.X, 1, self.options.dtype)
                (eqs,) = unrolled(self.model, states, [x.T if self.model.rows else x], self._of_cell(self.parameters))
                states = after(self.model, eqs)
            taken = len(said)
            a_y = readout(self.model, states[self.model.read], self._of_output(self.parameters))[1]
            weights = np.exp((a_y - a_y.max()).ravel().astype(np.float64) / temperature)
            said.append(int(rng.choice(len(weights), p=weights / weights.sum())))
        return "".join(self.alphabet[at] for at in said)

    def save(self, path: Path) -> None:
        arrays = {f"parameter {name}": p for name, p in self.parameters.items()}
        arrays |= {f"kept {name}": a for name, a in self.kept.items()}
        needed = self.task.chunk(self.done)  # of the states only those that the next chunk starts from
        if not needed.fresh:
            arrays |= {f"state {name}": a for name, a in self._start(needed).items()}
        arrays["losses"], arrays["held out"] = np.array(self.losses), np.array(self.held_out).reshape(-1, 2)
        header = {"options": self.options._asdict(), "alphabet": self.alphabet, "text": self.fingerprint}
        checkpoint.save(path, header, arrays)

    def _inputs(self, chunk: Chunk) -> list[Matrix]:
        return [x.T for x in chunk.xs] if self.model.rows else chunk.xs

    def _zeros(self, chunk: Chunk) -> dict[str, Matrix]:
        return zeros(self.model, self.options.hidden, chunk.xs[0].shape[1], self.options.dtype)

    def _start(self, chunk: Chunk) -> dict[str, Matrix]:
        return self._zeros(chunk) if chunk.fresh else self.after[chunk.carried - 1]

    def _of_cell(self, all_: Mapping[str, Any]) -> dict[str, Any]:
        return {name: value for name, value in all_.items() if name not in self.output}

    def _of_output(self, all_: Mapping[str, Any]) -> dict[str, Any]:
        return {name: all_[name] for name in self.output}

    def _loss(self, chunk: Chunk, steps: Sequence[Values], weights: Mapping[str, Any]) -> tuple[Any, dict[int, Values]]:
        """The mean loss, and the values of output layer and loss by time step."""
        read = {}
        for t, (eqs, target) in enumerate(zip(steps, chunk.targets, strict=True), 1):
            if target is not None:
                said, a_y = readout(self.model, after(self.model, eqs)[self.model.read], self._of_output(weights))
                read[t] = said | self.task.loss(a_y, target)
        return losses.over_time([values["e"] for values in read.values()], chunk.counted)[-1], read

    def _move(self, ds: Mapping[str, Matrix], factor: float) -> None:
        o = self.options
        optimizer = OPTIMIZERS[o.optimizer]
        for name, p in self.parameters.items():
            kept = [self.kept[f"{which} {name}"] for which in optimizer.keeps]
            optimizer.update(p, ds[name] * factor, o.rate, self.done + 1, *kept)

    def _give_up(self, tape: Tape, steps: Sequence[Values], read: Mapping[int, Values], d: Derivatives | None) -> None:
        sequence.name(tape, steps)
        for t, values in read.items():
            tape.name(values, step=t)
        why = first_nonfinite(tape) if d is None else _first_nonfinite_derivative(d)
        raise FloatingPointError(f"update {self.done + 1}: the loss or a derivative is not finite. First: {why}")


def resumed(path: Path, chunks: int | None = None) -> Run:
    """The run of a checkpoint, to go on with, to `chunks` updates in all; ValueError if that cannot be."""
    header, arrays = checkpoint.load(path)
    try:
        options = Options(**header["options"])
        run = Run(options if chunks is None else options._replace(chunks=chunks))
        if header["text"] != run.fingerprint:
            raise ValueError(f"{path}: its text had the fingerprint {header['text']}, now it is {run.fingerprint}")
        for kind, own in (("parameter", run.parameters), ("kept", run.kept)):
            for name, p in own.items():
                p[...] = _fitting(arrays[f"{kind} {name}"], p)
        run.losses = arrays["losses"].tolist()
        run.held_out = [(int(n), loss) for n, loss in arrays["held out"].tolist()]
        chunk = run.task.chunk(run.done)
        if not chunk.fresh:
            state = {name: _fitting(arrays[f"state {name}"], zero) for name, zero in run._zeros(chunk).items()}
            run.after = [state] * chunk.carried
    except (KeyError, TypeError) as error:
        raise ValueError(f"{path} lacks what a run needs ({error}); take another checkpoint") from None
    return run


def train(run: Run, path: Path) -> Iterator[float]:
    """The updates that are still to do, one at a time, each with its loss; after each the run is in the file `path`.

    Raises FloatingPointError at the first loss or derivative that is not finite; the file then holds the run before.
    """
    while run.done < run.options.chunks:
        loss = run.update()
        if run.done % run.options.every == 0 or run.done == run.options.chunks:
            run.held_out.append((run.done, run.loss_held_out()))
        run.save(path)
        yield loss


def _array(value: Any) -> Matrix:
    array: Matrix = value.value if isinstance(value, Variable) else value
    return array


def _fitting(array: Matrix, like: Matrix) -> Matrix:
    if array.shape != like.shape or array.dtype != like.dtype:
        raise TypeError(f"{array.dtype} of {array.shape} for {like.dtype} of {like.shape}")
    return array


def _first_nonfinite_derivative(d: Derivatives) -> str:
    tape = d.tape
    for n in range(len(tape.steps), 0, -1):
        op, z, *operands = tape.steps[n - 1]
        for i in operands:
            if i is not None and z < d.length and not np.isfinite(d.column(i)).all():
                return f"the derivative of {tape.label(i)}, by step {n}, {tape.label(z)} ({op.symbol})"
    return "the norm of the derivatives, which overflows"
