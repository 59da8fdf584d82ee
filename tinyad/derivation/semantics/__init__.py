"""What a syntax tree means at a sample point."""
