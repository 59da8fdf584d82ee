"""LaTeX as tokens, with the texts that the Unicode notation has."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from typing import NamedTuple

from tinyad.derivation.language.latex_commands import (
    ACCENTS,
    BOLD,
    CASES,
    CHARACTER_TOKENS,
    COMMAND_TOKENS,
    FONTS,
    IGNORED,
    JOINED_SIGNS,
    KIND_LETTERS,
    LINES,
    MATRICES,
    SIZES,
    SPACES,
    TEXTS,
    UPRIGHT,
    WORD_PARTS,
)
from tinyad.derivation.language.limits import BRACKET_DEPTH
from tinyad.derivation.language.names import FUNCTIONS
from tinyad.derivation.language.plain_tokens import letter
from tinyad.derivation.language.source import Source, likeliest
from tinyad.derivation.language.syntax_tree import Token

Sign = tuple[str, str]  # kind and text of a token
DIGITS = frozenset("0123456789")
BLANK = re.compile(r"\\[][()]|\$+|[%#][^\n]*|(\\[\s\S])")  # mathematics begins or ends, comments; (what stays)
STRUCTURE = re.compile(r"\\(begin|end)(?![A-Za-z])\s*\{([^{}\n]*)\}|\\[^\n]?|[{}]")
SCANNED = re.compile(  # an environment begins or ends, a command, a brace, a sign with its accents
    r"\\(begin|end)(?![A-Za-z])\s*\{([^{}\n]*)\}|\\([A-Za-z]+|[\s\S])|[{}]|[\s\S][\u0300-\u036f\u20d0-\u20ff]*"
)
PLAIN_WORDS = re.compile(r"\s*((?:[^\W\d_]|\\_)(?:[\w\s.,'’:~-]|\\[#$%&_{} ]|\\(?:textbackslash|[\^~])\{\})*)")
ESCAPE = re.compile(r"\\textbackslash\{\}|\\(.)(?:\{\})?|[~\s]+")
NUMBERED = re.compile(r"\s*\(?eq(?:uation|n)?(?:\.\s*|\s+)\(?([\w.-]*\d[\w.-]*)\)?\s*", re.IGNORECASE)
LABEL = re.compile(r"\{\s*([A-Za-z]{2,}(?:-\w+)?)\s*\}")


class LatexNode(NamedTuple):
    """A sign ("char"), "command", "group" or "environment"; `inside` holds its content, last first."""

    kind: str
    text: str
    start: int
    end: int
    inside: list[LatexNode]


def tokens(source: Source, start: int, end: int) -> list[Token]:
    """Return the tokens of source.text[start:end]; one "end" separates lines, whatever the line breaks."""
    text = BLANK.sub(lambda m: m[1] or " " * len(m[0]), source.text[start:end])
    _check(source, text, start)
    tokenizer = LatexTokenizer(source)
    tokenizer.read(_nodes(text, start))
    return tokenizer.tokens


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


def _nodes(text: str, shift: int) -> list[LatexNode]:
    """Return the nodes of a text whose braces and environments match, last first."""
    opened = [LatexNode("group", "", shift, shift, [])]
    for m in SCANNED.finditer(text):
        at, end = shift + m.start(), shift + m.end()
        if m[0] == "{" or m[1] == "begin":
            opened.append(LatexNode("environment" if m[1] else "group", (m[2] or "{").removesuffix("*"), at, end, []))
        elif m[0] == "}" or m[1] == "end":
            node = opened.pop()
            node.inside.reverse()
            opened[-1].inside.append(node._replace(end=end))
        else:
            kind, sign = ("command", m[3]) if m[3] else ("char", m[0])
            opened[-1].inside.append(LatexNode(kind, sign, at, end, []))
    return opened[0].inside[::-1]


def _is(rest: list[LatexNode], signs: Iterable[str]) -> bool:
    return bool(rest) and rest[-1].kind == "char" and rest[-1].text in signs


def _drop(rest: list[LatexNode], pattern: str) -> int:
    """Remove what comes next if it matches, and return its length."""
    ahead = "".join(p.text if p.kind == "char" and len(p.text) == 1 else "\\" for p in rest[:-20:-1])
    length = len(re.match(f"(?:{pattern})?", ahead)[0])  # type: ignore[index]
    del rest[len(rest) - length :]
    return length


def _skip(rest: list[LatexNode]) -> None:
    while rest and rest[-1].kind == "char" and rest[-1].text.isspace():
        rest.pop()


# np.sum( and axis=0, as programs have them
PROGRAM_WORD = re.compile(r"(?:np|numpy)\.([a-z]\w{1,20})(?=\()|((?:axis|keepdims|True|False)(?![A-Za-z]))")


class LatexTokenizer:
    """Make tokens from LaTeX nodes; the methods take nodes from the end of a list of those still to read."""

    def __init__(self, source: Source) -> None:
        self.source, self.tokens = source, list[Token]()
        self.level = self.brackets = self.braces = self.scripts = 0  # how deep inside
        self.spaced = self.upright = self.matrix = False
        self.sized = -1  # where a \left before a bracket stands

    def error(self, message: str, node: LatexNode) -> Exception:
        return self.source.error(message, node.start, node.end)

    def emit(self, kind: str, text: str, start: int, end: int) -> None:
        if kind == "end" and (not self.tokens or self.tokens[-1].kind == "end"):
            return
        if self.sized >= 0 and (kind in ("open", "close") or text == "|"):
            start = self.sized
        self.sized = -1
        self.brackets = max(0, self.brackets + (kind == "open") - (kind == "close"))
        self.tokens.append(Token(kind, text, start, end, self.spaced))
        self.spaced = False
        if text in ("=", ">", "|"):
            self.join()

    def join(self) -> None:
        """Join + and = directly after it into one sign, also in {+}= and \\mathrel{+}=."""
        if [t.kind for t in self.tokens[-2:]] == ["op", "op"]:
            first, last = self.tokens[-2:]
            sign, between = JOINED_SIGNS.get(first.text + last.text), self.source.text[first.end : last.start]
            if sign and re.fullmatch(r"[{}&]*(\\mathrel\{)?", between):
                self.tokens[-2:] = [Token("op", sign, first.start, last.end, first.spaced)]

    def read(self, rest: list[LatexNode]) -> None:
        while rest:
            self.read_node(rest.pop(), rest)

    def read_node(self, node: LatexNode, rest: list[LatexNode]) -> None:
        self.level += 1
        if self.level > BRACKET_DEPTH + 1:
            raise self.error(f"this is nested deeper than {BRACKET_DEPTH}", node)
        READ[node.kind](self, node, rest)
        self.level -= 1

    def char(self, node: LatexNode, rest: list[LatexNode]) -> None:
        c = node.text
        if c in CHARACTER_TOKENS:
            self.emit(*CHARACTER_TOKENS[c], node.start, node.end)
        elif c == "&" and self.matrix:
            self.emit("op", ",", node.start, node.end)
        elif c.isspace() or c in ("~", "&"):
            if c == "\n" and self.level == 1 and not self.brackets:
                self.emit("end", "", node.start, node.end)
            self.spaced = True
        elif c in ("^", "_"):
            self.script(node, rest)
        elif c in DIGITS:
            self.number(node, rest)
        elif unicodedata.decomposition(c[0]).startswith(("<super>", "<sub>")):
            self.raised(node, rest)
        elif c[0].isalpha():
            self.word(node, rest)
        else:
            raise self.error(f"{c!r} is not a known sign", node)

    def number(self, node: LatexNode, rest: list[LatexNode]) -> None:
        run = [node]
        while _is(rest, DIGITS) or (_is(rest, ".") and _is(rest[-2:-1], DIGITS) and all(p.text != "." for p in run)):
            run.append(rest.pop())
        self.emit("number", "".join(p.text for p in run), node.start, run[-1].end)

    def word(self, node: LatexNode, rest: list[LatexNode]) -> None:
        program = PROGRAM_WORD.match(self.source.text, node.start)
        if program and all(n.kind == "char" for n in rest[: -len(program[0]) : -1]):
            del rest[len(rest) - len(program[0]) + 1 :]
            name = f"np.{program[1]}"
            self.emit("word", name if name in FUNCTIONS else program[1] or program[2], node.start, program.end())
            return
        run = [node]
        while self.upright and rest and (rest[-1].kind, rest[-1].text[0].isalnum() or rest[-1].text) in WORD_PARTS:
            run.append(rest.pop())
        text = "".join(letter(c) for p in run for c in p.text)
        self.emit("word", unicodedata.normalize("NFD", text), node.start, run[-1].end)

    def raised(self, node: LatexNode, rest: list[LatexNode]) -> None:
        """Read ᵀ ² ⁻¹ ₁₂ as scripts."""
        mark, run = unicodedata.decomposition(node.text[0]).split()[0], [node]
        while rest and rest[-1].kind == "char" and unicodedata.decomposition(rest[-1].text[0]).startswith(mark):
            run.append(rest.pop())
        plain = [p._replace(text="⊤" if p.text == "ᵀ" else unicodedata.normalize("NFKD", p.text)) for p in run[::-1]]
        rest.append(LatexNode("group", "{", node.start, run[-1].end, plain))
        self.script(node._replace(text="^" if mark == "<super>" else "_", end=node.start), rest)

    def script(self, node: LatexNode, rest: list[LatexNode]) -> None:
        label, k = bool(self.tokens) and self.tokens[-1][:2] == ("op", "|"), len(self.tokens)
        self.emit("op", node.text, node.start, node.end)
        _skip(rest)
        if _is(rest, {*DIGITS, "+", "-"}) and _is(rest[-2:-1], DIGITS):
            both = rest[-1].text + rest[-2].text
            raise self.error(f"this applies to {both[0]} only; write {node.text}{{{both}}}", node)
        if label and rest and (word := LABEL.match(self.source.text, rest[-1].start)):
            rest[-1] = rest[-1]._replace(inside=[LatexNode("char", word[1], *word.span(1), [])])
        self.scripts += 1
        self.group(rest, node)
        self.scripts -= 1
        inner = self.tokens[k + 2 : -1]
        if inner and node.text == "^" and all(t[:2] == ("op", "'") for t in inner):
            self.tokens[k:] = inner

    def argument(self, rest: list[LatexNode], owner: LatexNode) -> tuple[int, int, bool]:
        """Read the argument of a command or a script; return its start and end, and whether it has braces."""
        _skip(rest)
        name = owner.text if owner.kind == "char" else "\\" + owner.text
        if not rest or _is(rest, "^_&") or (rest[-1].kind, rest[-1].text) == ("command", "\\"):
            raise self.error(f"nothing follows {name}", owner)
        node, k = rest.pop(), len(self.tokens)
        if node.kind == "group":
            return self.inside(node)
        self.read_node(node, [] if node.kind == "char" else rest)
        made = self.tokens[k:]
        if not made or made[0].kind in ("open", "close", "tag", "end"):
            raise self.error(f"nothing follows {name}; write {name}{{...}}", owner)
        return node.start, max(node.end, made[-1].end), False

    def inside(self, node: LatexNode) -> tuple[int, int, bool]:
        upright, self.braces = self.upright, self.braces + 1
        self.read(node.inside)
        self.braces, self.upright = self.braces - 1, upright
        return node.start, node.end, True

    def group(
        self, rest: list[LatexNode], owner: LatexNode, first: Sign = ("group(", ""), last: Sign = (")group", "")
    ) -> None:
        k = len(self.tokens)
        self.emit(*first, owner.end, owner.end)
        start, end, braced = self.argument(rest, owner)
        self.tokens[k] = self.tokens[k]._replace(start=start, end=start + braced)
        self.emit(*last, end - braced, end)

    def bare(self, node: LatexNode, _: list[LatexNode]) -> None:
        """Read braces that only group; {} is nothing, and {+} is +."""
        k, spaced = len(self.tokens), self.spaced
        self.emit("group(", "", node.start, node.start + 1)
        self.emit(")group", "", self.inside(node)[1] - 1, node.end)
        inner = self.tokens[k + 1 : -1]
        upright = len(inner) == 1 and inner[0].kind == "word" and len(inner[0].text) > 1  # {\\rm tr}
        if not inner or upright or (len(inner) == 1 and inner[0].kind == "op"):
            self.tokens[k:], self.spaced = [t._replace(spaced=spaced) for t in inner], spaced and not inner
            self.join()

    def command(self, node: LatexNode, rest: list[LatexNode]) -> None:
        name = node.text
        if name in COMMAND_TOKENS:
            self.emit(*COMMAND_TOKENS[name], node.start, node.end)
        elif name in COMMANDS:
            COMMANDS[name](self, node, rest)
        elif name in SPACES or name in IGNORED or name == "rm":
            if name in ("quad", "qquad") and not (self.braces or self.brackets or self.matrix):
                self.emit("quad", "", node.start, node.end)
            self.spaced, self.upright = self.spaced or name in SPACES, self.upright or name == "rm"
        elif name in SIZES:
            self.sized = -1 if _drop(rest, r" *\.") else node.start
        elif name in ("begin", "end"):
            raise self.error(f"\\{name} needs the name of an environment in braces: \\{name}{{align}}", node)
        else:
            near = likeliest(name, [*COMMAND_TOKENS, *COMMANDS, *SIZES])
            meant = f"did you mean \\{near}?" if near else "a name of several letters is \\mathrm{...}"
            raise self.error(f"\\{name.strip()} is not known; {meant}", node)

    def fraction(self, node: LatexNode, rest: list[LatexNode]) -> None:
        self.emit("frac", "frac", node.start, node.end)
        self.group(rest, node)
        self.group(rest, node)

    def root(self, node: LatexNode, rest: list[LatexNode]) -> None:
        self.emit("word", "sqrt", node.start, node.end)
        self.group(rest, node, ("open", "("), ("close", ")"))

    def line(self, node: LatexNode, rest: list[LatexNode]) -> None:
        if self.braces and not self.matrix:
            raise self.error("a line ends between { and }", node)
        _drop(rest, r"\*?\[-?[\d.]+ ?(pt|mm|cm|em|ex|in)\]|\*")
        self.emit(*(("op", ";") if self.matrix else ("end", "")), node.start, node.end)

    def font(self, node: LatexNode, rest: list[LatexNode]) -> None:
        upright, k = self.upright, len(self.tokens)
        self.upright = upright or node.text in UPRIGHT or node.text in TEXTS
        _drop(rest, r"\*")
        _, end, _ = self.argument(rest, node)
        self.upright = upright
        if len(self.tokens) == k + 1:  # the name stands with its font
            self.tokens[k] = self.tokens[k]._replace(start=node.start, end=end)
        if node.text in BOLD and not self.scripts and [t[:2] for t in self.tokens[k:]] == [("number", "1")]:
            self.tokens[k] = self.tokens[k]._replace(kind="ones")

    def text(self, node: LatexNode, rest: list[LatexNode]) -> None:
        """Read a word as it stands, the number of an equation, or else signs as outside of \\text."""
        _skip(rest)
        group = rest[-1] if rest and rest[-1].kind == "group" else node._replace(start=node.end)
        limits = group.start + 1, max(group.start + 1, group.end - 1)
        if numbered := NUMBERED.fullmatch(self.source.text, *limits):
            self.emit("tag", numbered[1], *numbered.span(1))
        elif words := PLAIN_WORDS.fullmatch(self.source.text, *limits):
            word = ESCAPE.sub(lambda m: m[1] or (" " if m[0][0] != "\\" else "\\"), words[1].rstrip())
            self.emit("word", unicodedata.normalize("NFD", word), node.start, group.end)
        else:
            return self.font(node, rest)
        rest.pop()

    def accent(self, node: LatexNode, rest: list[LatexNode]) -> None:
        k, spaced = len(self.tokens), self.spaced
        _, end, _ = self.argument(rest, node)
        inner = self.tokens[k:]
        while len(inner) > 1 and inner[0].kind == "group(" and inner[-1].kind == ")group":
            inner = inner[1:-1]
        kinds = "".join(t.text if t.kind == "op" else KIND_LETTERS.get(t.kind, "x") for t in inner)
        if not re.fullmatch(r"w(?:'|[_^]\([^()]*\))*", kinds):
            raise self.error(f"\\{node.text} stands over one name, as in \\{node.text}{{c}}", node)
        end = end if len(inner) == 1 else inner[0].end
        self.tokens[k:] = [Token("word", inner[0].text + ACCENTS[node.text], node.start, end, spaced), *inner[1:]]

    def tag(self, node: LatexNode, rest: list[LatexNode]) -> None:
        """Read \\tag{3}; skip the braces of commands that add nothing to the formula."""
        _drop(rest, r"\*?\s*")
        if not rest or rest[-1].kind != "group":
            raise self.error(f"\\{node.text} needs braces: \\{node.text}{{...}}", node)
        inside = slice((group := rest.pop()).start + 1, group.end - 1)
        if node.text == "tag":
            self.emit("tag", self.source.text[inside].strip(" $\n"), node.start, group.end)

    def brace(self, node: LatexNode, rest: list[LatexNode]) -> None:
        """Read \\underbrace{X}_{remark} as X."""
        self.argument(rest, node)
        if _drop(rest, r"\s*[_^]\s*") and rest and rest.pop().kind == "command" and rest and rest[-1].kind == "group":
            rest.pop()

    def above_sign(self, node: LatexNode, rest: list[LatexNode]) -> None:
        """Read \\overset{\\text{def}}{=} and \\stackrel{(a)}{=} as the sign alone."""
        k = len(self.tokens)
        self.argument(rest, node)
        del self.tokens[k:]
        self.argument(rest, node)

    def substack(self, node: LatexNode, rest: list[LatexNode]) -> None:
        """Read the rows of \\substack{...} with ; between them."""
        matrix, self.matrix = self.matrix, True
        k = len(self.tokens)
        self.argument(rest, node)
        self.tokens[k:] = [t for t in self.tokens[k:] if t.kind != "end"]
        self.matrix = matrix

    def environment(self, node: LatexNode, _: list[LatexNode]) -> None:
        """Read a matrix, or lines."""
        if node.text not in LINES | MATRICES | CASES:
            known = ", ".join(sorted(LINES | MATRICES | CASES))
            raise self.error(f"\\begin{{{node.text}}} is not known; there are {known}", node)
        rest, matrix, saved = node.inside, self.matrix, (self.braces, self.brackets, self.upright)
        self.matrix, self.braces = node.text in MATRICES | CASES, 0
        _drop(rest, r"\[[tbc]\]")
        if node.text in ("array", "alignat", "alignedat") and rest and rest[-1].kind == "group":
            rest.pop()
        if self.matrix:
            self.emit(
                "matrix(", "{" if node.text in CASES else "[", node.start, self.source.text.index("}", node.start) + 1
            )
        self.read(rest)
        if self.matrix:
            if self.tokens[-1][:2] == ("op", ";") and self.source.text[self.tokens[-1].start] == "\\":
                self.tokens.pop()
            self.emit(")matrix", "]", self.source.text.rindex("\\end", 0, node.end), node.end)
        self.matrix, (self.braces, self.brackets, self.upright) = matrix, saved


READ = {
    "char": LatexTokenizer.char,
    "command": LatexTokenizer.command,
    "group": LatexTokenizer.bare,
    "environment": LatexTokenizer.environment,
}
COMMANDS = {
    "\\": LatexTokenizer.line,
    "sqrt": LatexTokenizer.root,
    "overset": LatexTokenizer.above_sign,
    "stackrel": LatexTokenizer.above_sign,
    "underbrace": LatexTokenizer.brace,
    "overbrace": LatexTokenizer.brace,
    "substack": LatexTokenizer.substack,
}
COMMANDS |= dict.fromkeys(FONTS | UPRIGHT, LatexTokenizer.font) | dict.fromkeys(TEXTS, LatexTokenizer.text)
COMMANDS |= dict.fromkeys(ACCENTS, LatexTokenizer.accent)
COMMANDS |= dict.fromkeys("frac dfrac tfrac cfrac nicefrac sfrac".split(), LatexTokenizer.fraction)
COMMANDS |= dict.fromkeys("tag label hspace vspace phantom hphantom vphantom".split(), LatexTokenizer.tag)
