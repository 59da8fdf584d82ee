"""Check a source in a process of its own, with limits on time, memory and files."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from tinyad.code.checking import Options, check_text
from tinyad.code.files import Text
from tinyad.code.limits import SANDBOX_BYTES, SANDBOX_FILE_BYTES, SANDBOX_FILES
from tinyad.code.program import CodeError
from tinyad.code.report import Report
from tinyad.code.verdicts import PairVerdict, StatementVerdict, Verdict, WorstEntry

ENVIRONMENT = ("PATH", "LANG", "LC_ALL", "SYSTEMROOT", "PYTHONPATH")  # what a process with limits gets of it


def check_in_sandbox(text: Text, options: Options) -> Report:
    """Return the report on a source that runs in a process of its own, in an empty folder.

    What it writes is lost; more than the limits of memory, time and files stops it.  It is no protection of what the
    user may read, nor of the network.
    """
    with tempfile.TemporaryDirectory(prefix="tinyad-") as folder:
        job, answer = Path(folder, "job.json"), Path(folder, "answer.json")
        job.write_text(json.dumps({"text": text._asdict(), "options": options._asdict()}), encoding="utf-8")
        environment = {k: v for k, v in os.environ.items() if k in ENVIRONMENT}
        environment |= {"HOME": folder, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
        seconds = options.seconds * 4 + 10
        try:
            done = subprocess.run(
                [sys.executable, "-m", "tinyad.code.sandbox", str(job), str(answer)],
                cwd=folder,
                env=environment,
                timeout=seconds,
                capture_output=True,
                check=False,
                stdin=subprocess.DEVNULL,
            )
        except subprocess.TimeoutExpired:
            raise CodeError(f"{text.name}: the check did not end in {seconds:g} seconds") from None
        if not answer.is_file():
            raise CodeError(f"{text.name}: {_ended(done.returncode)}")
        try:
            found = json.loads(answer.read_text(encoding="utf-8"))
        except ValueError:
            raise CodeError(f"{text.name}: the check left no report") from None
    if "error" in found:
        raise CodeError(found["error"])
    return Report(text, [_pair(pair) for pair in found["pairs"]], found["imported"])


def _ended(status: int) -> str:
    if status < 0:
        return f"the check was stopped by signal {-status}: it took more than {SANDBOX_BYTES:,} bytes or too much time"
    return f"the check ended with status {status}: the program may have ended itself, or taken too much memory"


def _pair(found: dict[str, Any]) -> PairVerdict:
    """Return a verdict on a pair from JSON."""
    statements = tuple(
        StatementVerdict(
            **{
                **statement,
                "verdict": Verdict(statement["verdict"]),
                "worst": statement["worst"] and WorstEntry(tuple(statement["worst"][0]), *statement["worst"][1:]),
                "others": tuple(statement["others"]),
                "spoils": tuple(statement["spoils"]),
            }
        )
        for statement in found["statements"]
    )
    tuples = {name: tuple(found[name]) for name in ("returned", "notes", "not_seen", "open")}
    unjudged = tuple((name, line, reason) for name, line, reason in found["unjudged"])
    return PairVerdict(**{**found, **tuples, "statements": statements, "unjudged": unjudged})


def main(job: str, answer: str) -> None:
    """Read a job, set the limits, check, and write the report."""
    given = json.loads(Path(job).read_text(encoding="utf-8"))
    text = Text(given["text"]["name"], given["text"]["text"], tuple(tuple(c) for c in given["text"]["cells"]))
    options = Options(**{**given["options"], "pairs": tuple(given["options"]["pairs"])})
    limit_process()
    try:
        report = check_text(text, options)
        found: dict[str, Any] = {"pairs": [_plain(pair) for pair in report.pairs], "imported": report.imported}
    except (CodeError, MemoryError) as error:
        found = {"error": str(error) or f"{text.name}: it takes more memory than {SANDBOX_BYTES:,} bytes"}
    Path(answer).write_text(json.dumps(found), encoding="utf-8")


def _plain(pair: PairVerdict) -> dict[str, Any]:
    return {**pair._asdict(), "statements": [statement._asdict() for statement in pair.statements]}


def limit_process() -> None:
    """Set the limits of this process, where the system has them."""
    try:
        import resource
    except ImportError:  # Windows
        return
    for kind, most in (
        (resource.RLIMIT_AS, SANDBOX_BYTES),
        (resource.RLIMIT_FSIZE, SANDBOX_FILE_BYTES),
        (resource.RLIMIT_NOFILE, SANDBOX_FILES),
    ):
        _, hard = resource.getrlimit(kind)
        resource.setrlimit(kind, (most if hard == resource.RLIM_INFINITY else min(most, hard), hard))


if __name__ == "__main__":
    main(*sys.argv[1:])
