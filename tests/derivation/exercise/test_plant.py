"""Planted mistakes: every kind, in plain text and in LaTeX; what the checker says of them; and the grading."""

from collections import Counter
from itertools import islice

import pytest

from tests.support.exercises import CELL, ROUTINE, SEQUENCE, made, plant_one, wrong
from tests.support.paths import DERIVATIONS as FILES
from tests.support.sampling import sampled
from tinyad.derivation import DerivationError
from tinyad.derivation.exercise.limits import MISTAKES_OF_A_KIND
from tinyad.derivation.exercise.plant import KINDS, plant, plants


def now(text, kind, was):
    """What mistakes of a kind make of a line, each as one string."""
    return {" ".join(p.now.split()) for p in made(text, kind) if p.was == was}


@pytest.mark.parametrize("text", [CELL, ROUTINE, SEQUENCE])
def test_the_derivations_are_right(text):
    assert wrong(text) == []


@pytest.mark.parametrize(
    ("text", "kind", "was", "expected"),
    [
        (CELL, "name", "∇f += -∇z5", ["∇f += -∇z4", "∇f += -z5", "∇g += -∇z5"]),
        (CELL, "name", "∇W_g = x ∇z3", ["∇W_g = x ∇z4", "∇W_f = x ∇z3", "∇W_g = ∇x ∇z3"]),
        (CELL, "copied", "∇z4 = ∇c_t", ["∇z4 = ∇h ∘ (1 - tanh²(c_t))ᵀ", "∇z4 = ∇z6 ∘ gᵀ"]),
        (CELL, "missing", "∇x += ∇z1 * W_f", [""]),
        (CELL, "missing", "∇z2 = ∇f ∘ fᵀ ∘ (1 - f)ᵀ", ["∇z2 = ∇f ∘ fᵀ ∘ (1)ᵀ", "∇z2 = ∇f ∘ fᵀ ∘ (- f)ᵀ"]),
        (CELL, "sign", "∇f += -∇z5", ["∇f += ∇z5"]),
        (CELL, "sign", "∇z2 = ∇f ∘ fᵀ ∘ (1 - f)ᵀ", ["∇z2 = ∇f ∘ fᵀ ∘ (1 + f)ᵀ", "∇z2 = -∇f ∘ fᵀ ∘ (1 - f)ᵀ"]),
        (CELL, "assign", "∇f += -∇z5", ["∇f = -∇z5"]),
        (CELL, "assign", "∇z4 = ∇c_t", ["∇z4 += ∇c_t"]),
        (CELL, "undefined", "∇z4 = ∇c_t", ["∇z4 = ∇q_t", "∇z99 = ∇c_t"]),
        (CELL, "undefined", "∇x = ∇z3 W_g", ["∇x = ∇z99 W_g", "∇x = ∇z3 W_q", "∇x = ∇z3 q_g"]),
        (CELL, "transpose", "∇g = ∇z6 ∘ z5ᵀ", ["∇g = ∇z6 ∘ z5", "∇g = (∇z6)ᵀ ∘ z5ᵀ"]),
        (CELL, "operator", "∇g = ∇z6 ∘ z5ᵀ", ["∇g = ∇z6 z5ᵀ"]),
        (CELL, "operator", "∇x += ∇z1 * W_f", ["∇x += ∇z1 ∘ W_f"]),
        (CELL, "order", "∇x += ∇z1 * W_f", ["∇x += W_f * ∇z1"]),
        (CELL, "order", "∇W_g = x ∇z3", ["∇W_g = ∇z3 x"]),
        (CELL, "time", "∇f = ∇z4 ∘ c_{t-1}ᵀ", ["∇f = ∇z4 ∘ c_tᵀ"]),
        (CELL, "time", "∇z4 = ∇c_t", ["∇z4 = ∇c_{t-1}", "∇z4 = ∇c_{t+1}"]),
        (CELL, "activation", "∇z2 = ∇f ∘ fᵀ ∘ (1 - f)ᵀ", [
            "∇z2 = ∇f ∘ fᵀ", "∇z2 = ∇f ∘ (1 - f)ᵀ", "∇z2 = ∇f ∘ (1 - f²)ᵀ",
            "∇z2 = ∇f ∘ fᵀ ∘ (1 - f²)ᵀ",
            "∇z2 = ∇f ∘ σ(f)ᵀ ∘ (1 - σ(f))ᵀ",
        ]),
        (CELL, "activation", "∇c_t += ∇h ∘ (1 - tanh²(c_t))ᵀ", [
            "∇c_t += ∇h", "∇c_t += ∇h ∘ (1 - tanh(c_t))ᵀ", "∇c_t += ∇h ∘ (tanh(c_t) ∘ (1 - tanh(c_t)))ᵀ",
            "∇c_t += ∇h ∘ (1 - tanh²(tanh(c_t)))ᵀ",
        ]),
        (CELL, "activation", "∇z3 = ∇g ∘ tanh'(z3)ᵀ", [
            "∇z3 = ∇g", "∇z3 = ∇g ∘ tanh(z3)ᵀ", "∇z3 = ∇g ∘ tanh'(tanh(z3))ᵀ",
        ]),
        (CELL, "bracket", "∇c_t += ∇h ∘ (1 - tanh²(c_t))ᵀ", [
            "∇c_t += ∇h ∘ 1 - tanh²(c_t)ᵀ", "∇c_t += ∇h ∘ (1) - tanh²(c_t)ᵀ",
        ]),
        (CELL, "factor", "∇z5 = ∇z6 ∘ gᵀ", ["∇z5 = 2 ∇z6 ∘ gᵀ", "∇z5 = 1/2 ∇z6 ∘ gᵀ", "∇z5 = gᵀ", "∇z5 = ∇z6"]),
        (CELL, "extra", "∇z4 = ∇c_t", ["∇z4 = ∇c_t + ∇c_t", "∇z4 = ∇c_t + ∇z6 ∘ gᵀ"]),
        (ROUTINE, "name", "[dz2] += deriv(dh, z2, 'tanh')", [
            "[dz2] += deriv(dh, z1, 'tanh')", "[dz1] += deriv(dh, z2, 'tanh')",
        ]),
        (ROUTINE, "operator", "[dW, dx] += deriv(dz1, W, x, '*')", ["[dW, dx] += deriv(dz1, W, x, '+')"]),
        (ROUTINE, "order", "[dW, dx] += deriv(dz1, W, x, '*')", [
            "[dW, dx] += deriv(dz1, x, W, '*')", "[dx, dW] += deriv(dz1, W, x, '*')",
        ]),
        (ROUTINE, "activation", "[dz2] += deriv(dh, z2, 'tanh')", ["[dz2] += deriv(dh, z2, 'sigmoid')"]),
        (SEQUENCE, "missing",
         r"\delta h^{(t)} = V^T \delta y^{(t)} + \sum_\theta (R^\theta)^T \delta z_\theta^{(t+1)}", [
            r"\delta h^{(t)} = V^T \delta y^{(t)}",
            r"\delta h^{(t)} = \sum_\theta (R^\theta)^T \delta z_\theta^{(t+1)}",
        ]),
        (SEQUENCE, "undefined", r"\delta f_j^{(t)} = \delta h_j^{(t)} g_j^{(t)}", [
            r"\delta f_j^{(t)} = \delta h_i^{(t)} g_j^{(t)}",
        ]),
        (SEQUENCE, "time", r"\delta R_{jk}^\theta = \sum_t \delta z_{\theta,j}^{(t)} h_k^{(t-1)}", [
            r"\delta R_{jk}^\theta = \sum_t \delta z_{\theta,j}^{(t)} h_k^{(t)}",
            r"\delta R_{jk}^\theta = \sum_t \delta z_{\theta,j}^{(t+1)} h_k^{(t-1)}",
        ]),
        (SEQUENCE, "time", r"\delta b^\theta = \sum_{t=1}^T \delta z_\theta^{(t)}", [
            r"\delta b^\theta = \sum_{t=2}^T \delta z_\theta^{(t)}",
        ]),
        (SEQUENCE, "operator", r"\delta g^{(t)} = \delta h^{(t)} \odot f^{(t)}", [
            r"\delta g^{(t)} = \delta h^{(t)} f^{(t)}",
        ]),
        (SEQUENCE, "transpose", r"\delta V = \sum_t \delta y^{(t)} (h^{(t)})^T", [
            r"\delta V = \sum_t \delta y^{(t)} (h^{(t)})",
        ]),
    ],
)  # fmt: skip
def test_mistakes(text, kind, was, expected):
    assert set(expected) <= now(text, kind, was)


def test_chains_are_changed_in_every_member():
    line = r"\delta z_g^{(t)} = \delta g^{(t)} \odot (1 - \tanh^2(z_g^{(t)})) = \delta g^{(t)} \odot (1 - (g^{(t)})^2)"
    found = {" ".join(p.now.split()) for p in made(SEQUENCE, "activation") if " ".join(p.was.split()) == line}
    assert line.replace(r"\tanh^2", r"\tanh") in found
    assert line.replace("(g^{(t)})^2)", "(g^{(t)}))") in found


FONTS = r"""```declare
layout: row
given: \nabla \mathbf{h}
\mathbf{W}_{ab}: n×m
\mathbf{x}: m×1
```

```forward
\mathbf{h} = \mathbf{W}_{ab} \mathbf{x}
```

```backward
\frac{\partial L}{\partial \mathbf{x}} = \left( \frac{\partial L}{\partial \mathbf{h}} \right) \mathbf{W}_{ab}
\nabla \mathbf{W}_{ab} = \left( \mathbf{x} \right) \frac{\partial L}{\partial \mathbf{h}}
```
"""


def test_latex_keeps_its_braces():
    found = list(plants(FONTS))
    assert all(p.now.count("{") == p.now.count("}") for p in found)
    assert all(p.now.count(r"\left") == p.now.count(r"\right") for p in found)
    order = {p.now for p in found if p.kind == "order"}
    assert r"\nabla \mathbf{W}_{ab} = \frac{\partial L}{\partial \mathbf{h}} \left( \mathbf{x} \right)" in order


@pytest.mark.parametrize("text", [CELL, ROUTINE, SEQUENCE, FONTS])
def test_a_plant_is_one_change_of_one_line(text):
    for p in plants(text):
        assert p.kind in KINDS
        assert p.was in text
        assert p.text.count(p.now) >= 1
        assert "\n".join(p.text.split("\n")[p.line - 1 :]).find(p.now) < 20
        if p.removed:
            assert len(p.text.split("\n")) == len(text.split("\n")) - 1
        else:
            assert p.text.replace(p.now, p.was, 1) == text or p.was.split() != p.now.split()
            assert "".join(p.now.split()) != "".join(p.was.split())


@pytest.mark.parametrize("text", [CELL, ROUTINE, SEQUENCE])
def test_no_more_than_so_many_for_a_line_and_the_same_each_time(text):
    found = list(plants(text))
    assert max(Counter((p.kind, p.line, p.was) for p in found).values()) <= MISTAKES_OF_A_KIND
    assert found == list(plants(text))


@pytest.mark.parametrize(("every", "at_least"), [(45, 15), pytest.param(9, 60, marks=pytest.mark.slow)])
def test_most_mistakes_show(every, at_least):
    found = [p for kind in KINDS for p in islice(made(CELL, kind), 0, None, every)]
    unseen = [p for p in found if not wrong(p.text)]
    assert len(found) > at_least
    assert len(unseen) < 0.15 * len(found)
    assert {p.kind for p in unseen} <= {"assign", "name", "transpose", "bracket", "copied", "order"}


@pytest.mark.parametrize("text", [CELL, pytest.param(SEQUENCE, marks=pytest.mark.slow)])
@pytest.mark.parametrize("kind", sampled([kind for kind in KINDS if kind != "assign"], 2))
def test_one_of_a_kind(text, kind):
    p = plant_one(text, kind, 0)
    assert p.kind == kind
    assert wrong(p.text)


def test_one_that_sets_and_does_not_add():
    p = plant_one(CELL, "assign", 0)
    assert " = " in p.now
    assert " += " in p.was


@pytest.mark.slow
def test_no_assignment_is_wrong_where_every_derivative_has_one_line():
    with pytest.raises(ValueError, match="10 mistakes of the kind 'assign' were tried, and none changes a value"):
        plant_one(SEQUENCE, "assign", 0)


def test_seeds_choose():
    assert plant_one(CELL, "name", 3) == plant_one(CELL, "name", 3)
    assert len({plant_one(CELL, "name", seed).now for seed in range(4)}) > 2


@pytest.mark.slow
@pytest.mark.parametrize("name", ["slides", "vardhan", "sancho", "problem4"])
def test_the_files_of_the_project_can_be_planted(name):
    text = (FILES / f"{name}-corrected.md").read_text(encoding="utf-8")
    assert plant_one(text, "sign", 1, name).text != text


def test_what_cannot_be_planted():
    with pytest.raises(ValueError, match="'nonsense' is not a kind of mistake; the kinds are name, copied"):
        plant_one(CELL, "nonsense", 0)
    with pytest.raises(
        ValueError, match=r"r\.md: no line can have a mistake of the kind 'bracket'; possible are name, "
    ):
        plant_one(ROUTINE, "bracket", 0, "r.md")


PLAIN = """```declare
layout: row
given: ∇z
x, y: 1×1
```

```forward
z = x y
```

```backward
∇x = ∇z y
∇y = x ∇z
```
"""


def test_mistakes_that_change_no_value_are_not_given():
    assert made(PLAIN, "order")
    with pytest.raises(ValueError, match="2 mistakes of the kind 'order' were tried, and none changes a value"):
        plant_one(PLAIN, "order", 0)


def test_a_file_that_cannot_be_read():
    with pytest.raises(DerivationError, match="no block"):
        plant_one("prose\nand no more\n", "name", 0)


@pytest.mark.parametrize("count", [2, 4])
def test_several_mistakes_none_of_which_hides_another(count):
    exercise = plant(CELL, list(KINDS), count, 1)
    lines = [mistake.line for mistake in exercise.mistakes]
    assert len(set(lines)) == count
    assert lines == sorted(lines)
    assert exercise.original == CELL
    shown = set(wrong(exercise.text))
    for mistake in exercise.mistakes:
        assert wrong(mistake.text)
        assert set(wrong(mistake.text)) <= shown
        row = exercise.text.split("\n")[mistake.line - 1]
        assert mistake.removed or mistake.now.split("\n")[0] in row


def test_a_line_that_is_left_out_moves_the_others():
    exercises = (plant(CELL, ["missing", "sign"], 3, seed) for seed in range(8))
    exercise = next(e for e in exercises if any(m.removed for m in e.mistakes[:-1]))
    for mistake in exercise.mistakes:
        assert mistake.removed or mistake.now in exercise.text.split("\n")[mistake.line - 1]


@pytest.mark.parametrize("count", [0, 11])
def test_how_many_can_be_planted(count):
    with pytest.raises(ValueError, match=f"{count} mistakes: from 1 to 10 can be planted"):
        plant(CELL, ["sign"], count, 0)


def test_more_mistakes_than_there_are():
    with pytest.raises(ValueError, match="of them can be in one file: ask for fewer"):
        plant(PLAIN, ["factor"], 5, 0)
