"""Words of operations in the form in which they are compared, kept instead of worked out for every question."""

from typing import Final

from alembic import op

revision: Final = "0010"
down_revision: Final = "0007"


def upgrade() -> None:
    """Keep them in PostgreSQL; SQLite's index does so already. What is indexed is read anew by the registry's start."""
    op.execute("DELETE FROM operations")
    if op.get_bind().dialect.name != "postgresql":
        return
    op.execute("DROP INDEX operations_found")
    op.execute(
        "ALTER TABLE operations ADD COLUMN operations_found tsvector GENERATED ALWAYS AS "
        "(setweight(to_tsvector('simple', title), 'A') || to_tsvector('simple', words)) STORED"
    )
    op.execute("CREATE INDEX operations_found_words ON operations USING gin (operations_found)")
