"""An agent whose budget is used up may ask a person for more: so much, so often, and only of what there is."""

import pytest

from callboard_kit import mesh
from callboard_kit.approvals.asking import Decision, Questions, asking_by
from callboard_kit.approvals.policies import Judgement
from callboard_kit.approvals.terms import Proposal
from callboard_kit.budgets.granting import AskForMore, Granting
from callboard_kit.budgets.sharing import Amount, Purse
from callboard_kit.tokens import Call

ROOT = Call(root="r", team="orders")
BELOW = Call(root="r", team="orders", caller="support", chain=("t",))
MORE = AskForMore(tokens=100, cost_usd=1, times=2)


class ScriptedQuestions(Questions):
    """Answers as it is told, and remembers what it was asked."""

    def __init__(self, *answers: bool) -> None:
        super().__init__()
        self._answers = list(answers)
        self.asked: list[tuple[Proposal, Judgement]] = []

    async def ask(self, proposal: Proposal, judgement: Judgement, *, own_rule: bool = False) -> Decision:
        self.asked.append((proposal, judgement))
        return Decision(allowed=self._answers.pop(0))


async def ask(call: Call, own: Purse, run: Purse, *answers: bool, more: AskForMore | None = MORE) -> list[bool]:
    granting = Granting(more, agent="planner", own=own, run=run)
    questions = ScriptedQuestions(*answers)
    with mesh.working_on(call), asking_by(questions):
        got = [await granting.ask("max_tokens", "I was about to…") for _ in range(3)]
    assert len(questions.asked) <= MORE.times
    return got


async def test_a_yes_at_the_root_is_more_than_the_tree_had_and_only_so_often():
    run = Purse(Amount(tokens=10))
    own = Purse(Amount(tokens=10), above=run)
    run.spend(Amount(tokens=0))
    own.spend(Amount(tokens=10))

    assert await ask(ROOT, own, run, True, True) == [True, True, False]
    assert (own.free.tokens, run.free.tokens) == (200, 200)


async def test_a_no_gives_nothing():
    run = Purse(Amount())

    assert await ask(ROOT, Purse(Amount(), above=run), run, False, False) == [False, False, False]
    assert run.free == Amount()


@pytest.mark.parametrize(("left", "granted"), [(1_000, [True, True, False]), (99, [False, False, False])])
async def test_below_the_root_nobody_gets_more_than_their_caller_let_them_have(left, granted):
    run = Purse(Amount(tokens=left, nanos=10**10))
    own = Purse(Amount(), above=run)

    assert await ask(BELOW, own, run, True, True) == granted
    assert run.free.tokens == left


async def test_an_agent_that_may_not_ask_does_not():
    assert await ask(ROOT, Purse(Amount()), Purse(Amount()), more=None) == [False, False, False]


async def test_the_question_says_what_was_spent_and_what_is_wanted():
    run = Purse(Amount(tokens=10))
    own = Purse(Amount(tokens=10), above=run)
    own.spend(Amount(tokens=10))
    questions = ScriptedQuestions(True)
    with mesh.working_on(ROOT), asking_by(questions):
        await Granting(MORE, agent="planner", own=own, run=run).ask("max_tokens", "Nearly done.")

    [(proposal, judgement)] = questions.asked
    assert proposal.arguments == {"tokens": 100, "cost_usd": 1.0, "spent_tokens": 10, "spent_cost_usd": 0.0}
    assert (proposal.name, proposal.words) == ("local.spend_more", "Nearly done.")
    assert judgement.reason == "the agent has used up its budget of tokens; time 1 of 2 that it may ask"
