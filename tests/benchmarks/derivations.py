"""How long `tinyad check` takes for the sources' derivations, start-up included, and as a ratio to importing NumPy.

Run: python -m tests.benchmarks.derivations
"""

import os
import subprocess
import sys
from pathlib import Path
from statistics import median
from time import perf_counter

from lstm_models.demo import DERIVATIONS, SOURCES

ROUNDS = 5


def seconds(*arguments):
    begun = perf_counter()
    environment = os.environ | {"OPENBLAS_NUM_THREADS": "1"}
    subprocess.run([sys.executable, *arguments], env=environment, stdout=subprocess.DEVNULL, check=False)
    return perf_counter() - begun


def main():
    files = [DERIVATIONS / f"{name}{which}.md" for name in SOURCES for which in ("-corrected", "")]
    times = {file: [] for file in (None, *files)}
    for _ in range(ROUNDS):  # interleaved: the machine is shared
        for file, found in times.items():
            found.append(seconds("-c", "import numpy") if file is None else seconds("-m", "tinyad", "check", str(file)))
    numpy = median(times.pop(None))
    print(f"import numpy {numpy:.2f} s; medians of {ROUNDS} rounds")
    for file, found in times.items():
        print(f"{Path(file).name:24} {median(found):6.2f} s   {median(found) / numpy:5.1f} times the import")


if __name__ == "__main__":
    main()
