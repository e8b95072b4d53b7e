"""Reading what a model wrote as arguments."""

import pytest

from callboard_kit.agent.arguments import ArgumentReader, MalformedArgumentsError

ITEM = {
    "type": "object",
    "properties": {"name": {"type": "string"}, "tags": {"type": "array", "items": {"type": "integer"}}},
    "required": ["name"],
}


@pytest.mark.parametrize("text", ["", "{}"], ids=["nothing", "an empty object"])
def test_no_arguments_are_arguments_where_none_are_needed(text):
    assert ArgumentReader({"type": "object"}).read(text) == {}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('{"name": ', "the arguments are not JSON: Expecting value"),
        ("[1]", "the arguments are not a JSON object"),
        ('{"name": NaN}', "the arguments are not JSON: NaN is not a JSON value"),
        ("{}", '/: "name" is a required property'),
        ('{"name": "a", "tags": [1, "b"]}', '/tags/1: "b" is not of type "integer"'),
        ('{"name": "a", "tags": [' + ",".join(['"b"'] * 7) + "]}", "; and 2 more"),
    ],
    ids=["cut off", "no object", "not a number", "missing", "wrong type", "wrong many times"],
)
def test_what_is_wrong_with_arguments_is_said_with_its_place(text, words):
    with pytest.raises(MalformedArgumentsError) as caught:
        ArgumentReader(ITEM).read(text)

    assert words in str(caught.value)


@pytest.mark.parametrize(
    "schema",
    [{"type": "nonsense"}, {"$ref": "#/$defs/none"}, {"$ref": "http://127.0.0.1:9/schema"}, {"pattern": "(["}],
    ids=["unknown type", "nothing behind it", "somewhere else", "no pattern"],
)
def test_a_tool_whose_schema_is_none_cannot_be_called_but_harms_nothing_else(schema):
    reader = ArgumentReader(schema)

    with pytest.raises(MalformedArgumentsError, match="this tool cannot be called, its schema is none: "):
        reader.read("{}")
