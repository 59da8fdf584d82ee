"""The ranks of edits: which changes of a wrong line are tried first.

People copy a name, a time or a sign wrongly more often than they forget a factor; the ranks put the edits in this
order.  A rank is compared with others and with the two thresholds below, and with nothing else.
"""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple


class EditKind(StrEnum):
    """The kinds of edits, by what they change."""

    ACTIVATION = "activation"
    ANALOGY = "analogy"  # a whole formula, after another line
    ASSIGN = "assign"
    BRACKET = "bracket"
    EXTRA = "extra"  # a term or a number too many
    FACTOR = "factor"
    INVERSE = "inverse"
    LEFT = "left"
    MISSING = "missing"  # a term too few
    NAME = "name"
    OPERATOR = "operator"
    ORDER = "order"
    REPEATED_NAME = "repeated name"
    SIGN = "sign"
    TIME = "time"
    TRANSPOSE = "transpose"


class Rank(NamedTuple):
    """How early an edit is tried, the least first, and its kind."""

    order: int
    kind: EditKind

    def later(self, by: int) -> Rank:
        """Return the rank so much further down."""
        return self._replace(order=self.order + by)


# fmt: off
UNLIKELY_FROM    = 40  # from here on an edit is tried after all analogies, and is no half of a pair
OBVIOUS_BELOW    = 0   # an edit below it completes what the line has already, whatever its kind

# Names.  Those of the rule come first, in the order of its equation.
NAME_OF_RULE     = Rank(0, EditKind.NAME)            # later by its place in the rule
NAME_SIMILAR     = Rank(30, EditKind.NAME)           # the same name at another time or index
NAME_OTHER       = Rank(38, EditKind.NAME)           # any other name of the derivation
NAME_FOR_OWN     = Rank(12, EditKind.NAME)           # x for dx, dx for x: one stroke of the pen
OTHER_SORT       = 15                                # so much later a derivative for another name, or a name for one
NAME_REPEATED    = Rank(25, EditKind.REPEATED_NAME)  # in every place: after one place alone
SIZE             = Rank(20, EditKind.NAME)           # 1/N for 1/M
OTHER_NUMBER     = Rank(36, EditKind.NAME)           # 0 for 1, and back
NAME_FOR_NUMBER  = Rank(38, EditKind.NAME)           # ν + q for 1 + q
INDEX_OF_SUM     = Rank(19, EditKind.NAME)           # Σ_k for Σ_j
NAME_IN_PRODUCT  = Rank(35, EditKind.NAME)           # (a ∘ w) for a where a ∘ w stands in the same line
INDIRECT         = 30                                # so much later a Jacobian that no equation gives at once
LABEL            = Rank(14, EditKind.NAME)           # parts of a derivative are easily mixed up
DENOMINATOR      = Rank(25, EditKind.NAME)           # of a Jacobian, in a formula
ROUTINE_OPERAND  = Rank(-1, EditKind.NAME)           # deriv(dz, x, y) repeats an equation: it leaves no choice
ROUTINE_COMPLETE = Rank(-2, EditKind.NAME)           # the one operand that deriv() lacks, all others are there
ROUTINE_LACKING  = Rank(9, EditKind.NAME)            # an operand that deriv() may lack
ROUTINE_SYMBOL   = Rank(8, EditKind.OPERATOR)        # another operation in deriv()

# Times.
TIME             = Rank(18, EditKind.TIME)           # t - 1 for t: before all operations
SUM_OVER_TIME    = Rank(1, EditKind.MISSING)         # of an author who writes such sums
FIRST_STEP       = Rank(18, EditKind.TIME)           # of a sum over time

# Left-hand sides.
ASSIGN           = Rank(5, EditKind.ASSIGN)          # += for =: the commonest of all, and nothing else changes
LEFT_SWAPPED     = Rank(10, EditKind.LEFT)           # [dy, dx] for [dx, dy]
LEFT_DERIVATIVE  = Rank(12, EditKind.LEFT)           # dx for x: one stroke of the pen
LEFT_SET_TWICE   = Rank(2, EditKind.LEFT)            # another line sets this derivative, and none sets that one
LEFT_UNSET       = Rank(20, EditKind.LEFT)           # an operand of the line's equations that no line sets
LEFT_INDEX       = Rank(22, EditKind.LEFT)
LEFT_NEAR        = Rank(23, EditKind.LEFT)           # an operand of the line's equations
LEFT_NAME        = Rank(23, EditKind.LEFT)
LEFT_DENOMINATOR = Rank(25, EditKind.LEFT)           # of a Jacobian, on the left-hand side
LEFT_FAR         = Rank(70, EditKind.LEFT)           # any other derivative: the formula would belong elsewhere

# Operations on the same operands.
COMPLEMENT_SIGN  = Rank(20, EditKind.ACTIVATION)     # 1 - x for -x: the 1 was forgotten
TRANSPOSE_LESS   = Rank(21, EditKind.TRANSPOSE)
TRANSPOSE_MORE   = Rank(22, EditKind.TRANSPOSE)
BRACKET_MOVED    = Rank(23, EditKind.BRACKET)
BRACKET_MORE     = Rank(27, EditKind.BRACKET)       # after a sign, which is wrong more often
BRACKET_LESS     = Rank(38, EditKind.BRACKET)        # who writes brackets means them
INVERSE_TURNED   = Rank(21, EditKind.TRANSPOSE)      # A⁻ᵀ for A⁻¹, and back
INVERSE          = Rank(22, EditKind.INVERSE)        # A⁻¹ for A, and back; A⁻ᵀ for Aᵀ
INVERSE_AND_TURN = Rank(30, EditKind.INVERSE)        # A⁻ᵀ for A: two slips with one stroke of the pen
PRODUCT          = Rank(24, EditKind.OPERATOR)       # component-wise for the matrix product, and back
SIGN             = Rank(26, EditKind.SIGN)
SIGN_OF_SUM      = Rank(60, EditKind.SIGN)           # a minus before a sum needs brackets as well
COMPARISON       = Rank(25, EditKind.OPERATOR)       # > for ≥, where indices or values are compared
BRACKET_REORDERED = Rank(16, EditKind.ORDER)         # a bracket of another line, with the same signs in another order
OPERANDS_SWAPPED = Rank(36, EditKind.ORDER)
NAMES_EXCHANGED  = Rank(35, EditKind.ORDER)          # u vᵀ for v uᵀ
CASES_SWAPPED    = Rank(37, EditKind.ORDER)          # the values of two cases

# Functions.
CALL_REPEATED    = Rank(-1, EditKind.ACTIVATION)     # f(x) for x where f(x) stands beside it
PRIME            = Rank(27, EditKind.ACTIVATION)     # f' for f, and back, of an author who writes primes
PRIME_UNUSUAL    = Rank(51, EditKind.ACTIVATION)     # f' of an author who writes none
CALL_OTHER       = Rank(28, EditKind.ACTIVATION)     # another function
CALL_LESS        = Rank(30, EditKind.ACTIVATION)
CALL_MORE        = Rank(31, EditKind.ACTIVATION)     # f(x) for x
CALL_NESTED      = Rank(32, EditKind.ACTIVATION)     # f(g(x)) for g(x)
COMPLEMENT       = Rank(33, EditKind.ACTIVATION)     # (1 - x) for x
SQUARE           = Rank(34, EditKind.ACTIVATION)     # x² for x, and back
EXPONENT         = Rank(29, EditKind.ACTIVATION)     # x^{-3/2} for x^{-1/2}, x^{p-1} for x^p: from the rule of a power

# Terms and factors.
LABELLED_TERM    = Rank(4, EditKind.MISSING)         # a part of the derivative that its line has a label for
LEADING_TERM     = Rank(36, EditKind.MISSING)        # (g - x) for (-x)
TERM_IN_BRACKET  = Rank(35, EditKind.MISSING)        # (p - y) for p, where (p - y) stands in another line
FACTOR_SIMILAR   = Rank(16, EditKind.FACTOR)         # a bracket or call of another line that looks like it
ONES             = Rank(25, EditKind.MISSING)        # tried only where sizes do not fit
ONES_AGAIN       = Rank(37, EditKind.MISSING)        # beside a 1 that stands there
REPEATED         = Rank(1, EditKind.EXTRA)           # a term that stands there twice, a number beside a number
NUMBER_LESS      = Rank(27, EditKind.EXTRA)          # 1/2 and 2 come from nowhere
SECOND_TERM_LESS = Rank(35, EditKind.EXTRA)          # what was added is sooner too much
FIRST_TERM_LESS  = Rank(37, EditKind.EXTRA)          # than what a sum begins with
TERM_OF_SAME     = Rank(41, EditKind.MISSING)        # a term of another line for the same derivative
TERM_OF_OTHERS   = Rank(42, EditKind.MISSING)        # a term of any other line
FACTOR_LESS      = Rank(44, EditKind.FACTOR)
FACTOR_OTHER     = Rank(45, EditKind.FACTOR)         # a bracket or call of another line
NUMBER_MORE      = Rank(46, EditKind.FACTOR)
SIZE_MORE        = Rank(44, EditKind.FACTOR)         # 1/N of a mean
SCALAR_MORE      = Rank(47, EditKind.FACTOR)         # a name that is one number, as a factor or below a fraction
DERIVATIVE_MORE  = Rank(47, EditKind.FACTOR)         # the derivative of an equation's result
COMPONENT_FACTOR = Rank(48, EditKind.FACTOR)         # an operand, component by component
MATRIX_FACTOR    = Rank(49, EditKind.FACTOR)         # an operand in a matrix product
FACTOR_OF_OTHERS = Rank(50, EditKind.FACTOR)         # a factor of another line

# Whole formulas.
ANALOGY          = Rank(0, EditKind.ANALOGY)         # in an order of their own, by size
# fmt: on

LIKELY_KINDS = frozenset(EditKind) - {EditKind.FACTOR, EditKind.ANALOGY}
PAIRED = frozenset({
    EditKind.NAME, EditKind.TRANSPOSE, EditKind.OPERATOR, EditKind.SIGN, EditKind.TIME, EditKind.ASSIGN,
    EditKind.ACTIVATION, EditKind.ORDER,
})  # fmt: skip
