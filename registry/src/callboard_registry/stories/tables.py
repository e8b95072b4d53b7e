"""Who is looked at. The other tables of stories stand with those of calls."""

from typing import Final

from sqlalchemy import Column, String, Table

from callboard_registry.tables import Moment, metadata

watched_runs: Final = Table(
    "watched_runs",
    metadata,
    Column("root", String, primary_key=True),
    Column("until", Moment, nullable=False),
)
"""Trees of calls that somebody looks at just now, and until when that is believed."""
