"""%%derivation."""

from tinyad.derivation.show.notebook_magic import derivation

CELL = """```declare
x, y: N×1
given: ∇z
```
```forward
z = x ∘ y
```
```backward
∇x = ∇z ∘ yᵀ
∇y = ∇z ∘ %sᵀ
```"""


def test_a_cell_is_checked():
    assert derivation("", CELL % "x").ok
    wrong = derivation("", CELL % "y")
    assert [v.verdict for v in wrong.verdicts] == ["right", "wrong"]
    assert "<math" in wrong._repr_html_()


def test_what_cannot_be_read_is_printed(capsys):
    assert derivation("", "∇x = ∇z") is None
    assert "no block" in capsys.readouterr().out
