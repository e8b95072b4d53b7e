"""Keys that end, and invitations to enrol one."""

from typing import Final

import sqlalchemy as sa
from alembic import op

revision: Final = "0004"
down_revision: Final = "0003"

_NAME: Final = sa.String().with_variant(sa.String(collation="C"), "postgresql")


def upgrade() -> None:
    """Let keys expire and be revoked, and make the table of invitations."""
    op.add_column("keys", sa.Column("expires", sa.BigInteger))
    op.add_column("keys", sa.Column("revoked", sa.BigInteger))
    op.create_table(
        "invitations",
        sa.Column("code_digest", _NAME, primary_key=True),
        sa.Column("team", _NAME, nullable=False),
        sa.Column("created", sa.BigInteger, nullable=False),
        sa.Column("expires", sa.BigInteger, nullable=False),
        sa.Column("used", sa.BigInteger),
    )
