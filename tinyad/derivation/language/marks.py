"""What derivatives look like in a text, before its names are known: bars as adjoints, and π as a name."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise

from tinyad.derivation.language.names import ACCENTS, PI
from tinyad.derivation.language.syntax_tree import Token

BAR = ACCENTS["bar"]
SIGNS_OF_DERIVATIVES = ("∇", "∂")


def pi_is_name(tokens: Sequence[Token]) -> bool:
    """Return whether π has an index, or a derivative for it is taken: π_k, ∂L/∂π, ∇_π L, dπ, π̄."""
    if any(token.kind == "word" and (token.text[1:] in PI or token.text == f"{PI[0]}{BAR}") for token in tokens):
        return True
    plain = [token for token in tokens if token.kind not in ("group(", ")group") and token.text != "_"]
    derived = any(b.text in PI and a.text in (*SIGNS_OF_DERIVATIVES, "d", "δ") for a, b in pairwise(plain))
    return derived or any(a.text in PI and b.text == "_" for a, b in pairwise(tokens))


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
