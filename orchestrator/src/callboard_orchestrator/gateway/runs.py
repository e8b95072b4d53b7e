"""`/v1/runs`: start a run, see how it stands, follow it, cancel it."""

import base64
import hashlib
import json
import re
import uuid
from datetime import datetime
from typing import Annotated, Final

from fastapi import APIRouter, Header, Path, Query, Response
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, ConfigDict, Field

from callboard_contracts import MeshError
from callboard_kit.context import Brief
from callboard_kit.events.model import Event
from callboard_kit.events.positions import BEGINNING, position
from callboard_kit.limits import Limits
from callboard_kit.tokens import LONGEST_TEXT
from callboard_orchestrator.gateway.callers import ACT_FOR, RUNS_ALL, Caller, RunsCaller
from callboard_orchestrator.gateway.problems import Problem, ProblemError
from callboard_orchestrator.gateway.sse import HEADERS, frames
from callboard_orchestrator.messages import Approvals, Settled
from callboard_orchestrator.runs import Mode, Run, RunExistsError, Runs, RunSummary, State

_KEY: Final = re.compile(r"[\x21-\x7e]{1,255}")
_DIGEST: Final = "callboard-request"
_SEAL: Final = 8

RunId = Annotated[str, Path(pattern=r"^[A-Za-z0-9_-]{1,80}$", description="The id of a run.")]


class NewRun(BaseModel):
    """What is to be settled."""

    model_config = ConfigDict(extra="forbid")

    words: Annotated[str, Field(min_length=1, max_length=20_000, pattern=r"\S")]
    """What is wanted, in plain language."""

    person: Annotated[str, Field(min_length=1, max_length=LONGEST_TEXT)] | None = None
    """Whom it is for; needs the scope `act-for`. Absent: whoever the token names."""

    limits: Limits | None = None
    """What it may use up."""

    approvals: Approvals = "none"
    """What a person must agree to before it is called: nothing, what changes something (`effects`), or `all`."""

    mode: Mode = "interactive"
    """`interactive` fails within seconds when no worker is there; `autonomous` waits for one."""

    brief: Brief | None = None
    """What the planning agent is given beside: instructions, a choice of tools, a model, things to know. The run is
    refused where no rule of the agent allows it."""


class RunView(BaseModel):
    """How a run stands."""

    id: str
    state: State
    """`running`, or how it ended."""

    started: datetime
    ended: datetime | None = None
    result: Settled | None = None
    """What came of it. Absent while it runs, where it did not end well, and in lists."""

    error: str | None = None
    """Why it did not end well. Absent otherwise, and in lists."""


class RunPage(BaseModel):
    """Some runs, newest first."""

    runs: list[RunView]
    next_page: str | None = None
    """What to give as `page` for more. Absent: there are no more."""


class Cancellation(BaseModel):
    """Why a run is cancelled."""

    model_config = ConfigDict(extra="forbid")

    reason: Annotated[str, Field(max_length=500)] = ""
    """In words; stands in Temporal."""


def router(runs: Runs) -> APIRouter:
    """Return the routes of runs."""
    routes = APIRouter(
        prefix="/v1/runs",
        tags=["runs"],
        responses={status: {"model": Problem} for status in (400, 401, 403, 404, 413, 422, 503)},
    )

    @routes.post("", status_code=201, responses={200: {"model": RunView}, 409: {"model": Problem}})
    async def start_run(
        caller: RunsCaller,
        new: NewRun,
        response: Response,
        idempotency_key: Annotated[str | None, Header(description="The same key starts the same run once.")] = None,
    ) -> RunView:
        """Start a run. It goes on whatever becomes of the one who started it."""
        if new.person is not None and new.person != caller.person.name:
            caller.require(ACT_FOR)
        run, fresh = await started(runs, caller, new, idempotency_key)
        response.headers["location"] = f"/v1/runs/{run.id}"
        if not fresh:
            response.status_code = 200
            response.headers["idempotent-replayed"] = "true"
        return _view(await run.summary())

    @routes.get("")
    async def list_runs(
        caller: RunsCaller,
        *,
        running: Annotated[bool, Query(description="Only those that run.")] = False,
        everybodys: Annotated[bool, Query(description="Not only one's own; needs the scope runs-all.")] = False,
        limit: Annotated[int, Query(ge=1, le=200)] = 50,
        page: Annotated[str, Query(max_length=4000, description="The next_page of the answer before.")] = "",
    ) -> RunPage:
        """List runs, newest first. Temporal shows a new one here after a moment."""
        if everybodys:
            caller.require(RUNS_ALL)
        prefix = "" if everybodys else f"{caller.prefix}-"
        found, more = await runs.list(prefix=prefix, running=running, most=limit, page=_opened(page, prefix))
        following = None if more is None else _sealed(more, prefix)
        return RunPage(runs=[_view(each) for each in found], next_page=following)

    @routes.get("/{run_id}")
    async def show_run(caller: RunsCaller, run_id: RunId) -> RunView:
        """Show a run: how it stands, and what came of it."""
        caller.may_see(run_id)
        run = runs.get(run_id)
        view = _view(await run.summary())
        if view.state != "running":
            try:
                view.result = await run.result()
            except MeshError as error:
                view.error = str(error)
        return view

    @routes.get(
        "/{run_id}/events",
        response_class=StreamingResponse,
        responses={
            200: {
                "description": "Server-sent events: `event` is the kind, `data` an Event, `id` what to go on from.",
                "content": {"text/event-stream": {"schema": Event.model_json_schema()}},
            }
        },
    )
    async def follow_run(
        caller: RunsCaller,
        run_id: RunId,
        last_event_id: Annotated[str | None, Header(description="Go on after this event.")] = None,
        after: Annotated[str | None, Query(description="The same, for who cannot set headers.")] = None,
    ) -> StreamingResponse:
        """Follow a run up to its end, from its beginning or from an event on. Leaving does not stop the run."""
        caller.may_see(run_id)
        since = position(last_event_id or after or BEGINNING)
        run = runs.get(run_id)
        # Before the answer begins: a run that is not there is a 404 and no empty stream.
        await run.summary()
        return StreamingResponse(frames(run.watch(after=since)), media_type="text/event-stream", headers=HEADERS)

    @routes.post("/{run_id}/cancel", status_code=202, responses={409: {"model": Problem}})
    async def cancel_run(caller: RunsCaller, run_id: RunId, why: Cancellation | None = None) -> RunView:
        """Ask a run to stop, with everything that it waits for."""
        caller.may_see(run_id)
        run = runs.get(run_id)
        if (summary := await run.summary()).state != "running":
            raise ProblemError(409, "run_over", f"run {run_id} is over: it is {summary.state!r}")
        await run.cancel(reason=why.reason if why is not None else "")
        return _view(await run.summary())

    return routes


async def started(runs: Runs, caller: Caller, new: NewRun, key: str | None) -> tuple[Run, bool]:
    """Start a run of the caller's, or find the one that this key started; the second value tells which.

    Raises:
        ProblemError: The key is none, or was used for something else.
    """
    if key is not None and not _KEY.fullmatch(key):
        raise ProblemError(
            400, "invalid_idempotency_key", "an Idempotency-Key has 1 to 255 visible ASCII characters and no spaces"
        )
    name = uuid.uuid4().hex[:20] if key is None else hashlib.sha256(key.encode()).hexdigest()[:20]
    run_id = f"{caller.prefix}-{name}"
    # It came later: left out where nothing is given, so that keys from before it mean what they meant.
    asked = new.model_dump(mode="json", exclude={"brief"} if new.brief is None else None)
    digest = hashlib.sha256(json.dumps(asked, sort_keys=True).encode()).hexdigest()
    try:
        run = await runs.start(
            new.words,
            person=new.person or caller.person.name,
            id=run_id,
            limits=new.limits,
            approvals=new.approvals,
            mode=new.mode,
            brief=new.brief,
            memo={_DIGEST: digest},
        )
    except RunExistsError:
        run = runs.get(run_id)
        if (await run.summary()).memo.get(_DIGEST) != digest:
            raise ProblemError(
                422, "idempotency_key_reused", "this Idempotency-Key was used for another request; take a new one"
            ) from None
        return run, False
    return run, True


def _view(summary: RunSummary) -> RunView:
    return RunView(id=summary.id, state=summary.state, started=summary.started, ended=summary.ended)


# Temporal answers a place it never gave with an error of its own, after many attempts: so what is not ours is known.
def _sealed(place: bytes, prefix: str) -> str:
    """Return a place in Temporal's list as clients carry it: with a digest that shows where it was given."""
    return base64.urlsafe_b64encode(_seal(place, prefix) + place).decode()


def _opened(text: str, prefix: str) -> bytes | None:
    """Return what `_sealed` was given; None for the beginning.

    Raises:
        ProblemError: It was not given in a list of these runs.
    """
    if not text:
        return None
    try:
        data = base64.b64decode(text, altchars=b"-_", validate=True)
    except ValueError:
        data = b""
    place = data[_SEAL:]
    if not place or data[:_SEAL] != _seal(place, prefix):
        raise ProblemError(400, "invalid_page", "'page' is not one that an answer to this question gave", param="page")
    return place


def _seal(place: bytes, prefix: str) -> bytes:
    return hashlib.sha256(prefix.encode() + place).digest()[:_SEAL]
