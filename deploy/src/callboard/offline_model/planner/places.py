"""Addresses in a customer's words."""

import re
from dataclasses import asdict, dataclass
from typing import Final

_STREET_TO_ZIP: Final = re.compile(
    r"(?P<street>\d+\s+[A-Z][\w .'-]*?)\s*,\s*"
    r"(?:(?P<second>(?:Suite|Flat|Apt\.?|Apartment|Unit|Floor|Room|#)\s*[\w-]+)\s*,\s*)?"
    r"(?P<city>[A-Z][A-Za-z .'-]*?)\s*,?\s+"
    r"(?P<state>[A-Z]{2})\s*,?\s+(?P<zip>\d{5})\b"
)


@dataclass(frozen=True)
class Place:
    """An address as the operations take it."""

    address1: str
    address2: str
    city: str
    state: str
    country: str
    zip: str

    @property
    def arguments(self) -> dict[str, object]:
        """The fields by their names."""
        return asdict(self)

    def __str__(self) -> str:
        parts = (self.address1, self.address2, self.city, f"{self.state} {self.zip}")
        return ", ".join(part for part in parts if part)


def find(text: str) -> Place | None:
    """Find `101 Highway, Suite 4, New York, NY 10001` in a text; the country is the USA."""
    found = _STREET_TO_ZIP.search(text)
    if found is None:
        return None
    return Place(
        address1=found["street"],
        address2=found["second"] or "",
        city=found["city"],
        state=found["state"],
        country="USA",
        zip=found["zip"],
    )
