"""An agent remembers, recalls and forgets with tools, and finds what it remembers in its context the next time."""

import json
from dataclasses import replace
from typing import Any

import pytest
from cooking import Kitchen
from kitchen import KEEPER

from callboard_kit.agent import Outcome
from callboard_kit.fingerprint import differing, fingerprint
from callboard_kit.memory.activities import MemoryActivities, memory_fault
from callboard_kit.memory.kept import digest_of
from callboard_kit.memory.store import RedisMemories
from callboard_kit.memory.tools import MemoryAccess, MemoryAccessError, memory_tools
from callboard_kit.settings import Settings
from callboard_kit.testing import InMemoryMemories, ScriptedModel, calling
from callboard_kit.trials.dry import is_read


async def keeper(kitchen: Kitchen, *steps: Any, person: str | None = "ada") -> Outcome:
    kitchen.speaker.script = ScriptedModel(*steps, "Done.")
    return await kitchen.cook("What tea do I like?", agent="keeper", person=person)


def answers(kitchen: Kitchen) -> list[Any]:
    """Return what the tools of the last run answered."""
    return [json.loads(each.content or "") for each in kitchen.asked.messages if each.role == "tool"]


TEA = calling("remember", {"text": "Likes green tea.", "kind": "preference"})


async def test_what_one_run_remembers_the_next_one_for_the_same_person_knows_and_no_other(kitchen: Kitchen) -> None:
    first = await keeper(kitchen, [TEA])
    before = kitchen.known
    second = await keeper(kitchen)
    known = json.loads(kitchen.known)["known"]
    other = await keeper(kitchen, person="eve")
    nobody = await keeper(kitchen, person=None)

    assert before == ""
    assert [(each["source"], each["content"]["text"]) for each in known] == [("memory", "Likes green tea.")]
    assert [(each.source, each.fetched, each.kept) for each in second.sources] == [("memory", "ok", 1)]
    assert [each.fetched for each in other.sources] == ["empty"]
    assert nobody.sources == ()
    assert kitchen.known == ""
    assert [(each.operation, each.outcome) for each in first.calls] == [("remember", "ok")]


async def test_what_is_remembered_is_recalled_and_forgotten_by_its_id_and_that_is_on_record(kitchen: Kitchen) -> None:
    await keeper(kitchen, [TEA])
    [(id, _)] = kitchen.memories.held.items()
    await keeper(kitchen, [calling("recall", {"query": "tea"})], [calling("forget", {"ids": [id], "why": "asked"})])
    recalled, forgotten = answers(kitchen)
    again = await keeper(kitchen, [calling("forget", {"ids": [id]})])

    assert [each["text"] for each in recalled["remembered"]] == ["Likes green tea."]
    assert forgotten == {"forgotten": [id]}
    [record] = kitchen.memories.audit
    assert (record.ids, record.by, record.why) == ((id,), "kitchen/keeper for ada", "asked")
    assert "tea" not in record.model_dump_json()
    assert [each.outcome for each in again.calls] == ["refused"]


async def test_everything_about_whom_it_works_for_is_forgotten_and_nothing_about_others(kitchen: Kitchen) -> None:
    await keeper(kitchen, [TEA, calling("remember", {"text": "Has two cats.", "kind": "fact"})])
    await keeper(kitchen, [TEA], person="eve")

    await keeper(kitchen, [calling("forget", {"everything": True})])

    [left] = kitchen.memories.held.values()
    assert left.about == f"{digest_of('eve')}:kitchen"
    assert sum(len(each.ids) for each in kitchen.memories.audit) == 2


async def test_what_is_sensitive_is_not_remembered_and_a_secret_refuses_all_of_it(kitchen: Kitchen) -> None:
    text = "Mail to ada@example.com, card 4111 1111 1111 1111, likes tea."
    await keeper(kitchen, [calling("remember", {"text": text, "kind": "fact"})])
    told = answers(kitchen)
    secret = await keeper(kitchen, [calling("remember", {"text": "The password is tea123", "kind": "fact"})])

    assert [each.text for each in kitchen.memories.held.values()] == [
        "Mail to [masked: contact], card [masked: payment], likes tea."
    ]
    assert told[0]["not_remembered"] == ["contact", "payment"]
    assert [(each.outcome, "secret" in (each.error or "")) for each in secret.calls] == [("refused", True)]


async def test_an_agent_writes_into_no_memory_that_it_was_not_given(kitchen: Kitchen) -> None:
    outcome = await keeper(
        kitchen,
        [calling("remember", {"text": "Refunds are always fine.", "kind": "decision", "whose": "team"})],
    )
    nobody = await keeper(kitchen, [TEA], person=None)

    assert [each.outcome for each in outcome.calls] == ["malformed"]
    assert [(each.outcome, each.error) for each in nobody.calls] == [
        ("refused", "this is done for nobody in particular, so there is no person's memory")
    ]
    assert kitchen.memories.held == {}


async def test_without_its_memory_a_run_goes_on_and_its_model_is_told(kitchen: Kitchen) -> None:
    kitchen.memories.away = True

    outcome = await keeper(kitchen)

    assert outcome.answer == "Done."
    assert json.loads(kitchen.known) == {"known": [], "missing": {"memory": "unavailable"}}
    assert "out of reach" in outcome.sources[0].error


def test_a_worker_with_a_memory_of_its_own_or_without_redis_does_not_start() -> None:
    own, none = InMemoryMemories(), RedisMemories.of(Settings(), "kitchen")
    there = RedisMemories.of(Settings(redis_url="redis://127.0.0.1:1"), "kitchen")

    assert "use RedisMemories" in (memory_fault(MemoryActivities(own).all) or "")
    assert "CALLBOARD_REDIS_URL" in (memory_fault(MemoryActivities(none).all) or "")
    assert memory_fault(MemoryActivities(there).all) is None


def test_a_dry_run_recalls_and_neither_remembers_nor_forgets() -> None:
    activities = MemoryActivities(InMemoryMemories())

    assert is_read(activities.recall)
    assert [is_read(each) for each in (activities.remember, activities.forget, activities.forget_person)] == [False] * 3


def test_tools_say_what_they_change_and_what_an_agent_may_read_and_write_is_part_of_it() -> None:
    tools = memory_tools(MemoryAccess(agent="keeper"))
    wider = replace(KEEPER, tools=memory_tools(MemoryAccess(agent="keeper", writes=("person", "team"))))

    assert [(each.operation, each.effect) for each in tools] == [
        ("remember", "write"),
        ("recall", "read"),
        ("forget", "irreversible"),
    ]
    assert [each.operation for each in memory_tools(MemoryAccess(agent="keeper", writes=()))] == ["recall"]
    assert "tools.remember.access" in differing(fingerprint(KEEPER), fingerprint(wider))
    with pytest.raises(MemoryAccessError, match="would remember secrets"):
        MemoryAccess(agent="keeper", keeps=("secret",))
