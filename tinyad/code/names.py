"""What a name of a backward pass is the derivative for: dX, dL_dX, grad_X, X_grad, delta_X, self.dX, grads["X"]."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from enum import StrEnum
from typing import NamedTuple


class Share(StrEnum):
    """How much of a derivative a name holds."""

    ALL = "all"
    PART = "part"  # that through some of the uses: dh_next, dx1
    LOCAL = "local"  # all of it, or the part that one pass of a loop sees: dh_t


class Meaning(NamedTuple):
    """A name of the forward pass whose derivative a name of the backward pass is, and how much of it."""

    name: str
    share: Share


# fmt: off
PATTERNS = (                                      # what is around the name, the commonest first
    r"d_?(?:L|l|J|j|E|C|loss|cost|err|mse|error)_?d_?(?P<x>\w+)",  # dL_dX, dLdX, dj_dx, dloss_dX
    r"d_?(?:loss|cost|Loss|Cost)_?(?P<x>\w+)",           # dloss_X
    r"d_?(?P<x>\w+)",                                    # dX, d_X
    r"(?:grads?|gradients?|delta|del|nabla|partial|adj|bar)_?(?P<x>\w+)",
    r"g_?(?P<x>\w+)",                                    # gX
    r"D_?(?P<x>\w+)",
    r"(?P<x>\w+?)_?(?:grads?|gradients?|delta|bar|adj|g)",  # X_grad
)
# fmt: on
CONTAINERS = re.compile(r"(?:\w+\.)*(?:d?grads?|gradients?|dparams?|d?parameters|derivatives|dweights?|deltas?|g|d)$")
PARAMETERS = re.compile(r"(?:param|parameter|weight)s?$")
LATER = re.compile(r"_?(?:next|prev|previous|carry|in|rec|recurrent|from_next|future|later)_?\d*$|^(?:next|prev)_?")
TOTAL = re.compile(r"_?(?:total|tot|acc|sum|all)$")
HERE = re.compile(r"_?(?:t|i|j|k|n|step|local|tmp|temp|new|raw|cur|curr|here)$")
NUMBERED = re.compile(r"_?(?:\d+|[ab])$")
DELTA = re.compile(r"(?:delta|d|error|err)_?(?P<x>\d*)$")
LONGER = {"w": ("weights", "weight", "kernel", "theta"), "b": ("biases", "bias", "intercept")}
LOSS = re.compile(
    r"(?:\w*_)?(?:loss|cost|nll|objective|error|energy|[mrs]se|bce)(?:_\w+)?$|^[LJEC]$", re.IGNORECASE
)  # of one number
DERIVATIVE = re.compile(
    r"(?:d[A-Z_]|D_[a-zA-Z]\d*$|d\w+|d$|grad|delta|nabla|g[A-Z_])|\w+_(?:bar|delta)$|\w+?_?[gG]rad(?:ient)?s?$"
)
LABELS = re.compile(r"(?:y|t)_?(?:true|train|real|batch)?$|\w*(?:target|label|truth|true|gt)s?$", re.IGNORECASE)
OUTPUT = re.compile(
    r"(?:out|outputs?|results?|values?|probs?|scores?|logits|[yaA]\d*|AL|y_?hat|\w*pred\w*|activations?)$"
)
INPUT = re.compile(r"in(?:put|puts)?$")
UPSTREAM = re.compile(
    r"(?:d_?(?:out|output|outputs|y|Y|o|top|up|upstream|values?|z|L|loss)|upstream\w*|up|grad|grads|g|gy|gout|dout\w*"
    r"|grad_?(?:out|output|outputs|y)|top_grad|output_grad\w*|out_grad|delta|cotangent|adjoint|ct|error|err|eta)$"
)


def last_part(name: str) -> str:
    """Return the last part of a dotted name: dW of self.dW."""
    return name.rsplit(".", 1)[-1]


def stripped(name: str) -> list[str]:
    """Return what a name would be the derivative for, by its form alone: dL_dX gives X, and also L_dX."""
    found = []
    for pattern in PATTERNS:
        match = re.fullmatch(pattern, name)
        if match and match["x"].strip("_"):
            found.append(match["x"].strip("_"))
    return list(dict.fromkeys(found))


def looks_like_derivative(name: str) -> bool:
    """Return whether a name looks like that of a derivative: short prefixes count only before a name of some form."""
    return bool(DERIVATIVE.match(last_part(name)))


class Meanings:
    """The meaning of the names of a backward pass, from the names of its forward pass.

    declared: what the user says, name → name of the forward.  forward: all names of the forward pass.  argument: its
    first argument, which dinputs and grad_input are the derivatives for.
    """

    def __init__(self, forward: Collection[str], declared: Mapping[str, str] | None = None, argument: str = "") -> None:
        self.argument = argument
        self.forward = dict.fromkeys(forward)
        self.declared = dict(declared or {})
        self.loose: dict[str, list[str]] = {}
        for name in self.forward:
            self.loose.setdefault(_loose(name), []).append(name)
        self.memo: dict[tuple[str, object], tuple[Meaning, ...]] = {}

    def of(self, name: str, key: object = None) -> tuple[Meaning, ...]:
        """Return the meanings of a name, the likeliest first; key: of the item of a list or dict that it names."""
        if isinstance(key, int) and CONTAINERS.match(name):
            return tuple(Meaning(x, Share.ALL) for x in self.forward if PARAMETERS.match(x))
        memo_key = (name, key if isinstance(key, str) else None)
        if memo_key not in self.memo:
            self.memo[memo_key] = tuple(self._of(name, memo_key[1]))
        return self.memo[memo_key]

    def _of(self, name: str, key: str | None) -> list[Meaning]:
        for declared in (f"{name}[{key!r}]", key or "", name, last_part(name)):
            if declared in self.declared:
                return [Meaning(self.declared[declared], Share.ALL)]
        if key is not None:
            found = self.by_form(key)
            if not found and CONTAINERS.match(name):
                found = [Meaning(x, Share.ALL) for x in self.known(key)]
            return found
        return self.by_form(last_part(name)) if last_part(name) not in self.forward else []

    def known(self, x: str) -> list[str]:
        """Return the forward's names that x may stand for: itself, else one that differs in case or underscores."""
        if x in self.forward:
            return [x]
        loose = self.loose.get(_loose(x), [])
        if len(loose) == 1:
            return loose
        longer = LONGER.get(x.rstrip("0123456789").lower(), ())
        number = x[len(x.rstrip("0123456789")) :]
        others = [x + "s", x + "es", x.rstrip("s"), *(name + number for name in longer)]
        return [name for name in others if name in self.forward][:1]

    def by_form(self, name: str) -> list[Meaning]:
        """Return the meanings of a plain name."""
        forms = stripped(name)
        given = [Meaning(self.argument, Share.ALL)] if self.argument and any(map(INPUT.match, forms)) else []
        for form in forms:
            if known := self.known(form):
                shares = [Meaning(x, Share.ALL) for x in known]
                return shares + [m for m in [*self.parts(form), *given] if m not in shares]
        for form in forms:
            if parts := self.parts(form):
                return parts
        if given:
            return given
        delta = DELTA.match(name)
        if delta:
            found = [
                x for letter in "zZaA" for x in self.known(letter + delta["x"]) if letter + delta["x"] in self.forward
            ]
            return [Meaning(x, Share.ALL) for x in dict.fromkeys(found)]
        return []

    def parts(self, form: str) -> list[Meaning]:
        """Return the meanings of names such as h_next, x1 and W_total, where the forward has h, x and W only."""
        for ending, share in (
            (LATER, Share.PART),
            (TOTAL, Share.ALL),
            (HERE, Share.LOCAL),
            (NUMBERED, Share.LOCAL),
        ):
            rest = ending.sub("", form)
            if rest and rest != form and (known := self.known(rest)):
                return [Meaning(x, share) for x in known]
        return []


def _loose(name: str) -> str:
    return name.replace("_", "").lower()


def abbreviates(name: str, of: str) -> bool:
    """Return whether the words of a name stand in another one in their order, as those of CenterVec in centerWordVec.

    Words may be cut short after three letters, or be in the plural.
    """
    words = iter(_words(of))
    return bool(name) and all(any(_same_word(part, word) for word in words) for part in _words(name))


def _words(name: str) -> list[str]:
    return [word.lower().rstrip("s") for word in re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+", name)]


def _same_word(word: str, other: str) -> bool:
    short, long = sorted((word, other), key=len)
    return word == other or (len(short) > 2 and long.startswith(short))


def canonical(name: str) -> str:
    """Return a name without what it is reached by: W of self.W, W1 of parameters["W1"] and of self.params["W1"]."""
    match = re.search(r"\[(['\"])(\w+)\1\]$", name)
    return match[2] if match else last_part(name)


def stem(function: str) -> str:
    """Return the name of a function without what says that it is a forward or a backward pass."""
    *owner, last = function.split(".")
    plain = FORWARD_OR_BACKWARD.sub("", last).strip("_")
    return ".".join([*owner, plain])


FORWARD_OR_BACKWARD = re.compile(
    r"_?(?:feed_?forward|forward|backward|fwd|bwd|fprop|bprop|back_?prop(?:agat\w+)?|gradients?|grads?|vjp|prime|derivative|deriv"
    r"|propagation|propagate|prop|pass|__call__|call)(?=_|$)|^(?:forward|backward|backprop|grad|d)_|(?<=[a-z])(?:Forward|Backward|Grad)$"
)
