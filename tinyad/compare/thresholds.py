"""Every threshold of a comparison, with its unit and the reason for it.

How near is equal is not among them: that is what rounding may do on this tape, see `gradcheck.rounding`.
"""

# fmt: off
# How much is tried, so that a comparison takes seconds whatever is wrong.
TRIED            = 200_000  # values and contributions computed under hypotheses: the common mistakes come first
NOISE_TRIED      = 20_000   # of them, to see what a line moves; behind that its paths are counted instead
FEWEST_TRIED     = 6        # passes over a tape that is so long that these are more
MISTAKES_TOGETHER = 3       # searches: each finds what is left under the mistakes that were found before
APART_TRIED      = 4        # names, at all their times, that the others may not be made from: each is a comparison
MODELS_TRIED     = 20_000   # steps of other forward passes, or
FEWEST_MODELS    = 2        # of these on a long tape
NAMES_TRIED      = 200      # variables on either side in place of one: all of a tape of some 100 steps
LONGEST_LOOP     = 500      # steps of one time step of a loop whose values have no names
SUBSETS_TRIED    = 8        # of the contributions to one derivative: "the last alone is there", and the like
FACTORS_TRIED    = 6        # sizes of the tape that are tried as a factor
RECOMPUTED       = 8        # results without a name, of one value that another stands for: expressions are short
SOFTMAX_STEPS    = 8        # steps over the other axis that are tried one by one: each is a forward and a walk

# When a number means something.
FAR              = 1e-3     # of the largest entry by hand: no rounding does that
LESS_EXACT       = 1e-5     # of the largest entry: nearer is a matter of precision and no mistake of the kinds known
SIMPLE_FACTOR    = 1000     # the largest denominator of a factor that is shown as a fraction
SMALL_NUMBERS    = 50       # in a fraction that one number is times another: with larger ones any number nearly is
EXACT            = 1e-9     # relative: a factor this near to a simple one is that, for float64 leaves six digits more
CLEARLY_THIS     = 1e-8     # relative: a factor this near to that of a constant comes from it
SAME_FACTOR      = 9        # digits in which the factors of two lines agree if they are one
MANY_LINES       = 3        # with one factor: two can be two mistakes
MOST_LINES       = 0.7      # of all: a factor that so many have is a convention, and the others are judged under it
DECIMALS         = range(2, 9)  # that a rounded array may have: fewer fit too much, more are no rounding by hand
LAST_DECIMAL     = 0.5 + 1e-6   # of the last decimal: what rounding to it changes

# How much is shown.
SUSPECTS_SHOWN   = 4        # derivatives to give next
OTHERS_SHOWN     = 3        # lines that would explain everything too, and contributions that are missing
FACTORS_SHOWN    = 2        # steps that could have the factor
NAMES_SHOWN      = 6        # after "the same for"
LINES_SHOWN      = 12       # of one kind, before "and n more"
UNITS_SHOWN      = 1e6      # of rounding, in full: beyond, the order of magnitude says more
# fmt: on
