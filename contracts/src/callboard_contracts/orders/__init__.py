"""Orders and what may change about them."""
