"""Finding an array with items as wanted; or proving that there is none."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Final

from callboard_registry.compatibility.holding import holds
from callboard_registry.compatibility.nodes import (
    Contains,
    ItemIs,
    ItemsFrom,
    MinItems,
    Neg,
    Node,
    Opaque,
    Store,
    Unique,
)
from callboard_registry.compatibility.outcomes import (
    Closed,
    Found,
    Misses,
    Outcome,
    Search,
    Undecided,
    closed,
    undecided,
)

_LONGEST: Final = 1000
"""Arrays that must be longer are not written out."""


@dataclass(frozen=True)
class _Demand:
    """Some item from an index on has to fulfil a condition; demands of one group take different items."""

    start: int
    part: Node
    group: object


@dataclass
class _Wanted:
    low: int = 0
    high: int | None = None
    at: dict[int, list[Node]] = field(default_factory=dict)
    from_: list[ItemsFrom] = field(default_factory=list)
    demands: list[_Demand] = field(default_factory=list)
    limits: list[Contains] = field(default_factory=list)
    unique: bool = False
    repeated: bool = False

    def known(self) -> int:
        """How many items differ from those after them in what is said about them."""
        ends = [0, *(index + 1 for index in self.at), *(each.index for each in self.from_)]
        return max(*ends, *(demand.start for demand in self.demands)) if self.demands else max(ends)

    def at_index(self, index: int) -> frozenset[Node]:
        """Return what an item has to fulfil, if the array is long enough to have it."""
        return frozenset([*self.at.get(index, ()), *(each.part for each in self.from_ if each.index <= index)])


@dataclass(frozen=True)
class _Tools:
    store: Store
    search: Search
    spend: Callable[[], None]


class Arrays:
    """Finds arrays."""

    def __init__(self, store: Store, search: Search, spend: Callable[[], None]) -> None:
        self._store: Final = store
        self._tools: Final = _Tools(store, search, spend)

    def find(self, conditions: Iterable[Node]) -> Outcome:
        """Look for an array that fulfils all conditions."""
        wanted = self._wanted(conditions)
        if wanted.high is not None and wanted.low > wanted.high:
            return closed("no array of such a length", f"at least {wanted.low}, at most {wanted.high}")
        if not wanted.repeated:
            return _Placing(self._tools, wanted).find()
        return self._repeated(wanted)

    def _wanted(self, conditions: Iterable[Node]) -> _Wanted:
        wanted = _Wanted()
        for condition in conditions:
            match condition:
                case MinItems():
                    wanted.low = max(wanted.low, condition.count)
                case Neg(MinItems() as opposite):
                    high = opposite.count - 1
                    wanted.high = high if wanted.high is None else min(wanted.high, high)
                case ItemIs():
                    wanted.at.setdefault(condition.index, []).append(condition.part)
                case Neg(ItemIs() as opposite):
                    wanted.low = max(wanted.low, opposite.index + 1)
                    wanted.at.setdefault(opposite.index, []).append(self._store.negation(opposite.part))
                case ItemsFrom():
                    wanted.from_.append(condition)
                case Neg(ItemsFrom() as opposite):
                    wanted.demands.append(_Demand(opposite.index, self._store.negation(opposite.part), opposite))
                case Contains():
                    wanted.demands += [_Demand(0, condition.part, condition)] * condition.count
                case Neg(Contains(count=1) as opposite):
                    wanted.from_.append(self._store.make(ItemsFrom, 0, self._store.negation(opposite.part)))
                case Neg(Contains() as opposite):
                    wanted.limits.append(opposite)
                case Unique():
                    wanted.unique = True
                case Neg(Unique()):
                    wanted.repeated = True
                case Opaque() | Neg(Opaque()):
                    pass  # Nothing is known about it; whoever takes the array that is found looks again.
                case _:
                    raise AssertionError(f"not a condition on arrays: {condition}")
        return wanted

    def _repeated(self, wanted: _Wanted) -> Outcome:
        """Look for an array in which two items are the same, for each pair of places that these may have."""
        if wanted.unique:
            return closed("items that are all different and not", "uniqueItems")
        known, misses = wanted.known(), Misses()
        for second in range(1, known + 2):
            for first in range(second):
                both = [*wanted.at_index(first), *wanted.at_index(second)]
                pair = _Wanted(
                    low=max(wanted.low, second + 1),
                    high=wanted.high,
                    at={**wanted.at, first: both, second: both},
                    from_=wanted.from_,
                    demands=wanted.demands,
                    limits=wanted.limits,
                )
                if pair.high is not None and pair.low > pair.high:
                    misses.add(closed("the array is too short for two items", f"at most {pair.high}"))
                    continue
                outcome = _Placing(self._tools, pair, same=(first, second)).find()
                if isinstance(outcome, Found):
                    return outcome
                misses.add(outcome)
        return misses.outcome("no two items can be the same")


class _Placing:
    """Gives each demand an item, and then finds the items."""

    def __init__(self, tools: "_Tools", wanted: _Wanted, same: tuple[int, int] | None = None) -> None:
        self._tools = tools
        self._wanted = wanted
        self._same = same
        self._known = wanted.known()

    def find(self) -> Outcome:
        if self._wanted.low > _LONGEST or len(self._wanted.demands) > _LONGEST:
            return undecided(f"an array of {self._wanted.low} items is too long to look for")
        return self._place(0, {})

    def _place(self, number: int, placed: dict[int, list[_Demand]]) -> Outcome:
        self._tools.spend()
        if number == len(self._wanted.demands):
            return self._fill(placed)
        demand = self._wanted.demands[number]
        misses = Misses()
        after = max([self._known - 1, *placed]) + 1
        for index in range(demand.start, max(after, demand.start) + 1):
            there = placed.get(index, [])
            if any(other.group is demand.group for other in there):
                continue
            if self._wanted.high is not None and index >= self._wanted.high:
                misses.add(closed("the array is too short", f"at most {self._wanted.high} items"))
                break
            if self._same is not None and index in self._same:
                misses.not_tried("an item that has to equal another one was not tried")
                continue
            state = self._state(index, [*there, demand])
            outcome = self._tools.search(state, f"[{index}]")
            if isinstance(outcome, Found):
                outcome = self._place(number + 1, {**placed, index: [*there, demand]})
            if isinstance(outcome, Found):
                return outcome
            misses.add(outcome)
        return misses.outcome("no item can be what the array has to contain")

    def _state(self, index: int, demands: list[_Demand]) -> frozenset[Node]:
        return self._wanted.at_index(index) | {demand.part for demand in demands}

    def _fill(self, placed: dict[int, list[_Demand]]) -> Outcome:
        length = max(self._wanted.low, *(index + 1 for index in placed), 0)
        if self._wanted.high is not None and length > self._wanted.high:
            return closed("the array is too short", f"at most {self._wanted.high} items")
        states = [self._state(index, placed.get(index, [])) for index in range(length)]
        if self._wanted.unique:
            return self._distinct(states)
        items: list[object] = []
        misses = Misses()
        for index, state in enumerate(states):
            outcome = self._item(index, state, free=index not in placed)
            if isinstance(outcome, Closed):
                # The array has to be long enough for this item, and nothing can be there.
                return closed("an item that has to be there cannot be", f"[{index}]", [outcome.step])
            if isinstance(outcome, Undecided):
                misses.add(outcome)
            else:
                items.append(outcome.value)
        if misses.reasons:
            return misses.outcome("")
        if self._same is not None:
            items[self._same[1]] = items[self._same[0]]
        return self._within_limits(items, states)

    def _item(self, index: int, state: frozenset[Node], *, free: bool) -> Outcome:
        search = self._tools.search
        negation = self._tools.store.negation
        if free and self._wanted.limits:
            outcome = search(state | {negation(limit.part) for limit in self._wanted.limits}, f"[{index}]")
            if isinstance(outcome, Found):
                return outcome
        return search(state, f"[{index}]")

    def _within_limits(self, items: list[object], states: list[frozenset[Node]]) -> Outcome:
        for limit in self._wanted.limits:
            if sum(holds(limit.part, item) is not False for item in items) < limit.count:
                continue
            # There are too many. Perhaps there have to be: count the items that cannot be anything else.
            otherwise = self._tools.store.negation(limit.part)
            proofs = [self._tools.search(state | {otherwise}, f"[{at}]") for at, state in enumerate(states)]
            forced = [proof.step for proof in proofs if isinstance(proof, Closed)]
            if len(forced) >= limit.count:
                return closed("the array contains too many of something", limit, forced)
            return undecided("no array was found that contains few enough of something")
        return Found(items)

    def _distinct(self, states: list[frozenset[Node]]) -> Outcome:
        """Find an item for each state, all different: in this order, or else beginning at the end."""
        order = list(range(len(states)))
        outcome = self._distinct_in(order, states)
        return self._distinct_in(order[::-1], states) if isinstance(outcome, Undecided) else outcome

    def _distinct_in(self, order: list[int], states: list[frozenset[Node]]) -> Outcome:
        items: dict[int, object] = {}
        store, search = self._tools.store, self._tools.search
        for index in order:
            others = [store.negation(store.values(items.values()))] if items else []
            outcome = search(states[index] | frozenset(others), f"[{index}]")
            if isinstance(outcome, Undecided):
                return outcome
            if isinstance(outcome, Closed):
                if any(
                    states[other] != states[index] and not self._forced(states[other], items[other]) for other in items
                ):
                    # Another choice for the items before might have left something.
                    return undecided("no array of different items was found")
                return closed("there are not so many different items", f"{len(items) + 1}", [outcome.step])
            items[index] = outcome.value
        return self._within_limits([items[index] for index in range(len(states))], states)

    def _forced(self, state: frozenset[Node], value: object) -> bool:
        """Tell whether an item can be nothing but this value."""
        other = self._tools.store.negation(self._tools.store.values([value]))
        return isinstance(self._tools.search(state | {other}, "[]"), Closed)
