"""Lay out the lines of a source: what is made once, memory, views of it, and what needs both."""

from __future__ import annotations

from collections.abc import Iterable

from tinyad.compiled.line_breaks import WIDTH, length

Assigned = tuple[str, str]  # a name, or several, and a text
View = tuple[str, str, str]  # a name, what it is a view of, a text
INDENT = 8  # of a line in program()


class SetUp:
    """What a program makes once: memory, views of it, and lines that need both."""

    def __init__(self) -> None:
        self._memory: dict[str, list[str]] = {}  # first name of some memory → all its names
        self._texts: dict[str, str] = {}  # first name → what makes it
        self._views: list[View] = []
        self.lines: list[str] = []

    def new(self, name: str, text: str) -> str:
        """Name what depends on nothing: memory, or a constant."""
        self._memory[name], self._texts[name] = [name], text
        return name

    def view(self, name: str, base: str, text: str) -> str:
        """Name a view of what is called `base`; the whole of some memory is one more name of it."""
        if text in self._memory:
            self._memory[text].append(name)
        else:
            self._views.append((name, base, text))
        return name

    def all(self) -> list[str]:
        """Return the lines: memory, views, and the rest."""
        named = [(" = ".join(names), self._texts[name]) for name, names in self._memory.items()]
        alone = [part for part in named if part[0] in self._memory]
        shared = [f"{names} = {text}" for names, text in named if names not in self._memory]
        return [*together(alone), *shared, *view_lines(self._views), *self.lines]


def view_lines(views: Iterable[View]) -> list[str]:
    """Return the lines that name views, those of one base together, and views of views later."""
    lines, ahead = list[str](), sorted(views, key=lambda view: view[1])
    while ahead:
        names = {name for name, _, _ in ahead}
        lines += together((name, text) for name, base, text in ahead if base not in names)
        ahead = [view for view in ahead if view[1] in names]
    return lines


def together(assigned: Iterable[Assigned]) -> list[str]:
    """Return assignments as lines, each of as many names as it has room for."""
    found: list[tuple[list[str], list[str]]] = []
    for name, text in assigned:
        if not found or length(", ".join([*found[-1][0], name, *found[-1][1], text])) > WIDTH - INDENT:
            found.append(([], []))
        found[-1][0].append(name)
        found[-1][1].append(text)
    return [f"{', '.join(names)} = {', '.join(texts)}" for names, texts in found]
