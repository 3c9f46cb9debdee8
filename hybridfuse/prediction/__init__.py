"""Predictions of finished runs for new rows, windows and nodes."""
