"""The command: how Callboard runs."""
