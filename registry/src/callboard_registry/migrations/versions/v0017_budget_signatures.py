"""When the last change of each budget was signed."""

from typing import Final

import sqlalchemy as sa
from alembic import op

revision: Final = "0017"
down_revision: Final = "0016"

_NAME: Final = sa.String().with_variant(sa.String(collation="C"), "postgresql")


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "budget_signatures",
        *(sa.Column(name, _NAME, primary_key=True) for name in ("team", "caller", "period")),
        sa.Column("signed_at", sa.BigInteger, nullable=False),
    )
