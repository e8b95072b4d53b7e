"""Payment methods, charges and refunds."""
