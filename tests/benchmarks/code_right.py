"""Count alarms on backward passes that are right, at many seeds.

    python -m tests.benchmarks.code_right [--seeds N] [--first K] [files]

Each pair of tests/code/written is checked N times: with other upstream adjoints each time, and every second time at
another sample point too.  Whatever is called wrong, or not judged as a whole, is printed.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

from tests.benchmarks.code import WRITTEN
from tests.support.code_plants import founds, paired
from tinyad.code.check import check_pair
from tinyad.code.points import another
from tinyad.code.program import undisturbed
from tinyad.code.verdicts import PairVerdict


def complaints(verdict: PairVerdict) -> list[str]:
    """Return what a check calls wrong, and why it judged nothing, as text."""
    wrong = [f"{s.line} {s.name}: {s.verdict}" for s in verdict.wrong]
    return [text for text in (*wrong, *verdict.returned, verdict.error) if text]


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("files", nargs="*", type=Path, default=sorted(WRITTEN.glob("*.py")))
    parser.add_argument("--seeds", type=int, default=100)
    parser.add_argument("--first", type=int, default=0)
    options = parser.parse_args()
    start, checks, statements, alarms, raised = time.perf_counter(), 0, 0, 0, 0
    pairs = [(path, found) for path in options.files for found in founds(path)]
    for seed in range(options.first, options.first + options.seeds):
        for path, found in pairs:
            move = {"moved": lambda example: another(example, seed)} if seed % 2 and found.forward else {}  # noqa: B023
            with undisturbed():
                try:
                    pair = paired(path.read_text(encoding="utf-8"), str(path), found, seed=seed, **move)
                except Exception as error:  # the code itself refuses this point
                    raised += 1
                    print(f"{path.name} {found.name} seed {seed}: {type(error).__name__}: {error}", flush=True)
                    continue
                verdict = check_pair(pair)
            checks += 1
            statements += len(verdict.statements)
            if said := complaints(verdict):
                alarms += 1
                print(f"{path.name} {found.name} seed {seed}: {'; '.join(said)}", flush=True)
        print(
            f"{seed - options.first + 1} seeds: {checks} checks of {statements} statements, {alarms} alarms, "
            f"{raised} points that the code refuses, {time.perf_counter() - start:.0f} s",
            flush=True,
        )


if __name__ == "__main__":
    main()
