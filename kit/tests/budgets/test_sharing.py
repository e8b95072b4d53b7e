"""What a tree may spend is shared out: whatever happens at the same time, and in whatever order it ends."""

from typing import Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from callboard_contracts import Usage
from callboard_kit.budgets.sharing import NOTHING, Amount, Loan, Purse, nanos, one_of, share, tightened
from callboard_kit.limits import Limits

ALL: Final = Amount(tokens=1_000_000, nanos=100_000_000_000, calls=10_000)
AMOUNTS: Final = st.builds(Amount, st.integers(0, 2_000_000), st.integers(0, 200_000_000_000), st.integers(0, 20_000))


def parts(amount: Amount) -> tuple[int, int, int]:
    return amount.tokens, amount.nanos, amount.calls


class SharingOut(RuleBasedStateMachine):
    """A run, an agent in it, and everybody they call, each of whom calls others."""

    def __init__(self) -> None:
        super().__init__()
        self.root = Purse(ALL)
        self.purses = [self.root, Purse(Amount(700_000, 50_000_000_000, 5_000), above=self.root)]
        self.loans: list[tuple[Loan, Purse]] = []
        self.truly_spent = NOTHING

    @rule(who=st.integers(0, 50), agent=st.booleans(), equal=st.integers(0, 5))
    def call_somebody(self, who: int, agent: bool, equal: int) -> None:
        purse = self.purses[who % len(self.purses)]
        if equal:
            with one_of(equal):
                wanted = share(purse, agent=agent)
        else:
            wanted = share(purse, agent=agent)
        loan = purse.lend(wanted)
        limits = tightened(Limits(), loan.given)
        assert Amount.within(limits) == loan.given
        callee = Purse.within(limits)
        self.loans.append((loan, callee))
        self.purses.append(callee)

    @rule(who=st.integers(0, 50), most=AMOUNTS, used=st.fractions(0, 1))
    def ask_a_model(self, who: int, most: Amount, used: object) -> None:
        purse = self.purses[who % len(self.purses)]
        loan = purse.lend(most)
        spent = Amount(*(int(part * used) for part in parts(loan.given)))  # type: ignore[operator] - a fraction
        loan.settle(spent)
        self.truly_spent += spent

    @precondition(lambda self: self.loans)
    @rule(which=st.integers(0, 50), forfeits=st.booleans())
    def a_call_ends(self, which: int, forfeits: bool) -> None:
        loan, callee = self.loans.pop(which % len(self.loans))
        self.purses.remove(callee)
        # Whoever the callee itself called has nobody to tell any more, as in the mesh: nobody spends it here.
        if forfeits:
            self.truly_spent += loan.given - callee.spent
            loan.forfeit()
        else:
            loan.settle(callee.spent)
        self.loans = [each for each in self.loans if each[0]._purse is not callee]
        loan.settle(ALL)

    @invariant()
    def nobody_ever_spends_more_than_there_is(self) -> None:
        assert all(mine <= most for mine, most in zip(parts(self.root.spent), parts(ALL), strict=True))
        assert all(part >= 0 for purse in self.purses for part in parts(purse.free))

    @invariant()
    def nothing_is_free_twice(self) -> None:
        under_way = NOTHING
        for loan, _ in self.loans:
            if loan._purse in self.purses[:2]:
                under_way += loan.given
        assert self.root.free + self.root.spent + under_way == ALL


SharingOut.TestCase.settings = settings(max_examples=40, stateful_step_count=30, deadline=None)
TestSharingOut = SharingOut.TestCase


@given(st.lists(st.booleans(), max_size=40))
def test_calls_at_the_same_time_never_have_more_than_there_is_together(agents):
    purse = Purse(ALL)

    given_out = [purse.lend(share(purse, agent=agent)).given for agent in agents]

    together = sum(given_out, NOTHING)
    assert all(mine <= most for mine, most in zip(parts(together), parts(ALL), strict=True))


def test_calls_of_one_step_get_equal_parts():
    purse = Purse(Amount(tokens=900, nanos=90, calls=9))

    shares = []
    for left in (3, 2, 1):
        with one_of(left):
            shares.append(purse.lend(share(purse, agent=True)).given)

    assert shares == [Amount(300, 30, 3)] * 3


def test_what_was_not_spent_comes_back_and_only_once():
    purse = Purse(ALL)
    loan = purse.lend(Amount(tokens=1000))

    loan.settle(Amount(tokens=10))
    loan.settle(NOTHING)
    loan.forfeit()

    assert (purse.free.tokens, purse.spent.tokens) == (999_990, 10)


def test_more_than_was_lent_is_counted_and_leaves_nothing_below_zero():
    purse = Purse(Amount(tokens=100))

    purse.lend(Amount(tokens=50)).settle(Amount(tokens=150))

    assert (purse.free.tokens, purse.spent.tokens) == (0, 150)


def test_an_agent_s_own_purse_is_a_part_of_its_run_s():
    run = Purse(Amount(tokens=100))
    agent = Purse(Amount(tokens=1000), above=run)

    loan = agent.lend(Amount(tokens=80))

    assert (loan.given.tokens, run.free.tokens, agent.free.tokens) == (80, 20, 20)


@pytest.mark.parametrize("cost", [0.0, 0.1, 0.29, 1e-9, 19.99, 100.0])
def test_money_is_counted_to_the_thousand_millionth(cost):
    assert Amount.of(Usage(cost_usd=cost, model_calls=1)).cost_usd == pytest.approx(cost)
    assert Amount.within(tightened(Limits(), Amount(nanos=nanos(cost)))).nanos == nanos(cost)
