"""The one plugin that makes a Temporal application a member of the mesh."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace
from typing import Any, Final, cast

import temporalio.worker
from temporalio import activity
from temporalio.client import ClientConfig
from temporalio.contrib.pydantic import PydanticPayloadConverter
from temporalio.converter import DataConverter, DefaultPayloadConverter
from temporalio.plugin import SimplePlugin
from temporalio.worker import (
    ActivityInboundInterceptor,
    ExecuteActivityInput,
    NexusOperationInboundInterceptor,
    WorkerConfig,
    WorkflowInboundInterceptor,
    WorkflowInterceptorClassInput,
    WorkflowRunner,
)
from temporalio.worker.workflow_sandbox import SandboxedWorkflowRunner

from callboard_contracts import MeshError
from callboard_kit import mesh
from callboard_kit.approvals.at_once import answering_at_once
from callboard_kit.approvals.checking import AnswerChecker
from callboard_kit.caller import ENDPOINT_EXISTS, call_from, step_from
from callboard_kit.contract_book import ContractBook
from callboard_kit.converter import DATA_CONVERTER, MeshPayloadConverter
from callboard_kit.directory import Directory, StaticDirectory
from callboard_kit.endpoints import EndpointBook
from callboard_kit.entities.at_once import require_workflows
from callboard_kit.entities.deadlocks import Locks, LocksService
from callboard_kit.entities.keeping import EntityKeeper
from callboard_kit.entities.lock import EntityLock
from callboard_kit.events.telling import Step, Teller, in_step, telling
from callboard_kit.events.writing import EventWriter
from callboard_kit.failing import to_failure
from callboard_kit.fingerprint.checking import DriftCheck
from callboard_kit.fingerprint.interceptor import DriftInterceptor
from callboard_kit.handler import MeshNexusInbound
from callboard_kit.hooks.calling import HookCaller
from callboard_kit.hooks.declaring import HookGroup, HookGroups
from callboard_kit.hooks.interceptor import HookInterceptor
from callboard_kit.identity import SigningKey
from callboard_kit.outlook import Outlook
from callboard_kit.policy import Policy
from callboard_kit.records import Recorder
from callboard_kit.rollouts.unversioned import followed_anywhere
from callboard_kit.seen import Seen
from callboard_kit.settings import Settings
from callboard_kit.signing import CallSigner
from callboard_kit.standalone import MeshClientInterceptor
from callboard_kit.tokens import Call
from callboard_kit.trials.copying import Copier
from callboard_kit.trials.following import Trials
from callboard_kit.trials.performing import DryRuns
from callboard_kit.workflows import MeshWorkflowInbound

PASSED_THROUGH: Final = (
    "callboard_contracts",
    "callboard_kit",
    "callboard_registry_api",
    "cryptography",
    "google",
    "grpc",
    "joserfc",
    "jsonschema_rs",
    "openai",
    "redis",
    "rfc8785",
    "tenacity",
)
"""Modules that workflows share with the world outside their sandbox: classes of contracts must be the same on both
sides, and what only the plugin uses must not be loaded again for every workflow."""


class MeshPlugin(SimplePlugin):
    """Identity, policy, schemas, limits and records around everything a client and its workers do.

    Give it to `Client.connect(plugins=[…])`; workers made with that client have it then too. A plain
    `workflow.create_nexus_client(…)` call in such a worker is a call of the mesh, and a plain Nexus handler a member's.

    Args:
        key: The team's private key.
        settings: Names and places.
        directory: Who vouches for other teams' keys and holds this team's policy. Absent: nobody may call.
        services: Contract classes served here that are not in the contracts package.
        recorder: Where call records go. Absent: nowhere.
        transient: Exceptions of the team's store that are worth another attempt.
        search_attributes: Whether the namespace has Callboard's search attributes (see `provision`).
        ordered_by_store: Operations (`<service>.<operation>`) that change an entity in a handler that answers at once,
            where one transaction of the store keeps changes apart. Any other of that kind keeps a worker from starting.
        drift: What this process runs, to hold activities against. Absent: they are not held against anything.
        hooks: Groups of hooks that agents may name.
        trials: The team's experiments and shadows. Absent: none are looked at.
    """

    def __init__(
        self,
        key: SigningKey,
        *,
        settings: Settings | None = None,
        directory: Directory | None = None,
        services: Iterable[type] = (),
        recorder: Recorder | None = None,
        transient: tuple[type[BaseException], ...] = (),
        search_attributes: bool = False,
        ordered_by_store: Collection[str] = (),
        drift: DriftCheck | None = None,
        hooks: Sequence[HookGroup] = (),
        trials: Trials | None = None,
    ) -> None:
        self.key = key
        groups = HookGroups(hooks)
        settings = settings or Settings()
        self._book = book = ContractBook((*services, Locks))
        self._ordered_by_store = frozenset(ordered_by_store)
        signer = CallSigner(key=key, book=book)
        self._endpoints: EndpointBook | None = None
        self._wanted = frozenset(map(settings.physical, book.teams()))
        self._keeper = EntityKeeper(key.team)
        self._dry_runs = DryRuns(book)
        directory = directory or StaticDirectory(policy=Policy())
        checker = AnswerChecker(directory)
        outlook = Outlook(directory)
        self._at_once: set[tuple[str, str]] = set()
        super().__init__(  # pyright: ignore[reportUnknownMemberType] - Temporal leaves activities open
            "callboard",
            data_converter=_with_memory,
            interceptors=[
                MeshClientInterceptor(
                    signer=signer,
                    settings=settings,
                    outlook=outlook,
                    search_attributes=search_attributes,
                    endpoints=self._endpoints_seen,
                    trials=trials,
                ),
                _MeshWorkerInterceptor(
                    signer=signer,
                    settings=settings,
                    book=book,
                    directory=directory,
                    outlook=outlook,
                    recorder=recorder or Recorder(),
                    transient=transient,
                    at_once=self._at_once,
                    dry_runs=self._dry_runs,
                ),
                DriftInterceptor(drift or DriftCheck()),
                HookInterceptor(groups),
            ],
            activities=[
                self.endpoint_exists,
                checker.check,
                checker.still_demanded,
                HookCaller(groups).call,
                *self._keeper.activities,
                self._dry_runs.repeat,
                Copier(self._dry_runs).copy,
            ],
            nexus_service_handlers=[LocksService(self._keeper.answer)],
            workflows=_with_lock,
            workflow_runner=_with_passthrough,
            workflow_failure_exception_types=[MeshError],
        )

    @activity.defn(name=ENDPOINT_EXISTS)
    async def endpoint_exists(self, endpoint: str) -> bool:
        """Tell whether a Nexus endpoint exists; the plugin asks before a workflow calls it for the first time."""
        return self._endpoints is None or await self._endpoints.exists(endpoint)

    async def _endpoints_seen(self) -> Seen:
        """Return which endpoints of known contracts exist, to be told to a workflow that is being started."""
        return Seen() if self._endpoints is None else await self._endpoints.seen(self._wanted)

    def configure_client(self, config: ClientConfig) -> ClientConfig:
        """See base class; remembers the connection, to ask it for endpoints."""
        if "service_client" in config:
            self._endpoints = EndpointBook(config["service_client"])
        return super().configure_client(config)

    def configure_worker(self, config: WorkerConfig) -> WorkerConfig:
        """See base class; remembers the client, and which handlers answer at once."""
        if "nexus_service_handlers" in config:
            self._at_once.update(answering_at_once(config["nexus_service_handlers"]))
            require_workflows(self._at_once, self._book, ordered_by_store=self._ordered_by_store)
        if "client" in config:
            self._keeper.use(config["client"])
            self._dry_runs.use(config["client"])
        if "activities" in config:
            self._dry_runs.learn(cast("Sequence[object]", config["activities"]))
        return followed_anywhere(super().configure_worker(config))


class _MeshWorkerInterceptor(temporalio.worker.Interceptor):
    def __init__(
        self,
        *,
        signer: CallSigner,
        settings: Settings,
        book: ContractBook,
        directory: Directory,
        outlook: Outlook,
        recorder: Recorder,
        transient: tuple[type[BaseException], ...],
        at_once: Collection[tuple[str, str]],
        dry_runs: DryRuns,
    ) -> None:
        self._dry_runs = dry_runs
        self._at_once = at_once
        self._signer = signer
        self._settings = settings
        self._book = book
        self._directory = directory
        self._outlook = outlook
        self._recorder = recorder
        self._transient = transient

    def intercept_activity(self, next: ActivityInboundInterceptor) -> ActivityInboundInterceptor:
        return _MeshActivityInbound(next, events=self._recorder.events, dry_runs=self._dry_runs)

    def workflow_interceptor_class(
        self, input: WorkflowInterceptorClassInput
    ) -> type[WorkflowInboundInterceptor] | None:
        signer, settings, book, recorder = self._signer, self._settings, self._book, self._recorder
        directory, outlook = self._directory, self._outlook

        # Temporal makes one instance per run and passes only the next interceptor, so the class holds the rest.
        class BoundInbound(MeshWorkflowInbound):
            def __init__(self, next: WorkflowInboundInterceptor) -> None:
                super().__init__(
                    next,
                    signer=signer,
                    settings=settings,
                    book=book,
                    recorder=recorder,
                    directory=directory,
                    outlook=outlook,
                )

        return BoundInbound

    def intercept_nexus_operation(self, next: NexusOperationInboundInterceptor) -> NexusOperationInboundInterceptor:
        return MeshNexusInbound(
            next,
            team=self._signer.key.team,
            settings=self._settings,
            directory=self._directory,
            book=self._book,
            recorder=self._recorder,
            transient=self._transient,
            at_once=self._at_once,
        )


class _MeshActivityInbound(ActivityInboundInterceptor):
    """Lets an activity know the call it works for, and its refusals leave as refusals."""

    def __init__(self, next: ActivityInboundInterceptor, *, events: EventWriter | None, dry_runs: DryRuns) -> None:
        super().__init__(next)
        self._events = events
        self._dry_runs = dry_runs

    async def execute_activity(self, input: ExecuteActivityInput) -> Any:  # Any: as in the base class
        call = call_from(input.headers)
        try:
            if call is None:
                return await super().execute_activity(input)
            step = step_from(input.headers)
            with mesh.working_on(call), telling(self._teller(call, step)), in_step(step):
                if call.dry:
                    return await self._dry_runs.perform(call, input, super().execute_activity)
                return await super().execute_activity(input)
        except MeshError as error:
            raise to_failure(error) from error

    def _teller(self, call: Call, step: Step | None) -> Teller:
        info = activity.info()
        return Teller(
            None if call.copies else self._events,
            call.root,
            call.team,
            "" if step is None else step.operation,
            f"{info.workflow_run_id or info.activity_run_id}/{info.activity_id}/{info.attempt}",
            wordless=call.wordless,
        )


def _with_lock(workflows: Sequence[type] | None) -> Sequence[type]:
    return [*(each for each in workflows or () if each is not EntityLock), EntityLock]


def _with_passthrough(runner: WorkflowRunner | None) -> WorkflowRunner:
    if runner is None:
        runner = SandboxedWorkflowRunner()
    if not isinstance(runner, SandboxedWorkflowRunner):
        return runner
    return replace(runner, restrictions=runner.restrictions.with_passthrough_modules(*PASSED_THROUGH))


def _with_memory(converter: DataConverter | None) -> DataConverter:
    """Give a client the mesh's payload converter; its codec, failure converter and storage stay."""
    if converter is None:
        return DATA_CONVERTER
    given = converter.payload_converter_class
    if issubclass(given, MeshPayloadConverter):
        return converter
    if given not in (DefaultPayloadConverter, PydanticPayloadConverter):
        raise TypeError(
            f"payload converter {given.__name__!r} cannot be used in the mesh; "
            f"derive it from {MeshPayloadConverter.__name__!r}"
        )
    return replace(converter, payload_converter_class=MeshPayloadConverter)


__all__: Sequence[str] = ("PASSED_THROUGH", "MeshPlugin")
