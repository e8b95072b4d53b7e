"""Traces and metrics: OpenTelemetry when a collector is named, Prometheus when a port is.

- `OTEL_EXPORTER_OTLP_ENDPOINT`: spans go there, one trace from the request through Nexus into the other team's
  workflow, activities and model calls.
- `CALLBOARD_METRICS`: `host:port` on which this process offers Temporal's metrics to Prometheus.
"""

import logging
import os
from typing import Final

import opentelemetry.trace
from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from temporalio.client import Plugin
from temporalio.contrib.opentelemetry import OpenTelemetryPlugin, ReplaySafeTracerProvider, create_tracer_provider
from temporalio.runtime import PrometheusConfig, Runtime, TelemetryConfig

from callboard_kit.process import before_exit
from callboard_kit.settings import SettingsError

logger: Final = logging.getLogger(__name__)

ENDPOINT_VARIABLE: Final = "OTEL_EXPORTER_OTLP_ENDPOINT"
METRICS_VARIABLE: Final = "CALLBOARD_METRICS"


def start_telemetry(process: str) -> Runtime | None:
    """Set up what the environment asks for; call once, first thing in a process.

    Args:
        process: What to call this process in traces, `orders` for instance.

    Returns:
        The Temporal runtime to connect with, or None for the default one.

    Raises:
        SettingsError: A variable cannot be used, or its port is in use.
    """
    if os.environ.get(ENDPOINT_VARIABLE):
        provider = create_tracer_provider(resource=Resource.create({"service.name": f"callboard-{process}"}))
        provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
        opentelemetry.trace.set_tracer_provider(provider)
        before_exit(provider.force_flush)
    address = os.environ.get(METRICS_VARIABLE)
    if not address:
        return None
    try:
        return Runtime(telemetry=TelemetryConfig(metrics=PrometheusConfig(bind_address=address)))
    except (RuntimeError, ValueError) as error:
        raise SettingsError(f"{METRICS_VARIABLE} is {address!r}, where metrics cannot be offered: {error}") from error


def collector() -> str | None:
    """Return where spans go; None when they go nowhere."""
    return os.environ.get(ENDPOINT_VARIABLE) or None


def tracing_plugins() -> list[Plugin]:
    """Return Temporal's tracing plugin when `start_telemetry`, or the program itself, has set up a tracer provider.

    It has to be one made by `create_tracer_provider`: with any other, workflows would send their spans again when they
    are replayed, so Temporal does not take it.
    """
    if not isinstance(opentelemetry.trace.get_tracer_provider(), ReplaySafeTracerProvider):
        return []
    return [OpenTelemetryPlugin(add_temporal_spans=True)]
