"""Parameters as torch and ONNX keep them: values and derivatives against both, and against their formulas as written.

The witnesses are optional; the formulas of their manuals, in plain NumPy below, are not.
"""

import functools
import re

import numpy as np
import pytest

from lstm_models import layouts, sequence
from lstm_models.layouts import ONNX, TORCH, WEIGHTS, from_onnx, from_torch, to_onnx, to_torch
from lstm_models.model import parameters
from lstm_models.models import MODELS
from tests.support.points import close, complex_step

H, X, B, T = 5, 2, 3, 4
WAYS = [("torch", name) for name in TORCH] + [("onnx", name) for name in ONNX]
EACH_WAY = pytest.mark.parametrize(("where", "name"), WAYS, ids=lambda part: part)
EACH_OF_TORCH = pytest.mark.parametrize("name", TORCH)
EACH_OF_ONNX = pytest.mark.parametrize("name", ONNX)
SHAPES = {
    "torch": lambda n: dict(zip(WEIGHTS, [(n * H, X), (n * H, H), (n * H,), (n * H,)], strict=True)),
    "onnx": lambda n: {"W": (1, n * H, X), "R": (1, n * H, H), "B": (1, 2 * n * H), "P": (1, 3 * H)},
}


def converters(where):
    return getattr(layouts, f"from_{where}"), getattr(layouts, f"to_{where}")


def stored(where, name, dtype=np.float64):
    """Random arrays in the layout of the others, both biases among them."""
    gates = {"torch": TORCH, "onnx": ONNX}[where][name]
    rng = np.random.default_rng([len(gates), *name.encode()])
    shapes = SHAPES[where](len(gates))
    if name != "peephole":
        shapes.pop("P", None)
    return {key: (0.6 * rng.standard_normal(shape)).astype(dtype) for key, shape in shapes.items()}


class Run:
    """L = Σ dh_t ∘ h_t + dc_T ∘ c_T over T time steps from non-zero states, with parameters that were converted."""

    def __init__(self, where, name, dtype=np.float64):
        self.model, self.arrays = MODELS[name], stored(where, name, dtype)
        rng = np.random.default_rng(1)

        def normal(*shape):
            return rng.standard_normal(shape).astype(dtype)

        self.start = {state: normal(H, B) for state in self.model.states}
        self.xs, self.dhs, self.dc = normal(T, X, B), normal(T, H, B), normal(H, B)
        self.parameters = converters(where)[0](name, self.arrays)
        tape, steps = sequence.record(self.model, self.start, list(self.xs), self.parameters)
        seeds = {f"h[{t}]": dh.T for t, dh in enumerate(self.dhs, 1)}
        d = tape.backward(seeds | ({f"c[{T}]": self.dc.T} if "c" in self.start else {}))
        self.hs = np.stack([eqs["h"].value for eqs in steps])
        self.last = {state: steps[-1][state].value for state in self.start}
        self.ours = {key: d[key].T for key in self.parameters}
        self.d = converters(where)[1](name, self.ours, derivatives=True)
        self.d |= {"xs": np.stack([d[f"x[{t}]"].T for t in range(1, T + 1)])}
        self.d |= {state: d[f"{state}[0]"].T for state in self.start}

    def loss(self, hs, c):
        return (self.dhs * hs).sum() + (0 if c is None else (self.dc * c).sum())


# There and back


@EACH_WAY
@pytest.mark.parametrize("derivatives", [False, True])
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_there_and_back_is_bit_equal(where, name, derivatives, dtype):
    back, there = converters(where)
    ours = parameters(MODELS[name], H, X, np.random.default_rng(0), dtype)
    before = {key: p.copy() for key, p in ours.items()}
    arrays = there(name, ours, derivatives)
    again = back(name, arrays, derivatives)
    assert list(map(sorted, (again, ours))) == [sorted(before)] * 2
    for key, p in before.items():
        assert again[key].shape == p.shape
        assert again[key].dtype == dtype
        assert np.array_equal(again[key], p), key
    for a in again.values():  # an optimizer works in place
        a += 1
    for a in arrays.values():
        a += 1
    assert all(np.array_equal(ours[key], p) for key, p in before.items())
    assert all(np.array_equal(again[key], p + 1) for key, p in before.items())


@EACH_WAY
def test_what_is_read_is_a_copy(where, name):
    arrays = stored(where, name)
    before = {key: a.copy() for key, a in arrays.items()}
    for p in converters(where)[0](name, arrays).values():
        p += 1
    assert all(np.array_equal(arrays[key], a) for key, a in before.items())


@EACH_WAY
def test_biases(where, name):
    """Two that are added have one derivative; only the recurrent bias inside the reset of the GRU has its own."""
    back, there = converters(where)
    ours = {key: np.full(p.shape, 2.0) for key, p in parameters(MODELS[name], H, X, np.random.default_rng(0)).items()}
    ours |= {"c_n": np.full((H, 1), 3.0)} if name == "gru" else {}
    n = len({"torch": TORCH, "onnx": ONNX}[where][name])

    def biases(arrays):
        first, second = [arrays[key] for key in WEIGHTS[2:]] if where == "torch" else np.split(arrays["B"][0], 2)
        return first.reshape(n, H)[:, 0].tolist(), second.reshape(n, H)[:, 0].tolist()

    assert biases(there(name, ours)) == ([2.0] * n, [0.0] * (n - 1) + [3.0 if name == "gru" else 0.0])
    assert biases(there(name, ours, derivatives=True)) == ([2.0] * n, [2.0] * (n - 1) + [3.0 if name == "gru" else 2.0])
    arrays = {key: np.full_like(a, 2.0) for key, a in there(name, ours).items()}
    read = [p for key, p in back(name, arrays).items() if key[0] == "b"]
    assert {float(p[0, 0]) for p in read} == ({2.0, 4.0} if name == "gru" else {4.0})


# As their manuals have it, where an example is a row


def σ(a):
    return 1 / (1 + np.exp(-a))


def torch_step(name, x, h, c, W, R, b, d):
    """torch.nn.LSTM: i, f, g, o; torch.nn.GRU: r, z, n; torch.nn.RNN; lists of what stands above one another."""
    of_x, of_h = ([a @ w.T + bias for w, bias in zip(*pair, strict=True)] for a, pair in ((x, (W, b)), (h, (R, d))))
    if name == "sancho":
        i, f, g, o = (p + q for p, q in zip(of_x, of_h, strict=True))
        c = σ(f) * c + σ(i) * np.tanh(g)
        return σ(o) * np.tanh(c), c
    if name == "gru":
        r, z = (σ(p + q) for p, q in zip(of_x[:2], of_h[:2], strict=True))
        n = np.tanh(of_x[2] + r * of_h[2])
        return (1 - z) * n + z * h, None
    return np.tanh(of_x[0] + of_h[0]), None


def lstm(x, h, c, Wi, Wo, Wf, Wc, Ri, Ro, Rf, Rc, Wbi, Wbo, Wbf, Wbc, Rbi, Rbo, Rbf, Rbc, Pi=0, Po=0, Pf=0):
    it = σ(x @ Wi.T + h @ Ri.T + Pi * c + Wbi + Rbi)
    ft = σ(x @ Wf.T + h @ Rf.T + Pf * c + Wbf + Rbf)
    ct = np.tanh(x @ Wc.T + h @ Rc.T + Wbc + Rbc)
    C = ft * c + it * ct
    ot = σ(x @ Wo.T + h @ Ro.T + Po * C + Wbo + Rbo)
    return ot * np.tanh(C), C


def gru(x, h, _, Wz, Wr, Wh, Rz, Rr, Rh, Wbz, Wbr, Wbh, Rbz, Rbr, Rbh, linear_before_reset):
    zt = σ(x @ Wz.T + h @ Rz.T + Wbz + Rbz)
    rt = σ(x @ Wr.T + h @ Rr.T + Wbr + Rbr)
    if linear_before_reset:
        ht = np.tanh(x @ Wh.T + rt * (h @ Rh.T + Rbh) + Wbh)
    else:
        ht = np.tanh(x @ Wh.T + (rt * h) @ Rh.T + Rbh + Wbh)
    return (1 - zt) * ht + zt * h, None


def rnn(x, h, _, Wi, Ri, Wbi, Rbi):
    return np.tanh(x @ Wi.T + h @ Ri.T + Wbi + Rbi), None


OPERATORS = {
    "sancho": ("LSTM", lstm, {}),
    "peephole": ("LSTM", lstm, {}),
    "gru": ("GRU", functools.partial(gru, linear_before_reset=1), {"linear_before_reset": 1}),
    "gru-before": ("GRU", functools.partial(gru, linear_before_reset=0), {"linear_before_reset": 0}),
    "rnn": ("RNN", rnn, {}),
}


def written(where, name, arrays, xs, h, c=None):
    """(h_1 to h_T, c_T) as the manual has them; xs T×X×B, states H×B."""
    if where == "torch":
        step = functools.partial(torch_step, name)
        blocks = [np.split(arrays[key], len(TORCH[name])) for key in WEIGHTS]
    else:
        step, n = OPERATORS[name][1], len(ONNX[name])
        blocks = [*np.split(arrays["W"][0], n), *np.split(arrays["R"][0], n), *np.split(arrays["B"][0], 2 * n)]
        blocks += np.split(arrays["P"][0], 3) if "P" in arrays else []
    h, c, hs = h.T, None if c is None else c.T, []
    for x in xs:
        h, c = step(x.T, h, c, *blocks)
        hs.append(h.T)
    return np.stack(hs), None if c is None else c.T


@EACH_WAY
def test_values_are_those_of_the_manual(where, name):
    run = Run(where, name)
    hs, c = written(where, name, run.arrays, run.xs, **run.start)
    assert close(run.hs, hs)
    assert c is None or close(run.last["c"], c)
    again, _ = written(where, name, converters(where)[1](name, run.parameters), run.xs, **run.start)
    assert close(again, hs)


@EACH_WAY
def test_derivatives_are_the_complex_step_of_the_manual(where, name):
    run = Run(where, name)
    leaves = run.arrays | {"xs": run.xs} | run.start
    assert set(leaves) == set(run.d)
    for key, a in leaves.items():

        def loss(moved, key=key, shape=a.shape):
            at = {**leaves, key: moved.reshape(shape)}
            arrays, rest = ({k: at[k] for k in of} for of in (run.arrays, ("xs", *run.start)))
            return run.loss(*written(where, name, arrays, **rest))

        right = complex_step(loss, a.reshape(1, -1)).reshape(a.shape)
        assert close(run.d[key], right), key
        assert np.abs(right).min() > 0, key
    ours = converters(where)[0](name, {key: run.d[key] for key in run.arrays}, derivatives=True)
    assert all(np.array_equal(d, run.ours[key]) for key, d in ours.items())


# torch


def layer(name):
    """A torch layer with the arrays of `stored`."""
    torch = pytest.importorskip("torch")
    kind = {"sancho": torch.nn.LSTM, "gru": torch.nn.GRU, "rnn": torch.nn.RNN}[name]
    made = kind(X, H, dtype=torch.float64)
    made.load_state_dict({key: torch.tensor(a) for key, a in stored("torch", name).items()})
    return torch, made


@EACH_OF_TORCH
def test_values_and_derivatives_are_torchs(name):
    torch, made = layer(name)
    run = Run("torch", name)
    xs = torch.tensor(run.xs.transpose(0, 2, 1).copy(), requires_grad=True)
    h, *c = [torch.tensor(run.start[key].T[None].copy(), requires_grad=True) for key in ("h", "c") if key in run.start]
    hs, last = made(xs, (h, *c) if c else h)
    c_last = last[1] if c else None
    L = (hs * torch.tensor(run.dhs.transpose(0, 2, 1).copy())).sum()
    if c:
        L = L + (c_last * torch.tensor(run.dc.T[None].copy())).sum()
        assert close(run.last["c"], c_last.detach().numpy()[0].T, 1e-12)
        L.backward()
        assert close(run.d["c"], c[0].grad.numpy()[0].T, 1e-12)
    else:
        L.backward()
    assert close(run.hs, hs.detach().numpy().transpose(0, 2, 1), 1e-12)
    assert close(run.d["h"], h.grad.numpy()[0].T, 1e-12)
    assert close(run.d["xs"], xs.grad.numpy().transpose(0, 2, 1), 1e-12)
    grads = {key: getattr(made, key).grad.numpy() for key in WEIGHTS}
    for key, grad in grads.items():
        assert close(run.d[key], grad, 1e-12), key
    for key, d in from_torch(name, grads, derivatives=True).items():
        assert close(d, run.ours[key], 1e-12), key


@EACH_OF_TORCH
def test_a_state_dict_is_read_as_it_is_and_takes_ours(name):
    torch, made = layer(name)
    read, run = from_torch(name, made.state_dict()), Run("torch", name)
    assert all(np.array_equal(read[key], p) for key, p in run.parameters.items())
    made.load_state_dict({key: torch.tensor(a) for key, a in to_torch(name, read).items()})
    states = [torch.tensor(run.start[key].T[None].copy()) for key in ("h", "c") if key in run.start]
    with torch.no_grad():
        hs, _ = made(torch.tensor(run.xs.transpose(0, 2, 1).copy()), tuple(states) if len(states) > 1 else states[0])
    assert close(run.hs, hs.numpy().transpose(0, 2, 1), 1e-12)


# ONNX


def node(name, run, dtype):
    """An ONNX model of one operator, and its inputs."""
    onnx = pytest.importorskip("onnx")
    operator, _, attributes = OPERATORS[name]
    inputs = {"X": run.xs.transpose(0, 2, 1), **{k: run.arrays[k] for k in "WRB"}, "sequence_lens": None}
    inputs |= {"initial_h": run.start["h"].T[None]}
    if operator == "LSTM":
        inputs |= {"initial_c": run.start["c"].T[None], "P": run.arrays.get("P")}
    given = {key: np.ascontiguousarray(a) for key, a in inputs.items() if a is not None}
    names = list(inputs)[: list(inputs).index(list(given)[-1]) + 1]
    info, kind = onnx.helper.make_tensor_value_info, onnx.helper.np_dtype_to_tensor_dtype(np.dtype(dtype))
    made = onnx.helper.make_node(operator, [k if k in given else "" for k in names], ["Y"], hidden_size=H, **attributes)
    graph = onnx.helper.make_graph(
        [made], name, [info(k, kind, a.shape) for k, a in given.items()], [info("Y", kind, (T, 1, B, H))]
    )
    return onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 14)], ir_version=8), given


@EACH_OF_ONNX
def test_values_are_those_of_the_reference_of_onnx(name):
    reference = pytest.importorskip("onnx.reference")
    run = Run("onnx", name)
    model, given = node(name, run, np.float64)
    (Y,) = reference.ReferenceEvaluator(model).run(None, given)
    assert close(run.hs, Y[:, 0].transpose(0, 2, 1))


@pytest.mark.parametrize("name", [name for name in ONNX if name != "rnn"])  # which it does not have
def test_values_are_those_of_onnxruntime(name):
    runtime = pytest.importorskip("onnxruntime")
    run = Run("onnx", name, np.float32)  # its only type
    model, given = node(name, run, np.float32)
    session = runtime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    (Y,) = session.run(None, given)
    assert run.hs.dtype == np.float32
    assert close(run.hs, Y[:, 0].transpose(0, 2, 1), 1e-6)


# What cannot be converted


@pytest.mark.parametrize(
    ("where", "name", "change", "message"),
    [
        ("torch", "sancho", {"bias_hh_l0": None}, "bias_hh_l0 is missing; got weight_ih_l0, weight_hh_l0, bias"),
        ("torch", "sancho", dict.fromkeys(WEIGHTS), "weight_ih_l0 is missing; got no arrays"),
        ("torch", "gru", {"weight_ih_l1": (15, 5)}, "weight_ih_l1 has no place: gru in one layer and one direction"),
        ("torch", "rnn", {"bias_hh_l0_reverse": (5,)}, "bias_hh_l0_reverse has no place: rnn in one layer"),
        ("torch", "sancho", {"weight_hr_l0": (3, 5)}, "weight_hr_l0 has no place"),
        ("torch", "gru", {"weight_ih_l0": (20, 2)}, "weight_ih_l0 is (20, 2), expected (15, 2): gru, one direction"),
        ("torch", "gru", {"weight_hh_l0": (15, 4)}, "weight_ih_l0 is (15, 2), expected (12, 2): gru, one direction"),
        ("torch", "gru", {"weight_ih_l0": (15,)}, "weight_ih_l0 is (15,), expected (15, 15)"),
        ("torch", "gru", {"weight_hh_l0": ()}, "weight_ih_l0 is (15, 2), expected (0, 2)"),
        ("torch", "rnn", {"bias_ih_l0": (5, 1)}, "bias_ih_l0 is (5, 1), expected (5,): rnn, one direction, H = 5"),
        ("torch", "rnn", {"bias_hh_l0": (4,)}, "bias_hh_l0 is (4,), expected (5,)"),
        ("onnx", "sancho", {"R": None}, "R is missing; got B, W"),
        ("onnx", "sancho", {"P": (1, 15)}, "P has no place: sancho in one layer and one direction has W, R, B"),
        ("onnx", "gru", {"W": (2, 15, 2)}, "W is (2, 15, 2), expected (1, 15, 2): gru, one direction, H = 5, X = 2"),
        ("onnx", "gru", {"R": (2, 15, 5)}, "R is (2, 15, 5), expected (1, 15, 5)"),
        ("onnx", "gru", {"B": (2, 30)}, "B is (2, 30), expected (1, 30)"),
        ("onnx", "gru", {"B": (1, 29)}, "B is (1, 29), expected (1, 30)"),
        ("onnx", "peephole", {"P": (1, 21)}, "P is (1, 21), expected (1, 15): peephole, one direction, H = 5, X = 2"),
    ],
)  # fmt: skip
def test_arrays_that_do_not_fit(where, name, change, message):
    arrays = stored(where, name) | {key: shape and np.ones(shape) for key, shape in change.items()}
    arrays |= {key: np.array(1.0) for key, shape in change.items() if shape == ()}
    with pytest.raises(ValueError, match="^" + re.escape(message)):
        converters(where)[0](name, {key: a for key, a in arrays.items() if a is not None})


@pytest.mark.parametrize(("where", "name"), WAYS, ids=lambda part: part)
def test_parameters_that_do_not_fit(where, name):
    there = converters(where)[1]
    ours = parameters(MODELS[name], H, X, np.random.default_rng(0))
    R, b = (next(key for key in ours if key[0] == kind) for kind in "Rb")
    for change, message in [
        ({R: None}, f"{name}: the parameter {R} is missing; there are {', '.join(ours)}"),
        ({"W_y": np.ones((1, H))}, f"{name}: the parameter W_y is unknown; there are {', '.join(ours)}"),
        ({R: np.ones((H, X))}, f"{name}: {R} is 5×2, expected 5×5 for a state of 5 and an x of 2 components"),
        ({b: np.ones(H)}, f"{name}: {b} is 5 (1-D), expected 5×1 for a state of 5"),
    ]:
        wrong = {key: a for key, a in (ours | change).items() if a is not None}
        with pytest.raises(ValueError, match="^" + re.escape(message)):
            there(name, wrong)
    with pytest.raises(ValueError, match=f"^{name}: the parameter .* is missing"):
        there(name, {})


@pytest.mark.parametrize(
    ("convert", "name", "message"),
    [
        (from_torch, "peephole", "'peephole' has no layout in torch; sancho, gru, rnn have"),
        (to_torch, "gru-before", "'gru-before' has no layout in torch; sancho, gru, rnn have"),
        (from_onnx, "slides", "'slides' has no layout in ONNX; sancho, peephole, gru, gru-before, rnn have"),
        (to_onnx, "gru-takes", "'gru-takes' has no layout in ONNX; sancho, peephole, gru, gru-before, rnn have"),
    ],
)
def test_models_without_a_layout(convert, name, message):
    with pytest.raises(ValueError, match=f"^{message}$"):
        convert(name, {})
