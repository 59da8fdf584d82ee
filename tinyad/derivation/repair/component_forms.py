"""Formulas as one component of each, with sums over indices: X w as Σ_j X_ij w_j."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from tinyad.derivation.language.syntax_tree import Node, walk
from tinyad.derivation.repair.formula import NUMBER, NoFormula, Size
from tinyad.derivation.semantics.composed import axis_of
from tinyad.derivation.semantics.functions import NOT_COMPONENTWISE

Letters = tuple[str, ...]
LEAVES = ("name", "number", "ones", "entry")
ELEMENTWISE = ("bracket", "neg", "square", "power", "+", "-", "∘", "/", "comparison", "cases")


class ComponentForm:
    """Write formulas of matrices as formulas of components; letters come from `letters`, each once."""

    def __init__(
        self, letters: Iterable[str], size_of: Callable[[Node], Size | None], simplest: Callable[[Node], Node]
    ) -> None:
        self._letters, self._size_of, self._simplest = iter(letters), size_of, simplest

    def fresh(self) -> str:
        """Return a letter that no index has yet."""
        letter = next(self._letters, None)
        if letter is None:
            raise NoFormula
        return letter

    def letters_for(self, size: Size) -> Letters:
        """Return fresh letters for the sides of a matrix that are longer than 1."""
        return tuple(self.fresh() for n in size if n > 1)

    def of(self, node: Node, letters: Letters) -> Node:
        """Return the component of a formula that has these letters."""
        if has_indices(node):
            return self._of_components(node)
        node = self._simplest(node)
        forms: dict[str, Callable[[Node, Letters], Node]] = {
            "name": lambda n, own: n._replace(value=n.value._replace(indices=own)),
            "number": lambda n, _: n,
            "ones": lambda n, _: n,
            "transpose": lambda n, own: self.of(n.parts[0], own[::-1]),
            "*": self._of_product,
            "call": self._of_call,
        } | dict.fromkeys(ELEMENTWISE, self._of_entries)
        if node.kind not in forms:
            raise NoFormula
        made = forms[node.kind](node, letters)
        return made if made.kind in LEAVES else Node("entry", (made,), (node, letters), node.start, node.end)

    def _of_entries(self, node: Node, letters: Letters) -> Node:
        """Return a component of an operation that is done entry by entry."""
        size = self._size_of(node)
        if size is None:
            raise NoFormula
        return node._replace(parts=tuple(self._elementwise(part, size, letters) for part in node.parts))

    def _of_components(self, node: Node) -> Node:
        """Return a formula of components, with parts such as (X w)_i as components of what is in them."""
        if node.kind == "component":
            inner = without_brackets(node.parts[0])
            return self.of(inner, node.value)
        softmax = self._softmax(node)
        if softmax is not None:
            return softmax
        return node._replace(parts=tuple(self._part(part) for part in node.parts))

    def _part(self, part: Node) -> Node:
        return self._of_components(part) if has_indices(part) else self._number(part)

    def _number(self, node: Node) -> Node:
        """Return a part without indices among components: one number."""
        return node if node.kind in ("name", "number") else self.of(node, ())

    def _softmax(self, node: Node) -> Node | None:
        """Return exp(x_i)/Σ_k exp(x_k) as a softmax of x_i over i; None for another formula."""
        if node.kind != "/":
            return None
        above, below = map(without_brackets, node.parts)
        inside = without_brackets(below.parts[0]) if below.kind == "sum" and below.value[0] == "index" else above
        if not (above.kind == inside.kind == "call" and above.value == inside.value and above.value.key == "exp"):
            return None
        x, letter = above.parts[0], below.value[1] if below.kind == "sum" else ""
        for own in {i for n in walk(x) if n.kind == "name" for i in n.value.indices}:
            if letter and _shape(renamed(x, {own: letter})) == _shape(inside.parts[0]):
                return Node("softmax", (self._part(x),), (own, letter), node.start, node.end)
        return None

    def _elementwise(self, part: Node, size: Size, letters: Letters) -> Node:
        """Return an operand of an operation entry by entry: of the same size, or a number."""
        if part.kind in ("number", "ones"):
            return part
        own = self._size_of(part)
        if own not in (size, NUMBER):
            raise NoFormula
        return self.of(part, letters if own == size else ())

    def _of_product(self, node: Node, letters: Letters) -> Node:
        a, b = node.parts
        first, second = self._size_of(a), self._size_of(b)
        if NUMBER in (first, second):
            own, other = ((), letters) if first == NUMBER else (letters, ())
            return node._replace(value=None, parts=(self.of(a, own), self.of(b, other)))
        if first is None or second is None:
            return self._beside_ones(node, letters)
        rows, columns = first[0] > 1, second[1] > 1
        row, column = letters[: int(rows)], letters[int(rows) :]
        inner = (self.fresh(),) if first[1] > 1 else ()
        if len(column) != int(columns):
            raise NoFormula
        made = node._replace(value=None, parts=(self.of(a, row + inner), self.of(b, inner + column)))
        return _summed(inner, made)

    def _beside_ones(self, node: Node, letters: Letters) -> Node:
        """Return a component of b 1ᵀ or 1ᵀ X, where 1 is a column of ones."""
        a, b = node.parts
        known = a if self._size_of(a) is not None else b
        size = self._size_of(known)
        other = without_brackets(b if known is a else a)
        one = other.parts[0] if other.kind == "transpose" else other
        if size is None or (one.kind, one.value) not in (("number", 1.0), ("ones", None)):
            raise NoFormula
        outer = (known is a) == (other.kind == "transpose") and min(size) == 1 and len(letters) > int(max(size) > 1)
        if outer:
            return self.of(known, letters[: int(max(size) > 1)] if known is a else letters[-int(max(size) > 1) :])
        summed = (self.fresh(),)
        return _summed(summed, self.of(known, letters + summed if known is a else summed + letters))

    def _of_call(self, node: Node, letters: Letters) -> Node:
        """Return a component of the value of a function."""
        key, axis = axis_of(node.value.key)
        part = node.parts[0]
        if key in ("sum", "mean"):
            return self._of_sum(node, key, axis, letters)
        if key == "tr":
            letter = self.fresh()
            return _summed((letter,), self.of(part, (letter, letter)))
        if key in ("softmax", "softmax_rows") and letters:
            along = letters[-1 if key == "softmax_rows" else 0]
            return Node("softmax", (self.of(part, letters),), (along, self.fresh()), node.start, node.end)
        if key == "inner":
            own = self.letters_for(self._size_of(part) or NUMBER)
            return _summed(own, Node("*", tuple(self.of(p, own) for p in node.parts), None, node.start, node.end))
        if key in (*NOT_COMPONENTWISE, "diag", "dot", "outer", "norm", "var", "std") or axis is not None:
            raise NoFormula
        return self._of_entries(node, letters)

    def _of_sum(self, node: Node, name: str, axis: int | None, letters: Letters) -> Node:
        """Return the sum or the mean of all entries, or along an axis."""
        inside = self._size_of(node.parts[0]) or NUMBER
        if axis is None:
            own = summed = self.letters_for(inside)
        else:
            summed = (self.fresh(),) if inside[axis] > 1 else ()
            own = summed + letters if axis == 0 else letters + summed
        total = _summed(summed, self.of(node.parts[0], own))
        if name == "sum":
            return total
        over = inside if axis is None else (inside[axis],)
        for n in (n for n in over if n > 1):
            total = Node("/", (total, Node("size", (), n, node.start, node.end)), None, node.start, node.end)
        return total


def has_indices(node: Node) -> bool:
    """Return whether a formula has components in it."""
    return any(n.kind == "component" or (n.kind == "name" and bool(n.value.indices)) for n in walk(node))


def renamed(node: Node, letters: dict[str, str]) -> Node:
    """Return a formula with other letters for its indices."""
    if node.kind == "name":
        indices = tuple(letters.get(x, x) for x in node.value.indices)
        return node._replace(value=node.value._replace(indices=indices))
    return node._replace(parts=tuple(renamed(part, letters) for part in node.parts))


def without_brackets(node: Node) -> Node:
    """Return a formula without the brackets around it."""
    while node.kind == "bracket":
        node = node.parts[0]
    return node


def paths(node: Node, is_use: Callable[[Node], bool], path: tuple[int, ...] = ()) -> Iterator[tuple[int, ...]]:
    """Yield where the uses of a name stand in a formula; all those in the cases of one formula together."""
    if is_use(node):
        yield path
    elif node.kind == "cases":
        if any(is_use(n) for part in node.parts[::2] for n in walk(part)):
            yield path
    elif node.kind != "comparison":
        for k, part in enumerate(node.parts):
            yield from paths(part, is_use, (*path, k))


def _summed(letters: Letters, node: Node) -> Node:
    for letter in letters[::-1]:
        node = Node("sum", (node,), ("index", letter), node.start, node.end)
    return node


def _shape(node: Node) -> tuple[object, ...]:
    """Return a formula without its places in the text."""
    node = without_brackets(node)
    value = node.value if node.kind in ("name", "number", "call", "power", "sum") else None
    return node.kind, value, tuple(map(_shape, node.parts))
