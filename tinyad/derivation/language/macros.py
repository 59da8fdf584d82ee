r"""Macros of a LaTeX document: their definitions, and a text with them expanded that knows where each sign stands."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Callable, Iterator
from itertools import islice
from typing import NamedTuple

from tinyad.derivation.language.limits import (
    EXPANDED_CHARACTERS,
    EXPANSIONS,
    GROUP_CHARACTERS,
    MACRO_ARGUMENTS,
    MACROS,
)

COMMAND = re.compile(r"\\([A-Za-z@]+|[\s\S])")
DEFINITION = re.compile(
    r"\\(?P<kind>(?:re|provide)?newcommand|providecommand|renewcommand|DeclareRobustCommand|DeclareMathOperator"
    r"|DeclarePairedDelimiter|(?:New|Renew|Provide|Declare)DocumentCommand|def|gdef|edef|let)\*?(?![A-Za-z])\s*"
)
NAME = re.compile(r"\{\s*\\([A-Za-z@]+|[^\s{}])\s*\}|\\([A-Za-z@]+|[^\s{}])")
COUNT = re.compile(r"\s*\[(\d)\]")
DEFAULT = re.compile(r"\s*\[([^\]]*)\]")
PARAMETERS = re.compile(r"((?:#\d)*)\s*(?=\{)")
LET = re.compile(r"\s*=?\s*(\\(?:[A-Za-z@]+|[^\s{}]))")
SWITCH = re.compile(r"\s*\\(?:rm|bf|it|em|cal|sf|tt|sc|sl|\w+(?:shape|series|family)|color)(?![A-Za-z])")
COMMENT = re.compile(r"(\\[\s\S])|%[^\n]*")
# What stands around a parameter where its argument is a part of its own: braces, brackets, a derivative sign.
OPENING = re.compile(r"(?:[{(\[]|\\partial|\\nabla|\\left[(\[])\s*$")
CLOSING = re.compile(r"\s*(?:[})\]]|\\right[)\]])")


class Macro(NamedTuple):
    """A command of the author's: how many arguments it takes, the default of the first, and what it stands for."""

    name: str
    arguments: int
    default: str | None
    body: str


def _commands(table: str) -> Iterator[Macro]:
    for row in table.strip().splitlines():
        name, count, body = (*row.split(maxsplit=2), "")[:3]
        yield Macro(name, int(count), None, body)


# Commands of packages that say nothing in a formula, or stand for what is in their braces.
OF_PACKAGES = {
    macro.name: macro
    for macro in _commands(
        r"""
        ensuremath 1 #1
        xspace 0
        intertext 1
        shortintertext 1
        textcolor 2 #2
        color 1
        colorbox 2 #2
        mathcolor 2 #2
        highlight 1 #1
        ref 1
        eqref 1
        cite 1
        citep 1
        citet 1
        footnote 1
        footnotemark 0
        overset 2 #2
        underset 2 #2
        stackrel 2 #2
        triangleq 0 =
        overbracket 1 #1
        underbracket 1 #1
        qedhere 0
        allowdisplaybreaks 0
        displaybreak 0
        allowbreak 0
        nobreak 0
        medspace 0
        thickspace 0
        negthinspace 0
        hfill 0
        mathstrut 0
        strut 0
        noindent 0
        centering 0
        small 0
        footnotesize 0
        normalsize 0
        IEEEyesnumber 0
        IEEEnonumber 0
        IEEEeqnarraynumspace 0
        mleft 0 \left
        mright 0 \right
        """
    )
}


class Definition(NamedTuple):
    """A macro, and from where in the text on it holds."""

    at: int
    macro: Macro


class Macros:
    """The macros of one document."""

    def __init__(self) -> None:
        self._definitions: dict[str, list[Definition]] = {}

    def read(self, text: str) -> None:
        """Learn all definitions in a text, in order."""
        text = COMMENT.sub(lambda m: m[1] or " " * len(m[0]), text)
        for match in islice(DEFINITION.finditer(text), MACROS):
            macro = _definition(text, match)
            if macro is not None:
                macro = macro._replace(body=_without_braces(macro.body))
                self._definitions.setdefault(macro.name, []).append(Definition(match.start(), macro))

    def without_arguments(self) -> list[Macro]:
        """Return the last definition of each macro that takes no argument."""
        last = [definitions[-1].macro for definitions in self._definitions.values()]
        return [macro for macro in last if not macro.arguments]

    def at(self, name: str, position: int) -> Macro | None:
        """Return what a command stands for at a position; the definition before it counts, or else the first."""
        known = self._definitions.get(name)
        if not known:
            return OF_PACKAGES.get(name)
        return known[max(0, bisect_right(known, position, key=lambda definition: definition.at) - 1)].macro

    def is_endless(self, name: str, position: int) -> bool:
        """Return whether a macro comes back in what it stands for."""
        seen, open_ = set[str](), [name]
        while open_:
            macro = self.at(open_.pop(), position)
            used = set(COMMAND.findall(macro.body)) if macro else set[str]()
            if name in used:
                return True
            open_ += used - seen
            seen |= used
        return False


def _definition(text: str, match: re.Match[str]) -> Macro | None:
    """Return the macro that a definition makes; None for a form that is not read."""
    named = NAME.match(text, match.end())
    if not named:
        return None
    name, at, kind = named[1] or named[2], named.end(), match["kind"]
    if kind in ("def", "gdef", "edef"):
        parameters = PARAMETERS.match(text, at)
        body = _group(text, parameters.end()) if parameters else None
        return Macro(name, parameters[1].count("#"), None, body) if parameters and body is not None else None
    special = SPECIAL.get(kind, SPECIAL["DocumentCommand"] if kind.endswith("DocumentCommand") else None)
    if special is not None:
        return special(text, name, at)
    count, default = COUNT.match(text, at), None
    at = count.end() if count else at
    if count and (given := DEFAULT.match(text, at)):
        default, at = given[1], given.end()
    body = _group(text, at)
    return Macro(name, int(count[1]) if count else 0, default, body) if body is not None else None


def _let(text: str, name: str, at: int) -> Macro | None:
    target = LET.match(text, at)
    return Macro(name, 0, None, target[1]) if target and target[1] != "\\" + name else None


def _operator(text: str, name: str, at: int) -> Macro | None:
    body = _group(text, at)
    return Macro(name, 0, None, rf"\operatorname{{{body}}}") if body is not None else None


def _delimiter(text: str, name: str, at: int) -> Macro | None:
    sides = _groups(text, at, 2)
    return Macro(name, 1, None, f"{sides[0]} #1 {sides[1]}") if sides else None


def _document_command(text: str, name: str, at: int) -> Macro | None:
    sides = _groups(text, at, 2)
    return Macro(name, len(sides[0].split()), None, sides[1]) if sides and not set(sides[0]) - set("m ") else None


SPECIAL: dict[str, Callable[[str, str, int], Macro | None]] = {
    "let": _let, "DeclareMathOperator": _operator, "DeclarePairedDelimiter": _delimiter,
    "DocumentCommand": _document_command,
}  # fmt: skip


def _without_braces(body: str) -> str:
    """Return a body without braces around all of it: they group nothing, unless a font begins in them."""
    body = body.strip()
    while body[:1] == "{" and group_end(body, 0) == len(body) and not SWITCH.match(body, 1):
        body = body[1:-1].strip()
    return body


def group_end(text: str, at: int) -> int:
    """Return where the group ends whose { stands at a position, or -1 if it has no end, or only one far away."""
    depth, k = 0, at
    while k < min(len(text), at + GROUP_CHARACTERS):
        if text[k] == "\\":
            k += 1
        elif text[k] == "{":
            depth += 1
        elif text[k] == "}":
            depth -= 1
            if not depth:
                return k + 1
        k += 1
    return -1


def _group(text: str, at: int) -> str | None:
    """Return what is in the braces that follow; None if there are none."""
    while at < len(text) and text[at].isspace():
        at += 1
    end = group_end(text, at) if text[at : at + 1] == "{" else -1
    return text[at + 1 : end - 1] if end > 0 else None


def _groups(text: str, at: int, count: int) -> list[str]:
    """Return what is in as many groups that follow; [] if there are fewer."""
    found: list[str] = []
    while len(found) < count:
        start = text.find("{", at)
        body = _group(text, at)
        if body is None:
            return []
        found.append(body)
        at = start + len(body) + 2
    return found


class ExpansionError(Exception):
    """A macro cannot be expanded: why, and where its use stands in the text that was given."""

    def __init__(self, message: str, start: int, end: int) -> None:
        super().__init__(message)
        self.message, self.start, self.end = message, start, end


class Expansion:
    """A text with its macros expanded; every sign knows from where to where in the text it was written."""

    def __init__(self, text: str, start: int, macros: Macros, check_time: Callable[[], None]) -> None:
        self.text, self.macros, self.at = text, macros, start
        self.starts = list(range(start, start + len(text)))
        self.ends = list(range(start + 1, start + len(text) + 1))
        self._expand(check_time)

    def _expand(self, check_time: Callable[[], None]) -> None:
        at = uses = 0
        while match := COMMAND.search(self.text, at):
            macro = self.macros.at(match[1], self.at)
            if macro is None:
                at = match.end()
                continue
            check_time()
            uses += 1
            self._replace(macro, match)
            if uses > EXPANSIONS or len(self.text) > EXPANDED_CHARACTERS:
                why = "comes back in what it stands for" if self.macros.is_endless(macro.name, self.at) else (
                    f"expands to more than {EXPANDED_CHARACTERS} signs" if uses <= EXPANSIONS else
                    f"is the last of more than {EXPANSIONS} macros"
                )  # fmt: skip
                raise self._error(f"\\{macro.name} {why} on this line", match.start(), match.start() + 1)
            at = match.start()

    def _error(self, message: str, first: int, last: int) -> ExpansionError:
        return ExpansionError(message, self.starts[first], self.ends[last - 1])

    def _replace(self, macro: Macro, match: re.Match[str]) -> None:
        """Put what a macro stands for in the place of its use."""
        first, last = match.span()
        arguments, last = self._arguments(macro, first, last)
        span = self.starts[first], max(self.ends[first:last])
        text, starts, ends = "", list[int](), list[int]()
        for piece, is_parameter in _pieces(macro.body):
            argument = arguments[int(piece) - 1] if is_parameter and int(piece) <= len(arguments) else None
            added = piece if not is_parameter else argument[0] if argument else ""
            if re.search(r"\\[A-Za-z@]+$", text) and added[:1].isalpha():
                text, starts, ends = text + " ", [*starts, span[0]], [*ends, span[1]]
            if argument and argument[1] >= 0 and _stands_alone(macro.body, piece):
                inside = slice(argument[1], argument[1] + len(added))
                starts, ends = starts + self.starts[inside], ends + self.ends[inside]
            else:
                starts, ends = starts + [span[0]] * len(added), ends + [span[1]] * len(added)
            text += added
        if re.search(r"\\[A-Za-z@]+$", text) and self.text[last : last + 1].isalpha():
            text, starts, ends = text + " ", [*starts, span[0]], [*ends, span[1]]
        self.text = self.text[:first] + text + self.text[last:]
        self.starts[first:last], self.ends[first:last] = starts, ends

    def _arguments(self, macro: Macro, first: int, last: int) -> tuple[list[tuple[str, int]], int]:
        """Return the arguments of a use, each with its place, -1 for a default, and where the use ends."""
        found: list[tuple[str, int]] = []
        starred = re.compile(r"\s*\*").match(self.text, last) if macro.arguments else None
        last = starred.end() if starred else last
        if macro.default is not None:
            given = DEFAULT.match(self.text, last)
            found.append((given[1], given.start(1)) if given else (macro.default, -1))
            last = given.end() if given else last
        while len(found) < min(macro.arguments, MACRO_ARGUMENTS):
            at = last
            while at < len(self.text) and self.text[at].isspace():
                at += 1
            if at == len(self.text) or self.text[at] in "}&":
                count = f"{macro.arguments} argument{'s' * (macro.arguments > 1)}"
                raise self._error(f"\\{macro.name} takes {count}; here are {len(found)}", first, last)
            if self.text[at] == "{":
                last = group_end(self.text, at)
                if last < 0:
                    raise self._error("this { has no }", at, at + 1)
                found.append((self.text[at + 1 : last - 1], at + 1))
            else:
                command = COMMAND.match(self.text, at)
                last = command.end() if command else at + 1
                found.append((self.text[at:last], at))
        return found, last

    def place(self, start: int, end: int) -> tuple[int, int]:
        """Return where a part of the expanded text was written."""
        if not self.starts:
            return self.at, self.at
        if start >= len(self.starts):
            return self.ends[-1], self.ends[-1]
        if end <= start:
            return self.starts[start], self.starts[start]
        return self.starts[start], max(self.ends[end - 1], self.starts[start])


def _pieces(body: str) -> Iterator[tuple[str, bool]]:
    """Yield the parts of a body in order, each with whether it is the number of a parameter."""
    at = 0
    for match in re.finditer(r"\\[\s\S]|#(\d)", body):
        if match[1]:
            yield body[at : match.start()], False
            yield match[1], True
            at = match.end()
    yield body[at:], False


def _stands_alone(body: str, parameter: str) -> bool:
    """Return whether a parameter has its own brackets, so that what it stands for never joins what is around it."""
    before, _, after = body.partition(f"#{parameter}")
    return bool(OPENING.search(before) and CLOSING.match(after))
