"""Products and their variants."""
