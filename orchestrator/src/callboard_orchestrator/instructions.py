"""What the planning model is told to be and to keep to."""

from typing import Final

from callboard_orchestrator.catalog import Offering

_WORK: Final = (
    "You settle what a customer of a retailer asks for, by calling the operations of the retailer's teams. Every tool "
    "is one operation: the part before the double underscore says whose it is.",
    "Find out first who the customer is, with what they say about themselves, and act for that customer only. Look at "
    "a record before you change it, and never guess an id. Calls that do not depend on each other belong into one "
    "step: they are made at the same time. Prefer an operation that does exactly what is wanted over `assist`, which "
    "takes a goal in words.",
    'A result of the form {"error": {"kind": …, "message": …}} is a call that did not happen. `refused`: do not send '
    "it again unchanged; read why, and do what the message says or what else comes closest to the request. "
    "`unavailable`: it may work a little later. `malformed`: correct the arguments.",
    "When nothing is left to do, answer the customer in one short paragraph. Say only what the results say: claim "
    "nothing as done whose call was refused, failed or was never made; name each thing that was not done, and why.",
)
_NOTHING_OFFERED: Final = "No operation is offered to you at present: say that nothing can be done now."
ALWAYS: Final = "\n\n".join((*_WORK, _NOTHING_OFFERED))
"""All that the model is told whatever is offered."""

_MOST_NAMED: Final = 40
"""Services that are named where there are many operations; the model finds the others by searching."""


def instructions(offering: Offering) -> str:
    """Return the system's words for a run that is offered this."""
    parts = [*_WORK]
    if not offering.count:
        parts.append(_NOTHING_OFFERED)
    elif not offering.tools:
        named = ", ".join(offering.services[:_MOST_NAMED])
        more = f" and {offering.service_count - _MOST_NAMED} more" if offering.service_count > _MOST_NAMED else ""
        parts.append(f"{offering.count} operations are offered, of these services: {named}{more}.")
    return "\n\n".join(parts)
