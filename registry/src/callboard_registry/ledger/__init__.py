"""The ledger of what models were asked and what that cost: who spent it, for whom, on what, on which day."""
