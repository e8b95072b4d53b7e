"""Serves a team: everything between `python -m callboard_team_orders` and a worker that answers.

In this order: settings, `team.toml`, key, Temporal, registry. A worker never serves what the registry does not hold:
on the dev profile it publishes its listing and its policy itself; on any other it refuses to start when the digest of
a contract is not there, and says what to run. When the registry is down it goes by what it last heard.
"""

import asyncio
import logging
import signal
import sys
import time
from collections.abc import Awaitable, Callable, Collection, Coroutine, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Any, Final, NoReturn, TypeVar

import nexusrpc
from temporalio.client import Client, Plugin
from temporalio.worker import Worker

from callboard_contracts import describe, service_named
from callboard_kit.agent.endpoint import ModelEndpoint, ModelSettings
from callboard_kit.budgets.blocks import Tab
from callboard_kit.build import build_of
from callboard_kit.client import ConnectError, KeyFileError, connect, load_key
from callboard_kit.contract_book import ContractBook
from callboard_kit.conversations.starting import history_fault, update_fault
from callboard_kit.directory import RegistryDirectory
from callboard_kit.ending import cancelled
from callboard_kit.entities.at_once import UnlockedEffectError
from callboard_kit.events.writing import writing
from callboard_kit.fingerprint.builds import RegistryBuilds, Vouched, fingerprints_of, surroundings_of
from callboard_kit.fingerprint.checking import DriftCheck
from callboard_kit.fingerprint.taking import Named
from callboard_kit.heartbeats import Heartbeats
from callboard_kit.hooks.declaring import HookGroup, missing_groups
from callboard_kit.memory.activities import memory_fault
from callboard_kit.process import run_guarded
from callboard_kit.processing.processor import Processor
from callboard_kit.processing.serving import Feeds
from callboard_kit.provision import ProvisionError, missing_search_attributes
from callboard_kit.publishing import Introduction, ServeError, registry_signature
from callboard_kit.records import Recorder, to_registry
from callboard_kit.registry import registry_client
from callboard_kit.rollouts.advancing import Rollout, RolloutKeeper
from callboard_kit.rollouts.measuring import prices_from
from callboard_kit.rollouts.serving import deployment_config, taking_part
from callboard_kit.settings import PUBLISHING, Settings, SettingsError
from callboard_kit.teams import Team, TeamFileError, team_name
from callboard_kit.telemetry import collector, start_telemetry
from callboard_kit.trials.serving import TRIALS, trials_of
from callboard_registry_api.client import RegistryClient

if TYPE_CHECKING:
    from callboard_kit.processing.outbox import Outbox

logger: Final = logging.getLogger(__name__)

ResultT = TypeVar("ResultT")

ACTIVITY_THREADS: Final = 64
HANDLER_THREADS: Final = 200
"""Threads for handlers that are not `async`. One that hangs keeps its thread, so there are more than are needed."""


def serve(
    package: str,
    *,
    services: Sequence[object] = (),
    workflows: Sequence[type] = (),
    activities: Sequence[Callable[..., Any]] = (),  # Any: activities take and return anything
    contracts: Sequence[type] = (),
    transient: tuple[type[BaseException], ...] = (),
    ordered_by_store: Collection[str] = (),
    alongside: Sequence[AbstractAsyncContextManager[object]] = (),
    agents: Sequence[Named] = (),
    hooks: Sequence[HookGroup] = (),
    plugins: Sequence[Plugin] = (),
    processors: Sequence[Processor] = (),
    outbox: "Outbox | None" = None,
) -> NoReturn:
    """Serve a team until told to stop (SIGTERM or Ctrl-C), as the whole of this process.

    Args:
        package: The room, `callboard_team_orders` for instance; its `team.toml` and its name say the rest.
        services: Nexus service handlers.
        workflows: Workflow classes.
        activities: Activities, `async` or not.
        contracts: Contract classes of `services` that are not in the contracts package.
        transient: Exceptions of the team's store that are worth another attempt.
        ordered_by_store: Operations that change an entity in a handler that answers at once; see `MeshPlugin`.
        alongside: Blocks that are entered before the worker serves, and left when it has stopped.
        agents: The agents that its workflows run. Whatever an activity works for is held against them; see `Agent`.
        hooks: Groups of hooks that the agents name.
        plugins: Temporal plugins that come after the mesh's own, of another agent framework for instance.
        processors: What the team follows: whose events start or signal which of its workflows.
        outbox: What the team publishes, to the followers that its `team.toml` names.

    Ends the process with 0 when stopped, and with 1 and one line that says what to do when it cannot serve.
    """
    run_guarded(
        partial(
            _serve_until_stopped,
            package,
            services=services,
            workflows=workflows,
            activities=activities,
            contracts=contracts,
            transient=transient,
            ordered_by_store=ordered_by_store,
            alongside=alongside,
            agents=agents,
            hooks=hooks,
            plugins=plugins,
            processors=processors,
            outbox=outbox,
        )
    )


def _serve_until_stopped(package: str, **parts: Any) -> int:  # Any: the keyword arguments of `serve`
    try:
        settings = Settings.from_environment()
        logging.basicConfig(level=settings.log_level, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
        # Not `asyncio.run`: when all is done it would wait for handlers that do not let themselves be cancelled.
        asyncio.new_event_loop().run_until_complete(_serve(package, settings, **parts))
    except (
        ServeError,
        UnlockedEffectError,
        SettingsError,
        TeamFileError,
        ConnectError,
        KeyFileError,
        ProvisionError,
    ) as error:
        sys.stderr.write(f"{team_name(package)}: {error}\n")
        return 1
    return 0


async def _serve(
    package: str,
    settings: Settings,
    *,
    services: Sequence[object],
    workflows: Sequence[type],
    activities: Sequence[Callable[..., Any]],  # Any: activities take and return anything
    contracts: Sequence[type],
    transient: tuple[type[BaseException], ...],
    ordered_by_store: Collection[str],
    alongside: Sequence[AbstractAsyncContextManager[object]],
    agents: Sequence[Named],
    hooks: Sequence[HookGroup],
    plugins: Sequence[Plugin],
    processors: Sequence[Processor],
    outbox: "Outbox | None",
) -> None:
    stopped = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stopped.set)
    team = Team.load(package, profile=settings.profile)
    runtime = start_telemetry(team.name)
    key = load_key(team.name, settings)
    _warn_without_locks(team.name, settings)
    surroundings = surroundings_of(settings, ModelSettings.from_environment(), telemetry=collector())
    fingerprints = fingerprints_of(agents, surroundings)
    build = build_of(package, agents)
    if fault := missing_groups(hooks, agents):
        raise ServeError(fault)
    listings = [describe(contract) for contract in _contracts(services, contracts)]
    _check_policy(team, ContractBook(contracts))
    async with AsyncExitStack() as stack:
        registry = await stack.enter_async_context(registry_client(settings, sign=registry_signature(key)))
        directory = RegistryDirectory(
            team=team.name,
            client=registry,
            cache=settings.home / "cache" / f"{team.name}.json",
            calls=team.calls,
            longest_age=settings.longest_age,
        )
        events = await stack.enter_async_context(writing(settings, team.name))
        recorder = Recorder([to_registry(registry)], build=build, events=events)
        introduction = Introduction(
            team=team, listings=listings, registry=registry, directory=directory, settings=settings
        )
        vouched = Vouched(team.name, build, fingerprints, registry=registry, settings=settings)
        drift = DriftCheck(
            build=build,
            agents=fingerprints if agents else None,
            vouching=RegistryBuilds(team.name, registry),
            surroundings=surroundings,
        )
        trials = trials_of(team.name, settings, registry)
        join = partial(
            connect,
            team.name,
            settings=settings,
            key=key,
            directory=directory,
            services=contracts,
            recorder=recorder,
            transient=transient,
            search_attributes=True,
            ordered_by_store=ordered_by_store,
            drift=drift,
            hooks=hooks,
            trials=trials,
            plugins=plugins,
            runtime=runtime,
        )
        client = await _unless(stopped, _patiently(join, settings.patience))
        if client is None:
            return
        if missing := await missing_search_attributes(client):
            raise ServeError(
                f"namespace {client.namespace!r} lacks the search attributes {', '.join(missing)}; "
                "`callboard up` adds them, and docs/operate.md says how on a cluster"
            )
        if fault := history_fault(activities) or memory_fault(activities) or await update_fault(client, listings):
            raise ServeError(fault)
        await _unless(stopped, introduction.make())
        await _unless(stopped, vouched.make())
        stack.push_async_callback(
            cancelled,
            [
                asyncio.create_task(introduction.keep()),
                asyncio.create_task(vouched.keep()),
                asyncio.create_task(recorder.run()),
            ],
        )
        heartbeats = Heartbeats(
            team=team,
            # Endpoints lead to the team's own queue, so a copy with a queue of its own serves none.
            serves=[] if settings.instance else listings,
            beat=registry.health.beat,
            namespace=client.namespace,
            task_queue=settings.task_queue(team.name),
            identity=client.identity,
            build=build,
            every=settings.heartbeat,
        )
        for block in alongside:
            await stack.enter_async_context(block)
        if settings.versioned:
            rollouts = taking_part(client, team.name, build, settings, registry)
            stack.push_async_callback(cancelled, [asyncio.create_task(rollouts)])
        if trials is not None:
            stack.push_async_callback(cancelled, [asyncio.create_task(trials.follow(client))])
        if tab := _paying(activities, registry, settings, team.name):
            stack.push_async_callback(cancelled, [asyncio.create_task(tab.keep())])
        feeds = Feeds.of(team.name, settings, processors=processors, outbox=outbox, followers=team.feed.followers)
        stack.push_async_callback(cancelled, [asyncio.create_task(feeds.run(client))])
        keeper = RolloutKeeper(client, prices=prices_from(registry, team.name))
        await _work(
            client,
            team,
            settings,
            build,
            services,
            [*workflows, Rollout, *TRIALS],
            [*activities, *keeper.activities, *feeds.activities],
            heartbeats,
            stopped,
        )


async def _work(
    client: Client,
    team: Team,
    settings: Settings,
    build: str,
    services: Sequence[object],
    workflows: Sequence[type],
    activities: Sequence[Callable[..., Any]],  # Any: activities take and return anything
    heartbeats: Heartbeats,
    stopped: asyncio.Event,
) -> None:
    async with Worker(
        client,
        task_queue=settings.task_queue(team.name),
        deployment_config=deployment_config(team.name, build, settings),
        nexus_service_handlers=[] if settings.instance else list(services),
        workflows=list(workflows),
        activities=list(activities),
        activity_executor=ThreadPoolExecutor(ACTIVITY_THREADS, thread_name_prefix="activity"),
        nexus_task_executor=ThreadPoolExecutor(HANDLER_THREADS, thread_name_prefix="handler"),
        graceful_shutdown_timeout=timedelta(seconds=5),
        # How long a run waits for a worker that died before another takes it over; 10 s by default.
        sticky_queue_schedule_to_start_timeout=timedelta(seconds=2),
    ):
        logger.info("serving team %r in namespace %r", team.name, client.namespace)
        beating = asyncio.create_task(heartbeats.run())
        await stopped.wait()
        logger.info("stopping")
        await cancelled([beating])


def _paying(
    activities: Sequence[Callable[..., Any]],  # Any: activities take and return anything
    registry: RegistryClient,
    settings: Settings,
    team: str,
) -> Tab | None:
    """Have the team's budgets pay for what its models are asked; None where it has no models."""
    owners: set[object] = {getattr(each, "__self__", None) for each in activities}
    models = [each for each in owners if isinstance(each, ModelEndpoint)]
    if not models:
        return None
    if (prices := ModelSettings.from_environment().prices) is not None:
        # Loaded only for this: a file that cannot be used is better told of now than when a model is asked.
        from callboard_kit.agent.prices import Prices

        Prices.from_file(prices)
    memory = settings.home / "cache" / f"{team}-budgets.json"
    tab = Tab(registry.budgets, every=settings.budgets_every, memory=memory)
    for model in models:
        model.pay_from(tab)
    return tab


def _warn_without_locks(team: str, settings: Settings) -> None:
    if not settings.locks:
        where = "" if settings.profile in PUBLISHING else f", on profile {settings.profile!r}"
        logger.warning("CALLBOARD_LOCKS is off%s: two calls may change one record of %r at the same time", where, team)


def _contracts(services: Sequence[object], contracts: Sequence[type]) -> list[type]:
    known = {describe(contract).service: contract for contract in contracts}
    found: list[type] = []
    for handler in services:
        definition = nexusrpc.get_service_definition(type(handler))
        if definition is None:
            raise ServeError(
                f"{type(handler).__name__} is no Nexus service handler; decorate it with `@service_handler`"
            )
        try:
            found.append(known.get(definition.name) or service_named(definition.name))
        except LookupError as error:
            raise ServeError(
                f"no contract {definition.name!r} is installed; pass its class as `contracts=[…]` to `serve`"
            ) from error
    return found


def _check_policy(team: Team, book: ContractBook) -> None:
    for rule in team.policy.rules:
        covered = [
            contract
            for service in rule.services
            for operation in book.operations(service)
            if rule.covers(service, operation) and (contract := book.find(service, operation)) is not None
        ]
        whose = f"rule {rule.name!r} of team {team.name!r} hides"
        for contract in covered:
            if path := contract.unhidable(rule.hide):
                raise ServeError(
                    f"{whose} {path!r} of {contract.service} {contract.description.name}, but the contract says it is "
                    "always there; make it optional in the contract, or show it"
                )
        for contract in covered:
            if rule.approval is not None and contract.promise.kind in ("query", "exchange"):
                raise ServeError(
                    f"rule {rule.name!r} of team {team.name!r} wants {contract.service} {contract.description.name} "
                    "approved by a person, but it answers at once; name in `operations` what has a workflow behind it"
                )
        for path in rule.hide:
            if not any(contract.holds(path) for contract in covered):
                raise ServeError(f"{whose} {path!r}, but nothing it covers answers with such a field; is it misspelt?")


async def _patiently(attempt: Callable[[], Awaitable[Client]], patience: timedelta) -> Client:
    deadline = time.monotonic() + patience.total_seconds()
    while True:
        try:
            return await attempt()
        except ConnectError as error:
            if time.monotonic() > deadline:
                raise
            logger.warning("waiting for Temporal: %s", error)
            await asyncio.sleep(0.5)


async def _unless(stopped: asyncio.Event, work: Coroutine[Any, Any, ResultT]) -> ResultT | None:  # Any: asyncio's own
    """Return what `work` returns, or None as soon as this process is told to stop."""
    working, stopping = asyncio.create_task(work), asyncio.create_task(stopped.wait())
    try:
        await asyncio.wait({working, stopping}, return_when=asyncio.FIRST_COMPLETED)
        return await working if working.done() else None
    finally:
        await cancelled([working, stopping])
