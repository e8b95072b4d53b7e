"""The plugin takes nothing away from the client it is given to, and does not work half."""

import socket
import uuid
from collections.abc import Sequence
from typing import Any

import opentelemetry.trace
import pytest
from market import OPEN_POLICY
from opentelemetry.sdk.trace import TracerProvider
from parts import Ask, Errand, Shop, ShopService
from temporalio.api.common.v1 import Payload
from temporalio.client import Client
from temporalio.contrib.opentelemetry import create_tracer_provider
from temporalio.contrib.pydantic import PydanticPayloadConverter, pydantic_data_converter
from temporalio.converter import (
    DataConverter,
    DefaultFailureConverterWithEncodedAttributes,
    DefaultPayloadConverter,
    PayloadCodec,
)
from temporalio.plugin import SimplePlugin
from temporalio.worker.workflow_sandbox import SandboxedWorkflowRunner, SandboxRestrictions

from callboard_kit.converter import MeshPayloadConverter
from callboard_kit.identity import SigningKey
from callboard_kit.plugin import PASSED_THROUGH, MeshPlugin
from callboard_kit.settings import SettingsError
from callboard_kit.telemetry import start_telemetry, tracing_plugins
from callboard_kit.testing import LocalMesh


class Turned(PayloadCodec):
    """Turns bytes around: stands for encryption."""

    async def encode(self, payloads: Sequence[Payload]) -> list[Payload]:
        return [Payload(metadata=each.metadata, data=each.data[::-1]) for each in payloads]

    async def decode(self, payloads: Sequence[Payload]) -> list[Payload]:
        return await self.encode(payloads)


class Own(DefaultPayloadConverter):
    pass


class OwnMesh(MeshPayloadConverter):
    pass


def converter_with(given: DataConverter | None) -> DataConverter:
    config: Any = {} if given is None else {"data_converter": given}
    return MeshPlugin(SigningKey.generate("orders")).configure_client(config)["data_converter"]


def test_a_client_keeps_its_codec_and_its_failure_converter() -> None:
    given = DataConverter(payload_codec=Turned(), failure_converter_class=DefaultFailureConverterWithEncodedAttributes)

    kept = converter_with(given)

    assert kept.payload_converter_class is MeshPayloadConverter
    assert kept.payload_codec is given.payload_codec
    assert kept.failure_converter_class is DefaultFailureConverterWithEncodedAttributes


@pytest.mark.parametrize("given", [None, DataConverter.default, pydantic_data_converter])
def test_a_client_without_a_converter_of_its_own_gets_the_mesh_s(given: DataConverter | None) -> None:
    assert converter_with(given).payload_converter_class is MeshPayloadConverter


def test_a_converter_derived_from_the_mesh_s_is_kept_and_any_other_is_named() -> None:
    assert converter_with(DataConverter(payload_converter_class=OwnMesh)).payload_converter_class is OwnMesh
    with pytest.raises(TypeError, match="payload converter 'Own' cannot be used in the mesh; derive it from"):
        converter_with(DataConverter(payload_converter_class=Own))


def test_a_sandbox_keeps_what_its_owner_said_about_it() -> None:
    given = SandboxedWorkflowRunner(restrictions=SandboxRestrictions.default.with_passthrough_modules("mine"))
    runner: Any = MeshPlugin(SigningKey.generate("orders")).workflow_runner

    passed = runner(given).restrictions.passthrough_modules

    assert {"mine", *PASSED_THROUGH} <= passed


async def test_calls_go_through_a_codec(local_mesh: LocalMesh) -> None:
    await local_mesh.provision(["codecshop", "codecbuyer"])
    codec = SimplePlugin(
        "codec",
        data_converter=lambda given: DataConverter(
            payload_converter_class=MeshPayloadConverter, payload_codec=Turned()
        ),
    )
    async with (
        local_mesh.member("codecshop", services=[ShopService()], policy=OPEN_POLICY, contracts=[Shop], plugins=[codec]),
        local_mesh.member("codecbuyer", workflows=[Ask], contracts=[Shop], plugins=[codec]) as buyer,
    ):
        handle = await buyer.start_workflow(
            Ask.run, Errand(operation="look", endpoint="codecshop"), id=uuid.uuid4().hex, task_queue="codecbuyer"
        )
        report = await handle.result()

        assert report.gift is not None, report
        sent = [
            event.nexus_operation_scheduled_event_attributes.input.data
            for event in (await handle.fetch_history()).events
            if event.HasField("nexus_operation_scheduled_event_attributes")
        ]
        assert sent == [b'{"text":"tea"}'[::-1]]


async def test_a_handler_that_cannot_see_the_bytes_that_were_signed_lets_nobody_in(local_mesh: LocalMesh) -> None:
    await local_mesh.provision(["blindshop", "blindbuyer"])
    other = SimplePlugin("other", data_converter=DataConverter(payload_converter_class=PydanticPayloadConverter))
    async with (
        local_mesh.member("blindshop", services=[ShopService()], policy=OPEN_POLICY, contracts=[Shop], plugins=[other]),
        local_mesh.member("blindbuyer", workflows=[Ask], contracts=[Shop]) as buyer,
    ):
        report = await buyer.execute_workflow(
            Ask.run, Errand(operation="look", endpoint="blindshop"), id=uuid.uuid4().hex, task_queue="blindbuyer"
        )

    assert report.error == "RefusedError"
    assert "cannot see the input as it was sent" in report.words


async def test_a_team_under_a_physical_name_is_called_by_its_logical_one(local_mesh: LocalMesh) -> None:
    from dataclasses import replace

    mesh = LocalMesh(local_mesh.address, ["shop", "buyer"])
    mesh.settings = replace(mesh.settings, name_pattern="staging-{team}")
    await mesh.provision(["shop", "buyer"])
    async with (
        mesh.member("shop", services=[ShopService()], policy=OPEN_POLICY, contracts=[Shop]),
        mesh.member("buyer", workflows=[Ask], contracts=[Shop]) as buyer,
    ):
        assert isinstance(buyer, Client)
        assert buyer.namespace == "staging-buyer"
        report = await buyer.execute_workflow(
            Ask.run, Errand(operation="look"), id=uuid.uuid4().hex, task_queue="staging-buyer"
        )

    assert report.gift is not None, report
    assert report.gift.caller == "buyer"


def test_traces_need_a_provider_that_knows_of_replay(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(opentelemetry.trace, "_TRACER_PROVIDER", TracerProvider())
    assert tracing_plugins() == []

    monkeypatch.setattr(opentelemetry.trace, "_TRACER_PROVIDER", create_tracer_provider())
    assert [plugin.name() for plugin in tracing_plugins()] == ["OpenTelemetryPlugin"]


def test_without_variables_there_is_no_telemetry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OTEL_EXPORTER_OTLP_ENDPOINT", raising=False)
    monkeypatch.delenv("CALLBOARD_METRICS", raising=False)

    assert start_telemetry("orders") is None


@pytest.mark.parametrize("address", ["nonsense", "busy"])
def test_metrics_that_cannot_be_offered_name_their_variable(monkeypatch: pytest.MonkeyPatch, address: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        busy = f"127.0.0.1:{taken.getsockname()[1]}"
        monkeypatch.setenv("CALLBOARD_METRICS", busy if address == "busy" else address)
        monkeypatch.delenv("OTEL_EXPORTER_OTLP_ENDPOINT", raising=False)

        with pytest.raises(SettingsError, match="CALLBOARD_METRICS is '"):
            start_telemetry("orders")
