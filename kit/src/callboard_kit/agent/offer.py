"""What a model is offered of the tools an agent has.

Up to `MOST_OFFERED` tools are given with their full schemas. Beyond that their
schemas would fill the conversation before it begins, so the model is given two
tools instead: `search_tools` names what fits a few words, with one line each,
and offers the best of it from the next step on; `open_tools` offers what else
it named. Where even their list would be too much for a workflow's history,
whoever runs the agent brings a search of their own.
"""

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Final, cast

from callboard_contracts import Effect
from callboard_kit.agent.arguments import ArgumentReader
from callboard_kit.agent.finding import HeldTools, ListedTool, ToolSearch
from callboard_kit.agent.messages import ToolCall, ToolSpec
from callboard_kit.agent.tools import Tool

MOST_OFFERED: Final = 40
"""The number of tools up to which all are offered."""

SEARCH: Final = "search_tools"
"""The name of the tool that finds tools."""

OPEN: Final = "open_tools"
"""The name of the tool that offers what was found."""

FINDING: Final = frozenset({SEARCH, OPEN})
"""The tools that only find others: no operation is called by them."""

_MOST_NAMED: Final = 20


class Offer:
    """The tools of one run, and those the model knows of so far."""

    def __init__(self, tools: Sequence[Tool], search: ToolSearch | None = None) -> None:
        self._tools: dict[str, Tool] = {}
        # Kept: every question to the model says all of them again, and some tools write their schema each time.
        self._specs: dict[str, ToolSpec] = {}
        for tool in tools:
            spec = tool.spec
            if self._tools.setdefault(spec.name, tool) is not tool:
                raise ValueError(f"two tools are called {spec.name!r}")
            self._specs[spec.name] = spec
        self._offered = dict.fromkeys(self._tools)
        self._finding: dict[str, Tool] = {}
        self.notice = ""
        """What the model is told beside its instructions. Empty when everything is offered."""

        if search is not None:
            self.notice = f"There are more tools than you are offered. {_HOW}"
        elif len(self._tools) > MOST_OFFERED:
            self._offered.clear()
            search = HeldTools(tools)
            services = sorted({tool.service for tool in tools})
            self.notice = f"There are {len(self._tools)} tools, of these services: {', '.join(services)}. {_HOW}"
        if search is not None:
            listed: dict[str, ListedTool] = {}
            self._finding = {
                SEARCH: _Search(search, listed, self._offer),
                OPEN: _Open(search, listed, self._offer),
            }
        self._readers: dict[str, ArgumentReader] = {}

    @property
    def specs(self) -> tuple[ToolSpec, ...]:
        """What to tell the model about the tools it may call now."""
        return (*(tool.spec for tool in self._finding.values()), *(self._specs[name] for name in self._offered))

    def _offer(self, tool: Tool) -> None:
        # What was offered before stays as it was: a call to it may be on its way.
        spec = tool.spec
        if self._tools.setdefault(spec.name, tool) is tool:
            self._specs[spec.name] = spec
        self._offered[spec.name] = None

    def find(self, name: str) -> Tool | None:
        """Find a tool by the name the model gave. A tool that was not offered yet is as good as one that was."""
        return self._finding.get(name) or self._tools.get(name)

    def read(self, call: ToolCall) -> dict[str, object]:
        """Read the arguments of a call to a tool that `find` found.

        Raises:
            MalformedArgumentsError: They do not fit.
        """
        reader = self._readers.get(call.name)
        if reader is None:
            tool = self.find(call.name)
            assert tool is not None
            spec = self._specs.get(call.name) or tool.spec
            reader = self._readers[call.name] = ArgumentReader(spec.parameters)
        return reader.read(call.arguments)


_HOW: Final = (
    f"Find the ones you need with {SEARCH}: the best of what it finds can be called from then on. "
    f"{OPEN} does the same for the others that it names."
)


class _Finder:
    """What both tools that find tools have."""

    service: str = "local"
    effect: Effect = "read"
    sensitive: Mapping[str, str] | None = MappingProxyType({})

    def __init__(self, search: ToolSearch, listed: dict[str, ListedTool], offer: Callable[[Tool], None]) -> None:
        self.search = search
        self.listed = listed
        self.offer = offer


class _Search(_Finder):
    """The tool that finds tools."""

    operation: str = SEARCH
    spec: ToolSpec = ToolSpec(
        name=SEARCH,
        description="Find tools by what they should do. Each is named with one line; those marked as open can be "
        f"called from the next step on, the others once you have opened them with {OPEN}.",
        parameters={
            "type": "object",
            "properties": {"query": {"type": "string", "minLength": 1, "description": "A few words."}},
            "required": ["query"],
        },
    )

    async def call(self, arguments: dict[str, object]) -> object:
        """Name what fits, and offer the best of it from now on."""
        found = await self.search.find(str(arguments["query"]))
        for tool in found.opened:
            self.offer(tool)
        self.listed.update((one.name, one) for one in found.listed)
        opened = {tool.spec.name for tool in found.opened}
        return {
            "tools": [
                {"name": one.name, "description": one.description, "open": one.name in opened} for one in found.listed
            ]
        }


class _Open(_Finder):
    """The tool that offers tools that were found."""

    operation: str = OPEN
    spec: ToolSpec = ToolSpec(
        name=OPEN,
        description=f"Open tools that {SEARCH} has named, so that you can call them from the next step on.",
        parameters={
            "type": "object",
            "properties": {
                "names": {"type": "array", "items": {"type": "string"}, "minItems": 1, "maxItems": _MOST_NAMED}
            },
            "required": ["names"],
        },
    )

    async def call(self, arguments: dict[str, object]) -> object:
        """Offer them from now on, and say which there are none of."""
        names = list(dict.fromkeys(cast(Sequence[str], arguments["names"])))
        opened = await self.search.open([self.listed[name] for name in names if name in self.listed])
        for tool in opened:
            self.offer(tool)
        known = {tool.spec.name for tool in opened}
        return {
            "tools": [{"name": tool.spec.name, "description": tool.spec.description} for tool in opened],
            "unknown": [name for name in names if name not in known],
        }
