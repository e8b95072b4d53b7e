"""Finding tools by a few words, where there are too many to hold.

What is found is named first, with one line each; the schemas of the best are
opened with it, those of the others when the model asks for them.
"""

import heapq
import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, Generic, Protocol, TypeVar

from callboard_kit.agent.tools import Tool
from callboard_kit.context.briefs import HasName
from callboard_kit.messages import KitMessage

MOST_FOUND: Final = 8
"""How many tools a search names at a time."""

MOST_OPENED: Final = 3
"""How many of them, the best, it offers with their schemas at once."""

AnyTool = TypeVar("AnyTool", bound=Tool)


class ListedTool(KitMessage):
    """A tool that was found: what it is called, and what it does in a line."""

    name: str
    """How the model calls it."""

    service: str
    """Whose it is."""

    operation: str
    """Which of the service's operations."""

    description: str
    """Its first line."""


class Found:
    """What a search came to."""

    def __init__(self, listed: Sequence[ListedTool], opened: Sequence[Tool]) -> None:
        self.listed = listed
        self.opened = opened
        """The best of them, with their schemas."""


class ToolSearch(Protocol):
    """Finds tools that a run does not hold. Called in the workflow."""

    async def find(self, query: str) -> Found:
        """Return the tools that fit a few words, best first."""
        ...

    async def open(self, listed: Sequence[ListedTool]) -> Sequence[Tool]:
        """Return tools that were found before; those that are gone since are left out."""
        ...


def listed(tool: Tool) -> ListedTool:
    """Return a tool's name and first line."""
    spec = tool.spec
    first_line, _, _ = spec.description.strip().partition("\n")
    return ListedTool(name=spec.name, service=tool.service, operation=tool.operation, description=first_line)


class ToolIndex(Generic[AnyTool]):
    """Tools by the words of their names and descriptions: a search costs what it finds, not what there is."""

    def __init__(self, tools: Sequence[AnyTool]) -> None:
        self.tools = tools
        self._by_name: dict[str, AnyTool] = {}
        self._scores: dict[str, dict[str, int]] = {}
        for tool in tools:
            spec = tool.spec
            self._by_name[spec.name] = tool
            for text, score in ((spec.name, 3), (spec.description, 1)):
                for word in _words(text):
                    of_word = self._scores.setdefault(word, {})
                    of_word[spec.name] = of_word.get(spec.name, 0) + score

    def best(self, query: str, *, most: int = MOST_FOUND) -> tuple[AnyTool, ...]:
        """Return the tools that fit a few words, best first; a word of the name counts more than of the description."""
        scores: Counter[str] = Counter()
        for word in _words(query):
            scores.update(self._scores.get(word, {}))
        best = heapq.nsmallest(most, scores, key=lambda name: (-scores[name], name))
        return tuple(self._by_name[name] for name in best)

    def named(self, name: str) -> AnyTool | None:
        """Return the tool that the model calls so; None when there is none."""
        return self._by_name.get(name)


class HeldTools:
    """Searches tools that a run holds itself, being too many to offer them all."""

    def __init__(self, tools: Sequence[Tool]) -> None:
        self._index = ToolIndex(tools)

    async def find(self, query: str) -> Found:
        """Return the tools that fit a few words, best first."""
        best = self._index.best(query)
        return Found(tuple(listed(tool) for tool in best), best[:MOST_OPENED])

    async def open(self, listed: Sequence[ListedTool]) -> Sequence[Tool]:
        """Return tools that were found before."""
        found = (self._index.named(one.name) for one in listed)
        return [tool for tool in found if tool is not None]


@dataclass(frozen=True)
class _Narrowed:
    """A search that finds only what a run may call."""

    search: ToolSearch
    may: Callable[[HasName], bool]

    async def find(self, query: str) -> Found:
        found = await self.search.find(query)
        return Found(
            [each for each in found.listed if self.may(each)], [each for each in found.opened if self.may(each)]
        )

    async def open(self, listed: Sequence[ListedTool]) -> Sequence[Tool]:
        return await self.search.open([each for each in listed if self.may(each)])


def narrowed(search: ToolSearch | None, may: Callable[[HasName], bool] | None) -> ToolSearch | None:
    """Return a search that finds only tools of which `may` says so; None where there is no search."""
    return search if search is None or may is None else _Narrowed(search, may)


def best_matches(query: str, tools: Sequence[AnyTool], *, most: int = MOST_FOUND) -> tuple[AnyTool, ...]:
    """Return the tools that fit a few words, as a `ToolIndex` of them does that is used once."""
    return ToolIndex(tools).best(query, most=most)


@lru_cache(maxsize=20_000)  # A catalog is searched again and again; pure, so it may be kept between runs.
def _words(text: str) -> frozenset[str]:
    """Take a text apart into its words, plurals as singulars."""
    return frozenset(word.removesuffix("s") for word in re.findall(r"[a-z0-9]+", text.lower()))
