"""What a stranger hands in costs bounded time and memory, and nothing in it reaches the terminal as it is."""

import os
import sys
from math import inf
from time import thread_time

import pytest

from tests.support.derivation_texts import fenced
from tinyad.derivation import DerivationError, check_derivation
from tinyad.derivation.language.limits import FILE_BYTES
from tinyad.derivation.language.source import LimitError, Source

ONE = ("x: N×1\ngiven: ∇h", "h = tanh(x)", "∇x = ∇h ∘ (1 - h²)ᵀ")


def declared(line):
    return fenced(f"{line}\n{ONE[0]}", *ONE[1:])


# Each took all time or all memory once, in fewer than 100,000 characters.
LONG = 60_000
DOUBLED = "\n".join(["h_1 = [v; v]", *(f"h_{k} = [h_{k - 1}; h_{k - 1}]" for k in range(2, 40)), "h = h_39"])
POWERS = "\n".join(["h_1 = v", *(f"h_{k} = h_{k - 1} v" for k in range(2, 999)), "h = h_998"])
TOO_LARGE = [
    (declared("W: \\mathbb" + " " * LONG + "Z"), "a size of"),
    (declared("W: " + "(" * LONG + " " * LONG + "N"), "a size of"),
    (declared("W: " + "7" * LONG + "×N"), "a size of"),
    (declared("W: " + "7" * 40 + "×N"), "a number must be from 1 to 64"),
    (declared("W" + "7" * LONG + ": N×N N"), "is not a size"),
    (declared("at x" + " in" * LONG + ": x"), "expected a function after `in`"),
    (declared("time: t" + " " * LONG + "= 2"), "time: write"),
    (fenced("v: 64×64\ngiven: ∇h", DOUBLED, "∇v = ∇h"), "at most 1000000 are computed"),
    (fenced("v: 64×64\ngiven: ∇h", POWERS, "∇v = ∇h"), "more than 3000000 numbers in the forward"),
]  # fmt: skip
TOO_LARGE += [(fenced(*ONE[:2], "[dx] = deriv(∇h, x, '" + " " * LONG), "this quotation is not closed")]
INDICES = "indices: a, b, c, d, e, i, j\nlayout: same\nV: 64×64\nx: 64×1\ngiven: ∇h"
TOO_LARGE_LINES = [
    (INDICES, "h = V x", "∇x_j = Σ_a Σ_b Σ_c Σ_i ∇h_i V_{ij} x_a x_b x_c"),
    ("layout: same\nV: 64×64\ngiven: ∂L/∂H", "H = tanh(V)", "∂L/∂V = ∂L/∂H ∂H/∂V"),
    ("layout: same\nx: N×1\ngiven: ∂L/∂h", "h = x", "∂L/∂x = 1_{(999,1)} 1_{(1,999)} [1_{(999,999)}, 1_{(999,9)}]"),
    ("layout: same\nx: N×1\ngiven: ∂L/∂h", "h = x", "∂L/∂x = diag([1_{(999,1)}; 1_{(9,1)}])"),
]


@pytest.mark.parametrize(("text", "message"), TOO_LARGE)
def test_what_takes_too_much_is_refused(text, message):
    with pytest.raises(DerivationError) as raised:
        check_derivation(text)
    assert message in str(raised.value)
    assert len(str(raised.value)) < 1000


@pytest.mark.parametrize("whole", TOO_LARGE_LINES)
def test_a_line_with_values_that_are_too_large_has_a_verdict(whole):
    (line,) = check_derivation(fenced(*whole), suggest=False).verdicts
    assert line.verdict == "not evaluable"
    assert "1000000 are computed" in line.message


def test_many_members_and_long_forwards_are_read():
    chain = fenced(*ONE[:2], "∇x" + " = ∇h ∘ (1 - h²)ᵀ" * 300)
    assert check_derivation(chain).ok
    equations = ["h_1 = tanh(x)", *(f"h_{k} = tanh(h_{k - 1})" for k in range(2, 400)), "h = tanh(h_399)"]
    report = check_derivation(fenced(ONE[0], "\n".join(equations), "∇h_399 = ∇h ∘ (1 - h²)ᵀ"), suggest=False)
    assert report.verdicts[0].ok


@pytest.fixture
def always_read(monkeypatch):
    """The clock of computing is read at every check, however little time has passed."""
    monkeypatch.setattr("tinyad.derivation.language.source.perf_counter", lambda: inf)


def test_the_time_is_bounded(monkeypatch, always_read):
    """The clock goes on by a tenth of a second whenever it is read."""
    ticks = iter(range(10**9))
    monkeypatch.setattr("tinyad.derivation.language.source.thread_time", lambda: next(ticks) / 10)
    with pytest.raises(LimitError, match=r":\d+:\d+: this file takes more than 3 s; --timeout allows more"):
        check_derivation(fenced(*ONE), timeout=3)
    assert check_derivation(fenced(*ONE), timeout=1e6).ok


def test_the_time_ends_when_it_is_over():
    begun = thread_time()
    source = Source("", seconds=0.05)

    def compute():
        while thread_time() < begun + 5:
            source.check_time()

    with pytest.raises(LimitError):
        compute()
    assert 0.05 <= thread_time() - begun < 1


def test_where_the_time_ends_in_the_search_the_verdicts_stand(monkeypatch, always_read):
    text = fenced(*ONE[:2], "∇x = ∇h ∘ (1 + h)ᵀ ∘ (2 + h)ᵀ")
    judged = [v.verdict for v in check_derivation(text, suggest=False).verdicts]
    reads = []
    monkeypatch.setattr("tinyad.derivation.language.source.thread_time", lambda: reads.append(0) or 0.0)
    check_derivation(text, suggest=False, timeout=1)
    before = len(reads)
    ticks = iter(range(10**9))
    monkeypatch.setattr("tinyad.derivation.language.source.thread_time", lambda: next(ticks))
    report = check_derivation(text, timeout=before + 20)
    assert [v.verdict for v in report.verdicts] == judged
    assert f"no correction in the time, {before + 20} s" in report.text()


# Files that are no files


@pytest.mark.skipif(sys.platform == "win32", reason="pipes and devices of Unix")
def test_a_pipe_and_a_device_are_refused_before_they_are_read(tmp_path):
    pipe = tmp_path / "pipe.md"
    os.mkfifo(pipe)
    for path in (pipe, "/dev/zero"):
        with pytest.raises(DerivationError, match="it is no regular file"):
            check_derivation(path)


def test_a_huge_file_is_refused_before_it_is_read(tmp_path):
    path = tmp_path / "sparse.md"
    with path.open("wb") as file:
        file.truncate(6_000_000_000)
    with pytest.raises(DerivationError, match=f"6000000000 bytes; at most {FILE_BYTES} are read"):
        check_derivation(path)


# The terminal

HOSTILE = "\x1b[31m \x1b]0;t\x07 \u202e \u2066 \x9b2J"


def test_nothing_of_a_file_reaches_the_terminal_unescaped():
    text = fenced(*ONE, title=f"b {HOSTILE}").replace("```declare", f"# T {HOSTILE}\n```declare", 1)
    wrong = text.replace("(1 - h²)ᵀ", "h \x1b[2Jᵀ \u202e").replace("= ∇h", "= # \x1b\n ∇h")
    for given in (text, wrong):
        report = check_derivation(given)
        shown = str(report) + report.summary() + report.text(True)
        assert shown.replace("\n", "").isprintable()
        assert not any(sign in report.html() for sign in "\x1b\x9b\u202e\u2066")
    broken = fenced(f"layout: {HOSTILE}", *ONE[1:])
    with pytest.raises(DerivationError) as raised:
        check_derivation(broken)
    assert str(raised.value)  # the command line shows it with escapes
