"""What a provider's errors mean: try again and when, or stop and look at which variable.

| the provider | the activity fails with | tried again |
|---|---|---|
| 400, 413, 422 | `RefusedError`: the conversation itself is refused | no |
| 401, 403 | `UnavailableError`, look at `OPENAI_API_KEY` | no |
| 404 | `UnavailableError`, look at `CALLBOARD_MODEL` and `OPENAI_BASE_URL` | no |
| 408, 409, 429, 5xx | `UnavailableError` | after `Retry-After`, else with backoff |
| no connection, silence, a stream that breaks off or cannot be read | `UnavailableError` | with backoff |

A provider's own words are passed on only where they cannot hold a key.
"""

from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Final

import openai
from temporalio.exceptions import ApplicationError

LONGEST_WAIT: Final = timedelta(minutes=1)
"""The longest that a `Retry-After` is obeyed; whoever asks for more is asked again after this."""

_WORTH_ANOTHER_TRY: Final = frozenset({408, 409, 425, 429})
_REFUSED: Final = frozenset({400, 413, 422})
_MOST_WORDS: Final = 300


def translated(error: openai.APIError, *, model: str) -> ApplicationError:
    """Return the failure that an error of the client means."""
    match error:
        case openai.APITimeoutError():
            return _again("the model's provider did not answer in time")
        case openai.APIConnectionError():
            return _again("the connection to the model's provider failed or broke off; look at OPENAI_BASE_URL")
        case openai.APIStatusError():
            return _of_status(error, model)
        case _:
            return _again(f"the model's provider reported an error in its stream: {error.message[:_MOST_WORDS]}")


def stream_ended_early(model: str) -> ApplicationError:
    """Return the failure of a stream that ended in order, but before the answer did."""
    return _again(f"the stream of model {model!r} ended before its answer did")


def unreadable(model: str) -> ApplicationError:
    """Return the failure of a stream with something in it that is no piece of an answer."""
    return _again(f"the stream of model {model!r} holds something that cannot be read")


def _of_status(error: openai.APIStatusError, model: str) -> ApplicationError:
    status = error.status_code
    if status in _WORTH_ANOTHER_TRY or status >= 500:
        return _again(f"the model's provider answered with status {status}", after=_retry_after(error))
    if status == 401:
        return _never("the model's provider does not accept the key (status 401); look at OPENAI_API_KEY")
    if status == 403:
        return _never(
            f"the model's provider does not allow model {model!r} to this key (status 403); look at OPENAI_API_KEY"
        )
    if status == 404:
        return _never(
            f"the model's provider does not know model {model!r} (status 404); "
            "look at CALLBOARD_MODEL and OPENAI_BASE_URL"
        )
    words = f"the model's provider refused the request (status {status}): {error.message[:_MOST_WORDS]}"
    return ApplicationError(words, type="RefusedError", non_retryable=True) if status in _REFUSED else _never(words)


def _again(words: str, *, after: timedelta | None = None) -> ApplicationError:
    return ApplicationError(words, type="UnavailableError", next_retry_delay=after)


def _never(words: str) -> ApplicationError:
    return ApplicationError(words, type="UnavailableError", non_retryable=True)


def _retry_after(error: openai.APIStatusError) -> timedelta | None:
    """Read when to come back: seconds or a date. None when the provider does not say."""
    text = error.response.headers.get("retry-after")
    if text is None:
        return None
    try:
        wait = timedelta(seconds=float(text))
    except (ValueError, OverflowError):
        try:
            wait = parsedate_to_datetime(text).astimezone(UTC) - datetime.now(UTC)
        except ValueError:
            return None
    return min(max(wait, timedelta(0)), LONGEST_WAIT)
