"""Builds that teams vouch for, with the fingerprints of their agents."""

from typing import Final

import sqlalchemy as sa
from alembic import op

revision: Final = "0013"
down_revision: Final = "0012"

_NAME: Final = sa.String().with_variant(sa.String(collation="C"), "postgresql")


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "build_agents",
        sa.Column("team", _NAME, primary_key=True),
        sa.Column("build", _NAME, primary_key=True),
        sa.Column("agent", _NAME, primary_key=True),
        sa.Column("digest", _NAME, primary_key=True),
        sa.Column("fields", sa.String, nullable=False),
        sa.Column("published", sa.BigInteger, nullable=False),
        sa.Column("withdrawn", sa.BigInteger),
    )
