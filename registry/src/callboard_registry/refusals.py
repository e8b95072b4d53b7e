"""How the registry says no: one exception, which the gRPC and the HTTP side translate each in one place."""

from collections.abc import Sequence
from typing import Literal

from callboard_registry_api.verdicts import Finding

Kind = Literal["invalid", "not_found", "unauthenticated", "denied", "conflict", "exhausted", "gone"]
"""Why: wrong as sent, not there, nobody proved to be asking, not theirs to do, not in the present state, too much at
once, or not kept any more."""


class Refusal(Exception):  # noqa: N818 - an answer of the registry, not a mistake of it
    """A request that will not be granted, and what to change about it."""

    def __init__(
        self,
        kind: Kind,
        field: str,
        message: str,
        *,
        retry_after: float | None = None,
        findings: Sequence[Finding] = (),
    ) -> None:
        super().__init__(message)
        self.kind: Kind = kind
        self.field = field
        """The part of the request at fault, e.g. `document.operations[0].name`."""
        self.message = message
        self.retry_after = retry_after
        """After how many seconds the same request may be granted; None when waiting does not help."""
        self.findings = tuple(findings)
        """What was found out about the revision that this is about, where that is why."""
