"""Pictures over time: norms of derivatives, and gates."""

import numpy as np
import pytest

from lstm_models import slides
from tests.support.cell import Cell
from tests.support.figures import drawn, image, lines, panels, small
from tests.support.pictures import lstm
from tinyad import log, tanh
from tinyad.drawing import plot

# norms


def test_norms_by_step_and_by_time_step():
    tape = lstm(5)
    d = tape.backward({"h[5]": np.random.default_rng(1).standard_normal((2, 4))})
    figure = plot.norms(d)
    by_step, by_time = figure.axes
    texts = [text.get_text() for text in figure.legends[0].get_texts()]
    assert texts == ["∇C[t]", "∇h[t]"]  # the names with the most time steps, 0 to 5
    for name, colour in zip("Ch", plot.COLOURS, strict=False):
        xs, ys = lines(by_time)[colour]
        assert list(xs) == [0, 1, 2, 3, 4, 5]
        np.testing.assert_allclose(ys, [np.linalg.norm(d[f"{name}[{t}]"]) for t in range(6)])
    made = {tape.label(z): n for n, (_, z, _, _) in enumerate(tape.steps, 1)}
    points = {int(x): y for xs, ys in lines(by_step).values() for x, y in zip(xs, ys, strict=True)}
    assert set(points) == {0, *made.values()}  # C[0] and h[0] are inputs
    for name, n in made.items():
        np.testing.assert_allclose(points[n], np.linalg.norm(d[name]))
    assert by_time.get_yscale() == by_step.get_yscale() == "log"
    drawn(figure)


def test_norms_of_chosen_names():
    tape = lstm(3)
    d = tape.backward({"h[3]": np.ones((2, 4))})
    figure = plot.norms(d, ["f", "W_fC"])
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["∇f[t]", "∇W_fC"]
    assert set(lines(figure.axes[1])) == {plot.COLOURS[0]}  # a parameter has no time step
    xs, ys = lines(figure.axes[0])[plot.COLOURS[1]]
    assert list(xs) == [0]
    np.testing.assert_allclose(ys, [np.linalg.norm(d["W_fC"])])
    assert len(plot.norms(d, "f").legends[0].get_texts()) == 1


def test_norms_without_time_steps_name_the_steps():
    cell = Cell()
    figure = plot.norms(cell.d)
    (axes,) = figure.axes
    assert [tick.get_text() for tick in axes.get_xticklabels()] == [
        cell.tape.label(z) for _, z, _, _ in cell.tape.steps
    ]
    assert not figure.legends
    drawn(figure)


def test_a_norm_of_zero_and_one_that_is_not_finite_stand_at_the_edges():
    tape, v = small(**{"x[0]": 0.0, "y": 3.0})
    with np.errstate(all="ignore"):
        tape.name({"x": log(v["x[0]"])}, step=1)
        tape.name({"x": tanh(v["y"])}, step=2)
        tape.name({"x": v["y"] * v["y"]}, step=3)
        figure = plot.norms(tape.backward({"x[1]": 1.0, "x[3]": 1.0}), ["x"])
    assert figure.get_suptitle() == "Norms of derivatives; 1 are 0 (▾); 1 are not finite (▴)"
    edges = {line.get_marker(): line for line in figure.axes[1].lines if line.get_marker() in "v^"}
    assert edges["v"].get_data()[0] == [2]
    assert edges["v"].get_data()[1] == [0.0]
    assert edges["^"].get_data()[0] == [0]
    assert edges["^"].get_data()[1] == [1.0]
    assert np.isnan(lines(figure.axes[1])[plot.COLOURS[0]][1]).tolist() == [True, False, True, False]
    drawn(figure)


def test_norms_that_are_all_zero():
    tape, v = small(x=1.0, y=1.0)
    tape.name({"z": tanh(v["x"]), "L": v["y"] * v["y"]})
    drawn(plot.norms(tape.backward({"L": 0.0}), ["z"]))


def test_norms_see_vanishing_gradients():
    tape, v = small(**{"h[0]": np.ones((2, 1))})
    h = v["h[0]"]
    for t in range(1, 31):
        h = 0.5 * h
        tape.name({"h": h}, step=t)
    figure = plot.norms(tape.backward({"h[30]": np.ones((1, 2))}))
    _, ys = lines(figure.axes[1])[plot.COLOURS[0]]
    np.testing.assert_allclose(ys, np.sqrt(2) * 0.5 ** np.arange(30, -1, -1.0))
    low, high = figure.axes[1].get_ylim()
    assert low < ys[0] < ys[-1] < high


def test_of_many_names_seven_lines_are_drawn():
    tape = lstm(2)
    d = tape.backward({"h[2]": np.ones((2, 4))})
    figure = plot.norms(d, [*slides.GATES["forget gate"], *slides.GATES["input gate"]])
    assert figure.get_suptitle() == "Norms of derivatives; 7 of 14 names"
    assert len(figure.legends[0].get_texts()) == 7


def test_norms_that_cannot_be_drawn():
    with pytest.raises(KeyError, match="no Variable is named 'q'"):
        plot.norms(Cell().d, ["q"])
    tape, v = small(x=1.0)
    with pytest.raises(ValueError, match="the tape has no steps whose derivatives could be drawn"):
        plot.norms(tape.backward({v["x"]: 1.0}))


# gates


def test_gates_are_units_against_time_steps_of_one_example():
    tape = lstm(5)
    figure = plot.gates(tape, ["f", "z25"], example=2)
    found = panels(figure)
    for name in ("f", "z25"):
        expected = np.stack([tape[f"{name}[{t}]"].value[:, 1] for t in range(1, 6)], axis=1)
        np.testing.assert_array_equal(image(found[name]), expected)
        assert found[name].images[0].get_extent() == [0.5, 5.5, 4.5, 0.5]
    assert found["f"].images[0].get_clim() == (0, 1)
    assert found["z25"].images[0].get_clim() == (-1, 1)
    assert found["z25"].get_xlabel() == "time step, of example 2"
    drawn(figure)


def test_a_scale_that_is_symmetric_reaches_as_far_as_the_values():
    tape = lstm(2)
    values = [abs(tape[f"C[{t}]"].value[:, 0]).max() for t in range(3)]
    low, high = panels(plot.gates(tape, ["C"]))["C"].images[0].get_clim()
    assert -low == high == max(1, *values)


def test_time_steps_that_are_missing_or_not_finite_are_masked():
    tape, v = small(**{"x[2]": np.array([[0.5], [np.nan]]), "x[4]": np.array([[1.0], [0.0]])})
    axes = panels(plot.gates(tape, "x"))["x"]
    assert np.ma.getmaskarray(image(axes)).tolist() == [[False, True, False], [True, True, False]]
    assert axes.images[0].get_extent() == [1.5, 4.5, 2.5, 0.5]
    assert axes.images[0].get_clim() == (0, 1)
    assert v["x[2]"].shape == (2, 1)


@pytest.mark.parametrize(
    ("names", "example", "error", "said"),
    [
        (["W_fC"], 1, KeyError, "'W_fC' has no time steps; names that have them: "),
        (["q"], 1, KeyError, "C, h, x, z1"),
        (["f"], 3, ValueError, "example=3: f[1] has the examples 1 to 2"),
        (["f"], 0, ValueError, "example=0: f[1] has the examples 1 to 2"),
        ([], 1, ValueError, "nothing to draw: give names such as 'f' for f[1], f[2], ..."),
        (["odd"], 1, ValueError, "odd has 2 and 3 units, by time step"),
        (["c"], 1, TypeError, "c[1] is complex; there is no picture of that"),
    ],
)
def test_gates_that_cannot_be_drawn(names, example, error, said):
    tape = lstm(2)
    tape.variables(**{"odd[1]": np.ones((2, 1)), "odd[2]": np.ones((3, 1)), "c[1]": 1j})
    with pytest.raises(error) as caught:
        plot.gates(tape, names, example)
    assert said in caught.value.args[0]
