"""What a run of an agent is a part of, where it is one turn of a longer conversation."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from callboard_kit.agent.messages import ChatMessage


def _nothing() -> Sequence[str]:
    return ()


@dataclass
class Dialogue:
    """One turn: what was said before it, what is said while it goes on, and in the end what was said in it."""

    before: Sequence[ChatMessage] = ()
    """What was said before, oldest first, as the model is to read it."""

    hear: Callable[[], Sequence[str]] = _nothing
    """Returns what the user has said since it was asked last. Asked before each model call, and once more before an
    answer counts: an answer that does not take up what was said meanwhile is none."""

    _all: list[ChatMessage] = field(default_factory=list[ChatMessage], init=False)
    _start: int = field(default=0, init=False)

    @property
    def messages(self) -> tuple[ChatMessage, ...]:
        """What was said in this turn so far: the user's words, the model's, and what tools answered.

        Without what was fetched for the model to know: a later turn fetches its own.
        """
        return tuple(each for each in self._all[self._start :] if each.source is None)

    def begins(self, messages: list[ChatMessage]) -> None:
        """Note where in the run's messages this turn begins. For the loop."""
        self._all, self._start = messages, len(messages)

    def catch_up(self, messages: list[ChatMessage]) -> bool:
        """Add what was said meanwhile to the run's messages, and tell whether there was anything. For the loop."""
        heard = self.hear()
        messages.extend(ChatMessage(role="user", content=words) for words in heard)
        return bool(heard)
