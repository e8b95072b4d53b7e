"""The tables that hold who is signed in to the console, beside those of `callboard_registry.tables`."""

from typing import Final

from sqlalchemy import Column, String, Table

from callboard_registry.tables import Moment, Name, metadata

console_sessions: Final = Table(
    "console_sessions",
    metadata,
    # SHA-256 of the token; the token itself is not kept.
    Column("digest", Name, primary_key=True),
    Column("name", String, nullable=False),
    # JSON.
    Column("content", String, nullable=False),
    Column("begun", Moment, nullable=False),
    Column("seen", Moment, nullable=False),
    Column("expires", Moment, nullable=False),
)
"""Who is signed in to the console."""

console_tickets: Final = Table(
    "console_tickets",
    metadata,
    # As above.
    Column("digest", Name, primary_key=True),
    Column("kind", String, nullable=False),
    Column("content", String, nullable=False),
    Column("begun", Moment, nullable=False),
    Column("expires", Moment, nullable=False),
)
"""What is good once: links that sign somebody in, and ways to the identity provider that were begun."""
