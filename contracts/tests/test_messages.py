import math

import pytest
from pydantic import ValidationError

from callboard_contracts import Assistance, Goal, MeshError, Message, RefusedError, UnavailableError


class Note(Message):
    text: str
    weight: float = 1.0


def test_a_field_that_the_reader_does_not_know_is_ignored() -> None:
    assert Note.model_validate({"text": "hello", "colour": "red"}) == Note(text="hello")


def test_a_message_cannot_be_changed() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        Note(text="hello").text = "bye"


@pytest.mark.parametrize("number", [math.nan, math.inf, -math.inf])
def test_a_number_that_json_cannot_say_is_no_message(number: float) -> None:
    with pytest.raises(ValidationError, match="finite"):
        Note(text="hello", weight=number)


def test_the_string_under_a_field_is_its_published_description() -> None:
    assert Goal.model_json_schema()["properties"]["goal"]["description"].startswith("What is wanted")


def test_an_answer_says_what_it_used_even_when_nothing_was_used() -> None:
    dumped = Assistance(answer="done").model_dump(mode="json")

    assert dumped["usage"] == {
        "input_tokens": 0,
        "output_tokens": 0,
        "model_calls": 0,
        "tool_calls": 0,
        "cost_usd": None,
    }


def test_both_errors_are_caught_as_one() -> None:
    assert issubclass(RefusedError, MeshError)
    assert issubclass(UnavailableError, MeshError)
    assert not issubclass(RefusedError, UnavailableError)
