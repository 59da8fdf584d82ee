"""One program for every number of time steps and of examples: at every size it equals the tape."""

import pickle
import threading

import numpy as np
import pytest

import tinyad
from lstm_models import losses, sequence
from lstm_models.model import parameters, random
from lstm_models.models import MODELS
from tests.support.any_sizes import BOTH, NAMES, SIZES, H, X, Y, arrays, compiled, equal, on_tape, rnn, states, wrong
from tests.support.points import draw
from tests.support.sampling import sampled
from tinyad import Tape
from tinyad.compiled import any_size
from tinyad.compiled.numpy_engine import Source
from tinyad.compiled.size_fitting import NoFormulaError, Sizes, fitted


def cell(name):
    """A model of lstm_models as a function of lists, with the squared error of all time steps as its loss."""
    model, rng = MODELS[name], np.random.default_rng(1)
    weights = parameters(model, H, X, rng) | random(model.output_shapes(H, Y), H, rng)
    turn = -1 if model.rows else 1

    def recorded(xs, targets, **rest):
        start = {state: rest.pop(f"{state}_0") for state in model.states}
        output = {w: rest.pop(w) for w in model.output_shapes(H, Y)}
        steps = sequence.unrolled(model, start, xs, rest)
        read = [sequence.readout(model, eqs[model.read], output)[1] for eqs in steps]
        errors = [losses.squared_error(a, target)["e"] for a, target in zip(read, targets, strict=True)]
        L = losses.over_time(errors, len(xs) * targets[0].shape[1])[-1]
        return {"L": L, "hs": [eqs[model.read] for eqs in steps]}

    def examples(T, B, seed):
        draws = np.random.default_rng(seed)
        first = {f"{state}_0": draws.standard_normal((H, B)[::turn]) for state in model.states}
        xs = [draws.standard_normal((X, B)[::turn]) for _ in range(T)]
        return weights | first | {"xs": xs, "targets": [draws.standard_normal((Y, B)) for _ in range(T)]}

    return recorded, examples


@pytest.mark.parametrize("style", ["grouped", "literal"])
@pytest.mark.parametrize("name", sampled(MODELS, 6))
def test_every_model_at_every_size(name, style):
    model, examples = cell(name)
    asked = [n for n in examples(1, 1, 0) if n != "targets"]
    rows = MODELS[name].rows  # where columns are components
    shapes = "any T" if rows else BOTH
    program = tinyad.compile(model, ["L", "hs"], asked, shapes=shapes, style=style, **examples(5, 3, 0))
    for k, (T, B) in enumerate(SIZES):
        given = examples(T, 3 if rows else B, k + 1)
        out, expected = program(given), on_tape(model, given)
        for found, right in zip(out, expected, strict=True):
            assert all(equal(found[n], right[n]) for n in found), (T, B)
    said = program.explain()
    if name in ("picture-stacked", "sancho-stacked"):  # where h and x are stacked, the derivative of each x is a block
        assert said.startswith("a program for each size, compiled when it first comes: line ")
    else:
        assert said.startswith("one program for every size")
        alone = [line for line in said.splitlines() if "of its own" in line]
        assert all(line.startswith("T = 1") and style == "literal" for line in alone)  # a sum of T - 1 additions
        assert bool(alone) == ("    # not with T = 1" in program.source)


@pytest.mark.parametrize("style", ["grouped", "literal"])
def test_one_program_for_all_sizes(style):
    program = compiled(style=style)
    assert wrong(program, rnn, NAMES) == []
    assert "of its own" not in program.explain()
    single = compiled(style=style, dtype=np.float32)
    assert wrong(single, rnn, NAMES, SIZES[::4], tolerance=2e-5, dtype=np.float32) == []
    assert "of its own" not in single.explain()


def test_the_page_has_T_and_B():
    source = compiled(style="literal").source
    for line in (
        "    T = len(xs)",
        "    B = h0.shape[1]",
        "    hs = np.empty((T, 4, B))",
        "    for t in range(T):",
        "    for t in reversed(range(T)):",
    ):
        assert line in source.splitlines()
    assert " / (T * B)" in source
    assert "def prepared(T, B):" in compiled().source
    assert "def prepared(T):" in compiled(shapes="any T").source
    assert "def prepared(B):" in compiled(shapes="any batch").source


def test_the_literal_page_runs_alone():
    program = compiled(style="literal", derivatives=["W", "xs"])
    names = {}
    exec(program.source, names)
    given = arrays(NAMES, 6, 2, 5)
    L, hs, dW, dxs = names["program"](*(np.array(given[name]) for name in NAMES), np.ones((1, 1)))
    values, d = program(given)
    assert equal(values["L"], L)
    assert equal(values["hs"], list(hs))
    assert equal(d["W"], dW.T)
    assert equal(d["xs"], [dx.T for dx in dxs])


@pytest.mark.parametrize("style", ["grouped", "literal"])
def test_the_general_source_with_numbers_is_the_fixed_one(style):
    def source(sizes):
        return tinyad.compile(rnn, "L", ["W", "R", "b"], style=style, **arrays(NAMES, *sizes)).source

    at = [Sizes(T, B) for T, B in ((27, 11), (38, 11), (27, 13), (38, 13), (14, 17))]
    template = fitted({sizes: source(sizes) for sizes in at})
    for sizes in (Sizes(9, 19), Sizes(33, 23)):
        assert template.at(sizes) == source(sizes)
    with pytest.raises(NoFormulaError, match="line"):
        fitted({sizes: source(sizes) for sizes in (Sizes(1, 11), *at)})


def test_one_size_can_be_open_alone():
    for shapes, sizes in (("any T", [(T, 3) for T in (1, 2, 3, 9)]), ("any batch", [(4, B) for B in (1, 2, 3, 9)])):
        program = compiled(shapes=shapes)
        assert wrong(program, rnn, NAMES, sizes) == []
        assert "of its own" not in program.explain()


def layer(W, x, b, y):
    return {"L": np.mean((tinyad.relu(W @ x + b) - y) ** 2)}


def test_columns_are_found_without_lists():
    examples = {"W": draw((4, 3), 1), "x": draw((3, 4), 2), "b": draw((4, 1), 3), "y": draw((4, 4), 4)}
    program = tinyad.compile(layer, "L", ["W", "b", "x"], shapes="any batch", **examples)
    for B in (1, 3, 4, 9):
        given = examples | {"x": draw((3, B), 5), "y": draw((4, B), 6)}
        (values, d), (right, eager) = program(given), on_tape(layer, given)
        assert equal(values["L"], right["L"])
        assert all(equal(d[name], eager[name]) for name in d)
    assert "of its own" not in program.explain()


def test_lengths_are_masks():
    names = (*NAMES, "masks", "targets", "W_y", "b_y")

    def model(W, R, b, h0, xs, masks, targets, W_y, b_y):
        h, errors, hs = h0, [], []
        for x, mask, target in zip(xs, masks, targets, strict=True):
            h = tinyad.tanh(W @ x + R @ h + b) * mask + h * (1 - mask)
            hs.append(h)
            errors.append(np.sum((W_y @ h + b_y - target) ** 2 * mask))
        return {"L": sum(errors) / (len(xs) * h0.shape[1]), "hs": hs}

    for style in ("grouped", "literal"):
        program = compiled(model, names, ("L", "hs"), derivatives=[*NAMES, "W_y", "b_y"], style=style)
        assert wrong(program, model, names) == []
        assert "of its own" not in program.explain()


def test_seeds_of_lists_and_of_the_last_state():
    def seeds(T, B):
        return {"hs": [draw((B, H), 10 + t) for t in range(T)], "h_T": draw((B, H), 9)}

    program = compiled(outputs=["hs"], seeds=seeds(4, 3))
    assert wrong(program, rnn, NAMES, seeds=seeds) == []
    given = arrays(NAMES, 4, 3)
    (_, d), (_, eager) = program(), on_tape(rnn, given, seeds(4, 3))
    assert equal(d["W"], eager["W"])
    with pytest.raises(ValueError, match="the seed of hs has 4 matrices, expected 2"):
        program(arrays(NAMES, 2, 3))
    with pytest.raises(ValueError, match=r"the seed of hs is not given, and its example is not for T = 4, B = 2: pass"):
        program(arrays(NAMES, 4, 2))
    with pytest.raises(KeyError, match="no seed of this program is named 'h'"):
        program(seeds={"h": 1})
    assert equal(compiled()(seeds={"L": 3})[1]["W"], 3 * compiled()()[1]["W"])


def test_a_result_is_the_callers_own():
    program = compiled()
    values, d = program()
    kept = [a.copy() for a in (*values["hs"], values["h_T"], d["W"], *d["xs"])]
    assert not np.shares_memory(values["hs"][-1], values["h_T"])
    again, again_d = program()
    for a in (*again["hs"], again["h_T"], again_d["W"], *again_d["xs"]):
        a[...] = np.nan
    assert all(map(np.array_equal, (*values["hs"], values["h_T"], d["W"], *d["xs"]), kept))


# A form that depends on the size


def if_longer(W, R, b, h0, xs):
    hs = states(W, R, b, h0, xs)
    return {"L": np.sum(hs[-1] * hs[-1] if len(xs) > 4 else np.exp(hs[-1])), "hs": hs}


def another_number(W, R, b, h0, xs):
    hs = states(W, R, b, h0, xs)
    return {"L": np.sum(hs[-1]) * (0.5 if len(xs) > 4 else 0.3), "hs": hs}


def other_wiring(W, R, b, h0, xs):
    """The same steps and numbers on other operands where B is 5."""
    hs = states(W, R, b, h0, xs)
    return {"L": np.sum(hs[-1] * hs[0 if h0.shape[1] == 5 else -1]), "hs": hs}


def another_time_step(W, R, b, h0, xs):
    """The fifth x is read in place of the first; the examples have four, and four are repeated."""
    hs = states(W, R, b, h0, xs)
    return {"L": np.sum(hs[-1]) + np.sum(xs[4 if len(xs) == 7 else 0]), "hs": hs}


def decayed(W, R, b, h0, xs):
    hs = states(W, R, b, h0, xs)
    return {"L": sum(np.sum(h) * 0.9**t for t, h in enumerate(hs)), "hs": hs}


def columns_of_their_own(W, R, b, h0, xs):
    hs = states(W, R, b, h0, xs)
    return {"L": np.sum(hs[-1] * np.arange(h0.shape[1])[None, :]), "hs": hs}


@pytest.mark.parametrize("style", ["grouped", "literal"])
@pytest.mark.parametrize(
    ("model", "said"),
    [
        (if_longer, "T = 1, B = 1 has a program of its own: the model has other steps there"),
        (another_number, "T = 3, B = 5 has a program of its own: the model has other steps there"),
        (other_wiring, "T = 7, B = 5 has a program of its own: the model has other results there"),
        (another_time_step, "T = 7, B = 1 has a program of its own: the model has other results there"),
        (decayed, "a program for each size, compiled when it first comes: "),
        (columns_of_their_own, "a program for each size, compiled when it first comes: "),
    ],
)
def test_a_form_that_depends_on_the_size_is_never_wrong(model, said, style):
    program = compiled(model, outputs=["L", "hs"], style=style)
    assert wrong(program, model, NAMES) == []
    assert wrong(program, model, NAMES) == []  # from those that are kept
    assert said in program.explain()
    assert program.source


def test_a_step_at_which_the_form_changes_late():
    def late(W, R, b, h0, xs):
        hs = states(W, R, b, h0, xs)
        return {"L": np.sum(np.exp(hs[-1]) if len(xs) > 200 else hs[-1]), "hs": hs}

    program = compiled(late, outputs=["L"])
    assert wrong(program, late, NAMES, [(3, 2), (201, 2), (200, 2)]) == []
    assert "T = 201, B = 2 has a program of its own" in program.explain()
    assert "T = 200" not in program.explain()


def test_a_program_of_few_sizes_is_kept(monkeypatch):
    monkeypatch.setattr(any_size, "KEPT", 2)
    made = []

    def counted(**given):
        made.append(len(given["xs"]))
        return decayed(**given)

    program = compiled(counted, outputs=["L"])
    made.clear()
    for T in (1, 2, 1, 3, 1, 2):
        program(arrays(NAMES, T, 3))
    assert made == [1, 2, 3, 2]


# Memory, threads, pickles


def test_the_workspace_of_the_last_size_is_kept():
    text = "made = []\ndef prepared(T):\n    made.append(T)\n    return lambda: [made.copy()]"
    source = Source(text, {})
    (found,) = [source([], (T,)) for T in (3, 3, 4, 3, 3)][-1]
    assert found == [3, 4, 3]


def test_threads_have_their_own_workspaces():
    program = compiled()
    found = []

    def run(seed):
        sizes = [(T, B) for T in (2, 5, 9) for B in (1, 4)]
        rng = np.random.default_rng(seed)
        found.extend(wrong(program, rnn, NAMES, [sizes[k] for k in rng.integers(0, len(sizes), 20)]))

    threads = [threading.Thread(target=run, args=(k,)) for k in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == []


def test_a_program_can_be_pickled():
    program = compiled()
    again = pickle.loads(pickle.dumps(program))
    given = arrays(NAMES, 6, 2, 3)
    assert equal(again(given)[1]["R"], program(given)[1]["R"])
    assert (again.source, again.explain(), repr(again)) == (program.source, program.explain(), repr(program))
    assert repr(compiled(derivatives=["W", "xs"])) == "AnySizeProgram(L, hs, h_T, ∇W, ∇xs)"


def test_users_rows_are_called():
    square = tinyad.Op("square", lambda x: x * x, lambda dz, z, x: 2 * dz * x.T)

    def model(W, R, b, h0, xs):
        return {"L": np.sum(square(states(W, R, b, h0, xs)[-1]))}

    program = compiled(model, outputs=["L"])
    assert wrong(program, model, NAMES, SIZES[::3]) == []
    with pytest.raises(TypeError, match="calls rows, square, which cannot be pickled"):
        pickle.dumps(program)


# Other engines


@pytest.mark.parametrize("engine", ["native", "auto"])
def test_machine_code_is_made_for_a_size_when_it_comes(engine, tmp_path, monkeypatch):
    pytest.importorskip("numba")
    pytest.importorskip("scipy")
    monkeypatch.setenv("TINYAD_CACHE", str(tmp_path))
    program = compiled(outputs=["L", "hs"], engine=engine)
    assert wrong(program, rnn, NAMES, [(1, 1), (5, 2)]) == []
    said = f'a program for each size, compiled when it first comes: engine="{engine}" compiles for one size\n'
    assert program.explain().startswith(f"{said}at T = 5, B = 2:\n")


def test_one_device_in_numpy():
    with pytest.raises(ValueError, match="this program runs on one device"):
        compiled().sharded(2, columns=["xs"])


# Messages

GIVEN = arrays(NAMES, 5, 2)
CALLS = [
    ({"V": 1}, "no array of this program is named 'V'; there are W, R, b, h0, xs"),
    (
        {"xs": GIVEN["xs"]},
        "xs\\[1\\] has 2 columns|h0 is not given, and its example is for T = 4, B = 3, not T = 5, B = 2",
    ),
    ({"xs": GIVEN["xs"], "h0": draw((H, 3))}, "h0 has 3 columns, xs\\[1\\] 2: a column is an example, and all have as"),
    ({"xs": [*GIVEN["xs"][:2], draw((X, 4))], "h0": GIVEN["h0"]}, r"xs\[3\] 4: a column is an example"),
    ({"xs": [draw((5, 3))] * 2}, r"xs\[1\] is 5×3, expected 3×3"),
    ({"xs": []}, "xs is empty: there is at least one time step"),
    ({"xs": draw((X, 3))}, "xs: expected a list of matrices, one for each time step, not an array"),
    ({"xs": [np.ones(3)] * 3}, r"xs\[1\] is 1-D: expected a matrix with a column for each example"),
    ({"xs": [np.ones((X, 0))] * 3, "h0": np.ones((H, 0))}, "has no columns: there is at least one example"),
    ({"W": draw((5, X))}, "W is 5×3, this program takes 4×3"),
    ({"W": draw((H, X)).astype(np.float32)}, r"W is float32, this program takes float64: pass its \.astype"),
]


@pytest.mark.parametrize(("given", "said"), CALLS)
def test_errors_of_a_call(given, said):
    with pytest.raises((ValueError, KeyError, TypeError), match=said):
        compiled()(given)


def test_lists_of_other_lengths():
    names = (*NAMES, "masks")

    def model(masks, **rest):
        return {"L": sum(np.sum(h * mask) for h, mask in zip(states(**rest), masks, strict=True))}

    program = compiled(model, names, ["L"])
    given = arrays(names, 5, 3)
    given["masks"] = given["masks"][:4]
    said = "masks has 4 time steps, xs 5: with any T all lists have one length"
    with pytest.raises(ValueError, match="xs has 5 time steps, masks 4: with any T all lists have one length"):
        program(given)
    with pytest.raises(ValueError, match=said.replace("masks has 4", "xs has 5").replace("xs 5", "masks 4")):
        tinyad.compile(model, "L", shapes="any T", **given)
    with pytest.raises(ValueError, match="masks is not given, and its example is for T = 4, B = 3, not T = 5, B = 3"):
        program(xs=given["xs"])
    batch = compiled(model, names, ["L"], shapes="any batch")
    with pytest.raises(ValueError, match="xs has 5 matrices, this program takes 4"):
        batch(xs=given["xs"])


def two_groups(x, y):
    return {"L": np.sum(x) + np.sum(y)}


def fixed_size(W, R, b, h0, xs):
    if len(xs) != 4:
        raise ValueError("four time steps")
    return {"L": np.sum(states(W, R, b, h0, xs)[-1])}


COMPILES = [
    (lambda: compiled(shapes="any B"), 'shapes \'any B\': there are "any T", "any batch" and'),
    (
        lambda: tinyad.compile(Tape(), ["L"], shapes="any T"),
        "shapes='any T' needs a model, a function: a tape is of one",
    ),
    (
        lambda: tinyad.compile(layer, "L", shapes="any T", W=(4, 3), x=(3, 2), b=(4, 1), y=(4, 2)),
        "no example is a list",
    ),
    (lambda: compiled(outputs=["loss"]), "no Variable is named 'loss'"),
    (lambda: compiled(outputs=["hs"], derivatives=["W"]), "derivatives of what\\? no output is 1×1"),
    (lambda: compiled(outputs=[], derivatives=[]), "nothing to compute"),
    (lambda: compiled(B=1), '"any batch": the columns of which arguments are examples\\? none'),
    (
        lambda: tinyad.compile(two_groups, "L", shapes="any batch", x=(3, 4), y=(3, 2)),
        "examples\\? those of x or those of y",
    ),
    (
        lambda: compiled(fixed_size, outputs=["L"], shapes="any T"),
        "with T = 27 the model does not run: four time steps",
    ),
    (lambda: tinyad.compile(Tape(), ["L"], stile="literal"), "stile: a model takes examples, and this is a tape"),
    (
        lambda: tinyad.compile(rnn, "L", shapes="any T", **GIVEN | {"xs": [draw((3, 2)), draw((3, 1))]}),
        r"xs\[1\] is 3×2, xs\[2\] 3×1: with any T the matrices of a list are of one size",
    ),
]


@pytest.mark.parametrize(("call", "said"), COMPILES)
def test_errors_of_compile(call, said):
    with pytest.raises((ValueError, KeyError, TypeError), match=said):
        call()


def test_a_fixed_program_takes_lists_of_examples_too():
    given = arrays(NAMES, 4, 3)
    values, d = tinyad.compile(rnn, ["L", "h[2]"], ["W", "x[3]"], **given)()
    right, eager = on_tape(rnn, given)
    assert equal(values["h[2]"], right["hs"][1])
    assert equal(d["x[3]"], eager["xs"][2])
    sized = tinyad.compile(rnn, ["L"], ["W"], W=(H, X), R=(H, H), b=(H, 1), h0=(H, 2), xs=[(X, 2)] * 3)
    assert sized()[0]["L"].shape == (1, 1)


# Texts and numbers


def numbers(f, at=((27, 11), (38, 11), (27, 13), (38, 13), (14, 17)), text="x = ({})"):
    return fitted({Sizes(*sizes): text.format(f(*sizes)) for sizes in at})


@pytest.mark.parametrize(
    ("f", "formula"),
    [
        (lambda T, B: 7, "7"),
        (lambda T, B: T, "T"),
        (lambda T, B: T + 1, "T + 1"),
        (lambda T, B: 4 * B - 3, "4 * B - 3"),
        (lambda T, B: 3 * T * B, "3 * T * B"),
        (lambda T, B: 5 * (T + 1) * B, "(T + 1) * (5 * B)"),
        (lambda T, B: (T - 1) * (B + 2), "(T - 1) * (B + 2)"),
        (lambda T, B: T * B + T + 5, "T * B + T + 5"),
        (lambda T, B: repr(1 / (T * B)), "1 / (T * B)"),
        (lambda T, B: repr(2 / (3 * T)), "2 / (3 * T)"),
        (lambda T, B: repr(1 / (T - 1)), "1 / (T - 1)"),
        (lambda T, B: repr(T * B / 2), "(T * B) / 2"),
        (lambda T, B: repr(1 / np.sqrt(B).item()), "B ** -0.5"),
        (lambda T, B: repr(np.sqrt(2 * T).item()), "(2 * T) ** 0.5"),
        (lambda T, B: (T + 1) % 2, "(T + 1) % 2"),
    ],
)
def test_a_number_is_a_formula(f, formula):
    template = numbers(f)
    assert template.text() == f"x = ({formula})"
    for sizes in (Sizes(1, 1), Sizes(3, 2), Sizes(100, 64)):
        right = float(f(*sizes)) if sizes.T > 1 or "T - 1" not in formula or "/" not in formula else np.inf
        assert np.isclose(float(eval(template.at(sizes).removeprefix("x = "), {"inf": np.inf})), right, 1e-15)


@pytest.mark.parametrize("f", [lambda T, B: T * T, lambda T, B: 2**B, lambda T, B: repr(0.9**T), lambda T, B: T % 3])
def test_no_formula(f):
    with pytest.raises(
        NoFormulaError, match=r"line 1 of the source is 'x = .*' with T = 27, B = 11, and 'x = .*' with"
    ):
        numbers(f)


def test_formulas_are_bracketed_where_needed():
    def text(before, after):
        return numbers(lambda T, B: T + 1, text=before + "{}" + after).text()

    assert text("a[0:", "]") == "a[0:T + 1]"
    assert text("a / ", " * b") == "a / (T + 1) * b"
    assert text("f(", ", 3)") == "f(T + 1, 3)"
    assert text("# ", " steps") == "# T + 1 steps"
    assert text("h_", " = 1") == "h_28 = 1"
