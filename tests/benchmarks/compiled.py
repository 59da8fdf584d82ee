"""What compiled tapes cost: time and memory against NumPy by hand and other libraries, the time to compile.

    python -m tests.benchmarks.compiled [--rounds N] [--sizes tiny ...] [--works slides ...] [--dtypes float64 ...]
                                        [--threads N] [--no-peers]

The works, forward and back to everything they start from: the slides' LSTM in its 31 steps; the LSTM without peepholes
and with a tanh candidate, as torch.nn.LSTM has it, "standard"; the GRU of torch.nn.GRU; and the standard LSTM over
sequences of other lengths.  Each from seeds at the last time step, and from the squared errors of every time step,
added up as anyone writes it.  One process, contenders in turns, ratios as in `bench`, to the fastest of several
programs by hand; results are compared first.  The column "products" is the time of the matrix products alone, over the
contender's.  Every library has as many threads as `--threads` says.  What is not installed is left out.
"""

from __future__ import annotations

import os
import sys

# What NumPy and XLA read when they are imported
os.environ["NPROC"] = sys.argv[sys.argv.index("--threads") + 1] if "--threads" in sys.argv[:-1] else "1"
os.environ.update(
    {f"{name}_NUM_THREADS": os.environ["NPROC"] for name in ("OMP", "OPENBLAS", "MKL", "BLIS", "VECLIB_MAXIMUM")}
)
os.environ["XLA_FLAGS"] = f"--xla_cpu_multi_thread_eigen={'false' if os.environ['NPROC'] == '1' else 'true'}"

import argparse
import gc
import platform
import tracemalloc
from collections.abc import Callable
from importlib.util import find_spec
from statistics import median
from typing import Any

import numpy as np

import tinyad
from tests.benchmarks.bench import interleaved, ratio
from tests.benchmarks.unrolled_lstm import TOLERANCE, Run, first_difference
from tests.benchmarks.works import SIZES, WORKS, Work
from tinyad.compiled.native_engine import missing_packages

ROUNDS = {"tiny": 8, "small": 2, "medium": 1, "large": 1}  # how many, in units of --rounds / 2
AT_MOST, MEMORY_AT_MOST, COMPILE_AT_MOST = 1.10, 1.5, 20.0  # of the program by hand; of an eager run
NATIVE_AT_MOST = {
    ("tiny", "float64"): 0.25, ("tiny", "float32"): 0.25, ("small", "float64"): 0.95, ("small", "float32"): 0.85
}  # fmt: skip
NATIVE_ELSEWHERE = 1.05
PRODUCTS = "products alone"


def row(*cells: str) -> None:
    form = "{:<20} {:<6} {:<7} {:<31} {:>9}  {:>6}  {:>8}  {}"
    print(form.format(*cells, *[""] * (8 - len(cells))).rstrip(), flush=True)


def verdict(value: float, at_most: float) -> str:
    return f"<= {at_most:.2f} {'reached' if value <= at_most else 'missed'}"


def timed(name: str, size: str, dtype: str, options: argparse.Namespace) -> None:
    work = Work(name, size, dtype)
    by_hand = {form: make() for form, make in work.by_hand().items()}
    runs: dict[str, Run] = {"eager tape": work.eager(), "grouped": work.compiled()}
    if not missing_packages():
        runs |= {"native": work.compiled(engine="native")}
    if find_spec("jax"):
        runs |= {"in JAX": work.in_jax()}
    runs |= {"literal": work.compiled(style="literal")} | by_hand
    if options.peers:
        runs |= work.peers(options.threads)
    reference = runs["eager tape"]()
    for contender, run in runs.items():
        if difference := first_difference(run(), reference, TOLERANCE[dtype]):
            sys.exit(f"{contender}, {name} {size} {dtype}: {difference}")
    runs[PRODUCTS] = work.products()
    gc.collect()
    gc.freeze()
    rounds = max(3, options.rounds * ROUNDS[size] // 2)
    times = interleaved(runs, rounds, {"tiny": 20, "small": 2}.get(size, 1))
    best = min(by_hand, key=lambda form: ratio(times, form, next(iter(by_hand))))
    for contender in runs:
        value, products = ratio(times, contender, best), ratio(times, PRODUCTS, contender)
        targets = {"grouped": AT_MOST, "native": NATIVE_AT_MOST.get((size, dtype), NATIVE_ELSEWHERE)}
        reached = verdict(value, targets[contender]) if contender in targets else ""
        ms = f"{1e3 * median(times[contender]):.3f}"
        row(name, size, dtype, contender, ms, f"{value:.2f}", f"{products:.0%}", reached)


def memory(name: str, size: str, dtype: str) -> None:
    """Bytes at the peak of making a program's places and running it."""

    def used(make: Callable[[], Any]) -> int:
        gc.collect()
        tracemalloc.start()
        make()
        found = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return found

    work = Work(name, size, dtype)
    program = work.compiled()
    grouped, hand = used(program), used(lambda: next(iter(work.by_hand().values()))()())
    megabytes, value = f"{grouped / 2**20:.2f} MB", grouped / hand
    row(name, size, dtype, "memory", megabytes, f"{value:.2f}", "", verdict(value, MEMORY_AT_MOST))


def compile_time(name: str, size: str) -> None:
    work = Work(name, size, "float64", T=64)
    tape, leaves, seeds = work.record()
    runs = {"compile": lambda: tinyad.compile(tape, [], list(leaves), seeds), "eager tape": work.eager()}
    times = interleaved(runs, 5)
    value, ms = ratio(times, "compile", "eager tape"), f"{1e3 * median(times['compile']):.1f}"
    row(name, size, "", "compile, T = 64", ms, f"{value:.1f}", "", "eager runs, " + verdict(value, COMPILE_AT_MOST))


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--sizes", nargs="+", choices=SIZES, default=list(SIZES))
    parser.add_argument("--works", nargs="+", choices=WORKS, default=WORKS)
    parser.add_argument("--dtypes", nargs="+", choices=TOLERANCE, default=list(TOLERANCE))
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--no-peers", dest="peers", action="store_false", help="leave other libraries out")
    options = parser.parse_args()
    threads = f"{options.threads} thread{'s' * (options.threads > 1)}"
    print(f"Python {platform.python_version()}, NumPy {np.__version__}, {threads}; ratios to the fastest by hand")
    missing = [package for package in ("torch", "jax", "numba", "scipy") if not find_spec(package)]
    if missing:
        print(f"not installed, and left out: {', '.join(missing)}")
    for size in options.sizes:
        print(f"{size}: X, H, B, T = {', '.join(map(str, SIZES[size]))}")
    row("work", "size", "dtype", "program", "ms", "ratio", "products", "target")
    for dtype in options.dtypes:
        for name in options.works:
            for size in options.sizes:
                timed(name, size, dtype, options)
    for name in options.works:
        for size in options.sizes:
            memory(name, size, "float64")
        compile_time(name, "tiny")
        compile_time(name, "small")


if __name__ == "__main__":
    main()
