"""What cannot be sent in a conversation is refused before anybody is asked, with the field and what is wrong."""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import cast

import pytest
from temporalio.client import Client

from callboard_contracts import RefusedError
from callboard_orchestrator.conversations import Conversations, UnknownConversationError

NOBODY = Conversations(cast(Client, None))


@pytest.mark.parametrize(
    ("attempt", "kind", "words"),
    [
        (lambda: NOBODY.get("no pe").read(), UnknownConversationError, "there is no conversation 'no pe'"),
        (lambda: NOBODY.get("a").say("y" * 20_001), RefusedError, "text: string should have at most 20000 characters"),
        (lambda: NOBODY.get("a").say("b", message="c d"), RefusedError, "message: string should match pattern"),
        (lambda: NOBODY.open(id="a", idle=timedelta(0)), RefusedError, "idle_seconds: input should be greater"),
    ],
)
async def test_it_is_refused(attempt: Callable[[], Awaitable[object]], kind: type[Exception], words: str) -> None:
    with pytest.raises(kind, match=words):
        await attempt()
