"""A verdict counts only while the revisions are in force that it was reached with, whichever process moves them."""

import json

import pytest

from callboard_contracts import ServiceDescription
from callboard_registry.catalog import Catalog
from callboard_registry.consumers import Consumers
from callboard_registry.database import Database
from callboard_registry.documents import listing_document
from callboard_registry.gate.deciding import OvertakenError
from callboard_registry.gate.gate import Gate
from callboard_registry.gate.levels import Levels
from callboard_registry.life import Author, Move

ADMINISTRATOR = Author(team=None)


@pytest.fixture
def database(any_database):
    database = Database.open(any_database.migrated())
    yield database
    database.close()


@pytest.fixture
def catalog(database):
    return Catalog(database)


@pytest.fixture
def gate(database, catalog):
    return Gate(catalog, Levels(), Consumers(database))


@pytest.fixture
def revision(document):
    """Makes a revision of the shop that may also be told a size of at most so many letters."""

    def made(longest: int):
        described = json.loads(document())
        described["operations"][0]["input"]["properties"]["size"] = {"type": "string", "maxLength": longest}
        described["digest"] = ServiceDescription.model_validate(described).observable_digest()
        return listing_document(json.dumps(described).encode(), team="shop")

    return made


def approve(catalog, gate, document, *, judgement=None):
    digest = document.description.digest
    move = Move(service="shop.v1", digest=digest, state="approved")
    return catalog.move(move, ADMINISTRATOR, judgement=judgement or gate.judge("shop.v1", digest))


def test_a_revision_is_not_approved_by_a_verdict_that_was_overtaken(catalog, gate, revision):
    tight, wide = revision(5), revision(9)
    for each in (tight, wide):
        catalog.add(each, gate.admit(each.description))
    before = gate.judge("shop.v1", tight.description.digest)
    approve(catalog, gate, wide)

    assert before.verdict.answer == "compatible"
    with pytest.raises(OvertakenError):
        approve(catalog, gate, tight, judgement=before)
    assert catalog.find("shop.v1", digest=tight.description.digest).state == "draft"


def test_a_revision_is_not_kept_by_a_verdict_that_was_overtaken(catalog, gate, revision):
    tight, wide = revision(5), revision(9)
    catalog.add(wide, gate.admit(wide.description))
    before = gate.admit(tight.description)
    approve(catalog, gate, wide)

    assert before.verdict.answer == "compatible"
    with pytest.raises(OvertakenError):
        catalog.add(tight, before)
    assert catalog.find("shop.v1", digest=tight.description.digest) is None


def test_nothing_comes_into_force_without_a_verdict(catalog, gate, revision):
    only = revision(5)
    catalog.add(only, gate.admit(only.description))

    with pytest.raises(OvertakenError):
        catalog.move(
            Move(service="shop.v1", digest=only.description.digest, state="approved"), ADMINISTRATOR, judgement=None
        )
