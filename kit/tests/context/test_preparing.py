"""A context is prepared of what arrives in time, and what is missing is said."""

import json
from datetime import timedelta
from typing import Any

import pytest
from cooking import Kitchen
from kitchen import COOK, PLAN, Cook, Pantry, Shelf
from temporalio.api.enums.v1 import EventType

from callboard_kit.agent import Agent
from callboard_kit.agent.marked import marked
from callboard_kit.context import ContextPlan, ContextPlanError, FromActivity, FromOperation, SourceRecord
from callboard_kit.context.plan import MEMO
from callboard_kit.fingerprint import differing, fingerprint
from callboard_kit.replaying import Gate
from callboard_kit.token_size import tokens_of


def record(outcome: Any, source: str) -> SourceRecord:
    return next(each for each in outcome.sources if each.source == source)


async def test_the_model_is_given_what_all_sources_had_best_first_and_it_is_recorded_where_it_is_from(
    kitchen: Kitchen,
) -> None:
    handle = await kitchen.start("Bake a plum cake of the upper", person="ada")
    outcome = await handle.result()

    known = json.loads(kitchen.known)
    assert [(each["source"], each["content"]) for each in known["known"]] == [
        ("pantry", {"label": "plums on the upper shelf", "owner": "[masked: name]"}),
        ("cookbook", "A plum cake needs plums."),
        ("guests", "ada brings two friends"),
    ]
    assert known["missing"] == {}
    cookbook = record(outcome, "cookbook")
    assert (cookbook.fetched, cookbook.found, cookbook.kept) == ("ok", 4, 1)
    assert cookbook.dropped == {"filtered": 1, "outdated": 1, "repeated": 1}
    assert outcome.usage.tool_calls == 1
    [noted] = (await (await handle.describe()).memo())[MEMO]
    assert [each["source"] for each in noted["sources"]] == ["pantry", "cookbook", "guests"]
    assert "plums" not in json.dumps(noted)


async def test_a_source_that_is_late_or_away_or_refuses_is_missing_and_the_run_goes_on(kitchen: Kitchen) -> None:
    kitchen.cookbook.away = True

    late = await kitchen.cook("Look on the slow")
    told = json.loads(kitchen.known)
    refused = await kitchen.cook("Look on the locked")

    assert late.answer == "Done."
    assert told == {"known": [], "missing": {"pantry": "late", "cookbook": "unavailable"}}
    assert record(late, "pantry").error == "no answer within 1 s"
    assert record(late, "guests").fetched == "skipped"
    assert (record(refused, "pantry").fetched, record(refused, "pantry").error) == ("refused", "the shelf is locked")


async def test_what_is_fetched_is_marked_as_data_and_seen_by_guards(kitchen: Kitchen) -> None:
    await kitchen.cook("Look on the upper")
    shown = next(each for each in marked(kitchen.asked, "0123456789abcdef").messages if each.source)
    outcome = await kitchen.cook("Look on the poisoned")

    assert (shown.content or "").startswith("<<data 0123456789abcdef context>>\n")
    assert outcome.stopped_because == "guarded"


async def test_a_context_takes_no_more_than_a_quarter_of_what_its_run_may_use(kitchen: Kitchen) -> None:
    outcome = await kitchen.cook("Bake a plum cake of the upper", agent="poor")

    assert 0 < tokens_of(kitchen.known) <= 110
    assert sum(each.dropped.get("budget", 0) for each in outcome.sources) >= 1


async def test_a_run_that_prepared_a_context_is_replayed_as_it_was(kitchen: Kitchen) -> None:
    handle = await kitchen.start("Bake a plum cake of the upper", person="ada")
    await handle.result()

    history = await handle.fetch_history()

    scheduled = [each.event_type for each in history.events]
    first_model = next(
        place
        for place, each in enumerate(history.events)
        if each.activity_task_scheduled_event_attributes.activity_type.name == "callboard.call_model"
    )
    assert EventType.EVENT_TYPE_NEXUS_OPERATION_SCHEDULED in scheduled[:first_model]
    judged = await Gate("kitchen", [Cook], contracts=[Pantry]).judge(history)
    assert (judged.verdict, list(judged.why)) == ("same", [])


def test_a_plan_that_cannot_work_says_so_when_it_is_made() -> None:
    source = FromActivity(name="a", activity="a")

    with pytest.raises(ContextPlanError, match="two sources are called 'a'"):
        ContextPlan(sources=(source, source))
    with pytest.raises(ContextPlanError, match="cannot be called 'given'"):
        ContextPlan(sources=(FromActivity(name="given", activity="a"),))
    with pytest.raises(ContextPlanError, match="cannot even say what is missing"):
        ContextPlan(sources=(source,), max_tokens=5)
    with pytest.raises(ContextPlanError, match="up to 5 minutes"):
        ContextPlan(sources=(FromActivity(name="a", activity="a", deadline=timedelta(0)),))
    with pytest.raises(ValueError, match="a context is made of queries that only read"):
        FromOperation(name="take", contract=Pantry, operation=Pantry.take, ask=lambda _: Shelf(name="x"))


def test_another_source_is_another_agent() -> None:
    def agent(plan: ContextPlan) -> Agent[Any]:
        return Agent(name="cook", instructions="You cook.", context=plan)

    other = ContextPlan(sources=PLAN.sources[:2], keep=PLAN.keep)

    assert "context.sources" in differing(fingerprint(agent(PLAN)), fingerprint(agent(other)))
    assert differing(fingerprint(agent(PLAN)), fingerprint(agent(PLAN))) == ()
    assert fingerprint(COOK).fields["briefs"]
