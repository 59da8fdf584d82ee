"""Lines with vec and ⊗: derivatives whose entries are stacked are read as derivatives, and the rules write them."""

import pytest

from tests.support.applied_suggestions import false_suggestions
from tests.support.derivation_texts import fenced
from tinyad.derivation import check_derivation

KRON = "⊗: Kronecker product\n"
LINEAR = (
    f"layout: same\n{KRON}A: N×M\nX: M×K\nB: K×P\nconstant: A, B\ngiven: \\nabla_Y L",
    "Y = A X B",
)
OF_Y, OF_X = (
    r"\frac{\partial \operatorname{vec}(Y)}{\partial \operatorname{vec}(X)^\top}",
    r"\operatorname{vec}(\nabla_X L)",
)
LAYER = f"layout: {{}}\n{KRON}W: N×M\nx: M×1\nconstant: x\ngiven: ∇h", "h = tanh(W x)"
TURNED = f"layout: same\n{KRON}W: M×N\nx: M×1\nconstant: x\ngiven: ∇y", "y = Wᵀ x"
RIDGE = (
    f"layout: same\n{KRON}X: N×D\nB: D×K\nT: N×K\nλ: 1×1\nconstant: X, T, λ",
    "L = 1/2 ‖X B - T‖_F² + λ/2 ‖B‖_F²",
)
NETWORK = (
    f"layout: same\n{KRON}X: N×D\nU: D×H\nV: H×K\nconstant: X\ngiven: ∇Y",
    "A = X U\nH = tanh(A)\nY = H V",
)
SPREAD = f"layout: same\n{KRON}A: N×N\nB: M×M\nv: N·M×1\nconstant: A, B\ngiven: ∇z", "z = (A ⊗ B) v"

# declarations and forward, a right line, wrong formulas that no small change mends
LINES = [
    (LINEAR, f"{OF_Y} = B^\\top \\otimes A", ["X", r"X \otimes X"]),
    (LINEAR, f"{OF_X} = (B \\otimes A^\\top) \\operatorname{{vec}}(\\nabla_Y L)", [r"\operatorname{vec}(X)"]),
    ((LAYER[0].format("same"), LAYER[1]), "vec(∇W) = x ⊗ (∇h ∘ (1 - h²))", ["vec(W W)", "vec(h xᵀ)"]),
    ((LAYER[0].format("same"), LAYER[1]), "∂L/∂vec(W) = x ⊗ (∇h ∘ (1 - h²))", ["vec(W)"]),
    ((LAYER[0].format("same"), LAYER[1]), "∂L/∂vec(W)ᵀ = xᵀ ⊗ (∇h ∘ (1 - h²))ᵀ", ["vec(W)ᵀ"]),
    ((LAYER[0].format("row"), LAYER[1]), "∂L/∂vec(W) = xᵀ ⊗ (∇h ∘ (1 - h²)ᵀ)", ["vec(W)ᵀ"]),
    ((LAYER[0].format("row"), LAYER[1]), "vec(∇W) = (∇h ∘ (1 - h²)ᵀ)ᵀ ⊗ x", ["vec(W)"]),
    ((LAYER[0].format("same"), LAYER[1]), "∂h/∂vec(W)ᵀ = diag(1 - h²) (xᵀ ⊗ I)", ["W ⊗ x", "W"]),
    ((LAYER[0].format("row"), LAYER[1]), "∂h/∂vec(W) = diag(1 - h²) (xᵀ ⊗ I)", ["W ⊗ x", "W"]),
    (TURNED, "∂y/∂vec(W)ᵀ = I ⊗ xᵀ", ["W ⊗ x"]),
    (TURNED, "vec(∇W) = ∇y ⊗ x", ["vec(W)"]),
    (RIDGE, "∂L/∂vec(B) = (I ⊗ Xᵀ) vec(X B - T) + λ vec(B)", ["vec(B B)", "(X ⊗ I) vec(X B - T) + λ vec(B)"]),
    (NETWORK, "∂vec(Y)/∂vec(U)ᵀ = (Vᵀ ⊗ I) diag(vec(1 - H²)) (I ⊗ X)", ["Vᵀ ⊗ X"]),
    (NETWORK, "vec(∇V) = (I ⊗ Hᵀ) vec(∇Y)", ["vec(V V)"]),
    (SPREAD, "∇v = (Aᵀ ⊗ Bᵀ) ∇z", ["v"]),
]  # fmt: skip
EACH = [(whole, right, wrong) for whole, right, some in LINES for wrong in some]


def verdict(whole, line):
    return check_derivation(fenced(*whole, line)).verdicts[0]


@pytest.mark.parametrize(("whole", "right"), [(whole, right) for whole, right, _ in LINES])
def test_the_right_line_holds(whole, right):
    assert verdict(whole, right).ok


@pytest.mark.parametrize(("whole", "right", "wrong"), EACH)
def test_the_line_of_the_rule_is_suggested(whole, right, wrong):
    report = check_derivation(fenced(*whole, f"{right.partition(' = ')[0]} = {wrong}"))
    v = report.verdicts[0]
    assert not v.ok
    assert v.suggestion
    assert false_suggestions(report) == []
    if "diag" not in right and "∘" not in right:  # a diagonal, and factors of ∘, have several forms
        assert v.suggestion.replace(r"\top", "T") == right.replace(r"\top", "T")


def test_a_vec_on_the_left_sets_the_derivative():
    """Nothing is left out, and the next line may use it."""
    whole = f"layout: same\n{KRON}W: N×M\nx: M×1\nL_2: 1×1\nconstant: x\ngiven: ∇h", "U = 2 W\nh = U x"
    assert check_derivation(fenced(*whole, "vec(∇U) = x ⊗ ∇h\n∇W = 2 ∇U")).ok
    assert not check_derivation(fenced(*whole, "vec(∇U) = x ⊗ ∇h")).ok


def test_a_stacked_derivative_of_another_size_is_named():
    whole = LAYER[0].format("same"), LAYER[1]
    v = verdict(whole, "vec(∇W) = ∇h")
    assert (str(v.verdict), v.message) == ("does not fit", "the line gives 5×1; the vec of 5×3 is 15×1")


def test_identities_keep_the_author_s_size():
    line = "vec(∇A) = vec(1 - H²) ∘ ((V ⊗ I_N) vec(∇Y))\nvec(∇V) = vec(V V)"
    assert check_derivation(fenced(*NETWORK, line)).verdicts[1].suggestion == "vec(∇V) = (I_K ⊗ Hᵀ) vec(∇Y)"


def test_a_line_that_is_left_out_is_not_proposed_under_a_vec():
    report = check_derivation(fenced(*NETWORK, "vec(∇V) = (I ⊗ Hᵀ) vec(∇Y)"))
    proposed = [line for _, part in report.parts for line in part.proposed]
    assert proposed
    assert all(line.startswith("∇") for line in proposed)


@pytest.mark.parametrize("line", ["∂y/∂vec(W)ᵀ = I", "vec(∇W) = I ⊗ x", "vec(∇W) = (I ⊗ x) x", "vec(∇W) = I ⊗ I"])
def test_an_identity_that_fits_nowhere_is_no_value(line):
    v = verdict(TURNED, line)
    assert not v.ok
