"""What HTTP answers about whether one revision may take the place of another."""

import json
from dataclasses import asdict
from typing import cast

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict

from callboard_registry.gate.gate import Comparison
from callboard_registry.registry import Registry
from callboard_registry.web import shapes
from callboard_registry.web.describing import body_is
from callboard_registry.web.moments import moment
from callboard_registry.web.requests import body_of, read_as
from callboard_registry_api.verdicts import Finding, Level, Verdict


class Comparing(BaseModel):
    """Which revisions to compare. What is left out is as it would be when publishing."""

    model_config = ConfigDict(extra="forbid")

    service: str = ""
    from_digest: str = ""
    to_digest: str = ""
    document: dict[str, object] | None = None
    level: Level | None = None
    strict: bool | None = None


def compatibility_router(registry: Registry) -> APIRouter:
    """Serve comparisons of listings."""
    router = APIRouter()

    @router.post("/v1/compatibility", response_model=shapes.Verdict, openapi_extra=body_is("Comparing"))
    async def compare(request: Request) -> JSONResponse:
        """Say what would become of callers if one revision took the place of others; keeps nothing."""
        body = read_as(Comparing, await body_of(request))
        document = b"" if body.document is None else json.dumps(body.document).encode()
        verdict = await registry.compare_listings(
            Comparison(
                service=body.service,
                from_digest=body.from_digest,
                to_digest=body.to_digest,
                document=document,
                level=body.level,
                strict=body.strict,
            )
        )
        return JSONResponse(shown_verdict(verdict))

    del compare  # it lives in the router now
    return router


def shown_verdict(verdict: Verdict) -> dict[str, object]:
    """Return a verdict as JSON holds it."""
    override = verdict.override
    return {
        "answer": verdict.answer,
        "bases": list(verdict.bases),
        "level": verdict.level,
        "strict": verdict.strict,
        "findings": [shown_finding(finding) for finding in verdict.findings],
        "warnings": [shown_finding(finding) for finding in verdict.warnings],
        "revision": verdict.revision,
        "next_service": verdict.next_service,
        "judged": moment(verdict.judged),
        "override": override and {"author": override.author, "reason": override.reason, "at": moment(override.at)},
        "affected": [
            {**asdict(each), "last": None if each.last is None else moment(each.last)} for each in verdict.affected
        ],
    }


def shown_finding(finding: Finding) -> dict[str, object]:
    """Return one finding of a verdict as JSON holds it."""
    shown = cast("dict[str, object]", asdict(finding))
    # A document may be null, so that its member is there only when there is one.
    written = shown.pop("counterexample")
    return {**shown, "counterexample": json.loads(str(written))} if written else shown
