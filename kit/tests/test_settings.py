"""A process is told by its environment, and says which variable it cannot use."""

from datetime import timedelta
from pathlib import Path

import pytest

from callboard_kit.settings import Settings, SettingsError


def test_without_variables_there_are_defaults() -> None:
    assert Settings.from_environment({}) == Settings()
    assert Settings().key_path("orders") == Path(".callboard/keys/orders.pem")
    assert Settings().store_url("orders") == f"sqlite:///{Path('.callboard/stores/orders.db').absolute()}"


def test_every_variable_is_read() -> None:
    settings = Settings.from_environment(
        {
            "CALLBOARD_HOME": "/h",
            "CALLBOARD_PROFILE": "dev",
            "CALLBOARD_REGISTRY": "r:1",
            "CALLBOARD_REDIS_URL": "redis://x",
            "CALLBOARD_NAMES": "staging-{team}",
            "CALLBOARD_NAMESPACES": "staging-{team}.a1b2c",
            "CALLBOARD_KEY_FILE": "/k.pem",
            "CALLBOARD_STORE": "sqlite:///s.db",
            "CALLBOARD_PATIENCE": "1.5",
            "CALLBOARD_LOG": "debug",
            "CALLBOARD_LOCKS": "off",
        }
    )

    assert settings == Settings(
        home=Path("/h"),
        profile="dev",
        registry_address="r:1",
        redis_url="redis://x",
        name_pattern="staging-{team}",
        namespace_pattern="staging-{team}.a1b2c",
        key_file=Path("/k.pem"),
        store="sqlite:///s.db",
        patience=timedelta(seconds=1.5),
        log_level="DEBUG",
        locks=False,
    )
    assert settings.physical("orders") == "staging-orders"
    assert settings.namespace("orders") == "staging-orders.a1b2c"
    assert Settings(name_pattern="staging-{team}").namespace("orders") == "staging-orders"
    assert settings.endpoints("orders") == {"staging-orders", "staging-orders-canary"}
    assert settings.physical("orders-canary") == "staging-orders-canary"
    assert settings.logical_endpoint("orders", "staging-orders-canary") == "orders-canary"
    assert settings.logical_endpoint("orders", "orders-canary") is None
    assert Settings(name_pattern="{team}-staging").endpoints("orders") == {"orders-staging", "orders-staging-canary"}
    assert settings.key_path("orders") == Path("/k.pem")
    assert settings.store_url("orders") == "sqlite:///s.db"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("CALLBOARD_NAMES", "staging"),
        ("CALLBOARD_NAMESPACES", "a1b2c"),
        ("CALLBOARD_PATIENCE", "soon"),
        ("CALLBOARD_PATIENCE", "nan"),
        ("CALLBOARD_PATIENCE", "-1"),
        ("CALLBOARD_PATIENCE", "1e9"),
        ("CALLBOARD_LOG", "loud"),
        ("CALLBOARD_LOCKS", "maybe"),
    ],
)
def test_a_variable_that_cannot_be_used_is_named(name: str, value: str) -> None:
    with pytest.raises(SettingsError, match=f"{name} is '{value}'"):
        Settings.from_environment({name: value})


def test_an_empty_variable_counts_as_none() -> None:
    empty = dict.fromkeys(("CALLBOARD_REGISTRY", "CALLBOARD_REDIS_URL", "CALLBOARD_KEY_FILE", "CALLBOARD_STORE"), "")

    assert Settings.from_environment(empty) == Settings()


def test_a_copy_of_a_worker_has_a_queue_of_its_own_on_both_sides() -> None:
    copy = Settings.from_environment({"CALLBOARD_INSTANCE": "blue", "CALLBOARD_NAMES": "staging-{team}"})
    plain = Settings.from_environment({"CALLBOARD_NAMES": "staging-{team}"})

    assert copy.task_queue("orders") == copy.queue_for("orders") == "staging-orders-blue"
    assert (plain.task_queue("orders"), plain.queue_for("orders")) == ("staging-orders", "staging-orders")
    assert plain.queue_for("orders", "blue") == "staging-orders-blue"
    assert (copy.deployment("orders"), plain.deployment("orders")) == ("orders-blue", "orders")


@pytest.mark.parametrize("name", ["Blue", "-", "blue-", "a" * 41, "canary", "a b"])
def test_what_can_be_no_copys_name_is_refused(name: str) -> None:
    with pytest.raises(SettingsError, match="can be no copy's name"):
        Settings.from_environment({"CALLBOARD_INSTANCE": name})


def test_a_worker_is_a_copy_or_a_canary_and_not_both() -> None:
    with pytest.raises(SettingsError, match="exclude each other"):
        Settings.from_environment({"CALLBOARD_INSTANCE": "blue", "CALLBOARD_CANARY": "on"})
