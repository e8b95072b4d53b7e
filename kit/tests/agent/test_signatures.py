"""Functions as tools, by their signatures."""

from datetime import date
from typing import Annotated, Any, Literal

import pytest
from pydantic import Field

from callboard_contracts import MeshError
from callboard_kit.agent import Agent, FunctionTool
from callboard_kit.fingerprint.taking import fingerprint


def days_between(
    first: date, last: Annotated[date, Field(description="The later one.")], unit: Literal["days", "weeks"] = "days"
) -> float:
    """Count the days or weeks between two dates."""
    days = (last - first).days
    return days / 7 if unit == "weeks" else days


async def waiting(a: int) -> int:
    """Wait."""
    return a


def untyped(a) -> int:
    """Do it."""
    return a


def many(*a: int) -> int:
    """Do it."""
    return sum(a)


def wordless(a: int) -> int:
    return a


def failing(a: int) -> float:
    """Divide by it."""
    return 1 / a


async def test_a_functions_signature_is_what_the_model_is_told():
    tool = FunctionTool.of(days_between)

    assert (tool.spec.name, tool.spec.description) == ("days_between", "Count the days or weeks between two dates.")
    parameters: Any = tool.spec.parameters
    assert parameters["required"] == ["first", "last"] and parameters["additionalProperties"] is False
    assert parameters["properties"]["first"] == {"format": "date", "title": "First", "type": "string"}
    assert parameters["properties"]["last"]["description"] == "The later one."
    assert await tool.call({"first": "2026-01-01", "last": "2026-01-15"}) == 14
    assert await tool.call({"first": "2026-01-01", "last": "2026-01-15", "unit": "weeks"}) == 2


@pytest.mark.parametrize(
    ("function", "why"),
    [
        (waiting, "'waiting' cannot be a pure tool: it waits for something; make it an activity"),
        (untyped, "parameter 'a' has no type"),
        (many, "say each parameter by name"),
        (wordless, "it has no docstring"),
        (lambda a: a, "it has no name"),
    ],
)
def test_a_function_that_cannot_be_a_tool_is_none(function: Any, why: str):
    with pytest.raises(TypeError, match=why):
        FunctionTool.of(function)


def test_agents_with_other_functions_have_other_fingerprints():
    one, same, other = (
        fingerprint(Agent(name="a", instructions="Count.", tools=(FunctionTool.of(each),)))
        for each in (days_between, days_between, failing)
    )

    assert one == same != other


async def test_a_function_that_fails_ends_its_call_and_nothing_else():
    with pytest.raises(MeshError, match="failing failed: division by zero"):
        await FunctionTool.of(failing).call({"a": 0})
