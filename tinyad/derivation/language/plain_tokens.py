"""Formulas in plain text, Unicode or ASCII, as tokens."""

from __future__ import annotations

import re
import unicodedata

from tinyad.derivation.language.limits import BRACKET_DEPTH
from tinyad.derivation.language.names import FUNCTIONS
from tinyad.derivation.language.source import Source
from tinyad.derivation.language.syntax_tree import Token

# fmt: off
SUPERSCRIPTS = {
    "ᵀ": "T", "⊤": "⊤", "²": "2", "³": "3", "¹": "1", "⁰": "0", "⁻": "-", "⁺": "+", "⁽": "(", "⁾": ")", "ᵗ": "t",
    "⁴": "4", "⁵": "5", "⁶": "6",
}
SUBSCRIPTS = dict(zip("₀₁₂₃₄₅₆₇₈₉₊₋ₐₑₕᵢⱼₖₗₘₙₒₚᵣₛₜᵤᵥₓ", "0123456789+-aehijklmnoprstuvx", strict=True))
SIGNS = {
    "⊙": "∘", "◦": "∘", "○": "∘", "•": "·", "∙": "·", "⋅": "·", "−": "-", "–": "-", "∗": "*", "∑": "Σ", "≔": "=",
    "’": "'", "‘": "'", "′": "'", "∣": "|", "⟨": "<", "⟩": ">", "⊘": "/", "∥": "‖",
    "⩾": "≥", "⩽": "≤", "≜": "=", "←": "=", "∏": "Π",
}
# fmt: on
OPERATORS = set("+-∘*·@/=≡⇒,;:|‖'.∇∂ΣΠ×<>∈⊗≥≤≠")
TWO_CHARACTER_SIGNS = {
    "+=": "+=", ":=": "=", "=>": "⇒", "||": "‖", ">=": "≥", "<=": "≤", "!=": "≠", "==": "=", ".*": "∘", "./": "/",
}  # fmt: skip
MODULE = re.compile(  # np. before the name of a function; np.max is not the max of two numbers
    r"(?:np|numpy|jnp|torch|math|tf|F|nn|scipy)(?:\.(?:linalg|special|nn|functional))*\.(?:(max|min)(?=\()|(?=[^\W\d_]))"
)
UNNAMED = re.compile(r"_(v?\d+|\s|,|\])")
SIGNED = re.compile(r"-?\d+(?:\.\d+)?")
QUOTED = re.compile(r"([^'‘’\"\n]*)['‘’\"]")
OPEN, CLOSE = "([{⟨", ")]}⟩"


def letter(c: str) -> str:
    """Return a mathematical letter (𝑧, 𝛻, 𝐖) as the plain one, and every other character as it is."""
    return unicodedata.normalize("NFKC", c) if "\U0001d400" <= c <= "\U0001d7ff" or c in "ℎℒ" else c


def tokens(source: Source, start: int, end: int) -> list[Token]:
    """Return the tokens of source.text[start:end]; a line ends where no bracket is open."""
    return _Reader(source, start, end).read()


class _Reader:
    def __init__(self, source: Source, start: int, end: int) -> None:
        self.source, self.text, self.at, self.end = source, source.text, start, end
        self.tokens: list[Token] = []
        self.closing: list[tuple[str, int]] = []  # the closing signs expected, and where they were opened
        self.spaced = False

    def read(self) -> list[Token]:
        while self.at < self.end:
            self.read_next()
        if self.closing:
            sign, opened = self.closing[-1]
            raise self.source.error(f"this bracket is not closed: {sign} is missing", opened)
        self.add("end", "", self.end, self.end)
        return self.tokens

    def add(self, kind: str, text: str, start: int, end: int) -> None:
        self.tokens.append(Token(kind, text, start, end, self.spaced))
        self.at, self.spaced = end, False

    def peek(self, k: int = 0) -> str:
        return self.text[self.at + k] if self.at + k < self.end else ""

    def read_next(self) -> None:
        """Read white space, a comment, or what makes a token."""
        if not (self.skip_blank() or self.read_operand() or self.read_bracket()):
            self.read_sign()

    def skip_blank(self) -> bool:
        """Read white space or a comment, if it is next; a line ends where no bracket is open."""
        at, c = self.at, self.text[self.at]
        if c == "#":
            newline = self.text.find("\n", at, self.end)
            self.at = self.end if newline < 0 else newline
        elif c.isspace() or c == "$":
            if c == "\n" and not self.closing:
                self.add("end", "", at, at + 1)
            self.at, self.spaced = at + 1, True
        else:
            return False
        return True

    def read_operand(self) -> bool:
        """Read a number, a word or a script, if one is next."""
        at, c = self.at, self.text[self.at]
        plain = letter(c)
        if self.read_module():
            return True
        if c == "𝟏":
            self.add("ones", "1", at, at + 1)
        elif plain.isdigit() and plain.isascii():
            self.number()
        elif c in SUPERSCRIPTS or c in SUBSCRIPTS:
            self.raised()
        elif c not in "Σ∏" and (plain.isalpha() or self.begins_unnamed()):
            self.word()
        elif self.text.startswith(("**", ".^"), at):
            self.at += 1
            self.script("^", at)
        elif c in "^_":
            self.script(c, at)
        elif self.text.startswith(".T", at) and self.tight() and not self.peek(2).isalnum():
            self.add("op", "^", at, at + 1)
            self.group("T", at + 1, at + 2)
        else:
            return False
        return True

    def read_module(self) -> bool:
        """Read np. with the name of the function behind it, if that is next."""
        at = self.at
        module = None if self.tight() or self.after_dot() else MODULE.match(self.text, at, self.end)
        if not module:
            return False
        if module[0].startswith("torch") and re.match(r"(var|std)\b", self.text[module.end() :][:4]):
            message = "PyTorch divides by N - 1 here, NumPy by N: write np.var or np.std, or the factor"
            raise self.source.error(message, at, module.end() + 3)
        if module[1]:
            self.add("word", "a" + module[1], at, module.end())
        else:
            self.at = module.end()
            k = len(self.tokens)
            self.word()
            name = "π" if self.tokens[k].text == "pi" else self.tokens[k].text
            if name not in FUNCTIONS and name != "π":
                raise self.source.error(f"{module[0]}{name} is not read; write what it does as a formula", at, self.at)
            name = f"np.{name}" if f"np.{name}" in FUNCTIONS else name
            self.tokens[k] = self.tokens[k]._replace(text=name, start=at)
        return True

    def after_dot(self) -> bool:
        """Return whether a dot stands directly before the next character: A.sum."""
        return bool(self.tokens) and self.tokens[-1].text == "." and not self.spaced

    def begins_unnamed(self) -> bool:
        """Return whether a result without a name is next, such as _3."""
        return not self.tight() and bool(UNNAMED.match(self.text, self.at, self.end))

    def read_bracket(self) -> bool:
        """Read a bracket or a quotation, if one is next."""
        at, c = self.at, self.text[self.at]
        plain = letter(c)
        if self.closing and self.closing[-1][0] == ">group" and SIGNS.get(c, c) == ">":
            self.closing.pop()
            self.add("op", ">", at, at + 1)
            self.add(")group", "", self.at, self.at)
        elif plain in OPEN:
            self.open(plain)
        elif plain in CLOSE:
            self.close(plain)
        elif c in "'‘’\"" and self.follows_argument_sign():
            self.quoted()
        else:
            return False
        return True

    def follows_argument_sign(self) -> bool:
        """Return whether a comma or an opening bracket was read last."""
        return bool(self.tokens) and self.tokens[-1].kind in ("op", "open") and self.tokens[-1].text in (",", "(")

    def read_sign(self) -> None:
        """Read an operator or dots."""
        at, c = self.at, self.text[self.at]
        plain, two = letter(c), c + self.peek(1)
        sign = plain if plain in ("∇", "∂") else SIGNS.get(c, c)
        if two in TWO_CHARACTER_SIGNS:
            self.add("op", TWO_CHARACTER_SIGNS[two], at, at + 2)
        elif sign == "…":
            self.add("dots", "…", at, at + 1)
        elif self.text.startswith("...", at):
            self.add("dots", "…", at, at + 3)
        elif sign in OPERATORS:
            self.add("op", sign, at, at + 1)
        else:
            raise self.source.error(f"{c!r} is not a known sign", at)

    def tight(self) -> bool:
        """Return whether a name or a closing bracket stands directly before the next character."""
        return (
            bool(self.tokens)
            and not self.spaced
            and (self.tokens[-1].kind in ("word", "number", "close", ")group", "ones") or self.tokens[-1].text == "‖")
        )

    def number(self) -> None:
        digits = re.compile(r"\d+(\.\d+)?([eE][-+]?\d+)?(?![^\W\d_])|\d+").match(self.text, self.at, self.end)
        assert digits
        if not digits[0].isascii():  # mathematical digits, one by one
            self.add("number", letter(self.text[self.at]), self.at, self.at + 1)
        else:
            self.add("number", digits[0], self.at, digits.end())

    def word(self) -> None:
        start = end = self.at
        while end < self.end and (end == start or self.in_word(end)):
            end += 1
        text = unicodedata.normalize("NFD", "".join(letter(c) for c in self.text[start:end]))
        self.add("word", text, start, end)
        self.numbered()

    def numbered(self) -> None:
        """Read the [2] of z1[2], as a tape names its time steps."""
        end = self.at
        index = re.compile(r"\[(\d+)\]").match(self.text, end, self.end)
        if index:
            self.add("op", "^", end, end)
            self.add("group(", "", end, end)
            self.add("open", "(", end, end + 1)
            self.add("number", index[1], end + 1, index.end() - 1)
            self.add("close", ")", index.end() - 1, index.end())
            self.add(")group", "", index.end(), index.end())

    def in_word(self, at: int, more: str = "") -> bool:
        c = self.text[at]
        if c in SUPERSCRIPTS or c in SUBSCRIPTS:
            return False
        return letter(c).isalnum() or bool(unicodedata.combining(c)) or c in more

    def raised(self) -> None:
        """Read ᵀ, ², ₜ₋₁ as scripts."""
        start = self.at
        table, sign = (SUPERSCRIPTS, "^") if self.text[start] in SUPERSCRIPTS else (SUBSCRIPTS, "_")
        while self.at < self.end and self.text[self.at] in table:
            first = self.text[self.at - 1]
            if self.at > start and table[self.text[self.at]] in ("T", "⊤") and first != "⁻":  # ²ᵀ are two
                break
            self.at += 1
            if table[self.text[self.at - 1]] in ("T", "⊤"):
                break
        signs = [(table[self.text[k]], k) for k in range(start, self.at)]
        self.add("op", sign, start, start)
        self.add("group(", "", start, start)
        for plain, k in signs:
            kind = (
                "word" if plain.isalpha() or plain == "⊤" else "number" if plain.isdigit()
                else "open" if plain == "(" else "close" if plain == ")" else "op"
            )  # fmt: skip
            if kind == self.tokens[-1].kind in ("word", "number"):
                before = self.tokens.pop()
                self.tokens.append(before._replace(text=before.text + plain, end=k + 1))
            else:
                self.add(kind, plain, k, k + 1)
        self.add(")group", "", signs[-1][1] + 1, signs[-1][1] + 1)

    def group(self, text: str, start: int, end: int) -> None:
        self.add("group(", "", start, start)
        self.add("number" if text.isdigit() else "word", text, start, end)
        self.add(")group", "", end, end)

    def script(self, mark: str, start: int) -> None:
        """Read ^, ** or _ with its script: a word, a number, or what is in brackets."""
        self.add("op", mark, start, self.at + 1)
        if mark == "^":
            while self.peek() == " " and self.text[start] in "*.":
                self.at += 1
        c = SIGNS.get(self.peek(), letter(self.peek()))
        if c in ("(", "{", "<"):
            self.bracketed_script(c)
            return
        begun = self.at
        self.add("group(", "", begun, begun)
        if self.text[start] in "*." and c.isdigit():  # of every entry
            self.add("op", "∘", begun, begun)
        self.bare_script(c, begun)
        self.add(")group", "", self.at, self.at)
        self.numbered()

    def bracketed_script(self, c: str) -> None:
        """Begin a script in brackets."""
        at, sign = self.at, {"(": ")", "{": "}", "<": ">"}[c]
        self.add("group(", "", at, at + (c == "{"))
        if c != "{":
            self.add("open" if c == "(" else "op", c, at, at + 1)
        self.enter(sign + "group", at)

    def bare_script(self, c: str, begun: int) -> None:
        """Read a script without brackets: 2, -1, 0.5, -T, ∘2, a word."""
        signed = SIGNED.match(self.text, begun, self.end)
        if signed:
            if signed[0][0] == "-":
                self.add("op", "-", begun, begun + 1)
            self.add("number", signed[0].lstrip("-"), self.at, signed.end())
        elif c == "T" and self.tokens[-2].text == "^" and self.peek(1).isalpha():  # X^TX
            self.add("word", "T", begun, begun + 1)
        elif c.isalnum():
            end = begun
            while end < self.end and self.in_word(end, "_"):
                end += 1
            self.add("word", unicodedata.normalize("NFD", "".join(map(letter, self.text[begun:end]))), begun, end)
        elif c in ("'", "*", "⊤", "∗"):
            self.add("word", c, begun, begun + 1)
        elif self.text.startswith(("-T", "-⊤"), begun):
            self.add("op", "-", begun, begun + 1)
            self.add("word", "⊤", begun + 1, begun + 2)
        elif c == "∘" and self.peek(1).isdigit():
            self.add("op", "∘", begun, begun + 1)
            self.number()
        else:
            raise self.source.error("this script is empty: write x_{t-1}, x^T", begun - 1)

    def enter(self, sign: str, at: int) -> None:
        self.closing.append((sign, at))
        if len(self.closing) > BRACKET_DEPTH:
            raise self.source.error(f"more than {BRACKET_DEPTH} brackets inside one another; name a part of it", at)

    def open(self, c: str) -> None:
        at = self.at
        self.add("open", c, at, at + 1)
        self.enter(CLOSE[OPEN.index(c)], at)

    def close(self, c: str) -> None:
        at = self.at
        if not self.closing:
            raise self.source.error(f"{c} has no opening bracket", at)
        sign, opened = self.closing.pop()
        if sign[0] != c:
            line, column = self.source.place(opened)
            raise self.source.error(
                f"{c} where {sign[0]} is expected, for the bracket opened in line {line}, column {column}", at
            )
        if sign.endswith("group"):
            if c == ")":
                self.add("close", ")", at, at + 1)
            self.add(")group", "", self.at, at + 1)
        else:
            self.add("close", c, at, at + 1)

    def quoted(self) -> None:
        start = self.at
        match = QUOTED.match(self.text, start + 1, self.end)
        if not match:
            raise self.source.error("this quotation is not closed", start)
        self.add("string", match[1].strip(), start, match.end())
