"""The inventory team has no activities of its own: it only reads, and its handlers do that at once."""
