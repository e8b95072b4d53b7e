"""Many agents change the same few orders and balances while workers are killed: one at a time, or not."""
