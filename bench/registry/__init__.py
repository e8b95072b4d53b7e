"""What the registry does per second, each against the least that could do it on this machine."""
