"""The command line: `python -m lstm_models train` and `python -m lstm_models sample`."""

from __future__ import annotations

import os

# Matrices of this size gain nothing from threads, and where other programs run they lose; one thread also computes the
# same bits on every machine of a kind.  NumPy reads this when it is imported.
os.environ.update({f"{library}_NUM_THREADS": "1" for library in ("OMP", "OPENBLAS", "MKL", "BLIS", "VECLIB_MAXIMUM")})

import argparse
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from lstm_models.curve import curve
from lstm_models.models import MODELS
from lstm_models.optimizers import OPTIMIZERS
from lstm_models.training import DTYPES, TASKS, Options, Run, resumed, train

FOLDER, FILE, PICTURE = Path("build/train"), "run.npz", "loss.svg"
HELP = {
    "model": ("the model", MODELS),
    "task": ("what it learns", TASKS),
    "text": ("a text file in UTF-8 instead of the English that comes with Python", None),
    "hidden": ("the size of the states", None),
    "batch": ("examples, or streams of the text, side by side", None),
    "steps": ("time steps a chunk; of the adding problem the shortest length", None),
    "back": ("time steps that the walk back goes over (default: those of the chunk)", None),
    "optimizer": ("how the parameters are moved", OPTIMIZERS),
    "rate": ("the learning rate (default: the usual one of the optimizer)", None),
    "clip": ("the largest norm of all derivatives together", None),
    "chunks": ("updates in all", None),
    "every": ("updates between two lines of progress and losses on what is held out", None),
    "seed": ("of all that is random", None),
    "dtype": ("of all numbers", DTYPES),
}
KINDS = {"hidden": int, "batch": int, "steps": int, "back": int, "chunks": int, "every": int, "seed": int}
KINDS_FLOAT = {"rate": float, "clip": float}


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m lstm_models", description="Train the models, and let them write.")
    commands = parser.add_subparsers(dest="command", required=True, metavar="command")
    training = commands.add_parser("train", help="train a model on text or on a task; can be stopped and resumed")
    for field, (what, choices) in HELP.items():
        default = Options._field_defaults[field]
        shown = "" if default is None else f" (default: {default})"
        kind = {**KINDS, **KINDS_FLOAT}.get(field, str)
        names = {"metavar": field.upper()} if choices is None else {"choices": list(choices)}
        training.add_argument(f"--{field}", type=kind, help=what + shown, **names)
    training.add_argument("--out", type=Path, default=FOLDER, metavar="FOLDER", help=f"default: {FOLDER}")
    training.add_argument("--resume", action="store_true", help="go on with the run in FOLDER")
    sampling = commands.add_parser("sample", help="let a trained model write text")
    sampling.add_argument("folder", type=Path, nargs="?", default=FOLDER, help=f"default: {FOLDER}")
    sampling.add_argument("--length", type=int, default=500, help="characters (default: 500)")
    sampling.add_argument("--prompt", default="", help="how the text begins")
    sampling.add_argument("--temperature", type=float, default=0.8, help="below 1: likely characters (default: 0.8)")
    sampling.add_argument("--seed", type=int, default=0)
    options = parser.parse_args(arguments)
    if sys.stdout:  # a terminal that has no such letter shows an escape
        sys.stdout.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]
    try:
        if options.command == "sample":
            run = resumed(options.folder / FILE)
            print(run.sample(options.length, options.prompt, options.temperature, options.seed))
            return 0
        given = {field: getattr(options, field) for field in HELP if getattr(options, field) is not None}
        return trained(options.out, begun(options.out, given, options.resume))
    except FloatingPointError as error:
        print(
            f"lstm_models: {error}\n  {options.out / FILE} holds the run before; try a smaller --rate", file=sys.stderr
        )
        return 1
    except ValueError as error:
        print(f"lstm_models: {error}", file=sys.stderr)
        return 2
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except OSError as error:
        print(f"lstm_models: {error.filename or options.out}: {error.strerror}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print(f"\nlstm_models: stopped; --resume goes on from {options.out / FILE}", file=sys.stderr)
        return 130


def begun(folder: Path, given: dict[str, object], resume: bool) -> Run:
    """A new run, or the one in the folder."""
    path = folder / FILE
    if resume:
        others = sorted(set(given) - {"chunks"})
        if others:
            raise ValueError(f"--{', --'.join(others)}: a resumed run keeps its options; only --chunks can be new")
        return resumed(path, given.get("chunks"))  # type: ignore[arg-type]
    if path.exists():
        raise ValueError(f"{path} is there: --resume goes on with it, --out takes another folder")
    run = Run(Options(**given))  # type: ignore[arg-type]
    folder.mkdir(parents=True, exist_ok=True)
    return run


def trained(folder: Path, run: Run) -> int:
    """Train to the end, and say how it goes."""
    o, start, last = run.options, run.done, 0.0
    print(facts(run))
    print(f"file     {folder / FILE}, after every update" + (f"; {start:,} are done" if start else ""))
    print(f"\n{'update':>8}  {'loss':>8}  {'held out':>8}  {run.task.things + '/s':>13}  {'time left':>9}", flush=True)
    begin = time.monotonic()
    for _ in train(run, folder / FILE):
        now = time.monotonic()
        new = bool(run.held_out) and run.held_out[-1][0] == run.done
        if new or (sys.stdout.isatty() and now > last + 0.25):
            recent = run.losses[-o.every :]
            speed = (run.done - start) / (now - begin)
            left = divmod(round((o.chunks - run.done) / speed), 60)
            held_out = f"{run.held_out[-1][1]:.4f}" if new else ""
            line = f"{run.done:>8}  {sum(recent) / len(recent):>8.4f}  {held_out:>8}  "
            line += f"{speed * run.task.size:>13,.0f}  {left[0]:>6}:{left[1]:02}"
            print(line, end="\n" if new else "\r", flush=True)
            last = now
    lines = {"learned from": list(enumerate(run.losses, 1)), "held out": run.held_out}
    drawn = curve(folder / PICTURE, lines, run.task.unit, f"{o.model} learns {o.task}")
    print(f"\npicture  {folder / PICTURE if drawn else 'not drawn: pip install tinyad[plot]'}")
    if run.alphabet:
        print(f"it writes: {run.sample(300, temperature=0.8)!r}")
    return 0


def facts(run: Run) -> str:
    o = run.options
    lines = [f"task     {o.task}: {run.task.about}"]
    weights = sum(p.size for p in run.parameters.values())
    lines.append(f"model    {o.model} ({run.model.source}), states of {o.hidden}, {weights:,} parameters, {o.dtype}")
    lines.append(
        f"updates  {o.chunks:,}, of {o.batch} side by side, {o.optimizer} at {o.rate:g}, norm clipped at {o.clip:g}"
    )
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
