"""The ranks of edits: which changes of a wrong statement are tried and shown first.

People copy a name, an index or a sign wrongly more often than they leave out a factor, and they leave out a factor
more often than they choose a wrong operation.  A rank is compared with other ranks, added to one for a pair, and
used for nothing else.
"""

from __future__ import annotations

from enum import StrEnum


class EditKind(StrEnum):
    """The kinds of edits, by what they change."""

    ACTIVATION = "derivative of an activation"
    ANALOGY = "after another statement"
    ASSIGNMENT = "assignment"
    AXIS = "axis"
    BRACKETS = "brackets"
    COMPARISON = "comparison"
    EXTRA_TERM = "a term too many"
    FACTOR = "factor"
    FUNCTION = "function"
    INDEX = "index"
    MISSING_TERM = "a term too few"
    NAME = "name"
    NUMBER = "number"
    OPERATOR = "operator"
    ORDER = "order"
    POWER = "power"
    REPEATED = "every place of a kind"
    RETURNED = "what is returned"
    SIGN = "sign"
    SUM = "sum"
    TRANSPOSE = "transpose"
    TWO = "two changes"


# fmt: off
# Assignments.  They change nothing else, so they come before all.
ASSIGN           = 1.0   # += for =, and back
ASSIGN_SIGN      = 4.5   # -= for +=
ASSIGN_BOTH      = 8.0   # -= for =
ADD_AT           = 0.5   # np.add.at for += with an array of indices: a known trap
ADD_AT_ONE       = 9.0   # with an index that is a number
ASSIGN_PRODUCT   = 8.0   # *= or /= for =
APPEND_INSERT    = 8.0   # append(x) for insert(0, x)

# Names.
NAME             = 4.0   # plus what follows
PREACTIVATION    = -2.0  # A for Z where the forward has A = f(Z): the commonest of all
NAME_UNRELATED   = 3.0   # not in a forward statement of the variable whose derivative this is
NAME_UNLIKE      = 3.0   # times the part of the letters that differ
NAME_OTHER_SORT  = 4.0   # an array for its adjoint, or the reverse
NAME_TRANSPOSED  = 4.0   # its shape fits as a transpose
NAME_REPEATS     = 3.0   # a shape that fits by repeating
NAME_MISFIT      = 16.0  # no shape that could fit
NAME_FORGOTTEN   = 3.0   # earlier: another derivative, where one is returned twice
NAMES_EXCHANGED  = 9.0   # x.T.dot(y) for y.T.dot(x)
EXPRESSION       = 8.0   # x - mu for x, where another statement has it
REPEATED         = 6.0   # every place: so much later than one of them

# Operations on the same operands.
TRANSPOSE        = 6.0   # .T added to or taken from an operand of a matrix product
TRANSPOSE_FAR    = 14.0  # anywhere else
TRANSPOSES       = 7.0   # of both operands of a matrix product
AXES             = 7.0   # of swapaxes or transpose, letters of einsum
AXES_OF_RESULT   = 6.5   # of einsum
ORDER            = 7.0   # operands exchanged
ORDER_AND_TURNED = 8.0   # b.T @ a for a.T @ b
OPERATOR_PRODUCT = 6.0   # * for @, and back
OPERATOR_SIGN    = 4.0   # + for -, and back
OPERATOR_OTHER   = 8.0
SIGN             = 5.0   # of the whole or of a term
SIGN_ODD         = 0.5   # earlier: taken from -(a - b), which few write
SIGN_INSIDE      = 6.5
BRACKETS         = 8.5
PER_LEVEL        = 0.05  # deeper places come later: outside a sum reads better than inside

# Numbers and factors.
NUMBER           = 5.0   # another number for a number
NUMBER_FAR       = 9.0
FACTOR_LESS      = 5.5   # a number or a size taken away
FACTOR_NUMBER    = 6.0   # 2 or 1/2 added
FACTOR_SIZE      = 6.5   # N or 1/N added
FACTOR_SIZES     = 12.0  # N * T added
FACTOR_SCALE     = 7.5   # what other statements work out of numbers, as np.sqrt(d)
SIZE_AS_TEXT     = 1.0   # x.shape[0] where no name holds it
SIZE_OTHER       = 5.0   # a size for a number or a size
FACTOR_NAME_LESS = 8.0   # a name taken away
FACTOR_NAME      = 9.0   # a name added, plus what is said of names
FACTOR_REST      = 0.5   # later: 1 - s
DENOMINATOR_NAME = 11.0
POWER            = 6.0   # one more, one less
POWER_MORE       = 9.0   # x ** 2 for x
POWER_OF_DIVISOR = 4.5   # the same below a fraction: the derivative of 1 / s
COMPLEMENT       = 9.0   # 1 - x for x

# Sums and functions.
AXIS             = 3.0
KEEPDIMS         = 3.5
SUM_MISSING      = 6.0
SUM_KEEPDIMS     = 0.5   # later, where no other statement keeps them
SUM_UNUSUAL      = 1.0   # later, over an axis that no statement sums over
SUM_OF_VECTOR    = 1.0   # earlier: of the whole of an array of one dimension
SUM_INSIDE       = 2.0   # later, of one name in a product
SUM_LESS         = 7.0
SUM_OTHER        = 5.5   # mean for sum
FUNCTION_OTHER   = 8.0
FUNCTION_LESS    = 8.5
FUNCTION_TWICE   = 3.0   # f(y) where the forward has y = f(x): taken away
FUNCTION_MORE    = 10.0
FUNCTION_UNUSUAL = 4.0   # later, where no statement calls it
FUNCTION_OF_OPERATION = 1.0  # later, around a sum or a product
COPY             = 4.0   # of an array that is then changed in place
RESHAPE          = 5.0   # to the shape of another array with as many entries
REPEAT_MORE      = 10.0  # np.repeat(np.repeat(x, k, 0), k, 1)
TRACE            = 9.0   # of a square matrix, where a number is needed
ACTIVATION_MORE  = 5.0
ACTIVATION_LESS  = 6.0
ACTIVATION_OTHER = 5.0
ACTIVATION_FAR   = 4.0   # later, where the activation is not of this variable
ACTIVATION_INSIDE = 3.5  # later, in an argument
ACTIVATION_CALLED = 0.5  # later, where it calls what a name holds
ACTIVATION_NAME  = 6.0   # in place of a name
SOFTMAX          = 9.0   # the whole of its derivative
COMPARISON       = 6.0
COMPARISON_FAR   = 1.0   # later, where it is not the opposite one
COMPARISON_SIZE  = 9.0   # of the absolute value
MASK_TURNED      = 7.0

# Indices.
INDEX_SHIFTED    = 4.0   # t - 1 for t
INDEX_OF_TARGET  = 0.5   # later, in what is set
INDEX_NUMBER     = 5.0
SLICE_OTHER      = 5.0
INDEX_MORE       = 9.0
INDEX_LESS       = 9.0
INDEX_REVERSED   = 10.0

# Terms.
TERM             = 7.0   # plus what is said of names
TERM_ADJOINT     = -4.0  # of an adjoint that nothing uses
TERM_OF_OTHERS   = 13.0  # of another statement
TERM_SUBTRACTED  = 2.0
TERM_DIVIDED     = 2.5   # dmu / N
TERM_INSIDE      = 3.0   # added to an argument, not to the whole
TERM_LIKE_OTHERS = 6.0   # a term built as one that is there, its names exchanged
TERM_OF_SHAPES   = 9.0   # the same with names of the same shapes
TERM_IN_FACTOR   = 11.0  # dy * (n - h) for dy * n
TERM_OF_RULE     = 8.0   # an adjoint of a result times what the forward multiplied by
TERM_SCALED      = 0.5   # later: with 2, with 1 / N
TERM_OF_SCALE    = 14.0  # number times array, as in regularisation
TERM_LESS        = 5.5
TERM_TWICE       = 3.0   # earlier, of one that is there twice

# Whole statements.
ANALOGY          = 4.0
COMPUTED_AGAIN   = 5.0   # as the forward pass computes it
BY_RULE          = 6.3   # the derivative for an operand of a product of the forward pass
WRITTEN_TERM     = 12.0  # a term of the derivative that the rules give, added
WRITTEN_OUT      = 14.0  # the whole of it
NAME_BY_LETTERS  = 1.0   # later, for each name exchanged by its letters alone
NAME_KEPT        = 2.0   # later, for each name left as the other statement has it
RETURNED_SWAPPED = 3.0
RETURNED_OTHER   = 5.0
ELEMENTS_SWAPPED = 7.0   # of a list or of arguments
CASES_SWAPPED    = 5.5   # of np.where
TARGETS_SWAPPED  = 8.0
THREE_OR_MORE    = 5.0   # later: more than two of them in another order
# fmt: on

PAIR = 8.0  # two changes come so much later than their ranks say
PAIR_SLACK = 3.0  # the second change of a pair may be so much likelier than the first, and depend on it
PAIR_MARGIN = 2.0  # pairs this much later than the first that fits are other ways to write it
