"""The gate: what a revision has to show before it may take the place of those that are in force."""
