"""Pure functions on tensors; rows are items."""
