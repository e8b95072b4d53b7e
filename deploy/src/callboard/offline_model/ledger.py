"""The ledger: which requests came, when each was answered, and with what."""

from collections import Counter, OrderedDict, deque
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Final

from pydantic import BaseModel, ConfigDict

_KEPT: Final = 100_000
"""How many requests are kept; older ones only count."""


class Entry(BaseModel):
    """One request and what became of it."""

    model_config = ConfigDict(frozen=True)

    key: str
    """Which piece of work asked: the header `x-callboard-call`, else a hash of the messages."""

    attempt: int
    """Which request with this key it was, from 1."""

    received_at: datetime
    """When the request was read."""

    answered_at: datetime
    """When the last byte was handed over, or the connection given up."""

    status: int
    """The HTTP status served; 499 when the other side went away before the end."""

    fault: str | None = None
    """The fault injected, if any."""

    answered: bool
    """Whether a whole answer went out, which is the only case the other side may count as done."""

    source: str = ""
    """What answered: `script:<id>`, `planner`, or empty where nothing did."""

    prompt_tokens: int = 0
    """Tokens read, by the rule of `wire`."""

    completion_tokens: int = 0
    """Tokens written, by the rule of `wire`."""


class Ledger:
    """Keeps the latest requests, and in a file, if one is named, all of them."""

    def __init__(self, path: Path | None = None) -> None:
        self._path = path
        self._entries: deque[Entry] = deque(maxlen=_KEPT)
        self._attempts: OrderedDict[str, int] = OrderedDict()
        self._totals: Counter[str] = Counter()
        if path is not None and path.exists():
            self._read(path)

    def begin(self, key: str) -> int:
        """Note that a request with this key has come, and tell which one it is, from 1."""
        attempt = self._attempts.pop(key, 0) + 1
        self._attempts[key] = attempt
        while len(self._attempts) > _KEPT:
            self._attempts.popitem(last=False)
        return attempt

    def end(self, entry: Entry) -> None:
        """Write a request down, once it is known what became of it."""
        self._count(entry)
        if self._path is not None:
            with self._path.open("a", encoding="utf-8") as file:
                file.write(entry.model_dump_json() + "\n")

    def entries(self, *, key: str = "", limit: int | None = None) -> Sequence[Entry]:
        """List the requests kept, oldest first: those whose key begins with `key`, and only the latest `limit`."""
        chosen = [entry for entry in self._entries if entry.key.startswith(key)]
        return chosen if limit is None else chosen[len(chosen) - min(limit, len(chosen)) :]

    @property
    def totals(self) -> dict[str, int]:
        """Counts since the ledger began: requests, whole answers, each status, each fault."""
        return dict(self._totals)

    def _count(self, entry: Entry) -> None:
        self._entries.append(entry)
        self._totals["requests"] += 1
        self._totals["answered"] += entry.answered
        self._totals[f"status.{entry.status}"] += 1
        if entry.fault is not None:
            self._totals[f"fault.{entry.fault}"] += 1

    def _read(self, path: Path) -> None:
        """Take up the counts of an earlier run. A line that was cut off by a kill is passed over."""
        with path.open(encoding="utf-8") as file:
            for line in file:
                if not line.endswith("\n"):
                    break
                entry = Entry.model_validate_json(line)
                self._attempts[entry.key] = max(self._attempts.get(entry.key, 0), entry.attempt)
                self._count(entry)
