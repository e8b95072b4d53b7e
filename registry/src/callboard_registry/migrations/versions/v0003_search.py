"""Operations one by one, with what they can be found by."""

from typing import Final

import sqlalchemy as sa
from alembic import op

revision: Final = "0003"
down_revision: Final = "0002"

_NAME: Final = sa.String().with_variant(sa.String(collation="C"), "postgresql")

_FOLLOW: Final = (
    """CREATE VIRTUAL TABLE operations_found USING fts5(
        title, words, content='operations', content_rowid='id', tokenize='unicode61 remove_diacritics 0')""",
    """CREATE TRIGGER operations_added AFTER INSERT ON operations BEGIN
        INSERT INTO operations_found(rowid, title, words) VALUES (new.id, new.title, new.words);
    END""",
    """CREATE TRIGGER operations_removed AFTER DELETE ON operations BEGIN
        INSERT INTO operations_found(operations_found, rowid, title, words)
        VALUES ('delete', old.id, old.title, old.words);
    END""",
)


def upgrade() -> None:
    """Make the table and its index of words; the registry fills it when it starts."""
    op.create_table(
        "operations",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True, autoincrement=True),
        sa.Column("service", _NAME, nullable=False),
        sa.Column("digest", _NAME, nullable=False),
        sa.Column("position", sa.Integer, nullable=False),
        sa.Column("name", _NAME, nullable=False),
        sa.Column("summary", sa.String, nullable=False),
        sa.Column("kind", sa.String, nullable=False),
        sa.Column("effect", sa.String, nullable=False),
        sa.Column("model_callable", sa.Boolean, nullable=False),
        sa.Column("fields", sa.String, nullable=False),
        sa.Column("title", sa.String, nullable=False),
        sa.Column("words", sa.String, nullable=False),
        sa.UniqueConstraint("service", "digest", "position"),
        sa.ForeignKeyConstraint(["service", "digest"], ["listings.service", "listings.digest"]),
    )
    if op.get_bind().dialect.name == "postgresql":
        op.execute(
            "CREATE INDEX operations_found ON operations USING gin "
            "((setweight(to_tsvector('simple', title), 'A') || to_tsvector('simple', words)))"
        )
    else:
        for statement in _FOLLOW:
            op.execute(statement)
