"""The command line: `python -m lstm_models train` and `python -m lstm_models sample`."""

from __future__ import annotations

import os
import sys

if __name__ == "__main__":  # Ctrl-C before main() can say something
    sys.excepthook = lambda kind, *rest: None if kind is KeyboardInterrupt else sys.__excepthook__(kind, *rest)

# Matrices of this size gain nothing from threads, and where other programs run they lose; one thread also computes the
# same bits on every machine of a kind.  NumPy reads this when it is imported.
os.environ.update({f"{library}_NUM_THREADS": "1" for library in ("OMP", "OPENBLAS", "MKL", "BLIS", "VECLIB_MAXIMUM")})

import argparse
import atexit
import io
import signal
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, NoReturn

from lstm_models.curve import curve
from lstm_models.models import MODELS
from lstm_models.optimizers import OPTIMIZERS
from lstm_models.processes import Process, check_same, left
from lstm_models.training import DTYPES, ENGINES, STEPS, Options, Run, opened, resumed, sample, train

FOLDER, FILE, PICTURE = Path("build/train"), "run.npz", "loss.svg"
HELP: dict[str, tuple[str, Any]] = {  # what it is, and its type or what there is to choose from
    "model": ("the model", MODELS),
    "task": ("what it learns", STEPS),
    "text": ("a text file in UTF-8 instead of the English that comes with Python", str),
    "hidden": ("the size of the states", int),
    "batch": ("examples, or streams of the text, side by side", int),
    "steps": ("time steps a chunk, of the adding problem the fewest (default: 50, of a sine 10)", int),
    "back": ("of a text: time steps that the backward pass goes over, at least those of a chunk (default: these)", int),
    "optimizer": ("how the parameters are moved", OPTIMIZERS),
    "rate": ("the learning rate (default: the usual one of the optimizer)", float),
    "beta1": ("how much of the mean of the derivatives is kept at an update: of sgd, the momentum, and adam", float),
    "beta2": ("how much of the mean of their squares is kept: of rmsprop and adam", float),
    "eps": ("what is added to the root of that mean: of rmsprop and adam", float),
    "weight_decay": ("times the rate, the part that every parameter loses at an update", float),
    "clip": ("the largest norm of all derivatives together", float),
    "chunks": ("updates in all", int),
    "every": ("updates between two lines of progress and losses on what is held out", int),
    "seed": ("of all that is random", int),
    "dtype": ("of all numbers", DTYPES),
    "eager": ("record every chunk on a tape, in place of a compiled program", bool),
    "engine": ("what runs the programs; auto: machine code where numba is installed, else NumPy", ENGINES),
    "devices": ("devices of JAX that share the examples", int),
}


class Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        self.exit(2, f"lstm_models: {message}; {self.prog} --help says more\n")


def parsed(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = Parser(prog="python -m lstm_models", description="Train the models, and let them write.")
    commands = parser.add_subparsers(dest="command", required=True, metavar="command")
    training = commands.add_parser("train", help="train a model on text or on a task; can be stopped and resumed")
    for field, (what, kind) in HELP.items():
        default = Options._field_defaults[field]
        shown = "" if default is None else f" (default: {default})"
        named: dict[str, Any] = {"choices": list(kind)} if not isinstance(kind, type) else {}
        if kind is bool:
            named, shown = {"action": "store_true", "default": None}, ""
        elif not named:
            named = {"type": kind, "metavar": field.upper()}
        training.add_argument(f"--{field.replace('_', '-')}", help=what + shown, **named)
    training.add_argument("--out", type=Path, default=FOLDER, metavar="FOLDER", help=f"default: {FOLDER}")
    training.add_argument("--resume", action="store_true", help="go on with the run in FOLDER")
    training.add_argument(
        "--coordinator", metavar="HOST:PORT", help="of process 0, where several processes train together"
    )
    training.add_argument("--processes", type=int, metavar="N", help="how many they are; all see the same FOLDER")
    training.add_argument("--process", type=int, metavar="K", help="which of them this is, counted from 0")
    sampling = commands.add_parser("sample", help="let a trained model write text")
    sampling.add_argument("out", type=Path, nargs="?", default=FOLDER, metavar="FOLDER", help=f"default: {FOLDER}")
    sampling.add_argument("--length", type=int, default=500, help="characters (default: 500)")
    sampling.add_argument("--prompt", default="", help="how the text begins")
    sampling.add_argument("--temperature", type=float, default=0.8, help="below 1: likely characters (default: 0.8)")
    sampling.add_argument("--seed", type=int, default=0, help="of all that is random (default: 0)")
    try:
        return parser.parse_args(arguments)
    finally:  # --help, while an error can still be reported
        if sys.stdout:
            sys.stdout.flush()


def main(arguments: Sequence[str] | None = None) -> int:
    """Return the exit status: 0, 1 for a run that broke, 2 for what is impossible, 130 for a run that was stopped."""
    going_on = ""
    if isinstance(sys.stdout, io.TextIOWrapper):  # a terminal that has no such letter shows an escape
        sys.stdout.reconfigure(errors="backslashreplace")
    try:
        options = parsed(arguments)
        path = options.out / FILE
        if options.command == "sample":
            print(written(path, options), flush=True)
        else:
            given = {field: getattr(options, field) for field in HELP if getattr(options, field) is not None}
            process = process_of(options)
            run = (
                begun(path, given, options.resume) if process is None else joined(process, path, given, options.resume)
            )
            going_on = f"; {path} has every update before: --resume goes on"
            trained(path, run) if process is None else trained_together(process, path, run)
        return 0
    except KeyboardInterrupt:
        status, why = 130, "stopped"
        if signal.getsignal(signal.SIGINT) is asked:
            signal.signal(signal.SIGINT, signal.SIG_IGN)  # Python's end would take the handler away
    except FloatingPointError as error:
        status, why = 1, f"{error}; start again in another folder with a smaller --rate"
        going_on = f"; {path} has every update before"
    except ValueError as error:
        status, why, going_on = 2, str(error), ""
    except MemoryError:
        status, why = 1 if going_on else 2, "not enough memory; --hidden, --batch and --steps can be smaller"
    except BrokenPipeError:
        status, why = 1, "nobody reads the output any more"
    except OSError as error:
        status, why = 1 if going_on else 2, f"{error.filename or 'the output'}: {error.strerror}"
        why += "; --out takes another folder" if error.filename and not going_on else ""
    with suppress(OSError):
        line = "\n" if going_on and sys.stderr and sys.stderr.isatty() else ""  # below that of the progress
        print(f"{line}lstm_models: {why}{going_on}", file=sys.stderr)
    return status


def process_of(options: argparse.Namespace) -> Process | None:
    """Return which of several processes this is, if they are; ValueError if not all of it is given."""
    given = options.coordinator, options.processes, options.process
    if None in given and given != (None, None, None):
        raise ValueError("--coordinator, --processes and --process go together")
    return None if None in given else Process(*given)


def joined(process: Process, path: Path, given: dict[str, Any], resume: bool) -> Run:
    """Return the run that all processes share once they have come; process 0 alone writes the file."""
    together: dict[str, Any] = {"engine": "jax", "devices": process.join()}
    given = together | given
    run = begun(path, given, resume) if resume or not process.number else Run(Options(**given))
    check_same(run)
    return run


def trained_together(process: Process, path: Path, run: Run) -> None:
    with process.connected():
        if not process.number:
            trained(path, run)
        while run.done < run.options.chunks:
            run.update()


def written(path: Path, options: argparse.Namespace) -> str:
    """Return what the model of a run writes."""
    o, alphabet, _, arrays = opened(path)
    weights = arrays["parameters"]
    parameters = {name: weights[name] for name in weights.dtype.names or ()}
    return sample(o, alphabet, parameters, options.length, options.prompt, options.temperature, options.seed)


def begun(path: Path, given: dict[str, Any], resume: bool) -> Run:
    """Return a new run, or the one in the file."""
    if resume:
        run = resumed(path, given.get("chunks"))
        for field in sorted(set(given) - {"chunks"}):
            own = getattr(run.options, field)
            if own != (os.path.abspath(given[field]) if field == "text" else given[field]):
                raise ValueError(f"--{field} {given[field]}: {path} has {own}; with --resume only --chunks may differ")
        return run
    if path.parent.is_file():
        raise ValueError(f"{path.parent} is a file; --out takes a folder")
    if path.exists():
        raise ValueError(f"{path} exists: --resume goes on with it, --out takes another folder")
    run = Run(Options(**given))
    path.parent.mkdir(parents=True, exist_ok=True)
    run.save(path)
    return run


def trained(path: Path, run: Run) -> None:
    """Train to the end, and print how it goes."""
    o, start, last = run.options, run.done, 0.0
    terminal = bool(sys.stdout) and sys.stdout.isatty()
    print(facts(run))
    print(f"file     {path}, after every update" + (f"; {start:,} are done" if start else ""))
    if start == o.chunks:
        print("nothing is left to do: a larger --chunks goes on")
    print(f"\n{'update':>8}  {'loss':>8}  {'held out':>8}  {run.task.things + '/s':>13}  {'time left':>9}", flush=True)
    begin = time.perf_counter()
    for _ in train(run, path):
        if signal.getsignal(signal.SIGINT) is asked:  # in a __del__ Python drops what is raised
            raise KeyboardInterrupt
        now = time.perf_counter()
        new = bool(run.held_out) and run.held_out[-1][0] == run.done
        if new or (terminal and now > last + 0.25):
            recent = run.losses[-o.every :]
            speed = (run.done - start) / (now - begin)
            left = divmod(round((o.chunks - run.done) / speed), 60)
            held_out = f"{run.held_out[-1][1]:.4f}" if new else ""
            line = f"{run.done:>8}  {sum(recent) / len(recent):>8.4f}  {held_out:>8}  "
            line += f"{speed * run.task.size:>13,.0f}  {left[0]:>6}:{left[1]:02}"
            print(line, end="\n" if new else "\r", flush=True)
            last = now
    lines = {"learned from": list(enumerate(run.losses, 1)), "held out": run.held_out}
    picture = path.with_name(PICTURE)
    try:
        drawn = curve(picture, lines, run.task.unit, f"{o.model} learns {o.task}")
        print(f"\npicture  {picture if drawn else 'not drawn: pip install matplotlib'}")
    except OSError as error:
        print(f"\npicture  not drawn: {picture}: {error.strerror}")
    if run.alphabet:
        print(f"it writes: {run.sample(300, temperature=0.8)!r}")
    print(end="", flush=True)


def facts(run: Run) -> str:
    o = run.options
    lines = [f"task     {o.task}: {run.task.about}"]
    weights = sum(p.size for p in run.parameters.values())
    lines.append(f"model    {o.model} ({run.model.source}), states of {o.hidden}, {weights:,} parameters, {o.dtype}")
    lines.append(
        f"updates  {o.chunks:,}, of {o.batch} side by side, {o.optimizer} at {o.rate:g}, norm clipped at {o.clip:g}"
    )
    return "\n".join(lines)


def stop(*_: object) -> NoReturn:
    signal.signal(signal.SIGINT, asked)
    raise KeyboardInterrupt


def asked(*_: object) -> None:
    """Ignore a second Ctrl-C, which would only disturb the first."""


def drop_what_cannot_be_written() -> None:
    """Send what standard output could not take nowhere, or Python complains when it exits."""
    try:
        if sys.stdout:
            sys.stdout.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


if __name__ == "__main__":
    atexit.register(drop_what_cannot_be_written)
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:  # not where a shell has it ignored
        signal.signal(signal.SIGINT, stop)
    sys.exit(left(main()))
