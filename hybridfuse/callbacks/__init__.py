"""What happens around training: a class a file."""
