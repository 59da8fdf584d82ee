"""Single edits: every generator proposes something, by rank; text, tokens and tree of an edit agree."""

import ast
from collections import Counter
from itertools import islice

import pytest

from tests.support.derivation_texts import CELL, FAMILY, RNN, ROUTINE, fenced
from tests.support.paths import ROOT
from tinyad.derivation.judge.check import check
from tinyad.derivation.language.reader import derivations
from tinyad.derivation.language.source import Source
from tinyad.derivation.language.syntax_tree import structure
from tinyad.derivation.repair import limits, ranks
from tinyad.derivation.repair.all_edits import GENERATORS, all_edits
from tinyad.derivation.repair.analogy import Analogies
from tinyad.derivation.repair.author_notation import AuthorNotation
from tinyad.derivation.repair.edit import apply, changed_tokens, replace_parts
from tinyad.derivation.repair.evidence import Evidence, functions_of
from tinyad.derivation.repair.ranks import EditKind, Rank
from tinyad.derivation.repair.required_contributions import RequiredContributions
from tinyad.derivation.repair.search import reads_back
from tinyad.derivation.repair.wrong_line import WrongLine

LATE = (RNN[0], RNN[1], RNN[2].replace("Σ_{t=1}^{T}", "Σ_{t=2}^{T}"))
UNDER_SUM = (RNN[0], RNN[1], RNN[2].replace("∇b = Σ_t ∇z_t", "∇b = ∇z_t"))
BATCH = ("layout: same\n1: column of ones\nW: N×M\nx: M×B\nb: N×1\ngiven: da", "a = W x + b 1ᵀ", "db = da")
CUMULATED = ("layout: same\nx: N×1\ngiven: ∇y", "y_i = Σ_{j≤i} x_j", "∂L/∂x_j = Σ_{i>j} ∂L/∂y_i")
PARTS = (
    "loss: L\nlayout: row\ngiven: ∂L/∂h\nW: N×M\nV: N×M\nx: M×1",
    "a = W x\nb = V x\nh = a ∘ b",
    "∂L/∂a = ∂L/∂h ∘ bᵀ\n∂L/∂b = ∂L/∂h ∘ aᵀ\none: ∂L/∂x = ∂L/∂a ∂a/∂x\ntwo: ∂L/∂x = ∂L/∂b ∂b/∂x\n"
    "∂L/∂x = ∂L/∂x|_{one} + ∂L/∂x|_{two}",
)

GAUSS = (
    "layout: same\nx, m: N×1\nS: N×N\nv: 1×1\npositive definite: S\npositive: v\nconstant: x",
    "r = x - m\nL = (v + 1)^{3/2} rᵀ S⁻¹ r / N",
    "∇r = 2/N (v + 1)^{3/2} S⁻¹ r\n∇m = -2/N (v + 1)^{3/2} S⁻ᵀ (x - m)\n∇S = -1/N (v + 1)^{3/2} S⁻¹ r rᵀ S⁻¹\n"
    "∇v = 3/2 (v + 1)^{1/2} rᵀ S⁻¹ r / N",
)
KINKS = (
    "layout: same\nx: N×1\na: 1×1\ngiven: ∇h",
    r"h = \begin{cases} x & x > 0 \\ a x & x \leq 0 \end{cases}",
    r"∇x = \begin{cases} ∇h & x > 0 \\ a ∇h & x \leq 0 \end{cases}",
)
SOFTMAX = (
    "layout: same\nx: N×1\ngiven: ∇p",
    "p_i = exp(x_i) / Σ_k exp(x_k)",
    "∂L/∂x_j = p_j (∂L/∂p_j - Σ_i ∂L/∂p_i p_i)",
)
MOVED = (
    "layout: same\nd: differential\nX, A: N×N\npositive definite: X\nconstant: A\nloss: f",
    "f = tr(A X⁻¹)",
    "df = -tr(X⁻¹ A X⁻¹ dX)",
)


def members(*whole):
    """Yield (line, member, context) for all lines of a derivation, as if each were wrong."""
    (derivation,) = derivations(Source(fenced(*whole)))
    for part in check(derivation):
        point, lines = part.points[0], [v.statement for v in part.verdicts]
        notation = AuthorNotation(point.source, point.declarations.names, [*lines, *point.derivation.forward], False)
        for n, line in enumerate(lines):
            wrong = WrongLine(part.points, part.verdicts, n, notation, functions_of(point, lines), ())
            evidence = Evidence(wrong, Analogies(wrong), RequiredContributions(wrong))
            for k in range(len(line.members)):
                yield wrong, wrong.member(k), evidence.context(k)


def test_every_generator_proposes_something():
    count = Counter()
    for whole in (CELL, RNN, ROUTINE, FAMILY, LATE, UNDER_SUM, BATCH, PARTS, GAUSS, KINKS, SOFTMAX, MOVED, CUMULATED):
        for _, member, context in members(*whole):
            count.update({generate: sum(1 for _ in generate(member, context)) for generate in GENERATORS})
    assert len(set(GENERATORS)) == len(GENERATORS)
    assert [generate.__name__ for generate in GENERATORS if not count[generate]] == []


@pytest.mark.parametrize("every", [4, pytest.param(1, marks=pytest.mark.slow)])
@pytest.mark.parametrize("whole", [CELL, RNN, ROUTINE, FAMILY, BATCH, PARTS, GAUSS, KINKS, SOFTMAX, MOVED])
def test_text_tokens_and_tree_of_an_edit_agree(whole, every):
    """The square of a square, x²², does not read; a factor ahead of a product has another tree of the same value."""
    read, trees = [], []
    for wrong, member, context in members(*whole):
        for edit in islice(all_edits(member, context), 0, None, every):
            changed = apply(wrong.line, [edit], wrong.point.source)
            read.append(reads_back(changed, wrong.point) or "²²" in changed.text)
            if edit.tree is not None and edit.kind not in (EditKind.LEFT, EditKind.FACTOR):
                index = wrong.line.members.index(member.node)
                line = wrong.point.declarations.parser().statement(changed.tokens)
                trees.append(structure(line.members[index]) == structure(replace_parts(member.node, [edit.tree])))
    assert all(read)
    assert sum(trees) > 0.99 * len(trees) > 0  # tanh²(c) is the square of a call, and its name is no node


def test_edits_come_by_rank():
    for _, member, context in members(*CELL):
        orders = [edit.rank.order for edit in all_edits(member, context)]
        assert orders == sorted(orders)


def test_what_an_edit_changes_is_without_what_stays():
    _, member, context = next(members(*CELL))
    for edit in all_edits(member, context):
        first, last, new = changed_tokens(member.tokens, edit)
        assert edit.first <= first <= last <= edit.last
        assert 0 <= new <= len(edit.tokens)
        kept = first - edit.first, edit.last - last
        assert sum(kept) + new == len(edit.tokens)
        assert [t.text for t in edit.tokens[: kept[0]]] == [t.text for t in member.tokens[edit.first : first]]


def literals(source):
    """Return the numbers above 4 and the fractions in a module; less than that counts tokens and operands."""
    values = [node.value for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Constant)]
    return [value for value in values if type(value) in (int, float) and (value > 4 or value % 1)]


def test_ranks_and_limits_stand_in_their_tables_alone():
    folder = ROOT / "tinyad/derivation/repair"
    for path in sorted(folder.glob("*.py")):
        tables = path.name in ("ranks.py", "limits.py")
        assert bool(literals(path.read_text(encoding="utf-8"))) == tables, path.name
    assert sorted(literals("def f(edits):\n    return edits[:12] if 0.6 < 1.0 else edits[3]")) == [0.6, 12]


def test_every_rank_and_limit_is_used():
    folder = ROOT / "tinyad/derivation/repair"
    text = "".join(path.read_text(encoding="utf-8") for path in folder.glob("*.py"))
    for table in (ranks, limits):
        for name in (name for name in vars(table) if name.isupper()):
            assert f"{table.__name__.rpartition('.')[2]}.{name}" in text, name
    assert {rank.kind for rank in vars(ranks).values() if isinstance(rank, Rank)} == set(EditKind)
