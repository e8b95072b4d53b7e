"""What a new policy takes from callers: it breaks no contract, but somebody's calls will be refused."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from callboard_contracts import Effect
from callboard_kit.policy import ANYONE, Policy, Verdict
from callboard_registry_api.verdicts import Finding

MOST_WARNINGS: Final = 50
_MOST_TEAMS: Final = 60
"""Teams that are looked at one by one. Of more than that, those that come later are not told apart."""

_OTHERS: Final = "(any other team)"


@dataclass(frozen=True)
class _Call:
    service: str
    operation: str
    effect: Effect


Operations = Mapping[str, Mapping[str, Effect]]
"""Operations of each service with their effects."""


def narrowed(old: Policy, new: Policy, operations: Operations) -> list[Finding]:
    """Return what callers may do no more.

    Args:
        old: The policy that was in force.
        new: The one that takes its place.
        operations: Of the team's services. What is not among them is taken from the policies, as having an effect.
    """
    teams = _teams(old, new)
    lost: dict[tuple[str, str, str], list[str]] = {}
    for call in _calls(old, operations):
        for kind, who in _losses(old, new, call, teams):
            lost.setdefault((call.service, kind, who), []).append(call.operation)
    found = [_finding(service, kind, who, names) for (service, kind, who), names in lost.items()]
    return found[:MOST_WARNINGS]


def _losses(old: Policy, new: Policy, call: _Call, teams: Sequence[str]) -> Iterator[tuple[str, str]]:
    lost = {
        caller for caller in teams if _judge(old, call, [caller]).allowed and not _judge(new, call, [caller]).allowed
    }
    for caller in teams:
        before, after = (_judge(policy, call, [caller]) for policy in (old, new))
        if not before.allowed:
            continue
        if caller in lost:
            yield "callers", f"{caller!r} may no longer call"
            continue
        if after.approval is not None and before.approval != after.approval:
            how = (
                "only once a person has agreed"
                if before.approval is None
                else "only once a person has agreed on other terms than before"
            )
            yield "approval", f"{caller!r} may, {how}, call"
        if hidden := sorted(set(after.hide) - set(before.hide)):
            yield "hide", f"{caller!r} no longer sees {', '.join(hidden)} in what is answered by"
        roots = [
            root
            for root in teams
            # Whoever may not call any more can be acted for no more, which goes without saying.
            if root not in {caller, *lost}
            and _judge(old, call, [root, caller]).allowed
            and not _judge(new, call, [root, caller]).allowed
        ]
        if roots:
            yield "on_behalf_of", f"{caller!r} may no longer, on behalf of {', '.join(map(repr, roots))}, call"


def _judge(policy: Policy, call: _Call, chain: Sequence[str]) -> Verdict:
    return policy.judge(service=call.service, operation=call.operation, effect=call.effect, chain=chain)


def _teams(old: Policy, new: Policy) -> list[str]:
    named: dict[str, None] = {}
    for policy in (old, new):
        for rule in policy.rules:
            named.update(dict.fromkeys((*rule.callers, *(rule.on_behalf_of or ()))))
    named.pop(ANYONE, None)
    return [*list(named)[:_MOST_TEAMS], _OTHERS]


def _calls(old: Policy, operations: Operations) -> Iterator[_Call]:
    named: dict[str, dict[str, None]] = {}
    for rule in old.rules:
        for service in rule.services:
            named.setdefault(service, {}).update(dict.fromkeys(rule.operations))
    for service, names in named.items():
        known = operations.get(service, {})
        names.pop(ANYONE, None)
        for name in dict.fromkeys((*known, *names)):
            yield _Call(service, name, known.get(name, "write"))


def _finding(service: str, kind: str, who: str, names: Sequence[str]) -> Finding:
    shown = ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")
    return Finding(
        part="policy",
        rule=kind,
        operation=names[0] if len(names) == 1 else "",
        sentence=f"{who} {service} {shown}",
    )
