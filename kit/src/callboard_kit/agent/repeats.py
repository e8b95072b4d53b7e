"""Notices a model that goes in circles: the same call again and again, or two that take turns."""

import json
from collections.abc import Mapping

Call = tuple[str, str]


class Repeats:
    """Remembers the calls of one run, in the order in which the model asked for them."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._calls: list[Call] = []

    def fault(self, tool: str, arguments: Mapping[str, object]) -> str | None:
        """Note a call, and say why it is one too many; None when it is not."""
        call = (tool, json.dumps(arguments, sort_keys=True))
        before = self._calls
        self._calls = [*before, call][-4 * self._most :]
        if self._goes_on(before, call, every=1):
            return (
                f"{tool!r} was called {self._most} times in a row with the same arguments; its answer stays the same: "
                "use what you know, or try something else"
            )
        if self._goes_on(before, call, every=2):
            return (
                f"{tool!r} and another tool took turns {self._most} times with the same arguments; that leads nowhere: "
                "use what you know, or try something else"
            )
        return None

    def _goes_on(self, before: list[Call], call: Call, *, every: int) -> bool:
        """Tell whether `call` goes on with a pattern of so many calls that was repeated as often as is allowed."""
        needed = self._most * every
        tail = before[-needed:]
        if len(tail) < needed:
            return False
        pattern = tail[:every]
        return tail == pattern * self._most and call == pattern[0]
