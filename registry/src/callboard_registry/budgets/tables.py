"""What is kept of signed changes of budgets."""

from typing import Final

from sqlalchemy import BigInteger, Column, Table

from callboard_registry.tables import Name, metadata

budget_signatures: Final = Table(
    "budget_signatures",
    metadata,
    Column("team", Name, primary_key=True),
    Column("caller", Name, primary_key=True),
    Column("period", Name, primary_key=True),
    # In seconds since 1970, by the clock of whoever signed it.
    Column("signed_at", BigInteger, nullable=False),
)
"""When the last change of each budget was signed, also of those that were taken away."""
