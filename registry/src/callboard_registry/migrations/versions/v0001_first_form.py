"""Keys, listings with their texts, policies and call records."""

from typing import Final

import sqlalchemy as sa
from alembic import op

revision: Final = "0001"
down_revision: Final = None

_NAME: Final = sa.String().with_variant(sa.String(collation="C"), "postgresql")


def upgrade() -> None:
    """Make the tables of the first form."""
    op.create_table(
        "keys",
        sa.Column("team", _NAME, primary_key=True),
        sa.Column("key_id", _NAME, primary_key=True),
        sa.Column("public_bytes", sa.LargeBinary, nullable=False, unique=True),
        sa.Column("created", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "listings",
        sa.Column("service", _NAME, primary_key=True),
        sa.Column("digest", _NAME, primary_key=True),
        sa.Column("number", sa.Integer, nullable=False),
        sa.Column("team", _NAME, nullable=False),
        sa.Column("state", _NAME, nullable=False),
        sa.Column("created", sa.BigInteger, nullable=False),
        sa.Column("text_digest", _NAME, nullable=False),
        sa.UniqueConstraint("service", "number"),
    )
    op.create_index("ix_listings_team", "listings", ["team"])
    op.create_table(
        "texts",
        sa.Column("service", _NAME, primary_key=True),
        sa.Column("digest", _NAME, primary_key=True),
        sa.Column("text_digest", _NAME, primary_key=True),
        sa.Column("document", sa.LargeBinary, nullable=False),
        sa.Column("summary", sa.String, nullable=False),
        sa.Column("operations", sa.String, nullable=False),
        sa.Column("created", sa.BigInteger, nullable=False),
        sa.ForeignKeyConstraint(["service", "digest"], ["listings.service", "listings.digest"]),
    )
    op.create_table(
        "policies",
        sa.Column("team", _NAME, primary_key=True),
        sa.Column("version", sa.Integer, primary_key=True),
        sa.Column("digest", sa.String, nullable=False),
        sa.Column("document", sa.LargeBinary, nullable=False),
        sa.Column("signed_at", sa.BigInteger, nullable=False),
        sa.Column("created", sa.BigInteger, nullable=False),
    )
    _create_calls()


def _create_calls() -> None:
    op.create_table(
        "calls",
        sa.Column("sequence", sa.BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True, autoincrement=True),
        sa.Column("reporter", sa.String, nullable=False),
        sa.Column("root", sa.String, nullable=False),
        sa.Column("token_id", sa.String),
        sa.Column("caller", sa.String, nullable=False),
        sa.Column("person", sa.String, nullable=False),
        sa.Column("endpoint", sa.String, nullable=False),
        sa.Column("service", sa.String, nullable=False),
        sa.Column("operation", sa.String, nullable=False),
        sa.Column("revision", sa.String, nullable=False),
        sa.Column("build", sa.String, nullable=False),
        sa.Column("entity", sa.String, nullable=False),
        sa.Column("start", sa.BigInteger, nullable=False),
        sa.Column("duration", sa.BigInteger),
        sa.Column("outcome", sa.String, nullable=False),
        sa.Column("reason", sa.String, nullable=False),
        sa.Column("input_tokens", sa.BigInteger, nullable=False),
        sa.Column("output_tokens", sa.BigInteger, nullable=False),
        sa.Column("cost_usd", sa.Float),
        sa.UniqueConstraint("reporter", "token_id", "endpoint", "operation", "outcome"),
        sqlite_autoincrement=True,
    )
    op.create_index("calls_by_root", "calls", ["root", "sequence"])
