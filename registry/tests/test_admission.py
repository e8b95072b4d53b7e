"""Who gets in: how often one client may ask, and who may read where reading needs a token."""

import time

import grpc
import httpx
import pytest
from google.rpc.error_details_pb2 import RetryInfo
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_status import rpc_status
from limits import parse

from callboard_kit.identity import SigningKey, digest
from callboard_kit.settings import SettingsError
from callboard_registry.rpc.answering import address_of
from callboard_registry.settings import Settings
from callboard_registry_api.client import RegistryClient
from callboard_registry_api.errors import RegistryRefusedError, RegistryUnavailableError
from callboard_registry_api.v1 import registry_pb2 as pb
from callboard_registry_api.v1.registry_pb2_grpc import RegistryServiceStub


def asking(running, **headers: str) -> httpx.AsyncClient:
    return httpx.AsyncClient(base_url=f"http://{running.http}", trust_env=False, headers=headers, timeout=60)


def to_read(member, **claims: object) -> str:
    return "Bearer " + member.token(**{"mth": "Read", "dig": digest(b""), **claims})


# How often


async def test_a_client_may_ask_as_often_as_the_limit_says_and_is_then_told_when_to_go_on(serve_with):
    async with serve_with(limit=parse("3 per 60 seconds")) as running, asking(running) as http:
        answers = [await http.get("/v1/listings") for _ in range(4)]

    assert [each.status_code for each in answers] == [200, 200, 200, 429]
    assert 55 <= int(answers[3].headers["retry-after"]) <= 60
    error = answers[3].json()["error"]
    assert (error["code"], error["message"]) == ("exhausted", "'127.0.0.1' may send 3 per 60 second; slow down")


async def test_grpc_says_with_googles_words_when_to_go_on(serve_with):
    async with (
        serve_with(limit=parse("2 per 60 seconds")) as running,
        grpc.aio.insecure_channel(str(running.grpc)) as channel,
    ):
        stub = RegistryServiceStub(channel)
        for _ in range(2):
            await stub.ListPolicies(pb.ListPoliciesRequest())
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await stub.ListPolicies(pb.ListPoliciesRequest())

    assert refused.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
    wait = RetryInfo()
    assert any(each.Unpack(wait) for each in rpc_status.from_call(refused.value).details)
    assert 55 <= wait.retry_delay.ToSeconds() <= 60


async def test_our_own_client_takes_too_much_at_once_for_something_that_passes(serve_with):
    async with serve_with(limit=parse("1 per 60 seconds")) as running, RegistryClient(str(running.grpc)) as client:
        await client.list_policies()
        with pytest.raises(RegistryUnavailableError, match=r"too much at once.*try again in"):
            await client.list_policies()


async def test_both_ways_in_count_together_and_a_stream_counts_once(serve_with):
    async with serve_with(limit=parse("2 per 60 seconds")) as running, asking(running) as http:
        async with RegistryClient(str(running.grpc)) as client:
            await client.list_policies()
        assert (await http.get("/v1/policies")).status_code == 200
        async with RegistryClient(str(running.grpc)) as client:
            with pytest.raises(RegistryUnavailableError):
                await anext(aiter(client.watch()))


async def test_a_team_counts_as_itself_wherever_it_asks_from_and_takes_nothing_from_others(serve_with):
    async with serve_with(limit=parse("10 per 60 seconds")) as running:
        shop, bank = await running.enrol("shop"), await running.enrol("bank")
        async with running.client(shop) as one, running.client(shop) as other:
            for _ in range(5):
                await one.list_policies()
                await other.list_policies()
            with pytest.raises(RegistryUnavailableError, match="'shop' may send"):
                await one.list_policies()
        async with running.client(bank) as client:
            await client.list_policies()
        async with asking(running) as http:
            assert (await http.get("/v1/policies")).status_code == 200


async def test_nobody_uses_up_what_a_team_may_ask_by_its_name(serve_with):
    async with serve_with(limit=parse("3 per 60 seconds")) as running:
        shop = await running.enrol("shop")
        forged = SigningKey.generate("shop").sign(
            {
                "aud": "callboard-registry",
                "mth": "Read",
                "dig": "",
                "iat": int(time.time()),
                "exp": int(time.time()) + 9,
            }
        )
        async with asking(running, authorization=f"Bearer {forged}") as http:
            assert [(await http.get("/v1/policies")).status_code for _ in range(4)] == [200, 200, 200, 429]
        async with running.client(shop) as client:
            await client.list_policies()


async def test_health_counts_for_nothing(serve_with):
    async with serve_with(limit=parse("1 per 60 seconds")) as running, asking(running) as http:
        assert [(await http.get("/healthz")).status_code for _ in range(3)] == [200] * 3


@pytest.mark.parametrize(
    ("peer", "address"),
    [
        ("ipv4:10.0.0.7:50123", "10.0.0.7"),
        ("ipv6:%5B2001:db8::1%5D:50123", "2001:db8::1"),
        ("unix:", "unix:"),
    ],
)
def test_the_same_machine_is_the_same_client_by_whatever_port(peer, address):
    assert address_of(peer) == address


# Who may read


async def test_where_reading_needs_a_token_nobody_reads_without(serve_with):
    async with serve_with(reading_needs_token=True) as running:
        async with RegistryClient(str(running.grpc)) as client:
            for read in (client.list_policies(), client.get_listing("shop.v1"), anext(aiter(client.watch()))):
                with pytest.raises(RegistryRefusedError) as refused:
                    await read
                assert refused.value.field == "authorization"
                assert "reading needs a token here" in refused.value.message
        async with asking(running) as http:
            for path in ("/v1/listings", "/v1/changes", "/v1/keys", "/v1/calls"):
                answer = await http.get(path)
                assert (answer.status_code, answer.json()["error"]["field"]) == (401, "authorization"), path


async def test_where_reading_needs_a_token_a_team_reads_by_its_key_and_the_administrator_by_theirs(
    serve_with, document
):
    async with serve_with(reading_needs_token=True) as running:
        shop = await running.enrol("shop")
        async with RegistryClient(str(running.grpc), sign=shop.sign) as client:
            await client.publish_listing(document())
            assert (await client.get_listing("shop.v1")).team == "shop"
            assert [each.kind async for each in first_of(client.watch())] == ["key_enrolled"]
        async with running.client() as client:
            assert len((await client.list_listings()).items) == 1
        for token in (to_read(shop), "Bearer administrator-for-tests"):
            async with asking(running, authorization=token) as http:
                assert (await http.get("/v1/listings/shop.v1")).status_code == 200


async def first_of(changes):
    async for each in changes:
        yield each
        return


@pytest.mark.parametrize(
    "claims",
    [{"mth": "PublishListing"}, {"aud": "somebody-else"}, {"exp": 1}, {"exp": int(time.time()) + 4000}],
    ids=["another method", "another audience", "expired", "too long"],
)
async def test_a_token_that_is_not_for_reading_here_and_now_reads_nothing(serve_with, claims):
    async with serve_with(reading_needs_token=True) as running:
        shop = await running.enrol("shop")
        async with asking(running, authorization=to_read(shop, **claims)) as http:
            assert (await http.get("/v1/listings")).status_code == 401


async def test_a_token_to_read_with_writes_nothing(serve_with, document):
    async with serve_with(reading_needs_token=True) as running:
        shop = await running.enrol("shop")

        def sign(method: str, digest: str) -> str:
            return shop.token(mth="Read", dig=digest)

        async with running.client(sign=sign) as client:
            with pytest.raises(RegistryRefusedError) as refused:
                await client.publish_listing(document())
        async with asking(running, authorization=to_read(shop)) as http:
            assert (await http.post("/v1/listings", content=document())).status_code == 401

    assert "signed for another method" in refused.value.message


async def test_health_and_what_there_is_are_told_to_everybody(serve_with):
    async with serve_with(reading_needs_token=True) as running:
        async with asking(running) as http:
            for path in ("/healthz", "/", "/openapi.json"):
                assert (await http.get(path)).status_code == 200, path
        async with grpc.aio.insecure_channel(str(running.grpc)) as channel:
            health = await health_pb2_grpc.HealthStub(channel).Check(health_pb2.HealthCheckRequest())
    assert health.status == health_pb2.HealthCheckResponse.SERVING


async def test_a_team_that_nobody_knows_yet_enrols_itself_although_reading_needs_a_token(serve_with, stranger):
    async with serve_with(reading_needs_token=True) as running:
        async with running.client() as administrator:
            code = (await administrator.invite_team("shop")).code
        key = stranger.key
        async with RegistryClient(str(running.grpc), sign=stranger.sign) as client:
            await client.enrol_key("shop", key.key_id, key.public_key.public_bytes, code=code)
            assert (await client.list_policies()).items == ()


async def test_a_key_that_was_taken_back_reads_no_more(serve_with):
    async with serve_with(reading_needs_token=True) as running:
        shop = await running.enrol("shop")
        async with running.client() as administrator:
            await administrator.revoke_key("shop", shop.key.key_id, reason="lost")
        async with asking(running, authorization=to_read(shop)) as http:
            assert (await http.get("/v1/listings")).status_code == 401


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("CALLBOARD_REGISTRY_LIMIT", "many"),
        ("CALLBOARD_REGISTRY_LIMIT", "0 per second"),
        ("CALLBOARD_REGISTRY_READING", "closed"),
        ("CALLBOARD_REGISTRY_TLS_KEY", "/nowhere/key.pem"),
        ("CALLBOARD_REGISTRY_TLS_CLIENT_CA", "/nowhere/ca.pem"),
    ],
)
def test_a_setting_that_cannot_be_meant_is_named(tmp_path, variable, value):
    with pytest.raises(SettingsError, match="_".join(variable.split("_")[:3])):
        Settings.from_environment({"CALLBOARD_HOME": str(tmp_path), variable: value})
