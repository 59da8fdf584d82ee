"""What letters and signs are in a text, before its names are known: π, σ and e as names, functions, adjoints."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise

from tinyad.derivation.language.names import ACCENTS, PI
from tinyad.derivation.language.syntax_tree import Token

BAR = ACCENTS["bar"]
BRACKETS = ("open", "close", "group(", ")group")
SAID = {  # a formula of x without its brackets → the function that it is
    "11+e^-x": "sigmoid", "1e^-x+1": "sigmoid", "e^x1+e^x": "sigmoid", "e^xe^x+1": "sigmoid",
    "e^x-e^-xe^x+e^-x": "tanh", "e^2x-1e^2x+1": "tanh", "max0,x": "relu", "maxx,0": "relu", "log1+e^x": "softplus",
}  # fmt: skip
END = Token("end", "", 0, 0)
SIGMA = ("σ", "dσ", "δσ")
SIGNS_OF_DERIVATIVES = ("∇", "∂")


def pi_is_name(tokens: Sequence[Token]) -> bool:
    """Return whether π has an index, or a derivative for it is taken: π_k, ∂L/∂π, ∇_π L, dπ, π̄."""
    if any(token.kind == "word" and (token.text[1:] in PI or token.text == f"{PI[0]}{BAR}") for token in tokens):
        return True
    plain = [token for token in tokens if token.kind not in ("group(", ")group") and token.text != "_"]
    derived = any(b.text in PI and a.text in (*SIGNS_OF_DERIVATIVES, "d", "δ") for a, b in pairwise(plain))
    return derived or any(a.text in PI and b.text == "_" for a, b in pairwise(tokens))


def sigma_is_name(equations: Sequence[Sequence[Token]]) -> bool:
    """Return whether σ is a number or a column in these equations: it has an index, a square or a derivative.

    Nowhere is it applied to something in brackets, as the sigmoid is.
    """
    named = False
    for tokens in equations:
        for k, token in enumerate(tokens):
            if token.text not in SIGMA or token.kind != "word":
                continue
            at = k + 1
            while at < len(tokens) and tokens[at].text in ("_", "^"):
                at = _behind_group(tokens, at)
            following = tokens[at] if at < len(tokens) else Token("end", "", 0, 0)
            if following.kind == "open" and not following.spaced and at == k + 1:
                return False
            if following.text == "'" and following.kind == "op":
                return False
            named = named or at > k + 1 or following.kind not in ("word", "group(", "open", "frac")
    return named


def functions_in(equations: Sequence[Sequence[Token]]) -> set[str]:
    """Return the letters that are functions: f of f'(a) and f(a), which no equation computes."""
    primed, applied, set_here = set[str](), set[str](), set[str]()
    for tokens in equations:
        equals = next((k for k, t in enumerate(tokens) if t[:2] == ("op", "=")), 0)
        set_here |= {tokens[0].text} if equals else set()
        for token, after, then in zip(tokens, tokens[1:], tokens[2:], strict=False):
            if token.kind == "word" and after[:2] == ("op", "'") and then[:2] == ("open", "("):
                primed.add(token.text)
            elif token.kind == "word" and after[:2] == ("open", "(") and not after.spaced:
                applied.add(token.text)
    return primed & applied - set_here


def functions_set(equations: Sequence[Sequence[Token]]) -> dict[str, str]:
    """Return the functions that equations say, s(x) = 1/(1 + e^{-x}), by their letters: those that are known ones."""
    found: dict[str, str] = {}
    for tokens in equations:
        equals = next((k for k, t in enumerate(tokens) if t[:2] == ("op", "=")), 0)
        texts = [t.text for t in tokens[:equals]]
        if texts[1:2] != ["("] or texts[3:4] != [")"] or tokens[0].kind != "word" or (texts[4:] and texts[4] != "_"):
            continue
        argument = texts[2]
        plain = [t.text for t in tokens[equals + 1 :] if t.kind not in BRACKETS]
        if "Σ" in plain and {"e", "exp"} & {*plain} and texts[4:5] == ["_"]:
            found[texts[0]] = "softmax"
            continue
        until = plain.index("=") if "=" in plain else len(plain)
        said = "".join({"exp": "e^", argument: "x", "frac": "", "/": ""}.get(text, text) for text in plain[:until])
        if said.rstrip(".,;") in SAID:
            found[texts[0]] = SAID[said.rstrip(".,;")]
    return found


def logarithms_set(equations: Sequence[Sequence[Token]]) -> set[str]:
    """Return the letters whose logarithm is set as one name: p of log p(x) = …"""
    found: set[str] = set()
    for tokens in equations:
        equals = next((k for k, t in enumerate(tokens) if t[:2] == ("op", "=")), 0)
        left = tokens[:equals]
        bracketed = len(left) > 3 and left[2].kind == "open" and left[-1].kind == "close"
        if len(left) > 1 and left[0].text == "log" and left[1].kind == "word" and (len(left) == 2 or bracketed):
            found.add(left[1].text)
    return found


def brackets_are_indices(equations: Sequence[Sequence[Token]]) -> bool:
    """Return whether indices stand in brackets, as in programs: S[i] = … or dS[i] = …"""
    for tokens in equations:
        equals = next((k for k, t in enumerate(tokens) if t[:2] == ("op", "=")), 0)
        left = [t.text for t in tokens[:equals]]
        if left[-1:] == ["]"] and left[-3:-2] == ["["] and left[-2].islower() and len(left[-2]) == 1 and len(left) > 3:
            return True
    return False


def primed_indices(equations: Sequence[Sequence[Token]]) -> dict[str, str]:
    """Return another letter for each index with a prime below a Σ, j', one that stands nowhere else."""
    texts = {t.text for tokens in equations for t in tokens}
    free = (c for c in "qrpmnlkuvwabcfgh" if c not in texts)
    found: dict[str, str] = {}
    for tokens in equations:
        for k, token in enumerate(tokens[:-4]):
            letter, prime = tokens[k + 3], tokens[k + 4]
            if token[:2] == ("op", "Σ") and tokens[k + 1].text == "_" and prime.text == "'" and letter.kind == "word":
                found.setdefault(letter.text, "")
    return dict(zip(found, free, strict=False))


def primed_names(equations: Sequence[Sequence[Token]]) -> set[str]:
    """Return the letters of names with a prime: v'_k, and x' where a transposition is written in another way."""
    every = [(a, b, c) for tokens in equations for a, b, c in zip(tokens, tokens[1:], [*tokens[2:], END], strict=False)]
    transposed = any(a.text == "^" and b.kind == "group(" and c.text in ("T", "⊤") for a, b, c in every)
    primed = [(a, c) for a, b, c in every if a.kind == "word" and b[:2] == ("op", "'")]
    return {a.text for a, c in primed if c[:2] == ("op", "_") or (transposed and c.kind != "open")}


def has_differentials(equations: Sequence[Sequence[Token]]) -> str:
    """Return the name of the result whose differential an equation sets, as in df = 2 y : dy; "" if there is none.

    No other equation uses that result, so that df is no derivative of a loss for it.
    """
    left, right = list[str](), set[str]()
    for tokens in equations:
        equals = next((k for k, t in enumerate(tokens) if t[:2] == ("op", "=")), 0)
        plain = [t for t in tokens[:equals] if t.kind != "quad"]
        left.append("".join(t.text for t in plain) if all(t.kind == "word" for t in plain) else "")
        right |= {t.text for t in tokens[equals + 1 :]}
    for side, tokens in zip(left, equations, strict=True):
        name = side[1:] if side[:1] == "d" else ""
        moved = [b.text for a, b in pairwise(tokens) if a.text == "d" and b.kind in ("word", "open")]
        moved += [t.text[1:] for t in tokens if t.kind == "word" and len(t.text) > 1 and t.text[0] == "d"]
        if name and name in left and name not in right - {"d"} and len(moved) > 1:
            return name
    return ""


def exponents_in(equations: Sequence[Sequence[Token]]) -> set[str]:
    """Return the letters that are numbers above names, α of α x^{α-1}: a factor elsewhere, and counted down above."""
    above, factors = set[str](), set[str]()
    for tokens in equations:
        end = -1
        for k, token in enumerate(tokens):
            if token.text in ("_", "^") and token.kind == "op":
                behind = _behind_group(tokens, k)
                inner = [t.text for t in tokens[k + 2 : behind - 1]]
                if token.text == "^" and len(inner) == 3 and inner[1] in "+-" and inner[2].isdigit():
                    above.add(inner[0])
                end = max(end, behind)
            elif k >= end and token.kind == "word" and token.text.islower() and k + 1 < len(tokens):
                beside = [tokens[k + 1], tokens[k - 1]] if k else [tokens[k + 1]]
                if any(t.kind in ("word", "open", "frac", "close") for t in beside) and tokens[k + 1].text != "=":
                    factors.add(token.text)
    return above & factors


def e_is_name(equations: Sequence[Sequence[Token]]) -> bool:
    """Return whether e is a name, and no number, where it is transposed or squared."""
    for tokens in equations:
        for k, token in enumerate(tokens):
            if token[:2] != ("word", "e"):
                continue
            if [t.text for t in tokens[k + 1 : k + 2]] != ["^"]:
                return True
            above = tokens[k + 3 : _behind_group(tokens, k + 1) - 1]
            if len(above) == 1 and (
                above[0].text == "⊤" or (above[0].text == "T" and above[0].end - above[0].start > 1)
            ):
                return True  # e^\\mathsf{T}
    return False


def squares_derived_for(equations: Sequence[Sequence[Token]]) -> set[str]:
    """Return the letters of names with a square for which a derivative is taken: σ of ∂L/∂σ^2."""
    found: set[str] = set()
    for tokens in equations:
        for k, token in enumerate(tokens):
            if token.kind != "frac":
                continue
            below = _behind_group(tokens, k + 1)
            first = [t.text for t in tokens[k + 2 : k + 4]]
            inner = tokens[below + 1 : _behind_group(tokens, below) - 1]
            texts = [t.text for t in inner]
            if (
                first[:1] not in (["∂"], ["d"])
                or first == [first[0], "^"]
                or len(inner) < 5
                or texts[0] not in ("∂", "d")
            ):
                continue
            name = 1 if inner[1].kind == "word" else 2
            if texts[-4:] == ["^", "", "2", ""] or texts[name + 1 : name + 5] == ["^", "", "2", ""]:
                found.add(texts[name])
    return found


def _behind_group(tokens: Sequence[Token], at: int) -> int:
    """Return where the next group ends: a script, a numerator or a denominator."""
    depth = 0
    for k in range(at, len(tokens)):
        depth += {"group(": 1, ")group": -1}.get(tokens[k].kind, 0)
        if depth == 0 and tokens[k].kind == ")group":
            return k + 1
    return len(tokens)


def bars_are_adjoints(equations: Sequence[Sequence[Token]]) -> bool:
    """Return whether b̄ = … is the derivative of the loss for b in all of these equations.

    So it is where names with bars are set, one from another, no equation for a name without one uses them, as it would
    a mean, and no derivative is written in another way.
    """
    barred, others = list[Sequence[Token]](), list[Sequence[Token]]()
    for tokens in equations:
        first = next((token for token in tokens if token.kind == "word"), None)
        (barred if first is not None and first.text.endswith(BAR) else others).append(tokens)
    texts = [token.text for tokens in others for token in tokens]
    set_here = {next(_words(tokens)) for tokens in barred}
    plain = {word.removesuffix(BAR) for word in set_here}
    derived = any(text in SIGNS_OF_DERIVATIVES for text in texts)
    chained = any(sum(word.endswith(BAR) for word in _words(tokens)) > 1 for tokens in barred)
    return chained and not derived and plain <= {*texts} and not any(text.endswith(BAR) for text in texts)


def _words(tokens: Sequence[Token]) -> Iterator[str]:
    return (token.text for token in tokens if token.kind == "word")
