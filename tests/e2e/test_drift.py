"""Fingerprints on the whole mesh: what the command shows of them, and a client that wants another build."""

import json

import pytest
from temporalio.client import WorkflowFailureError

from callboard_contracts import RefusedError
from callboard_kit.agent import ModelSettings
from callboard_kit.build import build_of
from callboard_kit.fingerprint.builds import fingerprints_of, surroundings_of
from callboard_kit.fingerprint.finding import agents_of
from callboard_kit.fingerprint.interceptor import BREAK_GLASS, break_glass, on_build
from callboard_kit.registry import registry_client
from callboard_kit.teams import installed_teams
from callboard_kit.telemetry import collector
from tests.playing.commands import told
from tests.playing.scripts import closing_words
from tests.playing.stage import Stage
from tests.playing.tasks import own

# The first test of a run also starts the mesh.
pytestmark = pytest.mark.timeout(300)

TASKS = own()
MOVING = next(task for task in TASKS.tasks if task.id == "too-late-to-redirect")


async def test_the_command_shows_what_a_worker_runs_and_where_another_environment_differs(stage: Stage):
    [here] = json.loads(await told(stage.environment, "agents", "show", "orders", "--json"))
    own = build_of("callboard_team_orders", agents_of("callboard_team_orders"))
    builds = json.loads(await told(stage.environment, "agents", "builds", "orders", "--json"))
    [build] = [each for each in builds if each["build"] == own]
    shown = await told(stage.environment, "agents", "show", "orders", "--build", build["build"])
    same = await told(stage.environment, "agents", "diff", "orders", build["build"])
    elsewhere = {**stage.environment, "CALLBOARD_MODEL": "another"}
    other = await told(elsewhere, "agents", "diff", "orders", build["build"], code=1)

    assert [(one["agent"], one["digest"]) for one in build["agents"]] == [("orders", here["digest"])]
    assert f"orders  {here['digest']}" in shown
    assert f"  {here['fields']['instructions']}  instructions" in shown
    assert same == ""
    assert other == "orders  worker.model\n"


async def test_every_worker_vouches_for_exactly_the_agents_at_the_top_of_its_rooms_modules(stage: Stage):
    settings, models = stage.settings, ModelSettings.from_environment({**stage.environment})
    here = surroundings_of(settings, models, telemetry=collector())
    packages = {team: package for team, package in installed_teams().items() if team in stage.workers}
    stand = {team: agents_of(package) for team, package in packages.items()}
    told: dict[str, set[str]] = {}
    async with registry_client(settings) as registry:
        for team, agents in stand.items():
            # Another worker of the team may have vouched for a build of its own meanwhile.
            own = build_of(packages[team], agents)
            builds = [each async for each in registry.builds.list(team) if each.build == own]
            told[team] = {one.digest for each in builds for one in each.agents}

    assert told == {team: {each.digest for each in fingerprints_of(agents, here)} for team, agents in stand.items()}


async def test_a_build_is_vouched_for_and_withdrawn_by_its_team(stage: Stage):
    other = {"CALLBOARD_BUILD": "of-the-tests", "CALLBOARD_MODEL": "another"}

    published = await told({**stage.environment, **other}, "agents", "publish", "orders")
    between = await told(stage.environment, "agents", "builds", "orders")
    await told(stage.environment, "agents", "withdraw", "orders", "of-the-tests")
    after = await told(stage.environment, "agents", "builds", "orders")
    again = await told(stage.environment, "agents", "withdraw", "orders", "of-the-tests", code=1)
    unknown = await told(stage.environment, "agents", "diff", "orders", "of-the-tests", code=1)

    assert published == "of-the-tests\n"
    assert "of-the-tests  " in between
    assert "of-the-tests" not in after
    assert again.startswith("callboard: build: 'orders' vouches for no build 'of-the-tests'")
    assert unknown.startswith("callboard: team 'orders' vouches for no build 'of-the-tests'; the builds are: ")


async def test_a_run_that_wants_another_build_is_refused_and_one_that_broke_the_glass_says_so(stage: Stage):
    await stage.fill(TASKS)
    with on_build("of-the-tests"):
        handle = await stage.begin(MOVING)
    with pytest.raises(WorkflowFailureError) as failed:
        await handle.result()
    with break_glass("a test"):
        broken = await stage.begin(MOVING)

    assert getattr(failed.value.cause, "type", None) == RefusedError.__name__
    assert "is to work on build 'of-the-tests' only" in str(failed.value.cause)
    assert (await broken.result()).answer == closing_words(MOVING)
    assert (await (await broken.describe()).memo())[BREAK_GLASS] == "a test"
    shown = await told(stage.environment, "runs", "show", broken.id.removeprefix("orchestrator-orchestrate-"))
    assert "\nglass broken: a test\n" in shown
