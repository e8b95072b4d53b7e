"""What a lock and those who come to it say to each other.

All of it stays in histories: a field may be added, with a default, but none may change.
"""

from callboard_contracts import Message


class Hold(Message):
    """A lock that is held by a call, or by one further up in its tree, as the chain of tokens proves."""

    team: str
    """Whose lock it is."""

    name: str
    """The lock's name inside its team."""

    link: str
    """Digest of the token of the call that holds it."""


class Claim(Message):
    """Someone who comes to a lock: a workflow that answers a call."""

    holder: str
    """Names the run, whatever becomes of it on continue-as-new: `<workflow id>/<first run id>`."""

    operation: str
    """What it does, `orders.v1 cancel_pending_order`."""

    caller: str = ""
    root: str = ""
    path: tuple[str, ...] = ()
    """Digests of the tokens from the tree's root down to this call's own."""

    holds: tuple[Hold, ...] = ()
    """What is held by the call itself or above it: by whoever waits for this claim."""

    until: float = 0
    """When it stops waiting, in seconds since the epoch."""

    @property
    def workflow_id(self) -> str:
        """Return the id of the workflow that claims."""
        return self.holder.rpartition("/")[0]

    @property
    def first_run_id(self) -> str:
        """Return the id of its first run."""
        return self.holder.rpartition("/")[2]

    @property
    def link(self) -> str:
        """Return the digest of the call's own token; empty at a root."""
        return self.path[-1] if self.path else ""

    def stands_below(self, link: str, *, believed: str | None = None) -> bool:
        """Tell whether the call with this token is this one, or waits for this one further up its tree.

        An undo on a team's own behalf has a chain of its own, and only what its team says it holds ties it to the call
        that it undoes.

        Args:
            link: Digest of the token.
            believed: The only team whose word on what it holds counts. None: every team's.
        """
        return bool(link) and (
            link in self.path or any(hold.link == link and hold.team == (believed or hold.team) for hold in self.holds)
        )


class Holding(Message):
    """A claim that was granted."""

    claim: Claim
    fence: int
    since: float


class Waiting(Message):
    """A claim that has to wait."""

    claim: Claim
    since: float


class LockState(Message):
    """A lock, as it is handed from run to run, and as it is shown."""

    team: str
    name: str
    shown: str
    """What it is called to people."""

    fence: int = 0
    """The last fencing token that was given out."""

    holding: tuple[Holding, ...] = ()
    """Who holds it: one, or several of one tree that follow from each other."""

    waiting: tuple[Waiting, ...] = ()
    """Who waits, in the order of their takes."""


class Taken(Message):
    """The answer to a take: a fencing token, or a place in the queue."""

    fence: int = 0
    """Above zero: granted. Greater than that of anyone who held it before."""

    ahead: int = 0
    """How many wait before, when it was not."""


class Grant(Message):
    """The word to a waiter that its turn has come."""

    lock: str
    holder: str
    fence: int


class Left(Message):
    """The answer to someone who stops waiting: who is in the way."""

    operation: str = ""
    """What the holder does. Empty: nobody holds it any more."""

    since: float = 0
    fence: int = 0
    """Above zero: it is too late to leave, the turn had come."""
