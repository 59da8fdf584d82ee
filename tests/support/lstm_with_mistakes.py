"""An LSTM over time with its backward pass by hand, and one mistake of a kind at every time step."""

import numpy as np

from tests.support.points import draw
from tinyad import Tape, sigmoid, tanh

H, X, B, T = 3, 2, 2, 4
GATES = "fiog"
KINDS = {
    "wrong variable": "c[4] where tanh_c[4] belongs",  # do = dh * c
    "copied line": "f[4] where i[4] belongs",  # the gate i with the derivative of gate f
    "missing contribution": "is missing",  # the carry of c
    "= for +=": "= stood where += belongs",  # the carry of h
    "clashing index": "f[4] where i[4] belongs",  # dg = dc * f
    "transposition": "U_o * ∇a_o[4] where U_oᵀ * ∇a_o[4] belongs",
    "operator": "∇c[4] + i[4] where ∇c[4] ∘ i[4] belongs",
    "time index": "shifted by one time step in every contribution: h[4] where h[3] belongs",
    "no derivative": "the derivative of sigmoid is missing",
    "wrong point": "the derivative of tanh is taken at tanh_c[4] instead of c[4]",
    "saved in place": "c[4] where c[3] belongs",  # every saved c is the last one
    "brackets": "belongs, in the line of step",  # dh * o * 1 - tanh(c) ** 2
    "factor": "a factor",
    "sign": "the sign",
}


def σ(x):
    return 1 / (1 + np.exp(-x))


class LSTM:
    """The tape, its backward pass, and what the hand has."""

    def __init__(self, T=T):
        self.T, self.tape = T, Tape()
        shapes = {f"{k}_{g}": s for g in GATES for k, s in {"W": (H, X), "U": (H, H), "b": (H, 1)}.items()}
        self.p = {name: draw(shape, 40 + k) * 0.8 for k, (name, shape) in enumerate(shapes.items())}
        self.xs = [draw((X, B), 100 + t) for t in range(T)]
        self.start = {"h0": draw((H, B), 7), "c0": draw((H, B), 8)}
        self.dh, self.dc = [draw((H, B), 200 + t) for t in range(T)], draw((H, B), 300)
        v = self.tape.variables(**self.p, **self.start)
        h, c = v["h0"], v["c0"]
        for t in range(T):
            a = {f"a_{g}": v[f"W_{g}"] @ self.xs[t] + v[f"U_{g}"] @ h + v[f"b_{g}"] for g in GATES}
            f, i, o, g = sigmoid(a["a_f"]), sigmoid(a["a_i"]), sigmoid(a["a_o"]), tanh(a["a_g"])
            c = f * c + i * g
            tanh_c = tanh(c)
            h = o * tanh_c
            self.tape.name({**a, "f": f, "i": i, "o": o, "g": g, "c": c, "tanh_c": tanh_c, "h": h}, step=t + 1)
        seeds = {f"h[{t + 1}]": self.dh[t].T for t in range(T)}
        self.d = self.tape.backward(seeds | {f"c[{T}]": self.dc.T})

    def hand(self, mistake="", at=None):
        """Return all derivatives as they come out with a mistake, at every time step or at one: parameters first."""
        s = {t: {n: self.tape[f"{n}[{t}]"].value for n in (*GATES, "c", "tanh_c", "h")} for t in range(1, self.T + 1)}
        s[0] = {"h": self.start["h0"], "c": self.start["c0"]}
        d = {name: np.zeros_like(a) for name, a in self.p.items()}
        dh_next, dc_next = np.zeros((H, B)), self.dc
        for t in range(self.T, 0, -1):
            kind = mistake if at in (None, t) else ""
            v, before = s[t], s[t - 1]
            if kind == "saved in place":
                before = {**before, "c": s[self.T]["c"]}
            dh = dh_next if kind == "= for +=" and t < self.T else self.dh[t - 1] + dh_next
            do = dh * (v["c"] if kind == "wrong variable" else v["tanh_c"])
            dtanh_c = dh * v["o"]
            slope = 1 - (np.tanh(v["tanh_c"]) if kind == "wrong point" else v["tanh_c"]) ** 2
            through = dtanh_c * 1 - v["tanh_c"] ** 2 if kind == "brackets" else dtanh_c * slope
            dc = through if kind == "missing contribution" else dc_next + through
            df = dc * before["c"]
            di = dc * v["g"]
            dg = dc + v["i"] if kind == "operator" else dc * (v["f"] if kind == "clashing index" else v["i"])
            dc_next = dc * v["f"]
            da = {
                "a_f": df * v["f"] * (1 - v["f"]),
                "a_i": di * v["f"] * (1 - v["f"]) if kind == "copied line" else di * v["i"] * (1 - v["i"]),
                "a_o": do if kind == "no derivative" else do * v["o"] * (1 - v["o"]),
                "a_g": (2 if kind == "factor" else -1 if kind == "sign" else 1) * dg * (1 - v["g"] ** 2),
            }
            dh_next = np.zeros((H, B))
            for g in GATES:
                of = v if kind == "time index" and g == "f" else before
                d[f"W_{g}"] = d[f"W_{g}"] + da[f"a_{g}"] @ self.xs[t - 1].T
                d[f"U_{g}"] = d[f"U_{g}"] + da[f"a_{g}"] @ of["h"].T
                d[f"b_{g}"] = d[f"b_{g}"] + da[f"a_{g}"].sum(1, keepdims=True)
                U = self.p[f"U_{g}"]
                dh_next = dh_next + (U if kind == "transposition" and g == "o" else U.T) @ da[f"a_{g}"]
            own = {"h": dh, "o": do, "tanh_c": dtanh_c, "c": dc, "f": df, "i": di, "g": dg, **da}
            d |= {f"{name}[{t}]": a for name, a in own.items()}
        return d | {"h0": dh_next, "c0": dc_next}

    def finals(self, d):
        """Return the derivatives of the parameters and of the states at the start alone."""
        return {name: d[name] for name in (*self.p, *self.start)}
