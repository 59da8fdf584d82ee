"""A short text to train on: every letter twice."""

STRING = "sphinx of black quartz, judge my vow.\n" * 2
