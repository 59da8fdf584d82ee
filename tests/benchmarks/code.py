"""Count what becomes of mistakes in code: are they located, is anything else called wrong, what is suggested?

    python -m tests.benchmarks.code [--each N] [--share P] [--seed S] [--kinds name ...] [--misses] [files]

Of every kind N mistakes of one statement are planted into each right backward pass of the files, which are those of
tests/code/written unless some are given, or into the share P of them, drawn for each kind.  `located`: the changed
statement is called wrong, or the suggestion is for it.  `false`: another statement is called wrong, and the suggestion
is not for the changed one.  `first`: the first suggestion is the statement that stood there, but for spelling.
`right`: with it the program returns what it did.
"""

from __future__ import annotations

import argparse
import random
import statistics
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from tests.support.code_plants import KINDS, CodePlant, Subject, subjects
from tests.support.paths import ROOT
from tinyad.code.check import check_pair
from tinyad.code.find import Found
from tinyad.code.program import undisturbed
from tinyad.code.same_formula import same_formula
from tinyad.code.time_limit import TimedOut, limited
from tinyad.code.verdicts import StatementVerdict

WRITTEN = ROOT / "tests/code/written"
COLUMNS = ("planted", "located", "false", "first", "right", "error")
SECONDS = 120.0  # for one check


class Outcome(NamedTuple):
    """What a check says about a planted mistake: the columns that it counts in, what was called wrong, its time."""

    counted: set[str]
    wrong: tuple[StatementVerdict, ...]
    seconds: float
    error: str = ""


def outcome(subject: Subject, plant: CodePlant) -> Outcome:
    """Check a program with a mistake."""
    start = time.perf_counter()
    try:
        with undisturbed(), limited(SECONDS):
            verdict = check_pair(subject.paired(plant.source))
    except (Exception, TimedOut) as error:
        return Outcome({"planted", "error"}, (), time.perf_counter() - start, f"{type(error).__name__}: {error}")
    seconds = time.perf_counter() - start
    counted = {"planted"}
    for found in verdict.wrong:
        here = plant.line <= found.line <= plant.end_line
        if not here and not plant.line <= found.suggestion_line <= plant.end_line:
            counted.add("false")
            continue
        counted.add("located")
        if found.suggestion and plant.line <= found.suggestion_line <= plant.end_line:
            if same_formula(found.suggestion, plant.was):
                counted |= {"first", "right"}
            elif subject.is_right(subject.replaced(plant.line, plant.was, found.suggestion)):
                counted.add("right")
    return Outcome(counted, verdict.wrong, seconds)


def outcomes(
    paths: list[Path], kinds: list[str], each: int, share: float, seed: int
) -> Iterator[tuple[Subject, CodePlant, Outcome]]:
    """Yield what becomes of the mistakes planted into some files."""

    def drawn(path: Path, found: Found) -> list[str]:
        keys = {kind: f"{seed} {path.name} {found.name} {kind} share" for kind in kinds}
        return [kind for kind in kinds if random.Random(keys[kind]).random() < share]

    for path in paths:
        for subject in subjects(path, lambda found: bool(drawn(path, found))):  # noqa: B023  it is used up in the loop
            for kind in drawn(path, subject.found):
                for plant in subject.plants(kind, each, seed):
                    yield subject, plant, outcome(subject, plant)


def miss(subject: Subject, plant: CodePlant, found: Outcome) -> str:
    """Say what a check made of a mistake."""
    name = f"{Path(subject.path).name}:{plant.line} {subject.found.name} {plant.kind}"
    lines = [f"{name}: {', '.join(c for c in COLUMNS if c in found.counted)} {found.seconds:.1f} s {found.error}"]
    lines += [f"  was  {plant.was}", f"  now  {plant.now}"]
    for w in found.wrong:
        lines.append(
            f"  got  {w.line} {w.name}: {w.verdict} → {w.suggestion_line} {w.suggestion} [{w.grade}, {w.tried}]"
        )
    return "\n".join(lines)


def table(counts: dict[str, Counter[str]], seconds: dict[str, list[float]]) -> None:
    """Print the counts by kind, and of all kinds together."""
    print(f"{'':14}" + "".join(f"{name:>9}" for name in COLUMNS) + f"{'seconds':>9}{'longest':>9}")
    everything = [time for times in seconds.values() for time in times]
    rows = [*counts.items(), ("all", sum(counts.values(), Counter[str]()))]
    for kind, found in rows:
        times = everything if kind == "all" else seconds[kind]
        if times:
            cells = "".join(f"{found[name]:9}" for name in COLUMNS)
            print(f"{kind:14}{cells}{statistics.median(times):9.2f}{max(times):9.2f}")
    total = rows[-1][1]
    shares = ", ".join(f"{name} {total[name] / max(1, total['planted']):.1%}" for name in COLUMNS[1:])
    print(f"{shares}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("files", nargs="*", type=Path, default=sorted(WRITTEN.glob("*.py")))
    parser.add_argument("--each", type=int, default=1)
    parser.add_argument("--share", type=float, default=1.0)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--kinds", nargs="+", choices=KINDS, default=list(KINDS))
    parser.add_argument("--misses", action="store_true", help="print what was not located, or not suggested first")
    options = parser.parse_args()
    counts = {kind: Counter[str]() for kind in options.kinds}
    seconds: dict[str, list[float]] = {kind: [] for kind in options.kinds}
    for subject, plant, found in outcomes(options.files, options.kinds, options.each, options.share, options.seed):
        counts[plant.kind].update(found.counted)
        seconds[plant.kind].append(found.seconds)
        if options.misses and (not {"located", "first"} <= found.counted or "false" in found.counted):
            print(miss(subject, plant, found), flush=True)
    table(counts, seconds)


if __name__ == "__main__":
    main()
