"""Kinds of mistakes in the code of a loop: each is named from final gradients alone, and once."""

import numpy as np
import pytest

from tests.support.planted import changed
from tests.support.points import draw
from tinyad import Tape, compare, log, sigmoid, softmax, tanh

H, X, B, T = 3, 2, 3, 4


def rnn():
    """A network with a softmax at every time step; its inputs and classes have no names."""
    tape, rng = Tape(), np.random.default_rng(0)
    shapes = {"W": (H, X), "U": (H, H), "b": (H, 1), "V": (4, H), "c": (4, 1), "h0": (H, B)}
    v = tape.variables(**{name: draw(shape, k) for k, (name, shape) in enumerate(shapes.items())})
    xs = [None, *(draw((X, B), 100 + t) for t in range(T))]
    ys = [None, *(np.eye(4)[:, rng.integers(0, 4, B)] for _ in range(T))]
    h, s, L = v["h0"], {"h": [v["h0"].value], "p": [None]}, 0
    for t in range(1, T + 1):
        a = v["W"] @ xs[t] + v["U"] @ h + v["b"]
        h = tanh(a)
        o = v["V"] @ h + v["c"]
        p = softmax(o)
        L = L - np.sum(ys[t] * log(p))
        tape.name({"a": a, "h": h, "o": o, "p": p}, step=t)
        s["h"].append(h.value)
        s["p"].append(p.value)
    tape.name({"L": L})
    return tape.backward("L"), {n: x.value for n, x in v.items()}, xs, ys, s


def rnn_by_hand(v, x, y, s):
    h, p, d = s["h"], s["p"], {n: np.zeros_like(a) for n, a in v.items()}
    for t in range(T, 0, -1):
        do = p[t] - y[t]
        d["V"] += do @ h[t].T
        d["c"] += do.sum(1, keepdims=True)
        dh = v["V"].T @ do + d["h0"]
        da = dh * (1 - h[t] ** 2)
        d["W"] += da @ x[t].T
        d["U"] += da @ h[t - 1].T
        d["b"] += da.sum(1, keepdims=True)
        d["h0"] = v["U"].T @ da
    return d


def gru():
    tape = Tape()
    shapes = {f"{k}{g}": shape for g in "zrn" for k, shape in {"W": (H, X), "U": (H, H), "b": (H, 1)}.items()}
    v = tape.variables(**{name: draw(shape, 40 + k) for k, (name, shape) in enumerate(shapes.items())})
    v |= tape.variables(h0=draw((H, B), 7))
    xs = [None, *(draw((X, B), 100 + t) for t in range(T))]
    h, seeds, s = v["h0"], {}, {"h": [v["h0"].value]} | {n: [None] for n in "zrn"}
    for t in range(1, T + 1):
        a = {g: v[f"W{g}"] @ xs[t] + v[f"U{g}"] @ h + v[f"b{g}"] for g in "zr"}
        z, r = sigmoid(a["z"]), sigmoid(a["r"])
        q = r * h
        n = tanh(v["Wn"] @ xs[t] + v["Un"] @ q + v["bn"])
        h = z * h + (1 - z) * n
        tape.name({"az": a["z"], "ar": a["r"], "z": z, "r": r, "q": q, "n": n, "h": h}, step=t)
        for name, value in {"z": z, "r": r, "n": n, "h": h}.items():
            s[name].append(value.value)
        seeds[f"h[{t}]"] = draw((B, H), 200 + t)
    return (
        tape.backward(seeds),
        {n: x.value for n, x in v.items()},
        xs,
        {t: a.T for t, a in enumerate(seeds.values(), 1)},
        s,
    )


def gru_by_hand(v, x, seeds, s):
    d = {name: np.zeros_like(a) for name, a in v.items()}
    for t in range(T, 0, -1):
        z, r, n = s["z"][t], s["r"][t], s["n"][t]
        before = s["h"][t - 1]
        q = r * s["h"][t - 1]
        dh = seeds[t] + d["h0"]
        dn = dh * (1 - z) * (1 - n**2)
        dq = v["Un"].T @ dn
        dz = dh * (before - n) * z * (1 - z)
        dr = dq * before * r * (1 - r)
        d["h0"] = dh * z + dq * r + v["Uz"].T @ dz + v["Ur"].T @ dr
        for g, da, h in (("z", dz, before), ("r", dr, before), ("n", dn, q)):
            d[f"W{g}"] += da @ x[t].T
            d[f"U{g}"] += da @ h.T
            d[f"b{g}"] += da.sum(1, keepdims=True)
    return d


def found_in(model, by_hand, right="", wrong=""):
    d, *given = model()
    names = dict(globals())
    if right:
        changed(by_hand, right, wrong, names)
    return compare(d, names[by_hand.__name__](*given), layout="same")


def test_right_ones_are_right():
    assert found_in(rnn, rnn_by_hand).ok
    assert found_in(gru, gru_by_hand).ok


@pytest.mark.parametrize(
    ("right", "wrong", "name", "says"),
    [
        ("(1 - h[t] ** 2)", "(1 - h[t]) ** 2", "a[4]", "∇h[4] ∘ (1 - tanh(a[4]))² where ∇h[4] ∘ (1 - tanh²(a[4])) bel"),
        ('v["U"].T @ da', "dh", "h[3]", "∇h[4] where Uᵀ * ∇a[4] belongs, in the line of step"),
        ('v["U"].T @ da', 'v["V"].T @ do', "h[3]", "another contribution in the place of one: that of step"),
        ("da @ x[t].T", "da @ x[1].T", "W", "another variable in every contribution: _v"),
        ("p[t] - y[t]", "p[t] - y[1]", "p[4]", "where _v"),
        ("p[t] - y[t]", "y[t] - p[t]", "p[4]", "the sign; a mistake at ∇o[4] would explain it too; the same at 4"),
        ("da @ h[t - 1].T", "s['h'][t] @ h[t - 1].T", "U", "h[4] where ∇a[4] belongs in the line"),
    ],
)
def test_kinds_in_a_recurrent_network(right, wrong, name, says):
    found = found_in(rnn, rnn_by_hand, right, wrong)
    assert found.first_wrong.name == name
    assert says in found.first_wrong.looks_like
    assert len([f for f in found.wrong if f.cause != "inherited"]) == (found.located is None)


@pytest.mark.parametrize(
    ("right", "wrong", "name", "says"),
    [
        ("dh * z + dq", "dh * (1 - z) + dq", "h[3]", "1 - z[4] where z[4] belongs in the line of step"),
        ('("n", dn, q)', '("n", dn, before)', "Un", "another variable in every contribution: h[3] where q[4] belongs"),
        ("seeds[t] + d", "seeds[t] + 0 * d", "h[3]", "the given one is there alone: the contributions of step"),
        ('before = s["h"][t - 1]', 'before = s["h"][t]', "z[4]", "h[4] where h[3] belongs, and so on, in every line"),
    ],
)
def test_kinds_in_a_gated_unit(right, wrong, name, says):
    found = found_in(gru, gru_by_hand, right, wrong)
    assert found.first_wrong.name == name
    assert says in found.first_wrong.looks_like
    assert len([f for f in found.wrong if f.cause != "inherited"]) == (found.located is None)


@pytest.mark.parametrize(
    ("right", "wrong", "says"),
    [
        ("W.T @ da", "W @ da", "W * ∇_16 where Wᵀ * ∇_16 belongs, in the line of step 16"),
        ("dx + W.T", "dx - W.T", "the sign of one contribution: step 16"),
        ("dx + W.T", "dx + 0.3 * W.T", "a factor on one contribution: 3/10 times what it should be: step 16"),
        ("dx + W.T", "W.T", "the contribution of step 20, ∇y, is missing"),
    ],
)
def test_a_loop_without_names_whose_result_has_one(right, wrong, says):
    tape = Tape()
    v = tape.variables(W=draw((3, 3)), b=draw((3, 1), 1), x0=draw((3, 2), 2))
    x, xs, ks = v["x0"], [], []
    for _ in range(T):
        k = tanh(v["W"] @ x + v["b"])
        xs.append(x.value)
        ks.append(k.value)
        x = x + 0.3 * k
    tape.name({"y": x})
    d, names = tape.backward({"y": draw((2, 3), 9)}), {}
    changed(euler_by_hand, right, wrong, names)
    assert compare(d, euler_by_hand(v["W"].value, xs, ks, draw((2, 3), 9).T), layout="same").ok
    found = compare(d, names["euler_by_hand"](v["W"].value, xs, ks, draw((2, 3), 9).T), layout="same")
    assert found.located.looks_like.startswith(says)
    assert found.located.looks_like.endswith("the same at 4 time steps")


def euler_by_hand(W, xs, ks, dx):
    dW, db = 0, 0
    for x, k in zip(xs[::-1], ks[::-1], strict=True):
        da = 0.3 * dx * (1 - k**2)
        dW, db = dW + da @ x.T, db + da.sum(1, keepdims=True)
        dx = dx + W.T @ da
    return {"W": dW, "b": db, "x0": dx}


def test_what_differs_at_the_first_time_step_is_a_line_of_its_own():
    """The forward algorithm of a hidden Markov model: p ∘ E₀ at first, (A α) ∘ Eₜ then."""
    seen, tape = [0, 2, 1, 2], Tape()
    A, E, p = (np.abs(draw(shape, k)) + 0.1 for k, shape in enumerate([(3, 3), (3, 4), (3, 1)]))
    v = tape.variables(A=A, E=E, p=p)
    α = [v["p"] * (v["E"] @ np.eye(4)[:, [seen[0]]])]
    for t in (1, 2, 3):
        α.append((v["A"] @ α[-1]) * (v["E"] @ np.eye(4)[:, [seen[t]]]))
    for t, value in enumerate(α):
        tape.name({"α": value}, step=t)
    d = tape.backward({"α[3]": draw((1, 3), 5)})
    dE = np.zeros_like(E)
    for t in (3, 2, 1):
        dE[:, [seen[t]]] += d[f"α[{t}]"].T * α[t].value  # A @ α[t - 1] belongs
    dE[:, [seen[0]]] += d["α[0]"].T * p
    found = compare(d, {"A": d["A"].T, "p": d["p"].T, "E": dE}, layout="same")
    assert found.first_wrong.looks_like.startswith("α[3] where _")


def test_a_mistake_at_some_time_steps_explains_none_of_the_others():
    """With ∇o given too, the reverse of y[2] would explain ∇o[2], and not the same at other time steps."""
    d, v, xs, ys, s = rnn()
    names = dict(globals())
    changed(rnn_by_hand, "p[t] - y[t]", "p[t] - y[1]", names)
    hand = names["rnn_by_hand"](v, xs, ys, s) | {f"o[{t}]": s["p"][t] - ys[1] for t in range(1, T + 1)}
    found = compare(d, hand, layout="same")
    assert found.first_wrong.name == "p[4]"
    assert "where _v" in found.first_wrong.looks_like
    assert "reverse" not in str(found)


def scaled_loop(r_back=lambda r: r, sign=1):
    """h = tanh(r ∘ h) at three time steps; by hand with something in the place of r, or another sign."""
    tape = Tape()
    r, h = tape.variable(draw((3, 1)), "r"), tape.variable(draw((3, 2), 1), "h0")
    hs = [h]
    for t in range(1, 4):
        hs.append(tanh(r * hs[-1]))
        tape.name({"h": hs[-1]}, step=t)
    d = tape.backward({"h[3]": draw((2, 3), 5)})
    dr, dh = 0, draw((2, 3), 5).T
    for before, after in zip(hs[-2::-1], hs[:0:-1], strict=True):
        da = dh * (1 - after.value**2)
        dr, dh = dr + (da * before.value).sum(1, keepdims=True), sign * da * r_back(r.value)
    return compare(d, {"r": dr, "h0": dh}, layout="same")


def test_a_parameter_in_reverse_order_in_the_one_line_of_a_loop():
    assert scaled_loop().ok
    found = scaled_loop(r_back=lambda r: r[::-1])
    assert found.located.looks_like.startswith("r with its rows in reverse order where r belongs")


def test_the_steps_of_a_sign_at_all_time_steps_are_told():
    found = scaled_loop(sign=-1)
    assert found.located.looks_like == "the sign; the same at 3 time steps"
    assert found.located.steps == (5, 3, 1)
    assert found.wrong_steps == {5: "own", 3: "own", 1: "own"}
