"""One matrix on top of another and its parts again: refusals, listings, pictures, walks and second derivatives."""

import numpy as np
import pytest

from tests.support.points import STEP, close, draw
from tinyad import (
    Op,
    Tape,
    compare,
    deriv,
    equations,
    gradients,
    graph,
    log_softmax,
    routine,
    stack,
    tanh,
    under,
    upper,
)
from tinyad.printing.listing import contribution_text

H, X, W = draw((2, 3)), draw((3, 3), 1), draw((5, 5), 2)
DU, DL = draw((3, 2), 3), draw((3, 3), 4)


def both(h=H, x=X):
    """[h; x] through tanh, and its two parts again; h is an operand and a template."""
    tape = Tape()
    v = tape.variables(h=h, x=x)
    a = tanh(stack(v["h"], v["x"]))
    tape.name({"a": a, "u": upper(a, v["h"]), "l": under(a, v["h"])})
    return tape, tape.backward({"u": DU, "l": DL})


# Sizes that do not fit


@pytest.mark.parametrize(
    ("op", "names", "message"),
    [
        (stack, "h w", "stack(h, w): 2×3 and 3×4 do not fit (3 and 4 columns) at step 3"),
        (stack, "w h", "stack(w, h): 3×4 and 2×3 do not fit (4 and 3 columns) at step 3"),
        (upper, "h w", "upper(h, w): 2×3 and 3×4 do not fit (3 rows of 2) at step 3"),
        (under, "h _2", "under(h, _2): 2×3 and 3×4 do not fit (3 rows of 2) at step 3"),
    ],
)
def test_sizes_that_do_not_fit(op, names, message):
    tape = Tape()
    tape.variables(h=H, w=draw((3, 4)))
    tanh(tanh(tape["w"]))
    with pytest.raises(ValueError, match="do not fit") as error:
        op(*(tape[name] for name in names.split()))
    assert error.value.args[0] == message
    assert len(tape) == 2


def test_arrays_that_do_not_fit():
    tape = Tape()
    h = tape.variable(H, "h")
    with pytest.raises(ValueError, match=r"^stack\(h, 5\): 2×3 and 1×1 do not fit \(3 and 1 columns\) at step 1$"):
        stack(h, 5.0)
    with pytest.raises(ValueError, match=r"^under\(x, y\): 2×3 and 3×3 do not fit \(3 rows of 2\)$"):
        deriv(DU, H, X, "under")
    with pytest.raises(ValueError, match=r"^3 and 4 columns$"):
        stack(H, draw((3, 4)))


def test_a_users_row_of_two_words_is_refused_as_a_function():
    product = Op("inner_product", lambda x, y: x.T @ y, lambda dz, z, x, y: (dz.T @ y.T, x @ dz))
    tape = Tape()
    with pytest.raises(ValueError, match=r"^inner_product\(h, x\): 2×3 and 3×3 do not fit \(.*\) at step 1$"):
        product(tape.variable(H, "h"), tape.variable(X, "x"))


# Listings and pictures


def test_equations():
    tape, _ = both()
    assert equations(tape, shapes=True).text.splitlines() == [
        "1  _1  = [h; x]        5×3",
        "2  a   = tanh(_1)      5×3",
        "3  u   = upper(a, h)   2×3",
        "4  l   = under(a, h)   3×3",
    ]
    latex = equations(tape).latex.splitlines()
    assert latex[1] == r"\text{\_1} &= \begin{bmatrix} h \\ x \end{bmatrix} \tag{1} \\"
    assert latex[3] == r"u &= \text{upper}(a, h) \tag{3} \\"


def test_gradients():
    _, d = both()
    assert gradients(d, shapes=True).text.splitlines() == [
        "   ∇u     given                   3×2",
        "   ∇l     given                   3×3",
        "1  ∇a   = [0; ∇lᵀ]ᵀ               3×5  step 4",
        "2  ∇a  += [∇uᵀ; 0]ᵀ               3×5  step 3",
        "3  ∇_1  = ∇a ∘ (1 - tanh²(_1))ᵀ   3×5  step 2",
        "4  ∇h   = upper(∇_1ᵀ, h)ᵀ         3×2  step 1",
        "5  ∇x   = under(∇_1ᵀ, h)ᵀ         3×3  step 1",
    ]
    latex = gradients(d).latex.splitlines()
    assert latex[1] == r"\nabla_{a} L &= {\begin{bmatrix} 0 \\ {\nabla_{l} L}^\top \end{bmatrix}}^\top \tag{1} \\"
    assert latex[5] == r"\nabla_{x} L &= {\text{under}({\nabla_{\text{\_1}} L}^\top, h)}^\top \tag{5}"


def test_gradients_in_the_layout_of_the_variables():
    tape, _ = both()
    lines = [(1, "x"), (1, "y"), (3, "x"), (4, "x")]
    said = ["upper(∇_1, h)", "under(∇_1, h)", "[∇u; 0]", "[0; ∇l]"]
    assert [contribution_text(tape, *line, "same") for line in lines] == said


def test_routine():
    _, d = both()
    assert routine(d).splitlines() == [
        "# every d(variable) = 0, but for: du, dl",
        "# Derivative of eq. 4  l = under(a, h)",
        "[da, _] += deriv(dl, a, h, 'under')",
        "# Derivative of eq. 3  u = upper(a, h)",
        "[da, _] += deriv(du, a, h, 'upper')",
        "# Derivative of eq. 2  a = tanh(_1)",
        "[d_1] += deriv(da, _1, 'tanh')",
        "# Derivative of eq. 1  _1 = [h; x]",
        "[dh, dx] += deriv(d_1, h, x, 'stack')",
    ]


def test_the_column_of_ones_is_explained_wherever_it_stands():
    tape = Tape()
    tape.name({"z": log_softmax(tape.variable(X, "x"))})
    lines = gradients(tape.backward({"z": DL})).text.splitlines()
    assert lines[1] == "1  ∇x  = ∇z - (∇z * 1) ∘ exp(log_softmax(x))ᵀ   step 1"
    assert lines[2] == "    (1 is a column of ones: 1ᵀ * A sums the rows of A, A * 1 its columns)"
    tape = Tape()
    tape.name({"z": 1.5 @ tape.variable(draw((1, 3)), "x")})
    assert "column of ones" not in gradients(tape.backward({"z": draw((3, 1))})).text


def test_picture():
    """The arrow to a template is drawn, and nothing flows back along it."""
    tape, d = both()
    drawing = graph(tape, derivatives=d, contributions=True).drawing
    names = [box.lines[0].split(" = ")[0] for box in drawing.boxes]
    assert {(names[tail], names[head]): label for tail, head, label, *_ in drawing.edges} == {
        ("h", "_1"): ("upper(∇_1ᵀ, h)ᵀ",),
        ("x", "_1"): ("under(∇_1ᵀ, h)ᵀ",),
        ("_1", "a"): ("∇a ∘ (1 - tanh²(_1))ᵀ",),
        ("a", "u"): ("[∇uᵀ; 0]ᵀ",),
        ("h", "u"): (),
        ("a", "l"): ("[0; ∇lᵀ]ᵀ",),
        ("h", "l"): (),
    }


def test_a_matrix_that_is_its_own_template():
    tape = Tape()
    x = tape.variable(X, "x")
    tape.name({"z": upper(x, x), "nothing": under(x, x)})
    assert tape["nothing"].shape == (0, 3)
    d = tape.backward({"z": DL, "nothing": np.zeros((3, 0))})
    assert np.array_equal(d["x"], DL)
    assert [(c.step, c.operand) for c in d.contributions("x")] == [(2, "x"), (1, "x")]
    (edge,) = (e for e in graph(tape, derivatives=d, contributions=True).drawing.edges if e.head == 1)
    assert edge.label == ("[∇zᵀ; 0]ᵀ",)
    assert compare(d, {"x": DL}).ok


# Walks


def test_by_hand():
    """Along the rows: those of h come first, and nothing comes from where h is a template."""
    _, d = both()
    slope = 1 - np.tanh(np.vstack([H, X])) ** 2
    assert close(d["a"].T, np.vstack([DU.T, DL.T]))
    assert close(d["h"].T, DU.T * slope[:2])
    assert close(d["x"].T, DL.T * slope[2:])
    assert [(c.step, c.operand) for c in d.contributions("h")] == [(1, "x")]


def test_constants():
    tape = Tape()
    h, x = tape.variable(H, "h"), tape.variable(X, "x")
    tape.name({"u": upper(x, H), "c": upper(X, h), "s": stack(H, x)})
    d = tape.backward({"u": DU, "c": DU, "s": draw((3, 5), 5)})
    assert close(d["x"], np.hstack([DU, np.zeros((3, 1))]) + draw((3, 5), 5)[:, 2:])
    assert not d["h"].any()
    calls = [line.split(" += ")[0] for line in routine(d).splitlines() if "+=" in line]
    assert calls == ["[_, dx]", "[_, _]", "[dx, _]"]


def test_the_parts_of_a_derivative_cannot_be_changed_into_it():
    """What stack hands to its operands is a part of the derivative of the whole."""
    _, d = both()
    for array in (d["h"], d["x"], d.contributions("h")[0].array):
        with pytest.raises(ValueError, match="read-only"):
            array += 1
        try:
            array.setflags(write=True)
        except ValueError:
            continue
        array[:] = 7
    assert close(d["_1"], d["a"] * (1 - np.tanh(np.vstack([H, X])) ** 2).T)


@pytest.mark.parametrize("op", [upper, under])
@pytest.mark.parametrize("bad", [np.inf, -np.inf, np.nan])
def test_what_is_not_finite_in_the_other_rows_does_not_come_through(op, bad):
    x = np.array([[1.0, 2.0], [3.0, 4.0]])
    x[1 if op is upper else 0] = bad
    dz = draw((2, 1))
    right = np.hstack([dz, 0 * dz] if op is upper else [0 * dz, dz])
    assert np.array_equal(deriv(dz, x, np.ones((1, 2)), op)[0], right)
    for record in (False, True):
        tape = Tape()
        leaf = tape.variable(x)
        found = tape.backward({op(leaf, tape.variable(np.ones((1, 2)))): dz}, record=record)[leaf]
        assert np.array_equal(found.value if record else found, right)


def test_float32_stays():
    h, x = H.astype(np.float32), X.astype(np.float32)
    assert {a.dtype for op in ("upper", "under") for a in deriv(DL[:, :2].astype(h.dtype), stack(h, h), h, op)} == {
        np.dtype("f4")
    }
    assert {a.dtype for a in deriv(np.ones((3, 5), np.float32), h, x, "stack")} == {np.dtype("f4")}


# Recorded walks


def curved(h=H, x=X, W=W, record=False):
    """All three rows with something curved around each, and h a template too."""
    tape = Tape()
    v = tape.variables(h=h, x=x, W=W)
    a = v["W"] @ stack(tanh(v["h"]), v["x"] * v["x"])
    u, l = upper(a, v["h"]) * v["h"], under(tanh(a), v["h"]) * v["x"]
    return tape, tape.backward({u: DU, l: DL}, record=record)


def test_second_derivatives_through_all_three():
    tape, d = curved(record=True)
    _, plain = curved()
    values = {"h": H, "x": X, "W": W}
    along = {name: draw(a.shape, 20 + i) for i, (name, a) in enumerate(values.items())}
    Hv = tape.backward({d[name]: v for name, v in along.items()})
    _, moved = curved(**{name: a + STEP * 1j * along[name] for name, a in values.items()})
    for name in values:
        assert close(d[name].value, plain[name]), name
        assert np.abs(Hv[name]).min() > 0, name
        assert close(Hv[name], moved[name].imag / STEP), name
    assert compare(d, {name: plain[name] for name in values}).ok
