"""What tests/mutate.py is made of: changes of a file, their exchange in memory, and which tests reach a line."""
