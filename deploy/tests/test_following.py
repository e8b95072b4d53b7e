"""What a person sees of a run that goes on: whole sentences, and what else happens in lines of their own."""

from datetime import UTC, datetime

import pytest

from callboard.command.following import Screen
from callboard_kit.events.following import Told
from callboard_kit.events.model import CallStarted, Detail, Event, TextDelta, ToolReturned, kind_of


def told(team: str, detail: Detail) -> Told:
    event = Event(
        id="1",
        at=datetime(2026, 11, 1, tzinfo=UTC),
        team=team,
        operation="list",
        kind=kind_of(detail),
        data=dict(detail),
    )
    return Told(event, None)


def words(text: str, step: str = "1") -> Told:
    return told("orchestrator", TextDelta(step=step, attempt=1, text=text))


WORKS = told("inventory", CallStarted(call="1", service="inventory.v1", caller="orchestrator"))
ITSELF = told("orchestrator", ToolReturned(tool_call="1", tool="list", outcome="ok"))


def test_another_team_does_not_break_into_a_sentence(capsys: pytest.CaptureFixture[str]) -> None:
    screen = Screen(as_json=False)
    for each in (words("The red"), WORKS, words(" one.")):
        screen.show(each)
    before = capsys.readouterr()
    screen.finish()
    after = capsys.readouterr()

    assert (before.out, before.err) == ("The red one.", "")
    assert (after.out, after.err) == ("\n", "· inventory works on inventory.v1 list for orchestrator\n")


def test_what_the_speaker_does_next_ends_its_sentence_and_is_told_at_once(capsys: pytest.CaptureFixture[str]) -> None:
    screen = Screen(as_json=False)
    for each in (words("I look."), WORKS, ITSELF):
        screen.show(each)
    said = capsys.readouterr()

    assert said.out == "I look.\n"
    assert said.err == "· inventory works on inventory.v1 list for orchestrator\n· list: ok\n"


def test_between_sentences_everything_is_told_at_once(capsys: pytest.CaptureFixture[str]) -> None:
    screen = Screen(as_json=False)
    for each in (WORKS, words("Done.\n"), WORKS):
        screen.show(each)

    assert capsys.readouterr().err.count("inventory works on") == 2
