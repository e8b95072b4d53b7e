"""What Temporal keeps is enough: records that nobody reported are derived, and those that were are not doubled."""

import asyncio
import uuid
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from audited_desk import POLICY, SECRET, SERVING, Ask, Desk, DeskService, Errand, Note
from publishing_shop import ADMINISTRATOR, Member
from sqlalchemy import delete, update
from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.workflowservice.v1 import ResetWorkflowExecutionRequest
from temporalio.client import Client, WorkflowHandle
from temporalio.worker import UnsandboxedWorkflowRunner, Worker

from callboard_contracts import describe
from callboard_kit import mesh
from callboard_kit.discretion import entity_digest
from callboard_kit.identity import SigningKey, digest
from callboard_kit.testing import LocalMesh
from callboard_kit.tokens import Origin
from callboard_registry.audit.collector import Collector
from callboard_registry.audit.following import Following
from callboard_registry.audit.positions import Positions
from callboard_registry.calls import Calls
from callboard_registry.database import Database
from callboard_registry.documents import policy_document
from callboard_registry.keyring import Keyring
from callboard_registry.policies import Policies
from callboard_registry.registry import Registry
from callboard_registry.stories.keeping import Stories
from callboard_registry.stories.model import Execution
from callboard_registry.stories.watched import Watched
from callboard_registry.tables import audit_positions, audit_runs, listings, policies
from callboard_registry.totals import Totals, Which
from callboard_registry_api.audit import CallFilter
from callboard_registry_api.model import CallRecord, Outcome

pytestmark = pytest.mark.timeout(120)

TEAMS = ("desk", "broker", "buyer", "absent")
EVERY_KIND = (
    Errand(operation="look"),
    Errand(operation="refuse"),
    Errand(operation="fail"),
    Errand(operation="closed"),
    Errand(operation="work"),
    Errand(operation="work", note=Note(text="again")),
    Errand(operation="break_down"),
    Errand(operation="pay"),
    Errand(operation="advise"),
    Errand(operation="work", note=Note(text="deep", onwards=("work", "work", "look"))),
    Errand(operation="wait", take_back=True),
    Errand(operation="wait", seconds=3),
    Errand(operation="look", team="absent", seconds=3),
)
ENDS = ["ok", "RefusedError", "MeshError", "RefusedError", "ok", "ok", "RefusedError", "ok", "ok", "ok"]

Identity = tuple[str, str, str, str, str]


class Book:
    """A registry's database that knows the teams, what they offer and whom they let in."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.calls = Calls(database)
        self.positions = Positions(database)

    def all(self, which: CallFilter | None = None) -> list[CallRecord]:
        return self.calls.page(which or CallFilter(), after=0, limit=10_000)[0]

    def counted(self) -> dict[Outcome | None, int]:
        rows, _ = Totals(self.database).page(Which(), by=("outcome",), offset=0, limit=100)
        return {row.outcome: row.calls for row in rows}


class Played:
    """A mesh on which calls of every kind were made, and what was reported of them."""

    def __init__(self, local: LocalMesh, make_database: Callable[[], str]) -> None:
        self.local = local
        self.clients: dict[str, Client] = {}
        self.reported: list[tuple[str, CallRecord]] = []
        self.told = asyncio.Event()
        self.ends: list[str] = []
        self.root = f"tree-{uuid.uuid4().hex[:8]}"
        self._make_database = make_database

    @asynccontextmanager
    async def book(self, *, reported: Iterable[tuple[str, CallRecord]] = ()) -> AsyncIterator[Book]:
        database = await asyncio.to_thread(Database.open, self._make_database())
        registry = Registry(database, administrator_token=ADMINISTRATOR)
        for team, key in self.local.keys.items():
            public = key.public_key.public_bytes
            await registry.register_key(team, key.key_id, public, token=ADMINISTRATOR)
        desk, listing = Member(self.local.keys["desk"]), describe(Desk).model_dump_json().encode()
        await registry.publish_listing(listing, token=desk.sign("PublishListing", digest(listing)))
        for team in ("desk", "broker"):
            # The broker serves the desk's contract, which it could not publish a policy for.
            Policies(database).add(team, policy_document(POLICY.model_dump_json().encode(), team="desk"), signed_at=0)
        with database.writing() as connection:
            # As if they had been there before the calls were made.
            for table in (listings, policies):
                connection.execute(update(table).values(created=datetime.now(UTC) - timedelta(days=1)))
        book = Book(database)
        for team, record in reported:
            book.calls.add(team, [record])
        try:
            yield book
        finally:
            registry.close()

    def collector(self, book: Book, *, requests_per_second: float = 1000) -> Collector:
        return Collector(
            self.clients["desk"],
            book.database,
            members=self.local.settings,
            requests_per_second=requests_per_second,
        )

    async def start(self, errands: Sequence[Errand], *, name: str = "") -> WorkflowHandle[Ask, list[str]]:
        return await self.clients["buyer"].start_workflow(
            Ask.run, args=[tuple(errands)], id=name or f"ask-{uuid.uuid4().hex[:8]}", task_queue="buyer"
        )

    async def until_told(self, count: int) -> None:
        """Wait for what the members tell off the calls' path."""
        async with asyncio.timeout(60):
            while len(self.reported) < count:
                self.told.clear()
                await self.told.wait()


@pytest.fixture(scope="module")
async def played(any_database: Callable[[], str]) -> AsyncIterator[Played]:
    async with LocalMesh.running(TEAMS) as local, AsyncExitStack() as stack:
        game = Played(local, any_database)

        def telling(team: str):
            async def keep(records: Sequence[CallRecord]) -> None:
                game.reported += [(team, record) for record in records]
                game.told.set()

            return keep

        for team in ("desk", "broker", "buyer"):
            game.clients[team] = await stack.enter_async_context(
                local.member(
                    team,
                    services=[DeskService()] if team != "buyer" else (),
                    workflows=[*SERVING, Ask],
                    policy=POLICY,
                    contracts=[Desk],
                    sinks=[telling(team)],
                )
            )
        with mesh.starting(Origin(root=game.root, person="mia")):
            game.ends = await (await game.start(EVERY_KIND)).result()
            alone = game.clients["buyer"].create_nexus_client(service=Desk, endpoint="desk")
            await alone.execute_operation(Desk.look, Note(text="alone"), id=f"look-{game.root}")
            await alone.execute_operation(Desk.work, Note(text="alone"), id=f"work-{game.root}")
        await game.until_told(32)
        game.reported = [(team, record) for team, record in game.reported if record.root == game.root]
        yield game


def identity(record: CallRecord) -> Identity:
    return record.reporter, record.token_id, record.endpoint, record.operation, record.outcome


def known(records: Iterable[CallRecord], *, like: Iterable[CallRecord]) -> list[CallRecord]:
    """Return the records with what cannot be known of them, or not to the millisecond, as `like` has it."""
    same = {identity(record): record for record in like}
    found: list[CallRecord] = []
    for record in records:
        other = same.get(identity(record), record)
        assert abs(record.start - other.start) < timedelta(seconds=10)
        assert (record.duration is None) == (other.duration is None)
        if record.duration is not None and other.duration is not None:
            assert abs(record.duration - other.duration) < timedelta(seconds=0.5)
        # What is answered at once leaves no trace of the build that did; what a workflow answers does.
        assert record.build or record.operation in ("look", "refuse", "fail", "closed")
        build = record.build or other.build
        found.append(replace(record, start=other.start, duration=other.duration, build=build, derived=other.derived))
    return sorted(found, key=identity)


async def test_calls_went_in_every_way(played: Played) -> None:
    # A call that is taken back ends as a cancelled operation, and one without an answer as unavailable.
    assert played.ends[:10] == ENDS
    assert played.ends[-2:] == ["UnavailableError", "UnavailableError"]


async def test_every_record_that_was_lost_is_derived(played: Played) -> None:
    async with played.book(reported=played.reported) as told, played.book() as lost:
        await played.collector(lost).collect()

        live, derived = told.all(), lost.all()
        theirs = [record for record in derived if record.reporter == "buyer"]
        assert known([record for record in derived if record not in theirs], like=live) == sorted(live, key=identity)
        assert all(record.derived for record in derived)
        # Nobody was there to tell of one of these, and of the other the desk still knows no end.
        assert sorted((record.endpoint, record.operation, record.outcome) for record in theirs) == [
            ("absent", "look", "unavailable"),
            ("desk", "wait", "unavailable"),
        ]


async def test_what_was_told_and_what_was_derived_make_one_record(played: Played) -> None:
    async with (
        played.book() as lost,
        played.book(reported=played.reported) as told,
        played.book(reported=played.reported[::2]) as half,
    ):
        for book in (lost, told, half):
            await played.collector(book).collect()

        whole = sorted(map(identity, told.all()))
        assert sorted(map(identity, half.all())) == whole
        assert sorted(map(identity, lost.all())) == whole
        assert half.counted() == told.counted() == lost.counted()
        assert [record.derived for record in told.all() if record.reporter != "buyer"] == [False] * len(played.reported)


async def test_what_is_told_late_takes_the_place_of_what_was_derived(played: Played) -> None:
    async with played.book() as late, played.book(reported=played.reported) as told:
        for book in (late, told):
            await played.collector(book).collect()
        for team, record in played.reported:
            late.calls.add(team, [record])

        assert sorted(late.all(), key=identity) == sorted(told.all(), key=identity)
        assert late.counted() == told.counted()


async def test_sensitive_input_is_in_no_record(played: Played) -> None:
    async with played.book() as lost:
        await played.collector(lost).collect()

        assert SECRET not in repr(lost.all()) + repr(played.reported)
        paid = lost.all(CallFilter(entity=entity_digest(SECRET), outcomes=("ok",)))
        assert [record.operation for record in paid] == ["pay"]
        [broken] = lost.all(CallFilter(operation="break_down", outcomes=("refused",)))
        assert broken.reason == "the card (payment) is not good for 'tea'"


async def test_a_second_look_reads_only_what_is_new(played: Played) -> None:
    async with played.book() as book:
        collector = played.collector(book)
        await collector.collect()
        count = len(book.all())

        assert await collector.collect() == 0
        # Another process goes on from there.
        await (await played.start([Errand(operation="work")])).result()
        assert await _until_collected(played.collector(book), 2) == 2
        assert len(book.all()) == count + 2


async def test_what_goes_on_for_long_is_told_of_before_it_is_over(played: Played) -> None:
    async with played.book() as book:
        collector = played.collector(book)
        await collector.collect()
        waiting = [Errand(operation="look"), Errand(operation="wait", seconds=50)]
        handle = await played.start(waiting)
        began = await _until_collected(collector, 3)
        opened = {each.namespace: each.open for each in book.positions.all()}
        await handle.cancel()
        await handle.result()

        assert began == 3
        assert (opened["buyer"], opened["broker"]) == (1, 0)
        assert await _until_collected(collector, 1) == 1
        [*_, (operation, outcome)] = [(each.operation, each.outcome) for each in book.all()]
        assert (operation, outcome) == ("wait", "cancelled")


async def test_what_somebody_looks_at_is_read_sooner_and_nothing_else(played: Played) -> None:
    async with played.book() as book:
        collector = played.collector(book)
        following = Following(collector, book.database)
        root = f"looked-at-{uuid.uuid4().hex[:8]}"
        with mesh.starting(Origin(root=root)):
            handle = await played.start([Errand(operation="work"), Errand(operation="wait", seconds=50)])
        await following.follow()
        unwatched = book.all()
        Watched(book.database).note(root)
        began = await _until_followed(following, book, root, "desk.v1 wait", outcome="")
        await handle.cancel()
        await handle.result()
        ended = await _until_followed(following, book, root, "desk.v1 wait", outcome="cancelled")

        assert (unwatched, {record.root for record in book.all()}) == ([], {root})
        assert [each.team for each in began] == [each.team for each in ended]
        assert {each.team for each in ended} == {"buyer", "desk"}
        # What the collector found before that is older, and is not told again.
        await collector.collect()
        after, _, _ = Stories(book.database).of(root, most=100)
        assert [(each.team, each.outcome) for each in after] == [(each.team, each.outcome) for each in ended]


async def test_a_run_that_was_reset_is_no_second_call(played: Played) -> None:
    async with played.book() as book:
        collector = played.collector(book)
        handle = await played.start([Errand(operation="work"), Errand(operation="look")])
        await handle.result()
        history = await handle.fetch_history()
        finished = [each for each in history.events if each.HasField("workflow_task_completed_event_attributes")]
        run = WorkflowExecution(workflow_id=handle.id, run_id=handle.first_execution_run_id)
        request = ResetWorkflowExecutionRequest(
            namespace="buyer",
            workflow_execution=run,
            reason="to look again",
            # Behind the first call: the second is made again, by another run, so it is another call.
            workflow_task_finish_event_id=finished[-2].event_id,
            request_id=uuid.uuid4().hex,
        )
        await played.clients["buyer"].workflow_service.reset_workflow_execution(request)
        await played.clients["buyer"].get_workflow_handle(handle.id).result()
        await _until_collected(collector, 6)

        of_run = [each for each in book.all() if each.token_id.startswith(str(handle.first_execution_run_id))]
        assert sorted((each.operation, each.outcome) for each in of_run) == [
            ("look", "ok"),
            ("look", "started"),
            ("work", "ok"),
            ("work", "started"),
        ]


async def test_a_look_that_is_cut_short_loses_nothing_and_doubles_nothing(played: Played) -> None:
    async with played.book() as whole, played.book() as cut:
        await played.collector(whole).collect()
        looking = asyncio.create_task(played.collector(cut, requests_per_second=100).collect())
        # Some have been read then, others not.
        await _until_kept(cut)
        looking.cancel()
        await asyncio.gather(looking, return_exceptions=True)
        await played.collector(cut).collect()

        assert sorted(map(identity, cut.all())) == sorted(map(identity, whole.all()))
        assert cut.counted() == whole.counted()


async def test_what_is_read_again_adds_nothing(played: Played) -> None:
    async with played.book() as book:
        await played.collector(book).collect()
        with book.database.writing() as connection:
            connection.execute(delete(audit_runs))
            connection.execute(delete(audit_positions))

        assert await played.collector(book).collect() == 0


async def test_a_namespace_that_is_away_keeps_no_other_from_being_read(played: Played) -> None:
    async with played.book() as book:
        key = SigningKey.generate("nowhere")
        Keyring(book.database).add(team=key.team, key_id=key.key_id, public_bytes=key.public_key.public_bytes)

        added = await played.collector(book).collect()

        assert added > 20
        problems = {each.team: each.problem for each in book.positions.all()}
        assert problems.pop("nowhere").startswith("not_found: ")
        assert set(problems.values()) == {""}


async def test_a_call_with_a_token_that_does_not_hold_is_told_of_by_where_it_came_from(played: Played) -> None:
    async with played.book() as book:
        collector = played.collector(book)
        await collector.collect()
        before = len(book.all())
        bare = await played.local.bare_client("buyer")
        async with Worker(bare, task_queue="strangers", workflows=[Ask], workflow_runner=UnsandboxedWorkflowRunner()):
            await bare.execute_workflow(
                Ask.run, args=[(Errand(operation="look"),)], id=f"bare-{uuid.uuid4().hex[:8]}", task_queue="strangers"
            )
        await _until_collected(collector, 1)

        [stranger] = book.all()[before:]
        assert (stranger.caller, stranger.root, stranger.outcome) == ("buyer", "", "refused")
        assert stranger.token_id.startswith("history:")


async def _until_kept(book: Book) -> None:
    async with asyncio.timeout(60):
        while True:
            if book.all():
                return
            await asyncio.sleep(0.01)


async def _until_followed(
    following: Following, book: Book, root: str, title: str, *, outcome: str
) -> Sequence[Execution]:
    """Follow until something is told as it is now: visibility is a moment behind."""
    async with asyncio.timeout(60):
        while True:
            await following.follow()
            runs, happened, _ = Stories(book.database).of(root, most=100)
            told = [(each.title, each.outcome) for those in happened.values() for each in those]
            if (title, outcome) in told and (not outcome or all(each.ended for each in runs)):
                return runs
            await asyncio.sleep(0.05)


async def _until_collected(collector: Collector, count: int) -> int:
    """Look until so many records have come in: visibility is a moment behind."""
    found = 0
    async with asyncio.timeout(60):
        while found < count:
            found += await collector.collect()
            await asyncio.sleep(0.05)
    return found
