"""Names as authors write them, in one form: C_{t-1}, Ct-1, c^{<t-1>}, W_fC, z24, C̃_t, W^y_{jk}."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import lru_cache
from itertools import pairwise
from typing import Any, NamedTuple

from tinyad.derivation.language.abbreviations import Abbreviation
from tinyad.derivation.language.latex_commands import GREEK
from tinyad.derivation.language.limits import BOUND_KEYS, INDEX_DIGITS, PRODUCT_LETTERS
from tinyad.derivation.language.syntax_tree import Node, Ref, Token

PI = ("π", "pi")  # 3.14…, where no declaration and no equation says what else it is
GREEK_LETTERS = GREEK | {letter: name for name, letter in GREEK.items()}
ACCENTS = {"tilde": "\u0303", "hat": "\u0302", "bar": "\u0304"}
FUNCTIONS = {
    "σ": "sigmoid", "sigmoid": "sigmoid", "tanh": "tanh", "softmax": "softmax", "log": "log", "ln": "log", "exp": "exp",
    "sqrt": "sqrt", "diag": "diag", "tr": "tr", "sum": "sum", "log_softmax": "log_softmax",
    "rowsum": "sum_axis1", "colsum": "sum_axis0",
    "softmax_rows": "softmax_rows", "upper": "upper", "under": "under", "relu": "relu", "ReLU": "relu",
    "sinh": "sinh", "cosh": "cosh", "sech": "sech", "sin": "sin", "cos": "cos",
    "softplus": "softplus", "erf": "erf", "tan": "tan", "arctan": "arctan", "atan": "arctan", "step": "step",
    "heaviside": "step", "abs": "abs", "sign": "sign", "sgn": "sign", "max": "max", "min": "min", "amax": "amax",
    "amin": "amin", "maximum": "max", "minimum": "min", "mean": "mean", "var": "var", "Var": "var", "det": "det",
    "logdet": "logdet", "std": "std", "where": "where", "outer": "outer", "dot": "dot", "matmul": "dot", "mm": "dot",
    "multiply": "multiply", "square": "square", "inv": "inv", "transpose": "transpose", "power": "**",
    "expit": "sigmoid", "Sigmoid": "sigmoid", "Softmax": "softmax", "SoftMax": "softmax", "Tanh": "tanh",
    "Relu": "relu",
    "log1p": "log1p", "expm1": "expm1", "inner": "inner", "norm": "norm",
    "np.mean": "mean", "np.var": "var", "np.std": "std",  # beside names such as var
    "vec": "vec", "kron": "kron", "trace": "tr", "Trace": "tr", "Tr": "tr", "Diag": "diag",
}  # fmt: skip


def exponent(text: str) -> float | None:
    """Return an exponent that is a number other than -1 and 2, 3 or -1/2 or 0.5, by its signs; None for others."""
    above, slash, below = text.removeprefix("-").partition("/")
    digits = above.replace(".", "", 1)
    if not (digits.isascii() and digits.isdigit() and len(digits) <= INDEX_DIGITS) or slash > below:
        return None
    if slash and not (below.isascii() and below.isdigit() and len(below) <= INDEX_DIGITS and int(below)):
        return None
    number = float(above) / (float(below) if slash else 1.0)
    return -number if text.startswith("-") else number


def power_text(group: Sequence[Token]) -> str:
    """Return an exponent by its signs, 1/2 for a fraction of LaTeX too."""
    inner, _ = unbracketed(group)
    texts = ["/" if a.kind == ")group" and b.kind == "group(" else a.text for a, b in pairwise((*inner, *inner[-1:]))]
    return "".join(texts).replace("frac", "")


class Scripts(NamedTuple):
    """The scripts of a name by their meaning."""

    below: str = ""
    above: str = ""
    time: tuple[str, int] | None = None
    indices: tuple[str, ...] = ()
    powers: tuple[str, ...] = ()  # "T", "2", "-1": operations on the value, in order


class Names:
    """The names that a derivation declares or computes, and the letters with a meaning."""

    def __init__(self) -> None:
        self.loss = "L"
        self.time = "t"
        self.last = ""  # T, of a sequence t = 1..T; "" for one time step
        self.has_layers = False  # a number in brackets above a name counts layers, as in W^{[1]}, and is no time
        self.indices: set[str] = set()
        self.families: dict[str, tuple[str, ...]] = {}
        self.functions: dict[str, str] = dict(FUNCTIONS)
        self.instances: dict[str, tuple[str, str]] = {}  # f_g → (θ, g), of a function f_θ
        self.known: dict[str, bool] = {}  # key → whether it is used with a time
        self.differentials = False
        self.abbreviations: dict[str, list[Abbreviation]] = {}  # key → the formulas of derivatives that it stands for
        self.bars = False  # whether ā is the derivative of the loss for a
        self.pi_is_name = False  # whether π has an index or is derived for: no 3.14…
        self.e_is_name = False  # whether e is no number where it is transposed or squared
        self.exponents: set[str] = set()  # letters that are numbers above names, α of x^α
        self.layered: set[str] = set()  # names whose index says which layer they are of: net_j, net_k
        self.applied: dict[str, str] = {}  # names that were computed with arguments, f of f(x) = ..., and these
        self.squared: set[str] = set()  # letters of names with a square, σ of σ^2 = ...
        self.primed: set[str] = set()  # letters of names that were declared or computed with a prime: W of W'
        self.bracketed = False  # whether indices stand in brackets: S[i]
        self.primed_indices: dict[str, str] = {}  # j of an index j' → the letter in its place
        self.logarithms: set[str] = set()  # p of log p(x) = …, which is one name
        self.entries: dict[str, str] = {}  # a of a_{ij} → A, where A = (a_{ij})
        self.of_loss: set[str] = set()  # keys of a loss that is derived without its script: J_neg, where ∂J/∂w stands
        self.last_from_0: set[str] = set()  # n of Σ_{k=0}^n, where n is no size: all values are summed over
        self.sets: dict[str, str] = {}  # letter of an index → the set that it runs over, as in Σ_{i ∈ I}
        self.with_index: dict[str, Ref] = {}  # letter of an index → the name that had it last in this line
        self.bound: list[str] = []  # indices of the left-hand side, and of sums around what is read
        self.read_members: dict[tuple[Any, ...], Node] = {}  # tokens → the formula they make, with these names
        self._flat: dict[str, list[str]] = {}
        self._letters: dict[str, list[str]] = {}

    def is_pi(self, key: str) -> bool:
        """Return whether a name is the number π, which nothing declares, computes or derives for."""
        return key in PI and not self.pi_is_name and not self.is_known(key)

    @contextmanager
    def binding(self, letters: Sequence[str]) -> Iterator[None]:
        """Let indices be bound inside this context: by a sum, or by the name that is derived for."""
        count = len(self.bound)
        self.bound += letters
        try:
            yield
        finally:
            del self.bound[count:]

    def add(self, ref: Ref) -> None:
        """Make a name known."""
        self.read_members.clear()
        timed = ref.time is not None
        if ref.key not in self.known:
            self._flat.setdefault(re.sub("[_^]", "", ref.key), []).append(ref.key)
        self.known[ref.key] = self.known.get(ref.key, False) or timed

    def with_primes(self, tokens: Sequence[Token]) -> Sequence[Token]:
        """Return tokens in which a prime is part of the name before it, where a name with a prime is known."""
        tokens = self.with_own_signs(tokens)
        if self.squared:
            tokens = self.with_squares(tokens)
        if not self.primed or not any(t.text == "'" for t in tokens):
            return tokens
        joined: list[Token] = []
        for token in tokens:
            before = joined[-1] if joined else token
            letters = before.text.rstrip("'")
            primes = (token.kind, token.text) == ("op", "'") and before.kind == "word"
            if primes and (letters in self.primed or letters[1:] in self.primed):
                joined[-1] = before._replace(text=before.text + "'", end=token.end)
            else:
                joined.append(token)
        return joined

    def with_own_signs(self, tokens: Sequence[Token]) -> Sequence[Token]:
        """Return tokens in which log p, S[i] and the index j' are read as their author means them."""
        if self.logarithms:
            tokens = self.with_logarithms(tokens)
        if self.bracketed:
            tokens = _with_indices_below(tokens)
        return self.with_primed_indices(tokens) if self.primed_indices else tokens

    def with_primed_indices(self, tokens: Sequence[Token]) -> Sequence[Token]:
        """Return tokens in which the j' of a script is another letter."""
        read, depth, script = list[Token](), 0, -1
        for k, token in enumerate(tokens):
            depth += {"group(": 1, ")group": -1}.get(token.kind, 0)
            if token.kind == "group(" and script < 0 and tokens[k - 1].text in ("_", "^"):
                script = depth
            elif token.kind == ")group" and depth < script:
                script = -1
            prime = token[:2] == ("op", "'") and script > 0 and read and read[-1].text in self.primed_indices
            if prime:
                read[-1] = read[-1]._replace(text=self.primed_indices[read[-1].text], end=token.end)
            else:
                read.append(token)
        return read

    def with_logarithms(self, tokens: Sequence[Token]) -> Sequence[Token]:
        """Return tokens in which log p is one name, with what it is applied to."""
        joined: list[Token] = []
        at = 0
        while at < len(tokens):
            token, after = tokens[at], tokens[at + 1] if at + 1 < len(tokens) else None
            if after is None or token.text != "log" or after.text not in self.logarithms:
                joined.append(token)
                at += 1
                continue
            at += 2
            if at < len(tokens) and tokens[at].kind == "open":
                at = next((k + 1 for k in range(at, len(tokens)) if tokens[k].kind == "close"), at)
            joined.append(token._replace(text=f"log{after.text}", end=tokens[at - 1].end))
        return joined

    def with_squares(self, tokens: Sequence[Token]) -> Sequence[Token]:
        """Return tokens in which the 2 of σ^2 and σ_j^2 is part of the name, where σ^2 is a name."""
        joined: list[Token] = []
        at = 0
        while at < len(tokens):
            token = tokens[at]
            joined.append(token)
            at += 1
            if token.kind != "word" or not {token.text, token.text[1:]} & self.squared:
                continue
            name = len(joined) - 1
            if [t.text for t in tokens[at : at + 4]] == ["^", "", "2", ""]:
                joined[name] = token._replace(text=token.text + "²", end=tokens[at + 3].end)
                at += 4
                continue
            if at < len(tokens) and tokens[at].text == "_":
                end = next(k for k in range(at, len(tokens)) if tokens[k].kind == ")group") + 1
                joined += tokens[at:end]
                at = end
            if [t.text for t in tokens[at : at + 4]] == ["^", "", "2", ""]:
                joined[name] = joined[name]._replace(text=joined[name].text + "²")
                joined[-1] = joined[-1]._replace(end=tokens[at + 3].end)
                at += 4
            elif [t.text for t in tokens[at : at + 4]] == ["^", "", "4", ""]:  # of σ^4
                joined[name] = joined[name]._replace(text=joined[name].text + "²")
                joined += [tokens[at], tokens[at + 1], tokens[at + 2]._replace(text="2"), tokens[at + 3]]
                at += 4
        return joined

    def is_known(self, key: str) -> bool:
        """Return whether a name, or every member of a family's letter in it, was declared or computed."""
        return key in self.known or any(
            all(member in self.known for member in self.members(key, letter)) for letter in self.letters(key)
        )

    def letters(self, key: str) -> list[str]:
        """Return the family letters in a key."""
        if key not in self._letters:
            self._letters[key] = [letter for letter in self.families if letter in re.split("[_^]", key)]
        return self._letters[key]

    def members(self, key: str, letter: str) -> list[str]:
        """Return the keys with each member of a family for its letter."""
        return [bound(key, letter, member) for member in self.families[letter]]

    @staticmethod
    def parts_of(key: str) -> list[str]:
        """Return the letter of a key and its scripts."""
        return re.split("[_^]", key)

    def instances_of(self, key: str) -> list[str]:
        """Return the keys that a key with family letters stands for."""
        keys = [key]
        for letter in self.letters(key):
            keys = [member for key in keys for member in self.members(key, letter)]
        return keys

    def timed(self, key: str) -> bool:
        """Return whether a name is used with a time."""
        letters = self.letters(key)
        return self.known.get(self.members(key, letters[0])[0] if letters else key, False)

    def scripts(self, groups: Sequence[tuple[str, Sequence[Token]]]) -> Scripts:
        """Return the scripts of a name by their meaning, from [("_" or "^", tokens), ...]."""
        scripts = Scripts()
        for sign, group in groups:
            inner, bracketed = unbracketed(group)
            for item in _items(inner):
                name, power = _with_power_apart(item) if sign == "^" else (item, ())
                if name:
                    scripts = self._with_item(scripts, sign, name, bracketed or len(name) < len(item))
                scripts = scripts._replace(powers=(*scripts.powers, *power))
        return scripts

    def _with_item(self, scripts: Scripts, sign: str, item: Sequence[Token], bracketed: bool) -> Scripts:
        text = "".join(token.text for token in item)
        time = self._time(item, bracketed, sign)
        if time is not None:
            return scripts._replace(time=time)
        if sign == "^" and not bracketed and text in ("T", "⊤", "2", "-1", "'"):
            return scripts._replace(powers=(*scripts.powers, "T" if text in ("⊤", "'") else text))
        below = sign == "_" or (bracketed and len(text) == 1)  # x_i, and x^{(i)} of example i
        if below and text and all(c in self.indices for c in text):
            return scripts._replace(indices=(*scripts.indices, *text))
        if sign == "_":
            return scripts._replace(below=scripts.below + text)
        layer = self.has_layers and bracketed and text.isdigit()
        return scripts._replace(above=scripts.above + (f"[{text}]" if layer else text))

    def _time(self, item: Sequence[Token], bracketed: bool, sign: str) -> tuple[str, int] | None:
        """Return t, t - 1, (t + 1), (2) or T as a time, or None for anything else."""
        texts = [token.text for token in item]
        if texts and texts[0] in (self.time, self.last or self.time):
            letter = "t" if texts[0] == self.time else "T"
            if len(texts) == 1:
                return (letter, 0) if letter == "t" or sign == "_" or bracketed or self.last != "T" else None
            if len(texts) == 3 and texts[1] in "+-" and texts[2].isdigit() and len(texts[2]) <= INDEX_DIGITS:
                return letter, int(texts[1] + texts[2])
            return None
        if (
            len(texts) == 1
            and texts[0].isdigit()
            and len(texts[0]) <= INDEX_DIGITS
            and bracketed
            and not self.has_layers
        ):
            return "=", int(texts[0])
        return None

    def ref(self, word: str, scripts: Scripts) -> Ref:
        """Return the name that a word and these scripts make."""
        if word == "_":  # _3, a result without a name
            word, scripts = word + scripts.below, scripts._replace(below="")
        base, digits = _apart(word)
        below = digits + scripts.below
        if below in ACCENTS:
            base, below = base + ACCENTS[below], ""
        if base.startswith("tilde") and len(base) > len("tilde"):
            base = base.removeprefix("tilde") + ACCENTS["tilde"]
        time = scripts.time
        base = self._in_other_letters(base, below, scripts)
        if base in self.layered and not below:
            below = "".join(scripts.indices)
        key = base + f"_{below}" * bool(below) + f"^{scripts.above}" * bool(scripts.above)
        if (
            below.isdigit()
            and len(below) <= INDEX_DIGITS
            and not self.is_known(key)
            and self.last
            and self.timed(without := _without(base, scripts))
        ):
            key, time = without, ("=", int(below))  # h_0
        key = self.loss if key in self.of_loss else self.entries.get(key, key) if scripts.indices else key
        ref = Ref(key, time, scripts.indices)
        self.with_index |= dict.fromkeys(scripts.indices if self.is_known(key) else (), ref)
        return ref

    def _in_other_letters(self, base: str, below: str, scripts: Scripts) -> str:
        """Return gamma as γ, and γ as gamma, where only the other one is known."""
        other = GREEK_LETTERS.get(base)
        if other is None:
            return base
        end = f"_{below}" * bool(below) + f"^{scripts.above}" * bool(scripts.above)
        return other if not self.is_known(base + end) and self.is_known(other + end) else base

    @staticmethod
    def ref_without_above(ref: Ref) -> str:
        """Return the key of a name without what stands above it."""
        return ref.key.partition("^")[0]

    def flat(self, word: str) -> list[Ref]:
        """Return the known names that a word can be if scripts stand on the line: WfC, ft, z24."""
        refs = [Ref(key) for key in self._flat.get(word, ())]
        if word.endswith(self.time) and len(word) > 1:
            stem = word.removesuffix(self.time)
            refs += [Ref(key, ("t", 0)) for key in self._flat.get(stem, ()) if self.known[key]]
            refs += [Ref(stem, ("t", 0))] if stem not in self._flat and self.is_known(stem) and self.timed(stem) else []
        return refs

    def products(self, word: str) -> list[list[Ref]]:
        """Return the readings of a word as two known names or more, at most three readings."""
        readings: list[list[Ref]] = []
        open_: list[tuple[int, list[Ref]]] = [(0, [])]
        while open_ and len(readings) < 3 and len(word) <= PRODUCT_LETTERS:
            at, refs = open_.pop()
            if at == len(word):
                readings += [refs] if len(refs) > 1 else []
                continue
            for end in range(at + 1, len(word) + 1):
                open_ += [(end, [*refs, ref]) for ref in self.flat(word[at:end])]
        return readings


def _with_indices_below(tokens: Sequence[Token]) -> list[Token]:
    """Return tokens with S_{ij} in the place of S[i, j]."""
    read, at = list[Token](), 0
    while at < len(tokens):
        token = tokens[at]
        close = next((k for k in range(at, min(at + 6, len(tokens))) if tokens[k].text == "]"), -1)
        inner = tokens[at + 1 : close]
        letters = bool(inner) and all(t.text == "," or (t.kind == "word" and t.text.islower()) for t in inner)
        if token[:2] == ("open", "[") and not token.spaced and read and read[-1].kind == "word" and letters:
            read.append(Token("op", "_", token.start, token.start))
            read.append(Token("group(", "", token.start, token.end))
            read += [t for t in inner if t.text != ","]
            read.append(Token(")group", "", tokens[close].start, tokens[close].end))
            at = close + 1
        else:
            read.append(token)
            at += 1
    return read


@lru_cache(maxsize=BOUND_KEYS)
def bound(key: str, letter: str, member: str) -> str:
    """Return the key with a family's letter replaced by one of its members."""
    return "".join(member if part == letter else part for part in re.split("([_^])", key))


def _with_power_apart(item: Sequence[Token]) -> tuple[Sequence[Token], tuple[str, ...]]:
    """Return a superscript without its powers, and these: T of (t-1)T, -1 and T of -T, 3 of ∘3."""
    texts = [token.text for token in item]
    if texts[:1] in (["-"], ["∘"]) and len(texts) > 1:
        if texts in (["-", "T"], ["-", "⊤"]):
            return (), ("-1", "T")
        power = exponent("".join(texts[1:])) if texts[0] == "∘" else None
        return (item, ()) if power is None else ((), ("∘" + "".join(texts[1:]),))
    if len(texts) > 2 and texts[-2] in (")", "]", ">", "⟩") and texts[-1] in ("T", "⊤", "'", "2"):
        return unbracketed(item[:-1])[0], ("2" if texts[-1] == "2" else "T",)
    return item, ()


def _without(base: str, scripts: Scripts) -> str:
    return base + f"^{scripts.above}" * bool(scripts.above)


def _apart(word: str) -> tuple[str, str]:
    """Return a word and the digits at its end: z24 → z, 24."""
    base = word.rstrip("0123456789")
    return (base, word[len(base) :]) if base else (word, "")


def unbracketed(group: Sequence[Token]) -> tuple[Sequence[Token], bool]:
    """Return a script without the brackets around it, and whether there were any."""
    while len(group) > 2 and group[0].text in ("(", "<", "⟨", "[") and group[-1].text in (")", ">", "⟩", "]"):
        return group[1:-1], True
    return group, False


def _items(group: Sequence[Token]) -> Iterator[list[Token]]:
    """Yield the items that commas separate."""
    item: list[Token] = []
    for token in group:
        if token.kind == "op" and token.text == ",":
            yield item
            item = []
        elif token.kind not in ("group(", ")group") and token.text != "_":
            item.append(token)
    if item:
        yield item
