"""Merge consecutive additions into one sum of terms, so that their order is free for the other passes."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from typing import NamedTuple

from tinyad.compiled.rewriting import Maker, rebuilt
from tinyad.compiled.values import Value, ordered, use_counts


class Term(NamedTuple):
    """A term of a sum: a value that is added, or with sign -1 subtracted, at the rows from `at` on."""

    value: Value
    sign: int = 1
    at: int = 0

    @property
    def rows(self) -> tuple[int, int]:
        return self.at, self.at + self.value.shape[-2]


def terms_of(v: Value) -> list[Term]:
    """Return the terms of a sum or a stack; a stack's do not overlap."""
    if v.op == "sum":
        return [Term(part, *term) for part, term in zip(v.operands, v.extra[1], strict=True)]
    found, at = [], 0
    for part in v.operands:
        found.append(Term(part, 1, at))
        at += part.shape[-2]
    return found


def sum_of(make: Maker, terms: Iterable[Term], like: Value) -> Value:
    """Return the terms added up as a value of the size of `like`; rows that nothing is added to are 0."""
    terms = [term for term in terms if term.value.op != "zeros"]
    if not terms:
        return make.zeros(like.shape, like.dtype)
    if len(terms) == 1 and terms[0].value.shape == like.shape and terms[0].value.dtype == like.dtype:
        (term,) = terms
        return term.value if term.sign > 0 else make("neg", term.value)
    placements = tuple((term.sign, term.at) for term in terms)
    return make("sum", *(term.value for term in terms), extra=(like.shape[-2:], placements), name=like.name)


def gaps(begun: Iterable[tuple[int, int]], end: int, begin: int = 0) -> list[tuple[int, int]]:
    """Return the rows from begin to end that no pair (first row, row after the last) in `begun` has."""
    found = []
    for a, b in sorted(begun):
        if a > begin:
            found.append((begin, a))
        begin = max(begin, b)
    return [*found, (begin, end)] if begin < end else found


def flatten_sums(roots: list[Value], make: Maker) -> list[Value]:
    order = ordered(roots)
    uses = use_counts(order, roots)
    reader = {operand: v for v in order for operand in v.inputs()}
    waiting: dict[Value, deque[Term]] = {}  # a sum that is part of another alone → its terms

    def change(v: Value, operands: list[Value], new: dict[Value, Value]) -> Value | None:
        if not _is_flattened(v):
            return None
        signs = v.extra[1] if v.op == "sum" else ((1, 0), (1 if v.op == "+" else -1, 0))
        flat, has_full = deque[Term](), False
        for old, part, (sign, at) in zip(v.operands, operands, signs, strict=True):
            inner = waiting.pop(old, None)
            if inner is None:
                is_own = uses[old] == 1 and old.loop is v.loop and old.dtype == v.dtype
                inner = deque(_inside(Term(part, sign, at), is_own))
                has_full = has_full or any(p.value.shape == v.shape for p in inner)
            else:
                has_full = True
                if (sign, at) != (1, 0):
                    inner = deque(Term(p.value, p.sign * sign, p.at + at) for p in inner)
            if len(inner) > len(flat):
                inner.extendleft(reversed(flat))
                flat = inner
            else:
                flat.extend(inner)
        if not has_full and v.op != "sum":
            return None  # N×1 and 1×B, say
        whole = reader.get(v)
        if has_full and whole is not None and uses[v] == 1 and _is_flattened(whole) and _is_like(v, whole):
            waiting[v] = flat
            return Value("sum", (), None, v.shape, v.dtype, v.loop)  # which nothing reads
        return sum_of(make, flat, v)

    return rebuilt(roots, make, change)


def _is_flattened(v: Value) -> bool:
    """Return whether a value is a sum, or an addition that can be written as one."""
    return v.op == "sum" or (v.op in ("+", "-") and all(operand.shape[-2] == v.shape[-2] for operand in v.operands))


def _is_like(part: Value, whole: Value) -> bool:
    return (part.shape, part.dtype, part.loop) == (whole.shape, whole.dtype, whole.loop)


def _inside(term: Term, is_own: bool) -> list[Term]:
    """Return the terms of a term that nothing else reads."""
    v = term.value
    if not is_own or v.op not in ("sum", "stack", "neg"):
        return [term]
    if v.op == "neg":
        return [Term(v.operands[0], -term.sign, term.at)]
    return [Term(p.value, p.sign * term.sign, p.at + term.at) for p in terms_of(v)]
