"""How much of a training step is spent inside NumPy: the character model, H = 128, B = 32, T = 50, float32.

    python -m tests.benchmarks.training [--rounds N] [--model NAME]

Counted are the forwards and the rules of the table, the sums of the backward pass, the copies that the tape takes of
what it is given, the chunk's one-hot columns and the update of the parameters, timed where they run, each less what the
clock itself takes.  Each counts as a whole: between its NumPy calls stand a few bytecodes.  To free arrays does not
count.  Updates with and without clocks take turns in one process, on one thread; the figure is the median of NumPy's
time over the time of the update without clocks.
"""

from __future__ import annotations

import os

os.environ.update({f"{library}_NUM_THREADS": "1" for library in ("OMP", "OPENBLAS", "MKL", "BLIS", "VECLIB_MAXIMUM")})

import argparse
import inspect
import operator
import textwrap
from collections.abc import Callable
from statistics import median
from time import perf_counter
from typing import Any

from lstm_models import training
from lstm_models.models import MODELS
from lstm_models.training import Options, Run
from tinyad import TABLE, Op, Tape
from tinyad.engine import tape

AT_LEAST = 0.85


class Clock:
    """Functions that add up the time they take."""

    def __init__(self) -> None:
        self.spent, self.calls = 0.0, 0
        empty = self.timed(id)
        for _ in range(20_000):
            empty(0)
        self.own = self.spent / self.calls
        self.spent, self.calls = 0.0, 0

    def timed(self, function: Callable[..., Any]) -> Callable[..., Any]:
        def run(*arguments: Any) -> Any:
            begin = perf_counter()
            out = function(*arguments)
            self.spent += perf_counter() - begin
            self.calls += 1
            return out

        return run

    def taken(self) -> float:
        """Seconds since the last time, without the clock's own."""
        spent = self.spent - self.calls * self.own
        self.spent, self.calls = 0.0, 0
        return spent


class Clocked:
    """While it lasts, the table's forwards and rules and the parameters' update run by the clock."""

    def __init__(self, clock: Clock, run: Run) -> None:
        self.clock, self.run = clock, run
        self.before = {op: {name: getattr(op, name) for name in ("run", "vjp", "vjps")} for op in TABLE.values()}

    def __enter__(self) -> None:
        timed = self.clock.timed
        for op in self.before:
            _replace(op, {"run": timed(op.run), "vjp": timed(op.vjp), "vjps": tuple(map(timed, op.vjps))})
        self.own = training.norm, tape.as_matrix
        training.norm, tape.as_matrix = map(self.clock.timed, self.own)
        self.backward, Tape.backward = Tape.backward, with_clocked_sums(self.clock)  # type: ignore[method-assign]
        self.run._move = self.clock.timed(self.run._move)  # type: ignore[method-assign]
        self.run.task.chunk = self.clock.timed(self.run.task.chunk)  # type: ignore[method-assign]

    def __exit__(self, *_: object) -> None:
        for op, functions in self.before.items():
            _replace(op, functions)
        training.norm, tape.as_matrix = self.own
        Tape.backward = self.backward  # type: ignore[method-assign]
        del self.run._move, self.run.task.chunk


def _replace(op: Op, functions: dict[str, Any]) -> None:
    """Exchange the functions of a row, which is not meant to be changed."""
    for name, function in functions.items():
        object.__setattr__(op, name, function)


def with_clocked_sums(clock: Clock) -> Callable[..., Any]:
    """`Tape.backward` with its two additions by the clock."""
    source = textwrap.dedent(inspect.getsource(Tape.backward))
    for own, clocked in (("total += contribution", "total = add_to(total, contribution)"),
                         ("d[i] = total + contribution", "d[i] = add(total, contribution)")):  # fmt: skip
        assert source.count(own) == 1, own
        source = source.replace(own, clocked)
    names = {**vars(tape), "add_to": clock.timed(operator.iadd), "add": clock.timed(operator.add)}
    exec(compile("from __future__ import annotations\n" + source, "Tape.backward by the clock", "exec"), names)
    return names["backward"]


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rounds", type=int, default=41)
    parser.add_argument("--model", choices=MODELS, default=Options().model)
    options = parser.parse_args()
    run, computed = Run(Options(model=options.model, eager=True)), Run(Options(model=options.model))
    run.update()
    computed.update()
    clock = Clock()
    shares, updates, programs = [], [], []
    for _ in range(options.rounds):
        begin = perf_counter()
        run.update()
        updates.append(perf_counter() - begin)
        begin = perf_counter()
        computed.update()
        programs.append(perf_counter() - begin)
        with Clocked(clock, run):
            run.update()
        shares.append(clock.taken() / updates[-1])
    inside = median(shares)
    verdict = "reached" if inside >= AT_LEAST else "missed"
    print(f"{options.model}: an update takes {1e3 * median(updates):.1f} ms on a tape")
    share = median(a / b for a, b in zip(programs, updates, strict=True))
    print(f"{1e3 * median(programs):.1f} ms compiled, {share:.2f} of it")
    print(f"inside NumPy {100 * inside:.1f} %, target >= {100 * AT_LEAST:.0f} %: {verdict}")


if __name__ == "__main__":
    main()
