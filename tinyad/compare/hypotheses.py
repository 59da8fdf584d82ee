"""Hypotheses of mistakes: changes of a backward pass, the lines that they are in, and what to say of them.

A line is one contribution, at all time steps at which it is repeated; a sum is a derivative, of all its contributions.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

from tinyad.arrays.matrix import Array
from tinyad.compare.lines import Lines, Use
from tinyad.compare.thresholds import EXACT, OTHERS_SHOWN, SIMPLE_FACTOR, SMALL_NUMBERS
from tinyad.compare.verdicts import Grade
from tinyad.compare.walk import Change, Changed, OfUse, OfValue
from tinyad.engine.op import Op
from tinyad.printing.listing import Formulas, handed
from tinyad.printing.text import one_line

Pattern = tuple[Any, ...]


class Hypothesis(NamedTuple):
    """A mistake: the change of the backward pass, the lines it is in, and what to say of it.

    `uses` are the contributions that are wrong or missing; `values` those to whose derivatives they belong.  `say`
    takes one of the values.  `tie` is what a hypothesis has in common with others of which only a name differs.
    """

    pattern: Pattern
    change: Change
    values: tuple[int, ...]
    uses: tuple[Use, ...]
    say: Callable[[int], str]
    factor: float | None = None
    tie: Pattern = ()
    grade: Grade = Grade.LIKELY


Hypotheses = Iterator[Hypothesis]


def times(k: float) -> Callable[[Changed, Any, Array], Array]:
    """Return the change of what is there to k times that."""

    def changed(walk: Changed, where: Any, array: Array) -> Array:
        return k * array

    return changed


def plus(more: Array) -> OfValue:
    """Return the change of a sum to one with something more."""

    def changed(walk: Changed, where: int, array: Array) -> Array:
        made: Array = array + more
        return made

    return changed


def always(text: str) -> Callable[[Any], str]:
    """Return what is said whatever it is said of."""
    return lambda _: text


class Words:
    """What contributions and values are called."""

    def __init__(self, lines: Lines, layout: str) -> None:
        self.lines, self.tape = lines, lines.tape
        self.formulas = Formulas(lines.tape, layout=layout)
        self._handed: dict[int, int | None] = {}
        self._read: dict[Use, tuple[int, ...]] = {}

    def handed(self, z: int) -> int:
        """Return z, or the named value whose derivative it gets unchanged."""
        return handed(self.lines.d, z, self._handed)

    def read_by(self, use: Use) -> tuple[int, ...]:
        """Return the values that the rule of a contribution has in it."""
        if use not in self._read:
            op, *positions = self.tape.steps[use.step - 1]
            names = names_in(op.formulas["xy".index(use.operand)]) if op.formulas else {"x", "y", "z"}
            there = zip("zxy", positions, strict=True)
            self._read[use] = tuple(i for name, i in there if i is not None and name in names)
        return self._read[use]

    def name(self, i: int) -> str:
        return one_line(self.tape.label(i))

    def size_named(self, k: float) -> str:
        """Return in brackets what a factor or its inverse is the number of: examples, or a value with a name."""
        tape, names = self.tape, [(i, name) for i, name in self.tape.names.items() if i < self.lines.d.length]
        for n in (k, 1 / k):
            near = [(i, name) for i, name in names if abs(n - round(n)) < EXACT * n]
            for i, name in near:
                if tape.values[i].size == 1 and abs(tape.values[i].item() - n) < EXACT * n:
                    return f" ({one_line(name)} = {n:.0f})"
            for i, name in near:
                if tape.values[i].shape[1] == round(n):
                    return f" ({n:.0f} is the number of columns of {one_line(name)})"
        return ""

    def printed(self, use: Use, rule: Any = None) -> str:
        dz = self.handed(self.tape.steps[use.step - 1][1])
        return self.formulas.contribution(use.step, use.operand, rule, dz)

    def describe(self, use: Use) -> str:
        return f"step {use.step}, {self.printed(use)}" if use.step else "the given one"

    def all_of(self, uses: Sequence[Use]) -> str:
        """Return what contributions are called: those of x ∘ x are equal."""
        told = list(dict.fromkeys(map(self.describe, uses)))
        more = "; …" if len(told) > OTHERS_SHOWN else ""
        return f"{'both ' * (len(told) < len(uses) == 2)}contributions of {'; '.join(told[:OTHERS_SHOWN])}{more}"

    def lost(self, missing: Sequence[Use]) -> str:
        if len(missing) > 1:
            which = self.all_of(missing)
            return f"{'the ' * which.startswith('contributions')}{which} are missing"
        if missing[0].step:
            return f"the contribution of {self.describe(missing[0])}, is missing"
        return "the given one is missing"


class OneLine(NamedTuple):
    """One line of code that adds to a derivative: a contribution, at one time step or at several."""

    words: Words
    uses: tuple[Use, ...]

    @property
    def first(self) -> Use:
        return self.uses[0]

    def op(self, use: Use | None = None) -> Op:
        op: Op = self.words.tape.steps[(use or self.first).step - 1][0]
        return op

    def position(self, use: Use, which: str) -> int:
        """Return the position of "z", "x" or "y" of the step."""
        _, *positions = self.words.tape.steps[use.step - 1]
        i = positions["zxy".index(which)]
        assert i is not None
        return i

    def arrays(self, walk: Changed, use: Use) -> dict[str, Array]:
        """Return what the rule of the step is a formula of."""
        _, *positions = self.words.tape.steps[use.step - 1]
        values = {k: self.words.tape.values[i] for k, i in zip("zxy", positions, strict=True) if i is not None}
        return {"dz": walk.column(self.position(use, "z")).T, **values}

    def constant_factor(self) -> float | None:
        """Return the number that the step multiplies by, if its other operand is one; None if it is not."""
        tape = self.words.tape
        op, _, *operands = tape.steps[self.first.step - 1]
        number = operands[self.first.operand == "x"]
        if number not in tape.constants or tape.values[number].size > 1 or op.symbol not in ("∘", "/"):
            return None
        value = float(tape.values[number].item().real)
        return value if op.symbol == "∘" else 1 / value if value and self.first.operand == "x" else None

    def alone(self, use: Use) -> bool:
        """Return whether it is all that its derivative is made of."""
        return len(self.words.lines.uses[use.of]) == 1 and use.of not in self.words.lines.d.seeds

    def changed(
        self,
        pattern: Pattern,
        alter: OfUse,
        text: Callable[[Use], str],
        reads: Sequence[Sequence[int]] = (),
        **more: Any,
    ) -> Hypothesis:
        """Return the hypothesis that all contributions of the line are `alter` of what they should be."""
        reads = reads or [()] * len(self.uses)
        change = Change({use: (alter, tuple(some)) for use, some in zip(self.uses, reads, strict=True)})
        values = tuple(dict.fromkeys(use.of for use in self.uses))

        def say(i: int) -> str:
            mine = [use for use in self.uses if use.of == i]
            said = text(mine[0])
            return said + ", and so on" * (len(mine) > 1 and ", and so on" not in said)

        role = self.words.lines.role(self.first) if len(self.uses) > 1 else ()
        return Hypothesis((*pattern, role), change, values, self.uses, say, **more)


def names_in(formula: Any) -> set[str]:
    """Return the names that a formula holds."""
    if not hasattr(formula, "head"):
        return set()
    return {formula.head} if not formula.operands else set().union(*map(names_in, formula.operands))


def row(alter: Callable[[dict[str, Array], Use], Array]) -> Callable[[OneLine], OfUse]:
    """Return the change of a contribution that is given by a formula of arrays in row layout."""

    def of(line: OneLine) -> OfUse:
        def changed(walk: Changed, use: Use, array: Array) -> Array:
            made = alter(line.arrays(walk, use), use).T
            if made.shape != array.shape:
                raise ValueError("the sizes do not fit")
            return made

        return changed

    return of


class OneSum(NamedTuple):
    """A derivative, at one time step or at several."""

    words: Words
    values: tuple[int, ...]

    @property
    def first(self) -> int:
        return self.values[0]

    def uses(self, i: int) -> list[Use]:
        """Return the contributions to a derivative in the order of the walk; the seed is one of step 0."""
        lines = self.words.lines
        return [Use(0, "seed", i)] * (i in lines.d.seeds) + lines.uses.get(i, [])

    def changed(
        self, pattern: Pattern, alter: OfValue, text: str | Callable[[int], str], reads: Sequence[int] = (), **more: Any
    ) -> Hypothesis:
        """Return the hypothesis that all the sums are `alter` of what they should be."""
        change = Change({}, {i: (alter, tuple(reads)) for i in self.values})
        uses = tuple(self.uses(i)[0] for i in self.values if len(self.uses(i)) == 1)
        role = self.words.lines.value_role(self.first) if len(self.values) > 1 else ()
        say = always(text) if isinstance(text, str) else text
        return Hypothesis((*pattern, role), change, self.values, uses, say, **more)

    def without(self, kind: str, lost: dict[int, list[Use]], text: Callable[[int], str]) -> Hypothesis:
        """Return the hypothesis that some contributions are missing."""
        seeds = {i: self.words.lines.d.seeds[i] for i, some in lost.items() if any(not use.step for use in some)}
        uses = tuple(use for some in lost.values() for use in some if use.step)
        change = Change(
            dict.fromkeys(uses, (times(0), ())),
            {i: (plus(-seed), ()) for i, seed in seeds.items()},
        )
        role = self.words.lines.value_role(self.first) if len(self.values) > 1 else ()
        return Hypothesis((kind, role), change, tuple(lost), uses, text)


def shown(factor: float) -> tuple[str, bool]:
    """Return a factor as a fraction if it is a simple one, and whether it is."""
    from fractions import Fraction  # 2 ms that an import of tinyad need not take

    simple = Fraction(factor).limit_denominator(SIMPLE_FACTOR)
    exact = abs(factor - simple) < EXACT * abs(factor)
    return str(simple) if exact else f"{factor:.6g}", exact


def of_small_numbers(factor: float) -> bool:
    """Return whether a factor is a ratio of small whole numbers: what one number alone may be times another."""
    text, exact = shown(factor)
    return exact and all(abs(int(n)) <= SMALL_NUMBERS for n in text.split("/"))
