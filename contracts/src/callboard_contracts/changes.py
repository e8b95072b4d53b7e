"""What a change of promises does to a caller. Schemas are left out: the registry proves what becomes of them.

A change *breaks* when a call that was right may now fail, or may do what its caller has not agreed to. It is *warned*
of when every call still ends as it did, but somebody may have counted on more. Everything else is harmless.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final, Literal, cast

from callboard_contracts.descriptions import OperationDescription, ServiceDescription
from callboard_contracts.promises import Promise

PromiseRule = Literal[
    "service",
    "endpoint",
    "operation",
    "kind",
    "effect",
    "entity",
    "longest",
    "latency",
    "idempotency",
    "remembered",
    "model_callable",
    "sensitive",
]
"""What a change is about."""

_A_DAY: Final = timedelta(days=1)
"""How long an idempotency key is remembered where the promise says nothing."""

_EFFECTS: Final = ("read", "write", "irreversible")

Schema = Mapping[str, object]


@dataclass(frozen=True)
class PromiseChange:
    """One change of what is promised beside the schemas, for the worse."""

    rule: PromiseRule
    sentence: str
    """What it means, for people."""

    pointer: str
    """Where it is said, as a JSON pointer into the operation's description; into the service's when there is none."""

    operation: str = ""
    """Empty when it is about the service as a whole."""

    breaks: bool = True
    """Whether a call may break by it. If not, callers are warned."""


def promise_changes(
    old: ServiceDescription | Mapping[str, object], new: ServiceDescription | Mapping[str, object]
) -> list[PromiseChange]:
    """Name every change for the worse from the old listing to the new one, beside the schemas.

    Takes what `describe` answers, or its JSON form.
    """
    before, after = ServiceDescription.model_validate(old), ServiceDescription.model_validate(new)
    found: list[PromiseChange] = []
    if before.service != after.service:
        found.append(_about_all("service", f"the service is called {after.service!r}, was {before.service!r}"))
    if before.endpoint != after.endpoint:
        found.append(_about_all("endpoint", f"the endpoint is {after.endpoint!r}, was {before.endpoint!r}"))
    offered = {operation.name: operation for operation in after.operations}
    for operation in before.operations:
        successor = offered.get(operation.name)
        if successor is None:
            found.append(PromiseChange("operation", "the operation was removed", "", operation.name))
        else:
            found.extend(_operation_changes(operation, successor))
    return found


def _about_all(rule: Literal["service", "endpoint"], sentence: str) -> PromiseChange:
    return PromiseChange(rule, sentence, f"/{rule}")


def _operation_changes(old: OperationDescription, new: OperationDescription) -> Iterator[PromiseChange]:
    def change(rule: PromiseRule, field: str, sentence: str, *, breaks: bool = True) -> PromiseChange:
        return PromiseChange(rule, sentence, f"/promise/{field}", new.name, breaks)

    was, now = old.promise, new.promise
    if was.kind != now.kind:
        yield change("kind", "kind", f"promised to be a {was.kind}, is a {now.kind}")
    if _EFFECTS.index(now.effect) > _EFFECTS.index(was.effect):
        yield change("effect", "effect", f"promised effect {was.effect!r}, has {now.effect!r}")
    if was.entity != now.entity:
        yield change("entity", "entity", f"promised to act on {was.entity!r}, acts on {now.entity!r}")
    if now.longest < was.longest:
        said = f"promised to work for up to {_seconds(was.longest)}, gives up after {_seconds(now.longest)}"
        yield change("longest", "longest_seconds", said)
    if now.latency > was.latency:
        said = f"aimed to answer within {_seconds(was.latency)}, aims at {_seconds(now.latency)}"
        # A target, not a limit: the calls that ended in time still do.
        yield change("latency", "latency_seconds", said, breaks=False)
    if now.idempotency not in (was.idempotency, "natural"):
        said = f"promised idempotency {was.idempotency!r}, has {now.idempotency!r}"
        yield change("idempotency", "idempotency", said)
    kept, keeps = was.remembered or _A_DAY, now.remembered or _A_DAY
    if keeps < kept:
        said = f"promised to remember idempotency keys for {kept / _A_DAY:g} d, does for {keeps / _A_DAY:g} d"
        yield change("remembered", "remembered_seconds", said)
    if was.model_callable and not now.model_callable:
        yield change("model_callable", "model_callable", "promised to be callable by a model, is not")
    for path, sentence, breaks in _data_changes(was, new):
        yield change("sensitive", f"sensitive/{_escaped(path)}", sentence, breaks=breaks)


def _data_changes(was: Promise, new: OperationDescription) -> Iterator[tuple[str, str, bool]]:
    now = new.promise.sensitive
    for path, data in was.sensitive.items():
        # What is not there any more needs no care.
        if now.get(path) != data and (path in now or _may_hold(new, path)):
            yield path, f"promised to treat {path!r} as {data!r}, treats it as {now.get(path)!r}", True
    for path, data in now.items():
        if path not in was.sensitive:
            yield path, f"treats {path!r} as {data!r} from now on; callers may have to, too", False


def _may_hold(operation: OperationDescription, path: str) -> bool:
    return any(_leads(schema, path.split("."), schema, frozenset()) for schema in (operation.input, operation.output))


def _leads(schema: object, path: Sequence[str], whole: Schema, seen: frozenset[tuple[str, int]]) -> bool:
    """Tell whether a value of the schema may have something at this path; lists are entered without saying so."""
    if not path:
        return True
    if not isinstance(schema, Mapping):
        return False
    keywords = cast(Schema, schema)
    if isinstance(reference := keywords.get("$ref"), str) and (reference, len(path)) not in seen:
        definitions = cast(Schema, whole.get("$defs", {}))
        target = definitions.get(reference.removeprefix("#/$defs/"))
        if _leads(target, path, whole, seen | {(reference, len(path))}):
            return True
    members = cast(Schema, keywords.get("properties", {}))
    if path[0] in members and _leads(members[path[0]], path[1:], whole, seen):
        return True
    if path[0] == "*" and any(
        _leads(each, path[1:], whole, seen) for each in (*members.values(), keywords.get("additionalProperties"))
    ):
        return True
    inside = [branch for word in ("anyOf", "oneOf", "allOf", "prefixItems") for branch in _branches(keywords, word)]
    return any(_leads(branch, path, whole, seen) for branch in (*inside, keywords.get("items")))


def _branches(keywords: Schema, word: str) -> Sequence[object]:
    return cast(Sequence[object], keywords.get(word, ()))


def _seconds(duration: timedelta) -> str:
    return f"{duration.total_seconds():g} s"


def _escaped(step: str) -> str:
    return step.replace("~", "~0").replace("/", "~1")
