"""Remainders π, what a layer adds of its input: a class a file."""
