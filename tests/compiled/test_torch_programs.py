"""Programs in PyTorch itself: equal to the tape, on the tensors' device, and the source as an autograd.Function."""

import re
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import tinyad
from lstm_models.models import MODELS
from tests.support.compiled_difference import differs
from tests.support.modelpoints import ModelPoint
from tests.support.paths import ROOT
from tests.support.points import LSTMPoint, draw, fitting
from tests.support.random_cells import SOME, cells
from tests.support.random_programs import examples, programs, recorded
from tests.support.read_out_losses import read_out
from tinyad import TABLE, Tape
from tinyad.compiled import PASSES

torch = pytest.importorskip("torch")

passes = st.sampled_from([None, PASSES[:-1]])


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("op", TABLE.values(), ids=str)
def test_every_row_of_the_table(op, dtype):
    for operands in fitting(op):
        tape = Tape()
        a = [operand.astype(dtype) for operand in operands]
        k = 1 if op.symbol in ("rows", "padded") else op.arity
        z = op(*(tape.variable(b, "xy"[i]) if i < k else b for i, b in enumerate(a)))
        tape.name({"z": z})
        assert differs(tape, {"z": draw(z.shape[::-1], 4).astype(dtype)}, None, style="torch") is None


@pytest.mark.parametrize("name", MODELS)
def test_models(name):
    for dtype in (np.float64, np.float32):
        p = ModelPoint(MODELS[name], dtype=dtype)
        for chosen in (None, PASSES[:-1]):
            assert differs(p.tape, p.seeds, chosen, style="torch") is None
            assert differs(p.tape, p.seeds, chosen, list(p.leaves), style="torch") is None


@pytest.mark.parametrize("lengths", [None, [4, 2, 0]])
def test_a_loss_at_every_time_step(lengths):
    tape, P = read_out(3, 7, lengths)
    for chosen in (None, PASSES[:-1]):
        assert differs(tape, "L", chosen, ["L", "a_y[2]", *P, "W_y", "b_y", "h[0]", "x[3]"], style="torch") is None


@examples(30, 300)
def test_straight_tapes(examples):
    def equal(program, chosen, dtype):
        tape, seeds = recorded(program, dtype)
        assert not seeds or differs(tape, seeds, chosen, style="torch") is None

    dtypes = st.sampled_from([np.float64, np.float32])
    settings(SOME, max_examples=examples)(given(programs(), passes, dtypes)(equal))()


@examples(30, 300)
def test_cells_that_repeat(examples):
    def equal(cell, chosen):
        tape, seeds = cell.record()
        assert differs(tape, seeds, chosen, style="torch") is None

    settings(SOME, max_examples=examples)(given(cells, passes)(equal))()


def small(dtype=np.float64):
    tape = Tape()
    v = tape.variables(
        W=draw((4, 3), 1).astype(dtype), b=draw((4, 1), 2).astype(dtype), x=draw((3, 2), 3).astype(dtype)
    )
    h = tinyad.relu(v["W"] @ v["x"] + v["b"])
    tape.name({"h": h, "L": np.sum(h * h)})
    return tape


def test_tensors_and_arrays_are_taken_and_tensors_returned():
    tape = small(np.float32)
    program = tinyad.compile(tape, ["L", "h", "W"], ["W", "b"], "L", style="torch")
    W, b = draw((4, 3), 5).astype(np.float32), draw((4, 1), 6).astype(np.float32)
    expected = tinyad.compile(tape, ["L", "h", "W"], ["W", "b"], "L")(W=W, b=b)
    given = torch.tensor(W, requires_grad=True)
    for own in (W, given):
        for found, right in zip(program(W=own, b=b.ravel()), expected, strict=True):
            assert all(isinstance(a, torch.Tensor) and not a.requires_grad for a in found.values())
            assert all(np.allclose(found[name], right[name], rtol=1e-5, atol=1e-6) for name in right)
    assert program(W=given)[0]["W"].data_ptr() != given.data_ptr()
    seeds = {"L": torch.tensor([[3.0]], requires_grad=True)}
    assert np.allclose(program(W=W, b=b, seeds=seeds)[1]["W"], 3 * expected[1]["W"], rtol=1e-4)
    in_numpy = tinyad.compile(tape, ["L", "h", "W"], ["W", "b"], "L")(W=given, b=torch.tensor(b))
    assert np.array_equal(in_numpy[1]["W"], expected[1]["W"])


def test_errors_name_what_a_tensor_has():
    program = tinyad.compile(small(), ["L"], ["W"], style="torch")
    W = torch.tensor(draw((4, 3)))
    for dtype in (torch.float32, torch.bfloat16):
        with pytest.raises(
            ValueError, match=rf"W is {str(dtype)[6:]}, .* takes float64: pass its \.to\(torch\.float64\)"
        ):
            program(W=W.to(dtype))
    with pytest.raises(ValueError, match=r"W is 3×4, this program takes 4×3; pass its \.T"):
        program(W=W.T)


@pytest.mark.parametrize("name", ["slides", "gru", "problem4-rows"])
def test_new_tensors_are_on_the_device_and_of_the_dtype_of_the_arguments(name):
    """A tensor of another device would be an error on "meta", which has sizes and no entries."""
    p = ModelPoint(MODELS[name])
    program = tinyad.compile(p.tape, [next(iter(p.seeds))], list(p.leaves), p.seeds, style="torch")
    values, d = program({name: torch.tensor(a, device="meta") for name, a in p.leaves.items()})
    assert {a.device.type for a in [*values.values(), *d.values()]} == {"meta"}
    names = {}
    exec(program.source, names)
    arguments = [torch.tensor(a, dtype=torch.float32) for a in p.parameters.values()]
    arguments += [torch.tensor(p.start[name[:-3]], dtype=torch.float32) for name in p.leaves if name.endswith("[0]")]
    arguments += [torch.tensor(np.array(p.xs), dtype=torch.float32), torch.tensor(np.array(p.dhs), dtype=torch.float32)]
    arguments += [torch.tensor(a, dtype=torch.float32) for a in p.last.values()]
    assert {a.dtype for a in names["program"](*arguments)} == {torch.float32}


def test_a_source_needs_pytorch_only(tmp_path):
    p = LSTMPoint()
    program = tinyad.compile(p.tape, ["h[3]"], ["W_fC"], p.seeds, style="torch")
    arguments = [p.leaves[name] for name in [*p.parameters, "C[0]", "h[0]"]]
    arguments += [np.array(list(p.xs.values())), np.array([dz.T for dz in p.dhs]), p.dC.T]
    np.savez(tmp_path / "a.npz", *arguments)
    (tmp_path / "lstm.py").write_text(program.source, encoding="utf-8")
    script = (
        "import sys, torch, lstm, numpy as np; a = np.load('a.npz'); "
        f"h, dW = lstm.program(*(torch.from_numpy(a[f'arr_{{i}}']) for i in range({len(arguments)}))); "
        "assert 'tinyad' not in sys.modules; np.savez('b.npz', h=h, dW=dW)"
    )
    subprocess.run([sys.executable, "-c", script], cwd=tmp_path, check=True)
    with np.load(tmp_path / "b.npz") as found:
        assert np.allclose(found["h"], p.tape["h[3]"].value, rtol=1e-13)
        assert np.allclose(found["dW"].T, p.d["W_fC"], rtol=1e-12)


def blocks_of_the_site():
    """The examples of the page: those that are run, and those that are files, by name."""
    page = (ROOT / "docs/compiled.md").read_text(encoding="utf-8")
    found = re.findall(r"^```python(?: (\S+))?\n(.*?)^```", page, re.MULTILINE | re.DOTALL)
    return [code for name, code in found if not name], {name: code for name, code in found if name}


@pytest.mark.parametrize("wrong", ["", "2 * "])
def test_gradcheck_says_whether_the_function_of_the_site_is_right(monkeypatch, tmp_path, wrong):
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    run, files = blocks_of_the_site()
    names = {}
    for code in (run[0], next(code for code in run if "loss.py" in code)):
        exec(code, names)
    code = files["loss_function.py"].replace("dL * d ", f"{wrong}dL * d ")
    if not wrong:
        exec(code, {})
    else:
        with pytest.raises(RuntimeError, match="Jacobian mismatch"):
            exec(code, {})
