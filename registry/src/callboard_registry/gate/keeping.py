"""Verdicts as they are kept with their revisions."""

import json
from collections.abc import Sequence
from dataclasses import replace
from typing import cast

from sqlalchemy import Connection, RowMapping

from callboard_registry.database import upsert_all
from callboard_registry.tables import verdicts
from callboard_registry_api.verdicts import Finding, Override, Verdict


def keep_verdicts(connection: Connection, found: Sequence[tuple[str, str, Verdict]]) -> None:
    """Keep what was found out about revisions (service and digest), in place of what was found out before."""
    if rows := [_row(service, digest, verdict) for service, digest, verdict in found]:
        connection.execute(upsert_all(connection, verdicts, key=["service", "digest"]), rows)


def _row(service: str, digest: str, verdict: Verdict) -> dict[str, object]:
    override = verdict.override
    found = {"findings": list(map(vars, verdict.findings)), "warnings": list(map(vars, verdict.warnings))}
    return {
        "service": service,
        "digest": digest,
        "answer": verdict.answer,
        "bases": "\n".join(verdict.bases),
        "level": verdict.level,
        "strict": verdict.strict,
        "found": json.dumps(found, ensure_ascii=False).encode(),
        "next_service": verdict.next_service,
        "judged": verdict.judged,
        "override_author": override.author if override else None,
        "override_reason": override.reason if override else None,
        "override_at": override.at if override else None,
    }


def kept_verdict(row: RowMapping, *, revision: str) -> Verdict | None:
    """Return what a row says of a revision with this number; None when it was never judged."""
    if row[verdicts.c.answer] is None:
        return None
    found = cast("dict[str, list[dict[str, str]]]", json.loads(row.get(verdicts.c.found) or b"{}"))
    author = row[verdicts.c.override_author]
    return Verdict(
        answer=row[verdicts.c.answer],
        bases=tuple(filter(None, row[verdicts.c.bases].split("\n"))),
        level=row[verdicts.c.level],
        strict=row[verdicts.c.strict],
        findings=tuple(Finding(**each) for each in found.get("findings", [])),
        warnings=tuple(Finding(**each) for each in found.get("warnings", [])),
        revision="" if row[verdicts.c.answer] == "incompatible" else revision,
        next_service=row[verdicts.c.next_service],
        judged=row[verdicts.c.judged],
        override=None
        if author is None
        else Override(author=author, reason=row[verdicts.c.override_reason], at=row[verdicts.c.override_at]),
    )


def same_verdict(held: Verdict | None, new: Verdict) -> bool:
    """Tell whether what is kept says the same as what was found out just now."""
    return held is not None and replace(held, judged=new.judged, revision=new.revision) == new
