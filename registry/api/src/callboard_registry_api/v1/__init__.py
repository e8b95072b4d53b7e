"""Version 1 of the protocol: `registry.proto` and what is generated from it."""
