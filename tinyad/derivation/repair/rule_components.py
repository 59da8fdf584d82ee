"""Contributions to a derivative by the rules, component by component: Σ_i ∂L/∂y_i x_j."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import chain, count
from typing import Any

from tinyad.derivation.language.syntax_tree import Node, Ref, walk
from tinyad.derivation.repair.component_forms import ComponentForm, has_indices, paths
from tinyad.derivation.repair.formula import (
    NUMBER,
    Formula,
    NoFormula,
    added,
    componentwise,
    filled,
    leaf,
    number,
    product,
    quotient,
    transposed,
)
from tinyad.derivation.repair.rule_walk import OF_TWO, WRITTEN_OUT, EquationAt, RuleWalk, Term
from tinyad.derivation.semantics.functions import NOT_COMPONENTWISE
from tinyad.engine.vjp import in_same_layout

Letters = Mapping[str, str]  # of an equation, as they are called in the line


def component_terms(walk_: RuleWalk, of: Ref, equation: int, later: Any) -> list[Term]:
    """Return what each use of a name in one equation contributes to one component of its derivative.

    A line without indices gets the same for whole columns and matrices, where no entry needs another one.
    """
    it = _Uses(walk_, of, equation, later)
    return [Term(formula, equation, later) for formula in it.formulas()]


class _Uses:
    """The uses of a name in one equation."""

    def __init__(self, walk_: RuleWalk, of: Ref, equation: int, later: Any) -> None:
        self.walk, self._notation, self._of = walk_, walk_.notation, of
        self._eq = walk_.forward[equation]
        self.at = EquationAt(walk_, self._eq, of._replace(indices=()), later, components=True)
        nodes = [node for member in self._eq.members for node in walk(member)]
        named = {x for n in (*self._eq.left, *nodes) if n.kind == "name" for x in n.value.indices}
        named |= {x for n in nodes if n.kind == "component" for x in n.value}
        named |= {n.value[1] for n in nodes if n.kind == "sum" and n.value[0] == "index"}
        free = (
            *sorted(walk_.notation.names.indices - named - {*of.indices}),
            *(x for x in of.indices if x not in named),
        )
        known = chain(free, map(str, count()))  # a number is no letter: it serves where no letter is written
        self.form = ComponentForm(known, self.at.size_of, self.at.simplest)
        self.free: tuple[str, ...] = ()  # the letters of the equation's result
        self._is_of_components = has_indices(self._eq.members[0])

    def formulas(self) -> Iterator[Formula]:
        """Yield what each use contributes."""
        left = self._eq.left[0]
        free = self.free = left.value.indices or self.form.letters_for(self.at.size_of(left) or NUMBER)
        body = self.form.of(self._eq.members[0], free)
        for path in paths(body, self.is_use):
            yield from self._contributions(body, path, free)

    def is_use(self, node: Node) -> bool:
        if node.kind != "name" or node.value.key != self._of.key:
            return False
        timed = self.walk.point.last is not None and self._notation.names.timed(self._of.key)
        return not timed or (self.at.moved(node.value).time or ("t", 0)) == (self._of.time or ("t", 0))

    def _contributions(self, body: Node, path: Sequence[int], free: tuple[str, ...]) -> Iterator[Formula]:
        """Yield what the use at the end of a path contributes."""
        bound, node = list[str](), body
        for k in path:
            bound += [node.value[1]] if node.kind == "sum" else []
            node = node.parts[k]
        own = next(n.value.indices for n in walk(node) if self.is_use(n))
        sides = [n for n in self.walk.case.shape[::-1] if n > 1]
        if not {*own} <= {*free, *bound} or len(own) != len(sides):
            raise NoFormula
        target = self._of.indices or own
        letters = dict(zip(own[::-1], target[::-1], strict=True))  # of A_ii the first one stays
        diagonal = self._diagonal(own, target)
        others = [x for x in dict.fromkeys((*free, *bound)) if x not in own]
        for letter in others:
            taken = letter in letters.values()
            letters[letter] = self.form.fresh() if taken else letter
        heads = [letters[x] for x in others]
        if self._of.indices or (not target and self._is_of_components):
            whole = None
        elif heads and target:
            if len(heads) + len(target) > len(NUMBER):
                raise NoFormula
            whole = (*heads, *target)
        else:
            whole = target or tuple(heads)
        writer = _Writer(self, whole)
        adjoint = writer.adjoint(tuple(letters[x] for x in free))
        for factors in writer.along(body, path, [*diagonal, adjoint], letters):
            if whole is None:
                yield self.walk.under([self._notation.sum_over(x) for x in heads], multiplied(factors))
            elif heads and not target:
                yield leaf(f"sum({self.walk.text(multiplied(factors))})", NUMBER)
            else:
                formula = self._contracted(factors) if heads else multiplied(factors)
                yield self._of_all_entries(transposed(formula) if self.walk.row else formula)

    def _diagonal(self, own: tuple[str, ...], target: tuple[str, ...]) -> list[Formula]:
        """Return δ_ij as a factor where A_ii is used, of which the other entries are not."""
        if len({*own}) == len(own):
            return []
        if not self._of.indices:
            raise NoFormula
        delta = r"\delta" if self._notation.latex else "δ"
        return [leaf(self._notation.with_indices(delta, target), NUMBER)]

    def _of_all_entries(self, formula: Formula) -> Formula:
        """Return a derivative of a column or a matrix; a number is that of every entry."""
        if not formula.is_number:
            return formula
        columns, rows = self.walk.case.shape
        return filled(formula, (columns, rows) if self.walk.row else (rows, columns), *self.at.ones((rows, columns)))

    def _contracted(self, factors: Sequence[Formula]) -> Formula:
        """Return Σ_i a_i M_ij b_j of columns for i, matrices and rows for j, as a column: b ∘ Mᵀ a."""
        columns = [f for f in factors if f.size[1] == 1 and not f.is_number]
        rows = [transposed(f) for f in factors if f.size[0] == 1 and not f.is_number]
        matrices = [f for f in factors if 1 not in f.size]
        numbers = [f for f in factors if f.is_number]
        if matrices and columns:
            total = product(transposed(multiplied(matrices)), multiplied(columns))
        elif columns and not matrices:
            total = leaf(f"sum({self.walk.text(multiplied(columns))})", NUMBER)
        else:
            raise NoFormula
        return multiplied([*numbers, *rows, total])


def multiplied(factors: Sequence[Formula]) -> Formula:
    """Return the product of components: of a column and a row, that of matrices."""
    total = number(1.0)
    for factor in factors:
        total = _times(total, factor)
    return total


def _times(a: Formula, b: Formula) -> Formula:
    if a.is_number or b.is_number or a.size == b.size:
        return componentwise(a, b)
    column, row = (a, b) if a.size[1] == 1 else (b, a)
    if column.size[1] != 1 or row.size[0] != 1:
        raise NoFormula
    return product(column, row)


def without_entry(node: Node) -> Node:
    """Return a condition as it is, not as an entry of a formula."""
    comparison = node.kind == "entry" and node.parts[0].kind == "comparison"
    return node.parts[0] if comparison else node


class _Writer:
    """Write formulas of components: numbers with letters, or of the letters `whole` columns and matrices without."""

    def __init__(self, uses: _Uses, whole: tuple[str, ...] | None) -> None:
        self._uses, self._whole = uses, whole
        self._walk, self._notation, self._at = uses.walk, uses.walk.notation, uses.at

    def adjoint(self, letters: tuple[str, ...]) -> Formula:
        """Return the derivative of a component of the equation's result."""
        ref = self._at.result._replace(indices=())
        if ref.key == self._notation.names.loss:
            return number(1.0)
        usable = any(self._walk.is_usable(r) for r in (ref, ref._replace(indices=letters), self._at.result))
        fragment = self._notation.component("d", ref._replace(indices=letters if self._whole is None else ()))
        if usable and fragment is not None:
            return self._leaf(fragment.text, ref, letters, self._walk.row)
        if self._whole is not None:
            found = self._walk.adjoint(self._at.result)
            return self._oriented(transposed(found) if self._walk.row else found, letters)
        with self._walk.one_deeper():
            indexed = self._at.result._replace(indices=letters)
            return added(
                [
                    t.formula
                    for k, later in self._walk.uses_of(ref)
                    for t in component_terms(self._walk, indexed, k, later)
                ]
            )

    def _leaf(self, text: str, ref: Ref, letters: tuple[str, ...], turned: bool = False) -> Formula:
        """Return a name or a derivative with these letters; `turned` as it stands in row layout."""
        if self._whole is None or not letters:
            return leaf(text, NUMBER)
        size = self._at.size_of(Node("name", (), ref._replace(indices=()), 0, 0))
        if size is None:
            raise NoFormula
        found = leaf(text, size[::-1] if turned else size, key=f"name {ref.key}")
        return self._oriented(transposed(found) if turned else found, letters)

    # Derivatives

    def along(self, node: Node, path: Sequence[int], g: list[Formula], letters: Letters) -> Iterator[list[Formula]]:
        """Yield the factors of the derivative of what ends a path below a node; g are those of the node's own."""
        if node.kind == "cases":
            yield [self._of_cases(node, multiplied(g), letters)]
        elif not path:
            yield g
        elif node.kind == "softmax":
            for inner in self._of_softmax(node, g, letters):
                yield from self.along(node.parts[0], path[1:], inner, letters)
        else:
            slope = self._slope(node, path[0], letters)
            yield from self.along(node.parts[path[0]], path[1:], [*g, *slope], letters)

    def _slope(self, node: Node, k: int, letters: Letters) -> list[Formula]:
        """Return the factors of the derivative of an operation for its operand k."""
        kind = node.kind
        if kind in ("bracket", "+", "sum", "entry", "neg", "-"):
            return [number(-1.0)] if kind == "neg" or (kind == "-" and k == 1) else []
        if kind in ("*", "∘"):
            return [self.formula(node.parts[1 - k], letters)]
        if kind == "/":
            below = self.formula(node.parts[1], letters)
            if k == 0:
                return [quotient(number(1.0), below)]
            inner = self._at.under_root(node.parts[1])
            square = self._at.squared(below) if inner is None else self.formula(inner, letters)
            return [self.formula(node.parts[0], letters), quotient(number(-1.0), square)]
        if kind in ("square", "power"):
            base = self.formula(node.parts[0], letters)
            return [self._at.power_less(base, 2 if kind == "square" else node.value)]
        if kind == "call":
            return [self._slope_of_call(node, k, letters)]
        raise NoFormula

    def _of_softmax(self, node: Node, g: list[Formula], letters: Letters) -> Iterator[list[Formula]]:
        """Yield the derivative of x_i in a softmax over i: g_i p_i, and -p_i Σ_k g_k p_k."""
        if self._whole is not None or not self._is_whole_equation(node):
            raise NoFormula
        own, other = node.value
        p = self._result(letters)
        yield [*g, p]
        there = self._free_letter(other, letters)
        moved = {**letters, own: there}
        inner = _times(self.adjoint(tuple(moved[x] for x in self._uses.free)), self._result(moved))
        yield [p.times(-1), self._walk.under([self._notation.sum_over(there)], inner)]

    def _is_whole_equation(self, node: Node) -> bool:
        whole = self._at.member
        return (whole.start, whole.end) == (node.start, node.end)

    def _result(self, letters: Letters) -> Formula:
        """Return a component of the equation's result."""
        return self._name(Node("name", (), self._at.left._replace(indices=self._uses.free), 0, 0), letters)

    def _of_cases(self, node: Node, g: Formula, letters: Letters) -> Formula:
        """Return the derivative of the values of cases, under the conditions of the author."""
        source, text, at = self._walk.point.source, "", node.start
        size = NUMBER
        for k, part in enumerate(map(without_entry, node.parts)):
            text += source.text[at : part.start]
            at = part.end
            if k % 2:
                sides = (self._walk.text(self.formula(side, letters)) for side in part.parts)
                text += f" {self._notation.comparison_text(part.value).strip()} ".join(sides)
                continue
            uses = paths(part, self._uses.is_use)
            inside = [multiplied(f) for path in uses for f in self.along(part, path, [g], letters)]
            value = added(inside) if inside else number(0.0)
            size = max(size, value.size)
            text += self._walk.text(value)
        return leaf(text + source.text[at : node.end], size)

    def _slope_of_call(self, node: Node, k: int, letters: Letters) -> Formula:
        """Return the derivative of a function for its argument k."""
        key = self._notation.names.functions.get(node.value.key, node.value.key)
        arguments = [self.formula(part, letters) for part in node.parts]
        own, *others = arguments[k], *(a for i, a in enumerate(arguments) if i != k)
        if key in OF_TWO and others:
            return leaf(f"1[{self._walk.text(own)} {OF_TWO[key]} {self._walk.text(others[0])}]", own.size)
        if key == "**" and k == 0:
            return self._at.power_by_name(*arguments)
        if key in ("abs", "bars"):
            return leaf(f"sign({self._walk.text(own)})", own.size)
        op = self._walk.point.forward.functions.row(node.value, self._at.scope, node)
        if others or op.symbol in NOT_COMPONENTWISE:
            raise NoFormula
        rule = op.formulas[0] if op.formulas is not None and op.symbol in WRITTEN_OUT else None
        if rule is None:
            text = self._call_text(node, [own])
            opened = text.index("(")
            return leaf(f"{text[:opened].rstrip()}'{text[opened:]}", own.size)
        names = {"dz": number(1.0), "z": self.formula(node, letters), "x": own}
        return self._at.from_symbol(in_same_layout(rule), names)

    # Values

    def formula(self, node: Node, letters: Letters) -> Formula:
        """Return a formula of the equation with the letters of the line."""
        own: dict[str, Callable[[Node, Letters], Formula]] = {
            "name": self._name,
            "number": lambda n, _: number(n.value),
            "ones": lambda n, _: number(1.0),
            "size": lambda n, _: leaf(self._size_letter(n.value), NUMBER),
            "sum": self._sum,
            "entry": self._entry,
            "comparison": self._comparison,
        }
        if self._is_whole_equation(node) and self._notation.name(self._at.result) is not None:
            return self._result(letters)
        if node.kind in own:
            return own[node.kind](node, letters)
        return self._operation(node, [self.formula(part, letters) for part in node.parts])

    def _comparison(self, node: Node, letters: Letters) -> Formula:
        a, b = (self.formula(part, letters) for part in node.parts)
        sign = self._notation.comparison_text(node.value)
        return leaf(f"1[{self._walk.text(a)} {sign} {self._walk.text(b)}]", max(a.size, b.size))

    @staticmethod
    def _plus(a: Formula, b: Formula) -> Formula:
        if not (a.is_number or b.is_number or a.size == b.size):
            raise NoFormula
        return added([a, b])

    def _entry(self, node: Node, letters: Letters) -> Formula:
        """Return an entry of a matrix formula: of the whole where no letters are written."""
        original, own = node.value
        there = tuple(letters.get(x, x) for x in own)
        if self._whole is not None or not own:
            return self._oriented(self._at.formula(original), there)
        if original.kind == "*" and node.parts[0].kind == "sum":  # (X w)_i, without a letter for the sum
            text = self._walk.text(self._at.formula(original))
            return leaf(self._notation.with_indices(f"({text})", there), NUMBER)
        return self.formula(node.parts[0], letters)

    def _oriented(self, found: Formula, letters: tuple[str, ...]) -> Formula:
        """Return a column or a matrix as the letters of the whole have it: a row for the second letter alone."""
        whole = self._whole or ()
        if not letters or letters == whole:
            return found
        if letters == whole[::-1] or letters == whole[1:]:
            return transposed(found) if found.size[0] > 1 else found
        if letters == whole[:1] and found.size[1] == 1:
            return found
        raise NoFormula

    def _operation(self, node: Node, parts: Sequence[Formula]) -> Formula:
        """Return an operation on formulas."""
        operations: dict[str, Callable[..., Formula]] = {
            "bracket": lambda a: a,
            "neg": lambda a: a.times(-1),
            "+": self._plus,
            "-": lambda a, b: self._plus(a, b.times(-1)),
            "*": _times,
            "∘": _times,
            "/": quotient,
            "square": self._at.squared,
            "power": lambda a: self._at.raised(a, self._notation.power_text(node.value)),
            "call": lambda *arguments: self._call(node, arguments),
        }
        if node.kind not in operations:
            raise NoFormula
        return operations[node.kind](*parts)

    def _call(self, node: Node, arguments: Sequence[Formula]) -> Formula:
        """Return a call of a function, or x^p."""
        if node.value.key == "**":
            base, exponent = arguments
            return self._at.raised(base, f"^{{{self._walk.text(exponent)}}}")
        return leaf(self._call_text(node, arguments), max(argument.size for argument in arguments))

    def _name(self, node: Node, letters: Letters) -> Formula:
        ref = self._at.moved(node.value)
        indices = tuple(letters.get(x, x) for x in ref.indices)
        fragment = self._notation.component("name", ref._replace(indices=indices if self._whole is None else ()))
        if fragment is None:
            raise NoFormula
        return self._leaf(fragment.text, ref, indices)

    def _size_letter(self, size: int) -> str:
        letters = [letter for letter, n in self._walk.point.forward.sizes.items() if n == size]
        return letters[0] if letters else str(size)

    def _free_letter(self, letter: str, letters: Letters) -> str:
        return self._uses.form.fresh() if letter in letters.values() else letter

    def _sum(self, node: Node, letters: Letters) -> Formula:
        """Return a sum over an index."""
        letter = self._free_letter(node.value[1], letters)
        inside = {**letters, node.value[1]: letter}
        if self._whole is None:
            body = self.formula(node.parts[0], inside)
            return self._walk.under([self._notation.sum_over(letter)], body)
        writer = _Writer(self._uses, (letter,))
        return leaf(f"sum({self._walk.text(writer.formula(node.parts[0], inside))})", NUMBER)

    def _call_text(self, node: Node, arguments: Sequence[Formula]) -> str:
        """Return a call of a function as the author writes it."""
        inside, written = (
            ", ".join(map(self._walk.text, arguments)),
            self._walk.point.source.text[node.start : node.end],
        )
        if written.startswith(r"\sqrt{"):
            return rf"\sqrt{{{inside}}}"
        if node.value.key == "bars" or written.startswith("|"):
            return f"|{inside}|"
        opened = written.find("(")
        head = written[:opened].rstrip() if opened > 0 else ""
        if not head.lstrip("\\").replace("operatorname{", "").replace("}", "").isalpha():
            head = ("\\" if self._notation.latex else "") + str(node.value.key)
        return f"{head}({inside})"
