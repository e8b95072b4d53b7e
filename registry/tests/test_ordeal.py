"""Whoever is killed, and when: what was acknowledged is there, nothing is there by half, and watchers miss nothing."""

from collections.abc import AsyncGenerator

import pytest
from ordeal import KILLS, Ordeal, Record
from postgresql_server import postgresql_server

from callboard_contracts import ServiceDescription

pytestmark = pytest.mark.timeout(300)  # The fixture's time counts for the first test, and it starts ten processes.


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
async def record(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> AsyncGenerator[Record]:
    """One ordeal on each kind of database."""
    home = tmp_path_factory.mktemp("ordeal")
    if request.param == "sqlite":
        yield await Ordeal(home, f"sqlite:///{home / 'registry.db'}", None, seed=11).run()
        return
    with postgresql_server() as server:
        yield await Ordeal(home, server.make_database(), server, seed=12).run()


def test_it_was_an_ordeal(record):
    assert len(record.killed) == KILLS
    assert len(record.acknowledged) > 5 * KILLS
    assert record.cuts > KILLS


def test_everything_that_was_acknowledged_is_there_as_it_was_acknowledged(record):
    held = {each.digest: each.number for each in record.held}

    assert record.acknowledged.items() <= held.items()


def test_nothing_is_there_by_half(record):
    assert [each.number for each in record.held] == list(range(1, len(record.held) + 1))
    for each in record.held:
        description = ServiceDescription.model_validate_json(each.document)
        assert (description.digest, description.observable_digest()) == (each.digest, each.digest)
    assert record.found == 1


def test_every_revision_was_told_once_in_its_order(record):
    published = [each.detail for each in record.happened if each.kind == "listing_published"]

    assert published == [each.digest for each in record.held]


def test_a_watcher_that_was_cut_off_again_and_again_missed_nothing_and_saw_nothing_twice(record):
    assert record.told == record.happened
