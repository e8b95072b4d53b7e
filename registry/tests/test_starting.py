"""What keeps a registry from starting, and how it says so."""

import os
import stat
from dataclasses import replace

import pytest

from callboard_kit.settings import SettingsError
from callboard_registry.server import StartError, serving
from callboard_registry.settings import Address, Settings


def settings(database: str) -> Settings:
    anywhere = Address("127.0.0.1", 0)
    return Settings(database=database, grpc=anywhere, http=anywhere, administrator_token="for-tests")


@pytest.mark.parametrize(
    "database", ["sqlite://", "sqlite:///:memory:", "postgresql://db", "mysql://db/x", "registry.db", "://"]
)
def test_a_database_that_is_neither_a_sqlite_file_nor_postgresql_is_refused(tmp_path, database):
    with pytest.raises(SettingsError, match="CALLBOARD_REGISTRY_DATABASE"):
        Settings.from_environment({"CALLBOARD_HOME": str(tmp_path), "CALLBOARD_REGISTRY_DATABASE": database})


@pytest.mark.parametrize("address", ["7481", ":7481", "host:", "host:seven", "host:99999", "host:-1", "host:²"])
@pytest.mark.parametrize("variable", ["CALLBOARD_REGISTRY_GRPC", "CALLBOARD_REGISTRY_HTTP"])
def test_an_address_that_is_none_is_refused(tmp_path, variable, address):
    with pytest.raises(SettingsError, match=f"{variable} is "):
        Settings.from_environment({"CALLBOARD_HOME": str(tmp_path), variable: address})


def test_by_default_everything_is_in_the_home_and_on_this_machine_only(tmp_path):
    found = Settings.from_environment({"CALLBOARD_HOME": str(tmp_path / "new")})

    assert found.database == f"sqlite:///{tmp_path / 'new' / 'registry.db'}"
    assert (found.grpc.host, found.http.host) == ("127.0.0.1", "127.0.0.1")


def test_an_administrators_token_is_made_for_its_owners_eyes_only_and_kept(tmp_path):
    first = Settings.from_environment({"CALLBOARD_HOME": str(tmp_path)})
    second = Settings.from_environment({"CALLBOARD_HOME": str(tmp_path)})

    file = tmp_path / "registry-admin-token"
    assert stat.S_IMODE(os.stat(file).st_mode) == 0o600
    assert len(first.administrator_token) >= 32
    assert first == second
    assert first.administrator_token not in repr(first)


def test_an_empty_administrators_token_file_lets_nobody_in(tmp_path):
    (tmp_path / "registry-admin-token").write_text("\n")

    with pytest.raises(SettingsError, match="is empty"):
        Settings.from_environment({"CALLBOARD_HOME": str(tmp_path)})


@pytest.mark.parametrize("part", ["grpc", "http"])
async def test_a_port_in_use_is_told_and_the_database_is_not_touched(tmp_path, running, part):
    database = tmp_path / "registry.db"
    wanted = replace(settings(f"sqlite:///{database}"), **{part: getattr(running, part)})

    with pytest.raises(
        StartError, match=rf"in use\); stop what listens there or set CALLBOARD_REGISTRY_{part.upper()}"
    ):
        async with serving(wanted):
            pass

    assert not database.exists()


@pytest.mark.parametrize("path", ["/nowhere/at/all/registry.db", "/dev/null", "/proc/registry.db"])
async def test_a_database_that_cannot_be_written_is_told(path):
    with pytest.raises(StartError, match=f"database 'sqlite:///{path}' cannot be opened for writing"):
        async with serving(settings(f"sqlite:///{path}")):
            pass


async def test_a_file_that_is_no_database_is_left_as_it_is(tmp_path):
    file = tmp_path / "letter.txt"
    file.write_text("dear registry, " * 100)

    with pytest.raises(StartError, match="cannot be opened for writing"):
        async with serving(settings(f"sqlite:///{file}")):
            pass

    assert file.read_text() == "dear registry, " * 100


async def test_what_was_held_is_held_after_a_restart(any_database):
    from callboard_kit.identity import SigningKey
    from callboard_registry_api.client import RegistryClient

    key = SigningKey.generate("shop")
    database = any_database()
    for _ in range(2):
        async with (
            serving(settings(database)) as addresses,
            RegistryClient(str(addresses.grpc), administrator_token="for-tests") as client,
        ):
            await client.register_key("shop", key.key_id, key.public_key.public_bytes)
            keys = await client.list_public_keys()

    assert [held.key_id for held in keys] == [key.key_id]


async def test_a_password_in_the_databases_url_is_not_told():
    with pytest.raises(StartError) as refused:
        async with serving(settings("postgresql://registry:hush@127.0.0.1:1/registry")):
            pass

    assert "hush" not in str(refused.value)
    assert "registry:***@127.0.0.1:1/registry" in str(refused.value)
    assert "hush" not in repr(settings("postgresql://registry:hush@127.0.0.1:1/registry"))
