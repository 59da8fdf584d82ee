"""New nodes of a syntax tree, none of them too deep."""

from __future__ import annotations

from typing import Any

from tinyad.derivation.language.limits import OPERATION_DEPTH, TOO_MANY_OPERATIONS
from tinyad.derivation.language.source import Source
from tinyad.derivation.language.syntax_tree import Node


class NodeBuilder:
    """Make the nodes of one parser, and know how deep each of them is."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self.depths: dict[int, int] = {}  # id of a node → its depth
        self.kept: list[Node] = []  # alive, so that their ids stay theirs

    def node(self, kind: str, parts: tuple[Node, ...], value: Any, start: int, end: int) -> Node:
        """Return a new node, or fail if it is too deep."""
        self.source.check_time()
        made = Node(kind, parts, value, start, end)
        depth = 1 + max((self.depths.get(id(part), 1) for part in parts), default=0)
        if depth > OPERATION_DEPTH:
            raise self.source.error(TOO_MANY_OPERATIONS, start, end)
        self.depths[id(made)] = depth
        self.kept.append(made)
        return made
