"""Support's activity: one transaction."""

from temporalio import activity

from callboard_contracts import Message
from callboard_contracts.support import v1 as support
from callboard_team_support.store import HandoverStore


class Case(Message):
    """A case to keep, and the key under which it is kept once."""

    handover: support.Handover
    key: str


class SupportActivities:
    """What support's workflows do to its records."""

    def __init__(self, store: HandoverStore) -> None:
        self._store = store

    @activity.defn
    def keep_case(self, case: Case) -> None:
        """Keep a case for a person to take over, once per key."""
        self._store.put(case.handover, key=case.key)
