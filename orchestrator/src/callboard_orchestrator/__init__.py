"""Who composes: workflows that delegate to the teams, and a client that starts them."""
