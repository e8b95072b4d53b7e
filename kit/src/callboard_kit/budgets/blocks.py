"""A worker's part of its team's budgets by day and month: taken from the registry in blocks, before models are asked.

A model call is paid from a block that the worker holds, at worst the dearest it can be; when it is over, what was not
spent is there for the next. In the background the worker says what it has spent, takes a new block before the old one
is used up, and gives back what it does not need. When the registry is away it goes on with what it holds, and then
refuses. Where there was no budget when the registry was last heard, it goes on without one.
"""

import asyncio
import json
import logging
import time
import uuid
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import Final, Protocol

from callboard_kit.budgets.sharing import NOTHING, Amount
from callboard_registry_api.budgets import Block, BlockUse, BlockWish, ModelUse
from callboard_registry_api.errors import RegistryError

logger: Final = logging.getLogger(__name__)

TICK: Final = 1.0
"""Seconds from one report of what models were asked to the next."""

LAST_WORD: Final = 2.0
"""Seconds that a worker that stops tries to give back what it holds."""

MARGIN: Final = 5.0
"""Seconds before its end from which a block is not spent any more: the registry's clock may be ahead."""

QUEUE_LENGTH: Final = 10_000
_LOW: Final = 4


class BudgetRegistry(Protocol):
    """What is asked of the registry."""

    async def use(
        self, worker: str, *, uses: Sequence[BlockUse] = (), wishes: Sequence[BlockWish] = ()
    ) -> Sequence[Block]:
        """Say what was spent, and take blocks."""
        ...

    async def report(self, uses: Sequence[ModelUse]) -> int:
        """Report what models were asked."""
        ...


class _Held:
    """A block that this worker holds, or has held."""

    def __init__(self, block: Block, now: float) -> None:
        self.id = block.block
        self.whole = Amount(block.tokens, block.cost)
        self.ends = now + block.lasts - MARGIN
        self.spent = NOTHING
        self.lent = NOTHING
        self.told = NOTHING
        self.over = False

    @property
    def left(self) -> Amount:
        return self.whole - self.spent - self.lent


class Bill:
    """What one model call may take. Settle it when the call is over, whatever came of it."""

    def __init__(self, held: _Held | None, given: Amount | None) -> None:
        self._held = held
        self.given = given
        """At most so much. None: nobody counts."""

    def settle(self, spent: Amount) -> None:
        """Say what it took."""
        if self._held is not None and self.given is not None:
            self._held.lent -= self.given
            self._held.spent += spent
            self._held = None


class Tab:
    """What one worker holds of its team's budgets. Run `keep` beside it.

    Args:
        registry: Who gives the blocks.
        every: How often the worker says what it has spent, and how long it believes that there is no budget.
        memory: A file that remembers for whom there was a budget, for a worker that starts when the registry is away.
        clock: Tells seconds, from any beginning.
    """

    def __init__(
        self,
        registry: BudgetRegistry,
        *,
        every: timedelta,
        memory: Path | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._registry = registry
        self._every = every.total_seconds()
        self._memory = memory
        self._clock = clock
        self._worker = uuid.uuid4().hex
        self._held: dict[str, _Held] = {}
        self._old: list[_Held] = []
        self._free_until: dict[str, float] = {}
        self._limited = _remembered(memory)
        self._turns: dict[str, asyncio.Lock] = {}
        self._uses: deque[ModelUse] = deque(maxlen=QUEUE_LENGTH)
        self._trouble = ""

    async def pay(self, caller: str, *, least: Amount, most: Amount) -> Bill | str:
        """Return a bill for a model call on behalf of `caller`, or which budget has too little left for it."""
        if self._free_until.get(caller, 0.0) > self._clock():
            return Bill(None, None)
        async with self._turns.setdefault(caller, asyncio.Lock()):
            if (bill := self._from_held(caller, least, most)) is not None:
                return bill
            if self._free_until.get(caller, 0.0) > self._clock():
                return Bill(None, None)
            short = ""
            for wanted in (most, least):
                try:
                    short = await self._take(caller, wanted)
                except RegistryError as error:
                    return self._without_registry(caller, error)
                if not short:
                    return self._from_held(caller, least, most) or Bill(None, None)
            return short

    def tell(self, use: ModelUse) -> None:
        """Take down what a model was asked, for the ledger."""
        self._uses.append(use)

    async def keep(self) -> None:
        """Report, and keep blocks at hand, until cancelled; then give everything back."""
        due = self._clock() + self._every
        try:
            while True:
                await asyncio.sleep(min(TICK, self._every))
                await self._report()
                if self._clock() >= due:
                    due = self._clock() + self._every
                    await self.refresh()
        finally:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._give_back(), LAST_WORD)

    async def refresh(self) -> None:
        """Say what was spent, and take new blocks where there is little left."""
        callers = [caller for caller, held in self._held.items() if self._is_low(held)]
        now = self._clock()
        # Whoever had no budget may have one by now.
        callers += [caller for caller, until in self._free_until.items() if until > now - self._every]
        await self._heard(self._exchange(callers))

    async def _take(self, caller: str, wanted: Amount) -> str:
        [block] = await self._registry.use(
            self._worker,
            uses=self._told(),
            wishes=[BlockWish(caller=caller, tokens=wanted.tokens, cost=wanted.nanos)],
        )
        self._arrived(block)
        return block.short_of

    async def _exchange(self, callers: Sequence[str]) -> None:
        uses = self._told()
        if not uses and not callers:
            return
        wishes = [BlockWish(caller=caller) for caller in callers]
        for block in await self._registry.use(self._worker, uses=uses, wishes=wishes):
            self._arrived(block)
        # What was told in vain is told again, since it is told in all; what is over and told need not be kept.
        self._old = [held for held in self._old if not held.over]

    async def _heard(self, exchange: Awaitable[None]) -> None:
        try:
            await exchange
        except RegistryError as error:
            if not self._trouble:
                logger.warning("budgets cannot be taken, this worker goes on with what it holds: %s", error)
            self._trouble = str(error)
        else:
            self._trouble = ""

    async def _report(self) -> None:
        batch = list(self._uses)
        if not batch:
            return
        try:
            await self._registry.report(batch)
        except RegistryError as error:
            # They stay, as many as there is room for; what is lost is found in the histories.
            logger.debug("%d uses of models wait to be reported: %s", len(batch), error)
            return
        for _ in batch:
            self._uses.popleft()

    async def _give_back(self) -> None:
        self._old += self._held.values()
        self._held = {}
        await self._report()
        await self._heard(self._exchange(()))

    def _told(self) -> list[BlockUse]:
        """Return what is to be said of blocks: what was spent since, and which are over."""
        uses: list[BlockUse] = []
        for held in (*self._held.values(), *self._old):
            held.over = held in self._old and held.lent == NOTHING
            if held.spent != held.told or held.over:
                uses.append(BlockUse(block=held.id, tokens=held.spent.tokens, cost=held.spent.nanos, closed=held.over))
                held.told = held.spent
        return uses

    def _arrived(self, block: Block) -> None:
        self._remember(block.caller, limited=block.limited)
        if not block.limited:
            self._free_until[block.caller] = self._clock() + self._every
            return
        self._free_until.pop(block.caller, None)
        if not block.block:
            return
        if (before := self._held.get(block.caller)) is not None:
            self._old.append(before)
        self._held[block.caller] = _Held(block, self._clock())

    def _from_held(self, caller: str, least: Amount, most: Amount) -> Bill | None:
        held = self._held.get(caller)
        if held is None or self._clock() >= held.ends:
            return None
        left = held.left
        if left.tokens < least.tokens or left.nanos < least.nanos:
            return None
        given = most.least(left)
        held.lent += given
        return Bill(held, given)

    def _without_registry(self, caller: str, error: RegistryError) -> Bill | str:
        if caller in self._limited:
            return (
                f"the registry cannot be asked for more of the team's budget ({error}), and what this worker holds "
                "of it is used up"
            )
        return Bill(None, None)

    def _is_low(self, held: _Held) -> bool:
        whole, left = held.whole, held.left
        low = left.tokens < whole.tokens // _LOW or left.nanos < whole.nanos // _LOW
        return low or self._clock() >= held.ends - 2 * self._every

    def _remember(self, caller: str, *, limited: bool) -> None:
        if limited == (caller in self._limited):
            return
        (self._limited.add if limited else self._limited.discard)(caller)
        if self._memory is not None:
            with suppress(OSError):
                self._memory.parent.mkdir(parents=True, exist_ok=True)
                self._memory.write_text(json.dumps(sorted(self._limited)), encoding="utf-8")


def _remembered(memory: Path | None) -> set[str]:
    if memory is None:
        return set()
    try:
        known: object = json.loads(memory.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return set()
    return {str(each) for each in known} if isinstance(known, list) else set()  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType] - of a file that anybody may write
