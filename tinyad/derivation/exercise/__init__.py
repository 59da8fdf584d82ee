"""Planted mistakes, and grades for the answers."""
