"""Graphs and plots of a tape."""
