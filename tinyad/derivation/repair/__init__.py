"""The line that was probably meant."""
