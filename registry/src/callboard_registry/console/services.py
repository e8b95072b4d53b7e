"""The page of a service: what it promises, how it does, who calls it, how it came to be."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from fastapi import APIRouter
from fastapi.responses import HTMLResponse

from callboard_contracts import OperationDescription, ServiceDescription
from callboard_kit.policy import ANYONE, Policy, Rule
from callboard_registry.console.knowledge import WEEK, Knowledge
from callboard_registry.console.rendering import page
from callboard_registry.console.routes import PageRoute
from callboard_registry.console.schema_tree import Field, schema_tree
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
            _in_words(rule, operation.promise.effect)
            for rule in policy.rules
            if rule.covers(service.service, operation.name)
        ),
        snippets=snippets(service, operation),
    )


def _in_words(rule: Rule, effect: str) -> str:
    """Return what a rule says about an operation, as a sentence."""
    who = "every team" if ANYONE in rule.callers else _listed(rule.callers)
    sentence = f"{who} may call it"
    if rule.on_behalf_of is not None:
        whom = "anyone" if ANYONE in rule.on_behalf_of else _listed(rule.on_behalf_of)
        sentence += f", on behalf of {whom}"
    elif effect != "read":
        sentence += ", on nobody else's behalf" if len(rule.callers) == 1 else ", on behalf of each other"
    if rule.hide:
        sentence += f", without seeing {_listed(rule.hide)}"
    return f"{sentence} ({rule.name})"


def _listed(names: tuple[str, ...]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
