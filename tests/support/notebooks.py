"""The notebooks run, and say what is stored: `python -m tests.support.notebooks [--store] [NAME ...]`.

Text, LaTeX and HTML are compared word by word, decimal fractions to a relative 1e-6, graphs by their DOT text, pictures
by their kind.  Two tags of a cell say what may differ from one machine or Python to another: `varies` any number, with
`sampled` besides any text of the same length.  With --store what the run gave is written into the notebooks.
"""

import argparse
import os
import re
import sys
import tempfile
import time
from copy import deepcopy
from pathlib import Path

import nbformat
from jupyter_client.kernelspec import KernelSpec, KernelSpecManager
from jupyter_client.manager import AsyncKernelManager
from nbclient import NotebookClient

from tests.support.paths import ROOT

NOTEBOOKS = {path.stem: path for path in sorted((ROOT / "notebooks").glob("*.ipynb"))}
METADATA = {
    "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
    "language_info": {"name": "python"},
}
RELATIVE, ABSOLUTE = 1e-6, 1e-13
LONGEST = 120  # seconds a cell may take
BY_KIND = ("image/png", "image/svg+xml")  # their bytes depend on fonts, Graphviz and matplotlib
NUMBER = re.compile(r"((?:(?<![\w.)\]}])[-+])?\d+(?:\.\d*)?(?:[eE][-+]?\d+)?)")
ANY_NUMBER = re.compile(r"[-+]?\d[\d,]*(?:\.\d*)?(?:[eE][-+]?\d+)?")
ROUNDING = re.compile(r"within \d{1,2} units? of rounding")  # how many depends on how a machine multiplies


class ThisPython(KernelSpecManager):
    """The kernel is the Python that runs this, whatever kernels are installed."""

    def get_kernel_spec(self, kernel_name):
        quiet = "-Xfrozen_modules=off", "--log-level=ERROR"  # of a debugger, of a connection that is not encrypted
        argv = [sys.executable, quiet[0], "-m", "ipykernel_launcher", "-f", "{connection_file}", quiet[1]]
        return KernelSpec(argv=argv, display_name="Python 3", language="python")


def run(notebook):
    """The notebook as it is after a run from top to bottom, in a kernel of its own, in the folder of the notebooks."""
    fresh = clean(notebook)
    for cell in fresh.cells:
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
    with tempfile.TemporaryDirectory() as home:  # nothing of the user's configuration, and no history
        env = {**os.environ, "IPYTHONDIR": home, "PYTHONPATH": str(ROOT), "OPENBLAS_NUM_THREADS": "1"}
        kernel = AsyncKernelManager(
            kernel_name="python3", kernel_spec_manager=ThisPython(), connection_file=str(Path(home) / "kernel.json")
        )
        NotebookClient(
            fresh, km=kernel, timeout=LONGEST, allow_errors=True, record_timing=False, coalesce_streams=True,
            resources={"metadata": {"path": str(ROOT / "notebooks")}},
        ).execute(env=env, cleanup_kc=True)  # fmt: skip
    return clean(fresh)


def clean(notebook):
    """Without what differs from run to run and is no output."""
    kept = deepcopy(notebook)
    kept.metadata = nbformat.from_dict(METADATA)
    for cell in kept.cells:
        cell.metadata = nbformat.from_dict({"tags": tags} if (tags := cell.metadata.get("tags")) else {})
    return kept


def differences(stored, fresh):
    """What a fresh run says otherwise than the stored one, as sentences; errors and warnings always."""
    found = []
    for k, (old, new) in enumerate(zip(stored.cells, fresh.cells, strict=True), 1):
        if old.cell_type == "code":
            begins = old.source.strip().partition("\n")[0]
            found += [f"cell {k}, {begins}\n    {said}" for said in in_cell(old, new)]
    return found


def in_cell(old, new):
    tags = set(old.metadata.get("tags", ()))
    for output in (*old.outputs, *new.outputs):
        if output.output_type == "error":
            return [f"raised {output.ename}: {output.evalue}"]
        if output.get("name") == "stderr":
            return [f"wrote to stderr: {output.text.strip()}"]
    if old.execution_count != new.execution_count:
        return [f"was run as number {old.execution_count}, now as {new.execution_count}"]
    if kinds(old) != kinds(new):
        return [f"stored outputs are {kinds(old) or 'none'}, now {kinds(new) or 'none'}"]
    found = []
    for before, after in zip(old.outputs, new.outputs, strict=True):
        was, now = data(before), data(after)
        for kind in was:
            if kind not in BY_KIND and (said := unlike(kind, was[kind], now[kind], tags)):
                found.append(f"{kind}, {said}")
    return found


def data(output):
    return {"stdout": output.text} if output.output_type == "stream" else output.data


def kinds(cell):
    return [(output.output_type, *sorted(data(output))) for output in cell.outputs]


def unlike(kind, was, now, tags):
    """How two texts differ, None if they do not by more than they may."""
    if "sampled" in tags:
        if len(was) == len(now) and printable(was) and printable(now):
            return None
        return f"{len(was)} characters are stored, now {len(now)}; or some are not printable"
    if not isinstance(was, str):
        return None if was == now else f"stored {was!r}, now {now!r}"
    lines = was.splitlines(), now.splitlines()
    if len(lines[0]) != len(lines[1]):
        return f"{len(lines[0])} lines are stored, now {len(lines[1])}"
    alike = str.__eq__ if kind == "text/vnd.graphviz" else masked if "varies" in tags else near
    for n, (a, b) in enumerate(zip(*lines, strict=True), 1):
        if not alike(a, b):
            return f"line {n}\n    stored  {a}\n    now     {b}"
    return None


def printable(text):
    return all(c.isprintable() for c in text.replace("\n", ""))


def masked(a, b):
    return words(ANY_NUMBER.sub("#", a)) == words(ANY_NUMBER.sub("#", b))


def near(a, b):
    """Whether two lines are equal but for rounding: whole numbers exactly, white space in any amount."""
    a, b = (NUMBER.split(ROUNDING.sub("within a few units of rounding", line)) for line in (a, b))
    if len(a) != len(b) or any(words(p) != words(q) for p, q in zip(a[::2], b[::2], strict=True)):
        return False
    return all(equal(p, q) for p, q in zip(a[1::2], b[1::2], strict=True))


def equal(a, b):
    if not re.search(r"[.eE]", a + b):
        return a == b
    return abs(float(a) - float(b)) <= max(ABSOLUTE, RELATIVE * max(abs(float(a)), abs(float(b))))


def words(text):
    return " ".join(text.split())


def read(path):
    return nbformat.read(path, as_version=4)


def written(notebook):
    return nbformat.writes(notebook) + "\n"


def main(arguments=None):
    parser = argparse.ArgumentParser(
        prog="python -m tests.support.notebooks", description="Run the notebooks and compare."
    )
    parser.add_argument("--store", action="store_true", help="write what the run gave into the notebooks")
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(NOTEBOOKS))
    options = parser.parse_args(arguments)
    for name in options.names:
        if name not in NOTEBOOKS:
            parser.error(f"no notebook {name}; there are {', '.join(NOTEBOOKS)}")
    failed = False
    for name in options.names or NOTEBOOKS:
        stored, began = read(NOTEBOOKS[name]), time.monotonic()
        fresh = run(stored)
        found = differences(fresh if options.store else stored, fresh)  # of a run with itself: errors and warnings
        took = f"{name}: {time.monotonic() - began:.1f} s"
        if options.store and not found:
            NOTEBOOKS[name].write_text(written(fresh), encoding="utf-8", newline="\n")
        print(f"{took}, {'stored' if options.store else 'as stored'}" if not found else "\n".join([took, *found]))
        failed |= bool(found)
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
