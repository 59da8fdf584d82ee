"""Sizes, counts and tolerances of checking code, each with its unit and a reason."""

# fmt: off
STEP          = 1e-4   # of a typical entry: displacement of a difference; its error is about STEP^4 after Richardson
SMALLER_STEPS = (1.0, 1e-2, 1e-4)  # factors on STEP that are tried in turn where values are not smooth at the point
DIRECTIONS    = 2      # random directions that say right or wrong: one wrong entry moves each of them
AGREEMENT     = 1e-6   # of the terms' sizes: a statement is right if it agrees so far
NOTHING       = 1e-12  # entries that are smaller are zero, of a value that rounding has left
ROUNDING      = 1e-10  # of the loss: what rounding may do to a difference of two losses divided by STEP
KINK          = 1e-4   # of the difference: two step sizes that disagree so much have a kink between them
BEND          = 1e-2   # of the difference: where those to both sides differ so much at any size, the point is at a kink
CALL_ENTRIES  = 4_000  # of the arrays in a call that a file makes itself: more are data, and smaller ones are drawn
MAIN_SECONDS  = 5.0    # for what a file does as a program, until it has called what is checked
DRAWN_RUNS    = 400    # of a forward pass without an example, to find the shapes that it takes
DRAWN_SECONDS = 4.0    # for them
DRAWN_CHECK_SECONDS = 30.0  # for a pair without an example: after that one is asked for
JUDGED_SECONDS = 5.0   # for the verdicts with an example that was drawn
DRAWN_ENTRIES = 20_000  # of the arguments that are tried
DRAWN_EXAMPLES = 4     # shapes that it runs with: the backward pass tells which are meant
LEAVES        = 2_000  # arrays in one argument: a container with more is no set of parameters
NESTING       = 6      # containers in one another
FULL_ENTRIES  = 20_000 # entries of one derivative that are computed one by one
POINTS        = 3      # sample points at which a suggestion is right before it is called certain
TRIALS        = 3_000  # edits of one statement that are tried
SECONDS       = 60.0   # before a run is stopped: longer is an endless loop, or --timeout says so
EXPLANATIONS  = 12     # expressions that are tried as what an unnamed value is the derivative for
TRIAL_SECONDS = 2.0    # of a program with an edited statement: longer is a loop that the edit made endless
RESIZED_SECONDS = 2.0  # of a first run with other sizes: longer is a loop that does not end with them
SEARCH_SECONDS = 15.0  # of computing, for what was meant in one pair: the verdicts do not wait longer
RUNS          = 200    # inferred meanings of one name that are tried
RUNS_OF_ONE   = 12     # meanings of one wrong value that are tried
SANDBOX_BYTES = 4_000_000_000  # of address space: BLAS alone takes one
SANDBOX_FILE_BYTES = 16_000_000  # of one file that is written, the report among them
SANDBOX_FILES = 64     # open at once
NAMES_SHOWN   = 8      # names in one sentence
NOTES_SHOWN   = 12     # rows about a pair, before "and n more"
FRAMES_SHOWN  = 6      # calls of the user's code that led to an error: a recursion has a thousand
STATEMENTS    = 20_000 # of a source: more was written by a program
FILE_BYTES    = 4_000_000  # of a source file or notebook: more is no exercise
AUXILIARY_TRIALS = 1_500  # edits that are tried of a statement that a wrong one is made from
CAUSE_SECONDS = 5.0    # for one cause of several wrong statements, before each is searched for itself
RERUNS        = 2_000  # whole runs with an edit of a statement that wrong ones depend on
DISTANCE      = 0.1    # by which a rank is later for each statement between it and the wrong one
CAUSE_MARGIN  = 0.25   # an edit elsewhere is likelier than one of the wrong statement if its rank is so much before
# fmt: on
