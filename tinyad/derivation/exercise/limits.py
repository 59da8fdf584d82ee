"""The limits of planting and grading: counts, sizes and times, each with its reason."""

# fmt: off
MISTAKES_OF_A_KIND = 40   # in one line: the likeliest come first
MISTAKES_TRIED     = 50   # for one that changes a value: each is a check of the file
NEIGHBOURS_WITHIN  = 3    # lines: a formula is copied from nearby
PLANTED            = 10   # mistakes in one exercise: more are no exercise any more
GRADE_SECONDS      = 20.0 # of computing for one hand-in: an exercise takes two
HAND_IN_SECONDS    = 90.0 # for one hand-in with all that waits: then its process is ended
HAND_IN_BYTES      = 3_000_000_000  # of address space of a process that grades: BLAS alone takes one
HAND_INS           = 20_000  # files in one folder or archive
ARCHIVE_BYTES      = 500_000_000  # of an archive, which is read from the disk
NESTED_FILES       = 20   # in an archive that one person hands in: more are no exercise
DIRECTORY_BYTES    = 8_000_000  # of the list of files in an archive, all of which is kept
GRADERS            = 4    # processes at most: what starts them and reads their files is one
WHO_CHARACTERS     = 80   # of a name in a table
LINE_CHARACTERS    = 60   # of a line in what is said of a hand-in
SAME_EXERCISE      = 0.5  # share of the lines, or of the declared names, of two files that are versions of one exercise
SAME_NUMBER        = 1e-6 # relative: two wrong lines whose worst entry is this near make the same mistake
# fmt: on
