"""Who is there and what they promise."""
