"""The planner's desk: what was asked so far, what came of it, and what to ask next."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final, cast

from callboard.offline_model.wire import ChatRequest, PlannedCall

SEARCH: Final = "search_tools"
"""The tool that finds tools, offered when there are too many to offer all."""

OPEN: Final = "open_tools"
"""The tool that offers a tool which was found."""

_MOST_TRIES: Final = 2


class WaitingError(Exception):
    """The plan cannot go on before what it asked for has been answered."""


@dataclass(frozen=True)
class Result:
    """What came of one call."""

    value: object = None
    """What was answered: JSON of whatever shape."""

    kind: str = ""
    """Why there is no answer: `refused`, `unavailable`, `failed`, `not_offered`; empty when there is one."""

    error: str = ""
    """What was said about it."""

    @property
    def ok(self) -> bool:
        """Whether the call worked."""
        return not self.kind

    def field(self, name: str) -> str:
        """Return one field of the answer as text; of an answer that is no object, all of it."""
        if isinstance(self.value, Mapping):
            return str(cast("Mapping[str, object]", self.value).get(name, ""))
        return str(self.value)


class Desk:
    """Answers the plan's questions from the conversation, and collects those that are still open."""

    def __init__(self, request: ChatRequest) -> None:
        self._offered = request.offered
        self._parallel = request.parallel_tool_calls
        self._results: dict[str, list[Result]] = {}
        self._wanted: dict[str, PlannedCall] = {}
        for name, arguments, result in _history(request):
            if result.kind != "malformed":
                self._results.setdefault(_key(name, arguments), []).append(result)

    @property
    def wanted(self) -> list[PlannedCall]:
        """What to call next; everything that does not depend on each other, unless one at a time was asked for."""
        return list(self._wanted.values())[: None if self._parallel else 1]

    def ask(self, operation: str, **arguments: object) -> Result | None:
        """Return what came of a call, or None when it has yet to be made; `wait` then hands it out."""
        tool = self._tool(operation)
        if tool is None:
            return self._search(operation)
        key = _key(tool, arguments)
        tries = self._results.get(key, [])
        if tries and (tries[-1].kind != "unavailable" or len(tries) >= _MOST_TRIES):
            return tries[-1]
        self._wanted[key] = PlannedCall(name=tool, arguments=arguments)
        return None

    def wait(self) -> None:
        """Go on only if nothing is open.

        Raises:
            WaitingError: Something is; `wanted` says what.
        """
        if self._wanted:
            raise WaitingError

    def fetch(self, operation: str, **arguments: object) -> Result:
        """Return what came of a call, waiting for it if need be."""
        result = self.ask(operation, **arguments)
        if result is None:
            raise WaitingError
        return result

    def offers(self, operation: str) -> bool:
        """Tell whether there is a tool for an operation, or one that might find it."""
        return self._tool(operation) is not None or SEARCH in self._offered

    def _tool(self, operation: str) -> str | None:
        """Find the tool for an operation: named like it, or `<service>__<operation>`."""
        return next(
            (name for name in self._offered if name == operation or name.endswith(f"__{operation}")),
            None,
        )

    def _search(self, operation: str) -> Result | None:
        """Look for a tool that is not offered, and open it; there is none when that was done and it still is not."""
        missing = Result(kind="not_offered", error=f"no tool for {operation} is offered to me")
        if SEARCH not in self._offered:
            return missing
        searched = self._made(SEARCH, {"query": operation.replace("_", " ")})
        if searched is None:
            return None
        name = next((name for name in _named(searched.value) if name.endswith(f"__{operation}")), None)
        if name is None or OPEN not in self._offered:
            return missing
        return None if self._made(OPEN, {"names": [name]}) is None else missing

    def _made(self, tool: str, arguments: dict[str, object]) -> Result | None:
        """Return what came of a call, which is made once; None when it has yet to be."""
        key = _key(tool, arguments)
        if key in self._results:
            return self._results[key][-1]
        self._wanted[key] = PlannedCall(name=tool, arguments=arguments)
        return None


def _named(found: object) -> Iterator[str]:
    """List the names of the tools that a search has found."""
    tools = cast("Mapping[str, object]", found).get("tools") if isinstance(found, Mapping) else None
    for tool in cast("list[object]", tools) if isinstance(tools, list) else ():
        match tool:
            case {"name": str(name)}:
                yield name
            case _:
                pass


def _history(request: ChatRequest) -> Iterator[tuple[str, object, Result]]:
    """List the calls of the turn with their results, oldest first. What was found before may have changed since."""
    spoke = max((place for place, message in enumerate(request.messages) if message.role == "user"), default=0)
    turn = request.messages[spoke:]
    texts = {message.tool_call_id: message.text for message in turn if message.role == "tool"}
    for message in turn:
        for call in message.tool_calls or []:
            arguments = _json(call.function.arguments)
            if call.id in texts and arguments is not None:
                yield call.function.name, arguments, _result(texts[call.id])


def _result(text: str) -> Result:
    value = _json(text)
    match value:
        case {"error": {"kind": str(kind), "message": str(message)}}:
            return Result(kind=kind, error=message)
        case _:
            return Result(value=text if value is None else value)


def _key(name: str, arguments: object) -> str:
    return f"{name} {json.dumps(arguments, sort_keys=True)}"


def _json(text: str) -> object:
    try:
        return cast(object, json.loads(text))
    except ValueError:
        return None
