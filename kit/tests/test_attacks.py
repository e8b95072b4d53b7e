"""Whoever tries to get in without a right to: what they hold, how they try, and that nothing comes of it."""

import asyncio
import base64
import json
import time
import uuid
from dataclasses import replace
from typing import Any

import pytest
from market import TEA, WISH, Forge, Market, address, root, sent, task_failure
from parts import AskAndCancel, Shop, Wait, Wish
from temporalio.client import NexusOperationFailureError, WorkflowFailureError

from callboard_kit.identity import SigningKey, digest
from callboard_kit.limits import Limits
from callboard_kit.tokens import CHAIN_HEADER, TOKEN_HEADER, Address, Call, check_call, sign_call


def signed(
    key: SigningKey,
    parent: Call,
    *,
    to: Address | None = None,
    data: bytes | None = None,
    lasting: float = 30,
) -> Forge:
    """Sign as the kit would for the run that sends the call, but with whatever the test says."""
    return lambda run_id: sign_call(
        key,
        parent=parent,
        to=to or address(),
        input_digest=digest(sent(TEA) if data is None else data),
        token_id=f"{run_id}:1",
        now=time.time(),
        expires=time.time() + lasting,
    )


async def stolen(market: Market, operation: str, text: str) -> dict[str, str]:
    """Have the buyer make a call and read its headers out of the buyer's history."""
    report, name = await market.asked("buyer", operation, {"text": text, "count": 1})
    assert report.gift is not None, report
    return dict((await market.scheduled("buyer", name)).nexus_header)


async def test_the_tests_own_forging_is_believed_when_it_says_nothing_wrong(market: Market) -> None:
    report = await market.rob("buyer", signed(market.key("buyer"), root("buyer", person="mia")))

    assert report.gift is not None, report
    assert (report.gift.caller, report.gift.person) == ("buyer", "mia")


async def test_no_token(market: Market) -> None:
    report = await market.rob("buyer", lambda _: {})

    assert report.error == "HandlerError"
    assert "the call carries no token" in report.words


async def test_a_key_of_ones_own(market: Market) -> None:
    report = await market.rob("thief", signed(SigningKey.generate("buyer"), root("buyer")))

    assert "is known for 'buyer'" in report.words


async def test_a_real_key_of_a_caller_that_policy_does_not_list(market: Market) -> None:
    report = await market.ask("thief", "look")

    assert (report.error, report.words) == (
        "RefusedError",
        "no rule of the provider's policy lets 'thief' call shop.v1 look",
    )


async def test_the_key_of_another_namespace(market: Market) -> None:
    # Worse than a stolen token: the buyer's key itself, but no way into the buyer's namespace.
    report = await market.rob("thief", signed(market.key("buyer"), root("buyer")))

    assert "the call comes from namespace 'thief', but its token was signed by 'buyer'" in report.words


async def test_a_token_for_another_operation(market: Market) -> None:
    report = await market.rob("buyer", signed(market.key("buyer"), root("buyer")), operation="buy")

    assert "the token is for shop.v1 look at 'shop', not for shop.v1 buy" in report.words
    assert market.service.seen.count("") == 0


async def test_a_token_for_another_endpoint(market: Market) -> None:
    forge = signed(market.key("buyer"), root("buyer"), to=address(endpoint="broker"))

    assert "the token is for shop.v1 look at 'broker'" in (await market.rob("buyer", forge)).words


@pytest.mark.parametrize("data", [b"{}", b'{"text":"tea"} ', b'{"text": "tea"}', b""])
async def test_a_token_for_another_input(market: Market, data: bytes) -> None:
    report = await market.rob("buyer", signed(market.key("buyer"), root("buyer"), data=data))

    assert "the token is for another input" in report.words


async def test_an_expired_token(market: Market) -> None:
    report = await market.rob("buyer", signed(market.key("buyer"), root("buyer"), lasting=-10))

    assert "has expired" in report.words


async def test_a_tampered_token(market: Market) -> None:
    def forge(run_id: str) -> dict[str, str]:
        headers = signed(market.key("buyer"), root("buyer"))(run_id)
        head, payload, signature = headers[TOKEN_HEADER].split(".")
        claims = json.loads(base64.urlsafe_b64decode(payload + "=="))
        claims = {**claims, "exp": claims["exp"] + 1000}
        altered = base64.urlsafe_b64encode(json.dumps(claims, separators=(",", ":")).encode()).decode().rstrip("=")
        return {**headers, TOKEN_HEADER: f"{head}.{altered}.{signature}"}

    assert "was not signed by" in (await market.rob("buyer", forge)).words


@pytest.mark.parametrize("header", [TOKEN_HEADER, CHAIN_HEADER])
@pytest.mark.parametrize("junk", ["junk", "a.b.c", "x" * 4000, "%ff", "[" * 3000])
async def test_junk(market: Market, header: str, junk: str) -> None:
    report = await market.rob("buyer", lambda run: {**signed(market.key("buyer"), root("buyer"))(run), header: junk})

    assert report.error == "HandlerError"
    assert "token is malformed" in report.words


async def test_a_stolen_token_sent_again_from_anywhere_starts_no_second_effect(market: Market) -> None:
    text = f"tea for one, {uuid.uuid4().hex[:6]}"
    headers = await stolen(market, "buy", text)
    wish = {"text": text, "count": 1}

    elsewhere = await market.rob("thief", lambda _: headers, operation="buy", input=wish)
    same_namespace = await market.rob("buyer", lambda _: headers, operation="buy", input=wish)
    standalone = market.bare["buyer"].create_nexus_client(service=Shop, endpoint="shop")
    with pytest.raises(NexusOperationFailureError) as outside:
        await standalone.execute_operation(Shop.buy, Wish(text=text), id=uuid.uuid4().hex, headers=headers)

    assert "comes from namespace 'thief'" in elsewhere.words
    assert "comes from another workflow of 'buyer' than its token" in same_namespace.words
    assert "comes from another workflow of 'buyer' than its token" in str(outside.value.__cause__)
    assert market.deliveries.of(text) == 1


async def test_a_stolen_token_that_is_sent_while_its_call_runs_meets_the_same_run(market: Market) -> None:
    text = f"wait for me, {uuid.uuid4().hex[:6]}"
    asking = asyncio.create_task(market.asked("buyer", "wait", {"text": text}))
    shop = market.clients["shop"]
    [running] = await found(market, text)

    # With the run that the token names on its side, the link agrees as well: nothing is left to tell them apart.
    headers = await scheduled_headers(market, running)
    again = await market.post(headers, "wait", {"text": text}, run_of=headers)

    assert again.status == 201
    assert [each async for each in shop.list_workflows(f"CallboardEntity = '{text}'")] != []
    assert await found(market, text) == [running]
    await shop.get_workflow_handle(running).signal(Wait.enough)
    report, _ = await asking
    assert report.gift is not None


async def found(market: Market, text: str) -> list[str]:
    """Wait for the workflow that works on `text`; returns the ids of all there are."""
    for _ in range(200):
        query = f"CallboardEntity = '{text}'"
        ids = [each.id async for each in market.clients["shop"].list_workflows(query)]
        if ids:
            return ids
        await asyncio.sleep(0.05)
    raise AssertionError(f"nobody works on {text!r}")


async def scheduled_headers(market: Market, workflow_id: str) -> dict[str, str]:
    """Return the headers of the call that a workflow of the shop's answers, as the buyer's history has them."""
    handle = market.clients["shop"].get_workflow_handle(workflow_id)
    described = await handle.describe()
    caller = described.typed_search_attributes.search_attributes
    token_root = next(pair.value for pair in caller if pair.key.name == "CallboardRoot")
    query = f"CallboardRoot = '{token_root}'"
    [asking] = [each.id async for each in market.clients["buyer"].list_workflows(query)]
    return dict((await market.scheduled("buyer", asking)).nexus_header)


async def test_whoever_forges_link_and_request_id_over_http_gains_nothing_without_a_key(market: Market) -> None:
    without = await market.post({}, "buy", TEA)
    own = sign_call(
        SigningKey.generate("buyer"),
        parent=root("buyer"),
        to=address("buy"),
        input_digest=digest(sent(TEA)),
        token_id="run:1",
        now=time.time(),
        expires=time.time() + 30,
    )
    with_own = await market.post(own, "buy", TEA, run_of=own)

    assert without.status == with_own.status == 401
    assert "the call carries no token" in without.body
    assert "is known for 'buyer'" in with_own.body


async def test_a_token_stolen_and_sent_over_http_starts_no_second_effect(market: Market) -> None:
    text = f"one kettle, {uuid.uuid4().hex[:6]}"
    headers = await stolen(market, "buy", text)

    wrong_link = await market.post(headers, "buy", {"text": text, "count": 1}, run_of=headers, namespace="thief")
    forged_link = await market.post(headers, "buy", {"text": text, "count": 1}, run_of=headers)
    other_input = await market.post(headers, "buy", {"text": "two kettles"}, run_of=headers)

    assert wrong_link.status == 401
    assert "made before and its work is over" in forged_link.body
    assert "for another input" in other_input.body
    assert market.deliveries.of(text) == 1


@pytest.mark.parametrize("header", ["nexus-link", "nexus-request-id", "Nexus-Callback-Url", "operation-timeout"])
async def test_a_workflow_that_forges_what_is_temporal_s_does_not_get_its_call_out(market: Market, header: str) -> None:
    seen = len(market.service.seen)
    forge = signed(market.key("buyer"), root("buyer"))

    robbing = await market.start_robbing("buyer", lambda run_id: {**forge(run_id), header: "forged"})
    failed = await task_failure(robbing)
    await robbing.terminate("it would be tried again for ever")

    assert "disallowed" in failed.lower()
    assert len(market.service.seen) == seen


async def test_a_member_that_sets_what_is_temporal_s_is_told_so(market: Market) -> None:
    report = await market.ask("buyer", "look", headers={"Nexus-Link": "forged"})

    assert (report.error, report.words) == (
        "RefusedError",
        "a call to shop.v1 look cannot set the header 'nexus-link'; Temporal does",
    )


async def handed_to_the_broker(market: Market, **origin: Any) -> Call:
    """Have the buyer call the broker, and return the call as the broker has it: a team in the middle with a key."""
    headers = sign_call(
        market.key("buyer"),
        parent=root("buyer", **origin),
        to=address(endpoint="broker"),
        input_digest=digest(sent(TEA)),
        token_id="run:1",
        now=time.time(),
        expires=time.time() + 30,
    )
    keys = {team: key.public_key for team, key in market.mesh.keys.items()}
    return check_call(
        headers,
        at=address(endpoint="broker"),
        team="broker",
        input_digest=None,
        now=time.time(),
        find_key=lambda team, _: keys[team],
    )


async def test_a_team_in_the_middle_goes_on_with_what_it_was_given(market: Market) -> None:
    call = await handed_to_the_broker(market, person="mia")

    report = await market.rob("broker", signed(market.key("broker"), call))

    assert report.gift is not None, report
    assert (report.gift.root, report.gift.person, report.gift.depth) == ("tree-of-buyer", "mia", 2)


async def test_a_team_in_the_middle_cannot_raise_a_limit(market: Market) -> None:
    call = await handed_to_the_broker(market, limits=Limits(cost_usd=1.0))
    greedy = replace(call, limits=Limits(cost_usd=2.0))

    report = await market.rob("broker", signed(market.key("broker"), greedy))

    assert "hop 2 raises the limit 'cost_usd' above what it was given" in report.words


@pytest.mark.parametrize("invented", [{"person": "mia"}, {"limits": Limits(cost_usd=1000.0)}], ids=str)
async def test_a_team_in_the_middle_cannot_put_its_own_start_before_the_chain(
    market: Market, invented: dict[str, Any]
) -> None:
    call = await handed_to_the_broker(market, person="yusuf")
    own = signed(market.key("broker"), root("broker", **invented))("x")[TOKEN_HEADER]

    report = await market.rob("broker", signed(market.key("broker"), replace(call, chain=(own, *call.chain))))

    assert report.gift is None
    assert "hop 2 was signed by 'buyer', but 'shop' was the one called" in report.words


async def test_a_team_in_the_middle_that_resets_depth_stands_there_alone(market: Market) -> None:
    call = await handed_to_the_broker(market)

    report = await market.rob("broker", signed(market.key("broker"), replace(call, chain=())))

    # A tree of its own, which every team may start: nobody's right but the broker's counts in it.
    assert report.gift is None or (report.gift.caller, report.gift.depth) == ("broker", 1)


async def test_a_team_that_starts_a_tree_of_its_own_does_so_under_its_own_name(market: Market) -> None:
    report = await market.rob("broker", signed(market.key("broker"), root("broker", person="mia")))

    assert report.gift is not None, report
    assert (report.gift.caller, report.gift.depth) == ("broker", 1)


async def test_who_may_ask_in_words_may_not_therefore_cause_the_effect(market: Market) -> None:
    before = len(market.deliveries.made)

    allowed = await market.ask("thief", "relay", {"text": "shop look tea"}, endpoint="broker")
    refused = await market.ask("thief", "relay", {"text": "shop buy tea"}, endpoint="broker")
    listed = await market.ask("buyer", "relay", {"text": "shop buy tea"}, endpoint="broker")

    assert allowed.gift is not None, allowed
    assert (allowed.gift.caller, allowed.gift.depth) == ("broker", 2)
    assert (refused.error, refused.words) == (
        "RefusedError",
        "rule 'buyers' does not let 'broker' call shop.v1 buy on behalf of 'thief'",
    )
    assert listed.gift is not None, listed
    assert len(market.deliveries.made) == before + 1


async def test_strangers_learn_nothing_about_the_input(market: Market) -> None:
    report = await market.rob("thief", lambda _: {}, input={"text": 7})

    assert "the call carries no token" in report.words


async def test_cancelling_takes_a_token_of_the_call_that_is_cancelled(market: Market) -> None:
    text = f"cancel me, {uuid.uuid4().hex[:6]}"
    asking = asyncio.create_task(market.asked("buyer", "wait", {"text": text}))
    [running] = await found(market, text)
    shop = market.clients["shop"].get_workflow_handle(running)
    token = operation_token(running)
    headers = await scheduled_headers(market, running)
    other = await stolen(market, "look", "tea")
    mine = sign_call(
        market.key("broker"),
        parent=root("broker"),
        to=address("wait"),
        input_digest=digest(b""),
        token_id="run:1",
        now=time.time(),
        expires=time.time() + 30,
    )

    answers = [await market.post_cancellation(given, token) for given in ({}, other, mine)]

    assert [answer.status for answer in answers] == [401, 401, 403]
    assert "the call carries no token" in answers[0].body
    assert "the token is for shop.v1 look" in answers[1].body
    assert "this call of 'broker' did not start that work" in answers[2].body
    assert (await shop.describe()).status is not None
    assert not asking.done()

    assert (await market.post_cancellation(headers, token)).status == 202
    with pytest.raises(WorkflowFailureError):
        await asking


def operation_token(workflow_id: str) -> str:
    content = json.dumps({"t": 1, "ns": "shop", "wid": workflow_id}, separators=(",", ":"))
    return base64.urlsafe_b64encode(content.encode()).decode().rstrip("=")


async def test_a_caller_s_own_cancellation_gets_through(market: Market) -> None:
    ended = await market.clients["buyer"].execute_workflow(
        AskAndCancel.run, WISH, id=f"cancel-{uuid.uuid4().hex[:8]}", task_queue="buyer"
    )

    assert ended == "CancelledError"
