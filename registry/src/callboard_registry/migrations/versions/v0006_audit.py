"""Derived call records, sums of calls, what teams say they call, and how far the audit has read."""

from typing import Any, Final

import sqlalchemy as sa
from alembic import op

revision: Final = "0006"
down_revision: Final = "0005"

_NAME: Final = sa.String().with_variant(sa.String(collation="C"), "postgresql")


def upgrade() -> None:
    """Widen the table of call records and make the others."""
    op.add_column("calls", sa.Column("derived", sa.Boolean, nullable=False, server_default=sa.false()))
    op.add_column("calls", sa.Column("counted", sa.Boolean, nullable=False, server_default=sa.false()))
    op.add_column("calls", sa.Column("ended", sa.BigInteger, nullable=False, server_default="0"))
    op.execute("UPDATE calls SET ended = start + COALESCE(duration, 0)")
    op.create_index("calls_by_token", "calls", ["token_id"])
    op.create_index("calls_by_caller", "calls", ["caller", "sequence"])
    op.create_index("calls_by_endpoint", "calls", ["endpoint", "sequence"])
    op.create_index("calls_by_entity", "calls", ["entity", "sequence"])
    op.create_index("calls_by_end", "calls", ["ended"])
    op.create_table(
        "call_totals",
        *_told_apart_by(),
        sa.Column("calls", sa.BigInteger, nullable=False),
        sa.Column("timed", sa.BigInteger, nullable=False),
        sa.Column("duration", sa.BigInteger, nullable=False),
        sa.Column("input_tokens", sa.BigInteger, nullable=False),
        sa.Column("output_tokens", sa.BigInteger, nullable=False),
        sa.Column("cost", sa.BigInteger, nullable=False),
        sa.Column("last", sa.BigInteger, nullable=False),
    )
    op.create_index("call_totals_by_service", "call_totals", ["service", "day"])
    op.create_table(
        "call_durations",
        *_told_apart_by(),
        sa.Column("bucket", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("calls", sa.BigInteger, nullable=False),
    )
    op.create_table("call_horizon", sa.Column("before", sa.BigInteger, primary_key=True, autoincrement=False))
    op.create_table(
        "declared_calls",
        sa.Column("team", _NAME, primary_key=True),
        sa.Column("service", _NAME, primary_key=True, index=True),
    )
    op.create_table(
        "declarations",
        sa.Column("team", _NAME, primary_key=True),
        sa.Column("signed_at", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "audit_positions",
        sa.Column("namespace", _NAME, primary_key=True),
        sa.Column("team", _NAME, nullable=False),
        sa.Column("read_until", sa.BigInteger),
        sa.Column("looked", sa.BigInteger, nullable=False),
        sa.Column("problem", sa.String, nullable=False),
    )
    op.create_table(
        "audit_runs",
        sa.Column("namespace", _NAME, primary_key=True),
        sa.Column("run_id", _NAME, primary_key=True),
        sa.Column("last_event", sa.BigInteger, nullable=False),
        sa.Column("first_open", sa.BigInteger, nullable=False),
        sa.Column("closed", sa.BigInteger),
    )


def _told_apart_by() -> list[sa.Column[Any]]:  # Any: columns of several types
    names = ("caller", "service", "operation", "revision", "outcome")
    day = sa.Column("day", sa.BigInteger, primary_key=True, autoincrement=False)
    return [day, *(sa.Column(name, _NAME, primary_key=True) for name in names)]
