"""Limits on what is read, so that any file costs bounded time and memory; a message names the one that is reached."""

# fmt: off
FILE_CHARACTERS  = 1_000_000  # of a file: its lines are looked through more than once
BLOCK_LINES      = 4_000      # inside the blocks of a file: each of them is parsed and judged
UNREADABLE_LINES = 20         # of a block: each one makes the block's tokens once more
BRACKET_DEPTH    = 60         # brackets, scripts and environments in one another: LaTeX is read recursively
READ_MEMBERS     = 2_000      # members of chains that are kept, so that they are not read again
OPERATION_DEPTH  = 100        # operations in one another: whoever walks a tree does so recursively
MATRIX_ENTRIES   = 10_000     # of one matrix in a formula
DECLARED_NAMES   = 400        # names or members of a family in one declaration
ALL_NAMES        = 4_000      # declared in all: a name with family letters stands for many
DECLARED_SIZE    = 64         # a number in a size: the Jacobian of N×N values has N⁴ entries
SIZE_CHARACTERS  = 80         # of a size such as N×(N+M)
LARGEST_RANGE    = 1_000.0    # a limit of a declared range: beyond it values are not moderate any more
FILE_BYTES       = 4_000_000  # of a file, before it is read: a character has up to four
SHOWN_CHARACTERS = 160        # of the line that an error quotes: the rest says no more
LABEL_TOKENS     = 16         # before the colon of a line's label; the label is looked for in every line
BOUND_KEYS       = 4_096      # keys of families whose members are kept, so that they are not made again
INDEX_DIGITS     = 4          # of a time step or a numbered name
PRODUCT_LETTERS  = 24         # of a word that is read as names side by side: there are exponentially many splits
MACROS           = 2_000      # definitions in a document
MACRO_ARGUMENTS  = 9          # as many as TeX allows
EXPANSIONS       = 500        # macros that are used on one line, with those that they stand for
EXPANDED_CHARACTERS = 20_000 # of a line after its macros are expanded: they can double it again and again
INCLUDED_FILES   = 200        # that a document reads with \input, one inside another included
INCLUSIONS       = 1_000      # files that a document names with \input, there or not
NOTEBOOK_CELLS   = 5_000      # of a notebook
GROUP_CHARACTERS = 4_000      # between braces that are looked for: each unclosed one is searched so far
INLINE_CHARACTERS = 500       # of an inline formula, or of code in a line: the sign that ends it is looked for so far
ABBREVIATED_PARTS = 300       # of the formula that an abbreviation stands for
EQUATIONS        = 4_000      # of a document: each of them is tokenized
STATED_SIZES     = 2_000      # inline formulas of a document whose prose is searched for sizes
# fmt: on

TOO_MANY_OPERATIONS = f"more than {OPERATION_DEPTH} operations inside one another; name a part of it"
