"""`serve` is a whole process: it starts, stops, goes on without the registry, and says why it cannot serve."""

import asyncio
import importlib
import uuid
from collections.abc import AsyncGenerator
from pathlib import Path

import nexusrpc
import pytest
from lamp_room import ADMINISTRATOR, TEAM, LampRoom, Process, registry_process, serve_all
from market import Market
from parts import Wish
from server import Temporal

from callboard_contracts import Message, UnavailableError, describe
from callboard_kit.identity import SigningKey
from callboard_kit.ports import free_ports
from callboard_kit.publishing import registry_signature
from callboard_kit.testing import LocalMesh
from callboard_registry_api.client import RegistryClient

PACKAGE = "callboard_team_lamp"


class Light(Message):
    text: str


@nexusrpc.service(name="lamp.v1")
class Lamp:
    """The lamp as a caller knows it."""

    look: nexusrpc.Operation[Wish, Light]
    ignite: nexusrpc.Operation[Wish, Light]
    hang_on: nexusrpc.Operation[Wish, Light]


@pytest.fixture(scope="module")
async def key(local_mesh: LocalMesh) -> SigningKey:
    await local_mesh.provision(["lamp"])
    return local_mesh.keys["lamp"]


@pytest.fixture(scope="module")
async def registry(
    tmp_path_factory: pytest.TempPathFactory, local_mesh: LocalMesh, key: SigningKey
) -> AsyncGenerator[str]:
    home = tmp_path_factory.mktemp("registry")
    async with registry_process(home, [key, local_mesh.keys["buyer"]]) as (address, _):
        yield address


async def call(market: Market, operation: str, text: str) -> str:
    client = market.clients["buyer"].create_nexus_client(service=Lamp, endpoint="lamp")
    light = await client.execute_operation(getattr(Lamp, operation), Wish(text=text), id=uuid.uuid4().hex)
    return light.text


async def test_a_worker_starts_answers_and_stops_when_told_even_with_a_handler_that_does_not(
    market: Market, temporal: Temporal, registry: str, key: SigningKey, tmp_path: Path
) -> None:
    room = LampRoom(tmp_path, temporal=temporal.address, registry=registry, key=key)

    async with Process.running(PACKAGE, room.environment) as worker:
        await worker.says("serving team 'lamp' in namespace 'lamp'")
        assert (await call(market, "look", "on")).startswith("on by ")
        with pytest.raises(UnavailableError, match=r"lamp.v1 hang_on did not answer within"):
            await call(market, "hang_on", "x")
        code = await worker.stopped()

    assert code == 0, worker.said
    assert "Traceback" not in worker.said
    told = [words for words in ("lights up", "serving team", "stopping", "lights out") if words in worker.said]
    assert told == sorted(told, key=worker.said.index)
    assert len(told) == 4


async def test_a_handler_that_is_killed_after_starting_its_work_has_one_effect_and_one_answer(
    market: Market, temporal: Temporal, registry: str, key: SigningKey, tmp_path: Path
) -> None:
    room = LampRoom(tmp_path, temporal=temporal.address, registry=registry, key=key)
    room.light_the_fuse("slowly now")
    wish = {"text": "slowly now"}

    async with Process.running(PACKAGE, room.environment) as first:
        await first.says("serving team")
        asking = asyncio.create_task(market.asked("buyer", "ignite", wish, service="lamp.v1", endpoint="lamp"))
        assert await first.ended() == -9
    async with Process.running(PACKAGE, room.environment) as second:
        await second.says("serving team")
        report, name = await asking
        await second.stopped()

    assert report.gift is not None, report
    assert report.gift.text == "lit slowly now"
    assert [line.rpartition(" ")[0] for line in room.effects()] == ["slowly now"]
    assert (await market.history("buyer", name)).count("EVENT_TYPE_NEXUS_OPERATION_COMPLETED") == 1


async def test_calls_go_on_while_the_registry_is_down_and_a_worker_starts_without_it(
    market: Market, temporal: Temporal, local_mesh: LocalMesh, key: SigningKey, tmp_path: Path
) -> None:
    [port] = free_ports(1)
    room = LampRoom(tmp_path, temporal=temporal.address, registry=f"127.0.0.1:{port}", key=key)
    keys = [key, local_mesh.keys["buyer"]]

    async with (
        registry_process(tmp_path / "registry", keys, port=port) as (_, registry),
        Process.running(PACKAGE, room.environment) as worker,
    ):
        await worker.says("serving team")
        await call(market, "look", "before")
        await registry.killed()

        assert (await call(market, "look", "while it is down")).startswith("while it is down")
        assert await worker.stopped() == 0

    async with Process.running(PACKAGE, room.environment) as worker:
        await worker.says("serving team")
        assert "serving with the keys and the policy last heard of" in worker.said
        assert (await call(market, "look", "from the cache")).startswith("from the cache")
        assert await worker.stopped() == 0


async def test_whatever_keeps_a_worker_from_serving_is_one_line(
    temporal: Temporal, registry: str, key: SigningKey, tmp_path: Path
) -> None:
    def room(name: str, *, with_key: bool = True, **environment: str) -> LampRoom:
        room = LampRoom(tmp_path / name, temporal=temporal.address, registry=registry, key=key if with_key else None)
        room.environment |= environment
        return room

    def with_team(name: str, text: str) -> LampRoom:
        made = room(name)
        made.write_team(text)
        return made

    nowhere = f"127.0.0.1:{free_ports(1)[0]}"
    cases: dict[str, tuple[LampRoom, list[str]]] = {
        "no Temporal answers at": (room("a", TEMPORAL_ADDRESS=nowhere), []),
        "did not answer 'PublishListing'": (room("b", CALLBOARD_REGISTRY=nowhere), []),
        "CALLBOARD_REGISTRY is not set": (room("c"), ["CALLBOARD_REGISTRY"]),
        "team 'lamp' has no key at": (room("d", with_key=False), []),
        "callboard_team_lamp/team.toml: unknown key 'colour'": (with_team("e", 'colour = "red"\n' + TEAM), []),
        "rule 'all' of team 'lamp' hides 'text' of lamp.v1 look, but": (with_team("f", TEAM + 'hide = ["text"]'), []),
        "rule 'all' of team 'lamp' hides 'color', but nothing": (with_team("g", TEAM + 'hide = ["color"]'), []),
        "rule 'all' of team 'lamp' wants lamp.v1 look approved by a person, but it answers at once": (
            with_team("m", TEAM + 'approval = { approvers = ["ada"] }'),
            [],
        ),
        "CALLBOARD_NAMES is 'staging'": (room("h", CALLBOARD_NAMES="staging"), []),
        "CALLBOARD_LOG is 'LOUD'": (room("i", CALLBOARD_LOG="LOUD"), []),
        "Namespace nowhere is not found": (room("j", TEMPORAL_NAMESPACE="nowhere"), []),
        "Temporal's own configuration cannot be used": (room("k", TEMPORAL_PROFILE="nobody-made-it"), []),
        "the registry does not take what team 'lamp' publishes": (room("l"), []),
    }
    # A key that the registry does not know for this team.
    SigningKey.generate("lamp").save(tmp_path / "l" / "home" / "keys" / "lamp.pem")

    endings = await serve_all(list(cases.values()))

    for words, (code, said) in zip(cases, endings, strict=True):
        *before, last = said.splitlines()
        assert code == 1, (words, said)
        assert last.startswith("lamp: ") and words in last, (words, said)
        assert all(" WARNING " in line or " INFO " in line for line in before), (words, said)


async def test_a_build_that_the_registry_does_not_hold_is_not_served_and_says_what_differs(
    temporal: Temporal, key: SigningKey, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with registry_process(tmp_path / "registry", [key]) as (address, _):
        room = LampRoom(tmp_path / "room", temporal=temporal.address, registry=address, key=key)
        room.environment |= {"CALLBOARD_PROFILE": "production"}
        changed = LampRoom(tmp_path / "changed", temporal=temporal.address, registry=address, key=key)
        changed.environment |= {"CALLBOARD_PROFILE": "production", "LAMP_LONGEST": "10"}
        monkeypatch.syspath_prepend(room.folder)
        contract = importlib.import_module(f"{PACKAGE}.contract")

        async with RegistryClient(address, sign=registry_signature(key), administrator_token=ADMINISTRATOR) as client:
            listing = await client.publish_listing(describe(contract.Lamp).model_dump_json().encode())
            await client.publish_policy("lamp", b"{}")
            [(_, draft_only)] = await serve_all([(room, [])])
            await client.set_state("lamp.v1", listing.digest, "approved")
        [(_, differs)] = await serve_all([(changed, [])])
        async with Process.running(PACKAGE, room.environment) as approved:
            await approved.says("serving team")
            code = await approved.stopped()

    assert draft_only.splitlines()[-1] == (
        "lamp: the registry holds no approved revision of lamp.v1; "
        "run `callboard contracts publish lamp` and have it approved"
    )
    last = differs.splitlines()[-1]
    assert last.startswith("lamp: this build serves lamp.v1 as sha256:")
    assert last.endswith(
        "they differ in look; run `callboard contracts publish lamp` and have it approved, "
        "or start the build that was approved"
    )
    assert code == 0


@pytest.mark.parametrize("profile", ["dev", "production"])
async def test_a_member_reads_by_its_key_from_a_registry_that_lets_nobody_read_without(
    temporal: Temporal, key: SigningKey, tmp_path: Path, profile: str
) -> None:
    async with registry_process(tmp_path / "registry", [key], CALLBOARD_REGISTRY_READING="token") as (address, _):
        room = LampRoom(tmp_path / "room", temporal=temporal.address, registry=address, key=key)
        async with Process.running(PACKAGE, room.environment) as member:
            await member.says("serving team")
            await member.stopped()
        async with RegistryClient(address, administrator_token=ADMINISTRATOR) as client:
            listing = await client.get_listing("lamp.v1")
            await client.set_state("lamp.v1", listing.digest, "approved")
        room.environment |= {"CALLBOARD_PROFILE": profile}
        async with Process.running(PACKAGE, room.environment) as member:
            await member.says("serving team")
            said = member.said
            await member.stopped()

    assert "WARNING" not in said, said
