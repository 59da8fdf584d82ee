"""A document as it is, LaTeX, Markdown, a notebook or reStructuredText, as the text of derivations."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

from tinyad.derivation.language.completion import complete
from tinyad.derivation.language.declarations import Declarations, declare, finish
from tinyad.derivation.language.displays import Found, Instruction, declaration_lines
from tinyad.derivation.language.equations import Equation, NotRead, Parts, Sorting, equations
from tinyad.derivation.language.layers import layered_names
from tinyad.derivation.language.limits import BLOCK_LINES
from tinyad.derivation.language.macros import Macros
from tinyad.derivation.language.source import PROPOSED, Block, DerivationError, Source
from tinyad.derivation.language.syntax_tree import Node, Token
from tinyad.derivation.language.tokenizer import tokens_of

COMMENTS = {"latex": r"[ \t]*%+[ \t]*", "markdown": r"(?!)", "restructured text": r"(?!)"}


class Line(NamedTuple):
    """A line of a document: its text, the other file or the cell that it is from, and its number there."""

    text: str
    part: str
    number: int


class Document(Source):
    """The text of a document; its blocks are the declarations in comments and the equations that were found."""

    def __init__(
        self,
        lines: Sequence[Line],
        name: str,
        seconds: float | None,
        kind: str,
        find: Callable[[Source], Found],
    ) -> None:
        super().__init__("\n".join(line.text for line in lines), name, seconds)
        self.lines = tuple(lines)
        self.origins = [(line.part, line.number) for line in lines]
        self.is_document, self.kind = True, kind
        self.macros = Macros()
        self.macros.read(self.text)
        self._find = find
        self._found: Found | None = None
        self._blocks: list[Block] | None = None
        self._equations: list[Equation] | None = None
        self.not_read: list[NotRead] = []
        self.given: dict[int, list[Node]] = {}  # where a derivation begins → derivatives that it starts from
        self.abbreviations: dict[int, list[Block]] = {}  # where a derivation begins → the abbreviations in it
        self.arguments: dict[int, list[Block]] = {}  # where a derivation begins → arguments that only its lines name
        self.count = {"forward": 0, "backward": 0, "abbreviations": 0}
        self.left_out: list[tuple[int, str]] = []  # a line that includes a file which is not read, and why

    def with_declarations(self, proposed: str) -> Document:
        """Return the document with declarations before it; its lines keep their numbers, and the time goes on."""
        before = [Line(row, PROPOSED, number) for number, row in enumerate([*proposed.split("\n"), ""], 1)]
        other = Document([*before, *self.lines], self.name, self.seconds, self.kind, self._find)
        other.left_out = [(number + len(before), why) for number, why in self.left_out]
        other.deadline, other.proposed = self.deadline, proposed
        return other

    # Places

    def numbered(self, equation: str, number: str) -> str:
        """Return an equation with its number or label behind it, as it is shown."""
        plain = " ".join(re.sub(r"(?<!\\)&|\\label\s*\{[^{}]*\}|\\n(?:onumber|otag)(?![a-z])", "", equation).split())
        return f"{plain}  ({number})" if number else plain

    def heading(self, at: int) -> str:
        """Return the heading above a position."""
        above = [title for start, title in self.found.headings if start < at]
        return " ".join(re.sub(r"\\[A-Za-z]+\*?|[{}$~]", " ", above[-1]).split()).rstrip(".:") if above else ""

    # Content

    @property
    def found(self) -> Found:
        """Return where the formulas and the comments for tinyad are."""
        if self._found is None:
            self._found = self._find(self)
        return self._found

    def blocks(self) -> list[Block]:
        """Return the declarations and the equations of every derivation in the document."""
        if self._blocks is None:
            declared = self.declared()
            if len(declared) > BLOCK_LINES:
                raise self.error(f"{len(declared)} declarations; at most {BLOCK_LINES} are read", declared[0].start)
            if not declared:
                raise DerivationError(
                    f"this document declares no sizes; `tinyad check --declare {self.name}` proposes what to declare",
                    self, next((display.start for display in self.found.displays if not display.inline), 0),
                )  # fmt: skip
            self._blocks = [
                block for group in self._groups(declared, self.equations()) for block in self._blocks_of(*group)
            ]
            if len(self._blocks) > BLOCK_LINES:
                raise self.error(
                    f"{len(self._blocks)} equations; at most {BLOCK_LINES} are read", self._blocks[-1].start
                )
        return self._blocks

    def equations(self) -> list[Equation]:
        """Return the equations of the document."""
        if self._equations is None:
            self._equations = equations(self, self.found.displays, self.found.instructions)
        return self._equations

    def layered_names(self) -> set[str]:
        """Return the names whose index says which layer they are of."""
        return layered_names([equation.tokens for equation in self.equations()])

    def declared(self) -> list[Block]:
        """Return the declarations in comments."""
        return [Block("declare", "", start, end) for it in self._declaring() for start, end in self._lines_of(it)]

    def _declaring(self) -> Iterator[Instruction]:
        return (it for it in self.found.instructions if it.word == "declare")

    def _lines_of(self, it: Instruction) -> Iterator[tuple[int, int]]:
        for start, end in declaration_lines(self, it, COMMENTS[self.kind]):
            at = start
            for line in self.text[start:end].split("\n"):
                if line.strip():
                    yield at, at + len(line)
                at += len(line) + 1

    def _groups(self, declared: Sequence[Block], found: Sequence[Equation]) -> list[tuple[list[Block], list[Equation]]]:
        """Return the declarations and equations of each derivation: a declaration behind a line begins the next."""
        groups: list[tuple[list[Block], list[Equation]]] = [([], [])]
        lines = [e.start for e in found if e.said == "backward" or (not e.said and _sets_derivative(e.tokens))]
        begun = 0
        starts = [0]
        for block in declared:
            if groups[-1][0] and any(begun <= at < block.start for at in lines):
                groups.append(([], []))
                starts.append(block.start)
            if not groups[-1][0]:
                begun = block.start
            groups[-1][0].append(block)
        for equation in found:
            k = max(k for k, start in enumerate(starts) if start <= equation.start)
            groups[k][1].append(equation)
        return groups

    def _blocks_of(self, declared: Sequence[Block], found: Sequence[Equation]) -> list[Block]:
        """Return the blocks of one derivation, the forward before the backward."""
        parts = self.sorted(declare(self, declared), found)
        self.not_read += parts.not_read
        self.given[declared[0].start] = parts.given
        self.count["forward"] += len(parts.forward)
        self.count["backward"] += len(parts.backward)
        forward = [Block("forward", "", e.start, e.end, e.number) for e in parts.forward]
        backward = [Block("backward", e.title, e.start, e.end, e.number) for e in parts.backward]
        short = [Block("abbreviation", "", e.start, e.end, e.number) for e in parts.abbreviations]
        self.abbreviations[declared[0].start] = short
        self.count["abbreviations"] += len(short)
        arguments = [Block("argument", it.computed, it.start, it.end, it.name.key) for it in parts.arguments]
        self.arguments[declared[0].start] = arguments
        for kind, there in (("forward", forward or parts.rules), ("backward", backward)):
            if not there:
                first = found[0].start if found and self.proposed else declared[-1].start
                raise self.error(self.nothing_read(kind, parts), first)
        return [*declared, *arguments, *forward, *short, *backward]

    def sorted(self, declarations: Declarations, found: Sequence[Equation]) -> Parts:
        """Return the equations by what they are."""
        complete(declarations, [equation.tokens for equation in found])
        finish_leniently(declarations)
        return Sorting(declarations, found).parts

    def nothing_read(self, kind: str, parts: Parts) -> str:
        """Say that there are no forward equations, or no lines, and why the first formulas are none."""
        what = "equation that the lines need" if kind == "forward" else "line that sets a derivative of a declared name"
        telling = sorted(parts.not_read, key=lambda n: n.why.startswith("no line needs"))
        rows = [f"{self.line_name(n.start)}: {n.why}" for n in telling[:5]]
        seen = f"; of the formulas here, {'; '.join(rows)}" if rows else "; there are no formulas in displays here"
        return f"no {what} was found{seen}; the comment `tinyad: {kind}` before them says that they are"

    def prepare(self, declarations: Declarations, blocks: Sequence[Block]) -> None:
        """Add to declarations what the equations say: a loss, indices, a sequence, the layout of papers."""
        complete(declarations, [
            self._tokens(block) for block in blocks if block.kind != "declare"
        ])  # fmt: skip

    def _tokens(self, block: Block) -> list[Token]:
        try:
            return tokens_of(self, block.start, block.end, latex=True)
        except DerivationError:
            return []

    def leave(self, node: Node, why: str) -> None:
        """Note that a formula is not read, once."""
        made = NotRead(node.start, node.end, why)
        if made not in self.not_read:
            self.not_read.append(made)

    @property
    def left(self) -> list[NotRead]:
        """Return what was not read: formulas, and files that the document includes."""
        files = [NotRead(self.line_start(number), self.line_start(number), why) for number, why in self.left_out]
        return sorted([*files, *self.not_read])

    def reading(self) -> str:
        """Say how many equations were read, and how many were not."""
        read, left = sum(self.count.values()), len(self.not_read)
        parts = f"{self.count['forward']} forward, {self.count['backward']} backward"
        short = self.count["abbreviations"]
        parts += f", {short} abbreviation{'s' * (short > 1)}" if short else ""
        return f"{read} equation{'s' * (read != 1)} read ({parts}), {left} not read"


def _sets_derivative(tokens: Sequence[Token]) -> bool:
    """Return whether a line begins like a derivative of something."""
    texts = [token.text for token in tokens[:4]]
    return bool(texts) and (texts[0] in ("∇", "∂", "d", "δ") or texts[:1] == ["frac"] or tokens[0].kind == "frac")


def finish_leniently(declarations: Declarations) -> None:
    """Read the declarations that need names which equations compute, before the equations are known."""
    pending, declarations.pending = declarations.pending, []
    for entry in pending:
        declarations.pending = [entry]
        try:
            finish(declarations)
        except DerivationError:  # raised again when the equations are known
            continue
