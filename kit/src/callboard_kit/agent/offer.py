"""What a model is offered of the tools an agent has.

Up to `MOST_OFFERED` tools are given with their full schemas. Beyond that their
schemas would fill the conversation before it begins, so the model is given
`search_tools` instead, and what it finds is offered from the next step on.
Where even their list would be too much for a workflow's history, whoever runs
the agent brings a search of their own.
"""

import heapq
import re
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from functools import lru_cache
from typing import Final, Generic, TypeVar

from callboard_kit.agent.arguments import ArgumentReader
from callboard_kit.agent.messages import ToolCall, ToolSpec
from callboard_kit.agent.tools import Tool

MOST_OFFERED: Final = 40
"""The number of tools up to which all are offered."""

SEARCH: Final = "search_tools"
"""The name of the tool that finds tools."""

MOST_FOUND: Final = 8
"""How many tools a search offers at a time."""

ToolSearch = Callable[[str], Awaitable[Sequence[Tool]]]
"""Finds tools by a few words, best first. Runs in the workflow."""

AnyTool = TypeVar("AnyTool", bound=Tool)


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


def best_matches(query: str, tools: Sequence[AnyTool], *, most: int = MOST_FOUND) -> tuple[AnyTool, ...]:
    """Return the tools that fit a few words, as a `ToolIndex` of them does that is used once."""
    return ToolIndex(tools).best(query, most=most)


class Offer:
    """The tools of one run, and those the model knows of so far."""

    def __init__(self, tools: Sequence[Tool], search: ToolSearch | None = None) -> None:
        self._tools: dict[str, Tool] = {}
        for tool in tools:
            if self._tools.setdefault(tool.spec.name, tool) is not tool:
                raise ValueError(f"two tools are called {tool.spec.name!r}")
        self._offered = dict.fromkeys(self._tools)
        self._search: _Search | None = None
        self.notice = ""
        """What the model is told beside its instructions. Empty when everything is offered."""

        if search is not None:
            self._search = _Search(search, self._offer)
            self.notice = (
                f"There are more tools than you are offered. Find the ones you need with {SEARCH}; "
                "you can call what it finds from then on."
            )
        elif len(self._tools) > MOST_OFFERED:
            self._offered.clear()
            self._search = _Search(self._best, self._offer)
            services = sorted({tool.service for tool in tools})
            self.notice = (
                f"There are {len(self._tools)} tools, of these services: {', '.join(services)}. "
                f"Find the ones you need with {SEARCH}; you can call what it finds from then on."
            )
        self._readers: dict[str, ArgumentReader] = {}

    @property
    def specs(self) -> tuple[ToolSpec, ...]:
        """What to tell the model about the tools it may call now."""
        offered = tuple(self._tools[name].spec for name in self._offered)
        return offered if self._search is None else (self._search.spec, *offered)

    async def _best(self, query: str) -> Sequence[Tool]:
        return best_matches(query, tuple(self._tools.values()))

    def _offer(self, tool: Tool) -> None:
        # What was offered before stays as it was: a call to it may be on its way.
        self._tools.setdefault(tool.spec.name, tool)
        self._offered[tool.spec.name] = None

    def find(self, name: str) -> Tool | None:
        """Find a tool by the name the model gave. A tool that was not offered yet is as good as one that was."""
        if self._search is not None and name == SEARCH:
            return self._search
        return self._tools.get(name)

    def read(self, call: ToolCall) -> dict[str, object]:
        """Read the arguments of a call to a tool that `find` found.

        Raises:
            MalformedArgumentsError: They do not fit.
        """
        reader = self._readers.get(call.name)
        if reader is None:
            tool = self.find(call.name)
            assert tool is not None
            reader = self._readers[call.name] = ArgumentReader(tool.spec.parameters)
        return reader.read(call.arguments)


class _Search:
    """The tool that finds tools."""

    def __init__(self, search: ToolSearch, offer: Callable[[Tool], None]) -> None:
        self._find = search
        self._offer = offer

    @property
    def spec(self) -> ToolSpec:
        return ToolSpec(
            name=SEARCH,
            description="Find tools by what they should do. What is found can be called from the next step on.",
            parameters={
                "type": "object",
                "properties": {"query": {"type": "string", "minLength": 1, "description": "A few words."}},
                "required": ["query"],
            },
        )

    @property
    def service(self) -> str:
        return "local"

    @property
    def operation(self) -> str:
        return SEARCH

    async def call(self, arguments: dict[str, object]) -> object:
        """Return the best tools, and offer them from now on."""
        found = await self._find(str(arguments["query"]))
        for tool in found:
            self._offer(tool)
        return {"tools": [{"name": tool.spec.name, "description": tool.spec.description} for tool in found]}


@lru_cache(maxsize=20_000)  # A catalog is searched again and again; pure, so it may be kept between runs.
def _words(text: str) -> frozenset[str]:
    """Take a text apart into its words, plurals as singulars."""
    return frozenset(word.removesuffix("s") for word in re.findall(r"[a-z0-9]+", text.lower()))
