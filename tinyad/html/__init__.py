"""Pages: one style sheet, one script, one way to escape."""
