"""The registry's protocol, for its clients."""
