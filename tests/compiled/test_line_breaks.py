"""Long lines are broken, and mean what they meant."""

import ast

import pytest

from tests.support.paths import ROOT
from tinyad.compiled.line_breaks import WIDTH, folded

NAMES = [f"name_{k}" for k in range(40)]
LONG = [
    f"    return {', '.join(NAMES)}",
    f"    return {', '.join(NAMES)},",
    f"    return ({', '.join(NAMES[:20])}), ({', '.join(NAMES[20:])}), f({NAMES[0]})",
    f"    ({', '.join(NAMES)}), (x,) = scan(f, ({', '.join(f'zeros(({k}, 3))' for k in range(20))}), (x,), length=3)",
    f"    x = array({[[k / 7, -k / 3] for k in range(20)]})",
    f"    x = f(a)[0] @ g({', '.join(NAMES)}).T",
]


@pytest.mark.parametrize("line", LONG)
def test_a_statement_means_the_same(line):
    lines = folded(line).split("\n")
    assert len(lines) > 1
    assert max(map(len, lines)) <= WIDTH
    before, after = (ast.dump(ast.parse(f"def f():\n{text}")) for text in (line, "\n".join(lines)))
    assert before == after


def test_a_head_and_a_comment():
    head = folded(f"def program({', '.join(NAMES)}):")
    assert ast.dump(ast.parse(f"{head}\n    pass")) == ast.dump(ast.parse(f"def program({', '.join(NAMES)}): pass"))
    comment = folded(f"    # returns {', '.join(NAMES)}").split("\n")
    assert all(line.startswith("    #") and len(line) <= WIDTH for line in comment)


def test_what_has_no_comma_stays():
    for line in ("    x = 1", f"    x = {' + '.join(NAMES)}", f"    # {'a' * 200}"):
        assert "".join(folded(line).split()).replace("#", "") == "".join(line.split()).replace("#", "")


@pytest.mark.parametrize("name", ["literal", "jax", "slides-torch", "slides-jax"])
def test_golden_sources_are_not_wider(name):
    text = (ROOT / f"tests/golden/compiled-{name}.txt").read_text(encoding="utf-8")
    assert max(map(len, text.splitlines())) <= WIDTH
