"""What the equations of a document say without a declaration: the loss, indices, times, functions, and its signs."""

from __future__ import annotations

import re
from collections.abc import Sequence

from tinyad.derivation.language.declarations import Declarations
from tinyad.derivation.language.marks import (
    bars_are_adjoints,
    brackets_are_indices,
    e_is_name,
    exponents_in,
    functions_in,
    functions_set,
    has_differentials,
    logarithms_set,
    pi_is_name,
    primed_indices,
    primed_names,
    sigma_is_name,
    squares_derived_for,
)
from tinyad.derivation.language.names import FUNCTIONS, Names
from tinyad.derivation.language.sequences import is_shifted, sums
from tinyad.derivation.language.sums import undeclared_indices
from tinyad.derivation.language.syntax_tree import Token

ENTRIES = re.compile(r"(?<![\\\w])([A-Z])\s*=\s*[(\[]\s*([a-z])_\{?[a-z],?\s?[a-z]\}?\s*[)\]]")  # A = (a_{ij})

Tokens = Sequence[Token]


def complete(declarations: Declarations, equations: Sequence[Tokens]) -> None:
    """Set what the author has not declared: the layout of papers, the loss, the indices and times of sums."""
    names, says = declarations.names, declarations.says
    names.has_layers = not names.last
    if "layout" not in says:
        declarations.layout = "same"
    own_signs = _with_own_signs(declarations, equations)
    _find_functions(declarations, own_signs)
    _find_loss(declarations, own_signs)
    summed = {letter for tokens in own_signs for letter, _, _ in sums(tokens)}
    if names.time in summed and not names.last and "time" not in says and any(map(is_shifted, own_signs)):
        names.last = "T"  # h_{t-1} beside Σ_t
    apart = [t for tokens in own_signs for t in (*tokens, Token("end", "", 0, 0))]
    names.indices |= undeclared_indices(names, apart)
    _find_ranges(declarations, [it for tokens in own_signs for it in sums(tokens)])


def _with_own_signs(declarations: Declarations, equations: Sequence[Tokens]) -> list[Tokens]:
    """Learn how the author writes names and derivatives, and return the equations read so."""
    names, says = declarations.names, declarations.says
    if "bars" not in says:
        names.bars = names.bars or bars_are_adjoints(equations)
    names.pi_is_name = names.pi_is_name or any(map(pi_is_name, equations))
    names.logarithms |= logarithms_set(equations)
    names.entries = {m[2]: m[1] for m in ENTRIES.finditer(declarations.source.text) if m[1].lower() == m[2]}
    names.bracketed = brackets_are_indices(equations)
    names.primed_indices = primed_indices(equations)
    read = [names.with_own_signs(tokens) for tokens in equations]
    names.e_is_name, names.exponents = e_is_name(read), exponents_in(read)
    names.squared |= squares_derived_for(read)
    names.primed |= primed_names(read)
    return read


def _find_functions(declarations: Declarations, equations: Sequence[Tokens]) -> None:
    """Learn the functions that equations say, and those of which only the derivative is used; σ may be a name."""
    names, functions = declarations.names, declarations.functions
    for name, function in functions_set(equations).items():
        if f"function {name}" in declarations.says or name in names.known or names.functions.get(name) == function:
            continue
        names.functions[name] = function if name in names.functions else name
        if name not in FUNCTIONS:
            functions[name] = {"": function}
        declarations.said_functions[name] = function
    for name in functions_in(equations) - names.functions.keys() - names.known.keys():
        names.functions[name], functions[name] = name, {"": name}
        declarations.said_functions[name] = "component-wise"
    if sigma_is_name(equations) and "σ" not in functions:
        names.functions.pop("σ", None)


def _find_loss(declarations: Declarations, equations: Sequence[Tokens]) -> None:
    """Learn what the derivatives are of, and whether they are differentials."""
    names, says = declarations.names, declarations.says
    result = "" if "d" in says or names.is_known("d") else has_differentials(equations)
    if result:
        names.differentials = True
    if "loss" not in says and result and not result.isupper():
        names.loss = result
    elif "loss" not in says:
        derived = [loss for tokens in equations if (loss := _numerator(tokens)) and loss not in names.functions]
        if derived and names.loss not in derived:
            names.loss = max(sorted(set(derived)), key=derived.count)
    names.of_loss |= _named_as_loss(names, equations)


def _find_ranges(declarations: Declarations, ranges: Sequence[tuple[str, str, str]]) -> None:
    """Learn the indices and times that sums run over, and how far."""
    names, says = declarations.names, declarations.says
    sized = {symbol for shape in declarations.shapes.values() for side in shape for symbol, _ in side}
    from_0 = {last for _, start, last in ranges if start == "0" and last.isalpha()}
    names.last_from_0 |= from_0 - sized - {last for _, start, last in ranges if start != "0"}
    for letter, start, last in ranges:
        if letter in names.known or letter in names.families or letter in (names.time if names.last else ""):
            continue
        if letter == names.time and last == "T" and start == "1" and "time" not in says:
            names.last = last
            continue
        if last.isalpha() and start != "0":
            declarations.index_ends.setdefault(letter, last)
        if letter not in names.indices and letter.isalpha() and (letter != names.time or "time" not in says):
            names.indices.add(letter)


def _numerator(tokens: Sequence[Token]) -> str:
    """Return what the derivative on a left-hand side is of: J in ∂J/∂z or ∇_z J; "" if there is none."""
    equals = next((k for k, token in enumerate(tokens) if token[:2] in (("op", "="), ("op", "+="))), 0)
    left = [token for token in tokens[:equals] if token.kind not in ("group(", ")group")]
    texts = [token.text for token in left]
    if left[:1] and left[0].kind == "frac" and len(left) > 3 and texts[1] in ("∂", "d") and left[2].kind == "word":
        end = next((k for k in range(3, len(left)) if left[k].kind != "word" or texts[k] == "d"), len(left))
        behind = texts.index(")", end) + 1 if texts[end : end + 1] == ["("] and ")" in texts[end:-1] else end  # of J(θ)
        return "".join(texts[2:end]) if texts[behind : behind + 1] in (["∂"], ["d"]) else ""  # of CE too
    if left[:1] and left[0].kind == "frac" and texts[1:3] == ["∂", "∂"] and left[-1].kind == "word":
        groups = [k for k, t in enumerate(tokens[:equals]) if t.kind == ")group"]
        return texts[-1] if len(groups) > 1 and tokens[equals - 1].start >= tokens[groups[1]].start else ""  # ∂/∂x f
    if texts[:1] == ["∂"] and texts[2:3] == ["/"]:
        return texts[1]
    if texts[-1:] == [")"] and "(" in texts:  # of J(w)
        texts = texts[: texts.index("(")]
    last = left[len(texts) - 1 :][:1]
    return texts[-1] if texts[:2] == ["∇", "_"] and last and last[0].kind == "word" and len(texts) > 3 else ""


def _named_as_loss(names: Names, equations: Sequence[Sequence[Token]]) -> set[str]:
    """Return the key of the one name with a script, J_neg, that is computed where J is derived and not computed."""
    left = [tokens[: next((k for k, t in enumerate(tokens) if t[:2] == ("op", "=")), 0)] for tokens in equations]
    of_loss = [tokens for tokens in left if tokens and tokens[0].text == names.loss]
    scripts = {"".join(t.text for t in tokens[3 : _end_of_script(tokens)]) for tokens in of_loss}
    scripted = all(len(tokens) > 3 and tokens[1].text == "_" for tokens in of_loss)
    return {f"{names.loss}_{script}" for script in scripts} if scripted and len(scripts) == 1 else set()


def _end_of_script(tokens: Sequence[Token]) -> int:
    return next((k for k, t in enumerate(tokens) if t.kind == ")group"), len(tokens))
