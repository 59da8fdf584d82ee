"""A hand derivation against the tape: right ones pass, every wrong line is found and told from what it spoils."""

import itertools
import json

import numpy as np
import pytest

import lstm_models.slides as slides
from lstm_models import slides_by_hand
from tests.support import goldenfiles
from tests.support.cell import Cell
from tests.support.points import LSTMPoint, draw
from tests.support.sampling import sampled
from tinyad import Op, Tape, compare, softmax, tanh
from tinyad import log as ln

EQUATIONS = range(1, 32)


@pytest.mark.parametrize("form", slides.FORMS)
def test_a_right_derivation_is_right(form):
    cell = Cell(form)
    found = compare(cell.d, cell.hand())
    assert found.ok
    assert found.first_wrong is None
    assert found.wrong_steps == {}
    assert [f.verdict for f in found.findings] == ["right"] * 49
    assert max(f.off for f in found.findings) < 16
    found.raise_if_wrong()


@pytest.mark.parametrize("form", slides.FORMS)
@pytest.mark.parametrize("sizes", [(4, 5, 2, 3), (1, 3, 2, 4), pytest.param((16, 30, 3, 40), marks=pytest.mark.slow)])
def test_a_derivation_with_other_formulas_is_right_to_rounding(form, sizes):
    point = LSTMPoint(form, sizes)
    steps = slides_by_hand.forward(
        point.leaves["C[0]"], point.leaves["h[0]"], list(point.xs.values()), point.parameters, form
    )
    hand = slides_by_hand.backward(point.dC.T, [dh.T for dh in point.dhs], steps, point.parameters, form)
    assert compare(point.d, hand, layout="same").ok


MISTAKES = {
    "sign": lambda out, dz, x: tuple(-c for c in out) if isinstance(out, tuple) else -out,
    "0.01 %": lambda out, dz, x: tuple(1.0001 * c for c in out) if isinstance(out, tuple) else 1.0001 * out,
    "first missing": lambda out, dz, x: (0 * out[0], out[1]) if isinstance(out, tuple) else 0 * out,
    "second wrong": lambda out, dz, x: (out[0], 2 * out[1]) if isinstance(out, tuple) else out + 1e-6,
}


@pytest.mark.parametrize(("equation", "mistake"), sampled(itertools.product(EQUATIONS, MISTAKES), 7))
def test_a_mistake_in_any_equation_is_the_first_wrong_step(monkeypatch, equation, mistake):
    cell = Cell()
    found = compare(cell.d, cell.hand(monkeypatch, equation, MISTAKES[mistake]))
    assert not found.ok
    assert found.first_wrong.step == equation
    assert found.first_wrong.cause == "own"
    assert {f.step for f in found.wrong if f.cause == "own"} == {equation}
    assert found.wrong_steps[equation] == "own"
    with pytest.raises(ValueError, match=f"first at step {equation}"):
        found.raise_if_wrong()


def test_two_independent_mistakes_are_two(monkeypatch):
    cell = Cell()
    hand = cell.hand(monkeypatch, 29, MISTAKES["sign"])
    hand["b_i"] = 3 * hand["b_i"]
    own = [f.name for f in compare(cell.d, hand).wrong if f.cause == "own"]
    assert own == ["z24", "b_i"]


def test_one_final_alone():
    cell = Cell()
    found = compare(cell.d, {"W_oh": draw((4, 4), 5)})
    assert found.first_wrong.cause == "open"
    assert "it may be inherited" in str(found)


def test_a_mistake_in_one_time_step_spoils_only_what_comes_before_it():
    point = LSTMPoint(sizes=(4, 5, 2, 4))
    hand = slides.unrolled_derivative(point.dC, point.dhs, point.run(point.leaves))
    assert compare(point.d, hand).ok
    wrong = hand | {"C[2]": without_step(point.d, "C[2]", 2 * 31 + 23)}
    found = compare(point.d, wrong)
    assert found.first_wrong.name == "C[2]"
    assert found.first_wrong.step == 2 * 31 + 23
    assert found.first_wrong.looks_like.endswith("is missing, as if = stood where += belongs at step 82")
    assert {n for n, how in found.wrong_steps.items() if how == "own"} == {2 * 31 + 23}


def without_step(d, name, step):
    return np.sum([c.array for c in d.contributions(name) if c.step != step], axis=0)


def test_a_sum_over_time_that_keeps_the_last_term_only():
    point = LSTMPoint(sizes=(4, 5, 2, 4))
    last = point.d.contributions("W_fx")[-1].array
    found = compare(point.d, {"W_fx": last}).first_wrong
    assert found.looks_like.startswith("the contributions of step 97, x[4] * ∇z4[4]; step 66")
    assert found.looks_like.endswith("are missing, as if = stood where += belongs at step 4")
    assert found.steps == (97, 66, 35)


@pytest.mark.parametrize("scale", [1 / 2, 3.0])
def test_a_scale_is_said_once_and_blamed_on_no_line(scale):
    cell = Cell()
    hand = {name: a * scale if name in slides.PARAMETERS else a for name, a in cell.hand().items()}
    for given in (hand, {name: hand[name] for name in slides.PARAMETERS}):
        found = compare(cell.d, given)
        assert not found.ok  # a checker that passed this would pass anything times 1000
        assert found.first_wrong is None
        assert found.scale.startswith(f"15 of them are {scale:g} times the tape's")
        assert ("a mean over 2 columns?" in found.scale) == (scale == 0.5)
        assert str(found).endswith("verdict: right but for one factor")
        with pytest.raises(ValueError, match="right but for one factor"):
            found.raise_if_wrong()


def test_a_mistake_under_a_scale_is_still_found():
    cell = Cell()
    hand = {name: a / 2 if name in slides.PARAMETERS else a for name, a in cell.hand().items()}
    hand["b_i"] = draw((1, 4), 3)
    found = compare(cell.d, hand)
    assert found.scale.startswith("14 of them")
    assert found.first_wrong.name == "b_i"


def test_a_factor_on_one_line_is_no_scale(monkeypatch):
    cell = Cell()
    hand = cell.hand(monkeypatch, 29, lambda out, dz, x: 2 * out)
    assert compare(cell.d, hand).first_wrong.name == "z24"
    found = compare(cell.d, {name: hand[name] for name in ("W_oC", "W_oh", "W_ox", "b_o", "W_fC", "b_f")})
    assert found.scale == ""


def test_layouts():
    cell = Cell()
    same = {name: a.T for name, a in cell.hand().items()}
    assert compare(cell.d, same, layout="same").ok
    found = compare(cell.d, same)
    assert {f.verdict for f in found.findings} == {"wrong", "shape"}
    assert found.hint == "all of them are right in the other layout: compare(..., layout='same')"
    square = compare(cell.d, {name: same[name] for name in ("W_fC", "W_Ch")})
    assert square.hint == found.hint
    back = compare(cell.d, {name: cell.hand()[name] for name in ("W_fC", "W_Ch")}, layout="same")
    assert back.hint == "all of them are right in the other layout: compare(..., layout='row')"
    with pytest.raises(ValueError, match="layout='column': there are 'row' and 'same'"):
        compare(cell.d, same, layout="column")


def test_wrong_sizes():
    cell = Cell()
    found = compare(cell.d, {"b_o": draw((1, 3)), "W_ox": draw((4, 3)), "x": cell.d["x"].T, "z1": cell.d["z1"]})
    said = {f.name: f.looks_like for f in found.findings}
    assert said["b_o"] == "1×3 by hand, expected 1×4"
    assert said["W_ox"] == "4×3 by hand, expected 3×4; transposed it would fit"
    assert said["x"] == "3×2 by hand, expected 2×3; transposed it is right"
    assert said["z1"] == ""
    assert found.counts == {"right": 1, "wrong": 0, "shape": 3}


@pytest.mark.parametrize("off", [1e-12, 1e-9, 1e-4])
def test_how_near_is_equal(off):
    cell = Cell()
    hand = cell.hand()
    name = "W_Ch"
    spoiled = hand[name].copy()
    spoiled[1, 2] += off * np.abs(spoiled).max()
    assert not compare(cell.d, {name: spoiled}).ok
    assert compare(cell.d, {name: np.nextafter(hand[name], np.inf)}).ok


def test_zero_in_theory_and_rounding_in_practice_is_right():
    tape = Tape()
    a = tape.variable(draw((4, 3)), "a")
    b = tanh(a)
    c = b - b  # its derivative is dz - dz
    tape.name({"b": b, "c": c})
    d = tape.backward({"c": draw((3, 4), 1)})
    assert not d["b"].any()
    assert compare(d, {"b": np.full((3, 4), 1e-17), "a": np.full((3, 4), -2e-17)}).ok
    assert not compare(d, {"b": np.full((3, 4), 1e-9)}).ok


def test_what_L_does_not_depend_on_is_zero():
    tape = Tape()
    v = tape.variables(a=draw((2, 1)), b=draw((2, 1), 1))
    tape.name({"z": tanh(v["a"])})
    d = tape.backward({"z": draw((1, 2))})
    assert compare(d, {"b": np.zeros((1, 2))}).ok
    assert not compare(d, {"b": np.full((1, 2), 1e-8)}).ok
    assert "L does not depend on b" in compare(d, {"b": np.zeros((1, 2))}).not_exercised


def test_float32_is_judged_in_its_own_rounding():
    point = LSTMPoint(dtype=np.float32)
    hand = slides.unrolled_derivative(point.dC, point.dhs, point.run(point.leaves))
    assert compare(point.d, hand).ok
    double = LSTMPoint()
    assert compare(double.d, {name: double.d[name].astype(np.float32) for name in hand}).ok
    hand["W_Ch"] = hand["W_Ch"] * np.float32(1.001)
    assert compare(point.d, hand).first_wrong.name == "W_Ch"


def test_what_was_not_exercised():
    cell = Cell(C_prev=np.zeros((4, 2)))
    notes = compare(cell.d, cell.hand()).not_exercised
    assert "step 20: ∇f += ∇z17 ∘ C_prevᵀ adds nothing (C_prev = 0)" in notes
    assert "step 8: ∇W_iC += C_prev * ∇z7 adds nothing (C_prev = 0)" in notes
    assert any("∇z1 * W_fC adds nothing (∇z1 = 0)" in note for note in notes)
    assert compare(Cell().d, Cell().hand()).not_exercised == []


def test_a_path_that_vanishes_at_this_point_is_a_note_and_not_a_pass_in_silence():
    cell = Cell(C_prev=np.zeros((4, 2)))
    hand = cell.hand() | {"W_fC": np.zeros((4, 4))}
    found = compare(cell.d, hand)
    assert found.ok
    assert "not exercised at this point, so a mistake there would not show:" in str(found)


def test_other_things_a_point_can_hide():
    single = Cell(B=1)
    assert (
        "there is one column: the sum over examples was not exercised"
        in compare(single.d, {"x": single.d["x"]}).not_exercised
    )
    tape = Tape()
    v = tape.variables(A=draw((3, 3)), B=draw((3, 3), 1))
    tape.name({"y": v["A"] + v["A"], "z": v["B"] + v["B"]})
    symmetric = draw((3, 3)) + draw((3, 3)).T
    d = tape.backward({"y": symmetric, "z": symmetric})
    notes = compare(d, {"A": d["A"]}).not_exercised
    assert "∇A is symmetric: a transposition would not show" in notes
    assert "the seeds of y and z are equal: mixing them up would not show" in notes


def test_a_loss_of_one_number():
    tape = Tape()
    v = tape.variables(W=draw((5, 3)), x=draw((3, 2), 1), y=np.eye(5)[:, :2])
    p = softmax(v["W"] @ v["x"])
    L = -np.sum(v["y"] * ln(p))
    tape.name({"p": p, "L": L})
    d = tape.backward(L)
    by_hand = v["x"].value @ (p.value - v["y"].value).T
    assert compare(d, {"W": by_hand}).ok
    assert compare(d, {"W": by_hand / 2}).scale == ""  # one name is no convention
    said = compare(d, {"W": by_hand / 2}).first_wrong.looks_like
    assert said.startswith("a factor: 1/2 times what it should be (2 is the number of columns of x); a mistake at ∇p ")


def test_users_rows_are_compared_too():
    relu = Op("relu", lambda x: np.where(x > 0, x, 0), lambda dz, z, x: np.where(x.T > 0, dz, 0))
    tape = Tape()
    a = tape.variable(draw((4, 3)), "a")
    tape.name({"z": relu(a)})
    d = tape.backward({"z": draw((3, 4), 1)})
    assert compare(d, {"a": d["a"]}).ok
    assert "the derivative of relu is missing" in compare(d, {"a": d["z"]}).first_wrong.looks_like


def test_errors():
    cell = Cell()
    with pytest.raises(ValueError, match="nothing to compare"):
        compare(cell.d, {})
    with pytest.raises(KeyError, match="no Variable is named 'W_fhh'; did you mean W_fh"):
        compare(cell.d, {"W_fhh": draw((4, 4))})
    with pytest.raises(TypeError, match="the derivative of b_o by hand: values are matrices of numbers, not a str"):
        compare(cell.d, {"b_o": "zero"})
    with pytest.raises(ValueError, match="b_o and b_o are one Variable: give its derivative once"):
        compare(cell.d, {"b_o": cell.d["b_o"], cell.tape["b_o"]: cell.d["b_o"]})


@pytest.mark.parametrize("layout", ["row", "same"])
def test_a_1d_array_is_taken_as_the_size_that_is_known(layout):
    cell = Cell()
    flat = {"b_o": cell.d["b_o"].ravel(), "b_f": cell.d["b_f"].ravel().tolist()}
    assert compare(cell.d, flat, layout).ok
    found = compare(cell.d, {"b_o": 2 * flat["b_o"]}, layout).first_wrong
    assert found.looks_like.startswith("a factor: 2 times what it should be")
    assert "a mistake at ∇o or ∇z24 would explain it too" in found.looks_like
    for name, value in (("b_o", np.zeros(3)), ("W_oh", np.zeros(16)), ("W_oh", np.zeros(4)), ("b_o", [1.0, [2.0]])):
        with pytest.raises(
            ValueError, match=rf"the derivative of {name} by hand: (.* 1-D .*reshape|rows of different)"
        ):
            compare(cell.d, {name: value}, layout)


@pytest.mark.parametrize("layout", ["row", "same"])
def test_a_number_is_taken_for_a_1x1_derivative(layout):
    tape = Tape()
    tape.name({"y": tanh(tape.variable(0.5, "x"))})
    d = tape.backward("y")
    for value in (d["x"].item(), d["x"].ravel(), d["x"].item() * np.ones(())):
        assert compare(d, {"x": value}, layout).ok
    assert not compare(d, {"x": 2.0}, layout).ok


def test_variables_are_keys_too():
    cell = Cell()
    assert compare(cell.d, {cell.tape["b_o"]: cell.d["b_o"]}).findings[0].name == "b_o"


def test_to_dict_is_json():
    cell = Cell()
    hand = cell.hand() | {"b_o": np.full((1, 4), np.inf), "W_ox": draw((4, 3))}
    told = json.loads(json.dumps(compare(cell.d, hand).to_dict(), allow_nan=False))
    assert told["ok"] is False
    assert told["first_wrong"] == "b_o"
    assert told["counts"] == {"right": 47, "wrong": 1, "shape": 1}
    assert [f["name"] for f in told["findings"][:2]] == ["h", "o"]


def test_a_dict_has_plain_strings_only():
    cell = Cell()
    told = compare(cell.d, cell.hand() | {"b_o": 2 * cell.d["b_o"], "x": draw((2, 2))}).to_dict()
    strings = [*told["counts"], *(value for f in told["findings"] for value in (f["verdict"], f["cause"], f["grade"]))]
    assert {type(value) for value in strings} == {str}
    assert "pattern" not in told["findings"][0]


def test_the_report(monkeypatch):
    cell = Cell()
    goldenfiles.check("report.txt", str(compare(cell.d, cell.hand(monkeypatch, 29, MISTAKES["sign"]))))


def test_html_escapes_names():
    tape = Tape()
    a = tape.variable([[1.0, 2.0]], "<script>alert(1)</script>")
    tape.name({"<b>&": tanh(a)})
    d = tape.backward({"<b>&": [[1.0], [1.0]]})
    html = compare(d, {"<script>alert(1)</script>": np.zeros((2, 1)), "<b>&": [[1.0], [2.0]]})._repr_html_()
    assert "<script>" not in html
    assert "<b>&" not in html
    assert "&lt;script&gt;" in html


def test_a_tape_that_is_not_finite_is_not_held_against_the_hand():
    tape = Tape()
    x = tape.variable([[0.0, 1.0]], "x")
    with np.errstate(divide="ignore"):
        y = ln(x)
        tape.name({"y": y})
        d = tape.backward({"y": [[1.0], [1.0]]})
    found = compare(d, {"x": [[0.0], [1.0]]})
    assert not found.ok
    assert found.first_wrong is None
    assert found.hint == "step 1, y = log(x), made -inf at row 1, column 1 (1 of 2 entries)"
    assert str(found).endswith("verdict: not judged: the tape is not finite")


def test_a_recorded_walk_is_compared_too():
    tape = Tape()
    a = tape.variable(draw((4, 3)), "a")
    tape.name({"y": tanh(a)})
    d = tape.backward({"y": draw((3, 4), 1)}, record=True)
    before = len(tape)
    assert compare(d, {"a": d["a"].value}).ok
    assert compare(d, {"a": -d["a"].value}).first_wrong.looks_like == "the sign"
    assert len(tape) == before


def test_what_has_no_derivative():
    tape = Tape()
    a = tape.variable(draw((2, 2)), "a")
    y = a * draw((2, 2), 1)
    d = tape.backward({y: draw((2, 2), 2)})
    constant = tape.at(next(iter(tape.constants)))
    with pytest.raises(KeyError, match="is a constant: it has no derivative"):
        compare(d, {constant: draw((2, 2))})
    with pytest.raises(KeyError, match="was recorded after this backward pass"):
        compare(d, {y + 1: draw((2, 2))})
    with pytest.raises(
        TypeError, match=r"compare\(d, ...\) takes a backward pass, d = tape.backward\(...\), not a Tape"
    ):
        compare(tape, {"a": draw((2, 2))})
    with pytest.raises(TypeError, match=r"takes a mapping, not a list"):
        compare(d, [draw((2, 2))])


def test_all_of_it_halved_is_a_scale_and_what_is_right_without_it_is_named():
    cell = Cell()
    found = compare(cell.d, {name: a / 2 for name, a in cell.hand().items()})
    assert found.scale.startswith("49 of them are 0.5 times")
    assert found.first_wrong is None
    finals = {name: cell.d[name] / (1 if name == "W_ix" else 2) for name in slides.PARAMETERS}
    assert compare(cell.d, finals).scale.endswith("a scale; right without it: W_ix")


def test_all_of_it_with_the_other_sign_is_no_scale():
    cell = Cell()
    found = compare(cell.d, {name: -a for name, a in cell.hand().items()})
    assert found.scale == ""
    assert found.first_wrong.looks_like == "the sign"


def test_the_worst_entry_is_where_the_hand_has_it():
    tape = Tape()
    x = tape.variable(draw((2, 3)), "x")
    tape.name({"y": tanh(x)})
    d = tape.backward({"y": draw((3, 2), 1)})
    same = d["x"].T.copy()
    same[0, 2] += 1
    row, column, hand, true = compare(d, {"x": same}, layout="same").findings[0].worst
    assert (row, column, hand, true) == (1, 3, same[0, 2], d["x"][2, 0])
    assert compare(d, {"x": same.T}).findings[0].worst[:2] == (3, 1)
    spoiled = d["x"].copy()
    spoiled[1, 0] = np.inf
    assert compare(d, {"x": spoiled}).findings[0].worst[:2] == (2, 1)


def test_almost_right_is_told_from_a_factor():
    cell = Cell()
    assert compare(cell.d, {"W_Ch": cell.d["W_Ch"] * (1 + 1e-8)}).first_wrong.looks_like.startswith(
        "it agrees to 8 digits"
    )


def test_not_compared_counts_what_has_a_derivative():
    cell = Cell()
    assert compare(cell.d, {"x": cell.d["x"]}).not_compared == 48
    tape = Tape()
    x = tape.variable(draw((2, 2)), "x")
    d = tape.backward({2 * x: draw((2, 2))})
    later = x + x
    assert compare(d, {"x": d["x"]}).not_compared == 1
    assert later.index >= d.length
