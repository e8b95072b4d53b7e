"""How a run is shown while it goes on: the model's words as they come, and a line for whatever else happens."""

import json
import sys
from typing import TYPE_CHECKING

from callboard.command.terminal import say

if TYPE_CHECKING:
    from callboard_kit.events.following import Told
    from callboard_kit.events.model import Event


class Screen:
    """Shows the events of one run: words to stdout, everything else to stderr, or all of it as lines of JSON.

    What other teams do meanwhile does not break into a sentence: it is told when the sentence is over.
    """

    def __init__(self, *, as_json: bool) -> None:
        self._as_json = as_json
        self._step = ""
        self._attempt = 0
        self._open_line = False
        self._speaks = ""
        self._held: list[str] = []
        self.said = ""
        """What the model at the root has said in its last step, as it stands on the screen."""

    def show(self, told: "Told") -> None:
        """Show one event."""
        if self._as_json:
            document = {"position": told.position, **told.event.model_dump(mode="json")}
            sys.stdout.write(json.dumps(document, ensure_ascii=False) + "\n")
            sys.stdout.flush()
            return
        if told.event.kind == "text.delta":
            self._say(told.event)
        elif line := in_words(told.event):
            self._held.append(line)
            if not self._open_line or told.event.team == self._speaks:
                self.finish()

    def finish(self) -> None:
        """End the line that is written on, if any, and tell what was held back for it."""
        if self._open_line:
            sys.stdout.write("\n")
            sys.stdout.flush()
            self._open_line = False
        for line in self._held:
            say(f"· {line}")
        self._held.clear()

    def _say(self, event: "Event") -> None:
        from callboard_kit.events.model import TextDelta

        delta = event.detail
        assert isinstance(delta, TextDelta)
        if (delta.step, delta.attempt) != (self._step, self._attempt):
            self.finish()
            self._step, self._attempt, self.said = delta.step, delta.attempt, ""
        sys.stdout.write(delta.text)
        sys.stdout.flush()
        self.said += delta.text
        self._speaks = event.team
        self._open_line = not delta.text.endswith("\n")


def in_words(event: "Event") -> str:
    """Return an event as a line for people; nothing for those that say no more than others."""
    from callboard_kit.events import model

    match event.detail:
        case model.ToolCalled() as tool:
            arguments = "" if tool.arguments is None else " " + json.dumps(dict(tool.arguments), ensure_ascii=False)
            return f"{event.team} calls {tool.service} {tool.name}{arguments}"
        case model.ToolReturned(outcome="ok") as tool:
            return f"{tool.tool}: ok"
        case model.ToolReturned() as tool:
            return f"{tool.tool}: {tool.outcome}: {tool.error}"
        case model.CallStarted() as call:
            return f"{event.team} works on {call.service} {event.operation} for {call.caller}"
        case model.StepRetracted() as step:
            return f"what was said is taken back: {step.reason}"
        case model.ApprovalAsked() as approval:
            return f"{approval.action} waits for a person: 'callboard approvals approve {approval.approval}'"
        case model.ApprovalAnswered() as approval:
            return f"{approval.approval}: {approval.decision}{f' by {approval.by}' if approval.by else ''}"
        case model.GuardBlocked() as guard:
            return f"guard {guard.guard} kept {guard.what} from happening: {guard.reason}"
        case model.RunReset() as reset:
            return f"reset to step {reset.step} by {reset.by}{', dry' if reset.dry else ''}"
        case model.Gap() as gap:
            return f"some events are missing here: {gap.reason}"
        case model.RunEnded() as end if end.outcome != "ok":
            return f"the run ended: {end.outcome}{f': {end.error}' if end.error else ''}"
        case _:
            return ""
