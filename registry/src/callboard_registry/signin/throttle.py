"""Keeps anybody from trying to sign in as often as they like."""

from typing import TYPE_CHECKING, Final

from callboard_registry.refusals import Refusal

if TYPE_CHECKING:
    from limits.strategies import RateLimiter

FAILURES: Final = "10 per 5 minutes"
"""Attempts that fail, from one address."""

BEGINNINGS: Final = "60 per minute"
"""Ways to the identity provider that are begun, from one address."""


class Throttle:
    """Counts attempts by address, in this process."""

    def __init__(self) -> None:
        self._limiter: RateLimiter | None = None

    def begin(self, address: str) -> None:
        """Count one way to the provider.

        Raises:
            Refusal: There were too many.
        """
        self._hit(BEGINNINGS, "begin", address)

    def require(self, address: str) -> None:
        """Do nothing unless too many attempts from `address` failed.

        Raises:
            Refusal: They did.
        """
        from limits import parse

        if not self._counting().test(parse(FAILURES), "failure", address):
            raise _slower()

    def failed(self, address: str) -> None:
        """Count an attempt that failed."""
        from limits import parse

        self._counting().hit(parse(FAILURES), "failure", address)

    def _hit(self, limit: str, what: str, address: str) -> None:
        from limits import parse

        if not self._counting().hit(parse(limit), what, address):
            raise _slower()

    def _counting(self) -> "RateLimiter":
        if self._limiter is None:
            # Only who signs in pays for the library.
            from limits.storage import MemoryStorage
            from limits.strategies import MovingWindowRateLimiter

            self._limiter = MovingWindowRateLimiter(MemoryStorage())
        return self._limiter


def _slower() -> Refusal:
    return Refusal("exhausted", "", "too many attempts to sign in came from your address; wait five minutes")
