"""Who may set and take budgets. The database's part of it is in `keeping`."""

import re
from collections.abc import Sequence
from typing import Final, TypeVar

from google.protobuf.message import DecodeError

from callboard_registry.access import Proving
from callboard_registry.budgets.keeping import MOST, BudgetBook
from callboard_registry.changes import ADMINISTRATOR
from callboard_registry.database import Database
from callboard_registry.policies import StaleError
from callboard_registry.refusals import Refusal
from callboard_registry.threads import Threads
from callboard_registry_api.budgets import PERIODS, Block, BlockUse, BlockWish, Budget, Period
from callboard_registry_api.v1 import registry_pb2 as pb

MOST_AT_ONCE: Final = 500
LONGEST: Final = 200
Parsed = TypeVar("Parsed", pb.SetBudgetRequest, pb.BudgetUse)
_TEAM: Final = re.compile(r"[a-z][a-z0-9-]{0,62}")


class BudgetService:
    """Budgets of teams. Methods raise `Refusal` for what is not granted."""

    def __init__(self, database: Database, *, proving: Proving, threads: Threads) -> None:
        self._proving = proving
        self._threads = threads
        self._book = BudgetBook(database)

    async def set(self, request: pb.SetBudgetRequest, *, token: str | None) -> Budget | None:
        """Set a budget or take it away, for the administrator or the team that signed; None when it is away."""

        def checked() -> tuple[str, int | None, pb.SetBudgetRequest]:
            if not request.signed:
                self._proving.administrator(token, "SetBudget")
                return ADMINISTRATOR, None, request
            proof = self._proving.team(token, "SetBudget", request.signed)
            asked = _parsed(pb.SetBudgetRequest, request.signed)
            if asked.team != proof.team:
                raise Refusal("denied", "team", f"this is a budget of {asked.team!r}, but {proof.team!r} signed it")
            return proof.team, proof.signed_at, asked

        author, signed_at, asked = await self._threads.read(checked)
        period = _checked(asked)
        try:
            if asked.remove:
                await self._remove(asked, period, signed_at)
                return None
            return await self._threads.write(
                lambda: self._book.set(
                    asked.team,
                    asked.caller,
                    period,
                    tokens=asked.tokens if asked.HasField("tokens") else None,
                    cost=asked.cost if asked.HasField("cost") else None,
                    author=author,
                    signed_at=signed_at,
                )
            )
        except StaleError:
            raise Refusal(
                "conflict",
                "authorization",
                "token is not newer than the last change of this budget; sign the change again",
            ) from None

    async def _remove(self, asked: pb.SetBudgetRequest, period: Period, signed_at: int | None) -> None:
        def remove() -> bool:
            return self._book.remove(asked.team, asked.caller, period, signed_at=signed_at)

        if not await self._threads.write(remove):
            raise Refusal("not_found", "team", "there is no such budget; `callboard budgets list` shows them")

    async def list(self, team: str = "") -> Sequence[Budget]:
        """Return the budgets of one team, or of all."""
        return await self._threads.read(lambda: self._book.all(team))

    async def use(self, signed: bytes, *, token: str | None) -> Sequence[Block]:
        """Take down what the team that signed has spent of its blocks, and give it the blocks that it wishes for."""

        def checked() -> tuple[str, pb.BudgetUse]:
            return self._proving.team(token, "UseBudgets", signed).team, _parsed(pb.BudgetUse, signed)

        team, asked = await self._threads.read(checked)
        if len(asked.uses) + len(asked.wishes) > MOST_AT_ONCE:
            raise Refusal("invalid", "signed", f"at most {MOST_AT_ONCE} uses and wishes are taken at once")
        numbers = [number for each in (*asked.uses, *asked.wishes) for number in (each.tokens, each.cost)]
        if any(not 0 <= number <= MOST for number in numbers):
            raise Refusal("invalid", "signed", f"tokens and costs are numbers from 0 to {MOST}")
        if len(asked.request) > LONGEST:
            raise Refusal("invalid", "signed", f"the name of a request has at most {LONGEST} characters")
        if any(len(wish.caller) > LONGEST or "\x00" in wish.caller for wish in asked.wishes):
            raise Refusal("invalid", "signed", f"a caller has at most {LONGEST} characters, none of them NUL")
        uses = [BlockUse(block=u.block, tokens=u.tokens, cost=u.cost, closed=u.closed) for u in asked.uses]
        wishes = [BlockWish(caller=wish.caller, tokens=wish.tokens, cost=wish.cost) for wish in asked.wishes]
        worker, name = asked.worker[:LONGEST], asked.request
        return await self._threads.write(lambda: self._book.use(team, worker, uses, wishes, request=name))


def _checked(asked: pb.SetBudgetRequest) -> Period:
    for field in ("team", "caller"):
        name = getattr(asked, field)
        if not _TEAM.fullmatch(name) and (field == "team" or name):
            raise Refusal("invalid", field, f"{name!r} is no team; a team's name is a short lower-case noun")
    if asked.period not in PERIODS:
        raise Refusal("invalid", "period", f"{asked.period!r} is no period; use one of {', '.join(PERIODS)}")
    for field in ("tokens", "cost"):
        if asked.HasField(field) and not 0 <= getattr(asked, field) <= MOST:
            raise Refusal("invalid", field, f"{field} is a number from 0 to {MOST}")
    if not asked.remove and not asked.HasField("tokens") and not asked.HasField("cost"):
        raise Refusal("invalid", "tokens", "a budget says how many tokens, how much money, or both")
    return asked.period


def _parsed(kind: type[Parsed], signed: bytes) -> Parsed:
    try:
        return kind.FromString(signed)
    except DecodeError as error:
        raise Refusal("invalid", "signed", f"signed is no serialized {kind.DESCRIPTOR.name}") from error
