"""An expression replaced in its author's text: the tree is the edited one, and all else stays as it was."""

import ast
import copy

import pytest

from tinyad.code.splice import Piece, Source, SpacedOperators, joined, level, negated

STATEMENTS = [
    "dv = ds / s",
    "dx = a*b + c / (d - e) ** 2 - -f",
    "dW = X.T.dot(dZ) / N",
    "dW = np.dot(X.T, (dZ)) * 2",
    "db = np.sum(((dZ * m)), axis=(0, 1), keepdims=True)",
    "dx[:, t, :], dp = step(dh[:, t - 1, :], cache[t])",
    "dC[ix] += demb * (x > 0) * ~mask",
    "np.add.at(dC, ix, (demb))",
    "return (dX), dW, -db",
    "d = [a, (b), c[::-1], {'k': v}] if not q and r or s else (t)",
    "ß = äö * (é + ü) / x",
    "dv = (ds *\n      s + (a\n  - b)) / 2",
    "dv = f(*(xs), **k)(y)[z](w)",
    "dv = a ** -b ** c @ d % e // f",
    "dv = (a if b else c) * (d, e)[0]",
]
PIECES = ["w", "f(u)", "2", "u + w", "u * w", "-u", "u ** w", "u > w", "not u", "u or w", "u if v else w"]


def edited(source, node, new):
    """The tree of a statement with an expression replaced, as a text that tells all of it."""
    tree = copy.deepcopy(source.tree)
    old = list(ast.walk(source.tree)).index(node)
    target = list(ast.walk(tree))[old]

    class Replace(ast.NodeTransformer):
        def visit(self, other):
            return new if other is target else self.generic_visit(other)

    return ast.dump(Replace().visit(tree))


def places(source):
    return [
        spot
        for spot in source.spots.values()
        if isinstance(getattr(spot.node, "ctx", ast.Load()), ast.Load) and not isinstance(spot.node, ast.Slice)
    ]


@pytest.mark.parametrize("statement", STATEMENTS)
@pytest.mark.parametrize("text", PIECES)
def test_the_tree_is_the_edited_one(statement, text):
    source = Source(statement)
    new = ast.parse(text, mode="eval").body
    for spot in places(source):
        got = source.replaced(spot.node, Piece(text, level(new)))
        assert ast.dump(ast.parse(got).body[0]) == edited(source, spot.node, new), got


@pytest.mark.parametrize("statement", STATEMENTS)
@pytest.mark.parametrize("text", PIECES)
def test_brackets_stand_only_where_they_are_needed(statement, text):
    source = Source(statement)
    new = ast.parse(text, mode="eval").body
    for spot in places(source):
        if spot.outer_start == spot.start:
            bare = statement[: spot.start] + text + statement[spot.end :]
            try:
                same = ast.dump(ast.parse(bare).body[0]) == edited(source, spot.node, new)
            except SyntaxError:
                same = False
            got = source.replaced(spot.node, Piece(text, level(new)))
            assert got == bare if same else got != bare


def test_all_else_stays():
    source = Source("dW  =  np.dot( X.T,dZ ) # of the first layer")
    [spot] = [spot for spot in source.spots.values() if source.code(spot.node) == "dZ"]
    assert source.replaced(spot.node, Piece("dA")) == "dW  =  np.dot( X.T,dA ) # of the first layer"


def test_several_at_once():
    source = Source("dW = b.T @ (a + c)")
    value = source.tree.value
    changes = [(value.left, source.piece(value.right)), (value.right, source.piece(value.left))]
    assert source.replaced_all(changes) == "dW = (a + c) @ b.T"


def test_joined_pieces():
    tight, wide = SpacedOperators("x = a*b", []), SpacedOperators("x = a * b", ["y = a*b*c*d"])
    assert joined(Piece("a + b", 12 - 4), "*", Piece("c"), tight).text == "(a + b)*c"
    assert joined(Piece("a"), "-", Piece("b - c", level(ast.parse("b - c").body[0].value)), wide).text == "a - (b - c)"
    assert joined(Piece("a"), "+", Piece("b - c", level(ast.parse("b - c").body[0].value)), wide).text == "a + b - c"
    assert joined(Piece("-a", level(ast.parse("-a").body[0].value)), "**", Piece("2"), wide).text == "(-a) ** 2"


@pytest.mark.parametrize(
    ("text", "expected"), [("a", "-a"), ("a * b", "-a * b"), ("a - b", "-(a - b)"), ("a**2", "-a**2")]
)
def test_negated(text, expected):
    piece = negated(Piece(text, level(ast.parse(text).body[0].value)))
    assert piece.text == expected
    assert piece.level == level(ast.parse(piece.text).body[0].value)


def test_one_statement():
    with pytest.raises(SyntaxError):
        Source("a = 1; b = 2")
