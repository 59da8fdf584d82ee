"""Recording: names, labels, constants, NumPy's functions and operators on Variables, and every refusal by its words."""

import copy

import numpy as np
import pytest

import tinyad
from tests.support.points import close, draw
from tinyad import Op, Tape, deriv
from tinyad.expressions.messages import TEXTS

A, B = draw((4, 3), 1), draw((4, 3), 2)


@pytest.fixture
def tape():
    return Tape()


def refusal(kind, call, *arguments, **options):
    with pytest.raises(kind) as error:
        call(*arguments, **options)
    return error.value.args[0]


# Names


def test_names_of_a_mapping(tape):
    v = tape.variables(W=A, b=draw((4, 1)))
    z = v["W"] + v["b"]
    tape.name({**v, "z": z, "note": "text", "n": 3, "array": A})
    assert [tape.label(i) for i in range(3)] == ["W", "b", "z"]
    assert tape["z"].index == z.index
    assert tape["z"].value is z.value
    assert repr(z) == "Variable(z, 4×3)"


def test_a_step_is_part_of_the_name(tape):
    a = tape.variable(A)
    for t in (1, 2):
        a = np.tanh(a)
        tape.name({"z": a}, step=t)
    assert tape["z[1]"].index == 1
    assert tape["z[2]"].index == 2
    assert "no Variable is named 'z'" in refusal(KeyError, tape.__getitem__, "z")


def test_the_first_name_is_shown_and_all_are_found(tape):
    a = tape.variable(A, "C[0]")
    tape.name({"C_prev": a}, step=1)
    tape.name({"C_prev": a}, step=1)
    tape.name({"start": a})
    assert tape.label(a.index) == "C[0]"
    assert {tape[name].index for name in ("C[0]", "C_prev[1]", "start")} == {a.index}


def test_a_taken_name_is_refused(tape):
    a = tape.variable(A, "z")
    message = "the name 'z' is taken; tape.name(..., step=t) makes it z[t], or begin a new Tape()"
    assert refusal(ValueError, tape.variable, B, "z") == message
    assert refusal(ValueError, tape.name, {"z": np.tanh(a)}) == message
    assert len(tape.values) == 2
    assert tape["z"].index == a.index


def test_unknown_names(tape):
    tape.variables(W_fC=A, W_fh=A, b=A)
    d = tape.backward({"b": A.T})
    for look in (tape.__getitem__, d.__getitem__, d.contributions, lambda key: tape.backward({key: A.T})):
        said = refusal(KeyError, look, "W_fc")
        assert said.startswith("no Variable is named 'W_fc'; did you mean W_f")
        assert "W_fC" in said
        assert refusal(KeyError, look, "entirely else") == "no Variable is named 'entirely else'"
        assert refusal(KeyError, look, 3) == "a key is a Variable or its name, not an int"


@pytest.mark.parametrize("name", [1, ("z", 1), b"z"])
def test_a_name_is_a_string(tape, name):
    a = tape.variable(A)
    assert refusal(TypeError, tape.variable, A, name) == f"a name is a string, not {name!r}"
    assert refusal(TypeError, tape.name, {name: a}) == f"a name is a string, not {name!r}"
    assert refusal(TypeError, tape.name, {name: a}, step=2) == f"a name is a string, not {name!r}"


def test_a_variable_is_no_value(tape):
    a = tape.variable(A, "a")
    assert refusal(TypeError, tape.variable, a, "c") == "c: a Variable already; tape.name gives it a name"


# Labels


def test_labels_of_results_and_leaves(tape):
    a, b = tape.variable(A), tape.variable(B, "b")
    z = a + b
    w = z * A
    assert [tape.label(v.index) for v in (a, b, z, w)] == ["_v0", "b", "_1", "_2"]
    assert tape.constants == {3}
    assert tape.label(3) == "_v3"


NUMBERS = [(1, "1"), (-2.0, "-2"), (0.5, "0.5"), (0, "0"), (np.float64(3), "3"), (1e-3, "0.001"), (True, "1")]
NUMBERS += [(float("nan"), "nan"), (float("inf"), "inf"), (-np.inf, "-inf"), (1e300, "1e+300"), (2 + 1j, "(2+1j)")]


@pytest.mark.parametrize(("number", "label"), NUMBERS, ids=str)
def test_a_constant_is_called_by_its_number(number, label):
    tape = Tape()
    a = tape.variable(A, "a")
    z = a + number
    (position,) = tape.constants
    assert tape.label(position) == label
    assert z.shape == (4, 3)


def test_a_constant_of_a_complex_tape(tape):
    z = 1 - tape.variable(A + 0j, "a")
    assert tape.label(min(tape.constants)) == "1"
    assert z.dtype == complex


# Leaves


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_nan_and_infinity_pass_through(tape, bad):
    a = tape.variable(np.array([[1.0, bad]]), "a")
    z = 2 * a
    assert np.array_equal(z.value, [[2, bad]], equal_nan=True)
    assert np.array_equal(tape.backward({z: [[bad], [1]]})[a], [[2 * bad], [2]], equal_nan=True)


def test_values_are_the_tapes_own(tape):
    mine, other = A.copy(), B.copy()
    a = tape.variable(mine, "a")
    z = a * other
    mine[:], other[:] = 0, 0
    assert np.array_equal(a.value, A)
    assert np.array_equal(z.value, A * B)
    assert np.array_equal(tape.backward({z: A.T})[a], (A * B).T)


def test_values_cannot_be_changed(tape):
    a = tape.variable(A, "a")
    z = a.T
    for v in (a, z, tape["a"]):
        with pytest.raises(ValueError, match="read-only"):
            v.value[0, 0] = 1
    for name in ("value", "shape", "T"):
        with pytest.raises(AttributeError):
            setattr(a, name, A)


def test_values_of_the_tape_cannot_be_changed(tape):
    """`values` is public: a change there would be a wrong derivative in silence."""
    a = tape.variable(A, "a")
    z = a * A
    for i in range(len(tape.values)):
        with pytest.raises(ValueError, match="read-only"):
            tape.values[i][0, 0] = 1
    assert np.array_equal(z.value, A * A)


def test_an_update_makes_a_new_variable(tape):
    a = b = tape.variable(A)
    a += b
    assert a is not b
    assert np.array_equal(b.value, A)
    assert np.array_equal(a.value, 2 * A)


# Refusals while recording


def test_sizes_that_do_not_fit(tape):
    v = tape.variables(W_fC=A, C_prev=draw((4, 1)), row=draw((1, 4)))
    W, C, row = v.values()
    said = "W_fC * C_prev: 4×3 and 4×1 do not fit (inner sizes 3 and 4) at step 1"
    assert refusal(ValueError, lambda: W @ C) == said
    np.tanh(W)
    for sign, call in {"+": np.add, "-": np.subtract, "∘": np.multiply, "/": np.divide}.items():
        said = f"C_prev {sign} row: 4×1 and 1×4 do not fit (expected equal sizes, or 1×1 with any, N×1 with N×B, 1×B"
        product = "; the matrix product, @, would" * (sign == "∘")
        assert refusal(ValueError, call, C, row) == f"{said} with N×B{product}) at step 2"
    assert refusal(ValueError, lambda: W + row).startswith("W_fC + row: 4×3 and 1×4 do not fit (")
    assert (
        refusal(ValueError, lambda: W @ np.ones((2, 3)))
        == "W_fC * _v4: 4×3 and 2×3 do not fit (inner sizes 3 and 2) at step 2"
    )
    assert refusal(ValueError, np.linalg.inv, W).startswith("inv(W_fC): W_fC is 4×3 (")
    zero = tape.variable(np.zeros((3, 3)), "Z")
    assert refusal(ValueError, tinyad.inv, zero) == "inv(Z): Z is 3×3 (Singular matrix) at step 2"
    assert len(tape) == 1
    assert tape.backward({W: A.T})["W_fC"].shape == (3, 4)


def test_operands_that_are_no_matrices(tape):
    a = tape.variable(A, "a")
    said = "the operand of + with a: values are matrices"
    assert refusal(ValueError, lambda: a + np.ones(3)).startswith(said + " (2-D), this is 1-D of shape (3,); write")
    assert refusal(ValueError, lambda: np.ones((2, 4, 3)) + a).startswith(said + " (2-D), this is 3-D")
    assert refusal(TypeError, lambda: a + "b") == said + " of numbers, not a str"
    assert refusal(TypeError, lambda: a + None) == said + " of numbers, not None"
    assert refusal(TypeError, tinyad.add, [[a]], a).startswith("the operand of + with a: ")
    assert "rows of different lengths" in refusal(ValueError, tinyad.add, a, [[1], [1, 2]])
    assert len(tape) == 0


@pytest.mark.parametrize("more", [0, 5])
def test_two_tapes(tape, more):
    other = Tape()
    for _ in range(more):
        other.variable(B)
    a, b = tape.variable(A, "a"), other.variable(B, "b")
    said = "Variable(b, 4×3) is on another tape; one computation is recorded on one tape"
    calls = [lambda: a + b, lambda: a @ b.T, lambda: tinyad.add(a, b), lambda: tape.name({"b": b})]
    calls += [lambda: tape[b], lambda: tape.backward({b: B.T}), lambda: tape.backward({a: A.T})[b]]
    for n, call in enumerate(calls):
        of = f"b: {said}" if n == 3 else said.replace("b, 4×3", "_1, 3×4") if n == 1 else said
        assert refusal(ValueError, call) == of, n
    assert len(tape) == 0
    assert "on another tape" in refusal(ValueError, lambda: b - a)


def test_what_is_recorded_is_of_this_tape(tape):
    """By `record` itself too: a position of another tape would be taken for one of this."""
    own, foreign = tape.variable(A, "own"), Tape().variable(A, "foreign")
    tanh, add = tinyad.tanh, tinyad.add
    for call in (
        lambda: tape.record(tanh, foreign),
        lambda: tape.record(add, foreign, own),
        lambda: tape.record(add, own, foreign),
        lambda: tape.record(add, foreign, foreign),
    ):
        assert "Variable(foreign, 4×3) is on another tape" in refusal(ValueError, call)
    for call in (lambda: tape.record(tanh, own, own), lambda: tape.record(tanh, A)):
        assert refusal(TypeError, call) == "tanh takes one operand, a Variable of this tape"
    assert len(tape) == 0
    assert np.array_equal(tape.record(add, own, own).value, 2 * A)


def test_empty_matrices(tape):
    a, none = tape.variable(draw((4, 3)), "a"), tape.variable(np.zeros((3, 0)), "none")
    z = a @ none
    assert z.shape == (4, 0)
    s = tinyad.sum(np.exp(z) + draw((4, 1)))
    d = tape.backward(s)
    assert s.value == 0
    assert np.array_equal(d[a], np.zeros((3, 4)))
    assert d[none].shape == (0, 3)
    empty = tape.variable(np.zeros((0, 3)))
    for op in (tinyad.sigmoid, tinyad.softmax, tinyad.softmax_rows, tinyad.tanh):
        for v in (empty, z):
            assert tape.backward({op(v): np.zeros(v.shape[::-1])})[v].shape == v.shape[::-1]


# Types of number


def test_float32_stays(tape):
    a = tape.variable(A.astype("f4"), "a")
    row = Op("square", lambda x: x * x, lambda dz, z, x: 2 * dz * x.T)
    z = tinyad.softmax(1 - tinyad.sigmoid(a / 2 + True) * row(a)) / (3 * tinyad.sum(a))
    loss = tinyad.sum(np.sqrt(np.exp(tinyad.softmax_rows(z))))
    d = tape.backward(loss)
    assert {value.dtype for value in tape.values} == {np.dtype("f4")}
    assert {d[name].dtype for name in (a, z, loss)} == {np.dtype("f4")}
    recorded = tape.backward(loss, record=True)[a]
    assert {value.dtype for value in tape.values} == {np.dtype("f4")}
    assert close(recorded.value, d[a], 1e-5)
    assert tape.backward({z: B.T.astype("f4")})[a].dtype == np.float32


def test_mixed_precision_is_float64(tape):
    a, b = tape.variable(A.astype("f4"), "a"), tape.variable(B, "b")
    z = a * b + a
    d = tape.backward({z: B.T})
    assert z.dtype == d[a].dtype == np.float64
    assert close(d[a], B.T * (B.T + 1), 1e-15)
    assert np.array_equal(d[a], sum(c.array for c in d.contributions(a)))


def test_a_float64_contribution_is_not_rounded_into_a_float32_sum(tape):
    a, b = tape.variable(A.astype("f4"), "a"), tape.variable(B, "b")
    w, y = a * b, a * a  # walked back: two float32 contributions first
    d = tape.backward({w: B.T, y: A.T.astype("f4")})
    assert d[a].dtype == np.float64
    assert np.array_equal(d[a], sum(c.array for c in d.contributions(a)))


def test_integers_are_promoted(tape):
    a = tape.variable(np.array([[2, 3]]))
    z = 1 / a
    assert a.dtype == np.float64
    assert z.value.tolist() == [[1 / 2, 1 / 3]]
    assert close(tape.backward({z: [[1], [2]]})[a], [[-1 / 4], [-2 / 9]], 1e-15)


def test_complex_passes_through(tape):
    a = tape.variable(A + 1j * B)
    z = tinyad.sigmoid(1 - a * a)
    s = 1 / (1 + np.exp((A + 1j * B) ** 2 - 1))
    assert close(z.value, s, 1e-14)
    assert close(tape.backward({z: B.T})[a], (B * s * (1 - s) * -2 * (A + 1j * B)).T, 1e-13)


# NumPy on Variables


def test_numpys_functions_record_their_rows():
    tape = Tape()
    x, q = tape.variable(abs(A), "x"), tape.variable(draw((3, 3), 7), "q")
    cases = [
        (np.tanh, x), (np.exp, x), (np.log, x), (np.sqrt, x), (np.negative, x), (np.positive, x), (np.transpose, x),
        (np.sum, x), (np.linalg.inv, q),
    ]  # fmt: skip
    for f, v in cases:
        z = f(v)
        assert z.value.tolist() == np.reshape(f(v.value), z.shape).tolist()
    for f, v in [(np.add, x), (np.subtract, x), (np.multiply, x), (np.divide, x), (np.matmul, q), (np.dot, q)]:
        for z in (f(x, v), f(abs(A), v), f(x, v.value)):
            assert z.value.tolist() == f(abs(A), v.value).tolist()


def test_operators():
    tape = Tape()
    x = tape.variable(A, "x")
    pairs = [
        (1 - x, 1 - A), (x - 1, A - 1), (2 * x, 2 * A), (x * 2, A * 2), (1 / x, 1 / A), (x / 4, A / 4), (3 + x, 3 + A),
        (x + 3, A + 3), (-x, -A), (+x, A), (x.T, A.T), (B - x, B - A), (B / x, B / A), (x / B, A / B), (B * x, B * A),
        (B + x, B + A), (B.T @ x, B.T @ A), (x @ B.T, A @ B.T), (np.float64(2) * x, 2 * A), (np.array(2) - x, 2 - A),
        (True * x, A), (10**20 * x, 1e20 * A), (np.add(x, [[1, 2, 3]]), np.add(A, [[1, 2, 3]])),
    ]  # fmt: skip
    for n, (z, right) in enumerate(pairs, 1):
        assert np.array_equal(z.value, right), n
    assert len(tape) == len(pairs)


MISSING = [
    ("arctan", np.arctan), ("where", lambda v: np.where(A > 0, v, 0)), ("add.reduce", np.add.reduce),
    ("equal", lambda v: np.equal(v, A)), ("clip", lambda v: np.clip(v, 0, 1)), ("outer", lambda v: np.outer(v, v)),
    ("linalg.solve", lambda v: np.linalg.solve(v, v)),
]  # fmt: skip


@pytest.mark.parametrize(("name", "call"), MISSING)
def test_a_missing_row_says_what_to_do(name, call):
    with pytest.raises(TypeError) as error:
        call(Tape().variable(A))
    said = str(error.value)
    assert said.startswith(f"np.{name} is no operation of the table")
    assert ("; write it with operations of the table, or add one" in said) == (name not in TEXTS["functions"])
    assert (name in TEXTS["functions"]) == (name != "arctan")
    assert ("Op(" in said) == (name == "arctan")


def test_options_are_refused():
    v = Tape().variable(A)
    for name, call in (
        ("add", lambda: np.add(v, v, out=A.copy())),
        ("add", lambda: A.copy().__iadd__(v)),
        ("exp", lambda: np.exp(v, where=A > 0)),
        ("transpose", lambda: np.transpose(v, (0, 1))),
    ):
        with pytest.raises(TypeError, match=f"^np.{name} takes (one|two) operand"):
            call()


def test_nothing_decides_by_a_variable():
    """On arrays `if x:` and x == y look at the values; on Variables they would answer something else in silence."""
    v = Tape().variable(0.0)
    with pytest.raises(TypeError, match="value"):
        bool(v)
    for compare in (lambda: bool(v > 0), lambda: max(v, v), lambda: v == np.zeros((1, 1)), lambda: v[0]):
        with pytest.raises(TypeError):
            compare()


def test_a_variable_is_no_array():
    v = Tape().variable(A)
    for convert in (np.asarray, np.array, lambda v: np.array([v, v]), float):
        with pytest.raises(TypeError):
            convert(v)
    with pytest.raises(TypeError, match=r"W: "):
        Tape().variable([[v, v]], "W")


def test_a_deep_copy_is_its_own_tape():
    tape = Tape()
    x = tape.variable(A, "x")
    z = copy.deepcopy(tinyad.sum(2 * x * x))
    w = 3 * z
    assert close(w.tape.backward(w)["x"], 12 * A.T)
    assert len(tape) == 3


def test_deriv_of_variables_is_refused():
    with pytest.raises(TypeError, match="Variable"):
        deriv(A.T, Tape().variable(A), "tanh")
