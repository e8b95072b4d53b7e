"""What keeps a contract from being said in another form, and what to do about it."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Finding:
    """One thing that cannot be said."""

    place: str
    """Where, as a JSON pointer into the document that would be written or was read."""

    problem: str
    """What is the matter there."""

    remedy: str
    """What to do about it."""

    def __str__(self) -> str:
        return f"{self.place}: {self.problem}; {self.remedy}"

    def within(self, file: str) -> "Finding":
        """The same finding, with the name of the file that it is in."""
        return Finding(f"{file}{self.place}", self.problem, self.remedy)
