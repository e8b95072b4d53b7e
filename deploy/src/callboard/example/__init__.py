"""The example shop: made up from a seed, or read from a file, and held by the five teams."""
