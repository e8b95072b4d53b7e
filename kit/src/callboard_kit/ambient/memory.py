"""What an ambient agent remembers from one wake to the next: no more than its policy allows.

It travels as the result of a wake: Temporal gives it to the next one that the same schedule starts. A wake that fails
leaves no result, so the next one goes on from the one before, as if the failed one had not been.
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime

from callboard_kit.ambient.findings import Finding, Report
from callboard_kit.ambient.policies import WatchPolicy
from callboard_kit.messages import KitMessage


class Known(KitMessage):
    """A finding that was dealt with."""

    kind: str
    key: str

    seen: datetime
    """When it was seen last."""


class Memory(KitMessage):
    """What is left of the wakes so far."""

    wakes: int = 0
    """How many came to their end."""

    woke: datetime | None = None
    """When the last of them ended. Absent: there was none."""

    known: tuple[Known, ...] = ()
    """Findings that were dealt with, so that they are not told again."""

    tried: Mapping[str, int] = {}
    """How often the analysis of a finding failed, by its place (see `place`)."""

    open: tuple[str, ...] = ()
    """Workflows of remedies whose end was not reported yet."""

    def unknown(self, found: Sequence[Finding]) -> list[Finding]:
        """Return the findings that are new, each once, the heaviest first."""
        known = {(each.kind, each.key) for each in self.known}
        new = {place(each): each for each in found if (each.kind, each.key) not in known}
        return sorted(new.values(), key=lambda each: (-each.weight, each.kind, each.key))

    def after(
        self,
        *,
        now: datetime,
        found: Sequence[Finding],
        dealt_with: Collection[str],
        tried: Mapping[str, int],
        open: Sequence[str],
        policy: WatchPolicy,
    ) -> "Memory":
        """Return what to remember after a wake.

        Args:
            now: When it ended.
            found: Everything that it saw.
            dealt_with: Places of the findings that need not be told again.
            tried: How often the analysis of those that are left has failed, by place.
            open: Workflows of remedies that go on.
            policy: How much may be remembered, and for how long.
        """
        seen = {place(each): each for each in found}
        known = {(each.kind, each.key): each for each in self.known if now - each.seen < policy.forget_after}
        for where, each in seen.items():
            if (each.kind, each.key) in known or where in dealt_with:
                known[each.kind, each.key] = Known(kind=each.kind, key=each.key, seen=now)
        latest = sorted(known.values(), key=lambda each: each.seen, reverse=True)[: policy.remembered]
        return Memory(
            wakes=self.wakes + 1,
            woke=now,
            known=tuple(latest),
            tried={where: times for where, times in tried.items() if where in seen},
            open=tuple(open),
        )


class Woken(KitMessage):
    """What a wake leaves: its report, and what the next one has to know."""

    report: Report
    memory: Memory


def place(finding: Finding) -> str:
    """Return what names a finding among all kinds."""
    return f"{finding.kind}:{finding.key}"
