"""A tape as a picture: the DOT text, what is drawn and what is folded."""

import xml.etree.ElementTree as ET
from types import SimpleNamespace

import numpy as np
import pytest

from lstm_models.slides import GATES, PARAMETERS
from tests.support import goldenfiles
from tests.support.pictures import SVG, classifier, gated, lstm
from tinyad import Tape, compare, graph, tanh
from tinyad.drawing.elements import BOXES
from tinyad.drawing.svg import svg


def walked(steps):
    tape = lstm(steps)
    return tape, tape.backward({f"h[{steps}]": np.ones((2, 4))})


def small():
    """Without time steps: two leaves that are weights by their names, two that are not, a constant, an unnamed step."""
    tape = Tape()
    v = tape.variables(W=np.ones((2, 3)), bias=np.ones((2, 1)), x=np.ones((3, 1)), y=np.ones((2, 1)))
    tape.name({"z": 2 * tanh(v["W"] @ v["x"] + v["bias"]) - v["y"]})
    return tape


def boxes(picture):
    return {box.lines[0]: box for box in picture.drawing.boxes}


def arrows(picture):
    drawn = picture.drawing.boxes
    names = [box.lines[0] if box.kind == "folded" else box.lines[0].split(" = ")[0] for box in drawn]
    return [(names[tail], names[head]) for tail, head, *_ in picture.drawing.edges]


def frame(picture, start):
    """The titles of the frames around the box whose label begins so, from the inside out."""
    (box,) = (box for box in picture.drawing.boxes if box.lines[0].startswith(start))
    titles, c = [], box.cluster
    while c > 0:
        title, c, _ = picture.drawing.clusters[c]
        titles.append(title)
    return titles


def golden(name, picture):
    goldenfiles.check(name, picture.dot.removesuffix("\n"))


def test_dot_of_the_cell():
    golden("cell.dot", graph(lstm(1), groups=GATES))


def test_dot_folded():
    golden("folded.dot", graph(lstm(2), groups=GATES, fold=(1, "forget gate", "candidate")))


def test_dot_with_derivatives():
    tape, d = walked(1)
    hand = {"z6[1]": 2 * d["z6[1]"], "z5[1]": 2 * d["z5[1]"], "f[1]": d["f[1]"]}
    picture = graph(tape, groups=GATES, derivatives=d, contributions=True, comparison=compare(d, hand))
    golden("derivatives.dot", picture)


def test_a_box_shows_name_formula_and_size():
    seen = boxes(graph(lstm(2)))
    assert seen["z1 = W_fC * C[1]"].lines == ("z1 = W_fC * C[1]", "4×2")
    assert seen["C[0]"] == ("leaf_16", ("C[0]", "4×2"), "leaf", 0, "", ("C^{(0)}", r"4 \times 2"), 1)
    assert seen["x"].kind == "leaf"


def test_arrows_run_from_operands_to_results():
    picture = graph(lstm(1))
    assert ("C[0]", "z1") in arrows(picture)
    assert ("z1", "z3") in arrows(picture)
    assert len(arrows(picture)) == len(set(arrows(picture))) == 42


def test_an_operand_taken_twice_has_one_arrow():
    tape = Tape()
    x = tape.variable(np.ones((2, 1)), "x")
    tape.name({"z": x * x})
    d = tape.backward({"z": np.ones((1, 2))})
    (edge,) = graph(tape, derivatives=d, contributions=True).drawing.edges
    assert edge.label == ("∇z ∘ xᵀ", "∇z ∘ xᵀ")


def test_weights_by_time_step():
    assert not boxes(graph(lstm(1))).keys() & set(PARAMETERS)
    tape = Tape()
    v = tape.variables(**{"scale": 1.0, "W[0]": 1.0, "x[1]": 1.0})
    tape.name({"z": v["scale"] * v["x[1]"] + v["W[0]"]}, step=1)
    assert list(boxes(graph(tape))) == ["W[0]", "x", "_1 = scale ∘ x", "z = _1 + W[0]"]


def test_weights_by_their_letter():
    drawn = ["x", "y", "_1 = W * x", "_2 = _1 + bias", "_3 = tanh(_2)", "_4 = 2 ∘ _3", "z = _4 - y"]
    assert list(boxes(graph(small()))) == drawn


def test_weights_by_choice():
    assert {"W", "bias", "x"} <= boxes(graph(small(), weights=["y"])).keys()
    assert {"W", "bias", "x", "y"} <= boxes(graph(small(), weights=[])).keys()


def test_unnamed_steps_go_with_the_next_named_one():
    tape = Tape()
    x = tape.variable(1.0, "x")
    for t in (1, 2):
        x = tanh(2 * tanh(x))
        tape.name({"z": x}, step=t)
    tape.name({"L": tanh(tanh(x))})
    picture = graph(tape, groups={"all": ["z"]}, weights=[])
    found = [frame(picture, name) for name in ("_1", "_2", "z = tanh(_2)", "_4", "_7", "L")]
    assert found == [["all", "t = 1"]] * 3 + [["all", "t = 2"], [], []]


def test_a_step_without_a_name_in_a_group():
    tape = Tape()
    x = tape.variable(1.0, "x")
    tape.name({"z": tanh(tanh(tanh(x)))})
    picture = graph(tape, groups={"first": ["_1"], "rest": ["z"]})
    assert [frame(picture, name) for name in ("_1", "_2", "z")] == [["first"], ["rest"], ["rest"]]


def test_groups_stand_in_every_time_step():
    picture = graph(lstm(2), groups=GATES)
    assert frame(picture, "z2 = W_fh * h[1]") == ["forget gate", "t = 2"]
    assert frame(picture, "h[0]") == []
    assert sum(cluster.title == "candidate" for cluster in picture.drawing.clusters) == 2


def test_groups_without_time_steps():
    assert frame(graph(small(), groups={"end": ["z"]}), "z") == ["end"]


def test_a_name_keeps_its_time_step_where_it_would_be_taken_for_another():
    tape = Tape()
    tape.name({"z": tanh(tape.variable(1.0, "z[0]"))}, step=1)
    tape.name({"z": tanh(tape["z[1]"])})
    assert list(boxes(graph(tape))) == ["z[0]", "z[1] = tanh(z[0])", "z = tanh(z[1])"]


def test_a_folded_frame_is_one_box():
    picture = graph(lstm(3), groups=GATES, fold=(2, "candidate"))
    assert boxes(picture)["t = 2"].lines == ("t = 2", "31 steps")
    assert boxes(picture)["candidate"].lines == ("candidate", "5 steps")
    assert frame(picture, "t = 2") == []
    assert {("C", "t = 2"), ("h", "t = 2"), ("t = 2", "z1"), ("t = 2", "candidate")} <= set(arrows(picture))
    assert arrows(picture).count(("t = 2", "candidate")) == 1
    assert not any(tail == head for tail, head, *_ in picture.drawing.edges)


def test_folding_one_thing():
    tape = lstm(2)
    assert graph(tape, fold=1).dot == graph(tape, fold=[1]).dot
    assert graph(tape, groups=GATES, fold="candidate").dot == graph(tape, groups=GATES, fold=["candidate"]).dot


def test_a_folded_frame_says_how_much_is_in_it():
    tape = small()
    assert boxes(graph(tape, groups={"data": ["x", "y"]}, fold="data"))["data"].lines == ("data", "2 inputs")
    assert boxes(graph(tape, groups={"end": ["z"]}, fold="end"))["end"].lines == ("end", "5 steps")
    tape.name({"square": tape["x"] * tape["x"]})
    assert boxes(graph(tape, groups={"end": ["square"]}, fold="end"))["end"].lines == ("end", "1 step")


def test_fifty_time_steps():
    tape = lstm(50)
    picture = graph(tape, groups=GATES)
    assert len(picture.drawing.boxes) == 50 * (31 + 1) + 2  # and x; C[0], h[0]
    rectangles = list(ET.fromstring(svg(picture.drawing)).iter(f"{SVG}rect"))
    assert len(rectangles) == 1602 + 50 * 7 + 1
    assert len(graph(tape, fold=range(1, 51)).drawing.boxes) == 52


def test_derivatives_of_what_L_depends_on():
    tape, d = walked(1)
    tape.name({"later": tanh(tape["h[1]"])}, step=1)
    unused = tape.variable(1.0, "unused[1]")
    d = tape.backward({"z24[1]": np.ones((2, 4))})
    tape.name({"after": tanh(unused)}, step=1)
    seen = boxes(graph(tape, derivatives=d))
    assert seen["z20 = W_oh * h[0]"].lines[2] == "∇: 2×4"
    assert seen["x"].lines[1:] == ("3×2", "∇: 2×3")
    assert {seen[name].lines[2] for name in ("unused", "later = tanh(h)", "after = tanh(unused)")} == {"∇: –"}
    assert all(len(box.lines) == 2 for box in graph(tape).drawing.boxes)


def test_contributions_stand_on_the_arrows_they_flow_along():
    tape, _ = walked(1)
    d = tape.backward({"C[1]": np.ones((2, 4))})
    picture = graph(tape, groups=GATES, derivatives=d, contributions=True, fold="output gate")
    labels = dict(zip(arrows(picture), (edge.label for edge in picture.drawing.edges), strict=True))
    assert labels["f", "z17"] == ("∇z17 ∘ C[0]ᵀ",)
    assert labels["C", "z25"] == labels["h[0]", "output gate"] == ()
    assert all(edge.label == () for edge in graph(tape, derivatives=d).drawing.edges)


def test_many_contributions_along_one_arrow_are_counted():
    tape, d = walked(2)
    picture = graph(tape, derivatives=d, contributions=True, fold=(1, 2))
    assert [edge.label for edge in picture.drawing.edges] == [
        ("4 contributions",), ("4 contributions",), ("8 contributions",)
    ]  # fmt: skip


def test_wrong_steps_are_coloured_and_right_ones_are_not():
    tape = lstm(2)
    wrong = SimpleNamespace(wrong_steps={7: "own", 6: "inherited", 0: "own"})
    picture = graph(tape, comparison=wrong)
    verdicts = {box.key: box.verdict for box in picture.drawing.boxes if box.verdict}
    assert verdicts == {"step_7": "own", "step_6": "inherited"}
    colours = [BOXES[look][0] for look in ("own", "inherited", "step")]
    assert len(set(colours)) == 3
    for key, colour in zip(("step_7", "step_6", "step_5"), colours, strict=True):
        (line,) = (line for line in picture.dot.splitlines() if line.split()[:1] == [key] and "->" not in line)
        assert f'fillcolor="{colour}"' in line
    fills = [rect.get("fill") for rect in ET.fromstring(svg(picture.drawing)).iter(f"{SVG}rect")]
    assert [fills.count(colour) for colour in colours[:2]] == [1, 1]


def test_a_folded_frame_has_the_worst_verdict_in_it():
    wrong = SimpleNamespace(wrong_steps={3: "inherited", 7: "own", 38: "inherited"})
    assert [box.verdict for box in graph(lstm(3), fold=(1, 2, 3), comparison=wrong).drawing.boxes] == [
        "", "", "own", "inherited", ""
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("options", "error", "said"),
    [
        ({"weights": ["W_fc"]}, KeyError, "no Variable is named 'W_fc'"),
        ({"weights": ["z1[1]"]}, ValueError, "'z1[1]' is the result of step 1; a weight is a leaf"),
        ({"groups": {"gate": ["z99"]}}, KeyError, "groups: nothing is named 'z99'"),
        ({"groups": {"gate": ["z1[1]"]}}, KeyError, "names stand without time step, z1 for z1[3]"),
        ({"groups": {"a": ["z1"], "b": ["z1"]}}, ValueError, "groups: 'z1' is in 'a' and in 'b'"),
        ({"fold": [7]}, KeyError, "fold: no 7; there are time steps 1 to 2"),
        ({"fold": ["c"], "groups": {"b": ["z1"], "a": ["z2"]}}, KeyError, "no 'c'; there are time steps 1 to 2, a, b"),
        ({"contributions": True}, ValueError, "contributions=True: needs derivatives=tape.backward(...)"),
        ({"direction": "left"}, ValueError, "direction='left': there are 'right' and 'down'"),
        ({"derivatives": walked(1)[1]}, ValueError, "derivatives: from another tape"),
    ],
)
def test_what_is_not_on_the_tape(options, error, said):
    with pytest.raises(error) as caught:
        graph(lstm(2), **options)
    assert said in caught.value.args[0]


def test_nothing_to_fold():
    with pytest.raises(KeyError, match="there are no frames"):
        graph(small(), fold=[1])


def test_repr():
    assert repr(graph(lstm(1))) == "Graph(34 boxes, 42 edges)"


def test_the_same_tape_gives_the_same_text():
    assert graph(lstm(2), groups=GATES).dot == graph(lstm(2), groups=GATES).dot
    assert graph(lstm(2)).dot != graph(lstm(3)).dot


def test_steps_without_a_name_stand_in_the_boxes_that_use_them():
    picture = graph(classifier(), fold_unnamed=True)
    assert [box.lines for box in picture.drawing.boxes] == [
        ("x", "3×2"),
        ("Y", "4×2"),
        ("z = W * x + b", "4×2"),
        ("p = softmax(z)", "4×2"),
        ("L = (-sum(Y ∘ log(p))) / 2", "1×1"),
    ]
    assert arrows(picture) == [("x", "z"), ("z", "p"), ("Y", "L"), ("p", "L")]
    assert [box.key for box in picture.drawing.boxes] == ["leaf_2", "leaf_4", "step_2", "step_3", "step_8"]


def test_arrows_run_between_named_values_only():
    picture = graph(gated(2), fold_unnamed=True)
    names = [box.lines[0].split(" = ")[0] for box in picture.drawing.boxes]
    assert names == ["h[0]", "C[0]", *2 * ["x", "f", "i", "o", "C_tilde", "C", "h"]]
    assert {("h[0]", "f"), ("x", "C_tilde"), ("C[0]", "C"), ("i", "C"), ("C", "h"), ("h", "f")} <= set(arrows(picture))
    assert len(arrows(picture)) == 2 * (4 * 2 + 4 + 2)
    assert frame(picture, "f = σ(W_f * x + U_f * h[1]") == ["t = 2"]
    assert len(graph(gated(2)).drawing.boxes) == 2 + 2 * (1 + 25)


def test_a_step_that_a_group_lists_has_a_box():
    picture = graph(classifier(), fold_unnamed=True, groups={"first": ["_1"]})
    assert frame(picture, "_1 = W * x") == ["first"]
    assert ("_1", "z") in arrows(picture)


def test_a_value_with_a_step_in_a_folded_frame_has_an_arrow_from_there():
    tape = Tape()
    x = tape.variable(np.ones((2, 1)), "x[1]")
    inner = tanh(x)
    tape.name({"y": -inner}, step=1)
    tape.name({"y": 2 * inner}, step=2)
    picture = graph(tape, fold=1, fold_unnamed=True)
    assert [box.lines[0] for box in picture.drawing.boxes] == ["t = 1", "y = 2 ∘ tanh(x[1])"]
    assert boxes(picture)["t = 1"].lines == ("t = 1", "2 steps")
    assert arrows(picture) == [("t = 1", "y")]


def test_the_verdict_on_a_step_without_a_name_is_that_of_the_box_it_is_in():
    wrong = SimpleNamespace(wrong_steps={1: "own", 6: "inherited"})
    seen = boxes(graph(classifier(), fold_unnamed=True, comparison=wrong))
    assert {name.split(" = ")[0]: box.verdict for name, box in seen.items()} == {
        "x": "", "Y": "", "z": "own", "p": "", "L": "inherited"
    }  # fmt: skip


def test_contributions_are_those_of_steps():
    tape = classifier()
    with pytest.raises(ValueError, match="contributions=True: every step has its own; leave out fold_unnamed"):
        graph(tape, fold_unnamed=True, derivatives=tape.backward("L"), contributions=True)


def test_without_sizes():
    tape = classifier()
    picture = graph(tape, sizes=False, derivatives=tape.backward("L"))
    assert {len(box.lines) for box in picture.drawing.boxes} == {1}


def test_long_formulas_have_several_lines():
    (box,) = (box for box in graph(gated(1), fold_unnamed=True).drawing.boxes if box.lines[0].startswith("C_tilde"))
    assert box.lines == ("C_tilde = tanh(W_c * x", "+ U_c * h[0] + b_c)", "4×2")
    assert box.latex == (r"\tilde{C} = \tanh(W_{c} \, x", r"{} + U_{c} \, h^{(0)} + b_{c})", r"4 \times 2")
    assert box.large == 2


def test_dot_goes_down():
    golden("down.dot", graph(gated(1), fold_unnamed=True, sizes=False, direction="down"))
