"""How a command fails: with one line that says what is wrong and what to do next."""


class CommandError(Exception):
    """A failure that the person at the terminal can do something about; the message says what."""
