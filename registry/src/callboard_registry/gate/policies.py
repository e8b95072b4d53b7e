"""Comparing a policy that is being published with the one in force."""

from callboard_contracts import Effect, ServiceDescription
from callboard_kit.policy import Policy
from callboard_registry.catalog import Catalog
from callboard_registry.documents import PolicyDocument
from callboard_registry.gate.narrowing import narrowed
from callboard_registry.life import ANSWERING
from callboard_registry.policies import Policies
from callboard_registry_api.verdicts import Finding


class Narrowing:
    """Says what a new policy takes from callers."""

    def __init__(self, policies: Policies, catalog: Catalog) -> None:
        self._policies = policies
        self._catalog = catalog

    def warnings(self, team: str, document: PolicyDocument) -> tuple[Finding, ...]:
        """Return what callers may do no more when this policy is in force."""
        held = self._policies.find(team)
        if held is None or held.digest == document.digest:
            return ()
        old, new = (Policy.model_validate_json(each) for each in (held.document, document.canonical))
        services = dict.fromkeys(service for rule in old.rules for service in rule.services)
        return tuple(narrowed(old, new, {service: self._operations(service) for service in services}))

    def _operations(self, service: str) -> dict[str, Effect]:
        listing = self._catalog.find(service, states=ANSWERING)
        if listing is None:
            return {}
        described = ServiceDescription.model_validate_json(listing.document)
        return {operation.name: operation.promise.effect for operation in described.operations}
