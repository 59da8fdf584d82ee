"""What people write: operators, functions of NumPy, names, rows of their own; formulas as Symbols; messages."""
