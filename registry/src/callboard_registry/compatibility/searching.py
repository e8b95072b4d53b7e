"""Looking for a value that fulfils several schemas at once; or proving that there is none.

A state is a set of conditions on one value. For each of the six kinds of values the conditions are reduced to what
they say about that kind; unions are taken apart, one branch after the other; what is left are single conditions, for
which `numbers`, `strings`, `arrays` and `objects` look for a value. Members and items are states of their own.

A state that is met again inside itself counts as closed there. That is sound because JSON is finite: of all values of
all states that were closed in this way take the smallest; its proof would need a smaller one.
"""

from collections.abc import Iterable, Sequence
from typing import Final

from callboard_registry.compatibility.arrays import Arrays
from callboard_registry.compatibility.holding import every, holds
from callboard_registry.compatibility.nodes import (
    ALWAYS,
    NEVER,
    All,
    Has,
    HasFormat,
    MemberIs,
    Neg,
    Node,
    Opaque,
    Some,
    Store,
    Types,
    Values,
)
from callboard_registry.compatibility.numbers import find_number
from callboard_registry.compatibility.objects import Objects, Wanted
from callboard_registry.compatibility.outcomes import (
    Closed,
    Found,
    Fuel,
    Misses,
    Outcome,
    OutOfBudgetError,
    Step,
    closed,
    undecided,
)
from callboard_registry.compatibility.projecting import Projector
from callboard_registry.compatibility.strings import Strings
from callboard_registry.compatibility.values import KINDS, Kind, shown

_DEEPEST: Final = 64
_STEPS_ASIDE: Final = 400
"""What may be spent on showing that two branches of a `oneOf` exclude each other."""


_Held = dict[Node, None]
"""Conditions that hold, in the order in which they were met."""


class Searcher:
    """Looks for values. Remembers what it has shown."""

    def __init__(self, store: Store, fuel: Fuel, *, aside: bool = False) -> None:
        self._store: Final = store
        self._fuel: Final = fuel
        self._aside: Final = aside
        self._projector: Final = Projector(store, self._exclusive)
        self._strings: Final = Strings(fuel.spend)
        self._arrays: Final = Arrays(store, self.search, fuel.spend)
        self._objects: Final = Objects(store, self.search, fuel.spend)
        self._known: Final[dict[frozenset[Node], Outcome]] = {}
        self._open: Final[dict[frozenset[Node], int]] = {}
        # What was closed only because an open state counted as closed, with the depth of the outermost such state;
        # in the order in which it was shown.
        self._assumed: Final[dict[frozenset[Node], tuple[Closed, int]]] = {}
        self._outermost: list[int] = []
        self._exclusions: Final[dict[tuple[Node, Node, Kind], bool]] = {}

    def search(self, state: frozenset[Node], place: str) -> Outcome:
        """Look for a value that fulfils all conditions of the state."""
        self._fuel.spend()
        known = self._known.get(state)
        if known is not None:
            return known
        if any(isinstance(node, Neg) and node.part in state for node in state):
            return closed("the same schema", place)
        assumed = self._assumed.get(state)
        if assumed is not None:
            self._rely_on(assumed[1])
            return assumed[0]
        opened = self._open.get(state)
        if opened is not None:
            self._rely_on(opened)
            return closed("met again inside itself", place)
        if len(self._open) >= _DEEPEST:
            return undecided(f"nested deeper than {_DEEPEST} levels")
        return self._look_into(state, place)

    def _rely_on(self, depth: int) -> None:
        if self._outermost and depth < self._outermost[-1]:
            self._outermost[-1] = depth

    def _look_into(self, state: frozenset[Node], place: str) -> Outcome:
        depth, before = len(self._open), len(self._assumed)
        self._open[state] = depth
        self._outermost.append(depth + 1)
        try:
            outcome = self._of_some_kind(state, place)
        finally:
            del self._open[state]
            outermost = self._outermost.pop()
        if outermost < depth:
            self._rely_on(outermost)
        if not isinstance(outcome, Closed):
            # Whatever was shown since then may have counted this state as closed, and it is not.
            self._take_assumed(before)
            if outermost >= depth or isinstance(outcome, Found):
                self._known[state] = outcome
        elif outermost >= depth:
            self._known.update(self._take_assumed(before))
            self._known[state] = outcome
        else:
            self._assumed[state] = (outcome, outermost)
        return outcome

    def _take_assumed(self, before: int) -> dict[frozenset[Node], Closed]:
        """Take out what was shown under assumptions since there were so many."""
        taken: dict[frozenset[Node], Closed] = {}
        while len(self._assumed) > before:
            state, (outcome, _) = self._assumed.popitem()
            taken[state] = outcome
        return taken

    def _of_some_kind(self, state: frozenset[Node], place: str) -> Outcome:
        misses = Misses()
        # Sets have no order of their own, and a verdict has to be the same each time.
        ordered = sorted(state, key=_serial)
        for kind in KINDS:
            conditions = [self._projector.project(node, kind) for node in ordered]
            if NEVER in conditions:
                continue
            outcome = self._decide(kind, conditions, {}, [])
            if isinstance(outcome, Found):
                return outcome
            if isinstance(outcome, Closed):
                misses.steps.append(Step(f"no {kind}", "", (outcome.step,)))
            else:
                misses.reasons += (reason.inside(place) for reason in outcome.reasons)
        return misses.outcome("nothing is possible", place)

    def _decide(self, kind: Kind, pending: Iterable[Node], held: _Held, unions: Sequence[Some]) -> Outcome:
        """Look for a value of the kind that fulfils single conditions and, of each union, one branch."""
        self._fuel.spend()
        left = list(unions)
        contradiction = self._absorb(pending, held, left)
        if contradiction is not None:
            return contradiction
        if kind in ("null", "boolean") or any(isinstance(node, Values) for node in held):
            return self._among_few(kind, held, left)
        if any(self._is_hopeless(union, held) for union in left):
            return closed("every branch contradicts what is held")
        wanted = self._objects.wanted(held) if kind == "object" else None
        at = 0
        steps: list[Step] = []
        while at < len(left):
            branches = self._branches_left(kind, held, wanted, left[at], steps)
            if branches is None:
                del left[at]
                continue
            if not branches:
                return closed("every branch is impossible", "", steps)
            if len(branches) == 1:
                rest = left[:at] + left[at + 1 :]
                outcome = self._decide(kind, branches, dict(held), rest)
                return (
                    closed("one branch is left", "", [*steps, outcome.step]) if isinstance(outcome, Closed) else outcome
                )
            left[at] = Some(tuple(branches))
            at += 1
        if not left:
            return self._solve(kind, held, wanted)
        outcome = self._solve(kind, held, wanted)
        if isinstance(outcome, Closed):
            return outcome
        return self._branch(kind, held, left, steps)

    def _absorb(self, pending: Iterable[Node], held: _Held, unions: list[Some]) -> Closed | None:
        """Add conditions to what is held, or to the unions; return a proof if they contradict each other."""
        stack = list(pending)
        while stack:
            node = stack.pop()
            if node is ALWAYS or node in held:
                continue
            if node is NEVER:
                return closed("nothing is allowed")
            if isinstance(node, All):
                stack += node.parts
            elif isinstance(node, Some):
                unions.append(node)
            elif self._store.negation(node) in held:
                return closed("a contradiction", node)
            else:
                held[node] = None
        return None

    def _branch(self, kind: Kind, held: _Held, left: list[Some], steps: list[Step]) -> Outcome:
        # Branches that say much come first: they make the others shorter.
        smallest = min(range(len(left)), key=lambda at: (not _says_much(left[at]), len(left[at].parts)))
        rest = left[:smallest] + left[smallest + 1 :]
        misses = Misses()
        misses.steps += steps
        # What nothing is known about comes last: a value found by it may turn out to be none.
        for part in sorted(left[smallest].parts, key=_is_opaque):
            outcome = self._decide(kind, [part], dict(held), rest)
            if isinstance(outcome, Found):
                return outcome
            misses.add(outcome)
        return misses.outcome("every branch is closed")

    def _branches_left(
        self, kind: Kind, held: _Held, wanted: Wanted | None, union: Some, steps: list[Step]
    ) -> list[Node] | None:
        """Return the branches that do not contradict what is held; `None` if one of them is held already."""
        branches: list[Node] = []
        if wanted is not None and any(_is_another_tag(wanted, branch) for branch in union.parts):
            return None
        for branch in union.parts:
            parts = branch.parts if isinstance(branch, All) else (branch,)
            if all(part in held for part in parts):
                return None
            conflict = self._conflict(kind, held, wanted, parts)
            if conflict is None:
                branches.append(branch)
            else:
                steps.append(conflict.step)
        if len(branches) > 1 and wanted is not None and any(self._is_implied(wanted, each) for each in branches):
            return None
        return branches

    def _is_hopeless(self, union: Some, held: _Held) -> bool:
        """Tell whether the opposite of each branch is held, word by word."""
        return all(self._store.negation(branch) in held for branch in union.parts)

    def _conflict(self, kind: Kind, held: _Held, wanted: Wanted | None, parts: Sequence[Node]) -> Closed | None:
        negation = self._store.negation
        for part in parts:
            if negation(part) in held:
                return closed("a contradiction", part)
        single = [part for part in parts if not isinstance(part, Some)]
        if wanted is not None:
            for part in single:
                outcome = self._objects.conflict(wanted, part)
                if isinstance(outcome, Closed):
                    return closed("impossible", part, [outcome.step])
            return None
        if any(isinstance(part, Values) for part in single):
            outcome = self._among_few(kind, dict.fromkeys([*held, *single]), [])
        else:
            outcome = self._solve(kind, dict.fromkeys([*held, *single]), None)
        return outcome if isinstance(outcome, Closed) else None

    def _is_implied(self, wanted: Wanted, branch: Node) -> bool:
        """Tell whether a branch adds nothing, because a member that is there can only be what it asks for."""
        match branch:
            case Has():
                return branch.name in wanted.needed
            case MemberIs(name=name, part=part):
                opposite = self._store.negation(part)
            case Neg(MemberIs(name=name, part=part)):
                opposite = part
            case _:
                return False
        if name not in wanted.needed:
            return False
        return isinstance(self.search(wanted.of_member(name) | {opposite}, f".{name}"), Closed)

    def _solve(self, kind: Kind, held: _Held, wanted: Wanted | None) -> Outcome:
        match kind:
            case "number":
                return find_number(held, self._fuel.spend)
            case "string":
                return self._strings.find(held)
            case "array":
                return self._arrays.find(held)
            case _:
                return self._objects.find(self._objects.wanted(held) if wanted is None else wanted)

    def _among_few(self, kind: Kind, held: _Held, unions: Sequence[Some]) -> Outcome:
        """Look among values that are listed; each is held against every condition."""
        lists = [node for node in held if isinstance(node, Values)]
        candidates: tuple[object, ...] = (None,) if kind == "null" else (False, True)
        if lists:
            shortest = min(lists, key=lambda node: len(node.values))
            candidates = shortest.values
        unknown: list[object] = []
        conditions = [*held, *unions]
        for value in candidates:
            self._fuel.spend()
            answer = every(holds(condition, value) for condition in conditions if not isinstance(condition, Opaque))
            if answer is True:
                return Found(value)
            if answer is None:
                unknown.append(value)
        if unknown:
            return undecided(f"it could not be told whether {shown(unknown[0])} is possible")
        listed = ", ".join(shown(value) for value in candidates[:3])
        return closed("each value is refused", f"{listed}{', …' if len(candidates) > 3 else ''}")

    def _exclusive(self, first: Node, second: Node, kind: Kind) -> bool:
        """Tell whether it can be shown that no value of the kind fulfils both, in a search of its own.

        It is of its own because the states that are open here are states of the same value, not of a part of it.
        """
        if self._aside:
            return False
        key = (first, second, kind)
        found = self._exclusions.get(key)
        if found is None:
            state = frozenset({first, second, self._store.make(Types, frozenset({kind}))})
            self._fuel.spend()
            fuel = Fuel(min(_STEPS_ASIDE, max(self._fuel.left, 0)), lambda: False)
            try:
                found = isinstance(Searcher(self._store, fuel, aside=True).search(state, ""), Closed)
            except OutOfBudgetError:
                found = False
            self._fuel.left -= fuel.spent
            self._exclusions[key] = found
        return found


def _is_opaque(node: Node) -> bool:
    inner = node.part if isinstance(node, Neg) else node
    if isinstance(inner, (All, Some)):
        return any(_is_opaque(part) for part in inner.parts)
    return isinstance(inner, Opaque) or (isinstance(inner, HasFormat) and inner.keyword == "remark")


def _says_much(union: Some) -> bool:
    return all(isinstance(part, All) for part in union.parts)


def _is_another_tag(wanted: Wanted, branch: Node) -> bool:
    """Tell whether a branch only says that a member is none of some values, which it cannot be anyway."""
    match branch:
        case Neg(MemberIs(name=name, part=Values(keys=keys))):
            listed = (part for part in wanted.members.get(name, ()) if isinstance(part, Values))
            return name in wanted.needed and any(keys.isdisjoint(values.keys) for values in listed)
        case _:
            return False


def _serial(node: Node) -> int:
    return node.serial
