"""The search for the line that was meant in the place of a wrong one."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from difflib import SequenceMatcher
from enum import StrEnum
from functools import cached_property
from itertools import islice
from typing import NamedTuple

from tinyad.derivation.judge.targets import derivatives_in, target_of
from tinyad.derivation.judge.verdicts import Verdict
from tinyad.derivation.language.source import DerivationError
from tinyad.derivation.language.syntax_tree import Ref, Token
from tinyad.derivation.repair import limits, ranks
from tinyad.derivation.repair.all_edits import all_edits
from tinyad.derivation.repair.analogy import Analogies
from tinyad.derivation.repair.author_notation import Fragment, tokenized
from tinyad.derivation.repair.edit import Context, Edit, Member, apply, changed_text, edit_size
from tinyad.derivation.repair.evidence import Evidence
from tinyad.derivation.repair.left_side_edits import left_sides, toggle_assign
from tinyad.derivation.repair.ranks import EditKind
from tinyad.derivation.repair.required_contributions import RequiredContributions
from tinyad.derivation.repair.rule_formulas import formulas_by_rule, lacking_by_rule, lines_by_rule, total_of_terms
from tinyad.derivation.repair.trial import Trial, keeps_names
from tinyad.derivation.repair.wrong_line import WrongLine, given_targets, targets_of
from tinyad.derivation.semantics.sample_point import SamplePoint

OF_INCOMPLETE = (EditKind.MISSING, EditKind.EXTRA, EditKind.ASSIGN)  # kinds of edits of a line that lacks something
BY_RULE_FIRST = ("jacobian", "differential")  # kinds of left-hand sides for which two changes are chance
WITHOUT_VALUE = (Verdict.UNDEFINED, Verdict.DOES_NOT_FIT, Verdict.AMBIGUOUS)  # verdicts on a part of a line


class Certainty(StrEnum):
    """How certain a suggestion is, the most certain first."""

    CERTAIN = "certain"
    LIKELY = "likely"
    POSSIBLE = "possible"
    BY_THE_RULE = "by the rule"  # right, and nobody knows how the author came to write another line


class Suggestion(NamedTuple):
    """A line that was probably meant; the places where it differs, and what is changed there, if these are few."""

    text: str
    certainty: Certainty
    places: Sequence[tuple[int, int]] = ()
    changes: Sequence[str] = ()


class Correction(NamedTuple):
    """Edits after which a member of a line holds."""

    edits: Sequence[Edit]
    certainty: Certainty


class Search:
    """The search for the line that was meant in the place of a wrong one: `run` it once."""

    def __init__(self, wrong: WrongLine) -> None:
        self._wrong, self._source = wrong, wrong.point.source
        self._required = RequiredContributions(wrong)
        self._analogies = Analogies(wrong)
        self._evidence = Evidence(wrong, self._analogies, self._required)
        self._trial = Trial(wrong, self._required)
        self._edits_of: dict[int, list[Edit]] = {}
        self._is_incomplete = wrong.verdict.verdict == Verdict.MISSING  # what the line holds is right, and not all

    @property
    def count(self) -> int:
        """Return how many changes were tried."""
        return self._trial.count

    def run(self) -> Suggestion | None:
        """Return the likeliest line that holds; None if no change holds."""
        if self._wrong.verdict.verdict == Verdict.OVERWRITES:
            edit = toggle_assign(self._wrong.member(0))
            return Suggestion(self._applied(edit).text, Certainty.CERTAIN, [(edit.start, edit.end)])
        self._required.take_from_chain()
        members = range(len(self._wrong.line.members))
        wrong = [m for m in members if not self._trial.member_holds(m)]
        return (
            (self._other_left_side() if len(wrong) == len(members) > 1 else None)
            or self._corrected(wrong or members[-1:], self._one_edit)
            or self._other_line()
            or (self._by_the_rule(wrong) if self._wrong.line.left[0].kind in BY_RULE_FIRST else None)
            or (None if self._is_incomplete else self._corrected(wrong or members[-1:], self._two_edits_or_rule))
            or self._by_the_rule(wrong)
        )

    def _applied(self, *edits: Edit) -> Fragment:
        return apply(self._wrong.line, edits, self._source)

    def _edits(self, member: int) -> list[Edit]:
        """Return all single edits of a member, by rank."""
        if member not in self._edits_of:
            self._edits_of[member] = all_edits(self._wrong.member(member), self._evidence.context(member))
        return self._edits_of[member]

    def _other_left_side(self) -> Suggestion | None:
        """Return a chain with another left-hand side."""
        for edit in left_sides(self._wrong.member(0), self._evidence.context(0)):
            changed = self._applied(edit)
            if self._trial.line_holds(changed) and reads_back(changed, self._wrong.point):
                return Suggestion(changed.text, Certainty.CERTAIN, [(edit.start, edit.end)])
        return None

    def _corrected(self, wrong: Sequence[int], correct: Callable[[int], Correction | None]) -> Suggestion | None:
        """Return the line with every wrong member corrected; None if one of them cannot be."""
        corrections: list[Correction] = []
        for member in wrong:
            self._trial.begin(member)
            correction = correct(member)
            if correction is None:
                return None
            corrections.append(correction)
        self._trial.begin(None)
        edits = [edit for correction in corrections for edit in correction.edits]
        changed = self._applied(*edits)
        if len(wrong) > 1 and not self._trial.line_holds(changed, may_be_circular=keeps_names(edits)):
            return None
        if len(wrong) == 1 < len(self._wrong.line.members) and not self._trial.chain_holds(changed):
            return None
        if not reads_back(changed, self._wrong.point):
            return None
        least = max((correction.certainty for correction in corrections), key=list(Certainty).index)
        few = sorted(edits, key=lambda edit: edit.start) if len(edits) <= limits.SLIPS_SHOWN else []
        if least is Certainty.BY_THE_RULE:
            return Suggestion(changed.text, least)
        changes = [self._change(edit) for edit in few] if len(few) > 1 else []
        return Suggestion(changed.text, least, [self._place(edit) for edit in few], changes)

    def _change(self, edit: Edit) -> str:
        """Say what an edit changes."""
        old, new = (" ".join(text.split()) for text in (self._source.text[edit.start : edit.end], edit.text))
        if not old or not new:
            return f"{new} is missing" if new else f"{old} is too much"
        return f"{new} for {old}"

    def _place(self, edit: Edit) -> tuple[int, int]:
        """Return where the line is to be marked for an edit."""
        tokens = self._wrong.line.tokens
        start, end = changed_text(tokens, edit)
        if self._source.text[start:end].strip():
            return start, end
        if edit.tree is not None and edit.tree[1].kind in ("transpose", "square"):
            return edit.tree[0].start, edit.tree[0].end
        after = next((t for t in tokens if t.end > start and t.end > t.start), tokens[-1])
        return after.start, after.end

    def _other_line(self) -> Suggestion | None:
        """Return the line under another left-hand side, or after the analogy of a right line."""
        self._trial.begin(None)
        other = None if self._is_incomplete else self._for_unset_derivative()
        if other is None:
            analogous = (line for line in self._analogies.lines() if self._trial.line_holds(line, any_length=True))
            other = next(analogous, None)
            other = other if other is not None and reads_back(other, self._wrong.point) else None
        return None if other is None else Suggestion(other.text, Certainty.LIKELY)

    def _by_the_rule(self, wrong: Sequence[int]) -> Suggestion | None:
        """Return the line that the rules give; it keeps the members of a chain that hold, and what is not complete."""
        if len(wrong) == 1:
            member = self._wrong.member(wrong[0])
            edits = [self._by_rule(member, formula) for formula in self._rule_formulas]
            found = self._corrected(wrong, lambda _: self._first(edits, Certainty.BY_THE_RULE))
            if found is not None:
                return found
        self._trial.begin(None)
        lines = (*self._completed(), *lines_by_rule(self._wrong, self._rule_formulas))
        right = (
            line
            for line in lines
            if self._trial.line_holds(line, any_length=True) and reads_back(line, self._wrong.point)
        )
        line = next(right, None)
        return None if line is None else Suggestion(line.text, Certainty.BY_THE_RULE)

    def _completed(self) -> Iterator[Fragment]:
        """Yield the line with the contributions that it lacks."""
        line, needs = self._wrong.line, self._required.of_sides[0]
        if not self._is_incomplete or not needs or len(line.members) != 1 or len(line.left) != 1:
            return
        has = self._wrong.fragment(line, line.members[0])
        for lacking in lacking_by_rule(self._wrong, needs - self._wrong.verdict.readings[0].contributions):
            yield self._wrong.with_formula(total_of_terms([(1, has), (1, lacking)]))

    def _one_edit(self, index: int) -> Correction | None:
        """Return one change: a likely one, an analogy, or an unlikely one."""
        member = self._wrong.member(index)
        node, tokens = member.node, member.tokens
        analogies = [member.replace(node, formula, ranks.ANALOGY) for formula in self._analogies.members(index)]
        analogies.sort(key=lambda edit: edit_size(tokens, edit))
        small = [edit for edit in analogies if is_small(tokens, edit) and not self._analogies.is_repeated(edit.text)]
        singles = [edit for edit in self._edits(index)[: limits.EDITS_TRIED] if self._can_mend(edit)]
        if len(self._wrong.line.members) > 1:  # its left-hand side belongs to all of the chain
            singles = [edit for edit in singles if edit.kind != EditKind.LEFT]
        lacks_factor = self._wrong.verdict.lacks_factor or self._is_incomplete
        numbers = [edit for edit in singles if edit.rank == ranks.NUMBER_MORE and lacks_factor]
        if self._is_incomplete:
            singles = [edit for edit in singles if edit.kind in OF_INCOMPLETE]
        extra = [edit for edit in singles if edit.kind is EditKind.EXTRA and lacks_factor]
        return (
            self._likeliest(extra)
            or self._likeliest(numbers)
            or self._likeliest(edit for edit in singles if is_likely(edit))
            or self._first(small, Certainty.CERTAIN)
            or self._nearer(
                self._near_rule(index), self._likeliest(edit for edit in singles if not is_likely(edit)), index
            )
            or self._first(analogies, Certainty.LIKELY)
        )

    def _nearer(self, by_rule: Correction | None, edited: Correction | None, index: int) -> Correction | None:
        """Return what the rules give, or an unlikely edit if that changes less."""
        if by_rule is None or edited is None:
            return by_rule or edited
        tokens = self._wrong.line.tokens
        rule, edit = (distance(tokens, self._applied(*c.edits).tokens) for c in (by_rule, edited))
        return edited if edit < rule else by_rule

    def _near_rule(self, index: int) -> Correction | None:
        """Return a member as the rules give it, where that is not far from what stands there."""
        member = self._wrong.member(index)
        edits = [] if self._is_incomplete else [self._by_rule(member, formula) for formula in self._rule_formulas]
        return self._first([edit for edit in edits if is_small(member.tokens, edit)], Certainty.LIKELY)

    @staticmethod
    def _by_rule(member: Member, formula: Fragment) -> Edit:
        return member.replace(member.node, formula, ranks.ANALOGY)

    @cached_property
    def _rule_formulas(self) -> list[Fragment]:
        """Return what the line sets as the rules give it."""
        return list(formulas_by_rule(self._wrong, self._required))

    def _can_mend(self, *edits: Edit) -> bool:
        """Return whether a change can mend anything: a part without a value has to change, or what is beside it."""
        verdict, member = self._wrong.verdict, self._wrong.line.members[self._trial.member or 0]
        start, end = verdict.at
        inside = member.start <= start and end <= member.end and (start, end) != (member.start, member.end)
        if not inside or verdict.verdict not in WITHOUT_VALUE:
            return True
        whole = (EditKind.LEFT, EditKind.ASSIGN)
        return any(edit.kind in whole or (edit.start <= end and start <= edit.end) for edit in edits)

    def _first(self, edits: Sequence[Edit], certainty: Certainty) -> Correction | None:
        """Return the first edit that holds."""
        right = (
            edit
            for edit in edits
            if self._trial.edits_hold([edit]) and reads_back(self._applied(edit), self._wrong.point)
        )
        edit = next(right, None)
        return None if edit is None else Correction([edit], certainty)

    def _likeliest(self, edits: Iterable[Edit]) -> Correction | None:
        """Return the first edit that holds; it is certain if no other that is nearly as likely does.

        One that only repeats another line for the same is the last: who writes both means two forms.
        """
        good: dict[str, Edit] = {}
        repeated: list[Edit] = []
        last = float("inf")
        for edit in edits:
            if len(good) > 1 or edit.rank.order > last:
                break
            changed = self._applied(edit) if self._trial.edits_hold([edit]) else None
            if changed is None or not reads_back(changed, self._wrong.point):
                continue
            if self._analogies.is_repeated(changed.text.rpartition("=")[2].strip()):
                repeated.append(edit)
                continue
            good.setdefault(changed.text, edit)
            last = min(last, edit.rank.order + limits.RIVALS_WITHIN)
        if not good:
            return Correction(repeated[:1], Certainty.LIKELY) if repeated else None
        first = next(iter(good.values()))
        certain = len(good) == 1 or first.rank.order < limits.CERTAIN_BELOW
        return Correction([first], Certainty.CERTAIN if certain else Certainty.LIKELY)

    def _two_edits_or_rule(self, index: int) -> Correction | None:
        """Return two changes of a member, or what the rules give where that is nearer to what stands there."""
        pair = self._two_edits(index)
        if pair is None:
            return None
        member, tokens = self._wrong.member(index), self._wrong.line.tokens
        near = distance(tokens, self._applied(*pair.edits).tokens)
        by_rule = [self._by_rule(member, formula) for formula in self._rule_formulas]
        nearer = [edit for edit in by_rule if distance(tokens, self._applied(edit).tokens) < near]
        return self._first(nearer, Certainty.BY_THE_RULE) or pair

    def _two_edits(self, index: int) -> Correction | None:
        """Return two changes of a member."""
        pairs = self._pairs(self._edits(index)[: limits.EDITS_TRIED])
        pair = next((pair for pair in pairs if self._trial.edits_hold(pair)), None)
        return None if pair is None else Correction(pair, Certainty.POSSIBLE)

    def _pairs(self, singles: Sequence[Edit]) -> Iterator[tuple[Edit, Edit]]:
        """Yield edits two at a time, the likeliest pairs first."""
        few = [edit for edit in singles if edit.kind in ranks.PAIRED and edit.rank.order < ranks.UNLIKELY_FROM]
        few = few[: limits.EDITS_PAIRED]
        pairs = (
            (few[i], few[both - i])
            for both in range(1, 2 * len(few))
            for i in range(max(0, both - len(few) + 1), (both + 1) // 2)
        )
        apart = (pair for pair in pairs if pair[0].apart_from(pair[1]) and self._can_mend(*pair))
        yield from islice(apart, limits.PAIRS_TRIED)

    def _for_unset_derivative(self) -> Fragment | None:
        """Return the line for a derivative that other lines use and none sets, with one more change."""
        wrong, unset, last = self._wrong, self._unset_derivatives(), len(self._wrong.line.members) - 1
        member = wrong.member(last)
        for left in self._edits(last) if unset else ():
            if left.kind != EditKind.LEFT or left.tree is None or left.tree[1].value[0] not in unset:
                continue
            names = self._evidence.rule_names_of(left.tree[1].value[0])
            for edit in all_edits(member, Context(wrong.notation, names, wrong.functions)):
                likely = edit.rank.order < ranks.UNLIKELY_FROM and edit.kind != EditKind.LEFT
                if likely and (edit.last <= left.first or edit.first >= left.last):
                    changed = self._applied(left, edit)
                    if self._trial.line_holds(changed):
                        return changed
        return None

    def _unset_derivatives(self) -> set[Ref]:
        """Return the derivatives that lines use, and none sets."""
        point, verdicts = self._wrong.point, self._wrong.verdicts
        known_targets = targets_of(point, verdicts) | given_targets(point)
        members = [member for v in verdicts if v.statement for member in v.statement.members]
        used = {d.value[0] for member in members for d in derivatives_in(member)}
        keys = {key for key, _ in point.values}
        return {ref for ref in used if ref.key in keys and target_of(point, ref) not in known_targets}


def distance(a: Sequence[Token], b: Sequence[Token]) -> int:
    """Return how many tokens of two formulas are not in both, in the same order."""
    x, y = ([token.text for token in tokens if token.text] for tokens in (a, b))
    same = sum(block.size for block in SequenceMatcher(None, x, y, autojunk=False).get_matching_blocks())
    return len(x) + len(y) - 2 * same


def is_small(tokens: Sequence[Token], edit: Edit) -> bool:
    """Return whether an edit leaves at least half of a formula as it is."""
    return limits.SMALL_SHARE * edit_size(tokens, edit) <= max(edit.last - edit.first, len(edit.tokens))


def is_likely(edit: Edit) -> bool:
    """Return whether an edit is tried before all analogies."""
    order, kind = edit.rank
    return order < ranks.OBVIOUS_BELOW or (kind in ranks.LIKELY_KINDS and order < ranks.UNLIKELY_FROM)


def reads_back(changed: Fragment, point: SamplePoint) -> bool:
    """Return whether the text of a changed line reads as the tokens that it was made with."""
    try:
        again = tokenized(changed.text, "suggestion", point.source)
    except DerivationError:
        return False
    kinds, names = ("end", "tag", "group(", ")group"), point.declarations.names
    rows = [names.with_squares(names.with_own_signs(tokens)) for tokens in (changed.tokens, again)]
    texts = [[t.text.replace("⊤", "T") for t in row if t.kind not in kinds] for row in rows]
    below = [_fractions(row) for row in rows]
    return "".join(texts[0]) == "".join(texts[1]) and below[0] == below[1]  # a prime is part of a name that is known


def _fractions(tokens: Sequence[Token]) -> list[int]:
    """Return behind how many letters what is above and below the fractions ends: no sign stands between them."""
    ends, depths, letters = list[int](), list[int](), 0
    for k, token in enumerate(tokens):
        letters += len(token.text) if token.kind not in ("end", "tag") else 0
        depths = [depth + {"group(": 1, ")group": -1}.get(token.kind, 0) for depth in depths]
        if token.kind == "frac":
            depths.append(0)
        elif token.kind == ")group" and depths and not depths[-1]:
            ends.append(letters)
            if [t.kind for t in tokens[k + 1 : k + 2]] != ["group("]:
                depths.pop()
    return ends
