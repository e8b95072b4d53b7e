"""Who composes: workflows that delegate to the teams."""
