"""Every threshold of the judgement of lines, with its unit and the reason for it.

How near two derivatives have to be to count as equal is not among them: that is what rounding may do at a sample point.
"""

# fmt: off
# The sample points.
SAMPLE_POINTS      = 3      # at which every line has to hold: a line that is wrong may hold at one by chance
SEEDS_APART        = 1000   # apart: so far are the seeds of two checks, so that they share no sample point

# How near is equal, where no tape says what rounding may do.
SAME_VALUE         = 1e-10  # of the largest entry: both sides of a line about names, Jacobians or differentials
SAME_SUM           = 1e-9   # relative: the sum of the entries of a Jacobian, to name a likely cause only
SAME_SUM_NEAR_ZERO = 1e-12  # absolute: the same, for entries that are zero

# When a line is judged.
RESOLVED           = 1e-3   # of the largest contribution: rounding has to be smaller, or nothing can be told there

STEADY             = 1e-3   # of a contribution: what small errors may change of one that is not 0 but for rounding

NO_VALUE           = 1e20   # a larger derivative is none: the log of a negative number leaves π over a tiny step

# When a line is a sum of multiples of contributions.
FITS               = 1e-8   # of the largest entry: what the multiples may leave over
SAME_FACTOR        = 1e-6   # a factor this near to 1, 2 or -1 is that number; of the largest: another, or 0

# How much is tried, so that a check takes bounded time.
SUBSETS_OF         = 10     # contributions that are tried in all combinations: 1,022 of them
MATRICES_TRIED     = 3      # square names that may be symmetric, in all combinations
TRANSPOSITIONS_TRIED = 12   # of one of them in a line: one that makes it right is its mistake
LOSS_PATHS         = 12     # paths along which the loss depends on what moves, in all combinations: 4,096 of them
PAIRS_CANCELLING   = 200    # contributions, and pairs of them, that are looked at for cancelling
LABELS_TRIED       = 4      # names whose columns may sum to 1: data come with few
STATES_TRIED       = 24     # ways in which the states of a sequence may have the names of others: of four all
LINES_MISFITTING   = 2      # lines that do not fit, before the other layout is tried: one is a mistake of its own
LINES_RUN          = 20     # wrong lines that are run as code: a file of nothing but wrong lines takes bounded time

# How much is shown.
LIKENESSES_SHOWN   = 3      # contributions that a wrong line has too much, too little or with another factor
LONGEST_NUMBER     = 10     # digits of the number of a line: a longer one is no number of a line
# fmt: on
