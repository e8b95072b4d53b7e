"""Stories: what happened inside of runs, as histories tell it."""

from typing import Final

import sqlalchemy as sa
from alembic import op

revision: Final = "0014"
down_revision: Final = "0013"

_NAME: Final = sa.String().with_variant(sa.String(collation="C"), "postgresql")


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "executions",
        sa.Column("namespace", _NAME, primary_key=True),
        sa.Column("run_id", _NAME, primary_key=True),
        *(
            sa.Column(name, sa.String, nullable=False)
            for name in ("workflow_id", "root", "team", "kind", "token_id", "caller", "service", "operation")
        ),
        sa.Column("entity", sa.String, nullable=False),
        sa.Column("person", sa.String, nullable=False),
        sa.Column("wordless", sa.Boolean, nullable=False),
        sa.Column("started", sa.BigInteger, nullable=False),
        sa.Column("ended", sa.BigInteger),
        sa.Column("outcome", sa.String, nullable=False),
        sa.Column("reason", sa.String, nullable=False),
    )
    op.create_index("executions_by_root", "executions", ["root", "started"])
    op.create_index("executions_by_end", "executions", ["ended"])
    op.create_table(
        "happenings",
        sa.Column("namespace", _NAME, primary_key=True),
        sa.Column("run_id", _NAME, primary_key=True),
        sa.Column("number", sa.BigInteger, primary_key=True, autoincrement=False),
        *(sa.Column(name, sa.String, nullable=False) for name in ("root", "team", "kind")),
        sa.Column("at", sa.BigInteger, nullable=False),
        sa.Column("ended", sa.BigInteger),
        *(sa.Column(name, sa.String, nullable=False) for name in ("title", "outcome", "reason", "token_id", "model")),
        sa.Column("input_tokens", sa.BigInteger, nullable=False),
        sa.Column("output_tokens", sa.BigInteger, nullable=False),
        sa.Column("cost_usd", sa.Float),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("detail", sa.String, nullable=False),
    )
    op.create_index("happenings_by_root", "happenings", ["root", "at"])
    op.create_index("happenings_by_run", "happenings", ["run_id"])
    op.create_index("happenings_by_kind", "happenings", ["kind", "at"])
