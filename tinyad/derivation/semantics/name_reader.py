"""The names in a formula: which member of a family is meant, at which time, and what a symbol of a size counts."""

from __future__ import annotations

from typing import NoReturn

from tinyad.derivation.language.names import bound
from tinyad.derivation.language.syntax_tree import Node, Ref
from tinyad.derivation.semantics.environment import Environment, Remarks, Time, TimedName
from tinyad.derivation.semantics.limits import SIZE_DIGITS
from tinyad.derivation.semantics.values import Scope, Trouble, Unbound


class NameReader:
    """Read the names and sizes of formulas in one environment."""

    def __init__(self, environment: Environment, remarks: Remarks) -> None:
        self._declarations = environment.declarations
        self._sizes, self._last, self._remarks = environment.sizes, environment.last, remarks

    def refuse(self, node: Node, message: str, verdict: str = "does not fit") -> NoReturn:
        """Raise what is wrong with a part of a formula."""
        raise Trouble(verdict, message.replace("1_{(n,1)}", self.ones_of_a_size()), node)

    def unbound(self, node: Node, message: str, verdict: str = "does not fit") -> NoReturn:
        """Raise that a letter in a part of a formula is free."""
        raise Unbound(verdict, message, node)

    def ones_of_a_size(self) -> str:
        """Return 1_{(N,1)}, with a letter that the author has declared."""
        return f"1_{{({next(iter(self._sizes), 5)},1)}}"

    def time(self, ref: Ref, scope: Scope, node: Node) -> Time:
        """Return the time of a name: a number in a sequence, as in the text in a single step, None without time."""
        names = self._declarations.names
        if self._last is None:
            return ref.time or (("t", 0) if names.timed(ref.key) else None)
        if ref.time is not None:
            return self.time_of(ref.time, scope, node)
        if not names.timed(ref.key):
            return None
        if scope.t is None:
            self.unbound(node, f"{ref.key} is different at every time: at which is it meant?", "undefined")
        self._remarks.notes.add(f"{ref.key} has no time here: read at {names.time}")
        return scope.t

    def time_of(self, time: tuple[str, int], scope: Scope, node: Node) -> int:
        """Return a time in a sequence, t - 1 or T or 0, as a number."""
        assert self._last is not None
        letter, k = time
        if letter != "t":
            return k + (self._last if letter == "T" else 0)
        if scope.t is None:
            self.unbound(node, f"{self._declarations.names.time} is free: no Σ over it, and none on the left-hand side")
        return scope.t + k

    def key(self, key: str, scope: Scope, node: Node) -> str:
        """Return a key with the members of families in place of their letters."""
        for letter in self._declarations.names.letters(key):
            if letter not in scope.members:
                self.unbound(node, f"{letter} is free: no Σ over it, and none on the left-hand side")
            key = bound(key, letter, scope.members[letter])
        return key

    def timed_name(self, ref: Ref, scope: Scope, node: Node) -> TimedName:
        """Return the key and the time that a reference means."""
        return self.key(ref.key, scope, node), self.time(ref, scope, node)

    def number(self, key: str) -> float | None:
        """Return a size, or T, where it stands for a number, as in 1/B; None for other names."""
        if self._last is not None and key == self._declarations.names.last:
            return float(self._last)
        size = self._sizes.get(key.replace("_", ""))
        return None if size is None else float(size)

    def length(self, text: str, node: Node) -> int:
        """Return a side of a size as a number."""
        symbol = text.replace("_", "")
        if symbol.isdigit():
            if len(symbol) > SIZE_DIGITS:
                self.refuse(node, f"a size of {symbol}; write one that is declared")
            return int(symbol)
        if symbol not in self._sizes:
            self.refuse(node, f"the size {text} is not declared", "undefined")
        return self._sizes[symbol]


def sides(text: str) -> tuple[str, str]:
    """Return the rows and columns of a size in a formula, n×1 or n,1; "" for columns that are left out."""
    rows, _, columns = text.replace("×", ",").partition(",")
    return rows, columns
