"""The derivations of a file, each with its declarations, forward equations and sets of backward lines."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import NamedTuple

from tinyad.derivation.language.abbreviations import Abbreviation
from tinyad.derivation.language.declarations import Declarations, declare, finish
from tinyad.derivation.language.document import Document
from tinyad.derivation.language.equations import CONDITION
from tinyad.derivation.language.limits import UNREADABLE_LINES
from tinyad.derivation.language.marks import pi_is_name
from tinyad.derivation.language.names import ACCENTS
from tinyad.derivation.language.segments import Segment, segments
from tinyad.derivation.language.size_inference import add_sizes_that_follow
from tinyad.derivation.language.source import Block, DerivationError, LimitError, Source
from tinyad.derivation.language.sums import undeclared_indices
from tinyad.derivation.language.syntax_tree import Node, Ref, Statement, Token, walk
from tinyad.derivation.language.tokenizer import tokens_of, tokens_of_lines, tokens_without_ends
from tinyad.derivation.language.unnamed_arguments import with_named_arguments

LOSSES = ("J", "E", "ℓ")


class Unreadable(NamedTuple):
    """A backward line that cannot be read, and why."""

    number: str
    error: DerivationError
    start: int
    end: int
    title: str


class Derivation(NamedTuple):
    """One derivation of a file."""

    source: Source
    declarations: Declarations
    forward: list[Statement]
    backward: dict[str, list[Statement | Unreadable]]  # title → lines
    claims: dict[int, str]  # start of a line → the step or equation it says it belongs to
    begun: int = 0  # where its first declaration stands


def derivations(source: Source) -> list[Derivation]:
    """Return the derivations of a file, each from a declare block on."""
    groups: list[list[Block]] = []
    for block in source.blocks():
        if block.kind == "declare" and (not groups or groups[-1][-1].kind != "declare"):
            groups.append([])
        elif not groups:
            raise source.error(f"a {block.kind} block before any declare block: declare sizes first", block.start)
        groups[-1].append(block)
    return [_derivation(source, group) for group in groups]


def _derivation(source: Source, blocks: list[Block]) -> Derivation:
    """Return the derivation that a declare block and the blocks after it make."""
    equations, lines = (_tokens_of_kind(source, blocks, kind) for kind in ("forward", "backward"))
    declarations = declare(source, [b for b in blocks if b.kind == "declare"], examples=[*equations, *lines])
    if isinstance(source, Document):
        source.prepare(declarations, blocks)
    declarations.names.indices |= undeclared_indices(declarations.names, [*equations, *lines])
    computed = _first_words(equations)
    if any(source.text[t.start : t.end] == ".*" for t in (*equations, *lines)):  # as in MATLAB
        declarations.meaning.setdefault("*", "*")
    if "*" not in declarations.meaning and multiplies_as_numpy(source, [*equations, *lines]):
        declarations.meaning["*"] = "∘"
    if "bars" not in declarations.says:
        declarations.names.bars = _sets_bars(declarations, computed, _first_words(lines))
    declarations.names.pi_is_name |= pi_is_name([*equations, *lines])
    _find_loss(declarations, computed, [*equations, *lines])
    forward = _forward(declarations, blocks)
    backward, claims = _backward(declarations, blocks)
    if isinstance(source, Document):
        for node in source.given.get(blocks[0].start, ()):
            ref = node.value[0]
            declarations.given.append((ref._replace(indices=()), None, False))
            declarations.given_at[ref.key] = node
    declarations.set_at_last = _set_at_last(list(backward.values()))
    if not backward:
        raise source.error("no backward block: the lines to check go into ```backward", blocks[-1].start)
    return Derivation(source, declarations, forward, backward, claims, blocks[0].start)


def _tokens_of_kind(source: Source, blocks: Sequence[Block], kind: str) -> list[Token]:
    """Return the tokens of the equations or of the lines; none of a block in which some cannot be read."""
    tokens: list[Token] = []
    for block in blocks:
        if block.kind == kind:
            try:
                tokens += _tokens(source, block)
            except LimitError:
                raise
            except DerivationError:  # said when the lines are read
                continue
    return tokens


def multiplies_as_numpy(source: Source, tokens: Sequence[Token]) -> bool:
    """Return whether this is written as in NumPy, W @ x, W.dot(x), np.tanh(x), axis=0: there * is component-wise."""
    method = any(a.text == "." and b.text in ("dot", "matmul") for a, b in pairwise(tokens))
    modules = any(t.kind == "word" and "." in source.text[t.start : t.end] for t in tokens)
    return method or modules or any(t[:2] == ("op", "@") or t.text in ("axis", "keepdims") for t in tokens)


def _first_words(tokens: Sequence[Token]) -> set[str]:
    """Return the words that lines begin with."""
    starts = pairwise((Token("end", "", 0, 0), *tokens))
    return {token.text for before, token in starts if before.kind in ("end", "quad") and token.kind == "word"}


def _sets_bars(declarations: Declarations, computed: set[str], lines: set[str]) -> bool:
    """Return whether a bar makes the derivative of a name: it is given, or a line sets it."""
    texts = [declarations.value(entry) for entry in declarations.pending if entry.kind.startswith("given")]
    marks = ("\\bar", "\\overline", ACCENTS["bar"])
    if any(mark in unicodedata.normalize("NFD", text) for text in texts for mark in marks):
        return True
    names = computed | set(declarations.names.known)
    return any(w.endswith(ACCENTS["bar"]) and w not in names and w.removesuffix(ACCENTS["bar"]) in names for w in lines)


def _find_loss(declarations: Declarations, computed: set[str], tokens: Sequence[Token]) -> None:
    """Take J, E or ℓ for the loss where it is derived, and neither L nor another loss is written or declared.

    Where derivatives are given, the loss is not computed; where none is, it is.
    """
    names, derived = declarations.names, set()
    given = [entry for entry in declarations.pending if entry.kind.startswith("given")]
    for entry in given:
        tokens = [*tokens, *tokens_without_ends(declarations.source, entry.start, entry.end)]
    for before, token in pairwise(tokens):
        if token.kind == "word" and (before.text in ("∂", "∇") or before.kind == ")group"):
            derived.add(token.text)
    letters = [c for c in LOSSES if c in derived and c not in names.known and (c in computed) != bool(given)]
    if names.loss == "L" and len(letters) == 1 and all(t.text != "L" for t in tokens):
        names.loss = letters[0]


def _forward(declarations: Declarations, blocks: Sequence[Block]) -> list[Statement]:
    """Return the forward equations; the declarations learn the names that they compute."""
    source, names = declarations.source, declarations.names
    forward = [block for block in blocks if block.kind == "forward"]
    equations = [equation for b in forward for equation in _segments(source, b, _tokens(source, b))]
    if not equations and not source.is_document:
        declared = next(block for block in blocks if block.kind == "declare")
        raise source.error("no forward block: the equations to derive go into ```forward", declared.start)
    for equation in equations:
        ref = _computed_name(declarations, equation.tokens).value
        for key in names.instances_of(ref.key):
            names.add(ref._replace(key=key))
    named = _named_arguments(declarations, blocks)
    finish(declarations)
    statements = [declarations.parser().statement(equation.tokens, equation.number) for equation in equations]
    statements = [_with_known_first(declarations, line) for line in statements]
    for line in statements:
        if len(line.left) != 1 or line.left[0].kind != "name":
            raise source.error("a forward equation is `name = formula`", line.start, line.end)
    statements = with_named_arguments(statements, named, names)
    _infer_sizes(declarations, statements)
    return statements


def _named_arguments(declarations: Declarations, blocks: Sequence[Block]) -> dict[str, Ref]:
    """Return the names that lines give to arguments, by what is computed of them; the declarations learn them."""
    found: dict[str, Ref] = {}
    for block in blocks:
        if block.kind == "argument":
            tokens = _tokens(declarations.source, block)
            found[block.title] = declarations.parser().inside(tokens).value[0]
            declarations.names.add(found[block.title])
    return found


def _infer_sizes(declarations: Declarations, forward: Sequence[Statement]) -> None:
    """Add the sizes that follow from the others, and ask for all that do not, at once."""
    source = declarations.source
    asked = list(add_sizes_that_follow(declarations, forward))
    if len(asked) > 1 or (asked and source.is_document):
        first = asked[0].node
        names = ", ".join(source.text[it.node.start : it.node.end] for it in asked)
        likely = ", ".join(f"{source.text[it.node.start : it.node.end]}: {it.rows}×{it.columns}" for it in asked)
        advice = (
            "; for a function, `function f: component-wise`" if source.text[first.end : first.end + 1] == "(" else ""
        )
        raise source.error(
            f"no size follows for {names}; declare them, perhaps {likely}{advice}", first.start, first.end
        )


def _tokens(source: Source, block: Block) -> list[Token]:
    """Return the tokens of a block; an equation of a document is in LaTeX."""
    if source.is_document:
        return tokens_of(source, block.start, block.end, latex=True)
    return tokens_of_lines(source, block.start, block.end)


def _segments(source: Source, block: Block, tokens: Sequence[Token]) -> list[Segment]:
    """Return the equations of a block; one of a document has the number that was found for it."""
    found = segments(tokens)
    if not source.is_document:
        return found
    joined = [token for segment in found for token in segment.tokens]
    return [Segment(joined, block.number, "")] if joined else []


def _abbreviate(declarations: Declarations, blocks: Sequence[Block]) -> None:
    """Learn the names that stand for formulas of derivatives."""
    names = declarations.names
    for block in blocks:
        tokens = [token for token in _tokens(declarations.source, block) if token.kind not in ("end", "tag", "quad")]
        ref = _computed_name(declarations, tokens).value
        names.add(ref)
        made = Abbreviation(ref.time, declarations.parser().statement(tokens).members[0], ref.indices)
        if made.is_short:
            names.abbreviations.setdefault(ref.key, []).append(made)


def _with_known_first(declarations: Declarations, line: Statement) -> Statement:
    """Return a forward equation h = tanh(a) = tanh(W x) with the first member of known names before the others."""
    names = declarations.names

    def is_known(member: Node) -> bool:
        return all(names.is_known(node.value.key) for node in walk(member) if node.kind == "name")

    known = next((k for k, member in enumerate(line.members) if is_known(member)), 0)
    return line._replace(members=(line.members[known], *line.members[:known], *line.members[known + 1 :]))


def _backward(
    declarations: Declarations, blocks: Sequence[Block]
) -> tuple[dict[str, list[Statement | Unreadable]], dict[int, str]]:
    """Return the backward lines by the title of their block, and the steps that they claim."""
    backward: dict[str, list[Statement | Unreadable]] = {}
    claims: dict[int, str] = {}
    title = ""
    _abbreviate(declarations, [block for block in blocks if block.kind == "abbreviation"])
    for block in blocks:
        if block.kind != "backward":
            continue
        title = block.title or title
        lines = backward.setdefault(title, [])
        tokens, unreadable = _readable_lines(declarations.source, block, title)
        for segment in _segments(declarations.source, block, tokens):
            lines.append(_line(declarations, segment, title))
            if segment.claim:
                claims[lines[-1].start] = segment.claim
        lines += unreadable
        lines.sort(key=lambda line: line.start)
    if declarations.source.is_document:
        backward = {title: in_order_of_use(lines) for title, lines in backward.items()}
    return backward, claims


def _set_at_last(sets: Sequence[Sequence[Statement | Unreadable]]) -> set[str]:
    """Return the names for whose derivative at T every set of lines has a line: that for t is not for T then."""
    found: list[set[str]] = []
    for lines in sets:
        left = [(line.sign, line.left[0]) for line in lines if isinstance(line, Statement) and len(line.left) == 1]
        added = {node.value[0].key for sign, node in left if sign == "+=" and node.kind == "d"}
        found.append({n.value[0].key for _, n in left if n.kind == "d" and n.value[0].time == ("T", 0)} - added)
    return set.intersection(*found) if found else set()


def in_order_of_use(lines: Sequence[Statement | Unreadable]) -> list[Statement | Unreadable]:
    """Return lines in the order in which they can be computed: a paper may set a derivative below where it is used."""
    sets: dict[Ref, list[int]] = {}
    for k, line in enumerate(lines):
        for ref in _derivatives(line.left) if isinstance(line, Statement) else ():
            sets.setdefault(ref, []).append(k)
    ordered: list[int] = []
    state: dict[int, bool] = {}  # line → whether all that it needs stands before it
    for first in range(len(lines)):
        open_ = [first]
        while open_:
            k = open_[-1]
            line = lines[k]
            used = _derivatives(line.members) if k not in state and isinstance(line, Statement) else ()
            needed = [other for ref in used for other in sets.get(ref, ()) if other not in state and other != k]
            if k not in state and needed:
                state[k] = False
                open_ += reversed(needed)
                continue
            open_.pop()
            if not state.get(k):
                state[k] = True
                ordered.append(k)
    return [lines[k] for k in ordered]


def _derivatives(formulas: Sequence[Node]) -> Iterator[Ref]:
    """Yield what the derivatives in some formulas are of."""
    for node in (n for formula in formulas for n in walk(formula) if n.kind == "d"):
        yield node.value[0]._replace(indices=())


def _readable_lines(source: Source, block: Block, title: str) -> tuple[list[Token], list[Unreadable]]:
    """Return the tokens of a block, and what cannot be read of it: in a document an equation as a whole."""
    if not source.is_document:
        return _readable(source, block, title)
    try:
        return _tokens(source, block), []
    except LimitError:
        raise
    except DerivationError as error:
        return [], [Unreadable(block.number, error, block.start, block.end, title)]


def _readable(source: Source, block: Block, title: str) -> tuple[list[Token], list[Unreadable]]:
    """Return the tokens of a block, and the lines left out because of a sign or a bracket in them."""
    text, unreadable = source.text, list[Unreadable]()
    while True:
        try:
            tokens = tokens_of_lines(source.with_text(text), block.start, block.end)
        except LimitError:
            raise
        except DerivationError as error:
            number = source.place(error.at)[0]
            start = source.line_start(number)
            end = start + len(source.line(number))
            if (
                not (block.start <= error.at < block.end and text[start:end].strip())
                or len(unreadable) == UNREADABLE_LINES
            ):
                raise
            unreadable.append(Unreadable("", error, start, end, title))
            text = text[:start] + " " * (end - start) + text[end:]
            continue
        if unreadable and all(token.kind == "end" for token in tokens):  # nothing is left to check
            raise unreadable[0].error
        return tokens, unreadable


def _computed_name(declarations: Declarations, tokens: Sequence[Token]) -> Node:
    """Return the name that a forward equation computes."""
    tokens = declarations.names.with_own_signs(tokens)
    equals = next((k for k, token in enumerate(tokens) if token.kind == "op" and token.text in ("=", "≡")), None)
    if not equals:
        raise declarations.source.error("a forward equation is `name = formula`", tokens[0].start, tokens[0].end)
    return declarations.parser().declared_name(tokens[:equals])


def _line(declarations: Declarations, segment: Segment, title: str) -> Statement | Unreadable:
    """Return a backward line, or the error in it."""
    first, last = segment.tokens[0], segment.tokens[-1]
    try:
        line = declarations.parser().statement(segment.tokens, segment.number, title)
    except LimitError:
        raise
    except DerivationError as error:
        return Unreadable(segment.number, error, first.start, last.end, title)
    _note_condition(line, declarations)
    return line


def _note_condition(line: Statement, declarations: Declarations) -> None:
    """Note that the 0 behind the formulas of a line, to which the author sets the derivative, is not judged."""
    last = line.tokens[-1]
    if isinstance(declarations.source, Document) and line.members[-1].end < last.start and last.text == "0":
        declarations.source.leave(Node("number", (), 0.0, last.start, last.end), CONDITION)
