"""`callboard audit` and `callboard catalog callers`: who called what, how it ended, and who depends on whom."""

import asyncio
import re
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Final

import typer

from callboard.command.registry import open_registry
from callboard.command.terminal import print_json, say, since
from callboard.failures import CommandError

if TYPE_CHECKING:
    from callboard_registry_api.audit import AuditPosition, CallFilter, Consumer
    from callboard_registry_api.model import CallRecord, Outcome

_UNITS: Final = {"s": "seconds", "min": "minutes", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}

_Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
_Since = Annotated[
    str, typer.Option("--since", metavar="WHEN", help="A span as in 90m, 12h or 7d, or a day or time in UTC.")
]


def audit(
    *,
    root: Annotated[str, typer.Option("--root", help="Only the tree of calls with this id.")] = "",
    team: Annotated[str, typer.Option("--team", help="Only calls that this team made or was asked for.")] = "",
    operation: Annotated[
        str, typer.Option("--operation", help="Only this one: orders.v1.cancel_pending_order, or without the service.")
    ] = "",
    entity: Annotated[
        str, typer.Option("--entity", help="Only calls that acted on this, as their caller wrote it.")
    ] = "",
    outcome: Annotated[
        list[str] | None, typer.Option("--outcome", help="Only calls that ended like this; may be said several times.")
    ] = None,
    since: _Since = "1d",
    limit: Annotated[int, typer.Option("--limit", min=1, help="At most this many, the newest.")] = 50,
    positions: Annotated[
        bool, typer.Option("--positions", help="Show how far the audit has read each namespace instead.")
    ] = False,
    as_json: _Json = False,
) -> None:
    """Show who called what and how it ended, the newest call last.

    A call that is not over is shown as started.
    """
    if positions:
        _show_positions(asyncio.run(_positions()), as_json=as_json)
        return
    service, _, name = operation.rpartition(".")
    which = _filter(root, team, service, name, outcome or [], moment(since))
    records = asyncio.run(_records(which, entity, limit))
    if as_json:
        print_json([as_data(each) for each in records])
        return
    _show(records)
    if not records:
        say(f"no such call since {moment(since):%Y-%m-%d %H:%M} UTC; ask for more with --since")
    elif len(records) == limit:
        say(f"the newest {limit}; ask for more with --limit")


def callers(
    service: Annotated[str, typer.Argument(help="Its name, as in orders.v1.")],
    *,
    operation: Annotated[str, typer.Option("--operation", help="Only who calls this one.")] = "",
    since: _Since = "30d",
    as_json: _Json = False,
) -> None:
    """Show who says that it calls a service and who was seen to, by operation and revision."""
    found = asyncio.run(_consumers(service, operation, moment(since)))
    if as_json:
        print_json([_consumer_data(each) for each in found])
        return
    _show_consumers(found)
    if not found:
        say(f"nobody says that it calls {service!r}, nor was seen to; 'callboard catalog list' shows what there is")


def moment(text: str) -> datetime:
    """Return the moment that `text` means: so long ago, or a day or time in UTC.

    Raises:
        CommandError: It means none.
    """
    span = re.fullmatch(r"(\d{1,6})(s|min|m|h|d|w)", text)
    try:
        if span:
            return datetime.now(UTC) - timedelta(**{_UNITS[span[2]]: int(span[1])})
        written = datetime.fromisoformat(text)
    except (ValueError, OverflowError):
        raise CommandError(f"{text!r} is no time; use one like 90m, 12h, 7d, 2026-11-21 or 2026-11-21T08:30") from None
    return written if written.tzinfo else written.replace(tzinfo=UTC)


def as_data(record: "CallRecord") -> dict[str, object]:
    """Return a call record for programs."""
    return {
        **vars(record),
        "start": record.start.isoformat(),
        "duration": None if record.duration is None else record.duration.total_seconds(),
    }


def _filter(root: str, team: str, service: str, operation: str, outcomes: list[str], since: datetime) -> "CallFilter":
    from callboard_registry_api.audit import CallFilter
    from callboard_registry_api.model import OUTCOMES

    if unknown := [each for each in outcomes if each not in OUTCOMES]:
        raise CommandError(f"{unknown[0]!r} is no outcome; the outcomes are {', '.join(OUTCOMES)}")
    chosen: list[Outcome] = [each for each in OUTCOMES if each in outcomes]
    return CallFilter(root=root, team=team, service=service, operation=operation, outcomes=tuple(chosen), since=since)


async def _records(which: "CallFilter", entity: str, limit: int) -> "list[CallRecord]":
    from dataclasses import replace

    from callboard_kit.discretion import entity_digest

    # What is sensitive is in no record, only its digest; who looks for it need not know which it is.
    filters = [replace(which, entity=each) for each in (entity, entity_digest(entity))] if entity else [which]
    found: list[CallRecord] = []
    async with open_registry() as registry:
        for each in filters:
            # Most calls have two records: that they started, and how they ended.
            cursor, more = "", 2 * limit
            while more > 0:
                page = await registry.audit.calls(each, after=cursor, page_size=min(more, 1000), newest_first=True)
                found.extend(page.records)
                cursor, more = page.cursor, more - len(page.records)
                if not page.records:
                    break
    over = {_call(each) for each in found if each.outcome != "started"}
    shown = [each for each in found if each.outcome != "started" or _call(each) not in over]
    return sorted(shown, key=lambda record: record.start)[-limit:]


def _call(record: "CallRecord") -> tuple[str, str, str, str]:
    return record.reporter, record.token_id, record.endpoint, record.operation


async def _consumers(service: str, operation: str, since: datetime) -> "tuple[Consumer, ...]":
    async with open_registry() as registry:
        return await registry.audit.consumers(service, operation=operation, since=since)


async def _positions() -> "tuple[AuditPosition, ...]":
    async with open_registry() as registry:
        return await registry.audit.positions()


def _show(records: "list[CallRecord]") -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table(box=None)
    for column in ("start", "caller", "operation", "entity", "outcome", "took", "tokens", "root"):
        table.add_column(column, no_wrap=column not in ("entity", "root"))
    table.add_column("reason")
    for each in records:
        tokens = each.input_tokens + each.output_tokens
        table.add_row(
            f"{each.start:%m-%d %H:%M:%S}",
            each.caller,
            f"{each.service}.{each.operation}",
            each.entity,
            each.outcome,
            "" if each.duration is None else _took(each.duration),
            str(tokens) if tokens else "",
            each.root,
            each.reason,
        )
    Console().print(table)


def _show_consumers(found: "tuple[Consumer, ...]") -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table("team", "declared", "operation", "revision", "calls", "errors", "last", box=None)
    for each in found:
        table.add_row(
            each.team,
            "yes" if each.declared else "no",
            each.operation or "not seen",
            each.revision[:19],
            str(each.calls) if each.seen else "",
            f"{each.errors / each.calls:.1%}" if each.seen else "",
            f"{since(each.last, datetime.now(UTC))} ago" if each.last else "",
        )
    Console().print(table)


def _show_positions(found: "tuple[AuditPosition, ...]", *, as_json: bool) -> None:
    if as_json:
        print_json(
            [
                {
                    **vars(each),
                    "read_until": None if each.read_until is None else each.read_until.isoformat(),
                    "looked": each.looked.isoformat(),
                }
                for each in found
            ]
        )
        return
    from rich.console import Console
    from rich.table import Table

    table = Table("namespace", "looked", "read until", "under way", "problem", box=None)
    for each in found:
        until = "" if each.read_until is None else f"{each.read_until:%Y-%m-%d %H:%M:%S}"
        table.add_row(
            each.namespace, f"{since(each.looked, datetime.now(UTC))} ago", until, str(each.open), each.problem
        )
    Console().print(table)
    if not found:
        say(
            "no observer has looked yet; 'callboard up' starts one, and so does 'python -m callboard_registry.observer'"
        )


def _took(duration: timedelta) -> str:
    seconds = duration.total_seconds()
    return f"{seconds * 1000:.0f} ms" if seconds < 1 else f"{seconds:.1f} s"


def _consumer_data(consumer: "Consumer") -> dict[str, object]:
    return {
        **vars(consumer),
        "seen": consumer.seen,
        "error_rate": consumer.errors / consumer.calls if consumer.calls else None,
        "last": None if consumer.last is None else consumer.last.isoformat(),
    }
