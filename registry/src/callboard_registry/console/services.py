"""The page of a service: what it promises, how it does, who calls it, how it came to be."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from fastapi import APIRouter
from fastapi.responses import HTMLResponse

from callboard_contracts import OperationDescription, ServiceDescription
from callboard_kit.policy import Policy
from callboard_registry.console.knowledge import WEEK, Knowledge
from callboard_registry.console.moving.moves import author_of, open_ways
from callboard_registry.console.policy_words import demanded, in_words
from callboard_registry.console.rendering import page
from callboard_registry.console.routes import PageRoute
from callboard_registry.console.schema_tree import Field, schema_tree
from callboard_registry.console.signin.visits import visit
from callboard_registry.console.snippets import Snippet, snippets
from callboard_registry.gate.gate import Comparison
from callboard_registry.refusals import Refusal
from callboard_registry.totals import Which
from callboard_registry_api.audit import CallTotal

MONTH = timedelta(days=30)


@dataclass(frozen=True, kw_only=True)
class ShownOperation:
    """One operation, ready to be shown."""

    description: OperationDescription
    input: tuple[Field, ...]
    output: tuple[Field, ...]
    measured: CallTotal | None
    """Its calls that ended well in the last seven days."""

    callers: tuple[str, ...]
    """Who may call it, in words."""

    approvals: tuple[str, ...]
    """What persons must agree to, in words."""

    snippets: tuple[Snippet, ...]

    @property
    def keeps_latency(self) -> bool | None:
        """Whether the 95th percentile is within what is promised; None when nothing was measured."""
        if self.measured is None or self.measured.p95 is None:
            return None
        return self.measured.p95 <= self.description.promise.latency


def services_router(knowledge: Knowledge) -> APIRouter:
    """Serve the pages of services."""
    router = APIRouter(route_class=PageRoute, include_in_schema=False)
    registry = knowledge.registry

    @router.get("/services/{service}", response_class=HTMLResponse)
    async def service_page(service: str, digest: str = "") -> HTMLResponse:
        """Show the newest revision of a service, or the one asked for."""
        listing = await registry.get_listing(service, digest=digest)
        description = ServiceDescription.model_validate_json(listing.document)
        policy = await _policy(knowledge, listing.team)
        which = Which(service=service, outcomes=("ok",), since=datetime.now(UTC) - WEEK)
        measured = {row.operation: row for row in await knowledge.totals(which, by=("operation",))}
        return page(
            "service.html",
            section="catalog",
            listing=listing,
            ways=open_ways(listing, author_of(registry, visit(), listing)),
            description=description,
            operations=[_shown(each, description, policy, measured) for each in description.operations],
            health=(await knowledge.health()).get(service),
            facts=(await knowledge.teams()).get(listing.team),
            revisions=await knowledge.revisions(service, listing.team),
            consumers=await registry.auditing.consumers(service, since=datetime.now(UTC) - MONTH),
        )

    @router.get("/services/{service}/compare", response_class=HTMLResponse)
    async def compare(service: str, old: str, new: str) -> HTMLResponse:
        """Show what differs between two revisions, and whether it breaks anybody."""
        before = await registry.get_listing(service, digest=old)
        after = await registry.get_listing(service, digest=new)
        verdict = await registry.compare_listings(Comparison(service=service, from_digest=old, to_digest=new))
        return page("compare.html", section="catalog", service=service, before=before, after=after, verdict=verdict)

    del service_page, compare  # they live in the router now
    return router


async def _policy(knowledge: Knowledge, team: str) -> Policy:
    try:
        held = await knowledge.registry.get_policy(team)
    except Refusal:
        return Policy()
    return Policy.model_validate_json(held.document)


def _shown(
    operation: OperationDescription,
    service: ServiceDescription,
    policy: Policy,
    measured: Mapping[str, CallTotal],
) -> ShownOperation:
    return ShownOperation(
        description=operation,
        input=schema_tree(operation.input, anchor=f"{operation.name}.input"),
        output=schema_tree(operation.output, anchor=f"{operation.name}.output"),
        measured=measured.get(operation.name),
        callers=tuple(
            in_words(rule, operation.promise.effect)
            for rule in policy.rules
            if rule.covers(service.service, operation.name)
        ),
        approvals=tuple(
            words for rule in policy.rules if rule.covers(service.service, operation.name) and (words := demanded(rule))
        ),
        snippets=snippets(service, operation),
    )
