"""Whoever is not the owner changes nothing: every writing method, with every proof that is not the right one."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import product

import grpc
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass
from google.protobuf.timestamp_pb2 import Timestamp
from sqlalchemy import Engine, select

from callboard_kit.identity import SigningKey, digest
from callboard_registry.tables import metadata
from callboard_registry_api.v1 import registry_pb2 as pb

SERVICE = pb.DESCRIPTOR.services_by_name["RegistryService"]
READING = {name for name in SERVICE.methods_by_name if name.startswith(("Get", "List"))} | {
    "SearchOperations",
    "CompareListings",
    "SumCalls",
    "SumSpending",
    "DiscoverOperations",
    "WatchChanges",
}
ADMINISTRATORS = {"RegisterKey", "InviteTeam"}


@dataclass(frozen=True)
class Scene:
    """What there is to be touched: a listing of the shop's, and its key."""

    listing: pb.Listing
    key_id: str
    document: Callable[..., bytes]


def publish_listing(scene: Scene) -> tuple[Message, bytes]:
    document = scene.document(longest=5)
    return pb.PublishListingRequest(document=document), document


def publish_policy(scene: Scene) -> tuple[Message, bytes]:
    return pb.PublishPolicyRequest(team="shop", document=b'{"rules":[]}'), b'{"rules":[]}'


def set_state(scene: Scene) -> tuple[Message, bytes]:
    listing = scene.listing
    signed = pb.SetStateRequest(
        service="shop.v1", digest=listing.digest, state=pb.LISTING_STATE_PENDING, etag=listing.etag
    ).SerializeToString()
    return pb.SetStateRequest(signed=signed), signed


def revoke_key(scene: Scene) -> tuple[Message, bytes]:
    signed = pb.RevokeKeyRequest(team="shop", key_id=scene.key_id).SerializeToString()
    return pb.RevokeKeyRequest(signed=signed), signed


def rotate_key(scene: Scene) -> tuple[Message, bytes]:
    new = SigningKey.generate("shop")
    public, now = new.public_key.public_bytes, int(time.time())
    claims = {"aud": "callboard-registry", "mth": "RotateKey", "iat": now, "exp": now + 60, "dig": digest(public)}
    signed = pb.RotateKeyRequest(
        team="shop", key_id=new.key_id, public_bytes=public, proof=new.sign(claims)
    ).SerializeToString()
    return pb.RotateKeyRequest(signed=signed), signed


def register_key(scene: Scene) -> tuple[Message, bytes]:
    key = SigningKey.generate("shop")
    public = key.public_key.public_bytes
    return pb.RegisterKeyRequest(team="shop", key_id=key.key_id, public_bytes=public), public


def enrol_key(scene: Scene) -> tuple[Message, bytes]:
    key = SigningKey.generate("shop")
    public = key.public_key.public_bytes
    return pb.EnrolKeyRequest(team="shop", key_id=key.key_id, public_bytes=public, code="a-guess"), public


def invite_team(scene: Scene) -> tuple[Message, bytes]:
    return pb.InviteTeamRequest(team="shop"), b""


def report_calls(scene: Scene) -> tuple[Message, bytes]:
    record = pb.CallRecord(
        root="r", token_id="t", caller="desk", endpoint="shop", service="shop.v1", operation="sell", start=now_stamp()
    )
    record.outcome = pb.CALL_OUTCOME_OK
    batch = pb.CallBatch(records=[record]).SerializeToString()
    return pb.ReportCallsRequest(batch=batch), batch


def declare_calls(scene: Scene) -> tuple[Message, bytes]:
    return pb.DeclareCallsRequest(team="shop", document=b'{"calls":["bank.v1"]}'), b'{"calls":["bank.v1"]}'


def report_heartbeat(scene: Scene) -> tuple[Message, bytes]:
    beat = pb.Heartbeat(
        worker="w", namespace="shop", task_queue="shop", identity="1@here", build="b", started=now_stamp()
    )
    beat.sent.CopyFrom(now_stamp())
    beat.every.FromSeconds(10)
    beat.serves.add(service="shop.v1", digest=scene.listing.digest)
    heartbeat = beat.SerializeToString()
    return pb.ReportHeartbeatRequest(heartbeat=heartbeat), heartbeat


def publish_build(scene: Scene) -> tuple[Message, bytes]:
    document = b'{"build":"b","agents":[{"agent":"desk","digest":"sha256:%s","fields":{}}]}' % (b"a" * 64)
    return pb.PublishBuildRequest(team="shop", document=document), document


def withdraw_build(scene: Scene) -> tuple[Message, bytes]:
    return pb.WithdrawBuildRequest(team="shop", build="b"), b"b"


def set_budget(scene: Scene) -> tuple[Message, bytes]:
    signed = pb.SetBudgetRequest(team="shop", period="day", tokens=5).SerializeToString()
    return pb.SetBudgetRequest(signed=signed), signed


def use_budgets(scene: Scene) -> tuple[Message, bytes]:
    signed = pb.BudgetUse(worker="w", wishes=[pb.BlockWish(caller="desk")]).SerializeToString()
    return pb.UseBudgetsRequest(signed=signed), signed


def report_usage(scene: Scene) -> tuple[Message, bytes]:
    use = pb.ModelUse(key="k", root="r", caller="desk", operation="sell", model="m", at=now_stamp(), input_tokens=1)
    batch = pb.ModelUses(uses=[use]).SerializeToString()
    return pb.ReportUsageRequest(batch=batch), batch


WRITING: Mapping[str, Callable[[Scene], tuple[Message, bytes]]] = {
    "PublishListing": publish_listing,
    "PublishPolicy": publish_policy,
    "SetState": set_state,
    "RevokeKey": revoke_key,
    "RotateKey": rotate_key,
    "RegisterKey": register_key,
    "EnrolKey": enrol_key,
    "InviteTeam": invite_team,
    "ReportCalls": report_calls,
    "DeclareCalls": declare_calls,
    "ReportHeartbeat": report_heartbeat,
    "PublishBuild": publish_build,
    "WithdrawBuild": withdraw_build,
    "SetBudget": set_budget,
    "UseBudgets": use_budgets,
    "ReportUsage": report_usage,
}

FIRST = {"WithdrawBuild": "PublishBuild", "UseBudgets": "SetBudget"}
"""What the owner has to do before there is anything to be done."""

HEARD_AT = {
    "ReportHeartbeat": ("workers", "teams"),
    "PublishBuild": ("build_agents",),
}
"""Tables that say when something was heard last."""

OF_ITSELF = {("UseBudgets", "another team"), ("ReportUsage", "another team")}
"""What only ever speaks of the team that signs it: another team's is no attempt at the shop's."""

WRONG = [
    "nobody",
    "another team",
    "another team in the owner's name",
    "a token for another method",
    "a token to read with",
    "a token to have it checked only",
    "a token for other content",
    "a token for another audience",
    "an expired token",
    "a token of tomorrow",
    "the administrator's token with a letter more",
]


def now_stamp() -> Timestamp:
    stamp = Timestamp()
    stamp.FromSeconds(int(time.time()))
    return stamp


def proof(wrong: str, method: str, signed: bytes, *, shop, bank) -> str | None:
    now, right = int(time.time()), {"mth": method, "dig": digest(signed)}
    other = "PublishPolicy" if method != "PublishPolicy" else "PublishListing"
    match wrong:
        case "nobody":
            return None
        case "another team":
            return bank.token(**right)
        case "another team in the owner's name":
            forger = SigningKey(team="shop", private=Ed25519PrivateKey.generate())
            return forger.sign({"aud": "callboard-registry", "iat": now, "exp": now + 60, **right})
        case "a token for another method":
            return shop.token(mth=other, dig=digest(signed))
        case "a token to read with":
            return shop.token(mth="Read", dig=digest(signed))
        case "a token to have it checked only":
            return shop.token(mth=f"{method}:validate_only", dig=digest(signed))
        case "a token for other content":
            return shop.token(mth=method, dig=digest(signed + b" "))
        case "a token for another audience":
            return shop.token(aud="orders", **right)
        case "an expired token":
            return shop.token(**right, iat=now - 120, exp=now - 60)
        case "a token of tomorrow":
            return shop.token(**right, iat=now + 86_400, exp=now + 86_460)
        case _:
            return "administrator-for-tests2"


def everything(engine: Engine) -> dict[str, list]:
    """All that the registry keeps."""
    with engine.connect() as connection:
        return {
            table.name: sorted(map(repr, connection.execute(select(table)).all())) for table in metadata.sorted_tables
        }


async def call(running, method: str, request: Message, token: str | None) -> Message:
    response = GetMessageClass(SERVICE.methods_by_name[method].output_type)
    async with grpc.aio.insecure_channel(str(running.grpc)) as channel:
        calling = channel.unary_unary(
            f"/{SERVICE.full_name}/{method}",
            request_serializer=type(request).SerializeToString,
            response_deserializer=response.FromString,
        )
        return await calling(request, metadata=(("authorization", f"Bearer {token}"),) if token else (), timeout=60)


@pytest.fixture
async def scene(client, shop, document) -> Scene:
    listing = await client.publish_listing(document())
    return Scene(listing=listing.to_message(), key_id=shop.key.key_id, document=document)


def test_every_method_is_known_to_read_or_is_tried_here():
    assert READING.isdisjoint(WRITING)
    assert READING | WRITING.keys() == set(SERVICE.methods_by_name)


@pytest.mark.parametrize(
    ("method", "wrong"), [each for each in product(sorted(WRITING), WRONG) if each not in OF_ITSELF]
)
async def test_what_is_a_teams_is_changed_by_nobody_else(running, served, shop, bank, scene, method, wrong):
    request, signed = WRITING[method](scene)
    before = everything(served[1])

    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await call(running, method, request, proof(wrong, method, signed, shop=shop, bank=bank))

    assert refused.value.code() in (grpc.StatusCode.UNAUTHENTICATED, grpc.StatusCode.PERMISSION_DENIED) or (
        # A listing says itself whose it is, and a guessed code is no code.
        (method, wrong) in (("PublishListing", "another team"), ("ReportHeartbeat", "another team"))
        or method == "EnrolKey"
    ), refused.value
    assert everything(served[1]) == before


@pytest.mark.parametrize("method", sorted(ADMINISTRATORS))
async def test_what_is_the_administrators_no_team_does_not_even_for_itself(running, served, shop, scene, method):
    request, signed = WRITING[method](scene)
    before = everything(served[1])

    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await call(running, method, request, shop.token(mth=method, dig=digest(signed)))

    assert refused.value.code() is grpc.StatusCode.UNAUTHENTICATED
    assert everything(served[1]) == before


async def prepare(running, shop, scene, method):
    if (first := FIRST.get(method)) is not None:
        request, signed = WRITING[first](scene)
        await call(running, first, request, shop.token(mth=first, dig=digest(signed)))


@pytest.mark.parametrize("method", sorted(WRITING.keys() - ADMINISTRATORS - {"EnrolKey"}))
async def test_the_owner_with_the_right_proof_changes_it(running, served, shop, scene, method):
    await prepare(running, shop, scene, method)
    request, signed = WRITING[method](scene)
    before = everything(served[1])

    await call(running, method, request, shop.token(mth=method, dig=digest(signed)))

    assert everything(served[1]) != before


# A wish for a block that is sent again is given another, which nobody spends and which comes back by itself.
@pytest.mark.parametrize("method", sorted(WRITING.keys() - ADMINISTRATORS - {"EnrolKey", "UseBudgets"}))
async def test_a_request_that_was_overheard_and_is_sent_again_changes_nothing_more(
    running, served, shop, scene, client, method
):
    await prepare(running, shop, scene, method)
    request, signed = WRITING[method](scene)
    token = shop.token(mth=method, dig=digest(signed))
    await call(running, method, request, token)
    if method == "SetState":
        # The owner has thought better of it in the meantime.
        moved = await client.get_listing("shop.v1")
        await client.set_state("shop.v1", moved.digest, "draft")
    before = everything(served[1])

    try:
        await call(running, method, request, token)
    except grpc.aio.AioRpcError as refused:
        assert refused.code() in (
            grpc.StatusCode.FAILED_PRECONDITION,
            grpc.StatusCode.NOT_FOUND,
            grpc.StatusCode.UNAUTHENTICATED,
        ), refused

    after = everything(served[1])
    # When it was heard, which is not what it says.
    for table in HEARD_AT.get(method, ()):
        assert len(before.pop(table)) == len(after.pop(table))
    assert after == before
