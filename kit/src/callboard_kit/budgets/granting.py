"""Asking a person for more when a budget is used up: so much at a time, so many times, and then no more."""

from typing import Annotated

from pydantic import ConfigDict, Field

from callboard_kit import mesh
from callboard_kit.approvals.asking import Questions
from callboard_kit.approvals.policies import Judgement
from callboard_kit.approvals.terms import Proposal, Terms
from callboard_kit.budgets.sharing import Amount, Purse, nanos
from callboard_kit.messages import KitMessage

OPERATION = "spend_more"
"""What a person is asked to agree to, as it stands in the inbox: `local spend_more`."""


class AskForMore(KitMessage):
    """What an agent whose budget is used up may ask for, instead of stopping with what it has."""

    model_config = ConfigDict(extra="forbid")

    tokens: Annotated[int, Field(ge=1)] = 100_000
    """How many more tokens one yes gives."""

    cost_usd: Annotated[float, Field(gt=0)] = 1.0
    """How many more US dollars."""

    times: Annotated[int, Field(ge=1, le=100)] = 1
    """How often it may be asked in one run."""

    terms: Terms = Terms()
    """Whom to ask, how long to wait, and what happens when nobody answers."""


class Granting:
    """Asks for one run of an agent."""

    def __init__(self, more: AskForMore | None, *, agent: str, own: Purse, run: Purse | None) -> None:
        self._more = more
        self._agent = agent
        self._own = own
        self._run = run
        self._asked = 0

    async def ask(self, short: str, words: str) -> bool:
        """Ask, and put in the purse what is granted.

        Only the run that its tree was started with can be given more than the tree had. Everybody else can get more
        of what their caller let them have, and is not asked about where nothing is left of that.
        """
        more = self._more
        call = mesh.maybe_current()
        if more is None or call is None or self._asked >= more.times:
            return False
        opens = call.depth == 0
        if not opens and self._run is not None and _little(short, self._run.free, more):
            return False
        self._asked += 1
        spent = self._own.spent
        proposal = Proposal(
            tool=OPERATION,
            service="local",
            operation=OPERATION,
            arguments={
                "tokens": more.tokens,
                "cost_usd": more.cost_usd,
                "spent_tokens": spent.tokens,
                "spent_cost_usd": spent.cost_usd,
            },
            effect="write",
            sensitive={},
            words=words,
            agent=self._agent,
        )
        what = "tokens" if short == "max_tokens" else "money"
        asked = f"the agent has used up its budget of {what}; time {self._asked} of {more.times} that it may ask"
        judgement = Judgement("ask", rule="budget-used-up", reason=asked, terms=more.terms)
        decision = await Questions.of_this_run().ask(proposal, judgement)
        if not decision.allowed:
            return False
        granted = Amount(more.tokens, nanos(more.cost_usd), 0)
        self._own.add(granted)
        if opens and self._run is not None:
            self._run.add(granted)
        return True


def _little(short: str, free: Amount, more: AskForMore) -> bool:
    """Tell whether the caller's own share has too little left to grant anything of."""
    if short == "max_tokens":
        return free.tokens < more.tokens
    return free.nanos < nanos(more.cost_usd)
