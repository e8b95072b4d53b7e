"""Checks of compatibility, beside reading the same two schemas from JSON and writing them again."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import quantiles
from time import perf_counter
from typing import Final, cast

from callboard_contracts import describe, services
from callboard_registry.compatibility import Direction, Draft, compare
from callboard_registry.compatibility.corpus import load

CORPUS: Final = Path(__file__).resolve().parents[3] / "shared" / "corpora" / "json-schema-compat.json"
"""Pairs of schemas whose verdict is known from elsewhere, if the folder is there."""


@dataclass(frozen=True)
class Pair:
    """Two schemas, and what one is to be for the other."""

    old: object
    new: object
    direction: Direction = "backward"
    old_draft: Draft | None = None
    new_draft: Draft | None = None

    def judge(self) -> object:
        """Check whether the new one may take the old one's place."""
        return compare(self.old, self.new, self.direction, old_draft=self.old_draft, new_draft=self.new_draft)

    def read(self) -> object:
        """Write both as JSON and read them again."""
        return json.loads(json.dumps(self.old)), json.loads(json.dumps(self.new))


def pairs() -> list[Pair]:
    """Return every schema of the house's contracts beside the same with one more optional field, and the corpus."""
    found: list[Pair] = []
    for name in sorted(services):
        for operation in describe(services[name]).operations:
            found.append(Pair(operation.input, _wider(operation.input), "input"))
            found.append(Pair(operation.output, _wider(operation.output), "output"))
    if CORPUS.is_file():
        found += [Pair(case.old, case.new, "backward", case.old_draft, case.new_draft) for case in load(CORPUS)]
    return found


def _wider(schema: Mapping[str, object]) -> Mapping[str, object]:
    properties = schema.get("properties")
    if not isinstance(properties, Mapping):
        return schema
    return {**schema, "properties": {**cast(Mapping[str, object], properties), "note": {"type": "string"}}}


class Checks:
    """Every pair, judged or only read."""

    def __init__(self, measured: Sequence[Pair]) -> None:
        self._pairs = measured

    async def judge(self) -> Sequence[float]:
        """Return the seconds of every check."""
        return self._each(Pair.judge)

    async def read(self) -> Sequence[float]:
        """Return the seconds that each pair takes to be read and written."""
        return self._each(Pair.read)

    async def judge_slowest(self) -> Sequence[float]:
        """Return how long all but one check of a hundred take at most, as one number."""
        return [quantiles(self._each(Pair.judge), n=100)[98]]

    async def read_slowest(self) -> Sequence[float]:
        """Return the same of reading and writing."""
        return [quantiles(self._each(Pair.read), n=100)[98]]

    def _each(self, work: Callable[[Pair], object]) -> list[float]:
        taken: list[float] = []
        for pair in self._pairs:
            began = perf_counter()
            work(pair)
            taken.append(perf_counter() - began)
        return taken
