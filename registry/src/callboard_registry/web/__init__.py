"""The HTTP side: the registry as JSON, and pages for people."""

from fastapi import Depends, FastAPI

from callboard_contracts import ServiceDescription
from callboard_kit.policy import Policy
from callboard_registry.admission import Admission
from callboard_registry.console import assets_router, console_router
from callboard_registry.registry import Registry
from callboard_registry.signin.configuration import ConsoleSettings
from callboard_registry.web.admitting import admitting
from callboard_registry.web.budgets import budgets_router
from callboard_registry.web.calls import calls_router
from callboard_registry.web.changes import changes_router
from callboard_registry.web.compatibility import Comparing, compatibility_router
from callboard_registry.web.describing import REFUSED, describe_truly
from callboard_registry.web.discovery import discovery_router
from callboard_registry.web.front import front_router
from callboard_registry.web.health import health_router
from callboard_registry.web.keys import keys_router
from callboard_registry.web.listings import StateChange, listings_router
from callboard_registry.web.policies import policies_router
from callboard_registry.web.refusals import answer_refusals
from callboard_registry.web.signin_links import signin_links_router


def web_application(registry: Registry, admission: Admission, console: ConsoleSettings | None = None) -> FastAPI:
    """Return the HTTP application of a registry, which answers whom `admission` admits; its pages, who is signed in."""
    # Their pages load scripts from other hosts.
    app = FastAPI(title="Callboard registry", version="1", docs_url=None, redoc_url=None)
    answer_refusals(app)
    admitted = [Depends(admitting(admission))]
    for family in (
        listings_router,
        compatibility_router,
        discovery_router,
        policies_router,
        keys_router,
        calls_router,
        budgets_router,
        health_router,
        changes_router,
        signin_links_router,
    ):
        app.include_router(family(registry), dependencies=admitted, responses=REFUSED)
    app.include_router(front_router(registry))
    app.include_router(assets_router(registry))
    app.include_router(console_router(registry, admission, console or ConsoleSettings()))
    describe_truly(app, ServiceDescription, Policy, StateChange, Comparing)
    return app
