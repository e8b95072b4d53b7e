"""The tables that hold what the registry knows, as the last of the `migrations` leaves them."""

from datetime import UTC, datetime, timedelta
from typing import Any, Final

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Dialect,
    Float,
    ForeignKeyConstraint,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    TypeDecorator,
    UniqueConstraint,
    false,
)
from typing_extensions import override

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)


class Moment(TypeDecorator[datetime]):
    """A point in time, kept as microseconds since 1970: exact, sortable, the same on every database."""

    impl = BigInteger
    cache_ok = True

    @override
    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> int | None:
        return None if value is None else (value - _EPOCH) // _MICROSECOND

    @override
    def process_result_value(self, value: int | None, dialect: Dialect) -> datetime | None:
        return None if value is None else _EPOCH + timedelta(microseconds=value)


Name: Final = String().with_variant(String(collation="C"), "postgresql")
"""A name that is sorted by its bytes, so that pages have the same order on every database."""

metadata: Final = MetaData()

keys: Final = Table(
    "keys",
    metadata,
    Column("team", Name, primary_key=True),
    Column("key_id", Name, primary_key=True),
    Column("public_bytes", LargeBinary, nullable=False, unique=True),
    Column("created", Moment, nullable=False),
    Column("expires", Moment),
    Column("revoked", Moment),
)

invitations: Final = Table(
    "invitations",
    metadata,
    # SHA-256 of the code; the code itself is not kept.
    Column("code_digest", Name, primary_key=True),
    Column("team", Name, nullable=False),
    Column("created", Moment, nullable=False),
    Column("expires", Moment, nullable=False),
    Column("used", Moment),
)
"""Codes that enrol one key each."""

listings: Final = Table(
    "listings",
    metadata,
    Column("service", Name, primary_key=True),
    Column("digest", Name, primary_key=True),
    Column("number", Integer, nullable=False),
    Column("team", Name, nullable=False, index=True),
    Column("state", Name, nullable=False),
    Column("created", Moment, nullable=False),
    # The newest of the revision's texts.
    Column("text_digest", Name, nullable=False),
    # Counts the changes of the four columns that describe its life.
    Column("edition", Integer, nullable=False, server_default="1"),
    Column("sunset", Moment),
    Column("successor", String, nullable=False, server_default=""),
    Column("reason", String, nullable=False, server_default=""),
    # How many revisions were approved before it; NULL as long as it never was.
    Column("minor", Integer),
    # How often its words were changed since it was.
    Column("patch", Integer, nullable=False, server_default="0"),
    UniqueConstraint("service", "number"),
)
"""Revisions. What a caller can observe of one never changes; where it stands in its life and `text_digest` may."""

verdicts: Final = Table(
    "verdicts",
    metadata,
    Column("service", Name, primary_key=True),
    Column("digest", Name, primary_key=True),
    Column("answer", String, nullable=False),
    # Digests of the revisions it was compared with, one a line.
    Column("bases", String, nullable=False),
    Column("level", String, nullable=False),
    Column("strict", Boolean, nullable=False),
    # JSON of findings and warnings.
    Column("found", LargeBinary, nullable=False),
    Column("next_service", String, nullable=False),
    Column("judged", Moment, nullable=False),
    # NULL unless it was approved although nothing was known for certain.
    Column("override_author", String),
    Column("override_reason", String),
    Column("override_at", Moment),
    ForeignKeyConstraint(["service", "digest"], ["listings.service", "listings.digest"]),
)
"""What the gate found out about each revision. Those that were published before there was a gate have none."""

texts: Final = Table(
    "texts",
    metadata,
    Column("service", Name, primary_key=True),
    Column("digest", Name, primary_key=True),
    Column("text_digest", Name, primary_key=True),
    Column("document", LargeBinary, nullable=False),
    Column("summary", String, nullable=False),
    # Names, one a line.
    Column("operations", String, nullable=False),
    Column("created", Moment, nullable=False),
    ForeignKeyConstraint(["service", "digest"], ["listings.service", "listings.digest"]),
)
"""Documents of a revision: the same contract, with other words in titles, descriptions and examples."""

operations: Final = Table(
    "operations",
    metadata,
    Column("id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True),
    Column("service", Name, nullable=False),
    Column("digest", Name, nullable=False),
    Column("position", Integer, nullable=False),
    Column("name", Name, nullable=False),
    Column("summary", String, nullable=False),
    Column("kind", String, nullable=False),
    Column("effect", String, nullable=False),
    Column("model_callable", Boolean, nullable=False),
    # Names, one a line, with an empty line before the first and behind the last.
    Column("fields", String, nullable=False),
    # What it can be found by, as words with blanks between. The database's own index of words follows these two:
    # `operations_found`, which the migration makes.
    Column("title", String, nullable=False),
    Column("words", String, nullable=False),
    UniqueConstraint("service", "digest", "position"),
    ForeignKeyConstraint(["service", "digest"], ["listings.service", "listings.digest"]),
)
"""Operations of every revision, in the words of its newest text."""

policies: Final = Table(
    "policies",
    metadata,
    Column("team", Name, primary_key=True),
    Column("version", Integer, primary_key=True),
    Column("digest", String, nullable=False),
    Column("document", LargeBinary, nullable=False),
    # By the team's clock, in seconds since 1970.
    Column("signed_at", BigInteger, nullable=False),
    Column("created", Moment, nullable=False),
)

calls: Final = Table(
    "calls",
    metadata,
    # SQLite numbers rows itself only for INTEGER; autoincrement never gives a number twice, not even after deletions.
    Column("sequence", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True),
    Column("reporter", String, nullable=False),
    Column("root", String, nullable=False),
    # NULL when the call carried none; NULLs are never equal, so those are all kept.
    Column("token_id", String),
    Column("caller", String, nullable=False),
    Column("person", String, nullable=False),
    Column("endpoint", String, nullable=False),
    Column("service", String, nullable=False),
    Column("operation", String, nullable=False),
    Column("revision", String, nullable=False),
    Column("build", String, nullable=False),
    Column("entity", String, nullable=False),
    Column("start", Moment, nullable=False),
    Column("duration", BigInteger),
    Column("outcome", String, nullable=False),
    Column("reason", String, nullable=False),
    Column("input_tokens", BigInteger, nullable=False),
    Column("output_tokens", BigInteger, nullable=False),
    Column("cost_usd", Float),
    # Worked out from Temporal's histories. Gives way to the same record when it is reported.
    Column("derived", Boolean, nullable=False, server_default=false()),
    # Part of `call_totals`: of several records of how a call ended, one is.
    Column("counted", Boolean, nullable=False, server_default=false()),
    # `start` and `duration` together: what decides how long it is kept.
    Column("ended", Moment, nullable=False, server_default="0"),
    UniqueConstraint("reporter", "token_id", "endpoint", "operation", "outcome"),
    Index("calls_by_root", "root", "sequence"),
    Index("calls_by_revision", "service", "revision", "start"),
    Index("calls_by_token", "token_id"),
    Index("calls_by_caller", "caller", "sequence"),
    Index("calls_by_endpoint", "endpoint", "sequence"),
    Index("calls_by_entity", "entity", "sequence"),
    Index("calls_by_end", "ended"),
    sqlite_autoincrement=True,
)
"""Call records, in the order in which they arrived. `duration` is in microseconds."""


def _told_apart_by() -> list[Column[Any]]:  # Any: columns of several types
    names = ("caller", "service", "operation", "revision", "outcome")
    return [Column("day", Moment, primary_key=True), *(Column(name, Name, primary_key=True) for name in names)]


call_totals: Final = Table(
    "call_totals",
    metadata,
    *_told_apart_by(),
    Column("calls", BigInteger, nullable=False),
    # Of the calls whose duration is known: how many, and microseconds together.
    Column("timed", BigInteger, nullable=False),
    Column("duration", BigInteger, nullable=False),
    Column("input_tokens", BigInteger, nullable=False),
    Column("output_tokens", BigInteger, nullable=False),
    # Thousand-millionths of a US dollar, so that sums are exact.
    Column("cost", BigInteger, nullable=False),
    Column("last", Moment, nullable=False),
    Index("call_totals_by_service", "service", "day"),
)
"""Calls that are over, added up by the day on which they started. Kept when the records are gone."""

call_durations: Final = Table(
    "call_durations",
    metadata,
    *_told_apart_by(),
    # The same for every row and for ever, so that rows can be added up; `callboard_registry.totals` has the bounds.
    Column("bucket", Integer, primary_key=True),
    Column("calls", BigInteger, nullable=False),
)
"""How many of the calls in `call_totals` took about how long."""

call_horizon: Final = Table("call_horizon", metadata, Column("before", Moment, primary_key=True))
"""One row at most: calls that were over before have been pruned, and are added up for good."""

declared_calls: Final = Table(
    "declared_calls",
    metadata,
    Column("team", Name, primary_key=True),
    Column("service", Name, primary_key=True, index=True),
)
"""Which services each team says it calls."""

declarations: Final = Table(
    "declarations",
    metadata,
    Column("team", Name, primary_key=True),
    # By the team's clock, in seconds since 1970.
    Column("signed_at", BigInteger, nullable=False),
)
"""When each team last said which services it calls."""

audit_positions: Final = Table(
    "audit_positions",
    metadata,
    Column("namespace", Name, primary_key=True),
    Column("team", Name, nullable=False),
    # Everything that was over by then has been read; NULL as long as nothing has.
    Column("read_until", Moment),
    Column("looked", Moment, nullable=False),
    Column("problem", String, nullable=False),
)
"""How far the audit has read each namespace."""

audit_runs: Final = Table(
    "audit_runs",
    metadata,
    Column("namespace", Name, primary_key=True),
    Column("run_id", Name, primary_key=True),
    # The event up to which the run was read, and the first that belongs to something still under way.
    Column("last_event", BigInteger, nullable=False),
    Column("first_open", BigInteger, nullable=False),
    # NULL while it is under way.
    Column("closed", Moment),
)
"""Runs and standalone operations that were read in part, or were over so recently that they are listed again."""

executions: Final = Table(
    "executions",
    metadata,
    Column("namespace", Name, primary_key=True),
    Column("run_id", Name, primary_key=True),
    Column("workflow_id", String, nullable=False),
    Column("root", String, nullable=False),
    Column("team", String, nullable=False),
    Column("kind", String, nullable=False),
    Column("token_id", String, nullable=False),
    Column("caller", String, nullable=False),
    Column("service", String, nullable=False),
    Column("operation", String, nullable=False),
    Column("entity", String, nullable=False),
    Column("person", String, nullable=False),
    Column("wordless", Boolean, nullable=False),
    Column("started", Moment, nullable=False),
    # NULL while it is under way.
    Column("ended", Moment),
    Column("outcome", String, nullable=False),
    Column("reason", String, nullable=False),
    Index("executions_by_root", "root", "started"),
    Index("executions_by_end", "ended"),
)
"""Runs of workflows that are part of trees of calls."""

happenings: Final = Table(
    "happenings",
    metadata,
    Column("namespace", Name, primary_key=True),
    Column("run_id", Name, primary_key=True),
    # Of the event that it began with.
    Column("number", BigInteger, primary_key=True, autoincrement=False),
    Column("root", String, nullable=False),
    Column("team", String, nullable=False),
    Column("kind", String, nullable=False),
    Column("at", Moment, nullable=False),
    # NULL while it goes on.
    Column("ended", Moment),
    Column("title", String, nullable=False),
    Column("outcome", String, nullable=False),
    Column("reason", String, nullable=False),
    Column("token_id", String, nullable=False),
    Column("model", String, nullable=False),
    Column("input_tokens", BigInteger, nullable=False),
    Column("output_tokens", BigInteger, nullable=False),
    Column("cost_usd", Float),
    Column("attempts", Integer, nullable=False),
    # JSON.
    Column("detail", String, nullable=False),
    Index("happenings_by_root", "root", "at"),
    Index("happenings_by_run", "run_id"),
    Index("happenings_by_kind", "kind", "at"),
)
"""What happened in those runs: models asked, teams called, persons asked, waits, guards, trouble."""

changes: Final = Table(
    "changes",
    metadata,
    Column("sequence", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True),
    Column("at", Moment, nullable=False),
    Column("kind", String, nullable=False),
    Column("team", Name, nullable=False),
    Column("subject", Name, nullable=False),
    Column("detail", String, nullable=False),
    Column("state", String, nullable=False),
    Column("author", String, nullable=False),
    Column("reason", String, nullable=False),
    Index("changes_by_subject", "subject", "sequence"),
    sqlite_autoincrement=True,
)
"""What happened, in the order in which it became visible; written in the transaction that makes it happen."""

horizons: Final = Table(
    "horizons",
    metadata,
    Column("about", String, primary_key=True),
    Column("position", BigInteger, nullable=False),
)
"""Of what is kept for a while only, the last position that is not there any more."""

teams: Final = Table(
    "teams",
    metadata,
    Column("team", Name, primary_key=True),
    Column("owner", String, nullable=False),
    Column("contact", String, nullable=False),
    Column("description", String, nullable=False),
    Column("told", Moment, nullable=False),
)
"""Who answers for a team, as its workers said last."""

workers: Final = Table(
    "workers",
    metadata,
    Column("team", Name, primary_key=True),
    Column("worker", Name, primary_key=True),
    Column("namespace", String, nullable=False),
    Column("task_queue", String, nullable=False),
    Column("identity", String, nullable=False),
    Column("build", String, nullable=False),
    Column("kit", String, nullable=False),
    Column("sdk", String, nullable=False),
    # Service and digest with a blank between, one a line.
    Column("serves", String, nullable=False),
    # The three by the worker's clock, `seen` by the registry's.
    Column("started", Moment, nullable=False),
    Column("sent", Moment, nullable=False),
    Column("stopped", Moment),
    Column("seen", Moment, nullable=False, index=True),
    # Until the next one, in microseconds.
    Column("every", BigInteger, nullable=False),
)
"""The last heartbeat of every worker. `stopped` is NULL for one that did not say that it stops."""

observations: Final = Table(
    "observations",
    metadata,
    Column("about", Name, primary_key=True),
    Column("subject", Name, primary_key=True),
    Column("at", Moment, nullable=False),
    # JSON.
    Column("seen", String, nullable=False),
)
"""What the observer saw last, one row a thing."""

build_agents: Final = Table(
    "build_agents",
    metadata,
    Column("team", Name, primary_key=True),
    Column("build", Name, primary_key=True),
    Column("agent", Name, primary_key=True),
    Column("digest", Name, primary_key=True),
    # JSON: a digest of each part, by its path.
    Column("fields", String, nullable=False),
    Column("published", Moment, nullable=False),
    # When a team that vouches for the build no more signed that, in seconds since 1970.
    Column("withdrawn", BigInteger),
)
"""The fingerprints that agents have in the builds that teams vouch for."""

budgets: Final = Table(
    "budgets",
    metadata,
    Column("team", Name, primary_key=True),
    # Empty for whoever calls.
    Column("caller", Name, primary_key=True),
    Column("period", Name, primary_key=True),
    # NULL for any number. The cost is in thousand-millionths of a US dollar, as everywhere.
    Column("tokens", BigInteger),
    Column("cost", BigInteger),
    Column("author", String, nullable=False),
    Column("changed", Moment, nullable=False),
)
"""What teams may spend in a day or a month."""

budget_blocks: Final = Table(
    "budget_blocks",
    metadata,
    Column("id", Name, primary_key=True),
    Column("team", Name, nullable=False),
    Column("caller", Name, nullable=False),
    Column("worker", String, nullable=False),
    Column("tokens", BigInteger, nullable=False),
    Column("cost", BigInteger, nullable=False),
    # What the worker says it has spent of it.
    Column("used_tokens", BigInteger, nullable=False),
    Column("used_cost", BigInteger, nullable=False),
    Column("expires", Moment, nullable=False),
    Index("budget_blocks_by_team", "team", "expires"),
)
"""Parts of budgets that workers hold, or held until a while ago."""

budget_spent: Final = Table(
    "budget_spent",
    metadata,
    Column("team", Name, primary_key=True),
    Column("caller", Name, primary_key=True),
    Column("day", Moment, primary_key=True),
    Column("tokens", BigInteger, nullable=False),
    Column("cost", BigInteger, nullable=False),
)
"""What workers said they spent of their blocks, by the day on which they said it."""

model_uses: Final = Table(
    "model_uses",
    metadata,
    Column("team", Name, primary_key=True),
    Column("key", Name, primary_key=True),
    Column("at", Moment, nullable=False, index=True),
)
"""Which calls of models are part of `model_totals`."""

model_totals: Final = Table(
    "model_totals",
    metadata,
    Column("day", Moment, primary_key=True),
    Column("team", Name, primary_key=True),
    Column("caller", Name, primary_key=True),
    Column("operation", Name, primary_key=True),
    Column("model", Name, primary_key=True),
    Column("model_calls", BigInteger, nullable=False),
    Column("input_tokens", BigInteger, nullable=False),
    Column("output_tokens", BigInteger, nullable=False),
    Column("cost", BigInteger, nullable=False),
    # Calls whose price nobody knew.
    Column("unpriced", BigInteger, nullable=False),
)
"""What models were asked, added up. Kept for ever."""

model_horizon: Final = Table("model_horizon", metadata, Column("before", Moment, primary_key=True))
"""One row at most: which calls of models before then were counted is forgotten, so that none is counted any more."""
