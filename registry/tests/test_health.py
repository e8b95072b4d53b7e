"""Heartbeats are kept from whoever signs them for their own services, and told again as workers and verdicts."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import httpx
import pytest
from google.protobuf.duration_pb2 import Duration
from google.protobuf.timestamp_pb2 import Timestamp
from publishing_shop import Member, Running
from sqlalchemy import create_engine

from callboard_registry.database import Database
from callboard_registry.health.service import MISSED
from callboard_registry.health.workers import KEPT
from callboard_registry.observations import Observations
from callboard_registry.seen import SeenDrift, SeenEndpoint, SeenJob, SeenPoller, SeenQueue, SeenTasks
from callboard_registry.tables import workers
from callboard_registry_api.client import RegistryClient
from callboard_registry_api.connection import Connection
from callboard_registry_api.errors import RegistryNotFoundError, RegistryRefusedError
from callboard_registry_api.health import Drift, Heartbeat, ServedRevision, TeamFacts, Worker
from callboard_registry_api.v1 import registry_pb2 as pb

DIGEST = "sha256:" + "1" * 64


def heartbeat(worker: str = "w1", *, after: float = 0, **changes: object) -> Heartbeat:
    now = datetime.now(UTC) + timedelta(seconds=after)
    beat = Heartbeat(
        worker=worker,
        namespace="shop",
        task_queue="shop",
        identity=f"{worker}@here",
        build="b1",
        kit_version="0.1.0",
        sdk_version="1.35.0",
        serves=(ServedRevision("shop.v1", DIGEST),),
        started=now,
        sent=now,
        every=timedelta(seconds=10),
        owner="Shop team",
        contact="#shop",
        description="Sells.",
    )
    return replace(beat, **changes)  # pyright: ignore[reportArgumentType] - as each test needs it


async def listed(client: RegistryClient, **filters: object) -> list[Worker]:
    return [each async for each in client.health.workers(**filters)]  # pyright: ignore[reportArgumentType] - see above


@pytest.fixture
def age(served: tuple[Running, object]) -> Callable[[str, timedelta], None]:
    """Make the last heartbeat of a worker older than it is."""
    _, engine = served

    def age(worker: str, by: timedelta) -> None:
        with engine.begin() as connection:  # pyright: ignore[reportAttributeAccessIssue] - it is an engine
            seen = connection.scalar(
                workers.select().with_only_columns(workers.c.seen).where(workers.c.worker == worker)
            )
            connection.execute(workers.update().where(workers.c.worker == worker).values(seen=seen - by))

    return age


@pytest.fixture
def notes(served: tuple[Running, object]) -> Observations:
    """The observer's notes."""
    _, engine = served
    return Observations(Database(engine))  # pyright: ignore[reportArgumentType] - it is an engine


async def test_a_worker_is_told_of_as_it_told_of_itself(client: RegistryClient) -> None:
    beat = heartbeat()
    await client.health.beat(beat)

    [worker] = await listed(client)

    told = ("worker", "namespace", "task_queue", "identity", "build", "kit_version", "sdk_version", "serves", "every")
    assert {name: getattr(worker, name) for name in told} == {name: getattr(beat, name) for name in told}
    assert (worker.team, worker.state, worker.polled) == ("shop", "alive", None)
    assert [each async for each in client.health.teams()] == [
        TeamFacts(team="shop", owner="Shop team", contact="#shop", description="Sells.")
    ]


async def test_a_team_with_a_key_is_known_before_any_worker_of_its_is(client: RegistryClient, bank: Member) -> None:
    assert [each async for each in client.health.teams()] == [TeamFacts(team="bank"), TeamFacts(team="shop")]


async def test_workers_are_found_by_team_and_by_service_and_those_that_are_gone_only_when_asked_for(
    client: RegistryClient, running: Running, bank: Member, age: Callable[[str, timedelta], None]
) -> None:
    await client.health.beat(heartbeat("w1"))
    await client.health.beat(heartbeat("w2", serves=()))
    await client.health.beat(heartbeat("w3", stopping=True))
    await client.health.beat(heartbeat("w4"))
    age("w4", timedelta(seconds=31))
    async with running.client(bank) as other:
        await other.health.beat(heartbeat("w5", serves=(ServedRevision("bank.v1", DIGEST),), namespace="bank"))

    assert [each.worker for each in await listed(client)] == ["w5", "w1", "w2"]
    assert [each.worker for each in await listed(client, team="shop")] == ["w1", "w2"]
    assert [each.worker for each in await listed(client, service="shop.v1")] == ["w1"]
    assert [(each.worker, each.state) for each in await listed(client, team="shop", past=True)] == [
        ("w1", "alive"),
        ("w2", "alive"),
        ("w3", "stopped"),
        ("w4", "lost"),
    ]


async def test_a_captured_heartbeat_sent_again_brings_back_nobody(client: RegistryClient) -> None:
    first = heartbeat()
    await client.health.beat(first)
    await client.health.beat(replace(first, sent=first.sent + timedelta(seconds=1), stopping=True))

    await client.health.beat(replace(first, sent=first.sent + timedelta(milliseconds=500)))
    await client.health.beat(replace(first, sent=first.sent + timedelta(seconds=2)))

    assert [each.state for each in await listed(client, past=True)] == ["stopped"]


async def test_a_worker_that_is_long_gone_is_forgotten(
    client: RegistryClient, age: Callable[[str, timedelta], None]
) -> None:
    await client.health.beat(heartbeat("w1"))
    age("w1", KEPT)

    assert await listed(client, past=True) == []


HOSTILE = {
    "serves[0].service": ({"serves": (ServedRevision("bank.v1", DIGEST),)}, "'bank.v1' is not a service of 'shop'"),
    "serves[1].digest": (
        {"serves": (ServedRevision("shop.v1", DIGEST), ServedRevision("shop.v2", "x" * 201))},
        "more than 200 characters",
    ),
    "serves[0]": ({"serves": (ServedRevision("shop.v1\nshop.v2", DIGEST),)}, "have no blanks"),
    "serves": ({"serves": (ServedRevision("shop.v1", DIGEST),) * 201}, "at most 200 services"),
    "build": ({"build": "b\x00"}, "holds the character NUL"),
    "owner": ({"owner": "x" * 2001}, "more than 2000 characters"),
    "worker": ({"worker": ""}, "says which it is"),
    "sent": ({"sent": datetime.now(UTC) + timedelta(hours=1)}, "compare the two machines' clocks"),
    "started": ({"started": datetime.max.replace(tzinfo=UTC)}, "compare the two machines' clocks"),
    "every": ({"every": timedelta(days=2)}, "it must be"),
}


@pytest.mark.parametrize(
    ("field", "changes", "message"), [(field, *case) for field, case in HOSTILE.items()], ids=HOSTILE
)
async def test_a_heartbeat_that_claims_too_much_is_refused(
    client: RegistryClient, field: str, changes: dict[str, object], message: str
) -> None:
    with pytest.raises(RegistryRefusedError, match=message) as refused:
        await client.health.beat(heartbeat(**changes))

    assert refused.value.field == f"heartbeat.{field}"
    assert await listed(client, past=True) == []


UNREADABLE = {
    "no message": b"\xff\xff",
    "a span beyond all spans": pb.Heartbeat(worker="w", every=Duration(seconds=2**62)).SerializeToString(),
    "a time beyond all times": pb.Heartbeat(worker="w", sent=Timestamp(seconds=2**62)).SerializeToString(),
    "too much": b"\x0a" + b"\xff\xff\x04" + b"x" * 70_000,
}


@pytest.mark.parametrize("data", UNREADABLE.values(), ids=UNREADABLE)
async def test_what_is_no_heartbeat_is_refused_as_such(running: Running, shop: Member, data: bytes) -> None:
    connection = Connection(str(running.grpc), sign=shop.sign, administrator_token=None, timeout=timedelta(seconds=5))
    request = pb.ReportHeartbeatRequest(heartbeat=data)
    with pytest.raises(RegistryRefusedError, match="heartbeat"):
        await connection.call(
            "ReportHeartbeat",
            request,
            pb.ReportHeartbeatResponse,
            token=connection.signed("ReportHeartbeat", data),
        )
    await connection.close()


async def test_a_heartbeat_by_a_key_that_nobody_knows_is_refused(running: Running, stranger: Member) -> None:
    async with running.client(stranger) as client:
        with pytest.raises(RegistryRefusedError, match="no key"):
            await client.health.beat(heartbeat())


async def test_a_service_is_judged_by_its_workers_and_by_what_was_seen_of_its_endpoint(
    client: RegistryClient, document: Callable[..., bytes], notes: Observations
) -> None:
    listing = await client.publish_listing(document())
    unserved = await client.health.of("shop.v1")
    await client.health.beat(heartbeat(serves=(ServedRevision("shop.v1", listing.digest),)))
    unseen = await client.health.of("shop.v1")
    see(notes)
    seen = await client.health.of("shop.v1")
    see(notes, namespace="bank")
    elsewhere = await client.health.of("shop.v1")

    assert (unserved.verdict, unserved.stale) == ("not served", True)
    assert (unseen.verdict, unseen.stale, unseen.as_of) == ("serving", True, None)
    assert (seen.verdict, seen.stale, seen.workers, seen.builds) == ("serving", False, 1, ("b1",))
    assert elsewhere.verdict == "degraded"
    assert elsewhere.reasons[0].startswith("endpoint 'shop' leads to bank/shop instead of shop/shop")
    assert [each async for each in client.health.all()] == [elsewhere]
    assert [each.drift async for each in client.health.endpoints()] == [(Drift("target", "elsewhere"),)]
    [queue] = [each async for each in client.health.queues()]
    assert (queue.namespace, queue.task_queue, queue.error) == ("shop", "shop", "")
    assert [(each.kind, [one.identity for one in each.pollers], each.backlog) for each in queue.tasks] == [
        ("nexus", ["w1@here"], 0),
        ("workflow", [], 0),
        ("activity", [], 0),
    ]
    [job] = await client.health.observer()
    assert (job.name, job.error, job.overdue) == ("look", "", False)


async def test_a_worker_that_temporal_heard_of_since_is_not_lost(
    client: RegistryClient, notes: Observations, age: Callable[[str, timedelta], None]
) -> None:
    await client.health.beat(heartbeat("w1"))
    age("w1", timedelta(seconds=60))
    pollers = (SeenPoller(identity="w1@here", last=datetime.now(UTC) - timedelta(seconds=5)),)
    notes.write(SeenQueue, {"shop/shop": SeenQueue(nexus=SeenTasks(pollers=pollers))})

    [worker] = await listed(client)

    assert worker.polled == pollers[0].last


async def test_no_verdict_is_made_up_for_what_is_not_held(client: RegistryClient) -> None:
    with pytest.raises(RegistryNotFoundError, match=r"no listing of 'shop\.v9' is held"):
        await client.health.of("shop.v9")


async def test_http_tells_the_same(
    running: Running, client: RegistryClient, document: Callable[..., bytes], notes: Observations
) -> None:
    listing = await client.publish_listing(document())
    await client.health.beat(heartbeat(serves=(ServedRevision("shop.v1", listing.digest),)))
    see(notes)

    async with httpx.AsyncClient(base_url=f"http://{running.http}", timeout=60) as http:
        answers = {
            path: (await http.get(path)).raise_for_status().json()
            for path in (
                "/v1/health",
                "/v1/health/shop.v1",
                "/v1/workers",
                "/v1/endpoints",
                "/v1/queues",
                "/v1/teams",
                "/v1/observer",
            )
        }
        missing = await http.get("/v1/health/shop.v9")

    assert answers["/v1/health"] == {"health": [answers["/v1/health/shop.v1"]], "next_page_token": ""}
    assert answers["/v1/health/shop.v1"]["verdict"] == "serving"
    assert answers["/v1/workers"]["workers"][0]["serves"] == [{"service": "shop.v1", "digest": listing.digest}]
    assert answers["/v1/endpoints"]["endpoints"][0]["wanted_namespace"] == "shop"
    assert answers["/v1/queues"]["queues"][0]["tasks"][0]["pollers"][0]["identity"] == "w1@here"
    assert answers["/v1/teams"]["teams"][0]["contact"] == "#shop"
    assert answers["/v1/observer"]["jobs"][0]["name"] == "look"
    assert missing.status_code == 404


async def test_lists_come_in_pages(client: RegistryClient, running: Running, document: Callable[..., bytes]) -> None:
    for number in range(3):
        await client.publish_listing(document(service=f"shop.v{number + 1}"))
        await client.health.beat(heartbeat(f"w{number}"))

    async with httpx.AsyncClient(base_url=f"http://{running.http}", timeout=60) as http:

        async def pages(path: str, member: str, key: str) -> list[list[str]]:
            found: list[list[str]] = []
            token = ""
            while not found or token:
                answer = (await http.get(path, params={"page_size": 2, "page_token": token})).json()
                found.append([each[key] for each in answer[member]])
                token = answer["next_page_token"]
            return found

        assert await pages("/v1/health", "health", "service") == [["shop.v1", "shop.v2"], ["shop.v3"]]
        assert await pages("/v1/workers", "workers", "worker") == [["w0", "w1"], ["w2"]]


async def test_workers_that_were_alive_when_the_registry_went_are_not_lost_when_it_is_back(
    launch: Callable[..., object], tmp_path: object
) -> None:
    every = timedelta(seconds=1)
    async with launch() as first:  # pyright: ignore[reportGeneralTypeIssues] - an asynchronous context
        shop = await first.running.enrol("shop")
        async with first.running.client(shop) as client:
            await client.health.beat(heartbeat("silent", every=every))
            await client.health.beat(heartbeat("alive", every=every))
    engine = create_engine(first.database)
    long_ago = datetime.now(UTC) - timedelta(hours=1)
    with engine.begin() as connection:
        connection.execute(workers.update().values(seen=long_ago))
        lost = workers.update().where(workers.c.worker == "silent")
        connection.execute(lost.values(seen=long_ago - (MISSED + 1) * every))
    engine.dispose()

    async with launch() as second, second.running.client() as client:  # pyright: ignore[reportGeneralTypeIssues] - see above
        states = {each.worker: each.state for each in await listed(client, past=True)}

    assert states == {"silent": "lost", "alive": "alive"}


def see(notes: Observations, *, namespace: str = "shop") -> None:
    drift = () if namespace == "shop" else (SeenDrift(kind="target", words="elsewhere"),)
    endpoint = SeenEndpoint(
        namespace=namespace,
        task_queue="shop",
        wanted_namespace="shop",
        wanted_task_queue="shop",
        services=("shop.v1",),
        drift=drift,
    )
    pollers = (SeenPoller(identity="w1@here", last=datetime.now(UTC)),)
    notes.write(SeenEndpoint, {"shop": endpoint}, only_these=True)
    notes.write(SeenQueue, {"shop/shop": SeenQueue(nexus=SeenTasks(pollers=pollers))})
    job = SeenJob(process="1@here", every_seconds=10, succeeded=datetime.now(UTC), error="")
    notes.write(SeenJob, {"look": job})
