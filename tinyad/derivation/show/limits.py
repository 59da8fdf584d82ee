"""How much a report shows: counts and lengths, each with its reason."""

# fmt: off
NOTES_SHOWN     = 12   # notes of one kind, before "and n more"
BEGINNING_SHOWN = 40   # characters of a formula that was not read: enough to know it again
NOT_READ_SHOWN  = 8    # formulas of a document that were not read
RULES_SHOWN     = 4    # forward equations that a wrong line should follow
NAMES_SHOWN     = 8    # names whose derivatives are wrong because of a line
ROWS_QUOTED     = 12   # rows of the file that a line is quoted with: a longer chain is seen in the file
WIDTH_WITH_SIZES = 160 # characters of a row that has the sizes below it: a longer one is wrapped by a terminal
SIZED_OPERAND   = 24   # characters of an operand that has its size below it: a longer one is a formula
SIZE_ROOM       = 12   # characters behind the last operand of a row, for its size
DRAWN_STEPS     = 200  # steps of a forward that is drawn: a longer one is no picture any more
BROKEN_FROM     = 160  # characters of a member that is shown term by term, each on a row of its own
# fmt: on
