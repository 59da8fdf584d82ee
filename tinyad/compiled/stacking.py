"""Merge equal operations into one on blocks of rows: fewer calls, and larger products.

Products that share their right operand become one product with stacked left operands, sums of such products one sum,
component-wise operations on blocks one operation on all, and a sum of products whose right operands are blocks of one
value one product.  Only values of the same wavefront are joined, so that none waits for another.  S. Larsen,
S. Amarasinghe, "Exploiting superword level parallelism with multimedia instruction sets" (2000), for the packing.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from itertools import accumulate
from math import prod
from typing import Any

from tinyad.compiled.flat_sums import Term, sum_of, terms_of
from tinyad.compiled.operations import COMPONENTS, LEAVES, VIEWS
from tinyad.compiled.rewriting import Maker, again, continues
from tinyad.compiled.value_names import joined
from tinyad.compiled.values import Loop, Value, ordered
from tinyad.compiled.wavefronts import wavefronts

SMALL = 512  # entries that are copied in the time of a call
WIDE = 512  # columns; beside a product of so many, a copy of its left operand takes no time


def stack_operations(roots: list[Value], make: Maker) -> list[Value]:
    return _stacked(roots, make, componentwise=True)


def stack_products(roots: list[Value], make: Maker) -> list[Value]:
    """Merge products alone, where component-wise operations are fused later."""
    return _stacked(roots, make, componentwise=False)


def _stacked(roots: list[Value], make: Maker, componentwise: bool) -> list[Value]:
    found = [loop for loop in dict.fromkeys(v.loop for v in ordered(roots)) if loop is not None]
    around = {loop.outer for loop in found}  # in which another loop is: left as they are
    there, back = ([loop for loop in found if loop not in around and loop.back == turned] for turned in (False, True))
    for loops in (levels for levels in (there, back, [None]) if levels):
        packings = [_Packing(roots, make, dict.fromkeys(loops, late), componentwise) for late in (False, True)]
        early, late = (_operation_counts(packing.roots) for packing in packings)
        better = {loop: late[loop] < early[loop] for loop in loops}
        if all(better.values()) or not any(better.values()):
            roots = packings[any(better.values())].roots
        else:
            roots = _Packing(roots, make, better, componentwise).roots
    return roots


def _operation_counts(roots: Sequence[Value]) -> Counter[Loop | None]:
    return Counter(v.loop for v in ordered(roots) if v.op not in (*VIEWS, *LEAVES))


class _Packing:
    """The values of loops, or outside all, packed wavefront by wavefront; where `late`, counted from the results."""

    def __init__(self, roots: list[Value], make: Maker, late: Mapping[Loop | None, bool], componentwise: bool) -> None:
        self.make, self.componentwise = make, componentwise or None in late
        self.users: dict[Value, list[Value]] = defaultdict(list)
        order = ordered(roots)
        for v in order:
            for operand in v.operands:
                self.users[operand].append(v)
        stacks = [v for v in order if v.op == "stack" and all(part.op == "leaf" for part in v.operands)]
        self.stacked = {part: k for v in stacks for k, part in enumerate(v.operands)}
        self.placed: set[Value] = set()
        self.products: list[Value] = []  # joined in this wave
        self.new: dict[Value, Value] = {}
        self.made_by: dict[Value, Any] = {}  # value → the operations that make it
        for wave, self.loop, self.may_join in wavefronts(order, late):
            if self.may_join:
                self._join(wave)
            for v in wave:
                if v not in self.new:
                    self.new[v] = self._alone(v)
                    self.new[v].name, self.new[v].rank = self.new[v].name or v.name, v.rank
        for v in order:
            if v.next is not None:
                self.new[v].next = self.new[v.next]
        self.roots = [self.new[v] for v in roots]

    def _alone(self, v: Value) -> Value:
        if v.op in LEAVES:
            return v
        operands = [self.new[operand] for operand in v.operands]
        if v.op == "carry":
            carry = self.make.carry(operands[0], v.loop, v.name)
            carry.dtype = v.dtype
            return carry
        if v.op == "sum" and self.may_join:
            return sum_of(self.make, self._columns_joined(self._products_joined(self._terms(v))), v)
        return again(self.make, v, operands)

    def _join(self, wave: Sequence[Value]) -> None:
        self._right_operands(wave)
        self.shared = Counter[Value]()
        joins: tuple[Any, ...] = (("dot", self._product_kind, self._product),)
        if self.componentwise:
            joins += (("sum", self._sum_kind, self._sum), (None, self._component_kind, self._component))
        for op, kind, join in joins:
            groups: dict[Any, list[Value]] = defaultdict(list)
            if op == "sum":
                self.shared = Counter(parent for v in wave if v.op == op for parent in self._parents(v))
            for v in wave:
                if v.op == op or (op is None and v.op in COMPONENTS):
                    key = kind(v)
                    if key is not None:
                        groups[key].append(v)
            for key, group in groups.items():
                if len(group) > 1:
                    join(group, key)
            if op == "dot":
                self._over_time_joined()

    def _blocks(self, whole: Value, group: Sequence[Value]) -> None:
        """Make each of the group a block of rows of the whole."""
        at = 0
        for v in group:
            end = at + v.shape[-2]
            self.new[v] = self.make("rows", whole, extra=(at, end), name=v.name)
            at = end
        names = [v.name for v in group if v.name]
        whole.name = whole.name or joined(names)
        whole.rank = min(v.rank for v in group)

    # The right operands of a sum of products

    def _right_operands(self, wave: Sequence[Value]) -> None:
        """Stack the right operands where they are made, so that the sum is one product."""
        readers = {user for v in wave if v.op == "dot" for user in self.users[v] if user.op == "sum"}
        for reader in sorted(readers, key=lambda v: (-len(v.operands), v.rank)):
            products = [p for p in reader.operands if p.op == "dot" and p.operands[0].loop is None]
            if not all(self._is_copied(p.operands[0], p) for p in products):
                continue
            rights = [p.operands[1] for p in sorted(products, key=self._place_in_stack)]
            parts = [self.new[right] for right in rights if right in self.new]
            wholes = list(dict.fromkeys(part.operands[0] if part.op == "rows" else part for part in parts))
            kinds = {(v.shape[:-2], v.shape[-1], v.dtype) for v in wholes}
            if len(wholes) < 2 or len(kinds) > 1 or not all(map(self._is_made_here, wholes)):
                continue
            self.placed |= set(wholes)
            ends = list(accumulate(whole.shape[-2] for whole in wholes))
            like = self.make.zeros((*wholes[0].shape[:-2], ends[-1], wholes[0].shape[-1]), wholes[0].dtype)
            terms = [Term(whole, 1, at) for whole, at in zip(wholes, (0, *ends), strict=False)]
            stack = sum_of(self.make, terms, like)
            stack.name = joined([whole.name for whole in wholes if whole.name])
            for term in terms:
                self._moved(term.value, stack, term.at)

    def _place_in_stack(self, product: Value) -> int:
        """Return where the left operand lies in a stack that there is: the parameters are stacked in one order only."""
        (left, _) = product.operands
        return self.stacked.get(left.operands[0] if left.op == "T" else left, 0)

    def _moved(self, whole: Value, stack: Value, at: int) -> None:
        """Replace a value and its blocks by blocks of a stack."""
        for old, new in self.new.items():
            if new is whole or _is_block(new, whole):
                begin, end = new.extra if new is not whole else (0, whole.shape[-2])
                self.new[old] = self.make("rows", stack, extra=(at + begin, at + end), name=new.name)

    def _is_made_here(self, v: Value) -> bool:
        """Return whether it can be computed in given memory."""
        return v.loop is self.loop and v.op in (*COMPONENTS, "dot", "sum") and v not in self.placed

    # Products with the same right operand

    def _product_kind(self, v: Value) -> Any:
        left, right = (self.new[operand] for operand in v.operands)
        if right.op == "rows" and self._is_one_of_many(v, right.operands[0]):
            return None
        if left.op == "rows":
            return right, left.operands[0], left.dtype
        is_one = left.loop is None and len(left.shape) == 2 and _is_cheap(left)
        return (right, left.dtype) if is_one and self._is_copied(left, v) else None

    def _is_copied(self, left: Value, v: Value) -> bool:
        """Return whether copying a left operand into a stack costs little beside its product v, or beside a call."""
        return v.loop is not None or len(v.shape) > 2 or v.shape[-1] >= WIDE or prod(left.shape) <= SMALL

    def _is_one_of_many(self, v: Value, parent: Value) -> bool:
        """Return whether it is in a sum of products with blocks of one value, which will be one product."""
        others = [
            p for user in self.users[v] if user.op == "sum" for p in user.operands if p.op == "dot" and p is not v
        ]
        return any(_is_block(self.new.get(p.operands[1], p), parent) for p in others)

    def _product(self, group: list[Value], kind: Any) -> None:
        for run in self._runs(sorted(group, key=self._lane), [0]):
            left = self.make("stack", *(self.new[v.operands[0]] for v in run))
            product = self.make("dot", left, self.new[run[0].operands[1]])
            self._blocks(product, run)
            self.products.append(product)

    def _over_time_joined(self) -> None:
        """Merge A xᵀ and A yᵀ into A [x; y]ᵀ, where x and y lie side by side over time, or are ones."""
        groups: dict[Value, list[Value]] = defaultdict(list)
        for product in self.products:
            left, right = product.operands
            row = self.make("T", right)
            if right.op == "ones" or (row.op == "cols" and row not in self.placed):
                groups[left].append(product)
        self.products.clear()
        for left, group in groups.items():
            rights = [self.make("T", product.operands[1]) for product in group]
            if len(set(rights)) > 1:
                self.placed |= set(rights)
                joined = self.make("T", self.make("dot", left, self.make("T", self.make("stack", *rights))))
                ends = list(accumulate(right.shape[0] for right in rights))
                for product, begin, end in zip(group, (0, *ends), ends, strict=False):
                    columns = self.make("T", self.make("rows", joined, extra=(begin, end)))
                    for old, new in self.new.items():
                        if new is product or _is_block(new, product):
                            extra = (0, product.shape[0]) if new is product else new.extra
                            self.new[old] = self.make("rows", columns, extra=extra, name=new.name)

    def _lane(self, v: Value) -> tuple[int, ...]:
        """Return a sort key: blocks are in the order of their operands, else of their users, longest sums first."""
        for operand in v.operands:
            block = self.new[operand]
            if block.op == "rows":
                return 0, block.extra[0]
        for user in (v, *self.users[v]):
            for reader in self.users[user]:
                if reader.op == "stack":
                    return 0, reader.operands.index(user)
            if user.op == "sum":
                return 1, -len(user.operands), user.rank
        return 2, 0, v.rank

    # Sums with blocks of the same product

    def _terms(self, v: Value) -> list[Term]:
        return [Term(self.new[p.value], p.sign, p.at) for p in terms_of(v)]

    def _parents(self, v: Value) -> list[Value]:
        """Return the products of which a block of the sum's full size is a term."""
        found = [p.value for p in self._terms(v) if p.value.op == "rows" and p.sign > 0 and p.value.shape == v.shape]
        return [block.operands[0] for block in found if block.operands[0].op == "dot"]

    def _sum_kind(self, v: Value) -> Any:
        """Return the product that most sums of the wavefront share."""
        parents = self._parents(v)
        return (max(parents, key=self.shared.__getitem__), v.dtype) if parents else None

    def _sum(self, group: list[Value], kind: Any) -> None:
        parent = kind[0]
        place = {v: next(p.value.extra[0] for p in self._terms(v) if _is_block(p.value, parent)) for v in group}
        group.sort(key=place.__getitem__)
        terms: list[Term] = []
        at = 0
        for v in group:
            terms += [Term(p.value, p.sign, p.at + at) for p in self._products_joined(self._terms(v))]
            at += v.shape[-2]
        joined = self._columns_joined(self._terms_joined(terms))
        like = self.make.zeros((*group[0].shape[:-2], at, group[0].shape[-1]), group[0].dtype)
        self._blocks(sum_of(self.make, joined, like), group)

    def _terms_joined(self, terms: list[Term]) -> list[Term]:
        """Merge neighbours that are blocks of the same value, or come from outside the loop."""
        found: list[Term] = []
        for p in sorted(terms, key=lambda p: p.at):
            for k, before in enumerate(found):
                whole = self._both(before, p) if before.rows[1] == p.at and before.sign == p.sign else None
                if whole is not None:
                    found[k] = Term(whole, p.sign, before.at)
                    break
            else:
                found.append(p)
        return sorted(found, key=lambda p: -p.value.shape[-2])

    def _both(self, a: Term, b: Term) -> Value | None:
        x, y = a.value, b.value
        if x.shape[-1] != y.shape[-1] or x.dtype != y.dtype:
            return None
        if x.op == "rows" or y.op == "rows" or continues(x, y):
            return self.make("stack", x, y) if continues(x, y) else None
        if self.loop is None and not (_is_cheap(x) and _is_cheap(y)):
            return None
        if x.loop is None and y.loop is None:
            return self.make("stack", *_parts(x), *_parts(y))
        if x.op == y.op == "step" and self.loop is not None and _is_made(x) and _is_made(y):
            return self.make.step(self.make("stack", *_parts(x.operands[0]), *_parts(y.operands[0])), self.loop)
        return None

    def _products_joined(self, terms: list[Term]) -> list[Term]:
        """Merge A x + B y into [A B] [x; y] where x and y are blocks of one value."""
        blocks: dict[Any, list[Term]] = defaultdict(list)
        for p in terms:
            if p.value.op == "dot":
                left, right = p.value.operands
                is_one = left.loop is None and len(left.shape) == 2 and _is_cheap(left)
                if right.op == "rows" and is_one and self._is_copied(left, p.value):
                    blocks[right.operands[0], p.sign, p.at, p.value.shape, left.dtype].append(p)
        for (_, sign, at, *_), group in blocks.items():
            group.sort(key=lambda p: p.value.operands[1].extra)
            for run in _consecutive(group, lambda p: p.value.operands[1]):
                if len(run) > 1:
                    lefts = [self.make("T", p.value.operands[0]) for p in run]
                    left = self.make("T", self.make("stack", *lefts))
                    right = self.make("stack", *(p.value.operands[1] for p in run))
                    terms = _without(terms, run)
                    terms.append(Term(self.make("dot", left, right), sign, at))
        return terms

    def _columns_joined(self, terms: list[Term]) -> list[Term]:
        """Merge A x + b into [A b] [x; 1] where x, which is copied anyway, can be copied above a row of ones."""
        found = list(terms)
        for p in terms:
            if p.value.op != "dot" or p.value.operands[1].op != "given" or not _is_cheap(p.value.operands[0]):
                continue
            left, right = p.value.operands
            if right.shape[-1] == 1 or p not in found or not self._is_copied(left, p.value):
                continue
            for q in terms:
                column = q.value.loop is None and q.value.shape[-1] == 1 and _is_cheap(q.value)
                if column and q in found and (q.rows, q.sign, q.value.dtype) == (p.rows, p.sign, left.dtype):
                    found = _without(found, (p, q))
                    ones = self.make("T", self.make.leaf("ones", None, (right.shape[-1], 1), right.dtype))
                    wide = self.make("T", self.make("stack", self.make("T", left), self.make("T", q.value)))
                    found.insert(0, Term(self.make("dot", wide, self.make("stack", right, ones)), p.sign, p.at))
                    break
        return found

    # Component-wise operations on blocks

    def _component_kind(self, v: Value) -> Any:
        kinds = [self._operand_kind(self.new[operand], v) for operand in v.operands]
        if None in kinds or all(kind[0] == "same" for kind in kinds if kind):
            return None
        return v.op, v.shape[:-2], v.shape[-1], v.dtype, tuple(kinds)

    def _operand_kind(self, operand: Value, v: Value) -> Any:
        rows, columns = operand.shape[-2:]
        if operand.op == "number" or (rows == 1 and v.shape[-2] > 1):
            return "same", operand
        if operand.op == "rows":
            return "block", operand.operands[0], columns
        if operand.loop is None and self.loop is not None:
            return "outside", columns, operand.dtype
        if operand.op == "step" and _is_made(operand):
            return "step", columns, operand.dtype
        if self._is_made_here(operand):
            return "made", operand.shape[:-2], columns, operand.dtype
        return None

    def _component(self, group: list[Value], kind: Any) -> None:
        kinds = kind[-1]
        blocks = [k for k, kind in enumerate(kinds) if kind[0] == "block"]
        group = sorted(dict.fromkeys(group), key=self._lane)
        by_use: dict[Any, list[Value]] = defaultdict(list)
        two_at_one_place = len({self._lane(v) for v in group}) < len(group)
        for v in group:
            by_use[self._use(v) if two_at_one_place else None].append(v)
        runs = [run for part in by_use.values() for run in self._runs(part, blocks)]
        rest = [v for part in by_use.values() for v in part if not any(v in run for run in runs)]
        for run in (*runs, *self._runs(sorted(rest, key=self._lane), blocks)):
            if any(kind[0] == "made" for kind in kinds):  # each can be put at one place
                parts = [self.new[v.operands[k]] for v in run for k, kind in enumerate(kinds) if kind[0] == "made"]
                if len(set(parts)) < len(parts) or self.placed & set(parts):
                    continue
                self.placed |= set(parts)
            operands = [self._stacked([self.new[v.operands[k]] for v in run], kind[0]) for k, kind in enumerate(kinds)]
            self._blocks(self.make(run[0].op, *operands), run)

    def _use(self, v: Value) -> Any:
        """Return the operations that read a value: blocks belong in one stack if the same operations read them."""
        users = self.users[v]
        return tuple((u.op, *(self._made_by(operand) for operand in u.operands if operand is not v)) for u in users)

    def _made_by(self, v: Value) -> Any:
        if v not in self.made_by:
            self.made_by[v] = _operations(v)
        return self.made_by[v]

    def _stacked(self, parts: list[Value], kind: str) -> Value:
        if kind == "same":
            return parts[0]
        if kind == "step":
            assert self.loop is not None
            return self.make.step(self.make("stack", *(part.operands[0] for part in parts)), self.loop)
        return self.make("stack", *parts)

    def _runs(self, group: list[Value], blocks: Sequence[int]) -> list[list[Value]]:
        """Return the runs of a group in which the operands `blocks`, where they are blocks, are consecutive."""
        runs = [[v] for v in group[:1]]
        for v in group[1:]:
            pairs = [(self.new[runs[-1][-1].operands[k]], self.new[v.operands[k]]) for k in blocks]
            if all(continues(a, b) or (a.op != "rows" and b.op != "rows") for a, b in pairs):
                runs[-1].append(v)
            else:
                runs.append([v])
        return [run for run in runs if len(run) > 1]


def _operations(v: Value, depth: int = 1) -> Any:
    """Return the operations that make a value: the same for f, i and o, perhaps not for a candidate."""
    while v.op in VIEWS and v.op != "carry":
        (v,) = v.operands
    return v.op, tuple(_operations(operand, depth - 1) for operand in v.operands) if depth else ()


def _is_block(v: Value, parent: Value | None) -> bool:
    return v.op == "rows" and v.operands[0] is parent


def _is_cheap(v: Value) -> bool:
    """Return whether v is a parameter or a stack of them: copying it costs little beside the products."""
    return (v.op in LEAVES and v.op != "given") or (v.op in ("T", "rows", "stack") and all(map(_is_cheap, v.operands)))


def _is_made(step: Value) -> bool:
    """Return whether what a round reads is computed before the loop, so that it can go to its rows of a stack."""
    return step.operands[0].op in (*COMPONENTS, "dot", "sum", "stack") and len(step.operands[0].shape) == 3


def _parts(v: Value) -> tuple[Value, ...]:
    return v.operands if v.op == "stack" else (v,)


def _without(terms: Sequence[Term], others: Sequence[Term]) -> list[Term]:
    """Return the terms without these; of equal ones only one is removed."""
    left = list(terms)
    for p in others:
        left.remove(p)
    return left


def _consecutive(terms: list[Term], block: Any) -> list[list[Term]]:
    runs = [[terms[0]]]
    for p in terms[1:]:
        if continues(block(runs[-1][-1]), block(p)):
            runs[-1].append(p)
        else:
            runs.append([p])
    return runs
