"""The miniature: the table of operations, the tape and the backward pass."""
