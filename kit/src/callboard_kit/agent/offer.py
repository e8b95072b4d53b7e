"""What a model is offered of the tools an agent has.

Up to `MOST_OFFERED` tools are given with their full schemas. Beyond that their
schemas would fill the conversation before it begins, so the model is given
`search_tools` instead, and what it finds is offered from the next step on.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Final

from callboard_kit.agent.arguments import ArgumentReader
from callboard_kit.agent.messages import ToolCall, ToolSpec
from callboard_kit.agent.tools import Tool

MOST_OFFERED: Final = 40
"""The number of tools up to which all are offered."""

SEARCH: Final = "search_tools"
"""The name of the tool that finds tools."""

_MOST_FOUND: Final = 8


class Offer:
    """The tools of one run, and those the model knows of so far."""

    def __init__(self, tools: Sequence[Tool]) -> None:
        self._tools: dict[str, Tool] = {}
        for tool in tools:
            if self._tools.setdefault(tool.spec.name, tool) is not tool:
                raise ValueError(f"two tools are called {tool.spec.name!r}")
        self._search = _Search(self._tools) if len(self._tools) > MOST_OFFERED else None
        self._readers: dict[str, ArgumentReader] = {}

    @property
    def notice(self) -> str:
        """What the model is told beside its instructions. Empty when everything is offered."""
        if self._search is None:
            return ""
        services = sorted({tool.service for tool in self._tools.values()})
        return (
            f"There are {len(self._tools)} tools, of these services: {', '.join(services)}. "
            f"Find the ones you need with {SEARCH}; you can call what it finds from then on."
        )

    @property
    def specs(self) -> tuple[ToolSpec, ...]:
        """What to tell the model about the tools it may call now."""
        if self._search is None:
            return tuple(tool.spec for tool in self._tools.values())
        return (self._search.spec, *(self._tools[name].spec for name in self._search.found))

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
    """The tool that finds tools: by the words of their names, then of their descriptions."""

    def __init__(self, tools: Mapping[str, Tool]) -> None:
        self._words = {
            name: (_words(name), _words(tool.spec.description), tool.spec.description) for name, tool in tools.items()
        }
        self.found: dict[str, None] = {}

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
        asked = _words(str(arguments["query"]))
        scores = {
            name: 3 * len(asked & in_name) + len(asked & in_description)
            for name, (in_name, in_description, _) in self._words.items()
        }
        best = sorted((name for name in scores if scores[name]), key=lambda name: (-scores[name], name))[:_MOST_FOUND]
        self.found.update(dict.fromkeys(best))
        return {"tools": [{"name": name, "description": self._words[name][2]} for name in best]}


def _words(text: str) -> frozenset[str]:
    """Take a text apart into its words, plurals as singulars."""
    return frozenset(word.removesuffix("s") for word in re.findall(r"[a-z0-9]+", text.lower()))
