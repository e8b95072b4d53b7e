"""An agent that runs in a workflow, for tests of drift."""

from dataclasses import replace

from temporalio import activity, workflow

from callboard_contracts import Message

with workflow.unsafe.imports_passed_through():
    from callboard_kit.agent import ActivityTool, Agent
    from callboard_kit.approvals import Automatic, ByFunction, Judgement, Proposal


class Errand(Message):
    what: str


@activity.defn
async def fetch(errand: Errand) -> str:
    return f"a {errand.what}"


FETCH = ActivityTool(name="fetch", description="Fetch something.", activity=fetch, input_type=Errand, effect="read")
PORTER = Agent(name="porter", instructions="The code word is swordfish.", tools=[FETCH], approvals=Automatic())


class Whim:
    """Nobody can see what it was made with."""

    def __init__(self, word: str) -> None:
        self._word = word

    def judge(self, _: Proposal) -> Judgement:
        return Judgement("allow")


@workflow.defn
class CarryOnAWhim:
    """Runs an agent that is made for the request, and that has no fingerprint."""

    @workflow.run
    async def run(self, goal: str) -> str:
        return (await replace(PORTER, approvals=ByFunction("whim", Whim(goal).judge)).run(goal)).answer


@workflow.defn
class Carry:
    @workflow.run
    async def run(self, goal: str, later: bool = False) -> str:
        if later:
            workflow.continue_as_new(args=[goal, False])
        return (await PORTER.run(goal)).answer
