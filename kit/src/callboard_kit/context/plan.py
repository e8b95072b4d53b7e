"""A plan for a context, and the step that carries it out in a workflow."""

import asyncio
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from temporalio import workflow
from temporalio.exceptions import FailureError

from callboard_contracts import MeshError, RefusedError, UnavailableError
from callboard_kit import events, mesh
from callboard_kit.context.pieces import MISSING, Dropped, Fetched, Looking, Piece, Prepared, SourceRecord
from callboard_kit.context.ranking import Keep, Offered, least_tokens, select
from callboard_kit.context.sources import Source
from callboard_kit.failing import from_failure
from callboard_kit.token_size import BYTES_PER_TOKEN, tokens_of

MOST_SOURCES: Final = 16
"""Sources of one plan: each is asked at the same time as all the others."""

LONGEST_DEADLINE: Final = timedelta(minutes=5)

GIVEN: Final = "given"
"""The source of what whoever started the run gave it."""

MEMO: Final = "callboard_context"
"""The memo in which a workflow's last contexts are recorded: where they are from, and not what they say."""

PATCH: Final = "callboard-context"
"""The patch behind which contexts are prepared, so that runs from before an agent had any go on without."""

_MOST_IN_MEMO: Final = 5
_LONGEST_ERROR: Final = 300
_NAME: Final = re.compile(r"[a-z][a-z0-9_-]{0,39}")


class ContextPlanError(ValueError):
    """A plan that cannot be carried out as it is written; the message says what to change."""


@dataclass(frozen=True, kw_only=True)
class ContextPlan:
    """What an agent's model is to know before it begins.

    Raises:
        ContextPlanError: Something in it cannot work.
    """

    sources: Sequence[Source] = ()
    """Where it comes from; all are asked at the same time."""

    max_tokens: int = 2_000
    """What the model may be given to read, by the estimate of `callboard_kit.token_size`. Never more than a quarter of
    what its run may still use."""

    keep: Keep | None = None
    """Which pieces may be given to the model at all: a pure function. Absent: all that are not outdated."""

    def __post_init__(self) -> None:
        """Check what can be checked without carrying it out."""
        object.__setattr__(self, "sources", tuple(self.sources))
        names = [each.name for each in self.sources]
        if bad := next((name for name in names if not _NAME.fullmatch(name) or name == GIVEN), None):
            raise ContextPlanError(
                f"a source cannot be called {bad!r}; use up to 40 lower-case letters, digits, '_' and '-', "
                f"and not {GIVEN!r}"
            )
        if twice := next((name for name in names if names.count(name) > 1), None):
            raise ContextPlanError(f"two sources are called {twice!r}; rename one of them")
        if len(names) > MOST_SOURCES:
            raise ContextPlanError(f"{len(names)} sources are too many; at most {MOST_SOURCES} are asked at once")
        for each in self.sources:
            if not timedelta(0) < each.deadline <= LONGEST_DEADLINE:
                raise ContextPlanError(f"source {each.name!r} has {each.deadline} to answer; give it up to 5 minutes")
            if each.at_most < 1 or each.weight < 0:
                raise ContextPlanError(f"source {each.name!r} may give nothing; raise `at_most` or `weight`")
        least = least_tokens(dict.fromkeys(names, "unavailable"))
        if self.max_tokens < least:
            raise ContextPlanError(f"{self.max_tokens} tokens cannot even say what is missing; give it {least} or more")

    async def prepare(
        self, goal: str, *, agent: str, given: Sequence[Piece] = (), most_tokens: int | None = None
    ) -> Prepared:
        """Fetch from all sources, and make a context of what arrived. Only from a workflow.

        A source that fails, or is late, does not fail the run: the context says that it is missing.

        Args:
            goal: What is wanted.
            agent: Whose context it is.
            given: What whoever started the run gave it to know.
            most_tokens: What it may take, where that is less than the plan allows.
        """
        call = mesh.maybe_current()
        looking = Looking(
            goal=goal,
            agent=agent,
            team="" if call is None else call.team,
            person=None if call is None else call.person,
            now=workflow.now(),
        )
        # Whether a source applies is found without asking anybody: a run for which none does leaves no trace of this.
        if not (given or any(_applies(each, looking) for each in self.sources)) or not workflow.patched(PATCH):
            return Prepared()
        fetched = await asyncio.gather(*(_fetched(each, looking) for each in self.sources))
        prepared = self._made(looking, fetched, given, min(self.max_tokens, most_tokens or self.max_tokens))
        _record(agent, prepared)
        return prepared

    def _made(
        self, looking: Looking, fetched: Sequence["_Fetched"], given: Sequence[Piece], most_tokens: int
    ) -> Prepared:
        offered = [
            Offered(source.name, each.pieces, source.weight, source.at_most)
            for source, each in zip(self.sources, fetched, strict=True)
        ]
        records = [each.record for each in fetched]
        if given:
            # What was given for this very run comes before what was found for it.
            pieces = [each.model_copy(update={"relevance": 1.0}) for each in given]
            offered.append(Offered(GIVEN, pieces, weight=1_000.0, at_most=len(pieces)))
            records.append(SourceRecord(source=GIVEN, at=looking.now, fetched="ok", found=len(pieces)))
        missing: dict[str, Fetched] = {each.source: each.fetched for each in records if each.fetched in MISSING}
        selection = select(offered, looking, max_tokens=most_tokens, missing=missing, keep=self.keep)
        kept = Counter(each.source for each in selection.context.chosen)
        return Prepared(
            context=selection.context,
            text=selection.text,
            tokens=tokens_of(selection.text),
            sources=tuple(
                each.model_copy(
                    update={
                        "kept": kept[each.source],
                        "dropped": _none_left_out(selection.dropped.get(each.source)),
                        "tokens": -(-selection.bytes.get(each.source, 0) // BYTES_PER_TOKEN),
                    }
                )
                for each in records
            ),
            calls=sum(
                source.is_call and each.record.fetched != "skipped"
                for source, each in zip(self.sources, fetched, strict=True)
            ),
        )


@dataclass(frozen=True)
class _Fetched:
    """What came of asking one source."""

    pieces: Sequence[Piece]
    record: SourceRecord


async def _fetched(source: Source, looking: Looking) -> _Fetched:
    """Ask one source, within its deadline."""
    began = workflow.now()

    def record(fetched: Fetched, *, found: int = 0, error: str = "") -> SourceRecord:
        return SourceRecord(
            source=source.name,
            at=began,
            seconds=(workflow.now() - began).total_seconds(),
            fetched=fetched,
            found=found,
            error=error[:_LONGEST_ERROR],
        )

    try:
        if not source.applies(looking):
            return _Fetched((), record("skipped"))
        asking = asyncio.ensure_future(source.fetch(looking))
    except Exception as error:  # What a team's own function raises must not end the run over what it might have known.
        workflow.logger.warning("source %r cannot be asked", source.name, exc_info=error)
        return _Fetched((), record("failed", error=_failed(source)))
    try:
        await asyncio.wait({asking}, timeout=source.deadline.total_seconds())
    finally:
        if not asking.done():
            asking.cancel()
            asking.add_done_callback(_heard)
    if not asking.done() or asking.cancelled():
        return _Fetched((), record("late", error=f"no answer within {source.deadline.total_seconds():g} s"))
    error = asking.exception()
    if error is None:
        pieces = tuple(asking.result())
        return _Fetched(pieces, record("ok" if pieces else "empty", found=len(pieces)))
    if not isinstance(error, Exception):
        raise error  # It is no failure of the source: the run itself is to end.
    if not isinstance(error, MeshError | FailureError):
        workflow.logger.warning("source %r failed", source.name, exc_info=error)
        return _Fetched((), record("failed", error=_failed(source)))
    known = from_failure(error, what=f"source {source.name!r}")
    late = workflow.now() - began >= source.deadline
    return _Fetched((), record("late" if late else _kind(known), error=str(known or "it was cancelled")))


def _applies(source: Source, looking: Looking) -> bool:
    try:
        return source.applies(looking)
    except Exception:  # It is said where it is fetched from.
        return True


def _heard(asking: "asyncio.Future[Sequence[Piece]]") -> None:
    """Hear how a source ended that nobody waits for any more."""
    if not asking.cancelled():
        asking.exception()


def _kind(error: MeshError | None) -> Fetched:
    match error:
        case RefusedError():
            return "refused"
        case UnavailableError() | None:
            return "unavailable"
        case _:
            return "failed"


def _failed(source: Source) -> str:
    return f"source {source.name!r} failed for a reason of its own; the worker's log has it"


def _none_left_out(dropped: Counter[Dropped] | None) -> Mapping[Dropped, int]:
    return {} if dropped is None else {why: count for why, count in sorted(dropped.items()) if count}


def _record(agent: str, prepared: Prepared) -> None:
    """Say where a context is from: to whoever watches, and where it lasts."""
    events.tell(events.ContextPrepared(agent=agent, tokens=prepared.tokens, sources=_told(prepared)))
    earlier = workflow.memo_value(MEMO, default=list[dict[str, object]](), type_hint=list[dict[str, object]])
    record = {"agent": agent, "tokens": prepared.tokens, "sources": _told(prepared)}
    workflow.upsert_memo({MEMO: [*earlier, record][-_MOST_IN_MEMO:]})


def _told(prepared: Prepared) -> tuple[dict[str, object], ...]:
    call = mesh.maybe_current()
    # An error may quote what was said; where that is sensitive it stays with the team.
    hidden = {"error"} if call is not None and call.wordless else None
    return tuple(each.model_dump(mode="json", exclude_defaults=True, exclude=hidden) for each in prepared.sources)
