"""Documents made from a schema: most of them fit it, and the others miss it by one thing somewhere."""

from collections.abc import Iterator
from random import Random
from typing import Any

Schema = dict[str, Any]

STRANGE = (None, True, False, 0, -1, 1.5, 7, 10**16, "", "x", "a longer text, with a comma", [], ["x"], {}, {"x": 1})
STRINGS = ("", "a", "ab", "abc", "AB", "alpha", "a b", "2020-02-29", "active", "text", "x" * 13, "x" * 70, "é😀b")
OF_FORMAT = {
    "date-time": "2024-02-29T12:00:00Z",
    "date": "2024-02-29",
    "time": "12:00:00Z",
    "duration": "PT1H30M",
    "uuid": "7f3a0c1e-8f55-4c3a-9a51-0d1f6c0c2b11",
    "email": "ada@example.com",
    "hostname": "example.com",
    "uri": "https://example.com/a",
    "ipv4": "192.0.2.1",
}


def documents(schema: Schema, *, seed: int, count: int) -> Iterator[Any]:
    """Yield `count` documents; the same seed makes the same ones."""
    for number in range(count):
        yield _Maker(schema, Random(f"{seed}-{number}"), slips=0 if number % 3 == 0 else 0.04).make(schema, 0)


class _Maker:
    def __init__(self, root: Schema, random: Random, *, slips: float) -> None:
        self._definitions = root.get("$defs", {})
        self._random = random
        self._slips = slips

    def make(self, schema: Any, depth: int) -> Any:
        if self._random.random() < self._slips or schema is True or schema == {}:
            return self._random.choice(STRANGE)
        if "$ref" in schema:
            return self.make(self._definitions[schema["$ref"].removeprefix("#/$defs/")], depth + 1)
        for keyword in ("oneOf", "anyOf"):
            if keyword in schema:
                branches = schema[keyword]
                if depth > 6:
                    branches = [branch for branch in branches if branch == {"type": "null"}] or branches
                return self.make(self._random.choice(branches), depth + 1)
        if "allOf" in schema:
            made = [self.make(branch, depth + 1) for branch in schema["allOf"]]
            if all(isinstance(each, dict) for each in made):
                return {name: value for each in made for name, value in each.items()}
            return self._random.choice(made)
        if "const" in schema:
            return schema["const"]
        if "enum" in schema:
            return self._random.choice(schema["enum"])
        return getattr(self, f"_{schema.get('type', 'object')}")(schema, depth)

    def _null(self, schema: Schema, depth: int) -> None:
        return None

    def _boolean(self, schema: Schema, depth: int) -> bool:
        return self._random.random() < 0.5

    def _integer(self, schema: Schema, depth: int) -> int:
        step = schema.get("multipleOf", 1)
        low = schema.get("minimum", schema.get("exclusiveMinimum", -1) + 1)
        high = schema.get("maximum", low + 20)
        off = self._random.random() < self._slips
        return step * -(-low // step) + step * self._random.randint(0, max(0, (high - low) // step)) + off

    def _number(self, schema: Schema, depth: int) -> float:
        if "multipleOf" in schema:
            return self._integer({**schema, "minimum": schema.get("minimum", 0)}, depth)
        low = schema.get("minimum", schema.get("exclusiveMinimum", -5))
        return low + self._random.choice((0, 0.25, 1, 2.5))

    def _string(self, schema: Schema, depth: int) -> str:
        if "format" in schema:
            return OF_FORMAT[schema["format"]]
        if "contentEncoding" in schema:
            return "AQID"
        fitting = [
            text for text in STRINGS if schema.get("minLength", 0) <= len(text) <= schema.get("maxLength", 10**6)
        ]
        return self._random.choice(fitting or ["a" * schema.get("minLength", 1)])

    def _array(self, schema: Schema, depth: int) -> list[Any]:
        low = schema.get("minItems", schema.get("minContains", 0))
        size = low if depth > 5 else self._random.randint(low, schema.get("maxItems", low + 2))
        size += self._random.random() < self._slips
        items = [self.make(schema.get("items", True), depth + 1) for _ in range(size)]
        if "contains" in schema and self._random.random() < 0.8:
            items = [self.make(schema["contains"], depth + 1), *items[1:]]
        return items

    def _object(self, schema: Schema, depth: int) -> dict[str, Any]:
        made: dict[str, Any] = {}
        required = schema.get("required", ())
        for name, member in schema.get("properties", {}).items():
            likely = 0.15 if depth > 4 else 0.5
            if self._random.random() < (1 - self._slips if name in required else likely):
                made[name] = self.make(member, depth + 1)
        others = schema.get("additionalProperties", True)
        if isinstance(others, dict) or (others is True and not schema.get("properties")):
            for name in self._random.sample(("a", "key", "other one", "longer than eight"), self._random.randint(0, 3)):
                made[name] = self.make(others, depth + 1)
        elif self._random.random() < 2 * self._slips:
            made["undeclared"] = self._random.choice(STRANGE)
        return made
