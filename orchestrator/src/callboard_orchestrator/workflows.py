"""The composing workflows: one that lets a model plan, one that needs no model."""

import asyncio
from collections.abc import Awaitable, Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from typing import Any, Final, TypeVar

from temporalio import workflow
from temporalio.common import RetryPolicy
from temporalio.exceptions import FailureError

from callboard_contracts import MeshError, RefusedError, UnavailableError
from callboard_contracts.customers import v1 as customers
from callboard_contracts.orders import v1 as orders
from callboard_kit import mesh

with workflow.unsafe.imports_passed_through():
    from callboard_kit.agent import FINDING, Agent, Found, Limits, ListedTool, OperationTool, agent_run
    from callboard_kit.agent.finding import narrowed
    from callboard_kit.approvals import ApprovalPolicy, AskForAll, AskForEffects, Automatic
    from callboard_kit.context.briefs import BriefRule, admitted
    from callboard_kit.failing import from_failure
    from callboard_kit.fingerprint.carrying import running_as
    from callboard_kit.guards.cards import NO_CARD_NUMBERS
    from callboard_orchestrator.catalog import Catalog, Matches, Offering
    from callboard_orchestrator.instructions import ALWAYS, instructions
    from callboard_orchestrator.messages import Approvals, Place, Relocated, Relocation, Request, Settled, Unchanged

_ONE_TRY: Final = timedelta(seconds=20)
# Some twenty seconds of a catalog that does not answer. Tries and no time limit: a worker that is away for longer fails
# nobody's request.
_SOME_TRIES: Final = RetryPolicy(
    initial_interval=timedelta(milliseconds=500), maximum_interval=timedelta(seconds=5), maximum_attempts=7
)

_APPROVALS: Final[Mapping[Approvals, ApprovalPolicy]] = {
    "none": Automatic(),
    "effects": AskForEffects(),
    "all": AskForAll(),
}

PLANNER: Final[Agent[Any]] = Agent(  # Any: it answers with words
    name="orchestrator",
    instructions=ALWAYS,
    approvals=Automatic(),
    guards=(NO_CARD_NUMBERS,),
    # Whatever it is told: it calls what it may call, and every call is judged by the policy of whom it calls.
    briefs=(BriefRule(name="whoever-starts-a-run", instructions=True, tools=("*",), context=20),),
)
"""What plans, as far as it does not depend on the request: tools, limits and approvals come with each."""

_LOOKING_UP: Final = timedelta(seconds=30)
_CHANGING: Final = timedelta(minutes=5)

ResultT = TypeVar("ResultT")


@workflow.defn
class Orchestrate:
    """Settles what is asked for in words: a model plans over what the catalog offers and calls it."""

    @workflow.run
    async def run(self, request: Request) -> Settled:
        """Let the model work until it answers or a limit is reached.

        Raises:
            RefusedError: The tree may take no step, or is somebody else's.
            UnavailableError: There is no catalog, or no model.
        """
        with _within(request):
            limits = mesh.current().limits
            if not limits.steps or not limits.tokens:
                raise RefusedError("the limits of this tree allow no step; start it with more `steps` and `tokens`")
            offering = await _offering()
            search = _CatalogSearch() if offering.count > len(offering.tools) else None
            given = admitted(
                request.brief,
                PLANNER.briefs,
                agent=PLANNER.name,
                tools=offering.tools,
                finds_more=search is not None,
            )
            with running_as(PLANNER):
                outcome = await agent_run(
                    request.words,
                    instructions=given.instructions(instructions(offering)),
                    tools=given.chosen(offering.tools),
                    search=narrowed(search, given.choice()),
                    model=given.brief.model,
                    given=given.brief.context,
                    limits=Limits(max_steps=limits.steps, max_tokens=limits.tokens, max_cost_usd=limits.cost_usd),
                    approvals=_APPROVALS[request.approvals],
                    guards=PLANNER.guards,
                    name=PLANNER.name,
                    resettable=True,
                )
        return Settled(
            answer=outcome.answer,
            calls=tuple(call for call in outcome.calls if call.operation not in FINDING),
            usage=outcome.usage,
            stopped_because=outcome.stopped_because,
        )


@workflow.defn
class Relocate:
    """Gives a customer who moved their new address everywhere it matters; no model is asked."""

    @workflow.run
    async def run(self, relocation: Relocation) -> Relocated:
        """Find the customer and their pending orders, then change all of them at the same time.

        What cannot be changed is told and keeps nothing else from being changed.

        Raises:
            RefusedError: There is no such customer.
        """
        customer = await _customer(await _user_id(relocation.customer))
        found = await asyncio.gather(*(_order(order_id) for order_id in customer.orders))
        # Whether an order in a special kind of pending may still change is for its team to say.
        pending = [each for each in found if isinstance(each, orders.Order) and each.status.startswith("pending")]
        tried = await asyncio.gather(
            _move_customer(customer.user_id, relocation.address),
            *(_redirect(order.order_id, relocation.address) for order in pending),
        )
        unchanged = [each for each in (*tried, *found) if isinstance(each, Unchanged)]
        return Relocated(
            user_id=customer.user_id,
            changed=tuple(each for each in tried if not isinstance(each, Unchanged)),
            unchanged=tuple(unchanged),
        )


@contextmanager
def _within(request: Request) -> Generator[None]:
    """Hold the run to what the request says of the person and the limits."""
    call = mesh.current()
    if request.person is not None and call.person not in (None, request.person):
        raise RefusedError(f"this tree acts for {call.person!r}, not for {request.person!r}; start another one")
    limits = call.limits if request.limits is None else call.limits.tightened(request.limits)
    with mesh.working_on(replace(call, person=request.person or call.person, limits=limits)):
        yield


async def _offering() -> Offering:
    return await _from_catalog(
        workflow.execute_activity_method(
            Catalog.offered_operations, start_to_close_timeout=_ONE_TRY, retry_policy=_SOME_TRIES
        )
    )


class _CatalogSearch:
    """Finds operations that are too many for a run to hold."""

    async def find(self, query: str) -> Found:
        """Return the operations that fit a few words."""
        matches: Matches = await _from_catalog(
            workflow.execute_activity_method(
                Catalog.find_operations, query, start_to_close_timeout=_ONE_TRY, retry_policy=_SOME_TRIES
            )
        )
        return Found(matches.listed, matches.opened)

    async def open(self, listed: Sequence[ListedTool]) -> Sequence[OperationTool]:
        """Return operations that were found before."""
        if not listed:
            return ()
        return await _from_catalog(
            workflow.execute_activity_method(
                Catalog.open_operations, tuple(listed), start_to_close_timeout=_ONE_TRY, retry_policy=_SOME_TRIES
            )
        )


async def _from_catalog(asked: Awaitable[ResultT]) -> ResultT:
    try:
        return await asked
    except FailureError as error:
        known = from_failure(error, what="the catalog")
        if known is None:
            raise
        raise known from error


async def _user_id(who: customers.EmailAddress | customers.NameAndZip) -> customers.UserId:
    if isinstance(who, customers.EmailAddress):
        return await _customers().execute_operation(
            customers.Customers.find_user_id_by_email, who, schedule_to_close_timeout=_LOOKING_UP
        )
    return await _customers().execute_operation(
        customers.Customers.find_user_id_by_name_zip, who, schedule_to_close_timeout=_LOOKING_UP
    )


async def _customer(user_id: customers.UserId) -> customers.Customer:
    return await _customers().execute_operation(
        customers.Customers.get_user_details, user_id, schedule_to_close_timeout=_LOOKING_UP
    )


async def _order(order_id: str) -> orders.Order | Unchanged:
    return await _or_why_not(
        Place(kind="order", id=order_id),
        _orders().execute_operation(
            orders.Orders.get_order_details,
            orders.OrderId(order_id=order_id),
            schedule_to_close_timeout=_LOOKING_UP,
        ),
    )


async def _move_customer(user_id: str, address: customers.Address) -> Place | Unchanged:
    place = Place(kind="customer", id=user_id)
    change = customers.AddressChange(user_id=user_id, **address.model_dump())
    moved = await _or_why_not(
        place,
        _customers().execute_operation(
            customers.Customers.modify_user_address, change, schedule_to_close_timeout=_CHANGING
        ),
    )
    return moved if isinstance(moved, Unchanged) else place


async def _redirect(order_id: str, address: customers.Address) -> Place | Unchanged:
    place = Place(kind="order", id=order_id)
    change = orders.AddressChange(order_id=order_id, **address.model_dump())
    redirected = await _or_why_not(
        place,
        _orders().execute_operation(
            orders.Orders.modify_pending_order_address, change, schedule_to_close_timeout=_CHANGING
        ),
    )
    return redirected if isinstance(redirected, Unchanged) else place


async def _or_why_not(place: Place, call: Awaitable[ResultT]) -> ResultT | Unchanged:
    try:
        return await call
    except MeshError as error:
        outcome = "refused" if isinstance(error, RefusedError) else "failed"
        if isinstance(error, UnavailableError):
            outcome = "unavailable"
        return Unchanged(kind=place.kind, id=place.id, outcome=outcome, error=str(error))


def _customers() -> workflow.NexusClient[customers.Customers]:
    return workflow.create_nexus_client(service=customers.Customers, endpoint=customers.ENDPOINT)


def _orders() -> workflow.NexusClient[orders.Orders]:
    return workflow.create_nexus_client(service=orders.Orders, endpoint=orders.ENDPOINT)
