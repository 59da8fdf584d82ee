r"""Where the formulas of a document are: displays and inline formulas, comments for tinyad, and headings."""

from __future__ import annotations

import re
from bisect import bisect_left, insort
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from tinyad.derivation.language.limits import INLINE_CHARACTERS
from tinyad.derivation.language.macros import group_end
from tinyad.derivation.language.source import Source

ENVIRONMENTS = set("align alignat aligned flalign equation gather multline eqnarray displaymath math dmath".split())
ENVIRONMENTS |= {"IEEEeqnarray", "empheq"}
WITH_ARGUMENT = {"alignat", "IEEEeqnarray", "empheq"}  # the columns, or the environment that is meant
NUMBERED_ONCE = {"equation", "multline", "displaymath", "math", "dmath"}
SYSTEMS = {"array", "cases", "dcases", "rcases"}  # of equations, where a row begins with one
TRANSPARENT = ENVIRONMENTS | set("alignedat split gathered subequations".split())  # their rows are rows of the display
NO_FORMULAS = set("verbatim Verbatim lstlisting minted comment filecontents tikzpicture alltt code".split())
INSTRUCTION = re.compile(r"\s*tinyad:\s*(\w*)[ \t]*")
WORDS = ("declare", "forward", "backward", "ignore", "end")
CONNECTING = set(
    "and where with so hence thus then for if since when therefore or which gives i e that is we have".split()
)


class Display(NamedTuple):
    """A formula or more: where it stands; whether it is part of a line of prose, and whether one number is for all."""

    start: int
    end: int
    inline: bool = False
    one_number: bool = True


class Instruction(NamedTuple):
    """A comment for tinyad: its word, where it stands and where the rest is; whether it has lines of its own."""

    word: str
    at: int
    start: int
    end: int
    alone: bool


class Found(NamedTuple):
    """What a document holds: formulas, comments for tinyad, and headings with their places, each in order."""

    displays: list[Display]
    instructions: list[Instruction]
    headings: list[tuple[int, str]]


# LaTeX

SIGNS = re.compile(
    rf"\\verb\*?(?P<bar>[^A-Za-z\s*])[^\n]{{0,{INLINE_CHARACTERS}}}?(?P=bar)"
    r"|\\(?P<side>begin|end)\s*\{(?P<name>[^{}\n]*)\}"
    r"|\\(?P<section>title|chapter|(?:sub)*section|paragraph)\*?\s*(?:\[[^\]]*\])?(?=\{)"
    r"|(?<!\\)%(?P<comment>[^\n]*)|\\(?P<command>[A-Za-z@]+|[\s\S])|\$\$|\$"
)
OWN_ENVIRONMENT = re.compile(  # \newenvironment{eqn}{\begin{equation}}{\end{equation}}
    r"\\(?:re)?newenvironment\*?\s*\{(\w+\*?)\}\s*\{[^{}\n]{0,80}\\begin\s*\{(\w+\*?)\}"
)
OPENED_BY = {"[": "]", "(": ")", "$$": "$$", "$": "$"}


def in_latex(source: Source, environment_macros: Mapping[str, tuple[str, str]]) -> Found:
    r"""Return what a LaTeX document holds; `environment_macros` are those such as \be for \begin{equation}."""
    return _LatexScan(source, environment_macros).found


class _LatexScan:
    """One walk through a LaTeX document."""

    def __init__(self, source: Source, environment_macros: Mapping[str, tuple[str, str]]) -> None:
        self.source, self.environment_macros = source, environment_macros
        self.own_environments: dict[str, str] = dict(OWN_ENVIRONMENT.findall(source.text))
        self.found, self.has_groups = Found([], [], []), True
        self.opened: tuple[str, int, int] | None = None  # what closes it, where it begins, where its formula does
        begun = re.search(r"^[^%\n]*\\begin\s*\{document\}", source.text, re.MULTILINE)
        self.body = begun.end() if begun else 0
        at = 0
        while match := SIGNS.search(source.text, at):
            at = self.sign(match)
            if at < 0:
                break
        if self.opened and self.opened[0] != "$":
            self.unclosed()

    def unclosed(self) -> None:
        assert self.opened
        closing, start, inside = self.opened
        needed = {"]": r"\]", ")": r"\)", "$$": "$$"}.get(closing, f"\\end{{{closing}}}")
        raise self.source.error(f"{self.source.text[start:inside]} has no {needed}", start, inside)

    def sign(self, match: re.Match[str]) -> int:
        """Take one sign of the document, and return where to go on; -1 at its end."""
        if match["comment"] is not None:
            self.comment(match)
            return match.end()
        if match["section"]:
            end = group_end(self.source.text, match.end()) if self.has_groups else -1
            self.has_groups = end > 0
            if end > 0:
                self.found.headings.append((match.start(), self.source.text[match.end() + 1 : end - 1]))
            return match.end()
        side, name = match["side"], match["name"]
        if match["command"] in self.environment_macros:
            side, name = self.environment_macros[match["command"]]
        if side:
            return self.environment(match, side, name.strip())
        if match.start() >= self.body and (match["command"] or match[0]) in "[]()$$":
            self.dollar_or_bracket(match, match["command"] or match[0])
        return match.end()

    def environment(self, match: re.Match[str], side: str, name: str) -> int:
        plain, end = self.own_environments.get(name, name).removesuffix("*"), match.end()
        if side == "begin" and plain in NO_FORMULAS and not self.opened:
            closing = self.source.text.find(rf"\end{{{name}}}", end)
            return closing if closing >= 0 else -1
        if side == "end" and name == "document":
            return -1
        if match.start() < self.body:
            return end
        if side == "begin" and plain in ENVIRONMENTS and (not self.opened or self.opened[0] == "$"):
            skipped = re.compile(r"(?:\[[^\]\n]*\])?\s*\{[^{}\n]*\}" if plain in WITH_ARGUMENT else r"\[[tbc]\]")
            argument = skipped.match(self.source.text, end)
            self.opened = name, match.start(), argument.end() if argument else end
        elif side == "end" and self.opened and self.opened[0] == name:
            self.close(match.start(), plain in NUMBERED_ONCE, inline=False)
        return end

    def dollar_or_bracket(self, match: re.Match[str], sign: str) -> None:
        if self.opened is None:
            if sign in OPENED_BY:
                self.opened = OPENED_BY[sign], match.start(), match.end()
        elif self.opened[0] == sign:
            self.close(match.start(), True, inline=sign in ("$", ")"))
        elif self.opened[0] == "$" and sign in OPENED_BY:
            inside = min(match.start(), self.opened[2] + INLINE_CHARACTERS)
            if match.start() > inside or "\n\n" in self.source.text[self.opened[2] : inside]:
                self.opened = OPENED_BY[sign], match.start(), match.end()  # a lone $ in a paragraph before

    def close(self, end: int, one_number: bool, inline: bool) -> None:
        assert self.opened
        self.found.displays.append(Display(self.opened[2], end, inline, one_number))
        self.opened = None

    def comment(self, match: re.Match[str]) -> None:
        said = INSTRUCTION.match(match["comment"])
        if not said:
            return
        text, shift = self.source.text, match.start() + 1
        number = self.source.place(match.start())[0]
        alone = not text[self.source.line_start(number) : match.start()].strip()
        made = Instruction(said[1], match.start(), shift + said.end(), match.end(), alone)
        self.found.instructions.append(_known(self.source, made))


def _known(source: Source, instruction: Instruction) -> Instruction:
    if instruction.word not in WORDS:
        end = max(instruction.at + 1, instruction.end)
        message = f"tinyad: {instruction.word!r} is not known; there are {', '.join(WORDS)}"
        raise source.error(message, instruction.at, end)
    return instruction


def declaration_lines(source: Source, instruction: Instruction, comment: str) -> Iterator[tuple[int, int]]:
    """Yield where the declarations of one comment stand: in its line, or in the comment lines right below it."""
    if source.text[instruction.start : instruction.end].strip():
        yield instruction.start, instruction.end
        return
    number = source.place(instruction.at)[0] + 1
    while number <= source.line_count:
        line, start = source.line(number), source.line_start(number)
        match = re.match(comment, line)
        if not match or not line[match.end() :].strip() or INSTRUCTION.match(line, match.end()):
            return
        yield start + match.end(), start + len(line)
        number += 1


# Markdown, also in the cells of a notebook, and reStructuredText

FENCE = re.compile(r"^[ \t]*(?P<fence>```+|~~~+)[ \t]*(?P<kind>[^\n`]*)\n")
MARKDOWN = re.compile(
    r"^[ \t]*(?P<fence>```+|~~~+)[ \t]*(?P<kind>[^\n`]*)\n(?P<inside>[\s\S]*?)(?:^[ \t]*(?P=fence)[`~]*[ \t]*$|\Z)"
    r"|(?P<comment><!--)|^(?P<heading>\#{1,6}[ \t]+[^\n]*)|(?P<ticks>`{1,9})|\\\\?(?P<bracket>[\[(])"
    r"|\\(?P<escaped>[^A-Za-z\s])|\\begin\s*\{(?P<name>[A-Za-z]+)\*?\}|(?P<dollars>\$\$?)",
    re.MULTILINE,
)
FORMULA_OR_MARK = re.compile(r"\$[^$]*\$|\\\\?\([\s\S]*?\\\\?\)|^[ \t]*(?:[-*+>]|\d+[.)])[ \t]|[.,;]")
MATHEMATICS = ("math", "latex", "tex", "{math}")


def in_markdown(source: Source) -> Found:
    """Return what a Markdown text holds: $$, \\[, environments, fences of mathematics, inline formulas."""
    found, at, text, unclosed = Found([], [], []), 0, source.text, set[str]()
    while match := MARKDOWN.search(text, at):
        at = match.end()
        if match["fence"]:
            kind = match["kind"].strip().split(maxsplit=1)[:1]
            if kind and kind[0] in MATHEMATICS:
                found.displays.append(Display(match.start("inside"), match.end("inside")))
            elif kind == ["declare"]:
                start, end = match.span("inside")
                found.instructions.append(Instruction("declare", match.start(), start, end, True))
        elif match["comment"]:
            at = _markdown_comment(source, match, found)
        elif match["ticks"]:
            closing = text.find(match["ticks"], at, at + INLINE_CHARACTERS)
            at = closing + len(match["ticks"]) if closing >= 0 and "\n\n" not in text[at:closing] else at
        elif match["heading"]:
            found.headings.append((match.start(), match["heading"].strip("# \t")))
        elif match["bracket"] or match["name"] or match["dollars"]:
            at = _markdown_formula(source, match, found, unclosed)
    return found


def _markdown_comment(source: Source, match: re.Match[str], found: Found) -> int:
    """Take a comment, and return where to go on: behind it, or at the end of the text if it is not closed."""
    end = source.text.find("-->", match.end())
    end = end if end >= 0 else len(source.text)
    said = INSTRUCTION.match(source.text, match.end(), end)
    if said:
        number = source.place(match.start())[0]
        alone = not source.text[source.line_start(number) : match.start()].strip()
        found.instructions.append(_known(source, Instruction(said[1], match.start(), said.end(), end, alone)))
    return end


def _markdown_formula(source: Source, match: re.Match[str], found: Found, unclosed: set[str]) -> int:
    """Add the formula that begins here, and return where to go on; `unclosed` are signs that nothing closes."""
    text, start, sign = source.text, match.end(), match[0]
    name = match["name"]
    if (name and name not in ENVIRONMENTS) or sign in unclosed:
        return start
    closing = {"[": "]", "(": ")"}.get(match["bracket"] or "", "")
    pattern = re.escape(sign[:-1] + closing) if closing else re.escape(sign.replace("begin", "end"))
    inline = sign == "$" or closing == ")"
    if sign == "$":
        pattern = r"(?<![\\$])\$(?![\d$])"
    limit = start + INLINE_CHARACTERS if inline else len(text)
    ending = re.compile(pattern).search(text, start, limit)
    paragraph = "\n\n" in text[start : ending.start() if ending else start]
    if not ending or (inline and paragraph):
        if inline or (not ending and closing):
            unclosed |= {sign} if closing and not ending else set()
            return start
        raise source.error(f"{sign} has no {sign.replace('begin', 'end')}", match.start(), start)
    inline = inline and not _is_displayed(source, match.start(), start, ending.start())
    found.displays.append(Display(start, ending.start(), inline, not name or name in NUMBERED_ONCE))
    return ending.end()


def _is_displayed(source: Source, at: int, start: int, end: int) -> bool:
    """Return whether an inline formula is an equation on a line with formulas alone, as a display would be."""
    if "=" not in source.text[start:end]:
        return False
    number, last = source.place(at)[0], source.place(end)[0]
    line = source.text[source.line_start(number) : source.line_start(last) + len(source.line(last))]
    return len(line) < INLINE_CHARACTERS and not FORMULA_OR_MARK.sub("", line).strip()


RST = re.compile(
    r"^(?P<indent>[ \t]*)\.\. (?:math::[ \t]*(?P<first>[^\n]*)|(?P<comment>tinyad:[^\n]*)|(?P<declare>[ \t]*declare::))"
    rf"|:math:`(?P<inline>[^`]{{1,{INLINE_CHARACTERS}}})`"
    r"|^(?P<heading>\S[^\n]*)\n(?P<under>([=\-~^\"'#*+])\8{2,})[ \t]*$",
    re.MULTILINE,
)


def in_restructured_text(source: Source) -> Found:
    """Return what a reStructuredText holds: math directives and roles, and comments `.. tinyad: ...`."""
    found, text = Found([], [], []), source.text
    for match in RST.finditer(text):
        if match["inline"]:
            found.displays.append(Display(*match.span("inline"), inline=True))
        elif match["heading"]:
            found.headings.append((match.start(), match["heading"].strip()))
        elif match["comment"]:
            said = INSTRUCTION.match(match["comment"])
            assert said
            end = match.end()
            made = Instruction(said[1], match.start(), match.start("comment") + said.end(), end, True)
            if not text[made.start : end].strip():
                made = made._replace(end=_indented_until(source, match))
            found.instructions.append(_known(source, made))
        else:
            start, end = match.start("first"), _indented_until(source, match)
            found.displays.append(Display(start, end))
    return found


def _indented_until(source: Source, match: re.Match[str]) -> int:
    """Return where the content of a directive ends: before the first line that is not indented below it."""
    number = source.place(match.start())[0]
    depth, end = len(match["indent"]), match.end()
    while number < source.line_count:
        number += 1
        line = source.line(number)
        if line.strip() and len(line) - len(line.lstrip()) <= depth:
            break
        if line.strip():
            end = source.line_start(number) + len(line)
    return end


# The rows of a display

ROW_SIGNS = re.compile(
    r"(?P<wrap>\\eqalign\s*(?=\{))|(?P<system>(?:\\left\s*)?(?:\\\{|\\lbrace\b)\s*(?=\\begin)|\\right\s*\.)"
    r"|\\\\\*?(?:[ \t]*\[[^\]\n]*\])?|(?<!\\)%[^\n]*|\\(?P<side>begin|end)\s*\{(?P<name>[^{}\n]*)\}"
    r"|\\(?P<said>label|intertext|shortintertext|text|mbox|textrm|textnormal)\s*(?=\{)|\\(?P<space>qquad|quad)(?![A-Za-z])"
    r"|(?P<option>^[ \t]*:(?:label|nowrap|name|class|number):[ \t]*(?P<value>[^\n]*))"
    r"|(?P<open>\\?[({\[])|(?P<close>\\?[)}\]])|\\[\s\S]|(?P<mark>[,;=&])",
    re.MULTILINE,
)


CONDITION = re.compile(r"\\(?:in|forall|sim|leq?|geq?|neq?|[lc]?dots|propto|subset(?:eq)?)(?![A-Za-z])|[<>≤≥∈∀]")
SEPARATOR = re.compile(r"\\q?quad|[,;]|&[&\s]*")
BEFORE_COMPARED = {"if", "for", "when"}  # words before a comparison of indices that is a part of the line
COMPARED = re.compile(r"[\s~$,;\\]*[a-z]\s*(?:=|\\neq?(?![A-Za-z])|≠)\s*[a-z]\s*(?=[$.,;\s&]*(?:\\\\|\\end|\Z))")
BEHIND_WORDS = re.compile(r"(?:[\s,;]|\\q?quad(?![A-Za-z]))*")
END_OF_ROW = re.compile(r"[\s,.;]*(?:\\\\|\\(?:end|tag|label|notag|nonumber|q?quad)(?![A-Za-z])|\Z)")
COLUMNS = re.compile(r"\s*\{[lcr|\s]*\}")
SAYS_NOTHING = re.compile(r"(?<!\\)%[^\n]*|\\(?:label\s*\{[^{}]*\}|nonumber|notag|q?quad(?![A-Za-z]))|[&,.;\s]")


class Row(NamedTuple):
    """A part of a display that may be one equation, or the next part of the one before; its label or ""."""

    start: int
    end: int
    label: str
    continues: bool  # whether it may go on with the equation before it


def rows(source: Source, display: Display) -> list[Row]:
    """Return the rows of a display, and the equations that stand side by side in one."""
    return _Rows(source, display).rows


class _Rows:
    """One walk through a display: its rows, apart at the signs for a new row and at words between formulas."""

    def __init__(self, source: Source, display: Display) -> None:
        self.text, self.display = source.text, display
        self.rows: list[Row] = []
        self.start, self.label, self.continues = display.start, "", False
        self.last_label, self.labels, self.has_groups = "", 0, True
        self.separators: list[int] = []  # commas and wide spaces, where a second equation may begin
        self.equals: list[int] = []
        self.columns: list[int] = []  # signs &
        self.depth = self.braces = self.opaque = 0  # inside of brackets, of braces, of matrices
        self.systems: list[int] = []  # for each environment of rows that is open, how many matrices are around it
        at = display.start
        while (match := ROW_SIGNS.search(self.text, at, self.display.end)) is not None:
            at = self.take(match)
        self.cut(self.display.end, self.display.end, follows=True)
        if display.one_number and self.labels == 1:
            self.rows = [row._replace(label=self.last_label) for row in self.rows]

    def take(self, match: re.Match[str]) -> int:
        """Take one sign, and return where to go on."""
        end = match.end()
        if match["said"]:
            return max(end, self.words(match, self.depth or self.opaque))
        if match["wrap"] or match["system"]:
            return self.around_rows(match)
        if match["side"] or match["option"]:
            return self.environment(match)
        if match["open"]:
            self.depth, self.braces = self.depth + 1, self.braces + (match[0] == "{")
        elif match["close"]:
            self.depth, self.braces = max(0, self.depth - 1), max(0, self.braces - (match[0] == "}"))
        elif not (self.opaque or self.braces) and match[0].startswith("\\\\"):
            self.depth = 0
            self.cut(match.start(), end, follows=True)
        elif not (self.depth or self.opaque):
            self.note(match)
        return end

    def environment(self, match: re.Match[str]) -> int:
        """Take the begin or the end of an environment, or an option of a directive; return where to go on."""
        end, name = match.end(), (match["name"] or "").strip().removesuffix("*")
        if name in SYSTEMS and (closed := self.system(match, end)):
            return closed
        if match["side"] and name not in TRANSPARENT:
            self.opaque += 1 if match["side"] == "begin" else -1
            return end
        self.cut(match.start(), end, follows=True)
        if ":label:" in match[0]:
            self.set_label(match["value"].strip())
        return end

    def is_empty(self, end: int) -> bool:
        """Return whether nothing stands in the row so far."""
        return not (self.opaque or SAYS_NOTHING.sub("", self.text[self.start : end]).strip())

    def around_rows(self, match: re.Match[str]) -> int:
        r"""Take what only holds rows together: \eqalign{...}, and the brace before a system of equations."""
        end = match.end()
        if match["wrap"] and self.is_empty(match.start()):
            closing = group_end(self.text, end)
            if 0 < closing <= self.display.end:
                self.display = self.display._replace(end=closing - 1)
                self.start = end + 1
                return end + 1
        elif match["system"] and self.is_empty(match.start()):
            self.start = end
        elif match["system"] and "\\{" in match["system"]:
            self.depth += 1
        return end

    def system(self, match: re.Match[str], end: int) -> int:
        """Take the begin or the end of a system of equations, and return where to go on; 0 at a matrix or at cases."""
        if match["side"] == "begin" and self.is_empty(match.start()):
            columns = COLUMNS.match(self.text, end)
            self.systems.append(self.opaque)
            self.cut(match.start(), columns.end() if columns else end, follows=True)
            return self.start
        if match["side"] == "end" and self.systems[-1:] == [self.opaque]:
            self.systems.pop()
            self.cut(match.start(), end, follows=True)
            return end
        return 0

    def set_label(self, label: str) -> None:
        self.label = self.last_label = label
        self.labels += 1

    def note(self, match: re.Match[str]) -> None:
        if match["mark"] == "=":
            self.next_columns(match.start())
            self.equals.append(match.start())
        elif match["mark"] == "&":
            self.columns.append(match.start())
        elif match["mark"] or match["space"]:
            self.separators.append(match.start())

    def next_columns(self, equals: int) -> None:
        """Note where an equation begins in the next columns of a row, as in a &= b & c &= d."""
        last = self.equals[-1] if self.equals else self.display.end
        columns = [at for at in self.columns if at > last]
        if len(columns) > 1 and not self.text[columns[-1] + 1 : equals].strip():
            before, between = self.text[last + 1 : columns[0]], self.text[columns[0] + 1 : columns[-1]]
            if all(SAYS_NOTHING.sub("", part).strip() for part in (before, between)):
                insort(self.separators, columns[0])

    def words(self, match: re.Match[str], inside: int) -> int:
        """Take a label, or words between two formulas; return where to go on."""
        end = group_end(self.text, match.end()) if self.has_groups else -1
        if end < 0 or end > self.display.end:
            self.has_groups = False  # braces do not match: the tokens of the row say where
            return match.end()
        content = self.text[match.end() + 1 : end - 1].strip()
        if match["said"] == "label":
            self.set_label(content)
            return end
        words = set(re.findall(r"[a-z]+", content.lower()))
        compared = COMPARED.match(self.text, end, self.display.end) if words and words <= BEFORE_COMPARED else None
        if compared:
            self.separators = [at for at in self.separators if at < (self.equals or [0])[-1]]
            return compared.end()
        is_remark = words <= CONNECTING or " " in content or content[:1] == "(" or self.is_apart(match.start(), end)
        if "intertext" in match["said"] or (not inside and words and is_remark):
            self.cut(match.start(), end, follows=False)
        return end

    def is_apart(self, start: int, end: int) -> bool:
        r"""Return whether what stands here is apart from a formula: `\quad\text{elementwise}` at the end of a row."""
        before = self.text[self.start : start].rstrip(" \n&")
        return bool(before.endswith("quad") and END_OF_ROW.match(self.text, end, self.display.end))

    def cut(self, end: int, next_start: int, follows: bool) -> None:
        """End a row; where it has two equals signs with a comma or a wide space between them, these are two."""
        start, first = self.start, True
        for before, after in zip(self.equals, self.equals[1:], strict=False):
            k = bisect_left(self.separators, after)
            at = self.separators[k - 1] if k else -1
            if at > max(before, start):
                self.add(start, at, first)
                start, first = self.behind_separator(at), False
        last = self.equals[-1] if self.equals else start
        behind = next((at for at in self.separators if at > last), end)
        if self.equals and CONDITION.search(self.text, behind, end):
            self.add(start, behind, first)
            start, first = self.behind_separator(behind), False
        if self.add(start, end, first):
            self.label = ""
        self.start, self.continues = next_start, follows
        self.separators, self.equals, self.columns = [], [], []

    def behind_separator(self, at: int) -> int:
        space = SEPARATOR.match(self.text, at)
        return space.end() if space else at

    def add(self, start: int, end: int, first: bool) -> bool:
        """Add a row, and return whether there is anything in it."""
        start = BEHIND_WORDS.match(self.text, start, end).end()  # type: ignore[union-attr]  # it may be empty
        filled = bool(SAYS_NOTHING.sub("", self.text[start:end]).strip())
        if filled:
            self.rows.append(Row(start, end, self.label, self.continues and first))
        return filled
