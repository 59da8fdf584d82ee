"""Draw graphs and plots of a tape."""
