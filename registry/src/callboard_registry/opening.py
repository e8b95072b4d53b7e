"""Opens the registry's database for a process, or says in one line why it cannot be."""

from sqlalchemy.exc import DatabaseError

from callboard_registry.database import Database
from callboard_registry.migrations import NewerError
from callboard_registry.settings import shown


class StartError(Exception):
    """A process of the registry cannot start; the message is one line for whoever started it."""


def open_database(url: str) -> Database:
    """Open the database at `url` and bring its tables up to date.

    Raises:
        StartError: It cannot be opened or written, or a newer registry has worked with it.
    """
    try:
        return Database.open(url)
    except DatabaseError as error:
        reason = " ".join(str(error.orig).split())
        raise StartError(
            f"database {shown(url)!r} cannot be opened for writing ({reason}); "
            "choose another with CALLBOARD_REGISTRY_DATABASE"
        ) from error
    except NewerError as error:
        raise StartError(
            f"database {shown(url)!r} has form {str(error)!r}, which a newer registry made; start that one"
        ) from error
