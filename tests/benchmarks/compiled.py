"""What compiled tapes cost: time and memory against NumPy by hand and other libraries, the time to compile.

    python -m tests.benchmarks.compiled [--rounds N] [--sizes tiny small medium large] [--works slides standard ...]

The works, forward and back to everything they start from: the slides' LSTM in its 31 steps, and the LSTM without
peepholes and with a tanh candidate, as torch.nn.LSTM has it, from seeds at the last time step; and the same two from
the squared errors of all time steps, added up as anyone writes it.  One process, one BLAS thread, contenders in turns,
ratios as in `bench`; results are compared first.  "by hand" is the faster of two programs written for speed; "native"
is timed where numba and scipy are installed.
"""

from __future__ import annotations

import os

os.environ.update({f"{library}_NUM_THREADS": "1" for library in ("OMP", "OPENBLAS", "MKL", "BLIS", "VECLIB_MAXIMUM")})
os.environ["XLA_FLAGS"] = "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1"

import argparse
import gc
import platform
import sys
import tracemalloc
from collections.abc import Callable
from importlib.util import find_spec
from statistics import median
from time import perf_counter
from typing import Any

import numpy as np

import tinyad
from lstm_models.model import Model, parameters
from lstm_models.models import MODELS
from lstm_models.sequence import unrolled
from tests.benchmarks.bench import Times, interleaved
from tests.benchmarks.lstm_peers import PEERS
from tests.benchmarks.lstm_stacked_by_hand import SLIDES, STANDARD, stacked_by_hand
from tests.benchmarks.unrolled_lstm import SIZES as SMALLER
from tests.benchmarks.unrolled_lstm import TOLERANCE, Problem, Run, first_difference
from tinyad import Tape, Variable
from tinyad.compiled.native_engine import missing_packages

SIZES = SMALLER | {"large": (256, 512, 64, 64)}  # X, H, B, T
ROUNDS = {"tiny": 8, "small": 2, "medium": 1, "large": 1}  # how many, in units of --rounds / 2
AT_MOST, MEMORY_AT_MOST, COMPILE_AT_MOST = 1.10, 1.5, 20.0  # of the program by hand; of an eager run
NATIVE_AT_MOST = {
    ("tiny", "float64"): 0.25, ("tiny", "float32"): 0.25, ("small", "float64"): 0.95, ("small", "float32"): 0.85
}  # fmt: skip
NATIVE_ELSEWHERE = 1.05
WORKS = {  # name → (model, the errors of all time steps are added up)
    "slides": ("slides", False), "standard": ("standard", False),
    "slides, every step": ("slides", True), "standard, every step": ("standard", True),
}  # fmt: skip
BY_HAND = ("by hand, dx after the loop", "by hand, dx in the loop")


class Work:
    """A model, its problem at a size, and how its gates are called."""

    def __init__(self, name: str, X: int, H: int, B: int, T: int, dtype: str) -> None:
        rng = np.random.default_rng(1)
        of, self.every = WORKS[name]
        self.model: Model = MODELS[{"slides": "slides", "standard": "sancho"}[of]]
        self.gates, self.tanh = {"slides": (SLIDES, False), "standard": (STANDARD, True)}[of]

        def draw(rows: int, columns: int) -> Any:
            return rng.standard_normal((rows, columns)).astype(dtype)

        weights = parameters(self.model, H, X, rng, dtype)
        xs = [draw(X, B) for _ in range(T)]
        self.p = Problem(weights, draw(H, B), draw(H, B), xs, draw(B, H), draw(B, H))
        self.targets = np.array([draw(H, B) for _ in range(T)]) if self.every else None
        factors = sum(w.size for w in weights.values() if w.shape[1] > 1)
        self.flops = 3 * 2 * factors * B * T

    def record(self) -> tuple[Tape, dict[str, Variable], dict[Variable, Any]]:
        tape = Tape()
        leaves = tape.variables(**self.p.leaves())
        state, output = self.model.states
        start = {state: leaves["C[0]"], output: leaves["h[0]"]}
        xs = [leaves[name] for name in self.p.inputs()]
        steps = unrolled(self.model, start, xs, {name: leaves[name] for name in self.p.parameters})
        if self.targets is None:
            return tape, leaves, {steps[-1][state]: self.p.dC, steps[-1][output]: self.p.dh}
        L: Any = 0
        for values, target in zip(steps, self.targets, strict=True):
            L = L + np.sum((values[output] - target) ** 2)
        tape.name({"L": L})
        return tape, leaves, {L: np.ones((1, 1), target.dtype)}

    def eager(self) -> Run:
        def run() -> dict[str, Any]:
            tape, leaves, seeds = self.record()
            d = tape.backward(seeds)
            loss = {"L": tape["L"].value} if self.every else {}
            return loss | {name: d[v] for name, v in leaves.items()}

        return run

    def compiled(self, **options: Any) -> Run:
        tape, leaves, seeds = self.record()
        outputs = ["L"] * self.every
        program, arrays = tinyad.compile(tape, outputs, list(leaves), seeds, **options), self.p.leaves()

        def run() -> dict[str, Any]:
            values, d = program(arrays)
            return values | d

        return run

    def in_jax(self) -> Run:
        run = self.compiled(engine="jax")
        return lambda: {name: np.asarray(a) for name, a in run().items()}

    def by_hand(self, inputs_in_loop: bool) -> Run:
        return stacked_by_hand(self.p, self.gates, self.tanh, inputs_in_loop, self.targets)


def row(*cells: str) -> None:
    print("{:<20} {:<6} {:<7} {:<26} {:>9}  {:>7}  {}".format(*cells, *[""] * (7 - len(cells))).rstrip(), flush=True)


def verdict(value: float, at_most: float) -> str:
    return f"<= {at_most:.2f} {'reached' if value <= at_most else 'missed'}"


def timed(name: str, size: str, dtype: str, options: argparse.Namespace, peak: float) -> None:
    work = Work(name, *SIZES[size], dtype)
    runs: dict[str, Run] = {"eager tape": work.eager(), "grouped": work.compiled()}
    if not missing_packages():
        runs |= {"native": work.compiled(engine="native")}
    if find_spec("jax"):
        runs |= {"in JAX": work.in_jax()}
    runs |= {"literal": work.compiled(style="literal")}
    runs |= {by_hand: work.by_hand(bool(k)) for k, by_hand in enumerate(BY_HAND)}
    peers = {} if work.every else PEERS[name]
    runs |= {peer: made for peer, make in peers.items() if (made := make(work.p)) is not None}
    reference = runs["eager tape"]()
    for contender, run in runs.items():
        if difference := first_difference(run(), reference, TOLERANCE[dtype]):
            sys.exit(f"{contender}, {name} {size} {dtype}: {difference}")
    gc.collect()
    gc.freeze()
    rounds = max(3, options.rounds * ROUNDS[size] // 2)
    times = interleaved(runs, rounds, {"tiny": 20, "small": 2}.get(size, 1))
    best = min(BY_HAND, key=lambda by_hand: ratio(times, by_hand, BY_HAND[0]))
    for contender in runs:
        value = ratio(times, contender, best)
        targets = {"grouped": AT_MOST, "native": NATIVE_AT_MOST.get((size, dtype), NATIVE_ELSEWHERE)}
        reached = verdict(value, targets[contender]) if contender in targets else ""
        if contender == "grouped" and size in ("medium", "large"):
            reached += f", {work.flops / median(times[contender]) / peak:.0%} of the products' peak"
        row(name, size, dtype, contender, f"{1e3 * median(times[contender]):.3f}", f"{value:.2f}", reached)


def ratio(times: Times, of: str, to: str) -> float:
    return median(a / b for a, b in zip(times[of], times[to], strict=True))


def peak_of_products(dtype: str) -> float:
    """Flops a second of a product of square matrices."""
    a = np.ones((1024, 1024), dtype)
    times = []
    for _ in range(9):
        begin = perf_counter()
        a.dot(a)
        times.append(perf_counter() - begin)
    return 2 * 1024**3 / min(times)


def memory(name: str, size: str, dtype: str) -> None:
    """Bytes at the peak of making a program's places and running it."""

    def used(make: Callable[[], Run]) -> int:
        run = make()
        gc.collect()
        tracemalloc.start()
        run()
        found = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return found

    def by_hand() -> int:
        gc.collect()
        tracemalloc.start()
        run = work.by_hand(False)
        run()
        found = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return found

    work = Work(name, *SIZES[size], dtype)
    hand, grouped = by_hand(), used(work.compiled)
    row(
        name,
        size,
        dtype,
        "memory",
        f"{grouped / 2**20:.2f} MB",
        f"{grouped / hand:.2f}",
        verdict(grouped / hand, MEMORY_AT_MOST),
    )


def compile_time(name: str, size: str) -> None:
    X, H, B, _ = SIZES[size]
    work = Work(name, X, H, B, 64, "float64")
    tape, leaves, seeds = work.record()
    runs = {"compile": lambda: tinyad.compile(tape, [], list(leaves), seeds), "eager tape": work.eager()}
    times = interleaved(runs, 5)
    value = ratio(times, "compile", "eager tape")
    row(
        name,
        size,
        "",
        "compile, T = 64",
        f"{1e3 * median(times['compile']):.1f}",
        f"{value:.1f}",
        "eager runs, " + verdict(value, COMPILE_AT_MOST),
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--sizes", nargs="+", choices=SIZES, default=list(SIZES))
    parser.add_argument("--works", nargs="+", choices=list(WORKS), default=list(WORKS))
    options = parser.parse_args()
    print(f"Python {platform.python_version()}, NumPy {np.__version__}, one thread; ratios to the faster one by hand")
    for size in options.sizes:
        print(f"{size}: X, H, B, T = {', '.join(map(str, SIZES[size]))}")
    row("work", "size", "dtype", "program", "ms", "ratio", "target")
    for dtype in TOLERANCE:
        peak = peak_of_products(dtype)
        for name in options.works:
            for size in options.sizes:
                timed(name, size, dtype, options, peak)
    for name in options.works:
        for size in options.sizes:
            memory(name, size, "float64")
        compile_time(name, "tiny")
        compile_time(name, "small")


if __name__ == "__main__":
    main()
