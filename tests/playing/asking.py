"""A policy of billing that wants a person to agree before money goes back."""

import json
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from callboard_kit.client import load_key
from callboard_kit.policy import Policy
from callboard_kit.publishing import registry_signature
from callboard_kit.registry import registry_client
from callboard_kit.teams import Team
from tests.playing.stage import Stage
from tests.playing.waiting import until


@asynccontextmanager
async def billing_asks(stage: Stage, *, patience: int = 60) -> AsyncGenerator[None]:
    """Have billing's published policy demand approval for what moves money, for so many seconds, in this block."""
    policy = Team.load("callboard_team_billing").policy
    document = policy.model_dump(mode="json")
    for rule in document["rules"]:
        if rule["name"] == "orders-moves-money":
            rule["approval"] = {"approvers": ["role:finance"], "patience": patience}
    await _published(stage, Policy.model_validate(document))
    try:
        yield
    finally:
        await _published(stage, policy)


async def _published(stage: Stage, policy: Policy) -> None:
    sign = registry_signature(load_key("billing", stage.settings))
    async with registry_client(stage.settings, sign=sign) as registry:
        await registry.publish_policy("billing", policy.model_dump_json().encode())

    async def is_heard() -> bool:
        kept = json.loads((stage.home / "cache" / "billing.json").read_text(encoding="utf-8"))
        return Policy.model_validate(kept["policy"]) == policy

    # A worker hears of it within 30 s, and keeps what it heard.
    await until(is_heard, within=60)
