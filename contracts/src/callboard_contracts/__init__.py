"""What teams promise each other."""
