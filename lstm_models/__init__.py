"""Models in unary and binary operations, and their hand-derived gradients."""
