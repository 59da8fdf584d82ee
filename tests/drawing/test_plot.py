"""Pictures: what stands in a figure is what the tape has, odd names and sizes are drawn as what they are."""

import sys

import numpy as np
import pytest

from tests.support.cell import Cell, finals
from tests.support.figures import bars, drawn, image, panels, small
from tests.support.pictures import lstm
from tests.support.sampling import sampled
from tinyad import compare, log, tanh
from tinyad.drawing import plot
from tinyad.printing.listing import contribution_text

ODD = ["W_fC", "a$b", "$x^2$", "a\nb", "γ", "Ŵ", "_hidden", "<b>&é", r"\frac"]


# errors


def test_errors_of_a_right_derivation_are_all_rounding():
    cell = Cell()
    hand = finals(cell.hand())
    figure = plot.errors(cell.d, hand)
    found = panels(figure)
    assert set(found) == {f"✓ ∇{name}" for name in hand}
    for name in hand:
        logs = image(found[f"✓ ∇{name}"])
        assert logs.shape == cell.d[name].shape
        assert logs.max() < -14
    assert figure.get_suptitle() == "18 by hand, compared with the tape: 18 right, 0 wrong"


def test_a_wrong_row_and_a_wrong_column_are_where_they_are():
    cell = Cell()
    hand = {name: cell.hand()[name] for name in ("W_fC", "C_prev", "W_fx")}
    hand["W_fC"][1] *= 1.01
    hand["C_prev"][:, 2] += 1e-5
    found = panels(plot.errors(cell.d, hand))
    assert set(found) == {"✗ ∇W_fC", "✗ ∇C_prev", "✓ ∇W_fx"}
    rows, columns = image(found["✗ ∇W_fC"]), image(found["✗ ∇C_prev"])
    assert [row.min() > -6 for row in rows] == [False, True, False, False]
    assert rows[[0, 2, 3]].max() < -14
    assert [column.min() > -7 for column in columns.T] == [False, False, True, False]
    expected = 1e-5 / np.abs(cell.d["C_prev"]).max()
    np.testing.assert_allclose(columns[:, 2], np.log10(expected), rtol=1e-6)
    thick = {title: axes.spines["left"].get_linewidth() for title, axes in found.items()}
    assert thick["✗ ∇W_fC"] > thick["✓ ∇W_fx"]


def test_errors_stand_in_the_layout_of_the_hand():
    cell = Cell()
    hand = {"W_fx": cell.hand()["W_fx"].T.copy()}
    hand["W_fx"][3, 0] += 1
    axes = panels(plot.errors(cell.d, hand, layout="same"))["✗ ∇W_fx"]
    assert image(axes).shape == (4, 3)
    assert np.argwhere(image(axes) > -8).tolist() == [[3, 0]]
    (drawn_image,) = axes.images
    assert drawn_image.get_extent() == [0.5, 3.5, 4.5, 0.5]  # row 4, column 1 has its middle at (1, 4)


@pytest.mark.parametrize("layout", ["row", "same"])
def test_errors_are_wrong_where_compare_says_so(layout):
    cell = Cell()
    rng = np.random.default_rng(0)
    hand = {}
    for name, value in finals(cell.hand()).items():
        off = 10.0 ** rng.integers(-18, -6)
        hand[name] = (value if layout == "row" else value.T) * (1 + off)
    hand["b_o"] = hand["b_o"].astype(np.float32)
    verdicts = {f.name: f.verdict == "right" for f in compare(cell.d, hand, layout).findings}
    assert {True, False} == set(verdicts.values())
    assert set(panels(plot.errors(cell.d, hand, layout))) == {f"{'✗✓'[ok]} ∇{name}" for name, ok in verdicts.items()}


def test_a_derivative_that_is_nothing_but_rounding_is_right():
    tape, v = small(x=np.array([[0.3], [0.7]]))
    tape.name({"L": np.sum(v["x"] - v["x"] * 1.0)})
    d = tape.backward("L")
    title, axes = next(iter(panels(plot.errors(d, {"x": d["x"] + 1e-17})).items()))
    assert title == "✓ ∇x"
    assert image(axes).max() < -15


def test_sizes_that_do_not_fit_are_said():
    cell = Cell()
    hand = {"x": cell.hand()["x"].T, "f": cell.hand()["f"]}
    figure = plot.errors(cell.d, hand)
    axes = panels(figure)["✗ ∇x"]
    assert [text.get_text() for text in axes.texts] == ["3×2 by hand,\nexpected 2×3"]
    assert not axes.images
    assert figure.get_suptitle() == "2 by hand, compared with the tape: 1 right, 1 wrong"
    drawn(plot.errors(cell.d, {"x": hand["x"]}))  # with nothing that fits there is no scale


def test_errors_that_are_not_finite_are_wrong_and_masked():
    cell = Cell()
    b = cell.hand()["b_o"].copy()
    b[0, 1:3] = np.nan, np.inf
    figure = plot.errors(cell.d, {"b_o": b})
    assert np.ma.getmaskarray(image(panels(figure)["✗ ∇b_o"])).tolist() == [[False, True, True, False]]
    assert figure.get_suptitle().endswith("; grey is not finite")
    drawn(figure)


def test_of_many_names_the_most_wrong_are_shown_in_the_order_of_the_walk():
    cell = Cell()
    hand = {name: value.copy() for name, value in cell.hand().items()}
    hand["z1"] += 1e-9
    hand["h"] += 1e-9
    hand["x"] = hand["x"].T
    figure = plot.errors(cell.d, hand)
    titles = list(panels(figure))
    assert len(titles) == plot.PANELS < len(hand)
    assert {"✗ ∇z1", "✗ ∇h", "✗ ∇x"} <= set(titles)
    assert figure.get_suptitle().endswith("right, 3 wrong; the 24 with the largest errors")
    few = {name: hand[name] for name in ("x", "z1", "C", "h", "W_ox")}
    findings = [finding.name for finding in compare(cell.d, few).findings]
    assert [title[3:] for title in panels(plot.errors(cell.d, few))] == findings


def test_errors_of_a_number_and_of_no_entries():
    tape, v = small(x=2.0, y=np.zeros((0, 3)))
    tape.name({"z": v["x"] * v["x"], "none": tanh(v["y"])})
    d = tape.backward({"z": 1.0, "none": np.zeros((3, 0))})
    figure = plot.errors(d, {"x": [[4.0]], "y": np.zeros((3, 0))})
    assert image(panels(figure)["✓ ∇x"]).tolist() == [[plot.FLOOR]]
    assert "no entries" in drawn(figure)


@pytest.mark.parametrize(
    ("arguments", "error", "said"),
    [
        (({"C_prevv": 1.0},), KeyError, "did you mean C_prev"),
        (({},), ValueError, "nothing to draw: give {name: derivative}"),
        (({"x": [1.0]},), ValueError, "the derivative of x by hand: values are matrices"),
        (({"x": "no"},), TypeError, "the derivative of x by hand: values are matrices of numbers"),
        (({"x": 1.0}, "column"), ValueError, "layout='column': there are 'row' and 'same'"),
    ],
)
def test_errors_of_what_cannot_be(arguments, error, said):
    with pytest.raises(error) as caught:
        plot.errors(Cell().d, *arguments)
    assert said in caught.value.args[0]


@pytest.mark.parametrize("layout", ["row", "same"])
def test_a_1d_array_is_taken_as_the_size_that_is_known(layout):
    cell = Cell()
    flat = cell.d["b_o"].ravel()
    assert set(panels(plot.errors(cell.d, {"b_o": flat}, layout))) == {"✓ ∇b_o"}
    assert set(panels(plot.errors(cell.d, {"b_o": flat[::-1].tolist()}, layout))) == {"✗ ∇b_o"}
    for name, value in (("b_o", np.zeros(3)), ("W_oh", np.zeros(16))):
        with pytest.raises(ValueError, match=rf"the derivative of {name} by hand: .* 1-D .*reshape"):
            plot.errors(cell.d, {name: value}, layout)


# contributions


@pytest.mark.parametrize("name", sampled(["C_prev", "x", "W_fC", "h", "C"]))
def test_bars_are_the_contributions_and_sum_to_the_derivative(name):
    cell = Cell()
    figure = plot.contributions(cell.d, name)
    heights = bars(figure)
    entries = [tuple(int(k) - 1 for k in tick.get_text().split(", ")) for tick in figure.axes[0].get_xticklabels()]
    assert set(entries) == set(np.ndindex(cell.d[name].shape))
    np.testing.assert_allclose(np.sum(list(heights.values()), axis=0), [cell.d[name][entry] for entry in entries])
    for step, operand, array in cell.d.contributions(name):
        text = f"step {step}: {contribution_text(cell.tape, step, operand)}" if step else "given"
        np.testing.assert_allclose(heights[text], [array[entry] for entry in entries], atol=1e-14)
    (mark,) = (line for line in figure.axes[0].lines if line.get_marker() == "D")
    np.testing.assert_allclose(mark.get_ydata(), [cell.d[name][entry] for entry in entries])
    drawn(figure)


def test_positive_parts_are_stacked_upwards_and_negative_ones_downwards():
    tape, v = small(x=np.array([[1.0]]))
    tape.name({"z": 2 * v["x"] - 5 * v["x"] + 3 * v["x"] - v["x"]})
    figure = plot.contributions(tape.backward({"z": 1.0}), "x")
    spans = [(bar.get_y(), bar.get_y() + bar.get_height()) for bars_ in figure.axes[0].containers for bar in bars_]
    assert sorted(map(sorted, spans)) == [[-6, -1], [-1, 0], [0, 3], [3, 5]]
    assert figure.axes[0].get_title() == "∇x in 4 contributions"


def test_of_many_entries_the_largest_are_shown():
    tape = lstm(2)
    d = tape.backward({"h[2]": np.random.default_rng(1).standard_normal((2, 4))})
    values = np.arange(1.0, 37).reshape(6, 6)
    tape, v = small(x=values)
    tape.name({"L": np.sum(v["x"] * v["x"])})
    d = tape.backward("L")
    figure = plot.contributions(d, "x")
    ticks = [tick.get_text() for tick in figure.axes[0].get_xticklabels()]
    assert ticks[:2] + ticks[-1:] == ["6, 6", "5, 6", "3, 4"]  # in row layout: d["x"] is twice x transposed
    assert len(ticks) == plot.BARS
    assert figure.axes[0].get_xlabel() == "entry: row, column (the 16 largest of 36)"


def test_of_many_contributions_the_small_ones_are_one():
    tape = lstm(12)
    d = tape.backward({"h[12]": np.random.default_rng(1).standard_normal((2, 4))})
    heights = bars(plot.contributions(d, "b_o"))
    parts = d.contributions("b_o")
    assert len(heights) == len(plot.COLOURS) + 1
    assert list(heights)[-1] == f"the sum of {len(parts) - 7} other contributions"
    np.testing.assert_allclose(np.sum(list(heights.values()), axis=0), d["b_o"].ravel())
    kept = [np.abs(part).max() for part in list(heights.values())[:-1]]
    left_out = sorted((np.abs(part.array).max() for part in parts), reverse=True)[7]
    assert min(kept) >= left_out


@pytest.mark.parametrize(
    ("name", "error", "said"),
    [
        ("q", KeyError, "no Variable is named 'q'"),
        ("unused", ValueError, "unused has no contributions: L does not depend on it"),
        ("w", ValueError, "a contribution to w is not finite"),
        ("c", TypeError, "the derivative of c is complex; there is no picture of that"),
    ],
)
def test_contributions_that_cannot_be_drawn(name, error, said):
    tape, v = small(x=1.0, w=0.0, unused=1.0, c=1.0 + 1j)
    with np.errstate(all="ignore"):
        tape.name({"z": v["x"] * log(v["w"]), "y": v["c"] * v["c"]})
        d = tape.backward({"z": 1.0, "y": 1.0 + 0j})
        with pytest.raises(error) as caught:
            plot.contributions(d, name)
    assert said in caught.value.args[0]


# all of them


@pytest.mark.parametrize("name", sampled(ODD[1:], len(ODD)))
def test_names_are_shown_as_they_are(name):
    shown = name.replace("\n", "\\n")
    tape, v = small(**{name: np.ones((2, 1)), f"{name}[1]": np.ones((2, 1))})
    tape.name({f"{name}z": tanh(v[name])})
    tape.name({name: tanh(v[f"{name}[1]"])}, step=2)
    d = tape.backward({f"{name}z": np.ones((1, 2)), f"{name}[2]": np.ones((1, 2))})
    assert f"✓ ∇{shown}" in drawn(plot.errors(d, {name: d[name]}))
    assert f"step 1: ∇{shown}z ∘ (1 - tanh²({shown}))ᵀ" in drawn(plot.contributions(d, name))
    assert f"∇{shown}[t]" in drawn(plot.norms(d, [name]))
    assert shown in drawn(plot.gates(tape, [name]))
    tape, v = small(x=1.0)
    tape.name({name: tanh(v["x"])})
    assert shown in drawn(plot.norms(tape.backward({name: 1.0})))


def figures():
    cell, tape = Cell(), lstm(2)
    return [
        plot.errors(cell.d, cell.hand()), plot.contributions(cell.d, "x"), plot.norms(cell.d), plot.gates(tape, ["f"])
    ]  # fmt: skip


@pytest.mark.parametrize("which", [2, *(pytest.param(k, marks=pytest.mark.slow) for k in (0, 1, 3))])
def test_a_figure_shows_itself_in_a_notebook(which):
    for figure in figures()[which : which + 1]:
        assert figure._repr_png_().startswith(b"\x89PNG")
        assert figure._repr_png_() == figure._repr_png_()


def test_nothing_of_pyplot_is_touched(monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.pyplot", None)
    figures()


@pytest.mark.parametrize("which", range(4))
def test_without_matplotlib_it_is_said_how_to_get_it(which, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    cell, tape = Cell(), lstm(2)
    with pytest.raises(ImportError, match=r"a picture needs matplotlib: pip install matplotlib"):
        [
            lambda: plot.errors(cell.d, {"x": cell.d["x"]}),
            lambda: plot.contributions(cell.d, "x"),
            lambda: plot.norms(cell.d),
            lambda: plot.gates(tape, ["f"]),
        ][which]()


def test_a_recorded_walk_back_is_drawn_too():
    tape, v = small(x=np.ones((2, 1)))
    tape.name({"z": tanh(v["x"]) * v["x"]})
    d = tape.backward({"z": np.ones((1, 2))}, record=True)
    assert "✓ ∇x" in drawn(plot.errors(d, {"x": d["x"].value}))
    np.testing.assert_allclose(np.sum(list(bars(plot.contributions(d, "x")).values()), axis=0), d["x"].value[0])
    drawn(plot.norms(d))
