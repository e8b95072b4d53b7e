"""Whether a new schema may take the place of an old one, with a proof, or with a document that says why not."""

from callboard_registry.compatibility.comparing import compare
from callboard_registry.compatibility.differing import Difference, differences
from callboard_registry.compatibility.documents import Draft, SchemaError
from callboard_registry.compatibility.listings import ListingVerdict, SchemaChange, compare_listings
from callboard_registry.compatibility.verdicts import DIRECTIONS, Answer, Budget, Direction, Finding, Notice, Verdict

__all__ = [
    "DIRECTIONS",
    "Answer",
    "Budget",
    "Difference",
    "Direction",
    "Draft",
    "Finding",
    "ListingVerdict",
    "Notice",
    "SchemaChange",
    "SchemaError",
    "Verdict",
    "compare",
    "compare_listings",
    "differences",
]
