"""Arrays derived by hand, compared with a tape."""
