"""Data transformations κ, each applied to the rows of its input: a class a file."""
