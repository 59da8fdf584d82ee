"""Names of several layers that their index tells apart: net_j of the hidden units, net_k of the output units."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from tinyad.derivation.language.name_parser import LETTERS_JOINED
from tinyad.derivation.language.syntax_tree import Token

Used = dict[str, set[str]]  # name → the letters below it


def layered_names(equations: Sequence[Sequence[Token]]) -> set[str]:
    """Return the names whose index says which layer they are of.

    Such a name is set with two letters, and one of its equations needs another by way of other names: net_k is a sum of
    h_j, and h_j a function of net_j.  So is a name with other letters in the one than in the other, as b_j and b_k.
    """
    set_here: dict[str, list[tuple[str, Used]]] = {}
    words = {_first_word(tokens) for tokens in equations}
    for tokens in (_joined(tokens, words) for tokens in equations):
        equals = next((k for k, t in enumerate(tokens) if t[:2] == ("op", "=")), 0)
        left = dict(_indexed(tokens[:equals]))
        if equals and len(left) == 1 and tokens[0].kind == "word" and tokens[0].text in left:
            used: Used = {}
            for name, letters in _indexed(tokens[equals:]):
                used.setdefault(name, set()).add(letters)
            set_here.setdefault(tokens[0].text, []).append((left[tokens[0].text], used))
    found = {
        name
        for name, made in set_here.items()
        if len({letters for letters, _ in made}) > 1 and name in _needed(name, set_here)
    }
    for made in [set_here[name] for name in sorted(found)]:
        for k, (_, used) in enumerate(made):
            others = [other for _, other in made[:k]]
            found |= {name for name in used for other in others if other.get(name, used[name]) != used[name]}
    return found


def _first_word(tokens: Sequence[Token]) -> str:
    """Return the letters that stand side by side at the beginning: net of n e t in LaTeX."""
    text = ""
    for k, token in enumerate(tokens):
        if token.kind != "word" or (k and token.start != tokens[k - 1].end):
            break
        text += token.text
    return text


def _joined(tokens: Sequence[Token], words: set[str]) -> list[Token]:
    """Return tokens with the letters of a word side by side as one."""
    joined, at, longest = list[Token](), 0, min(LETTERS_JOINED, max(map(len, words), default=0))
    while at < len(tokens):
        word, end = tokens[at], at + 1
        while word.kind == "word" and word.text not in words and end < len(tokens) and tokens[end].kind == "word":
            if tokens[end].start != word.end or len(word.text) >= longest:
                break
            word, end = word._replace(text=word.text + tokens[end].text, end=tokens[end].end), end + 1
        whole = word.text in words
        joined.append(word if whole else tokens[at])
        at = end if whole else at + 1
    return joined


def _needed(name: str, set_here: dict[str, list[tuple[str, Used]]]) -> set[str]:
    """Return the names that the equations for a name need by way of other names."""
    direct = {n for _, used in set_here[name] for n in used} - {name}
    seen, open_ = set[str](), [*direct]
    while open_:
        key = open_.pop()
        new = {n for _, used in set_here.get(key, ()) for n in used} - seen
        seen |= new
        open_ += new - {name}
    return seen


def _indexed(tokens: Sequence[Token]) -> Iterator[tuple[str, str]]:
    """Yield the names with small letters below them, and these letters."""
    for k, token in enumerate(tokens[:-3]):
        if token.kind == "word" and tokens[k + 1].text == "_" and tokens[k + 2].kind == "group(":
            end = next((n for n in range(k + 3, len(tokens)) if tokens[n].kind == ")group"), k + 3)
            letters = "".join(t.text for t in tokens[k + 3 : end] if t.text != ",")
            if letters.isascii() and letters.islower() and letters.isalpha():
                yield token.text, letters
