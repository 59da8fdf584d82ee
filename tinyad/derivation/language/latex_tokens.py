"""LaTeX as tokens, spelled as the Unicode notation spells them."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from difflib import get_close_matches
from typing import NamedTuple

from tinyad.derivation.language.latex_commands import (
    ACCENTS,
    BOLD,
    FONTS,
    JOINED,
    LINES,
    MATRICES,
    NOTHING,
    SHORT,
    SIGNS,
    SIMPLE,
    SIZES,
    SPACES,
    TEXTS,
    UPRIGHT,
    WORDLY,
)
from tinyad.derivation.language.limits import BRACKET_DEPTH
from tinyad.derivation.language.plain_tokens import letter
from tinyad.derivation.language.source import Source
from tinyad.derivation.language.syntax_tree import Token

Sign = tuple[str, str]  # kind and text of a token
DIGITS = frozenset("0123456789")
BLANK = re.compile(r"\\[][()]|\$+|[%#][^\n]*|(\\[\s\S])")  # mathematics begins or ends, comments; (what stays)
STRUCTURE = re.compile(r"\\(begin|end)(?![A-Za-z])\s*\{([^{}\n]*)\}|\\[^\n]?|[{}]")
SCANNED = re.compile(  # an environment begins or ends, a command, a brace, a sign with its accents
    r"\\(begin|end)(?![A-Za-z])\s*\{([^{}\n]*)\}|\\([A-Za-z]+|[\s\S])|[{}]|[\s\S][\u0300-\u036f\u20d0-\u20ff]*"
)
SAID = re.compile(r"\s*((?:[^\W\d_]|\\_)(?:[\w\s.,'’:~-]|\\[#$%&_{} ]|\\(?:textbackslash|[\^~])\{\})*)")
ESCAPE = re.compile(r"\\textbackslash\{\}|\\(.)(?:\{\})?|[~\s]+")
NUMBERED = re.compile(r"\s*\(?eq(?:uation|n)?(?:\.\s*|\s+)\(?([\w.-]*\d[\w.-]*)\)?\s*", re.IGNORECASE)
LABEL = re.compile(r"\{\s*([A-Za-z]{2,}(?:-\w+)?)\s*\}")


class Piece(NamedTuple):
    """A sign ("char"), "command", "group" or "environment" with what is inside, last first."""

    kind: str
    text: str
    start: int
    end: int
    inside: list[Piece]


def tokens(source: Source, start: int, end: int) -> list[Token]:
    """The tokens of source.text[start:end]; lines are parted by one "end", however many line breaks there are."""
    text = BLANK.sub(lambda m: m[1] or " " * len(m[0]), source.text[start:end])
    _check(source, text, start)
    reader = Reader(source)
    reader.read(_pieces(text, start))
    return reader.tokens


def _check(source: Source, text: str, shift: int) -> None:
    """Raise an error where braces or environments do not match, or go too deep."""
    opened: list[tuple[str, int, int]] = []
    for m in STRUCTURE.finditer(text):
        at, end, sign = shift + m.start(), shift + m.end(), m[0]
        if m[1]:
            sign = f"\\{m[1]}{{{m[2]}}}"
        if sign == "{" or m[1] == "begin":
            opened.append((sign, at, end))
            if len(opened) > BRACKET_DEPTH:
                raise source.error(f"this is nested deeper than {BRACKET_DEPTH}", at, end)
        elif sign == "}" or m[1] == "end":
            begun = "{" if sign == "}" else f"\\begin{{{m[2]}}}"
            if begun not in (o for o, _, _ in opened):
                raise source.error(f"this {sign} has no {begun}", at, end)
            if opened[-1][0] != begun:
                break
            opened.pop()
        elif sign == "\\" and m.end() == len(text):
            raise source.error("nothing follows this backslash", at, end)
    if opened:
        sign, at, end = opened[-1]
        raise source.error(f"this {sign} has no " + ("}" if sign == "{" else sign.replace("begin", "end")), at, end)


def _pieces(text: str, shift: int) -> list[Piece]:
    """Return the pieces of a text whose braces and environments match, last first."""
    opened = [Piece("group", "", shift, shift, [])]
    for m in SCANNED.finditer(text):
        at, end = shift + m.start(), shift + m.end()
        if m[0] == "{" or m[1] == "begin":
            opened.append(Piece("environment" if m[1] else "group", (m[2] or "{").removesuffix("*"), at, end, []))
        elif m[0] == "}" or m[1] == "end":
            piece = opened.pop()
            piece.inside.reverse()
            opened[-1].inside.append(piece._replace(end=end))
        else:
            kind, sign = ("command", m[3]) if m[3] else ("char", m[0])
            opened[-1].inside.append(Piece(kind, sign, at, end, []))
    return opened[0].inside[::-1]


def _is(rest: list[Piece], signs: Iterable[str]) -> bool:
    return bool(rest) and rest[-1].kind == "char" and rest[-1].text in signs


def _drop(rest: list[Piece], pattern: str) -> int:
    """What comes next goes, if it is like that: how many signs."""
    ahead = "".join(p.text if p.kind == "char" and len(p.text) == 1 else "\\" for p in rest[:-20:-1])
    length = len(re.match(f"(?:{pattern})?", ahead)[0])  # type: ignore[index]
    del rest[len(rest) - length :]
    return length


def _skip(rest: list[Piece]) -> None:
    while rest and rest[-1].kind == "char" and rest[-1].text.isspace():
        rest.pop()


class Reader:
    """Makes tokens of pieces.  Its methods take them from the end of a list, which is what is left."""

    def __init__(self, source: Source) -> None:
        self.source, self.tokens = source, list[Token]()
        self.level = self.brackets = self.braces = self.scripts = 0  # how deep inside
        self.spaced = self.upright = self.matrix = False
        self.sized = -1  # where a \left before a bracket stands

    def error(self, message: str, piece: Piece) -> Exception:
        return self.source.error(message, piece.start, piece.end)

    def emit(self, kind: str, text: str, start: int, end: int) -> None:
        if kind == "end" and (not self.tokens or self.tokens[-1].kind == "end"):
            return
        if self.sized >= 0 and (kind in ("open", "close") or text == "|"):
            start = self.sized
        self.sized = -1
        self.brackets = max(0, self.brackets + (kind == "open") - (kind == "close"))
        self.tokens.append(Token(kind, text, start, end, self.spaced))
        self.spaced = False
        if text in ("=", ">"):
            self.join()

    def join(self) -> None:
        """+ and = right behind it are one sign, also as {+}= and \\mathrel{+}=."""
        if [t.kind for t in self.tokens[-2:]] == ["op", "op"]:
            first, last = self.tokens[-2:]
            sign, between = JOINED.get(first.text + last.text), self.source.text[first.end : last.start]
            if sign and re.fullmatch(r"[{}&]*(\\mathrel\{)?", between):
                self.tokens[-2:] = [Token("op", sign, first.start, last.end, first.spaced)]

    def read(self, rest: list[Piece]) -> None:
        while rest:
            self.piece(rest.pop(), rest)

    def piece(self, piece: Piece, rest: list[Piece]) -> None:
        self.level += 1
        if self.level > BRACKET_DEPTH + 1:
            raise self.error(f"this is nested deeper than {BRACKET_DEPTH}", piece)
        READ[piece.kind](self, piece, rest)
        self.level -= 1

    def char(self, piece: Piece, rest: list[Piece]) -> None:
        c = piece.text
        if c in SIGNS:
            self.emit(*SIGNS[c], piece.start, piece.end)
        elif c == "&" and self.matrix:
            self.emit("op", ",", piece.start, piece.end)
        elif c.isspace() or c in ("~", "&"):
            if c == "\n" and self.level == 1 and not self.brackets:
                self.emit("end", "", piece.start, piece.end)
            self.spaced = True
        elif c in ("^", "_"):
            self.script(piece, rest)
        elif c in DIGITS:
            self.number(piece, rest)
        elif unicodedata.decomposition(c[0]).startswith(("<super>", "<sub>")):
            self.raised(piece, rest)
        elif c[0].isalpha():
            self.word(piece, rest)
        else:
            raise self.error(f"{c!r} is not known in a formula", piece)

    def number(self, piece: Piece, rest: list[Piece]) -> None:
        run = [piece]
        while _is(rest, DIGITS) or (_is(rest, ".") and _is(rest[-2:-1], DIGITS) and all(p.text != "." for p in run)):
            run.append(rest.pop())
        self.emit("number", "".join(p.text for p in run), piece.start, run[-1].end)

    def word(self, piece: Piece, rest: list[Piece]) -> None:
        run = [piece]
        while self.upright and rest and (rest[-1].kind, rest[-1].text[0].isalnum() or rest[-1].text) in WORDLY:
            run.append(rest.pop())
        text = "".join(letter(c) for p in run for c in p.text)
        self.emit("word", unicodedata.normalize("NFD", text), piece.start, run[-1].end)

    def raised(self, piece: Piece, rest: list[Piece]) -> None:
        """ᵀ ² ⁻¹ ₁₂ as scripts."""
        mark, run = unicodedata.decomposition(piece.text[0]).split()[0], [piece]
        while rest and rest[-1].kind == "char" and unicodedata.decomposition(rest[-1].text[0]).startswith(mark):
            run.append(rest.pop())
        plain = [p._replace(text="⊤" if p.text == "ᵀ" else unicodedata.normalize("NFKD", p.text)) for p in run[::-1]]
        rest.append(Piece("group", "{", piece.start, run[-1].end, plain))
        self.script(piece._replace(text="^" if mark == "<super>" else "_", end=piece.start), rest)

    def script(self, piece: Piece, rest: list[Piece]) -> None:
        label, k = bool(self.tokens) and self.tokens[-1][:2] == ("op", "|"), len(self.tokens)
        self.emit("op", piece.text, piece.start, piece.end)
        _skip(rest)
        if _is(rest, {*DIGITS, "+", "-"}) and _is(rest[-2:-1], DIGITS):
            both = rest[-1].text + rest[-2].text
            raise self.error(f"this covers {both[0]} only; write {piece.text}{{{both}}}", piece)
        if label and rest and (word := LABEL.match(self.source.text, rest[-1].start)):
            rest[-1] = rest[-1]._replace(inside=[Piece("char", word[1], *word.span(1), [])])
        self.scripts += 1
        self.group(rest, piece)
        self.scripts -= 1
        inner = self.tokens[k + 2 : -1]
        if inner and piece.text == "^" and all(t[:2] == ("op", "'") for t in inner):
            self.tokens[k:] = inner

    def atom(self, rest: list[Piece], owner: Piece) -> tuple[int, int, bool]:
        """Read what a command or a script applies to, a group or one sign: where it is, and whether in braces."""
        _skip(rest)
        name = owner.text if owner.kind == "char" else "\\" + owner.text
        if not rest or _is(rest, "^_&") or (rest[-1].kind, rest[-1].text) == ("command", "\\"):
            raise self.error(f"nothing follows {name}", owner)
        piece, k = rest.pop(), len(self.tokens)
        if piece.kind == "group":
            return self.inside(piece)
        self.piece(piece, [] if piece.kind == "char" else rest)
        made = self.tokens[k:]
        if not made or made[0].kind in ("open", "close", "tag", "end"):
            raise self.error(f"nothing follows {name}; write {name}{{...}}", owner)
        return piece.start, max(piece.end, made[-1].end), False

    def inside(self, piece: Piece) -> tuple[int, int, bool]:
        upright, self.braces = self.upright, self.braces + 1
        self.read(piece.inside)
        self.braces, self.upright = self.braces - 1, upright
        return piece.start, piece.end, True

    def group(self, rest: list[Piece], owner: Piece, first: Sign = ("group(", ""), last: Sign = (")group", "")) -> None:
        k = len(self.tokens)
        self.emit(*first, owner.end, owner.end)
        start, end, braced = self.atom(rest, owner)
        self.tokens[k] = self.tokens[k]._replace(start=start, end=start + braced)
        self.emit(*last, end - braced, end)

    def bare(self, piece: Piece, _: list[Piece]) -> None:
        """Braces that only hold together; {} is nothing, and {+} is +."""
        k, spaced = len(self.tokens), self.spaced
        self.emit("group(", "", piece.start, piece.start + 1)
        self.emit(")group", "", self.inside(piece)[1] - 1, piece.end)
        inner = self.tokens[k + 1 : -1]
        if not inner or (len(inner) == 1 and inner[0].kind == "op"):
            self.tokens[k:], self.spaced = [t._replace(spaced=spaced) for t in inner], spaced and not inner
            self.join()

    def command(self, piece: Piece, rest: list[Piece]) -> None:
        name = piece.text
        if name in SIMPLE:
            self.emit(*SIMPLE[name], piece.start, piece.end)
        elif name in COMMANDS:
            COMMANDS[name](self, piece, rest)
        elif name in SPACES or name in NOTHING or name == "rm":
            self.spaced, self.upright = self.spaced or name in SPACES, self.upright or name == "rm"
        elif name in SIZES:
            self.sized = -1 if _drop(rest, r" *\.") else piece.start
        elif name in ("begin", "end"):
            raise self.error(f"\\{name} needs the name of an environment in braces: \\{name}{{align}}", piece)
        else:
            near = get_close_matches(name, [*SIMPLE, *COMMANDS, *SIZES], 1)
            hint = f"did you mean \\{near[0]}?" if near else "a name of several letters is \\mathrm{...}"
            raise self.error(f"\\{name.strip()} is not known; {hint}", piece)

    def fraction(self, piece: Piece, rest: list[Piece]) -> None:
        self.emit("frac", "frac", piece.start, piece.end)
        self.group(rest, piece)
        self.group(rest, piece)

    def root(self, piece: Piece, rest: list[Piece]) -> None:
        self.emit("word", "sqrt", piece.start, piece.end)
        self.group(rest, piece, ("open", "("), ("close", ")"))

    def line(self, piece: Piece, rest: list[Piece]) -> None:
        if self.braces:
            raise self.error("a line ends between { and }", piece)
        _drop(rest, r"\*?\[-?[\d.]+ ?(pt|mm|cm|em|ex|in)\]|\*")
        self.emit(*(("op", ";") if self.matrix else ("end", "")), piece.start, piece.end)

    def font(self, piece: Piece, rest: list[Piece]) -> None:
        upright, k = self.upright, len(self.tokens)
        self.upright = upright or piece.text in UPRIGHT or piece.text in TEXTS
        _drop(rest, r"\*")
        _, end, _ = self.atom(rest, piece)
        self.upright = upright
        if len(self.tokens) == k + 1:  # the name stands with its font
            self.tokens[k] = self.tokens[k]._replace(start=piece.start, end=end)
        if piece.text in BOLD and not self.scripts and [t[:2] for t in self.tokens[k:]] == [("number", "1")]:
            self.tokens[k] = self.tokens[k]._replace(kind="ones")

    def text(self, piece: Piece, rest: list[Piece]) -> None:
        """A word as it stands, a number of an equation, or else signs like those outside."""
        _skip(rest)
        group = rest[-1] if rest and rest[-1].kind == "group" else piece._replace(start=piece.end)
        limits = group.start + 1, max(group.start + 1, group.end - 1)
        if numbered := NUMBERED.fullmatch(self.source.text, *limits):
            self.emit("tag", numbered[1], *numbered.span(1))
        elif said := SAID.fullmatch(self.source.text, *limits):
            word = ESCAPE.sub(lambda m: m[1] or (" " if m[0][0] != "\\" else "\\"), said[1].rstrip())
            self.emit("word", unicodedata.normalize("NFD", word), piece.start, group.end)
        else:
            return self.font(piece, rest)
        rest.pop()

    def accent(self, piece: Piece, rest: list[Piece]) -> None:
        k, spaced = len(self.tokens), self.spaced
        _, end, _ = self.atom(rest, piece)
        inner = self.tokens[k:]
        while len(inner) > 1 and inner[0].kind == "group(" and inner[-1].kind == ")group":
            inner = inner[1:-1]
        kinds = "".join(t.text if t.kind == "op" else SHORT.get(t.kind, "x") for t in inner)
        if not re.fullmatch(r"w(?:'|[_^]\([^()]*\))*", kinds):
            raise self.error(f"\\{piece.text} stands over one name, as in \\{piece.text}{{c}}", piece)
        end = end if len(inner) == 1 else inner[0].end
        self.tokens[k:] = [Token("word", inner[0].text + ACCENTS[piece.text], piece.start, end, spaced), *inner[1:]]

    def tag(self, piece: Piece, rest: list[Piece]) -> None:
        """\\tag{3}; what else stands in braces here is nothing of the formula."""
        _drop(rest, r"\*?\s*")
        if not rest or rest[-1].kind != "group":
            raise self.error(f"\\{piece.text} needs braces: \\{piece.text}{{...}}", piece)
        inside = slice((group := rest.pop()).start + 1, group.end - 1)
        if piece.text == "tag":
            self.emit("tag", self.source.text[inside].strip(" $\n"), piece.start, group.end)

    def brace(self, piece: Piece, rest: list[Piece]) -> None:
        """\\underbrace{X}_{what one says of it} is X."""
        self.atom(rest, piece)
        if _drop(rest, r"\s*[_^]\s*") and rest and rest.pop().kind == "command" and rest and rest[-1].kind == "group":
            rest.pop()

    def environment(self, piece: Piece, _: list[Piece]) -> None:
        """A matrix, or lines."""
        if piece.text not in LINES | MATRICES:
            known = ", ".join(sorted(LINES | MATRICES))
            raise self.error(f"\\begin{{{piece.text}}} is not known; there are {known}", piece)
        rest, matrix, saved = piece.inside, self.matrix, (self.braces, self.brackets, self.upright)
        self.matrix, self.braces = piece.text in MATRICES, 0
        _drop(rest, r"\[[tbc]\]")
        if piece.text in ("array", "alignat", "alignedat") and rest and rest[-1].kind == "group":
            rest.pop()
        if self.matrix:
            self.emit("matrix(", "[", piece.start, self.source.text.index("}", piece.start) + 1)
        self.read(rest)
        if self.matrix:
            if self.tokens[-1][:2] == ("op", ";") and self.source.text[self.tokens[-1].start] == "\\":
                self.tokens.pop()
            self.emit(")matrix", "]", self.source.text.rindex("\\end", 0, piece.end), piece.end)
        self.matrix, (self.braces, self.brackets, self.upright) = matrix, saved


READ = {"char": Reader.char, "command": Reader.command, "group": Reader.bare, "environment": Reader.environment}
COMMANDS = {"\\": Reader.line, "sqrt": Reader.root, "underbrace": Reader.brace, "overbrace": Reader.brace}
COMMANDS |= dict.fromkeys(FONTS | UPRIGHT, Reader.font) | dict.fromkeys(TEXTS, Reader.text)
COMMANDS |= dict.fromkeys(ACCENTS, Reader.accent)
COMMANDS |= dict.fromkeys("frac dfrac tfrac cfrac nicefrac sfrac".split(), Reader.fraction)
COMMANDS |= dict.fromkeys("tag label hspace vspace phantom hphantom vphantom".split(), Reader.tag)
