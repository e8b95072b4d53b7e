"""Which runs somebody looks at."""

from typing import Final

import sqlalchemy as sa
from alembic import op

revision: Final = "0016"
down_revision: Final = "0015"


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "watched_runs",
        sa.Column("root", sa.String, primary_key=True),
        sa.Column("until", sa.BigInteger, nullable=False),
    )
