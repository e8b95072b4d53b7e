"""What teams may spend, what their workers hold of it, and what models were asked."""

from typing import Final

import sqlalchemy as sa
from alembic import op

revision: Final = "0015"
down_revision: Final = "0014"

_NAME: Final = sa.String().with_variant(sa.String(collation="C"), "postgresql")


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "budgets",
        *(sa.Column(name, _NAME, primary_key=True) for name in ("team", "caller", "period")),
        sa.Column("tokens", sa.BigInteger),
        sa.Column("cost", sa.BigInteger),
        sa.Column("author", sa.String, nullable=False),
        sa.Column("changed", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "budget_blocks",
        sa.Column("id", _NAME, primary_key=True),
        sa.Column("team", _NAME, nullable=False),
        sa.Column("caller", _NAME, nullable=False),
        sa.Column("worker", sa.String, nullable=False),
        *(
            sa.Column(name, sa.BigInteger, nullable=False)
            for name in ("tokens", "cost", "used_tokens", "used_cost", "expires")
        ),
    )
    op.create_index("budget_blocks_by_team", "budget_blocks", ["team", "expires"])
    op.create_table(
        "budget_spent",
        *(sa.Column(name, _NAME, primary_key=True) for name in ("team", "caller")),
        sa.Column("day", sa.BigInteger, primary_key=True, autoincrement=False),
        *(sa.Column(name, sa.BigInteger, nullable=False) for name in ("tokens", "cost")),
    )
    op.create_table(
        "model_uses",
        *(sa.Column(name, _NAME, primary_key=True) for name in ("team", "key")),
        sa.Column("at", sa.BigInteger, nullable=False),
    )
    op.create_index("ix_model_uses_at", "model_uses", ["at"])
    op.create_table(
        "model_totals",
        sa.Column("day", sa.BigInteger, primary_key=True, autoincrement=False),
        *(sa.Column(name, _NAME, primary_key=True) for name in ("team", "caller", "operation", "model")),
        *(
            sa.Column(name, sa.BigInteger, nullable=False)
            for name in ("model_calls", "input_tokens", "output_tokens", "cost", "unpriced")
        ),
    )
    op.create_table("model_horizon", sa.Column("before", sa.BigInteger, primary_key=True, autoincrement=False))
