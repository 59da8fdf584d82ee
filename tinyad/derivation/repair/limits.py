"""The limits of the search for a suggestion: counts and shares, each with its reason."""

# fmt: off
# How long the search may take.
LINES_SEARCHED   = 60     # wrong lines of one derivation: a file of nothing but wrong lines is checked in bounded time
EDITS_TRIED      = 6_000  # single edits of one member: what comes later is never what was meant
READINGS         = 12_000 # different lines that are read and evaluated for one wrong line: two of each edit
PAIRS_TRIED      = 400    # pairs of edits of one member: beyond these, a pair that holds is chance
EDITS_PAIRED     = 120    # single edits that pairs are made of: enough for PAIRS_TRIED, likeliest first
PROPOSED_LINES   = 12     # lines proposed for what a derivation leaves out: more is a derivation not yet begun
FURTHER_POINTS   = 6      # sample points at which a line with a comparison is tried too
FURTHER_SEED     = 900    # the first of their seeds, far from those of the verdicts
SLIPS_SHOWN      = 2      # changes of one line that are marked one by one: more are another line

# What makes a suggestion certain.
CERTAIN_BELOW    = 2      # rank: an earlier edit is certain, whatever else holds
RIVALS_WITHIN    = 20     # ranks: an edit so much further down is not as likely
SMALL_SHARE      = 2      # an analogy that changes one of so many tokens at most leaves a formula what it is
SIMILAR_TOKENS   = 0.6    # share of tokens that two similar brackets or calls have in common

# How much of the rest of a derivation is tried in a line.
FACTORS          = 60     # brackets, calls and terms of other lines
SIGNED_TERMS     = 20     # terms behind a sign in other lines
FRAGMENT_LENGTH  = 200    # characters of such a term or factor: longer ones are formulas of their own
ONES_SIZES       = 8      # letters of sizes that a column of ones is tried with
OPERAND_CALLS    = 4      # calls in the line's forward equations
FACTORS_FORGOTTEN = (2.0, 0.5, 3.0)  # of squares, of means and of cubes
SQUARE           = 2
HALF             = 0.5    # has its own way to be written, 1/2
LETTERS          = 4      # letters of a line of components that further factors are tried with
NUMBERS          = 8      # names that are one number, and sizes, tried as further factors
RULE_NAMES       = 12     # names of the rule that are tried as a further factor
RULE_NAMES_FIRST = 20     # names of the rule that come before all other names
NAMES_REPEATED   = 20     # names that are tried in every place of one that is used more than once
SUMS_EXTENDED    = 12     # formulas that a term is added to
BRACKETS_OPENED  = 24     # places in a member where a bracket may open
BRACKETS_CLOSED  = 8      # places where it may close again: operands behind the first
EQUATIONS_WALKED = 6      # derivatives that no line sets, and that the rules write out inside of each other
WRITTEN_PARTS    = 40     # parts of the author's lines that may stand for a derivative
RULE_CHARACTERS  = 400    # of a line as the rules give it: a longer one helps nobody
TERMS_CHOSEN     = 4      # uses of one name in one equation, of which a line lacks some
SAME_VALUE       = 1e-9   # relative difference of two values that are one but for rounding
CLOSE_TO_WHOLE   = 1e-9   # a factor so near to a whole number is that number, but for rounding
PRODUCTS_PAIRED  = 8      # products of one equation that may stand for one another
PATTERNS         = 5      # derivatives of the author that another one is made after
# fmt: on
