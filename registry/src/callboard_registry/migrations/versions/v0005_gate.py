"""Numbers of revisions, and what the gate found out about them."""

from typing import Final

import sqlalchemy as sa
from alembic import op

revision: Final = "0005"
down_revision: Final = "0004"

_NAME: Final = sa.String().with_variant(sa.String(collation="C"), "postgresql")


def upgrade() -> None:
    """Number the revisions that were ever approved, in their order, and make the table of verdicts."""
    op.add_column("listings", sa.Column("minor", sa.Integer))
    op.add_column("listings", sa.Column("patch", sa.Integer, nullable=False, server_default="0"))
    op.execute(
        """
        UPDATE listings SET minor = (
            SELECT COUNT(*) FROM listings AS earlier
            WHERE earlier.service = listings.service AND earlier.number < listings.number
            AND earlier.state IN ('approved', 'deprecated', 'retired', 'revoked')
        )
        WHERE state IN ('approved', 'deprecated', 'retired', 'revoked')
        """
    )
    op.create_table(
        "verdicts",
        sa.Column("service", _NAME, primary_key=True),
        sa.Column("digest", _NAME, primary_key=True),
        sa.Column("answer", sa.String, nullable=False),
        sa.Column("bases", sa.String, nullable=False),
        sa.Column("level", sa.String, nullable=False),
        sa.Column("strict", sa.Boolean, nullable=False),
        sa.Column("found", sa.LargeBinary, nullable=False),
        sa.Column("next_service", sa.String, nullable=False),
        sa.Column("judged", sa.BigInteger, nullable=False),
        sa.Column("override_author", sa.String),
        sa.Column("override_reason", sa.String),
        sa.Column("override_at", sa.BigInteger),
        sa.ForeignKeyConstraint(["service", "digest"], ["listings.service", "listings.digest"]),
    )
