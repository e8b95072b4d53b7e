"""What the tables were and became: brings a database of any earlier registry to the present form.

Each file in `versions/` is one step, in the order in which they name each other. A step that was released is never
changed. `callboard_registry.tables` says what all of them together lead to; a test compares the two.
"""

from typing import Final

from sqlalchemy import Connection, inspect, text

HEAD: Final = "0017"
"""The last step."""

_FIRST: Final = "0001"


class NewerError(Exception):
    """A database that a newer registry has changed; the message names its form."""


def upgrade(connection: Connection, *, to: str = HEAD) -> None:
    """Take every step up to `to` that this database has not taken yet, within the transaction of `connection`.

    Raises:
        NewerError: The database's form is not known here.
    """
    held = inspect(connection).get_table_names()
    form = connection.scalar(text("SELECT version_num FROM alembic_version")) if "alembic_version" in held else None
    if form == to:
        return
    # Not before it is needed: a start with nothing to do is the common one.
    from alembic import command
    from alembic.config import Config
    from alembic.script import ScriptDirectory

    config = Config(attributes={"connection": connection})
    config.set_main_option("script_location", "callboard_registry:migrations")
    steps = {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()}
    if form is not None and form not in steps:
        raise NewerError(str(form))
    if form is None and "listings" in held:
        # The first registries made the first form without writing down that they did.
        command.stamp(config, _FIRST)
    command.upgrade(config, to)
