"""The numbers that the evaluation of derivations is limited by and the sample points are made with, each with its
unit and the reason for it."""

# fmt: off
# The sample points.
LAST_TIME           = 4       # T of a sequence: a beginning, an end, and two times between them
OTHER_LAST_TIME     = 5       # the same of other points: 2/T = 1/2 is chance
SIZES               = (5, 3, 7, 6, 9, 8, 11, 10, 13, 12, 14, 15, 16)  # of symbols, as declared: different, none T or 2
OTHER_SIZES         = (7, 6, 8, 3, 11, 9, 10, 13, 12, 15, 16, 14, 17)  # of other points: nothing holds by chance
SIZES_TRIED         = 200     # ways to give these numbers to symbols, until all sides such as N-K are positive
SMALLEST_ENTRY      = 0.3     # absolute: no value may be nearly zero and hide a contribution
LARGEST_ENTRY       = 1.3     # absolute: moderate values, so that nothing overflows or saturates over the times
RANGE_MARGIN        = 0.05    # of a declared range: the limits themselves may be poles
GROWTH              = 100     # factor by which a value may grow over the times: more hides what happened first
TIME_SCALES         = (1.0, 0.7, 0.5, 0.35, 0.25, 0.18, 0.12, 0.09, 0.06, 0.03)  # of parameters, tried in turn
VARIED_SCALES       = (1.0, 0.5, 0.25, 0.12, 2.0)  # of single names, where a hinge is on for few values only
KINK_DRAWINGS       = 120     # drawings looked through for kinks that are on, or off, at no sample point
KINK_POINTS         = 3       # more sample points for that

# How near is equal.
COMPLEX_STEP        = 1e-30   # absolute: f(x + ih) = f(x) + ih f'(x), to rounding
NEAR                = 1e4     # units of rounding: other orders of summation, longer formulas than the rules
SIMILAR_NAME        = 0.5     # of 1, the similarity from which a known name may be the one that was meant

# How much is evaluated, so that a foreign file takes bounded time and memory.
TAPE_STEPS          = 20_000  # of one forward
TAPE_ENTRIES        = 3_000_000  # numbers on the tape of one forward: a check keeps some twenty copies, of 8 bytes each
NESTED_TERMS        = 10_000     # terms of sums within sums, all together
VALUE_ENTRIES       = 1_000_000  # numbers of one value, counted before it is made
CACHED_ENTRIES      = 10_000  # of one value of a part of a formula that is kept for other formulas
ALIGNMENTS          = 4_096   # pairs of letters of components whose common order is kept
JACOBIAN_ENTRIES    = 6_000_000  # numbers of all Jacobians that are kept at one sample point
SIDE_LENGTH         = 400     # rows or columns of a value
SIZE_DIGITS         = 3       # of a size that is a number in a formula
SUM_TIMES           = 1000    # of one sum over time
FUNCTION_CHAIN      = 5       # functions that are declared to be one another
# fmt: on
