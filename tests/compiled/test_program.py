"""Compiled tapes: what is taken and given, errors, names, text; every model equals the eager tape in every style."""

import ast
import itertools
import pickle
import re
import subprocess
import sys
import threading
from concurrent.futures import ProcessPoolExecutor

import numpy as np
import pytest

import tinyad
from lstm_models.models import MODELS
from tests.support import goldenfiles
from tests.support.compiled_difference import differs
from tests.support.modelpoints import ModelPoint
from tests.support.points import LSTMPoint, draw, fitting
from tests.support.read_out_losses import read_out
from tests.support.sampling import sampled
from tinyad import TABLE, Op, Tape
from tinyad.compiled import PASSES
from tinyad.compiled.loop_detection import Steps

LITERAL = ("dead", "loops")
STYLES = ("literal", "grouped")
SUBSETS = [s for n in range(len(PASSES) + 1) for s in itertools.combinations(PASSES, n)]


def small():
    """z = W x + b, s = σ(z), h = z ∘ s, as in the README."""
    tape = Tape()
    v = tape.variables(W=draw((4, 3), 1), x=draw((3, 2), 2), b=draw((4, 1), 3))
    z = v["W"] @ v["x"] + v["b"]
    s = tinyad.sigmoid(z)
    tape.name({"z": z, "s": s, "h": z * s})
    return tape, {"h": draw((2, 4), 4)}


@pytest.mark.parametrize("every", [100, pytest.param(31, marks=pytest.mark.slow)])
@pytest.mark.parametrize("name", sampled(MODELS, 3))
def test_models(name, every):
    p = ModelPoint(MODELS[name])
    names = [*p.leaves, *p.seeds, next(iter(p.tape.names.values()))]
    k = list(MODELS).index(name)
    for passes in (PASSES, LITERAL, *SUBSETS[k::every]):
        assert differs(p.tape, p.seeds, passes, names) is None, passes
    assert differs(p.tape, p.seeds, PASSES) is None
    single = ModelPoint(MODELS[name], dtype=np.float32)
    assert differs(single.tape, single.seeds, PASSES, list(single.leaves)) is None


@pytest.mark.parametrize("lengths", [None, [4, 2, 0]])
@pytest.mark.parametrize("style", ["literal", "grouped"])
def test_a_loss_over_time(style, lengths):
    tape, P = read_out(3, 7, lengths)
    names = [*P, "W_y", "b_y", "h[0]", "x[3]"]
    values, d = tinyad.compile(tape, ["L", "a_y[2]"], names, style=style)()
    eager = tape.backward("L")
    assert np.allclose(values["L"], tape["L"].value, rtol=1e-13, atol=0)
    for name in names:
        assert np.abs(d[name] - eager[name]).max() <= 1e-13 * np.abs(eager[name]).max(), name


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("passes", [PASSES, LITERAL])
@pytest.mark.parametrize("start", ["0", "the first", "a list"])
def test_losses_of_all_time_steps_are_added_up(start, passes, dtype):
    tape = Tape()
    W, h = tape.variable(draw((4, 4), 1).astype(dtype), "W"), tape.variable(draw((4, 3), 2).astype(dtype), "h[0]")
    L, losses = 0, []
    for t in range(5):
        h = tinyad.tanh(W @ h)
        losses.append(np.sum((h - draw((4, 3), 3 + t).astype(dtype)) ** 2))
        L = losses[-1] if start == "the first" and not t else L + losses[-1]
    tape.name({"L": sum(losses) if start == "a list" else L})
    assert differs(tape, "L", passes, ["L", "W", "h[0]"]) is None


def test_an_operand_that_is_a_constant_at_first():
    tape = Tape()
    W, masks = tape.variable(draw((4, 3), 1), "W"), tape.variables(m=draw((4, 3), 2), n=draw((4, 3), 3))
    h = tape.variable(draw((4, 3), 4), "h[0]")
    for mask in (draw((4, 3), 5), masks["m"], masks["n"], draw((4, 3), 6), masks["m"]):
        h = tinyad.tanh(h * mask + W)
    tape.name({"h": h})
    for passes in (PASSES, LITERAL):
        assert differs(tape, {"h": draw((3, 4), 7)}, passes, ["h", "W", "m", "n", "h[0]"]) is None


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize("name", MODELS)
def test_every_name_says_what_it_is(name, style):
    p = ModelPoint(MODELS[name])
    source = tinyad.compile(p.tape, [], list(p.leaves), p.seeds, style=style).source
    assert re.findall(r"\b(?:value|result|tmp)_?\d*\b", source) == []


def test_the_gates_of_the_slides_are_found_in_the_fast_program():
    p = LSTMPoint()
    source = tinyad.compile(p.tape, [], list(p.leaves), p.seeds).source
    loop = re.search(r"    for .* in rounds:\n((?:        .*\n)+)", source).group(0)
    for name in ("C_prev", "h_prev", "f", "i", "o", "C_tilde", "C", "h"):
        assert re.search(rf"\b{name}\b", loop), name
    assert "dot(W_fioC, C_prev, " in loop
    assert "multiply(o, z25, h)" in loop


def test_the_fast_program_of_the_slides_is_a_page():
    p = ModelPoint(MODELS["slides"])
    parameters = [name for name in p.leaves if name[0] in "Wb"]
    for names, most in ((parameters, 120), (list(p.leaves), 125)):
        source = tinyad.compile(p.tape, ["h[4]"], names, p.seeds).source
        assert source.count("\n") <= most
        assert source.count("(W_fC, W_iC, W_oC)") == 1  # stacked in one order only
        assert max(map(len, source.splitlines())) <= 120
        memory, _, statements = source.partition("    def program(")
        assert "empty(" in memory
        assert "empty(" not in statements


def test_new_numbers_are_taken_by_name_or_in_a_mapping():
    p = LSTMPoint()
    program = tinyad.compile(p.tape, ["h[3]"], ["W_oC", "x[2]"], p.seeds)
    tape = LSTMPoint(sizes=(4, 5, 2, 3), change={name: 0.5 * a for name, a in p.leaves.items()}).tape
    seeds = {name: 2 * dz for name, dz in p.seeds.items()}
    new = {name: 1.5 * a for name, a in p.leaves.items()}
    in_words = {name: a for name, a in new.items() if name.isidentifier()}
    values, d = program({n: a for n, a in new.items() if n not in in_words}, seeds=seeds, **in_words)
    eager = tape.backward(seeds)
    assert np.allclose(values["h[3]"], tape["h[3]"].value, rtol=1e-13)
    assert np.allclose(d["W_oC"], eager["W_oC"], rtol=1e-11)
    assert np.allclose(d["x[2]"], eager["x[2]"], rtol=1e-11)
    values, d = program()  # as recorded
    assert np.allclose(values["h[3]"], p.tape["h[3]"].value, rtol=1e-13)
    assert np.allclose(d["x[2]"], p.d["x[2]"], rtol=1e-12)


def test_results_are_the_callers_own():
    for style in ("literal", "grouped"):
        tape, seeds = small()
        program = tinyad.compile(tape, ["h", "W"], ["W", "h"], seeds, style=style)
        W = draw((4, 3), 7)
        values, d = program(W=W)
        kept = {k: a.copy() for k, a in (values | {f"d{n}": a for n, a in d.items()}).items()}
        for a in program(W=2 * W)[0].values():
            a[...] = np.nan
        assert not np.shares_memory(values["W"], W)
        assert not any(np.shares_memory(d["h"], a) for a in tape.values)
        assert all(np.array_equal(a, kept[k]) for k, a in (values | {f"d{n}": a for n, a in d.items()}).items())


def test_a_loss_needs_no_seeds():
    tape, _ = small()
    loss = np.sum(tape["h"])
    tape.name({"L": loss})
    _, d = tinyad.compile(tape, "L", "W")()
    assert np.allclose(d["W"], tape.backward(loss)["W"], rtol=1e-13)
    assert np.array_equal(tinyad.compile(tape, [], ["W"], seeds="L")()[1]["W"], d["W"])
    assert np.allclose(tinyad.compile(tape, "L", "W")(seeds={"L": 3})[1]["W"], 3 * d["W"], rtol=1e-13)


def test_a_model_is_recorded_on_examples():
    def model(W, x, b):
        return {"h": tinyad.tanh(W @ x + b)}

    program = tinyad.compile(model, "h", shapes={"W": (4, 3), "x": (3, 2), "b": np.ones((4, 1), np.float64)})
    W, x = draw((4, 3)), draw((3, 2))
    assert np.allclose(program(W=W, x=x)[0]["h"], np.tanh(W @ x + 1), rtol=1e-14)


def test_what_nothing_depends_on_is_zero():
    tape, seeds = small()
    tape.variable(draw((2, 5)), "alone")
    d = tinyad.compile(tape, [], ["alone", "W"], seeds)()[1]
    assert np.array_equal(d["alone"], np.zeros((5, 2)))
    assert np.array_equal(d["W"], tinyad.compile(tape, [], ["W"], seeds)(alone=draw((2, 5)))[1]["W"])


ERRORS = [
    (lambda p: p(W=draw((4, 2))), "W is 4×2, this program takes 4×3; for other sizes record a tape of them"),
    (lambda p: p(W=draw((3, 4))), r"W is 3×4, this program takes 4×3; pass its \.T"),
    (
        lambda p: p(W=draw((4, 3)).astype(np.float32)),
        r"W is float32, .*float64: pass its \.astype\('float64'\), or record",
    ),
    (lambda p: p(V=draw((4, 3))), "no array of this program is named 'V'; there are W, x, b"),
    (lambda p: p(h=draw((4, 2))), "no array of this program is named 'h'"),
    (lambda p: p(seeds={"z": draw((2, 4))}), "no seed of this program is named 'z'; there is h"),
    (lambda p: p(seeds={"h": draw((4, 2))}), r"the seed of h is 4×2, this program takes 2×4; pass its \.T"),
    (lambda p: p(W=[1, 2, 3]), "W: values are matrices"),
    (lambda p: p(draw((4, 3))), r"takes arrays by name, program\(W=...\), or \{name: array\}"),
]


@pytest.mark.parametrize(("call", "said"), ERRORS)
def test_errors_of_a_run(call, said):
    tape, seeds = small()
    with pytest.raises((ValueError, KeyError, TypeError), match=said):
        call(tinyad.compile(tape, ["h"], ["W"], seeds))


def test_a_1d_array_is_taken_as_the_size_that_is_known():
    tape, seeds = small()
    program = tinyad.compile(tape, ["h"], ["b"], seeds)
    b = draw((4, 1), 9)
    values, d = program(b=b)
    for flat in (b.ravel(), b.ravel().tolist()):
        again, again_d = program(b=flat)
        assert np.array_equal(again["h"], values["h"])
        assert np.array_equal(again_d["b"], d["b"])
    for given in ({"b": np.zeros(3)}, {"W": np.zeros(12)}, {"W": np.zeros(4)}):
        with pytest.raises(ValueError, match=r"values are matrices .* 1-D .*reshape"):
            program(**given)


def test_errors_of_compile():
    tape, seeds = small()
    for arguments, options, said in [
        ((), {}, r"nothing to compute: give outputs=\[...\] or derivatives=\[...\], names or Variables"),
        ((["h"], ["W"]), {}, "derivatives of what\\? no output is 1×1"),
        ((["g"],), {}, "no Variable is named 'g'"),
        ((["h"],), {"passes": ["loop"]}, "unknown pass 'loop'; there are dead, loops"),
        ((["h"],), {"style": "fast"}, "unknown style 'fast'; there are literal, grouped"),
        (([], ["W"], {"h": seeds["h"].T}), {}, "the seed of h is 4×2: row layout needs"),
    ]:
        with pytest.raises((ValueError, KeyError), match=said):
            tinyad.compile(tape, *arguments, **options)
    two = Tape()
    a = two.variable(1.0, "a")
    two.name({"b": a * a, "c": a + a})
    with pytest.raises(ValueError, match="2 outputs are 1×1"):
        tinyad.compile(two, ["b", "c"], ["a"])


HOSTILE = [
    "__import__('os')",
    "a\"\n'b",
    "lambda",
    "np",
    "x[1]",
    "x_1",
    "x 1",
    "∇",
    "W_f∘",
    "1st",
    "print",
    "__class__",
    "σ",
]
HOSTILE += [
    "program",
    "prepared",
    "workspace",
    "t",
    "dot",
    "w",
    "exit()",
    "ﬁ",
    "fi",
    "match",
    "_",
    "a" * 300,
    "e\u0301",
    "é",
]


@pytest.mark.parametrize("style", ["literal", "grouped"])
def test_names_of_users_are_no_code(style):
    tape = Tape()
    leaves = [tape.variable(draw((2, 2), k), name) for k, name in enumerate(HOSTILE)]
    total = leaves[0] @ leaves[0]
    for k, v in enumerate(leaves[1:]):
        total = total + tinyad.tanh(v)
        tape.name({f"{HOSTILE[k]};'": total})
    seeds = {total: draw((2, 2), 99)}
    labels = [tape.label(i) for i in range(len(tape.values))]
    program = tinyad.compile(tape, labels, labels, seeds, style=style)
    values, d = program({name: tape[name].value for name in HOSTILE})
    assert list(values) == list(d) == labels
    eager = tape.backward(seeds)
    for name in labels:
        assert np.allclose(values[name], tape[name].value, rtol=1e-13)
        assert np.allclose(d[name], eager[name], rtol=1e-13)
    calls = [node.func for node in ast.walk(ast.parse(program.source)) if isinstance(node, ast.Call)]
    assert not {"__import__", "exit", "print"} & {call.id for call in calls if isinstance(call, ast.Name)}


def test_a_literal_program_needs_numpy_only(tmp_path):
    p = LSTMPoint()
    program = tinyad.compile(p.tape, ["h[3]"], ["W_fC"], p.seeds, style="literal")
    arguments = [p.leaves[name] for name in [*p.parameters, "C[0]", "h[0]"]]
    arguments += [list(p.xs.values()), [dz.T for dz in p.dhs], p.dC.T]
    np.savez(
        tmp_path / "a.npz", *arguments[:-3], xs=np.array(arguments[-3]), dhs=np.array(arguments[-2]), dC=arguments[-1]
    )
    (tmp_path / "lstm.py").write_text(program.source, encoding="utf-8")
    script = "import sys, lstm, numpy as np; a = np.load('a.npz'); h, dW = lstm.program(*(a[f'arr_{i}'] for i in "
    script += (
        "range(17)), a['xs'], a['dhs'], a['dC']); assert 'tinyad' not in sys.modules; np.savez('b.npz', h=h, dW=dW)"
    )
    subprocess.run([sys.executable, "-c", script], cwd=tmp_path, check=True)
    with np.load(tmp_path / "b.npz") as found:
        assert np.allclose(found["h"], p.tape["h[3]"].value, rtol=1e-13)
        assert np.allclose(found["dW"].T, p.d["W_fC"], rtol=1e-12)


def lstm(T):
    p = LSTMPoint(sizes=(7, 11, 2, T))
    return p.tape, {f"h[{T}]": p.dhs[-1], f"C[{T}]": p.dC}, list(p.leaves)


@pytest.mark.parametrize("style", sampled(["grouped", "literal"], 2))
def test_the_source_does_not_grow_with_time(style):
    def source(T):
        tape, seeds, names = lstm(T)
        return tinyad.compile(tape, [f"h[{T}]"], names, seeds, style=style).source

    T = {"literal": 3, "grouped": 5}[style]  # at T = 3 two buffers happen to be of one size, and are one
    assert len(source(T).splitlines()) == len(source(1000).splitlines())


def test_new_rows_run_as_they_stand():
    square = Op("square", lambda x: x * x, lambda dz, z, x: 2 * dz * x.T)
    opaque = Op("opaque", lambda x, y: x * y, lambda dz, z, x, y: (dz * np.asarray(y).T, None))
    tape = Tape()
    a, b = tape.variable(draw((2, 3), 1), "a"), tape.variable(draw((2, 3), 2), "b")
    for t in range(1, 4):
        a = tinyad.tanh(opaque(square(a), b))
        tape.name({"a": a}, step=t)
    seeds = {"a[3]": draw((3, 2))}
    for passes in SUBSETS[::5]:
        assert differs(tape, seeds, passes, ["a", "b", "a[2]"]) is None
    with pytest.raises(TypeError, match="calls rows, opaque, square, which cannot be pickled"):
        pickle.dumps(tinyad.compile(tape, [], ["a"], seeds))
    source = tinyad.compile(tape, [], ["a"], seeds, style="literal").source
    (remark,) = re.findall("# calls (.*), of operations that are not in the table", source)
    assert set(remark.split(", ")) == set(re.findall(r"\b(?:square|opaque)(?:_back)?(?=\()", source))
    wrong = Op("wrong", lambda x: x * x, lambda dz, z, x: dz @ x)
    tape.name({"w": wrong(a)})
    with pytest.raises(ValueError, match="the rule of wrong gives 3×3 for x: row layout needs 3×2"):
        tinyad.compile(tape, [], ["a"], {"w": draw((3, 2))})


@pytest.mark.parametrize("passes", [("dead",), LITERAL, tuple(set(PASSES) - {"loops"}), PASSES])
def test_long_tapes(passes):
    tape = Tape()
    v = tape.variable(draw((1, 1)), "v")
    x = v
    for n in range(700):
        x = tinyad.tanh(x) if n % 7 in (0, 3) or n % 11 == 5 else x * 1.01
    tape.name({"x": x})
    values, d = tinyad.compile(tape, "x", "v", passes=passes)()
    assert np.allclose(values["x"], x.value, rtol=1e-12)
    assert np.allclose(d["v"], tape.backward(x)["v"], rtol=1e-11)


def run(program):
    return program()


@pytest.mark.parametrize("style", ["literal", "grouped"])
def test_programs_pickle_and_run_elsewhere(style):
    p = LSTMPoint()
    program = tinyad.compile(p.tape, ["h[3]"], ["W_oC"], p.seeds, style=style)
    again = pickle.loads(pickle.dumps(program))
    assert again.source == program.source
    assert again.explain() == program.explain()
    with ProcessPoolExecutor(1) as pool:
        values, d = pool.submit(run, program).result()
    assert np.array_equal(values["h[3]"], again()[0]["h[3]"])
    assert np.array_equal(d["W_oC"], program()[1]["W_oC"])


def test_two_threads_run_one_program():
    p = LSTMPoint(sizes=(30, 20, 8, 20))
    program = tinyad.compile(p.tape, [], ["W_oC"], p.seeds)
    expected = [program(W_fh=k * p.leaves["W_fh"])[1]["W_oC"] for k in range(4)]
    wrong = []

    def work(k):
        for _ in range(30):
            if not np.array_equal(program(W_fh=k * p.leaves["W_fh"])[1]["W_oC"], expected[k]):
                wrong.append(k)

    threads = [threading.Thread(target=work, args=(k,)) for k in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_what_it_looks_like():
    p = ModelPoint(MODELS["gru"])
    literal, grouped = (
        tinyad.compile(p.tape, ["h[4]"], list(p.leaves), p.seeds, style=s) for s in ("literal", "grouped")
    )
    goldenfiles.check("compiled-literal.txt", literal.source.rstrip("\n"))
    goldenfiles.check("compiled-grouped.txt", grouped.source.rstrip("\n"))
    goldenfiles.check("compiled-explained.txt", grouped.explain())
    assert repr(literal) == f"Program(h[4], {', '.join(f'∇{name}' for name in p.leaves)})"


@pytest.mark.parametrize(
    ("style", "dtype"),
    [
        ("literal", np.float64), ("grouped", np.float32),
        *(pytest.param(*it, marks=pytest.mark.slow)
          for it in (("grouped", np.float64), ("literal", np.float32), *itertools.product(STYLES, [np.complex128]))),
    ],
)  # fmt: skip
@pytest.mark.parametrize("op", TABLE.values(), ids=str)
def test_every_row_of_the_table(op, style, dtype):
    for operands in fitting(op):
        for constant in range(3 if op.arity == 2 else 1):  # 1: y is a number or array, 2: x is
            if constant != 1 and op.symbol in ("rows", "padded"):
                continue
            a = [operand.astype(dtype) for operand in operands]
            tape = Tape()
            given = [a[k] if k + constant == 2 else tape.variable(a[k], "xy"[k]) for k in range(op.arity)]
            z = op(*given)
            tape.name({"z": z})
            seeds = {"z": draw(z.shape[::-1], 4).astype(dtype)}
            assert differs(tape, seeds, PASSES if style == "grouped" else LITERAL) is None, constant
            if dtype is not np.complex128:
                assert "# calls" not in tinyad.compile(tape, "z", style=style).source


@pytest.mark.parametrize("name", MODELS)
def test_time_steps_are_found_by_comparing_steps(name):
    p = ModelPoint(MODELS[name])
    (repeat,) = Steps.of_tape(p.tape)[0].repeats()
    assert (repeat.begin, repeat.times) == (0, 4)
    assert repeat.period * 4 == len(p.tape)


@pytest.mark.parametrize("every", [30, pytest.param(3, marks=pytest.mark.slow)])
def test_states_of_one_component(every):
    """Numbers are not stacked, though they have as many rows as the state."""
    p = LSTMPoint(sizes=(1, 2, 2, 3))
    for passes in SUBSETS[::every]:
        assert differs(p.tape, p.seeds, passes, list(p.leaves)) is None, passes


def test_what_is_added_twice_is_there_twice():
    tape = Tape()
    a, b = tape.variable(draw((1, 1)), "a"), tape.variable(draw((1, 2)), "b")
    tape.name({"z": a + b + a - a})
    for passes in SUBSETS[::7]:
        assert differs(tape, {"z": draw((2, 1)), "b": draw((2, 1), 1)}, passes) is None, passes


def test_what_is_no_loop():
    W, a = draw((2, 2), 1), draw((2, 2), 2)
    tape = Tape()
    w, first = tape.variable(W, "W"), tape.variable(a, "a")
    gates = [tinyad.sigmoid(w @ first + 1.0) for _ in range(2)]  # two gates that look the same
    assert Steps.of_tape(tape)[0].repeats() == []
    x = gates[0] * gates[1]
    for n in range(6):  # the fourth looks back further than the others
        x = tinyad.tanh(x if n != 3 else gates[0])
    assert Steps.of_tape(tape)[0].repeats() == [(len(tape) - 6, 1, 3), (len(tape) - 3, 1, 3)]


def test_dead_steps_are_dropped():
    tape, seeds = small()
    tape.name({"unused": tinyad.tanh(tape["z"])})
    assert "unused" not in tinyad.compile(tape, ["h"], ["W"], seeds, style="literal").source
    assert "unused" in tinyad.compile(tape, ["h"], ["W"], seeds, passes=["loops"]).source
    assert "dx" not in tinyad.compile(tape, ["h"], ["W"], seeds, style="literal").source


def test_what_needs_jax_says_so(monkeypatch):
    tape, _ = small()
    with pytest.raises(ValueError, match='runs on one device: compile it with engine="jax"'):
        tinyad.compile(tape, ["h"]).sharded(2, columns=["x"])
    monkeypatch.setitem(sys.modules, "jax", None)
    with pytest.raises(ImportError, match="runs in JAX, which is not installed: pip install jax"):
        tinyad.compile(tape, ["h"], engine="jax")


def test_expressions_within_calls_keep_their_brackets():
    tape = Tape()
    a, b = tape.variable(draw((3, 2), 1), "a"), tape.variable(draw((3, 2), 2), "b")
    tape.name({"m": TABLE["column_max"](a + b)})
    for style in STYLES:
        found = tinyad.compile(tape, ["m"], style=style)()[0]["m"]
        assert np.array_equal(found, tape["m"].value)


def test_constants_may_be_infinite():
    tape = Tape()
    a = tape.variable(draw((2, 2)), "a")
    tape.name({"z": np.minimum(a, np.array([[np.inf, 0.1], [-np.inf, 0.2]]))})
    for style in STYLES:
        assert np.array_equal(tinyad.compile(tape, ["z"], style=style)()[0]["z"], tape["z"].value)


def test_a_number_as_a_result_is_a_matrix():
    tape = Tape()
    a = tape.variable(draw((1, 2)).astype(np.float32), "a")
    first = TABLE["upper"](np.ones((1, 1), np.float32), a)
    tape.name({"z": first * np.ones((1, 1), np.float32)})
    for style in STYLES:
        found = tinyad.compile(tape, ["z"], style=style)()[0]["z"]
        assert (found.shape, found.dtype) == ((1, 1), np.float32)
