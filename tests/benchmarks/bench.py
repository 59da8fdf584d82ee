"""What the tape costs: time against NumPy by hand and against other libraries, memory, import.

    python -m tests.benchmarks.bench [--rounds N] [--sizes tiny small medium]

One process, one BLAS thread.  The contenders take turns, round after round; a ratio is the median over the rounds
of the ratio within a round, so that what disturbs the machine disturbs both.  Every result is compared with
tinyad's before anything is timed, and kept until the next one is there, as a training loop keeps it: if nothing is
kept, the C library may give the memory back to the system and fetch it page by page the next time.  Ratios depend
on the machine and on NumPy's BLAS; nothing here fails for being slow.
"""

from __future__ import annotations

import os

os.environ.update({f"{library}_NUM_THREADS": "1" for library in ("OMP", "OPENBLAS", "MKL", "BLIS", "VECLIB_MAXIMUM")})

import argparse
import gc
import operator
import platform
import subprocess
import sys
import tracemalloc
from collections.abc import Callable
from statistics import median
from time import perf_counter

import numpy as np

from tests.benchmarks.lstm_by_hand import by_hand
from tests.benchmarks.peers import PEERS
from tests.benchmarks.unrolled_lstm import SIZES, TOLERANCE, Problem, Run, first_difference, problem, record, tinyad
from tests.benchmarks.written_out import slides_lines

BY_HAND: dict[str, Callable[[Problem], Run]] = {
    "the slides' lines": slides_lines,
    "lean NumPy, @": lambda p: by_hand(p, operator.matmul),
    "lean NumPy, .dot": lambda p: by_hand(p, np.ndarray.dot),
}
AT_MOST = {"the slides' lines": 1.0, "lean NumPy, @": 1.3}  # tinyad's time over theirs
# fmt: off
AT_LEAST = {                                                # their time over tinyad's
    "torch":    {"tiny":  3.0, "small": 2.0, "medium": 1.0},
    "mygrad":   {"tiny":  5.0, "small": 2.5},
    "autograd": {"tiny": 15.0, "small": 5.0},
    "mygrad, no guard": {},
}
# fmt: on
OVERHEAD_AT_MOST = 1.3  # a tape's bytes over the bytes of its values, at small and medium
IMPORT_AT_MOST = 1.3  # import tinyad over import numpy

Times = dict[str, list[float]]


def interleaved(runs: dict[str, Callable[[], object]], rounds: int, repeat: int = 1) -> Times:
    """Seconds of each run in each round."""
    times: Times = {name: [] for name in runs}
    kept: dict[str, object] = {}
    for _ in range(rounds):
        for name, run in runs.items():
            gc.collect()  # nobody pays for what another has left
            start = perf_counter()
            for _ in range(repeat):
                kept[name] = run()
            times[name].append((perf_counter() - start) / repeat)
    return times


def ratio(times: Times, of: str, to: str) -> float:
    return median(a / b for a, b in zip(times[of], times[to], strict=True))


def row(*cells: str) -> None:
    print("{:<7} {:<8} {:<18} {:>9}  {:<26} {:>7}  {:<9} {}".format(*cells, *[""] * (8 - len(cells))).rstrip())


def compared(label: str, value: float, target: float | None, at_most: bool) -> tuple[str, ...]:
    if target is None:
        return label, f"{value:.2f}"
    reached = value <= target if at_most else value >= target
    return label, f"{value:.2f}", f"{'<=' if at_most else '>='} {target:.1f}", "reached" if reached else "missed"


def time_table(sizes: list[str], rounds: int, skipped: set[str]) -> None:
    row("size", "dtype", "program", "ms", "ratio", "", "target")
    for size in sizes:
        for dtype in TOLERANCE:
            p = problem(*SIZES[size], dtype)
            runs: dict[str, Run] = {"tinyad": tinyad(p)}
            runs |= {name: make(p) for name, make in BY_HAND.items()}
            runs |= {name: make(p) for name, make in PEERS.items() if name not in skipped}
            reference = runs["tinyad"]()
            for name, run in runs.items():
                if difference := first_difference(run(), reference, TOLERANCE[dtype]):
                    sys.exit(f"{name}, {size} {dtype}: {difference}")
            gc.collect()
            gc.freeze()
            times = interleaved(runs, rounds, {"tiny": 20, "small": 2}.get(size, 1))
            for name in runs:
                cells: tuple[str, ...] = ()
                if name in BY_HAND:
                    cells = compared("tinyad / this", ratio(times, "tinyad", name), AT_MOST.get(name), True)
                elif name in PEERS:
                    target = AT_LEAST[name].get(size)
                    cells = compared("this / tinyad", ratio(times, name, "tinyad"), target, False)
                row(size, dtype, name, f"{1e3 * median(times[name]):.2f}", *cells)


def memory_table(sizes: list[str]) -> None:
    for size in sizes:
        p = problem(*SIZES[size], "float64")
        record(p)  # caches are filled
        gc.collect()
        tracemalloc.start()
        before = tracemalloc.get_traced_memory()[0]
        tape = record(p)[0]
        gc.collect()
        used = tracemalloc.get_traced_memory()[0] - before
        tracemalloc.stop()
        values = sum(value.nbytes for value in tape.values)
        target = OVERHEAD_AT_MOST if size != "tiny" else None
        label, figure, *verdict = compared("tape / its values", used / values, target, True)
        per_step = f"{(used - values) / len(tape):.0f} bytes a step over the values"
        row(size, "float64", "memory", f"{used / 2**20:.2f} MB", label, figure, *(verdict or [""] * 2), per_step)


def import_table(rounds: int) -> None:
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}

    def start(module: str) -> Callable[[], object]:
        return lambda: subprocess.run([sys.executable, "-c", f"import {module}"], check=True, env=environment)

    times = interleaved({"numpy": start("numpy"), "tinyad": start("tinyad")}, rounds)
    cells = compared("import tinyad / numpy", ratio(times, "tinyad", "numpy"), IMPORT_AT_MOST, True)
    row("", "", "import", f"{1e3 * median(times['tinyad']):.0f}", *cells)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rounds", type=int, default=25)
    parser.add_argument("--sizes", nargs="+", choices=SIZES, default=list(SIZES))
    options = parser.parse_args()
    skipped = set()
    for name in PEERS:
        try:
            __import__(name.split(",")[0])
        except ImportError:
            print(f"{name}: cannot be imported, skipped")
            skipped.add(name)
    print(f"Python {platform.python_version()}, NumPy {np.__version__}, {options.rounds} rounds, one thread")
    for size in options.sizes:
        print(f"{size}: X, H, B, T = {', '.join(map(str, SIZES[size]))}")
    time_table(options.sizes, options.rounds, skipped)
    memory_table(options.sizes)
    import_table(options.rounds)


if __name__ == "__main__":
    main()
