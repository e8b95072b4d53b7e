"""How far back what happened is kept."""

from typing import Final

import sqlalchemy as sa
from alembic import op

revision: Final = "0011"
down_revision: Final = "0010"


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "horizons",
        sa.Column("about", sa.String, primary_key=True),
        sa.Column("position", sa.BigInteger, nullable=False),
    )
