"""Tasks with a known outcome: what a customer asks for, the calls that settle it, and every record they change."""

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final

from callboard_contracts import describe, services

Records = Mapping[str, Mapping[str, Any]]
"""Records of `users`, `orders` and `products` by their ids. Any: JSON as the file has it."""

TESTS: Final = Path(__file__).resolve().parents[1]
RETAIL: Final = Path(os.environ.get("CALLBOARD_RETAIL_DATA", TESTS.parents[1] / "shared" / "tau2-retail"))
"""Where the public retail tasks lie, if they are there."""


@dataclass(frozen=True)
class Action:
    """One call of the reference solution."""

    name: str
    arguments: Mapping[str, Any]
    ok: bool
    result: Any = None
    """What an action that works returns."""

    @property
    def writes(self) -> bool:
        """Whether it has an effect when it works."""
        return _operations()[self.name].effect != "read"

    @property
    def tool(self) -> str:
        """What a model calls it by."""
        return _operations()[self.name].tool

    @property
    def answer(self) -> Any:
        """The result as the contract has it: a bare value in an object of one field, and without nulls."""
        field = _operations()[self.name].only_field
        bare = self.result if not isinstance(self.result, dict) or self.name == "list_all_product_types" else None
        return without_nulls({field: bare} if bare is not None else self.result)


@dataclass(frozen=True)
class Task:
    """What a customer wants, and what is right."""

    id: str
    words: str
    actions: Sequence[Action]
    changed: Records
    """Every record that must differ from the start when all is done, by table."""

    def entities(self, records: Records) -> frozenset[str]:
        """Return the users and orders that this task reads or changes."""
        told = {word for action in self.actions for word in _words([action.arguments, action.result])}
        told |= {key for table in self.changed.values() for key in table}
        orders = {key for key in told if key in records["orders"]}
        users = {key for key in told if key in records["users"]}
        return frozenset(orders | users | {records["orders"][key]["user_id"] for key in orders})


@dataclass(frozen=True)
class TaskSet:
    """Tasks and the records they start from."""

    name: str
    source: Path
    """The file with the records."""

    records: Records
    tasks: Sequence[Task]


def retail() -> TaskSet | None:
    """Return the public retail tasks, or None where they are not at hand."""
    return _read("retail", RETAIL / "db.json", RETAIL / "tasks-train.json") if RETAIL.is_dir() else None


def own() -> TaskSet:
    """Return the tasks that come with the tests."""
    here = TESTS / "conformance"
    return _read("own", here / "own-db.json", here / "own-tasks.json")


def without_nulls(value: Any) -> Any:
    """Return a document in which null and absent are the same: absent."""
    if isinstance(value, Mapping):
        return {key: without_nulls(inner) for key, inner in value.items() if inner is not None}
    if isinstance(value, list | tuple):
        return [without_nulls(inner) for inner in value]
    return value


def as_reference(answer: Any) -> Any:
    """Return what an operation answered as a reference would have it: without nulls, and without the record's etag.

    An etag only stands for the rest of the record, and the reference knows none.
    """
    bare = without_nulls(answer)
    return {key: value for key, value in bare.items() if key != "etag"} if isinstance(bare, dict) else bare


@dataclass(frozen=True)
class _Operation:
    tool: str
    effect: str
    only_field: str


@cache
def _operations() -> Mapping[str, _Operation]:
    # No two services have an operation of the same name, but for `assist`, which no task calls.
    return {
        operation.name: _Operation(
            tool=f"{service.replace('.', '_')}__{operation.name}",
            effect=operation.promise.effect,
            only_field=next(iter(operation.output.get("properties", {"": None}))),
        )
        for service in services
        for operation in describe(services[service]).operations
    }


@cache
def _read(name: str, source: Path, tasks: Path) -> TaskSet:
    return TaskSet(
        name=name,
        source=source,
        records=without_nulls(json.loads(source.read_text(encoding="utf-8"))),
        tasks=tuple(_task(content) for content in json.loads(tasks.read_text(encoding="utf-8"))),
    )


def _task(content: Mapping[str, Any]) -> Task:
    request = content["request"]
    words = "\n".join(
        str(request[part]) for part in ("reason_for_call", "known_info", "unknown_info") if part in request
    )
    actions = tuple(
        Action(name=each["name"], arguments=each["arguments"], ok=each["ok"], result=each.get("result"))
        for each in content["actions"]
    )
    # The id keeps the words of two tasks apart: a script is found by them.
    return Task(
        id=str(content["id"]),
        words=f"{words}\n(Case {content['id']}.)",
        actions=actions,
        changed=without_nulls(content["changed"]),
    )


def _words(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for key, inner in value.items():
            yield str(key)
            yield from _words(inner)
    elif isinstance(value, list | tuple):
        for inner in value:
            yield from _words(inner)
