"""Asking a model: the activity `callboard.call_model`."""

import asyncio
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Final

from temporalio import activity
from temporalio.exceptions import ApplicationError

from callboard_kit.agent import tracing
from callboard_kit.agent.messages import CALL_MODEL, ModelReply, ModelRequest
from callboard_kit.beating import beating
from callboard_kit.settings import seconds_of

if TYPE_CHECKING:
    from callboard_kit.agent.provider import Provider
    from callboard_kit.budgets.blocks import Tab

_OPENAI: Final = "https://api.openai.com/v1"


@dataclass(frozen=True)
class ModelSettings:
    """Which model a worker asks, and where."""

    model: str | None = None
    """The model's name (`CALLBOARD_MODEL`). None: every call fails and says so."""

    base_url: str = _OPENAI
    """The address of an OpenAI-compatible API (`OPENAI_BASE_URL`)."""

    api_key: str | None = field(default=None, repr=False)
    """The secret to show there (`OPENAI_API_KEY`)."""

    silence: timedelta = timedelta(seconds=90)
    """How long the provider may send nothing before the attempt is given up (`CALLBOARD_MODEL_SILENCE`, in seconds)."""

    prices: Path | None = None
    """A file that says what models cost, where public prices are not known or not right (`CALLBOARD_PRICES`)."""

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] | None = None) -> "ModelSettings":
        """Read `CALLBOARD_MODEL`, `OPENAI_BASE_URL`, `OPENAI_API_KEY` and `CALLBOARD_MODEL_SILENCE`.

        Raises:
            SettingsError: A variable cannot be used as it is.
        """
        variables = os.environ if environment is None else environment
        return cls(
            model=variables.get("CALLBOARD_MODEL") or None,
            base_url=variables.get("OPENAI_BASE_URL") or _OPENAI,
            api_key=variables.get("OPENAI_API_KEY") or None,
            prices=Path(variables["CALLBOARD_PRICES"]) if variables.get("CALLBOARD_PRICES") else None,
            silence=seconds_of(variables, "CALLBOARD_MODEL_SILENCE", "90", least=0.1, most=3600),
        )


class ModelEndpoint:
    """The one connection of a worker to its model; register its `call_model` as an activity."""

    def __init__(self, settings: ModelSettings) -> None:
        self._settings = settings
        self._provider: Provider | None = None
        self._tab: Tab | None = None

    def pay_from(self, tab: "Tab") -> None:
        """Have the team's budgets pay for every call, and its ledger know of it. `serve` does this."""
        self._tab = tab

    @activity.defn(name=CALL_MODEL)
    async def call_model(self, request: ModelRequest) -> ModelReply:
        """Ask once and read the answer to its end.

        Raises:
            ApplicationError: The model did not answer; whether another attempt may help is said in it.
        """
        model = request.model or self._settings.model
        if model is None:
            raise _not_configured()
        with tracing.model_call(model, self._settings.base_url) as span:
            # A silent provider is ended by the client's own time limit.
            async with beating():
                reply = await self._paid(request, model)
            span.answered(reply)
            return reply

    async def _paid(self, request: ModelRequest, model: str) -> ModelReply:
        """Ask within what the team's budgets have left, or say which has too little."""
        provider, name = await self._connected(), _call_name()
        if self._tab is None:
            return await provider.ask(request, model=model, call=name)
        return await provider.billed(self._tab, request, model=model, call=name)

    async def close(self) -> None:
        """Let go of the connections, when the worker stops."""
        if self._provider is not None:
            await self._provider.close()

    async def _connected(self) -> "Provider":
        if self._provider is None:
            # The provider's library takes half a second and 40 MB to load, and many a worker is never asked.
            load = await asyncio.to_thread(_load_provider)
            # Another call may have connected meanwhile.
            self._provider = self._provider or load(
                base_url=self._settings.base_url,
                api_key=self._settings.api_key,
                silence=self._settings.silence,
                prices=self._settings.prices,
            )
        return self._provider


def _load_provider() -> "type[Provider]":
    from callboard_kit.agent.provider import Provider

    return Provider


def _not_configured() -> ApplicationError:
    """Return the failure of a worker that was not told which model to ask."""
    return ApplicationError(
        "no model is configured; set CALLBOARD_MODEL, OPENAI_BASE_URL and OPENAI_API_KEY for this worker",
        type="UnavailableError",
        non_retryable=True,
    )


def _call_name() -> str:
    """Name this model call: the same for every attempt, another for every other call."""
    info = activity.info()
    return f"{info.workflow_run_id or 'standalone'}/{info.activity_id}"
