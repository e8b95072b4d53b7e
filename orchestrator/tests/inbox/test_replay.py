"""Today's workflows still go on with runs that asked, waited and were answered."""

from pathlib import Path

from depot import Assist, MoveMoney, Work
from depot_contracts import Bank, Office

from callboard_kit.approvals import Terms
from callboard_kit.replaying import Gate as ReplayGate
from callboard_kit.testing import calling
from callboard_kit.testing.replay import assert_replays
from callboard_orchestrator.inbox.workflows import Gate

HERE = Path(__file__).parent


async def test_gates_that_were_recorded_still_go_on():
    await assert_replays(HERE / "histories", team="inbox", workflows=[Gate])


async def test_a_run_that_asked_remembered_and_was_released_is_replayed_as_it_went(depot):
    two = [calling("send", {"name": "vase"}), calling("send", {"name": "lamp"})]
    async with depot.worker(two, [calling("send", {"name": "rug"})], "All sent."):
        handle = await depot.start(root="replay-remember")
        first, _ = await depot.asked("replay-remember", count=2)
        await depot.inbox.answer(first.gate, depot.credential("ada"), approve=True, remember=True)
        await handle.result()

    judged = await ReplayGate("depot", [Work], contracts=[Office]).judge(await handle.fetch_history())

    assert (judged.verdict, judged.why) == ("same", ())


async def test_a_run_whose_question_expired_is_replayed_as_it_went(depot):
    async with depot.worker([calling("send", {"name": "vase"})], "Well."):
        handle = await depot.start(terms=Terms.model_validate({"patience": 1}))
        await handle.result()

    judged = await ReplayGate("depot", [Work], contracts=[Office]).judge(await handle.fetch_history())

    assert (judged.verdict, judged.why) == ("same", ())


async def test_an_operation_whose_policy_asked_is_replayed_as_it_went(depot, teams):
    from test_demanded import DELEGATE, policy, refunding

    async with depot.worker(DELEGATE, "Done."), teams(refunding(7), "Given back.", bank=policy()):
        handle = await depot.start(root="replay-demanded", policy="automatic")
        [asked] = await depot.asked("replay-demanded")
        await depot.inbox.answer(asked.gate, depot.credential("grace", "finance"), approve=True)
        await handle.result()
        found = {}
        for team in ("bank", "office"):
            client = await depot.mesh.bare_client(team)
            async for run in client.list_workflows("CallboardRoot = 'replay-demanded'"):
                found[run.workflow_type] = await client.get_workflow_handle(run.id).fetch_history()

    bank = await ReplayGate("bank", [MoveMoney], contracts=[Bank]).judge(found["MoveMoney"])
    office = await ReplayGate("office", [Assist], contracts=[Office, Bank]).judge(found["Assist"])
    assert (bank.verdict, office.verdict) == ("same", "same")
