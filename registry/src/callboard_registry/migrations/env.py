"""Runs the steps on the connection that `upgrade` was given, inside its transaction."""

from typing import cast

from alembic import context
from sqlalchemy import Connection

from callboard_registry.tables import metadata

connection = cast(Connection, context.config.attributes["connection"])
# Both databases can take back a change of their tables, so a step that fails leaves no half-made form behind.
context.configure(connection=connection, target_metadata=metadata, transactional_ddl=True)
context.run_migrations()
