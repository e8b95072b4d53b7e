"""The steps lead to the tables that the code works with, from wherever a database stands."""

from importlib.resources import files

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine, inspect, text

from callboard_registry import migrations
from callboard_registry.database import Database
from callboard_registry.migrations import NewerError
from callboard_registry.tables import metadata


def differences(url: str) -> list[object]:
    """What would have to change for a database to have the tables of the code."""
    engine = create_engine(url)
    with engine.connect() as connection:
        # The database's own index of words is none that SQLAlchemy knows to describe.
        options = {
            "compare_type": True,
            "include_name": lambda name, *_: not (name or "").startswith("operations_found"),
        }
        found = compare_metadata(MigrationContext.configure(connection, opts=options), metadata)
    engine.dispose()
    return found


def execute(url: str, *statements: str) -> None:
    engine = create_engine(url)
    with engine.begin() as connection:
        for statement in statements:
            connection.execute(text(statement))
    engine.dispose()


def test_all_steps_together_make_the_tables_of_the_code(any_database):
    url = any_database()
    for _ in range(2):
        Database.open(url).close()

    assert differences(url) == []


def test_the_last_step_is_known():
    steps = ScriptDirectory(str(files(migrations)), Config())

    assert steps.get_heads() == [migrations.HEAD]


def test_a_database_of_the_first_registries_is_taken_over_with_what_it_holds(any_database):
    url = any_database()
    first = create_engine(url)
    with first.begin() as connection:
        migrations.upgrade(connection, to="0001")
        connection.execute(text("DROP TABLE alembic_version"))
        connection.execute(
            text("INSERT INTO policies VALUES ('shop', 1, 'sha256:0', :document, 0, 0)"), {"document": b"{}"}
        )
    first.dispose()

    database = Database.open(url)
    with database.reading() as connection:
        held = connection.execute(text("SELECT team, version FROM policies")).all()
    database.close()

    assert [tuple(row) for row in held] == [("shop", 1)]
    assert differences(url) == []


def test_a_database_of_a_newer_registry_is_left_alone(any_database):
    url = any_database()
    Database.open(url).close()
    execute(url, "UPDATE alembic_version SET version_num = '9999'")

    with pytest.raises(NewerError, match="9999"):
        Database.open(url)


def test_a_step_that_fails_leaves_nothing_behind(any_database):
    url = any_database()
    execute(url, "CREATE TABLE calls (sequence INTEGER)")

    with pytest.raises(Exception, match="calls"):
        Database.open(url)

    engine = create_engine(url)
    assert inspect(engine).get_table_names() == ["calls"]
    engine.dispose()


def test_revisions_that_were_approved_before_there_were_numbers_get_theirs(any_database):
    url = any_database()
    engine = create_engine(url)
    with engine.begin() as connection:
        migrations.upgrade(connection, to="0004")
        for number, state in enumerate(("retired", "draft", "approved", "revoked", "pending"), start=1):
            connection.execute(
                text(
                    "INSERT INTO listings (service, digest, number, team, state, created, text_digest)"
                    " VALUES ('shop.v1', :digest, :number, 'shop', :state, 0, '')"
                ),
                {"digest": f"sha256:{number}", "number": number, "state": state},
            )
    engine.dispose()

    database = Database.open(url)
    with database.reading() as connection:
        rows = connection.execute(text("SELECT number, minor, patch FROM listings ORDER BY number")).all()
    database.close()

    assert [tuple(row) for row in rows] == [(1, 0, 0), (2, None, 0), (3, 1, 0), (4, 2, 0), (5, None, 0)]
