"""Heartbeats of workers, who answers for a team, and what the observer saw."""

from typing import Final

import sqlalchemy as sa
from alembic import op

revision: Final = "0007"
down_revision: Final = "0006"

_NAME: Final = sa.String().with_variant(sa.String(collation="C"), "postgresql")


def upgrade() -> None:
    """Make the three tables."""
    op.create_table(
        "teams",
        sa.Column("team", _NAME, primary_key=True),
        sa.Column("owner", sa.String, nullable=False),
        sa.Column("contact", sa.String, nullable=False),
        sa.Column("description", sa.String, nullable=False),
        sa.Column("told", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "workers",
        sa.Column("team", _NAME, primary_key=True),
        sa.Column("worker", _NAME, primary_key=True),
        sa.Column("namespace", sa.String, nullable=False),
        sa.Column("task_queue", sa.String, nullable=False),
        sa.Column("identity", sa.String, nullable=False),
        sa.Column("build", sa.String, nullable=False),
        sa.Column("kit", sa.String, nullable=False),
        sa.Column("sdk", sa.String, nullable=False),
        sa.Column("serves", sa.String, nullable=False),
        sa.Column("started", sa.BigInteger, nullable=False),
        sa.Column("sent", sa.BigInteger, nullable=False),
        sa.Column("stopped", sa.BigInteger),
        sa.Column("seen", sa.BigInteger, nullable=False),
        sa.Column("every", sa.BigInteger, nullable=False),
    )
    op.create_index("ix_workers_seen", "workers", ["seen"])
    op.create_table(
        "observations",
        sa.Column("about", _NAME, primary_key=True),
        sa.Column("subject", _NAME, primary_key=True),
        sa.Column("at", sa.BigInteger, nullable=False),
        sa.Column("seen", sa.String, nullable=False),
    )
