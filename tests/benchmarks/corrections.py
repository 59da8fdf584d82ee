"""Count what becomes of planted mistakes: are they found, in their line, and is the line that stood there suggested?

    python -m tests.benchmarks.corrections [--each N] [--files slides vardhan ...] [--kinds name sign ...] [--misses]
    python -m tests.benchmarks.corrections --random N [--from K] [--seed S] [--misses]

Of every kind N mistakes of one edit are taken from each right derivation of a source, evenly over its lines.  `seen`:
the checker reports something.  `located`: the line with the mistake is among what it names.  `any`: a line is
suggested for it, or lines are proposed.  `text`: the first suggestion, or one of the proposed lines, is the line that
stood there.  `formula`: it is the same formula but for the order of what may be exchanged, brackets, and where a
transposition stands.  `false`: a suggestion that was put into the file does not make its line right, or leaves another
line wrong that was right; it has to be 0.

With --random, N mistakes are drawn from all files and kinds; also counted are `alarms` (right files that are not
right), `missed` (nothing is reported) and `wrong line` (another line is named); a mistake that leaves every value as it
is counts as missed.
"""

from __future__ import annotations

import argparse
import random
from collections import Counter
from typing import Any

from lstm_models.demo import DERIVATIONS, SOURCES
from tests.support.applied_suggestions import false_suggestions
from tests.support.derivation_texts import fenced
from tests.support.exercises import mended
from tests.support.field_derivations import FIELDS
from tests.support.right_derivations import TEXTS
from tinyad.derivation import DerivationError, check_derivation
from tinyad.derivation.exercise.answer import PlantedMistake
from tinyad.derivation.exercise.grade import faults, squeezed
from tinyad.derivation.exercise.plant import KINDS, plants
from tinyad.derivation.language.reader import derivations
from tinyad.derivation.language.source import Source
from tinyad.derivation.language.syntax_tree import Node, Ref, Statement
from tinyad.derivation.show.report import Report

FILES = [*SOURCES, *TEXTS, *FIELDS]
COLUMNS = ("planted", "seen", "located", "any", "text", "formula", "false")


def sample(found: list[PlantedMistake], each: int) -> list[PlantedMistake]:
    """Return some of them, evenly over the file."""
    return [found[k * len(found) // each] for k in range(each)] if len(found) > each else found


def outcome(p: PlantedMistake) -> tuple[set[str], str]:
    """Return the columns that a planted mistake counts in, and the suggestion for its line."""
    try:
        report = check_derivation(p.text)
    except DerivationError as error:
        return {"planted", "seen"} | ({"located"} if error.line == p.line else set()), ""
    if report.ok:
        return {"planted"}, ""
    false = {"false"} if false_suggestions(report) else set()
    own = next((v for v in report.wrong if v.line == p.line and not p.removed), None)
    if own is None:
        proposed = [text for _, part in report.parts for text in part.proposed]
        right = {"text", "formula"} if squeezed(p.was) in map(squeezed, proposed) else set()
        located = {"located"} if lacks(report, p) else set()
        located |= {"any"} if located and proposed else set()
        return {"planted", "seen"} | located | right | false, "; ".join(proposed)
    text = report.source.text[: own.start] + own.suggestion + report.source.text[own.end :]
    counted = {"planted", "seen", "located"} | false | ({"any"} if own.suggestion else set())
    if own.suggestion and squeezed(own.suggestion) == squeezed(p.was):
        counted |= {"text", "formula"}
    elif own.suggestion and formula(text, p.line) == formula(mended(p), p.line):
        counted.add("formula")
    return counted, own.suggestion


def lacks(report: Report, p: PlantedMistake) -> bool:
    """Return whether the left-hand side that a line had is reported to lack something, or to be set nowhere."""
    names = squeezed(p.was).split("+=")[0].split("=")[0]
    lines = [v for v in report.wrong if v.verdict == "missing" and squeezed(v.target) == names]
    return bool(lines) or bool(faults(report.parts))


def formula(text: str, line: int) -> Any:
    """Return a line but for what changes nothing: order of terms and components, brackets, places of transpositions."""
    source = Source(text)
    for derivation in derivations(source):
        for statement in (s for lines in derivation.backward.values() for s in lines):
            if isinstance(statement, Statement) and source.place(statement.start)[0] == line:
                members = [normal(member) for member in statement.members]
                return [normal(left) for left in statement.left], statement.sign, members
    return None


def normal(node: Node, transposed: bool = False) -> Any:
    """Return a formula in normal form."""
    if node.kind == "bracket":
        return normal(node.parts[0], transposed)
    if node.kind == "transpose":
        return normal(node.parts[0], not transposed)
    if node.kind == "square":
        node = node._replace(kind="∘", parts=(node.parts[0],) * 2)
    if node.kind in ("∘", "+", "-", "*"):
        return normal_operation(node, transposed)
    if node.kind in ("number", "ones"):
        return node.kind, repr(node.value)
    entrywise = node.kind in ("call", "prime", "sum", "neg", "/")
    parts = tuple(normal(part, transposed and entrywise) for part in node.parts)
    return node.kind, repr(node.value), parts, transposed and not entrywise


def normal_operation(node: Node, transposed: bool) -> Any:
    """Return a sum or product in normal form: what may be exchanged is sorted."""
    if node.kind == "*":
        factors = matrix_factors(node, transposed)
        return "*", sorted(factors, key=repr) if has_components(node) else factors
    kind = node.kind.replace("-", "+")
    return kind, sorted(terms(node, kind, transposed), key=repr)


def has_components(node: Node) -> bool:
    """Return whether a formula is made of components, which may be exchanged."""
    ref = node.value[0] if node.kind == "d" else node.value
    return bool(isinstance(ref, Ref) and ref.indices) or any(has_components(part) for part in node.parts)


def terms(node: Node, kind: str, transposed: bool, negative: bool = False) -> list[Any]:
    """Return the operands of nested sums, or of nested component-wise products."""
    if node.kind == "bracket":
        return terms(node.parts[0], kind, transposed, negative)
    if node.kind == "transpose":
        return terms(node.parts[0], kind, not transposed, negative)
    if node.kind == "neg" and kind == "+":
        return terms(node.parts[0], kind, transposed, not negative)
    if node.kind == kind or (kind == "+" and node.kind == "-"):
        first, second = node.parts
        rest = terms(second, kind, transposed, negative != (node.kind == "-"))
        return terms(first, kind, transposed, negative) + rest
    return [("neg", normal(node, transposed))] if negative else [normal(node, transposed)]


def matrix_factors(node: Node, transposed: bool) -> list[Any]:
    """Return the factors of nested matrix products, in their order."""
    if node.kind == "bracket":
        return matrix_factors(node.parts[0], transposed)
    if node.kind == "transpose":
        return matrix_factors(node.parts[0], not transposed)
    if node.kind == "*":
        parts = [matrix_factors(part, transposed) for part in node.parts]
        return [factor for part in (reversed(parts) if transposed else parts) for factor in part]
    return [normal(node, transposed)]


def table(counts: dict[str, Counter[str]], numbers: dict[str, int]) -> None:
    print(f"{'':12}" + "".join(f"{name:>9}" for name in COLUMNS) + "   text  formula, of those located")
    for kind, found in [*counts.items(), ("all", sum(counts.values(), Counter()))]:
        shares = [f"{found[name] / max(1, found['located']):6.0%}" for name in ("text", "formula")]
        print(f"{kind:12}" + "".join(f"{found[name]:9}" for name in COLUMNS) + " " + "  ".join(shares), flush=True)
    weights = {kind: numbers[kind] * found["located"] / found["planted"] for kind, found in counts.items() if found}
    for name in ("text", "formula"):
        right = sum(w * counts[kind][name] / max(1, counts[kind]["located"]) for kind, w in weights.items())
        print(f"{name}, every kind as often as it can be planted: {right / sum(weights.values()):.0%}")


def text_of(name: str) -> str:
    if name in FIELDS:
        field = FIELDS[name]
        return fenced(field.declare.strip(), field.forward.strip(), field.backward.strip())
    return TEXTS.get(name) or (DERIVATIONS / f"{name}-corrected.md").read_text(encoding="utf-8")


def drawn(options: argparse.Namespace) -> None:
    """Print what becomes of mistakes that are drawn from all files and kinds."""
    texts = {name: text_of(name) for name in options.files}
    alarms = sum(not check_derivation(text).ok for text in texts.values())
    planted = {name: [p for p in plants(text) if p.kind in options.kinds] for name, text in texts.items()}
    counts: dict[str, Counter[str]] = {}
    for k in range(options.first, options.first + options.random):
        rng = random.Random(f"{options.seed} {k}")
        name = rng.choice(list(texts))
        p = rng.choice(planted[name])
        counted, suggestion = outcome(p)
        kind = "missed" if "seen" not in counted else "" if "located" in counted else "wrong line"
        counts.setdefault(p.kind, Counter[str]()).update(counted | {kind})
        if options.misses and (kind or "false" in counted):
            print(f"{name}, {p.kind}, line {p.line}, {kind or 'false'}")
            print(f"  was  {p.was}\n  now  {p.now}\n  got  {suggestion}", flush=True)
    total = sum(counts.values(), Counter[str]())
    print(
        f"{len(texts)} right files, {alarms} alarms; {total['missed']} missed, {total['wrong line']} in the wrong line"
    )
    table(dict(sorted(counts.items())), Counter(p.kind for found in planted.values() for p in found))


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--each", type=int, default=6)
    parser.add_argument("--files", nargs="+", choices=FILES, default=FILES)
    parser.add_argument("--kinds", nargs="+", choices=KINDS, default=list(KINDS))
    parser.add_argument("--misses", action="store_true", help="print what was suggested in the place of the right line")
    parser.add_argument("--random", type=int, metavar="N", help="draw so many from all files")
    parser.add_argument("--from", type=int, default=0, dest="first", help="the first of them, for a run in parts")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    if options.random:
        drawn(options)
        return
    for name in options.files:
        text = text_of(name)
        counts, planted = {}, list(plants(text))
        numbers = Counter(p.kind for p in planted)
        for kind in options.kinds:
            counts[kind] = Counter[str]()
            for p in sample([p for p in planted if p.kind == kind], options.each):
                counted, suggestion = outcome(p)
                counts[kind].update(counted)
                if options.misses and "seen" in counted and ("text" not in counted or "false" in counted):
                    where = f"line {p.line}, {', '.join(c for c in COLUMNS if c in counted)}"
                    print(f"{kind}, {where}\n  was  {p.was}\n  now  {p.now}\n  got  {suggestion}")
        print(name)
        table(counts, numbers)


if __name__ == "__main__":
    main()
