"""Programs in JAX: equal to the tape for every model, cell, row and loss, and a mistake in the writer is found."""

import itertools
import pickle
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

import tinyad
from lstm_models.models import MODELS
from tests.support import goldenfiles
from tests.support.any_sizes import NAMES, compiled, rnn, wrong
from tests.support.compiled_difference import differs
from tests.support.modelpoints import ModelPoint
from tests.support.nested_cells import leaves, nested_cells
from tests.support.paths import ROOT
from tests.support.points import LSTMPoint, draw, fitting
from tests.support.random_cells import cells
from tests.support.random_programs import examples, programs
from tests.support.read_out_losses import read_out
from tests.support.sampling import sampled
from tinyad import TABLE, Op, Tape, Variable
from tinyad.compiled import PASSES
from tinyad.compiled.jax_source import JaxSource

jax = pytest.importorskip("jax")

LITERAL, USUAL, ALL = ("dead", "loops"), ("dead", "loops", "sums", "defer", "hoist"), PASSES[:-1]
SUBSETS = [s for n in range(len(ALL) + 1) for s in itertools.combinations(ALL, n)]
SOME = settings(  # to make a failure smaller, XLA would compile for minutes
    deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow], phases=[Phase.generate]
)
subsets = st.one_of(st.sampled_from([USUAL, ALL, LITERAL]), st.sampled_from(SUBSETS))


@pytest.mark.parametrize("every", [200, pytest.param(9, marks=pytest.mark.slow)])
@pytest.mark.parametrize("name", sampled(MODELS, 7))
def test_models(name, every):
    p = ModelPoint(MODELS[name])
    names = [*p.leaves, *p.seeds, next(iter(p.tape.names.values()))]
    for passes in (USUAL, ALL, *SUBSETS[list(MODELS).index(name) :: every]):
        assert differs(p.tape, p.seeds, passes, names, "jax") is None, passes
    assert differs(p.tape, p.seeds, USUAL, engine="jax") is None
    single = ModelPoint(MODELS[name], dtype=np.float32)
    assert differs(single.tape, single.seeds, USUAL, list(single.leaves), "jax") is None


@examples(8, 60)
def test_cells_that_repeat(examples):
    def equal(cell, passes):
        tape, seeds = cell.record()
        assert differs(tape, seeds, passes, engine="jax") is None
        leaves = [tape.label(i) for i in range(len(tape.values)) if tape.label(i)[0] in "spx"]
        assert differs(tape, seeds, passes, leaves, "jax") is None

    settings(SOME, max_examples=examples)(given(cells, subsets)(equal))()


@examples(8, 60)
def test_cells_with_a_recurrence_in_every_time_step(examples):
    def equal(cell, passes):
        tape, seeds = cell.record()
        assert differs(tape, seeds, passes, engine="jax") is None
        assert differs(tape, seeds, passes, leaves(tape), "jax") is None

    settings(SOME, max_examples=examples)(given(nested_cells, subsets)(equal))()


@examples(8, 60)
def test_straight_tapes(examples):
    def equal(program, passes, dtype):
        leaves, steps = program
        tape = Tape()
        values = [a if a.dtype.kind == "i" else tape.variable(a.astype(dtype)) for a in leaves]
        for symbol, x, y in steps:
            values.append(TABLE[symbol](values[x]) if y is None else TABLE[symbol](values[x], values[y]))
        last = values[-1]
        if isinstance(last, Variable):
            assert differs(tape, {last: draw(last.shape[::-1]).astype(dtype)}, passes, engine="jax") is None

    dtypes = st.sampled_from([np.float64, np.float32])
    settings(SOME, max_examples=examples)(given(programs(), subsets, dtypes)(equal))()


@pytest.mark.parametrize("dtype", [np.float64, pytest.param(np.float32, marks=pytest.mark.slow)])
@pytest.mark.parametrize("op", sampled(TABLE.values(), 4), ids=str)
def test_every_row_of_the_table(op, dtype):
    operands = [operand.astype(dtype) for operand in fitting(op)[0]]
    tape = Tape()
    k = 1 if op.symbol in ("rows", "padded") else op.arity
    z = op(*(tape.variable(a, "xy"[i]) if i < k else a for i, a in enumerate(operands)))
    tape.name({"z": z})
    assert differs(tape, {"z": draw(z.shape[::-1], 4).astype(dtype)}, USUAL, engine="jax") is None


@pytest.mark.parametrize("op", sampled(TABLE.values(), 6), ids=str)
def test_every_row_of_the_table_in_the_style_of_jax(op):
    operands = fitting(op)[-1]
    tape = Tape()
    k = 1 if op.symbol in ("rows", "padded") else op.arity
    z = op(*(tape.variable(a, "xy"[i]) if i < k else a for i, a in enumerate(operands)))
    tape.name({"z": z})
    assert differs(tape, {"z": draw(z.shape[::-1], 4)}, None, style="jax") is None


@pytest.mark.parametrize("name", sampled(MODELS, 5))
def test_models_in_the_style_of_jax(name):
    p = ModelPoint(MODELS[name])
    assert differs(p.tape, p.seeds, None, list(p.leaves), style="jax") is None
    program = tinyad.compile(p.tape, [], list(p.leaves), p.seeds, style="jax")
    assert program.source == tinyad.compile(p.tape, [], list(p.leaves), p.seeds, style="literal", engine="jax").source


@pytest.mark.parametrize("lengths", [None, [4, 2, 0]])
def test_a_loss_at_every_time_step(lengths):
    tape, P = read_out(3, 7, lengths)
    for passes in (USUAL, LITERAL, ALL):
        assert differs(tape, "L", passes, ["L", "a_y[2]", *P, "W_y", "b_y", "h[0]", "x[3]"], "jax") is None


def a_sum_less(real):
    return lambda self, v: real(self, v).rsplit(" + ", 1)[0]


def the_other_way_round(real):
    def loop(self, loop):
        real(self, loop)
        self.lines[-1] = self.lines[-1].replace(", reverse=True", "")

    return loop


def a_sign_is_lost(real):
    return lambda self, terms, v: real(self, [p._replace(sign=1) for p in terms], v)


def the_first_is_handed_on(real):
    return lambda self, inside: [c._replace(next=c.name) if c.name != "_" else c for c in real(self, inside)]


PLANTED = [
    ("_added", a_sum_less),
    ("_loop", the_other_way_round),
    ("_joined", a_sign_is_lost),
    ("_carried", the_first_is_handed_on),
]


@pytest.mark.parametrize(("method", "mistake"), PLANTED, ids=[method for method, _ in PLANTED])
def test_a_mistake_in_the_writer_is_found(monkeypatch, method, mistake):
    tape = Tape()
    W, h = tape.variable(draw((4, 4), 1), "W"), tape.variable(draw((4, 3), 2), "h")
    for _ in range(4):
        upper = TABLE["rows"](h, np.array([[0, 2, 4]]))
        h = tinyad.tanh(W @ h) - TABLE["stack"](upper, upper)
    tape.name({"z": h})
    arguments = tape, {"z": draw((3, 4), 3)}, ALL, ["z", "W", "h"], "jax"
    assert differs(*arguments) is None
    monkeypatch.setattr(JaxSource, method, mistake(getattr(JaxSource, method)))
    assert differs(*arguments) is not None


def small(dtype=np.float64):
    tape = Tape()
    v = tape.variables(W=draw((4, 3), 1).astype(dtype), x=draw((3, 2), 2).astype(dtype))
    h = tinyad.tanh(v["W"] @ v["x"])
    tape.name({"h": h, "L": np.sum(h * h)})
    return tape


def test_arrays_of_jax_and_of_numpy_are_taken_and_those_of_jax_returned():
    tape = small(np.float32)
    program = tinyad.compile(tape, ["L", "h"], ["W"], "L", engine="jax")
    W = draw((4, 3), 5).astype(np.float32)
    expected = tinyad.compile(tape, ["L", "h"], ["W"], "L")(W=W)
    for own in (W, jax.numpy.asarray(W)):
        for found, right in zip(program(W=own), expected, strict=True):
            assert all(isinstance(a, jax.Array) for a in found.values())
            assert all(np.allclose(found[name], right[name], rtol=1e-5, atol=1e-6) for name in right)
    with pytest.raises(ValueError, match="W is float64, this program takes float32"):
        program(W=W.tolist())
    with pytest.raises(ValueError, match="W is 3×4, this program takes 4×3"):
        program(W=jax.numpy.asarray(W.T))
    assert np.allclose(program(W=W, seeds={"L": 3})[1]["W"], 3 * expected[1]["W"], rtol=1e-4)


def test_float64_needs_no_setting_and_changes_none():
    assert not jax.config.jax_enable_x64
    program = tinyad.compile(small(), "L", "W", engine="jax")
    values, d = program()
    assert not jax.config.jax_enable_x64
    assert jax.numpy.ones(1).dtype == np.float32
    assert np.asarray(values["L"]).dtype == np.asarray(d["W"]).dtype == np.float64
    with jax.enable_x64(True):
        again = program()[1]["W"]
    assert np.array_equal(again, d["W"])


def test_results_do_not_follow_what_is_done_to_an_argument():
    tape = Tape()
    W = (draw((600, 600)) / 30).astype(np.float32)
    h = v = tape.variable(W, "W")
    for t in range(6):
        h = tinyad.tanh(v @ h) * tape.variable(W, f"x[{t}]")
    tape.name({"z": h})
    program = tinyad.compile(tape, ["W", "z"], engine="jax")
    kept, expected = W.copy(), np.array(program(W=W)[0]["z"])
    x = [jax.numpy.asarray(W), *(W.copy() for _ in range(5))]
    values, _ = program({f"x[{t}]": a for t, a in enumerate(x)}, W=W)
    for a in (W, *x[1:]):
        a[...] = np.nan  # while XLA computes
    assert np.array_equal(values["W"], kept)
    assert np.array_equal(values["z"], expected)


def test_errors():
    tape = small()
    opaque = Op("opaque", lambda x: np.arctan(x), lambda dz, z, x: dz / (1 + x * x).T)
    tape.name({"o": opaque(tape["h"])})
    with pytest.raises(ValueError, match=r'the row opaque is not in tinyad\'s table.*JAX.*engine="numpy"'):
        tinyad.compile(tape, ["o"], engine="jax")
    with pytest.raises(ValueError, match="unknown engine 'torch'; there are numpy, native, auto, jax"):
        tinyad.compile(tape, ["h"], engine="torch")
    with pytest.raises(ValueError, match="the pass 'buffers' is for NumPy"):
        tinyad.compile(tape, ["h"], engine="jax", passes=PASSES)
    two = Tape()
    two.name({"z": two.variable(np.ones((2, 2)) * 1j, "a") * 2})
    with pytest.raises(ValueError, match=r'complex numbers: .*engine="numpy"'):
        tinyad.compile(two, ["z"], engine="jax")


def test_a_source_needs_jax_only(tmp_path):
    p = LSTMPoint()
    program = tinyad.compile(p.tape, ["h[3]"], ["W_fC"], p.seeds, engine="jax")
    arguments = [p.leaves[name] for name in [*p.parameters, "C[0]", "h[0]"]]
    arguments += [np.array(list(p.xs.values())), np.array([dz.T for dz in p.dhs]), p.dC.T]
    np.savez(tmp_path / "a.npz", *arguments)
    (tmp_path / "lstm.py").write_text(program.source, encoding="utf-8")
    script = (
        "import sys, jax, lstm, numpy as np; jax.config.update('jax_enable_x64', True); a = np.load('a.npz'); "
        f"h, dW = jax.jit(lstm.program)(*(a[f'arr_{{i}}'] for i in range({len(arguments)}))); "
        "assert 'tinyad' not in sys.modules; np.savez('b.npz', h=h, dW=dW)"
    )
    subprocess.run([sys.executable, "-c", script], cwd=tmp_path, check=True)
    with np.load(tmp_path / "b.npz") as found:
        assert np.allclose(found["h"], p.tape["h[3]"].value, rtol=1e-13)
        assert np.allclose(found["dW"].T, p.d["W_fC"], rtol=1e-12)


def test_eight_devices_that_share_the_examples_compute_the_same():
    subprocess.run([sys.executable, "-W", "error", "-m", "tests.support.eight_devices"], cwd=ROOT, check=True)


def test_the_source_does_not_grow_with_time():
    def lines(T):
        p = LSTMPoint(sizes=(7, 11, 2, T))
        program = tinyad.compile(p.tape, [f"h[{T}]"], list(p.leaves), {f"h[{T}]": p.dhs[-1]}, engine="jax")
        return len(program.source.splitlines())

    assert lines(3) == lines(300)


def test_programs_pickle_and_run_in_threads():
    program = tinyad.compile(small(), "L", "W", engine="jax")
    again = pickle.loads(pickle.dumps(program))
    expected = [np.asarray(program(W=k * draw((4, 3)))[1]["W"]) for k in range(4)]
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda k: again(W=k * draw((4, 3)))[1]["W"], range(4)))
    assert all(np.array_equal(a, b) for a, b in zip(found, expected, strict=True))


def test_products_are_computed_in_full_precision_everywhere():
    program = tinyad.compile(small(np.float32), "L", "W", engine="jax")
    assert "HIGHEST" in str(jax.make_jaxpr(lambda a: program(W=a)[0]["L"])(draw((4, 3)).astype(np.float32)))


def test_what_it_looks_like():
    p = ModelPoint(MODELS["gru"])
    program = tinyad.compile(p.tape, ["h[4]"], list(p.leaves), p.seeds, engine="jax")
    goldenfiles.check("compiled-jax.txt", program.source.rstrip("\n"))


def test_a_program_for_every_size_compiles_when_a_size_comes():
    program = compiled(outputs=["L", "hs"], engine="jax")
    assert wrong(program, rnn, NAMES, [(1, 1), (5, 2)]) == []
    shared = program.sharded(1, columns=["xs", "h0"])
    assert wrong(shared, rnn, NAMES, [(3, 2)]) == []
    with pytest.raises(KeyError, match="no matrix of this program is named 'g'"):
        program.sharded(1, columns=["g"])
