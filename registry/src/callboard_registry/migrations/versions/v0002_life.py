"""The life of a revision, and every change in the order in which it happened."""

from typing import Final

import sqlalchemy as sa
from alembic import op

revision: Final = "0002"
down_revision: Final = "0001"

_NAME: Final = sa.String().with_variant(sa.String(collation="C"), "postgresql")


def upgrade() -> None:
    """Add what a revision's life needs, and the list of changes."""
    op.add_column("listings", sa.Column("edition", sa.Integer, nullable=False, server_default="1"))
    op.add_column("listings", sa.Column("sunset", sa.BigInteger))
    op.add_column("listings", sa.Column("successor", sa.String, nullable=False, server_default=""))
    op.add_column("listings", sa.Column("reason", sa.String, nullable=False, server_default=""))
    op.create_table(
        "changes",
        sa.Column("sequence", sa.BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True, autoincrement=True),
        sa.Column("at", sa.BigInteger, nullable=False),
        sa.Column("kind", sa.String, nullable=False),
        sa.Column("team", _NAME, nullable=False),
        sa.Column("subject", _NAME, nullable=False),
        sa.Column("detail", sa.String, nullable=False),
        sa.Column("state", sa.String, nullable=False),
        sa.Column("author", sa.String, nullable=False),
        sa.Column("reason", sa.String, nullable=False),
        sqlite_autoincrement=True,
    )
    op.create_index("changes_by_subject", "changes", ["subject", "sequence"])
    op.create_index("calls_by_revision", "calls", ["service", "revision", "start"])
