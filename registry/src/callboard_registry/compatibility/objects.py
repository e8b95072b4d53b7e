"""Finding an object with members as wanted; or proving that there is none."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import Final

from callboard_registry.compatibility.formats import matches
from callboard_registry.compatibility.holding import every, holds
from callboard_registry.compatibility.nodes import (
    ALWAYS,
    NEVER,
    Has,
    Matches,
    MatchingAre,
    MemberIs,
    MinMembers,
    NamesAre,
    Neg,
    Node,
    Opaque,
    OthersAre,
    Store,
    Types,
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

_MOST_PATTERNS: Final = 6
_MOST_MEMBERS: Final = 1000


@dataclass(frozen=True)
class Demand:
    """Some member, of those in the scope, has to fulfil a condition; or some name has to."""

    scope: MatchingAre | OthersAre | NamesAre
    part: Node

    def covers(self, name: str) -> bool:
        """Tell whether a member of this name is in the scope."""
        match self.scope:
            case MatchingAre():
                return matches(self.scope.pattern, name)
            case OthersAre():
                return name not in self.scope.names and not _matches_any(self.scope.patterns, name)
            case NamesAre():
                return holds(self.scope.part, name) is not True


@dataclass
class Wanted:
    """What an object has to fulfil, sorted by what it is about."""

    needed: dict[str, None] = field(default_factory=dict)
    barred: set[str] = field(default_factory=set)
    members: dict[str, list[Node]] = field(default_factory=dict)
    matching: list[MatchingAre] = field(default_factory=list)
    others: list[OthersAre] = field(default_factory=list)
    names: list[Node] = field(default_factory=list)
    demands: list[Demand] = field(default_factory=list)
    low: int = 0
    high: int | None = None

    def mentioned(self) -> dict[str, None]:
        """Return every name that something is said about."""
        found = {**self.needed, **dict.fromkeys(self.members), **dict.fromkeys(sorted(self.barred))}
        for other in self.others:
            found.update(dict.fromkeys(sorted(other.names)))
        for demand in self.demands:
            if isinstance(demand.scope, OthersAre):
                found.update(dict.fromkeys(sorted(demand.scope.names)))
        return found

    def patterns(self) -> list[str]:
        """Return every pattern that names are held against."""
        found = dict.fromkeys(each.pattern for each in self.matching)
        for other in self.others:
            found.update(dict.fromkeys(sorted(other.patterns)))
        for demand in self.demands:
            if isinstance(demand.scope, MatchingAre):
                found[demand.scope.pattern] = None
            elif isinstance(demand.scope, OthersAre):
                found.update(dict.fromkeys(sorted(demand.scope.patterns)))
        return list(found)

    def of_member(self, name: str) -> frozenset[Node]:
        """Return what a member of this name has to fulfil, if it is there."""
        found = [each.part for each in self.matching if matches(each.pattern, name)]
        for other in self.others:
            if name not in other.names and not _matches_any(other.patterns, name):
                found.append(other.part)
        return frozenset([*self.members.get(name, ()), *found])

    def allows_name(self, name: str) -> bool | None:
        """Tell whether a member may have this name."""
        return False if name in self.barred else every(holds(condition, name) for condition in self.names)


def _matches_any(patterns: Iterable[str], name: str) -> bool:
    return any(matches(pattern, name) for pattern in patterns)


@dataclass(frozen=True)
class _Fresh:
    """A member whose name nothing mentions: what its name and its value have to fulfil."""

    name: frozenset[Node]
    value: frozenset[Node]


class Objects:
    """Finds objects."""

    def __init__(self, store: Store, search: Search, spend: Callable[[], None]) -> None:
        self._store: Final = store
        self._search: Final = search
        self._spend: Final = spend

    def wanted(self, conditions: Iterable[Node]) -> Wanted:
        """Sort what is to be fulfilled."""
        wanted = Wanted()
        for condition in conditions:
            self._sort(condition, wanted)
        return wanted

    def _sort(self, condition: Node, wanted: Wanted) -> None:
        negation = self._store.negation
        match condition:
            case Has():
                wanted.needed[condition.name] = None
            case Neg(Has() as opposite):
                wanted.barred.add(opposite.name)
            case MemberIs():
                wanted.members.setdefault(condition.name, []).append(condition.part)
            case Neg(MemberIs() as opposite):
                wanted.needed[opposite.name] = None
                wanted.members.setdefault(opposite.name, []).append(negation(opposite.part))
            case MatchingAre():
                wanted.matching.append(condition)
            case OthersAre():
                wanted.others.append(condition)
            case NamesAre():
                wanted.names.append(condition.part)
            case Neg(MatchingAre() | OthersAre() as opposite):
                wanted.demands.append(Demand(opposite, negation(opposite.part)))
            case Neg(NamesAre() as opposite):
                wanted.demands.append(Demand(opposite, ALWAYS))
            case MinMembers():
                wanted.low = max(wanted.low, condition.count)
            case Neg(MinMembers() as opposite):
                high = opposite.count - 1
                wanted.high = high if wanted.high is None else min(wanted.high, high)
            case Opaque() | Neg(Opaque()):
                pass  # Nothing is known about it; whoever takes the object that is found looks again.
            case _:
                raise AssertionError(f"not a condition on objects: {condition}")

    def conflict(self, wanted: Wanted, condition: Node) -> Outcome | None:
        """Return a proof that the condition cannot be added, if one is at hand; it looks at one member only."""
        negation = self._store.negation
        match condition:
            case Has():
                return self._member(wanted, condition.name, frozenset())
            case Neg(Has() as opposite):
                needed = opposite.name in wanted.needed
                return closed("a required member cannot be missing", repr(opposite.name)) if needed else None
            case MemberIs():
                if condition.name in wanted.needed:
                    return self._member(wanted, condition.name, frozenset({condition.part}))
                return None
            case Neg(MemberIs() as opposite):
                return self._member(wanted, opposite.name, frozenset({negation(opposite.part)}))
            case Neg(MatchingAre() | OthersAre() | NamesAre()) | MinMembers() | Neg(MinMembers()):
                alone = replace(wanted, demands=[], needed=dict(wanted.needed), names=list(wanted.names))
                self._sort(condition, alone)
                return _Placing(self._store, self._search, self._spend, alone).find(checked=frozenset(wanted.needed))
            case _:
                return None

    def _member(self, wanted: Wanted, name: str, parts: frozenset[Node]) -> Outcome:
        if wanted.allows_name(name) is False:
            return closed("a member is not allowed", repr(name))
        return self._search(wanted.of_member(name) | parts, f".{name}")

    def find(self, wanted: Wanted) -> Outcome:
        """Look for an object that fulfils all that is wanted."""
        return _Placing(self._store, self._search, self._spend, wanted).find()


class _Placing:
    """Gives each demand a member, and then finds the members."""

    def __init__(self, store: Store, search: Search, spend: Callable[[], None], wanted: Wanted) -> None:
        self._store = store
        self._search = search
        self._spend = spend
        self._wanted = wanted
        self._string = store.make(Types, frozenset({"string"}))
        self._mentioned = wanted.mentioned()
        self._patterns = wanted.patterns()
        self._values: dict[str, object] = {}
        self._misses = Misses()

    def find(self, checked: frozenset[str] = frozenset()) -> Outcome:
        """Look for an object; members that were `checked` are known to be possible and are not looked at again."""
        wanted = self._wanted
        if wanted.high is not None and max(wanted.low, len(wanted.needed)) > wanted.high:
            return closed("more members are needed than allowed", f"at most {wanted.high}")
        for name in wanted.needed:
            if name in checked:
                self._values[name] = None
                continue
            if wanted.allows_name(name) is False:
                return closed("a required member is not allowed", repr(name))
            outcome = self._search(wanted.of_member(name), f".{name}")
            if isinstance(outcome, Closed):
                return closed("a required member cannot be", repr(name), [outcome.step])
            if isinstance(outcome, Undecided):
                self._misses.add(outcome)
            else:
                self._values[name] = outcome.value
        placed = self._place(0, {}, [])
        if isinstance(placed, Closed) or not self._misses.reasons:
            return placed
        if isinstance(placed, Undecided):
            self._misses.add(placed)
        return self._misses.outcome("")

    def _place(self, number: int, named: dict[str, frozenset[Node]], fresh: list[_Fresh]) -> Outcome:
        self._spend()
        if number == len(self._wanted.demands):
            return self._fill(named, fresh)
        demand = self._wanted.demands[number]
        misses = Misses()
        for name in self._mentioned:
            if demand.covers(name) and self._wanted.allows_name(name) is not False:
                state = named.get(name, self._wanted.of_member(name)) | {demand.part}
                outcome = self._search(state, f".{name}")
                if isinstance(outcome, Found):
                    outcome = self._place(number + 1, {**named, name: state}, fresh)
                if isinstance(outcome, Found):
                    return outcome
                misses.add(outcome)
        for at, other in enumerate(fresh):
            # Two demands may be met by one member.
            both = self._joined(other, demand)
            if both is not None:
                outcome = self._place(number + 1, named, [*fresh[:at], both, *fresh[at + 1 :]])
                if isinstance(outcome, Found):
                    return outcome
                misses.add(outcome)
        for cell in self._cells(demand, misses):
            outcome = self._possible(cell)
            if isinstance(outcome, Found):
                outcome = self._place(number + 1, named, [*fresh, cell])
            if isinstance(outcome, Found):
                return outcome
            misses.add(outcome)
        return misses.outcome("no member can be what the object has to have")

    def _possible(self, cell: _Fresh) -> Outcome:
        if NEVER in cell.value:
            return closed("no other members are allowed")
        outcome = self._search(cell.name, ".<name>")
        return self._search(cell.value, ".*") if isinstance(outcome, Found) else outcome

    def _joined(self, cell: _Fresh, demand: Demand) -> _Fresh | None:
        scope = demand.scope
        if isinstance(scope, NamesAre):
            return _Fresh(cell.name | {self._store.negation(scope.part)}, cell.value)
        positive = {node.pattern for node in cell.name if isinstance(node, Matches)}
        covered = scope.pattern in positive if isinstance(scope, MatchingAre) else positive.isdisjoint(scope.patterns)
        return _Fresh(cell.name, cell.value | {demand.part}) if covered else None

    def _cells(self, demand: Demand | None, misses: Misses) -> Iterator[_Fresh]:
        """Yield the kinds of members that nothing mentions, in which a demand can be met: one for each set of patterns.

        Without a demand, all kinds.
        """
        if len(self._patterns) > _MOST_PATTERNS:
            misses.not_tried(f"more than {_MOST_PATTERNS} patterns for the names of members")
            return
        unmentioned = self._store.negation(self._store.values(self._mentioned))
        start = frozenset([self._string, unmentioned, *self._wanted.names]) - {ALWAYS}
        value: frozenset[Node] = frozenset() if demand is None else frozenset({demand.part})
        scope = None if demand is None else demand.scope
        if isinstance(scope, NamesAre):
            start |= {self._store.negation(scope.part)}
        for positive, name in self._combinations(start, 0, frozenset()):
            if isinstance(scope, MatchingAre) and scope.pattern not in positive:
                continue
            if isinstance(scope, OthersAre) and not positive.isdisjoint(scope.patterns):
                continue
            parts = [each.part for each in self._wanted.matching if each.pattern in positive]
            parts += [each.part for each in self._wanted.others if positive.isdisjoint(each.patterns)]
            yield _Fresh(name, value | frozenset(parts))

    def _combinations(
        self, name: frozenset[Node], at: int, positive: frozenset[str]
    ) -> Iterator[tuple[frozenset[str], frozenset[Node]]]:
        if at == len(self._patterns):
            yield positive, name
            return
        pattern = self._patterns[at]
        condition = self._store.make(Matches, pattern)
        yield from self._combinations(name | {self._store.negation(condition)}, at + 1, positive)
        yield from self._combinations(name | {condition}, at + 1, positive | {pattern})

    def _fill(self, named: dict[str, frozenset[Node]], fresh: list[_Fresh]) -> Outcome:
        """Make the object, with more members than are asked for if there have to be so many."""
        wanted = self._wanted
        count = len({*wanted.needed, *named}) + len(fresh)
        if wanted.high is not None and count > wanted.high:
            return closed("more members are needed than allowed", f"at most {wanted.high}")
        if wanted.low > _MOST_MEMBERS:
            return undecided(f"an object of {wanted.low} members is too large to look for")
        members = {name: self._values.get(name) for name in wanted.needed}
        for name, state in named.items():
            outcome = self._search(state, f".{name}")
            if not isinstance(outcome, Found):
                return outcome
            members[name] = outcome.value
        for cell in fresh:
            outcome = self._add(cell, members)
            if isinstance(outcome, Closed) and len(fresh) > 1:
                # Perhaps the name was only taken by the other one, which could have had another.
                return undecided("no names were found for all members that have to be there")
            if not isinstance(outcome, Found):
                return outcome
        return self._enlarged(members) if len(members) < wanted.low else Found(members)

    def _add(self, cell: _Fresh, members: dict[str, object]) -> Outcome:
        """Add a member of a kind under a name that is not there yet."""
        used = self._store.negation(self._store.values(members)) if members else ALWAYS
        name = self._search(cell.name | {used} - {ALWAYS}, ".<name>")
        if not isinstance(name, Found):
            return name
        value = self._search(cell.value, f".{name.value}")
        if isinstance(value, Found):
            members[str(name.value)] = value.value
        return value

    def _enlarged(self, members: dict[str, object]) -> Outcome:
        misses = Misses()
        for name in self._mentioned:
            if len(members) >= self._wanted.low:
                break
            if name in members or self._wanted.allows_name(name) is False:
                continue
            outcome = self._search(self._wanted.of_member(name), f".{name}")
            if isinstance(outcome, Found):
                members[name] = outcome.value
            else:
                misses.add(outcome)
        for cell in self._cells(None, misses):
            while len(members) < self._wanted.low:
                outcome = self._possible(cell)
                if isinstance(outcome, Found):
                    outcome = self._add(cell, members)
                if not isinstance(outcome, Found):
                    misses.add(outcome)
                    break
        if len(members) >= self._wanted.low:
            return Found(members)
        return misses.outcome("there cannot be so many members", f"at least {self._wanted.low}")
