"""Pages: one look, one script, one escape."""
