"""The engine of this checkout against that of another one: time, and whether the derivatives are the same bits.

    git worktree add ../before COMMIT
    python -m tests.benchmarks.engines ../before [--rounds N] [--sizes tiny small medium]

Both run in one process and take turns; a ratio is the median over the rounds of the ratio within a round.  The time is
that of the processor, since other programs may run.
"""

from __future__ import annotations

import os

os.environ.update({f"{library}_NUM_THREADS": "1" for library in ("OMP", "OPENBLAS", "MKL", "BLIS", "VECLIB_MAXIMUM")})

import argparse
import gc
import operator
import sys
from importlib import import_module
from pathlib import Path
from statistics import median
from time import process_time
from typing import Any

import numpy as np


def load(folder: Path, *names: str) -> list[Any]:
    """Import modules of a checkout, whatever was imported from another one."""
    for name in [name for name in sys.modules if name.split(".")[0] in ("tinyad", "lstm_models", "tests")]:
        del sys.modules[name]
    sys.path.insert(0, str(folder))
    try:
        modules = [import_module(name) for name in names]
        assert Path(modules[0].__file__ or "").is_relative_to(folder), f"{modules[0].__file__} is not in {folder}"
        return modules
    finally:
        sys.path.pop(0)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("before", type=Path, metavar="FOLDER", help="another checkout")
    parser.add_argument("--rounds", type=int, default=25)
    parser.add_argument("--sizes", nargs="+", default=["tiny", "small", "medium"])
    options = parser.parse_args()
    (before,) = load(options.before.resolve(), "tests.benchmarks.unrolled_lstm")
    names = "tests.benchmarks.unrolled_lstm", "tests.benchmarks.lstm_by_hand"
    problem, lstm = load(Path(__file__).resolve().parents[2], *names)
    print(f"{'size':<7} {'dtype':<8} {'the same bits':<14} {'to before':>10} {'to lean':>8} {'before to lean':>15}")
    for size in options.sizes:
        for dtype in problem.TOLERANCE:
            here, there = (module.problem(*module.SIZES[size], dtype) for module in (problem, before))
            runs = {
                "now": problem.tinyad(here),
                "before": before.tinyad(there),
                "lean": lstm.by_hand(here, operator.matmul),
            }
            old, new = runs["before"](), runs["now"]()
            same = all(np.array_equal(old[name], new[name]) for name in old)
            times: dict[str, list[float]] = {name: [] for name in runs}
            kept: dict[str, Any] = {}
            repeat = {"tiny": 20, "small": 2}.get(size, 1)
            for _ in range(options.rounds):
                for name, run in runs.items():
                    gc.collect()
                    start = process_time()
                    for _ in range(repeat):
                        kept[name] = run()
                    times[name].append(process_time() - start)

            def ratio(a: str, b: str, times: dict[str, list[float]] = times) -> float:
                return median(x / y for x, y in zip(times[a], times[b], strict=True))

            figures = f"{ratio('now', 'before'):>10.3f} {ratio('now', 'lean'):>8.2f} {ratio('before', 'lean'):>15.2f}"
            print(f"{size:<7} {dtype:<8} {'yes' if same else 'NO':<14} {figures}", flush=True)


if __name__ == "__main__":
    main()
