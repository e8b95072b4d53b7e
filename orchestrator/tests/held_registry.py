"""A registry that holds what a test gives it, and can be taken down."""

import asyncio
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from callboard_contracts import OperationDescription, ServiceDescription
from callboard_kit import Policy
from callboard_kit.agent import OperationTool, ToolIndex
from callboard_registry_api.discovery import DescribedOperation, Discovered, OperationName
from callboard_registry_api.errors import RegistryUnavailableError
from callboard_registry_api.model import FoundOperation, Listing, State
from callboard_registry_api.model import Policy as HeldPolicy

_THEN = datetime(2026, 1, 1, tzinfo=UTC)


class HeldRegistry:
    """Answers as the registry does, from what it was made with."""

    def __init__(
        self, listings: Sequence[ServiceDescription], policies: Mapping[str, Policy], *, state: State = "approved"
    ) -> None:
        self.listings = [
            Listing(
                service=each.service,
                digest=each.digest,
                number=1,
                team=each.team,
                state=state,
                created=_THEN,
                document=each.model_dump_json().encode(),
            )
            for each in listings
        ]
        self.policies = [
            HeldPolicy(team=team, version=1, digest="", document=policy.model_dump_json().encode(), created=_THEN)
            for team, policy in policies.items()
        ]
        self.down = False
        self.asked = 0
        self.described: list[str] = []
        """Operations whose schemas were asked for."""
        self.missed = asyncio.Event()
        """Set when somebody asked in vain."""

    async def discover(
        self, caller: str, words: str = "", *, states: Sequence[State], page_size: int, page_token: str = ""
    ) -> Discovered:
        self._answer()
        held = self._held(caller, states)
        tools = {OperationTool.of(service, operation).spec.name: (service, operation) for service, operation in held}
        if words:
            best = ToolIndex([OperationTool.of(*each) for each in held]).best(words, most=len(held))
            tools = {tool.spec.name: tools[tool.spec.name] for tool in best}
        here = int(page_token or 0)
        page = list(tools.values())[here : here + page_size]
        services = sorted({service.service for service, _ in held})
        return Discovered(
            operations=tuple(_found(service, operation) for service, operation in page),
            next_page_token=str(here + page_size) if here + page_size < len(tools) else "",
            total=len(held),
            total_services=len(services),
            services=tuple(services),
            as_of=str(hash((tuple(self.listings), tuple(self.policies)))),
        )

    async def describe(
        self, operations: Sequence[OperationName], *, caller: str, states: Sequence[State]
    ) -> Sequence[DescribedOperation]:
        self._answer()
        self.described += [each.operation for each in operations]
        held = {OperationName(service.service, one.name): (service, one) for service, one in self._held(caller, states)}
        return [_described(*held[name]) for name in operations if name in held]

    def _answer(self) -> None:
        self.asked += 1
        if self.down:
            self.missed.set()
            raise RegistryUnavailableError("the registry does not answer")

    def _held(self, caller: str, states: Sequence[State]) -> list[tuple[ServiceDescription, OperationDescription]]:
        policies = {each.team: Policy.model_validate_json(each.document) for each in self.policies}
        services = [
            ServiceDescription.model_validate_json(each.document) for each in self.listings if each.state in states
        ]
        return [
            (service, operation)
            for service in services
            for operation in service.operations
            if operation.promise.model_callable
            and policies.get(service.team, Policy())
            .judge(service=service.service, operation=operation.name, effect=operation.promise.effect, chain=[caller])
            .allowed
        ]


def _found(service: ServiceDescription, operation: OperationDescription) -> FoundOperation:
    return FoundOperation(
        service=service.service,
        digest=service.digest,
        state="approved",
        team=service.team,
        operation=operation.name,
        summary=operation.summary,
        kind=operation.promise.kind,
        effect=operation.promise.effect,
    )


def _described(service: ServiceDescription, operation: OperationDescription) -> DescribedOperation:
    return DescribedOperation(
        service=service.service,
        digest=service.digest,
        state="approved",
        team=service.team,
        endpoint=service.endpoint,
        operation=operation.name,
        document=operation.model_dump_json().encode(),
    )
