"""The limits of planting and grading: counts and shares, each with its reason."""

# fmt: off
MISTAKES_OF_A_KIND = 40   # in one line: the likeliest come first
MISTAKES_TRIED     = 50   # for one that changes a value: each is a check of the file
NEIGHBOURS_WITHIN  = 3    # lines: a formula is copied from nearby
GRADE_SECONDS      = 20.0 # for each of the three files that a grade compares: an exercise takes two
SAME_EXERCISE      = 0.5  # share of the lines of two files that are versions of one exercise
# fmt: on
