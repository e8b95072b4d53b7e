"""How far behind a follower is can be scraped."""

import httpx
from temporalio.runtime import PrometheusConfig, Runtime, TelemetryConfig

from callboard_kit.ports import LOOPBACK, free_ports
from callboard_kit.processing.lag import Lag, LagMeter


async def test_what_waits_and_what_became_of_events_is_offered_to_prometheus():
    [port] = free_ports(1)
    runtime = Runtime(telemetry=TelemetryConfig(metrics=PrometheusConfig(bind_address=f"{LOOPBACK}:{port}")))
    meter = LagMeter(runtime.metric_meter, "shop", "post")
    meter.tell(Lag(publisher="shop", follower="post", lag=7, pending=2, oldest=12.5, dead=1, reading=True))
    meter.count("accepted")
    meter.count("accepted")
    async with httpx.AsyncClient(timeout=60) as client:
        text = (await client.get(f"http://{LOOPBACK}:{port}/metrics")).text

    told = {line.partition("{")[0]: line for line in text.splitlines() if line.startswith("callboard_feed")}
    assert {name: line.rpartition(" ")[2] for name, line in told.items()} == {
        "callboard_feed_lag": "7",
        "callboard_feed_pending": "2",
        "callboard_feed_oldest_seconds": "12.5",
        "callboard_feed_dead": "1",
        "callboard_feed_events": "2",
    }
    assert 'follower="post"' in told["callboard_feed_lag"]
    assert 'outcome="accepted"' in told["callboard_feed_events"]
