"""How much a page may ask of the server: sizes, times and counts, each with its reason."""

# fmt: off
REQUEST_BYTES    = 2_000_000  # of one request: a text of 1,000,000 characters as JSON
NAME_CHARACTERS  = 240        # of the name of a file with its folders, or of a page
TEXT_SECONDS     = 5.0        # of computing for one text: as on the command line
CODE_SECONDS     = 5.0        # for one pair of code: the process that runs it ends after four times that and ten
JOB_SECONDS      = 60.0       # before a process that does a job is ended, whatever it does
GRACE_SECONDS    = 0.2        # that a check which nobody needs any more may still take: a new process costs as much
SETTLED_SECONDS  = 0.8        # without a newer text, before suggestions are looked for: they take longer than verdicts
YIELD_SECONDS    = 1e-4       # by which a text is later in the queue for each of its characters: long ones take long
JOBS_WAITING     = 60         # at most: a class that types; to more of them the server says that it is busy
JOBS_OF_PROCESS  = 500        # before a process is replaced, and what it kept with it
TRIES            = 2          # of a job whose process ended: it may have been another program that ended it
FILES_LISTED     = 500        # texts of a folder
FOLDERS_DEEP     = 4          # below the folder that is served
CONNECTIONS      = 300        # open at once
NICENESS         = 19         # of processes that look for suggestions or run code: verdicts do not wait for them
RETRY_SECONDS    = 1          # after which a page asks a busy server again
# fmt: on
