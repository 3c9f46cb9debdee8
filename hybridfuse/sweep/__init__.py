"""Sweeps: what they consist of, where their jobs run, how they go on after an interruption."""
