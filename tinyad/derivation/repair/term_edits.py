"""Terms and factors that are too much or too few."""

from __future__ import annotations

from difflib import SequenceMatcher

from tinyad.derivation.language.syntax_tree import Node, Token, walk
from tinyad.derivation.repair.author_notation import Spelling, span
from tinyad.derivation.repair.edit import FIRST, Edit, Pen

SIMILAR = 0.6  # of their tokens two pieces have in common


class PartEdits(Pen):
    """Edits that take a part away or add one."""

    def terms(self) -> list[Edit]:
        """Leave a term out."""
        sums = [node for node in walk(self.node) if node.kind in ("+", "-")]
        return [self.keep(node, k, 35 + 2 * k, "extra") for node in sums for k in (0, 1)]

    def factors(self) -> list[Edit]:
        """Leave a factor out, or put 2 and 1/2, or one of the rule's names, beside another."""
        products = [node for node in walk(self.node) if node.kind in ("∘", "*", "/")]
        found = [self.keep(node, k, *least(node.parts[1 - k])) for node in products for k in (0, 1)]
        for term in [self.node, *(n for n in walk(self.node) if n.kind in ("bracket", "sum", "+", "-"))]:
            for part in [term] if term.kind not in ("+", "-", "bracket", "sum") else term.parts:
                if part.kind in ("+", "-", "sum"):
                    continue
                first, last = span(self.tokens, part)
                for number in ("2", "0.5"):
                    two = Node("number", (), float(number), part.start, part.start)
                    new = Spelling((Token("number", number, 0, 0),), number + " ")
                    found.append(self.insert(first, part.start, new, 46, "factor", ("*", part, FIRST, two)))
                found += self.beside(part, first, last)
        return found

    def beside(self, part: Node, first: int, last: int) -> list[Edit]:
        """One of the rule's names as a further factor of a part, on either side, transposed or not."""
        found = []
        circle, sign = self.spellings.circle.tokens[0], self.spellings.circle.text
        for ref in self.results:
            spelling = self.spellings.derivative(ref)
            if spelling is not None:
                dz = Node("d", (), (ref, None), part.start, part.start)
                with_sign = Spelling((*spelling.tokens, circle), spelling.text + sign)
                spaced = Spelling(spelling.tokens, spelling.text + " ")
                found.append(self.insert(first, part.start, with_sign, 47, "factor", ("∘", part, FIRST, dz)))
                found.append(self.insert(first, part.start, spaced, 47, "factor", ("*", part, FIRST, dz)))
                spaced = Spelling(spelling.tokens, " " + spelling.text)
                found.append(self.insert(last, part.end, spaced, 47, "factor", ("*", part, dz)))
        named = [(Node("name", (), ref, part.end, part.end), self.spellings.name(ref)) for ref in self.wanted[:12]]
        for name, spelling in [*named, *self.further]:
            if spelling is None:
                continue
            for factor, tail in (
                (name, Spelling((), "")),
                (name._replace(kind="transpose", parts=(name,), value=None), self.spellings.transposed),
            ):
                tokens, text = (*spelling.tokens, *tail.tokens), spelling.text + tail.text
                after = Spelling((circle, *tokens), sign + text)
                found.append(self.insert(last, part.end, after, 48, "factor", ("∘", part, factor)))
                after, before = Spelling(tokens, " " + text), Spelling(tokens, text + " ")
                found.append(self.insert(last, part.end, after, 49, "factor", ("*", part, factor)))
                found.append(self.insert(first, part.start, before, 49, "factor", ("*", part, FIRST, factor)))
        for factor, spelling in self.harvest:
            components = any(left.kind == "d" and left.value[0].indices for left in self.line.left)
            beside = Spelling(spelling.tokens, " " + spelling.text)
            new = Spelling((circle, *spelling.tokens), sign + spelling.text)
            if components:
                found.append(self.insert(last, part.end, beside, 50, "factor", ("*", part, factor)))
            else:
                found.append(self.insert(last, part.end, new, 50, "factor", ("∘", part, factor)))
        return found

    def replaced_factors(self) -> list[Edit]:
        """A bracket or a function of another line in the place of one, those first that look like it."""
        found = []
        pool = [(factor, new) for factor, new in self.harvest if factor.kind in ("bracket", "call", "prime")]
        for node in (n for n in walk(self.node) if n.kind in ("bracket", "call", "prime")):
            here = SequenceMatcher(None, b=[t.text for t in self.spelled(node).tokens], autojunk=False)
            for factor, new in pool:
                here.set_seq1([t.text for t in new.tokens])
                rank = 16 if here.quick_ratio() > SIMILAR and here.ratio() > SIMILAR else 45
                found.append(self.replace(node, new, rank, "factor", factor))
        return found

    def added_terms(self) -> list[Edit]:
        """A term that another line for the same derivative has."""
        here = [node.value for node in walk(self.node) if node.kind == "d"]
        near = [(term, new, 4 if labelled(term) else 41) for term, new in self.terms_near if term.value not in here]
        found = [self.term(self.node, "+", term, new, rank) for term, new, rank in near]
        inside = [n.parts[0] for n in walk(self.node) if n.kind in ("bracket", "call", "differential") and n.parts]
        for whole in [self.node, *inside][:12]:
            found += [self.term(whole, sign, term, new, 42) for sign, term, new in self.addends]
        return found

    def term(self, whole: Node, sign: str, term: Node, new: Spelling, rank: int) -> Edit:
        """One term more at the end of a sum."""
        made = Spelling((Token("op", sign, 0, 0), *new.tokens), f" {sign} {new.text}")
        return self.insert(span(self.tokens, whole)[1], whole.end, made, rank, "missing", (sign, whole, term))


def least(dropped: Node) -> tuple[int, str]:
    """How likely a factor is too much, a number before names, and what that is."""
    numbers = dropped.kind == "number" or (bool(dropped.parts) and all(part.kind == "number" for part in dropped.parts))
    return (27, "extra") if numbers else (44, "factor")


def labelled(node: Node) -> bool:
    """Whether a formula is a part of a derivative, by its label."""
    return node.kind == "d" and node.value[1] is not None
