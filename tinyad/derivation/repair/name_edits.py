"""Other names, times and left-hand sides: what an author may have copied wrongly."""

from __future__ import annotations

from collections.abc import Sequence

from tinyad.derivation.language.syntax_tree import Node, Ref, Token, walk
from tinyad.derivation.repair.author_notation import (
    Spelling,
    equals,
    leaves,
    reindexed,
    span,
    time_in,
    time_said,
)
from tinyad.derivation.repair.edit import Edit, Pen, applied, exchanged

OTHER = {"name": "d", "d": "name"}


class NameEdits(Pen):
    """Edits that put one name in the place of another."""

    def names(self) -> list[Edit]:
        """Another name in the place of one: those of the rule first."""
        found = [*self.operands(), *self.labels(), *self.everywhere()]
        for node in leaves(self.node):
            own = node.value if node.kind == "name" else node.value[0]
            whole = node.kind != "d" or node.value[1] is None
            here = self.spelled(node) if whole else None
            for ref in (*self.alternatives(own), *([] if whole else [own])):
                rule = self.wanted.index(ref) if ref in self.wanted else None
                rank = rule if rule is not None and rule < 20 else 30 + 8 * (ref.key != own.key)
                spelling = (
                    self.spellings.name(ref) if node.kind == "name" else self.spellings.derivative(ref, here, own)
                )
                if spelling is not None:
                    found.append(self.change(node, spelling, rank, "name", (node.kind, ref)))
                other = self.spellings.derivative(ref) if node.kind == "name" else self.spellings.name(ref)
                if other is not None:
                    found.append(self.change(node, other, rank + 15, "name", (OTHER[node.kind], ref)))
            other = self.spellings.derivative(own) if node.kind == "name" else self.spellings.name(own)
            if other is not None:
                found.append(self.change(node, other, 12, "name", (OTHER[node.kind], own)))
        return found

    def everywhere(self) -> list[Edit]:
        """Another name in every place of one that stands there more than once."""
        found = []
        named = [node for node in leaves(self.node) if node.kind == "name"]
        first, last = span(self.tokens, self.node)
        part = self.line._replace(tokens=self.tokens[first:last], start=self.node.start, end=self.node.end)
        pen = Pen(part._replace(members=(self.node,)), 0, self.spellings, (), ())
        for own in dict.fromkeys(node.value for node in named):
            places = [node for node in named if node.value == own]
            for ref in self.alternatives(own)[:20] if len(places) > 1 else ():
                spelling = self.spellings.name(ref)
                if spelling is not None:
                    edits = [pen.change(node, spelling, 0, "name", ("name", ref)) for node in places]
                    made = exchanged(self.node, [edit.tree for edit in edits if edit.tree is not None])
                    new = Spelling(*applied(pen.line, edits, self.source))
                    found.append(self.replace(self.node, new, 25, "names", made))
        return found

    def labels(self) -> list[Edit]:
        """A part of a derivative, by its label, in the place of another one or of a whole one."""
        found = []
        targets = [left.value[0] for left in self.line.left if left.kind == "d"]
        for node in (n for n in leaves(self.node) if n.kind == "d"):
            refs = dict.fromkeys((*targets, node.value[0]))
            for value in [(ref, label) for ref in refs for label in sorted(self.labels_known)]:
                spelling = self.spellings.part(*value)
                if value != node.value and spelling is not None:
                    made = Node("d", (), value, node.start, node.end)
                    found.append(self.replace(node, spelling, 14, "name", made))
        return found

    def operands(self) -> list[Edit]:
        """What stands in deriv(dz, x, y): the result and the operands of one equation, in their order."""
        found = []
        for node in walk(self.node):
            if node.kind == "deriv":
                for refs in self.equations:
                    found += self.operand_added(node, refs)
                    for k, (part, ref) in enumerate(zip(node.parts, refs, strict=False)):
                        spelling = self.spellings.derivative(ref) if k == 0 else self.spellings.name(ref)
                        if spelling is not None:
                            found.append(self.change(part, spelling, -1, "name", ("name" if k else "d", ref)))
        return found

    def operand_added(self, node: Node, refs: Sequence[Ref]) -> list[Edit]:
        """The operand of the equation that deriv() lacks."""
        found = []
        if len(node.parts) < len(refs):
            for k in range(1, len(refs)):
                spelling = self.spellings.name(refs[k])
                before = node.parts[min(k, len(node.parts)) - 1]
                if spelling is not None:
                    at = span(self.tokens, before)[1]
                    new = Spelling((Token("op", ",", 0, 0), *spelling.tokens), f", {spelling.text}")
                    rest = [part.value for part in (*node.parts[1:k], *node.parts[k:]) if part.kind == "name"]
                    fits = rest == [ref for ref in refs[1:] if ref != refs[k]]
                    found.append(self.insert(at, before.end, new, -2 if fits else 9, "name"))
        return found

    def alternatives(self, own: Ref) -> list[Ref]:
        """The names that may be meant in the place of one."""
        refs = [*self.wanted, *(ref for _, ref in self.spellings.known)]
        letters = sorted(self.spellings.names.indices)
        if own.indices:
            refs = [ref._replace(indices=own.indices) for ref in refs if len(ref.indices) == len(own.indices)]
            for k in range(len(own.indices)):
                refs += [own._replace(indices=(*own.indices[:k], x, *own.indices[k + 1 :])) for x in letters]
        return [ref for ref in dict.fromkeys(refs) if ref != own and ref.key != self.spellings.names.loss]

    def times(self) -> list[Edit]:
        """t - 1, t and t + 1 for one another."""
        found = self.beginnings()
        letter = self.spellings.names.time
        for node in leaves(self.node):
            ref = node.value if node.kind == "name" else node.value[0]
            if ref.time is None or ref.time[0] != "t":
                continue
            first, last = span(self.tokens, node)
            at = time_in(self.tokens[first:last], letter)
            if at is None:
                continue
            k, end = first + at[0], first + at[1]
            start, stop = self.tokens[k].start, self.tokens[end - 1].end
            for shift in (-1, 0, 1):
                if shift != ref.time[1]:
                    moved = ref._replace(time=("t", shift))
                    made = node._replace(value=moved if node.kind == "name" else (moved, node.value[1]))
                    new = time_said(self.tokens[k], shift, self.source.text[start - 1 : stop])
                    found.append(Edit(k, end, new.tokens, start, stop, new.text, 18, "time", (node, made)))
        return found

    def beginnings(self) -> list[Edit]:
        """A sum over time from the first step on."""
        found = []
        for node in walk(self.node):
            if node.kind == "sum" and node.value[0] == "time" and node.value[1] and node.value[1][0] == "=":
                first, last = span(self.tokens, node)
                k = next(k for k in range(first, last) if self.tokens[k].kind == "number")
                if self.tokens[k].text != "1":
                    made = node._replace(value=("time", ("=", 1), node.value[2]))
                    found.append(self.sign(k, "1", 18, "time", (node, made)))
        return found

    def left(self) -> list[Edit]:
        """The left-hand side belongs to another equation."""
        found = []
        for node in (leaf for left in self.line.left for leaf in leaves(left)):
            if node.kind == "name":
                for ref in self.alternatives(node.value):
                    spelling = self.spellings.name(ref)
                    if spelling is not None:
                        found.append(self.change(node, spelling, 23, "left"))
            else:
                found += self.other_indices(node)
                others = [other.value[0] for other in self.line.left if other.kind == "d"]
                known = [ref for kind, ref in self.spellings.known if kind == "name"]
                if not node.value[0].indices:
                    known = [ref._replace(indices=()) for ref in known]
                for ref in dict.fromkeys(known):
                    if ref not in others:
                        spelling = self.spellings.derivative(ref)
                        rank = (20 if ref.key in self.absent else 23) if ref in self.operands_near else 70
                        rank = 2 if self.doubled and ref.key in self.absent else rank
                        if spelling is not None:
                            found.append(self.change(node, spelling, rank, "left", ("d", ref)))
        return found

    def other_indices(self, node: Node) -> list[Edit]:
        """The same derivative on the left-hand side with another index."""
        ref, found = node.value[0], []
        for k in range(len(ref.indices)):
            for letter in sorted(self.spellings.names.indices - {*ref.indices}):
                new = ref._replace(indices=(*ref.indices[:k], letter, *ref.indices[k + 1 :]))
                spelling = reindexed(self.spelled(node), ref.indices, new.indices)
                found.append(self.change(node, spelling, 22, "left", ("d", new)))
        return found

    def swapped_left(self) -> list[Edit]:
        """[dy, dx] in the place of [dx, dy]."""
        if len(self.line.left) != 2:
            return []
        a, b = self.line.left
        (i, j), (k, m) = span(self.tokens, a), span(self.tokens, b)
        text, tokens = self.source.text, (*self.tokens[k:m], *self.tokens[j:k], *self.tokens[i:j])
        new = text[b.start : b.end] + text[a.end : b.start] + text[a.start : a.end]
        return [Edit(i, m, tokens, a.start, b.end, new, 10, "left")]

    def denominators(self) -> list[Edit]:
        """Another name below the line of a Jacobian."""
        found = []
        for node in (n for root in (*self.line.left, self.node) for n in walk(root)):
            if node.kind != "jacobian" or not isinstance(node.value, Ref):
                continue
            at = self.below(node)
            if at is None:
                continue
            first, last, start, end = at
            inside = any(n is node for n in walk(self.node))
            for ref in self.alternatives(node.value):
                spelling = self.spellings.name(ref)
                same = node.parts[0].kind == "name" and node.parts[0].value == ref  # ∂s/∂s says nothing
                if spelling is not None and not same:
                    tree = (node, node._replace(value=ref)) if inside else None
                    kind = "name" if inside else "left"
                    found.append(Edit(first, last, spelling.tokens, start, end, spelling.text, 25, kind, tree))
        return found

    def assign(self) -> list[Edit]:
        """+= for =, and back."""
        k = equals(self.tokens)
        return [self.sign(k, "+=" if self.tokens[k].text != "+=" else "=", 5, "assign")]
